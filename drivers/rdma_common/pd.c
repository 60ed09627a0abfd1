// SPDX-License-Identifier: MIT
// Protection domains: regions, windows, queues and QPs of one belong together.
#include "objects.h"

static VOID
pd_free(struct rdma_object *object)
{
    rdma_free(CONTAINING_RECORD(object, struct rdma_pd, object));
}

static NTAPI VOID
privileged_token(NDK_PD *pd, UINT32 *token)
{
    UNREFERENCED_PARAMETER(pd);
    *token = RDMA_TOKEN_PRIVILEGED;
}

static const NDK_PD_DISPATCH pd_dispatch = {
    .NdkClosePd = rdma_close,
    .NdkQueryExtension = rdma_query_extension,
    .NdkCreateMr = rdma_create_mr,
    .NdkCreateMw = rdma_create_mw,
    .NdkCreateSrq = rdma_create_srq,
    .NdkCreateQp = rdma_create_qp,
    .NdkCreateQpWithSrq = rdma_create_qp_with_srq,
    .NdkGetPrivilegedMemoryRegionToken = privileged_token,
};
static const struct rdma_type pd_type = {.type = NdkObjectTypePd, .dispatch = &pd_dispatch, .on_free = pd_free};

NTAPI NTSTATUS
rdma_create_pd(NDK_ADAPTER *object, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_PD **made)
{
    struct rdma_adapter *adapter = rdma_adapter_of(object);
    struct rdma_pd *pd = rdma_alloc(sizeof *pd);
    struct rdma_call call;
    if (!pd)
        return STATUS_INSUFFICIENT_RESOURCES;
    rdma_enter(adapter->object.rdma, &call);
    rdma_object_init(&pd->object, &pd_type, &adapter->object);
    rdma_leave(adapter->object.rdma, &call);
    return rdma_object_made(&pd->object, completion, context, (PVOID *)made);
}
