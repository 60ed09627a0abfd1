// SPDX-License-Identifier: MIT
// Inside the importer: memory, lists, paths, the report, and what the readers share.
//
//   text.c   arena, lists, text        path.c   \ to /, dots, any case        disk.c   the real files
//   msbuild.c   the project as MSBuild sees it: properties, imports, item definitions, items
//   expand.c   $(..) %(..) @(..)       condition.c   Condition="..."          vcxproj.c   from items to sources
//   sources.c   SOURCES                subst.c   @NAME@                       walk.c   follows #include
#ifndef NBX_LOADER_IMPORT_INT_H
#define NBX_LOADER_IMPORT_INT_H

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "loader/import/import.h"

#define IMPORT_FAULTS_MAX 20
#define IMPORT_TEXT_MAX (1u << 20)   // one expanded value
#define IMPORT_FILE_MAX (16u << 20)

// ---- text.c
struct import_texts *texts_create(void);
void *texts_alloc(struct import_texts *texts, size_t bytes);                        // zeroed
char *texts_copy(struct import_texts *texts, const char *text, size_t bytes);
char *texts_format(struct import_texts *texts, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *texts_vformat(struct import_texts *texts, const char *format, va_list arguments);
void list_add(struct import_texts *texts, struct import_list *list, const char *item);
bool list_has(const struct import_list *list, const char *item);                    // bytes
// The parts of text between any of the separators, without blanks round them; empty ones are left out.
void list_split(struct import_texts *texts, struct import_list *list, const char *text, const char *separators);

// A text that grows; malloc's.
struct builder {
    char *text;
    size_t bytes, room;
};
void builder_add(struct builder *builder, const char *text, size_t bytes);
void builder_puts(struct builder *builder, const char *text);
void builder_format(struct builder *builder, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *builder_take(struct builder *builder);   // never NULL; free

// ---- path.c. Paths have / only; nothing here leaves a ./ or x/../ that can be taken out.
char *path_folder(struct import_texts *texts, const char *path);                    // "." where there is none
const char *path_name(const char *path);                                            // behind the last /
const char *path_ending(const char *path);                                          // ".c", or ""
bool path_ends(const char *path, const char *ending);                               // any case
char *path_join(struct import_texts *texts, const char *folder, const char *path);
// The file or folder that a Windows machine would find, whatever the case of its letters. NULL: there is none.
const char *path_find(struct import_texts *texts, const struct import_fs *fs, const char *path);
// Files that match a pattern with * and ** and ?, below folder, in a fixed order.
void path_glob(struct import_texts *texts, const struct import_fs *fs, const char *folder, const char *pattern, struct import_list *found);
bool name_matches(const char *pattern, const char *name);                           // any case; * and ?

// ---- import.c
struct import {
    struct import_texts *texts;
    const struct import_request *request;
    struct import_project project;
    size_t source_room, made_room;
};

// text and construct are copied. Stops at IMPORT_FAULTS_MAX; the same fault twice is one.
void import_fault(struct import *import, struct import_place place, const char *construct, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void import_note(struct import *import, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool import_is_full(const struct import *import);
struct import_source *import_source_add(struct import *import, const char *path, struct import_place place);
// The text of a file of the project, templates filled; NULL: there is neither the file nor its template, or it had faults. *name is
// the file that was read ("config.h.in").
char *import_file_read(struct import *import, const char *path, size_t *bytes, const char **name);
// "X(LEVEL,MSG,...)" or "X{LEVEL=Y}(MSG,...)": adds X to traces.
void import_trace_add(struct import *import, const char *declaration);

// ---- subst.c
// text with @NAME@ filled. owns: returns it, free. fails: NULL, each name without a value is a fault.
char *subst_fill(struct import *import, const char *file, const char *text, size_t *bytes);

// ---- files.c: a YAML text in single quotes
void overlay_quote(struct builder *out, const char *text);

// ---- readers
void vcxproj_read(struct import *import, const char *path, const char *text, size_t bytes);
void sources_read(struct import *import, const char *path, const char *text, size_t bytes);
void walk_includes(struct import *import);

#endif
