// SPDX-License-Identifier: MIT
// Deadlines. A connection has one place in the heap, under the earliest of its deadlines or earlier: a deadline that moves back leaves
// the place alone (most do, at every ACK), and the heap is put right when that key comes up. A connection that waits for nothing has
// no place.
//   tcp_timer_set, tcp_timer_stop -> tcp_next_deadline -> tcp_run -> fire
#include <errno.h>
#include <string.h>

#include "engine/tcp/tcp_int.h"

bool
tcp_timers_reserve(struct tcp *tcp, uint32_t count)
{
    if (count <= tcp->heap_room)
        return true;
    uint32_t room = tcp->heap_room ? 2 * tcp->heap_room : 32;
    struct tcp_connection **heap = eng_take(tcp->memory, room * sizeof *heap);
    if (!heap)
        return false;
    if (tcp->heap_count)
        memcpy(heap, tcp->heap, tcp->heap_count * sizeof *heap);
    eng_give(tcp->memory, tcp->heap, tcp->heap_room * sizeof *heap);
    tcp->heap = heap;
    tcp->heap_room = room;
    return true;
}

static void
heap_put(struct tcp *tcp, uint32_t at, struct tcp_connection *c)
{
    tcp->heap[at] = c;
    c->timer_place = at + 1;
}

static void
heap_up(struct tcp *tcp, uint32_t at)
{
    struct tcp_connection *c = tcp->heap[at];
    for (; at && tcp->heap[(at - 1) / 2]->timer_key > c->timer_key; at = (at - 1) / 2)
        heap_put(tcp, at, tcp->heap[(at - 1) / 2]);
    heap_put(tcp, at, c);
}

static void
heap_down(struct tcp *tcp, uint32_t at)
{
    struct tcp_connection *c = tcp->heap[at];
    for (uint32_t child; (child = 2 * at + 1) < tcp->heap_count; at = child) {
        if (child + 1 < tcp->heap_count && tcp->heap[child + 1]->timer_key < tcp->heap[child]->timer_key)
            child++;
        if (tcp->heap[child]->timer_key >= c->timer_key)
            break;
        heap_put(tcp, at, tcp->heap[child]);
    }
    heap_put(tcp, at, c);
}

static void
heap_remove(struct tcp *tcp, struct tcp_connection *c)
{
    if (!c->timer_place)
        return;
    uint32_t at = c->timer_place - 1;
    struct tcp_connection *last = tcp->heap[--tcp->heap_count];
    c->timer_place = 0;
    if (last == c)
        return;
    heap_put(tcp, at, last);
    heap_up(tcp, at);
    heap_down(tcp, last->timer_place - 1);
}

// Bring the place in the heap in line with the earliest deadline, when that is earlier than the key.
static void
heap_hasten(struct tcp_connection *c, uint64_t due_us)
{
    struct tcp *tcp = c->tcp;
    if (c->timer_place) {
        if (due_us >= c->timer_key)
            return;
        c->timer_key = due_us;
        heap_up(tcp, c->timer_place - 1);
        return;
    }
    c->timer_key = due_us;
    tcp->heap[tcp->heap_count] = c; // room was reserved when the connection was made
    heap_up(tcp, tcp->heap_count++);
}

void
tcp_timer_set(struct tcp_connection *c, enum tcp_timer timer, uint64_t due_us)
{
    c->due[timer] = due_us;
    if (due_us != ENG_NEVER)
        heap_hasten(c, due_us);
}

void
tcp_timer_stop(struct tcp_connection *c, enum tcp_timer timer)
{
    c->due[timer] = ENG_NEVER;
    if (timer == TCP_TIMER_RETRANSMIT)
        c->waiting = TCP_WAIT_NONE;
}

void
tcp_timers_stop(struct tcp_connection *c)
{
    for (unsigned i = 0; i < TCP_TIMERS; i++)
        tcp_timer_stop(c, i);
    heap_remove(c->tcp, c);
}

void
tcp_wait(struct tcp_connection *c, enum tcp_waiting waiting, uint64_t after_us)
{
    c->waiting = (uint8_t)waiting;
    tcp_timer_set(c, TCP_TIMER_RETRANSMIT, c->tcp->now_us + after_us);
}

void
tcp_wait_data(struct tcp_connection *c)
{
    tcp_wait(c, TCP_WAIT_DATA, tcp_rtt_rto(&c->rtt, c->r.delegated.retransmit.count));
}

// ---- keep-alive [RFC 9293 3.8.4]

static uint64_t
ticks_or(const struct tcp *tcp, uint32_t ticks, uint64_t otherwise_us)
{
    return ticks ? ticks * tcp_tick_us(tcp) : otherwise_us;
}

void
tcp_keep_alive_restart(struct tcp_connection *c)
{
    struct tcp *tcp = c->tcp;
    c->is_doubted = false;
    c->r.delegated.keep_alive.probe_count = 0;
    if (!(c->r.cached.flags & TCP_CACHED_KEEP_ALIVE) || !tcp_is_synchronized(c) || c->r.delegated.state == TCP_TIME_WAIT)
        tcp_timer_stop(c, TCP_TIMER_KEEP_ALIVE);
    else
        tcp_timer_set(c, TCP_TIMER_KEEP_ALIVE, tcp->now_us + ticks_or(tcp, c->r.cached.ka_timeout, tcp->params.keepalive_us));
}

// [wdd network/requirements-for-tcp-chimney-nics-for-blind-reset-attacks]: an acceptable segment ends it.
#define DOUBT_US 300000000u

void
tcp_keep_alive_doubt(struct tcp_connection *c)
{
    uint64_t due_us = c->tcp->now_us + DOUBT_US;
    c->is_doubted = true;
    if (c->due[TCP_TIMER_KEEP_ALIVE] > due_us)
        tcp_timer_set(c, TCP_TIMER_KEEP_ALIVE, due_us);
}

static void
keep_alive_fire(struct tcp_connection *c)
{
    struct tcp *tcp = c->tcp;
    struct tcp_kept *d = &c->r.delegated;
    uint64_t idle_us = ticks_or(tcp, c->r.cached.ka_timeout, tcp->params.keepalive_us);
    // Only when nothing is outstanding: otherwise the retransmission timer asks [RFC 9293 MUST-26: idle connections only].
    if (d->snd_una != d->snd_max || c->next_place != c->end_place) {
        tcp_keep_alive_restart(c);
        return;
    }
    if (!c->is_doubted && tcp->now_us < c->last_heard_us + idle_us && !d->keep_alive.probe_count) {
        tcp_timer_set(c, TCP_TIMER_KEEP_ALIVE, c->last_heard_us + idle_us);
        return;
    }
    uint32_t probes = c->r.cached.ka_probe_count ? c->r.cached.ka_probe_count : tcp->params.keepalive_probes;
    if (d->keep_alive.probe_count >= probes) {
        if (tcp_uses(tcp, TCP_USE_TARGET)) {
            tcp_upload(c, TCP_UPLOAD_TIMEOUT);
            return;
        }
        tcp_emit_reset(c);
        tcp_end(c, TCP_END_TIMED_OUT);
        return;
    }
    d->keep_alive.probe_count++;
    tcp->counters.keepalives_out++;
    tcp_emit_keep_alive(c);
    tcp_timer_set(c, TCP_TIMER_KEEP_ALIVE, tcp->now_us + ticks_or(tcp, c->r.cached.ka_interval, tcp->params.keepalive_interval_us));
}

// ---- firing

// R2 has come [RFC 9293 3.8.3]: by time when the connection has one, else by count.
static bool
retransmissions_are_over(const struct tcp_connection *c)
{
    const struct tcp *tcp = c->tcp;
    if (c->r.cached.max_rt == UINT32_MAX)
        return false;
    if (c->r.cached.max_rt)
        return c->first_resent_us && tcp->now_us - c->first_resent_us >= c->r.cached.max_rt * tcp_tick_us(tcp);
    return c->r.delegated.retransmit.count >= tcp->params.max_retransmissions;
}

static bool
retransmission_counts(struct tcp_connection *c)
{
    struct tcp *tcp = c->tcp;
    struct tcp_kept *d = &c->r.delegated;
    if (retransmissions_are_over(c)) {
        if (tcp_uses(tcp, TCP_USE_TARGET))
            tcp_upload(c, TCP_UPLOAD_TIMEOUT);
        else
            tcp_end(c, c->soft_error ? TCP_END_UNREACHABLE : TCP_END_TIMED_OUT);
        return false;
    }
    if (!c->first_resent_us)
        c->first_resent_us = tcp->now_us;
    d->retransmit.count++;
    tcp->counters.timeouts++;
    if (d->retransmit.count == tcp->params.doubt_retransmissions)
        tcp_event(c, TCP_EVENT_DOUBT);
    return true;
}

static void
retransmit_fire(struct tcp_connection *c)
{
    struct tcp_kept *d = &c->r.delegated;
    enum tcp_waiting waiting = c->waiting;
    c->waiting = TCP_WAIT_NONE;
    switch (waiting) {
    case TCP_WAIT_OFFER: tcp_end(c, TCP_END_NO_ANSWER); return;
    case TCP_WAIT_SYN: tcp_syn_timeout(c); return;
    case TCP_WAIT_FIN_WAIT_2:
        if (tcp_uses(c->tcp, TCP_USE_TARGET))
            tcp_upload(c, TCP_UPLOAD_TIMEOUT);
        else
            tcp_end(c, TCP_END_TIMED_OUT);
        return;
    case TCP_WAIT_TIME_WAIT: tcp_end(c, c->end); return;
    case TCP_WAIT_PERSIST:
        // A window that stays shut keeps the connection as long as the peer answers: each answer clears the count [RFC 9293 MUST-37].
        if (!retransmission_counts(c))
            return;
        d->snd_wnd_probe_count++;
        tcp_out_probe(c);
        return;
    case TCP_WAIT_DATA:
        if (!retransmission_counts(c))
            return;
        if (d->snd_wnd == 0) {
            tcp_out_probe(c);
            return;
        }
        tcp_recovery_timeout(c);
        return;
    case TCP_WAIT_NONE: return;
    }
}

// One deadline has come. The connection may be gone afterwards.
static void
fire(struct tcp_connection *c, enum tcp_timer timer)
{
    c->due[timer] = ENG_NEVER;
    switch (timer) {
    case TCP_TIMER_RETRANSMIT: retransmit_fire(c); break;
    case TCP_TIMER_ACK:
        if (c->ack_delayed) {
            c->ack_now = true;
            tcp_out(c);
        }
        break;
    case TCP_TIMER_KEEP_ALIVE: keep_alive_fire(c); break;
    case TCP_TIMER_LOSS: tcp_loss_timeout(c); break;
    case TCP_TIMER_SWS:
        c->sws_over = !c->is_starved;
        c->is_starved = false;
        tcp_out(c);
        break;
    case TCP_TIMER_PUSH: tcp_event(c, TCP_EVENT_PUSH_TIME); break;
    case TCP_TIMERS: break;
    }
}

static enum tcp_timer
earliest(const struct tcp_connection *c)
{
    enum tcp_timer first = TCP_TIMER_RETRANSMIT;
    for (unsigned i = 1; i < TCP_TIMERS; i++)
        if (c->due[i] < c->due[first])
            first = i;
    return first;
}

uint64_t
tcp_next_deadline(const struct tcp *tcp)
{
    return tcp->heap_count ? tcp->heap[0]->timer_key : ENG_NEVER;
}

void
tcp_run(struct tcp *tcp, uint64_t now_us, struct eng_outbox *outbox)
{
    tcp_enter(tcp, now_us, outbox);
    while (tcp->heap_count && tcp->heap[0]->timer_key <= tcp->now_us) {
        struct tcp_connection *c = tcp->heap[0];
        enum tcp_timer timer = earliest(c);
        if (c->due[timer] == ENG_NEVER) {
            heap_remove(tcp, c);
        } else if (c->due[timer] > tcp->now_us) {
            c->timer_key = c->due[timer];
            heap_down(tcp, 0);
        } else {
            fire(c, timer);
        }
    }
}
