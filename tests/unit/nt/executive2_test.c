// SPDX-License-Identifier: MIT
// Resources, callback objects, system-allocated timers.
#include "nt/ob/ob.h"
#include "unit/nt/nt_test.h"

struct shared {
    ERESOURCE resource;
    uint64_t a, b;
};

static void
shared_work(void *arg)
{
    struct shared *s = arg;
    for (int i = 0; i < 60; i++) {
        KeEnterCriticalRegion();
        if (i % 3 == 0) {
            ck_assert(ExAcquireResourceExclusiveLite(&s->resource, TRUE));
            ck_assert(ExAcquireResourceSharedLite(&s->resource, TRUE));
            ck_assert(ExIsResourceAcquiredExclusiveLite(&s->resource));
            s->a++;
            KeGetCurrentProcessorNumberEx(NULL);
            s->b++;
            ExReleaseResourceLite(&s->resource);
            if (i % 2)
                ExConvertExclusiveToSharedLite(&s->resource);
        } else {
            ck_assert(ExAcquireResourceSharedLite(&s->resource, TRUE));
            ck_assert(ExAcquireResourceSharedLite(&s->resource, FALSE));
            ck_assert_uint_eq(ExIsResourceAcquiredSharedLite(&s->resource), 2);
            ck_assert_uint_eq(s->a, s->b);
            ExReleaseResourceLite(&s->resource);
        }
        ExReleaseResourceLite(&s->resource);
        KeLeaveCriticalRegion();
    }
}

NT_TEST_ON(3, ExAcquireResourceExclusiveLite_excludes_readers_and_is_recursive)
{
    struct shared s = {.a = 0};
    ExInitializeResourceLite(&s.resource);
    struct ke_thread *helpers[5];
    for (int i = 0; i < 5; i++)
        helpers[i] = nt_test_start(shared_work, &s);
    for (int i = 0; i < 5; i++)
        ke_thread_join(helpers[i]);
    ck_assert_uint_eq(s.a, 100);
    ck_assert_uint_eq(ExGetExclusiveWaiterCount(&s.resource), 0);
    ck_assert_uint_eq(ExGetSharedWaiterCount(&s.resource), 0);
    ExDeleteResourceLite(&s.resource);
}

static void
resource_try(void *arg)
{
    ERESOURCE *resource = arg;
    ck_assert(!ExAcquireResourceExclusiveLite(resource, FALSE));
    ck_assert(ExAcquireSharedStarveExclusive(resource, FALSE));
    ck_assert(ExAcquireSharedWaitForExclusive(resource, FALSE));
    ExReleaseResourceLite(resource);
    ExReleaseResourceLite(resource);
}

NT_TEST(ExAcquireResourceExclusiveLite_without_wait_fails_while_shared)
{
    ERESOURCE resource;
    ExInitializeResourceLite(&resource);
    ck_assert(ExAcquireResourceSharedLite(&resource, TRUE));
    ke_thread_join(nt_test_start(resource_try, &resource));
    ExReleaseResourceLite(&resource);
    ck_assert(ExAcquireResourceExclusiveLite(&resource, FALSE));
    ck_assert_uint_eq(ExIsResourceAcquiredSharedLite(&resource), 1);
    ExReleaseResourceForThreadLite(&resource, ExGetCurrentResourceThread());
    ck_assert_uint_eq(ExIsResourceAcquiredSharedLite(&resource), 0);
    ExDeleteResourceLite(&resource);
}

static NTAPI VOID
said(PVOID context, PVOID argument1, PVOID argument2)
{
    char **at = argument1;
    *(*at)++ = *(char *)context;
    *(*at)++ = (char)('0' + KeGetCurrentIrql());
}

NT_TEST(ExNotifyCallback_calls_in_order_of_registration_at_the_callers_irql)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Callback\\NbxTest");
    OBJECT_ATTRIBUTES attributes;
    PCALLBACK_OBJECT object, same;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE | OBJ_PERMANENT, NULL, NULL);
    ck_assert_int_ne(ExCreateCallback(&object, &attributes, FALSE, TRUE), STATUS_SUCCESS);
    ck_assert_int_eq(ExCreateCallback(&object, &attributes, TRUE, TRUE), STATUS_SUCCESS);
    ck_assert_int_eq(ExCreateCallback(&same, &attributes, FALSE, TRUE), STATUS_SUCCESS);
    ck_assert_ptr_eq(object, same);
    ObDereferenceObject(same);
    PVOID a = ExRegisterCallback(object, said, "a"), b = ExRegisterCallback(object, said, "b");
    char text[16] = "", *at = text;
    ExNotifyCallback(object, &at, NULL);
    KIRQL old = KeRaiseIrqlToDpcLevel();
    ExNotifyCallback(object, &at, NULL);
    KeLowerIrql(old);
    ck_assert_str_eq(text, "a0b0a2b2");
    ExUnregisterCallback(a);
    ExNotifyCallback(object, &at, NULL);
    ck_assert_str_eq(text, "a0b0a2b2b0");
    ExUnregisterCallback(b);
    ObDereferenceObject(object);
    attributes.ObjectName = NULL;
    ck_assert_int_eq(ExCreateCallback(&object, &attributes, TRUE, TRUE), STATUS_UNSUCCESSFUL);
}

NT_TEST(ExRegisterCallback_refuses_a_second_where_one_is_allowed)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Callback\\NbxOne");
    OBJECT_ATTRIBUTES attributes;
    PCALLBACK_OBJECT object;
    InitializeObjectAttributes(&attributes, &name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    ck_assert_int_eq(ExCreateCallback(&object, &attributes, TRUE, FALSE), STATUS_SUCCESS);
    PVOID first = ExRegisterCallback(object, said, "a");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(ExRegisterCallback(object, said, "b"));
    ExUnregisterCallback(first);
    ObDereferenceObject(object);
}

struct ex_ticks {
    _Atomic uint32_t fired, deleted;
    KIRQL irql;
};

static NTAPI VOID
ex_tick(PEX_TIMER timer, PVOID context)
{
    struct ex_ticks *ticks = context;
    ticks->irql = KeGetCurrentIrql();
    ticks->fired++;
}

static NTAPI VOID
ex_deleted(PVOID context)
{
    ((struct ex_ticks *)context)->deleted++;
}

NT_TEST(ExSetTimer_fires_each_period_and_ExDeleteTimer_waits_for_the_end)
{
    struct ex_ticks ticks = {0};
    PEX_TIMER timer = ExAllocateTimer(ex_tick, &ticks, EX_TIMER_HIGH_RESOLUTION);
    ck_assert(!ExSetTimer(timer, -50000, 25000, NULL));
    while (ticks.fired < 3)
        nt_test_sleep_ms(1);
    ck_assert_uint_eq(ticks.irql, DISPATCH_LEVEL);
    EXT_DELETE_PARAMETERS parameters;
    ExInitializeDeleteTimerParameters(&parameters);
    parameters.DeleteCallback = ex_deleted;
    parameters.DeleteContext = &ticks;
    ck_assert(ExDeleteTimer(timer, TRUE, TRUE, &parameters));
    ck_assert_uint_eq(ticks.deleted, 1);
    uint32_t fired = ticks.fired;
    nt_test_sleep_ms(20);
    ck_assert_uint_eq(ticks.fired, fired);
}

NT_TEST(ExDeleteTimer_without_cancel_lets_it_expire_first)
{
    struct ex_ticks ticks = {0};
    PEX_TIMER timer = ExAllocateTimer(ex_tick, &ticks, EX_TIMER_NOTIFICATION);
    ExSetTimer(timer, -100000, 0, NULL);
    EXT_DELETE_PARAMETERS parameters = {.DeleteCallback = ex_deleted, .DeleteContext = &ticks};
    ck_assert(!ExDeleteTimer(timer, FALSE, FALSE, &parameters));
    while (!ticks.deleted)
        nt_test_sleep_ms(1);
    ck_assert_uint_eq(ticks.fired, 1);
}

static NTAPI VOID
ex_delete_self(PEX_TIMER timer, PVOID context)
{
    EXT_DELETE_PARAMETERS parameters = {.DeleteCallback = ex_deleted, .DeleteContext = context};
    ExDeleteTimer(timer, TRUE, FALSE, &parameters);
}

NT_TEST(ExDeleteTimer_from_its_own_callback_is_finished_by_a_worker)
{
    struct ex_ticks ticks = {0};
    ExSetTimer(ExAllocateTimer(ex_delete_self, &ticks, 0), -10000, 0, NULL);
    while (!ticks.deleted)
        nt_test_sleep_ms(1);
}

NT_TEST(ExCancelTimer_says_whether_it_was_set)
{
    struct ex_ticks ticks = {0};
    PEX_TIMER timer = ExAllocateTimer(ex_tick, &ticks, 0);
    ck_assert(!ExCancelTimer(timer, NULL));
    ExSetTimer(timer, -1000000000, 0, NULL);
    ck_assert(ExSetTimer(timer, -1000000000, 0, NULL));
    ck_assert(ExCancelTimer(timer, NULL));
    ExDeleteTimer(timer, TRUE, TRUE, NULL);
    ck_assert_uint_eq(ticks.fired, 0);
}

static NTAPI VOID
processor_seen(PVOID context, PKE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change, PNTSTATUS status)
{
    ULONG *seen = context;
    if (change->State == KeProcessorAddStartNotify)
        seen[0] |= 1u << change->NtNumber;
    else if (change->State == KeProcessorAddCompleteNotify)
        seen[1] |= 1u << change->ProcNumber.Number;
    else
        seen[2]++;
    if (seen[3] && change->State == KeProcessorAddStartNotify && change->NtNumber == 1)
        *status = STATUS_INSUFFICIENT_RESOURCES;
}

NT_TEST_ON(3, KeRegisterProcessorChangeCallback_announces_existing_processors_on_request)
{
    ULONG seen[4] = {0};
    PVOID handle = KeRegisterProcessorChangeCallback(processor_seen, seen, 0);
    ck_assert_ptr_nonnull(handle);
    ck_assert_uint_eq(seen[0], 0);
    KeDeregisterProcessorChangeCallback(handle);
    handle = KeRegisterProcessorChangeCallback(processor_seen, seen, KE_PROCESSOR_CHANGE_ADD_EXISTING);
    ck_assert_uint_eq(seen[0], 7);
    ck_assert_uint_eq(seen[1], 7);
    KeDeregisterProcessorChangeCallback(handle);
    seen[3] = 1;
    ck_assert_ptr_null(KeRegisterProcessorChangeCallback(processor_seen, seen, KE_PROCESSOR_CHANGE_ADD_EXISTING));
    ck_assert_uint_eq(seen[2], 1);
    ck_assert_ptr_null(KeRegisterProcessorChangeCallback(processor_seen, seen, 2));
}

NT_TEST(KeSaveExtendedProcessorState_keeps_what_the_restore_checks)
{
    XSTATE_SAVE save;
    ck_assert_int_eq(KeSaveExtendedProcessorState(3, &save), STATUS_SUCCESS);
    ck_assert_ptr_eq(save.Thread, KeGetCurrentThread());
    KeRestoreExtendedProcessorState(&save);
    KAPC_STATE state;
    KeStackAttachProcess((PRKPROCESS)PsGetCurrentProcess(), &state);
    ck_assert_ptr_eq(state.Process, (PRKPROCESS)PsGetCurrentProcess());
    KeUnstackDetachProcess(&state);
    ck_assert_ptr_null(state.Process);
    ck_assert(!KeShouldYieldProcessor());
}
