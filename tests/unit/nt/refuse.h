// SPDX-License-Identifier: MIT
// The next allocation of a test's body is refused, as if there were no memory.
//   refuse_next(); ... the call ...; refuse_end();     refuse_end demands that just one allocation was refused
#ifndef NBX_TESTS_UNIT_NT_REFUSE_H
#define NBX_TESTS_UNIT_NT_REFUSE_H

#include "harness/harness.h"
#include "nbx/fault.h"

static inline void
refuse_next(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
}

static inline void
refuse_end(void)
{
    struct nbx_fault_report report;
    nbx_fault_disarm(&report);
    ck_assert_uint_eq(report.refused, 1);
}

#endif
