// SPDX-License-Identifier: MIT
// See sink.h. A document is written anew with each finding, because most findings end the process; text is appended.
// Findings come from any thread of the box: one lock around all of it.
#include "verify/sink.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/ke/word.h"
#include "verify/formats.h"

struct suppression {
    enum verify_rule rule;
    char *function, *file;
    unsigned line, used;
};

enum report_format {
    REPORT_TEXT,
    REPORT_JSON,
    REPORT_SARIF,
    REPORT_JUNIT,
    REPORT_FORMATS
};

static const char *const report_ends[REPORT_FORMATS] = {".txt", ".json", ".sarif", ".xml"};

struct report_file {
    char *path;
    enum report_format format;
};

struct verify_sink {
    _Atomic uint32_t lock;                    // raw: findings are rare
    struct report_file *files;
    size_t file_count;
    struct suppression *suppressions;
    size_t suppression_count;
    json_t *findings, *texts;                 // texts[i] is what was said of findings[i]
    const char *replay;
};

struct verify_sink *
verify_sink_create(void)
{
    struct verify_sink *sink = calloc(1, sizeof *sink);
    if (sink) {
        sink->findings = json_array();
        sink->texts = json_array();
    }
    return sink;
}

static void
document_write(const struct verify_sink *sink, const struct report_file *file)
{
    json_t *document = NULL;
    bool is_written;
    if (file->format == REPORT_JUNIT) {
        is_written = verify_junit(sink->findings, sink->texts, file->path);
    } else {
        document = file->format == REPORT_SARIF ? verify_sarif(sink->findings)
                                                : json_pack("{s:s, s:O}", "ndisbox", "findings", "findings", sink->findings);
        is_written = document && !json_dump_file(document, file->path, JSON_INDENT(2));
    }
    if (!is_written)
        fprintf(stderr, "ndisbox: error: %s: %s\n", file->path, strerror(errno));
    json_decref(document);
}

void
verify_sink_destroy(struct verify_sink *sink)
{
    if (!sink)
        return;
    for (size_t i = 0; i < sink->file_count; i++)
        free(sink->files[i].path);
    for (size_t i = 0; i < sink->suppression_count; i++) {
        free(sink->suppressions[i].function);
        free(sink->suppressions[i].file);
    }
    json_decref(sink->findings);
    json_decref(sink->texts);
    free(sink->files);
    free(sink->suppressions);
    free(sink);
}

static bool
path_ends(const char *path, const char *end)
{
    size_t length = strlen(path), end_length = strlen(end);
    return length > end_length && !strcmp(path + length - end_length, end);
}

bool
verify_sink_report(struct verify_sink *sink, const char *path, char *error, size_t error_bytes)
{
    enum report_format format = REPORT_TEXT;
    while (format < REPORT_FORMATS && !path_ends(path, report_ends[format]))
        format++;
    if (format == REPORT_FORMATS) {
        snprintf(error, error_bytes, "%s: a report is a .json, .txt, .xml (JUnit) or .sarif file", path);
        return false;
    }
    FILE *file = fopen(path, "w");
    if (!file) {
        snprintf(error, error_bytes, "%s: %s", path, strerror(errno));
        return false;
    }
    fclose(file);
    sink->files = reallocarray(sink->files, sink->file_count + 1, sizeof *sink->files);
    sink->files[sink->file_count++] = (struct report_file){strdup(path), format};
    if (format != REPORT_TEXT)
        document_write(sink, &sink->files[sink->file_count - 1]);
    return true;
}

// ---- suppressions ---------------------------------------------------------------------------------------------------------------------

// NBX-0107 fun:Name # why. Cuts the line up. fails: a sentence.
static const char *
line_parse(char *line, struct suppression *out)
{
    char *save, *why = strchr(line, '#');
    if (why)
        *why++ = 0;
    char *id = strtok_r(line, " \t\r\n", &save);
    char *function = id ? strtok_r(NULL, " \t\r\n", &save) : NULL;
    if (!function || strncmp(function, "fun:", 4) != 0 || !function[4] || strtok_r(NULL, " \t\r\n", &save))
        return "a suppression is NBX-0000 fun:NAME # why";
    while (why && isspace((unsigned char)*why))
        why++;
    if (!why || !*why)
        return "say why behind a #";
    const struct verify_rule_row *row = verify_rule_find(id);
    if (!row)
        return "there is no such rule; ndisbox rules lists them";
    if (row->severity == FATAL)
        return "this rule cannot be suppressed: the call that breaks it has nothing to go on with";
    out->rule = (enum verify_rule)(row - verify_rules);
    out->function = strdup(function + 4);
    return NULL;
}

static bool
line_is_empty(const char *line)
{
    line += strspn(line, " \t\r\n");
    return !*line || *line == '#';
}

bool
verify_sink_suppress(struct verify_sink *sink, const char *path, char *error, size_t error_bytes)
{
    FILE *file = fopen(path, "r");
    if (!file) {
        snprintf(error, error_bytes, "%s: %s", path, strerror(errno));
        return false;
    }
    char line[1024];
    const char *wrong = NULL;
    unsigned number = 0;
    while (!wrong && fgets(line, sizeof line, file)) {
        number++;
        struct suppression one = {.line = number};
        if (line_is_empty(line))
            continue;
        wrong = strchr(line, '\n') || feof(file) ? line_parse(line, &one) : "the line is too long";
        if (wrong)
            break;
        one.file = strdup(path);
        sink->suppressions = reallocarray(sink->suppressions, sink->suppression_count + 1, sizeof one);
        sink->suppressions[sink->suppression_count++] = one;
    }
    fclose(file);
    if (wrong)
        snprintf(error, error_bytes, "%s:%u: %s", path, number, wrong);
    return !wrong;
}

bool
verify_sink_hides(struct verify_sink *sink, enum verify_rule rule, const char *const *functions, size_t count)
{
    bool hides = false;
    ke_word_lock(&sink->lock);
    for (size_t i = 0; !hides && i < sink->suppression_count; i++)
        for (size_t f = 0; !hides && sink->suppressions[i].rule == rule && f < count; f++)
            if (functions[f] && !fnmatch(sink->suppressions[i].function, functions[f], 0)) {
                sink->suppressions[i].used++;
                hides = true;
            }
    ke_word_unlock(&sink->lock);
    return hides;
}

void
verify_sink_unused(const struct verify_sink *sink, void (*say)(void *context, const char *text), void *context)
{
    for (size_t i = 0; i < sink->suppression_count; i++) {
        const struct suppression *one = &sink->suppressions[i];
        char text[512];
        snprintf(text, sizeof text, "%s:%u: %s fun:%s matched nothing", one->file, one->line, verify_rules[one->rule].id, one->function);
        if (!one->used)
            say(context, text);
    }
}

// ---- findings -------------------------------------------------------------------------------------------------------------------------

void
verify_sink_replay(struct verify_sink *sink, const char *command)
{
    sink->replay = command;
}

const char *
verify_sink_replay_get(const struct verify_sink *sink)
{
    return sink->replay;
}

void
verify_sink_add(struct verify_sink *sink, const char *text, json_t *finding)
{
    ke_word_lock(&sink->lock);
    json_array_append_new(sink->findings, finding);
    json_array_append_new(sink->texts, json_string(text));
    for (size_t i = 0; i < sink->file_count; i++) {
        if (sink->files[i].format != REPORT_TEXT) {
            document_write(sink, &sink->files[i]);
            continue;
        }
        FILE *file = fopen(sink->files[i].path, "a");
        if (file) {
            fprintf(file, "%s\n", text);
            fclose(file);
        }
    }
    ke_word_unlock(&sink->lock);
}

// "FILE:LINE:COL: error: WORDS", COL being optional, as errors in stack files are. Returns WORDS, or text as a whole.
static const char *
place_of(const char *text, json_t *finding)
{
    const char *words = strstr(text, ": error: ");
    const char *colon = words ? memchr(text, ':', (size_t)(words - text)) : NULL;
    char *end;
    unsigned long line = colon ? strtoul(colon + 1, &end, 10) : 0;
    if (!line)
        return text;
    unsigned long column = *end == ':' && end < words ? strtoul(end + 1, NULL, 10) : 0;
    json_object_set_new(finding, "file", json_stringn(text, (size_t)(colon - text)));
    json_object_set_new(finding, "line", json_integer((json_int_t)line));
    json_object_set_new(finding, "column", json_integer((json_int_t)column));
    return words + strlen(": error: ");
}

void
verify_sink_say(struct verify_sink *sink, const char *text)
{
    json_t *finding = json_pack("{s:n}", "rule");
    json_object_set_new(finding, "text", json_string(place_of(text, finding)));
    if (sink->replay)
        json_object_set_new(finding, "replay", json_string(sink->replay));
    verify_sink_add(sink, text, finding);
}
