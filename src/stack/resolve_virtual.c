// SPDX-License-Identifier: MIT
// Virtual miniports. Two forms that come to the same:
//   declared   v0: { driver: mux, above: nic0 }        an adapter of its own, with settings, filters and protocols; above may be a list
//   implied    nic0: { ..., intermediates: [passthru], protocols: [...] }     one for each entry, each above the one before
// An implied one is named LOWER-DRIVER and stands behind the written adapters, so that their numbers stay. The filters and protocols
// that stand beside `intermediates` in the file move to the highest implied one: whoever wants a filter below writes the other form.
// At the end each adapter knows what is below it (lowers) and which intermediate drivers are bound to it (uppers).
#include <string.h>

#include "stack/stack_int.h"

struct virtual_work {
    struct stack_reader *reader;
    struct stack_box *box;
    struct stack_adapter *list;
    const char *path;                // "boxes.alpha"
};

size_t
stack_virtual_room(const struct stack_node *adapters)
{
    size_t room = 0;
    for (const struct stack_node *child = adapters->first; child; child = child->next) {
        const struct stack_node *list = stack_node_find(child, "intermediates");
        room += list ? list->count : 0;
    }
    return room;
}

static struct stack_adapter *
virtual_find(struct virtual_work *work, const char *name)
{
    for (size_t i = 0; i < work->box->adapter_count; i++)
        if (!strcmp(work->list[i].name, name))
            return &work->list[i];
    return NULL;
}

static void
report_lower(struct virtual_work *work, const struct stack_node *at, const struct stack_adapter *self)
{
    const char **words = stack_arena_array(work->reader->arena, work->box->adapter_count + 1, sizeof *words);
    size_t count = 0;
    for (size_t i = 0; i < work->box->adapter_count; i++)
        if (&work->list[i] != self)
            words[count++] = work->list[i].name;
    stack_error(work->reader, at->place, "%s.adapters.%s.above: no other adapter \"%s\" in this box%s; there are: %s", work->path,
                self->name, at->text, stack_hint(work->reader, at->text, words), stack_words_join(work->reader->arena, words));
}

static void
virtual_lower(struct virtual_work *work, const struct stack_node *at, struct stack_adapter *self)
{
    struct stack_adapter *lower = virtual_find(work, at->text);
    if (!lower || lower == self) {
        report_lower(work, at, self);
        return;
    }
    for (size_t i = 0; i < self->lower_count; i++)
        if (self->lowers[i] == lower) {
            stack_error(work->reader, at->place, "%s.adapters.%s.above: \"%s\" stands here twice", work->path, self->name, at->text);
            return;
        }
    if (lower->driver == self->driver) {
        stack_error(work->reader, at->place,
                    "%s.adapters.%s.above: %s is a virtual miniport of %s itself; a driver is not bound to its own", work->path,
                    self->name, at->text, self->driver->name);
        return;
    }
    self->lowers[self->lower_count++] = lower;
}

static void
virtual_lowers(struct virtual_work *work, const struct stack_node *above, struct stack_adapter *self)
{
    bool is_list = above->kind == STACK_NODE_LIST;
    self->lowers = stack_arena_array(work->reader->arena, is_list ? above->count : 1, sizeof(struct stack_adapter *));
    if (!is_list)
        virtual_lower(work, above, self);
    for (const struct stack_node *item = is_list ? above->first : NULL; item; item = item->next)
        virtual_lower(work, item, self);
}

// Does a way down from here come back to an adapter on this very way? Each adapter is walked once: seen 1 while on the way, then 2.
static bool
virtual_stands_on_itself(const struct stack_adapter *adapter, uint8_t *seen)
{
    if (seen[adapter->index])
        return seen[adapter->index] == 1;
    seen[adapter->index] = 1;
    for (size_t i = 0; i < adapter->lower_count; i++)
        if (virtual_stands_on_itself(adapter->lowers[i], seen))
            return true;
    seen[adapter->index] = 2;
    return false;
}

// ---- implied ------------------------------------------------------------------------------------------------------------------------

static bool
virtual_is_declared(struct virtual_work *work, const struct stack_adapter *lower, const struct stack_driver *driver)
{
    for (size_t i = 0; i < work->box->adapter_count; i++)
        for (size_t j = 0; j < work->list[i].lower_count; j++)
            if (!work->list[i].is_implied && work->list[i].lowers[j] == lower && work->list[i].driver == driver)
                return true;
    return false;
}

static struct stack_adapter *
virtual_imply(struct virtual_work *work, struct stack_adapter *lower, const struct stack_module *module)
{
    struct stack_arena *arena = work->reader->arena;
    const char *name = stack_arena_format(arena, "%s-%s", lower->name, module->driver->name);
    if (!scalar_name(name) || virtual_find(work, name)) {
        stack_error(work->reader, module->place,
                    "%s.adapters.%s.intermediates: the virtual miniport of %s would be named %s, which is %s; declare it: "
                    "vm0: { driver: %s, above: %s }",
                    work->path, lower->name, module->driver->name, name, scalar_name(name) ? "taken" : "too long", module->driver->name,
                    lower->name);
        return NULL;
    }
    struct stack_adapter *fresh = &work->list[work->box->adapter_count];
    *fresh = (struct stack_adapter){.box = work->box,
                                    .name = name,
                                    .index = (uint32_t)work->box->adapter_count++,
                                    .driver = module->driver,
                                    .idle_ok = lower->idle_ok,
                                    .place = module->place,
                                    .is_implied = true};
    stack_resolve_values(work->reader, NULL, &fresh->settings);
    fresh->lowers = stack_arena_array(arena, 1, sizeof(struct stack_adapter *));
    fresh->lowers[fresh->lower_count++] = lower;
    return fresh;
}

// All entries or none: half a list says nothing about which stands above which.
static void
virtual_intermediates(struct virtual_work *work, struct stack_adapter *adapter)
{
    size_t declared = 0;
    const struct stack_module *first_implied = NULL;
    for (size_t i = 0; i < adapter->intermediate_count; i++) {
        bool is_declared = virtual_is_declared(work, adapter, adapter->intermediates[i].driver);
        declared += is_declared;
        if (!is_declared && !first_implied)
            first_implied = &adapter->intermediates[i];
    }
    if (declared && first_implied)
        stack_error(work->reader, first_implied->place,
                    "%s.adapters.%s.intermediates: no adapter is declared for %s, while others of this list have one; declare it too: "
                    "vm0: { driver: %s, above: NAME }",
                    work->path, adapter->name, first_implied->driver->name, first_implied->driver->name);
    if (declared || !first_implied)
        return;
    struct stack_adapter *top = adapter;
    for (size_t i = 0; i < adapter->intermediate_count; i++) {
        top = virtual_imply(work, top, &adapter->intermediates[i]);
        if (!top)
            return;
    }
    top->filters = adapter->filters;
    top->filter_count = adapter->filter_count;
    top->protocols = adapter->protocols;
    top->protocol_count = adapter->protocol_count;
    adapter->filters = adapter->protocols = NULL;
    adapter->filter_count = adapter->protocol_count = 0;
    adapter->top = top;
}

// ---- what is bound to each ------------------------------------------------------------------------------------------------------------

// The entry with the binding's settings. An implied chain keeps them all with the adapter at its bottom.
static const struct stack_module *
virtual_module(const struct stack_adapter *lower, const struct stack_driver *driver)
{
    while (lower->is_implied)
        lower = lower->lowers[0];
    for (size_t i = 0; i < lower->intermediate_count; i++)
        if (lower->intermediates[i].driver == driver)
            return &lower->intermediates[i];
    return NULL;
}

static void
virtual_upper_add(struct virtual_work *work, struct stack_adapter *lower, struct stack_upper *uppers, const struct stack_adapter *self)
{
    struct stack_upper *upper = uppers;
    while (upper < uppers + lower->upper_count && upper->driver != self->driver)
        upper++;
    if (upper == uppers + lower->upper_count) {
        *upper = (struct stack_upper){.driver = self->driver, .module = virtual_module(lower, self->driver)};
        upper->adapters = stack_arena_array(work->reader->arena, work->box->adapter_count, sizeof(struct stack_adapter *));
        lower->upper_count++;
    }
    upper->adapters[upper->adapter_count++] = self;
}

static void
virtual_uppers(struct virtual_work *work, struct stack_adapter *lower)
{
    struct stack_upper *uppers = stack_arena_array(work->reader->arena, work->box->adapter_count, sizeof *uppers);
    lower->uppers = uppers;
    for (size_t i = 0; i < work->box->adapter_count; i++)
        for (size_t j = 0; j < work->list[i].lower_count; j++)
            if (work->list[i].lowers[j] == lower)
                virtual_upper_add(work, lower, uppers, &work->list[i]);
}

void
stack_resolve_virtual(struct stack_reader *reader, const struct stack_node *adapters, struct stack_box *box,
                      struct stack_adapter *list, const char *path)
{
    struct virtual_work work = {reader, box, list, path};
    size_t written = box->adapter_count, index = 0;
    for (const struct stack_node *child = adapters->first; child; child = child->next, index++) {
        const struct stack_node *above = stack_node_find(child, "above");
        if (above)
            virtual_lowers(&work, above, &list[index]);
    }
    uint8_t *seen = stack_arena_array(reader->arena, written, sizeof *seen);
    for (size_t i = 0; i < written; i++)
        if (virtual_stands_on_itself(&list[i], seen)) {
            stack_error(reader, list[i].place, "%s.adapters.%s.above: stands above itself", path, list[i].name);
            return;
        }
    for (size_t i = 0; i < written; i++)
        virtual_intermediates(&work, &list[i]);
    for (size_t i = 0; i < box->adapter_count && !stack_failed(reader); i++)
        virtual_uppers(&work, &list[i]);
}
