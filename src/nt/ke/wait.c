// SPDX-License-Identifier: MIT
// Waiting. A wait lies on its thread's stack: one block per object, each linked into the object's wait list.
//   ke_wait: try to satisfy at once -> else link the blocks, sleep on the thread's wait_word -> satisfied by a signal, or timed out
//   ke_header_signal_locked: for each waiter in order of arrival, while the object stays signalled: consume, unlink, wake
// A satisfied wait is woken by ke_dispatcher_unlock, after the lock has been dropped: until then its thread cannot return and take the
// objects (which may lie on its stack) away from under the signaller. is_over changes under the lock only, so a deadline and a signal
// that meet have one winner; wait_word tells the thread. [wdm/nf-wdm-kewaitforsingleobject], [wdm/nf-wdm-kewaitformultipleobjects]
#include "nt/ke/wait.h"

#include <errno.h>

#include "nt/ke/bugcheck.h"
#include "nt/ke/ke_int.h"
#include "nt/ke/time.h"

struct wait {
    struct ke_thread *thread;
    struct wait_block *blocks;
    ULONG count;
    bool all, is_over;
    NTSTATUS status;
    struct wait *next_woken;
};

struct wait_block {
    LIST_ENTRY entry;            // in the object's WaitListHead
    struct wait *wait;
    DISPATCHER_HEADER *object;
};

void
ke_header_init(DISPATCHER_HEADER *header, enum ke_object_type type, LONG state)
{
    *header = (DISPATCHER_HEADER){.Type = type, .Size = sizeof *header / sizeof(LONG), .SignalState = state};
    header->WaitListHead.Flink = header->WaitListHead.Blink = &header->WaitListHead;
}

LONG
ke_header_state(const DISPATCHER_HEADER *header)
{
    return __atomic_load_n(&header->SignalState, __ATOMIC_ACQUIRE);
}

static inline void
header_state_set(DISPATCHER_HEADER *header, LONG state)
{
    __atomic_store_n(&header->SignalState, state, __ATOMIC_RELEASE);
}

static bool
wait_object_ready(DISPATCHER_HEADER *object, struct ke_thread *thread)
{
    if (object->Type == KE_OBJECT_MUTANT && ((KMUTANT *)object)->OwnerThread == (PKTHREAD)thread)
        return true;
    return object->SignalState > 0;
}

static void
wait_mutex_take(KMUTANT *mutex, struct ke_thread *thread)
{
    header_state_set(&mutex->Header, mutex->Header.SignalState - 1);
    if (mutex->Header.SignalState != 0)
        return;
    mutex->OwnerThread = (PKTHREAD)thread;
    mutex->Spare1 = thread->irql >= DISPATCH_LEVEL;   // it is to be released as it was taken [wdm/nf-wdm-kereleasemutex]
    LIST_ENTRY *entry = &mutex->MutantListEntry, *head = &thread->mutants;
    entry->Flink = head;
    entry->Blink = head->Blink;
    head->Blink->Flink = entry;
    head->Blink = entry;
    // A driver's mutex keeps normal APCs off its owner [wdm/nf-wdm-keinitializemutex].
    thread->critical_depth += mutex->ApcDisable;
}

static void
wait_object_consume(DISPATCHER_HEADER *object, struct ke_thread *thread)
{
    switch (object->Type) {
    case KE_OBJECT_EVENT_SYNCHRONIZATION:
    case KE_OBJECT_TIMER_SYNCHRONIZATION:
        header_state_set(object, 0);
        break;
    case KE_OBJECT_SEMAPHORE:
        header_state_set(object, object->SignalState - 1);
        break;
    case KE_OBJECT_MUTANT:
        wait_mutex_take((KMUTANT *)object, thread);
        break;
    default:
        break;
    }
}

static bool
wait_try_locked(struct wait *wait)
{
    ULONG ready = 0;
    for (ULONG i = 0; i < wait->count; i++) {
        if (!wait_object_ready(wait->blocks[i].object, wait->thread))
            continue;
        if (!wait->all) {
            wait_object_consume(wait->blocks[i].object, wait->thread);
            wait->status = STATUS_WAIT_0 + (NTSTATUS)i;
            return true;
        }
        ready++;
    }
    if (!wait->all || ready < wait->count)
        return false;
    for (ULONG i = 0; i < wait->count; i++)
        wait_object_consume(wait->blocks[i].object, wait->thread);
    wait->status = STATUS_WAIT_0;
    return true;
}

static void
wait_unlink_locked(struct wait *wait)
{
    for (ULONG i = 0; i < wait->count; i++) {
        LIST_ENTRY *entry = &wait->blocks[i].entry;
        entry->Blink->Flink = entry->Flink;
        entry->Flink->Blink = entry->Blink;
    }
}

LONG
ke_header_signal_locked(struct box *box, DISPATCHER_HEADER *header, LONG state)
{
    LONG before = header->SignalState;
    header_state_set(header, state);
    LIST_ENTRY *head = &header->WaitListHead;
    LIST_ENTRY *entry = head->Flink;
    while (entry != head && header->SignalState > 0) {
        struct wait *wait = CONTAINING_RECORD(entry, struct wait_block, entry)->wait;
        if (!wait_try_locked(wait)) {   // a WaitAll that lacks another object
            entry = entry->Flink;
            continue;
        }
        wait_unlink_locked(wait);
        wait->is_over = true;
        wait->next_woken = NULL;
        *box->ke->woken_last = wait;
        box->ke->woken_last = &wait->next_woken;
        entry = head->Flink;                   // the wait may have held several places in this list
    }
    return before;
}

void
ke_dispatcher_unlock(struct box *box)
{
    struct wait *woken = box->ke->woken;
    box->ke->woken = NULL;
    box->ke->woken_last = &box->ke->woken;
    ke_word_unlock(&box->ke->dispatcher);
    while (woken) {
        struct ke_thread *thread = woken->thread;
        woken = woken->next_woken;
        atomic_store(&thread->wait_word, 1);   // from here on the wait and the thread may be gone
        sched_wake(box->sched, &thread->wait_word, 1);
    }
}

void
ke_wait_next(struct ke_thread *self)
{
    if (self->wait_next)
        return;                                   // a second signal before the one wait: the first one's level is given back
    self->wait_irql = self->irql;
    self->wait_next = true;
    if (self->irql < DISPATCH_LEVEL)
        ke_raise_dispatch(self);
}

void
ke_wait_next_over(struct ke_thread *self)
{
    if (__builtin_expect(!self->wait_next, 1))
        return;
    self->wait_next = false;
    ke_lower(self, self->wait_irql);
}

static void
wait_check_irql(struct ke_thread *self, void *object, uint64_t deadline_ns)
{
    if (deadline_ns == KE_POLL || self->irql < DISPATCH_LEVEL)
        return;
    if (self->in_dpc)
        ke_bugcheck(BUGCODE_ATTEMPTED_SWITCH_FROM_DPC, (uint64_t)(uintptr_t)self, (uint64_t)(uintptr_t)object, 0, 0);
    ke_bugcheck(BUGCODE_IRQL_NOT_LESS_OR_EQUAL, (uint64_t)(uintptr_t)object, self->irql, 0,
                (uint64_t)(uintptr_t)__builtin_return_address(0));
}

static void
wait_sleep(struct box *box, struct wait *wait, uint64_t deadline_ns)
{
    struct ke_thread *self = wait->thread;
    while (atomic_load(&self->wait_word) == 0) {
        if (sched_wait(box->sched, &self->wait_word, 0, deadline_ns) != -ETIMEDOUT)
            continue;
        ke_dispatcher_lock(box);
        if (!wait->is_over) {
            wait_unlink_locked(wait);
            wait->is_over = true;
            wait->status = STATUS_TIMEOUT;
            atomic_store(&self->wait_word, 1);
        }
        ke_dispatcher_unlock(box);
        deadline_ns = SCHED_NEVER;             // satisfied in the last moment: the waker is on its way
    }
}

NTSTATUS
ke_wait(struct box *box, ULONG count, void *const objects[], bool all, uint64_t deadline_ns)
{
    struct ke_thread *self = ke_self();
    struct wait_block blocks[MAXIMUM_WAIT_OBJECTS];
    struct wait wait = {.thread = self, .blocks = blocks, .count = count, .all = all};
    wait_check_irql(self, objects[0], deadline_ns);
    sched_choice(box->sched, SCHED_POINT_WAIT);
    for (ULONG i = 0; i < count; i++) {
        blocks[i].wait = &wait;
        blocks[i].object = objects[i];
    }
    ke_dispatcher_lock(box);
    bool satisfied = wait_try_locked(&wait);
    if (satisfied || deadline_ns == KE_POLL) {
        ke_dispatcher_unlock(box);
        return satisfied ? wait.status : STATUS_TIMEOUT;
    }
    for (ULONG i = 0; i < count; i++) {
        LIST_ENTRY *entry = &blocks[i].entry, *head = &blocks[i].object->WaitListHead;
        entry->Flink = head;
        entry->Blink = head->Blink;
        head->Blink->Flink = entry;
        head->Blink = entry;
    }
    atomic_store(&self->wait_word, 0);
    ke_dispatcher_unlock(box);
    wait_sleep(box, &wait, deadline_ns);
    return wait.status;
}

uint64_t
ke_deadline_ns(struct box *box, const LARGE_INTEGER *timeout)
{
    if (!timeout)
        return SCHED_NEVER;
    if (timeout->QuadPart == 0)
        return KE_POLL;
    uint64_t now_ns = sched_now_ns(box->sched), delay_ns;
    uint64_t units = timeout->QuadPart < 0 ? 0 - (uint64_t)timeout->QuadPart : 0;
    if (timeout->QuadPart > 0) {
        uint64_t now_units = ke_time_system(box);
        units = (uint64_t)timeout->QuadPart > now_units ? (uint64_t)timeout->QuadPart - now_units : 0;
    }
    uint64_t deadline_ns;
    if (__builtin_mul_overflow(units, 100, &delay_ns) || __builtin_add_overflow(now_ns, delay_ns, &deadline_ns))
        return SCHED_NEVER;
    return deadline_ns ? deadline_ns : 1;   // 0 means poll
}
