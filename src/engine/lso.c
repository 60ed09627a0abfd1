// SPDX-License-Identifier: MIT
// What the adapter does not do: the partial checksum is finished, a super-segment is cut into segments of mss_bytes, each with the
// headers of the whole, its own lengths, sequence number, flags and sums. The data is not copied: the segments hold its owners.
//   lso_emit <- eth.c; a whole frame, or a super-frame whose head is Ethernet, IP and TCP
#include "engine/net_int.h"

#define TCP_FIN 0x01u
#define TCP_PSH 0x08u
#define TCP_CWR 0x80u

static bool
lso_sum_is_offloaded(const struct net_interface *interface, const struct eng_out *out)
{
    uint32_t offloads = interface->settings.offloads;
    bool is_ip4 = out->destination.family == ENG_IP4;
    if (out->protocol == NET_TCP)
        return offloads & (is_ip4 ? NET_SUM_TCP4 : NET_SUM_TCP6);
    return out->protocol == NET_UDP && offloads & (is_ip4 ? NET_SUM_UDP4 : NET_SUM_UDP6);
}

// The segment's own fields. ip and tcp are its headers, `from` is its place in the whole's payload.
static void
lso_write(struct eng_out *segment, const struct eng_out *whole, size_t ip_bytes, uint32_t from, unsigned number)
{
    uint8_t *tcp = segment->room + sizeof segment->room - whole->l4_bytes, *ip = tcp - ip_bytes;
    uint32_t l4_bytes = whole->l4_bytes + segment->data_bytes;
    uint64_t sum;
    if (whole->destination.family == ENG_IP4) {
        bytes_store_be16(ip + 2, (uint16_t)(ip_bytes + l4_bytes));
        bytes_store_be16(ip + 4, (uint16_t)(bytes_load_be16(ip + 4) + number));
        memset(ip + 10, 0, 2);
        uint16_t header_sum = csum_of(ip, ip_bytes);
        memcpy(ip + 10, &header_sum, 2);
        sum = csum_pseudo4(ip + 12, ip + 16, NET_TCP, (uint16_t)l4_bytes);
    } else {
        bytes_store_be16(ip + 4, (uint16_t)(ip_bytes - IP6_HEADER_BYTES + l4_bytes));
        sum = csum_pseudo6(ip + 8, ip + 24, NET_TCP, l4_bytes);
    }
    bytes_store_be32(tcp + 4, bytes_load_be32(tcp + 4) + from);
    if (from + segment->data_bytes < whole->data_bytes)
        tcp[13] &= (uint8_t)~(TCP_FIN | TCP_PSH);
    if (from)
        tcp[13] &= (uint8_t)~TCP_CWR; // once, with the first [RFC 3168 6.1.2]
    uint16_t partial = csum_fold(sum);
    memcpy(tcp + 16, &partial, 2);
    segment->l4_sum_offset = 16;
    segment->flags |= ENG_OUT_L4_SUM_PARTIAL;
}

// One segment after all: the sum of a super-segment's pseudo-header has no length, a packet's has.
static void
lso_make_plain(struct eng_out *out)
{
    uint8_t *field = out->room + sizeof out->room - out->l4_bytes + out->l4_sum_offset;
    uint32_t l4_bytes = out->l4_bytes + out->data_bytes;
    uint64_t sum = out->destination.family == ENG_IP4
                       ? csum_pseudo4(out->source.bytes, out->destination.bytes, out->protocol, (uint16_t)l4_bytes)
                       : csum_pseudo6(out->source.bytes, out->destination.bytes, out->protocol, l4_bytes);
    uint16_t partial = csum_fold(sum);
    memcpy(field, &partial, 2);
    out->flags |= ENG_OUT_L4_SUM_PARTIAL;
    out->mss_bytes = 0;
}

static struct eng_out *
lso_segment(struct net *net, const struct eng_out *whole, size_t ip_bytes, uint32_t from, unsigned number)
{
    struct eng_out *segment = output_get(net);
    struct eng_span cut[ENG_OUT_SPANS];
    if (!segment)
        return NULL;
    uint32_t count = whole->data_bytes - from < whole->mss_bytes ? whole->data_bytes - from : whole->mss_bytes;
    size_t cut_bytes, n = eng_spans_cut(whole->data, whole->n_data, from, count, cut, ENG_OUT_SPANS, &cut_bytes);
    for (size_t i = 0; i < n; i++)
        eng_out_add(segment, &cut[i]);
    memcpy(eng_out_push_head(segment, whole->head_bytes), whole->head, whole->head_bytes);
    segment->protocol = whole->protocol;
    segment->l4_bytes = whole->l4_bytes;
    segment->source = whole->source;
    segment->destination = whole->destination;
    segment->flags = whole->flags;
    segment->interface_index = whole->interface_index;
    lso_write(segment, whole, ip_bytes, from, number);
    return segment;
}

static void
lso_push(struct net *net, struct net_interface *interface, struct eng_out *out)
{
    if (!lso_sum_is_offloaded(interface, out))
        eng_out_sum(out);
    net_count(net, NET_COUNT_out_packets);
    eng_outbox_push(net->outbox, out);
}

void
lso_emit(struct net *net, struct net_interface *interface, struct eng_out *out)
{
    bool is_ip4 = out->destination.family == ENG_IP4;
    if (out->mss_bytes && out->data_bytes <= out->mss_bytes)
        lso_make_plain(out);
    if (!out->mss_bytes || interface->settings.offloads & (is_ip4 ? NET_LSO4 : NET_LSO6)) {
        // A super-segment's sum is always the adapter's: it goes with cutting.
        if (out->mss_bytes) {
            net_count(net, NET_COUNT_out_packets);
            eng_outbox_push(net->outbox, out);
        } else {
            lso_push(net, interface, out);
        }
        return;
    }
    size_t link_bytes = ETH_HEADER_BYTES;
    if (out->head[12] == ETH_VLAN >> 8 && out->head[13] == (ETH_VLAN & 0xFF))
        link_bytes += 4;
    size_t ip_bytes = out->head_bytes - out->l4_bytes - link_bytes;
    unsigned number = 0;
    for (uint32_t from = 0; from < out->data_bytes; from += out->mss_bytes) {
        struct eng_out *segment = lso_segment(net, out, ip_bytes, from, number++);
        if (!segment)
            break; // the rest is lost as on a link: the sender sends it again
        net_count(net, NET_COUNT_out_segments);
        lso_push(net, interface, segment);
    }
    eng_out_put(net->pool, out);
}
