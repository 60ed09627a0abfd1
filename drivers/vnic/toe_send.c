// SPDX-License-Identifier: MIT
// What the host sends: straight out of its buffers, in order. A disconnect's last words are a send like others, with the FIN behind it.
//   vnic_toe_send -> send_begin -> tcp_send ... TCP_EVENT_SENT -> toe_sends_take -> toe_sends_done -> NdisTcpOffloadSendComplete
//   vnic_toe_disconnect -> the same and tcp_shutdown, or tcp_abort -> toe_disconnect_done -> NdisTcpOffloadDisconnectComplete
//   vnic_toe_forward -> tcp_input, bytes copied -> NdisTcpOffloadForwardComplete
// Every send is accepted [ndischimney/nc-ndischimney-w_tcp_offload_send_handler]. One for whose description memory is short waits with
// the host's own links and asks for an upload; what waits at a terminate goes back in the chain, in its order.
// An NBL is complete when its last byte was acknowledged, and no packet that still has to leave needs its bytes.
#include "toe.h"

static struct toe_connection *
connection_from(PVOID context)
{
    return context;
}

// ---- descriptions

// The last hold is gone. locks: toe->lock held
static void
send_release(struct eng_owner *owner)
{
    struct toe_send *s = CONTAINING_RECORD(owner, struct toe_send, owner);
    s->is_released = TRUE;
    toe_post(s->connection);
}

struct toe_send *
toe_send_create(struct toe_connection *c, NET_BUFFER_LIST *nbl)
{
    ULONG room = nbl ? chim_nbl_span_count(nbl) : 0;   // a disconnect may come without one
    struct toe_send *s = toe_alloc(c->toe, sizeof *s + room * sizeof s->spans[0]);
    if (!s)
        return NULL;
    s->connection = c;
    s->nbl = nbl;
    s->room = room;
    s->owner = (struct eng_owner){.holds = 1, .on_release = send_release};
    s->status = NDIS_STATUS_SUCCESS;
    s->send.spans = s->spans;
    s->send.flags = TCP_SEND_PUSH;        // at each boundary of the host's
    s->send.n_spans = room ? chim_nbl_spans(nbl, s->spans, room, &s->owner) : 0;
    s->send.bytes = nbl ? chim_nbl_bytes(nbl) : 0;
    if (room && !s->send.n_spans) {       // an MDL that cannot be mapped now
        toe_free(c->toe, s);
        return NULL;
    }
    c->toe->send_count++;
    return s;
}

VOID
toe_send_free(struct toe_send *s)
{
    s->connection->toe->send_count--;
    toe_free(s->connection->toe, s);
}

static struct toe_send *
first_send(const struct toe_connection *c)
{
    return IsListEmpty(&c->sends) ? NULL : CONTAINING_RECORD(c->sends.Flink, struct toe_send, link);
}

static VOID
send_end(struct toe_send *s, NDIS_STATUS status)
{
    if (s->is_ended)
        return;
    s->is_ended = TRUE;
    s->status = status;
    eng_drop(&s->owner);
}

// ---- sends

// Into the engine, unless the connection is on its way back or over: then it waits for the terminate, or ends.
static VOID
send_begin(struct toe_connection *c, struct toe_call *call, struct toe_send *s)
{
    InsertTailList(&c->sends, &s->link);
    if (c->is_aborted) {
        send_end(s, NDIS_STATUS_REQUEST_ABORTED);
    } else if (!s->send.bytes) {
        if (!s->is_disconnect)
            send_end(s, NDIS_STATUS_SUCCESS);
    } else if (!c->is_uploading && !c->is_terminating && c->tcp) {
        s->is_in_engine = !tcp_send(c->tcp, &s->send, call->now_us, &call->outbox);
    }
    toe_post(c);
}

static VOID
disconnect_fail(struct toe_connection *c, NET_BUFFER_LIST *nbl)
{
    c->has_disconnect_back = TRUE;
    c->disconnect_back = nbl;
    if (!nbl)
        return;
    NET_BUFFER_LIST_STATUS(nbl) = NDIS_STATUS_UPLOAD_IN_PROGRESS;
    NET_BUFFER_LIST_INFO(nbl, TcpOffloadBytesTransferred) = NULL;
}

static VOID
send_post(struct toe_connection *c, struct toe_call *call, NET_BUFFER_LIST *nbl, BOOLEAN is_disconnect)
{
    struct toe_send *s = c->waiting.first ? NULL : toe_send_create(c, nbl);
    if (s) {
        s->is_disconnect = is_disconnect;
        send_begin(c, call, s);
        return;
    }
    // A disconnect may fail when the connection is being uploaded, and so it is now.
    if (is_disconnect)
        disconnect_fail(c, nbl);
    else
        toe_list_push(&c->waiting, nbl);
    toe_post(c);
    toe_retrieve(c, UploadRequested);     // [wdd network/terminating-the-offload-of-a-connection-because-of-resource-constraint]
}

NDIS_STATUS
vnic_toe_send(NDIS_HANDLE context, PVOID offload_context, PNET_BUFFER_LIST nbls)
{
    struct vnic_toe *toe = ((struct vnic_adapter *)context)->toe;
    struct toe_connection *c = connection_from(offload_context);
    struct toe_call call;
    toe_enter(toe, &call);
    for (NET_BUFFER_LIST *next; nbls; nbls = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbls);
        NET_BUFFER_LIST_NEXT_NBL(nbls) = NULL;
        send_post(c, &call, nbls, FALSE);
    }
    if (!toe_is_valid(c))
        toe_retrieve(c, InvalidState);
    toe_leave(toe, &call);
    return NDIS_STATUS_PENDING;
}

VOID
toe_sends_take(struct toe_connection *c)
{
    struct tcp_send *send;
    while (c->tcp && (send = tcp_send_done(c->tcp))) {
        struct toe_send *s = CONTAINING_RECORD(send, struct toe_send, send);
        s->is_in_engine = FALSE;
        if (!s->is_disconnect || send->status)
            send_end(s, send->status ? NDIS_STATUS_REQUEST_ABORTED : NDIS_STATUS_SUCCESS);
    }
}

VOID
toe_sends_end(struct toe_connection *c, NDIS_STATUS status)
{
    toe_sends_take(c);
    for (LIST_ENTRY *entry = c->sends.Flink; entry != &c->sends; entry = entry->Flink)
        send_end(CONTAINING_RECORD(entry, struct toe_send, link), status);
    for (NET_BUFFER_LIST *nbl; (nbl = toe_list_pop(&c->waiting));) {
        // No description, so no waiting for packets either: it never was in one.
        NET_BUFFER_LIST_STATUS(nbl) = status;
        NET_BUFFER_LIST_INFO(nbl, TcpOffloadBytesTransferred) = NULL;
        toe_list_push(&c->waiting_done, nbl);
    }
}

VOID
toe_sends_abandon(struct toe_connection *c, NDIS_STATUS status)
{
    for (LIST_ENTRY *entry = c->sends.Flink; entry != &c->sends; entry = entry->Flink) {
        struct toe_send *s = CONTAINING_RECORD(entry, struct toe_send, link);
        for (ULONG i = 0; s->is_in_engine && i < s->send.n_spans; i++)
            eng_drop(&s->owner);
        s->is_in_engine = FALSE;
    }
    toe_sends_end(c, status);
}

// Status, bytes, and the NET_BUFFERs advanced by what the peer has.
static VOID
send_sign(struct toe_send *s)
{
    if (!s->nbl)
        return;
    NET_BUFFER_LIST_STATUS(s->nbl) = s->status;
    NET_BUFFER_LIST_INFO(s->nbl, TcpOffloadBytesTransferred) = (PVOID)(ULONG_PTR)s->send.acked_bytes;
    chim_nbl_advance(s->nbl, s->send.acked_bytes);
}

NET_BUFFER_LIST *
toe_sends_done(struct toe_connection *c)
{
    NET_BUFFER_LIST *first = NULL, **end = &first;
    for (struct toe_send *s; (s = first_send(c)) && s->is_ended && s->is_released && !s->is_disconnect;) {
        RemoveEntryList(&s->link);
        send_sign(s);
        *end = s->nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(s->nbl);
        toe_send_free(s);
    }
    if (!first_send(c))
        for (NET_BUFFER_LIST *nbl; (nbl = toe_list_pop(&c->waiting_done));) {
            *end = nbl;
            end = &NET_BUFFER_LIST_NEXT_NBL(nbl);
        }
    *end = NULL;
    return first;
}

// ---- disconnects

// The FIN, and all before it, has been acknowledged.
static BOOLEAN
disconnect_is_over(const struct toe_connection *c)
{
    struct tcp_info info;
    tcp_info(c->tcp, &info);
    return info.fin_acked;
}

BOOLEAN
toe_disconnect_done(struct toe_connection *c, NET_BUFFER_LIST **nbl)
{
    struct toe_send *s = c->disconnect_done;
    *nbl = c->disconnect_back;
    if (c->has_disconnect_back) {
        c->has_disconnect_back = FALSE;
        return TRUE;
    }
    if (!s) {
        s = first_send(c);
        if (!s || !s->is_disconnect)
            return FALSE;
        if (!s->is_ended && c->tcp && !c->is_given_back && !s->is_in_engine && disconnect_is_over(c))
            send_end(s, NDIS_STATUS_SUCCESS);
        if (!s->is_ended || !s->is_released)
            return FALSE;
        RemoveEntryList(&s->link);
    }
    c->disconnect_done = NULL;
    *nbl = s->nbl;
    send_sign(s);
    toe_send_free(s);
    return TRUE;
}

BOOLEAN
toe_disconnect_end(struct toe_connection *c, NDIS_STATUS status)
{
    for (LIST_ENTRY *entry = c->sends.Flink; entry != &c->sends; entry = entry->Flink) {
        struct toe_send *s = CONTAINING_RECORD(entry, struct toe_send, link);
        if (!s->is_disconnect)
            continue;
        RemoveEntryList(&s->link);
        s->status = s->is_ended ? s->status : status;
        s->is_ended = TRUE;
        s->owner.holds = 0;
        c->disconnect_done = s;
        return TRUE;
    }
    return FALSE;
}

// A reset, at once: neither indications nor what was received is waited for. Sends come back first, then the request.
static VOID
disconnect_abort(struct toe_connection *c, struct toe_call *call, NET_BUFFER_LIST *nbl)
{
    BOOLEAN was_aborted = c->is_aborted;
    if (!was_aborted && c->tcp && !c->is_given_back) {
        c->is_aborted = TRUE;
        c->events &= ~(ULONG)TOE_EVENT_RETRIEVE;
        tcp_abort(c->tcp, call->now_us, &call->outbox);
        toe_receives_end(c, NDIS_STATUS_REQUEST_ABORTED);
        toe_sends_end(c, NDIS_STATUS_REQUEST_ABORTED);
    }
    send_post(c, call, nbl, TRUE);
    struct toe_send *s = IsListEmpty(&c->sends) ? NULL : CONTAINING_RECORD(c->sends.Blink, struct toe_send, link);
    if (s && s->is_disconnect && s->nbl == nbl) {
        send_end(s, NDIS_STATUS_SUCCESS);
        s->status = was_aborted ? NDIS_STATUS_REQUEST_ABORTED : NDIS_STATUS_SUCCESS;
    }
}

NDIS_STATUS
vnic_toe_disconnect(NDIS_HANDLE context, PVOID offload_context, PNET_BUFFER_LIST nbl, ULONG flags)
{
    struct vnic_toe *toe = ((struct vnic_adapter *)context)->toe;
    struct toe_connection *c = connection_from(offload_context);
    struct toe_call call;
    toe_enter(toe, &call);
    c->has_disconnect = TRUE;
    if (nbl)
        NET_BUFFER_LIST_NEXT_NBL(nbl) = NULL;
    if (flags == TCP_DISCONNECT_ABORTIVE_CLOSE) {
        disconnect_abort(c, &call, nbl);
    } else {
        send_post(c, &call, nbl, TRUE);
        // The FIN goes behind the data, and does not wait for its acknowledgement.
        if (!c->is_uploading && !c->is_terminating && !c->is_aborted && c->tcp && !c->waiting.first)
            (void)tcp_shutdown(c->tcp, call.now_us, &call.outbox);
    }
    toe_leave(toe, &call);
    return NDIS_STATUS_PENDING;
}

// ---- forwarded segments

static NDIS_STATUS
forward_one(struct toe_connection *c, struct toe_call *call, NET_BUFFER_LIST *nbl)
{
    struct eng_span spans[TOE_UP_SPANS];
    if (c->is_aborted)
        return NDIS_STATUS_REQUEST_ABORTED;
    if (c->is_uploading || c->is_terminating || !c->tcp)
        return NDIS_STATUS_UPLOAD_IN_PROGRESS;
    ULONG count = chim_nbl_spans(nbl, spans, TOE_UP_SPANS, NULL);
    // The host has looked at all below TCP, and at the checksum or at who vouched for it.
    struct eng_in in = {.spans = spans, .n_spans = (uint16_t)count, .protocol = 6, .length_bytes = (uint32_t)chim_nbl_bytes(nbl),
                        .flags = ENG_IN_L4_SUM_GOOD | ENG_IN_SCARCE, .source = c->path->remote, .destination = c->path->local};
    if (!count) {
        toe_retrieve(c, UploadRequested);
        return NDIS_STATUS_UPLOAD_IN_PROGRESS;
    }
    if (tcp_input(c->toe->tcp, &in, call->now_us, &call->outbox) == TCP_FOR_HOST)
        return NDIS_STATUS_UPLOAD_IN_PROGRESS; // who will count it
    c->toe->counts[toe_family(&c->path->local)].tcp.InSegments++;
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
vnic_toe_forward(NDIS_HANDLE context, PVOID offload_context, PNET_BUFFER_LIST nbls)
{
    struct vnic_toe *toe = ((struct vnic_adapter *)context)->toe;
    struct toe_connection *c = connection_from(offload_context);
    struct toe_call call;
    toe_enter(toe, &call);
    for (NET_BUFFER_LIST *next; nbls; nbls = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbls);
        NET_BUFFER_LIST_STATUS(nbls) = forward_one(c, &call, nbls);
        toe_list_push(&c->forwards_done, nbls);
    }
    toe_post(c);
    toe_leave(toe, &call);
    return NDIS_STATUS_PENDING;
}
