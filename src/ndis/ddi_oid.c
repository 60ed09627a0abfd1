// SPDX-License-Identifier: MIT
// Front doors of OID requests, for protocols, filters and miniports. [ndis/nf-ndis-ndisoidrequest] and kin
// Direct requests have their own, ddi_oid_direct.c.
#include "ndis/oid.h"
#include "nt/ex/fault.h"
#include "verify/verify.h"

static struct ndis_module *
module_from(NDIS_HANDLE handle, enum ndis_kind kind, const char *function)
{
    return ndis_handle_check(handle, kind, function);
}

NTAPI NDIS_STATUS
NdisOidRequest(NDIS_HANDLE NdisBindingHandle, PNDIS_OID_REQUEST OidRequest)
{
    VERIFY_ENTER(NdisOidRequest);
    return ndis_oid_submit(module_from(NdisBindingHandle, NDIS_KIND_BINDING, "NdisOidRequest"), OidRequest);
}

NTAPI VOID
NdisCancelOidRequest(NDIS_HANDLE NdisBindingHandle, PVOID RequestId)
{
    VERIFY_ENTER(NdisCancelOidRequest);
    ndis_oid_cancel(module_from(NdisBindingHandle, NDIS_KIND_BINDING, "NdisCancelOidRequest"), RequestId);
}

NTAPI NDIS_STATUS
NdisFOidRequest(NDIS_HANDLE NdisFilterHandle, PNDIS_OID_REQUEST OidRequest)
{
    VERIFY_ENTER(NdisFOidRequest);
    return ndis_oid_submit(module_from(NdisFilterHandle, NDIS_KIND_FILTER, "NdisFOidRequest"), OidRequest);
}

NTAPI VOID
NdisFOidRequestComplete(NDIS_HANDLE NdisFilterHandle, PNDIS_OID_REQUEST OidRequest, NDIS_STATUS Status)
{
    VERIFY_ENTER(NdisFOidRequestComplete);
    ndis_oid_complete(module_from(NdisFilterHandle, NDIS_KIND_FILTER, "NdisFOidRequestComplete"), OidRequest, Status);
}

NTAPI VOID
NdisFCancelOidRequest(NDIS_HANDLE NdisFilterHandle, PVOID RequestId)
{
    VERIFY_ENTER(NdisFCancelOidRequest);
    ndis_oid_cancel(module_from(NdisFilterHandle, NDIS_KIND_FILTER, "NdisFCancelOidRequest"), RequestId);
}

NTAPI VOID
NdisMOidRequestComplete(NDIS_HANDLE MiniportAdapterHandle, PNDIS_OID_REQUEST OidRequest, NDIS_STATUS Status)
{
    VERIFY_ENTER(NdisMOidRequestComplete);
    ndis_oid_complete(module_from(MiniportAdapterHandle, NDIS_KIND_ADAPTER, "NdisMOidRequestComplete"), OidRequest, Status);
}

NTAPI NDIS_STATUS
NdisAllocateCloneOidRequest(NDIS_HANDLE SourceHandle, PNDIS_OID_REQUEST Request, UINT PoolTag, PNDIS_OID_REQUEST *CloneRequest)
{
    VERIFY_ENTER(NdisAllocateCloneOidRequest);
    *CloneRequest = NULL;
    if (!ndis_oid_clones_for(SourceHandle))
        return NDIS_STATUS_INVALID_PARAMETER;
    *CloneRequest = EX_FAULT() ? NULL : ndis_oid_clone(SourceHandle, Request);
    return *CloneRequest ? NDIS_STATUS_SUCCESS : NDIS_STATUS_RESOURCES;
}

NTAPI VOID
NdisFreeCloneOidRequest(NDIS_HANDLE SourceHandle, PNDIS_OID_REQUEST Request)
{
    VERIFY_ENTER(NdisFreeCloneOidRequest);
    ndis_oid_clone_free(Request);
}
