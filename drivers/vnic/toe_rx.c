// SPDX-License-Identifier: MIT
// Frames of offloaded connections are taken out of what the port brought, by addresses and ports; all else goes up as ever: other hosts'
// and other connections' frames, fragments, IP options, extension headers, ICMP, ARP, and what the engine says is its host's.
//   rx_indicate -> vnic_toe_take: each slot parsed, tcp_knows, tcp_input; the slots left are indicated as before
// The engine keeps received bytes where they lie: the buffer is then neither a slot nor on the free list, and comes back when its owner's
// last hold goes (toe_rx_return). When free buffers are few, it copies. Such buffers are ours, so a pause does not wait for them.
#include "toe.h"

#include "frame.h"

#define HINT_SEGMENTS 1000                // what hints that oblige nobody are measured over
#define HINT_MANY 100                     // of those: early, sent again; and fragments in all

#define frame_of(nbl) (*(struct toe_frame **)&NET_BUFFER_LIST_MINIPORT_RESERVED(nbl)[1])
#define buffer_of(nbl) (NET_BUFFER_LIST_MINIPORT_RESERVED(nbl)[0])

// ---- owners

// locks: toe->lock held
static void
frame_release(struct eng_owner *owner)
{
    struct toe_frame *frame = CONTAINING_RECORD(owner, struct toe_frame, owner);
    frame->is_free = TRUE;
    if (frame->is_slot)
        return;
    NET_BUFFER_LIST_NEXT_NBL(frame->nbl) = frame->toe->to_return;
    frame->toe->to_return = frame->nbl;
    frame->toe->to_return_count++;
}

NDIS_STATUS
toe_rx_create(struct vnic_toe *toe)
{
    struct vnic_rx *rx = &toe->adapter->rx;
    toe->frame = toe_alloc(toe, rx->count * sizeof *toe->frame);
    if (!toe->frame)
        return NDIS_STATUS_RESOURCES;
    for (ULONG i = 0; i < rx->count; i++) {
        toe->frame[i] = (struct toe_frame){.owner = {.on_release = frame_release}, .toe = toe, .nbl = rx->all[i]};
        frame_of(rx->all[i]) = &toe->frame[i];
    }
    return NDIS_STATUS_SUCCESS;
}

VOID
toe_rx_destroy(struct vnic_toe *toe)
{
    toe_free(toe, toe->frame);
}

VOID
toe_rx_return(struct vnic_toe *toe)
{
    struct vnic_rx *rx = &toe->adapter->rx;
    NET_BUFFER_LIST *first = toe->to_return, *last = first;
    if (!first)
        return;
    while (NET_BUFFER_LIST_NEXT_NBL(last))
        last = NET_BUFFER_LIST_NEXT_NBL(last);
    KeAcquireSpinLockAtDpcLevel(&rx->lock);
    NET_BUFFER_LIST_NEXT_NBL(last) = rx->free;
    rx->free = first;
    rx->free_count += toe->to_return_count;
    rx->toe_count -= toe->to_return_count;
    if (rx->starved) {
        rx->starved = FALSE;
        nbx_port_rx_again(toe->adapter->port);
    }
    KeReleaseSpinLockFromDpcLevel(&rx->lock);
    toe->to_return = NULL;
    toe->to_return_count = 0;
}

// ---- one frame

// What stands before TCP, into *in. FALSE: not a segment that a target looks at. *fragment: of an IPv4 packet that was cut.
static BOOLEAN
headers_parse(const UCHAR *frame, ULONG bytes, const struct port_offload *offload, struct eng_in *in, BOOLEAN *fragment)
{
    ULONG at = VNIC_HEADER_BYTES;
    *fragment = FALSE;
    if (bytes < VNIC_HEADER_BYTES + 20)
        return FALSE;
    if (frame_get16(frame + 12) == 0x8100) {
        in->vlan = (uint16_t)(frame_get16(frame + 14) & 0xFFF);
        at += VNIC_VLAN_BYTES;
    }
    const UCHAR *ip = frame + at;
    ULONG type = frame_get16(ip - 2), left = bytes - at;
    if (type == 0x0800 && left >= 40 && ip[0] == 0x45 && ip[9] == FRAME_TCP) {
        ULONG total = frame_get16(ip + 2);
        struct frame_headers where = {.is_ip4 = TRUE, .l3 = at, .l4 = at + 20};
        *fragment = (frame_get16(ip + 6) & 0x3FFF) != 0;
        if (total < 40 || total > left || !frame_ip4_checksum_is_good(frame, &where))
            return FALSE;
        in->source = eng_address4(ip + 12);
        in->destination = eng_address4(ip + 16);
        in->hop_limit = ip[8];
        in->traffic_class = ip[1];
        in->at_bytes = at + 20;
        in->length_bytes = total - 20;
    } else if (type == 0x86DD && left >= 60 && ip[0] >> 4 == 6 && ip[6] == FRAME_TCP) {
        ULONG payload = frame_get16(ip + 4);
        if (payload < 20 || payload + 40 > left)
            return FALSE;
        in->source = eng_address6(ip + 8);
        in->destination = eng_address6(ip + 24);
        in->hop_limit = ip[7];
        in->traffic_class = (uint8_t)(frame_get16(ip) >> 4);
        in->at_bytes = at + 40;
        in->length_bytes = payload;
    } else {
        return FALSE;
    }
    in->protocol = FRAME_TCP;
    in->ip_at_bytes = at;
    if (offload->flags & (PORT_CSUM_NEEDED | PORT_CSUM_VALID) || offload->gso)
        in->flags |= ENG_IN_L4_SUM_GOOD;
    if (offload->gso && offload->gso_bytes) {
        ULONG data = in->length_bytes - 20;
        in->coalesced = (uint16_t)((data + offload->gso_bytes - 1) / offload->gso_bytes);
        in->coalesced_mss = offload->gso_bytes;
    }
    return TRUE;
}

// What a host might like to know, once: [ndischimney/nc-ndischimney-ndis_tcp_offload_event_indicate].
static VOID
hints_look(struct toe_connection *c)
{
    if (!c->toe->adapter->settings.toe_hints)
        return;
    if (c->early_segments >= HINT_MANY)
        toe_retrieve(c, HighOutOfOrderPackets);
    if (c->resent_segments >= HINT_MANY)
        toe_retrieve(c, HighDropRate);
    if (c->fragments >= HINT_MANY)
        toe_retrieve(c, HighFragmentation);
    if (c->segments >= HINT_SEGMENTS)
        c->segments = c->early_segments = c->resent_segments = 0;
}

static VOID
count_in(struct vnic_toe *toe, struct toe_connection *c, const struct eng_in *in, enum tcp_taken taken, uint64_t early)
{
    struct toe_counts *counts = &toe->counts[toe_family(&in->source)];
    ULONG pieces = in->coalesced > 1 ? in->coalesced : 1;
    counts->ip.InReceives += pieces;
    counts->ip.InOctets += in->length_bytes + (in->at_bytes - in->ip_at_bytes);
    counts->ip.InDelivers += pieces;
    counts->tcp.InSegments += pieces;
    counts->tcp.InErrors += taken == TCP_BAD;
    c->segments += pieces;
    c->early_segments += (ULONG)(tcp_counters(toe->tcp)->out_of_order - early);
}

// The hardware that this stands for may fail (a setting, for tests of hosts): the connection's state is lost.
static BOOLEAN
hardware_fails(struct toe_connection *c)
{
    const struct vnic_settings *s = &c->toe->adapter->settings;
    return s->toe_fail_after && c->segments >= s->toe_fail_after && !c->is_uploading;
}

// TRUE: the engine has it, or it was thrown away; else it goes up.
static BOOLEAN
frame_take(struct vnic_toe *toe, struct toe_call *call, NET_BUFFER_LIST *nbl, const struct port_slot *slot, BOOLEAN may_keep)
{
    const UCHAR *frame = slot->buffer;
    struct eng_span span = {.bytes = frame, .count = slot->bytes, .owner = may_keep ? &frame_of(nbl)->owner : NULL};
    struct eng_in in = {.spans = &span, .n_spans = 1, .flags = ENG_IN_SCARCE};
    BOOLEAN is_fragment;
    if (slot->bytes < VNIC_HEADER_BYTES || memcmp(frame, toe->adapter->mac, VNIC_MAC_BYTES) ||
        !headers_parse(frame, slot->bytes, &slot->offload, &in, &is_fragment))
        return FALSE;
    struct tcp_connection *tcp = tcp_knows(toe->tcp, &in);
    struct toe_connection *c = tcp ? tcp_context(tcp) : NULL;
    if (!c)
        return FALSE;
    if (is_fragment) {                    // the host puts it together and forwards what comes of it
        c->fragments++;
        hints_look(c);
        return FALSE;
    }
    USHORT vlan = c->path->neighbor->vlan;
    if (vlan && in.vlan != vlan) {        // [wdd network/receiving-802-1q-marked-and-802-1p-marked-packets-on-an-offloaded-tcp-...]
        toe->counts[toe_family(&in.source)].ip.InDiscards++;
        return TRUE;
    }
    if (hardware_fails(c)) {
        toe_retrieve(c, HardwareFailure);
        c->is_lost = TRUE;
        return TRUE;
    }
    uint64_t early = tcp_counters(toe->tcp)->out_of_order;
    enum tcp_taken taken = tcp_input(toe->tcp, &in, call->now_us, &call->outbox);
    c->last_us = call->now_us;
    if (taken == TCP_FOR_HOST || taken == TCP_NOT_OURS)
        return FALSE;
    count_in(toe, c, &in, taken, early);
    hints_look(c);
    return TRUE;
}

// ---- a batch

ULONG
vnic_toe_take(struct vnic_adapter *adapter, ULONG got)
{
    struct vnic_toe *toe = adapter->toe;
    struct vnic_rx *rx = &adapter->rx;
    NET_BUFFER_LIST *spare[VNIC_RX_BATCH];
    ULONG left = 0, spares = 0, used = rx->slot_used, kept = 0;
    BOOLEAN may_keep = rx->free_count > rx->count / 4;
    struct toe_call call;
    toe_enter(toe, &call);
    tcp_batch_begin(toe->tcp);
    for (ULONG i = 0; i < got; i++) {
        NET_BUFFER_LIST *nbl = rx->slot_nbl[i];
        struct toe_frame *frame = frame_of(nbl);
        frame->owner.holds = 1;
        frame->is_slot = TRUE;
        frame->is_free = FALSE;
        BOOLEAN taken = frame_take(toe, &call, nbl, &rx->slots[i], may_keep);
        eng_drop(&frame->owner);
        if (!taken) {
            rx->slot_nbl[left] = nbl;
            rx->slots[left++] = rx->slots[i];
        } else if (frame->is_free) {
            spare[spares++] = nbl;
        } else {
            frame->is_slot = FALSE;
            kept++;
        }
    }
    tcp_batch_end(toe->tcp, call.now_us, &call.outbox);
    ULONG at = left;
    for (ULONG i = 0; i < spares; i++, at++) {
        rx->slot_nbl[at] = spare[i];
        rx->slots[at].buffer = buffer_of(spare[i]);
    }
    for (ULONG i = got; i < used; i++, at++) {
        rx->slot_nbl[at] = rx->slot_nbl[i];
        rx->slots[at].buffer = rx->slots[i].buffer;
    }
    rx->slot_used = at;
    if (kept) {
        KeAcquireSpinLockAtDpcLevel(&rx->lock);
        rx->toe_count += kept;
        KeReleaseSpinLockFromDpcLevel(&rx->lock);
    }
    toe_leave(toe, &call);
    return left;
}
