// SPDX-License-Identifier: MIT
// Does what stands on an adapter go together? Drivers without an INF are taken as they are; of those with one:
//   a protocol binds to what has a word of its LowerRange in its UpperRange      [network/specifying-binding-interfaces]
//   a filter attaches where a word of its FilterMediaTypes is in the miniport's LowerRange, never over nolower
//   modifying filters stand in the fixed order of their classes; monitoring filters stand anywhere
//   [network/specifying-filter-driver-binding-relationships, network/configuring-an-inf-file-for-a-modifying-filter-driver]
#include <string.h>
#include <strings.h>

#include "stack/stack_int.h"

static bool
have_common(const char *const *one, const char *const *other)
{
    for (; one && *one; one++)
        for (const char *const *word = other; word && *word; word++)
            if (!strcasecmp(*one, *word))
                return true;
    return false;
}

static bool
has_word(const char *const *words, const char *wanted)
{
    const char *const one[] = {wanted, NULL};
    return have_common(words, one);
}

static const char *
join(struct stack_reader *reader, const char *const *words)
{
    const char *text = "";
    for (size_t i = 0; words && words[i] && i < 16; i++)
        text = stack_arena_format(reader->arena, "%s%s%.40s", text, i ? ", " : "", words[i]);
    return text;
}

// The component, if it is of the side that is asked for: an intermediate driver has two.
static const struct inf_component *
side(const struct inf_component *component, enum inf_kind kind)
{
    return component && component->kind == kind ? component : NULL;
}

static void
check_binding(struct stack_reader *reader, struct stack_place place, const struct stack_driver *driver, const struct stack_adapter *adapter,
              const char *path)
{
    const struct inf_component *upper = side(adapter->driver->component, INF_MINIPORT);
    const struct inf_component *lower = driver->lower ? driver->lower : side(driver->component, INF_PROTOCOL);
    if (!lower || !upper || !lower->lower_range || !upper->upper_range || have_common(lower->lower_range, upper->upper_range))
        return;
    stack_error(reader, place, "%s: %s does not bind to %s: its LowerRange is %s, the UpperRange below it is %s", path, driver->name,
                adapter->driver->name, join(reader, lower->lower_range), join(reader, upper->upper_range));
}

static void
check_media(struct stack_reader *reader, const struct stack_adapter *adapter, const struct stack_module *module, const char *path)
{
    const struct inf_component *filter = side(module->driver->component, INF_FILTER);
    const struct inf_component *miniport = side(adapter->driver->component, INF_MINIPORT);
    if (!filter || !miniport || !miniport->lower_range)
        return;
    if (has_word(miniport->lower_range, "nolower"))
        stack_error(reader, module->place, "%s: no filter attaches to %s, whose LowerRange is nolower", path, adapter->driver->name);
    else if (!have_common(filter->media_types, miniport->lower_range))
        stack_error(reader, module->place, "%s: %s does not attach to %s: its FilterMediaTypes are %s, the adapter's LowerRange is %s",
                    path, module->driver->name, adapter->driver->name, join(reader, filter->media_types),
                    join(reader, miniport->lower_range));
}

static bool
is_ordered(const struct stack_module *module)
{
    const struct inf_component *filter = module->driver ? module->driver->component : NULL;
    return filter && filter->filter_type == INF_FILTER_MODIFYING && inf_filter_class_height(filter->filter_class) >= 0;
}

static void
check_order(struct stack_reader *reader, const struct stack_adapter *adapter, size_t index, const char *path)
{
    const struct stack_module *module = &adapter->filters[index];
    for (size_t i = index; is_ordered(module) && i-- > 0;) {
        const struct stack_module *below = &adapter->filters[i];
        if (!is_ordered(below))
            continue;
        const char *class = module->driver->component->filter_class, *class_below = below->driver->component->filter_class;
        if (inf_filter_class_height(class) >= inf_filter_class_height(class_below))
            return;
        const char *order = "";
        for (size_t c = 0; inf_filter_classes[c]; c++)
            order = stack_arena_format(reader->arena, "%s%s%s", inf_filter_classes[c], c ? ", " : "", order);
        stack_error(reader, module->place,
                    "%s: %s (FilterClass %s) stands above %s (%s); from the bottom to the top the classes are: %s", path,
                    module->driver->name, class, below->driver->name, class_below, order);
        return;
    }
}

void
stack_bind_check(struct stack_reader *reader, const struct stack_adapter *adapter)
{
    const char *path = stack_arena_format(reader->arena, "boxes.%s.adapters.%s", adapter->box->name, adapter->name);
    for (size_t i = 0; i < adapter->upper_count; i++) {
        const struct stack_upper *upper = &adapter->uppers[i];
        struct stack_place place = upper->module ? upper->module->place : upper->adapters[0]->place;
        check_binding(reader, place, upper->driver, adapter, path);
    }
    for (size_t i = 0; i < adapter->filter_count; i++) {
        const char *where = stack_arena_format(reader->arena, "%s.filters.%zu", path, i);
        check_media(reader, adapter, &adapter->filters[i], where);
        check_order(reader, adapter, i, where);
    }
    for (size_t i = 0; i < adapter->protocol_count; i++)
        check_binding(reader, adapter->protocols[i].place, adapter->protocols[i].driver, adapter,
                      stack_arena_format(reader->arena, "%s.protocols.%zu", path, i));
}
