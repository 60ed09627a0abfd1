// SPDX-License-Identifier: MIT
// The simulated scheduler: creation, the operations behind sched.h, and sched_run.
//   create -> run: the root fibre and all others take turns until the root has ended, or a finding ends the run -> destroy
// Between two runs the other fibres stay where they are.
#include "sim/sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/sim_int.h"

static int
sim_thread_start(struct sched *s, const char *name, sched_thread_fn fn, void *arg, void *user, struct sched_thread **out)
{
    struct sim_fibre *fibre;
    int error = sim_fibre_create(sim_from(s), name, fn, arg, user, &fibre);
    if (!error)
        *out = &fibre->base;
    return error;
}

static void
sim_thread_join(struct sched *s, struct sched_thread *thread)
{
    struct sim_fibre *fibre = (struct sim_fibre *)thread;
    while (!atomic_load(&fibre->ended))
        sim_wait(s, &fibre->ended, 0, SCHED_NEVER);
    sim_fibre_destroy(sim_from(s), fibre);
}

static int
sim_run(struct sched *s, const char *name, sched_thread_fn fn, void *arg, void *user)
{
    struct sim *sim = sim_from(s);
    struct sim_fibre *root;
    if (sim->current) {
        fprintf(stderr, "ndisbox: sim: sched_run \"%s\" inside thread \"%s\"\n", name, sim->current->name);
        abort();
    }
    if (sim->result)
        return sim->result;
    int error = sim_fibre_create(sim, name, fn, arg, user, &root);
    if (error)
        return error;
    root->is_root = true;
    // The root was pushed last; it goes first.
    sim->ready_count--;
    struct sched_thread *outer = sched_self;
    sim_main_context_start(&sim->main);
    root->state = SIM_FIBRE_RUNNING;
    sim->current = root;
    sched_self = &root->base;
    sim_fibre_switch(&sim->main, &root->context, false);
    sched_self = outer;
    sim_main_context_stop(&sim->main);
    if (!sim->result)
        sim_fibre_destroy(sim, root);
    return sim->result;
}

static uint64_t
sim_now_ns(struct sched *s)
{
    return sim_from(s)->now_ns;
}

static uint64_t
sim_unix_ns(struct sched *s)
{
    return SIM_UNIX_START_NS + sim_from(s)->now_ns;
}

static uint64_t
sim_draw(struct sched *s, enum sched_draw what, uint64_t bound)
{
    struct sim *sim = sim_from(s);
    sim->stats.draws[what]++;
    return sim_decide_draw(sim, what, bound);
}

static void
sim_trace(struct sched *s, uint32_t tag, uint64_t value)
{
    struct sim *sim = sim_from(s);
    sim->hash = hash_fold(hash_fold(sim->hash, UINT64_C(1) << 40 | tag), value);
}

// After a finding the fibres are abandoned where they stopped.
static void
sim_fibres_destroy(struct sim *sim)
{
    if (!list_is_empty(&sim->fibres) && !sim->result) {
        fprintf(stderr, "ndisbox: sim: scheduler destroyed while threads have not been joined\n");
        sim_report_fibres(sim);
        abort();
    }
    LIST_FOR_EACH_SAFE(node, &sim->fibres)
        sim_fibre_destroy(sim, LIST_ENTRY_OF(node, struct sim_fibre, node));
}

static void
sim_destroy(struct sched *s)
{
    struct sim *sim = sim_from(s);
    if (sim->current) {
        fprintf(stderr, "ndisbox: sim: scheduler destroyed by its own thread \"%s\"\n", sim->current->name);
        abort();
    }
    sim_fibres_destroy(sim);
    sim_tape_out(sim);
    sim_tape_close(&sim->tape);
    sim_stacks_destroy(sim);
    heap_destroy(&sim->deadlines);
    free(sim->ready);
    free(sim->tape_out);
    free(sim);
}

static void
sim_print_threads(struct sched *s)
{
    sim_report_fibres(sim_from(s));
}

static const struct sched_ops sim_ops = {
    .thread_start = sim_thread_start,
    .thread_join = sim_thread_join,
    .run = sim_run,
    .wait = sim_wait,
    .wake = sim_wake,
    .now_ns = sim_now_ns,
    .unix_ns = sim_unix_ns,
    .draw = sim_draw,
    .choice = sim_choice,
    .trace = sim_trace,
    .print_threads = sim_print_threads,
    .destroy = sim_destroy,
};

static int
sim_tapes_open(struct sim *sim, const char **error)
{
    if (sim->config.tape_out && !(sim->tape_out = strdup(sim->config.tape_out))) {
        *error = "sim: out of memory";
        return -ENOMEM;
    }
    return sim->config.tape_in ? sim_tape_open(&sim->tape, sim->config.tape_in, &sim->config, error) : 0;
}

struct sched *
sim_create(const struct sim_config *config, const char **error)
{
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim) {
        *error = "sim: out of memory";
        return NULL;
    }
    sim->base.ops = &sim_ops;
    sim->base.is_sim = true;
    sim->base.pages = config->pages;
    sim->config = *config;
    if (sim_tapes_open(sim, error)) {
        sim_tape_close(&sim->tape);
        free(sim->tape_out);
        free(sim);
        return NULL;
    }
    if (!sim->config.switch_one_in)
        sim->config.switch_one_in = SIM_SWITCH_ONE_IN_DEFAULT;
    if (!sim->config.step_limit)
        sim->config.step_limit = SIM_STEP_LIMIT_DEFAULT;
    prng_seed(&sim->prng, sim->config.seed);
    sim->hash = HASH_FNV_START;
    sim->next_id = 1;
    list_init(&sim->fibres);
    for (int i = 0; i < SIM_WORD_BUCKETS; i++)
        list_init(&sim->words[i]);
    heap_init(&sim->deadlines);
    sim->stack_bytes = 256 * 1024;
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    sim->stack_bytes = 1024 * 1024;      // instrumented frames are several times larger
#endif
#endif
    return &sim->base;
}

void
sim_stats_get(struct sched *sched, struct sim_stats *stats)
{
    struct sim *sim = sim_from(sched);
    *stats = sim->stats;
    stats->trace_hash = sim->hash;
    stats->virtual_ns = sim->now_ns;
    stats->tape_entries = sim->tape.recorded;
}
