// SPDX-License-Identifier: MIT
// RACK-TLP by the examples and steps of RFC 8985: what is lost, when, and what a probe's ACK means. Ten segments of 1,000 bytes leave
// a millisecond apart from number 1000 on; the round trip is 100 ms.
#include "harness/harness.h"
#include "loss.h"

static void
send_ten(struct loss *loss)
{
    loss_init(loss);
    for (unsigned i = 0; i < 10; i++)
        loss_send(loss, 1000000 + 1000 * i, 1000);
    // One that came and went before, for a least round trip of 100 ms.
    loss->rack.min_rtt_us = 100000;
    loss->rack.min_since_us = 1000000;
    loss->rack.has_rtt_since_probe = true;
}

static uint32_t
seq_of(unsigned segment)
{
    return 1000 + 1000 * segment;
}

TEST(one_sacked_segment_makes_those_before_it_lost_after_a_quarter_round_trip)
{
    struct loss loss;
    send_ten(&loss);
    uint64_t deadline = loss_ack(&loss, 1103000, seq_of(0), seq_of(3), seq_of(4), 0, 0);
    ck_assert_uint_eq(loss.score.lost_bytes, 0);
    ck_assert_uint_eq(deadline, 1002000 + 100000 + 25000); // of the last of the three
    loss.view.now_us = 1000000 + 125000;
    ck_assert_uint_eq(tcp_rack_on_timer(&loss.rack, &loss.score, &loss.view), deadline);
    ck_assert_uint_eq(loss.score.lost_bytes, 1000);
    loss.view.now_us = deadline;
    ck_assert_uint_eq(tcp_rack_on_timer(&loss.rack, &loss.score, &loss.view), ENG_NEVER);
    ck_assert_uint_eq(loss.score.lost_bytes, 3000);
    ck_assert_uint_eq(loss.score.flight_bytes, 6000);
    ck_assert_uint_eq(tcp_score_lost_first(&loss.score)->seq, seq_of(0));
    loss_end(&loss);
}

TEST(three_sacked_segments_need_no_waiting_unless_reordering_was_seen)
{
    struct loss loss;
    send_ten(&loss);
    ck_assert_uint_eq(loss_ack(&loss, 1103000, seq_of(0), seq_of(1), seq_of(4), 0, 0), ENG_NEVER);
    ck_assert_uint_eq(loss.score.lost_bytes, 1000);
    loss_end(&loss);
    send_ten(&loss);
    loss.rack.has_reordering = true;
    ck_assert_uint_eq(loss_ack(&loss, 1103000, seq_of(0), seq_of(1), seq_of(4), 0, 0), 1125000);
    ck_assert_uint_eq(loss.score.lost_bytes, 0);
    loss_end(&loss);
}

TEST(a_delivered_segment_below_a_sacked_one_is_reordering)
{
    struct loss loss;
    send_ten(&loss);
    loss_ack(&loss, 1103000, seq_of(0), seq_of(3), seq_of(4), 0, 0);
    ck_assert(!loss.rack.has_reordering);
    loss_ack(&loss, 1104000, seq_of(1), 0, 0, 0, 0);
    ck_assert(loss.rack.has_reordering);
    loss_end(&loss);
}

TEST(d_sacks_widen_the_window_once_a_round_trip_up_to_srtt_and_sixteen_recoveries_narrow_it)
{
    struct loss loss;
    send_ten(&loss);
    for (unsigned i = 1; i <= 5; i++) {
        loss_ack(&loss, 1103000 + i, seq_of(i), 0, 0, 500, 600);
        ck_assert_uint_eq(loss.rack.reo_wnd_mult, 2); // all within a flight
    }
    loss_ack(&loss, 1110000, seq_of(10), 0, 0, 0, 0);
    for (unsigned i = 0; i < 5; i++) {
        loss_send(&loss, 1200000 + 200000 * i, 1000);
        loss_ack(&loss, 1300000 + 200000 * i, loss.max, 0, 0, 500, 600);
        ck_assert_uint_eq(loss.rack.reo_wnd_mult, 3 + i);
    }
    loss_send(&loss, 5000000, 1000);
    loss_send(&loss, 5000001, 1000);
    uint32_t first = loss.una;
    ck_assert_uint_eq(loss_ack(&loss, 5100001, first, first + 1000, first + 2000, 0, 0), 5000000 + 100000 + 100000); // SRTT, not 7/4 of it
    for (unsigned i = 0; i < 15; i++) {
        loss.view.is_recovering = true;
        loss_ack(&loss, 5100001, first, 0, 0, 0, 0);
        loss.view.is_recovering = false;
        loss_ack(&loss, 5100001, first, 0, 0, 0, 0);
        ck_assert_uint_gt(loss.rack.reo_wnd_mult, 1);
    }
    loss.view.is_recovering = true;
    loss_ack(&loss, 5100001, first, 0, 0, 0, 0);
    loss.view.is_recovering = false;
    loss_ack(&loss, 5100001, first, 0, 0, 0, 0);
    ck_assert_uint_eq(loss.rack.reo_wnd_mult, 1);
    loss_end(&loss);
}

TEST(a_lost_retransmission_is_found_by_what_left_after_it)
{
    struct loss loss;
    send_ten(&loss);
    loss_ack(&loss, 1103000, seq_of(0), seq_of(1), seq_of(4), 0, 0);
    tcp_score_resent(&loss.score, tcp_score_lost_first(&loss.score), 1103000);
    ck_assert_uint_eq(loss.score.lost_bytes, 0);
    loss.view.is_recovering = true;
    loss_send(&loss, 1103500, 1000);
    // All others arrive; the retransmission was sent before the last of them, and is lost again without any timeout.
    loss_ack(&loss, 1204000, seq_of(0), seq_of(4), seq_of(11), 0, 0);
    ck_assert_uint_eq(loss.score.lost_bytes, 1000);
    ck_assert_uint_eq(tcp_score_lost_first(&loss.score)->seq, seq_of(0));
    loss_end(&loss);
}

TEST(an_original_that_a_needless_retransmission_overtook_does_not_make_others_lost)
{
    struct loss loss;
    send_ten(&loss);
    tcp_score_lose_first(&loss.score, &loss.pool, 1000);
    tcp_score_resent(&loss.score, tcp_score_lost_first(&loss.score), 1120000);
    // 5 ms after the retransmission: that is the original's ACK.
    ck_assert_uint_eq(loss_ack(&loss, 1125000, seq_of(1), 0, 0, 0, 0), ENG_NEVER);
    ck_assert_uint_eq(loss.score.lost_bytes, 0);
    ck_assert_uint_eq(loss.rack.xmit_us, 0);
    loss_end(&loss);
}

TEST(a_hole_in_a_super_segment_is_lost_although_all_of_it_left_at_once)
{
    struct loss loss;
    loss_init(&loss);
    loss_send(&loss, 1000000, 64000);
    loss.rack.min_rtt_us = 100000;
    loss.rack.min_since_us = 1000000;
    loss_ack(&loss, 1100000, 11000, 12000, 65000, 0, 0);
    ck_assert_uint_eq(loss.score.lost_bytes, 1000);
    ck_assert_uint_eq(loss.score.sacked_bytes, 53000);
    ck_assert_uint_eq(tcp_score_lost_first(&loss.score)->seq, 11000);
    loss_end(&loss);
}

TEST(without_sack_nothing_is_lost_by_time_and_nothing_is_probed)
{
    struct loss loss;
    send_ten(&loss);
    loss.view.has_sack = false;
    ck_assert_uint_eq(loss_ack(&loss, 1103000, seq_of(1), seq_of(3), seq_of(9), 0, 0), ENG_NEVER);
    ck_assert_uint_eq(loss.score.lost_bytes, 0);
    ck_assert_uint_eq(tcp_rack_probe_deadline(&loss.rack, &loss.score, &loss.view), ENG_NEVER);
    loss_end(&loss);
}

static uint64_t
probe_wait(const struct loss *loss)
{
    uint64_t deadline = tcp_rack_probe_deadline(&loss->rack, &loss->score, &loss->view);
    return deadline == ENG_NEVER ? ENG_NEVER : deadline - loss->view.now_us;
}

TEST(a_probe_is_due_after_two_round_trips_and_later_for_a_single_segment_but_never_after_the_timeout)
{
    struct loss loss;
    send_ten(&loss);
    loss.view.now_us = 1009000;
    ck_assert_uint_eq(probe_wait(&loss), 200000);
    loss.view.rto_us = 150000;
    ck_assert_uint_eq(probe_wait(&loss), 150000);
    loss.view.rto_us = 1000000;
    loss_ack(&loss, 1110000, seq_of(9), 0, 0, 0, 0);
    ck_assert_uint_eq(probe_wait(&loss), 400000);
    loss.view.srtt_us = 0;
    loss.view.rto_us = 3000000;
    ck_assert_uint_eq(probe_wait(&loss), 1000000);
    loss_end(&loss);
}

TEST(no_probe_without_a_flight_in_recovery_with_a_hole_or_twice_without_a_new_round_trip)
{
    struct loss loss;
    send_ten(&loss);
    loss.view.now_us = 1009000;
    loss.view.is_recovering = true;
    ck_assert_uint_eq(probe_wait(&loss), ENG_NEVER);
    loss.view.is_recovering = false;
    tcp_rack_probed(&loss.rack, loss.max, true);
    ck_assert_uint_eq(probe_wait(&loss), ENG_NEVER);
    loss.rack.has_probe = false;
    ck_assert_uint_eq(probe_wait(&loss), ENG_NEVER); // no round trip was measured since
    loss_ack(&loss, 1103000, seq_of(1), 0, 0, 0, 0);
    ck_assert_uint_eq(probe_wait(&loss), 200000);
    loss_ack(&loss, 1103000, seq_of(1), seq_of(8), seq_of(9), 0, 0);
    ck_assert_uint_eq(probe_wait(&loss), ENG_NEVER);
    loss_ack(&loss, 1104000, seq_of(10), 0, 0, 0, 0);
    ck_assert_uint_eq(probe_wait(&loss), ENG_NEVER);
    loss_end(&loss);
}

// What came of a probe that sent the last segment again: an ACK of everything, and then this one.
static bool
probe_verdict(bool was_resent, uint32_t acked_bytes, uint32_t past_bytes, bool has_dsack, bool *is_open)
{
    struct tcp_rack rack;
    tcp_rack_init(&rack);
    tcp_rack_probed(&rack, 5000, was_resent);
    struct tcp_news news = {.acked_bytes = acked_bytes, .has_dsack = has_dsack, .dsack_seq = 4000, .dsack_end = 5000};
    struct tcp_rack_view view = {.una = 5000 + past_bytes};
    bool was_needed = tcp_rack_probe_was_needed(&rack, &news, &view);
    *is_open = rack.has_probe;
    return was_needed;
}

TEST(a_probe_repaired_a_loss_only_if_nothing_says_that_both_arrived)
{
    bool is_open;
    ck_assert(!probe_verdict(false, 1000, 0, false, &is_open) && !is_open);     // new data: there is nothing to know
    ck_assert(!probe_verdict(true, 1000, 0, false, &is_open) && is_open);       // may be the original's ACK: wait
    ck_assert(!probe_verdict(true, 0, 0, true, &is_open) && !is_open);          // both arrived
    ck_assert(!probe_verdict(true, 0, 0, false, &is_open) && !is_open);         // so says a bare duplicate
    ck_assert(probe_verdict(true, 1000, 1000, false, &is_open) && !is_open);    // more was acknowledged without a word of two
}
