// SPDX-License-Identifier: MIT
// Routes, and where a packet goes: the longest prefix wins, then a gateway that answers, then the lower metric, then the older one.
// This host is a strong one [RFC 1122 3.3.4.2]: a packet with a source leaves by that address's interface. What was found is kept in
// a small cache by source and destination, void as soon as anything changes (net->generation).
//   route_hop    -> own address: loopback; multicast; broadcast; route_match -> on link, or its gateway
#include "engine/net_int.h"

#define AVOID_US (60 * SECOND_US)

static void
route_on_timer(struct net *net, struct timer *timer)
{
    route_remove(net, TIMER_OWNER(timer, struct net_route_entry, timer));
}

struct net_route_entry *
route_find_exact(struct net *net, const struct net_route *route)
{
    for (unsigned i = 0; i < ROUTES_MAX; i++) {
        const struct net_route *have = &net->routes[i].r;
        if (net->routes[i].is_used && have->interface_index == route->interface_index && have->prefix_bits == route->prefix_bits &&
            eng_address_is_equal(&have->prefix, &route->prefix) && eng_address_is_equal(&have->gateway, &route->gateway))
            return &net->routes[i];
    }
    return NULL;
}

struct net_route_entry *
route_put(struct net *net, const struct net_route *route, uint8_t origin, uint64_t until_us)
{
    struct net_route_entry *entry = route_find_exact(net, route);
    for (unsigned i = 0; !entry && i < ROUTES_MAX; i++)
        if (!net->routes[i].is_used)
            entry = &net->routes[i];
    if (!entry)
        return NULL;
    timer_cancel(&net->timers, &entry->timer);
    *entry = (struct net_route_entry){.r = *route, .is_used = true, .origin = origin, .until_us = until_us,
                                      .timer.on_fire = route_on_timer};
    if (until_us != ENG_NEVER)
        timer_arm(&net->timers, &entry->timer, until_us);
    net->generation++;
    return entry;
}

void
route_remove(struct net *net, struct net_route_entry *entry)
{
    timer_cancel(&net->timers, &entry->timer);
    entry->is_used = false;
    net->generation++;
}

void
route_avoid(struct net *net, uint32_t interface_index, const struct eng_address *gateway)
{
    for (unsigned i = 0; i < ROUTES_MAX; i++)
        if (net->routes[i].is_used && net->routes[i].r.interface_index == interface_index &&
            eng_address_is_equal(&net->routes[i].r.gateway, gateway))
            net->routes[i].avoided_until_us = net->now_us + AVOID_US;
    net->generation++;
}

int
net_route_add(struct net *net, const struct net_route *route)
{
    struct net_interface *interface = net_interface_of(net, route->interface_index);
    struct net_route clean = *route;
    if (!interface || (route->prefix.family != ENG_IP4 && route->prefix.family != ENG_IP6) ||
        route->prefix.family != route->gateway.family || route->prefix_bits > eng_address_bytes(&route->prefix) * 8 ||
        eng_address_is_multicast(&route->gateway) || eng_address_is_loopback(&route->gateway))
        return -EINVAL;
    clean.prefix = address_prefix(&route->prefix, route->prefix_bits);
    if (!eng_address_is_equal(&clean.prefix, &route->prefix))
        return -EINVAL;
    if (route_find_exact(net, &clean))
        return -EEXIST;
    return route_put(net, &clean, ROUTE_MANUAL, ENG_NEVER) ? 0 : -ENOSPC;
}

int
net_route_remove(struct net *net, const struct net_route *route)
{
    struct net_route_entry *entry = route_find_exact(net, route);
    if (!entry)
        return -ENOENT;
    route_remove(net, entry);
    return 0;
}

bool
net_route_at(const struct net *net, size_t n, struct net_route *route)
{
    for (unsigned i = 0; i < ROUTES_MAX; i++)
        if (net->routes[i].is_used && n-- == 0) {
            *route = net->routes[i].r;
            return true;
        }
    return false;
}

static bool
route_is_better(struct net *net, const struct net_route_entry *left, const struct net_route_entry *right)
{
    if (!right)
        return true;
    if (left->r.prefix_bits != right->r.prefix_bits)
        return left->r.prefix_bits > right->r.prefix_bits;
    bool is_left_avoided = left->avoided_until_us > net->now_us, is_right_avoided = right->avoided_until_us > net->now_us;
    if (is_left_avoided != is_right_avoided)
        return is_right_avoided;
    // Between routers that are advertised, one that is known to be there [RFC 4861 6.3.6].
    if (left->origin == ROUTE_ROUTER && right->origin == ROUTE_ROUTER && left->r.metric == right->r.metric)
        return neighbour_is_reachable(net, left->r.interface_index, &left->r.gateway) &&
               !neighbour_is_reachable(net, right->r.interface_index, &right->r.gateway);
    return left->r.metric < right->r.metric;
}

struct net_route_entry *
route_match(struct net *net, const struct eng_address *destination, uint32_t interface_index)
{
    struct net_route_entry *best = NULL;
    for (unsigned i = 0; i < ROUTES_MAX; i++) {
        struct net_route_entry *entry = &net->routes[i];
        if (entry->is_used && (!interface_index || entry->r.interface_index == interface_index) &&
            address_matches(destination, &entry->r.prefix, entry->r.prefix_bits) &&
            net->interfaces[entry->r.interface_index]->is_up && route_is_better(net, entry, best))
            best = entry;
    }
    return best;
}

// The interface for what no route is needed for: limited broadcast and groups.
static struct net_interface *
route_group_interface(struct net *net, const struct eng_address *destination, uint32_t interface_index)
{
    if (interface_index)
        return net_interface_of(net, interface_index);
    struct net_route_entry *route = route_match(net, destination, 0);
    if (route)
        return net->interfaces[route->r.interface_index];
    for (unsigned i = NET_LOOPBACK + 1; i < NET_INTERFACES_MAX; i++)
        if (net->interfaces[i] && net->interfaces[i]->is_up)
            return net->interfaces[i];
    return NULL;
}

static int
route_hop_group(struct net *net, const struct eng_address *destination, uint32_t interface_index, struct net_hop *hop)
{
    struct net_interface *interface = route_group_interface(net, destination, interface_index);
    if (!interface || !interface->is_up)
        return -ENETUNREACH;
    hop->interface = interface;
    hop->kind = eng_address_is_multicast(destination) ? HOP_MULTICAST : HOP_BROADCAST;
    if (interface->is_loopback)
        hop->kind = HOP_LOOPBACK;
    hop->is_on_link = true;
    return 0;
}

static int
route_hop_unicast(struct net *net, const struct eng_address *destination, uint32_t interface_index, struct net_hop *hop)
{
    struct net_route_entry *route = route_match(net, destination, interface_index);
    if (!route || net->interfaces[route->r.interface_index]->is_loopback)
        return -ENETUNREACH;
    hop->interface = net->interfaces[route->r.interface_index];
    hop->is_on_link = eng_address_is_any(&route->r.gateway);
    hop->next = hop->is_on_link ? *destination : route->r.gateway;
    hop->kind = hop->is_on_link && local_is_broadcast(net, hop->interface->index, destination) ? HOP_BROADCAST : HOP_UNICAST;
    return 0;
}

static int
route_hop_find(struct net *net, const struct eng_address *source, const struct eng_address *destination, uint32_t interface_index,
               struct net_hop *hop)
{
    *hop = (struct net_hop){.next = *destination};
    uint32_t own = eng_address_is_any(source) ? 0 : net_address_is_ours(net, source);
    bool is_loopback = eng_address_is_loopback(destination);
    if (!eng_address_is_any(source) && !own)
        return -EADDRNOTAVAIL;
    if (eng_address_is_any(destination))
        return -ENETUNREACH;
    if (is_loopback || net_address_is_ours(net, destination)) {
        hop->interface = net->interfaces[NET_LOOPBACK];
        hop->kind = HOP_LOOPBACK;
        hop->is_on_link = true;
        hop->mtu_bytes = NET_LOOPBACK_MTU_BYTES;
        return 0;
    }
    if (own && interface_index && own != interface_index && !eng_address_is_link_local(source))
        return -EADDRNOTAVAIL;
    if (!interface_index)
        interface_index = own;
    bool is_limited = destination->family == ENG_IP4 && !memcmp(destination->bytes, "\xFF\xFF\xFF\xFF", 4);
    int error = eng_address_is_multicast(destination) || is_limited
                    ? route_hop_group(net, destination, interface_index, hop)
                    : route_hop_unicast(net, destination, interface_index, hop);
    if (error)
        return error;
    hop->mtu_bytes = destination->family == ENG_IP4 ? hop->interface->settings.mtu_bytes : hop->interface->mtu6_bytes;
    uint32_t mtu_bytes;
    if (hop->kind == HOP_UNICAST && pmtu_find(net, destination, &mtu_bytes, &hop->may_fragment) && mtu_bytes < hop->mtu_bytes)
        hop->mtu_bytes = mtu_bytes;
    return 0;
}

int
route_hop(struct net *net, const struct eng_address *source, const struct eng_address *destination, uint32_t interface_index,
          struct net_hop *hop, struct net_path_entry **cached)
{
    // What differs between paths, and no more: this is hashed for every packet.
    uint8_t key[34];
    size_t bytes = eng_address_bytes(destination);
    memcpy(key, source->bytes, bytes);
    memcpy(key + bytes, destination->bytes, bytes);
    key[2 * bytes] = (uint8_t)interface_index;
    struct net_path_entry *entry = &net->paths[siphash(&net->hash_key, key, 2 * bytes + 1) % PATHS];
    *cached = entry;
    if (entry->generation == net->generation && entry->interface_index == interface_index &&
        eng_address_is_equal(&entry->destination, destination) && eng_address_is_equal(&entry->source, source)) {
        *hop = entry->hop;
        return 0;
    }
    int error = route_hop_find(net, source, destination, interface_index, hop);
    if (error)
        return error;
    *entry = (struct net_path_entry){.source = *source, .destination = *destination, .interface_index = interface_index,
                                     .generation = net->generation, .hop = *hop};
    return 0;
}

int
net_path_find(struct net *net, struct net_path *path, uint64_t now_us)
{
    struct net_hop hop;
    struct net_path_entry *cached;
    if (now_us > net->now_us)
        net->now_us = now_us;
    if (path->destination.family != ENG_IP4 && path->destination.family != ENG_IP6)
        return -EINVAL;
    if (!path->source.family)
        path->source = address_any(path->destination.family);
    if (path->source.family != path->destination.family)
        return -EINVAL;
    int error = route_hop(net, &path->source, &path->destination, path->interface_index, &hop, &cached);
    if (error)
        return error;
    if (eng_address_is_any(&path->source) && !source_select(net, hop.interface->index, &path->destination, &path->source))
        return -EADDRNOTAVAIL;
    path->interface_index = hop.interface->index;
    path->mtu_bytes = hop.mtu_bytes;
    path->offloads = hop.interface->settings.offloads;
    path->lso_bytes = hop.interface->settings.lso_bytes;
    path->is_loopback = hop.kind == HOP_LOOPBACK;
    path->is_on_link = hop.is_on_link;
    path->is_broadcast = hop.kind == HOP_BROADCAST;
    return 0;
}

int
net_path_link(struct net *net, const struct net_path *path, uint8_t link[6], uint64_t now_us)
{
    struct net_hop hop;
    struct net_path_entry *cached;
    if (now_us > net->now_us)
        net->now_us = now_us;
    int error = route_hop(net, &path->source, &path->destination, path->interface_index, &hop, &cached);
    if (error)
        return error;
    if (hop.kind != HOP_UNICAST)
        return -EINVAL;
    const struct net_neighbour *neighbour = neighbour_find(net, hop.interface->index, &hop.next);
    if (!neighbour || neighbour->state == NEIGHBOUR_INCOMPLETE)
        return -EAGAIN;
    memcpy(link, neighbour->link, sizeof neighbour->link);
    return 0;
}

void
net_path_confirm(struct net *net, const struct eng_address *source, const struct eng_address *destination, uint64_t now_us)
{
    struct net_hop hop;
    struct net_path_entry *cached;
    if (now_us > net->now_us)
        net->now_us = now_us;
    if (route_hop(net, source, destination, 0, &hop, &cached) || hop.kind != HOP_UNICAST)
        return;
    struct net_neighbour *neighbour = cached->neighbour ? cached->neighbour : neighbour_find(net, hop.interface->index, &hop.next);
    if (neighbour)
        neighbour_confirm(net, neighbour);
}
