// SPDX-License-Identifier: MIT
// A thousand seeds of connect, transfer and disconnect over TCP (sweep.h), in plenty and in want of memory. On OS threads a few.
#include "sweep.h"

#ifndef TK_THREADS
TEST_TIMEOUT(3600, a_thousand_seeds_of_connect_transfer_and_disconnect_over_TCP_are_clean)
{
    unsigned long long first, last;
    seeds_asked(SHARE, &first, &last);
    sweep(first, last, NULL);
    fprintf(stderr, "  seeds %llu to %llu, %llu connections begun\n", first, last, (unsigned long long)sum.rounds);
    if (last - first + 1 >= SHARE)
        counts_print(last - first + 1 >= 1000);
}

// Each allocation of the transport fails with one chance in ten. Requests may say so; what was accepted is still exact.
TEST_TIMEOUT(3600, the_same_is_clean_when_memory_is_short)
{
    unsigned long long first, last;
    seeds_asked(SHARE / 2, &first, &last);
    is_short = true;
    sweep(first, last, NULL);
    never_zero("allocations refused", sum.refused_memory);
    never_zero("both released: every byte arrived", sum.whole);
    never_zero("ended otherwise", sum.cut);
}
#else
TEST_TIMEOUT(600, connect_transfer_and_disconnect_over_TCP_on_OS_threads_are_clean)
{
    tn_net.nic = "CompletionOrder: random";
    unsigned long long first, last;
    seeds_asked(SEEDS, &first, &last);
    for (uint64_t seed = first; seed <= last; seed++)
        tn_run("threads", one_seed, seed % 2 ? TN_TWO6 : TN_TWO4, seed, 1);
    ck_assert_uint_eq(sum.rounds, (last - first + 1) * ROUNDS * LINES);
    ck_assert_uint_gt(sum.whole, 0);
    ck_assert_uint_gt(sum.bytes, 0);
}
#endif
