// SPDX-License-Identifier: MIT
// The schema table as JSON Schema 2020-12, for editors (yaml-language-server and the like). Scalars are typed by pattern, because YAML
// readers hand integers and booleans to a schema as such; what the pattern cannot say is in the description.
#include <jansson.h>
#include <string.h>

#include "stack/stack_int.h"

static json_t *json_map(const struct schema_map *map, struct stack_arena *arena);

static json_t *
json_pattern(const char *pattern)
{
    return json_pack("{s:[s,s,s], s:s}", "type", "string", "integer", "boolean", "pattern", pattern);
}

static json_t *
json_words(const char *const *words)
{
    json_t *list = json_array();
    for (size_t i = 0; words[i]; i++)
        if (words[i][0] != '?')
            json_array_append_new(list, json_string(words[i]));
    return json_pack("{s:o}", "enum", list);
}

static json_t *
json_int(const struct schema_key *key)
{
    json_t *schema = json_pack("{s:s, s:I}", "type", "integer", "minimum", (json_int_t)key->min);
    if (key->max <= INT64_MAX)
        json_object_set_new(schema, "maximum", json_integer((json_int_t)key->max));
    return schema;
}

static json_t *
json_named(const struct schema_key *key, struct stack_arena *arena)
{
    json_t *schema = json_pack("{s:[s,s], s:o, s:{s:s}}", "type", "object", "null", "additionalProperties", json_map(key->map, arena),
                               "propertyNames", "pattern", "^[A-Za-z0-9_-]{1,32}$");
    if (key->required)
        json_object_set_new(schema, "minProperties", json_integer(1));
    return schema;
}

// A bundled driver that is no client, and has known settings: a protocol.
static json_t *
json_modules(struct stack_arena *arena)
{
    json_t *properties = json_object();
    for (const struct stack_bundled *driver = stack_bundled; driver->name; driver++)
        if (driver->service && driver->kind != STACK_DRIVER_CLIENT)
            json_object_set_new(properties, driver->name, json_map(driver->service, arena));
    return json_pack("{s:s, s:{s:[{s:s}, {s:s, s:o, s:i, s:i}]}}", "type", "array", "items", "anyOf", "type", "string", "type", "object",
                     "properties", properties, "minProperties", 1, "maxProperties", 1);
}

static json_t *
json_lowers(void)
{
    return json_pack("{s:[{s:s}, {s:s, s:i, s:{s:s}}]}", "anyOf", "type", "string", "type", "array", "minItems", 1, "items", "type",
                     "string");
}

static json_t *
json_choices(const struct schema_key *key, struct stack_arena *arena)
{
    json_t *step = json_map(key->map, arena);
    json_object_set_new(step, "minProperties", json_integer(1));
    json_object_set_new(step, "maxProperties", json_integer(1));
    return json_pack("{s:s, s:i, s:o}", "type", "array", "minItems", 1, "items", step);
}

static json_t *
json_expectations(const struct schema_key *key, struct stack_arena *arena)
{
    json_t *schema = json_map(key->map, arena);
    json_object_set_new(schema, "patternProperties",
                        json_pack("{s:o}", "^[^.]+\\.[^.]+\\.[a-z_]+$", json_pattern("^((==|!=|<=|>=|<|>) *)?[0-9]")));
    return schema;
}

// A bundled client has known settings, any other driver has free ones.
static json_t *
json_services(struct stack_arena *arena)
{
    json_t *properties = json_object();
    for (const struct stack_bundled *driver = stack_bundled; driver->name; driver++)
        if (driver->service && driver->kind == STACK_DRIVER_CLIENT)
            json_object_set_new(properties, driver->name, json_map(driver->service, arena));
    return json_pack("{s:[s,s], s:o, s:{s:[s,s]}, s:{s:s}}", "type", "object", "null", "properties", properties, "additionalProperties",
                     "type", "object", "null", "propertyNames", "pattern", "^[A-Za-z0-9_-]{1,32}$");
}

static json_t *
json_scalar_or_tree(const struct schema_key *key, struct stack_arena *arena)
{
    switch (key->type) {
    case SCHEMA_NAME: return json_pattern("^[A-Za-z0-9_-]{1,32}$");
    case SCHEMA_BOOL: return json_pack("{s:[s,s]}", "type", "boolean", "string");
    case SCHEMA_INT: return json_int(key);
    case SCHEMA_SIZES: return json_pattern("^[0-9]+(\\.\\.[0-9]+)?$");
    case SCHEMA_DURATION: return json_pattern("^(0|[0-9]+(\\.[0-9]+)?(ns|us|ms|s|m|h))$");
    case SCHEMA_RATE: return json_pattern("^(0|[0-9]+(\\.[0-9]+)?(bit|Kbit|Mbit|Gbit))$");
    case SCHEMA_PERCENT: return json_pattern("^(0|[0-9]+(\\.[0-9]+)?%)$");
    case SCHEMA_MAC: return json_pattern("^[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}$");
    case SCHEMA_WORD: return json_words(key->words);
    case SCHEMA_TEXTS:
    case SCHEMA_PATHS: return json_pack("{s:[s,s]}", "type", "string", "array");
    case SCHEMA_PORT: return json_pattern("^((wire|stream|stream-listen|tap|packet|pcap):.+|sink|none)$");
    case SCHEMA_ADAPTER: return json_pattern("^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$");
    case SCHEMA_OID: return json_pattern("^(OID_[A-Z0-9_]+|0x[0-9A-Fa-f]+)$");
    case SCHEMA_STATUS: return json_pattern("^NDIS_STATUS_[A-Z0-9_]+$");
    case SCHEMA_OID_VALUE: return json_pattern("^(0x[0-9A-Fa-f]+|[0-9]+|hex:.*)$");
    case SCHEMA_COMPARE: return json_pattern("^((==|!=|<=|>=|<|>) *)?[0-9]");
    case SCHEMA_LOWERS: return json_lowers();
    case SCHEMA_SERVICES: return json_services(arena);
    case SCHEMA_VALUES: return json_pack("{s:[s,s]}", "type", "object", "null");
    case SCHEMA_MAP: return json_map(key->map, arena);
    case SCHEMA_NAMED: return json_named(key, arena);
    case SCHEMA_MODULES: return json_modules(arena);
    case SCHEMA_CHOICES: return json_choices(key, arena);
    case SCHEMA_EXPECTATIONS: return json_expectations(key, arena);
    default: return json_pack("{s:s}", "type", "string");
    }
}

// A key's schema; one that is reserved allows nothing.
static json_t *
json_key(const struct schema_key *key, struct stack_arena *arena)
{
    json_t *schema = key->later ? json_pack("{s:{}}", "not") : json_scalar_or_tree(key, arena);
    const char *text = key->later ? stack_arena_format(arena, "%s. Reserved: %s", key->doc, key->later)
                                  : stack_arena_format(arena, "%s. %s%s%s", key->doc, schema_type_words(key, arena),
                                                       key->fallback ? "; without it: " : "", key->fallback ? key->fallback : "");
    json_object_set_new(schema, "description", json_string(text));
    return schema;
}

static json_t *
json_map(const struct schema_map *map, struct stack_arena *arena)
{
    json_t *properties = json_object(), *required = json_array();
    for (const struct schema_key *key = map->keys; key->name; key++) {
        json_object_set_new(properties, key->name, json_key(key, arena));
        if (key->required)
            json_array_append_new(required, json_string(key->name));
    }
    const char *type = json_array_size(required) ? "object" : NULL;
    json_t *schema = type ? json_pack("{s:s}", "type", type) : json_pack("{s:[s,s]}", "type", "object", "null");
    json_object_set_new(schema, "description", json_string(map->doc));
    json_object_set_new(schema, "properties", properties);
    json_object_set_new(schema, "additionalProperties", json_false());
    if (type)
        json_object_set_new(schema, "required", required);
    else
        json_decref(required);
    return schema;
}

void
stack_schema_print_json(FILE *out)
{
    struct stack_arena *arena = stack_arena_create();
    json_t *schema = json_map(&schema_root, arena);
    json_object_set_new(schema, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
    json_object_set_new(schema, "title", json_string("ndisbox stack file"));
    json_dumpf(schema, out, JSON_INDENT(2) | JSON_SORT_KEYS);
    fputc('\n', out);
    json_decref(schema);
    stack_arena_destroy(arena);
}
