// SPDX-License-Identifier: MIT
// What is said to the user about a stack file: lines "FILE:LINE:COL: error: SENTENCE", the nearest word, lists of what is allowed.
// Control characters in what was typed are shown as ?, so that a hostile file cannot drive the terminal.
#include <stdlib.h>
#include <string.h>

#include "stack/stack_int.h"

static void
report_add(struct stack_report *report, struct stack_place place, const char *kind, const char *text)
{
    char *line = NULL;
    int length = place.line ? asprintf(&line, "%s:%u:%u: %s: %s", place.file, place.line, place.column, kind, text)
                            : asprintf(&line, "%s: %s: %s", place.file, kind, text);
    char **lines = length < 0 ? NULL : realloc(report->lines, (report->count + 1) * sizeof *lines);
    if (!lines)
        abort();
    for (char *at = line; *at; at++)
        if ((unsigned char)*at < 32 || *at == 127)
            *at = '?';
    report->lines = lines;
    report->lines[report->count++] = line;
}

void
stack_error(struct stack_reader *reader, struct stack_place place, const char *format, ...)
{
    if (stack_full(reader))
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report_add(reader->report, place, "error", text);
    reader->report->error_count++;
}

void
stack_warning(struct stack_reader *reader, struct stack_place place, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    report_add(reader->report, place, "warning", text);
}

bool
stack_failed(const struct stack_reader *reader)
{
    return reader->report->error_count > reader->errors_before;
}

bool
stack_full(const struct stack_reader *reader)
{
    return reader->report->error_count >= reader->errors_before + STACK_ERRORS_MAX;
}

void
stack_report_clear(struct stack_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        free(report->lines[i]);
    free(report->lines);
    *report = (struct stack_report){0};
}

const char *
stack_hint(struct stack_reader *reader, const char *typed, const char *const *words)
{
    const char *near = stack_word_nearest(typed, words);
    return near ? stack_arena_format(reader->arena, " (did you mean \"%s\"?)", near[0] == '?' ? near + 1 : near) : "";
}

const char *
stack_words_join(struct stack_arena *arena, const char *const *words)
{
    size_t total = 0, last = 0;
    for (size_t i = 0; words[i]; i++)
        if (words[i][0] != '?') {
            total++;
            last = i;
        }
    const char *joined = "";
    size_t done = 0;
    for (size_t i = 0; words[i]; i++) {
        if (words[i][0] == '?')
            continue;
        const char *between = !done ? "" : i == last ? " or " : ", ";
        joined = stack_arena_format(arena, "%s%s%s", joined, between, words[i]);
        done++;
    }
    return total ? joined : "nothing";
}
