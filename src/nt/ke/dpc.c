// SPDX-License-Identifier: MIT
// DPC queues. A queued KDPC is linked into exactly one processor's queue: its DpcData points at that queue, claimed by a
// compare-and-swap under the queue's raw lock, so two processors that insert it at once have one winner. Popping clears DpcData
// before the routine runs: the routine may queue its own KDPC again or free it.
//   in    ke_dpc_queue -> mark pending under the lock -> processor free? wake its idle thread : its owner looks when it lowers
//   out   ke_lower or the idle thread -> ke_dpc_drain -> routine at DISPATCH
//   threaded DPCs take a second list, which only the idle thread runs, at PASSIVE.
#include "nt/ke/dpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "nt/ke/bugcheck.h"
#include "nt/ke/ke_int.h"
#include "nt/ke/wait.h"


struct ke_dpc_queue {
    _Alignas(KE_CACHE_LINE) _Atomic uint32_t lock;   // raw; after the dispatcher lock
    struct list dpcs;                                // KDPC from DpcListEntry on
    struct list threaded;
    struct ke_processor *processor;
};

// DpcListEntry and ProcessorHistory together are the room of one list node.
_Static_assert(offsetof(KDPC, ProcessorHistory) == offsetof(KDPC, DpcListEntry) + sizeof(void *), "KDPC layout");

static inline struct list *
dpc_node(KDPC *dpc)
{
    return (struct list *)&dpc->DpcListEntry;
}

static inline KDPC *
dpc_of(struct list *node)
{
    return (KDPC *)((char *)node - offsetof(KDPC, DpcListEntry));
}

static inline _Atomic(struct ke_dpc_queue *) *
dpc_claim(KDPC *dpc)
{
    return (_Atomic(struct ke_dpc_queue *) *)(void *)&dpc->DpcData;
}

void
ke_dpc_init(KDPC *dpc, PKDEFERRED_ROUTINE routine, void *context, bool threaded)
{
    *dpc = (KDPC){.Type = threaded ? KE_OBJECT_THREADED_DPC : KE_OBJECT_DPC, .Importance = MediumImportance};
    dpc->DeferredRoutine = routine;
    dpc->DeferredContext = context;
}

static struct ke_dpc_queue *
dpc_queue_for(KDPC *dpc, struct ke_processor *here)
{
    uint32_t target = dpc->Number;
    if (target >= KE_DPC_TARGET_BASE && target - KE_DPC_TARGET_BASE < here->box->processor_count)
        return here->box->processors[target - KE_DPC_TARGET_BASE].dpcs;
    return here->dpcs;
}

bool
ke_dpc_queue_from(KDPC *dpc, struct ke_processor *here, void *argument1, void *argument2)
{
    struct ke_dpc_queue *queue = dpc_queue_for(dpc, here);
    struct ke_processor *p = queue->processor;
    bool threaded = dpc->Type == KE_OBJECT_THREADED_DPC;
    uint32_t bit = threaded ? KE_PENDING_THREADED : KE_PENDING_DPC;
    ke_word_lock(&queue->lock);
    struct ke_dpc_queue *nobody = NULL;
    if (!atomic_compare_exchange_strong(dpc_claim(dpc), &nobody, queue)) {
        ke_word_unlock(&queue->lock);
        return false;
    }
    dpc->SystemArgument1 = argument1;
    dpc->SystemArgument2 = argument2;
    struct list *head = threaded ? &queue->threaded : &queue->dpcs;
    if (dpc->Importance == HighImportance)
        list_push_front(head, dpc_node(dpc));
    else
        list_push_back(head, dpc_node(dpc));
    uint32_t was = atomic_fetch_or(&p->dpc_pending, bit);
    ke_word_unlock(&queue->lock);
    if (!(was & bit) && (threaded || atomic_load(&p->word) == 0))
        sched_wake(p->box->sched, &p->dpc_pending, 1);
    return true;
}

bool
ke_dpc_queue(KDPC *dpc, void *argument1, void *argument2)
{
    bool queued = ke_dpc_queue_from(dpc, ke_self()->processor, argument1, argument2);
    sched_choice(sched_self->sched, SCHED_POINT_QUEUE);
    return queued;
}

bool
ke_dpc_remove(KDPC *dpc)
{
    for (;;) {
        struct ke_dpc_queue *queue = atomic_load(dpc_claim(dpc));
        if (!queue)
            return false;
        ke_word_lock(&queue->lock);
        bool ours = atomic_load(dpc_claim(dpc)) == queue;
        if (ours) {
            list_remove(dpc_node(dpc));
            atomic_store(dpc_claim(dpc), NULL);
        }
        ke_word_unlock(&queue->lock);
        if (ours)
            return true;
    }
}

static bool
dpc_is_in(const KDPC *dpc, const void *base, size_t bytes, bool by_routine)
{
    return (by_routine ? (uintptr_t)dpc->DeferredRoutine : (uintptr_t)dpc) - (uintptr_t)base < bytes;
}

static KDPC *
queue_find_locked(struct list *head, const void *base, size_t bytes, bool by_routine)
{
    LIST_FOR_EACH(node, head)
        if (dpc_is_in(dpc_of(node), base, bytes, by_routine))
            return dpc_of(node);
    return NULL;
}

KDPC *
ke_dpc_in_range(struct box *box, const void *base, size_t bytes, bool by_routine, bool take)
{
    KDPC *found = NULL;
    for (uint32_t i = 0; i < box->processor_count && !found; i++) {
        struct ke_dpc_queue *queue = box->processors[i].dpcs;
        if (!atomic_load(&box->processors[i].dpc_pending))
            continue;
        ke_word_lock(&queue->lock);
        found = queue_find_locked(&queue->dpcs, base, bytes, by_routine);
        if (!found)
            found = queue_find_locked(&queue->threaded, base, bytes, by_routine);
        if (found && take) {
            list_remove(dpc_node(found));
            atomic_store(dpc_claim(found), NULL);
        }
        ke_word_unlock(&queue->lock);
    }
    return found;
}

struct dpc_call {
    KDPC *dpc;
    PKDEFERRED_ROUTINE routine;
    void *context, *argument1, *argument2;
};

static bool
dpc_pop(struct ke_dpc_queue *queue, struct list *head, uint32_t bit, struct dpc_call *call)
{
    ke_word_lock(&queue->lock);
    struct list *node = list_pop_front(head);
    if (node) {
        KDPC *dpc = dpc_of(node);
        *call = (struct dpc_call){dpc, dpc->DeferredRoutine, dpc->DeferredContext, dpc->SystemArgument1, dpc->SystemArgument2};
        atomic_store(dpc_claim(dpc), NULL);
    }
    if (list_is_empty(head))
        atomic_fetch_and(&queue->processor->dpc_pending, ~bit);
    ke_word_unlock(&queue->lock);
    return node != NULL;
}

void
ke_dpc_drain(struct ke_thread *self, struct ke_processor *processor)
{
    struct ke_dpc_queue *queue = processor->dpcs;
    struct dpc_call call;
    while (dpc_pop(queue, &queue->dpcs, KE_PENDING_DPC, &call)) {
        self->in_dpc = 1;
        struct ke_crossing crossing = ke_driver_enter_code(self, (const void *)call.routine, "KDEFERRED_ROUTINE");
        call.routine(call.dpc, call.context, call.argument1, call.argument2);
        ke_driver_leave(self, crossing);
        self->in_dpc = 0;
        if (self->irql != DISPATCH_LEVEL)
            ke_bugcheck(BUGCODE_IRQL_NOT_DISPATCH_LEVEL, (uint64_t)(uintptr_t)call.routine, self->irql, DISPATCH_LEVEL, 0);
    }
}

static void
dpc_run_threaded(struct ke_thread *self, struct ke_dpc_queue *queue)
{
    struct dpc_call call;
    while (dpc_pop(queue, &queue->threaded, KE_PENDING_THREADED, &call)) {
        struct ke_crossing crossing = ke_driver_enter_code(self, (const void *)call.routine, "KDEFERRED_ROUTINE");
        call.routine(call.dpc, call.context, call.argument1, call.argument2);
        ke_driver_leave(self, crossing);
        if (self->irql != PASSIVE_LEVEL)
            ke_bugcheck(BUGCODE_IRQL_GT_ZERO_AT_SYSTEM_SERVICE, (uint64_t)(uintptr_t)call.routine, self->irql, 0, 0);
    }
}

static void
dpc_idle(void *arg)
{
    struct ke_processor *p = arg;
    struct ke_thread *self = ke_self();
    self->processor = p;
    self->affinity = UINT64_C(1) << p->number;
    for (;;) {
        uint32_t pending = atomic_load(&p->dpc_pending);
        if (!pending) {
            sched_wait(sched_self->sched, &p->dpc_pending, 0, SCHED_NEVER);
            continue;
        }
        if (pending & KE_PENDING_DPC)
            ke_lower(self, ke_raise_on(self, p));
        else if (pending & KE_PENDING_THREADED)
            dpc_run_threaded(self, p->dpcs);
        else
            break;
    }
}

void
ke_dpc_flush(struct box *box)
{
    ke_grace(box);   // owning a processor once drains it, and a DPC that was running has ended by then
}

int
ke_dpc_processor_create(struct ke_processor *processor)
{
    struct ke_dpc_queue *queue = aligned_alloc(KE_CACHE_LINE, (sizeof *queue + KE_CACHE_LINE - 1) / KE_CACHE_LINE * KE_CACHE_LINE);
    if (!queue)
        return -ENOMEM;
    *queue = (struct ke_dpc_queue){.processor = processor};
    list_init(&queue->dpcs);
    list_init(&queue->threaded);
    processor->dpcs = queue;
    return 0;
}

int
ke_dpc_idle_start(struct ke_processor *processor)
{
    char name[32];
    snprintf(name, sizeof name, "idle%u", processor->number);
    return ke_thread_start(processor->box, name, dpc_idle, processor, &processor->idle);
}

void
ke_dpc_idle_stop(struct ke_processor *processor)
{
    if (!processor->idle)
        return;
    atomic_fetch_or(&processor->dpc_pending, KE_PENDING_STOP);
    sched_wake(processor->box->sched, &processor->dpc_pending, 1);
    ke_thread_join(processor->idle);
    processor->idle = NULL;
}

void
ke_dpc_processor_destroy(struct ke_processor *processor)
{
    free(processor->dpcs);
    processor->dpcs = NULL;
}
