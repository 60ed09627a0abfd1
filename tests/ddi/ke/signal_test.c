// SPDX-License-Identifier: MIT
// Wait=TRUE of what signals: DISPATCH_LEVEL from the signal to the wait, and the level of before after it; and the two ways a mutex's
// release is refused. Sources: [wdm/nf-wdm-kesetevent], [wdm/nf-wdm-kereleasemutex].
#include "unit/nt/bugcheck.h"

static NTSTATUS
poll(void *object)
{
    LARGE_INTEGER now = {0};
    return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, &now);
}

// ---- events -------------------------------------------------------------------------------------------------------------------------

static void
set_then_wait(KIRQL level)
{
    KEVENT set, wanted;
    void *both[2] = {&set, &wanted};
    KIRQL old;
    KeInitializeEvent(&set, NotificationEvent, FALSE);
    KeInitializeEvent(&wanted, SynchronizationEvent, TRUE);
    KeRaiseIrql(level, &old);
    ck_assert_int_eq(KeSetEvent(&set, 0, FALSE), 0);
    ck_assert_uint_eq(KeGetCurrentIrql(), level);
    ck_assert_int_ne(KeSetEvent(&set, 0, TRUE), 0);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(KeWaitForSingleObject(&wanted, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(KeGetCurrentIrql(), level);
    KeClearEvent(&set);
    ck_assert_int_eq(KeSetEvent(&set, IO_NETWORK_INCREMENT, TRUE), 0);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(KeWaitForMultipleObjects(2, both, WaitAny, Executive, KernelMode, FALSE, NULL, NULL), STATUS_WAIT_0);
    ck_assert_uint_eq(KeGetCurrentIrql(), level);
    // The wait that ends by its timeout gives the level back as well.
    KeClearEvent(&set);
    KeSetEvent(&set, 0, TRUE);
    ck_assert_int_eq(poll(&wanted), STATUS_TIMEOUT);
    ck_assert_uint_eq(KeGetCurrentIrql(), level);
    KeLowerIrql(old);
}

NT_TEST(KeSetEvent_with_Wait_stays_at_DISPATCH_LEVEL_until_the_wait_that_follows)
{
    set_then_wait(PASSIVE_LEVEL);
    set_then_wait(APC_LEVEL);
}

struct pair {
    KEVENT there, back;
    uint32_t rounds;
};

static void
answer(void *arg)
{
    struct pair *pair = arg;
    for (uint32_t i = 0; i < 100; i++) {
        KeWaitForSingleObject(&pair->there, Executive, KernelMode, FALSE, NULL);
        pair->rounds++;
        KeSetEvent(&pair->back, 0, FALSE);
    }
}

// The waiter that a set with Wait wakes runs during the wait that follows, with any number of processors.
NT_TEST(KeSetEvent_with_Wait_wakes_the_waiter_and_sleeps_for_its_answer)
{
    struct pair pair = {.rounds = 0};
    KeInitializeEvent(&pair.there, SynchronizationEvent, FALSE);
    KeInitializeEvent(&pair.back, SynchronizationEvent, FALSE);
    struct ke_thread *helper = nt_test_start(answer, &pair);
    for (uint32_t i = 0; i < 100; i++) {
        ck_assert_int_eq(KeSetEvent(&pair.there, 0, TRUE), 0);
        ck_assert_int_eq(KeWaitForSingleObject(&pair.back, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
        ck_assert_uint_eq(pair.rounds, i + 1);
        ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    }
    ke_thread_join(helper);
}

NT_TEST(KeSetEvent_without_Wait_may_be_called_at_DISPATCH_LEVEL)
{
    KEVENT event;
    KIRQL old;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ck_assert_int_eq(KeSetEvent(&event, 0, FALSE), 0);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(old);
    ck_assert_int_ne(KeReadStateEvent(&event), 0);
}

static void
set_with_wait_at_dispatch(void)
{
    KEVENT event;
    KIRQL old;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeSetEvent(&event, 0, TRUE);
}

TEST(KeSetEvent_with_Wait_at_DISPATCH_LEVEL_is_bug_check_a)
{
    expect_bugcheck(set_with_wait_at_dispatch, "0xA IRQL_NOT_LESS_OR_EQUAL");
}

// ---- mutexes and semaphores -----------------------------------------------------------------------------------------------------------

NT_TEST(KeReleaseMutex_with_Wait_stays_at_DISPATCH_LEVEL_until_the_wait_that_follows)
{
    KMUTEX mutex;
    KEVENT event;
    KeInitializeMutex(&mutex, 0);
    KeInitializeEvent(&event, NotificationEvent, TRUE);
    ck_assert_int_eq(poll(&mutex), STATUS_SUCCESS);
    ck_assert_int_eq(KeReleaseMutex(&mutex, TRUE), 0);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(KeReadStateMutex(&mutex), 1);
    ck_assert_int_eq(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    // A mutex may be what the wait is for, and is released as one taken below DISPATCH_LEVEL.
    ck_assert_int_eq(KeSetEvent(&event, 0, TRUE), 1);
    ck_assert_int_eq(KeWaitForMutexObject(&mutex, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(KeReleaseMutex(&mutex, FALSE), 0);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

NT_TEST(KeReleaseMutex_at_DISPATCH_LEVEL_releases_what_was_taken_there)
{
    KMUTEX mutex;
    KIRQL old;
    KeInitializeMutex(&mutex, 0);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ck_assert_int_eq(poll(&mutex), STATUS_SUCCESS);
    ck_assert_int_eq(KeReleaseMutex(&mutex, TRUE), 0);
    ck_assert_int_eq(poll(&mutex), STATUS_SUCCESS);       // with a timeout of zero, as it must be here
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(KeReleaseMutex(&mutex, FALSE), 0);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    KeLowerIrql(old);
    ck_assert_int_eq(KeReadStateMutex(&mutex), 1);
}

static void
taken_above_released_below(void)
{
    KMUTEX mutex;
    KIRQL old;
    KeInitializeMutex(&mutex, 0);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    poll(&mutex);
    KeLowerIrql(old);
    KeReleaseMutex(&mutex, FALSE);
}

TEST(KeReleaseMutex_below_DISPATCH_LEVEL_of_one_taken_there_raises_STATUS_MUTANT_NOT_OWNED)
{
    expect_bugcheck(taken_above_released_below, "NOT_HANDLED (0xC0000046,");
}

static void
taken_below_released_above(void)
{
    KMUTEX mutex;
    KIRQL old;
    KeInitializeMutex(&mutex, 0);
    poll(&mutex);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeReleaseMutex(&mutex, FALSE);
}

TEST(KeReleaseMutex_at_DISPATCH_LEVEL_of_one_taken_below_raises_STATUS_MUTANT_NOT_OWNED)
{
    expect_bugcheck(taken_below_released_above, "NOT_HANDLED (0xC0000046,");
}

NT_TEST(KeReleaseSemaphore_with_Wait_stays_at_DISPATCH_LEVEL_until_the_wait_that_follows)
{
    KSEMAPHORE semaphore;
    KeInitializeSemaphore(&semaphore, 0, 2);
    ck_assert_int_eq(KeReleaseSemaphore(&semaphore, 0, 1, TRUE), 0);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(KeWaitForSingleObject(&semaphore, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

// ---- the end ------------------------------------------------------------------------------------------------------------------------

static void
bugcheck_at_high(void)
{
    KIRQL old;
    KeRaiseIrql(HIGH_LEVEL, &old);
    KeBugCheck(0x12345);
}

TEST(KeBugCheck_may_be_called_at_HIGH_LEVEL)
{
    expect_bugcheck(bugcheck_at_high, "bug check 0x12345 ");
}
