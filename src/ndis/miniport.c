// SPDX-License-Identifier: MIT
// Miniport drivers and the life of their adapters:
//   register -> [MiniportSetOptions]
//   ndis_miniport_initialize: MiniportInitializeEx, inside it NdisMSetMiniportAttributes (registration first, then general, then the
//   rest) -> paused -> restart -> running -> pause -> paused -> halt
// A failed initialise leaves nothing: what was set is dropped, and the context is never used again.
// [network/miniport-adapter-states-and-operations]
#include "ndis/miniport.h"

#include <string.h>

#include "ndis/assist.h"
#include "ndis/chimney.h"
#include "ndis/hardware.h"
#include "ndis/header.h"
#include "ndis/im.h"
#include "ndis/ndk/ndk_int.h"
#include "ndis/rss.h"
#include "ndis/vmq.h"
#include "verify/left.h"
#include "verify/rules.h"

// What is wrong with the handlers; NULL: nothing. [ndis/ns-ndis-_ndis_miniport_driver_characteristics]
static const char *
miniport_handlers_fault(const NDIS_MINIPORT_DRIVER_CHARACTERISTICS *c)
{
    if (!c->InitializeHandlerEx || !c->HaltHandlerEx || !c->UnloadHandler || !c->PauseHandler || !c->RestartHandler)
        return "a required handler of its life is NULL (initialize, halt, unload, pause, restart)";
    if (!c->OidRequestHandler || !c->CancelOidRequestHandler)
        return "a required handler of OID requests is NULL (OidRequest, CancelOidRequest)";
    if (!c->SendNetBufferListsHandler || !c->ReturnNetBufferListsHandler || !c->CancelSendHandler)
        return "a required handler of the data path is NULL (SendNetBufferLists, ReturnNetBufferLists, CancelSend)";
    if (!c->DevicePnPEventNotifyHandler || !c->ShutdownHandlerEx)
        return "DevicePnPEventNotifyHandler or ShutdownHandlerEx is NULL, and both are required";
    if (c->CheckForHangHandlerEx && !c->ResetHandlerEx)
        return "CheckForHangHandlerEx without ResetHandlerEx";
    if (!c->DirectOidRequestHandler != !c->CancelDirectOidRequestHandler)
        return "of DirectOidRequestHandler and CancelDirectOidRequestHandler one is NULL";
    return NULL;
}

static NDIS_STATUS
miniport_chars_take(const NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars, NDIS_MINIPORT_DRIVER_CHARACTERISTICS *out)
{
    NDIS_OBJECT_HEADER header = chars->Header;
    // UNSURE: the page wants its own type; Microsoft's own intermediate sample registers with this one.
    if (header.Type == NDIS_OBJECT_TYPE_DEFAULT)
        header.Type = NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS;
    if (!ndis_header_fits(&header, &ndis_kind_miniport_driver))
        return ndis_registration_refuse("NdisMRegisterMiniportDriver", "the characteristics have a wrong type, revision or size");
    if (!ndis_version_is_known(chars->MajorNdisVersion, chars->MinorNdisVersion))
        return NDIS_STATUS_BAD_VERSION;
    memcpy(out, chars, ndis_header_known(&header, &ndis_kind_miniport_driver));
    const char *fault = miniport_handlers_fault(out);
    return fault ? ndis_registration_refuse("NdisMRegisterMiniportDriver", fault) : NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
miniport_set_options(struct ndis_miniport_driver *driver)
{
    if (!driver->chars.SetOptionsHandler)
        return NDIS_STATUS_SUCCESS;
    return NDIS_CALL(driver->image, "MiniportSetOptions", driver->chars.SetOptionsHandler(driver, driver->context));
}

NDIS_STATUS
ndis_miniport_driver_register(DRIVER_OBJECT *driver_object, NDIS_HANDLE context,
                              const NDIS_MINIPORT_DRIVER_CHARACTERISTICS *chars, struct ndis_miniport_driver **out)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS own = {.Flags = 0};
    NDIS_STATUS status = miniport_chars_take(chars, &own);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    struct ndis_miniport_driver *driver = ndis_alloc(sizeof *driver);
    if (!driver)
        return NDIS_STATUS_RESOURCES;
    driver->kind = NDIS_KIND_MINIPORT_DRIVER;
    driver->ndis = ndis_self();
    driver->image = io_image_of(driver_object);
    driver->driver_object = driver_object;
    driver->context = context;
    driver->chars = own;
    driver->major = own.MajorNdisVersion;
    driver->minor = own.MinorNdisVersion;
    *out = driver;
    status = miniport_set_options(driver);
    if (status != NDIS_STATUS_SUCCESS) {
        *out = NULL;
        driver->kind = 0;
        ndis_free(driver);
        return status;
    }
    // NDIS hooks the driver object: its unload routine is MiniportDriverUnload [ndis/nc-ndis-miniport_unload].
    driver_object->DriverUnload = own.UnloadHandler;
    KIRQL old = ke_lock_take(&driver->ndis->lock);
    list_push_back(&driver->ndis->miniport_drivers, &driver->node);
    ke_lock_drop(&driver->ndis->lock, old);
    verify_had(VERIFY_LEFT_MINIPORT_DRIVER, driver, NULL, NULL);
    return NDIS_STATUS_SUCCESS;
}

static struct ndis_adapter *
miniport_driver_some_adapter(struct ndis_miniport_driver *driver)
{
    LIST_FOR_EACH(node, &driver->ndis->adapters) {
        struct ndis_adapter *adapter = LIST_ENTRY_OF(node, struct ndis_adapter, node);
        if (adapter->driver == driver)
            return adapter;
    }
    return NULL;
}

// One at a time from the start: removing an adapter may take virtual miniports above it along.
static void
miniport_driver_remove_adapters(void *arg)
{
    struct ndis_adapter *adapter;
    while ((adapter = miniport_driver_some_adapter(arg)))
        ndis_adapter_remove(adapter);
}

void
ndis_miniport_driver_deregister(struct ndis_miniport_driver *driver)
{
    struct ndis *ndis = driver->ndis;
    driver->deregistering = true;
    ndis_im_forget(driver);
    ndis_pnp_run(ndis, miniport_driver_remove_adapters, driver);
    KIRQL old = ke_lock_take(&ndis->lock);
    list_remove(&driver->node);
    ke_lock_drop(&ndis->lock, old);
    verify_gave(ndis->box, VERIFY_LEFT_MINIPORT_DRIVER, driver);
    driver->kind = 0;
    ndis_free(driver);
}

// ---- attributes -----------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
attributes_registration(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES *a)
{
    if (adapter->have_registration || !adapter->initializing)
        return NDIS_STATUS_INVALID_PARAMETER;
    adapter->general_context = a->MiniportAdapterContext;
    adapter->attribute_flags = a->AttributeFlags;
    adapter->check_for_hang_s = a->CheckForHangTimeInSeconds;
    adapter->have_registration = true;
    ndis_port_registered(adapter);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
attributes_general(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *a)
{
    if (!adapter->have_registration || adapter->have_general || !adapter->initializing)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (a->MacAddressLength > NDIS_MAX_PHYS_ADDRESS_LENGTH || a->SupportedOidListLength % sizeof(NDIS_OID))
        return NDIS_STATUS_INVALID_PARAMETER;
    NDIS_OID *oids = ndis_alloc(a->SupportedOidListLength + sizeof *oids);
    if (!oids)
        return NDIS_STATUS_RESOURCES;
    memset(&adapter->general, 0, sizeof adapter->general);
    memcpy(&adapter->general, a, ndis_header_known(&a->Header, &ndis_kind_general));
    NDIS_STATUS status = ndis_rss_capabilities_set(adapter, adapter->general.RecvScaleCapabilities);
    if (status != NDIS_STATUS_SUCCESS) {
        ndis_free(oids);
        return status;
    }
    if (a->SupportedOidListLength)
        memcpy(oids, a->SupportedOidList, a->SupportedOidListLength);
    adapter->supported_oids = oids;
    adapter->supported_oid_count = a->SupportedOidListLength / sizeof *oids;
    adapter->general.SupportedOidList = oids;
    ndis_pm_take(adapter, &adapter->general);
    memcpy(adapter->permanent_mac, a->PermanentMacAddress, sizeof adapter->permanent_mac);
    memcpy(adapter->current_mac, a->CurrentMacAddress, sizeof adapter->current_mac);
    adapter->lookahead = a->LookaheadSize;
    adapter->link = (NDIS_LINK_STATE){
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_LINK_STATE_REVISION_1, NDIS_SIZEOF_LINK_STATE_REVISION_1),
        .MediaConnectState = a->MediaConnectState,
        .MediaDuplexState = a->MediaDuplexState,
        .XmitLinkSpeed = a->XmitLinkSpeed,
        .RcvLinkSpeed = a->RcvLinkSpeed};
    adapter->have_general = true;
    ndis_restart_general(adapter, &adapter->above);
    return NDIS_STATUS_SUCCESS;
}

// A deep enough copy of one offload structure, or NULL.
static void *
attributes_copy(const void *source, size_t ours)
{
    const NDIS_OBJECT_HEADER *header = source;
    void *copy = ndis_alloc(ours);
    if (copy)
        memcpy(copy, source, ndis_header_bytes(header, ours));
    return copy;
}

static NDIS_STATUS
attributes_offload(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES *a)
{
    if (!adapter->have_general)
        return NDIS_STATUS_INVALID_PARAMETER;
    ndis_free(adapter->offload_default);
    ndis_free(adapter->offload_hardware);
    adapter->offload_default = adapter->offload_hardware = NULL;
    if (a->DefaultOffloadConfiguration &&
        !(adapter->offload_default = attributes_copy(a->DefaultOffloadConfiguration, sizeof *adapter->offload_default)))
        return NDIS_STATUS_RESOURCES;
    if (a->HardwareOffloadCapabilities &&
        !(adapter->offload_hardware = attributes_copy(a->HardwareOffloadCapabilities, sizeof *adapter->offload_hardware)))
        return NDIS_STATUS_RESOURCES;
    ndis_chimney_attributes(adapter, a);
    return NDIS_STATUS_SUCCESS;
}

// NULL for kinds that we do not know.
static const struct ndis_header_kind *
attributes_kind(UCHAR type)
{
    static const struct ndis_header_kind *const kinds[] = {&ndis_kind_registration, &ndis_kind_general, &ndis_kind_offload,
                                                           &ndis_kind_assist, &ndis_kind_ndk};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i]->type == type)
            return kinds[i];
    return NULL;
}

NDIS_STATUS
ndis_miniport_attributes_set(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_ATTRIBUTES *a)
{
    const NDIS_OBJECT_HEADER *header = &a->AddDeviceRegistrationAttributes.Header;
    const struct ndis_header_kind *kind = attributes_kind(header->Type);
    if (kind && (header->Revision == 0 || header->Revision > kind->newest))
        return NDIS_STATUS_BAD_VERSION;           // [ndis/nf-ndis-ndismsetminiportattributes]
    if (kind && !ndis_header_fits(header, kind))
        return NDIS_STATUS_INVALID_PARAMETER;     // UNSURE: the page names no status for a size too small for the revision
    switch (a->AddDeviceRegistrationAttributes.Header.Type) {
    case NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES:
        return attributes_registration(adapter, &a->RegistrationAttributes);
    case NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES:
        return attributes_general(adapter, &a->GeneralAttributes);
    case NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES:
        return attributes_offload(adapter, &a->OffloadAttributes);
    case NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES:
        return ndis_assist_set(adapter, &a->HardwareAssistAttributes);
    case NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_NDK_ATTRIBUTES:
        return ndis_ndk_attributes(adapter, &a->NDKAttributes);
    default:
        // 802.11 and packet direct attributes belong to systems that are not built yet.
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

static void
attributes_drop(struct ndis_adapter *adapter)
{
    ndis_rss_drop(adapter);
    ndis_free(adapter->supported_oids);
    ndis_free(adapter->offload_default);
    ndis_free(adapter->offload_hardware);
    ndis_assist_drop(adapter);
    ndis_ndk_drop(adapter);
    adapter->supported_oids = NULL;
    adapter->offload_default = adapter->offload_hardware = NULL;
    adapter->encapsulation = (NDIS_OFFLOAD_ENCAPSULATION){0};
    memset(&adapter->connection, 0, sizeof adapter->connection);
    adapter->supported_oid_count = 0;
    adapter->have_registration = adapter->have_general = false;
    adapter->general_context = NULL;
}

// ---- the adapter's states -------------------------------------------------------------------------------------------------------

NDIS_STATUS
ndis_miniport_initialize(struct ndis_adapter *adapter)
{
    NDIS_PORT_AUTHENTICATION_PARAMETERS states = ndis_port_default_states();
    NDIS_MINIPORT_INIT_PARAMETERS parameters = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_MINIPORT_INIT_PARAMETERS, NDIS_MINIPORT_INIT_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_MINIPORT_INIT_PARAMETERS_REVISION_1),
        .IMDeviceInstanceContext = adapter->im_context,
        .AllocatedResources = ndis_hardware_resources(adapter),
        .IfIndex = adapter->if_index,
        .NetLuid = adapter->luid,
        .DefaultPortAuthStates = &states};
    ndis_module_state_set(&adapter->module, NDIS_STATE_INITIALIZING);
    adapter->initializing = true;
    NDIS_STATUS status = NDIS_CALL(adapter->module.image, "MiniportInitializeEx",
                                   adapter->driver->chars.InitializeHandlerEx(adapter, adapter->driver->context, &parameters));
    adapter->initializing = false;
    if (status == NDIS_STATUS_SUCCESS && !adapter->have_general) {
        // Success without attributes: there is no adapter to speak of, so it is halted again.
        NDIS_CALL_VOID(adapter->module.image, "MiniportHaltEx",
                       adapter->driver->chars.HaltHandlerEx(adapter->general_context, NdisHaltDeviceInitializationFailed));
        status = NDIS_STATUS_FAILURE;
    }
    if (status != NDIS_STATUS_SUCCESS) {
        ndis_hardware_left(adapter, "MiniportInitializeEx");
        ndis_port_halted(adapter, "MiniportInitializeEx");
        attributes_drop(adapter);
        ndis_module_state_set(&adapter->module, NDIS_STATE_HALTED);
        return status;
    }
    ndis_module_state_set(&adapter->module, NDIS_STATE_PAUSED);
    status = ndis_reset_start(adapter);
    if (status == NDIS_STATUS_SUCCESS)
        ndis_event_power_profile(adapter);    // [ndis/nc-ndis-miniport_device_pnp_event_notify]
    else
        ndis_miniport_halt(adapter, NdisHaltDeviceInitializationFailed);
    return status;
}

void
ndis_miniport_halt(struct ndis_adapter *adapter, NDIS_HALT_ACTION action)
{
    if (ndis_module_state(&adapter->module) == NDIS_STATE_HALTED)
        return;                               // asleep, and halted for it
    ndis_ndk_halting(adapter);
    if (atomic_load(&adapter->is_shut)) {     // the power is off: it is not called, and what it has is not asked back
        ndis_oid_flush(&adapter->module, NDIS_STATUS_REQUEST_ABORTED);
        ndis_module_drain(&adapter->module);
        attributes_drop(adapter);
        ndis_module_state_set(&adapter->module, NDIS_STATE_HALTED);
        return;
    }
    ndis_vmq_release(adapter, action != NdisHaltDeviceSurpriseRemoved);
    ndis_reset_stop(adapter);
    ndis_oid_flush(&adapter->module, NDIS_STATUS_REQUEST_ABORTED);
    adapter->halting = true;
    NDIS_CALL_VOID(adapter->module.image, "MiniportHaltEx", adapter->driver->chars.HaltHandlerEx(adapter->general_context, action));
    ndis_hardware_left(adapter, "MiniportHaltEx");
    ndis_module_drain(&adapter->module);
    ke_grace(adapter->module.ndis->box);
    ndis_port_halted(adapter, "MiniportHaltEx");
    adapter->halting = false;
    attributes_drop(adapter);
    ndis_module_state_set(&adapter->module, NDIS_STATE_HALTED);
}

void
ndis_miniport_pause(struct ndis_adapter *adapter, ULONG reason)
{
    if (ndis_module_state(&adapter->module) != NDIS_STATE_RUNNING)
        return;
    NDIS_MINIPORT_PAUSE_PARAMETERS parameters = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_MINIPORT_PAUSE_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_MINIPORT_PAUSE_PARAMETERS_REVISION_1),
        .PauseReason = reason};
    if (atomic_load(&adapter->is_shut)) {
        ndis_module_state_set(&adapter->module, NDIS_STATE_PAUSED);
        return;
    }
    ndis_module_state_set(&adapter->module, NDIS_STATE_PAUSING);
    ndis_pending_begin(&adapter->pause);
    NDIS_STATUS status = NDIS_CALL(adapter->module.image, "MiniportPause",
                                   adapter->driver->chars.PauseHandler(adapter->general_context, &parameters));
    ndis_pause_status_check(&adapter->module, status, "MiniportPause");
    ndis_pending_end_within(&adapter->pause, status, &adapter->module, "MiniportPause", NDIS_PAUSE_LIMIT_S, NBX_0109);
    ndis_module_state_set(&adapter->module, NDIS_STATE_PAUSED);
}

NDIS_STATUS
ndis_miniport_restart(struct ndis_adapter *adapter, NDIS_RESTART_ATTRIBUTES **list)
{
    if (ndis_module_state(&adapter->module) != NDIS_STATE_PAUSED)
        return NDIS_STATUS_SUCCESS;
    if (atomic_load(&adapter->is_shut))
        return NDIS_STATUS_FAILURE;
    NDIS_MINIPORT_RESTART_PARAMETERS parameters = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_MINIPORT_RESTART_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_MINIPORT_RESTART_PARAMETERS_REVISION_1),
        .RestartAttributes = *list};
    ndis_module_state_set(&adapter->module, NDIS_STATE_RESTARTING);
    ndis_pending_begin(&adapter->restart);
    NDIS_STATUS status = NDIS_CALL(adapter->module.image, "MiniportRestart",
                                   adapter->driver->chars.RestartHandler(adapter->general_context, &parameters));
    status = ndis_pending_end_within(&adapter->restart, status, &adapter->module, "MiniportRestart", NDIS_PAUSE_LIMIT_S, NBX_0109);
    *list = parameters.RestartAttributes;     // it may have put another one first
    ndis_module_state_set(&adapter->module, status == NDIS_STATUS_SUCCESS ? NDIS_STATE_RUNNING : NDIS_STATE_PAUSED);
    return status;
}
