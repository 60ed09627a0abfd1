// SPDX-License-Identifier: MIT
// TDI_SEND: from the client's MDLs to the transport, in order, and back.
//   SEND -> waiting (tx) -> pump: ops->send -> below -> tdic_up_sent -> completed with the bytes sent
//   TDI_SEND_NON_BLOCKING takes what ops->send_room allows at once, or fails with TDI_..DEVICE_NOT_READY; ClientEventSendPossible follows
//   cancelled while below: ops->send_cancel: the transport takes it back; what was begun cannot be, so the connection is ended
// Sources: the pages TDI_SEND (ff565549 ff.), ClientEventSendPossible.
#include "tdic_int.h"

#define FLAGS \
    (TDI_SEND_EXPEDITED | TDI_SEND_PARTIAL | TDI_SEND_NO_RESPONSE_EXPECTED | TDI_SEND_NON_BLOCKING | TDI_SEND_AND_DISCONNECT)

ULONG
tdic_mdl_bytes(PMDL mdl)
{
    ULONG bytes = 0;
    for (; mdl; mdl = mdl->Next)
        bytes += MmGetMdlByteCount(mdl);
    return bytes;
}

struct tdic_tx *
tdic_tx_create(struct tdic_device *device, PIRP irp, ULONG bytes, ULONG flags)
{
    struct tdic_tx *tx = ExAllocateFromNPagedLookasideList(&device->txs);
    if (!tx)
        return NULL;
    RtlZeroMemory(tx, sizeof(*tx) + device->ops->tx_bytes);
    tx->mdl = irp->MdlAddress;
    tx->bytes = bytes;
    tx->flags = flags;
    tx->irp = irp;
    return tx;
}

VOID
tdic_tx_free(struct tdic_device *device, struct tdic_tx *tx)
{
    ExFreeToNPagedLookasideList(&device->txs, tx);
}

static NTSTATUS
send_check(struct tdic_device *device, PIRP irp, const TDI_REQUEST_KERNEL_SEND *request)
{
    if (request->SendFlags & ~(ULONG)FLAGS || request->SendLength > tdic_mdl_bytes(irp->MdlAddress))
        return STATUS_INVALID_PARAMETER;
    if (request->SendFlags & TDI_SEND_AND_DISCONNECT)
        return STATUS_NOT_SUPPORTED;   // TDI_SERVICE_SEND_AND_DISCONNECT is nobody's here
    if ((request->SendFlags & TDI_SEND_EXPEDITED) && !(device->provider.ServiceFlags & TDI_SERVICE_EXPEDITED_DATA))
        return STATUS_NOT_SUPPORTED;
    if ((request->SendFlags & TDI_SEND_NON_BLOCKING) && !device->ops->send_room)
        return STATUS_NOT_SUPPORTED;
    if (request->SendLength > device->provider.MaxSendSize)
        return TDI_BUFFER_TOO_BIG;
    if (!request->SendLength && (device->provider.ServiceFlags & TDI_SERVICE_NO_ZERO_LENGTH))
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

// How much of a non-blocking send may go. locks: endpoint->lock, dropped and retaken
static NTSTATUS
room_take(struct tdic_endpoint *endpoint, ULONG *bytes, KIRQL *irql)
{
    struct tdic_connection *connection = endpoint->connection;
    struct tdic_device *device = endpoint->device;
    if (!IsListEmpty(&endpoint->waiting)) {
        endpoint->is_room_wanted = TRUE;
        return STATUS_DEVICE_NOT_READY;
    }
    endpoint->is_room_wanted = TRUE;   // before asking: the answer may be old when it comes
    tdic_connection_ref(connection);
    KeReleaseSpinLock(&endpoint->lock, *irql);
    ULONG room = device->ops->send_room(connection);
    BOOLEAN is_message = tdic_is_message_mode(device);
    tdic_connection_unref(connection);
    KeAcquireSpinLock(&endpoint->lock, irql);
    if (room >= *bytes) {
        endpoint->is_room_wanted = FALSE;
        return STATUS_SUCCESS;
    }
    if (is_message || !room)
        return STATUS_DEVICE_NOT_READY;
    *bytes = room;
    return STATUS_SUCCESS;
}

static NTSTATUS
send_locked(struct tdic_endpoint *endpoint, PIRP irp, struct tdic_tx *tx, KIRQL *irql)
{
    NTSTATUS status = tdic_unable_locked(endpoint);
    if (status == STATUS_SUCCESS && endpoint->is_released)
        status = TDI_INVALID_CONNECTION;
    if (status == STATUS_SUCCESS && (tx->flags & TDI_SEND_NON_BLOCKING)) {
        status = room_take(endpoint, &tx->bytes, irql);
        if (status == STATUS_SUCCESS)   // the lock was dropped
            status = endpoint->is_released ? TDI_INVALID_CONNECTION : tdic_unable_locked(endpoint);
    }
    if (status != STATUS_SUCCESS)
        return status;
    irp->Tail.Overlay.DriverContext[2] = tx;
    if (!tdic_pend_locked(endpoint, irp, TDIC_AT_SEND)) {
        tdic_tx_free(endpoint->device, tx);
        return STATUS_PENDING;
    }
    InsertTailList(&endpoint->waiting, &tx->link);
    return STATUS_PENDING;
}

NTSTATUS
tdic_send(struct tdic_endpoint *endpoint, PIRP irp)
{
    const TDI_REQUEST_KERNEL_SEND *request = (TDI_REQUEST_KERNEL_SEND *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
    KIRQL irql;
    NTSTATUS status = send_check(endpoint->device, irp, request);
    if (status != STATUS_SUCCESS)
        return status;
    struct tdic_tx *tx = tdic_tx_create(endpoint->device, irp, request->SendLength, request->SendFlags);
    if (!tx)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    status = send_locked(endpoint, irp, tx, &irql);
    tdic_endpoint_ref(endpoint);
    tdic_drop_pump(endpoint, irql);
    if (status != STATUS_PENDING)
        tdic_tx_free(endpoint->device, tx);
    return status;
}

// --- the pump's step -------------------------------------------------------------------------------------------------------------

static BOOLEAN
cancel_now(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    struct tdic_tx *tx = NULL;
    for (LIST_ENTRY *at = endpoint->below.Flink; at != &endpoint->below && !tx; at = at->Flink) {
        struct tdic_tx *one = CONTAINING_RECORD(at, struct tdic_tx, ours);
        if (one->is_cancelled && !one->is_cancel_tried)
            tx = one;
    }
    if (!tx) {
        endpoint->want_cancel = FALSE;
        return FALSE;
    }
    struct tdic_connection *connection = endpoint->connection;
    tx->is_cancel_tried = TRUE;
    tx->is_asked = TRUE;   // tdic_up_sent leaves it to us meanwhile
    KeReleaseSpinLock(&endpoint->lock, *irql);
    enum tdic_cancel outcome = endpoint->device->ops->send_cancel(connection, tx);
    BOOLEAN is_ours = outcome == TDIC_CANCEL_OURS;
    KeAcquireSpinLock(&endpoint->lock, irql);
    tx->is_asked = FALSE;
    if (is_ours || tx->is_returned) {
        PIRP irp = tx->irp;
        NTSTATUS status = is_ours || tx->status != STATUS_SUCCESS ? STATUS_CANCELLED : STATUS_SUCCESS;
        ULONG bytes = status == STATUS_SUCCESS ? tx->bytes : 0;
        RemoveEntryList(&tx->ours);
        tdic_tx_free(endpoint->device, tx);
        tdic_done_locked(endpoint, irp, status, bytes);
    } else if (outcome == TDIC_CANCEL_ABORT) {
        tdic_end_locked(endpoint, TDI_CONNECTION_ABORTED, TRUE);
    }
    return TRUE;
}

// ClientEventSendPossible.
static BOOLEAN
room_now(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    struct tdic_address *address = endpoint->address;
    CONNECTION_CONTEXT context = endpoint->context;
    ULONG bytes = endpoint->room_bytes;
    PVOID handler, event_context;
    endpoint->want_room = FALSE;
    if (!endpoint->is_room_wanted || endpoint->is_released || !address)
        return TRUE;
    endpoint->is_room_wanted = FALSE;
    tdic_address_ref(address);
    KeReleaseSpinLock(&endpoint->lock, *irql);
    if (tdic_event_get(address, TDI_EVENT_SEND_POSSIBLE, &handler, &event_context)) {
        (void)TDIC_CALL("ClientEventSendPossible", TDI_IND_SEND_POSSIBLE, handler, event_context, context, bytes);
        tdic_event_put(address);
    }
    tdic_address_unref(address);
    KeAcquireSpinLock(&endpoint->lock, irql);
    return TRUE;
}

BOOLEAN
tdic_step_send(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    if (endpoint->want_cancel && cancel_now(endpoint, irql))
        return TRUE;
    if (endpoint->state != TDIC_OPEN || endpoint->is_ending)
        return FALSE;
    if (!IsListEmpty(&endpoint->waiting)) {
        struct tdic_tx *tx = CONTAINING_RECORD(RemoveHeadList(&endpoint->waiting), struct tdic_tx, link);
        struct tdic_connection *connection = endpoint->connection;
        tx->is_below = TRUE;
        InsertTailList(&endpoint->below, &tx->ours);
        endpoint->sent++;
        KeReleaseSpinLock(&endpoint->lock, *irql);
        endpoint->device->ops->send(connection, tx);
        KeAcquireSpinLock(&endpoint->lock, irql);
        return TRUE;
    }
    return endpoint->want_room && room_now(endpoint, irql);
}

// --- the transport's word --------------------------------------------------------------------------------------------------------

VOID
tdic_up_sent(struct tdic_connection *connection, struct tdic_tx *tx, NTSTATUS status)
{
    KIRQL irql;
    struct tdic_endpoint *endpoint = tdic_endpoint_of(connection, &irql);
    if (!endpoint)
        return;
    tx->status = status;
    tx->is_returned = TRUE;
    if (!tx->is_asked) {
        PIRP irp = tx->irp;
        ULONG bytes = status == STATUS_SUCCESS ? tx->bytes : 0;
        BOOLEAN is_cancelled = tx->is_cancelled;
        RemoveEntryList(&tx->ours);
        tdic_tx_free(endpoint->device, tx);
        if (status != STATUS_SUCCESS)
            status = is_cancelled ? STATUS_CANCELLED : endpoint->is_ending ? endpoint->end_status
                                                                           : status;
        if (is_cancelled)
            tdic_done_locked(endpoint, irp, status, bytes);
        else
            tdic_finish_locked(endpoint, irp, status, bytes);
    }
    tdic_drop_pump(endpoint, irql);
}

VOID
tdic_up_send_room(struct tdic_connection *connection, ULONG bytes)
{
    KIRQL irql;
    struct tdic_endpoint *endpoint = tdic_endpoint_of(connection, &irql);
    if (!endpoint)
        return;
    endpoint->room_bytes = bytes;
    endpoint->want_room = TRUE;
    tdic_drop_pump(endpoint, irql);
}
