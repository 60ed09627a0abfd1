// SPDX-License-Identifier: MIT
// How many lives of an adapter the seeded scheduler runs in a second of processor time, verifier on as for users; beside it the same on
// threads, where waiting takes time: that is why a sweep is worth having.
//   sim            attach, 1,000 NET_BUFFER_LISTs (500 sent and received, with a filter between), OIDs, pause, restart, detach, unload
//   sim-lifecycle  examples/lifecycle.yaml, compiled in: 3,400 NET_BUFFER_LISTs (1,000 frames, their echoes and loopback copies), more
//                  OIDs, and besides reset, sleep, link, removal
//   sim-minute     a minute of two boxes with nothing to do, in processor time: what a long timeout costs
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench_int.h"
#include "lifecycle_stack.h"
#include "host/pages.h"
#include "loader/keep.h"
#include "out.h"
#include "run_int.h"

static const char minute_stack[] = "ndisbox: 1\n"
                                   "boxes:\n"
                                   "  alpha:\n"
                                   "    processors: 2\n"
                                   "    adapters:\n"
                                   "      nic0: { driver: vnic, port: \"wire:lan\", filters: [lwfmon], protocols: [echoproto], idle: ok }\n"
                                   "  beta:\n"
                                   "    adapters: { nic0: { driver: vnic, port: \"wire:lan\", idle: ok } }\n"
                                   "wires: { lan: { rate: 1Gbit, delay: 20us } }\n"
                                   "script:\n"
                                   "  - wait: { for: 60s }\n"
                                   "  - expect: { findings: 0 }\n";

static const char short_stack[] = "ndisbox: 1\n"
                                  "boxes:\n"
                                  "  alpha:\n"
                                  "    adapters: { nic0: { driver: vnic, port: \"wire:lan\", filters: [lwfmon] } }\n"
                                  "  beta:\n"
                                  "    adapters: { nic0: { driver: vnic, port: \"wire:lan\" } }\n"
                                  "wires: { lan: { rate: 1Gbit, delay: 20us } }\n"
                                  "script:\n"
                                  "  - wait: { adapter: alpha.nic0, state: running, within: 5s }\n"
                                  "  - traffic: { from: alpha.nic0, to: beta.nic0, frames: 250, sizes: 64..1514 }\n"
                                  "  - traffic: { from: beta.nic0, to: alpha.nic0, frames: 250, sizes: 64..1514 }\n"
                                  "  - oid: { adapter: alpha.nic0, query: OID_GEN_STATISTICS, expect: NDIS_STATUS_SUCCESS }\n"
                                  "  - oid: { adapter: alpha.nic0, query: OID_802_3_CURRENT_ADDRESS, expect: NDIS_STATUS_SUCCESS }\n"
                                  "  - oid: { adapter: alpha.nic0, query: OID_GEN_SUPPORTED_LIST }\n"
                                  "  - oid: { adapter: alpha.nic0, query: OID_GEN_MAXIMUM_FRAME_SIZE }\n"
                                  "  - do: { adapter: alpha.nic0, action: pause }\n"
                                  "  - wait: { adapter: alpha.nic0, state: paused, within: 5s }\n"
                                  "  - do: { adapter: alpha.nic0, action: restart }\n"
                                  "  - wait: { adapter: alpha.nic0, state: running, within: 5s }\n"
                                  "  - do: { adapter: alpha.nic0, action: detach, filter: lwfmon }\n"
                                  "  - do: { adapter: alpha.nic0, action: remove }\n"
                                  "  - wait: { adapter: alpha.nic0, state: removed, within: 5s }\n"
                                  "  - expect: { findings: 0 }\n";

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct stack *
bench_stack(const char *name, const char *text, size_t bytes)
{
    struct stack_report report = {0};
    struct stack_source source = {.name = name};
    struct stack *stack = stack_read(&source, text, bytes, &report);
    for (size_t i = 0; i < report.count; i++)
        out_diagnostic(report.lines[i]);
    stack_report_clear(&report);
    return stack;
}

// Seeds a second of processor time. fails: negative.
static double
seeds_rate(const struct stack *stack, const struct run_options *options)
{
    struct run_options silent = *options;
    struct seed_job job = {.stack = stack, .options = &silent, .images = loader_keep_create(), .pages = pages_create()};
    uint64_t seeds = 0, start = 0, now = 0;
    bool ok = job.images && job.pages;
    silent.quiet = true;
    silent.verify = RUN_VERIFY_ON;
    seeds_heap();
    for (uint64_t seed = 0; ok && (!seeds || now - start < options->for_ns); seed++) {
        struct seed_result result = {0};
        ok = seed_run(&job, &(struct sim_config){.seed = seed}, NULL, &result) && !result.findings;
        now = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        if (seed)
            seeds++;
        else
            start = now;                      // the first one loads the drivers
    }
    if (!ok)
        out_error("bench: a seed had findings, so there is no figure");
    if (job.images)
        loader_keep_destroy(job.images);
    if (job.pages)
        pages_destroy(job.pages);
    return ok ? (double)seeds * 1e9 / (double)(now - start) : -1;
}

static double
stack_rate(const char *name, const char *text, size_t bytes, const struct run_options *options)
{
    struct stack *stack = bench_stack(name, text, bytes);
    double rate = stack ? seeds_rate(stack, options) : -1;
    if (stack)
        stack_destroy(stack);
    return rate;
}

double
sim_ours(const struct run_options *options)
{
    return stack_rate("<short>", short_stack, sizeof short_stack - 1, options);
}

double
sim_lifecycle_ours(const struct run_options *options)
{
    return stack_rate("<lifecycle>", lifecycle_stack, sizeof lifecycle_stack, options);
}

double
sim_minutes(const struct run_options *options)
{
    return stack_rate("<minute>", minute_stack, sizeof minute_stack - 1, options);
}

static bool
threads_once(const struct stack *stack, const struct run_options *options)
{
    struct run run;
    bool ok = run_allocate(&run, stack, options) && (run.sched = sched_threads_create(1));
    if (ok) {
        sched_run(run.sched, "bench", run_main, &run, NULL);
        ok = run.result == WORLD_OK && !run.findings;
        sched_destroy(run.sched);
    }
    run_clear(&run);
    return ok;
}

static double
threads_rate(const char *name, const char *text, size_t bytes, const struct run_options *options)
{
    struct stack *stack = bench_stack(name, text, bytes);
    struct run_options silent = *options;
    uint64_t runs = 0, start = clock_ns(CLOCK_MONOTONIC), now = start;
    bool ok = stack != NULL;
    silent.quiet = true;
    silent.verify = RUN_VERIFY_ON;
    silent.for_ns = 0;
    while (ok && now - start < options->for_ns) {
        ok = threads_once(stack, &silent);
        now = clock_ns(CLOCK_MONOTONIC);
        runs++;
    }
    if (stack)
        stack_destroy(stack);
    return ok && runs ? (double)runs * 1e9 / (double)(now - start) : -1;
}

double
sim_theirs(const struct run_options *options)
{
    return threads_rate("<short>", short_stack, sizeof short_stack - 1, options);
}

double
sim_lifecycle_theirs(const struct run_options *options)
{
    return threads_rate("<lifecycle>", lifecycle_stack, sizeof lifecycle_stack, options);
}
