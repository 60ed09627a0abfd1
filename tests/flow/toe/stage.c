// SPDX-License-Identifier: MIT
// See stage.h. The host's NBLs have two MDLs when they can, so that spans begin in odd places; their memory is one block that says whose.
#include "stage_int.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "flow/passthru/storey.h"

struct stage st;
const struct kit_setting *stage_settings;
unsigned stage_storeys;

static NDIS_HANDLE host_driver, host_pool;
// ---- NBLs -------------------------------------------------------------------------------------------------------------------------

struct host_buffer {                          // behind an NBL's ProtocolReserved[0]
    struct host_connection *connection;
    uint64_t place;
    ULONG bytes;
    uint8_t data[];
};

static struct host_buffer *
buffer_of(NET_BUFFER_LIST *nbl)
{
    return NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0];
}

NET_BUFFER_LIST *
host_nbl(ULONG bytes, uint64_t place)
{
    struct host_buffer *buffer = malloc(sizeof *buffer + bytes + 1);
    ULONG first = bytes > 10 ? bytes / 3 : bytes;
    *buffer = (struct host_buffer){.place = place, .bytes = bytes};
    for (ULONG i = 0; i < bytes; i++)
        buffer->data[i] = stage_byte(true, place + i);
    MDL *mdl = NdisAllocateMdl(host_driver, buffer->data, first ? first : 1);
    if (first < bytes)
        mdl->Next = NdisAllocateMdl(host_driver, buffer->data + first, bytes - first);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(host_pool, 0, 0, mdl, 0, bytes);
    ck_assert_ptr_nonnull(nbl);
    nbl->SourceHandle = st.binding;
    NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0] = buffer;
    return nbl;
}

void
host_free(NET_BUFFER_LIST *nbl)
{
    for (MDL *mdl = NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(nbl)), *next; mdl; mdl = next) {
        next = mdl->Next;
        NdisFreeMdl(mdl);
    }
    free(buffer_of(nbl));
    NdisFreeNetBufferList(nbl);
}

static void
got_check(struct host_connection *c, const uint8_t *data, ULONG bytes)
{
    for (ULONG i = 0; i < bytes; i++)
        ck_assert_msg(data[i] == stage_byte(false, c->got_bytes + i), "the host got a wrong byte at %llu",
                      (unsigned long long)c->got_bytes + i);
    c->got_bytes += bytes;
}

// ---- the host's callbacks -----------------------------------------------------------------------------------------------------------

static void
tree_done(unsigned op)
{
    __atomic_fetch_add(&st.done[op], 1, __ATOMIC_RELEASE);
}

static NTAPI VOID
host_initiate_done(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST root)
{
    tree_done(HOST_INITIATE);
}

static NTAPI VOID
host_terminate_done(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST root)
{
    tree_done(HOST_TERMINATE);
}

static NTAPI VOID
host_update_done(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST root)
{
    tree_done(HOST_UPDATE);
}

static NTAPI VOID
host_invalidate_done(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST root)
{
    tree_done(HOST_INVALIDATE);
}

static NTAPI VOID
host_query_done(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST root)
{
    tree_done(HOST_QUERY);
}

static NTAPI VOID
host_offload_event(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block, ULONG code)
{
    struct chim_parts parts;
    ck_assert_uint_eq(code, NeighborReachabilityQuery);
    ck_assert(chim_parts(block, &parts));
    ck_assert_ptr_nonnull(parts.cached);
    ((NEIGHBOR_OFFLOAD_STATE_CACHED *)parts.cached)->HostReachabilityDelta = st.question_delta;
    st.questions++;
}

static void
send_done(NET_BUFFER_LIST *nbl)
{
    struct host_connection *c = buffer_of(nbl)->connection;
    c->send_status = NET_BUFFER_LIST_STATUS(nbl);
    c->transferred = (ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(nbl, TcpOffloadBytesTransferred);
    ck_assert_uint_eq(chim_nbl_bytes(nbl), buffer_of(nbl)->bytes - c->transferred);   // advanced by what the peer has
    c->acked_bytes += c->transferred;
    c->sends_out--;
    host_free(nbl);
}

static NTAPI VOID
host_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    for (NET_BUFFER_LIST *nbl = nbls, *next; nbl; nbl = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        send_done(nbl);
    }
}

static NTAPI VOID
host_receive_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    for (NET_BUFFER_LIST *nbl = nbls, *next; nbl; nbl = next) {
        struct host_buffer *buffer = buffer_of(nbl);
        struct host_connection *c = buffer->connection;
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        c->post_status = NET_BUFFER_LIST_STATUS(nbl);
        c->transferred = (ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(nbl, TcpOffloadBytesTransferred);
        ck_assert_msg(!c->in_upcall, "completions and indications of a connection overlap");
        ck_assert_uint_eq(chim_nbl_bytes(nbl), buffer->bytes - c->transferred);
        got_check(c, buffer->data, c->transferred);
        c->completions++;
        c->posts_out--;
        host_free(nbl);
    }
}

static NTAPI VOID
host_disconnect_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbl)
{
    struct host_connection *c = nbl ? buffer_of(nbl)->connection : &st.connection[0];
    c->disconnects_out--;
    if (!nbl)
        return;
    ck_assert_ptr_null(NET_BUFFER_LIST_NEXT_NBL(nbl));
    c->disconnect_status = NET_BUFFER_LIST_STATUS(nbl);
    c->transferred = (ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(nbl, TcpOffloadBytesTransferred);
    ck_assert_uint_eq(chim_nbl_bytes(nbl), buffer_of(nbl)->bytes - c->transferred);
    ck_assert_msg(!c->sends_out || c->disconnect_status == NDIS_STATUS_UPLOAD_IN_PROGRESS, "a disconnect completes before sends");
    host_free(nbl);
}

static NTAPI VOID
host_forward_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    for (NET_BUFFER_LIST *nbl = nbls, *next; nbl; nbl = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbl);
        struct host_connection *c = buffer_of(nbl)->connection;
        c->forward_status = NET_BUFFER_LIST_STATUS(nbl);
        c->forwards_out--;
        host_free(nbl);
    }
}

static NTAPI VOID
host_event(PVOID context, ULONG type, ULONG information)
{
    struct host_connection *c = CONTAINING_RECORD(context, struct host_connection, handle);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ck_assert_uint_lt(c->event_count, 64);
    c->events[c->event_count++] = (struct host_event){type, information};
}

static NTAPI NDIS_STATUS
host_receive_indicate(PVOID context, PNET_BUFFER_LIST nbl, NDIS_STATUS status, PULONG consumed)
{
    struct host_connection *c = CONTAINING_RECORD(context, struct host_connection, handle);
    struct eng_span spans[64];
    ULONG bytes = (ULONG)chim_nbl_bytes(nbl), takes = st.refuses ? 0 : st.takes_bytes && st.takes_bytes < bytes ? st.takes_bytes : bytes;
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    ck_assert_msg(!c->in_upcall, "indications of a connection overlap");
    c->in_upcall = true;
    c->indications++;
    ULONG count = chim_nbl_spans(nbl, spans, 64, NULL), left = takes;
    for (ULONG i = 0; i < count && left; i++) {
        ULONG here = spans[i].count < left ? spans[i].count : left;
        got_check(c, spans[i].bytes, here);
        left -= here;
    }
    *consumed = takes;
    c->in_upcall = false;
    if (takes < bytes)
        return takes ? NDIS_STATUS_OFFLOAD_DATA_PARTIALLY_ACCEPTED : NDIS_STATUS_OFFLOAD_DATA_NOT_ACCEPTED;
    if (st.keeps) {
        NET_BUFFER_LIST_NEXT_NBL(nbl) = st.kept;
        st.kept = nbl;
    } else {
        NdisOffloadTcpReceiveReturn(st.binding, nbl);
    }
    return NDIS_STATUS_SUCCESS;
}

void
host_return_kept(void)
{
    NET_BUFFER_LIST *kept = st.kept;
    st.kept = NULL;
    if (kept)
        NdisOffloadTcpReceiveReturn(st.binding, kept);
}

const struct host_event *
host_event_of(const struct host_connection *c, ULONG type)
{
    for (uint32_t i = 0; i < c->event_count; i++)
        if (c->events[i].type == type)
            return &c->events[i];
    return NULL;
}

// ---- the host as a protocol ---------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
host_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    static KEVENT opened;
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    st.has_bind_capabilities = parameters->TcpConnectionOffloadCapabilities != NULL;
    if (st.has_bind_capabilities)
        st.capabilities = *parameters->TcpConnectionOffloadCapabilities;
    KeInitializeEvent(&opened, NotificationEvent, FALSE);
    NDIS_STATUS status = NdisOpenAdapterEx(host_driver, &opened, &open, bind, &st.binding);
    if (status == NDIS_STATUS_PENDING) {
        KeWaitForSingleObject(&opened, Executive, KernelMode, FALSE, NULL);
        status = NDIS_STATUS_SUCCESS;
    }
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    return status;
}

static NTAPI VOID
host_open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    ck_assert_int_eq(status, NDIS_STATUS_SUCCESS);
    KeSetEvent(context, IO_NO_INCREMENT, FALSE);
}

static NTAPI NDIS_STATUS
host_unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    ck_assert_int_eq(NdisCloseAdapterEx(st.binding), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
host_close_complete(NDIS_HANDLE context)
{
}

static NTAPI NDIS_STATUS
host_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
host_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    ck_abort_msg("vnic pends no request");
}

static NTAPI VOID
host_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    if (st.status_count < 8)
        st.statuses[st.status_count++] = (uint32_t)indication->StatusCode;
}

static NTAPI VOID
host_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    st.ordinary_frames += count;
    if (!(flags & NDIS_RECEIVE_FLAGS_RESOURCES))
        NdisReturnNetBufferLists(st.binding, nbls, NDIS_RETURN_FLAGS_DISPATCH_LEVEL);
}

static NTAPI VOID
host_sent(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
}

static NTAPI NDIS_STATUS
host_set_options(NDIS_HANDLE driver, NDIS_HANDLE context)
{
    NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS,
                   NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS_REVISION_1, sizeof generic},
        .InitiateOffloadCompleteHandler = host_initiate_done,
        .TerminateOffloadCompleteHandler = host_terminate_done,
        .UpdateOffloadCompleteHandler = host_update_done,
        .InvalidateOffloadCompleteHandler = host_invalidate_done,
        .QueryOffloadCompleteHandler = host_query_done,
        .IndicateOffloadEventHandler = host_offload_event};
    NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_CHARACTERISTICS, NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS_REVISION_1,
                   sizeof tcp},
        .OffloadType = NdisTcpChimneyOffload,
        .TcpOffloadSendCompleteHandler = host_send_complete,
        .TcpOffloadReceiveCompleteHandler = host_receive_complete,
        .TcpOffloadDisconnectCompleteHandler = host_disconnect_complete,
        .TcpOffloadForwardCompleteHandler = host_forward_complete,
        .TcpOffloadEventHandler = host_event,
        .TcpOffloadReceiveIndicateHandler = host_receive_indicate};
    ck_assert_int_eq(NdisSetOptionalHandlers(driver, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&generic), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisSetOptionalHandlers(driver, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&tcp), NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
host_unload(PDRIVER_OBJECT driver)
{
    NdisDeregisterProtocolDriver(host_driver);
    NdisFreeNetBufferListPool(host_pool);
}

static NTAPI NTSTATUS
host_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static WCHAR name[] = L"host";
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .Name = {8, 10, name},
        .SetOptionsHandler = host_set_options,
        .BindAdapterHandlerEx = host_bind,
        .UnbindAdapterHandlerEx = host_unbind,
        .OpenAdapterCompleteHandlerEx = host_open_complete,
        .CloseAdapterCompleteHandlerEx = host_close_complete,
        .NetPnPEventHandler = host_pnp,
        .OidRequestCompleteHandler = host_oid_complete,
        .StatusHandlerEx = host_status,
        .ReceiveNetBufferListsHandler = host_receive,
        .SendNetBufferListsCompleteHandler = host_sent};
    NET_BUFFER_LIST_POOL_PARAMETERS pool = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .fAllocateNetBuffer = TRUE};
    driver->DriverUnload = host_unload;
    NDIS_STATUS status = NdisRegisterProtocolDriver(NULL, &chars, &host_driver);
    if (status == NDIS_STATUS_SUCCESS)
        host_pool = NdisAllocateNetBufferListPool(host_driver, &pool);
    return status;
}

// ---- trees --------------------------------------------------------------------------------------------------------------------------

static void
block_init(struct host_block *block, UCHAR type, NDIS_OFFLOAD_HANDLE *handle)
{
    memset(&block->block, 0, sizeof block->block);
    block->block.Header.Type = type;
    block->block.Header.Revision = NDIS_OFFLOAD_BLOCK_LIST_REVISION_1;
    block->block.Header.Size = sizeof block->block;
    block->block.OffloadHandle = handle;
}

struct host_connection *
host_make(unsigned index, enum tcp_state state)
{
    struct host_connection *c = &st.connection[index];
    bool fin_out = state == TCP_FIN_WAIT_1 || state == TCP_FIN_WAIT_2 || state == TCP_CLOSING || state == TCP_LAST_ACK;
    bool fin_acked = state == TCP_FIN_WAIT_2, fin_in = state == TCP_CLOSE_WAIT || state == TCP_CLOSING || state == TCP_LAST_ACK;
    memset(c, 0, sizeof *c);
    c->port = (uint16_t)(50000 + index + 100 * st.generation);
    struct tcp_record record = {
        .constant = {.local = address_of_host(), .remote = address_of_peer(), .local_port = c->port, .remote_port = STAGE_PEER_PORT,
                     .remote_mss = 1460, .snd_wnd_scale = 4, .rcv_wnd_scale = 4, .flags = TCP_HAS_WINDOW_SCALE | TCP_HAS_SACK},
        .cached = {.flags = 0, .initial_rcv_wnd = 65536, .ttl = 64},
        .delegated = {.state = state, .rcv_nxt = STAGE_IRS + 1 + fin_in, .rcv_wnd = 65536, .snd_una = STAGE_ISS + 1 + fin_acked,
                      .snd_nxt = STAGE_ISS + 1 + fin_out, .snd_max = STAGE_ISS + 1 + fin_out, .snd_wnd = 65536, .max_snd_wnd = 65536,
                      .snd_wl1 = STAGE_IRS + 1, .cwnd = 14600, .ssthresh = 1000000, .srtt = 80, .rttvar = 20,
                      .retransmit = {.timeout_delta = fin_out && !fin_acked ? 300 : state == TCP_FIN_WAIT_2 ? 120000 : TCP_NOT_RUNNING},
                      .keep_alive = {.timeout_delta = TCP_NOT_RUNNING}}};
    block_init(&c->block, TcpOffloadState, &c->handle);
    memset(&c->block.tcp, 0, sizeof c->block.tcp);
    chim_constant_put(&record.constant, &c->block.tcp.constant);
    chim_cached_put(&record.cached, &c->block.tcp.cached);
    chim_delegated_put(&record.delegated, &c->block.tcp.delegated);
    // The peer sees it from the other side.
    struct tcp_handover handover = {.record = record};
    struct tcp_delegated *d = &handover.record.delegated;
    list_init(&handover.sends);
    handover.record.constant.local = record.constant.remote;
    handover.record.constant.remote = record.constant.local;
    handover.record.constant.local_port = record.constant.remote_port;
    handover.record.constant.remote_port = record.constant.local_port;
    d->state = state == TCP_CLOSING ? TCP_FIN_WAIT_1 : fin_in ? TCP_FIN_WAIT_2 : fin_acked ? TCP_CLOSE_WAIT : TCP_ESTABLISHED;
    d->rcv_nxt = STAGE_ISS + 1 + fin_acked;
    d->snd_una = STAGE_IRS + 1 + (state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK);
    d->snd_nxt = d->snd_max = STAGE_IRS + 1 + fin_in;
    d->snd_wl1 = d->rcv_nxt;
    d->retransmit.timeout_delta = d->snd_una != d->snd_max ? 30 : TCP_NOT_RUNNING;
    struct tcp_open open = {.path = {.mtu_bytes = 1500}, .context = c};
    struct eng_outbox outbox;
    KIRQL irql;
    KeAcquireSpinLock(&peer.lock, &irql);
    eng_outbox_init(&outbox);
    ck_assert_int_eq(tcp_import(peer.tcp, &handover, &open, NULL, 0, now_us(), &outbox, &c->peer), 0);
    peer_drain(&outbox);
    KeReleaseSpinLock(&peer.lock, irql);
    return c;
}

NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *
host_tree(unsigned count)
{
    block_init(&st.neighbor, NeighborOffloadState, &st.neighbor_handle);
    memset(&st.neighbor.neighbor, 0, sizeof st.neighbor.neighbor);
    memcpy(st.neighbor.neighbor.cached.DlDestinationAddress, peer_mac, 6);
    block_init(&st.path, stage_is_ip6 ? Ip6OffloadState : Ip4OffloadState, &st.path_handle);
    memset(&st.path.path, 0, sizeof st.path.path);
    st.path.path.constant.SourceAddress = stage_is_ip6 ? host_address6 : host_address;
    st.path.path.constant.DestinationAddress = stage_is_ip6 ? peer_address6 : peer_address;
    st.path.path.cached.PathMtu = 1500;
    st.neighbor.block.DependentBlockList = &st.path.block;
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **end = &st.path.block.DependentBlockList;
    for (unsigned i = 0; i < count; i++) {
        *end = &st.connection[i].block.block;
        end = &st.connection[i].block.block.NextBlock;
    }
    *end = NULL;
    return &st.neighbor.block;
}

void
host_submit(unsigned op, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *root)
{
    uint32_t before = st.done[op];
    switch (op) {
    case HOST_INITIATE: NdisInitiateOffload(st.binding, root); break;
    case HOST_TERMINATE: NdisTerminateOffload(st.binding, root); break;
    case HOST_UPDATE: NdisUpdateOffload(st.binding, root); break;
    case HOST_INVALIDATE: NdisInvalidateOffload(st.binding, root); break;
    default: NdisQueryOffloadState(st.binding, root); break;
    }
    stage_until(&st.done[op], before + 1);
}

void
host_offload(unsigned count)
{
    host_submit(HOST_INITIATE, host_tree(count));
    ck_assert_int_eq(st.neighbor.block.Status, NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(st.path.block.Status, NDIS_STATUS_SUCCESS);
    for (unsigned i = 0; i < count; i++) {
        ck_assert_int_eq(st.connection[i].block.block.Status, NDIS_STATUS_SUCCESS);
        ck_assert_ptr_nonnull(st.connection[i].handle.MiniportOffloadContext);
    }
}

void
host_terminate(unsigned count)
{
    block_init(&st.neighbor, NeighborOffloadDelegatedState, &st.neighbor_handle);
    block_init(&st.path, stage_is_ip6 ? Ip6OffloadDelegatedState : Ip4OffloadDelegatedState, &st.path_handle);
    st.neighbor.block.DependentBlockList = &st.path.block;
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **end = &st.path.block.DependentBlockList;
    for (unsigned i = 0; i < count; i++) {
        struct host_connection *c = &st.connection[i];
        block_init(&c->block, TcpOffloadDelegatedState, &c->handle);
        memset(&c->block.tcp_delegated, 0xEE, sizeof c->block.tcp_delegated);
        *end = &c->block.block;
        end = &c->block.block.NextBlock;
    }
    host_submit(HOST_TERMINATE, &st.neighbor.block);
    for (unsigned i = 0; i < count; i++)
        st.connection[i].handle.MiniportOffloadContext = NULL;
    st.neighbor_handle.MiniportOffloadContext = st.path_handle.MiniportOffloadContext = NULL;
}

void
host_release(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct host_connection *c = &st.connection[i];
        for (NET_BUFFER_LIST *nbl = c->block.block.NetBufferListChain, *next; nbl; nbl = next) {
            next = NET_BUFFER_LIST_NEXT_NBL(nbl);
            c->sends_out--;
            host_free(nbl);
        }
        c->block.block.NetBufferListChain = NULL;
        if (c->block.tcp_delegated.BufferedData && c->block.block.Status == NDIS_STATUS_SUCCESS) {
            for (NET_BUFFER_LIST *nbl = c->block.tcp_delegated.BufferedData; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
                struct eng_span spans[64];
                ULONG n = chim_nbl_spans(nbl, spans, 64, NULL);
                for (ULONG s = 0; s < n; s++)
                    got_check(c, spans[s].bytes, spans[s].count);
            }
            NdisOffloadTcpReceiveReturn(st.binding, c->block.tcp_delegated.BufferedData);
            c->block.tcp_delegated.BufferedData = NULL;
        }
    }
}

void
host_chain_back(struct host_connection *c)
{
    for (NET_BUFFER_LIST *nbl = c->block.block.NetBufferListChain; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        buffer_of(nbl)->bytes = (ULONG)chim_nbl_bytes(nbl);
}

// ---- the host's requests ------------------------------------------------------------------------------------------------------------

void
host_send(struct host_connection *c, ULONG bytes, ULONG piece)
{
    NET_BUFFER_LIST *first = NULL, **end = &first;
    while (bytes) {
        ULONG here = bytes < piece ? bytes : piece;
        *end = host_nbl(here, c->sent_bytes);
        buffer_of(*end)->connection = c;
        end = &NET_BUFFER_LIST_NEXT_NBL(*end);
        c->sent_bytes += here;
        c->sends_out++;
        bytes -= here;
    }
    *end = NULL;
    ck_assert_int_eq(NdisOffloadTcpSend(&c->handle, first), NDIS_STATUS_PENDING);
}

void
host_post(struct host_connection *c, ULONG bytes, bool push)
{
    NET_BUFFER_LIST *nbl = host_nbl(bytes, 0);
    memset(buffer_of(nbl)->data, 0xEE, bytes);
    buffer_of(nbl)->connection = c;
    NET_BUFFER_LIST_INFO(nbl, TcpReceiveNoPush) = (PVOID)(ULONG_PTR)!push;
    c->posts_out++;
    ck_assert_int_eq(NdisOffloadTcpReceive(&c->handle, nbl), NDIS_STATUS_PENDING);
}

void
host_disconnect(struct host_connection *c, ULONG bytes, ULONG flags)
{
    NET_BUFFER_LIST *nbl = host_nbl(bytes, c->sent_bytes);
    buffer_of(nbl)->connection = c;
    c->sent_bytes += bytes;
    c->disconnects_out++;
    c->disconnect_status = NDIS_STATUS_PENDING;
    ck_assert_int_eq(NdisOffloadTcpDisconnect(&c->handle, nbl, flags), NDIS_STATUS_PENDING);
}

// ---- time ---------------------------------------------------------------------------------------------------------------------------

void
stage_wait(uint64_t us)
{
    uint64_t until = now_us() + us;
    do {
        peer_tick();
        kit_sleep_us(us > 1000000 ? 10000 : 500);
    } while (now_us() < until);
}

void
stage_until(volatile uint32_t *number, uint32_t value)
{
    uint64_t until = now_us() + 600000000;
    while (__atomic_load_n(number, __ATOMIC_ACQUIRE) != value) {
        ck_assert_msg(now_us() < until, "ten minutes have passed at %u of %u", *number, value);
        stage_wait(500);
    }
}

bool
stage_data_is_there(void)
{
    for (unsigned i = 0; i < STAGE_CONNECTIONS; i++) {
        const struct host_connection *c = &st.connection[i];
        if (c->got_bytes != c->peer_sent || c->peer_got != c->sent_bytes)
            return false;
    }
    return true;
}

void
stage_until_data(void)
{
    uint64_t until = now_us() + 600000000;
    while (!stage_data_is_there()) {
        ck_assert_msg(now_us() < until, "ten minutes have passed: the host has %llu of %llu, the peer %llu of %llu",
                      (unsigned long long)st.connection[0].got_bytes, (unsigned long long)st.connection[0].peer_sent,
                      (unsigned long long)st.connection[0].peer_got, (unsigned long long)st.connection[0].sent_bytes);
        stage_wait(1000);
    }
}

// ---- the box ------------------------------------------------------------------------------------------------------------------------

static void (*stage_fn)(void);

static void
stage_inside(void)
{
    struct io_image_config config = {.name = "host", .entry = host_entry};
    struct kit_setting settings[20] = {{"NetworkAddress", "020000000001"}, {"*JumboPacket", "1514"}};
    struct io_image *image;
    unsigned n = 2;
    char error[256];
    for (const struct kit_setting *more = stage_settings; more && more->name; more++)
        settings[n++] = *more;
    memset(&st, 0, sizeof st);
    ck_assert_msg(NT_SUCCESS(io_image_load(kit.box, &config, &image, error, sizeof error)), "%s", error);
    ck_assert_msg(kit_add("nic0", "wire:lan", settings, &st.adapter) == NDIS_STATUS_SUCCESS, "%s", kit.message);
    ck_assert_int_eq(ndis_adapter_restart(st.adapter), NDIS_STATUS_SUCCESS);
    struct ndis_adapter *top = st.adapter;
    for (unsigned i = 0; i < stage_storeys; i++)
        top = storey_add(kit.box, top, i, &st.virtual_one[i]);
    ck_assert_int_eq(ndis_adapter_bind(top, "host"), NDIS_STATUS_SUCCESS);
    uint32_t filter = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST;
    NDIS_OID_REQUEST request = {.Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
                                .RequestType = NdisRequestSetInformation};
    request.DATA.SET_INFORMATION.Oid = OID_GEN_CURRENT_PACKET_FILTER;
    request.DATA.SET_INFORMATION.InformationBuffer = &filter;
    request.DATA.SET_INFORMATION.InformationBufferLength = sizeof filter;
    ck_assert_int_eq(NdisOidRequest(st.binding, &request), NDIS_STATUS_SUCCESS);
    peer_create();
    stage_fn();
    for (unsigned i = 0; i < STAGE_CONNECTIONS; i++) {
        const struct host_connection *c = &st.connection[i];
        ck_assert_uint_eq(c->sends_out | c->posts_out | c->disconnects_out | c->forwards_out, 0);
    }
    ndis_adapter_remove(st.adapter);
    peer_destroy();
    ck_assert_int_eq(io_image_unload(io_image_find(kit.box, "host")), STATUS_SUCCESS);
    storeys_unload(kit.box, stage_storeys);
}

void
stage_run(uint64_t seed, void (*fn)(void))
{
    stage_fn = fn;
    kit_run(seed, stage_inside);
}
