// SPDX-License-Identifier: MIT
// What may leave now. The ways to a data segment:
//   tcp_out -> out_lost   what was declared lost, as far as cwnd and the peer's window allow
//           -> out_new    new data: the window, cwnd, Nagle and the sender's SWS avoidance [RFC 9293 3.7.4, 3.8.6.2.1], FIN behind it
//   tcp_out_probe         into a closed window [RFC 9293 3.8.6.1]
//   tcp_out_tail          a tail loss probe [RFC 8985 7]
// and, when nothing of these left, an acknowledgement that is due; then the timers.
#include "engine/tcp/tcp_int.h"

// Numbers that the peer's window still takes, from seq on.
static uint32_t
window_from(const struct tcp_connection *c, uint32_t seq)
{
    uint32_t edge = c->r.delegated.snd_una + c->r.delegated.snd_wnd;
    return tcp_seq_before(seq, edge) ? edge - seq : 0;
}

// Without SACK each duplicate ACK tells of a segment that has left the network [RFC 5681 3.2]; but of no more than was out when the loss
// was seen, or duplicates of small segments, true or forged, would let ever more go.
static uint32_t
flight_of(const struct tcp_connection *c)
{
    const struct tcp_kept *d = &c->r.delegated;
    uint32_t gone = c->r.constant.flags & TCP_HAS_SACK || c->recovery == TCP_LOSS ? 0 : d->dup_ack_count * c->mss;
    uint32_t most = c->recovery == TCP_RECOVERY ? c->recover - d->snd_una : 2 * c->mss;
    gone = gone < most ? gone : most;
    return tcp_score(c)->flight_bytes > gone ? tcp_score(c)->flight_bytes - gone : 0;
}

static uint32_t
cwnd_room(const struct tcp_connection *c)
{
    uint32_t flight = flight_of(c);
    return c->cc.cwnd > flight ? c->cc.cwnd - flight : 0;
}

// The largest payload of one packet.
static uint32_t
payload_max(const struct tcp_connection *c)
{
    uint32_t most = c->path.lso_max_bytes - c->path.lso_max_bytes % c->mss;
    // A packet that the adapter cuts may not carry an urgent pointer.
    return c->has_urgent_out || most < c->mss || most / c->mss < c->path.lso_min_segments ? c->mss : most;
}

// ---- again

static bool
resend(struct tcp_connection *c, struct tcp_sent *sent, uint32_t most)
{
    if (sent->end - sent->seq > most)
        tcp_score_split(tcp_score(c), &c->tcp->sent_pool, sent, sent->seq + most);
    uint32_t numbers = sent->end - sent->seq, fin_seq = c->r.delegated.snd_una + (uint32_t)(c->end_place - c->una_place);
    bool has_fin = c->fin_sent && sent->end == fin_seq + 1;
    uint32_t bytes = numbers - has_fin;
    if (bytes > most)
        bytes = most; // no memory to split: the rest of the record stays lost
    uint32_t got = tcp_emit_data(c, sent->seq, bytes, has_fin && bytes == numbers - has_fin, true);
    if (!got)
        return false;
    // Spans ran out, or the record could not be split: what did not go stays lost.
    if (got < numbers && !tcp_score_split(tcp_score(c), &c->tcp->sent_pool, sent, sent->seq + got))
        return false;
    tcp_score_resent(tcp_score(c), sent, c->tcp->now_us);
    return true;
}

static bool
out_lost(struct tcp_connection *c)
{
    struct tcp_sent *sent;
    bool any = false;
    while ((sent = tcp_score_lost_first(tcp_score(c)))) {
        uint32_t room = cwnd_room(c), most = payload_max(c), window = window_from(c, sent->seq), numbers = sent->end - sent->seq;
        if (c->force_first && room < c->mss)
            room = c->mss;
        if (!window || room < (numbers < c->mss ? numbers : c->mss))
            break;
        most = most < room ? most : room;
        most = most < window ? most : window;
        if (most > c->mss)
            most -= most % c->mss;
        c->force_first = false;
        if (!resend(c, sent, most))
            break;
        any = true;
    }
    return any;
}

void
tcp_out_again(struct tcp_connection *c)
{
    struct tcp_sent *sent;
    while ((sent = tcp_score_lost_first(tcp_score(c)))) {
        uint32_t most = payload_max(c), window = window_from(c, sent->seq);
        if (!window || !resend(c, sent, most < window ? most : window))
            return;
    }
}

// ---- new

// How much of `unsent` bytes goes into the next packet; 0: it has to wait.
static uint32_t
new_bytes(struct tcp_connection *c, uint64_t unsent, uint32_t usable, bool fin_follows)
{
    const struct tcp_kept *d = &c->r.delegated;
    uint32_t most = payload_max(c), room = cwnd_room(c);
    uint32_t bytes = unsent < usable ? (uint32_t)unsent : usable;
    bool is_idle = d->snd_una == d->snd_max;
    // The tail may go at once: Nagle [RFC 9293 3.7.4] is off, or nothing is unacknowledged, or nothing can follow it.
    bool tail_goes = bytes == unsent && (!(c->r.cached.flags & TCP_CACHED_NAGLE) || is_idle || fin_follows || c->has_urgent_out);
    if (bytes > most)
        bytes = most;
    if (bytes > room) {
        c->is_limited = true;
        bytes = room;
        tail_goes = false;
    }
    if (bytes >= c->mss)
        return tail_goes && bytes == unsent ? bytes : bytes - bytes % c->mss;
    if (!bytes || (room < c->mss && room < unsent && room < usable))
        return 0;
    // Less than a segment [RFC 9293 3.8.6.2.1]: everything that there is, half of the largest window, or the override time is over.
    bool nagle_lets = is_idle || !(c->r.cached.flags & TCP_CACHED_NAGLE);
    if (tail_goes || (nagle_lets && bytes >= d->max_snd_wnd / 2) || c->sws_over)
        return bytes;
    return 0;
}

// One segment of new data that is larger than the others. Out of spans or memory it is a smaller one, or none.
static bool
out_mtu_probe(struct tcp_connection *c, uint32_t bytes)
{
    uint32_t seq = c->r.delegated.snd_max;
    tcp_probe_sent(c, seq, bytes);
    uint32_t got = tcp_emit_data(c, seq, bytes, false, false);
    if (got < bytes)
        c->probe_bytes = 0;
    if (!got)
        return false;
    if (got < bytes && got > c->mss)
        tcp_probe_sent(c, seq, got);
    else if (got < bytes)
        tcp_probe_put_off(c);
    tcp_score_sent(tcp_score(c), &c->tcp->sent_pool, seq, seq + got, c->tcp->now_us);
    c->r.delegated.snd_max = seq + got;
    return true;
}

static bool
out_new(struct tcp_connection *c)
{
    struct tcp_kept *d = &c->r.delegated;
    bool any = false;
    c->is_limited = false;
    for (;;) {
        uint64_t unsent = c->end_place - c->next_place;
        bool fin_follows = c->wants_fin && !c->fin_sent;
        uint32_t usable = window_from(c, d->snd_max), seq = d->snd_max;
        if ((!unsent && !fin_follows) || !usable)
            return any;
        if (d->snd_una == d->snd_max && c->last_sent_us)
            tcp_cc_on_idle(&c->cc, c->tcp->now_us - c->last_sent_us, tcp_rtt_rto(&c->rtt, 0));
        uint32_t probe = tcp_probe_bytes(c, unsent, usable);
        if (probe) {
            // It waits for room behind what is in flight [RFC 4821 7.4].
            c->is_limited = cwnd_room(c) < probe;
            if (c->is_limited || !out_mtu_probe(c, probe))
                return any;
            any = true;
            continue;
        }
        uint32_t bytes = unsent ? new_bytes(c, unsent, usable, fin_follows) : 0;
        if (unsent && !bytes)
            return any;
        bool has_fin = fin_follows && bytes == unsent && bytes < usable;
        uint32_t got = tcp_emit_data(c, seq, bytes, has_fin, false);
        if (!got)
            return any;
        c->sws_over = false;
        c->fin_sent |= has_fin && got == bytes + 1;
        tcp_score_sent(tcp_score(c), &c->tcp->sent_pool, seq, seq + got, c->tcp->now_us);
        d->snd_max = seq + got;
        any = true;
    }
}

// ---- probes

void
tcp_out_probe(struct tcp_connection *c)
{
    struct tcp *tcp = c->tcp;
    struct tcp_kept *d = &c->r.delegated;
    tcp->counters.probes_out++;
    if (!list_is_empty(&tcp_score(c)->sent)) {
        // The first octet that is not acknowledged, again.
        struct tcp_sent *first = LIST_ENTRY_OF(tcp_score(c)->sent.next, struct tcp_sent, link);
        tcp_score_lose(tcp_score(c), first);
        resend(c, first, 1);
    } else if (c->next_place != c->end_place || (c->wants_fin && !c->fin_sent)) {
        bool has_fin = c->next_place == c->end_place;
        uint32_t got = tcp_emit_data(c, d->snd_max, !has_fin, has_fin, false);
        if (got) {
            tcp_score_sent(tcp_score(c), &tcp->sent_pool, d->snd_max, d->snd_max + got, tcp->now_us);
            c->fin_sent |= has_fin;
            d->snd_max += got;
        }
    }
    tcp_wait(c, TCP_WAIT_PERSIST, tcp_rtt_rto(&c->rtt, d->snd_wnd_probe_count));
}

bool
tcp_out_tail(struct tcp_connection *c)
{
    struct tcp_kept *d = &c->r.delegated;
    uint64_t unsent = c->end_place - c->next_place;
    uint32_t usable = window_from(c, d->snd_max), seq = d->snd_max;
    if (unsent && usable) {
        uint32_t bytes = unsent < usable ? (uint32_t)unsent : usable;
        uint32_t got = tcp_emit_data(c, seq, bytes < c->mss ? bytes : c->mss, false, false);
        if (!got)
            return false;
        tcp_score_sent(tcp_score(c), &c->tcp->sent_pool, seq, seq + got, c->tcp->now_us);
        d->snd_max = seq + got;
        tcp_rack_probed(&c->rack, d->snd_max, false);
        return true;
    }
    if (list_is_empty(&tcp_score(c)->sent))
        return false;
    // The last segment that was sent.
    struct tcp_sent *last = LIST_ENTRY_OF(tcp_score(c)->sent.prev, struct tcp_sent, link);
    if (last->end - last->seq > c->mss) {
        if (!tcp_score_split(tcp_score(c), &c->tcp->sent_pool, last, last->end - c->mss))
            return false;
        last = LIST_ENTRY_OF(last->link.next, struct tcp_sent, link);
    }
    if (last->flags & TCP_SENT_SACKED || !window_from(c, last->seq) || !resend(c, last, c->mss))
        return false;
    tcp_rack_probed(&c->rack, d->snd_max, true);
    return true;
}

// ---- all of it

static void
timers_arm(struct tcp_connection *c)
{
    struct tcp_kept *d = &c->r.delegated;
    bool has_new = c->next_place != c->end_place || (c->wants_fin && !c->fin_sent);
    if (d->snd_una != d->snd_max) {
        // A window that shut over what is in flight: the timer goes on, and asks with single octets.
        if (c->waiting != TCP_WAIT_DATA && c->waiting != TCP_WAIT_PERSIST)
            tcp_wait_data(c);
        return;
    }
    // Nothing to ask a closed window about either, once a send has been taken back.
    if (c->waiting == TCP_WAIT_DATA || (c->waiting == TCP_WAIT_PERSIST && !has_new))
        tcp_timer_stop(c, TCP_TIMER_RETRANSMIT);
    if (!has_new)
        return;
    if (!window_from(c, d->snd_max)) {
        if (c->waiting != TCP_WAIT_PERSIST) {
            d->snd_wnd_probe_count = 0;
            tcp_wait(c, TCP_WAIT_PERSIST, tcp_rtt_rto(&c->rtt, 0));
        }
    } else if (c->due[TCP_TIMER_SWS] == ENG_NEVER) {
        // A window too small to be worth it, and nothing in flight that would bring news.
        tcp_timer_set(c, TCP_TIMER_SWS, c->tcp->now_us + c->tcp->params.sws_ticks * tcp_tick_us(c->tcp));
    }
}

void
tcp_out(struct tcp_connection *c)
{
    bool can_send = tcp_is_synchronized(c) && c->r.delegated.state != TCP_TIME_WAIT && !c->upload && !c->is_exported;
    if (c->r.delegated.state == TCP_CLOSED || c->is_offer)
        return;
    if (can_send) {
        tcp_mtu_retry(c);
        bool any = out_lost(c);
        // What is lost goes before what is new; both share cwnd.
        if (!tcp_score_lost_first(tcp_score(c)))
            any |= out_new(c);
        if (any)
            tcp_loss_timer_set(c);
    }
    if (c->ack_now && tcp_is_synchronized(c)) {
        // Duplicates tell the sender of a gap one by one; what is in order may wait for the rest of its batch.
        if (c->tcp->is_batch && !c->early && !c->has_dsack && !c->fin_taken) {
            list_remove(&c->owing);
            list_push_back(&c->tcp->owing, &c->owing);
        } else {
            tcp_emit_ack(c);
        }
    }
    if (can_send)
        timers_arm(c);
}

void
tcp_batch_begin(struct tcp *tcp)
{
    tcp->is_batch = true;
}

void
tcp_batch_end(struct tcp *tcp, uint64_t now_us, struct eng_outbox *outbox)
{
    struct list *node;
    tcp_enter(tcp, now_us, outbox);
    tcp->is_batch = false;
    while ((node = list_pop_front(&tcp->owing))) {
        struct tcp_connection *c = LIST_ENTRY_OF(node, struct tcp_connection, owing);
        if (c->ack_now)
            tcp_out(c);
    }
}
