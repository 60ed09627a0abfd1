// SPDX-License-Identifier: MIT
// NDIS spin locks, events and memory, each promise of their pages. What is initialised lies in dirty memory first, so that a call
// that does nothing is seen. Sources: [ndis/nf-ndis-ndisallocatespinlock] and its kin, [ndis/nf-ndis-ndisinitializeevent],
// [ndis/nf-ndis-ndiswaitevent], [ndis/nf-ndis-ndismsleep], [ndis/nf-ndis-ndisallocatememorywithtagpriority].
#include <ndis.h>
#include <string.h>
#include <sys/resource.h>

#include "nt/ex/pool.h"
#include "unit/nt/bugcheck.h"

static const NDIS_SPIN_LOCK zero_lock;

static void
lock_init(NDIS_SPIN_LOCK *lock)
{
    memset(lock, 0xcc, sizeof *lock);
    NdisAllocateSpinLock(lock);
}

NT_TEST(NdisAllocateSpinLock_makes_dirty_memory_a_free_lock)
{
    NDIS_SPIN_LOCK lock;
    KIRQL old = KeRaiseIrqlToDpcLevel();   // any level will do
    lock_init(&lock);
    KeLowerIrql(old);
    ck_assert_int_eq(KeTestSpinLock(&lock.SpinLock), TRUE);
    NdisAcquireSpinLock(&lock);
    NdisReleaseSpinLock(&lock);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

NT_TEST(NdisFreeSpinLock_clears_the_memory_and_NdisAllocateSpinLock_makes_it_a_lock_again)
{
    NDIS_SPIN_LOCK lock;
    memset(&lock, 0, sizeof lock);
    NdisAllocateSpinLock(&lock);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    NdisAcquireSpinLock(&lock);
    NdisReleaseSpinLock(&lock);
    ck_assert_uint_eq(lock.OldIrql, DISPATCH_LEVEL);   // there is something to clear
    NdisFreeSpinLock(&lock);
    KeLowerIrql(old);
    ck_assert_mem_eq(&lock, &zero_lock, sizeof lock);
    NdisAllocateSpinLock(&lock);
    NdisAcquireSpinLock(&lock);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    NdisReleaseSpinLock(&lock);
}

NT_TEST(NdisAcquireSpinLock_raises_to_DISPATCH_LEVEL_and_keeps_the_old_level_in_the_lock)
{
    static const KIRQL levels[] = {PASSIVE_LEVEL, APC_LEVEL, DISPATCH_LEVEL};
    NDIS_SPIN_LOCK lock;
    lock_init(&lock);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        KIRQL before;
        KeRaiseIrql(levels[i], &before);
        NdisAcquireSpinLock(&lock);
        ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
        ck_assert_uint_eq(lock.OldIrql, levels[i]);
        ck_assert_int_eq(KeTestSpinLock(&lock.SpinLock), FALSE);
        NdisReleaseSpinLock(&lock);
        KeLowerIrql(before);
    }
}

NT_TEST(NdisReleaseSpinLock_frees_the_lock_and_restores_the_level_before_the_acquisition)
{
    static const KIRQL levels[] = {PASSIVE_LEVEL, APC_LEVEL, DISPATCH_LEVEL};
    NDIS_SPIN_LOCK lock;
    lock_init(&lock);
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        KIRQL before;
        KeRaiseIrql(levels[i], &before);
        NdisAcquireSpinLock(&lock);
        NdisReleaseSpinLock(&lock);
        ck_assert_uint_eq(KeGetCurrentIrql(), levels[i]);
        ck_assert_int_eq(KeTestSpinLock(&lock.SpinLock), TRUE);
        KeLowerIrql(before);
    }
}

// Releasing A while B, taken inside it, is held: the page says what comes of it.
NT_TEST(NdisReleaseSpinLock_out_of_order_lowers_too_soon)
{
    NDIS_SPIN_LOCK a, b;
    lock_init(&a);
    lock_init(&b);
    NdisAcquireSpinLock(&a);
    NdisAcquireSpinLock(&b);
    NdisReleaseSpinLock(&a);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    KeRaiseIrqlToDpcLevel();
    NdisReleaseSpinLock(&b);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(PASSIVE_LEVEL);
}

struct counter {
    NDIS_SPIN_LOCK lock;
    bool at_dispatch;
    uint32_t sum;
};

static void
count_up(void *arg)
{
    struct counter *counter = arg;
    for (int i = 0; i < 30; i++) {
        KIRQL old = PASSIVE_LEVEL;
        if (counter->at_dispatch) {
            old = KeRaiseIrqlToDpcLevel();
            NdisDprAcquireSpinLock(&counter->lock);
        } else
            NdisAcquireSpinLock(&counter->lock);
        uint32_t sum = counter->sum;
        sched_choice(sched_self->sched, SCHED_POINT_DDI);
        counter->sum = sum + 1;
        if (counter->at_dispatch) {
            NdisDprReleaseSpinLock(&counter->lock);
            KeLowerIrql(old);
        } else
            NdisReleaseSpinLock(&counter->lock);
    }
}

static void
count_with_four(bool at_dispatch)
{
    struct counter counter = {.at_dispatch = at_dispatch};
    struct ke_thread *threads[4];
    lock_init(&counter.lock);
    for (int i = 0; i < 4; i++)
        threads[i] = nt_test_start(count_up, &counter);
    for (int i = 0; i < 4; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(counter.sum, 120);
}

NT_TEST_ON(4, NdisAcquireSpinLock_excludes_the_other_processors) { count_with_four(false); }
NT_TEST_ON(4, NdisDprAcquireSpinLock_excludes_the_other_processors) { count_with_four(true); }

NT_TEST(NdisDprAcquireSpinLock_takes_the_lock_and_leaves_the_level)
{
    NDIS_SPIN_LOCK lock;
    lock_init(&lock);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    NdisDprAcquireSpinLock(&lock);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(KeTestSpinLock(&lock.SpinLock), FALSE);
    NdisDprReleaseSpinLock(&lock);
    KeLowerIrql(old);
}

NT_TEST(NdisDprReleaseSpinLock_frees_the_lock_and_leaves_the_level)
{
    NDIS_SPIN_LOCK lock;
    lock_init(&lock);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    NdisDprAcquireSpinLock(&lock);
    NdisDprReleaseSpinLock(&lock);
    ck_assert_int_eq(KeTestSpinLock(&lock.SpinLock), TRUE);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(old);
}

static void
acquire_twice(void)
{
    NDIS_SPIN_LOCK lock;
    lock_init(&lock);
    NdisAcquireSpinLock(&lock);
    NdisAcquireSpinLock(&lock);
}

static void
dpr_acquire_twice(void)
{
    NDIS_SPIN_LOCK lock;
    lock_init(&lock);
    KeRaiseIrqlToDpcLevel();
    NdisDprAcquireSpinLock(&lock);
    NdisDprAcquireSpinLock(&lock);
}

static void
release_free(void)
{
    NDIS_SPIN_LOCK lock;
    lock_init(&lock);
    NdisReleaseSpinLock(&lock);
}

static void
dpr_release_free(void)
{
    NDIS_SPIN_LOCK lock;
    lock_init(&lock);
    KeRaiseIrqlToDpcLevel();
    NdisDprReleaseSpinLock(&lock);
}

// Windows hangs in the first two; a deadlock with oneself is told instead.
TEST(NdisAcquireSpinLock_twice_is_bug_check_f) { expect_bugcheck(acquire_twice, "0xF SPIN_LOCK_ALREADY_OWNED"); }
TEST(NdisDprAcquireSpinLock_twice_is_bug_check_f) { expect_bugcheck(dpr_acquire_twice, "0xF SPIN_LOCK_ALREADY_OWNED"); }
TEST(NdisReleaseSpinLock_of_a_free_lock_is_bug_check_10) { expect_bugcheck(release_free, "0x10 SPIN_LOCK_NOT_OWNED"); }
TEST(NdisDprReleaseSpinLock_of_a_free_lock_is_bug_check_10) { expect_bugcheck(dpr_release_free, "0x10 SPIN_LOCK_NOT_OWNED"); }

// ---- events -----------------------------------------------------------------------------------------------------------------------

static void
event_init(NDIS_EVENT *event)
{
    memset(event, 0xcc, sizeof *event);
    NdisInitializeEvent(event);
}

NT_TEST(NdisInitializeEvent_makes_a_notification_event_that_is_not_signaled)
{
    NDIS_EVENT event;
    event_init(&event);
    ck_assert_int_eq(NdisWaitEvent(&event, 1), FALSE);
    NdisSetEvent(&event);
    for (int i = 0; i < 3; i++)   // a wait takes nothing away
        ck_assert_int_eq(NdisWaitEvent(&event, 1), TRUE);
}

struct waiters {
    NDIS_EVENT event;
    uint32_t through;
};

static void
wait_for_ever(void *arg)
{
    struct waiters *waiters = arg;
    ck_assert_int_eq(NdisWaitEvent(&waiters->event, 0), TRUE);
    __atomic_add_fetch(&waiters->through, 1, __ATOMIC_SEQ_CST);
}

NT_TEST(NdisSetEvent_at_DISPATCH_LEVEL_lets_every_waiter_go_and_the_event_stays_signaled)
{
    struct waiters waiters = {.through = 0};
    struct ke_thread *threads[3];
    event_init(&waiters.event);
    for (int i = 0; i < 3; i++)
        threads[i] = nt_test_start(wait_for_ever, &waiters);
    nt_test_sleep_ms(5);
    ck_assert_uint_eq(waiters.through, 0);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    NdisSetEvent(&waiters.event);
    NdisSetEvent(&waiters.event);   // already signaled: nothing changes
    KeLowerIrql(old);
    for (int i = 0; i < 3; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(waiters.through, 3);
    ck_assert_int_eq(NdisWaitEvent(&waiters.event, 0), TRUE);
}

NT_TEST(NdisResetEvent_at_DISPATCH_LEVEL_takes_the_signal_away)
{
    NDIS_EVENT event;
    event_init(&event);
    NdisSetEvent(&event);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    NdisResetEvent(&event);
    NdisResetEvent(&event);         // not signaled: nothing changes
    KeLowerIrql(old);
    ck_assert_int_eq(NdisWaitEvent(&event, 1), FALSE);
    NdisSetEvent(&event);
    ck_assert_int_eq(NdisWaitEvent(&event, 1), TRUE);
}

NT_TEST(NdisWaitEvent_returns_at_once_when_signaled_and_after_its_milliseconds_when_not)
{
    NDIS_EVENT event;
    event_init(&event);
    ULONGLONG start = KeQueryInterruptTime();
    ck_assert_int_eq(NdisWaitEvent(&event, 30), FALSE);
    ck_assert_uint_eq(KeQueryInterruptTime() - start, 300000);
    NdisSetEvent(&event);
    start = KeQueryInterruptTime();
    ck_assert_int_eq(NdisWaitEvent(&event, 30), TRUE);
    ck_assert_uint_eq(KeQueryInterruptTime(), start);
}

NT_TEST(NdisWaitEvent_of_0_ms_waits_as_long_as_it_takes)
{
    struct waiters waiters = {.through = 0};
    event_init(&waiters.event);
    struct ke_thread *thread = nt_test_start(wait_for_ever, &waiters);
    nt_test_sleep_ms(3600 * 1000);
    ck_assert_uint_eq(waiters.through, 0);
    NdisSetEvent(&waiters.event);
    ke_thread_join(thread);
    ck_assert_uint_eq(waiters.through, 1);
}

static void
wait_at_dispatch(void)
{
    NDIS_EVENT event;
    event_init(&event);
    KeRaiseIrqlToDpcLevel();
    NdisWaitEvent(&event, 0);
}

static void
wait_at_apc(void)
{
    NDIS_EVENT event;
    KIRQL old;
    event_init(&event);
    NdisSetEvent(&event);
    KeRaiseIrql(APC_LEVEL, &old);
    NdisWaitEvent(&event, 1);
}

TEST(NdisWaitEvent_at_DISPATCH_LEVEL_is_fatal) { expect_bugcheck(wait_at_dispatch, "0xA IRQL_NOT_LESS_OR_EQUAL"); }
TEST(NdisWaitEvent_at_APC_LEVEL_is_fatal) { expect_bugcheck(wait_at_apc, "0xA IRQL_NOT_LESS_OR_EQUAL"); }

NT_TEST(NdisMSleep_waits_that_many_microseconds_and_lets_others_run)
{
    static const ULONG sleeps[] = {1, 50, 1000, 30000000};
    for (size_t i = 0; i < sizeof sleeps / sizeof *sleeps; i++) {
        ULONGLONG start = KeQueryInterruptTime();
        NdisMSleep(sleeps[i]);
        ck_assert_uint_eq(KeQueryInterruptTime() - start, sleeps[i] * 10ull);
    }
}

static void
note_that_it_ran(void *arg)
{
    *(_Atomic bool *)arg = true;
}

NT_TEST_ON(1, NdisMSleep_gives_the_processor_to_another_thread)
{
    _Atomic bool ran = false;
    struct ke_thread *thread = nt_test_start(note_that_it_ran, (void *)&ran);
    NdisMSleep(1000);
    ck_assert(ran);
    ke_thread_join(thread);
}

// ---- memory -----------------------------------------------------------------------------------------------------------------------

static uint64_t
bytes_out(ULONG tag)
{
    struct ex_pool_usage usage;
    ex_pool_usage_get(box_self(), tag, &usage);
    return usage.bytes;
}

NT_TEST(NdisAllocateMemoryWithTagPriority_gives_memory_under_its_tag_at_DISPATCH_LEVEL_too)
{
    static const EX_POOL_PRIORITY priorities[] = {LowPoolPriority, NormalPoolPriority, HighPoolPriority};
    for (size_t i = 0; i < sizeof priorities / sizeof *priorities; i++) {
        KIRQL old = KeRaiseIrqlToDpcLevel();
        char *block = NdisAllocateMemoryWithTagPriority(NULL, 100, 'tseT', priorities[i]);
        ck_assert_ptr_nonnull(block);
        ck_assert_uint_eq((uintptr_t)block % MEMORY_ALLOCATION_ALIGNMENT, 0);
        memset(block, 0x5a, 100);
        ck_assert_uint_eq(bytes_out('tseT'), 100);
        NdisFreeMemoryWithTagPriority(NULL, block, 'tseT');
        KeLowerIrql(old);
        ck_assert_uint_eq(bytes_out('tseT'), 0);
    }
}

#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)   // they end the process when memory runs out
NT_TEST(NdisAllocateMemoryWithTagPriority_returns_NULL_when_there_is_no_memory)
{
    struct rlimit before, tight = {.rlim_cur = 1 << 20};   // less than is mapped already: nothing more can be had from the system
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
    tight.rlim_max = before.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &tight), 0);
    void *block = NdisAllocateMemoryWithTagPriority(NULL, 1u << 30, 'tseT', HighPoolPriority);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
    ck_assert_ptr_null(block);
    ck_assert_uint_eq(bytes_out('tseT'), 0);
}
#endif

NT_TEST(NdisFreeMemory_gives_back_whatever_its_Length_says_at_DISPATCH_LEVEL_too)
{
    static const UINT lengths[] = {0, 64, 100000};   // ignored for memory of NdisAllocateMemoryWithTagPriority
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        void *block = NdisAllocateMemoryWithTagPriority(NULL, 64, 'tseT', NormalPoolPriority);
        KIRQL old = KeRaiseIrqlToDpcLevel();
        ck_assert_uint_eq(bytes_out('tseT'), 64);
        NdisFreeMemory(block, lengths[i], 0);
        ck_assert_uint_eq(bytes_out('tseT'), 0);
        KeLowerIrql(old);
    }
}

NT_TEST(NdisGetVersion_has_the_major_number_in_its_high_half_and_the_minor_in_its_low)
{
    ck_assert_uint_eq(NdisGetVersion() >> 16, 6);
    ck_assert_uint_eq(NdisGetVersion() & 0xffff, 85);
}
