// SPDX-License-Identifier: MIT
// The stack's tests again, on OS threads: real parallelism for the sanitizers, above all the thread sanitizer.
#define KIT_THREADS
#include "../ndis/stack_test.c"

static void
opens_in_turn(void)
{
    kit_start(false, 4);
    for (uint32_t i = 0; i < 4; i++)
        ck_assert_uint_eq(kit.binding[i].opens_pended, i % 2 == 0);
}

TEST(NdisOpenAdapterEx_on_threads_pends_the_first_time_and_every_second_one_after_it)
{
    kit_run(1, opens_in_turn);
}
