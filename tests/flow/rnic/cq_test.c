// SPDX-License-Identifier: MIT
// Completion queues: the arm lattice, moderation, resizing, overrun. Results are put in by hand, as the queue pairs do.
#include "pair.h"

static struct told told;

// A result at the CQ, as if a request had ended.
static BOOLEAN
put(NDK_CQ *cq, uintptr_t context, bool is_solicited, NTSTATUS status)
{
    NDK_RESULT_EX result = {.Status = status, .QPContext = &st, .RequestContext = (PVOID)context, .Type = NdkOperationTypeSend};
    struct rdma_call call;
    rdma_enter(st.rdma, &call);
    BOOLEAN is_good = rdma_cq_push((struct rdma_cq *)cq, &result, is_solicited, call.now_us);
    rdma_leave(st.rdma, &call);
    return is_good;
}

static void
arm(NDK_CQ *cq, ULONG type)
{
    cq->Dispatch->NdkArmCq(cq, type);
}

static void
take(NDK_CQ *cq, ULONG expected)
{
    NDK_RESULT_EX results[128];
    ck_assert_uint_eq(cq->Dispatch->NdkGetCqResultsEx(cq, results, 128), expected);
}

static NDK_CQ *
fresh(ULONG depth)
{
    memset(&told, 0, sizeof told);
    return stage_cq(depth, &told);
}

static void
create_body(void)
{
    const NDK_ADAPTER_DISPATCH *adapter = st.adapter->Dispatch;
    NDK_CQ *cq = NULL;
    ck_assert_int_eq(adapter->NdkCreateCq(st.adapter, RDMA_CQ_DEPTH_MAX + 1, stage_on_notify, NULL, NULL, stage_on_create, NULL, &cq),
                     STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(adapter->NdkCreateCq(st.adapter, 0, stage_on_notify, NULL, NULL, stage_on_create, NULL, &cq),
                     STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(adapter->NdkCreateCq(st.adapter, 1, NULL, NULL, NULL, stage_on_create, NULL, &cq), STATUS_INVALID_PARAMETER);
    ck_assert_ptr_null(cq);
    cq = stage_cq(RDMA_CQ_DEPTH_MAX, NULL);
    ck_assert_int_eq(cq->Header.ObjectType, NdkObjectTypeCq);
    ck_assert_uint_eq(cq->Header.Version.Major, 2);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_ptr_null(cq->Header.NdkReserved.rf[i]);
}

TEST(NdkCreateCq_says_each_documented_status)
{
    stage_run(1, create_body);
    st.pends = true;
    stage_run(1, create_body);
}

static void
results_body(void)
{
    NDK_CQ *cq = fresh(8);
    NDK_RESULT results[8];
    for (uintptr_t i = 0; i < 8; i++)
        put(cq, i, false, i == 3 ? STATUS_CANCELLED : STATUS_SUCCESS);
    ck_assert_uint_eq(cq->Dispatch->NdkGetCqResults(cq, results, 0), 0);
    ck_assert_uint_eq(cq->Dispatch->NdkGetCqResults(cq, results, 5), 5);
    for (uintptr_t i = 0; i < 5; i++) {
        ck_assert_uint_eq((uintptr_t)results[i].RequestContext, i);
        ck_assert_ptr_eq(results[i].QPContext, &st);
        ck_assert_int_eq(results[i].Status, i == 3 ? STATUS_CANCELLED : STATUS_SUCCESS);
    }
    put(cq, 8, false, STATUS_SUCCESS);
    ck_assert_uint_eq(cq->Dispatch->NdkGetCqResults(cq, results, 8), 4);
    ck_assert_uint_eq((uintptr_t)results[3].RequestContext, 8);
    ck_assert_uint_eq(cq->Dispatch->NdkGetCqResults(cq, results, 8), 0);
    ck_assert_uint_eq(told.count, 0);     // never armed
}

TEST(NdkGetCqResults_takes_results_out_in_order)
{
    stage_run(1, results_body);
}

// ---- arms -----------------------------------------------------------------------------------------------------------------------------

// Which results meet an arm, for every pair of arms.
static void
lattice_body(void)
{
    static const struct {
        ULONG first, second;
        bool by_any, by_solicited;
    } rows[] = {
        {NDK_CQ_NOTIFY_ANY, NDK_CQ_NOTIFY_ANY, true, true},
        {NDK_CQ_NOTIFY_ANY, NDK_CQ_NOTIFY_ERRORS, true, true},
        {NDK_CQ_NOTIFY_ANY, NDK_CQ_NOTIFY_SOLICITED, true, true},
        {NDK_CQ_NOTIFY_ERRORS, NDK_CQ_NOTIFY_ANY, true, true},
        {NDK_CQ_NOTIFY_ERRORS, NDK_CQ_NOTIFY_ERRORS, false, false},
        {NDK_CQ_NOTIFY_ERRORS, NDK_CQ_NOTIFY_SOLICITED, false, true},
        {NDK_CQ_NOTIFY_SOLICITED, NDK_CQ_NOTIFY_ANY, true, true},
        {NDK_CQ_NOTIFY_SOLICITED, NDK_CQ_NOTIFY_ERRORS, false, true},
        {NDK_CQ_NOTIFY_SOLICITED, NDK_CQ_NOTIFY_SOLICITED, false, true},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned kind = 0; kind < 3; kind++) {     // a plain result, a solicited one, a failure
            NDK_CQ *cq = fresh(4);
            arm(cq, rows[i].first);
            arm(cq, rows[i].second);
            put(cq, 0, kind == 1, kind == 2 ? STATUS_CANCELLED : STATUS_SUCCESS);
            stage_wait(1000);
            ck_assert_uint_eq(told.count, (kind ? rows[i].by_solicited : rows[i].by_any) ? 1 : 0);
            put(cq, 1, true, STATUS_SUCCESS);
            stage_wait(1000);             // one for an arm
            ck_assert_uint_eq(told.count, rows[i].by_solicited ? 1 : 0);
            take(cq, 2);
            stage_close(cq);
        }
}

TEST(NdkArmCq_twice_leaves_the_stronger_arm)
{
    stage_run(1, lattice_body);
}

static void
there_body(void)
{
    NDK_CQ *cq = fresh(8);
    put(cq, 0, false, STATUS_SUCCESS);
    arm(cq, NDK_CQ_NOTIFY_SOLICITED);
    stage_wait(1000);
    ck_assert_uint_eq(told.count, 0);
    arm(cq, NDK_CQ_NOTIFY_ANY);           // it is there, and new
    stage_until(&told.count, 1);
    ck_assert_int_eq(told.status, STATUS_SUCCESS);
    arm(cq, NDK_CQ_NOTIFY_ANY);           // it is there, and old
    stage_wait(1000);
    ck_assert_uint_eq(told.count, 1);
    put(cq, 1, false, STATUS_SUCCESS);
    stage_until(&told.count, 2);
    put(cq, 2, true, STATUS_SUCCESS);
    take(cq, 3);
    arm(cq, NDK_CQ_NOTIFY_ANY);           // new ones came, but they have been taken
    stage_wait(1000);
    ck_assert_uint_eq(told.count, 2);
    arm(cq, 77);                          // no such type
    put(cq, 3, true, STATUS_SUCCESS);
    stage_until(&told.count, 3);
    put(cq, 4, true, STATUS_SUCCESS);
    put(cq, 5, false, STATUS_SUCCESS);
    arm(cq, NDK_CQ_NOTIFY_SOLICITED);
    stage_until(&told.count, 4);
}

TEST(NdkArmCq_is_met_at_once_by_results_that_are_there_and_new)
{
    stage_run(1, there_body);
}

static void
rearm_body(void)
{
    NDK_CQ *cq = fresh(64);
    told.rearm = cq;
    told.rearm_type = NDK_CQ_NOTIFY_ANY;
    arm(cq, NDK_CQ_NOTIFY_ANY);
    for (unsigned i = 0; i < 20; i++) {
        put(cq, i, false, STATUS_SUCCESS);
        stage_until(&told.count, i + 1);
    }
    take(cq, 20);
}

TEST(NdkArmCq_from_inside_the_notification_arms_for_the_next)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        stage_run(seed, rearm_body);
}

// ---- moderation -----------------------------------------------------------------------------------------------------------------------

static NTSTATUS
moderate(NDK_CQ *cq, ULONG interval_us, ULONG count)
{
    return cq->Dispatch->NdkControlCqInterruptModeration(cq, interval_us, count);
}

static void
moderation_body(void)
{
    NDK_CQ *cq = fresh(16);
    ck_assert_int_eq(moderate(cq, MAXULONG, MAXULONG), STATUS_INVALID_PARAMETER_MIX);
    ck_assert_int_eq(moderate(cq, MAXULONG, 17), STATUS_INVALID_PARAMETER_MIX);
    static const ULONG none[][2] = {{0, 5}, {1000000, 0}, {1000000, 1}};
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(moderate(cq, none[i][0], none[i][1]), STATUS_SUCCESS);
        arm(cq, NDK_CQ_NOTIFY_ANY);
        put(cq, i, false, STATUS_SUCCESS);
        stage_wait(1000);
        ck_assert_uint_eq(told.count, i + 1);
    }
    take(cq, 3);
    told.count = 0;
    // By count: the fourth.
    ck_assert_int_eq(moderate(cq, MAXULONG, 4), STATUS_SUCCESS);
    arm(cq, NDK_CQ_NOTIFY_ANY);
    for (unsigned i = 0; i < 3; i++)
        put(cq, i, false, STATUS_SUCCESS);
    stage_wait(1000000);
    ck_assert_uint_eq(told.count, 0);
    put(cq, 3, false, STATUS_SUCCESS);
    stage_until(&told.count, 1);
    take(cq, 4);
    // By time, with a count that nothing reaches.
    ck_assert_int_eq(moderate(cq, 5000, MAXULONG), STATUS_SUCCESS);
    arm(cq, NDK_CQ_NOTIFY_ANY);
    put(cq, 0, false, STATUS_SUCCESS);
    stage_wait(3000);
    ck_assert_uint_eq(told.count, 1);
    arm(cq, NDK_CQ_NOTIFY_ANY);           // the arm before is not satisfied yet: it is the same
    stage_wait(5000);
    ck_assert_uint_eq(told.count, 2);
    // What comes first of both; new settings do not keep what waited.
    ck_assert_int_eq(moderate(cq, 5000, 2), STATUS_SUCCESS);
    take(cq, 1);
    arm(cq, NDK_CQ_NOTIFY_ANY);
    put(cq, 0, false, STATUS_SUCCESS);
    put(cq, 0, false, STATUS_SUCCESS);
    stage_wait(100);
    ck_assert_uint_eq(told.count, 3);
    arm(cq, NDK_CQ_NOTIFY_ANY);
    put(cq, 0, false, STATUS_SUCCESS);
    ck_assert_int_eq(moderate(cq, 0, 0), STATUS_SUCCESS);
    stage_wait(100);
    ck_assert_uint_eq(told.count, 4);
    // A CQ with one that waits is closed.
    ck_assert_int_eq(moderate(cq, 5000, 9), STATUS_SUCCESS);
    arm(cq, NDK_CQ_NOTIFY_ANY);
    put(cq, 0, false, STATUS_SUCCESS);
    stage_close(cq);
    stage_wait(20000);
    ck_assert_uint_eq(told.count, 4);
}

TEST(NdkControlCqInterruptModeration_holds_a_notification_for_so_many_results_or_so_long)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        stage_run(seed, moderation_body);
}

// ---- resize, overrun ------------------------------------------------------------------------------------------------------------------

static NTSTATUS
resize(NDK_CQ *cq, ULONG depth)
{
    return stage_status(cq->Dispatch->NdkResizeCq(cq, depth, stage_on_request, NULL));
}

static void
resize_body(void)
{
    NDK_CQ *cq = fresh(4);
    NDK_RESULT results[64];
    for (unsigned i = 0; i < 4; i++)
        put(cq, i, false, STATUS_SUCCESS);
    ck_assert_int_eq(resize(cq, 3), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(resize(cq, 0), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(resize(cq, RDMA_CQ_DEPTH_MAX + 1), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(resize(cq, 7), STATUS_SUCCESS);
    for (unsigned i = 4; i < 7; i++)
        ck_assert(put(cq, i, false, STATUS_SUCCESS));
    ck_assert_uint_eq(cq->Dispatch->NdkGetCqResults(cq, results, 5), 5);
    ck_assert_int_eq(resize(cq, 2), STATUS_SUCCESS);
    ck_assert_uint_eq(cq->Dispatch->NdkGetCqResults(cq, results + 5, 64), 2);
    for (uintptr_t i = 0; i < 7; i++)
        ck_assert_uint_eq((uintptr_t)results[i].RequestContext, i);
    ck_assert_int_eq(resize(cq, RDMA_CQ_DEPTH_MAX), STATUS_SUCCESS);
}

TEST(NdkResizeCq_keeps_what_is_there)
{
    stage_run(1, resize_body);
    st.pends = true;
    stage_run(1, resize_body);
}

static void
overrun_body(void)
{
    NDK_CQ *cq = fresh(2);
    NDK_RESULT result;
    arm(cq, NDK_CQ_NOTIFY_ERRORS);
    ck_assert(put(cq, 0, false, STATUS_SUCCESS));
    ck_assert(put(cq, 1, false, STATUS_CANCELLED));
    stage_wait(1000);
    ck_assert_uint_eq(told.count, 0);     // failures of requests are not the CQ's
    ck_assert(!put(cq, 2, false, STATUS_SUCCESS));
    stage_until(&told.count, 1);
    ck_assert_int_eq(told.status, STATUS_BUFFER_OVERFLOW);
    ck_assert_uint_eq(cq->Dispatch->NdkGetCqResults(cq, &result, 1), 0);       // it is unusable
    ck_assert(!put(cq, 3, false, STATUS_SUCCESS));
    arm(cq, NDK_CQ_NOTIFY_ANY);
    stage_wait(1000);
    ck_assert_uint_eq(told.count, 1);
    ck_assert_uint_eq(st.rdma->counts.CQError, 1);
    stage_close(cq);
    cq = fresh(1);                        // not armed at that time: the next arm tells it
    put(cq, 0, false, STATUS_SUCCESS);
    put(cq, 1, false, STATUS_SUCCESS);
    arm(cq, NDK_CQ_NOTIFY_ERRORS);
    stage_until(&told.count, 1);
    ck_assert_int_eq(told.status, STATUS_BUFFER_OVERFLOW);
}

TEST(NdkCqNotificationCallback_tells_an_overrun_once)
{
    stage_run(1, overrun_body);
}

// The QPs of an overrun CQ take no more requests.
static void
overrun_qp_body(void)
{
    pair_make();
    NDK_CQ *small = stage_cq(1, NULL);
    NDK_QP *qp = stage_qp(pair.pd_a, small, 4, 1, 0);
    stage_join(qp, pair.b);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(qp->Dispatch->NdkWrite(qp, NULL, NULL, 0, 0, 0, 0), STATUS_SUCCESS);
    ck_assert_int_eq(qp->Dispatch->NdkWrite(qp, NULL, NULL, 0, 0, 0, 0), STATUS_CONNECTION_INVALID);
}

TEST(a_QP_with_an_overrun_CQ_is_unusable)
{
    for (uint64_t seed = 1; seed <= 4; seed++)
        stage_run(seed, overrun_qp_body);
}
