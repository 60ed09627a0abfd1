// SPDX-License-Identifier: MIT
// Processors and the level a thread runs at. Paths through this file:
//   raise   ke_raise_dispatch: the processor last owned if it is free, else any other that affinity allows, else wait for the last one
//   lower   ke_lower: drain what was queued, release with an exchange, look at the queue again, take it back if something came and
//           nobody else has it. The exchange orders our release before our look; the enqueuer orders its mark before its look at the
//           word (dpc.c). So one of the two sees the other. With a plain store here DPCs were lost.
//   grace   ke_grace: own every processor once, so that all code that was at DISPATCH has left it.
#include "nt/ke/bugcheck.h"
#include "nt/ke/dpc.h"
#include "nt/ke/ke_int.h"
#include "verify/paged.h"

static inline bool
processor_allowed(const struct ke_thread *self, const struct ke_processor *processor)
{
    return self->affinity >> processor->number & 1;
}

static struct ke_processor *
processor_take_any(struct ke_thread *self)
{
    struct box *box = self->box;
    struct ke_processor *home = self->processor;
    for (uint32_t i = 0; i < box->processor_count; i++) {
        struct ke_processor *p = &box->processors[i];
        if (!processor_allowed(self, p))
            continue;
        if (!processor_allowed(self, home))
            home = p;
        if (ke_word_try(&p->word))
            return p;
    }
    ke_word_lock_slow(&home->word);
    return home;
}

static inline void
processor_own(struct ke_thread *self, struct ke_processor *processor)
{
    processor->owner = self;
    self->processor = processor;
    self->irql = DISPATCH_LEVEL;
}

KIRQL
ke_raise_dispatch(struct ke_thread *self)
{
    KIRQL old = self->irql;
    if (old >= DISPATCH_LEVEL)
        return old;
    struct ke_processor *p = self->processor;
    if (!processor_allowed(self, p) || !ke_word_try(&p->word))
        p = processor_take_any(self);
    processor_own(self, p);
    sched_choice(sched_self->sched, SCHED_POINT_IRQL);
    return old;
}

KIRQL
ke_raise_on(struct ke_thread *self, struct ke_processor *processor)
{
    KIRQL old = self->irql;
    ke_word_lock(&processor->word);
    processor_own(self, processor);
    return old;
}

void
ke_lower(struct ke_thread *self, KIRQL old)
{
    if (old >= DISPATCH_LEVEL || self->irql < DISPATCH_LEVEL) {
        self->irql = old;
        return;
    }
    if (self->in_dpc)   // the rest of the DPC would run below DISPATCH, on a processor it does not own
        ke_bugcheck(BUGCODE_IRQL_NOT_LESS_OR_EQUAL, 0, self->irql, old, (uint64_t)(uintptr_t)__builtin_return_address(0));
    if (__builtin_expect(self->paged_is_shut, 0))
        verify_paged_level(self, false);
    struct ke_processor *p = self->processor;
    self->irql = DISPATCH_LEVEL;
    for (;;) {
        while (atomic_load(&p->dpc_pending) & KE_PENDING_DPC)
            ke_dpc_drain(self, p);
        p->owner = NULL;
        self->irql = old;
        ke_word_unlock(&p->word);
        if (!(atomic_load(&p->dpc_pending) & KE_PENDING_DPC) || !ke_word_try(&p->word))
            break;
        processor_own(self, p);
    }
    sched_choice(sched_self->sched, SCHED_POINT_IRQL);
}

void
ke_grace(struct box *box)
{
    struct ke_thread *self = ke_self();
    struct ke_processor *home = self->processor;
    if (self->irql >= DISPATCH_LEVEL)   // it would wait for itself
        ke_bugcheck(BUGCODE_IRQL_NOT_LESS_OR_EQUAL, 0, self->irql, 0, (uint64_t)(uintptr_t)__builtin_return_address(0));
    for (uint32_t i = 0; i < box->processor_count; i++) {
        KIRQL old = ke_raise_on(self, &box->processors[i]);
        ke_lower(self, old);
    }
    self->processor = home;
}
