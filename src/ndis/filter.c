// SPDX-License-Identifier: MIT
// Filter drivers and the life of their modules:
//   register -> [FilterSetOptions]
//   attach (inside it NdisFSetAttributes) -> paused -> [FilterSetModuleOptions] -> restart -> running -> pause -> paused -> detach
// Attaching happens from the bottom up and to a paused stack; the module joins the routes when it is attached, and leaves them before
// FilterDetach is called. [network/filter-module-states-and-operations]
#include "ndis/filter.h"

#include <string.h>

#include "ndis/header.h"
#include "ndis/interface.h"
#include "ndis/offload.h"
#include "verify/left.h"
#include "verify/rules.h"

// What is wrong with the handlers; NULL: nothing. Whoever sees a list on its way out must see it come back; what else goes in pairs, the
// pages of the handlers say with the word must.
static const char *
filter_handlers_fault(const NDIS_FILTER_DRIVER_CHARACTERISTICS *c)
{
    if (!c->AttachHandler || !c->DetachHandler || !c->RestartHandler || !c->PauseHandler)
        return "a required handler is NULL (attach, detach, restart, pause)";
    if (c->SendNetBufferListsHandler && !c->SendNetBufferListsCompleteHandler)
        return "SendNetBufferListsHandler without SendNetBufferListsCompleteHandler";
    if (c->ReceiveNetBufferListsHandler && !c->ReturnNetBufferListsHandler)
        return "ReceiveNetBufferListsHandler without ReturnNetBufferListsHandler";
    if ((c->ReceiveNetBufferListsHandler || c->ReturnNetBufferListsHandler) && !c->StatusHandler)
        return "ReceiveNetBufferListsHandler or ReturnNetBufferListsHandler without StatusHandler";
    if (!c->OidRequestHandler != !c->OidRequestCompleteHandler)
        return "of OidRequestHandler and OidRequestCompleteHandler one is NULL";
    if (!c->DirectOidRequestHandler != !c->DirectOidRequestCompleteHandler)
        return "of DirectOidRequestHandler and DirectOidRequestCompleteHandler one is NULL";
    return NULL;
}

static NDIS_STATUS
filter_chars_take(const NDIS_FILTER_DRIVER_CHARACTERISTICS *chars, NDIS_FILTER_DRIVER_CHARACTERISTICS *out)
{
    if (!ndis_header_fits(&chars->Header, &ndis_kind_filter_driver))
        return ndis_registration_refuse("NdisFRegisterFilterDriver", "the characteristics have a wrong type, revision or size");
    if (!ndis_version_is_known(chars->MajorNdisVersion, chars->MinorNdisVersion))
        return NDIS_STATUS_BAD_VERSION;
    memcpy(out, chars, ndis_header_known(&chars->Header, &ndis_kind_filter_driver));
    const char *fault = filter_handlers_fault(out);
    return fault ? ndis_registration_refuse("NdisFRegisterFilterDriver", fault) : NDIS_STATUS_SUCCESS;
}

static void
filter_driver_free(struct ndis_filter_driver *driver)
{
    driver->kind = 0;
    ndis_string_free(&driver->friendly_name);
    ndis_string_free(&driver->unique_name);
    ndis_string_free(&driver->service_name);
    ndis_free(driver);
}

NDIS_STATUS
ndis_filter_driver_register(DRIVER_OBJECT *driver_object, NDIS_HANDLE context, const NDIS_FILTER_DRIVER_CHARACTERISTICS *chars,
                            struct ndis_filter_driver **out)
{
    NDIS_FILTER_DRIVER_CHARACTERISTICS own = {.Flags = 0};
    NDIS_STATUS status = filter_chars_take(chars, &own);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    struct ndis_filter_driver *driver = ndis_alloc(sizeof *driver);
    if (!driver)
        return NDIS_STATUS_RESOURCES;
    driver->kind = NDIS_KIND_FILTER_DRIVER;
    driver->ndis = ndis_self();
    driver->image = io_image_of(driver_object);
    driver->driver_object = driver_object;
    driver->context = context;
    driver->chars = own;
    if (!ndis_string_copy(&driver->friendly_name, &chars->FriendlyName) ||
        !ndis_string_copy(&driver->unique_name, &chars->UniqueName) ||
        !ndis_string_copy(&driver->service_name, &chars->ServiceName)) {
        filter_driver_free(driver);
        return NDIS_STATUS_RESOURCES;
    }
    *out = driver;
    if (driver->chars.SetOptionsHandler) {
        status = NDIS_CALL(driver->image, "FilterSetOptions", driver->chars.SetOptionsHandler(driver, context));
        if (status != NDIS_STATUS_SUCCESS) {
            *out = NULL;
            filter_driver_free(driver);
            return status;
        }
    }
    KIRQL old = ke_lock_take(&driver->ndis->lock);
    list_push_back(&driver->ndis->filter_drivers, &driver->node);
    ke_lock_drop(&driver->ndis->lock, old);
    verify_had(VERIFY_LEFT_FILTER_DRIVER, driver, NULL, NULL);
    return NDIS_STATUS_SUCCESS;
}

static struct ndis_filter *
filter_of_driver(struct ndis_filter_driver *driver)
{
    LIST_FOR_EACH(at, &driver->ndis->adapters) {
        struct ndis_adapter *adapter = LIST_ENTRY_OF(at, struct ndis_adapter, node);
        LIST_FOR_EACH(node, &adapter->filters) {
            struct ndis_filter *filter = LIST_ENTRY_OF(node, struct ndis_filter, node);
            if (filter->driver == driver)
                return filter;
        }
    }
    return NULL;
}

static void
filter_driver_detach_all(void *arg)
{
    struct ndis_filter_driver *driver = arg;
    struct ndis_filter *filter;
    while ((filter = filter_of_driver(driver))) {
        struct ndis_adapter *adapter = filter->module.adapter;
        bool running = ndis_module_state(&adapter->module) == NDIS_STATE_RUNNING;
        ndis_event_pre_detach(filter);
        ndis_stack_pause(adapter, NDIS_PAUSE_DETACH_FILTER);
        ndis_filter_detach(filter);
        if (running)
            ndis_stack_restart(adapter);
    }
}

void
ndis_filter_driver_deregister(struct ndis_filter_driver *driver)
{
    struct ndis *ndis = driver->ndis;
    driver->deregistering = true;
    ndis_pnp_run(ndis, filter_driver_detach_all, driver);
    KIRQL old = ke_lock_take(&ndis->lock);
    list_remove(&driver->node);
    ke_lock_drop(&ndis->lock, old);
    verify_gave(ndis->box, VERIFY_LEFT_FILTER_DRIVER, driver);
    filter_driver_free(driver);
}

NDIS_STATUS
ndis_filter_attributes_set(struct ndis_filter *filter, NDIS_HANDLE context, const NDIS_FILTER_ATTRIBUTES *attributes)
{
    if (!filter->attaching || filter->attributes_set || !context)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (!ndis_header_is(&attributes->Header, NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1))
        return NDIS_STATUS_INVALID_PARAMETER;
    filter->context = context;
    filter->attributes_set = true;
    return NDIS_STATUS_SUCCESS;
}

// ---- the module's states --------------------------------------------------------------------------------------------------------

static void
filter_handlers_default(struct ndis_filter *filter)
{
    const NDIS_FILTER_DRIVER_CHARACTERISTICS *chars = &filter->driver->chars;
    filter->handlers = (NDIS_FILTER_PARTIAL_CHARACTERISTICS){
        .Header = ndis_header(NDIS_OBJECT_TYPE_FILTER_PARTIAL_CHARACTERISTICS, NDIS_FILTER_PARTIAL_CHARACTERISTICS_REVISION_1,
                              NDIS_SIZEOF_FILTER_PARTIAL_CHARACTERISTICS_REVISION_1),
        .SendNetBufferListsHandler = chars->SendNetBufferListsHandler,
        .SendNetBufferListsCompleteHandler = chars->SendNetBufferListsCompleteHandler,
        .CancelSendNetBufferListsHandler = chars->CancelSendNetBufferListsHandler,
        .ReceiveNetBufferListsHandler = chars->ReceiveNetBufferListsHandler,
        .ReturnNetBufferListsHandler = chars->ReturnNetBufferListsHandler};
    filter->status_handler = chars->StatusHandler;
}

static NDIS_STATUS
filter_call_attach(struct ndis_filter *filter)
{
    struct ndis_adapter *adapter = filter->module.adapter;
    NDIS_OFFLOAD offload;
    NDIS_FILTER_ATTACH_PARAMETERS parameters = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_FILTER_ATTACH_PARAMETERS, NDIS_FILTER_ATTACH_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_FILTER_ATTACH_PARAMETERS_REVISION_1),
        .IfIndex = filter->if_index,
        .NetLuid = filter->luid,
        .FilterModuleGuidName = &filter->module_name,
        .BaseMiniportIfIndex = adapter->if_index,
        .BaseMiniportInstanceName = &adapter->friendly_name,
        .BaseMiniportName = &adapter->device_name,
        .MediaConnectState = adapter->link.MediaConnectState,
        .MediaDuplexState = adapter->link.MediaDuplexState,
        .XmitLinkSpeed = adapter->link.XmitLinkSpeed,
        .RcvLinkSpeed = adapter->link.RcvLinkSpeed,
        .MiniportMediaType = adapter->general.MediaType,
        .MiniportPhysicalMediaType = adapter->general.PhysicalMediumType,
        .DefaultOffloadConfiguration = ndis_offload_current(adapter, &offload),
        .MacAddressLength = adapter->general.MacAddressLength,
        .BaseMiniportNetLuid = adapter->luid};
    ndis_interface_below(filter, &parameters.LowerIfIndex, &parameters.LowerIfNetLuid);
    memcpy(parameters.CurrentMacAddress, adapter->current_mac, sizeof parameters.CurrentMacAddress);
    filter->attaching = true;
    NDIS_STATUS status = NDIS_CALL(filter->module.image, "FilterAttach",
                                   filter->driver->chars.AttachHandler(filter, filter->driver->context, &parameters));
    filter->attaching = false;
    return status;
}

static void
filter_free(struct ndis_filter *filter)
{
    ndis_interface_own_drop(filter->driver->ndis, filter->if_index);
    ndis_module_fini(&filter->module);
    ndis_string_free(&filter->module_name);
    ndis_free((void *)filter->settings_path);
    ndis_free(filter);
}

static struct ndis_filter *
filter_create(struct ndis_adapter *adapter, struct ndis_filter_driver *driver, const char *settings_path)
{
    struct ndis_filter *filter = ndis_alloc(sizeof *filter);
    if (!filter)
        return NULL;
    filter->driver = driver;
    list_init(&filter->node);
    list_init(&filter->oids.waiting);
    char name[96];
    ndis_filter_module_name(adapter, driver, name, sizeof name);
    ndis_interface_number(driver->ndis, &filter->if_index, &filter->luid);
    if (!ndis_module_init(&filter->module, NDIS_KIND_FILTER, adapter, driver->image) ||
        !ndis_string_make(&filter->module_name, name) || !(filter->settings_path = ndis_strdup(settings_path)) ||
        !ndis_interface_own_add(driver->ndis, filter->if_index, filter->luid)) {
        filter_free(filter);
        return NULL;
    }
    filter_handlers_default(filter);
    return filter;
}

NDIS_STATUS
ndis_filter_attach(struct ndis_adapter *adapter, struct ndis_filter_driver *driver, const char *settings_path,
                   struct ndis_filter **out)
{
    struct ndis_filter *filter = filter_create(adapter, driver, settings_path);
    if (!filter)
        return NDIS_STATUS_RESOURCES;
    ndis_module_state_set(&filter->module, NDIS_STATE_INITIALIZING);
    NDIS_STATUS status = filter_call_attach(filter);
    if (status == NDIS_STATUS_SUCCESS && !filter->attributes_set) {
        NDIS_CALL_VOID(filter->module.image, "FilterDetach", filter->driver->chars.DetachHandler(filter->context));
        status = NDIS_STATUS_FAILURE;
    }
    if (status == NDIS_STATUS_SUCCESS) {
        ndis_module_state_set(&filter->module, NDIS_STATE_PAUSED);
        status = ndis_stack_insert(adapter, &adapter->filters, &filter->node);
        if (status != NDIS_STATUS_SUCCESS)
            NDIS_CALL_VOID(filter->module.image, "FilterDetach", filter->driver->chars.DetachHandler(filter->context));
    }
    if (status != NDIS_STATUS_SUCCESS) {
        verify_left_behind(driver->ndis->box, driver->image, filter, "FilterAttach");
        filter_free(filter);
        return status;
    }
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    driver->module_count++;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    *out = filter;
    return NDIS_STATUS_SUCCESS;
}

void
ndis_filter_detach(struct ndis_filter *filter)
{
    struct ndis *ndis = filter->module.ndis;
    struct ndis_filter_driver *driver = filter->driver;
    ndis_stack_take(&filter->module, &filter->node);
    ndis_oid_flush(&filter->module, NDIS_STATUS_REQUEST_ABORTED);   // after it, for nobody can add to them any more
    NDIS_CALL_VOID(driver->image, "FilterDetach", driver->chars.DetachHandler(filter->context));
    verify_left_behind(ndis->box, driver->image, filter, "FilterDetach");
    KIRQL old = ke_lock_take(&ndis->lock);
    driver->module_count--;
    ke_lock_drop(&ndis->lock, old);
    ndis_module_state_set(&filter->module, NDIS_STATE_HALTED);
    filter_free(filter);
}

void
ndis_filter_pause(struct ndis_filter *filter, ULONG reason)
{
    if (ndis_module_state(&filter->module) != NDIS_STATE_RUNNING)
        return;
    NDIS_FILTER_PAUSE_PARAMETERS parameters = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_FILTER_PAUSE_PARAMETERS, NDIS_FILTER_PAUSE_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_FILTER_PAUSE_PARAMETERS_REVISION_1),
        .PauseReason = reason};
    ndis_module_state_set(&filter->module, NDIS_STATE_PAUSING);
    ndis_pending_begin(&filter->pause);
    NDIS_STATUS status = NDIS_CALL(filter->module.image, "FilterPause",
                                   filter->driver->chars.PauseHandler(filter->context, &parameters));
    ndis_pause_status_check(&filter->module, status, "FilterPause");
    ndis_pending_end_within(&filter->pause, status, &filter->module, "FilterPause", NDIS_PAUSE_LIMIT_S, NBX_0109);
    ndis_module_state_set(&filter->module, NDIS_STATE_PAUSED);
}

// A driver may change its handlers for this module before each restart; default is what it registered.
NDIS_STATUS
ndis_filter_options(struct ndis_filter *filter)
{
    if (ndis_module_state(&filter->module) != NDIS_STATE_PAUSED || !filter->driver->chars.SetFilterModuleOptionsHandler)
        return NDIS_STATUS_SUCCESS;
    filter->setting_options = true;
    NDIS_STATUS status = NDIS_CALL(filter->module.image, "FilterSetModuleOptions",
                                   filter->driver->chars.SetFilterModuleOptionsHandler(filter->context));
    filter->setting_options = false;
    return status;
}

// A NULL handler is bypassed from the restart on [ndis/ns-ndis-_ndis_filter_partial_characteristics].
NDIS_STATUS
ndis_filter_handlers_set(struct ndis_filter *filter, const NDIS_FILTER_PARTIAL_CHARACTERISTICS *handlers)
{
    if (!filter->setting_options ||
        !ndis_header_is(&handlers->Header, NDIS_OBJECT_TYPE_FILTER_PARTIAL_CHARACTERISTICS,
                        NDIS_SIZEOF_FILTER_PARTIAL_CHARACTERISTICS_REVISION_1))
        return NDIS_STATUS_FAILURE;
    filter->handlers = *handlers;
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
ndis_filter_restart(struct ndis_filter *filter, NDIS_RESTART_ATTRIBUTES **list)
{
    if (ndis_module_state(&filter->module) != NDIS_STATE_PAUSED)
        return NDIS_STATUS_SUCCESS;
    struct ndis_adapter *adapter = filter->module.adapter;
    NDIS_FILTER_RESTART_PARAMETERS parameters = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_FILTER_RESTART_PARAMETERS, NDIS_FILTER_RESTART_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_FILTER_RESTART_PARAMETERS_REVISION_1),
        .MiniportMediaType = adapter->general.MediaType,
        .MiniportPhysicalMediaType = adapter->general.PhysicalMediumType,
        .RestartAttributes = *list};
    ndis_interface_below(filter, &parameters.LowerIfIndex, &parameters.LowerIfNetLuid);
    ndis_module_state_set(&filter->module, NDIS_STATE_RESTARTING);
    ndis_pending_begin(&filter->restart);
    NDIS_STATUS status =
        NDIS_CALL(filter->module.image, "FilterRestart", filter->driver->chars.RestartHandler(filter->context, &parameters));
    status = ndis_pending_end_within(&filter->restart, status, &filter->module, "FilterRestart", NDIS_PAUSE_LIMIT_S, NBX_0109);
    *list = parameters.RestartAttributes;     // it may have put another one first
    ndis_module_state_set(&filter->module, status == NDIS_STATUS_SUCCESS ? NDIS_STATE_RUNNING : NDIS_STATE_PAUSED);
    return status;
}

static void
filter_restart_work(void *arg)
{
    struct ndis_adapter *adapter = ndis_adapter_by_index(ndis_self(), (NET_IFINDEX)(uintptr_t)arg);
    if (!adapter || ndis_module_state(&adapter->module) != NDIS_STATE_RUNNING)
        return;
    ndis_stack_pause(adapter, NDIS_PAUSE_FILTER_RESTART_STACK);
    ndis_stack_restart(adapter);
}

NDIS_STATUS
ndis_filter_restart_request(struct ndis_filter *filter)
{
    void *index = (void *)(uintptr_t)filter->module.adapter->if_index;
    return ndis_pnp_queue(filter->module.ndis, filter_restart_work, index) ? NDIS_STATUS_RESOURCES : NDIS_STATUS_SUCCESS;
}
