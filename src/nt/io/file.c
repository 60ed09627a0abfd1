// SPDX-License-Identifier: MIT
// FILE_OBJECTs on devices: open, cleanup, close.
//   io_file_open  -> ob_lookup -> FILE_OBJECT -> IRP_MJ_CREATE to the top of the device's stack -> handle
//   last handle   -> file_cleanup: IRP_MJ_CLEANUP          last reference -> file_delete: IRP_MJ_CLOSE, device let go
// An open that fails gets neither. Each outstanding IRP holds a reference on its file, so CLOSE comes after the last one.
// Sources: [windows-driver-docs kernel/irp-mj-create], [kernel/irp-mj-cleanup], [kernel/irp-mj-close].
#include <stdlib.h>
#include <string.h>

#include "host/file.h"
#include "nt/ex/pool.h"
#include "nt/io/file.h"
#include "nt/io/io_int.h"

static void
device_opened(DEVICE_OBJECT *device, int32_t change)
{
    struct io_device *extra = io_device_of(device);
    KIRQL old = io_lock_take(extra->box->io);
    extra->opens += (uint32_t)change;
    device->ReferenceCount += change;
    if (change < 0 && !extra->opens)
        io_image_file_closed_locked(extra->image);
    io_lock_drop(extra->box->io, old);
}

static void
file_cleanup(struct box *box, void *body)
{
    FILE_OBJECT *file = body;
    if (io_file_of(file)->grant)
        io_host_cleanup(file);
    if (!file->DeviceObject || !(file->Flags & FO_HANDLE_CREATED))
        return;
    io_irp_simple(io_device_top(file->DeviceObject), IRP_MJ_CLEANUP, file);
    file->Flags |= FO_CLEANUP_COMPLETE;
}

static void
file_delete(struct box *box, void *body)
{
    FILE_OBJECT *file = body;
    if (io_file_of(file)->fd >= 0)
        file_close(io_file_of(file)->fd);
    free(io_file_of(file)->relative);
    if (file->DeviceObject) {
        DEVICE_OBJECT *device = file->DeviceObject;
        if (file->Flags & FO_FILE_OPEN)
            io_irp_simple(io_device_top(device), IRP_MJ_CLOSE, file);
        device_opened(device, -1);
        ob_unref(device);
    }
    ob_string_free(&file->FileName);
}

const struct _OBJECT_TYPE io_file_type = {OB_FILE, "File", file_cleanup, file_delete};

FILE_OBJECT *
io_file_make(struct box *box, const struct io_file_config *config)
{
    void *body;
    if (ob_object_create(box, &io_file_type, sizeof(struct io_file), &body) != STATUS_SUCCESS)
        return NULL;
    struct io_file *file = body;
    file->box = box;
    file->fd = -1;
    list_init(&file->requests);
    FILE_OBJECT *object = &file->object;
    object->Type = IO_TYPE_FILE;
    object->Size = sizeof(*object);
    object->ReadAccess = (config->access & (FILE_READ_DATA | GENERIC_READ | GENERIC_ALL)) != 0;
    object->WriteAccess = (config->access & (FILE_WRITE_DATA | FILE_APPEND_DATA | GENERIC_WRITE | GENERIC_ALL)) != 0;
    object->DeleteAccess = (config->access & (DELETE | GENERIC_ALL)) != 0;
    object->SharedRead = (config->share & FILE_SHARE_READ) != 0;
    object->SharedWrite = (config->share & FILE_SHARE_WRITE) != 0;
    object->SharedDelete = (config->share & FILE_SHARE_DELETE) != 0;
    if (config->options & (FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT))
        object->Flags |= FO_SYNCHRONOUS_IO;
    ke_header_init(&object->Lock.Header, KE_OBJECT_EVENT_SYNCHRONIZATION, 0);
    ke_header_init(&object->Event.Header, KE_OBJECT_EVENT_NOTIFICATION, 0);
    object->IrpList.Flink = object->IrpList.Blink = &object->IrpList;
    return object;
}

// May this device be opened now? Counts the open if so.
static NTSTATUS
device_enter(DEVICE_OBJECT *device, const struct io_file_config *config)
{
    struct io_device *extra = io_device_of(device);
    NTSTATUS status = STATUS_SUCCESS;
    if (config->mode == UserMode && !io_device_lets_in(device, config->access))
        return STATUS_ACCESS_DENIED;
    KIRQL old = io_lock_take(extra->box->io);
    if (extra->is_deleted || (device->Flags & DO_DEVICE_INITIALIZING) || (extra->image && extra->image->is_unloading))
        status = STATUS_NO_SUCH_DEVICE;
    else if ((device->Flags & DO_EXCLUSIVE) && extra->opens)
        status = STATUS_ACCESS_DENIED;
    if (status == STATUS_SUCCESS) {
        extra->opens++;
        device->ReferenceCount++;
    }
    io_lock_drop(extra->box->io, old);
    return status;
}

static NTSTATUS
create_send(struct box *box, FILE_OBJECT *file, const struct io_file_config *config, IO_STATUS_BLOCK *iosb)
{
    DEVICE_OBJECT *top = io_device_top(file->DeviceObject);
    IRP *irp = io_irp_alloc(box, top->StackSize);
    IO_SECURITY_CONTEXT security = {.DesiredAccess = config->access};
    if (!irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (config->ea_bytes) {
        irp->AssociatedIrp.SystemBuffer = ex_pool_alloc(box, config->ea_bytes, IO_SYSTEM_BUFFER_TAG, false, NULL);
        if (!irp->AssociatedIrp.SystemBuffer) {
            io_irp_free(box, irp);
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        memcpy(irp->AssociatedIrp.SystemBuffer, config->ea, config->ea_bytes);
        irp->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
    }
    irp->Flags |= IRP_CREATE_OPERATION | IRP_SYNCHRONOUS_API | IRP_DEFER_IO_COMPLETION;
    irp->RequestorMode = config->mode;
    irp->Tail.Overlay.Thread = (PETHREAD)ke_self();
    irp->Tail.Overlay.OriginalFileObject = file;
    IO_STACK_LOCATION *stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    stack->MajorFunction = IRP_MJ_CREATE;
    stack->FileObject = file;
    stack->Parameters.Create.SecurityContext = &security;
    stack->Parameters.Create.Options = config->disposition << 24 | (config->options & 0xffffff);
    stack->Parameters.Create.FileAttributes = config->attributes;
    stack->Parameters.Create.ShareAccess = (USHORT)config->share;
    stack->Parameters.Create.EaLength = config->ea_bytes;
    return io_irp_send(top, irp, iosb);
}

// owns: takes the reference on device.
static NTSTATUS
device_file_open(struct box *box, DEVICE_OBJECT *device, UNICODE_STRING *rest, const struct io_file_config *config, FILE_OBJECT **out,
                 IO_STATUS_BLOCK *iosb)
{
    NTSTATUS status = device_enter(device, config);
    FILE_OBJECT *file = status == STATUS_SUCCESS ? io_file_make(box, config) : NULL;
    if (!file) {
        if (status == STATUS_SUCCESS) {
            device_opened(device, -1);
            status = STATUS_INSUFFICIENT_RESOURCES;
        }
        ob_unref(device);
        return status;
    }
    file->DeviceObject = device;
    file->FileName = *rest;
    *rest = (UNICODE_STRING){0};
    status = create_send(box, file, config, iosb);
    if (!NT_SUCCESS(status)) {
        ob_unref(file);
        return status;
    }
    file->Flags |= FO_FILE_OPEN;
    *out = file;
    return status;
}

// A list of extended attributes as [wdm/ns-wdm-_file_full_ea_information] has it: entries on multiples of 4, each whole, each name ended
// by a 0 that its length does not count.
static bool
ea_is_whole(const void *list, ULONG bytes)
{
    const char *at = list;
    const size_t head = offsetof(FILE_FULL_EA_INFORMATION, EaName);
    for (;;) {
        const FILE_FULL_EA_INFORMATION *ea = (const void *)at;
        if (bytes < head || (size_t)ea->EaNameLength + 1 + ea->EaValueLength > bytes - head || ea->EaName[ea->EaNameLength])
            return false;
        if (!ea->NextEntryOffset)
            return true;
        if (ea->NextEntryOffset % 4 || ea->NextEntryOffset > bytes || ea->NextEntryOffset < head + ea->EaNameLength + 1 + ea->EaValueLength)
            return false;
        at += ea->NextEntryOffset;
        bytes -= ea->NextEntryOffset;
    }
}

NTSTATUS
io_file_open(struct box *box, const UNICODE_STRING *path, const struct io_file_config *config, HANDLE *handle, IO_STATUS_BLOCK *iosb)
{
    UNICODE_STRING rest = {0};
    FILE_OBJECT *file = NULL;
    void *body;
    *iosb = (IO_STATUS_BLOCK){0};
    if (config->ea_bytes && !ea_is_whole(config->ea, config->ea_bytes))
        return iosb->Status = STATUS_EA_LIST_INCONSISTENT;
    NTSTATUS status = io_host_open(box, path, config, &file, iosb);
    if (status == STATUS_OBJECT_PATH_NOT_FOUND) {
        status = ob_lookup(box, path, NULL, &body, &rest);
        if (status == STATUS_SUCCESS && ob_header_of(body)->type != &io_device_type) {
            ob_unref(body);
            status = STATUS_OBJECT_TYPE_MISMATCH;
        } else if (status == STATUS_SUCCESS) {
            status = device_file_open(box, body, &rest, config, &file, iosb);
        }
        ob_string_free(&rest);
    }
    if (NT_SUCCESS(status)) {
        NTSTATUS opened = ob_handle_create(box, file, config->access, handle);
        if (NT_SUCCESS(opened))
            file->Flags |= FO_HANDLE_CREATED;
        else
            status = opened;
        ob_unref(file);
    }
    iosb->Status = status;
    return status;
}

NTSTATUS
io_device_open(struct box *box, const UNICODE_STRING *path, ACCESS_MASK access, FILE_OBJECT **file, DEVICE_OBJECT **device)
{
    struct io_file_config config = {.access = access, .share = FILE_SHARE_READ | FILE_SHARE_WRITE, .disposition = FILE_OPEN,
                                    .options = FILE_NON_DIRECTORY_FILE, .mode = KernelMode};
    IO_STATUS_BLOCK iosb;
    HANDLE handle;
    void *body;
    NTSTATUS status = io_file_open(box, path, &config, &handle, &iosb);
    if (!NT_SUCCESS(status))
        return status;
    status = ob_handle_ref(box, handle, &io_file_type, 0, &body);
    ob_handle_close(box, handle);
    if (status != STATUS_SUCCESS)
        return status;
    *file = body;
    if (!(*file)->DeviceObject) {
        ob_unref(body);
        return STATUS_INVALID_DEVICE_REQUEST;
    }
    *device = io_device_top((*file)->DeviceObject);
    return STATUS_SUCCESS;
}
