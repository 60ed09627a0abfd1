// SPDX-License-Identifier: MIT
// Timers and work items.
//
// A timer object calls its function at DISPATCH_LEVEL, once or periodically; cancelling tells whether it was still queued. An
// I/O work item runs its routine at PASSIVE_LEVEL, and is freed by whoever allocated it. The older NDIS_TIMER and
// NDIS_WORK_ITEM are laid out for drivers that embed them; their NDIS 5 functions are not here.
// Sources: [ndis/ns-ndis-_ndis_timer_characteristics], [ndis/nf-ndis-ndissettimerobject], [ndis/nc-ndis-ndis_timer_function],
// [ndis/nf-ndis-ndisqueueioworkitem].
#ifndef NBX_DDK_NDIS_TIMER_H
#define NBX_DDK_NDIS_TIMER_H
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef VOID NTAPI NDIS_TIMER_FUNCTION(PVOID SystemSpecific1, PVOID FunctionContext, PVOID SystemSpecific2,
                                       PVOID SystemSpecific3);
typedef NDIS_TIMER_FUNCTION *PNDIS_TIMER_FUNCTION;

#define NDIS_TIMER_CHARACTERISTICS_REVISION_1 1
typedef struct _NDIS_TIMER_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header;
    ULONG AllocationTag;
    PNDIS_TIMER_FUNCTION TimerFunction;
    PVOID FunctionContext;
} NDIS_TIMER_CHARACTERISTICS, *PNDIS_TIMER_CHARACTERISTICS;

#define NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_TIMER_CHARACTERISTICS, FunctionContext)

NTAPI NDIS_STATUS NdisAllocateTimerObject(NDIS_HANDLE NdisHandle, PNDIS_TIMER_CHARACTERISTICS TimerCharacteristics,
                                          PNDIS_HANDLE pTimerObject);
NTAPI BOOLEAN NdisSetTimerObject(NDIS_HANDLE TimerObject, LARGE_INTEGER DueTime, LONG MillisecondsPeriod,
                                 PVOID FunctionContext);
NTAPI BOOLEAN NdisSetCoalescableTimerObject(NDIS_HANDLE TimerObject, LARGE_INTEGER DueTime, LONG MillisecondsPeriod,
                                            PVOID FunctionContext, ULONG Tolerance);
NTAPI BOOLEAN NdisCancelTimerObject(NDIS_HANDLE TimerObject);
NTAPI VOID NdisFreeTimerObject(NDIS_HANDLE TimerObject);

typedef struct _NDIS_TIMER {
    KTIMER Timer;
    KDPC Dpc;
} NDIS_TIMER, *PNDIS_TIMER;

typedef VOID NTAPI NDIS_IO_WORKITEM(PVOID WorkItemContext, NDIS_HANDLE NdisIoWorkItemHandle);
typedef NDIS_IO_WORKITEM NDIS_IO_WORKITEM_FUNCTION;
typedef NDIS_IO_WORKITEM *NDIS_IO_WORKITEM_ROUTINE;

NTAPI NDIS_HANDLE NdisAllocateIoWorkItem(NDIS_HANDLE NdisObjectHandle);
NTAPI VOID NdisQueueIoWorkItem(NDIS_HANDLE NdisIoWorkItemHandle, NDIS_IO_WORKITEM_ROUTINE Routine,
                               PVOID WorkItemContext);
NTAPI VOID NdisFreeIoWorkItem(NDIS_HANDLE NdisIoWorkItemHandle);

struct _NDIS_WORK_ITEM;
typedef VOID NTAPI NDIS_PROC_CALLBACK(struct _NDIS_WORK_ITEM *WorkItem, PVOID Context);
typedef NDIS_PROC_CALLBACK *NDIS_PROC;
typedef struct _NDIS_WORK_ITEM {
    PVOID Context;
    NDIS_PROC Routine;
    UCHAR WrapperReserved[8 * sizeof(PVOID)];
} NDIS_WORK_ITEM, *PNDIS_WORK_ITEM;

#ifdef __cplusplus
}
#endif
#endif
