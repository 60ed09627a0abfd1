// SPDX-License-Identifier: MIT
// Front doors that a driver cannot link to: NdisMGetOffloadHandlers gives a target their addresses, in NDIS_TCP_OFFLOAD_EVENT_HANDLERS.
// In the table they are NDIS_TCP_OFFLOAD_EVENT_INDICATE and kin, the types of those pointers. [ndischimney/nc-ndischimney-ndis_tcp_*]
#include "ndis/chimney/chimney.h"
#include "ndis/ndis_int.h"
#include "verify/verify.h"

NTAPI VOID
NdisTcpOffloadEventHandler(NDIS_HANDLE NdisOffloadHandle, ULONG EventType, ULONG EventSpecificInformation)
{
    VERIFY_ENTER(NDIS_TCP_OFFLOAD_EVENT_INDICATE);
    chimney_event(NdisOffloadHandle, EventType, EventSpecificInformation);
}

NTAPI NDIS_STATUS
NdisTcpOffloadReceiveHandler(NDIS_HANDLE NdisOffloadHandle, PNET_BUFFER_LIST NetBufferList, NDIS_STATUS Status, PULONG BytesConsumed)
{
    VERIFY_ENTER(NDIS_TCP_OFFLOAD_RECEIVE_INDICATE);
    return chimney_receive(NdisOffloadHandle, NetBufferList, Status, BytesConsumed);
}

NTAPI VOID
NdisTcpOffloadSendComplete(NDIS_HANDLE NdisMiniportHandle, PNET_BUFFER_LIST NetBufferList)
{
    VERIFY_ENTER(NDIS_TCP_OFFLOAD_SEND_COMPLETE);
    struct ndis_adapter *adapter = ndis_handle_check(NdisMiniportHandle, NDIS_KIND_ADAPTER, "NdisTcpOffloadSendComplete");
    chimney_data_done(adapter, CHIMNEY_SEND, NetBufferList);
}

NTAPI VOID
NdisTcpOffloadReceiveComplete(NDIS_HANDLE NdisMiniportHandle, PNET_BUFFER_LIST NetBufferList)
{
    VERIFY_ENTER(NDIS_TCP_OFFLOAD_RECEIVE_COMPLETE);
    struct ndis_adapter *adapter = ndis_handle_check(NdisMiniportHandle, NDIS_KIND_ADAPTER, "NdisTcpOffloadReceiveComplete");
    chimney_data_done(adapter, CHIMNEY_RECEIVE, NetBufferList);
}

NTAPI VOID
NdisTcpOffloadDisconnectComplete(NDIS_HANDLE NdisMiniportHandle, PNET_BUFFER_LIST NetBufferList)
{
    VERIFY_ENTER(NDIS_TCP_OFFLOAD_DISCONNECT_COMPLETE);
    struct ndis_adapter *adapter = ndis_handle_check(NdisMiniportHandle, NDIS_KIND_ADAPTER, "NdisTcpOffloadDisconnectComplete");
    chimney_data_done(adapter, CHIMNEY_DISCONNECT, NetBufferList);
}

NTAPI VOID
NdisTcpOffloadForwardComplete(NDIS_HANDLE NdisMiniportHandle, PNET_BUFFER_LIST NetBufferList)
{
    VERIFY_ENTER(NDIS_TCP_OFFLOAD_FORWARD_COMPLETE);
    struct ndis_adapter *adapter = ndis_handle_check(NdisMiniportHandle, NDIS_KIND_ADAPTER, "NdisTcpOffloadForwardComplete");
    chimney_data_done(adapter, CHIMNEY_FORWARD, NetBufferList);
}

const NDIS_TCP_OFFLOAD_EVENT_HANDLERS chimney_tcp_handlers = {
    .Header = {NdisTcpChimneyOffload, NDIS_TCP_OFFLOAD_EVENT_HANDLERS_REVISION_1, sizeof(NDIS_TCP_OFFLOAD_EVENT_HANDLERS)},
    .NdisTcpOffloadEventHandler = NdisTcpOffloadEventHandler,
    .NdisTcpOffloadReceiveHandler = NdisTcpOffloadReceiveHandler,
    .NdisTcpOffloadSendComplete = NdisTcpOffloadSendComplete,
    .NdisTcpOffloadReceiveComplete = NdisTcpOffloadReceiveComplete,
    .NdisTcpOffloadDisconnectComplete = NdisTcpOffloadDisconnectComplete,
    .NdisTcpOffloadForwardComplete = NdisTcpOffloadForwardComplete};
