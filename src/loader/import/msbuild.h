// SPDX-License-Identifier: MIT
// A project as MSBuild sees it, as far as a driver's project needs it. MSBuild reads in passes: first properties and imports, in the
// order of the text; then item definitions; then items. A value that uses what we do not follow (a property function, an item
// transform) is kept with its fault, which counts only where the value matters. Source: [learn.microsoft.com, "How MSBuild builds
// projects", "MSBuild conditions", "MSBuild special characters"].
#ifndef NBX_LOADER_IMPORT_MSBUILD_H
#define NBX_LOADER_IMPORT_MSBUILD_H

#include <libxml/tree.h>

#include "loader/import/import_int.h"

#define MSBUILD_FILES_MAX 64
#define MSBUILD_DEPTH_MAX 16
#define MSBUILD_ITEMS_MAX 8192

struct msb_value {
    const char *text;            // %41 escapes still in it
    struct import_place place;
    const char *fault;           // not NULL: what in it is not followed
};

struct msb_named {
    const char *name;            // any case
    struct msb_value value;
    bool is_fixed;               // -p: what the project says does not count
};

struct msb_names {
    struct msb_named *rows;
    size_t count, room;
};

struct msb_item {
    const char *type;
    const char *include;         // unescaped, / only, as the project writes it
    struct import_place place;
    const char *folder;          // what it is relative to
    struct msb_names meta;
};

struct msb_type {
    const char *type;
    struct msb_names meta;       // the item definition
};

// One project file that was read.
struct msb_file {
    const char *path;
    const char *folder;
    xmlDocPtr document;
};

// A group that is looked at again in a later pass.
struct msb_group {
    xmlNodePtr node;
    const struct msb_file *file;
};

struct msb {
    struct import *import;
    struct import_texts *texts;
    struct msb_names properties;
    struct msb_file files[MSBUILD_FILES_MAX];
    size_t file_count;
    unsigned depth, level;       // of elements; of projects that reference each other
    struct msb_group *groups;
    size_t group_count, group_room;
    struct msb_type *types;
    size_t type_count, type_room;
    struct msb_item *items;
    size_t item_count, item_room;
    const struct msb_file *file;         // whose text is being looked at
    const struct msb_names *meta;        // what %(Name) means here; NULL: nothing
    const struct msb_names *configurations;
};

// ---- names: any case
struct msb_value *msb_names_find(const struct msb_names *names, const char *name);
struct msb_named *msb_names_set(struct import_texts *texts, struct msb_names *names, const char *name, struct msb_value value);

// ---- msbuild.c
// Read the project and all it imports, all three passes. Faults go to the import.
void msb_read(struct msb *msb, const char *path, const char *text, size_t bytes);
void msb_clear(struct msb *msb);
struct import_place msb_place(const struct msb *msb, const xmlNode *node);
bool msb_is(const xmlNode *node, const char *name);
bool msb_condition_holds(struct msb *msb, xmlNodePtr node);
char *msb_attribute(struct msb *msb, const xmlNode *node, const char *name);   // NULL: there is none
void msb_items_read(struct msb *msb, xmlNodePtr group);                        // items.c
void msb_definitions_read(struct msb *msb, xmlNodePtr group);
// A property's value with escapes resolved, "" if there is none. A fault in it is reported.
const char *msb_property(struct msb *msb, const char *name);
struct import_place msb_property_place(struct msb *msb, const char *name);
// Metadata of an item, likewise.
const char *msb_meta(struct msb *msb, const struct msb_item *item, const char *name);

// ---- expand.c
struct msb_value msb_expand(struct msb *msb, const char *text, struct import_place place);
// method.c: the text of ".Method(arguments)[n]..." (length bytes) called on value. NULL: not followed.
const char *msb_method(struct import_texts *texts, const char *value, const char *text, size_t length);
char *msb_unescape(struct import_texts *texts, const char *text);
// Report the fault of a value that matters. false: it had one.
bool msb_check(struct msb *msb, const struct msb_value *value);

// ---- condition.c
// fails: false with *fault set to what is not followed.
bool msb_condition(struct msb *msb, const char *text, struct import_place place, const char **fault);

#endif
