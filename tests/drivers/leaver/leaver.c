// SPDX-License-Identifier: MIT
// A driver image that is unloaded too early, for the rules on what would still run then. The last character of its service's name says
// what its DriverUnload does:
//   t  leaves a timer set      d  leaves a DPC queued      w  leaves a work item queued      q  sets a timer and queues a DPC, and waits
#include <ntddk.h>

static WCHAR crime;
static KTIMER timer;
static KDPC dpc;
static WORK_QUEUE_ITEM work;
static KDEFERRED_ROUTINE LeaverDpc;
static VOID
LeaverDpc(PKDPC self, PVOID context, PVOID argument1, PVOID argument2)
{
    UNREFERENCED_PARAMETER(self);
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(argument1);
    UNREFERENCED_PARAMETER(argument2);
}

static WORKER_THREAD_ROUTINE LeaverWork;
static VOID
LeaverWork(PVOID context)
{
    UNREFERENCED_PARAMETER(context);
}

static VOID
leaver_set_timer(VOID)
{
    LARGE_INTEGER due = {.QuadPart = -100000000};   // 10 s
    KeInitializeTimer(&timer);
    KeSetTimer(&timer, due, &dpc);
}

static DRIVER_UNLOAD LeaverUnload;
static VOID
LeaverUnload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    KeInitializeDpc(&dpc, LeaverDpc, NULL);
    ExInitializeWorkItem(&work, LeaverWork, NULL);
    if (crime == 't' || crime == 'q')
        leaver_set_timer();
    if (crime == 'd' || crime == 'q')
        KeInsertQueueDpc(&dpc, NULL, NULL);
    if (crime == 'w')
        ExQueueWorkItem(&work, DelayedWorkQueue);
    if (crime != 'q')
        return;
    KeCancelTimer(&timer);
    KeFlushQueuedDpcs();
}

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    crime = path->Buffer[path->Length / sizeof(WCHAR) - 1];
    driver->DriverUnload = LeaverUnload;
    return STATUS_SUCCESS;
}
