// SPDX-License-Identifier: MIT
// Front doors of synchronous OID requests. [ndis/nf-ndis-ndissynchronousoidrequest], [ndis/nf-ndis-ndisfsynchronousoidrequest]
#include "ndis/oid.h"
#include "verify/verify.h"

NTAPI NDIS_STATUS
NdisSynchronousOidRequest(NDIS_HANDLE NdisBindingHandle, NDIS_OID_REQUEST *OidRequest)
{
    VERIFY_ENTER(NdisSynchronousOidRequest);
    return ndis_sync_oid_submit(ndis_handle_check(NdisBindingHandle, NDIS_KIND_BINDING, "NdisSynchronousOidRequest"), OidRequest);
}

NTAPI NDIS_STATUS
NdisFSynchronousOidRequest(NDIS_HANDLE NdisFilterModuleHandle, NDIS_OID_REQUEST *OidRequest)
{
    VERIFY_ENTER(NdisFSynchronousOidRequest);
    return ndis_sync_oid_submit(ndis_handle_check(NdisFilterModuleHandle, NDIS_KIND_FILTER, "NdisFSynchronousOidRequest"), OidRequest);
}
