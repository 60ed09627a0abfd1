// SPDX-License-Identifier: MIT
// Timers. All of this is under the dispatcher lock, because a timer is a dispatcher object too.
//   set     clear the signal, push into the heap; if it has become the earliest, wake the timer thread
//   due     timer_fire: signal, queue the DPC, push again if periodic: by due time, so that periods do not drift, but never into
//           the past, so that a machine that was held up does not fire a burst
// TimerType says whether Period counts milliseconds (KeSetTimerEx) or 100 ns (ExSetTimer).
// [wdm/nf-wdm-kesettimerex], [wdm/nf-wdm-kecanceltimer]; a tolerable delay (KeSetCoalescableTimer) is an upper bound and we use 0 of it.
#include "nt/ke/timer.h"

#include "nt/ke/bugcheck.h"
#include "nt/ke/dpc.h"
#include "nt/ke/ke_int.h"
#include "nt/ke/time.h"
#include "nt/ke/wait.h"
#include "verify/left.h"

_Static_assert(sizeof(struct heap_node) == sizeof(ULARGE_INTEGER) + sizeof(LIST_ENTRY), "the heap node lies in the KTIMER");
_Static_assert(offsetof(KTIMER, TimerListEntry) == offsetof(KTIMER, DueTime) + sizeof(ULARGE_INTEGER), "KTIMER layout");

// What KTIMER.TimerType says about Period (the word is opaque to drivers).
enum { TIMER_PERIOD_MS = 0, TIMER_PERIOD_UNITS = 1 };

static inline struct heap_node *
timer_node(KTIMER *timer)
{
    return (struct heap_node *)&timer->DueTime;
}

static inline KTIMER *
timer_of(struct heap_node *node)
{
    return (KTIMER *)((char *)node - offsetof(KTIMER, DueTime));
}

void
ke_timer_init(KTIMER *timer, TIMER_TYPE type)
{
    *timer = (KTIMER){.Period = 0};
    ke_header_init(&timer->Header,
                   type == SynchronizationTimer ? KE_OBJECT_TIMER_SYNCHRONIZATION : KE_OBJECT_TIMER_NOTIFICATION, 0);
    heap_node_init(timer_node(timer));
}

static void
timer_check(KTIMER *timer)
{
    if (timer->Header.Type != KE_OBJECT_TIMER_NOTIFICATION && timer->Header.Type != KE_OBJECT_TIMER_SYNCHRONIZATION)
        ke_bugcheck(BUGCODE_TIMER_OR_DPC_INVALID, 0, (uint64_t)(uintptr_t)timer, timer->Header.Type, 0);
}

static void
timer_push_locked(struct box *box, KTIMER *timer, uint64_t due_ns)
{
    struct heap *heap = &box->ke->timers.heap;
    if (heap_reserve(heap, heap->count + 1))
        ke_bugcheck(BUGCODE_TIMER_OR_DPC_INVALID, 1, (uint64_t)(uintptr_t)timer, heap->count, 0);
    heap_push(heap, timer_node(timer), due_ns);
}

static uint64_t
timer_period_ns(const KTIMER *timer)
{
    return (uint64_t)timer->Period * (timer->TimerType == TIMER_PERIOD_UNITS ? 100 : 1000000);
}

static void
timer_fire_locked(struct box *box, KTIMER *timer, uint64_t due_ns, uint64_t now_ns)
{
    KDPC *dpc = timer->Dpc;
    if (timer->Period) {
        uint64_t next_ns = due_ns + timer_period_ns(timer);
        timer_push_locked(box, timer, next_ns > now_ns ? next_ns : now_ns + timer_period_ns(timer));
    }
    struct ke_processor *here = &box->processors[timer->Processor];
    // Last, because a waiter or the DPC may be the one that frees the timer.
    ke_header_signal_locked(box, &timer->Header, 1);
    if (dpc)
        ke_dpc_queue_from(dpc, here, NULL, NULL);
}

bool
ke_timer_set_at(KTIMER *timer, uint64_t due_ns, uint64_t period_units, KDPC *dpc)
{
    struct ke_thread *self = ke_self();
    struct box *box = self->box;
    struct ke_timers *timers = &box->ke->timers;
    bool in_ms = period_units % 10000 == 0;
    timer_check(timer);
    ke_dispatcher_lock(box);
    bool was_set = heap_holds(timer_node(timer));
    heap_remove(&timers->heap, timer_node(timer));
    ke_header_signal_locked(box, &timer->Header, 0);
    timer->Dpc = dpc;
    timer->Processor = (USHORT)self->processor->number;
    timer->TimerType = in_ms ? TIMER_PERIOD_MS : TIMER_PERIOD_UNITS;
    timer->Period = (ULONG)(in_ms ? period_units / 10000 : period_units);
    uint64_t now_ns = sched_now_ns(box->sched);
    bool wake = false;
    if (due_ns <= now_ns) {
        timer_fire_locked(box, timer, now_ns, now_ns);
    } else {
        timer_push_locked(box, timer, due_ns);
    }
    struct heap_node *first = heap_first(&timers->heap);
    if (first == timer_node(timer)) {
        atomic_fetch_add(&timers->word, 1);
        wake = true;
    }
    ke_dispatcher_unlock(box);
    if (wake)
        sched_wake(box->sched, &timers->word, 1);
    sched_choice(box->sched, SCHED_POINT_TIMER);
    return was_set;
}

bool
ke_timer_set(KTIMER *timer, LARGE_INTEGER due, uint32_t period_ms, KDPC *dpc)
{
    uint64_t due_ns = ke_deadline_ns(box_self(), &due);
    return ke_timer_set_at(timer, due_ns, (uint64_t)period_ms * 10000, dpc);
}

bool
ke_timer_cancel(KTIMER *timer)
{
    struct box *box = box_self();
    timer_check(timer);
    ke_dispatcher_lock(box);
    bool was_set = heap_holds(timer_node(timer));
    heap_remove(&box->ke->timers.heap, timer_node(timer));
    timer->Period = 0;
    ke_dispatcher_unlock(box);
    sched_choice(box->sched, SCHED_POINT_TIMER);
    return was_set;
}

void
ke_timer_wait_unset(KTIMER *timer)
{
    struct box *box = box_self();
    void *object = timer;
    ke_dispatcher_lock(box);
    bool is_set = heap_holds(timer_node(timer));
    timer->Period = 0;
    if (is_set)
        ke_header_signal_locked(box, &timer->Header, 0);   // an expiry before does not count
    ke_dispatcher_unlock(box);
    if (is_set)
        ke_wait(box, 1, &object, false, SCHED_NEVER);
}

// One of the timers whose routine lies in the range, taken out; NULL when there is none left.
static KTIMER *
timer_take_in_range(struct box *box, const void *base, size_t bytes, PKDEFERRED_ROUTINE *routine)
{
    struct heap *heap = &box->ke->timers.heap;
    KTIMER *found = NULL;
    ke_dispatcher_lock(box);
    for (size_t i = 0; i < heap->count && !found; i++) {
        KTIMER *timer = timer_of(heap->nodes[i]);
        if (!timer->Dpc || (uintptr_t)timer->Dpc->DeferredRoutine - (uintptr_t)base >= bytes)
            continue;
        found = timer;
        *routine = timer->Dpc->DeferredRoutine;
        heap_remove(heap, timer_node(timer));
        timer->Period = 0;
    }
    ke_dispatcher_unlock(box);
    return found;
}

bool
ke_timer_take(struct box *box, const KTIMER *timer)
{
    struct heap *heap = &box->ke->timers.heap;
    KTIMER *found = NULL;
    ke_dispatcher_lock(box);
    for (size_t i = 0; i < heap->count && !found; i++)
        if (timer_of(heap->nodes[i]) == timer)
            found = timer_of(heap->nodes[i]);
    if (found) {
        heap_remove(heap, timer_node(found));
        found->Period = 0;
    }
    ke_dispatcher_unlock(box);
    return found != NULL;
}

uint32_t
ke_timers_reclaim(struct box *box, const void *base, size_t bytes, const char *who)
{
    uint32_t count = 0;
    PKDEFERRED_ROUTINE routine = NULL;
    for (KTIMER *timer; (timer = timer_take_in_range(box, base, bytes, &routine)); count++)
        if (!verify_left_one(box, VERIFY_LEFT_SET_TIMER, timer, "DriverUnload"))
            box_leftover(box, "timer %p of %s is still set while its code goes away (DPC routine %p)", (void *)timer, who,
                         (void *)routine);
    return count;
}

static void
timer_thread(void *arg)
{
    struct box *box = arg;
    struct ke_timers *timers = &box->ke->timers;
    while (!atomic_load(&timers->stop)) {
        ke_dispatcher_lock(box);
        uint64_t now_ns = sched_now_ns(box->sched);
        struct heap_node *first = heap_first(&timers->heap);
        while (first && first->key <= now_ns) {
            uint64_t due_ns = first->key;
            heap_pop(&timers->heap);
            timer_fire_locked(box, timer_of(first), due_ns, now_ns);
            first = heap_first(&timers->heap);
        }
        uint64_t next_ns = first ? first->key : SCHED_NEVER;
        uint32_t word = atomic_load(&timers->word);
        ke_dispatcher_unlock(box);
        if (!atomic_load(&timers->stop))
            sched_wait(box->sched, &timers->word, word, next_ns);
    }
}

int
ke_timers_start(struct box *box)
{
    return ke_thread_start(box, "timers", timer_thread, box, &box->ke->timers.thread);
}

void
ke_timers_stop(struct box *box)
{
    struct ke_timers *timers = &box->ke->timers;
    if (!timers->thread)
        return;
    atomic_store(&timers->stop, 1);
    atomic_fetch_add(&timers->word, 1);
    sched_wake(box->sched, &timers->word, 1);
    ke_thread_join(timers->thread);
    timers->thread = NULL;
    for (struct heap_node *node; (node = heap_pop(&timers->heap));)
        box_leftover(box, "timer %p is still set (DPC routine %p)", (void *)timer_of(node),
                     timer_of(node)->Dpc ? (void *)timer_of(node)->Dpc->DeferredRoutine : NULL);
}
