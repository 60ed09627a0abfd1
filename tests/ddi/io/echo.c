// SPDX-License-Identifier: MIT
// The driver that echo.h describes: buffered, direct and neither transfers, a cancel-safe queue, and a log of what reached it.
#include "echo.h"

struct echo_log echo_log;

static void
note(enum echo_event event)
{
    LONG at = InterlockedIncrement(&echo_log.count) - 1;
    if (at < (LONG)sizeof(echo_log.events))
        echo_log.events[at] = (UCHAR)event;
}

static NTSTATUS
finish(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

static DRIVER_DISPATCH EchoOpenClose;
static NTSTATUS
EchoOpenClose(PDEVICE_OBJECT device, PIRP irp)
{
    static const UCHAR events[] = {[IRP_MJ_CREATE] = ECHO_CREATE, [IRP_MJ_CLEANUP] = ECHO_CLEANUP, [IRP_MJ_CLOSE] = ECHO_CLOSE,
                                   [IRP_MJ_SHUTDOWN] = ECHO_SHUTDOWN};
    struct echo_device *echo = device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    note(events[stack->MajorFunction]);
    if (stack->MajorFunction == IRP_MJ_CREATE && stack->FileObject->FileName.Length)
        return finish(irp, STATUS_OBJECT_NAME_NOT_FOUND, 0);
    if (stack->MajorFunction == IRP_MJ_CLEANUP && echo->csq.CsqInsertIrp)
        for (PIRP pending; (pending = IoCsqRemoveNextIrp(&echo->csq, stack->FileObject));)
            finish(pending, STATUS_CANCELLED, 0);
    return finish(irp, STATUS_SUCCESS, 0);
}

static PUCHAR
transfer_address(PDEVICE_OBJECT device, PIRP irp)
{
    if (device->Flags & DO_BUFFERED_IO)
        return irp->AssociatedIrp.SystemBuffer;
    if (device->Flags & DO_DIRECT_IO)
        return irp->MdlAddress ? MmGetSystemAddressForMdlSafe(irp->MdlAddress, NormalPagePriority) : NULL;
    return irp->UserBuffer;
}

static DRIVER_DISPATCH EchoReadWrite;
static NTSTATUS
EchoReadWrite(PDEVICE_OBJECT device, PIRP irp)
{
    struct echo_device *echo = device->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    ULONG bytes = stack->Parameters.Read.Length;
    echo->last_mode = ExGetPreviousMode() == irp->RequestorMode ? irp->RequestorMode : 77;
    if (stack->MajorFunction == IRP_MJ_READ && echo->csq.CsqInsertIrp) {
        IoCsqInsertIrp(&echo->csq, irp, NULL);
        return STATUS_PENDING;
    }
    PUCHAR at = transfer_address(device, irp);
    if (stack->MajorFunction == IRP_MJ_WRITE) {
        if (bytes > sizeof(echo->data))
            return finish(irp, STATUS_INVALID_BUFFER_SIZE, 0);
        RtlCopyMemory(echo->data, at, bytes);
        echo->bytes = bytes;
        return finish(irp, STATUS_SUCCESS, bytes);
    }
    bytes = min(bytes, echo->bytes);
    RtlCopyMemory(at, echo->data, bytes);
    return finish(irp, STATUS_SUCCESS, bytes);
}

static NTSTATUS
finish_oldest(struct echo_device *echo, PIRP irp)
{
    PIRP oldest = IoCsqRemoveNextIrp(&echo->csq, NULL);
    if (!oldest)
        return finish(irp, STATUS_NO_MORE_ENTRIES, 0);
    note(ECHO_FINISHED);
    RtlCopyMemory(oldest->AssociatedIrp.SystemBuffer, "done", 4);
    finish(oldest, STATUS_SUCCESS, 4);
    return finish(irp, STATUS_SUCCESS, 0);
}

static DRIVER_DISPATCH EchoControl;
static NTSTATUS
EchoControl(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    ULONG in = stack->Parameters.DeviceIoControl.InputBufferLength, out = stack->Parameters.DeviceIoControl.OutputBufferLength;
    PUCHAR buffer = irp->AssociatedIrp.SystemBuffer;
    switch (stack->Parameters.DeviceIoControl.IoControlCode) {
    case IOCTL_ECHO_REVERSE:
        if (out < in)
            return finish(irp, STATUS_BUFFER_TOO_SMALL, 0);
        for (ULONG i = 0; i < in / 2; i++) {
            UCHAR swap = buffer[i];
            buffer[i] = buffer[in - 1 - i];
            buffer[in - 1 - i] = swap;
        }
        return finish(irp, STATUS_SUCCESS, in);
    case IOCTL_ECHO_FINISH:
        return finish_oldest(device->DeviceExtension, irp);
    case IOCTL_ECHO_NEITHER:
        RtlCopyMemory(irp->UserBuffer, stack->Parameters.DeviceIoControl.Type3InputBuffer, min(in, out));
        return finish(irp, STATUS_SUCCESS, min(in, out));
    case IOCTL_ECHO_NEED_WRITE:
        return finish(irp, STATUS_SUCCESS, 0);
    case IOCTL_ECHO_FAIL:
        return finish(irp, STATUS_DEVICE_NOT_READY, 0);
    case IOCTL_ECHO_OVERRUN:
        return finish(irp, STATUS_SUCCESS, (ULONG_PTR)out + 1);
    default:
        return finish(irp, STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

#define ECHO_OF(p) CONTAINING_RECORD(p, struct echo_device, csq)

static IO_CSQ_INSERT_IRP EchoInsert;
static VOID
EchoInsert(PIO_CSQ csq, PIRP irp)
{
    InsertTailList(&ECHO_OF(csq)->pending, &irp->Tail.Overlay.ListEntry);
}

static IO_CSQ_REMOVE_IRP EchoRemove;
static VOID
EchoRemove(PIO_CSQ csq, PIRP irp)
{
    RemoveEntryList(&irp->Tail.Overlay.ListEntry);
}

static IO_CSQ_PEEK_NEXT_IRP EchoPeek;
static PIRP
EchoPeek(PIO_CSQ csq, PIRP irp, PVOID context)
{
    PLIST_ENTRY head = &ECHO_OF(csq)->pending;
    for (PLIST_ENTRY at = irp ? irp->Tail.Overlay.ListEntry.Flink : head->Flink; at != head; at = at->Flink) {
        PIRP next = CONTAINING_RECORD(at, IRP, Tail.Overlay.ListEntry);
        if (!context || IoGetCurrentIrpStackLocation(next)->FileObject == context)
            return next;
    }
    return NULL;
}

static IO_CSQ_ACQUIRE_LOCK EchoLock;
static VOID
EchoLock(PIO_CSQ csq, PKIRQL irql)
{
    KeAcquireSpinLock(&ECHO_OF(csq)->lock, irql);
}

static IO_CSQ_RELEASE_LOCK EchoUnlock;
static VOID
EchoUnlock(PIO_CSQ csq, KIRQL irql)
{
    KeReleaseSpinLock(&ECHO_OF(csq)->lock, irql);
}

static IO_CSQ_COMPLETE_CANCELED_IRP EchoCanceled;
static VOID
EchoCanceled(PIO_CSQ csq, PIRP irp)
{
    note(ECHO_CANCELLED);
    finish(irp, STATUS_CANCELLED, 0);
}

static UNICODE_STRING
string_of(PCWSTR text)
{
    UNICODE_STRING string = {.Buffer = (PWSTR)text};
    while (text[string.Length / sizeof(WCHAR)])
        string.Length += sizeof(WCHAR);
    string.MaximumLength = string.Length + sizeof(WCHAR);
    return string;
}

static NTSTATUS
make(PDRIVER_OBJECT driver, PCWSTR name, PCWSTR link, ULONG flags, BOOLEAN pends)
{
    UNICODE_STRING device_name = string_of(name), link_name = string_of(link);
    PDEVICE_OBJECT device;
    NTSTATUS status = IoCreateDevice(driver, sizeof(struct echo_device), &device_name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status))
        return status;
    struct echo_device *echo = device->DeviceExtension;
    device->Flags |= flags;
    InitializeListHead(&echo->pending);
    KeInitializeSpinLock(&echo->lock);
    if (pends)
        IoCsqInitialize(&echo->csq, EchoInsert, EchoRemove, EchoPeek, EchoLock, EchoUnlock, EchoCanceled);
    return IoCreateSymbolicLink(&link_name, &device_name);
}

static DRIVER_UNLOAD EchoUnload;
static VOID
EchoUnload(PDRIVER_OBJECT driver)
{
    static PCWSTR const links[] = {L"\\??\\EchoBuffered", L"\\??\\EchoDirect", L"\\??\\EchoNeither", L"\\??\\EchoPend"};
    for (ULONG i = 0; i < ARRAYSIZE(links); i++) {
        UNICODE_STRING link = string_of(links[i]);
        IoDeleteSymbolicLink(&link);
    }
    while (driver->DeviceObject)
        IoDeleteDevice(driver->DeviceObject);
}

NTSTATUS
EchoEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    echo_log.count = 0;
    driver->DriverUnload = EchoUnload;
    driver->MajorFunction[IRP_MJ_CREATE] = driver->MajorFunction[IRP_MJ_CLEANUP] = driver->MajorFunction[IRP_MJ_CLOSE] = EchoOpenClose;
    driver->MajorFunction[IRP_MJ_SHUTDOWN] = EchoOpenClose;
    driver->MajorFunction[IRP_MJ_READ] = driver->MajorFunction[IRP_MJ_WRITE] = EchoReadWrite;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = EchoControl;
    NTSTATUS status = make(driver, L"\\Device\\EchoBuffered", L"\\DosDevices\\EchoBuffered", DO_BUFFERED_IO, FALSE);
    if (NT_SUCCESS(status))
        status = make(driver, L"\\Device\\EchoDirect", L"\\DosDevices\\EchoDirect", DO_DIRECT_IO, FALSE);
    if (NT_SUCCESS(status))
        status = make(driver, L"\\Device\\EchoNeither", L"\\DosDevices\\EchoNeither", 0, FALSE);
    if (NT_SUCCESS(status))
        status = make(driver, L"\\Device\\EchoPend", L"\\DosDevices\\EchoPend", DO_BUFFERED_IO, TRUE);
    return status;
}
