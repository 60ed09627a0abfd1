// SPDX-License-Identifier: MIT
// The real-time scheduler: waiting and waking, deadlines, join, run, the seeded stream, and what destroy says about forgotten threads.
// No assertion is about how long something took, only about what happened and in which order.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/harness.h"
#include "host/sched.h"

struct scene {
    struct sched *sched;
    _Atomic uint32_t word;
    _Atomic uint32_t done;
    uint64_t plain;              // written before the word changes, read after: TSan checks the order
};

static void
waiter_main(void *arg)
{
    struct scene *scene = arg;
    while (!atomic_load(&scene->word))
        ck_assert_int_eq(sched_wait(scene->sched, &scene->word, 0, SCHED_NEVER), 0);
    ck_assert_uint_eq(scene->plain, 42);
    atomic_fetch_add(&scene->done, 1);
}

TEST(wake_reaches_every_thread_that_waits_on_the_word)
{
    struct scene scene = {.sched = sched_threads_create(1)};
    struct sched_thread *threads[8];
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(sched_thread_start(scene.sched, "waiter", waiter_main, &scene, NULL, &threads[i]), 0);
    scene.plain = 42;
    atomic_store(&scene.word, 1);
    sched_wake(scene.sched, &scene.word, UINT32_MAX);
    for (int i = 0; i < 8; i++)
        sched_thread_join(scene.sched, threads[i]);
    ck_assert_uint_eq(scene.done, 8);
    sched_destroy(scene.sched);
}

enum { TURNS = 2000 };

static void
turn_side(struct scene *scene, uint32_t mine)
{
    for (int i = 0; i < TURNS; i++) {
        while (atomic_load(&scene->word) != mine)
            sched_wait(scene->sched, &scene->word, !mine, SCHED_NEVER);
        scene->plain++;
        atomic_store(&scene->word, !mine);
        sched_wake(scene->sched, &scene->word, 1);
    }
}

static void
turn_main(void *arg)
{
    turn_side(arg, 1);
}

static void
turn_root(void *arg)
{
    struct scene *scene = arg;
    struct sched_thread *thread;
    ck_assert_ptr_nonnull(sched_self);
    ck_assert_str_eq(sched_self->name, "root");
    ck_assert_ptr_eq(sched_self->user, &scene->plain);
    ck_assert_int_eq(sched_thread_start(scene->sched, "other", turn_main, scene, NULL, &thread), 0);
    turn_side(scene, 0);
    sched_thread_join(scene->sched, thread);
}

TEST(two_threads_hand_a_word_to_each_other_without_losing_a_wake)
{
    struct scene scene = {.sched = sched_threads_create(1)};
    ck_assert_int_eq(sched_run(scene.sched, "root", turn_root, &scene, &scene.plain), 0);
    ck_assert_ptr_null(sched_self);
    ck_assert_uint_eq(scene.plain, 2 * TURNS);
    sched_destroy(scene.sched);
}

TEST(wait_ends_at_its_deadline_and_never_before)
{
    struct sched *sched = sched_threads_create(1);
    _Atomic uint32_t word = 5;
    uint64_t deadline = sched_now_ns(sched) + 20000000;
    int r;
    while ((r = sched_wait(sched, &word, 5, deadline)) == 0)
        ck_assert_uint_lt(sched_now_ns(sched), deadline + UINT64_C(10000000000));
    ck_assert_int_eq(r, -ETIMEDOUT);
    ck_assert_uint_ge(sched_now_ns(sched), deadline);
    ck_assert_int_eq(sched_wait(sched, &word, 5, 0), -ETIMEDOUT);
    ck_assert_int_eq(sched_wait(sched, &word, 6, SCHED_NEVER), 0);
    ck_assert_int_eq(sched_wait(sched, &word, 6, SCHED_NEVER - 1), 0);
    sched_destroy(sched);
}

static void
identity_main(void *arg)
{
    struct sched_thread **seen = arg;
    *seen = sched_self;
    const char *frame = __builtin_frame_address(0);
    ck_assert_ptr_nonnull(sched_self->stack_low);
    ck_assert((const char *)sched_self->stack_low <= frame && frame < (const char *)sched_self->stack_high);
}

TEST(a_thread_knows_itself_its_user_and_its_number)
{
    struct sched *sched = sched_threads_create(1);
    for (uint32_t id = 1; id <= 3; id++) {
        struct sched_thread *thread, *seen = NULL;
        ck_assert_int_eq(sched_thread_start(sched, "a name longer than fifteen bytes", identity_main, &seen, &seen, &thread), 0);
        ck_assert_uint_eq(thread->id, id);
        ck_assert_str_eq(thread->name, "a name longer than fifteen bytes");
        ck_assert_ptr_eq(thread->user, &seen);
        ck_assert_ptr_eq(thread->sched, sched);
        struct sched_thread *expected = thread;
        sched_thread_join(sched, thread);
        ck_assert_ptr_eq(seen, expected);
    }
    sched_destroy(sched);
}

static void
ticks_follow_the_clock(void *arg)
{
    struct sched *sched = arg;
    _Atomic uint32_t never = 0;
    for (int i = 0; i < 3; i++) {
        sched_wait(sched, &never, 0, sched_now_ns(sched) + 3000000);
        uint64_t before = sched_now_ns(sched), ticks = sched_ticks(sched), after = sched_now_ns(sched);
        uint64_t told = sched_ticks_ns(sched, ticks);
        ck_assert_uint_ge(told + 1000000, before);
        ck_assert_uint_le(told, after + 1000000);
    }
    ck_assert_uint_lt(sched_ticks_ns(sched, sched_ticks(sched) - 1000), sched_now_ns(sched));
}

TEST(ticks_mean_what_the_clock_said_at_that_time)
{
    struct sched *sched = sched_threads_create(1);
    ck_assert_int_eq(sched_run(sched, "main", ticks_follow_the_clock, sched, NULL), 0);
    sched_destroy(sched);
}

TEST(draws_come_from_the_seed_and_stay_below_their_bound)
{
    struct sched *a = sched_threads_create(9), *b = sched_threads_create(9), *c = sched_threads_create(10);
    unsigned differ = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t bound = 1 + (uint64_t)i * i * i;
        uint64_t x = sched_draw(a, SCHED_DRAW_WIRE, bound);
        ck_assert_uint_lt(x, bound);
        ck_assert_uint_eq(x, sched_draw(b, SCHED_DRAW_WIRE, bound));
        differ += x != sched_draw(c, SCHED_DRAW_WIRE, bound);
    }
    ck_assert_uint_gt(differ, 900);
    sched_destroy(a);
    sched_destroy(b);
    sched_destroy(c);
}

static void
draw_main(void *arg)
{
    struct scene *scene = arg;
    for (int i = 0; i < 10000; i++)
        ck_assert_uint_lt(sched_draw(scene->sched, SCHED_DRAW_DRIVER, 10), 10);
}

TEST(several_threads_may_draw_at_once)
{
    struct scene scene = {.sched = sched_threads_create(1)};
    struct sched_thread *threads[4];
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(sched_thread_start(scene.sched, "drawer", draw_main, &scene, NULL, &threads[i]), 0);
    for (int i = 0; i < 4; i++)
        sched_thread_join(scene.sched, threads[i]);
    sched_destroy(scene.sched);
}

static void
nothing_main(void *arg)
{
}

TEST(destroy_aborts_on_a_thread_that_nobody_joined)
{
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        dup2(open("/dev/null", O_WRONLY), 2);
        struct sched_thread *thread;
        struct sched *sched = sched_threads_create(1);
        sched_thread_start(sched, "forgotten", nothing_main, NULL, NULL, &thread);
        sched_destroy(sched);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

TEST(the_wall_clock_and_the_monotonic_clock_go_forward)
{
    struct sched *sched = sched_threads_create(1);
    uint64_t before = sched_now_ns(sched);
    ck_assert_uint_le(before, sched_now_ns(sched));
    ck_assert_uint_gt(sched_unix_ns(sched), UINT64_C(1577836800000000000));
    sched_destroy(sched);
}
