// SPDX-License-Identifier: MIT
// Slots of requests, which all queues of an adapter share: each queue has as many as it is deep, whatever the others do, and with no
// memory; what nobody has posted was never touched.
#include "stage.h"

#include <nbx/fault.h>

#define QUEUES 12
#define SGES 3

static NDK_QP *qps[QUEUES];
static ULONG depths[QUEUES];

static struct rdma_slots *
slots_of_receives(void)
{
    return &st.rdma->slots[rdma_receive_slot_bytes(SGES) / RDMA_SLOT_GRAIN];
}

// So many queues of a QP have slots of this size.
static ULONG
queues_of_qp(void)
{
    return rdma_slot_bytes(SGES, 0) == rdma_receive_slot_bytes(SGES) ? 2 : 1;
}

static void
receives_post(unsigned q)
{
    for (ULONG i = 0; i < depths[q]; i++)
        ck_assert_int_eq(qps[q]->Dispatch->NdkReceive(qps[q], NULL, NULL, 0), STATUS_SUCCESS);
    ck_assert_int_eq(qps[q]->Dispatch->NdkReceive(qps[q], NULL, NULL, 0), STATUS_INSUFFICIENT_RESOURCES);
}

static void
receives_flush(NDK_CQ *cq, unsigned q)
{
    NDK_RESULT result;
    qps[q]->Dispatch->NdkFlush(qps[q]);
    for (ULONG i = 0; i < depths[q]; i++) {
        ck_assert_uint_eq(cq->Dispatch->NdkGetCqResults(cq, &result, 1), 1);
        ck_assert_int_eq(result.Status, STATUS_CANCELLED);
    }
    ck_assert_uint_eq(cq->Dispatch->NdkGetCqResults(cq, &result, 1), 0);
}

// Queues come and go, all are full, some are emptied and filled again; every allocation is refused while anything is posted.
static void
full_body(void)
{
    struct nbx_fault_plan none = {.mode = NBX_FAULT_CHANCE, .per_million = 1000000, .program = true};
    NDK_CQ *cq = stage_cq(1000, NULL);
    NDK_PD *pd = stage_pd();
    ULONG sum = 0;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned q = 0; q < QUEUES; q++) {
            if (qps[q] && (q + round) % 3)
                continue;                 // it stays
            if (qps[q])
                stage_close(qps[q]);
            depths[q] = 1 + (q * 7 + round * 5) % 16;
            qps[q] = stage_qp(pd, cq, depths[q], SGES, 0);
        }
        ck_assert_int_eq(nbx_fault_arm(&none), 0);
        for (unsigned q = 0; q < QUEUES; q++)
            receives_post(q);
        for (unsigned q = round; q < QUEUES; q += 2)
            receives_flush(cq, q);
        for (unsigned q = round; q < QUEUES; q += 2)
            receives_post(q);
        for (unsigned q = 0; q < QUEUES; q++)
            receives_flush(cq, q);
        nbx_fault_disarm(NULL);
        sum = 0;
        for (unsigned q = 0; q < QUEUES; q++)
            sum += depths[q];
        ck_assert_uint_eq(slots_of_receives()->rights, queues_of_qp() * sum);
        ck_assert_uint_ge(slots_of_receives()->count, sum);
    }
    for (unsigned q = 0; q < QUEUES; q++)
        stage_close(qps[q]);
    memset(qps, 0, sizeof qps);
    ck_assert_uint_eq(slots_of_receives()->count, 0);
    ck_assert_ptr_null(slots_of_receives()->chunks);
}

TEST(every_queue_takes_as_many_posts_as_it_is_deep_without_memory)
{
    stage_run(1, full_body);
}

// What one queue had and gave back serves the next; a slot that was never needed is in no list yet.
static void
idle_body(void)
{
    NDK_CQ *cq = stage_cq(1000, NULL);
    NDK_PD *pd = stage_pd();
    for (unsigned q = 0; q < QUEUES; q++) {
        depths[q] = 16;
        qps[q] = stage_qp(pd, cq, 16, SGES, 0);
    }
    struct rdma_slots *slots = slots_of_receives();
    ck_assert_ptr_null(slots->free);
    for (unsigned q = 0; q < QUEUES; q++) {
        receives_post(q);
        receives_flush(cq, q);
    }
    ULONG touched = 0;
    for (const struct rdma_slot *slot = slots->free; slot; slot = slot->next_free)
        touched++;
    ck_assert_uint_eq(touched, 16);
    ck_assert_uint_eq(slots->rights, 16 * QUEUES * queues_of_qp());
}

TEST(slots_that_nobody_needs_are_not_touched)
{
    stage_run(2, idle_body);
}
