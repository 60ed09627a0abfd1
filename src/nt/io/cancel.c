// SPDX-License-Identifier: MIT
// Cancelling. One lock per box decides between a canceller and a completer:
//   canceller (IoCancelIrp): lock, Cancel = TRUE, take the routine out; with one: enter it, lock held, and it drops the lock
//   completer: takes the routine out with IoSetCancelRoutine(NULL); who gets it completes the IRP, the other keeps off
// Sources: [wdm/nf-wdm-iocancelirp], [windows-driver-docs kernel/synchronizing-irp-cancellation].
#include "nt/io/io_int.h"

#define BUGCODE_CANCEL_STATE_IN_COMPLETED_IRP 0x48

void
io_cancel_lock_take(struct box *box, KIRQL *old)
{
    *old = ke_lock_take(&box->io->cancel);
}

void
io_cancel_lock_drop(struct box *box, KIRQL old)
{
    ke_lock_drop(&box->io->cancel, old);
}

BOOLEAN
io_irp_cancel(IRP *irp)
{
    struct box *box = box_self();
    KIRQL old;
    io_cancel_lock_take(box, &old);
    __atomic_store_n(&irp->Cancel, TRUE, __ATOMIC_RELAXED);   // a completer may be looking: either answer is right
    DRIVER_CANCEL *routine = (DRIVER_CANCEL *)__atomic_exchange_n(&irp->CancelRoutine, NULL, __ATOMIC_ACQ_REL);
    if (!routine) {
        io_cancel_lock_drop(box, old);
        return FALSE;
    }
    if (irp->CurrentLocation > irp->StackCount + 1)
        ke_bugcheck(BUGCODE_CANCEL_STATE_IN_COMPLETED_IRP, (uintptr_t)irp, (uintptr_t)routine, 0, 0);
    DEVICE_OBJECT *device = irp->CurrentLocation <= irp->StackCount ? irp->Tail.Overlay.CurrentStackLocation->DeviceObject : NULL;
    irp->CancelIrql = old;
    struct ke_crossing before = io_cross(device ? io_device_of(device)->image : ke_self()->driver, NULL);
    routine(device, irp);
    io_cross_back(before);
    return TRUE;
}
