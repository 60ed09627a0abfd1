// SPDX-License-Identifier: MIT
// How a connection begins: TDI_CONNECT, TDI_LISTEN, TDI_ACCEPT, and the transport's word that it stands.
//   CONNECT -> connection_create, connect -> tdic_up_connected: open; tdic_up_gone, time-out, cancel: idle again
//   LISTEN  -> on the address's list -> an offer (offer.c): accepted at once, or handed to the client as completion (TDI_QUERY_ACCEPT)
//   ACCEPT  -> accept -> tdic_up_connected
// The IRP that begins a connection is endpoint->opening until then.
#include "tdic_int.h"

// What a request on an endpoint without connection says. irql: DISPATCH   locks: endpoint->lock held
static NTSTATUS
begin_locked(struct tdic_endpoint *endpoint)
{
    if (endpoint->is_closing)
        return STATUS_CANCELLED;
    if (!endpoint->address || endpoint->want_disassociate)
        return TDI_NOT_ASSOCIATED;
    if (endpoint->state != TDIC_IDLE || endpoint->is_ending)
        return TDI_CONNECTION_ACTIVE;
    return STATUS_SUCCESS;
}

VOID
tdic_open_reset_locked(struct tdic_endpoint *endpoint)
{
    endpoint->is_released = endpoint->is_release_confirmed = endpoint->is_fin_seen = endpoint->is_fin_told = FALSE;
    endpoint->is_event_sent = endpoint->is_held = endpoint->is_held_expedited = endpoint->is_room_wanted = FALSE;
    endpoint->untold = STATUS_SUCCESS;
    endpoint->sent = endpoint->received = 0;
    endpoint->remote_bytes = endpoint->filter_bytes = 0;
    tdic_blob_free(&endpoint->in);
}

NTSTATUS
tdic_connect(struct tdic_endpoint *endpoint, PIRP irp)
{
    TDI_REQUEST_KERNEL_CONNECT *request = (TDI_REQUEST_KERNEL_CONNECT *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
    TDI_CONNECTION_INFORMATION *info = request->RequestConnectionInformation;
    struct tdic_blob out = {0};
    LONGLONG timeout;
    BOOLEAN is_set;
    KIRQL irql;
    if (!info || !tdic_is_address(info->RemoteAddress, info->RemoteAddressLength))
        return TDI_BAD_ADDR;
    NTSTATUS status = tdic_timeout(request->RequestSpecific, &timeout, &is_set);
    if (status == STATUS_SUCCESS)
        status = tdic_blob_capture(endpoint->device, info, &out);
    if (status != STATUS_SUCCESS)
        return status;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    status = begin_locked(endpoint);
    if (status != STATUS_SUCCESS) {
        KeReleaseSpinLock(&endpoint->lock, irql);
        tdic_blob_free(&out);
        return status;
    }
    if (tdic_pend_locked(endpoint, irp, TDIC_AT_OPENING)) {
        tdic_open_reset_locked(endpoint);
        tdic_blob_free(&endpoint->out);
        endpoint->out = out;
        endpoint->remote_bytes = (ULONG)info->RemoteAddressLength;
        RtlCopyMemory(&endpoint->remote, info->RemoteAddress, endpoint->remote_bytes);
        endpoint->opening = irp;
        endpoint->state = TDIC_CONNECTING;
        endpoint->want_connect = TRUE;
        if (is_set)
            tdic_timer_set_locked(endpoint, timeout);
    } else {
        tdic_blob_free(&out);
    }
    tdic_endpoint_ref(endpoint);
    tdic_drop_pump(endpoint, irql);
    return STATUS_PENDING;
}

NTSTATUS
tdic_listen(struct tdic_endpoint *endpoint, PIRP irp)
{
    TDI_REQUEST_KERNEL_LISTEN *request = (TDI_REQUEST_KERNEL_LISTEN *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
    TDI_CONNECTION_INFORMATION *info = request->RequestConnectionInformation;
    BOOLEAN is_filtered = info && info->RemoteAddressLength;
    KIRQL irql;
    if (request->RequestFlags & ~(ULONG_PTR)TDI_QUERY_ACCEPT)
        return STATUS_INVALID_PARAMETER;
    if ((request->RequestFlags & TDI_QUERY_ACCEPT) && !(endpoint->device->provider.ServiceFlags & TDI_SERVICE_DELAYED_ACCEPTANCE))
        return STATUS_NOT_SUPPORTED;
    if (is_filtered && !tdic_is_address(info->RemoteAddress, info->RemoteAddressLength))
        return TDI_BAD_ADDR;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    NTSTATUS status = begin_locked(endpoint);
    if (status != STATUS_SUCCESS) {
        KeReleaseSpinLock(&endpoint->lock, irql);
        return status;
    }
    if (tdic_pend_locked(endpoint, irp, TDIC_AT_OPENING)) {
        tdic_open_reset_locked(endpoint);
        tdic_blob_free(&endpoint->out);
        if (is_filtered) {
            endpoint->filter_bytes = (ULONG)info->RemoteAddressLength;
            RtlCopyMemory(endpoint->filter, info->RemoteAddress, endpoint->filter_bytes);
        }
        endpoint->listen_flags = request->RequestFlags;
        endpoint->opening = irp;
        endpoint->state = TDIC_LISTENING;
        endpoint->want_list = TRUE;
    }
    tdic_endpoint_ref(endpoint);
    tdic_drop_pump(endpoint, irql);
    return STATUS_PENDING;
}

NTSTATUS
tdic_accept(struct tdic_endpoint *endpoint, PIRP irp)
{
    TDI_REQUEST_KERNEL_ACCEPT *request = (TDI_REQUEST_KERNEL_ACCEPT *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
    struct tdic_blob out = {0};
    KIRQL irql;
    NTSTATUS status = tdic_blob_capture(endpoint->device, request->RequestConnectionInformation, &out);
    if (status != STATUS_SUCCESS)
        return status;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    if (endpoint->state != TDIC_OFFERED || endpoint->is_ending) {
        status = endpoint->is_closing ? STATUS_CANCELLED : TDI_INVALID_CONNECTION;
        KeReleaseSpinLock(&endpoint->lock, irql);
        tdic_blob_free(&out);
        return status;
    }
    if (tdic_pend_locked(endpoint, irp, TDIC_AT_OPENING)) {
        tdic_blob_free(&endpoint->out);
        endpoint->out = out;
        endpoint->opening = irp;
        endpoint->state = TDIC_ACCEPTING;
        endpoint->want_accept = TRUE;
    } else {
        tdic_blob_free(&out);
    }
    tdic_endpoint_ref(endpoint);
    tdic_drop_pump(endpoint, irql);
    return STATUS_PENDING;
}

// --- the pump's steps ------------------------------------------------------------------------------------------------------------

static VOID
connect_now(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    const struct tdic_ops *ops = endpoint->device->ops;
    struct tdic_address *address = endpoint->address;
    struct tdic_connection *connection;
    KeReleaseSpinLock(&endpoint->lock, *irql);   // the address stays ours: only this pump lets it go
    NTSTATUS status = ops->connection_create(address, &connection);
    KeAcquireSpinLock(&endpoint->lock, irql);
    if (status != STATUS_SUCCESS) {
        tdic_end_locked(endpoint, status, FALSE);
        return;
    }
    tdic_attach_locked(endpoint, connection);
    struct tdic_blob out = tdic_blob_take(&endpoint->out);
    struct tdic_info info = tdic_blob_info(&out);
    if (endpoint->is_ending)   // cancelled or aborted meanwhile: still to be told, as after connect
        endpoint->want_abort = TRUE;
    KeReleaseSpinLock(&endpoint->lock, *irql);
    ops->connect(connection, &endpoint->remote, endpoint->remote_bytes, &info);
    tdic_blob_free(&out);
    KeAcquireSpinLock(&endpoint->lock, irql);
}

static VOID
accept_now(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    struct tdic_connection *connection = endpoint->connection;
    struct tdic_blob out = tdic_blob_take(&endpoint->out);
    struct tdic_info info = tdic_blob_info(&out);
    KeReleaseSpinLock(&endpoint->lock, *irql);
    endpoint->device->ops->accept(connection, &info);
    tdic_blob_free(&out);
    KeAcquireSpinLock(&endpoint->lock, irql);
}

// What a LISTEN had accepted by itself did not become a connection: it listens on [RFC 9293 3.10.7.4: a passive open returns to LISTEN],
// or any peer could take a client's LISTENs away with a SYN and a reset.
static VOID
relisten_now(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    endpoint->want_accept = FALSE;   // it may have gone before it was asked
    endpoint->want_list = TRUE;
    endpoint->remote_bytes = 0;
    tdic_blob_free(&endpoint->in);
    tdic_part(endpoint, TDIC_LISTENING, irql);
}

BOOLEAN
tdic_step_open(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    if (endpoint->want_relisten) {
        endpoint->want_relisten = FALSE;
        relisten_now(endpoint, irql);
        return TRUE;
    }
    if (endpoint->want_connect) {
        endpoint->want_connect = FALSE;
        connect_now(endpoint, irql);
        return TRUE;
    }
    if (endpoint->want_accept) {
        endpoint->want_accept = FALSE;
        accept_now(endpoint, irql);
        return TRUE;
    }
    return FALSE;
}

// --- the transport's word --------------------------------------------------------------------------------------------------------

// Where the opening IRP wants what the peer said. CONNECT and LISTEN have TDI_REQUEST_KERNEL, ACCEPT its own.
static TDI_CONNECTION_INFORMATION *
opening_return(PIRP irp)
{
    PIO_STACK_LOCATION stack = IoGetCurrentIrpStackLocation(irp);
    if (stack->MinorFunction == TDI_ACCEPT)
        return ((TDI_REQUEST_KERNEL_ACCEPT *)&stack->Parameters)->ReturnConnectionInformation;
    return ((TDI_REQUEST_KERNEL *)&stack->Parameters)->ReturnConnectionInformation;
}

VOID
tdic_up_connected(struct tdic_connection *connection, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, const struct tdic_info *info)
{
    KIRQL irql;
    struct tdic_endpoint *endpoint = tdic_endpoint_of(connection, &irql);
    if (!endpoint)
        return;
    if (!endpoint->is_ending && (endpoint->state == TDIC_CONNECTING || endpoint->state == TDIC_ACCEPTING)) {
        if (remote && remote_bytes <= TDIC_ADDRESS_BYTES) {
            RtlCopyMemory(&endpoint->remote, remote, remote_bytes);
            endpoint->remote_bytes = remote_bytes;
        }
        if (info)
            tdic_blob_set(&endpoint->in, info);
        endpoint->state = TDIC_OPEN;
        tdic_timer_stop_locked(endpoint);
        tdic_count(&endpoint->device->statistics.OpenConnections);
        PIRP irp = endpoint->opening;
        if (irp && tdic_take_locked(irp)) {
            tdic_return_info(opening_return(irp), &endpoint->remote, endpoint->remote_bytes, &endpoint->in);
            tdic_done_locked(endpoint, irp, STATUS_SUCCESS, 0);
        } else {
            tdic_end_locked(endpoint, TDI_CONNECTION_ABORTED, TRUE);   // cancelled in the last moment: nobody knows that it stands
        }
    }
    tdic_drop_pump(endpoint, irql);
}
