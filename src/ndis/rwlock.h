// SPDX-License-Identifier: MIT
// Reader-writer locks of both generations (rwlock.c); the front doors are ddi_lock.c.
#ifndef NBX_NDIS_RWLOCK_H
#define NBX_NDIS_RWLOCK_H

#include "ndis/ndis_int.h"

// irql: DISPATCH   locks: takes lock, recursively on its processor
// fails: never; asking for write access while the processor holds read access is reported under function's name
void ndis_rw_take(NDIS_RW_LOCK *lock, bool is_write, const char *function);
void ndis_rw_drop(NDIS_RW_LOCK *lock, const char *function);
bool ndis_rw_is_held(NDIS_RW_LOCK *lock);

#endif
