// SPDX-License-Identifier: MIT
// The bundled drivers under a thousand schedules: two boxes on a wire that loses, reorders and duplicates, virtual NICs that complete in
// random order, a filter that comes and goes, pauses and OID requests while frames fly. Every seed must come down clean, and over the
// sweep everything on the list must have happened, or the sweep has proved nothing.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "loader/keep.h"
#include "nbx/traffic.h"
#include "nbx/world.h"
#include "ndis/ndis.h"
#include "nt/ke/ke.h"
#include "sim/sim.h"

static const char sweep_stack[] = "ndisbox: 1\n"
                                  "boxes:\n"
                                  "  alpha:\n"
                                  "    processors: 2\n"
                                  "    adapters:\n"
                                  "      nic0:\n"
                                  "        driver: vnic\n"
                                  "        port: wire:lan\n"
                                  "        settings: { CompletionOrder: random }\n"
                                  "        filters: [lwfmon]\n"
                                  "        idle: ok\n"
                                  "  beta:\n"
                                  "    processors: 2\n"
                                  "    adapters:\n"
                                  "      nic0:\n"
                                  "        driver: vnic\n"
                                  "        port: wire:lan\n"
                                  "        settings: { CompletionOrder: random }\n"
                                  "        filters: [lwfmon]\n"
                                  "        protocols: [echoproto]\n"
                                  "        idle: ok\n"
                                  "wires:\n"
                                  "  lan: { delay: 30us, jitter: 20us, loss: 2%, reorder: 3%, duplicate: 2% }\n";

struct sweep {
    uint64_t seed, trace_hash;
    struct sched *sched;
    struct stack *stack;
    struct world *world;
    struct loader_keep *images;              // NULL: each seed loads its own
    uint64_t events[NDIS_EVENT_COUNT];       // over all seeds
    uint64_t order_draws, wire_draws, spurious, lost, arrived;
    uint32_t findings;
};

static struct sweep sweep;

static bool
sweep_driver_path(const struct stack_driver *driver, char *path, size_t bytes)
{
    return (size_t)snprintf(path, bytes, "%s/%s.so", NBX_DRIVER_DIR, driver->name) < bytes;
}

static void
sweep_message(void *context, const char *text)
{
}

static void
sweep_finding(void *context, const char *text)
{
    fprintf(stderr, "seed %llu: %s\n", (unsigned long long)sweep.seed, text);
}

static void
sweep_traffic(void *arg)
{
    struct world *world = arg;
    struct traffic_result result;
    traffic_send(world, &world->boxes[0].adapters[0], &world->boxes[1].adapters[0], 300, 60, 1500, 400000000, &result);
    sweep.lost += result.completed - (result.received < result.completed ? result.received : result.completed);
    sweep.arrived += result.received;
}

static void
sweep_disturb(void *arg)
{
    struct world_box *box = arg;
    struct ndis_adapter *adapter = box->adapters[0].ndis;
    ULONG value;
    uint32_t done;
    switch (sched_draw(sweep.sched, SCHED_DRAW_FAULT, 5)) {
    case 0:
    case 1:
        ndis_adapter_pause(adapter);
        ck_assert_int_eq(ndis_adapter_restart(adapter), NDIS_STATUS_SUCCESS);
        break;
    case 2:
        ck_assert_int_eq(ndis_adapter_detach_filter(adapter, "lwfmon"), NDIS_STATUS_SUCCESS);
        ck_assert_int_eq(ndis_adapter_attach_filter(adapter, "lwfmon"), NDIS_STATUS_SUCCESS);
        break;
    case 3:
        ck_assert_int_eq(ndis_adapter_reset(adapter), NDIS_STATUS_SUCCESS);
        break;
    default:
        ck_assert_int_eq(ndis_adapter_oid(adapter, NdisRequestQueryInformation, OID_GEN_XMIT_OK, &value, sizeof value, &done),
                         NDIS_STATUS_SUCCESS);
        break;
    }
}

static void
sweep_main(void *arg)
{
    struct world_config config = {.sched = sweep.sched,
                                  .stack = sweep.stack,
                                  .driver_path = sweep_driver_path,
                                  .on_message = sweep_message,
                                  .on_finding = sweep_finding,
                                  .verify = VERIFY_ON,
                                  .images = sweep.images};
    struct world *world = world_create(&config);
    struct sched_thread *sender;
    _Atomic uint32_t never = 0;
    sweep.world = world;
    ck_assert_int_eq(world_build(world), WORLD_OK);
    ck_assert(traffic_bind(world, &world->boxes[0].adapters[0]));
    ck_assert(traffic_bind(world, &world->boxes[1].adapters[0]));
    ck_assert_int_eq(sched_thread_start(sweep.sched, "sender", sweep_traffic, world, NULL, &sender), 0);
    for (int i = 0; i < 6; i++) {
        sched_wait(sweep.sched, &never, 0, sched_now_ns(sweep.sched) + sched_draw(sweep.sched, SCHED_DRAW_FAULT, 60000));
        struct world_box *box = &world->boxes[i % 2];
        ck_assert_int_eq(box_run(box->box, sweep_disturb, box), 0);
    }
    sched_thread_join(sweep.sched, sender);
    world_teardown(world);
    for (int i = 0; i < NDIS_EVENT_COUNT; i++)
        sweep.events[i] += world->events[i];
    sweep.findings += atomic_load(&world->findings);
    world_destroy(world);
}

static void
sweep_seed(uint64_t seed)
{
    const char *error;
    struct sim_config config = {.seed = seed, .spurious_one_in = seed % 4 ? 0 : 16};
    struct stack_report report = {0};
    struct stack_source source = {.name = "sweep"};
    struct sim_stats stats;
    sweep.seed = seed;
    sweep.stack = stack_read(&source, sweep_stack, sizeof sweep_stack - 1, &report);
    ck_assert_ptr_nonnull(sweep.stack);
    sweep.sched = sim_create(&config, &error);
    ck_assert_ptr_nonnull(sweep.sched);
    ck_assert_msg(!sched_run(sweep.sched, "main", sweep_main, NULL, NULL), "seed %llu hangs", (unsigned long long)seed);
    sim_stats_get(sweep.sched, &stats);
    sweep.trace_hash = stats.trace_hash;
    sweep.order_draws += stats.draws[SCHED_DRAW_ORDER];
    sweep.wire_draws += stats.draws[SCHED_DRAW_WIRE];
    sweep.spurious += stats.spurious;
    sched_destroy(sweep.sched);
    stack_destroy(sweep.stack);
    stack_report_clear(&report);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SWEEP_SEEDS 100
#endif
#endif
#ifndef SWEEP_SEEDS
#define SWEEP_SEEDS 1000
#endif

TEST_TIMEOUT(240, bundled_drivers_come_down_clean_under_a_thousand_schedules_and_everything_listed_has_happened)
{
    static const enum ndis_event listed[] = {NDIS_EVENT_PAUSE_IN_FLIGHT, NDIS_EVENT_SEND_REFUSED, NDIS_EVENT_SHARED_RECEIVE,
                                            NDIS_EVENT_RESET};
    sweep.images = loader_keep_create();
    for (uint64_t seed = 1; seed <= SWEEP_SEEDS; seed++)
        sweep_seed(seed);
    ck_assert_uint_eq(loader_keep_count(sweep.images), 5);
    loader_keep_destroy(sweep.images);
    sweep.images = NULL;
    ck_assert_uint_eq(sweep.findings, 0);
    for (int i = 0; i < NDIS_EVENT_COUNT; i++)
        printf("%-32s %12llu\n", ndis_event_word(i), (unsigned long long)sweep.events[i]);
    printf("%-32s %12llu\n%-32s %12llu\n%-32s %12llu\n%-32s %12llu of %llu\n", "completion order drawn",
           (unsigned long long)sweep.order_draws, "wire's choice", (unsigned long long)sweep.wire_draws, "wait without a reason",
           (unsigned long long)sweep.spurious, "frames lost", (unsigned long long)sweep.lost,
           (unsigned long long)(sweep.lost + sweep.arrived));
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++)
        ck_assert_msg(sweep.events[listed[i]] > 0, "never happened: %s", ndis_event_word(listed[i]));
    ck_assert_uint_gt(sweep.order_draws, 0);
    ck_assert_uint_gt(sweep.spurious, 0);
    ck_assert_uint_gt(sweep.lost, 0);
    ck_assert_uint_gt(sweep.arrived, sweep.lost);
}

TEST_TIMEOUT(60, bundled_drivers_give_the_same_trace_for_the_same_seed)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        sweep_seed(seed);
        uint64_t first = sweep.trace_hash;
        sweep_seed(seed);
        ck_assert_uint_eq(sweep.trace_hash, first);
    }
}

// With drivers that stay loaded, a seed neither sees what the seeds before it left in them, nor how many they were.
TEST_TIMEOUT(120, a_seed_gives_the_same_trace_in_images_just_loaded_and_in_images_that_ran_hundreds_of_seeds)
{
    uint64_t fresh[10];
    for (uint64_t seed = 1; seed <= 10; seed++) {
        sweep_seed(seed);
        fresh[seed - 1] = sweep.trace_hash;
    }
    sweep.images = loader_keep_create();
    for (uint64_t seed = 1; seed <= SWEEP_SEEDS / 2; seed++) {
        sweep_seed(seed);
        if (seed <= 10)
            ck_assert_uint_eq(sweep.trace_hash, fresh[seed - 1]);
    }
    for (uint64_t seed = 10; seed >= 1; seed--) {
        sweep_seed(seed);
        ck_assert_uint_eq(sweep.trace_hash, fresh[seed - 1]);
    }
    loader_keep_destroy(sweep.images);
    sweep.images = NULL;
}
