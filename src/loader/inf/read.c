// SPDX-License-Identifier: MIT
// From logical lines to sections of entries: [section] heads (one name, one section), key = values, values between commas, quotes
// taken off, and when all is read, %strings% put in from [Strings]. [install/general-syntax-rules-for-inf-files]
//
//   inf_read -> read_all: read_head | read_entry -> strings_collect -> expand_all
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "loader/inf/inf_int.h"

struct reading {
    struct inf *inf;
    struct inf_build_section *section, **all;
    size_t all_count, all_room;
    struct inf_field *fields;            // of the line being read
    size_t field_count, field_room;
    char *text;                          // of the field being read
};

static struct inf_build_section *
section_open(struct reading *reading, const char *name, struct inf_place place)
{
    struct inf *inf = reading->inf;
    struct inf_build_section *section = inf_table_find(&inf->sections, name);
    if (section)
        return section;
    if (++inf->section_count > INF_SECTIONS_MAX) {
        inf_error(inf, place, "more than %d sections", INF_SECTIONS_MAX);
        return NULL;
    }
    section = inf_alloc(inf, 1, sizeof *section);
    section->section = (struct inf_section){.name = name, .place = place};
    inf_table_add(inf, &inf->sections, name, section);
    if (reading->all_count == reading->all_room) {
        reading->all_room = reading->all_room ? reading->all_room * 2 : 64;
        reading->all = realloc(reading->all, reading->all_room * sizeof *reading->all);
        if (!reading->all)
            abort();
    }
    reading->all[reading->all_count++] = section;
    return section;
}

static bool
read_head(struct reading *reading, const struct inf_logical *line, size_t at)
{
    struct inf *inf = reading->inf;
    const char *open = line->text + at, *close = strchr(open, ']');
    if (!close) {
        inf_error(inf, line->places[at], "a section head has no ]; allowed: [NAME] on a line of its own");
        return false;
    }
    for (const char *rest = close + 1; *rest; rest++)
        if (!isspace((unsigned char)*rest)) {
            inf_error(inf, line->places[rest - line->text], "found \"%.40s\" behind a section head; allowed: a comment", rest);
            return false;
        }
    const char *name = open + 1;
    while (name < close && isspace((unsigned char)*name))
        name++;
    while (close > name && isspace((unsigned char)close[-1]))
        close--;
    size_t length = (size_t)(close - name);
    if (!length || length > INF_SECTION_NAME_MAX) {
        inf_error(inf, line->places[at], "the name of a section has %zu bytes; allowed: 1 to %d", length, INF_SECTION_NAME_MAX);
        return false;
    }
    reading->section = section_open(reading, inf_copy(inf, name, length), line->places[at]);
    return reading->section != NULL;
}

static struct inf_field *
field_add(struct reading *reading)
{
    if (++reading->inf->field_count > INF_FIELDS_MAX)
        return NULL;
    if (reading->field_count == reading->field_room) {
        reading->field_room = reading->field_room ? reading->field_room * 2 : 16;
        reading->fields = realloc(reading->fields, reading->field_room * sizeof *reading->fields);
        if (!reading->fields)
            abort();
    }
    reading->fields[reading->field_count] = (struct inf_field){0};
    return &reading->fields[reading->field_count++];
}

// One value, up to an unquoted comma, or = if that still may come. Quotes go; blanks around an unquoted value go.
static size_t
read_field(struct reading *reading, const struct inf_logical *line, size_t at, bool may_be_key, struct inf_field *field)
{
    size_t length = 0, kept = 0;
    bool in_quote = false;
    while (at < line->bytes && isspace((unsigned char)line->text[at]))
        at++;
    field->place = line->places[at];
    for (; at < line->bytes; at++) {
        char c = line->text[at];
        if (!in_quote && (c == ',' || (c == '=' && may_be_key)))
            break;
        if (c == '"' && in_quote && at + 1 < line->bytes && line->text[at + 1] == '"') {
            at++;
        } else if (c == '"') {
            in_quote = !in_quote;
            field->quoted = true;
            kept = length;
            continue;
        }
        reading->text[length++] = c;
        if (in_quote || !isspace((unsigned char)c))
            kept = length;
    }
    field->text = inf_copy(reading->inf, reading->text, kept);
    return at;
}

static bool
read_entry(struct reading *reading, const struct inf_logical *line, size_t at)
{
    struct inf *inf = reading->inf;
    bool has_key = false;
    reading->field_count = 0;
    for (bool is_first = true;; is_first = false) {
        struct inf_field *field = field_add(reading);
        if (!field) {
            inf_error(inf, line->start, "more than %d values in the file", INF_FIELDS_MAX);
            return false;
        }
        at = read_field(reading, line, at, is_first, field);
        if (strlen(field->text) > 4 * INF_FIELD_CHARS_MAX) {
            inf_error(inf, field->place, "a value has more than %d characters", INF_FIELD_CHARS_MAX);
            return false;
        }
        if (at >= line->bytes)
            break;
        has_key |= line->text[at++] == '=' && is_first;
    }
    struct inf_field *fields = inf_alloc(inf, reading->field_count, sizeof *fields);
    memcpy(fields, reading->fields, reading->field_count * sizeof *fields);
    struct inf_line *entry = inf_alloc(inf, 1, sizeof *entry);
    *entry = (struct inf_line){
        .place = fields[0].place, .key = has_key ? fields : NULL, .fields = fields + has_key, .count = reading->field_count - has_key};
    if (reading->section->last)
        reading->section->last->next = entry;
    else
        reading->section->section.first = entry;
    reading->section->last = entry;
    return true;
}

// What stands before the first head is a preface of any form; several published drivers have one.
static struct inf_cursor
preface_skip(const char *text, size_t text_bytes)
{
    struct inf_cursor cursor = {text, text + text_bytes, 1};
    const char *at = text;
    while (at < cursor.end) {
        const char *first = at;
        while (first < cursor.end && (*first == ' ' || *first == '\t'))
            first++;
        if (first < cursor.end && *first == '[')
            break;
        while (at < cursor.end && *at != '\n' && *at != '\r')
            at++;
        at += at + 1 < cursor.end && at[0] == '\r' && at[1] == '\n' ? 2 : at < cursor.end;
        cursor.line++;
    }
    cursor.at = at;
    return cursor;
}

static void
read_all(struct reading *reading, const char *text, size_t text_bytes)
{
    struct inf *inf = reading->inf;
    struct inf_cursor cursor = preface_skip(text, text_bytes);
    struct inf_logical line = {0};
    reading->text = malloc(INF_LINE_BYTES_MAX + 1);
    if (!reading->text)
        abort();
    while (!inf->error_count && inf_line_next(inf, &cursor, &line)) {
        size_t at = 0;
        while (at < line.bytes && isspace((unsigned char)line.text[at]))
            at++;
        if (at == line.bytes)
            continue;
        if (line.text[at] == '[')
            read_head(reading, &line, at);
        else
            read_entry(reading, &line, at);
    }
    inf_logical_free(&line);
    free(reading->text);
}

// ---- strings ----------------------------------------------------------------------------------------------------------------------

static bool
is_strings(const char *name)
{
    return inf_is(name, "Strings") || !strncasecmp(name, "Strings.", 8);
}

// [Strings] counts first; a name that only a language's section has is taken from there.
static void
strings_collect(struct reading *reading)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < reading->all_count; i++) {
            const struct inf_section *section = &reading->all[i]->section;
            if (!is_strings(section->name) || inf_is(section->name, "Strings") != (pass == 0))
                continue;
            for (const struct inf_line *line = section->first; line; line = line->next)
                if (line->key && line->count && !inf_table_find(&reading->inf->strings, line->key->text))
                    inf_table_add(reading->inf, &reading->inf->strings, line->key->text, (void *)line->fields);
        }
}

const char *
inf_expand(struct inf *inf, struct inf_place place, const char *text, const char **unknown)
{
    char out[4 * INF_FIELD_CHARS_MAX + 1];
    size_t length = 0;
    *unknown = NULL;
    for (const char *at = text; *at;) {
        const char *close = *at == '%' ? strchr(at + 1, '%') : NULL;
        const char *piece = at;
        size_t bytes = 1, step = 1;
        if (close) {
            step = (size_t)(close - at) + 1;
            char *name = inf_copy(inf, at + 1, step - 2);
            const struct inf_field *string = step == 2 ? NULL : inf_table_find(&inf->strings, name);
            piece = string ? string->text : at;
            bytes = string ? strlen(piece) : step == 2 ? 1
                                                       : step;
            // A number is a folder (DIRID), %% a percent sign; any other token without a string stays as it is.
            if (!string && step > 2 && name[strspn(name, "0123456789")])
                *unknown = name;
        }
        inf->text_bytes += bytes;
        if (length + bytes >= sizeof out || inf->text_bytes > INF_TEXT_BYTES_MAX) {
            inf_error(inf, place,
                      "with its %%strings%% put in, the value has more than %d characters, or all values more than %u bytes",
                      INF_FIELD_CHARS_MAX, INF_TEXT_BYTES_MAX);
            return text;
        }
        memcpy(out + length, piece, bytes);
        length += bytes;
        at += step;
    }
    return inf_copy(inf, out, length);
}

static void
expand_field(struct inf *inf, const struct inf_field *field)
{
    if (strchr(field->text, '%')) {
        struct inf_field *changed = (struct inf_field *)field;   // built here, constant for everyone else
        changed->text = inf_expand(inf, field->place, field->text, &changed->unknown);
    }
}

static void
expand_all(struct reading *reading)
{
    for (size_t i = 0; i < reading->all_count; i++) {
        const struct inf_section *section = &reading->all[i]->section;
        if (is_strings(section->name))
            continue;
        for (const struct inf_line *line = section->first; line && !reading->inf->error_count; line = line->next) {
            if (line->key)
                expand_field(reading->inf, line->key);
            for (size_t f = 0; f < line->count; f++)
                expand_field(reading->inf, &line->fields[f]);
        }
    }
}

// ---- the way in -------------------------------------------------------------------------------------------------------------------

struct inf *
inf_read(const struct inf_options *options, const void *bytes, size_t length_bytes)
{
    struct inf *inf = calloc(1, sizeof *inf);
    if (!inf)
        abort();
    struct reading reading = {.inf = inf};
    size_t text_bytes = 0;
    inf->options = *options;
    inf->arch = options->arch ? options->arch : "amd64";
    const char *text = inf_text_decode(inf, bytes, length_bytes, &text_bytes);
    if (text)
        read_all(&reading, text, text_bytes);
    if (!inf->error_count) {
        strings_collect(&reading);
        expand_all(&reading);
    }
    free(reading.all);
    free(reading.fields);
    if (!inf->error_count)
        return inf;
    inf_destroy(inf);
    return NULL;
}

void
inf_destroy(struct inf *inf)
{
    if (!inf)
        return;
    inf_free_all(inf);
    free(inf);
}

const struct inf_section *
inf_section_find(const struct inf *inf, const char *name)
{
    const struct inf_build_section *section = inf_table_find(&inf->sections, name);
    return section ? &section->section : NULL;
}

const struct inf_field *
inf_entry_find(const struct inf_section *section, const char *key)
{
    for (const struct inf_line *line = section ? section->first : NULL; line; line = line->next)
        if (line->key && line->count && inf_is(line->key->text, key))
            return line->fields;
    return NULL;
}
