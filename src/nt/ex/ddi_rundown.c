// SPDX-License-Identifier: MIT
// Front doors: rundown protection, plain and cache-aware. The cache-aware kind has one counter a processor on Windows; here it is one
// plain counter in memory of the driver's or ours: the same contract, without the gain. [windows-driver-docs kernel/run-down-protection]
#include "nt/ex/pool.h"
#include "nt/ex/sync.h"
#include "nt/ke/ke.h"
#include "verify/verify.h"

struct _EX_RUNDOWN_REF_CACHE_AWARE {
    EX_RUNDOWN_REF ref;
    ULONG tag;                   // of the block, when ExAllocateCacheAwareRundownProtection made it
};

NTAPI VOID
ExInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    VERIFY_ENTER(ExInitializeRundownProtection);
    RunRef->Count = 0;
}

NTAPI VOID
ExReInitializeRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    VERIFY_ENTER(ExReInitializeRundownProtection);
    __atomic_store_n(&RunRef->Count, 0, __ATOMIC_SEQ_CST);
}

NTAPI BOOLEAN
ExAcquireRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    VERIFY_ENTER(ExAcquireRundownProtection);
    return ex_rundown_enter(RunRef, 1);
}

NTAPI BOOLEAN
ExAcquireRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    VERIFY_ENTER(ExAcquireRundownProtectionEx);
    return ex_rundown_enter(RunRef, Count);
}

NTAPI VOID
ExReleaseRundownProtection(PEX_RUNDOWN_REF RunRef)
{
    VERIFY_ENTER(ExReleaseRundownProtection);
    ex_rundown_leave(RunRef, 1);
}

NTAPI VOID
ExReleaseRundownProtectionEx(PEX_RUNDOWN_REF RunRef, ULONG Count)
{
    VERIFY_ENTER(ExReleaseRundownProtectionEx);
    ex_rundown_leave(RunRef, Count);
}

NTAPI VOID
ExRundownCompleted(PEX_RUNDOWN_REF RunRef)
{
    VERIFY_ENTER(ExRundownCompleted);
    __atomic_store_n(&RunRef->Count, 1, __ATOMIC_SEQ_CST);
}

NTAPI VOID
ExWaitForRundownProtectionRelease(PEX_RUNDOWN_REF RunRef)
{
    VERIFY_ENTER(ExWaitForRundownProtectionRelease);
    ex_rundown_wait(RunRef);
}

NTAPI SIZE_T
ExSizeOfRundownProtectionCacheAware(VOID)
{
    VERIFY_ENTER(ExSizeOfRundownProtectionCacheAware);
    return sizeof(struct _EX_RUNDOWN_REF_CACHE_AWARE);
}

NTAPI VOID
ExInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware, SIZE_T RunRefSize)
{
    VERIFY_ENTER(ExInitializeRundownProtectionCacheAware);
    *RunRefCacheAware = (struct _EX_RUNDOWN_REF_CACHE_AWARE){.tag = 0};
}

NTAPI PEX_RUNDOWN_REF_CACHE_AWARE
ExAllocateCacheAwareRundownProtection(POOL_TYPE PoolType, ULONG PoolTag)
{
    VERIFY_ENTER(ExAllocateCacheAwareRundownProtection);
    PEX_RUNDOWN_REF_CACHE_AWARE made =
        ex_pool_alloc(box_self(), sizeof *made, PoolTag, true, __builtin_return_address(0));
    if (made)
        made->tag = PoolTag;
    return made;
}

NTAPI VOID
ExFreeCacheAwareRundownProtection(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
    VERIFY_ENTER(ExFreeCacheAwareRundownProtection);
    ex_pool_free(box_self(), RunRefCacheAware, RunRefCacheAware->tag);
}

NTAPI VOID
ExReInitializeRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
    VERIFY_ENTER(ExReInitializeRundownProtectionCacheAware);
    __atomic_store_n(&RunRefCacheAware->ref.Count, 0, __ATOMIC_SEQ_CST);
}

NTAPI BOOLEAN
ExAcquireRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
    VERIFY_ENTER(ExAcquireRundownProtectionCacheAware);
    return ex_rundown_enter(&RunRefCacheAware->ref, 1);
}

NTAPI BOOLEAN
ExAcquireRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware, ULONG Count)
{
    VERIFY_ENTER(ExAcquireRundownProtectionCacheAwareEx);
    return ex_rundown_enter(&RunRefCacheAware->ref, Count);
}

NTAPI VOID
ExReleaseRundownProtectionCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
    VERIFY_ENTER(ExReleaseRundownProtectionCacheAware);
    ex_rundown_leave(&RunRefCacheAware->ref, 1);
}

NTAPI VOID
ExReleaseRundownProtectionCacheAwareEx(PEX_RUNDOWN_REF_CACHE_AWARE RunRef, ULONG Count)
{
    VERIFY_ENTER(ExReleaseRundownProtectionCacheAwareEx);
    ex_rundown_leave(&RunRef->ref, Count);
}

NTAPI VOID
ExRundownCompletedCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRefCacheAware)
{
    VERIFY_ENTER(ExRundownCompletedCacheAware);
    __atomic_store_n(&RunRefCacheAware->ref.Count, 1, __ATOMIC_SEQ_CST);
}

NTAPI VOID
ExWaitForRundownProtectionReleaseCacheAware(PEX_RUNDOWN_REF_CACHE_AWARE RunRef)
{
    VERIFY_ENTER(ExWaitForRundownProtectionReleaseCacheAware);
    ex_rundown_wait(&RunRef->ref);
}
