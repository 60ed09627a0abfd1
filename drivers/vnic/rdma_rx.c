// SPDX-License-Identifier: MIT
// RDMA's frames out of what the port brought: segments of its connections (in TIME_WAIT, too) and segments to ports that it holds. All
// else goes on to the offload target and the host, as ever.
//   rx_indicate -> vnic_rdma_take -> keep.c -> frame_take: parse, whose is it, tcp_input
//   an ICMP error about a segment of ours (it quotes addresses, ports and a sequence number that is under way) is TCP's, not the host's
// A segment that came in pieces is lost: RDMA's TCP sets DF and so does its peer's. Its first piece, which has the ports, goes no further,
// so that the host cannot put it together and answer for us. The same goes for segments behind IPv4 options and IPv6 extension headers.
#include "rdma_net.h"

#include "frame.h"

#include "base/bytes.h"

struct rdma_look {
    struct rdma_net *net;
    struct rdma_call *call;
};

// ---- ICMP -------------------------------------------------------------------------------------------------------------------------

static enum tcp_icmp_kind
icmp4_kind(const UCHAR *icmp)
{
    switch (icmp[0]) {
    case 3:
        if (icmp[1] == 4)
            return TCP_ICMP_TOO_BIG;
        return icmp[1] == 2 || icmp[1] == 3 || icmp[1] == 9 || icmp[1] == 10 || icmp[1] == 13 ? TCP_ICMP_REFUSED : TCP_ICMP_UNREACHABLE;
    case 11: return TCP_ICMP_TTL;
    case 12: return TCP_ICMP_PARAMETER;
    default: return TCP_ICMP_NONE;
    }
}

static enum tcp_icmp_kind
icmp6_kind(const UCHAR *icmp)
{
    switch (icmp[0]) {
    case 1: return icmp[1] == 1 || icmp[1] == 4 ? TCP_ICMP_REFUSED : TCP_ICMP_UNREACHABLE;
    case 2: return TCP_ICMP_TOO_BIG;
    case 3: return TCP_ICMP_TTL;
    case 4: return TCP_ICMP_PARAMETER;
    default: return TCP_ICMP_NONE;
    }
}

// What an ICMP message of count bytes quotes. FALSE: no segment of ours can be in it.
static BOOLEAN
quote_parse(const UCHAR *icmp, ULONG count, BOOLEAN is_ip6, struct tcp_icmp *to)
{
    const UCHAR *ip = icmp + 8;
    ULONG head = is_ip6 ? 40 : 20;
    if (count < 8 + head)
        return FALSE;
    if (!is_ip6)
        head = (ip[0] & 15) * 4u;
    if (ip[0] >> 4 != (is_ip6 ? 6 : 4) || head < 20 || count < 8 + head + 8 || ip[is_ip6 ? 6 : 9] != FRAME_TCP)
        return FALSE;
    to->local = is_ip6 ? eng_address6(ip + 8) : eng_address4(ip + 12);
    to->remote = is_ip6 ? eng_address6(ip + 24) : eng_address4(ip + 16);
    memcpy(to->header, ip + head, 8);
    return TRUE;
}

// Where IP begins, behind a tag if there is one.
static ULONG
l3_at(const UCHAR *frame)
{
    return VNIC_HEADER_BYTES + (frame_get16(frame + 12) == 0x8100 ? VNIC_VLAN_BYTES : 0);
}

// TRUE: it was about a connection of ours.
static BOOLEAN
icmp_take(struct rdma_look *look, const UCHAR *frame, ULONG bytes)
{
    ULONG at = l3_at(frame), type = frame_get16(frame + at - 2), left = bytes - at, head;
    const UCHAR *ip = frame + at;
    struct tcp_icmp icmp = {0};
    BOOLEAN is_ip6 = type == 0x86DD;
    if (left < 48 || (is_ip6 ? ip[0] >> 4 != 6 || ip[6] != 58 : type != 0x0800 || ip[0] >> 4 != 4 || ip[9] != 1))
        return FALSE;
    head = is_ip6 ? 40 : (ip[0] & 15) * 4u;
    ULONG count = is_ip6 ? frame_get16(ip + 4) : frame_get16(ip + 2) - head;
    if (head < 20 || head + 8 > left || count > left - head || (!is_ip6 && frame_get16(ip + 6) & 0x3FFF))
        return FALSE;
    const UCHAR *message = ip + head;
    icmp.kind = is_ip6 ? icmp6_kind(message) : icmp4_kind(message);
    if (icmp.kind == TCP_ICMP_NONE || !quote_parse(message, count, is_ip6, &icmp))
        return FALSE;
    ULONG64 sum = 0;
    if (is_ip6) {                             // the pseudo-header
        UCHAR tail[8];
        bytes_store_be32(tail, count);
        bytes_store_be32(tail + 4, 58);
        sum = frame_sum(frame_sum(0, ip + 8, 32), tail, sizeof tail);
    }
    if (frame_fold(frame_sum(sum, message, count)) != 0xFFFF)
        return FALSE;
    icmp.mtu_bytes = icmp.kind != TCP_ICMP_TOO_BIG ? 0 : is_ip6 ? bytes_load_be32(message + 4) : frame_get16(message + 6);
    return tcp_icmp(look->net->tcp, &icmp, look->call->now_us, &look->call->outbox);
}

// ---- segments ---------------------------------------------------------------------------------------------------------------------

static BOOLEAN
is_ours(struct rdma_net *net, const struct eng_in *in, const UCHAR *frame)
{
    if (tcp_knows(net->tcp, in))
        return TRUE;
    return rdma_endpoint_find(net, &in->destination, (USHORT)frame_get16(frame + in->at_bytes + 2)) != NULL;
}

// The first piece of a segment of ours.
static BOOLEAN
is_our_piece(struct rdma_net *net, const UCHAR *frame, ULONG bytes, const struct eng_in *in)
{
    BOOLEAN is_first = !(frame_get16(frame + in->ip_at_bytes + 6) & 0x1FFF);
    return is_first && bytes >= in->at_bytes + 4 && is_ours(net, in, frame);
}

// Where TCP begins behind extension headers; 0: it does not.
static ULONG
ip6_tcp_at(const UCHAR *frame, ULONG bytes, ULONG ip_at)
{
    ULONG at = ip_at + 40;
    UCHAR next = frame[ip_at + 6];
    while ((next == 0 || next == 43 || next == 44 || next == 60) && at + 8 <= bytes) {
        const UCHAR *header = frame + at;
        if (next == 44 && frame_get16(header + 2) & 0xFFF8)
            return 0;                         // a later piece
        at += next == 44 ? 8 : (header[1] + 1u) * 8;
        next = header[0];
    }
    return next == FRAME_TCP && at > ip_at + 40 ? at : 0;
}

// A segment of ours behind options, extension headers or as the first piece in IPv6.
static BOOLEAN
is_our_oddity(struct rdma_net *net, const UCHAR *frame, ULONG bytes)
{
    struct eng_span span = {.bytes = frame, .count = bytes};
    struct eng_in in = {.spans = &span, .n_spans = 1, .length_bytes = 20};
    ULONG at = l3_at(frame), type = frame_get16(frame + at - 2);
    const UCHAR *ip = frame + at;
    if (type == 0x0800 && bytes >= at + 20 && ip[0] >> 4 == 4 && (ip[0] & 15) > 5 && ip[9] == FRAME_TCP &&
        !(frame_get16(ip + 6) & 0x1FFF)) {
        in.source = eng_address4(ip + 12);
        in.destination = eng_address4(ip + 16);
        in.at_bytes = at + (ip[0] & 15) * 4u;
    } else if (type == 0x86DD && bytes >= at + 40 && ip[0] >> 4 == 6) {
        in.source = eng_address6(ip + 8);
        in.destination = eng_address6(ip + 24);
        in.at_bytes = ip6_tcp_at(frame, bytes, at);
    }
    return in.at_bytes && bytes >= in.at_bytes + 4 && is_ours(net, &in, frame);
}

// Frames of the link: what the port has put together was several.
static VOID
frame_count(struct rdma_net *net, const struct port_slot *slot)
{
    NDIS_NDK_PERFORMANCE_COUNTERS *counts = &net->rdma->counts;
    ULONG head = slot->offload.header_bytes, each = slot->offload.gso != PORT_GSO_NONE ? slot->offload.gso_bytes : 0;
    ULONG frames = each && slot->bytes > head ? (slot->bytes - head + each - 1) / each : 1;
    counts->RDMAInFrames += frames;
    counts->RDMAInOctets += slot->bytes + (ULONG64)(frames - 1) * head;
}

static BOOLEAN
frame_take(void *context, const struct port_slot *slot, struct eng_owner *owner)
{
    struct rdma_look *look = context;
    struct rdma_net *net = look->net;
    const UCHAR *frame = slot->buffer;
    struct eng_span span = {.bytes = frame, .count = slot->bytes, .owner = owner};
    struct eng_in in = {.spans = &span, .n_spans = 1, .flags = ENG_IN_SCARCE};
    BOOLEAN is_fragment;
    if (slot->bytes < VNIC_HEADER_BYTES + 20 || memcmp(frame, net->rdma->adapter->mac, VNIC_MAC_BYTES))
        return FALSE;
    if (!vnic_segment_parse(frame, slot->bytes, &slot->offload, &in, &is_fragment))
        return icmp_take(look, frame, slot->bytes) || is_our_oddity(net, frame, slot->bytes);
    if (is_fragment)
        return is_our_piece(net, frame, slot->bytes, &in);
    // What the adapter says to itself never comes from the link: a liar.
    if (net->has_loops && rdma_endpoint_find(net, &in.source, (USHORT)frame_get16(frame + in.at_bytes)))
        return TRUE;
    if (!is_ours(net, &in, frame))
        return FALSE;
    frame_count(net, slot);
    net->rx_hop = rdma_hop_get(net, frame + VNIC_MAC_BYTES, in.vlan);
    in.interface_index = net->rx_hop;
    tcp_input(net->tcp, &in, look->call->now_us, &look->call->outbox);
    if (frame[in.at_bytes + 13] & 2)          // a SYN: an offer is answered to where it came from
        rdma_offers_take(net, look->call);
    return TRUE;
}

ULONG
vnic_rdma_take(struct vnic_adapter *adapter, ULONG got)
{
    struct vnic_rdma *rdma = adapter->rdma;
    struct rdma_call call;
    rdma_enter(rdma, &call);
    struct rdma_look look = {rdma->net, &call};
    tcp_batch_begin(rdma->net->tcp);
    ULONG left = vnic_slots_take(adapter, got, &rdma->net->keeper, frame_take, &look);
    tcp_batch_end(rdma->net->tcp, call.now_us, &call.outbox);
    rdma_leave_dpc(rdma, &call);
    return left;
}
