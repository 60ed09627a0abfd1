// SPDX-License-Identifier: MIT
// Front doors of direct OID requests. [ndis/nf-ndis-ndisdirectoidrequest] and kin
#include "ndis/oid.h"
#include "verify/verify.h"

static struct ndis_module *
module_from(NDIS_HANDLE handle, enum ndis_kind kind, const char *function)
{
    return ndis_handle_check(handle, kind, function);
}

NTAPI NDIS_STATUS
NdisDirectOidRequest(NDIS_HANDLE NdisBindingHandle, PNDIS_OID_REQUEST OidRequest)
{
    VERIFY_ENTER(NdisDirectOidRequest);
    return ndis_direct_oid_submit(module_from(NdisBindingHandle, NDIS_KIND_BINDING, "NdisDirectOidRequest"), OidRequest);
}

NTAPI VOID
NdisCancelDirectOidRequest(NDIS_HANDLE NdisBindingHandle, PVOID RequestId)
{
    VERIFY_ENTER(NdisCancelDirectOidRequest);
    ndis_direct_oid_cancel(module_from(NdisBindingHandle, NDIS_KIND_BINDING, "NdisCancelDirectOidRequest"), RequestId);
}

NTAPI NDIS_STATUS
NdisFDirectOidRequest(NDIS_HANDLE NdisFilterHandle, PNDIS_OID_REQUEST OidRequest)
{
    VERIFY_ENTER(NdisFDirectOidRequest);
    return ndis_direct_oid_submit(module_from(NdisFilterHandle, NDIS_KIND_FILTER, "NdisFDirectOidRequest"), OidRequest);
}

NTAPI VOID
NdisFDirectOidRequestComplete(NDIS_HANDLE NdisFilterHandle, PNDIS_OID_REQUEST OidRequest, NDIS_STATUS Status)
{
    VERIFY_ENTER(NdisFDirectOidRequestComplete);
    ndis_direct_oid_complete(module_from(NdisFilterHandle, NDIS_KIND_FILTER, "NdisFDirectOidRequestComplete"), OidRequest, Status);
}

NTAPI VOID
NdisFCancelDirectOidRequest(NDIS_HANDLE NdisFilterHandle, PVOID RequestId)
{
    VERIFY_ENTER(NdisFCancelDirectOidRequest);
    ndis_direct_oid_cancel(module_from(NdisFilterHandle, NDIS_KIND_FILTER, "NdisFCancelDirectOidRequest"), RequestId);
}

NTAPI VOID
NdisMDirectOidRequestComplete(NDIS_HANDLE MiniportAdapterHandle, PNDIS_OID_REQUEST OidRequest, NDIS_STATUS Status)
{
    VERIFY_ENTER(NdisMDirectOidRequestComplete);
    ndis_direct_oid_complete(module_from(MiniportAdapterHandle, NDIS_KIND_ADAPTER, "NdisMDirectOidRequestComplete"), OidRequest, Status);
}
