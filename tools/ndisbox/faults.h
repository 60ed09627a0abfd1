// SPDX-License-Identifier: MIT
// --faults: which allocations of the drivers are refused on purpose, as people write it.
//   N      the N-th allocation          P%     each with this chance          each   every distinct call stack once
// and @DRIVER behind it: only those of this driver.
#ifndef NBX_TOOL_FAULTS_H
#define NBX_TOOL_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "nt/ex/fault.h"
#include "tool.h"

struct faults {
    struct ex_fault_plan plan;
    char driver[64];                 // plan.driver points here, or is NULL
};

// fails: false, with a sentence in error; *faults is undefined then.
bool faults_parse(const char *text, struct faults *faults, char *error, size_t error_bytes);
// The --faults of a command line. *plan: into *faults, or NULL without the option. fails: false, said on stderr.
bool faults_read(const struct args *args, struct faults *faults, const struct ex_fault_plan **plan);
// The plan as faults_parse reads it; a plan by stack is written as the number it refused.
void faults_print(const struct ex_fault_plan *plan, const struct ex_fault_state *state, char *out, size_t out_bytes);

#endif
