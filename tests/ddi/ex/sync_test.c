// SPDX-License-Identifier: MIT
// Fast and guarded mutexes, push locks, reader/writer spin locks and rundown protection, one front door a test: what holds a lock
// keeps another thread out until it lets go. Sources: [wdm/nf-wdm-exacquirefastmutex], [wdm/nf-wdm-exacquirespinlockshared],
// [wdm/nf-wdm-exacquirerundownprotection] and their kin.
#include <string.h>

#include "unit/nt/nt_test.h"

NT_TEST(ExReleaseFastMutex_frees_the_mutex_and_the_level)
{
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    ExAcquireFastMutex(&mutex);
    ck_assert_uint_eq(KeGetCurrentIrql(), APC_LEVEL);
    ExReleaseFastMutex(&mutex);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_int_eq(ExTryToAcquireFastMutex(&mutex), TRUE);
    ExReleaseFastMutex(&mutex);
}

NT_TEST(ExAcquireFastMutexUnsafe_takes_without_touching_the_level)
{
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&mutex);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_int_eq(ExTryToAcquireFastMutex(&mutex), FALSE);
    ExReleaseFastMutexUnsafe(&mutex);
    KeLeaveCriticalRegion();
}

NT_TEST(ExReleaseFastMutexUnsafe_frees_the_mutex)
{
    FAST_MUTEX mutex;
    ExInitializeFastMutex(&mutex);
    KeEnterCriticalRegion();
    ExAcquireFastMutexUnsafe(&mutex);
    ExReleaseFastMutexUnsafe(&mutex);
    KeLeaveCriticalRegion();
    ck_assert_int_eq(ExTryToAcquireFastMutex(&mutex), TRUE);
    ExReleaseFastMutex(&mutex);
}

NT_TEST(KeTryToAcquireGuardedMutex_fails_while_it_is_held)
{
    KGUARDED_MUTEX mutex;
    memset(&mutex, 0xff, sizeof(mutex));
    KeInitializeGuardedMutex(&mutex);
    ck_assert_int_eq(KeTryToAcquireGuardedMutex(&mutex), TRUE);
    ck_assert_int_eq(KeAreAllApcsDisabled(), TRUE);
    ck_assert_int_eq(KeTryToAcquireGuardedMutex(&mutex), FALSE);
    KeReleaseGuardedMutex(&mutex);
    ck_assert_int_eq(KeAreAllApcsDisabled(), FALSE);
}

NT_TEST(KeInitializeGuardedMutex_makes_it_free)
{
    KGUARDED_MUTEX mutex;
    memset(&mutex, 0xff, sizeof(mutex));
    KeInitializeGuardedMutex(&mutex);
    ck_assert_int_eq(KeTryToAcquireGuardedMutex(&mutex), TRUE);
    KeReleaseGuardedMutex(&mutex);
}

NT_TEST(KeReleaseGuardedMutex_frees_it)
{
    KGUARDED_MUTEX mutex;
    KeInitializeGuardedMutex(&mutex);
    KeAcquireGuardedMutex(&mutex);
    KeReleaseGuardedMutex(&mutex);
    ck_assert_int_eq(KeTryToAcquireGuardedMutex(&mutex), TRUE);
    KeReleaseGuardedMutex(&mutex);
}

NT_TEST(KeAcquireGuardedMutexUnsafe_takes_it)
{
    KGUARDED_MUTEX mutex;
    KeInitializeGuardedMutex(&mutex);
    KeEnterGuardedRegion();
    KeAcquireGuardedMutexUnsafe(&mutex);
    ck_assert_int_eq(KeTryToAcquireGuardedMutex(&mutex), FALSE);
    KeReleaseGuardedMutexUnsafe(&mutex);
    KeLeaveGuardedRegion();
}

NT_TEST(KeReleaseGuardedMutexUnsafe_frees_it)
{
    KGUARDED_MUTEX mutex;
    KeInitializeGuardedMutex(&mutex);
    KeEnterGuardedRegion();
    KeAcquireGuardedMutexUnsafe(&mutex);
    KeReleaseGuardedMutexUnsafe(&mutex);
    KeLeaveGuardedRegion();
    ck_assert_int_eq(KeTryToAcquireGuardedMutex(&mutex), TRUE);
    KeReleaseGuardedMutex(&mutex);
}

// A second thread that takes the lock one way and says when it has it.
struct rival {
    EX_PUSH_LOCK push;
    EX_SPIN_LOCK spin;
    bool exclusive;
    _Atomic bool has_it;
};

static void
rival_push(void *arg)
{
    struct rival *r = arg;
    KeEnterCriticalRegion();
    if (r->exclusive)
        ExAcquirePushLockExclusiveEx(&r->push, 0);
    else
        ExAcquirePushLockSharedEx(&r->push, 0);
    r->has_it = true;
    if (r->exclusive)
        ExReleasePushLockExclusiveEx(&r->push, 0);
    else
        ExReleasePushLockSharedEx(&r->push, 0);
    KeLeaveCriticalRegion();
}

// Hold the push lock while a rival wants it; say whether the rival got it meanwhile. Then let go: the rival must get it.
static bool
push_rival_passes(bool hold_exclusive, bool rival_exclusive)
{
    struct rival r = {.exclusive = rival_exclusive};
    ExInitializePushLock(&r.push);
    KeEnterCriticalRegion();
    if (hold_exclusive)
        ExAcquirePushLockExclusiveEx(&r.push, 0);
    else
        ExAcquirePushLockSharedEx(&r.push, 0);
    struct ke_thread *helper = nt_test_start(rival_push, &r);
    nt_test_sleep_ms(20);
    bool passed = r.has_it;
    if (hold_exclusive)
        ExReleasePushLockExclusiveEx(&r.push, 0);
    else
        ExReleasePushLockSharedEx(&r.push, 0);
    KeLeaveCriticalRegion();
    ke_thread_join(helper);
    ck_assert(r.has_it);
    return passed;
}

NT_TEST(ExAcquirePushLockExclusiveEx_keeps_everybody_out)
{
    ck_assert(!push_rival_passes(true, true));
    ck_assert(!push_rival_passes(true, false));
}

NT_TEST(ExAcquirePushLockSharedEx_lets_readers_in_and_keeps_writers_out)
{
    ck_assert(push_rival_passes(false, false));
    ck_assert(!push_rival_passes(false, true));
}

NT_TEST(ExReleasePushLockExclusiveEx_lets_the_next_one_in) { ck_assert(!push_rival_passes(true, true)); }
NT_TEST(ExReleasePushLockSharedEx_lets_the_writer_in) { ck_assert(!push_rival_passes(false, true)); }

NT_TEST(ExInitializePushLock_makes_it_free)
{
    EX_PUSH_LOCK lock;
    memset(&lock, 0xff, sizeof(lock));
    ExInitializePushLock(&lock);
    KeEnterCriticalRegion();
    ExAcquirePushLockExclusiveEx(&lock, 0);
    ExReleasePushLockExclusiveEx(&lock, 0);
    KeLeaveCriticalRegion();
}

NT_TEST(ExAcquireSpinLockShared_raises_and_allows_other_readers)
{
    EX_SPIN_LOCK lock = 0;
    KIRQL old = ExAcquireSpinLockShared(&lock);
    ck_assert_uint_eq(old, PASSIVE_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_ne(lock, 0);
    ExAcquireSpinLockSharedAtDpcLevel(&lock);
    ExReleaseSpinLockSharedFromDpcLevel(&lock);
    ExReleaseSpinLockShared(&lock, old);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_int_eq(lock, 0);
}

NT_TEST(ExReleaseSpinLockShared_frees_and_lowers)
{
    EX_SPIN_LOCK lock = 0;
    ExReleaseSpinLockShared(&lock, ExAcquireSpinLockShared(&lock));
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_int_eq(lock, 0);
}

NT_TEST(ExAcquireSpinLockExclusive_raises_and_keeps_readers_out)
{
    EX_SPIN_LOCK lock = 0;
    KIRQL old = ExAcquireSpinLockExclusive(&lock);
    ck_assert_uint_eq(old, PASSIVE_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(ExTryConvertSharedSpinLockExclusive(&lock), FALSE);
    ExReleaseSpinLockExclusive(&lock, old);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_int_eq(lock, 0);
}

NT_TEST(ExReleaseSpinLockExclusive_frees_and_lowers)
{
    EX_SPIN_LOCK lock = 0;
    ExReleaseSpinLockExclusive(&lock, ExAcquireSpinLockExclusive(&lock));
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_int_eq(lock, 0);
}

static void
spin_at_dispatch(bool exclusive)
{
    EX_SPIN_LOCK lock = 0;
    KIRQL old = KeRaiseIrqlToDpcLevel();
    if (exclusive)
        ExAcquireSpinLockExclusiveAtDpcLevel(&lock);
    else
        ExAcquireSpinLockSharedAtDpcLevel(&lock);
    ck_assert_int_ne(lock, 0);
    if (exclusive)
        ExReleaseSpinLockExclusiveFromDpcLevel(&lock);
    else
        ExReleaseSpinLockSharedFromDpcLevel(&lock);
    ck_assert_int_eq(lock, 0);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(old);
}

NT_TEST(ExAcquireSpinLockSharedAtDpcLevel_leaves_the_level) { spin_at_dispatch(false); }
NT_TEST(ExReleaseSpinLockSharedFromDpcLevel_leaves_the_level) { spin_at_dispatch(false); }
NT_TEST(ExAcquireSpinLockExclusiveAtDpcLevel_leaves_the_level) { spin_at_dispatch(true); }
NT_TEST(ExReleaseSpinLockExclusiveFromDpcLevel_leaves_the_level) { spin_at_dispatch(true); }

NT_TEST(ExAcquireRundownProtection_fails_once_rundown_is_over)
{
    EX_RUNDOWN_REF ref;
    ExInitializeRundownProtection(&ref);
    ck_assert_int_eq(ExAcquireRundownProtection(&ref), TRUE);
    ExReleaseRundownProtection(&ref);
    ExWaitForRundownProtectionRelease(&ref);
    ck_assert_int_eq(ExAcquireRundownProtection(&ref), FALSE);
    ck_assert_int_eq(ExAcquireRundownProtectionEx(&ref, 2), FALSE);
}

NT_TEST(ExInitializeRundownProtection_makes_it_available)
{
    EX_RUNDOWN_REF ref;
    memset(&ref, 0xff, sizeof(ref));
    ExInitializeRundownProtection(&ref);
    ck_assert_int_eq(ExAcquireRundownProtection(&ref), TRUE);
    ExReleaseRundownProtection(&ref);
    ExWaitForRundownProtectionRelease(&ref);
}

NT_TEST(ExReInitializeRundownProtection_makes_it_available_again)
{
    EX_RUNDOWN_REF ref;
    ExInitializeRundownProtection(&ref);
    ExWaitForRundownProtectionRelease(&ref);
    ExRundownCompleted(&ref);
    ExReInitializeRundownProtection(&ref);
    ck_assert_int_eq(ExAcquireRundownProtection(&ref), TRUE);
    ExReleaseRundownProtection(&ref);
}

NT_TEST(ExRundownCompleted_refuses_everybody)
{
    EX_RUNDOWN_REF ref;
    ExInitializeRundownProtection(&ref);
    ExRundownCompleted(&ref);
    ck_assert_int_eq(ExAcquireRundownProtection(&ref), FALSE);
}

struct waiter {
    EX_RUNDOWN_REF ref;
    _Atomic bool over;
};

static void
waiter_main(void *arg)
{
    struct waiter *w = arg;
    ExWaitForRundownProtectionRelease(&w->ref);
    w->over = true;
}

// Take count with one call, give back in two: the waiter goes on only after the last.
static void
rundown_in_two_parts(ULONG first, ULONG second)
{
    struct waiter w = {.over = false};
    ExInitializeRundownProtection(&w.ref);
    ck_assert_int_eq(ExAcquireRundownProtectionEx(&w.ref, first + second), TRUE);
    struct ke_thread *helper = nt_test_start(waiter_main, &w);
    nt_test_sleep_ms(20);
    ExReleaseRundownProtectionEx(&w.ref, first);
    nt_test_sleep_ms(20);
    ck_assert(!w.over);
    ck_assert_int_eq(ExAcquireRundownProtection(&w.ref), FALSE);
    ExReleaseRundownProtectionEx(&w.ref, second);
    ke_thread_join(helper);
    ck_assert(w.over);
}

NT_TEST(ExAcquireRundownProtectionEx_counts_as_many_as_asked) { rundown_in_two_parts(2, 1); }
NT_TEST(ExReleaseRundownProtectionEx_gives_back_as_many_as_asked) { rundown_in_two_parts(1, 3); }

NT_TEST(ExReleaseRundownProtection_lets_the_waiter_go_on)
{
    struct waiter w = {.over = false};
    ExInitializeRundownProtection(&w.ref);
    ck_assert_int_eq(ExAcquireRundownProtection(&w.ref), TRUE);
    struct ke_thread *helper = nt_test_start(waiter_main, &w);
    nt_test_sleep_ms(20);
    ck_assert(!w.over);
    ExReleaseRundownProtection(&w.ref);
    ke_thread_join(helper);
    ck_assert(w.over);
}

NT_TEST(ExAllocateCacheAwareRundownProtection_gives_one_that_works)
{
    PEX_RUNDOWN_REF_CACHE_AWARE ref = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'tseT');
    ck_assert_ptr_nonnull(ref);
    ck_assert_int_eq(ExAcquireRundownProtectionCacheAware(ref), TRUE);
    ExReleaseRundownProtectionCacheAware(ref);
    ExWaitForRundownProtectionReleaseCacheAware(ref);
    ck_assert_int_eq(ExAcquireRundownProtectionCacheAware(ref), FALSE);
    ck_assert_int_eq(ExAcquireRundownProtectionCacheAwareEx(ref, 2), FALSE);
    ExRundownCompletedCacheAware(ref);
    ExReInitializeRundownProtectionCacheAware(ref);
    ck_assert_int_eq(ExAcquireRundownProtectionCacheAwareEx(ref, 2), TRUE);
    ExReleaseRundownProtectionCacheAwareEx(ref, 2);
    ExWaitForRundownProtectionReleaseCacheAware(ref);
    ExFreeCacheAwareRundownProtection(ref);
}

// A block that is not given back is counted when the box goes.
NT_TEST(ExFreeCacheAwareRundownProtection_gives_its_memory_back)
{
    ExFreeCacheAwareRundownProtection(ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'tseT'));
}

NT_TEST(ExWaitForRundownProtectionReleaseCacheAware_ends_it)
{
    PEX_RUNDOWN_REF_CACHE_AWARE ref = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'tseT');
    ExWaitForRundownProtectionReleaseCacheAware(ref);
    ck_assert_int_eq(ExAcquireRundownProtectionCacheAware(ref), FALSE);
    ExFreeCacheAwareRundownProtection(ref);
}

NT_TEST(ExInitializeRundownProtectionCacheAware_works_in_memory_of_the_callers)
{
    SIZE_T bytes = ExSizeOfRundownProtectionCacheAware();
    ck_assert_uint_gt(bytes, 0);
    PEX_RUNDOWN_REF_CACHE_AWARE ref = ExAllocatePoolWithTag(NonPagedPoolNx, bytes, 'tseT');
    memset(ref, 0xff, bytes);
    ExInitializeRundownProtectionCacheAware(ref, bytes);
    ck_assert_int_eq(ExAcquireRundownProtectionCacheAware(ref), TRUE);
    ExReleaseRundownProtectionCacheAware(ref);
    ExWaitForRundownProtectionReleaseCacheAware(ref);
    ExFreePool(ref);
}

NT_TEST(ExSizeOfRundownProtectionCacheAware_is_enough_for_one) { ck_assert_uint_ge(ExSizeOfRundownProtectionCacheAware(), sizeof(void *)); }
