// SPDX-License-Identifier: MIT
// TDI_DISCONNECT, and every other end of a connection. The table of what happens while what stands in README.md.
//   RELEASE      after the sends that were made: ops->release; completes when both directions are over (tdic_up_finished has been
//                delivered, tdic_up_released has come), or by time-out or cancel, which leave the connection half closed
//   ABORT, 0     ops->abort; everything that is pended comes back; completes when the transport has given the sends back
//   offer        ops->refuse, whatever the flags
//   tdic_up_gone everything comes back with its status, then ClientEventDisconnect(ABORT), the last event
// Source: [TDI_DISCONNECT page]; what it leaves open is decided in the table.
#include "tdic_int.h"

#define FLAGS (TDI_DISCONNECT_WAIT | TDI_DISCONNECT_ABORT | TDI_DISCONNECT_RELEASE)

// --- the request -----------------------------------------------------------------------------------------------------------------

static VOID
blob_move(struct tdic_blob *to, struct tdic_blob *from)
{
    tdic_blob_free(to);
    *to = *from;
    *from = (struct tdic_blob){0};
}

// locks: endpoint->lock
static NTSTATUS
release_locked(struct tdic_endpoint *endpoint, PIRP irp, struct tdic_blob *out, LONGLONG timeout)
{
    if (endpoint->release)
        return TDI_INVALID_CONNECTION;
    if (!tdic_pend_locked(endpoint, irp, TDIC_AT_RELEASE))
        return STATUS_PENDING;
    endpoint->release = irp;
    tdic_timer_set_locked(endpoint, timeout);
    if (!endpoint->is_released) {
        endpoint->is_released = TRUE;
        endpoint->want_release = TRUE;
        blob_move(&endpoint->out, out);
        tdic_count(&endpoint->device->statistics.LocalDisconnects);
    }
    return STATUS_PENDING;
}

static NTSTATUS
abort_locked(struct tdic_endpoint *endpoint, PIRP irp, struct tdic_blob *out)
{
    if (!tdic_pend_locked(endpoint, irp, TDIC_AT_ABORTS))
        return STATUS_PENDING;
    InsertTailList(&endpoint->aborts, &irp->Tail.Overlay.ListEntry);
    if (!endpoint->is_ending) {
        blob_move(&endpoint->out, out);
        tdic_count(&endpoint->device->statistics.LocalDisconnects);
    }
    tdic_end_locked(endpoint, TDI_CONNECTION_ABORTED, TRUE);
    return STATUS_PENDING;
}

NTSTATUS
tdic_unable_locked(struct tdic_endpoint *endpoint)
{
    if (endpoint->is_closing)
        return STATUS_CANCELLED;
    if (endpoint->is_ending) {
        endpoint->untold = STATUS_SUCCESS;   // told with this
        return endpoint->end_status;
    }
    if (endpoint->state == TDIC_OPEN)
        return STATUS_SUCCESS;
    NTSTATUS untold = endpoint->untold;
    endpoint->untold = STATUS_SUCCESS;
    return untold ? untold : TDI_INVALID_CONNECTION;
}

static NTSTATUS
disconnect_locked(struct tdic_endpoint *endpoint, PIRP irp, struct tdic_blob *out, ULONG_PTR flags, LONGLONG timeout)
{
    BOOLEAN is_orderly = (flags & TDI_DISCONNECT_RELEASE) && !(flags & TDI_DISCONNECT_ABORT) && endpoint->device->ops->release;
    if (endpoint->is_closing)
        return STATUS_CANCELLED;
    if (endpoint->state == TDIC_IDLE && !endpoint->is_ending)
        return tdic_unable_locked(endpoint);
    if (is_orderly && endpoint->state == TDIC_OPEN)   // of one that is just ending nothing is orderly any more
        return endpoint->is_ending ? tdic_unable_locked(endpoint) : release_locked(endpoint, irp, out, timeout);
    return abort_locked(endpoint, irp, out);
}

NTSTATUS
tdic_disconnect(struct tdic_endpoint *endpoint, PIRP irp)
{
    TDI_REQUEST_KERNEL_DISCONNECT *request = (TDI_REQUEST_KERNEL_DISCONNECT *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
    struct tdic_blob out = {0};
    LONGLONG timeout;
    BOOLEAN is_set;
    KIRQL irql;
    if (request->RequestFlags & ~(ULONG_PTR)FLAGS)
        return STATUS_INVALID_PARAMETER;
    NTSTATUS status = tdic_timeout(request->RequestSpecific, &timeout, &is_set);
    if (status == STATUS_SUCCESS)
        status = tdic_blob_capture(endpoint->device, request->RequestConnectionInformation, &out);
    if (status != STATUS_SUCCESS)
        return status;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    status = disconnect_locked(endpoint, irp, &out, request->RequestFlags, is_set ? timeout : -TDIC_DISCONNECT_100NS);
    tdic_endpoint_ref(endpoint);
    tdic_drop_pump(endpoint, irql);
    tdic_blob_free(&out);
    return status;
}

// --- the end ---------------------------------------------------------------------------------------------------------------------

VOID
tdic_fail_receives_locked(struct tdic_endpoint *endpoint, NTSTATUS status)
{
    while (!IsListEmpty(&endpoint->receives))
        tdic_finish_locked(endpoint, CONTAINING_RECORD(endpoint->receives.Flink, IRP, Tail.Overlay.ListEntry), status, 0);
}

static VOID
fail_waiting_locked(struct tdic_endpoint *endpoint, NTSTATUS status)
{
    while (!IsListEmpty(&endpoint->waiting)) {
        struct tdic_tx *tx = CONTAINING_RECORD(RemoveHeadList(&endpoint->waiting), struct tdic_tx, link);
        PIRP irp = tx->irp;
        tdic_tx_free(endpoint->device, tx);
        tdic_finish_locked(endpoint, irp, status, 0);
    }
}

static VOID
finish_opening_locked(struct tdic_endpoint *endpoint, NTSTATUS status)
{
    PIRP irp = endpoint->opening;
    if (tdic_take_locked(irp))
        tdic_done_opening_locked(endpoint, irp, status);
    else
        irp->IoStatus.Status = status;   // its cancel routine completes it
}

// Was there anybody to tell how it ended?
static BOOLEAN
is_told_locked(const struct tdic_endpoint *endpoint)
{
    return endpoint->opening || endpoint->release || !IsListEmpty(&endpoint->receives) || !IsListEmpty(&endpoint->waiting) ||
           !IsListEmpty(&endpoint->below);
}

VOID
tdic_end_locked(struct tdic_endpoint *endpoint, NTSTATUS status, BOOLEAN is_local)
{
    if (endpoint->is_ending || (endpoint->state == TDIC_IDLE && !endpoint->want_disassociate))
        return;
    endpoint->is_ending = TRUE;
    endpoint->end_status = status;
    endpoint->untold = is_local || is_told_locked(endpoint) ? STATUS_SUCCESS : status;
    endpoint->want_abort_event = !is_local && endpoint->state == TDIC_OPEN;
    if (endpoint->state == TDIC_LISTENING)
        endpoint->want_list = TRUE;
    if (is_local && endpoint->connection) {
        endpoint->want_refuse = endpoint->state == TDIC_OFFERED || endpoint->want_accept;
        endpoint->want_abort = !endpoint->want_refuse;
    }
    endpoint->want_connect = endpoint->want_accept = endpoint->want_release = endpoint->want_fin_event = FALSE;
    endpoint->want_relisten = FALSE;
    tdic_timer_stop_locked(endpoint);
    if (endpoint->opening)
        finish_opening_locked(endpoint, status);
    if (endpoint->release)
        tdic_finish_locked(endpoint, endpoint->release, status, 0);
    tdic_fail_receives_locked(endpoint, status);
    fail_waiting_locked(endpoint, status);
}

// What a disconnect that has come to its end returns of the peer's.
static VOID
disconnect_return(struct tdic_endpoint *endpoint, PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    if (stack->MinorFunction == TDI_DISCONNECT)
        tdic_return_info(((TDI_REQUEST_KERNEL_DISCONNECT *)&stack->Parameters)->ReturnConnectionInformation, NULL, 0, &endpoint->in);
}

static VOID
discard(struct tdic_endpoint *endpoint, LIST_ENTRY *list, KIRQL *irql)
{
    while (!IsListEmpty(list)) {
        struct tdic_rx *rx = CONTAINING_RECORD(RemoveHeadList(list), struct tdic_rx, link);
        struct tdic_connection *connection = endpoint->connection;
        KeReleaseSpinLock(&endpoint->lock, *irql);
        tdic_rx_give_back(connection, rx, FALSE);
        KeAcquireSpinLock(&endpoint->lock, irql);
    }
}

VOID
tdic_part(struct tdic_endpoint *endpoint, enum tdic_state next, KIRQL *irql)
{
    struct tdic_connection *connection = endpoint->connection;
    BOOLEAN was_open = endpoint->state == TDIC_OPEN;
    endpoint->state = next;
    endpoint->connection = NULL;
    KeAcquireSpinLockAtDpcLevel(&connection->lock);
    connection->endpoint = NULL;
    KeReleaseSpinLockFromDpcLevel(&connection->lock);
    KeReleaseSpinLock(&endpoint->lock, *irql);
    if (was_open)
        InterlockedDecrement((LONG *)&endpoint->device->statistics.OpenConnections);
    endpoint->device->ops->part(connection);
    tdic_connection_unref(connection);
    tdic_endpoint_unref(endpoint);   // the connection's; the pump's caller has one
    KeAcquireSpinLock(&endpoint->lock, irql);
}

static VOID
disassociate_now(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    struct tdic_address *address = endpoint->address;
    KeReleaseSpinLock(&endpoint->lock, *irql);
    if (address) {
        KeAcquireSpinLock(&address->lock, irql);
        KeAcquireSpinLockAtDpcLevel(&endpoint->lock);
        if (endpoint->is_listed)
            RemoveEntryList(&endpoint->listen_link);
        endpoint->is_listed = FALSE;
        RemoveEntryList(&endpoint->address_link);
        endpoint->address = NULL;
        KeReleaseSpinLockFromDpcLevel(&endpoint->lock);
        tdic_address_check_quiet_locked(address);
        KeReleaseSpinLock(&address->lock, *irql);
        tdic_address_unref(address);
    }
    KeAcquireSpinLock(&endpoint->lock, irql);
}

// ClientEventDisconnect. It is the last event of a connection, so it is sent once.
static VOID
event_now(struct tdic_endpoint *endpoint, ULONG flags, KIRQL *irql)
{
    struct tdic_address *address = endpoint->address;
    CONNECTION_CONTEXT context = endpoint->context;
    PVOID handler, event_context;
    endpoint->is_event_sent = TRUE;
    if (!address)
        return;
    tdic_address_ref(address);
    // Out of the endpoint while the handler reads it: the transport may say something newer meanwhile.
    struct tdic_blob told = endpoint->in;
    struct tdic_info info = tdic_blob_info(&told);
    endpoint->in = (struct tdic_blob){0};
    KeReleaseSpinLock(&endpoint->lock, *irql);
    BOOLEAN is_there = tdic_event_get(address, TDI_EVENT_DISCONNECT, &handler, &event_context);
    if (is_there) {
        (void)TDIC_CALL("ClientEventDisconnect", TDI_IND_DISCONNECT, handler, event_context, context, (LONG)info.data_bytes,
                        (PVOID)info.data, (LONG)info.options_bytes, (PVOID)info.options, flags);
        tdic_event_put(address);
    }
    tdic_address_unref(address);
    KeAcquireSpinLock(&endpoint->lock, irql);
    if (endpoint->in.block)
        tdic_blob_free(&told);
    else
        endpoint->in = told;
    if (is_there)
        endpoint->untold = STATUS_SUCCESS;
}

// Its completion would have said that the peer has finished, too. Now that is the event's to say.
VOID
tdic_release_early_locked(struct tdic_endpoint *endpoint)
{
    tdic_timer_stop_locked(endpoint);
    if (endpoint->is_fin_told && !endpoint->is_ending)
        endpoint->want_fin_event = TRUE;
}

static BOOLEAN
end_step(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    struct tdic_connection *connection = endpoint->connection;
    if (endpoint->want_abort || endpoint->want_refuse) {
        BOOLEAN is_refusal = endpoint->want_refuse;
        struct tdic_blob out = tdic_blob_take(&endpoint->out);
        struct tdic_info info = tdic_blob_info(&out);
        endpoint->want_abort = endpoint->want_refuse = FALSE;
        KeReleaseSpinLock(&endpoint->lock, *irql);
        (is_refusal ? endpoint->device->ops->refuse : endpoint->device->ops->abort)(connection, &info);
        tdic_blob_free(&out);
        KeAcquireSpinLock(&endpoint->lock, irql);
        return TRUE;
    }
    if (!IsListEmpty(&endpoint->below))
        return FALSE;   // the transport still has bytes of the client
    discard(endpoint, &endpoint->rx, irql);
    discard(endpoint, &endpoint->rx_expedited, irql);
    BOOLEAN with_event = endpoint->want_abort_event && !endpoint->is_event_sent;
    endpoint->want_abort_event = FALSE;
    if (connection)
        tdic_part(endpoint, TDIC_IDLE, irql);
    if (endpoint->want_disassociate) {
        disassociate_now(endpoint, irql);
        endpoint->want_disassociate = FALSE;
    }
    endpoint->state = TDIC_IDLE;
    endpoint->is_ending = FALSE;
    while (!IsListEmpty(&endpoint->late))
        InsertTailList(&endpoint->done, RemoveHeadList(&endpoint->late));
    while (!IsListEmpty(&endpoint->aborts)) {
        PIRP irp = CONTAINING_RECORD(endpoint->aborts.Flink, IRP, Tail.Overlay.ListEntry);
        disconnect_return(endpoint, irp);
        tdic_finish_locked(endpoint, irp, STATUS_SUCCESS, 0);
    }
    if (with_event)
        event_now(endpoint, TDI_DISCONNECT_ABORT, irql);   // idle already: the handler may use the endpoint again
    return TRUE;
}

// Both directions are over: the connection is closed from the client's point of view, and the endpoint can be used again.
static VOID
close_now(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    PIRP irp = endpoint->release;
    tdic_timer_stop_locked(endpoint);
    if (irp && tdic_take_locked(irp)) {
        disconnect_return(endpoint, irp);
        tdic_done_locked(endpoint, irp, STATUS_SUCCESS, 0);
    }
    tdic_part(endpoint, TDIC_IDLE, irql);
}

BOOLEAN
tdic_step_disconnect(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    if (endpoint->is_ending)
        return end_step(endpoint, irql);
    if (endpoint->state != TDIC_OPEN)
        return FALSE;
    if (endpoint->want_release && IsListEmpty(&endpoint->waiting)) {
        struct tdic_connection *connection = endpoint->connection;
        struct tdic_blob out = tdic_blob_take(&endpoint->out);
        struct tdic_info info = tdic_blob_info(&out);
        endpoint->want_release = FALSE;
        KeReleaseSpinLock(&endpoint->lock, *irql);
        endpoint->device->ops->release(connection, &info);
        tdic_blob_free(&out);
        KeAcquireSpinLock(&endpoint->lock, irql);
        return TRUE;
    }
    if (endpoint->is_fin_seen && !endpoint->is_fin_told && IsListEmpty(&endpoint->rx) && IsListEmpty(&endpoint->rx_expedited)) {
        endpoint->is_fin_told = TRUE;
        endpoint->want_fin_event = !endpoint->release;
        tdic_count(&endpoint->device->statistics.RemoteDisconnects);
        tdic_fail_receives_locked(endpoint, TDI_GRACEFUL_DISC);
        return TRUE;
    }
    if (endpoint->want_fin_event) {
        endpoint->want_fin_event = FALSE;
        if (!endpoint->is_event_sent)
            event_now(endpoint, TDI_DISCONNECT_RELEASE, irql);
        return TRUE;
    }
    if (endpoint->is_fin_told && endpoint->is_released && endpoint->is_release_confirmed && IsListEmpty(&endpoint->below)) {
        close_now(endpoint, irql);
        return TRUE;
    }
    return FALSE;
}

// --- the transport's word --------------------------------------------------------------------------------------------------------

VOID
tdic_up_finished(struct tdic_connection *connection, const struct tdic_info *info)
{
    KIRQL irql;
    struct tdic_endpoint *endpoint = tdic_endpoint_of(connection, &irql);
    if (!endpoint)
        return;
    if (endpoint->state == TDIC_OPEN && !endpoint->is_ending && !endpoint->is_fin_seen) {
        endpoint->is_fin_seen = TRUE;
        tdic_blob_set(&endpoint->in, info);
    }
    tdic_drop_pump(endpoint, irql);
}

VOID
tdic_up_released(struct tdic_connection *connection)
{
    KIRQL irql;
    struct tdic_endpoint *endpoint = tdic_endpoint_of(connection, &irql);
    if (!endpoint)
        return;
    endpoint->is_release_confirmed = TRUE;
    tdic_drop_pump(endpoint, irql);
}

VOID
tdic_up_gone(struct tdic_connection *connection, NTSTATUS status, const struct tdic_info *info)
{
    KIRQL irql;
    struct tdic_endpoint *endpoint = tdic_endpoint_of(connection, &irql);
    if (!endpoint)
        return;
    if (!endpoint->is_ending && endpoint->state == TDIC_ACCEPTING && endpoint->opening &&
        IoGetCurrentIrpStackLocation(endpoint->opening)->MinorFunction == TDI_LISTEN) {
        endpoint->want_relisten = TRUE;
    } else if (!endpoint->is_ending) {
        if (info || endpoint->state == TDIC_OPEN)
            tdic_blob_set(&endpoint->in, info);
        if (endpoint->opening && endpoint->state == TDIC_CONNECTING) {   // a refusal may carry the peer's data
            PIRP irp = endpoint->opening;
            TDI_REQUEST_KERNEL *request = (TDI_REQUEST_KERNEL *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
            tdic_return_info(request->ReturnConnectionInformation, NULL, 0, &endpoint->in);
        }
        if (endpoint->state == TDIC_OPEN)
            tdic_count(&endpoint->device->statistics.RemoteDisconnects);
        tdic_end_locked(endpoint, status, FALSE);
    }
    tdic_drop_pump(endpoint, irql);
}
