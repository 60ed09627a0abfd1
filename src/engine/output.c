// SPDX-License-Identifier: MIT
// A packet on its way down: where it goes, from which address, its IP header, and the next hop.
//   output_packet  route_hop -> source_select -> [a copy for our own listeners of the group] -> split_output -> output_hop
//   output_hop     the outbox (loopback), eth_output (groups, broadcast) or neighbour_output
//   output_direct  for questions that come before any of that: the link address is known
#include "engine/net_int.h"

struct eng_out *
output_get(struct net *net)
{
    struct eng_out *out = eng_out_get(net->pool);
    if (!out)
        net_count(net, NET_COUNT_out_no_memory);
    return out;
}

// Identifiers of packets that may be cut: a counter for each of 256 keyed classes of (source, destination, protocol), so that nobody
// learns the rate of one from another [RFC 7739].
uint32_t
output_identifier(struct net *net, const struct eng_out *out, unsigned count)
{
    uint8_t key[33];
    memcpy(key, out->source.bytes, 16);
    memcpy(key + 16, out->destination.bytes, 16);
    key[32] = out->protocol;
    uint32_t *counter = &net->identifiers[siphash(&net->identifier_key, key, sizeof key) % IDENTIFIERS];
    uint32_t identifier = *counter;
    *counter += count;
    return identifier;
}

// fragment: the field with flags and offset; DF is added.
void
output_head4(struct net *net, struct eng_out *out, uint32_t payload_bytes, uint16_t identifier, uint16_t fragment)
{
    bool is_alert = out->flags & ENG_OUT_ROUTER_ALERT;
    size_t bytes = output_head4_bytes(out);
    uint8_t *ip = eng_out_push_head(out, bytes);
    uint32_t total_bytes = (uint32_t)bytes + payload_bytes;
    ip[0] = (uint8_t)(0x40 | bytes / 4);
    ip[1] = out->traffic_class;
    bytes_store_be16(ip + 2, total_bytes > UINT16_MAX ? 0 : (uint16_t)total_bytes); // a super-segment's does not matter
    bytes_store_be16(ip + 4, identifier);
    bytes_store_be16(ip + 6, fragment | (out->flags & ENG_OUT_DONT_FRAGMENT ? 0x4000 : 0));
    ip[8] = out->hop_limit;
    ip[9] = out->protocol;
    memset(ip + 10, 0, 2);
    memcpy(ip + 12, out->source.bytes, 4);
    memcpy(ip + 16, out->destination.bytes, 4);
    if (is_alert)
        memcpy(ip + 20, "\x94\x04\0\0", 4); // [RFC 2113]
    if (out->n_ip_options)
        memcpy(ip + bytes - out->n_ip_options, out->ip_options, out->n_ip_options);
    uint16_t sum = csum_of(ip, bytes);
    memcpy(ip + 10, &sum, 2);
}

void
output_head6(struct net *net, struct eng_out *out, uint32_t payload_bytes, uint8_t next)
{
    if (out->flags & ENG_OUT_ROUTER_ALERT) {
        uint8_t *options = eng_out_push_head(out, 8);
        memcpy(options, (uint8_t[8]){next, 0, 5, 2, 0, 0, 1, 0}, 8); // router alert for MLD, PadN [RFC 2711, RFC 2710 3]
        next = 0;
        payload_bytes += 8;
    }
    uint8_t *ip = eng_out_push_head(out, IP6_HEADER_BYTES);
    bytes_store_be32(ip, UINT32_C(6) << 28 | (uint32_t)out->traffic_class << 20 | (out->flow_label & 0xFFFFF));
    bytes_store_be16(ip + 4, payload_bytes > UINT16_MAX ? 0 : (uint16_t)payload_bytes);
    ip[6] = next;
    ip[7] = out->hop_limit;
    memcpy(ip + 8, out->source.bytes, 16);
    memcpy(ip + 24, out->destination.bytes, 16);
}

static void
output_head(struct net *net, struct eng_out *out)
{
    uint32_t payload_bytes = out->head_bytes + out->data_bytes;
    if (out->destination.family == ENG_IP4) {
        // One that cannot be cut needs no identifier [RFC 6864 4.1]; one that may be has its own.
        uint16_t identifier = out->flags & ENG_OUT_DONT_FRAGMENT ? 0 : (uint16_t)output_identifier(net, out, 1);
        output_head4(net, out, payload_bytes, identifier, 0);
    } else {
        output_head6(net, out, payload_bytes, out->protocol);
    }
}

// What our own receivers of the group or the broadcast get.
void
output_loop_copy(struct net *net, const struct eng_out *out, struct net_interface *interface)
{
    struct eng_out *copy = output_get(net);
    if (!copy)
        return;
    for (unsigned i = 0; i < out->n_data; i++)
        eng_out_add(copy, &out->data[i]);
    memcpy(eng_out_push_head(copy, out->head_bytes), out->head, out->head_bytes);
    copy->protocol = out->protocol;
    copy->hop_limit = out->hop_limit;
    copy->traffic_class = out->traffic_class;
    copy->l4_bytes = out->l4_bytes;
    copy->l4_sum_offset = out->l4_sum_offset;
    copy->flags = out->flags | ENG_OUT_LOOPBACK;
    copy->flow_label = out->flow_label;
    copy->source = out->source;
    copy->destination = out->destination;
    copy->interface_index = interface->index;
    output_head(net, copy);
    eng_outbox_push(net->outbox, copy);
}

void
output_hop(struct net *net, struct eng_out *out, const struct net_hop *hop, struct net_path_entry *path)
{
    uint8_t link[6];
    if (hop->kind == HOP_LOOPBACK) {
        out->flags |= ENG_OUT_LOOPBACK;
        net_count(net, NET_COUNT_out_packets);
        eng_outbox_push(net->outbox, out);
        return;
    }
    if (hop->kind != HOP_UNICAST) {
        if (hop->kind == HOP_BROADCAST)
            memset(link, 0xFF, sizeof link);
        else
            eth_multicast(&out->destination, link);
        eth_output(net, hop->interface, out, link, out->destination.family == ENG_IP4 ? ETH_IP4 : ETH_IP6);
        return;
    }
    bool is_valid = path && path->generation == net->generation;
    struct net_neighbour *neighbour = is_valid ? path->neighbour : NULL;
    if (!neighbour) {
        neighbour = neighbour_get(net, hop->interface->index, &hop->next, true);
        if (!neighbour) {
            eng_out_put(net->pool, out);
            return;
        }
        if (is_valid && path->generation == net->generation)
            path->neighbour = neighbour;
    }
    neighbour_output(net, neighbour, out);
}

void
output_direct(struct net *net, struct net_interface *interface, struct eng_out *out, const uint8_t *link)
{
    uint8_t group[6];
    if (!link)
        eth_multicast(&out->destination, group);
    out->l4_bytes = out->head_bytes;
    eng_out_sum(out);
    output_head(net, out);
    eth_output(net, interface, out, link ? link : group, out->destination.family == ENG_IP4 ? ETH_IP4 : ETH_IP6);
}

static int
output_refuse(struct net *net, struct eng_out *out, int error)
{
    if (error == -ENETUNREACH || error == -EADDRNOTAVAIL)
        net_count(net, NET_COUNT_out_no_route);
    eng_out_put(net->pool, out);
    return error;
}

// Options go to one host, in an IPv4 header that has room for them, on whole packets: an adapter that cuts or sums looks at the header's
// destination, which is not the one that the upper layer's checksum covers.
static bool
output_options_are_good(struct eng_out *out, const struct net_hop *hop)
{
    if (out->destination.family != ENG_IP4 || out->n_ip_options > ENG_IP_OPTIONS_BYTES || out->n_ip_options % 4 || out->mss_bytes ||
        out->flags & ENG_OUT_ROUTER_ALERT || hop->kind == HOP_MULTICAST || hop->kind == HOP_BROADCAST)
        return false;
    eng_out_sum(out);
    return true;
}

int
output_packet(struct net *net, struct eng_out *out)
{
    struct net_hop hop;
    struct net_path_entry *path;
    uint8_t family = out->destination.family;
    if (!out->source.family)
        out->source = address_any(family);
    if ((family != ENG_IP4 && family != ENG_IP6) || out->source.family != family || out->l4_bytes > out->head_bytes)
        return output_refuse(net, out, -EINVAL);
    int error = route_hop(net, &out->source, &out->destination, out->interface_index, &hop, &path);
    if (error)
        return output_refuse(net, out, error);
    if (eng_address_is_any(&out->source)) {
        if (out->flags & ENG_OUT_L4_SUM_PARTIAL)
            return output_refuse(net, out, -EINVAL); // its pseudo-header had no source
        if (!source_select(net, hop.interface->index, &out->destination, &out->source))
            return output_refuse(net, out, -EADDRNOTAVAIL);
    }
    out->l4_bytes = out->head_bytes;
    if (out->n_ip_options && !output_options_are_good(out, &hop))
        return output_refuse(net, out, -EINVAL);
    out->interface_index = hop.interface->index;
    bool is_group = hop.kind == HOP_MULTICAST || hop.kind == HOP_BROADCAST;
    if (!out->hop_limit)
        out->hop_limit = hop.kind == HOP_MULTICAST ? 1 : family == ENG_IP4 ? hop.interface->settings.hop_limit : hop.interface->hop_limit6;
    if (is_group && !(out->flags & ENG_OUT_NO_LOOP) &&
        (hop.kind == HOP_BROADCAST || group_is_joined(net, hop.interface->index, &out->destination)))
        output_loop_copy(net, out, hop.interface);
    return split_output(net, out, &hop, path);
}
