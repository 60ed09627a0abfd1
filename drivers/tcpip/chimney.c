// SPDX-License-Identifier: MIT
// An adapter's part of the chimney: what its offload target can do, which connections wait, one tree of block lists at a time.
//   tcpip_chimney_go -> waiting -> tcpip_chimney_serve: export each, a tree, NdisInitiateOffload -> initiate_complete
//   tcpip_chimney_come -> (the teller) -> leaving -> tcpip_chimney_serve: a tree, NdisTerminateOffload -> terminate_complete: import each
//   chimney_follow.c: other trees, and what the target asks
// One tree at a time, because a neighbour or path must not be in two [processing-events-that-occur-during-an-offload].
// tcpip_chimney_stop brings all of them back: before a pause, before sleep [power-management-for-offload-targets], when the target says so.
#include "chimney.h"

// ---- going and coming ---------------------------------------------------------------------------------------------------------------

BOOLEAN
tcpip_chimney_is_quiet(const struct tcpip_adapter *adapter)
{
    const struct tcpip_chimney *chimney = &adapter->chimney;
    return !chimney->is_busy && !chimney->away && !chimney->lent && !chimney->wants_stats && !tcpip_tree_has_idle(adapter);
}

static BOOLEAN
family_is_supported(const struct tcpip_chimney *chimney, UCHAR family)
{
    return family == ENG_IP4 ? chimney->capability.SupportIPv4 == NDIS_OFFLOAD_SUPPORTED
                             : chimney->capability.SupportIPv6 == NDIS_OFFLOAD_SUPPORTED;
}

int
tcpip_chimney_go(struct tcpip_connection *connection, uint64_t now_us)
{
    struct tcp_record record;
    if (connection->offload)
        return -EBUSY;
    if (!connection->tcp || connection->is_offer || connection->is_silent)
        return -ENOTCONN;
    tcp_query(connection->tcp, now_us, &record);
    struct net_path path = {.source = record.constant.local, .destination = record.constant.remote};
    if (net_path_find(tcpip_host.net, &path, now_us) || path.is_loopback)
        return -EOPNOTSUPP;
    struct tcpip_adapter *adapter = tcpip_host.adapters[path.interface_index % NET_INTERFACES_MAX];
    struct tcpip_chimney *chimney = &adapter->chimney;
    if (!chimney->has_target || chimney->is_stopped || chimney->is_paused || !family_is_supported(chimney, path.destination.family) ||
        chimney->away >= chimney->capability.TcpConnectionOffloadCapacity)
        return -EOPNOTSUPP;
    if (!tcpip_offload_create(connection, adapter))
        return -ENOMEM;
    tcpip_adapter_queue(adapter);
    return 0;
}

int
tcpip_chimney_come(struct tcpip_connection *connection)
{
    struct tcpip_offload *offload = connection->offload;
    if (!offload)
        return -ENOENT;
    if (offload->state == OFFLOAD_WAITING) {
        tcpip_offload_free(offload);
        return 0;
    }
    offload->wants_back = TRUE;
    tcpip_post(&connection->news);
    return 0;
}

VOID
tcpip_chimney_opened(struct tcpip_connection *connection, uint64_t now_us)
{
    struct tcp_record record;
    tcp_query(connection->tcp, now_us, &record);
    struct net_path path = {.source = record.constant.local, .destination = record.constant.remote};
    if (net_path_find(tcpip_host.net, &path, now_us) || path.is_loopback)
        return;
    struct tcpip_adapter *adapter = tcpip_host.adapters[path.interface_index % NET_INTERFACES_MAX];
    if (adapter)
        tcpip_policy_opened(connection, adapter, &record, now_us);
}

#define HALF_CLOSED_US 60000000

static uint64_t
half_closed_deadline_us(void)
{
    if (IsListEmpty(&tcpip_host.half_closed))
        return ENG_NEVER;
    return CONTAINING_RECORD(tcpip_host.half_closed.Flink, struct tcpip_offload, half_link)->half_closed_us + HALF_CLOSED_US;
}

uint64_t
tcpip_chimney_deadline_us(void)
{
    uint64_t due_us = min(half_closed_deadline_us(), tcpip_follow_deadline_us());
    return min(due_us, tcpip_policy_deadline_us());
}

VOID
tcpip_chimney_run(uint64_t now_us)
{
    tcpip_follow_run(now_us);
    tcpip_policy_run(now_us);
    while (half_closed_deadline_us() <= now_us) {
        struct tcpip_offload *offload = CONTAINING_RECORD(RemoveHeadList(&tcpip_host.half_closed), struct tcpip_offload, half_link);
        InitializeListHead(&offload->half_link);
        tcpip_chimney_come(offload->connection);
    }
}

// ---- trees --------------------------------------------------------------------------------------------------------------------------

static NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
initiate_build(struct tcpip_adapter *adapter, struct tcpip_call *call)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = NULL;
    while (!IsListEmpty(&adapter->chimney.waiting)) {
        struct tcpip_offload *offload = CONTAINING_RECORD(adapter->chimney.waiting.Flink, struct tcpip_offload, link);
        struct chimney_block *block = tcpip_offload_prepare(offload, call) ? tcpip_tree_add(&tree, offload, TREE_INITIATE) : NULL;
        if (!block)
            tcpip_offload_free(offload);
        else if (!tcpip_offload_export(offload, block, call))
            tcpip_tree_take_back(block);
    }
    if (tree)
        tcpip_tree_close(adapter, &tree, TREE_INITIATE);
    return tree;
}

static NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
terminate_build(struct tcpip_adapter *adapter)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = NULL;
    while (!IsListEmpty(&adapter->chimney.leaving)) {
        struct tcpip_offload *offload = CONTAINING_RECORD(adapter->chimney.leaving.Flink, struct tcpip_offload, link);
        if (!tcpip_tree_add(&tree, offload, TREE_TERMINATE))
            break; // the timer serves again
        RemoveEntryList(&offload->link);
        InitializeListHead(&offload->link);
        offload->state = OFFLOAD_COMING;
    }
    tcpip_tree_close(adapter, &tree, TREE_TERMINATE);
    return tree;
}

// The next tree. Connections come back before anything else, and what the target has is put right before more goes there.
static NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
tree_build(struct tcpip_adapter *adapter, enum tree_op *op, struct tcpip_call *call)
{
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = terminate_build(adapter);
    *op = TREE_TERMINATE;
    if (!tree)
        tree = tcpip_follow_build(adapter, op, call);
    if (tree)
        return tree;
    *op = TREE_INITIATE;
    return initiate_build(adapter, call);
}

static VOID
tree_submit(struct tcpip_adapter *adapter, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree, enum tree_op op)
{
    switch (op) {
    case TREE_INITIATE: NdisInitiateOffload(adapter->ndis, tree); break;
    case TREE_TERMINATE: NdisTerminateOffload(adapter->ndis, tree); break;
    case TREE_UPDATE: NdisUpdateOffload(adapter->ndis, tree); break;
    case TREE_INVALIDATE: NdisInvalidateOffload(adapter->ndis, tree); break;
    case TREE_QUERY: NdisQueryOffloadState(adapter->ndis, tree); break;
    }
}

VOID
tcpip_chimney_serve(struct tcpip_adapter *adapter)
{
    struct tcpip_chimney *chimney = &adapter->chimney;
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree = NULL;
    struct tcpip_call call;
    enum tree_op op;
    if (!chimney->has_target)
        return;
    tcpip_enter(&call);
    NET_BUFFER_LIST *nbls = chimney->to_return;
    chimney->to_return = NULL;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        chimney->lent--;
    if (!chimney->is_busy) {
        tree = tree_build(adapter, &op, &call);
        chimney->is_busy = tree != NULL;
    }
    BOOLEAN must_ask = chimney->wants_stats && !chimney->stats.is_out;
    chimney->stats.is_out |= must_ask;
    if (tcpip_chimney_is_quiet(adapter))
        KeSetEvent(&chimney->quiet, IO_NO_INCREMENT, FALSE);
    tcpip_leave(&call);
    if (nbls)
        NdisOffloadTcpReceiveReturn(adapter->ndis, nbls);
    if (must_ask)
        tcpip_stats_serve(adapter);
    if (tree)
        tree_submit(adapter, tree, op);
}

static VOID
on_initiated(struct chimney_block *block, struct tcpip_call *call)
{
    struct tcpip_offload *offload = block->offload;
    // The target has not touched what went with a connection that it refuses [handling-outstanding-send-data-during-and-after-...].
    if (block->list.Status == NDIS_STATUS_SUCCESS) {
        tcpip_host.chimney.offloaded++;
        tcpip_offload_there(offload);
        return;
    }
    tcpip_host.chimney.refused++;
    offload->is_declined = TRUE;
    tcpip_offload_import(offload, offload->buffered, call);
}

static VOID
on_terminated(struct chimney_block *block, struct tcpip_call *call)
{
    struct tcpip_offload *offload = block->offload;
    struct tcpip_chimney *chimney = &offload->adapter->chimney;
    TCP_OFFLOAD_STATE_DELEGATED *delegated = (TCP_OFFLOAD_STATE_DELEGATED *)&block->state;
    NET_BUFFER_LIST *buffered = NULL;
    tcpip_host.chimney.uploaded++;
    for (NET_BUFFER_LIST *nbl = block->list.NetBufferListChain, *next; nbl; nbl = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        tcpip_send_undescribe(NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0]);
    }
    if (block->list.Status == NDIS_STATUS_SUCCESS && chim_delegated_get(delegated, &offload->record.delegated)) {
        buffered = delegated->BufferedData;
        tcpip_offload_import(offload, buffered, call);
    } else {
        tcpip_offload_lost(offload);
    }
    // What they carry has been copied [handling-buffered-receive-data-during-a-terminate-offload-operation].
    while (buffered) {
        NET_BUFFER_LIST *next = NET_BUFFER_LIST_NEXT_NBL(buffered);
        NET_BUFFER_LIST_NEXT_NBL(buffered) = chimney->to_return;
        chimney->to_return = buffered;
        chimney->lent++;
        buffered = next;
    }
}

static VOID
on_block(struct chimney_block *block, enum tree_op op, struct tcpip_call *call)
{
    if (block->offload && op == TREE_INITIATE)
        on_initiated(block, call);
    else if (block->offload && op == TREE_TERMINATE)
        on_terminated(block, call);
    else
        tcpip_follow_done(block, op, call);
}

static VOID
tree_done(struct tcpip_adapter *adapter, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree, enum tree_op op)
{
    struct tcpip_call call;
    tcpip_enter(&call);
    tcpip_tree_end(tree, op, on_block, &call);
    if (op == TREE_TERMINATE && !adapter->chimney.away)
        tcpip_stats_want(adapter);
    adapter->chimney.is_busy = FALSE;
    tcpip_adapter_queue(adapter);
    tcpip_leave(&call);
}

static VOID NTAPI
initiate_complete(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree)
{
    tree_done(context, tree, TREE_INITIATE);
}

static VOID NTAPI
terminate_complete(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree)
{
    tree_done(context, tree, TREE_TERMINATE);
}

static VOID NTAPI
update_complete(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree)
{
    tree_done(context, tree, TREE_UPDATE);
}

static VOID NTAPI
invalidate_complete(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree)
{
    tree_done(context, tree, TREE_INVALIDATE);
}

static VOID NTAPI
query_complete(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree)
{
    tree_done(context, tree, TREE_QUERY);
}

// ---- the adapter --------------------------------------------------------------------------------------------------------------------

static VOID
all_come(struct tcpip_adapter *adapter)
{
    struct tcpip_chimney *chimney = &adapter->chimney;
    while (!IsListEmpty(&chimney->waiting))
        tcpip_offload_free(CONTAINING_RECORD(chimney->waiting.Flink, struct tcpip_offload, link));
    for (LIST_ENTRY *at = chimney->there.Flink; at != &chimney->there; at = at->Flink)
        tcpip_chimney_come(CONTAINING_RECORD(at, struct tcpip_offload, link)->connection);
}

VOID
tcpip_chimney_stop(struct tcpip_adapter *adapter)
{
    struct tcpip_chimney *chimney = &adapter->chimney;
    struct tcpip_call call;
    if (!chimney->has_target)
        return;
    tcpip_enter(&call);
    chimney->is_stopped = TRUE;
    KeClearEvent(&chimney->quiet);
    all_come(adapter);
    tcpip_adapter_queue(adapter);
    tcpip_leave(&call);
    KeWaitForSingleObject(&chimney->quiet, Executive, KernelMode, FALSE, NULL);
}

VOID
tcpip_chimney_resume(struct tcpip_adapter *adapter)
{
    struct tcpip_call call;
    tcpip_enter(&call);
    adapter->chimney.is_stopped = FALSE;
    tcpip_leave(&call);
}

// Paths that wait for a neighbour to go first are looked at again.
static VOID
resumed(struct tcpip_adapter *adapter)
{
    adapter->chimney.is_paused = adapter->chimney.is_called_back = FALSE;
    adapter->chimney.must_look = TRUE;
    tcpip_adapter_queue(adapter);
}

VOID
tcpip_chimney_status(struct tcpip_adapter *adapter, NDIS_STATUS status)
{
    struct tcpip_call call;
    tcpip_enter(&call);
    if (status == NDIS_STATUS_OFFLOAD_PAUSE)
        adapter->chimney.is_paused = TRUE;
    else if (status == NDIS_STATUS_OFFLOAD_RESUME)
        resumed(adapter);
    else if (status == NDIS_STATUS_UPLOAD_ALL) {
        // Nothing goes any more either [ndis-status-upload-all], and what is on its way comes back from there.
        adapter->chimney.is_paused = adapter->chimney.is_called_back = TRUE;
        all_come(adapter);
    }
    tcpip_leave(&call);
}

VOID
tcpip_chimney_init(struct tcpip_adapter *adapter, const struct tcpip_settings *settings)
{
    struct tcpip_chimney *chimney = &adapter->chimney;
    chimney->policy = settings->chimney;
    chimney->after_us = settings->chimney_after_ms * 1000ull;
    chimney->rest_us = settings->chimney_rest_ms * 1000ull;
    chimney->rate_bytes = settings->chimney_rate_kb * 1024ull;
    InitializeListHead(&chimney->waiting);
    InitializeListHead(&chimney->there);
    InitializeListHead(&chimney->leaving);
    InitializeListHead(&chimney->neighbors);
    InitializeListHead(&chimney->paths);
    InitializeListHead(&chimney->returning);
    KeInitializeEvent(&chimney->quiet, NotificationEvent, FALSE);
    KeInitializeDpc(&chimney->return_dpc, tcpip_offload_return_dpc, adapter);
}

// The engine's knobs under the names that a target knows them by [network/oid-tcp-connection-offload-parameters].
static NDIS_STATUS
parameters_set(struct tcpip_adapter *adapter)
{
    struct tcp_params params;
    tcp_params_default(&params);
    adapter->chimney.tick_us = 1000000 / params.ticks_per_second;
    NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS parameters = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS_REVISION_1, sizeof parameters},
        .Encapsulation = {.Header = {NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION, NDIS_OFFLOAD_ENCAPSULATION_REVISION_1,
                                     NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1},
                          .IPv4 = {NDIS_OFFLOAD_SET_ON, NDIS_ENCAPSULATION_IEEE_802_3, 14},
                          .IPv6 = {NDIS_OFFLOAD_SET_ON, NDIS_ENCAPSULATION_IEEE_802_3, 14}},
        .TicksPerSecond = params.ticks_per_second,
        .TcpAckFrequency = (UCHAR)params.ack_frequency,
        .TcpDelayedAckTicks = (UCHAR)params.delayed_ack_ticks,
        .TcpMaximumRetransmissions = (UCHAR)params.max_retransmissions,
        .TcpDoubtReachabilityRetransmissions = (UCHAR)params.doubt_retransmissions,
        .TcpSwsPreventionTicks = params.sws_ticks,
        .TcpDuplicateAckThreshold = params.dup_ack_threshold,
        .TcpPushTicks = params.push_ticks,
        .NceStaleTicks = params.nce_stale_ticks};
    return tcpip_oid_set(adapter, OID_TCP_CONNECTION_OFFLOAD_PARAMETERS, &parameters, sizeof parameters);
}

VOID
tcpip_chimney_start(struct tcpip_adapter *adapter, const NDIS_TCP_CONNECTION_OFFLOAD *capability)
{
    struct tcpip_chimney *chimney = &adapter->chimney;
    if (chimney->policy == TCPIP_CHIMNEY_OFF || !capability || !(capability->Encapsulation & NDIS_ENCAPSULATION_IEEE_802_3) ||
        !capability->TcpConnectionOffloadCapacity)
        return;
    NDIS_STATUS status = parameters_set(adapter);
    if (status != NDIS_STATUS_SUCCESS) {
        DbgPrint("tcpip: the adapter offers to take connections, but refuses its parameters (0x%08x): none will go\n", status);
        return;
    }
    chimney->capability = *capability;
    chimney->has_target = TRUE;
}

NDIS_STATUS
tcpip_chimney_register(NDIS_HANDLE protocol)
{
    NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS,
                   NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS_REVISION_1, sizeof generic},
        .InitiateOffloadCompleteHandler = initiate_complete,
        .TerminateOffloadCompleteHandler = terminate_complete,
        .UpdateOffloadCompleteHandler = update_complete,
        .InvalidateOffloadCompleteHandler = invalidate_complete,
        .QueryOffloadCompleteHandler = query_complete,
        .IndicateOffloadEventHandler = tcpip_follow_event};
    NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_CHARACTERISTICS, NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS_REVISION_1,
                   sizeof tcp},
        .OffloadType = NdisTcpChimneyOffload,
        .TcpOffloadSendCompleteHandler = tcpip_offload_send_complete,
        .TcpOffloadReceiveCompleteHandler = tcpip_offload_receive_complete,
        .TcpOffloadDisconnectCompleteHandler = tcpip_offload_disconnect_complete,
        .TcpOffloadForwardCompleteHandler = tcpip_offload_forward_complete,
        .TcpOffloadEventHandler = tcpip_offload_event,
        .TcpOffloadReceiveIndicateHandler = tcpip_offload_receive};
    NDIS_STATUS status = NdisSetOptionalHandlers(protocol, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&generic);
    return status == NDIS_STATUS_SUCCESS ? NdisSetOptionalHandlers(protocol, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&tcp) : status;
}
