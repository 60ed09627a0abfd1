// SPDX-License-Identifier: MIT
// What ICMP of both families shares: how many errors we send, how a message gets its source and checksum, and how an error that came
// for a packet of ours finds the one who sent it.
//   icmp_error_up   <- icmp4.c, icmp6.c: the packet inside is one of ours, by its source, and for UDP by its ports too
//   net_error_accept  a path MTU that TCP believes
#include "engine/net_int.h"
#include "engine/source_route.h"

// A bucket that holds one second's worth [RFC 1812 4.3.2.8, RFC 4443 2.4(f)].
bool
icmp_error_allowed(struct net *net)
{
    uint64_t rate = net->settings.icmp_errors_per_second, passed_us = net->now_us - net->icmp_refilled_us;
    uint64_t more = passed_us >= SECOND_US ? rate : passed_us * rate / SECOND_US;
    if (more) {
        net->icmp_tokens = net->icmp_tokens + more < rate ? net->icmp_tokens + more : rate;
        net->icmp_refilled_us = passed_us >= SECOND_US ? net->now_us : net->icmp_refilled_us + more * SECOND_US / rate;
    }
    if (!net->icmp_tokens) {
        net_count(net, NET_COUNT_icmp_errors_limited);
        return false;
    }
    net->icmp_tokens--;
    return true;
}

void
icmp_send(struct net *net, struct eng_out *out, const struct eng_address *source)
{
    bool is_ip6 = out->destination.family == ENG_IP6;
    struct net_path path = {.source = *source, .destination = out->destination, .interface_index = out->interface_index};
    if (!source->family || eng_address_is_any(source) || !net_address_is_ours(net, source))
        path.source = address_any(out->destination.family);
    if (net_path_find(net, &path, 0)) {
        net_count(net, NET_COUNT_out_no_route);
        eng_out_put(net->pool, out);
        return;
    }
    out->source = path.source;
    out->protocol = is_ip6 ? NET_ICMP6 : NET_ICMP4;
    out->l4_bytes = out->head_bytes;
    out->l4_sum_offset = 2;
    out->flags |= ENG_OUT_L4_SUM_PARTIAL;
    uint32_t bytes = out->head_bytes + out->data_bytes;
    uint16_t sum = is_ip6 ? csum_fold(csum_pseudo6(out->source.bytes, out->destination.bytes, NET_ICMP6, bytes)) : 0;
    memcpy(out->head + 2, &sum, 2);
    eng_out_sum(out);
    output_packet(net, out);
}

void
net_error_from_out(const struct eng_out *out, struct net_error *error)
{
    size_t bytes = out->l4_bytes < sizeof error->upper ? out->l4_bytes : sizeof error->upper;
    error->protocol = out->protocol;
    error->local = out->source;
    error->remote = out->destination;
    if (out->n_ip_options)
        source_route_end(out->ip_options, out->n_ip_options, &error->remote);
    memcpy(error->upper, out->room + sizeof out->room - out->l4_bytes, bytes);
    error->upper_bytes = (uint8_t)bytes;
}

void
icmp_error_up(struct net *net, const struct eng_in *in, struct net_result *result, size_t upper_bytes)
{
    struct net_error *error = &result->error;
    size_t end_bytes = in->at_bytes + in->length_bytes, have = end_bytes - upper_bytes;
    error->upper_bytes = (uint8_t)(have < sizeof error->upper ? have : sizeof error->upper);
    eng_spans_copy(in->spans, in->n_spans, upper_bytes, error->upper, error->upper_bytes);
    error->from = in->source;
    bool is_known = raw_is_open(net, error->local.family, error->protocol);
    if (error->protocol == NET_UDP)
        is_known |= (error->udp = udp_find_sender(net, error)) != NULL;
    if (!is_known && error->protocol != NET_TCP) {
        net_count(net, NET_COUNT_icmp_errors_foreign);
        return;
    }
    net_count(net, NET_COUNT_icmp_errors_in);
    if (error->kind == NET_ERROR_TOO_BIG && error->protocol != NET_TCP)
        pmtu_learn(net, &error->remote, error->mtu_bytes, false);
    result->verdict = NET_FOR_ERROR;
}

void
net_error_accept(struct net *net, const struct net_error *error, uint64_t now_us)
{
    if (now_us > net->now_us)
        net->now_us = now_us;
    if (error->kind == NET_ERROR_TOO_BIG && error->mtu_bytes)
        pmtu_learn(net, &error->remote, error->mtu_bytes, false);
}

bool
icmp_redirect(struct net *net, const struct eng_in *in, const struct eng_address *destination, const struct eng_address *gateway)
{
    struct net_route_entry *route = route_match(net, destination, in->interface_index);
    if (!net->settings.accepts_redirects || !route || !eng_address_is_equal(&route->r.gateway, &in->source) ||
        eng_address_is_multicast(destination) || eng_address_is_multicast(gateway) || net_address_is_ours(net, gateway) ||
        local_is_broadcast(net, in->interface_index, gateway) || net_address_is_ours(net, destination))
        return false;
    bool is_itself = eng_address_is_equal(gateway, destination);
    if (!is_itself && !local_is_on_link(net, in->interface_index, gateway))
        return false;
    struct net_route better = {.prefix = *destination, .prefix_bits = (uint8_t)(eng_address_bytes(destination) * 8),
                               .gateway = is_itself ? address_any(gateway->family) : *gateway, .interface_index = in->interface_index};
    return route_put(net, &better, ROUTE_REDIRECT, net->now_us + 600 * SECOND_US);
}
