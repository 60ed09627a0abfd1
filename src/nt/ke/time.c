// SPDX-License-Identifier: MIT
// Letting time pass, and the resolution that drivers ask for. On sim the clock moves only when nobody can run, so a stall there is a wait
// with a deadline that nobody ends.
#include "nt/ke/time.h"

#include "nt/ke/ke_int.h"

void
ke_time_stall(struct box *box, uint64_t ns)
{
    uint64_t until_ns = sched_now_ns(box->sched) + ns;
    _Atomic uint32_t nobody = 0;
    while (sched_now_ns(box->sched) < until_ns)
        if (box->sched->is_sim)
            sched_wait(box->sched, &nobody, 0, until_ns);
}

static uint32_t
resolution_locked(struct box *box)
{
    return box->ke->resolution ? box->ke->resolution : KE_TICK_UNITS;
}

uint32_t
ke_resolution(struct box *box)
{
    ke_dispatcher_lock(box);
    uint32_t units = resolution_locked(box);
    ke_dispatcher_unlock(box);
    return units;
}

uint32_t
ke_resolution_set(struct box *box, uint32_t units)
{
    if (units < KE_TICK_UNITS_LEAST)
        units = KE_TICK_UNITS_LEAST;
    ke_dispatcher_lock(box);
    box->ke->resolution_setters++;
    if (units < resolution_locked(box))
        box->ke->resolution = units;
    units = resolution_locked(box);
    ke_dispatcher_unlock(box);
    return units;
}

uint32_t
ke_resolution_restore(struct box *box)
{
    ke_dispatcher_lock(box);
    if (box->ke->resolution_setters && !--box->ke->resolution_setters)
        box->ke->resolution = 0;
    uint32_t units = resolution_locked(box);
    ke_dispatcher_unlock(box);
    return units;
}
