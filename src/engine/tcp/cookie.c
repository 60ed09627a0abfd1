// SPDX-License-Identifier: MIT
// What is drawn from the secret: first sequence numbers [RFC 6528], timestamp offsets [RFC 7323 5.4], local ports [RFC 6056], and SYN
// cookies [RFC 4987 3.6]: a first sequence number that holds what we would have had to remember.
//   cookie: 5 bits of a 64-second count, 3 bits of MSS, 24 bits of a keyed hash; the peer's options come back in our timestamp's
//   low 6 bits: window scale (15: none), SACK, ECN. Without timestamps there are no options.
#include "engine/tcp/tcp_int.h"
#include <string.h>

#define COOKIE_PERIOD_US 64000000
#define COOKIE_PERIODS 2            // how old one may be
#define COOKIE_NO_SCALE 15
#define PORT_FIRST 49152
#define PORT_COUNT 16384

static const uint16_t cookie_mss[8] = {64, 536, 1024, 1220, 1360, 1440, 1460, 8960};

enum purpose {
    FOR_SEQUENCE = 1,
    FOR_TIMESTAMP,
    FOR_PORT,
    FOR_COOKIE
};

static uint64_t
draw(const struct tcp *tcp, enum purpose purpose, const struct tcp_constant *k, uint32_t more, uint32_t even_more)
{
    struct {
        uint8_t local[16], remote[16];
        uint16_t ports[2];
        uint32_t purpose, more, even_more;
    } key = {.ports = {k->local_port, k->remote_port},
             .purpose = (uint32_t)purpose << 8 | k->remote.family,
             .more = more,
             .even_more = even_more};
    memcpy(key.local, k->local.bytes, 16);
    memcpy(key.remote, k->remote.bytes, 16);
    return siphash(&tcp->secret, &key, sizeof key);
}

// M + F(four-tuple, secret), M going round once in 4 microseconds [RFC 9293 3.4.1].
uint32_t
tcp_sequence_first(const struct tcp *tcp, const struct tcp_connection *c)
{
    return (uint32_t)(tcp->now_us / 4) + (uint32_t)draw(tcp, FOR_SEQUENCE, &c->r.constant, 0, 0);
}

uint32_t
tcp_timestamp_offset(const struct tcp *tcp, const struct tcp_constant *constant)
{
    return (uint32_t)draw(tcp, FOR_TIMESTAMP, constant, 0, 0);
}

uint16_t
tcp_port_pick(struct tcp *tcp, const struct eng_address *local, const struct eng_address *remote, uint16_t remote_port)
{
    struct tcp_constant k = {.local = *local, .remote = *remote, .remote_port = remote_port};
    uint32_t offset = (uint32_t)draw(tcp, FOR_PORT, &k, 0, 0);
    for (uint32_t i = 0; i < PORT_COUNT; i++) {
        uint16_t port = (uint16_t)(PORT_FIRST + (offset + tcp->port_next++) % PORT_COUNT);
        if (!tcp_find(tcp, local, remote, port, remote_port) && !tcp_find_listener(tcp, local, port))
            return port;
    }
    return 0;
}

// ---- cookies

static uint32_t
cookie_make(const struct tcp *tcp, const struct tcp_constant *k, uint32_t irs, uint32_t period, uint32_t mss_index)
{
    uint32_t hash = (uint32_t)draw(tcp, FOR_COOKIE, k, irs, period << 3 | mss_index) & 0xFFFFFF;
    return (period & 31) << 27 | mss_index << 24 | hash;
}

static struct tcp_constant
constant_of(const struct tcp_segment *segment)
{
    const struct eng_in *in = segment->in;
    return (struct tcp_constant){
        .local = in->destination,
        .remote = in->source,
        .local_port = segment->destination_port,
        .remote_port = segment->source_port,
    };
}

static uint8_t
cookie_receive_scale(const struct tcp *tcp)
{
    uint8_t scale = 0;
    while (scale < TCP_SCALE_MAX && tcp_receive_most(tcp) >> scale > UINT16_MAX)
        scale++;
    return scale;
}

static uint32_t
mss_index_of(const struct tcp_options *options, uint8_t family)
{
    uint32_t mss = options->has_mss ? options->mss : family == ENG_IP6 ? 1220
                                                                       : 536;
    uint32_t index = 7;
    while (index && cookie_mss[index] > mss)
        index--;
    return index;
}

void
tcp_cookie_send(struct tcp *tcp, const struct tcp_segment *segment)
{
    const struct tcp_options *options = &segment->options;
    struct tcp_constant k = constant_of(segment);
    uint32_t period = (uint32_t)(tcp->now_us / COOKIE_PERIOD_US);
    struct tcp_path path = {.interface_index = segment->in->interface_index};
    struct eng_out *out = tcp_emit_begin(tcp, &path);
    if (!out)
        return;
    struct tcp_head head = {
        .local = &k.local,
        .remote = &k.remote,
        .local_port = k.local_port,
        .remote_port = k.remote_port,
        .flags = TCP_SYN | TCP_ACK,
        .ack = segment->seq + 1,
        .seq = cookie_make(tcp, &k, segment->seq, period, mss_index_of(options, k.remote.family)),
    };
    struct source_route route;
    if (segment->in->flags & ENG_IN_SOURCE_ROUTE && source_route_back(segment->in, &route))
        head.route = &route;
    uint32_t ts = 0;
    if (options->has_timestamps && tcp_uses(tcp, TCP_USE_TIMESTAMPS)) {
        bool has_scale = options->has_scale && tcp_uses(tcp, TCP_USE_WINDOW_SCALE),
             has_sack = options->has_sack_ok && tcp_uses(tcp, TCP_USE_SACK);
        bool has_ecn = tcp_uses(tcp, TCP_USE_ECN) && (segment->flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR);
        uint32_t now = tcp_clock_ms(tcp) + tcp_timestamp_offset(tcp, &k);
        ts = (now & ~63u) | (has_scale ? options->scale : COOKIE_NO_SCALE) | (has_sack ? 16 : 0) | (has_ecn ? 32 : 0);
        if (tcp_seq_after(ts, now))
            ts -= 64; // what follows must not look older
        k.flags = TCP_HAS_TIMESTAMPS | (has_scale ? TCP_HAS_WINDOW_SCALE : 0) | (has_sack ? TCP_HAS_SACK : 0);
        k.rcv_wnd_scale = has_scale ? cookie_receive_scale(tcp) : 0;
        head.flags |= has_ecn ? TCP_ECE : 0;
    }
    head.option_bytes =
        tcp_syn_options(head.options, tcp_mss_to_offer(&k.remote, k.remote.family == ENG_IP6 ? 1280 : 1500), &k, ts, options->ts_value);
    head.window = tcp->params.receive_bytes > UINT16_MAX ? UINT16_MAX : (uint16_t)tcp->params.receive_bytes;
    tcp->counters.cookies_out++;
    tcp_emit(tcp, out, &head, &path);
}

// The options that the timestamp brought back.
static struct tcp_options
cookie_options(const struct tcp_segment *segment, uint32_t mss_index)
{
    struct tcp_options options = {.has_mss = true, .mss = cookie_mss[mss_index]};
    if (!segment->options.has_timestamps)
        return options;
    uint32_t echo = segment->options.ts_echo;
    options.has_timestamps = true;
    options.ts_value = segment->options.ts_value;
    options.scale = echo & 15;
    options.has_scale = options.scale != COOKIE_NO_SCALE;
    options.has_sack_ok = echo & 16;
    return options;
}

bool
tcp_cookie_check(struct tcp_listener *listener, const struct tcp_segment *segment)
{
    struct tcp *tcp = listener->tcp;
    const struct eng_in *in = segment->in;
    struct tcp_constant k = constant_of(segment);
    uint32_t cookie = segment->ack - 1, irs = segment->seq - 1, mss_index = cookie >> 24 & 7;
    uint32_t period = (uint32_t)(tcp->now_us / COOKIE_PERIOD_US), age = (period - (cookie >> 27)) & 31;
    if (age >= COOKIE_PERIODS || age > period || cookie_make(tcp, &k, irs, period - age, mss_index) != cookie) {
        tcp->counters.cookies_bad++;
        return false;
    }
    tcp->counters.cookies_good++;
    struct tcp_connection *c = listener->offers < listener->offers_max
                                   ? tcp_connection_create(tcp, &k.local, &k.remote, k.local_port, k.remote_port)
                                   : NULL;
    if (!c) {
        tcp->counters.offers_dropped++; // the peer will say something again
        return true;
    }
    struct tcp_options options = cookie_options(segment, mss_index);
    struct tcp_kept *d = &c->r.delegated;
    tcp_hash_insert(c);
    c->listener = listener;
    c->is_offer = c->is_cookie = true;
    c->path.interface_index = in->interface_index;
    if (in->flags & ENG_IN_SOURCE_ROUTE)
        tcp_route_follow(c, in);
    listener->offers++;
    tcp->counters.offers++;
    c->ts_offset = tcp_timestamp_offset(tcp, &k);
    c->r.constant.flags = TCP_HAS_TIMESTAMPS | TCP_HAS_SACK | TCP_HAS_WINDOW_SCALE;
    c->r.constant.rcv_wnd_scale = cookie_receive_scale(tcp);
    tcp_peer_options(c, &options);
    c->ecn_ok = options.has_timestamps && segment->options.ts_echo & 32 && tcp_uses(tcp, TCP_USE_ECN);
    c->iss = cookie;
    c->irs = irs;
    d->snd_una = d->snd_max = cookie + 1;
    d->rcv_nxt = c->last_ack_sent = segment->seq;
    d->rcv_wnd = tcp->params.receive_bytes > UINT16_MAX ? UINT16_MAX : tcp->params.receive_bytes;
    d->snd_wnd = d->max_snd_wnd = segment->window << c->r.constant.snd_wnd_scale;
    d->snd_wl1 = segment->seq;
    c->snd_wl2 = segment->ack;
    tcp_enter_state(c, TCP_SYN_RECEIVED);
    tcp_wait(c, TCP_WAIT_OFFER, tcp->params.offer_us);
    tcp_event(c, TCP_EVENT_OFFER);
    return true;
}
