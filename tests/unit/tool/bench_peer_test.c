// SPDX-License-Identifier: MIT
// A benchmark's peer gives its lines, is ended when it has said enough, and cannot keep us when it will not go.
#include "bench_int.h"
#include "tool_test.h"

static int
run_shell(const char *script, unsigned limit_ms, unsigned grace_ms, peer_line_fn *on_line, void *context, bool *killed)
{
    char *argv[] = {(char *)"/bin/sh", (char *)"-c", (char *)script, NULL};
    return peer_run(argv, limit_ms, grace_ms, on_line, context, killed);
}

static bool
line_is_stop(void *context, const char *line)
{
    unsigned *lines = context;
    (*lines)++;
    return !strcmp(line, "stop");
}

TEST(a_peer_is_ended_when_it_has_said_enough)
{
    unsigned lines = 0;
    bool killed = true;
    ck_assert_int_eq(run_shell("echo one; echo stop; exec sleep 1000", 60000, 60000, line_is_stop, &lines, &killed), 0);
    ck_assert_uint_eq(lines, 2);
    ck_assert(!killed);
}

TEST(a_peer_that_ends_by_itself_is_not_waited_for)
{
    unsigned lines = 0;
    bool killed = true;
    ck_assert_int_eq(run_shell("echo one", 600000, 600000, line_is_stop, &lines, &killed), 0);
    ck_assert_uint_eq(lines, 1);
    ck_assert(!killed);
}

TEST(a_peer_that_does_not_end_at_SIGTERM_is_killed_with_its_children)
{
    unsigned lines = 0;
    bool killed = false;
    ck_assert_int_eq(run_shell("trap '' TERM; echo stop; sleep 1000; sleep 1000", 60000, 100, line_is_stop, &lines, &killed), 0);
    ck_assert_uint_eq(lines, 1);
    ck_assert(killed);
}

TEST(a_peer_that_says_nothing_is_ended_at_its_limit)
{
    unsigned lines = 0;
    bool killed = true;
    ck_assert_int_eq(run_shell("exec sleep 1000", 50, 60000, line_is_stop, &lines, &killed), 0);
    ck_assert_uint_eq(lines, 0);
    ck_assert(!killed);
}
