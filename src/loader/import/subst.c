// SPDX-License-Identifier: MIT
// Templates, as autoconf and its kind leave them: @NAME@ in a project, a header or an INF becomes what --subst NAME=VALUE or a file of
// such lines says. A name without a value is a fault with its line; an @ that begins no NAME@ stays as it is.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "loader/import/import_int.h"

// The length of NAME in "@NAME@..." at text; 0: it is none.
static size_t
name_at(const char *text, size_t bytes)
{
    size_t length = 0;
    while (1 + length < bytes && (isalnum((unsigned char)text[1 + length]) || text[1 + length] == '_'))
        length++;
    return length && !isdigit((unsigned char)text[1]) && 1 + length < bytes && text[1 + length] == '@' ? length : 0;
}

static const char *
value_of(const struct import_request *request, const char *name, size_t length)
{
    for (size_t i = request->subst_count; i-- > 0;)   // the last one counts
        if (strlen(request->substs[i].name) == length && !memcmp(request->substs[i].name, name, length))
            return request->substs[i].value;
    return NULL;
}

char *
subst_fill(struct import *import, const char *file, const char *text, size_t *bytes)
{
    struct builder out = {0};
    unsigned line = 1;
    size_t before = import->project.fault_count;
    for (size_t at = 0; at < *bytes; at++) {
        size_t length = text[at] == '@' ? name_at(text + at, *bytes - at) : 0;
        line += text[at] == '\n';
        if (!length) {
            builder_add(&out, text + at, 1);
            continue;
        }
        const char *value = value_of(import->request, text + at + 1, length);
        if (value)
            builder_puts(&out, value);
        else
            import_fault(import, (struct import_place){file, line}, texts_format(import->texts, "@%.*s@", (int)length, text + at + 1),
                         "nothing says what @%.*s@ becomes: --subst %.*s=VALUE, or --subst-file FILE", (int)length, text + at + 1,
                         (int)length, text + at + 1);
        at += length + 1;
    }
    *bytes = out.bytes;
    char *filled = builder_take(&out);
    if (import->project.fault_count == before)
        return filled;
    free(filled);
    return NULL;
}

// ---- files of values

struct lines {
    struct import_texts *texts;
    const char *name;
    struct import_pair *pairs;
    size_t count, room;
};

static void
pair_add(struct lines *lines, const char *name, size_t name_bytes, const char *value, size_t value_bytes)
{
    if (lines->count == lines->room) {
        size_t room = lines->room ? 2 * lines->room : 32;
        struct import_pair *pairs = texts_alloc(lines->texts, room * sizeof *pairs);
        if (lines->count)
            memcpy(pairs, lines->pairs, lines->count * sizeof *pairs);
        lines->pairs = pairs;
        lines->room = room;
    }
    lines->pairs[lines->count++] =
        (struct import_pair){texts_copy(lines->texts, name, name_bytes), texts_copy(lines->texts, value, value_bytes)};
}

// define([NAME], [VALUE]), also with ` ' quotes or none, and m4_define.
static bool
define_read(struct lines *lines, const char *line, size_t bytes)
{
    char text[4096], name[256], value[2048];
    size_t from = !strncmp(line, "m4_define(", 10) ? 10 : !strncmp(line, "define(", 7) ? 7 : 0;
    if (!from || bytes >= sizeof text)
        return false;
    memcpy(text, line + from, bytes - from);
    text[bytes - from] = 0;
    value[0] = 0;
    if (sscanf(text, " [%255[A-Za-z0-9_]] , [%2047[^]]])", name, value) < 1 &&
        sscanf(text, " `%255[A-Za-z0-9_]' , `%2047[^']')", name, value) < 1)
        return false;
    pair_add(lines, name, strlen(name), value, strlen(value));
    return true;
}

static bool
line_read(struct lines *lines, const char *line, size_t bytes)
{
    size_t name = 0;
    while (bytes && isspace((unsigned char)line[bytes - 1]))
        bytes--;
    while (bytes && isspace((unsigned char)*line)) {
        line++;
        bytes--;
    }
    if (!bytes || line[0] == '#' || (bytes >= 3 && !memcmp(line, "dnl", 3)))
        return true;
    while (name < bytes && (isalnum((unsigned char)line[name]) || line[name] == '_'))
        name++;
    if (name && name < bytes && line[name] == '=') {
        pair_add(lines, line, name, line + name + 1, bytes - name - 1);
        return true;
    }
    return define_read(lines, line, bytes);
}

struct import_texts *
import_substs_read(const char *name, const char *text, const struct import_pair **pairs, size_t *count, struct import_fault *fault)
{
    struct lines lines = {.texts = texts_create(), .name = name};
    unsigned number = 1;
    *fault = (struct import_fault){0};
    for (const char *at = text; *at && !fault->text; number++) {
        size_t length = strcspn(at, "\n");
        if (!line_read(&lines, at, length))
            *fault = (struct import_fault){{name, number}, NULL, "a line is NAME=VALUE, define([NAME], [VALUE]), or a comment after #"};
        at += length + (at[length] == '\n');
    }
    *pairs = lines.pairs;
    *count = lines.count;
    return lines.texts;
}
