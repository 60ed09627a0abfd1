// SPDX-License-Identifier: MIT
// Packets of the engine down to the port: IP and Ethernet headers from the path and the neighbor that the connection stands on.
//   toe_tx_queue -> headers in front of the packet's own -> toe->to_send -> toe_tx_flush -> nbx_port_tx, straight from the host's buffers
// The port has one sender at a time: tx->lock. When it takes no more, what is left waits for vnic_on_tx_ready; a port that takes nothing
// for seconds, or a cable that is out, loses it, which TCP mends.
// IPv4 identifications are of the target's half, and DF is always set [wdd network/sending-data-from-an-offload-target].
#include "toe.h"

#include "frame.h"

#include "base/bytes.h"
#include "base/csum.h"

#define IP4_BYTES 20
#define IP6_BYTES 40
#define FLAG_FIN 1
#define FLAG_SYN 2
#define FLAG_RST 4

// ---- headers

// An identification for `count` packets in a row, none of which leaves the target's half: a port that cuts counts on by itself.
static USHORT
id_take(struct vnic_toe *toe, ULONG count)
{
    if ((ULONG)(toe->ip_id & 0x7FFF) + count > 0x7FFF)
        toe->ip_id = CHIM_IP_ID_TARGET;
    USHORT id = toe->ip_id;
    toe->ip_id = (USHORT)(CHIM_IP_ID_TARGET | ((toe->ip_id + count) & 0x7FFF));
    return id;
}

static ULONG
out_pieces(const struct eng_out *out)
{
    return out->mss_bytes && out->data_bytes > out->mss_bytes ? (out->data_bytes + out->mss_bytes - 1) / out->mss_bytes : 1;
}

static BOOLEAN
ip4_push(struct vnic_toe *toe, struct eng_out *out)
{
    ULONG bytes = IP4_BYTES + out->l4_bytes + out->data_bytes;
    UCHAR *ip = eng_out_push_head(out, IP4_BYTES);
    if (!ip)
        return FALSE;
    NdisZeroMemory(ip, IP4_BYTES);
    ip[0] = 0x45;
    ip[1] = out->traffic_class;
    frame_put16(ip + 2, bytes);
    frame_put16(ip + 4, id_take(toe, out_pieces(out)));
    ip[6] = 0x40;                         // DF
    ip[8] = out->hop_limit ? out->hop_limit : 128;
    ip[9] = FRAME_TCP;
    memcpy(ip + 12, out->source.bytes, 4);
    memcpy(ip + 16, out->destination.bytes, 4);
    uint16_t sum = csum_of(ip, IP4_BYTES);
    memcpy(ip + 10, &sum, sizeof sum);
    return TRUE;
}

static BOOLEAN
ip6_push(struct eng_out *out)
{
    UCHAR *ip = eng_out_push_head(out, IP6_BYTES);
    if (!ip)
        return FALSE;
    bytes_store_be32(ip, 6u << 28 | (uint32_t)out->traffic_class << 20 | (out->flow_label & 0xFFFFF));
    frame_put16(ip + 4, out->l4_bytes + out->data_bytes);
    ip[6] = FRAME_TCP;
    ip[7] = out->hop_limit ? out->hop_limit : 128;
    memcpy(ip + 8, out->source.bytes, 16);
    memcpy(ip + 24, out->destination.bytes, 16);
    return TRUE;
}

// A tag when the neighbor has a VLAN or the connection a priority [wdd network/sending-802-1q-marked-and-802-1p-marked-packets-...].
static BOOLEAN
ethernet_push(const struct vnic_toe *toe, const struct toe_connection *c, struct eng_out *out)
{
    const struct toe_neighbor *neighbor = c->path->neighbor;
    ULONG tag = (ULONG)c->user_priority << 13 | neighbor->vlan;
    UCHAR *frame = eng_out_push_head(out, VNIC_HEADER_BYTES + (tag ? VNIC_VLAN_BYTES : 0));
    if (!frame)
        return FALSE;
    memcpy(frame, neighbor->mac, VNIC_MAC_BYTES);
    memcpy(frame + VNIC_MAC_BYTES, toe->adapter->mac, VNIC_MAC_BYTES);
    frame += 2 * VNIC_MAC_BYTES;
    if (tag) {
        frame_put16(frame, 0x8100);
        frame_put16(frame + 2, tag);
        frame += VNIC_VLAN_BYTES;
    }
    frame_put16(frame, out->source.family == ENG_IP6 ? 0x86DD : 0x0800);
    return TRUE;
}

// The sum of a super-segment's pseudo-header has no length; the port wants that of the whole, and of one packet its own.
static VOID
sum_complete(struct eng_out *out)
{
    UCHAR *l4 = out->room + sizeof out->room - out->l4_bytes;
    ULONG bytes = out->l4_bytes + out->data_bytes;
    if (!out->mss_bytes)
        return;
    uint64_t sum = out->source.family == ENG_IP6 ? csum_pseudo6(out->source.bytes, out->destination.bytes, FRAME_TCP, bytes)
                                                 : csum_pseudo4(out->source.bytes, out->destination.bytes, FRAME_TCP, (uint16_t)bytes);
    uint16_t partial = csum_fold(sum);
    memcpy(l4 + out->l4_sum_offset, &partial, sizeof partial);
}

// ---- what is counted

static VOID
count_out(struct vnic_toe *toe, struct toe_connection *c, const struct eng_out *out)
{
    struct toe_counts *counts = &toe->counts[toe_family(&out->source)];
    const UCHAR *l4 = out->room + sizeof out->room - out->l4_bytes;
    ULONG pieces = out_pieces(out), seq = bytes_load_be32(l4 + 4), numbers = out->data_bytes + !!(l4[13] & FLAG_FIN);
    BOOLEAN is_again = numbers && c->has_max_seq && (int32_t)(seq - c->max_seq) < 0;
    counts->ip.OutRequests += pieces;
    counts->ip.OutOctets += out->head_bytes + out->data_bytes;
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
    if (out->mss_bytes && out->data_bytes <= out->mss_bytes) {
        sum_complete(out);
        out->mss_bytes = 0;
    }
    sum_complete(out);
    if (!(out->source.family == ENG_IP6 ? ip6_push(out) : ip4_push(toe, out)) || !ethernet_push(toe, c, out)) {
        eng_out_put(&toe->pool, out);
        return;
    }
    count_out(toe, c, out);
    c->last_us = now_us;
    list_push_back(&toe->to_send, &out->link);
    toe->to_send_count++;
}

static VOID
frame_describe(const struct vnic_toe *toe, const struct eng_out *out, struct port_frame *frame, struct iovec *iov)
{
    ULONG l4_at = out->head_bytes - out->l4_bytes;
    UNREFERENCED_PARAMETER(toe);
    iov[0] = (struct iovec){out->head, out->head_bytes};
    for (ULONG i = 0; i < out->n_data; i++)
        iov[1 + i] = (struct iovec){(void *)out->data[i].bytes, out->data[i].count};
    *frame = (struct port_frame){.iov = iov, .iov_count = 1u + out->n_data, .bytes = out->head_bytes + out->data_bytes};
    if (!(out->flags & ENG_OUT_L4_SUM_PARTIAL))
        return;
    frame->offload.flags = PORT_CSUM_NEEDED;
    frame->offload.csum_start = (uint16_t)l4_at;
    frame->offload.csum_offset = out->l4_sum_offset;
    if (out->mss_bytes) {
        frame->offload.gso = out->source.family == ENG_IP6 ? PORT_GSO_TCP6 : PORT_GSO_TCP4;
        frame->offload.header_bytes = out->head_bytes;
        frame->offload.gso_bytes = out->mss_bytes;
        if (out->room[sizeof out->room - out->l4_bytes + 13] & 0x80)
            frame->offload.flags |= PORT_GSO_ECN;
    }
}

// Frames for the port from the front of what waits; returns how many, and how many it took.
static ULONG
batch_send(struct vnic_toe *toe, ULONG *taken)
{
    struct vnic_tx *tx = &toe->adapter->tx;
    struct iovec *iov = toe->iov;
    ULONG count = 0;
    for (struct list *node = toe->to_send.next; node != &toe->to_send && count < TOE_TX_BATCH; node = node->next) {
        frame_describe(toe, LIST_ENTRY_OF(node, struct eng_out, link), &toe->frames[count], iov);
        iov += toe->frames[count++].iov_count;
    }
    KeAcquireSpinLockAtDpcLevel(&tx->lock);
    *taken = tx->blocked ? 0 : nbx_port_tx(toe->adapter->port, toe->frames, count);
    if (!tx->blocked)
        tx->blocked = *taken < count;
    for (ULONG i = 0; i < *taken; i++) {
        enum vnic_cast cast = vnic_cast_of(toe->frames[i].iov->iov_base);
        tx->counters.frames[cast]++;
        tx->counters.bytes[cast] += toe->frames[i].bytes;
    }
    tx->progress += *taken;
    KeReleaseSpinLockFromDpcLevel(&tx->lock);
    return count;
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
    if (!list_is_empty(&toe->to_send) && !toe->adapter->link_up)
        toe_tx_drop(toe);
    while (!list_is_empty(&toe->to_send)) {
        ULONG taken, count = batch_send(toe, &taken);
        for (ULONG i = 0; i < taken; i++)
            eng_out_put(&toe->pool, LIST_ENTRY_OF(list_pop_front(&toe->to_send), struct eng_out, link));
        toe->to_send_count -= taken;
        if (taken)
            packets_back(toe);
        if (taken || toe->stuck_us == ENG_NEVER)
            toe->stuck_us = now_us + TOE_STUCK_US;
        if (taken < count)
            return;
    }
    toe->stuck_us = ENG_NEVER;
}

VOID
toe_tx_drop(struct vnic_toe *toe)
{
    struct list *node;
    while ((node = list_pop_front(&toe->to_send))) {
        struct eng_out *out = LIST_ENTRY_OF(node, struct eng_out, link);
        toe->counts[toe_family(&out->source)].ip.OutDiscards++;
        eng_out_put(&toe->pool, out);
    }
    toe->to_send_count = 0;
    toe->stuck_us = ENG_NEVER;
    packets_back(toe);
}

void
vnic_toe_tx_ready(struct vnic_adapter *adapter)
{
    struct toe_call call;
    if (!adapter->toe || !adapter->toe_live)
        return;
    toe_enter(adapter->toe, &call);
    toe_leave(adapter->toe, &call);
}
