// SPDX-License-Identifier: MIT
// The names of OIDs and statuses that scripts may use, and their numbers. The tables are generated from include/ddk
// (tools/gen/constants.py), so that a name is known here as soon as drivers can use it.
#include <string.h>

#include "stack/stack_int.h"

static const struct stack_constant *
constant_find(const struct stack_constant *table, const char *name)
{
    for (; table->name; table++)
        if (!strcmp(table->name, name))
            return table;
    return NULL;
}

static const char *
constant_name(const struct stack_constant *table, uint32_t number)
{
    for (; table->name; table++)
        if (table->number == number)
            return table->name;
    return NULL;
}

bool
stack_oid_find(const char *name, uint32_t *number)
{
    uint64_t value;
    const struct stack_constant *constant = constant_find(stack_oids, name);
    bool is_number = !strncmp(name, "0x", 2) && scalar_uint(name, &value) && value <= UINT32_MAX;
    if (constant || is_number)
        *number = constant ? constant->number : (uint32_t)value;
    return constant || is_number;
}

bool
stack_status_find(const char *name, uint32_t *number)
{
    const struct stack_constant *constant = constant_find(stack_statuses, name);
    if (constant)
        *number = constant->number;
    return constant;
}

const char *
stack_oid_name(uint32_t number)
{
    return constant_name(stack_oids, number);
}

const char *
stack_status_name(uint32_t number)
{
    return constant_name(stack_statuses, number);
}

const char *const *
stack_constant_words(struct stack_arena *arena, const struct stack_constant *table)
{
    size_t count = 0;
    while (table[count].name)
        count++;
    const char **words = stack_arena_array(arena, count + 1, sizeof *words);
    for (size_t i = 0; i < count; i++)
        words[i] = table[i].name;
    return words;
}
