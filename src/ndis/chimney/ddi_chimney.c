// SPDX-License-Identifier: MIT
// Front doors of the TCP chimney: a host stack's and an intermediate driver's calls down, a target's completions of state operations.
// The doors that a target gets by NdisMGetOffloadHandlers are in ddi_chimney_up.c. [ndischimney/nf-ndischimney-ndis*]
#include "ndis/chimney/chimney.h"
#include "ndis/ndis_int.h"
#include "verify/verify.h"

static struct ndis_binding *
binding_from(NDIS_HANDLE handle, const char *function)
{
    return CONTAINING_RECORD(ndis_handle_check(handle, NDIS_KIND_BINDING, function), struct ndis_binding, module);
}

static struct ndis_adapter *
adapter_from(NDIS_HANDLE handle, const char *function)
{
    return ndis_handle_check(handle, NDIS_KIND_ADAPTER, function);
}

NTAPI VOID
NdisInitiateOffload(NDIS_HANDLE NdisBindingHandle, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList)
{
    VERIFY_ENTER(NdisInitiateOffload);
    chimney_state_submit(binding_from(NdisBindingHandle, "NdisInitiateOffload"), CHIMNEY_INITIATE, OffloadBlockList);
}

NTAPI VOID
NdisTerminateOffload(NDIS_HANDLE NdisBindingHandle, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList)
{
    VERIFY_ENTER(NdisTerminateOffload);
    chimney_state_submit(binding_from(NdisBindingHandle, "NdisTerminateOffload"), CHIMNEY_TERMINATE, OffloadBlockList);
}

NTAPI VOID
NdisUpdateOffload(NDIS_HANDLE NdisBindingHandle, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList)
{
    VERIFY_ENTER(NdisUpdateOffload);
    chimney_state_submit(binding_from(NdisBindingHandle, "NdisUpdateOffload"), CHIMNEY_UPDATE, OffloadBlockList);
}

NTAPI VOID
NdisInvalidateOffload(NDIS_HANDLE NdisBindingHandle, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList)
{
    VERIFY_ENTER(NdisInvalidateOffload);
    chimney_state_submit(binding_from(NdisBindingHandle, "NdisInvalidateOffload"), CHIMNEY_INVALIDATE, OffloadBlockList);
}

NTAPI VOID
NdisQueryOffloadState(NDIS_HANDLE NdisBindingHandle, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST OffloadBlockList)
{
    VERIFY_ENTER(NdisQueryOffloadState);
    chimney_state_submit(binding_from(NdisBindingHandle, "NdisQueryOffloadState"), CHIMNEY_QUERY, OffloadBlockList);
}

NTAPI NDIS_STATUS
NdisOffloadTcpSend(PNDIS_OFFLOAD_HANDLE NdisOffloadHandle, PNET_BUFFER_LIST NetBufferList)
{
    VERIFY_ENTER(NdisOffloadTcpSend);
    return chimney_data_submit(NdisOffloadHandle, CHIMNEY_SEND, NetBufferList, 0);
}

NTAPI NDIS_STATUS
NdisOffloadTcpReceive(PNDIS_OFFLOAD_HANDLE NdisOffloadHandle, PNET_BUFFER_LIST NetBufferList)
{
    VERIFY_ENTER(NdisOffloadTcpReceive);
    return chimney_data_submit(NdisOffloadHandle, CHIMNEY_RECEIVE, NetBufferList, 0);
}

NTAPI NDIS_STATUS
NdisOffloadTcpForward(PNDIS_OFFLOAD_HANDLE NdisOffloadHandle, PNET_BUFFER_LIST NetBufferList)
{
    VERIFY_ENTER(NdisOffloadTcpForward);
    return chimney_data_submit(NdisOffloadHandle, CHIMNEY_FORWARD, NetBufferList, 0);
}

NTAPI NDIS_STATUS
NdisOffloadTcpDisconnect(PNDIS_OFFLOAD_HANDLE NdisOffloadHandle, PNET_BUFFER_LIST NetBufferList, ULONG Flags)
{
    VERIFY_ENTER(NdisOffloadTcpDisconnect);
    return chimney_data_submit(NdisOffloadHandle, CHIMNEY_DISCONNECT, NetBufferList, Flags);
}

NTAPI VOID
NdisOffloadTcpReceiveReturn(NDIS_HANDLE NdisBindingHandle, PNET_BUFFER_LIST NetBufferList)
{
    VERIFY_ENTER(NdisOffloadTcpReceiveReturn);
    chimney_receive_return(binding_from(NdisBindingHandle, "NdisOffloadTcpReceiveReturn"), NetBufferList);
}

NTAPI NDIS_STATUS
NdisMGetOffloadHandlers(NDIS_HANDLE NdisMiniportHandle, NDIS_CHIMNEY_OFFLOAD_TYPE ChimneyType,
                        PNDIS_OFFLOAD_EVENT_HANDLERS *OffloadHandlers)
{
    VERIFY_ENTER(NdisMGetOffloadHandlers);
    return chimney_handlers(adapter_from(NdisMiniportHandle, "NdisMGetOffloadHandlers"), ChimneyType, OffloadHandlers);
}

NTAPI VOID
NdisMInitiateOffloadComplete(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList)
{
    VERIFY_ENTER(NdisMInitiateOffloadComplete);
    chimney_state_done(adapter_from(NdisMiniportHandle, "NdisMInitiateOffloadComplete"), CHIMNEY_INITIATE, OffloadBlockList);
}

NTAPI VOID
NdisMTerminateOffloadComplete(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList)
{
    VERIFY_ENTER(NdisMTerminateOffloadComplete);
    chimney_state_done(adapter_from(NdisMiniportHandle, "NdisMTerminateOffloadComplete"), CHIMNEY_TERMINATE, OffloadBlockList);
}

NTAPI VOID
NdisMUpdateOffloadComplete(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList)
{
    VERIFY_ENTER(NdisMUpdateOffloadComplete);
    chimney_state_done(adapter_from(NdisMiniportHandle, "NdisMUpdateOffloadComplete"), CHIMNEY_UPDATE, OffloadBlockList);
}

NTAPI VOID
NdisMInvalidateOffloadComplete(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList)
{
    VERIFY_ENTER(NdisMInvalidateOffloadComplete);
    chimney_state_done(adapter_from(NdisMiniportHandle, "NdisMInvalidateOffloadComplete"), CHIMNEY_INVALIDATE, OffloadBlockList);
}

NTAPI VOID
NdisMQueryOffloadStateComplete(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList)
{
    VERIFY_ENTER(NdisMQueryOffloadStateComplete);
    chimney_state_done(adapter_from(NdisMiniportHandle, "NdisMQueryOffloadStateComplete"), CHIMNEY_QUERY, OffloadBlockList);
}

NTAPI VOID
NdisMOffloadEventIndicate(NDIS_HANDLE NdisMiniportHandle, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST OffloadBlockList, ULONG IndicationCode)
{
    VERIFY_ENTER(NdisMOffloadEventIndicate);
    chimney_indicate(adapter_from(NdisMiniportHandle, "NdisMOffloadEventIndicate"), OffloadBlockList, IndicationCode);
}
