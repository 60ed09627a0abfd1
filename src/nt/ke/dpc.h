// SPDX-License-Identifier: MIT
// Deferred procedure calls: one queue per processor, drained by whoever owns the processor when it lowers below DISPATCH, or by the
// processor's idle thread when nobody owns it. The queueing call never runs the routine itself (docs/irql.md says why).
#ifndef NBX_NT_KE_DPC_H
#define NBX_NT_KE_DPC_H

#include "nt/ke/ke.h"

// Bits of ke_processor.dpc_pending.
#define KE_PENDING_DPC 1u        // the owner has to drain before and after it lowers
#define KE_PENDING_THREADED 2u   // the idle thread has threaded DPCs to run at PASSIVE
#define KE_PENDING_STOP 4u       // the idle thread ends

// KDPC.Number: 0 for "the processor of the caller", else this plus the number.
#define KE_DPC_TARGET_BASE 0x800

void ke_dpc_init(KDPC *dpc, PKDEFERRED_ROUTINE routine, void *context, bool threaded);
// irql: any. fails: false when it is queued already (nothing changes then).
bool ke_dpc_queue(KDPC *dpc, void *argument1, void *argument2);
// The same as if called on processor `here`, without a choice point. locks: the dispatcher lock may be held.
bool ke_dpc_queue_from(KDPC *dpc, struct ke_processor *here, void *argument1, void *argument2);
// fails: false when it was not queued (it may be running).
bool ke_dpc_remove(KDPC *dpc);
// One that is queued and lies in the range of addresses, or whose routine does; NULL: none. take: it is no longer queued.
KDPC *ke_dpc_in_range(struct box *box, const void *base, size_t bytes, bool by_routine, bool take);
// Returns when every DPC queued before has run to its end. irql: PASSIVE.
void ke_dpc_flush(struct box *box);

// For processor.c. irql: DISPATCH on this processor. calls: DPC routines.
void ke_dpc_drain(struct ke_thread *self, struct ke_processor *processor);

int ke_dpc_processor_create(struct ke_processor *processor);
int ke_dpc_idle_start(struct ke_processor *processor);
void ke_dpc_idle_stop(struct ke_processor *processor);
void ke_dpc_processor_destroy(struct ke_processor *processor);

#endif
