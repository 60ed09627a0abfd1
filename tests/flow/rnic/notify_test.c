// SPDX-License-Identifier: MIT
// Notifications of CQs and SRQs, and what a consumer takes out of a CQ: what their pages say one by one. The arm lattice, resizing and
// overruns with what stands in the CQ are in cq_test.c, thresholds in srq_test.c.
#include "pair.h"

static struct told told;

static BOOLEAN
put(NDK_CQ *cq, uintptr_t context, NTSTATUS status)
{
    NDK_RESULT_EX result = {.Status = status, .QPContext = &st, .RequestContext = (PVOID)context, .Type = NdkOperationTypeWrite};
    struct rdma_call call;
    rdma_enter(st.rdma, &call);
    BOOLEAN is_good = rdma_cq_push((struct rdma_cq *)cq, &result, FALSE, call.now_us);
    rdma_leave(st.rdma, &call);
    return is_good;
}

static ULONG
take(NDK_CQ *cq, ULONG most)
{
    NDK_RESULT_EX results[64];
    return cq->Dispatch->NdkGetCqResultsEx(cq, results, most);
}

static NDK_CQ *
fresh(ULONG depth)
{
    memset(&told, 0, sizeof told);
    return stage_cq(depth, &told);
}

static void
arm(NDK_CQ *cq, ULONG type)
{
    KIRQL irql;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    cq->Dispatch->NdkArmCq(cq, type);
    KeLowerIrql(irql);
}

// ---- NdkArmCq -------------------------------------------------------------------------------------------------------------------------

// One arm of each type alone: what it is met by.
static void
types_body(void)
{
    static const struct {
        ULONG type;
        bool by_success, by_failure, by_overrun;
    } rows[] = {
        {NDK_CQ_NOTIFY_ERRORS, false, false, true},
        {NDK_CQ_NOTIFY_ANY, true, true, true},
        {NDK_CQ_NOTIFY_SOLICITED, false, true, true},
    };
    for (unsigned i = 0; i < 9; i++) {
        NDK_CQ *cq = fresh(1);
        unsigned way = i % 3;
        bool is_met = way == 0 ? rows[i / 3].by_success : way == 1 ? rows[i / 3].by_failure
                                                                   : rows[i / 3].by_overrun;
        if (way == 2)
            put(cq, 1, STATUS_SUCCESS);
        if (way == 2)
            take(cq, 1);
        arm(cq, rows[i / 3].type);
        put(cq, 1, way == 1 ? STATUS_CANCELLED : STATUS_SUCCESS);
        if (way == 2 && told.count == 0)
            put(cq, 2, STATUS_SUCCESS);
        stage_wait(1000);
        ck_assert_uint_eq(told.count, is_met);
        stage_close(cq);
    }
}

TEST(NdkArmCq_of_each_type_is_met_by_what_its_page_says)
{
    EACH_SEED(types_body);
}

// Closed with an arm that nothing has met: no notification comes any more.
static void
arm_closed_body(void)
{
    NDK_CQ *cq = fresh(4);
    arm(cq, NDK_CQ_NOTIFY_ANY);
    stage_close(cq);
    stage_wait(10000);
    ck_assert_uint_eq(told.count, 0);
}

TEST(NdkArmCq_is_forgotten_when_the_CQ_is_closed)
{
    EACH_SEED(arm_closed_body);
    st.pends = true;
    EACH_SEED(arm_closed_body);
}

// ---- NdkCqNotificationCallback --------------------------------------------------------------------------------------------------------

static struct {
    NDK_CQ *cq;
    volatile unsigned entered, left, inside, most;
    bool waits;
} n;

static NTAPI VOID
on_slow(PVOID context, NTSTATUS status)
{
    ck_assert_ptr_eq(context, &n);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    ck_assert_int_le(KeGetCurrentIrql(), DISPATCH_LEVEL);
    n.entered++;
    n.inside++;
    if (n.inside > n.most)
        n.most = n.inside;
    if (n.entered < 5) {                  // armed again and met while this runs: the next waits until it has returned
        n.cq->Dispatch->NdkArmCq(n.cq, NDK_CQ_NOTIFY_ANY);
        put(n.cq, n.entered, STATUS_SUCCESS);
    }
    for (volatile unsigned i = 0; i < 50; i++)
        KeStallExecutionProcessor(1);
    n.inside--;
    n.left++;
}

static void
serial_body(void)
{
    memset(&n, 0, sizeof n);
    NTSTATUS status = st.adapter->Dispatch->NdkCreateCq(st.adapter, 16, on_slow, &n, NULL, stage_on_create, NULL, &n.cq);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    stage_keep(n.cq);
    n.cq->Dispatch->NdkArmCq(n.cq, NDK_CQ_NOTIFY_ANY);
    put(n.cq, 0, STATUS_SUCCESS);
    stage_until(&n.left, 5);
    stage_wait(1000);
    ck_assert_uint_eq(n.left, 5);         // once for each arm
    ck_assert_uint_eq(n.most, 1);         // one after the other
    ck_assert_uint_eq(take(n.cq, 16), 5);
}

TEST(NdkCqNotificationCallback_comes_once_for_an_arm_and_never_inside_another)
{
    for (uint64_t seed = 1; seed <= 16; seed++)
        stage_run(seed, serial_body);
}

// ---- NdkGetCqResults, NdkGetCqResultsEx -----------------------------------------------------------------------------------------------

static void
results_body(void)
{
    NDK_CQ *cq = fresh(4);
    NDK_RESULT_EX ex[4];
    NDK_RESULT plain[4];
    KIRQL irql;
    memset(ex, 0xEE, sizeof ex);
    ck_assert_uint_eq(cq->Dispatch->NdkGetCqResultsEx(cq, ex, 4), 0);
    ck_assert_uint_eq(cq->Dispatch->NdkGetCqResults(cq, plain, 4), 0);
    for (uintptr_t round = 0; round < 5; round++) {     // round the ring, and by turns of both functions
        for (uintptr_t i = 0; i < 4; i++)
            ck_assert(put(cq, round * 10 + i, i == 1 ? STATUS_CANCELLED : STATUS_SUCCESS));
        KeRaiseIrql(DISPATCH_LEVEL, &irql);
        ULONG none = cq->Dispatch->NdkGetCqResultsEx(cq, ex, 0), one = cq->Dispatch->NdkGetCqResultsEx(cq, ex, 1);
        ULONG other = cq->Dispatch->NdkGetCqResults(cq, plain, 1), rest = cq->Dispatch->NdkGetCqResultsEx(cq, ex + 1, 3);
        KeLowerIrql(irql);
        ck_assert_uint_eq(none, 0);
        ck_assert_uint_eq(one, 1);
        ck_assert_uint_eq(other, 1);
        ck_assert_uint_eq(rest, 2);
        ck_assert_ptr_eq(ex[0].RequestContext, (PVOID)(round * 10));
        ck_assert_int_eq(ex[0].Status, STATUS_SUCCESS);
        ck_assert_uint_eq(ex[0].ProviderErrorCode, 0);
        ck_assert_int_eq(ex[0].Type, NdkOperationTypeWrite);
        ck_assert_ptr_eq(ex[0].QPContext, &st);
        ck_assert_ptr_eq(plain[0].RequestContext, (PVOID)(round * 10 + 1));
        ck_assert_int_eq(plain[0].Status, STATUS_CANCELLED);
        ck_assert_ptr_eq(plain[0].QPContext, &st);
        ck_assert_ptr_eq(ex[1].RequestContext, (PVOID)(round * 10 + 2));
        ck_assert_ptr_eq(ex[2].RequestContext, (PVOID)(round * 10 + 3));
        ck_assert_uint_eq(cq->Dispatch->NdkGetCqResultsEx(cq, ex, 4), 0);
    }
}

TEST(NdkGetCqResultsEx_takes_results_out_in_order_with_their_types)
{
    EACH_SEED(results_body);
}

TEST(NdkGetCqResults_takes_turns_with_NdkGetCqResultsEx)
{
    EACH_SEED(results_body);
}

// ---- NdkControlCqInterruptModeration --------------------------------------------------------------------------------------------------

static NTSTATUS
moderate(NDK_CQ *cq, ULONG interval_us, ULONG count)
{
    KIRQL irql;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    NTSTATUS status = cq->Dispatch->NdkControlCqInterruptModeration(cq, interval_us, count);
    KeLowerIrql(irql);
    return status;
}

// By count alone: of what is in the CQ, up to its whole depth, and whatever was there when it was armed.
static void
count_body(void)
{
    NDK_CQ *cq = fresh(8);
    for (ULONG count = 2; count <= 8; count++)
        for (ULONG before = 0; before <= count; before++) {
            told.count = 0;
            ck_assert_int_eq(moderate(cq, MAXULONG, count), STATUS_SUCCESS);
            for (ULONG i = 0; i < before; i++)
                put(cq, i, STATUS_SUCCESS);
            arm(cq, NDK_CQ_NOTIFY_ANY);
            for (ULONG i = before; i < count; i++) {
                stage_wait(1000);
                ck_assert_uint_eq(told.count, 0);
                ck_assert(put(cq, i, STATUS_SUCCESS));
            }
            stage_until(&told.count, 1);
            ck_assert_uint_eq(take(cq, 8), count);
        }
}

TEST(NdkControlCqInterruptModeration_by_count_is_of_what_is_in_the_CQ)
{
    stage_run(1, count_body);
}

// The provider says that it has it, and so never STATUS_NOT_SUPPORTED; a CQ begins without.
static void
supported_body(void)
{
    NDK_ADAPTER_INFO info;
    ULONG bytes = sizeof info;
    NDK_CQ *cq = fresh(4);
    ck_assert_int_eq(st.adapter->Dispatch->NdkQueryAdapterInfo(st.adapter, &info, &bytes), STATUS_SUCCESS);
    ck_assert_uint_ne(info.AdapterFlags & NDK_ADAPTER_FLAG_CQ_INTERRUPT_MODERATION_SUPPORTED, 0);
    arm(cq, NDK_CQ_NOTIFY_ANY);
    put(cq, 0, STATUS_SUCCESS);
    stage_until(&told.count, 1);
    ck_assert_uint_eq(take(cq, 4), 1);
    ck_assert_int_eq(moderate(cq, MAXULONG, 4), STATUS_SUCCESS);
    ck_assert_int_eq(moderate(cq, MAXULONG, 5), STATUS_INVALID_PARAMETER_MIX);
    ck_assert_int_eq(moderate(cq, MAXULONG, MAXULONG), STATUS_INVALID_PARAMETER_MIX);
    ck_assert_int_eq(moderate(cq, 1, MAXULONG), STATUS_SUCCESS);
    ck_assert_int_eq(moderate(cq, 0, MAXULONG), STATUS_SUCCESS);
}

TEST(NdkControlCqInterruptModeration_says_each_documented_status)
{
    EACH_SEED(supported_body);
}

// A depth that the count no longer fits into does not lose the notification, be it waiting already or not.
static void
resized_body(void)
{
    for (unsigned way = 0; way < 2; way++) {
        NDK_CQ *cq = fresh(16);
        ck_assert_int_eq(moderate(cq, MAXULONG, 10), STATUS_SUCCESS);
        if (way) {
            arm(cq, NDK_CQ_NOTIFY_ANY);
            put(cq, 0, STATUS_SUCCESS);
            stage_wait(1000);
            ck_assert_uint_eq(told.count, 0);
        }
        ck_assert_int_eq(stage_status(cq->Dispatch->NdkResizeCq(cq, 4, stage_on_request, NULL)), STATUS_SUCCESS);
        if (!way) {
            arm(cq, NDK_CQ_NOTIFY_ANY);
            for (unsigned i = 0; i < 4; i++)
                ck_assert(put(cq, i, STATUS_SUCCESS));
        }
        stage_until(&told.count, 1);
        ck_assert_int_eq(told.status, STATUS_SUCCESS);
        stage_close(cq);
    }
}

TEST(NdkResizeCq_loses_no_notification_that_is_moderated)
{
    EACH_SEED(resized_body);
}

// ---- NdkResizeCq ----------------------------------------------------------------------------------------------------------------------

static NDK_CQ *the_cq;

static NTSTATUS
resize_starved(void)
{
    return the_cq->Dispatch->NdkResizeCq(the_cq, 9, stage_on_request, NULL);
}

static void
resize_body(void)
{
    KIRQL irql;
    the_cq = fresh(4);
    ck_assert_uint_ge(stage_starve(resize_starved), 1);
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    NTSTATUS status = the_cq->Dispatch->NdkResizeCq(the_cq, 3, stage_on_request, NULL);
    NTSTATUS too_large = the_cq->Dispatch->NdkResizeCq(the_cq, RDMA_CQ_DEPTH_MAX + 1, stage_on_request, NULL);
    KeLowerIrql(irql);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    ck_assert_int_eq(too_large, STATUS_INVALID_PARAMETER);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(put(the_cq, i, STATUS_SUCCESS), i < 3);      // three, and then it is overrun
}

TEST(NdkResizeCq_sets_the_depth_or_says_that_there_is_no_memory)
{
    EACH_SEED(resize_body);
}

// ---- NdkModifySrq, NdkSrqNotificationCallback -----------------------------------------------------------------------------------------

static NDK_SRQ *the_srq;

static NTSTATUS
modify(ULONG depth, ULONG threshold)
{
    KIRQL irql;
    KeRaiseIrql(DISPATCH_LEVEL, &irql);
    NTSTATUS status = the_srq->Dispatch->NdkModifySrq(the_srq, depth, threshold, stage_on_request, NULL);
    KeLowerIrql(irql);
    return status;
}

static NTSTATUS
modify_starved(void)
{
    return the_srq->Dispatch->NdkModifySrq(the_srq, 100, 0, stage_on_request, NULL);
}

static void
srq_make(NDK_PD *pd, bool is_told)
{
    memset(&told, 0, sizeof told);
    the_srq = NULL;
    NDK_FN_SRQ_NOTIFICATION_CALLBACK on_notify = is_told ? stage_on_notify : NULL;
    NTSTATUS status = pd->Dispatch->NdkCreateSrq(pd, 4, 1, 0, on_notify, &told, NULL, stage_on_create, NULL, &the_srq);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    stage_keep(the_srq);
}

static void
modify_body(void)
{
    srq_make(stage_pd(), true);
    ck_assert_uint_ge(stage_starve(modify_starved), 1);
    ck_assert_int_eq(modify(RDMA_QUEUE_DEPTH_MAX + 1, 3), STATUS_INVALID_PARAMETER);
    stage_wait(1000);
    ck_assert_uint_eq(told.count, 0);                   // what is refused arms nothing
    ck_assert_int_eq(modify(RDMA_QUEUE_DEPTH_MAX, 0), STATUS_SUCCESS);
    ck_assert_int_eq(modify(0, 1), STATUS_SUCCESS);     // below it already
    stage_until(&told.count, 1);
    ck_assert_int_eq(modify(5, 0), STATUS_SUCCESS);     // zero leaves it disarmed
    stage_wait(1000);
    ck_assert_uint_eq(told.count, 1);
    srq_make(stage_pd(), false);                        // nobody is to be told
    ck_assert_int_eq(modify(0, 2), STATUS_SUCCESS);
    stage_wait(1000);
    ck_assert_uint_eq(told.count, 0);
}

TEST(NdkModifySrq_says_each_documented_status_and_arms_the_notification)
{
    EACH_SEED(modify_body);
}

static void
modify_pends_body(void)
{
    NDK_PD *pd = stage_pd();
    ck_assert_int_eq(pd->Dispatch->NdkCreateSrq(pd, 4, 1, 0, NULL, NULL, NULL, stage_on_create, NULL, &the_srq), STATUS_PENDING);
    stage_until(&st.creates, 1);
    st.creates = 0;
    the_srq = (NDK_SRQ *)st.created;
    stage_keep(the_srq);
    ck_assert_int_eq(modify(9, 0), STATUS_PENDING);
    stage_until(&st.requests, 1);
    ck_assert_int_eq(st.request_status, STATUS_SUCCESS);
    st.requests = 0;
}

TEST(NdkModifySrq_may_pend)
{
    st.pends = true;
    EACH_SEED(modify_pends_body);
}

// The close comes while the notification runs, from inside it, and is over behind it.
static volatile unsigned n_notified, closed_inside;

static NTAPI VOID
on_close_from_inside(PVOID context, NTSTATUS status)
{
    ck_assert_ptr_eq(context, &n);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    ck_assert_int_eq(the_srq->Dispatch->NdkCloseSrq(&the_srq->Header, stage_on_close, NULL), STATUS_PENDING);
    closed_inside = st.closes;
    n_notified++;
}

static void
srq_inside_body(void)
{
    NDK_PD *pd = stage_pd();
    n_notified = 0;
    NTSTATUS status = pd->Dispatch->NdkCreateSrq(pd, 4, 1, 0, on_close_from_inside, &n, NULL, stage_on_create, NULL, &the_srq);
    ck_assert_int_eq(status, STATUS_SUCCESS);
    ck_assert_int_eq(modify(0, 1), STATUS_SUCCESS);
    stage_until(&st.closes, 1);
    ck_assert_uint_eq(n_notified, 1);
    ck_assert_uint_eq(closed_inside, 0);
}

TEST(NdkSrqNotificationCallback_may_close_its_SRQ_which_is_over_behind_it)
{
    EACH_SEED(srq_inside_body);
}
