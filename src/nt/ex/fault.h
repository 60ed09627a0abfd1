// SPDX-License-Identifier: MIT
// Planned failures: which allocation of a driver is refused, and what was refused so far. A box without a plan (box->fault is NULL)
// pays one test of a pointer for each allocation.
//   by number    the N-th allocation that a driver asks for
//   by chance    each with a chance in a million, drawn from the scheduler, so on sim it is on the tape
//   by stack     the first allocation from each call stack that is not in the set of those refused before; the set may outlive the
//                box, so that a sweep refuses each distinct stack once
// Only calls from a driver's image count (or from the program, when the plan says so: tests whose drivers are functions of it). The
// runtime's own needs never fail. What Windows calls this: low resources simulation [devtest/low-resources-simulation].
#ifndef NBX_NT_EX_FAULT_H
#define NBX_NT_EX_FAULT_H

#include "nt/box.h"
#include "nt/ke/ke.h"

enum ex_fault_mode {
    EX_FAULT_NUMBER,
    EX_FAULT_CHANCE,
    EX_FAULT_STACK
};

// Call stacks that have been refused, by a hash over the driver frames' places in their images.
struct ex_fault_set;

struct ex_fault_plan {
    enum ex_fault_mode mode;
    uint64_t number;                 // NUMBER: from 1
    uint32_t per_million;            // CHANCE
    uint32_t at_most;                // how many are refused in all; 0: no limit
    const char *driver;              // only this service's calls; NULL: every driver's. Borrowed
    bool program;                    // calls from the program itself count too
    struct ex_fault_set *set;        // STACK: borrowed; NULL: one of its own
};

struct ex_fault;                     // one for all boxes of a world

// irql: PASSIVE   fails: NULL when out of memory
struct ex_fault_set *ex_fault_set_create(void);
void ex_fault_set_destroy(struct ex_fault_set *set);
size_t ex_fault_set_count(const struct ex_fault_set *set);

// irql: PASSIVE   owns: the caller destroys it after the last box that has it   fails: NULL when out of memory
struct ex_fault *ex_fault_create(const struct ex_fault_plan *plan);
void ex_fault_destroy(struct ex_fault *fault);

struct ex_fault_state {
    uint64_t asked;                  // allocations that the plan was asked about
    uint64_t refused;
    uint64_t last_number;            // of the last refused one among those asked, from 1
    char last_place[256];            // where the driver asked for it: function, file and line, image
};
// irql: any
void ex_fault_state_get(struct ex_fault *fault, struct ex_fault_state *state);

bool ex_fault_ask(struct box *box, const void *caller);

// Is this allocation to fail? caller: the address in the driver that the front door returns to; NULL is never refused.
// irql: <= DISPATCH
static inline bool
ex_fault(struct box *box, const void *caller)
{
    return __builtin_expect(box->fault != NULL, 0) && ex_fault_ask(box, caller);
}

// In a front door: does this call fail as it would without memory?
#define EX_FAULT() ex_fault(box_self(), __builtin_return_address(0))

#endif
