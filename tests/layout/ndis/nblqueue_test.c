// SPDX-License-Identifier: MIT
// NBL_QUEUE and NBL_COUNTED_QUEUE behave as queues: first in, first out, whole after every splice.
#include <ndis.h>
#include <ndis/ndl/nblclassify.h>
#include <ndis/ndl/nblqueue.h>

#include "harness/harness.h"

TEST(nbl_queue_returns_lists_in_the_order_they_came)
{
    NET_BUFFER_LIST nbl[4];
    NBL_QUEUE queue;
    memset(nbl, 0, sizeof nbl);
    NdisInitializeNblQueue(&queue);
    ck_assert(NdisIsNblQueueEmpty(&queue));
    NdisAppendSingleNblToNblQueue(&queue, &nbl[0]);
    nbl[1].Next = &nbl[2];
    NdisAppendNblChainToNblQueue(&queue, &nbl[1]);
    NdisAppendSingleNblToNblQueue(&queue, &nbl[3]);
    for (int i = 0; i < 4; i++) {
        PNET_BUFFER_LIST popped = NdisPopFirstNblFromNblQueue(&queue);
        ck_assert_ptr_eq(popped, &nbl[i]);
        ck_assert_ptr_null(popped->Next);
    }
    ck_assert(NdisIsNblQueueEmpty(&queue));
    NdisAppendSingleNblToNblQueue(&queue, &nbl[2]);
    ck_assert_ptr_eq(NdisGetNblChainFromNblQueue(&queue), &nbl[2]);
}

TEST(nbl_queue_splice_empties_its_source_and_ignores_an_empty_one)
{
    NET_BUFFER_LIST nbl[3];
    NBL_QUEUE to, from;
    memset(nbl, 0, sizeof nbl);
    NdisInitializeNblQueue(&to);
    NdisInitializeNblQueue(&from);
    NdisAppendNblQueueToNblQueueFast(&to, &from);
    ck_assert(NdisIsNblQueueEmpty(&to));
    NdisAppendSingleNblToNblQueue(&to, &nbl[0]);
    NdisAppendSingleNblToNblQueue(&from, &nbl[1]);
    NdisAppendNblQueueToNblQueueFast(&to, &from);
    ck_assert(NdisIsNblQueueEmpty(&from));
    NdisAppendSingleNblToNblQueue(&to, &nbl[2]);
    ck_assert_uint_eq(NdisNumNblsInNblChain(NdisPopAllFromNblQueue(&to)), 3);
    ck_assert(NdisIsNblQueueEmpty(&to));
}

TEST(nbl_counted_queue_counts_what_is_in_it)
{
    NET_BUFFER_LIST nbl[4];
    NBL_COUNTED_QUEUE a, b;
    memset(nbl, 0, sizeof nbl);
    NdisInitializeNblCountedQueue(&a);
    NdisInitializeNblCountedQueue(&b);
    NdisAppendSingleNblToNblCountedQueue(&a, &nbl[0]);
    nbl[1].Next = &nbl[2];
    NdisAppendNblChainToNblCountedQueue(&a, &nbl[1]);
    ck_assert_uint_eq(a.NblCount, 3);
    NdisAppendSingleNblToNblCountedQueue(&b, &nbl[3]);
    NdisAppendNblCountedQueueToNblCountedQueueFast(&a, &b);
    ck_assert_uint_eq(a.NblCount, 4);
    ck_assert_uint_eq(b.NblCount, 0);
    ck_assert(NdisIsNblCountedQueueEmpty(&b));
    ck_assert_ptr_eq(NdisPopFirstNblFromNblCountedQueue(&a), &nbl[0]);
    ck_assert_uint_eq(a.NblCount, 3);
    ck_assert_ptr_eq(NdisPopAllFromNblCountedQueue(&a), &nbl[1]);
    ck_assert_uint_eq(a.NblCount, 0);
}

struct run_log {
    SIZE_T counts[4];
    ULONG_PTR values[4];
    int runs;
};

static ULONG_PTR
class_of(PVOID context, NET_BUFFER_LIST *nbl)
{
    ck_assert_ptr_nonnull(context);
    return (ULONG_PTR)nbl->Scratch;
}

static VOID
note_run(PVOID context, ULONG_PTR value, NBL_COUNTED_QUEUE *queue)
{
    struct run_log *log = context;
    ck_assert_uint_eq(NdisNumNblsInNblChain(NdisGetNblChainFromNblCountedQueue(queue)), queue->NblCount);
    log->counts[log->runs] = queue->NblCount;
    log->values[log->runs++] = value;
}

TEST(nbl_chain_is_split_into_runs_of_one_class)
{
    NET_BUFFER_LIST nbl[5];
    struct run_log log;
    static const ULONG_PTR classes[5] = {7, 7, 0, 7, 7};
    memset(nbl, 0, sizeof nbl);
    memset(&log, 0, sizeof log);
    for (int i = 0; i < 5; i++) {
        nbl[i].Scratch = (PVOID)classes[i];
        nbl[i].Next = i < 4 ? &nbl[i + 1] : NULL;
    }
    NdisClassifyNblChainByValueLookaheadWithCount(nbl, class_of, &log, note_run, &log);
    ck_assert_int_eq(log.runs, 3);
    ck_assert_uint_eq(log.counts[0], 2);
    ck_assert_uint_eq(log.counts[1], 1);
    ck_assert_uint_eq(log.counts[2], 2);
    ck_assert_uint_eq(log.values[1], 0);
}
