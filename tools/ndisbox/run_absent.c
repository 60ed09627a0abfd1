// SPDX-License-Identifier: MIT
// What run.h promises and nobody has built: each refuses, says so and starts nothing. The runner's own definitions take their place
// when they are linked; when all four exist this file goes.
#include "out.h"
#include "run.h"
#include "tool.h"

#define ABSENT __attribute__((weak))

ABSENT int
run_seeds(const struct stack *stack, const struct run_options *options, uint64_t first, uint64_t last)
{
    (void)options;
    out_error("%s: running seeds %llu..%llu is not built yet", stack->file, (unsigned long long)first, (unsigned long long)last);
    return EXIT_USAGE;
}

ABSENT int
run_tape(const char *path, const struct run_options *options)
{
    (void)options;
    out_error("%s: replaying a tape is not built yet", path);
    return EXIT_USAGE;
}

ABSENT int
run_bench(const char *name, const struct run_options *options)
{
    (void)options;
    out_error("bench %s is not built yet", name ? name : "(all)");
    return EXIT_USAGE;
}
