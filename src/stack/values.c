// SPDX-License-Identifier: MIT
// Registry values and settings: free trees, typed by how they are written. A plain integer is a REG_DWORD, quoted it is text;
// qword:N and hex:01 0a are what they say; a list is a REG_MULTI_SZ; a map is a key. A value whose name begins with * is a standard
// keyword, which an INF writes as REG_SZ [network/standardized-inf-keywords-for-network-devices], so a plain integer stays text there.
#include <string.h>
#include <strings.h>

#include "stack/stack_int.h"

#define VALUE_NAME_MAX 255   // as in the Windows registry, where values could have longer ones

static bool
is_plain_integer(const struct stack_node *node, uint64_t *number)
{
    return !node->quoted && scalar_uint(node->text, number);
}

static void
check_one(struct stack_reader *reader, const struct stack_node *node, const char *path)
{
    const uint8_t *bytes;
    size_t count;
    uint64_t number;
    if (node->kind == STACK_NODE_MAP) {
        stack_check_values(reader, node, path);
        return;
    }
    if (node->kind == STACK_NODE_LIST) {
        for (const struct stack_node *item = node->first; item; item = item->next)
            if (item->kind != STACK_NODE_SCALAR)
                stack_error(reader, item->place, "%s: found %s in a list; allowed: texts (a list is a REG_MULTI_SZ)", path,
                            stack_node_kind_words(item));
        return;
    }
    if (!node->quoted && !node->text[0])
        stack_error(reader, node->place,
                    "%s: found nothing; allowed: an integer, a text (\"\" is the empty one), qword:N, hex:01 0a, a list "
                    "of texts, or a map (a key)",
                    path);
    else if (!node->quoted && !strncmp(node->text, "hex:", 4) && !scalar_hex(reader->arena, node->text + 4, &bytes, &count))
        stack_error(reader, node->place, "%s: found \"%.80s\"; allowed: hex: and bytes of two digits, as in hex:01 0a", path, node->text);
    else if (!node->quoted && !strncmp(node->text, "qword:", 6) && !scalar_uint(node->text + 6, &number))
        stack_error(reader, node->place, "%s: found \"%.80s\"; allowed: qword: and an integer", path, node->text);
    else if (node->key[0] != '*' && is_plain_integer(node, &number) && number > UINT32_MAX)
        stack_error(reader, node->place, "%s: %s does not fit a REG_DWORD; write qword:%s, or quote it for text", path, node->text,
                    node->text);
}

void
stack_check_values(struct stack_reader *reader, const struct stack_node *map, const char *path)
{
    for (const struct stack_node *child = map->kind == STACK_NODE_MAP ? map->first : NULL; child; child = child->next) {
        const char *child_path = stack_arena_format(reader->arena, "%s.%.80s", path, child->key);
        if (!child->key[0] || strlen(child->key) > VALUE_NAME_MAX || strchr(child->key, '\\'))
            stack_error(reader, child->key_place, "%s: a name in the registry has 1 to %d bytes and no backslash", child_path,
                        VALUE_NAME_MAX);
        else
            check_one(reader, child, child_path);
        for (const struct stack_node *twin = map->first; twin != child; twin = twin->next)
            if (!strcasecmp(twin->key, child->key))
                stack_error(reader, child->key_place, "%s: the registry takes this for the same name as \"%.80s\" in line %u", child_path,
                            twin->key, twin->key_place.line);
    }
}

static void
resolve_list(struct stack_reader *reader, const struct stack_node *node, struct stack_value *value)
{
    const char **texts = stack_arena_array(reader->arena, node->count, sizeof *texts);
    value->kind = STACK_VALUE_LIST;
    value->texts = texts;
    for (const struct stack_node *item = node->first; item; item = item->next)
        texts[value->count++] = item->text;
}

static void
resolve_one(struct stack_reader *reader, const struct stack_node *node, struct stack_value *value)
{
    value->name = node->key;
    value->place = node->place;
    if (node->kind == STACK_NODE_MAP) {
        stack_resolve_values(reader, node, value);
    } else if (node->kind == STACK_NODE_LIST) {
        resolve_list(reader, node, value);
    } else if (node->key[0] != '*' && is_plain_integer(node, &value->number)) {
        value->kind = STACK_VALUE_DWORD;
    } else if (!node->quoted && !strncmp(node->text, "qword:", 6)) {
        value->kind = STACK_VALUE_QWORD;
        scalar_uint(node->text + 6, &value->number);
    } else if (!node->quoted && !strncmp(node->text, "hex:", 4)) {
        value->kind = STACK_VALUE_BINARY;
        scalar_hex(reader->arena, node->text + 4, &value->bytes, &value->count);
    } else {
        value->kind = STACK_VALUE_TEXT;
        value->text = node->text;
    }
}

void
stack_resolve_values(struct stack_reader *reader, const struct stack_node *map, struct stack_value *key)
{
    key->kind = STACK_VALUE_KEY;
    if (!map || map->kind != STACK_NODE_MAP)
        return;
    struct stack_value *children = stack_arena_array(reader->arena, map->count, sizeof *children);
    key->place = map->place;
    key->children = children;
    for (const struct stack_node *child = map->first; child; child = child->next)
        resolve_one(reader, child, &children[key->count++]);
}

const struct stack_value *
stack_value_find(const struct stack_value *key, const char *name)
{
    for (size_t i = 0; key && key->kind == STACK_VALUE_KEY && i < key->count; i++)
        if (!strcasecmp(key->children[i].name, name))
            return &key->children[i];
    return NULL;
}

const char *
stack_value_text(const struct stack_value *key, const char *name)
{
    const struct stack_value *value = stack_value_find(key, name);
    return value && value->kind == STACK_VALUE_TEXT ? value->text : NULL;
}
