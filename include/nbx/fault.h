// SPDX-License-Identifier: MIT
// Failures on purpose, for tests: which of the allocations that a box's drivers ask for is refused, as if there were no memory. What
// counts as one: pool, NET_BUFFER_LISTs and their pools, MDLs and mappings, IRPs, work items, timers, clones, device objects, threads,
// registrations: every call whose page allows for a lack of resources and that has something to allocate.
//   nbx_fault_arm -> load, attach, traffic, ... -> nbx_fault_disarm
// The command line has the same as --faults (ndisbox-run(1), ndisbox-sim(1)).
#ifndef NBX_FAULT_H
#define NBX_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum nbx_fault_mode {
    NBX_FAULT_NUMBER,            // the number-th allocation, from 1
    NBX_FAULT_CHANCE,            // each with per_million; the draws come from the scheduler's seed
    NBX_FAULT_STACK              // the first one from every distinct call stack
};

struct nbx_fault_plan {
    enum nbx_fault_mode mode;
    uint64_t number;
    uint32_t per_million;
    uint32_t at_most;            // how many are refused in all; 0: no limit
    const char *driver;          // only calls of this service; NULL: of every driver. Borrowed until nbx_fault_disarm
    bool program;                // calls from functions of the program count too: drivers that are part of the test
};

struct nbx_fault_report {
    uint64_t asked;              // allocations that counted
    uint64_t refused;
    uint64_t last_number;        // of the last refused one, from 1
    char last_place[256];        // where it was asked for; empty with NBX_FAULT_CHANCE
};

// From now on the plan holds for the box of the calling thread. irql: PASSIVE   locks: none held
// fails: -ENOMEM, -EBUSY when a plan is armed
int nbx_fault_arm(const struct nbx_fault_plan *plan);
// The plan ends. Call it when no driver of the box is running (after its unload, or from the box's only thread).
// report may be NULL. irql: PASSIVE
void nbx_fault_disarm(struct nbx_fault_report *report);

#ifdef __cplusplus
}
#endif

#endif
