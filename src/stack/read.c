// SPDX-License-Identifier: MIT
// The way in: bytes or options -> nodes -> --set -> check -> resolve; each step only when the one before found nothing wrong. And what
// the runner asks of a finished stack.
#include <string.h>

#include "stack/stack_int.h"

// Names and places of a stack point at its own copies, never at the caller's.
static struct stack_source
source_copy(struct stack_arena *arena, const struct stack_source *source)
{
    struct stack_source copy = *source;
    copy.name = stack_arena_format(arena, "%s", source->name);
    return copy;
}

static struct stack *
finish(struct stack_reader *reader, struct stack_node *root)
{
    struct stack *stack = NULL;
    if (root && !stack_failed(reader))
        stack_set_apply(reader, root);
    if (!stack_failed(reader))
        stack_check(reader, root);
    if (!stack_failed(reader))
        stack = stack_resolve(reader, root);
    if (!stack)
        stack_arena_destroy(reader->arena);
    return stack;
}

struct stack *
stack_read(const struct stack_source *source, const char *bytes, size_t length_bytes, struct stack_report *report)
{
    struct stack_arena *arena = stack_arena_create();
    struct stack_source copy = source_copy(arena, source);
    struct stack_reader reader = {.arena = arena, .report = report, .source = &copy, .errors_before = report->error_count};
    return finish(&reader, stack_yaml_read(&reader, bytes, length_bytes));
}

struct stack *
stack_read_short(const struct stack_source *source, const char *const *drivers, size_t driver_count, const char *const *adapters,
                 size_t adapter_count, struct stack_report *report)
{
    struct stack_arena *arena = stack_arena_create();
    struct stack_source copy = source_copy(arena, source);
    struct stack_reader reader = {.arena = arena, .report = report, .source = &copy, .errors_before = report->error_count};
    return finish(&reader, stack_short_read(&reader, drivers, driver_count, adapters, adapter_count));
}

void
stack_destroy(struct stack *stack)
{
    if (stack)
        stack_arena_destroy(stack->arena);
}

void
stack_driver_built(struct stack *stack, const struct stack_driver *driver, const char *path)
{
    ((struct stack_driver *)driver)->path = stack_arena_copy(stack->arena, path, strlen(path));
}

const struct stack_adapter *
stack_adapter_find(const struct stack *stack, const char *name)
{
    const char *dot = strchr(name, '.');
    for (size_t i = 0; dot && i < stack->box_count; i++) {
        const struct stack_box *box = &stack->boxes[i];
        if (strlen(box->name) != (size_t)(dot - name) || strncmp(box->name, name, (size_t)(dot - name)))
            continue;
        for (size_t j = 0; j < box->adapter_count; j++)
            if (!strcmp(box->adapters[j].name, dot + 1))
                return &box->adapters[j];
    }
    return NULL;
}

const struct stack_adapter *
stack_adapter_find_real(const struct stack *stack)
{
    static const char *const kinds[] = {"stream:", "stream-listen:", "tap:", "packet:", "xdp:", NULL};
    for (size_t i = 0; i < stack->box_count; i++)
        for (size_t j = 0; j < stack->boxes[i].adapter_count; j++) {
            const struct stack_adapter *adapter = &stack->boxes[i].adapters[j];
            for (size_t k = 0; adapter->port && kinds[k]; k++)
                if (!strncmp(adapter->port, kinds[k], strlen(kinds[k])))
                    return adapter;
        }
    return NULL;
}

const char *
stack_state_word(enum stack_state state)
{
    return schema_states[state];
}

const char *
stack_action_word(enum stack_action action)
{
    return schema_actions[action][0] == '?' ? schema_actions[action] + 1 : schema_actions[action];
}

const char *
stack_counter_word(enum stack_counter counter)
{
    return counter == STACK_COUNTER_FINDINGS ? schema_top_counters[0] : schema_counters[counter - STACK_COUNTER_RX_FRAMES];
}

const char *
stack_compare_word(enum stack_compare compare)
{
    static const char *const words[] = {"==", "!=", "<", "<=", ">", ">="};
    return words[compare];
}
