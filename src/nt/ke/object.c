// SPDX-License-Identifier: MIT
// Events, mutexes, semaphores: what happens to the signal state; wait.c hands it on.
#include "nt/ke/ke_int.h"
#include "nt/ke/wait.h"

LONG
ke_event_set(KEVENT *event)
{
    struct box *box = box_self();
    ke_dispatcher_lock(box);
    LONG before = ke_header_signal_locked(box, &event->Header, 1);
    ke_dispatcher_unlock(box);
    sched_choice(box->sched, SCHED_POINT_SIGNAL);
    return before;
}

LONG
ke_event_reset(KEVENT *event)
{
    struct box *box = box_self();
    ke_dispatcher_lock(box);
    LONG before = ke_header_signal_locked(box, &event->Header, 0);
    ke_dispatcher_unlock(box);
    return before;
}

LONG
ke_event_pulse(KEVENT *event)
{
    struct box *box = box_self();
    ke_dispatcher_lock(box);
    LONG before = ke_header_signal_locked(box, &event->Header, 1);
    ke_header_signal_locked(box, &event->Header, 0);
    ke_dispatcher_unlock(box);
    sched_choice(box->sched, SCHED_POINT_SIGNAL);
    return before;
}

void
ke_mutex_init(KMUTANT *mutex)
{
    *mutex = (KMUTANT){.ApcDisable = 1};
    ke_header_init(&mutex->Header, KE_OBJECT_MUTANT, 1);
}

NTSTATUS
ke_mutex_release(KMUTANT *mutex, KIRQL irql, LONG *before)
{
    struct ke_thread *self = ke_self();
    struct box *box = self->box;
    ke_dispatcher_lock(box);
    *before = mutex->Header.SignalState;
    if (mutex->OwnerThread != (PKTHREAD)self || mutex->Spare1 != (irql >= DISPATCH_LEVEL)) {
        ke_dispatcher_unlock(box);
        return STATUS_MUTANT_NOT_OWNED;
    }
    if (*before == 0) {   // the outermost release
        LIST_ENTRY *entry = &mutex->MutantListEntry;
        entry->Blink->Flink = entry->Flink;
        entry->Flink->Blink = entry->Blink;
        mutex->OwnerThread = NULL;
        self->critical_depth -= mutex->ApcDisable;
    }
    ke_header_signal_locked(box, &mutex->Header, *before + 1);
    ke_dispatcher_unlock(box);
    sched_choice(box->sched, SCHED_POINT_SIGNAL);
    return STATUS_SUCCESS;
}

NTSTATUS
ke_semaphore_release(KSEMAPHORE *semaphore, LONG adjustment, LONG *before)
{
    struct box *box = box_self();
    ke_dispatcher_lock(box);
    *before = semaphore->Header.SignalState;
    LONG after;
    bool fits = !__builtin_add_overflow(*before, adjustment, &after) && after >= *before && after <= semaphore->Limit;
    if (fits)
        ke_header_signal_locked(box, &semaphore->Header, after);
    ke_dispatcher_unlock(box);
    sched_choice(box->sched, SCHED_POINT_SIGNAL);
    return fits ? STATUS_SUCCESS : STATUS_SEMAPHORE_LIMIT_EXCEEDED;
}
