// SPDX-License-Identifier: MIT
// Look-ups in the generated DDI table: by name (binary search, the rows are sorted as bytes), by alias (a walk: only people
// ask for it), and the words of its columns.
#include "verify/ddi_table.h"

#include <string.h>

const struct ddi_row *
ddi_row_find(const char *name)
{
    size_t low = 0, high = DDI_COUNT;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, ddi_rows[middle].name);
        if (order == 0)
            return &ddi_rows[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    for (size_t i = 0; i < DDI_COUNT; i++)
        if (ddi_rows[i].alias && strcmp(ddi_rows[i].alias, name) == 0)
            return &ddi_rows[i];
    return NULL;
}

const char *
ddi_kind_name(enum ddi_kind kind)
{
    static const char *const names[] = {"function", "callback", "macro", "inline"};
    return names[kind];
}

const char *
ddi_status_name(enum ddi_status status)
{
    static const char *const names[] = {"full", "partial", "refuse", "absent"};
    return names[status];
}

/* The levels of x64. Device interrupts are one range: the table never needs to tell them apart. */
static bool
level_parse(const char *word, uint8_t *lowest, uint8_t *highest)
{
    static const struct {
        const char *word;
        uint8_t lowest, highest;
    } levels[] = {{"PASSIVE", 0, 0}, {"APC", 1, 1}, {"DISPATCH", 2, 2}, {"DIRQL", 3, 12}, {"HIGH", 15, 15}};

    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (strcmp(levels[i].word, word) == 0) {
            *lowest = levels[i].lowest;
            *highest = levels[i].highest;
            return true;
        }
    }
    return false;
}

bool
ddi_irql_parse(const char *word, uint8_t *irql_min, uint8_t *irql_max)
{
    bool at_most = strncmp(word, "<=", 2) == 0, at_least = strncmp(word, ">=", 2) == 0;
    uint8_t lowest = 0, highest = 15;

    if (strcmp(word, "-") != 0 && strcmp(word, "any") != 0)
        if (!level_parse(word + (at_most || at_least ? 2 : 0), &lowest, &highest))
            return false;
    *irql_min = at_most ? 0 : lowest;
    *irql_max = at_least ? 15 : highest;
    return true;
}
