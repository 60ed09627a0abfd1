// SPDX-License-Identifier: MIT
// $(Property), $(Property.Method()), %(Metadata), @(Items) and %41 escapes in a value. What is not followed ($([Class]::Function()), a
// method that method.c does not know, @(Items->'...'), the registry) makes the value faulty and not the project: most such values concern
// packaging, and are never looked at.
#include <ctype.h>
#include <stdlib.h>

#include "loader/import/msbuild.h"

struct expansion {
    struct msb *msb;
    struct builder out;
    struct import_place place;
    const char *fault;
};

static void
fault(struct expansion *expansion, const char *what, const char *text, size_t length)
{
    if (!expansion->fault)
        expansion->fault = texts_format(expansion->msb->texts, "%s %.*s", what, (int)(length > 120 ? 120 : length), text);
}

// The length of "(...)" at text, parentheses and quotes inside it balanced; 0: it never ends.
static size_t
group_length(const char *text)
{
    unsigned depth = 0;
    char quote = 0;
    for (size_t i = 0; text[i]; i++) {
        char c = text[i];
        if (quote)
            quote = c == quote ? 0 : quote;
        else if (depth > 1 && (c == '\'' || c == '"' || c == '`'))
            quote = c;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0)
            return i + 1;
    }
    return 0;
}

static bool
is_name(const char *text, size_t length)
{
    if (!length || isdigit((unsigned char)text[0]))
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '_' && text[i] != '-')
            return false;
    return true;
}

static void
add_value(struct expansion *expansion, const struct msb_value *value)
{
    if (!value)
        return;
    if (value->fault && !expansion->fault) {
        expansion->fault = value->fault;
        expansion->place = value->place;
    }
    if (expansion->out.bytes + strlen(value->text) > IMPORT_TEXT_MAX)
        fault(expansion, "a value that grows past 1 MiB:", "", 0);
    else
        builder_puts(&expansion->out, value->text);
}

static void
add_property(struct expansion *expansion, const char *name, size_t length)
{
    struct msb *msb = expansion->msb;
    const char *copy = texts_copy(msb->texts, name, length);
    if (!strncasecmp(copy, "MSBuildThisFile", 15) && msb->file) {
        const char *value = NULL;
        if (!strcasecmp(copy + 15, "Directory"))
            value = texts_format(msb->texts, "%s/", msb->file->folder);
        else if (!strcasecmp(copy + 15, "FullPath"))
            value = msb->file->path;
        else if (!copy[15])
            value = path_name(msb->file->path);
        if (value) {
            builder_puts(&expansion->out, value);
            return;
        }
    }
    add_value(expansion, msb_names_find(&msb->properties, copy));
}

// Name.Method(...): false when it is not that, or not followed.
static bool
add_method(struct expansion *expansion, const char *text, size_t length)
{
    struct builder kept = expansion->out;
    const char *dot = memchr(text, '.', length), *result;
    if (!dot || !is_name(text, (size_t)(dot - text)))
        return false;
    expansion->out = (struct builder){0};
    add_property(expansion, text, (size_t)(dot - text));
    char *value = builder_take(&expansion->out);
    expansion->out = kept;
    result = msb_method(expansion->msb->texts, texts_copy(expansion->msb->texts, value, strlen(value)), dot,
                        length - (size_t)(dot - text));
    free(value);
    if (result)
        add_value(expansion, &(struct msb_value){.text = result});
    return result != NULL;
}

static void
add_meta(struct expansion *expansion, const char *name, size_t length)
{
    for (size_t i = 0; i < length; i++)   // %(ClCompile.PreprocessorDefinitions)
        if (name[i] == '.') {
            name += i + 1;
            length -= i + 1;
            break;
        }
    if (expansion->msb->meta)
        add_value(expansion, msb_names_find(expansion->msb->meta, texts_copy(expansion->msb->texts, name, length)));
}

static void
add_items(struct expansion *expansion, const char *type, size_t length)
{
    struct msb *msb = expansion->msb;
    bool is_first = true;
    for (size_t i = 0; i < msb->item_count; i++) {
        if (strlen(msb->items[i].type) != length || strncasecmp(msb->items[i].type, type, length))
            continue;
        if (expansion->out.bytes > IMPORT_TEXT_MAX)
            break;
        builder_puts(&expansion->out, is_first ? "" : ";");
        builder_puts(&expansion->out, msb->items[i].include);
        is_first = false;
    }
}

// text begins with $( %( or @(. Returns how much of it was taken.
static size_t
add_group(struct expansion *expansion, const char *text)
{
    size_t length = group_length(text + 1);
    if (!length) {
        fault(expansion, "a parenthesis that is not closed:", text, strlen(text));
        return strlen(text);
    }
    const char *inner = text + 2, *end = text + length;   // end: the closing parenthesis
    while (inner < end && isspace((unsigned char)*inner))
        inner++;
    size_t size = (size_t)(end - inner);
    while (size && isspace((unsigned char)inner[size - 1]))
        size--;
    bool is_plain = is_name(inner, size);
    if (text[0] == '$' && is_plain)
        add_property(expansion, inner, size);
    else if (text[0] == '$' && add_method(expansion, inner, size))
        return length + 1;
    else if (text[0] == '%')
        add_meta(expansion, inner, size);
    else if (text[0] == '@' && is_plain)
        add_items(expansion, inner, size);
    else
        fault(expansion, text[0] == '$' ? "the property function" : "the item transform", text, length + 1);
    return length + 1;
}

struct msb_value
msb_expand(struct msb *msb, const char *text, struct import_place place)
{
    struct expansion expansion = {.msb = msb, .place = place};
    while (*text) {
        size_t plain = strcspn(text, "$%@");
        builder_add(&expansion.out, text, plain);
        text += plain;
        if (*text && text[1] == '(') {
            text += add_group(&expansion, text);
        } else if (*text) {
            builder_add(&expansion.out, text, 1);
            text++;
        }
    }
    char *taken = builder_take(&expansion.out);
    struct msb_value value = {texts_copy(msb->texts, taken, strlen(taken)), expansion.place, expansion.fault};
    free(taken);
    return value;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *
msb_unescape(struct import_texts *texts, const char *text)
{
    char *out = texts_copy(texts, text, strlen(text)), *to = out;
    for (const char *at = text; *at; at++) {
        int high = at[0] == '%' ? hex_digit(at[1]) : -1, low = high >= 0 ? hex_digit(at[2]) : -1;
        if (low >= 0 && (high || low)) {
            *to++ = (char)(high * 16 + low);
            at += 2;
        } else {
            *to++ = *at;
        }
    }
    *to = 0;
    return out;
}

bool
msb_check(struct msb *msb, const struct msb_value *value)
{
    if (value->fault)
        import_fault(msb->import, value->place, value->fault, "%s is not followed; give the value it should have with -p NAME=VALUE",
                     value->fault);
    return !value->fault;
}
