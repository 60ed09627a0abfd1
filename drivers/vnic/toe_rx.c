// SPDX-License-Identifier: MIT
// Frames of offloaded connections are taken out of what the port brought, by addresses and ports; all else goes up as ever: other hosts'
// and other connections' frames, fragments, IP options, extension headers, ICMP, ARP, and what the engine says is its host's.
//   rx_indicate -> vnic_toe_take -> keep.c: each slot parsed, tcp_knows, tcp_input; the slots left are indicated as before
#include "toe.h"

#define HINT_SEGMENTS 1000                // what hints that oblige nobody are measured over
#define HINT_MANY 100                     // of those: early, sent again; and fragments in all

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

struct toe_look {
    struct vnic_toe *toe;
    struct toe_call *call;
};

// TRUE: the engine has it, or it was thrown away; else it goes up.
static BOOLEAN
frame_take(void *context, const struct port_slot *slot, struct eng_owner *owner)
{
    struct vnic_toe *toe = ((struct toe_look *)context)->toe;
    struct toe_call *call = ((struct toe_look *)context)->call;
    const UCHAR *frame = slot->buffer;
    struct eng_span span = {.bytes = frame, .count = slot->bytes, .owner = owner};
    struct eng_in in = {.spans = &span, .n_spans = 1, .flags = ENG_IN_SCARCE};
    BOOLEAN is_fragment;
    if (slot->bytes < VNIC_HEADER_BYTES || memcmp(frame, toe->adapter->mac, VNIC_MAC_BYTES) ||
        !vnic_segment_parse(frame, slot->bytes, &slot->offload, &in, &is_fragment))
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
    if (c->is_lost)
        return TRUE;                      // nobody hears it any more
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
    toe_chance_retrieve(c);
    return TRUE;
}

// ---- a batch

ULONG
vnic_toe_take(struct vnic_adapter *adapter, ULONG got)
{
    struct vnic_toe *toe = adapter->toe;
    struct toe_call call;
    struct toe_look look = {toe, &call};
    toe_enter(toe, &call);
    tcp_batch_begin(toe->tcp);
    ULONG left = vnic_slots_take(adapter, got, &toe->keeper, frame_take, &look);
    tcp_batch_end(toe->tcp, call.now_us, &call.outbox);
    toe_leave(toe, &call);
    return left;
}
