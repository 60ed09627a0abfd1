// SPDX-License-Identifier: MIT
// IPv4 coming in [RFC 791, RFC 1122 3.2.1]: the header in every bit, the options, the addresses that nobody may use, then the
// fragments, then the upper layer. A host forwards nothing; what came by a source route is dropped [RFC 7126 4.3, 4.4] unless the settings
// have TCP hear it.
//   ip4_input -> frag_input -> ip4_deliver -> icmp4.c, igmp.c, udp.c, or the caller
#include "engine/net_int.h"
#include "engine/source_route.h"

#define IP4_HEADER_MAX 60u

// Addresses that no packet from a link may carry [RFC 1122 3.2.1.3, RFC 6890].
static bool
ip4_is_martian(struct net *net, const struct eng_in *in)
{
    const struct eng_address *source = &in->source, *destination = &in->destination;
    if (eng_address_is_any(destination))
        return true;
    if (eng_address_is_any(source))
        return !(in->protocol == NET_IGMP && eng_address_is_multicast(destination)); // a querier may have none [RFC 4541 2.1.1]
    if (source->bytes[0] == 0 || source->bytes[0] >= 224 || destination->bytes[0] == 0)
        return true;
    if (in->flags & ENG_IN_LOOPBACK)
        return !net_address_is_ours(net, source);
    return eng_address_is_loopback(source) || eng_address_is_loopback(destination) || net_address_is_ours(net, source) ||
           local_is_broadcast(net, in->interface_index, source);
}

// Is it for us? A broadcast and a group are marked, because no error may answer them.
static bool
ip4_is_for_us(struct net *net, struct eng_in *in)
{
    const uint32_t link_flags = ENG_IN_LINK_BROADCAST | ENG_IN_LINK_MULTICAST;
    if (eng_address_is_multicast(&in->destination)) {
        in->flags |= ENG_IN_LINK_MULTICAST;
        return group_is_joined(net, in->interface_index, &in->destination);
    }
    if (in->flags & ENG_IN_LOOPBACK && net_address_is_ours(net, &in->destination))
        return true;
    if (local_find_usable(net, in->interface_index, &in->destination))
        return !(in->flags & link_flags); // one host's packet in a frame for all [RFC 1122 3.3.6]
    if (!local_is_broadcast(net, in->interface_index, &in->destination))
        return false;
    in->flags |= ENG_IN_LINK_BROADCAST;
    return true;
}

static const uint8_t *
ip4_header(struct net *net, struct eng_in *in, uint8_t *scratch)
{
    const uint8_t *header = in->length_bytes < IP4_HEADER_BYTES ? NULL : in_peek(in, in->at_bytes, IP4_HEADER_BYTES, scratch);
    unsigned header_bytes = header ? (header[0] & 0xFu) * 4 : 0;
    if (!header || header[0] >> 4 != 4 || header_bytes < IP4_HEADER_BYTES || header_bytes > in->length_bytes) {
        net_count(net, NET_COUNT_in_bad_header);
        return NULL;
    }
    if (header_bytes > IP4_HEADER_BYTES)
        header = in_peek(in, in->at_bytes, header_bytes, scratch);
    if (!(in->flags & ENG_IN_IP_SUM_GOOD) && csum_of(header, header_bytes)) {
        net_count(net, NET_COUNT_in_bad_sum);
        return NULL;
    }
    uint32_t total_bytes = bytes_load_be16(header + 2);
    if (!total_bytes && in->coalesced > 1)
        total_bytes = in->length_bytes; // joined segments can be longer than the field says
    if (total_bytes < header_bytes || total_bytes > in->length_bytes || bytes_load_be16(header + 6) & 0x8000) {
        net_count(net, NET_COUNT_in_bad_header);
        return NULL;
    }
    in->length_bytes = total_bytes; // the link may have padded it
    return header;
}

// May a packet that came by a source route go on? Only to TCP, which goes the way back, and only when this is the route's end.
static bool
ip4_route_is_good(struct net *net, struct eng_in *in, const uint8_t *options, const struct source_route_seen *seen)
{
    if (in->protocol != NET_TCP || !source_route_is_complete(options, seen)) {
        net_count(net, NET_COUNT_in_source_route);
        return false;
    }
    in->flags |= ENG_IN_SOURCE_ROUTE;
    return true;
}

// False: refused, and said so where that may be said.
static bool
ip4_options_are_good(struct net *net, struct eng_in *in, const uint8_t *header, unsigned header_bytes)
{
    struct source_route_seen seen;
    const uint8_t *options = header + IP4_HEADER_BYTES;
    in->flags |= ENG_IN_OPTIONS;
    bool is_good = source_route_look(options, header_bytes - IP4_HEADER_BYTES, &seen);
    if (seen.has_route && !net->settings.accepts_source_routes) {
        net_count(net, NET_COUNT_in_source_route); // in silence, whatever it says
        return false;
    }
    if (!is_good) {
        net_count(net, NET_COUNT_in_bad_options);
        icmp4_error(net, in, ICMP4_PARAMETER, 0, (IP4_HEADER_BYTES + seen.bad_at) << 24);
        return false;
    }
    return !seen.n_bytes || ip4_route_is_good(net, in, options, &seen);
}

void
ip4_input(struct net *net, struct eng_in *in, struct net_result *result)
{
    uint8_t scratch[IP4_HEADER_MAX];
    net_count(net, NET_COUNT_in_ip4);
    const uint8_t *header = ip4_header(net, in, scratch);
    if (!header)
        return;
    unsigned header_bytes = (header[0] & 0xFu) * 4, fragment = bytes_load_be16(header + 6);
    in->ip_at_bytes = in->at_bytes;
    in->traffic_class = header[1];
    in->dont_fragment = fragment & 0x4000 ? 1 : 0;
    in->hop_limit = header[8];
    in->protocol = header[9];
    in->source = eng_address4(header + 12);
    in->destination = eng_address4(header + 16);
    if (ip4_is_martian(net, in)) {
        net_count(net, NET_COUNT_in_martian);
        return;
    }
    if (!ip4_is_for_us(net, in)) {
        net_count(net, NET_COUNT_in_wrong_destination);
        return;
    }
    in_advance(in, header_bytes);
    if (header_bytes > IP4_HEADER_BYTES && !ip4_options_are_good(net, in, header, header_bytes))
        return;
    if (fragment & 0x3FFF) {
        struct frag_piece_info info = {.identifier = bytes_load_be16(header + 4), .offset_bytes = (fragment & 0x1FFF) * 8,
                                       .has_more = fragment & 0x2000, .protocol = in->protocol, .head_bytes = header_bytes};
        if (!frag_input(net, in, &info, result))
            return;
    }
    ip4_deliver(net, in, result);
}

void
ip4_deliver(struct net *net, struct eng_in *in, struct net_result *result)
{
    result->raw_at_bytes = in->at_bytes;
    result->raw_end_bytes = in->at_bytes + in->length_bytes;
    result->is_raw_too = raw_is_open(net, ENG_IP4, in->protocol);
    switch (in->protocol) {
    case NET_TCP:
        // Nobody connects to a group [RFC 1122 4.2.3.10].
        if (!(in->flags & (ENG_IN_LINK_BROADCAST | ENG_IN_LINK_MULTICAST)))
            result->verdict = NET_FOR_TCP;
        break;
    case NET_UDP: udp_input(net, in, result); break;
    case NET_ICMP4: icmp4_input(net, in, result); break;
    case NET_IGMP: igmp_input(net, in); break;
    default:
        if (result->is_raw_too) {
            result->verdict = NET_FOR_RAW;
            result->is_raw_too = false;
            break;
        }
        net_count(net, NET_COUNT_in_unknown_protocol);
        icmp4_error(net, in, ICMP4_UNREACHABLE, 2, 0);
    }
}
