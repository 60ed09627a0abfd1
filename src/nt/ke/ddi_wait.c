// SPDX-License-Identifier: MIT
// Front doors: events, mutexes, semaphores, waiting. Alertable waits are honest: nobody alerts a thread here and no user APC exists, so
// STATUS_ALERTED and STATUS_USER_APC never come. Wait=TRUE leaves the caller at DISPATCH_LEVEL until the wait that has to follow.
// [wdm/nf-wdm-kewaitforsingleobject], [wdm/nf-wdm-kesetevent], [wdm/nf-wdm-kereleasemutex], [wdm/nf-wdm-kereleasesemaphore]
#include "nt/ex/raise.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/ke_int.h"
#include "nt/ke/wait.h"
#include "verify/order.h"
#include "verify/verify.h"

NTAPI VOID
KeInitializeEvent(PRKEVENT Event, EVENT_TYPE Type, BOOLEAN State)
{
    VERIFY_ENTER(KeInitializeEvent);
    ke_header_init(&Event->Header, Type == SynchronizationEvent ? KE_OBJECT_EVENT_SYNCHRONIZATION : KE_OBJECT_EVENT_NOTIFICATION,
                   State ? 1 : 0);
}

NTAPI LONG
KeSetEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    VERIFY_ENTER(KeSetEvent);
    struct ke_thread *self = ke_self();
    if (Wait && self->irql >= DISPATCH_LEVEL && !self->wait_next)
        ke_bugcheck(BUGCODE_IRQL_NOT_LESS_OR_EQUAL, (uint64_t)(uintptr_t)Event, self->irql, 0,
                    (uint64_t)(uintptr_t)__builtin_return_address(0));
    if (Wait)
        ke_wait_next(self);
    LONG before = ke_event_set(Event);
    VERIFY_LEAVE(KeSetEvent);
    return before;
}

NTAPI LONG
KeResetEvent(PRKEVENT Event)
{
    VERIFY_ENTER(KeResetEvent);
    return ke_event_reset(Event);
}

NTAPI VOID
KeClearEvent(PRKEVENT Event)
{
    VERIFY_ENTER(KeClearEvent);
    ke_event_reset(Event);
}

NTAPI LONG
KeReadStateEvent(PRKEVENT Event)
{
    VERIFY_ENTER(KeReadStateEvent);
    return ke_header_state(&Event->Header);
}

NTAPI LONG
KePulseEvent(PRKEVENT Event, KPRIORITY Increment, BOOLEAN Wait)
{
    VERIFY_ENTER(KePulseEvent);
    if (Wait)
        ke_wait_next(ke_self());
    return ke_event_pulse(Event);
}

NTAPI VOID
KeInitializeMutex(PRKMUTEX Mutex, ULONG Level)
{
    VERIFY_ENTER(KeInitializeMutex);
    VERIFY_LOCK_INITIALIZED(Mutex);
    ke_mutex_init(Mutex);
}

NTAPI LONG
KeReleaseMutex(PRKMUTEX Mutex, BOOLEAN Wait)
{
    VERIFY_ENTER(KeReleaseMutex);
    struct ke_thread *self = ke_self();
    KIRQL irql = self->wait_next ? self->wait_irql : self->irql;
    if (Wait)
        ke_wait_next(self);
    LONG before;
    NTSTATUS status = ke_mutex_release(Mutex, irql, &before);
    if (!NT_SUCCESS(status)) {
        ke_wait_next_over(self);
        ex_raise_status(status);
    }
    VERIFY_ORDER_HOOK(verify_order_dropped(Mutex));
    VERIFY_LEAVE(KeReleaseMutex);
    return before;
}

NTAPI LONG
KeReadStateMutex(PRKMUTEX Mutex)
{
    VERIFY_ENTER(KeReadStateMutex);
    return ke_header_state(&Mutex->Header);
}

NTAPI VOID
KeInitializeSemaphore(PRKSEMAPHORE Semaphore, LONG Count, LONG Limit)
{
    VERIFY_ENTER(KeInitializeSemaphore);
    *Semaphore = (KSEMAPHORE){.Limit = Limit};
    ke_header_init(&Semaphore->Header, KE_OBJECT_SEMAPHORE, Count);
}

NTAPI LONG
KeReleaseSemaphore(PRKSEMAPHORE Semaphore, KPRIORITY Increment, LONG Adjustment, BOOLEAN Wait)
{
    VERIFY_ENTER(KeReleaseSemaphore);
    struct ke_thread *self = ke_self();
    if (Wait)
        ke_wait_next(self);
    LONG before;
    NTSTATUS status = ke_semaphore_release(Semaphore, Adjustment, &before);
    if (!NT_SUCCESS(status)) {
        ke_wait_next_over(self);
        ex_raise_status(status);
    }
    VERIFY_LEAVE(KeReleaseSemaphore);
    return before;
}

NTAPI LONG
KeReadStateSemaphore(PRKSEMAPHORE Semaphore)
{
    VERIFY_ENTER(KeReadStateSemaphore);
    return ke_header_state(&Semaphore->Header);
}

NTAPI NTSTATUS
KeWaitForSingleObject(PVOID Object, KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode, BOOLEAN Alertable, PLARGE_INTEGER Timeout)
{
    ke_wait_next_over(ke_self());                 // first: the door's own level counts from here
    VERIFY_ENTER(KeWaitForSingleObject);
    struct box *box = box_self();
    bool is_mutex = ((DISPATCHER_HEADER *)Object)->Type == KE_OBJECT_MUTANT;
    if (is_mutex && !Timeout)
        VERIFY_LOCK_WANTED(Object, KeWaitForSingleObject);
    NTSTATUS status = ke_wait(box, 1, &Object, false, ke_deadline_ns(box, Timeout));
    if (is_mutex && (status == STATUS_SUCCESS || status == STATUS_ABANDONED))
        VERIFY_ORDER_HOOK(verify_order_took(Object, false, "KeWaitForSingleObject"));
    VERIFY_LEAVE(KeWaitForSingleObject);
    return status;
}

NTAPI NTSTATUS
KeWaitForMultipleObjects(ULONG Count, PVOID Object[], WAIT_TYPE WaitType, KWAIT_REASON WaitReason, KPROCESSOR_MODE WaitMode,
                         BOOLEAN Alertable, PLARGE_INTEGER Timeout, PKWAIT_BLOCK WaitBlockArray)
{
    ke_wait_next_over(ke_self());                 // first: the door's own level counts from here
    VERIFY_ENTER(KeWaitForMultipleObjects);
    // Windows: bug check 0xC (MAXIMUM_WAIT_OBJECTS_EXCEEDED) for too many with or without an array of blocks.
    if (Count == 0 || Count > MAXIMUM_WAIT_OBJECTS || (Count > THREAD_WAIT_OBJECTS && !WaitBlockArray))
        ke_bugcheck(BUGCODE_MAXIMUM_WAIT_OBJECTS_EXCEEDED, Count, 0, 0, 0);
    struct box *box = box_self();
    NTSTATUS status = ke_wait(box, Count, Object, WaitType == WaitAll, ke_deadline_ns(box, Timeout));
    VERIFY_LEAVE(KeWaitForMultipleObjects);
    return status;
}

NTAPI NTSTATUS
KeDelayExecutionThread(KPROCESSOR_MODE WaitMode, BOOLEAN Alertable, PLARGE_INTEGER Interval)
{
    VERIFY_ENTER(KeDelayExecutionThread);
    struct box *box = box_self();
    KEVENT never;
    void *object = &never;
    ke_header_init(&never.Header, KE_OBJECT_EVENT_NOTIFICATION, 0);
    ke_wait(box, 1, &object, false, ke_deadline_ns(box, Interval));
    VERIFY_LEAVE(KeDelayExecutionThread);
    return STATUS_SUCCESS;
}
