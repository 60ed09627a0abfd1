// SPDX-License-Identifier: MIT
// Condition="...": comparisons of quoted or bare operands with == != < > <= >=, Exists('...'), HasTrailingSlash('...'), !, And, Or and
// parentheses. And and Or stop as soon as they know, so that what stands behind them need not be understood. Source:
// [learn.microsoft.com, "MSBuild conditions"]: text compares in any case, numbers (0x too) as numbers, <, > only between numbers.
#include <ctype.h>
#include <stdlib.h>

#include "loader/import/msbuild.h"

#define NESTED_MAX 64

struct condition {
    struct msb *msb;
    struct import_place place;
    const char *at;
    const char *fault;
    unsigned depth;
    bool is_skipped;             // only read over: And and Or know already
};

static bool or_read(struct condition *c);

static void
fail(struct condition *c, const char *what)
{
    if (!c->fault)
        c->fault = texts_format(c->msb->texts, "%s at \"%.60s\"", what, c->at);
}

static void
blanks_skip(struct condition *c)
{
    while (isspace((unsigned char)*c->at))
        c->at++;
}

static bool
word_take(struct condition *c, const char *word)
{
    size_t length = strlen(word);
    blanks_skip(c);
    if (strncasecmp(c->at, word, length) || isalnum((unsigned char)c->at[length]) || c->at[length] == '_')
        return false;
    c->at += length;
    return true;
}

static bool
sign_take(struct condition *c, const char *sign)
{
    blanks_skip(c);
    if (strncmp(c->at, sign, strlen(sign)) != 0)
        return false;
    c->at += strlen(sign);
    return true;
}

// The end of $(...) or @(...) or %(...) at text.
static const char *
group_end(const char *text)
{
    unsigned depth = 0;
    for (const char *at = text + 1; *at; at++) {
        depth += *at == '(';
        if (*at == ')' && --depth == 0)
            return at + 1;
    }
    return NULL;
}

// One operand, expanded. fails: "", with the fault set.
static const char *
operand_read(struct condition *c)
{
    const char *start, *end;
    blanks_skip(c);
    if (*c->at == '\'') {
        start = c->at + 1;
        end = start;
        while (*end && *end != '\'')   // a quote inside $(...) belongs to a function
            end = (*end == '$' && end[1] == '(' && group_end(end)) ? group_end(end) : end + 1;
        if (!*end) {
            fail(c, "a quote that is not closed");
            return "";
        }
        c->at = end + 1;
    } else {
        start = end = c->at;
        while (*end && (isalnum((unsigned char)*end) || strchr("_.-+:\\/", *end) || (strchr("$@%", *end) && end[1] == '(')))
            if (strchr("$@%", *end)) {
                end = group_end(end);
                if (!end) {
                    fail(c, "a parenthesis that is not closed");
                    return "";
                }
            } else {
                end++;
            }
        if (end == start) {
            fail(c, "no value");
            return "";
        }
        c->at = end;
    }
    if (c->is_skipped)
        return "";
    struct msb_value value = msb_expand(c->msb, texts_copy(c->msb->texts, start, (size_t)(end - start)), c->place);
    if (value.fault && !c->fault)
        c->fault = value.fault;
    return msb_unescape(c->msb->texts, value.text);
}

static bool
number_read(const char *text, double *number)
{
    char *end;
    bool is_hex = text[0] == '0' && (text[1] | 0x20) == 'x';
    if (!isdigit((unsigned char)text[text[0] == '-' || text[0] == '+']) && text[0] != '.')
        return false;
    *number = is_hex ? (double)strtoull(text, &end, 16) : strtod(text, &end);
    return !*end && end != text;
}

// -1: text is no truth value.
static int
truth_read(const char *text)
{
    static const char *const yes[] = {"true", "on", "yes"}, *const no[] = {"false", "off", "no"};
    for (size_t i = 0; i < 3; i++) {
        if (!strcasecmp(text, yes[i]))
            return 1;
        if (!strcasecmp(text, no[i]))
            return 0;
    }
    return -1;
}

static bool
equal(const char *a, const char *b)
{
    double x, y;
    if (number_read(a, &x) && number_read(b, &y))
        return x == y;
    int truth_a = truth_read(a), truth_b = truth_read(b);
    if (truth_a >= 0 && truth_b >= 0)
        return truth_a == truth_b;
    return !strcasecmp(a, b);
}

static bool
compare(struct condition *c, const char *a, const char *sign, const char *b)
{
    double x, y;
    if (c->is_skipped || c->fault)
        return false;
    if (!strcmp(sign, "=="))
        return equal(a, b);
    if (!strcmp(sign, "!="))
        return !equal(a, b);
    if (!number_read(a, &x) || !number_read(b, &y)) {
        c->fault = texts_format(c->msb->texts, "the comparison of \"%.40s\" %s \"%.40s\", which are not both numbers", a, sign, b);
        return false;
    }
    if (sign[1])
        return sign[0] == '<' ? x <= y : x >= y;
    return sign[0] == '<' ? x < y : x > y;
}

static bool
function_read(struct condition *c, const char *name)
{
    if (!sign_take(c, "("))
        fail(c, "no ( behind the function's name");
    const char *argument = c->fault ? "" : operand_read(c);
    if (!c->fault && !sign_take(c, ")"))
        fail(c, "no ) behind the function's argument");
    if (c->fault || c->is_skipped)
        return false;
    size_t length = strlen(argument);
    if (!strcasecmp(name, "HasTrailingSlash"))
        return length && (argument[length - 1] == '/' || argument[length - 1] == '\\');
    char *path = texts_copy(c->msb->texts, argument, length);
    for (char *at = path; *at; at++)
        if (*at == '\\')
            *at = '/';
    const struct import_fs *fs = c->msb->import->request->fs;
    return path[0] && path_find(c->msb->texts, fs, path_join(c->msb->texts, c->msb->file->folder, path)) != NULL;
}

static bool
term_read(struct condition *c)
{
    static const char *const signs[] = {"==", "!=", "<=", ">=", "<", ">"};
    bool result = false;
    if (++c->depth > NESTED_MAX)
        fail(c, "more than 64 parentheses and signs in each other");
    if (c->fault)
        return false;
    blanks_skip(c);
    if (c->at[0] == '!' && c->at[1] != '=') {
        c->at++;
        result = !term_read(c);
    } else if (sign_take(c, "(")) {
        result = or_read(c);
        if (!c->fault && !sign_take(c, ")"))
            fail(c, "a parenthesis that is not closed");
    } else if (word_take(c, "Exists")) {
        result = function_read(c, "Exists");
    } else if (word_take(c, "HasTrailingSlash")) {
        result = function_read(c, "HasTrailingSlash");
    } else {
        const char *a = operand_read(c);
        size_t i = 0;
        while (i < 6 && !c->fault && !sign_take(c, signs[i]))
            i++;
        if (i < 6 && !c->fault) {
            result = compare(c, a, signs[i], operand_read(c));
        } else if (!c->fault && !c->is_skipped) {
            int truth = truth_read(a);
            if (truth < 0)
                c->fault = texts_format(c->msb->texts, "the condition \"%.60s\", which is neither true nor false", a);
            result = truth > 0;
        }
    }
    c->depth--;
    return result && !c->fault;
}

static bool
and_read(struct condition *c)
{
    bool result = term_read(c), before = c->is_skipped;
    while (!c->fault && word_take(c, "And")) {
        c->is_skipped = before || !result;
        bool next = term_read(c);
        result = result && next;
    }
    c->is_skipped = before;
    return result;
}

static bool
or_read(struct condition *c)
{
    bool result = and_read(c), before = c->is_skipped;
    while (!c->fault && word_take(c, "Or")) {
        c->is_skipped = before || result;
        bool next = and_read(c);
        result = result || next;
    }
    c->is_skipped = before;
    return result;
}

bool
msb_condition(struct msb *msb, const char *text, struct import_place place, const char **fault)
{
    struct condition c = {.msb = msb, .place = place, .at = text};
    blanks_skip(&c);
    bool result = !*c.at || or_read(&c);   // an empty condition holds
    blanks_skip(&c);
    if (!c.fault && *c.at)
        fail(&c, "something more");
    *fault = c.fault;
    return result && !c.fault;
}
