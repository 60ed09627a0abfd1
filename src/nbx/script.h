// SPDX-License-Identifier: MIT
// The script of a stack file: wait, traffic, oid, do, expect, offload, upload, one after the other. A step that fails is a finding with
// the step's place in the file, and the script goes on to the next, so that one run tells everything.
#ifndef NBX_NBX_SCRIPT_H
#define NBX_NBX_SCRIPT_H

#include "nbx/world.h"

// Returns false when is_stopped(context) said so in between. Runs in a thread of the scheduler.
bool script_run(struct world *world, bool (*is_stopped)(void *context), void *context);

// For files with steps of their own: a step has failed; let time pass.
void script_failed(struct world *world, const struct stack_place *place, const char *text);
void script_pass(struct world *world, uint64_t ns);

#endif
