// SPDX-License-Identifier: MIT
// Locks and events: spin locks, reader-writer locks of both generations, events, and small waits.
//
// An acquire raises to DISPATCH_LEVEL and remembers the old level in the lock (spin lock) or in the caller's lock state; the
// Dpr forms are for callers that are there already.
// Sources: [ndis/nf-ndis-ndisacquirespinlock], [ndis/nf-ndis-ndisacquirerwlockread], [ndis/ns-ndis-_ndis_rw_lock],
// [ndis/nf-ndis-ndisinitializeevent]. Layouts of what drivers only pass on are ours within Windows' sizes.
#ifndef NBX_DDK_NDIS_LOCK_H
#define NBX_DDK_NDIS_LOCK_H
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _NDIS_SPIN_LOCK {
    KSPIN_LOCK SpinLock;
    KIRQL OldIrql;
} NDIS_SPIN_LOCK, *PNDIS_SPIN_LOCK;

NTAPI VOID NdisAllocateSpinLock(PNDIS_SPIN_LOCK SpinLock);
NTAPI VOID NdisFreeSpinLock(PNDIS_SPIN_LOCK SpinLock);
NTAPI VOID NdisAcquireSpinLock(PNDIS_SPIN_LOCK SpinLock);
NTAPI VOID NdisReleaseSpinLock(PNDIS_SPIN_LOCK SpinLock);
NTAPI VOID NdisDprAcquireSpinLock(PNDIS_SPIN_LOCK SpinLock);
NTAPI VOID NdisDprReleaseSpinLock(PNDIS_SPIN_LOCK SpinLock);

typedef struct _LOCK_STATE {
    USHORT LockState;
    KIRQL OldIrql;
} LOCK_STATE, *PLOCK_STATE;

typedef union _NDIS_RW_LOCK_REFCOUNT {
    ULONG RefCount;
    UCHAR cacheLine[16];
} NDIS_RW_LOCK_REFCOUNT;

typedef struct _NDIS_RW_LOCK {
    KSPIN_LOCK SpinLock;
    PVOID Context;
    NDIS_RW_LOCK_REFCOUNT RefCount[64];
} NDIS_RW_LOCK, *PNDIS_RW_LOCK;

NTAPI VOID NdisInitializeReadWriteLock(PNDIS_RW_LOCK Lock);
NTAPI VOID NdisAcquireReadWriteLock(PNDIS_RW_LOCK Lock, BOOLEAN fWrite, PLOCK_STATE LockState);
NTAPI VOID NdisReleaseReadWriteLock(PNDIS_RW_LOCK Lock, PLOCK_STATE LockState);
NTAPI VOID NdisDprAcquireReadWriteLock(PNDIS_RW_LOCK Lock, BOOLEAN fWrite, PLOCK_STATE LockState);
NTAPI VOID NdisDprReleaseReadWriteLock(PNDIS_RW_LOCK Lock, PLOCK_STATE LockState);

typedef struct _LOCK_STATE_EX {
    KIRQL OldIrql;
    UCHAR LockState;
    UCHAR Flags;
} LOCK_STATE_EX, *PLOCK_STATE_EX;

typedef struct _NDIS_RW_LOCK_EX NDIS_RW_LOCK_EX, *PNDIS_RW_LOCK_EX;
#define NDIS_RWL_AT_DISPATCH_LEVEL 1

NTAPI PNDIS_RW_LOCK_EX NdisAllocateRWLock(NDIS_HANDLE NdisHandle);
NTAPI VOID NdisFreeRWLock(PNDIS_RW_LOCK_EX Lock);
NTAPI VOID NdisAcquireRWLockRead(PNDIS_RW_LOCK_EX Lock, PLOCK_STATE_EX LockState, UCHAR Flags);
NTAPI VOID NdisAcquireRWLockWrite(PNDIS_RW_LOCK_EX Lock, PLOCK_STATE_EX LockState, UCHAR Flags);
NTAPI VOID NdisReleaseRWLock(PNDIS_RW_LOCK_EX Lock, PLOCK_STATE_EX LockState);

typedef struct _NDIS_EVENT {
    KEVENT Event;
} NDIS_EVENT, *PNDIS_EVENT;

NTAPI VOID NdisInitializeEvent(PNDIS_EVENT Event);
NTAPI VOID NdisSetEvent(PNDIS_EVENT Event);
NTAPI VOID NdisResetEvent(PNDIS_EVENT Event);
NTAPI BOOLEAN NdisWaitEvent(PNDIS_EVENT Event, UINT MsToWait);
NTAPI VOID NdisMSleep(ULONG MicrosecondsToSleep);

#define NdisStallExecution(_MicrosecondsToStall) KeStallExecutionProcessor(_MicrosecondsToStall)
#define NdisGetCurrentSystemTime(_pSystemTime) KeQuerySystemTime(_pSystemTime)
NTAPI VOID NdisGetSystemUpTimeEx(PLARGE_INTEGER pSystemUpTime);

#ifdef __cplusplus
}
#endif
#endif
