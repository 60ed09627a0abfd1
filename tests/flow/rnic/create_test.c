// SPDX-License-Identifier: MIT
// How each kind of object is made, what its completion brings, and how it is closed: inline, later, at DISPATCH_LEVEL, without memory.
// The limits of what may be asked for stand with each kind's other tests. [network/ndkpi-object-lifetime-requirements]
#include "pair.h"

// What a kind is made with, and how it is made.
static struct parents {
    NDK_CQ *cq;
    NDK_PD *pd;
    NDK_SRQ *srq;
    ULONG n_sges;
} with;
typedef NTSTATUS create_fn(NDK_FN_CREATE_COMPLETION completion, PVOID context, PVOID *made);

static NTSTATUS
create_cq(NDK_FN_CREATE_COMPLETION completion, PVOID context, PVOID *made)
{
    return st.adapter->Dispatch->NdkCreateCq(st.adapter, 4, stage_on_notify, NULL, NULL, completion, context, (NDK_CQ **)made);
}

static NTSTATUS
create_pd(NDK_FN_CREATE_COMPLETION completion, PVOID context, PVOID *made)
{
    return st.adapter->Dispatch->NdkCreatePd(st.adapter, completion, context, (NDK_PD **)made);
}

static NTSTATUS
create_mr(NDK_FN_CREATE_COMPLETION completion, PVOID context, PVOID *made)
{
    return with.pd->Dispatch->NdkCreateMr(with.pd, FALSE, completion, context, (NDK_MR **)made);
}

static NTSTATUS
create_fast_mr(NDK_FN_CREATE_COMPLETION completion, PVOID context, PVOID *made)
{
    return with.pd->Dispatch->NdkCreateMr(with.pd, TRUE, completion, context, (NDK_MR **)made);
}

static NTSTATUS
create_mw(NDK_FN_CREATE_COMPLETION completion, PVOID context, PVOID *made)
{
    return with.pd->Dispatch->NdkCreateMw(with.pd, completion, context, (NDK_MW **)made);
}

static NTSTATUS
create_srq(NDK_FN_CREATE_COMPLETION completion, PVOID context, PVOID *made)
{
    return with.pd->Dispatch->NdkCreateSrq(with.pd, 4, with.n_sges, 0, NULL, NULL, NULL, completion, context, (NDK_SRQ **)made);
}

static NTSTATUS
create_qp(NDK_FN_CREATE_COMPLETION completion, PVOID context, PVOID *made)
{
    return with.pd->Dispatch->NdkCreateQp(with.pd, with.cq, with.cq, NULL, 4, 4, with.n_sges, with.n_sges, 16, completion, context,
                                          (NDK_QP **)made);
}

static NTSTATUS
create_qp_over(NDK_FN_CREATE_COMPLETION completion, PVOID context, PVOID *made)
{
    return with.pd->Dispatch->NdkCreateQpWithSrq(with.pd, with.cq, with.cq, with.srq, NULL, 4, with.n_sges, 16, completion, context,
                                                 (NDK_QP **)made);
}

static const struct kind {
    create_fn *create;
    NDK_OBJECT_TYPE type;
    unsigned least_blocks;                // allocations that it takes
} cq_kind = {create_cq, NdkObjectTypeCq, 2}, pd_kind = {create_pd, NdkObjectTypePd, 1}, mr_kind = {create_mr, NdkObjectTypeMr, 1},
  fast_kind = {create_fast_mr, NdkObjectTypeMr, 1}, mw_kind = {create_mw, NdkObjectTypeMw, 1}, srq_kind = {create_srq, NdkObjectTypeSrq, 2},
  qp_kind = {create_qp, NdkObjectTypeQp, 3}, qp_over_kind = {create_qp_over, NdkObjectTypeQp, 2};
static const struct kind *const kinds[] = {&cq_kind, &pd_kind, &mr_kind, &fast_kind,
                                           &mw_kind, &srq_kind, &qp_kind, &qp_over_kind};
#define N_KINDS (sizeof kinds / sizeof kinds[0])

static void
parents_make(void)
{
    with = (struct parents){.cq = stage_cq(4, NULL), .pd = stage_pd(), .n_sges = 2};
    PVOID srq = NULL;
    NTSTATUS status = create_srq(stage_on_create, NULL, &srq);
    if (status == STATUS_PENDING) {
        stage_until(&st.creates, 1);
        st.creates = 0;
        srq = st.created;
        status = st.create_status;
    }
    ck_assert_int_eq(status, STATUS_SUCCESS);
    stage_keep(srq);
    with.srq = srq;
}

static void
header_is_good(const NDK_OBJECT_HEADER *header, NDK_OBJECT_TYPE type)
{
    ck_assert_int_eq(header->ObjectType, type);
    ck_assert_uint_eq(header->Version.Major, 2);
    ck_assert_uint_eq(header->Version.Minor, 1);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_ptr_null(header->NdkReserved.rf[i]);
}

static NDK_FN_CLOSE_OBJECT
close_of(PVOID object)
{
    return ((const NDK_CQ_DISPATCH *)((NDK_CQ *)object)->Dispatch)->NdkCloseCq;     // the first slot of all
}

// ---- create ---------------------------------------------------------------------------------------------------------------------------

static const struct kind *the_kind;

// Slots of a size that no queue has: those of others may be more than they have a right to.
static NTSTATUS
create_starved(void)
{
    with.n_sges = 7;
    PVOID made = NULL;
    NTSTATUS status = the_kind->create(stage_on_create, NULL, &made);
    ck_assert((status == STATUS_SUCCESS) == (made != NULL));
    if (made)
        stage_keep(made);
    return status;
}

// Inline: the object is there, the completion is not called.
static void
inline_body(void)
{
    PVOID made[2] = {0};
    KIRQL irql;
    parents_make();
    ck_assert_int_eq(the_kind->create(stage_on_create, NULL, &made[0]), STATUS_SUCCESS);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    NTSTATUS status = the_kind->create(stage_on_create, &st, &made[1]);
    KeLowerIrql(irql);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    for (unsigned i = 0; i < 2; i++) {
        stage_keep(made[i]);
        header_is_good(made[i], the_kind->type);
    }
    ck_assert_uint_ge(stage_starve(create_starved), the_kind->least_blocks);
    stage_wait(1000);
    ck_assert_uint_eq(st.creates, 0);
}

static struct {
    volatile unsigned count;
    PVOID context;
    NTSTATUS status;
    NDK_OBJECT_HEADER *object;
} brought;

static NTAPI VOID
on_brought(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *object)
{
    ck_assert_int_le(KeGetCurrentIrql(), DISPATCH_LEVEL);
    brought.context = context;
    brought.status = status;
    brought.object = object;
    brought.count++;
}

// Later: the completion alone brings it, once, with the context, be that NULL.
static void
later_body(void)
{
    PVOID contexts[] = {&brought, NULL};
    parents_make();
    for (unsigned i = 0; i < 2; i++) {
        PVOID made = NULL;
        memset(&brought, 0, sizeof brought);
        ck_assert_int_eq(the_kind->create(on_brought, contexts[i], &made), STATUS_PENDING);
        stage_until(&brought.count, 1);
        ck_assert_ptr_null(made);
        ck_assert_ptr_eq(brought.context, contexts[i]);
        ck_assert_int_eq(brought.status, STATUS_SUCCESS);
        stage_keep(brought.object);
        header_is_good(brought.object, the_kind->type);
        stage_wait(1000);
        ck_assert_uint_eq(brought.count, 1);
    }
}

static void
is_made(const struct kind *kind)
{
    the_kind = kind;
    st.pends = false;
    EACH_SEED(inline_body);
    st.pends = true;
    EACH_SEED(later_body);
}

TEST(NdkCreateCq_gives_it_inline_or_later_or_says_that_there_is_no_memory)
{
    is_made(&cq_kind);
}

TEST(NdkCreatePd_gives_it_inline_or_later_or_says_that_there_is_no_memory)
{
    is_made(&pd_kind);
}

TEST(NdkCreateMr_gives_it_inline_or_later_or_says_that_there_is_no_memory)
{
    is_made(&mr_kind);
    is_made(&fast_kind);
}

TEST(NdkCreateMw_gives_it_inline_or_later_or_says_that_there_is_no_memory)
{
    is_made(&mw_kind);
}

TEST(NdkCreateSrq_gives_it_inline_or_later_or_says_that_there_is_no_memory)
{
    is_made(&srq_kind);
}

TEST(NdkCreateQp_gives_it_inline_or_later_or_says_that_there_is_no_memory)
{
    is_made(&qp_kind);
}

TEST(NdkCreateQpWithSrq_gives_it_inline_or_later_or_says_that_there_is_no_memory)
{
    is_made(&qp_over_kind);
}

TEST(NdkCreateCompletion_brings_each_kind_of_object_once_with_its_context)
{
    st.pends = true;
    for (unsigned i = 0; i < N_KINDS; i++) {
        the_kind = kinds[i];
        stage_run(i, later_body);
    }
}

TEST(NdkCreateCompletion_is_not_called_where_the_create_did_not_pend)
{
    for (unsigned i = 0; i < N_KINDS; i++) {
        the_kind = kinds[i];
        stage_run(i, inline_body);
    }
}

// An MR is for what it was made for.
static void
mr_body(void)
{
    NDK_PD *pd = stage_pd();
    NDK_MR *plain = stage_mr(pd, false), *fast = stage_mr(pd, true);
    struct buffer buffer = stage_buffer(100, NULL, 0);
    ck_assert_int_eq(plain->Dispatch->NdkRegisterMr(plain, buffer.mdl, 100, 0, stage_on_request, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(plain->Dispatch->NdkInitializeFastRegisterMr(plain, 1, FALSE, stage_on_request, NULL), STATUS_INVALID_DEVICE_REQUEST);
    ck_assert_int_eq(fast->Dispatch->NdkInitializeFastRegisterMr(fast, 1, FALSE, stage_on_request, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(fast->Dispatch->NdkRegisterMr(fast, buffer.mdl, 100, 0, stage_on_request, NULL), STATUS_INVALID_DEVICE_REQUEST);
    stage_close(plain);
    stage_buffer_free(&buffer);
}

TEST(NdkCreateMr_makes_it_for_registration_or_for_fast_registration_alone)
{
    EACH_SEED(mr_body);
}

// Each queue of a QP has the depth and the lists that were asked for, and its own CQ; results have the QP's context.
static void
sizes_body(void)
{
    pair_make();
    NDK_CQ *other = stage_cq(8, NULL);
    NDK_QP *qp = NULL;
    struct buffer to = stage_buffer(100, pair.pd_a, NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
    struct buffer from = stage_buffer(100, pair.pd_b, NDK_MR_FLAG_ALLOW_REMOTE_WRITE);
    NDK_SGE sge = stage_sge(&to, 0, 10), three[3] = {sge, sge, sge};
    NTSTATUS status =
        pair.pd_a->Dispatch->NdkCreateQp(pair.pd_a, other, pair.cq_a, &st, 2, 3, 1, 2, 20, stage_on_create, NULL, &qp);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    stage_keep(qp);
    const NDK_QP_DISPATCH *d = qp->Dispatch;
    ck_assert_int_eq(d->NdkReceive(qp, NULL, three, 2), STATUS_INVALID_PARAMETER);
    for (uintptr_t i = 0; i < 2; i++)
        ck_assert_int_eq(d->NdkReceive(qp, (PVOID)i, three, 1), STATUS_SUCCESS);
    ck_assert_int_eq(d->NdkReceive(qp, NULL, three, 1), STATUS_INSUFFICIENT_RESOURCES);
    stage_join(qp, pair.b);
    pair_receive(stage_sge(&from, 0, 0), 1);
    ck_assert_int_eq(d->NdkSend(qp, NULL, three, 3, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(d->NdkSend(qp, NULL, three, 3, NDK_OP_FLAG_INLINE), STATUS_INVALID_PARAMETER);
    st.holds_acks = true;
    for (uintptr_t i = 0; i < 3; i++)
        ck_assert_int_eq(d->NdkWrite(qp, (PVOID)i, three, 2, stage_address(&from), remote_token(&from), NDK_OP_FLAG_INLINE),
                         STATUS_SUCCESS);
    ck_assert_int_eq(d->NdkWrite(qp, NULL, NULL, 0, 0, 0, 0), STATUS_INSUFFICIENT_RESOURCES);
    d->NdkFlush(qp);
    stage_acks();
    for (uintptr_t i = 0; i < 3; i++)
        stage_result(pair.cq_a, STATUS_CANCELLED, NdkOperationTypeWrite, i);
    for (uintptr_t i = 0; i < 2; i++)
        stage_result(other, STATUS_CANCELLED, NdkOperationTypeReceive, i);
    stage_buffer_free(&to);
    stage_buffer_free(&from);
}

TEST(NdkCreateQp_makes_queues_of_the_sizes_that_were_asked_for)
{
    EACH_SEED(sizes_body);
}

// A CQ of another adapter belongs to no QP here.
static void
foreign_body(void)
{
    NDK_ADAPTER *second = NULL;
    NDK_CQ *foreign = NULL;
    NDK_QP *qp = NULL;
    parents_make();
    ck_assert_int_eq(rdma_adapter_open(st.rdma, (NDK_VERSION){2, 1}, &second), NDIS_STATUS_SUCCESS);
    NTSTATUS status = second->Dispatch->NdkCreateCq(second, 1, stage_on_notify, NULL, NULL, stage_on_create, NULL, &foreign);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    const NDK_PD_DISPATCH *pd = with.pd->Dispatch;
    ck_assert_int_eq(pd->NdkCreateQp(with.pd, foreign, with.cq, NULL, 1, 1, 1, 1, 0, stage_on_create, NULL, &qp), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(pd->NdkCreateQp(with.pd, with.cq, foreign, NULL, 1, 1, 1, 1, 0, stage_on_create, NULL, &qp), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(pd->NdkCreateQpWithSrq(with.pd, foreign, with.cq, with.srq, NULL, 1, 1, 0, stage_on_create, NULL, &qp),
                     STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(pd->NdkCreateQpWithSrq(with.pd, with.cq, foreign, with.srq, NULL, 1, 1, 0, stage_on_create, NULL, &qp),
                     STATUS_INVALID_PARAMETER);
    ck_assert_ptr_null(qp);
    ck_assert_int_eq(foreign->Dispatch->NdkCloseCq(&foreign->Header, stage_on_close, NULL), STATUS_SUCCESS);
    rdma_adapter_close(st.rdma, second);
}

TEST(NdkCreateQp_and_NdkCreateQpWithSrq_want_CQs_of_their_adapter)
{
    stage_run(1, foreign_body);
}

// ---- preferred processors -------------------------------------------------------------------------------------------------------------

static struct heard {
    volatile unsigned count;
    ULONG processor;
} heard[2];

static NTAPI VOID
on_heard(PVOID context, NTSTATUS status)
{
    struct heard *at = context;
    ck_assert_int_eq(status, STATUS_SUCCESS);
    at->processor = KeGetCurrentProcessorNumberEx(NULL);
    at->count++;
}

static NDK_CQ *
cq_near(GROUP_AFFINITY *affinity, struct heard *at)
{
    NDK_CQ *cq = NULL;
    ck_assert_int_eq(st.adapter->Dispatch->NdkCreateCq(st.adapter, 16, on_heard, at, affinity, stage_on_create, NULL, &cq), STATUS_SUCCESS);
    stage_keep(cq);
    return cq;
}

static void
cq_notify(NDK_CQ *cq, struct heard *at)
{
    NDK_RESULT_EX result = {.Status = STATUS_SUCCESS};
    struct rdma_call call;
    unsigned count = at->count;
    cq->Dispatch->NdkArmCq(cq, NDK_CQ_NOTIFY_ANY);
    rdma_enter(st.rdma, &call);
    rdma_cq_push((struct rdma_cq *)cq, &result, FALSE, call.now_us);
    rdma_leave(st.rdma, &call);
    stage_until(&at->count, count + 1);
}

// On the processor that is asked for; of several, CQs take turns; of none that is there, anywhere.
static void
cq_near_body(void)
{
    GROUP_AFFINITY one = {0}, both = {.Mask = 3}, none = {.Mask = 1ull << 40}, group = {.Mask = 3, .Group = 7}, empty = {0};
    GROUP_AFFINITY *anywhere[] = {&none, &group, &empty, NULL};
    memset(heard, 0, sizeof heard);
    for (unsigned i = 0; i < 6; i++) {
        one.Mask = 1ull << i % 2;
        NDK_CQ *cq = cq_near(&one, &heard[0]);
        for (unsigned j = 0; j < 3; j++) {
            cq_notify(cq, &heard[0]);
            ck_assert_uint_eq(heard[0].processor, i % 2);
        }
    }
    for (unsigned i = 0; i < 2; i++)
        cq_notify(cq_near(&both, &heard[i]), &heard[i]);
    ck_assert_uint_ne(heard[0].processor, heard[1].processor);
    for (unsigned i = 0; i < 4; i++)
        cq_notify(cq_near(anywhere[i], &heard[0]), &heard[0]);
}

TEST(NdkCreateCq_with_preferred_processors_is_notified_there)
{
    EACH_SEED(cq_near_body);
}

static void
srq_near_body(void)
{
    memset(heard, 0, sizeof heard);
    parents_make();
    for (unsigned i = 0; i < 6; i++) {
        GROUP_AFFINITY one = {.Mask = 1ull << i % 2};
        NDK_SRQ *srq = NULL;
        NTSTATUS status =
            with.pd->Dispatch->NdkCreateSrq(with.pd, 4, 1, 0, on_heard, &heard[0], &one, stage_on_create, NULL, &srq);
        ck_assert_int_eq(status, STATUS_SUCCESS);
        stage_keep(srq);
        unsigned count = heard[0].count;
        ck_assert_int_eq(srq->Dispatch->NdkModifySrq(srq, 0, 1, stage_on_request, NULL), STATUS_SUCCESS);      // below it already
        stage_until(&heard[0].count, count + 1);
        ck_assert_uint_eq(heard[0].processor, i % 2);
    }
}

TEST(NdkCreateSrq_with_preferred_processors_is_notified_there)
{
    EACH_SEED(srq_near_body);
}

// ---- requests -------------------------------------------------------------------------------------------------------------------------

static struct {
    volatile unsigned count;
    PVOID context;
    NTSTATUS status;
} ended;

static NTAPI VOID
on_ended(PVOID context, NTSTATUS status)
{
    ck_assert_int_le(KeGetCurrentIrql(), DISPATCH_LEVEL);
    ended.context = context;
    ended.status = status;
    ended.count++;
}

// Each request that has a completion, with this context.
static void
requests_each(PVOID context, NTSTATUS expected)
{
    union {
        NDK_LOGICAL_ADDRESS_MAPPING lam;
        UCHAR room[64];
    } out;
    ULONG bytes = sizeof out, fbo;
    struct buffer buffer = stage_buffer(100, NULL, 0);
    NDK_MR *mr = stage_mr(with.pd, false), *fast = stage_mr(with.pd, true);
    for (unsigned i = 0; i < 6; i++) {
        NTSTATUS status = STATUS_UNSUCCESSFUL;
        memset(&ended, 0, sizeof ended);
        switch (i) {
        case 0: status = with.cq->Dispatch->NdkResizeCq(with.cq, 9, on_ended, context); break;
        case 1: status = with.srq->Dispatch->NdkModifySrq(with.srq, 5, 0, on_ended, context); break;
        case 2: status = mr->Dispatch->NdkRegisterMr(mr, buffer.mdl, 100, 0, on_ended, context); break;
        case 3: status = mr->Dispatch->NdkDeregisterMr(mr, on_ended, context); break;
        case 4: status = fast->Dispatch->NdkInitializeFastRegisterMr(fast, 2, TRUE, on_ended, context); break;
        case 5:
            status = st.adapter->Dispatch->NdkBuildLAM(st.adapter, buffer.mdl, 100, on_ended, context, &out.lam, &bytes, &fbo);
            break;
        }
        ck_assert_int_eq(status, expected);
        if (expected == STATUS_PENDING) {
            stage_until(&ended.count, 1);
            ck_assert_ptr_eq(ended.context, context);
            ck_assert_int_eq(ended.status, STATUS_SUCCESS);
        }
        stage_wait(1000);
        ck_assert_uint_eq(ended.count, expected == STATUS_PENDING ? 1 : 0);
    }
    st.adapter->Dispatch->NdkReleaseLAM(st.adapter, &out.lam);
    stage_buffer_free(&buffer);
}

static void
requests_body(void)
{
    parents_make();
    requests_each(&ended, st.pends ? STATUS_PENDING : STATUS_SUCCESS);
    requests_each(NULL, st.pends ? STATUS_PENDING : STATUS_SUCCESS);
}

TEST(NdkRequestCompletion_ends_each_request_that_pended_once_with_its_context)
{
    st.pends = true;
    EACH_SEED(requests_body);
}

TEST(NdkRequestCompletion_is_not_called_where_the_request_did_not_pend)
{
    EACH_SEED(requests_body);
}

// ---- close ----------------------------------------------------------------------------------------------------------------------------

static struct {
    volatile unsigned count;
    PVOID context;
} over;

static NTAPI VOID
on_over(PVOID context)
{
    ck_assert_int_le(KeGetCurrentIrql(), DISPATCH_LEVEL);
    over.context = context;
    over.count++;
}

static PVOID
one_of(const struct kind *kind)
{
    PVOID made = NULL;
    NTSTATUS status = kind->create(stage_on_create, NULL, &made);
    if (status == STATUS_PENDING) {
        stage_until(&st.creates, 1);
        st.creates = 0;
        made = st.created;
        status = st.create_status;
    }
    ck_assert_int_eq(status, STATUS_SUCCESS);
    return made;
}

// Nothing holds them: inline, and the completion is not called; where all pends it is, once, with the context. At both levels.
static void
close_body(void)
{
    PVOID contexts[] = {&over, NULL};
    parents_make();
    for (unsigned i = 0; i < N_KINDS; i++)
        for (unsigned way = 0; way < 2; way++) {
            PVOID object = one_of(kinds[i]);
            KIRQL irql = KeGetCurrentIrql();
            memset(&over, 0, sizeof over);
            if (way)
                KeRaiseIrql(DISPATCH_LEVEL, &irql);
            NTSTATUS status = close_of(object)(object, on_over, contexts[way]);
            KeLowerIrql(irql);
            ck_assert_int_eq(status, st.pends ? STATUS_PENDING : STATUS_SUCCESS);
            if (st.pends) {
                stage_until(&over.count, 1);
                ck_assert_ptr_eq(over.context, contexts[way]);
            }
            stage_wait(1000);
            ck_assert_uint_eq(over.count, st.pends ? 1 : 0);
        }
}

TEST(NdkCloseObject_of_each_kind_succeeds_inline_or_pends)
{
    EACH_SEED(close_body);
    st.pends = true;
    EACH_SEED(close_body);
}

TEST(NdkCloseCompletion_comes_once_with_its_context_where_the_close_pended)
{
    st.pends = true;
    EACH_SEED(close_body);
}

TEST(NdkCloseCompletion_does_not_come_where_the_close_succeeded_inline)
{
    EACH_SEED(close_body);
}

// The last callback of an object: behind the request that is out and the notification that runs.
static NDK_CQ *last_cq;
static volatile unsigned n_seen, seen[4];

static NTAPI VOID
on_last_request(PVOID context, NTSTATUS status)
{
    UNREFERENCED_PARAMETER(context);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    seen[n_seen++] = 1;
}

static NTAPI VOID
on_last_notify(PVOID context, NTSTATUS status)
{
    UNREFERENCED_PARAMETER(context);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    seen[n_seen++] = 2;
    // The close is called while this runs, and may not be over before it has returned.
    ck_assert_int_eq(last_cq->Dispatch->NdkCloseCq(&last_cq->Header, on_over, NULL), STATUS_PENDING);
    ck_assert_uint_eq(over.count, 0);
    seen[n_seen++] = 3;
    ck_assert_uint_eq(over.count, 0);
}

static void
last_body(void)
{
    NDK_RESULT_EX result = {.Status = STATUS_SUCCESS};
    struct rdma_call call;
    NDK_CQ *cq = NULL;
    n_seen = 0;
    over.count = 0;
    NTSTATUS status = st.adapter->Dispatch->NdkCreateCq(st.adapter, 4, on_last_notify, NULL, NULL, stage_on_create, NULL, &cq);
    if (status == STATUS_PENDING) {
        stage_until(&st.creates, 1);
        cq = (NDK_CQ *)st.created;
    }
    last_cq = cq;
    cq->Dispatch->NdkArmCq(cq, NDK_CQ_NOTIFY_ANY);
    status = cq->Dispatch->NdkResizeCq(cq, 5, on_last_request, NULL);
    ck_assert_int_eq(status, STATUS_PENDING);
    rdma_enter(st.rdma, &call);
    rdma_cq_push((struct rdma_cq *)cq, &result, FALSE, call.now_us);
    rdma_leave(st.rdma, &call);
    stage_until(&over.count, 1);
    stage_wait(1000);
    ck_assert_uint_eq(over.count, 1);
    ck_assert_uint_eq(n_seen, 3);         // nothing came behind it
    ck_assert_uint_eq(seen[0], 1);
    ck_assert_uint_eq(seen[1], 2);
    ck_assert_uint_eq(seen[2], 3);
}

TEST(NdkCloseCompletion_is_the_last_callback_of_its_object)
{
    st.pends = true;
    EACH_SEED(last_body);
}
