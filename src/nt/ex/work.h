// SPDX-License-Identifier: MIT
// Worker threads for drivers' work items (ExQueueWorkItem here, IoQueueWorkItem in io). The item is the caller's and may be freed or
// queued again by its own routine. Items start in the order of queueing, critical ones first; several run at once.
#ifndef NBX_NT_EX_WORK_H
#define NBX_NT_EX_WORK_H

#include "nt/box.h"

// irql: <= DISPATCH. owns: lends item to the queue until its routine starts. An item that is queued already is bug check 0xE4.
void ex_work_queue(struct box *box, WORK_QUEUE_ITEM *item, WORK_QUEUE_TYPE type);
// One that is queued and lies in the range of addresses, or whose routine does, taken out of its queue; NULL: none.
WORK_QUEUE_ITEM *ex_work_take_in_range(struct box *box, const void *base, size_t bytes, bool by_routine);
static inline void
ex_work_init(WORK_QUEUE_ITEM *item, PWORKER_THREAD_ROUTINE routine, void *parameter)
{
    ExInitializeWorkItem(item, routine, parameter);
}

#endif
