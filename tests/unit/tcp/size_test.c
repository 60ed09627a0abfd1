// SPDX-License-Identifier: MIT
// How much an engine takes: an idle connection within its kilobyte, a hundred thousand of them in one instance, nothing per segment once
// the pools are warm; and that memory which is short slows a transfer down and breaks nothing.
#include "kit.h"
#include "engine/tcp/tcp_int.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;

static void *
count_take(void *context, size_t bytes)
{
    ++*(size_t *)context;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void
count_give(void *context, void *block, size_t bytes)
{
    free(block);
}

TEST_TIMEOUT(60, a_hundred_thousand_idle_connections_take_a_kilobyte_each)
{
    enum { COUNT = 100000 };
    static struct tcp_connection *connections[COUNT];
    struct tcp_params params;
    struct siphash_key secret = {{1, 2}};
    size_t blocks = 0;
    tcp_params_default(&params);
    struct eng_memory memory = {.on_take = count_take, .on_give = count_give, .context = &blocks};
    struct eng_out_pool pool;
    struct eng_outbox outbox;
    eng_out_pool_init(&pool, &memory);
    eng_outbox_init(&outbox);
    struct tcp *tcp = tcp_create(&memory, &pool, &params, &secret);
    struct tcp_handover handover;
    const uint8_t own[4] = {10, 0, 0, 1};
    // Established ones, by hand-over: so many handshakes would only take longer.
    for (uint32_t i = 0; i < COUNT; i++) {
        memset(&handover, 0, sizeof handover);
        list_init(&handover.sends);
        uint8_t other[4] = {11, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        handover.record.constant = (struct tcp_constant){
            .local = eng_address4(own),
            .remote = eng_address4(other),
            .local_port = 80,
            .remote_port = 1000,
            .remote_mss = 1460,
        };
        handover.record.cached = (struct tcp_cached){.flags = TCP_CACHED_KEEP_ALIVE, .initial_rcv_wnd = 65535};
        handover.record.delegated = (struct tcp_delegated){.state = TCP_ESTABLISHED, .rcv_wnd = 65535, .snd_wnd = 65535, .cwnd = 14600,
                                                           .retransmit.timeout_delta = TCP_NOT_RUNNING};
        struct tcp_open open = {.path = {.mtu_bytes = 1500}};
        ck_assert_int_eq(tcp_import(tcp, &handover, &open, NULL, 0, 1000000 + i, &outbox, &connections[i]), 0);
    }
    ck_assert_uint_eq(outbox.count, 0);
    printf("bytes per idle connection: %zu (record %zu)\n", memory.taken_bytes / COUNT, sizeof(struct tcp_connection));
    ck_assert_uint_le(memory.taken_bytes / COUNT, 832);
    // Each can be found and its keep-alive comes.
    ck_assert_uint_lt(tcp_next_deadline(tcp), ENG_NEVER);
    for (uint32_t i = 0; i < COUNT; i += 777) {
        uint8_t other[4] = {11, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        struct eng_address local = eng_address4(own), remote = eng_address4(other);
        ck_assert_ptr_eq(tcp_find(tcp, &local, &remote, 80, 1000), connections[i]);
    }
    tcp_run(tcp, 1000000 + params.keepalive_us + COUNT, &outbox);
    ck_assert_uint_eq(tcp_counters(tcp)->keepalives_out, COUNT);
    struct eng_out *out;
    while ((out = eng_outbox_pop(&outbox)))
        eng_out_put(&pool, out);
    tcp_destroy(tcp);
    eng_out_pool_destroy(&pool);
    ck_assert_uint_eq(memory.taken_bytes, 0);
}

static size_t takes;
static void *(*true_take)(void *context, size_t bytes);

static void *
noted_take(void *context, size_t bytes)
{
    takes++;
    return true_take(context, bytes);
}

TEST(nothing_is_allocated_for_a_segment_once_the_pools_are_warm)
{
    struct tcp_params params;
    struct kit_wire wire = {.delay_us = 1000, .is_whole = true};
    kit_params(&params);
    params.receive_bytes = 65535; // a flight that the congestion window soon outgrows
    kit_create(&kit, 1, &wire, &params, ENG_IP4);
    kit_connect(&kit);
    // Grown to the full window, then a burst of all of it, then once more.
    for (unsigned i = 0; i < 2; i++) {
        kit_send(&kit.end[0], 2000 * 1448, 2000 * 1448, 4096, 0);
        ck_assert(kit_run_data(&kit, 60000000));
    }
    true_take = kit.end[0].memory.on_take;
    kit.end[0].memory.on_take = kit.end[1].memory.on_take = noted_take;
    kit_send(&kit.end[0], 2000 * 1448, 2000 * 1448, 4096, 0); // no small ends, which are copied
    ck_assert(kit_run_data(&kit, 60000000));
    ck_assert_uint_lt(takes, 5); // of 2,000 segments; what is left is a small end, which is copied
    kit_destroy(&kit);
}

TEST_TIMEOUT(60, short_memory_slows_a_transfer_and_breaks_nothing)
{
    for (uint64_t seed = 0; seed < 24; seed++) {
        struct tcp_params params;
        struct kit_wire wire = {.delay_us = 1000, .loss = seed & 1 ? 20 : 0, .reorder = seed & 2 ? 20 : 0};
        kit_params(&params);
        if (seed & 4)
            params.uses &= ~(uint32_t)TCP_USE_SACK;
        kit_create(&kit, seed, &wire, &params, ENG_IP4);
        kit_connect(&kit);
        kit.end[0].short_thousandths = kit.end[1].short_thousandths = 300;
        kit_send(&kit.end[0], 100000, 20000, 1000, TCP_SEND_FIN);
        kit_send(&kit.end[1], 100000, 20000, 1000, TCP_SEND_FIN);
        ck_assert_msg(kit_run_data(&kit, 600000000), "seed %llu stalls", (unsigned long long)seed);
        kit_run(&kit, 200000000);
        ck_assert(kit.end[0].got_fin && kit.end[1].got_fin);
        kit_destroy(&kit);
    }
}

TEST_TIMEOUT(60, congestion_marks_instead_of_losses_slow_a_transfer_down)
{
    struct tcp_params params;
    struct kit_wire wire = {.delay_us = 1000, .mark = 20};
    kit_params(&params);
    params.uses |= TCP_USE_ECN;
    kit_create(&kit, 5, &wire, &params, ENG_IP6);
    kit_connect(&kit);
    kit_send(&kit.end[0], 2000000, 100000, 4096, 0);
    ck_assert(kit_run_data(&kit, 600000000));
    struct tcp_info info;
    tcp_info(kit.end[0].connection, &info);
    ck_assert(info.has_ecn);
    ck_assert_uint_lt(info.ssthresh, 1u << 28);
    ck_assert_uint_eq(tcp_counters(kit.end[0].tcp)->retransmitted, 0);
    kit_destroy(&kit);
}
