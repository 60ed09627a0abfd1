// SPDX-License-Identifier: MIT
// What run.h promises and nobody has built: each refuses, says so and starts nothing. The runner's own definitions take their place
// when they are linked; when all four exist this file goes.
#include "out.h"
#include "run.h"
#include "tool.h"

#define ABSENT __attribute__((weak))

ABSENT int
run_bench(const char *name, const struct run_options *options)
{
    (void)options;
    out_error("bench %s is not built yet", name ? name : "(all)");
    return EXIT_USAGE;
}
