// SPDX-License-Identifier: MIT
// The sixth to eighth steps [RFC 9293 3.10.7.4]: urgent, text, FIN. Received bytes are runs (chunks), in order or early; each holds the
// owner of the frame it came in, or of a copy: small runs are copied together, so that a peer who sends bytes one by one cannot pin
// a frame for each.
//   tcp_in_text -> in order: received_add, then what was early and now fits -> TCP_EVENT_DATA
//               -> early: early_add, SACK blocks, an acknowledgement at once [RFC 5681 4.2]
//   tcp_window_choose says what to advertise: the edge never moves left, and right only by steps worth a segment [3.8.6.2.2]
#include "engine/tcp/tcp_int.h"
#include <string.h>

#define COPY_BELOW_BYTES 256
#define COPY_ROOM_BYTES 2048
#define CHUNKS_KEPT_MAX 4096

// ---- chunks

static void
copy_release(struct eng_owner *owner)
{
    struct tcp_copy *copy = LIST_ENTRY_OF(owner, struct tcp_copy, owner);
    eng_give(copy->memory, copy, sizeof *copy + copy->room_bytes);
}

static struct tcp_chunk *
chunk_of(const struct list *node)
{
    return LIST_ENTRY_OF(node, struct tcp_chunk, link);
}

static struct tcp_chunk *
chunk_get(struct tcp *tcp)
{
    struct list *node = list_pop_front(&tcp->chunk_pool);
    if (!node)
        return eng_take(tcp->memory, sizeof(struct tcp_chunk));
    tcp->chunks_kept--;
    return chunk_of(node);
}

static void
chunk_put(struct tcp_connection *c, struct tcp_chunk *chunk)
{
    struct tcp *tcp = c->tcp;
    list_remove(&chunk->link);
    eng_drop(chunk->span.owner);
    c->chunks--;
    if (tcp->chunks_kept >= CHUNKS_KEPT_MAX) {
        eng_give(tcp->memory, chunk, sizeof *chunk);
        return;
    }
    list_push_front(&tcp->chunk_pool, &chunk->link);
    tcp->chunks_kept++;
}

static struct tcp_copy *
copy_make(struct tcp *tcp, uint32_t room_bytes)
{
    struct tcp_copy *copy = eng_take(tcp->memory, sizeof *copy + room_bytes);
    if (copy) {
        copy->owner = (struct eng_owner){.holds = 1, .on_release = copy_release};
        copy->memory = tcp->memory;
        copy->room_bytes = room_bytes;
    }
    return copy;
}

// The last run in order, when it is a copy with room behind its end.
static uint8_t *
tail_room(struct tcp_connection *c, uint32_t bytes)
{
    if (list_is_empty(&c->received))
        return NULL;
    struct tcp_chunk *last = chunk_of(c->received.prev);
    if (!last->span.owner || last->span.owner->on_release != copy_release)
        return NULL;
    struct tcp_copy *copy = LIST_ENTRY_OF(last->span.owner, struct tcp_copy, owner);
    size_t used = (size_t)(last->span.bytes + last->span.count - copy->bytes);
    return copy->room_bytes - used >= bytes ? copy->bytes + used : NULL;
}

// A run of its own, with a hold; NULL when memory is short or there are too many.
static struct tcp_chunk *
chunk_make(struct tcp_connection *c, const struct eng_span *span, uint32_t seq, uint32_t copy_room_bytes)
{
    struct tcp *tcp = c->tcp;
    if (c->chunks >= tcp->params.chunks_max)
        return NULL;
    struct tcp_chunk *chunk = chunk_get(tcp);
    if (!chunk)
        return NULL;
    *chunk = (struct tcp_chunk){.span = *span, .seq = seq};
    list_init(&chunk->link);
    if (!span->owner || span->count < COPY_BELOW_BYTES) {
        struct tcp_copy *copy = copy_make(tcp, span->count > copy_room_bytes ? span->count : copy_room_bytes);
        if (!copy) {
            list_push_front(&tcp->chunk_pool, &chunk->link);
            tcp->chunks_kept++;
            return NULL;
        }
        memcpy(copy->bytes, span->bytes, span->count);
        chunk->span = (struct eng_span){.bytes = copy->bytes, .count = span->count, .owner = &copy->owner};
    } else {
        eng_hold(span->owner);
    }
    c->chunks++;
    return chunk;
}

void
tcp_received_clear(struct tcp_connection *c)
{
    while (!list_is_empty(&c->received))
        chunk_put(c, chunk_of(c->received.next));
    c->received_bytes = 0;
}

static bool
early_begin(struct tcp_connection *c)
{
    if (c->early)
        return true;
    c->early = eng_take(c->tcp->memory, sizeof *c->early);
    if (!c->early)
        return false;
    list_init(&c->early->chunks);
    return true;
}

static void
early_settle(struct tcp_connection *c)
{
    if (!c->early || !list_is_empty(&c->early->chunks))
        return;
    eng_give(c->tcp->memory, c->early, sizeof *c->early);
    c->early = NULL;
}

void
tcp_early_clear(struct tcp_connection *c)
{
    if (!c->early)
        return;
    for (; !list_is_empty(&c->early->chunks); c->tcp->early_chunks--)
        chunk_put(c, chunk_of(c->early->chunks.next));
    early_settle(c);
}

// ---- in order

// Bytes at RCV.NXT. fails: false when memory is short; nothing was taken then.
static bool
received_add(struct tcp_connection *c, const struct eng_span *span, bool has_push)
{
    struct tcp_kept *d = &c->r.delegated;
    uint8_t *room = span->count < COPY_BELOW_BYTES || !span->owner ? tail_room(c, span->count) : NULL;
    if (room) {
        memcpy(room, span->bytes, span->count);
        chunk_of(c->received.prev)->span.count += span->count;
    } else {
        struct tcp_chunk *chunk = chunk_make(c, span, d->rcv_nxt, COPY_ROOM_BYTES);
        if (!chunk) {
            c->tcp->counters.no_memory++;
            return false;
        }
        list_push_back(&c->received, &chunk->link);
    }
    d->rcv_nxt += span->count;
    d->rcv_wnd -= span->count < d->rcv_wnd ? span->count : d->rcv_wnd;
    c->received_bytes += span->count;
    c->tcp->counters.bytes_in += span->count;
    if (has_push) {
        c->pushed_seq = d->rcv_nxt;
        c->has_pushed = true;
    }
    return true;
}

// Early runs that RCV.NXT has reached.
static void
early_join(struct tcp_connection *c)
{
    struct tcp_kept *d = &c->r.delegated;
    while (!list_is_empty(&c->early->chunks)) {
        struct tcp_chunk *chunk = chunk_of(c->early->chunks.next);
        uint32_t end = chunk->seq + chunk->span.count;
        if (tcp_seq_after(chunk->seq, d->rcv_nxt))
            return;
        uint32_t old = d->rcv_nxt - chunk->seq, fresh = tcp_seq_after(end, d->rcv_nxt) ? end - d->rcv_nxt : 0;
        c->tcp->early_chunks--;
        if (!fresh) {
            chunk_put(c, chunk);
            continue;
        }
        chunk->span.bytes += old;
        chunk->span.offset += old;
        chunk->span.count = fresh;
        list_remove(&chunk->link);
        list_push_back(&c->received, &chunk->link);
        d->rcv_nxt += fresh;
        d->rcv_wnd -= fresh < d->rcv_wnd ? fresh : d->rcv_wnd;
        c->received_bytes += fresh;
        c->tcp->counters.bytes_in += fresh;
        if (chunk->has_push) {
            c->pushed_seq = d->rcv_nxt;
            c->has_pushed = true;
        }
    }
}

// ---- early

static void
sacks_prune(struct tcp_connection *c)
{
    struct tcp_early *early = c->early;
    unsigned kept = 0;
    for (unsigned i = 0; i < early->n_sacks; i++)
        if (tcp_seq_after(early->sacks[i].end, c->r.delegated.rcv_nxt))
            early->sacks[kept++] = early->sacks[i];
    early->n_sacks = (uint8_t)kept;
}

// The run around a chunk that has just come becomes the first block [RFC 2018 4].
static void
sacks_add(struct tcp_connection *c, const struct tcp_chunk *chunk)
{
    struct tcp_early *early = c->early;
    const struct list *end = &early->chunks;
    struct tcp_sack_block block = {chunk->seq, chunk->seq + chunk->span.count};
    for (const struct list *node = chunk->link.prev; node != end && chunk_of(node)->seq + chunk_of(node)->span.count == block.seq;
         node = node->prev)
        block.seq = chunk_of(node)->seq;
    for (const struct list *node = chunk->link.next; node != end && chunk_of(node)->seq == block.end; node = node->next)
        block.end += chunk_of(node)->span.count;
    struct tcp_sack_block others[4];
    unsigned n = 0;
    for (unsigned i = 0; i < early->n_sacks; i++)
        if (tcp_seq_before(early->sacks[i].end, block.seq) || tcp_seq_after(early->sacks[i].seq, block.end))
            others[n++] = early->sacks[i];
    early->sacks[0] = block;
    if (n > 3)
        n = 3;
    memcpy(early->sacks + 1, others, n * sizeof others[0]);
    early->n_sacks = (uint8_t)(n + 1);
}

void
tcp_note_duplicate(struct tcp_connection *c, uint32_t seq, uint32_t end)
{
    if (!(c->r.constant.flags & TCP_HAS_SACK) || !tcp_seq_before(seq, end))
        return;
    c->dsack = (struct tcp_sack_block){seq, end};
    c->has_dsack = true;
    c->ack_now = true;
}

// One piece of early text into its place; what is there already stays. Early bytes may be dropped at any time, so short memory is
// no error.
static void
early_add(struct tcp_connection *c, struct eng_span span, uint32_t seq, bool has_push)
{
    const struct list *last = &c->early->chunks;
    struct list *at = last->prev;
    while (at != last && tcp_seq_after(chunk_of(at)->seq, seq))
        at = at->prev;
    if (at != last) {
        uint32_t end = chunk_of(at)->seq + chunk_of(at)->span.count;
        if (tcp_seq_after(end, seq)) {
            uint32_t old = end - seq < span.count ? end - seq : span.count;
            tcp_note_duplicate(c, seq, seq + old);
            span.bytes += old;
            span.offset += old;
            span.count -= old;
            seq += old;
        }
    }
    while (span.count) {
        struct list *next = at->next;
        uint32_t here = span.count;
        if (next != last && tcp_seq_before(chunk_of(next)->seq, seq + span.count))
            here = chunk_of(next)->seq - seq;
        if (here) {
            struct eng_span piece = span;
            piece.count = here;
            // All connections' early runs have one bound: what is in order always goes before what somebody keeps back.
            bool is_full = c->tcp->early_chunks >= c->tcp->params.early_chunks_max;
            struct tcp_chunk *chunk = is_full ? NULL : chunk_make(c, &piece, seq, 0);
            c->tcp->counters.early_dropped += is_full;
            if (is_full)
                return;
            if (!chunk) {
                c->tcp->counters.no_memory++;
                return;
            }
            chunk->has_push = has_push && here == span.count;
            list_insert_after(at, &chunk->link);
            c->tcp->early_chunks++;
            sacks_add(c, chunk);
            at = &chunk->link;
        }
        span.bytes += here;
        span.offset += here;
        span.count -= here;
        seq += here;
        if (!span.count)
            return;
        // What the next run already has.
        uint32_t old = chunk_of(next)->span.count < span.count ? chunk_of(next)->span.count : span.count;
        tcp_note_duplicate(c, seq, seq + old);
        span.bytes += old;
        span.offset += old;
        span.count -= old;
        seq += old;
        at = next;
    }
}

// ---- the steps

static bool
state_receives(const struct tcp_connection *c)
{
    enum tcp_state state = c->r.delegated.state;
    return state == TCP_ESTABLISHED || state == TCP_FIN_WAIT_1 || state == TCP_FIN_WAIT_2;
}

void
tcp_in_urgent(struct tcp_connection *c, const struct tcp_segment *segment)
{
    // The pointer names the byte behind the urgent one [RFC 6093 3.1]; only ever forwards.
    uint32_t behind = segment->seq + segment->urgent;
    if (!segment->urgent || !state_receives(c) || !tcp_seq_after(behind, c->r.delegated.rcv_nxt))
        return;
    if (c->has_urgent_in && !tcp_seq_after(behind, c->urgent_seq))
        return;
    c->urgent_seq = behind;
    c->has_urgent_in = true;
    tcp_event(c, TCP_EVENT_URGENT);
}

// Whether the acknowledgement of in-order text may wait [RFC 9293 3.8.6.3].
static void
ack_decide(struct tcp_connection *c, const struct tcp_segment *segment)
{
    struct tcp *tcp = c->tcp;
    c->ack_segments += segment->in->coalesced > 1 ? segment->in->coalesced : 1;
    bool is_early = c->r.delegated.rcv_nxt - c->irs <= tcp->params.quick_ack_bytes;
    if (c->ack_segments >= tcp->params.ack_frequency || !tcp->params.delayed_ack_ticks || c->path.flags & TCP_PATH_LOCAL || is_early) {
        c->ack_now = true;
    } else if (!c->ack_delayed) {
        c->ack_delayed = true;
        tcp_timer_set(c, TCP_TIMER_ACK, tcp->now_us + tcp->params.delayed_ack_ticks * tcp_tick_us(tcp));
    }
}

static void
text_in_order(struct tcp_connection *c, const struct tcp_segment *segment)
{
    const struct eng_in *in = segment->in;
    uint32_t left = segment->data_bytes, at = segment->data_at;
    bool had_gap = c->early;
    while (left) {
        struct eng_span span;
        size_t bytes;
        if (!eng_spans_cut(in->spans, in->n_spans, at, left, &span, 1, &bytes) ||
            !received_add(c, &span, segment->flags & TCP_PSH && bytes == left))
            break;
        left -= (uint32_t)bytes;
        at += (uint32_t)bytes;
    }
    if (left == segment->data_bytes) {
        c->ack_now = true; // not a byte could be kept: the peer sends it again
        return;
    }
    if (had_gap) {
        early_join(c);
        sacks_prune(c);
        early_settle(c);
    }
    if (had_gap || left)
        c->ack_now = true; // [RFC 5681 4.2]: at once when it fills a gap
    else
        ack_decide(c, segment);
    tcp_event(c, TCP_EVENT_DATA);
    if (c->received_bytes && c->tcp->params.push_ticks && (!c->has_pushed || c->pushed_seq != c->r.delegated.rcv_nxt))
        tcp_timer_set(c, TCP_TIMER_PUSH, c->tcp->now_us + c->tcp->params.push_ticks * tcp_tick_us(c->tcp));
    else
        tcp_timer_stop(c, TCP_TIMER_PUSH);
}

static void
text_early(struct tcp_connection *c, const struct tcp_segment *segment)
{
    const struct eng_in *in = segment->in;
    uint32_t left = segment->data_bytes, at = segment->data_at, seq = segment->seq;
    c->tcp->counters.out_of_order++;
    c->ack_now = true;
    if (!early_begin(c)) {
        c->tcp->counters.no_memory++;
        return;
    }
    while (left) {
        struct eng_span span;
        size_t bytes;
        if (!eng_spans_cut(in->spans, in->n_spans, at, left, &span, 1, &bytes))
            break;
        if (in->flags & ENG_IN_SCARCE)
            span.owner = NULL; // which makes it a copy
        early_add(c, span, seq, segment->flags & TCP_PSH && bytes == left);
        left -= (uint32_t)bytes;
        at += (uint32_t)bytes;
        seq += (uint32_t)bytes;
    }
    early_settle(c);
}

void
tcp_in_text(struct tcp_connection *c, const struct tcp_segment *segment)
{
    if (!state_receives(c))
        return;
    // Behind the FIN there is no text.
    if (segment->data_bytes && (!c->has_fin_in || !tcp_seq_after(segment->seq + segment->data_bytes, c->fin_seq))) {
        if (segment->seq == c->r.delegated.rcv_nxt)
            text_in_order(c, segment);
        else
            text_early(c, segment);
        // Any segment that is taken keeps FIN_WAIT_2 alive.
        if (c->waiting == TCP_WAIT_FIN_WAIT_2)
            tcp_wait(c, TCP_WAIT_FIN_WAIT_2, c->tcp->params.fin_wait_2_us);
    }
    if (segment->flags & TCP_FIN && !c->has_fin_in && !tcp_seq_before(segment->seq + segment->data_bytes, c->r.delegated.rcv_nxt)) {
        c->has_fin_in = true;
        c->fin_seq = segment->seq + segment->data_bytes;
    }
    if (segment->flags & TCP_FIN)
        c->ack_now = true;
}

void
tcp_in_fin(struct tcp_connection *c)
{
    struct tcp_kept *d = &c->r.delegated;
    if (!c->has_fin_in || c->fin_taken || d->rcv_nxt != c->fin_seq || !state_receives(c))
        return;
    c->fin_taken = true;
    d->rcv_nxt++;
    d->rcv_wnd -= d->rcv_wnd != 0;
    c->pushed_seq = c->fin_seq; // a FIN is a push
    c->has_pushed = true;
    c->ack_now = true;
    tcp_early_clear(c);
    tcp_timer_stop(c, TCP_TIMER_PUSH);
    tcp_event(c, TCP_EVENT_FIN | (c->received_bytes ? TCP_EVENT_DATA : 0));
    switch (d->state) {
    case TCP_ESTABLISHED: tcp_enter_state(c, TCP_CLOSE_WAIT); break;
    case TCP_FIN_WAIT_1: tcp_enter_state(c, TCP_CLOSING); break; // had our FIN been acknowledged, this were FIN_WAIT_2
    case TCP_FIN_WAIT_2: tcp_time_wait(c); break;
    default: break;
    }
}

// ---- the client

void
tcp_receive_view(const struct tcp_connection *c, struct tcp_receive_view *view)
{
    // Where the client's next byte is in the sequence space: a FIN that was taken has a number, too.
    uint32_t first = c->r.delegated.rcv_nxt - c->fin_taken - c->received_bytes;
    *view = (struct tcp_receive_view){.bytes = c->received_bytes, .has_fin = c->fin_taken};
    if (c->has_pushed && tcp_seq_after(c->pushed_seq, first))
        view->pushed_bytes = c->pushed_seq - first < c->received_bytes ? c->pushed_seq - first : c->received_bytes;
    if (c->has_urgent_in && tcp_seq_after(c->urgent_seq, first))
        view->urgent_bytes = c->urgent_seq - first;
}

size_t
tcp_receive_spans(const struct tcp_connection *c, uint32_t skip_bytes, struct eng_span *spans, size_t room)
{
    size_t n = 0;
    LIST_FOR_EACH(node, &c->received) {
        const struct tcp_chunk *chunk = chunk_of(node);
        if (n == room)
            break;
        if (skip_bytes >= chunk->span.count) {
            skip_bytes -= chunk->span.count;
            continue;
        }
        spans[n] = chunk->span;
        spans[n].bytes += skip_bytes;
        spans[n].offset += skip_bytes;
        spans[n++].count -= skip_bytes;
        skip_bytes = 0;
    }
    return n;
}

// How much more the buffer holds, as far as a window can say it.
static uint32_t
receive_room(const struct tcp_connection *c)
{
    uint64_t buffer = c->r.cached.initial_rcv_wnd, used = (uint64_t)c->received_bytes + c->moved_bytes;
    uint64_t room = buffer > used ? buffer - used : 0, most = (uint64_t)UINT16_MAX << c->r.constant.rcv_wnd_scale;
    return (uint32_t)(room < most ? room : most);
}

void
tcp_receive_move(struct tcp_connection *c, uint32_t bytes)
{
    if (bytes > c->received_bytes)
        bytes = c->received_bytes;
    c->received_bytes -= bytes;
    c->moved_bytes += bytes;
    while (bytes) {
        struct tcp_chunk *chunk = chunk_of(c->received.next);
        if (bytes < chunk->span.count) {
            chunk->span.bytes += bytes;
            chunk->span.offset += bytes;
            chunk->span.count -= bytes;
            chunk->seq += bytes;
            break;
        }
        bytes -= chunk->span.count;
        chunk_put(c, chunk);
    }
    uint32_t first = c->r.delegated.rcv_nxt - c->fin_taken - c->received_bytes;
    if (c->has_urgent_in && !tcp_seq_after(c->urgent_seq, first))
        c->has_urgent_in = false;
    if (c->has_pushed && !tcp_seq_after(c->pushed_seq, first))
        c->has_pushed = false;
}

// The buffer doubles when the client used more than half of it within a round trip: the window is what holds the peer back then, and
// the client is not [Dynamic Right-Sizing, Fisk and Feng 2001]. A client that does not keep up, or a slow peer, never gets there.
#define TUNE_RTT_LEAST_US 100
#define TUNE_RTT_UNKNOWN_US 100000

static void
receive_tune(struct tcp_connection *c, uint32_t bytes)
{
    uint32_t most = (uint32_t)UINT16_MAX << c->r.constant.rcv_wnd_scale, buffer = c->r.cached.initial_rcv_wnd;
    uint32_t rtt_us = c->rtt.has_sample ? tcp_rtt_srtt_us(&c->rtt) : TUNE_RTT_UNKNOWN_US, past_us = (uint32_t)c->tcp->now_us - c->tuned_us;
    most = most < c->receive_max_bytes ? most : c->receive_max_bytes;
    if (buffer >= most)
        return;
    rtt_us = rtt_us > TUNE_RTT_LEAST_US ? rtt_us : TUNE_RTT_LEAST_US;
    c->tuned_bytes += bytes;
    if (past_us < rtt_us)
        return;
    if ((uint64_t)c->tuned_bytes * rtt_us / past_us > buffer / 2)
        c->r.cached.initial_rcv_wnd = most / 2 > buffer ? 2 * buffer : most;
    c->tuned_us = (uint32_t)c->tcp->now_us;
    c->tuned_bytes = 0;
}

void
tcp_receive_used(struct tcp_connection *c, uint32_t bytes, uint64_t now_us, struct eng_outbox *outbox)
{
    tcp_enter(c->tcp, now_us, outbox);
    c->moved_bytes -= bytes < c->moved_bytes ? bytes : c->moved_bytes;
    if (!state_receives(c) || c->is_exported || c->upload)
        return;
    receive_tune(c, bytes);
    // Tell a window that has become worth telling, if no acknowledgement does meanwhile: a quarter of the buffer; two segments, or half of
    // the buffer, when the peer may be waiting for it [RFC 9293 3.8.6.2.2].
    uint32_t buffer = c->r.cached.initial_rcv_wnd, room = receive_room(c);
    uint32_t step = 2 * c->mss < buffer / 2 ? 2 * c->mss : buffer / 2;
    if (c->r.delegated.rcv_wnd > buffer / 4 && step < buffer / 4)
        step = buffer / 4;
    if (room > c->r.delegated.rcv_wnd && room - c->r.delegated.rcv_wnd >= (step ? step : 1)) {
        c->ack_now = true;
        tcp_out(c);
    }
}

void
tcp_receive_take(struct tcp_connection *c, uint32_t bytes, uint64_t now_us, struct eng_outbox *outbox)
{
    tcp_receive_move(c, bytes);
    tcp_receive_used(c, bytes, now_us, outbox);
}

uint32_t
tcp_window_choose(struct tcp_connection *c)
{
    struct tcp_kept *d = &c->r.delegated;
    uint32_t buffer = c->r.cached.initial_rcv_wnd, unit = 1u << c->r.constant.rcv_wnd_scale, most = (uint32_t)UINT16_MAX * unit;
    uint32_t room = receive_room(c);
    uint32_t step = c->mss < buffer / 2 ? c->mss : buffer / 2;
    // The receiver's SWS avoidance: the right edge moves only by steps worth it [RFC 9293 3.8.6.2.2].
    if (room > d->rcv_wnd && room - d->rcv_wnd >= (step ? step : 1)) {
        d->rcv_wnd = room & ~(unit - 1);
        return d->rcv_wnd;
    }
    // The present edge, rounded up to what can be said, so that it does not move left; not past the buffer by more than a unit
    // [RFC 7323 2.4 says what a sender must bear here].
    uint32_t up = (d->rcv_wnd + unit - 1) & ~(unit - 1);
    if (up > most)
        up = most;
    if (up > d->rcv_wnd && up >= room + unit)
        up -= unit;
    d->rcv_wnd = up > d->rcv_wnd ? up : d->rcv_wnd;
    return up;
}

bool
tcp_received_import(struct tcp_connection *c, const struct eng_span *spans, size_t n_spans)
{
    uint32_t total = 0;
    for (size_t i = 0; i < n_spans; i++)
        total += spans[i].count;
    uint32_t seq = c->r.delegated.rcv_nxt - c->fin_taken - total;
    for (size_t i = 0; i < n_spans; i++) {
        if (!spans[i].count)
            continue;
        struct tcp_chunk *chunk = chunk_make(c, &spans[i], seq, 0);
        if (!chunk)
            return false;
        list_push_back(&c->received, &chunk->link);
        c->received_bytes += spans[i].count;
        seq += spans[i].count;
    }
    return true;
}
