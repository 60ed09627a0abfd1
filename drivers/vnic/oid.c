// SPDX-License-Identifier: MIT
// OID requests: what NDIS does not answer for a miniport by itself from its attributes.
//   query: identity, buffers, statistics, interrupt moderation      set: packet filter, multicast list, lookahead, link, offloads, RSS
// Every request is answered on the spot, so nothing can be cancelled. What is not here is NDIS_STATUS_NOT_SUPPORTED.
// [network/oid-requests-for-an-adapter, network/ndis-general-statistics-oids]
#include "vnic.h"

const NDIS_OID vnic_oids[] = {
    OID_GEN_SUPPORTED_LIST,
    OID_GEN_HARDWARE_STATUS,
    OID_GEN_TRANSMIT_BUFFER_SPACE,
    OID_GEN_RECEIVE_BUFFER_SPACE,
    OID_GEN_TRANSMIT_BLOCK_SIZE,
    OID_GEN_RECEIVE_BLOCK_SIZE,
    OID_GEN_VENDOR_ID,
    OID_GEN_VENDOR_DESCRIPTION,
    OID_GEN_VENDOR_DRIVER_VERSION,
    OID_GEN_CURRENT_PACKET_FILTER,
    OID_GEN_CURRENT_LOOKAHEAD,
    OID_GEN_INTERRUPT_MODERATION,
    OID_GEN_LINK_PARAMETERS,
    OID_GEN_STATISTICS,
    OID_GEN_XMIT_OK,
    OID_GEN_RCV_OK,
    OID_GEN_XMIT_ERROR,
    OID_GEN_RCV_ERROR,
    OID_GEN_RCV_NO_BUFFER,
    OID_GEN_DIRECTED_BYTES_XMIT,
    OID_GEN_DIRECTED_FRAMES_XMIT,
    OID_GEN_MULTICAST_BYTES_XMIT,
    OID_GEN_MULTICAST_FRAMES_XMIT,
    OID_GEN_BROADCAST_BYTES_XMIT,
    OID_GEN_BROADCAST_FRAMES_XMIT,
    OID_GEN_DIRECTED_BYTES_RCV,
    OID_GEN_DIRECTED_FRAMES_RCV,
    OID_GEN_MULTICAST_BYTES_RCV,
    OID_GEN_MULTICAST_FRAMES_RCV,
    OID_GEN_BROADCAST_BYTES_RCV,
    OID_GEN_BROADCAST_FRAMES_RCV,
    OID_GEN_TRANSMIT_QUEUE_LENGTH,
    OID_GEN_BYTES_RCV,
    OID_GEN_BYTES_XMIT,
    OID_GEN_RCV_DISCARDS,
    OID_GEN_XMIT_DISCARDS,
    OID_802_3_MULTICAST_LIST,
    OID_TCP_OFFLOAD_PARAMETERS,
    OID_OFFLOAD_ENCAPSULATION,
    OID_TCP_RSC_STATISTICS,
    OID_GEN_RECEIVE_SCALE_CAPABILITIES,
    OID_GEN_RECEIVE_SCALE_PARAMETERS,
    OID_GEN_RECEIVE_HASH,
    OID_TCP_CONNECTION_OFFLOAD_PARAMETERS,
    OID_TCP4_OFFLOAD_STATS,
    OID_TCP6_OFFLOAD_STATS,
    OID_IP4_OFFLOAD_STATS,
    OID_IP6_OFFLOAD_STATS,
    OID_NDK_SET_STATE,
    OID_NDK_STATISTICS,
    OID_NDK_CONNECTIONS,
    OID_NDK_LOCAL_ENDPOINTS,
};
const ULONG vnic_oids_bytes = sizeof vnic_oids;

struct vnic_snapshot {                        // both sides' counters at one moment each
    struct vnic_counters tx, rx;
    struct vnic_rsc rsc;
    ULONG queued_nbls;
};

static void
oid_snapshot(struct vnic_adapter *adapter, struct vnic_snapshot *snapshot)
{
    KIRQL old;
    KeAcquireSpinLock(&adapter->tx.lock, &old);
    snapshot->tx = adapter->tx.counters;
    snapshot->queued_nbls = adapter->tx.out;
    KeReleaseSpinLock(&adapter->tx.lock, old);
    KeAcquireSpinLock(&adapter->rx.lock, &old);
    snapshot->rx = adapter->rx.counters;
    snapshot->rsc = adapter->rx.rsc;
    KeReleaseSpinLock(&adapter->rx.lock, old);
}

static ULONG64
oid_sum(const ULONG64 counters[VNIC_CASTS])
{
    return counters[VNIC_UNICAST] + counters[VNIC_MULTICAST] + counters[VNIC_BROADCAST];
}

// ---- queries --------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
oid_reply(NDIS_OID_REQUEST *request, const void *data, ULONG bytes)
{
    struct _QUERY *query = &request->DATA.QUERY_INFORMATION;
    query->BytesWritten = 0;
    query->BytesNeeded = bytes;
    if (query->InformationBufferLength < bytes)
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    memcpy(query->InformationBuffer, data, bytes);
    query->BytesWritten = bytes;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
oid_reply_ulong(NDIS_OID_REQUEST *request, ULONG value)
{
    return oid_reply(request, &value, sizeof value);
}

// A counter may be asked for in 32 or in 64 bits; the short form is marked as too short for the next time
// [network/ndis-general-statistics-oids].
static NDIS_STATUS
oid_reply_counter(NDIS_OID_REQUEST *request, ULONG64 value)
{
    struct _QUERY *query = &request->DATA.QUERY_INFORMATION;
    if (query->InformationBufferLength >= sizeof value || query->InformationBufferLength < sizeof(ULONG))
        return oid_reply(request, &value, sizeof value);
    NDIS_STATUS status = oid_reply_ulong(request, (ULONG)value);
    query->BytesNeeded = sizeof value;
    return status;
}

static NDIS_STATUS
oid_statistics(struct vnic_adapter *adapter, NDIS_OID_REQUEST *request)
{
    struct vnic_snapshot now;
    oid_snapshot(adapter, &now);
    NDIS_STATISTICS_INFO info = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_STATISTICS_INFO_REVISION_1, NDIS_SIZEOF_STATISTICS_INFO_REVISION_1},
        .SupportedStatistics =
            NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_RCV | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_RCV |
            NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_RCV | NDIS_STATISTICS_FLAGS_VALID_BYTES_RCV |
            NDIS_STATISTICS_FLAGS_VALID_RCV_DISCARDS | NDIS_STATISTICS_FLAGS_VALID_RCV_ERROR |
            NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_XMIT | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_XMIT |
            NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_XMIT | NDIS_STATISTICS_FLAGS_VALID_BYTES_XMIT |
            NDIS_STATISTICS_FLAGS_VALID_XMIT_ERROR | NDIS_STATISTICS_FLAGS_VALID_XMIT_DISCARDS |
            NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_RCV | NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_RCV |
            NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_RCV | NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_XMIT |
            NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_XMIT | NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_XMIT,
        .ifInDiscards = now.rx.discards,
        .ifInErrors = now.rx.errors,
        .ifHCInOctets = oid_sum(now.rx.bytes),
        .ifHCInUcastPkts = now.rx.frames[VNIC_UNICAST],
        .ifHCInMulticastPkts = now.rx.frames[VNIC_MULTICAST],
        .ifHCInBroadcastPkts = now.rx.frames[VNIC_BROADCAST],
        .ifHCOutOctets = oid_sum(now.tx.bytes),
        .ifHCOutUcastPkts = now.tx.frames[VNIC_UNICAST],
        .ifHCOutMulticastPkts = now.tx.frames[VNIC_MULTICAST],
        .ifHCOutBroadcastPkts = now.tx.frames[VNIC_BROADCAST],
        .ifOutErrors = now.tx.errors,
        .ifOutDiscards = now.tx.discards,
        .ifHCInUcastOctets = now.rx.bytes[VNIC_UNICAST],
        .ifHCInMulticastOctets = now.rx.bytes[VNIC_MULTICAST],
        .ifHCInBroadcastOctets = now.rx.bytes[VNIC_BROADCAST],
        .ifHCOutUcastOctets = now.tx.bytes[VNIC_UNICAST],
        .ifHCOutMulticastOctets = now.tx.bytes[VNIC_MULTICAST],
        .ifHCOutBroadcastOctets = now.tx.bytes[VNIC_BROADCAST]};
    return oid_reply(request, &info, sizeof info);
}

static NDIS_STATUS
oid_rsc_statistics(struct vnic_adapter *adapter, NDIS_OID_REQUEST *request)
{
    struct vnic_snapshot now;
    oid_snapshot(adapter, &now);
    NDIS_RSC_STATISTICS_INFO info = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_RSC_STATISTICS_REVISION_1, NDIS_SIZEOF_RSC_STATISTICS_REVISION_1},
        .CoalescedPkts = now.rsc.segments,
        .CoalescedOctets = now.rsc.bytes,
        .CoalesceEvents = now.rsc.events};
    return oid_reply(request, &info, sizeof info);
}

// One counter by its OID. *known is FALSE for what is none.
static ULONG64
oid_counter(const struct vnic_snapshot *now, NDIS_OID oid, BOOLEAN *known)
{
    switch (oid) {
    case OID_GEN_XMIT_OK: return oid_sum(now->tx.frames);
    case OID_GEN_RCV_OK: return oid_sum(now->rx.frames);
    case OID_GEN_XMIT_ERROR: return now->tx.errors;
    case OID_GEN_RCV_ERROR: return now->rx.errors;
    case OID_GEN_RCV_NO_BUFFER: return now->rx.no_buffer;
    case OID_GEN_DIRECTED_BYTES_XMIT: return now->tx.bytes[VNIC_UNICAST];
    case OID_GEN_DIRECTED_FRAMES_XMIT: return now->tx.frames[VNIC_UNICAST];
    case OID_GEN_MULTICAST_BYTES_XMIT: return now->tx.bytes[VNIC_MULTICAST];
    case OID_GEN_MULTICAST_FRAMES_XMIT: return now->tx.frames[VNIC_MULTICAST];
    case OID_GEN_BROADCAST_BYTES_XMIT: return now->tx.bytes[VNIC_BROADCAST];
    case OID_GEN_BROADCAST_FRAMES_XMIT: return now->tx.frames[VNIC_BROADCAST];
    case OID_GEN_DIRECTED_BYTES_RCV: return now->rx.bytes[VNIC_UNICAST];
    case OID_GEN_DIRECTED_FRAMES_RCV: return now->rx.frames[VNIC_UNICAST];
    case OID_GEN_MULTICAST_BYTES_RCV: return now->rx.bytes[VNIC_MULTICAST];
    case OID_GEN_MULTICAST_FRAMES_RCV: return now->rx.frames[VNIC_MULTICAST];
    case OID_GEN_BROADCAST_BYTES_RCV: return now->rx.bytes[VNIC_BROADCAST];
    case OID_GEN_BROADCAST_FRAMES_RCV: return now->rx.frames[VNIC_BROADCAST];
    case OID_GEN_TRANSMIT_QUEUE_LENGTH: return now->queued_nbls;
    case OID_GEN_BYTES_RCV: return oid_sum(now->rx.bytes);
    case OID_GEN_BYTES_XMIT: return oid_sum(now->tx.bytes);
    case OID_GEN_RCV_DISCARDS: return now->rx.discards;
    case OID_GEN_XMIT_DISCARDS: return now->tx.discards;
    default: *known = FALSE; return 0;
    }
}

static NDIS_STATUS
oid_query_counter(struct vnic_adapter *adapter, NDIS_OID_REQUEST *request)
{
    struct vnic_snapshot now;
    BOOLEAN known = TRUE;
    oid_snapshot(adapter, &now);
    ULONG64 value = oid_counter(&now, request->DATA.QUERY_INFORMATION.Oid, &known);
    return known ? oid_reply_counter(request, value) : NDIS_STATUS_NOT_SUPPORTED;
}

static NDIS_STATUS
oid_query_moderation(NDIS_OID_REQUEST *request)
{
    NDIS_INTERRUPT_MODERATION_PARAMETERS parameters = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1},
        .InterruptModeration = NdisInterruptModerationNotSupported};
    return oid_reply(request, &parameters, sizeof parameters);
}

// Of offloaded connections [network/oid-tcp4-offload-stats].
static NDIS_STATUS
oid_toe_statistics(struct vnic_adapter *adapter, NDIS_OID_REQUEST *request)
{
    union {
        IP_OFFLOAD_STATS ip;
        TCP_OFFLOAD_STATS tcp;
    } stats;
    ULONG bytes;
    if (!vnic_toe_statistics(adapter, request->DATA.QUERY_INFORMATION.Oid, &stats, &bytes))
        return NDIS_STATUS_NOT_SUPPORTED;
    return oid_reply(request, &stats, bytes);
}

static NDIS_STATUS
oid_query(struct vnic_adapter *adapter, NDIS_OID_REQUEST *request)
{
    static const char description[] = "ndisbox virtual Ethernet adapter";
    const struct vnic_settings *settings = &adapter->settings;
    switch (request->DATA.QUERY_INFORMATION.Oid) {
    case OID_GEN_HARDWARE_STATUS:
        return oid_reply_ulong(request, NdisHardwareStatusReady);
    case OID_GEN_TRANSMIT_BUFFER_SPACE:
        return oid_reply_ulong(request, settings->max_frame_bytes * settings->transmit_buffers);
    case OID_GEN_RECEIVE_BUFFER_SPACE:
        return oid_reply_ulong(request, adapter->rx.buffer_bytes * adapter->rx.count);
    case OID_GEN_TRANSMIT_BLOCK_SIZE:
        return oid_reply_ulong(request, settings->max_frame_bytes);
    case OID_GEN_RECEIVE_BLOCK_SIZE:
        return oid_reply_ulong(request, adapter->rx.buffer_bytes);
    case OID_GEN_VENDOR_ID:                   // three bytes of the address, and which of its vendor's adapters it is
        return oid_reply_ulong(request, 1u << 24 | (ULONG)adapter->mac[2] << 16 | (ULONG)adapter->mac[1] << 8 | adapter->mac[0]);
    case OID_GEN_VENDOR_DESCRIPTION:
        return oid_reply(request, description, sizeof description);
    case OID_GEN_VENDOR_DRIVER_VERSION:
        return oid_reply_ulong(request, 0x00010000);
    case OID_GEN_INTERRUPT_MODERATION:
        return oid_query_moderation(request);
    case OID_GEN_STATISTICS:
        return oid_statistics(adapter, request);
    case OID_TCP_RSC_STATISTICS:
        return oid_rsc_statistics(adapter, request);
    case OID_TCP4_OFFLOAD_STATS:
    case OID_TCP6_OFFLOAD_STATS:
    case OID_IP4_OFFLOAD_STATS:
    case OID_IP6_OFFLOAD_STATS:
        return oid_toe_statistics(adapter, request);
    case OID_NDK_STATISTICS:
    case OID_NDK_CONNECTIONS:
    case OID_NDK_LOCAL_ENDPOINTS:
        return vnic_rdma_query(adapter, request);
    default:
        return oid_query_counter(adapter, request);
    }
}

// ---- sets -----------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
oid_set_filter(struct vnic_adapter *adapter, const void *data, ULONG bytes)
{
    struct vnic_rx *rx = &adapter->rx;
    ULONG flags;
    KIRQL old;
    if (bytes < sizeof flags)
        return NDIS_STATUS_INVALID_LENGTH;
    memcpy(&flags, data, sizeof flags);
    if (flags & ~(ULONG)VNIC_PACKET_FILTERS)
        return NDIS_STATUS_NOT_SUPPORTED;
    KeAcquireSpinLock(&rx->lock, &old);
    rx->mode.packet_filter = flags;
    rx->mode_changed = TRUE;
    KeReleaseSpinLock(&rx->lock, old);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
oid_set_multicast(struct vnic_adapter *adapter, const void *data, ULONG bytes)
{
    struct vnic_rx *rx = &adapter->rx;
    KIRQL old;
    if (bytes % VNIC_MAC_BYTES)
        return NDIS_STATUS_INVALID_LENGTH;
    if (bytes / VNIC_MAC_BYTES > VNIC_MULTICAST_MAX)
        return NDIS_STATUS_MULTICAST_FULL;
    KeAcquireSpinLock(&rx->lock, &old);
    rx->mode.multicast_count = bytes / VNIC_MAC_BYTES;
    if (bytes)
        memcpy(rx->mode.multicast, data, bytes);
    rx->mode_changed = TRUE;
    KeReleaseSpinLock(&rx->lock, old);
    return NDIS_STATUS_SUCCESS;
}

// The link is what the port's other end makes it: only "as it is" and "negotiate" can be had.
static NDIS_STATUS
oid_set_link(struct vnic_adapter *adapter, const void *data, ULONG bytes)
{
    NDIS_LINK_PARAMETERS link;
    if (bytes < NDIS_SIZEOF_LINK_PARAMETERS_REVISION_1)
        return NDIS_STATUS_INVALID_LENGTH;
    memcpy(&link, data, NDIS_SIZEOF_LINK_PARAMETERS_REVISION_1);
    ULONG automatic = NDIS_LINK_STATE_XMIT_LINK_SPEED_AUTO_NEGOTIATED | NDIS_LINK_STATE_RCV_LINK_SPEED_AUTO_NEGOTIATED;
    if ((link.AutoNegotiationFlags & automatic) == automatic)
        return NDIS_STATUS_SUCCESS;
    return link.XmitLinkSpeed == adapter->link_bits && link.RcvLinkSpeed == adapter->link_bits ? NDIS_STATUS_SUCCESS
                                                                                               : NDIS_STATUS_NOT_SUPPORTED;
}

static NDIS_STATUS
oid_set(struct vnic_adapter *adapter, NDIS_OID_REQUEST *request)
{
    struct _SET *set = &request->DATA.SET_INFORMATION;
    const void *data = set->InformationBuffer;
    ULONG bytes = set->InformationBufferLength;
    NDIS_STATUS status = NDIS_STATUS_NOT_SUPPORTED;
    set->BytesRead = set->BytesNeeded = 0;
    switch (set->Oid) {
    case OID_GEN_CURRENT_PACKET_FILTER:
        status = oid_set_filter(adapter, data, bytes);
        break;
    case OID_802_3_MULTICAST_LIST:
        status = oid_set_multicast(adapter, data, bytes);
        break;
    case OID_GEN_CURRENT_LOOKAHEAD:           // whole frames are always indicated
        status = bytes < sizeof(ULONG) ? NDIS_STATUS_INVALID_LENGTH : NDIS_STATUS_SUCCESS;
        break;
    case OID_GEN_LINK_PARAMETERS:
        status = oid_set_link(adapter, data, bytes);
        break;
    case OID_TCP_OFFLOAD_PARAMETERS:
        status = vnic_offload_set(adapter, data, bytes);
        break;
    case OID_OFFLOAD_ENCAPSULATION:
        status = vnic_offload_encapsulation(adapter, data, bytes);
        break;
    case OID_GEN_RECEIVE_SCALE_PARAMETERS:
        status = vnic_rss_set(adapter, data, bytes);
        break;
    case OID_GEN_RECEIVE_HASH:
        status = vnic_hash_set(adapter, data, bytes);
        break;
    case OID_TCP_CONNECTION_OFFLOAD_PARAMETERS:
        status = vnic_toe_parameters(adapter, data, bytes);
        break;
    case OID_NDK_SET_STATE:
        status = vnic_rdma_set_state(adapter, data, bytes);
        break;
    case OID_TCP4_OFFLOAD_STATS:              // a set, of whatever, begins to count anew
    case OID_TCP6_OFFLOAD_STATS:
    case OID_IP4_OFFLOAD_STATS:
    case OID_IP6_OFFLOAD_STATS:
        if (vnic_toe_statistics_reset(adapter, set->Oid))
            status = NDIS_STATUS_SUCCESS;
        break;
    }
    if (status == NDIS_STATUS_SUCCESS)
        set->BytesRead = bytes;
    return status;
}

NDIS_STATUS
vnic_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    switch (request->RequestType) {
    case NdisRequestQueryInformation:
    case NdisRequestQueryStatistics:
        return oid_query(context, request);
    case NdisRequestSetInformation:
        return oid_set(context, request);
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

VOID
vnic_cancel_oid(NDIS_HANDLE context, PVOID request_id)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(request_id);
}

// ---- direct requests ----------------------------------------------------------------------------------------------------------------

// At the caller's IRQL and beside other requests. Statistics of RDMA can be had so [network/oid-ndk-statistics].
NDIS_STATUS
vnic_direct_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    BOOLEAN is_query = request->RequestType == NdisRequestQueryInformation || request->RequestType == NdisRequestQueryStatistics;
    if (!is_query || request->DATA.QUERY_INFORMATION.Oid != OID_NDK_STATISTICS)
        return NDIS_STATUS_NOT_SUPPORTED;
    return vnic_rdma_query(context, request);
}

// None pends.
VOID
vnic_cancel_direct_oid(NDIS_HANDLE context, PVOID request_id)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(request_id);
}
