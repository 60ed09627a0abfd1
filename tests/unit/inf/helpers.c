// SPDX-License-Identifier: MIT
// The helpers of inf_test.h. What is read stays until the test's process ends.
#include "inf_test.h"

#include <stdio.h>
#include <strings.h>

static struct inf *kept[256];
static size_t kept_count;

static void
kept_clear(void)
{
    for (size_t i = 0; i < kept_count; i++)
        inf_destroy(kept[i]);
    kept_count = 0;
}

static void
on_message(void *context, struct inf_place place, bool is_error, const char *sentence)
{
    struct said *said = context;
    size_t used = strlen(said->text);
    *(is_error ? &said->errors : &said->warnings) += 1;
    snprintf(said->text + used, sizeof said->text - used, "t.inf:%u:%u: %s: %s\n", place.line, place.column,
             is_error ? "error" : "warning", sentence);
}

struct inf *
read_text(const char *text, size_t bytes, const struct inf_options *options, struct said *said)
{
    static struct said none;
    struct inf_options mine = options ? *options : (struct inf_options){0};
    mine.on_message = on_message;
    mine.context = said ? said : &none;
    struct inf *inf = inf_read(&mine, text, bytes);
    if (inf && !kept_count)
        atexit(kept_clear);
    if (inf && kept_count < sizeof kept / sizeof *kept)
        kept[kept_count++] = inf;
    return inf;
}

const struct inf_component *
component_of_at(const char *text, int line)
{
    static struct said said;
    said = (struct said){0};
    struct inf *inf = read_text(text, strlen(text), NULL, &said);
    const struct inf_component *component = inf ? inf_component_find(inf) : NULL;
    ck_assert_msg(component != NULL && !said.errors, "line %d: refused: %s", line, said.text);
    return component;
}

void
expect_said_at(const char *text, const char *wanted, int line)
{
    static struct said said;
    said = (struct said){0};
    struct inf *inf = read_text(text, strlen(text), NULL, &said);
    const struct inf_component *component = inf ? inf_component_find(inf) : NULL;
    ck_assert_msg(strstr(said.text, wanted) != NULL, "line %d: wanted\n  %s\nsaid\n  %s", line, wanted, said.text);
    ck_assert_msg((component == NULL) == (said.errors > 0), "line %d: a meaning and errors, or neither", line);
}

const struct inf_value *
value_of(const struct inf_component *component, enum inf_root root, const char *key, const char *name)
{
    for (size_t i = 0; i < component->value_count; i++) {
        const struct inf_value *value = &component->values[i];
        if (value->root == root && !strcasecmp(value->key, key) && value->name && !strcasecmp(value->name, name))
            return value;
    }
    return NULL;
}
