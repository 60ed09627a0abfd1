// SPDX-License-Identifier: MIT
// Ends: the client's (shutdown, abort, release) and the protocol's (tcp_end, TIME_WAIT, an upload that a target asks for).
//   shutdown   FIN behind the data: FIN_WAIT_1 or LAST_ACK at once, the segment when its turn comes [RFC 9293 3.10.4]
//   abort      RST where the peer may still send [3.10.5]; sends end
//   release    the client's pointer dies; the protocol goes on alone
// A connection is freed when it is both CLOSED and released; only tcp_end and tcp_release free.
#include <errno.h>

#include "engine/tcp/tcp_int.h"

static int
status_of(enum tcp_end end)
{
    switch (end) {
    case TCP_END_RESET: return -ECONNRESET;
    case TCP_END_REFUSED: return -ECONNREFUSED;
    case TCP_END_TIMED_OUT:
    case TCP_END_NO_ANSWER: return -ETIMEDOUT;
    case TCP_END_UNREACHABLE: return -EHOSTUNREACH;
    default: return -ECONNABORTED;
    }
}

static void
tell_end(struct tcp_connection *c)
{
    if (c->end_told)
        return;
    c->end_told = true;
    tcp_event(c, TCP_EVENT_ENDED);
}

void
tcp_end(struct tcp_connection *c, enum tcp_end end)
{
    if (c->is_released || (c->is_offer && !c->is_announced)) {
        tcp_connection_destroy(c);
        return;
    }
    if (!c->end)
        c->end = (uint8_t)end;
    tcp_enter_state(c, TCP_CLOSED);
    tcp_timers_stop(c);
    tcp_hash_remove(c);
    if (c->is_offer) {
        if (c->listener)
            c->listener->offers--;
        c->listener = NULL;
        c->is_offer = false;
    }
    tcp_sends_end(c, status_of(end));
    tcp_flight_clear(c);
    tcp_early_clear(c);
    // What had arrived before an orderly end or a silence is still the client's; a reset takes it away [RFC 9293 3.10.7.4].
    if (end == TCP_END_RESET || end == TCP_END_ABORTED)
        tcp_received_clear(c);
    tell_end(c);
}

void
tcp_time_wait(struct tcp_connection *c)
{
    tcp_enter_state(c, TCP_TIME_WAIT);
    uint32_t events = c->events;
    tcp_timers_stop(c);
    c->events = events;
    if (tcp_uses(c->tcp, TCP_USE_TARGET)) {
        tcp_upload(c, TCP_UPLOAD_STATE);
        return;
    }
    tcp_wait(c, TCP_WAIT_TIME_WAIT, c->tcp->params.time_wait_us);
    tell_end(c);
}

void
tcp_upload(struct tcp_connection *c, enum tcp_upload upload)
{
    if (c->upload)
        return;
    c->upload = (uint8_t)upload;
    tcp_event(c, TCP_EVENT_UPLOAD);
}

int
tcp_shutdown(struct tcp_connection *c, uint64_t now_us, struct eng_outbox *outbox)
{
    enum tcp_state state = c->r.delegated.state;
    if (c->wants_fin)
        return -EPIPE;
    if (state == TCP_CLOSED || state == TCP_TIME_WAIT || c->is_offer || c->is_exported || c->upload)
        return -ENOTCONN;
    tcp_enter(c->tcp, now_us, outbox);
    c->wants_fin = true;
    if (state == TCP_ESTABLISHED)
        tcp_enter_state(c, TCP_FIN_WAIT_1);
    else if (state == TCP_CLOSE_WAIT)
        tcp_enter_state(c, TCP_LAST_ACK);
    tcp_out(c); // before the connection is open, tcp_established does it
    return 0;
}

void
tcp_abort(struct tcp_connection *c, uint64_t now_us, struct eng_outbox *outbox)
{
    tcp_enter(c->tcp, now_us, outbox);
    switch (c->r.delegated.state) {
    case TCP_CLOSED: return;
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSE_WAIT: tcp_emit_reset(c); break;
    default: break; // SYN_SENT; CLOSING, LAST_ACK and TIME_WAIT: the peer has said all it had to say
    }
    tcp_end(c, TCP_END_ABORTED);
}

// The protocol goes on without a client.
static void
detach(struct tcp_connection *c)
{
    struct list *node;
    c->is_released = true;
    c->events = 0;
    list_remove(&c->event_link);
    while ((node = list_pop_front(&c->done)))
        list_push_back(&c->tcp->done, node);
}

void
tcp_release(struct tcp_connection *c, uint64_t now_us, struct eng_outbox *outbox)
{
    enum tcp_state state = c->r.delegated.state;
    tcp_enter(c->tcp, now_us, outbox);
    detach(c);
    // A target's connection does not live without its host.
    if (state == TCP_CLOSED || state == TCP_SYN_SENT || c->is_exported || c->is_offer || tcp_uses(c->tcp, TCP_USE_TARGET)) {
        tcp_connection_destroy(c);
        return;
    }
    if (c->received_bytes || c->moved_bytes) {
        if (state != TCP_TIME_WAIT && state != TCP_LAST_ACK && state != TCP_CLOSING) {
            tcp_emit_reset(c);
            tcp_end(c, TCP_END_ABORTED);
            return;
        }
        tcp_received_clear(c);
    }
    tcp_early_clear(c);
    if (!c->wants_fin)
        tcp_shutdown(c, now_us, outbox);
    else if (state == TCP_FIN_WAIT_2 && c->tcp->params.fin_wait_2_us)
        tcp_wait(c, TCP_WAIT_FIN_WAIT_2, c->tcp->params.fin_wait_2_us);
}
