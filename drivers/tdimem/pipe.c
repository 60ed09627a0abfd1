// SPDX-License-Identifier: MIT
// A pipe between two ends, as struct tdic_ops wants it. Each op changes the pipe under its lock and tells the ends what has happened.
//   connect  -> a second end, offered to the address of that name; a timer for the offer
//   send     -> copied to the peer as long as it holds less than its window, else it waits; given back when it was copied
//   release  -> FIN behind what was sent; confirmed when the peer's end has been told
//   abort    -> the peer is told that it is gone; what it sends afterwards goes nowhere
// Both ends hold the pipe; each knows the other by `peer` until it parts.
#include "tdimem.h"

static KDEFERRED_ROUTINE offer_expired;

static struct mem_end *
end_of(struct tdic_connection *connection)
{
    return CONTAINING_RECORD(connection, struct mem_end, connection);
}

VOID
mem_pipe_unref(struct mem_pipe *pipe)
{
    if (!InterlockedDecrement(&pipe->refs))
        ExFreePoolWithTag(pipe, MEM_TAG);
}

struct mem_end *
mem_end_create(struct mem_device *device, struct mem_pipe *pipe)
{
    struct mem_end *end = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*end), MEM_TAG);
    if (!end)
        return NULL;
    RtlZeroMemory(end, sizeof(*end));
    tdic_connection_init(&end->connection, device->tdi);
    end->device = device;
    end->pipe = pipe;
    InitializeListHead(&end->news);
    InitializeListHead(&end->backlog);
    KeInitializeDpc(&end->dpc, mem_deliver, end);
    InterlockedIncrement(&pipe->refs);
    mem_device_ref(device);
    return end;
}

static VOID
mem_connection_free(struct tdic_connection *connection)
{
    struct mem_end *end = end_of(connection);
    struct mem_device *device = end->device;
    if (end->fin)
        mem_news_free(end, end->fin);
    mem_pipe_unref(end->pipe);
    ExFreePoolWithTag(end, MEM_TAG);
    mem_device_unref(device);
}

// The ends let go of each other. Each end's hold on its peer is a reference. Returns the peer to drop, after the lock.
static struct mem_end *
unpair_locked(struct mem_end *end)
{
    struct mem_end *peer = end->peer;
    end->peer = NULL;
    return peer;
}

static VOID
drop(struct mem_end *end)
{
    if (end)
        tdic_connection_unref(&end->connection);
}

// --- beginning -------------------------------------------------------------------------------------------------------------------

// Nobody has answered the offer.
static VOID
offer_expired(PKDPC dpc, PVOID context, PVOID unused1, PVOID unused2)
{
    struct mem_pipe *pipe = context;
    struct mem_news *there = mem_news_create(MEM_GONE, NULL, TDIMEM_REFUSES), *here = mem_news_create(MEM_GONE, NULL, TDIMEM_REFUSES);
    KIRQL irql;
    KeAcquireSpinLock(&pipe->lock, &irql);
    struct mem_end *acceptor = pipe->acceptor;
    if (pipe->is_timed && acceptor && acceptor->is_offered && acceptor->peer && there && here) {
        acceptor->is_offered = FALSE;
        there->status = here->status = TDI_TIMED_OUT;
        mem_tell_locked(acceptor->peer, there);
        mem_tell_locked(acceptor, here);
        there = here = NULL;
    }
    pipe->is_timed = FALSE;
    KeReleaseSpinLock(&pipe->lock, irql);
    if (there)
        mem_news_free(NULL, there);
    if (here)
        mem_news_free(NULL, here);
    mem_pipe_unref(pipe);
}

// locks: pipe->lock. The pipe's owner of the moment has another reference.
static VOID
timer_stop_locked(struct mem_pipe *pipe)
{
    if (pipe->is_timed && KeCancelTimer(&pipe->timer)) {
        pipe->is_timed = FALSE;
        InterlockedDecrement(&pipe->refs);
    }
}

static NTSTATUS
mem_connection_create(struct tdic_address *address, struct tdic_connection **connection)
{
    struct mem_address *from = tdic_address_below(address);
    struct mem_pipe *pipe = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*pipe), MEM_TAG);
    if (!pipe)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(pipe, sizeof(*pipe));
    KeInitializeSpinLock(&pipe->lock);
    KeInitializeTimer(&pipe->timer);
    KeInitializeDpc(&pipe->timer_dpc, offer_expired, pipe);
    pipe->refs = 1;
    struct mem_end *end = mem_end_create(from->device, pipe);
    mem_pipe_unref(pipe);
    if (!end)
        return STATUS_INSUFFICIENT_RESOURCES;
    end->name = from->name;
    *connection = &end->connection;
    return STATUS_SUCCESS;
}

// Tell this end that it came to nothing.
static VOID
fail(struct mem_end *end, NTSTATUS status)
{
    struct mem_news *news = mem_news_create(MEM_GONE, NULL, TDIMEM_REFUSES);
    KIRQL irql;
    if (!news)
        return;   // the client's time-out ends it
    news->status = status;
    KeAcquireSpinLock(&end->pipe->lock, &irql);
    mem_tell_locked(end, news);
    KeReleaseSpinLock(&end->pipe->lock, irql);
}

static VOID
mem_connect(struct tdic_connection *connection, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, const struct tdic_info *info)
{
    struct mem_end *end = end_of(connection);
    struct mem_pipe *pipe = end->pipe;
    LARGE_INTEGER due = {.QuadPart = -MEM_OFFER_100NS};
    KIRQL irql;
    struct tdic_address *to = mem_address_find(end->device, remote, remote_bytes);
    struct mem_end *peer = to ? mem_end_create(end->device, pipe) : NULL;
    struct mem_news *offer = peer ? mem_news_create(MEM_OFFER, info, TDIMEM_CONNECTS) : NULL;
    if (!offer) {
        if (peer)
            drop(peer);
        if (to)
            tdic_address_unref(to);
        fail(end, to ? STATUS_INSUFFICIENT_RESOURCES : TDI_CONN_REFUSED);
        return;
    }
    offer->address = to;
    offer->from = end->name;
    KeAcquireSpinLock(&pipe->lock, &irql);
    end->peer = peer;                // our reference on it is the one that it was made with
    peer->peer = end;
    tdic_connection_ref(&end->connection);
    peer->is_offered = TRUE;
    pipe->acceptor = peer;
    pipe->is_timed = TRUE;
    InterlockedIncrement(&pipe->refs);
    KeSetTimer(&pipe->timer, due, &pipe->timer_dpc);
    mem_tell_locked(peer, offer);
    KeReleaseSpinLock(&pipe->lock, irql);
}

static VOID
mem_accept(struct tdic_connection *connection, const struct tdic_info *info)
{
    struct mem_end *end = end_of(connection);
    struct mem_news *there = mem_news_create(MEM_CONNECTED, info, TDIMEM_ACCEPTS), *here = mem_news_create(MEM_CONNECTED, NULL, 0);
    BOOLEAN is_short = !there || !here;
    KIRQL irql;
    KeAcquireSpinLock(&end->pipe->lock, &irql);
    if (!is_short && end->is_offered && end->peer) {   // else it has expired, and that is on its way up
        end->is_offered = FALSE;
        timer_stop_locked(end->pipe);
        mem_tell_locked(end->peer, there);
        mem_tell_locked(end, here);
        there = here = NULL;
    }
    KeReleaseSpinLock(&end->pipe->lock, irql);
    if (there)
        mem_news_free(end, there);
    if (here)
        mem_news_free(end, here);
    // Without memory the offer expires.
}

// --- ending ----------------------------------------------------------------------------------------------------------------------

// locks: pipe->lock
VOID
mem_fail_backlog_locked(struct mem_end *end, NTSTATUS status)
{
    while (!IsListEmpty(&end->backlog)) {
        struct tdic_tx *tx = CONTAINING_RECORD(RemoveHeadList(&end->backlog), struct tdic_tx, link);
        struct mem_news *news = *(struct mem_news **)(tx + 1);
        news->status = status;
        mem_tell_locked(end, news);
    }
}

static VOID
end_with(struct mem_end *end, NTSTATUS status, const struct tdic_info *info, ULONG why)
{
    struct mem_news *news = mem_news_create(MEM_GONE, info, why);
    KIRQL irql;
    if (!news)   // the word must not be lost: without its data, if need be
        news = end->fin;
    KeAcquireSpinLock(&end->pipe->lock, &irql);
    end->is_dead = TRUE;
    end->is_offered = FALSE;
    timer_stop_locked(end->pipe);
    mem_fail_backlog_locked(end, TDI_CONNECTION_ABORTED);
    if (news && news == end->fin)
        end->fin = NULL;
    if (news && end->peer) {
        news->kind = MEM_GONE;
        news->status = status;
        mem_tell_locked(end->peer, news);
        news = NULL;
    }
    KeReleaseSpinLock(&end->pipe->lock, irql);
    if (news)
        mem_news_free(end, news);
}

static VOID
mem_refuse(struct tdic_connection *connection, const struct tdic_info *info)
{
    end_with(end_of(connection), TDI_CONN_REFUSED, info, TDIMEM_REFUSES);
}

static VOID
mem_abort(struct tdic_connection *connection, const struct tdic_info *info)
{
    struct mem_end *end = end_of(connection);
    BOOLEAN is_answer = end->is_offered;
    end_with(end, is_answer ? TDI_CONN_REFUSED : TDI_CONNECTION_RESET, info, TDIMEM_ABORTS);
}

static VOID
mem_release(struct tdic_connection *connection, const struct tdic_info *info)
{
    struct mem_end *end = end_of(connection);
    struct mem_news *news = mem_news_create(MEM_FIN, info, TDIMEM_RELEASES);
    KIRQL irql;
    if (!news)
        return;   // the release never ends, and its time-out says so
    KeAcquireSpinLock(&end->pipe->lock, &irql);
    end->fin = news;
    mem_move_locked(end);
    KeReleaseSpinLock(&end->pipe->lock, irql);
}

static VOID
mem_part(struct tdic_connection *connection)
{
    struct mem_end *end = end_of(connection);
    KIRQL irql;
    KeAcquireSpinLock(&end->pipe->lock, &irql);
    end->is_dead = TRUE;
    timer_stop_locked(end->pipe);
    struct mem_end *peer = unpair_locked(end);
    KeReleaseSpinLock(&end->pipe->lock, irql);
    drop(peer);
}

// --- data ------------------------------------------------------------------------------------------------------------------------

// Hand one send over: the peer gets a copy, the sender its MDLs back. locks: pipe->lock
static VOID
move_one_locked(struct mem_end *end, struct tdic_tx *tx)
{
    struct mem_end *peer = end->peer;
    BOOLEAN is_expedited = (tx->flags & TDI_SEND_EXPEDITED) != 0;
    struct mem_news *sent = *(struct mem_news **)(tx + 1), *data = NULL;
    struct mem_message *message = NULL;
    data = mem_news_create(MEM_DATA, NULL, 0);
    message = data ? mem_message_create(end->device, tx->mdl, tx->offset, tx->bytes,
                                        (is_expedited ? TDIC_RX_EXPEDITED : 0) | (tx->flags & TDI_SEND_PARTIAL ? 0 : TDIC_RX_END))
                   : NULL;
    sent->status = message ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
    if (message) {
        data->message = message;
        peer->held_bytes += is_expedited ? 0 : tx->bytes;
        mem_tell_locked(peer, data);
    } else if (data) {
        mem_news_free(end, data);
    }
    mem_tell_locked(end, sent);
}

VOID
mem_move_locked(struct mem_end *end)
{
    while (!IsListEmpty(&end->backlog)) {
        struct tdic_tx *tx = CONTAINING_RECORD(end->backlog.Flink, struct tdic_tx, link);
        struct mem_end *peer = end->peer;
        if (!peer || peer->is_dead || (peer->held_bytes && peer->held_bytes + tx->bytes > MEM_WINDOW_BYTES))
            return;   // of a peer that is dead we are told soon
        RemoveEntryList(&tx->link);
        move_one_locked(end, tx);
    }
    if (end->fin && end->peer) {
        mem_tell_locked(end->peer, end->fin);
        end->fin = NULL;
    }
}

static VOID
mem_send(struct tdic_connection *connection, struct tdic_tx *tx)
{
    struct mem_end *end = end_of(connection);
    struct mem_news *sent = mem_news_create(MEM_SENT, NULL, 0);
    KIRQL irql;
    if (!sent) {
        tdic_up_sent(connection, tx, STATUS_INSUFFICIENT_RESOURCES);
        return;
    }
    sent->tx = tx;
    *(struct mem_news **)(tx + 1) = sent;
    KeAcquireSpinLock(&end->pipe->lock, &irql);
    if (end->is_dead) {   // it was on its way down when the end came up
        sent->status = TDI_CONNECTION_RESET;
        mem_tell_locked(end, sent);
    } else if ((tx->flags & TDI_SEND_EXPEDITED) && end->peer && !end->peer->is_dead) {
        move_one_locked(end, tx);
    } else {
        InsertTailList(&end->backlog, &tx->link);
        mem_move_locked(end);
    }
    KeReleaseSpinLock(&end->pipe->lock, irql);
}

static enum tdic_cancel
mem_send_cancel(struct tdic_connection *connection, struct tdic_tx *tx)
{
    struct mem_end *end = end_of(connection);
    BOOLEAN is_waiting = FALSE;
    KIRQL irql;
    KeAcquireSpinLock(&end->pipe->lock, &irql);
    for (LIST_ENTRY *at = end->backlog.Flink; at != &end->backlog && !is_waiting; at = at->Flink)
        is_waiting = at == &tx->link;
    if (is_waiting)
        RemoveEntryList(&tx->link);
    KeReleaseSpinLock(&end->pipe->lock, irql);
    if (!is_waiting)
        return TDIC_CANCEL_SOON;
    mem_news_free(end, *(struct mem_news **)(tx + 1));
    return TDIC_CANCEL_OURS;
}

static ULONG
mem_send_room(struct tdic_connection *connection)
{
    struct mem_end *end = end_of(connection);
    ULONG room = 0;
    KIRQL irql;
    KeAcquireSpinLock(&end->pipe->lock, &irql);
    if (!end->peer || end->peer->is_dead)
        room = MEM_WINDOW_BYTES;
    else if (IsListEmpty(&end->backlog) && end->peer->held_bytes < MEM_WINDOW_BYTES)
        room = MEM_WINDOW_BYTES - end->peer->held_bytes;
    end->wants_room = room < MEM_WINDOW_BYTES;
    KeReleaseSpinLock(&end->pipe->lock, irql);
    return room;
}

static VOID
mem_consumed(struct tdic_connection *connection, ULONG bytes, BOOLEAN is_expedited)
{
    struct mem_end *end = end_of(connection);
    KIRQL irql;
    if (is_expedited)
        return;
    struct mem_news *room = mem_news_create(MEM_ROOM, NULL, 0);
    KeAcquireSpinLock(&end->pipe->lock, &irql);
    end->held_bytes -= min(bytes, end->held_bytes);
    struct mem_end *peer = end->peer;
    if (peer) {
        mem_move_locked(peer);
        if (room && peer->wants_room && !end->held_bytes) {
            peer->wants_room = FALSE;
            mem_tell_locked(peer, room);
            room = NULL;
        }
    }
    KeReleaseSpinLock(&end->pipe->lock, irql);
    if (room)
        mem_news_free(end, room);
}

static VOID
mem_rx_done(struct tdic_connection *connection, struct tdic_rx *rx, BOOLEAN is_lent)
{
    if (!is_lent)
        mem_message_free(CONTAINING_RECORD(rx, struct mem_message, rx));
}

#define OPS \
    .tx_bytes = sizeof(struct mem_news *), .address_open = mem_address_open, .address_close = mem_address_close, \
    .connection_create = mem_connection_create, .connection_free = mem_connection_free, .connect = mem_connect, \
    .accept = mem_accept, .refuse = mem_refuse, .send = mem_send, .send_cancel = mem_send_cancel, \
    .send_room = mem_send_room, .consumed = mem_consumed, .rx_done = mem_rx_done, .abort = mem_abort, \
    .part = mem_part, .send_datagram = mem_send_datagram, .datagram_done = mem_datagram_done, \
    .provider_info = mem_provider_info, .query = mem_query, .action = mem_action

const struct tdic_ops mem_orderly_ops = {OPS, .release = mem_release};
const struct tdic_ops mem_abrupt_ops = {OPS};
