// SPDX-License-Identifier: MIT
// Rundown protection by counts and in its cache-aware form, mutexes and interlocked lists: who is let in, who waits, at which IRQL.
// Sources: [wdm/nf-wdm-exacquirerundownprotectionex], [wdm/nf-wdm-exrundowncompleted], [windows-driver-docs kernel/run-down-protection,
// kernel/fast-mutexes-and-guarded-mutexes], [wdm/nf-wdm-exinterlockedpushentrylist].
#include <string.h>

#include "unit/nt/bugcheck.h"

struct waiter {
    EX_RUNDOWN_REF plain;
    PEX_RUNDOWN_REF_CACHE_AWARE aware;
    _Atomic bool over;
};

static void
waiter_main(void *arg)
{
    struct waiter *w = arg;
    if (w->aware)
        ExWaitForRundownProtectionReleaseCacheAware(w->aware);
    else
        ExWaitForRundownProtectionRelease(&w->plain);
    w->over = true;
}

static BOOLEAN
enter(struct waiter *w, ULONG count)
{
    if (w->aware)
        return count == 1 ? ExAcquireRundownProtectionCacheAware(w->aware) : ExAcquireRundownProtectionCacheAwareEx(w->aware, count);
    return ExAcquireRundownProtectionEx(&w->plain, count);
}

static void
leave(struct waiter *w, ULONG count)
{
    if (!w->aware)
        ExReleaseRundownProtectionEx(&w->plain, count);
    else if (count == 1)
        ExReleaseRundownProtectionCacheAware(w->aware);
    else
        ExReleaseRundownProtectionCacheAwareEx(w->aware, count);
}

// Taken as 3, 1 and 4 at DISPATCH_LEVEL, too; given back in parts: the waiter goes on after the last, and nobody enters meanwhile.
static void
check_rundown(bool is_aware)
{
    struct waiter w = {.over = false};
    ExInitializeRundownProtection(&w.plain);
    if (is_aware)
        w.aware = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'tseT');
    ck_assert_int_eq(enter(&w, 3), TRUE);
    ck_assert_int_eq(enter(&w, 1), TRUE);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ck_assert_int_eq(enter(&w, 4), TRUE);
    leave(&w, 1);
    ck_assert_int_eq(enter(&w, 1), TRUE);
    KeLowerIrql(old);
    struct ke_thread *thread = nt_test_start(waiter_main, &w);
    nt_test_sleep_ms(5);
    ck_assert_int_eq(enter(&w, 1), FALSE);
    ck_assert_int_eq(enter(&w, 2), FALSE);
    leave(&w, 2);
    leave(&w, 5);
    nt_test_sleep_ms(5);
    ck_assert(!w.over);
    leave(&w, 1);
    ke_thread_join(thread);
    ck_assert(w.over);
    ck_assert_int_eq(enter(&w, 1), FALSE);
    if (is_aware)
        ExFreeCacheAwareRundownProtection(w.aware);
}

NT_TEST(ExAcquireRundownProtectionEx_counts_and_fails_from_the_start_of_the_rundown)
{
    check_rundown(false);
}
NT_TEST(ExReleaseRundownProtectionEx_ends_the_wait_with_the_last_one)
{
    check_rundown(false);
}
NT_TEST(ExAcquireRundownProtectionCacheAware_fails_from_the_start_of_the_rundown)
{
    check_rundown(true);
}
NT_TEST(ExAcquireRundownProtectionCacheAwareEx_counts_and_fails_from_the_start_of_the_rundown)
{
    check_rundown(true);
}
NT_TEST(ExReleaseRundownProtectionCacheAware_ends_the_wait_with_the_last_one)
{
    check_rundown(true);
}
NT_TEST(ExReleaseRundownProtectionCacheAwareEx_gives_back_as_many_as_asked)
{
    check_rundown(true);
}

NT_TEST(ExRundownCompleted_lets_waits_return_at_once_and_fails_who_enters)
{
    EX_RUNDOWN_REF ref;
    ExInitializeRundownProtection(&ref);
    ExWaitForRundownProtectionRelease(&ref);
    ref.Count = 0;                                           // whatever the wait has left there
    ExRundownCompleted(&ref);
    ExWaitForRundownProtectionRelease(&ref);
    ck_assert_int_eq(ExAcquireRundownProtection(&ref), FALSE);
    ExReInitializeRundownProtection(&ref);
    ck_assert_int_eq(ExAcquireRundownProtection(&ref), TRUE);
    ExReleaseRundownProtection(&ref);
}

NT_TEST(ExRundownCompletedCacheAware_lets_waits_return_at_once_and_fails_who_enters)
{
    PEX_RUNDOWN_REF_CACHE_AWARE ref = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'tseT');
    ExRundownCompletedCacheAware(ref);
    ck_assert_int_eq(ExAcquireRundownProtectionCacheAware(ref), FALSE);
    ExWaitForRundownProtectionReleaseCacheAware(ref);
    ExReInitializeRundownProtectionCacheAware(ref);
    ck_assert_int_eq(ExAcquireRundownProtectionCacheAware(ref), TRUE);
    ExReleaseRundownProtectionCacheAware(ref);
    ExFreeCacheAwareRundownProtection(ref);
}

static void
leave_too_often(void)
{
    EX_RUNDOWN_REF ref;
    ExInitializeRundownProtection(&ref);
    ExAcquireRundownProtectionEx(&ref, 2);
    ExReleaseRundownProtectionEx(&ref, 3);
}

TEST(ExReleaseRundownProtectionEx_of_more_than_were_taken_is_reported)
{
    expect_bugcheck(leave_too_often, "bug check");
}

// The mutexes, each with its way in and out, and what it does to the thread meanwhile.
struct way {
    VOID(NTAPI *take)(PFAST_MUTEX);
    VOID(NTAPI *drop)(PFAST_MUTEX);
    KIRQL irql;
    bool guarded;
};

static FAST_MUTEX mutex;
static const struct way *way;
static _Atomic uint32_t inside, entered;

static void
contend(void *arg)
{
    for (int i = 0; i < 5; i++) {
        KeEnterGuardedRegion();
        KeLeaveGuardedRegion();
        KeEnterCriticalRegion();
        way->take(&mutex);
        ck_assert_uint_eq(KeGetCurrentIrql(), way->irql);
        ck_assert_int_eq(KeAreAllApcsDisabled(), way->guarded || way->irql == APC_LEVEL);
        ck_assert_uint_eq(atomic_fetch_add(&inside, 1), 0);
        nt_test_sleep_ms(1);
        atomic_fetch_sub(&inside, 1);
        entered++;
        way->drop(&mutex);
        ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
        ck_assert_int_eq(KeAreAllApcsDisabled(), FALSE);
        KeLeaveCriticalRegion();
    }
}

static void
check_mutex(const struct way *of)
{
    way = of;
    entered = 0;
    memset(&mutex, 0xcc, sizeof mutex);
    KeInitializeGuardedMutex(&mutex);
    struct ke_thread *threads[3];
    for (int i = 0; i < 3; i++)
        threads[i] = nt_test_start(contend, NULL);
    for (int i = 0; i < 3; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(entered, 15);
}

static VOID NTAPI
try_fast(PFAST_MUTEX m)
{
    while (!ExTryToAcquireFastMutex(m))
        nt_test_sleep_ms(1);
}

static VOID NTAPI
try_guarded(PFAST_MUTEX m)
{
    while (!KeTryToAcquireGuardedMutex(m))
        nt_test_sleep_ms(1);
}

static const struct way fast = {ExAcquireFastMutex, ExReleaseFastMutex, APC_LEVEL, false},
                        fast_unsafe = {ExAcquireFastMutexUnsafe, ExReleaseFastMutexUnsafe, PASSIVE_LEVEL, false},
                        fast_try = {try_fast, ExReleaseFastMutex, APC_LEVEL, false},
                        guarded = {KeAcquireGuardedMutex, KeReleaseGuardedMutex, PASSIVE_LEVEL, true},
                        guarded_unsafe = {KeAcquireGuardedMutexUnsafe, KeReleaseGuardedMutexUnsafe, PASSIVE_LEVEL, false},
                        guarded_try = {try_guarded, KeReleaseGuardedMutex, PASSIVE_LEVEL, true};

NT_TEST(ExAcquireFastMutex_lets_one_thread_in_at_a_time_at_APC_LEVEL)
{
    check_mutex(&fast);
}
NT_TEST(ExReleaseFastMutex_lets_the_next_thread_in_and_restores_the_level)
{
    check_mutex(&fast);
}
NT_TEST(ExAcquireFastMutexUnsafe_lets_one_thread_in_at_a_time)
{
    check_mutex(&fast_unsafe);
}
NT_TEST(ExReleaseFastMutexUnsafe_lets_the_next_thread_in)
{
    check_mutex(&fast_unsafe);
}
NT_TEST(ExTryToAcquireFastMutex_lets_one_thread_in_at_a_time_at_APC_LEVEL)
{
    check_mutex(&fast_try);
}
NT_TEST(KeAcquireGuardedMutex_lets_one_thread_in_at_a_time_in_a_guarded_region)
{
    check_mutex(&guarded);
}
NT_TEST(KeReleaseGuardedMutex_lets_the_next_thread_in_and_leaves_the_region)
{
    check_mutex(&guarded);
}
NT_TEST(KeAcquireGuardedMutexUnsafe_lets_one_thread_in_at_a_time)
{
    check_mutex(&guarded_unsafe);
}
NT_TEST(KeReleaseGuardedMutexUnsafe_lets_the_next_thread_in)
{
    check_mutex(&guarded_unsafe);
}
NT_TEST(KeTryToAcquireGuardedMutex_lets_one_thread_in_at_a_time_in_a_guarded_region)
{
    check_mutex(&guarded_try);
}

static void
fast_at_dispatch(void)
{
    KeInitializeGuardedMutex(&mutex);
    KeRaiseIrqlToDpcLevel();
    ExAcquireFastMutex(&mutex);
}

TEST(ExAcquireFastMutex_at_DISPATCH_LEVEL_is_a_bug_check)
{
    expect_bugcheck(fast_at_dispatch, "0xA IRQL_NOT_LESS_OR_EQUAL");
}

// At HIGH_LEVEL as at PASSIVE_LEVEL, and the lock is free and the level as it was behind each call.
#define EACH_LEVEL(level) \
    for (KIRQL level = PASSIVE_LEVEL, old_##level; level <= HIGH_LEVEL; level += HIGH_LEVEL) \
        for (int once = (KeRaiseIrql(level, &old_##level), 1); once; once = 0, KeLowerIrql(old_##level))

NT_TEST_ONE(ExInterlockedPushEntryList_and_ExInterlockedPopEntryList_work_at_any_level)
{
    EACH_LEVEL(irql)
    {
        SINGLE_LIST_ENTRY head = {NULL}, a, b;
        KSPIN_LOCK lock;
        KeInitializeSpinLock(&lock);
        ck_assert_ptr_null(ExInterlockedPushEntryList(&head, &a, &lock));
        ck_assert_ptr_eq(ExInterlockedPushEntryList(&head, &b, &lock), &a);
        ck_assert_ptr_eq(ExInterlockedPopEntryList(&head, &lock), &b);
        ck_assert_ptr_eq(ExInterlockedPopEntryList(&head, &lock), &a);
        ck_assert_ptr_null(ExInterlockedPopEntryList(&head, &lock));
        ck_assert_uint_eq(KeGetCurrentIrql(), irql);
    }
}

struct counters {
    KSPIN_LOCK lock;
    ULONG small;
    LARGE_INTEGER large;
};

static void
count(void *arg)
{
    struct counters *c = arg;
    for (int i = 0; i < 20; i++) {
        ExInterlockedAddUlong(&c->small, 3, &c->lock);
        ExInterlockedAddLargeInteger(&c->large, (LARGE_INTEGER){.QuadPart = -5}, &c->lock);
    }
}

NT_TEST(ExInterlockedAddUlong_and_ExInterlockedAddLargeInteger_lose_nothing)
{
    struct counters c = {.large = {.QuadPart = 0x100000010}};
    struct ke_thread *threads[3];
    KeInitializeSpinLock(&c.lock);
    for (int i = 0; i < 3; i++)
        threads[i] = nt_test_start(count, &c);
    for (int i = 0; i < 3; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(c.small, 180);
    ck_assert_int_eq(c.large.QuadPart, 0x100000010 - 300);
}
