// SPDX-License-Identifier: MIT
// See crime.h.
#include "harness/crime.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void
crime_commit(struct crime *crime, void (*fn)(void))
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (!child) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        fn();
        fflush(NULL);
        _exit(0);
    }
    close(ends[1]);
    size_t have = 0;
    char more[4096];
    for (ssize_t got; (got = read(ends[0], more, sizeof more)) > 0;)
        for (ssize_t i = 0; i < got && have < sizeof crime->said - 1; i++)
            crime->said[have++] = more[i];
    crime->said[have] = 0;
    close(ends[0]);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "the child died of signal %d: %s", WTERMSIG(status), crime->said);
    crime->exit_status = WEXITSTATUS(status);
}

void
crime_is_found(void (*fn)(void), const char *rule, ...)
{
    struct crime *crime = malloc(sizeof *crime);
    crime_commit(crime, fn);
    char id[32];
    snprintf(id, sizeof id, "[%s]", rule);
    ck_assert_msg(crime->exit_status == 1, "status %d, not 1: %s", crime->exit_status, crime->said);
    const char *first = strstr(crime->said, ": error: "), *headline = strstr(crime->said, id);
    ck_assert_msg(headline != NULL, "no %s in: %s", id, crime->said);
    ck_assert_msg(first && !strstr(first + 1, ": error: "), "not one report: %s", crime->said);
    va_list texts;
    va_start(texts, rule);
    for (const char *text; (text = va_arg(texts, const char *));)
        ck_assert_msg(strstr(crime->said, text) != NULL, "no \"%s\" in: %s", text, crime->said);
    va_end(texts);
    free(crime);
}

void
crime_is_none(void (*fn)(void))
{
    struct crime *crime = malloc(sizeof *crime);
    crime_commit(crime, fn);
    ck_assert_msg(crime->exit_status == 0, "status %d: %s", crime->exit_status, crime->said);
    free(crime);
}
