// SPDX-License-Identifier: MIT
// Functions on a property's text: $(Name.Method(...)), chained and indexed, as MSBuild has them from System.String. Those that project
// files ask for in conditions and paths are here; any other, and any whose arguments do not fit, is not followed.
//   .Substring(at) .Substring(at, count) .Split('c')[n] .Replace('a', 'b') .Trim() .TrimStart('c') .TrimEnd('c') .ToLower() .ToUpper()
//   .Contains('a') .StartsWith('a') .EndsWith('a') -> True, False      .Length
// [msbuild/property-functions]
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "loader/import/msbuild.h"

#define METHOD_ARGUMENTS 2

struct method_call {
    struct import_texts *texts;
    const char *value;
    const char *arguments[METHOD_ARGUMENTS];
    size_t count;
    const char *at;                           // in the text, after the call's parenthesis
};

static const char *
skip_space(const char *at)
{
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

// One argument: quoted in one of three ways, or a bare word. NULL: neither.
static const char *
argument_read(struct method_call *call, const char *at, const char *end)
{
    const char *start = at;
    char quote = *at;
    if (quote == '\'' || quote == '"' || quote == '`') {
        for (start = ++at; at < end && *at != quote; at++)
            if (*at == '$')
                return NULL;
        if (at == end)
            return NULL;
        call->arguments[call->count++] = texts_copy(call->texts, start, (size_t)(at - start));
        return at + 1;
    }
    while (at < end && (isalnum((unsigned char)*at) || *at == '-'))
        at++;
    if (at == start)
        return NULL;
    call->arguments[call->count++] = texts_copy(call->texts, start, (size_t)(at - start));
    return at;
}

// at: after the opening parenthesis.
static bool
arguments_read(struct method_call *call, const char *at, const char *end)
{
    call->count = 0;
    for (at = skip_space(at); at < end && *at != ')'; at = skip_space(at)) {
        if (call->count == METHOD_ARGUMENTS || !(at = argument_read(call, at, end)))
            return false;
        at = skip_space(at);
        if (at < end && *at == ',')
            at++;
        else if (at >= end || *at != ')')
            return false;
    }
    call->at = at + 1;
    return at < end;
}

static bool
number_read(const char *text, size_t most, size_t *number)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return false;
    *number = strtoul(text, &end, 10);
    return !*end && *number <= most;
}

static bool
do_substring(struct method_call *call)
{
    size_t length = strlen(call->value), at, count;
    if (!call->count || !number_read(call->arguments[0], length, &at))
        return false;
    count = length - at;
    if (call->count == 2 && !number_read(call->arguments[1], length - at, &count))
        return false;
    call->value = texts_copy(call->texts, call->value + at, count);
    return true;
}

// Always with an index: a list of texts is no value.
static bool
do_split(struct method_call *call, const char *end)
{
    size_t wanted = 0;
    const char *close = call->at < end && *call->at == '[' ? memchr(call->at, ']', (size_t)(end - call->at)) : NULL;
    if (call->count != 1 || strlen(call->arguments[0]) != 1 || !close)
        return false;
    if (!number_read(texts_copy(call->texts, call->at + 1, (size_t)(close - call->at - 1)), strlen(call->value), &wanted))
        return false;
    call->at = close + 1;
    const char *part = call->value;
    for (; wanted; wanted--) {
        part = strchr(part, *call->arguments[0]);
        if (!part)
            return false;
        part++;
    }
    const char *stop = strchr(part, *call->arguments[0]);
    call->value = texts_copy(call->texts, part, stop ? (size_t)(stop - part) : strlen(part));
    return true;
}

static bool
do_replace(struct method_call *call)
{
    struct builder out = {0};
    const char *from = call->value, *found;
    if (call->count != 2 || !*call->arguments[0])
        return false;
    for (; (found = strstr(from, call->arguments[0])); from = found + strlen(call->arguments[0])) {
        builder_add(&out, from, (size_t)(found - from));
        builder_puts(&out, call->arguments[1]);
        if (out.bytes > IMPORT_TEXT_MAX)
            break;
    }
    builder_puts(&out, from);
    char *taken = builder_take(&out);
    call->value = texts_copy(call->texts, taken, strlen(taken));
    free(taken);
    return strlen(call->value) <= IMPORT_TEXT_MAX;
}

static bool
do_trim(struct method_call *call, bool start, bool end)
{
    char c = call->count ? *call->arguments[0] : 0;
    const char *from = call->value, *to = from + strlen(from);
    if (call->count > 1 || (call->count && strlen(call->arguments[0]) != 1))
        return false;
    while (start && from < to && (c ? *from == c : isspace((unsigned char)*from)))
        from++;
    while (end && to > from && (c ? to[-1] == c : isspace((unsigned char)to[-1])))
        to--;
    call->value = texts_copy(call->texts, from, (size_t)(to - from));
    return true;
}

static bool
do_case(struct method_call *call, int (*to)(int))
{
    char *copy = texts_copy(call->texts, call->value, strlen(call->value));
    for (char *at = copy; *at; at++)
        *at = (char)to((unsigned char)*at);
    call->value = copy;
    return !call->count;
}

static bool
do_truth(struct method_call *call, bool (*is)(const char *value, const char *argument))
{
    if (call->count != 1)
        return false;
    call->value = is(call->value, call->arguments[0]) ? "True" : "False";
    return true;
}

static bool
has_part(const char *value, const char *part)
{
    return strstr(value, part) != NULL;
}

static bool
has_start(const char *value, const char *start)
{
    return !strncmp(value, start, strlen(start));
}

static bool
has_end(const char *value, const char *end)
{
    size_t length = strlen(value), bytes = strlen(end);
    return bytes <= length && !strcmp(value + length - bytes, end);
}

static bool
is_word(const char *name, size_t length, const char *word)
{
    return strlen(word) == length && !strncasecmp(name, word, length);
}

static bool
method_run(struct method_call *call, const char *name, size_t length, const char *end)
{
    if (is_word(name, length, "Substring"))
        return do_substring(call);
    if (is_word(name, length, "Split"))
        return do_split(call, end);
    if (is_word(name, length, "Replace"))
        return do_replace(call);
    if (is_word(name, length, "Trim"))
        return !call->count && do_trim(call, true, true);
    if (is_word(name, length, "TrimStart"))
        return do_trim(call, true, false);
    if (is_word(name, length, "TrimEnd"))
        return do_trim(call, false, true);
    if (is_word(name, length, "ToLower") || is_word(name, length, "ToLowerInvariant"))
        return do_case(call, tolower);
    if (is_word(name, length, "ToUpper") || is_word(name, length, "ToUpperInvariant"))
        return do_case(call, toupper);
    if (is_word(name, length, "Contains"))
        return do_truth(call, has_part);
    if (is_word(name, length, "StartsWith"))
        return do_truth(call, has_start);
    return is_word(name, length, "EndsWith") && do_truth(call, has_end);
}

const char *
msb_method(struct import_texts *texts, const char *value, const char *text, size_t length)
{
    struct method_call call = {.texts = texts, .value = value, .at = text};
    const char *end = text + length;
    while (call.at < end) {
        if (*call.at != '.')
            return NULL;
        const char *name = call.at + 1, *stop = name;
        while (stop < end && isalpha((unsigned char)*stop))
            stop++;
        size_t bytes = (size_t)(stop - name);
        if (stop == end && is_word(name, bytes, "Length"))
            return texts_format(texts, "%zu", strlen(call.value));
        if (stop == end || *stop != '(' || !arguments_read(&call, stop + 1, end) || !method_run(&call, name, bytes, end))
            return NULL;
    }
    return call.value;
}
