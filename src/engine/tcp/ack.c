// SPDX-License-Identifier: MIT
// The fifth step, "check the ACK field" [RFC 9293 3.10.7.4], and what follows from it: the window, round trips, losses, recovery.
//   tcp_in_ack -> range [RFC 5961 5] -> scoreboard and sends -> recovery -> congestion window -> FIN acknowledged?
//   tcp_recovery_timeout (RTO), tcp_loss_timeout (RACK's timer, a tail probe)
#include "engine/tcp/tcp_int.h"

static struct tcp_rack_view
view_of(const struct tcp_connection *c)
{
    const struct tcp *tcp = c->tcp;
    uint64_t due = c->due[TCP_TIMER_RETRANSMIT];
    return (struct tcp_rack_view){
        .now_us = tcp->now_us,
        .srtt_us = c->rtt.has_sample ? tcp_rtt_srtt_us(&c->rtt) : 0,
        .rto_us = due != ENG_NEVER && due > tcp->now_us ? due - tcp->now_us : tcp_rtt_rto(&c->rtt, c->r.delegated.retransmit.count),
        .una = c->r.delegated.snd_una,
        .max = c->r.delegated.snd_max,
        .mss = c->mss,
        .dup_threshold = tcp->params.dup_ack_threshold,
        .delayed_ack_us = (uint32_t)(tcp->params.delayed_ack_ticks * tcp_tick_us(tcp)),
        .is_recovering = c->recovery != TCP_OPEN && c->recovery != TCP_CWR_STATE,
        .has_sack = c->r.constant.flags & TCP_HAS_SACK,
    };
}

static bool
has_rack(const struct tcp_connection *c)
{
    return tcp_uses(c->tcp, TCP_USE_RACK) && c->r.constant.flags & TCP_HAS_SACK;
}

// ---- recovery

static bool
is_recovering(const struct tcp_connection *c)
{
    return c->recovery == TCP_RECOVERY || c->recovery == TCP_LOSS;
}

static void
recovery_begin(struct tcp_connection *c, uint32_t flight_before)
{
    c->recovery = TCP_RECOVERY;
    c->recover = c->r.delegated.snd_max;
    c->force_first = true;
    c->tcp->counters.fast_recoveries++;
    tcp_cc_on_congestion(&c->cc, TCP_CC_LOSS, flight_before, c->tcp->now_us);
    c->cwr_end = c->r.delegated.snd_max; // the same window is not halved again for an echo
    c->ecn_cwr = c->ecn_ok;
}

// What is lost by the rules that this connection follows. Returns RACK's deadline.
static uint64_t
losses_find(struct tcp_connection *c, const struct tcp_news *news)
{
    struct tcp_kept *d = &c->r.delegated;
    if (has_rack(c)) {
        struct tcp_rack_view view = view_of(c);
        return tcp_rack_on_ack(&c->rack, tcp_score(c), news, &view);
    }
    if (c->r.constant.flags & TCP_HAS_SACK) {
        tcp_score_lose_by_count(tcp_score(c), c->tcp->params.dup_ack_threshold, c->mss);
        // Enough duplicates, and the first hole has not been named [RFC 6675 5 (1)].
        if (!is_recovering(c) && d->dup_ack_count >= c->tcp->params.dup_ack_threshold && !tcp_score(c)->lost_bytes)
            tcp_score_lose_first(tcp_score(c), &c->tcp->sent_pool, c->mss);
        return ENG_NEVER;
    }
    // NewReno [RFC 6582 3.2]: the third duplicate; in recovery, each partial acknowledgement shows the next hole.
    if (!is_recovering(c)) {
        if (d->dup_ack_count == c->tcp->params.dup_ack_threshold)
            tcp_score_lose_first(tcp_score(c), &c->tcp->sent_pool, c->mss);
    } else if (c->recovery == TCP_RECOVERY && news->acked_bytes) {
        tcp_score_lose_first(tcp_score(c), &c->tcp->sent_pool, c->mss);
        c->force_first = true;
    }
    return ENG_NEVER;
}

static void
recover(struct tcp_connection *c, const struct tcp_news *news)
{
    struct tcp_kept *d = &c->r.delegated;
    if (is_recovering(c) && !tcp_seq_before(d->snd_una, c->recover)) {
        if (c->recovery == TCP_RECOVERY)
            tcp_cc_on_recovered(&c->cc, tcp_score(c)->flight_bytes);
        c->recovery = TCP_OPEN;
    }
    uint64_t due_us = losses_find(c, news);
    tcp_probe_look(c);
    if (tcp_score(c)->lost_bytes && !is_recovering(c))
        recovery_begin(c, news->flight_before);
    if (has_rack(c)) {
        struct tcp_rack_view view = view_of(c);
        if (tcp_rack_probe_was_needed(&c->rack, news, &view) && !is_recovering(c))
            tcp_cc_on_congestion(&c->cc, TCP_CC_LOSS, news->flight_before, c->tcp->now_us);
        if (due_us != ENG_NEVER) {
            c->is_tlp_due = false;
            tcp_timer_set(c, TCP_TIMER_LOSS, due_us);
        } else {
            tcp_timer_stop(c, TCP_TIMER_LOSS);
            tcp_loss_timer_set(c);
        }
    }
}

// The tail loss probe's deadline, unless the reordering timer runs.
void
tcp_loss_timer_set(struct tcp_connection *c)
{
    if (!has_rack(c) || (c->due[TCP_TIMER_LOSS] != ENG_NEVER && !c->is_tlp_due))
        return;
    struct tcp_rack_view view = view_of(c);
    uint64_t due_us = c->r.delegated.snd_wnd ? tcp_rack_probe_deadline(&c->rack, tcp_score(c), &view) : ENG_NEVER;
    c->is_tlp_due = due_us != ENG_NEVER;
    tcp_timer_set(c, TCP_TIMER_LOSS, due_us);
}

void
tcp_loss_timeout(struct tcp_connection *c)
{
    if (!has_rack(c) || list_is_empty(&tcp_score(c)->sent))
        return;
    if (c->is_tlp_due) {
        c->is_tlp_due = false;
        if (tcp_out_tail(c))
            tcp_wait_data(c); // [RFC 8985 7.3]: the timeout starts anew
        return;
    }
    uint32_t flight = tcp_score(c)->flight_bytes;
    struct tcp_rack_view view = view_of(c);
    uint64_t due_us = tcp_rack_on_timer(&c->rack, tcp_score(c), &view);
    tcp_probe_look(c);
    if (due_us != ENG_NEVER)
        tcp_timer_set(c, TCP_TIMER_LOSS, due_us);
    if (tcp_score(c)->lost_bytes && !is_recovering(c))
        recovery_begin(c, flight);
    tcp_out(c);
}

void
tcp_recovery_timeout(struct tcp_connection *c)
{
    struct tcp_kept *d = &c->r.delegated;
    uint32_t flight = d->snd_max - d->snd_una;
    tcp_hole_suspect(c);
    // A timeout while one is being recovered from says nothing new about the path's capacity.
    bool is_first = d->retransmit.count == 1 && c->recovery != TCP_LOSS;
    tcp_cc_on_timeout(&c->cc, flight, is_first, c->tcp->now_us);
    tcp_score_lose_all(tcp_score(c));
    d->dup_ack_count = 0;
    c->recovery = TCP_LOSS;
    c->recover = d->snd_max;
    c->force_first = true;
    tcp_timer_stop(c, TCP_TIMER_LOSS);
    tcp_wait_data(c);
    tcp_out(c);
}

// ---- what an ACK says

// [RFC 9293 3.10.7.4]: only from a segment that is not older than the one the window came from. One that acknowledges more is never
// older, whatever its number (a retransmission's is low); to leave its window out would move the edge past what the peer said.
static bool
window_take(struct tcp_connection *c, const struct tcp_segment *segment)
{
    struct tcp_kept *d = &c->r.delegated;
    bool is_newer = tcp_seq_after(segment->ack, d->snd_una);
    if (!is_newer && (tcp_seq_after(d->snd_wl1, segment->seq) || (d->snd_wl1 == segment->seq && tcp_seq_after(c->snd_wl2, segment->ack))))
        return false;
    bool changed = d->snd_wnd != segment->window;
    bool opens = !d->snd_wnd && segment->window;
    d->snd_wnd = segment->window;
    d->snd_wl1 = segment->seq;
    c->snd_wl2 = segment->ack;
    if (d->snd_wnd > d->max_snd_wnd)
        d->max_snd_wnd = d->snd_wnd;
    if (opens && c->waiting == TCP_WAIT_PERSIST) {
        // What the probes carried may have been thrown away.
        tcp_timer_stop(c, TCP_TIMER_RETRANSMIT);
        d->snd_wnd_probe_count = 0;
        LIST_FOR_EACH(node, &tcp_score(c)->sent)
            tcp_score_lose(tcp_score(c), LIST_ENTRY_OF(node, struct tcp_sent, link));
        c->recovery = TCP_LOSS; // which says nothing of congestion
        c->recover = d->snd_max;
        c->force_first = true;
    }
    return changed;
}

static void
round_trip(struct tcp_connection *c, const struct tcp_segment *segment, const struct tcp_news *news)
{
    uint64_t sample_us = news->rtt_us;
    // A retransmission's round trip is ambiguous [RFC 6298 3], unless a timestamp says which it was [RFC 7323 4.2].
    if (sample_us == ENG_NEVER && news->acked_bytes && c->r.constant.flags & TCP_HAS_TIMESTAMPS && segment->options.ts_echo) {
        uint32_t ms = tcp_clock_ms(c->tcp) + c->ts_offset - segment->options.ts_echo;
        if (ms < 600000)
            sample_us = ms ? ms * 1000ull : 500;
    }
    if (sample_us == ENG_NEVER)
        return;
    uint32_t flights = news->flight_before / (2 * c->mss);
    tcp_rtt_sample(&c->rtt, sample_us, flights ? flights : 1);
}

static void
echo_take(struct tcp_connection *c, const struct tcp_news *news)
{
    // Once for each window of data [RFC 3168 6.1.2].
    if (tcp_seq_before(c->r.delegated.snd_una, c->cwr_end) || is_recovering(c))
        return;
    c->cwr_end = c->r.delegated.snd_max;
    c->ecn_cwr = true;
    tcp_cc_on_congestion(&c->cc, TCP_CC_ECN, news->flight_before, c->tcp->now_us);
}

static void
forward_progress(struct tcp_connection *c)
{
    struct tcp *tcp = c->tcp;
    struct tcp_kept *d = &c->r.delegated;
    d->retransmit.count = 0;
    d->dup_ack_count = 0;
    c->first_resent_us = 0;
    c->hole_count = 0;
    c->soft_error = 0;
    // Twice in the time after which the neighbour is doubted, so that a connection that goes on leaves no doubt.
    if (tcp->now_us - c->progress_us >= tcp->params.nce_stale_ticks * tcp_tick_us(tcp) / 2 || !c->progress_us) {
        c->progress_us = tcp->now_us ? tcp->now_us : 1;
        tcp_event(c, TCP_EVENT_PROGRESS);
    }
    if (c->waiting == TCP_WAIT_DATA || c->waiting == TCP_WAIT_PERSIST)
        tcp_timer_stop(c, TCP_TIMER_RETRANSMIT); // tcp_out starts it again when something is out [RFC 6298 5.2, 5.3]
}

// SND.UNA moves to ack.
static void
una_move(struct tcp_connection *c, uint32_t ack, struct tcp_news *news)
{
    struct tcp_kept *d = &c->r.delegated;
    uint32_t numbers = ack - d->snd_una;
    tcp_score_acked(tcp_score(c), &c->tcp->sent_pool, ack, news);
    d->snd_una = ack;
    uint64_t bytes_out = c->next_place - c->una_place;
    uint32_t bytes = numbers > bytes_out ? (uint32_t)bytes_out : numbers;
    if (numbers > bytes_out && c->fin_sent) {
        c->fin_acked = true;
        tcp_event(c, TCP_EVENT_SENT);
    }
    tcp_sends_acked(c, bytes);
    tcp_probe_acked(c);
    forward_progress(c);
    tcp_flight_settle(c);
}

static void
duplicate_take(struct tcp_connection *c, const struct tcp_segment *segment, const struct tcp_news *news, bool window_changed)
{
    struct tcp_kept *d = &c->r.delegated;
    // The answers to probes of a closed window look like duplicates and say nothing of losses.
    if (d->snd_una == d->snd_max || !d->snd_wnd)
        return;
    // A duplicate [RFC 5681 2], or with SACK one that names something new [RFC 6675 2].
    bool has_sack = c->r.constant.flags & TCP_HAS_SACK;
    bool is_duplicate = !segment->data_bytes && !(segment->flags & (TCP_SYN | TCP_FIN)) && segment->ack == d->snd_una &&
                        (has_sack ? news->sacked_bytes != 0 : !window_changed);
    if (is_duplicate)
        d->dup_ack_count++;
}

// The states that an acknowledgement of our FIN moves. false: the connection goes no further with this segment, or is gone.
static bool
fin_acknowledged(struct tcp_connection *c)
{
    switch (c->r.delegated.state) {
    case TCP_FIN_WAIT_1:
        tcp_enter_state(c, TCP_FIN_WAIT_2);
        break;
    case TCP_CLOSING: tcp_time_wait(c); return true;
    case TCP_LAST_ACK: tcp_end(c, c->end); return false;
    default: return true;
    }
    // Without a client nobody waits for the peer's half for ever; the target's timer is its host's [ddi: chimney].
    if ((c->is_released || tcp_uses(c->tcp, TCP_USE_TARGET)) && c->tcp->params.fin_wait_2_us)
        tcp_wait(c, TCP_WAIT_FIN_WAIT_2, c->tcp->params.fin_wait_2_us);
    return true;
}

// SYN_RECEIVED: the third segment of the handshake.
static bool
handshake_ends(struct tcp_connection *c, const struct tcp_segment *segment)
{
    struct tcp_kept *d = &c->r.delegated;
    if (segment->ack != d->snd_max) {
        tcp_in_reset_answer(c->tcp, segment);
        return false;
    }
    d->snd_una = segment->ack;
    d->snd_wnd = d->max_snd_wnd = segment->window;
    d->snd_wl1 = segment->seq;
    c->snd_wl2 = segment->ack;
    tcp_established(c);
    return true;
}

bool
tcp_in_ack(struct tcp_connection *c, const struct tcp_segment *segment)
{
    struct tcp_kept *d = &c->r.delegated;
    if (d->state == TCP_SYN_RECEIVED && !handshake_ends(c, segment))
        return false;
    // Not more than was sent, and not older than a window [RFC 5961 5.2].
    if (tcp_seq_after(segment->ack, d->snd_max) || tcp_seq_before(segment->ack, d->snd_una - d->max_snd_wnd)) {
        tcp_challenge(c);
        return false;
    }
    if (tcp_seq_before(segment->ack, d->snd_una))
        return true; // an old one; its text may still be new
    uint32_t flight = tcp_score(c)->flight_bytes;
    struct tcp_news news = {.now_us = c->tcp->now_us, .rtt_us = ENG_NEVER, .una = segment->ack, .flight_before = flight};
    bool window_changed = window_take(c, segment);
    if (tcp_seq_after(segment->ack, d->snd_una))
        una_move(c, segment->ack, &news);
    if (c->r.constant.flags & TCP_HAS_SACK && segment->options.n_sacks)
        tcp_score_sacked(tcp_score(c), &c->tcp->sent_pool, segment->options.sacks, segment->options.n_sacks, d->snd_una, d->snd_max, &news);
    c->tcp->counters.dsacks_in += news.has_dsack;
    // The peer lives: a window that stays shut is no reason to give up [RFC 9293 MUST-37].
    if (!d->snd_wnd) {
        d->retransmit.count = 0;
        c->first_resent_us = 0;
    }
    if (!news.acked_bytes)
        duplicate_take(c, segment, &news, window_changed);
    round_trip(c, segment, &news);
    if (c->ecn_ok && segment->flags & TCP_ECE)
        echo_take(c, &news);
    recover(c, &news);
    if (c->recovery != TCP_RECOVERY && (news.acked_bytes || news.sacked_bytes)) {
        struct tcp_cc_ack ack = {
            .now_us = c->tcp->now_us,
            .srtt_us = c->rtt.has_sample ? tcp_rtt_srtt_us(&c->rtt) : 0,
            .acked_bytes = news.acked_bytes,
            .flight_before = news.flight_before,
            .is_limited = c->is_limited || c->recovery == TCP_LOSS,
        };
        tcp_cc_on_ack(&c->cc, &ack);
    }
    if (d->state == TCP_TIME_WAIT || !c->fin_acked)
        return true;
    return fin_acknowledged(c);
}
