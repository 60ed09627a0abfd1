// SPDX-License-Identifier: MIT
// Inside the INF reader: memory that lives as long as one file, the table of names, the steps of reading.
//   text.c -> UTF-8     line.c -> logical lines, templates     read.c -> sections, fields, strings
//   model.c -> which install section     reg.c -> AddReg     component.c, params.c -> the meaning
#ifndef NBX_LOADER_INF_INF_INT_H
#define NBX_LOADER_INF_INF_INT_H

#include <stdarg.h>

#include "loader/inf/inf.h"

struct inf_chunk;

#define INF_BUCKETS 1024

struct inf_name {                        // a bucket's entry
    struct inf_name *next;
    const char *name;
    void *thing;
};

struct inf_table {
    struct inf_name *buckets[INF_BUCKETS];
};

struct inf {
    struct inf_options options;
    const char *arch;
    struct inf_chunk *chunks;
    size_t error_count, field_count, section_count, text_bytes;
    struct inf_table sections;           // struct inf_build_section
    struct inf_table strings;            // struct inf_field
    const struct inf_component *component;
};

struct inf_build_line {
    struct inf_line line;                // next is kept up as lines come
};

struct inf_build_section {
    struct inf_section section;
    struct inf_line *last;
};

// ---- memory.c. Out of memory ends the process: nothing has been started yet.
void *inf_alloc(struct inf *inf, size_t count, size_t bytes);         // zeroed
char *inf_copy(struct inf *inf, const char *text, size_t bytes);
char *inf_format(struct inf *inf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void inf_free_all(struct inf *inf);
void *inf_table_find(const struct inf_table *table, const char *name);
void inf_table_add(struct inf *inf, struct inf_table *table, const char *name, void *thing);
void inf_error(struct inf *inf, struct inf_place place, const char *format, ...) __attribute__((format(printf, 3, 4)));
void inf_warning(struct inf *inf, struct inf_place place, const char *format, ...) __attribute__((format(printf, 3, 4)));

// ---- text.c
// The bytes as UTF-8 with a NUL behind, or NULL with an error.
char *inf_text_decode(struct inf *inf, const uint8_t *bytes, size_t length_bytes, size_t *text_bytes);
bool inf_is(const char *text, const char *word);                      // the same but for case
bool inf_number(const char *text, int64_t *number);                   // decimal or 0x, a sign
bool inf_hex_byte(const char *text, uint8_t *byte);

// ---- line.c: one line with its continuations, templates filled, comments gone
struct inf_cursor {
    const char *at, *end;
    uint32_t line;
};
struct inf_logical {
    char *text;
    struct inf_place *places;            // of each byte, and one more
    size_t bytes, room;
    struct inf_place start;
};
// false: the end of the text, or an error.
bool inf_line_next(struct inf *inf, struct inf_cursor *cursor, struct inf_logical *line);
void inf_logical_free(struct inf_logical *line);

// ---- read.c
// Resolve %strings% of one text. *unknown: a token that has no string, or NULL.
const char *inf_expand(struct inf *inf, struct inf_place place, const char *text, const char **unknown);

// ---- model.c
struct inf_model {
    const char *description, *component_id, *install;   // install: the section, decorated as it is in the file
    const struct inf_section *section;
    struct inf_place place;
    size_t count;
    const char *const *ids;
};
bool inf_model_choose(struct inf *inf, struct inf_model *model);
// The section NAME.ntARCH, NAME.nt or NAME, followed by suffix (".Services"), or NULL.
const struct inf_section *inf_install_section(const struct inf *inf, const char *name, const char *suffix);

// ---- reg.c
struct inf_values {
    struct inf_value *list;
    size_t count, room, entries;         // entries: how many were read, those that replaced another included
};
// Run every AddReg of the section: append to values.
void inf_addreg(struct inf *inf, const struct inf_section *section, enum inf_root root, struct inf_values *values);
const struct inf_value *inf_value_find(const struct inf_values *values, enum inf_root root, const char *key, const char *name);
const char *inf_value_text(const struct inf_value *value);            // the first text, or NULL

// ---- params.c
void inf_params_collect(struct inf *inf, const struct inf_values *values, struct inf_component *component);

// A list of sentences.
struct inf_list {
    const char **texts;
    size_t count, room;
};
void inf_list_add(struct inf *inf, struct inf_list *list, const char *text);   // once each

#endif
