// SPDX-License-Identifier: MIT
// NDK's OIDs, and NDK on and off.
//   query   OID_NDK_STATISTICS, OID_NDK_CONNECTIONS, OID_NDK_LOCAL_ENDPOINTS: from the tables, under rdma->lock
//   set     OID_NDK_SET_STATE -> what is wanted -> a work item -> state_work: is_on, then NetEventNDKEnable or NetEventNDKDisable, which
//           returns when the last NDK adapter is closed; never from inside the request [network/oid-ndk-set-state]
// ND addresses are TCP addresses here, so each connection and endpoint is told twice [ntddndis/ns-ntddndis-_ndis_ndk_connections].
#include "rdma_net.h"

// ---- on and off ---------------------------------------------------------------------------------------------------------------------

// The next step towards what is wanted. FALSE: there is none, and the work is over.
static BOOLEAN
state_step(struct vnic_rdma *rdma, struct rdma_switch *state, BOOLEAN *on)
{
    struct rdma_call call;
    rdma_enter(rdma, &call);
    BOOLEAN differs = rdma->is_on != state->wants_on;
    *on = state->wants_on;
    if (differs)
        rdma->is_on = state->wants_on;
    else
        state->is_queued = FALSE;
    rdma_leave(rdma, &call);
    return differs;
}

static NTAPI VOID
state_work(PVOID context, NDIS_HANDLE work)
{
    struct vnic_adapter *adapter = context;
    struct rdma_switch *state = &adapter->rdma->net->state;
    BOOLEAN on;
    UNREFERENCED_PARAMETER(work);
    while (state_step(adapter->rdma, state, &on)) {
        NET_PNP_EVENT_NOTIFICATION event = {
            .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_PNP_EVENT_NOTIFICATION_REVISION_1, NDIS_SIZEOF_NET_PNP_EVENT_NOTIFICATION_REVISION_1},
            .NetPnPEvent = {.NetEvent = on ? NetEventNDKEnable : NetEventNDKDisable}};
        (void)NdisMNetPnPEvent(adapter->ndis, &event);
    }
    KeSetEvent(&state->idle, IO_NO_INCREMENT, FALSE);
}

NDIS_STATUS
rdma_switch_create(struct vnic_rdma *rdma)
{
    struct rdma_switch *state = &rdma->net->state;
    state->wants_on = rdma->is_on;
    KeInitializeEvent(&state->idle, NotificationEvent, TRUE);
    state->work = NdisAllocateIoWorkItem(rdma->adapter->ndis);
    return state->work ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

VOID
rdma_switch_destroy(struct vnic_rdma *rdma)
{
    struct rdma_switch *state = &rdma->net->state;
    if (!state->work)
        return;
    KeWaitForSingleObject(&state->idle, Executive, KernelMode, FALSE, NULL);
    NdisFreeIoWorkItem(state->work);
    state->work = NULL;
}

NDIS_STATUS
vnic_rdma_set_state(struct vnic_adapter *adapter, const void *data, ULONG bytes)
{
    struct vnic_rdma *rdma = adapter->rdma;
    struct rdma_call call;
    if (bytes < sizeof(BOOLEAN))
        return NDIS_STATUS_INVALID_LENGTH;
    if (!rdma)                                // *NetworkDirect is 0: it cannot be switched on, and is off
        return *(const BOOLEAN *)data ? NDIS_STATUS_NOT_SUPPORTED : NDIS_STATUS_SUCCESS;
    struct rdma_switch *state = &rdma->net->state;
    rdma_enter(rdma, &call);
    state->wants_on = *(const BOOLEAN *)data != FALSE;
    BOOLEAN begins = state->wants_on != rdma->is_on && !state->is_queued;
    if (begins) {
        state->is_queued = TRUE;
        KeClearEvent(&state->idle);
    }
    rdma_leave(rdma, &call);
    if (begins)
        NdisQueueIoWorkItem(state->work, state_work, adapter);
    return NDIS_STATUS_SUCCESS;
}

// ---- queries ------------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
reply_begin(NDIS_OID_REQUEST *request, ULONG bytes)
{
    struct _QUERY *query = &request->DATA.QUERY_INFORMATION;
    query->BytesNeeded = bytes;
    query->BytesWritten = 0;
    if (query->InformationBufferLength < bytes)
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    query->BytesWritten = bytes;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_OBJECT_HEADER
header_of(UCHAR revision, ULONG bytes)
{
    return (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_DEFAULT, revision, (USHORT)(bytes < MAXUSHORT ? bytes : MAXUSHORT)};
}

static NDIS_STATUS
query_statistics(struct vnic_rdma *rdma, NDIS_OID_REQUEST *request)
{
    struct rdma_call call;
    NDIS_STATUS status = reply_begin(request, NDIS_SIZEOF_NDK_STATISTICS_INFO_REVISION_1);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    NDIS_NDK_STATISTICS_INFO *info = request->DATA.QUERY_INFORMATION.InformationBuffer;
    info->Header = header_of(NDIS_NDK_STATISTICS_INFO_REVISION_1, NDIS_SIZEOF_NDK_STATISTICS_INFO_REVISION_1);
    info->Flags = 0;
    rdma_enter(rdma, &call);
    info->CounterSet = rdma->counts;
    rdma_leave(rdma, &call);
    return status;
}

// The open connections, into to unless it is NULL. Returns how many there are. locks: rdma->lock held
static ULONG
connections_tell(struct rdma_net *net, NDIS_NDK_CONNECTION_ENTRY *to)
{
    ULONG count = 0;
    for (LIST_ENTRY *at = net->connectors.Flink; at != &net->connectors; at = at->Flink) {
        const struct rdma_connector *c = CONTAINING_RECORD(at, struct rdma_connector, link_all);
        if (!c->is_counted || !c->endpoint)
            continue;
        for (ULONG i = 0; to && i < 2; i++) {
            rdma_inet_of(&c->endpoint->local, c->endpoint->port, &to[i].Local);
            rdma_inet_of(&c->remote, c->remote_port, &to[i].Remote);
        }
        if (to) {                             // of the second nothing else is touched
            to->UserModeOwner = FALSE;
            to->OwnerPid = 0;
            to += 2;
        }
        count++;
    }
    return count;
}

static NDIS_STATUS
query_connections(struct vnic_rdma *rdma, NDIS_OID_REQUEST *request)
{
    struct rdma_call call;
    rdma_enter(rdma, &call);
    ULONG count = 2 * connections_tell(rdma->net, NULL);
    ULONG bytes = (ULONG)NDIS_SIZEOF_NDK_CONNECTIONS_REVISION_1(count);
    NDIS_STATUS status = reply_begin(request, bytes);
    if (status == NDIS_STATUS_SUCCESS) {
        NDIS_NDK_CONNECTIONS *info = request->DATA.QUERY_INFORMATION.InformationBuffer;
        info->Header = header_of(NDIS_NDK_CONNECTIONS_REVISION_1, bytes);
        info->Flags = 0;
        info->Count = count;
        info->NDConnectionsMappedtoTCPConnections = TRUE;
        connections_tell(rdma->net, info->Connections);
    }
    rdma_leave(rdma, &call);
    return status;
}

// Likewise, listeners and shared endpoints.
static ULONG
endpoints_tell(struct rdma_net *net, NDIS_NDK_LOCAL_ENDPOINT_ENTRY *to)
{
    ULONG count = 0;
    for (ULONG i = 0; i < RDMA_BUCKETS; i++)
        for (LIST_ENTRY *at = net->endpoints[i].Flink; at != &net->endpoints[i]; at = at->Flink) {
            const struct rdma_endpoint *endpoint = CONTAINING_RECORD(at, struct rdma_endpoint, link);
            if (!endpoint->refs || (!endpoint->listener && !endpoint->is_shared))
                continue;
            if (to) {
                rdma_inet_of(&endpoint->local, endpoint->port, &to[0].Local);
                rdma_inet_of(&endpoint->local, endpoint->port, &to[1].Local);
                to->UserModeOwner = FALSE;
                to->Listener = endpoint->listener != NULL;
                to->OwnerPid = 0;
                to += 2;
            }
            count++;
        }
    return count;
}

static NDIS_STATUS
query_endpoints(struct vnic_rdma *rdma, NDIS_OID_REQUEST *request)
{
    struct rdma_call call;
    rdma_enter(rdma, &call);
    ULONG count = 2 * endpoints_tell(rdma->net, NULL);
    ULONG bytes = (ULONG)NDIS_SIZEOF_NDK_LOCAL_ENDPOINTS_REVISION_1(count);
    NDIS_STATUS status = reply_begin(request, bytes);
    if (status == NDIS_STATUS_SUCCESS) {
        NDIS_NDK_LOCAL_ENDPOINTS *info = request->DATA.QUERY_INFORMATION.InformationBuffer;
        info->Header = header_of(NDIS_NDK_LOCAL_ENDPOINTS_REVISION_1, bytes);
        info->Flags = 0;
        info->Count = count;
        info->NDLocalEndpointsMappedtoTCPLocalEndpoints = TRUE;
        endpoints_tell(rdma->net, info->LocalEndpoints);
    }
    rdma_leave(rdma, &call);
    return status;
}

NDIS_STATUS
vnic_rdma_query(struct vnic_adapter *adapter, NDIS_OID_REQUEST *request)
{
    struct vnic_rdma *rdma = adapter->rdma;
    if (!rdma)
        return NDIS_STATUS_NOT_SUPPORTED;
    switch (request->DATA.QUERY_INFORMATION.Oid) {
    case OID_NDK_STATISTICS: return query_statistics(rdma, request);
    case OID_NDK_CONNECTIONS: return query_connections(rdma, request);
    default: return query_endpoints(rdma, request);
    }
}
