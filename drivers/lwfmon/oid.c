// SPDX-License-Identifier: MIT
// OID requests on their way through. A filter may not hand down the request that it was given: it hands down a clone of its own and
// answers the original when the clone's answer comes. [network/filter-module-oid-requests]
//   lwfmon_oid -> clone, down -> answered at once -> results into the original, return
//                             -> PENDING ... lwfmon_oid_complete -> results into the original -> NdisFOidRequestComplete
// A cancel names the requests by RequestId, which the clone has from the original, so it needs no look at either: the answer may be
// freeing them at this very moment.
#include "lwfmon.h"

// SourceReserved of a clone is ours.
#define oid_original(clone) (*(NDIS_OID_REQUEST **)(clone)->SourceReserved)

void
lwfmon_oid_unref(struct lwfmon_module *module)
{
    if (!InterlockedDecrement(&module->oids))
        KeSetEvent(&module->oids_gone, IO_NO_INCREMENT, FALSE);
}

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
oid_end(struct lwfmon_module *module, NDIS_OID_REQUEST *clone)
{
    NDIS_OID_REQUEST *original = oid_original(clone);
    oid_results(original, clone);
    NdisFreeCloneOidRequest(module->filter, clone);
    return original;
}

NDIS_STATUS
lwfmon_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    struct lwfmon_module *module = context;
    NDIS_OID_REQUEST *clone;
    NDIS_STATUS status = NdisAllocateCloneOidRequest(module->filter, request, LWFMON_TAG, &clone);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    oid_original(clone) = request;
    clone->RequestId = request->RequestId;
    InterlockedIncrement(&module->oids);
    status = NdisFOidRequest(module->filter, clone);
    if (status == NDIS_STATUS_PENDING)
        return status;                        // lwfmon_oid_complete has it, or will
    oid_end(module, clone);
    lwfmon_oid_unref(module);
    return status;
}

VOID
lwfmon_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST clone, NDIS_STATUS status)
{
    struct lwfmon_module *module = context;
    NdisFOidRequestComplete(module->filter, oid_end(module, clone), status);
    lwfmon_oid_unref(module);
}

VOID
lwfmon_oid_cancel(NDIS_HANDLE context, PVOID request_id)
{
    struct lwfmon_module *module = context;
    NdisFCancelOidRequest(module->filter, request_id);
}
