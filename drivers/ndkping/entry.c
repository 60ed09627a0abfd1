// SPDX-License-Identifier: MIT
// Loading, adapters that arrive and go, threads.
//   DriverEntry -> nbx_ndk_client_register -> on_arrival: open the NDK adapter, start its thread (client's or server's)
//   on_removal: stop -> the thread ends its connections and returns -> close the NDK adapter. So does unload, for each that is left
// Arrivals and removals come one at a time, and none after deregistering; between unload and a removal the lock decides who ends one.
#include "ndkping.h"

PDRIVER_OBJECT ping_driver;
volatile LONG ping_local_users[PING_LISTENERS];

static struct nbx_ndk_client *client;
static LIST_ENTRY adapters;
static KSPIN_LOCK lock;                    // guards adapters and is_ending
static BOOLEAN is_ending;

static DRIVER_UNLOAD ping_unload;

VOID *
ping_alloc(SIZE_T bytes)
{
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, PING_TAG);
}

VOID
ping_free(VOID *block)
{
    if (block)
        ExFreePoolWithTag(block, PING_TAG);
}

// ---- threads --------------------------------------------------------------------------------------------------------------------

PVOID
ping_thread_start(PKSTART_ROUTINE routine, PVOID context)
{
    HANDLE handle;
    PVOID thread = NULL;
    if (!NT_SUCCESS(PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, routine, context)))
        return NULL;
    // The handle of a thread that runs our code cannot fail to be one.
    NTSTATUS status = ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, *PsThreadType, KernelMode, &thread, NULL);
    NT_ASSERT(NT_SUCCESS(status));
    UNREFERENCED_PARAMETER(status);
    ZwClose(handle);
    return thread;
}

VOID
ping_thread_join(PVOID thread)
{
    if (!thread)
        return;
    KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(thread);
}

BOOLEAN
ping_sleep(struct ping_adapter *adapter, ULONG ms)
{
    LARGE_INTEGER timeout = {.QuadPart = -(LONGLONG)ms * 10000};
    return KeWaitForSingleObject(&adapter->stop, Executive, KernelMode, FALSE, &timeout) == STATUS_SUCCESS;
}

UINT64
ping_now_ns(VOID)
{
    LARGE_INTEGER frequency, now = KeQueryPerformanceCounter(&frequency);
    UINT64 ticks = (UINT64)now.QuadPart, hz = (UINT64)frequency.QuadPart;
    return ticks / hz * 1000000000 + ticks % hz * 1000000000 / hz;
}

// ---- adapters -------------------------------------------------------------------------------------------------------------------

static VOID
adapter_free(struct ping_adapter *adapter)
{
    if (adapter->ndk)
        nbx_ndk_adapter_close(client, adapter->ndk);
    ping_free(adapter);
}

// It is no longer in the list.
static VOID
adapter_end(struct ping_adapter *adapter)
{
    KeSetEvent(&adapter->stop, IO_NO_INCREMENT, FALSE);
    ping_thread_join(adapter->thread);
    adapter_free(adapter);
}

static NTSTATUS
adapter_start(struct ping_adapter *adapter)
{
    NDK_VERSION version = {1, 2};
    NDIS_STATUS opened = nbx_ndk_adapter_open(client, adapter->if_index, version, &adapter->ndk);
    if (opened != NDIS_STATUS_SUCCESS)
        return (NTSTATUS)opened;
    ULONG bytes = sizeof adapter->info;
    NTSTATUS status = adapter->ndk->Dispatch->NdkQueryAdapterInfo(adapter->ndk, &adapter->info, &bytes);
    if (!NT_SUCCESS(status))
        return status;
    adapter->thread = ping_thread_start(ping_settings.is_client ? ping_client_thread : ping_server_thread, adapter);
    return adapter->thread ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static VOID NTAPI
on_arrival(PVOID context, const struct nbx_ndk_arrival *arrival)
{
    KIRQL irql;
    UNREFERENCED_PARAMETER(context);
    if (ping_settings.adapter[0] && strcmp(ping_settings.adapter, arrival->name))
        return;
    struct ping_adapter *adapter = ping_alloc(sizeof *adapter);
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
    if (adapter) {
        adapter->if_index = arrival->if_index;
        strncpy(adapter->name, arrival->name, PING_TEXT - 1);
        KeInitializeEvent(&adapter->stop, NotificationEvent, FALSE);
        status = adapter_start(adapter);
    }
    if (!NT_SUCCESS(status)) {
        char text[PING_LINE];
        RtlStringCbPrintfA(text, sizeof text, "%s: its NDK adapter cannot be used: 0x%08x", arrival->name, status);
        DbgPrint("ndkping: %s\n", text);
        nbx_service_failed(ping_driver, text);
        if (adapter)
            adapter_free(adapter);
        return;
    }
    KeAcquireSpinLock(&lock, &irql);
    BOOLEAN is_late = is_ending;
    if (!is_late)
        InsertTailList(&adapters, &adapter->link);
    KeReleaseSpinLock(&lock, irql);
    if (is_late)
        adapter_end(adapter);
}

// Take one out of the list: that of an interface, or any (0).
static struct ping_adapter *
adapter_take(NET_IFINDEX if_index)
{
    struct ping_adapter *found = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&lock, &irql);
    for (LIST_ENTRY *at = adapters.Flink; at != &adapters && !found; at = at->Flink) {
        struct ping_adapter *adapter = CONTAINING_RECORD(at, struct ping_adapter, link);
        if (!if_index || adapter->if_index == if_index)
            found = adapter;
    }
    if (found)
        RemoveEntryList(&found->link);
    KeReleaseSpinLock(&lock, irql);
    return found;
}

static VOID NTAPI
on_removal(PVOID context, NET_IFINDEX if_index, enum nbx_ndk_gone why)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(why);
    struct ping_adapter *adapter = adapter_take(if_index);
    if (adapter)
        adapter_end(adapter);
}

static VOID
ping_unload(PDRIVER_OBJECT driver)
{
    struct ping_adapter *adapter;
    KIRQL irql;
    UNREFERENCED_PARAMETER(driver);
    KeAcquireSpinLock(&lock, &irql);
    is_ending = TRUE;
    KeReleaseSpinLock(&lock, irql);
    while ((adapter = adapter_take(0)))
        adapter_end(adapter);
    nbx_ndk_client_deregister(client);
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    struct nbx_ndk_client_config config = {.driver = driver, .on_arrival = on_arrival, .on_removal = on_removal};
    NTSTATUS status = ping_settings_read(registry_path);
    if (!NT_SUCCESS(status))
        return status;
    InitializeListHead(&adapters);
    KeInitializeSpinLock(&lock);
    driver->DriverUnload = ping_unload;
    ping_driver = driver;
    return nbx_ndk_client_register(&config, &client);
}
