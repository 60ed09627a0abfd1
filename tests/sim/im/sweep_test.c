// SPDX-License-Identifier: MIT
// passthru under a thousand schedules: two boxes on a lossy wire, one behind an intermediate driver, the other behind two of them, one on
// the other; virtual NICs that complete in random order; each stack of each pair is paused, reset and asked while frames fly, the adapter
// below sleeps and wakes, the filter on the highest virtual miniport comes and goes, a virtual miniport or the adapter below is removed in
// mid traffic. Every seed must come down clean, and over the sweep everything on the list must have happened.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
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
                                  "        intermediates: [passthru]\n"
                                  "        filters: [lwfmon]\n"
                                  "        idle: ok\n"
                                  "  beta:\n"
                                  "    processors: 2\n"
                                  "    drivers: { outer: { path: " NBX_DRIVER_DIR "/passthru.so } }\n"
                                  "    adapters:\n"
                                  "      nic0:\n"
                                  "        driver: vnic\n"
                                  "        port: wire:lan\n"
                                  "        settings: { CompletionOrder: random }\n"
                                  "        filters: [lwfmon]\n"
                                  "        idle: ok\n"
                                  "      v0:\n"
                                  "        driver: passthru\n"
                                  "        above: nic0\n"
                                  "        idle: ok\n"
                                  "      v1:\n"
                                  "        driver: outer\n"
                                  "        above: v0\n"
                                  "        filters: [lwfmon]\n"
                                  "        protocols: [echoproto]\n"
                                  "        idle: ok\n"
                                  "wires:\n"
                                  "  lan: { delay: 30us, jitter: 20us, loss: 2%, reorder: 3%, duplicate: 2% }\n";

enum act {
    ACT_PAUSE_LOWER,
    ACT_PAUSE_UPPER,
    ACT_FILTER,
    ACT_RESET,
    ACT_QUERY,
    ACT_SLEEP_LOWER,
    ACT_REMOVE_LOWER,
    ACT_REMOVE_UPPER,
    ACT_COUNT
};

struct sweep {
    uint64_t seed, trace_hash;
    struct sched *sched;
    struct stack *stack;
    uint64_t events[NDIS_EVENT_COUNT];        // over all seeds
    uint64_t acts[ACT_COUNT], arrived, order_draws;
    uint32_t findings;
};

static struct sweep sweep;

static bool
sweep_driver_path(const struct stack_driver *driver, char *path, size_t bytes)
{
    const char *name = strcmp(driver->name, "outer") ? driver->name : "passthru";
    return (size_t)snprintf(path, bytes, "%s/%s.so", NBX_DRIVER_DIR, name) < bytes;
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

// Adapter 0 is the real one of each box, those after it virtual miniports, each on the one before.
static struct world_adapter *
sweep_top(struct world_box *box)
{
    return &box->adapters[box->stack->adapter_count - 1];
}

static void
sweep_traffic(void *arg)
{
    struct world *world = arg;
    struct traffic_result result;
    traffic_send(world, sweep_top(&world->boxes[0]), sweep_top(&world->boxes[1]), 300, 60, 1500, 400000000, &result);
    sweep.arrived += result.received;
}

static void
sweep_pause(struct ndis_adapter *adapter)
{
    ndis_adapter_pause(adapter);
    ck_assert_int_eq(ndis_adapter_restart(adapter), NDIS_STATUS_SUCCESS);
}

static void
sweep_disturb(void *arg)
{
    struct world_box *box = arg;
    struct ndis_adapter *lower = box->adapters[0].ndis, *upper = sweep_top(box)->ndis;
    uint32_t virtuals = (uint32_t)box->stack->adapter_count - 1;
    NDIS_STATISTICS_INFO info = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_STATISTICS_INFO_REVISION_1, NDIS_SIZEOF_STATISTICS_INFO_REVISION_1}};
    uint32_t done;
    enum act act = (enum act)sched_draw(sweep.sched, SCHED_DRAW_FAULT, ACT_REMOVE_LOWER);
    sweep.acts[act]++;
    switch (act) {
    case ACT_PAUSE_LOWER:
        sweep_pause(lower);
        break;
    case ACT_PAUSE_UPPER:
        sweep_pause(box->adapters[1 + sched_draw(sweep.sched, SCHED_DRAW_FAULT, virtuals)].ndis);
        break;
    case ACT_FILTER:
        ck_assert_int_eq(ndis_adapter_detach_filter(upper, "lwfmon"), NDIS_STATUS_SUCCESS);
        ck_assert_int_eq(ndis_adapter_attach_filter(upper, "lwfmon"), NDIS_STATUS_SUCCESS);
        break;
    case ACT_RESET:
        ck_assert_int_eq(ndis_adapter_reset(lower), NDIS_STATUS_SUCCESS);
        break;
    case ACT_SLEEP_LOWER:                     // the virtual miniport runs on; NetEventSetPower tells passthru that nobody can be asked
        ck_assert_int_eq(ndis_adapter_power(lower, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
        ck_assert(ndis_adapter_is_running(upper));
        ck_assert_int_eq(ndis_adapter_oid(upper, NdisRequestQueryInformation, OID_GEN_STATISTICS, &info, sizeof info, &done),
                         NDIS_STATUS_ADAPTER_NOT_READY);
        ck_assert_int_eq(ndis_adapter_power(lower, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
        ck_assert_int_eq(ndis_adapter_oid(upper, NdisRequestQueryInformation, OID_GEN_STATISTICS, &info, sizeof info, &done),
                         NDIS_STATUS_SUCCESS);
        break;
    default:
        ck_assert_int_eq(ndis_adapter_oid(upper, NdisRequestQueryInformation, OID_GEN_STATISTICS, &info, sizeof info, &done),
                         NDIS_STATUS_SUCCESS);
        break;
    }
}

static void
sweep_remove(void *arg)
{
    struct world_box *box = arg;
    uint64_t which = sched_draw(sweep.sched, SCHED_DRAW_FAULT, box->stack->adapter_count);
    sweep.acts[which ? ACT_REMOVE_UPPER : ACT_REMOVE_LOWER]++;
    ndis_adapter_remove(box->adapters[which].ndis);
    box->adapters[which].ndis = NULL;
    for (uint64_t i = which; i < box->stack->adapter_count; i++)
        ck_assert_ptr_null(box->adapters[i].ndis);   // the driver takes down what is above when what is below goes
}

static void
sweep_main(void *arg)
{
    struct world_config config = {.sched = sweep.sched,
                                  .stack = sweep.stack,
                                  .driver_path = sweep_driver_path,
                                  .on_message = sweep_message,
                                  .on_finding = sweep_finding,
                                  .verify = VERIFY_ON};
    struct world *world = world_create(&config);
    struct sched_thread *sender;
    _Atomic uint32_t never = 0;
    ck_assert_int_eq(world_build(world), WORLD_OK);
    ck_assert(traffic_bind(world, sweep_top(&world->boxes[0])));
    ck_assert(traffic_bind(world, sweep_top(&world->boxes[1])));
    ck_assert_int_eq(sched_thread_start(sweep.sched, "sender", sweep_traffic, world, NULL, &sender), 0);
    for (int i = 0; i < 6; i++) {
        sched_wait(sweep.sched, &never, 0, sched_now_ns(sweep.sched) + sched_draw(sweep.sched, SCHED_DRAW_FAULT, 60000));
        struct world_box *box = &world->boxes[i % 2];
        ck_assert_int_eq(box_run(box->box, sweep_disturb, box), 0);
    }
    if (sweep.seed % 3 == 0)
        ck_assert_int_eq(box_run(world->boxes[1].box, sweep_remove, &world->boxes[1]), 0);
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

TEST_TIMEOUT(240, passthru_comes_down_clean_under_a_thousand_schedules_and_everything_listed_has_happened)
{
    static const char *const words[ACT_COUNT] = {"pause below", "pause above", "filter above comes and goes", "reset below",
                                                 "query through", "sleep and wake below",
                                                 "adapter below removed", "virtual miniport removed"};
    static const enum ndis_event listed[] = {NDIS_EVENT_PAUSE_IN_FLIGHT, NDIS_EVENT_SEND_REFUSED, NDIS_EVENT_SHARED_RECEIVE,
                                            NDIS_EVENT_RESET};
    for (uint64_t seed = 1; seed <= SWEEP_SEEDS; seed++)
        sweep_seed(seed);
    ck_assert_uint_eq(sweep.findings, 0);
    for (int i = 0; i < NDIS_EVENT_COUNT; i++)
        printf("%-32s %12llu\n", ndis_event_word(i), (unsigned long long)sweep.events[i]);
    for (int i = 0; i < ACT_COUNT; i++) {
        printf("%-32s %12llu\n", words[i], (unsigned long long)sweep.acts[i]);
        ck_assert_msg(sweep.acts[i] > 0, "never happened: %s", words[i]);
    }
    printf("%-32s %12llu\n", "frames arrived", (unsigned long long)sweep.arrived);
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++)
        ck_assert_msg(sweep.events[listed[i]] > 0, "never happened: %s", ndis_event_word(listed[i]));
    ck_assert_uint_gt(sweep.order_draws, 0);
    ck_assert_uint_gt(sweep.arrived, 10 * SWEEP_SEEDS);
}

TEST_TIMEOUT(60, passthru_gives_the_same_trace_for_the_same_seed)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        sweep_seed(seed);
        uint64_t first = sweep.trace_hash;
        sweep_seed(seed);
        ck_assert_uint_eq(sweep.trace_hash, first);
    }
}
