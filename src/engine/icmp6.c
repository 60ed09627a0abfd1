// SPDX-License-Identifier: MIT
// ICMPv6 [RFC 4443]: echo, the errors that we send, the errors that come; the rest belongs to nd.c, router.c and mld.c.
//   icmp6_input -> icmp6_echo | icmp6_error_in -> icmp_error_up | nd_input | mld_input
//   icmp6_error  <- ip6.c, frag.c, udp.c, under the rules of 2.4(e)
#include "engine/net_int.h"

#define ECHO 128u
#define ECHO_REPLY 129u
#define MLD_QUERY 130u
#define MLD_DONE 132u
#define ROUTER_SOLICITATION 133u
#define REDIRECT 137u
#define MLD_REPORT2 143u
#define QUOTED_BYTES (IP6_MTU_MIN - IP6_HEADER_BYTES - 8)

static void
icmp6_answer(struct net *net, const struct eng_in *in, struct eng_out *out)
{
    out->destination = in->source;
    if (eng_address_is_link_local(&in->source) && in->interface_index != NET_LOOPBACK)
        out->interface_index = in->interface_index;
    icmp_send(net, out, &in->destination);
}

static void
icmp6_echo(struct net *net, const struct eng_in *in, const uint8_t *message)
{
    struct eng_out *out = output_get(net);
    if (!out)
        return;
    if (net_out_borrow(net, out, in->spans, in->n_spans, in->at_bytes + 8, in->length_bytes - 8)) {
        net_count(net, NET_COUNT_out_no_memory);
        eng_out_put(net->pool, out);
        return;
    }
    uint8_t *head = eng_out_push_head(out, 8);
    memcpy(head, message, 8);
    head[0] = ECHO_REPLY;
    out->traffic_class = in->traffic_class & 0xFC;
    out->flow_label = in->flow_label;
    net_count(net, NET_COUNT_icmp_echoes);
    icmp6_answer(net, in, out);
}

static bool
icmp6_classify(const uint8_t *message, uint32_t inner_bytes, struct net_error *error)
{
    static const uint8_t kinds[7] = {NET_ERROR_NETWORK, NET_ERROR_PROHIBITED, NET_ERROR_NETWORK, NET_ERROR_HOST,
                                     NET_ERROR_PORT, NET_ERROR_PROHIBITED, NET_ERROR_PROHIBITED};
    error->type = message[0];
    error->code = message[1];
    switch (message[0]) {
    case ICMP6_UNREACHABLE: error->kind = message[1] < 7 ? kinds[message[1]] : NET_ERROR_NETWORK; return true;
    case ICMP6_TOO_BIG:
        error->kind = NET_ERROR_TOO_BIG;
        error->mtu_bytes = bytes_load_be32(message + 4);
        // Nothing below the least MTU, and nothing that our packet would have passed [RFC 8201 4].
        return error->mtu_bytes >= IP6_MTU_MIN && error->mtu_bytes < inner_bytes;
    case ICMP6_TIME: error->kind = NET_ERROR_TIME; return true;
    default: error->kind = message[1] == 1 ? NET_ERROR_PROTOCOL : NET_ERROR_PARAMETER; return true;
    }
}

static void
icmp6_error_in(struct net *net, const struct eng_in *in, const uint8_t *message, struct net_result *result)
{
    uint8_t scratch[IP6_HEADER_BYTES];
    size_t inner_at = in->at_bytes + 8, end = in->at_bytes + in->length_bytes, upper_at;
    const uint8_t *inner = in->length_bytes < 8 + IP6_HEADER_BYTES ? NULL : in_peek(in, inner_at, IP6_HEADER_BYTES, scratch);
    struct net_error *error = &result->error;
    *error = (struct net_error){0};
    if (!inner || inner[0] >> 4 != 6 || !ip6_find_upper(in, inner_at + IP6_HEADER_BYTES, end, inner[6], &error->protocol, &upper_at) ||
        end - upper_at < 8 || !icmp6_classify(message, bytes_load_be16(inner + 4) + IP6_HEADER_BYTES, error)) {
        net_count(net, NET_COUNT_icmp_bad);
        return;
    }
    error->local = eng_address6(inner + 8);
    error->remote = eng_address6(inner + 24);
    if (!net_address_is_ours(net, &error->local)) {
        net_count(net, NET_COUNT_icmp_errors_foreign);
        return;
    }
    icmp_error_up(net, in, result, upper_at);
}

void
icmp6_input(struct net *net, struct eng_in *in, struct net_result *result)
{
    uint8_t scratch[8];
    const uint8_t *message = in->length_bytes < 8 ? NULL : in_peek(in, in->at_bytes, 8, scratch);
    bool is_ours = !(in->flags & ENG_IN_LOOPBACK) && net_address_is_ours(net, &in->source);
    net_count(net, NET_COUNT_icmp_in);
    if (!message || in_sum(in, csum_pseudo6(in->source.bytes, in->destination.bytes, NET_ICMP6, in->length_bytes))) {
        net_count(net, NET_COUNT_icmp_bad);
        result->is_raw_too = false;
        return;
    }
    if (message[0] >= ROUTER_SOLICITATION && message[0] <= REDIRECT)
        nd_input(net, in, message[0]);
    else if (is_ours)
        net_count(net, NET_COUNT_in_martian);
    else if (message[0] == ECHO && !eng_address_is_any(&in->source))
        icmp6_echo(net, in, message);
    else if ((message[0] >= MLD_QUERY && message[0] <= MLD_DONE) || message[0] == MLD_REPORT2)
        mld_input(net, in, message[0]);
    else if (message[0] >= ICMP6_UNREACHABLE && message[0] <= ICMP6_PARAMETER)
        icmp6_error_in(net, in, message, result);
}

// May anybody be told about this packet? [RFC 4443 2.4(e)]
static bool
icmp6_may_answer(const struct eng_in *in, uint8_t type, uint8_t code)
{
    uint8_t header[IP6_HEADER_BYTES], protocol, inner_type;
    size_t upper_at, end = in->at_bytes + in->length_bytes;
    bool is_for_groups = type == ICMP6_TOO_BIG || (type == ICMP6_PARAMETER && code == 2);
    bool is_group = in->flags & (ENG_IN_LINK_BROADCAST | ENG_IN_LINK_MULTICAST) || eng_address_is_multicast(&in->destination);
    if (eng_address_is_any(&in->source) || eng_address_is_multicast(&in->source) || (is_group && !is_for_groups))
        return false;
    if (!eng_spans_copy(in->spans, in->n_spans, in->ip_at_bytes, header, sizeof header))
        return false;
    // Where the upper layer cannot be seen, it is no error that is seen.
    if (!ip6_find_upper(in, in->ip_at_bytes + IP6_HEADER_BYTES, end, header[6], &protocol, &upper_at) || protocol != NET_ICMP6)
        return true;
    return upper_at < end && eng_spans_copy(in->spans, in->n_spans, upper_at, &inner_type, 1) && inner_type >= 128 &&
           inner_type != REDIRECT;
}

void
icmp6_error(struct net *net, const struct eng_in *in, uint8_t type, uint8_t code, uint32_t value)
{
    if (!icmp6_may_answer(in, type, code) || !icmp_error_allowed(net))
        return;
    struct eng_out *out = output_get(net);
    if (!out)
        return;
    uint32_t whole_bytes = in->at_bytes + in->length_bytes - in->ip_at_bytes;
    if (net_out_borrow(net, out, in->spans, in->n_spans, in->ip_at_bytes, whole_bytes < QUOTED_BYTES ? whole_bytes : QUOTED_BYTES)) {
        net_count(net, NET_COUNT_out_no_memory);
        eng_out_put(net->pool, out);
        return;
    }
    uint8_t *head = eng_out_push_head(out, 8);
    head[0] = type;
    head[1] = code;
    bytes_store_be32(head + 4, value);
    net_count(net, NET_COUNT_icmp_errors_out);
    icmp6_answer(net, in, out);
}
