// SPDX-License-Identifier: MIT
// IPv6 coming in [RFC 8200]: the header, the addresses that nobody may use, then the chain of extension headers, each with its limits,
// to the upper layer. Routing headers are not followed [RFC 5095]; a fragment that is the whole is one [RFC 6946].
//   ip6_input -> ip6_deliver: hop-by-hop and destination options (ip6_options), routing, fragment -> frag_input -> the rest of the
//                chain -> icmp6.c, udp.c, or the caller
//   ip6_find_upper  the same chain in a packet that is only quoted
#include "engine/net_int.h"

#define HOP_BY_HOP 0u
#define ROUTING 43u
#define FRAGMENT 44u
#define NO_NEXT 59u
#define DESTINATION 60u
#define EXTENSIONS_MAX 8u           // headers in a chain [RFC 8504 5.3 allows a limit]
#define EXTENSION_BYTES_MAX 512u    // of one
#define OPTIONS_MAX 8u              // that are not padding
#define OPTION_ROUTER_ALERT 5u

static bool
ip6_is_martian(struct net *net, const struct eng_in *in)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    const struct eng_address *source = &in->source, *destination = &in->destination;
    if (eng_address_is_multicast(source) || eng_address_is_any(destination) || !memcmp(source->bytes, mapped, 12) ||
        !memcmp(destination->bytes, mapped, 12))
        return true;
    if (eng_address_is_multicast(destination) && !(destination->bytes[1] & 0xF))
        return true; // a scope that is reserved [RFC 4291 2.7]
    if (eng_address_is_any(source))
        return !eng_address_is_multicast(destination); // who has no address can ask, not talk
    if (in->flags & ENG_IN_LOOPBACK)
        return !net_address_is_ours(net, source);
    if (eng_address_is_loopback(source) || eng_address_is_loopback(destination))
        return true;
    if (eng_address_is_multicast(destination) && (destination->bytes[1] & 0xF) == 1)
        return true; // never leaves an interface
    // Ours: somebody else has it (nd.c wants to know), or it is forged.
    return net_address_is_ours(net, source) && !(in->protocol == NET_ICMP6 && in->hop_limit == 255);
}

static bool
ip6_is_for_us(struct net *net, struct eng_in *in)
{
    if (eng_address_is_multicast(&in->destination)) {
        in->flags |= ENG_IN_LINK_MULTICAST;
        return group_is_joined(net, in->interface_index, &in->destination);
    }
    if (in->flags & ENG_IN_LOOPBACK && net_address_is_ours(net, &in->destination))
        return true;
    return local_find_usable(net, in->interface_index, &in->destination) &&
           !(in->flags & (ENG_IN_LINK_BROADCAST | ENG_IN_LINK_MULTICAST));
}

void
ip6_input(struct net *net, struct eng_in *in, struct net_result *result)
{
    uint8_t scratch[IP6_HEADER_BYTES];
    const uint8_t *header = in->length_bytes < IP6_HEADER_BYTES ? NULL : in_peek(in, in->at_bytes, IP6_HEADER_BYTES, scratch);
    net_count(net, NET_COUNT_in_ip6);
    uint32_t payload_bytes = header ? bytes_load_be16(header + 4) : 0;
    if (header && !payload_bytes && in->coalesced > 1)
        payload_bytes = in->length_bytes - IP6_HEADER_BYTES; // joined segments can be longer than the field says
    if (!header || header[0] >> 4 != 6 || payload_bytes > in->length_bytes - IP6_HEADER_BYTES) {
        net_count(net, NET_COUNT_in_bad_header);
        return;
    }
    uint32_t first = bytes_load_be32(header);
    in->ip_at_bytes = in->at_bytes;
    in->length_bytes = IP6_HEADER_BYTES + payload_bytes;
    in->traffic_class = (uint8_t)(first >> 20);
    in->flow_label = first & 0xFFFFF;
    in->dont_fragment = 1;
    in->protocol = header[6];
    in->hop_limit = header[7];
    in->source = eng_address6(header + 8);
    in->destination = eng_address6(header + 24);
    if (ip6_is_martian(net, in)) {
        net_count(net, NET_COUNT_in_martian);
        return;
    }
    if (!ip6_is_for_us(net, in)) {
        net_count(net, NET_COUNT_in_wrong_destination);
        return;
    }
    in_advance(in, IP6_HEADER_BYTES);
    ip6_deliver(net, in, result, in->protocol, 6);
}

// An unknown option says itself what is to be done about it [RFC 8200 4.2]. True: go on.
static bool
ip6_unknown_option(struct net *net, const struct eng_in *in, uint8_t type, uint32_t pointer)
{
    if (type >> 6 == 0)
        return true;
    net_count(net, NET_COUNT_in_bad_options);
    if (type >> 6 == 2 || (type >> 6 == 3 && !eng_address_is_multicast(&in->destination)))
        icmp6_error(net, in, ICMP6_PARAMETER, 2, pointer);
    return false;
}

// Options of a header of `bytes`, of which the first two are read. Padding is short and empty, options are few [RFC 8504 5.3].
static bool
ip6_options(struct net *net, const struct eng_in *in, const uint8_t *header, uint32_t bytes, bool is_hop_by_hop)
{
    unsigned options = 0;
    for (uint32_t at = 2; at < bytes;) {
        if (header[at] == 0) {
            at++;
            continue;
        }
        if (at + 1 >= bytes || header[at + 1] > bytes - at - 2) {
            net_count(net, NET_COUNT_in_bad_options);
            return false;
        }
        uint32_t pointer = in->at_bytes - in->ip_at_bytes + at, option_bytes = header[at + 1] + 2u;
        if (header[at] == 1) {
            for (uint32_t i = 2; i < option_bytes; i++)
                if (header[at + i] || option_bytes > 7)
                    return net_count(net, NET_COUNT_in_bad_options), false;
        } else if (++options > OPTIONS_MAX) {
            return net_count(net, NET_COUNT_in_bad_options), false;
        } else if (!(is_hop_by_hop && header[at] == OPTION_ROUTER_ALERT && option_bytes == 4) &&
                   !ip6_unknown_option(net, in, header[at], pointer)) {
            return false;
        }
        at += option_bytes;
    }
    return true;
}

// Does the chain that begins here reach its upper layer within the packet? [RFC 7112]
static bool
ip6_chain_is_whole(const struct eng_in *in, uint8_t next)
{
    size_t at = in->at_bytes, end = in->at_bytes + in->length_bytes;
    for (unsigned i = 0; i < EXTENSIONS_MAX; i++) {
        uint8_t scratch[2];
        if (next == NO_NEXT)
            return true;
        if (next != HOP_BY_HOP && next != ROUTING && next != DESTINATION)
            return at + (next == NET_TCP ? 20 : next == NET_UDP || next == NET_ICMP6 ? 8 : 0) <= end;
        const uint8_t *header = at + 8 <= end ? in_peek(in, at, 2, scratch) : NULL;
        if (!header)
            return false;
        next = header[0];
        at += (header[1] + 1u) * 8;
    }
    return false;
}

bool
ip6_find_upper(const struct eng_in *in, size_t at, size_t end, uint8_t next, uint8_t *protocol, size_t *upper_at)
{
    for (unsigned i = 0; i <= EXTENSIONS_MAX; i++) {
        uint8_t scratch[8];
        if (next != HOP_BY_HOP && next != ROUTING && next != DESTINATION && next != FRAGMENT) {
            *protocol = next;
            *upper_at = at;
            return at <= end;
        }
        const uint8_t *header = at + 8 <= end ? in_peek(in, at, 8, scratch) : NULL;
        if (!header || (next == FRAGMENT && bytes_load_be16(header + 2) & 0xFFF8))
            return false; // a later fragment shows no upper layer
        at += next == FRAGMENT ? 8 : (header[1] + 1u) * 8;
        next = header[0];
    }
    return false;
}

enum step { STEP_ON, STEP_STOP };

// A fragment header: the rest is in other packets, or (an atomic one) all here.
static enum step
ip6_fragment(struct net *net, struct eng_in *in, struct net_result *result, uint8_t *next, uint32_t next_field_bytes)
{
    uint8_t scratch[8];
    const uint8_t *header = in->length_bytes < 8 ? NULL : in_peek(in, in->at_bytes, 8, scratch);
    if (!header || in->flags & ENG_IN_REASSEMBLED) {
        net_count(net, NET_COUNT_in_bad_extension);
        return STEP_STOP;
    }
    unsigned field = bytes_load_be16(header + 2);
    struct frag_piece_info info = {.identifier = bytes_load_be32(header + 4), .offset_bytes = field & 0xFFF8, .has_more = field & 1,
                                   .protocol = header[0], .field_bytes = in->at_bytes - in->ip_at_bytes,
                                   .head_bytes = in->at_bytes - in->ip_at_bytes, .next_field_bytes = next_field_bytes};
    *next = header[0];
    in_advance(in, 8);
    if (!info.offset_bytes && !ip6_chain_is_whole(in, info.protocol)) {
        net_count(net, NET_COUNT_in_bad_extension);
        icmp6_error(net, in, ICMP6_PARAMETER, 3, 0);
        return STEP_STOP;
    }
    if (!info.offset_bytes && !info.has_more)
        return STEP_ON;
    if (!frag_input(net, in, &info, result))
        return STEP_STOP;
    *next = in->protocol;
    return STEP_ON;
}

// Hop-by-hop options, destination options, a routing header. next: which, then what follows.
static enum step
ip6_extension(struct net *net, struct eng_in *in, uint8_t *next)
{
    uint8_t scratch[EXTENSION_BYTES_MAX];
    const uint8_t *header = in->length_bytes < 8 ? NULL : in_peek(in, in->at_bytes, 8, scratch);
    uint32_t bytes = header ? (header[1] + 1u) * 8 : 0;
    if (!header || bytes > in->length_bytes || bytes > EXTENSION_BYTES_MAX) {
        net_count(net, NET_COUNT_in_bad_extension);
        return STEP_STOP;
    }
    in->flags |= ENG_IN_OPTIONS;
    header = in_peek(in, in->at_bytes, bytes, scratch);
    if (*next == ROUTING && header[3]) {
        net_count(net, NET_COUNT_in_source_route); // a type that is unknown, or forbidden [RFC 8200 4.4, RFC 5095 3]
        icmp6_error(net, in, ICMP6_PARAMETER, 0, in->at_bytes - in->ip_at_bytes + 2);
        return STEP_STOP;
    }
    if (*next != ROUTING && !ip6_options(net, in, header, bytes, *next == HOP_BY_HOP))
        return STEP_STOP;
    *next = header[0];
    in_advance(in, bytes);
    return STEP_ON;
}

static void
ip6_upper(struct net *net, struct eng_in *in, struct net_result *result, uint32_t next_field_bytes)
{
    result->raw_at_bytes = in->at_bytes;
    result->raw_end_bytes = in->at_bytes + in->length_bytes;
    result->is_raw_too = raw_is_open(net, ENG_IP6, in->protocol);
    switch (in->protocol) {
    case NET_TCP:
        if (!(in->flags & (ENG_IN_LINK_BROADCAST | ENG_IN_LINK_MULTICAST)))
            result->verdict = NET_FOR_TCP;
        break;
    case NET_UDP: udp_input(net, in, result); break;
    case NET_ICMP6: icmp6_input(net, in, result); break;
    case NO_NEXT: break;
    default:
        if (result->is_raw_too) {
            result->verdict = NET_FOR_RAW;
            result->is_raw_too = false;
            break;
        }
        net_count(net, NET_COUNT_in_unknown_protocol);
        icmp6_error(net, in, ICMP6_PARAMETER, 1, next_field_bytes);
    }
}

void
ip6_deliver(struct net *net, struct eng_in *in, struct net_result *result, uint8_t next, uint32_t next_field_bytes)
{
    for (unsigned i = 0; next == HOP_BY_HOP || next == ROUTING || next == DESTINATION || next == FRAGMENT; i++) {
        uint32_t field_bytes = in->at_bytes - in->ip_at_bytes;
        if (i == EXTENSIONS_MAX || (next == HOP_BY_HOP && i)) {
            net_count(net, NET_COUNT_in_bad_extension);
            if (next == HOP_BY_HOP)
                icmp6_error(net, in, ICMP6_PARAMETER, 1, next_field_bytes); // it comes first or not at all
            return;
        }
        bool is_fragment = next == FRAGMENT;
        if ((is_fragment ? ip6_fragment(net, in, result, &next, next_field_bytes) : ip6_extension(net, in, &next)) == STEP_STOP)
            return;
        // What names the next header is this header's first byte, or, in a packet put together, the field before.
        if (!is_fragment || !(in->flags & ENG_IN_REASSEMBLED))
            next_field_bytes = field_bytes;
    }
    in->protocol = next;
    ip6_upper(net, in, result, next_field_bytes);
}
