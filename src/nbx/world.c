// SPDX-License-Identifier: MIT
// See world.h. Up: boxes -> drivers -> adapters -> filters -> restart -> bindings. Down: the reverse, box by box.
#include "nbx/world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nbx/inf.h"
#include "nbx/link.h"
#include "nbx/service.h"
#include "nbx/settings.h"
#include "nbx/call.h"
#include "nbx/traffic.h"
#include "nbx/watch.h"
#include "ndis/ndis.h"
#include "ndis/words.h"
#include "nt/cm/cm.h"
#include "nt/ex/fault.h"
#include "nt/io/image.h"
#include "nt/io/io.h"

void
world_finding(struct world *world, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    atomic_fetch_add(&world->findings, 1);
    world->config.on_finding(world->config.context, text);
}

static bool
world_has_refused(struct world *world)
{
    struct ex_fault_state state = {0};
    if (world->config.fault)
        ex_fault_state_get(world->config.fault, &state);
    return state.refused > 0;
}

void
world_trouble(struct world *world, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!world_has_refused(world)) {
        world_finding(world, "%s", text);
        return;
    }
    char *word = strstr(text, "error: ");        // it is none
    if (word)
        memmove(word, word + strlen("error: "), strlen(word + strlen("error: ")) + 1);
    world->config.on_message(world->config.context, text);
}

struct world *
world_create(const struct world_config *config)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        return NULL;
    world->config = *config;
    world->boxes = calloc(config->stack->box_count + 1, sizeof *world->boxes);
    world->ports = port_world_create(config->sched);
    if (config->verify != VERIFY_OFF)
        world->verify = verify_create(config->sched, config->verify, config->sink);
    if (!world->boxes || !world->ports || (config->verify != VERIFY_OFF && !world->verify)) {
        world_destroy(world);
        return NULL;
    }
    for (size_t i = 0; i < config->stack->box_count; i++) {
        world->boxes[i].stack = &config->stack->boxes[i];
        world->boxes[i].world = world;
    }
    port_world_on_message(world->ports, config->on_message, config->context);
    return world;
}

void
world_destroy(struct world *world)
{
    if (world->ports)
        port_world_destroy(world->ports);
    for (size_t i = 0; world->boxes && i < world->config.stack->box_count; i++) {
        free(world->boxes[i].adapters);
        services_close(&world->boxes[i]);
    }
    verify_destroy(world->verify);
    free(world->boxes);
    free(world);
}

// ---- stopping -----------------------------------------------------------------------------------------------------------------------

#define STOP_LOOK_NS 50000000                 // a signal wakes nobody who sleeps on a word

bool
world_is_stopped(const struct world *world)
{
    return world->is_stopped && world->is_stopped(world->stopped_context);
}

int
world_wait(const struct world *world, _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    struct sched *sched = world->config.sched;
    if (sched->is_sim || !world->is_stopped)
        return sched_wait(sched, word, expected, deadline_ns);
    while (!world_is_stopped(world)) {
        uint64_t look_ns = sched_now_ns(sched) + STOP_LOOK_NS;
        if (deadline_ns <= look_ns)
            return sched_wait(sched, word, expected, deadline_ns);
        if (!sched_wait(sched, word, expected, look_ns))
            return 0;
    }
    return -ECANCELED;
}

// ---- lookup -----------------------------------------------------------------------------------------------------------------------

struct world_box *
world_box_of(struct world *world, const struct stack_adapter *stack)
{
    for (size_t i = 0; i < world->config.stack->box_count; i++)
        if (world->boxes[i].stack == stack->box)
            return &world->boxes[i];
    return NULL;
}

struct world_adapter *
world_adapter_find(struct world *world, const struct stack_adapter *stack)
{
    struct world_box *box = world_box_of(world, stack);
    return box && box->adapters ? &box->adapters[stack->index] : NULL;
}

// ---- up: drivers, settings, adapters ------------------------------------------------------------------------------------------------

static bool
box_driver_load(struct world_box *self, const struct stack_driver *driver)
{
    char path[4096], error[512] = "", key[256];
    if (!self->world->config.driver_path(driver, path, sizeof path)) {
        world_finding(self->world, "%s: driver %s: the path is too long", self->stack->name, driver->name);
        return false;
    }
    settings_service_key(driver->service, key, sizeof key);
    inf_apply_service(self->box, driver);
    settings_apply(self->box, key, &driver->registry);
    if (driver->grant) {
        snprintf(key, sizeof key, "\\??\\%s", driver->name);
        int failed = io_grant_path(self->box, key, driver->grant, true);
        if (failed) {
            world_finding(self->world, "%s: driver %s: grant: %s: %s", self->stack->name, driver->name, driver->grant, strerror(-failed));
            return false;
        }
    }
    struct io_image_config config = {.name = driver->service, .path = path};
    struct io_image *image;
    NTSTATUS status = io_image_load(self->box, &config, &image, error, sizeof error);
    if (!NT_SUCCESS(status))
        world_trouble(self->world, "%s: driver %s did not load: %s (%s)", self->stack->name, driver->name, error,
                      ndis_status_word(status));
    return NT_SUCCESS(status);
}

// A directory in the settings is granted, and its value says under which name.
static bool
service_up(struct world_box *self, const struct stack_service *service)
{
    char key[256], name[256];
    settings_service_key(service->driver->service, key, sizeof key - sizeof "\\Parameters");
    strcat(key, "\\Parameters");
    settings_apply(self->box, key, &service->settings);
    for (size_t i = 0; i < service->directory_count; i++) {
        const struct stack_directory *directory = &service->directories[i];
        snprintf(name, sizeof name, "\\??\\%s\\%s", service->driver->service, directory->name);
        int failed = io_grant_path(self->box, name, directory->path, directory->can_write);
        if (failed) {
            world_finding(self->world, "%s: service %s: %s: %s: %s", self->stack->name, service->driver->name, directory->name,
                          directory->path, strerror(-failed));
            return false;
        }
        settings_text(self->box, key, directory->name, name);
    }
    return box_driver_load(self, service->driver);
}

// Every driver of the box but the services, or the services.
static bool
drivers_up(struct world_box *self)
{
    for (size_t i = 0; i < self->stack->driver_count; i++)
        if (!self->stack->drivers[i].is_service && !box_driver_load(self, &self->stack->drivers[i]))
            return false;
    return true;
}

static enum world_result
services_up(struct world_box *self)
{
    for (size_t i = 0; i < self->stack->service_count; i++)
        if (!service_up(self, &self->stack->services[i]))
            return WORLD_FINDING;
    return WORLD_OK;
}

static void
adapter_settings(struct world_box *self, const struct stack_adapter *adapter)
{
    char key[256], mac[32];
    ndis_adapter_key(adapter->name, key, sizeof key);
    inf_apply_adapter(self->box, adapter);
    settings_apply(self->box, key, &adapter->settings);
    if (adapter->port)
        settings_text(self->box, key, "Port", adapter->port);
    if (adapter->has_mac) {
        snprintf(mac, sizeof mac, "%02X%02X%02X%02X%02X%02X", adapter->mac[0], adapter->mac[1], adapter->mac[2], adapter->mac[3],
                 adapter->mac[4], adapter->mac[5]);
        settings_text(self->box, key, "NetworkAddress", mac);
    }
    for (size_t i = 0; i < adapter->filter_count; i++) {
        ndis_filter_key(adapter->name, adapter->filters[i].driver->service, key, sizeof key);
        inf_apply_module(self->box, adapter, &adapter->filters[i]);
        settings_apply(self->box, key, &adapter->filters[i].settings);
    }
    for (size_t i = 0; i < adapter->protocol_count; i++) {
        ndis_binding_key(adapter->name, adapter->protocols[i].driver->service, key, sizeof key);
        settings_apply(self->box, key, &adapter->protocols[i].settings);
    }
}

// "FILE:LINE:COL: error: " when the adapter comes from a file, "error: " from the command line.
static void
adapter_place(const struct stack_adapter *adapter, char *out, size_t out_bytes)
{
    if (adapter->place.line)
        snprintf(out, out_bytes, "%s:%u:%u: error: ", adapter->place.file, adapter->place.line, adapter->place.column);
    else
        snprintf(out, out_bytes, "%s: error: ", adapter->place.file);
}

// A port that could not be had is the machine's fault (exit 3), anything else the driver's.
static enum world_result
adapter_failed(struct world_box *self, const struct stack_adapter *adapter, const char *what, NDIS_STATUS status)
{
    char place[512];
    adapter_place(adapter, place, sizeof place);
    world_trouble(self->world, "%s%s.%s: %s: %s (0x%08x)", place, self->stack->name, adapter->name, what, ndis_status_word(status),
                  (unsigned)status);
    return self->box->nbx_port_error ? WORLD_MACHINE : WORLD_FINDING;
}

// The INF's types are those the driver registers with [network/mb-adapter-general-attribute-requirements]; Windows believes both.
static void
adapter_types_check(struct world_box *self, const struct stack_adapter *adapter, struct ndis_adapter *ndis)
{
    const struct inf_component *component = inf_adapter_component(adapter);
    uint32_t types[3];
    if (!component)
        return;
    ndis_adapter_types(ndis, &types[0], &types[1], &types[2]);
    const struct {
        const char *name;
        bool has;
        uint32_t number;
    } said[] = {{"*IfType", component->has_if_type, component->if_type},
                {"*MediaType", component->has_media_type, component->media_type},
                {"*PhysicalMediaType", component->has_physical_media_type, component->physical_media_type}};
    for (size_t i = 0; i < 3; i++)
        if (said[i].has && said[i].number != types[i])
            box_message(self->box, "%s: the INF of %s says %s %u, the driver registered %u", adapter->name, adapter->driver->name,
                        said[i].name, said[i].number, types[i]);
}

// A stack stands without an optional filter, not without a mandatory one [network/mandatory-filter-drivers]; a filter that has no INF
// to say which it is counts as mandatory. false: the stack must go.
static bool
filter_up(struct world_box *self, const struct stack_adapter *adapter, struct ndis_adapter *ndis, const struct stack_driver *driver)
{
    bool is_optional = driver->component && driver->component->kind == INF_FILTER && !driver->component->is_mandatory;
    ndis_filter_mandatory_set(self->box, driver->service, driver->component && !is_optional);
    NDIS_STATUS status = ndis_adapter_attach_filter(ndis, driver->service);
    if (status == NDIS_STATUS_SUCCESS)
        return true;
    if (!is_optional || !driver->idle_ok)
        adapter_failed(self, adapter, driver->name, status);
    else
        box_message(self->box, "%s: the optional filter %s did not attach: %s", adapter->name, driver->name, ndis_status_word(status));
    return is_optional;
}

// On an adapter that has initialised: filters from the bottom, restart, intermediate drivers, protocols.
static enum world_result
adapter_stand(struct world_box *self, const struct stack_adapter *adapter, struct ndis_adapter *ndis)
{
    adapter_types_check(self, adapter, ndis);
    for (size_t i = 0; i < adapter->filter_count; i++)
        if (!filter_up(self, adapter, ndis, adapter->filters[i].driver))
            return WORLD_FINDING;
    NDIS_STATUS status = ndis_adapter_restart(ndis);
    if (status != NDIS_STATUS_SUCCESS)
        return adapter_failed(self, adapter, "the stack did not restart", status);
    for (size_t i = 0; i < adapter->upper_count; i++) {
        status = ndis_adapter_bind(ndis, adapter->uppers[i].driver->service);
        if (status != NDIS_STATUS_SUCCESS)
            return adapter_failed(self, adapter, adapter->uppers[i].driver->name, status);
    }
    for (size_t i = 0; i < adapter->protocol_count; i++) {
        status = ndis_adapter_bind(ndis, adapter->protocols[i].driver->service);
        if (status != NDIS_STATUS_SUCCESS)
            return adapter_failed(self, adapter, adapter->protocols[i].driver->name, status);
    }
    return WORLD_OK;
}

static enum world_result
adapter_up(struct world_box *self, const struct stack_adapter *adapter)
{
    struct world_adapter *mine = &self->adapters[adapter->index];
    const struct inf_component *component = inf_adapter_component(adapter);
    char friendly[512];
    struct ndis_adapter_config config = {.name = adapter->name,
                                         .driver = adapter->driver->service,
                                         .port_spec = adapter->port,
                                         .friendly_name = inf_friendly_name(adapter, friendly, sizeof friendly),
                                         .if_type = component && component->has_if_type ? (uint16_t)component->if_type : 0};
    NDIS_STATUS status = ndis_adapter_add(self->box, &config, &mine->ndis);
    if (status != NDIS_STATUS_SUCCESS)
        return adapter_failed(self, adapter, "the adapter did not initialise", status);
    return adapter_stand(self, adapter, mine->ndis);
}

// ---- up: virtual miniports ------------------------------------------------------------------------------------------------------------

// On the PnP thread, whenever the intermediate driver wants: what stands on it comes up with it.
static void
virtual_changed(void *context, struct ndis_adapter *ndis, NDIS_STATUS status)
{
    struct world_adapter *mine = context;
    mine->ndis = ndis;
    if (status != NDIS_STATUS_SUCCESS)
        adapter_failed(mine->box, mine->stack, "the virtual miniport did not initialise", status);
    if (status != NDIS_STATUS_SUCCESS || (ndis && adapter_stand(mine->box, mine->stack, ndis) != WORLD_OK))
        mine->failed = true;
}

// What setup and a notify object leave behind on Windows: a device for each virtual miniport, and its name in the binding's key of
// each adapter below. The file may say otherwise in the binding's settings.
static void
virtual_names(struct world_box *self, const struct stack_adapter *lower)
{
    for (size_t i = 0; i < lower->upper_count; i++) {
        const struct stack_upper *upper = &lower->uppers[i];
        const char *names[256];
        char path[256];
        size_t count = 0;
        for (; count < upper->adapter_count && count < 256; count++)
            names[count] = self->adapters[upper->adapters[count]->index].device_name;
        ndis_binding_key(lower->name, upper->driver->service, path, sizeof path);
        struct cm_key *key = cm_key_open(self->box, path);
        if (!key || !NT_SUCCESS(cm_set_multi_sz(self->box, key, "UpperBindings", names, count)))
            box_message(self->box, "setting UpperBindings could not be stored");
        if (upper->module)
            settings_apply(self->box, path, &upper->module->settings);
    }
}

static bool
virtual_declare(struct world_box *self, const struct stack_adapter *adapter)
{
    struct world_adapter *mine = &self->adapters[adapter->index];
    struct ndis_virtual_config config = {
        .name = adapter->name, .driver = adapter->driver->service, .on_change = virtual_changed, .context = mine};
    mine->box = self;
    if (ndis_virtual_declare(self->box, &config, mine->device_name, sizeof mine->device_name) == NDIS_STATUS_SUCCESS)
        return true;
    world_finding(self->world, "%s.%s: out of memory", self->stack->name, adapter->name);
    return false;
}

// Each settling lets one more storey of virtual miniports come up.
static enum world_result
virtual_await(struct world_box *self)
{
    enum world_result result = WORLD_OK;
    for (size_t i = 0; i <= self->stack->adapter_count; i++)
        ndis_settle(self->box);
    for (size_t i = 0; i < self->stack->adapter_count; i++) {
        const struct world_adapter *mine = &self->adapters[i];
        char place[512];
        if (!mine->stack->lower_count || (mine->ndis && !mine->failed))
            continue;
        result = self->box->nbx_port_error ? WORLD_MACHINE : WORLD_FINDING;
        adapter_place(mine->stack, place, sizeof place);
        if (!mine->failed)
            world_finding(self->world, "%s%s.%s: %s did not ask for its virtual miniport: no NdisIMInitializeDeviceInstanceEx with %s",
                          place, self->stack->name, mine->stack->name, mine->stack->driver->name, mine->device_name);
    }
    return result;
}

static enum world_result
adapters_up(struct world_box *self)
{
    const struct stack_box *box = self->stack;
    bool any_virtual = false;
    for (size_t i = 0; i < box->adapter_count; i++) {
        self->adapters[i].stack = &box->adapters[i];
        adapter_settings(self, &box->adapters[i]);
        if (!box->adapters[i].lower_count)
            continue;
        any_virtual = true;
        if (!virtual_declare(self, &box->adapters[i]))
            return WORLD_FINDING;
    }
    for (size_t i = 0; i < box->adapter_count; i++)
        virtual_names(self, &box->adapters[i]);
    for (size_t i = 0; i < box->adapter_count; i++) {
        enum world_result result = box->adapters[i].lower_count ? WORLD_OK : adapter_up(self, &box->adapters[i]);
        if (result != WORLD_OK)
            return result;
    }
    return any_virtual ? virtual_await(self) : WORLD_OK;
}

// ---- up: one box ----------------------------------------------------------------------------------------------------------------------

struct box_call {
    struct world_box *self;
    enum world_result result;
};

static void
box_up(void *arg)
{
    struct box_call *call = arg;
    struct world_box *self = call->self;
    call->result = WORLD_FINDING;
    if (ndis_create(self->box)) {
        world_finding(self->world, "%s: out of memory", self->stack->name);
        return;
    }
    if (watch_is_on(self->world))
        watch_box(self);
    if (!drivers_up(self))
        return;
    call->result = adapters_up(self);
    if (call->result != WORLD_OK)
        return;
    ndis_binds_complete(self->box);
    call->result = services_up(self);
}

static enum world_result
box_bring_up(struct world_box *self)
{
    struct box_config config = {.name = self->stack->name, .processors = self->stack->processors};
    self->adapters = calloc(self->stack->adapter_count + 1, sizeof *self->adapters);
    self->box = self->adapters ? box_create(self->world->config.sched, &config) : NULL;
    if (!self->box || !services_open(self)) {
        world_finding(self->world, "%s: out of memory", self->stack->name);
        return WORLD_FINDING;
    }
    self->box->owner = self->world;
    self->box->verify = self->world->verify;
    self->box->ports = self->world->ports;
    self->box->nbx_ports_held = true;
    self->box->fault = self->world->config.fault;
    self->box->images = self->world->config.images;
    self->box->on_message = self->world->config.on_message;
    self->box->on_message_context = self->world->config.context;
    self->box->on_finding = self->world->config.on_broken;
    self->box->on_finding_context = self->world->config.context;
    struct box_call call = {.self = self};
    box_run(self->box, box_up, &call);
    return call.result;
}

static void
wires_declare(struct world *world)
{
    const struct stack *stack = world->config.stack;
    for (size_t i = 0; i < stack->wire_count; i++) {
        const struct stack_wire *wire = &stack->wires[i];
        struct wire_config config = {.bits_per_second = wire->bits_per_second,
                                     .delay_ns = wire->delay_ns,
                                     .jitter_ns = wire->jitter_ns,
                                     .loss = wire->loss,
                                     .reorder = wire->reorder,
                                     .duplicate = wire->duplicate,
                                     .corrupt = wire->corrupt,
                                     .seed = wire->seed};
        if (port_world_wire(world->ports, wire->name, &config))
            world_finding(world, "wire %s could not be made", wire->name);
    }
}

static void
box_plug_in(void *arg)
{
    link_release(arg);
}

enum world_result
world_build(struct world *world)
{
    wires_declare(world);
    for (size_t i = 0; i < world->config.stack->box_count; i++) {
        enum world_result result = box_bring_up(&world->boxes[i]);
        if (result != WORLD_OK)
            return result;
    }
    for (size_t i = 0; i < world->config.stack->box_count; i++)
        box_run(world->boxes[i].box, box_plug_in, world->boxes[i].box);
    world->built = true;
    return WORLD_OK;
}

// ---- down ---------------------------------------------------------------------------------------------------------------------------

static uint64_t
edge_lists(const struct ndis_edge *edge)
{
    return edge->sent_nbls + edge->indicated_nbls;
}

// A driver that never saw a frame is a finding, unless the file says that it may be idle.
static void
adapter_idle_check(struct world_box *self, struct world_adapter *mine)
{
    struct ndis_edge edges[64];
    uint32_t count = ndis_adapter_edges(mine->ndis, edges, 64);
    if (!self->world->built || mine->stack->idle_ok || world_is_stopped(self->world))
        return;                               // of a script that was cut short, its frames may not have been sent yet
    for (uint32_t i = 0; i < count; i++) {
        const struct stack_driver *driver = NULL;
        for (size_t d = 0; d < self->stack->driver_count; d++)
            if (!strcmp(self->stack->drivers[d].service, edges[i].name))
                driver = &self->stack->drivers[d];
        if (driver && !driver->idle_ok && !edge_lists(&edges[i]))
            world_trouble(self->world, "%s.%s: %s %s saw no frame (idle: ok in the stack file says that it may)", self->stack->name,
                          mine->stack->name, edges[i].kind, edges[i].name);
    }
}

static void
box_events_sum(struct world_box *self)
{
    uint64_t counts[NDIS_EVENT_COUNT];
    ndis_events_get(self->box, counts);
    for (int i = 0; i < NDIS_EVENT_COUNT; i++)
        self->world->events[i] += counts[i];
}

static void
adapters_remove(struct world_box *self, bool is_virtual)
{
    for (size_t i = self->stack->adapter_count; i-- > 0;) {
        struct world_adapter *mine = &self->adapters[i];
        if (!mine->ndis || is_virtual != (mine->stack->lower_count > 0))
            continue;
        ndis_adapter_remove(mine->ndis);
        mine->ndis = NULL;
    }
}

static void
driver_down(struct world_box *self, const struct stack_driver *driver)
{
    struct io_image *image = io_image_find(self->box, driver->service);
    NTSTATUS status = image ? io_image_unload(image) : STATUS_SUCCESS;
    if (status == STATUS_INVALID_DEVICE_REQUEST)
        world_finding(self->world, "%s: driver %s has no DriverUnload and cannot be unloaded", self->stack->name, driver->name);
    else if (status == STATUS_PENDING)
        world_finding(self->world, "%s: driver %s cannot be unloaded yet: files are still open on its device", self->stack->name,
                      driver->name);
    else if (!NT_SUCCESS(status))
        world_finding(self->world, "%s: driver %s did not unload (0x%08x)", self->stack->name, driver->name, (unsigned)status);
}

static void
box_down(void *arg)
{
    struct world_box *self = arg;
    if (!self->box->ndis)
        return;
    box_events_sum(self);
    for (size_t i = 0; i < self->stack->adapter_count; i++)
        if (self->adapters[i].ndis)
            adapter_idle_check(self, &self->adapters[i]);
    calls_close(self);
    for (size_t i = self->stack->service_count; i-- > 0;)
        driver_down(self, self->stack->services[i].driver);
    // Virtual miniports go with what is below them; one whose driver keeps it is taken down last.
    adapters_remove(self, false);
    adapters_remove(self, true);
    for (size_t i = self->stack->driver_count; i-- > 0;)
        if (!self->stack->drivers[i].is_service)
            driver_down(self, &self->stack->drivers[i]);
    traffic_unload(self);
    uint32_t left = ndis_destroy(self->box);
    if (left)
        world_finding(self->world, "%s: %u NDIS objects left behind", self->stack->name, left);
}

void
world_teardown(struct world *world)
{
    for (size_t i = world->config.stack->box_count; i-- > 0;) {
        struct world_box *self = &world->boxes[i];
        if (!self->box)
            continue;
        box_run(self->box, box_down, self);
        uint32_t left = box_destroy(self->box);
        self->box = NULL;
        if (left)
            world_finding(world, "%s: %u objects left behind (said above, by holder)", self->stack->name, left);
    }
    services_settle(world);
    if (world->verify && atomic_load(&world->verify->findings))
        world_finding(world, "%u rules broken (said above)", atomic_load(&world->verify->findings));
    traffic_destroy(world);
    watch_destroy(world);
}

// ---- counters -------------------------------------------------------------------------------------------------------------------------

struct counters_call {
    struct world_adapter *adapter;
    struct world_counters *counters;
};

static void
counters_read(void *arg)
{
    struct counters_call *call = arg;
    NDIS_STATISTICS_INFO info = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_STATISTICS_INFO_REVISION_1,
                                            NDIS_SIZEOF_STATISTICS_INFO_REVISION_1}};
    uint32_t done = 0;
    NDIS_STATUS status =
        ndis_adapter_oid(call->adapter->ndis, NdisRequestQueryInformation, OID_GEN_STATISTICS, &info, sizeof info, &done);
    if (status != NDIS_STATUS_SUCCESS)
        return;
    *call->counters = (struct world_counters){.rx_frames = info.ifHCInUcastPkts + info.ifHCInMulticastPkts + info.ifHCInBroadcastPkts,
                                              .tx_frames =
                                                  info.ifHCOutUcastPkts + info.ifHCOutMulticastPkts + info.ifHCOutBroadcastPkts,
                                              .rx_bytes = info.ifHCInOctets,
                                              .tx_bytes = info.ifHCOutOctets,
                                              .rx_dropped = info.ifInDiscards,
                                              .tx_dropped = info.ifOutDiscards};
}

void
world_counters_get(struct world *world, struct world_adapter *adapter, struct world_counters *counters)
{
    *counters = (struct world_counters){0};
    if (!adapter->ndis)
        return;
    struct counters_call call = {adapter, counters};
    box_run(world_box_of(world, adapter->stack)->box, counters_read, &call);
}
