// SPDX-License-Identifier: MIT
// Processor affinity, system threads, callbacks, bitmaps, keys and handles: promises of their pages that no other file tests.
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "unit/nt/bugcheck.h"

// ---- processors -------------------------------------------------------------------------------------------------------------------

NT_TEST_ON(4, KeGetCurrentProcessorNumberEx_gives_the_index_and_fills_the_number)
{
    for (ULONG i = 0; i < 4; i++) {
        PROCESSOR_NUMBER number = {9, 9, 9};
        KeSetSystemAffinityThreadEx((KAFFINITY)1 << i);
        ck_assert_uint_eq(KeGetCurrentProcessorNumberEx(&number), i);
        ck_assert_uint_eq(number.Number, i);
        ck_assert_uint_eq(number.Group | number.Reserved, 0);
        ck_assert_uint_eq(KeGetCurrentProcessorNumberEx(NULL), i);
    }
    KeRevertToUserAffinityThread();
}

NT_TEST_ON(3, KeGetCurrentProcessorIndex_is_the_index_of_the_processor_that_runs)
{
    KeSetSystemAffinityThreadEx(4);
    ck_assert_uint_eq(KeGetCurrentProcessorIndex(), 2);
    KeRevertToUserAffinityThread();
}

NT_TEST_ON(4, KeSetSystemGroupAffinityThread_moves_the_thread_and_gives_what_held_before)
{
    GROUP_AFFINITY two = {.Mask = 4}, one = {.Mask = 2}, other_group = {.Mask = 1, .Group = 1}, before;
    KeSetSystemGroupAffinityThread(&two, &before);
    ck_assert_uint_eq(before.Mask, 0);         // it had none of its own
    ck_assert_uint_eq(KeGetCurrentProcessorIndex(), 2);
    KeSetSystemGroupAffinityThread(&one, &before);
    ck_assert_uint_eq(before.Mask, 4);
    ck_assert_uint_eq(KeGetCurrentProcessorIndex(), 1);
    KeSetSystemGroupAffinityThread(&other_group, &before);   // there is one group: nothing changes
    ck_assert_uint_eq(KeGetCurrentProcessorIndex(), 1);
    KeRevertToUserAffinityThread();
}

NT_TEST_ON(4, KeRevertToUserGroupAffinityThread_brings_back_what_held_before)
{
    GROUP_AFFINITY two = {.Mask = 4}, one = {.Mask = 2}, first, second, now;
    KeSetSystemGroupAffinityThread(&two, &first);
    KeSetSystemGroupAffinityThread(&one, &second);
    KeRevertToUserGroupAffinityThread(&second);
    ck_assert_uint_eq(KeGetCurrentProcessorIndex(), 2);
    KeRevertToUserGroupAffinityThread(&first);
    KeSetSystemGroupAffinityThread(&two, &now);
    ck_assert_uint_eq(now.Mask, 0);
    KeRevertToUserGroupAffinityThread(&now);
}

static volatile ULONG dpc_ran_on;
static KEVENT dpc_ran;
static KDEFERRED_ROUTINE DpcRoutine;
static VOID
DpcRoutine(PKDPC dpc, PVOID context, PVOID one, PVOID two)
{
    dpc_ran_on = KeGetCurrentProcessorIndex();
    KeSetEvent(&dpc_ran, 0, FALSE);
}
NT_TEST_ON(4, KeSetTargetProcessorDpc_chooses_where_it_runs)
{
    KDPC dpc;
    KeInitializeEvent(&dpc_ran, SynchronizationEvent, FALSE);
    KeInitializeDpc(&dpc, DpcRoutine, NULL);
    for (ULONG i = 0; i < 4; i++) {
        dpc_ran_on = 99;
        KeSetTargetProcessorDpc(&dpc, (CCHAR)(3 - i));
        ck_assert(KeInsertQueueDpc(&dpc, NULL, NULL));
        KeWaitForSingleObject(&dpc_ran, Executive, KernelMode, FALSE, NULL);
        ck_assert_uint_eq(dpc_ran_on, 3 - i);
    }
}

static void
bugcheck_body(void)
{
    KeBugCheck(0xE2);
}
TEST(KeBugCheck_ends_the_box_with_its_code)
{
    expect_bugcheck(bugcheck_body, "bug check 0xE2 ");
}

// ---- threads and processes ----------------------------------------------------------------------------------------------------------

static struct {
    PVOID context;
    KIRQL irql;
    HANDLE process, thread;
    PEPROCESS object;
} started;

static KSTART_ROUTINE Started;
static VOID
Started(PVOID context)
{
    started.context = context;
    started.irql = KeGetCurrentIrql();
    started.process = PsGetCurrentProcessId();
    started.thread = PsGetCurrentThreadId();
    started.object = PsGetCurrentProcess();
    PsTerminateSystemThread(STATUS_DEVICE_BUSY);
}

static void
thread_join(HANDLE handle)
{
    PVOID thread;
    ck_assert_int_eq(ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, NULL, KernelMode, &thread, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ObDereferenceObject(thread);
    ck_assert_int_eq(ZwClose(handle), STATUS_SUCCESS);
}

NT_TEST(PsCreateSystemThread_runs_the_routine_at_PASSIVE_LEVEL_in_the_System_process)
{
    HANDLE handle = NULL;
    CLIENT_ID id = {0};
    memset(&started, 0, sizeof started);
    ck_assert_int_eq(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, &id, Started, &id), STATUS_SUCCESS);
    ck_assert_ptr_nonnull(handle);
    thread_join(handle);
    ck_assert_ptr_eq(started.context, &id);
    ck_assert_uint_eq(started.irql, PASSIVE_LEVEL);
    ck_assert_ptr_eq(started.process, id.UniqueProcess);
    ck_assert_ptr_eq(started.thread, id.UniqueThread);
}

NT_TEST(PsGetCurrentProcessId_is_that_of_the_System_process)
{
    ck_assert_ptr_eq(PsGetCurrentProcessId(), (HANDLE)4);
}

NT_TEST(PsGetCurrentProcess_is_one_object_for_all_system_threads)
{
    HANDLE handle;
    PEPROCESS mine = PsGetCurrentProcess();
    ck_assert_ptr_nonnull(mine);
    ck_assert_int_eq(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, Started, NULL), STATUS_SUCCESS);
    thread_join(handle);
    ck_assert_ptr_eq(started.object, mine);
}

NT_TEST(KeStackAttachProcess_and_back_leaves_the_thread_where_it_was)
{
    KAPC_STATE state;
    PEPROCESS mine = PsGetCurrentProcess();
    memset(&state, 0, sizeof state);   // nothing attached: the way back would be a bug check
    KeStackAttachProcess((PRKPROCESS)mine, &state);
    ck_assert_ptr_eq(PsGetCurrentProcess(), mine);
    KeUnstackDetachProcess(&state);
    ck_assert_ptr_eq(PsGetCurrentProcess(), mine);
}

static void
detach_twice(void)
{
    KAPC_STATE state;
    KeStackAttachProcess((PRKPROCESS)PsGetCurrentProcess(), &state);
    KeUnstackDetachProcess(&state);
    KeUnstackDetachProcess(&state);
}
TEST(KeUnstackDetachProcess_of_what_is_not_attached_is_a_bug_check)
{
    expect_bugcheck(detach_twice, "INVALID_PROCESS_DETACH_ATTEMPT");
}

// ---- words to the debugger ----------------------------------------------------------------------------------------------------------

static char said[256];
static void
say(void *context, const char *text)
{
    snprintf(said, sizeof said, "%s", text);
}
NT_TEST(DbgPrintEx_prints_and_gives_success)
{
    box_self()->on_message = say;
    UNICODE_STRING two = RTL_CONSTANT_STRING(L"two");
    ck_assert_uint_eq(DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "%s %wZ %d\n", "one", &two, 3), STATUS_SUCCESS);
    ck_assert_msg(strstr(said, "one two 3") != NULL, "%s", said);
    box_self()->on_message = NULL;
}

static void
break_body(void)
{
    DbgBreakPoint();
}
TEST(DbgBreakPoint_stops_the_process_when_no_debugger_goes_on)
{
    int status;
    pid_t child = fork();
    if (!child) {
        freopen("/dev/null", "w", stderr);
        nt_test_run(1, break_body);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP, "ended with %#x", (unsigned)status);
}

// ---- callback objects ---------------------------------------------------------------------------------------------------------------

static UNICODE_STRING callback_name = RTL_CONSTANT_STRING(L"\\Callback\\Ours");
static int calls;
static CALLBACK_FUNCTION Called;
static VOID
Called(PVOID context, PVOID one, PVOID two)
{
    calls += (int)(ULONG_PTR)context;
}

NT_TEST(ExCreateCallback_makes_or_finds_the_object_of_a_name)
{
    OBJECT_ATTRIBUTES attributes;
    PCALLBACK_OBJECT first, second;
    InitializeObjectAttributes(&attributes, &callback_name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    ck_assert_int_ne(ExCreateCallback(&first, &attributes, FALSE, TRUE), STATUS_SUCCESS);
    ck_assert_ptr_null(first);
    ck_assert_int_eq(ExCreateCallback(&first, &attributes, TRUE, FALSE), STATUS_SUCCESS);
    PVOID registration = ExRegisterCallback(first, Called, (PVOID)1);
    ck_assert_ptr_nonnull(registration);
    ck_assert_ptr_null(ExRegisterCallback(first, Called, (PVOID)1));   // one at a time, as it was made so
    ExUnregisterCallback(registration);
    (void)second;
    ObDereferenceObject(first);
    ck_assert_int_eq(ExCreateCallback(&first, NULL, TRUE, TRUE), STATUS_UNSUCCESSFUL);
}

NT_TEST(ExUnregisterCallback_ends_the_calls)
{
    OBJECT_ATTRIBUTES attributes;
    PCALLBACK_OBJECT object;
    calls = 0;
    InitializeObjectAttributes(&attributes, &callback_name, OBJ_CASE_INSENSITIVE, NULL, NULL);
    ck_assert_int_eq(ExCreateCallback(&object, &attributes, TRUE, TRUE), STATUS_SUCCESS);
    PVOID one = ExRegisterCallback(object, Called, (PVOID)1), ten = ExRegisterCallback(object, Called, (PVOID)10);
    ExNotifyCallback(object, NULL, NULL);
    ck_assert_int_eq(calls, 11);
    ExUnregisterCallback(one);
    ExNotifyCallback(object, NULL, NULL);
    ck_assert_int_eq(calls, 21);
    ExUnregisterCallback(ten);
    ExNotifyCallback(object, NULL, NULL);
    ck_assert_int_eq(calls, 21);
    ObDereferenceObject(object);
}

// ---- lists, bitmaps, rundown ----

NT_TEST(InterlockedFlushSList_gives_the_whole_list_and_leaves_none)
{
    DECLSPEC_ALIGN(16) SLIST_HEADER head;
    DECLSPEC_ALIGN(16) struct {
        SLIST_ENTRY entry;
        ULONG_PTR filler;
    } entries[3];
    InitializeSListHead(&head);
    ck_assert_ptr_null(InterlockedFlushSList(&head));
    for (int i = 0; i < 3; i++)
        InterlockedPushEntrySList(&head, &entries[i].entry);
    PSLIST_ENTRY list = InterlockedFlushSList(&head);
    for (int i = 2; i >= 0; i--, list = list->Next)
        ck_assert_ptr_eq(list, &entries[i].entry);
    ck_assert_ptr_null(list);
    ck_assert_uint_eq(QueryDepthSList(&head), 0);
}

NT_TEST(RtlInitializeBitMap_describes_the_callers_words)
{
    ULONG words[2] = {0x5, 0x80000000};
    RTL_BITMAP map;
    RtlInitializeBitMap(&map, words, 64);
    ck_assert_uint_eq(map.SizeOfBitMap, 64);
    ck_assert_ptr_eq(map.Buffer, words);
    ck_assert(RtlTestBit(&map, 0) && !RtlTestBit(&map, 1) && RtlTestBit(&map, 63));   // the bits are left as they are
}

NT_TEST(RtlFindLeastSignificantBit_counts_from_the_right_or_gives_minus_one)
{
    ck_assert_int_eq(RtlFindLeastSignificantBit(0), -1);
    ck_assert_int_eq(RtlFindLeastSignificantBit(1), 0);
    ck_assert_int_eq(RtlFindLeastSignificantBit(0xf000000000000000), 60);
    ck_assert_int_eq(RtlFindLeastSignificantBit(0x8000000000000000), 63);
}

NT_TEST(ExReInitializeRundownProtectionCacheAware_lets_it_be_acquired_again)
{
    PEX_RUNDOWN_REF_CACHE_AWARE ref = ExAllocateCacheAwareRundownProtection(NonPagedPoolNx, 'tseT');
    ck_assert(ExAcquireRundownProtectionCacheAware(ref));
    ExReleaseRundownProtectionCacheAware(ref);
    ExWaitForRundownProtectionReleaseCacheAware(ref);
    ck_assert(!ExAcquireRundownProtectionCacheAware(ref));
    ExReInitializeRundownProtectionCacheAware(ref);
    ck_assert(ExAcquireRundownProtectionCacheAware(ref));
    ExReleaseRundownProtectionCacheAware(ref);
    ExFreeCacheAwareRundownProtection(ref);
}

// ---- names, handles, keys ----

TEST(InitializeObjectAttributes_fills_every_member)
{
    OBJECT_ATTRIBUTES attributes;
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\x");
    memset(&attributes, 0xff, sizeof attributes);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, (HANDLE)8, NULL);
    ck_assert_uint_eq(attributes.Length, sizeof attributes);
    ck_assert_ptr_eq(attributes.ObjectName, &name);
    ck_assert_uint_eq(attributes.Attributes, OBJ_KERNEL_HANDLE);
    ck_assert_ptr_eq(attributes.RootDirectory, (HANDLE)8);
    ck_assert_ptr_null(attributes.SecurityDescriptor);
    ck_assert_ptr_null(attributes.SecurityQualityOfService);
}

NT_TEST(ZwClose_ends_a_handle_and_refuses_it_the_second_time)
{
    HANDLE event;
    ck_assert_int_eq(ZwCreateEvent(&event, EVENT_ALL_ACCESS, NULL, NotificationEvent, FALSE), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(event), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(event), STATUS_INVALID_HANDLE);
    ck_assert_int_eq(ZwClose(NULL), STATUS_INVALID_HANDLE);
}

NT_TEST(ZwOpenKey_opens_what_exists_by_path_or_below_a_key)
{
    UNICODE_STRING path = RTL_CONSTANT_STRING(L"\\Registry\\Machine\\SYSTEM\\CurrentControlSet\\Services\\Ours");
    UNICODE_STRING below = RTL_CONSTANT_STRING(L"Parameters"), nothing = RTL_CONSTANT_STRING(L"Nothing");
    OBJECT_ATTRIBUTES attributes;
    HANDLE key, child;
    ULONG disposition;
    InitializeObjectAttributes(&attributes, &path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    ck_assert_int_eq(ZwOpenKey(&key, KEY_READ, &attributes), STATUS_OBJECT_NAME_NOT_FOUND);
    ck_assert_int_eq(ZwCreateKey(&key, KEY_ALL_ACCESS, &attributes, 0, NULL, REG_OPTION_NON_VOLATILE, &disposition), STATUS_SUCCESS);
    InitializeObjectAttributes(&attributes, &below, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, key, NULL);
    ck_assert_int_eq(ZwCreateKey(&child, KEY_ALL_ACCESS, &attributes, 0, NULL, REG_OPTION_NON_VOLATILE, &disposition), STATUS_SUCCESS);
    ZwClose(child);
    ck_assert_int_eq(ZwOpenKey(&child, KEY_READ, &attributes), STATUS_SUCCESS);
    ZwClose(child);
    InitializeObjectAttributes(&attributes, &nothing, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, key, NULL);
    ck_assert_int_eq(ZwOpenKey(&child, KEY_READ, &attributes), STATUS_OBJECT_NAME_NOT_FOUND);
    ZwClose(key);
    InitializeObjectAttributes(&attributes, &below, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, (HANDLE)0x7ffc, NULL);
    ck_assert_int_eq(ZwOpenKey(&child, KEY_READ, &attributes), STATUS_INVALID_HANDLE);
    InitializeObjectAttributes(&attributes, &path, OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE, NULL, NULL);
    ck_assert_int_eq(ZwOpenKey(&key, KEY_READ, &attributes), STATUS_SUCCESS);
    ZwClose(key);
}

NT_TEST(IoReleaseCancelSpinLock_gives_back_the_level_and_lets_the_next_in)
{
    KIRQL old;
    for (int i = 0; i < 2; i++) {              // a lock that stayed taken would never come again
        IoAcquireCancelSpinLock(&old);
        ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
        IoReleaseCancelSpinLock(old);
        ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    }
}
