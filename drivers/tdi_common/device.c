// SPDX-License-Identifier: MIT
// A transport's devices and their dispatch.
//   IRP_MJ_CREATE                    extended attribute: "TransportAddress", "ConnectionContext", none: a control channel
//   IRP_MJ_INTERNAL_DEVICE_CONTROL   TDI_XXX, each on the kind of file that it is for
//   IRP_MJ_DEVICE_CONTROL            TdiMapUserRequest makes the kernel's form of IOCTL_TDI_XXX; the rest is the transport's own
//   IRP_MJ_CLEANUP, IRP_MJ_CLOSE     everything pended comes back first
// FsContext is the address or the endpoint, FsContext2 the kind of file, as the pages of the TDI_XXX requests have it.
#include "tdic_int.h"

NTSTATUS
tdic_device_create(PDRIVER_OBJECT driver, const struct tdic_device_config *config, struct tdic_device **out)
{
    UNICODE_STRING name;
    PDEVICE_OBJECT object;
    RtlInitUnicodeString(&name, config->name);
    struct tdic_device *device = tdic_alloc(sizeof(*device));   // not the extension: a lookaside list wants to be aligned
    if (!device)
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = IoCreateDevice(driver, sizeof(device), &name, FILE_DEVICE_NETWORK, FILE_DEVICE_SECURE_OPEN, FALSE, &object);
    if (!NT_SUCCESS(status)) {
        tdic_free(device);
        return status;
    }
    *(struct tdic_device **)object->DeviceExtension = device;
    device->object = object;
    device->ops = config->ops;
    device->below = config->below;
    KeInitializeEvent(&device->idle, NotificationEvent, FALSE);
    device->refs = 1;
    device->statistics.Version = 0x0200;
    device->ops->provider_info(device, &device->provider);
    ExInitializeNPagedLookasideList(&device->txs, NULL, NULL, 0, sizeof(struct tdic_tx) + config->ops->tx_bytes, TDIC_TAG, 0);
    object->Flags |= DO_DIRECT_IO;
    object->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    *out = device;
    return STATUS_SUCCESS;
}

VOID
tdic_device_delete(struct tdic_device *device)
{
    tdic_device_unref(device);
    KeWaitForSingleObject(&device->idle, Executive, KernelMode, FALSE, NULL);
    ExDeleteNPagedLookasideList(&device->txs);
    IoDeleteDevice(device->object);
    tdic_free(device);
}

VOID
tdic_device_ref(struct tdic_device *device)
{
    InterlockedIncrement(&device->refs);
}

VOID
tdic_device_unref(struct tdic_device *device)
{
    if (!InterlockedDecrement(&device->refs))
        KeSetEvent(&device->idle, IO_NO_INCREMENT, FALSE);
}

PDEVICE_OBJECT
tdic_device_object(struct tdic_device *device)
{
    return device->object;
}

PVOID
tdic_device_below(struct tdic_device *device)
{
    return device->below;
}

BOOLEAN
tdic_device_is_stream(struct tdic_device *device)
{
    return device->ops->connection_create != NULL;
}

struct tdic_address *
tdic_file_address(PFILE_OBJECT file)
{
    if ((ULONG_PTR)file->FsContext2 != TDI_TRANSPORT_ADDRESS_FILE)
        return NULL;
    struct tdic_address *address = file->FsContext;
    return tdic_address_use(address) ? address : NULL;
}

VOID
tdic_file_address_put(struct tdic_address *address)
{
    tdic_event_put(address);
}

TDI_PROVIDER_STATISTICS *
tdic_device_statistics(struct tdic_device *device)
{
    return &device->statistics;
}

// --- opening ---------------------------------------------------------------------------------------------------------------------

// The attribute of this name; *value_bytes is what really lies there. NULL: none. *is_bad: the list is not one.
static const void *
attribute(const FILE_FULL_EA_INFORMATION *ea, ULONG bytes, PCSTR name, ULONG name_bytes, ULONG *value_bytes, BOOLEAN *is_bad)
{
    ULONG head = FIELD_OFFSET(FILE_FULL_EA_INFORMATION, EaName);
    for (;;) {
        if (bytes < head || (ULONG)ea->EaNameLength + 1 + ea->EaValueLength > bytes - head) {
            *is_bad = TRUE;
            return NULL;
        }
        if (ea->EaNameLength == name_bytes && RtlCompareMemory(ea->EaName, name, name_bytes) == name_bytes) {
            *value_bytes = ea->EaValueLength;
            return ea->EaName + ea->EaNameLength + 1;
        }
        if (!ea->NextEntryOffset)
            return NULL;
        if (ea->NextEntryOffset > bytes || ea->NextEntryOffset < head || ea->NextEntryOffset % sizeof(ULONG)) {
            *is_bad = TRUE;
            return NULL;
        }
        bytes -= ea->NextEntryOffset;
        ea = (const FILE_FULL_EA_INFORMATION *)((const UCHAR *)ea + ea->NextEntryOffset);
    }
}

// The first address of the list that is whole; transports here bind one.
static NTSTATUS
open_address(struct tdic_device *device, PIO_STACK_LOCATION stack, const void *value, ULONG bytes)
{
    UCHAR room[TDIC_ADDRESS_BYTES];   // the attribute has no alignment
    struct tdic_address *address;
    if (bytes > sizeof(room))
        return TDI_BAD_ADDR;
    RtlCopyMemory(room, value, bytes);
    if (!tdic_is_address(room, (LONG)bytes))
        return TDI_BAD_ADDR;
    NTSTATUS status = tdic_address_create(device, stack->FileObject, ((TRANSPORT_ADDRESS *)room)->Address,
                                          (stack->Parameters.Create.ShareAccess & (FILE_SHARE_READ | FILE_SHARE_WRITE)) != 0, &address);
    if (NT_SUCCESS(status)) {
        stack->FileObject->FsContext = address;
        stack->FileObject->FsContext2 = (PVOID)TDI_TRANSPORT_ADDRESS_FILE;
    }
    return status;
}

static NTSTATUS
open_connection(struct tdic_device *device, PIO_STACK_LOCATION stack, const void *value, ULONG bytes)
{
    CONNECTION_CONTEXT context;
    struct tdic_endpoint *endpoint;
    if (bytes < sizeof(context))
        return STATUS_EA_LIST_INCONSISTENT;
    if (!device->ops->connection_create)
        return STATUS_NOT_SUPPORTED;
    RtlCopyMemory(&context, value, sizeof(context));
    NTSTATUS status = tdic_endpoint_create(device, stack->FileObject, context, &endpoint);
    if (NT_SUCCESS(status)) {
        stack->FileObject->FsContext = endpoint;
        stack->FileObject->FsContext2 = (PVOID)TDI_CONNECTION_FILE;
    }
    return status;
}

static NTSTATUS
create(struct tdic_device *device, PIRP irp, PIO_STACK_LOCATION stack)
{
    const FILE_FULL_EA_INFORMATION *ea = irp->AssociatedIrp.SystemBuffer;
    ULONG bytes = stack->Parameters.Create.EaLength, value_bytes;
    BOOLEAN is_bad = FALSE;
    NTSTATUS status = device->ops->admit ? device->ops->admit(device, stack->FileObject) : STATUS_SUCCESS;
    if (!NT_SUCCESS(status))
        return status;
    if (ea && bytes) {
        const void *value = attribute(ea, bytes, TdiTransportAddress, TDI_TRANSPORT_ADDRESS_LENGTH, &value_bytes, &is_bad);
        if (value)
            return open_address(device, stack, value, value_bytes);
        if (!is_bad)
            value = attribute(ea, bytes, TdiConnectionContext, TDI_CONNECTION_CONTEXT_LENGTH, &value_bytes, &is_bad);
        if (value)
            return open_connection(device, stack, value, value_bytes);
        return is_bad ? STATUS_EA_LIST_INCONSISTENT : STATUS_INVALID_EA_NAME;
    }
    stack->FileObject->FsContext2 = (PVOID)TDI_CONTROL_CHANNEL_FILE;
    return STATUS_SUCCESS;
}

// --- dispatch --------------------------------------------------------------------------------------------------------------------

static NTSTATUS
on_connection(struct tdic_endpoint *endpoint, PIRP irp, PIO_STACK_LOCATION stack)
{
    switch (stack->MinorFunction) {
    case TDI_ASSOCIATE_ADDRESS:
        return tdic_associate(endpoint, ((TDI_REQUEST_KERNEL_ASSOCIATE *)&stack->Parameters)->AddressHandle);
    case TDI_DISASSOCIATE_ADDRESS:
        return tdic_disassociate(endpoint, irp);
    case TDI_CONNECT:
        return tdic_connect(endpoint, irp);
    case TDI_LISTEN:
        return tdic_listen(endpoint, irp);
    case TDI_ACCEPT:
        return tdic_accept(endpoint, irp);
    case TDI_DISCONNECT:
        return tdic_disconnect(endpoint, irp);
    case TDI_SEND:
        return tdic_send(endpoint, irp);
    case TDI_RECEIVE:
        return tdic_receive(endpoint, irp);
    default:
        return TDI_INVALID_REQUEST;
    }
}

static NTSTATUS
on_address(struct tdic_address *address, PIRP irp, PIO_STACK_LOCATION stack)
{
    switch (stack->MinorFunction) {
    case TDI_SEND_DATAGRAM:
        return tdic_send_datagram(address, irp);
    case TDI_RECEIVE_DATAGRAM:
        return tdic_receive_datagram(address, irp);
    case TDI_SET_EVENT_HANDLER:
        return tdic_set_event(address, irp);
    default:
        return TDI_INVALID_REQUEST;
    }
}

// TDI_DIRECT_SEND and its kin are for transports that export a handler; asking for one is refused as well: STATUS_NOT_IMPLEMENTED.
static NTSTATUS
request(struct tdic_device *device, PIRP irp, PIO_STACK_LOCATION stack)
{
    ULONG_PTR kind = (ULONG_PTR)stack->FileObject->FsContext2;
    irp->IoStatus.Information = 0;
    if (stack->MinorFunction == TDI_QUERY_INFORMATION)
        return tdic_query(device, irp);
    if (stack->MinorFunction == TDI_SET_INFORMATION)
        return tdic_set(device, irp);
    if (kind == TDI_CONNECTION_FILE)
        return on_connection(stack->FileObject->FsContext, irp, stack);
    if (kind == TDI_TRANSPORT_ADDRESS_FILE)
        return on_address(stack->FileObject->FsContext, irp, stack);
    return TDI_INVALID_REQUEST;
}

static NTSTATUS
cleanup(PIO_STACK_LOCATION stack)
{
    if ((ULONG_PTR)stack->FileObject->FsContext2 == TDI_CONNECTION_FILE)
        tdic_endpoint_cleanup(stack->FileObject->FsContext);
    if ((ULONG_PTR)stack->FileObject->FsContext2 == TDI_TRANSPORT_ADDRESS_FILE)
        tdic_address_cleanup(stack->FileObject->FsContext);
    return STATUS_SUCCESS;
}

static NTSTATUS
close(PIO_STACK_LOCATION stack)
{
    if ((ULONG_PTR)stack->FileObject->FsContext2 == TDI_CONNECTION_FILE)
        tdic_endpoint_close(stack->FileObject->FsContext);
    if ((ULONG_PTR)stack->FileObject->FsContext2 == TDI_TRANSPORT_ADDRESS_FILE)
        tdic_address_unref(stack->FileObject->FsContext);
    return STATUS_SUCCESS;
}

NTSTATUS
tdic_dispatch(PDEVICE_OBJECT object, PIRP irp)
{
    struct tdic_device *device = *(struct tdic_device **)object->DeviceExtension;
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    NTSTATUS status = STATUS_INVALID_DEVICE_REQUEST;
    ULONG_PTR information = 0;
    switch (stack->MajorFunction) {
    case IRP_MJ_CREATE:
        status = create(device, irp, stack);
        break;
    case IRP_MJ_CLEANUP:
        status = cleanup(stack);
        break;
    case IRP_MJ_CLOSE:
        status = close(stack);
        break;
    case IRP_MJ_DEVICE_CONTROL:
        status = TdiMapUserRequest(object, irp, stack);
        if (status == STATUS_NOT_IMPLEMENTED && device->ops->control)
            return device->ops->control(device, irp);
        if (status != STATUS_SUCCESS)
            break;
        __attribute__((fallthrough));
    case IRP_MJ_INTERNAL_DEVICE_CONTROL:
        if (stack->MinorFunction == TDI_ACTION && device->ops->action)
            return device->ops->action(device, irp);
        status = request(device, irp, stack);
        if (status != STATUS_PENDING)   // else it is not ours any more
            information = irp->IoStatus.Information;
        break;
    }
    if (status == STATUS_PENDING)
        return STATUS_PENDING;
    return tdic_complete(irp, status, NT_SUCCESS(status) || status == TDI_BUFFER_OVERFLOW ? information : 0);
}
