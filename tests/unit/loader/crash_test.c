// SPDX-License-Identifier: MIT
// The crash reporter, in a child whose standard error is read: driver, function, place, DDI, box, and exit status 1.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nbx/file.h>

#include "verify/crash.h"
#include "nt/io/io.h"
#include "unit/nt/nt_test.h"

static void
crash_a_driver(void *arg)
{
    struct io_image *image;
    struct nbx_file *file;
    char error[512];
    struct io_image_config config = {.name = "crasher", .path = NBX_TEST_DRIVER_DIR "/crasher.so"};
    if (io_image_load(box_self(), &config, &image, error, sizeof(error)) != STATUS_SUCCESS)
        _exit(9);
    if (nbx_file_open("\\\\.\\Crasher", NBX_FILE_READ, &file) != STATUS_SUCCESS)
        _exit(9);
    nbx_file_control(file, 0, NULL, 0, NULL, 0, NULL, NULL);
}

static void
abort_here(void *arg)
{
    abort();
}

// Runs fn in a box of a child with the reporter installed; what it wrote to stderr goes to out. Returns the wait status.
static int
run_child(void (*fn)(void *), char *out, size_t out_bytes)
{
    int ends[2], status;
    size_t used = 0;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        const char *why;
        dup2(ends[1], 2);
        crash_install();
        struct sched *sched = sim_create(&(struct sim_config){.seed = 1}, &why);
        box_run(box_create(sched, &(struct box_config){.name = "doomed", .processors = 1}), fn, NULL);
        _exit(8);
    }
    close(ends[1]);
    for (ssize_t got; used < out_bytes - 1 && (got = read(ends[0], out + used, out_bytes - 1 - used)) > 0;)
        used += (size_t)got;
    out[used] = 0;
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

TEST(crash_of_a_driver_names_driver_function_file_and_box_and_exits_with_1)
{
    static char out[32768];
    int status = run_child(crash_a_driver, out, sizeof(out));
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %x: %s", status, out);
    ck_assert_msg(strstr(out, "driver crasher") != NULL, "%s", out);
    ck_assert_msg(strstr(out, "CrasherControl") != NULL, "%s", out);
    ck_assert_msg(strstr(out, "crasher.c:") != NULL, "%s", out);
    ck_assert_msg(strstr(out, "box doomed") != NULL, "%s", out);
#if !defined(__has_feature) || !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
    ck_assert_msg(strstr(out, "crasher.c:20:") != NULL, "%s", out);
    ck_assert_msg(strstr(out, "error: driver crasher crashed in CrasherControl: SIGSEGV") != NULL, "%s", out);
#endif
}

TEST(crash_by_abort_is_reported_with_its_stack_and_exits_with_1)
{
    static char out[32768];
    int status = run_child(abort_here, out, sizeof(out));
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %x: %s", status, out);
    ck_assert_msg(strstr(out, "ABRT") != NULL && strstr(out, "box doomed") != NULL, "%s", out);
}

#if !defined(__has_feature) || !(__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
static volatile int depth_kept;

static __attribute__((noinline)) int
without_end(int depth)
{
    volatile char room[512];
    room[0] = (char)depth;
    depth_kept = depth;
    return depth_kept >= 0 ? without_end(depth + 1) + room[0] : 0;
}

static void
overflow_here(void *arg)
{
    without_end(0);
}

static void (*volatile nobody)(void);

static void
call_nobody(void *arg)
{
    nobody();
    depth_kept = 1;   // or the call would be a jump, and leave no frame
}

TEST(crash_by_stack_overflow_is_reported_as_such)
{
    static char out[65536];
    int status = run_child(overflow_here, out, sizeof(out));
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %x: %s", status, out);
    ck_assert_msg(strstr(out, "without_end") != NULL && strstr(out, "is used up") != NULL, "%s", out);
}

TEST(crash_by_a_call_through_a_null_pointer_names_the_caller)
{
    static char out[32768];
    int status = run_child(call_nobody, out, sizeof(out));
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 1, "status %x: %s", status, out);
    ck_assert_msg(strstr(out, "crashed in call_nobody: SIGSEGV at address (nil)") != NULL, "%s", out);
}
#endif
