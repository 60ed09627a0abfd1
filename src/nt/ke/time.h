// SPDX-License-Identifier: MIT
// Windows' clocks from the scheduler's. Units of 100 ns unless a name says otherwise.
#ifndef NBX_NT_KE_TIME_H
#define NBX_NT_KE_TIME_H

#include "nt/box.h"

// 15.625 ms, the clock tick of a Windows PC, in units of 100 ns.
#define KE_TICK_UNITS 156250u
#define KE_TICK_UNITS_LEAST 5000u
// From 1601-01-01 to 1970-01-01.
#define KE_UNITS_1601_TO_1970 UINT64_C(116444736000000000)

static inline uint64_t
ke_time_system(struct box *box)
{
    return sched_unix_ns(box->sched) / 100 + KE_UNITS_1601_TO_1970;
}

static inline uint64_t
ke_time_interrupt(struct box *box)
{
    return sched_now_ns(box->sched) / 100;
}

// Let time pass without giving up the processor: spins on threads, moves the virtual clock on sim. irql: any.
void ke_time_stall(struct box *box, uint64_t ns);

// The interval of the clock's ticks that drivers have asked for, KE_TICK_UNITS if none has. What is longer than it is changes nothing; the
// default comes back when as many have restored it as have set one. locks: takes the dispatcher's. irql: <= APC.
// [wdm/nf-wdm-exsettimerresolution]
uint32_t ke_resolution(struct box *box);
uint32_t ke_resolution_set(struct box *box, uint32_t units);
uint32_t ke_resolution_restore(struct box *box);

#endif
