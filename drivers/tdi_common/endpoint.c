// SPDX-License-Identifier: MIT
// Connection files: how long they live, which address they belong to, and how they meet the transport's connections.
//   create (IRP_MJ_CREATE) -> ASSOCIATE -> connections come and go -> cleanup: everything pended comes back -> close
// The memory goes with the last reference: the file's, each pended IRP's, the connection's.
#include "tdic_int.h"

NTSTATUS
tdic_endpoint_create(struct tdic_device *device, PFILE_OBJECT file, CONNECTION_CONTEXT context, struct tdic_endpoint **out)
{
    struct tdic_endpoint *endpoint = tdic_alloc(sizeof(*endpoint));
    if (!endpoint)
        return STATUS_INSUFFICIENT_RESOURCES;
    endpoint->device = device;
    endpoint->refs = 1;
    endpoint->file = file;
    endpoint->context = context;
    KeInitializeSpinLock(&endpoint->lock);
    InitializeListHead(&endpoint->aborts);
    InitializeListHead(&endpoint->receives);
    InitializeListHead(&endpoint->waiting);
    InitializeListHead(&endpoint->below);
    InitializeListHead(&endpoint->rx);
    InitializeListHead(&endpoint->rx_expedited);
    InitializeListHead(&endpoint->done);
    InitializeListHead(&endpoint->late);
    KeInitializeTimer(&endpoint->timer);
    KeInitializeDpc(&endpoint->timer_dpc, tdic_timer_expired, endpoint);
    KeInitializeEvent(&endpoint->quiet, NotificationEvent, FALSE);
    tdic_device_ref(device);
    *out = endpoint;
    return STATUS_SUCCESS;
}

VOID
tdic_endpoint_ref(struct tdic_endpoint *endpoint)
{
    InterlockedIncrement(&endpoint->refs);
}

VOID
tdic_endpoint_unref(struct tdic_endpoint *endpoint)
{
    if (InterlockedDecrement(&endpoint->refs))
        return;
    struct tdic_device *device = endpoint->device;
    tdic_blob_free(&endpoint->in);
    tdic_blob_free(&endpoint->out);
    tdic_free(endpoint);
    tdic_device_unref(device);
}

// IRP_MJ_CLEANUP: end what lives, wait until the sends are back and the address is let go.
VOID
tdic_endpoint_cleanup(struct tdic_endpoint *endpoint)
{
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    endpoint->is_closing = TRUE;
    endpoint->want_disassociate = TRUE;
    tdic_end_locked(endpoint, STATUS_CANCELLED, TRUE);
    tdic_endpoint_ref(endpoint);
    tdic_drop_pump(endpoint, irql);
    KeWaitForSingleObject(&endpoint->quiet, Executive, KernelMode, FALSE, NULL);
}

VOID
tdic_endpoint_close(struct tdic_endpoint *endpoint)
{
    KeCancelTimer(&endpoint->timer);
    KeFlushQueuedDpcs();
    tdic_endpoint_unref(endpoint);
}

// --- addresses -------------------------------------------------------------------------------------------------------------------

static NTSTATUS
associate_with(struct tdic_endpoint *endpoint, struct tdic_address *address)
{
    KIRQL irql;
    NTSTATUS status = STATUS_SUCCESS;
    KeAcquireSpinLock(&address->lock, &irql);
    KeAcquireSpinLockAtDpcLevel(&endpoint->lock);
    if (address->is_closed)
        status = TDI_ADDR_DELETED;
    else if (endpoint->is_closing)
        status = STATUS_CANCELLED;
    else if (endpoint->address)
        status = TDI_ALREADY_ASSOCIATED;
    if (status == STATUS_SUCCESS) {
        endpoint->address = address;
        endpoint->untold = STATUS_SUCCESS;
        tdic_address_ref(address);
        InsertTailList(&address->endpoints, &endpoint->address_link);
    }
    KeReleaseSpinLockFromDpcLevel(&endpoint->lock);
    KeReleaseSpinLock(&address->lock, irql);
    return status;
}

// irql: PASSIVE, as handles are
NTSTATUS
tdic_associate(struct tdic_endpoint *endpoint, HANDLE handle)
{
    PFILE_OBJECT file;
    NTSTATUS status = ObReferenceObjectByHandle(handle, 0, *IoFileObjectType, KernelMode, (PVOID *)&file, NULL);
    if (!NT_SUCCESS(status))
        return status;
    if (file->DeviceObject != endpoint->device->object || (ULONG_PTR)file->FsContext2 != TDI_TRANSPORT_ADDRESS_FILE)
        status = STATUS_INVALID_PARAMETER;
    else
        status = associate_with(endpoint, file->FsContext);
    ObDereferenceObject(file);
    return status;
}

NTSTATUS
tdic_disassociate(struct tdic_endpoint *endpoint, PIRP irp)
{
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    if (!endpoint->address || endpoint->want_disassociate) {
        KeReleaseSpinLock(&endpoint->lock, irql);
        return TDI_NOT_ASSOCIATED;
    }
    if (tdic_pend_locked(endpoint, irp, TDIC_AT_ABORTS)) {
        InsertTailList(&endpoint->aborts, &irp->Tail.Overlay.ListEntry);
        endpoint->want_disassociate = TRUE;
        tdic_end_locked(endpoint, TDI_CONNECTION_ABORTED, TRUE);
    }
    tdic_endpoint_ref(endpoint);
    tdic_drop_pump(endpoint, irql);
    return STATUS_PENDING;
}

// --- connections -----------------------------------------------------------------------------------------------------------------

VOID
tdic_connection_init(struct tdic_connection *connection, struct tdic_device *device)
{
    connection->device = device;
    connection->endpoint = NULL;
    connection->refs = 1;
    KeInitializeSpinLock(&connection->lock);
}

VOID
tdic_connection_ref(struct tdic_connection *connection)
{
    InterlockedIncrement(&connection->refs);
}

VOID
tdic_connection_unref(struct tdic_connection *connection)
{
    if (!InterlockedDecrement(&connection->refs))
        connection->device->ops->connection_free(connection);
}

VOID
tdic_attach_locked(struct tdic_endpoint *endpoint, struct tdic_connection *connection)
{
    tdic_endpoint_ref(endpoint);
    endpoint->connection = connection;
    KeAcquireSpinLockAtDpcLevel(&connection->lock);
    connection->endpoint = endpoint;
    KeReleaseSpinLockFromDpcLevel(&connection->lock);
}

struct tdic_endpoint *
tdic_endpoint_of(struct tdic_connection *connection, KIRQL *irql)
{
    KeAcquireSpinLock(&connection->lock, irql);
    struct tdic_endpoint *endpoint = connection->endpoint;
    if (endpoint)
        tdic_endpoint_ref(endpoint);
    KeReleaseSpinLock(&connection->lock, *irql);
    if (!endpoint)
        return NULL;
    KeAcquireSpinLock(&endpoint->lock, irql);
    if (endpoint->connection == connection)
        return endpoint;
    KeReleaseSpinLock(&endpoint->lock, *irql);
    tdic_endpoint_unref(endpoint);
    return NULL;
}
