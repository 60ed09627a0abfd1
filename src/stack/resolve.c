// SPDX-License-Identifier: MIT
// The checked nodes -> struct stack: defaults, references, paths. What one key alone cannot show is complained about here: a driver
// that no one declared, a port on a driver that has none, a wire with one end, two plugs in one socket, an address used twice.
//
//   stack_resolve -> wires -> boxes -> drivers, adapters (modules) -> script -> the checks over the whole stack
// Every array is allocated once at its full size, so that pointers into it stay good.
#include <string.h>
#include <strings.h>

#include "stack/stack_int.h"

// The box being resolved: its drivers grow by bundled ones as adapters name them.
struct box_work {
    struct stack_reader *reader;
    const struct stack *stack;
    struct stack_box *box;
    struct stack_driver *drivers;
    const char *path;
};

static const char *
scalar_text(const struct stack_node *map, const char *key)
{
    const struct stack_node *node = stack_node_find(map, key);
    return node ? node->text : NULL;
}

static const char *
join_base(struct stack_reader *reader, const char *path)
{
    const char *base = reader->source->base_dir;
    if (!base || !base[0] || path[0] == '/' || !path[0])
        return path;
    return stack_arena_format(reader->arena, "%s%s%s", base, base[strlen(base) - 1] == '/' ? "" : "/", path);
}

// stream:PATH, stream-listen:PATH and pcap:IN[,OUT] hold paths; the others go through as they are.
static const char *
resolve_port(struct stack_reader *reader, const char *text)
{
    const char *argument = strchr(text, ':');
    if (!argument)
        return text;
    int kind_length = (int)(argument++ - text);
    if (!strncmp(text, "stream", 6))
        return stack_arena_format(reader->arena, "%.*s:%s", kind_length, text, join_base(reader, argument));
    if (strncmp(text, "pcap:", 5))
        return text;
    const char *comma = strchr(argument, ',');
    if (!comma)
        return stack_arena_format(reader->arena, "pcap:%s", join_base(reader, argument));
    const char *in = stack_arena_copy(reader->arena, argument, (size_t)(comma - argument));
    return stack_arena_format(reader->arena, "pcap:%s,%s", join_base(reader, in), join_base(reader, comma + 1));
}

// Every name a driver may have in this box, for the nearest word; "?" marks those not built yet.
static const char *const *
driver_words(struct box_work *work, enum stack_driver_kind kind)
{
    size_t room = work->box->driver_count + 16, count = 0;
    const char **words = stack_arena_array(work->reader->arena, room, sizeof *words);
    for (size_t i = 0; i < work->box->driver_count; i++)
        if (work->drivers[i].path || work->drivers[i].project)
            words[count++] = work->drivers[i].name;
    for (const struct stack_bundled *bundled = stack_bundled; bundled->name && count + 1 < room; bundled++)
        if (bundled->kind == kind || kind == STACK_DRIVER_ANY)
            words[count++] = bundled->name;
    return words;
}

static struct stack_driver *
driver_find(struct box_work *work, const char *name)
{
    for (size_t i = 0; i < work->box->driver_count; i++)
        if (!strcmp(work->drivers[i].name, name))
            return &work->drivers[i];
    return NULL;
}

// Say once more what is allowed: the name is not a driver of the wanted kind.
static void
report_driver(struct box_work *work, const struct stack_node *node, const char *path, const char *name, enum stack_driver_kind kind)
{
    const char *const *words = driver_words(work, kind);
    stack_error(work->reader, node->place,
                "%s: no driver \"%s\" in this box%s; there are: %s; declare your own under boxes.%s.drivers: %s: { "
                "path: ./%s.so }",
                path, name, stack_hint(work->reader, name, words), stack_words_join(work->reader->arena, words), work->box->name, name,
                name);
}

// The driver that a name stands for when used as kind. NULL with an error.
static struct stack_driver *
driver_use(struct box_work *work, const struct stack_node *node, const char *path, const char *name, enum stack_driver_kind kind)
{
    struct stack_driver *driver = driver_find(work, name);
    const struct stack_bundled *bundled = stack_bundled_find(name);
    if (!driver && !bundled) {
        report_driver(work, node, path, name, kind);
        return NULL;
    }
    if (!driver) {
        driver = &work->drivers[work->box->driver_count++];
        *driver = (struct stack_driver){.name = bundled->name, .kind = bundled->kind, .place = node->place, .service = bundled->name};
        stack_resolve_values(work->reader, NULL, &driver->registry);
        stack_inf_read(work->reader, driver, NULL, path);
    }
    if (driver->kind == STACK_DRIVER_ANY ||
        (kind == STACK_DRIVER_INTERMEDIATE && driver->inf_count && driver->kind != STACK_DRIVER_FILTER))
        driver->kind = kind;
    if (driver->kind != kind) {
        stack_error(work->reader, node->place, "%s: \"%s\" is %s (%s); %s is wanted here", path, name,
                    stack_driver_kind_words(driver->kind),
                    driver->inf_count ? "so its INF says"
                    : driver->path || driver->project ? "so it is used elsewhere in this box"
                                      : "bundled",
                    stack_driver_kind_words(kind));
        return NULL;
    }
    return driver;
}

// The INF's paths and words; two drivers of one box cannot have one service.
static void
resolve_inf(struct box_work *work, const struct stack_node *node, struct stack_driver *driver)
{
    struct stack_reader *reader = work->reader;
    const struct stack_node *inf = stack_node_find(node, "inf");
    const char *path = stack_arena_format(reader->arena, "%s.drivers.%s.inf", work->path, node->key);
    driver->model = scalar_text(node, "model");
    stack_resolve_values(reader, stack_node_find(node, "subst"), &driver->subst);
    if (inf) {
        size_t count = inf->kind == STACK_NODE_LIST ? inf->count : 1;
        const char **paths = stack_arena_array(reader->arena, count, sizeof *paths);
        const struct stack_node *item = inf->kind == STACK_NODE_LIST ? inf->first : inf;
        for (size_t i = 0; i < count; i++, item = item->next)
            paths[i] = join_base(reader, item->text);
        driver->infs = paths;
        driver->inf_count = count;
    } else if (driver->model || (driver->subst.count && !driver->project)) {
        stack_error(reader, node->key_place, "%s: needs an INF for its %s", path, driver->model ? "model" : "subst");
    }
    stack_inf_read(reader, driver, inf, path);
    for (const struct stack_driver *other = work->drivers; other < driver; other++)
        if (!strcasecmp(other->service, driver->service))
            stack_error(reader, node->key_place, "%s.drivers.%s: its service %s is also that of %s; a machine has each service once",
                        work->path, node->key, driver->service, other->name);
    stack_inf_settings(reader, driver, INF_PARAM_FILTER_DRIVER, (struct stack_value *)stack_value_find(&driver->registry, "Parameters"),
                       stack_arena_format(reader->arena, "%s.drivers.%s.registry.Parameters", work->path, node->key));
}

static void
resolve_driver(struct box_work *work, const struct stack_node *node)
{
    struct stack_reader *reader = work->reader;
    const struct stack_bundled *bundled = stack_bundled_find(node->key);
    const struct stack_node *path = stack_node_find(node, "path");
    struct stack_driver *driver = &work->drivers[work->box->driver_count++];
    *driver = (struct stack_driver){.name = node->key, .place = node->key_place, .service = node->key};
    const struct stack_node *project = stack_node_find(node, "project");
    driver->path = path ? join_base(reader, path->text) : NULL;
    driver->project = project ? join_base(reader, project->text) : NULL;
    if (path && project)
        stack_error(reader, project->place, "%s.drivers.%s.project: path: is there as well; one of them says where the image comes from",
                    work->path, node->key);
    const struct stack_node *grant = stack_node_find(node, "grant");
    driver->grant = grant ? join_base(reader, grant->text) : NULL;
    driver->idle_ok = stack_node_find(node, "idle") != NULL;
    stack_resolve_values(reader, stack_node_find(node, "registry"), &driver->registry);
    driver->registry.place = node->place;
    if (!path && !project && !bundled)
        stack_error(reader, node->key_place, "%s.drivers.%s: needs path: or project: \"%s\" is not the name of a bundled driver%s",
                    work->path, node->key, node->key, stack_hint(reader, node->key, driver_words(work, STACK_DRIVER_ANY)));
    else if (!path && !project)
        driver->kind = bundled->kind;
    resolve_inf(work, node, driver);
}

static const struct stack_module *
resolve_modules(struct box_work *work, const struct stack_node *adapter, const char *key, enum stack_driver_kind kind, size_t *count)
{
    const struct stack_node *list = stack_node_find(adapter, key);
    if (!list || !list->count)
        return NULL;
    struct stack_module *modules = stack_arena_array(work->reader->arena, list->count, sizeof *modules);
    for (const struct stack_node *item = list->first; item; item = item->next) {
        struct stack_module *module = &modules[*count];
        const char *name = item->kind == STACK_NODE_MAP ? item->first->key : item->text;
        const char *path = stack_arena_format(work->reader->arena, "%s.adapters.%s.%s.%zu", work->path, adapter->key, key, *count);
        module->place = item->kind == STACK_NODE_MAP ? item->first->key_place : item->place;
        module->driver = driver_use(work, item, path, name, kind);
        stack_resolve_values(work->reader, item->kind == STACK_NODE_MAP ? item->first : NULL, &module->settings);
        if (kind == STACK_DRIVER_FILTER)
            stack_inf_settings(work->reader, module->driver, INF_PARAM_FILTER_MODULE, &module->settings,
                               stack_arena_format(work->reader->arena, "%s.%s", path, name));
        for (size_t i = 0; module->driver && i < *count; i++)
            if (modules[i].driver == module->driver)
                stack_error(work->reader, item->place,
                            "%s: \"%s\" stands in this list twice; a driver is put into an adapter's stack once", path, name);
        ++*count;
    }
    return modules;
}

// A bundled client's settings as their keys say, however they are written: a number may be quoted, and a text or a directory may be 7. The
// paths of directories are made good, in the settings too, so that they can be printed.
static void
resolve_settings(struct stack_reader *reader, const struct schema_map *map, struct stack_service *service)
{
    struct stack_directory *list = stack_arena_array(reader->arena, service->settings.count + 1, sizeof *list);
    service->directories = list;
    for (size_t i = 0; i < service->settings.count; i++) {
        struct stack_value *value = (struct stack_value *)&service->settings.children[i];   // built by this reading
        const struct schema_key *key = schema_key_find(map, value->name);
        const struct stack_value written = *value;
        if (key && key->type == SCHEMA_INT && written.kind == STACK_VALUE_TEXT && scalar_uint(written.text, &value->number))
            value->kind = STACK_VALUE_DWORD;
        if (!key || (key->type != SCHEMA_DIRECTORY && key->type != SCHEMA_TEXT))
            continue;
        const char *text = written.kind == STACK_VALUE_TEXT ? written.text
                                                            : stack_arena_format(reader->arena, "%llu", (unsigned long long)written.number);
        value->kind = STACK_VALUE_TEXT;
        value->text = text;
        if (key->type == SCHEMA_TEXT)
            continue;
        value->text = join_base(reader, text);
        list[service->directory_count++] = (struct stack_directory){key->name, value->text, key->min != 0, value->place};
    }
}

static void
resolve_services(struct box_work *work, const struct stack_node *map)
{
    if (!map || !map->count)
        return;
    struct stack_service *list = stack_arena_array(work->reader->arena, map->count, sizeof *list);
    work->box->services = list;
    for (const struct stack_node *child = map->first; child; child = child->next) {
        struct stack_service *service = &list[work->box->service_count++];
        const char *path = stack_arena_format(work->reader->arena, "%s.services.%s", work->path, child->key);
        const struct stack_bundled *bundled = stack_bundled_find(child->key);
        struct stack_driver *driver = driver_use(work, child, path, child->key, STACK_DRIVER_CLIENT);
        service->driver = driver;
        service->place = child->key_place;
        stack_resolve_values(work->reader, child, &service->settings);
        if (driver)
            driver->is_service = true;
        if (bundled && bundled->service)
            resolve_settings(work->reader, bundled->service, service);
        if (driver && !driver->path && !driver->project && !strcmp(child->key, "ndkping"))
            stack_check_ndkping(work->reader, work->box, service, path);
    }
}

static bool
wire_is_declared(const struct stack *stack, const char *name)
{
    for (size_t i = 0; i < stack->wire_count; i++)
        if (!strcmp(stack->wires[i].name, name))
            return true;
    return false;
}

static void
check_wire(struct box_work *work, const struct stack_node *port, const char *path)
{
    const char *name = port->text + strlen("wire:");
    if (wire_is_declared(work->stack, name))
        return;
    const char **words = stack_arena_array(work->reader->arena, work->stack->wire_count + 1, sizeof *words);
    for (size_t i = 0; i < work->stack->wire_count; i++)
        words[i] = work->stack->wires[i].name;
    stack_error(work->reader, port->place, "%s.port: no wire \"%s\"%s; declare it at the top level, as in wires: { %s: {} }", path,
                name, stack_hint(work->reader, name, words), name);
}

// port and mac belong to vnic, which needs a port.
static void
resolve_vnic(struct box_work *work, const struct stack_node *node, struct stack_adapter *adapter, const char *path)
{
    struct stack_reader *reader = work->reader;
    const struct stack_node *port = stack_node_find(node, "port"), *mac = stack_node_find(node, "mac");
    bool is_vnic = adapter->driver && !adapter->driver->path && !strcmp(adapter->driver->name, "vnic");
    static const uint8_t zero[6];
    if (mac)
        scalar_mac(mac->text, adapter->mac);
    if (mac && (adapter->mac[0] & 1 || !memcmp(adapter->mac, zero, 6)))
        stack_error(reader, mac->place, "%s.mac: %s is %s; an adapter needs a unicast one such as 02:00:00:00:00:01", path, mac->text,
                    adapter->mac[0] & 1 ? "a group address" : "no address");
    if (!is_vnic && !port && stack_node_find(node, "above")) {
        adapter->has_mac = adapter->mac_given = mac != NULL;
        return;
    }
    if (!is_vnic) {
        const struct stack_node *extra = port ? port : mac;
        if (extra && adapter->driver)
            stack_error(reader, extra->key_place,
                        "%s.%s: only vnic has a %s; \"%s\" brings its own hardware, give it settings: instead", path, extra->key,
                        extra->key, adapter->driver->name);
        return;
    }
    if (!port) {
        stack_error(reader, node->place,
                    "%s: vnic needs the key \"port\"; \"port: none\" is a NIC without a cable, \"port: sink\" swallows frames", path);
        return;
    }
    if (!strncmp(port->text, "wire:", 5))
        check_wire(work, port, path);
    adapter->port = resolve_port(reader, port->text);
    adapter->port_place = port->place;
    adapter->has_mac = true;
    adapter->mac_given = mac != NULL;
    uint8_t made[6] = {0x02, 0x6e, 0x62, 0x00, (uint8_t)work->box->index, (uint8_t)adapter->index};
    if (!mac)
        memcpy(adapter->mac, made, 6);
}

static void
resolve_adapter(struct box_work *work, const struct stack_node *node, struct stack_adapter *adapter)
{
    const char *path = stack_arena_format(work->reader->arena, "%s.adapters.%s", work->path, node->key);
    const struct stack_node *driver = stack_node_find(node, "driver");
    adapter->box = work->box;
    adapter->name = node->key;
    adapter->index = (uint32_t)work->box->adapter_count;
    adapter->place = node->key_place;
    adapter->idle_ok = stack_node_find(node, "idle") != NULL;
    enum stack_driver_kind kind = stack_node_find(node, "above") ? STACK_DRIVER_INTERMEDIATE : STACK_DRIVER_MINIPORT;
    adapter->driver = driver_use(work, driver, stack_arena_format(work->reader->arena, "%s.driver", path), driver->text, kind);
    stack_resolve_values(work->reader, stack_node_find(node, "settings"), &adapter->settings);
    stack_inf_settings(work->reader, adapter->driver, INF_PARAM_ADAPTER, &adapter->settings,
                       stack_arena_format(work->reader->arena, "%s.settings", path));
    resolve_vnic(work, node, adapter, path);
    adapter->intermediates = resolve_modules(work, node, "intermediates", STACK_DRIVER_INTERMEDIATE, &adapter->intermediate_count);
    adapter->filters = resolve_modules(work, node, "filters", STACK_DRIVER_FILTER, &adapter->filter_count);
    adapter->protocols = resolve_modules(work, node, "protocols", STACK_DRIVER_PROTOCOL, &adapter->protocol_count);
}

static size_t
bundled_count(void)
{
    size_t count = 0;
    while (stack_bundled[count].name)
        count++;
    return count;
}

static void
resolve_box(struct stack_reader *reader, const struct stack *stack, const struct stack_node *node, struct stack_box *box)
{
    const struct stack_node *drivers = stack_node_find(node, "drivers"), *adapters = stack_node_find(node, "adapters");
    size_t driver_room = (drivers ? drivers->count : 0) + bundled_count();
    struct box_work work = {reader, stack, box, stack_arena_array(reader->arena, driver_room, sizeof *work.drivers),
                            stack_arena_format(reader->arena, "boxes.%s", node->key)};
    uint64_t processors = 1;
    if (scalar_text(node, "processors"))
        scalar_uint(scalar_text(node, "processors"), &processors);
    box->name = node->key;
    box->place = node->key_place;
    box->processors = (uint32_t)processors;
    box->drivers = work.drivers;
    for (const struct stack_node *child = drivers ? drivers->first : NULL; child; child = child->next)
        resolve_driver(&work, child);
    if (adapters->count > 256) {
        stack_error(reader, adapters->place, "%s: has %zu adapters; at most 256", work.path, adapters->count);
        return;
    }
    struct stack_adapter *list = stack_arena_array(reader->arena, adapters->count + stack_virtual_room(adapters), sizeof *list);
    box->adapters = list;
    for (const struct stack_node *child = adapters->first; child; child = child->next) {
        resolve_adapter(&work, child, &list[box->adapter_count]);
        box->adapter_count++;
    }
    resolve_services(&work, stack_node_find(node, "services"));
    if (!stack_failed(reader))
        stack_resolve_virtual(reader, adapters, box, list, work.path);
}

static void
resolve_wire(const struct stack_node *node, struct stack_wire *wire)
{
    const struct {
        const char *key;
        bool (*read)(const char *, uint64_t *);
        uint64_t *into;
    } numbers[] = {{"rate", scalar_rate, &wire->bits_per_second},
                   {"delay", scalar_duration, &wire->delay_ns},
                   {"jitter", scalar_duration, &wire->jitter_ns},
                   {"seed", scalar_uint, &wire->seed}};
    const struct {
        const char *key;
        double *into;
    } parts[] = {{"loss", &wire->loss}, {"reorder", &wire->reorder}, {"duplicate", &wire->duplicate}, {"corrupt", &wire->corrupt}};
    wire->name = node->key;
    wire->place = node->key_place;
    wire->seed = 1;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (scalar_text(node, numbers[i].key))
            numbers[i].read(scalar_text(node, numbers[i].key), numbers[i].into);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (scalar_text(node, parts[i].key))
            scalar_percent(scalar_text(node, parts[i].key), parts[i].into);
}

static void
resolve_wires(struct stack_reader *reader, const struct stack_node *map, struct stack *stack)
{
    if (!map || !map->count)
        return;
    struct stack_wire *wires = stack_arena_array(reader->arena, map->count, sizeof *wires);
    stack->wires = wires;
    for (const struct stack_node *child = map->first; child; child = child->next)
        resolve_wire(child, &wires[stack->wire_count++]);
}

struct stack *
stack_resolve(struct stack_reader *reader, const struct stack_node *root)
{
    struct stack *stack = stack_arena_alloc(reader->arena, sizeof *stack);
    const struct stack_node *boxes = stack_node_find(root, "boxes"), *script = stack_node_find(root, "script");
    stack->file = reader->source->name;
    stack->arena = reader->arena;
    resolve_wires(reader, stack_node_find(root, "wires"), stack);
    if (boxes->count > 256) {
        stack_error(reader, boxes->place, "boxes: has %zu boxes; at most 256", boxes->count);
        return NULL;
    }
    struct stack_box *list = stack_arena_array(reader->arena, boxes->count, sizeof *list);
    stack->boxes = list;
    for (const struct stack_node *child = boxes->first; child; child = child->next) {
        list[stack->box_count].index = (uint32_t)stack->box_count;
        resolve_box(reader, stack, child, &list[stack->box_count]);
        stack->box_count++;
    }
    if (stack_failed(reader))
        return NULL;
    stack->has_script = script != NULL;
    if (script)
        stack->steps = stack_resolve_script(reader, stack, script);
    stack->step_count = script ? script->count : 0;
    stack_check_whole(reader, stack);
    return stack_failed(reader) ? NULL : stack;
}
