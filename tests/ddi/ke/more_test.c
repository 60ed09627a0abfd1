// SPDX-License-Identifier: MIT
// Processors and affinities, priorities and regions, timers with a period, clocks, threads and identifiers, each promise of their pages.
// Sources: [wdm/nf-wdm-kesetsystemaffinitythreadex], [ntddk/nf-ntddk-kesetbaseprioritythread], [ntddk/nf-ntddk-keenterguardedregion],
// [wdm/nf-wdm-kesettimerex], [wdm/nf-wdm-kesetcoalescabletimer], [ntddk/nf-ntddk-kepulseevent],
// [wdm/nf-wdm-keregisterprocessorchangecallback], [wdm/nf-wdm-kesaveextendedprocessorstate],
// [ntddk/nf-ntddk-psgetversion] and their neighbours.
#include <ntifs.h>
#include <string.h>

#include "nt/ob/ob.h"
#include "unit/nt/bugcheck.h"
#include "unit/nt/refuse.h"

#define EVERYWHERE 7   // of three processors

NT_TEST_ON(3, KeSetSystemAffinityThreadEx_gives_the_mask_before_and_takes_no_mask_with_others)
{
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(4), 0);
    ck_assert_uint_eq(KeGetCurrentProcessorNumber(), 2);
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(8), 0);              // no such processor: nothing changes
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(8 | 1), 0);          // one that is and one that is not
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(0), 0);
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(2), 4);
    ck_assert_uint_eq(KeGetCurrentProcessorNumber(), 1);
    KeRevertToUserAffinityThreadEx(0);
}

NT_TEST_ON(3, KeSetSystemAffinityThreadEx_at_DISPATCH_LEVEL_moves_when_it_is_lowered)
{
    KeSetSystemAffinityThreadEx(1);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    KeSetSystemAffinityThreadEx(2);
    ck_assert_uint_eq(KeGetCurrentProcessorNumber(), 0);
    KeLowerIrql(old);
    old = KeRaiseIrqlToDpcLevel();
    ck_assert_uint_eq(KeGetCurrentProcessorNumber(), 1);
    KeLowerIrql(old);
    KeRevertToUserAffinityThreadEx(0);
}

NT_TEST_ON(3, KeSetSystemAffinityThread_takes_no_mask_with_others)
{
    KeSetSystemAffinityThread(2);
    ck_assert_uint_eq(KeGetCurrentProcessorNumber(), 1);
    KeSetSystemAffinityThread(8 | 1);
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(4), 2);
    KeRevertToUserAffinityThread();
}

NT_TEST_ON(3, KeRevertToUserAffinityThread_ends_the_system_affinity)
{
    KeSetSystemAffinityThread(2);
    KeRevertToUserAffinityThread();
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(1), 0);
    KeRevertToUserAffinityThread();
}

NT_TEST_ON(3, KeRevertToUserAffinityThreadEx_takes_a_mask_or_zero_and_no_mask_with_others)
{
    KeSetSystemAffinityThreadEx(2);
    KeRevertToUserAffinityThreadEx(4);
    ck_assert_uint_eq(KeGetCurrentProcessorNumber(), 2);
    KeRevertToUserAffinityThreadEx(16 | 1);
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(2), 4);
    KeRevertToUserAffinityThreadEx(0);
    ck_assert_uint_eq(KeSetSystemAffinityThreadEx(2), 0);
    KeRevertToUserAffinityThreadEx(0);
}

NT_TEST_ON(3, KeQueryActiveProcessorCount_takes_no_mask_too)
{
    KAFFINITY mask = 0;
    ck_assert_uint_eq(KeQueryActiveProcessorCount(&mask), 3);
    ck_assert_uint_eq(mask, EVERYWHERE);
    ck_assert_uint_eq(KeQueryActiveProcessorCount(NULL), 3);
}

NT_TEST_ON(3, KeQueryNodeActiveAffinity_takes_either_pointer_alone)
{
    GROUP_AFFINITY affinity;
    USHORT count = 99;
    memset(&affinity, 0xcc, sizeof affinity);
    KeQueryNodeActiveAffinity(KeQueryHighestNodeNumber(), &affinity, NULL);
    ck_assert(affinity.Mask == EVERYWHERE && affinity.Group == 0);
    KeQueryNodeActiveAffinity(KeGetCurrentNodeNumber(), NULL, &count);
    ck_assert_uint_eq(count, 3);
    KeQueryNodeActiveAffinity(1, &affinity, &count);
    ck_assert(!affinity.Mask && !count);
}

NT_TEST(KeGetCurrentNodeNumber_is_one_of_those_there_are)
{
    ck_assert_uint_le(KeGetCurrentNodeNumber(), KeQueryHighestNodeNumber());
}
NT_TEST(KeQueryHighestNodeNumber_is_0_with_one_node)
{
    ck_assert_uint_eq(KeQueryHighestNodeNumber(), 0);
}

NT_TEST(KeSetBasePriorityThread_gives_the_increment_before_and_keeps_the_class)
{
    PKTHREAD self = KeGetCurrentThread();
    ck_assert_int_eq(KeSetBasePriorityThread(self, 2), 0);
    ck_assert_int_eq(KeQueryPriorityThread(self), 10);
    ck_assert_int_eq(KeSetBasePriorityThread(self, -3), 2);
    ck_assert_int_eq(KeQueryPriorityThread(self), 5);
    ck_assert_int_eq(KeSetBasePriorityThread(self, 20), -3);
    ck_assert_int_eq(KeQueryPriorityThread(self), 15);
    KeSetBasePriorityThread(self, -20);
    ck_assert_int_eq(KeQueryPriorityThread(self), 1);
}

NT_TEST(KeEnterGuardedRegion_nests)
{
    KeEnterGuardedRegion();
    KeEnterGuardedRegion();
    KeLeaveGuardedRegion();
    ck_assert(KeAreAllApcsDisabled() && KeAreApcsDisabled());
    KeLeaveGuardedRegion();
    ck_assert(!KeAreAllApcsDisabled() && !KeAreApcsDisabled());
}

static void
leave_guarded(void)
{
    KeLeaveGuardedRegion();
}

TEST(KeLeaveGuardedRegion_of_none_is_a_bug_check)
{
    expect_bugcheck(leave_guarded, "bug check");
}

static void
raise_downwards(void)
{
    KIRQL old = KfRaiseIrql(DISPATCH_LEVEL);
    KfRaiseIrql(old);
}

TEST(KfRaiseIrql_to_a_lower_level_is_a_bug_check)
{
    expect_bugcheck(raise_downwards, "0x9 IRQL_NOT_GREATER_OR_EQUAL");
}

struct ticks {
    KDPC dpc;
    _Atomic uint32_t fired;
    ULONGLONG last;
};

static NTAPI VOID
tick(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct ticks *t = context;
    t->last = KeQueryInterruptTime();
    t->fired++;
}

static bool
is_signalled(KTIMER *timer)
{
    LARGE_INTEGER none = {.QuadPart = 0};
    return KeWaitForSingleObject(timer, Executive, KernelMode, FALSE, &none) == STATUS_SUCCESS;
}

typedef BOOLEAN(NTAPI *set_fn)(PKTIMER, LARGE_INTEGER, LONG, PKDPC);

static NTAPI BOOLEAN
coalescable(PKTIMER timer, LARGE_INTEGER due, LONG period, PKDPC dpc)
{
    return KeSetCoalescableTimer(timer, due, (ULONG)period, 0, dpc);
}

static void
check_timer(set_fn set)
{
    KTIMER timer;
    struct ticks t = {.fired = 0};
    KeInitializeTimerEx(&timer, NotificationTimer);
    KeInitializeDpc(&t.dpc, tick, &t);
    ULONGLONG start = KeQueryInterruptTime();
    ck_assert_int_eq(set(&timer, nt_test_ms(500), 0, &t.dpc), FALSE);
    ck_assert_int_eq(set(&timer, nt_test_ms(5), 10, &t.dpc), TRUE);    // the first time and its call are gone
    nt_test_sleep_ms(4);
    ck_assert(!t.fired && !is_signalled(&timer));
    nt_test_sleep_ms(3);
    ck_assert(t.fired == 1 && is_signalled(&timer));
    nt_test_sleep_ms(30);                                              // at 15, 25 and 35 ms
    ck_assert_uint_eq(t.fired, 4);
    ck_assert(t.last - start >= 350000);
    ck_assert_int_eq(set(&timer, nt_test_ms(5), 0, NULL), TRUE);       // once, without a DPC, and not signalled meanwhile
    ck_assert(!is_signalled(&timer));
    nt_test_sleep_ms(700);
    ck_assert(t.fired == 4 && is_signalled(&timer));
    LARGE_INTEGER now;
    KeQuerySystemTime(&now);
    now.QuadPart += 50000;
    ck_assert_int_eq(set(&timer, now, 0, &t.dpc), FALSE);              // absolute
    nt_test_sleep_ms(4);
    ck_assert_uint_eq(t.fired, 4);
    nt_test_sleep_ms(3);
    ck_assert_uint_eq(t.fired, 5);
    ck_assert_int_eq(KeCancelTimer(&timer), FALSE);
}

NT_TEST(KeSetTimerEx_says_if_it_was_set_and_repeats_each_period)
{
    check_timer(KeSetTimerEx);
}
NT_TEST(KeSetCoalescableTimer_says_if_it_was_set_and_repeats_each_period)
{
    check_timer(coalescable);
}

NT_TEST(KeQueryInterruptTimePrecise_agrees_with_the_counter_it_gives)
{
    ULONG64 counter = 0;
    LARGE_INTEGER before = KeQueryPerformanceCounter(NULL);
    ULONGLONG time = KeQueryInterruptTimePrecise(&counter);
    LARGE_INTEGER after = KeQueryPerformanceCounter(NULL);
    ck_assert(counter >= (ULONG64)before.QuadPart && counter <= (ULONG64)after.QuadPart);
    KeStallExecutionProcessor(30);
    ck_assert_uint_ge(KeQueryInterruptTimePrecise(&counter), time + 300);
}

NT_TEST(KeStallExecutionProcessor_lasts_at_least_as_long_as_asked_at_any_level)
{
    static const KIRQL levels[] = {PASSIVE_LEVEL, DISPATCH_LEVEL, HIGH_LEVEL};
    for (int i = 0; i < 3; i++) {
        KIRQL old;
        KeRaiseIrql(levels[i], &old);
        ULONGLONG before = KeQueryInterruptTime();
        KeStallExecutionProcessor(50);
        ck_assert_uint_ge(KeQueryInterruptTime() - before, 500);
        ck_assert_uint_eq(KeGetCurrentIrql(), levels[i]);
        KeLowerIrql(old);
    }
}

NT_TEST(KeShouldYieldProcessor_is_false_where_nothing_limits_a_dpc)
{
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ck_assert_int_eq(KeShouldYieldProcessor(), FALSE);
    KeLowerIrql(old);
}

NT_TEST(KeQueryDpcWatchdogInformation_answers_at_DISPATCH_LEVEL_alone)
{
    KDPC_WATCHDOG_INFORMATION information;
    memset(&information, 0xcc, sizeof information);
    ck_assert_int_eq(KeQueryDpcWatchdogInformation(&information), STATUS_UNSUCCESSFUL);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ck_assert_int_eq(KeQueryDpcWatchdogInformation(&information), STATUS_SUCCESS);
    KeLowerIrql(old);
    ck_assert(!information.DpcTimeLimit && !information.DpcTimeCount && !information.DpcWatchdogLimit && !information.DpcWatchdogCount);
}

struct told {
    ULONG count, refuses;
    struct {
        ULONG number, state;
        NTSTATUS status;
    } calls[8];
};

static NTAPI VOID
processor_told(PVOID context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change, PNTSTATUS status)
{
    struct told *t = context;
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ck_assert_uint_eq(change->ProcNumber.Number, change->NtNumber);
    t->calls[t->count].number = change->NtNumber;
    t->calls[t->count].state = change->State;
    t->calls[t->count++].status = change->Status;
    if (change->State == KeProcessorAddStartNotify && change->NtNumber == t->refuses)
        *status = STATUS_INSUFFICIENT_RESOURCES;
}

NT_TEST_ON(2, KeRegisterProcessorChangeCallback_tells_of_those_there_are_on_request)
{
    struct told t = {.refuses = 99};
    PVOID handle = KeRegisterProcessorChangeCallback(processor_told, &t, 0);
    ck_assert(handle && !t.count);
    KeDeregisterProcessorChangeCallback(handle);
    handle = KeRegisterProcessorChangeCallback(processor_told, &t, KE_PROCESSOR_CHANGE_ADD_EXISTING);
    ck_assert(handle && t.count == 4);
    for (ULONG i = 0; i < 4; i++)
        ck_assert(t.calls[i].number == i % 2 && t.calls[i].state == (i < 2 ? KeProcessorAddStartNotify : KeProcessorAddCompleteNotify));
    KeDeregisterProcessorChangeCallback(handle);
    t = (struct told){.refuses = 1};
    ck_assert_ptr_null(KeRegisterProcessorChangeCallback(processor_told, &t, KE_PROCESSOR_CHANGE_ADD_EXISTING));
    ck_assert(t.count == 3 && t.calls[2].number == 0 && t.calls[2].state == KeProcessorAddFailureNotify);
    ck_assert_ptr_null(KeRegisterProcessorChangeCallback(processor_told, &t, 0x80));
    refuse_next();
    ck_assert_ptr_null(KeRegisterProcessorChangeCallback(processor_told, &t, 0));
    refuse_end();
}

// What is not given back is counted when the box goes.
NT_TEST(KeDeregisterProcessorChangeCallback_gives_the_registration_back)
{
    struct told t = {.refuses = 99};
    KeDeregisterProcessorChangeCallback(KeRegisterProcessorChangeCallback(processor_told, &t, 0));
}

#if defined(__x86_64__)
static ULONG
rounding(void)
{
    ULONG word;
    __asm__ volatile("stmxcsr %0" : "=m"(word));
    return word & 0x6000;
}

static void
round_to(ULONG mode)
{
    ULONG word;
    __asm__ volatile("stmxcsr %0" : "=m"(word));
    word = (word & ~0x6000u) | mode;
    __asm__ volatile("ldmxcsr %0" : : "m"(word));
}

NT_TEST_ONE(KeRestoreExtendedProcessorState_brings_back_what_was_saved_and_asked_for)
{
    XSTATE_SAVE save;
    ck_assert_int_eq(KeSaveExtendedProcessorState(XSTATE_MASK_LEGACY, &save), STATUS_SUCCESS);
    round_to(0x6000);
    KeRestoreExtendedProcessorState(&save);
    ck_assert_uint_eq(rounding(), 0);
    ck_assert_int_eq(KeSaveExtendedProcessorState(XSTATE_MASK_LEGACY_FLOATING_POINT, &save), STATUS_SUCCESS);
    round_to(0x2000);
    KeRestoreExtendedProcessorState(&save);
    ck_assert_uint_eq(rounding(), 0x2000);                   // that of SSE was not asked for
    round_to(0);
}

NT_TEST_ONE(KeSaveExtendedProcessorState_nests)
{
    XSTATE_SAVE outer, inner;
    ck_assert_int_eq(KeSaveExtendedProcessorState(XSTATE_MASK_LEGACY_SSE, &outer), STATUS_SUCCESS);
    round_to(0x2000);
    ck_assert_int_eq(KeSaveExtendedProcessorState(XSTATE_MASK_LEGACY_SSE, &inner), STATUS_SUCCESS);
    round_to(0x4000);
    KeRestoreExtendedProcessorState(&inner);
    ck_assert_uint_eq(rounding(), 0x2000);
    KeRestoreExtendedProcessorState(&outer);
    ck_assert_uint_eq(rounding(), 0);
}
#endif

static void
restore_elsewhere(void)
{
    XSTATE_SAVE save;
    KeSaveExtendedProcessorState(XSTATE_MASK_LEGACY, &save);
    KeRaiseIrqlToDpcLevel();
    KeRestoreExtendedProcessorState(&save);
}

TEST(KeRestoreExtendedProcessorState_at_another_level_is_a_bug_check)
{
    expect_bugcheck(restore_elsewhere, "0xE7 INVALID_FLOATING_POINT_STATE");
}

struct ids {
    HANDLE current, by_object;
    PETHREAD thread;
};

static NTAPI VOID
ids_main(PVOID context)
{
    struct ids *ids = context;
    ids->current = PsGetCurrentThreadId();
    ids->thread = PsGetCurrentThread();
    ids->by_object = PsGetThreadId(ids->thread);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
ids_of_thread(struct ids *ids, CLIENT_ID *client)
{
    HANDLE handle;
    ck_assert_int_eq(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, client, ids_main, ids), STATUS_SUCCESS);
    ck_assert_int_eq(ZwWaitForSingleObject(handle, FALSE, NULL), STATUS_SUCCESS);
    ZwClose(handle);
}

NT_TEST(PsGetCurrentThreadId_is_what_its_creator_was_told_and_no_others)
{
    struct ids ids;
    CLIENT_ID client;
    ids_of_thread(&ids, &client);
    ck_assert_ptr_nonnull(ids.current);
    ck_assert_ptr_eq(ids.current, client.UniqueThread);
    ck_assert_ptr_ne(ids.current, PsGetCurrentThreadId());
}

NT_TEST(PsGetThreadId_is_that_of_the_thread_given)
{
    struct ids ids;
    CLIENT_ID client;
    ids_of_thread(&ids, &client);
    ck_assert_ptr_eq(ids.by_object, client.UniqueThread);
    ck_assert_ptr_eq(PsGetThreadId(PsGetCurrentThread()), PsGetCurrentThreadId());
}

NT_TEST(PsGetThreadProcessId_is_that_of_the_System_process)
{
    ck_assert_ptr_eq(PsGetThreadProcessId(PsGetCurrentThread()), PsGetCurrentProcessId());
}

NT_TEST(PsGetProcessId_is_that_of_the_process_given)
{
    ck_assert_ptr_eq(PsGetProcessId(IoGetCurrentProcess()), PsGetCurrentProcessId());
}
NT_TEST(IoGetCurrentProcess_is_the_one_of_the_current_process_id)
{
    PEPROCESS process = NULL;
    ck_assert_int_eq(PsLookupProcessByProcessId(PsGetCurrentProcessId(), &process), STATUS_SUCCESS);
    ck_assert_ptr_eq(IoGetCurrentProcess(), process);
    ObDereferenceObject(process);
}
NT_TEST(PsIsSystemThread_is_true_for_a_system_thread)
{
    ck_assert_int_eq(PsIsSystemThread(PsGetCurrentThread()), TRUE);
}

NT_TEST(PsLookupProcessByProcessId_references_what_it_finds_and_knows_one)
{
    PEPROCESS process = NULL;
    ck_assert_int_eq(PsLookupProcessByProcessId(PsGetCurrentProcessId(), &process), STATUS_SUCCESS);
    ck_assert_ptr_eq(process, IoGetCurrentProcess());
    LONG_PTR references = ObfReferenceObject(process);
    ck_assert_int_eq(ObfDereferenceObject(process), references - 1);
    ck_assert_int_eq(ObfDereferenceObject(process), references - 2);   // the one of the look-up
    ck_assert_int_eq(PsLookupProcessByProcessId((HANDLE)0x7777, &process), STATUS_INVALID_CID);
}

NT_TEST(PsGetVersion_gives_what_RtlGetVersion_gives_and_takes_NULL)
{
    RTL_OSVERSIONINFOW now = {.dwOSVersionInfoSize = sizeof now};
    ULONG major = 0, minor = 99, build = 0;
    WCHAR text[4] = {'x'};
    UNICODE_STRING pack = {2, sizeof text, text};
    RtlGetVersion(&now);
    ck_assert_int_eq(PsGetVersion(&major, &minor, &build, &pack), FALSE);
    ck_assert(major == now.dwMajorVersion && minor == now.dwMinorVersion && build == now.dwBuildNumber && !pack.Length);
    ck_assert_int_eq(PsGetVersion(NULL, NULL, NULL, NULL), FALSE);
}

struct pulsed {
    KEVENT event;
    _Atomic uint32_t woken;
};

static void
pulsed_wait(void *arg)
{
    struct pulsed *p = arg;
    KeWaitForSingleObject(&p->event, Executive, KernelMode, FALSE, NULL);
    p->woken++;
}

// Two wait: a notification event lets both go, a synchronization event one, and neither stays signalled.
NT_TEST(KePulseEvent_satisfies_the_waits_there_are_and_gives_the_state_before)
{
    for (int type = NotificationEvent; type <= SynchronizationEvent; type++) {
        struct pulsed p = {.woken = 0};
        KeInitializeEvent(&p.event, (EVENT_TYPE)type, FALSE);
        struct ke_thread *threads[] = {nt_test_start(pulsed_wait, &p), nt_test_start(pulsed_wait, &p)};
        nt_test_sleep_ms(5);
        KIRQL old = KeRaiseIrqlToDpcLevel();
        ck_assert_int_eq(KePulseEvent(&p.event, 0, FALSE), 0);
        ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
        KeLowerIrql(old);
        nt_test_sleep_ms(5);
        ck_assert_uint_eq(p.woken, type == NotificationEvent ? 2 : 1);
        ck_assert_int_eq(KeReadStateEvent(&p.event), 0);
        KeSetEvent(&p.event, 0, FALSE);
        ke_thread_join(threads[0]);
        ke_thread_join(threads[1]);
    }
    KEVENT set;
    KeInitializeEvent(&set, NotificationEvent, TRUE);
    ck_assert_int_ne(KePulseEvent(&set, 0, FALSE), 0);
    ck_assert_int_eq(KeReadStateEvent(&set), 0);
}

NT_TEST(KePulseEvent_with_Wait_stays_at_DISPATCH_LEVEL_until_the_wait_that_follows)
{
    KEVENT pulsed, other;
    KeInitializeEvent(&pulsed, NotificationEvent, FALSE);
    KeInitializeEvent(&other, NotificationEvent, TRUE);
    KePulseEvent(&pulsed, 0, TRUE);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_int_eq(KeWaitForSingleObject(&other, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}
