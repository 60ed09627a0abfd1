// SPDX-License-Identifier: MIT
// The client's sends: a queue of borrowed spans, held until they are acknowledged, read by place in the stream.
//   tcp_send -> tcp_sends_gather (new data from a cursor, old data from the front) -> tcp_sends_acked -> tcp_send_done
// Two cursors stand in each send, at the first byte not sent and the first not acknowledged, so that a send of many spans is never
// walked from its start again.
#include <errno.h>

#include "engine/tcp/tcp_int.h"

static struct tcp_send *
send_of(const struct list *node)
{
    return LIST_ENTRY_OF(node, struct tcp_send, link);
}

int
tcp_send(struct tcp_connection *c, struct tcp_send *send, uint64_t now_us, struct eng_outbox *outbox)
{
    uint64_t sum = 0;
    if (c->is_exported || c->r.delegated.state == TCP_CLOSED || c->r.delegated.state == TCP_TIME_WAIT || c->upload)
        return c->wants_fin ? -EPIPE : -ENOTCONN;
    if (c->wants_fin)
        return -EPIPE;
    for (uint32_t i = 0; i < send->n_spans; i++)
        sum += send->spans[i].count;
    if (!send->bytes || sum != send->bytes)
        return -EINVAL;
    tcp_enter(c->tcp, now_us, outbox);
    for (uint32_t i = 0; i < send->n_spans; i++)
        eng_hold(send->spans[i].owner);
    send->status = 0;
    send->acked_bytes = 0;
    send->start = c->end_place;
    send->next_span = send->next_bytes = send->acked_span = send->acked_in_span = 0;
    list_push_back(&c->sends, &send->link);
    c->end_place += send->bytes;
    if (!c->next_send)
        c->next_send = send;
    if (send->flags & TCP_SEND_URGENT) {
        c->has_urgent_out = true;
        c->urgent_place = c->end_place;
    }
    if (send->flags & TCP_SEND_FIN)
        return tcp_shutdown(c, now_us, outbox);
    tcp_out(c);
    return 0;
}

static bool
send_is_queued(const struct tcp_connection *c, const struct tcp_send *send)
{
    // From the end: what may still be taken back is there.
    for (const struct list *at = c->sends.prev; at != &c->sends; at = at->prev)
        if (at == &send->link)
            return true;
    return false;
}

int
tcp_send_take_back(struct tcp_connection *c, struct tcp_send *send, uint64_t now_us, struct eng_outbox *outbox)
{
    if (!send_is_queued(c, send))
        return -ENOENT;
    if (send->start < c->next_place || c->is_exported || (c->has_urgent_out && c->urgent_place > send->start))
        return -EBUSY;
    tcp_enter(c->tcp, now_us, outbox);
    struct list *next = send->link.next;
    if (c->next_send == send)
        c->next_send = next == &c->sends ? NULL : send_of(next);
    for (struct list *at = next; at != &c->sends; at = at->next)
        send_of(at)->start -= send->bytes;
    c->end_place -= send->bytes;
    list_remove(&send->link);
    for (uint32_t i = 0; i < send->n_spans; i++)
        eng_drop(send->spans[i].owner);
    tcp_out(c); // a FIN may have waited for it
    return 0;
}

struct tcp_send *
tcp_send_done(struct tcp_connection *c)
{
    struct list *node = list_pop_front(&c->done);
    return node ? send_of(node) : NULL;
}

struct tcp_send *
tcp_released_send_done(struct tcp *tcp)
{
    struct list *node = list_pop_front(&tcp->done);
    return node ? send_of(node) : NULL;
}

void
tcp_send_done_push(struct tcp_connection *c, struct tcp_send *send, int status)
{
    send->status = status;
    list_remove(&send->link);
    for (uint32_t i = 0; i < send->n_spans; i++)
        eng_drop(send->spans[i].owner);
    list_push_back(c->is_released ? &c->tcp->done : &c->done, &send->link);
    tcp_event(c, TCP_EVENT_SENT);
}

// Move a cursor in a send's spans forward.
static void
cursor_move(const struct tcp_send *send, uint32_t *span, uint32_t *in_span, uint64_t bytes)
{
    while (*span < send->n_spans && bytes >= send->spans[*span].count - *in_span) {
        bytes -= send->spans[*span].count - *in_span;
        *in_span = 0;
        ++*span;
    }
    if (bytes)
        *in_span += (uint32_t)bytes;
}

void
tcp_sends_acked(struct tcp_connection *c, uint32_t bytes)
{
    while (bytes) {
        struct tcp_send *send = send_of(c->sends.next);
        uint64_t left = send->bytes - send->acked_bytes, here = bytes < left ? bytes : left;
        send->acked_bytes += here;
        c->una_place += here;
        bytes -= (uint32_t)here;
        if (send->acked_bytes == send->bytes)
            tcp_send_done_push(c, send, 0);
        else
            cursor_move(send, &send->acked_span, &send->acked_in_span, here);
    }
    if (c->has_urgent_out && c->una_place >= c->urgent_place)
        c->has_urgent_out = false;
}

void
tcp_sends_end(struct tcp_connection *c, int status)
{
    while (!list_is_empty(&c->sends))
        tcp_send_done_push(c, send_of(c->sends.next), status);
    c->next_send = NULL;
    c->next_place = c->una_place = c->end_place;
}

// Add up to `bytes` of one send, from a cursor, which moves.
static uint32_t
gather_from(const struct tcp_send *send, uint32_t *span, uint32_t *in_span, uint32_t bytes, struct eng_out *out)
{
    uint32_t got = 0;
    while (got < bytes && *span < send->n_spans) {
        struct eng_span piece = send->spans[*span];
        uint32_t left = piece.count - *in_span, here = left < bytes - got ? left : bytes - got;
        if (here) {
            piece.bytes += *in_span;
            piece.offset += *in_span;
            piece.count = here;
            if (!eng_out_add(out, &piece))
                break;
            got += here;
        }
        *in_span += here;
        if (*in_span == send->spans[*span].count) {
            *in_span = 0;
            ++*span;
        }
    }
    return got;
}

static uint32_t
gather_new(struct tcp_connection *c, uint32_t bytes, struct eng_out *out, bool *has_push)
{
    uint32_t got = 0;
    while (got < bytes && c->next_send) {
        struct tcp_send *send = c->next_send;
        uint32_t here = gather_from(send, &send->next_span, &send->next_bytes, bytes - got, out);
        got += here;
        c->next_place += here;
        if (c->next_place < send->start + send->bytes)
            break; // the packet is full
        // Pushes before the last byte of a segment collapse into that of its end [RFC 9293 SHLD-27].
        *has_push = got == bytes && send->flags & TCP_SEND_PUSH;
        c->next_send = send->link.next == &c->sends ? NULL : send_of(send->link.next);
    }
    return got;
}

uint32_t
tcp_sends_gather(struct tcp_connection *c, uint64_t place, uint32_t bytes, struct eng_out *out, bool *has_push)
{
    *has_push = false;
    if (place == c->next_place)
        return gather_new(c, bytes, out, has_push);
    uint32_t got = 0;
    LIST_FOR_EACH(node, &c->sends) {
        struct tcp_send *send = send_of(node);
        if (place >= send->start + send->bytes)
            continue;
        uint32_t span = send->acked_span, in_span = send->acked_in_span;
        cursor_move(send, &span, &in_span, place - send->start - send->acked_bytes);
        uint64_t left = send->start + send->bytes - place;
        uint32_t want = left < bytes - got ? (uint32_t)left : bytes - got, here = gather_from(send, &span, &in_span, want, out);
        got += here;
        place += here;
        *has_push = place == send->start + send->bytes && send->flags & TCP_SEND_PUSH;
        if (here < want || got == bytes)
            break;
    }
    return got;
}
