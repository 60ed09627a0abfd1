// SPDX-License-Identifier: MIT
// Shared receive queues: two QPs that take receives of one.
#include "pair.h"

static struct told told;

static NDK_SRQ *
make_all(NDK_PD *pd, ULONG depth, ULONG max_sges, ULONG threshold)
{
    NDK_SRQ *srq = NULL;
    memset(&told, 0, sizeof told);
    NTSTATUS status = pd->Dispatch->NdkCreateSrq(pd, depth, max_sges, threshold, stage_on_notify, &told, NULL, stage_on_create, NULL, &srq);
    if (status == STATUS_PENDING) {
        stage_until(&st.creates, 1);
        st.creates = 0;
        srq = (NDK_SRQ *)st.created;
        status = st.create_status;
    }
    ck_assert_int_eq(status, STATUS_SUCCESS);
    st.objects[st.n_objects++] = &srq->Header;
    return srq;
}

static NDK_SRQ *
make(NDK_PD *pd, ULONG depth, ULONG threshold)
{
    return make_all(pd, depth, 2, threshold);
}

static NDK_QP *
qp_over(NDK_PD *pd, NDK_CQ *cq, NDK_SRQ *srq)
{
    NDK_QP *qp = NULL;
    NTSTATUS status = pd->Dispatch->NdkCreateQpWithSrq(pd, cq, cq, srq, &st, 8, 2, 16, stage_on_create, NULL, &qp);
    if (status == STATUS_PENDING) {
        stage_until(&st.creates, 1);
        st.creates = 0;
        qp = (NDK_QP *)st.created;
        status = st.create_status;
    }
    ck_assert_int_eq(status, STATUS_SUCCESS);
    st.objects[st.n_objects++] = &qp->Header;
    return qp;
}

static NTSTATUS
post(NDK_SRQ *srq, NDK_SGE sge, uintptr_t context)
{
    return srq->Dispatch->NdkSrqReceive(srq, (PVOID)context, &sge, 1);
}

static NTSTATUS
modify(NDK_SRQ *srq, ULONG depth, ULONG threshold)
{
    return stage_status(srq->Dispatch->NdkModifySrq(srq, depth, threshold, stage_on_request, NULL));
}

static NTSTATUS
send_from(NDK_QP *qp, NDK_SGE sge, uintptr_t context)
{
    return qp->Dispatch->NdkSend(qp, (PVOID)context, &sge, 1, 0);
}

static void
create_body(void)
{
    NDK_PD *pd = stage_pd();
    NDK_SRQ *srq = NULL;
    const NDK_PD_DISPATCH *d = pd->Dispatch;
    ck_assert_int_eq(d->NdkCreateSrq(pd, 0, 1, 0, NULL, NULL, NULL, stage_on_create, NULL, &srq), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(d->NdkCreateSrq(pd, RDMA_QUEUE_DEPTH_MAX + 1, 1, 0, NULL, NULL, NULL, stage_on_create, NULL, &srq),
                     STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(d->NdkCreateSrq(pd, 1, RDMA_SGES_MAX + 1, 0, NULL, NULL, NULL, stage_on_create, NULL, &srq), STATUS_INVALID_PARAMETER);
    ck_assert_ptr_null(srq);
    stage_close(make(pd, RDMA_QUEUE_DEPTH_MAX, 0));
    srq = make_all(pd, 3, RDMA_SGES_MAX, 0);
    struct buffer to = stage_buffer(10, pd, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    NDK_SGE sges[RDMA_SGES_MAX];
    for (unsigned i = 0; i < RDMA_SGES_MAX; i++)
        sges[i] = stage_sge(&to, 0, 10);
    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(srq->Dispatch->NdkSrqReceive(srq, NULL, sges, RDMA_SGES_MAX), STATUS_SUCCESS);
    ck_assert_int_eq(srq->Dispatch->NdkSrqReceive(srq, NULL, sges, 1), STATUS_INSUFFICIENT_RESOURCES);
    stage_buffer_free(&to);
}

TEST(NdkCreateSrq_says_each_documented_status)
{
    stage_run(1, create_body);
    st.pends = true;
    stage_run(1, create_body);
}

static void
qp_body(void)
{
    NDK_PD *pd = stage_pd(), *other = stage_pd();
    NDK_CQ *cq = stage_cq(4, NULL);
    NDK_SRQ *srq = make(pd, 4, 0);
    NDK_QP *qp = NULL;
    const NDK_PD_DISPATCH *d = pd->Dispatch;
    ck_assert_int_eq(d->NdkCreateQpWithSrq(pd, NULL, cq, srq, NULL, 1, 1, 0, stage_on_create, NULL, &qp), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(d->NdkCreateQpWithSrq(pd, cq, NULL, srq, NULL, 1, 1, 0, stage_on_create, NULL, &qp), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(d->NdkCreateQpWithSrq(pd, cq, cq, NULL, NULL, 1, 1, 0, stage_on_create, NULL, &qp), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(other->Dispatch->NdkCreateQpWithSrq(other, cq, cq, srq, NULL, 1, 1, 0, stage_on_create, NULL, &qp),
                     STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(d->NdkCreateQpWithSrq(pd, cq, cq, srq, NULL, RDMA_QUEUE_DEPTH_MAX + 1, 1, 0, stage_on_create, NULL, &qp),
                     STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(d->NdkCreateQpWithSrq(pd, cq, cq, srq, NULL, 1, RDMA_SGES_MAX + 1, 0, stage_on_create, NULL, &qp),
                     STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(d->NdkCreateQpWithSrq(pd, cq, cq, srq, NULL, 1, 1, RDMA_INLINE_BYTES_MAX + 1, stage_on_create, NULL, &qp),
                     STATUS_INVALID_PARAMETER);
    ck_assert_ptr_null(qp);
    qp = qp_over(pd, cq, srq);
    ck_assert_int_eq(qp->Dispatch->NdkReceive(qp, NULL, NULL, 0), STATUS_INVALID_DEVICE_REQUEST);
}

TEST(NdkCreateQpWithSrq_says_each_documented_status)
{
    stage_run(1, qp_body);
    st.pends = true;
    stage_run(1, qp_body);
}

// Its receives are the SRQ's, their results its own receive CQ's with its own context; its requests are as another QP's.
static void
over_body(void)
{
    pair_make();
    NDK_SRQ *srq = make(pair.pd_b, 4, 0);
    NDK_CQ *cq_receive = stage_cq(4, NULL);
    NDK_QP *qp = NULL;
    NTSTATUS status =
        pair.pd_b->Dispatch->NdkCreateQpWithSrq(pair.pd_b, cq_receive, pair.cq_b, srq, &st, 2, 1, 16, stage_on_create, NULL, &qp);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    stage_keep(qp);
    struct buffer from = stage_buffer(20, pair.pd_a, NDK_MR_FLAG_ALLOW_LOCAL_WRITE), to = stage_buffer(20, pair.pd_b, 1);
    NDK_SGE sge = stage_sge(&from, 0, 20), two[2] = {stage_sge(&to, 0, 10), stage_sge(&to, 10, 10)};
    stage_join(pair.a, qp);
    ck_assert_int_eq(post(srq, stage_sge(&to, 0, 20), 1), STATUS_SUCCESS);
    ck_assert_int_eq(pair_send(sge, 0, 2), STATUS_SUCCESS);
    ck_assert_uint_eq(stage_result(cq_receive, STATUS_SUCCESS, NdkOperationTypeReceive, 1).BytesTransferred, 20);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 2);
    for (uintptr_t i = 0; i < 2; i++)
        ck_assert_int_eq(pair.a->Dispatch->NdkReceive(pair.a, (PVOID)i, &sge, 1), STATUS_SUCCESS);
    ck_assert_int_eq(qp->Dispatch->NdkSend(qp, NULL, two, 2, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(qp->Dispatch->NdkSend(qp, NULL, two, 2, NDK_OP_FLAG_INLINE), STATUS_INVALID_PARAMETER);
    st.holds_acks = true;
    for (uintptr_t i = 0; i < 2; i++)
        ck_assert_int_eq(qp->Dispatch->NdkSend(qp, (PVOID)i, two, 1, NDK_OP_FLAG_INLINE), STATUS_SUCCESS);
    ck_assert_int_eq(qp->Dispatch->NdkSend(qp, NULL, two, 1, 0), STATUS_INSUFFICIENT_RESOURCES);
    stage_acks();
    for (uintptr_t i = 0; i < 2; i++) {
        stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeSend, i);
        stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeReceive, i);
    }
    stage_part(qp);
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(NdkCreateQpWithSrq_makes_a_QP_whose_receives_are_the_SRQs)
{
    EACH_SEED(over_body);
}

static void
shared_body(void)
{
    pair_make();
    NDK_SRQ *srq = make(pair.pd_b, 8, 0);
    NDK_CQ *cq_c = stage_cq(16, NULL);
    NDK_QP *b = qp_over(pair.pd_b, pair.cq_b, srq), *c = qp_over(pair.pd_b, cq_c, srq);
    NDK_QP *a = stage_qp(pair.pd_a, pair.cq_a, 8, 2, 0);
    struct buffer from = stage_buffer(3000, pair.pd_a, 0), to = stage_buffer(8000, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    stage_join(pair.a, b);
    stage_join(a, c);
    for (unsigned i = 0; i < 8; i++)
        ck_assert_int_eq(post(srq, stage_sge(&to, i * 1000, 1000), 10 + i), STATUS_SUCCESS);
    ck_assert_int_eq(post(srq, stage_sge(&to, 0, 1000), 99), STATUS_INSUFFICIENT_RESOURCES);
    for (unsigned i = 0; i < 4; i++) {    // by turns; each takes the next
        ck_assert_int_eq(pair_send(stage_sge(&from, i * 10, 900), 0, 1), STATUS_SUCCESS);
        stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 10 + 2 * i);
        ck_assert_int_eq(send_from(a, stage_sge(&from, i * 20, 1000), 2), STATUS_SUCCESS);
        stage_result(cq_c, STATUS_SUCCESS, NdkOperationTypeReceive, 11 + 2 * i);
        ck_assert_mem_eq(to.bytes + 2000 * i, from.bytes + i * 10, 900);
        ck_assert_mem_eq(to.bytes + 2000 * i + 1000, from.bytes + i * 20, 1000);
    }
    // One that is refused takes no place.
    ck_assert_int_eq(post(srq, stage_sge(&to, 7999, 2), 1), STATUS_ACCESS_VIOLATION);
    ck_assert_int_eq(post(srq, stage_sge(&from, 0, 2), 1), STATUS_ACCESS_VIOLATION);
    NDK_SGE three[3] = {stage_sge(&to, 0, 1), stage_sge(&to, 0, 1), stage_sge(&to, 0, 1)};
    ck_assert_int_eq(srq->Dispatch->NdkSrqReceive(srq, NULL, three, 3), STATUS_INVALID_PARAMETER);
    // A flush of one QP leaves the receives to the other.
    ck_assert_int_eq(post(srq, stage_sge(&to, 0, 1000), 30), STATUS_SUCCESS);
    b->Dispatch->NdkFlush(b);
    stage_no_result(pair.cq_b);
    ck_assert_int_eq(send_from(a, stage_sge(&from, 0, 5), 3), STATUS_SUCCESS);
    ck_assert_uint_eq(stage_result(cq_c, STATUS_SUCCESS, NdkOperationTypeReceive, 30).BytesTransferred, 5);
    stage_part(a);
    stage_part(pair.a);
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(NdkSrqReceive_gives_the_next_receive_to_whichever_QP_needs_it)
{
    EACH_SEED(shared_body);
}

static void
threshold_body(void)
{
    pair_make();
    NDK_SRQ *srq = make(pair.pd_b, 8, 3);
    NDK_QP *b = qp_over(pair.pd_b, pair.cq_b, srq);
    struct buffer from = stage_buffer(10, pair.pd_a, 0), to = stage_buffer(10, pair.pd_b, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    stage_join(pair.a, b);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_int_eq(post(srq, stage_sge(&to, 0, 10), i), STATUS_SUCCESS);
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, 10), 0, 1), STATUS_SUCCESS);
    stage_wait(1000);
    ck_assert_uint_eq(told.count, 0);     // three are left
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, 10), 0, 1), STATUS_SUCCESS);
    stage_until(&told.count, 1);
    ck_assert_int_eq(told.status, STATUS_SUCCESS);
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, 10), 0, 1), STATUS_SUCCESS);
    stage_wait(1000);
    ck_assert_uint_eq(told.count, 1);     // disarmed
    ck_assert_int_eq(modify(srq, 0, 0), STATUS_SUCCESS);
    stage_wait(1000);
    ck_assert_uint_eq(told.count, 1);
    ck_assert_int_eq(modify(srq, 0, 2), STATUS_SUCCESS);        // below it already
    stage_until(&told.count, 2);
    ck_assert_int_eq(modify(srq, 0, 1), STATUS_SUCCESS);
    stage_wait(1000);
    ck_assert_uint_eq(told.count, 2);
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, 10), 0, 1), STATUS_SUCCESS);
    stage_until(&told.count, 3);
    stage_part(pair.a);
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST(NdkSrqNotificationCallback_comes_once_when_the_receives_fall_below_the_threshold)
{
    EACH_SEED(threshold_body);
}

static void
depth_body(void)
{
    NDK_PD *pd = stage_pd();
    NDK_SRQ *srq = make(pd, 2, 0);
    struct buffer to = stage_buffer(10, pd, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    static const struct {
        ULONG depth, posts;
        NTSTATUS status;
    } steps[] = {
        {0, 2, STATUS_SUCCESS}, {5, 5, STATUS_SUCCESS}, {4, 5, STATUS_INVALID_PARAMETER}, {6, 6, STATUS_SUCCESS},
        {RDMA_QUEUE_DEPTH_MAX + 1, 6, STATUS_INVALID_PARAMETER},
    };
    ULONG posted = 0;
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        ck_assert_int_eq(modify(srq, steps[i].depth, 0), steps[i].status);
        for (; posted < steps[i].posts; posted++)
            ck_assert_int_eq(post(srq, stage_sge(&to, 0, 10), posted), STATUS_SUCCESS);
        ck_assert_int_eq(post(srq, stage_sge(&to, 0, 10), 99), STATUS_INSUFFICIENT_RESOURCES);
    }
    stage_close(srq);
    srq = make(pd, 9, 0);                 // smaller, then larger again: the same slots
    ck_assert_int_eq(modify(srq, 3, 0), STATUS_SUCCESS);
    for (posted = 0; posted < 3; posted++)
        ck_assert_int_eq(post(srq, stage_sge(&to, 0, 10), posted), STATUS_SUCCESS);
    ck_assert_int_eq(post(srq, stage_sge(&to, 0, 10), 99), STATUS_INSUFFICIENT_RESOURCES);
    ck_assert_int_eq(modify(srq, 12, 0), STATUS_SUCCESS);
    for (; posted < 12; posted++)
        ck_assert_int_eq(post(srq, stage_sge(&to, 0, 10), posted), STATUS_SUCCESS);
    ck_assert_int_eq(post(srq, stage_sge(&to, 0, 10), 99), STATUS_INSUFFICIENT_RESOURCES);
    stage_close(srq);                     // with receives that nobody took
    stage_buffer_free(&to);
}

TEST(NdkModifySrq_sets_the_depth)
{
    EACH_SEED(depth_body);
    st.pends = true;
    EACH_SEED(depth_body);
}
