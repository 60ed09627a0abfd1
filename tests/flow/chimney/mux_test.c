// SPDX-License-Identifier: MIT
// An intermediate driver ("mux") with two virtual miniports over one binding, a host on each: what comes back over the one binding has to
// find the right one of two protocols, and the driver tells by what it stored in the context of the NET_BUFFER_LIST.
//   pa -- v0 --+
//              +-- mux's one binding -- mp's nic0
//   pb -- v1 --+
#include "stand.h"

#include <string.h>

#include "nt/cm/cm.h"

static struct mux {
    NDIS_HANDLE driver, protocol, binding;
    bool is_opened;
    NDIS_STATUS open_status;
    struct mux_edge {
        NDIS_HANDLE miniport;
        WCHAR name_buffer[64];
        UNICODE_STRING name;
        struct ndis_adapter *adapter;
        NDIS_TCP_OFFLOAD_EVENT_HANDLERS up;
        struct mux_offload {                  // of the one connection of this edge
            NDIS_OFFLOAD_HANDLE handle;
            NDIS_HANDLE above;
            PVOID *context, source;
            struct mux_edge *edge;
        } offload;
    } edge[2];
    uint32_t freed;                           // contexts, before a completion was passed on
} mux;

struct mux_context {
    DECLSPEC_ALIGN(16) NDIS_HANDLE source;
    struct mux_edge *edge;
};

// ---- the chimney ------------------------------------------------------------------------------------------------------------------

static void
tree_down(struct mux_edge *edge, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST block, NTAPI VOID (*ask)(NDIS_HANDLE, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST))
{
    struct mux_offload *offload = &edge->offload;
    offload->edge = edge;
    offload->above = block->NdisOffloadHandle;
    offload->context = block->MiniportOffloadContext;
    offload->source = block->SourceHandle;
    ((PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST)block)->OffloadHandle = &offload->handle;
    ask(mux.binding, (PVOID)block);
}

static struct mux_edge *
tree_up(PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST lower)
{
    struct mux_offload *offload = CONTAINING_RECORD(lower->OffloadHandle, struct mux_offload, handle);
    PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST block = (PVOID)lower;
    block->NdisOffloadHandle = offload->above;
    block->MiniportOffloadContext = offload->context;
    block->SourceHandle = offload->source;
    return offload->edge;
}

static NTAPI VOID
up_initiate(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST block)
{
    tree_down(context, block, NdisInitiateOffload);
}

static NTAPI VOID
up_terminate(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST block)
{
    tree_down(context, block, NdisTerminateOffload);
}

static NTAPI VOID
up_other(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST block)
{
    ck_abort_msg("nobody asks for this here");
}

static NTAPI VOID
low_initiated(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block)
{
    struct mux_edge *edge = tree_up(block);
    *edge->offload.context = &edge->offload;
    NdisMInitiateOffloadComplete(edge->miniport, (PVOID)block);
}

static NTAPI VOID
low_terminated(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block)
{
    struct mux_edge *edge = tree_up(block);
    NdisMTerminateOffloadComplete(edge->miniport, (PVOID)block);
}

static NTAPI VOID
low_other(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block)
{
    ck_abort_msg("nobody has asked for this here");
}

static NTAPI VOID
low_neighbor(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block, ULONG code)
{
}

static void
mark(PNET_BUFFER_LIST nbls, struct mux_edge *edge)
{
    for (PNET_BUFFER_LIST nbl = nbls; nbl; nbl = nbl->Next) {
        ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, sizeof(struct mux_context), 0, 'xum '), NDIS_STATUS_SUCCESS);
        *(struct mux_context *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl) = (struct mux_context){nbl->SourceHandle, edge};
    }
}

// Take one list off the chain, its context freed; *edge gets where it belongs.
static PNET_BUFFER_LIST
unmark_one(PNET_BUFFER_LIST *nbls, struct mux_edge **edge)
{
    PNET_BUFFER_LIST nbl = *nbls;
    struct mux_context *context = (struct mux_context *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl);
    *edge = context->edge;
    nbl->SourceHandle = context->source;
    NdisFreeNetBufferListContext(nbl, sizeof *context);
    mux.freed++;
    *nbls = nbl->Next;
    nbl->Next = NULL;
    return nbl;
}

static NTAPI NDIS_STATUS
up_send(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbls)
{
    mark(nbls, context);
    return NdisOffloadTcpSend(&((struct mux_offload *)object)->handle, nbls);
}

static NTAPI NDIS_STATUS
up_disconnect(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbl, ULONG flags)
{
    mark(nbl, context);
    return NdisOffloadTcpDisconnect(&((struct mux_offload *)object)->handle, nbl, flags);
}

static NTAPI NDIS_STATUS
up_no_data(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbls)
{
    ck_abort_msg("nobody asks for this here");
    return NDIS_STATUS_PENDING;
}

static NTAPI NDIS_STATUS
up_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
low_sent(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    while (nbls) {
        struct mux_edge *edge;
        PNET_BUFFER_LIST nbl = unmark_one(&nbls, &edge);
        edge->up.NdisTcpOffloadSendComplete(edge->miniport, nbl);
    }
}

static NTAPI VOID
low_disconnected(NDIS_HANDLE context, PNET_BUFFER_LIST nbl)
{
    struct mux_edge *edge;
    PNET_BUFFER_LIST own = unmark_one(&nbl, &edge);
    edge->up.NdisTcpOffloadDisconnectComplete(edge->miniport, own);
}

static NTAPI VOID
low_no_data(NDIS_HANDLE context, PNET_BUFFER_LIST nbls)
{
    ck_abort_msg("nobody has asked for this here");
}

static NTAPI VOID
low_event(PVOID object, ULONG type, ULONG information)
{
    struct mux_offload *offload = CONTAINING_RECORD(object, struct mux_offload, handle);
    offload->edge->up.NdisTcpOffloadEventHandler(offload->above, type, information);
}

static NTAPI NDIS_STATUS
low_data(PVOID object, PNET_BUFFER_LIST nbl, NDIS_STATUS status, PULONG consumed)
{
    struct mux_offload *offload = CONTAINING_RECORD(object, struct mux_offload, handle);
    return offload->edge->up.NdisTcpOffloadReceiveHandler(offload->above, nbl, status, consumed);
}

// ---- the driver's life ------------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
upper_options(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic = {
        .Header = {NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, 1, sizeof generic},
        .InitiateOffloadHandler = up_initiate,
        .TerminateOffloadHandler = up_terminate,
        .UpdateOffloadHandler = up_other,
        .InvalidateOffloadHandler = up_other,
        .QueryOffloadHandler = up_other};
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp = {
        .Header = {NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_CHARACTERISTICS, 1, sizeof tcp},
        .OffloadType = NdisTcpChimneyOffload,
        .TcpOffloadSendHandler = up_send,
        .TcpOffloadReceiveHandler = up_no_data,
        .TcpOffloadDisconnectHandler = up_disconnect,
        .TcpOffloadForwardHandler = up_no_data,
        .TcpOffloadReceiveReturnHandler = up_return};
    ck_assert_int_eq(NdisSetOptionalHandlers(handle, &generic.Header), NDIS_STATUS_SUCCESS);
    return NdisSetOptionalHandlers(handle, &tcp.Header);
}

static NTAPI NDIS_STATUS
lower_options(NDIS_HANDLE handle, NDIS_HANDLE context)
{
    NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, 1, sizeof generic},
        .InitiateOffloadCompleteHandler = low_initiated,
        .TerminateOffloadCompleteHandler = low_terminated,
        .UpdateOffloadCompleteHandler = low_other,
        .InvalidateOffloadCompleteHandler = low_other,
        .QueryOffloadCompleteHandler = low_other,
        .IndicateOffloadEventHandler = low_neighbor};
    NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp = {
        .Header = {NDIS_OBJECT_TYPE_CLIENT_CHIMNEY_OFFLOAD_CHARACTERISTICS, 1, sizeof tcp},
        .OffloadType = NdisTcpChimneyOffload,
        .TcpOffloadSendCompleteHandler = low_sent,
        .TcpOffloadReceiveCompleteHandler = low_no_data,
        .TcpOffloadDisconnectCompleteHandler = low_disconnected,
        .TcpOffloadForwardCompleteHandler = low_no_data,
        .TcpOffloadEventHandler = low_event,
        .TcpOffloadReceiveIndicateHandler = low_data};
    ck_assert_int_eq(NdisSetOptionalHandlers(handle, &generic.Header), NDIS_STATUS_SUCCESS);
    return NdisSetOptionalHandlers(handle, &tcp.Header);
}

static NTAPI NDIS_STATUS
upper_initialize(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_MINIPORT_INIT_PARAMETERS parameters)
{
    struct mux_edge *edge = parameters->IMDeviceInstanceContext;
    NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES registration = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1},
        .MiniportAdapterContext = edge,
        .AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND,
        .InterfaceType = NdisInterfaceInternal};
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES general = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1},
        .MediaType = NdisMedium802_3,
        .MtuSize = 1500,
        .MediaConnectState = MediaConnectStateConnected,
        .LookaheadSize = 1500,
        .MacOptions = NDIS_MAC_OPTION_NO_LOOPBACK,
        .SupportedPacketFilters = NDIS_PACKET_TYPE_DIRECTED,
        .MacAddressLength = 6,
        .CurrentMacAddress = {2, 0, 0, 0, 0, 1}};
    PNDIS_OFFLOAD_EVENT_HANDLERS handlers;
    ck_assert_int_eq(NdisMSetMiniportAttributes(handle, (void *)&registration), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMSetMiniportAttributes(handle, (void *)&general), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMGetOffloadHandlers(handle, NdisTcpChimneyOffload, &handlers), STATUS_SUCCESS);
    edge->up = *(PNDIS_TCP_OFFLOAD_EVENT_HANDLERS)handlers;
    edge->miniport = handle;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
upper_halt(NDIS_HANDLE context, NDIS_HALT_ACTION action)
{
    ((struct mux_edge *)context)->miniport = NULL;
}

static NTAPI NDIS_STATUS
upper_pause(NDIS_HANDLE context, PNDIS_MINIPORT_PAUSE_PARAMETERS parameters)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
upper_restart(NDIS_HANDLE context, PNDIS_MINIPORT_RESTART_PARAMETERS parameters)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI NDIS_STATUS
upper_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    return request->RequestType == NdisRequestSetInformation ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
}

static NTAPI VOID
upper_frames(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    ck_abort_msg("no frames here");
}

static NTAPI VOID
upper_frames_back(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
}

static NTAPI VOID
upper_cancel(NDIS_HANDLE context, PVOID id)
{
}

static NTAPI VOID
upper_pnp(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event)
{
}

static NTAPI VOID
upper_shutdown(NDIS_HANDLE context, NDIS_SHUTDOWN_ACTION action)
{
}

static NTAPI VOID
mux_unload(PDRIVER_OBJECT driver)
{
    NdisDeregisterProtocolDriver(mux.protocol);
    NdisMDeregisterMiniportDriver(mux.driver);
}

static NTAPI NDIS_STATUS
lower_bind(NDIS_HANDLE context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    NDIS_STATUS status = NdisOpenAdapterEx(mux.protocol, &mux, &open, bind, &mux.binding);
    if (status == NDIS_STATUS_PENDING) {
        while (!mux.is_opened)
            w_sleep(1);
        status = mux.open_status;
    }
    for (int i = 0; i < 2 && status == NDIS_STATUS_SUCCESS; i++)
        status = NdisIMInitializeDeviceInstanceEx(mux.driver, &mux.edge[i].name, &mux.edge[i]);
    return status;
}

static NTAPI NDIS_STATUS
lower_unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    for (int i = 0; i < 2; i++)
        if (mux.edge[i].miniport)
            NdisIMDeInitializeDeviceInstance(mux.edge[i].miniport);
    return NdisCloseAdapterEx(mux.binding);
}

static NTAPI VOID
lower_opened(NDIS_HANDLE context, NDIS_STATUS status)
{
    mux.open_status = status;
    mux.is_opened = true;
}

static NTAPI VOID
lower_closed(NDIS_HANDLE context)
{
}

static NTAPI NDIS_STATUS
lower_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
lower_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
}

static NTAPI VOID
lower_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
}

static NTAPI VOID
lower_frames(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    ck_abort_msg("no frames here");
}

static NTAPI NTSTATUS
mux_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static WCHAR name[] = L"mux";
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS upper = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .Flags = NDIS_INTERMEDIATE_DRIVER,
        .SetOptionsHandler = upper_options,
        .InitializeHandlerEx = upper_initialize,
        .HaltHandlerEx = upper_halt,
        .UnloadHandler = mux_unload,
        .PauseHandler = upper_pause,
        .RestartHandler = upper_restart,
        .OidRequestHandler = upper_oid,
        .SendNetBufferListsHandler = upper_frames,
        .ReturnNetBufferListsHandler = upper_frames_back,
        .CancelSendHandler = upper_cancel,
        .DevicePnPEventNotifyHandler = upper_pnp,
        .ShutdownHandlerEx = upper_shutdown,
        .CancelOidRequestHandler = upper_cancel};
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS lower = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1},
        .MajorNdisVersion = 6,
        .Name = {sizeof name - sizeof(WCHAR), sizeof name, name},
        .SetOptionsHandler = lower_options,
        .BindAdapterHandlerEx = lower_bind,
        .UnbindAdapterHandlerEx = lower_unbind,
        .OpenAdapterCompleteHandlerEx = lower_opened,
        .CloseAdapterCompleteHandlerEx = lower_closed,
        .NetPnPEventHandler = lower_pnp,
        .OidRequestCompleteHandler = lower_oid,
        .StatusHandlerEx = lower_status,
        .ReceiveNetBufferListsHandler = lower_frames,
        .SendNetBufferListsCompleteHandler = upper_frames_back};
    ck_assert_int_eq(NdisMRegisterMiniportDriver(driver, registry, NULL, &upper, &mux.driver), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisRegisterProtocolDriver(NULL, &lower, &mux.protocol), NDIS_STATUS_SUCCESS);
    NdisIMAssociateMiniport(mux.driver, mux.protocol);
    return STATUS_SUCCESS;
}

// ---- the test ---------------------------------------------------------------------------------------------------------------------

static void
mux_changed(void *context, struct ndis_adapter *adapter, NDIS_STATUS status)
{
    ((struct mux_edge *)context)->adapter = adapter;
}

static void
mux_stand(void)
{
    static const char *const names[] = {"v0", "v1"}, *const hosts[] = {"pa", "pb"};
    struct io_image_config config = {.name = "mux", .entry = mux_entry};
    struct io_image *image;
    char error[256], device[64];
    w_start(0, 0);
    ck_assert_msg(NT_SUCCESS(io_image_load(w.box, &config, &image, error, sizeof error)), "%s", error);
    for (int i = 0; i < 2; i++) {
        struct mux_edge *edge = &mux.edge[i];
        struct ndis_virtual_config device_config = {.name = names[i], .driver = "mux", .on_change = mux_changed, .context = edge};
        ck_assert_int_eq(ndis_virtual_declare(w.box, &device_config, device, sizeof device), NDIS_STATUS_SUCCESS);
        USHORT length = (USHORT)strlen(device);
        for (USHORT k = 0; k < length; k++)
            edge->name_buffer[k] = (WCHAR)device[k];
        edge->name = (UNICODE_STRING){(USHORT)(length * sizeof(WCHAR)), sizeof edge->name_buffer, edge->name_buffer};
    }
    ck_assert_int_eq(ndis_adapter_bind(w.adapter, "mux"), NDIS_STATUS_SUCCESS);
    ndis_settle(w.box);
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_nonnull(mux.edge[i].adapter);
        ck_assert_int_eq(ndis_adapter_restart(mux.edge[i].adapter), NDIS_STATUS_SUCCESS);
        ck_assert_int_eq(ndis_adapter_bind(mux.edge[i].adapter, hosts[i]), NDIS_STATUS_SUCCESS);
    }
    w_forget();
}

// A connection of each host; its block is the root of its own tree.
static void
each_host(enum s_op op, UCHAR type)
{
    for (int i = 0; i < 2; i++) {
        s.binding = w.protocol[i].binding;
        s_block(&s.tcp[i].block, type, &s.tcp_object[i]);
        s.tcp[i].delegated.State = TcpConnectionEstablished;
        s_submit(op, &s.tcp[i].block);
        s_complete(op);
        ck_assert_ptr_eq(s.done[op], &s.tcp[i].block);
    }
}

static void
completions_cross(void)
{
    static const char name[] = "ProtocolTcpOffloadDisconnectComplete";
    mux_stand();
    each_host(S_INITIATE, TcpOffloadState);
    NET_BUFFER_LIST *nbl[2] = {s_nbls(1, 0), s_nbls(1, 0)};
    void *before[2] = {nbl[0]->Context, nbl[1]->Context};
    for (int i = 0; i < 2; i++)
        s_request(S_DISCONNECT, &s.tcp_object[i], nbl[i], TCP_DISCONNECT_ABORTIVE_CLOSE);
    ck_assert_ptr_eq(s.lists[S_DISCONNECT], nbl[0]);
    // The second first.
    nbl[0]->Next = NULL;
    for (int i = 1; i >= 0; i--) {
        s.lists[S_DISCONNECT] = nbl[i];
        s.completed[S_DISCONNECT] = NULL;
        s_give_back(S_DISCONNECT, NDIS_STATUS_SUCCESS);
        ck_assert_ptr_eq(w_call(name)->context, &w.protocol[i].binding_context);
        ck_assert_ptr_eq(s.completed[S_DISCONNECT], nbl[i]);
        ck_assert_ptr_eq(nbl[i]->Context, before[i]);   // the mux's own is freed
        s_free(nbl[i]);
    }
    ck_assert_uint_eq(w_count(name), 2);
    ck_assert_uint_eq(mux.freed, 2);
    // Sends of both may come back in one chain.
    NET_BUFFER_LIST *send[2] = {s_nbls(2, 9), s_nbls(1, 9)};
    for (int i = 0; i < 2; i++)
        s_request(S_SEND, &s.tcp_object[i], send[i], 0);
    s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("ProtocolTcpOffloadSendComplete"), 3);
    ck_assert_ptr_eq(w_call("ProtocolTcpOffloadSendComplete")->context, &w.protocol[1].binding_context);
    s_free(s.completed[S_SEND]);
    each_host(S_TERMINATE, TcpOffloadConstState);
    w_remove();
    ck_assert_int_eq(io_image_unload(io_image_find(w.box, "mux")), STATUS_SUCCESS);
}

TEST(ProtocolTcpOffloadDisconnectComplete_finds_the_upper_edge_by_the_lists_context)
{
    w_watched = true;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        memset(&mux, 0, sizeof mux);
        s_arm();
        w_run(seed, completions_cross);
    }
}
