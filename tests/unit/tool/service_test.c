// SPDX-License-Identifier: MIT
// How a service says that its work is done, or has failed (include/nbx/service.h): what the exit status, the last lines, --json and a
// script make of it. tests/drivers/speaker is the service; its setting Words is what it says.
#include "tool_test.h"

#define RUN(verb) "--version >version; NDISBOX_DRIVERS=" NBX_DRIVER_DIR " " NBX_TOOL " " verb

// A stack with a speaker of these words, and lines that follow.
static void
stack(const char *words, const char *script)
{
    char text[1024];
    snprintf(text, sizeof text,
             "ndisbox: 1\nboxes:\n  a:\n    drivers: { speaker: { path: " NBX_TEST_DRIVER_DIR "/speaker.so } }\n"
             "    adapters: { n: { driver: vnic, port: none, idle: ok } }\n    services: { speaker: { Words: %s } }\n%s",
             words, script);
    tool_text("s.yaml", text);
}

#define AWAIT "script: [ wait: { service: a.speaker, within: 60s } ]\n"

TEST(a_service_that_is_done_ends_the_wait_for_it_and_is_shown_at_the_end)
{
    stack("d", AWAIT);
    const struct told *told = tool(RUN("run s.yaml"));
    ck_assert_int_eq(told->code, 0);
    out_has(told, "\na.speaker: done: word 1\n");
    told = tool(RUN("run s.yaml --json"));
    ck_assert_int_eq(told->code, 0);
    out_has(told, "\"service\": \"speaker\",\n      \"state\": \"done\",\n      \"text\": \"word 1\"");
    out_has(told, "\"findings\": []");
}

TEST(a_service_that_failed_is_a_finding_and_exit_1)
{
    stack("f", AWAIT);
    const struct told *told = tool(RUN("run s.yaml"));
    ck_assert_int_eq(told->code, 1);
    err_has(told, "finding: a: service speaker failed: word 1\n");
    out_has(told, "\na.speaker: failed: word 1\n");
    ck_assert_ptr_null(strstr(told->err, "clean"));
    told = tool(RUN("run s.yaml --json"));
    ck_assert_int_eq(told->code, 1);
    out_has(told, "\"state\": \"failed\"");
    out_has(told, "\"findings\": [\n    \"a: service speaker failed: word 1\"\n  ]");
}

TEST(a_failure_is_never_taken_back_and_is_one_finding)
{
    stack("dfdf", AWAIT "");
    const struct told *told = tool(RUN("run s.yaml"));
    ck_assert_int_eq(told->code, 1);
    out_has(told, "a.speaker: failed: word 2\n");
    char *first = strstr(told->err, "service speaker failed: word 2");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(strstr(first + 1, "service speaker failed"));
}

TEST(the_last_words_of_a_service_that_did_not_fail_stand)
{
    stack("ddd", AWAIT);
    const struct told *told = tool(RUN("run s.yaml"));
    ck_assert_int_eq(told->code, 0);
    out_has(told, "a.speaker: done: word 3\n");
}

TEST(a_failure_counts_without_a_script_and_when_it_is_said_by_the_unload_routine)
{
    stack("duf", "");
    const struct told *told = tool(RUN("run s.yaml --for 300ms"));
    ck_assert_int_eq(told->code, 1);
    err_has(told, "finding: a: service speaker failed: word 3");
}

TEST(expect_counts_the_failure_of_a_service)
{
    stack("f", "script:\n  - wait: { for: 100ms }\n  - expect: { findings: 1, within: 60s }\n");
    const struct told *told = tool(RUN("run s.yaml"));
    ck_assert_int_eq(told->code, 1);
    ck_assert_ptr_null(strstr(told->err, "expected"));
}

TEST(a_service_that_says_nothing_is_no_finding_but_when_it_is_waited_for)
{
    stack("\"\"", "");
    const struct told *told = tool(RUN("run s.yaml --for 200ms --json"));
    ck_assert_int_eq(told->code, 0);
    out_has(told, "\"state\": \"silent\"");
    stack("\"\"", "script: [ wait: { service: a.speaker, within: 100ms } ]\n");
    told = tool(RUN("run s.yaml"));
    ck_assert_int_eq(told->code, 1);
    err_has(told, "s.yaml:7:11: error: a.speaker was not done in time");
}

TEST(a_service_says_one_printable_line_of_200_characters)
{
    stack("x", AWAIT);
    const struct told *told = tool(RUN("run s.yaml"));
    char line[256] = "a.speaker: failed: ";
    size_t head = strlen(line);
    memset(line + head, 'y', 200);
    line[head + 3] = '?';
    line[head + 200] = '\n';
    line[head + 201] = 0;
    ck_assert_int_eq(told->code, 1);
    out_has(told, line);
}

TEST(a_seed_in_which_a_service_fails_has_a_finding)
{
    stack("d", AWAIT);
    ck_assert_int_eq(tool(RUN("sim s.yaml --seeds 1..3"))->code, 0);
    stack("f", AWAIT);
    const struct told *told = tool(RUN("sim s.yaml --seeds 1..3"));
    ck_assert_int_eq(told->code, 1);
    err_has(told, "a: service speaker failed: word 1");
}
