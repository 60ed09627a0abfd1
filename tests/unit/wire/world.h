// SPDX-License-Identifier: MIT
// WORLD_TEST(name) { ... } is a test inside a seeded scheduler of its own, with `world` (a port_world) and `sched` at hand.
// world_run runs a body under a given seed and returns the trace hash, for tests that compare runs.
#ifndef NBX_TESTS_UNIT_WIRE_WORLD_H
#define NBX_TESTS_UNIT_WIRE_WORLD_H

#include "device.h"
#include "sim/sim.h"

typedef void (*world_body_fn)(struct sched *sched, struct port_world *world, void *arg);

struct world_run {
    struct sched *sched;
    world_body_fn body;
    void *arg;
};

static inline void
world_run_main(void *arg)
{
    struct world_run *run = arg;
    struct port_world *world = port_world_create(run->sched);
    run->body(run->sched, world, run->arg);
    port_world_destroy(world);
}

static inline uint64_t
world_run(uint64_t seed, world_body_fn body, void *arg)
{
    const char *error = NULL;
    struct sim_config config = {.seed = seed};
    struct sched *sched = sim_create(&config, &error);
    ck_assert_msg(sched != NULL, "sim_create: %s", error ? error : "?");
    struct world_run run = {sched, body, arg};
    ck_assert_int_eq(sched_run(sched, "test", world_run_main, &run, NULL), 0);
    struct sim_stats stats;
    sim_stats_get(sched, &stats);
    sched_destroy(sched);
    return stats.trace_hash;
}

#define WORLD_TEST(name)                                                                                               \
    static void name##_body(struct sched *sched, struct port_world *world, void *arg);                                 \
    TEST(name) { world_run(1, name##_body, NULL); }                                                                    \
    static void name##_body(struct sched *sched __attribute__((unused)), struct port_world *world, void *arg __attribute__((unused)))

#endif
