// SPDX-License-Identifier: MIT
// Front doors: system threads, the System process, the version. [wdm/nf-wdm-pscreatesystemthread], [wdm/nf-wdm-psterminatesystemthread]
#include "nt/ex/fault.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/thread.h"
#include "nt/ps/ps.h"
#include "nt/ps/ps_int.h"
#include "nt/rtl/version.h"
#include "verify/verify.h"

// A new thread belongs to the System process whatever process handle is given: there is no other. Attributes carry no name for a thread.
NTAPI NTSTATUS
PsCreateSystemThread(PHANDLE ThreadHandle, ULONG DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes, HANDLE ProcessHandle,
                     PCLIENT_ID ClientId, PKSTART_ROUTINE StartRoutine, PVOID StartContext)
{
    VERIFY_ENTER(PsCreateSystemThread);
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    struct box *box = box_self();
    struct ps_thread *thread;
    NTSTATUS status = ps_thread_create(box, StartRoutine, StartContext, &thread);
    if (!NT_SUCCESS(status))
        return status;
    if (ClientId)
        *ClientId = (CLIENT_ID){ULongToHandle(PS_SYSTEM_PROCESS_ID), ULongToHandle(thread->id)};
    status = ob_handle_create(box, thread, DesiredAccess, ThreadHandle);
    ob_unref(thread);
    if (!NT_SUCCESS(status))   // it runs already, and nobody could have stopped it: Windows has the same order
        *ThreadHandle = NULL;
    VERIFY_LEAVE(PsCreateSystemThread);
    return status;
}

NTAPI NTSTATUS
PsTerminateSystemThread(NTSTATUS ExitStatus)
{
    VERIFY_ENTER(PsTerminateSystemThread);
    struct ke_thread *self = ke_self();
    if (!self->ps)
        return STATUS_INVALID_PARAMETER;   // not a thread that PsCreateSystemThread made
    if (self->irql != PASSIVE_LEVEL)
        ke_bugcheck(BUGCODE_IRQL_NOT_LESS_OR_EQUAL, 0, self->irql, 0, (uint64_t)(uintptr_t)__builtin_return_address(0));
    ke_thread_exit(ExitStatus);
}

NTAPI HANDLE
PsGetCurrentProcessId(VOID)
{
    VERIFY_ENTER(PsGetCurrentProcessId);
    return ULongToHandle(PS_SYSTEM_PROCESS_ID);
}

NTAPI HANDLE
PsGetCurrentThreadId(VOID)
{
    VERIFY_ENTER(PsGetCurrentThreadId);
    return ULongToHandle(ps_thread_id(ke_self()));
}

NTAPI HANDLE
PsGetThreadId(PETHREAD Thread)
{
    VERIFY_ENTER(PsGetThreadId);
    return ULongToHandle(ps_thread_id((struct ke_thread *)Thread));
}

NTAPI HANDLE
PsGetThreadProcessId(PETHREAD Thread)
{
    VERIFY_ENTER(PsGetThreadProcessId);
    return ULongToHandle(PS_SYSTEM_PROCESS_ID);
}

NTAPI PEPROCESS
IoGetCurrentProcess(VOID)
{
    VERIFY_ENTER(IoGetCurrentProcess);
    return ps_process(box_self());
}

NTAPI HANDLE
PsGetProcessId(PEPROCESS Process)
{
    VERIFY_ENTER(PsGetProcessId);
    return ULongToHandle(PS_SYSTEM_PROCESS_ID);
}

NTAPI BOOLEAN
PsIsSystemThread(PETHREAD Thread)
{
    VERIFY_ENTER(PsIsSystemThread);
    return TRUE;
}

NTAPI NTSTATUS
PsLookupProcessByProcessId(HANDLE ProcessId, PEPROCESS *Process)
{
    VERIFY_ENTER(PsLookupProcessByProcessId);
    if (HandleToULong(ProcessId) != PS_SYSTEM_PROCESS_ID)
        return STATUS_INVALID_CID;
    *Process = ps_process(box_self());
    ob_ref(*Process);
    return STATUS_SUCCESS;
}

NTAPI BOOLEAN
PsGetVersion(PULONG MajorVersion, PULONG MinorVersion, PULONG BuildNumber, PUNICODE_STRING CSDVersion)
{
    VERIFY_ENTER(PsGetVersion);
    if (MajorVersion)
        *MajorVersion = RTL_VERSION_MAJOR;
    if (MinorVersion)
        *MinorVersion = RTL_VERSION_MINOR;
    if (BuildNumber)
        *BuildNumber = RTL_VERSION_BUILD;
    if (CSDVersion)
        CSDVersion->Length = 0;
    return FALSE;   // a free build
}

// Lets others run, if there are any; whether one did cannot be told, so it never says STATUS_NO_YIELD_PERFORMED.
NTAPI NTSTATUS
ZwYieldExecution(VOID)
{
    VERIFY_ENTER(ZwYieldExecution);
    _Atomic uint32_t nobody = 0;
    sched_wait(sched_self->sched, &nobody, 0, 0);
    return STATUS_SUCCESS;
}
