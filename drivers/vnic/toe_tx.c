// SPDX-License-Identifier: MIT
// Packets of the engine down to the port: headers from the path and the neighbor that the connection stands on, counts, and what waits for
// packets to leave. The way itself is down.c's.
//   toe_tx_queue -> vnic_down_head, vnic_down_push; toe_tx_flush -> vnic_down_flush
#include "toe.h"

#include "base/bytes.h"

#define FLAG_FIN 1
#define FLAG_SYN 2
#define FLAG_RST 4

// ---- what is counted

static VOID
count_out(struct vnic_toe *toe, struct toe_connection *c, const struct eng_out *out)
{
    struct toe_counts *counts = &toe->counts[toe_family(&out->source)];
    const UCHAR *l4 = out->room + sizeof out->room - out->l4_bytes;
    ULONG pieces = vnic_down_pieces(out), seq = bytes_load_be32(l4 + 4), numbers = out->data_bytes + !!(l4[13] & FLAG_FIN);
    BOOLEAN is_again = numbers && c->has_max_seq && (int32_t)(seq - c->max_seq) < 0;
    counts->ip.OutRequests += pieces;
    counts->ip.OutOctets += out->head_bytes + out->data_bytes;
    // Not what holds only numbers that were sent before [ndischimney/ns-ndischimney-_tcp_offload_stats].
    if (!is_again || (int32_t)(seq + numbers - c->max_seq) > 0)
        counts->tcp.OutSegments += pieces;
    counts->tcp.OutResets += (l4[13] & FLAG_RST) != 0;
    if (is_again) {
        counts->tcp.RetransmittedSegments += pieces;
        c->resent_segments += pieces;
    }
    if (!c->has_max_seq || (int32_t)(seq + numbers - c->max_seq) > 0)
        c->max_seq = seq + numbers;
    c->has_max_seq = TRUE;
    c->segments += pieces;
}

// ---- neighbors that are doubted

static VOID
neighbor_doubt(struct vnic_toe *toe, struct toe_neighbor *neighbor, uint64_t now_us)
{
    ULONG64 stale_us = toe->params.nce_stale_ticks * toe_tick_us(toe);
    if (!stale_us || neighbor->is_asking || now_us - neighbor->nic_us <= stale_us || now_us - neighbor->host_us <= stale_us)
        return;
    neighbor->is_asking = TRUE;
    InsertTailList(&toe->asking, &neighbor->ask_link);
}

// ---- down

VOID
toe_tx_queue(struct vnic_toe *toe, struct eng_out *out, uint64_t now_us)
{
    struct toe_connection *c = out->interface_index < toe->table_room ? toe->table[out->interface_index] : NULL;
    // What depends on a neighbor or a path that is invalid does not leave [wdd network/handling-invalidated-state-objects].
    if (!c || !toe_is_valid(c)) {
        eng_out_put(&toe->pool, out);
        return;
    }
    neighbor_doubt(toe, c->path->neighbor, now_us);
    // A tag when the neighbor has a VLAN or the connection a priority [wdd network/sending-802-1q-marked-and-802-1p-marked-packets-...].
    if (!vnic_down_head(&toe->down, out, c->path->neighbor->mac, (ULONG)c->user_priority << 13 | c->path->neighbor->vlan)) {
        eng_out_put(&toe->pool, out);
        return;
    }
    count_out(toe, c, out);
    c->last_us = now_us;
    vnic_down_push(&toe->down, out);
}

// Packets have left: connections that waited for theirs look again.
static VOID
packets_back(struct vnic_toe *toe)
{
    while (!IsListEmpty(&toe->packets_out)) {
        struct toe_connection *c = CONTAINING_RECORD(RemoveHeadList(&toe->packets_out), struct toe_connection, packet_link);
        InitializeListHead(&c->packet_link);
        toe_post(c);
    }
}

VOID
toe_tx_flush(struct vnic_toe *toe, uint64_t now_us)
{
    if (!list_is_empty(&toe->down.to_send) && !toe->adapter->link_up)
        toe_tx_drop(toe);
    if (vnic_down_flush(&toe->down, now_us))
        packets_back(toe);
}

VOID
toe_tx_drop(struct vnic_toe *toe)
{
    struct eng_out *out;
    while ((out = vnic_down_pop(&toe->down))) {
        toe->counts[toe_family(&out->source)].ip.OutDiscards++;
        eng_out_put(&toe->pool, out);
    }
    packets_back(toe);
}

void
vnic_toe_tx_ready(struct vnic_adapter *adapter)
{
    struct toe_call call;
    if (!adapter->toe || !ReadNoFence(&adapter->toe_live))
        return;
    toe_enter(adapter->toe, &call);
    toe_leave(adapter->toe, &call);
}
