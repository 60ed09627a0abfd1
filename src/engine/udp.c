// SPDX-License-Identifier: MIT
// UDP [RFC 768, RFC 8200 8.1, RFC 1122 4.1]: endpoints in a table by a keyed hash of their port, the datagrams that come for them,
// the datagrams that they send, and their groups.
//   udp_input     checks, then the endpoint that fits best; a group or a broadcast goes to each that wants it
//   net_udp_send  path, header, partial checksum -> output_packet
#include "engine/net_int.h"

#define PORT_FIRST 49152u           // the dynamic ports [RFC 6335 6]
#define PORTS (65536u - PORT_FIRST)

static struct list *
udp_bucket(struct net *net, uint8_t family, uint16_t port)
{
    uint8_t key[4] = {family, 0, (uint8_t)(port >> 8), (uint8_t)port};
    return &net->udps[siphash(&net->hash_key, key, sizeof key) % UDP_BUCKETS];
}

// ---- endpoints

static bool
udp_is_in_use(struct net *net, const struct net_udp_settings *settings, const struct net_udp *except)
{
    LIST_FOR_EACH(node, udp_bucket(net, settings->local.family, settings->port)) {
        const struct net_udp *udp = LIST_ENTRY_OF(node, struct net_udp, bucket);
        const struct net_udp_settings *have = &udp->settings;
        if (udp == except || have->port != settings->port || have->local.family != settings->local.family)
            continue;
        if (have->interface_index && settings->interface_index && have->interface_index != settings->interface_index)
            continue;
        if (!eng_address_is_any(&have->local) && !eng_address_is_any(&settings->local) &&
            !eng_address_is_equal(&have->local, &settings->local))
            continue;
        if (!have->is_shared || !settings->is_shared)
            return true;
    }
    return false;
}

// From a random start the next one that is free [RFC 6056 3.3.1].
static bool
udp_choose_port(struct net *net, struct net_udp_settings *settings)
{
    bool is_shared = settings->is_shared;
    uint32_t start = (uint32_t)net_random_below(net, PORTS);
    settings->is_shared = false; // a chosen port is nobody else's
    for (uint32_t i = 0; i < PORTS; i++) {
        settings->port = (uint16_t)(PORT_FIRST + (start + i) % PORTS);
        if (!udp_is_in_use(net, settings, NULL)) {
            settings->is_shared = is_shared;
            return true;
        }
    }
    return false;
}

static int
udp_check(struct net *net, struct net_udp_settings *settings)
{
    const struct eng_address *local = &settings->local;
    if (local->family != ENG_IP4 && local->family != ENG_IP6)
        return -EINVAL;
    if (settings->interface_index && !net_interface_of(net, settings->interface_index))
        return -EINVAL;
    // One that is being probed, or whose link is down, may be bound: it only cannot be sent from yet.
    if (!eng_address_is_any(local) && !eng_address_is_multicast(local) && !net_address_is_known(net, local) &&
        !local_is_broadcast(net, settings->interface_index, local))
        return -EADDRNOTAVAIL;
    if (!settings->port)
        return udp_choose_port(net, settings) ? 0 : -EADDRINUSE;
    return udp_is_in_use(net, settings, NULL) ? -EADDRINUSE : 0;
}

struct net_udp *
net_udp_open(struct net *net, const struct net_udp_settings *settings, int *error)
{
    struct net_udp_settings checked = *settings;
    *error = udp_check(net, &checked);
    if (*error)
        return NULL;
    struct net_udp *udp = eng_take(net->memory, sizeof *udp);
    if (!udp) {
        *error = -ENOMEM;
        return NULL;
    }
    udp->settings = checked;
    udp->order = net->udp_order++;
    list_init(&udp->groups);
    list_push_front(udp_bucket(net, checked.local.family, checked.port), &udp->bucket);
    return udp;
}

const struct net_udp_settings *
net_udp_settings_of(const struct net_udp *udp)
{
    return &udp->settings;
}

void
net_udp_close(struct net *net, struct net_udp *udp, uint64_t now_us, struct eng_outbox *outbox)
{
    while (!list_is_empty(&udp->groups)) {
        struct net_udp_group *group = LIST_ENTRY_OF(udp->groups.next, struct net_udp_group, link);
        struct eng_address address = group->group;
        net_udp_leave(net, udp, &address, group->interface_index, now_us, outbox);
    }
    // Nobody is told about an error of an endpoint that is gone.
    for (uint32_t i = 0; i < net->n_events; i++) {
        struct net_event *event = &net->events[(net->events_first + i) % EVENTS_MAX];
        if (event->kind == NET_EVENT_ERROR && event->error.udp == udp)
            event->error.udp = NULL;
    }
    list_remove(&udp->bucket);
    eng_give(net->memory, udp, sizeof *udp);
}

int
net_udp_connect(struct net *net, struct net_udp *udp, const struct eng_address *remote, uint16_t port, uint64_t now_us)
{
    if (!port) {
        udp->remote_port = 0;
        return 0;
    }
    struct net_path path = {.source = udp->settings.local, .destination = *remote, .interface_index = udp->settings.interface_index};
    if (remote->family != udp->settings.local.family)
        return -EINVAL;
    if (eng_address_is_multicast(&path.source) || local_is_broadcast(net, 0, &path.source))
        path.source = address_any(remote->family);
    int error = net_path_find(net, &path, now_us);
    if (error)
        return error;
    udp->remote = *remote;
    udp->remote_port = port;
    return 0;
}

// ---- in

// Does the endpoint take it, and how well does it fit? 0: no.
static unsigned
udp_fit(const struct net_udp *udp, const struct net_result *result, const struct eng_address *local, const struct eng_address *remote,
        uint16_t remote_port, uint32_t interface_index)
{
    unsigned fit = 1;
    if (udp->settings.port != result->destination_port || udp->settings.local.family != local->family)
        return 0;
    if (udp->settings.interface_index) {
        if (udp->settings.interface_index != interface_index)
            return 0;
        fit += 1;
    }
    if (!eng_address_is_any(&udp->settings.local)) {
        if (!eng_address_is_equal(&udp->settings.local, local))
            return 0;
        fit += 2;
    }
    if (udp->remote_port) {
        if (udp->remote_port != remote_port || !eng_address_is_equal(&udp->remote, remote))
            return 0;
        fit += 4;
    }
    return fit;
}

static struct net_udp *
udp_find(struct net *net, const struct net_result *result, const struct eng_address *local, const struct eng_address *remote,
         uint16_t remote_port, uint32_t interface_index)
{
    struct net_udp *best = NULL;
    unsigned best_fit = 0;
    // The newest comes first, and wins among equals.
    LIST_FOR_EACH(node, udp_bucket(net, local->family, result->destination_port)) {
        struct net_udp *udp = LIST_ENTRY_OF(node, struct net_udp, bucket);
        unsigned fit = udp_fit(udp, result, local, remote, remote_port, interface_index);
        if (fit > best_fit) {
            best = udp;
            best_fit = fit;
        }
    }
    return best;
}

struct net_udp *
udp_find_sender(struct net *net, const struct net_error *error)
{
    struct net_result ports = {.destination_port = bytes_load_be16(error->upper)};
    uint32_t interface_index = net_address_is_ours(net, &error->local);
    if (error->upper_bytes < 4)
        return NULL;
    return udp_find(net, &ports, &error->local, &error->remote, bytes_load_be16(error->upper + 2), interface_index);
}

static bool
udp_wants_group(struct net *net, const struct net_udp *udp, const struct net_result *result)
{
    const struct eng_in *in = &result->in;
    struct eng_address local = udp->settings.local;
    // Bound to an address of the interface: what comes to all of the link comes to it too.
    if (!eng_address_is_any(&local) && local_find_usable(net, in->interface_index, &local))
        local = in->destination;
    struct net_udp as_if = *udp;
    if (eng_address_is_equal(&local, &in->destination))
        as_if.settings.local = local;
    if (!udp_fit(&as_if, result, &in->destination, &in->source, result->source_port, in->interface_index))
        return false;
    if (!eng_address_is_multicast(&in->destination))
        return true;
    LIST_FOR_EACH(node, (struct list *)&udp->groups) {
        const struct net_udp_group *group = LIST_ENTRY_OF(node, struct net_udp_group, link);
        if (group->interface_index == in->interface_index && eng_address_is_equal(&group->group, &in->destination))
            return true;
    }
    return false;
}

struct net_udp *
net_result_next_udp(struct net *net, struct net_result *result)
{
    const uint32_t group_flags = ENG_IN_LINK_BROADCAST | ENG_IN_LINK_MULTICAST;
    uint32_t passed = 0;
    if (!(result->in.flags & group_flags))
        return NULL;
    LIST_FOR_EACH(node, udp_bucket(net, result->in.destination.family, result->destination_port)) {
        struct net_udp *udp = LIST_ENTRY_OF(node, struct net_udp, bucket);
        if (udp_wants_group(net, udp, result) && passed++ == result->udp_at) {
            result->udp_at++;
            return result->udp = udp;
        }
    }
    return NULL;
}

static bool
udp_sum_is_good(const struct eng_in *in, const uint8_t *header)
{
    if (in->flags & ENG_IN_L4_SUM_GOOD)
        return true;
    if (!header[6] && !header[7])
        return in->source.family == ENG_IP4; // there is none; IPv6 always has one [RFC 8200 8.1]
    uint64_t sum = in->source.family == ENG_IP4
                       ? csum_pseudo4(in->source.bytes, in->destination.bytes, NET_UDP, (uint16_t)in->length_bytes)
                       : csum_pseudo6(in->source.bytes, in->destination.bytes, NET_UDP, in->length_bytes);
    return !in_sum(in, sum);
}

void
udp_input(struct net *net, struct eng_in *in, struct net_result *result)
{
    uint8_t scratch[UDP_HEADER_BYTES];
    const uint8_t *header = in->length_bytes < UDP_HEADER_BYTES ? NULL : in_peek(in, in->at_bytes, UDP_HEADER_BYTES, scratch);
    uint32_t bytes = header ? bytes_load_be16(header + 4) : 0;
    net_count(net, NET_COUNT_udp_in);
    if (bytes < UDP_HEADER_BYTES || bytes > in->length_bytes || !bytes_load_be16(header + 2)) {
        net_count(net, NET_COUNT_udp_bad);
        return;
    }
    in->length_bytes = bytes;
    if (!udp_sum_is_good(in, header)) {
        net_count(net, NET_COUNT_udp_bad_sum);
        return;
    }
    result->source_port = bytes_load_be16(header);
    result->destination_port = bytes_load_be16(header + 2);
    if (in->flags & (ENG_IN_LINK_BROADCAST | ENG_IN_LINK_MULTICAST))
        net_result_next_udp(net, result);
    else
        result->udp = udp_find(net, result, &in->destination, &in->source, result->source_port, in->interface_index);
    if (result->udp) {
        in_advance(in, UDP_HEADER_BYTES);
        result->verdict = NET_FOR_UDP;
        return;
    }
    net_count(net, NET_COUNT_udp_no_port);
    if (in->source.family == ENG_IP4)
        icmp4_error(net, in, ICMP4_UNREACHABLE, 3, 0);
    else
        icmp6_error(net, in, ICMP6_UNREACHABLE, 4, 0);
}

// ---- out

static void
udp_push_header(struct eng_out *out, const struct net_udp *udp, const struct net_path *path, uint16_t port)
{
    uint8_t *header = eng_out_push_head(out, UDP_HEADER_BYTES);
    uint32_t bytes = UDP_HEADER_BYTES + out->data_bytes;
    bool is_ip4 = path->source.family == ENG_IP4;
    uint64_t sum = is_ip4 ? csum_pseudo4(path->source.bytes, path->destination.bytes, NET_UDP, (uint16_t)bytes)
                          : csum_pseudo6(path->source.bytes, path->destination.bytes, NET_UDP, bytes);
    uint16_t partial = csum_fold(sum);
    bytes_store_be16(header, udp->settings.port);
    bytes_store_be16(header + 2, port);
    bytes_store_be16(header + 4, (uint16_t)bytes);
    memset(header + 6, 0, 2);
    out->protocol = NET_UDP;
    out->l4_bytes = UDP_HEADER_BYTES;
    out->l4_sum_offset = 6;
    out->source = path->source;
    out->destination = path->destination;
    out->interface_index = path->interface_index;
    if (udp->settings.no_checksum && is_ip4)
        return;
    memcpy(header + 6, &partial, 2);
    out->flags |= ENG_OUT_L4_SUM_PARTIAL;
}

static int
udp_send_path(struct net *net, const struct net_udp *udp, const struct net_udp_send *send, struct net_path *path)
{
    *path = (struct net_path){.source = send->source.family ? send->source : udp->settings.local, .destination = send->remote,
                              .interface_index = send->interface_index ? send->interface_index : udp->settings.interface_index};
    if (!path->destination.family && !udp->remote_port)
        return -EDESTADDRREQ;
    if (!path->destination.family)
        path->destination = udp->remote;
    if (path->destination.family != udp->settings.local.family || path->source.family != path->destination.family)
        return -EINVAL;
    if (eng_address_is_multicast(&path->source) || local_is_broadcast(net, 0, &path->source))
        path->source = address_any(path->destination.family);
    int error = net_path_find(net, path, net->now_us);
    if (error)
        return error;
    if (path->is_loopback)
        path->interface_index = 0;
    return path->is_broadcast && !send->is_broadcast ? -EACCES : 0;
}

int
net_udp_send(struct net *net, struct net_udp *udp, const struct net_udp_send *send, uint64_t now_us, struct eng_outbox *outbox)
{
    struct net_path path;
    size_t count = 0;
    if (now_us > net->now_us)
        net->now_us = now_us;
    net->outbox = outbox;
    int error = udp_send_path(net, udp, send, &path);
    if (error)
        return error;
    for (unsigned i = 0; i < send->n_spans; i++)
        count += send->spans[i].count;
    uint16_t port = send->remote.family ? send->port : udp->remote_port;
    if (count > (path.source.family == ENG_IP4 ? 65507u : 65527u))
        return -EMSGSIZE;
    if (!port)
        return -EINVAL;
    struct eng_out *out = output_get(net);
    if (!out)
        return -ENOMEM;
    if (net_out_borrow(net, out, send->spans, send->n_spans, 0, count)) {
        eng_out_put(net->pool, out);
        return -ENOMEM;
    }
    udp_push_header(out, udp, &path, port);
    out->hop_limit = send->hop_limit;
    out->traffic_class = send->traffic_class;
    if (send->dont_fragment)
        out->flags |= ENG_OUT_DONT_FRAGMENT;
    if (send->no_multicast_loop)
        out->flags |= ENG_OUT_NO_LOOP;
    if (path.source.family == ENG_IP6) {
        uint8_t key[4];
        bytes_store_be16(key, udp->settings.port);
        bytes_store_be16(key + 2, port);
        out->flow_label = (uint32_t)siphash(&net->hash_key, key, sizeof key) & 0xFFFFF; // the same for a flow [RFC 6437 2]
    }
    return output_packet(net, out);
}

// ---- groups

static struct net_udp_group *
udp_group_find(const struct net_udp *udp, const struct eng_address *group, uint32_t interface_index)
{
    LIST_FOR_EACH(node, (struct list *)&udp->groups) {
        struct net_udp_group *entry = LIST_ENTRY_OF(node, struct net_udp_group, link);
        if ((!interface_index || entry->interface_index == interface_index) && eng_address_is_equal(&entry->group, group))
            return entry;
    }
    return NULL;
}

void
udp_forget_interface(struct net *net, uint32_t interface_index)
{
    for (unsigned i = 0; i < UDP_BUCKETS; i++)
        LIST_FOR_EACH(node, &net->udps[i]) {
            struct net_udp *udp = LIST_ENTRY_OF(node, struct net_udp, bucket);
            LIST_FOR_EACH_SAFE(group_node, &udp->groups) {
                struct net_udp_group *group = LIST_ENTRY_OF(group_node, struct net_udp_group, link);
                if (group->interface_index != interface_index)
                    continue;
                list_remove(&group->link);
                eng_give(net->memory, group, sizeof *group);
            }
        }
}

int
net_udp_join(struct net *net, struct net_udp *udp, const struct eng_address *group, uint32_t interface_index, uint64_t now_us,
             struct eng_outbox *outbox)
{
    if (group->family != udp->settings.local.family)
        return -EINVAL;
    struct net_interface *interface = group_interface(net, group, interface_index ? interface_index : udp->settings.interface_index);
    if (!interface)
        return interface_index ? -EINVAL : -ENETUNREACH;
    if (udp_group_find(udp, group, interface->index))
        return -EEXIST;
    struct net_udp_group *entry = eng_take(net->memory, sizeof *entry);
    if (!entry)
        return -ENOMEM;
    int error = net_group_join(net, group, interface->index, now_us, outbox);
    if (error) {
        eng_give(net->memory, entry, sizeof *entry);
        return error;
    }
    entry->group = *group;
    entry->interface_index = interface->index;
    list_push_back(&udp->groups, &entry->link);
    return 0;
}

int
net_udp_leave(struct net *net, struct net_udp *udp, const struct eng_address *group, uint32_t interface_index, uint64_t now_us,
              struct eng_outbox *outbox)
{
    struct net_udp_group *entry = udp_group_find(udp, group, interface_index ? interface_index : udp->settings.interface_index);
    if (!entry)
        return -ENOENT;
    net_group_leave(net, group, entry->interface_index, now_us, outbox);
    list_remove(&entry->link);
    eng_give(net->memory, entry, sizeof *entry);
    return 0;
}
