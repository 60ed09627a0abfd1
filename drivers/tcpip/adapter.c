// SPDX-License-Identifier: MIT
// The life of a binding, and the adapter's side of an interface of the IP engine.
//   bind      settings -> NdisOpenAdapterEx, which may pend -> interface, addresses, routes -> offloads on, packet filter
//   restart   NetEventRestart: the interface is up if the link is       pause   NetEventPause: it is down; our sends are back
//   link      NDIS_STATUS_LINK_STATE: the interface follows             unbind  the interface goes -> NdisCloseAdapterEx -> freed
// Connections outlive all of it: what cannot be sent is as lost as on the wire, and comes again.
// [network/protocol-binding-states-and-operations]
#include "tcpip.h"

// ---- being served ---------------------------------------------------------------------------------------------------------------

VOID
tcpip_adapter_queue(struct tcpip_adapter *adapter)
{
    if (adapter->is_queued)
        return;
    adapter->is_queued = TRUE;
    if (!adapter->is_serving)
        InsertTailList(&tcpip_host.adapters_to_serve, &adapter->serve_link);
}

static BOOLEAN
adapter_is_quiet(const struct tcpip_adapter *adapter)
{
    return !adapter->is_running && !adapter->packets_out && tcpip_chimney_is_quiet(adapter) &&
           !adapter->is_serving && !adapter->is_queued && !adapter->to_return;
}

VOID
tcpip_adapter_served(struct tcpip_adapter *adapter)
{
    adapter->is_serving = FALSE;
    if (adapter->is_queued)
        InsertTailList(&tcpip_host.adapters_to_serve, &adapter->serve_link);
    else if (adapter_is_quiet(adapter))
        KeSetEvent(&adapter->quiet, IO_NO_INCREMENT, FALSE);
}

// ---- OID requests ---------------------------------------------------------------------------------------------------------------

NDIS_STATUS
tcpip_oid_set(struct tcpip_adapter *adapter, NDIS_OID oid, void *data, ULONG bytes)
{
    NDIS_OID_REQUEST request = {
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestSetInformation,
        .RequestId = adapter,
        .DATA.SET_INFORMATION = {.Oid = oid, .InformationBuffer = data, .InformationBufferLength = bytes}};
    KeInitializeEvent(&adapter->oid_done, NotificationEvent, FALSE);
    NDIS_STATUS status = NdisOidRequest(adapter->ndis, &request);
    if (status != NDIS_STATUS_PENDING)
        return status;
    KeWaitForSingleObject(&adapter->oid_done, Executive, KernelMode, FALSE, NULL);
    return adapter->oid_status;
}

VOID
tcpip_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    struct tcpip_adapter *adapter = context;
    if (request == &adapter->chimney.stats.request) {
        tcpip_stats_done(adapter, status);
        return;
    }
    adapter->oid_status = status;
    KeSetEvent(&adapter->oid_done, IO_NO_INCREMENT, FALSE);
}

static NDIS_STATUS
adapter_filter_set(struct tcpip_adapter *adapter)
{
    ULONG wanted = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST | NDIS_PACKET_TYPE_MULTICAST;
    if (!(adapter->filters_supported & NDIS_PACKET_TYPE_MULTICAST))
        wanted |= NDIS_PACKET_TYPE_ALL_MULTICAST;
    wanted &= adapter->filters_supported;
    return tcpip_oid_set(adapter, OID_GEN_CURRENT_PACKET_FILTER, &wanted, sizeof wanted);
}

// ---- offloads -------------------------------------------------------------------------------------------------------------------

static ULONG
lso_bytes(ULONG encapsulation, ULONG max_bytes)
{
    return encapsulation & NDIS_ENCAPSULATION_IEEE_802_3 ? max_bytes : 0;
}

// What the adapter does for us, in the engine's words.
static ULONG
offloads_of(const NDIS_OFFLOAD *offload, ULONG *large_bytes)
{
    const NDIS_TCP_IP_CHECKSUM_OFFLOAD *sum = &offload->Checksum;
    const NDIS_TCP_LARGE_SEND_OFFLOAD_V2 *lso = &offload->LsoV2;
    ULONG large4 = lso_bytes(lso->IPv4.Encapsulation, lso->IPv4.MaxOffLoadSize), flags = 0;
    ULONG large6 = lso_bytes(lso->IPv6.Encapsulation, lso->IPv6.MaxOffLoadSize);
    // Our TCP segments carry options; an adapter that cannot have them finishes none.
    if (sum->IPv4Transmit.Encapsulation & NDIS_ENCAPSULATION_IEEE_802_3)
        flags |= (sum->IPv4Transmit.TcpChecksum && sum->IPv4Transmit.TcpOptionsSupported ? NET_SUM_TCP4 : 0) |
                 (sum->IPv4Transmit.UdpChecksum ? NET_SUM_UDP4 : 0);
    if (sum->IPv6Transmit.Encapsulation & NDIS_ENCAPSULATION_IEEE_802_3)
        flags |= (sum->IPv6Transmit.TcpChecksum && sum->IPv6Transmit.TcpOptionsSupported ? NET_SUM_TCP6 : 0) |
                 (sum->IPv6Transmit.UdpChecksum ? NET_SUM_UDP6 : 0);
    if (large4)
        flags |= NET_LSO4;
    if (large6 && lso->IPv6.TcpOptionsSupported)
        flags |= NET_LSO6;
    *large_bytes = flags & NET_LSO4 && (!(flags & NET_LSO6) || large4 < large6) ? large4 : large6;
    return flags;
}

static VOID
adapter_offloads_take(struct tcpip_adapter *adapter, const NDIS_OFFLOAD *offload)
{
    struct tcpip_call call;
    ULONG large_bytes, flags = offloads_of(offload, &large_bytes);
    tcpip_enter(&call);
    adapter->interface.offloads = flags;
    adapter->interface.lso_bytes = large_bytes;
    if (adapter->index)
        net_interface_set_offloads(tcpip_host.net, adapter->index, flags, large_bytes);
    tcpip_leave(&call);
}

// Offloads may be asked for once the adapter has accepted how our frames begin [network/oid-offload-encapsulation].
static VOID
adapter_offloads_start(struct tcpip_adapter *adapter, const NDIS_OFFLOAD *offload)
{
    NDIS_OFFLOAD_ENCAPSULATION encapsulation = {
        .Header = {NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION, NDIS_OFFLOAD_ENCAPSULATION_REVISION_1,
                   NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1},
        .IPv4 = {NDIS_OFFLOAD_SET_ON, NDIS_ENCAPSULATION_IEEE_802_3, 14},
        .IPv6 = {NDIS_OFFLOAD_SET_ON, NDIS_ENCAPSULATION_IEEE_802_3, 14}};
    if (offload && tcpip_oid_set(adapter, OID_OFFLOAD_ENCAPSULATION, &encapsulation, sizeof encapsulation) == NDIS_STATUS_SUCCESS)
        adapter_offloads_take(adapter, offload);
}

// ---- the interface --------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
interface_routes_add(struct tcpip_adapter *adapter, const struct tcpip_settings *settings)
{
    for (ULONG i = 0; i < settings->gateway_count; i++) {
        struct net_route route = {.gateway = settings->gateways[i], .interface_index = adapter->index};
        route.prefix.family = route.gateway.family;
        int error = net_route_add(tcpip_host.net, &route);
        if (error) {
            DbgPrint("tcpip: gateway %u of the list cannot be a route (%d)\n", i + 1, error);
            return NDIS_STATUS_INVALID_PARAMETER;
        }
    }
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
interface_create(struct tcpip_adapter *adapter, const struct tcpip_settings *settings)
{
    struct tcpip_call call;
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    tcpip_enter(&call);
    int error, index = net_interface_add(tcpip_host.net, &adapter->interface);
    if (index < 0)
        status = index == -EINVAL ? NDIS_STATUS_INVALID_PARAMETER : NDIS_STATUS_RESOURCES;
    else
        tcpip_host.adapters[adapter->index = (ULONG)index] = adapter;
    for (ULONG i = 0; status == NDIS_STATUS_SUCCESS && i < settings->address_count; i++) {
        error = net_address_add(tcpip_host.net, adapter->index, &settings->addresses[i].address, settings->addresses[i].prefix_bits,
                                call.now_us, &call.outbox);
        if (error) {
            DbgPrint("tcpip: address %u of the list cannot be used (%d): it is a group's, or another adapter has it\n", i + 1, error);
            status = NDIS_STATUS_INVALID_PARAMETER;
        }
    }
    if (status == NDIS_STATUS_SUCCESS)
        status = interface_routes_add(adapter, settings);
    tcpip_leave(&call);
    return status;
}

static VOID
interface_follow(struct tcpip_adapter *adapter, BOOLEAN is_running, BOOLEAN is_link_up)
{
    struct tcpip_call call;
    tcpip_enter(&call);
    BOOLEAN was_up = adapter->is_running && adapter->is_link_up, is_up = is_running && is_link_up;
    // The last words of an interface that goes down still leave; the first of one that comes up find it running.
    if (is_running)
        adapter->is_running = TRUE;
    adapter->is_link_up = is_link_up;
    if (was_up != is_up)
        adapter->changed_us = call.now_us;
    if (adapter->index && was_up != is_up)
        net_interface_up(tcpip_host.net, adapter->index, is_up, call.now_us, &call.outbox);
    tcpip_leave(&call);
}

static VOID
adapter_pause(struct tcpip_adapter *adapter)
{
    struct tcpip_call call;
    interface_follow(adapter, FALSE, adapter->is_link_up);
    tcpip_enter(&call);
    adapter->is_running = FALSE;
    KeClearEvent(&adapter->quiet);
    tcpip_tx_drop(adapter);
    tcpip_adapter_queue(adapter); // served once more at least, which finds it quiet in the end
    tcpip_leave(&call);
    KeWaitForSingleObject(&adapter->quiet, Executive, KernelMode, FALSE, NULL);
}

// ---- bind and unbind ------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
adapter_open(struct tcpip_adapter *adapter, NDIS_HANDLE bind_context, PNDIS_BIND_PARAMETERS parameters)
{
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NET_FRAME_TYPE frames[] = {NDIS_ETH_TYPE_IPV4, NDIS_ETH_TYPE_ARP, NDIS_ETH_TYPE_IPV6};
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected,
        .FrameTypeArray = frames,
        .FrameTypeArraySize = ARRAYSIZE(frames)};
    NDIS_STATUS status = NdisOpenAdapterEx(tcpip_protocol, adapter, &open, bind_context, &adapter->ndis);
    if (status == NDIS_STATUS_PENDING) {
        KeWaitForSingleObject(&adapter->settled, Executive, KernelMode, FALSE, NULL);
        status = adapter->open_status;
    }
    if (status != NDIS_STATUS_SUCCESS)
        adapter->ndis = NULL;
    return status;
}

VOID
tcpip_open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    struct tcpip_adapter *adapter = context;
    adapter->open_status = status;
    KeSetEvent(&adapter->settled, IO_NO_INCREMENT, FALSE);
}

VOID
tcpip_close_complete(NDIS_HANDLE context)
{
    struct tcpip_adapter *adapter = context;
    KeSetEvent(&adapter->settled, IO_NO_INCREMENT, FALSE);
}

static NDIS_STATUS
adapter_sends_create(struct tcpip_adapter *adapter)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .ProtocolId = NDIS_PROTOCOL_ID_TCP_IP,
        .fAllocateNetBuffer = TRUE,
        .PoolTag = TCPIP_TAG};
    adapter->pool = NdisAllocateNetBufferListPool(tcpip_protocol, &parameters);
    return adapter->pool ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

static VOID
interface_destroy(struct tcpip_adapter *adapter)
{
    struct tcpip_call call;
    tcpip_enter(&call);
    if (adapter->index) {
        net_interface_remove(tcpip_host.net, adapter->index, call.now_us, &call.outbox);
        tcpip_host.adapters[adapter->index] = NULL;
    }
    tcpip_host.drops.adapters_full += adapter->dropped_full;
    tcpip_host.drops.adapters_failed += adapter->failed;
    tcpip_host.drops.adapters_down += adapter->dropped_down;
    tcpip_leave(&call);
}

static VOID
adapter_free(struct tcpip_adapter *adapter)
{
    tcpip_work_stop(adapter);
    interface_destroy(adapter);
    if (adapter->ndis) {
        KeClearEvent(&adapter->settled);
        if (NdisCloseAdapterEx(adapter->ndis) == NDIS_STATUS_PENDING)
            KeWaitForSingleObject(&adapter->settled, Executive, KernelMode, FALSE, NULL);
    }
    tcpip_tx_destroy(adapter);
    if (adapter->pool)
        NdisFreeNetBufferListPool(adapter->pool);
    tcpip_free(adapter->name.Buffer);
    tcpip_free(adapter);
}

static struct tcpip_adapter *
adapter_create(PNDIS_BIND_PARAMETERS parameters, const struct tcpip_settings *settings)
{
    struct tcpip_adapter *adapter = tcpip_alloc(sizeof *adapter);
    WCHAR *name = tcpip_alloc(parameters->AdapterName->Length + sizeof(WCHAR));
    if (!adapter || !name) {
        tcpip_free(adapter);
        tcpip_free(name);
        return NULL;
    }
    memcpy(name, parameters->AdapterName->Buffer, parameters->AdapterName->Length);
    RtlInitUnicodeString(&adapter->name, name);
    KeInitializeEvent(&adapter->settled, NotificationEvent, FALSE);
    KeInitializeEvent(&adapter->quiet, NotificationEvent, FALSE);
    KeInitializeEvent(&adapter->idle, NotificationEvent, FALSE);
    list_init(&adapter->to_send);
    adapter->speed_bits = parameters->XmitLinkSpeed;
    adapter->changed_us = tcpip_now_us();
    adapter->if_index = parameters->LowestIfIndex;
    tcpip_chimney_init(adapter, settings);
    adapter->filters_supported = parameters->SupportedPacketFilters;
    adapter->is_link_up = parameters->MediaConnectState != MediaConnectStateDisconnected;
    BOOLEAN has_mtu = settings->mtu_bytes && settings->mtu_bytes < parameters->MtuSize;
    adapter->interface.mtu_bytes = has_mtu ? settings->mtu_bytes : parameters->MtuSize;
    adapter->interface.probes4 = settings->probes;
    adapter->interface.probes6 = settings->probes ? 1 : 0;
    memcpy(adapter->interface.link_address, parameters->CurrentMacAddress, sizeof adapter->interface.link_address);
    return adapter;
}

static NDIS_STATUS
adapter_start(struct tcpip_adapter *adapter, NDIS_HANDLE bind_context, PNDIS_BIND_PARAMETERS parameters,
              const struct tcpip_settings *settings)
{
    NDIS_STATUS status = adapter_sends_create(adapter);
    if (status == NDIS_STATUS_SUCCESS)
        status = adapter_open(adapter, bind_context, parameters);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    adapter->work = NdisAllocateIoWorkItem(adapter->ndis);
    if (!adapter->work)
        return NDIS_STATUS_RESOURCES;
    adapter_offloads_start(adapter, parameters->DefaultOffloadConfiguration);
    tcpip_chimney_start(adapter, parameters->TcpConnectionOffloadCapabilities);
    status = interface_create(adapter, settings);
    if (status == NDIS_STATUS_SUCCESS)
        status = adapter_filter_set(adapter);
    return status;
}

NDIS_STATUS
tcpip_bind(NDIS_HANDLE driver_context, NDIS_HANDLE bind_context, PNDIS_BIND_PARAMETERS parameters)
{
    struct tcpip_settings settings;
    UNREFERENCED_PARAMETER(driver_context);
    if (parameters->MediaType != NdisMedium802_3 || parameters->MacAddressLength != 6)
        return NDIS_STATUS_UNSUPPORTED_MEDIA;
    if (!NT_SUCCESS(tcpip_settings_read(parameters->ProtocolSection, &settings)))
        return NDIS_STATUS_INVALID_PARAMETER;
    struct tcpip_adapter *adapter = adapter_create(parameters, &settings);
    if (!adapter)
        return NDIS_STATUS_RESOURCES;
    NDIS_STATUS status = adapter_start(adapter, bind_context, parameters, &settings);
    if (status != NDIS_STATUS_SUCCESS)
        adapter_free(adapter);
    return status;
}

// NDIS has paused the binding before: nothing is out.
NDIS_STATUS
tcpip_unbind(NDIS_HANDLE unbind_context, NDIS_HANDLE context)
{
    struct tcpip_adapter *adapter = context;
    UNREFERENCED_PARAMETER(unbind_context);
    if (adapter->dropped_full || adapter->failed)
        DbgPrint("tcpip: %I64u packets dropped because the adapter's queue was full, %I64u sends failed\n", adapter->dropped_full,
                 adapter->failed);
    adapter_free(adapter);
    return NDIS_STATUS_SUCCESS;
}

// ---- events and status ----------------------------------------------------------------------------------------------------------

NDIS_STATUS
tcpip_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    struct tcpip_adapter *adapter = context;
    switch (event->NetPnPEvent.NetEvent) {
    case NetEventPause:
        tcpip_chimney_stop(adapter);
        adapter_pause(adapter);
        return NDIS_STATUS_SUCCESS;
    case NetEventRestart:
        tcpip_chimney_resume(adapter);
        interface_follow(adapter, TRUE, adapter->is_link_up);
        return NDIS_STATUS_SUCCESS;
    case NetEventSetPower:
        // All offloads end before the adapter is told to sleep [power-management-for-offload-targets].
        if (*(NDIS_DEVICE_POWER_STATE *)event->NetPnPEvent.Buffer != NdisDeviceStateD0)
            tcpip_chimney_stop(adapter);
        else
            tcpip_chimney_resume(adapter);
        return tcpip_clients_ask(adapter, event);
    case NetEventQueryPower:
    case NetEventQueryRemoveDevice:
    case NetEventCancelRemoveDevice: return tcpip_clients_ask(adapter, event);
    case NetEventReconfigure:
    case NetEventBindList:
    case NetEventBindsComplete:
    case NetEventNDKEnable:
    case NetEventNDKDisable:
    case NetEventPnPCapabilities: return NDIS_STATUS_SUCCESS; // nothing here depends on them
    default: return NDIS_STATUS_NOT_SUPPORTED;
    }
}

VOID
tcpip_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    struct tcpip_adapter *adapter = context;
    const void *buffer = indication->StatusBuffer;
    if (indication->StatusCode == NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG &&
        indication->StatusBufferSize >= NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1)
        adapter_offloads_take(adapter, buffer);
    tcpip_chimney_status(adapter, indication->StatusCode);
    if (indication->StatusCode == NDIS_STATUS_LINK_STATE && indication->StatusBufferSize >= NDIS_SIZEOF_LINK_STATE_REVISION_1) {
        adapter->speed_bits = ((const NDIS_LINK_STATE *)buffer)->XmitLinkSpeed;
        interface_follow(adapter, adapter->is_running,
                         ((const NDIS_LINK_STATE *)buffer)->MediaConnectState != MediaConnectStateDisconnected);
    }
}
