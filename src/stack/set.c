// SPDX-License-Identifier: MIT
// --set KEY=VALUE: one value of the tree replaced before anything is checked, so that an override means exactly what the same words
// in the file would. A value that begins with [ or { is read as YAML, any other is one value; a dot in a key is written \.
#include <string.h>

#include "stack/stack_int.h"

// The next part of a dotted path; *path goes behind it. "" at a stray dot.
static const char *
path_next(struct stack_arena *arena, const char **path)
{
    char *part = stack_arena_copy(arena, *path, strlen(*path)), *out = part;
    const char *at = *path;
    for (; *at && *at != '.'; at++) {
        if (*at == '\\' && (at[1] == '.' || at[1] == '\\'))
            at++;
        *out++ = *at;
    }
    *out = 0;
    *path = *at ? at + 1 : at;
    return part;
}

static struct stack_node *
value_node(struct stack_reader *reader, const char *value)
{
    if (value[0] == '[' || value[0] == '{')
        return stack_yaml_read(reader, value, strlen(value));
    struct stack_node *node = stack_node_create(reader->arena, STACK_NODE_SCALAR, (struct stack_place){reader->place_name, 0, 0});
    size_t length = strlen(value);
    bool quoted = length >= 2 && (value[0] == '"' || value[0] == '\'') && value[length - 1] == value[0];
    node->quoted = quoted;
    node->text = quoted ? stack_arena_copy(reader->arena, value + 1, length - 2) : stack_arena_copy(reader->arena, value, length);
    return node;
}

// The child called part, made when it is not there. A list is entered by number.
static struct stack_node *
step_into(struct stack_reader *reader, struct stack_node *node, const char *part)
{
    struct stack_place place = {reader->place_name, 0, 0};
    if (node->kind == STACK_NODE_LIST) {
        uint64_t index;
        if (!scalar_uint(part, &index) || index >= node->count) {
            stack_error(reader, place, "\"%s\" stands for a place in a list here; it has %zu, counted from 0", part, node->count);
            return NULL;
        }
        struct stack_node *item = node->first;
        while (index--)
            item = item->next;
        return item;
    }
    if (node->kind == STACK_NODE_SCALAR) {   // a name alone becomes a map: filters: [lwfmon] and filters.0.lwfmon.X=1
        struct stack_node *named = NULL;
        if (node->text[0]) {
            named = stack_node_create(reader->arena, STACK_NODE_SCALAR, place);
            named->key = node->text;
            named->text = "";
        }
        node->kind = STACK_NODE_MAP;
        if (named)
            stack_node_append(node, named);
    }
    struct stack_node *child = stack_node_find(node, part);
    if (!child) {
        child = stack_node_create(reader->arena, STACK_NODE_SCALAR, place);
        child->key = part;
        child->text = "";
        stack_node_append(node, child);
    }
    return child;
}

void
stack_set_one(struct stack_reader *reader, struct stack_node *root, const char *path, const char *value)
{
    struct stack_place place = {reader->place_name, 0, 0};
    struct stack_node *node = root;
    for (unsigned depth = 0; *path; depth++) {
        const char *part = path_next(reader->arena, &path);
        if (!part[0] || depth == STACK_DEPTH_MAX) {
            stack_error(reader, place, part[0] ? "the key has too many parts" : "the key has an empty part");
            return;
        }
        node = step_into(reader, node, part);
        if (!node)
            return;
    }
    struct stack_node *fresh = value_node(reader, value);
    if (!fresh)
        return;
    node->kind = fresh->kind;
    node->quoted = fresh->quoted;
    node->text = fresh->text;
    node->first = fresh->first;
    node->last = fresh->last;
    node->count = fresh->count;
    node->place = place;
}

void
stack_set_apply(struct stack_reader *reader, struct stack_node *root)
{
    for (size_t i = 0; i < reader->source->set_count; i++) {
        const char *set = reader->source->sets[i], *equals = strchr(set, '=');
        reader->place_name = stack_arena_format(reader->arena, "--set %s", set);
        if (!equals || equals == set)
            stack_error(reader, (struct stack_place){reader->place_name, 0, 0},
                        "--set takes KEY=VALUE, for example boxes.alpha.adapters.nic0.port=tap:nb0");
        else
            stack_set_one(reader, root, stack_arena_copy(reader->arena, set, (size_t)(equals - set)), equals + 1);
    }
    reader->place_name = NULL;
}
