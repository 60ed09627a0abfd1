// SPDX-License-Identifier: MIT
// See sink.h. The JSON document is written anew with each finding, because most findings end the process; text is appended.
// Findings come from any thread of the box: one lock around all of it.
#include "verify/sink.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/ke/word.h"

struct suppression {
    enum verify_rule rule;
    char *function, *file;
    unsigned line, used;
};

struct report_file {
    char *path;
    bool is_json;
};

struct verify_sink {
    _Atomic uint32_t lock;                    // raw: findings are rare
    struct report_file *files;
    size_t file_count;
    struct suppression *suppressions;
    size_t suppression_count;
    json_t *findings;
    const char *replay;
};

struct verify_sink *
verify_sink_create(void)
{
    struct verify_sink *sink = calloc(1, sizeof *sink);
    if (sink)
        sink->findings = json_array();
    return sink;
}

static void
json_write(const struct verify_sink *sink, const char *path)
{
    json_t *document = json_pack("{s:s, s:O}", "ndisbox", "findings", "findings", sink->findings);
    if (document && json_dump_file(document, path, JSON_INDENT(2)))
        fprintf(stderr, "ndisbox: error: %s: %s\n", path, strerror(errno));
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
    bool is_json = path_ends(path, ".json");
    if (!is_json && !path_ends(path, ".txt")) {
        snprintf(error, error_bytes, "%s: a report is a .json or a .txt file (.xml and .sarif come later)", path);
        return false;
    }
    FILE *file = fopen(path, "w");
    if (!file) {
        snprintf(error, error_bytes, "%s: %s", path, strerror(errno));
        return false;
    }
    fclose(file);
    sink->files = reallocarray(sink->files, sink->file_count + 1, sizeof *sink->files);
    sink->files[sink->file_count++] = (struct report_file){strdup(path), is_json};
    if (is_json)
        json_write(sink, path);
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
    for (size_t i = 0; i < sink->file_count; i++) {
        if (sink->files[i].is_json) {
            json_write(sink, sink->files[i].path);
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
