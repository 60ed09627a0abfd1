// SPDX-License-Identifier: MIT
// Cases of adapters and queues: ndadapterinfo, ndcat, ndcq, and of ndmemorytest largeqpdepth, qpmaxall, receiveflushqp.
#include "cases.h"

#include <check.h>
#include <string.h>

static NDK_ADAPTER_INFO
info_of(int box)
{
    NDK_ADAPTER *adapter = rc_end[box].adapter;
    NDK_ADAPTER_INFO info;
    ULONG bytes = sizeof info;
    NTSTATUS status;
    RC_CALL(box, status = adapter->Dispatch->NdkQueryAdapterInfo(adapter, &info, &bytes));
    ck_assert_int_eq(status, STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, sizeof info);
    return info;
}

// ---- ndadapterinfo ----------------------------------------------------------------------------------------------------------------

bool
case_ndadapterinfo(void)
{
    for (int box = 0; box < 2; box++) {
        NDK_ADAPTER *adapter = rc_end[box].adapter;
        ULONG bytes = 0;
        NTSTATUS status;
        RC_CALL(box, status = adapter->Dispatch->NdkQueryAdapterInfo(adapter, NULL, &bytes));
        ck_assert_int_eq(status, STATUS_BUFFER_TOO_SMALL);
        ck_assert_uint_eq(bytes, sizeof(NDK_ADAPTER_INFO));
        NDK_ADAPTER_INFO info = info_of(box);
        ck_assert_uint_eq(info.Version.Major, 2);
        ck_assert_uint_eq(info.Version.Minor, 1);
        ck_assert_int_eq(info.RdmaTechnology, NdkiWarp);
        ck_assert_uint_ge(info.FRMRPageCount, 16);          // the page's least
        ULONG limits[] = {info.MaxInitiatorRequestSge,
                          info.MaxReceiveRequestSge,
                          info.MaxReadRequestSge,
                          info.MaxTransferLength,
                          info.MaxInlineDataSize,
                          info.MaxInboundReadLimit,
                          info.MaxOutboundReadLimit,
                          info.MaxReceiveQueueDepth,
                          info.MaxInitiatorQueueDepth,
                          info.MaxSrqDepth,
                          info.MaxCqDepth,
                          info.LargeRequestThreshold,
                          info.MaxCallerData,
                          info.MaxCalleeData,
                          (ULONG)(info.MaxWindowSize >> 20),
                          (ULONG)(info.MaxRegistrationSize >> 20)};
        for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++)
            ck_assert_msg(limits[i] != 0, "limit %u", i);
        ULONG known = NDK_ADAPTER_FLAG_IN_ORDER_DMA_SUPPORTED | NDK_ADAPTER_FLAG_RDMA_READ_SINK_NOT_REQUIRED |
                      NDK_ADAPTER_FLAG_CQ_INTERRUPT_MODERATION_SUPPORTED | NDK_ADAPTER_FLAG_MULTI_ENGINE_SUPPORTED |
                      NDK_ADAPTER_FLAG_RDMA_READ_LOCAL_INVALIDATE_SUPPORTED | NDK_ADAPTER_FLAG_CQ_RESIZE_SUPPORTED |
                      NDK_ADAPTER_FLAG_LOOPBACK_CONNECTIONS_SUPPORTED;
        ck_assert_uint_eq(info.AdapterFlags & ~known, 0);
        ck_assert_uint_ne(info.AdapterFlags & NDK_ADAPTER_FLAG_IN_ORDER_DMA_SUPPORTED, 0);      // ndrpingpong looks at last bytes
    }
    return true;
}

// ---- ndcat: which addresses are the adapter's ---------------------------------------------------------------------------------------

static NTAPI VOID
nobody_connects(PVOID context, NDK_CONNECTOR *connector)
{
    ck_abort_msg("nobody knows of this listener");
}

// NDKPI has no list of addresses: an address is the adapter's when it can be listened on.
static bool
listens_at(int box, const SOCKADDR_INET *address, ULONG bytes, NTSTATUS wanted)
{
    struct rc_listener *listener = nd2_listener(box, 0);     // made, with an address that is right
    struct rc_made made = {0};
    struct rc_wait wait;
    NDK_ADAPTER *adapter = rc_end[box].adapter;
    NDK_LISTENER *other = NULL;
    NTSTATUS status;
    NEED(listener != NULL);
    ck_assert_uint_ge(rc_port_of(&listener->address), 49152);
    rc_wait_init(&made.wait);
    rc_wait_init(&wait);
    RC_CALL(box, status = adapter->Dispatch->NdkCreateListener(adapter, nobody_connects, NULL, rc_on_made, &made, &other));
    NDK_OBJECT_HEADER *later = rc_made_end(box, status, &made);
    if (later)
        other = (NDK_LISTENER *)later;
    NEED(other != NULL);
    RC_CALL(box, status = other->Dispatch->NdkListen(other, (PSOCKADDR)address, bytes, rc_done, &wait));
    status = rc_end_of(box, status, &wait);
    rc_close_object(box, &other->Header, (NDK_FN_CLOSE_OBJECT *)&other->Dispatch->NdkCloseListener);
    return nd2_is(status, wanted);
}

bool
case_ndcat(void)
{
    for (int box = 0; box < 2; box++) {
        SOCKADDR_INET own = rc_address(box, 0), peers = rc_address(!box, 0), any = rc_address(box, 0), many = rc_address(box, 0);
        ULONG bytes = rc_net.is_six ? sizeof own.Ipv6 : sizeof own.Ipv4;
        memset((UCHAR *)&any + (rc_net.is_six ? 8 : 4), 0, rc_net.is_six ? 16 : 4);
        ((UCHAR *)&many)[rc_net.is_six ? 8 : 4] = rc_net.is_six ? 0xFF : 224;
        NEED(listens_at(box, &own, bytes, STATUS_SUCCESS));
        NEED(listens_at(box, &peers, bytes, STATUS_INVALID_ADDRESS));
        NEED(listens_at(box, &any, bytes, STATUS_INVALID_ADDRESS));
        NEED(listens_at(box, &many, bytes, STATUS_INVALID_ADDRESS));
        NEED(listens_at(box, &own, bytes - 1, STATUS_INVALID_ADDRESS));
        own.si_family = AF_INET + 77;
        NEED(listens_at(box, &own, bytes, STATUS_INVALID_ADDRESS));
    }
    return true;
}

// ---- ndcq: notifications of two queues, in any order --------------------------------------------------------------------------------

static const NDK_ADAPTER_INFO small_qp = {
    .MaxReceiveQueueDepth = 4, .MaxInitiatorQueueDepth = 1, .MaxReceiveRequestSge = 1, .MaxInitiatorRequestSge = 1};

// So many results into the CQ: receives that a flush cancels.
static bool
results_make(NDK_QP *qp, int box, ULONG count)
{
    NTSTATUS status;
    for (ULONG i = 0; i < count; i++) {
        RC_CALL(box, status = qp->Dispatch->NdkReceive(qp, (PVOID)(uintptr_t)i, NULL, 0));
        ck_assert_int_eq(status, STATUS_SUCCESS);
    }
    RC_CALL(box, qp->Dispatch->NdkFlush(qp));
    return true;
}

static void
arm(struct nd2_cq *queue, ULONG type)
{
    RC_CALL(queue->box, queue->cq->Dispatch->NdkArmCq(queue->cq, type));
}

// What is there, all of it cancelled.
static void
results_are(struct nd2_cq *queue, ULONG count)
{
    NDK_RESULT results[8];
    ULONG got;
    RC_CALL(queue->box, got = queue->cq->Dispatch->NdkGetCqResults(queue->cq, results, 8));
    ck_assert_uint_eq(got, count);
    for (ULONG i = 0; i < count; i++) {
        ck_assert_int_eq(results[i].Status, STATUS_CANCELLED);
        ck_assert_uint_eq((uintptr_t)results[i].RequestContext, i);
    }
}

static bool
notified(struct nd2_cq *queue, ULONG count)
{
    for (ULONG ms = 0; ms < RC_WAIT_S * 1000 && __atomic_load_n(&queue->notifications, __ATOMIC_ACQUIRE) < count; ms++)
        rc_sleep_ms(1);
    ck_assert_uint_eq(__atomic_exchange_n(&queue->notifications, 0, __ATOMIC_ACQUIRE), count);
    if (count)
        ck_assert_int_eq(queue->status, STATUS_SUCCESS);
    return true;
}

bool
case_ndcq(void)
{
    ULONG rounds = nd2.is_whole ? 1000 : rc_net.is_short ? 1 : 20;
    struct nd2_cq *queues[2];
    NDK_QP *qps[2];
    for (int i = 0; i < 2; i++) {
        NEED(queues[i] = nd2_cq(nd2.server, 8));
        NEED(nd2_is(nd2_qp(nd2.server, queues[i]->cq, &small_qp, &qps[i]), STATUS_SUCCESS));
    }
    for (ULONG round = 0; round < rounds; round++)
        for (int first = 0; first < 2; first++) {
            // Armed in one order, met in that or in the other; the second of two arms of one queue is no second notification.
            arm(queues[first], NDK_CQ_NOTIFY_ANY);
            arm(queues[!first], NDK_CQ_NOTIFY_ANY);
            arm(queues[!first], NDK_CQ_NOTIFY_ANY);
            int begin = round % 2 ? first : !first;
            NEED(results_make(qps[begin], nd2.server, 1));
            NEED(notified(queues[begin], 1));
            NEED(notified(queues[!begin], 0));
            NEED(results_make(qps[!begin], nd2.server, 2));
            NEED(notified(queues[!begin], 1));
            results_are(queues[begin], 1);
            results_are(queues[!begin], 2);
            NEED(results_make(qps[first], nd2.server, 1));   // nobody armed it
            NEED(notified(queues[first], 0));
            results_are(queues[first], 1);
        }
    arm(queues[0], NDK_CQ_NOTIFY_ANY);        // and one that is closed with its arm
    return true;
}

// ---- largeqpdepth, qpmaxall ---------------------------------------------------------------------------------------------------------

bool
case_largeqpdepth(void)
{
    NDK_ADAPTER_INFO most = info_of(nd2.server);
    struct nd2_cq *queue;
    NDK_QP *qp;
    NEED(queue = nd2_cq(nd2.server, 8));
    ULONG *const limits[] = {&most.MaxReceiveQueueDepth, &most.MaxInitiatorQueueDepth, &most.MaxReceiveRequestSge,
                             &most.MaxInitiatorRequestSge, &most.MaxInlineDataSize};
    for (unsigned i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        NDK_ADAPTER_INFO asked = small_qp;
        ULONG *limit = (ULONG *)((UCHAR *)&asked + ((UCHAR *)limits[i] - (UCHAR *)&most));
        *limit = *limits[i] + 1;
        NEED(nd2_is(nd2_qp(nd2.server, queue->cq, &asked, &qp), STATUS_INVALID_PARAMETER));
    }
    return nd2_is(nd2_qp(nd2.server, queue->cq, &small_qp, &qp), STATUS_SUCCESS);
}

bool
case_qpmaxall(void)
{
    NDK_ADAPTER_INFO most = info_of(nd2.server);
    ULONG depth = most.MaxReceiveQueueDepth, got = 0, count;
    NDK_RESULT results[256];
    struct nd2_cq *queue;
    NTSTATUS status = STATUS_SUCCESS;
    NDK_QP *qp;
    NEED(queue = nd2_cq(nd2.server, most.MaxCqDepth));
    NEED(nd2_is(nd2_qp(nd2.server, queue->cq, &most, &qp), STATUS_SUCCESS));
    if (!nd2.is_whole)
        return true;
    for (ULONG i = 0; i < depth && status == STATUS_SUCCESS; i++)        // and they are all there
        RC_CALL(nd2.server, status = qp->Dispatch->NdkReceive(qp, (PVOID)(uintptr_t)i, NULL, 0));
    ck_assert_int_eq(status, STATUS_SUCCESS);
    RC_CALL(nd2.server, status = qp->Dispatch->NdkReceive(qp, NULL, NULL, 0));
    ck_assert_int_eq(status, STATUS_INSUFFICIENT_RESOURCES);
    RC_CALL(nd2.server, qp->Dispatch->NdkFlush(qp));
    do {
        RC_CALL(nd2.server, count = queue->cq->Dispatch->NdkGetCqResults(queue->cq, results, 256));
        for (ULONG i = 0; i < count; i++) {
            ck_assert_int_eq(results[i].Status, STATUS_CANCELLED);
            ck_assert_uint_eq((uintptr_t)results[i].RequestContext, got++);
        }
    } while (count);
    ck_assert_uint_eq(got, depth);
    return true;
}

// ---- receiveflushqp -----------------------------------------------------------------------------------------------------------------

bool
case_receiveflushqp(void)
{
    struct nd2_cq *queue;
    NDK_QP *qp;
    NEED(queue = nd2_cq(nd2.server, 8));
    NEED(nd2_is(nd2_qp(nd2.server, queue->cq, &small_qp, &qp), STATUS_SUCCESS));
    arm(queue, NDK_CQ_NOTIFY_ANY);
    NEED(results_make(qp, nd2.server, 2));
    NEED(notified(queue, 1));
    results_are(queue, 2);
    // Over a connection, too: then it is the end of the QP.
    struct nd2_pair pair = {0};
    NEED(nd2_open(&pair));
    NEED(nd2_receive(pair.passive, 1, (struct nd2_piece){0}));
    NEED(nd2_receive(pair.passive, 2, (struct nd2_piece){0}));
    RC_CALL(pair.passive->box, pair.passive->qp->Dispatch->NdkFlush(pair.passive->qp));
    NEED(nd2_result_is(pair.passive->box, 1, STATUS_CANCELLED));
    return nd2_result_is(pair.passive->box, 2, STATUS_CANCELLED);
}
