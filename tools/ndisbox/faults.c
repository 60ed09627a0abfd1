// SPDX-License-Identifier: MIT
// See faults.h. Used by run and sim (the option) and by replay (the tape's note, which was written by faults_print).
#include "faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
read_number(const char *text, size_t length, uint64_t *number)
{
    char digits[21];
    if (!length || length >= sizeof digits || strspn(text, "0123456789") < length)
        return false;
    memcpy(digits, text, length);
    digits[length] = 0;
    *number = strtoull(digits, NULL, 10);
    return true;
}

// "0.5%" in millionths, exactly: up to four digits behind the point.
static bool
read_percent(const char *text, size_t length, uint32_t *per_million)
{
    const char *point = memchr(text, '.', length);
    size_t whole = point ? (size_t)(point - text) : length, parts = point ? length - whole - 1 : 0;
    uint64_t high = 0, low = 0;
    if (!read_number(text, whole, &high) || high > 100 || parts > 4 || (point && !read_number(point + 1, parts, &low)))
        return false;
    for (size_t i = parts; i < 4; i++)
        low *= 10;
    *per_million = (uint32_t)(high * 10000 + low);
    return *per_million > 0 && *per_million <= 1000000;
}

static bool
read_what(const char *text, size_t length, struct ex_fault_plan *plan)
{
    if (length == 4 && !memcmp(text, "each", 4)) {
        plan->mode = EX_FAULT_STACK;
        return true;
    }
    if (length && text[length - 1] == '%') {
        plan->mode = EX_FAULT_CHANCE;
        return read_percent(text, length - 1, &plan->per_million);
    }
    plan->mode = EX_FAULT_NUMBER;
    return read_number(text, length, &plan->number) && plan->number > 0;
}

bool
faults_parse(const char *text, struct faults *faults, char *error, size_t error_bytes)
{
    const char *at = strchr(text, '@');
    size_t length = at ? (size_t)(at - text) : strlen(text);
    *faults = (struct faults){0};
    if (!read_what(text, length, &faults->plan)) {
        snprintf(error, error_bytes, "\"%.*s\" is not a plan: a number from 1, a percentage such as 0.5%%, or each", (int)length, text);
        return false;
    }
    if (!at)
        return true;
    if (!at[1] || strlen(at + 1) >= sizeof faults->driver) {
        snprintf(error, error_bytes, "behind @ stands the name of a driver, as in each@mylwf");
        return false;
    }
    strcpy(faults->driver, at + 1);
    faults->plan.driver = faults->driver;
    return true;
}

void
faults_print(const struct ex_fault_plan *plan, const struct ex_fault_state *state, char *out, size_t out_bytes)
{
    const char *at = plan->driver ? "@" : "", *driver = plan->driver ? plan->driver : "";
    if (plan->mode == EX_FAULT_CHANCE)
        snprintf(out, out_bytes, "%u.%04u%%%s%s", plan->per_million / 10000, plan->per_million % 10000, at, driver);
    else
        snprintf(out, out_bytes, "%llu%s%s", (unsigned long long)(plan->mode == EX_FAULT_NUMBER ? plan->number : state->last_number), at,
                 driver);
}
