// SPDX-License-Identifier: MIT
// The neighbour of a path for somebody who sends without us (an RNIC's own TCP): asked for when it is not known, and asked again when it
// may have gone. Whoever sends through net_output needs none of this: neighbour_output does it with the packet in hand.
//   net_path_ask    known: its link address; else a question leaves, and the caller comes back: -EAGAIN until it is known or has given up
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

uint64_t
net_generation(const struct net *net)
{
    return net->generation;
}
