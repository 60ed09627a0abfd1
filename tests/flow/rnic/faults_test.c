// SPDX-License-Identifier: MIT
// Without memory: each allocation is refused once. What fails says STATUS_INSUFFICIENT_RESOURCES, and nothing is left behind.
#include <nbx/fault.h>

#include "pair.h"

static uint64_t number;
static bool has_refused;
static unsigned failures;

static void *
made(NTSTATUS status, void *object)
{
    if (status == STATUS_PENDING) {
        stage_until(&st.creates, 1);
        st.creates = 0;
        status = st.create_status;
        object = st.created;
    }
    if (status == STATUS_INSUFFICIENT_RESOURCES) {
        failures++;
        ck_assert_ptr_null(object);
        return NULL;
    }
    ck_assert_int_eq(status, STATUS_SUCCESS);
    st.objects[st.n_objects++] = object;
    return object;
}

static bool
request(NTSTATUS status)
{
    status = stage_status(status);
    failures += status == STATUS_INSUFFICIENT_RESOURCES;
    ck_assert(status == STATUS_SUCCESS || status == STATUS_INSUFFICIENT_RESOURCES);
    return status == STATUS_SUCCESS;
}

// One of everything, made after what it needs.
static void
objects(MDL *mdl)
{
    const NDK_ADAPTER_DISPATCH *adapter = st.adapter->Dispatch;
    NDK_CQ *cq = NULL;
    NDK_PD *pd = NULL;
    NDK_MR *mr = NULL, *fast = NULL;
    NDK_MW *mw = NULL;
    NDK_SRQ *srq = NULL;
    NDK_QP *qp = NULL;
    union {
        NDK_LOGICAL_ADDRESS_MAPPING lam;
        UCHAR room[128];
    } out;
    ULONG bytes = sizeof out, fbo;
    cq = made(adapter->NdkCreateCq(st.adapter, 4, stage_on_notify, NULL, NULL, stage_on_create, NULL, &cq), cq);
    pd = made(adapter->NdkCreatePd(st.adapter, stage_on_create, NULL, &pd), pd);
    if (cq)
        request(cq->Dispatch->NdkResizeCq(cq, 9, stage_on_request, NULL));
    if (request(adapter->NdkBuildLAM(st.adapter, mdl, 5000, stage_on_request, NULL, &out.lam, &bytes, &fbo)))
        adapter->NdkReleaseLAM(st.adapter, &out.lam);
    if (!cq || !pd)
        return;
    mr = made(pd->Dispatch->NdkCreateMr(pd, FALSE, stage_on_create, NULL, &mr), mr);
    fast = made(pd->Dispatch->NdkCreateMr(pd, TRUE, stage_on_create, NULL, &fast), fast);
    mw = made(pd->Dispatch->NdkCreateMw(pd, stage_on_create, NULL, &mw), mw);
    srq = made(pd->Dispatch->NdkCreateSrq(pd, 4, 2, 0, NULL, NULL, NULL, stage_on_create, NULL, &srq), srq);
    if (mr && request(mr->Dispatch->NdkRegisterMr(mr, mdl, 5000, 0, stage_on_request, NULL)))
        request(mr->Dispatch->NdkDeregisterMr(mr, stage_on_request, NULL));
    if (fast)
        request(fast->Dispatch->NdkInitializeFastRegisterMr(fast, 4, TRUE, stage_on_request, NULL));
    if (srq) {
        request(srq->Dispatch->NdkModifySrq(srq, 9, 0, stage_on_request, NULL));
        qp = made(pd->Dispatch->NdkCreateQpWithSrq(pd, cq, cq, srq, NULL, 4, 1, 0, stage_on_create, NULL, &qp), qp);
    }
    qp = NULL;
    made(pd->Dispatch->NdkCreateQp(pd, cq, cq, NULL, 4, 4, 1, 1, 0, stage_on_create, NULL, &qp), qp);
}

static void
objects_body(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = number, .program = true};
    struct nbx_fault_report report;
    struct buffer buffer = stage_buffer(5000, NULL, 0);
    NDK_ADAPTER *second = NULL;
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    NDIS_STATUS status = rdma_adapter_open(st.rdma, (NDK_VERSION){2, 0}, &second);
    failures += status == NDIS_STATUS_RESOURCES;
    if (second)
        rdma_adapter_close(st.rdma, second);
    objects(buffer.mdl);
    while (st.n_objects)
        stage_close(st.objects[st.n_objects - 1]);
    nbx_fault_disarm(&report);
    has_refused = report.refused != 0;
    stage_buffer_free(&buffer);
}

static void
each(void)
{
    has_refused = true;
    failures = 0;
    for (number = 1; has_refused; number++)
        stage_run(3, objects_body);
}

TEST_TIMEOUT(60, without_memory_what_is_made_or_asked_for_says_so)
{
    each();
    ck_assert_uint_ge(number, 15);
    ck_assert_uint_ge(failures, number - 3);            // not one of them was silent
    st.pends = true;
    each();
    ck_assert_uint_ge(number, 30);                      // those of what pends come on top; without them it does not pend
}

// The data path: what was made before takes nothing more of ours, and what the transport has no memory for now goes later.
static void
data_body(void)
{
    pair_join();
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = number, .program = true};
    struct nbx_fault_report report;
    struct buffer from = stage_buffer(50000, pair.pd_a, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    struct buffer to = stage_buffer(50000, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE | NDK_MR_FLAG_ALLOW_REMOTE_READ);
    memset(to.bytes, 0, 50000);
    pair_receive(stage_sge(&to, 0, 50000), 1);
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    ck_assert_int_eq(pair_send(stage_sge(&from, 0, 50000), 0, 2), STATUS_SUCCESS);
    stage_result(pair.cq_b, STATUS_SUCCESS, NdkOperationTypeReceive, 1);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeSend, 2);
    ck_assert_int_eq(pair_read(stage_sge(&from, 0, 50000), stage_address(&to), remote_token(&to), 0, 3), STATUS_SUCCESS);
    stage_result(pair.cq_a, STATUS_SUCCESS, NdkOperationTypeRead, 3);
    ck_assert_mem_eq(from.bytes, to.bytes, 50000);
    nbx_fault_disarm(&report);
    has_refused = report.refused != 0;
    stage_buffer_free(&from);
    stage_buffer_free(&to);
}

TEST_TIMEOUT(60, without_memory_for_a_while_the_data_path_loses_nothing)
{
    has_refused = true;
    for (number = 1; has_refused; number++)
        stage_run(3, data_body);
}

static void
create_body(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = number, .program = true};
    struct nbx_fault_report report;
    struct vnic_rdma *made_one = NULL;
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    NDIS_STATUS status = rdma_create(NULL, st.rdma->transport, &made_one);
    nbx_fault_disarm(&report);
    has_refused = report.refused != 0;
    ck_assert_int_eq(status, has_refused ? NDIS_STATUS_RESOURCES : NDIS_STATUS_SUCCESS);
    if (made_one)
        rdma_destroy(made_one);
}

TEST(without_memory_there_is_no_instance)
{
    has_refused = true;
    for (number = 1; has_refused; number++)
        stage_run(1, create_body);
    ck_assert_uint_ge(number, 3);
}
