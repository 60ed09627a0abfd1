// SPDX-License-Identifier: MIT
// The sweep of tests/sim/chimney on OS threads and in real time: hand-overs while clients on two processors send, receive and disconnect,
// over no passthru and over one. What the seeded scheduler cannot show, a data race, the thread sanitizer can.
#define TK_THREADS
#define TN_SHUFFLE
#include "../../sim/tcpip/sweep.h"

static void
run(uint64_t seed, unsigned storeys)
{
    tn_net.storeys = storeys;
    tn_run("threads", one_seed, seed % 2 ? TN_TWO6 : TN_TWO4, seed, 1);
}

// Without NBX_SEEDS some that do not sit out long timeouts.
TEST_TIMEOUT(600, connections_that_come_and_go_on_OS_threads_are_clean)
{
    static const uint64_t quick[] = {0, 1, 3, 5};
    unsigned long long first, last;
    tn_net.nic = "CompletionOrder: random";
    seeds_asked(SEEDS, &first, &last);
    for (uint64_t seed = first; getenv("NBX_SEEDS") && seed <= last; seed++)
        run(seed, seed / 2 % 2);
    for (unsigned i = 0; !getenv("NBX_SEEDS") && i < ARRAYSIZE(quick); i++)
        run(quick[i], i % 2);
    ck_assert_uint_gt(sum.bytes, 0);
    ck_assert_uint_gt(tn_shuffled.offloads, 0);
}
