// SPDX-License-Identifier: MIT
// Front doors of filter drivers: registration, attributes, lifecycle answers, the data path both ways, status.
// [ndis/nf-ndis-ndisf*]
#include "ndis/filter.h"
#include "nt/ex/fault.h"
#include "verify/refuse.h"
#include "verify/report.h"
#include "verify/verify.h"

static struct ndis_filter *
filter_from(NDIS_HANDLE handle, const char *function)
{
    return CONTAINING_RECORD(ndis_handle_check(handle, NDIS_KIND_FILTER, function), struct ndis_filter, module);
}

NTAPI NDIS_STATUS
NdisFRegisterFilterDriver(PDRIVER_OBJECT DriverObject, NDIS_HANDLE FilterDriverContext,
                          PNDIS_FILTER_DRIVER_CHARACTERISTICS FilterDriverCharacteristics, PNDIS_HANDLE NdisFilterDriverHandle)
{
    VERIFY_ENTER(NdisFRegisterFilterDriver);
    if (!DriverObject || !FilterDriverCharacteristics || !NdisFilterDriverHandle)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    *NdisFilterDriverHandle = NULL;
    // Filled before SetOptions runs, which may use it.
    struct ndis_filter_driver **handle = (struct ndis_filter_driver **)NdisFilterDriverHandle;
    return ndis_filter_driver_register(DriverObject, FilterDriverContext, FilterDriverCharacteristics, handle);
}

NTAPI VOID
NdisFDeregisterFilterDriver(NDIS_HANDLE NdisFilterDriverHandle)
{
    VERIFY_ENTER(NdisFDeregisterFilterDriver);
    ndis_filter_driver_deregister(
        ndis_handle_check(NdisFilterDriverHandle, NDIS_KIND_FILTER_DRIVER, "NdisFDeregisterFilterDriver"));
}

NTAPI NDIS_STATUS
NdisFSetAttributes(NDIS_HANDLE NdisFilterHandle, NDIS_HANDLE FilterModuleContext, PNDIS_FILTER_ATTRIBUTES FilterAttributes)
{
    VERIFY_ENTER(NdisFSetAttributes);
    return ndis_filter_attributes_set(filter_from(NdisFilterHandle, "NdisFSetAttributes"), FilterModuleContext, FilterAttributes);
}

NTAPI VOID
NdisFPauseComplete(NDIS_HANDLE NdisFilterHandle)
{
    VERIFY_ENTER(NdisFPauseComplete);
    if (!ndis_pending_complete(&filter_from(NdisFilterHandle, "NdisFPauseComplete")->pause, NDIS_STATUS_SUCCESS))
        verify_rule_fatal(NBX_0101, "NdisFPauseComplete", "no pause is pending");
}

NTAPI VOID
NdisFRestartComplete(NDIS_HANDLE NdisFilterHandle, NDIS_STATUS Status)
{
    VERIFY_ENTER(NdisFRestartComplete);
    if (!ndis_pending_complete(&filter_from(NdisFilterHandle, "NdisFRestartComplete")->restart, Status))
        verify_rule_fatal(NBX_0101, "NdisFRestartComplete", "no restart is pending");
}

NTAPI NDIS_STATUS
NdisFRestartFilter(NDIS_HANDLE NdisFilterHandle)
{
    VERIFY_ENTER(NdisFRestartFilter);
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    return ndis_filter_restart_request(filter_from(NdisFilterHandle, "NdisFRestartFilter"));
}

NTAPI VOID
NdisFSendNetBufferLists(NDIS_HANDLE NdisFilterHandle, PNET_BUFFER_LIST NetBufferLists, NDIS_PORT_NUMBER PortNumber, ULONG SendFlags)
{
    VERIFY_ENTER(NdisFSendNetBufferLists);
    struct ndis_filter *filter = filter_from(NdisFilterHandle, "NdisFSendNetBufferLists");
    if (__builtin_expect(!filter->handlers.SendNetBufferListsCompleteHandler, 0))
        verify_contract("NdisFSendNetBufferLists", "the module has no FilterSendNetBufferListsComplete, to which the list could come back");
    ndis_send_pass(filter, NetBufferLists, PortNumber, SendFlags);
}

NTAPI VOID
NdisFSendNetBufferListsComplete(NDIS_HANDLE NdisFilterHandle, PNET_BUFFER_LIST NetBufferLists, ULONG SendCompleteFlags)
{
    VERIFY_ENTER(NdisFSendNetBufferListsComplete);
    ndis_send_done(&filter_from(NdisFilterHandle, "NdisFSendNetBufferListsComplete")->module, NetBufferLists, SendCompleteFlags);
}

NTAPI VOID
NdisFIndicateReceiveNetBufferLists(NDIS_HANDLE NdisFilterHandle, PNET_BUFFER_LIST NetBufferLists, NDIS_PORT_NUMBER PortNumber,
                                   ULONG NumberOfNetBufferLists, ULONG ReceiveFlags)
{
    VERIFY_ENTER(NdisFIndicateReceiveNetBufferLists);
    struct ndis_filter *filter = filter_from(NdisFilterHandle, "NdisFIndicateReceiveNetBufferLists");
    if (__builtin_expect(!filter->handlers.ReturnNetBufferListsHandler, 0))
        verify_contract("NdisFIndicateReceiveNetBufferLists", "the module has no FilterReturnNetBufferLists, to which the list could come "
                                                              "back");
    ndis_recv_indicate(&filter->module, NetBufferLists, PortNumber, NumberOfNetBufferLists, ReceiveFlags);
}

NTAPI VOID
NdisFReturnNetBufferLists(NDIS_HANDLE NdisFilterHandle, PNET_BUFFER_LIST NetBufferLists, ULONG ReturnFlags)
{
    VERIFY_ENTER(NdisFReturnNetBufferLists);
    ndis_recv_return(&filter_from(NdisFilterHandle, "NdisFReturnNetBufferLists")->module, NetBufferLists, ReturnFlags);
}

NTAPI VOID
NdisFCancelSendNetBufferLists(NDIS_HANDLE NdisFilterHandle, PVOID CancelId)
{
    VERIFY_ENTER(NdisFCancelSendNetBufferLists);
    ndis_send_cancel(&filter_from(NdisFilterHandle, "NdisFCancelSendNetBufferLists")->module, CancelId);
}

NTAPI VOID
NdisFIndicateStatus(NDIS_HANDLE NdisFilterHandle, PNDIS_STATUS_INDICATION StatusIndication)
{
    VERIFY_ENTER(NdisFIndicateStatus);
    struct ndis_filter *filter = filter_from(NdisFilterHandle, "NdisFIndicateStatus");
    ndis_status_check(&filter->module, StatusIndication, "NdisFIndicateStatus");
    ndis_status_indicate(&filter->module, StatusIndication);
}

NTAPI NDIS_STATUS
NdisFNetPnPEvent(NDIS_HANDLE NdisFilterHandle, PNET_PNP_EVENT_NOTIFICATION NetPnPEvent)
{
    VERIFY_ENTER(NdisFNetPnPEvent);
    return ndis_event_from_filter(filter_from(NdisFilterHandle, "NdisFNetPnPEvent"), NetPnPEvent);
}

NTAPI VOID
NdisFDevicePnPEventNotify(NDIS_HANDLE NdisFilterHandle, PNET_DEVICE_PNP_EVENT NetDevicePnPEvent)
{
    VERIFY_ENTER(NdisFDevicePnPEventNotify);
    struct ndis_filter *filter = filter_from(NdisFilterHandle, "NdisFDevicePnPEventNotify");
    ndis_event_down(filter->module.adapter, filter, NetDevicePnPEvent);
}
