// SPDX-License-Identifier: MIT
// KTIMERs: one heap and one thread per box. A timer that comes due is signalled and its DPC queued on the processor where it was set
// (or the DPC's own target). The heap's node lies in KTIMER from DueTime to the end of TimerListEntry.
#ifndef NBX_NT_KE_TIMER_H
#define NBX_NT_KE_TIMER_H

#include "nt/ke/ke.h"

void ke_timer_init(KTIMER *timer, TIMER_TYPE type);
// Set or set again. due: negative relative, positive system time, 0 at once; period_ms 0: one shot. irql: <= DISPATCH.
// Returns whether it was already set.
bool ke_timer_set(KTIMER *timer, LARGE_INTEGER due, uint32_t period_ms, KDPC *dpc);
// Same with scheduler time and a period in units of 100 ns; for ExSetTimer, whose periods are not whole milliseconds.
bool ke_timer_set_at(KTIMER *timer, uint64_t due_ns, uint64_t period_units, KDPC *dpc);
// Returns whether it was set. Its DPC may be queued or running still.
bool ke_timer_cancel(KTIMER *timer);
// Code from base on goes away: take back every timer whose DPC routine lies there and count each as a leftover of `who`.
// Returns how many. irql: PASSIVE.
uint32_t ke_timers_reclaim(struct box *box, const void *base, size_t bytes, const char *who);
// Take it back if it is set; it may be gone altogether, for only its address is looked at until it is found to be set.
bool ke_timer_take(struct box *box, const KTIMER *timer);
// Let it expire once more if it is set, and return when it has; a period ends. Nobody may set it meanwhile. irql: <= APC.
void ke_timer_wait_unset(KTIMER *timer);

#endif
