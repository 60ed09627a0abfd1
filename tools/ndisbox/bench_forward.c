// SPDX-License-Identifier: MIT
// bench nbl-forward: 64-byte frames, virtual NIC on a generating sink, up through NDIS to echoproto, which sends them back, completions
// and returns included; one processor, verifier off; as with the peer, nobody writes into the frames.
// bench nbl-verified: the same with the verifier on, beside it off.
//   forward_rate    a world of one box on the threads scheduler; frames sent between two looks at the adapter's counters
//   forward_theirs  dpdk-testpmd --forward-mode=io over two net_null devices (Debian: dpdk-dev librte-net-null23
//                   librte-mempool-ring23), received frames of both ports summed, mean of its seconds without the first
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_int.h"
#include "nbx/world.h"
#include "ndis/ndis.h"
#include "out.h"
#include "run.h"
#include "run_int.h"
#include "tool.h"

#define BENCH_WARM_NS 300000000u

// ---- ours ------------------------------------------------------------------------------------------------------------------

static const char forward_stack[] = "ndisbox: 1\n"
                                    "boxes:\n"
                                    "  bench:\n"
                                    "    processors: 1\n"
                                    "    adapters:\n"
                                    "      nic0:\n"
                                    "        driver: vnic\n"
                                    "        port: \"sink:generate=64,to=02:6e:62:00:00:02\"\n"
                                    "        protocols: [{ echoproto: { SwapMac: 0 } }]\n";

struct forward {
    const struct stack *stack;
    const struct run_options *options;
    struct sched *sched;
    struct run run;
    enum verify_mode verify;
    uint64_t frames, elapsed_ns;
    bool ok;
};

static void
forward_count(void *arg)
{
    struct forward *forward = arg;
    struct ndis_edge edge;
    struct world_box *box = &forward->run.world->boxes[0];
    forward->frames = ndis_adapter_edges(box->adapters[0].ndis, &edge, 1) ? edge.sent_nbls : 0;
}

static uint64_t
forward_look(struct forward *forward)
{
    box_run(forward->run.world->boxes[0].box, forward_count, forward);
    return forward->frames;
}

static void
forward_sleep(struct forward *forward, uint64_t ns)
{
    _Atomic uint32_t never = 0;
    sched_wait(forward->sched, &never, 0, sched_now_ns(forward->sched) + ns);
}

static void
forward_main(void *arg)
{
    struct forward *forward = arg;
    struct world_config config = {.sched = forward->sched,
                                  .stack = forward->stack,
                                  .driver_path = source_driver_path,
                                  .on_message = run_on_message,
                                  .on_finding = run_on_finding,
                                  .context = &forward->run,
                                  .verify = forward->verify};
    forward->run.world = world_create(&config);
    if (!forward->run.world)
        return;
    if (world_build(forward->run.world) == WORLD_OK) {
        forward_sleep(forward, BENCH_WARM_NS);
        uint64_t frames = forward_look(forward), start = sched_now_ns(forward->sched);
        forward_sleep(forward, forward->options->for_ns);
        uint64_t end = forward_look(forward);
        forward->elapsed_ns = sched_now_ns(forward->sched) - start;
        forward->frames = end - frames;
        forward->ok = true;
    }
    world_teardown(forward->run.world);
    world_destroy(forward->run.world);
}

static double
forward_rate(const struct run_options *options, enum verify_mode verify)
{
    struct stack_report report = {0};
    struct stack_source source = {.name = "<nbl-forward>"};
    struct stack *stack = stack_read(&source, forward_stack, sizeof forward_stack - 1, &report);
    for (size_t i = 0; i < report.count; i++)
        out_diagnostic(report.lines[i]);
    stack_report_clear(&report);
    if (!stack)
        return -1;
    struct forward forward = {.stack = stack, .options = options, .verify = verify};
    if (run_allocate(&forward.run, stack, options) && (forward.sched = sched_threads_create(1))) {
        sched_run(forward.sched, "bench", forward_main, &forward, NULL);
        sched_destroy(forward.sched);
    }
    run_clear(&forward.run);
    stack_destroy(stack);
    return forward.ok && forward.elapsed_ns ? (double)forward.frames * 1e9 / (double)forward.elapsed_ns : -1;
}

double
forward_ours(const struct run_options *options)
{
    return forward_rate(options, VERIFY_OFF);
}

double
forward_verified(const struct run_options *options)
{
    return forward_rate(options, VERIFY_ON);
}

// ---- testpmd ------------------------------------------------------------------------------------------------------------------------

// It prints the statistics of both ports once a second; a port's first line counts from its start and is left out.
struct testpmd {
    int port;
    unsigned wanted, seen[2];
    double rate[2];                           // sums of all but the first
};

static bool
testpmd_line(void *context, const char *line)
{
    struct testpmd *testpmd = context;
    const char *at = strstr(line, "statistics for port ");
    if (at)
        testpmd->port = atoi(at + 20) ? 1 : 0;
    at = strstr(line, "Rx-pps:");
    if (!at || strtod(at + 7, NULL) <= 0)
        return false;
    if (testpmd->seen[testpmd->port]++)
        testpmd->rate[testpmd->port] += strtod(at + 7, NULL);
    return testpmd->seen[0] > testpmd->wanted && testpmd->seen[1] > testpmd->wanted;
}

double
forward_theirs(const struct run_options *options)
{
    static const char program[] = "/usr/bin/dpdk-testpmd";
    char *argv[] = {(char *)program, "--no-huge", "-m", "1024", "--no-pci",
                    "--no-shconf", "--vdev=net_null0", "--vdev=net_null1", "-l", "0,1",
                    "--", "--forward-mode=io", "--nb-cores=1", "--total-num-mbufs=16384", "--stats-period",
                    "1", NULL};
    unsigned seconds = (unsigned)(options->for_ns / 1000000000u);
    struct testpmd testpmd = {.wanted = seconds ? seconds : 1};
    if (access(program, X_OK)) {
        out_note("dpdk-testpmd is not installed: no peer (apt-get install dpdk-dev librte-net-null23 librte-mempool-ring23)");
        return -1;
    }
    int failed = peer_run(argv, (testpmd.wanted + 15) * 1000, PEER_GRACE_MS, testpmd_line, &testpmd, NULL);
    if (failed || testpmd.seen[0] < 2 || testpmd.seen[1] < 2) {
        out_note("dpdk-testpmd gave no figure%s%s", failed ? ": " : "", failed ? strerror(-failed) : "");
        return -1;
    }
    return testpmd.rate[0] / (testpmd.seen[0] - 1) + testpmd.rate[1] / (testpmd.seen[1] - 1);
}
