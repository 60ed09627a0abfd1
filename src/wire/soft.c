// SPDX-License-Identifier: MIT
// What a NIC without receive coalescing would have seen: a super-segment cut into the segments it stands for, each with its own
// lengths, identification, sequence number, flags and checksums [RFC 9293 3.1; RFC 791 3.1; VIRTIO 1.2, 5.1.6.2].
//
//   soft_rx: a frame into the staging buffer -> soft_begin: what must be done to it -> soft_emit, slot by slot, until it is used up
//
// Nothing in a frame is believed: headers are parsed within its bytes, and a frame that is not what its offload fields say is dropped
// and counted. The price is one copy of each frame, which is why TAPs let the kernel do this (port_rx_accept).
#include "wire/soft.h"

#include <stdlib.h>
#include <string.h>

#include "base/csum.h"
#include "wire/port_int.h"

enum {
    soft_frame_bytes = PORT_GSO_MAX_BYTES + PORT_VLAN_BYTES,
    soft_ip4_bytes = 20,
    soft_ip6_bytes = 40,
    soft_tcp_sequence_at = 4,
    soft_tcp_flags_at = 13,
    soft_tcp_csum_at = 16,
    soft_tcp_fin_and_push = 0x09,
    soft_tcp_cwr = 0x80,
    soft_protocol_tcp = 6
};

struct soft {
    uint32_t take;
    struct port_slot stage;                 // the frame that is being handed out
    bool is_cut;                            // into segments; else it goes out in one piece
    bool is_full;                           // something of it is left
    uint32_t ip_at;                         // where the IP header begins
    uint32_t payload_done_bytes;
    uint16_t segment;                       // number of the next
    uint8_t buffer[soft_frame_bytes];
};

struct soft *
soft_create(uint32_t take)
{
    struct soft *soft = calloc(1, sizeof(*soft));
    if (soft)
        soft->take = take;
    return soft;
}

void
soft_destroy(struct soft *soft)
{
    free(soft);
}

static uint16_t
soft_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static void
soft_put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

// Where the IP header begins, behind up to two VLAN tags, if it is one of that version; else 0.
static uint32_t
soft_ip_find(const struct soft *soft, bool is_ip6)
{
    uint32_t at = 12;
    for (int tags = 0; tags < 2; tags++) {
        uint16_t type = soft_get16(soft->buffer + at);
        if (type != 0x8100 && type != 0x88a8)
            break;
        at += PORT_VLAN_BYTES;
    }
    at += 2;
    uint32_t least_bytes = is_ip6 ? soft_ip6_bytes : soft_ip4_bytes;
    if (at + least_bytes > soft->stage.offload.csum_start || soft->buffer[at] >> 4 != (is_ip6 ? 6 : 4))
        return 0;
    return at;
}

// Is the super-segment what it says? vnet_decode has checked what comes from the kernel; a wire's peer has only been asked.
static bool
soft_cut_begin(struct soft *soft)
{
    const struct port_offload *offload = &soft->stage.offload;
    uint32_t tcp_at = offload->csum_start;
    if (!offload->gso_bytes || offload->csum_offset != soft_tcp_csum_at || tcp_at + 20u > offload->header_bytes ||
        offload->header_bytes > soft->stage.bytes)
        return false;
    soft->ip_at = soft_ip_find(soft, offload->gso == PORT_GSO_TCP6);
    if (!soft->ip_at || tcp_at + (soft->buffer[tcp_at + 12] >> 4) * 4u != offload->header_bytes)
        return false;
    if (offload->gso == PORT_GSO_TCP4 && soft->ip_at + (soft->buffer[soft->ip_at] & 15) * 4u != tcp_at)
        return false;
    soft->is_cut = true;
    soft->payload_done_bytes = 0;
    soft->segment = 0;
    return true;
}

// Put the whole checksum where the pseudo-header's sum was.
static bool
soft_csum_finish(struct soft *soft)
{
    struct port_slot *stage = &soft->stage;
    uint32_t start = stage->offload.csum_start, at = start + stage->offload.csum_offset;
    if (at + 2 > stage->bytes)
        return false;
    uint16_t csum = csum_of(soft->buffer + start, stage->bytes - start);
    // A UDP checksum of 0 would say that there is none [RFC 768].
    if (!csum && stage->offload.csum_offset == 6)
        csum = 0xffff;
    memcpy(soft->buffer + at, &csum, sizeof(csum));
    stage->offload = (struct port_offload){0};
    return true;
}

// A frame has come: what is to be done to it? Returns false if it is not what it says.
static bool
soft_begin(struct soft *soft)
{
    const struct port_offload *offload = &soft->stage.offload;
    uint32_t taken = offload->gso == PORT_GSO_TCP4 ? SOFT_GSO4 : offload->gso == PORT_GSO_TCP6 ? SOFT_GSO6 : 0;
    soft->is_cut = false;
    if (offload->gso != PORT_GSO_NONE && (soft->take & (taken | SOFT_CSUM)) != (taken | SOFT_CSUM))
        return soft_cut_begin(soft);
    if (offload->gso == PORT_GSO_NONE && offload->flags & PORT_CSUM_NEEDED && !(soft->take & SOFT_CSUM))
        return soft_csum_finish(soft);
    return true;
}

static void
soft_segment_ip(const struct soft *soft, uint8_t *frame, uint32_t bytes)
{
    uint8_t *ip = frame + soft->ip_at;
    uint32_t ip_bytes = bytes - soft->ip_at;
    if (soft->stage.offload.gso == PORT_GSO_TCP6) {
        soft_put16(ip + 4, ip_bytes - soft_ip6_bytes);
        return;
    }
    soft_put16(ip + 2, ip_bytes);
    soft_put16(ip + 4, soft_get16(ip + 4) + soft->segment);
    soft_put16(ip + 10, 0);
    uint16_t csum = csum_of(ip, (ip[0] & 15) * 4u);
    memcpy(ip + 10, &csum, sizeof(csum));
}

static void
soft_segment_tcp(const struct soft *soft, uint8_t *frame, uint32_t bytes, bool is_last)
{
    const uint8_t *ip = frame + soft->ip_at;
    uint8_t *tcp = frame + soft->stage.offload.csum_start;
    uint32_t tcp_bytes = bytes - soft->stage.offload.csum_start, sequence;
    memcpy(&sequence, tcp + soft_tcp_sequence_at, sizeof(sequence));
    sequence = __builtin_bswap32(__builtin_bswap32(sequence) + soft->payload_done_bytes);
    memcpy(tcp + soft_tcp_sequence_at, &sequence, sizeof(sequence));
    if (!is_last)
        tcp[soft_tcp_flags_at] &= (uint8_t)~soft_tcp_fin_and_push;
    if (soft->segment)
        tcp[soft_tcp_flags_at] &= (uint8_t)~soft_tcp_cwr;
    soft_put16(tcp + soft_tcp_csum_at, 0);
    uint64_t sum = soft->stage.offload.gso == PORT_GSO_TCP6 ? csum_pseudo6(ip + 8, ip + 24, soft_protocol_tcp, tcp_bytes)
                                                           : csum_pseudo4(ip + 12, ip + 16, soft_protocol_tcp, (uint16_t)tcp_bytes);
    uint16_t csum = csum_finish(csum_add(sum, tcp, tcp_bytes));
    memcpy(tcp + soft_tcp_csum_at, &csum, sizeof(csum));
}

// The next segment into the slot. Returns false if the slot is too small: the segment is lost then.
static bool
soft_segment(struct soft *soft, struct port_slot *slot)
{
    uint32_t header_bytes = soft->stage.offload.header_bytes, all_bytes = soft->stage.bytes - header_bytes;
    uint32_t left_bytes = all_bytes - soft->payload_done_bytes;
    uint32_t payload_bytes = left_bytes < soft->stage.offload.gso_bytes ? left_bytes : soft->stage.offload.gso_bytes;
    uint32_t bytes = header_bytes + payload_bytes;
    bool fits = bytes <= slot->capacity_bytes, is_last = payload_bytes == left_bytes;
    if (fits) {
        uint8_t *frame = slot->buffer;
        memcpy(frame, soft->buffer, header_bytes);
        memcpy(frame + header_bytes, soft->buffer + header_bytes + soft->payload_done_bytes, payload_bytes);
        soft_segment_ip(soft, frame, bytes);
        soft_segment_tcp(soft, frame, bytes, is_last);
        slot->bytes = bytes;
        slot->offload = (struct port_offload){0};
    }
    soft->payload_done_bytes += payload_bytes;
    soft->segment++;
    soft->is_full = !is_last;
    return fits;
}

// Something of the staged frame into the slot. Returns false if nothing came of it.
static bool
soft_emit(struct soft *soft, struct port_slot *slot)
{
    if (soft->is_cut)
        return soft_segment(soft, slot);
    soft->is_full = false;
    if (soft->stage.bytes > slot->capacity_bytes)
        return false;
    memcpy(slot->buffer, soft->buffer, soft->stage.bytes);
    slot->bytes = soft->stage.bytes;
    slot->offload = soft->stage.offload;
    return true;
}

uint32_t
soft_rx(struct soft *soft, struct port *port, uint32_t (*rx)(struct port *, struct port_slot *, uint32_t), struct port_slot *slots,
        uint32_t count)
{
    uint32_t filled = 0;
    while (filled < count) {
        if (!soft->is_full) {
            soft->stage.buffer = soft->buffer;
            soft->stage.capacity_bytes = sizeof(soft->buffer);
            if (!rx(port, &soft->stage, 1))
                break;
            soft->is_full = soft_begin(soft);
            if (!soft->is_full) {
                port_count(&port->counters.rx_dropped, 1);
                continue;
            }
        }
        if (soft_emit(soft, &slots[filled]))
            filled++;
        else
            port_count(&port->counters.rx_dropped, 1);
    }
    return port_rx_result(port, filled, count);
}
