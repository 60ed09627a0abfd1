// SPDX-License-Identifier: MIT
// What the tool says of a driver that crashes, completes twice, or calls what is not there (tests/drivers/culprit): who, where, what,
// and exit 1.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/harness.h"

static char out[1 << 18];

static const char *more_options = "";

static const char *verb = "run", *then = "";   // of the tool, and commands behind it

static int
crime_of(const char *driver, int number)
{
    char folder[] = "/tmp/nbx-crime-XXXXXX", path[128], command[1024];
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/c.yaml", folder);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file,
            "ndisbox: 1\n"
            "boxes:\n"
            "  a:\n"
            "    drivers: { %s: { path: %s/%s.so } }\n"
            "    adapters: { nic0: { driver: vnic, port: \"wire:w\", filters: [%s: { Crime: %d }] } }\n"
            "  b:\n"
            "    adapters: { nic0: { driver: vnic, port: \"wire:w\", idle: ok } }\n"
            "wires: { w: {} }\n"
            "script:\n"
            "  - traffic: { from: a.nic0, to: b.nic0, frames: 10 }\n",
            driver, NBX_TEST_DRIVER_DIR, driver, driver, number);
    fclose(file);
    snprintf(command, sizeof command,
             "export NDISBOX_DRIVERS=%s; cd %s; timeout 60 %s %s c.yaml %s 2>&1; s=$?; %s rm -rf %s; exit $s", NBX_DRIVER_DIR, folder,
             NBX_TOOL, verb, more_options, then, folder);
    FILE *stream = popen(command, "r");
    ck_assert_ptr_nonnull(stream);
    size_t used = fread(out, 1, sizeof out - 1, stream);
    out[used] = 0;
    int status = pclose(stream);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static int
crime(int number)
{
    return crime_of("culprit", number);
}

static void
says(const char *text)
{
    ck_assert_msg(strstr(out, text) != NULL, "not said: %s\n%.3000s", text, out);
}

TEST(a_driver_without_a_crime_runs_clean)
{
    ck_assert_int_eq(crime(0), 0);
}

static char text_path[64], json_path[64];
static char said[1 << 18];                    // out, while a report file is looked at

// The same with report files; afterwards out is what the tool said, with both files behind it.
static int
crime_with_files(int number)
{
    static char options[256];
    snprintf(text_path, sizeof text_path, "/tmp/nbx-crime-%d.txt", getpid());
    snprintf(json_path, sizeof json_path, "/tmp/nbx-crime-%d.json", getpid());
    snprintf(options, sizeof options, "--report %s --report %s", text_path, json_path);
    more_options = options;
    int status = crime(number);
    more_options = "";
    return status;
}

// Of the tool's words, of the text report or of the JSON one: what out holds from now on.
static void
look_at(const char *path)
{
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    if (!said[0])
        memcpy(said, out, sizeof said);
    out[fread(out, 1, sizeof out - 1, file)] = 0;
    fclose(file);
}

static void
files_go(void)
{
    unlink(text_path);
    unlink(json_path);
}

static void
nothing_is_reported(int number)
{
    ck_assert_int_eq(crime_with_files(number), 0);
    look_at(text_path);
    ck_assert_str_eq(out, "");
    look_at(json_path);
    says("\"findings\": []");
    files_go();
}

// The finding stands in both files, with the driver and a stack that has the function; in the text as on standard error.
static void
files_have(const char *rule, const char *sentence, const char *function)
{
    char member[64], id[32];
    snprintf(id, sizeof id, "[%s]\n", rule);
    snprintf(member, sizeof member, "\"rule\": \"%s\"", rule);
    look_at(text_path);
    says(sentence);
    says(id);
    says("  driver culprit\n");
    says("box a, processor ");
    says(function);
    look_at(json_path);
    says(member);
    says("\"driver\": \"culprit\"");
    says(sentence);
    says("culprit.c\"");
    says(function);
    says("\"box\": \"a\"");
    files_go();
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CRIME_UNDER_SANITIZER 1
#endif
#endif

TEST(a_crash_names_the_driver_its_function_and_the_DDI)
{
    ck_assert_int_eq(crime_with_files(1), 1);
    says("culprit_send");
    says("driver culprit crashed in culprit_send");
    says("culprit.c:");
    says("inside NdisSendNetBufferLists");
    files_have("NBX-0004", "driver culprit crashed in culprit_send: SIGSEGV at address (nil)", "culprit_send");
}

TEST(a_driver_that_does_not_fault_is_not_reported)
{
    nothing_is_reported(7);
}

TEST(a_crash_under_a_seed_keeps_its_tape_and_crashes_again_from_it)
{
    verb = "sim";
    more_options = "--seeds 1..2";
    then = "echo SECOND; timeout 60 " NBX_TOOL " replay c-1.tape 2>&1; s=$?;";
    ck_assert_int_eq(crime(1), 1);
    says("seed 1: replay it with: ndisbox replay ./c-1.tape");
    const char *second = strstr(out, "SECOND");
    ck_assert_msg(second && strstr(second, "culprit_send"), "%.3000s", out);
    ck_assert_msg(!strstr(second, "drift"), "%.3000s", out);
}

TEST(a_second_completion_is_told_and_does_not_hang)
{
    ck_assert_int_eq(crime(2), 1);
#ifndef CRIME_UNDER_SANITIZER                // else it is told of the touch of a freed NET_BUFFER_LIST, which comes first
    says("completes a NET_BUFFER_LIST that is not out");
#endif
    says("culprit.c:");
}

TEST(a_call_of_what_is_not_provided_is_reported)
{
    const char *sentence = "driver called NdisMIdleNotificationConfirm, which ndisbox does not provide (refuse)";
    ck_assert_int_eq(crime_with_files(3), 1);
    says("culprit.c:");
    says(sentence);
    says("#0  culprit_attach");
    files_have("NBX-0001", sentence, "culprit_attach");
}

TEST(a_call_of_what_is_provided_is_not_reported)
{
    nothing_is_reported(6);
}

// The report goes into the files as well, and a suppression makes the run go on.
TEST(a_broken_rule_is_reported_into_files_and_may_be_suppressed)
{
    char options[256], text_path[64], json_path[64], suppress_path[64];
    snprintf(text_path, sizeof text_path, "/tmp/nbx-crime-%d.txt", getpid());
    snprintf(json_path, sizeof json_path, "/tmp/nbx-crime-%d.json", getpid());
    snprintf(suppress_path, sizeof suppress_path, "/tmp/nbx-crime-%d.supp", getpid());
    snprintf(options, sizeof options, "--report %s --report %s", text_path, json_path);
    more_options = options;
    ck_assert_int_eq(crime(5), 1);
    says("error: RtlIntegerToUnicodeString: called at IRQL 2 (DISPATCH_LEVEL)");
    says("driver culprit");
    FILE *file = fopen(json_path, "r");
    ck_assert_ptr_nonnull(file);
    out[fread(out, 1, sizeof out - 1, file)] = 0;
    fclose(file);
    says("\"rule\": \"NBX-0200\"");
    says("\"driver\": \"culprit\"");
    says("culprit_format");
    file = fopen(text_path, "r");
    ck_assert_ptr_nonnull(file);
    out[fread(out, 1, sizeof out - 1, file)] = 0;
    fclose(file);
    says("[NBX-0200]\nWindows: Static Driver Verifier");
    file = fopen(suppress_path, "w");
    fprintf(file, "NBX-0200 fun:culprit_* # planted\nNBX-0201 fun:nobody # never\n");
    fclose(file);
    snprintf(options, sizeof options, "--suppress %s", suppress_path);
    ck_assert_int_eq(crime(5), 0);
    says("NBX-0201 fun:nobody matched nothing");
    ck_assert_ptr_null(strstr(out, "fun:culprit_"));
    more_options = "";
    unlink(text_path);
    unlink(json_path);
    unlink(suppress_path);
}

TEST(a_DriverEntry_that_fails_ends_the_run_with_its_status_and_leaves_nothing)
{
    ck_assert_int_eq(crime_of("refuser", 0), 1);
    says("driver refuser did not load: refuser: DriverEntry returned 0xc0000182");
    ck_assert_msg(strstr(out, "left behind") == NULL, "%s", out);
    ck_assert_msg(strstr(out, "NBX-0003") == NULL, "DriverUnload was called: %s", out);
}
