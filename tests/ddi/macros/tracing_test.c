// SPDX-License-Identifier: MIT
// WPP's macros with tracing switched off: what a driver writes there runs, and nothing is traced.
#include <nbx_tracing.h>

#include "harness/harness.h"

static int evaluated;

static void *
argument(void)
{
    evaluated++;
    return &evaluated;
}

TEST(WPP_INIT_TRACING_evaluates_its_arguments_once_and_is_a_statement)
{
    if (evaluated)
        WPP_INIT_TRACING(argument(), argument());
    else
        evaluated = 0;
    ck_assert_int_eq(evaluated, 0);
    WPP_INIT_TRACING(argument(), argument());
    ck_assert_int_eq(evaluated, 2);
    WPP_INIT_TRACING(argument());
    ck_assert_int_eq(evaluated, 3);
    WPP_INIT_TRACING();
    ck_assert_int_eq(evaluated, 3);
}

TEST(WPP_CLEANUP_evaluates_its_argument_once_and_is_a_statement)
{
    if (evaluated)
        WPP_CLEANUP(argument());
    else
        WPP_CLEANUP();
    ck_assert_int_eq(evaluated, 0);
    WPP_CLEANUP(argument());
    ck_assert_int_eq(evaluated, 1);
}
