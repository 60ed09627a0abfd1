// SPDX-License-Identifier: MIT
// What must end in a bug check runs in a process of its own: it ends with 1, and says its code and what the code means.
//   expect_bugcheck(fn, words)   fn runs as a system thread of a fresh box; words must be among what is said on standard error
#ifndef NBX_TESTS_UNIT_NT_BUGCHECK_H
#define NBX_TESTS_UNIT_NT_BUGCHECK_H

#include <sys/wait.h>
#include <unistd.h>

#include "unit/nt/nt_test.h"

static inline void
expect_bugcheck(void (*fn)(void), const char *words)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        dup2(ends[1], 2);
        nt_test_run(2, fn);
        _exit(0);
    }
    close(ends[1]);
    char text[8192];
    size_t bytes = 0;
    for (ssize_t n; bytes < sizeof text - 1 && (n = read(ends[0], text + bytes, sizeof text - 1 - bytes)) > 0;)
        bytes += (size_t)n;
    text[bytes] = 0;
    close(ends[0]);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %x, said %s", status, text);
    ck_assert_msg(strstr(text, words) != NULL, "said: %s", text);
}

#endif
