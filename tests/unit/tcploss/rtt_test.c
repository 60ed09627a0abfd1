// SPDX-License-Identifier: MIT
// The estimator beside RFC 6298's own arithmetic, the weights of RFC 7323 G, back-off, and hand-over in ticks.
#include "engine/tcp/rtt.h"
#include "harness/harness.h"
#include <stdlib.h>

#define SECOND 1000000u

static struct tcp_rtt
estimator(void)
{
    struct tcp_rtt rtt;
    tcp_rtt_init(&rtt, SECOND, 200000, 60 * SECOND);
    return rtt;
}

TEST(before_the_first_sample_the_timeout_is_the_initial_one)
{
    struct tcp_rtt rtt = estimator();
    ck_assert_uint_eq(tcp_rtt_rto(&rtt, 0), SECOND);
    ck_assert(!rtt.has_sample);
}

TEST(the_first_and_the_second_sample_follow_6298_2_2_and_2_3)
{
    struct tcp_rtt rtt = estimator();
    tcp_rtt_sample(&rtt, 400000, 1);
    ck_assert_uint_eq(tcp_rtt_srtt_us(&rtt), 400000);
    ck_assert_uint_eq(tcp_rtt_var_us(&rtt), 200000);
    ck_assert_uint_eq(tcp_rtt_rto(&rtt, 0), 400000 + 4 * 200000);
    tcp_rtt_sample(&rtt, 800000, 1);
    ck_assert_uint_eq(tcp_rtt_var_us(&rtt), (3 * 200000 + 400000) / 4); // against the old SRTT
    ck_assert_uint_eq(tcp_rtt_srtt_us(&rtt), (7 * 400000 + 800000) / 8);
    ck_assert_uint_eq(tcp_rtt_rto(&rtt, 0), 450000 + 4 * 250000);
}

TEST(a_steady_round_trip_keeps_the_timeout_off_it_and_within_its_bounds)
{
    struct tcp_rtt rtt;
    tcp_rtt_init(&rtt, SECOND, 1, 60 * SECOND);
    for (int i = 0; i < 200; i++)
        tcp_rtt_sample(&rtt, 50000, 1);
    ck_assert_uint_eq(tcp_rtt_srtt_us(&rtt), 50000);
    ck_assert_uint_eq(tcp_rtt_rto(&rtt, 0), 51000); // the granularity
    rtt = estimator();
    tcp_rtt_sample(&rtt, 10, 1);
    ck_assert_uint_eq(tcp_rtt_rto(&rtt, 0), 200000);
    tcp_rtt_sample(&rtt, UINT64_MAX, 1);
    ck_assert_uint_eq(tcp_rtt_rto(&rtt, 0), 60 * SECOND);
}

TEST(many_samples_a_round_trip_weigh_as_much_as_one)
{
    for (unsigned samples = 1; samples <= 1000; samples *= 10) {
        struct tcp_rtt rtt = estimator();
        tcp_rtt_sample(&rtt, 100000, 1);
        for (unsigned i = 0; i < 8 * samples; i++)
            tcp_rtt_sample(&rtt, 200000, samples);
        // After eight round trips (7/8)^8 = 0.344 of the old is left, e^-1 = 0.368 in the limit.
        ck_assert_uint_ge(tcp_rtt_srtt_us(&rtt), 163100);
        ck_assert_uint_le(tcp_rtt_srtt_us(&rtt), 165700);
    }
}

TEST(back_off_doubles_up_to_the_bound_however_often_it_is_asked)
{
    struct tcp_rtt rtt = estimator();
    for (unsigned backoff = 0; backoff < 6; backoff++)
        ck_assert_uint_eq(tcp_rtt_rto(&rtt, backoff), (uint64_t)SECOND << backoff);
    ck_assert_uint_eq(tcp_rtt_rto(&rtt, 6), 60 * SECOND);
    ck_assert_uint_eq(tcp_rtt_rto(&rtt, UINT32_MAX), 60 * SECOND);
}

TEST(eighths_and_quarters_of_ticks_round_down_on_the_way_out_and_none_means_less_than_one)
{
    static const uint32_t rates[] = {10, 100, 1000};
    for (unsigned i = 0; i < 3; i++) {
        struct tcp_rtt rtt = estimator(), other = estimator();
        uint16_t srtt, rttvar;
        uint32_t tick_us = SECOND / rates[i];
        tcp_rtt_export(&rtt, rates[i], &srtt, &rttvar);
        ck_assert_uint_eq(srtt | rttvar, 0);
        tcp_rtt_sample(&rtt, 7 * tick_us + tick_us / 2, 1);
        tcp_rtt_export(&rtt, rates[i], &srtt, &rttvar);
        ck_assert_uint_eq(srtt, 8 * 7 + 4);
        ck_assert_uint_eq(rttvar, 4 * 3 + 3);
        tcp_rtt_import(&other, srtt, rttvar, rates[i]);
        ck_assert_uint_eq(tcp_rtt_srtt_us(&other), 7 * tick_us + tick_us / 2);
        tcp_rtt_import(&other, 0, 0, rates[i]);
        ck_assert_uint_gt(tcp_rtt_srtt_us(&other), 0);
        ck_assert_uint_lt(tcp_rtt_srtt_us(&other), tick_us / 8);
        tcp_rtt_sample(&rtt, 600 * SECOND, 1);
        tcp_rtt_export(&rtt, 1000, &srtt, &rttvar);
        ck_assert_uint_eq(srtt, UINT16_MAX);
    }
}
