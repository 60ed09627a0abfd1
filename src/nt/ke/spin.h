// SPDX-License-Identifier: MIT
// KSPIN_LOCK and EX_SPIN_LOCK. A KSPIN_LOCK's low half is a lock word (word.h), its high half the number of the thread that holds it,
// so that taking it twice is reported instead of hanging.
#ifndef NBX_NT_KE_SPIN_H
#define NBX_NT_KE_SPIN_H

#include "nt/ke/ke.h"

// irql: DISPATCH or above.
void ke_spin_take(KSPIN_LOCK *lock);
bool ke_spin_try(KSPIN_LOCK *lock);
void ke_spin_drop(KSPIN_LOCK *lock);
bool ke_spin_is_free(KSPIN_LOCK *lock);

// Readers and writers; a waiting writer keeps new readers out. irql: DISPATCH or above.
void ke_rw_take_shared(EX_SPIN_LOCK *lock);
void ke_rw_drop_shared(EX_SPIN_LOCK *lock);
void ke_rw_take_exclusive(EX_SPIN_LOCK *lock);
void ke_rw_drop_exclusive(EX_SPIN_LOCK *lock);
// From the only reader to writer. fails: false, still shared.
bool ke_rw_try_upgrade(EX_SPIN_LOCK *lock);

#endif
