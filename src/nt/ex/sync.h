// SPDX-License-Identifier: MIT
// The executive's own locks, made of words (ke/word.h): fast mutexes, push locks, rundown protection.
#ifndef NBX_NT_EX_SYNC_H
#define NBX_NT_EX_SYNC_H

#include "nt/box.h"

// Fast and guarded mutexes: the lock bit is set while free; not recursive. irql: <= APC.
void ex_fast_mutex_take(FAST_MUTEX *mutex);
bool ex_fast_mutex_try(FAST_MUTEX *mutex);
void ex_fast_mutex_drop(FAST_MUTEX *mutex);

// Push locks: many readers or one writer; a waiting writer keeps new readers out. irql: <= APC, in a critical region.
void ex_push_lock_take(EX_PUSH_LOCK *lock, bool exclusive);
void ex_push_lock_drop(EX_PUSH_LOCK *lock, bool exclusive);

// Rundown protection. irql: <= DISPATCH, wait <= APC.
bool ex_rundown_enter(EX_RUNDOWN_REF *ref, ULONG count);
void ex_rundown_leave(EX_RUNDOWN_REF *ref, ULONG count);
void ex_rundown_wait(EX_RUNDOWN_REF *ref);

#endif
