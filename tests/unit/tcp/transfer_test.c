// SPDX-License-Identifier: MIT
// Two engines and a pipe: exact data and a legal wire, in both directions, with everything a wire can do to packets.
#include "kit.h"
#include <string.h>

static struct kit kit;

static void
both_ways(uint64_t seed, const struct kit_wire *wire, const struct tcp_params *params, unsigned family, uint32_t lso_bytes, uint64_t bytes,
          uint32_t span)
{
    kit_create(&kit, seed, wire, params, family);
    for (unsigned i = 0; i < 2; i++) {
        kit.end[i].open.path.lso_max_bytes = lso_bytes;
        kit.end[i].open.path.lso_min_segments = 2;
        kit.end[i].open.cached_flags = seed & 1 ? TCP_CACHED_NAGLE : 0;
    }
    kit_connect(&kit);
    kit_send(&kit.end[0], bytes, 100000, span, 0);
    kit_send(&kit.end[1], bytes, 3000, span, TCP_SEND_FIN);
    ck_assert_msg(kit_run_data(&kit, 600000000), "seed %llu stalls: %llu of %llu, %llu of %llu", (unsigned long long)seed,
                  (unsigned long long)kit.end[1].got_bytes, (unsigned long long)bytes, (unsigned long long)kit.end[0].got_bytes,
                  (unsigned long long)bytes);
    ck_assert_int_eq(tcp_shutdown(kit.end[0].connection, kit.now_us, &kit.end[0].outbox), 0);
    kit_drain(&kit.end[0]);
    kit_run(&kit, 300000000);
    ck_assert(kit.end[0].got_fin && kit.end[1].got_fin);
    ck_assert(kit.end[0].events & kit.end[1].events & TCP_EVENT_ENDED);
    ck_assert_int_eq(kit.end[0].ended, TCP_END_NONE);
    ck_assert_int_eq(kit.end[1].ended, TCP_END_NONE);
    kit_destroy(&kit);
}

TEST(data_crosses_a_quiet_wire_in_both_directions_and_both_ends_close)
{
    struct tcp_params params;
    kit_params(&params);
    struct kit_wire wire = {.delay_us = 1000};
    both_ways(1, &wire, &params, ENG_IP4, 0, 1000000, 4096);
    both_ways(2, &wire, &params, ENG_IP6, 0, 1000000, 1000);
}

TEST(super_segments_cross_cut_or_coalesced)
{
    struct tcp_params params;
    kit_params(&params);
    struct kit_wire wire = {.delay_us = 1000};
    both_ways(3, &wire, &params, ENG_IP4, 65000, 3000000, 4096);
    wire.has_rsc = true;
    both_ways(4, &wire, &params, ENG_IP6, 65000, 3000000, 100000);
}

TEST_TIMEOUT(60, data_is_exact_through_loss_reordering_duplication_and_corruption)
{
    for (uint64_t seed = 10; seed < 42; seed++) {
        struct tcp_params params;
        kit_params(&params);
        struct kit_wire wire = {.delay_us = 2000,
                                .loss = 20,
                                .duplicate = 10,
                                .reorder = 30,
                                .corrupt = 5,
                                .jitter_us = seed & 8 ? 1000 : 0,
                                .has_rsc = seed & 16};
        if (seed & 2)
            params.uses &= ~(uint32_t)TCP_USE_SACK;
        if (seed & 4)
            params.uses &= ~(uint32_t)TCP_USE_TIMESTAMPS;
        if (seed % 5 == 0)
            params.uses &= ~(uint32_t)TCP_USE_RACK;
        if (seed % 3 == 0)
            params.uses &= ~(uint32_t)TCP_USE_WINDOW_SCALE;
        both_ways(seed, &wire, &params, seed & 1 ? ENG_IP4 : ENG_IP6, seed % 7 < 3 ? 60000 : 0, 150000, 777);
    }
}
