// SPDX-License-Identifier: MIT
// The nodes against the schema table. Each complaint names the key's whole path, what was found, what is allowed and the nearest word;
// reading goes on behind it, so that one run shows all mistakes (up to STACK_ERRORS_MAX).
//
//   check_map -> check_value -> scalar kinds | named | modules | choices | expectations -> check_map ...
// What needs to know the rest of the file (does this adapter exist?) is resolve.c's.
#include <string.h>

#include "stack/stack_int.h"

static void check_value(struct stack_reader *reader, const struct schema_key *key, const struct stack_node *node, const char *path);

static bool
is_nothing(const struct stack_node *node)
{
    return node->kind == STACK_NODE_SCALAR && !node->quoted && !node->text[0];
}

// What was found, for a sentence: "a map", "nothing", or the text in quotes.
static const char *
found_words(struct stack_reader *reader, const struct stack_node *node)
{
    if (node->kind != STACK_NODE_SCALAR || is_nothing(node))
        return stack_node_kind_words(node);
    bool is_long = strlen(node->text) > 80;
    return stack_arena_format(reader->arena, "\"%.80s%s\"", node->text, is_long ? "..." : "");
}

static const char *
join_path(struct stack_reader *reader, const char *path, const char *name)
{
    return path[0] ? stack_arena_format(reader->arena, "%s.%.80s", path, name) : stack_arena_format(reader->arena, "%.80s", name);
}

static const char *const *
key_words(struct stack_reader *reader, const struct schema_map *map)
{
    size_t count = 0;
    while (map->keys[count].name)
        count++;
    const char **words = stack_arena_array(reader->arena, count + 1, sizeof *words);
    for (size_t i = 0; i < count; i++)
        words[i] = map->keys[i].later ? stack_arena_format(reader->arena, "?%s", map->keys[i].name) : map->keys[i].name;
    return words;
}

static void
report_wrong(struct stack_reader *reader, const struct schema_key *key, const struct stack_node *node, const char *path)
{
    const char *hint = node->kind == STACK_NODE_SCALAR && key->words ? stack_hint(reader, node->text, key->words) : "";
    stack_error(reader, node->place, "%s: found %s; allowed: %s%s", path, found_words(reader, node),
                schema_type_words(key, reader->arena), hint);
}

static void
report_unknown(struct stack_reader *reader, const struct schema_map *map, const struct stack_node *node, const char *path)
{
    const char *const *words = key_words(reader, map);
    stack_error(reader, node->key_place, "%s: unknown key%s; known for %s: %s", path, stack_hint(reader, node->key, words), map->name,
                stack_words_join(reader->arena, words));
}

static void
check_map(struct stack_reader *reader, const struct schema_map *map, const struct stack_node *node, const char *path)
{
    for (const struct stack_node *child = node->kind == STACK_NODE_MAP ? node->first : NULL; child; child = child->next) {
        const struct schema_key *key = schema_key_find(map, child->key);
        const char *child_path = join_path(reader, path, child->key);
        if (!key)
            report_unknown(reader, map, child, child_path);
        else if (key->later)
            stack_error(reader, child->key_place, "%s: not available: %s", child_path, key->later);
        else
            check_value(reader, key, child, child_path);
    }
    for (const struct schema_key *key = map->keys; key->name; key++)
        if (key->required && !stack_node_find(node, key->name))
            stack_error(reader, node->place, "%s%sneeds the key \"%s\": %s", path, path[0] ? ": " : "a stack file ", key->name,
                        schema_type_words(key, reader->arena));
}

static void
check_named(struct stack_reader *reader, const struct schema_key *key, const struct stack_node *node, const char *path)
{
    if (key->required && !node->count)
        stack_error(reader, node->place, "%s: needs at least one %s", path, key->map->name);
    for (const struct stack_node *child = node->first; child; child = child->next) {
        const char *child_path = join_path(reader, path, child->key);
        if (!scalar_name(child->key))
            stack_error(reader, child->key_place, "%s: \"%.80s\" is no name; a name has letters, digits, _ and -, at most %d", path,
                        child->key, STACK_NAME_MAX);
        else if (child->kind != STACK_NODE_MAP && !is_nothing(child))
            stack_error(reader, child->place, "%s: found %s; allowed: a map that describes the %s", child_path,
                        found_words(reader, child), key->map->name);
        else
            check_map(reader, key->map, child, child_path);
    }
}

// filters: [lwfmon, mylwf: { Debug: 1 }]
static void
check_modules(struct stack_reader *reader, const struct stack_node *node, const char *path)
{
    size_t index = 0;
    for (const struct stack_node *item = node->first; item; item = item->next, index++) {
        const char *item_path = stack_arena_format(reader->arena, "%s.%zu", path, index);
        bool is_named = item->kind == STACK_NODE_MAP && item->count == 1;
        const char *name = is_named ? item->first->key : item->kind == STACK_NODE_SCALAR ? item->text : NULL;
        if (!name || !scalar_name(name)) {
            stack_error(reader, item->place, "%s: found %s%s; allowed: a driver name, or NAME: { KEY: VALUE }", item_path,
                        found_words(reader, item),
                        item->kind == STACK_NODE_MAP && item->count > 1 ? " with several keys (each module is an "
                                                                          "entry of its own, after a dash)"
                                                                        : "");
            continue;
        }
        if (!is_named || is_nothing(item->first))
            continue;
        const char *settings_path = join_path(reader, item_path, name);
        const struct stack_bundled *bundled = stack_bundled_find(name);
        if (item->first->kind != STACK_NODE_MAP)
            stack_error(reader, item->first->place, "%s: found %s; allowed: a map of settings", settings_path,
                        found_words(reader, item->first));
        else if (bundled && bundled->service)
            check_map(reader, bundled->service, item->first, settings_path);
        else
            stack_check_values(reader, item->first, settings_path);
    }
}

// services: { tdihttpd: { root: ./www }, mine: { Depth: 3 } }
static void
check_services(struct stack_reader *reader, const struct stack_node *node, const char *path)
{
    for (const struct stack_node *child = node->first; child; child = child->next) {
        const char *child_path = join_path(reader, path, child->key);
        const struct stack_bundled *bundled = stack_bundled_find(child->key);
        if (!scalar_name(child->key))
            stack_error(reader, child->key_place, "%s: \"%.80s\" is no name; a name has letters, digits, _ and -, at most %d", path,
                        child->key, STACK_NAME_MAX);
        else if (child->kind != STACK_NODE_MAP && !is_nothing(child))
            stack_error(reader, child->place, "%s: found %s; allowed: a map of settings, or {}", child_path, found_words(reader, child));
        else if (bundled && bundled->service)
            check_map(reader, bundled->service, child, child_path);
        else
            stack_check_values(reader, child, child_path);
    }
}

static void
check_choices(struct stack_reader *reader, const struct schema_key *key, const struct stack_node *node, const char *path)
{
    size_t index = 0;
    if (!node->count)
        stack_error(reader, node->place, "%s: a script without a step would end the run at once; take it out, or add a step", path);
    for (const struct stack_node *item = node->first; item; item = item->next, index++) {
        const char *item_path = stack_arena_format(reader->arena, "%s.%zu", path, index);
        if (item->kind == STACK_NODE_MAP && item->count == 1) {
            check_map(reader, key->map, item, item_path);
            continue;
        }
        const char *words = stack_words_join(reader->arena, key_words(reader, key->map));
        if (item->kind == STACK_NODE_MAP)
            stack_error(reader, item->place, "%s: one %s has one word, found %zu; put a dash before each (words: %s)", item_path,
                        key->map->name, item->count, words);
        else
            stack_error(reader, item->place, "%s: found %s; allowed: %s, each with a map", item_path, found_words(reader, item), words);
    }
}

// Free keys are BOX.ADAPTER.COUNTER; their values are comparisons.
static void
check_expectations(struct stack_reader *reader, const struct schema_key *key, const struct stack_node *node, const char *path)
{
    static const struct schema_key counter = {.type = SCHEMA_COMPARE};
    size_t counters = 0;
    for (const struct stack_node *child = node->first; child; child = child->next) {
        const struct schema_key *known = schema_key_find(key->map, child->key);
        const char *child_path = join_path(reader, path, child->key);
        const char *last = strrchr(child->key, '.');
        counters += !known || known->type == SCHEMA_COMPARE;
        if (known)
            check_value(reader, known, child, child_path);
        else if (!last)
            report_unknown(reader, key->map, child, child_path);
        else if (scalar_word(last + 1, schema_counters) == SIZE_MAX)
            stack_error(reader, child->key_place, "%s: \"%s\" is no counter%s; counters: %s", child_path, last + 1,
                        stack_hint(reader, last + 1, schema_counters), stack_words_join(reader->arena, schema_counters));
        else
            check_value(reader, &counter, child, child_path);
    }
    if (!counters)
        stack_error(reader, node->place, "%s: expects nothing; add a counter, for example alpha.nic0.rx_frames: \">= 1\"", path);
}

static void
check_port(struct stack_reader *reader, const struct schema_key *key, const struct stack_node *node, const char *path)
{
    size_t length = strcspn(node->text, ":");
    const char *kind = stack_arena_copy(reader->arena, node->text, length);
    const char *argument = node->text[length] ? node->text + length + 1 : "";
    size_t index = scalar_word(kind, key->words);
    bool is_bare = !strcmp(kind, "none"), has_options = !strcmp(kind, "sink");   // whose options the port itself checks
    if (index == SIZE_MAX)
        stack_error(reader, node->place, "%s: found \"%.80s\"%s; allowed: %s", path, node->text, stack_hint(reader, kind, key->words),
                    schema_type_words(key, reader->arena));
    else if (key->words[index][0] == '?')
        stack_error(reader, node->place, "%s: not available: port %s is not built yet; packet:INTERFACE takes frames of an interface too",
                    path, kind);
    else if (is_bare ? node->text[length] != 0 : !argument[0] && !has_options)
        stack_error(reader, node->place,
                    is_bare ? "%s: \"%s\" takes nothing after it" : "%s: \"%s\" needs something after it, as in %s:...", path, kind,
                    kind);
    else if (!strcmp(kind, "wire") && !scalar_name(argument))
        stack_error(reader, node->place, "%s: \"%.80s\" is no name of a wire", path, argument);
    else if ((!strcmp(kind, "tap") || !strcmp(kind, "packet")) && (strlen(argument) > 15 || strpbrk(argument, "/ \t:%")))
        stack_error(reader, node->place, "%s: \"%.80s\" is no interface name; Linux allows 15 characters without / and blanks", path,
                    argument);
    else if (!strcmp(kind, "pcap") && argument[0] == ',')
        stack_error(reader, node->place, "%s: \"pcap:\" needs a file to read before the comma: pcap:IN[,OUT]", path);
}

static void
check_word(struct stack_reader *reader, const struct schema_key *key, const struct stack_node *node, const char *path)
{
    size_t index = scalar_word(node->text, key->words);
    if (index == SIZE_MAX)
        report_wrong(reader, key, node, path);
    else if (key->words[index][0] == '?')
        stack_error(reader, node->place, "%s: not available: \"%s\" is not built yet; allowed: %s", path, node->text,
                    schema_type_words(key, reader->arena));
}

static bool
is_oid_value(struct stack_reader *reader, const char *text)
{
    uint64_t number;
    const uint8_t *bytes;
    size_t count;
    return strncmp(text, "hex:", 4) ? scalar_uint(text, &number) && number <= UINT32_MAX
                                    : scalar_hex(reader->arena, text + 4, &bytes, &count);
}

static bool
is_within(uint64_t number, const struct schema_key *key)
{
    return number >= key->min && number <= key->max;
}

static bool
scalar_fits(struct stack_reader *reader, const struct schema_key *key, const char *text)
{
    uint64_t low, high;
    uint8_t mac[6];
    double part;
    bool flag;
    enum stack_compare compare;
    switch (key->type) {
    case SCHEMA_NAME: return scalar_name(text);
    case SCHEMA_BOOL: return scalar_bool(text, &flag);
    case SCHEMA_INT: return scalar_uint(text, &low) && is_within(low, key);
    case SCHEMA_SIZES: return scalar_range(text, &low, &high) && is_within(low, key) && is_within(high, key);
    case SCHEMA_DURATION: return scalar_duration(text, &low) && is_within(low, key);
    case SCHEMA_RATE: return scalar_rate(text, &low) && is_within(low, key);
    case SCHEMA_PERCENT: return scalar_percent(text, &part);
    case SCHEMA_MAC: return scalar_mac(text, mac);
    case SCHEMA_OID_VALUE: return is_oid_value(reader, text);
    case SCHEMA_COMPARE: return scalar_compare(text, &compare, &low);
    default: return text[0] != 0;
    }
}

static void
check_constant(struct stack_reader *reader, const struct schema_key *key, const struct stack_node *node, const char *path)
{
    uint32_t number;
    bool is_oid = key->type == SCHEMA_OID;
    if (is_oid ? stack_oid_find(node->text, &number) : stack_status_find(node->text, &number))
        return;
    const char *const *words = stack_constant_words(reader->arena, is_oid ? stack_oids : stack_statuses);
    stack_error(reader, node->place, "%s: found \"%.80s\"%s; allowed: %s", path, node->text, stack_hint(reader, node->text, words),
                schema_type_words(key, reader->arena));
}

static void
check_scalar(struct stack_reader *reader, const struct schema_key *key, const struct stack_node *node, const char *path)
{
    if (node->kind != STACK_NODE_SCALAR || is_nothing(node))
        report_wrong(reader, key, node, path);
    else if (key->type == SCHEMA_WORD)
        check_word(reader, key, node, path);
    else if (key->type == SCHEMA_PORT)
        check_port(reader, key, node, path);
    else if (key->type == SCHEMA_OID || key->type == SCHEMA_STATUS)
        check_constant(reader, key, node, path);
    else if (!scalar_fits(reader, key, node->text))
        report_wrong(reader, key, node, path);
}

// above: nic0, or above: [nic0, nic1]
static void
check_lowers(struct stack_reader *reader, const struct schema_key *key, const struct stack_node *node, const char *path)
{
    bool is_list = node->kind == STACK_NODE_LIST;
    bool is_good = is_list ? node->count > 0 : node->kind == STACK_NODE_SCALAR && scalar_name(node->text);
    for (const struct stack_node *item = is_list ? node->first : NULL; item; item = item->next)
        is_good &= item->kind == STACK_NODE_SCALAR && scalar_name(item->text);
    if (!is_good)
        report_wrong(reader, key, node, path);
}

static void
check_paths(struct stack_reader *reader, const struct schema_key *key, const struct stack_node *node, const char *path)
{
    bool is_good = node->count >= 1 && node->count <= key->max;
    for (const struct stack_node *item = node->first; item; item = item->next)
        is_good &= item->kind == STACK_NODE_SCALAR && item->text[0];
    if (!is_good)
        stack_error(reader, node->place, "%s: found a list of %zu; allowed: %s", path, node->count, schema_type_words(key, reader->arena));
}

static void
check_value(struct stack_reader *reader, const struct schema_key *key, const struct stack_node *node, const char *path)
{
    if (key->type == SCHEMA_LOWERS) {
        check_lowers(reader, key, node, path);
        return;
    }
    enum stack_node_kind wanted = STACK_NODE_SCALAR;
    if ((key->type == SCHEMA_PATHS || key->type == SCHEMA_TEXTS) && node->kind == STACK_NODE_LIST) {
        check_paths(reader, key, node, path);
        return;
    }
    if (key->type == SCHEMA_MODULES || key->type == SCHEMA_CHOICES)
        wanted = STACK_NODE_LIST;
    else if (key->type >= SCHEMA_VALUES)
        wanted = STACK_NODE_MAP;
    if (wanted == STACK_NODE_SCALAR) {
        check_scalar(reader, key, node, path);
        return;
    }
    if (node->kind != wanted && !is_nothing(node)) {
        report_wrong(reader, key, node, path);
        return;
    }
    switch (key->type) {
    case SCHEMA_VALUES: stack_check_values(reader, node, path); break;
    case SCHEMA_SERVICES: check_services(reader, node, path); break;
    case SCHEMA_MAP: check_map(reader, key->map, node, path); break;
    case SCHEMA_NAMED: check_named(reader, key, node, path); break;
    case SCHEMA_MODULES: check_modules(reader, node, path); break;
    case SCHEMA_CHOICES: check_choices(reader, key, node, path); break;
    default: check_expectations(reader, key, node, path); break;
    }
}

void
stack_check(struct stack_reader *reader, const struct stack_node *root)
{
    const struct stack_node *version = stack_node_find(root, "ndisbox");
    if (root->kind != STACK_NODE_MAP || (!version && !stack_node_find(root, "boxes"))) {
        stack_error(reader, root->place,
                    "this is no stack file: it should be a map that begins with \"ndisbox: %d\", found %s (see ndisbox-stack(5), or "
                    "start from \"ndisbox run --adapter nic0,driver=vnic,port=sink --print-stack\")",
                    STACK_SCHEMA_VERSION, root->kind == STACK_NODE_MAP ? "other keys" : stack_node_kind_words(root));
        return;
    }
    check_map(reader, &schema_root, root, "");
}
