// SPDX-License-Identifier: MIT
// Front doors of IRPs: memory, calling down, completing, cancelling. Building requests is ddi_build.c.
#include <stdlib.h>

#include "nt/ex/fault.h"
#include "nt/io/io_int.h"
#include "verify/verify.h"

NTAPI PIRP
IoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota)
{
    VERIFY_ENTER(IoAllocateIrp);
    if (EX_FAULT())
        return NULL;
    IRP *irp = io_irp_alloc(box_self(), StackSize);
    VERIFY_LEAVE(IoAllocateIrp);
    return irp;
}

NTAPI PIRP
IoAllocateIrpEx(PDEVICE_OBJECT DeviceObject, CCHAR StackSize, BOOLEAN ChargeQuota)
{
    VERIFY_ENTER(IoAllocateIrpEx);
    if (EX_FAULT())
        return NULL;
    IRP *irp = io_irp_alloc(box_self(), StackSize);
    VERIFY_LEAVE(IoAllocateIrpEx);
    return irp;
}

NTAPI VOID
IoFreeIrp(PIRP Irp)
{
    VERIFY_ENTER(IoFreeIrp);
    verify_irp_check_gone(box_self(), Irp, NBX_0408, "IoFreeIrp");
    verify_irp_free(io_irp_watch(Irp), Irp, "IoFreeIrp");
    io_irp_free(box_self(), Irp);
    VERIFY_LEAVE(IoFreeIrp);
}

NTAPI VOID
IoInitializeIrp(PIRP Irp, USHORT PacketSize, CCHAR StackSize)
{
    VERIFY_ENTER(IoInitializeIrp);
    io_irp_init(Irp, PacketSize, StackSize);
    VERIFY_LEAVE(IoInitializeIrp);
}

NTAPI VOID
IoInitializeIrpEx(PIRP Irp, PDEVICE_OBJECT DeviceObject, USHORT PacketSize, CCHAR StackSize)
{
    VERIFY_ENTER(IoInitializeIrpEx);
    io_irp_init(Irp, PacketSize, StackSize);
    VERIFY_LEAVE(IoInitializeIrpEx);
}

NTAPI VOID
IoReuseIrp(PIRP Irp, NTSTATUS Iostatus)
{
    VERIFY_ENTER(IoReuseIrp);
    verify_irp_check_gone(box_self(), Irp, NBX_0408, "IoReuseIrp");
    verify_irp_free(io_irp_watch(Irp), Irp, "IoReuseIrp");
    io_irp_reuse(Irp, Iostatus);
    VERIFY_LEAVE(IoReuseIrp);
}

NTAPI PIRP
IoMakeAssociatedIrp(PIRP Irp, CCHAR StackSize)
{
    VERIFY_ENTER(IoMakeAssociatedIrp);
    IRP *associated = io_irp_alloc(box_self(), StackSize);
    if (associated) {
        associated->Flags |= IRP_ASSOCIATED_IRP;
        associated->AssociatedIrp.MasterIrp = Irp;
        associated->Tail.Overlay.Thread = Irp->Tail.Overlay.Thread;
    }
    VERIFY_LEAVE(IoMakeAssociatedIrp);
    return associated;
}

NTAPI NTSTATUS
IofCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    VERIFY_ENTER(IofCallDriver);
    NTSTATUS status = io_irp_call(DeviceObject, Irp);
    VERIFY_LEAVE(IofCallDriver);
    return status;
}

NTAPI VOID
IofCompleteRequest(PIRP Irp, CCHAR PriorityBoost)
{
    VERIFY_ENTER(IofCompleteRequest);
    io_irp_complete(Irp, PriorityBoost);
    VERIFY_LEAVE(IofCompleteRequest);
}

NTAPI BOOLEAN
IoCancelIrp(PIRP Irp)
{
    VERIFY_ENTER(IoCancelIrp);
    BOOLEAN had_routine = io_irp_cancel(Irp);
    VERIFY_LEAVE(IoCancelIrp);
    return had_routine;
}

NTAPI VOID
IoAcquireCancelSpinLock(PKIRQL Irql)
{
    VERIFY_ENTER(IoAcquireCancelSpinLock);
    io_cancel_lock_take(box_self(), Irql);
    VERIFY_LEAVE(IoAcquireCancelSpinLock);
}

NTAPI VOID
IoReleaseCancelSpinLock(KIRQL Irql)
{
    VERIFY_ENTER(IoReleaseCancelSpinLock);
    io_cancel_lock_drop(box_self(), Irql);
    VERIFY_LEAVE(IoReleaseCancelSpinLock);
}

struct guarded_completion {
    IO_COMPLETION_ROUTINE *routine;
    void *context;
    DEVICE_OBJECT *device;
};

// Keeps the device, and so its image, until the routine has returned [wdm/nf-wdm-iosetcompletionroutineex].
static NTAPI NTSTATUS
guarded_complete(DEVICE_OBJECT *device, IRP *irp, void *context)
{
    struct guarded_completion guard = *(struct guarded_completion *)context;
    struct io_image *image = io_device_of(guard.device)->image;
    free(context);
    NTSTATUS status = guard.routine(device, irp, guard.context);
    ob_unref(guard.device);
    if (image)
        io_image_unref(image);
    return status;
}

NTAPI NTSTATUS
IoSetCompletionRoutineEx(PDEVICE_OBJECT DeviceObject, PIRP Irp, PIO_COMPLETION_ROUTINE CompletionRoutine, PVOID Context,
                         BOOLEAN InvokeOnSuccess, BOOLEAN InvokeOnError, BOOLEAN InvokeOnCancel)
{
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
    VERIFY_ENTER(IoSetCompletionRoutineEx);
    // All three must be wanted, or the guard could be lost with the IRP [wdm/nf-wdm-iosetcompletionroutineex].
    struct guarded_completion *guard = malloc(sizeof(*guard));
    if (guard) {
        *guard = (struct guarded_completion){CompletionRoutine, Context, DeviceObject};
        ob_ref(DeviceObject);
        if (io_device_of(DeviceObject)->image)
            io_image_ref(io_device_of(DeviceObject)->image);
        IoSetCompletionRoutine(Irp, guarded_complete, guard, InvokeOnSuccess, InvokeOnError, InvokeOnCancel);
        status = STATUS_SUCCESS;
    }
    VERIFY_LEAVE(IoSetCompletionRoutineEx);
    return status;
}

static NTAPI NTSTATUS
forward_complete(DEVICE_OBJECT *device, IRP *irp, void *context)
{
    if (irp->PendingReturned)
        ke_event_set(context);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

NTAPI BOOLEAN
IoForwardIrpSynchronously(PDEVICE_OBJECT DeviceObject, PIRP Irp)
{
    KEVENT event;
    void *waitable = &event;
    VERIFY_ENTER(IoForwardIrpSynchronously);
    if (Irp->CurrentLocation <= 1) {
        VERIFY_LEAVE(IoForwardIrpSynchronously);
        return FALSE;
    }
    ke_header_init(&event.Header, KE_OBJECT_EVENT_NOTIFICATION, 0);
    IoCopyCurrentIrpStackLocationToNext(Irp);
    IoSetCompletionRoutine(Irp, forward_complete, &event, TRUE, TRUE, TRUE);
    if (io_irp_call(DeviceObject, Irp) == STATUS_PENDING)
        ke_wait(box_self(), 1, &waitable, false, SCHED_NEVER);
    VERIFY_LEAVE(IoForwardIrpSynchronously);
    return TRUE;
}

NTAPI PEPROCESS
IoGetRequestorProcess(PIRP Irp)
{
    VERIFY_ENTER(IoGetRequestorProcess);
    PEPROCESS process = Irp->Tail.Overlay.Thread ? IoGetCurrentProcess() : NULL;
    VERIFY_LEAVE(IoGetRequestorProcess);
    return process;
}

// Every thread of a box belongs to the one process that PsGetCurrentProcessId names.
NTAPI ULONG
IoGetRequestorProcessId(PIRP Irp)
{
    VERIFY_ENTER(IoGetRequestorProcessId);
    ULONG id = Irp->Tail.Overlay.Thread ? (ULONG)(ULONG_PTR)PsGetCurrentProcessId() : 0;
    VERIFY_LEAVE(IoGetRequestorProcessId);
    return id;
}

NTAPI BOOLEAN
IoIs32bitProcess(PIRP Irp)
{
    VERIFY_ENTER(IoIs32bitProcess);
    VERIFY_LEAVE(IoIs32bitProcess);
    return FALSE;
}

NTAPI BOOLEAN
IoIsOperationSynchronous(PIRP Irp)
{
    VERIFY_ENTER(IoIsOperationSynchronous);
    const FILE_OBJECT *file = IoGetCurrentIrpStackLocation(Irp)->FileObject;
    BOOLEAN is_synchronous =
        (Irp->Flags & (IRP_SYNCHRONOUS_API | IRP_SYNCHRONOUS_PAGING_IO)) || (file && (file->Flags & FO_SYNCHRONOUS_IO));
    VERIFY_LEAVE(IoIsOperationSynchronous);
    return is_synchronous;
}

NTAPI VOID
IoGetStackLimits(PULONG_PTR LowLimit, PULONG_PTR HighLimit)
{
    VERIFY_ENTER(IoGetStackLimits);
    *LowLimit = (ULONG_PTR)sched_self->stack_low;
    *HighLimit = (ULONG_PTR)sched_self->stack_high;
    VERIFY_LEAVE(IoGetStackLimits);
}
