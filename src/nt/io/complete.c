// SPDX-License-Identifier: MIT
// A request's way back up.
//   io_irp_complete -> for each location from the caller's: its completion routine with the device of the location above
//                   -> STATUS_MORE_PROCESSING_REQUIRED stops the walk; the routine's owner calls again later to go on
//                   -> at the top: an associated IRP counts down its master; others go to io_irp_finish
//   io_irp_finish   -> data to the issuer's buffer, status block, event, MDLs, file reference, the IRP itself
// Windows runs the last step as an APC in the issuer's thread; here the completing thread does it at once, in the same order:
// whoever waits for the event sees the status block and the data. Sources: [wdm/nf-wdm-iofcompleterequest],
// [windows-driver-docs kernel/completing-irps], [kernel/using-an-iocompletion-routine].
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/ex/pool.h"
#include "nt/io/io_int.h"
#include "verify/report.h"

static bool
routine_wanted(const IRP *irp, UCHAR control)
{
    if (__atomic_load_n(&irp->Cancel, __ATOMIC_RELAXED) && (control & SL_INVOKE_ON_CANCEL))
        return true;
    return control & (NT_SUCCESS(irp->IoStatus.Status) ? SL_INVOKE_ON_SUCCESS : SL_INVOKE_ON_ERROR);
}

// The location is used up: the next driver that gets this IRP must not see what was in it. Major, minor and parameters stay until the
// IRP goes, as drivers look at them in a debugger.
static void
location_clear(IO_STACK_LOCATION *stack)
{
    stack->MinorFunction = 0;
    stack->Flags = 0;
    stack->Control = 0;
    memset(&stack->Parameters, 0, sizeof(stack->Parameters));
    stack->FileObject = NULL;
    stack->CompletionRoutine = NULL;
    stack->Context = NULL;
}

// Returns false when the routine keeps the IRP: it must not be touched any more then.
static bool
routine_call(IRP *irp, IO_STACK_LOCATION *stack)
{
    IO_COMPLETION_ROUTINE *routine = stack->CompletionRoutine;
    void *context = stack->Context;
    // The routine belongs to the driver above, whose location is the current one now; above the top there is no device.
    DEVICE_OBJECT *device = irp->CurrentLocation <= irp->StackCount ? irp->Tail.Overlay.CurrentStackLocation->DeviceObject : NULL;
    struct io_image *image = device ? io_device_of(device)->image : NULL;
    location_clear(stack);
    sched_choice(sched_self->sched, SCHED_POINT_COMPLETE);
    struct ke_crossing before = io_cross(image, "IO_COMPLETION_ROUTINE");
    NTSTATUS status = routine(device, irp, context);
    io_cross_back(before);
    return status != STATUS_MORE_PROCESSING_REQUIRED;
}

static bool
walk_up(IRP *irp)
{
    struct verify_irp *watch = io_irp_watch(irp);
    while (irp->CurrentLocation <= irp->StackCount) {
        IO_STACK_LOCATION *stack = irp->Tail.Overlay.CurrentStackLocation;
        if (__builtin_expect(watch != NULL, 0))
            verify_irp_left(watch, irp, stack, irp->CurrentLocation);
        irp->CurrentLocation++;
        irp->Tail.Overlay.CurrentStackLocation++;
        irp->PendingReturned = (stack->Control & SL_PENDING_RETURNED) != 0;
        if (routine_wanted(irp, stack->Control)) {
            if (!routine_call(irp, stack))
                return false;
        } else {
            if (irp->PendingReturned && irp->CurrentLocation <= irp->StackCount)
                irp->Tail.Overlay.CurrentStackLocation->Control |= SL_PENDING_RETURNED;
            location_clear(stack);
        }
    }
    return true;
}

void
io_irp_mdls_free(IRP *irp)
{
    for (MDL *mdl = irp->MdlAddress, *next; mdl; mdl = next) {
        next = mdl->Next;
        if (mdl->MdlFlags & MDL_PAGES_LOCKED)
            MmUnlockPages(mdl);
        IoFreeMdl(mdl);
    }
    irp->MdlAddress = NULL;
}

// The master goes up when its last associated IRP has come back [wdm/nf-wdm-iomakeassociatedirp].
static void
associated_finish(IRP *irp)
{
    IRP *master = irp->AssociatedIrp.MasterIrp;
    io_irp_mdls_free(irp);
    io_irp_free(box_self(), irp);
    if (__atomic_sub_fetch(&master->AssociatedIrp.IrpCount, 1, __ATOMIC_ACQ_REL) == 0)
        io_irp_complete(master, IO_NO_INCREMENT);
}

void
io_irp_complete(IRP *irp, CCHAR boost)
{
    verify_irp_check_gone(box_self(), irp, NBX_0400, "IoCompleteRequest");
    if (irp->Type != IO_TYPE_IRP || irp->CurrentLocation > irp->StackCount + 1)
        verify_rule_fatal(NBX_0400, "IoCompleteRequest", "this IRP was completed before, or is none");
    if (irp->IoStatus.Status == STATUS_PENDING || irp->IoStatus.Status == -1)
        verify_rule_fatal(NBX_0404, "IoCompleteRequest",
                          irp->IoStatus.Status == -1 ? "IoStatus.Status is -1" : "IoStatus.Status is STATUS_PENDING");
    if (box_self()->verify)
        verify_irp_complete(io_irp_watch(irp), irp);
    const struct io *io = box_self()->io;
    if (__builtin_expect(io->watch_fn != NULL, 0) && irp->CurrentLocation <= irp->StackCount)
        io->watch_fn(io->watch_context, irp->Tail.Overlay.CurrentStackLocation->DeviceObject, irp, true);
    sched_choice(sched_self->sched, SCHED_POINT_COMPLETE);
    if (!walk_up(irp))
        return;
    if (irp->Flags & IRP_ASSOCIATED_IRP)
        associated_finish(irp);
    else
        io_irp_finish(irp);
}

static _Noreturn void
information_wrong(size_t bytes, size_t room)
{
    char text[160];
    snprintf(text, sizeof text, "IoStatus.Information is %zu, and the output buffer has %zu bytes", bytes, room);
    verify_rule_fatal(NBX_0405, "IoCompleteRequest", text);
}

static void
buffer_finish(struct box *box, IRP *irp)
{
    if (!(irp->Flags & IRP_BUFFERED_IO))
        return;
    if ((irp->Flags & IRP_INPUT_OPERATION) && !NT_ERROR(irp->IoStatus.Status) && irp->UserBuffer && irp->AssociatedIrp.SystemBuffer) {
        struct io_request_tail *tail = io_request_tail_of(irp);
        size_t bytes = irp->IoStatus.Information;
        if (bytes > tail->output_bytes)
            information_wrong(bytes, tail->output_bytes);
        memcpy(irp->UserBuffer, irp->AssociatedIrp.SystemBuffer, bytes);
    }
    if (irp->Flags & IRP_DEALLOCATE_BUFFER)
        ex_pool_free(box, irp->AssociatedIrp.SystemBuffer, 0);
    irp->AssociatedIrp.SystemBuffer = NULL;
}

void
io_irp_finish(IRP *irp)
{
    struct box *box = box_self();
    if (!(irp->AllocationFlags & IO_THREADED))
        verify_rule_fatal(NBX_0407, "IoCompleteRequest",
                          "an IRP reached the top of its stack, but its maker must take it back in a completion routine (IoAllocateIrp, "
                          "IoBuildAsynchronousFsdRequest) and return STATUS_MORE_PROCESSING_REQUIRED");
    IO_STATUS_BLOCK result = irp->IoStatus;
    KEVENT *event = irp->UserEvent;
    // An error that the dispatch routine returned at once is the caller's to see there: no status block, no event.
    bool is_told = !NT_ERROR(result.Status) || irp->PendingReturned || (irp->AllocationFlags & IO_ALWAYS_TOLD);
    buffer_finish(box, irp);
    io_irp_mdls_free(irp);
    struct io_request_tail tail = *io_request_tail_of(irp);
    KIRQL old = io_lock_take(box->io);
    list_remove(&io_request_tail_of(irp)->file_node);
    io_lock_drop(box->io, old);
    if (is_told && irp->UserIosb)
        *irp->UserIosb = result;
    if (irp->Flags & IRP_CREATE_OPERATION)
        free(irp->AssociatedIrp.SystemBuffer);
    FILE_OBJECT *file = irp->Tail.Overlay.OriginalFileObject;
    io_irp_free(box, irp);
    if (is_told && event)
        ke_event_set(event);
    // The file's own event is what the caller of a synchronous file waits for, whether or not he gave one of his own.
    if (is_told && tail.signals_file && (!event || (file->Flags & FO_SYNCHRONOUS_IO)))
        ke_event_set(&file->Event);
    if (tail.event_object)
        ob_unref(tail.event_object);
    if (tail.file_referenced)
        ob_unref(file);
}
