// SPDX-License-Identifier: MIT
// Clocks and objects that wait: on the seeded scheduler time moves only when nothing can run, so a delay is exact.
// Sources: [wdm/nf-wdm-kequerysystemtime-r1], [wdm/nf-wdm-kequeryinterrupttime], [wdm/nf-wdm-kequeryperformancecounter].
#include "unit/nt/nt_test.h"

NT_TEST(KeQueryInterruptTime_counts_100_ns_units_since_start)
{
    ULONGLONG before = KeQueryInterruptTime();
    nt_test_sleep_ms(20);
    ULONGLONG passed = KeQueryInterruptTime() - before;
    ck_assert_uint_ge(passed, 200000);
    ck_assert_uint_lt(passed, 400000);
}

NT_TEST(KeQueryInterruptTimePrecise_also_gives_the_performance_counter)
{
    ULONG64 counter = 0;
    nt_test_sleep_ms(20);
    ULONGLONG now = KeQueryInterruptTimePrecise(&counter);
    ck_assert_uint_ge(now, 200000);
    ck_assert_uint_gt(counter, 0);
}

NT_TEST(KeQueryUnbiasedInterruptTime_moves_like_the_interrupt_time)
{
    ULONGLONG before = KeQueryUnbiasedInterruptTime();
    nt_test_sleep_ms(20);
    ck_assert_uint_ge(KeQueryUnbiasedInterruptTime() - before, 200000);
}

NT_TEST(KeQuerySystemTime_counts_from_1601)
{
    LARGE_INTEGER before, after;
    KeQuerySystemTime(&before);
    nt_test_sleep_ms(20);
    KeQuerySystemTime(&after);
    ck_assert_int_gt(before.QuadPart, INT64_C(125911584000000000));   // 2000-01-01
    ck_assert_int_ge(after.QuadPart - before.QuadPart, 200000);
}

NT_TEST(KeQuerySystemTimePrecise_counts_from_1601)
{
    LARGE_INTEGER coarse, precise;
    KeQuerySystemTime(&coarse);
    KeQuerySystemTimePrecise(&precise);
    ck_assert_int_ge(precise.QuadPart, coarse.QuadPart);
    ck_assert_int_lt(precise.QuadPart - coarse.QuadPart, 10000000);
}

NT_TEST(KeQueryTickCount_times_KeQueryTimeIncrement_is_the_time)
{
    LARGE_INTEGER before, after;
    KeQueryTickCount(&before);
    nt_test_sleep_ms(1000);
    KeQueryTickCount(&after);
    LONGLONG passed = (after.QuadPart - before.QuadPart) * KeQueryTimeIncrement();
    ck_assert_int_ge(passed, 9800000);
    ck_assert_int_le(passed, 10400000);
}

NT_TEST(KeQueryTimeIncrement_is_the_length_of_a_tick)
{
    ck_assert_uint_ge(KeQueryTimeIncrement(), 5000);
    ck_assert_uint_le(KeQueryTimeIncrement(), 156250);
}

NT_TEST(KeQueryPerformanceCounter_advances_at_its_frequency)
{
    LARGE_INTEGER frequency = {0}, before = KeQueryPerformanceCounter(&frequency);
    nt_test_sleep_ms(100);
    LARGE_INTEGER after = KeQueryPerformanceCounter(NULL);
    ck_assert_int_gt(frequency.QuadPart, 0);
    ck_assert_int_ge((after.QuadPart - before.QuadPart) * 10, frequency.QuadPart * 99 / 100);
    ck_assert_int_le((after.QuadPart - before.QuadPart) * 10, frequency.QuadPart * 2);
}

NT_TEST(KeInitializeEvent_sets_the_state_and_the_kind)
{
    KEVENT event;
    LARGE_INTEGER now = {0};
    KeInitializeEvent(&event, SynchronizationEvent, TRUE);
    ck_assert_int_eq(KeReadStateEvent(&event), 1);
    ck_assert_int_eq(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &now), STATUS_SUCCESS);
    ck_assert_int_eq(KeReadStateEvent(&event), 0);
    KeInitializeEvent(&event, NotificationEvent, TRUE);
    ck_assert_int_eq(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &now), STATUS_SUCCESS);
    ck_assert_int_eq(KeReadStateEvent(&event), 1);
}

NT_TEST(KeClearEvent_takes_the_signal_away)
{
    KEVENT event;
    KeInitializeEvent(&event, NotificationEvent, TRUE);
    KeClearEvent(&event);
    ck_assert_int_eq(KeReadStateEvent(&event), 0);
}

NT_TEST(KeReadStateEvent_changes_nothing)
{
    KEVENT event;
    KeInitializeEvent(&event, SynchronizationEvent, TRUE);
    ck_assert_int_eq(KeReadStateEvent(&event), 1);
    ck_assert_int_eq(KeReadStateEvent(&event), 1);
}

NT_TEST(KeResetEvent_returns_the_state_before)
{
    KEVENT event;
    KeInitializeEvent(&event, NotificationEvent, TRUE);
    ck_assert_int_eq(KeResetEvent(&event), 1);
    ck_assert_int_eq(KeResetEvent(&event), 0);
}

NT_TEST(KeInitializeSemaphore_sets_count_and_limit)
{
    KSEMAPHORE semaphore;
    LARGE_INTEGER now = {0};
    KeInitializeSemaphore(&semaphore, 2, 3);
    ck_assert_int_eq(KeReadStateSemaphore(&semaphore), 2);
    ck_assert_int_eq(KeReleaseSemaphore(&semaphore, 0, 1, FALSE), 2);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(KeWaitForSingleObject(&semaphore, Executive, KernelMode, FALSE, &now), STATUS_SUCCESS);
    ck_assert_int_eq(KeWaitForSingleObject(&semaphore, Executive, KernelMode, FALSE, &now), STATUS_TIMEOUT);
}

NT_TEST(KeReadStateSemaphore_gives_the_count)
{
    KSEMAPHORE semaphore;
    KeInitializeSemaphore(&semaphore, 5, 9);
    ck_assert_int_eq(KeReadStateSemaphore(&semaphore), 5);
}

NT_TEST(KeReadStateMutex_is_1_when_free)
{
    KMUTEX mutex;
    KeInitializeMutex(&mutex, 0);
    ck_assert_int_eq(KeReadStateMutex(&mutex), 1);
    KeWaitForSingleObject(&mutex, Executive, KernelMode, FALSE, NULL);
    ck_assert_int_ne(KeReadStateMutex(&mutex), 1);
    KeReleaseMutex(&mutex, FALSE);
    ck_assert_int_eq(KeReadStateMutex(&mutex), 1);
}

NT_TEST(KeDelayExecutionThread_waits_as_long_as_asked)
{
    LARGE_INTEGER interval = nt_test_ms(30);
    ULONGLONG before = KeQueryInterruptTime();
    ck_assert_int_eq(KeDelayExecutionThread(KernelMode, FALSE, &interval), STATUS_SUCCESS);
    ck_assert_uint_ge(KeQueryInterruptTime() - before, 300000);
}

NT_TEST(KeInitializeTimer_makes_a_notification_timer_that_is_not_set)
{
    KTIMER timer;
    LARGE_INTEGER now = {0};
    KeInitializeTimer(&timer);
    ck_assert_int_eq(KeReadStateTimer(&timer), FALSE);
    ck_assert_int_eq(KeSetTimer(&timer, nt_test_ms(5), NULL), FALSE);
    ck_assert_int_eq(KeWaitForSingleObject(&timer, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(KeWaitForSingleObject(&timer, Executive, KernelMode, FALSE, &now), STATUS_SUCCESS);
    KeCancelTimer(&timer);
}

NT_TEST(KeInitializeTimerEx_makes_a_synchronization_timer_too)
{
    KTIMER timer;
    LARGE_INTEGER now = {0};
    KeInitializeTimerEx(&timer, SynchronizationTimer);
    KeSetTimer(&timer, nt_test_ms(5), NULL);
    ck_assert_int_eq(KeWaitForSingleObject(&timer, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(KeWaitForSingleObject(&timer, Executive, KernelMode, FALSE, &now), STATUS_TIMEOUT);
    KeCancelTimer(&timer);
}

NT_TEST(KeCancelTimer_says_whether_it_was_set_and_it_does_not_fire)
{
    KTIMER timer;
    LARGE_INTEGER wait = nt_test_ms(50);
    KeInitializeTimer(&timer);
    ck_assert_int_eq(KeCancelTimer(&timer), FALSE);
    KeSetTimer(&timer, nt_test_ms(5), NULL);
    ck_assert_int_eq(KeCancelTimer(&timer), TRUE);
    ck_assert_int_eq(KeWaitForSingleObject(&timer, Executive, KernelMode, FALSE, &wait), STATUS_TIMEOUT);
}

NT_TEST(KeSetTimerEx_fires_again_and_again_until_cancelled)
{
    KTIMER timer;
    ULONGLONG before = KeQueryInterruptTime();
    KeInitializeTimerEx(&timer, SynchronizationTimer);
    ck_assert_int_eq(KeSetTimerEx(&timer, nt_test_ms(10), 10, NULL), FALSE);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(KeWaitForSingleObject(&timer, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ck_assert_uint_ge(KeQueryInterruptTime() - before, 290000);
    ck_assert_int_eq(KeCancelTimer(&timer), TRUE);
}

NT_TEST(KeReadStateTimer_is_true_once_it_has_fired)
{
    KTIMER timer;
    KeInitializeTimer(&timer);
    KeSetTimer(&timer, nt_test_ms(5), NULL);
    ck_assert_int_eq(KeReadStateTimer(&timer), FALSE);
    nt_test_sleep_ms(10);
    ck_assert_int_eq(KeReadStateTimer(&timer), TRUE);
}
