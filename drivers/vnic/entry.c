// SPDX-License-Identifier: MIT
// Loading and unloading: the miniport's characteristics, registered once for all adapters.
//   DriverEntry -> NdisMRegisterMiniportDriver ... vnic_unload -> NdisMDeregisterMiniportDriver
// The driver has no state of its own beyond the handle: everything else hangs off an adapter.
#include "vnic.h"

NDIS_HANDLE vnic_driver;

const struct toe_upward vnic_toe_ndis = {
    .on_initiate_done = NdisMInitiateOffloadComplete,
    .on_query_done = NdisMQueryOffloadStateComplete,
    .on_update_done = NdisMUpdateOffloadComplete,
    .on_invalidate_done = NdisMInvalidateOffloadComplete,
    .on_terminate_done = NdisMTerminateOffloadComplete,
    .on_offload_event = NdisMOffloadEventIndicate,
    .on_get_handlers = NdisMGetOffloadHandlers};

static MINIPORT_UNLOAD vnic_unload;
static MINIPORT_SET_OPTIONS vnic_set_options;

// The offload target registers twice: what every chimney has, and what a TCP chimney has
// [wdd network/registering-chimney-offload-functions].
static NDIS_STATUS
vnic_set_options(NDIS_HANDLE driver, NDIS_HANDLE context)
{
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS generic = {
        .Header = {NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS,
                   NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS_REVISION_1, sizeof generic},
        .InitiateOffloadHandler = vnic_toe_initiate,
        .TerminateOffloadHandler = vnic_toe_terminate,
        .UpdateOffloadHandler = vnic_toe_update,
        .InvalidateOffloadHandler = vnic_toe_invalidate,
        .QueryOffloadHandler = vnic_toe_query};
    NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS tcp = {
        .Header = {NDIS_OBJECT_TYPE_PROVIDER_CHIMNEY_OFFLOAD_CHARACTERISTICS,
                   NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS_REVISION_1, sizeof tcp},
        .OffloadType = NdisTcpChimneyOffload,
        .TcpOffloadSendHandler = vnic_toe_send,
        .TcpOffloadReceiveHandler = vnic_toe_receive,
        .TcpOffloadDisconnectHandler = vnic_toe_disconnect,
        .TcpOffloadForwardHandler = vnic_toe_forward,
        .TcpOffloadReceiveReturnHandler = vnic_toe_receive_return};
    UNREFERENCED_PARAMETER(context);
    NDIS_STATUS status = NdisSetOptionalHandlers(driver, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&generic);
    if (status == NDIS_STATUS_SUCCESS)
        status = NdisSetOptionalHandlers(driver, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&tcp);
    return status == NDIS_STATUS_SUCCESS ? vnic_rdma_register(driver) : status;
}

static VOID
vnic_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    NdisMDeregisterMiniportDriver(vnic_driver);
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .MajorDriverVersion = 1,
        .InitializeHandlerEx = vnic_initialize,
        .HaltHandlerEx = vnic_halt,
        .UnloadHandler = vnic_unload,
        .SetOptionsHandler = vnic_set_options,
        .PauseHandler = vnic_pause,
        .RestartHandler = vnic_restart,
        .OidRequestHandler = vnic_oid,
        .SendNetBufferListsHandler = vnic_send,
        .ReturnNetBufferListsHandler = vnic_return,
        .CancelSendHandler = vnic_cancel_send,
        .CheckForHangHandlerEx = vnic_check_for_hang,
        .ResetHandlerEx = vnic_reset,
        .DevicePnPEventNotifyHandler = vnic_pnp_event,
        .ShutdownHandlerEx = vnic_shutdown,
        .CancelOidRequestHandler = vnic_cancel_oid,
        .DirectOidRequestHandler = vnic_direct_oid,
        .CancelDirectOidRequestHandler = vnic_cancel_direct_oid};
    return NdisMRegisterMiniportDriver(driver, registry_path, NULL, &chars, &vnic_driver);
}
