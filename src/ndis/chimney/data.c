// SPDX-License-Identifier: MIT
// Data of offloaded connections: send, receive, disconnect, forward, one hop down and one hop up; what was received and kept, down again.
//   down  chimney_data_submit: the NDIS_OFFLOAD_HANDLE gives the binding, hence the adapter, and the miniport's own context
//   up    chimney_data_done: SourceHandle of each NET_BUFFER_LIST gives the binding; runs of one binding go up together
// A disconnect may come without a NET_BUFFER_LIST. Nothing then says on its way up whose it was but that a binding waits for one, so
// those are counted (null_disconnects).
// [network/propagating-an-i-o-operation], [network/propagating-the-completion-of-an-i-o-operation]
#include "ndis/chimney/chimney_int.h"
#include "verify/ledger.h"
#include "verify/refuse.h"
#include "verify/report.h"

static const struct {
    const char *down, *miniport, *up, *protocol;
} words[] = {
    [CHIMNEY_SEND] = {"NdisOffloadTcpSend", "MiniportTcpOffloadSend", "NdisTcpOffloadSendComplete", "ProtocolTcpOffloadSendComplete"},
    [CHIMNEY_RECEIVE] = {"NdisOffloadTcpReceive", "MiniportTcpOffloadReceive", "NdisTcpOffloadReceiveComplete",
                         "ProtocolTcpOffloadReceiveComplete"},
    [CHIMNEY_DISCONNECT] = {"NdisOffloadTcpDisconnect", "MiniportTcpOffloadDisconnect", "NdisTcpOffloadDisconnectComplete",
                            "ProtocolTcpOffloadDisconnectComplete"},
    [CHIMNEY_FORWARD] = {"NdisOffloadTcpForward", "MiniportTcpOffloadForward", "NdisTcpOffloadForwardComplete",
                         "ProtocolTcpOffloadForwardComplete"},
};

// ---- down -------------------------------------------------------------------------------------------------------------------------------

static void
disconnect_check(const NET_BUFFER_LIST *nbl, ULONG flags)
{
    const char *function = words[CHIMNEY_DISCONNECT].down;
    if (flags != TCP_DISCONNECT_ABORTIVE_CLOSE && flags != TCP_DISCONNECT_GRACEFUL_CLOSE)
        verify_rule_broken(NBX_0604, function, "Flags say neither that the disconnect is abortive nor that it is graceful");
    if (!nbl)
        return;
    if (nbl->Next || !nbl->FirstNetBuffer || nbl->FirstNetBuffer->Next)
        verify_rule_broken(NBX_0604, function, "a disconnect has a single NET_BUFFER_LIST with one NET_BUFFER");
    else if (flags == TCP_DISCONNECT_ABORTIVE_CLOSE && nbl->FirstNetBuffer->DataLength)
        verify_rule_broken(NBX_0604, function, "the NET_BUFFER of an abortive disconnect has data");
}

// The lists are nobody's until verify_offload_take. Returns what chimney_watch_request_over wants.
static struct ke_thread *
data_watch(struct chimney_watch *watch, enum chimney_data_op op, NET_BUFFER_LIST *nbls, ULONG flags)
{
    verify_offload_give(nbls, &watch->binding->module, VERIFY_SENT, words[op].down);
    if (op == CHIMNEY_DISCONNECT)
        disconnect_check(nbls, flags);
    return chimney_watch_request(watch, op, nbls, flags, words[op].down);
}

static NDIS_STATUS
data_call(struct ndis_adapter *adapter, enum chimney_data_op op, void *object, NET_BUFFER_LIST *nbls, ULONG flags)
{
    const NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS *own = &adapter->driver->chimney.tcp;
    struct io_image *image = adapter->module.image;
    NDIS_HANDLE context = adapter->general_context;
    switch (op) {
    case CHIMNEY_SEND:
        return NDIS_CALL(image, "MiniportTcpOffloadSend", own->TcpOffloadSendHandler(context, object, nbls));
    case CHIMNEY_RECEIVE:
        return NDIS_CALL(image, "MiniportTcpOffloadReceive", own->TcpOffloadReceiveHandler(context, object, nbls));
    case CHIMNEY_DISCONNECT:
        return NDIS_CALL(image, "MiniportTcpOffloadDisconnect", own->TcpOffloadDisconnectHandler(context, object, nbls, flags));
    default:
        return NDIS_CALL(image, "MiniportTcpOffloadForward", own->TcpOffloadForwardHandler(context, object, nbls));
    }
}

NDIS_STATUS
chimney_data_submit(NDIS_OFFLOAD_HANDLE *handle, enum chimney_data_op op, NET_BUFFER_LIST *nbls, ULONG flags)
{
    struct ndis_binding *binding = chimney_handle_offloaded(handle, words[op].down);
    struct ndis_adapter *adapter = binding->module.adapter;
    struct ke_thread *self = ke_self();
    bool is_watched = binding->module.ndis->box->verify != NULL;
    if (!binding->chimney.tcp.Header.Size)
        verify_contract(words[op].down, "the protocol has not registered NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS");
    if (!adapter->driver->chimney.tcp.Header.Size)
        verify_contract(words[op].down, "the miniport below has not registered NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS");
    if (!nbls && op != CHIMNEY_DISCONNECT)
        verify_contract(words[op].down, "there is no NET_BUFFER_LIST");
    struct chimney_watch *watch = is_watched ? chimney_handle_watch(handle) : NULL;
    struct ke_thread *before = watch ? data_watch(watch, op, nbls, flags) : NULL;
    if (!nbls)
        atomic_fetch_add(&binding->null_disconnects, 1);
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next)
        nbl->SourceHandle = &binding->module;
    if (chimney_is_watched(&adapter->module))
        chimney_trace_nbls(&adapter->module, words[op].miniport, nbls,
                           op != CHIMNEY_DISCONNECT                       ? NULL
                           : flags & TCP_DISCONNECT_ABORTIVE_CLOSE ? "abortive"
                                                                   : "graceful",
                           false);
    if (watch)
        verify_offload_take(nbls, &adapter->module, words[op].miniport);
    bool counted = ndis_call_begin(&adapter->module, self);
    NDIS_STATUS status = data_call(adapter, op, handle->MiniportOffloadContext, nbls, flags);
    ndis_call_end(&adapter->module, counted);
    if (watch)
        chimney_watch_request_over(watch, op, before);
    if (is_watched && status != NDIS_STATUS_PENDING)
        verify_report(&(struct verify_finding){.rule = NBX_0605, .driver = adapter->module.image, .function = words[op].miniport,
                                               .text = "returned another status than NDIS_STATUS_PENDING"});
    return status;
}

void
chimney_receive_return(struct ndis_binding *binding, NET_BUFFER_LIST *nbls)
{
    struct ndis_adapter *adapter = binding->module.adapter;
    const NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS *own = &adapter->driver->chimney.tcp;
    struct ke_thread *self = ke_self();
    bool is_watched = binding->module.ndis->box->verify != NULL;
    if (!own->Header.Size)
        verify_contract("NdisOffloadTcpReceiveReturn", "the miniport below has no chimney");
    if (is_watched)
        verify_offload_give(nbls, &binding->module, VERIFY_RETURNED, "NdisOffloadTcpReceiveReturn");
    for (NET_BUFFER_LIST *nbl = is_watched ? nbls : NULL; nbl; nbl = nbl->Next)
        atomic_fetch_sub(&binding->chimney_lent, 1);
    if (chimney_is_watched(&adapter->module))
        chimney_trace_nbls(&adapter->module, "MiniportTcpOffloadReceiveReturn", nbls, NULL, false);
    if (is_watched)
        verify_offload_take(nbls, &adapter->module, "MiniportTcpOffloadReceiveReturn");
    bool counted = ndis_call_begin(&adapter->module, self);
    NDIS_STATUS status = NDIS_CALL(adapter->module.image, "MiniportTcpOffloadReceiveReturn",
                                   own->TcpOffloadReceiveReturnHandler(adapter->general_context, nbls));
    ndis_call_end(&adapter->module, counted);
    if (status != NDIS_STATUS_SUCCESS && is_watched)
        verify_report(&(struct verify_finding){.rule = NBX_0605, .driver = adapter->module.image,
                                               .function = "MiniportTcpOffloadReceiveReturn",
                                               .text = "returned another status than NDIS_STATUS_SUCCESS"});
}

// ---- up ---------------------------------------------------------------------------------------------------------------------------------

static void
data_call_up(struct ndis_binding *binding, enum chimney_data_op op, NET_BUFFER_LIST *nbls)
{
    const NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS *own = &binding->chimney.tcp;
    struct io_image *image = binding->module.image;
    NDIS_HANDLE context = binding->context;
    switch (op) {
    case CHIMNEY_SEND:
        NDIS_CALL_VOID(image, "ProtocolTcpOffloadSendComplete", own->TcpOffloadSendCompleteHandler(context, nbls));
        break;
    case CHIMNEY_RECEIVE:
        NDIS_CALL_VOID(image, "ProtocolTcpOffloadReceiveComplete", own->TcpOffloadReceiveCompleteHandler(context, nbls));
        break;
    case CHIMNEY_DISCONNECT:
        NDIS_CALL_VOID(image, "ProtocolTcpOffloadDisconnectComplete", own->TcpOffloadDisconnectCompleteHandler(context, nbls));
        break;
    case CHIMNEY_FORWARD:
        NDIS_CALL_VOID(image, "ProtocolTcpOffloadForwardComplete", own->TcpOffloadForwardCompleteHandler(context, nbls));
        break;
    }
}

static void
data_deliver(struct ndis_binding *binding, enum chimney_data_op op, NET_BUFFER_LIST *nbls)
{
    bool counted = ndis_call_begin(&binding->module, ke_self()), is_watched = binding->module.ndis->box->verify != NULL;
    struct chimney_ups ups;
    if (chimney_is_watched(&binding->module))
        chimney_trace_nbls(&binding->module, words[op].protocol, nbls, NULL, true);
    if (is_watched) {
        chimney_watch_completed(&ups, op, nbls, words[op].up);
        verify_offload_take(nbls, &binding->module, words[op].protocol);
    }
    data_call_up(binding, op, nbls);
    if (is_watched)
        chimney_watch_ups_over(&ups);
    ndis_call_end(&binding->module, counted);
}

static struct ndis_binding *
data_source(const struct ndis_adapter *adapter, const NET_BUFFER_LIST *nbl, const char *function)
{
    struct ndis_module *source = ndis_handle_check(nbl->SourceHandle, NDIS_KIND_BINDING, function);
    if (source->adapter != adapter)
        verify_contract(function, "SourceHandle of a NET_BUFFER_LIST is not what it was when the list came: an intermediate driver "
                                  "restores it");
    return CONTAINING_RECORD(source, struct ndis_binding, module);
}

// The first binding that has a disconnect without a NET_BUFFER_LIST below it; held (calls) for the caller.
static struct ndis_binding *
disconnect_waiting(struct ndis_adapter *adapter)
{
    struct ndis_binding *found = NULL;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    LIST_FOR_EACH(node, &adapter->bindings) {
        struct ndis_binding *binding = LIST_ENTRY_OF(node, struct ndis_binding, node);
        if (atomic_load(&binding->null_disconnects)) {
            atomic_fetch_sub(&binding->null_disconnects, 1);
            atomic_fetch_add(&binding->module.calls, 1);
            found = binding;
            break;
        }
    }
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return found;
}

static void
data_done_without(struct ndis_adapter *adapter, enum chimney_data_op op)
{
    struct ndis_binding *binding = op == CHIMNEY_DISCONNECT ? disconnect_waiting(adapter) : NULL;
    if (!binding)
        verify_contract(words[op].up, "there is no NET_BUFFER_LIST, and nothing came without one");
    data_deliver(binding, op, NULL);
    ndis_module_leave(&binding->module);
}

void
chimney_data_done(struct ndis_adapter *adapter, enum chimney_data_op op, NET_BUFFER_LIST *nbls)
{
    if (adapter->module.ndis->box->verify)
        verify_offload_give(nbls, &adapter->module, VERIFY_COMPLETED, words[op].up);
    if (!nbls)
        data_done_without(adapter, op);
    else if (op == CHIMNEY_DISCONNECT && nbls->Next && adapter->module.ndis->box->verify)
        verify_rule_broken(NBX_0604, words[op].up, "a disconnect is completed with its single NET_BUFFER_LIST");
    while (nbls) {
        struct ndis_binding *binding = data_source(adapter, nbls, words[op].up);
        NET_BUFFER_LIST *last = nbls, *rest;
        while (last->Next && last->Next->SourceHandle == nbls->SourceHandle)
            last = last->Next;
        rest = last->Next;
        last->Next = NULL;
        data_deliver(binding, op, nbls);
        nbls = rest;
    }
}
