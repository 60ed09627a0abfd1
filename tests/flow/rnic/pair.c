// SPDX-License-Identifier: MIT
// See pair.h.
#include "pair.h"

struct pair pair;

void
pair_make(void)
{
    memset(&pair, 0, sizeof pair);
    pair.cq_a = stage_cq(64, &pair.told_a);
    pair.cq_b = stage_cq(64, &pair.told_b);
    pair.pd_a = stage_pd();
    pair.pd_b = stage_pd();
    pair.a = stage_qp(pair.pd_a, pair.cq_a, PAIR_DEPTH, 4, PAIR_INLINE_BYTES);
    pair.b = stage_qp(pair.pd_b, pair.cq_b, PAIR_DEPTH, 4, PAIR_INLINE_BYTES);
}

void
pair_join(void)
{
    pair_make();
    stage_join(pair.a, pair.b);
}

NTSTATUS
pair_send(NDK_SGE sge, ULONG flags, uintptr_t context)
{
    return pair.a->Dispatch->NdkSend(pair.a, (PVOID)context, &sge, 1, flags);
}

NTSTATUS
pair_write(NDK_SGE sge, uint64_t address, uint32_t token, ULONG flags, uintptr_t context)
{
    return pair.a->Dispatch->NdkWrite(pair.a, (PVOID)context, &sge, 1, address, token, flags);
}

NTSTATUS
pair_read(NDK_SGE sge, uint64_t address, uint32_t token, ULONG flags, uintptr_t context)
{
    return pair.a->Dispatch->NdkRead(pair.a, (PVOID)context, &sge, 1, address, token, flags);
}

void
pair_receive(NDK_SGE sge, uintptr_t context)
{
    ck_assert_int_eq(pair.b->Dispatch->NdkReceive(pair.b, (PVOID)context, &sge, 1), STATUS_SUCCESS);
}

struct pages
pages_of(struct buffer *buffer)
{
    struct pages pages = {0};
    ULONG bytes = 0;
    const NDK_ADAPTER_DISPATCH *dispatch = st.adapter->Dispatch;
    ck_assert_int_eq(dispatch->NdkBuildLAM(st.adapter, buffer->mdl, buffer->count, stage_on_request, NULL, NULL, &bytes, &pages.fbo),
                     STATUS_BUFFER_TOO_SMALL);
    pages.lam = ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, 'tset');
    ck_assert_ptr_nonnull(pages.lam);
    NTSTATUS status =
        dispatch->NdkBuildLAM(st.adapter, buffer->mdl, buffer->count, stage_on_request, NULL, pages.lam, &bytes, &pages.fbo);
    ck_assert_int_eq(stage_status(status), STATUS_SUCCESS);
    return pages;
}

void
pages_free(struct pages *pages)
{
    st.adapter->Dispatch->NdkReleaseLAM(st.adapter, pages->lam);
    ExFreePoolWithTag(pages->lam, 'tset');
}

NDK_MR *
fast_mr(NDK_PD *pd, ULONG pages, bool is_remote)
{
    NDK_MR *mr = stage_mr(pd, true);
    NTSTATUS status = mr->Dispatch->NdkInitializeFastRegisterMr(mr, pages, is_remote, stage_on_request, NULL);
    ck_assert_int_eq(stage_status(status), STATUS_SUCCESS);
    return mr;
}
