// SPDX-License-Identifier: MIT
// IRPs: memory, stack locations, and the call into the next driver.
//   io_irp_alloc / io_irp_init -> the issuer fills the next location -> io_irp_call moves down and enters the driver
// What was allocated here is listed in the box, so that an IRP nobody freed is reported with whose it was.
// Sources: [wdm/nf-wdm-ioallocateirp], [wdm/nf-wdm-ioinitializeirp], [wdm/nf-wdm-iofcalldriver].
#include <stdlib.h>
#include <string.h>

#include "nt/io/io_int.h"
#include "verify/report.h"
#include "verify/left.h"

#define BUGCODE_NO_MORE_IRP_STACK_LOCATIONS 0x35
#define BUGCODE_INCONSISTENT_IRP 0x2A

void
io_irp_init(IRP *irp, USHORT bytes, CCHAR stack_size)
{
    memset(irp, 0, bytes);
    irp->Type = IO_TYPE_IRP;
    irp->Size = bytes;
    irp->StackCount = stack_size;
    irp->CurrentLocation = (CHAR)(stack_size + 1);
    irp->ThreadListEntry.Flink = irp->ThreadListEntry.Blink = &irp->ThreadListEntry;
    irp->Tail.Overlay.CurrentStackLocation = (IO_STACK_LOCATION *)(irp + 1) + stack_size;
}

IRP *
io_irp_alloc(struct box *box, CCHAR stack_size)
{
    if (stack_size < 1)
        return NULL;
    size_t bytes = sizeof(IRP) + (size_t)stack_size * sizeof(IO_STACK_LOCATION);
    struct io_irp *full = aligned_alloc(16, (offsetof(struct io_irp, irp) + bytes + 15) & ~(size_t)15);
    if (!full)
        return NULL;
    io_irp_init(&full->irp, (USHORT)bytes, stack_size);
    full->irp.AllocationFlags = IO_ALLOCATED_HERE;
    full->box = box;
    full->tail = (struct io_request_tail){0};
    list_init(&full->tail.file_node);
    const struct io_image *image = ke_self()->driver;
    strncpy(full->holder, image ? image->name : "ndisbox", sizeof(full->holder) - 1);
    full->holder[sizeof(full->holder) - 1] = 0;
    KIRQL old = io_lock_take(box->io);
    list_push_back(&box->io->irps, &full->node);
    io_lock_drop(box->io, old);
    full->watch = verify_irp_made(box);
    verify_had(VERIFY_LEFT_IRP, &full->irp, NULL, NULL);
    return &full->irp;
}

static void
io_irp_memory_free(struct box *box, struct io_irp *full)
{
    if (full->watch)
        verify_irp_gone(box, full->watch, &full->irp, full);
    else
        free(full);
}

void
io_irp_free(struct box *box, IRP *irp)
{
    verify_irp_check_gone(box, irp, NBX_0408, "IoFreeIrp");
    if (irp->Type != IO_TYPE_IRP || !(irp->AllocationFlags & IO_ALLOCATED_HERE))
        verify_rule_fatal(NBX_0408, "IoFreeIrp", "this is no IRP of IoAllocateIrp and its kin, or it was freed already");
    struct io_irp *full = (struct io_irp *)((char *)irp - offsetof(struct io_irp, irp));
    verify_gave(box, VERIFY_LEFT_IRP, irp);
    KIRQL old = io_lock_take(box->io);
    list_remove(&full->node);
    irp->Type = 0;
    full->tail.is_freed = true;
    bool is_pinned = full->tail.pins != 0;
    io_lock_drop(box->io, old);
    if (!is_pinned)
        io_irp_memory_free(box, full);
}

void
io_irp_unpin(struct box *box, IRP *irp)
{
    struct io_irp *full = (struct io_irp *)((char *)irp - offsetof(struct io_irp, irp));
    KIRQL old = io_lock_take(box->io);
    bool is_over = --full->tail.pins == 0 && full->tail.is_freed;
    io_lock_drop(box->io, old);
    if (is_over)
        io_irp_memory_free(box, full);
}

void
io_irp_reuse(IRP *irp, NTSTATUS status)
{
    UCHAR flags = irp->AllocationFlags;
    io_irp_init(irp, irp->Size, irp->StackCount);
    irp->AllocationFlags = flags;
    irp->IoStatus.Status = status;
}

void
io_watch_set(struct box *box, io_watch_fn fn, void *context)
{
    box->io->watch_fn = fn;
    box->io->watch_context = context;
}

NTSTATUS
io_irp_call(DEVICE_OBJECT *device, IRP *irp)
{
    verify_irp_check_gone(box_self(), irp, NBX_0406, "IoCallDriver");
    if (irp->Type != IO_TYPE_IRP)
        ke_bugcheck(BUGCODE_INCONSISTENT_IRP, (uintptr_t)irp, 0, 0, 0);
    struct verify_irp_call call;
    verify_irp_call(io_irp_watch(irp), irp, &call);
    if (--irp->CurrentLocation <= 0)
        ke_bugcheck(BUGCODE_NO_MORE_IRP_STACK_LOCATIONS, (uintptr_t)irp, 0, 0, 0);
    IO_STACK_LOCATION *stack = --irp->Tail.Overlay.CurrentStackLocation;
    stack->DeviceObject = device;
    struct io_image *image = io_device_of(device)->image;
    if (stack->MajorFunction > IRP_MJ_MAXIMUM_FUNCTION)
        ke_bugcheck(BUGCODE_INCONSISTENT_IRP, (uintptr_t)irp, stack->MajorFunction, 0, 0);
    DRIVER_DISPATCH *dispatch = device->DriverObject->MajorFunction[stack->MajorFunction];
    const struct io *io = io_device_of(device)->box->io;
    if (__builtin_expect(io->watch_fn != NULL, 0))
        io->watch_fn(io->watch_context, device, irp, false);
    KIRQL irql = ke_self()->irql;
    struct ke_crossing before = io_cross(image, "DRIVER_DISPATCH");
    if (image)
        io_image_ref(image);
    NTSTATUS status = dispatch(device, irp);
    if (image)
        io_image_unref(image);
    io_cross_back(before);
    verify_irp_returned(&call, irp, image, status);
    if (ke_self()->irql != irql)
        ke_bugcheck(BUGCODE_IRQL_UNEXPECTED_VALUE, (uint64_t)irql << 16 | ke_self()->irql, (uintptr_t)dispatch, 0, 0);
    return status;
}

NTSTATUS
io_irp_send(DEVICE_OBJECT *device, IRP *irp, IO_STATUS_BLOCK *iosb)
{
    IO_STATUS_BLOCK result = {.Status = STATUS_PENDING};
    KEVENT done;
    void *waitable = &done;
    ke_header_init(&done.Header, KE_OBJECT_EVENT_NOTIFICATION, 0);
    irp->AllocationFlags |= IO_THREADED | IO_ALWAYS_TOLD;
    irp->UserIosb = &result;
    irp->UserEvent = &done;
    io_irp_call(device, irp);
    ke_wait(box_self(), 1, &waitable, false, SCHED_NEVER);
    if (iosb)
        *iosb = result;
    return result.Status;
}

NTSTATUS
io_irp_simple(DEVICE_OBJECT *device, UCHAR major, FILE_OBJECT *file)
{
    IRP *irp = io_irp_alloc(io_device_of(device)->box, device->StackSize);
    if (!irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    IO_STACK_LOCATION *stack = irp->Tail.Overlay.CurrentStackLocation - 1;
    stack->MajorFunction = major;
    stack->FileObject = file;
    irp->Flags = IRP_SYNCHRONOUS_API | (major == IRP_MJ_CLOSE ? IRP_CLOSE_OPERATION : 0);
    irp->Tail.Overlay.Thread = (PETHREAD)ke_self();
    irp->Tail.Overlay.OriginalFileObject = file;
    return io_irp_send(device, irp, NULL);
}
