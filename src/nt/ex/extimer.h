// SPDX-License-Identifier: MIT
// System-allocated timers (EX_TIMER): a KTIMER in front, so that it can be waited for, with a DPC that calls the driver's function.
#ifndef NBX_NT_EX_EXTIMER_H
#define NBX_NT_EX_EXTIMER_H

#include "nt/box.h"

// attributes: EX_TIMER_. fails: NULL. irql: <= DISPATCH.
PEX_TIMER ex_timer_create(struct box *box, PEXT_CALLBACK callback, void *context, ULONG attributes, const void *caller);
// due as for KeSetTimer; period in units of 100 ns, 0 for one shot. Returns whether it was set.
// fails: bug check 0xC7 for an absolute time of a timer of high resolution.
bool ex_timer_set(PEX_TIMER timer, LONGLONG due, LONGLONG period_units);
bool ex_timer_cancel(PEX_TIMER timer);
// cancel: take back what is set, else let it expire once more. wait: return only when it is gone (irql <= APC), else <= DISPATCH and a
// worker does the rest. Returns whether it was cancelled. owns: takes the timer. fails: bug check 0xC7 for wait without cancel.
bool ex_timer_delete(PEX_TIMER timer, bool cancel, bool wait, PEXT_DELETE_CALLBACK on_deleted, void *context);

#endif
