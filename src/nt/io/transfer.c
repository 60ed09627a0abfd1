// SPDX-License-Identifier: MIT
// Requests on open files: read, write, device control, cancel, information.
//   io_handle_transfer (the Zw calls) -> the file and the event of two handles -> io_file_transfer
//   io_file_transfer -> host file: done at once (hostfile.c)
//                    -> device: io_request_build -> listed on the file -> io_irp_call -> wait if the file is synchronous
// A synchronous file has one request at a time: callers wait for FILE_OBJECT.Lock [wdm/ns-wdm-_file_object, Lock].
#include <string.h>

#include "host/file.h"
#include "nt/io/file.h"
#include "nt/io/io_int.h"

static void
file_lock(FILE_OBJECT *file)
{
    void *waitable = &file->Lock;
    __atomic_add_fetch(&file->Waiters, 1, __ATOMIC_SEQ_CST);
    while (__atomic_exchange_n(&file->Busy, 1, __ATOMIC_SEQ_CST))
        ke_wait(io_file_of(file)->box, 1, &waitable, false, SCHED_NEVER);
    __atomic_sub_fetch(&file->Waiters, 1, __ATOMIC_ACQ_REL);
}

// An exchange, not a store: our look at Waiters must not come before our letting go, or a waiter that found the file busy sleeps on.
static void
file_unlock(FILE_OBJECT *file)
{
    __atomic_exchange_n(&file->Busy, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&file->Waiters, __ATOMIC_SEQ_CST))
        ke_event_set(&file->Lock);
}

static NTSTATUS
device_transfer(FILE_OBJECT *file, const struct io_transfer *t, IO_STATUS_BLOCK *iosb)
{
    struct box *box = io_file_of(file)->box;
    bool is_synchronous = file->Flags & FO_SYNCHRONOUS_IO;
    struct io_request request = {.major = t->major, .device = io_device_top(file->DeviceObject), .file = file, .mode = t->mode,
                                 .input = t->input, .input_bytes = t->input_bytes, .output = t->output,
                                 .output_bytes = t->output_bytes, .key = t->key, .control_code = t->control_code, .iosb = iosb,
                                 .event = t->event, .event_object = t->event_object, .is_threaded = true};
    IRP *irp;
    if (t->offset)
        request.offset = *t->offset;
    else if (is_synchronous)
        request.offset = file->CurrentByteOffset;
    NTSTATUS status = io_request_build(box, &request, &irp);
    if (status != STATUS_SUCCESS) {
        if (t->event_object)
            ob_unref(t->event_object);
        return status;
    }
    if (is_synchronous)
        irp->Flags |= IRP_SYNCHRONOUS_API;
    irp->Tail.Overlay.OriginalFileObject = file;
    ob_ref(file);
    struct io_request_tail *tail = io_request_tail_of(irp);
    tail->file_referenced = true;
    tail->signals_file = true;
    ke_event_reset(&file->Event);
    if (t->event)
        ke_event_reset(t->event);
    KIRQL old = io_lock_take(box->io);
    list_push_back(&io_file_of(file)->requests, &tail->file_node);
    io_lock_drop(box->io, old);
    return io_irp_call(request.device, irp);
}

NTSTATUS
io_file_transfer(FILE_OBJECT *file, const struct io_transfer *transfer)
{
    bool is_synchronous = file->Flags & FO_SYNCHRONOUS_IO;
    struct io_transfer t = *transfer;
    IO_STATUS_BLOCK result = {.Status = STATUS_PENDING};
    NTSTATUS status;
    // Without a position of its own an asynchronous file needs one [wdm/nf-wdm-zwreadfile].
    if (!t.offset && !is_synchronous && (t.major == IRP_MJ_READ || t.major == IRP_MJ_WRITE) && io_file_of(file)->fd >= 0) {
        if (t.event_object)
            ob_unref(t.event_object);
        return STATUS_INVALID_PARAMETER;
    }
    if (is_synchronous)
        file_lock(file);
    if (io_file_of(file)->fd >= 0) {
        status = io_host_transfer(file, &t, &result);
        if (t.event)
            ke_event_set(t.event);
        if (t.event_object)
            ob_unref(t.event_object);
        *t.iosb = result;
    } else {
        // A synchronous caller's status block is written when all is over; nobody else may see it before.
        status = device_transfer(file, &t, is_synchronous ? &result : t.iosb);
        if (is_synchronous && status == STATUS_PENDING) {
            void *waitable = &file->Event;   // not the caller's event: the wait would use its signal up
            ke_wait(io_file_of(file)->box, 1, &waitable, false, SCHED_NEVER);
            status = result.Status;
        }
        if (is_synchronous && result.Status != STATUS_PENDING)
            *t.iosb = result;
    }
    if (is_synchronous) {
        if (NT_SUCCESS(status) && (t.major == IRP_MJ_READ || t.major == IRP_MJ_WRITE)) {
            LONGLONG from = t.offset ? t.offset->QuadPart : file->CurrentByteOffset.QuadPart;
            file->CurrentByteOffset.QuadPart = from + (LONGLONG)t.iosb->Information;
        }
        file_unlock(file);
    }
    return status;
}

// The file of a handle and the event of another, each with a reference. fails: what ob_handle_ref says.
static NTSTATUS
file_and_event(HANDLE file_handle, HANDLE event_handle, ACCESS_MASK access, FILE_OBJECT **file, struct io_transfer *transfer)
{
    void *body;
    NTSTATUS status = ob_handle_ref(box_self(), file_handle, &io_file_type, 0, &body);
    if (status != STATUS_SUCCESS)
        return status;
    *file = body;
    if ((access & FILE_READ_DATA && !(*file)->ReadAccess) || (access & FILE_WRITE_DATA && !(*file)->WriteAccess))
        status = STATUS_ACCESS_DENIED;
    if (status == STATUS_SUCCESS && event_handle) {
        status = ob_handle_ref(box_self(), event_handle, &ob_event_type, 0, &transfer->event_object);
        transfer->event = transfer->event_object;
    }
    if (status != STATUS_SUCCESS)
        ob_unref(body);
    return status;
}

NTSTATUS
io_handle_transfer(HANDLE file_handle, HANDLE event_handle, ACCESS_MASK access, struct io_transfer *transfer)
{
    FILE_OBJECT *file;
    NTSTATUS status = file_and_event(file_handle, event_handle, access, &file, transfer);
    if (status != STATUS_SUCCESS)
        return status;
    status = io_file_transfer(file, transfer);
    ob_unref(file);
    return status;
}

// The IRP may complete while it is looked at, so its memory must not go: completion takes the request off the list under io->lock
// before it frees, and cancelling is done one at a time with the request pinned by the cancel lock's own rules: IoCancelIrp on an IRP
// that is being completed is only safe while it is still listed. Hence the walk restarts after each.
uint32_t
io_file_cancel(FILE_OBJECT *file, const IO_STATUS_BLOCK *iosb)
{
    struct box *box = io_file_of(file)->box;
    uint32_t asked = 0;
    for (;;) {
        IRP *irp = NULL;
        KIRQL old = io_lock_take(box->io);
        LIST_FOR_EACH(node, &io_file_of(file)->requests) {
            struct io_request_tail *tail = LIST_ENTRY_OF(node, struct io_request_tail, file_node);
            IRP *at = (IRP *)((char *)tail - offsetof(struct io_irp, tail) + offsetof(struct io_irp, irp));
            if (!tail->cancel_asked && (!iosb || at->UserIosb == iosb)) {
                tail->cancel_asked = true;
                tail->pins++;
                irp = at;
                break;
            }
        }
        io_lock_drop(box->io, old);
        if (!irp)
            return asked;
        asked++;
        io_irp_cancel(irp);
        io_irp_unpin(box, irp);
    }
}

// The device's answer to IRP_MJ_QUERY_INFORMATION or IRP_MJ_SET_INFORMATION through a system buffer.
static NTSTATUS
device_information(FILE_OBJECT *file, UCHAR major, FILE_INFORMATION_CLASS class, void *buffer, ULONG bytes, ULONG *written)
{
    struct box *box = io_file_of(file)->box;
    DEVICE_OBJECT *top = io_device_top(file->DeviceObject);
    bool is_query = major == IRP_MJ_QUERY_INFORMATION;
    IO_STATUS_BLOCK iosb;
    struct io_request request = {.major = IRP_MJ_DEVICE_CONTROL, .device = top, .file = file, .mode = KernelMode,
                                 .input = is_query ? NULL : buffer, .input_bytes = is_query ? 0 : bytes,
                                 .output = is_query ? buffer : NULL, .output_bytes = is_query ? bytes : 0, .is_threaded = true};
    IRP *irp;
    NTSTATUS status = io_request_build(box, &request, &irp);
    if (status != STATUS_SUCCESS)
        return status;
    IO_STACK_LOCATION *stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    memset(&stack->Parameters, 0, sizeof(stack->Parameters));
    stack->MajorFunction = major;
    stack->Parameters.QueryFile.Length = bytes;
    stack->Parameters.QueryFile.FileInformationClass = class;
    irp->Flags |= IRP_SYNCHRONOUS_API;
    irp->Tail.Overlay.OriginalFileObject = file;
    status = io_irp_send(top, irp, &iosb);
    *written = (ULONG)iosb.Information;
    return status;
}

NTSTATUS
io_file_query(FILE_OBJECT *file, FILE_INFORMATION_CLASS class, void *buffer, ULONG bytes, ULONG *written)
{
    *written = 0;
    if (class == FilePositionInformation) {
        if (bytes < sizeof(FILE_POSITION_INFORMATION))
            return STATUS_INFO_LENGTH_MISMATCH;
        if (!(file->Flags & FO_SYNCHRONOUS_IO))
            return STATUS_INVALID_PARAMETER;
        ((FILE_POSITION_INFORMATION *)buffer)->CurrentByteOffset = file->CurrentByteOffset;
        *written = sizeof(FILE_POSITION_INFORMATION);
        return STATUS_SUCCESS;
    }
    if (file->DeviceObject)
        return device_information(file, IRP_MJ_QUERY_INFORMATION, class, buffer, bytes, written);
    return io_host_query(file, class, buffer, bytes, written);
}

NTSTATUS
io_file_set(FILE_OBJECT *file, FILE_INFORMATION_CLASS class, const void *buffer, ULONG bytes)
{
    ULONG written;
    if (class == FilePositionInformation) {
        const FILE_POSITION_INFORMATION *position = buffer;
        if (bytes < sizeof(*position))
            return STATUS_INFO_LENGTH_MISMATCH;
        if (!(file->Flags & FO_SYNCHRONOUS_IO) || position->CurrentByteOffset.QuadPart < 0)
            return STATUS_INVALID_PARAMETER;
        file->CurrentByteOffset = position->CurrentByteOffset;
        return STATUS_SUCCESS;
    }
    if (file->DeviceObject)
        return device_information(file, IRP_MJ_SET_INFORMATION, class, (void *)buffer, bytes, &written);
    return io_host_set(file, class, buffer, bytes);
}
