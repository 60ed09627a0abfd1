// SPDX-License-Identifier: MIT
// Adapters, objects, how they are made and how they end [network/ndkpi-object-lifetime-requirements].
#include "pair.h"

static void
version_body(void)
{
    static const struct {
        NDK_VERSION asked, got;
    } rows[] = {
        {{1, 0}, {1, 2}}, {{1, 1}, {1, 2}}, {{1, 2}, {1, 2}}, {{1, 3}, {0, 0}}, {{2, 0}, {2, 1}},
        {{2, 1}, {2, 1}}, {{2, 2}, {0, 0}}, {{0, 9}, {0, 0}}, {{3, 0}, {0, 0}},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        NDK_ADAPTER *adapter = NULL;
        NDIS_STATUS status = rdma_adapter_open(st.rdma, rows[i].asked, &adapter);
        ck_assert_int_eq(status, rows[i].got.Major ? NDIS_STATUS_SUCCESS : NDIS_STATUS_BAD_VERSION);
        if (!adapter)
            continue;
        NDK_ADAPTER_INFO info;
        ULONG bytes = sizeof info;
        ck_assert_int_eq(adapter->Dispatch->NdkQueryAdapterInfo(adapter, &info, &bytes), STATUS_SUCCESS);
        ck_assert_uint_eq(info.Version.Major, rows[i].got.Major);
        ck_assert_uint_eq(info.Version.Minor, rows[i].got.Minor);
        ck_assert_uint_eq(adapter->Header.Version.Minor, rows[i].got.Minor);
        ck_assert_int_eq(adapter->Header.ObjectType, NdkObjectTypeAdapter);
        rdma_adapter_close(st.rdma, adapter);
    }
    st.rdma->is_on = FALSE;
    NDK_ADAPTER *adapter = NULL;
    ck_assert_int_eq(rdma_adapter_open(st.rdma, (NDK_VERSION){2, 1}, &adapter), NDIS_STATUS_ADAPTER_NOT_READY);
    ck_assert_ptr_null(adapter);
}

TEST(OpenNDKAdapterHandler_gives_the_highest_minor_of_the_major_that_is_asked_for)
{
    stage_run(1, version_body);
}

static void
info_body(void)
{
    NDK_ADAPTER_INFO info;
    ULONG bytes = 0;
    const NDK_ADAPTER_DISPATCH *adapter = st.adapter->Dispatch;
    ck_assert_int_eq(adapter->NdkQueryAdapterInfo(st.adapter, NULL, &bytes), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(bytes, sizeof info);
    bytes--;
    ck_assert_int_eq(adapter->NdkQueryAdapterInfo(st.adapter, &info, &bytes), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(bytes, sizeof info);
    ck_assert_int_eq(adapter->NdkQueryAdapterInfo(st.adapter, &info, &bytes), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, sizeof info);
    bytes += 100;                         // more room than it takes: what was written is said
    ck_assert_int_eq(adapter->NdkQueryAdapterInfo(st.adapter, &info, &bytes), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, sizeof info);
    ck_assert_uint_eq(info.Version.Major, 2);
    ck_assert_uint_eq(info.Version.Minor, 1);
    ck_assert_uint_ge(info.FRMRPageCount, 16);
    ck_assert_int_eq(info.RdmaTechnology, NdkiWarp);
    ck_assert_uint_eq(info.MaxReadRequestSge, 1);
    ck_assert_uint_ge(info.MaxRegistrationSize, (SIZE_T)1 << 30);
}

TEST(NdkQueryAdapterInfo_says_how_large_the_buffer_must_be)
{
    stage_run(1, info_body);
}

// Every object has the slot, and none has an extension.
static void
extension_body(void)
{
    static GUID id = {1, 2, 3, {4}};
    NDK_EXTENSION_INTERFACE extension;
    NDK_VERSION version = {1, 0};
    pair_make();
    NDK_SRQ *srq = NULL;
    NTSTATUS status = pair.pd_a->Dispatch->NdkCreateSrq(pair.pd_a, 1, 1, 0, NULL, NULL, NULL, stage_on_create, NULL, &srq);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    NDK_MR *mr = stage_mr(pair.pd_a, false);
    NDK_MW *mw = stage_mw(pair.pd_a);
    KIRQL irql;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    ck_assert_int_eq(st.adapter->Dispatch->NdkQueryExtension(&st.adapter->Header, &id, version, &extension), STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(pair.cq_a->Dispatch->NdkQueryExtension(&pair.cq_a->Header, &id, version, &extension), STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(pair.pd_a->Dispatch->NdkQueryExtension(&pair.pd_a->Header, &id, version, &extension), STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(pair.a->Dispatch->NdkQueryExtension(&pair.a->Header, &id, version, &extension), STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(srq->Dispatch->NdkQueryExtension(&srq->Header, &id, version, &extension), STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(mr->Dispatch->NdkQueryExtension(&mr->Header, &id, version, &extension), STATUS_NOT_SUPPORTED);
    ck_assert_int_eq(mw->Dispatch->NdkQueryExtension(&mw->Header, &id, version, &extension), STATUS_NOT_SUPPORTED);
    KeLowerIrql(irql);
    ck_assert_int_eq(srq->Dispatch->NdkCloseSrq(&srq->Header, stage_on_close, NULL), STATUS_SUCCESS);
}

TEST(NdkQueryExtensionInterface_knows_none)
{
    stage_run(1, extension_body);
}

static void
qp_limits_body(void)
{
    pair_make();
    static const ULONG over[5][5] = {
        {RDMA_QUEUE_DEPTH_MAX + 1, 1, 1, 1, 0}, {1, RDMA_QUEUE_DEPTH_MAX + 1, 1, 1, 0}, {1, 1, RDMA_SGES_MAX + 1, 1, 0},
        {1, 1, 1, RDMA_SGES_MAX + 1, 0},        {1, 1, 1, 1, RDMA_INLINE_BYTES_MAX + 1}};
    NDK_QP *qp = NULL;
    const NDK_PD_DISPATCH *pd = pair.pd_a->Dispatch;
    for (unsigned i = 0; i < 5; i++)
        ck_assert_int_eq(pd->NdkCreateQp(pair.pd_a, pair.cq_a, pair.cq_a, NULL, over[i][0], over[i][1], over[i][2], over[i][3],
                                         over[i][4], stage_on_create, NULL, &qp),
                         STATUS_INVALID_PARAMETER);
    NTSTATUS status = pd->NdkCreateQp(pair.pd_a, NULL, pair.cq_a, NULL, 1, 1, 1, 1, 0, stage_on_create, NULL, &qp);
    ck_assert_int_eq(status, STATUS_INVALID_PARAMETER);
    status = pd->NdkCreateQp(pair.pd_a, pair.cq_a, NULL, NULL, 1, 1, 1, 1, 0, stage_on_create, NULL, &qp);
    ck_assert_int_eq(status, STATUS_INVALID_PARAMETER);
    ck_assert_ptr_null(qp);
    qp = stage_qp(pair.pd_a, pair.cq_a, RDMA_QUEUE_DEPTH_MAX, RDMA_SGES_MAX, RDMA_INLINE_BYTES_MAX);
    stage_close(qp);
    stage_close(stage_qp(pair.pd_a, pair.cq_a, 0, 0, 0));
}

TEST(NdkCreateQp_says_each_documented_status)
{
    stage_run(1, qp_limits_body);
    st.pends = true;
    stage_run(1, qp_limits_body);
}

// ---- antecedents and successors -------------------------------------------------------------------------------------------------------

static volatile unsigned order[8], n_order;

static NTAPI VOID
on_close_ordered(PVOID context)
{
    order[n_order++] = (unsigned)(uintptr_t)context;
}

// The oldest is closed first, and is the last to be told.
static void
antecedents_body(void)
{
    pair_make();
    NDK_MR *mr = stage_mr(pair.pd_a, false);
    n_order = 0;
    st.n_objects = 0;                     // this body closes all
    ck_assert_int_eq(pair.cq_a->Dispatch->NdkCloseCq(&pair.cq_a->Header, on_close_ordered, (PVOID)1), STATUS_PENDING);
    ck_assert_int_eq(pair.pd_a->Dispatch->NdkClosePd(&pair.pd_a->Header, on_close_ordered, (PVOID)2), STATUS_PENDING);
    stage_wait(1000);
    ck_assert_uint_eq(n_order, 0);
    NTSTATUS status = pair.a->Dispatch->NdkCloseQp(&pair.a->Header, on_close_ordered, (PVOID)3);
    ck_assert_int_eq(status, st.pends ? STATUS_PENDING : STATUS_SUCCESS);
    for (unsigned i = 0; i < 1000 && n_order < (st.pends ? 2 : 1); i++)
        stage_wait(100);
    if (st.pends)
        ck_assert_uint_eq(order[0], 3);
    ck_assert_uint_eq(order[st.pends ? 1 : 0], 1);
    stage_wait(1000);
    ck_assert_uint_eq(n_order, st.pends ? 2 : 1);       // the PD has an MR still
    status = mr->Dispatch->NdkCloseMr(&mr->Header, on_close_ordered, (PVOID)4);
    ck_assert_int_eq(status, st.pends ? STATUS_PENDING : STATUS_SUCCESS);
    unsigned expected = st.pends ? 4 : 2;
    for (unsigned i = 0; i < 1000 && n_order < expected; i++)
        stage_wait(100);
    ck_assert_uint_eq(n_order, expected);
    ck_assert_uint_eq(order[expected - 1], 2);
    st.objects[st.n_objects++] = &pair.b->Header;
    stage_close(pair.b);
    st.objects[st.n_objects++] = &pair.cq_b->Header;
    stage_close(pair.cq_b);
    st.objects[st.n_objects++] = &pair.pd_b->Header;
    stage_close(pair.pd_b);
}

TEST(NdkCloseObject_of_an_antecedent_pends_until_its_successors_are_closed)
{
    EACH_SEED(antecedents_body);
    st.pends = true;
    EACH_SEED(antecedents_body);
}

// An object is closed from inside the completion that brought it, and from inside a request's.
static NTAPI VOID
on_create_close(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *object)
{
    UNREFERENCED_PARAMETER(context);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    NDK_PD *pd = (NDK_PD *)object;
    ck_assert_int_eq(pd->Dispatch->NdkClosePd(object, stage_on_close, NULL), STATUS_PENDING);
}

static NTAPI VOID
on_request_close(PVOID context, NTSTATUS status)
{
    NDK_CQ *cq = context;
    ck_assert_int_eq(status, STATUS_SUCCESS);
    ck_assert_int_eq(cq->Dispatch->NdkCloseCq(&cq->Header, stage_on_close, NULL), STATUS_PENDING);
}

static void
close_inside_body(void)
{
    NDK_PD *pd = NULL;
    ck_assert_int_eq(st.adapter->Dispatch->NdkCreatePd(st.adapter, on_create_close, NULL, &pd), STATUS_PENDING);
    ck_assert_ptr_null(pd);
    stage_until(&st.closes, 1);
    NDK_CQ *cq = stage_cq(4, NULL);
    st.n_objects--;
    ck_assert_int_eq(cq->Dispatch->NdkResizeCq(cq, 5, on_request_close, cq), STATUS_PENDING);
    stage_until(&st.closes, 2);
}

TEST(NdkCloseObject_may_be_called_from_inside_a_completion)
{
    st.pends = true;
    EACH_SEED(close_inside_body);
}

// The close of an adapter returns when the last of its objects is closed.
static NDK_ADAPTER *second;
static volatile unsigned adapter_closed;

static NTAPI VOID
close_adapter(PVOID context)
{
    UNREFERENCED_PARAMETER(context);
    rdma_adapter_close(st.rdma, second);
    adapter_closed = 1;
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
adapter_close_body(void)
{
    NDK_PD *pd = NULL;
    HANDLE thread;
    adapter_closed = 0;
    ck_assert_int_eq(rdma_adapter_open(st.rdma, (NDK_VERSION){1, 2}, &second), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(second->Dispatch->NdkCreatePd(second, stage_on_create, NULL, &pd), STATUS_SUCCESS);
    ck_assert_uint_eq(pd->Header.Version.Major, 1);
    ck_assert_int_eq(PsCreateSystemThread(&thread, 0, NULL, NULL, NULL, close_adapter, NULL), STATUS_SUCCESS);
    stage_wait(100000);
    ck_assert_uint_eq(adapter_closed, 0);
    ck_assert_int_eq(pd->Dispatch->NdkClosePd(&pd->Header, stage_on_close, NULL), STATUS_SUCCESS);
    stage_until(&adapter_closed, 1);
    ZwClose(thread);
}

TEST(CloseNDKAdapterHandler_blocks_until_every_descendant_is_closed)
{
    EACH_SEED(adapter_close_body);
}
