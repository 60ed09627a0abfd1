// SPDX-License-Identifier: MIT
// Assertions as a checked build has them (DBG is 1 in this file): what is true goes on, what is not ends the run with its text.
#undef DBG
#define DBG 1
#include <ntddk.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"

static int evaluated;

static void
true_body(void)
{
    ASSERT(++evaluated);
    ASSERTMSG("never said", ++evaluated);
    NT_ASSERT(++evaluated);
    ck_assert(NT_VERIFY(++evaluated));
    PAGED_CODE();
    ck_assert_int_eq(evaluated, 4);
}

static void
assert_body(void)
{
    ASSERT(evaluated == 99);
}
static void
assertmsg_body(void)
{
    ASSERTMSG("the count is wrong", evaluated == 99);
}
static void
nt_assert_body(void)
{
    NT_ASSERT(evaluated == 98);
}
static void
nt_verify_body(void)
{
    NT_VERIFY(evaluated == 97);
}
static void
paged_body(void)
{
    KIRQL old;
    KeRaiseIrql(APC_LEVEL, &old);
    PAGED_CODE();
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    PAGED_CODE();
}

#define IN_KIT(name) \
    static void name##_in_kit(void) \
    { \
        kit_run(SIM_CALM, name##_body); \
    }
IN_KIT(assert)
IN_KIT(assertmsg)
IN_KIT(nt_assert)
IN_KIT(nt_verify)
IN_KIT(paged)

TEST(ASSERT_goes_on_if_true_and_names_the_expression_if_not)
{
    kit_run(SIM_CALM, true_body);
    harness_reported("assertion failed: evaluated == 99", assert_in_kit);
}
TEST(ASSERTMSG_adds_the_message)
{
    harness_reported("the count is wrong", assertmsg_in_kit);
}
TEST(NT_ASSERT_names_the_expression)
{
    harness_reported("assertion failed: evaluated == 98", nt_assert_in_kit);
}
TEST(NT_VERIFY_evaluates_always_and_names_the_expression)
{
    harness_reported("assertion failed: evaluated == 97", nt_verify_in_kit);
}
TEST(PAGED_CODE_allows_APC_LEVEL_and_no_more)
{
    harness_reported("assertion failed: KeGetCurrentIrql() <= ", paged_in_kit);
}
