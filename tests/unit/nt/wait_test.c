// SPDX-License-Identifier: MIT
// Events, mutexes, semaphores, waits, delays.
#include <errno.h>

#include "unit/nt/nt_test.h"

static NTSTATUS
wait_ms(PVOID object, int64_t ms)
{
    LARGE_INTEGER timeout = nt_test_ms(ms);
    return KeWaitForSingleObject(object, Executive, KernelMode, FALSE, &timeout);
}

NT_TEST(KeSetEvent_returns_the_state_before_and_a_notification_event_stays_signalled)
{
    KEVENT event;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    ck_assert_int_eq(wait_ms(&event, 0), STATUS_TIMEOUT);
    ck_assert_int_eq(KeSetEvent(&event, 0, FALSE), 0);
    ck_assert_int_eq(KeSetEvent(&event, 0, FALSE), 1);
    ck_assert_int_eq(wait_ms(&event, 0), STATUS_SUCCESS);
    ck_assert_int_eq(KeReadStateEvent(&event), 1);
    ck_assert_int_eq(KeResetEvent(&event), 1);
    ck_assert_int_eq(KeResetEvent(&event), 0);
    ck_assert_int_eq(wait_ms(&event, 0), STATUS_TIMEOUT);
}

NT_TEST(KeWaitForSingleObject_consumes_a_synchronization_event)
{
    KEVENT event;
    KeInitializeEvent(&event, SynchronizationEvent, TRUE);
    ck_assert_int_eq(wait_ms(&event, 1000), STATUS_SUCCESS);
    ck_assert_int_eq(KeReadStateEvent(&event), 0);
    ck_assert_int_eq(wait_ms(&event, 5), STATUS_TIMEOUT);
}

struct handshake {
    KEVENT go;
    KSEMAPHORE done;
    _Atomic uint32_t passed;
};

static void
handshake_wait(void *arg)
{
    struct handshake *h = arg;
    ck_assert_int_eq(KeWaitForSingleObject(&h->go, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    h->passed++;
    KeReleaseSemaphore(&h->done, 0, 1, FALSE);
}

static void
handshake_with(EVENT_TYPE type, uint32_t expected)
{
    struct handshake h = {0};
    KeInitializeEvent(&h.go, type, FALSE);
    KeInitializeSemaphore(&h.done, 0, 3);
    struct ke_thread *helpers[3];
    for (int i = 0; i < 3; i++)
        helpers[i] = nt_test_start(handshake_wait, &h);
    nt_test_sleep_ms(20);
    KeSetEvent(&h.go, 0, FALSE);
    for (uint32_t i = 0; i < expected; i++)
        ck_assert_int_eq(wait_ms(&h.done, 10000), STATUS_SUCCESS);
    ck_assert_uint_eq(h.passed, expected);
    ck_assert_int_eq(KeReadStateSemaphore(&h.done), 0);
    for (uint32_t i = expected; i < 3; i++) {
        KeSetEvent(&h.go, 0, FALSE);
        ck_assert_int_eq(wait_ms(&h.done, 10000), STATUS_SUCCESS);
    }
    for (int i = 0; i < 3; i++)
        ke_thread_join(helpers[i]);
}

NT_TEST(KeSetEvent_lets_all_waiters_of_a_notification_event_go) { handshake_with(NotificationEvent, 3); }
NT_TEST(KeSetEvent_lets_one_waiter_of_a_synchronization_event_go) { handshake_with(SynchronizationEvent, 1); }

NT_TEST(KeWaitForSingleObject_times_out_after_a_relative_and_at_an_absolute_time)
{
    KEVENT event;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    ULONGLONG before = KeQueryInterruptTime();
    ck_assert_int_eq(wait_ms(&event, 30), STATUS_TIMEOUT);
    ck_assert_uint_ge(KeQueryInterruptTime() - before, 300000);
    LARGE_INTEGER at;
    KeQuerySystemTime(&at);
    at.QuadPart += 300000;
    before = KeQueryInterruptTime();
    ck_assert_int_eq(KeWaitForSingleObject(&event, Executive, KernelMode, TRUE, &at), STATUS_TIMEOUT);
    ck_assert_uint_ge(KeQueryInterruptTime() - before, 290000);
    at.QuadPart = 1;   // long ago
    ck_assert_int_eq(KeWaitForSingleObject(&event, Executive, KernelMode, FALSE, &at), STATUS_TIMEOUT);
}

NT_TEST(KeWaitForMultipleObjects_any_returns_the_index_of_the_first_that_is_signalled)
{
    KEVENT events[3];
    PVOID objects[3] = {&events[0], &events[1], &events[2]};
    for (int i = 0; i < 3; i++)
        KeInitializeEvent(&events[i], SynchronizationEvent, i > 0);
    LARGE_INTEGER poll = {0};
    ck_assert_int_eq(KeWaitForMultipleObjects(3, objects, WaitAny, Executive, KernelMode, FALSE, &poll, NULL), STATUS_WAIT_1);
    ck_assert_int_eq(KeReadStateEvent(&events[1]), 0);
    ck_assert_int_eq(KeWaitForMultipleObjects(3, objects, WaitAny, Executive, KernelMode, FALSE, &poll, NULL), STATUS_WAIT_2);
    ck_assert_int_eq(KeWaitForMultipleObjects(3, objects, WaitAny, Executive, KernelMode, FALSE, &poll, NULL), STATUS_TIMEOUT);
}

static void
all_setter(void *arg)
{
    KEVENT *events = arg;
    for (int i = 0; i < 5; i++) {
        KeSetEvent(&events[i], 0, FALSE);
        nt_test_sleep_ms(2);
    }
}

NT_TEST(KeWaitForMultipleObjects_all_takes_nothing_until_it_can_take_everything)
{
    KEVENT events[5];
    PVOID objects[5];
    KWAIT_BLOCK blocks[5];
    for (int i = 0; i < 5; i++) {
        KeInitializeEvent(&events[i], SynchronizationEvent, FALSE);
        objects[i] = &events[i];
    }
    KeSetEvent(&events[0], 0, FALSE);
    LARGE_INTEGER timeout = nt_test_ms(5);
    ck_assert_int_eq(KeWaitForMultipleObjects(5, objects, WaitAll, Executive, KernelMode, FALSE, &timeout, blocks), STATUS_TIMEOUT);
    ck_assert_int_eq(KeReadStateEvent(&events[0]), 1);
    struct ke_thread *helper = nt_test_start(all_setter, events);
    ck_assert_int_eq(KeWaitForMultipleObjects(5, objects, WaitAll, Executive, KernelMode, FALSE, NULL, blocks), STATUS_SUCCESS);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(KeReadStateEvent(&events[i]), 0);
    ke_thread_join(helper);
}

struct mutex_count {
    KMUTEX mutex;
    uint64_t value;
};

static void
mutex_count_up(void *arg)
{
    struct mutex_count *count = arg;
    for (int i = 0; i < 100; i++) {
        ck_assert_int_eq(KeWaitForMutexObject(&count->mutex, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
        ck_assert_int_eq(KeWaitForSingleObject(&count->mutex, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
        ck_assert(KeAreApcsDisabled());
        count->value++;
        ck_assert_int_eq(KeReleaseMutex(&count->mutex, FALSE), -1);
        ck_assert_int_eq(KeReleaseMutex(&count->mutex, FALSE), 0);
        ck_assert(!KeAreApcsDisabled());
    }
}

NT_TEST(KeReleaseMutex_frees_it_after_as_many_releases_as_waits)
{
    struct mutex_count count = {.value = 0};
    KeInitializeMutex(&count.mutex, 0);
    struct ke_thread *helpers[3];
    for (int i = 0; i < 3; i++)
        helpers[i] = nt_test_start(mutex_count_up, &count);
    for (int i = 0; i < 3; i++)
        ke_thread_join(helpers[i]);
    ck_assert_uint_eq(count.value, 300);
    ck_assert_int_eq(KeReadStateMutex(&count.mutex), 1);
}

NT_TEST(KeReleaseSemaphore_lets_as_many_through_as_it_adds)
{
    KSEMAPHORE semaphore;
    KeInitializeSemaphore(&semaphore, 1, 4);
    ck_assert_int_eq(KeReleaseSemaphore(&semaphore, 0, 3, FALSE), 1);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(wait_ms(&semaphore, 0), STATUS_SUCCESS);
    ck_assert_int_eq(wait_ms(&semaphore, 1), STATUS_TIMEOUT);
}

struct pulse {
    KEVENT event;
    _Atomic bool woken;
};

static void
pulse_wait(void *arg)
{
    struct pulse *pulse = arg;
    ck_assert_int_eq(KeWaitForSingleObject(&pulse->event, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    pulse->woken = true;
}

NT_TEST(KePulseEvent_wakes_those_who_wait_and_leaves_nothing)
{
    struct pulse pulse = {.woken = false};
    KeInitializeEvent(&pulse.event, NotificationEvent, FALSE);
    ck_assert_int_eq(KePulseEvent(&pulse.event, 0, FALSE), 0);
    ck_assert_int_eq(wait_ms(&pulse.event, 0), STATUS_TIMEOUT);
    struct ke_thread *helper = nt_test_start(pulse_wait, &pulse);
    // A pulse that finds nobody waiting is lost, so there may be more than one before the helper is there.
    for (int i = 0; i < 10000 && !pulse.woken; i++) {
        nt_test_sleep_ms(1);
        ck_assert_int_eq(KePulseEvent(&pulse.event, 0, FALSE), 0);
    }
    ck_assert(pulse.woken);
    ke_thread_join(helper);
    ck_assert_int_eq(KeReadStateEvent(&pulse.event), 0);
}

static void
thread_sleep(void *arg)
{
    nt_test_sleep_ms(5);
}

NT_TEST(KeWaitForSingleObject_on_a_thread_returns_when_it_has_ended)
{
    struct ke_thread *helper = nt_test_start(thread_sleep, NULL);
    ck_assert_int_eq(wait_ms(helper, 10000), STATUS_SUCCESS);
    ck_assert_int_eq(wait_ms(helper, 0), STATUS_SUCCESS);
    ke_thread_join(helper);
}

static void
latch_setter(void *arg)
{
    nt_test_sleep_ms(3);
    ke_latch_set(arg);
}

NT_TEST(latch_wait_returns_when_set_and_times_out_when_not)
{
    struct ke_latch latch = {0};
    ck_assert_int_eq(ke_latch_wait(&latch, 1000000), -ETIMEDOUT);
    struct ke_thread *helper = nt_test_start(latch_setter, &latch);
    ck_assert_int_eq(ke_latch_wait(&latch, SCHED_NEVER), 0);
    ck_assert_int_eq(ke_latch_wait(&latch, 0), 0);
    ke_thread_join(helper);
    ke_latch_reset(&latch);
    ck_assert_int_eq(ke_latch_wait(&latch, 0), -ETIMEDOUT);
}

static void
work_step(void *context)
{
    char **at = context;
    nt_test_sleep_ms(1);
    *(*at)++ = 'x';
}

static void
work_last(void *context)
{
    KeSetEvent(context, 0, FALSE);
}

NT_TEST(work_queue_runs_everything_in_order_at_passive)
{
    char out[6] = "", *at = out;
    KEVENT last;
    KeInitializeEvent(&last, NotificationEvent, FALSE);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(ke_work_queue(box_self(), work_step, &at), 0);
    ck_assert_int_eq(ke_work_queue(box_self(), work_last, &last), 0);
    KeWaitForSingleObject(&last, Executive, KernelMode, FALSE, NULL);
    ck_assert_str_eq(out, "xxxxx");
}
