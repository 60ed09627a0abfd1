// SPDX-License-Identifier: MIT
// Transport address files: opened by address, carrying event handlers, endpoints and datagrams.
//   create  -> ops->address_open binds it
//   cleanup -> no handler is called any more; connections of its endpoints are ended (TDI_ADDR_DELETED), which lets the endpoints go;
//              waits for all of that and for handlers that run; then ops->address_close
// A handler must not close the address that it was called for: the close would wait for the handler.
#include "tdic_int.h"

NTSTATUS
tdic_address_create(struct tdic_device *device, PFILE_OBJECT file, const TA_ADDRESS *wanted, BOOLEAN is_shared, struct tdic_address **out)
{
    struct tdic_address *address = tdic_alloc(sizeof(*address));
    if (!address)
        return STATUS_INSUFFICIENT_RESOURCES;
    address->device = device;
    address->refs = 1;
    address->file = file;
    KeInitializeSpinLock(&address->lock);
    InitializeListHead(&address->endpoints);
    InitializeListHead(&address->listens);
    InitializeListHead(&address->receives);
    InitializeListHead(&address->sends);
    KeInitializeEvent(&address->quiet, NotificationEvent, FALSE);
    tdic_device_ref(device);
    NTSTATUS status = device->ops->address_open(address, wanted, is_shared, &address->below);
    if (!NT_SUCCESS(status)) {
        tdic_address_unref(address);
        return status;
    }
    *out = address;
    return STATUS_SUCCESS;
}

VOID
tdic_address_ref(struct tdic_address *address)
{
    InterlockedIncrement(&address->refs);
}

VOID
tdic_address_unref(struct tdic_address *address)
{
    if (InterlockedDecrement(&address->refs))
        return;
    struct tdic_device *device = address->device;
    tdic_free(address);
    tdic_device_unref(device);
}

PVOID
tdic_address_below(struct tdic_address *address)
{
    return address->below;
}

struct tdic_device *
tdic_address_device(struct tdic_address *address)
{
    return address->device;
}

const UNICODE_STRING *
tdic_address_path(struct tdic_address *address)
{
    return &address->file->FileName;
}

VOID
tdic_address_local(struct tdic_address *address, const TRANSPORT_ADDRESS *local, ULONG bytes)
{
    if (bytes > TDIC_ADDRESS_BYTES)
        bytes = TDIC_ADDRESS_BYTES;
    RtlCopyMemory(&address->local, local, bytes);
    address->local_bytes = bytes;
}

// --- events ----------------------------------------------------------------------------------------------------------------------

NTSTATUS
tdic_set_event(struct tdic_address *address, PIRP irp)
{
    const TDI_REQUEST_KERNEL_SET_EVENT *request = (TDI_REQUEST_KERNEL_SET_EVENT *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
    KIRQL irql;
    if (request->EventType < 0 || request->EventType >= TDIC_EVENTS)
        return TDI_BAD_EVENT_TYPE;
    KeAcquireSpinLock(&address->lock, &irql);
    address->events[request->EventType].handler = request->EventHandler;
    address->events[request->EventType].context = request->EventContext;
    KeReleaseSpinLock(&address->lock, irql);
    return STATUS_SUCCESS;
}

BOOLEAN
tdic_event_get(struct tdic_address *address, ULONG type, PVOID *handler, PVOID *context)
{
    KIRQL irql;
    KeAcquireSpinLock(&address->lock, &irql);
    *handler = address->is_closed ? NULL : address->events[type].handler;
    *context = address->events[type].context;
    address->calls += *handler != NULL;
    KeReleaseSpinLock(&address->lock, irql);
    return *handler != NULL;
}

BOOLEAN
tdic_event_is_set(struct tdic_address *address, ULONG type)
{
    KIRQL irql;
    KeAcquireSpinLock(&address->lock, &irql);
    BOOLEAN is_set = address->events[type].handler != NULL;
    KeReleaseSpinLock(&address->lock, irql);
    return is_set;
}

BOOLEAN
tdic_address_use(struct tdic_address *address)
{
    KIRQL irql;
    KeAcquireSpinLock(&address->lock, &irql);
    BOOLEAN is_open = !address->is_closed;
    address->calls += is_open;
    KeReleaseSpinLock(&address->lock, irql);
    return is_open;
}

VOID
tdic_event_put(struct tdic_address *address)
{
    KIRQL irql;
    KeAcquireSpinLock(&address->lock, &irql);
    address->calls--;
    tdic_address_check_quiet_locked(address);
    KeReleaseSpinLock(&address->lock, irql);
}

VOID
tdic_up_error(struct tdic_address *address, NTSTATUS status, PVOID buffer)
{
    PVOID handler, context;
    if (tdic_event_get(address, TDI_EVENT_ERROR_EX, &handler, &context))
        (void)TDIC_CALL("ClientEventErrorEx", TDI_IND_ERROR_EX, handler, context, status, buffer);
    else if (tdic_event_get(address, TDI_EVENT_ERROR, &handler, &context))
        (void)TDIC_CALL("ClientEventError", TDI_IND_ERROR, handler, context, status);
    else
        return;
    tdic_event_put(address);
}

// --- cleanup ---------------------------------------------------------------------------------------------------------------------

VOID
tdic_address_check_quiet_locked(struct tdic_address *address)
{
    if (address->is_closed && !address->calls && IsListEmpty(&address->endpoints) && IsListEmpty(&address->receives) &&
        IsListEmpty(&address->sends))
        KeSetEvent(&address->quiet, IO_NO_INCREMENT, FALSE);
}

// An endpoint that has not begun to leave yet, with a reference; NULL: none.
static struct tdic_endpoint *
next_to_leave(struct tdic_address *address)
{
    struct tdic_endpoint *found = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&address->lock, &irql);
    for (LIST_ENTRY *at = address->endpoints.Flink; at != &address->endpoints && !found; at = at->Flink) {
        struct tdic_endpoint *endpoint = CONTAINING_RECORD(at, struct tdic_endpoint, address_link);
        KeAcquireSpinLockAtDpcLevel(&endpoint->lock);
        if (!endpoint->want_disassociate) {
            endpoint->want_disassociate = TRUE;
            tdic_endpoint_ref(endpoint);
            found = endpoint;
        }
        KeReleaseSpinLockFromDpcLevel(&endpoint->lock);
    }
    KeReleaseSpinLock(&address->lock, irql);
    return found;
}

// Those that receive datagrams; cancelled ones complete themselves.
static VOID
fail_receives(struct tdic_address *address)
{
    LIST_ENTRY done;
    KIRQL irql;
    InitializeListHead(&done);
    KeAcquireSpinLock(&address->lock, &irql);
    for (LIST_ENTRY *at = address->receives.Flink, *next; at != &address->receives; at = next) {
        PIRP irp = CONTAINING_RECORD(at, IRP, Tail.Overlay.ListEntry);
        next = at->Flink;
        if (!IoSetCancelRoutine(irp, NULL))
            continue;
        RemoveEntryList(at);
        InsertTailList(&done, at);
    }
    KeReleaseSpinLock(&address->lock, irql);
    while (!IsListEmpty(&done)) {
        tdic_complete(CONTAINING_RECORD(RemoveHeadList(&done), IRP, Tail.Overlay.ListEntry), STATUS_CANCELLED, 0);
        tdic_address_unref(address);
    }
}

VOID
tdic_address_cleanup(struct tdic_address *address)
{
    KIRQL irql;
    KeAcquireSpinLock(&address->lock, &irql);
    address->is_closed = TRUE;
    KeReleaseSpinLock(&address->lock, irql);
    for (struct tdic_endpoint *endpoint; (endpoint = next_to_leave(address));) {
        KeAcquireSpinLock(&endpoint->lock, &irql);
        tdic_end_locked(endpoint, TDI_ADDR_DELETED, TRUE);
        tdic_drop_pump(endpoint, irql);
    }
    fail_receives(address);
    KeAcquireSpinLock(&address->lock, &irql);
    tdic_address_check_quiet_locked(address);
    KeReleaseSpinLock(&address->lock, irql);
    KeWaitForSingleObject(&address->quiet, Executive, KernelMode, FALSE, NULL);
    address->device->ops->address_close(address);
}
