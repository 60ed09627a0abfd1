// SPDX-License-Identifier: MIT
// YAML bytes -> nodes, through libyaml's events. Bounded in depth, nodes, keys of a map and bytes; anchors, aliases, tags and further
// documents are refused where they stand, so that no input can grow while it is read. Every scalar stays text.
//
//   stack_yaml_read: parser events -> on_event -> open_node / take_scalar / close    one loop, a fixed stack of open maps and lists
#include <string.h>
#include <yaml.h>

#include "stack/stack_int.h"

#define KEYS_MAX 4096   // of one map: keys are compared one by one

struct open_node {
    struct stack_node *node;
    const char *key;                 // a map that has had a key and waits for its value
    struct stack_place key_place;
};

struct yaml_reading {
    struct stack_reader *reader;
    struct stack_node *root;
    struct open_node open[STACK_DEPTH_MAX];
    size_t depth;
    unsigned documents;
};

static struct stack_place
place_of(struct yaml_reading *r, yaml_mark_t mark)
{
    if (r->reader->place_name)
        return (struct stack_place){r->reader->place_name, 0, 0};
    return (struct stack_place){r->reader->source->name, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1};
}

static bool
is_value_expected(struct yaml_reading *r)
{
    struct open_node *top = &r->open[r->depth - 1];
    return top->node->kind == STACK_NODE_LIST || top->key;
}

// Hang a finished or just opened node where it belongs.
static bool
attach(struct yaml_reading *r, struct stack_node *node)
{
    if (!r->depth) {
        r->root = node;
        return true;
    }
    struct open_node *top = &r->open[r->depth - 1];
    if (top->node->kind == STACK_NODE_MAP) {
        if (!top->key) {
            stack_error(r->reader, node->place, "a key must be plain text, not %s", stack_node_kind_words(node));
            return false;
        }
        node->key = top->key;
        node->key_place = top->key_place;
        top->key = NULL;
    }
    stack_node_append(top->node, node);
    return true;
}

static bool
take_key(struct yaml_reading *r, const char *text, struct stack_place place)
{
    struct open_node *top = &r->open[r->depth - 1];
    const struct stack_node *twin = stack_node_find(top->node, text);
    if (twin) {
        stack_error(r->reader, place, "%s: this key stands here twice; the first is in line %u", text, twin->key_place.line);
        return false;
    }
    if (top->node->count >= KEYS_MAX) {
        stack_error(r->reader, place, "more than %d keys in one map", KEYS_MAX);
        return false;
    }
    top->key = text;
    top->key_place = place;
    return true;
}

static bool
take_scalar(struct yaml_reading *r, const yaml_event_t *event)
{
    struct stack_place place = place_of(r, event->start_mark);
    const char *value = (const char *)event->data.scalar.value;
    size_t length = event->data.scalar.length;
    if (event->data.scalar.tag) {
        stack_error(r->reader, place, "YAML tags (!...) are not used in stack files; write the value alone");
        return false;
    }
    if (memchr(value, 0, length)) {
        stack_error(r->reader, place, "a NUL character in a value");
        return false;
    }
    const char *text = stack_arena_copy(r->reader->arena, value, length);
    if (r->depth && !is_value_expected(r))
        return take_key(r, text, place);
    struct stack_node *node = stack_node_create(r->reader->arena, STACK_NODE_SCALAR, place);
    node->text = text;
    node->quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return attach(r, node);
}

static bool
open_node(struct yaml_reading *r, enum stack_node_kind kind, yaml_mark_t mark, const void *tag)
{
    struct stack_place place = place_of(r, mark);
    if (tag) {
        stack_error(r->reader, place, "YAML tags (!...) are not used in stack files");
        return false;
    }
    if (r->depth == STACK_DEPTH_MAX) {
        stack_error(r->reader, place, "maps and lists are nested more than %d deep", STACK_DEPTH_MAX);
        return false;
    }
    struct stack_node *node = stack_node_create(r->reader->arena, kind, place);
    if (!attach(r, node))
        return false;
    r->open[r->depth++] = (struct open_node){.node = node};
    return true;
}

static bool
has_anchor(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: return event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return event->data.mapping_start.anchor;
    default: return event->type == YAML_ALIAS_EVENT;
    }
}

static bool
on_event(struct yaml_reading *r, const yaml_event_t *event)
{
    struct stack_place place = place_of(r, event->start_mark);
    if (has_anchor(event)) {
        stack_error(r->reader, place,
                    "YAML anchors and aliases (&name, *name) are not used in stack files; write the value out "
                    "(a name that begins with * needs quotes: \"*RSS\")");
        return false;
    }
    if (++r->reader->node_count > STACK_NODES_MAX) {
        stack_error(r->reader, place, "more than %d values in one file", STACK_NODES_MAX);
        return false;
    }
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->documents++) {
            stack_error(r->reader, place, "a second YAML document (---); a stack file is one document");
            return false;
        }
        return true;
    case YAML_SCALAR_EVENT: return take_scalar(r, event);
    case YAML_MAPPING_START_EVENT: return open_node(r, STACK_NODE_MAP, event->start_mark, event->data.mapping_start.tag);
    case YAML_SEQUENCE_START_EVENT: return open_node(r, STACK_NODE_LIST, event->start_mark, event->data.sequence_start.tag);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT: r->depth--; return true;
    default: return true;
    }
}

// libyaml found no YAML: its own words, and the commonest causes.
static void
report_syntax(struct yaml_reading *r, const yaml_parser_t *parser)
{
    yaml_mark_t mark = parser->problem_mark;
    const char *problem = parser->problem ? parser->problem : "unreadable";
    const char *hint = "";
    if (strstr(problem, "cannot start any token"))
        hint = " (a tab indents nothing in YAML, and a value that begins with @, ` or % needs quotes)";
    else if (strstr(problem, "alias"))
        hint = " (a name that begins with * needs quotes: \"*RSS\")";
    else if (strstr(problem, "mapping values are not allowed"))
        hint = " (is the indentation of this line right? a value that holds \": \" needs quotes)";
    else if (strstr(problem, "did not find expected"))
        hint = " (is the indentation right, and every bracket and quote closed?)";
    if (parser->error == YAML_READER_ERROR) {
        struct stack_place place = {place_of(r, mark).file, 0, 0};
        stack_error(r->reader, place, "not a text file in UTF-8: %s at byte %zu", problem, parser->problem_offset);
        return;
    }
    stack_error(r->reader, place_of(r, mark), "not YAML: %s%s%s%s", parser->context ? parser->context : "", parser->context ? ": " : "",
                problem, hint);
}

static void
parse_all(struct yaml_reading *r, yaml_parser_t *parser)
{
    for (bool more = true; more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(parser, &event)) {
            report_syntax(r, parser);
            return;
        }
        more = on_event(r, &event) && event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
}

// The whole of a file, or of a value given on the command line. NULL with an error.
struct stack_node *
stack_yaml_read(struct stack_reader *reader, const char *bytes, size_t length_bytes)
{
    struct yaml_reading reading = {.reader = reader};
    struct stack_place top = place_of(&reading, (yaml_mark_t){0});
    if (length_bytes > STACK_FILE_BYTES_MAX) {
        stack_error(reader, top, "the file has %zu bytes; a stack file has at most %u", length_bytes, STACK_FILE_BYTES_MAX);
        return NULL;
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        stack_error(reader, top, "out of memory");
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)bytes, length_bytes);
    parse_all(&reading, &parser);
    yaml_parser_delete(&parser);
    if (stack_failed(reader))
        return NULL;
    if (!reading.root) {
        reading.root = stack_node_create(reader->arena, STACK_NODE_SCALAR, top);
        reading.root->text = "";
    }
    return reading.root;
}
