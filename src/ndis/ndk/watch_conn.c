// SPDX-License-Identifier: MIT
// See watch.h: the functions that a consumer calls of queue pairs, connectors, listeners and shared endpoints.
// A request that is posted to a queue pair has one result, or none when it was posted with NDK_OP_FLAG_SILENT_SUCCESS; a post that fails
// has none. They are counted where they come out, at the completion queue. [network/ndkpi-work-request-posting-requirements]
#include "ndis/ndk/watch_int.h"

#define OBJECT(kind, pointer, function) ndk_use(&(pointer)->Header, NdkObjectType##kind, function)

// ---- queue pair -----------------------------------------------------------------------------------------------------------------------

enum queue {
    INITIATOR,
    RECEIVER
};

struct post {
    struct ndk_object *cq;
    struct ke_thread *before;
};

static struct post
post_begin(struct ndk_object *qp, enum queue queue, const char *function)
{
    struct post post = {.before = ndk_enter(qp, (int)queue, NBX_0707, function), .cq = qp->antecedent[queue == RECEIVER ? 1 : 2]};
    if (post.cq)
        atomic_fetch_add(&post.cq->results, 1);   // before the call: the result may be there before it returns
    return post;
}

static NTSTATUS
post_end(struct ndk_object *qp, enum queue queue, struct post post, NTSTATUS status)
{
    ndk_leave(qp, (int)queue, post.before);
    if (post.cq && !NT_SUCCESS(status))
        atomic_fetch_sub(&post.cq->results, 1);
    return status;
}

#define POST(queue, pointer, function, call) \
    ({ \
        struct ndk_object *object = OBJECT(Qp, pointer, function); \
        struct post post = post_begin(object, queue, function); \
        post_end(object, queue, post, NDK_INTO(object, function, NDK_THEIRS(object, QP)->call)); \
    })

static NTAPI VOID
flush(NDK_QP *qp)
{
    struct ndk_object *object = OBJECT(Qp, qp, "NdkFlush");
    NDK_INTO_VOID(object, "NdkFlush", NDK_THEIRS(object, QP)->NdkFlush(qp));
}

static NTAPI NTSTATUS
send(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count, ULONG flags)
{
    return POST(INITIATOR, qp, "NdkSend", NdkSend(qp, context, sges, count, flags));
}

static NTAPI NTSTATUS
receive(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count)
{
    return POST(RECEIVER, qp, "NdkReceive", NdkReceive(qp, context, sges, count));
}

static NTAPI NTSTATUS
bind(NDK_QP *qp, PVOID context, NDK_MR *mr, NDK_MW *mw, PVOID address, SIZE_T bytes, ULONG flags)
{
    OBJECT(Mr, mr, "NdkBind");
    OBJECT(Mw, mw, "NdkBind");
    return POST(INITIATOR, qp, "NdkBind", NdkBind(qp, context, mr, mw, address, bytes, flags));
}

static NTAPI NTSTATUS
fast_register(NDK_QP *qp, PVOID context, NDK_MR *mr, ULONG pages, const NDK_LOGICAL_ADDRESS *page, ULONG fbo, SIZE_T bytes, PVOID base,
              ULONG flags)
{
    OBJECT(Mr, mr, "NdkFastRegister");
    return POST(INITIATOR, qp, "NdkFastRegister", NdkFastRegister(qp, context, mr, pages, page, fbo, bytes, base, flags));
}

static NTAPI NTSTATUS
invalidate(NDK_QP *qp, PVOID context, NDK_OBJECT_HEADER *object_header, ULONG flags)
{
    NDK_OBJECT_TYPE type = object_header->ObjectType;
    ndk_use(object_header, type == NdkObjectTypeMw ? NdkObjectTypeMw : NdkObjectTypeMr, "NdkInvalidate");
    return POST(INITIATOR, qp, "NdkInvalidate", NdkInvalidate(qp, context, object_header, flags));
}

static NTAPI NTSTATUS
read_remote(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count, UINT64 address, UINT32 token, ULONG flags)
{
    return POST(INITIATOR, qp, "NdkRead", NdkRead(qp, context, sges, count, address, token, flags));
}

static NTAPI NTSTATUS
write_remote(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count, UINT64 address, UINT32 token, ULONG flags)
{
    return POST(INITIATOR, qp, "NdkWrite", NdkWrite(qp, context, sges, count, address, token, flags));
}

static NTAPI NTSTATUS
send_and_invalidate(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count, ULONG flags, UINT32 token)
{
    return POST(INITIATOR, qp, "NdkSendAndInvalidate", NdkSendAndInvalidate(qp, context, sges, count, flags, token));
}

const NDK_QP_DISPATCH ndk_qp_calls = {.NdkCloseQp = ndk_close,
                                      .NdkFlush = flush,
                                      .NdkSend = send,
                                      .NdkReceive = receive,
                                      .NdkBind = bind,
                                      .NdkFastRegister = fast_register,
                                      .NdkInvalidate = invalidate,
                                      .NdkRead = read_remote,
                                      .NdkWrite = write_remote,
                                      .NdkSendAndInvalidate = send_and_invalidate};

// ---- connector --------------------------------------------------------------------------------------------------------------------------

static struct ndk_request *
request_new(struct ndk_object *of, const char *function, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_request *request = ndk_request_new(of, function, context);
    request->fn.request = completion;
    return request;
}

static NTAPI NTSTATUS
connect(NDK_CONNECTOR *connector, NDK_QP *qp, const PSOCKADDR source, ULONG source_bytes, const PSOCKADDR destination,
        ULONG destination_bytes, ULONG inbound, ULONG outbound, const PVOID data, ULONG data_bytes,
        NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Connector, connector, "NdkConnect");
    struct ndk_request *request = request_new(object, "NdkConnect", completion, context);
    OBJECT(Qp, qp, "NdkConnect");
    return ndk_request_answered(request,
                                NDK_INTO(object, "NdkConnect",
                                         NDK_THEIRS(object, CONNECTOR)->NdkConnect(connector, qp, source, source_bytes, destination,
                                                                                   destination_bytes, inbound, outbound, data, data_bytes,
                                                                                   ndk_on_request, request)));
}

static NTAPI NTSTATUS
connect_shared(NDK_CONNECTOR *connector, NDK_QP *qp, NDK_SHARED_ENDPOINT *endpoint, const PSOCKADDR destination, ULONG destination_bytes,
               ULONG inbound, ULONG outbound, const PVOID data, ULONG data_bytes, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    const char *function = "NdkConnectWithSharedEndpoint";
    struct ndk_object *object = OBJECT(Connector, connector, function);
    struct ndk_request *request = request_new(object, function, completion, context);
    OBJECT(Qp, qp, function);
    OBJECT(SharedEndpoint, endpoint, function);
    return ndk_request_answered(request, NDK_INTO(object, function,
                                                  NDK_THEIRS(object, CONNECTOR)->NdkConnectWithSharedEndpoint(
                                                      connector, qp, endpoint, destination, destination_bytes, inbound, outbound, data,
                                                      data_bytes, ndk_on_request, request)));
}

static NTAPI NTSTATUS
complete_connect(NDK_CONNECTOR *connector, NDK_FN_DISCONNECT_EVENT_CALLBACK event, PVOID event_context,
                 NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    const char *function = "NdkCompleteConnect";
    struct ndk_object *object = OBJECT(Connector, connector, function);
    struct ndk_request *request = request_new(object, function, completion, context);
    object->event.disconnect = event;
    object->event_context = event_context;
    return ndk_request_answered(request, NDK_INTO(object, function, NDK_THEIRS(object, CONNECTOR)->NdkCompleteConnect(
                                                      connector, event ? ndk_on_disconnect : NULL, object, ndk_on_request, request)));
}

static NTAPI NTSTATUS
complete_connect_ex(NDK_CONNECTOR *connector, NDK_FN_DISCONNECT_EVENT_CALLBACK_EX event, PVOID event_context,
                    NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    const char *function = "NdkCompleteConnectEx";
    struct ndk_object *object = OBJECT(Connector, connector, function);
    struct ndk_request *request = request_new(object, function, completion, context);
    object->event.disconnect_ex = event;
    object->event_context = event_context;
    return ndk_request_answered(request, NDK_INTO(object, function, NDK_THEIRS(object, CONNECTOR)->NdkCompleteConnectEx(
                                                      connector, event ? ndk_on_disconnect_ex : NULL, object, ndk_on_request, request)));
}

static NTAPI NTSTATUS
accept(NDK_CONNECTOR *connector, NDK_QP *qp, ULONG inbound, ULONG outbound, const PVOID data, ULONG data_bytes,
       NDK_FN_DISCONNECT_EVENT_CALLBACK event, PVOID event_context, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Connector, connector, "NdkAccept");
    struct ndk_request *request = request_new(object, "NdkAccept", completion, context);
    OBJECT(Qp, qp, "NdkAccept");
    object->event.disconnect = event;
    object->event_context = event_context;
    return ndk_request_answered(request, NDK_INTO(object, "NdkAccept",
                                                  NDK_THEIRS(object, CONNECTOR)->NdkAccept(connector, qp, inbound, outbound, data,
                                                                                           data_bytes, event ? ndk_on_disconnect : NULL,
                                                                                           object, ndk_on_request, request)));
}

static NTAPI NTSTATUS
accept_ex(NDK_CONNECTOR *connector, NDK_QP *qp, ULONG inbound, ULONG outbound, const PVOID data, ULONG data_bytes,
          NDK_FN_DISCONNECT_EVENT_CALLBACK_EX event, PVOID event_context, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Connector, connector, "NdkAcceptEx");
    struct ndk_request *request = request_new(object, "NdkAcceptEx", completion, context);
    OBJECT(Qp, qp, "NdkAcceptEx");
    object->event.disconnect_ex = event;
    object->event_context = event_context;
    return ndk_request_answered(request, NDK_INTO(object, "NdkAcceptEx",
                                                  NDK_THEIRS(object, CONNECTOR)->NdkAcceptEx(connector, qp, inbound, outbound, data,
                                                                                             data_bytes,
                                                                                             event ? ndk_on_disconnect_ex : NULL, object,
                                                                                             ndk_on_request, request)));
}

static NTAPI NTSTATUS
reject(NDK_CONNECTOR *connector, const PVOID data, ULONG data_bytes)
{
    struct ndk_object *object = OBJECT(Connector, connector, "NdkReject");
    return NDK_INTO(object, "NdkReject", NDK_THEIRS(object, CONNECTOR)->NdkReject(connector, data, data_bytes));
}

static NTAPI NTSTATUS
get_connection_data(NDK_CONNECTOR *connector, ULONG *inbound, ULONG *outbound, PVOID data, ULONG *data_bytes)
{
    const char *function = "NdkGetConnectionData";
    struct ndk_object *object = OBJECT(Connector, connector, function);
    return NDK_INTO(object, function, NDK_THEIRS(object, CONNECTOR)->NdkGetConnectionData(connector, inbound, outbound, data, data_bytes));
}

static NTAPI NTSTATUS
connector_local_address(NDK_CONNECTOR *connector, PSOCKADDR address, ULONG *bytes)
{
    struct ndk_object *object = OBJECT(Connector, connector, "NdkGetLocalAddress");
    return NDK_INTO(object, "NdkGetLocalAddress", NDK_THEIRS(object, CONNECTOR)->NdkGetLocalAddress(connector, address, bytes));
}

static NTAPI NTSTATUS
connector_peer_address(NDK_CONNECTOR *connector, PSOCKADDR address, ULONG *bytes)
{
    struct ndk_object *object = OBJECT(Connector, connector, "NdkGetPeerAddress");
    return NDK_INTO(object, "NdkGetPeerAddress", NDK_THEIRS(object, CONNECTOR)->NdkGetPeerAddress(connector, address, bytes));
}

static NTAPI NTSTATUS
disconnect(NDK_CONNECTOR *connector, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Connector, connector, "NdkDisconnect");
    struct ndk_request *request = request_new(object, "NdkDisconnect", completion, context);
    return ndk_request_answered(request, NDK_INTO(object, "NdkDisconnect",
                                                  NDK_THEIRS(object, CONNECTOR)->NdkDisconnect(connector, ndk_on_request, request)));
}

const NDK_CONNECTOR_DISPATCH ndk_connector_calls = {.NdkCloseConnector = ndk_close,
                                                    .NdkConnect = connect,
                                                    .NdkConnectWithSharedEndpoint = connect_shared,
                                                    .NdkCompleteConnect = complete_connect,
                                                    .NdkAccept = accept,
                                                    .NdkReject = reject,
                                                    .NdkGetConnectionData = get_connection_data,
                                                    .NdkGetLocalAddress = connector_local_address,
                                                    .NdkGetPeerAddress = connector_peer_address,
                                                    .NdkDisconnect = disconnect,
                                                    .NdkCompleteConnectEx = complete_connect_ex,
                                                    .NdkAcceptEx = accept_ex};

// ---- listener, shared endpoint -----------------------------------------------------------------------------------------------------

static NTAPI NTSTATUS
listen(NDK_LISTENER *listener, const PSOCKADDR address, ULONG bytes, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Listener, listener, "NdkListen");
    struct ndk_request *request = request_new(object, "NdkListen", completion, context);
    return ndk_request_answered(request, NDK_INTO(object, "NdkListen", NDK_THEIRS(object, LISTENER)->NdkListen(listener, address, bytes,
                                                                                                            ndk_on_request, request)));
}

static NTAPI NTSTATUS
listener_local_address(NDK_LISTENER *listener, PSOCKADDR address, ULONG *bytes)
{
    struct ndk_object *object = OBJECT(Listener, listener, "NdkGetLocalAddress");
    return NDK_INTO(object, "NdkGetLocalAddress", NDK_THEIRS(object, LISTENER)->NdkGetLocalAddress(listener, address, bytes));
}

static NTAPI VOID
control_connect_events(NDK_LISTENER *listener, BOOLEAN is_pause)
{
    struct ndk_object *object = OBJECT(Listener, listener, "NdkControlConnectEvents");
    NDK_INTO_VOID(object, "NdkControlConnectEvents", NDK_THEIRS(object, LISTENER)->NdkControlConnectEvents(listener, is_pause));
}

const NDK_LISTENER_DISPATCH ndk_listener_calls = {.NdkCloseListener = ndk_close,
                                                  .NdkListen = listen,
                                                  .NdkGetLocalAddress = listener_local_address,
                                                  .NdkControlConnectEvents = control_connect_events};

static NTAPI NTSTATUS
endpoint_local_address(NDK_SHARED_ENDPOINT *endpoint, PSOCKADDR address, ULONG *bytes)
{
    struct ndk_object *object = OBJECT(SharedEndpoint, endpoint, "NdkGetLocalAddress");
    return NDK_INTO(object, "NdkGetLocalAddress", NDK_THEIRS(object, SHARED_ENDPOINT)->NdkGetLocalAddress(endpoint, address, bytes));
}

const NDK_SHARED_ENDPOINT_DISPATCH ndk_endpoint_calls = {.NdkCloseSharedEndpoint = ndk_close, .NdkGetLocalAddress = endpoint_local_address};
