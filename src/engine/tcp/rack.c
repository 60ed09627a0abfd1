// SPDX-License-Identifier: MIT
// RACK-TLP [RFC 8985]. Section numbers below are its.
//   an ACK        rtt_learn, newest_learn, reordering_learn (6.2 steps 1 to 4), then loss_detect (step 5)
//   its timer     loss_detect again, when what is late has become lost
//   a silent tail tcp_rack_probe_deadline (7.2), tcp_rack_probed (7.3), tcp_rack_probe_was_needed (7.4)
// The records in flight stand in the order in which they left, so step 5 ends at the first that left after the newest delivered one.
#include "engine/tcp/rack.h"
#include "engine/tcp/seq.h"

#define MIN_RTT_WINDOW_US 60000000u // the least round trip of the last minute or two
#define PROBE_WITHOUT_RTT_US 1000000u
#define REO_WND_PERSIST 16 // recoveries that a widened window outlives

void
tcp_rack_init(struct tcp_rack *rack)
{
    *rack = (struct tcp_rack){.reo_wnd_mult = 1};
}

// RACK_sent_after of 6.2: by time, and within one time by number.
static bool
is_sent_after(uint64_t left_us, uint32_t left_end, uint64_t right_us, uint32_t right_end)
{
    return left_us > right_us || (left_us == right_us && tcp_seq_after(left_end, right_end));
}

static uint32_t
min_rtt(const struct tcp_rack *rack)
{
    if (!rack->last_min_rtt_us)
        return rack->min_rtt_us;
    return rack->min_rtt_us && rack->min_rtt_us < rack->last_min_rtt_us ? rack->min_rtt_us : rack->last_min_rtt_us;
}

// Step 1.
static void
rtt_learn(struct tcp_rack *rack, const struct tcp_news *news)
{
    if (news->rtt_us == ENG_NEVER)
        return;
    uint32_t rtt_us = news->rtt_us > UINT32_MAX ? UINT32_MAX : news->rtt_us ? (uint32_t)news->rtt_us : 1;
    rack->has_rtt_since_probe = true;
    if (news->now_us - rack->min_since_us > MIN_RTT_WINDOW_US) {
        rack->last_min_rtt_us = rack->min_rtt_us;
        rack->min_rtt_us = 0;
        rack->min_since_us = news->now_us;
    }
    if (!rack->min_rtt_us || rtt_us < rack->min_rtt_us)
        rack->min_rtt_us = rtt_us;
}

// Step 2. A round trip shorter than any is that of an original which a needless retransmission overtook: it says nothing about when
// the retransmission arrived, but the newest of what was sent once still does.
static void
newest_learn(struct tcp_rack *rack, const struct tcp_news *news)
{
    uint64_t sent_us = news->newest_sent_us;
    uint32_t end = news->newest_end;
    if (news->newest_was_resent && news->now_us - sent_us < min_rtt(rack)) {
        sent_us = news->original_sent_us;
        end = news->original_end;
    }
    if (!sent_us)
        return;
    rack->rtt_us = (uint32_t)(news->now_us - sent_us);
    if (is_sent_after(sent_us, end, rack->xmit_us, rack->end_seq)) {
        rack->xmit_us = sent_us;
        rack->end_seq = end;
    }
}

// Steps 3 and the learning half of 4.
static void
reordering_learn(struct tcp_rack *rack, const struct tcp_news *news, const struct tcp_rack_view *view)
{
    if (news->is_reordered)
        rack->has_reordering = true;
    if (rack->has_dsack_round && !tcp_seq_before(view->una, rack->dsack_round))
        rack->has_dsack_round = false;
    if (news->has_dsack && !rack->has_dsack_round) {
        rack->has_dsack_round = true;
        rack->dsack_round = view->max;
        rack->reo_wnd_mult += rack->reo_wnd_mult < 64;
        rack->reo_wnd_persist = REO_WND_PERSIST;
    } else if (rack->was_recovering && !view->is_recovering && rack->reo_wnd_persist && --rack->reo_wnd_persist == 0) {
        rack->reo_wnd_mult = 1;
    }
    rack->was_recovering = view->is_recovering;
}

// Whether the SACKed records hold as many segments as the duplicate threshold.
static bool
is_past_threshold(const struct tcp_score *score, const struct tcp_rack_view *view)
{
    uint64_t segments = 0;
    if (!score->sacked_bytes)
        return false;
    LIST_FOR_EACH(node, &score->sent) {
        const struct tcp_sent *sent = LIST_ENTRY_OF(node, struct tcp_sent, link);
        if (sent->flags & TCP_SENT_SACKED)
            segments += (sent->end - sent->seq + view->mss - 1) / view->mss;
        if (segments >= view->dup_threshold)
            return true;
    }
    return false;
}

// The using half of step 4.
static uint64_t
reordering_window(const struct tcp_rack *rack, const struct tcp_score *score, const struct tcp_rack_view *view)
{
    if (!rack->has_reordering && (view->is_recovering || is_past_threshold(score, view)))
        return 0;
    uint64_t window_us = (uint64_t)rack->reo_wnd_mult * min_rtt(rack) / 4;
    return window_us < view->srtt_us ? window_us : view->srtt_us;
}

// Step 5. Returns when the last of those that are late, but not yet lost, will be.
static uint64_t
loss_detect(struct tcp_rack *rack, struct tcp_score *score, const struct tcp_rack_view *view)
{
    uint64_t deadline_us = 0, window_us = ENG_NEVER;
    LIST_FOR_EACH_SAFE(node, &score->in_flight) {
        struct tcp_sent *sent = LIST_ENTRY_OF(node, struct tcp_sent, in_turn);
        if (!is_sent_after(rack->xmit_us, rack->end_seq, sent->sent_us, sent->end))
            break;
        if (window_us == ENG_NEVER)
            window_us = reordering_window(rack, score, view);
        uint64_t lost_us = sent->sent_us + rack->rtt_us + window_us;
        if (lost_us <= view->now_us)
            tcp_score_lose(score, sent);
        else if (lost_us > deadline_us)
            deadline_us = lost_us;
    }
    return deadline_us ? deadline_us : ENG_NEVER;
}

uint64_t
tcp_rack_on_ack(struct tcp_rack *rack, struct tcp_score *score, const struct tcp_news *news, const struct tcp_rack_view *view)
{
    rtt_learn(rack, news);
    if (!view->has_sack)
        return ENG_NEVER;
    newest_learn(rack, news);
    reordering_learn(rack, news, view);
    return loss_detect(rack, score, view);
}

uint64_t
tcp_rack_on_timer(struct tcp_rack *rack, struct tcp_score *score, const struct tcp_rack_view *view)
{
    return loss_detect(rack, score, view);
}

uint64_t
tcp_rack_probe_deadline(const struct tcp_rack *rack, const struct tcp_score *score, const struct tcp_rack_view *view)
{
    bool is_calm = view->has_sack && !view->is_recovering && !score->sacked_bytes && score->flight_bytes;
    if (!is_calm || rack->has_probe || !rack->has_rtt_since_probe)
        return ENG_NEVER;
    uint64_t wait_us = view->srtt_us ? 2 * view->srtt_us : PROBE_WITHOUT_RTT_US;
    if (view->srtt_us && score->flight_bytes <= view->mss)
        wait_us += view->delayed_ack_us;
    return view->now_us + (wait_us < view->rto_us ? wait_us : view->rto_us);
}

void
tcp_rack_probed(struct tcp_rack *rack, uint32_t end, bool was_resent)
{
    rack->has_probe = true;
    rack->probe_end = end;
    rack->probe_was_resent = was_resent;
    rack->has_rtt_since_probe = false;
}

bool
tcp_rack_probe_was_needed(struct tcp_rack *rack, const struct tcp_news *news, const struct tcp_rack_view *view)
{
    if (!rack->has_probe || tcp_seq_before(view->una, rack->probe_end))
        return false;
    if (view->is_recovering) {
        rack->has_probe = false; // the loss is being dealt with already
        return false;
    }
    bool is_answered_twice = news->has_dsack && news->dsack_end == rack->probe_end;
    bool is_bare_duplicate = !news->acked_bytes && !news->sacked_bytes && !news->has_dsack;
    if (!rack->probe_was_resent || is_answered_twice) {
        rack->has_probe = false;
        return false;
    }
    if (tcp_seq_after(view->una, rack->probe_end)) {
        rack->has_probe = false;
        return true;
    }
    rack->has_probe = !is_bare_duplicate;
    return false;
}
