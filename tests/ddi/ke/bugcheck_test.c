// SPDX-License-Identifier: MIT
// IRQL and spin locks: what the pages call an error, and the level a release gives back. Sources: [wdm/nf-wdm-keraiseirqltodpclevel],
// [wdm/nf-wdm-kereleasespinlock], [wdm/nf-wdm-kereleasespinlockfromdpclevel], [wdm/nf-wdm-keacquireinstackqueuedspinlockatdpclevel].
#include <string.h>

#include "unit/nt/bugcheck.h"

static void
dispatch_from_above(void)
{
    KIRQL old;
    KeRaiseIrql(HIGH_LEVEL, &old);
    KeRaiseIrqlToDpcLevel();
}

TEST(KeRaiseIrqlToDpcLevel_above_DISPATCH_LEVEL_is_a_bug_check) { expect_bugcheck(dispatch_from_above, "0x9 IRQL_NOT_GREATER_OR_EQUAL"); }

static void
lower_upwards(void)
{
    KeLowerIrql(APC_LEVEL);
}

TEST(KeLowerIrql_to_a_higher_level_is_a_bug_check) { expect_bugcheck(lower_upwards, "0xA IRQL_NOT_LESS_OR_EQUAL"); }

NT_TEST(KeLowerIrql_restores_each_level_that_KeRaiseIrql_returned)
{
    static const KIRQL levels[] = {APC_LEVEL, DISPATCH_LEVEL, DISPATCH_LEVEL + 3, HIGH_LEVEL};
    KIRQL before[4];
    for (int i = 0; i < 4; i++)
        KeRaiseIrql(levels[i], &before[i]);
    for (int i = 3; i >= 0; i--) {
        KeLowerIrql(before[i]);
        ck_assert_uint_eq(KeGetCurrentIrql(), i ? levels[i - 1] : PASSIVE_LEVEL);
    }
}

NT_TEST(KeRaiseIrqlToDpcLevel_returns_the_level_of_each_caller_up_to_DISPATCH_LEVEL)
{
    static const KIRQL levels[] = {PASSIVE_LEVEL, APC_LEVEL, DISPATCH_LEVEL};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        KIRQL before;
        KeRaiseIrql(levels[i], &before);
        KIRQL old = KeRaiseIrqlToDpcLevel();
        ck_assert_uint_eq(old, levels[i]);
        ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
        KeLowerIrql(old);
        ck_assert_uint_eq(KeGetCurrentIrql(), levels[i]);
        KeLowerIrql(before);
    }
}

NT_TEST(KeGetCurrentIrql_tells_levels_above_DISPATCH_LEVEL_too)
{
    KIRQL old;
    KeRaiseIrql(HIGH_LEVEL, &old);
    ck_assert_uint_eq(KeGetCurrentIrql(), HIGH_LEVEL);
    KeLowerIrql(old);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

static void
queued_twice(void)
{
    KSPIN_LOCK lock;
    KLOCK_QUEUE_HANDLE first, second;
    KeInitializeSpinLock(&lock);
    KeAcquireInStackQueuedSpinLock(&lock, &first);
    KeAcquireInStackQueuedSpinLockAtDpcLevel(&lock, &second);
}

TEST(KeAcquireInStackQueuedSpinLockAtDpcLevel_twice_is_bug_check_f) { expect_bugcheck(queued_twice, "0xF SPIN_LOCK_ALREADY_OWNED"); }

// Every way to take and to give back, from every level: the level while held, the level after, the lock while held and after.
enum kind { PLAIN, RAISE, QUEUED, FOR_DPC, QUEUED_FOR_DPC };

static void
take_and_drop(enum kind kind, KIRQL level)
{
    KSPIN_LOCK lock;
    KLOCK_QUEUE_HANDLE handle;
    KIRQL before, old = HIGH_LEVEL;
    memset(&handle, 0xcc, sizeof handle);
    KeInitializeSpinLock(&lock);
    KeRaiseIrql(level, &before);
    if (kind == PLAIN)
        KeAcquireSpinLock(&lock, &old);
    else if (kind == RAISE)
        old = KeAcquireSpinLockRaiseToDpc(&lock);
    else if (kind == FOR_DPC)
        old = KeAcquireSpinLockForDpc(&lock);
    else if (kind == QUEUED)
        KeAcquireInStackQueuedSpinLock(&lock, &handle);
    else
        KeAcquireInStackQueuedSpinLockForDpc(&lock, &handle);
    ck_assert_uint_eq(kind == QUEUED || kind == QUEUED_FOR_DPC ? handle.OldIrql : old, level);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(KeTestSpinLock(&lock), FALSE);
    if (kind == PLAIN || kind == RAISE)
        KeReleaseSpinLock(&lock, old);
    else if (kind == FOR_DPC)
        KeReleaseSpinLockForDpc(&lock, old);
    else if (kind == QUEUED)
        KeReleaseInStackQueuedSpinLock(&handle);
    else
        KeReleaseInStackQueuedSpinLockForDpc(&handle);
    ck_assert_uint_eq(KeGetCurrentIrql(), level);
    ck_assert_int_eq(KeTestSpinLock(&lock), TRUE);
    KeLowerIrql(before);
}

static void
take_and_drop_at_every_level(enum kind kind)
{
    take_and_drop(kind, PASSIVE_LEVEL);
    take_and_drop(kind, APC_LEVEL);
    take_and_drop(kind, DISPATCH_LEVEL);
}

NT_TEST(KeReleaseSpinLock_restores_the_level_it_is_given) { take_and_drop_at_every_level(PLAIN); }
NT_TEST(KeAcquireSpinLockRaiseToDpc_returns_the_level_of_the_caller) { take_and_drop_at_every_level(RAISE); }
NT_TEST(KeAcquireInStackQueuedSpinLock_raises_to_DISPATCH_LEVEL_from_any_level) { take_and_drop_at_every_level(QUEUED); }
NT_TEST(KeReleaseInStackQueuedSpinLock_restores_the_level_saved_at_the_acquisition) { take_and_drop_at_every_level(QUEUED); }
NT_TEST(KeAcquireSpinLockForDpc_returns_the_level_of_the_caller) { take_and_drop_at_every_level(FOR_DPC); }
NT_TEST(KeReleaseSpinLockForDpc_restores_the_level_it_is_given) { take_and_drop_at_every_level(FOR_DPC); }
NT_TEST(KeAcquireInStackQueuedSpinLockForDpc_raises_when_below_DISPATCH_LEVEL) { take_and_drop_at_every_level(QUEUED_FOR_DPC); }
NT_TEST(KeReleaseInStackQueuedSpinLockForDpc_restores_the_level_saved) { take_and_drop_at_every_level(QUEUED_FOR_DPC); }

NT_TEST(KeAcquireSpinLockAtDpcLevel_above_DISPATCH_LEVEL_leaves_the_level)
{
    KSPIN_LOCK lock;
    KIRQL old;
    KeInitializeSpinLock(&lock);
    KeRaiseIrql(DISPATCH_LEVEL + 1, &old);
    KeAcquireSpinLockAtDpcLevel(&lock);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL + 1);
    ck_assert_int_eq(KeTestSpinLock(&lock), FALSE);
    KeReleaseSpinLockFromDpcLevel(&lock);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL + 1);
    KeLowerIrql(old);
}

NT_TEST(KeReleaseSpinLockFromDpcLevel_of_a_lock_of_KeAcquireSpinLock_does_not_restore_the_level)
{
    KSPIN_LOCK lock;
    KIRQL old;
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    KeReleaseSpinLockFromDpcLevel(&lock);
    ck_assert_int_eq(KeTestSpinLock(&lock), TRUE);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(old);
}

NT_TEST(KeAcquireInStackQueuedSpinLockAtDpcLevel_at_or_above_DISPATCH_LEVEL_leaves_the_level)
{
    for (KIRQL level = DISPATCH_LEVEL; level <= DISPATCH_LEVEL + 1; level++) {
        KSPIN_LOCK lock;
        KLOCK_QUEUE_HANDLE handle;
        KIRQL old;
        KeInitializeSpinLock(&lock);
        KeRaiseIrql(level, &old);
        KeAcquireInStackQueuedSpinLockAtDpcLevel(&lock, &handle);
        ck_assert_uint_eq(KeGetCurrentIrql(), level);
        ck_assert_int_eq(KeTestSpinLock(&lock), FALSE);
        KeReleaseInStackQueuedSpinLockFromDpcLevel(&handle);
        ck_assert_uint_eq(KeGetCurrentIrql(), level);
        KeLowerIrql(old);
    }
}

NT_TEST(KeTestSpinLock_neither_takes_the_lock_nor_changes_the_level)
{
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(KeTestSpinLock(&lock), TRUE);
        ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    }
}

struct shared {
    KSPIN_LOCK lock;
    _Atomic bool held, done;
};

static void
hold(void *arg)
{
    struct shared *shared = arg;
    KIRQL old;
    KeAcquireSpinLock(&shared->lock, &old);
    shared->held = true;
    while (!shared->done)
        KeStallExecutionProcessor(10);
    KeReleaseSpinLock(&shared->lock, old);
}

NT_TEST(KeTryToAcquireSpinLockAtDpcLevel_returns_FALSE_at_once_while_held_elsewhere_and_TRUE_with_the_lock)
{
    struct shared shared = {.held = false};
    KeInitializeSpinLock(&shared.lock);
    struct ke_thread *thread = nt_test_start(hold, &shared);
    while (!shared.held)
        nt_test_sleep_ms(1);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ck_assert_int_eq(KeTryToAcquireSpinLockAtDpcLevel(&shared.lock), FALSE);
    shared.done = true;
    KeLowerIrql(old);
    ke_thread_join(thread);
    old = KeRaiseIrqlToDpcLevel();
    ck_assert_int_eq(KeTryToAcquireSpinLockAtDpcLevel(&shared.lock), TRUE);
    ck_assert_int_eq(KeTestSpinLock(&shared.lock), FALSE);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeReleaseSpinLock(&shared.lock, old);   // as the page says
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}
