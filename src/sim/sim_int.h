// SPDX-License-Identifier: MIT
// What the files of sim share.
//   sim.c       creation, the operations of sched.h, the main loop, statistics
//   schedule.c  the ready list, choice points, waiting and waking, the virtual clock
//   fibre.c     fibres: stacks, their pool, the switch and what the sanitizers must know of it
//   decide.c    every decision: drawn or replayed, recorded, hashed; what happens when a replay drifts
//   tape.c      the record of the decisions, in memory and as a file
//   report.c    what is printed when a run cannot go on
// All of it runs in one OS thread, so there are no locks.
#ifndef NBX_SIM_INT_H
#define NBX_SIM_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/prng.h"
#include "sim/sim.h"
#include "sim/tape.h"

#define SIM_WORD_BUCKETS 256
#define SIM_UNIX_START_NS (UINT64_C(1577836800) * 1000000000u)    // 2020-01-01 00:00:00 UTC
#define SIM_STEP_LIMIT_DEFAULT UINT64_C(50000000)
#define SIM_SWITCH_ONE_IN_DEFAULT 8

enum sim_fibre_state { SIM_FIBRE_READY, SIM_FIBRE_RUNNING, SIM_FIBRE_WAITING, SIM_FIBRE_ENDED };

// What runs on a stack: a fibre, or the OS thread that called sched_run.
struct sim_context {
    void *sp;                    // while suspended: the saved registers lie here (switch_*.S)
    const void *stack_low;
    size_t stack_bytes;
    void *asan_fake_stack;       // ASan's use-after-return frames, kept while suspended
    void *tsan_fiber;
};

struct sim_fibre {
    struct sched_thread base;
    struct sim_context context;
    struct list node;            // in sim->fibres, in the order of creation
    enum sim_fibre_state state;
    sched_thread_fn fn;
    void *arg;
    _Atomic uint32_t ended;      // 1 once fn has returned; join waits for it
    bool is_root;                // sched_run's own
    _Atomic uint32_t *word;      // while waiting on one
    struct list word_node;       // in the word's bucket
    struct heap_node deadline;   // in sim->deadlines
    bool is_hope;                // and counted in sim->hopes
    int wait_result;
    char name[];
};

struct sim_stack {               // lies at the low end of a free stack
    struct sim_stack *next;
};

struct sim {
    struct sched base;
    struct sim_config config;
    struct prng prng;
    uint64_t now_ns;
    uint64_t steps;
    struct sim_stats stats;
    uint64_t hash;
    struct sim_tape tape;
    char *tape_out;

    struct sim_fibre *current;   // NULL outside sched_run
    struct sim_context main;
    int result;                  // the finding that ended the run, as a negative errno; 0 before

    struct list fibres;          // all that have not been joined
    size_t fibre_count;
    uint32_t next_id;
    struct sim_fibre **ready;    // runnable, without the running one
    size_t ready_count, ready_capacity;
    struct heap deadlines;
    size_t hopes;                // deadlines of fibres that are not idle (sched_thread.is_idle)
    uint32_t idle_rounds;        // times the clock was moved for idle fibres alone, since another fibre ran
    struct list words[SIM_WORD_BUCKETS];

    struct sim_stack *free_stacks;
    size_t stack_bytes;
};

static inline struct sim *
sim_from(struct sched *s)
{
    return (struct sim *)s;
}

// decide.c: the decisions, from the tape when replaying and from the seed otherwise; recorded and folded into the trace hash.
// A number below bound (> 0).
uint64_t sim_decide_draw(struct sim *sim, enum sched_draw what, uint64_t bound);
// At a choice point with so many other runnable fibres (> 0): which of them goes on, or `ready_count` to stay.
uint64_t sim_decide_choice(struct sim *sim, enum sched_point point, uint64_t ready_count);

// fibre.c
// owns: the fibre is in sim->fibres and ready. fails: -ENOMEM.
int sim_fibre_create(struct sim *sim, const char *name, sched_thread_fn fn, void *arg, void *user, struct sim_fibre **out);
// Give back an ended (or, after a finding, abandoned) fibre.
void sim_fibre_destroy(struct sim *sim, struct sim_fibre *fibre);
// Suspend `from`, go on with `to`. `from` never comes back if it has ended.
void sim_fibre_switch(struct sim_context *from, struct sim_context *to, bool from_ends);
// Return addresses of a suspended fibre, or of the running one; none of an ended one.
size_t sim_fibre_backtrace(const struct sim_fibre *fibre, const void **addresses, size_t limit);
void sim_main_context_start(struct sim_context *main);
void sim_main_context_stop(struct sim_context *main);
void sim_stacks_destroy(struct sim *sim);

// schedule.c
// Room for `count` fibres, so that nothing can fail later. fails: -ENOMEM.
int sim_schedule_reserve(struct sim *sim, size_t count);
void sim_ready_push(struct sim *sim, struct sim_fibre *fibre);
// Run something else until the current fibre is runnable again and is chosen.
void sim_schedule_away(struct sim *sim, bool ends);
// The current fibre goes on never more: end the run with this finding.
void sim_finding(struct sim *sim, int result);
void sim_choice(struct sched *s, enum sched_point point);
int sim_wait(struct sched *s, _Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns);
void sim_wake(struct sched *s, _Atomic uint32_t *word, uint32_t count);

// Does this wait return without a reason?
bool sim_decide_spurious(struct sim *sim);
// Write the tape where the configuration wants it, once. Says so, or why not.
void sim_tape_out(struct sim *sim);

// report.c
void sim_report_fibres(struct sim *sim);

#endif
