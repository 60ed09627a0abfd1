// SPDX-License-Identifier: MIT
// Loading and unloading: the miniport's characteristics, registered once for all adapters.
//   DriverEntry -> NdisMRegisterMiniportDriver ... vnic_unload -> NdisMDeregisterMiniportDriver
// The driver has no state of its own beyond the handle: everything else hangs off an adapter.
#include "vnic.h"

NDIS_HANDLE vnic_driver;

static MINIPORT_UNLOAD vnic_unload;

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
        .CancelOidRequestHandler = vnic_cancel_oid};
    return NdisMRegisterMiniportDriver(driver, registry_path, NULL, &chars, &vnic_driver);
}
