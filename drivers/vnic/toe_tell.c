// SPDX-License-Identifier: MIT
// Everything that goes up, told by one teller at a time with no lock held, at DISPATCH_LEVEL.
//   trees      toe->done: NdisMXxxOffloadComplete; an initiate's connections become live when its completion has returned, because nothing
//              may be indicated before that [wdd network/processing-events-that-occur-during-an-offload]
//   news       of a connection, in this order: abort, ended sends, the disconnect, receives, forwarded segments, an indication,
//              the peer's FIN, a retrieve, the backlog, and at last its way back
//   questions  NeighborReachabilityQuery, answered at once [wdd network/making-a-neighborreachabilityquery-indication]
#include "toe.h"

// ---- trees

static VOID
make_live(struct vnic_toe *toe, PVOID root)
{
    for (LIST_ENTRY *entry = toe->fresh.Flink, *next; entry != &toe->fresh; entry = next) {
        struct toe_connection *c = CONTAINING_RECORD(entry, struct toe_connection, fresh_link);
        next = entry->Flink;
        if (c->fresh_root != root)
            continue;
        RemoveEntryList(&c->fresh_link);
        InitializeListHead(&c->fresh_link);
        c->is_live = TRUE;
        toe_post(c);
    }
}

static BOOLEAN
tell_tree(struct vnic_toe *toe)
{
    enum toe_op op;
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *root = toe_tree_pop(&toe->done, &op);
    static const CHAR marker;                  // stands for a root that is being completed: its memory may be the next one's already
    if (!root)
        return FALSE;
    if (op == TOE_TERMINATE)
        toe_tree_free(toe, root);
    for (LIST_ENTRY *entry = toe->fresh.Flink; op == TOE_INITIATE && entry != &toe->fresh; entry = entry->Flink) {
        struct toe_connection *c = CONTAINING_RECORD(entry, struct toe_connection, fresh_link);
        c->fresh_root = c->fresh_root == root ? (PVOID)(ULONG_PTR)&marker : c->fresh_root;
    }
    KeReleaseSpinLockFromDpcLevel(&toe->lock);
    switch (op) {
    case TOE_INITIATE: toe->upward->on_initiate_done(toe->adapter->ndis, root); break;
    case TOE_QUERY: toe->upward->on_query_done(toe->adapter->ndis, root); break;
    case TOE_UPDATE: toe->upward->on_update_done(toe->adapter->ndis, root); break;
    case TOE_INVALIDATE: toe->upward->on_invalidate_done(toe->adapter->ndis, root); break;
    case TOE_TERMINATE: toe->upward->on_terminate_done(toe->adapter->ndis, root); break;
    }
    KeAcquireSpinLockAtDpcLevel(&toe->lock);
    if (op == TOE_INITIATE)
        make_live(toe, (PVOID)(ULONG_PTR)&marker);
    return TRUE;
}

// ---- news

typedef VOID(NTAPI *toe_complete_fn)(NDIS_HANDLE ndis, PNET_BUFFER_LIST nbls);

static VOID
tell_nbls(struct vnic_toe *toe, toe_complete_fn complete, NET_BUFFER_LIST *nbls)
{
    KeReleaseSpinLockFromDpcLevel(&toe->lock);
    complete(toe->adapter->ndis, nbls);
    KeAcquireSpinLockAtDpcLevel(&toe->lock);
}

static VOID
tell_event(struct toe_connection *c, ULONG type, ULONG information)
{
    struct vnic_toe *toe = c->toe;
    KeReleaseSpinLockFromDpcLevel(&toe->lock);
    toe->handlers.NdisTcpOffloadEventHandler(c->object.ndis, type, information);
    KeAcquireSpinLockAtDpcLevel(&toe->lock);
}

// A list through our own links as one through Next.
static NET_BUFFER_LIST *
list_take(struct toe_list *list)
{
    NET_BUFFER_LIST *first = NULL, **end = &first;
    for (NET_BUFFER_LIST *nbl; (nbl = toe_list_pop(list));) {
        *end = nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(nbl);
    }
    *end = NULL;
    return first;
}

static BOOLEAN
tell_completions(struct toe_connection *c)
{
    struct vnic_toe *toe = c->toe;
    NET_BUFFER_LIST *nbls = toe_sends_done(c);
    if (nbls) {
        tell_nbls(toe, toe->handlers.NdisTcpOffloadSendComplete, nbls);
        return TRUE;
    }
    if (toe_disconnect_done(c, &nbls)) {
        tell_nbls(toe, toe->handlers.NdisTcpOffloadDisconnectComplete, nbls);
        return TRUE;
    }
    if ((nbls = list_take(&c->receives_done))) {
        tell_nbls(toe, toe->handlers.NdisTcpOffloadReceiveComplete, nbls);
        return TRUE;
    }
    if ((nbls = list_take(&c->forwards_done))) {
        tell_nbls(toe, toe->handlers.NdisTcpOffloadForwardComplete, nbls);
        return TRUE;
    }
    return FALSE;
}

static BOOLEAN
tell_indication(struct toe_connection *c, struct toe_call *call)
{
    struct vnic_toe *toe = c->toe;
    struct toe_up *up;
    ULONG bytes, consumed = 0;
    if (!toe_receive_indication(c, &up, &bytes))
        return FALSE;
    KeReleaseSpinLockFromDpcLevel(&toe->lock);
    NDIS_STATUS status = toe->handlers.NdisTcpOffloadReceiveHandler(c->object.ndis, up->nbl, NDIS_STATUS_SUCCESS, &consumed);
    KeAcquireSpinLockAtDpcLevel(&toe->lock);
    if (status == NDIS_STATUS_SUCCESS) {
        consumed = bytes;                 // the NBL is the host's, and may be back already
        c->refusals = 0;
    } else {
        consumed = status == NDIS_STATUS_OFFLOAD_DATA_PARTIALLY_ACCEPTED ? consumed < bytes ? consumed : bytes : 0;
        toe_up_put(toe, up);
        c->is_refused = !c->posts.first;
    }
    if (c->tcp && consumed)
        tcp_receive_take(c->tcp, consumed, call->now_us, &call->outbox);
    return TRUE;
}

// What the host should have outstanding here: twice what the path takes, as far as the peer lets us; told when it has doubled or halved.
static VOID
backlog_look(struct toe_connection *c)
{
    struct tcp_info info;
    struct tcp_record record;
    tcp_info(c->tcp, &info);
    tcp_query(c->tcp, 0, &record);
    ULONG64 want = 2ull * info.cwnd;
    if (want > record.delegated.max_snd_wnd)
        want = record.delegated.max_snd_wnd;
    if (want < TOE_BACKLOG_LEAST)
        want = TOE_BACKLOG_LEAST;
    if (want > TOE_BACKLOG_MOST)
        want = TOE_BACKLOG_MOST;
    if (c->backlog_bytes && want < 2ull * c->backlog_bytes && 2 * want > c->backlog_bytes)
        return;
    c->backlog_bytes = (ULONG)want;
    c->events |= TOE_EVENT_BACKLOG;
}

// A hint that was due while the connection was open is none any more once one of its halves is closed
// [ndischimney/nc-ndischimney-ndis_tcp_offload_event_indicate].
static VOID
hint_look(struct toe_connection *c)
{
    struct tcp_info info;
    tcp_info(c->tcp, &info);
    if (!c->is_uploading && info.state != TCP_ESTABLISHED)
        c->events &= ~(ULONG)TOE_EVENT_RETRIEVE;
}

static BOOLEAN
tell_events(struct toe_connection *c)
{
    hint_look(c);
    if (!c->fin_told && !c->is_aborted && toe_receive_is_over(c)) {
        c->fin_told = TRUE;
        tell_event(c, TcpIndicateDisconnect, c->toe->adapter->settings.toe_junk);
        return TRUE;
    }
    if (c->events & TOE_EVENT_RETRIEVE) {
        c->events &= ~(ULONG)TOE_EVENT_RETRIEVE;
        tell_event(c, TcpIndicateRetrieve, c->reason);
        if (c->reason == HardwareFailure)
            c->events |= TOE_EVENT_ABORT; // [wdd network/returning-the-completion-status-of-a-query-offload-operation]
        return TRUE;
    }
    if (c->is_aborted || c->is_uploading)
        return FALSE;
    backlog_look(c);
    if (!(c->events & TOE_EVENT_BACKLOG))
        return FALSE;
    c->events &= ~(ULONG)TOE_EVENT_BACKLOG;
    tell_event(c, TcpIndicateSendBacklogChange, c->backlog_bytes);
    return TRUE;
}

// One piece of news. FALSE: there was none; the connection may be gone then.
static BOOLEAN
tell_connection(struct toe_connection *c, struct toe_call *call)
{
    if (c->events & TOE_EVENT_ABORT) {
        c->events &= ~(ULONG)(TOE_EVENT_ABORT | TOE_EVENT_RETRIEVE);
        tell_event(c, TcpIndicateAbort, c->toe->adapter->settings.toe_junk);
        return TRUE;
    }
    if (c->is_terminating)
        toe_receives_end(c, c->is_aborted || c->is_lost ? NDIS_STATUS_REQUEST_ABORTED : NDIS_STATUS_UPLOAD_IN_PROGRESS);
    else if (c->tcp)
        toe_receive_fill(c, call);
    if (tell_completions(c))
        return TRUE;
    if (!c->tcp)
        return FALSE;
    if (c->is_terminating) {
        (void)toe_connection_give_back(c->toe, call, c);
        return FALSE;
    }
    return tell_indication(c, call) || tell_events(c);
}

static BOOLEAN
tell_news(struct vnic_toe *toe)
{
    struct toe_call call;
    if (IsListEmpty(&toe->news))
        return FALSE;
    struct toe_connection *c = CONTAINING_RECORD(RemoveHeadList(&toe->news), struct toe_connection, news_link);
    InitializeListHead(&c->news_link);
    c->is_posted = FALSE;
    eng_outbox_init(&call.outbox);
    call.now_us = toe_now_us(toe);
    // A connection is freed by the teller alone, so c outlives what is told.
    if (tell_connection(c, &call))
        toe_post(c);
    toe_settle(toe, &call);
    return TRUE;
}

// ---- questions

static BOOLEAN
tell_question(struct vnic_toe *toe)
{
    if (IsListEmpty(&toe->asking))
        return FALSE;
    struct toe_neighbor *n = CONTAINING_RECORD(RemoveHeadList(&toe->asking), struct toe_neighbor, ask_link);
    uint64_t now_us = toe_now_us(toe);
    struct chim_parts parts;
    NdisZeroMemory(&n->query, sizeof n->query);
    n->query.block.Header.Type = NeighborOffloadState;
    n->query.block.Header.Revision = NDIS_OFFLOAD_BLOCK_LIST_REVISION_1;
    n->query.block.Header.Size = sizeof n->query.block;
    n->query.block.Status = NDIS_STATUS_SUCCESS;
    n->query.block.NdisOffloadHandle = n->object.ndis;
    n->query.state.constant.Header.Length = sizeof n->query.state.constant;
    n->query.state.cached.Header.Length = sizeof n->query.state.cached;
    n->query.state.delegated.Header.Length = sizeof n->query.state.delegated;
    (void)chim_parts(&n->query.block, &parts);
    struct toe_call call = {.now_us = now_us};
    toe_object_query(toe, &call, &n->object, &parts);
    KeReleaseSpinLockFromDpcLevel(&toe->lock);
    toe->upward->on_offload_event(toe->adapter->ndis, &n->query.block, NeighborReachabilityQuery);
    KeAcquireSpinLockAtDpcLevel(&toe->lock);
    n->host_us = now_us - n->query.state.cached.HostReachabilityDelta * toe_tick_us(toe);
    n->is_asking = FALSE;
    return TRUE;
}

BOOLEAN
toe_tell(struct vnic_toe *toe)
{
    return tell_tree(toe) || tell_news(toe) || tell_question(toe);
}
