// SPDX-License-Identifier: MIT
// The scenario of the sim tests: five fibres that share a lock made of a word, wait with timeouts, draw numbers and leave traces.
#ifndef NBX_TESTS_SIM_SCENE_H
#define NBX_TESTS_SIM_SCENE_H

#include "sim/sim.h"

enum { FIBRES = 5, ROUNDS = 10 };

struct scene {
    struct sched *sched;
    _Atomic uint32_t lock;       // 0 free, 1 held, 2 held and waited for
    _Atomic uint32_t doorbell;
    uint64_t order;              // a hash of who held the lock, in turn: the interleaving
    uint32_t inside;
    uint32_t entries, timeouts;
    bool drifts;                 // draw one number more, half-way
};

// Fails the test if it cannot.
struct sched *sim_must_create(const struct sim_config *config);

// Run the scene to its end. Returns the trace hash.
uint64_t scene_play(const struct sim_config *config, uint64_t *order);

// sched_run's fn; arg is the scene.
void scene_root(void *arg);

// Run fn with stderr going to a file and give back what it wrote; free() it.
char *capture(void (*fn)(void *), void *arg);

#endif
