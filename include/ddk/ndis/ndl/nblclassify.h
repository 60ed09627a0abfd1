// SPDX-License-Identifier: MIT
// Sorting a chain of NET_BUFFER_LISTs by a value that the driver computes for each.
//
// Source: the names that drivers call; behaviour from their use (no page describes them).
#ifndef NBX_DDK_NDIS_NDL_NBLCLASSIFY_H
#define NBX_DDK_NDIS_NDL_NBLCLASSIFY_H
#include "nblqueue.h"

#ifdef __cplusplus
extern "C" {
#endif

// Splits a chain into runs of equal class and hands each run to the flush callback as a counted queue. The callbacks are the
// including file's own functions, so they have its convention, not NTAPI.
typedef ULONG_PTR NDIS_NBL_CLASSIFY_BY_VALUE(PVOID ClassificationContext, NET_BUFFER_LIST *NetBufferList);
typedef VOID NDIS_NBL_FLUSH_BY_VALUE_WITH_COUNT(PVOID FlushContext, ULONG_PTR ClassificationResult, NBL_COUNTED_QUEUE *Queue);

FORCEINLINE VOID
NdisClassifyNblChainByValueLookaheadWithCount(PNET_BUFFER_LIST NblChain, NDIS_NBL_CLASSIFY_BY_VALUE *Classify,
                                              PVOID ClassificationContext, NDIS_NBL_FLUSH_BY_VALUE_WITH_COUNT *Flush,
                                              PVOID FlushContext)
{
    while (NblChain != NULL) {
        NBL_COUNTED_QUEUE run;
        ULONG_PTR value = Classify(ClassificationContext, NblChain);
        NdisInitializeNblCountedQueue(&run);
        do {
            PNET_BUFFER_LIST nbl = NblChain;
            NblChain = nbl->Next;
            nbl->Next = NULL;
            NdisAppendSingleNblToNblCountedQueue(&run, nbl);
        } while (NblChain != NULL && Classify(ClassificationContext, NblChain) == value);
        Flush(FlushContext, value, &run);
    }
}

#ifdef __cplusplus
}
#endif

#endif
