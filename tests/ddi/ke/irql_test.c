// SPDX-License-Identifier: MIT
// IRQL and spin locks, one front door a test. Sources: [wdm/nf-wdm-keraiseirql], [wdm/nf-wdm-kelowerirql],
// [wdm/nf-wdm-keacquirespinlock], [wdm/nf-wdm-keacquireinstackqueuedspinlock], [wdm/nf-wdm-keacquirespinlockfordpc].
#include "unit/nt/nt_test.h"

NT_TEST(KeGetCurrentIrql_follows_every_change)
{
    KIRQL old;
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    KeRaiseIrql(APC_LEVEL, &old);
    ck_assert_uint_eq(old, PASSIVE_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), APC_LEVEL);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ck_assert_uint_eq(old, APC_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(APC_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), APC_LEVEL);
    KeLowerIrql(PASSIVE_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

NT_TEST(KfRaiseIrql_returns_the_level_before)
{
    ck_assert_uint_eq(KfRaiseIrql(APC_LEVEL), PASSIVE_LEVEL);
    ck_assert_uint_eq(KfRaiseIrql(DISPATCH_LEVEL), APC_LEVEL);
    KeLowerIrql(PASSIVE_LEVEL);
}

NT_TEST(KeRaiseIrqlToDpcLevel_owns_the_processor_until_lowered)
{
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ck_assert_uint_eq(old, PASSIVE_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_uint_eq(KeRaiseIrqlToDpcLevel(), DISPATCH_LEVEL);
    KeLowerIrql(old);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

NT_TEST(KeRaiseIrqlToSynchLevel_is_at_or_above_dispatch)
{
    KIRQL old = KeRaiseIrqlToSynchLevel();
    ck_assert_uint_eq(old, PASSIVE_LEVEL);
    ck_assert_uint_ge(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(old);
}

static void
lower_helper(void *arg)
{
    KIRQL old = KeRaiseIrqlToDpcLevel();
    *(_Atomic bool *)arg = true;
    KeLowerIrql(old);
}

// With one processor nobody else gets to DISPATCH before it is lowered.
NT_TEST_ON(1, KeLowerIrql_gives_the_processor_back)
{
    _Atomic bool ran = false;
    KIRQL old = KeRaiseIrqlToDpcLevel();
    struct ke_thread *helper = nt_test_start(lower_helper, (void *)&ran);
    for (int i = 0; i < 50; i++)
        KeStallExecutionProcessor(10);
    ck_assert(!ran);
    KeLowerIrql(old);
    ke_thread_join(helper);
    ck_assert(ran);
}

NT_TEST(KeTestSpinLock_says_whether_a_lock_is_free)
{
    KSPIN_LOCK lock;
    KIRQL old;
    KeInitializeSpinLock(&lock);
    ck_assert_int_eq(KeTestSpinLock(&lock), TRUE);
    KeAcquireSpinLock(&lock, &old);
    ck_assert_int_eq(KeTestSpinLock(&lock), FALSE);
    KeReleaseSpinLock(&lock, old);
    ck_assert_int_eq(KeTestSpinLock(&lock), TRUE);
}

NT_TEST(KeAcquireSpinLockRaiseToDpc_raises_and_takes)
{
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    KIRQL old = KeAcquireSpinLockRaiseToDpc(&lock);
    ck_assert_uint_eq(old, PASSIVE_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(KeTestSpinLock(&lock), FALSE);
    KeReleaseSpinLock(&lock, old);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

NT_TEST(KeAcquireSpinLockAtDpcLevel_takes_and_leaves_the_level)
{
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    KeAcquireSpinLockAtDpcLevel(&lock);
    ck_assert_int_eq(KeTestSpinLock(&lock), FALSE);
    ck_assert_int_eq(KeTryToAcquireSpinLockAtDpcLevel(&lock), FALSE);
    KeReleaseSpinLockFromDpcLevel(&lock);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(old);
}

NT_TEST(KeReleaseSpinLockFromDpcLevel_drops_and_leaves_the_level)
{
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ck_assert_int_eq(KeTryToAcquireSpinLockAtDpcLevel(&lock), TRUE);
    KeReleaseSpinLockFromDpcLevel(&lock);
    ck_assert_int_eq(KeTestSpinLock(&lock), TRUE);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(old);
}

NT_TEST(KeAcquireSpinLockForDpc_works_below_and_at_dispatch)
{
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    KIRQL old = KeAcquireSpinLockForDpc(&lock);
    ck_assert_uint_eq(old, PASSIVE_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(KeTestSpinLock(&lock), FALSE);
    KeReleaseSpinLockForDpc(&lock, old);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

NT_TEST(KeReleaseSpinLockForDpc_goes_back_to_the_level_before)
{
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    KIRQL before = KeRaiseIrqlToDpcLevel(), old = KeAcquireSpinLockForDpc(&lock);
    ck_assert_uint_eq(old, DISPATCH_LEVEL);
    KeReleaseSpinLockForDpc(&lock, old);
    ck_assert_int_eq(KeTestSpinLock(&lock), TRUE);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(before);
}

NT_TEST(KeReleaseInStackQueuedSpinLock_drops_and_lowers)
{
    KSPIN_LOCK lock;
    KLOCK_QUEUE_HANDLE handle;
    KeInitializeSpinLock(&lock);
    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(KeTestSpinLock(&lock), FALSE);
    KeReleaseInStackQueuedSpinLock(&handle);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_int_eq(KeTestSpinLock(&lock), TRUE);
}

NT_TEST(KeAcquireInStackQueuedSpinLockAtDpcLevel_takes_the_same_lock)
{
    KSPIN_LOCK lock;
    KLOCK_QUEUE_HANDLE handle;
    KeInitializeSpinLock(&lock);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    KeAcquireInStackQueuedSpinLockAtDpcLevel(&lock, &handle);
    ck_assert_int_eq(KeTestSpinLock(&lock), FALSE);
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&handle);
    ck_assert_int_eq(KeTestSpinLock(&lock), TRUE);
    KeLowerIrql(old);
}

NT_TEST(KeReleaseInStackQueuedSpinLockFromDpcLevel_leaves_the_level)
{
    KSPIN_LOCK lock;
    KLOCK_QUEUE_HANDLE handle;
    KeInitializeSpinLock(&lock);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    KeAcquireInStackQueuedSpinLockAtDpcLevel(&lock, &handle);
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&handle);
    ck_assert_int_eq(KeTestSpinLock(&lock), TRUE);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(old);
}

NT_TEST(KeAcquireInStackQueuedSpinLockForDpc_remembers_the_level_in_its_handle)
{
    KSPIN_LOCK lock;
    KLOCK_QUEUE_HANDLE handle;
    KeInitializeSpinLock(&lock);
    KeAcquireInStackQueuedSpinLockForDpc(&lock, &handle);
    ck_assert_uint_eq(handle.OldIrql, PASSIVE_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(KeTestSpinLock(&lock), FALSE);
    KeReleaseInStackQueuedSpinLockForDpc(&handle);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

NT_TEST(KeReleaseInStackQueuedSpinLockForDpc_drops_and_goes_back)
{
    KSPIN_LOCK lock;
    KLOCK_QUEUE_HANDLE handle;
    KeInitializeSpinLock(&lock);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    KeAcquireInStackQueuedSpinLockForDpc(&lock, &handle);
    KeReleaseInStackQueuedSpinLockForDpc(&handle);
    ck_assert_int_eq(KeTestSpinLock(&lock), TRUE);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(old);
}
