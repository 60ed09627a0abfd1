// SPDX-License-Identifier: MIT
// See witness.h. Each handler: note, then the test's own, then the plain one.
#include "witness.h"

#include <string.h>

#include "sim/sim.h"
#include "verify/verify.h"

struct witness w;
struct w_own w_own;
bool w_watched;

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 9};
static KSPIN_LOCK w_lock;

// ---- what was seen ------------------------------------------------------------------------------------------------------------

void
w_note(const char *name, const void *context)
{
    KIRQL irql = KeGetCurrentIrql();
    uint32_t at = __atomic_fetch_add(&w.count, 1, __ATOMIC_RELAXED);
    if (at < W_CALLS)
        w.calls[at] = (struct w_call){name, context, irql};
}

void
w_forget(void)
{
    w.count = 0;
}

static uint32_t
seen(void)
{
    return w.count < W_CALLS ? w.count : W_CALLS;
}

uint32_t
w_count(const char *name)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < seen(); i++)
        count += !strcmp(w.calls[i].name, name);
    return count;
}

const struct w_call *
w_call(const char *name)
{
    for (uint32_t i = seen(); i-- > 0;)
        if (!strcmp(w.calls[i].name, name))
            return &w.calls[i];
    ck_abort_msg("%s was not called", name);
    return NULL;
}

void
w_irql_was(const char *name, KIRQL irql)
{
    w_call(name);
    for (uint32_t i = 0; i < seen(); i++)
        if (!strcmp(w.calls[i].name, name))
            ck_assert_msg(w.calls[i].irql == irql, "%s was called at IRQL %u", name, w.calls[i].irql);
}

static bool
is_named_in(const char *words, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = words; (at = strstr(at, name)); at += length)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

void
w_order_is(const char *words)
{
    static char have[8192];
    have[0] = 0;
    for (uint32_t i = 0; i < seen(); i++)
        if (is_named_in(words, w.calls[i].name) && strlen(have) + 80 < sizeof have) {
            strcat(have, have[0] ? " " : "");
            strcat(have, w.calls[i].name);
        }
    ck_assert_str_eq(have, words);
}

// ---- miniport -----------------------------------------------------------------------------------------------------------------

NDIS_STATUS
w_initialize(NDIS_HANDLE handle)
{
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES registration = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1},
        .MiniportAdapterContext = &w.mp_context,
        .AttributeFlags = w_own.attribute_flags,
        .CheckForHangTimeInSeconds = w_own.check_for_hang_s,
        .InterfaceType = NdisInterfaceInternal};
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES general = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2,
                   NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2},
        .MediaType = NdisMedium802_3,
        .MtuSize = 1500,
        .MaxXmitLinkSpeed = 1000000000,
        .MaxRcvLinkSpeed = 1000000000,
        .XmitLinkSpeed = 1000000000,
        .RcvLinkSpeed = 1000000000,
        .MediaConnectState = MediaConnectStateConnected,
        .LookaheadSize = 1500,
        .MacOptions = NDIS_MAC_OPTION_NO_LOOPBACK,
        .SupportedPacketFilters = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST,
        .MacAddressLength = 6};
    memcpy(general.PermanentMacAddress, own_mac, 6);
    memcpy(general.CurrentMacAddress, own_mac, 6);
    w.mp = handle;
    NDIS_STATUS status = NdisMSetMiniportAttributes(handle, (void *)&registration);
    return status == NDIS_STATUS_SUCCESS ? NdisMSetMiniportAttributes(handle, (void *)&general) : status;
}

static NTAPI NDIS_STATUS
mp_initialize(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_MINIPORT_INIT_PARAMETERS parameters)
{
    w_note("MiniportInitializeEx", context);
    return w_own.initialize ? w_own.initialize(handle, context, parameters) : w_initialize(handle);
}

static NTAPI VOID
mp_halt(NDIS_HANDLE context, NDIS_HALT_ACTION action)
{
    w_note("MiniportHaltEx", context);
    if (w_own.halt)
        w_own.halt(context, action);
}

static NTAPI NDIS_STATUS
mp_pause(NDIS_HANDLE context, PNDIS_MINIPORT_PAUSE_PARAMETERS parameters)
{
    w_note("MiniportPause", context);
    return w_own.mp_pause ? w_own.mp_pause(context, parameters) : NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
mp_restart(NDIS_HANDLE context, PNDIS_MINIPORT_RESTART_PARAMETERS parameters)
{
    w_note("MiniportRestart", context);
    return w_own.mp_restart ? w_own.mp_restart(context, parameters) : NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
mp_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    w_note("MiniportOidRequest", context);
    if (w_own.mp_oid)
        return w_own.mp_oid(context, request);
    bool is_known = request->RequestType == NdisRequestSetInformation || request->DATA.QUERY_INFORMATION.Oid == OID_PNP_QUERY_POWER;
    return is_known ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
}

static NTAPI VOID
mp_cancel_oid(NDIS_HANDLE context, PVOID id)
{
    w_note("MiniportCancelOidRequest", context);
    if (w_own.mp_cancel_oid)
        w_own.mp_cancel_oid(context, id);
}

static NTAPI NDIS_STATUS
mp_direct(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    w_note("MiniportDirectOidRequest", context);
    return w_own.mp_direct ? w_own.mp_direct(context, request) : NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
mp_cancel_direct(NDIS_HANDLE context, PVOID id)
{
    w_note("MiniportCancelDirectOidRequest", context);
    if (w_own.mp_cancel_direct)
        w_own.mp_cancel_direct(context, id);
}

static void
append(NET_BUFFER_LIST **list, NET_BUFFER_LIST *nbls)
{
    KIRQL irql;
    KeAcquireSpinLock(&w_lock, &irql);
    while (*list)
        list = &NET_BUFFER_LIST_NEXT_NBL(*list);
    *list = nbls;
    KeReleaseSpinLock(&w_lock, irql);
}

static NTAPI VOID
mp_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    w_note("MiniportSendNetBufferLists", context);
    if (w_own.mp_send) {
        w_own.mp_send(context, nbls, port, flags);
        return;
    }
    if (w.holds_sends) {
        append(&w.held, nbls);
        return;
    }
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        NET_BUFFER_LIST_STATUS(nbl) = NDIS_STATUS_SUCCESS;
    NdisMSendNetBufferListsComplete(w.mp, nbls,
                                    NDIS_TEST_SEND_AT_DISPATCH_LEVEL(flags) ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
}

static NTAPI VOID
mp_cancel_send(NDIS_HANDLE context, PVOID id)
{
    w_note("MiniportCancelSend", context);
    if (w_own.mp_cancel_send)
        w_own.mp_cancel_send(context, id);
}

static NTAPI VOID
mp_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    w_note("MiniportReturnNetBufferLists", context);
    if (w_own.mp_return)
        w_own.mp_return(context, nbls, flags);
    w_free_list(nbls);
}

static NTAPI BOOLEAN
mp_check_for_hang(NDIS_HANDLE context)
{
    w_note("MiniportCheckForHangEx", context);
    return w_own.check_for_hang(context);
}

static NTAPI NDIS_STATUS
mp_reset(NDIS_HANDLE context, PBOOLEAN addressing)
{
    w_note("MiniportResetEx", context);
    return w_own.reset ? w_own.reset(context, addressing) : NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
mp_event(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event)
{
    w_note("MiniportDevicePnPEventNotify", context);
    if (w_own.mp_event)
        w_own.mp_event(context, event);
}

static NTAPI VOID
mp_shutdown(NDIS_HANDLE context, NDIS_SHUTDOWN_ACTION action)
{
    w_note("MiniportShutdownEx", context);
    if (w_own.shutdown)
        w_own.shutdown(context, action);
}

static NTAPI NDIS_STATUS
mp_options(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    w_note("MiniportSetOptions", context);
    return w_own.mp_options ? w_own.mp_options(handle, context) : NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
mp_unload(PDRIVER_OBJECT driver)
{
    w_note("MiniportDriverUnload", driver);
    if (w_own.unload)
        w_own.unload(driver);
    NdisMDeregisterMiniportDriver(w.mp_driver);
}

static NTAPI NTSTATUS
mp_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = w_own.minor[0] ? w_own.minor[0] : 30,
        .SetOptionsHandler = mp_options,
        .InitializeHandlerEx = mp_initialize,
        .HaltHandlerEx = mp_halt,
        .UnloadHandler = mp_unload,
        .PauseHandler = mp_pause,
        .RestartHandler = mp_restart,
        .OidRequestHandler = mp_oid,
        .SendNetBufferListsHandler = mp_send,
        .ReturnNetBufferListsHandler = mp_return,
        .CancelSendHandler = mp_cancel_send,
        .CheckForHangHandlerEx = w_own.check_for_hang ? mp_check_for_hang : NULL,
        .ResetHandlerEx = mp_reset,
        .DevicePnPEventNotifyHandler = mp_event,
        .ShutdownHandlerEx = mp_shutdown,
        .CancelOidRequestHandler = mp_cancel_oid,
        .DirectOidRequestHandler = mp_direct,
        .CancelDirectOidRequestHandler = mp_cancel_direct};
    if (w_own.edit_miniport)
        w_own.edit_miniport(&chars);
    return NdisMRegisterMiniportDriver(driver, registry, &w.mp_driver_context, &chars, &w.mp_driver);
}

// ---- filters ------------------------------------------------------------------------------------------------------------------

struct w_filter *
w_filter_of(NDIS_HANDLE context)
{
    return context == &w.filter[0].module_context ? &w.filter[0] : &w.filter[1];
}

NDIS_STATUS
w_attach(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    NDIS_FILTER_ATTRIBUTES attributes = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1, NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    struct w_filter *filter = context == &w.filter[0].driver_context ? &w.filter[0] : &w.filter[1];
    filter->module = handle;
    return NdisFSetAttributes(handle, &filter->module_context, &attributes);
}

static NTAPI NDIS_STATUS
f_attach(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    w_note("FilterAttach", context);
    return w_own.attach ? w_own.attach(handle, context, parameters) : w_attach(handle, context);
}

static NTAPI VOID
f_detach(NDIS_HANDLE context)
{
    w_note("FilterDetach", context);
    if (w_own.detach)
        w_own.detach(context);
}

static NTAPI NDIS_STATUS
f_pause(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    w_note("FilterPause", context);
    return w_own.filter_pause ? w_own.filter_pause(context, parameters) : NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
f_restart(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    w_note("FilterRestart", context);
    return w_own.filter_restart ? w_own.filter_restart(context, parameters) : NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
f_module_options(NDIS_HANDLE context)
{
    w_note("FilterSetModuleOptions", context);
    return w_own.module_options ? w_own.module_options(context) : NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
f_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    w_note("FilterSendNetBufferLists", context);
    if (w_own.filter_send)
        w_own.filter_send(context, nbls, port, flags);
    else
        NdisFSendNetBufferLists(w_filter_of(context)->module, nbls, port, flags);
}

static NTAPI VOID
f_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    w_note("FilterSendNetBufferListsComplete", context);
    if (w_own.filter_send_complete)
        w_own.filter_send_complete(context, nbls, flags);
    else
        NdisFSendNetBufferListsComplete(w_filter_of(context)->module, nbls, flags);
}

static NTAPI VOID
f_cancel_send(NDIS_HANDLE context, PVOID id)
{
    w_note("FilterCancelSendNetBufferLists", context);
    if (w_own.filter_cancel_send)
        w_own.filter_cancel_send(context, id);
    else
        NdisFCancelSendNetBufferLists(w_filter_of(context)->module, id);
}

static NTAPI VOID
f_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    w_note("FilterReceiveNetBufferLists", context);
    if (w_own.filter_receive)
        w_own.filter_receive(context, nbls, port, count, flags);
    else
        NdisFIndicateReceiveNetBufferLists(w_filter_of(context)->module, nbls, port, count, flags);
}

static NTAPI VOID
f_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    w_note("FilterReturnNetBufferLists", context);
    if (w_own.filter_return)
        w_own.filter_return(context, nbls, flags);
    else
        NdisFReturnNetBufferLists(w_filter_of(context)->module, nbls, flags);
}

NDIS_STATUS
w_filter_pass(struct w_filter *filter, NDIS_OID_REQUEST *request, bool direct)
{
    NDIS_OID_REQUEST *clone;
    NDIS_STATUS status = NdisAllocateCloneOidRequest(filter->module, request, 'cliW', &clone);
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    filter->request = request;
    filter->clone = clone;
    *(void **)clone->SourceReserved = request;
    status = direct ? NdisFDirectOidRequest(filter->module, clone) : NdisFOidRequest(filter->module, clone);
    if (status != NDIS_STATUS_PENDING) {
        request->DATA.QUERY_INFORMATION.BytesWritten = clone->DATA.QUERY_INFORMATION.BytesWritten;
        request->DATA.QUERY_INFORMATION.BytesNeeded = clone->DATA.QUERY_INFORMATION.BytesNeeded;
        NdisFreeCloneOidRequest(filter->module, clone);
    }
    return status;
}

static NDIS_OID_REQUEST *
unclone(struct w_filter *filter, NDIS_OID_REQUEST *clone)
{
    NDIS_OID_REQUEST *request = *(void **)clone->SourceReserved;
    request->DATA.QUERY_INFORMATION.BytesWritten = clone->DATA.QUERY_INFORMATION.BytesWritten;
    request->DATA.QUERY_INFORMATION.BytesNeeded = clone->DATA.QUERY_INFORMATION.BytesNeeded;
    NdisFreeCloneOidRequest(filter->module, clone);
    return request;
}

static NTAPI NDIS_STATUS
f_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    w_note("FilterOidRequest", context);
    return w_own.filter_oid ? w_own.filter_oid(context, request) : w_filter_pass(w_filter_of(context), request, false);
}

static NTAPI VOID
f_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    struct w_filter *filter = w_filter_of(context);
    w_note("FilterOidRequestComplete", context);
    if (w_own.filter_oid_complete)
        w_own.filter_oid_complete(context, request, status);
    else
        NdisFOidRequestComplete(filter->module, unclone(filter, request), status);
}

static NTAPI VOID
f_cancel_oid(NDIS_HANDLE context, PVOID id)
{
    w_note("FilterCancelOidRequest", context);
    if (w_own.filter_cancel_oid)
        w_own.filter_cancel_oid(context, id);
    else
        NdisFCancelOidRequest(w_filter_of(context)->module, id);
}

static NTAPI NDIS_STATUS
f_direct(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    w_note("FilterDirectOidRequest", context);
    return w_own.filter_direct ? w_own.filter_direct(context, request) : w_filter_pass(w_filter_of(context), request, true);
}

static NTAPI VOID
f_direct_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    struct w_filter *filter = w_filter_of(context);
    w_note("FilterDirectOidRequestComplete", context);
    if (w_own.filter_direct_complete)
        w_own.filter_direct_complete(context, request, status);
    else
        NdisFDirectOidRequestComplete(filter->module, unclone(filter, request), status);
}

static NTAPI VOID
f_cancel_direct(NDIS_HANDLE context, PVOID id)
{
    w_note("FilterCancelDirectOidRequest", context);
    if (w_own.filter_cancel_direct)
        w_own.filter_cancel_direct(context, id);
    else
        NdisFCancelDirectOidRequest(w_filter_of(context)->module, id);
}

static NTAPI VOID
f_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    w_note("FilterStatus", context);
    if (w_own.filter_status)
        w_own.filter_status(context, indication);
    else
        NdisFIndicateStatus(w_filter_of(context)->module, indication);
}

static NTAPI NDIS_STATUS
f_event(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    w_note("FilterNetPnPEvent", context);
    return w_own.filter_event ? w_own.filter_event(context, event) : NdisFNetPnPEvent(w_filter_of(context)->module, event);
}

static NTAPI VOID
f_device_event(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event)
{
    w_note("FilterDevicePnPEventNotify", context);
    if (w_own.filter_device_event)
        w_own.filter_device_event(context, event);
    else
        NdisFDevicePnPEventNotify(w_filter_of(context)->module, event);
}

static NTAPI NDIS_STATUS
f_options(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    w_note("FilterSetOptions", context);
    return w_own.filter_options ? w_own.filter_options(handle, context) : NDIS_STATUS_SUCCESS;
}

static NTSTATUS
filter_register(PDRIVER_OBJECT driver, uint32_t which)
{
    static WCHAR name[2][3] = {L"fa", L"fb"};
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS, NDIS_FILTER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = w_own.minor[1] ? w_own.minor[1] : 30,
        .FriendlyName = {4, 6, name[which]},
        .UniqueName = {4, 6, name[which]},
        .ServiceName = {4, 6, name[which]},
        .SetOptionsHandler = f_options,
        .SetFilterModuleOptionsHandler = f_module_options,
        .AttachHandler = f_attach,
        .DetachHandler = f_detach,
        .RestartHandler = f_restart,
        .PauseHandler = f_pause,
        .SendNetBufferListsHandler = f_send,
        .SendNetBufferListsCompleteHandler = f_send_complete,
        .CancelSendNetBufferListsHandler = f_cancel_send,
        .ReceiveNetBufferListsHandler = f_receive,
        .ReturnNetBufferListsHandler = f_return,
        .OidRequestHandler = f_oid,
        .OidRequestCompleteHandler = f_oid_complete,
        .CancelOidRequestHandler = f_cancel_oid,
        .DevicePnPEventNotifyHandler = f_device_event,
        .NetPnPEventHandler = f_event,
        .StatusHandler = f_status,
        .DirectOidRequestHandler = f_direct,
        .DirectOidRequestCompleteHandler = f_direct_complete,
        .CancelDirectOidRequestHandler = f_cancel_direct};
    if (w_own.edit_filter)
        w_own.edit_filter(which, &chars);
    return NdisFRegisterFilterDriver(driver, &w.filter[which].driver_context, &chars, &w.filter[which].driver);
}

static NTAPI VOID
fa_unload(PDRIVER_OBJECT driver)
{
    NdisFDeregisterFilterDriver(w.filter[0].driver);
}

static NTAPI VOID
fb_unload(PDRIVER_OBJECT driver)
{
    NdisFDeregisterFilterDriver(w.filter[1].driver);
}

static NTAPI NTSTATUS
fa_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    driver->DriverUnload = fa_unload;
    return filter_register(driver, 0);
}

static NTAPI NTSTATUS
fb_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    driver->DriverUnload = fb_unload;
    return filter_register(driver, 1);
}

// ---- protocols ----------------------------------------------------------------------------------------------------------------

struct w_protocol *
w_protocol_of(NDIS_HANDLE context)
{
    return context == &w.protocol[0].binding_context ? &w.protocol[0] : &w.protocol[1];
}

NDIS_STATUS
w_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    struct w_protocol *protocol = context == &w.protocol[0].driver_context ? &w.protocol[0] : &w.protocol[1];
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    protocol->is_opened = false;
    NDIS_STATUS status = NdisOpenAdapterEx(protocol->driver, &protocol->binding_context, &open, bind, &protocol->binding);
    if (status != NDIS_STATUS_PENDING)
        return status;
    while (!protocol->is_opened)
        w_sleep(1);
    return protocol->open_status;
}

static NTAPI NDIS_STATUS
p_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    w_note("ProtocolBindAdapterEx", context);
    return w_own.bind ? w_own.bind(context, bind, parameters) : w_bind(context, bind, parameters);
}

NDIS_STATUS
w_unbind(NDIS_HANDLE context)
{
    return NdisCloseAdapterEx(w_protocol_of(context)->binding);
}

static NTAPI NDIS_STATUS
p_unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    w_note("ProtocolUnbindAdapterEx", context);
    if (w_own.unbind)
        return w_own.unbind(unbind, context);
    w_protocol_of(context)->is_closed = false;
    if (w_unbind(context) == NDIS_STATUS_PENDING)
        while (!w_protocol_of(context)->is_closed)
            w_sleep(1);
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
p_open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    w_note("ProtocolOpenAdapterCompleteEx", context);
    w_protocol_of(context)->open_status = status;
    w_protocol_of(context)->is_opened = true;
    if (w_own.open_complete)
        w_own.open_complete(context, status);
}

static NTAPI VOID
p_close_complete(NDIS_HANDLE context)
{
    w_note("ProtocolCloseAdapterCompleteEx", context);
    w_protocol_of(context)->is_closed = true;
    if (w_own.close_complete)
        w_own.close_complete(context);
}

static NTAPI NDIS_STATUS
p_event(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    w_note("ProtocolNetPnPEvent", context);
    return w_own.protocol_event ? w_own.protocol_event(context, event) : NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
p_uninstall(VOID)
{
    w_note("ProtocolUninstall", NULL);
    if (w_own.uninstall)
        w_own.uninstall();
}

static NTAPI VOID
p_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    struct w_protocol *protocol = w_protocol_of(context);
    w_note("ProtocolOidRequestComplete", context);
    protocol->done = request;
    protocol->done_status = status;
    if (w_own.protocol_oid_complete)
        w_own.protocol_oid_complete(context, request, status);
}

static NTAPI VOID
p_direct_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    struct w_protocol *protocol = w_protocol_of(context);
    w_note("ProtocolDirectOidRequestComplete", context);
    protocol->done = request;
    protocol->done_status = status;
    if (w_own.protocol_direct_complete)
        w_own.protocol_direct_complete(context, request, status);
}

static NTAPI VOID
p_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    w_note("ProtocolStatusEx", context);
    if (w_own.protocol_status)
        w_own.protocol_status(context, indication);
}

static NTAPI VOID
p_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct w_protocol *protocol = w_protocol_of(context);
    w_note("ProtocolReceiveNetBufferLists", context);
    if (w_own.receive)
        w_own.receive(context, nbls, port, count, flags);
    if (flags & NDIS_RECEIVE_FLAGS_RESOURCES)
        return;
    if (w.holds_receives)
        append(&protocol->held, nbls);
    else
        NdisReturnNetBufferLists(protocol->binding, nbls, flags & NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL ? NDIS_RETURN_FLAGS_DISPATCH_LEVEL : 0);
}

static NTAPI VOID
p_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    w_note("ProtocolSendNetBufferListsComplete", context);
    if (w_own.send_complete)
        w_own.send_complete(context, nbls, flags);
    append(&w_protocol_of(context)->completed, nbls);
}

static NTAPI NDIS_STATUS
p_options(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    w_note("ProtocolSetOptions", context);
    return w_own.protocol_options ? w_own.protocol_options(handle, context) : NDIS_STATUS_SUCCESS;
}

static NTSTATUS
protocol_register(uint32_t which)
{
    static WCHAR name[2][3] = {L"pa", L"pb"};
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = w_own.minor[2] ? w_own.minor[2] : 30,
        .Name = {4, 6, name[which]},
        .SetOptionsHandler = p_options,
        .BindAdapterHandlerEx = p_bind,
        .UnbindAdapterHandlerEx = p_unbind,
        .OpenAdapterCompleteHandlerEx = p_open_complete,
        .CloseAdapterCompleteHandlerEx = p_close_complete,
        .NetPnPEventHandler = p_event,
        .UninstallHandler = p_uninstall,
        .OidRequestCompleteHandler = p_oid_complete,
        .StatusHandlerEx = p_status,
        .ReceiveNetBufferListsHandler = p_receive,
        .SendNetBufferListsCompleteHandler = p_send_complete,
        .DirectOidRequestCompleteHandler = p_direct_complete};
    NET_BUFFER_LIST_POOL_PARAMETERS pool = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, 1, NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .fAllocateNetBuffer = TRUE,
        .PoolTag = 'ptiW',
        .DataSize = 256};
    struct w_protocol *protocol = &w.protocol[which];
    if (w_own.edit_protocol)
        w_own.edit_protocol(which, &chars);
    NDIS_STATUS status = NdisRegisterProtocolDriver(&protocol->driver_context, &chars, &protocol->driver);
    if (status == NDIS_STATUS_SUCCESS)
        protocol->pool = NdisAllocateNetBufferListPool(protocol->driver, &pool);
    return status;
}

static void
protocol_unload(struct w_protocol *protocol)
{
    if (protocol->driver)
        NdisDeregisterProtocolDriver(protocol->driver);
    NdisFreeNetBufferListPool(protocol->pool);
}

static NTAPI VOID
pa_unload(PDRIVER_OBJECT driver)
{
    protocol_unload(&w.protocol[0]);
}

static NTAPI VOID
pb_unload(PDRIVER_OBJECT driver)
{
    protocol_unload(&w.protocol[1]);
}

static NTAPI NTSTATUS
pa_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    driver->DriverUnload = pa_unload;
    return protocol_register(0);
}

static NTAPI NTSTATUS
pb_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    driver->DriverUnload = pb_unload;
    return protocol_register(1);
}

// ---- the test's side ----------------------------------------------------------------------------------------------------------

static const char *const names[] = {"mp", "fa", "fb", "pa", "pb"};

static void
load(uint32_t which, DRIVER_INITIALIZE *entry)
{
    struct io_image_config config = {.name = names[which], .entry = entry};
    struct io_image *image;
    char error[256];
    if (NT_SUCCESS(io_image_load(w.box, &config, &image, error, sizeof error)))
        w.loaded |= 1u << which;
}

void
w_start(uint32_t filters, uint32_t bindings)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    ck_assert_int_eq(ndis_adapter_add(w.box, &config, &w.adapter), NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < filters; i++)
        ck_assert_int_eq(ndis_adapter_attach_filter(w.adapter, names[1 + i]), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(w.adapter), NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < bindings; i++)
        ck_assert_int_eq(ndis_adapter_bind(w.adapter, names[3 + i]), NDIS_STATUS_SUCCESS);
}

void
w_remove(void)
{
    if (w.adapter)
        ndis_adapter_remove(w.adapter);
    w.adapter = NULL;
}

static void
inside(void *fn)
{
    static DRIVER_INITIALIZE *const entries[] = {mp_entry, fa_entry, fb_entry, pa_entry, pb_entry};
    NET_BUFFER_LIST_POOL_PARAMETERS pool = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, 1, NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .fAllocateNetBuffer = TRUE,
        .PoolTag = 'mtiW',
        .DataSize = 256};
    ck_assert_int_eq(ndis_create(w.box), 0);
    for (uint32_t i = 0; i < 5; i++)
        load(i, entries[i]);
    if (w.loaded & 1)
        w.mp_pool = NdisAllocateNetBufferListPool(w.mp_driver, &pool);
    ((void (*)(void))fn)();
    w_protocol_free(&w.protocol[0]);
    w_protocol_free(&w.protocol[1]);
    w_remove();
    if (w.mp_pool)
        NdisFreeNetBufferListPool(w.mp_pool);
    for (uint32_t i = 5; i-- > 0;)
        if (w.loaded >> i & 1 && io_image_find(w.box, names[i]))
            ck_assert_int_eq(io_image_unload(io_image_find(w.box, names[i])), STATUS_SUCCESS);
    ck_assert_uint_eq(ndis_destroy(w.box), 0);
}

void
w_run(uint64_t seed, void (*fn)(void))
{
    const char *error;
    struct sim_config sim = {.seed = seed, .switch_one_in = 4};
    struct sched *sched = sim_create(&sim, &error);
    struct box_config config = {.name = "test", .processors = 2, .seed = seed};
    memset(&w, 0, sizeof w);
    w.box = box_create(sched, &config);
    ck_assert_ptr_nonnull(w.box);
    if (w_watched)
        ck_assert_ptr_nonnull(w.box->verify = verify_create(sched, VERIFY_ON, NULL));
    struct verify *verify = w.box->verify;
    ck_assert_int_eq(box_run(w.box, inside, (void *)fn), 0);
    ck_assert_uint_eq(box_destroy(w.box), 0);
    if (verify)
        ck_assert_uint_eq(atomic_load(&verify->findings), 0);
    verify_destroy(verify);
    sched_destroy(sched);
}

NET_BUFFER_LIST *
w_nbl(struct w_protocol *protocol, uint8_t first_byte)
{
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(protocol->pool, 0, 0);
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    uint8_t *data = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(nb), NormalPagePriority);
    memset(data, 0, 64);
    memset(data, 0xff, 6);
    data[12] = 0x88;
    data[13] = 0xb5;
    data[14] = first_byte;
    NET_BUFFER_DATA_LENGTH(nb) = 64;
    nbl->SourceHandle = protocol->binding;
    return nbl;
}

void
w_free_list(NET_BUFFER_LIST *nbls)
{
    for (NET_BUFFER_LIST *next; nbls; nbls = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbls);
        NdisFreeNetBufferList(nbls);
    }
}

uint32_t
w_length(const NET_BUFFER_LIST *nbls)
{
    uint32_t length = 0;
    for (; nbls; nbls = NET_BUFFER_LIST_NEXT_NBL(nbls))
        length++;
    return length;
}

void
w_protocol_free(struct w_protocol *protocol)
{
    w_free_list(protocol->completed);
    protocol->completed = NULL;
}

NET_BUFFER_LIST *
w_indicate(uint32_t count, ULONG flags)
{
    NET_BUFFER_LIST *first = NULL, **end = &first;
    for (uint32_t i = 0; i < count; i++) {
        NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(w.mp_pool, 0, 0);
        NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
        uint8_t *data = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(nb), NormalPagePriority);
        memset(data, 0, 64);
        memset(data, 0xff, 6);
        data[12] = 8;
        NET_BUFFER_DATA_LENGTH(nb) = 64;
        nbl->SourceHandle = w.mp;
        *end = nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(nbl);
    }
    NdisMIndicateReceiveNetBufferLists(w.mp, first, w.port, count, flags);
    return first;
}

void
w_request(NDIS_OID_REQUEST *request, NDIS_REQUEST_TYPE type, NDIS_OID oid, void *buffer, UINT bytes)
{
    *request = (NDIS_OID_REQUEST){
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = type,
        .DATA.SET_INFORMATION = {.Oid = oid, .InformationBuffer = buffer, .InformationBufferLength = bytes}};
}

void
w_listen(struct w_protocol *protocol)
{
    static ULONG wanted = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST;
    NDIS_OID_REQUEST request;
    w_request(&request, NdisRequestSetInformation, OID_GEN_CURRENT_PACKET_FILTER, &wanted, sizeof wanted);
    protocol->done = NULL;
    NDIS_STATUS status = NdisOidRequest(protocol->binding, &request);
    while (status == NDIS_STATUS_PENDING && !protocol->done)
        w_sleep(1);
    ck_assert_int_eq(status == NDIS_STATUS_PENDING ? protocol->done_status : status, NDIS_STATUS_SUCCESS);
}

void
w_sleep(uint32_t milliseconds)
{
    LARGE_INTEGER wait = {.QuadPart = -(LONGLONG)milliseconds * 10000};
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
}

void
w_until(bool (*is_so)(void))
{
    for (int i = 0; i < 20000 && !is_so(); i++)
        w_sleep(1);
    ck_assert(is_so());
}
