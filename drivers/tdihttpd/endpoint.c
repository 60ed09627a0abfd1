// SPDX-License-Identifier: MIT
// A connection file and its requests.
//   offered: ACCEPT -> accepted -> a session, and the work item -> requests of the session -> slot_done -> the work item ...
//   the end: RELEASE, or ABORT, which always ends; when the session has ended and every request is back the endpoint is idle again
// holds counts what keeps it busy: each request that is out, the work item, the session. The last to go makes it idle.
// The work item: whoever has news sets is_wanted; if nobody is working, it queues the item. The one who works looks again until nothing
// is wanted. Nothing is called with endpoint->lock held, but for IoQueueWorkItem, which calls nobody.
#include "tdihttpd.h"

#include <tdistat.h>

#define RELEASE_S 30                       // for the peer to take our FIN and to send its own

static IO_COMPLETION_ROUTINE accepted, slot_done, released, aborted;
static IO_WORKITEM_ROUTINE work;

// ---- holds and work -------------------------------------------------------------------------------------------------------------

static VOID
endpoint_back(struct httpd_endpoint *endpoint)
{
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    BOOLEAN is_last = --endpoint->holds == 0;
    KeReleaseSpinLock(&endpoint->lock, irql);
    if (!is_last)
        return;
    httpd_session_destroy(endpoint->session);
    endpoint->session = NULL;
    httpd_listener_idle(endpoint->listener, endpoint);
}

// locks: endpoint->lock held
static VOID
wake_locked(struct httpd_endpoint *endpoint)
{
    endpoint->is_wanted = TRUE;
    if (endpoint->is_working)
        return;
    endpoint->is_working = TRUE;
    endpoint->holds++;
    IoQueueWorkItem(endpoint->work, work, DelayedWorkQueue, endpoint);
}

static VOID NTAPI
work(PDEVICE_OBJECT object, PVOID context)
{
    struct httpd_endpoint *endpoint = context;
    KIRQL irql;
    UNREFERENCED_PARAMETER(object);
    for (;;) {
        KeAcquireSpinLock(&endpoint->lock, &irql);
        BOOLEAN is_wanted = endpoint->is_wanted, is_expired = endpoint->is_expired;
        endpoint->is_wanted = endpoint->is_expired = FALSE;
        endpoint->is_working = is_wanted;
        KeReleaseSpinLock(&endpoint->lock, irql);
        if (!is_wanted)
            break;
        if (is_expired)
            httpd_session_expire(endpoint->session);
        httpd_session_run(endpoint->session);
    }
    endpoint_back(endpoint);
}

VOID
httpd_endpoint_tick(struct httpd_endpoint *endpoint, ULONG now_s)
{
    KeAcquireSpinLockAtDpcLevel(&endpoint->lock);
    if (endpoint->session && (LONG)(now_s - endpoint->deadline) > 0) {
        endpoint->is_expired = TRUE;
        endpoint->deadline = now_s + httpd_settings.timeout_s;
        wake_locked(endpoint);
    }
    KeReleaseSpinLockFromDpcLevel(&endpoint->lock);
}

// ---- beginning ------------------------------------------------------------------------------------------------------------------

PIRP
httpd_endpoint_offered(struct httpd_endpoint *endpoint)
{
    endpoint->holds = 1;
    endpoint->is_wanted = endpoint->is_expired = endpoint->is_released = endpoint->is_release_back = FALSE;
    IoReuseIrp(endpoint->control, STATUS_SUCCESS);
    TdiBuildAccept(endpoint->control, endpoint->file.device, endpoint->file.object, accepted, endpoint, NULL, NULL);
    return endpoint->control;
}

static NTSTATUS
accepted(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct httpd_endpoint *endpoint = context;
    KIRQL irql;
    UNREFERENCED_PARAMETER(device);
    struct httpd_session *session = NT_SUCCESS(irp->IoStatus.Status) ? httpd_session_create(endpoint) : NULL;
    if (session) {
        KeAcquireSpinLock(&endpoint->lock, &irql);
        endpoint->session = session;
        endpoint->holds++;
        endpoint->deadline = httpd_listener_now(endpoint->listener) + httpd_settings.timeout_s;
        wake_locked(endpoint);
        KeReleaseSpinLock(&endpoint->lock, irql);
    } else if (NT_SUCCESS(irp->IoStatus.Status)) {
        httpd_endpoint_abort(endpoint);    // no memory for it
    }
    endpoint_back(endpoint);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

// ---- requests of the session ----------------------------------------------------------------------------------------------------

BOOLEAN
httpd_slot_create(struct httpd_slot *slot, struct httpd_endpoint *endpoint, UCHAR *buffer, ULONG room)
{
    *slot = (struct httpd_slot){.endpoint = endpoint, .buffer = buffer, .room = room};
    slot->irp = IoAllocateIrp(endpoint->file.device->StackSize, FALSE);
    slot->mdl = buffer ? IoAllocateMdl(buffer, room, FALSE, FALSE, NULL) : NULL;
    if (!slot->irp || !slot->mdl)
        return FALSE;
    MmBuildMdlForNonPagedPool(slot->mdl);
    return TRUE;
}

VOID
httpd_slot_destroy(struct httpd_slot *slot)
{
    if (slot->mdl)
        IoFreeMdl(slot->mdl);
    if (slot->irp)
        IoFreeIrp(slot->irp);
    *slot = (struct httpd_slot){0};
}

static VOID
slot_begin(struct httpd_slot *slot)
{
    KIRQL irql;
    KeAcquireSpinLock(&slot->endpoint->lock, &irql);
    slot->is_out = TRUE;
    slot->is_back = FALSE;
    slot->endpoint->holds++;
    KeReleaseSpinLock(&slot->endpoint->lock, irql);
    IoReuseIrp(slot->irp, STATUS_SUCCESS);
}

VOID
httpd_endpoint_receive(struct httpd_slot *slot, ULONG bytes)
{
    struct tdiclient_file *file = &slot->endpoint->file;
    slot_begin(slot);
    TdiBuildReceive(slot->irp, file->device, file->object, slot_done, slot, slot->mdl, TDI_RECEIVE_NORMAL, bytes);
    IoCallDriver(file->device, slot->irp);
}

VOID
httpd_endpoint_send(struct httpd_slot *slot, ULONG bytes)
{
    struct tdiclient_file *file = &slot->endpoint->file;
    slot_begin(slot);
    TdiBuildSend(slot->irp, file->device, file->object, slot_done, slot, slot->mdl, 0, bytes);
    IoCallDriver(file->device, slot->irp);
}

static NTSTATUS
slot_done(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct httpd_slot *slot = context;
    struct httpd_endpoint *endpoint = slot->endpoint;
    KIRQL irql;
    UNREFERENCED_PARAMETER(device);
    KeAcquireSpinLock(&endpoint->lock, &irql);
    slot->status = irp->IoStatus.Status;
    slot->bytes = (ULONG)irp->IoStatus.Information;
    slot->is_out = FALSE;
    slot->is_back = TRUE;
    endpoint->deadline = httpd_listener_now(endpoint->listener) + httpd_settings.timeout_s;
    wake_locked(endpoint);
    KeReleaseSpinLock(&endpoint->lock, irql);
    endpoint_back(endpoint);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

BOOLEAN
httpd_slot_is_out(struct httpd_slot *slot)
{
    KIRQL irql;
    if (!slot->endpoint)
        return FALSE;
    KeAcquireSpinLock(&slot->endpoint->lock, &irql);
    BOOLEAN is_out = slot->is_out != 0;
    KeReleaseSpinLock(&slot->endpoint->lock, irql);
    return is_out;
}

BOOLEAN
httpd_slot_take(struct httpd_slot *slot, NTSTATUS *status, ULONG *bytes)
{
    KIRQL irql;
    if (!slot->endpoint)
        return FALSE;
    KeAcquireSpinLock(&slot->endpoint->lock, &irql);
    BOOLEAN is_back = slot->is_back != 0;
    slot->is_back = FALSE;
    *status = slot->status;
    *bytes = slot->bytes;
    KeReleaseSpinLock(&slot->endpoint->lock, irql);
    return is_back;
}

// ---- the end --------------------------------------------------------------------------------------------------------------------

static VOID
disconnect(struct httpd_endpoint *endpoint, PIRP irp, ULONG flags, PIO_COMPLETION_ROUTINE done)
{
    LARGE_INTEGER timeout = {.QuadPart = -RELEASE_S * 10000000LL};
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    endpoint->holds++;
    KeReleaseSpinLock(&endpoint->lock, irql);
    IoReuseIrp(irp, STATUS_SUCCESS);
    TdiBuildDisconnect(irp, endpoint->file.device, endpoint->file.object, done, endpoint, &timeout, flags, NULL, NULL);
    IoCallDriver(endpoint->file.device, irp);
}

VOID
httpd_endpoint_release(struct httpd_endpoint *endpoint)
{
    endpoint->is_released = TRUE;          // the session's, which asks once
    disconnect(endpoint, endpoint->control, TDI_DISCONNECT_RELEASE, released);
}

static NTSTATUS
released(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct httpd_endpoint *endpoint = context;
    KIRQL irql;
    UNREFERENCED_PARAMETER(device);
    KeAcquireSpinLock(&endpoint->lock, &irql);
    endpoint->is_release_back = TRUE;
    endpoint->release_status = irp->IoStatus.Status;
    wake_locked(endpoint);
    KeReleaseSpinLock(&endpoint->lock, irql);
    endpoint_back(endpoint);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

BOOLEAN
httpd_endpoint_released(struct httpd_endpoint *endpoint, NTSTATUS *status)
{
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    BOOLEAN is_back = endpoint->is_release_back;
    *status = endpoint->release_status;
    KeReleaseSpinLock(&endpoint->lock, irql);
    return is_back;
}

VOID
httpd_endpoint_abort(struct httpd_endpoint *endpoint)
{
    disconnect(endpoint, endpoint->abort, TDI_DISCONNECT_ABORT, aborted);
}

// Whatever the status: TDI_INVALID_CONNECTION says that all was over already.
static NTSTATUS
aborted(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    endpoint_back(context);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

VOID
httpd_endpoint_end(struct httpd_endpoint *endpoint)
{
    endpoint_back(endpoint);
}

// ---- opening and closing --------------------------------------------------------------------------------------------------------

NTSTATUS
httpd_endpoint_open(struct httpd_endpoint *endpoint, struct httpd_listener *listener, PCWSTR device)
{
    CONNECTION_CONTEXT context = endpoint;
    endpoint->listener = listener;
    KeInitializeSpinLock(&endpoint->lock);
    NTSTATUS status = tdiclient_open(device, TdiConnectionContext, &context, sizeof context, &endpoint->file);
    if (!NT_SUCCESS(status))
        return status;
    endpoint->control = IoAllocateIrp(endpoint->file.device->StackSize, FALSE);
    endpoint->abort = IoAllocateIrp(endpoint->file.device->StackSize, FALSE);
    endpoint->work = IoAllocateWorkItem((PDEVICE_OBJECT)httpd_driver);
    if (!endpoint->control || !endpoint->abort || !endpoint->work)
        return STATUS_INSUFFICIENT_RESOURCES;
    return tdiclient_associate(&endpoint->file, httpd_listener_address(listener));
}

VOID
httpd_endpoint_close(struct httpd_endpoint *endpoint)
{
    tdiclient_close(&endpoint->file);
    if (endpoint->control)
        IoFreeIrp(endpoint->control);
    if (endpoint->abort)
        IoFreeIrp(endpoint->abort);
    if (endpoint->work)
        IoFreeWorkItem(endpoint->work);
}
