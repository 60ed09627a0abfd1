// SPDX-License-Identifier: MIT
// See kit.h. The drivers here do what the WDK's pages ask of the simplest driver of each kind, and count what they see.
#include "flow/ndis/kit.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "nbx/fault.h"

struct kit kit;
struct kit_miniport_hooks kit_mp_hooks;
bool kit_filter_takes_oids;
bool kit_mp_checks_for_hang;
enum verify_mode kit_verify;
bool kit_filter_takes_events;

static const uint8_t kit_mac[6] = {2, 0, 0, 0, 0, 1};
static NDIS_HANDLE mp_driver, lwf_driver, lwf_module, proto_pool[2];
static KSPIN_LOCK kit_lock;

void
kit_note(char who, uint32_t what)
{
    if (kit.note_count < 256)
        kit.notes[kit.note_count++] = (struct kit_note){who, what};
}

void
kit_notes_are(const char *wanted)
{
    char have[4096] = "";
    for (uint32_t i = 0; i < kit.note_count; i++) {
        size_t used = strlen(have);
        snprintf(have + used, sizeof have - used, "%s%c%x", i ? " " : "", kit.notes[i].who, kit.notes[i].what);
    }
    kit.note_count = 0;
    ck_assert_str_eq(have, wanted);
}

// ---- miniport -------------------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
mp_initialize(NDIS_HANDLE adapter, NDIS_HANDLE context, PNDIS_MINIPORT_INIT_PARAMETERS parameters)
{
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES registration = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
                   NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1},
        .MiniportAdapterContext = &kit.mp,
        .CheckForHangTimeInSeconds = kit.mp.check_for_hang_s,
        .AttributeFlags = kit.mp.attribute_flags | kit_mp_hooks.attribute_flags,
        .InterfaceType = NdisInterfaceInternal};
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES general = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1},
        .MediaType = NdisMedium802_3,
        .MtuSize = 1500,
        .MaxXmitLinkSpeed = 1000000000,
        .MaxRcvLinkSpeed = 1000000000,
        .XmitLinkSpeed = 1000000000,
        .RcvLinkSpeed = 1000000000,
        .MediaConnectState = MediaConnectStateConnected,
        .LookaheadSize = 1500,
        .MacOptions = NDIS_MAC_OPTION_NO_LOOPBACK,
        .SupportedPacketFilters = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST |
                                  NDIS_PACKET_TYPE_BROADCAST | NDIS_PACKET_TYPE_PROMISCUOUS,
        .MaxMulticastListSize = 32,
        .MacAddressLength = 6};
    memcpy(general.PermanentMacAddress, kit_mac, 6);
    memcpy(general.CurrentMacAddress, kit_mac, 6);
    NDIS_PM_CAPABILITIES pm = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_PM_CAPABILITIES_REVISION_2, NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_2},
        .SupportedWoLPacketPatterns = NDIS_PM_WOL_MAGIC_PACKET_SUPPORTED | NDIS_PM_WOL_BITMAP_PATTERN_SUPPORTED,
        .SupportedProtocolOffloads = NDIS_PM_PROTOCOL_OFFLOAD_ARP_SUPPORTED,
        .MinMagicPacketWakeUp = NdisDeviceStateD3,
        .MinPatternWakeUp = NdisDeviceStateD2};
    NDIS_PNP_CAPABILITIES old_pm = {.WakeUpCapabilities = {NdisDeviceStateD3, NdisDeviceStateUnspecified, NdisDeviceStateUnspecified}};
    if (kit.mp.knows_power) {
        general.Header.Revision = NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2;
        general.Header.Size = NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2;
        general.PowerManagementCapabilitiesEx = &pm;
    }
    if (kit.mp.knew_power)
        general.PowerManagementCapabilities = &old_pm;
    kit.mp.adapter = adapter;
    kit.mp.power_state = NdisDeviceStateD0;
    kit.mp.initializes++;
    kit_note('m', KIT_NOTE_INITIALIZE);
    NDIS_STATUS status = NdisMSetMiniportAttributes(adapter, (void *)&registration);
    if (status == NDIS_STATUS_SUCCESS)
        status = NdisMSetMiniportAttributes(adapter, (void *)&general);
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    if (kit.mp.initialize_status)
        return kit.mp.initialize_status;
    if (kit_mp_hooks.initialize && (status = kit_mp_hooks.initialize(adapter, parameters)) != NDIS_STATUS_SUCCESS)
        return status;
    NET_BUFFER_LIST_POOL_PARAMETERS pool = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .fAllocateNetBuffer = TRUE,
        .PoolTag = 'xRpm',
        .DataSize = 2048};
    kit.mp.pool = NdisAllocateNetBufferListPool(adapter, &pool);
    return kit.mp.pool ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

static NTAPI VOID
mp_halt(NDIS_HANDLE context, NDIS_HALT_ACTION action)
{
    kit.mp.halts++;
    kit_note('m', KIT_NOTE_HALT | (uint32_t)action << 16);
    if (kit_mp_hooks.halt)
        kit_mp_hooks.halt();
    NdisFreeNetBufferListPool(kit.mp.pool);
}

static NTAPI NDIS_STATUS
mp_pause(NDIS_HANDLE context, PNDIS_MINIPORT_PAUSE_PARAMETERS parameters)
{
    kit.mp.pauses++;
    kit_note('m', KIT_NOTE_PAUSE);
    return kit.mp.on_pause ? kit.mp.on_pause() : NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
mp_restart(NDIS_HANDLE context, PNDIS_MINIPORT_RESTART_PARAMETERS parameters)
{
    kit.mp.restarts++;
    kit_note('m', KIT_NOTE_RESTART);
    return NDIS_STATUS_SUCCESS;
}

// Returns whether it was one about power.
static bool
mp_power_oid(NDIS_OID_REQUEST *request, NDIS_STATUS *status)
{
    const void *buffer = request->DATA.SET_INFORMATION.InformationBuffer;
    *status = kit.mp.power_status;
    switch (request->DATA.SET_INFORMATION.Oid) {
    case OID_PNP_QUERY_POWER:
        ck_assert_int_eq(request->RequestType, NdisRequestQueryInformation);
        kit_note('m', KIT_NOTE_QUERY_POWER | *(const uint32_t *)buffer << 16);
        return true;
    case OID_PNP_SET_POWER:
        kit_note('m', KIT_NOTE_POWER | *(const uint32_t *)buffer << 16);
        if (*status == NDIS_STATUS_SUCCESS)
            kit.mp.power_state = *(const NDIS_DEVICE_POWER_STATE *)buffer;
        return true;
    case OID_PM_PARAMETERS:
        kit_note('m', KIT_NOTE_PM_PARAMETERS | ((const NDIS_PM_PARAMETERS *)buffer)->EnabledWoLPacketPatterns << 16);
        return true;
    case OID_PNP_ENABLE_WAKE_UP:
        kit_note('m', KIT_NOTE_WAKE_UP | *(const uint32_t *)buffer << 16);
        return true;
    default:
        return false;
    }
}

static NTAPI NDIS_STATUS
mp_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    NDIS_STATUS power_status;
    kit.mp.oids++;
    if (mp_power_oid(request, &power_status))
        return power_status;
    ck_assert_int_eq(kit.mp.power_state, NdisDeviceStateD0);
    NDIS_STATUS hooked = kit_mp_hooks.oid ? kit_mp_hooks.oid(request) : NDIS_STATUS_NOT_RECOGNIZED;
    if (hooked != NDIS_STATUS_NOT_RECOGNIZED)
        return hooked;
    if (kit.mp.oid_status)
        return kit.mp.oid_status;
    if (request->RequestType == NdisRequestSetInformation && request->DATA.SET_INFORMATION.Oid == OID_GEN_CURRENT_PACKET_FILTER)
        kit.mp.packet_filter = *(ULONG *)request->DATA.SET_INFORMATION.InformationBuffer;
    if (request->RequestType == NdisRequestSetInformation && request->DATA.SET_INFORMATION.Oid == OID_802_3_MULTICAST_LIST)
        kit.mp.multicast_count = request->DATA.SET_INFORMATION.InformationBufferLength / 6;
    if (kit.mp.pend_oids) {
        kit.mp.pended_oid = request;
        return NDIS_STATUS_PENDING;
    }
    return request->RequestType == NdisRequestSetInformation ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
}

static void
mp_check_mark(NET_BUFFER_LIST *nbl, uint64_t value)
{
    NDIS_NET_BUFFER_LIST_8021Q_INFO info = {.Value = NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo)};
    uint32_t binding = value >> 32 & 0xff;
    if ((value & 0xffffff0000000000ull) != KIT_MARK)
        return;
    kit.mp.out_of_order += (uint32_t)value != kit.mp.next[binding];
    kit.mp.next[binding] = (uint32_t)value + 1;
    kit.mp.marked_vlans += info.TagHeader.VlanId == binding + 1;
}

static void
mp_note(NET_BUFFER_LIST *nbl)
{
    uint64_t value = 0;
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    uint8_t storage[64];
    uint8_t *data = NdisGetDataBuffer(nb, 24, storage, 1, 0);
    if (data)
        memcpy(&value, data + 16, sizeof value);
    mp_check_mark(nbl, value);
    if (kit.mp.sent < 4096)
        kit.mp.order[kit.mp.sent] = value;
    kit.mp.sent++;
    nbl->Status = NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
mp_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    KIRQL irql;
    KeAcquireSpinLock(&kit_lock, &irql);
    NET_BUFFER_LIST **end = &kit.mp.held;
    while (*end)
        end = &NET_BUFFER_LIST_NEXT_NBL(*end);
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        mp_note(nbl);
    bool done = kit.mp.completion == KIT_INLINE;
    if (!done)
        *end = nbls;
    KeReleaseSpinLock(&kit_lock, irql);
    if (done)
        NdisMSendNetBufferListsComplete(kit.mp.adapter, nbls,
                                        KeGetCurrentIrql() == DISPATCH_LEVEL ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
}

static NTAPI VOID
mp_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    while (nbls) {
        NET_BUFFER_LIST *next = NET_BUFFER_LIST_NEXT_NBL(nbls);
        kit.mp.returned += 1;
        if (kit.mp.keep_returned) {
            NET_BUFFER_LIST_NEXT_NBL(nbls) = kit.mp.kept;
            kit.mp.kept = nbls;
        } else
            NdisFreeNetBufferList(nbls);
        nbls = next;
    }
}

void
kit_free_returned(void)
{
    for (NET_BUFFER_LIST *next; kit.mp.kept; kit.mp.kept = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(kit.mp.kept);
        NdisFreeNetBufferList(kit.mp.kept);
    }
}

static NTAPI VOID
mp_shutdown(NDIS_HANDLE context, NDIS_SHUTDOWN_ACTION action)
{
    ck_assert_int_eq(action, NdisShutdownPowerOff);
    NdisFreeNetBufferListPool(kit.mp.pool);   // nothing comes after this, so it is here or never
    kit.mp.shutdowns++;
}

static NTAPI NDIS_STATUS
mp_reset(NDIS_HANDLE context, PBOOLEAN addressing)
{
    ck_assert_ptr_eq(context, &kit.mp);
    ck_assert(!*addressing);
    kit.mp.resets++;
    return kit.mp.on_reset ? kit.mp.on_reset(addressing) : NDIS_STATUS_SUCCESS;
}

static NTAPI BOOLEAN
mp_check_for_hang(NDIS_HANDLE context)
{
    ck_assert_ptr_eq(context, &kit.mp);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    kit.mp.hang_checks++;
    return kit.mp.on_check_for_hang && kit.mp.on_check_for_hang();
}

static NTAPI VOID
mp_device_event(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event)
{
    ck_assert_ptr_eq(context, &kit.mp);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    if (event->DevicePnPEvent == NdisDevicePnPEventPowerProfileChanged)
        ck_assert_uint_eq(*(ULONG *)event->InformationBuffer, NdisPowerProfileAcOnLine);
    kit_note('m', KIT_NOTE_DEVICE + event->DevicePnPEvent);
}

static NTAPI VOID
mp_cancel(NDIS_HANDLE context, PVOID id)
{
    NET_BUFFER_LIST *mine = NULL, **mine_end = &mine;
    KIRQL irql;
    kit.mp.cancels++;
    KeAcquireSpinLock(&kit_lock, &irql);
    for (NET_BUFFER_LIST **at = &kit.mp.held, *nbl; (nbl = *at);) {
        if (!id || NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(nbl) != id) {
            at = &NET_BUFFER_LIST_NEXT_NBL(nbl);
            continue;
        }
        *at = NET_BUFFER_LIST_NEXT_NBL(nbl);
        nbl->Status = NDIS_STATUS_SEND_ABORTED;
        *mine_end = nbl;
        mine_end = &NET_BUFFER_LIST_NEXT_NBL(nbl);
    }
    *mine_end = NULL;
    KeReleaseSpinLock(&kit_lock, irql);
    if (mine)
        NdisMSendNetBufferListsComplete(kit.mp.adapter, mine, 0);
}

static NTAPI VOID
mp_cancel_oid(NDIS_HANDLE context, PVOID id)
{
    NDIS_OID_REQUEST *request = kit.mp.pended_oid;
    kit.mp.pended_oid = NULL;
    if (request)
        NdisMOidRequestComplete(kit.mp.adapter, request, NDIS_STATUS_REQUEST_ABORTED);
}

static NTAPI NDIS_STATUS
mp_direct_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    return kit_mp_hooks.direct(request);
}

static NTAPI NDIS_STATUS
mp_synchronous_oid(NDIS_HANDLE context, NDIS_OID_REQUEST *request)
{
    return kit_mp_hooks.synchronous(request);
}

static NTAPI VOID
mp_cancel_direct_oid(NDIS_HANDLE context, PVOID id)
{
    if (kit_mp_hooks.cancel_direct)
        kit_mp_hooks.cancel_direct(id);
}

static NTAPI VOID
mp_unload(PDRIVER_OBJECT driver)
{
    NdisMDeregisterMiniportDriver(mp_driver);
}

static NTAPI NTSTATUS
mp_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = kit_mp_hooks.minor ? kit_mp_hooks.minor : 30,
        .InitializeHandlerEx = mp_initialize,
        .HaltHandlerEx = mp_halt,
        .UnloadHandler = mp_unload,
        .SetOptionsHandler = kit_mp_hooks.options,
        .PauseHandler = mp_pause,
        .RestartHandler = mp_restart,
        .OidRequestHandler = mp_oid,
        .SendNetBufferListsHandler = mp_send,
        .ReturnNetBufferListsHandler = mp_return,
        .CancelSendHandler = mp_cancel,
        .ShutdownHandlerEx = mp_shutdown,
        .ResetHandlerEx = mp_reset,
        .DevicePnPEventNotifyHandler = mp_device_event,
        .CancelOidRequestHandler = mp_cancel_oid};
    if (kit_mp_hooks.direct) {
        chars.DirectOidRequestHandler = mp_direct_oid;
        chars.CancelDirectOidRequestHandler = mp_cancel_direct_oid;
    }
    if (kit_mp_hooks.synchronous) {
        chars.Header.Revision = NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3;
        chars.Header.Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3;
        chars.SynchronousOidRequestHandler = mp_synchronous_oid;
    }
    if (kit_mp_checks_for_hang)
        chars.CheckForHangHandlerEx = mp_check_for_hang;
    driver->DriverUnload = mp_unload;
    NDIS_STATUS status = NdisMRegisterMiniportDriver(driver, registry, NULL, &chars, &mp_driver);
    kit.mp_driver = mp_driver;
    return status;
}

// ---- filter ---------------------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
lwf_attach(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    NDIS_FILTER_ATTRIBUTES attributes = {.Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1,
                                                    NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    if (kit.filter_refuses)
        return NDIS_STATUS_FAILURE;
    lwf_module = handle;
    kit.filter = handle;
    return NdisFSetAttributes(handle, &kit, &attributes);
}

static NTAPI VOID
lwf_detach(NDIS_HANDLE context)
{
    kit_note('f', KIT_NOTE_DETACH);
}

static NTAPI NDIS_STATUS
lwf_event(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    kit_note('f', event->NetPnPEvent.NetEvent);
    return kit.filter_swallows ? kit.filter_event_status : NdisFNetPnPEvent(lwf_module, event);
}

static NTAPI VOID
lwf_device_event(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event)
{
    kit_note('f', KIT_NOTE_DEVICE + event->DevicePnPEvent);
    if (!kit.filter_swallows)
        NdisFDevicePnPEventNotify(lwf_module, event);
}

static NTAPI NDIS_STATUS
lwf_restart(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    kit.filter_restarts++;
    kit_note('f', KIT_NOTE_RESTART);
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
lwf_pause(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    kit.filter_pauses++;
    kit_note('f', KIT_NOTE_PAUSE);
    return kit.on_filter_pause ? kit.on_filter_pause() : NDIS_STATUS_SUCCESS;
}

static uint32_t
nbl_count(NET_BUFFER_LIST *nbls)
{
    uint32_t count = 0;
    for (; nbls; nbls = NET_BUFFER_LIST_NEXT_NBL(nbls))
        count++;
    return count;
}

static void
lwf_keep(NET_BUFFER_LIST **kept, NET_BUFFER_LIST *nbls)
{
    while (*kept)
        kept = &NET_BUFFER_LIST_NEXT_NBL(*kept);
    *kept = nbls;
}

void
kit_filter_pass_kept(bool send)
{
    NET_BUFFER_LIST **kept = send ? &kit.filter_kept_sends : &kit.filter_kept_receives, *nbl = *kept;
    *kept = NET_BUFFER_LIST_NEXT_NBL(nbl);
    NET_BUFFER_LIST_NEXT_NBL(nbl) = NULL;
    if (send)
        NdisFSendNetBufferLists(lwf_module, nbl, 0, 0);
    else
        NdisFIndicateReceiveNetBufferLists(lwf_module, nbl, 0, 1, 0);
}

static NTAPI VOID
lwf_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    kit.filter_sends += nbl_count(nbls);
    if (kit.filter_keeps_sends) {
        lwf_keep(&kit.filter_kept_sends, nbls);
        return;
    }
    NdisFSendNetBufferLists(lwf_module, nbls, port, flags);
}

static NTAPI VOID
lwf_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    kit.filter_completes += nbl_count(nbls);
    NdisFSendNetBufferListsComplete(lwf_module, nbls, flags);
}

static NTAPI VOID
lwf_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    kit.filter_receives += count;
    if (kit.filter_keeps_receives) {
        lwf_keep(&kit.filter_kept_receives, nbls);
        return;
    }
    NdisFIndicateReceiveNetBufferLists(lwf_module, nbls, port, count, flags);
}

static NTAPI VOID
lwf_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    kit.filter_returns += nbl_count(nbls);
    NdisFReturnNetBufferLists(lwf_module, nbls, flags);
}

static NTAPI VOID
lwf_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    NdisFIndicateStatus(lwf_module, indication);
}

static NTAPI NDIS_STATUS
lwf_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    kit.filter_oids += 1;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
lwf_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    ck_abort_msg("lwf answers every request itself");
}

static NTAPI VOID
lwf_unload(PDRIVER_OBJECT driver)
{
    NdisFDeregisterFilterDriver(lwf_driver);
}

static NTAPI NDIS_STATUS
lwf_options(NDIS_HANDLE context)
{
    NDIS_FILTER_PARTIAL_CHARACTERISTICS partial = {.Header = {NDIS_OBJECT_TYPE_FILTER_PARTIAL_CHARACTERISTICS,
                                                              NDIS_FILTER_PARTIAL_CHARACTERISTICS_REVISION_1,
                                                              NDIS_SIZEOF_FILTER_PARTIAL_CHARACTERISTICS_REVISION_1},
                                                   .ReceiveNetBufferListsHandler = lwf_receive,
                                                   .ReturnNetBufferListsHandler = lwf_return};
    if (!kit.filter_bypasses_sends) {
        partial.SendNetBufferListsHandler = lwf_send;
        partial.SendNetBufferListsCompleteHandler = lwf_send_complete;
    }
    return NdisSetOptionalHandlers(lwf_module, (void *)&partial);
}

static NTAPI NTSTATUS
lwf_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static WCHAR name[] = L"lwf";
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS, NDIS_FILTER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .FriendlyName = {6, 8, name},
        .UniqueName = {6, 8, name},
        .ServiceName = {6, 8, name},
        .SetFilterModuleOptionsHandler = lwf_options,
        .AttachHandler = lwf_attach,
        .DetachHandler = lwf_detach,
        .RestartHandler = lwf_restart,
        .PauseHandler = lwf_pause,
        .SendNetBufferListsHandler = lwf_send,
        .SendNetBufferListsCompleteHandler = lwf_send_complete,
        .ReceiveNetBufferListsHandler = lwf_receive,
        .ReturnNetBufferListsHandler = lwf_return,
        .StatusHandler = lwf_status};
    if (kit_filter_takes_oids) {
        chars.OidRequestHandler = lwf_oid;
        chars.OidRequestCompleteHandler = lwf_oid_complete;
    }
    if (kit_filter_takes_events) {
        chars.NetPnPEventHandler = lwf_event;
        chars.DevicePnPEventNotifyHandler = lwf_device_event;
    }
    driver->DriverUnload = lwf_unload;
    return NdisFRegisterFilterDriver(driver, &kit, &chars, &lwf_driver);
}

// ---- protocols ------------------------------------------------------------------------------------------------------------------

static void
proto_ask_name(NDIS_HANDLE bind)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    struct nbx_fault_report report;
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    kit.bind_name_status[0] = NdisQueryBindInstanceName(&kit.bind_name, bind);
    nbx_fault_disarm(&report);
    kit.bind_name_status[1] = NdisQueryBindInstanceName(&kit.bind_name, bind);
}

static NTAPI NDIS_STATUS
proto_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    uint32_t which = (uint32_t)(uintptr_t)context;
    struct kit_binding *binding = kit.binding;
    while (binding->in_use)
        binding++;
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    binding->in_use = true;
    binding->bound_mtu = parameters->MtuSize;
    binding->bound_ndk = parameters->NDKCapabilities;
    binding->bound_ndk_enabled = parameters->NDKEnabled;
    binding->protocol = which;
    if (kit.on_bind)
        kit.on_bind(parameters);
    if (kit.asks_bind_name)
        proto_ask_name(bind);
    KeInitializeEvent(&binding->opened, NotificationEvent, FALSE);
    NDIS_STATUS status = kit_opened(binding, NdisOpenAdapterEx(kit.protocol[which], binding, &open, bind, &binding->handle));
    binding->in_use = status == NDIS_STATUS_SUCCESS;
    kit.binds++;
    return status;
}

static NTAPI NDIS_STATUS
proto_unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    struct kit_binding *binding = context;
    kit_note('p', KIT_NOTE_UNBIND);
    if (binding->kept)
        kit_return(binding);
    ck_assert_int_eq(NdisCloseAdapterEx(binding->handle), NDIS_STATUS_SUCCESS);
    binding->in_use = false;
    binding->handle = NULL;
    kit.unbinds++;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
proto_close_complete(NDIS_HANDLE context)
{
}

static NTAPI NDIS_STATUS
proto_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    struct kit_binding *binding = context;
    kit_note('p', event->NetPnPEvent.NetEvent);
    if (!binding)
        return kit.protocol_event ? kit.protocol_event(event) : NDIS_STATUS_SUCCESS;
    if (event->NetPnPEvent.NetEvent == NetEventPause && binding->kept)
        kit_return(binding);
    return binding->on_event ? binding->on_event(binding, event) : NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
proto_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    struct kit_binding *binding = context;
    binding->oid_done = request;
    binding->oid_status = status;
}

static NTAPI VOID
proto_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    struct kit_binding *binding = context;
    binding->status_indications++;
    if (binding->on_status)
        binding->on_status(binding, indication);
}

static NTAPI VOID
proto_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct kit_binding *binding = context;
    ck_assert_uint_eq(count, nbl_count(nbls));
    binding->received += count;
    if (binding->on_received)
        binding->on_received(binding);
    if (flags & NDIS_RECEIVE_FLAGS_RESOURCES) {
        binding->resources += count;
        if (binding->return_lent)
            NdisReturnNetBufferLists(binding->handle, nbls, 0);
        return;
    }
    if (!binding->keep) {
        NdisReturnNetBufferLists(binding->handle, nbls, 0);
        return;
    }
    NET_BUFFER_LIST **end = &binding->kept;
    while (*end)
        end = &NET_BUFFER_LIST_NEXT_NBL(*end);
    *end = nbls;
}

// Each of ours once.
static void
proto_note_returned(struct kit_binding *binding, NET_BUFFER_LIST *nbl)
{
    uint64_t value;
    uint8_t *data = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(nbl)), NormalPagePriority);
    memcpy(&value, data + 16, sizeof value);
    if ((value & 0xffffff0000000000ull) != KIT_MARK || (uint32_t)value >= 256)
        return;
    ck_assert_uint_eq(value >> 32 & 0xff, (uint64_t)(binding - kit.binding));
    uint64_t *word = &binding->returned_mask[(uint32_t)value / 64], bit = 1ull << (value % 64);
    binding->returned_twice += (*word & bit) != 0;
    *word |= bit;
}

static NTAPI VOID
proto_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct kit_binding *binding = context;
    KIRQL irql;
    if (flags & NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL)
        ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    __atomic_fetch_add(&binding->complete_calls, 1, __ATOMIC_RELAXED);
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        ck_assert_ptr_eq(nbl->SourceHandle, binding->handle);
        binding->last_status = nbl->Status;
        KeAcquireSpinLock(&kit_lock, &irql);
        proto_note_returned(binding, nbl);
        binding->completed++;
        binding->in_flight--;
        KeReleaseSpinLock(&kit_lock, irql);
    }
    if (binding->on_completed) {
        binding->on_completed(binding, nbls);
        return;
    }
    while (nbls) {
        NET_BUFFER_LIST *next = NET_BUFFER_LIST_NEXT_NBL(nbls);
        NdisFreeNetBufferList(nbls);
        nbls = next;
    }
}

static NTSTATUS
proto_register(uint32_t which)
{
    static WCHAR name[2][7] = {L"proto0", L"proto1"};
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .Name = {12, 14, name[which]},
        .BindAdapterHandlerEx = proto_bind,
        .UnbindAdapterHandlerEx = proto_unbind,
        .OpenAdapterCompleteHandlerEx = kit_open_complete,
        .CloseAdapterCompleteHandlerEx = proto_close_complete,
        .NetPnPEventHandler = proto_pnp,
        .OidRequestCompleteHandler = proto_oid_complete,
        .DirectOidRequestCompleteHandler = proto_oid_complete,
        .StatusHandlerEx = proto_status,
        .ReceiveNetBufferListsHandler = proto_receive,
        .SendNetBufferListsCompleteHandler = proto_send_complete};
    NET_BUFFER_LIST_POOL_PARAMETERS pool = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .fAllocateNetBuffer = TRUE,
        .PoolTag = 'xTrp',
        .DataSize = 2048};
    NDIS_STATUS status = NdisRegisterProtocolDriver((NDIS_HANDLE)(uintptr_t)which, &chars, &kit.protocol[which]);
    if (status == NDIS_STATUS_SUCCESS)
        proto_pool[which] = NdisAllocateNetBufferListPool(kit.protocol[which], &pool);
    return status;
}

// "proto0", "proto1"
static uint32_t
proto_which(PDRIVER_OBJECT driver)
{
    return (uint32_t)(io_image_of(driver)->name[5] - '0');
}

static NTAPI VOID
proto_unload(PDRIVER_OBJECT driver)
{
    NdisDeregisterProtocolDriver(kit.protocol[proto_which(driver)]);
    NdisFreeNetBufferListPool(proto_pool[proto_which(driver)]);
}

static NTAPI NTSTATUS
proto_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    driver->DriverUnload = proto_unload;
    return proto_register(proto_which(driver));
}

// ---- the test's side ------------------------------------------------------------------------------------------------------------

static void
kit_load(const char *name, DRIVER_INITIALIZE *entry)
{
    struct io_image_config config = {.name = name, .entry = entry};
    struct io_image *image;
    char error[256];
    NTSTATUS status = io_image_load(kit.box, &config, &image, error, sizeof error);
    ck_assert_msg(NT_SUCCESS(status), "%s", error);
}

void
kit_start(bool filter, uint32_t bindings)
{
    struct ndis_adapter_config config = {.name = "nic0", .driver = "mp"};
    ck_assert_int_eq(ndis_adapter_add(kit.box, &config, &kit.adapter), NDIS_STATUS_SUCCESS);
    if (filter)
        ck_assert_int_eq(ndis_adapter_attach_filter(kit.adapter, "lwf"), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(ndis_adapter_restart(kit.adapter), NDIS_STATUS_SUCCESS);
    for (uint32_t i = 0; i < bindings; i++)
        ck_assert_int_eq(ndis_adapter_bind(kit.adapter, i % 2 ? "proto1" : "proto0"), NDIS_STATUS_SUCCESS);
}

NET_BUFFER_LIST *
kit_nbl(struct kit_binding *binding, uint64_t value, uint32_t bytes)
{
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(proto_pool[binding->protocol], 0, 0);
    ck_assert_ptr_nonnull(nbl);
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    uint8_t *data = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(nb), NormalPagePriority);
    memset(data, 0, bytes);
    memset(data, 0xee, 5);
    data[12] = 0x88;
    data[13] = 0xb5;
    memcpy(data + 16, &value, sizeof value);
    NET_BUFFER_DATA_LENGTH(nb) = bytes;
    nbl->SourceHandle = binding->handle;
    return nbl;
}

void
kit_send(struct kit_binding *binding, NET_BUFFER_LIST *nbls)
{
    KIRQL irql;
    KeAcquireSpinLock(&kit_lock, &irql);
    binding->in_flight += nbl_count(nbls);
    KeReleaseSpinLock(&kit_lock, irql);
    NdisSendNetBufferLists(binding->handle, nbls, 0, 0);
}

void
kit_complete_held(void)
{
    KIRQL irql;
    KeAcquireSpinLock(&kit_lock, &irql);
    NET_BUFFER_LIST *nbls = kit.mp.held;
    kit.mp.held = NULL;
    KeReleaseSpinLock(&kit_lock, irql);
    if (nbls)
        NdisMSendNetBufferListsComplete(kit.mp.adapter, nbls, 0);
}

NET_BUFFER_LIST *
kit_mark(struct kit_binding *binding, uint32_t sequence)
{
    uint64_t number = (uint64_t)(binding - kit.binding);
    NET_BUFFER_LIST *nbl = kit_nbl(binding, KIT_MARK | number << 32 | sequence, 64);
    NDIS_NET_BUFFER_LIST_8021Q_INFO info = {.TagHeader.VlanId = (UINT32)number + 1};
    NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo) = info.Value;
    return nbl;
}

void
kit_complete_shuffled(void)
{
    NET_BUFFER_LIST *some[256];
    uint32_t count = 0;
    KIRQL irql;
    struct sched *sched = kit.box->sched;
    KeAcquireSpinLock(&kit_lock, &irql);
    while (kit.mp.held && count < 256) {
        some[count++] = kit.mp.held;
        kit.mp.held = NET_BUFFER_LIST_NEXT_NBL(kit.mp.held);
    }
    KeReleaseSpinLock(&kit_lock, irql);
    for (uint32_t i = count; i > 1; i--) {
        uint32_t other = (uint32_t)sched_draw(sched, SCHED_DRAW_ORDER, i);
        NET_BUFFER_LIST *nbl = some[other];
        some[other] = some[i - 1];
        some[i - 1] = nbl;
    }
    for (uint32_t i = 0; i < count;) {
        NET_BUFFER_LIST *list = NULL, **end = &list;
        for (uint64_t run = 1 + sched_draw(sched, SCHED_DRAW_ORDER, count - i); run; run--) {
            *end = some[i++];
            end = &NET_BUFFER_LIST_NEXT_NBL(*end);
        }
        *end = NULL;
        NdisMSendNetBufferListsComplete(kit.mp.adapter, list, 0);
    }
}

void
kit_indicate(const uint8_t destination[6], uint32_t count, ULONG flags)
{
    NET_BUFFER_LIST *first = NULL, **end = &first;
    for (uint32_t i = 0; i < count; i++) {
        NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(kit.mp.pool, 0, 0);
        NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
        uint8_t *data = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(nb), NormalPagePriority);
        memset(data, 0, 64);
        memcpy(data, destination, 6);
        data[12] = 0x08;
        NET_BUFFER_DATA_LENGTH(nb) = 64;
        nbl->SourceHandle = kit.mp.forgets_source ? NULL : kit.mp.adapter;
        *end = nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(nbl);
    }
    NdisMIndicateReceiveNetBufferLists(kit.mp.adapter, first, 0, count + kit.mp.miscounts, flags);
    if (flags & NDIS_RECEIVE_FLAGS_RESOURCES) {
        ck_assert_uint_eq(nbl_count(first), count);
        mp_return(NULL, first, 0);
    }
}

void
kit_return(struct kit_binding *binding)
{
    NET_BUFFER_LIST *nbls = binding->kept;
    binding->kept = NULL;
    NdisReturnNetBufferLists(binding->handle, nbls, 0);
}

static NDIS_STATUS
kit_request(struct kit_binding *binding, NDIS_REQUEST_TYPE type, NDIS_OID oid, void *data, uint32_t bytes)
{
    NDIS_OID_REQUEST request = {
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = type,
        .DATA.SET_INFORMATION = {.Oid = oid, .InformationBuffer = data, .InformationBufferLength = bytes}};
    binding->oid_done = NULL;
    NDIS_STATUS status = NdisOidRequest(binding->handle, &request);
    if (status != NDIS_STATUS_PENDING)
        return status;
    LARGE_INTEGER wait = {.QuadPart = -10000};
    while (!binding->oid_done)
        KeDelayExecutionThread(KernelMode, FALSE, &wait);
    return binding->oid_status;
}

NDIS_STATUS
kit_set(struct kit_binding *binding, NDIS_OID oid, void *data, uint32_t bytes)
{
    return kit_request(binding, NdisRequestSetInformation, oid, data, bytes);
}

NDIS_STATUS
kit_query(struct kit_binding *binding, NDIS_OID oid, void *data, uint32_t bytes)
{
    return kit_request(binding, NdisRequestQueryInformation, oid, data, bytes);
}

static void
kit_inside(void *fn)
{
    ck_assert_int_eq(ndis_create(kit.box), 0);
    kit_load("mp", mp_entry);
    kit_load("lwf", lwf_entry);
    kit_load("proto0", proto_entry);
    kit_load("proto1", proto_entry);
    ((void (*)(void))fn)();
    if (kit.adapter)
        ndis_adapter_remove(kit.adapter);
    kit.adapter = NULL;
    const char *names[] = {"proto1", "proto0", "lwf", "mp"};
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(io_image_unload(io_image_find(kit.box, names[i])), STATUS_SUCCESS);
    kit.left = ndis_destroy(kit.box);
}

void
kit_run(uint64_t seed, void (*fn)(void))
{
#ifdef KIT_THREADS
    struct sched *sched = sched_threads_create(seed);
#else
    const char *error;
    struct sim_config sim = {.seed = seed, .switch_one_in = 4};
    struct sched *sched = sim_create(&sim, &error);
#endif
    ck_assert_ptr_nonnull(sched);
    struct box_config config = {.name = "test", .processors = 2, .seed = seed};
    memset(&kit, 0, sizeof kit);
    kit.box = box_create(sched, &config);
    ck_assert_ptr_nonnull(kit.box);
    if (kit_verify != VERIFY_OFF)
        ck_assert_ptr_nonnull(kit.box->verify = verify_create(sched, kit_verify, NULL));
    struct verify *verify = kit.box->verify;
    ck_assert_int_eq(box_run(kit.box, kit_inside, (void *)fn), 0);
    ck_assert_uint_eq(kit.left + box_destroy(kit.box), 0);
    kit.findings = verify ? atomic_load(&verify->findings) : 0;
    verify_destroy(verify);
#ifndef KIT_THREADS
    struct sim_stats stats;
    sim_stats_get(sched, &stats);
    kit.trace_hash = stats.trace_hash;
#endif
    sched_destroy(sched);
}
