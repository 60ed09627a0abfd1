// SPDX-License-Identifier: MIT
// Spin locks of drivers: which ones a thread holds, since which handler, and by which function. Paths: a door that has taken a lock ->
// VERIFY_LOCK_TAKEN; a door that is about to release one -> VERIFY_LOCK_DROPPED: is it this thread's (NBX-0204), was it taken by the
// other half of this pair (NBX-0203); a handler's return -> verify_locks_returned: nothing of its own is held (NBX-0202).
// Each hook costs one test of a pointer with the verifier off.
#ifndef NBX_VERIFY_LOCKS_H
#define NBX_VERIFY_LOCKS_H

#include "nt/ke/ke.h"

// The pairs. What one takes the same one releases [wdm/nf-wdm-kereleasespinlockfromdpclevel], [ndis/nf-ndis-ndisdprreleasespinlock].
enum verify_lock_pair {
    VERIFY_LOCK_PLAIN,                        // raises the IRQL and restores it
    VERIFY_LOCK_DPC_LEVEL,                    // leaves it at DISPATCH_LEVEL
    VERIFY_LOCK_TRIED,                        // released by either of the two above [wdm/nf-wdm-ketrytoacquirespinlockatdpclevel]
    VERIFY_LOCK_FOR_DPC,
    VERIFY_LOCK_QUEUED,
    VERIFY_LOCK_QUEUED_DPC_LEVEL,
    VERIFY_LOCK_QUEUED_FOR_DPC
};

// function: a literal. irql: DISPATCH or above   owns: borrows lock   fails: out of memory ends the run
void verify_lock_taken(const void *lock, enum verify_lock_pair pair, const char *function);
void verify_lock_dropped(const void *lock, enum verify_lock_pair pair, const char *function);
// The handler of this crossing has returned. irql: any
void verify_locks_returned(struct ke_thread *self, const struct ke_crossing *crossing);

#define VERIFY_LOCK_TAKEN(lock, pair, name) \
    do { \
        if (__builtin_expect(box_self()->verify != NULL, 0)) \
            verify_lock_taken(lock, pair, #name); \
    } while (0)
#define VERIFY_LOCK_DROPPED(lock, pair, name) \
    do { \
        if (__builtin_expect(box_self()->verify != NULL, 0)) \
            verify_lock_dropped(lock, pair, #name); \
    } while (0)

#endif
