// SPDX-License-Identifier: MIT
// Front doors: memory and spin locks, which NDIS hands on to the executive. [ndis/nf-ndis-ndisallocatememorywithtagpriority] and kin
#include "ndis/ndis_int.h"
#include "nt/ex/pool.h"
#include "verify/order.h"
#include "verify/verify.h"

#include <string.h>

NTAPI PVOID
NdisAllocateMemoryWithTagPriority(NDIS_HANDLE NdisHandle, UINT Length, ULONG Tag, EX_POOL_PRIORITY Priority)
{
    VERIFY_ENTER(NdisAllocateMemoryWithTagPriority);
    return ex_pool_alloc(box_self(), Length, Tag, false, __builtin_return_address(0));
}

NTAPI NDIS_STATUS
NdisAllocateMemoryWithTag(PVOID *VirtualAddress, UINT Length, ULONG Tag)
{
    VERIFY_ENTER(NdisAllocateMemoryWithTag);
    *VirtualAddress = ex_pool_alloc(box_self(), Length, Tag, false, __builtin_return_address(0));
    return *VirtualAddress ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

NTAPI VOID
NdisFreeMemory(PVOID VirtualAddress, UINT Length, UINT MemoryFlags)
{
    VERIFY_ENTER(NdisFreeMemory);
    ex_pool_free(box_self(), VirtualAddress, 0);
}

NTAPI VOID
NdisFreeMemoryWithTagPriority(NDIS_HANDLE NdisHandle, PVOID VirtualAddress, ULONG Tag)
{
    VERIFY_ENTER(NdisFreeMemoryWithTagPriority);
    ex_pool_free(box_self(), VirtualAddress, Tag);
}

NTAPI VOID
NdisFreeMemoryWithTag(PVOID VirtualAddress, ULONG Tag)
{
    VERIFY_ENTER(NdisFreeMemoryWithTag);
    ex_pool_free(box_self(), VirtualAddress, Tag);
}

NTAPI VOID
NdisAllocateSpinLock(PNDIS_SPIN_LOCK SpinLock)
{
    VERIFY_LOCK_INITIALIZED(&SpinLock->SpinLock);
    KeInitializeSpinLock(&SpinLock->SpinLock);
    SpinLock->OldIrql = 0;
}

// Clears the memory, which then is no lock any more [ndis/nf-ndis-ndisallocatespinlock].
NTAPI VOID
NdisFreeSpinLock(PNDIS_SPIN_LOCK SpinLock)
{
    memset(SpinLock, 0, sizeof *SpinLock);
}

NTAPI VOID
NdisAcquireSpinLock(PNDIS_SPIN_LOCK SpinLock)
{
    KIRQL old;
    KeAcquireSpinLock(&SpinLock->SpinLock, &old);
    SpinLock->OldIrql = old;
}

NTAPI VOID
NdisReleaseSpinLock(PNDIS_SPIN_LOCK SpinLock)
{
    KIRQL old = SpinLock->OldIrql;
    KeReleaseSpinLock(&SpinLock->SpinLock, old);
}

NTAPI VOID
NdisDprAcquireSpinLock(PNDIS_SPIN_LOCK SpinLock)
{
    KeAcquireSpinLockAtDpcLevel(&SpinLock->SpinLock);
}

NTAPI VOID
NdisDprReleaseSpinLock(PNDIS_SPIN_LOCK SpinLock)
{
    KeReleaseSpinLockFromDpcLevel(&SpinLock->SpinLock);
}
