// SPDX-License-Identifier: MIT
// Text -> value, one function a type of the schema. None reads beyond its text, accepts a sign where none is allowed, wraps around,
// or takes what is left over. They say yes or no; check.c says it in words.
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stack/stack_int.h"

bool
scalar_name(const char *text)
{
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return length && !text[length] && length <= STACK_NAME_MAX;
}

bool
scalar_bool(const char *text, bool *value)
{
    static const char *const yes[] = {"on", "true", "yes", NULL}, *const no[] = {"off", "false", "no", NULL};
    *value = scalar_word(text, yes) != SIZE_MAX;
    return *value || scalar_word(text, no) != SIZE_MAX;
}

// The digits at the start of text; *end behind them.
static bool
leading_uint(const char *text, uint64_t *value, const char **end)
{
    if (!isdigit((unsigned char)text[0]))
        return false;
    int base = text[0] == '0' && (text[1] | 32) == 'x' && isxdigit((unsigned char)text[2]) ? 16 : 10;
    char *stop;
    errno = 0;
    unsigned long long number = strtoull(text, &stop, base);
    if (errno)
        return false;
    *value = number;
    *end = stop;
    return true;
}

bool
scalar_uint(const char *text, uint64_t *value)
{
    const char *end;
    return leading_uint(text, value, &end) && !*end;
}

bool
scalar_range(const char *text, uint64_t *low, uint64_t *high)
{
    const char *end;
    if (!leading_uint(text, low, &end))
        return false;
    *high = *low;
    if (!*end)
        return true;
    return !strncmp(end, "..", 2) && scalar_uint(end + 2, high) && *low <= *high;
}

// A decimal number ("2", "0.5") with a unit from a table of factors; "0" needs none. Rounded to whole parts.
struct unit {
    const char *word;
    double factor;
};

static bool
leading_decimal(const char *text, double *number, const char **end)
{
    size_t length = strspn(text, "0123456789");
    if (!length)
        return false;
    if (text[length] == '.') {
        size_t after = strspn(text + length + 1, "0123456789");
        if (!after)
            return false;
        length += 1 + after;
    }
    if (length > 24)
        return false;
    char copy[25];
    memcpy(copy, text, length);
    copy[length] = 0;
    *number = strtod(copy, NULL);
    *end = text + length;
    return true;
}

static bool
scalar_unit(const char *text, const struct unit *units, double limit, uint64_t *value)
{
    double number;
    const char *end;
    if (!leading_decimal(text, &number, &end))
        return false;
    if (!*end && number == 0) {
        *value = 0;
        return true;
    }
    for (; units->word; units++)
        if (!strcmp(end, units->word)) {
            double total = number * units->factor;
            if (total > limit)
                return false;
            *value = (uint64_t)llround(total);
            return true;
        }
    return false;
}

static const struct unit duration_units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {NULL, 0}};
static const struct unit rate_units[] = {{"bit", 1}, {"Kbit", 1e3}, {"Mbit", 1e6}, {"Gbit", 1e9}, {NULL, 0}};

bool
scalar_duration(const char *text, uint64_t *ns)
{
    return scalar_unit(text, duration_units, 8760 * 3600e9, ns);
}

bool
scalar_rate(const char *text, uint64_t *bits_per_second)
{
    return scalar_unit(text, rate_units, 1e13, bits_per_second);
}

static void
print_unit(uint64_t value, const struct unit *units, FILE *out)
{
    const struct unit *best = units;
    for (; value && units->word; units++)
        if (value % (uint64_t)units->factor == 0)
            best = units;
    fprintf(out, "%llu%s", (unsigned long long)(value / (uint64_t)best->factor), best->word);
}

void
scalar_print_duration(uint64_t ns, FILE *out)
{
    print_unit(ns, duration_units, out);
}

void
scalar_print_rate(uint64_t bits_per_second, FILE *out)
{
    print_unit(bits_per_second, rate_units, out);
}

bool
scalar_percent(const char *text, double *part)
{
    double number;
    const char *end;
    if (!leading_decimal(text, &number, &end) || number > 100)
        return false;
    *part = round(number * 1e9) / 1e11;   // nine decimals of a percent, as many as are printed
    return !strcmp(end, "%") || (!*end && number == 0);
}

bool
scalar_mac(const char *text, uint8_t mac[6])
{
    if (strlen(text) != 17)
        return false;
    for (size_t i = 0; i < 6; i++) {
        const char *at = text + 3 * i;
        if (!isxdigit((unsigned char)at[0]) || !isxdigit((unsigned char)at[1]) || (i < 5 && at[2] != ':' && at[2] != '-'))
            return false;
        mac[i] = (uint8_t)strtoul((char[3]){at[0], at[1], 0}, NULL, 16);
    }
    return true;
}

bool
scalar_hex(struct stack_arena *arena, const char *text, const uint8_t **bytes, size_t *count)
{
    size_t length = strlen(text);
    uint8_t *out = stack_arena_alloc(arena, length / 2 + 1);
    *bytes = out;
    *count = 0;
    while (*text) {
        if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]))
            return false;
        out[(*count)++] = (uint8_t)strtoul((char[3]){text[0], text[1], 0}, NULL, 16);
        text += 2;
        if (*text && strchr(", -", *text)) {
            text++;
            if (!*text)
                return false;
        }
    }
    return true;
}

bool
scalar_compare(const char *text, enum stack_compare *compare, uint64_t *number)
{
    static const struct {
        const char *word;
        enum stack_compare compare;
    } ops[] = {{"==", STACK_COMPARE_EQ}, {"!=", STACK_COMPARE_NE}, {"<=", STACK_COMPARE_LE},
               {">=", STACK_COMPARE_GE}, {"<", STACK_COMPARE_LT},  {">", STACK_COMPARE_GT}};
    *compare = STACK_COMPARE_EQ;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (!strncmp(text, ops[i].word, strlen(ops[i].word))) {
            *compare = ops[i].compare;
            text += strlen(ops[i].word);
            text += strspn(text, " ");
            break;
        }
    return scalar_uint(text, number);
}

size_t
scalar_word(const char *text, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        if (!strcmp(text, words[i][0] == '?' ? words[i] + 1 : words[i]))
            return i;
    return SIZE_MAX;
}

bool
stack_parse_duration(const char *text, uint64_t *ns)
{
    return scalar_duration(text, ns);
}

bool
stack_parse_range(const char *text, uint64_t *low, uint64_t *high)
{
    return scalar_range(text, low, high);
}
