// SPDX-License-Identifier: MIT
// Neighbour discovery [RFC 4861 7]: solicitations and advertisements, for the neighbour cache and for duplicate address detection
// [RFC 4862 5.4, with the nonce of RFC 7527]. A hop limit of 255 proves that a message comes from this link; nothing else is read.
//   nd_input -> nd_solicited | nd_advertised | nd_redirected | router_input
//   nd_solicit, nd_probe, nd_advertise -> nd_send
#include "engine/net_int.h"

#define ROUTER_SOLICITATION 133u
#define ROUTER_ADVERTISEMENT 134u
#define NEIGHBOUR_SOLICITATION 135u
#define NEIGHBOUR_ADVERTISEMENT 136u
#define OPTION_SOURCE_LINK 1u
#define OPTION_TARGET_LINK 2u
#define OPTION_NONCE 14u
#define FLAG_ROUTER 0x80u
#define FLAG_SOLICITED 0x40u
#define FLAG_OVERRIDE 0x20u

struct eng_address
nd_solicited_group(const struct eng_address *target)
{
    struct eng_address group = {.bytes = {0xFF, 2, [11] = 1, 0xFF}, .family = ENG_IP6};
    memcpy(group.bytes + 13, target->bytes + 13, 3);
    return group;
}

// link NULL: the neighbour cache knows, or the group says.
void
nd_send(struct net *net, struct net_interface *interface, const struct eng_address *source, const struct eng_address *to,
        const uint8_t *message, size_t bytes, const uint8_t *link)
{
    struct eng_out *out = output_get(net);
    if (!out)
        return;
    uint8_t *head = eng_out_push_head(out, bytes);
    memcpy(head, message, bytes);
    uint16_t sum = csum_finish(csum_add(csum_pseudo6(source->bytes, to->bytes, NET_ICMP6, (uint32_t)bytes), head, bytes));
    memcpy(head + 2, &sum, 2);
    out->protocol = NET_ICMP6;
    out->hop_limit = 255;
    out->source = *source;
    out->destination = *to;
    out->interface_index = interface->index;
    if (link || eng_address_is_multicast(to))
        output_direct(net, interface, out, link);
    else
        output_packet(net, out);
}

void
nd_solicit(struct net *net, struct net_interface *interface, const struct eng_address *source, const struct eng_address *target,
           const uint8_t *to)
{
    uint8_t message[32] = {NEIGHBOUR_SOLICITATION, [24] = OPTION_SOURCE_LINK, [25] = 1};
    struct eng_address destination = to ? *target : nd_solicited_group(target);
    memcpy(message + 8, target->bytes, 16);
    memcpy(message + 26, interface->settings.link_address, 6);
    nd_send(net, interface, source, &destination, message, sizeof message, to);
}

void
nd_probe(struct net *net, struct net_local *local)
{
    uint8_t message[32] = {NEIGHBOUR_SOLICITATION, [24] = OPTION_NONCE, [25] = 1};
    struct eng_address any = address_any(ENG_IP6), group = nd_solicited_group(&local->a.address);
    uint64_t nonce = net_random(net);
    memcpy(local->nonce, &nonce, 6);
    memcpy(message + 8, local->a.address.bytes, 16);
    memcpy(message + 26, local->nonce, 6);
    nd_send(net, net->interfaces[local->a.interface_index], &any, &group, message, sizeof message, NULL);
}

void
nd_advertise(struct net *net, struct net_interface *interface, const struct eng_address *target, const struct eng_address *to,
             bool is_solicited)
{
    uint8_t message[32] = {NEIGHBOUR_ADVERTISEMENT, [24] = OPTION_TARGET_LINK, [25] = 1};
    message[4] = FLAG_OVERRIDE | (is_solicited ? FLAG_SOLICITED : 0);
    memcpy(message + 8, target->bytes, 16);
    memcpy(message + 26, interface->settings.link_address, 6);
    net_count(net, NET_COUNT_nd_advertisements);
    nd_send(net, interface, target, to, message, sizeof message, NULL);
}

// The options from at_bytes on: each has a length, and all end with the message [RFC 4861 6.1, 7.1]. Returns the first of this type.
// fails: *is_bad.
bool
nd_option(const struct eng_in *in, size_t at, uint8_t type, uint8_t *option, size_t bytes, bool *is_bad)
{
    size_t end = in->at_bytes + in->length_bytes;
    bool is_found = false;
    *is_bad = false;
    for (at += in->at_bytes; at < end;) {
        uint8_t scratch[2];
        const uint8_t *header = end - at >= 8 ? in_peek(in, at, 2, scratch) : NULL;
        if (!header || !header[1] || header[1] * 8u > end - at) {
            *is_bad = true;
            return false;
        }
        if (header[0] == type && !is_found && header[1] * 8u >= bytes)
            is_found = eng_spans_copy(in->spans, in->n_spans, at, option, bytes);
        at += header[1] * 8u;
    }
    return is_found;
}

// A question about an address of ours [RFC 4861 7.2.3, RFC 4862 5.4.3].
static bool
nd_solicited(struct net *net, const struct eng_in *in, struct net_interface *interface)
{
    uint8_t scratch[24], option[8], nonce[8];
    const uint8_t *message = in->length_bytes < 24 ? NULL : in_peek(in, in->at_bytes, 24, scratch);
    bool is_bad, is_nonce_bad;
    if (!message)
        return false;
    struct eng_address target = eng_address6(message + 8), group = nd_solicited_group(&target);
    bool has_link = nd_option(in, 24, OPTION_SOURCE_LINK, option, sizeof option, &is_bad);
    bool has_nonce = nd_option(in, 24, OPTION_NONCE, nonce, sizeof nonce, &is_nonce_bad);
    bool is_probe = eng_address_is_any(&in->source);
    if (is_bad || eng_address_is_multicast(&target) ||
        (is_probe && (has_link || !eng_address_is_equal(&in->destination, &group))) || (has_link && option[2] & 1))
        return false;
    struct net_local *local = local_find(net, interface->index, &target);
    if (!local || local->a.state == NET_ADDRESS_NONE || local->a.state == NET_ADDRESS_DUPLICATE)
        return true;
    if (local->a.state == NET_ADDRESS_TENTATIVE) {
        bool is_own = has_nonce && !memcmp(nonce + 2, local->nonce, 6); // our probe, come round a loop
        if (is_probe && !is_own)
            local_duplicate(net, local, NULL);
        return true;
    }
    if (is_probe) {
        struct eng_address all = eng_address6((uint8_t[16]){0xFF, 2, [15] = 1});
        nd_advertise(net, interface, &target, &all, false);
        return true;
    }
    if (net_address_is_ours(net, &in->source))
        return true; // forged, or a conflict that its advertisements show
    if (has_link) {
        struct net_neighbour *neighbour = neighbour_get(net, interface->index, &in->source, false);
        if (neighbour)
            neighbour_learn(net, neighbour, option + 2, false);
    }
    nd_advertise(net, interface, &target, &in->source, true);
    return true;
}

// [RFC 4861 7.2.5], for an entry that has a link address.
static void
nd_update(struct net *net, struct net_neighbour *neighbour, const uint8_t *link, unsigned flags)
{
    bool is_other = link && memcmp(neighbour->link, link, 6);
    if (is_other && !(flags & FLAG_OVERRIDE)) {
        if (neighbour->state == NEIGHBOUR_REACHABLE)
            neighbour_stale(net, neighbour);
        return;
    }
    net->generation += is_other;            // as in neighbour_learn
    if (is_other)
        memcpy(neighbour->link, link, 6);
    if (flags & FLAG_SOLICITED)
        neighbour_confirm(net, neighbour);
    else if (is_other)
        neighbour_stale(net, neighbour);
    bool was_router = neighbour->is_router;
    neighbour->is_router = flags & FLAG_ROUTER;
    if (was_router && !neighbour->is_router)
        router_lost(net, neighbour);
}

static bool
nd_advertised(struct net *net, const struct eng_in *in, struct net_interface *interface)
{
    uint8_t scratch[24], option[8];
    const uint8_t *message = in->length_bytes < 24 ? NULL : in_peek(in, in->at_bytes, 24, scratch);
    bool is_bad;
    if (!message)
        return false;
    struct eng_address target = eng_address6(message + 8);
    unsigned flags = message[4];
    bool has_link = nd_option(in, 24, OPTION_TARGET_LINK, option, sizeof option, &is_bad);
    if (is_bad || eng_address_is_multicast(&target) || (has_link && option[2] & 1) || eng_address_is_any(&in->source) ||
        (eng_address_is_multicast(&in->destination) && flags & FLAG_SOLICITED))
        return false;
    struct net_local *local = local_find(net, interface->index, &target);
    if (local) {
        if (has_link && !memcmp(option + 2, interface->settings.link_address, 6))
            return true; // our own, come back
        net_count(net, NET_COUNT_nd_conflicts);
        if (local->a.state == NET_ADDRESS_TENTATIVE)
            local_duplicate(net, local, has_link ? option + 2 : NULL);
        else if (local->a.state != NET_ADDRESS_DUPLICATE)
            local_conflict(net, local, has_link ? option + 2 : (const uint8_t[6]){0});
        return true;
    }
    struct net_neighbour *neighbour = neighbour_find(net, interface->index, &target);
    if (!neighbour)
        return true; // nobody asked
    if (neighbour->state != NEIGHBOUR_INCOMPLETE) {
        nd_update(net, neighbour, has_link ? option + 2 : NULL, flags);
    } else if (has_link) {
        neighbour->is_router = flags & FLAG_ROUTER;
        neighbour_learn(net, neighbour, option + 2, flags & FLAG_SOLICITED);
    }
    return true;
}

// [RFC 4861 8.1, 8.3]
static bool
nd_redirected(struct net *net, const struct eng_in *in, struct net_interface *interface)
{
    uint8_t scratch[40], option[8];
    const uint8_t *message = in->length_bytes < 40 ? NULL : in_peek(in, in->at_bytes, 40, scratch);
    bool is_bad;
    if (!message)
        return false;
    struct eng_address target = eng_address6(message + 8), destination = eng_address6(message + 24);
    bool has_link = nd_option(in, 40, OPTION_TARGET_LINK, option, sizeof option, &is_bad);
    bool is_itself = eng_address_is_equal(&target, &destination);
    if (is_bad || !eng_address_is_link_local(&in->source) || eng_address_is_multicast(&destination) ||
        (!is_itself && !eng_address_is_link_local(&target)) || (has_link && option[2] & 1))
        return false;
    if (!icmp_redirect(net, in, &destination, &target)) {
        net_count(net, NET_COUNT_icmp_redirects_refused);
        return true;
    }
    net_count(net, NET_COUNT_icmp_redirects);
    struct net_neighbour *neighbour = has_link ? neighbour_get(net, interface->index, &target, false) : NULL;
    if (neighbour) {
        neighbour->is_router |= !is_itself;
        neighbour_learn(net, neighbour, option + 2, false);
    }
    return true;
}

void
nd_input(struct net *net, struct eng_in *in, uint8_t type)
{
    struct net_interface *interface = net_interface_of(net, in->interface_index);
    uint8_t scratch[2];
    const uint8_t *message = in_peek(in, in->at_bytes, 2, scratch);
    bool is_good = in->hop_limit == 255 && message[1] == 0 && !(in->flags & (ENG_IN_LOOPBACK | ENG_IN_REASSEMBLED)); // [RFC 6980]
    net_count(net, NET_COUNT_nd_in);
    if (is_good && type == NEIGHBOUR_SOLICITATION)
        is_good = nd_solicited(net, in, interface);
    else if (is_good && type == NEIGHBOUR_ADVERTISEMENT)
        is_good = nd_advertised(net, in, interface);
    else if (is_good && type == ROUTER_ADVERTISEMENT)
        is_good = router_input(net, in, interface);
    else if (is_good && type != ROUTER_SOLICITATION) // a host is not asked
        is_good = nd_redirected(net, in, interface);
    if (!is_good)
        net_count(net, NET_COUNT_nd_bad);
}
