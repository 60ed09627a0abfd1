// SPDX-License-Identifier: MIT
// Router discovery as a host [RFC 4861 6.3] and addresses made from prefixes [RFC 4862 5.5]: solicitations until a router is heard,
// ever more slowly [RFC 7559]; advertisements: the router's lifetime and preference [RFC 4191], link parameters, MTU, prefixes.
// Interface identifiers are stable for a prefix and say nothing about us elsewhere [RFC 7217]. DNS options are not ours to use.
//   router_start -> router_on_solicit ...; router_input -> router_take_default, router_take_prefix -> router_form
//   an address's lifetimes: router_on_lifetime
#include "engine/net_int.h"

#define ROUTER_SOLICITATION 133u
#define OPTION_SOURCE_LINK 1u
#define OPTION_PREFIX 3u
#define OPTION_MTU 5u
#define ROUTERS_MAX 8u              // that an interface keeps
#define PREFIXES_MAX 16u            // likewise: routes and addresses from prefixes
#define TWO_HOURS_US (7200 * SECOND_US)
#define IDGEN_RETRIES 3u
#define SOLICIT_FIRST_US (4 * SECOND_US)
#define SOLICIT_LAST_US (3600 * SECOND_US)

// ---- asking

static void
router_on_solicit(struct net *net, struct timer *timer)
{
    struct net_interface *interface = TIMER_OWNER(timer, struct net_interface, solicit);
    struct eng_address all = eng_address6((uint8_t[16]){0xFF, 2, [15] = 2}), source = address_any(ENG_IP6);
    uint8_t message[16] = {ROUTER_SOLICITATION, [8] = OPTION_SOURCE_LINK, [9] = 1};
    if (interface->heard_router)
        return;
    source_select(net, interface->index, &all, &source);
    memcpy(message + 10, interface->settings.link_address, 6);
    // Who has no address yet does not say where he is [RFC 4861 4.1].
    nd_send(net, interface, &source, &all, message, eng_address_is_any(&source) ? 8 : sizeof message, NULL);
    uint64_t wait_us = SOLICIT_FIRST_US << (interface->solicits_sent < 10 ? interface->solicits_sent : 10);
    interface->solicits_sent++;
    wait_us = wait_us > SOLICIT_LAST_US ? SOLICIT_LAST_US : wait_us;
    net_arm(net, timer, wait_us - wait_us / 10 + net_random_below(net, wait_us / 5));
}

// ---- addresses from prefixes

// [RFC 7217 5]: prefix, interface, counter, under a secret.
static struct eng_address
router_address(struct net *net, const struct net_interface *interface, const uint8_t *prefix, uint8_t dad_count)
{
    struct eng_address address = {.family = ENG_IP6};
    uint8_t seed[16];
    memcpy(seed, prefix, 8);
    memcpy(seed + 8, interface->settings.link_address, 6);
    memcpy(address.bytes, prefix, 8);
    for (unsigned again = 0;; again++) {
        seed[14] = dad_count;
        seed[15] = (uint8_t)again;
        uint64_t identifier = siphash(&net->address_key, seed, sizeof seed);
        bytes_store_be64(address.bytes + 8, identifier);
        if (identifier && identifier >> 48 != 0xFDFF && identifier >> 24 != UINT64_C(0x02005EFFFE)) // reserved [RFC 5453]
            return address;
    }
}

static void
router_on_lifetime(struct net *net, struct timer *timer)
{
    struct net_local *local = TIMER_OWNER(timer, struct net_local, lifetime);
    if (local->a.valid_until_us <= net->now_us) {
        local_remove(net, local);
        return;
    }
    if (local->a.state == NET_ADDRESS_PREFERRED && local->a.preferred_until_us <= net->now_us) {
        local->a.state = NET_ADDRESS_DEPRECATED;
        local_changed(net, local);
    }
    timer_arm(&net->timers, timer, local->a.valid_until_us);
}

static void
router_set_lifetimes(struct net *net, struct net_local *local, uint64_t preferred_until_us, uint64_t valid_until_us)
{
    local->a.preferred_until_us = preferred_until_us;
    local->a.valid_until_us = valid_until_us;
    local->lifetime.on_fire = router_on_lifetime;
    timer_cancel(&net->timers, &local->lifetime);
    uint64_t next_us = preferred_until_us > net->now_us ? preferred_until_us : valid_until_us;
    if (next_us != ENG_NEVER)
        timer_arm(&net->timers, &local->lifetime, next_us);
    if (local->a.state == NET_ADDRESS_DEPRECATED && preferred_until_us > net->now_us) {
        local->a.state = NET_ADDRESS_PREFERRED;
        local_changed(net, local);
    }
}

static struct net_local *
router_form(struct net *net, struct net_interface *interface, const uint8_t *prefix, uint8_t dad_count, bool is_link_local)
{
    struct eng_address address = router_address(net, interface, prefix, dad_count);
    struct net_local *local;
    if (local_add(net, interface, &address, 64, !is_link_local, &local))
        return NULL;
    local->a.is_automatic = true;
    local->dad_count = dad_count;
    return local;
}

bool
router_form_again(struct net *net, struct net_local *local)
{
    struct net_local old = *local;
    if (old.dad_count >= IDGEN_RETRIES)
        return false; // it stays, as a duplicate that can be seen
    local_remove(net, local);
    struct net_interface *interface = net->interfaces[old.a.interface_index];
    struct net_local *formed = router_form(net, interface, old.a.address.bytes, (uint8_t)(old.dad_count + 1), !old.is_autoconfigured);
    if (!formed)
        return false;
    router_set_lifetimes(net, formed, old.a.preferred_until_us, old.a.valid_until_us);
    local_start(net, formed);
    return true;
}

void
router_form_link_local(struct net *net, struct net_interface *interface)
{
    for (unsigned i = 0; i < net->locals_end; i++) {
        const struct net_local *local = &net->locals[i];
        if (local->is_used && local->a.interface_index == interface->index && local->a.address.family == ENG_IP6 &&
            eng_address_is_link_local(&local->a.address))
            return; // there is one
    }
    struct net_local *local = router_form(net, interface, (const uint8_t[8]){0xFE, 0x80}, 0, true);
    if (local)
        local_start(net, local);
}

// ---- an interface comes and goes

void
router_start(struct net *net, struct net_interface *interface)
{
    if (interface->settings.no_ip6 || interface->is_loopback)
        return;
    router_form_link_local(net, interface);
    if (interface->settings.no_router_discovery)
        return;
    interface->heard_router = false;
    interface->solicits_sent = 0;
    interface->solicit.on_fire = router_on_solicit;
    net_arm(net, &interface->solicit, net_random_below(net, SECOND_US)); // MAX_RTR_SOLICITATION_DELAY
}

void
router_stop(struct net *net, struct net_interface *interface)
{
    timer_cancel(&net->timers, &interface->solicit);
    for (unsigned i = 0; i < ROUTES_MAX; i++) {
        struct net_route_entry *entry = &net->routes[i];
        if (entry->is_used && entry->r.interface_index == interface->index && entry->origin >= ROUTE_PREFIX)
            route_remove(net, entry);
    }
    interface->mtu6_bytes = interface->settings.mtu_bytes;
    interface->hop_limit6 = interface->settings.hop_limit;
}

void
router_lost(struct net *net, struct net_neighbour *neighbour)
{
    for (unsigned i = 0; i < ROUTES_MAX; i++) {
        struct net_route_entry *entry = &net->routes[i];
        if (entry->is_used && entry->origin >= ROUTE_ROUTER && entry->r.interface_index == neighbour->interface_index &&
            eng_address_is_equal(&entry->r.gateway, &neighbour->address))
            route_remove(net, entry);
    }
}

// ---- advertisements

static unsigned
router_count(const struct net *net, const struct net_interface *interface, unsigned origin)
{
    unsigned n = 0;
    for (unsigned i = 0; i < ROUTES_MAX; i++)
        n += net->routes[i].is_used && net->routes[i].origin == origin && net->routes[i].r.interface_index == interface->index;
    return n;
}

static void
router_take_default(struct net *net, const struct eng_in *in, struct net_interface *interface, const uint8_t *message)
{
    static const uint16_t metrics[4] = {256, 128, 256, 512}; // medium, high, (reserved: medium), low [RFC 4191 2.1]
    uint64_t lifetime_s = bytes_load_be16(message + 6);
    struct net_route route = {.prefix = address_any(ENG_IP6), .gateway = in->source, .interface_index = interface->index,
                              .metric = metrics[message[5] >> 3 & 3]};
    struct net_route_entry *entry = route_find_exact(net, &route);
    if (entry && entry->origin != ROUTE_ROUTER)
        return; // configured by hand
    if (!lifetime_s) {
        if (entry)
            route_remove(net, entry);
        return;
    }
    if (entry || router_count(net, interface, ROUTE_ROUTER) < ROUTERS_MAX)
        route_put(net, &route, ROUTE_ROUTER, net->now_us + lifetime_s * SECOND_US);
}

static void
router_take_parameters(struct net *net, const struct eng_in *in, struct net_interface *interface, const uint8_t *message)
{
    uint32_t reachable_ms = bytes_load_be32(message + 8), retransmit_ms = bytes_load_be32(message + 12);
    uint8_t option[8];
    bool is_bad;
    if (message[4])
        interface->hop_limit6 = message[4];
    if (reachable_ms && reachable_ms <= 3600000 && reachable_ms != interface->reachable_base_ms) { // at most an hour [RFC 4861 4.2]
        interface->reachable_base_ms = reachable_ms;
        interface->reachable_us = reachable_ms * UINT64_C(500) + net_random_below(net, reachable_ms * UINT64_C(1000));
    }
    // Questions neither so fast that they are a flood nor so slow that nobody is found.
    if (retransmit_ms >= 100 && retransmit_ms <= 60000)
        interface->retransmit_ms = retransmit_ms;
    if (nd_option(in, 16, OPTION_MTU, option, sizeof option, &is_bad)) {
        uint32_t mtu_bytes = bytes_load_be32(option + 4);
        if (mtu_bytes >= IP6_MTU_MIN && mtu_bytes <= interface->settings.mtu_bytes && mtu_bytes != interface->mtu6_bytes) {
            interface->mtu6_bytes = mtu_bytes;
            net->generation++;
            net_event_push(net, &(struct net_event){.kind = NET_EVENT_MTU, .interface_index = interface->index});
        }
    }
}

static uint64_t
router_until_us(const struct net *net, uint32_t lifetime_s)
{
    return lifetime_s == UINT32_MAX ? ENG_NEVER : net->now_us + lifetime_s * SECOND_US;
}

// [RFC 4862 5.5.3(e)]: nobody unauthenticated shortens an address's life below two hours.
static void
router_renew(struct net *net, struct net_local *local, uint32_t preferred_s, uint32_t valid_s)
{
    uint64_t valid_until_us = router_until_us(net, valid_s), left_us = local->a.valid_until_us - net->now_us;
    if (valid_s <= 7200 && valid_until_us <= local->a.valid_until_us)
        valid_until_us = left_us <= TWO_HOURS_US ? local->a.valid_until_us : net->now_us + TWO_HOURS_US;
    router_set_lifetimes(net, local, router_until_us(net, preferred_s), valid_until_us);
}

static void
router_take_address(struct net *net, struct net_interface *interface, const uint8_t *option)
{
    uint32_t valid_s = bytes_load_be32(option + 4), preferred_s = bytes_load_be32(option + 8);
    unsigned n = 0;
    bool is_known = false;
    if (option[2] != 64 || preferred_s > valid_s || interface->settings.no_autoconfiguration)
        return;
    for (unsigned i = 0; i < net->locals_end; i++) {
        struct net_local *local = &net->locals[i];
        if (!local->is_used || !local->is_autoconfigured || local->a.interface_index != interface->index)
            continue;
        n++;
        if (!memcmp(local->a.address.bytes, option + 16, 8)) {
            router_renew(net, local, preferred_s, valid_s);
            is_known = true;
        }
    }
    if (is_known || !valid_s || n >= PREFIXES_MAX)
        return;
    struct net_local *local = router_form(net, interface, option + 16, 0, false);
    if (!local)
        return;
    router_set_lifetimes(net, local, router_until_us(net, preferred_s), router_until_us(net, valid_s));
    local_start(net, local);
}

static void
router_take_prefix(struct net *net, struct net_interface *interface, const uint8_t *option)
{
    struct eng_address prefix = eng_address6(option + 16);
    if (option[2] > 128 || eng_address_is_link_local(&prefix) || eng_address_is_multicast(&prefix) || eng_address_is_any(&prefix))
        return;
    struct net_route route = {.prefix = address_prefix(&prefix, option[2]), .prefix_bits = option[2], .gateway = address_any(ENG_IP6),
                              .interface_index = interface->index, .metric = 256};
    struct net_route_entry *entry = route_find_exact(net, &route);
    uint32_t valid_s = bytes_load_be32(option + 4);
    if (option[3] & 0x80 && (!entry || entry->origin == ROUTE_PREFIX)) { // on link
        if (!valid_s && entry)
            route_remove(net, entry);
        else if (valid_s && (entry || router_count(net, interface, ROUTE_PREFIX) < PREFIXES_MAX))
            route_put(net, &route, ROUTE_PREFIX, router_until_us(net, valid_s));
    }
    if (option[3] & 0x40) // autonomous
        router_take_address(net, interface, option);
}

bool
router_input(struct net *net, struct eng_in *in, struct net_interface *interface)
{
    uint8_t message[16], option[32], link[8];
    bool is_bad;
    if (in->length_bytes < 16 || !eng_address_is_link_local(&in->source) || net_address_is_ours(net, &in->source))
        return false;
    eng_spans_copy(in->spans, in->n_spans, in->at_bytes, message, sizeof message);
    bool has_link = nd_option(in, 16, OPTION_SOURCE_LINK, link, sizeof link, &is_bad);
    if (is_bad || (has_link && link[2] & 1))
        return false;
    if (interface->settings.no_router_discovery)
        return true;
    interface->heard_router = true;
    timer_cancel(&net->timers, &interface->solicit);
    struct net_neighbour *neighbour = has_link ? neighbour_get(net, interface->index, &in->source, false)
                                               : neighbour_find(net, interface->index, &in->source);
    if (neighbour && has_link)
        neighbour_learn(net, neighbour, link + 2, false);
    if (neighbour)
        neighbour->is_router = true;
    router_take_default(net, in, interface, message);
    router_take_parameters(net, in, interface, message);
    size_t at = in->at_bytes + 16, end = in->at_bytes + in->length_bytes;
    while (at < end) {
        uint8_t head[2];
        eng_spans_copy(in->spans, in->n_spans, at, head, sizeof head);
        if (head[0] == OPTION_PREFIX && head[1] == 4 && eng_spans_copy(in->spans, in->n_spans, at, option, sizeof option))
            router_take_prefix(net, interface, option);
        at += head[1] * 8u; // not 0: nd_option saw them all
    }
    return true;
}
