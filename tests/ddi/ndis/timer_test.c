// SPDX-License-Identifier: MIT
// Timer objects and I/O work items.
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

struct fired {
    uint32_t count;
    void *context;
    KIRQL irql;
    uint64_t at_ns;
};

static struct fired fired;

static NTAPI VOID
fire(PVOID s1, PVOID context, PVOID s2, PVOID s3)
{
    fired.count++;
    fired.context = context;
    fired.irql = KeGetCurrentIrql();
    fired.at_ns = sched_now_ns(kit.box->sched);
}

static NDIS_HANDLE
timer_make(void *context)
{
    NDIS_TIMER_CHARACTERISTICS chars = {.Header = {NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS, NDIS_TIMER_CHARACTERISTICS_REVISION_1,
                                                   NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1},
                                        .AllocationTag = 'rmiT',
                                        .TimerFunction = fire,
                                        .FunctionContext = context};
    NDIS_HANDLE timer = NULL;
    ck_assert_int_eq(NdisAllocateTimerObject(NULL, &chars, &timer), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_nonnull(timer);
    fired = (struct fired){0};
    return timer;
}

static LARGE_INTEGER
in_ms(int ms)
{
    return (LARGE_INTEGER){.QuadPart = -10000ll * ms};
}

static void
one_shot(void)
{
    int mine, other;
    NDIS_HANDLE timer = timer_make(&mine);
    uint64_t begin = sched_now_ns(kit.box->sched);
    ck_assert(!NdisSetTimerObject(timer, in_ms(10), 0, NULL));
    ck_assert(NdisSetTimerObject(timer, in_ms(20), 0, NULL));
    NdisMSleep(50000);
    ck_assert_uint_eq(fired.count, 1);
    ck_assert_ptr_eq(fired.context, &mine);
    ck_assert_uint_eq(fired.irql, DISPATCH_LEVEL);
    ck_assert_uint_ge(fired.at_ns - begin, 20000000);
    ck_assert(!NdisSetTimerObject(timer, in_ms(1), 0, &other));
    NdisMSleep(5000);
    ck_assert_ptr_eq(fired.context, &other);
    NdisFreeTimerObject(timer);
}

TEST(NdisSetTimerObject_calls_the_function_once_at_DISPATCH_LEVEL_with_its_context)
{
    kit_run(1, one_shot);
}

// With a tolerance the timer may be early or late by that much, and is set, runs and is cancelled like any other.
static void
coalescable(void)
{
    int mine, other;
    NDIS_HANDLE timer = timer_make(&mine);
    uint64_t begin = sched_now_ns(kit.box->sched);
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ck_assert(!NdisSetCoalescableTimerObject(timer, in_ms(10), 0, NULL, 5));
    ck_assert(NdisSetCoalescableTimerObject(timer, in_ms(40), 0, &other, 5));    // in the queue already; this counts
    KeLowerIrql(old);
    NdisMSleep(30000);
    ck_assert_uint_eq(fired.count, 0);
    NdisMSleep(20000);
    ck_assert_uint_eq(fired.count, 1);
    ck_assert_ptr_eq(fired.context, &other);
    ck_assert_uint_eq(fired.irql, DISPATCH_LEVEL);
    ck_assert_uint_ge(fired.at_ns - begin, 35000000);
    ck_assert_uint_le(fired.at_ns - begin, 45000000);
    ck_assert(!NdisSetCoalescableTimerObject(timer, in_ms(10), 0, NULL, 0));     // it has run: no longer in the queue
    NdisMSleep(20000);
    ck_assert_uint_eq(fired.count, 2);
    ck_assert_ptr_eq(fired.context, &mine);
    // An absolute time.
    LARGE_INTEGER at;
    NdisGetCurrentSystemTime(&at);
    begin = sched_now_ns(kit.box->sched);
    at.QuadPart += 200 * 10000;
    ck_assert(!NdisSetCoalescableTimerObject(timer, at, 0, NULL, 50));
    NdisMSleep(300000);
    ck_assert_uint_eq(fired.count, 3);
    ck_assert_uint_ge(fired.at_ns - begin, 150000000);
    ck_assert_uint_le(fired.at_ns - begin, 250000000);
    // Again and again until it is cancelled.
    ck_assert(!NdisSetCoalescableTimerObject(timer, in_ms(100), 100, NULL, 10));
    NdisMSleep(1050000);
    ck_assert_uint_eq(fired.count, 13);
    ck_assert(NdisCancelTimerObject(timer));
    NdisMSleep(1000000);
    ck_assert_uint_eq(fired.count, 13);
    NdisFreeTimerObject(timer);
}

TEST(NdisSetCoalescableTimerObject_sets_a_timer_within_its_tolerance_and_says_whether_it_was_set)
{
    kit_run(1, coalescable);
}

static void
coalescable_negative(void)
{
    int mine;
    (void)NdisSetCoalescableTimerObject(timer_make(&mine), in_ms(10), -1, NULL, 5);
}

static void
run_coalescable_negative(void)
{
    kit_run(1, coalescable_negative);
}

TEST(NdisSetCoalescableTimerObject_with_a_period_above_MAXLONG_is_reported)
{
    harness_reported("NdisSetCoalescableTimerObject: MillisecondsPeriod is negative", run_coalescable_negative);
}

static void
periodic(void)
{
    NDIS_HANDLE timer = timer_make(NULL);
    ck_assert(!NdisSetTimerObject(timer, in_ms(10), 20, NULL));
    NdisMSleep(100000);
    ck_assert_uint_eq(fired.count, 5);
    ck_assert(NdisCancelTimerObject(timer));
    ck_assert(!NdisCancelTimerObject(timer));
    NdisMSleep(100000);
    ck_assert_uint_eq(fired.count, 5);
    NdisFreeTimerObject(timer);
}

TEST(NdisCancelTimerObject_ends_a_periodic_timer_and_says_whether_it_was_set)
{
    kit_run(1, periodic);
}

static void
function_runs(void)
{
    int first, other;
    NDIS_HANDLE timer = timer_make(&first), second = NULL;
    NdisSetTimerObject(timer, in_ms(10), 0, NULL);
    NdisMSleep(20000);
    ck_assert_uint_eq(fired.count, 1);            // one shot
    ck_assert_ptr_eq(fired.context, &first);      // the default of the characteristics
    ck_assert_uint_eq(fired.irql, DISPATCH_LEVEL);
    NdisSetTimerObject(timer, in_ms(10), 10, &other);
    NdisMSleep(95000);
    ck_assert_uint_ge(fired.count, 9);            // again and again
    ck_assert_ptr_eq(fired.context, &other);
    ck_assert_uint_eq(fired.irql, DISPATCH_LEVEL);
    ck_assert(NdisCancelTimerObject(timer));
    uint32_t then = fired.count;
    NdisMSleep(50000);
    ck_assert_uint_eq(fired.count, then);
    // Another timer object has a function of its own.
    second = timer_make(&other);
    NdisSetTimerObject(second, in_ms(1), 0, NULL);
    NdisMSleep(5000);
    ck_assert_ptr_eq(fired.context, &other);
    NdisFreeTimerObject(second);
    NdisFreeTimerObject(timer);
}

TEST(NdisTimerFunction_runs_at_DISPATCH_LEVEL_once_or_periodically_with_the_context_of_the_set_or_the_default)
{
    kit_run(1, function_runs);
}

static void
bad_timers(void)
{
    NDIS_TIMER_CHARACTERISTICS chars = {0};
    NDIS_HANDLE timer = &chars;
    ck_assert_int_ne(NdisAllocateTimerObject(NULL, &chars, &timer), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_null(timer);
}

TEST(NdisAllocateTimerObject_refuses_a_wrong_header)
{
    kit_run(1, bad_timers);
}

// ---- I/O work items ---------------------------------------------------------------------------------------------------------------

struct work {
    NDIS_HANDLE item, seen;
    uint32_t runs;
    KIRQL irql;
    PKTHREAD thread;
    NDIS_EVENT done;
};

static NTAPI VOID
work_routine(PVOID context, NDIS_HANDLE item)
{
    struct work *work = context;
    work->seen = item;
    work->runs++;
    work->irql = KeGetCurrentIrql();
    work->thread = KeGetCurrentThread();
    NdisFreeIoWorkItem(item);
    NdisSetEvent(&work->done);
}

static void
work_items(void)
{
    struct work work = {0};
    kit_start(true, 1);
    NDIS_HANDLE handles[] = {kit.mp.adapter, kit.binding[0].handle, kit.filter};
    for (int i = 0; i < 3; i++) {
        NdisInitializeEvent(&work.done);
        work.item = NdisAllocateIoWorkItem(handles[i]);
        ck_assert_ptr_nonnull(work.item);
        KIRQL irql = KeRaiseIrqlToDpcLevel();
        NdisQueueIoWorkItem(work.item, work_routine, &work);
        KeLowerIrql(irql);
        ck_assert(NdisWaitEvent(&work.done, 0));
        ck_assert_ptr_ne(work.thread, KeGetCurrentThread());   // another processor may have run it before we had lowered
        ck_assert_ptr_eq(work.seen, work.item);
        ck_assert_uint_eq(work.irql, PASSIVE_LEVEL);
    }
    ck_assert_uint_eq(work.runs, 3);
}

TEST(NdisQueueIoWorkItem_runs_the_routine_at_PASSIVE_LEVEL_and_the_routine_may_free_it)
{
    kit_run(SIM_CALM, work_items);
}
