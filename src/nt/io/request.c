// SPDX-License-Identifier: MIT
// Building IRPs with data: read, write, device control.
//   DO_BUFFERED_IO, METHOD_BUFFERED     a system buffer from pool, copied in now and out at completion (io_irp_finish)
//   DO_DIRECT_IO, METHOD_*_DIRECT       an MDL over the caller's buffer, locked
//   neither                             the caller's own address, for the driver to probe
// Sources: [windows-driver-docs kernel/methods-for-accessing-data-buffers], [kernel/buffer-descriptions-for-i-o-control-codes],
// [wdm/nf-wdm-iobuilddeviceiocontrolrequest], [wdm/nf-wdm-iobuildsynchronousfsdrequest].
#include <string.h>

#include "nt/ex/pool.h"
#include "nt/io/io_int.h"
#include "nt/io/request.h"

static NTSTATUS
system_buffer(struct box *box, IRP *irp, const void *input, ULONG input_bytes, ULONG output_bytes)
{
    ULONG bytes = input_bytes > output_bytes ? input_bytes : output_bytes;
    if (!bytes)
        return STATUS_SUCCESS;
    void *buffer = ex_pool_alloc(box, bytes, IO_SYSTEM_BUFFER_TAG, false, NULL);
    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (input_bytes)
        memcpy(buffer, input, input_bytes);
    irp->AssociatedIrp.SystemBuffer = buffer;
    irp->Flags |= IRP_BUFFERED_IO | IRP_DEALLOCATE_BUFFER;
    if (output_bytes)
        irp->Flags |= IRP_INPUT_OPERATION;
    return STATUS_SUCCESS;
}

static NTSTATUS
locked_mdl(IRP *irp, void *buffer, ULONG bytes, KPROCESSOR_MODE mode, LOCK_OPERATION operation)
{
    if (!bytes)
        return STATUS_SUCCESS;
    MDL *mdl = IoAllocateMdl(buffer, bytes, FALSE, FALSE, irp);
    if (!mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmProbeAndLockPages(mdl, mode, operation);
    return STATUS_SUCCESS;
}

static NTSTATUS
transfer_build(struct box *box, const struct io_request *r, IRP *irp, IO_STACK_LOCATION *stack)
{
    bool is_read = r->major == IRP_MJ_READ;
    void *buffer = is_read ? r->output : r->input;
    ULONG bytes = is_read ? r->output_bytes : r->input_bytes;
    stack->Parameters.Read.Length = bytes;
    stack->Parameters.Read.Key = r->key;
    stack->Parameters.Read.ByteOffset = r->offset;
    irp->Flags |= is_read ? IRP_READ_OPERATION : IRP_WRITE_OPERATION;
    irp->UserBuffer = buffer;
    if (r->device->Flags & DO_BUFFERED_IO)
        return system_buffer(box, irp, is_read ? NULL : buffer, is_read ? 0 : bytes, is_read ? bytes : 0);
    if (r->device->Flags & DO_DIRECT_IO)
        return locked_mdl(irp, buffer, bytes, r->mode, is_read ? IoWriteAccess : IoReadAccess);
    return STATUS_SUCCESS;
}

static NTSTATUS
control_build(struct box *box, const struct io_request *r, IRP *irp, IO_STACK_LOCATION *stack)
{
    stack->Parameters.DeviceIoControl.OutputBufferLength = r->output_bytes;
    stack->Parameters.DeviceIoControl.InputBufferLength = r->input_bytes;
    stack->Parameters.DeviceIoControl.IoControlCode = r->control_code;
    irp->UserBuffer = r->output;
    NTSTATUS status;
    switch (METHOD_FROM_CTL_CODE(r->control_code)) {
    case METHOD_BUFFERED:
        return system_buffer(box, irp, r->input, r->input_bytes, r->output_bytes);
    case METHOD_IN_DIRECT:
    case METHOD_OUT_DIRECT:
        status = system_buffer(box, irp, r->input, r->input_bytes, 0);
        if (status != STATUS_SUCCESS)
            return status;
        return locked_mdl(irp, r->output, r->output_bytes, r->mode,
                          METHOD_FROM_CTL_CODE(r->control_code) == METHOD_OUT_DIRECT ? IoWriteAccess : IoReadAccess);
    default:
        stack->Parameters.DeviceIoControl.Type3InputBuffer = r->input;
        return STATUS_SUCCESS;
    }
}

NTSTATUS
io_request_build(struct box *box, const struct io_request *r, IRP **out)
{
    NTSTATUS status = STATUS_SUCCESS;
    IRP *irp = io_irp_alloc(box, r->device->StackSize);
    if (!irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    IO_STACK_LOCATION *stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    stack->MajorFunction = r->major;
    stack->MinorFunction = r->minor;
    stack->FileObject = r->file;
    irp->RequestorMode = r->mode;
    irp->UserIosb = r->iosb;
    irp->UserEvent = r->event;
    irp->Tail.Overlay.Thread = (PETHREAD)ke_self();
    if (r->is_threaded)
        irp->AllocationFlags |= IO_THREADED;
    struct io_request_tail *tail = io_request_tail_of(irp);
    tail->output_bytes = r->output_bytes;
    tail->input = r->input;
    if (r->major == IRP_MJ_READ || r->major == IRP_MJ_WRITE)
        status = transfer_build(box, r, irp, stack);
    else if (r->major == IRP_MJ_DEVICE_CONTROL || r->major == IRP_MJ_INTERNAL_DEVICE_CONTROL)
        status = control_build(box, r, irp, stack);
    if (status != STATUS_SUCCESS) {
        io_request_discard(box, irp);
        return status;
    }
    tail->event_object = r->event_object;
    *out = irp;
    return STATUS_SUCCESS;
}

// READ, WRITE, FLUSH_BUFFERS, SHUTDOWN, PNP, POWER [wdm/nf-wdm-iobuildasynchronousfsdrequest].
IRP *
io_request_fsd(struct box *box, ULONG major, DEVICE_OBJECT *device, void *buffer, ULONG bytes, const LARGE_INTEGER *offset, KEVENT *event,
               IO_STATUS_BLOCK *iosb, bool is_threaded)
{
    IRP *irp;
    if (major > IRP_MJ_MAXIMUM_FUNCTION)
        return NULL;
    struct io_request request = {.major = (UCHAR)major, .device = device, .mode = KernelMode, .iosb = iosb, .event = event,
                                 .is_threaded = is_threaded};
    if (major == IRP_MJ_READ) {
        request.output = buffer;
        request.output_bytes = bytes;
    } else if (major == IRP_MJ_WRITE) {
        request.input = buffer;
        request.input_bytes = bytes;
    }
    if (offset)
        request.offset = *offset;
    return io_request_build(box, &request, &irp) == STATUS_SUCCESS ? irp : NULL;
}

void
io_request_discard(struct box *box, IRP *irp)
{
    io_irp_mdls_free(irp);
    if (irp->Flags & IRP_DEALLOCATE_BUFFER)
        ex_pool_free(box, irp->AssociatedIrp.SystemBuffer, 0);
    io_irp_free(box, irp);
}

const void *
io_irp_input(IRP *irp)
{
    return irp->AllocationFlags & IO_ALLOCATED_HERE ? io_request_tail_of(irp)->input : NULL;
}
