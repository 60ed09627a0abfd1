// SPDX-License-Identifier: MIT
// Raw protocols: who wants the packets of an upper protocol besides (or instead of) the engine, and packets whose upper layer somebody
// else makes.
//   net_raw_open   ip4.c and ip6.c then say NET_FOR_RAW, or is_raw_too when the engine knows the protocol itself
//   net_raw_send   path -> [ICMPv6's checksum, which covers the source that only we know: RFC 3542 3.1] -> output_packet
#include "engine/net_int.h"

static struct net_raw *
raw_find(const struct net *net, uint8_t family, uint8_t protocol)
{
    for (unsigned i = 0; i < RAW_MAX; i++)
        if (net->raws[i].opens && net->raws[i].family == family && net->raws[i].protocol == protocol)
            return (struct net_raw *)&net->raws[i];
    return NULL;
}

bool
raw_is_open(const struct net *net, uint8_t family, uint8_t protocol)
{
    return raw_find(net, family, protocol);
}

int
net_raw_open(struct net *net, uint8_t family, uint8_t protocol)
{
    struct net_raw *raw = raw_find(net, family, protocol);
    for (unsigned i = 0; !raw && i < RAW_MAX; i++)
        if (!net->raws[i].opens)
            raw = &net->raws[i];
    if (!raw)
        return -ENOSPC;
    raw->family = family;
    raw->protocol = protocol;
    raw->opens++;
    return 0;
}

void
net_raw_close(struct net *net, uint8_t family, uint8_t protocol)
{
    struct net_raw *raw = raw_find(net, family, protocol);
    if (raw)
        raw->opens--;
}

// ---- out

static int
raw_path(struct net *net, const struct net_raw_send *send, struct net_path *path)
{
    *path = (struct net_path){.source = send->source, .destination = send->remote, .interface_index = send->interface_index};
    if (!path->source.family)
        path->source = address_any(path->destination.family);
    int error = net_path_find(net, path, net->now_us);
    if (error)
        return error;
    if (path->is_loopback)
        path->interface_index = 0;
    return path->is_broadcast && !send->is_broadcast ? -EACCES : 0;
}

// The message's first four bytes become the head, and its checksum is made there.
static int
raw_icmp6(struct net *net, struct eng_out *out, const struct net_raw_send *send, size_t count)
{
    uint8_t *head = count < 4 ? NULL : eng_out_push_head(out, 4);
    if (!head || !eng_spans_copy(send->spans, send->n_spans, 0, head, 4))
        return -EINVAL;
    if (count > 4 && net_out_borrow(net, out, send->spans, send->n_spans, 4, count - 4))
        return -ENOMEM;
    uint16_t sum = csum_fold(csum_pseudo6(out->source.bytes, out->destination.bytes, NET_ICMP6, (uint32_t)count));
    memcpy(head + 2, &sum, 2);
    out->l4_bytes = 4;
    out->l4_sum_offset = 2;
    out->flags |= ENG_OUT_L4_SUM_PARTIAL;
    eng_out_sum(out);
    return 0;
}

static int
raw_fill(struct net *net, struct eng_out *out, const struct net_raw_send *send, size_t count)
{
    if (send->protocol == NET_ICMP6 && out->destination.family == ENG_IP6)
        return raw_icmp6(net, out, send, count);
    return count ? net_out_borrow(net, out, send->spans, send->n_spans, 0, count) : 0;
}

int
net_raw_send(struct net *net, const struct net_raw_send *send, uint64_t now_us, struct eng_outbox *outbox)
{
    struct net_path path;
    size_t count = 0;
    if (now_us > net->now_us)
        net->now_us = now_us;
    net->outbox = outbox;
    int error = raw_path(net, send, &path);
    if (error)
        return error;
    for (unsigned i = 0; i < send->n_spans; i++)
        count += send->spans[i].count;
    if (count > (path.source.family == ENG_IP4 ? 65515u : 65535u))
        return -EMSGSIZE;
    struct eng_out *out = output_get(net);
    if (!out)
        return -ENOMEM;
    out->protocol = send->protocol;
    out->source = path.source;
    out->destination = path.destination;
    out->interface_index = path.interface_index;
    out->hop_limit = send->hop_limit;
    out->traffic_class = send->traffic_class;
    out->flags = (send->dont_fragment ? ENG_OUT_DONT_FRAGMENT : 0) | (send->no_multicast_loop ? ENG_OUT_NO_LOOP : 0);
    error = raw_fill(net, out, send, count);
    if (error) {
        eng_out_put(net->pool, out);
        return error;
    }
    return output_packet(net, out);
}
