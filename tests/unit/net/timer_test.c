// SPDX-License-Identifier: MIT
// The timers' heap beside the plain definition: whatever is armed, moved and cancelled, the earliest comes first, equals in order.
#include "engine/timer.h"
#include "harness/harness.h"

#define TIMERS 200

TEST(timers_fire_in_order_whatever_was_armed_moved_and_cancelled)
{
    static struct timer timers[TIMERS];
    struct timer_heap heap = {0};
    uint64_t state = 88172645463325252u;
    for (unsigned step = 0; step < 20000; step++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        struct timer *timer = &timers[state % TIMERS];
        if (state >> 32 & 1)
            timer_arm(&heap, timer, state >> 40 & 63);
        else
            timer_cancel(&heap, timer);
        struct timer *first = NULL;
        for (unsigned i = 0; i < TIMERS; i++)
            if (timers[i].is_armed && (!first || timers[i].at_us < first->at_us ||
                                       (timers[i].at_us == first->at_us && timers[i].sequence < first->sequence)))
                first = &timers[i];
        ck_assert_ptr_eq(heap.first, first);
    }
}
