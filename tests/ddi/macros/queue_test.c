// SPDX-License-Identifier: MIT
// Queues of NET_BUFFER_LISTs and sorting by a value: what ndis/ndl has for newer drivers. No page describes them; the tests say what
// drivers that carry them rely on: order, counts, an empty queue that can be used again, and Next of what was popped.
#include <ndis.h>

#include <ndis/ndl/nblclassify.h>

#include "harness/harness.h"

static NET_BUFFER_LIST nbl[6];

// nbl[first] to nbl[last] as a chain.
static NET_BUFFER_LIST *
chain(int first, int last)
{
    for (int i = first; i <= last; i++)
        nbl[i].Next = i < last ? &nbl[i + 1] : NULL;
    return &nbl[first];
}

static void
chain_is(NET_BUFFER_LIST *at, const char *numbers)
{
    for (; *numbers; numbers++, at = at->Next)
        ck_assert_ptr_eq(at, &nbl[*numbers - '0']);
    ck_assert_ptr_null(at);
}

static NBL_QUEUE
garbage(void)
{
    return (NBL_QUEUE){.First = &nbl[5], .Last = NULL};
}

TEST(NdisInitializeNblQueue_makes_a_queue_that_is_empty)
{
    NBL_QUEUE queue = garbage();
    NdisInitializeNblQueue(&queue);
    ck_assert_ptr_null(queue.First);
    ck_assert_ptr_eq(queue.Last, &queue.First);
}

TEST(NdisIsNblQueueEmpty_is_true_of_a_queue_without_lists)
{
    NBL_QUEUE queue = garbage();
    NdisInitializeNblQueue(&queue);
    ck_assert(NdisIsNblQueueEmpty(&queue));
    NdisAppendSingleNblToNblQueue(&queue, chain(0, 0));
    ck_assert(!NdisIsNblQueueEmpty(&queue));
    NdisPopFirstNblFromNblQueue(&queue);
    ck_assert(NdisIsNblQueueEmpty(&queue));
}

TEST(NdisGetNblChainFromNblQueue_is_the_first_and_leaves_it_there)
{
    NBL_QUEUE queue;
    NdisInitializeNblQueue(&queue);
    ck_assert_ptr_null(NdisGetNblChainFromNblQueue(&queue));
    NdisAppendNblChainToNblQueue(&queue, chain(0, 2));
    chain_is(NdisGetNblChainFromNblQueue(&queue), "012");
    chain_is(NdisGetNblChainFromNblQueue(&queue), "012");
}

TEST(NdisAppendSingleNblToNblQueue_puts_it_last)
{
    NBL_QUEUE queue;
    NdisInitializeNblQueue(&queue);
    for (int i = 0; i < 3; i++)
        NdisAppendSingleNblToNblQueue(&queue, chain(i, i));
    chain_is(queue.First, "012");
    ck_assert_ptr_eq(queue.Last, &nbl[2].Next);
}

TEST(NdisAppendNblChainToNblQueue_puts_all_of_it_last)
{
    NBL_QUEUE queue;
    NdisInitializeNblQueue(&queue);
    NdisAppendNblChainToNblQueue(&queue, chain(3, 4));
    NdisAppendNblChainToNblQueue(&queue, chain(0, 2));
    chain_is(queue.First, "34012");
    ck_assert_ptr_eq(queue.Last, &nbl[2].Next);
}

TEST(NdisAppendNblChainToNblQueueFast_takes_the_end_as_it_is_told)
{
    NBL_QUEUE queue;
    NdisInitializeNblQueue(&queue);
    NdisAppendNblChainToNblQueueFast(&queue, chain(0, 1), &nbl[1]);
    NdisAppendNblChainToNblQueueFast(&queue, chain(2, 4), &nbl[4]);
    chain_is(queue.First, "01234");
    ck_assert_ptr_eq(queue.Last, &nbl[4].Next);
}

TEST(NdisAppendNblQueueToNblQueueFast_moves_everything)
{
    NBL_QUEUE to, from;
    NdisInitializeNblQueue(&to);
    NdisInitializeNblQueue(&from);
    NdisAppendNblQueueToNblQueueFast(&to, &from);                // nothing to nothing
    ck_assert(NdisIsNblQueueEmpty(&to));
    NdisAppendNblChainToNblQueue(&from, chain(0, 1));
    NdisAppendNblQueueToNblQueueFast(&to, &from);
    ck_assert(NdisIsNblQueueEmpty(&from));
    NdisAppendNblQueueToNblQueueFast(&to, &from);
    NdisAppendNblChainToNblQueue(&from, chain(2, 3));            // the source can be used again
    NdisAppendNblQueueToNblQueueFast(&to, &from);
    chain_is(to.First, "0123");
    ck_assert_ptr_eq(to.Last, &nbl[3].Next);
    ck_assert(NdisIsNblQueueEmpty(&from));
}

TEST(NdisPopFirstNblFromNblQueue_gives_the_first_alone)
{
    NBL_QUEUE queue;
    NdisInitializeNblQueue(&queue);
    NdisAppendNblChainToNblQueue(&queue, chain(0, 1));
    ck_assert_ptr_eq(NdisPopFirstNblFromNblQueue(&queue), &nbl[0]);
    ck_assert_ptr_null(nbl[0].Next);
    ck_assert_ptr_eq(NdisPopFirstNblFromNblQueue(&queue), &nbl[1]);
    ck_assert_ptr_eq(queue.Last, &queue.First);
    NdisAppendSingleNblToNblQueue(&queue, chain(2, 2));
    chain_is(queue.First, "2");
}

// ---- with a count ------------------------------------------------------------------------------------------------------------------

TEST(NdisInitializeNblCountedQueue_makes_a_queue_that_is_empty_and_counts_none)
{
    NBL_COUNTED_QUEUE queue = {.Queue = garbage(), .NblCount = 9};
    NdisInitializeNblCountedQueue(&queue);
    ck_assert_uint_eq(queue.NblCount, 0);
    ck_assert_ptr_null(queue.Queue.First);
    ck_assert_ptr_eq(queue.Queue.Last, &queue.Queue.First);
}

TEST(NdisIsNblCountedQueueEmpty_is_true_of_a_queue_without_lists)
{
    NBL_COUNTED_QUEUE queue;
    NdisInitializeNblCountedQueue(&queue);
    ck_assert(NdisIsNblCountedQueueEmpty(&queue));
    NdisAppendSingleNblToNblCountedQueue(&queue, chain(0, 0));
    ck_assert(!NdisIsNblCountedQueueEmpty(&queue));
}

TEST(NdisGetNblChainFromNblCountedQueue_is_the_first_and_leaves_it_there)
{
    NBL_COUNTED_QUEUE queue;
    NdisInitializeNblCountedQueue(&queue);
    ck_assert_ptr_null(NdisGetNblChainFromNblCountedQueue(&queue));
    NdisAppendNblChainToNblCountedQueue(&queue, chain(1, 2));
    chain_is(NdisGetNblChainFromNblCountedQueue(&queue), "12");
    ck_assert_uint_eq(queue.NblCount, 2);
}

TEST(NdisAppendSingleNblToNblCountedQueue_puts_it_last_and_counts_it)
{
    NBL_COUNTED_QUEUE queue;
    NdisInitializeNblCountedQueue(&queue);
    for (int i = 0; i < 3; i++)
        NdisAppendSingleNblToNblCountedQueue(&queue, chain(i, i));
    chain_is(queue.Queue.First, "012");
    ck_assert_uint_eq(queue.NblCount, 3);
}

TEST(NdisAppendNblChainToNblCountedQueue_puts_all_of_it_last_and_counts_it)
{
    NBL_COUNTED_QUEUE queue;
    NdisInitializeNblCountedQueue(&queue);
    NdisAppendNblChainToNblCountedQueue(&queue, chain(3, 4));
    NdisAppendNblChainToNblCountedQueue(&queue, chain(0, 2));
    chain_is(queue.Queue.First, "34012");
    ck_assert_uint_eq(queue.NblCount, 5);
}

TEST(NDIS_ASSERT_VALID_NBL_COUNTED_QUEUE_evaluates_its_argument_once_and_changes_nothing)
{
    NBL_COUNTED_QUEUE queue[2];
    NBL_COUNTED_QUEUE *at = queue;
    NdisInitializeNblCountedQueue(&queue[0]);
    NdisAppendNblChainToNblCountedQueue(&queue[0], chain(0, 1));
    NDIS_ASSERT_VALID_NBL_COUNTED_QUEUE(at++);
    ck_assert_ptr_eq(at, &queue[1]);
    chain_is(queue[0].Queue.First, "01");
}

// ---- sorting -----------------------------------------------------------------------------------------------------------------------

static struct {
    char text[64];
    uint32_t length, asked;
} flushed;

static ULONG_PTR
value_of(PVOID context, NET_BUFFER_LIST *list)
{
    ck_assert_ptr_eq(context, &flushed.asked);
    flushed.asked++;
    return (ULONG_PTR)list->Status;
}

static void
flush(PVOID context, ULONG_PTR value, NBL_COUNTED_QUEUE *queue)
{
    ck_assert_ptr_eq(context, &flushed);
    flushed.text[flushed.length++] = (char)('a' + value);
    SIZE_T count = 0;
    for (NET_BUFFER_LIST *at = queue->Queue.First; at; at = at->Next, count++)
        flushed.text[flushed.length++] = (char)('0' + (at - nbl));
    ck_assert_uint_eq(count, queue->NblCount);
}

TEST(NdisClassifyNblChainByValueLookaheadWithCount_hands_on_each_run_of_one_value_in_its_order)
{
    const NDIS_STATUS values[] = {1, 1, 2, 1, 1, 1};
    for (int i = 0; i < 6; i++)
        nbl[i].Status = values[i];
    NdisClassifyNblChainByValueLookaheadWithCount(chain(0, 5), value_of, &flushed.asked, flush, &flushed);
    ck_assert_str_eq(flushed.text, "b01c2b345");
    ck_assert_uint_ge(flushed.asked, 6);
    flushed.text[0] = 0;
    NdisClassifyNblChainByValueLookaheadWithCount(NULL, value_of, &flushed.asked, flush, &flushed);
    ck_assert_str_eq(flushed.text, "");
}
