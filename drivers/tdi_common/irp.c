// SPDX-License-Identifier: MIT
// Pended IRPs, and who completes them.
//   pend    -> mark pending, a reference on the endpoint, cancel routine; cancelled before: straight to the done list
//   finish  -> out of its place; with the cancel routine in hand: to the done list, which the pump completes
//              without it: an orphan, completed by its cancel routine, which is on its way, with the status that was decided
//   cancel  -> the cancel routine: an orphan is completed; any other is taken out with STATUS_CANCELLED and what follows from it: a
//              connection attempt, an acceptance or a send that has begun ends the connection, the rest ends alone
// A send that is below cannot just be completed: its bytes are in use until they are given back. Datagrams that are being sent have no
// cancel routine: a transport gives them back without waiting for anybody.
#include "tdic_int.h"

static DRIVER_CANCEL cancel_routine;

NTSTATUS
tdic_complete(PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    IoCompleteRequest(irp, IO_NETWORK_INCREMENT);
    return status;
}

static VOID
where_set(PIRP irp, enum tdic_where where)
{
    irp->Tail.Overlay.DriverContext[1] = (PVOID)(ULONG_PTR)where;
}

// FALSE: it was cancelled before the routine was set, and nobody else will complete it.
static BOOLEAN
pend(PVOID owner, PIRP irp, enum tdic_where where)
{
    irp->Tail.Overlay.DriverContext[0] = owner;
    where_set(irp, where);
    IoMarkIrpPending(irp);
    IoSetCancelRoutine(irp, cancel_routine);
    return !irp->Cancel || !IoSetCancelRoutine(irp, NULL);
}

BOOLEAN
tdic_pend_locked(struct tdic_endpoint *endpoint, PIRP irp, enum tdic_where where)
{
    tdic_endpoint_ref(endpoint);
    if (pend(endpoint, irp, where))
        return TRUE;
    tdic_done_locked(endpoint, irp, STATUS_CANCELLED, 0);
    return FALSE;
}

BOOLEAN
tdic_address_pend_locked(struct tdic_address *address, PIRP irp, enum tdic_where where)
{
    tdic_address_ref(address);
    if (pend(address, irp, where))
        return TRUE;
    tdic_address_unref(address);
    return FALSE;
}

VOID
tdic_done_locked(struct tdic_endpoint *endpoint, PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    where_set(irp, TDIC_AT_NOTHING);
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
    InsertTailList(&endpoint->done, &irp->Tail.Overlay.ListEntry);
}

VOID
tdic_done_opening_locked(struct tdic_endpoint *endpoint, PIRP irp, NTSTATUS status)
{
    tdic_done_locked(endpoint, irp, status, 0);
    if (!endpoint->is_ending)
        return;
    RemoveEntryList(&irp->Tail.Overlay.ListEntry);
    InsertTailList(&endpoint->late, &irp->Tail.Overlay.ListEntry);
}

// Out of whatever it is in; the tx of a send stays where it is.
static VOID
unlink(struct tdic_endpoint *endpoint, PIRP irp)
{
    switch (tdic_where_of(irp)) {
    case TDIC_AT_OPENING:
        endpoint->opening = NULL;
        break;
    case TDIC_AT_RELEASE:
        endpoint->release = NULL;
        break;
    case TDIC_AT_ABORTS:
    case TDIC_AT_RECEIVES:
    case TDIC_AT_DATAGRAMS:
        RemoveEntryList(&irp->Tail.Overlay.ListEntry);
        break;
    default:
        break;
    }
}

BOOLEAN
tdic_take_locked(PIRP irp)
{
    struct tdic_endpoint *endpoint = irp->Tail.Overlay.DriverContext[0];
    BOOLEAN is_mine = IoSetCancelRoutine(irp, NULL) != NULL;
    unlink(endpoint, irp);
    irp->IoStatus.Status = STATUS_CANCELLED;
    irp->IoStatus.Information = 0;
    where_set(irp, is_mine ? TDIC_AT_NOTHING : TDIC_AT_ORPHAN);
    return is_mine;
}

VOID
tdic_finish_locked(struct tdic_endpoint *endpoint, PIRP irp, NTSTATUS status, ULONG_PTR information)
{
    if (tdic_take_locked(irp)) {
        tdic_done_locked(endpoint, irp, status, information);
        return;
    }
    irp->IoStatus.Status = status;
    irp->IoStatus.Information = information;
}

// --- cancelling ------------------------------------------------------------------------------------------------------------------

static VOID
send_cancelled_locked(struct tdic_endpoint *endpoint, PIRP irp)
{
    struct tdic_tx *tx = irp->Tail.Overlay.DriverContext[2];
    tx->is_cancelled = TRUE;
    if (tx->is_below) {
        endpoint->want_cancel = TRUE;
        return;
    }
    RemoveEntryList(&tx->link);
    tdic_tx_free(endpoint->device, tx);
    tdic_done_locked(endpoint, irp, STATUS_CANCELLED, 0);
}

static VOID
endpoint_irp_cancelled(struct tdic_endpoint *endpoint, PIRP irp)
{
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    enum tdic_where where = tdic_where_of(irp);
    if (where == TDIC_AT_SEND) {
        send_cancelled_locked(endpoint, irp);
    } else if (where == TDIC_AT_ORPHAN) {
        tdic_done_locked(endpoint, irp, irp->IoStatus.Status, irp->IoStatus.Information);
    } else if (where == TDIC_AT_OPENING) {
        unlink(endpoint, irp);
        tdic_end_locked(endpoint, TDI_CONNECTION_ABORTED, TRUE);
        tdic_done_opening_locked(endpoint, irp, STATUS_CANCELLED);
    } else {
        unlink(endpoint, irp);
        tdic_done_locked(endpoint, irp, STATUS_CANCELLED, 0);
        if (where == TDIC_AT_RELEASE)
            tdic_release_early_locked(endpoint);
    }
    tdic_endpoint_ref(endpoint);
    tdic_drop_pump(endpoint, irql);
}

static VOID
address_irp_cancelled(struct tdic_address *address, PIRP irp)
{
    KIRQL irql;
    KeAcquireSpinLock(&address->lock, &irql);
    enum tdic_where where = tdic_where_of(irp);
    if (where == TDIC_AT_DATAGRAMS) {
        RemoveEntryList(&irp->Tail.Overlay.ListEntry);
        irp->IoStatus.Status = STATUS_CANCELLED;
        irp->IoStatus.Information = 0;
    }
    tdic_address_check_quiet_locked(address);
    KeReleaseSpinLock(&address->lock, irql);
    tdic_complete(irp, irp->IoStatus.Status, irp->IoStatus.Information);
    tdic_address_unref(address);
}

static VOID
cancel_routine(PDEVICE_OBJECT device, PIRP irp)
{
    PVOID owner = irp->Tail.Overlay.DriverContext[0];
    IoReleaseCancelSpinLock(irp->CancelIrql);
    if ((ULONG_PTR)IoGetCurrentIrpStackLocation(irp)->FileObject->FsContext2 == TDI_CONNECTION_FILE)
        endpoint_irp_cancelled(owner, irp);
    else
        address_irp_cancelled(owner, irp);
}

// --- the endpoint's timer --------------------------------------------------------------------------------------------------------

VOID
tdic_timer_set_locked(struct tdic_endpoint *endpoint, LONGLONG relative_100ns)
{
    LARGE_INTEGER due = {.QuadPart = relative_100ns < 0 ? relative_100ns : -1};
    endpoint->timer_due = (LONGLONG)KeQueryInterruptTime() - due.QuadPart;
    KeSetTimer(&endpoint->timer, due, &endpoint->timer_dpc);
}

VOID
tdic_timer_stop_locked(struct tdic_endpoint *endpoint)
{
    endpoint->timer_due = 0;
    KeCancelTimer(&endpoint->timer);
}

// A DPC of an earlier setting may still come: it finds that it is not due, and sets the timer again.
VOID
tdic_timer_expired(PKDPC dpc, PVOID context, PVOID unused1, PVOID unused2)
{
    struct tdic_endpoint *endpoint = context;
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    LARGE_INTEGER left = {.QuadPart = (LONGLONG)KeQueryInterruptTime() - endpoint->timer_due};
    if (!endpoint->timer_due || left.QuadPart < 0) {
        if (endpoint->timer_due)
            KeSetTimer(&endpoint->timer, left, &endpoint->timer_dpc);
        KeReleaseSpinLock(&endpoint->lock, irql);
        return;
    }
    endpoint->timer_due = 0;
    if (endpoint->opening) {
        tdic_end_locked(endpoint, TDI_TIMED_OUT, TRUE);
        tdic_count(&endpoint->device->statistics.SessionTimeouts);
    } else if (endpoint->release) {
        tdic_finish_locked(endpoint, endpoint->release, TDI_TIMED_OUT, 0);
        tdic_release_early_locked(endpoint);
    }
    tdic_endpoint_ref(endpoint);
    tdic_drop_pump(endpoint, irql);
}
