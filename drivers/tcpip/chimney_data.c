// SPDX-License-Identifier: MIT
// An offloaded connection's bytes and its end.
//   down   tcpip_offload_send -> unsent -> tcpip_offload_step (the teller): NdisOffloadTcpSend, as many bytes as the target has asked for
//          -> tcpip_offload_send_complete: acknowledged, or back to be sent by us after the upload
//   up     tcpip_offload_receive: the target's list becomes struct rx over its MDLs, in connection->received; with too much that clients
//          have not used it is refused, and a receive of no bytes is posted once they have [delivery-algorithm]
//   end    tcpip_offload_step: NdisOffloadTcpDisconnect, once for each kind: one that fails is never made again
//   events tcpip_offload_event
#include "chimney.h"

#define TUNE_RTT_LEAST_US 1000ull // of a path whose round trip is shorter than a tick

#include <tdistat.h>

// ---- lists of ours ------------------------------------------------------------------------------------------------------------------

NET_BUFFER_LIST *
tcpip_offload_nbl(struct tcpip_adapter *adapter, MDL *mdl, ULONG offset, ULONG bytes, PVOID context)
{
    for (; mdl && offset && offset >= MmGetMdlByteCount(mdl); mdl = mdl->Next)
        offset -= MmGetMdlByteCount(mdl);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(adapter->pool, 0, 0, mdl, offset, bytes);
    if (!nbl)
        return NULL;
    nbl->SourceHandle = adapter->ndis;
    NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0] = context;
    return nbl;
}

BOOLEAN
tcpip_send_describe(struct tcpip_offload *offload, struct tcpip_send *send)
{
    ULONG acked = (ULONG)send->send.acked_bytes;
    send->nbl = tcpip_offload_nbl(offload->adapter, send->tx->mdl, send->tx->offset + acked, send->tx->bytes - acked, send);
    return send->nbl != NULL;
}

VOID
tcpip_send_undescribe(struct tcpip_send *send)
{
    if (send->nbl)
        NdisFreeNetBufferList(send->nbl);
    send->nbl = NULL;
}

VOID
tcpip_send_end(struct tcpip_send *send, int status)
{
    tcpip_send_undescribe(send);
    send->send.status = status;
    for (ULONG i = 0; i < send->send.n_spans; i++)
        eng_drop(send->send.spans[i].owner);
    eng_drop(&send->owner); // the last hold, unless a packet of ours is still out
}

VOID
tcpip_offload_send(struct tcpip_offload *offload, struct tcpip_send *send)
{
    for (ULONG i = 0; i < send->send.n_spans; i++)
        eng_hold(send->send.spans[i].owner);
    send->seq = offload->next_seq;
    offload->next_seq += (ULONG)send->send.bytes;
    list_push_back(&offload->unsent, &send->send.link);
    tcpip_post(&offload->connection->news);
}

static BOOLEAN
is_in(const struct list *list, const struct list *wanted)
{
    LIST_FOR_EACH(node, list) {
        if (node == wanted)
            return TRUE;
    }
    return FALSE;
}

int
tcpip_offload_take_back(struct tcpip_offload *offload, struct tcpip_send *send)
{
    if (is_in(&offload->out, &send->send.link))
        return -EBUSY;
    if (!is_in(&offload->unsent, &send->send.link))
        return -ENOENT;
    // Those behind it move up in the stream.
    for (struct list *node = send->send.link.next; node != &offload->unsent; node = node->next)
        CONTAINING_RECORD(LIST_ENTRY_OF(node, struct tcp_send, link), struct tcpip_send, send)->seq -= (ULONG)send->send.bytes;
    offload->next_seq -= (ULONG)send->send.bytes;
    list_remove(&send->send.link);
    for (ULONG i = 0; i < send->send.n_spans; i++)
        eng_drop(send->send.spans[i].owner);
    return 0;
}

// ---- a step of the teller -----------------------------------------------------------------------------------------------------------

struct step {
    NET_BUFFER_LIST *sends, *forward, *post, *disconnect;
    ULONG disconnect_flags;
};

static VOID
step_sends(struct tcpip_offload *offload, struct step *step)
{
    NET_BUFFER_LIST **end = &step->sends;
    while (!list_is_empty(&offload->unsent) && offload->out_bytes < offload->backlog_bytes) {
        struct tcpip_send *send = CONTAINING_RECORD(LIST_ENTRY_OF(offload->unsent.next, struct tcp_send, link), struct tcpip_send, send);
        if (send->send.flags & TCP_SEND_URGENT) {
            offload->wants_back = TRUE; // a target sends no urgent data
            return;
        }
        if (!tcpip_send_describe(offload, send)) {
            tcpip_post_later(&offload->connection->news);
            return;
        }
        list_push_back(&offload->out, list_pop_front(&offload->unsent));
        offload->out_bytes += send->send.bytes - send->send.acked_bytes;
        *end = send->nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(send->nbl);
    }
}

static VOID
step_forward(struct tcpip_offload *offload, struct step *step)
{
    NET_BUFFER_LIST **end = &step->forward;
    while (!IsListEmpty(&offload->held)) {
        struct chimney_held *held = CONTAINING_RECORD(RemoveHeadList(&offload->held), struct chimney_held, link);
        offload->held_count--;
        *end = held->nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(held->nbl);
    }
}

// A disconnect that is due and has not been tried. [responding-to-a-disconnect-request]
static VOID
step_disconnect(struct tcpip_offload *offload, struct step *step, uint64_t now_us)
{
    struct tcpip_connection *connection = offload->connection;
    enum tcp_state state = offload->record.delegated.state;
    BOOLEAN had_fin = state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT; // when it went
    ULONG flags = 0;
    if (connection->wants_abort)
        flags = TCP_DISCONNECT_ABORTIVE_CLOSE;
    else if (connection->wants_release && !had_fin && list_is_empty(&offload->unsent))
        flags = TCP_DISCONNECT_GRACEFUL_CLOSE;
    if (!flags || offload->disconnects_tried & flags)
        return;
    step->disconnect = tcpip_offload_nbl(offload->adapter, NULL, 0, 0, offload);
    if (!step->disconnect) {
        tcpip_post_later(&connection->news);
        return;
    }
    offload->disconnects_tried |= flags;
    tcpip_offload_half_closed(offload, now_us);
    step->disconnect_flags = flags;
}

static BOOLEAN
step_is_any(const struct step *step)
{
    return step->sends || step->forward || step->post || step->disconnect;
}

static VOID
step_take(struct tcpip_offload *offload, struct step *step, uint64_t now_us)
{
    struct tcpip_connection *connection = offload->connection;
    if (!offload->wants_back && !connection->is_away_reset) {
        if (!connection->wants_abort)
            step_sends(offload, step);
        step_forward(offload, step);
        step_disconnect(offload, step, now_us);
        if (offload->wants_post)
            step->post = tcpip_offload_nbl(offload->adapter, NULL, 0, 0, offload);
        offload->wants_post = offload->wants_post && !step->post;
    }
    // Calls of ours have returned before it is terminated: they are made by nobody else.
    BOOLEAN is_done = offload->wants_back || connection->is_away_reset || (connection->wants_abort && offload->is_aborted);
    if (!is_done || step_is_any(step))
        return;
    RemoveEntryList(&offload->link);
    InsertTailList(&offload->adapter->chimney.leaving, &offload->link);
    offload->state = OFFLOAD_LEAVING;
    tcpip_adapter_queue(offload->adapter);
}

BOOLEAN
tcpip_offload_step(struct tcpip_connection *connection)
{
    struct tcpip_call call;
    struct step step = {0};
    PNDIS_OFFLOAD_HANDLE handle = NULL;
    tcpip_enter(&call);
    if (connection->offload && connection->offload->state == OFFLOAD_THERE) {
        handle = &connection->offload->handle;
        step_take(connection->offload, &step, call.now_us);
    }
    tcpip_leave(&call);
    if (step.forward)
        NdisOffloadTcpForward(handle, step.forward);
    if (step.sends)
        NdisOffloadTcpSend(handle, step.sends);
    if (step.post)
        NdisOffloadTcpReceive(handle, step.post);
    if (step.disconnect)
        NdisOffloadTcpDisconnect(handle, step.disconnect, step.disconnect_flags);
    return step_is_any(&step);
}

// ---- completions --------------------------------------------------------------------------------------------------------------------

// One send is done with at the target. Those it could not finish before an upload stay in order, to be finished by the engine.
static VOID
send_back(struct tcpip_send *send, NDIS_STATUS status)
{
    struct tcpip_offload *offload = send->connection->offload;
    offload->out_bytes -= send->send.bytes - send->send.acked_bytes;
    tcpip_send_undescribe(send);
    if (status == NDIS_STATUS_SUCCESS) {
        list_remove(&send->send.link);
        tcpip_send_end(send, 0);
    } else if (status == NDIS_STATUS_REQUEST_ABORTED) {
        list_remove(&send->send.link);
        tcpip_send_end(send, send->connection->is_silent ? -ECONNABORTED : -ECONNRESET);
    } else {
        offload->wants_back = TRUE; // an upload is on its way, or an intermediate driver asks for one
    }
    tcpip_post(&offload->connection->news);
}

VOID NTAPI
tcpip_offload_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    struct tcpip_call call;
    UNREFERENCED_PARAMETER(context);
    tcpip_enter(&call);
    for (NET_BUFFER_LIST *nbl = nbls, *next; nbl; nbl = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        send_back(NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0], NET_BUFFER_LIST_STATUS(nbl));
    }
    tcpip_leave(&call);
}

VOID NTAPI
tcpip_offload_receive_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    UNREFERENCED_PARAMETER(context);
    for (NET_BUFFER_LIST *nbl = nbls, *next; nbl; nbl = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        NdisFreeNetBufferList(nbl);
    }
}

VOID NTAPI
tcpip_offload_disconnect_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbl)
{
    struct tcpip_call call;
    UNREFERENCED_PARAMETER(context);
    if (!nbl)
        return; // ours always have one
    struct tcpip_offload *offload = NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0];
    NDIS_STATUS status = NET_BUFFER_LIST_STATUS(nbl);
    NdisFreeNetBufferList(nbl);
    tcpip_enter(&call);
    // The abort comes last, and nothing but it is asked for once it is.
    if (offload->disconnects_tried & TCP_DISCONNECT_ABORTIVE_CLOSE)
        offload->is_aborted = TRUE;
    else if (status == NDIS_STATUS_SUCCESS)
        offload->connection->is_away_fin_acked = TRUE;
    else
        offload->wants_back = TRUE; // uploading or reset; the engine, or nobody, goes on
    tcpip_post(&offload->connection->news);
    tcpip_leave(&call);
}

VOID NTAPI
tcpip_offload_forward_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    struct tcpip_call call;
    UNREFERENCED_PARAMETER(context);
    for (NET_BUFFER_LIST *nbl = nbls, *next; nbl; nbl = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        struct chimney_held *held = NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0];
        struct tcpip_offload *offload = held->offload;
        // Not processed, because the connection comes back: the engine hears it.
        tcpip_enter(&call);
        BOOLEAN is_kept = NET_BUFFER_LIST_STATUS(nbl) == NDIS_STATUS_UPLOAD_IN_PROGRESS;
        if (is_kept) {
            InsertTailList(&offload->held, &held->link);
            offload->held_count++;
            offload->wants_back = TRUE;
            tcpip_post(&offload->connection->news);
        }
        tcpip_leave(&call);
        if (!is_kept)
            tcpip_held_free(held);
    }
}

VOID NTAPI
tcpip_offload_event(PVOID context, ULONG event, ULONG information)
{
    struct tcpip_offload *offload = CONTAINING_RECORD(context, struct tcpip_offload, handle);
    struct tcpip_call call;
    tcpip_enter(&call);
    switch (event) {
    case TcpIndicateSendBacklogChange: offload->backlog_bytes = information; break;
    case TcpIndicateDisconnect: offload->connection->is_away_fin = TRUE; break;
    case TcpIndicateAbort: offload->connection->is_away_reset = TRUE; break;
    // Every reason is followed: that some are not binding only matters to a host that wants to keep its target busy.
    case TcpIndicateRetrieve: offload->wants_back = offload->is_declined = TRUE; break;
    default: break;
    }
    tcpip_post(&offload->connection->news);
    tcpip_leave(&call);
}

// ---- received -----------------------------------------------------------------------------------------------------------------------

// A list of the target's that clients have bytes of.
struct lent {
    struct eng_owner owner;
    NET_BUFFER_LIST *nbl;
    struct tcpip_adapter *adapter;
    struct tcpip_offload *offload;        // while it indicates this one, else NULL
};

// locks: host->lock held
static VOID
lent_release(struct eng_owner *owner)
{
    struct lent *lent = CONTAINING_RECORD(owner, struct lent, owner);
    NET_BUFFER_LIST **list = lent->offload ? &lent->offload->to_return : &lent->adapter->chimney.to_return;
    NET_BUFFER_LIST_NEXT_NBL(lent->nbl) = *list;
    *list = lent->nbl;
    if (!lent->offload)
        tcpip_adapter_queue(lent->adapter);
    tcpip_free(lent);
}

// Its bytes, each stretch as a struct rx. FALSE: no memory, and nothing was taken
static BOOLEAN
received_take(struct tcpip_offload *offload, struct lent *lent)
{
    struct tcpip_connection *connection = offload->connection;
    ULONG count = chim_nbl_span_count(lent->nbl);
    struct eng_span *spans = tcpip_alloc((count + 1) * sizeof *spans);
    struct list all;
    list_init(&all);
    BOOLEAN is_whole = spans && chim_nbl_spans(lent->nbl, spans, count, &lent->owner) == count;
    for (ULONG i = 0; is_whole && i < count; i++)
        is_whole = tcpip_rx_append(&all, &spans[i]);
    tcpip_free(spans);
    if (!is_whole) {
        tcpip_rx_drop_all(&all);
        return FALSE;
    }
    struct list *node;
    while ((node = list_pop_front(&all)))
        list_push_back(&connection->received, node);
    return TRUE;
}

// FALSE: refused, and the list is the target's again when the indication returns.
static BOOLEAN
receive_locked(struct tcpip_offload *offload, NET_BUFFER_LIST *nbl, ULONG bytes, struct lent **to)
{
    struct tcpip_connection *connection = offload->connection;
    if (connection->up_bytes - connection->foreign_bytes >= offload->record.cached.initial_rcv_wnd && !connection->is_silent) {
        offload->is_refused = TRUE;
        return FALSE;
    }
    struct lent *lent = tcpip_alloc(sizeof *lent);
    if (!lent)
        return FALSE;
    *lent = (struct lent){.owner = {.holds = 1, .on_release = lent_release}, .nbl = nbl, .adapter = offload->adapter, .offload = offload};
    if (!connection->is_silent && !received_take(offload, lent)) {
        tcpip_free(lent);
        return FALSE;
    }
    offload->adapter->chimney.lent++;
    *to = lent;
    if (connection->is_silent)
        return TRUE; // nobody wants them any more
    connection->up_bytes += bytes;
    if (offload->has_fin_behind && offload->fin_after_bytes) {
        offload->fin_after_bytes -= min(bytes, offload->fin_after_bytes);
        connection->is_away_fin = !offload->fin_after_bytes;
    }
    tcpip_post(&connection->news);
    return TRUE;
}

// A list given up inside its own indication goes back after it: with the connection's next indication, because a target makes one at a
// time, so that it soon has what it fills again; if there is none, by a DPC.
VOID
tcpip_offload_return(struct tcpip_offload *offload)
{
    NET_BUFFER_LIST **to = &offload->adapter->chimney.to_return;
    if (!offload->to_return)
        return;
    while (*to)
        to = &NET_BUFFER_LIST_NEXT_NBL(*to);
    *to = offload->to_return;
    offload->to_return = NULL;
    RemoveEntryList(&offload->return_link);
    tcpip_adapter_queue(offload->adapter);
}

VOID
tcpip_offload_return_dpc(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct tcpip_adapter *adapter = context;
    struct tcpip_call call;
    UNREFERENCED_PARAMETER(dpc);
    UNREFERENCED_PARAMETER(argument1);
    UNREFERENCED_PARAMETER(argument2);
    tcpip_enter(&call);
    while (!IsListEmpty(&adapter->chimney.returning))
        tcpip_offload_return(CONTAINING_RECORD(adapter->chimney.returning.Flink, struct tcpip_offload, return_link));
    tcpip_leave(&call);
}

static VOID
indication_end(struct tcpip_offload *offload, struct lent *lent)
{
    struct tcpip_chimney *chimney = &offload->adapter->chimney;
    eng_drop(&lent->owner); // ours; if it was the last, the list is in to_return now and lent is gone
    if (!offload->to_return) {
        lent->offload = NULL;
        return;
    }
    InsertTailList(&chimney->returning, &offload->return_link);
    KeInsertQueueDpc(&chimney->return_dpc, NULL, NULL);
}

NDIS_STATUS NTAPI
tcpip_offload_receive(PVOID context, PNET_BUFFER_LIST nbl, NDIS_STATUS status, PULONG consumed)
{
    struct tcpip_offload *offload = CONTAINING_RECORD(context, struct tcpip_offload, handle);
    struct lent *lent = NULL;
    struct tcpip_call call;
    ULONG bytes = (ULONG)chim_nbl_bytes(nbl);
    UNREFERENCED_PARAMETER(status); // always NDIS_STATUS_SUCCESS
    tcpip_enter(&call);
    tcpip_offload_return(offload);
    BOOLEAN is_taken = receive_locked(offload, nbl, bytes, &lent);
    if (!is_taken && !offload->is_refused) {
        offload->is_refused = offload->wants_post = TRUE; // memory was short: asked for again soon
        tcpip_post_later(&offload->connection->news);
    }
    tcpip_leave(&call);
    *consumed = is_taken ? bytes : 0;
    if (!is_taken)
        return NDIS_STATUS_OFFLOAD_DATA_NOT_ACCEPTED;
    tcpip_enter(&call);
    indication_end(offload, lent);
    tcpip_leave(&call);
    return NDIS_STATUS_SUCCESS;
}

// The receive buffer doubles when the client used more than half of it within a round trip, as the engine's does (engine/tcp/text.c). The
// round trip is that of the hand-over: nobody tells a later one.
static VOID
window_tune(struct tcpip_offload *offload, ULONG bytes, uint64_t now_us)
{
    ULONG buffer = offload->record.cached.initial_rcv_wnd, most = (ULONG)MAXUSHORT << offload->record.constant.rcv_wnd_scale;
    ULONG64 rtt_us = (ULONG64)offload->record.delegated.srtt * offload->adapter->chimney.tick_us / 8;
    ULONG64 past_us = now_us - offload->used_us;
    most = min(most, TCPIP_RECEIVE_MAX_BYTES);
    if (offload->state != OFFLOAD_THERE || buffer >= most || offload->wanted_window_bytes)
        return;
    rtt_us = max(rtt_us, TUNE_RTT_LEAST_US);
    offload->used_bytes += bytes;
    if (past_us < rtt_us)
        return;
    if (offload->used_us && offload->used_bytes * rtt_us / past_us > buffer / 2) {
        offload->wanted_window_bytes = most / 2 > buffer ? 2 * buffer : most;
        offload->adapter->chimney.wants_windows = TRUE;
        tcpip_adapter_queue(offload->adapter);
    }
    offload->used_us = now_us;
    offload->used_bytes = 0;
}

VOID
tcpip_offload_used(struct tcpip_offload *offload, ULONG bytes, uint64_t now_us)
{
    struct tcpip_connection *connection = offload->connection;
    window_tune(offload, bytes, now_us);
    if (!offload->is_refused || connection->up_bytes - connection->foreign_bytes > offload->record.cached.initial_rcv_wnd / 2)
        return;
    offload->is_refused = FALSE;
    offload->wants_post = TRUE;
    tcpip_post(&connection->news);
}
