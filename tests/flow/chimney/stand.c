// SPDX-License-Identifier: MIT
// See stand.h.
#include "stand.h"

#include <string.h>

#include "flow/passthru/storey.h"
#include "ndis/ndis_int.h"

struct stand s;
uint32_t s_asks = 1;
bool s_is_half;

static void (*body_fn)(void);

static struct ke_crossing
as(const char *driver)
{
    return ke_driver_enter(ke_self(), io_image_find(w.box, driver), "test");
}

static void
as_end(struct ke_crossing crossing)
{
    ke_driver_leave(ke_self(), crossing);
}

static void
list_append(NET_BUFFER_LIST **list, NET_BUFFER_LIST *nbls)
{
    while (*list)
        list = &(*list)->Next;
    *list = nbls;
}

// ---- the target -----------------------------------------------------------------------------------------------------------------

static void
take(const char *name, NDIS_HANDLE context, enum s_op op, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST tree)
{
    w_note(name, context);
    ck_assert_ptr_null(s.tree[op]);
    s.tree[op] = tree;
}

#define TAKES(word, op) \
    static NTAPI VOID t_##word(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST tree) { take("Miniport" #word, context, op, tree); }
TAKES(InitiateOffload, S_INITIATE)
TAKES(TerminateOffload, S_TERMINATE)
TAKES(UpdateOffload, S_UPDATE)
TAKES(InvalidateOffload, S_INVALIDATE)
TAKES(QueryOffload, S_QUERY)

static NDIS_STATUS
take_data(const char *name, NDIS_HANDLE context, enum s_data op, PVOID object, NET_BUFFER_LIST *nbls)
{
    w_note(name, context);
    s.object[op] = object;
    list_append(&s.lists[op], nbls);
    if (s.on_request)
        s.on_request(op);
    return s.data_status ? s.data_status : NDIS_STATUS_PENDING;
}

static NTAPI NDIS_STATUS
t_send(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbls)
{
    return take_data("MiniportTcpOffloadSend", context, S_SEND, object, nbls);
}

static NTAPI NDIS_STATUS
t_receive(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbls)
{
    return take_data("MiniportTcpOffloadReceive", context, S_RECEIVE, object, nbls);
}

static NTAPI NDIS_STATUS
t_disconnect(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbl, ULONG flags)
{
    s.flags = flags;
    s.disconnects++;
    return take_data("MiniportTcpOffloadDisconnect", context, S_DISCONNECT, object, nbl);
}

static NTAPI NDIS_STATUS
t_forward(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbls)
{
    return take_data("MiniportTcpOffloadForward", context, S_FORWARD, object, nbls);
}

static NTAPI NDIS_STATUS
t_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    w_note("MiniportTcpOffloadReceiveReturn", context);
    list_append(&s.returned, nbls);
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
target_options(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic = {
        .Header = {NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, 1, sizeof generic},
        .InitiateOffloadHandler = t_InitiateOffload,
        .TerminateOffloadHandler = t_TerminateOffload,
        .UpdateOffloadHandler = t_UpdateOffload,
        .InvalidateOffloadHandler = t_InvalidateOffload,
        .QueryOffloadHandler = t_QueryOffload};
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp = {
        .Header = {NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_CHARACTERISTICS, 1, sizeof tcp},
        .OffloadType = NdisTcpChimneyOffload,
        .TcpOffloadSendHandler = t_send,
        .TcpOffloadReceiveHandler = t_receive,
        .TcpOffloadDisconnectHandler = t_disconnect,
        .TcpOffloadForwardHandler = t_forward,
        .TcpOffloadReceiveReturnHandler = t_return};
    ck_assert_int_eq(NdisSetOptionalHandlers(handle, &generic.Header), NDIS_STATUS_SUCCESS);
    if (!s_is_half)
        ck_assert_int_eq(NdisSetOptionalHandlers(handle, &tcp.Header), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
target_initialize(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_MINIPORT_INIT_PARAMETERS parameters)
{
    NDIS_TCP_CONNECTION_OFFLOAD capabilities = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_TCP_CONNECTION_OFFLOAD_REVISION_1, sizeof capabilities},
        .Encapsulation = NDIS_ENCAPSULATION_IEEE_802_3,
        .SupportIPv4 = NDIS_OFFLOAD_SUPPORTED,
        .TcpConnectionOffloadCapacity = 1000};
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES attributes = {
        .OffloadAttributes = {.Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES,
                                         NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1,
                                         NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1},
                              .DefaultTcpConnectionOffloadConfiguration = &capabilities,
                              .TcpConnectionOffloadHardwareCapabilities = &capabilities}};
    PNDIS_OFFLOAD_EVENT_HANDLERS handlers;
    NDIS_STATUS status = w_initialize(handle);
    if (status == NDIS_STATUS_SUCCESS)
        status = NdisMSetMiniportAttributes(handle, &attributes);
    for (uint32_t i = 0; status == NDIS_STATUS_SUCCESS && i < s_asks; i++)
        status = NdisMGetOffloadHandlers(handle, NdisTcpChimneyOffload, &handlers);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    s.up = *(PNDIS_TCP_OFFLOAD_EVENT_HANDLERS)handlers;
    return NDIS_STATUS_SUCCESS;
}

static const NDIS_STATUS *complete_status;    // the next block's; NULL: SUCCESS for all

static void
block_complete(NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    for (; block; block = block->NextBlock) {
        block->Status = complete_status ? *complete_status++ : NDIS_STATUS_SUCCESS;
        bool is_taken = block->Status == NDIS_STATUS_SUCCESS || block->Status == NDIS_STATUS_OFFLOAD_PARTIAL_SUCCESS;
        if (block->MiniportOffloadContext && !*block->MiniportOffloadContext && is_taken) {
            ck_assert_uint_lt(s.contexts, S_BLOCKS);
            s.context[s.contexts] = (struct s_context){block->NdisOffloadHandle, block->Header.Type};
            *block->MiniportOffloadContext = &s.context[s.contexts++];
        }
        block_complete(block->DependentBlockList);
    }
}

void
s_complete_with(enum s_op op, const NDIS_STATUS *status)
{
    static VOID(NTAPI *const done[])(NDIS_HANDLE, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST) = {
        NdisMInitiateOffloadComplete, NdisMTerminateOffloadComplete, NdisMUpdateOffloadComplete, NdisMInvalidateOffloadComplete,
        NdisMQueryOffloadStateComplete};
    struct ke_crossing crossing = as("mp");
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree = s.tree[op];
    ck_assert_ptr_nonnull(tree);
    s.tree[op] = NULL;
    complete_status = status;
    block_complete(tree);
    done[op](w.mp, tree);
    as_end(crossing);
}

void
s_complete(enum s_op op)
{
    s_complete_with(op, NULL);
}

void
s_moved(NET_BUFFER_LIST *nbl, ULONG bytes)
{
    NET_BUFFER_LIST_INFO(nbl, TcpOffloadBytesTransferred) = (PVOID)(ULONG_PTR)bytes;
    NdisAdvanceNetBufferDataStart(nbl->FirstNetBuffer, bytes, FALSE, NULL);
}

void
s_give_back(enum s_data op, NDIS_STATUS status)
{
    const NDIS_TCP_OFFLOAD_SEND_COMPLETE done[] = {s.up.NdisTcpOffloadSendComplete, s.up.NdisTcpOffloadReceiveComplete,
                                                   s.up.NdisTcpOffloadDisconnectComplete, s.up.NdisTcpOffloadForwardComplete};
    NET_BUFFER_LIST *nbls = s.lists[op];
    s.lists[op] = NULL;
    struct ke_crossing crossing = as("mp");
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next) {
        nbl->Status = status;
        if (op == S_DISCONNECT && status == NDIS_STATUS_SUCCESS)
            s_moved(nbl, nbl->FirstNetBuffer->DataLength);
    }
    done[op](w.mp, nbls);
    as_end(crossing);
}

struct s_context *
s_context_of(const struct s_object *object)
{
    // What the topmost layer wrote is an intermediate driver's entry; the target's own is the one of the bottom hop.
    for (uint32_t i = 0; i < s.given_count[s.storeys]; i++)
        if (s.given[s.storeys][i] == &object->handle)
            for (uint32_t k = 0; k < s.contexts; k++)
                if (s.context[k].handle == s.given[0][i])
                    return &s.context[k];
    ck_abort_msg("the target has no such object");
    return NULL;
}

void
s_event(struct s_object *object, ULONG type, ULONG information)
{
    struct ke_crossing crossing = as("mp");
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    s.up.NdisTcpOffloadEventHandler(s_context_of(object)->handle, type, information);
    KeLowerIrql(old);
    as_end(crossing);
}

NDIS_STATUS
s_indicate(struct s_object *object, NET_BUFFER_LIST *nbl, ULONG *consumed)
{
    struct ke_crossing crossing = as("mp");
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    NDIS_STATUS status = s.up.NdisTcpOffloadReceiveHandler(s_context_of(object)->handle, nbl, NDIS_STATUS_SUCCESS, consumed);
    KeLowerIrql(old);
    as_end(crossing);
    return status;
}

// ---- the host -------------------------------------------------------------------------------------------------------------------

static void
done(const char *name, NDIS_HANDLE context, enum s_op op, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree)
{
    w_note(name, context);
    ck_assert_ptr_null(s.done[op]);
    s.done[op] = tree;
}

#define ENDS(word, op) \
    static NTAPI VOID h_##word(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree) \
    { \
        done("Protocol" #word "Complete", context, op, tree); \
    }
ENDS(InitiateOffload, S_INITIATE)
ENDS(TerminateOffload, S_TERMINATE)
ENDS(UpdateOffload, S_UPDATE)
ENDS(InvalidateOffload, S_INVALIDATE)
ENDS(QueryOffload, S_QUERY)

static void
done_data(const char *name, NDIS_HANDLE context, enum s_data op, NET_BUFFER_LIST *nbls)
{
    w_note(name, context);
    s.completions[op]++;
    s.without += !nbls;
    list_append(&s.completed[op], nbls);
    if (s.on_completed)
        s.on_completed(op);
}

#define GETS(word, op) \
    static NTAPI VOID h_##word(NDIS_HANDLE context, PNET_BUFFER_LIST nbls) { done_data("ProtocolTcpOffload" #word, context, op, nbls); }
GETS(SendComplete, S_SEND)
GETS(ReceiveComplete, S_RECEIVE)
GETS(DisconnectComplete, S_DISCONNECT)
GETS(ForwardComplete, S_FORWARD)

static NTAPI VOID
h_event(PVOID context, ULONG type, ULONG information)
{
    w_note("ProtocolTcpOffloadEvent", context);
    s.event_context = context;
    s.event_type = type;
    s.event_information = information;
    s.events++;
    if (s.on_event)
        s.on_event();
}

static NTAPI NDIS_STATUS
h_receive(PVOID context, PNET_BUFFER_LIST nbl, NDIS_STATUS status, PULONG consumed)
{
    w_note("ProtocolTcpOffloadReceiveIndicate", context);
    s.indicated = nbl;
    s.indicated_context = context;
    s.indicated_status = status;
    if (s.on_data)
        s.on_data();
    *consumed = s.accepts;
    return s.answer;
}

static NTAPI VOID
h_neighbor(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block, ULONG code)
{
    w_note("ProtocolIndicateOffloadEvent", context);
    s.neighbor_event = block;
    s.neighbor_code = code;
    if (block)
        ((struct s_neighbor *)block)->cached.HostReachabilityDelta = s.host_delta;
}

static NTAPI NDIS_STATUS
host_options(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, 1, sizeof generic},
        .InitiateOffloadCompleteHandler = h_InitiateOffload,
        .TerminateOffloadCompleteHandler = h_TerminateOffload,
        .UpdateOffloadCompleteHandler = h_UpdateOffload,
        .InvalidateOffloadCompleteHandler = h_InvalidateOffload,
        .QueryOffloadCompleteHandler = h_QueryOffload,
        .IndicateOffloadEventHandler = h_neighbor};
    NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_CHARACTERISTICS, 1, sizeof tcp},
        .OffloadType = NdisTcpChimneyOffload,
        .TcpOffloadSendCompleteHandler = h_SendComplete,
        .TcpOffloadReceiveCompleteHandler = h_ReceiveComplete,
        .TcpOffloadDisconnectCompleteHandler = h_DisconnectComplete,
        .TcpOffloadForwardCompleteHandler = h_ForwardComplete,
        .TcpOffloadEventHandler = h_event,
        .TcpOffloadReceiveIndicateHandler = h_receive};
    ck_assert_int_eq(NdisSetOptionalHandlers(handle, &generic.Header), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisSetOptionalHandlers(handle, &tcp.Header), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_SUCCESS;
}

void
s_block(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *block, UCHAR type, struct s_object *object)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST fresh = {.Header = {type, NDIS_OFFLOAD_BLOCK_LIST_REVISION_1, sizeof *block},
                                              .OffloadHandle = object ? &object->handle : NULL};
    *block = fresh;
}

NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
s_tree(uint32_t connections)
{
    static const UCHAR here[4] = {10, 77, 0, 1}, there[4] = {10, 77, 0, 2};
    s_block(&s.neighbor.block, NeighborOffloadState, &s.neighbor_object);
    s_block(&s.path.block, Ip4OffloadState, &s.path_object);
    s.path.constant.SourceAddress = here;
    s.path.constant.DestinationAddress = there;
    s.path.cached.PathMtu = 1500;
    s.neighbor.block.DependentBlockList = &s.path.block;
    for (uint32_t i = 0; i < connections; i++) {
        s_block(&s.tcp[i].block, TcpOffloadState, &s.tcp_object[i]);
        s.tcp[i].delegated.State = TcpConnectionEstablished;
        s.tcp[i].delegated.SndUna = s.tcp[i].delegated.SndNxt = s.tcp[i].delegated.SndMax = 1000 + i;
        s.tcp[i].delegated.SendDataHead = s.tcp[i].delegated.SendDataTail = s.tcp[i].delegated.BufferedData = NULL;
    }
    s.path.block.DependentBlockList = &s.tcp[0].block;
    if (connections == 2)
        s.tcp[0].block.NextBlock = &s.tcp[1].block;
    return &s.neighbor.block;
}

void
s_chain(uint32_t connection, NET_BUFFER_LIST *nbls)
{
    TCP_OFFLOAD_STATE_DELEGATED *delegated = &s.tcp[connection].delegated;
    s.tcp[connection].block.NetBufferListChain = delegated->SendDataHead = nbls;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next) {
        delegated->SendDataTail = nbl;
        delegated->SndMax = delegated->SndNxt += nbl->FirstNetBuffer->DataLength;
    }
}

void
s_return(NET_BUFFER_LIST *nbls)
{
    s.returned = NULL;
    struct ke_crossing crossing = as("pa");
    NdisOffloadTcpReceiveReturn(s.binding, nbls);
    as_end(crossing);
}

void
s_submit(enum s_op op, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree)
{
    static VOID(NTAPI *const ask[])(NDIS_HANDLE, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST) = {
        NdisInitiateOffload, NdisTerminateOffload, NdisUpdateOffload, NdisInvalidateOffload, NdisQueryOffloadState};
    struct ke_crossing crossing = as("pa");
    s.done[op] = NULL;
    if (op == S_INITIATE)
        memset(s.given_count, 0, sizeof s.given_count);
    ask[op](s.binding, tree);
    as_end(crossing);
}

NDIS_STATUS
s_request(enum s_data op, struct s_object *object, NET_BUFFER_LIST *nbls, ULONG flags)
{
    struct ke_crossing crossing = as("pa");
    NDIS_STATUS status = op == S_SEND         ? NdisOffloadTcpSend(&object->handle, nbls)
                         : op == S_RECEIVE    ? NdisOffloadTcpReceive(&object->handle, nbls)
                         : op == S_DISCONNECT ? NdisOffloadTcpDisconnect(&object->handle, nbls, flags)
                                              : NdisOffloadTcpForward(&object->handle, nbls);
    as_end(crossing);
    return status;
}

NET_BUFFER_LIST *
s_nbls(uint32_t count, uint32_t bytes)
{
    struct ke_crossing crossing = as("pa");
    NET_BUFFER_LIST *first = NULL;
    for (uint32_t i = 0; i < count; i++) {
        NET_BUFFER_LIST *nbl = w_nbl(&w.protocol[0], (uint8_t)i);
        nbl->FirstNetBuffer->DataLength = bytes;
        nbl->SourceHandle = NULL;
        nbl->Status = NDIS_STATUS_PENDING;
        list_append(&first, nbl);
    }
    as_end(crossing);
    return first;
}

void
s_free(NET_BUFFER_LIST *nbls)
{
    struct ke_crossing crossing = as("pa");
    w_free_list(nbls);
    as_end(crossing);
}

void
s_offload(uint32_t connections)
{
    s_submit(S_INITIATE, s_tree(connections));
    s_complete(S_INITIATE);
    ck_assert_ptr_eq(s.done[S_INITIATE], &s.neighbor.block);
    ck_assert_ptr_nonnull(s.neighbor_object.handle.MiniportOffloadContext);
    ck_assert_ptr_nonnull(s.path_object.handle.MiniportOffloadContext);
    for (uint32_t i = 0; i < connections; i++)
        ck_assert_ptr_nonnull(s.tcp_object[i].handle.MiniportOffloadContext);
}

void
s_upload(uint32_t connections)
{
    s_tree(connections);
    for (uint32_t i = 0; i < connections; i++) {   // the record lies where the whole state did
        memset(&s.tcp[i].constant, 0, sizeof s.tcp[i].constant);
        memset(&s.tcp[i].cached, 0, sizeof s.tcp[i].cached);
        memset(&s.tcp[i].delegated, 0, sizeof s.tcp[i].delegated);
    }
    s.neighbor.block.Header.Type = NeighborOffloadDelegatedState;
    s.path.block.Header.Type = Ip4OffloadDelegatedState;
    for (uint32_t i = 0; i < connections; i++)
        s.tcp[i].block.Header.Type = TcpOffloadDelegatedState;
    s_submit(S_TERMINATE, &s.neighbor.block);
    s_complete(S_TERMINATE);
    ck_assert_ptr_eq(s.done[S_TERMINATE], &s.neighbor.block);
    ck_assert_ptr_null(s.neighbor_object.handle.MiniportOffloadContext);
    s.contexts = 0;
}

// ---- spies ------------------------------------------------------------------------------------------------------------------------
// One of each for each hop: handlers are plain functions, so the hop has to be in the function.

static struct hop {
    W_INITIATE_OFFLOAD_HANDLER initiate;
    W_TCP_OFFLOAD_SEND_HANDLER send;
    TCP_OFFLOAD_EVENT_HANDLER event;
    TCP_OFFLOAD_RECEIVE_INDICATE_HANDLER receive;
} hops[S_LAYERS];

static void
spy_blocks(uint32_t hop, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block)
{
    for (; block; block = block->NextBlock) {
        if (s.given_count[hop] < S_BLOCKS)
            s.given[hop][s.given_count[hop]++] = block->NdisOffloadHandle;
        spy_blocks(hop, block->DependentBlockList);
    }
}

#define SPY(hop) \
    static NTAPI VOID spy_initiate_##hop(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST tree) \
    { \
        spy_blocks(hop, tree); \
        hops[hop].initiate(context, tree); \
    } \
    static NTAPI NDIS_STATUS spy_send_##hop(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbls) \
    { \
        s.objects[hop] = object; \
        return hops[hop].send(context, object, nbls); \
    } \
    static NTAPI VOID spy_event_##hop(PVOID context, ULONG type, ULONG information) \
    { \
        s.event_contexts[hop] = context; \
        hops[hop].event(context, type, information); \
    } \
    static NTAPI NDIS_STATUS spy_receive_##hop(PVOID context, PNET_BUFFER_LIST nbl, NDIS_STATUS status, PULONG consumed) \
    { \
        s.receive_contexts[hop] = context; \
        return hops[hop].receive(context, nbl, status, consumed); \
    }
SPY(0)
SPY(1)
SPY(2)

static const struct hop spies[S_LAYERS] = {{spy_initiate_0, spy_send_0, spy_event_0, spy_receive_0},
                                           {spy_initiate_1, spy_send_1, spy_event_1, spy_receive_1},
                                           {spy_initiate_2, spy_send_2, spy_event_2, spy_receive_2}};

static void
spy_on(uint32_t hop, struct ndis_adapter *adapter)
{
    struct ndis_binding *binding = LIST_ENTRY_OF(adapter->bindings.next, struct ndis_binding, node);
    hops[hop] = (struct hop){adapter->driver->chimney.generic.InitiateOffloadHandler, adapter->driver->chimney.tcp.TcpOffloadSendHandler,
                             binding->chimney.tcp.TcpOffloadEventHandler, binding->chimney.tcp.TcpOffloadReceiveIndicateHandler};
    adapter->driver->chimney.generic.InitiateOffloadHandler = spies[hop].initiate;
    adapter->driver->chimney.tcp.TcpOffloadSendHandler = spies[hop].send;
    binding->chimney.tcp.TcpOffloadEventHandler = spies[hop].event;
    binding->chimney.tcp.TcpOffloadReceiveIndicateHandler = spies[hop].receive;
}

// ---- the stand --------------------------------------------------------------------------------------------------------------------

static void
stand_inside(void)
{
    w_start(0, 0);
    for (uint32_t i = 0; i < s.storeys; i++)
        storey_add(w.box, i ? s.v[i - 1] : w.adapter, i, &s.v[i]);
    ck_assert_int_eq(ndis_adapter_bind(s.storeys ? s.v[s.storeys - 1] : w.adapter, "pa"), NDIS_STATUS_SUCCESS);
    s.binding = w.protocol[0].binding;
    for (uint32_t i = 0; i <= s.storeys; i++)
        spy_on(i, i ? s.v[i - 1] : w.adapter);
    w_forget();
    body_fn();
    w_remove();
    for (uint32_t i = 0; i < s.storeys; i++)
        ck_assert_ptr_null(s.v[i]);
    storeys_unload(w.box, s.storeys);
}

void
s_arm(void)
{
    memset(&s, 0, sizeof s);
    s.answer = NDIS_STATUS_SUCCESS;
    w_own.mp_options = target_options;
    w_own.initialize = target_initialize;
    w_own.protocol_options = host_options;
}

static void
stand_once(uint32_t storeys, uint64_t seed)
{
    s_arm();
    s.storeys = storeys;
    w_run(seed, stand_inside);
}

void
s_run(void (*body)(void))
{
    body_fn = body;
    w_watched = true;
    for (uint32_t storeys = 0; storeys < S_LAYERS; storeys++)
        for (uint64_t seed = 1; seed <= 4; seed++)
            stand_once(storeys, seed);
}

void
s_watched(uint32_t storeys, void (*body)(void))
{
    body_fn = body;
    w_watched = true;
    stand_once(storeys, 1);
}
