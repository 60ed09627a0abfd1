// SPDX-License-Identifier: MIT
// Front doors of protocol drivers: registration, bind and open, sending, returning, PnP answers.
// [ndis/nf-ndis-ndisregisterprotocoldriver] and kin
#include "ndis/protocol.h"
#include "nt/ex/fault.h"
#include "verify/refuse.h"
#include "verify/verify.h"

static struct ndis_binding *
binding_from(NDIS_HANDLE handle, const char *function)
{
    return CONTAINING_RECORD(ndis_handle_check(handle, NDIS_KIND_BINDING, function), struct ndis_binding, module);
}

NTAPI NDIS_STATUS
NdisRegisterProtocolDriver(NDIS_HANDLE ProtocolDriverContext, PNDIS_PROTOCOL_DRIVER_CHARACTERISTICS ProtocolCharacteristics,
                           PNDIS_HANDLE NdisProtocolHandle)
{
    VERIFY_ENTER(NdisRegisterProtocolDriver);
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    *NdisProtocolHandle = NULL;
    // Filled before SetOptions runs, which may use it.
    struct ndis_protocol **handle = (struct ndis_protocol **)NdisProtocolHandle;
    return ndis_protocol_register(ProtocolDriverContext, ProtocolCharacteristics, handle);
}

NTAPI VOID
NdisDeregisterProtocolDriver(NDIS_HANDLE NdisProtocolHandle)
{
    VERIFY_ENTER(NdisDeregisterProtocolDriver);
    ndis_protocol_deregister(ndis_handle_check(NdisProtocolHandle, NDIS_KIND_PROTOCOL, "NdisDeregisterProtocolDriver"));
}

NTAPI NDIS_STATUS
NdisOpenAdapterEx(NDIS_HANDLE NdisProtocolHandle, NDIS_HANDLE ProtocolBindingContext, PNDIS_OPEN_PARAMETERS OpenParameters,
                  NDIS_HANDLE BindContext, PNDIS_HANDLE NdisBindingHandle)
{
    VERIFY_ENTER(NdisOpenAdapterEx);
    bool starved = EX_FAULT();
    struct ndis_protocol *protocol = ndis_handle_check(NdisProtocolHandle, NDIS_KIND_PROTOCOL, "NdisOpenAdapterEx");
    struct ndis_bind *bind = ndis_handle_check(BindContext, NDIS_KIND_BIND, "NdisOpenAdapterEx (BindContext)");
    return ndis_binding_open(protocol, ProtocolBindingContext, OpenParameters, bind, NdisBindingHandle, starved);
}

NTAPI NDIS_STATUS
NdisCloseAdapterEx(NDIS_HANDLE NdisBindingHandle)
{
    VERIFY_ENTER(NdisCloseAdapterEx);
    return ndis_binding_close(binding_from(NdisBindingHandle, "NdisCloseAdapterEx"));
}

NTAPI VOID
NdisCompleteBindAdapterEx(NDIS_HANDLE BindAdapterContext, NDIS_STATUS Status)
{
    VERIFY_ENTER(NdisCompleteBindAdapterEx);
    ndis_bind_complete(ndis_handle_check(BindAdapterContext, NDIS_KIND_BIND, "NdisCompleteBindAdapterEx"), Status);
}

NTAPI VOID
NdisCompleteUnbindAdapterEx(NDIS_HANDLE UnbindContext)
{
    VERIFY_ENTER(NdisCompleteUnbindAdapterEx);
    ndis_unbind_complete(ndis_handle_check(UnbindContext, NDIS_KIND_UNBIND, "NdisCompleteUnbindAdapterEx"));
}

NTAPI NDIS_STATUS
NdisUnbindAdapter(NDIS_HANDLE NdisBindingHandle)
{
    VERIFY_ENTER(NdisUnbindAdapter);
    ndis_binding_unbind_request(binding_from(NdisBindingHandle, "NdisUnbindAdapter"));
    return NDIS_STATUS_SUCCESS;
}

NTAPI VOID
NdisSendNetBufferLists(NDIS_HANDLE NdisBindingHandle, PNET_BUFFER_LIST NetBufferLists, NDIS_PORT_NUMBER PortNumber, ULONG SendFlags)
{
    VERIFY_ENTER(NdisSendNetBufferLists);
    ndis_send_submit(binding_from(NdisBindingHandle, "NdisSendNetBufferLists"), NetBufferLists, PortNumber, SendFlags);
}

NTAPI VOID
NdisReturnNetBufferLists(NDIS_HANDLE NdisBindingHandle, PNET_BUFFER_LIST NetBufferLists, ULONG ReturnFlags)
{
    VERIFY_ENTER(NdisReturnNetBufferLists);
    ndis_recv_return(&binding_from(NdisBindingHandle, "NdisReturnNetBufferLists")->module, NetBufferLists, ReturnFlags);
}

NTAPI VOID
NdisCancelSendNetBufferLists(NDIS_HANDLE NdisBindingHandle, PVOID CancelId)
{
    VERIFY_ENTER(NdisCancelSendNetBufferLists);
    ndis_send_cancel(&binding_from(NdisBindingHandle, "NdisCancelSendNetBufferLists")->module, CancelId);
}

NTAPI VOID
NdisCompleteNetPnPEvent(NDIS_HANDLE NdisBindingHandle, PNET_PNP_EVENT_NOTIFICATION NetPnPEvent, NDIS_STATUS Status)
{
    VERIFY_ENTER(NdisCompleteNetPnPEvent);
    // An event for the protocol as a whole came with no binding.
    bool was_due;
    if (NdisBindingHandle)
        was_due = ndis_binding_event_complete(binding_from(NdisBindingHandle, "NdisCompleteNetPnPEvent"), NetPnPEvent, Status);
    else
        was_due = ndis_protocol_event_complete(NetPnPEvent, Status);
    if (!was_due)
        verify_contract("NdisCompleteNetPnPEvent", "this event is not pending at this binding");
}
