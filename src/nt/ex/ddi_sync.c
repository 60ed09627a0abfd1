// SPDX-License-Identifier: MIT
// Front doors: fast and guarded mutexes, push locks, reader-writer spin locks, rundown protection.
// [wdm/nf-wdm-exacquirefastmutex], [ntddk push-lock pages], [wdm/nf-wdm-exacquirespinlockshared], [wdm/nf-wdm-exacquirerundownprotection]
#include "nt/ex/pool.h"
#include "nt/ex/sync.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/ke.h"
#include "nt/ke/spin.h"
#include "verify/order.h"
#include "verify/verify.h"

// A fast mutex raises its owner to APC_LEVEL; a guarded one keeps it in a guarded region instead.
NTAPI VOID
ExAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    VERIFY_ENTER(ExAcquireFastMutex);
    VERIFY_LOCK_WANTED(FastMutex, ExAcquireFastMutex);
    ex_fast_mutex_take(FastMutex);
    VERIFY_ORDER_HOOK(verify_order_took(FastMutex, false, "ExAcquireFastMutex"));
    FastMutex->OldIrql = ke_self()->irql;
    ke_self()->irql = APC_LEVEL;
}

NTAPI BOOLEAN
ExTryToAcquireFastMutex(PFAST_MUTEX FastMutex)
{
    VERIFY_ENTER(ExTryToAcquireFastMutex);
    if (!ex_fast_mutex_try(FastMutex))
        return FALSE;
    VERIFY_ORDER_HOOK(verify_order_took(FastMutex, false, "ExTryToAcquireFastMutex"));
    FastMutex->OldIrql = ke_self()->irql;
    ke_self()->irql = APC_LEVEL;
    return TRUE;
}

NTAPI VOID
ExReleaseFastMutex(PFAST_MUTEX FastMutex)
{
    VERIFY_ENTER(ExReleaseFastMutex);
    KIRQL old = (KIRQL)FastMutex->OldIrql;
    VERIFY_ORDER_HOOK(verify_order_dropped(FastMutex));
    ex_fast_mutex_drop(FastMutex);
    ke_self()->irql = old;
}

NTAPI VOID
ExAcquireFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    VERIFY_ENTER(ExAcquireFastMutexUnsafe);
    VERIFY_LOCK_WANTED(FastMutex, ExAcquireFastMutexUnsafe);
    ex_fast_mutex_take(FastMutex);
    VERIFY_ORDER_HOOK(verify_order_took(FastMutex, false, "ExAcquireFastMutexUnsafe"));
}

NTAPI VOID
ExReleaseFastMutexUnsafe(PFAST_MUTEX FastMutex)
{
    VERIFY_ENTER(ExReleaseFastMutexUnsafe);
    VERIFY_ORDER_HOOK(verify_order_dropped(FastMutex));
    ex_fast_mutex_drop(FastMutex);
}

NTAPI VOID
KeInitializeGuardedMutex(PKGUARDED_MUTEX Mutex)
{
    VERIFY_ENTER(KeInitializeGuardedMutex);
    VERIFY_LOCK_INITIALIZED(Mutex);
    ExInitializeFastMutex(Mutex);
}

NTAPI VOID
KeAcquireGuardedMutex(PKGUARDED_MUTEX Mutex)
{
    VERIFY_ENTER(KeAcquireGuardedMutex);
    ke_self()->guarded_depth++;
    VERIFY_LOCK_WANTED(Mutex, KeAcquireGuardedMutex);
    ex_fast_mutex_take(Mutex);
    VERIFY_ORDER_HOOK(verify_order_took(Mutex, false, "KeAcquireGuardedMutex"));
}

NTAPI BOOLEAN
KeTryToAcquireGuardedMutex(PKGUARDED_MUTEX Mutex)
{
    VERIFY_ENTER(KeTryToAcquireGuardedMutex);
    if (!ex_fast_mutex_try(Mutex))
        return FALSE;
    VERIFY_ORDER_HOOK(verify_order_took(Mutex, false, "KeTryToAcquireGuardedMutex"));
    ke_self()->guarded_depth++;
    return TRUE;
}

NTAPI VOID
KeReleaseGuardedMutex(PKGUARDED_MUTEX Mutex)
{
    VERIFY_ENTER(KeReleaseGuardedMutex);
    VERIFY_ORDER_HOOK(verify_order_dropped(Mutex));
    ex_fast_mutex_drop(Mutex);
    ke_self()->guarded_depth--;
}

NTAPI VOID
KeAcquireGuardedMutexUnsafe(PKGUARDED_MUTEX FastMutex)
{
    VERIFY_ENTER(KeAcquireGuardedMutexUnsafe);
    VERIFY_LOCK_WANTED(FastMutex, KeAcquireGuardedMutexUnsafe);
    ex_fast_mutex_take(FastMutex);
    VERIFY_ORDER_HOOK(verify_order_took(FastMutex, false, "KeAcquireGuardedMutexUnsafe"));
}

NTAPI VOID
KeReleaseGuardedMutexUnsafe(PKGUARDED_MUTEX FastMutex)
{
    VERIFY_ENTER(KeReleaseGuardedMutexUnsafe);
    VERIFY_ORDER_HOOK(verify_order_dropped(FastMutex));
    ex_fast_mutex_drop(FastMutex);
}

NTAPI VOID
ExInitializePushLock(PEX_PUSH_LOCK PushLock)
{
    VERIFY_ENTER(ExInitializePushLock);
    *PushLock = 0;
}

NTAPI VOID
ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    VERIFY_ENTER(ExAcquirePushLockExclusiveEx);
    ex_push_lock_take(PushLock, true);
}

NTAPI VOID
ExAcquirePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    VERIFY_ENTER(ExAcquirePushLockSharedEx);
    ex_push_lock_take(PushLock, false);
}

NTAPI VOID
ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    VERIFY_ENTER(ExReleasePushLockExclusiveEx);
    ex_push_lock_drop(PushLock, true);
}

NTAPI VOID
ExReleasePushLockSharedEx(PEX_PUSH_LOCK PushLock, ULONG Flags)
{
    VERIFY_ENTER(ExReleasePushLockSharedEx);
    ex_push_lock_drop(PushLock, false);
}

NTAPI KIRQL
ExAcquireSpinLockShared(PEX_SPIN_LOCK SpinLock)
{
    VERIFY_ENTER(ExAcquireSpinLockShared);
    KIRQL old = ke_raise_dispatch(ke_self());
    ke_rw_take_shared(SpinLock);
    return old;
}

NTAPI VOID
ExReleaseSpinLockShared(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    VERIFY_ENTER(ExReleaseSpinLockShared);
    ke_rw_drop_shared(SpinLock);
    ke_lower(ke_self(), OldIrql);
}

NTAPI KIRQL
ExAcquireSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    VERIFY_ENTER(ExAcquireSpinLockExclusive);
    KIRQL old = ke_raise_dispatch(ke_self());
    ke_rw_take_exclusive(SpinLock);
    return old;
}

NTAPI VOID
ExReleaseSpinLockExclusive(PEX_SPIN_LOCK SpinLock, KIRQL OldIrql)
{
    VERIFY_ENTER(ExReleaseSpinLockExclusive);
    ke_rw_drop_exclusive(SpinLock);
    ke_lower(ke_self(), OldIrql);
}

NTAPI VOID
ExAcquireSpinLockSharedAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    VERIFY_ENTER(ExAcquireSpinLockSharedAtDpcLevel);
    ke_rw_take_shared(SpinLock);
}

NTAPI VOID
ExReleaseSpinLockSharedFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    VERIFY_ENTER(ExReleaseSpinLockSharedFromDpcLevel);
    ke_rw_drop_shared(SpinLock);
}

NTAPI VOID
ExAcquireSpinLockExclusiveAtDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    VERIFY_ENTER(ExAcquireSpinLockExclusiveAtDpcLevel);
    ke_rw_take_exclusive(SpinLock);
}

NTAPI VOID
ExReleaseSpinLockExclusiveFromDpcLevel(PEX_SPIN_LOCK SpinLock)
{
    VERIFY_ENTER(ExReleaseSpinLockExclusiveFromDpcLevel);
    ke_rw_drop_exclusive(SpinLock);
}

NTAPI LOGICAL
ExTryConvertSharedSpinLockExclusive(PEX_SPIN_LOCK SpinLock)
{
    VERIFY_ENTER(ExTryConvertSharedSpinLockExclusive);
    return ke_rw_try_upgrade(SpinLock);
}
