// SPDX-License-Identifier: MIT
// Received lists up into the engines.
//   NDIS -> tcpip_receive: one lock for the list; each frame described where it lies -> net_input -> tcpip_result_take -> tcp_input ...
//        -> lists that nothing holds go back to NDIS in one call when the lock has been dropped
// Who keeps a received buffer, and how long: TCP keeps bytes that are next in order until its client has had them, by holding the list's
// owner (the list's ProtocolReserved). All else that waits (fragments, bytes out of order) is copied by the engines, so that a peer
// cannot keep an adapter's buffers from it; and a list that came with NDIS_RECEIVE_FLAGS_RESOURCES has no owner at all.
#include "chimney.h"

// A received list that somebody may hold, in its ProtocolReserved.
struct rx_owner {
    struct eng_owner owner;
    struct tcpip_adapter *adapter;
};
C_ASSERT(sizeof(struct rx_owner) <= sizeof(((NET_BUFFER_LIST *)NULL)->ProtocolReserved));

// The last hold is gone: the list goes back when the lock is dropped.   locks: host->lock held
static void
rx_release(struct eng_owner *owner)
{
    struct rx_owner *held = CONTAINING_RECORD(owner, struct rx_owner, owner);
    NET_BUFFER_LIST *nbl = CONTAINING_RECORD((PVOID *)held, NET_BUFFER_LIST, ProtocolReserved[0]);
    struct tcpip_adapter *adapter = held->adapter;
    NET_BUFFER_LIST_NEXT_NBL(nbl) = adapter->to_return;
    adapter->to_return = nbl;
    tcpip_adapter_queue(adapter);
}

// ---- one frame ------------------------------------------------------------------------------------------------------------------

// The stretches of a frame. Returns how many; 0: more than there is room for, or an MDL without an address.
static ULONG
rx_spans(const NET_BUFFER *nb, struct eng_span *spans, ULONG room)
{
    ULONG left = NET_BUFFER_DATA_LENGTH(nb), offset = NET_BUFFER_CURRENT_MDL_OFFSET(nb), count = 0;
    for (MDL *mdl = NET_BUFFER_CURRENT_MDL(nb); left && mdl; mdl = mdl->Next, offset = 0) {
        UCHAR *bytes = MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority);
        ULONG here = MmGetMdlByteCount(mdl) - offset < left ? MmGetMdlByteCount(mdl) - offset : left;
        if (count == room || !bytes)
            return 0;
        if (here)
            spans[count++] = (struct eng_span){.bytes = bytes + offset, .count = here, .offset = offset, .tag = mdl};
        left -= here;
    }
    return left ? 0 : count;
}

// What the adapter says beside the data.
static VOID
rx_information(NET_BUFFER_LIST *nbl, struct eng_in *frame)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO sum = {.Value = NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo)};
    NDIS_NET_BUFFER_LIST_8021Q_INFO tag = {.Value = NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo)};
    if (sum.Receive.IpChecksumSucceeded)
        frame->flags |= ENG_IN_IP_SUM_GOOD;
    if (sum.Receive.TcpChecksumSucceeded || sum.Receive.UdpChecksumSucceeded)
        frame->flags |= ENG_IN_L4_SUM_GOOD;
    frame->vlan = (uint16_t)tag.TagHeader.VlanId;
    frame->coalesced = (uint16_t)NET_BUFFER_LIST_COALESCED_SEG_COUNT(nbl);
}

static VOID
rx_frame(struct tcpip_call *call, struct tcpip_adapter *adapter, NET_BUFFER_LIST *nbl, NET_BUFFER *nb, struct eng_owner *owner)
{
    struct eng_span spans[TCPIP_FRAME_SPANS];
    struct net_result result;
    struct eng_in frame = {.spans = spans, .length_bytes = NET_BUFFER_DATA_LENGTH(nb), .interface_index = adapter->index};
    UCHAR *together = NULL;
    frame.n_spans = (uint16_t)rx_spans(nb, spans, TCPIP_FRAME_SPANS);
    if (!frame.n_spans && frame.length_bytes) {
        // In more pieces than we look at: once copied it is one, which the engines copy again if they keep it.
        together = tcpip_alloc(frame.length_bytes);
        UCHAR *bytes = together ? NdisGetDataBuffer(nb, frame.length_bytes, together, 1, 0) : NULL;
        if (!bytes) {
            tcpip_free(together);
            adapter->in_dropped++;
            return;
        }
        spans[0] = (struct eng_span){.bytes = bytes, .count = frame.length_bytes};
        frame.n_spans = 1;
        owner = NULL;
    }
    rx_information(nbl, &frame);
    if (frame.length_bytes)
        tcpip_traffic_count(&adapter->in, spans[0].bytes[0], frame.length_bytes);
    net_input(tcpip_host.net, &frame, call->now_us, &call->outbox, &result);
    tcpip_result_take(call, &result, spans, owner);
    net_result_done(&result);
    tcpip_free(together);
}

// ---- from the IP engine to the transports ---------------------------------------------------------------------------------------

static VOID
rx_tcp(struct tcpip_call *call, struct eng_in *in, struct eng_span *spans, struct eng_owner *owner)
{
    // Only now do the bytes get an owner: what the IP engine keeps of a frame it copies.
    if (in->spans == spans) {
        for (ULONG i = 0; i < in->n_spans; i++)
            spans[i].owner = owner;
        in->flags |= ENG_IN_SCARCE;
    }
    if (tcpip_held_take(call, in))
        return;
    tcp_input(tcpip_host.tcp, in, call->now_us, &call->segments);
}

VOID
tcpip_error_take(struct tcpip_call *call, const struct net_error *error)
{
    static const UCHAR kinds[] = {
        [NET_ERROR_NETWORK] = TCP_ICMP_UNREACHABLE, [NET_ERROR_HOST] = TCP_ICMP_UNREACHABLE, [NET_ERROR_PROTOCOL] = TCP_ICMP_REFUSED,
        [NET_ERROR_PORT] = TCP_ICMP_REFUSED,        [NET_ERROR_PROHIBITED] = TCP_ICMP_REFUSED, [NET_ERROR_TOO_BIG] = TCP_ICMP_TOO_BIG,
        [NET_ERROR_TIME] = TCP_ICMP_TTL,            [NET_ERROR_PARAMETER] = TCP_ICMP_PARAMETER,
    };
    if (error->protocol == NET_TCP && error->upper_bytes >= 8) {
        struct tcp_icmp icmp = {.kind = kinds[error->kind], .local = error->local, .remote = error->remote, .mtu_bytes = error->mtu_bytes};
        memcpy(icmp.header, error->upper, sizeof icmp.header);
        // An MTU is believed once TCP has found the segment among those that are out.
        if (tcp_icmp(tcpip_host.tcp, &icmp, call->now_us, &call->segments))
            net_error_accept(tcpip_host.net, error, call->now_us);
        else
            tcpip_chimney_error(error);
    } else if (error->protocol == NET_UDP) {
        tcpip_udp_error(error);
    } else {
        tcpip_raw_error(error);
    }
}

VOID
tcpip_result_take(struct tcpip_call *call, struct net_result *result, struct eng_span *spans, struct eng_owner *owner)
{
    switch (result->verdict) {
    case NET_FOR_TCP: rx_tcp(call, &result->in, spans, owner); break;
    case NET_FOR_UDP: tcpip_udp_take(call, result); break;
    case NET_FOR_ERROR: tcpip_error_take(call, &result->error); break;
    default: break;
    }
    if (result->verdict == NET_FOR_RAW || result->is_raw_too)
        tcpip_raw_take(call, result);
}

// ---- lists ----------------------------------------------------------------------------------------------------------------------

VOID
tcpip_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct tcpip_adapter *adapter = context;
    struct tcpip_call call;
    UNREFERENCED_PARAMETER(port);
    UNREFERENCED_PARAMETER(count);
    tcpip_enter(&call);
    tcp_batch_begin(tcpip_host.tcp); // one acknowledgement for all that came together
    for (NET_BUFFER_LIST *nbl = nbls, *next; nbl; nbl = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        struct rx_owner *held = (struct rx_owner *)&nbl->ProtocolReserved[0];
        BOOLEAN may_keep = !(flags & NDIS_RECEIVE_FLAGS_RESOURCES);
        if (may_keep)
            *held = (struct rx_owner){.owner = {.holds = 1, .on_release = rx_release}, .adapter = adapter};
        for (NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl); nb; nb = NET_BUFFER_NEXT_NB(nb))
            rx_frame(&call, adapter, nbl, nb, may_keep ? &held->owner : NULL);
        if (may_keep)
            eng_drop(&held->owner);
    }
    tcp_batch_end(tcpip_host.tcp, call.now_us, &call.segments);
    tcpip_leave(&call);
}
