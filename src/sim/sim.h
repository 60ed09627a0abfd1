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
    const char *tape_in;         // replay these choices; NULL: draw from the seed
    const char *tape_out;        // write the tape here at destroy or at a finding; NULL: none
    uint64_t step_limit;         // choices after which the run is a hang; 0 means 50,000,000
};

struct sim_stats {
    uint64_t trace_hash;
    uint64_t choices[SCHED_POINT_COUNT];
    uint64_t switches;
    uint64_t draws[SCHED_DRAW_COUNT];
    uint64_t virtual_ns;
};

// owns: returns the scheduler; sched_destroy frees it. fails: NULL, with *error (static text) set, on a bad tape or no memory.
struct sched *sim_create(const struct sim_config *config, const char **error);

// What has happened so far.
void sim_stats_get(struct sched *sched, struct sim_stats *stats);

// Write the tape now (a finding is about to end the process). fails: -errno.
int sim_tape_write(struct sched *sched, const char *path);

#endif
