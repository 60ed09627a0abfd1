// SPDX-License-Identifier: MIT
// A TDI client's event handlers that break a rule when they are told to (heedless.h), for the tests of what is said then, and of whom. They
// take what they are offered, and refuse connections.
#include <ntddk.h>

#include "heedless.h"

static struct heedless *heedless;

static VOID
misbehave(ULONG type)
{
    KIRQL old;
    InterlockedIncrement(&heedless->calls[type]);
    if (heedless->probe)
        heedless->probe(type);
    if (heedless->crime == HEEDLESS_LOCK)
        KeAcquireSpinLock(&heedless->lock, &old);
    if (heedless->crime == HEEDLESS_IRQL)
        KeRaiseIrql(KeGetCurrentIrql() == DISPATCH_LEVEL ? HIGH_LEVEL : DISPATCH_LEVEL, &old);
    if (heedless->crime == HEEDLESS_FORGETS)
        ExAllocatePool2(POOL_FLAG_NON_PAGED, 24, 'deeH');
}

static TDI_IND_CONNECT heedless_connect;
static NTSTATUS
heedless_connect(PVOID context, LONG remote_bytes, PVOID remote, LONG data_bytes, PVOID data, LONG options_bytes, PVOID options,
                 CONNECTION_CONTEXT *connection, PIRP *accept)
{
    misbehave(TDI_EVENT_CONNECT);
    return STATUS_INSUFFICIENT_RESOURCES;
}

static TDI_IND_DISCONNECT heedless_disconnect;
static NTSTATUS
heedless_disconnect(PVOID context, CONNECTION_CONTEXT connection, LONG data_bytes, PVOID data, LONG information_bytes, PVOID information,
                    ULONG flags)
{
    misbehave(TDI_EVENT_DISCONNECT);
    return STATUS_SUCCESS;
}

static TDI_IND_ERROR heedless_error;
static NTSTATUS
heedless_error(PVOID context, NTSTATUS status)
{
    misbehave(TDI_EVENT_ERROR);
    return STATUS_SUCCESS;
}

static TDI_IND_ERROR_EX heedless_error_ex;
static NTSTATUS
heedless_error_ex(PVOID context, NTSTATUS status, PVOID buffer)
{
    misbehave(TDI_EVENT_ERROR_EX);
    return STATUS_SUCCESS;
}

static TDI_IND_RECEIVE heedless_receive;
static NTSTATUS
heedless_receive(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG indicated, ULONG available, ULONG *taken, PVOID tsdu,
                 PIRP *irp)
{
    *taken = indicated;
    misbehave(TDI_EVENT_RECEIVE);
    return STATUS_SUCCESS;
}

static TDI_IND_RECEIVE_EXPEDITED heedless_expedited;
static NTSTATUS
heedless_expedited(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG indicated, ULONG available, ULONG *taken, PVOID tsdu,
                   PIRP *irp)
{
    *taken = indicated;
    misbehave(TDI_EVENT_RECEIVE_EXPEDITED);
    return STATUS_SUCCESS;
}

static TDI_IND_RECEIVE_DATAGRAM heedless_datagram;
static NTSTATUS
heedless_datagram(PVOID context, LONG source_bytes, PVOID source, LONG options_bytes, PVOID options, ULONG flags, ULONG indicated,
                  ULONG available, ULONG *taken, PVOID tsdu, PIRP *irp)
{
    *taken = indicated;
    misbehave(TDI_EVENT_RECEIVE_DATAGRAM);
    return STATUS_SUCCESS;
}

static TDI_IND_CHAINED_RECEIVE heedless_chained;
static NTSTATUS
heedless_chained(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG bytes, ULONG offset, PMDL tsdu, PVOID descriptor)
{
    misbehave(TDI_EVENT_CHAINED_RECEIVE);
    return STATUS_SUCCESS;
}

static TDI_IND_CHAINED_RECEIVE_EXPEDITED heedless_chained_expedited;
static NTSTATUS
heedless_chained_expedited(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG bytes, ULONG offset, PMDL tsdu,
                           PVOID descriptor)
{
    misbehave(TDI_EVENT_CHAINED_RECEIVE_EXPEDITED);
    return STATUS_SUCCESS;
}

static TDI_IND_CHAINED_RECEIVE_DATAGRAM heedless_chained_datagram;
static NTSTATUS
heedless_chained_datagram(PVOID context, LONG source_bytes, PVOID source, LONG options_bytes, PVOID options, ULONG flags, ULONG bytes,
                          ULONG offset, PMDL tsdu, PVOID descriptor)
{
    misbehave(TDI_EVENT_CHAINED_RECEIVE_DATAGRAM);
    return STATUS_SUCCESS;
}

static TDI_IND_SEND_POSSIBLE heedless_possible;
static NTSTATUS
heedless_possible(PVOID context, PVOID connection, ULONG bytes)
{
    misbehave(TDI_EVENT_SEND_POSSIBLE);
    return STATUS_SUCCESS;
}

static DRIVER_UNLOAD heedless_unload;
static VOID
heedless_unload(PDRIVER_OBJECT driver)
{
    IoDeleteDevice(driver->DeviceObject);
}

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    static PVOID const handlers[HEEDLESS_EVENTS] = {
        heedless_connect, heedless_disconnect, heedless_error, heedless_receive, heedless_datagram, heedless_expedited,
        heedless_possible, heedless_chained, heedless_chained_datagram, heedless_chained_expedited, heedless_error_ex};
    PDEVICE_OBJECT device;
    NTSTATUS status = IoCreateDevice(driver, sizeof(struct heedless), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status))
        return status;
    heedless = device->DeviceExtension;
    RtlCopyMemory(heedless->handlers, handlers, sizeof handlers);
    KeInitializeSpinLock(&heedless->lock);
    driver->DriverUnload = heedless_unload;
    return STATUS_SUCCESS;
}
