// SPDX-License-Identifier: MIT
// Runs the registered tests, one process a test, in the order of their files and lines so that a run's output never depends on
// link order.
#include "harness/harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct harness_test *harness_tests;

static int
harness_compare(const struct harness_test *a, const struct harness_test *b)
{
    int order = strcmp(a->file, b->file);
    return order ? order : a->test->line - b->test->line;
}

void
harness_register(struct harness_test *test)
{
    struct harness_test **at = &harness_tests;
    while (*at && harness_compare(*at, test) < 0)
        at = &(*at)->next;
    test->next = *at;
    *at = test;
}

void
harness_ended(struct harness_test *test)
{
    *test->has_ended = 1;
}

// Of the tests that Check calls passed, those that did not come to their end; each is named. results: in the order of the tests that ran.
static int
harness_left_early(SRunner *runner, struct harness_test **ran, int count)
{
    TestResult **results = srunner_results(runner);
    int early = 0;
    for (int i = 0; i < count; i++) {
        if (tr_rtype(results[i]) != CK_PASS || *ran[i]->has_ended)
            continue;
        printf("%s:%d: %s: its process ended with 0 before the test did\n", ran[i]->file, ran[i]->test->line, ran[i]->test->name);
        early++;
    }
    free(results);
    return early;
}

void
harness_reported(const char *words, void (*fn)(void))
{
    char text[8192];
    size_t bytes = 0;
    int ends[2], status;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        fn();
        _exit(0);
    }
    close(ends[1]);
    for (ssize_t got; (got = read(ends[0], text + bytes, sizeof text - 1 - bytes)) > 0;)
        bytes += (size_t)got;
    text[bytes] = 0;
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "ended with %#x and said: %s", (unsigned)status, text);
    ck_assert_msg(strstr(text, words) != NULL, "said nothing of '%s' but: %s", words, text);
}

static int
harness_wanted(const char *name, int argc, char **argv)
{
    if (argc < 2)
        return 1;
    for (int i = 1; i < argc; i++)
        if (strstr(name, argv[i]))
            return 1;
    return 0;
}

static void
harness_add(Suite *suite, struct harness_test *test)
{
    TCase *tcase = tcase_create(test->test->name);
    tcase_set_timeout(tcase, test->timeout_s * (getenv("NBX_TEST_SLOW") ? 10 : 1));
    tcase_add_test(tcase, test->test);
    suite_add_tcase(suite, tcase);
}

int
main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "-l")) {
        for (struct harness_test *t = harness_tests; t; t = t->next)
            puts(t->test->name);
        return 0;
    }
    int total = 0, count = 0;
    for (struct harness_test *t = harness_tests; t; t = t->next)
        total++;
    struct harness_test **ran = calloc((size_t)total + 1, sizeof(struct harness_test *));
    unsigned char *ended = mmap(NULL, (size_t)total + 1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!ran || ended == MAP_FAILED)
        return 2;
    Suite *suite = suite_create(program_invocation_short_name);
    for (struct harness_test *t = harness_tests; t; t = t->next) {
        if (!harness_wanted(t->test->name, argc, argv))
            continue;
        harness_add(suite, t);
        t->has_ended = ended + count;
        ran[count++] = t;
    }
    if (!count) {
        fprintf(stderr, "%s: no test matches\n", argv[0]);
        return 2;
    }
    SRunner *runner = srunner_create(suite);
    srunner_set_fork_status(runner, getenv("NBX_TEST_NOFORK") ? CK_NOFORK : CK_FORK);
    srunner_run_all(runner, getenv("NBX_TEST_VERBOSE") ? CK_VERBOSE : CK_NORMAL);
    int failed = srunner_ntests_failed(runner) + harness_left_early(runner, ran, count);
    srunner_free(runner);
    free(ran);
    printf("%s: %d tests, %d failed\n", argv[0], count, failed);
    return failed ? 1 : 0;
}
