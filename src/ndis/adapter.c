// SPDX-License-Identifier: MIT
// Adapters as the rooms above drive them (ndis.h): each call runs on the PnP thread and waits for the drivers' answers. Also the
// names an adapter goes by (device name, GUID, LUID, index, registry keys) and NDIS's own creation and end in a box.
#include "ndis/ndis.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ndis/hardware.h"
#include "ndis/im.h"
#include "ndis/interface.h"
#include "ndis/ndis_int.h"
#include "ndis/ndk/ndk_int.h"
#include "ndis/oid.h"
#include "nt/cm/cm.h"
#include "verify/left.h"

// How long a bind or an attach waits for a miniport that activates its default port itself.
#define DEFAULT_PORT_WAIT_NS 30000000000ull

#define CLASS_NET "\\Registry\\Machine\\System\\CurrentControlSet\\Control\\Class\\{4D36E972-E325-11CE-BFC1-08002BE10318}"

struct ndis *
ndis_self(void)
{
    return box_self()->ndis;
}

char *
ndis_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = ndis_alloc(bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

// ---- keys and names -------------------------------------------------------------------------------------------------------------

void
ndis_adapter_key(const char *adapter, char *path, size_t path_bytes)
{
    snprintf(path, path_bytes, CLASS_NET "\\%s", adapter);
}

void
ndis_filter_key(const char *adapter, const char *filter, char *path, size_t path_bytes)
{
    snprintf(path, path_bytes, CM_SERVICES "\\%s\\Parameters\\Adapters\\%s", filter, adapter);
}

void
ndis_binding_key(const char *adapter, const char *protocol, char *path, size_t path_bytes)
{
    snprintf(path, path_bytes, CM_SERVICES "\\%s\\Parameters\\Adapters\\%s", protocol, adapter);
}

// GUIDs are numbered, not random: the same stack gives the same names in every run.
static void
adapter_guid_text(uint64_t number, char *out, size_t out_bytes)
{
    snprintf(out, out_bytes, "{4E425800-0000-4000-8000-%012llX}", (unsigned long long)number);
}

void
ndis_filter_module_name(const struct ndis_adapter *adapter, const struct ndis_filter_driver *driver, char *out, size_t out_bytes)
{
    char guid[64], unique[64] = "";
    adapter_guid_text(adapter->luid.Info.NetLuidIndex, guid, sizeof guid);
    for (size_t i = 0; i < driver->unique_name.Length / sizeof(WCHAR) && i < sizeof unique - 1; i++)
        unique[i] = (char)driver->unique_name.Buffer[i];
    snprintf(out, out_bytes, "%s-%s-0000", guid, unique);
}

// ---- lookup ---------------------------------------------------------------------------------------------------------------------

struct ndis_adapter *
ndis_adapter_find(struct box *box, const char *name)
{
    LIST_FOR_EACH(node, &box->ndis->adapters) {
        struct ndis_adapter *adapter = LIST_ENTRY_OF(node, struct ndis_adapter, node);
        if (!strcmp(adapter->name, name))
            return adapter;
    }
    return NULL;
}

struct ndis_adapter *
ndis_adapter_by_index(struct ndis *ndis, NET_IFINDEX if_index)
{
    LIST_FOR_EACH(node, &ndis->adapters) {
        struct ndis_adapter *adapter = LIST_ENTRY_OF(node, struct ndis_adapter, node);
        if (adapter->if_index == if_index)
            return adapter;
    }
    return NULL;
}

static bool
image_is(const struct io_image *image, const char *service)
{
    return image && !strcmp(image->name, service);
}

static struct ndis_miniport_driver *
miniport_driver_find(struct ndis *ndis, const char *service)
{
    LIST_FOR_EACH(node, &ndis->miniport_drivers) {
        struct ndis_miniport_driver *driver = LIST_ENTRY_OF(node, struct ndis_miniport_driver, node);
        if (image_is(driver->image, service))
            return driver;
    }
    return NULL;
}

static struct ndis_filter_driver *
filter_driver_find(struct ndis *ndis, const char *service)
{
    LIST_FOR_EACH(node, &ndis->filter_drivers) {
        struct ndis_filter_driver *driver = LIST_ENTRY_OF(node, struct ndis_filter_driver, node);
        if (image_is(driver->image, service) || ndis_string_is(&driver->service_name, service))
            return driver;
    }
    return NULL;
}

void
ndis_filter_mandatory_set(struct box *box, const char *filter_service, bool is_mandatory)
{
    struct ndis_filter_driver *driver = filter_driver_find(box->ndis, filter_service);
    if (driver)
        driver->is_mandatory = is_mandatory;
}

void
ndis_adapter_types(struct ndis_adapter *adapter, uint32_t *if_type, uint32_t *media_type, uint32_t *physical_media_type)
{
    *if_type = adapter->general.IfType;
    *media_type = adapter->general.MediaType;
    *physical_media_type = adapter->general.PhysicalMediumType;
}

static struct ndis_protocol *
protocol_find(struct ndis *ndis, const char *service)
{
    struct ndis_protocol *named = NULL;       // two copies of a driver register one name: the service decides
    LIST_FOR_EACH(node, &ndis->protocols) {
        struct ndis_protocol *protocol = LIST_ENTRY_OF(node, struct ndis_protocol, node);
        if (image_is(protocol->image, service))
            return protocol;
        if (!named && ndis_string_is(&protocol->name, service))
            named = protocol;
    }
    return named;
}

// ---- making and freeing ---------------------------------------------------------------------------------------------------------

static void
adapter_free(struct ndis_adapter *adapter)
{
    if (adapter->top)
        ndis_top_unref(adapter->top);
    ndis_interface_own_drop(adapter->driver->ndis, adapter->if_index);
    ndis_hardware_close(adapter);
    ndis_module_fini(&adapter->module);
    ndis_string_free(&adapter->device_name);
    ndis_string_free(&adapter->friendly_name);
    ndis_free((void *)adapter->name);
    ndis_free((void *)adapter->registry_path);
    ndis_free((void *)adapter->port_spec);
    ndis_free(adapter->multicast);
    ndis_kept_drop(adapter);
    ndis_bindings_forget(&adapter->parked);
    ndis_free(adapter);
}

void
ndis_device_name(NET_LUID luid, char *out, size_t out_bytes)
{
    char guid[64];
    adapter_guid_text(luid.Info.NetLuidIndex, guid, sizeof guid);
    snprintf(out, out_bytes, "\\Device\\%s", guid);
}

static bool
adapter_name(struct ndis_adapter *adapter, const struct ndis_adapter_config *config)
{
    char device[80], key[256];
    ndis_device_name(adapter->luid, device, sizeof device);
    ndis_adapter_key(config->name, key, sizeof key);
    adapter->mac = config->mac;
    adapter->name = ndis_strdup(config->name);
    adapter->registry_path = ndis_strdup(key);
    if (config->port_spec && !(adapter->port_spec = ndis_strdup(config->port_spec)))
        return false;
    // Setup writes the GUID of the instance into its key; drivers name their devices after it.
    struct box *box = adapter->driver->ndis->box;
    struct cm_key *class_key = cm_key_open(box, key);
    if (!class_key || !NT_SUCCESS(cm_set_sz(box, class_key, "NetCfgInstanceId", device + strlen("\\Device\\"))))
        return false;
    return adapter->name && adapter->registry_path && ndis_string_make(&adapter->device_name, device) &&
           ndis_string_make(&adapter->friendly_name, config->friendly_name ? config->friendly_name : config->name);
}

void
ndis_interface_number(struct ndis *ndis, NET_IFINDEX *index, NET_LUID *luid)
{
    KIRQL old = ke_lock_take(&ndis->lock);
    *index = ++ndis->next_if_index;
    luid->Info.NetLuidIndex = ++ndis->next_luid_index;
    ke_lock_drop(&ndis->lock, old);
    luid->Info.IfType = IF_TYPE_ETHERNET_CSMACD;
}

static struct ndis_adapter *
adapter_create(struct ndis_miniport_driver *driver, const struct ndis_adapter_config *config, const struct ndis_im *im)
{
    struct ndis *ndis = driver->ndis;
    struct ndis_adapter *adapter = ndis_alloc(sizeof *adapter);
    if (!adapter)
        return NULL;
    adapter->driver = driver;
    adapter->loopback_kind = NDIS_KIND_LOOPBACK;
    list_init(&adapter->node);
    list_init(&adapter->filters);
    list_init(&adapter->bindings);
    list_init(&adapter->oids.waiting);
    list_init(&adapter->direct_oids);
    list_init(&adapter->kept);
    list_init(&adapter->vmq.filters);
    list_init(&adapter->ports);
    if (im) {
        adapter->if_index = im->if_index;
        adapter->luid = im->luid;
        adapter->im_context = im->context;
    } else
        ndis_interface_number(ndis, &adapter->if_index, &adapter->luid);
    if (config->if_type)
        adapter->luid.Info.IfType = config->if_type;
    if (!adapter_name(adapter, config) || !ndis_module_init(&adapter->module, NDIS_KIND_ADAPTER, adapter, driver->image) ||
        ndis_hardware_open(adapter) != NDIS_STATUS_SUCCESS || !ndis_interface_own_add(ndis, adapter->if_index, adapter->luid)) {
        adapter_free(adapter);
        return NULL;
    }
    return adapter;
}

struct adapter_call {
    struct box *box;
    struct ndis_adapter *adapter;
    const struct ndis_adapter_config *config;
    const char *service;
    NDIS_STATUS status;
};

NDIS_STATUS
ndis_adapter_start(struct ndis_miniport_driver *driver, const struct ndis_adapter_config *config, struct ndis_im *im,
                   struct ndis_adapter **out)
{
    struct ndis *ndis = driver->ndis;
    struct ndis_adapter *adapter = adapter_create(driver, config, im);
    if (!adapter)
        return NDIS_STATUS_RESOURCES;
    NDIS_STATUS status = ndis_stack_publish(adapter);
    if (status == NDIS_STATUS_SUCCESS) {
        struct ndis_adapter *outer = ndis->starting;
        ndis->starting = adapter;
        status = ndis_miniport_initialize(adapter);
        ndis->starting = outer;
    }
    if (status == NDIS_STATUS_SUCCESS)
        status = ndis_stack_publish(adapter);   // the routes carry MiniportAdapterContext
    if (status != NDIS_STATUS_SUCCESS) {
        adapter_free(adapter);
        return status;
    }
    KIRQL old = ke_lock_take(&ndis->lock);
    adapter->im = im;
    list_push_back(&ndis->adapters, &adapter->node);
    driver->adapter_count++;
    ke_lock_drop(&ndis->lock, old);
    *out = adapter;
    return NDIS_STATUS_SUCCESS;
}

struct tell_call {
    struct ndis *ndis;
    const char *service;
    NET_PNP_EVENT_CODE code;
    void *buffer;
    ULONG bytes;
    NDIS_STATUS status;
};

static void
adapter_add_work(void *arg)
{
    struct adapter_call *call = arg;
    struct ndis_miniport_driver *driver = miniport_driver_find(call->box->ndis, call->config->driver);
    call->status = NDIS_STATUS_ADAPTER_NOT_FOUND;
    if (!driver || driver->deregistering)
        return;
    // A virtual miniport has no hardware that could be added: its driver asks for it (im.c).
    call->status = NDIS_STATUS_NOT_SUPPORTED;
    if (!(driver->chars.Flags & NDIS_INTERMEDIATE_DRIVER))
        call->status = ndis_adapter_start(driver, call->config, NULL, &call->adapter);
}

NDIS_STATUS
ndis_adapter_add(struct box *box, const struct ndis_adapter_config *config, struct ndis_adapter **out)
{
    struct adapter_call call = {.box = box, .config = config};
    ndis_pnp_run(box->ndis, adapter_add_work, &call);
    *out = call.adapter;
    return call.status;
}

// ---- changes --------------------------------------------------------------------------------------------------------------------

static void
adapter_bindings_back(struct adapter_call *call, struct ndis_parked *parked)
{
    NDIS_STATUS status = ndis_bindings_return(call->adapter, parked);
    if (call->status == NDIS_STATUS_SUCCESS)
        call->status = status;
}

static void
adapter_attach_work(void *arg)
{
    struct adapter_call *call = arg;
    struct ndis_adapter *adapter = call->adapter;
    struct ndis_filter_driver *driver = filter_driver_find(adapter->module.ndis, call->service);
    call->status = NDIS_STATUS_ADAPTER_NOT_FOUND;
    if (!driver || driver->deregistering)
        return;
    char key[256];
    ndis_filter_key(adapter->name, call->service, key, sizeof key);
    struct ndis_parked parked = {0};
    if (driver->is_mandatory && (call->status = ndis_bindings_park(adapter, &parked)) != NDIS_STATUS_SUCCESS)
        return;
    bool running = ndis_module_state(&adapter->module) == NDIS_STATE_RUNNING;
    if (running)
        ndis_stack_pause(adapter, NDIS_PAUSE_ATTACH_FILTER);
    struct ndis_filter *filter;
    call->status = ndis_filter_attach(adapter, driver, key, &filter);
    if (driver->is_mandatory && call->status != NDIS_STATUS_SUCCESS) {
        ndis_bindings_forget(&parked);            // no protocol without it; the stack stays paused
        return;
    }
    if (running) {
        NDIS_STATUS status = ndis_stack_restart(adapter);
        if (call->status == NDIS_STATUS_SUCCESS)
            call->status = status;
    }
    adapter_bindings_back(call, &parked);
}

NDIS_STATUS
ndis_adapter_attach_filter(struct ndis_adapter *adapter, const char *filter_service)
{
    struct adapter_call call = {.adapter = adapter, .service = filter_service};
    if (!ndis_port_default_wait(adapter, DEFAULT_PORT_WAIT_NS))
        return NDIS_STATUS_INVALID_PORT_STATE;
    ndis_pnp_run(adapter->module.ndis, adapter_attach_work, &call);
    return call.status;
}

static void
adapter_detach_work(void *arg)
{
    struct adapter_call *call = arg;
    struct ndis_adapter *adapter = call->adapter;
    struct ndis_filter_driver *driver = filter_driver_find(adapter->module.ndis, call->service);
    struct ndis_filter *found = NULL;
    LIST_FOR_EACH(node, &adapter->filters) {
        struct ndis_filter *filter = LIST_ENTRY_OF(node, struct ndis_filter, node);
        if (filter->driver == driver)
            found = filter;
    }
    call->status = NDIS_STATUS_ADAPTER_NOT_FOUND;
    if (!found)
        return;
    struct ndis_parked parked = {0};
    if (driver->is_mandatory && (call->status = ndis_bindings_park(adapter, &parked)) != NDIS_STATUS_SUCCESS)
        return;
    bool running = ndis_module_state(&adapter->module) == NDIS_STATE_RUNNING;
    ndis_event_pre_detach(found);
    ndis_stack_pause(adapter, NDIS_PAUSE_DETACH_FILTER);
    ndis_filter_detach(found);
    call->status = running ? ndis_stack_restart(adapter) : NDIS_STATUS_SUCCESS;
    adapter_bindings_back(call, &parked);
}

NDIS_STATUS
ndis_adapter_detach_filter(struct ndis_adapter *adapter, const char *filter_service)
{
    struct adapter_call call = {.adapter = adapter, .service = filter_service};
    ndis_pnp_run(adapter->module.ndis, adapter_detach_work, &call);
    return call.status;
}

static void
adapter_bind_work(void *arg)
{
    struct adapter_call *call = arg;
    struct ndis_protocol *protocol = protocol_find(call->adapter->module.ndis, call->service);
    call->status = NDIS_STATUS_ADAPTER_NOT_FOUND;
    if (!protocol || protocol->deregistering)
        return;
    call->status = NDIS_STATUS_INVALID_PORT_STATE;   // deactivated meanwhile
    if (!atomic_load(&call->adapter->default_port))
        return;
    char key[256];
    ndis_binding_key(call->adapter->name, call->service, key, sizeof key);
    call->status = ndis_binding_bind(call->adapter, protocol, key);
}

NDIS_STATUS
ndis_adapter_bind(struct ndis_adapter *adapter, const char *protocol_service)
{
    struct adapter_call call = {.adapter = adapter, .service = protocol_service};
    if (!ndis_port_default_wait(adapter, DEFAULT_PORT_WAIT_NS))
        return NDIS_STATUS_INVALID_PORT_STATE;
    ndis_pnp_run(adapter->module.ndis, adapter_bind_work, &call);
    return call.status;
}

static void
adapter_restart_work(void *arg)
{
    struct adapter_call *call = arg;
    call->status = atomic_load(&call->adapter->low_power) ? NDIS_STATUS_LOW_POWER_STATE : ndis_stack_restart(call->adapter);
}

NDIS_STATUS
ndis_adapter_restart(struct ndis_adapter *adapter)
{
    struct adapter_call call = {.adapter = adapter};
    ndis_pnp_run(adapter->module.ndis, adapter_restart_work, &call);
    return call.status;
}

static void
adapter_pause_work(void *arg)
{
    struct adapter_call *call = arg;
    ndis_stack_pause(call->adapter, NDIS_PAUSE_NDIS_INTERNAL);
}

NDIS_STATUS
ndis_adapter_pause(struct ndis_adapter *adapter)
{
    struct adapter_call call = {.adapter = adapter};
    ndis_pnp_run(adapter->module.ndis, adapter_pause_work, &call);
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
ndis_adapter_reset(struct ndis_adapter *adapter)
{
    return ndis_reset_run(adapter);
}

// Everything above goes, then the miniport halts.
void
ndis_adapter_stop(struct ndis_adapter *adapter, NDIS_HALT_ACTION action)
{
    struct ndis *ndis = adapter->module.ndis;
    adapter->removing = true;
    ndis_ndk_depart(adapter, action == NdisHaltDeviceSurpriseRemoved ? NDIS_NDK_SURPRISE : NDIS_NDK_REMOVED);
    if (adapter->im)
        ndis_im_leaving(adapter->im);
    LIST_FOR_EACH_SAFE(node, &adapter->filters)
        ndis_event_pre_detach(LIST_ENTRY_OF(node, struct ndis_filter, node));
    ndis_stack_pause(adapter, NDIS_PAUSE_MINIPORT_DEVICE_REMOVE);
    while (!list_is_empty(&adapter->bindings))
        ndis_binding_unbind(LIST_ENTRY_OF(adapter->bindings.prev, struct ndis_binding, node));
    while (!list_is_empty(&adapter->filters))
        ndis_filter_detach(LIST_ENTRY_OF(adapter->filters.prev, struct ndis_filter, node));
    ndis_miniport_halt(adapter, action);
    KIRQL old = ke_lock_take(&ndis->lock);
    list_remove(&adapter->node);
    adapter->driver->adapter_count--;
    if (adapter->im)
        adapter->im->state = NDIS_IM_IDLE;
    ke_lock_drop(&ndis->lock, old);
    adapter_free(adapter);
}

static void
adapter_remove_work(void *arg)
{
    ndis_adapter_stop(((struct adapter_call *)arg)->adapter, NdisHaltDeviceDisabled);
}

void
ndis_adapter_remove(struct ndis_adapter *adapter)
{
    struct adapter_call call = {.adapter = adapter};
    ndis_pnp_run(adapter->module.ndis, adapter_remove_work, &call);
}

// As a user disables the device: whoever is above may refuse, and is told when that was so
// [network/handling-pnp-events-and-power-management-events-in-a-protocol-driver].
static void
adapter_query_remove_work(void *arg)
{
    struct adapter_call *call = arg;
    call->status = ndis_event_own(call->adapter, NetEventQueryRemoveDevice, NULL, 0);
    if (call->status == NDIS_STATUS_SUCCESS)
        adapter_remove_work(call);
    else
        ndis_event_own(call->adapter, NetEventCancelRemoveDevice, NULL, 0);
}

NDIS_STATUS
ndis_adapter_query_remove(struct ndis_adapter *adapter)
{
    struct adapter_call call = {.adapter = adapter};
    ndis_pnp_run(adapter->module.ndis, adapter_query_remove_work, &call);
    return call.status;
}

// The hardware is gone: nobody is asked [network/processing-the-surprise-removal-of-a-nic--windows-7-and-later-versions-].
static void
adapter_surprise_work(void *arg)
{
    struct ndis_adapter *adapter = ((struct adapter_call *)arg)->adapter;
    ndis_event_own(adapter, NetEventQueryRemoveDevice, NULL, 0);
    ndis_event_device(adapter, NdisDevicePnPEventSurpriseRemoved, NULL, 0);
    ndis_adapter_stop(adapter, NdisHaltDeviceSurpriseRemoved);
}

void
ndis_adapter_surprise_remove(struct ndis_adapter *adapter)
{
    struct adapter_call call = {.adapter = adapter};
    ndis_pnp_run(adapter->module.ndis, adapter_surprise_work, &call);
}

static void
protocol_tell_work(void *arg)
{
    struct tell_call *call = arg;
    struct ndis_protocol *protocol = protocol_find(call->ndis, call->service);
    if (protocol)
        call->status = ndis_protocol_event(protocol, call->code, call->buffer, call->bytes);
}

NDIS_STATUS
ndis_protocol_tell(struct box *box, const char *protocol_service, NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes)
{
    struct tell_call call = {box->ndis, protocol_service, code, buffer, bytes, NDIS_STATUS_ADAPTER_NOT_FOUND};
    ndis_pnp_run(box->ndis, protocol_tell_work, &call);
    return call.status;
}

static void
protocol_uninstall_work(void *arg)
{
    struct tell_call *call = arg;
    struct ndis_protocol *protocol = protocol_find(call->ndis, call->service);
    if (!protocol)
        return;
    call->status = NDIS_STATUS_SUCCESS;
    ndis_protocol_uninstall_now(protocol);
}

NDIS_STATUS
ndis_protocol_uninstall(struct box *box, const char *protocol_service)
{
    struct tell_call call = {.ndis = box->ndis, .service = protocol_service, .status = NDIS_STATUS_ADAPTER_NOT_FOUND};
    ndis_pnp_run(box->ndis, protocol_uninstall_work, &call);
    return call.status;
}

static void
binds_complete_work(void *arg)
{
    struct ndis *ndis = arg;
    LIST_FOR_EACH(node, &ndis->protocols)
        ndis_protocol_event(LIST_ENTRY_OF(node, struct ndis_protocol, node), NetEventBindsComplete, NULL, 0);
}

void
ndis_binds_complete(struct box *box)
{
    ndis_pnp_run(box->ndis, binds_complete_work, box->ndis);
}

static void
adapter_shut(struct ndis_adapter *adapter, NDIS_SHUTDOWN_ACTION action)
{
    // "This function puts the miniport into the Shutdown state, where no other callback can occur" [ndis/nc-ndis-miniport_shutdown].
    if (ndis_module_state(&adapter->module) == NDIS_STATE_HALTED || atomic_exchange(&adapter->is_shut, true))
        return;
    NDIS_CALL_VOID(adapter->module.image, "MiniportShutdownEx",
                   adapter->driver->chars.ShutdownHandlerEx(adapter->general_context, action));
}

static void
shutdown_work(void *arg)
{
    struct ndis *ndis = arg;
    for (struct list *node = ndis->adapters.prev; node != &ndis->adapters; node = node->prev) {
        struct ndis_adapter *adapter = LIST_ENTRY_OF(node, struct ndis_adapter, node);
        ndis_reset_stop(adapter);
        adapter_shut(adapter, NdisShutdownPowerOff);
        ndis_stack_publish(adapter);          // the ways down end before the miniport now
    }
}

// The box cannot go on, and everything else in it stands still. irql: HIGH
static void
bugcheck_shut(struct box *box)
{
    for (struct list *node = box->ndis->adapters.prev; node != &box->ndis->adapters; node = node->prev) {
        struct ndis_adapter *adapter = LIST_ENTRY_OF(node, struct ndis_adapter, node);
        // From NDIS 6.30 on the miniport has to ask for it.
        if (adapter->driver->minor < 30 || (adapter->attribute_flags & NDIS_MINIPORT_ATTRIBUTES_REGISTER_BUGCHECK_CALLBACK))
            adapter_shut(adapter, NdisShutdownBugCheck);
    }
}

void
ndis_shutdown(struct box *box)
{
    ndis_pnp_run(box->ndis, shutdown_work, box->ndis);
}

// ---- looking --------------------------------------------------------------------------------------------------------------------

bool
ndis_adapter_is_running(struct ndis_adapter *adapter)
{
    return ndis_module_state(&adapter->module) == NDIS_STATE_RUNNING;
}

static void
edge_fill(struct ndis_edge *edge, const char *kind, const struct ndis_module *module)
{
    struct ndis_edge_counters sum;
    ndis_edge_sum(module, &sum);
    *edge = (struct ndis_edge){.kind = kind,
                               .name = module->image ? module->image->name : "?",
                               .sent_nbls = sum.sent_nbls,
                               .completed_nbls = sum.completed_nbls,
                               .indicated_nbls = sum.indicated_nbls,
                               .returned_nbls = sum.returned_nbls};
}

uint32_t
ndis_adapter_edges(struct ndis_adapter *adapter, struct ndis_edge *edges, uint32_t capacity)
{
    struct ndis *ndis = adapter->module.ndis;
    uint32_t count = 0;
    KIRQL old = ke_lock_take(&ndis->lock);
    if (count < capacity)
        edge_fill(&edges[count++], "miniport", &adapter->module);
    LIST_FOR_EACH(node, &adapter->filters)
        if (count < capacity)
            edge_fill(&edges[count++], "filter", &LIST_ENTRY_OF(node, struct ndis_filter, node)->module);
    LIST_FOR_EACH(node, &adapter->bindings) {
        const struct ndis_binding *binding = LIST_ENTRY_OF(node, struct ndis_binding, node);
        if (count < capacity)
            edge_fill(&edges[count++], binding->protocol->upper_edge ? "intermediate" : "protocol", &binding->module);
    }
    ke_lock_drop(&ndis->lock, old);
    return count;
}

NDIS_STATUS
ndis_adapter_oid(struct ndis_adapter *adapter, NDIS_REQUEST_TYPE type, NDIS_OID oid, void *buffer, uint32_t bytes,
                 uint32_t *done_bytes)
{
    return ndis_oid_adapter(adapter, type, oid, buffer, bytes, done_bytes);
}

const char *
ndis_event_word(enum ndis_event event)
{
    static const char *const words[NDIS_EVENT_COUNT] = {
        "pause with sends in flight", "pause with receives out", "send refused (paused)", "completion deferred",
        "indication deferred", "frame looped back", "receive shown to several", "OID request waited",
        "OID request cancelled", "send cancelled", "adapter reset", "adapter asleep", "open pended"};
    return words[event];
}

void
ndis_events_get(struct box *box, uint64_t counts[NDIS_EVENT_COUNT])
{
    for (int i = 0; i < NDIS_EVENT_COUNT; i++)
        counts[i] = box->ndis ? atomic_load(&box->ndis->events[i]) : 0;
}

const char *
ndis_adapter_starting(struct box *box)
{
    const struct ndis *ndis = box->ndis;
    return ndis && ndis_pnp_is_self(box->ndis) && ndis->starting ? ndis->starting->name : NULL;
}

void
ndis_trace_set(struct box *box, ndis_trace_fn fn, void *context)
{
    box->ndis->trace_fn = fn;
    box->ndis->trace_context = context;
}

void
ndis_words_set(struct box *box, ndis_words_fn fn, void *context)
{
    box->ndis->words_fn = fn;
    box->ndis->words_context = context;
}

// ---- NDIS in a box --------------------------------------------------------------------------------------------------------------

int
ndis_create(struct box *box)
{
    struct ndis *ndis = ndis_alloc(sizeof *ndis);
    if (!ndis)
        return -ENOMEM;
    ndis->box = box;
    ndis->ledger_on = box->verify != NULL;
    list_init(&ndis->miniport_drivers);
    list_init(&ndis->filter_drivers);
    list_init(&ndis->protocols);
    list_init(&ndis->adapters);
    list_init(&ndis->ims);
    list_init(&ndis->ndk_clients);
    list_init(&ndis->oid_clones);
    box->ndis = ndis;
    box->on_bugcheck = bugcheck_shut;
    if (!ndis_module_init(&ndis->loopback, NDIS_KIND_LOOPBACK, NULL, NULL) || ndis_loopback_create(ndis) ||
        ndis_clone_create(ndis) || ndis_interfaces_create(ndis) || ages_start(&ndis->ages, box) || ndis_pnp_start(ndis)) {
        ages_stop(&ndis->ages);
        ndis_interfaces_destroy(ndis);
        ndis_clone_destroy(ndis);
        ndis_loopback_destroy(ndis);
        ndis_module_fini(&ndis->loopback);
        box->ndis = NULL;
        ndis_free(ndis);
        return -ENOMEM;
    }
    return 0;
}

static uint32_t
ndis_left(struct box *box, const char *what, struct list *list, enum verify_left kind, size_t node_offset)
{
    uint32_t count = 0;
    LIST_FOR_EACH(node, list)
        count += !verify_left_one(box, kind, (char *)node - node_offset, "DriverUnload");
    if (count && box->on_message) {
        char text[96];
        snprintf(text, sizeof text, "left behind: %u NDIS %s never deregistered", count, what);
        box->on_message(box->on_message_context, text);
    }
    return count;
}

uint32_t
ndis_destroy(struct box *box)
{
    struct ndis *ndis = box->ndis;
    while (!list_is_empty(&ndis->adapters))
        ndis_adapter_remove(LIST_ENTRY_OF(ndis->adapters.prev, struct ndis_adapter, node));
    ages_stop(&ndis->ages);
    ndis_pnp_stop(ndis);
    uint32_t left = ndis_left(box, "miniport drivers", &ndis->miniport_drivers, VERIFY_LEFT_MINIPORT_DRIVER,
                              offsetof(struct ndis_miniport_driver, node)) +
                    ndis_left(box, "filter drivers", &ndis->filter_drivers, VERIFY_LEFT_FILTER_DRIVER,
                              offsetof(struct ndis_filter_driver, node)) +
                    ndis_left(box, "protocols", &ndis->protocols, VERIFY_LEFT_PROTOCOL, offsetof(struct ndis_protocol, node)) +
                    ndis_oid_clones_left(ndis);
    ndis_im_destroy(ndis);
    left += ndis_interfaces_destroy(ndis);
    ndis_loopback_destroy(ndis);
    ndis_clone_destroy(ndis);
    ndis_module_fini(&ndis->loopback);
    box->on_bugcheck = NULL;
    box->ndis = NULL;
    ndis_free(ndis);
    return left;
}
