// SPDX-License-Identifier: MIT
// From the ring into the file, by a system thread of each module that has one.
//   lwfmon_capture_open: file, section and interface blocks -> thread: waits for the bell, writes what stands in the ring ...
//   lwfmon_capture_close: the thread writes the rest and the interface statistics, ends; file closed
// A file that cannot be written to any more (a full disk) is said once; from then on every frame counts as dropped.
#include "lwfmon.h"

#define WRITER_CHUNK_BYTES (256u * 1024)

static KSTART_ROUTINE writer_thread;

static NTSTATUS
writer_write(struct lwfmon_capture *capture, const void *data, ULONG bytes)
{
    IO_STATUS_BLOCK iosb;
    NTSTATUS status = ZwWriteFile(capture->file, NULL, NULL, NULL, &iosb, (PVOID)(ULONG_PTR)data, bytes, &capture->file_offset, NULL);
    capture->file_offset.QuadPart += bytes;
    return status;
}

// The file's head: a section of unknown length, one Ethernet interface with time in units of 10^-7 s.
static NTSTATUS
writer_head(struct lwfmon_capture *capture)
{
    static const ULONG section[] = {0x0a0d0d0a, 28, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff, 28};
    static const ULONG interface[] = {1, 32, 1, 0, 9 | 1u << 16, 7, 0, 32};
    NTSTATUS status = writer_write(capture, section, sizeof section);
    return NT_SUCCESS(status) ? writer_write(capture, interface, sizeof interface) : status;
}

// Interface statistics at the end: what there was, and what the ring could not take.
static void
writer_totals(struct lwfmon_capture *capture)
{
    LARGE_INTEGER now;
    KeQuerySystemTimePrecise(&now);
    ULONG64 time = (ULONG64)(now.QuadPart - 116444736000000000LL), all = capture->captured + capture->dropped;
    ULONG64 dropped = capture->dropped;
    ULONG block[] = {5, 52, 0, (ULONG)(time >> 32), (ULONG)time, 4 | 8u << 16, (ULONG)all, (ULONG)(all >> 32),
                     5 | 8u << 16, (ULONG)dropped, (ULONG)(dropped >> 32), 0, 52};
    if (!capture->failed)
        writer_write(capture, block, sizeof block);
}

// Write what stands in the ring up to head. Only the writer moves the tail, and only the data path the head.
static void
writer_drain(struct lwfmon_capture *capture, ULONG64 head)
{
    KIRQL old;
    while (capture->tail != head) {
        ULONG at = (ULONG)(capture->tail & (capture->ring_bytes - 1));
        ULONG64 bytes = head - capture->tail;
        if (bytes > capture->ring_bytes - at)
            bytes = capture->ring_bytes - at;
        if (bytes > WRITER_CHUNK_BYTES)
            bytes = WRITER_CHUNK_BYTES;
        NTSTATUS status = capture->failed ? STATUS_SUCCESS : writer_write(capture, capture->ring + at, (ULONG)bytes);
        KeAcquireSpinLock(&capture->lock, &old);
        capture->tail += bytes;
        capture->failed = capture->failed || !NT_SUCCESS(status);
        KeReleaseSpinLock(&capture->lock, old);
        if (!NT_SUCCESS(status))
            DbgPrint("lwfmon: the capture file cannot be written to any more (status 0x%08x)\n", status);
    }
}

static VOID
writer_thread(PVOID context)
{
    struct lwfmon_capture *capture = context;
    BOOLEAN stopping = FALSE;
    KIRQL old;
    while (!stopping) {
        KeAcquireSpinLock(&capture->lock, &old);
        ULONG64 head = capture->head;
        capture->idle = head == capture->tail;
        stopping = capture->stopping && capture->idle;
        BOOLEAN idle = capture->idle;
        KeReleaseSpinLock(&capture->lock, old);
        if (stopping)
            break;
        if (idle)
            KeWaitForSingleObject(&capture->bell, Executive, KernelMode, FALSE, NULL);
        else
            writer_drain(capture, head);
    }
    writer_totals(capture);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
capture_free(struct lwfmon_capture *capture)
{
    if (capture->file)
        ZwClose(capture->file);
    if (capture->ring)
        NdisFreeMemory(capture->ring, 0, 0);
    NdisFreeMemory(capture, 0, 0);
}

static NTSTATUS
capture_file_open(struct lwfmon_capture *capture, PNDIS_STRING path)
{
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK iosb;
    InitializeObjectAttributes(&attributes, path, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    NTSTATUS status = ZwCreateFile(&capture->file, GENERIC_WRITE | SYNCHRONIZE, &attributes, &iosb, NULL, FILE_ATTRIBUTE_NORMAL,
                                   FILE_SHARE_READ, FILE_OVERWRITE_IF, FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE, NULL, 0);
    if (!NT_SUCCESS(status))
        capture->file = NULL;
    else
        status = writer_head(capture);
    if (!NT_SUCCESS(status))
        DbgPrint("lwfmon: cannot write %wZ (status 0x%08x)\n", path, status);
    return status;
}

static NTSTATUS
capture_thread_start(struct lwfmon_capture *capture)
{
    HANDLE thread;
    NTSTATUS status = PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, writer_thread, capture);
    if (!NT_SUCCESS(status))
        return status;
    status = ObReferenceObjectByHandle(thread, THREAD_ALL_ACCESS, NULL, KernelMode, (PVOID *)&capture->thread, NULL);
    ZwClose(thread);
    return status;
}

NDIS_STATUS
lwfmon_capture_open(NDIS_HANDLE filter, const NDIS_STRING *adapter, PNDIS_STRING path, ULONG ring_kb, struct lwfmon_capture **out)
{
    struct lwfmon_capture *capture = NdisAllocateMemoryWithTagPriority(filter, sizeof *capture, LWFMON_TAG, NormalPoolPriority);
    if (!capture)
        return NDIS_STATUS_RESOURCES;
    NdisZeroMemory(capture, sizeof *capture);
    UNREFERENCED_PARAMETER(adapter);
    KeInitializeSpinLock(&capture->lock);
    KeInitializeEvent(&capture->bell, SynchronizationEvent, FALSE);
    capture->ring_bytes = 64 * 1024;
    while (capture->ring_bytes < ring_kb * 1024)
        capture->ring_bytes *= 2;
    capture->ring = NdisAllocateMemoryWithTagPriority(filter, capture->ring_bytes, LWFMON_TAG, NormalPoolPriority);
    NDIS_STATUS status = NDIS_STATUS_RESOURCES;
    if (capture->ring)
        status = NT_SUCCESS(capture_file_open(capture, path)) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_OPEN_FAILED;
    if (status == NDIS_STATUS_SUCCESS && !NT_SUCCESS(capture_thread_start(capture)))
        status = NDIS_STATUS_RESOURCES;
    if (status != NDIS_STATUS_SUCCESS) {
        capture_free(capture);
        return status;
    }
    *out = capture;
    return NDIS_STATUS_SUCCESS;
}

void
lwfmon_capture_close(struct lwfmon_capture *capture, const NDIS_STRING *adapter)
{
    KIRQL old;
    KeAcquireSpinLock(&capture->lock, &old);
    capture->stopping = TRUE;
    KeReleaseSpinLock(&capture->lock, old);
    KeSetEvent(&capture->bell, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(capture->thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(capture->thread);
    DbgPrint("lwfmon: %wZ: captured %I64u frames, dropped %I64u\n", adapter, capture->captured, capture->dropped);
    capture_free(capture);
}
