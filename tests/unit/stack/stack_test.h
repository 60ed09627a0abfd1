// SPDX-License-Identifier: MIT
// Helpers of the stack tests: read a text as "t.yaml", demand success or one line of the report, compare what is printed.
#ifndef NBX_TESTS_STACK_TEST_H
#define NBX_TESTS_STACK_TEST_H

#include <stdlib.h>
#include <string.h>

#include "harness/harness.h"
#include "stack/stack.h"

// A whole file but for the lines of adapter nic0, which the caller gives at eight blanks.
#define ONE_ADAPTER(lines) "ndisbox: 1\nboxes:\n  a:\n    adapters:\n      nic0:\n" lines
// Line 1 to 6 hold two adapters on wire lan; the script begins in line 8.
#define TWO_ADAPTERS \
    "ndisbox: 1\nboxes:\n" \
    "  a: { adapters: { n0: { driver: vnic, port: \"wire:lan\", filters: [lwfmon] } } }\n" \
    "  b: { adapters: { n0: { driver: vnic, port: \"wire:lan\" } } }\n" \
    "wires:\n  lan: {}\n"
#define WITH_SCRIPT(step) TWO_ADAPTERS "script:\n  - " step "\n"

// One word, so that a failed test shows the line of its own file.
#define expect_line(text, wanted) expect_line_at(text, wanted, __LINE__)
#define expect_good(text) expect_good_at(text, __LINE__)

struct stack *expect_good_at(const char *text, int line);
void expect_line_at(const char *text, const char *wanted, int line);
struct stack *read_with(const char *text, const char *base_dir, const char *const *sets, size_t set_count, struct stack_report *report);
void report_has(const struct stack_report *report, const char *wanted, int line);
char *yaml_of(const struct stack *stack);
char *picture_of(const struct stack *stack);

#endif
