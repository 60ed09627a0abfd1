// SPDX-License-Identifier: MIT
// Hand-over: at events of random traces a connection is exported and imported into a fresh engine; the wire stays legal (the kit
// checks every segment) and the data exact. NBX_TCP_TRACES is how many traces a sweep runs (default 120; 10,000 is the full sweep).
#include "kit.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct kit kit;

struct mover {
    struct prng prng;
    struct tcp_params params;
    unsigned thousandths;           // of a hand-over after an event
    unsigned moved, refused;
};

// Export an end's connection and import it into a new engine, which takes the old one's place.
static bool
move(struct kit_end *end, const struct tcp_params *params, uint64_t secret)
{
    struct tcp_handover handover;
    struct kit *k = end->kit;
    int status = tcp_export(end->connection, k->now_us, &end->outbox, &handover);
    if (status)
        return false;
    kit_drain(end);
    struct siphash_key key = {{secret, 5}};
    struct tcp *tcp = tcp_create(&end->memory, &end->pool, params, &key);
    struct tcp_connection *connection;
    struct eng_span spans[256];
    size_t n = tcp_receive_spans(end->connection, 0, spans, 256);
    ck_assert_uint_lt(n, 256);
    ck_assert_int_eq(tcp_import(tcp, &handover, &end->open, spans, n, k->now_us, &end->outbox, &connection), 0);
    kit_drain(end);
    struct tcp_send *send;
    while ((send = tcp_send_done(end->connection)))
        kit_item_done(send);
    tcp_release(end->connection, k->now_us, &end->outbox);
    tcp_destroy(end->tcp);
    end->tcp = tcp;
    end->connection = connection;
    return true;
}

static void
maybe_move(struct kit *k, void *context)
{
    struct mover *mover = context;
    for (unsigned i = 0; i < 2; i++) {
        struct kit_end *end = &k->end[i];
        if (!end->connection || prng_below(&mover->prng, 1000) >= mover->thousandths)
            continue;
        struct tcp_params params = mover->params;
        params.ticks_per_second = prng_below(&mover->prng, 2) ? 1000 : 100;
        // Which rules of congestion and loss a side follows may change with the engine.
        params.congestion = (uint32_t)prng_below(&mover->prng, 2);
        if (prng_below(&mover->prng, 2))
            params.uses ^= TCP_USE_RACK;
        params.ticks_per_second = mover->params.ticks_per_second;
        if (move(end, &params, prng_next(&mover->prng)))
            mover->moved++;
        else
            mover->refused++;
    }
}

static unsigned
trace(uint64_t seed)
{
    struct mover mover;
    struct tcp_params params;
    prng_seed(&mover.prng, seed * 977 + 3);
    kit_params(&params);
    params.ticks_per_second = seed % 3 ? 1000 : 100;
    params.uses &= ~(uint32_t)(prng_below(&mover.prng, 16)); // timestamps, scale, SACK, RACK
    params.min_rto_us = 50000;
    mover.params = params;
    mover.thousandths = seed % 4 == 0 ? 1000 : 100; // every fourth: at every event
    mover.moved = mover.refused = 0;
    struct kit_wire wire = {.delay_us = 500 + prng_below(&mover.prng, 5000), .loss = (unsigned)prng_below(&mover.prng, 60),
                            .duplicate = (unsigned)prng_below(&mover.prng, 30), .reorder = (unsigned)prng_below(&mover.prng, 60),
                            .has_rsc = prng_below(&mover.prng, 2)};
    kit_create(&kit, seed, &wire, &params, prng_below(&mover.prng, 2) ? ENG_IP4 : ENG_IP6);
    for (unsigned i = 0; i < 2; i++) {
        kit.end[i].open.path.lso_max_bytes = prng_below(&mover.prng, 2) ? 30000 : 0;
        kit.end[i].open.cached_flags = prng_below(&mover.prng, 2) ? TCP_CACHED_NAGLE : 0;
        kit.end[i].open.receive_bytes = 5000 + (uint32_t)prng_below(&mover.prng, 100000);
    }
    kit_connect(&kit);
    kit.on_step = maybe_move;
    kit.context = &mover;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t bytes = 1 + prng_below(&mover.prng, 60000);
        uint32_t piece = 1 + (uint32_t)prng_below(&mover.prng, 20000), span = 16 + (uint32_t)prng_below(&mover.prng, 3000);
        kit_send(&kit.end[i], bytes, piece, span, i ? TCP_SEND_FIN : 0);
        // A slow reader: bytes wait in the record across the hand-over.
        kit.end[i].read_thousandths = prng_below(&mover.prng, 3) ? 1000 : 200;
    }
    ck_assert_msg(kit_run_data(&kit, 900000000), "seed %llu stalls at %llu of %llu and %llu of %llu", (unsigned long long)seed,
                  (unsigned long long)kit.end[1].got_bytes, (unsigned long long)kit.end[0].sent_bytes,
                  (unsigned long long)kit.end[0].got_bytes, (unsigned long long)kit.end[1].sent_bytes);
    tcp_shutdown(kit.end[0].connection, kit.now_us, &kit.end[0].outbox);
    kit_drain(&kit.end[0]);
    kit_run(&kit, 200000000);
    ck_assert_msg(kit.end[0].got_fin && kit.end[1].got_fin, "seed %llu: a FIN is missing: %d %d", (unsigned long long)seed,
                  kit.end[0].got_fin, kit.end[1].got_fin);
    ck_assert_int_eq(kit.end[0].ended, TCP_END_NONE);
    ck_assert_int_eq(kit.end[1].ended, TCP_END_NONE);
    kit_destroy(&kit);
    return mover.moved;
}

TEST_TIMEOUT(3600, a_connection_survives_hand_overs_at_the_events_of_random_traces)
{
    const char *asked = getenv("NBX_TCP_TRACES"), *first = getenv("NBX_TCP_SEED");
    unsigned count = asked ? (unsigned)atoi(asked) : 120, moved = 0, from = first ? (unsigned)atoi(first) : 0;
    for (unsigned seed = from; seed < from + count; seed++)
        moved += trace(seed);
    ck_assert_uint_gt(moved, count);
}
