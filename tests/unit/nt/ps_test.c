// SPDX-License-Identifier: MIT
// System threads.
#include "nt/ob/ob.h"
#include "unit/nt/nt_test.h"

struct run {
    KEVENT go;
    _Atomic uint32_t ran, survived;
    HANDLE process, thread;
    PKTHREAD self;
};

static NTAPI VOID
run_deep(struct run *run, int depth)
{
    if (depth)
        run_deep(run, depth - 1);
    else
        PsTerminateSystemThread(STATUS_SUCCESS);
    run->survived++;
}

static NTAPI VOID
run_start(PVOID context)
{
    struct run *run = context;
    KeWaitForSingleObject(&run->go, Executive, KernelMode, FALSE, NULL);
    if (run->ran++ == 0) {
        run->process = PsGetCurrentProcessId();
        run->thread = PsGetCurrentThreadId();
        run->self = KeGetCurrentThread();
    }
    run_deep(run, 5);
    run->survived++;
}

NT_TEST(PsCreateSystemThread_makes_a_thread_whose_handle_can_be_waited_for)
{
    struct run run = {.ran = 0};
    HANDLE handle;
    CLIENT_ID id;
    PVOID object;
    KeInitializeEvent(&run.go, NotificationEvent, FALSE);
    ck_assert_int_eq(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, &id, run_start, &run), STATUS_SUCCESS);
    ck_assert_int_eq(ObReferenceObjectByHandle(handle, SYNCHRONIZE, *PsThreadType, KernelMode, &object, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(ZwClose(handle), STATUS_SUCCESS);
    LARGE_INTEGER poll = {0};
    ck_assert_int_eq(KeWaitForSingleObject(object, Executive, KernelMode, FALSE, &poll), STATUS_TIMEOUT);
    KeSetEvent(&run.go, 0, FALSE);
    ck_assert_int_eq(KeWaitForSingleObject(object, Executive, KernelMode, FALSE, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(run.ran, 1);
    ck_assert_uint_eq(run.survived, 0);
    ck_assert_ptr_eq(run.self, object);
    ck_assert_ptr_eq(run.thread, id.UniqueThread);
    ck_assert_ptr_eq(run.process, id.UniqueProcess);
    ck_assert_ptr_eq(PsGetThreadId(object), id.UniqueThread);
    ObDereferenceObject(object);
}

NT_TEST(PsCreateSystemThread_many_at_once_all_end_and_leave_nothing)
{
    struct run run = {.ran = 0};
    PVOID objects[8];
    KeInitializeEvent(&run.go, NotificationEvent, FALSE);
    for (int i = 0; i < 8; i++) {
        HANDLE handle;
        ck_assert_int_eq(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, run_start, &run), STATUS_SUCCESS);
        ObReferenceObjectByHandle(handle, 0, *PsThreadType, KernelMode, &objects[i], NULL);
        ZwClose(handle);
    }
    KeSetEvent(&run.go, 0, FALSE);
    KWAIT_BLOCK blocks[8];
    ck_assert_int_eq(KeWaitForMultipleObjects(8, objects, WaitAll, Executive, KernelMode, FALSE, NULL, blocks), STATUS_SUCCESS);
    for (int i = 0; i < 8; i++)
        ObDereferenceObject(objects[i]);
    ck_assert_uint_eq(run.ran, 8);
}

NT_TEST(PsTerminateSystemThread_refuses_a_thread_that_PsCreateSystemThread_did_not_make)
{
    ck_assert_int_eq(PsTerminateSystemThread(STATUS_SUCCESS), STATUS_INVALID_PARAMETER);
}

NT_TEST(PsLookupProcessByProcessId_finds_the_system_process_only)
{
    PEPROCESS process;
    ck_assert_int_eq(PsLookupProcessByProcessId(PsGetCurrentProcessId(), &process), STATUS_SUCCESS);
    ck_assert_ptr_eq(process, PsGetCurrentProcess());
    ObDereferenceObject(process);
    ck_assert_int_eq(PsLookupProcessByProcessId((HANDLE)12, &process), STATUS_INVALID_CID);
}

NT_TEST(KeSetPriorityThread_returns_the_priority_before)
{
    PKTHREAD self = KeGetCurrentThread();
    ck_assert_int_eq(KeSetPriorityThread(self, 16), 8);
    ck_assert_int_eq(KeQueryPriorityThread(self), 16);
    ck_assert_int_eq(KeSetPriorityThread(self, 8), 16);
}

static void
yield_partner(void *arg)
{
    *(_Atomic uint32_t *)arg = 1;
}

NT_TEST(ZwYieldExecution_lets_another_thread_run)
{
    _Atomic uint32_t ran = 0;
    struct ke_thread *helper = nt_test_start(yield_partner, (void *)&ran);
    while (!ran)
        ck_assert_int_eq(ZwYieldExecution(), STATUS_SUCCESS);
    ke_thread_join(helper);
}
