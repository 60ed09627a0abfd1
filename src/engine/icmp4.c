// SPDX-License-Identifier: MIT
// ICMP [RFC 792, RFC 1122 3.2.2]: echo, the errors that we send, the errors that come.
//   icmp4_input -> icmp4_echo | icmp4_error_in -> icmp_error_up | icmp4_redirect
//   icmp4_error  <- ip4.c, frag.c, udp.c: never about an error, a later fragment, a group or a broadcast, and not too often
#include "engine/net_int.h"
#include "engine/source_route.h"

#define ECHO_REPLY 0u
#define REDIRECT 5u
#define ECHO 8u
#define QUOTED_BYTES (576u - IP4_HEADER_BYTES - 8)      // [RFC 1812 4.3.2.3]

static void
icmp4_echo(struct net *net, const struct eng_in *in, const uint8_t *message)
{
    // Answering a ping to all is what smurfs live on [RFC 1122 3.2.2.6].
    if (in->flags & (ENG_IN_LINK_BROADCAST | ENG_IN_LINK_MULTICAST))
        return;
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
    out->destination = in->source;
    out->traffic_class = in->traffic_class & 0xFC;
    net_count(net, NET_COUNT_icmp_echoes);
    icmp_send(net, out, &in->destination);
}

// Next-hop MTU 0 comes from routers older than RFC 1191: the next plateau below the packet's length [7.1].
static uint32_t
icmp4_plateau(uint32_t total_bytes)
{
    static const uint16_t plateaus[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};
    for (unsigned i = 0; i < sizeof plateaus / sizeof plateaus[0]; i++)
        if (plateaus[i] < total_bytes)
            return plateaus[i];
    return 68;
}

static bool
icmp4_classify(const uint8_t *message, uint32_t inner_bytes, struct net_error *error)
{
    static const uint8_t kinds[16] = {
        NET_ERROR_NETWORK, NET_ERROR_HOST, NET_ERROR_PROTOCOL, NET_ERROR_PORT, NET_ERROR_TOO_BIG, NET_ERROR_NETWORK, NET_ERROR_NETWORK,
        NET_ERROR_HOST, NET_ERROR_HOST, NET_ERROR_PROHIBITED, NET_ERROR_PROHIBITED, NET_ERROR_NETWORK, NET_ERROR_HOST,
        NET_ERROR_PROHIBITED, NET_ERROR_HOST, NET_ERROR_HOST,
    };
    error->type = message[0];
    error->code = message[1];
    switch (message[0]) {
    case ICMP4_UNREACHABLE:
        if (message[1] > 15)
            return false;
        error->kind = kinds[message[1]];
        if (error->kind == NET_ERROR_TOO_BIG) {
            error->mtu_bytes = bytes_load_be16(message + 6);
            if (!error->mtu_bytes)
                error->mtu_bytes = icmp4_plateau(inner_bytes);
            return error->mtu_bytes >= 68 && error->mtu_bytes < inner_bytes;
        }
        return true;
    case ICMP4_TIME: error->kind = NET_ERROR_TIME; return true;
    case ICMP4_PARAMETER: error->kind = NET_ERROR_PARAMETER; return true;
    default: return false;
    }
}

// The packet inside must be one of ours, by its source, and show eight bytes of its upper layer.
static void
icmp4_error_in(struct net *net, const struct eng_in *in, const uint8_t *message, struct net_result *result)
{
    uint8_t scratch[60];
    const uint8_t *inner = in->length_bytes < 8 + IP4_HEADER_BYTES ? NULL : in_peek(in, in->at_bytes + 8, IP4_HEADER_BYTES, scratch);
    unsigned inner_bytes = inner ? (inner[0] & 0xFu) * 4 : 0;
    if (!inner || inner[0] >> 4 != 4 || inner_bytes < IP4_HEADER_BYTES || in->length_bytes < 8 + inner_bytes + 8 ||
        bytes_load_be16(inner + 6) & 0x1FFF) {
        net_count(net, NET_COUNT_icmp_bad);
        return;
    }
    struct net_error *error = &result->error;
    *error = (struct net_error){.protocol = inner[9], .local = eng_address4(inner + 12), .remote = eng_address4(inner + 16)};
    uint32_t total_bytes = bytes_load_be16(inner + 2);
    if (!net_address_is_ours(net, &error->local)) {
        net_count(net, NET_COUNT_icmp_errors_foreign);
        return;
    }
    if (message[0] == REDIRECT) {
        struct eng_address gateway = eng_address4(message + 4);
        bool is_taken = message[1] <= 3 && icmp_redirect(net, in, &error->remote, &gateway);
        net_count(net, is_taken ? NET_COUNT_icmp_redirects : NET_COUNT_icmp_redirects_refused);
        return;
    }
    if (!icmp4_classify(message, total_bytes, error)) {
        net_count(net, NET_COUNT_icmp_bad);
        return;
    }
    if (inner_bytes > IP4_HEADER_BYTES) {
        inner = in_peek(in, in->at_bytes + 8, inner_bytes, scratch);
        source_route_end(inner + IP4_HEADER_BYTES, inner_bytes - IP4_HEADER_BYTES, &error->remote);
    }
    icmp_error_up(net, in, result, in->at_bytes + 8 + inner_bytes);
}

void
icmp4_input(struct net *net, struct eng_in *in, struct net_result *result)
{
    uint8_t scratch[8];
    const uint8_t *message = in->length_bytes < 8 ? NULL : in_peek(in, in->at_bytes, 8, scratch);
    net_count(net, NET_COUNT_icmp_in);
    if (!message || in_sum(in, 0)) {
        net_count(net, NET_COUNT_icmp_bad);
        result->is_raw_too = false;
        return;
    }
    if (message[0] == ECHO)
        icmp4_echo(net, in, message);
    else if (message[0] == ICMP4_UNREACHABLE || message[0] == ICMP4_TIME || message[0] == ICMP4_PARAMETER || message[0] == REDIRECT)
        icmp4_error_in(net, in, message, result);
}

// May anybody be told about this packet? [RFC 1122 3.2.2]
static bool
icmp4_may_answer(const struct eng_in *in)
{
    uint8_t header[IP4_HEADER_BYTES], type;
    if (in->flags & (ENG_IN_LINK_BROADCAST | ENG_IN_LINK_MULTICAST) || eng_address_is_any(&in->source) ||
        eng_address_is_multicast(&in->source) || in->source.bytes[0] >= 240)
        return false;
    if (!eng_spans_copy(in->spans, in->n_spans, in->ip_at_bytes, header, sizeof header) || bytes_load_be16(header + 6) & 0x1FFF)
        return false;
    if (header[9] != NET_ICMP4)
        return true;
    if (!eng_spans_copy(in->spans, in->n_spans, in->ip_at_bytes + (header[0] & 0xFu) * 4, &type, 1))
        return false;
    return type == ECHO || type == ECHO_REPLY || (type >= 13 && type <= 18); // the questions and answers of RFC 792, 950
}

void
icmp4_error(struct net *net, const struct eng_in *in, uint8_t type, uint8_t code, uint32_t value)
{
    if (!icmp4_may_answer(in) || !icmp_error_allowed(net))
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
    out->destination = in->source;
    out->traffic_class = 0xC0; // [RFC 1812 4.3.2.5]
    net_count(net, NET_COUNT_icmp_errors_out);
    icmp_send(net, out, &in->destination);
}
