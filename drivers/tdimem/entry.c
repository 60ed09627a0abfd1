// SPDX-License-Identifier: MIT
// tdimem's devices: made, announced to TDI's clients, taken back; and what they say of themselves.
#include "tdimem.h"

static struct {
    struct mem_device orderly, abrupt;
    HANDLE provider;
} mem;

static DRIVER_UNLOAD MemUnload;
DRIVER_INITIALIZE DriverEntry;

VOID
mem_device_ref(struct mem_device *device)
{
    InterlockedIncrement(&device->busy);
}

VOID
mem_device_unref(struct mem_device *device)
{
    if (!InterlockedDecrement(&device->busy))
        KeSetEvent(&device->idle, IO_NO_INCREMENT, FALSE);
}

VOID
mem_provider_info(struct tdic_device *tdi, TDI_PROVIDER_INFO *info)
{
    const struct mem_device *device = tdic_device_below(tdi);
    *info = (TDI_PROVIDER_INFO){.Version = 0x0200,
                                .MaxSendSize = MEM_SEND_BYTES,
                                .MaxConnectionUserData = MEM_USER_DATA_BYTES,
                                .MaxDatagramSize = MEM_DATAGRAM_BYTES,
                                .ServiceFlags = TDI_SERVICE_CONNECTION_MODE | TDI_SERVICE_CONNECTIONLESS_MODE |
                                                TDI_SERVICE_ERROR_FREE_DELIVERY | TDI_SERVICE_DELAYED_ACCEPTANCE |
                                                TDI_SERVICE_EXPEDITED_DATA | TDI_SERVICE_INTERNAL_BUFFERING | TDI_SERVICE_MESSAGE_MODE |
                                                (device->is_orderly ? TDI_SERVICE_ORDERLY_RELEASE : 0),
                                .MinimumLookaheadData = 128,
                                .MaximumLookaheadData = MEM_SEND_BYTES};
}

NTSTATUS
mem_query(struct tdic_device *tdi, ULONG type, struct tdic_address *address, struct tdic_connection *connection, PVOID out, ULONG *bytes)
{
    if (type != TDI_QUERY_CONNECTION_INFO)
        return TDI_INVALID_QUERY;
    TDI_CONNECTION_INFO *info = out;
    info->SendBufferSize = info->ReceiveBufferSize = MEM_WINDOW_BYTES;
    return STATUS_SUCCESS;
}

NTSTATUS
mem_action(struct tdic_device *tdi, PIRP irp)
{
    struct {
        TDI_ACTION_HEADER header;
        NTSTATUS status;
    } action;
    ULONG copied = 0;
    NTSTATUS status = TDI_INVALID_REQUEST;
    if (irp->MdlAddress)
        TdiCopyMdlToBuffer(irp->MdlAddress, 0, &action, 0, sizeof(action), &copied);
    if (copied == sizeof(action) && action.header.TransportId == MEM_TRANSPORT_ID && action.header.ActionCode == MEM_ACTION_ERROR)
        status = mem_report_error(tdic_device_below(tdi), action.status);
    irp->IoStatus.Information = 0;
    TdiCompleteRequest(irp, status);
    return status;
}

static NTSTATUS
device_start(PDRIVER_OBJECT driver, struct mem_device *device, PCWSTR name, BOOLEAN is_orderly)
{
    struct tdic_device_config config = {.name = name, .ops = is_orderly ? &mem_orderly_ops : &mem_abrupt_ops, .below = device};
    UNICODE_STRING text;
    KeInitializeSpinLock(&device->lock);
    InitializeListHead(&device->addresses);
    KeInitializeEvent(&device->idle, NotificationEvent, FALSE);
    device->busy = 1;
    device->is_orderly = is_orderly;
    NTSTATUS status = tdic_device_create(driver, &config, &device->tdi);
    if (!NT_SUCCESS(status))
        return status;
    RtlInitUnicodeString(&text, name);
    status = TdiRegisterDeviceObject(&text, &device->registration);
    if (NT_SUCCESS(status))
        return status;
    tdic_device_delete(device->tdi);
    device->tdi = NULL;
    return status;
}

static VOID
device_stop(struct mem_device *device)
{
    if (!device->tdi)
        return;
    TdiDeregisterDeviceObject(device->registration);
    mem_device_unref(device);
    KeWaitForSingleObject(&device->idle, Executive, KernelMode, FALSE, NULL);
    tdic_device_delete(device->tdi);
    device->tdi = NULL;
}

static VOID
MemUnload(PDRIVER_OBJECT driver)
{
    device_stop(&mem.orderly);
    device_stop(&mem.abrupt);
    TdiDeregisterProvider(mem.provider);
    KeFlushQueuedDpcs();
}

NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\TdiMem");
    static const UCHAR majors[] = {IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_DEVICE_CONTROL, IRP_MJ_INTERNAL_DEVICE_CONTROL};
    for (ULONG i = 0; i < ARRAYSIZE(majors); i++)
        driver->MajorFunction[majors[i]] = tdic_dispatch;
    driver->DriverUnload = MemUnload;
    NTSTATUS status = TdiRegisterProvider(&name, &mem.provider);
    if (!NT_SUCCESS(status))
        return status;
    status = device_start(driver, &mem.orderly, L"\\Device\\TdiMem", TRUE);
    if (NT_SUCCESS(status))
        status = device_start(driver, &mem.abrupt, L"\\Device\\TdiMemAbrupt", FALSE);
    if (NT_SUCCESS(status))
        status = TdiProviderReady(mem.provider);
    if (!NT_SUCCESS(status))
        MemUnload(driver);
    return status;
}
