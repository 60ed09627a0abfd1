// SPDX-License-Identifier: MIT
// Queues of NET_BUFFER_LISTs, with and without a count: what newer drivers use instead of splicing chains by hand.
//
// NBL_QUEUE keeps the address of its last Next field, so appending costs the same empty or full. A queue owns the lists that
// are in it and is not locked; popping returns a list whose Next is NULL. Everything is inline. ndis.h does not include this
// file, as in Windows, where it comes with a library of its own that drivers may also carry along.
// Source: the names that drivers call; behaviour from their use (no page describes them).
#ifndef NBX_DDK_NDIS_NDL_NBLQUEUE_H
#define NBX_DDK_NDIS_NDL_NBLQUEUE_H
#include "../nbl.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _NBL_QUEUE {
    PNET_BUFFER_LIST First;
    PNET_BUFFER_LIST *Last;
} NBL_QUEUE, *PNBL_QUEUE;

typedef struct _NBL_COUNTED_QUEUE {
    NBL_QUEUE Queue;
    SIZE_T NblCount;
} NBL_COUNTED_QUEUE, *PNBL_COUNTED_QUEUE;

FORCEINLINE VOID
NdisInitializeNblQueue(NBL_QUEUE *Queue)
{
    Queue->First = NULL;
    Queue->Last = &Queue->First;
}

FORCEINLINE BOOLEAN
NdisIsNblQueueEmpty(const NBL_QUEUE *Queue)
{
    return Queue->First == NULL;
}

FORCEINLINE PNET_BUFFER_LIST
NdisGetNblChainFromNblQueue(const NBL_QUEUE *Queue)
{
    return Queue->First;
}

FORCEINLINE PNET_BUFFER_LIST
NdisLastNblInNblChain(PNET_BUFFER_LIST NblChain)
{
    while (NblChain->Next != NULL)
        NblChain = NblChain->Next;
    return NblChain;
}

FORCEINLINE SIZE_T
NdisNumNblsInNblChain(const NET_BUFFER_LIST *NblChain)
{
    SIZE_T count = 0;
    for (; NblChain != NULL; NblChain = NblChain->Next)
        count++;
    return count;
}

// LastNbl ends the chain that FirstNbl begins; its Next is already NULL.
FORCEINLINE VOID
NdisAppendNblChainToNblQueueFast(NBL_QUEUE *Queue, PNET_BUFFER_LIST FirstNbl, PNET_BUFFER_LIST LastNbl)
{
    *Queue->Last = FirstNbl;
    Queue->Last = &LastNbl->Next;
}

FORCEINLINE VOID
NdisAppendNblChainToNblQueue(NBL_QUEUE *Queue, PNET_BUFFER_LIST NblChain)
{
    NdisAppendNblChainToNblQueueFast(Queue, NblChain, NdisLastNblInNblChain(NblChain));
}

FORCEINLINE VOID
NdisAppendSingleNblToNblQueue(NBL_QUEUE *Queue, PNET_BUFFER_LIST Nbl)
{
    NdisAppendNblChainToNblQueueFast(Queue, Nbl, Nbl);
}

// Moves everything out of Source, which is empty afterwards.
FORCEINLINE VOID
NdisAppendNblQueueToNblQueueFast(NBL_QUEUE *Destination, NBL_QUEUE *Source)
{
    if (Source->First == NULL)
        return;
    *Destination->Last = Source->First;
    Destination->Last = Source->Last;
    NdisInitializeNblQueue(Source);
}

FORCEINLINE PNET_BUFFER_LIST
NdisPopFirstNblFromNblQueue(NBL_QUEUE *Queue)
{
    PNET_BUFFER_LIST nbl = Queue->First;
    Queue->First = nbl->Next;
    if (Queue->First == NULL)
        Queue->Last = &Queue->First;
    nbl->Next = NULL;
    return nbl;
}

FORCEINLINE PNET_BUFFER_LIST
NdisPopAllFromNblQueue(NBL_QUEUE *Queue)
{
    PNET_BUFFER_LIST chain = Queue->First;
    NdisInitializeNblQueue(Queue);
    return chain;
}

FORCEINLINE VOID
NdisInitializeNblCountedQueue(NBL_COUNTED_QUEUE *Queue)
{
    NdisInitializeNblQueue(&Queue->Queue);
    Queue->NblCount = 0;
}

FORCEINLINE BOOLEAN
NdisIsNblCountedQueueEmpty(const NBL_COUNTED_QUEUE *Queue)
{
    return NdisIsNblQueueEmpty(&Queue->Queue);
}

FORCEINLINE PNET_BUFFER_LIST
NdisGetNblChainFromNblCountedQueue(const NBL_COUNTED_QUEUE *Queue)
{
    return Queue->Queue.First;
}

FORCEINLINE VOID
NdisAppendSingleNblToNblCountedQueue(NBL_COUNTED_QUEUE *Queue, PNET_BUFFER_LIST Nbl)
{
    NdisAppendSingleNblToNblQueue(&Queue->Queue, Nbl);
    Queue->NblCount++;
}

FORCEINLINE VOID
NdisAppendNblChainToNblCountedQueueFast(NBL_COUNTED_QUEUE *Queue, PNET_BUFFER_LIST FirstNbl, PNET_BUFFER_LIST LastNbl,
                                        SIZE_T NblCount)
{
    NdisAppendNblChainToNblQueueFast(&Queue->Queue, FirstNbl, LastNbl);
    Queue->NblCount += NblCount;
}

FORCEINLINE VOID
NdisAppendNblChainToNblCountedQueue(NBL_COUNTED_QUEUE *Queue, PNET_BUFFER_LIST NblChain)
{
    Queue->NblCount += NdisNumNblsInNblChain(NblChain);
    NdisAppendNblChainToNblQueue(&Queue->Queue, NblChain);
}

FORCEINLINE VOID
NdisAppendNblCountedQueueToNblCountedQueueFast(NBL_COUNTED_QUEUE *Destination, NBL_COUNTED_QUEUE *Source)
{
    NdisAppendNblQueueToNblQueueFast(&Destination->Queue, &Source->Queue);
    Destination->NblCount += Source->NblCount;
    Source->NblCount = 0;
}

FORCEINLINE PNET_BUFFER_LIST
NdisPopFirstNblFromNblCountedQueue(NBL_COUNTED_QUEUE *Queue)
{
    Queue->NblCount--;
    return NdisPopFirstNblFromNblQueue(&Queue->Queue);
}

FORCEINLINE PNET_BUFFER_LIST
NdisPopAllFromNblCountedQueue(NBL_COUNTED_QUEUE *Queue)
{
    Queue->NblCount = 0;
    return NdisPopAllFromNblQueue(&Queue->Queue);
}

#define NDIS_ASSERT_VALID_NBL_QUEUE(queue) ((void)(queue))
#define NDIS_ASSERT_VALID_NBL_COUNTED_QUEUE(queue) ((void)(queue))

#ifdef __cplusplus
}
#endif
#endif
