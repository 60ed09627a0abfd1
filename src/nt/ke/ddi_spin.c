// SPDX-License-Identifier: MIT
// Front doors: spin locks, plain and queued. A queued lock uses the same word; its handle carries the lock and the old level.
// [wdm/nf-wdm-keacquirespinlock], [wdm/nf-wdm-keacquireinstackqueuedspinlock]
#include "nt/ke/ke.h"
#include "nt/ke/spin.h"
#include "verify/locks.h"
#include "verify/order.h"
#include "verify/verify.h"

NTAPI KIRQL
KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK SpinLock)
{
    VERIFY_ENTER(KeAcquireSpinLockRaiseToDpc);
    KIRQL old = ke_raise_dispatch(ke_self());
    VERIFY_LOCK_WANTED(SpinLock, KeAcquireSpinLockRaiseToDpc);
    ke_spin_take(SpinLock);
    VERIFY_LOCK_TAKEN(SpinLock, VERIFY_LOCK_PLAIN, KeAcquireSpinLockRaiseToDpc);
    VERIFY_LEAVE(KeAcquireSpinLockRaiseToDpc);
    return old;
}

NTAPI VOID
KeReleaseSpinLock(PKSPIN_LOCK SpinLock, KIRQL NewIrql)
{
    VERIFY_ENTER(KeReleaseSpinLock);
    VERIFY_LOCK_DROPPED(SpinLock, VERIFY_LOCK_PLAIN, KeReleaseSpinLock);
    ke_spin_drop(SpinLock);
    ke_lower(ke_self(), NewIrql);
    VERIFY_LEAVE(KeReleaseSpinLock);
}

NTAPI VOID
KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    VERIFY_ENTER(KeAcquireSpinLockAtDpcLevel);
    VERIFY_LOCK_WANTED(SpinLock, KeAcquireSpinLockAtDpcLevel);
    ke_spin_take(SpinLock);
    VERIFY_LOCK_TAKEN(SpinLock, VERIFY_LOCK_DPC_LEVEL, KeAcquireSpinLockAtDpcLevel);
    VERIFY_LEAVE(KeAcquireSpinLockAtDpcLevel);
}

NTAPI VOID
KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK SpinLock)
{
    VERIFY_ENTER(KeReleaseSpinLockFromDpcLevel);
    VERIFY_LOCK_DROPPED(SpinLock, VERIFY_LOCK_DPC_LEVEL, KeReleaseSpinLockFromDpcLevel);
    ke_spin_drop(SpinLock);
    VERIFY_LEAVE(KeReleaseSpinLockFromDpcLevel);
}

NTAPI BOOLEAN
KeTryToAcquireSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock)
{
    VERIFY_ENTER(KeTryToAcquireSpinLockAtDpcLevel);
    BOOLEAN taken = ke_spin_try(SpinLock);
    if (taken)
        VERIFY_LOCK_TAKEN(SpinLock, VERIFY_LOCK_TRIED, KeTryToAcquireSpinLockAtDpcLevel);
    VERIFY_LEAVE(KeTryToAcquireSpinLockAtDpcLevel);
    return taken;
}

NTAPI BOOLEAN
KeTestSpinLock(PKSPIN_LOCK SpinLock)
{
    VERIFY_ENTER(KeTestSpinLock);
    return ke_spin_is_free(SpinLock);
}

// For routines that run in ordinary and in threaded DPCs: at DISPATCH already, or not [wdm/nf-wdm-keacquirespinlockfordpc].
NTAPI KIRQL
KeAcquireSpinLockForDpc(PKSPIN_LOCK SpinLock)
{
    VERIFY_ENTER(KeAcquireSpinLockForDpc);
    KIRQL old = ke_raise_dispatch(ke_self());
    VERIFY_LOCK_WANTED(SpinLock, KeAcquireSpinLockForDpc);
    ke_spin_take(SpinLock);
    VERIFY_LOCK_TAKEN(SpinLock, VERIFY_LOCK_FOR_DPC, KeAcquireSpinLockForDpc);
    return old;
}

NTAPI VOID
KeReleaseSpinLockForDpc(PKSPIN_LOCK SpinLock, KIRQL OldIrql)
{
    VERIFY_ENTER(KeReleaseSpinLockForDpc);
    VERIFY_LOCK_DROPPED(SpinLock, VERIFY_LOCK_FOR_DPC, KeReleaseSpinLockForDpc);
    ke_spin_drop(SpinLock);
    ke_lower(ke_self(), OldIrql);
}

NTAPI VOID
KeAcquireInStackQueuedSpinLock(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    VERIFY_ENTER(KeAcquireInStackQueuedSpinLock);
    LockHandle->OldIrql = ke_raise_dispatch(ke_self());
    LockHandle->LockQueue = (KSPIN_LOCK_QUEUE){.Lock = SpinLock};
    VERIFY_LOCK_WANTED(SpinLock, KeAcquireInStackQueuedSpinLock);
    ke_spin_take(SpinLock);
    VERIFY_LOCK_TAKEN(SpinLock, VERIFY_LOCK_QUEUED, KeAcquireInStackQueuedSpinLock);
    VERIFY_LEAVE(KeAcquireInStackQueuedSpinLock);
}

NTAPI VOID
KeReleaseInStackQueuedSpinLock(PKLOCK_QUEUE_HANDLE LockHandle)
{
    VERIFY_ENTER(KeReleaseInStackQueuedSpinLock);
    VERIFY_LOCK_DROPPED(LockHandle->LockQueue.Lock, VERIFY_LOCK_QUEUED, KeReleaseInStackQueuedSpinLock);
    ke_spin_drop(LockHandle->LockQueue.Lock);
    ke_lower(ke_self(), LockHandle->OldIrql);
    VERIFY_LEAVE(KeReleaseInStackQueuedSpinLock);
}

NTAPI VOID
KeAcquireInStackQueuedSpinLockAtDpcLevel(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    VERIFY_ENTER(KeAcquireInStackQueuedSpinLockAtDpcLevel);
    LockHandle->LockQueue = (KSPIN_LOCK_QUEUE){.Lock = SpinLock};
    VERIFY_LOCK_WANTED(SpinLock, KeAcquireInStackQueuedSpinLockAtDpcLevel);
    ke_spin_take(SpinLock);
    VERIFY_LOCK_TAKEN(SpinLock, VERIFY_LOCK_QUEUED_DPC_LEVEL, KeAcquireInStackQueuedSpinLockAtDpcLevel);
    VERIFY_LEAVE(KeAcquireInStackQueuedSpinLockAtDpcLevel);
}

NTAPI VOID
KeReleaseInStackQueuedSpinLockFromDpcLevel(PKLOCK_QUEUE_HANDLE LockHandle)
{
    VERIFY_ENTER(KeReleaseInStackQueuedSpinLockFromDpcLevel);
    VERIFY_LOCK_DROPPED(LockHandle->LockQueue.Lock, VERIFY_LOCK_QUEUED_DPC_LEVEL, KeReleaseInStackQueuedSpinLockFromDpcLevel);
    ke_spin_drop(LockHandle->LockQueue.Lock);
    VERIFY_LEAVE(KeReleaseInStackQueuedSpinLockFromDpcLevel);
}

NTAPI VOID
KeAcquireInStackQueuedSpinLockForDpc(PKSPIN_LOCK SpinLock, PKLOCK_QUEUE_HANDLE LockHandle)
{
    VERIFY_ENTER(KeAcquireInStackQueuedSpinLockForDpc);
    LockHandle->OldIrql = ke_raise_dispatch(ke_self());
    LockHandle->LockQueue = (KSPIN_LOCK_QUEUE){.Lock = SpinLock};
    VERIFY_LOCK_WANTED(SpinLock, KeAcquireInStackQueuedSpinLockForDpc);
    ke_spin_take(SpinLock);
    VERIFY_LOCK_TAKEN(SpinLock, VERIFY_LOCK_QUEUED_FOR_DPC, KeAcquireInStackQueuedSpinLockForDpc);
}

NTAPI VOID
KeReleaseInStackQueuedSpinLockForDpc(PKLOCK_QUEUE_HANDLE LockHandle)
{
    VERIFY_ENTER(KeReleaseInStackQueuedSpinLockForDpc);
    VERIFY_LOCK_DROPPED(LockHandle->LockQueue.Lock, VERIFY_LOCK_QUEUED_FOR_DPC, KeReleaseInStackQueuedSpinLockForDpc);
    ke_spin_drop(LockHandle->LockQueue.Lock);
    ke_lower(ke_self(), LockHandle->OldIrql);
}
