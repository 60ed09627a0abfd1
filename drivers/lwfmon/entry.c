// SPDX-License-Identifier: MIT
// Loading and unloading: the filter's characteristics, registered once for all adapters.
//   DriverEntry -> NdisFRegisterFilterDriver ... lwfmon_unload -> NdisFDeregisterFilterDriver, which detaches every module first
// Direct OID requests have no handler here: NDIS passes them by.
#include "lwfmon.h"

NDIS_HANDLE lwfmon_driver;

static DRIVER_UNLOAD lwfmon_unload;

static VOID
lwfmon_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    NdisFDeregisterFilterDriver(lwfmon_driver);
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS, NDIS_FILTER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .MajorDriverVersion = 1,
        .FriendlyName = NDIS_STRING_CONST("ndisbox monitoring filter"),
        .UniqueName = NDIS_STRING_CONST("{8c3b7b3e-5f0a-4a34-9d5e-1f0c6e6d0a01}"),
        .ServiceName = NDIS_STRING_CONST("lwfmon"),
        .AttachHandler = lwfmon_attach,
        .DetachHandler = lwfmon_detach,
        .RestartHandler = lwfmon_restart,
        .PauseHandler = lwfmon_pause,
        .SendNetBufferListsHandler = lwfmon_send,
        .SendNetBufferListsCompleteHandler = lwfmon_send_complete,
        .CancelSendNetBufferListsHandler = lwfmon_cancel_send,
        .ReceiveNetBufferListsHandler = lwfmon_receive,
        .ReturnNetBufferListsHandler = lwfmon_return,
        .OidRequestHandler = lwfmon_oid,
        .OidRequestCompleteHandler = lwfmon_oid_complete,
        .CancelOidRequestHandler = lwfmon_oid_cancel,
        .DevicePnPEventNotifyHandler = lwfmon_device_pnp,
        .NetPnPEventHandler = lwfmon_net_pnp,
        .StatusHandler = lwfmon_status};
    UNREFERENCED_PARAMETER(registry_path);
    driver->DriverUnload = lwfmon_unload;
    return NdisFRegisterFilterDriver(driver, NULL, &chars, &lwfmon_driver);
}
