// SPDX-License-Identifier: MIT
// See words.h. The tables are generated in the order of the headers; the first name of a value is the one shown.
#include "ndis/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
word_of(const struct ndis_word *words, uint32_t value)
{
    static _Thread_local char unnamed[24];
    for (; words->name; words++)
        if (words->value == value)
            return words->name;
    snprintf(unnamed, sizeof unnamed, "0x%08x", value);
    return unnamed;
}

static bool
value_of(const struct ndis_word *words, const char *word, uint32_t *value)
{
    for (; words->name; words++) {
        if (!strcmp(words->name, word)) {
            *value = words->value;
            return true;
        }
    }
    char *end;
    unsigned long number = strtoul(word, &end, 0);
    *value = (uint32_t)number;
    return *word && !*end && number <= UINT32_MAX;
}

const char *
ndis_status_word(int32_t status)
{
    return word_of(ndis_status_words, (uint32_t)status);
}

bool
ndis_status_from_word(const char *word, int32_t *status)
{
    uint32_t value;
    bool known = value_of(ndis_status_words, word, &value);
    *status = (int32_t)value;
    return known;
}

const char *
ndis_oid_word(uint32_t oid)
{
    return word_of(ndis_oid_words, oid);
}

bool
ndis_oid_from_word(const char *word, uint32_t *oid)
{
    return value_of(ndis_oid_words, word, oid);
}
