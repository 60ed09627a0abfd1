// SPDX-License-Identifier: MIT
// The short form: --driver NAME[,KEY=VALUE]... and --adapter NAME[,KEY=VALUE]... become the nodes of a file with one box, so that
// both forms are checked and resolved by the same code.
//
//   filters=lwfmon+mylwf                   several modules: + between them
//   protocols=tapproto:tap=nb1             a module's settings: : before each
//   settings.*RSS=1, registry.Parameters.Debug=1     any key of the file, dotted
//   \, \+ \: \\                            the character itself in a value
// A wire that a port names is declared by that: wire:lan is a perfect one.
#include <string.h>

#include "stack/stack_int.h"

#define SHORT_BOX "box"

// Cut text at each unescaped mark; the parts keep their escapes except those of the mark. Returns the next part, or NULL at the end.
static char *
cut_next(struct stack_arena *arena, const char **rest, char mark)
{
    if (!*rest)
        return NULL;
    char *part = stack_arena_copy(arena, *rest, strlen(*rest)), *out = part;
    const char *at = *rest;
    for (; *at && *at != mark; at++) {
        if (*at == '\\' && at[1] == mark)
            at++;
        else if (*at == '\\' && at[1])
            *out++ = *at++;
        *out++ = *at;
    }
    *out = 0;
    *rest = *at ? at + 1 : NULL;
    return part;
}

// Escapes that no level of cutting has used up.
static void
unescape(char *text)
{
    char *out = text;
    for (; *text; text++) {
        if (*text == '\\' && text[1] && strchr("\\,+:", text[1]))
            text++;
        *out++ = *text;
    }
    *out = 0;
}

static struct stack_node *
scalar(struct stack_reader *reader, const char *key, const char *text)
{
    struct stack_node *node = stack_node_create(reader->arena, STACK_NODE_SCALAR, (struct stack_place){reader->place_name, 0, 0});
    node->key = key;
    node->text = text;
    return node;
}

static struct stack_node *
map(struct stack_reader *reader, const char *key)
{
    struct stack_node *node = stack_node_create(reader->arena, STACK_NODE_MAP, (struct stack_place){reader->place_name, 0, 0});
    node->key = key;
    return node;
}

// "tapproto:tap=nb1" -> tapproto: { tap: nb1 }
static struct stack_node *
module_node(struct stack_reader *reader, char *text)
{
    const char *rest = text;
    char *name = cut_next(reader->arena, &rest, ':');
    unescape(name);
    if (!rest)
        return scalar(reader, NULL, name);
    struct stack_node *entry = map(reader, NULL), *settings = map(reader, name);
    stack_node_append(entry, settings);
    for (char *item; (item = cut_next(reader->arena, &rest, ':'));) {
        char *equals = strchr(item, '=');
        if (!equals || equals == item) {
            stack_error(reader, settings->place, "%s: \"%s\" is no setting; allowed: KEY=VALUE (a colon in a value is written \\:)", name,
                        item);
            return entry;
        }
        *equals = 0;
        unescape(equals + 1);
        stack_set_one(reader, settings, item, equals + 1);
    }
    return entry;
}

static struct stack_node *
modules_node(struct stack_reader *reader, const char *key, const char *text)
{
    struct stack_node *list = stack_node_create(reader->arena, STACK_NODE_LIST, (struct stack_place){reader->place_name, 0, 0});
    list->key = key;
    const char *rest = text;
    for (char *item; (item = cut_next(reader->arena, &rest, '+'));)
        stack_node_append(list, module_node(reader, item));
    return list;
}

static bool
is_modules(const char *key)
{
    return !strcmp(key, "filters") || !strcmp(key, "protocols") || !strcmp(key, "intermediates");
}

// One "NAME,KEY=VALUE,..." into the map of drivers or adapters.
static void
read_one(struct stack_reader *reader, const char *option, const char *text, struct stack_node *into)
{
    reader->place_name = stack_arena_format(reader->arena, "%s %s", option, text);
    const char *rest = text;
    char *name = cut_next(reader->arena, &rest, ',');
    struct stack_node *node = map(reader, name);
    if (!name[0] || strchr(name, '='))
        stack_error(reader, node->place, "begins with a name: %s",
                    !strcmp(option, "--driver") ? "--driver mylwf,path=./mylwf.so" : "--adapter nic0,driver=vnic,port=tap:nb0");
    else if (stack_node_find(into, name))
        stack_error(reader, node->place, "the name \"%s\" is taken by another %s", name, option);
    stack_node_append(into, node);
    for (char *item; (item = cut_next(reader->arena, &rest, ','));) {
        char *equals = strchr(item, '=');
        if (!equals || equals == item) {
            stack_error(reader, node->place, "\"%s\" is not KEY=VALUE (a comma in a value is written \\,)", item);
            continue;
        }
        *equals = 0;
        if (is_modules(item)) {
            if (stack_node_find(node, item))
                stack_error(reader, node->place, "%s stands here twice; several are written with +: %s=a+b", item, item);
            stack_node_append(node, modules_node(reader, item, equals + 1));
            continue;
        }
        unescape(equals + 1);
        stack_set_one(reader, node, item, equals + 1);
    }
}

static void
declare_wires(struct stack_reader *reader, const struct stack_node *adapters, struct stack_node *wires)
{
    for (const struct stack_node *adapter = adapters->first; adapter; adapter = adapter->next) {
        const struct stack_node *port = stack_node_find(adapter, "port");
        if (!port || port->kind != STACK_NODE_SCALAR || strncmp(port->text, "wire:", 5) || !port->text[5])
            continue;
        if (!stack_node_find(wires, port->text + 5))
            stack_node_append(wires, map(reader, port->text + 5));
    }
}

struct stack_node *
stack_short_read(struct stack_reader *reader, const char *const *drivers, size_t driver_count, const char *const *adapters,
                 size_t adapter_count)
{
    reader->place_name = "--adapter";
    struct stack_node *root = map(reader, NULL), *boxes = map(reader, "boxes"), *box = map(reader, SHORT_BOX);
    struct stack_node *driver_map = map(reader, "drivers"), *adapter_map = map(reader, "adapters"), *wires = map(reader, "wires");
    stack_node_append(root, scalar(reader, "ndisbox", "1"));
    stack_node_append(root, boxes);
    stack_node_append(boxes, box);
    for (size_t i = 0; i < driver_count; i++)
        read_one(reader, "--driver", drivers[i], driver_map);
    for (size_t i = 0; i < adapter_count; i++)
        read_one(reader, "--adapter", adapters[i], adapter_map);
    reader->place_name = "--adapter";
    if (driver_map->count)
        stack_node_append(box, driver_map);
    stack_node_append(box, adapter_map);
    declare_wires(reader, adapter_map, wires);
    if (wires->count)
        stack_node_append(root, wires);
    reader->place_name = NULL;
    return root;
}
