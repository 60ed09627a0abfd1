// SPDX-License-Identifier: MIT
// Addresses of ours: each is probed before it is used (RFC 5227 for IPv4, RFC 4862 for IPv6), is announced, lives for a while or
// for ever, and brings the route to its prefix.
//   local_add -> local_start -> [probes, local_on_timer] -> PREFERRED -> DEPRECATED -> gone
//                                 local_duplicate, from arp.c and nd.c -> DUPLICATE: nobody uses it
#include "engine/net_int.h"

#define PROBE_WAIT_US SECOND_US             // [RFC 5227 1.1]
#define PROBE_MIN_US SECOND_US
#define ANNOUNCE_WAIT_US (2 * SECOND_US)
#define ANNOUNCE_NUMBER 2u
#define ANNOUNCE_INTERVAL_US (2 * SECOND_US)
#define DEFEND_INTERVAL_US (10 * SECOND_US)
#define DAD_DELAY_US SECOND_US              // MAX_RTR_SOLICITATION_DELAY [RFC 4862 5.4.2]

// ---- addresses and prefixes

struct eng_address
address_any(uint8_t family)
{
    return (struct eng_address){.family = family};
}

unsigned
address_common_bits(const struct eng_address *left, const struct eng_address *right)
{
    unsigned bits = 0, end = (unsigned)eng_address_bytes(left) * 8;
    if (left->family != right->family)
        return 0;
    while (bits < end && left->bytes[bits / 8] == right->bytes[bits / 8])
        bits += 8;
    if (bits < end)
        bits += (unsigned)__builtin_clz((unsigned)(left->bytes[bits / 8] ^ right->bytes[bits / 8])) - 24;
    return bits;
}

bool
address_matches(const struct eng_address *address, const struct eng_address *prefix, unsigned bits)
{
    return address->family == prefix->family && address_common_bits(address, prefix) >= bits;
}

struct eng_address
address_prefix(const struct eng_address *address, unsigned bits)
{
    struct eng_address prefix = {.family = address->family};
    memcpy(prefix.bytes, address->bytes, (bits + 7) / 8);
    if (bits % 8)
        prefix.bytes[bits / 8] &= (uint8_t)(0xFF00 >> bits % 8);
    return prefix;
}

// ---- finding

struct net_local *
local_find(struct net *net, uint32_t interface_index, const struct eng_address *address)
{
    for (unsigned i = 0; i < net->locals_end; i++) {
        struct net_local *local = &net->locals[i];
        if (local->is_used && (!interface_index || local->a.interface_index == interface_index) &&
            eng_address_is_equal(&local->a.address, address))
            return local;
    }
    return NULL;
}

static bool
local_is_usable(const struct net_local *local)
{
    return local->a.state == NET_ADDRESS_PREFERRED || local->a.state == NET_ADDRESS_DEPRECATED;
}

struct net_local *
local_find_usable(struct net *net, uint32_t interface_index, const struct eng_address *address)
{
    for (unsigned i = 0; i < net->locals_end; i++) {
        struct net_local *local = &net->locals[i];
        if (local->is_used && local_is_usable(local) && (!interface_index || local->a.interface_index == interface_index) &&
            eng_address_is_equal(&local->a.address, address))
            return local;
    }
    return NULL;
}

bool
local_is_on_link(struct net *net, uint32_t interface_index, const struct eng_address *address)
{
    for (unsigned i = 0; i < net->locals_end; i++) {
        const struct net_local *local = &net->locals[i];
        if (local->is_used && local->a.interface_index == interface_index && !local->is_autoconfigured &&
            address_matches(address, &local->a.address, local->a.prefix_bits))
            return true;
    }
    // A prefix or a neighbour that a route says is on the link.
    struct net_route_entry *route = route_match(net, address, interface_index);
    return route && (eng_address_is_any(&route->r.gateway) || eng_address_is_equal(&route->r.gateway, address));
}

// Limited, or directed to a prefix of ours [RFC 1122 3.2.1.3].
bool
local_is_broadcast(struct net *net, uint32_t interface_index, const struct eng_address *address)
{
    if (address->family != ENG_IP4)
        return false;
    uint32_t value = bytes_load_be32(address->bytes);
    if (value == UINT32_MAX)
        return true;
    for (unsigned i = 0; i < net->locals_end; i++) {
        const struct net_local *local = &net->locals[i];
        if (!local->is_used || local->a.address.family != ENG_IP4 || local->a.prefix_bits > 30 ||
            (interface_index && local->a.interface_index != interface_index))
            continue;
        uint32_t hosts = local->a.prefix_bits ? UINT32_MAX >> local->a.prefix_bits : UINT32_MAX;
        if (value == (bytes_load_be32(local->a.address.bytes) | hosts))
            return true;
    }
    return false;
}

uint32_t
net_address_is_ours(const struct net *net, const struct eng_address *address)
{
    const struct net_local *local = local_find_usable((struct net *)net, 0, address);
    if (!local && address->family == ENG_IP4 && eng_address_is_loopback(address))
        return NET_LOOPBACK;
    return local ? local->a.interface_index : 0;
}

uint32_t
net_address_is_known(const struct net *net, const struct eng_address *address)
{
    uint32_t index = net_address_is_ours(net, address);
    for (unsigned i = 0; !index && i < net->locals_end; i++) {
        const struct net_local *local = &net->locals[i];
        if (local->is_used && local->a.state != NET_ADDRESS_DUPLICATE && eng_address_is_equal(&local->a.address, address))
            index = local->a.interface_index;
    }
    return index;
}

bool
net_address_at(const struct net *net, size_t n, struct net_address *address)
{
    for (unsigned i = 0; i < net->locals_end; i++)
        if (net->locals[i].is_used && n-- == 0) {
            *address = net->locals[i].a;
            return true;
        }
    return false;
}

// ---- states

void
local_changed(struct net *net, struct net_local *local)
{
    net->generation++;
    net_event_push(net, &(struct net_event){.kind = NET_EVENT_ADDRESS, .interface_index = local->a.interface_index, .address = local->a});
}

static void
local_use(struct net *net, struct net_local *local)
{
    local->a.state = local->a.preferred_until_us > net->now_us ? NET_ADDRESS_PREFERRED : NET_ADDRESS_DEPRECATED;
    local_changed(net, local);
}

// The next probe, or after the last the address is ours; then the announcements.
static void
local_on_timer(struct net *net, struct timer *timer)
{
    struct net_local *local = TIMER_OWNER(timer, struct net_local, timer);
    struct net_interface *interface = net->interfaces[local->a.interface_index];
    bool is_ip4 = local->a.address.family == ENG_IP4;
    if (local->a.state == NET_ADDRESS_TENTATIVE && local->probes_left) {
        local->probes_left--;
        if (is_ip4)
            arp_probe(net, local);
        else
            nd_probe(net, local);
        uint64_t wait_us = is_ip4 ? ANNOUNCE_WAIT_US : (uint64_t)interface->retransmit_ms * 1000;
        if (is_ip4 && local->probes_left)
            wait_us = PROBE_MIN_US + net_random_below(net, SECOND_US);
        net_arm(net, timer, wait_us);
        return;
    }
    if (local->a.state == NET_ADDRESS_TENTATIVE) {
        local->announces_left = is_ip4 ? ANNOUNCE_NUMBER : 0;
        local_use(net, local);
    }
    if (local_is_usable(local) && local->announces_left) {
        local->announces_left--;
        arp_announce(net, local);
        if (local->announces_left)
            net_arm(net, timer, ANNOUNCE_INTERVAL_US);
    }
}

void
local_start(struct net *net, struct net_local *local)
{
    struct net_interface *interface = net->interfaces[local->a.interface_index];
    bool is_ip4 = local->a.address.family == ENG_IP4;
    if (interface->is_loopback) {
        local_use(net, local);
        return;
    }
    if (!is_ip4) {
        struct eng_address group = nd_solicited_group(&local->a.address);
        group_join(net, interface, &group);
    }
    local->probes_left = is_ip4 ? interface->settings.probes4 : interface->settings.probes6;
    local->a.state = NET_ADDRESS_TENTATIVE;
    local->timer.on_fire = local_on_timer;
    if (local->probes_left)
        net_arm(net, &local->timer, net_random_below(net, is_ip4 ? PROBE_WAIT_US : DAD_DELAY_US));
    else
        local_on_timer(net, &local->timer);
}

void
local_stop(struct net *net, struct net_local *local)
{
    struct net_interface *interface = net->interfaces[local->a.interface_index];
    if (local->a.address.family == ENG_IP6 && local->a.state != NET_ADDRESS_NONE) {
        struct eng_address group = nd_solicited_group(&local->a.address);
        group_leave(net, interface, &group);
    }
    timer_cancel(&net->timers, &local->timer);
    if (local->a.state != NET_ADDRESS_NONE) {
        local->a.state = NET_ADDRESS_NONE;
        local_changed(net, local);
    }
}

void
local_duplicate(struct net *net, struct net_local *local, const uint8_t *link)
{
    struct net_event event = {.kind = NET_EVENT_CONFLICT, .interface_index = local->a.interface_index, .address = local->a};
    if (link)
        memcpy(event.link_address, link, 6);
    net_event_push(net, &event);
    local->a.state = NET_ADDRESS_DUPLICATE;
    timer_cancel(&net->timers, &local->timer);
    local_changed(net, local);
    if (local->is_autoconfigured || local->a.is_automatic)
        router_form_again(net, local);
}

// Defend it, but not more than once in ten seconds, and never give it up: it was given to us by the one who runs this host
// [RFC 5227 2.4(c)]; the event tells.
void
local_conflict(struct net *net, struct net_local *local, const uint8_t *link)
{
    struct net_event event = {.kind = NET_EVENT_CONFLICT, .interface_index = local->a.interface_index, .address = local->a};
    if (local->was_defended && net->now_us - local->defended_us < DEFEND_INTERVAL_US)
        return;
    local->was_defended = true;
    local->defended_us = net->now_us;
    memcpy(event.link_address, link, 6);
    net_event_push(net, &event);
    if (local->a.address.family == ENG_IP4)
        arp_announce(net, local);
}

// ---- coming and going

static bool
local_is_valid(const struct net_interface *interface, const struct eng_address *address, uint8_t prefix_bits)
{
    bool is_ip4 = address->family == ENG_IP4;
    if (!is_ip4 && address->family != ENG_IP6)
        return false;
    if (prefix_bits > eng_address_bytes(address) * 8 || eng_address_is_any(address) || eng_address_is_multicast(address))
        return false;
    if (eng_address_is_loopback(address) != interface->is_loopback)
        return false;
    if (!is_ip4)
        return memcmp(address->bytes, "\0\0\0\0\0\0\0\0\0\0\xFF\xFF", 12);
    uint32_t value = bytes_load_be32(address->bytes), hosts = prefix_bits ? (uint32_t)(UINT64_C(0xFFFFFFFF) >> prefix_bits) : UINT32_MAX;
    if (address->bytes[0] == 0 || address->bytes[0] >= 240)
        return false;
    // Neither all ones nor all zeroes, where a prefix has both [RFC 1122 3.2.1.3, RFC 3021].
    return prefix_bits > 30 || ((value & hosts) && (value & hosts) != hosts);
}

static struct net_route
local_route(const struct net_local *local)
{
    return (struct net_route){.prefix = address_prefix(&local->a.address, local->a.prefix_bits), .prefix_bits = local->a.prefix_bits,
                              .gateway = address_any(local->a.address.family), .interface_index = local->a.interface_index};
}

int
local_add(struct net *net, struct net_interface *interface, const struct eng_address *address, uint8_t prefix_bits,
          bool is_autoconfigured, struct net_local **added)
{
    if (!local_is_valid(interface, address, prefix_bits))
        return -EINVAL;
    // The same link-local address may be on several links.
    if (local_find(net, eng_address_is_link_local(address) ? interface->index : 0, address))
        return -EEXIST;
    struct net_local *local = net->locals;
    while (local < net->locals + LOCALS_MAX && local->is_used)
        local++;
    if (local == net->locals + LOCALS_MAX)
        return -ENOSPC;
    if (local >= net->locals + net->locals_end)
        net->locals_end = (unsigned)(local - net->locals) + 1;
    *local = (struct net_local){.is_used = true, .is_autoconfigured = is_autoconfigured};
    local->a = (struct net_address){.address = *address, .interface_index = interface->index, .prefix_bits = prefix_bits,
                                    .preferred_until_us = ENG_NEVER, .valid_until_us = ENG_NEVER};
    if (interface->is_loopback)
        local_use(net, local);
    // An address from a router's prefix says nothing about who is on the link [RFC 5942].
    struct net_route route = local_route(local);
    if (!is_autoconfigured && prefix_bits < eng_address_bytes(address) * 8 && !route_find_exact(net, &route) &&
        !route_put(net, &route, ROUTE_ADDRESS, ENG_NEVER)) {
        local->is_used = false;
        return -ENOSPC;
    }
    net->generation++;
    *added = local;
    return 0;
}

void
local_remove(struct net *net, struct net_local *local)
{
    struct net_route route = local_route(local);
    local_stop(net, local);
    timer_cancel(&net->timers, &local->lifetime);
    local->is_used = false;
    while (net->locals_end && !net->locals[net->locals_end - 1].is_used)
        net->locals_end--;
    net->generation++;
    for (unsigned i = 0; i < net->locals_end; i++) {
        const struct net_local *other = &net->locals[i];
        if (other->is_used && !other->is_autoconfigured && other->a.interface_index == route.interface_index &&
            other->a.prefix_bits == route.prefix_bits && address_matches(&other->a.address, &route.prefix, route.prefix_bits))
            return; // which brings the same route
    }
    struct net_route_entry *entry = route_find_exact(net, &route);
    if (entry && entry->origin == ROUTE_ADDRESS)
        route_remove(net, entry);
}
