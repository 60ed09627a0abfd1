// SPDX-License-Identifier: MIT
// An intermediate driver ("mux") with two virtual miniports over one binding, a host on each: what comes back over the one binding has to
// find the right one of two protocols. Its chimney is passthru's, the very sources (mux_passthru.c), with a struct passthru for each edge:
// a tree finds its edge by the call entry, a list by the context in it, an event by the offload entry.
//   pa -- v0 --+
//              +-- mux's one binding -- mp's nic0
//   pb -- v1 --+
#include "../../../drivers/passthru/offload.h"

#include "stand.h"

#include <string.h>

#include "nt/cm/cm.h"

static struct mux {
    NDIS_HANDLE driver, protocol, binding;
    bool is_opened;
    NDIS_STATUS open_status;
    struct mux_edge {
        struct passthru edge;
        WCHAR name_buffer[64];
        UNICODE_STRING name;
        struct ndis_adapter *adapter;
    } of[2];
} mux;

// ---- what passthru's chimney asks of the rest of passthru -------------------------------------------------------------------------------

void *
passthru_alloc(SIZE_T bytes)
{
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, PASSTHRU_TAG);
}

void
passthru_free(void *block)
{
    if (block)
        ExFreePoolWithTag(block, PASSTHRU_TAG);
}

void
passthru_unref(struct passthru *self)
{
    ck_assert_int_gt(InterlockedDecrement(&self->refs), 0);   // the edges are this test's, and stay
}

void
passthru_indicate(struct passthru *self, NDIS_STATUS code)
{
    ck_assert(self == &mux.of[0].edge || self == &mux.of[1].edge);
    ck_assert(code == NDIS_STATUS_OFFLOAD_RESUME || code == NDIS_STATUS_UPLOAD_ALL);
}

// ---- the driver's life ------------------------------------------------------------------------------------------------------------

static NTAPI NDIS_STATUS
upper_initialize(NDIS_HANDLE handle, NDIS_HANDLE context, PNDIS_MINIPORT_INIT_PARAMETERS parameters)
{
    struct passthru *edge = parameters->IMDeviceInstanceContext;
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
    ck_assert_int_eq(NdisMSetMiniportAttributes(handle, (void *)&registration), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisMSetMiniportAttributes(handle, (void *)&general), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(passthru_offload_initialize(edge, handle), NDIS_STATUS_SUCCESS);
    edge->miniport = handle;
    return NDIS_STATUS_SUCCESS;
}

static NTAPI VOID
upper_halt(NDIS_HANDLE context, NDIS_HALT_ACTION action)
{
    ((struct passthru *)context)->miniport = NULL;
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

static struct passthru *
edge_begin(struct passthru *edge)
{
    edge->refs = 1;
    edge->binding = mux.binding;
    KeInitializeSpinLock(&edge->lock);
    passthru_offload_prepare(edge);
    passthru_gate_prepare(edge);
    return edge;
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
        status = NdisIMInitializeDeviceInstanceEx(mux.driver, &mux.of[i].name, edge_begin(&mux.of[i].edge));
    return status;
}

static NTAPI NDIS_STATUS
lower_unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    for (int i = 0; i < 2; i++)
        if (mux.of[i].edge.miniport)
            NdisIMDeInitializeDeviceInstance(mux.of[i].edge.miniport);
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
    for (int i = 0; i < 2; i++) {
        if (event->NetPnPEvent.NetEvent == NetEventRestart)
            passthru_gate_open(&mux.of[i].edge, PASSTHRU_PAUSED);
        if (event->NetPnPEvent.NetEvent == NetEventPause)
            passthru_gate_shut(&mux.of[i].edge, PASSTHRU_PAUSED);
    }
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
        .SetOptionsHandler = passthru_miniport_options,
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
        .SetOptionsHandler = passthru_protocol_options,
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
        struct mux_edge *edge = &mux.of[i];
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
        ck_assert_ptr_nonnull(mux.of[i].adapter);
        ck_assert_int_eq(ndis_adapter_restart(mux.of[i].adapter), NDIS_STATUS_SUCCESS);
        ck_assert_int_eq(ndis_adapter_bind(mux.of[i].adapter, hosts[i]), NDIS_STATUS_SUCCESS);
    }
    w_forget();
}

// A connection of each host; its block is the root of its own tree. Both are below at once, and come back in the other order.
static void
each_host(enum s_op op, UCHAR type, const char *name)
{
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *below[2];
    for (int i = 0; i < 2; i++) {
        s.binding = w.protocol[i].binding;
        s_block(&s.tcp[i].block, type, &s.tcp_object[i]);
        s.tcp[i].delegated.State = TcpConnectionEstablished;
        s_submit(op, &s.tcp[i].block);
        below[i] = s.tree[op];
        s.tree[op] = NULL;
    }
    for (int i = 1; i >= 0; i--) {
        s.tree[op] = below[i];
        s.done[op] = NULL;
        s_complete(op);
        ck_assert_ptr_eq(s.done[op], &s.tcp[i].block);
        ck_assert_ptr_eq(w_call(name)->context, &w.protocol[i].binding_context);
    }
}

static void
completions_cross(void)
{
    static const char name[] = "ProtocolTcpOffloadDisconnectComplete";
    mux_stand();
    each_host(S_INITIATE, TcpOffloadState, "ProtocolInitiateOffloadComplete");
    for (int i = 0; i < 2; i++) {
        struct passthru_offload *offload = s.tcp_object[i].handle.MiniportOffloadContext;
        KIRQL old;
        KeRaiseIrql(DISPATCH_LEVEL, &old);
        s.up.NdisTcpOffloadEventHandler(&offload->handle, TcpIndicateSendBacklogChange, 7);
        KeLowerIrql(old);
        ck_assert_ptr_eq(s.event_context, &s.tcp_object[i].handle);
    }
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
    // Sends of both may come back in one chain: each run of one host's goes to that one.
    for (int i = 0; i < 4; i++)
        s_request(S_SEND, &s.tcp_object[i == 2], s_nbls(1, 9), 0);
    s_give_back(S_SEND, NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(w_count("ProtocolTcpOffloadSendComplete"), 3);
    ck_assert_ptr_eq(w_call("ProtocolTcpOffloadSendComplete")->context, &w.protocol[0].binding_context);
    ck_assert_uint_eq(w_length(s.completed[S_SEND]), 4);
    s_free(s.completed[S_SEND]);
    each_host(S_TERMINATE, TcpOffloadConstState, "ProtocolTerminateOffloadComplete");
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
