// SPDX-License-Identifier: MIT
// Opening [RFC 9293 3.5, 3.10.1, 3.10.7.2, 3.10.7.3]: actively, passively by way of an offer, simultaneously.
//   tcp_connect -> SYN -> tcp_in_syn_sent -> tcp_established
//   SYN -> tcp_in_listen -> an offer (SYN_RECEIVED, nothing sent) -> tcp_accept -> SYN-ACK -> in.c -> tcp_established
//   SYN, flooded -> tcp_cookie_send; ACK -> tcp_cookie_check -> an offer that the peer takes for open -> tcp_accept -> tcp_established
#include <errno.h>
#include <string.h>

#include "engine/tcp/tcp_int.h"

#define MTU_MIN 128
#define MSS_DEFAULT4 536            // when the peer does not say [RFC 9293 MUST-15]
#define MSS_DEFAULT6 1220
#define SYN_LOST_RTO_US 3000000     // [RFC 6298 5.7]
#define REOPEN_GAP 65537            // between the last number of a connection in TIME_WAIT and the first of the next: an unscaled window

// ---- what both ends learn of each other

static uint8_t
scale_for(uint32_t bytes)
{
    uint8_t scale = 0;
    while (scale < TCP_SCALE_MAX && bytes >> scale > UINT16_MAX)
        scale++;
    return scale;
}

// Our side's options: what the instance uses; the peer's answer takes away from it.
static void
own_options(struct tcp_connection *c)
{
    struct tcp_constant *k = &c->r.constant;
    k->flags = (tcp_uses(c->tcp, TCP_USE_TIMESTAMPS) ? TCP_HAS_TIMESTAMPS : 0) | (tcp_uses(c->tcp, TCP_USE_SACK) ? TCP_HAS_SACK : 0) |
               (tcp_uses(c->tcp, TCP_USE_WINDOW_SCALE) ? TCP_HAS_WINDOW_SCALE : 0);
    tcp_receive_scale_choose(c);
    c->ts_offset = tcp_timestamp_offset(c->tcp, k);
}

void
tcp_receive_scale_choose(struct tcp_connection *c)
{
    uint32_t most = c->r.cached.initial_rcv_wnd > c->receive_max_bytes ? c->r.cached.initial_rcv_wnd : c->receive_max_bytes;
    c->r.constant.rcv_wnd_scale = c->r.constant.flags & TCP_HAS_WINDOW_SCALE ? scale_for(most) : 0;
}

void
tcp_peer_options(struct tcp_connection *c, const struct tcp_options *options)
{
    struct tcp_constant *k = &c->r.constant;
    unsigned has = (options->has_timestamps ? TCP_HAS_TIMESTAMPS : 0) | (options->has_sack_ok ? TCP_HAS_SACK : 0) |
                   (options->has_scale ? TCP_HAS_WINDOW_SCALE : 0);
    k->flags &= (uint8_t)has;
    k->snd_wnd_scale = k->flags & TCP_HAS_WINDOW_SCALE ? options->scale : 0;
    if (!(k->flags & TCP_HAS_WINDOW_SCALE))
        k->rcv_wnd_scale = 0;
    k->remote_mss = options->has_mss ? options->mss : k->remote.family == ENG_IP6 ? MSS_DEFAULT6
                                                                                  : MSS_DEFAULT4;
    if (k->remote_mss < TCP_MSS_MIN)
        k->remote_mss = TCP_MSS_MIN;
    if (k->flags & TCP_HAS_TIMESTAMPS) {
        c->r.delegated.ts_recent = options->ts_value;
        c->ts_recent_us = c->tcp->now_us;
        c->ts_recent_ok = true;
    }
}

static bool
path_is_good(const struct tcp_path *path)
{
    return path->mtu_bytes >= MTU_MIN && path->mtu_bytes <= 65535 + 40 && path->lso_max_bytes <= 65535 - 120;
}

// What the client says of the connection. fails: -EINVAL, -ENOMEM, and nothing has changed.
int
tcp_open_defaults(struct tcp_connection *c, const struct tcp_open *open)
{
    uint32_t bytes = open->receive_bytes ? open->receive_bytes : c->tcp->params.receive_bytes;
    struct source_route route;
    if (!path_is_good(&open->path) || bytes > TCP_WINDOW_MAX)
        return -EINVAL;
    if (open->n_ip_options && !source_route_given(open->ip_options, open->n_ip_options, &c->r.constant.remote, &route))
        return -EINVAL;
    if (open->n_ip_options && !tcp_route_set(c, &route))
        return -ENOMEM;
    c->is_route_given = open->n_ip_options;
    tcp_path_begin(c, &open->path);
    c->context = open->context;
    c->r.cached = (struct tcp_cached){
        .flags = open->cached_flags & (TCP_CACHED_NAGLE | TCP_CACHED_KEEP_ALIVE),
        .initial_rcv_wnd = bytes,
        .ttl = open->ttl,
        .tos = open->tos,
    };
    c->receive_max_bytes = open->receive_bytes ? 0 : c->tcp->params.receive_max_bytes;
    return 0;
}

// ---- actively

// 255.255.255.255; a subnet's broadcast address is known to IP, which does not hand its frames up as ours.
bool
tcp_is_broadcast(const struct eng_address *address)
{
    static const uint8_t ones[4] = {255, 255, 255, 255};
    return address->family == ENG_IP4 && memcmp(address->bytes, ones, 4) == 0;
}

static bool
can_be_peer(const struct tcp_open *open)
{
    const struct eng_address *local = &open->local, *remote = &open->remote;
    return (local->family == ENG_IP4 || local->family == ENG_IP6) && local->family == remote->family && !eng_address_is_any(local) &&
           !eng_address_is_any(remote) && !eng_address_is_multicast(local) && !eng_address_is_multicast(remote) &&
           !tcp_is_broadcast(remote) && open->local_port &&
           open->remote_port && !(eng_address_is_equal(local, remote) && open->local_port == open->remote_port);
}

void
tcp_syn_send(struct tcp_connection *c)
{
    uint64_t rto_us = c->tcp->params.initial_rto_us;
    for (unsigned i = 0; i < c->syn_count && rto_us < c->tcp->params.max_rto_us; i++)
        rto_us *= 2;
    if (rto_us > c->tcp->params.max_rto_us)
        rto_us = c->tcp->params.max_rto_us;
    c->last_sent_us = c->tcp->now_us;
    tcp_emit_syn(c);
    tcp_wait(c, TCP_WAIT_SYN, rto_us);
}

void
tcp_syn_timeout(struct tcp_connection *c)
{
    if (c->syn_count >= c->tcp->params.syn_retransmissions) {
        tcp_end(c, c->soft_error ? TCP_END_UNREACHABLE : TCP_END_TIMED_OUT);
        return;
    }
    c->syn_count++;
    c->tcp->counters.timeouts++;
    if (c->syn_count == c->tcp->params.doubt_retransmissions)
        tcp_event(c, TCP_EVENT_DOUBT);
    tcp_syn_send(c);
}

// The same two ends once more while the last connection between them is in TIME_WAIT and nobody's any more. With timestamps the wait
// need not be sat out: PAWS keeps old segments apart, and the new numbers begin past all the old ones [RFC 6191 1, RFC 7323 5.8].
static bool
time_wait_yields(struct tcp *tcp, struct tcp_connection *old, uint32_t *after)
{
    if (old->r.delegated.state != TCP_TIME_WAIT || !old->is_released || !(old->r.constant.flags & TCP_HAS_TIMESTAMPS) ||
        tcp_uses(tcp, TCP_USE_TARGET))
        return false;
    *after = old->r.delegated.snd_max;
    tcp_end(old, TCP_END_NONE); // released: it is gone with this
    return true;
}

static void
sequence_set(struct tcp_connection *c, uint32_t iss)
{
    c->iss = iss;
    c->r.delegated.snd_una = c->iss;
    c->r.delegated.snd_max = c->iss + 1;
}

int
tcp_connect(struct tcp *tcp, const struct tcp_open *open, uint64_t now_us, struct eng_outbox *outbox, struct tcp_connection **connection)
{
    if (!can_be_peer(open) || !path_is_good(&open->path))
        return -EINVAL;
    tcp_enter(tcp, now_us, outbox);
    struct tcp_connection *old = tcp_find(tcp, &open->local, &open->remote, open->local_port, open->remote_port);
    uint32_t after = 0;
    if (old && !time_wait_yields(tcp, old, &after))
        return -EADDRINUSE;
    struct tcp_connection *c = tcp_connection_create(tcp, &open->local, &open->remote, open->local_port, open->remote_port);
    if (!c)
        return -ENOMEM;
    int error = tcp_open_defaults(c, open);
    if (error) {
        tcp_connection_destroy(c);
        return error;
    }
    tcp_hash_insert(c);
    c->is_opener = true;
    own_options(c);
    uint32_t iss = tcp_sequence_first(tcp, c);
    sequence_set(c, !old || tcp_seq_after(iss, after + REOPEN_GAP) ? iss : after + REOPEN_GAP);
    tcp_enter_state(c, TCP_SYN_SENT);
    tcp_syn_send(c);
    *connection = c;
    return 0;
}

// The handshake is done: the peer has our SYN, we have its. c's window variables are set.
void
tcp_established(struct tcp_connection *c)
{
    struct tcp *tcp = c->tcp;
    tcp_timer_stop(c, TCP_TIMER_RETRANSMIT);
    tcp_enter_state(c, TCP_ESTABLISHED);
    tcp_mss_update(c);
    tcp_cc_init(&c->cc, tcp->params.congestion, c->mss, tcp->params.initial_window_segments);
    if (c->syn_count) {
        tcp_cc_on_syn_lost(&c->cc); // [RFC 5681 3.1]
        tcp_rtt_init(&c->rtt, SYN_LOST_RTO_US, tcp->params.min_rto_us, tcp->params.max_rto_us);
    } else if (c->last_sent_us) {
        tcp_rtt_sample(&c->rtt, tcp->now_us - c->last_sent_us, 1);
    }
    c->last_sent_us = 0;
    c->cwr_end = c->r.delegated.snd_una;
    tcp_event(c, TCP_EVENT_CONNECTED);
    tcp_keep_alive_restart(c);
    if (c->wants_fin)
        tcp_enter_state(c, TCP_FIN_WAIT_1);
}

static void
syn_takes_peer(struct tcp_connection *c, const struct tcp_segment *segment)
{
    c->irs = segment->seq;
    c->r.delegated.rcv_nxt = segment->seq + 1;
    c->last_ack_sent = c->r.delegated.rcv_nxt;
    tcp_peer_options(c, &segment->options);
}

static void
syn_answered(struct tcp_connection *c, struct tcp_segment *segment)
{
    struct tcp_kept *d = &c->r.delegated;
    syn_takes_peer(c, segment);
    // [RFC 3168 6.1.1]: ECE without CWR accepts.
    c->ecn_ok = c->syn_was_ecn && (segment->flags & (TCP_ECE | TCP_CWR)) == TCP_ECE;
    d->snd_una = segment->ack;
    d->snd_wnd = d->max_snd_wnd = segment->window;
    d->snd_wl1 = segment->seq;
    c->snd_wl2 = segment->ack;
    tcp_established(c);
    c->ack_now = true;
    // Text and FIN that came with it [RFC 9293 3.10.7.3, fifth].
    segment->seq++;
    segment->flags &= (uint8_t)~TCP_SYN;
    if (segment->data_bytes > d->rcv_wnd) {
        segment->data_bytes = d->rcv_wnd;
        segment->flags &= (uint8_t)~TCP_FIN;
    }
    if (segment->flags & TCP_URG)
        tcp_in_urgent(c, segment);
    tcp_in_text(c, segment);
    tcp_in_fin(c);
    tcp_out(c);
}

void
tcp_in_syn_sent(struct tcp_connection *c, struct tcp_segment *segment)
{
    struct tcp_kept *d = &c->r.delegated;
    bool has_ack = segment->flags & TCP_ACK;
    if (has_ack && segment->ack != d->snd_max) {
        tcp_in_reset_answer(c->tcp, segment);
        return;
    }
    if (segment->flags & TCP_RST) {
        if (has_ack) {
            c->tcp->counters.resets_in++;
            tcp_end(c, TCP_END_REFUSED);
        }
        return;
    }
    if (!(segment->flags & TCP_SYN))
        return;
    if (has_ack) {
        syn_answered(c, segment);
        return;
    }
    // Both opened at the same time [RFC 9293 3.5, figure 8].
    syn_takes_peer(c, segment);
    c->ecn_ok = false;
    tcp_enter_state(c, TCP_SYN_RECEIVED);
    d->snd_wnd = segment->window;
    d->snd_wl1 = segment->seq;
    tcp_syn_send(c);
}

// ---- passively

int
tcp_listen(struct tcp *tcp, const struct eng_address *local, uint16_t port, uint32_t offers_max, void *context,
           struct tcp_listener **listener)
{
    if (!port || !offers_max || (local->family != ENG_IP4 && local->family != ENG_IP6) || eng_address_is_multicast(local))
        return -EINVAL;
    LIST_FOR_EACH(node, &tcp->listeners) {
        struct tcp_listener *other = LIST_ENTRY_OF(node, struct tcp_listener, link);
        if (other->port == port && eng_address_is_equal(&other->local, local))
            return -EADDRINUSE;
    }
    struct tcp_listener *made = eng_take(tcp->memory, sizeof *made);
    if (!made)
        return -ENOMEM;
    *made = (struct tcp_listener){.tcp = tcp, .local = *local, .port = port, .offers_max = offers_max, .context = context};
    list_push_back(&tcp->listeners, &made->link);
    *listener = made;
    return 0;
}

void
tcp_unlisten(struct tcp_listener *listener)
{
    struct tcp *tcp = listener->tcp;
    LIST_FOR_EACH_SAFE(node, &tcp->connections) {
        struct tcp_connection *c = LIST_ENTRY_OF(node, struct tcp_connection, all);
        if (c->listener != listener)
            continue;
        if (c->is_announced)
            c->listener = NULL;
        else
            tcp_connection_destroy(c);
    }
    list_remove(&listener->link);
    eng_give(tcp->memory, listener, sizeof *listener);
}

void *
tcp_listener_context(const struct tcp_listener *listener)
{
    return listener->context;
}

void
tcp_listener_set_context(struct tcp_listener *listener, void *context)
{
    listener->context = context;
}

struct tcp_listener *
tcp_offer_listener(const struct tcp_connection *offer)
{
    return offer->listener;
}

static void
offer_make(struct tcp_listener *listener, const struct tcp_segment *segment)
{
    struct tcp *tcp = listener->tcp;
    const struct eng_in *in = segment->in;
    struct tcp_connection *c = tcp_connection_create(tcp, &in->destination, &in->source, segment->destination_port, segment->source_port);
    if (!c) {
        tcp->counters.offers_dropped++;
        return;
    }
    tcp_hash_insert(c);
    c->listener = listener;
    c->is_offer = true;
    c->path.interface_index = in->interface_index;
    if (in->flags & ENG_IN_SOURCE_ROUTE)
        tcp_route_follow(c, in);
    listener->offers++;
    tcp->counters.offers++;
    own_options(c);
    syn_takes_peer(c, segment);
    c->ecn_ok = tcp_uses(tcp, TCP_USE_ECN) && (segment->flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR);
    c->r.delegated.snd_wnd = segment->window;
    c->r.delegated.snd_wl1 = segment->seq;
    tcp_enter_state(c, TCP_SYN_RECEIVED);
    tcp_wait(c, TCP_WAIT_OFFER, tcp->params.offer_us);
    tcp_event(c, TCP_EVENT_OFFER);
}

void
tcp_in_listen(struct tcp_listener *listener, const struct tcp_segment *segment)
{
    struct tcp *tcp = listener->tcp;
    const struct eng_in *in = segment->in;
    if (segment->flags & TCP_RST)
        return;
    if (segment->flags & TCP_ACK) {
        if (segment->flags & TCP_SYN || !tcp_uses(tcp, TCP_USE_COOKIES) || !tcp_cookie_check(listener, segment))
            tcp_in_reset_answer(tcp, segment);
        return;
    }
    // A SYN that says it is from us to us would talk to itself.
    if (!(segment->flags & TCP_SYN) ||
        (eng_address_is_equal(&in->source, &in->destination) && segment->source_port == segment->destination_port) || !segment->source_port)
        return;
    if (tcp->counters.half_open >= tcp->params.half_open_cookies && tcp_uses(tcp, TCP_USE_COOKIES)) {
        tcp_cookie_send(tcp, segment);
        return;
    }
    if (tcp->counters.half_open >= tcp->params.half_open_max || listener->offers >= listener->offers_max) {
        tcp->counters.offers_dropped++;
        return;
    }
    offer_make(listener, segment);
}

// An offer hears only that the peer gave up; its SYN again waits like the first.
void
tcp_in_offer(struct tcp_connection *c, const struct tcp_segment *segment)
{
    if (!(segment->flags & TCP_RST) || segment->seq != c->r.delegated.rcv_nxt)
        return;
    c->tcp->counters.resets_in++;
    tcp_end(c, TCP_END_RESET);
}

static void
offer_answered(struct tcp_connection *c)
{
    if (c->listener)
        c->listener->offers--;
    c->listener = NULL;
    c->is_offer = false;
    tcp_timer_stop(c, TCP_TIMER_RETRANSMIT);
}

int
tcp_accept(struct tcp_connection *c, const struct tcp_open *open, uint64_t now_us, struct eng_outbox *outbox)
{
    struct tcp_kept *d = &c->r.delegated;
    if (!c->is_offer || d->state != TCP_SYN_RECEIVED)
        return -ENOTCONN;
    tcp_enter(c->tcp, now_us, outbox);
    int error = tcp_open_defaults(c, open);
    if (error)
        return error;
    offer_answered(c);
    if (c->is_cookie) {
        // The peer has had its SYN-ACK; its scale stands.
        tcp_established(c);
        c->ack_now = true;
        tcp_out(c);
        return 0;
    }
    tcp_receive_scale_choose(c);
    sequence_set(c, tcp_sequence_first(c->tcp, c));
    tcp_syn_send(c);
    return 0;
}

void
tcp_refuse(struct tcp_connection *c, uint64_t now_us, struct eng_outbox *outbox)
{
    tcp_enter(c->tcp, now_us, outbox);
    if (c->is_offer)
        tcp_emit_reset(c); // SEQ 0, ACK of the SYN; after a cookie the next number
    tcp_connection_destroy(c);
}

void
tcp_ignore(struct tcp_connection *c)
{
    tcp_connection_destroy(c);
}
