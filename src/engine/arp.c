// SPDX-License-Identifier: MIT
// ARP [RFC 826] with conflict detection [RFC 5227]: questions and answers for the neighbour cache, probes and announcements for our
// addresses (local.c decides when). Nobody off the link's prefixes is believed, and nobody makes us forget an address that was
// configured: a conflict is defended and told.
//   arp_input  <- eth.c
//   arp_ask, arp_probe, arp_announce -> eth.c
#include "engine/net_int.h"

#define ARP_BYTES 28u
#define ARP_REQUEST 1u
#define ARP_REPLY 2u

struct arp {
    unsigned operation;
    const uint8_t *sender_link, *target_link;
    struct eng_address sender, target;
};

static void
arp_send(struct net *net, struct net_interface *interface, unsigned operation, const struct eng_address *sender, const uint8_t *target_link,
         const struct eng_address *target, const uint8_t *to)
{
    struct eng_out *out = output_get(net);
    if (!out)
        return;
    uint8_t *arp = eng_out_push_head(out, ARP_BYTES);
    memcpy(arp, (uint8_t[]){0, 1, 8, 0, 6, 4, 0, (uint8_t)operation}, 8);
    memcpy(arp + 8, interface->settings.link_address, 6);
    memcpy(arp + 14, sender->bytes, 4);
    if (target_link)
        memcpy(arp + 18, target_link, 6);
    else
        memset(arp + 18, 0, 6);
    memcpy(arp + 24, target->bytes, 4);
    eth_output(net, interface, out, to ? to : (const uint8_t *)"\xFF\xFF\xFF\xFF\xFF\xFF", ETH_ARP);
}

void
arp_ask(struct net *net, struct net_interface *interface, const struct eng_address *source, const struct eng_address *target,
        const uint8_t *to)
{
    arp_send(net, interface, ARP_REQUEST, source, NULL, target, to);
}

// [RFC 5227 2.1.1]
void
arp_probe(struct net *net, struct net_local *local)
{
    struct eng_address any = address_any(ENG_IP4);
    arp_send(net, net->interfaces[local->a.interface_index], ARP_REQUEST, &any, NULL, &local->a.address, NULL);
}

// [RFC 5227 2.3]
void
arp_announce(struct net *net, struct net_local *local)
{
    arp_send(net, net->interfaces[local->a.interface_index], ARP_REQUEST, &local->a.address, NULL, &local->a.address, NULL);
}

static bool
arp_parse(const struct eng_in *in, struct arp *arp, uint8_t *scratch)
{
    const uint8_t *bytes = in->length_bytes < ARP_BYTES ? NULL : in_peek(in, in->at_bytes, ARP_BYTES, scratch);
    if (!bytes || memcmp(bytes, "\0\1\x08\0\6\4", 6))
        return false;
    arp->operation = bytes_load_be16(bytes + 6);
    arp->sender_link = bytes + 8;
    arp->sender = eng_address4(bytes + 14);
    arp->target_link = bytes + 18;
    arp->target = eng_address4(bytes + 24);
    if (arp->operation != ARP_REQUEST && arp->operation != ARP_REPLY)
        return false;
    // A group cannot answer, and no host has one of these addresses.
    return !(arp->sender_link[0] & 1) && !eng_address_is_multicast(&arp->sender) && !eng_address_is_loopback(&arp->sender) &&
           arp->sender.bytes[0] < 240;
}

// Does the sender claim, or probe for, an address of ours? [RFC 5227 2.1.1, 2.4]
static bool
arp_is_conflict(struct net *net, const struct eng_in *in, const struct arp *arp)
{
    struct net_local *local = local_find(net, in->interface_index, &arp->sender);
    if (local && local->a.state == NET_ADDRESS_TENTATIVE) {
        local_duplicate(net, local, arp->sender_link);
        return true;
    }
    if (local && local->a.state != NET_ADDRESS_DUPLICATE) {
        net_count(net, NET_COUNT_arp_conflicts);
        local_conflict(net, local, arp->sender_link);
        return true;
    }
    if (!eng_address_is_any(&arp->sender) || arp->operation != ARP_REQUEST)
        return local;
    local = local_find(net, in->interface_index, &arp->target);
    if (local && local->a.state == NET_ADDRESS_TENTATIVE) {
        local_duplicate(net, local, arp->sender_link);
        return true;
    }
    return false;
}

void
arp_input(struct net *net, struct eng_in *in)
{
    struct net_interface *interface = net_interface_of(net, in->interface_index);
    uint8_t scratch[ARP_BYTES];
    struct arp arp;
    net_count(net, NET_COUNT_arp_in);
    if (!arp_parse(in, &arp, scratch)) {
        net_count(net, NET_COUNT_arp_bad);
        return;
    }
    if (!memcmp(arp.sender_link, interface->settings.link_address, 6))
        return; // our own, come back
    if (arp_is_conflict(net, in, &arp))
        return;
    bool is_for_us = local_find_usable(net, in->interface_index, &arp.target);
    if (!eng_address_is_any(&arp.sender)) {
        if (!local_is_on_link(net, in->interface_index, &arp.sender) || local_is_broadcast(net, in->interface_index, &arp.sender)) {
            net_count(net, NET_COUNT_arp_bad);
            return;
        }
        struct net_neighbour *neighbour = neighbour_find(net, in->interface_index, &arp.sender);
        bool is_asked = neighbour && arp.operation == ARP_REPLY && is_for_us && neighbour->timer.is_armed &&
                        (neighbour->state == NEIGHBOUR_INCOMPLETE || neighbour->state == NEIGHBOUR_PROBE) &&
                        !(in->flags & (ENG_IN_LINK_BROADCAST | ENG_IN_LINK_MULTICAST));
        if (!neighbour && is_for_us && arp.operation == ARP_REQUEST)
            neighbour = neighbour_get(net, in->interface_index, &arp.sender, false);
        if (neighbour)
            neighbour_learn(net, neighbour, arp.sender_link, is_asked);
    }
    if (is_for_us && arp.operation == ARP_REQUEST) {
        net_count(net, NET_COUNT_arp_replies);
        arp_send(net, interface, ARP_REPLY, &arp.target, arp.sender_link, &arp.sender, arp.sender_link);
    }
}
