// SPDX-License-Identifier: MIT
// Which of our addresses a packet comes from [RFC 6724 5]. The candidates are those of the interface that it leaves by [4], because
// this host is a strong one; for a destination on this host they are all.
//   source_select: the candidate that wins each comparison, rule by rule
#include "engine/net_int.h"

static unsigned
source_scope(const struct eng_address *address)
{
    if (address->family == ENG_IP4)
        return eng_address_is_loopback(address) || eng_address_is_link_local(address) ? 2 : 14;
    if (eng_address_is_multicast(address))
        return address->bytes[1] & 0xF;
    if (eng_address_is_loopback(address) || eng_address_is_link_local(address))
        return 2;
    return address->bytes[0] == 0xFE && (address->bytes[1] & 0xC0) == 0xC0 ? 5 : 14; // site-local [RFC 3513]
}

// The default policy table [RFC 6724 2.1].
static unsigned
source_label(const struct eng_address *address)
{
    static const struct {
        uint8_t prefix[16], bits, label;
    } policy[] = {
        {{[15] = 1}, 128, 0}, {{[10] = 0xFF, [11] = 0xFF}, 96, 4}, {{0}, 96, 3}, {{0x20, 0x01}, 32, 5}, {{0x20, 0x02}, 16, 2},
        {{0x3F, 0xFE}, 16, 12}, {{0xFE, 0xC0}, 10, 11}, {{0xFC}, 7, 13},
    };
    for (unsigned i = 0; i < sizeof policy / sizeof policy[0]; i++) {
        struct eng_address prefix = eng_address6(policy[i].prefix);
        if (address_matches(address, &prefix, policy[i].bits))
            return policy[i].label;
    }
    return 1;
}

static bool
source_is_better(const struct net_local *left, const struct net_local *right, const struct eng_address *destination)
{
    const struct eng_address *a = &left->a.address, *b = &right->a.address;
    bool is_a = eng_address_is_equal(a, destination), is_b = eng_address_is_equal(b, destination);
    if (is_a != is_b)
        return is_a; // rule 1
    unsigned scope_a = source_scope(a), scope_b = source_scope(b), scope = source_scope(destination);
    if (scope_a != scope_b) // rule 2
        return scope_a < scope_b ? scope_a >= scope : scope_b < scope;
    bool is_a_preferred = left->a.state == NET_ADDRESS_PREFERRED, is_b_preferred = right->a.state == NET_ADDRESS_PREFERRED;
    if (is_a_preferred != is_b_preferred)
        return is_a_preferred; // rule 3
    if (destination->family == ENG_IP6) {
        bool is_label_a = source_label(a) == source_label(destination), is_label_b = source_label(b) == source_label(destination);
        if (is_label_a != is_label_b)
            return is_label_a; // rule 6
    }
    unsigned bits_a = address_common_bits(a, destination), bits_b = address_common_bits(b, destination);
    if (bits_a > left->a.prefix_bits)
        bits_a = left->a.prefix_bits;
    if (bits_b > right->a.prefix_bits)
        bits_b = right->a.prefix_bits;
    return bits_a > bits_b; // rule 8; equal: the older one
}

bool
source_select(struct net *net, uint32_t interface_index, const struct eng_address *destination, struct eng_address *source)
{
    const struct net_local *best = NULL;
    bool is_own = interface_index == NET_LOOPBACK && !eng_address_is_loopback(destination);
    for (unsigned i = 0; i < net->locals_end; i++) {
        const struct net_local *local = &net->locals[i];
        if (!local->is_used || local->a.address.family != destination->family ||
            (local->a.state != NET_ADDRESS_PREFERRED && local->a.state != NET_ADDRESS_DEPRECATED) ||
            (!is_own && local->a.interface_index != interface_index))
            continue;
        if (!best || source_is_better(local, best, destination))
            best = local;
    }
    if (!best)
        return false;
    *source = best->a.address;
    return true;
}
