// SPDX-License-Identifier: MIT
// TCP services. A listener has a set of endpoints (connection files); while one is connected it has a few slots, each a request with a
// buffer that goes round:
//   idle -> ClientEventConnect takes one: ACCEPT -> endpoint_go ...
//   echo: one slot waits in RECEIVE, at most; what came leaves by SEND from the same slot, and the next free one waits. A SEND ends when
//   the peer has acknowledged it, so one slot alone would wait a round trip, and a delayed acknowledgement, for each buffer.
//   discard: no request at all, ClientEventChainedReceive looks at the bytes where the adapter put them and takes them; one that waits
//   costs no buffer.   character generator: every slot SENDs again and again.
//   the peer's FIN: RECEIVE ends with TDI_GRACEFUL_DISC -> DISCONNECT(RELEASE), which waits for our sends; all else: DISCONNECT(ABORT);
//   discard learns both from ClientEventDisconnect
//   when every request is back the endpoint is idle again, still associated
// Back-pressure is that nothing is received without a free slot. Handlers and completions run at <= DISPATCH_LEVEL; nothing is called
// with endpoint->lock held.
#include "tdiecho.h"

#include <tdistat.h>

#define SLOTS 4

struct slot {
    struct endpoint *endpoint;
    PIRP irp;
    PMDL mdl;                              // over the buffer
    BOOLEAN is_out;
};

struct endpoint {
    LIST_ENTRY link;                       // in stream->idle
    struct tdiecho_stream *stream;
    struct tdiclient_file file;
    PIRP control;                          // ACCEPT, DISCONNECT
    KSPIN_LOCK lock;                       // guards the rest
    struct slot slots[SLOTS];
    UCHAR *buffers;                        // while connected
    LONG out;                              // requests that are not back; discard: and the connection
    BOOLEAN is_receiving, is_ending;
    BOOLEAN is_open;                       // discard: connected
};

struct tdiecho_stream {
    struct tdiclient_file address;
    enum tdiecho_service service;
    KSPIN_LOCK lock;                       // guards the rest
    LIST_ENTRY idle;
    LONG busy;                             // endpoints that are not idle
    BOOLEAN is_closing;
    KEVENT quiet;                          // closing, and none is busy
    struct endpoint *endpoints;            // tdiecho_settings.endpoints of them
};

static IO_COMPLETION_ROUTINE accepted, received, sent, ended;

// ---- buffers --------------------------------------------------------------------------------------------------------------------

static VOID
slots_free(struct endpoint *endpoint)
{
    for (ULONG i = 0; i < SLOTS; i++) {
        struct slot *slot = &endpoint->slots[i];
        if (slot->mdl)
            IoFreeMdl(slot->mdl);
        if (slot->irp)
            IoFreeIrp(slot->irp);
        *slot = (struct slot){0};
    }
    tdiecho_free(endpoint->buffers);
    endpoint->buffers = NULL;
}

static BOOLEAN
slots_create(struct endpoint *endpoint)
{
    endpoint->buffers = tdiecho_alloc(SLOTS * tdiecho_settings.buffer_bytes);
    for (ULONG i = 0; endpoint->buffers && i < SLOTS; i++) {
        struct slot *slot = &endpoint->slots[i];
        slot->endpoint = endpoint;
        slot->irp = IoAllocateIrp(endpoint->file.device->StackSize, FALSE);
        slot->mdl = IoAllocateMdl(endpoint->buffers + i * tdiecho_settings.buffer_bytes, tdiecho_settings.buffer_bytes, FALSE, FALSE, NULL);
        if (!slot->irp || !slot->mdl)
            return FALSE;
        MmBuildMdlForNonPagedPool(slot->mdl);
    }
    return endpoint->buffers != NULL;
}

// What character generator sends [RFC 864]: lines of 72 out of the 95 printing characters, each a place further on.
static VOID
slots_print(struct endpoint *endpoint)
{
    for (ULONG i = 0; i < SLOTS * tdiecho_settings.buffer_bytes; i++) {
        ULONG line = i / 74, place = i % 74;
        endpoint->buffers[i] = place == 72 ? '\r' : place == 73 ? '\n' : (UCHAR)(' ' + (line + place) % 95);
    }
}

// ---- an endpoint's requests -----------------------------------------------------------------------------------------------------

static VOID
endpoint_idle(struct endpoint *endpoint)
{
    struct tdiecho_stream *stream = endpoint->stream;
    KIRQL irql;
    slots_free(endpoint);
    endpoint->is_receiving = endpoint->is_ending = FALSE;
    KeAcquireSpinLock(&stream->lock, &irql);
    InsertTailList(&stream->idle, &endpoint->link);
    if (!--stream->busy && stream->is_closing)
        KeSetEvent(&stream->quiet, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLock(&stream->lock, irql);
}

static VOID
slot_receive(struct slot *slot)
{
    struct tdiclient_file *file = &slot->endpoint->file;
    IoReuseIrp(slot->irp, STATUS_SUCCESS);
    TdiBuildReceive(slot->irp, file->device, file->object, received, slot, slot->mdl, TDI_RECEIVE_NORMAL, tdiecho_settings.buffer_bytes);
    IoCallDriver(file->device, slot->irp);
}

static VOID
slot_send(struct slot *slot, ULONG bytes)
{
    struct tdiclient_file *file = &slot->endpoint->file;
    IoReuseIrp(slot->irp, STATUS_SUCCESS);
    TdiBuildSend(slot->irp, file->device, file->object, sent, slot, slot->mdl, 0, bytes);
    IoCallDriver(file->device, slot->irp);
}

// A free slot, which then is out; NULL: none, or none may begin.   locks: endpoint->lock held
static struct slot *
slot_take(struct endpoint *endpoint)
{
    for (ULONG i = 0; i < SLOTS && !endpoint->is_ending; i++) {
        struct slot *slot = &endpoint->slots[i];
        if (slot->is_out)
            continue;
        slot->is_out = TRUE;
        endpoint->out++;
        return slot;
    }
    return NULL;
}

// Begin what the service does with its free slots.
static VOID
endpoint_go(struct endpoint *endpoint)
{
    BOOLEAN is_sender = endpoint->stream->service == TDIECHO_CHARGEN;
    for (;;) {
        KIRQL irql;
        KeAcquireSpinLock(&endpoint->lock, &irql);
        struct slot *slot = is_sender || !endpoint->is_receiving ? slot_take(endpoint) : NULL;
        if (slot && !is_sender)
            endpoint->is_receiving = TRUE;
        KeReleaseSpinLock(&endpoint->lock, irql);
        if (!slot)
            return;
        if (is_sender)
            slot_send(slot, tdiecho_settings.buffer_bytes);
        else
            slot_receive(slot);
    }
}

// A request is back for good; the last one makes the endpoint idle.
static VOID
endpoint_back(struct endpoint *endpoint)
{
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    BOOLEAN is_last = --endpoint->out == 0;
    KeReleaseSpinLock(&endpoint->lock, irql);
    if (is_last)
        endpoint_idle(endpoint);
}

static VOID
control_disconnect(struct endpoint *endpoint, ULONG flags)
{
    static LARGE_INTEGER timeout = {.QuadPart = -60 * 10000000LL}; // a peer may be slow to take what we sent
    IoReuseIrp(endpoint->control, STATUS_SUCCESS);
    TdiBuildDisconnect(endpoint->control, endpoint->file.device, endpoint->file.object, ended, endpoint, &timeout, flags, NULL, NULL);
    IoCallDriver(endpoint->file.device, endpoint->control);
}

// End the connection, once.
static VOID
endpoint_end(struct endpoint *endpoint, ULONG flags)
{
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    BOOLEAN is_first = !endpoint->is_ending;
    endpoint->is_ending = TRUE;
    if (is_first)
        endpoint->out++;
    KeReleaseSpinLock(&endpoint->lock, irql);
    if (is_first)
        control_disconnect(endpoint, flags);
}

// Discard: the connection is there, until endpoint_lost.
static VOID
endpoint_opened(struct endpoint *endpoint)
{
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    endpoint->is_open = TRUE;
    endpoint->out++;
    KeReleaseSpinLock(&endpoint->lock, irql);
}

// Discard: it is over, or the stream is. Once.
static VOID
endpoint_lost(struct endpoint *endpoint, ULONG flags)
{
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    BOOLEAN was_open = endpoint->is_open;
    endpoint->is_open = FALSE;
    KeReleaseSpinLock(&endpoint->lock, irql);
    if (!was_open)
        return;
    endpoint_end(endpoint, flags);
    endpoint_back(endpoint);
}

static BOOLEAN
stream_is_closing(struct tdiecho_stream *stream)
{
    KIRQL irql;
    KeAcquireSpinLock(&stream->lock, &irql);
    BOOLEAN is_closing = stream->is_closing;
    KeReleaseSpinLock(&stream->lock, irql);
    return is_closing;
}

static NTSTATUS
accepted(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct endpoint *endpoint = context;
    UNREFERENCED_PARAMETER(device);
    if (!NT_SUCCESS(irp->IoStatus.Status)) {
        endpoint_back(endpoint);
        return STATUS_MORE_PROCESSING_REQUIRED;
    }
    if (endpoint->stream->service == TDIECHO_DISCARD) {
        endpoint_opened(endpoint);
        if (stream_is_closing(endpoint->stream)) // which may have looked before
            endpoint_lost(endpoint, TDI_DISCONNECT_ABORT);
    } else if (!slots_create(endpoint)) {
        endpoint_end(endpoint, TDI_DISCONNECT_ABORT);
    } else {
        if (endpoint->stream->service == TDIECHO_CHARGEN)
            slots_print(endpoint);
        endpoint_go(endpoint);
    }
    endpoint_back(endpoint);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS
received(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct slot *slot = context;
    struct endpoint *endpoint = slot->endpoint;
    NTSTATUS status = irp->IoStatus.Status;
    UNREFERENCED_PARAMETER(device);
    BOOLEAN is_echo = NT_SUCCESS(status) && endpoint->stream->service == TDIECHO_ECHO;
    KIRQL irql;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    endpoint->is_receiving = FALSE;
    slot->is_out = is_echo;
    endpoint->out += is_echo; // the slot's place is ours until the end of this routine; a send has one of its own
    KeReleaseSpinLock(&endpoint->lock, irql);
    // The order of the sends is that of the receives: the next one is not asked for before this has been sent.
    if (is_echo)
        slot_send(slot, (ULONG)irp->IoStatus.Information);
    if (NT_SUCCESS(status))
        endpoint_go(endpoint);
    else
        endpoint_end(endpoint, status == TDI_GRACEFUL_DISC ? TDI_DISCONNECT_RELEASE : TDI_DISCONNECT_ABORT);
    endpoint_back(endpoint);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS
sent(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct slot *slot = context;
    struct endpoint *endpoint = slot->endpoint;
    UNREFERENCED_PARAMETER(device);
    KIRQL irql;
    BOOLEAN is_good = NT_SUCCESS(irp->IoStatus.Status);
    if (!is_good)
        endpoint_end(endpoint, TDI_DISCONNECT_ABORT);
    KeAcquireSpinLock(&endpoint->lock, &irql);
    slot->is_out = FALSE; // its place in `out` is ours now
    KeReleaseSpinLock(&endpoint->lock, irql);
    endpoint_go(endpoint);
    endpoint_back(endpoint);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

// A release that took too long is followed by an abort, which always ends; TDI_INVALID_CONNECTION says that all is over already.
static NTSTATUS
ended(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    if (irp->IoStatus.Status == TDI_TIMED_OUT || irp->IoStatus.Status == STATUS_CANCELLED)
        control_disconnect(context, TDI_DISCONNECT_ABORT);
    else
        endpoint_back(context);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

// ---- events ---------------------------------------------------------------------------------------------------------------------

static NTSTATUS NTAPI
on_connect(PVOID context, LONG remote_bytes, PVOID remote, LONG data_bytes, PVOID data, LONG option_bytes, PVOID options,
           CONNECTION_CONTEXT *connection, PIRP *accept)
{
    struct tdiecho_stream *stream = context;
    struct endpoint *endpoint = NULL;
    KIRQL irql;
    UNREFERENCED_PARAMETER(remote_bytes);
    UNREFERENCED_PARAMETER(remote);
    UNREFERENCED_PARAMETER(data_bytes);
    UNREFERENCED_PARAMETER(data);
    UNREFERENCED_PARAMETER(option_bytes);
    UNREFERENCED_PARAMETER(options);
    KeAcquireSpinLock(&stream->lock, &irql);
    if (!stream->is_closing && !IsListEmpty(&stream->idle)) {
        endpoint = CONTAINING_RECORD(RemoveHeadList(&stream->idle), struct endpoint, link);
        stream->busy++;
    }
    KeReleaseSpinLock(&stream->lock, irql);
    if (!endpoint)
        return STATUS_CONNECTION_REFUSED;
    endpoint->out = 1;
    IoReuseIrp(endpoint->control, STATUS_SUCCESS);
    TdiBuildAccept(endpoint->control, endpoint->file.device, endpoint->file.object, accepted, endpoint, NULL, NULL);
    *connection = endpoint;
    *accept = endpoint->control;
    return STATUS_MORE_PROCESSING_REQUIRED;
}

// Of discard. With others the end shows in the request that is out; a client that only sends has none of those after a FIN, and goes on
// sending.
static NTSTATUS NTAPI
on_disconnect(PVOID context, CONNECTION_CONTEXT connection, LONG data_bytes, PVOID data, LONG information_bytes, PVOID information,
              ULONG flags)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(data_bytes);
    UNREFERENCED_PARAMETER(data);
    UNREFERENCED_PARAMETER(information_bytes);
    UNREFERENCED_PARAMETER(information);
    endpoint_lost(connection, flags & TDI_DISCONNECT_RELEASE ? TDI_DISCONNECT_RELEASE : TDI_DISCONNECT_ABORT);
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI
on_chained(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG bytes, ULONG offset, PMDL tsdu, PVOID descriptor)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(connection);
    UNREFERENCED_PARAMETER(flags);
    UNREFERENCED_PARAMETER(bytes);
    UNREFERENCED_PARAMETER(offset);
    UNREFERENCED_PARAMETER(tsdu);
    UNREFERENCED_PARAMETER(descriptor);
    return STATUS_SUCCESS; // all of it, and the buffer back at once
}

static NTSTATUS NTAPI
on_receive(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG bytes, ULONG available, ULONG *taken, PVOID tsdu, PIRP *irp)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(connection);
    UNREFERENCED_PARAMETER(flags);
    UNREFERENCED_PARAMETER(available);
    UNREFERENCED_PARAMETER(tsdu);
    UNREFERENCED_PARAMETER(irp);
    *taken = bytes;
    return STATUS_SUCCESS;
}

// ---- opening and closing --------------------------------------------------------------------------------------------------------

static NTSTATUS
endpoint_associate(struct endpoint *endpoint, struct tdiclient_file *address)
{
    PIRP irp = IoAllocateIrp(endpoint->file.device->StackSize, FALSE);
    if (!irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    TdiBuildAssociateAddress(irp, endpoint->file.device, endpoint->file.object, NULL, NULL, address->handle);
    return tdiclient_call(&endpoint->file, irp);
}

static NTSTATUS
endpoint_open(struct tdiecho_stream *stream, PCWSTR device, struct endpoint *endpoint)
{
    CONNECTION_CONTEXT context = endpoint;
    endpoint->stream = stream;
    NTSTATUS status = tdiclient_open(device, TdiConnectionContext, &context, sizeof context, &endpoint->file);
    if (!NT_SUCCESS(status))
        return status;
    KeInitializeSpinLock(&endpoint->lock);
    endpoint->control = IoAllocateIrp(endpoint->file.device->StackSize, FALSE);
    if (!endpoint->control)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = endpoint_associate(endpoint, &stream->address);
    if (NT_SUCCESS(status))
        InsertTailList(&stream->idle, &endpoint->link);
    return status;
}

static VOID
endpoint_close(struct endpoint *endpoint)
{
    tdiclient_close(&endpoint->file);
    if (endpoint->control)
        IoFreeIrp(endpoint->control);
}

static NTSTATUS
stream_start(struct tdiecho_stream *stream, PCWSTR device, const struct tdiecho_name *name)
{
    USHORT bytes = (USHORT)(FIELD_OFFSET(struct tdiecho_name, address) + name->length);
    NTSTATUS status = tdiclient_open(device, TdiTransportAddress, name, bytes, &stream->address);
    for (ULONG i = 0; NT_SUCCESS(status) && i < tdiecho_settings.endpoints; i++)
        status = endpoint_open(stream, device, &stream->endpoints[i]);
    if (NT_SUCCESS(status))
        status = tdiclient_set_handler(&stream->address, TDI_EVENT_DISCONNECT, on_disconnect, stream);
    if (NT_SUCCESS(status) && stream->service == TDIECHO_DISCARD)
        status = tdiclient_set_handler(&stream->address, TDI_EVENT_CHAINED_RECEIVE, on_chained, stream);
    if (NT_SUCCESS(status) && stream->service == TDIECHO_DISCARD)
        status = tdiclient_set_handler(&stream->address, TDI_EVENT_RECEIVE, on_receive, stream);
    if (NT_SUCCESS(status))
        status = tdiclient_set_handler(&stream->address, TDI_EVENT_CONNECT, on_connect, stream);
    return status;
}

struct tdiecho_stream *
tdiecho_stream_open(PCWSTR device, const struct tdiecho_name *name, enum tdiecho_service service)
{
    struct tdiecho_stream *stream = tdiecho_alloc(sizeof *stream);
    if (!stream)
        return NULL;
    stream->endpoints = tdiecho_alloc(tdiecho_settings.endpoints * sizeof *stream->endpoints);
    if (!stream->endpoints) {
        tdiecho_free(stream);
        return NULL;
    }
    KeInitializeSpinLock(&stream->lock);
    KeInitializeEvent(&stream->quiet, NotificationEvent, FALSE);
    InitializeListHead(&stream->idle);
    stream->service = service;
    NTSTATUS status = stream_start(stream, device, name);
    if (NT_SUCCESS(status))
        return stream;
    DbgPrint("tdiecho: %ws, port %u: 0x%08x\n", device, name->address[0] << 8 | name->address[1], status);
    tdiecho_stream_close(stream);
    return NULL;
}

VOID
tdiecho_stream_close(struct tdiecho_stream *stream)
{
    KIRQL irql;
    KeAcquireSpinLock(&stream->lock, &irql);
    stream->is_closing = TRUE;
    BOOLEAN is_busy = stream->busy != 0;
    KeReleaseSpinLock(&stream->lock, irql);
    tdiclient_close(&stream->address); // which ends every connection of it: the requests come back
    for (ULONG i = 0; i < tdiecho_settings.endpoints; i++)
        endpoint_lost(&stream->endpoints[i], TDI_DISCONNECT_ABORT); // discard has none out
    if (is_busy)
        KeWaitForSingleObject(&stream->quiet, Executive, KernelMode, FALSE, NULL);
    for (ULONG i = 0; i < tdiecho_settings.endpoints; i++)
        endpoint_close(&stream->endpoints[i]);
    tdiecho_free(stream->endpoints);
    tdiecho_free(stream);
}
