// SPDX-License-Identifier: MIT
// Rundown gates. Each processor counts what entered minus what left on it; only the sum means something (a count of its own wraps).
//   enter, leave   on the own processor's line, plain loads and stores: the owner of the processor is the only writer
//   close          state to CLOSING, then a DPC of the gate's own on every processor: when the last of them has run, all code that
//                  might have entered before has left DISPATCH, so the sum can only fall from here on; whoever sees it at 0 reports
//   idle           reported once, by an exchange
// Why the last one is never missed: a leaver stores its count before it looks at the state, with a fence between when the gate is
// closing; of two leavers the one whose fence comes second sees both counts. A leaver that saw the gate open ran before the gate's
// DPC on its processor. Why 0 is never seen too early: after the DPCs the true sum only falls, so a sum read line by line is never
// below what it will be at the end of the reading, and never negative.
#include <errno.h>
#include <stdlib.h>

#include "nt/ke/bugcheck.h"
#include "nt/ke/dpc.h"
#include "nt/ke/ke_int.h"

enum { GATE_OPEN, GATE_CLOSING, GATE_DRAINING, GATE_CLOSED };

struct gate_line {
    _Alignas(KE_CACHE_LINE) _Atomic uint64_t units;
    KDPC dpc;
};

struct ke_gate {
    struct box *box;
    _Atomic uint32_t state;          // GATE_*
    _Atomic uint32_t passes;         // processors that the close has yet to visit
    void (*on_idle)(void *context);
    void *context;
    struct gate_line lines[];
};

uint64_t
ke_gate_units(const struct ke_gate *gate)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < gate->box->processor_count; i++)
        sum += atomic_load(&gate->lines[i].units);
    return sum;
}

static void
gate_idle_check(struct ke_gate *gate)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load(&gate->state) != GATE_DRAINING || ke_gate_units(gate) != 0)
        return;
    uint32_t draining = GATE_DRAINING;
    if (atomic_compare_exchange_strong(&gate->state, &draining, GATE_CLOSED))
        gate->on_idle(gate->context);
}

static NTAPI VOID
gate_visit_dpc(KDPC *dpc, void *context, void *argument1, void *argument2)
{
    struct ke_gate *gate = context;
    if (atomic_fetch_sub(&gate->passes, 1) != 1)
        return;
    atomic_store(&gate->state, GATE_DRAINING);
    gate_idle_check(gate);
}

struct ke_gate *
ke_gate_create(struct box *box, bool open)
{
    size_t bytes = sizeof(struct ke_gate) + box->processor_count * sizeof(struct gate_line);
    struct ke_gate *gate = aligned_alloc(KE_CACHE_LINE, (bytes + KE_CACHE_LINE - 1) / KE_CACHE_LINE * KE_CACHE_LINE);
    if (!gate)
        return NULL;
    *gate = (struct ke_gate){.box = box, .state = open ? GATE_OPEN : GATE_CLOSED};
    for (uint32_t i = 0; i < box->processor_count; i++) {
        struct gate_line *line = &gate->lines[i];
        atomic_init(&line->units, 0);
        ke_dpc_init(&line->dpc, gate_visit_dpc, gate, false);
        line->dpc.Number = (USHORT)(KE_DPC_TARGET_BASE + i);
        line->dpc.Importance = HighImportance;
    }
    return gate;
}

void
ke_gate_destroy(struct ke_gate *gate)
{
    if (!gate)
        return;
    ke_grace(gate->box);   // a leaver that was not the last may still be adding up
    free(gate);
}

bool
ke_gate_enter_at_dispatch(struct ke_gate *gate, struct ke_processor *processor, uint64_t units)
{
    if (atomic_load(&gate->state) != GATE_OPEN)
        return false;
    _Atomic uint64_t *mine = &gate->lines[processor->number].units;
    atomic_store_explicit(mine, atomic_load_explicit(mine, memory_order_relaxed) + units, memory_order_release);
    return true;
}

void
ke_gate_leave_at_dispatch(struct ke_gate *gate, struct ke_processor *processor, uint64_t units)
{
    _Atomic uint64_t *mine = &gate->lines[processor->number].units;
    atomic_store_explicit(mine, atomic_load_explicit(mine, memory_order_relaxed) - units, memory_order_release);
    if (__builtin_expect(atomic_load(&gate->state) != GATE_OPEN, 0))
        gate_idle_check(gate);
}

void
ke_gate_open(struct ke_gate *gate)
{
    uint32_t state = atomic_exchange(&gate->state, GATE_OPEN);
    if (state == GATE_CLOSING || state == GATE_DRAINING)   // its DPCs are still on their way: a bug of the runtime
        ke_bugcheck(BUGCODE_MANUALLY_INITIATED_CRASH1, state, ke_gate_units(gate), 0, 0);
}

void
ke_gate_close_async(struct ke_gate *gate, void (*on_idle)(void *), void *context)
{
    if (atomic_load(&gate->state) == GATE_CLOSED) {
        KIRQL old = ke_raise_dispatch(ke_self());
        on_idle(context);
        ke_lower(ke_self(), old);
        return;
    }
    gate->on_idle = on_idle;
    gate->context = context;
    atomic_store(&gate->passes, gate->box->processor_count);
    if (atomic_exchange(&gate->state, GATE_CLOSING) != GATE_OPEN)   // closed twice: a bug of the runtime
        ke_bugcheck(BUGCODE_MANUALLY_INITIATED_CRASH1, 1, ke_gate_units(gate), 0, 0);
    for (uint32_t i = 0; i < gate->box->processor_count; i++)
        ke_dpc_queue(&gate->lines[i].dpc, NULL, NULL);
}

static void
gate_latch_set(void *context)
{
    ke_latch_set(context);
}

void
ke_gate_close_late(struct ke_gate *gate, uint64_t timeout_ns, void (*on_late)(void *), void *context)
{
    if (atomic_load(&gate->state) == GATE_CLOSED)
        return;
    struct ke_latch idle = {0};
    ke_gate_close_async(gate, gate_latch_set, &idle);
    if (on_late && ke_latch_wait(&idle, timeout_ns))
        on_late(context);
    ke_latch_wait(&idle, SCHED_NEVER);
}

void
ke_gate_close(struct ke_gate *gate)
{
    ke_gate_close_late(gate, SCHED_NEVER, NULL, NULL);
}
