// SPDX-License-Identifier: MIT
// The connector from its connection's side: what TCP and iWARP have to say, NdkDisconnect, the disconnect event, and the close.
//   rdma_connector_run -> iwarp_tcp_run -> events -> the request that pends ends, or the state changes, or the consumer is told
//   NdkDisconnect -> iwarp_disconnect -> both streams have ended (or it broke: a failure) -> the QP is flushed -> the last packet over its
//   memory has left -> the request ends [network/networkdirect-disconnect-scheme]
//   the close -> a reset, unless it has ended in order -> the same wait -> TCP goes on by itself where it must (TIME_WAIT)
// The disconnect event comes once, and not when the consumer's NdkDisconnect or close came first; it flushes nothing.
#include "rdma_net.h"

#include "../rdma_common/objects.h"

// ---- requests ---------------------------------------------------------------------------------------------------------------------

VOID
rdma_connector_finish(struct rdma_connector *c, NTSTATUS status)
{
    struct rdma_request *request = c->request;
    if (!request)
        return;
    c->request = NULL;
    if (c->is_calling && !c->net->rdma->pends) {
        c->is_calling = FALSE;
        c->call_status = status;
        rdma_request_undo(request);
    } else {
        rdma_request_end(request, status);
    }
}

NTSTATUS
rdma_connector_called(struct rdma_connector *c)
{
    BOOLEAN pends = c->is_calling;
    c->is_calling = FALSE;
    return pends ? STATUS_PENDING : c->call_status;
}

VOID
rdma_connector_untime(struct rdma_connector *c)
{
    if (c->deadline_us)
        RemoveEntryList(&c->link_timed);
    c->deadline_us = 0;
}

// ---- why --------------------------------------------------------------------------------------------------------------------------

static enum tcp_end
tcp_end_of(const struct rdma_connector *c)
{
    struct tcp_info info = {0};
    if (c->tcp)
        tcp_info(c->tcp, &info);
    return info.end;
}

NTSTATUS
rdma_connector_end(const struct rdma_connector *c)
{
    struct iwarp_info info;
    iwarp_info(c->link.iwarp, &info);
    if (info.end == RDMA_END_TIMED_OUT || tcp_end_of(c) == TCP_END_TIMED_OUT)
        return STATUS_IO_TIMEOUT;
    return info.end == RDMA_END_NONE ? STATUS_SUCCESS : STATUS_CONNECTION_ABORTED;
}

// Why there is no reply.
static NTSTATUS
connect_status(const struct rdma_connector *c)
{
    struct iwarp_info info;
    iwarp_info(c->link.iwarp, &info);
    switch (tcp_end_of(c)) {
    case TCP_END_TIMED_OUT: return STATUS_IO_TIMEOUT;
    case TCP_END_UNREACHABLE: return STATUS_HOST_UNREACHABLE;
    case TCP_END_REFUSED:
    case TCP_END_RESET: return STATUS_CONNECTION_REFUSED;
    default: break;
    }
    switch (info.end) {
    case RDMA_END_TIMED_OUT: return STATUS_IO_TIMEOUT;
    case RDMA_END_NO_MEMORY: return STATUS_INSUFFICIENT_RESOURCES;
    case RDMA_END_STARTUP:
    case RDMA_END_TERMINATED: return STATUS_INVALID_NETWORK_RESPONSE;    // no MPA, or one that cannot be agreed to
    default: return STATUS_CONNECTION_REFUSED;      // it closed instead of answering
    }
}

static ULONG
reason_of(const struct rdma_connector *c)
{
    struct iwarp_info info;
    iwarp_info(c->link.iwarp, &info);
    if (c->lost == STATUS_IO_TIMEOUT)
        return RDMA_REASON_TIMED_OUT;
    ULONG detail = (ULONG)info.terminate.layer << 20 | (ULONG)info.terminate.type << 16 | (ULONG)info.terminate.code << 8;
    if (info.got_terminate)
        return RDMA_REASON_PEER_TERMINATE | detail;
    if (info.sent_terminate)
        return RDMA_REASON_TERMINATE | detail;
    switch (rdma_connector_end(c)) {
    case STATUS_SUCCESS: return RDMA_REASON_PEER;
    case STATUS_IO_TIMEOUT: return RDMA_REASON_TIMED_OUT;
    default: return RDMA_REASON_RESET;
    }
}

// ---- the disconnect event ---------------------------------------------------------------------------------------------------------

// locks: none held
static VOID
on_disconnect(struct rdma_tell *tell, struct rdma_object *object)
{
    struct rdma_connector *c = CONTAINING_RECORD(tell, struct rdma_connector, disconnect_tell);
    struct rdma_call call;
    rdma_enter(object->rdma, &call);
    BOOLEAN is_late = object->is_closing || c->state != RDMA_OPEN;
    rdma_leave(object->rdma, &call);
    if (is_late)
        return;
    if (c->on_disconnect)
        c->on_disconnect(c->disconnect_context);
    else
        c->on_disconnect_ex(c->disconnect_context, c->reason);
}

static VOID
disconnect_tell(struct rdma_connector *c)
{
    if (c->disconnect_told)
        return;
    c->disconnect_told = TRUE;
    c->reason = reason_of(c);
    c->disconnect_tell.on_tell = on_disconnect;
    if (c->on_disconnect || c->on_disconnect_ex)
        rdma_tell(&c->object, &c->disconnect_tell);
}

// ---- events -----------------------------------------------------------------------------------------------------------------------

static VOID
uncount(struct rdma_connector *c)
{
    if (c->is_counted)
        c->net->rdma->counts.ActiveConnection--;
    c->is_counted = FALSE;
}

VOID
rdma_connector_abort(struct rdma_connector *c, struct rdma_call *call)
{
    if (!c->link.iwarp)
        return;
    iwarp_abort(c->link.iwarp);
    rdma_connector_run(c, 0, call);
}

static VOID
over(struct rdma_connector *c, NTSTATUS status)
{
    if (c->state != RDMA_OVER && status != STATUS_SUCCESS)
        c->net->rdma->counts.ConnectFailure++;
    c->state = RDMA_OVER;
    rdma_connector_untime(c);
    rdma_listener_answered(c);
    rdma_connector_finish(c, status);
}

VOID
rdma_connector_fail(struct rdma_connector *c, NTSTATUS status, struct rdma_call *call)
{
    over(c, status);
    rdma_connector_abort(c, call);
}

static VOID
replied(struct rdma_connector *c, struct rdma_call *call)
{
    c->state = RDMA_REPLIED;
    c->deadline_us = call->now_us + RDMA_ESTABLISH_US;
    InsertTailList(&c->net->timed, &c->link_timed);
    rdma_connector_finish(c, STATUS_SUCCESS);
}

static VOID
rejected(struct rdma_connector *c)
{
    c->state = RDMA_OVER;
    c->is_rejected = TRUE;
    c->net->rdma->counts.ConnectFailure++;
    rdma_connector_finish(c, STATUS_CONNECTION_REFUSED);
}

static VOID
established(struct rdma_connector *c)
{
    NDIS_NDK_PERFORMANCE_COUNTERS *counts = &c->net->rdma->counts;
    c->state = RDMA_OPEN;
    *(c->is_initiator ? &counts->Connect : &counts->Accept) += 1;
    counts->ActiveConnection++;
    c->is_counted = TRUE;
    rdma_connector_finish(c, STATUS_SUCCESS);
}

static VOID
end_begin(struct rdma_connector *c, NTSTATUS status)
{
    uncount(c);
    if (c->link.qp)
        rdma_qp_end(c->link.qp);
    if (c->is_ending)                         // the first cause is the one
        return;
    c->end_status = status;
    c->is_ending = TRUE;
    InsertTailList(&c->net->ending, &c->link_ending);
}

// The request fails. A Terminate that has just been said is to arrive, and a reset would overtake it: the streams end in order, or when
// iWARP has waited long enough [RFC 6581 9.1, 9.2].
static VOID
request_lost(struct rdma_connector *c, NTSTATUS status, struct rdma_call *call)
{
    struct iwarp_info info;
    iwarp_info(c->link.iwarp, &info);
    if (info.sent_terminate || info.got_terminate)
        over(c, status);
    else
        rdma_connector_fail(c, status, call);
}

// DISCONNECT, or CLOSED: the peer has disconnected, or there is nothing left.
static VOID
lost(struct rdma_connector *c, struct rdma_call *call)
{
    NTSTATUS status = rdma_connector_end(c);
    NTSTATUS cause = status == STATUS_SUCCESS ? STATUS_CONNECTION_ABORTED : status;
    switch (c->state) {
    case RDMA_CONNECTING: request_lost(c, connect_status(c), call); break;
    case RDMA_COMPLETING:
    case RDMA_ACCEPTING: request_lost(c, cause, call); break;
    case RDMA_EMBRYO: rdma_embryo_kill(c, call); break;
    case RDMA_REPLIED:
    case RDMA_REQUESTED:
        if (c->lost == STATUS_SUCCESS)
            c->lost = cause;
        rdma_connector_abort(c, call);
        break;
    case RDMA_OPEN:
        if (c->is_closed) {                   // both directions are over, and not by our disconnect
            if (c->lost == STATUS_SUCCESS)
                c->lost = cause;
            c->net->rdma->counts.ConnectionError++;
            uncount(c);
        }
        disconnect_tell(c);
        break;
    case RDMA_DISCONNECTING:
        if (c->is_closed)
            end_begin(c, status);
        break;
    default: break;
    }
}

static VOID
events_handle(struct rdma_connector *c, uint32_t events, struct rdma_call *call)
{
    if (events & RDMA_EVENT_CLOSED)
        c->is_closed = TRUE;
    if (events & RDMA_EVENT_REQUEST && c->state == RDMA_EMBRYO)
        rdma_listener_requested(c, call);
    if (events & RDMA_EVENT_REPLY && c->state == RDMA_CONNECTING)
        replied(c, call);
    if (events & RDMA_EVENT_REJECT && c->state == RDMA_CONNECTING)
        rejected(c);
    if (events & RDMA_EVENT_ESTABLISHED && (c->state == RDMA_COMPLETING || c->state == RDMA_ACCEPTING))
        established(c);
    if (events & (RDMA_EVENT_DISCONNECT | RDMA_EVENT_CLOSED))
        lost(c, call);
}

// The hardware is gone: every request ends as for a time-out, and so does every connection.
static VOID
gone(struct rdma_connector *c, struct rdma_call *call)
{
    switch (c->state) {
    case RDMA_CONNECTING:
    case RDMA_COMPLETING:
    case RDMA_ACCEPTING: rdma_connector_fail(c, STATUS_IO_TIMEOUT, call); return;
    case RDMA_EMBRYO: rdma_embryo_kill(c, call); return;
    case RDMA_DISCONNECTING: end_begin(c, STATUS_IO_TIMEOUT); break;
    default:
        if (c->lost == STATUS_SUCCESS)
            c->lost = STATUS_IO_TIMEOUT;
        if (c->state == RDMA_OPEN)
            disconnect_tell(c);
        rdma_connector_untime(c);
        break;
    }
    rdma_connector_abort(c, call);
}

void
vnic_rdma_gone(struct vnic_adapter *adapter)
{
    struct vnic_rdma *rdma = adapter->rdma;
    struct rdma_call call;
    if (!rdma)
        return;
    rdma_enter(rdma, &call);
    rdma->net->is_gone = TRUE;
    for (LIST_ENTRY *entry = rdma->net->connectors.Flink; entry != &rdma->net->connectors; entry = entry->Flink)
        gone(CONTAINING_RECORD(entry, struct rdma_connector, link_all), &call);
    rdma_leave(rdma, &call);
}

static VOID
emss_set(struct rdma_connector *c)
{
    struct tcp_info info;
    tcp_info(c->tcp, &info);
    iwarp_set_emss(c->link.iwarp, info.mss_bytes);
}

VOID
rdma_connector_run(struct rdma_connector *c, uint32_t tcp_events, struct rdma_call *call)
{
    struct rdma_net *net = c->net;
    uint32_t events;
    c->again = TRUE;
    if (c->runs || !c->link.iwarp)
        return;
    c->runs = TRUE;
    while (c->again) {
        c->again = FALSE;
        if (tcp_events & (TCP_EVENT_CONNECTED | TCP_EVENT_MTU))
            emss_set(c);
        if (tcp_events & (TCP_EVENT_PROGRESS | TCP_EVENT_DOUBT))
            rdma_host_news(c, tcp_events);
        if (c->tcp)
            iwarp_tcp_run(net->rdma->iwarp, c->link.iwarp, c->tcp, tcp_events, net->scratch, call->now_us, &call->outbox);
        tcp_events = 0;
        events = iwarp_events(c->link.iwarp);
        if (events & ~(uint32_t)RDMA_EVENT_DONE)
            events_handle(c, events, call);
        if (c->link.qp)
            rdma_qp_reap(c->link.qp);
        // Flushed, or being closed: it connects no more.
        if (c->link.qp && c->link.qp->is_over && (c->state == RDMA_COMPLETING || c->state == RDMA_ACCEPTING))
            rdma_connector_fail(c, STATUS_CONNECTION_INVALID, call);
    }
    c->runs = FALSE;
}

VOID
rdma_connectors_time(struct rdma_net *net, struct rdma_call *call)
{
    while (!IsListEmpty(&net->timed)) {
        struct rdma_connector *c = CONTAINING_RECORD(net->timed.Flink, struct rdma_connector, link_timed);
        if (c->deadline_us > call->now_us)
            return;
        rdma_connector_untime(c);
        if (c->lost == STATUS_SUCCESS)
            c->lost = STATUS_IO_TIMEOUT;
        rdma_connector_abort(c, call);
    }
}

// ---- the end ----------------------------------------------------------------------------------------------------------------------

// Where it is, with the lock held, when the connection is to be given up. owns: the connection's hold goes with it, and so may the object
VOID
rdma_connector_release(struct rdma_connector *c, struct rdma_call *call)
{
    struct rdma_net *net = c->net;
    if (c->link.qp)
        rdma_qp_detach(c->link.qp);
    iwarp_release(c->link.iwarp);
    c->link.iwarp = NULL;
    if (c->tcp)
        tcp_release(c->tcp, call->now_us, &call->outbox);
    c->tcp = NULL;
    rdma_hop_use(net, c->hop, -1);
    RemoveEntryList(&c->link_all);
    rdma_endpoint_linger(c, call);
    if (c->endpoint)
        rdma_endpoint_drop(c->endpoint, &c->object);
    c->endpoint = NULL;
    if (c->object.type)
        rdma_drop(&c->object);
}

// TRUE: no byte of the consumer's memory is with the engines or on its way to the port.
static BOOLEAN
is_quiet(struct rdma_connector *c, const struct rdma_call *call)
{
    if (call->outbox.count || !list_is_empty(&c->net->loop))
        return FALSE;
    if (!c->is_marked)
        c->end_mark = c->net->down.pushed;
    c->is_marked = TRUE;
    return (!c->link.qp || rdma_qp_is_idle(c->link.qp)) && c->net->down.left >= c->end_mark;
}

static VOID
end_try(struct rdma_connector *c, struct rdma_call *call)
{
    if (!is_quiet(c, call))
        return;
    RemoveEntryList(&c->link_ending);
    c->is_ending = FALSE;
    if (c->state == RDMA_DISCONNECTING) {
        c->state = RDMA_OVER;
        if (c->link.qp) {                     // which no connector can use again
            rdma_qp_detach(c->link.qp);
            iwarp_set_context(c->link.iwarp, rdma_no_ops(), NULL);
        }
        rdma_connector_finish(c, c->end_status);
    }
    if (c->is_releasing)
        rdma_connector_release(c, call);
}

VOID
rdma_connectors_ending(struct rdma_net *net, struct rdma_call *call)
{
    LIST_ENTRY *next;
    for (LIST_ENTRY *entry = net->ending.Flink; entry != &net->ending && !call->outbox.count; entry = next) {
        next = entry->Flink;
        end_try(CONTAINING_RECORD(entry, struct rdma_connector, link_ending), call);
    }
}

NTAPI NTSTATUS
rdma_connector_disconnect(NDK_CONNECTOR *ndk, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_connector *c = rdma_connector_of(ndk);
    struct rdma_call call;
    NTSTATUS status = STATUS_CONNECTION_INVALID;
    rdma_enter(c->net->rdma, &call);
    if (c->state == RDMA_OPEN) {
        c->request = rdma_request_begin(&c->object, completion, context);
        status = STATUS_INSUFFICIENT_RESOURCES;
    }
    if (c->request && c->state == RDMA_OPEN) {
        c->state = RDMA_DISCONNECTING;
        c->is_calling = TRUE;
        if (c->lost != STATUS_SUCCESS)
            end_begin(c, c->lost);
        else if (iwarp_disconnect(c->link.iwarp, call.now_us))
            end_begin(c, STATUS_CONNECTION_ABORTED);
        else
            rdma_connector_run(c, 0, &call);
        if (c->is_ending)
            end_try(c, &call);
        status = rdma_connector_called(c);
    }
    rdma_leave(c->net->rdma, &call);
    return status;
}

// May its streams end by themselves? A reply that rejects, a Terminate and a FIN are still on their way.
static BOOLEAN
ends_by_itself(const struct rdma_connector *c)
{
    struct iwarp_info info;
    iwarp_info(c->link.iwarp, &info);
    if (info.end == RDMA_END_NONE)
        return c->is_closed;
    return info.end == RDMA_END_REJECTED ||
           ((info.sent_terminate || info.got_terminate) && (!c->link.qp || rdma_qp_is_idle(c->link.qp)));
}

VOID
rdma_connector_closing(struct rdma_object *object, struct rdma_call *call)
{
    struct rdma_connector *c = CONTAINING_RECORD(object, struct rdma_connector, object);
    rdma_connector_untime(c);
    rdma_listener_answered(c);
    c->state = RDMA_OVER;
    uncount(c);
    rdma_connector_finish(c, STATUS_CANCELLED);
    if (!c->link.iwarp) {
        if (c->endpoint)
            rdma_endpoint_drop(c->endpoint, object);
        c->endpoint = NULL;
        return;
    }
    if (c->link.qp)
        rdma_qp_end(c->link.qp);
    if (!ends_by_itself(c))
        rdma_connector_abort(c, call);
    c->is_releasing = TRUE;
    end_begin(c, STATUS_CANCELLED);
}

VOID
rdma_connector_dispose(struct rdma_connector *c)
{
    c->is_freed = TRUE;
    if (!c->lingers_at)
        rdma_free(c);
}

VOID
rdma_connector_free(struct rdma_object *object)
{
    rdma_connector_dispose(CONTAINING_RECORD(object, struct rdma_connector, object));
}
