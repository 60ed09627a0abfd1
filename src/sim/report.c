// SPDX-License-Identifier: MIT
// What is printed when a run cannot go on: every fibre, what it does, and where it waits.
#include <stdio.h>

#include "sim/sim_int.h"

static const char *const sim_state_names[] = {
    [SIM_FIBRE_READY] = "runnable",
    [SIM_FIBRE_RUNNING] = "running",
    [SIM_FIBRE_WAITING] = "waiting",
    [SIM_FIBRE_ENDED] = "ended, not joined",
};

void
sim_report_fibres(struct sim *sim)
{
    LIST_FOR_EACH(node, &sim->fibres) {
        struct sim_fibre *fibre = LIST_ENTRY_OF(node, struct sim_fibre, node);
        fprintf(stderr, "  thread %u \"%s\": %s", fibre->base.id, fibre->name, sim_state_names[fibre->state]);
        if (fibre->word)
            fprintf(stderr, " on the word at %p, value %u", (void *)fibre->word, *fibre->word);
        if (heap_holds(&fibre->deadline))
            fprintf(stderr, ", until %llu ns", (unsigned long long)fibre->deadline.key);
        fputc('\n', stderr);
    }
}
