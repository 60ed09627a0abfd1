// SPDX-License-Identifier: MIT
// The search for the path's MTU without ICMP [RFC 4821]: after a black hole upwards again, after ten minutes up to what the path has
// become, and never at the price of what a loss costs.
#include "kit.h"

static struct kit kit;

static struct tcp_info
info_of(unsigned end)
{
    struct tcp_info info;
    tcp_info(kit.end[end].connection, &info);
    return info;
}

static void
open_path(uint64_t seed, uint32_t link_bytes, const struct kit_wire *wire, unsigned family, uint32_t lso_bytes, uint32_t without)
{
    struct tcp_params params;
    kit_params(&params);
    params.uses &= ~without;
    kit_create(&kit, seed, wire, &params, family);
    for (unsigned i = 0; i < 2; i++) {
        kit.end[i].open.path.mtu_bytes = link_bytes;
        kit.end[i].open.path.lso_max_bytes = lso_bytes;
        kit.end[i].open.path.lso_min_segments = 2;
    }
    kit_connect(&kit);
}

// Send for a while, some each half second, so that pauses pass.
static void
send_for(unsigned halves)
{
    for (unsigned i = 0; i < halves; i++) {
        kit_send(&kit.end[0], 150000, 100000, 4096, 0);
        kit_run(&kit, 500000);
    }
    ck_assert(kit_run_data(&kit, 60000000));
    ck_assert_uint_eq(kit.end[1].got_bytes, kit.end[0].sent_bytes);
}

static void
hole(uint32_t link_bytes, uint32_t path_bytes, unsigned family, uint32_t lso_bytes)
{
    struct kit_wire wire = {.delay_us = 2000, .apart_us = 10, .mtu_bytes = path_bytes};
    open_path(path_bytes, link_bytes, &wire, family, lso_bytes, 0);
    send_for(100);
    const struct tcp_counters *counters = tcp_counters(kit.end[0].tcp);
    struct tcp_info info = info_of(0);
    ck_assert_msg(info.mtu_bytes <= path_bytes && info.mtu_bytes + 16 > path_bytes, "%u of %u", info.mtu_bytes, path_bytes);
    ck_assert_uint_eq(counters->dead_holes, 1);
    ck_assert_uint_ge(counters->mtu_raises, 1);
    // The hole was found by timeouts; of the probes that vanished none cost a timeout or halved anything.
    ck_assert_uint_le(counters->timeouts, 3);
    ck_assert_uint_eq(counters->fast_recoveries, 0);
    // The search rests: more data brings no more probes.
    uint64_t probes = counters->mtu_probes;
    send_for(10);
    ck_assert_uint_eq(counters->mtu_probes, probes);
    kit_destroy(&kit);
}

TEST(behind_a_black_hole_probes_find_the_largest_packets_that_come_through)
{
    hole(1500, 1400, ENG_IP4, 0);
    hole(1500, 1492, ENG_IP6, 0);
    hole(9000, 1500, ENG_IP4, 0);
    hole(9000, 4321, ENG_IP4, 0);
    hole(9000, 7000, ENG_IP6, 0);
    hole(1500, 1400, ENG_IP4, 60000);
    hole(9000, 4321, ENG_IP6, 60000);
}

TEST(a_path_that_has_grown_is_found_out_after_ten_minutes)
{
    struct kit_wire wire = {.delay_us = 2000, .apart_us = 10, .mtu_bytes = 1400};
    open_path(1, 1500, &wire, ENG_IP4, 0, 0);
    send_for(60);
    kit.wire.mtu_bytes = 0;
    kit_run(&kit, 560000000);
    send_for(1);
    ck_assert_uint_le(info_of(0).mtu_bytes, 1400);
    kit_run(&kit, 60000000);
    uint64_t before = tcp_counters(kit.end[0].tcp)->mtu_probes;
    send_for(2);
    ck_assert_uint_eq(info_of(0).mtu_bytes, 1500);
    ck_assert_uint_eq(tcp_counters(kit.end[0].tcp)->mtu_probes, before + 1); // what the link has is tried first
    kit_destroy(&kit);
}

TEST(a_probe_that_a_router_refuses_is_followed_by_one_of_the_size_it_names)
{
    struct kit_wire wire = {.delay_us = 2000, .apart_us = 10, .mtu_bytes = 1400, .tells_mtu = true};
    open_path(1, 9000, &wire, ENG_IP4, 0, 0);
    const struct tcp_counters *counters = tcp_counters(kit.end[0].tcp);
    send_for(4);
    ck_assert_uint_eq(info_of(0).mtu_bytes, 1400);
    ck_assert_uint_eq(counters->mtu_probes, 0); // it said so not ten minutes ago
    kit.wire.mtu_bytes = 3001;
    kit_run(&kit, 610000000);
    send_for(4);
    ck_assert_uint_eq(info_of(0).mtu_bytes, 3001);
    ck_assert_uint_eq(counters->mtu_probes, 2);
    ck_assert_uint_eq(counters->timeouts + counters->fast_recoveries + counters->dead_holes, 0);
    kit_destroy(&kit);
}

TEST(probes_on_a_lossy_path_find_no_more_than_it_carries_and_the_data_stays_exact)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct kit_wire wire = {.delay_us = 2000, .apart_us = 10, .jitter_us = 500, .mtu_bytes = 1450, .loss = 10,
                                .reorder = 5, .duplicate = 5};
        open_path(seed, 1500, &wire, seed & 1 ? ENG_IP6 : ENG_IP4, 0, 0);
        send_for(60);
        ck_assert_uint_le(info_of(0).mtu_bytes, 1450);
        ck_assert_uint_ge(info_of(0).mtu_bytes, 1280);
        ck_assert_uint_ge(tcp_counters(kit.end[0].tcp)->mtu_probes, 1);
        kit_destroy(&kit);
    }
}

// A path that falls again under packets that a probe had made larger is a hole like any other.
TEST(a_path_that_shrinks_again_without_a_word_is_a_black_hole_again)
{
    struct kit_wire wire = {.delay_us = 2000, .apart_us = 10, .mtu_bytes = 1400};
    open_path(1, 1500, &wire, ENG_IP4, 0, 0);
    send_for(60);
    kit.wire.mtu_bytes = 1300;
    send_for(60);
    ck_assert_uint_le(info_of(0).mtu_bytes, 1300);
    ck_assert_uint_eq(tcp_counters(kit.end[0].tcp)->dead_holes, 2);
    kit_destroy(&kit);
}

TEST(without_SACK_or_without_leave_nothing_is_probed)
{
    static const uint32_t without[] = {TCP_USE_SACK, TCP_USE_PMTU_PROBES};
    for (unsigned i = 0; i < 2; i++) {
        struct kit_wire wire = {.delay_us = 2000, .apart_us = 10, .mtu_bytes = 1400, .tells_mtu = true};
        open_path(i, 1500, &wire, ENG_IP4, 0, without[i]);
        send_for(4);
        kit.wire.mtu_bytes = 0;
        kit_run(&kit, 610000000);
        send_for(1);
        ck_assert_uint_eq(tcp_counters(kit.end[0].tcp)->mtu_probes, 0);
        ck_assert_uint_eq(info_of(0).mtu_bytes, 1500); // then the first one is simply tried again
        kit_destroy(&kit);
    }
}
