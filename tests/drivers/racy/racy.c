// SPDX-License-Identifier: MIT
// A filter with a planted race, for the seeded scheduler to find: sends are handed to a thread of the filter, and the sender wakes the
// thread only if it says that it sleeps. The thread says so after it has looked at the queue, not under the lock, so a send that comes
// between the look and the word is never passed on: a lost wake-up. Everything else follows the book.
#define NDIS630 1
#include <ndis.h>

struct racy {
    NDIS_HANDLE module;
    KSPIN_LOCK lock;
    NET_BUFFER_LIST *first, *last;            // guarded by lock
    ULONG looked[8];
    volatile LONG is_asleep;                  // not guarded by it: the race
    volatile LONG stop;
    KEVENT wake;
    HANDLE handle;
    PETHREAD thread;
};

static NDIS_HANDLE racy_driver;

static KSTART_ROUTINE RacyThread;
static VOID
RacyThread(PVOID context)
{
    struct racy *racy = context;
    KIRQL old;
    while (!racy->stop) {
        KeAcquireSpinLock(&racy->lock, &old);
        NET_BUFFER_LIST *nbls = racy->first;
        racy->first = racy->last = NULL;
        KeReleaseSpinLock(&racy->lock, old);
        if (nbls) {
            NdisFSendNetBufferLists(racy->module, nbls, NDIS_DEFAULT_PORT_NUMBER, 0);
            continue;
        }
        // Before it sleeps it looks after its eight (empty) priority classes: time enough for a sender to put its list on the queue and
        // see is_asleep still 0.
        for (ULONG i = 0; i < 8; i++) {
            KeAcquireSpinLock(&racy->lock, &old);
            racy->looked[i]++;
            KeReleaseSpinLock(&racy->lock, old);
        }
        racy->is_asleep = 1;
        KeWaitForSingleObject(&racy->wake, Executive, KernelMode, FALSE, NULL);
        racy->is_asleep = 0;
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static FILTER_SEND_NET_BUFFER_LISTS RacySend;
static VOID
RacySend(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    struct racy *racy = context;
    KIRQL old;
    NET_BUFFER_LIST *last = nbls;
    UNREFERENCED_PARAMETER(port);
    UNREFERENCED_PARAMETER(flags);
    while (NET_BUFFER_LIST_NEXT_NBL(last))
        last = NET_BUFFER_LIST_NEXT_NBL(last);
    KeAcquireSpinLock(&racy->lock, &old);
    if (racy->last)
        NET_BUFFER_LIST_NEXT_NBL(racy->last) = nbls;
    else
        racy->first = nbls;
    racy->last = last;
    KeReleaseSpinLock(&racy->lock, old);
    if (racy->is_asleep)
        KeSetEvent(&racy->wake, IO_NO_INCREMENT, FALSE);
}

static FILTER_SEND_NET_BUFFER_LISTS_COMPLETE RacySendComplete;
static VOID
RacySendComplete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    NdisFSendNetBufferListsComplete(((struct racy *)context)->module, nbls, flags);
}

static FILTER_ATTACH RacyAttach;
static NDIS_STATUS
RacyAttach(NDIS_HANDLE module, NDIS_HANDLE context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    NDIS_FILTER_ATTRIBUTES attributes = {.Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1,
                                                    NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(parameters);
    struct racy *racy = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof *racy, 'ycaR');
    if (!racy)
        return NDIS_STATUS_RESOURCES;
    RtlZeroMemory(racy, sizeof *racy);
    racy->module = module;
    KeInitializeSpinLock(&racy->lock);
    KeInitializeEvent(&racy->wake, SynchronizationEvent, FALSE);
    if (!NT_SUCCESS(PsCreateSystemThread(&racy->handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, RacyThread, racy))) {
        ExFreePoolWithTag(racy, 'ycaR');
        return NDIS_STATUS_RESOURCES;
    }
    ObReferenceObjectByHandle(racy->handle, THREAD_ALL_ACCESS, NULL, KernelMode, (PVOID *)&racy->thread, NULL);
    ZwClose(racy->handle);
    return NdisFSetAttributes(module, racy, &attributes);
}

static FILTER_DETACH RacyDetach;
static VOID
RacyDetach(NDIS_HANDLE context)
{
    struct racy *racy = context;
    racy->stop = 1;
    KeSetEvent(&racy->wake, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(racy->thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(racy->thread);
    ExFreePoolWithTag(racy, 'ycaR');
}

static FILTER_PAUSE RacyPause;
static NDIS_STATUS
RacyPause(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_SUCCESS;
}

static FILTER_RESTART RacyRestart;
static NDIS_STATUS
RacyRestart(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_SUCCESS;
}

static DRIVER_UNLOAD RacyUnload;
static VOID
RacyUnload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    NdisFDeregisterFilterDriver(racy_driver);
}

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    static WCHAR name[] = L"racy";
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS, NDIS_FILTER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .FriendlyName = {8, 10, name},
        .UniqueName = {8, 10, name},
        .ServiceName = {8, 10, name},
        .AttachHandler = RacyAttach,
        .DetachHandler = RacyDetach,
        .RestartHandler = RacyRestart,
        .PauseHandler = RacyPause,
        .SendNetBufferListsHandler = RacySend,
        .SendNetBufferListsCompleteHandler = RacySendComplete};
    UNREFERENCED_PARAMETER(path);
    driver->DriverUnload = RacyUnload;
    return NdisFRegisterFilterDriver(driver, NULL, &chars, &racy_driver);
}
