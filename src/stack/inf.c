// SPDX-License-Identifier: MIT
// A driver's INF in a stack: read it, know the driver's kind and service from it, hold settings against it. An INF of a bundled driver
// is read without being asked for, where the tool has one.
//
//   stack_inf_read -> read_one (inf_read, inf_component_find; messages with the INF's own lines) -> kind, service
//   stack_inf_settings: each value that the INF declares is checked and becomes a text, as the INF's defaults are (REG_SZ)
#include <stdlib.h>
#include <string.h>

#include "stack/stack_int.h"

#define SUBSTS_MAX 256

struct inf_reading {
    struct stack_reader *reader;
    const char *file;
};

static void
on_message(void *context, struct inf_place place, bool is_error, const char *sentence)
{
    const struct inf_reading *reading = context;
    struct stack_place where = {reading->file, place.line, place.column};
    if (is_error)
        stack_error(reading->reader, where, "%s", sentence);
    else
        stack_warning(reading->reader, where, "%s", sentence);
}

static void
inf_go(void *thing)
{
    inf_destroy(thing);
}

// A plain integer is a number elsewhere; here it is a text too.
static const char *
value_text(struct stack_reader *reader, const struct stack_value *value)
{
    switch (value->kind) {
    case STACK_VALUE_DWORD:
    case STACK_VALUE_QWORD: return stack_arena_format(reader->arena, "%llu", (unsigned long long)value->number);
    case STACK_VALUE_TEXT: return value->text;
    default: return NULL;
    }
}

static size_t
substs_make(struct stack_reader *reader, const struct stack_driver *driver, struct inf_subst **substs, const char *path)
{
    *substs = stack_arena_array(reader->arena, driver->subst.count + 1, sizeof **substs);
    for (size_t i = 0; i < driver->subst.count; i++) {
        const struct stack_value *value = &driver->subst.children[i];
        (*substs)[i] = (struct inf_subst){value->name, value_text(reader, value)};
        if ((*substs)[i].value)
            continue;
        stack_error(reader, value->place, "%s: subst.%s is no text; allowed: NAME: text", path, value->name);
        (*substs)[i].value = "";
    }
    return driver->subst.count;
}

static const struct inf_component *
read_one(struct stack_reader *reader, struct stack_driver *driver, const char *file, const struct stack_node *node, const char *path)
{
    const struct stack_files *files = &reader->source->files;
    struct inf_reading *reading = stack_arena_alloc(reader->arena, sizeof *reading);
    struct inf_subst *substs;
    const char *why = "INF files cannot be read here";
    size_t length_bytes = 0;
    char *bytes = files->read_inf ? files->read_inf(files->context, file, &length_bytes, &why) : NULL;
    if (!bytes) {
        stack_error(reader, node ? node->place : driver->place, "%s: %s: %s", path, file, why);
        return NULL;
    }
    *reading = (struct inf_reading){reader, file};
    size_t subst_count = substs_make(reader, driver, &substs, path);
    struct inf_options options = {
        .substs = substs, .subst_count = subst_count, .model = driver->model, .on_message = on_message, .context = reading};
    struct inf *inf = inf_read(&options, bytes, length_bytes);
    free(bytes);
    if (!inf)
        return NULL;
    stack_arena_attach(reader->arena, inf_go, inf);
    const struct inf_component *component = inf_component_find(inf);
    // Of an intermediate's two, the miniport's has the settings.
    if (component && (!driver->inf || component->kind == INF_MINIPORT))
        driver->inf = inf;
    return component;
}

static enum stack_driver_kind
kind_of(enum inf_kind kind)
{
    switch (kind) {
    case INF_MINIPORT: return STACK_DRIVER_MINIPORT;
    case INF_PROTOCOL: return STACK_DRIVER_PROTOCOL;
    case INF_FILTER: return STACK_DRIVER_FILTER;
    default: return STACK_DRIVER_ANY;
    }
}

// Two INFs are an intermediate's: its virtual miniport (Net) and its protocol side (NetTrans), of one driver.
static void
read_two(struct stack_reader *reader, struct stack_driver *driver, const char *const *files, const struct stack_node *node,
         const char *path)
{
    const struct inf_component *first = read_one(reader, driver, files[0], node, path);
    const struct inf_component *second = first ? read_one(reader, driver, files[1], node, path) : NULL;
    if (!first || !second)
        return;
    driver->component = first->kind == INF_MINIPORT ? first : second;
    driver->lower = first->kind == INF_MINIPORT ? second : first;
    if (driver->component->kind != INF_MINIPORT || driver->lower->kind != INF_PROTOCOL)
        stack_error(reader, node ? node->place : driver->place,
                    "%s: found %s and %s; two INFs are those of an intermediate driver, one of Class Net and one of NetTrans", path,
                    inf_kind_words(first->kind), inf_kind_words(second->kind));
}

// The INFs of a bundled driver, where the tool has them. Returns how many.
static size_t
bundled_find(struct stack_reader *reader, const struct stack_driver *driver, const char *files[2])
{
    const struct stack_files *source = &reader->source->files;
    char path[4096];
    size_t count = 0;
    while (!driver->path && !driver->project && source->bundled_inf && count < 2 &&
           source->bundled_inf(source->context, driver->name, count, path, sizeof path))
        files[count++] = stack_arena_format(reader->arena, "%s", path);
    return count;
}

void
stack_inf_read(struct stack_reader *reader, struct stack_driver *driver, const struct stack_node *node, const char *path)
{
    const char *bundled[2];
    const char *const *files = driver->inf_count ? driver->infs : bundled;
    size_t count = driver->inf_count ? driver->inf_count : bundled_find(reader, driver, bundled);
    if (count == 2)
        read_two(reader, driver, files, node, path);
    else if (count == 1)
        driver->component = read_one(reader, driver, files[0], node, path);
    if (!driver->component)
        return;
    driver->service = driver->lower ? driver->lower->service : driver->component->service;
    enum stack_driver_kind kind = count == 2 ? STACK_DRIVER_INTERMEDIATE : kind_of(driver->component->kind);
    if (driver->kind == STACK_DRIVER_ANY)
        driver->kind = kind;
    else if (driver->kind != kind && node)
        stack_error(reader, node->place, "%s: it is the INF of %s, but \"%s\" is %s", path, inf_kind_words(driver->component->kind),
                    driver->name, stack_driver_kind_words(driver->kind));
}

// ---- settings ---------------------------------------------------------------------------------------------------------------------

static size_t
scope_count(const struct inf_component *component, enum inf_param_scope scope)
{
    size_t count = 0;
    for (size_t i = 0; i < component->param_count; i++)
        count += component->params[i].scope == scope;
    return count;
}

static void
warn_unknown(struct stack_reader *reader, const struct stack_driver *driver, enum inf_param_scope scope,
             const struct stack_value *value, const char *path)
{
    const struct inf_component *component = driver->component;
    const char **words = stack_arena_array(reader->arena, component->param_count + 1, sizeof *words);
    size_t count = 0;
    for (size_t i = 0; i < component->param_count; i++)
        if (component->params[i].scope == scope)
            words[count++] = component->params[i].name;
    stack_warning(reader, value->place, "%s.%.80s: the INF of %s has no such setting%s", path, value->name, driver->name,
                  stack_hint(reader, value->name, words));
}

void
stack_inf_settings(struct stack_reader *reader, const struct stack_driver *driver, enum inf_param_scope scope,
                   struct stack_value *settings, const char *path)
{
    const struct inf_component *component = driver ? driver->component : NULL;
    if (!component || !settings || settings->kind != STACK_VALUE_KEY || !scope_count(component, scope))
        return;
    for (size_t i = 0; i < settings->count; i++) {
        struct stack_value *value = (struct stack_value *)&settings->children[i];   // built by this reading
        const struct inf_param *param = inf_param_find(component, scope, value->name);
        if (!param) {
            if (value->kind != STACK_VALUE_KEY && scope == INF_PARAM_ADAPTER)
                warn_unknown(reader, driver, scope, value, path);
            continue;
        }
        const char *text = value_text(reader, value);
        const char *allowed = text ? inf_param_check(driver->inf, param, text) : inf_param_words(driver->inf, param);
        if (allowed)
            stack_error(reader, value->place, "%s.%.80s: found %s%.80s%s; allowed by the INF of %s: %s", path, value->name,
                        text ? "\"" : "", text ? text : "no number or text", text ? "\"" : "", driver->name, allowed);
        value->kind = STACK_VALUE_TEXT;
        value->text = text ? text : "";
    }
}
