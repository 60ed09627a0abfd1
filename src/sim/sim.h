// SPDX-License-Identifier: MIT
// The seeded twin of the thread scheduler: fibres, a virtual clock, and a tape of every choice. See src/host/sched.h for what it
// must look like from above, docs/decisions/0003-two-schedulers.md for why.
#ifndef NBX_SIM_SIM_H
#define NBX_SIM_SIM_H

#include "host/sched.h"

enum sim_strategy {
    SIM_RANDOM_WALK,     // at each choice point switch with probability 1/switch_one_in
    SIM_RUN_TO_BLOCK     // never switch except when blocking (the calm schedule)
};

struct sim_config {
    uint64_t seed;
    enum sim_strategy strategy;
    uint32_t switch_one_in;      // 0 means 8
    const char *tape_in;         // replay these choices (seed, strategy and the one-in figures are the tape's); NULL: draw from the seed
    const char *tape_out;        // write the tape here at destroy or at a finding; NULL: none
    uint32_t spurious_one_in;    // a wait returns at once without a reason with probability 1/this, as a futex may; 0: never
    struct pages *pages;         // keeps stacks and the large memory of boxes for the next run; NULL: none. Outlives the scheduler
    uint64_t step_limit;         // choices after which the run is a hang; 0 means 50,000,000
};

struct sim_stats {
    uint64_t trace_hash;
    uint64_t choices[SCHED_POINT_COUNT];
    uint64_t switches;
    uint64_t spurious;           // waits that returned without a reason
    uint64_t draws[SCHED_DRAW_COUNT];
    uint64_t virtual_ns;
    uint64_t tape_entries;       // decisions recorded
};

// owns: returns the scheduler; sched_destroy frees it. fails: NULL, with *error (static text) set, on a bad tape or no memory.
struct sched *sim_create(const struct sim_config *config, const char **error);

// What has happened so far.
void sim_stats_get(struct sched *sched, struct sim_stats *stats);

// sched_run returns, after a report on stderr, and leaves the other fibres suspended for good:
//   -EDEADLK  nothing can run and nobody waits for a time (idle threads aside, sched_thread.is_idle)
//   -ETIME    the step limit is reached
//   -ESTALE   the replay has drifted: the run asked for another decision than the tape holds next
// Then only sim_stats_get, sim_tape_write, sim_replay_check and sched_destroy make sense. The tape is written before it returns.

// Add a text to the tape (the resolved stack, build ids). Copies both. fails: -EEXIST for a key that is there, -ENOMEM.
int sim_tape_note(struct sched *sched, const char *key, const char *text);

// Read a note from a tape file. owns: *text is the caller's, free() it. fails: -ENOENT no such key; -errno with *error (static text)
// set when the file cannot be read or is no whole tape.
int sim_tape_note_load(const char *path, const char *key, char **text, const char **error);

// Write the tape now (a finding is about to end the process). Allocates nothing. fails: -errno.
int sim_tape_write(struct sched *sched, const char *path);

// Was this run, so far, the one on the tape? To be called where the tape was written. fails: -ESTALE, after a report on stderr, when
// entries are left over, more were needed, or the trace hash differs; -EINVAL when there is no tape in.
int sim_replay_check(struct sched *sched);

#endif
