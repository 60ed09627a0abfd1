// SPDX-License-Identifier: MIT
// The test author's door to planned failures (include/nbx/fault.h): one plan for the box of the calling thread.
#include <errno.h>
#include <string.h>

#include "nbx/fault.h"
#include "nt/ex/fault.h"
#include "nt/ke/ke.h"

static enum ex_fault_mode
mode_of(enum nbx_fault_mode mode)
{
    return mode == NBX_FAULT_NUMBER ? EX_FAULT_NUMBER : mode == NBX_FAULT_CHANCE ? EX_FAULT_CHANCE
                                                                                 : EX_FAULT_STACK;
}

int
nbx_fault_arm(const struct nbx_fault_plan *plan)
{
    struct box *box = box_self();
    if (box->fault)
        return -EBUSY;
    struct ex_fault_plan inner = {.mode = mode_of(plan->mode),
                                  .number = plan->number,
                                  .per_million = plan->per_million,
                                  .at_most = plan->at_most,
                                  .driver = plan->driver,
                                  .program = plan->program};
    box->fault = ex_fault_create(&inner);
    return box->fault ? 0 : -ENOMEM;
}

void
nbx_fault_disarm(struct nbx_fault_report *report)
{
    struct box *box = box_self();
    struct ex_fault_state state = {0};
    if (box->fault)
        ex_fault_state_get(box->fault, &state);
    ex_fault_destroy(box->fault);
    box->fault = NULL;
    if (!report)
        return;
    *report = (struct nbx_fault_report){.asked = state.asked, .refused = state.refused, .last_number = state.last_number};
    memcpy(report->last_place, state.last_place, sizeof report->last_place);
}
