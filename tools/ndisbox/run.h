// SPDX-License-Identifier: MIT
// From a resolved stack to a run: what the verbs run, demo, sim, replay and bench ask of the runner. Each call prints its results and
// findings and returns the tool's exit code (enum tool_exit, or 130 and 143 after a second signal).
#ifndef NBX_TOOL_RUN_H
#define NBX_TOOL_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "stack/stack.h"

struct ex_fault_plan;
struct verify_sink;

enum run_verify {
    RUN_VERIFY_OFF,
    RUN_VERIFY_ON,
    RUN_VERIFY_STRICT
};

struct run_options {
    uint64_t for_ns;             // 0: until the script ends or a signal comes
    const char *trace_path;      // pcapng; "-": stdout, then results go to stderr; NULL: none
    const char *trace_edge;      // only edges whose name contains this; NULL: all
    enum run_verify verify;
    struct verify_sink *sink;    // report files and suppressions; NULL: none
    bool json;                   // results as one JSON document on stdout
    bool timeline;               // the events as a story, before the counters
    bool quiet;
    unsigned verbose;
    const struct ex_fault_plan *faults;   // allocations of drivers that are refused; NULL: none
    uint64_t stop_after;         // sim: seeds with findings after which the sweep ends
    const char *tape_dir;        // sim: where tapes of findings go
    bool force;                  // replay: build ids may differ
    bool gdb;                    // replay: under gdb
};

// Build the boxes, run in real time, tear down, print counters.
int run_stack(const struct stack *stack, const struct run_options *options);
// Once for each seed from first to last, under the seeded scheduler. The stack has no port that needs real time.
int run_seeds(const struct stack *stack, const struct run_options *options, uint64_t first, uint64_t last);
// The run that a tape holds. argv_self is the tool's own path, for --gdb.
int run_tape(const char *path, const struct run_options *options);
// One benchmark by name; NULL: all. for_ns: how long each measurement takes.
int run_bench(const char *name, const struct run_options *options);

#endif
