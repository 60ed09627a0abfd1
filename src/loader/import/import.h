// SPDX-License-Identifier: MIT
// A driver's project as its authors wrote it, turned into what has to be compiled: the sources, each with its macros and include
// folders, and whatever stands in the way, with file, line and construct. Nothing is compiled or run here.
//
//   import_read -> vcxproj.c (a .vcxproj, through the evaluator in msbuild.c), sources.c (a SOURCES file), or a list of .c files
//               -> templates filled (subst.c), includes followed for .tmh files and header templates (walk.c)
//   import_scan -> what the code uses, from its text after the preprocessor (scan.c); breaks that leave a __try (seh.c)
//   import_overlay, import_wpp_text, import_tags_text -> the files that the compiler is given beside the project's own
//
// All memory belongs to the arena of the import. Out of memory ends the process: nothing has been started yet.
#ifndef NBX_LOADER_IMPORT_H
#define NBX_LOADER_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct import_place {
    const char *file;            // as a person would write it; NULL: nowhere in particular
    unsigned line;               // from 1; 0: the file as a whole
};

struct import_list {
    const char **items;
    size_t count, room;
};

struct import_pair {
    const char *name, *value;
};

enum import_node {
    IMPORT_NONE,
    IMPORT_FILE,
    IMPORT_FOLDER
};

// How files are seen. Tests and fuzzers bring their own.
struct import_fs {
    void *context;
    // The whole file, terminated by a zero that *bytes does not count. owns: returns it, free. fails: NULL.
    char *(*read)(void *context, const char *path, size_t *bytes);
    enum import_node (*kind)(void *context, const char *path);
    // Calls each once for every name in the folder, in a fixed order.
    void (*list)(void *context, const char *folder, void (*each)(void *to, const char *name), void *to);
};
extern const struct import_fs import_disk;

struct import_request {
    const struct import_fs *fs;
    const char *const *paths;    // one project, or C files
    size_t path_count;
    const struct import_pair *properties;   // -p: override what the project says
    size_t property_count;
    const struct import_pair *substs;       // --subst: what @NAME@ becomes in templates
    size_t subst_count;
};

// Something that cannot be followed, or that the driver needs and ndisbox does not have.
struct import_fault {
    struct import_place place;
    const char *construct;       // in the project's words: "DriverType KMDF"; NULL: none
    const char *text;            // a sentence that says what to do
};

struct import_source {
    const char *path;
    struct import_place place;   // where the project names it
    struct import_list defines, undefines, folders, forced;
    bool is_cpp;
    bool is_unoptimized;         // the project says so
};

// A file that the compiler finds in the folder of generated files: a filled template.
struct import_made {
    const char *name;
    const char *text;
    size_t text_bytes;
};

struct import_project {
    const char *file;            // the project itself; the first source where there is none
    const char *folder;          // where it lies
    const char *kind;            // "vcxproj", "SOURCES", "C files"
    const char *target;          // TargetName
    const char *configuration;   // "Release|x64"; NULL: the format has none
    bool is_debug;               // DBG=1, not optimized
    struct import_source *sources;
    size_t source_count;
    struct import_list read;     // files of the project that were read: projects, property sheets, templates
    struct import_list traces;   // functions that WPP would write: "DEBUGP", "DoTraceMessage"
    struct import_list tmh;      // names of .tmh files that are included
    struct import_made *made;
    size_t made_count;
    struct import_list notes;    // what was left out, and why, in words
    struct import_fault *faults;
    size_t fault_count;
};

struct import;                   // owns all of it

// Read the project. fails: never; look at faults. owns: destroy with import_destroy.
struct import *import_read(const struct import_request *request);
const struct import_project *import_project(const struct import *import);
void import_destroy(struct import *import);

// Read "NAME=VALUE" lines (# begins a comment) or m4's define([NAME], [VALUE]) into pairs. owns: the pairs live in the import_texts.
struct import_texts;
struct import_texts *import_substs_read(const char *name, const char *text, const struct import_pair **pairs, size_t *count,
                                        struct import_fault *fault);
void import_texts_destroy(struct import_texts *texts);

// What a header that we do not have stands for ("the Windows Driver Frameworks (KMDF), which ..."); NULL: nothing known.
const char *import_header_needs(const char *name);

// ---- what the code uses
struct import_use {
    const char *word;
    struct import_place place;   // first seen
    unsigned count;
    bool is_call;                // followed by ( inside a function
    bool is_ours;                // seen in the text of a file outside the project
    bool is_declared;            // seen outside of all functions, or other than as a call
};

struct import_scan {
    struct import_texts *texts;
    struct import_use *uses;     // every name of the project's own files, in the order of first use
    size_t use_count, use_room;
    uint32_t *buckets;
    size_t bucket_count;
    struct import_list tags;     // NAME of each `struct NAME`
    struct import_list files;    // the project's own, as far as they were read
    struct import_fault *faults; // what cannot be kept: a break that leaves a __try, inline assembler
    size_t fault_count;
    unsigned long_count;         // lines with a bare long: 32 bits on Windows, 64 here
    struct import_place long_place;
    bool has_try;                // in the text given last
};

void import_scan_init(struct import_scan *scan);
void import_scan_clear(struct import_scan *scan);
// Take one source's text as `clang -E -fdirectives-only` gives it: comments gone, macros unexpanded, line markers. Files whose path
// begins with one of `outside` are not the project's.
void import_scan_text(struct import_scan *scan, const char *text, size_t text_bytes, const char *const *outside, size_t outside_count);
const struct import_use *import_scan_find(const struct import_scan *scan, const char *word);

// ---- what Windows's compiler takes and clang here does not: mended in copies that only the compiler sees (mend.c)
enum import_mend_kind {
    IMPORT_MEND_CALL,
    IMPORT_MEND_PROTO,
    IMPORT_MEND_EXTERN,
    IMPORT_MEND_INLINE
};
struct import_mend {
    enum import_mend_kind kind;
    const char *name;            // of the function
    const char *file;            // that is mended; "": wherever it is declared
    size_t source;               // proto: for this source alone
};
struct import_mend_reader {
    void *context;
    // The text that the compiler saw under this path for this source; malloc's. NULL: none.
    char *(*read)(void *context, size_t source, const char *path);
    bool (*is_project)(void *context, const char *path);
};
struct import_mends;
// A path as mends know it: / and no x/../; malloc's.
char *import_path_plain(const char *path);
struct import_mends *import_mends_create(void);
void import_mends_destroy(struct import_mends *mends);
bool import_mends_add(struct import_mends *mends, enum import_mend_kind kind, const char *name, const char *file, size_t source);
const struct import_mend *import_mends_list(const struct import_mends *mends, size_t *count);
// From clang's words about one source, with -fdiagnostics-print-source-range-info. Returns how many mends are new.
size_t import_mends_read(struct import_mends *mends, const struct import_mend_reader *reader, const char *said, size_t source);
// The mended text of one file for one source; malloc's. NULL: nothing in it is mended.
char *import_mends_apply(const struct import_mends *mends, size_t source, const char *path, const char *text);
// An overlay that puts the copy (value) in place of the file (name), under the file's own name. malloc's.
char *import_mends_overlay_text(const struct import_pair *copies, size_t count);

// ---- files for the compiler. owns: returned texts are freed with free.
// A clang VFS overlay that finds every header below these folders in any case. outside_count folders are given; each at most 8 deep.
char *import_overlay_text(const struct import_fs *fs, const char *const *folders, size_t folder_count);
// What every .tmh includes: WPP's own macros and the project's trace functions as nothing.
char *import_wpp_text(const struct import_project *project);
// Forward declarations of all tags that the code mentions.
char *import_tags_text(const struct import_scan *scan);

#endif
