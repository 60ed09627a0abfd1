// SPDX-License-Identifier: MIT
// Front doors: timer objects and I/O work items. Each is a block of tagged pool that holds the executive's own object, so one that
// is never freed is told with the driver that made it.
//   NdisSetTimerObject  -> KTIMER -> DPC -> timer_dpc -> the driver's function at DISPATCH_LEVEL
//   NdisQueueIoWorkItem -> the executive's worker -> work_run -> the driver's routine at PASSIVE_LEVEL; the driver's image stays
//   until it has come back (io/work.c holds it)
#include "ndis/header.h"
#include "ndis/ndis_int.h"
#include "nt/ex/pool.h"
#include "nt/io/work.h"
#include "nt/ke/timer.h"
#include "verify/left.h"
#include "verify/refuse.h"
#include "verify/verify.h"

#define WORK_TAG 0x6b57694e      // 'NiWk'
#define TIMER_KIND 0x4e42544d
#define WORK_KIND 0x4e424957

struct ndis_timer {
    uint32_t kind;
    ULONG tag;
    PNDIS_TIMER_FUNCTION function;
    void *context;                            // of the last set
    void *default_context;
    struct io_image *image;                   // who allocated it: its code is what runs
    NDIS_HANDLE owner;                        // what it was allocated for
    KTIMER timer;
    KDPC dpc;
};

static NTAPI VOID
timer_dpc(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct ndis_timer *timer = context;
    struct ke_thread *self = ke_self();
    struct ke_crossing crossing = ke_driver_enter(self, timer->image, "NdisTimerFunction");
    timer->function(dpc, timer->context, argument1, argument2);   // may free the timer
    ke_driver_leave(self, crossing);
}

static struct ndis_timer *
timer_from(NDIS_HANDLE handle, const char *function)
{
    return ndis_handle_check(handle, TIMER_KIND, function);
}

NTAPI NDIS_STATUS
NdisAllocateTimerObject(NDIS_HANDLE NdisHandle, PNDIS_TIMER_CHARACTERISTICS TimerCharacteristics, PNDIS_HANDLE pTimerObject)
{
    VERIFY_ENTER(NdisAllocateTimerObject);
    *pTimerObject = NULL;
    if (!ndis_header_is(&TimerCharacteristics->Header, NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS,
                        NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1) ||
        !TimerCharacteristics->TimerFunction)
        return NDIS_STATUS_INVALID_PARAMETER;
    struct ndis_timer *timer =
        ex_pool_alloc(box_self(), sizeof *timer, TimerCharacteristics->AllocationTag, true, __builtin_return_address(0));
    if (!timer)
        return NDIS_STATUS_RESOURCES;
    ex_pool_kind_set(timer, VERIFY_LEFT_TIMER, NdisHandle);
    timer->kind = TIMER_KIND;
    timer->image = ke_self()->driver;
    timer->owner = NdisHandle;
    timer->tag = TimerCharacteristics->AllocationTag;
    timer->function = TimerCharacteristics->TimerFunction;
    timer->context = timer->default_context = TimerCharacteristics->FunctionContext;
    ke_timer_init(&timer->timer, NotificationTimer);
    KeInitializeDpc(&timer->dpc, timer_dpc, timer);
    *pTimerObject = timer;
    return NDIS_STATUS_SUCCESS;
}

static BOOLEAN
timer_set(struct ndis_timer *timer, LARGE_INTEGER due, LONG period_ms, void *context, const char *function)
{
    if (period_ms < 0)
        verify_contract(function, "MillisecondsPeriod is negative");
    timer->context = context ? context : timer->default_context;
    verify_timer_set(&timer->timer, timer->owner, function);
    return ke_timer_set(&timer->timer, due, (uint32_t)period_ms, &timer->dpc);
}

NTAPI BOOLEAN
NdisSetTimerObject(NDIS_HANDLE TimerObject, LARGE_INTEGER DueTime, LONG MillisecondsPeriod, PVOID FunctionContext)
{
    VERIFY_ENTER(NdisSetTimerObject);
    return timer_set(timer_from(TimerObject, "NdisSetTimerObject"), DueTime, MillisecondsPeriod, FunctionContext,
                     "NdisSetTimerObject");
}

// The tolerance only allows the system to be late; it is never used here.
NTAPI BOOLEAN
NdisSetCoalescableTimerObject(NDIS_HANDLE TimerObject, LARGE_INTEGER DueTime, LONG MillisecondsPeriod, PVOID FunctionContext,
                              ULONG Tolerance)
{
    VERIFY_ENTER(NdisSetCoalescableTimerObject);
    return timer_set(timer_from(TimerObject, "NdisSetCoalescableTimerObject"), DueTime, MillisecondsPeriod, FunctionContext,
                     "NdisSetCoalescableTimerObject");
}

NTAPI BOOLEAN
NdisCancelTimerObject(NDIS_HANDLE TimerObject)
{
    VERIFY_ENTER(NdisCancelTimerObject);
    return ke_timer_cancel(&timer_from(TimerObject, "NdisCancelTimerObject")->timer);
}

NTAPI VOID
NdisFreeTimerObject(NDIS_HANDLE TimerObject)
{
    VERIFY_ENTER(NdisFreeTimerObject);
    struct ndis_timer *timer = timer_from(TimerObject, "NdisFreeTimerObject");
    if (ke_timer_cancel(&timer->timer))
        verify_contract("NdisFreeTimerObject", "the timer is still set: NdisCancelTimerObject comes first");
    if (KeRemoveQueueDpc(&timer->dpc))
        verify_contract("NdisFreeTimerObject", "the timer has come due and its function has yet to run");
    timer->kind = 0;
    ex_pool_free(box_self(), timer, timer->tag);
}

// ---- I/O work items ---------------------------------------------------------------------------------------------------------------

struct ndis_work_item {
    uint32_t kind;
    NDIS_IO_WORKITEM_ROUTINE routine;
    void *context;
    NDIS_HANDLE owner;                        // what it was allocated for
    struct _IO_WORKITEM io;
};

static NTAPI VOID
work_run(PVOID io_object, PVOID context, PIO_WORKITEM item)
{
    struct ndis_work_item *work = context;
    struct ke_thread *self = ke_self();
    // The routine may free the item, or queue it again.
    NDIS_HANDLE owner = work->owner;
    verify_gave(self->box, VERIFY_LEFT_QUEUED_WORK, work);
    verify_had(VERIFY_LEFT_RUNNING_WORK, self, owner, "NdisQueueIoWorkItem");
    work->routine(work->context, work);
    verify_gave(self->box, VERIFY_LEFT_RUNNING_WORK, self);
}

NTAPI NDIS_HANDLE
NdisAllocateIoWorkItem(NDIS_HANDLE NdisObjectHandle)
{
    VERIFY_ENTER(NdisAllocateIoWorkItem);
    DRIVER_OBJECT *driver = ndis_handle_driver(NdisObjectHandle, "NdisAllocateIoWorkItem");
    struct ndis_work_item *work = ex_pool_alloc(box_self(), sizeof *work, WORK_TAG, true, __builtin_return_address(0));
    if (!work)
        return NULL;
    ex_pool_kind_set(work, VERIFY_LEFT_WORK, NdisObjectHandle);
    work->kind = WORK_KIND;
    work->owner = NdisObjectHandle;
    io_work_init(&work->io, driver);
    return work;
}

NTAPI VOID
NdisQueueIoWorkItem(NDIS_HANDLE NdisIoWorkItemHandle, NDIS_IO_WORKITEM_ROUTINE Routine, PVOID WorkItemContext)
{
    VERIFY_ENTER(NdisQueueIoWorkItem);
    struct ndis_work_item *work = ndis_handle_check(NdisIoWorkItemHandle, WORK_KIND, "NdisQueueIoWorkItem");
    if (atomic_load(&work->io.is_queued))
        verify_contract("NdisQueueIoWorkItem", "the work item is queued already");
    work->routine = Routine;
    work->context = WorkItemContext;
    verify_had(VERIFY_LEFT_QUEUED_WORK, work, work->owner, "NdisQueueIoWorkItem");
    if (!io_work_queue(&work->io, NULL, work_run, DelayedWorkQueue, work))
        verify_contract("NdisQueueIoWorkItem", "the work item is queued already");
}

NTAPI VOID
NdisFreeIoWorkItem(NDIS_HANDLE NdisIoWorkItemHandle)
{
    VERIFY_ENTER(NdisFreeIoWorkItem);
    struct ndis_work_item *work = ndis_handle_check(NdisIoWorkItemHandle, WORK_KIND, "NdisFreeIoWorkItem");
    io_work_fini(&work->io);
    work->kind = 0;
    ex_pool_free(box_self(), work, WORK_TAG);
}
