// SPDX-License-Identifier: MIT
// Packets of a TCP engine down to the port: IP and Ethernet headers in front of the engine's own, then frames straight from the owners'
// bytes.
//   vnic_down_head -> vnic_down_push -> vnic_down_flush
// The port has one sender at a time: tx->lock. When it takes no more, what is left waits for vnic_on_tx_ready; a port that takes nothing
// for seconds, or a cable that is out, loses it, which TCP mends.
// IPv4 identifications are of the adapter's own half, and DF is always set [wdd network/sending-data-from-an-offload-target].
#include "engines.h"

#include "frame.h"

#include "base/bytes.h"
#include "base/csum.h"
#include "base/hash.h"
#include "engine/tcp/tcp.h"

#define IP4_BYTES 20
#define IP6_BYTES 40
#define LSO_BYTES_MAX (65535u - 120)      // [struct tcp_path]

VOID
vnic_down_init(struct vnic_down *down, struct vnic_adapter *adapter, struct eng_out_pool *pool)
{
    down->adapter = adapter;
    down->pool = pool;
    down->stuck_us = ENG_NEVER;
    down->ip_id = VNIC_IP_ID;
    list_init(&down->to_send);
}

VOID
vnic_down_path(const struct vnic_adapter *adapter, uint8_t family, struct tcp_path *path)
{
    const struct port_caps *caps = &adapter->caps;
    BOOLEAN cuts = family == ENG_IP6 ? caps->gso6 : caps->gso4;
    path->lso_min_segments = 2;
    if (!caps->tx_csum)
        return;
    path->flags |= TCP_PATH_SUM_PARTIAL;
    if (cuts && caps->max_gso_bytes > 4096) {
        ULONG most = caps->max_gso_bytes - ENG_HEAD_ROOM_BYTES;
        path->lso_max_bytes = most < LSO_BYTES_MAX ? most : LSO_BYTES_MAX;
    }
}

ULONG
vnic_down_pieces(const struct eng_out *out)
{
    return out->mss_bytes && out->data_bytes > out->mss_bytes ? (out->data_bytes + out->mss_bytes - 1) / out->mss_bytes : 1;
}

// ---- headers ----------------------------------------------------------------------------------------------------------------------

// An identification for `count` packets in a row, none of which leaves our half: a port that cuts counts on by itself.
static USHORT
id_take(struct vnic_down *down, ULONG count)
{
    if ((ULONG)(down->ip_id & 0x7FFF) + count > 0x7FFF)
        down->ip_id = VNIC_IP_ID;
    USHORT id = down->ip_id;
    down->ip_id = (USHORT)(VNIC_IP_ID | ((down->ip_id + count) & 0x7FFF));
    return id;
}

static BOOLEAN
ip4_push(struct vnic_down *down, struct eng_out *out)
{
    ULONG bytes = IP4_BYTES + out->l4_bytes + out->data_bytes;
    UCHAR *ip = eng_out_push_head(out, IP4_BYTES);
    if (!ip)
        return FALSE;
    NdisZeroMemory(ip, IP4_BYTES);
    ip[0] = 0x45;
    ip[1] = out->traffic_class;
    frame_put16(ip + 2, bytes);
    frame_put16(ip + 4, id_take(down, vnic_down_pieces(out)));
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

static BOOLEAN
ethernet_push(const struct vnic_down *down, struct eng_out *out, const UCHAR *mac, ULONG tag)
{
    UCHAR *frame = eng_out_push_head(out, VNIC_HEADER_BYTES + (tag ? VNIC_VLAN_BYTES : 0));
    if (!frame)
        return FALSE;
    memcpy(frame, mac, VNIC_MAC_BYTES);
    memcpy(frame + VNIC_MAC_BYTES, down->adapter->mac, VNIC_MAC_BYTES);
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

BOOLEAN
vnic_down_head(struct vnic_down *down, struct eng_out *out, const UCHAR mac[VNIC_MAC_BYTES], ULONG tag)
{
    sum_complete(out);
    if (out->mss_bytes && out->data_bytes <= out->mss_bytes)
        out->mss_bytes = 0;
    return (out->source.family == ENG_IP6 ? ip6_push(out) : ip4_push(down, out)) && ethernet_push(down, out, mac, tag);
}

// ---- to the port ------------------------------------------------------------------------------------------------------------------

VOID
vnic_down_push(struct vnic_down *down, struct eng_out *out)
{
    list_push_back(&down->to_send, &out->link);
    down->pushed++;
}

struct eng_out *
vnic_down_pop(struct vnic_down *down)
{
    struct list *node = list_pop_front(&down->to_send);
    if (!node)
        return NULL;
    down->left++;
    if (list_is_empty(&down->to_send))
        down->stuck_us = ENG_NEVER;
    return LIST_ENTRY_OF(node, struct eng_out, link);
}

static VOID
frame_describe(const struct eng_out *out, struct port_frame *frame, struct iovec *iov)
{
    ULONG l4_at = out->head_bytes - out->l4_bytes;
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

// With TCP's header, all of it but the checksum, which is over what has the addresses.
static uint64_t
head_digest(const struct eng_out *out, uint64_t digest)
{
    enum {
        sum_at = 16,
        sum_bytes = 2
    };
    const uint8_t *tcp = (const uint8_t *)out->head + (out->head_bytes - out->l4_bytes);
    digest = hash_fold_bytes(digest, tcp, sum_at);
    return hash_fold_bytes(digest, tcp + sum_at + sum_bytes, out->l4_bytes - sum_at - sum_bytes);
}

// Frames for the port from the front of what waits; returns how many, and how many it took.
static ULONG
batch_send(struct vnic_down *down, ULONG *taken)
{
    struct vnic_tx *tx = &down->adapter->tx;
    struct iovec *iov = down->iov;
    ULONG count = 0;
    for (struct list *node = down->to_send.next; node != &down->to_send && count < VNIC_DOWN_BATCH; node = node->next) {
        frame_describe(LIST_ENTRY_OF(node, struct eng_out, link), &down->frames[count], iov);
        down->frames[count].has_addresses = down->has_addresses;
        if (down->has_addresses && down->adapter->caps.is_traced)
            down->frames[count].digest = head_digest(LIST_ENTRY_OF(node, struct eng_out, link), down->digest);
        iov += down->frames[count++].iov_count;
    }
    KeAcquireSpinLockAtDpcLevel(&tx->lock);
    *taken = tx->blocked ? 0 : nbx_port_tx(down->adapter->port, down->frames, count);
    if (!tx->blocked)
        tx->blocked = *taken < count;
    for (ULONG i = 0; i < *taken; i++) {
        enum vnic_cast cast = vnic_cast_of(down->frames[i].iov->iov_base);
        tx->counters.frames[cast]++;
        tx->counters.bytes[cast] += down->frames[i].bytes;
    }
    tx->progress += *taken;
    KeReleaseSpinLockFromDpcLevel(&tx->lock);
    return count;
}

ULONG
vnic_down_flush(struct vnic_down *down, uint64_t now_us)
{
    ULONG all = 0;
    while (!list_is_empty(&down->to_send)) {
        ULONG taken, count = batch_send(down, &taken);
        all += taken;
        if (taken || down->stuck_us == ENG_NEVER)
            down->stuck_us = now_us + VNIC_DOWN_STUCK_US;
        for (ULONG i = 0; i < taken; i++)
            eng_out_put(down->pool, vnic_down_pop(down));
        if (taken < count)
            return all;
    }
    return all;
}
