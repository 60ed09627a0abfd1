// SPDX-License-Identifier: MIT
// The words behind a verb against its option table: --name VALUE, --name=VALUE, -n VALUE, bundled letters, -- to end options. Each
// value is checked by its kind here, so that verbs read what is known to be good.
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "tool.h"

// Durations and ranges are read as the stack file reads them.
#include "stack/stack.h"

static const struct option_row *
row_find(const struct option_row *rows, const char *name, size_t length, char letter)
{
    for (; rows && rows->name; rows++)
        if (letter ? rows->letter == letter : strlen(rows->name) == length && !strncmp(rows->name, name, length))
            return rows;
    return NULL;
}

static const struct option_row *
option_find(const struct verb *verb, const char *name, size_t length, char letter)
{
    const struct option_row *row = verb ? row_find(verb->options, name, length, letter) : NULL;
    return row ? row : row_find(common_options, name, length, letter);
}

static const char *
command_name(const struct verb *verb, char *text, size_t room)
{
    snprintf(text, room, "ndisbox%s%s", verb ? " " : "", verb ? verb->name : "");
    return text;
}

static void
report_unknown(const struct verb *verb, const char *word)
{
    const char *words[64], *typed = word + strspn(word, "-");
    char name[64], plain[64], command[64];
    size_t count = 0;
    snprintf(plain, sizeof plain, "%.*s", (int)strcspn(typed, "="), typed);
    for (const struct option_row *row = verb ? verb->options : NULL; row && row->name && count < 50; row++)
        words[count++] = row->name;
    for (const struct option_row *row = common_options; row->name && count < 63; row++)
        words[count++] = row->name;
    words[count] = NULL;
    const char *near = word[1] == '-' ? stack_word_nearest(plain, words) : NULL;
    snprintf(name, sizeof name, near ? " (did you mean --%s?)" : "%s", near ? near : "");
    out_error("unknown option %s%s; \"%s --help\" lists what there is", word, name, command_name(verb, command, sizeof command));
}

static bool
words_have(const char *const *words, const char *value)
{
    for (; *words; words++)
        if (!strcmp(*words, value))
            return true;
    return false;
}

static bool
value_is_good(const struct option_row *row, const char *value)
{
    uint64_t low, high;
    switch (row->kind) {
    case OPTION_DURATION: return stack_parse_duration(value, &low);
    case OPTION_UINT: return stack_parse_range(value, &low, &high) && !strstr(value, "..");
    case OPTION_RANGE: return stack_parse_range(value, &low, &high);
    case OPTION_WORD: return words_have(row->words, value);
    default: return value[0] != 0;
    }
}

static void
report_value(const struct option_row *row, const char *value)
{
    if (row->kind == OPTION_WORD) {
        const char *near = stack_word_nearest(value, row->words);
        fflush(stdout);
        out_error("--%s: found \"%s\"%s%s%s; allowed: %s", row->name, value, near ? " (did you mean \"" : "", near ? near : "",
                  near ? "\"?)" : "", row->value);
        return;
    }
    const char *wanted = row->kind == OPTION_DURATION ? "a duration such as 10s or 500ms"
                         : row->kind == OPTION_UINT   ? "a whole number"
                         : row->kind == OPTION_RANGE  ? "a range such as 1..1000"
                                                      : "something";
    out_error("--%s: found \"%s\"; allowed: %s", row->name, value, wanted);
}

static bool
take(struct args *args, const struct option_row *row, const char *value)
{
    if (row->later) {
        out_error("--%s is not available: %s", row->name, row->later);
        return false;
    }
    if (row->kind != OPTION_FLAG && !value_is_good(row, value)) {
        report_value(row, value);
        return false;
    }
    args->rows[args->count] = row;
    args->values[args->count++] = value;
    return true;
}

// One "--name[=value]". *next is the word after it, taken (set to NULL) when it is the value.
static bool
take_long(struct args *args, const char *word, const char **next)
{
    size_t length = strcspn(word + 2, "=");
    const char *value = word[2 + length] ? word + 3 + length : NULL;
    const struct option_row *row = option_find(args->verb, word + 2, length, 0);
    if (!row) {
        report_unknown(args->verb, word);
        return false;
    }
    if (row->kind == OPTION_FLAG) {
        if (value)
            out_error("--%s takes no value", row->name);
        return !value && take(args, row, NULL);
    }
    if (!value) {
        value = *next;
        *next = NULL;
    }
    if (!value)
        out_error("--%s needs a value: --%s %s", row->name, row->name, row->value);
    return value && take(args, row, value);
}

// "-qv", "-o FILE", "-oFILE".
static bool
take_letters(struct args *args, const char *word, const char **next)
{
    for (const char *at = word + 1; *at; at++) {
        const struct option_row *row = option_find(args->verb, NULL, 0, *at);
        if (!row) {
            report_unknown(args->verb, word);
            return false;
        }
        if (row->kind == OPTION_FLAG) {
            if (!take(args, row, NULL))
                return false;
            continue;
        }
        const char *value = at[1] ? at + 1 : *next;
        if (!at[1])
            *next = NULL;
        if (!value)
            out_error("-%c needs a value: -%c %s", row->letter, row->letter, row->value);
        return value && take(args, row, value);
    }
    return true;
}

static bool
operands_fit(const struct args *args)
{
    const struct verb *verb = args->verb;
    bool is_help = args_flag(args, "help") || args_flag(args, "version");
    if (is_help || !verb || (args->operand_count >= verb->operand_min && args->operand_count <= verb->operand_max))
        return true;
    char first[256];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(verb->synopsis, "\n"), verb->synopsis);
    if (args->operand_count > verb->operand_max)
        out_error("\"%s\" is one word too many: ndisbox %s %s", args->operands[verb->operand_max], verb->name, first);
    else
        out_error("something is missing: ndisbox %s %s", verb->name, first);
    return false;
}

bool
args_parse(const struct verb *verb, int count, char **words, struct args *args)
{
    size_t letters = 0;
    for (int i = 0; i < count; i++)
        letters += strlen(words[i]) + 1;
    *args = (struct args){.verb = verb};
    args->rows = calloc(letters + 1, sizeof *args->rows);
    args->values = calloc(letters + 1, sizeof *args->values);
    args->operands = calloc((size_t)count + 1, sizeof *args->operands);
    if (!args->rows || !args->values || !args->operands)
        abort();
    bool only_operands = false;
    for (int i = 0; i < count; i++) {
        const char *word = words[i], *next = i + 1 < count ? words[i + 1] : NULL, *before = next;
        bool is_good = true;
        if (only_operands || word[0] != '-' || !word[1])
            args->operands[args->operand_count++] = word;
        else if (!strcmp(word, "--"))
            only_operands = true;
        else
            is_good = word[1] == '-' ? take_long(args, word, &next) : take_letters(args, word, &next);
        if (!is_good)
            return false;
        i += before && !next;
    }
    return operands_fit(args);
}

void
args_clear(struct args *args)
{
    free(args->rows);
    free(args->values);
    free(args->operands);
    *args = (struct args){0};
}

// The last one of that name, or SIZE_MAX.
static size_t
given(const struct args *args, const char *name)
{
    for (size_t i = args->count; i-- > 0;)
        if (!strcmp(args->rows[i]->name, name))
            return i;
    return SIZE_MAX;
}

bool
args_flag(const struct args *args, const char *name)
{
    return given(args, name) != SIZE_MAX;
}

const char *
args_text(const struct args *args, const char *name)
{
    size_t index = given(args, name);
    return index == SIZE_MAX ? NULL : args->values[index];
}

size_t
args_list(const struct args *args, const char *name, const char **values, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < args->count; i++)
        if (!strcmp(args->rows[i]->name, name) && count++ < room)
            values[count - 1] = args->values[i];
    return count;
}

uint64_t
args_uint(const struct args *args, const char *name, uint64_t fallback)
{
    uint64_t low = fallback, high;
    if (args_text(args, name))
        stack_parse_range(args_text(args, name), &low, &high);
    return low;
}

uint64_t
args_duration_ns(const struct args *args, const char *name, uint64_t fallback_ns)
{
    uint64_t ns = fallback_ns;
    if (args_text(args, name))
        stack_parse_duration(args_text(args, name), &ns);
    return ns;
}

bool
args_range(const struct args *args, const char *name, uint64_t *low, uint64_t *high)
{
    return args_text(args, name) && stack_parse_range(args_text(args, name), low, high);
}

size_t
args_word(const struct args *args, const char *name, size_t fallback)
{
    size_t index = given(args, name);
    for (size_t i = 0; index != SIZE_MAX && args->rows[index]->words[i]; i++)
        if (!strcmp(args->rows[index]->words[i], args->values[index]))
            return i;
    return fallback;
}
