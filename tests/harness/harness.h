// SPDX-License-Identifier: MIT
// The test harness: Check in fork mode, with tests that register themselves.
//
//   TEST(pool_returns_memory_aligned_to_16) { ck_assert_uint_eq(...); }
//   TEST_TIMEOUT(seconds, name) { ... }            for the few that need more than 20 s of wall time
//
// A file holds as many as it likes; every folder is one program. `prog -l` lists, `prog NAME...` runs those whose names contain
// one of the arguments, NBX_TEST_NOFORK=1 runs them in one process for gdb. Exit 0 only if at least one ran and none failed; one whose
// process ended with 0 before its last line has failed, too.
#ifndef NBX_TESTS_HARNESS_H
#define NBX_TESTS_HARNESS_H

#include <check.h>

struct harness_test {
    const char *file;
    const TTest *test;
    double timeout_s;
    struct harness_test *next;
    volatile unsigned char *has_ended;      // shared by the processes
};

void harness_register(struct harness_test *test);
// The test's body has come to its end: to Check alone, a child that leaves with 0 anywhere has passed.
void harness_ended(struct harness_test *test);

// Run fn in a child and demand that it is stopped there with a report (exit status 1) whose text has these words in it.
void harness_reported(const char *words, void (*fn)(void));

#define TEST_TIMEOUT(seconds, name) \
    static void name##_inside(void); \
    static void name##_fn(int _i); \
    static const TTest name##_ttest = {"" #name, name##_fn, __FILE__, __LINE__}; \
    static struct harness_test name##_entry = {__FILE__, &name##_ttest, seconds, 0, 0}; \
    __attribute__((constructor)) static void name##_register(void) \
    { \
        harness_register(&name##_entry); \
    } \
    static void name##_fn(int _i __attribute__((unused))) \
    { \
        name##_inside(); \
        harness_ended(&name##_entry); \
    } \
    static void name##_inside(void)

#define TEST(name) TEST_TIMEOUT(20, name)

#endif
