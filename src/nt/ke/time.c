// SPDX-License-Identifier: MIT
// Letting time pass. On sim the clock moves only when nobody can run, so a stall there is a wait with a deadline that nobody ends.
#include "nt/ke/time.h"

void
ke_time_stall(struct box *box, uint64_t ns)
{
    uint64_t until_ns = sched_now_ns(box->sched) + ns;
    _Atomic uint32_t nobody = 0;
    while (sched_now_ns(box->sched) < until_ns)
        if (box->sched->is_sim)
            sched_wait(box->sched, &nobody, 0, until_ns);
}
