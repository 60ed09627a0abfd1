// SPDX-License-Identifier: MIT
// Timers and clocks.
#include "nt/ke/timer.h"
#include "unit/nt/nt_test.h"

struct ticks {
    _Atomic uint32_t fired;
    KEVENT third;
    ULONGLONG at[16];
};

static NTAPI VOID
tick_dpc(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct ticks *ticks = context;
    uint32_t n = ticks->fired;
    if (n < 16)
        ticks->at[n] = KeQueryInterruptTime();
    ticks->fired = n + 1;
    if (n + 1 == 3)
        KeSetEvent(&ticks->third, 0, FALSE);
}

NT_TEST(KeSetTimer_periodic_fires_each_period_until_cancelled)
{
    struct ticks ticks = {0};
    KTIMER timer;
    KDPC dpc;
    KeInitializeEvent(&ticks.third, NotificationEvent, FALSE);
    KeInitializeTimerEx(&timer, SynchronizationTimer);
    KeInitializeDpc(&dpc, tick_dpc, &ticks);
    ULONGLONG start = KeQueryInterruptTime();
    ck_assert(!KeSetTimerEx(&timer, nt_test_ms(10), 20, &dpc));
    KeWaitForSingleObject(&ticks.third, Executive, KernelMode, FALSE, NULL);
    ck_assert(KeCancelTimer(&timer));
    ck_assert(!KeCancelTimer(&timer));
    KeFlushQueuedDpcs();
    uint32_t fired = ticks.fired;
    ck_assert_uint_ge(ticks.at[0] - start, 100000);
    ck_assert_uint_ge(ticks.at[1] - start, 300000);
    ck_assert_uint_ge(ticks.at[2] - start, 500000);
#ifndef NT_TEST_THREADS
    ck_assert_uint_eq(ticks.at[2] - start, 500000);   // virtual time: exactly
#endif
    nt_test_sleep_ms(60);
    ck_assert_uint_eq(ticks.fired, fired);
}

NT_TEST(KeSetTimer_signals_the_timer_object_when_due)
{
    KTIMER timer;
    KeInitializeTimer(&timer);
    ck_assert(!KeReadStateTimer(&timer));
    KeSetTimer(&timer, nt_test_ms(5), NULL);
    ck_assert_int_eq(KeWaitForSingleObject(&timer, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ck_assert(KeReadStateTimer(&timer));
    ck_assert(!KeCancelTimer(&timer));
    ck_assert(!KeSetTimer(&timer, nt_test_ms(100000), NULL));
    ck_assert(!KeReadStateTimer(&timer));
    ck_assert(KeSetTimer(&timer, nt_test_ms(100000), NULL));
    ck_assert(KeCancelTimer(&timer));
}

NT_TEST(KeSetTimer_due_at_once_queues_its_dpc_and_does_not_run_it_inside_at_dispatch)
{
    struct ticks ticks = {0};
    KTIMER timer;
    KDPC dpc;
    KeInitializeEvent(&ticks.third, NotificationEvent, FALSE);
    KeInitializeTimer(&timer);
    KeInitializeDpc(&dpc, tick_dpc, &ticks);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    KeSetTimer(&timer, (LARGE_INTEGER){.QuadPart = 0}, &dpc);
    ck_assert_uint_eq(ticks.fired, 0);
    KeLowerIrql(old);
    ck_assert_uint_eq(ticks.fired, 1);
}

NT_TEST(KeSetTimer_absolute_time_fires_at_that_system_time)
{
    KTIMER timer;
    KeInitializeTimer(&timer);
    LARGE_INTEGER at, now;
    KeQuerySystemTime(&at);
    at.QuadPart += 200000;
    KeSetTimer(&timer, at, NULL);
    KeWaitForSingleObject(&timer, Executive, KernelMode, FALSE, NULL);
    KeQuerySystemTimePrecise(&now);
    ck_assert_int_ge(now.QuadPart, at.QuadPart - 1000);
}

NT_TEST(KeSetCoalescableTimer_orders_many_timers_by_due_time)
{
    KTIMER timers[8];
    KDPC dpcs[8];
    struct ticks ticks[8] = {0};
    for (int i = 0; i < 8; i++) {
        KeInitializeTimer(&timers[i]);
        KeInitializeEvent(&ticks[i].third, NotificationEvent, FALSE);
        KeInitializeDpc(&dpcs[i], tick_dpc, &ticks[i]);
        KeSetCoalescableTimer(&timers[i], nt_test_ms(40 - 5 * i), 0, 1, &dpcs[i]);
    }
    for (int i = 0; i < 8; i++)
        while (!ticks[i].fired)
            nt_test_sleep_ms(1);
    KeFlushQueuedDpcs();
    for (int i = 0; i < 8; i++)
        ck_assert_uint_eq(ticks[i].fired, 1);
#ifndef NT_TEST_THREADS   // there setting them may take longer than they take
    for (int i = 1; i < 8; i++)
        ck_assert_uint_le(ticks[i].at[0], ticks[i - 1].at[0]);
#endif
}

NT_TEST(KeQueryTickCount_advances_by_one_each_time_increment)
{
    LARGE_INTEGER before, after;
    ULONGLONG start = KeQueryInterruptTime();
    KeQueryTickCount(&before);
    ck_assert_uint_eq(KeQueryTimeIncrement(), 156250);
    nt_test_sleep_ms(50);
    KeQueryTickCount(&after);
    ULONGLONG end = KeQueryInterruptTime();
    ck_assert_int_ge(after.QuadPart - before.QuadPart, 3);
    ck_assert_int_le(after.QuadPart - before.QuadPart, (LONGLONG)((end - start) / 156250 + 1));
}

NT_TEST(KeStallExecutionProcessor_lets_time_pass)
{
    LARGE_INTEGER frequency;
    LARGE_INTEGER before = KeQueryPerformanceCounter(&frequency);
    ck_assert_int_eq(frequency.QuadPart, 10000000);
    KeStallExecutionProcessor(50);
    ck_assert_int_ge(KeQueryPerformanceCounter(NULL).QuadPart - before.QuadPart, 500);
}

static void
swallow(void *context, const char *text)
{
    *(int *)context += strstr(text, "of gone is still set") != NULL;
}

NT_TEST(timers_reclaim_takes_back_only_those_whose_code_goes_away)
{
    struct ticks ticks = {0};
    KTIMER timers[3];
    KDPC dpc;
    int said = 0;
    struct box *box = box_self();
    KeInitializeDpc(&dpc, tick_dpc, &ticks);
    for (int i = 0; i < 3; i++) {
        KeInitializeTimer(&timers[i]);
        KeSetTimerEx(&timers[i], nt_test_ms(100000), 5, i < 2 ? &dpc : NULL);
    }
    box->on_message = swallow;
    box->on_message_context = &said;
    ck_assert_uint_eq(ke_timers_reclaim(box, (char *)tick_dpc + 1, 100, "gone"), 0);
    ck_assert_uint_eq(ke_timers_reclaim(box, (char *)tick_dpc - 10, 11, "gone"), 2);
    ck_assert_int_eq(said, 2);
    box->on_message = NULL;
    box->leftovers = 0;
    ck_assert(!KeCancelTimer(&timers[0]) && !KeCancelTimer(&timers[1]));
    ck_assert(KeCancelTimer(&timers[2]));
}
