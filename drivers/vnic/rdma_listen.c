// SPDX-License-Identifier: MIT
// The listener.
//   NdkListen -> endpoint -> tcp_listen
//   a SYN -> rdma_listener_offer: refused (a reset) when the listener is paused, closing or has too many that nobody answered, else
//   accepted at once: an embryo, which is a connector without an object, waits for the MPA request
//   the MPA request -> rdma_listener_requested -> the embryo becomes an object -> NdkConnectEventCallback
// Closing: no more come in at once, embryos are reset; the close itself waits for the connectors that came by it, which have the listener
// as an antecedent. While paused it is as if nobody listened [ndkpi/nc-ndkpi-ndk_fn_control_connect_events]: embryos are reset, too.
#include "rdma_net.h"

#include <errno.h>

static struct rdma_listener *
listener_of(NDK_LISTENER *listener)
{
    return (struct rdma_listener *)listener;
}

// ---- what comes in ----------------------------------------------------------------------------------------------------------------

// While iWARP knows no QP: nothing of an FPDU is looked at before NdkAccept.
static enum rdma_fault
no_map(void *context, uint32_t tag, uint64_t offset, uint32_t count, enum rdma_access access, struct rdma_map *map)
{
    return RDMA_FAULT_TAG;
}

static enum rdma_fault
no_invalidate(void *context, uint32_t tag)
{
    return RDMA_FAULT_TAG;
}

static struct rdma_work *
no_receive(void *context)
{
    return NULL;
}

static int
no_local(void *context, struct rdma_work *work)
{
    return -EINVAL;
}

static const struct rdma_ops no_ops = {no_map, no_invalidate, no_receive, no_local};

const struct rdma_ops *
rdma_no_ops(void)
{
    return &no_ops;
}

static BOOLEAN
embryo_accept(struct rdma_connector *c, struct tcp_connection *offer, struct rdma_call *call)
{
    struct rdma_net *net = c->net;
    const struct vnic_settings *settings = &net->rdma->adapter->settings;
    struct iwarp_open iwarp = {.role = RDMA_RESPONDER,
                               .uses = settings->rdma_crc ? IWARP_USE_CRC : 0,
                               .rtr = (uint8_t)settings->rdma_rtr,
                               .emss_bytes = rdma_mtu(net->rdma) - 60,
                               .ops = &no_ops};
    struct tcp_open open = {.path = {.mtu_bytes = rdma_mtu(net->rdma), .interface_index = c->hop},
                            .cached_flags = TCP_CACHED_KEEP_ALIVE,
                            .context = c};
    struct tcp_record record;
    tcp_query(offer, call->now_us, &record);
    c->remote = record.constant.remote;
    c->remote_port = record.constant.remote_port;
    vnic_down_path(net->rdma->adapter, c->remote.family, &open.path);
    if (iwarp_open(net->rdma->iwarp, &iwarp, call->now_us, &c->link.iwarp))
        return FALSE;
    if (tcp_accept(offer, &open, call->now_us, &call->outbox)) {
        iwarp_release(c->link.iwarp);
        return FALSE;
    }
    c->tcp = offer;
    return TRUE;
}

BOOLEAN
rdma_listener_is_open(const struct rdma_listener *listener)
{
    return !listener->is_paused && listener->waiting < RDMA_BACKLOG;
}

VOID
rdma_listener_offer(struct rdma_net *net, struct tcp_connection *offer, struct rdma_call *call)
{
    struct tcp_listener *tcp = tcp_offer_listener(offer);
    struct rdma_listener *listener = tcp ? tcp_listener_context(tcp) : NULL;
    struct tcp_info info;
    tcp_info(offer, &info);
    if (!listener || info.state == TCP_CLOSED) {
        tcp_release(offer, call->now_us, &call->outbox);    // it gave up, or nobody listens any more
        return;
    }
    struct rdma_connector *c = NULL;
    if (rdma_listener_is_open(listener) && net->rx_hop)
        c = rdma_connector_alloc(net->rdma);
    if (!c) {
        tcp_refuse(offer, call->now_us, &call->outbox);
        return;
    }
    c->state = RDMA_EMBRYO;
    c->hop = net->rx_hop;
    if (!embryo_accept(c, offer, call)) {
        tcp_refuse(offer, call->now_us, &call->outbox);
        rdma_connector_dispose(c);
        return;
    }
    rdma_hop_use(net, c->hop, 1);
    c->endpoint = listener->endpoint;
    c->endpoint->refs++;
    c->listener = listener;
    c->is_waiting = TRUE;
    listener->waiting++;
    InsertTailList(&listener->embryos, &c->link_listener);
    InsertTailList(&net->connectors, &c->link_all);
}

VOID
rdma_embryo_kill(struct rdma_connector *c, struct rdma_call *call)
{
    struct rdma_net *net = c->net;
    c->state = RDMA_OVER;
    RemoveEntryList(&c->link_listener);
    rdma_listener_answered(c);
    rdma_endpoint_drop(c->endpoint, &c->listener->object);
    c->endpoint = NULL;
    c->listener = NULL;                       // it may be freed before this one
    iwarp_abort(c->link.iwarp);
    tcp_abort(c->tcp, call->now_us, &call->outbox);
    InsertTailList(&net->dead, &c->link_ending);
}

VOID
rdma_listener_answered(struct rdma_connector *c)
{
    if (c->is_waiting)
        c->listener->waiting--;
    c->is_waiting = FALSE;
}

static NTAPI VOID
nobody_closes(PVOID context)
{
    UNREFERENCED_PARAMETER(context);
}

// locks: none held
static VOID
on_connect_event(struct rdma_tell *tell, struct rdma_object *object)
{
    struct rdma_connector *c = CONTAINING_RECORD(tell, struct rdma_connector, connect_tell);
    struct rdma_listener *listener = CONTAINING_RECORD(object, struct rdma_listener, object);
    struct rdma_call call;
    rdma_enter(object->rdma, &call);
    BOOLEAN is_for_nobody = object->is_closing || listener->is_paused;
    rdma_leave(object->rdma, &call);
    if (is_for_nobody)
        rdma_close(&c->object.header, nobody_closes, NULL);     // no consumer has seen it
    else
        listener->on_connect(listener->connect_context, (NDK_CONNECTOR *)c);
}

VOID
rdma_listener_requested(struct rdma_connector *c, struct rdma_call *call)
{
    struct rdma_listener *listener = c->listener;
    UNREFERENCED_PARAMETER(call);
    RemoveEntryList(&c->link_listener);
    rdma_connector_object(c, listener->object.adapter);
    rdma_object_after(&c->object, &listener->object);
    rdma_hold(&c->object);                    // its connection's
    c->state = RDMA_REQUESTED;
    c->connect_tell.on_tell = on_connect_event;
    rdma_tell(&listener->object, &c->connect_tell);
}

// ---- the consumer's calls ---------------------------------------------------------------------------------------------------------

static NTSTATUS
listen_tcp(struct rdma_listener *listener, struct rdma_endpoint *endpoint)
{
    switch (tcp_listen(listener->object.rdma->net->tcp, &endpoint->local, endpoint->port, RDMA_BACKLOG, listener, &endpoint->listener)) {
    case 0: return STATUS_SUCCESS;
    case -ENOMEM: return STATUS_INSUFFICIENT_RESOURCES;
    case -EADDRINUSE: return STATUS_SHARING_VIOLATION;
    default: return STATUS_INVALID_ADDRESS;
    }
}

static NTAPI NTSTATUS
listener_listen(NDK_LISTENER *ndk, const PSOCKADDR address, ULONG address_bytes, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_listener *listener = listener_of(ndk);
    struct vnic_rdma *rdma = listener->object.rdma;
    struct rdma_endpoint *endpoint = NULL;
    struct eng_address local;
    struct rdma_call call;
    USHORT port;
    rdma_enter(rdma, &call);
    BOOLEAN has_listened = listener->has_listened;
    listener->has_listened = TRUE;
    rdma_leave(rdma, &call);
    if (has_listened)
        return STATUS_INVALID_DEVICE_STATE;   // a listener listens once
    NTSTATUS status = rdma_address_from(address, address_bytes, &local, &port);
    if (status == STATUS_SUCCESS)
        status = rdma_endpoint_take(rdma, &local, port, &endpoint);
    rdma_enter(rdma, &call);
    if (status == STATUS_SUCCESS) {
        status = listen_tcp(listener, endpoint);
        if (status == STATUS_SUCCESS)
            listener->endpoint = endpoint;
        else
            rdma_endpoint_drop(endpoint, &listener->object);
    }
    listener->has_listened = status == STATUS_SUCCESS;
    status = rdma_request_now(&listener->object, status, completion, context);
    rdma_leave(rdma, &call);
    return status;
}

static NTAPI NTSTATUS
listener_local(NDK_LISTENER *ndk, PSOCKADDR address, ULONG *bytes)
{
    const struct rdma_endpoint *endpoint = listener_of(ndk)->endpoint;
    return endpoint ? rdma_address_to(&endpoint->local, endpoint->port, address, bytes) : STATUS_INVALID_DEVICE_STATE;
}

static VOID
embryos_kill(struct rdma_listener *listener, struct rdma_call *call)
{
    while (!IsListEmpty(&listener->embryos))
        rdma_embryo_kill(CONTAINING_RECORD(listener->embryos.Flink, struct rdma_connector, link_listener), call);
}

static NTAPI VOID
listener_control(NDK_LISTENER *ndk, BOOLEAN pause)
{
    struct rdma_listener *listener = listener_of(ndk);
    struct rdma_call call;
    rdma_enter(listener->object.rdma, &call);
    listener->is_paused = pause;
    if (pause)
        embryos_kill(listener, &call);
    rdma_leave(listener->object.rdma, &call);
}

// ---- life -------------------------------------------------------------------------------------------------------------------------

static VOID
listener_closing(struct rdma_object *object, struct rdma_call *call)
{
    struct rdma_listener *listener = CONTAINING_RECORD(object, struct rdma_listener, object);
    struct rdma_endpoint *endpoint = listener->endpoint;
    embryos_kill(listener, call);
    if (!endpoint)
        return;
    if (endpoint->listener)
        tcp_unlisten(endpoint->listener);
    endpoint->listener = NULL;
    rdma_endpoint_drop(endpoint, object);
}

static VOID
listener_free(struct rdma_object *object)
{
    rdma_free(CONTAINING_RECORD(object, struct rdma_listener, object));
}

static const NDK_LISTENER_DISPATCH listener_dispatch = {
    .NdkCloseListener = rdma_close,
    .NdkQueryExtension = rdma_query_extension,
    .NdkListen = listener_listen,
    .NdkGetLocalAddress = listener_local,
    .NdkControlConnectEvents = listener_control,
};
static const struct rdma_type listener_type = {NdkObjectTypeListener, &listener_dispatch, listener_closing, listener_free};

NTAPI NTSTATUS
rdma_listener_create(NDK_ADAPTER *adapter, NDK_FN_CONNECT_EVENT_CALLBACK on_connect, PVOID connect_context,
                     NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_LISTENER **made)
{
    struct rdma_object *parent = &rdma_adapter_of(adapter)->object;
    struct vnic_rdma *rdma = parent->rdma;
    struct rdma_listener *listener = rdma_alloc(sizeof *listener);
    struct rdma_call call;
    if (!listener)
        return rdma_object_failed(parent, STATUS_INSUFFICIENT_RESOURCES, completion, context);
    listener->on_connect = on_connect;
    listener->connect_context = connect_context;
    InitializeListHead(&listener->embryos);
    rdma_enter(rdma, &call);
    rdma_object_init(&listener->object, &listener_type, parent);
    rdma_leave(rdma, &call);
    return rdma_object_made(&listener->object, completion, context, (PVOID *)made);
}
