// SPDX-License-Identifier: MIT
// DPCs and timers, each promise of their pages; on the seeded scheduler a due time is exact. Sources: [wdm/nf-wdm-keinitializedpc],
// [wdm/nf-wdm-keinsertqueuedpc], [wdm/nf-wdm-keremovequeuedpc], [wdm/nf-wdm-keflushqueueddpcs], [wdm/nf-wdm-kesettimer],
// [wdm/nf-wdm-kecanceltimer], [wdm/nf-wdm-keinitializetimer], [wdm/nf-wdm-keinitializetimerex].
#include <string.h>

#include "unit/nt/nt_test.h"

struct log {
    _Atomic uint32_t ran;
    KDPC *dpc;
    void *argument1, *argument2;
    ULONGLONG at;
    KIRQL irql;
};

static NTAPI VOID
log_dpc(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct log *log = context;
    log->dpc = dpc;
    log->argument1 = argument1;
    log->argument2 = argument2;
    log->at = KeQueryInterruptTime();
    log->irql = KeGetCurrentIrql();
    log->ran++;
}

static void
dpc_init(KDPC *dpc, struct log *log)
{
    memset(dpc, 0xcc, sizeof *dpc);
    KeInitializeDpc(dpc, log_dpc, log);
}

NT_TEST(KeInitializeDpc_ties_the_routine_and_its_context_to_dirty_memory)
{
    struct log a = {0}, b = {0};
    KDPC one, two;
    dpc_init(&one, &a);
    dpc_init(&two, &b);
    ck_assert_int_eq(KeRemoveQueueDpc(&one), FALSE);   // not in a queue
    ck_assert_int_eq(KeInsertQueueDpc(&one, NULL, NULL), TRUE);
    KeFlushQueuedDpcs();
    ck_assert_uint_eq(a.ran, 1);
    ck_assert_uint_eq(b.ran, 0);
    ck_assert_ptr_eq(a.dpc, &one);
    KTIMER timer;                                      // and serves a timer
    KeInitializeTimer(&timer);
    KeSetTimer(&timer, nt_test_ms(1), &two);
    nt_test_sleep_ms(5);
    KeFlushQueuedDpcs();
    ck_assert_uint_eq(b.ran, 1);
    ck_assert_ptr_eq(b.dpc, &two);
}

NT_TEST(KeInsertQueueDpc_returns_TRUE_when_it_queues_and_FALSE_while_it_is_queued)
{
    struct log log = {0};
    KDPC dpc;
    dpc_init(&dpc, &log);
    for (int round = 1; round <= 2; round++) {         // once it has run it can be queued again
        KIRQL old = KeRaiseIrqlToDpcLevel();
        ck_assert_int_eq(KeInsertQueueDpc(&dpc, &log, &dpc), TRUE);
        ck_assert_int_eq(KeInsertQueueDpc(&dpc, NULL, NULL), FALSE);
        KeLowerIrql(old);
        KeFlushQueuedDpcs();
        ck_assert_uint_eq(log.ran, round);
        ck_assert_ptr_eq(log.argument1, &log);         // the refused call changed nothing
        ck_assert_ptr_eq(log.argument2, &dpc);
        ck_assert_uint_eq(log.irql, DISPATCH_LEVEL);
    }
}

NT_TEST(KeRemoveQueueDpc_returns_TRUE_and_the_routine_does_not_run_else_FALSE)
{
    struct log log = {0};
    KDPC dpc;
    dpc_init(&dpc, &log);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ck_assert_int_eq(KeRemoveQueueDpc(&dpc), FALSE);
    KeInsertQueueDpc(&dpc, NULL, NULL);
    ck_assert_int_eq(KeRemoveQueueDpc(&dpc), TRUE);
    ck_assert_int_eq(KeRemoveQueueDpc(&dpc), FALSE);
    KeLowerIrql(old);
    KeFlushQueuedDpcs();
    ck_assert_uint_eq(log.ran, 0);
    KeInsertQueueDpc(&dpc, NULL, NULL);
    KeFlushQueuedDpcs();
    ck_assert_uint_eq(log.ran, 1);
    ck_assert_int_eq(KeRemoveQueueDpc(&dpc), FALSE);   // it has run
}

static NTAPI VOID
slow_dpc(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    for (int i = 0; i < 10; i++)
        sched_choice(sched_self->sched, SCHED_POINT_DDI);
    ++*(_Atomic uint32_t *)context;
}

NT_TEST_ON(4, KeFlushQueuedDpcs_returns_after_those_queued_on_every_processor_have_run_to_completion)
{
    _Atomic uint32_t ran = 0;
    KDPC dpcs[8];
    for (int i = 0; i < 8; i++) {
        KeInitializeDpc(&dpcs[i], slow_dpc, (void *)&ran);
        KeSetTargetProcessorDpc(&dpcs[i], (CCHAR)(i % 4));
    }
    for (int i = 0; i < 8; i++)
        KeInsertQueueDpc(&dpcs[i], NULL, NULL);
    KeFlushQueuedDpcs();
    ck_assert_uint_eq(ran, 8);
    KeFlushQueuedDpcs();                               // nothing queued: returns
}

// ---- timers -----------------------------------------------------------------------------------------------------------------------

static void
wait_for(void *object)
{
    ck_assert_int_eq(KeWaitForSingleObject(object, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
}

static bool
is_signaled(void *object)
{
    LARGE_INTEGER now = {0};
    return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, &now) == STATUS_SUCCESS;
}

NT_TEST(KeInitializeTimer_makes_dirty_memory_a_timer_that_is_not_signaled_and_not_queued)
{
    KTIMER timer;
    memset(&timer, 0xcc, sizeof timer);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    KeInitializeTimer(&timer);
    KeLowerIrql(old);
    ck_assert_int_eq(KeReadStateTimer(&timer), FALSE);
    ck_assert_int_eq(KeCancelTimer(&timer), FALSE);
}

struct waiter {
    KTIMER *timer;
    _Atomic uint32_t *through;
};

static void
wait_through(void *arg)
{
    struct waiter *waiter = arg;
    wait_for(waiter->timer);
    ++*waiter->through;
}

// Three threads wait for one expiry of a timer of the given type; how many come through?
static uint32_t
through_at_expiry(KTIMER *timer)
{
    _Atomic uint32_t through = 0;
    struct waiter waiter = {timer, &through};
    struct ke_thread *threads[3];
    for (int i = 0; i < 3; i++)
        threads[i] = nt_test_start(wait_through, &waiter);
    nt_test_sleep_ms(5);
    ck_assert_uint_eq(through, 0);
    KeSetTimer(timer, nt_test_ms(5), NULL);
    nt_test_sleep_ms(50);
    uint32_t at_expiry = through;
    while (through < 3) {
        KeSetTimer(timer, nt_test_ms(1), NULL);
        nt_test_sleep_ms(5);
    }
    for (int i = 0; i < 3; i++)
        ke_thread_join(threads[i]);
    return at_expiry;
}

NT_TEST(KeInitializeTimer_expiry_releases_every_waiter_and_stays_signaled)
{
    KTIMER timer;
    KeInitializeTimer(&timer);
    ck_assert_uint_eq(through_at_expiry(&timer), 3);
    ck_assert(is_signaled(&timer) && is_signaled(&timer));
}

NT_TEST(KeInitializeTimerEx_notification_releases_every_waiter_and_stays_signaled)
{
    KTIMER timer;
    memset(&timer, 0xcc, sizeof timer);
    KeInitializeTimerEx(&timer, NotificationTimer);
    ck_assert_int_eq(KeReadStateTimer(&timer), FALSE);
    ck_assert_uint_eq(through_at_expiry(&timer), 3);
    ck_assert(is_signaled(&timer) && is_signaled(&timer));
}

NT_TEST(KeInitializeTimerEx_synchronization_releases_one_waiter_and_is_reset)
{
    KTIMER timer;
    memset(&timer, 0xcc, sizeof timer);
    KeInitializeTimerEx(&timer, SynchronizationTimer);
    ck_assert_int_eq(KeReadStateTimer(&timer), FALSE);
    ck_assert_uint_eq(through_at_expiry(&timer), 1);
    ck_assert(!is_signaled(&timer));
    KeSetTimer(&timer, nt_test_ms(1), NULL);
    nt_test_sleep_ms(5);
    ck_assert(is_signaled(&timer));                    // with nobody waiting it stays, for one
    ck_assert(!is_signaled(&timer));
}

NT_TEST(KeSetTimer_relative_time_is_exact_and_its_dpc_runs_once)
{
    struct log log = {0};
    KTIMER timer;
    KDPC dpc;
    dpc_init(&dpc, &log);
    KeInitializeTimer(&timer);
    ULONGLONG start = KeQueryInterruptTime();
    ck_assert_int_eq(KeSetTimer(&timer, nt_test_ms(7), &dpc), FALSE);
    ck_assert_int_eq(KeReadStateTimer(&timer), FALSE);
    wait_for(&timer);
    nt_test_sleep_ms(50);
    KeFlushQueuedDpcs();
    ck_assert_uint_eq(log.ran, 1);
    ck_assert_uint_eq(log.at - start, 70000);
    ck_assert_uint_eq(log.irql, DISPATCH_LEVEL);
    ck_assert_int_eq(KeReadStateTimer(&timer), TRUE);
}

NT_TEST(KeSetTimer_absolute_time_of_the_past_expires_at_once)
{
    KTIMER timer;
    LARGE_INTEGER at;
    KeInitializeTimer(&timer);
    KeQuerySystemTime(&at);
    at.QuadPart -= 1;
    ULONGLONG start = KeQueryInterruptTime();
    KeSetTimer(&timer, at, NULL);
    wait_for(&timer);
    ck_assert_uint_eq(KeQueryInterruptTime(), start);
}

NT_TEST(KeSetTimer_again_returns_TRUE_and_cancels_the_first_time_and_its_dpc)
{
    struct log first = {0}, second = {0};
    KTIMER timer;
    KDPC one, two;
    dpc_init(&one, &first);
    dpc_init(&two, &second);
    KeInitializeTimer(&timer);
    ULONGLONG start = KeQueryInterruptTime();
    ck_assert_int_eq(KeSetTimer(&timer, nt_test_ms(5), &one), FALSE);
    ck_assert_int_eq(KeSetTimer(&timer, nt_test_ms(20), &two), TRUE);
    wait_for(&timer);
    ck_assert_uint_eq(KeQueryInterruptTime() - start, 200000);
    KeFlushQueuedDpcs();
    ck_assert_uint_eq(first.ran, 0);
    ck_assert_uint_eq(second.ran, 1);
    ck_assert_int_eq(KeSetTimer(&timer, nt_test_ms(5), NULL), FALSE);   // it had expired: no longer queued
    ck_assert_int_eq(KeReadStateTimer(&timer), FALSE);                  // and setting it takes the signal away
    wait_for(&timer);
    KeFlushQueuedDpcs();
    ck_assert_uint_eq(second.ran, 1);
}

NT_TEST(KeCancelTimer_returns_TRUE_for_a_queued_timer_and_neither_it_nor_its_dpc_fires)
{
    struct log log = {0};
    KTIMER timer;
    KDPC dpc;
    dpc_init(&dpc, &log);
    KeInitializeTimer(&timer);
    KeSetTimer(&timer, nt_test_ms(5), &dpc);
    ck_assert_int_eq(KeCancelTimer(&timer), TRUE);
    ck_assert_int_eq(KeCancelTimer(&timer), FALSE);
    nt_test_sleep_ms(50);
    KeFlushQueuedDpcs();
    ck_assert_uint_eq(log.ran, 0);
    ck_assert_int_eq(KeReadStateTimer(&timer), FALSE);
}

NT_TEST(KeCancelTimer_returns_FALSE_once_a_timer_has_expired_even_if_its_dpc_is_only_queued)
{
    struct log log = {0};
    KTIMER timer;
    KDPC dpc;
    dpc_init(&dpc, &log);
    KeInitializeTimer(&timer);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    KeSetTimer(&timer, (LARGE_INTEGER){.QuadPart = 0}, &dpc);
    ck_assert_uint_eq(log.ran, 0);
    ck_assert_int_eq(KeCancelTimer(&timer), FALSE);
    KeLowerIrql(old);
    KeFlushQueuedDpcs();
    ck_assert_uint_eq(log.ran, 1);
}

NT_TEST(KeCancelTimer_returns_TRUE_for_a_periodic_timer_that_has_fired_and_ends_it)
{
    struct log log = {0};
    KTIMER timer;
    KDPC dpc;
    dpc_init(&dpc, &log);
    KeInitializeTimer(&timer);
    KeSetTimerEx(&timer, nt_test_ms(5), 5, &dpc);
    nt_test_sleep_ms(18);
    ck_assert_int_eq(KeCancelTimer(&timer), TRUE);
    KeFlushQueuedDpcs();
    uint32_t ran = log.ran;
    ck_assert_uint_eq(ran, 3);
    nt_test_sleep_ms(50);
    KeFlushQueuedDpcs();
    ck_assert_uint_eq(log.ran, ran);
}

NT_TEST(KeReadStateTimer_is_FALSE_until_due_TRUE_after_and_takes_nothing)
{
    KTIMER timer;
    KeInitializeTimerEx(&timer, SynchronizationTimer);
    ck_assert_int_eq(KeReadStateTimer(&timer), FALSE);
    KeSetTimer(&timer, nt_test_ms(5), NULL);
    ck_assert_int_eq(KeReadStateTimer(&timer), FALSE);
    nt_test_sleep_ms(10);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ck_assert_int_eq(KeReadStateTimer(&timer), TRUE);
    ck_assert_int_eq(KeReadStateTimer(&timer), TRUE);
    KeLowerIrql(old);
    ck_assert(is_signaled(&timer));
    ck_assert_int_eq(KeReadStateTimer(&timer), FALSE);
}

// ---- events -----------------------------------------------------------------------------------------------------------------------

NT_TEST(KeInitializeEvent_makes_each_of_the_four_in_dirty_memory)
{
    for (int i = 0; i < 4; i++) {
        EVENT_TYPE type = i & 1 ? SynchronizationEvent : NotificationEvent;
        BOOLEAN state = i & 2 ? TRUE : FALSE;
        KEVENT event;
        memset(&event, 0xcc, sizeof event);
        KeInitializeEvent(&event, type, state);
        ck_assert_int_eq(KeReadStateEvent(&event) != 0, state);
        ck_assert_int_eq(is_signaled(&event), state);
        KeSetEvent(&event, IO_NO_INCREMENT, FALSE);
        ck_assert(is_signaled(&event));
        ck_assert_int_eq(is_signaled(&event), type == NotificationEvent);
    }
}

NT_TEST(KeClearEvent_makes_either_kind_not_signaled_at_DISPATCH_LEVEL_too)
{
    for (int i = 0; i < 2; i++) {
        KEVENT event;
        KeInitializeEvent(&event, i ? SynchronizationEvent : NotificationEvent, TRUE);
        KIRQL old = KeRaiseIrqlToDpcLevel();
        KeClearEvent(&event);
        ck_assert_int_eq(KeReadStateEvent(&event), 0);
        KeClearEvent(&event);
        KeLowerIrql(old);
        ck_assert(!is_signaled(&event));
    }
}

NT_TEST(KeResetEvent_says_what_was_and_makes_either_kind_not_signaled)
{
    for (int i = 0; i < 2; i++) {
        KEVENT event;
        KeInitializeEvent(&event, i ? SynchronizationEvent : NotificationEvent, TRUE);
        KIRQL old = KeRaiseIrqlToDpcLevel();
        ck_assert_int_ne(KeResetEvent(&event), 0);
        ck_assert_int_eq(KeResetEvent(&event), 0);
        KeLowerIrql(old);
        ck_assert(!is_signaled(&event));
    }
}
