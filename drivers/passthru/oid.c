// SPDX-License-Identifier: MIT
// OID requests on their way through. The request that came in stays ours; a clone of it goes down, and when the clone's answer comes the
// original gets it. [network/responding-to-sets-and-queries-in-an-intermediate-driver]
//   passthru_oid -> clone, down -> answered at once -> results into the original, return
//                               -> PENDING ... passthru_oid_complete -> results -> NdisMOidRequestComplete
// Direct requests go the same way by their own doors. A synchronous one cannot pend: it is asked again below, on the stack.
// A cancel names requests by RequestId, which the clone has from the original, so it needs no look at either.
// Setting the power state is between NDIS and this virtual miniport; the adapter below is told by NDIS itself
// [network/handling-oid-pnp-xxx-queries-and-sets]. What shall wake it goes on to an adapter that can be woken; from one that cannot NDIS
// would only hear that it does not know the request, and the virtual miniport could never sleep.
#include "passthru.h"

// SourceReserved of a clone is ours.
#define oid_original(clone) (*(NDIS_OID_REQUEST **)(clone)->SourceReserved)

static void
oid_results(NDIS_OID_REQUEST *original, const NDIS_OID_REQUEST *clone)
{
    switch (clone->RequestType) {
    case NdisRequestMethod:
        original->DATA.METHOD_INFORMATION.OutputBufferLength = clone->DATA.METHOD_INFORMATION.OutputBufferLength;
        original->DATA.METHOD_INFORMATION.BytesRead = clone->DATA.METHOD_INFORMATION.BytesRead;
        original->DATA.METHOD_INFORMATION.BytesNeeded = clone->DATA.METHOD_INFORMATION.BytesNeeded;
        original->DATA.METHOD_INFORMATION.BytesWritten = clone->DATA.METHOD_INFORMATION.BytesWritten;
        break;
    case NdisRequestSetInformation:
        original->DATA.SET_INFORMATION.BytesRead = clone->DATA.SET_INFORMATION.BytesRead;
        original->DATA.SET_INFORMATION.BytesNeeded = clone->DATA.SET_INFORMATION.BytesNeeded;
        break;
    default:
        original->DATA.QUERY_INFORMATION.BytesWritten = clone->DATA.QUERY_INFORMATION.BytesWritten;
        original->DATA.QUERY_INFORMATION.BytesNeeded = clone->DATA.QUERY_INFORMATION.BytesNeeded;
        break;
    }
}

static NDIS_OID_REQUEST *
oid_end(struct passthru *self, NDIS_OID_REQUEST *clone)
{
    NDIS_OID_REQUEST *original = oid_original(clone);
    oid_results(original, clone);
    NdisFreeCloneOidRequest(self->binding, clone);
    return original;
}

// ask: NdisOidRequest or NdisDirectOidRequest.
static NDIS_STATUS
oid_down(struct passthru *self, NDIS_OID_REQUEST *request, NTAPI NDIS_STATUS (*ask)(NDIS_HANDLE, PNDIS_OID_REQUEST))
{
    NDIS_OID_REQUEST *clone;
    if (!ExAcquireRundownProtection(&self->requests))
        return NDIS_STATUS_ADAPTER_NOT_READY;
    NDIS_STATUS status = NdisAllocateCloneOidRequest(self->binding, request, PASSTHRU_TAG, &clone);
    if (status == NDIS_STATUS_SUCCESS) {
        oid_original(clone) = request;
        clone->RequestId = request->RequestId;
        status = ask(self->binding, clone);
        if (status == NDIS_STATUS_PENDING)
            return status;                    // its completion has it, or will
        oid_end(self, clone);
    }
    ExReleaseRundownProtection(&self->requests);
    return status;
}

// NDIS has compared what is to be enabled with our capabilities.
static BOOLEAN
oid_power_is_ours(const struct passthru *self)
{
    const NDIS_PM_CAPABILITIES *can = self->below.PowerManagementCapabilitiesEx;
    return !can || (!can->SupportedWoLPacketPatterns && !can->SupportedProtocolOffloads && !can->MediaSpecificWakeUpEvents);
}

NDIS_STATUS
passthru_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    NDIS_OID oid = request->DATA.QUERY_INFORMATION.Oid;   // the same place in all of them
    if (oid == OID_PM_PARAMETERS && request->RequestType == NdisRequestSetInformation && oid_power_is_ours(context)) {
        request->DATA.SET_INFORMATION.BytesRead = request->DATA.SET_INFORMATION.InformationBufferLength;
        return NDIS_STATUS_SUCCESS;
    }
    if (oid == OID_PNP_SET_POWER || oid == OID_PNP_QUERY_POWER)
        return NDIS_STATUS_SUCCESS;
    return oid_down(context, request, NdisOidRequest);
}

NDIS_STATUS
passthru_direct_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    return oid_down(context, request, NdisDirectOidRequest);
}

NDIS_STATUS
passthru_synchronous_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    struct passthru *self = context;
    NDIS_OID_REQUEST below = {.Header = request->Header,
                              .RequestType = request->RequestType,
                              .PortNumber = request->PortNumber,
                              .Timeout = request->Timeout,
                              .RequestId = request->RequestId,
                              .DATA = request->DATA};
    if (!ExAcquireRundownProtection(&self->requests))
        return NDIS_STATUS_ADAPTER_NOT_READY;
    NDIS_STATUS status = NdisSynchronousOidRequest(self->binding, &below);
    oid_results(request, &below);
    ExReleaseRundownProtection(&self->requests);
    return status;
}

VOID
passthru_direct_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST clone, NDIS_STATUS status)
{
    struct passthru *self = context;
    NdisMDirectOidRequestComplete(self->miniport, oid_end(self, clone), status);
    ExReleaseRundownProtection(&self->requests);
}

VOID
passthru_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST clone, NDIS_STATUS status)
{
    struct passthru *self = context;
    if (clone == &self->request) {
        self->answer = status;
        KeSetEvent(&self->answered, IO_NO_INCREMENT, FALSE);
        return;
    }
    NdisMOidRequestComplete(self->miniport, oid_end(self, clone), status);
    ExReleaseRundownProtection(&self->requests);
}

VOID
passthru_cancel_oid(NDIS_HANDLE context, PVOID request_id)
{
    struct passthru *self = context;
    NdisCancelOidRequest(self->binding, request_id);
}

VOID
passthru_cancel_direct_oid(NDIS_HANDLE context, PVOID request_id)
{
    struct passthru *self = context;
    NdisCancelDirectOidRequest(self->binding, request_id);
}

NDIS_STATUS
passthru_query(struct passthru *self, NDIS_OID oid, void *buffer, ULONG bytes, ULONG *needed)
{
    NDIS_OID_REQUEST *request = &self->request;
    NdisZeroMemory(request, sizeof *request);
    request->Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1};
    request->RequestType = NdisRequestQueryInformation;
    request->DATA.QUERY_INFORMATION.Oid = oid;
    request->DATA.QUERY_INFORMATION.InformationBuffer = buffer;
    request->DATA.QUERY_INFORMATION.InformationBufferLength = bytes;
    KeInitializeEvent(&self->answered, NotificationEvent, FALSE);
    NDIS_STATUS status = NdisOidRequest(self->binding, request);
    if (status == NDIS_STATUS_PENDING) {
        KeWaitForSingleObject(&self->answered, Executive, KernelMode, FALSE, NULL);
        status = self->answer;
    }
    *needed = request->DATA.QUERY_INFORMATION.BytesNeeded;
    return status;
}
