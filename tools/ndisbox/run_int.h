// SPDX-License-Identifier: MIT
// What run.c (real time) and run_sim.c (seeds and tapes) share.
#ifndef NBX_TOOL_RUN_INT_H
#define NBX_TOOL_RUN_INT_H

#include "nbx/service.h"
#include "nbx/world.h"
#include "ndis/ndis.h"
#include "nt/ex/fault.h"
#include "run.h"
#include "sim/sim.h"

#define RUN_FINDINGS_KEPT 100
#define RUN_ADAPTERS_SHOWN 64

struct run_adapter {
    const struct stack_adapter *stack;
    struct ndis_edge edge[64];
    uint32_t edge_count;
    struct world_counters counters;
};

// How the work of a driver went (include/nbx/service.h).
struct run_service {
    const struct stack_box *box;
    const struct stack_driver *driver;
    struct world_service said;
};

struct run {
    const struct stack *stack;
    const struct run_options *options;
    struct sched *sched;
    struct world *world;
    struct pcapng_writer *trace;
    struct timeline *timeline;                // or NULL
    struct ex_fault *fault;                   // planned failures, or NULL
    enum world_result result;
    uint64_t *events;                         // NDIS_EVENT_COUNT counters to add to, or NULL
    uint32_t findings;
    uint64_t elapsed_ns;
    struct loader_keep *images;               // seeds: drivers stay loaded from one to the next; NULL: they do not
    const char *tape;                         // where the tape goes when a broken rule ends the process; NULL: none
    uint64_t seed;
    bool is_replay;
    char *finding[RUN_FINDINGS_KEPT];
    size_t finding_count;
    struct run_adapter *adapter;              // RUN_ADAPTERS_SHOWN
    size_t adapter_count;
    struct run_service *service;              // every driver that is a service, or has said something of its work
    size_t service_count;
};

// fails: false when out of memory.
bool run_allocate(struct run *run, const struct stack *stack, const struct run_options *options);
void run_clear(struct run *run);
// The whole run, inside sched_run: build, script or waiting, counters, teardown.
void run_main(void *run);
void run_on_message(void *run, const char *text);
void run_on_finding(void *run, const char *text);
void run_on_broken(void *run, const char *function, const char *what);
// Put on the tape which allocation was refused, so that a replay refuses it again.
void run_note_faults(struct run *run);
// "allocation 17 was refused: function (file:line) in image", or nothing if none was.
void run_say_faults(struct run *run);

// ---- one seed (run_sim.c) -------------------------------------------------------------------------------------------------------

struct seed_result {
    struct sim_stats stats;
    uint64_t events[NDIS_EVENT_COUNT];
    uint32_t findings;
    enum world_result result;
    int ended;
    struct ex_fault_state fault;
};

// What all seeds of a sweep have in common.
struct seed_job {
    const struct stack *stack;
    const struct run_options *options;
    const char *notes[2];                     // of the tape: stack, build; NULL: none
    struct loader_keep *images;               // NULL: each seed loads its own
    struct pages *pages;                      // NULL: each seed maps its own
};

// The C library's heap for many runs in turn: nothing goes back to the system between them, and freed blocks of a few sizes are not
// gathered in lists that each larger request has to tidy up.
void seeds_heap(void);
// tape: where it goes if there are findings; NULL: nowhere. fails: false; a sentence has been said.
bool seed_run(const struct seed_job *job, const struct sim_config *config, const char *tape, struct seed_result *result);

#endif
