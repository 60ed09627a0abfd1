// SPDX-License-Identifier: MIT
// A peer asks for a connection: who gets the offer, and the answer.
//   the oldest TDI_LISTEN that fits         accepted at once; or completed (TDI_QUERY_ACCEPT) and answered by ACCEPT or DISCONNECT
//   else ClientEventConnect                 STATUS_MORE_PROCESSING_REQUIRED with an accept IRP: accepted; anything else: refused
//   else                                    refused
// Sources: the pages TDI_LISTEN (ff565115), TDI_ACCEPT, ClientEventConnect (ff544257).
#include "tdic_int.h"

// A LISTEN may name whom it waits for; an address of zeros stands for anybody.
static BOOLEAN
fits(const struct tdic_endpoint *endpoint, const TRANSPORT_ADDRESS *remote)
{
    const TRANSPORT_ADDRESS *wanted = (const TRANSPORT_ADDRESS *)endpoint->filter;
    const TA_ADDRESS *a = &wanted->Address[0], *b = &remote->Address[0];
    BOOLEAN is_any = TRUE;
    if (!endpoint->filter_bytes)
        return TRUE;
    for (USHORT i = 0; i < a->AddressLength; i++)
        is_any &= a->Address[i] == 0;
    return is_any || tdic_address_fits(a, b);
}

static VOID
remember_locked(struct tdic_endpoint *endpoint, struct tdic_connection *connection, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes,
                const struct tdic_info *info)
{
    RtlCopyMemory(&endpoint->remote, remote, remote_bytes);
    endpoint->remote_bytes = remote_bytes;
    tdic_blob_set(&endpoint->in, info);
    tdic_attach_locked(endpoint, connection);
}

// locks: address and endpoint. FALSE: this LISTEN is just being cancelled; its cancel routine, which waits for the lock, pumps.
static BOOLEAN
give_locked(struct tdic_endpoint *endpoint, struct tdic_connection *connection, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes,
            const struct tdic_info *info)
{
    PIRP irp = endpoint->opening;
    if (!(endpoint->listen_flags & TDI_QUERY_ACCEPT)) {
        remember_locked(endpoint, connection, remote, remote_bytes, info);
        endpoint->state = TDIC_ACCEPTING;
        endpoint->want_accept = TRUE;
        return TRUE;
    }
    if (!tdic_take_locked(irp)) {
        tdic_end_locked(endpoint, TDI_CONNECTION_ABORTED, FALSE);
        return FALSE;
    }
    remember_locked(endpoint, connection, remote, remote_bytes, info);
    endpoint->state = TDIC_OFFERED;
    TDI_REQUEST_KERNEL_LISTEN *request = (TDI_REQUEST_KERNEL_LISTEN *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
    tdic_return_info(request->ReturnConnectionInformation, remote, remote_bytes, &endpoint->in);
    tdic_done_locked(endpoint, irp, STATUS_SUCCESS, 0);
    return TRUE;
}

// Returns the endpoint that got the offer, with a reference.
static struct tdic_endpoint *
give_to_listener(struct tdic_address *address, struct tdic_connection *connection, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes,
                 const struct tdic_info *info)
{
    struct tdic_endpoint *taker = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&address->lock, &irql);
    for (LIST_ENTRY *at = address->listens.Flink, *next; at != &address->listens && !taker; at = next) {
        struct tdic_endpoint *endpoint = CONTAINING_RECORD(at, struct tdic_endpoint, listen_link);
        next = at->Flink;
        KeAcquireSpinLockAtDpcLevel(&endpoint->lock);
        if (endpoint->state == TDIC_LISTENING && !endpoint->is_ending && endpoint->opening && fits(endpoint, remote)) {
            RemoveEntryList(&endpoint->listen_link);
            endpoint->is_listed = FALSE;
            if (give_locked(endpoint, connection, remote, remote_bytes, info)) {
                tdic_endpoint_ref(endpoint);
                taker = endpoint;
            }
        }
        KeReleaseSpinLockFromDpcLevel(&endpoint->lock);
    }
    KeReleaseSpinLock(&address->lock, irql);
    return taker;
}

// --- ClientEventConnect ----------------------------------------------------------------------------------------------------------

// The endpoint that an accept IRP is for; NULL: none that could take this offer.
static struct tdic_endpoint *
accept_target(struct tdic_address *address, PIO_STACK_LOCATION next)
{
    PFILE_OBJECT file = next->FileObject;
    if (next->MajorFunction != IRP_MJ_INTERNAL_DEVICE_CONTROL || next->MinorFunction != TDI_ACCEPT || !file ||
        file->DeviceObject != address->device->object || (ULONG_PTR)file->FsContext2 != TDI_CONNECTION_FILE)
        return NULL;
    return file->FsContext;
}

// The client's accept IRP goes with the offer. FALSE: refuse; the IRP has been completed then.
static BOOLEAN
accept_with(struct tdic_address *address, struct tdic_connection *connection, PIRP irp, CONNECTION_CONTEXT context,
            const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, const struct tdic_info *info)
{
    struct tdic_endpoint *endpoint = accept_target(address, IoGetNextIrpStackLocation(irp));
    TDI_REQUEST_KERNEL_ACCEPT *request = (TDI_REQUEST_KERNEL_ACCEPT *)&IoGetNextIrpStackLocation(irp)->Parameters;
    struct tdic_blob out = {0};
    BOOLEAN is_taken = FALSE;
    KIRQL irql;
    NTSTATUS status = STATUS_INVALID_PARAMETER;
    IoSetNextIrpStackLocation(irp);
    if (endpoint)
        status = tdic_blob_capture(address->device, request->RequestConnectionInformation, &out);
    if (status != STATUS_SUCCESS) {
        tdic_complete(irp, status, 0);
        return FALSE;
    }
    KeAcquireSpinLock(&endpoint->lock, &irql);
    if (endpoint->state != TDIC_IDLE || endpoint->is_ending || endpoint->is_closing || endpoint->address != address) {
        KeReleaseSpinLock(&endpoint->lock, irql);
        tdic_blob_free(&out);
        tdic_complete(irp, TDI_INVALID_CONNECTION, 0);
        return FALSE;
    }
    if (tdic_pend_locked(endpoint, irp, TDIC_AT_OPENING)) {
        tdic_open_reset_locked(endpoint);
        tdic_blob_free(&endpoint->out);
        endpoint->out = out;
        endpoint->context = context;
        remember_locked(endpoint, connection, remote, remote_bytes, info);
        endpoint->opening = irp;
        endpoint->state = TDIC_ACCEPTING;
        endpoint->want_accept = TRUE;
        is_taken = TRUE;
    } else {
        tdic_blob_free(&out);
    }
    tdic_endpoint_ref(endpoint);
    tdic_drop_pump(endpoint, irql);
    return is_taken;
}

static BOOLEAN
give_to_handler(struct tdic_address *address, struct tdic_connection *connection, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes,
                const struct tdic_info *info)
{
    PVOID handler, event_context;
    CONNECTION_CONTEXT context = NULL;
    PIRP irp = NULL;
    if (!tdic_event_get(address, TDI_EVENT_CONNECT, &handler, &event_context))
        return FALSE;
    LONG data_bytes = info ? (LONG)info->data_bytes : 0, options_bytes = info ? (LONG)info->options_bytes : 0;
    NTSTATUS status = TDIC_CALL("ClientEventConnect", TDI_IND_CONNECT, handler, event_context, (LONG)remote_bytes, (PVOID)remote,
                                data_bytes, data_bytes ? (PVOID)info->data : NULL, options_bytes,
                                options_bytes ? (PVOID)info->options : NULL, &context, &irp);
    tdic_event_put(address);
    return status == STATUS_MORE_PROCESSING_REQUIRED && irp && accept_with(address, connection, irp, context, remote, remote_bytes, info);
}

VOID
tdic_up_offer(struct tdic_address *address, struct tdic_connection *connection, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes,
              const struct tdic_info *info)
{
    tdic_connection_ref(connection);
    struct tdic_endpoint *endpoint = give_to_listener(address, connection, remote, remote_bytes, info);
    if (endpoint) {
        tdic_pump(endpoint);
        tdic_endpoint_unref(endpoint);
        return;
    }
    if (give_to_handler(address, connection, remote, remote_bytes, info))
        return;
    tdic_count(&address->device->statistics.NoListenFailures);
    address->device->ops->refuse(connection, &(struct tdic_info){0});
    address->device->ops->part(connection);
    tdic_connection_unref(connection);
}
