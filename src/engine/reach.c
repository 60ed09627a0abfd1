// SPDX-License-Identifier: MIT
// The neighbour of a path for somebody who sends without us (an RNIC's own TCP): asked for when it is not known, and asked again when it
// may have gone. Whoever sends through net_output needs none of this: neighbour_output does it with the packet in hand.
//   net_path_ask    known: its link address; else a question leaves, and the caller comes back: -EAGAIN until it is known or has given up
//   net_path_hop, net_neighbour_tell   what is known      net_neighbour_confirm   he heard of it
//   net_path_doubt  known: a unicast question leaves at once (PROBE of RFC 4861 7.3.2); three without an answer, and it is forgotten
#include "engine/net_int.h"

static int
reach_enter(struct net *net, const struct net_path *path, uint64_t now_us, struct eng_outbox *outbox, struct net_hop *hop)
{
    struct net_path_entry *cached;
    if (now_us > net->now_us)
        net->now_us = now_us;
    net->outbox = outbox;
    int error = route_hop(net, &path->source, &path->destination, path->interface_index, hop, &cached);
    return error || hop->kind == HOP_UNICAST ? error : -EINVAL;
}

int
net_path_ask(struct net *net, const struct net_path *path, bool is_first, uint8_t link[6], uint64_t now_us, struct eng_outbox *outbox)
{
    struct net_hop hop;
    int error = reach_enter(net, path, now_us, outbox, &hop);
    if (error)
        return error;
    struct net_neighbour *neighbour = neighbour_find(net, hop.interface->index, &hop.next);
    if (!neighbour && !is_first)
        return -EHOSTUNREACH;
    if (!neighbour && !(neighbour = neighbour_get(net, hop.interface->index, &hop.next, true)))
        return -ENOMEM;
    neighbour->is_used = true;
    if (neighbour->state != NEIGHBOUR_INCOMPLETE) {
        memcpy(link, neighbour->link, sizeof neighbour->link);
        if (is_first)
            neighbour_verify(net, neighbour, &path->source);
        return 0;
    }
    neighbour_question(net, neighbour, &path->source);
    return -EAGAIN;
}

void
net_path_doubt(struct net *net, const struct net_path *path, uint64_t now_us, struct eng_outbox *outbox)
{
    struct net_hop hop;
    if (reach_enter(net, path, now_us, outbox, &hop))
        return;
    struct net_neighbour *neighbour = neighbour_find(net, hop.interface->index, &hop.next);
    if (!neighbour || neighbour->state == NEIGHBOUR_INCOMPLETE)
        return;
    if (neighbour->state == NEIGHBOUR_REACHABLE)
        neighbour_stale(net, neighbour);
    neighbour_verify(net, neighbour, &path->source);
}

int
net_path_hop(struct net *net, const struct net_path *path, struct net_next_hop *next, uint64_t now_us)
{
    struct net_hop hop;
    int error = reach_enter(net, path, now_us, net->outbox, &hop);
    if (error)
        return error;
    *next = (struct net_next_hop){.address = hop.next, .interface_index = hop.interface->index};
    net_neighbour_tell(net, next, now_us);
    return 0;
}

void
net_neighbour_tell(struct net *net, struct net_next_hop *hop, uint64_t now_us)
{
    if (now_us > net->now_us)
        net->now_us = now_us;
    struct net_neighbour *neighbour = neighbour_find(net, hop->interface_index, &hop->address);
    hop->is_known = neighbour && neighbour->state != NEIGHBOUR_INCOMPLETE;
    if (!hop->is_known)
        return;
    memcpy(hop->link_address, neighbour->link, sizeof hop->link_address);
    hop->is_reachable = neighbour->state == NEIGHBOUR_REACHABLE && neighbour_is_fresh(net, neighbour);
    hop->confirmed_us = neighbour->confirmed_us;
}

void
net_neighbour_confirm(struct net *net, uint32_t interface_index, const struct eng_address *address, uint64_t heard_us, uint64_t now_us)
{
    struct net_neighbour *neighbour = neighbour_find(net, interface_index, address);
    if (now_us > net->now_us)
        net->now_us = now_us;
    if (!neighbour || heard_us > net->now_us || heard_us < neighbour->confirmed_us)
        return;
    uint64_t age_us = net->now_us - heard_us;
    if (age_us >= net->interfaces[interface_index]->reachable_us)
        return;
    neighbour_confirm(net, neighbour);
    if (neighbour->state == NEIGHBOUR_REACHABLE)
        neighbour->confirmed_us = heard_us;
}

uint64_t
net_generation(const struct net *net)
{
    return net->generation;
}
