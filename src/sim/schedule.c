// SPDX-License-Identifier: MIT
// Who runs next, and when.
//   choice   the running fibre may be put aside here: one drawn number decides whether, and for whom
//   wait     the fibre joins the word's waiters (and the deadlines), then whoever is drawn from the runnable ones goes on
//   wake     waiters become runnable; which ones is drawn if not all
//   clock    moves only when nothing is runnable: to the earliest deadline, and everyone of that very instant becomes runnable
//   idle     a fibre that only looks whether all is well (sched_thread.is_idle) may do so SIM_IDLE_ROUNDS times while nobody else has
//            a deadline; if no other fibre has become runnable by then, this is the deadlock it would otherwise hide
// A finding (nothing can ever run, too many steps, a replay that drifted) leaves every fibre where it is and ends sched_run.
// Nothing here depends on an address: buckets keep waiters in the order of arrival, and only those of one word are looked at.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/sim_int.h"

// Enough for a check for hang to notice, reset the adapter, and let the others go on [ndis/nc-ndis-miniport_check_for_hang].
#define SIM_IDLE_ROUNDS 16

static struct list *
sim_word_bucket(struct sim *sim, const _Atomic uint32_t *word)
{
    return &sim->words[hash_spread((uintptr_t)word) >> 56];
}

int
sim_schedule_reserve(struct sim *sim, size_t count)
{
    if (count > sim->ready_capacity) {
        size_t capacity = sim->ready_capacity ? 2 * sim->ready_capacity : 16;
        struct sim_fibre **ready = reallocarray(sim->ready, capacity, sizeof *ready);
        if (!ready)
            return -ENOMEM;
        sim->ready = ready;
        sim->ready_capacity = capacity;
    }
    return heap_reserve(&sim->deadlines, count);
}

void
sim_ready_push(struct sim *sim, struct sim_fibre *fibre)
{
    fibre->state = SIM_FIBRE_READY;
    sim->ready[sim->ready_count++] = fibre;
}

// The calm strategy takes turns, so it keeps the order of arrival.
static struct sim_fibre *
sim_ready_take(struct sim *sim, size_t index)
{
    struct sim_fibre *fibre = sim->ready[index];
    sim->ready_count--;
    if (sim->config.strategy == SIM_RUN_TO_BLOCK)
        for (size_t i = index; i < sim->ready_count; i++)
            sim->ready[i] = sim->ready[i + 1];
    else
        sim->ready[index] = sim->ready[sim->ready_count];
    return fibre;
}

static void
sim_unwait(struct sim *sim, struct sim_fibre *fibre, int result)
{
    list_remove(&fibre->word_node);
    heap_remove(&sim->deadlines, &fibre->deadline);
    sim->hopes -= fibre->is_hope;
    fibre->is_hope = false;
    if (!fibre->base.is_idle)
        sim->idle_rounds = 0;
    fibre->word = NULL;
    fibre->wait_result = result;
    sim_ready_push(sim, fibre);
}

static bool
sim_clock_advance(struct sim *sim)
{
    struct heap_node *first = heap_first(&sim->deadlines);
    if (!first || (!sim->hopes && sim->idle_rounds++ >= SIM_IDLE_ROUNDS * sim->deadlines.count))
        return false;
    sim->now_ns = first->key;
    sim->hash = hash_fold(sim->hash, sim->now_ns);
    while (first && first->key == sim->now_ns) {
        sim_unwait(sim, HEAP_ENTRY_OF(first, struct sim_fibre, deadline), -ETIMEDOUT);
        first = heap_first(&sim->deadlines);
    }
    return true;
}

static struct sim_fibre *
sim_pick(struct sim *sim)
{
    if (!sim->ready_count && !sim_clock_advance(sim))
        return NULL;
    size_t index = 0;
    if (sim->ready_count > 1 && sim->config.strategy != SIM_RUN_TO_BLOCK)
        index = sim_decide_draw(sim, SCHED_DRAW_SWITCH, sim->ready_count);
    return sim_ready_take(sim, index);
}

static void
sim_switch_to(struct sim *sim, struct sim_fibre *from, struct sim_fibre *to, bool from_ends)
{
    sim->stats.switches++;
    to->state = SIM_FIBRE_RUNNING;
    sim->current = to;
    sched_self = &to->base;
    if (__builtin_expect(sim->base.on_switch != NULL, 0))
        sim->base.on_switch(sim->base.on_switch_context, &to->base);
    sim_fibre_switch(&from->context, &to->context, from_ends);
}

void
sim_finding(struct sim *sim, int result)
{
    struct sim_fibre *self = sim->current;
    sim->result = result;
    sim_tape_out(sim);
    sim->current = NULL;
    sim_fibre_switch(&self->context, &sim->main, self->state == SIM_FIBRE_ENDED);
    abort();
}

void
sim_schedule_away(struct sim *sim, bool ends)
{
    struct sim_fibre *self = sim->current;
    if (ends && self->is_root) {
        sim->current = NULL;
        sim_fibre_switch(&self->context, &sim->main, true);
        abort();
    }
    struct sim_fibre *next = sim_pick(sim);
    if (!next) {
        fprintf(stderr, "ndisbox: sim: deadlock at %llu ns: no thread can run and none waits for a time%s\n",
                (unsigned long long)sim->now_ns, heap_first(&sim->deadlines) ? ", checks for hang aside" : "");
        sim_report_fibres(sim);
        sim_finding(sim, -EDEADLK);
    }
    if (next == self)
        self->state = SIM_FIBRE_RUNNING;
    else
        sim_switch_to(sim, self, next, ends);
}

static void
sim_step(struct sim *sim)
{
    if (__builtin_expect(++sim->steps > sim->config.step_limit, 0)) {
        fprintf(stderr, "ndisbox: sim: %llu steps without an end at %llu ns: the step limit is reached\n",
                (unsigned long long)sim->config.step_limit, (unsigned long long)sim->now_ns);
        sim_report_fibres(sim);
        sim_finding(sim, -ETIME);
    }
}

void
sim_choice(struct sched *s, enum sched_point point)
{
    struct sim *sim = sim_from(s);
    struct sim_fibre *self = sim->current;
    if (__builtin_expect(!self, 0))
        return;
    sim->stats.choices[point]++;
    sim_step(sim);
    sim->hash = hash_fold(sim->hash, point);
    if (!sim->ready_count || sim->config.strategy == SIM_RUN_TO_BLOCK)
        return;
    uint64_t index = sim_decide_choice(sim, point, sim->ready_count);
    if (index >= sim->ready_count)
        return;
    struct sim_fibre *next = sim_ready_take(sim, index);
    sim_ready_push(sim, self);
    sim_switch_to(sim, self, next, false);
}

int
sim_wait(struct sched *s, _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    struct sim *sim = sim_from(s);
    struct sim_fibre *self = sim->current;
    if (!self) {
        fprintf(stderr, "ndisbox: sim: sched_wait outside sched_run\n");
        abort();
    }
    sim_step(sim);
    sim->hash = hash_fold(sim->hash, 0x100 + self->base.id);
    if (atomic_load_explicit(word, memory_order_acquire) != expected)
        return 0;
    bool is_over = deadline_ns <= sim->now_ns;
    if (is_over || (sim->config.spurious_one_in && sim_decide_spurious(sim))) {
        // A loop that polls must not keep the others from running.
        sim->stats.spurious += !is_over;
        sim_ready_push(sim, self);
        sim_schedule_away(sim, false);
        return is_over ? -ETIMEDOUT : 0;
    }
    self->state = SIM_FIBRE_WAITING;
    self->word = word;
    list_push_back(sim_word_bucket(sim, word), &self->word_node);
    if (deadline_ns != SCHED_NEVER) {
        heap_push(&sim->deadlines, &self->deadline, deadline_ns);
        self->is_hope = !self->base.is_idle;
        sim->hopes += self->is_hope;
    }
    sim_schedule_away(sim, false);
    return self->wait_result;
}

static uint64_t
sim_waiters_count(struct list *bucket, const _Atomic uint32_t *word)
{
    uint64_t count = 0;
    LIST_FOR_EACH(node, bucket)
        count += LIST_ENTRY_OF(node, struct sim_fibre, word_node)->word == word;
    return count;
}

static void
sim_wake_nth(struct sim *sim, struct list *bucket, const _Atomic uint32_t *word, uint64_t index)
{
    LIST_FOR_EACH_SAFE(node, bucket) {
        struct sim_fibre *fibre = LIST_ENTRY_OF(node, struct sim_fibre, word_node);
        if (fibre->word == word && index-- == 0) {
            sim_unwait(sim, fibre, 0);
            return;
        }
    }
}

void
sim_wake(struct sched *s, _Atomic uint32_t *word, uint32_t count)
{
    struct sim *sim = sim_from(s);
    struct list *bucket = sim_word_bucket(sim, word);
    if (list_is_empty(bucket))
        return;
    uint64_t waiters = sim_waiters_count(bucket, word);
    while (waiters && count) {
        uint64_t index = 0;
        if (count < waiters && sim->config.strategy != SIM_RUN_TO_BLOCK)
            index = sim_decide_draw(sim, SCHED_DRAW_WAKE, waiters);
        sim_wake_nth(sim, bucket, word, index);
        waiters--;
        if (count != UINT32_MAX)
            count--;
    }
}
