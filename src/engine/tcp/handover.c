// SPDX-License-Identifier: MIT
// The record of a connection as others see it: query, update, export, import. Everything that a chimney's state carries is exact;
// what it does not carry is chosen so that the wire stays legal: SND.WL2 is SND.UNA, the scoreboard is empty, RTO follows from SRTT.
//   tcp_export: acknowledgement, record, sends out -> tcp_import: check, record, sends in, timers
#include <errno.h>

#include "engine/tcp/tcp_int.h"

static uint32_t
ticks_of(const struct tcp *tcp, uint64_t us)
{
    uint64_t ticks = us / tcp_tick_us(tcp);
    return ticks >= TCP_NOT_RUNNING ? TCP_NOT_RUNNING - 1 : (uint32_t)ticks;
}

// Rounded down: a timer that is handed over again and again must still come.
static uint32_t
ticks_to(const struct tcp *tcp, uint64_t due_us, uint64_t now_us)
{
    if (due_us == ENG_NEVER)
        return TCP_NOT_RUNNING;
    return due_us > now_us ? ticks_of(tcp, due_us - now_us) : 0;
}

static struct tcp_delegated
delegated_of(const struct tcp_kept *kept)
{
    return (struct tcp_delegated){
        .state = kept->state,
        .rcv_nxt = kept->rcv_nxt,
        .rcv_wnd = kept->rcv_wnd,
        .snd_una = kept->snd_una,
        .snd_max = kept->snd_max,
        .snd_wnd = kept->snd_wnd,
        .max_snd_wnd = kept->max_snd_wnd,
        .snd_wl1 = kept->snd_wl1,
        .ts_recent = kept->ts_recent,
        .dup_ack_count = kept->dup_ack_count,
        .snd_wnd_probe_count = kept->snd_wnd_probe_count,
        .retransmit.count = kept->retransmit.count,
        .keep_alive.probe_count = kept->keep_alive.probe_count,
    };
}

static struct tcp_kept
kept_of(const struct tcp_delegated *d)
{
    return (struct tcp_kept){
        .state = d->state,
        .rcv_nxt = d->rcv_nxt,
        .rcv_wnd = d->rcv_wnd,
        .snd_una = d->snd_una,
        .snd_max = d->snd_max,
        .snd_wnd = d->snd_wnd,
        .max_snd_wnd = d->max_snd_wnd,
        .snd_wl1 = d->snd_wl1,
        .ts_recent = d->ts_recent,
        .dup_ack_count = d->dup_ack_count,
        .snd_wnd_probe_count = d->snd_wnd_probe_count,
        .retransmit.count = d->retransmit.count,
        .keep_alive.probe_count = d->keep_alive.probe_count,
    };
}

void
tcp_query(const struct tcp_connection *c, uint64_t now_us, struct tcp_record *record)
{
    const struct tcp *tcp = c->tcp;
    const struct tcp_sent *lost = tcp_score_lost_first(tcp_score(c));
    *record = (struct tcp_record){.constant = c->r.constant, .cached = c->r.cached, .delegated = delegated_of(&c->r.delegated)};
    struct tcp_delegated *d = &record->delegated;
    // Go-back-N is what a timeout leaves. A hole that fast recovery mends is not: everything behind it would be sent again at once.
    d->snd_nxt = lost && c->recovery == TCP_LOSS ? lost->seq : d->snd_max;
    d->cwnd = c->cc.cwnd;
    d->ssthresh = c->cc.ssthresh;
    tcp_rtt_export(&c->rtt, tcp->params.ticks_per_second, &d->srtt, &d->rttvar);
    d->ts_recent_age = c->ts_recent_ok ? ticks_of(tcp, now_us - c->ts_recent_us) : 0;
    d->ts_time = (uint32_t)(now_us / 1000) + c->ts_offset;
    d->total_rt = c->first_resent_us ? ticks_of(tcp, now_us - c->first_resent_us) : 0;
    d->retransmit.timeout_delta = ticks_to(tcp, c->due[TCP_TIMER_RETRANSMIT], now_us);
    d->keep_alive.timeout_delta = ticks_to(tcp, c->due[TCP_TIMER_KEEP_ALIVE], now_us);
}

int
tcp_update(struct tcp_connection *c, const struct tcp_cached *cached, uint64_t now_us, struct eng_outbox *outbox)
{
    if (!cached->initial_rcv_wnd || cached->initial_rcv_wnd > TCP_WINDOW_MAX)
        return -EINVAL;
    struct tcp_cached old = c->r.cached;
    const uint32_t commands = TCP_CACHED_RESTART_KEEP_ALIVE | TCP_CACHED_RESTART_MAX_RT | TCP_CACHED_UPDATE_RCV_WND;
    tcp_enter(c->tcp, now_us, outbox);
    c->r.cached = *cached;
    c->r.cached.flags &= ~commands;
    if (cached->initial_rcv_wnd != old.initial_rcv_wnd)
        c->receive_max_bytes = 0; // the client has said
    if (c->is_exported || c->r.delegated.state == TCP_CLOSED)
        return 0;
    bool ka_changed = (old.flags ^ cached->flags) & TCP_CACHED_KEEP_ALIVE || old.ka_probe_count != cached->ka_probe_count ||
                      old.ka_timeout != cached->ka_timeout || old.ka_interval != cached->ka_interval;
    if (ka_changed || cached->flags & TCP_CACHED_RESTART_KEEP_ALIVE)
        tcp_keep_alive_restart(c);
    if (cached->flags & TCP_CACHED_RESTART_MAX_RT)
        c->first_resent_us = c->first_resent_us ? c->tcp->now_us : 0;
    if (cached->initial_rcv_wnd > old.initial_rcv_wnd || cached->flags & TCP_CACHED_UPDATE_RCV_WND)
        c->ack_now = tcp_is_synchronized(c);
    tcp_out(c);
    return 0;
}

// ---- export

static bool
state_can_travel(enum tcp_state state)
{
    return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT_1 || state == TCP_FIN_WAIT_2 || state == TCP_CLOSE_WAIT ||
           state == TCP_CLOSING || state == TCP_LAST_ACK;
}

static void
sends_move(struct list *from, struct list *to)
{
    struct list *node;
    while ((node = list_pop_front(from)))
        list_push_back(to, node);
}

int
tcp_export(struct tcp_connection *c, uint64_t now_us, struct eng_outbox *outbox, struct tcp_handover *handover)
{
    struct tcp *tcp = c->tcp;
    if (c->r.delegated.state == TCP_CLOSED || c->is_exported)
        return -ENOTCONN;
    if (!state_can_travel(c->r.delegated.state) || c->route)
        return -EBUSY;
    tcp_enter(tcp, now_us, outbox);
    // A delayed acknowledgement leaves: Last.ACK.sent is not carried [ddi: chimney].
    if ((c->ack_delayed || c->ack_now || c->last_ack_sent != c->r.delegated.rcv_nxt) && !c->upload)
        tcp_emit_ack(c);
    tcp_query(c, tcp->now_us, &handover->record);
    handover->urgent_offset = c->has_urgent_out ? 1 + (uint32_t)(c->urgent_place - c->una_place) : 0;
    list_init(&handover->sends);
    sends_move(&c->sends, &handover->sends);
    c->next_send = NULL;
    c->una_place = c->next_place = c->end_place;
    c->is_exported = c->end_told = true; // the client is the one who did it
    tcp_end(c, TCP_END_EXPORTED);
    return 0;
}

// ---- import

static bool
record_is_sound(const struct tcp *tcp, const struct tcp_handover *h, uint64_t chain)
{
    const struct tcp_delegated *d = &h->record.delegated;
    const struct tcp_constant *k = &h->record.constant;
    uint32_t out = d->snd_max - d->snd_una, again = d->snd_nxt - d->snd_una;
    bool may_have_fin = d->state == TCP_FIN_WAIT_1 || d->state == TCP_CLOSING || d->state == TCP_LAST_ACK;
    // What a target cannot keep it gives back: its TIME_WAIT is waited out here.
    bool is_waiting = d->state == TCP_TIME_WAIT && !tcp_uses(tcp, TCP_USE_TARGET);
    if ((!state_can_travel(d->state) && !is_waiting) || k->local.family != k->remote.family || !k->local_port || !k->remote_port)
        return false;
    if (k->snd_wnd_scale > TCP_SCALE_MAX || k->rcv_wnd_scale > TCP_SCALE_MAX || d->rcv_wnd > TCP_WINDOW_MAX ||
        d->snd_wnd > TCP_WINDOW_MAX || !h->record.cached.initial_rcv_wnd || h->record.cached.initial_rcv_wnd > TCP_WINDOW_MAX ||
        !k->remote_mss)
        return false;
    if (out > TCP_WINDOW_MAX || again > out || out > chain + may_have_fin)
        return false;
    return (d->state != TCP_FIN_WAIT_2 && d->state != TCP_TIME_WAIT) || (!chain && !out);
}

static bool
sends_are_sound(const struct list *sends, uint64_t *chain)
{
    *chain = 0;
    LIST_FOR_EACH(node, sends) {
        const struct tcp_send *send = LIST_ENTRY_OF(node, struct tcp_send, link);
        uint64_t sum = 0;
        for (uint32_t i = 0; i < send->n_spans; i++)
            sum += send->spans[i].count;
        if (sum != send->bytes || send->acked_bytes >= send->bytes || (send->acked_bytes && node != sends->next))
            return false;
        *chain += send->bytes - send->acked_bytes;
    }
    return true;
}

static void
cursor_set(const struct tcp_send *send, uint64_t bytes, uint32_t *span, uint32_t *in_span)
{
    for (*span = 0; *span < send->n_spans && bytes >= send->spans[*span].count; ++*span)
        bytes -= send->spans[*span].count;
    *in_span = (uint32_t)bytes;
}

// The queue: places begin at the first send's first byte, whether acknowledged or not.
static void
sends_import(struct tcp_connection *c, struct list *sends, uint64_t bytes_out)
{
    struct list *node;
    c->una_place = list_is_empty(sends) ? 0 : LIST_ENTRY_OF(sends->next, struct tcp_send, link)->acked_bytes;
    c->next_place = c->una_place + bytes_out;
    c->end_place = 0;
    while ((node = list_pop_front(sends))) {
        struct tcp_send *send = LIST_ENTRY_OF(node, struct tcp_send, link);
        send->start = c->end_place;
        c->end_place += send->bytes;
        uint64_t sent = c->next_place <= send->start ? 0 : c->next_place - send->start;
        cursor_set(send, send->acked_bytes, &send->acked_span, &send->acked_in_span);
        cursor_set(send, sent < send->bytes ? sent : send->bytes, &send->next_span, &send->next_bytes);
        list_push_back(&c->sends, &send->link);
        if (!c->next_send && sent < send->bytes)
            c->next_send = send;
    }
}

static void
flight_import(struct tcp_connection *c, const struct tcp_delegated *d)
{
    struct tcp_sent_pool *pool = &c->tcp->sent_pool;
    if (d->snd_nxt != d->snd_una)
        tcp_score_sent(tcp_score(c), pool, d->snd_una, d->snd_nxt, c->tcp->now_us);
    if (d->snd_max != d->snd_nxt)
        tcp_score_sent(tcp_score(c), pool, d->snd_nxt, d->snd_max, c->tcp->now_us);
    LIST_FOR_EACH(node, &tcp_score(c)->sent) {
        struct tcp_sent *sent = LIST_ENTRY_OF(node, struct tcp_sent, link);
        tcp_score_resent(tcp_score(c), sent, sent->sent_us); // no round trip can be measured on it
        if (d->snd_nxt != d->snd_max && !tcp_seq_before(sent->end, d->snd_max))
            tcp_score_lose(tcp_score(c), sent);
    }
    if (d->snd_nxt != d->snd_max) {
        c->recovery = TCP_LOSS;
        c->recover = d->snd_max;
    }
    tcp_flight_settle(c);
}

static void
timers_import(struct tcp_connection *c, const struct tcp_delegated *d)
{
    const struct tcp *tcp = c->tcp;
    uint64_t tick_us = tcp_tick_us(tcp);
    bool has_out = d->snd_una != d->snd_max;
    tcp_keep_alive_restart(c);
    if (c->due[TCP_TIMER_KEEP_ALIVE] != ENG_NEVER && d->keep_alive.timeout_delta != TCP_NOT_RUNNING) {
        c->r.delegated.keep_alive.probe_count = d->keep_alive.probe_count;
        tcp_timer_set(c, TCP_TIMER_KEEP_ALIVE, tcp->now_us + d->keep_alive.timeout_delta * tick_us);
    }
    if (d->retransmit.timeout_delta == TCP_NOT_RUNNING)
        return;
    uint64_t after_us = d->retransmit.timeout_delta * tick_us;
    // Only a target times FIN_WAIT_2 while a client holds the connection.
    if (d->state == TCP_FIN_WAIT_2 && !tcp_uses(tcp, TCP_USE_TARGET))
        return;
    if (d->state == TCP_FIN_WAIT_2)
        tcp_wait(c, TCP_WAIT_FIN_WAIT_2, after_us);
    else if (has_out && d->snd_wnd)
        tcp_wait(c, TCP_WAIT_DATA, after_us);
    else if (!d->snd_wnd && (has_out || c->end_place != c->next_place || (c->wants_fin && !c->fin_sent)))
        tcp_wait(c, TCP_WAIT_PERSIST, after_us);
}

static void
record_import(struct tcp_connection *c, const struct tcp_record *record)
{
    struct tcp *tcp = c->tcp;
    const struct tcp_delegated *d = &record->delegated;
    uint64_t tick_us = tcp_tick_us(tcp);
    c->r.constant = record->constant;
    c->r.cached = record->cached;
    c->r.delegated = kept_of(d);
    c->r.delegated.state = TCP_CLOSED; // entered below, so that it is counted
    // A recovery does not travel; the next duplicate begins one anew.
    if (c->r.delegated.dup_ack_count >= tcp->params.dup_ack_threshold)
        c->r.delegated.dup_ack_count = tcp->params.dup_ack_threshold - 1;
    tcp_enter_state(c, d->state);
    c->is_opener = true;
    c->iss = d->snd_una - 1;
    c->irs = d->rcv_nxt - 1;
    c->snd_wl2 = d->snd_una;
    c->last_ack_sent = d->rcv_nxt;
    c->ts_offset = d->ts_time - tcp_clock_ms(tcp);
    c->ts_recent_ok = record->constant.flags & TCP_HAS_TIMESTAMPS;
    c->ts_recent_us = tcp->now_us > d->ts_recent_age * tick_us ? tcp->now_us - d->ts_recent_age * tick_us : 0;
    c->first_resent_us = d->total_rt || d->retransmit.count
                             ? (tcp->now_us > d->total_rt * tick_us ? tcp->now_us - d->total_rt * tick_us : 1)
                             : 0;
    c->cwr_end = d->snd_max;
    c->wants_fin = d->state != TCP_ESTABLISHED && d->state != TCP_CLOSE_WAIT;
    c->fin_acked = d->state == TCP_FIN_WAIT_2 || d->state == TCP_TIME_WAIT;
    c->fin_taken = d->state == TCP_CLOSE_WAIT || d->state == TCP_CLOSING || d->state == TCP_LAST_ACK || d->state == TCP_TIME_WAIT;
    c->has_fin_in = c->fin_taken;
    c->fin_seq = d->rcv_nxt - 1;
    tcp_rtt_import(&c->rtt, d->srtt, d->rttvar, tcp->params.ticks_per_second);
    tcp_mss_update(c);
    tcp_cc_init(&c->cc, tcp->params.congestion, c->mss, tcp->params.initial_window_segments);
    tcp_cc_import(&c->cc, d->cwnd, d->ssthresh);
}

int
tcp_import(struct tcp *tcp, struct tcp_handover *handover, const struct tcp_open *open, const struct eng_span *received, size_t n_received,
           uint64_t now_us, struct eng_outbox *outbox, struct tcp_connection **connection)
{
    const struct tcp_record *record = &handover->record;
    const struct tcp_constant *k = &record->constant;
    uint64_t chain;
    if (open->n_ip_options || !sends_are_sound(&handover->sends, &chain) || !record_is_sound(tcp, handover, chain))
        return -EINVAL;
    tcp_enter(tcp, now_us, outbox);
    if (tcp_find(tcp, &k->local, &k->remote, k->local_port, k->remote_port))
        return -EADDRINUSE;
    struct tcp_connection *c = tcp_connection_create(tcp, &k->local, &k->remote, k->local_port, k->remote_port);
    if (!c)
        return -ENOMEM;
    int error = tcp_open_defaults(c, open);
    if (error) {
        tcp_connection_destroy(c);
        return error;
    }
    record_import(c, record);
    if (!tcp_flight_reserve(c) || !tcp_received_import(c, received, n_received)) {
        tcp_connection_destroy(c);
        return -ENOMEM;
    }
    uint32_t out = record->delegated.snd_max - record->delegated.snd_una;
    c->fin_sent = c->fin_acked || (c->wants_fin && out == chain + 1);
    sends_import(c, &handover->sends, c->fin_acked ? 0 : out - c->fin_sent);
    flight_import(c, &record->delegated);
    if (handover->urgent_offset) {
        c->has_urgent_out = true;
        c->urgent_place = c->una_place + handover->urgent_offset - 1;
    }
    tcp_hash_insert(c);
    if (record->delegated.state == TCP_TIME_WAIT)
        tcp_time_wait(c);
    else
        timers_import(c, &record->delegated);
    tcp_event(c, c->received_bytes ? TCP_EVENT_DATA : 0);
    tcp_out(c);
    *connection = c;
    return 0;
}
