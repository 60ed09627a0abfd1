// SPDX-License-Identifier: MIT
// Cancel-safe IRP queues: the driver keeps the list and the lock, this decides who completes.
//   insert: mark pending, context, CsqInsertIrp, set the cancel routine; cancelled before that was set -> take it out again, complete
//   remove: CsqRemoveIrp after the cancel routine was taken out; who finds it gone leaves the IRP to the canceller
//   cancel: give the cancel lock back, take the queue's lock, CsqRemoveIrp, complete
// The IRP's DriverContext[3] points at the context, or at the queue without one [windows-driver-docs kernel/cancel-safe-irp-queues].
#include "nt/io/csq.h"

#include "nt/io/io_int.h"

static DRIVER_CANCEL csq_cancel;

static IO_CSQ *
csq_of(const IRP *irp)
{
    void *held = irp->Tail.Overlay.DriverContext[3];
    return *(ULONG *)held == IO_TYPE_CSQ_IRP_CONTEXT ? ((IO_CSQ_IRP_CONTEXT *)held)->Csq : held;
}

// The IRP leaves the queue: its context, if it has one, must not lead to it any more.
static void
context_cut(IRP *irp)
{
    void *held = irp->Tail.Overlay.DriverContext[3];
    if (held && *(ULONG *)held == IO_TYPE_CSQ_IRP_CONTEXT)
        ((IO_CSQ_IRP_CONTEXT *)held)->Irp = NULL;
    irp->Tail.Overlay.DriverContext[3] = NULL;
}

static NTAPI VOID
csq_cancel(DEVICE_OBJECT *device, IRP *irp)
{
    KIRQL irql;
    io_cancel_lock_drop(box_self(), irp->CancelIrql);
    IO_CSQ *csq = csq_of(irp);
    csq->CsqAcquireLock(csq, &irql);
    csq->CsqRemoveIrp(csq, irp);
    context_cut(irp);
    csq->CsqReleaseLock(csq, irql);
    csq->CsqCompleteCanceledIrp(csq, irp);
}

void
io_csq_init(IO_CSQ *csq, ULONG type, void *insert, IO_CSQ_REMOVE_IRP *remove, IO_CSQ_PEEK_NEXT_IRP *peek, IO_CSQ_ACQUIRE_LOCK *acquire,
            IO_CSQ_RELEASE_LOCK *release, IO_CSQ_COMPLETE_CANCELED_IRP *complete)
{
    *csq = (IO_CSQ){.Type = type, .CsqInsertIrp = (IO_CSQ_INSERT_IRP *)insert, .CsqRemoveIrp = remove, .CsqPeekNextIrp = peek,
                    .CsqAcquireLock = acquire, .CsqReleaseLock = release, .CsqCompleteCanceledIrp = complete};
}

NTSTATUS
io_csq_insert(IO_CSQ *csq, IRP *irp, IO_CSQ_IRP_CONTEXT *context, void *insert_context)
{
    KIRQL irql;
    NTSTATUS status = STATUS_SUCCESS;
    irp->Tail.Overlay.DriverContext[3] = context ? (void *)context : csq;
    if (context)
        *context = (IO_CSQ_IRP_CONTEXT){.Type = IO_TYPE_CSQ_IRP_CONTEXT, .Irp = irp, .Csq = csq};
    csq->CsqAcquireLock(csq, &irql);
    if (csq->Type == IO_TYPE_CSQ_EX)
        status = ((IO_CSQ_INSERT_IRP_EX *)(void *)csq->CsqInsertIrp)(csq, irp, insert_context);
    else
        csq->CsqInsertIrp(csq, irp);
    if (!NT_SUCCESS(status)) {
        context_cut(irp);
        csq->CsqReleaseLock(csq, irql);
        return status;
    }
    IoMarkIrpPending(irp);
    IoSetCancelRoutine(irp, csq_cancel);
    // Cancelled before the routine was there: nobody else will complete it, unless a canceller takes the routine right now.
    if (__atomic_load_n(&irp->Cancel, __ATOMIC_ACQUIRE) && IoSetCancelRoutine(irp, NULL)) {
        csq->CsqRemoveIrp(csq, irp);
        context_cut(irp);
        csq->CsqReleaseLock(csq, irql);
        csq->CsqCompleteCanceledIrp(csq, irp);
        return status;
    }
    csq->CsqReleaseLock(csq, irql);
    return status;
}

IRP *
io_csq_remove(IO_CSQ *csq, IO_CSQ_IRP_CONTEXT *context)
{
    KIRQL irql;
    csq->CsqAcquireLock(csq, &irql);
    IRP *irp = context->Irp;
    if (irp && !IoSetCancelRoutine(irp, NULL))
        irp = NULL;   // a canceller is on its way
    if (irp) {
        csq->CsqRemoveIrp(csq, irp);
        context_cut(irp);
    }
    csq->CsqReleaseLock(csq, irql);
    return irp;
}

IRP *
io_csq_remove_next(IO_CSQ *csq, void *peek_context)
{
    KIRQL irql;
    csq->CsqAcquireLock(csq, &irql);
    IRP *irp = csq->CsqPeekNextIrp(csq, NULL, peek_context);
    while (irp && !IoSetCancelRoutine(irp, NULL))
        irp = csq->CsqPeekNextIrp(csq, irp, peek_context);
    if (irp) {
        csq->CsqRemoveIrp(csq, irp);
        context_cut(irp);
    }
    csq->CsqReleaseLock(csq, irql);
    return irp;
}
