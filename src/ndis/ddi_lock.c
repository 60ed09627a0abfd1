// SPDX-License-Identifier: MIT
// Front doors: reader-writer locks of both generations, events, and small waits.
// The old NDIS_RW_LOCK lies in the driver's memory, the new one is allocated; inside both are the same (rwlock.c).
#include "ndis/ndis_int.h"
#include "ndis/rwlock.h"
#include "nt/ex/pool.h"
#include "nt/ke/bugcheck.h"
#include "verify/refuse.h"
#include "verify/verify.h"

#define RW_LOCK_TAG 0x6c77524e   // 'NRwl'

struct _NDIS_RW_LOCK_EX {
    NDIS_RW_LOCK lock;
};

NTAPI PNDIS_RW_LOCK_EX
NdisAllocateRWLock(NDIS_HANDLE NdisHandle)
{
    VERIFY_ENTER(NdisAllocateRWLock);
    PNDIS_RW_LOCK_EX lock = ex_pool_alloc(box_self(), sizeof *lock, RW_LOCK_TAG, true, __builtin_return_address(0));
    ex_pool_kind_set(lock, VERIFY_LEFT_RW_LOCK, NdisHandle);
    return lock;
}

NTAPI VOID
NdisFreeRWLock(PNDIS_RW_LOCK_EX Lock)
{
    VERIFY_ENTER(NdisFreeRWLock);
    if (ndis_rw_is_held(&Lock->lock))
        verify_contract("NdisFreeRWLock", "the lock is held");
    ex_pool_free(box_self(), Lock, RW_LOCK_TAG);
}

static void
rw_acquire(NDIS_RW_LOCK *lock, PLOCK_STATE_EX state, UCHAR flags, bool is_write, const char *function)
{
    struct ke_thread *self = ke_self();
    if ((flags & NDIS_RWL_AT_DISPATCH_LEVEL) && self->irql < DISPATCH_LEVEL)
        verify_contract(function, "NDIS_RWL_AT_DISPATCH_LEVEL below DISPATCH_LEVEL");
    state->OldIrql = ke_raise_dispatch(self);
    state->Flags = flags;
    state->LockState = is_write ? 2 : 1;
    ndis_rw_take(lock, is_write, function);
}

NTAPI VOID
NdisAcquireRWLockRead(PNDIS_RW_LOCK_EX Lock, PLOCK_STATE_EX LockState, UCHAR Flags)
{
    VERIFY_DOOR(NdisAcquireRWLockRead);
    rw_acquire(&Lock->lock, LockState, Flags, false, "NdisAcquireRWLockRead");
}

NTAPI VOID
NdisAcquireRWLockWrite(PNDIS_RW_LOCK_EX Lock, PLOCK_STATE_EX LockState, UCHAR Flags)
{
    VERIFY_DOOR(NdisAcquireRWLockWrite);
    rw_acquire(&Lock->lock, LockState, Flags, true, "NdisAcquireRWLockWrite");
}

NTAPI VOID
NdisReleaseRWLock(PNDIS_RW_LOCK_EX Lock, PLOCK_STATE_EX LockState)
{
    VERIFY_DOOR(NdisReleaseRWLock);
    ndis_rw_drop(&Lock->lock, "NdisReleaseRWLock");
    LockState->LockState = 0;
    ke_lower(ke_self(), LockState->OldIrql);
}

NTAPI VOID
NdisInitializeReadWriteLock(PNDIS_RW_LOCK Lock)
{
    VERIFY_ENTER(NdisInitializeReadWriteLock);
    *Lock = (NDIS_RW_LOCK){0};
}

NTAPI VOID
NdisAcquireReadWriteLock(PNDIS_RW_LOCK Lock, BOOLEAN fWrite, PLOCK_STATE LockState)
{
    VERIFY_DOOR(NdisAcquireReadWriteLock);
    LockState->OldIrql = ke_raise_dispatch(ke_self());
    LockState->LockState = fWrite ? 2 : 1;
    ndis_rw_take(Lock, fWrite, "NdisAcquireReadWriteLock");
}

NTAPI VOID
NdisReleaseReadWriteLock(PNDIS_RW_LOCK Lock, PLOCK_STATE LockState)
{
    VERIFY_DOOR(NdisReleaseReadWriteLock);
    ndis_rw_drop(Lock, "NdisReleaseReadWriteLock");
    LockState->LockState = 0;
    ke_lower(ke_self(), LockState->OldIrql);
}

// The Dpr forms: the caller is at DISPATCH_LEVEL already, so nothing is raised or lowered.
NTAPI VOID
NdisDprAcquireReadWriteLock(PNDIS_RW_LOCK Lock, BOOLEAN fWrite, PLOCK_STATE LockState)
{
    VERIFY_DOOR(NdisDprAcquireReadWriteLock);
    if (ke_self()->irql < DISPATCH_LEVEL)
        verify_contract("NdisDprAcquireReadWriteLock", "called below DISPATCH_LEVEL");
    LockState->OldIrql = DISPATCH_LEVEL;
    LockState->LockState = fWrite ? 2 : 1;
    ndis_rw_take(Lock, fWrite, "NdisDprAcquireReadWriteLock");
}

NTAPI VOID
NdisDprReleaseReadWriteLock(PNDIS_RW_LOCK Lock, PLOCK_STATE LockState)
{
    VERIFY_DOOR(NdisDprReleaseReadWriteLock);
    ndis_rw_drop(Lock, "NdisDprReleaseReadWriteLock");
    LockState->LockState = 0;
}

// ---- events and sleeping ----------------------------------------------------------------------------------------------------------

// Manual reset, not signalled [ndis/nf-ndis-ndisinitializeevent].
NTAPI VOID
NdisInitializeEvent(PNDIS_EVENT Event)
{
    VERIFY_ENTER(NdisInitializeEvent);
    KeInitializeEvent(&Event->Event, NotificationEvent, FALSE);
}

NTAPI VOID
NdisSetEvent(PNDIS_EVENT Event)
{
    VERIFY_ENTER(NdisSetEvent);
    KeSetEvent(&Event->Event, IO_NO_INCREMENT, FALSE);
}

NTAPI VOID
NdisResetEvent(PNDIS_EVENT Event)
{
    VERIFY_ENTER(NdisResetEvent);
    KeResetEvent(&Event->Event);
}

// 0 waits for ever [ndis/nf-ndis-ndiswaitevent]; above PASSIVE_LEVEL it is fatal, waiting or not [ndis/nf-ndis-ndisinitializeevent].
NTAPI BOOLEAN
NdisWaitEvent(PNDIS_EVENT Event, UINT MsToWait)
{
    VERIFY_ENTER(NdisWaitEvent);
    KIRQL irql = ke_self()->irql;
    if (irql > PASSIVE_LEVEL)
        ke_bugcheck(BUGCODE_IRQL_NOT_LESS_OR_EQUAL, (uint64_t)(uintptr_t)Event, irql, 0, (uint64_t)(uintptr_t)__builtin_return_address(0));
    LARGE_INTEGER timeout = {.QuadPart = -10000ll * MsToWait};
    return KeWaitForSingleObject(&Event->Event, Executive, KernelMode, FALSE, MsToWait ? &timeout : NULL) == STATUS_SUCCESS;
}

NTAPI VOID
NdisMSleep(ULONG MicrosecondsToSleep)
{
    VERIFY_ENTER(NdisMSleep);
    LARGE_INTEGER interval = {.QuadPart = -10ll * MicrosecondsToSleep};
    KeDelayExecutionThread(KernelMode, FALSE, &interval);
}
