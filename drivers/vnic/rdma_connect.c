// SPDX-License-Identifier: MIT
// The connector until it is open: NdkConnect, NdkConnectWithSharedEndpoint, NdkAccept, NdkReject, NdkCompleteConnect.
//   active    endpoint, way (the host may have to ask the link), TCP, MPA request -> the reply ends NdkConnect -> NdkCompleteConnect sends
//             the RTR, whose acknowledgement ends it
//   passive   (rdma_listen.c) -> NdkAccept sends the reply, and ends when the RTR comes: when the peer has completed the connect; at once
//             for a peer that knows no RTR [RFC 6581 9.2]
// An NdkConnect that fails inline leaves connector and QP as they were: it may be tried again. Any later failure is the end of both.
// Nothing but closing helps a connector that is over: STATUS_CONNECTION_INVALID.
#include "rdma_net.h"

#include <errno.h>

#define PORT_TRIES 64

// What a consumer asks of NdkConnect and NdkAccept.
struct wish {
    struct rdma_qp *qp;
    struct rdma_reads reads;
    const void *private_bytes;
    USHORT private_count;
    NDK_FN_REQUEST_COMPLETION completion;
    PVOID context;
};

struct ends {
    const SOCKADDR *source, *destination;
    ULONG source_bytes, destination_bytes;
};

// Limits are cut to the provider's [ndkpi/nc-ndkpi-ndk_fn_connect].
static NTSTATUS
wish_make(const struct vnic_rdma *rdma, NDK_QP *qp, ULONG inbound, ULONG outbound, const void *private_bytes, ULONG private_count,
          struct wish *wish)
{
    ULONG in_max = rdma->info.MaxInboundReadLimit, out_max = rdma->info.MaxOutboundReadLimit;
    if (!qp || (private_count && !private_bytes))
        return STATUS_INVALID_PARAMETER;
    if (private_count > RDMA_PRIVATE_BYTES_MAX)
        return STATUS_INVALID_BUFFER_SIZE;
    wish->qp = rdma_qp_from(qp);
    wish->reads.inbound = (uint16_t)(inbound < in_max ? inbound : in_max);
    wish->reads.outbound = (uint16_t)(outbound < out_max ? outbound : out_max);
    wish->private_bytes = private_bytes;
    wish->private_count = (USHORT)private_count;
    return STATUS_SUCCESS;
}

// The QP posts and flushes; the connection runs.
static VOID
on_kick(struct rdma_link *link, struct rdma_call *call)
{
    rdma_connector_run(CONTAINING_RECORD(link, struct rdma_connector, link), 0, call);
}

// ---- the object -------------------------------------------------------------------------------------------------------------------

static const struct rdma_type connector_type = {NdkObjectTypeConnector, &rdma_connector_dispatch, rdma_connector_closing,
                                                rdma_connector_free};

struct rdma_connector *
rdma_connector_alloc(struct vnic_rdma *rdma)
{
    struct rdma_connector *c = rdma_alloc(sizeof *c);
    if (!c)
        return NULL;
    c->net = rdma->net;
    c->link.on_kick = on_kick;
    return c;
}

VOID
rdma_connector_object(struct rdma_connector *c, struct rdma_adapter *adapter)
{
    rdma_object_init(&c->object, &connector_type, &adapter->object);
    if (c->object.header.Version.Major == 1)
        c->object.dispatch = &rdma_connector_dispatch1;
}

NTAPI NTSTATUS
rdma_connector_create(NDK_ADAPTER *ndk, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_CONNECTOR **made)
{
    struct rdma_adapter *adapter = rdma_adapter_of(ndk);
    struct vnic_rdma *rdma = adapter->object.rdma;
    struct rdma_connector *c = rdma_connector_alloc(rdma);
    struct rdma_call call;
    if (!c)
        return rdma_object_failed(&adapter->object, STATUS_INSUFFICIENT_RESOURCES, completion, context);
    rdma_enter(rdma, &call);
    rdma_connector_object(c, adapter);
    rdma_leave(rdma, &call);
    return rdma_object_made(&c->object, completion, context, (PVOID *)made);
}

// A QP for the connection, for good.
static NTSTATUS
qp_take(struct rdma_connector *c, struct rdma_qp *qp)
{
    NTSTATUS status = rdma_qp_attach(qp, &c->link);
    if (status == STATUS_SUCCESS)
        rdma_object_after(&c->object, rdma_qp_object(qp));
    return status;
}

// ---- NdkConnect -------------------------------------------------------------------------------------------------------------------

static NTSTATUS
prepare(struct rdma_connector *c, const struct wish *wish, struct rdma_call *call)
{
    struct vnic_rdma *rdma = c->net->rdma;
    const struct vnic_settings *settings = &rdma->adapter->settings;
    BOOLEAN is_enhanced = settings->rdma_mpa != 1;
    struct iwarp_open open = {.role = RDMA_INITIATOR,
                              .uses = (settings->rdma_crc ? IWARP_USE_CRC : 0u) | (is_enhanced ? IWARP_USE_ENHANCED : 0u),
                              .rtr = is_enhanced ? (uint8_t)settings->rdma_rtr : 0,
                              .emss_bytes = rdma_mtu(rdma) - 60,
                              .ops = rdma_no_ops(),
                              .reads = wish->reads,
                              .private_bytes = wish->private_bytes,
                              .private_count = wish->private_count};
    c->request = rdma_request_begin(&c->object, wish->completion, wish->context);
    if (!c->request)
        return STATUS_INSUFFICIENT_RESOURCES;
    int error = iwarp_open(rdma->iwarp, &open, call->now_us, &c->link.iwarp);
    NTSTATUS status = error ? STATUS_INSUFFICIENT_RESOURCES : qp_take(c, wish->qp);
    if (status == STATUS_SUCCESS) {
        rdma_hold(&c->object);                // the connection's
        InsertTailList(&c->net->connectors, &c->link_all);
        c->is_prepared = TRUE;
        return STATUS_SUCCESS;
    }
    if (!error)
        iwarp_release(c->link.iwarp);
    c->link.iwarp = NULL;
    rdma_request_undo(c->request);
    c->request = NULL;
    return status;
}

// A connection of these two ends that TCP would refuse to repeat.
static BOOLEAN
pair_exists(const struct rdma_connector *c)
{
    struct tcp_connection *tcp = rdma_endpoint_tcp(c->endpoint, &c->remote, c->remote_port);
    struct tcp_info info;
    if (!tcp)
        return FALSE;
    tcp_info(tcp, &info);
    return info.state != TCP_TIME_WAIT;
}

// As if it had not been prepared: the QP may be connected with again.
static VOID
unprepare(struct rdma_connector *c)
{
    struct rdma_object *qp = rdma_qp_object(c->link.qp);
    rdma_qp_unattach(c->link.qp);
    rdma_object_not_after(&c->object, qp);
    rdma_hop_use(c->net, c->hop, -1);
    c->hop = 0;
    iwarp_release(c->link.iwarp);
    c->link.iwarp = NULL;
    RemoveEntryList(&c->link_all);
    c->is_prepared = FALSE;
    rdma_request_undo(c->request);
    c->request = NULL;
    rdma_drop(&c->object);
}

// To the adapter itself nothing has to be sent to learn that nobody would answer.
static BOOLEAN
is_refused_here(const struct rdma_connector *c)
{
    struct rdma_endpoint *endpoint = rdma_endpoint_find(c->net, &c->remote, c->remote_port);
    struct rdma_listener *listener = endpoint && endpoint->listener ? tcp_listener_context(endpoint->listener) : NULL;
    return !listener || !rdma_listener_is_open(listener);
}

static NTSTATUS
connect_tcp(struct rdma_connector *c, struct rdma_call *call)
{
    const struct nbx_rnic_path *way = &c->ask.path;
    struct rdma_net *net = c->net;
    ULONG mtu = rdma_mtu(net->rdma);
    struct tcp_open open = {.local = c->endpoint->local,
                            .remote = c->remote,
                            .local_port = c->endpoint->port,
                            .remote_port = c->remote_port,
                            .path = {.mtu_bytes = way->mtu_bytes && way->mtu_bytes < mtu ? way->mtu_bytes : mtu},
                            .cached_flags = TCP_CACHED_KEEP_ALIVE,
                            .ttl = way->hop_limit,
                            .context = c};
    c->hop = rdma_hop_get(net, way->next_link, way->is_local ? RDMA_LOOP_VLAN : 0);
    if (!c->hop)
        return STATUS_INSUFFICIENT_RESOURCES;
    net->has_loops |= way->is_local;
    open.path.interface_index = c->hop;
    vnic_down_path(net->rdma->adapter, c->remote.family, &open.path);
    rdma_hop_use(net, c->hop, 1);
    switch (tcp_connect(net->tcp, &open, call->now_us, &call->outbox, &c->tcp)) {
    case 0: return STATUS_SUCCESS;
    case -EADDRINUSE: return STATUS_ADDRESS_ALREADY_EXISTS;
    case -ENOMEM: return STATUS_INSUFFICIENT_RESOURCES;
    default: return STATUS_INVALID_ADDRESS_COMPONENT;      // a peer that cannot be one
    }
}

// The way is known, or that there is none, and everything is prepared.
static VOID
proceed(struct rdma_connector *c, struct rdma_call *call)
{
    NTSTATUS status = c->ask_status;
    if (status == STATUS_SUCCESS)
        status = connect_tcp(c, call);
    if (status == STATUS_SUCCESS)
        rdma_connector_run(c, 0, call);
    else
        rdma_connector_fail(c, status, call);
}

// NDK_ADAPTER_FLAG_LOOPBACK_CONNECTIONS_SUPPORTED is about the adapter itself: addresses that the host has elsewhere are not reached.
// locks: none held
static NTSTATUS
way_check(struct rdma_connector *c, NTSTATUS status)
{
    if (status == STATUS_SUCCESS && c->ask.path.is_local && !rdma_host_owns(c->net, &c->remote))
        return STATUS_NOT_SUPPORTED;
    return status;
}

// irql: <= DISPATCH   locks: none
static NTAPI VOID
on_resolved(struct nbx_rnic_resolve *ask, NTSTATUS status)
{
    struct rdma_connector *c = CONTAINING_RECORD(ask, struct rdma_connector, ask);
    struct vnic_rdma *rdma = c->net->rdma;
    struct rdma_call call;
    status = way_check(c, status);
    rdma_enter(rdma, &call);
    c->is_asking = FALSE;
    c->ask_status = status;
    if (c->is_prepared && c->state == RDMA_CONNECTING)
        proceed(c, &call);
    rdma_drop(&c->object);
    rdma_leave(rdma, &call);
}

// Reserve the connector. fails: STATUS_CONNECTION_ACTIVE, STATUS_CONNECTION_INVALID, STATUS_IO_TIMEOUT
static NTSTATUS
connect_begin(struct rdma_connector *c)
{
    struct vnic_rdma *rdma = c->net->rdma;
    struct rdma_call call;
    NTSTATUS status = STATUS_SUCCESS;
    rdma_enter(rdma, &call);
    if (c->state == RDMA_OVER)
        status = STATUS_CONNECTION_INVALID;
    else if (c->state != RDMA_NEW)
        status = STATUS_CONNECTION_ACTIVE;
    else if (c->net->is_gone)                 // as what was under way then ended
        status = STATUS_IO_TIMEOUT;
    else
        c->state = RDMA_CONNECTING;
    rdma_leave(rdma, &call);
    return status;
}

// It was as if it had never been asked. locks: rdma->lock held
static VOID
connect_undo(struct rdma_connector *c)
{
    if (c->endpoint)
        rdma_endpoint_drop(c->endpoint, &c->object);
    c->endpoint = NULL;
    c->state = RDMA_NEW;
}

// With the endpoint. status: what the host said of the way.
static NTSTATUS
connect_go(struct rdma_connector *c, const struct wish *wish, NTSTATUS asked)
{
    struct vnic_rdma *rdma = c->net->rdma;
    struct rdma_call call;
    NTSTATUS status = asked;
    rdma_enter(rdma, &call);
    if (asked != STATUS_PENDING) {            // on_resolved does not come
        c->is_asking = FALSE;
        c->ask_status = asked;
        rdma_drop(&c->object);
    }
    if (NT_SUCCESS(status) && pair_exists(c))
        status = STATUS_ADDRESS_ALREADY_EXISTS;
    if (status == STATUS_SUCCESS && c->ask.path.is_local && is_refused_here(c))
        status = STATUS_CONNECTION_REFUSED;
    if (NT_SUCCESS(status))
        status = prepare(c, wish, &call);
    if (status == STATUS_SUCCESS && c->ask_status != STATUS_PENDING) {
        status = c->ask_status == STATUS_SUCCESS ? connect_tcp(c, &call) : c->ask_status;
        if (status != STATUS_SUCCESS)
            unprepare(c);
    }
    if (status == STATUS_SUCCESS) {
        c->is_calling = TRUE;
        if (c->ask_status == STATUS_SUCCESS)
            rdma_connector_run(c, 0, &call);
        status = rdma_connector_called(c);
    } else if (c->is_asking) {
        c->state = RDMA_OVER;                 // the answer is still to come: no second question can be asked
    } else {
        connect_undo(c);
    }
    rdma_leave(rdma, &call);
    return status;
}

static NTSTATUS
connect_ask(struct rdma_connector *c, const struct wish *wish)
{
    struct vnic_rdma *rdma = c->net->rdma;
    struct rdma_call call;
    rdma_enter(rdma, &call);
    rdma_hold(&c->object);                    // the question's
    c->is_asking = TRUE;
    c->ask_status = STATUS_PENDING;
    c->ask.on_resolved = on_resolved;
    rdma_leave(rdma, &call);
    return connect_go(c, wish, way_check(c, rdma_host_resolve(c->net, &c->endpoint->local, &c->remote, &c->ask)));
}

static NTSTATUS
connect_remote(struct rdma_connector *c, const SOCKADDR *address, ULONG bytes, uint8_t family)
{
    NTSTATUS status = rdma_address_from(address, bytes, &c->remote, &c->remote_port);
    if (status != STATUS_SUCCESS || c->remote.family != family || !c->remote_port)
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

static VOID
connect_never(struct rdma_connector *c)
{
    struct rdma_call call;
    rdma_enter(c->net->rdma, &call);
    connect_undo(c);
    rdma_leave(c->net->rdma, &call);
}

// A port that no connection to this peer has, were it one that ends by itself: of those the host knows nothing. When it has none of our
// choices to give, it chooses.
static NTSTATUS
endpoint_choose(struct rdma_connector *c, const struct eng_address *local, struct rdma_endpoint **endpoint)
{
    struct vnic_rdma *rdma = c->net->rdma;
    NTSTATUS status = STATUS_SHARING_VIOLATION;
    struct rdma_call call;
    for (ULONG i = 0; i < PORT_TRIES && status == STATUS_SHARING_VIOLATION; i++) {
        rdma_enter(rdma, &call);
        USHORT port = tcp_port_pick(c->net->tcp, local, &c->remote, c->remote_port);
        rdma_leave(rdma, &call);
        if (!port)
            return STATUS_TOO_MANY_ADDRESSES;
        status = rdma_endpoint_take(rdma, local, port, endpoint);
    }
    return status == STATUS_SHARING_VIOLATION ? rdma_endpoint_take(rdma, local, 0, endpoint) : status;
}

static NTSTATUS
connect(struct rdma_connector *c, const struct wish *wish, const struct ends *ends)
{
    struct eng_address local;
    USHORT port;
    NTSTATUS status = rdma_address_from(ends->source, ends->source_bytes, &local, &port);
    if (status == STATUS_SUCCESS)
        status = connect_begin(c);
    if (status != STATUS_SUCCESS)
        return status;
    c->is_initiator = TRUE;
    status = connect_remote(c, ends->destination, ends->destination_bytes, local.family);
    if (status == STATUS_SUCCESS)
        status = port ? rdma_endpoint_take(c->net->rdma, &local, port, &c->endpoint) : endpoint_choose(c, &local, &c->endpoint);
    if (status == STATUS_SUCCESS)
        return connect_ask(c, wish);
    connect_never(c);
    return status;
}

static NTSTATUS
connect_shared(struct rdma_connector *c, const struct wish *wish, struct rdma_shared *shared, const struct ends *ends)
{
    struct rdma_call call;
    NTSTATUS status = connect_begin(c);
    if (status != STATUS_SUCCESS)
        return status;
    rdma_enter(c->net->rdma, &call);
    shared->endpoint->refs++;
    if (!c->shared) {
        rdma_object_after(&c->object, &shared->object);
        c->shared = shared;
    }
    rdma_leave(c->net->rdma, &call);
    c->is_initiator = TRUE;
    c->endpoint = shared->endpoint;
    status = connect_remote(c, ends->destination, ends->destination_bytes, shared->endpoint->local.family);
    // A second try, over another: one antecedent of the kind is all there is room for.
    if (status == STATUS_SUCCESS && c->shared == shared)
        return connect_ask(c, wish);
    connect_never(c);
    return STATUS_INVALID_PARAMETER;
}

// What failed before anything was under way is told inline, or, where everything pends, later. Else the connector may be gone.
static NTSTATUS
connect_end(struct rdma_connector *c, NTSTATUS status, const struct wish *wish)
{
    struct rdma_call call;
    if (NT_SUCCESS(status))
        return status;
    rdma_enter(c->net->rdma, &call);
    if (c->state == RDMA_NEW)                 // else rdma_connector_fail has counted it, or it was nothing of ours to begin with
        c->net->rdma->counts.ConnectFailure++;
    status = rdma_request_now(&c->object, status, wish->completion, wish->context);
    rdma_leave(c->net->rdma, &call);
    return status;
}

static NTAPI NTSTATUS
connector_connect(NDK_CONNECTOR *ndk, NDK_QP *qp, const PSOCKADDR source, ULONG source_bytes, const PSOCKADDR destination,
                  ULONG destination_bytes, ULONG inbound, ULONG outbound, const PVOID private_data, ULONG private_bytes,
                  NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_connector *c = rdma_connector_of(ndk);
    struct wish wish = {.completion = completion, .context = context};
    struct ends ends = {source, destination, source_bytes, destination_bytes};
    NTSTATUS status = wish_make(c->net->rdma, qp, inbound, outbound, private_data, private_bytes, &wish);
    return status == STATUS_SUCCESS ? connect_end(c, connect(c, &wish, &ends), &wish) : status;
}

static NTAPI NTSTATUS
connector_connect_shared(NDK_CONNECTOR *ndk, NDK_QP *qp, NDK_SHARED_ENDPOINT *ndk_shared, const PSOCKADDR destination,
                         ULONG destination_bytes, ULONG inbound, ULONG outbound, const PVOID private_data, ULONG private_bytes,
                         NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_connector *c = rdma_connector_of(ndk);
    struct wish wish = {.completion = completion, .context = context};
    struct ends ends = {NULL, destination, 0, destination_bytes};
    NTSTATUS status = wish_make(c->net->rdma, qp, inbound, outbound, private_data, private_bytes, &wish);
    return status == STATUS_SUCCESS ? connect_end(c, connect_shared(c, &wish, (struct rdma_shared *)ndk_shared, &ends), &wish) : status;
}

// ---- NdkCompleteConnect -----------------------------------------------------------------------------------------------------------

struct event {
    NDK_FN_DISCONNECT_EVENT_CALLBACK plain;
    NDK_FN_DISCONNECT_EVENT_CALLBACK_EX ex;
    PVOID context;
};

static VOID
event_set(struct rdma_connector *c, const struct event *event)
{
    c->on_disconnect = event->plain;
    c->on_disconnect_ex = event->ex;
    c->disconnect_context = event->context;
}

// In REPLIED, with the connection still there.
static NTSTATUS
complete_now(struct rdma_connector *c, const struct event *event, NDK_FN_REQUEST_COMPLETION completion, PVOID context,
             struct rdma_call *call)
{
    c->request = rdma_request_begin(&c->object, completion, context);
    if (!c->request)
        return STATUS_INSUFFICIENT_RESOURCES;
    rdma_connector_untime(c);
    event_set(c, event);
    c->state = RDMA_COMPLETING;
    c->is_calling = TRUE;
    // A QP that was flushed meanwhile connects no more; a peer that has gone is in c->lost.
    int error = iwarp_complete_connect(c->link.iwarp, call->now_us);
    if (error)
        rdma_connector_fail(c, error == -ENOMEM ? STATUS_INSUFFICIENT_RESOURCES : STATUS_CONNECTION_INVALID, call);
    else
        rdma_connector_run(c, 0, call);
    return rdma_connector_called(c);
}

static NTSTATUS
complete(NDK_CONNECTOR *ndk, const struct event *event, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_connector *c = rdma_connector_of(ndk);
    struct rdma_call call;
    NTSTATUS status;
    rdma_enter(c->net->rdma, &call);
    if (c->state != RDMA_REPLIED)
        status = STATUS_CONNECTION_INVALID;   // the queue pair is not connecting
    else if (c->lost == STATUS_SUCCESS)
        status = complete_now(c, event, completion, context, &call);
    else {
        status = c->lost;
        rdma_connector_fail(c, status, &call);
    }
    rdma_leave(c->net->rdma, &call);
    return status;
}

static NTAPI NTSTATUS
connector_complete(NDK_CONNECTOR *ndk, NDK_FN_DISCONNECT_EVENT_CALLBACK event, PVOID event_context, NDK_FN_REQUEST_COMPLETION completion,
                   PVOID context)
{
    return complete(ndk, &(struct event){.plain = event, .context = event_context}, completion, context);
}

static NTAPI NTSTATUS
connector_complete_ex(NDK_CONNECTOR *ndk, NDK_FN_DISCONNECT_EVENT_CALLBACK_EX event, PVOID event_context,
                      NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    return complete(ndk, &(struct event){.ex = event, .context = event_context}, completion, context);
}

// ---- NdkAccept and NdkReject ------------------------------------------------------------------------------------------------------

// In REQUESTED, with the connection still there.
static NTSTATUS
accept_now(struct rdma_connector *c, const struct wish *wish, const struct event *event, struct rdma_call *call)
{
    c->request = rdma_request_begin(&c->object, wish->completion, wish->context);
    if (!c->request)
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = qp_take(c, wish->qp);
    if (status != STATUS_SUCCESS) {
        rdma_request_undo(c->request);
        c->request = NULL;
        return status;
    }
    event_set(c, event);
    rdma_listener_answered(c);
    c->state = RDMA_ACCEPTING;
    c->is_calling = TRUE;
    int error = iwarp_accept(c->link.iwarp, wish->reads, wish->private_bytes, wish->private_count, call->now_us);
    if (error)
        rdma_connector_fail(c, error == -ENOMEM ? STATUS_INSUFFICIENT_RESOURCES : STATUS_CONNECTION_INVALID, call);
    else
        rdma_connector_run(c, 0, call);
    return rdma_connector_called(c);
}

static NTSTATUS
accept(NDK_CONNECTOR *ndk, NDK_QP *qp, ULONG inbound, ULONG outbound, const void *private_data, ULONG private_bytes,
       const struct event *event, struct wish *wish)
{
    struct rdma_connector *c = rdma_connector_of(ndk);
    struct rdma_call call;
    NTSTATUS status = wish_make(c->net->rdma, qp, inbound, outbound, private_data, private_bytes, wish);
    if (status != STATUS_SUCCESS)
        return status;
    rdma_enter(c->net->rdma, &call);
    if (c->state != RDMA_REQUESTED)
        status = STATUS_CONNECTION_INVALID;
    else if (c->lost == STATUS_SUCCESS)
        status = accept_now(c, wish, event, &call);
    else {
        status = c->lost;
        rdma_connector_fail(c, status, &call);
    }
    rdma_leave(c->net->rdma, &call);
    return status;
}

static NTAPI NTSTATUS
connector_accept(NDK_CONNECTOR *ndk, NDK_QP *qp, ULONG inbound, ULONG outbound, const PVOID private_data, ULONG private_bytes,
                 NDK_FN_DISCONNECT_EVENT_CALLBACK event, PVOID event_context, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    return accept(ndk, qp, inbound, outbound, private_data, private_bytes, &(struct event){.plain = event, .context = event_context},
                  &(struct wish){.completion = completion, .context = context});
}

static NTAPI NTSTATUS
connector_accept_ex(NDK_CONNECTOR *ndk, NDK_QP *qp, ULONG inbound, ULONG outbound, const PVOID private_data, ULONG private_bytes,
                    NDK_FN_DISCONNECT_EVENT_CALLBACK_EX event, PVOID event_context, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    return accept(ndk, qp, inbound, outbound, private_data, private_bytes, &(struct event){.ex = event, .context = event_context},
                  &(struct wish){.completion = completion, .context = context});
}

// The passive side says so in the MPA reply. The active one has no message left to say it in: it resets before the RTR, the peer's
// NdkAccept fails, and the private data goes nowhere.
static NTSTATUS
reject_now(struct rdma_connector *c, const void *private_data, ULONG private_bytes, struct rdma_call *call)
{
    int error;
    if (c->state == RDMA_REPLIED) {
        rdma_connector_fail(c, STATUS_SUCCESS, call);
        return STATUS_SUCCESS;
    }
    error = iwarp_reject(c->link.iwarp, private_data, (USHORT)private_bytes, call->now_us);
    if (error == -ENOMEM)
        return STATUS_INSUFFICIENT_RESOURCES;
    rdma_listener_answered(c);
    c->state = RDMA_OVER;
    rdma_connector_run(c, 0, call);
    return error ? STATUS_CONNECTION_ABORTED : STATUS_SUCCESS;
}

static NTAPI NTSTATUS
connector_reject(NDK_CONNECTOR *ndk, const PVOID private_data, ULONG private_bytes)
{
    struct rdma_connector *c = rdma_connector_of(ndk);
    struct rdma_call call;
    NTSTATUS status;
    if (private_bytes && !private_data)
        return STATUS_INVALID_PARAMETER;
    if (private_bytes > RDMA_PRIVATE_BYTES_MAX)
        return STATUS_INVALID_BUFFER_SIZE;
    rdma_enter(c->net->rdma, &call);
    if (c->state != RDMA_REQUESTED && c->state != RDMA_REPLIED)
        status = STATUS_CONNECTION_INVALID;
    else if (c->lost == STATUS_SUCCESS)
        status = reject_now(c, private_data, private_bytes, &call);
    else {
        status = STATUS_CONNECTION_ABORTED;
        rdma_connector_fail(c, status, &call);
    }
    rdma_leave(c->net->rdma, &call);
    return status;
}

const NDK_CONNECTOR_DISPATCH rdma_connector_dispatch = {
    .NdkCloseConnector = rdma_close,
    .NdkQueryExtension = rdma_query_extension,
    .NdkConnect = connector_connect,
    .NdkConnectWithSharedEndpoint = connector_connect_shared,
    .NdkCompleteConnect = connector_complete,
    .NdkAccept = connector_accept,
    .NdkReject = connector_reject,
    .NdkGetConnectionData = rdma_connector_data,
    .NdkGetLocalAddress = rdma_connector_local,
    .NdkGetPeerAddress = rdma_connector_peer,
    .NdkDisconnect = rdma_connector_disconnect,
    .NdkCompleteConnectEx = connector_complete_ex,
    .NdkAcceptEx = connector_accept_ex,
};

// NDKPI 1.x has no more.
const NDK_CONNECTOR_DISPATCH rdma_connector_dispatch1 = {
    .NdkCloseConnector = rdma_close,
    .NdkQueryExtension = rdma_query_extension,
    .NdkConnect = connector_connect,
    .NdkConnectWithSharedEndpoint = connector_connect_shared,
    .NdkCompleteConnect = connector_complete,
    .NdkAccept = connector_accept,
    .NdkReject = connector_reject,
    .NdkGetConnectionData = rdma_connector_data,
    .NdkGetLocalAddress = rdma_connector_local,
    .NdkGetPeerAddress = rdma_connector_peer,
    .NdkDisconnect = rdma_connector_disconnect,
};
