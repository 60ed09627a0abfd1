// SPDX-License-Identifier: MIT
// A transport's files as its clients have them: opened with one extended attribute that says what they are, and the few requests that are
// waited for.
#include "tdi_client.h"

static IO_COMPLETION_ROUTINE call_done;

NTSTATUS
tdiclient_open(PCWSTR device, const char *attribute, const VOID *value, USHORT bytes, struct tdiclient_file *file)
{
    union {
        FILE_FULL_EA_INFORMATION ea;
        UCHAR room[96];
    } u = {0};
    const USHORT name_bytes = (USHORT)strlen(attribute);
    const ULONG all_bytes = FIELD_OFFSET(FILE_FULL_EA_INFORMATION, EaName) + name_bytes + 1 + bytes;
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK iosb;
    if (all_bytes > sizeof u)
        return STATUS_INVALID_PARAMETER;
    u.ea.EaNameLength = (UCHAR)name_bytes;
    u.ea.EaValueLength = bytes;
    RtlCopyMemory(u.ea.EaName, attribute, name_bytes + 1);
    RtlCopyMemory(u.ea.EaName + name_bytes + 1, value, bytes);
    RtlInitUnicodeString(&name, device);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    const ACCESS_MASK access = GENERIC_READ | GENERIC_WRITE;
    NTSTATUS status = ZwCreateFile(&file->handle, access, &attributes, &iosb, NULL, 0, 0, FILE_OPEN, 0, &u, all_bytes);
    if (!NT_SUCCESS(status))
        return status;
    status = ObReferenceObjectByHandle(file->handle, 0, *IoFileObjectType, KernelMode, (PVOID *)&file->object, NULL);
    if (!NT_SUCCESS(status)) {
        ZwClose(file->handle);
        return status;
    }
    file->device = IoGetRelatedDeviceObject(file->object);
    return STATUS_SUCCESS;
}

VOID
tdiclient_close(struct tdiclient_file *file)
{
    if (!file->object)
        return;
    ObDereferenceObject(file->object);
    ZwClose(file->handle);
    file->object = NULL;
}

static NTSTATUS
call_done(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeSetEvent(context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

NTSTATUS
tdiclient_call(struct tdiclient_file *file, PIRP irp)
{
    KEVENT done;
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    IoSetCompletionRoutine(irp, call_done, &done, TRUE, TRUE, TRUE);
    IoCallDriver(file->device, irp);
    KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    NTSTATUS status = irp->IoStatus.Status;
    IoFreeIrp(irp);
    return status;
}

NTSTATUS
tdiclient_set_handler(struct tdiclient_file *address, LONG type, PVOID handler, PVOID context)
{
    PIRP irp = IoAllocateIrp(address->device->StackSize, FALSE);
    if (!irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    TdiBuildSetEventHandler(irp, address->device, address->object, NULL, NULL, type, handler, context);
    return tdiclient_call(address, irp);
}

NTSTATUS
tdiclient_associate(struct tdiclient_file *connection, HANDLE address)
{
    PIRP irp = IoAllocateIrp(connection->device->StackSize, FALSE);
    if (!irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    TdiBuildAssociateAddress(irp, connection->device, connection->object, NULL, NULL, address);
    return tdiclient_call(connection, irp);
}
