// SPDX-License-Identifier: MIT
// See watch.h: the functions that a consumer calls of queue pairs, connectors, listeners and shared endpoints.
// Requests on queues are followed to their results in watch_posts.c, what they say of memory is looked at in watch_memory.c.
#include <stdio.h>

#include "ndis/ndk/watch_int.h"

#define OBJECT(kind, pointer, function) ndk_use(&(pointer)->Header, NdkObjectType##kind, function)

// ---- queue pair -----------------------------------------------------------------------------------------------------------------------

#define EVERY_POST (NDK_OP_FLAG_SILENT_SUCCESS | NDK_OP_FLAG_READ_FENCE | NDK_OP_FLAG_DEFER)

// A post to a queue of a queue pair; checks come before.
#define POST(name, object, post, function, call) \
    ({ \
        struct ndk_posting posting = ndk_post_begin(object, name, post, function); \
        ndk_post_end(&posting, NDK_INTO(object, function, NDK_THEIRS(object, QP)->call), function); \
    })

static NTAPI VOID
flush(NDK_QP *qp)
{
    struct ndk_object *object = OBJECT(Qp, qp, "NdkFlush");
    NDK_INTO_VOID(object, "NdkFlush", NDK_THEIRS(object, QP)->NdkFlush(qp));
    ndk_flushed(object);
}

static NTAPI NTSTATUS
send(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count, ULONG flags)
{
    struct ndk_object *object = OBJECT(Qp, qp, "NdkSend");
    struct ndk_post post = {.context = context, .type = NdkOperationTypeSend, .flags = flags, .bytes = ndk_sges_bytes(sges, count)};
    ndk_flags_check(object, flags, EVERY_POST | NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT | NDK_OP_FLAG_INLINE, "NdkSend");
    ndk_sges_check(object, NDK_INITIATOR, sges, count, flags, "NdkSend");
    return POST(NDK_INITIATOR, object, &post, "NdkSend", NdkSend(qp, posting.number, sges, count, flags));
}

static NTAPI NTSTATUS
receive(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count)
{
    struct ndk_object *object = OBJECT(Qp, qp, "NdkReceive");
    struct ndk_post post = {.context = context, .type = NdkOperationTypeReceive, .bytes = ndk_sges_bytes(sges, count)};
    ndk_sges_check(object, NDK_RECEIVER, sges, count, 0, "NdkReceive");
    return POST(NDK_RECEIVER, object, &post, "NdkReceive", NdkReceive(qp, posting.number, sges, count));
}

static NTAPI NTSTATUS
bind(NDK_QP *qp, PVOID context, NDK_MR *mr, NDK_MW *mw, PVOID address, SIZE_T bytes, ULONG flags)
{
    struct ndk_object *object = OBJECT(Qp, qp, "NdkBind");
    struct ndk_post post = {.context = context, .type = NdkOperationTypeBind, .flags = flags, .bytes = bytes};
    ndk_flags_check(object, flags, EVERY_POST | NDK_OP_FLAG_ALLOW_REMOTE_READ | NDK_OP_FLAG_ALLOW_REMOTE_WRITE, "NdkBind");
    ndk_bind_check(object, OBJECT(Mr, mr, "NdkBind"), OBJECT(Mw, mw, "NdkBind"), (uint64_t)(ULONG_PTR)address, bytes);
    return POST(NDK_INITIATOR, object, &post, "NdkBind", NdkBind(qp, posting.number, mr, mw, address, bytes, flags));
}

static NTAPI NTSTATUS
fast_register(NDK_QP *qp, PVOID context, NDK_MR *mr, ULONG pages, const NDK_LOGICAL_ADDRESS *page, ULONG fbo, SIZE_T bytes, PVOID base,
              ULONG flags)
{
    const char *function = "NdkFastRegister";
    struct ndk_object *object = OBJECT(Qp, qp, function), *region = OBJECT(Mr, mr, function);
    struct ndk_post post = {.context = context, .type = NdkOperationTypeFastRegister, .flags = flags, .bytes = bytes};
    ndk_flags_check(object, flags, EVERY_POST | NDK_OP_FLAG_ALLOW_REMOTE_READ | NDK_OP_FLAG_ALLOW_REMOTE_WRITE | NDK_OP_FLAG_RDMA_READ_SINK,
                    function);
    ndk_fast_check(object, region, pages, fbo, bytes, (uint64_t)(ULONG_PTR)base);
    NTSTATUS status = POST(NDK_INITIATOR, object, &post, function,
                           NdkFastRegister(qp, posting.number, mr, pages, page, fbo, bytes, base, flags));
    if (NT_SUCCESS(status))
        ndk_fast_posted(region, (uint64_t)(ULONG_PTR)base, bytes);
    return status;
}

static NTAPI NTSTATUS
invalidate(NDK_QP *qp, PVOID context, NDK_OBJECT_HEADER *header, ULONG flags)
{
    const char *function = "NdkInvalidate";
    bool is_window = header->ObjectType == NdkObjectTypeMw;
    struct ndk_object *object = OBJECT(Qp, qp, function);
    struct ndk_object *memory = ndk_use(header, is_window ? NdkObjectTypeMw : NdkObjectTypeMr, function);
    struct ndk_post post = {.context = context, .type = NdkOperationTypeInvalidate, .flags = flags};
    ndk_flags_check(object, flags, EVERY_POST, function);
    if (!is_window && !memory->made.is_fast)
        NDK_BROKEN(object, NBX_0714, function, "is given a memory region that was not made for fast registration");
    NTSTATUS status = POST(NDK_INITIATOR, object, &post, function, NdkInvalidate(qp, posting.number, header, flags));
    if (NT_SUCCESS(status))
        ndk_invalidate_posted(memory);
    return status;
}

static NTAPI NTSTATUS
read_remote(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count, UINT64 address, UINT32 token, ULONG flags)
{
    struct ndk_object *object = OBJECT(Qp, qp, "NdkRead");
    struct ndk_post post = {.context = context, .type = NdkOperationTypeRead, .flags = flags, .bytes = ndk_sges_bytes(sges, count)};
    ndk_flags_check(object, flags, EVERY_POST | NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE, "NdkRead");
    ndk_sges_check(object, NDK_INITIATOR, sges, count, flags, "NdkRead");
    NTSTATUS status = POST(NDK_INITIATOR, object, &post, "NdkRead", NdkRead(qp, posting.number, sges, count, address, token, flags));
    if (NT_SUCCESS(status) && count && flags & NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE)
        ndk_sge_invalidated(object, sges);
    return status;
}

// The page of NdkWrite has no NDK_OP_FLAG_INLINE, those of NDK_SGE and NdkCreateQp ("a single send or write request") do. UNSURE.
static NTAPI NTSTATUS
write_remote(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count, UINT64 address, UINT32 token, ULONG flags)
{
    struct ndk_object *object = OBJECT(Qp, qp, "NdkWrite");
    struct ndk_post post = {.context = context, .type = NdkOperationTypeWrite, .flags = flags, .bytes = ndk_sges_bytes(sges, count)};
    ndk_flags_check(object, flags, EVERY_POST | NDK_OP_FLAG_INLINE, "NdkWrite");
    ndk_sges_check(object, NDK_INITIATOR, sges, count, flags, "NdkWrite");
    return POST(NDK_INITIATOR, object, &post, "NdkWrite", NdkWrite(qp, posting.number, sges, count, address, token, flags));
}

static NTAPI NTSTATUS
send_and_invalidate(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG count, ULONG flags, UINT32 token)
{
    const char *function = "NdkSendAndInvalidate";
    struct ndk_object *object = OBJECT(Qp, qp, function);
    struct ndk_post post = {.context = context, .type = NdkOperationTypeSend, .flags = flags, .bytes = ndk_sges_bytes(sges, count)};
    ndk_flags_check(object, flags, EVERY_POST | NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT | NDK_OP_FLAG_INLINE, function);
    ndk_sges_check(object, NDK_INITIATOR, sges, count, flags, function);
    return POST(NDK_INITIATOR, object, &post, function, NdkSendAndInvalidate(qp, posting.number, sges, count, flags, token));
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

// What makes or ends a connection is told when it begins, and when it is over.
static void
connection_told(struct ndk_request *request, const struct ndk_object *qp, ULONG data_bytes)
{
    const struct ndk_object *connector = request->of;
    char more[32] = "";
    request->tells = NDK_TELLS_END;
    if (!ndk_is_told(connector->watch))
        return;
    if (qp)
        snprintf(more, sizeof more, ", QP %u", qp->number);
    ndk_say_down(connector->watch, request->function, "connector %u%s%s%s", connector->number, more, request->note,
                 data_bytes ? ", with private data" : "");
}

static void
connecting(struct ndk_request *request, const struct ndk_object *qp, const SOCKADDR *to, ULONG to_bytes, ULONG data_bytes)
{
    char text[IPTEXT_BYTES];
    NDK_NOTE(request, ", %s", ndk_address_words(to, to_bytes, text));
    connection_told(request, qp, data_bytes);
}

static NTAPI NTSTATUS
connect(NDK_CONNECTOR *connector, NDK_QP *qp, const PSOCKADDR source, ULONG source_bytes, const PSOCKADDR destination,
        ULONG destination_bytes, ULONG inbound, ULONG outbound, const PVOID data, ULONG data_bytes,
        NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Connector, connector, "NdkConnect");
    struct ndk_request *request = ndk_request_for(object, "NdkConnect", completion, context);
    connecting(request, OBJECT(Qp, qp, "NdkConnect"), destination, destination_bytes, data_bytes);
    return NDK_ANSWER(request, CONNECTOR, NdkConnect(connector, qp, source, source_bytes, destination, destination_bytes, inbound,
                                                     outbound, data, data_bytes, ndk_on_request, request));
}

static NTAPI NTSTATUS
connect_shared(NDK_CONNECTOR *connector, NDK_QP *qp, NDK_SHARED_ENDPOINT *endpoint, const PSOCKADDR destination, ULONG destination_bytes,
               ULONG inbound, ULONG outbound, const PVOID data, ULONG data_bytes, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    const char *function = "NdkConnectWithSharedEndpoint";
    struct ndk_object *object = OBJECT(Connector, connector, function);
    struct ndk_request *request = ndk_request_for(object, function, completion, context);
    connecting(request, OBJECT(Qp, qp, function), destination, destination_bytes, data_bytes);
    OBJECT(SharedEndpoint, endpoint, function);
    return NDK_ANSWER(request, CONNECTOR, NdkConnectWithSharedEndpoint(connector, qp, endpoint, destination, destination_bytes, inbound,
                                                                       outbound, data, data_bytes, ndk_on_request, request));
}

// From now on the consumer asks for no connection data; what failed at once has answered nothing.
static NTSTATUS
connection_answered(struct ndk_request *request, NTSTATUS status)
{
    if (NT_SUCCESS(status))
        atomic_store(&request->of->is_answered, true);
    return ndk_request_answered(request, status);
}

#define ANSWER_CONNECTION(request, call) \
    connection_answered(request, NDK_INTO_FOR((request)->of, request, (request)->function, NDK_THEIRS((request)->of, CONNECTOR)->call))

static NTAPI NTSTATUS
complete_connect(NDK_CONNECTOR *connector, NDK_FN_DISCONNECT_EVENT_CALLBACK event, PVOID event_context,
                 NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    const char *function = "NdkCompleteConnect";
    struct ndk_object *object = OBJECT(Connector, connector, function);
    struct ndk_request *request = ndk_request_for(object, function, completion, context);
    object->event.disconnect = event;
    object->event_context = event_context;
    connection_told(request, NULL, 0);
    return ANSWER_CONNECTION(request, NdkCompleteConnect(connector, event ? ndk_on_disconnect : NULL, object, ndk_on_request,
                                                                    request));
}

static NTAPI NTSTATUS
complete_connect_ex(NDK_CONNECTOR *connector, NDK_FN_DISCONNECT_EVENT_CALLBACK_EX event, PVOID event_context,
                    NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    const char *function = "NdkCompleteConnectEx";
    struct ndk_object *object = OBJECT(Connector, connector, function);
    struct ndk_request *request = ndk_request_for(object, function, completion, context);
    object->event.disconnect_ex = event;
    object->event_context = event_context;
    connection_told(request, NULL, 0);
    return ANSWER_CONNECTION(request, NdkCompleteConnectEx(connector, event ? ndk_on_disconnect_ex : NULL, object,
                                                                      ndk_on_request, request));
}

static NTAPI NTSTATUS
accept(NDK_CONNECTOR *connector, NDK_QP *qp, ULONG inbound, ULONG outbound, const PVOID data, ULONG data_bytes,
       NDK_FN_DISCONNECT_EVENT_CALLBACK event, PVOID event_context, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Connector, connector, "NdkAccept");
    struct ndk_request *request = ndk_request_for(object, "NdkAccept", completion, context);
    connection_told(request, OBJECT(Qp, qp, "NdkAccept"), data_bytes);
    object->event.disconnect = event;
    object->event_context = event_context;
    return ANSWER_CONNECTION(request, NdkAccept(connector, qp, inbound, outbound, data, data_bytes,
                                                           event ? ndk_on_disconnect : NULL, object, ndk_on_request, request));
}

static NTAPI NTSTATUS
accept_ex(NDK_CONNECTOR *connector, NDK_QP *qp, ULONG inbound, ULONG outbound, const PVOID data, ULONG data_bytes,
          NDK_FN_DISCONNECT_EVENT_CALLBACK_EX event, PVOID event_context, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct ndk_object *object = OBJECT(Connector, connector, "NdkAcceptEx");
    struct ndk_request *request = ndk_request_for(object, "NdkAcceptEx", completion, context);
    connection_told(request, OBJECT(Qp, qp, "NdkAcceptEx"), data_bytes);
    object->event.disconnect_ex = event;
    object->event_context = event_context;
    return ANSWER_CONNECTION(request, NdkAcceptEx(connector, qp, inbound, outbound, data, data_bytes,
                                                             event ? ndk_on_disconnect_ex : NULL, object, ndk_on_request, request));
}

static NTAPI NTSTATUS
reject(NDK_CONNECTOR *connector, const PVOID data, ULONG data_bytes)
{
    struct ndk_object *object = OBJECT(Connector, connector, "NdkReject");
    if (ndk_is_told(object->watch))
        ndk_say_down(object->watch, "NdkReject", "connector %u%s", object->number, data_bytes ? ", with private data" : "");
    return NDK_INTO(object, "NdkReject", NDK_THEIRS(object, CONNECTOR)->NdkReject(connector, data, data_bytes));
}

static NTAPI NTSTATUS
get_connection_data(NDK_CONNECTOR *connector, ULONG *inbound, ULONG *outbound, PVOID data, ULONG *data_bytes)
{
    const char *function = "NdkGetConnectionData";
    struct ndk_object *object = OBJECT(Connector, connector, function);
    if (!data && *data_bytes)
        NDK_BROKEN(object, NBX_0716, function, "is called with a length of %u and no buffer", *data_bytes);
    if (atomic_load(&object->is_answered))
        NDK_BROKEN(object, NBX_0716, function, "is called after NdkAccept or NdkCompleteConnect of the connector");
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
    struct ndk_request *request = ndk_request_for(object, "NdkDisconnect", completion, context);
    connection_told(request, NULL, 0);
    return NDK_ANSWER(request, CONNECTOR, NdkDisconnect(connector, ndk_on_request, request));
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
    struct ndk_request *request = ndk_request_for(object, "NdkListen", completion, context);
    char text[IPTEXT_BYTES];
    request->tells = NDK_TELLS_RESULT;
    NDK_NOTE(request, ", %s", ndk_address_words(address, bytes, text));
    return NDK_ANSWER(request, LISTENER, NdkListen(listener, address, bytes, ndk_on_request, request));
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
    if (ndk_is_told(object->watch))
        ndk_say_down(object->watch, "NdkControlConnectEvents", "listener %u, %s", object->number, is_pause ? "pause" : "resume");
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
