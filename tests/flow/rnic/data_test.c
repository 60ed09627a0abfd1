// SPDX-License-Identifier: MIT
// The data path: requests and results between two QPs that are joined.
#include <string.h>

#include "stage.h"

#define EACH_SEED(body)                        \
    for (uint64_t seed = 1; seed <= 4; seed++) \
    stage_run(seed, body)

static NDK_CQ *cq_a, *cq_b;
static NDK_PD *pd_a, *pd_b;
static NDK_QP *qp_a, *qp_b;
static struct told told_a, told_b;

static void
pair(void)
{
    memset(&told_a, 0, sizeof told_a);
    memset(&told_b, 0, sizeof told_b);
    cq_a = stage_cq(64, &told_a);
    cq_b = stage_cq(64, &told_b);
    pd_a = stage_pd();
    pd_b = stage_pd();
    qp_a = stage_qp(pd_a, cq_a, 16, 4, 64);
    qp_b = stage_qp(pd_b, cq_b, 16, 4, 64);
    stage_join(qp_a, qp_b);
}

static void
send(const NDK_SGE *sges, ULONG n, ULONG flags, uintptr_t context)
{
    ck_assert_int_eq(qp_a->Dispatch->NdkSend(qp_a, (PVOID)context, sges, n, flags), STATUS_SUCCESS);
}

static void
receive(const NDK_SGE *sges, ULONG n, uintptr_t context)
{
    ck_assert_int_eq(qp_b->Dispatch->NdkReceive(qp_b, (PVOID)context, sges, n), STATUS_SUCCESS);
}

static void
send_body(void)
{
    static const uint32_t sizes[] = {0, 1, 63, 192, 193, 1460, 5000, 65536, 1000000};
    pair();
    struct buffer from = stage_buffer(1000000, pd_a, 0), to = stage_buffer(1000001, pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memset(to.bytes, 0xEE, to.count);
        NDK_SGE out[3] = {stage_sge(&from, 0, sizes[i] / 3), stage_sge(&from, sizes[i] / 3, 0),
                          stage_sge(&from, sizes[i] / 3, sizes[i] - sizes[i] / 3)};
        NDK_SGE in[2] = {stage_sge(&to, 0, sizes[i] / 2), stage_sge(&to, sizes[i] / 2, sizes[i] - sizes[i] / 2)};
        receive(in, 2, 100 + i);
        send(out, 3, 0, 200 + i);
        NDK_RESULT_EX got = stage_result(cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 100 + i);
        ck_assert_uint_eq(got.BytesTransferred, sizes[i]);
        ck_assert_uint_eq(got.ProviderErrorCode, 0);
        stage_result(cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 200 + i);
        ck_assert_mem_eq(from.bytes, to.bytes, sizes[i]);
        ck_assert_uint_eq(to.bytes[sizes[i]], 0xEE);
    }
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(NdkSend_reaches_the_posted_receive_whatever_the_sizes_and_the_lists)
{
    EACH_SEED(send_body);
}

TEST(where_everything_pends_the_same_comes_to_pass)
{
    st.pends = true;
    EACH_SEED(send_body);
}
