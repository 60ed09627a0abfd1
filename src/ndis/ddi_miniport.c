// SPDX-License-Identifier: MIT
// Front doors of miniport drivers: registration, attributes, lifecycle answers, send completion, receive indication, status.
// [ndis/nf-ndis-ndism*]
#include "ndis/miniport.h"
#include "nt/ex/fault.h"
#include "verify/refuse.h"
#include "verify/report.h"
#include "verify/verify.h"

static struct ndis_adapter *
adapter_from(NDIS_HANDLE handle, const char *function)
{
    return ndis_handle_check(handle, NDIS_KIND_ADAPTER, function);
}

NTAPI NDIS_STATUS
NdisMRegisterMiniportDriver(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath, NDIS_HANDLE MiniportDriverContext,
                            PNDIS_MINIPORT_DRIVER_CHARACTERISTICS MiniportDriverCharacteristics, PNDIS_HANDLE NdisMiniportDriverHandle)
{
    VERIFY_ENTER(NdisMRegisterMiniportDriver);
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    *NdisMiniportDriverHandle = NULL;
    // Filled before SetOptions runs, which may use it.
    struct ndis_miniport_driver **handle = (struct ndis_miniport_driver **)NdisMiniportDriverHandle;
    return ndis_miniport_driver_register(DriverObject, MiniportDriverContext, MiniportDriverCharacteristics, handle);
}

NTAPI VOID
NdisMDeregisterMiniportDriver(NDIS_HANDLE NdisMiniportDriverHandle)
{
    VERIFY_ENTER(NdisMDeregisterMiniportDriver);
    ndis_miniport_driver_deregister(
        ndis_handle_check(NdisMiniportDriverHandle, NDIS_KIND_MINIPORT_DRIVER, "NdisMDeregisterMiniportDriver"));
}

NTAPI NDIS_STATUS
NdisMSetMiniportAttributes(NDIS_HANDLE NdisMiniportAdapterHandle, PNDIS_MINIPORT_ADAPTER_ATTRIBUTES MiniportAttributes)
{
    VERIFY_ENTER(NdisMSetMiniportAttributes);
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    return ndis_miniport_attributes_set(adapter_from(NdisMiniportAdapterHandle, "NdisMSetMiniportAttributes"), MiniportAttributes);
}

NTAPI VOID
NdisMSendNetBufferListsComplete(NDIS_HANDLE MiniportAdapterHandle, PNET_BUFFER_LIST NetBufferLists, ULONG SendCompleteFlags)
{
    VERIFY_ENTER(NdisMSendNetBufferListsComplete);
    ndis_send_done(&adapter_from(MiniportAdapterHandle, "NdisMSendNetBufferListsComplete")->module, NetBufferLists,
                   SendCompleteFlags);
}

NTAPI VOID
NdisMIndicateReceiveNetBufferLists(NDIS_HANDLE MiniportAdapterHandle, PNET_BUFFER_LIST NetBufferLists, NDIS_PORT_NUMBER PortNumber,
                                   ULONG NumberOfNetBufferLists, ULONG ReceiveFlags)
{
    VERIFY_ENTER(NdisMIndicateReceiveNetBufferLists);
    ndis_recv_indicate(&adapter_from(MiniportAdapterHandle, "NdisMIndicateReceiveNetBufferLists")->module, NetBufferLists,
                       PortNumber, NumberOfNetBufferLists, ReceiveFlags);
}

NTAPI VOID
NdisMPauseComplete(NDIS_HANDLE MiniportAdapterHandle)
{
    VERIFY_ENTER(NdisMPauseComplete);
    if (!ndis_pending_complete(&adapter_from(MiniportAdapterHandle, "NdisMPauseComplete")->pause, NDIS_STATUS_SUCCESS))
        verify_rule_fatal(NBX_0101, "NdisMPauseComplete", "no pause is pending");
}

NTAPI VOID
NdisMRestartComplete(NDIS_HANDLE MiniportAdapterHandle, NDIS_STATUS Status)
{
    VERIFY_ENTER(NdisMRestartComplete);
    if (Status == NDIS_STATUS_PENDING)
        verify_contract("NdisMRestartComplete", "NDIS_STATUS_PENDING is no final status");
    if (!ndis_pending_complete(&adapter_from(MiniportAdapterHandle, "NdisMRestartComplete")->restart, Status))
        verify_rule_fatal(NBX_0101, "NdisMRestartComplete", "no restart is pending");
}

NTAPI VOID
NdisMResetComplete(NDIS_HANDLE MiniportAdapterHandle, NDIS_STATUS Status, BOOLEAN AddressingReset)
{
    VERIFY_ENTER(NdisMResetComplete);
    if (!ndis_reset_complete(adapter_from(MiniportAdapterHandle, "NdisMResetComplete"), Status, AddressingReset))
        verify_rule_fatal(NBX_0102, "NdisMResetComplete", "no reset is pending");
}

NTAPI VOID
NdisMResetMiniport(NDIS_HANDLE MiniportAdapterHandle)
{
    VERIFY_ENTER(NdisMResetMiniport);
    struct ndis_adapter *adapter = adapter_from(MiniportAdapterHandle, "NdisMResetMiniport");
    if (!adapter->driver->chars.ResetHandlerEx)
        verify_contract("NdisMResetMiniport", "the driver has registered no MiniportResetEx");
    ndis_reset_request(adapter);
}

NTAPI VOID
NdisMIndicateStatusEx(NDIS_HANDLE MiniportAdapterHandle, PNDIS_STATUS_INDICATION StatusIndication)
{
    VERIFY_ENTER(NdisMIndicateStatusEx);
    struct ndis_adapter *adapter = adapter_from(MiniportAdapterHandle, "NdisMIndicateStatusEx");
    ndis_status_check(&adapter->module, StatusIndication, "NdisMIndicateStatusEx");
    ndis_status_indicate(&adapter->module, StatusIndication);
}

NTAPI NDIS_STATUS
NdisMNetPnPEvent(NDIS_HANDLE MiniportAdapterHandle, PNET_PNP_EVENT_NOTIFICATION NetPnPEvent)
{
    VERIFY_ENTER(NdisMNetPnPEvent);
    return ndis_event_from_miniport(adapter_from(MiniportAdapterHandle, "NdisMNetPnPEvent"), NetPnPEvent);
}

NTAPI NDIS_STATUS
NdisMAllocatePort(NDIS_HANDLE MiniportAdapterHandle, PNDIS_PORT_CHARACTERISTICS PortCharacteristics)
{
    VERIFY_ENTER(NdisMAllocatePort);
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    return ndis_port_allocate(adapter_from(MiniportAdapterHandle, "NdisMAllocatePort"), PortCharacteristics);
}

NTAPI NDIS_STATUS
NdisMFreePort(NDIS_HANDLE MiniportAdapterHandle, NDIS_PORT_NUMBER PortNumber)
{
    VERIFY_ENTER(NdisMFreePort);
    return ndis_port_free(adapter_from(MiniportAdapterHandle, "NdisMFreePort"), PortNumber);
}
