// SPDX-License-Identifier: MIT
// What a switch must keep and what the sanitizers must still see on a fibre: registers of both calling conventions, the guard page,
// use after return and overflow under ASan, leaks told from what a suspended fibre holds.
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/harness.h"
#include "scene.h"

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif

// Let everyone else run.
static void
settle(struct sched *sched)
{
    _Atomic uint32_t word = 0;
    sched_wait(sched, &word, 0, sched_now_ns(sched) + 1);
}

#if defined(__x86_64__)
// A Windows function must find xmm6 to xmm15 and rdi, rsi as they were after any call, so its compiler spills them round a call of
// SysV code. Here it holds many live values across a switch.
static __attribute__((ms_abi, noinline)) double
ms_abi_holds(struct sched *sched, double seed)
{
    double v[12];
    uint64_t n[8];
    for (int i = 0; i < 12; i++)
        v[i] = seed * (i + 1);
    for (int i = 0; i < 8; i++)
        n[i] = (uint64_t)seed + (uint64_t)i;
    settle(sched);
    double sum = 0;
    for (int i = 0; i < 12; i++)
        sum += v[i];
    for (int i = 0; i < 8; i++)
        sum += (double)n[i];
    return sum;
}

struct holder {
    struct sched *sched;
    double seed;
};

static void
holder_main(void *arg)
{
    struct holder *holder = arg;
    for (int i = 0; i < 100; i++) {
        double sum = ms_abi_holds(holder->sched, holder->seed);
        ck_assert_double_eq(sum, holder->seed * 78 + holder->seed * 8 + 28);
    }
}

static void
holders_root(void *arg)
{
    struct holder holders[4];
    struct sched_thread *threads[4];
    for (int i = 0; i < 4; i++) {
        holders[i] = (struct holder){arg, 1000.0 * (i + 1)};
        ck_assert_int_eq(sched_thread_start(arg, "holder", holder_main, &holders[i], NULL, &threads[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        sched_thread_join(arg, threads[i]);
}

TEST(values_of_windows_functions_survive_switches)
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct sched *sched = sim_must_create(&(struct sim_config){.seed = seed, .switch_one_in = 1});
        ck_assert_int_eq(sched_run(sched, "root", holders_root, sched, NULL), 0);
        sched_destroy(sched);
    }
}
#endif

// Run fn in a child on a fibre. Returns the wait status; *output is what it wrote to stderr, free() it.
static int
child_run(sched_thread_fn fn, char **output)
{
    FILE *file = tmpfile();
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        dup2(fileno(file), 2);
        struct sched *sched = sim_must_create(&(struct sim_config){.seed = 1});
        sched_run(sched, "root", fn, sched, NULL);
        sched_destroy(sched);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    long bytes = lseek(fileno(file), 0, SEEK_END);
    *output = calloc(1, (size_t)bytes + 1);
    ck_assert_int_eq(pread(fileno(file), *output, (size_t)bytes, 0), bytes);
    fclose(file);
    return status;
}

static __attribute__((noinline)) uint64_t
deep(uint64_t depth)
{
    volatile char frame[256];
    frame[depth % 256] = (char)depth;
    uint64_t below = depth ? deep(depth - 1) : 0;
    return below + (uint64_t)frame[depth % 256];
}

static void
overflow_root(void *arg)
{
    printf("%llu\n", (unsigned long long)deep(1000000));
}

TEST(a_fibre_that_overflows_its_stack_meets_the_guard_page)
{
    char *output;
    int status = child_run(overflow_root, &output);
    ck_assert_msg(WIFSIGNALED(status) || WEXITSTATUS(status) != 0, "%s", output);
#if __has_feature(address_sanitizer)
    ck_assert_msg(strstr(output, "stack-overflow") != NULL, "%s", output);
#else
    ck_assert(WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS));
#endif
    free(output);
}

#if __has_feature(address_sanitizer)
static __attribute__((noinline)) char *
address_of_a_dead_frame(struct sched *sched)
{
    char buffer[64];
    char *volatile escaped = buffer;
    settle(sched);
    escaped[3] = 1;
    return escaped;
}

static void
nothing_main(void *arg)
{
    settle(arg);
}

static void
use_after_return_root(void *arg)
{
    struct sched_thread *thread;
    ck_assert_int_eq(sched_thread_start(arg, "other", nothing_main, arg, NULL, &thread), 0);
    char *volatile dead = address_of_a_dead_frame(arg);
    settle(arg);
    dead[3] = 2;
    sched_thread_join(arg, thread);
}

TEST(asan_sees_use_after_return_across_switches)
{
    char *output;
    if (!__asan_get_current_fake_stack()) {
        puts("SKIPPED: asan_sees_use_after_return_across_switches: detect_stack_use_after_return is off");
        return;
    }
    int status = child_run(use_after_return_root, &output);
    ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
    ck_assert_msg(strstr(output, "stack-use-after-return") && strstr(output, "address_of_a_dead_frame"), "%s", output);
    free(output);
}

static void
overrun_root(void *arg)
{
    struct sched_thread *thread;
    char buffer[16];
    char *volatile end = buffer + 16;
    ck_assert_int_eq(sched_thread_start(arg, "other", nothing_main, arg, NULL, &thread), 0);
    settle(arg);
    *end = 1;
    sched_thread_join(arg, thread);
}

TEST(asan_sees_a_buffer_overrun_on_a_fibre_and_names_the_function)
{
    char *output;
    int status = child_run(overrun_root, &output);
    ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
    ck_assert_msg(strstr(output, "-buffer-overflow") && strstr(output, "overrun_root"), "%s", output);
    free(output);
}

static void
keeper_main(void *arg)
{
    void *volatile kept = malloc(4321);
    _Atomic uint32_t word = 0;
    sched_wait(arg, &word, 0, sched_now_ns(arg) + 1000000);
    free(kept);
}

static __attribute__((noinline)) void
leak(void)
{
    void *volatile lost = malloc(1234);
    lost = NULL;
    (void)lost;
}

static void
leak_root(void *arg)
{
    struct sched_thread *thread;
    ck_assert_int_eq(sched_thread_start(arg, "keeper", keeper_main, arg, NULL, &thread), 0);
    leak();
    deep(100);
    settle(arg);
    // The keeper waits now, with its block.
    int leaks = __lsan_do_recoverable_leak_check();
    sched_thread_join(arg, thread);
    _exit(leaks ? 0 : 3);
}

TEST(lsan_tells_a_leak_from_what_a_suspended_fibre_holds)
{
    char *output;
    const char *options = getenv("ASAN_OPTIONS");
    if (options && strstr(options, "detect_leaks=0")) {
        puts("SKIPPED: lsan_tells_a_leak_from_what_a_suspended_fibre_holds: detect_leaks=0");
        return;
    }
    int status = child_run(leak_root, &output);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", output);
    ck_assert_msg(strstr(output, "1234 byte") != NULL, "%s", output);
    ck_assert_msg(strstr(output, "4321 byte") == NULL, "%s", output);
    free(output);
}
#endif
