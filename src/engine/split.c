// SPDX-License-Identifier: MIT
// A packet against the path's MTU: it fits, it is a super-segment, it must not be cut (then the sender is told), or it is cut into
// fragments here, by this host [RFC 791 3.2, RFC 8200 4.5]. Fragments hold the owners of the data; nothing is copied but headers.
#include "engine/net_int.h"

static uint32_t
split_head_bytes(const struct eng_out *out)
{
    if (out->destination.family == ENG_IP4)
        return output_head4_bytes(out);
    return IP6_HEADER_BYTES + (out->flags & ENG_OUT_ROUTER_ALERT ? 8 : 0);
}

static void
split_head(struct net *net, struct eng_out *out, uint32_t payload_bytes)
{
    if (out->destination.family == ENG_IP6) {
        output_head6(net, out, payload_bytes, out->protocol);
        return;
    }
    uint16_t identifier = out->flags & ENG_OUT_DONT_FRAGMENT ? 0 : (uint16_t)output_identifier(net, out, 1);
    output_head4(net, out, payload_bytes, identifier, 0);
}

// The part [from, from + count) of head and data, with its IP header.
static struct eng_out *
split_part(struct net *net, const struct eng_out *whole, uint32_t from, uint32_t count, uint32_t identifier)
{
    struct eng_out *part = output_get(net);
    struct eng_span cut[ENG_OUT_SPANS];
    if (!part)
        return NULL;
    uint32_t head_bytes = from < whole->head_bytes ? whole->head_bytes - from : 0, total_bytes = whole->head_bytes + whole->data_bytes;
    if (head_bytes > count)
        head_bytes = count;
    uint32_t data_from = from > whole->head_bytes ? from - whole->head_bytes : 0;
    size_t cut_bytes, n = eng_spans_cut(whole->data, whole->n_data, data_from, count - head_bytes, cut, ENG_OUT_SPANS, &cut_bytes);
    for (size_t i = 0; i < n; i++)
        eng_out_add(part, &cut[i]);
    if (head_bytes)
        memcpy(eng_out_push_head(part, head_bytes), whole->head + from, head_bytes);
    part->protocol = whole->protocol;
    part->hop_limit = whole->hop_limit;
    part->traffic_class = whole->traffic_class;
    part->flags = whole->flags & (uint16_t)~ENG_OUT_DONT_FRAGMENT;
    part->flow_label = whole->flow_label;
    part->source = whole->source;
    part->destination = whole->destination;
    part->l4_bytes = part->head_bytes;
    // Of the options that we send (engine/source_route.h) the routes go into every fragment [RFC 791 3.1], and the rest says nothing.
    part->n_ip_options = whole->n_ip_options;
    memcpy(part->ip_options, whole->ip_options, whole->n_ip_options);
    bool has_more = from + count < total_bytes;
    if (whole->destination.family == ENG_IP4) {
        output_head4(net, part, count, (uint16_t)identifier, (uint16_t)(from / 8 | (has_more ? 0x2000 : 0)));
    } else {
        uint8_t *fragment = eng_out_push_head(part, 8);
        fragment[0] = whole->protocol;
        fragment[1] = 0;
        bytes_store_be16(fragment + 2, (uint16_t)(from | has_more));
        bytes_store_be32(fragment + 4, identifier);
        output_head6(net, part, count + 8, 44);
    }
    return part;
}

static int
split_fragments(struct net *net, struct eng_out *out, const struct net_hop *hop, struct net_path_entry *path)
{
    uint32_t overhead_bytes = split_head_bytes(out) + (out->destination.family == ENG_IP6 ? 8 : 0);
    uint32_t part_bytes = (hop->mtu_bytes - overhead_bytes) & ~UINT32_C(7), total_bytes = out->head_bytes + out->data_bytes;
    uint32_t identifier = output_identifier(net, out, 1);
    int error = 0;
    eng_out_sum(out); // no adapter can: the sum is over all parts
    net_count(net, NET_COUNT_out_cut);
    for (uint32_t from = 0; from < total_bytes; from += part_bytes) {
        uint32_t count = total_bytes - from < part_bytes ? total_bytes - from : part_bytes;
        struct eng_out *part = split_part(net, out, from, count, identifier);
        if (!part) {
            error = -ENOMEM; // what has left is lost with the rest
            break;
        }
        net_count(net, NET_COUNT_out_fragments);
        output_hop(net, part, hop, path);
    }
    eng_out_put(net->pool, out);
    return error;
}

int
split_output(struct net *net, struct eng_out *out, const struct net_hop *hop, struct net_path_entry *path)
{
    uint32_t payload_bytes = out->head_bytes + out->data_bytes, head_bytes = split_head_bytes(out);
    if (hop->may_fragment)
        out->flags &= (uint16_t)~ENG_OUT_DONT_FRAGMENT;
    bool is_super = out->mss_bytes && out->data_bytes > out->mss_bytes;
    uint32_t packet_bytes = head_bytes + (is_super ? (uint32_t)out->head_bytes + out->mss_bytes : payload_bytes);
    if (packet_bytes <= hop->mtu_bytes) {
        split_head(net, out, payload_bytes);
        output_hop(net, out, hop, path);
        return 0;
    }
    bool is_too_big = out->destination.family == ENG_IP4 ? payload_bytes + head_bytes > UINT16_MAX : payload_bytes > UINT16_MAX;
    if (is_super || is_too_big || out->flags & ENG_OUT_DONT_FRAGMENT) {
        net_count(net, NET_COUNT_out_too_big);
        eng_out_put(net->pool, out);
        return -EMSGSIZE;
    }
    return split_fragments(net, out, hop, path);
}
