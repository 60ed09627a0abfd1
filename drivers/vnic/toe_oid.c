// SPDX-License-Identifier: MIT
// What the target says of itself and is told [network/oid-tcp-connection-offload-parameters, oid-tcp4-offload-stats].
//   vnic_toe_capabilities   NDIS_TCP_CONNECTION_OFFLOAD, for the attributes and NDIS_STATUS_OFFLOAD_RESUME
//   vnic_toe_parameters     ticks, acknowledgements, retransmissions, timers: the host's
//   vnic_toe_switch         OID_TCP_OFFLOAD_PARAMETERS: offloading on and off; what is offloaded then is asked back
//   vnic_toe_statistics     of offloaded connections alone
#include "toe.h"

void
vnic_toe_capabilities(const struct vnic_adapter *adapter, BOOLEAN is_hardware, NDIS_TCP_CONNECTION_OFFLOAD *capabilities)
{
    const struct vnic_toe *toe = adapter->toe;
    NdisZeroMemory(capabilities, sizeof *capabilities);
    capabilities->Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_DEFAULT, NDIS_TCP_CONNECTION_OFFLOAD_REVISION_1,
                                                NDIS_SIZEOF_TCP_CONNECTION_OFFLOAD_REVISION_1};
    capabilities->Encapsulation = NDIS_ENCAPSULATION_IEEE_802_3;
    capabilities->SupportIPv4 = toe && (is_hardware || toe->is_on[0]) ? NDIS_OFFLOAD_SUPPORTED : NDIS_OFFLOAD_NOT_SUPPORTED;
    capabilities->SupportIPv6 = toe && (is_hardware || toe->is_on[1]) ? NDIS_OFFLOAD_SUPPORTED : NDIS_OFFLOAD_NOT_SUPPORTED;
    capabilities->SupportIPv6ExtensionHeaders = NDIS_OFFLOAD_NOT_SUPPORTED;
    capabilities->SupportSack = toe ? NDIS_OFFLOAD_SUPPORTED : NDIS_OFFLOAD_NOT_SUPPORTED;
    capabilities->TcpConnectionOffloadCapacity = toe ? adapter->settings.toe_connections : 0;
}

void
vnic_toe_indicate(struct vnic_adapter *adapter, NDIS_STATUS status)
{
    NDIS_TCP_CONNECTION_OFFLOAD capabilities;
    NDIS_STATUS_INDICATION indication = {
        .Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1, NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
        .SourceHandle = adapter->ndis,
        .StatusCode = status};
    if (status == NDIS_STATUS_OFFLOAD_RESUME) {
        vnic_toe_capabilities(adapter, FALSE, &capabilities);
        indication.StatusBuffer = &capabilities;
        indication.StatusBufferSize = sizeof capabilities;
    }
    NdisMIndicateStatusEx(adapter->ndis, &indication);
}

// ---- switching

static BOOLEAN
switch_is_good(UCHAR wanted)
{
    return wanted <= NDIS_OFFLOAD_PARAMETERS_CONNECTION_OFFLOAD_ENABLED;
}

NDIS_STATUS
vnic_toe_switch(struct vnic_adapter *adapter, UCHAR ip4, UCHAR ip6)
{
    struct vnic_toe *toe = adapter->toe;
    const UCHAR wanted[2] = {ip4, ip6};
    KIRQL irql;
    if (!switch_is_good(ip4) || !switch_is_good(ip6))
        return NDIS_STATUS_INVALID_PARAMETER;
    if (!toe) {
        BOOLEAN on = ip4 == NDIS_OFFLOAD_PARAMETERS_CONNECTION_OFFLOAD_ENABLED || ip6 == NDIS_OFFLOAD_PARAMETERS_CONNECTION_OFFLOAD_ENABLED;
        return on ? NDIS_STATUS_NOT_SUPPORTED : NDIS_STATUS_SUCCESS;
    }
    BOOLEAN has_changed = FALSE, is_less = FALSE;
    KeAcquireSpinLock(&toe->lock, &irql);
    for (ULONG i = 0; i < 2; i++) {
        if (wanted[i] == NDIS_OFFLOAD_PARAMETERS_NO_CHANGE)
            continue;
        BOOLEAN on = wanted[i] == NDIS_OFFLOAD_PARAMETERS_CONNECTION_OFFLOAD_ENABLED;
        has_changed |= on != toe->is_on[i];
        is_less |= !on && toe->is_on[i];
        toe->is_on[i] = on;
    }
    BOOLEAN has_connections = toe->connections != 0;
    KeReleaseSpinLock(&toe->lock, irql);
    if (!has_changed)
        return NDIS_STATUS_SUCCESS;
    // Other capabilities are told by a pause and a resume [network/ns-ntddndis-_ndis_tcp_connection_offload].
    vnic_toe_indicate(adapter, NDIS_STATUS_OFFLOAD_PAUSE);
    if (is_less && has_connections)
        vnic_toe_indicate(adapter, NDIS_STATUS_UPLOAD_ALL);
    vnic_toe_indicate(adapter, NDIS_STATUS_OFFLOAD_RESUME);
    return NDIS_STATUS_SUCCESS;
}

// ---- parameters

NDIS_STATUS
vnic_toe_parameters(struct vnic_adapter *adapter, const void *data, ULONG bytes)
{
    struct vnic_toe *toe = adapter->toe;
    NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS told;
    struct toe_call call;
    if (!toe)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (bytes < sizeof told)
        return NDIS_STATUS_INVALID_LENGTH;
    memcpy(&told, data, sizeof told);
    // [wdd network/overview-of-tcp-timers]: one of three granularities.
    if ((told.TicksPerSecond != 10 && told.TicksPerSecond != 100 && told.TicksPerSecond != 1000) || !told.TcpAckFrequency ||
        !told.TcpDuplicateAckThreshold)
        return NDIS_STATUS_INVALID_PARAMETER;
    toe_enter(toe, &call);
    struct tcp_params params = toe->params;
    params.ticks_per_second = told.TicksPerSecond;
    params.ack_frequency = told.TcpAckFrequency;
    params.delayed_ack_ticks = told.TcpDelayedAckTicks;
    params.max_retransmissions = told.TcpMaximumRetransmissions;
    params.doubt_retransmissions = told.TcpDoubtReachabilityRetransmissions;
    params.sws_ticks = told.TcpSwsPreventionTicks;
    params.dup_ack_threshold = told.TcpDuplicateAckThreshold;
    params.push_ticks = told.TcpPushTicks;
    params.nce_stale_ticks = told.NceStaleTicks;
    // What is counted in ticks must not change its unit under a connection.
    BOOLEAN unit_changes = toe->connections && params.ticks_per_second != toe->params.ticks_per_second;
    BOOLEAN good = !unit_changes && !tcp_set_params(toe->tcp, &params);
    if (good) {
        toe->params = params;
        toe->told = told;
    }
    toe_leave(toe, &call);
    return good ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_PARAMETER;
}

// ---- statistics

static ULONG
established(const struct vnic_toe *toe, ULONG family)
{
    ULONG count = 0;
    for (LIST_ENTRY *entry = toe->all.Flink; entry != &toe->all; entry = entry->Flink) {
        const struct toe_connection *c = CONTAINING_RECORD(entry, struct toe_connection, all_link);
        struct tcp_info info;
        if (!c->tcp || toe_family(&c->path->local) != family)
            continue;
        tcp_info(c->tcp, &info);
        count += info.state == TCP_ESTABLISHED || info.state == TCP_CLOSE_WAIT;   // [RFC 2012 tcpCurrEstab]
    }
    return count;
}

BOOLEAN
vnic_toe_statistics(struct vnic_adapter *adapter, NDIS_OID oid, void *data, ULONG *bytes)
{
    struct vnic_toe *toe = adapter->toe;
    BOOLEAN is_ip = oid == OID_IP4_OFFLOAD_STATS || oid == OID_IP6_OFFLOAD_STATS;
    ULONG family = oid == OID_IP6_OFFLOAD_STATS || oid == OID_TCP6_OFFLOAD_STATS;
    KIRQL irql;
    if (!toe || (!is_ip && oid != OID_TCP4_OFFLOAD_STATS && oid != OID_TCP6_OFFLOAD_STATS))
        return FALSE;
    KeAcquireSpinLock(&toe->lock, &irql);
    toe->counts[family].tcp.CurrentlyEstablished = established(toe, family);
    if (is_ip)
        memcpy(data, &toe->counts[family].ip, *bytes = sizeof(IP_OFFLOAD_STATS));
    else
        memcpy(data, &toe->counts[family].tcp, *bytes = sizeof(TCP_OFFLOAD_STATS));
    KeReleaseSpinLock(&toe->lock, irql);
    return TRUE;
}

BOOLEAN
vnic_toe_statistics_reset(struct vnic_adapter *adapter, NDIS_OID oid)
{
    struct vnic_toe *toe = adapter->toe;
    KIRQL irql;
    if (!toe)
        return FALSE;
    KeAcquireSpinLock(&toe->lock, &irql);
    switch (oid) {
    case OID_IP4_OFFLOAD_STATS: NdisZeroMemory(&toe->counts[0].ip, sizeof toe->counts[0].ip); break;
    case OID_IP6_OFFLOAD_STATS: NdisZeroMemory(&toe->counts[1].ip, sizeof toe->counts[1].ip); break;
    case OID_TCP4_OFFLOAD_STATS: NdisZeroMemory(&toe->counts[0].tcp, sizeof toe->counts[0].tcp); break;
    default: NdisZeroMemory(&toe->counts[1].tcp, sizeof toe->counts[1].tcp); break;
    }
    KeReleaseSpinLock(&toe->lock, irql);
    return TRUE;
}
