// SPDX-License-Identifier: MIT
// What is printed when a run cannot go on: every fibre, what it does, and where it waits.
#include <stdio.h>
#include <string.h>

#include "host/symbol.h"
#include "sim/sim_int.h"

enum { SIM_REPORT_FRAMES = 24 };

static const char *const sim_state_names[] = {
    [SIM_FIBRE_READY] = "runnable",
    [SIM_FIBRE_RUNNING] = "running",
    [SIM_FIBRE_WAITING] = "waiting",
    [SIM_FIBRE_ENDED] = "ended, not joined",
};

// The scheduler's own frames, at both ends, say nothing about where a fibre waits.
static bool
sim_report_is_own(struct symbols *symbols, const void *address)
{
    struct symbol found[16];
    size_t depth = symbols_resolve(symbols, (const char *)address - 1, found, sizeof found / sizeof *found);
    const struct symbol *function = &found[depth - 1];
    return function->file && strstr(function->file, "/src/sim/");
}

static void
sim_report_backtrace(struct symbols *symbols, const struct sim_fibre *fibre)
{
    const void *addresses[SIM_REPORT_FRAMES];
    size_t count = sim_fibre_backtrace(fibre, addresses, SIM_REPORT_FRAMES), first = 0;
    while (first < count && sim_report_is_own(symbols, addresses[first]))
        first++;
    while (count > first && sim_report_is_own(symbols, addresses[count - 1]))
        count--;
    // A fibre that has not begun has none but the scheduler's.
    symbols_print(symbols, stderr, addresses + first, count - first, true);
}

void
sim_report_fibres(struct sim *sim)
{
    struct symbols *symbols = symbols_create();
    LIST_FOR_EACH(node, &sim->fibres) {
        struct sim_fibre *fibre = LIST_ENTRY_OF(node, struct sim_fibre, node);
        fprintf(stderr, "  thread %u \"%s\": %s", fibre->base.id, fibre->name, sim_state_names[fibre->state]);
        if (fibre->word)
            fprintf(stderr, " on the word at %p, value %u", (void *)fibre->word, *fibre->word);
        if (heap_holds(&fibre->deadline))
            fprintf(stderr, ", until %llu ns", (unsigned long long)fibre->deadline.key);
        fputc('\n', stderr);
        if (symbols)
            sim_report_backtrace(symbols, fibre);
    }
    symbols_destroy(symbols);
}
