// SPDX-License-Identifier: MIT
// Congestion control: the windows of RFC 5681, 6582 and 6928 by their arithmetic, and CUBIC beside the curve of RFC 9438 in floating
// point, driven by an ACK clock.
#include "engine/tcp/cc.h"
#include "engine/tcp/tcp.h"
#include "harness/harness.h"
#include <math.h>

#define MSS 1460u

static struct tcp_cc
control(uint32_t algorithm, uint32_t cwnd, uint32_t ssthresh)
{
    struct tcp_cc cc;
    tcp_cc_init(&cc, algorithm, MSS, 10);
    tcp_cc_import(&cc, cwnd, ssthresh);
    return cc;
}

static void
ack(struct tcp_cc *cc, uint32_t bytes, uint64_t now_us, uint64_t srtt_us)
{
    struct tcp_cc_ack one = {.now_us = now_us, .srtt_us = srtt_us, .acked_bytes = bytes, .flight_before = cc->cwnd, .is_limited = true};
    tcp_cc_on_ack(cc, &one);
}

// A round trip: a whole window is acknowledged, segment by segment.
static void
round_trip(struct tcp_cc *cc, uint64_t *now_us, uint64_t rtt_us)
{
    uint32_t segments = cc->cwnd / cc->mss;
    for (uint32_t i = 0; i < segments; i++)
        ack(cc, cc->mss, *now_us + rtt_us * i / segments, rtt_us);
    *now_us += rtt_us;
}

TEST(the_initial_window_is_that_of_6928)
{
    static const struct {
        uint32_t mss, window;
    } rows[] = {{536, 5360}, {1460, 14600}, {4000, 14600}, {7300, 14600}, {8960, 17920}, {65000, 130000}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tcp_cc cc;
        tcp_cc_init(&cc, TCP_CC_RENO, rows[i].mss, 10);
        ck_assert_uint_eq(cc.cwnd, rows[i].window);
        tcp_cc_on_syn_lost(&cc);
        ck_assert_uint_eq(cc.cwnd, rows[i].mss);
    }
}

TEST(slow_start_grows_by_what_was_acknowledged_and_stops_at_ssthresh)
{
    for (uint32_t algorithm = TCP_CC_RENO; algorithm <= TCP_CC_CUBIC; algorithm++) {
        struct tcp_cc cc = control(algorithm, 10 * MSS, 15 * MSS);
        ack(&cc, 1, 0, 100000);
        ck_assert_uint_eq(cc.cwnd, 10 * MSS + 1); // pieces of a segment earn pieces
        ack(&cc, 100 * MSS, 0, 100000);
        ck_assert_uint_ge(cc.cwnd, 15 * MSS);
        ck_assert_uint_lt(cc.cwnd, 23 * MSS); // the rest grows as congestion avoidance does
    }
}

TEST(nothing_grows_while_the_window_was_not_what_held_output_back)
{
    struct tcp_cc cc = control(TCP_CC_RENO, 10 * MSS, 0x3FFFFFFF);
    tcp_cc_on_ack(&cc, &(struct tcp_cc_ack){.acked_bytes = 5 * MSS, .flight_before = 5 * MSS});
    ck_assert_uint_eq(cc.cwnd, 10 * MSS);
}

TEST(reno_grows_by_a_segment_a_round_trip_and_halves_the_flight)
{
    struct tcp_cc cc = control(TCP_CC_RENO, 20 * MSS, 20 * MSS);
    uint64_t now = 1;
    for (uint32_t i = 1; i <= 10; i++) {
        round_trip(&cc, &now, 100000);
        ck_assert_uint_eq(cc.cwnd, (20 + i) * MSS);
    }
    tcp_cc_on_congestion(&cc, TCP_CC_LOSS, 30 * MSS, now);
    ck_assert_uint_eq(cc.cwnd, 15 * MSS);
    ck_assert_uint_eq(cc.ssthresh, 15 * MSS);
    tcp_cc_on_congestion(&cc, TCP_CC_LOSS, 1 * MSS, now);
    ck_assert_uint_eq(cc.ssthresh, 2 * MSS);
}

TEST(the_end_of_recovery_leaves_no_burst)
{
    struct tcp_cc cc = control(TCP_CC_RENO, 40 * MSS, 20 * MSS);
    tcp_cc_on_recovered(&cc, 30 * MSS);
    ck_assert_uint_eq(cc.cwnd, 20 * MSS);
    tcp_cc_on_recovered(&cc, 3 * MSS);
    ck_assert_uint_eq(cc.cwnd, 4 * MSS);
    tcp_cc_on_recovered(&cc, 0);
    ck_assert_uint_eq(cc.cwnd, 2 * MSS);
}

TEST(a_timeout_leaves_one_segment_and_reduces_ssthresh_only_once)
{
    static const uint32_t after[] = {[TCP_CC_RENO] = 20 * MSS, [TCP_CC_CUBIC] = 28 * MSS};
    for (uint32_t algorithm = TCP_CC_RENO; algorithm <= TCP_CC_CUBIC; algorithm++) {
        struct tcp_cc cc = control(algorithm, 40 * MSS, 40 * MSS);
        tcp_cc_on_timeout(&cc, 40 * MSS, true, 5);
        ck_assert_uint_eq(cc.cwnd, MSS);
        ck_assert_uint_eq(cc.ssthresh, after[algorithm]);
        tcp_cc_on_timeout(&cc, MSS, false, 6);
        ck_assert_uint_eq(cc.ssthresh, after[algorithm]);
    }
}

TEST(a_needless_reduction_is_undone_once_and_a_mark_never)
{
    for (uint32_t algorithm = TCP_CC_RENO; algorithm <= TCP_CC_CUBIC; algorithm++) {
        struct tcp_cc cc = control(algorithm, 40 * MSS, 30 * MSS);
        tcp_cc_on_congestion(&cc, TCP_CC_LOSS, 40 * MSS, 5);
        tcp_cc_undo(&cc);
        ck_assert_uint_eq(cc.cwnd, 40 * MSS);
        ck_assert_uint_eq(cc.ssthresh, 30 * MSS);
        ck_assert_uint_eq(cc.cubic.w_max, 0);
        cc.cwnd = 10 * MSS;
        tcp_cc_undo(&cc);
        ck_assert_uint_eq(cc.cwnd, 10 * MSS);
        tcp_cc_on_congestion(&cc, TCP_CC_ECN, 40 * MSS, 5);
        uint32_t marked = cc.cwnd;
        tcp_cc_undo(&cc);
        ck_assert_uint_eq(cc.cwnd, marked);
    }
}

TEST(after_a_pause_longer_than_the_timeout_the_initial_window_is_left)
{
    struct tcp_cc cc = control(TCP_CC_RENO, 400 * MSS, 100 * MSS);
    tcp_cc_on_idle(&cc, 200000, 200000);
    ck_assert_uint_eq(cc.cwnd, 400 * MSS);
    tcp_cc_on_idle(&cc, 200001, 200000);
    ck_assert_uint_eq(cc.cwnd, 10 * MSS);
    ck_assert_uint_eq(cc.ssthresh, 100 * MSS);
}

// Time to the plateau and the shape around it: the window is W(t) of the document within a segment or two and one round trip's delay.
TEST(cubic_follows_its_curve_before_at_and_after_the_plateau)
{
    struct tcp_cc cc = control(TCP_CC_CUBIC, 1000 * MSS, 1000 * MSS);
    uint64_t now = 1000000, start = now, rtt = 100000;
    tcp_cc_on_congestion(&cc, TCP_CC_LOSS, 1000 * MSS, now);
    ck_assert_uint_eq(cc.cwnd, 700 * MSS);
    double k = cbrt(300 / 0.4);
    while (now < start + 20 * 1000000) {
        round_trip(&cc, &now, rtt);
        double t = (double)(now - start) / 1e6, want = 0.4 * pow(t - k, 3) + 1000, have = (double)cc.cwnd / MSS;
        ck_assert_msg(fabs(have - want) < 0.02 * want, "at %.1f s: %.1f segments, the curve says %.1f", t, have, want);
    }
    ck_assert_uint_gt(cc.cwnd, 1400 * MSS); // well past the plateau: probing
}

// On a short path Reno is faster: 9/17 of a segment each round trip, one once it is back.
TEST(cubic_is_never_slower_than_reno_with_its_beta)
{
    struct tcp_cc cc = control(TCP_CC_CUBIC, 40 * MSS, 40 * MSS);
    uint64_t now = 1000000, rtt = 2000;
    tcp_cc_on_congestion(&cc, TCP_CC_LOSS, 40 * MSS, now);
    double reno = 28;
    for (int i = 0; i < 60; i++) {
        round_trip(&cc, &now, rtt);
        reno += reno < 40 ? 9.0 / 17 : 1;
        double have = (double)cc.cwnd / MSS;
        ck_assert_msg(fabs(have - reno) < 1.5, "after %d round trips: %.1f, Reno %.1f", i + 1, have, reno);
    }
    ck_assert_uint_gt(cc.cwnd, 70 * MSS);
}

TEST(a_flow_that_loses_before_it_is_back_gives_way)
{
    struct tcp_cc cc = control(TCP_CC_CUBIC, 1000 * MSS, 1000 * MSS);
    tcp_cc_on_congestion(&cc, TCP_CC_LOSS, 1000 * MSS, 1);
    ck_assert_uint_eq(cc.cubic.w_max, 1000 * MSS);
    tcp_cc_on_congestion(&cc, TCP_CC_LOSS, 700 * MSS, 2);
    ck_assert_uint_eq(cc.cubic.w_max, 595 * MSS);
    ck_assert_uint_eq(cc.cwnd, 490 * MSS);
}

TEST(a_pause_does_not_count_as_time_on_the_curve)
{
    struct tcp_cc cc = control(TCP_CC_CUBIC, 1000 * MSS, 1000 * MSS), other;
    uint64_t now = 1000000, rtt = 100000;
    tcp_cc_on_congestion(&cc, TCP_CC_LOSS, 1000 * MSS, now);
    for (int i = 0; i < 20; i++)
        round_trip(&cc, &now, rtt);
    other = cc;
    uint64_t later = now + 50000000;
    tcp_cc_on_idle(&other, 50000000, 60000000);
    for (int i = 0; i < 20; i++) {
        round_trip(&cc, &now, rtt);
        round_trip(&other, &later, rtt);
        ck_assert_uint_eq(cc.cwnd, other.cwnd);
    }
}

TEST(after_a_timeout_cubic_starts_at_its_own_plateau)
{
    struct tcp_cc cc = control(TCP_CC_CUBIC, 1000 * MSS, 1000 * MSS);
    uint64_t now = 1000000;
    tcp_cc_on_timeout(&cc, 1000 * MSS, true, now);
    while (cc.cwnd < cc.ssthresh)
        round_trip(&cc, &now, 100000);
    round_trip(&cc, &now, 100000);
    ck_assert_uint_eq(cc.cubic.k_ms, 0);
    ck_assert_uint_le(cc.cwnd, 703 * MSS);
}

// Windows at their bounds and odd segment sizes: no overflow (the sanitizer builds see it), no shrinking by an ACK, none past the end.
TEST(no_ack_shrinks_a_window_or_takes_it_past_its_bound)
{
    static const uint32_t sizes[] = {1, 64, 536, 1460, 8960, 65495};
    for (uint32_t algorithm = TCP_CC_RENO; algorithm <= TCP_CC_CUBIC; algorithm++) {
        for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct tcp_cc cc;
            tcp_cc_init(&cc, algorithm, sizes[i], 10);
            uint64_t now = 1;
            for (int round = 0; round < 2000; round++) {
                uint32_t before = cc.cwnd;
                ack(&cc, round % 7 ? cc.cwnd : 1, now += 50000, 50000);
                ck_assert_uint_ge(cc.cwnd, before);
                ck_assert_uint_le(cc.cwnd, 0x3FFFFFFF);
                if (round % 97 == 96)
                    tcp_cc_on_congestion(&cc, TCP_CC_LOSS, cc.cwnd, now);
                if (round % 401 == 400)
                    tcp_cc_on_timeout(&cc, cc.cwnd, true, now);
                ck_assert_uint_ge(cc.ssthresh, 2 * cc.mss);
            }
        }
    }
}
