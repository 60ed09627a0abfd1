// SPDX-License-Identifier: MIT
// The simulated scheduler: determinism, interleavings, the virtual clock, deadlock and step limit, and that nothing is left over.
// The scenario is that of scene.h.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/harness.h"
#include "scene.h"
#include "sim/sim.h"

static int
compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static unsigned
distinct_count(uint64_t *values, unsigned count)
{
    qsort(values, count, sizeof *values, compare_u64);
    unsigned distinct = count > 0;
    for (unsigned i = 1; i < count; i++)
        distinct += values[i] != values[i - 1];
    return distinct;
}

TEST_TIMEOUT(60, same_seed_twice_gives_the_same_trace_hash_over_1000_seeds)
{
    enum { SEEDS = 1000 };
    static uint64_t hashes[SEEDS], orders[SEEDS];
    for (unsigned seed = 0; seed < SEEDS; seed++) {
        struct sim_config config = {.seed = seed, .strategy = SIM_RANDOM_WALK};
        uint64_t order_again;
        hashes[seed] = scene_play(&config, &orders[seed]);
        // Other addresses must make no difference.
        void *shift = malloc(16 + seed % 4096);
        ck_assert_uint_eq(scene_play(&config, &order_again), hashes[seed]);
        ck_assert_uint_eq(order_again, orders[seed]);
        free(shift);
    }
    unsigned distinct_hashes = distinct_count(hashes, SEEDS), distinct_orders = distinct_count(orders, SEEDS);
    printf("1000 seeds: %u distinct traces, %u distinct interleavings of the lock\n", distinct_hashes, distinct_orders);
    ck_assert_uint_eq(distinct_hashes, SEEDS);
    ck_assert_uint_gt(distinct_orders, SEEDS * 9 / 10);
}

TEST(waits_end_without_a_reason_when_asked_for_and_the_same_way_for_a_seed)
{
    for (uint64_t seed = 0; seed < 100; seed++) {
        struct sim_config config = {.seed = seed, .spurious_one_in = 4};
        struct sim_stats stats;
        struct scene scene = {.sched = sim_must_create(&config)};
        ck_assert_int_eq(sched_run(scene.sched, "root", scene_root, &scene, NULL), 0);
        sim_stats_get(scene.sched, &stats);
        sched_destroy(scene.sched);
        ck_assert_uint_gt(stats.spurious, 5);
        uint64_t order;
        ck_assert_uint_eq(scene_play(&config, &order), stats.trace_hash);
        ck_assert_uint_eq(order, scene.order);
    }
}

TEST(run_to_block_gives_one_interleaving_when_no_number_is_drawn_by_the_scenario)
{
    uint64_t order[2], hash[2];
    for (int i = 0; i < 2; i++) {
        struct sim_config config = {.seed = 7, .strategy = SIM_RUN_TO_BLOCK};
        hash[i] = scene_play(&config, &order[i]);
    }
    ck_assert_uint_eq(hash[0], hash[1]);
    ck_assert_uint_eq(order[0], order[1]);
}

struct sleeper {
    struct sched *sched;
    uint64_t deadline_ns;
    struct sleeper_log *log;
};

struct sleeper_log {
    uint64_t woke_ns[64];
    unsigned count;
};

static void
sleeper_main(void *arg)
{
    struct sleeper *sleeper = arg;
    _Atomic uint32_t word = 0;
    ck_assert_int_eq(sched_wait(sleeper->sched, &word, 0, sleeper->deadline_ns), -ETIMEDOUT);
    ck_assert_uint_eq(sched_now_ns(sleeper->sched), sleeper->deadline_ns);
    sleeper->log->woke_ns[sleeper->log->count++] = sched_now_ns(sleeper->sched);
}

static void
sleepers_root(void *arg)
{
    struct sched *sched = arg;
    struct sleeper_log log = {0};
    struct sleeper sleepers[64];
    struct sched_thread *threads[64];
    for (unsigned i = 0; i < 64; i++) {
        // A minute each, with many equal deadlines.
        sleepers[i] = (struct sleeper){sched, (1 + i * 37 % 16) * UINT64_C(60000000000), &log};
        ck_assert_int_eq(sched_thread_start(sched, "sleeper", sleeper_main, &sleepers[i], NULL, &threads[i]), 0);
    }
    for (unsigned i = 0; i < 64; i++)
        sched_thread_join(sched, threads[i]);
    ck_assert_uint_eq(log.count, 64);
    for (unsigned i = 1; i < 64; i++)
        ck_assert_uint_le(log.woke_ns[i - 1], log.woke_ns[i]);
    ck_assert_uint_eq(sched_now_ns(sched), 16 * UINT64_C(60000000000));
    ck_assert_uint_eq(sched_unix_ns(sched) - sched_now_ns(sched), UINT64_C(1577836800000000000));
}

TEST(timeouts_come_in_virtual_order_and_cost_no_wall_time)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct sched *sched = sim_must_create(&(struct sim_config){.seed = seed});
        ck_assert_int_eq(sched_run(sched, "root", sleepers_root, sched, NULL), 0);
        sched_destroy(sched);
    }
}

static void
expired_root(void *arg)
{
    struct sched *sched = arg;
    _Atomic uint32_t word = 3;
    ck_assert_int_eq(sched_wait(sched, &word, 3, 0), -ETIMEDOUT);
    ck_assert_int_eq(sched_wait(sched, &word, 4, SCHED_NEVER), 0);
    ck_assert_int_eq(sched_wait(sched, &word, 3, 5), -ETIMEDOUT);
    ck_assert_uint_eq(sched_now_ns(sched), 5);
    ck_assert_int_eq(sched_wait(sched, &word, 3, 4), -ETIMEDOUT);
    ck_assert_uint_eq(sched_now_ns(sched), 5);
}

TEST(wait_returns_at_once_when_the_word_differs_or_the_deadline_has_passed)
{
    struct sched *sched = sim_must_create(&(struct sim_config){0});
    ck_assert_int_eq(sched_run(sched, "root", expired_root, sched, NULL), 0);
    sched_destroy(sched);
}

struct crowd {
    struct sched *sched;
    _Atomic uint32_t word;
    uint32_t woken;
    uint64_t order;
};

static void
crowd_main(void *arg)
{
    struct crowd *crowd = arg;
    ck_assert_int_eq(sched_wait(crowd->sched, &crowd->word, 0, SCHED_NEVER), 0);
    crowd->woken++;
    crowd->order = crowd->order * 10 + sched_self->id;
}

// Let everyone else run until they block.
static void
settle(struct sched *sched)
{
    _Atomic uint32_t word = 0;
    sched_wait(sched, &word, 0, sched_now_ns(sched) + 1);
}

static void
crowd_root(void *arg)
{
    struct crowd *crowd = arg;
    struct sched_thread *threads[6];
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(sched_thread_start(crowd->sched, "waiter", crowd_main, crowd, NULL, &threads[i]), 0);
    settle(crowd->sched);
    atomic_store(&crowd->word, 1);
    ck_assert_uint_eq(crowd->woken, 0);
    sched_wake(crowd->sched, &crowd->word, 2);
    settle(crowd->sched);
    ck_assert_uint_eq(crowd->woken, 2);
    sched_wake(crowd->sched, &crowd->word, 0);
    settle(crowd->sched);
    ck_assert_uint_eq(crowd->woken, 2);
    sched_wake(crowd->sched, &crowd->word, UINT32_MAX);
    for (int i = 0; i < 6; i++)
        sched_thread_join(crowd->sched, threads[i]);
    ck_assert_uint_eq(crowd->woken, 6);
}

TEST(wake_wakes_as_many_as_asked_and_draws_which)
{
    uint64_t orders[50];
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct crowd crowd = {.sched = sim_must_create(&(struct sim_config){.seed = seed})};
        ck_assert_int_eq(sched_run(crowd.sched, "root", crowd_root, &crowd, NULL), 0);
        sched_destroy(crowd.sched);
        orders[seed] = crowd.order;
    }
    ck_assert_uint_gt(distinct_count(orders, 50), 25);
}

static void
stuck_main(void *arg)
{
    struct crowd *crowd = arg;
    sched_wait(crowd->sched, &crowd->word, 0, SCHED_NEVER);
    __asm__ volatile("");        // no tail call: the frame is looked for
}

static void
stuck_root(void *arg)
{
    struct crowd *crowd = arg;
    struct sched_thread *thread;
    ck_assert_int_eq(sched_thread_start(crowd->sched, "philosopher", stuck_main, crowd, NULL, &thread), 0);
    // Held by a stuck frame only: it must not count as a leak.
    void *volatile held = malloc(100);
    sched_thread_join(crowd->sched, thread);
    free(held);
}

static void
stuck_run(void *arg)
{
    struct crowd *crowd = arg;
    ck_assert_int_eq(sched_run(crowd->sched, "root", stuck_root, crowd, NULL), -EDEADLK);
}

TEST(deadlock_is_reported_with_every_fibre_and_ends_the_run)
{
    struct crowd crowd = {.sched = sim_must_create(&(struct sim_config){.seed = 1})};
    char *report = capture(stuck_run, &crowd);
    ck_assert_msg(strstr(report, "deadlock") != NULL, "%s", report);
    ck_assert_msg(strstr(report, "\"philosopher\": waiting on the word") != NULL, "%s", report);
    ck_assert_msg(strstr(report, "thread 1 \"root\": waiting") != NULL, "%s", report);
    // Where it waits, by function and line.
    ck_assert_msg(strstr(report, "stuck_main ") && strstr(report, "sim_test.c:"), "%s", report);
    if (getenv("NBX_TEST_VERBOSE"))
        fputs(report, stdout);
    free(report);
    ck_assert_int_eq(sched_run(crowd.sched, "again", stuck_root, &crowd, NULL), -EDEADLK);
    sched_destroy(crowd.sched);
}

// A thread that looks every two seconds whether all is well; at `cure` rounds it ends what the root waits for.
struct idler {
    struct sched *sched;
    _Atomic uint32_t stuck, never;
    uint32_t rounds, cure;
};

static void
idler_main(void *arg)
{
    struct idler *idler = arg;
    sched_self->is_idle = true;
    while (!idler->stuck) {
        sched_wait(idler->sched, &idler->never, 0, sched_now_ns(idler->sched) + 2000000000ull);
        if (++idler->rounds != idler->cure)
            continue;
        idler->stuck = 1;
        sched_wake(idler->sched, &idler->stuck, 1);
    }
}

static void
idler_root(void *arg)
{
    struct idler *idler = arg;
    struct sched_thread *thread;
    ck_assert_int_eq(sched_thread_start(idler->sched, "idler", idler_main, idler, NULL, &thread), 0);
    while (!idler->stuck)
        sched_wait(idler->sched, &idler->stuck, 0, SCHED_NEVER);
    sched_thread_join(idler->sched, thread);
}

static void
idler_run(void *arg)
{
    struct idler *idler = arg;
    ck_assert_int_eq(sched_run(idler->sched, "root", idler_root, idler, NULL), -EDEADLK);
}

TEST(deadlock_is_found_although_an_idle_thread_looks_every_two_seconds)
{
    struct idler idler = {.sched = sim_must_create(&(struct sim_config){.seed = 1})};
    char *report = capture(idler_run, &idler);
    ck_assert_msg(strstr(report, "deadlock") && strstr(report, "checks for hang aside"), "%s", report);
    ck_assert_uint_eq(idler.rounds, 16);
    free(report);
    sched_destroy(idler.sched);
}

TEST(an_idle_thread_that_ends_the_wait_in_time_is_heard)
{
    struct idler idler = {.sched = sim_must_create(&(struct sim_config){.seed = 1}), .cure = 8};
    ck_assert_int_eq(sched_run(idler.sched, "root", idler_root, &idler, NULL), 0);
    ck_assert_uint_eq(idler.rounds, 8);
    sched_destroy(idler.sched);
}

static void
spin_root(void *arg)
{
    for (;;)
        sched_choice(arg, SCHED_POINT_DDI);
}

static void
spin_run(void *arg)
{
    ck_assert_int_eq(sched_run(arg, "spinner", spin_root, arg, NULL), -ETIME);
}

TEST(step_limit_ends_a_run_that_spins)
{
    struct sched *sched = sim_must_create(&(struct sim_config){.step_limit = 1000});
    char *report = capture(spin_run, sched);
    ck_assert_msg(strstr(report, "1000 steps") != NULL, "%s", report);
    ck_assert_msg(strstr(report, "\"spinner\": running") != NULL, "%s", report);
    free(report);
    sched_destroy(sched);
}

static void
abandon_main(void *arg)
{
}

static void
abandon_root(void *arg)
{
    struct sched_thread *thread;
    ck_assert_int_eq(sched_thread_start(arg, "orphan", abandon_main, arg, NULL, &thread), 0);
}

TEST(destroy_aborts_and_names_threads_that_nobody_joined)
{
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 2);
        struct sched *sched = sim_must_create(&(struct sim_config){0});
        sched_run(sched, "root", abandon_root, sched, NULL);
        sched_destroy(sched);
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

#if defined(__x86_64__)
static void
fp_main(void *arg)
{
    // A changed rounding mode belongs to the fibre that changed it.
    unsigned mode = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(mode | 0x6000);
    for (int i = 0; i < 10; i++)
        settle(arg);
    ck_assert_uint_eq(__builtin_ia32_stmxcsr() & 0x6000, 0x6000);
}

static void
fp_root(void *arg)
{
    struct sched_thread *thread;
    ck_assert_int_eq(sched_thread_start(arg, "rounder", fp_main, arg, NULL, &thread), 0);
    for (int i = 0; i < 10; i++) {
        settle(arg);
        ck_assert_uint_eq(__builtin_ia32_stmxcsr() & 0x6000, 0);
    }
    sched_thread_join(arg, thread);
}

TEST(floating_point_control_words_belong_to_the_fibre)
{
    struct sched *sched = sim_must_create(&(struct sim_config){0});
    ck_assert_int_eq(sched_run(sched, "root", fp_root, sched, NULL), 0);
    sched_destroy(sched);
}
#endif

enum { PING_SWITCHES = 1000000 };

struct ping {
    struct sched *sched;
    _Atomic uint32_t turn;
};

static void
ping_side(struct ping *ping, uint32_t mine)
{
    for (int i = 0; i < PING_SWITCHES / 2; i++) {
        while (atomic_load(&ping->turn) != mine)
            sched_wait(ping->sched, &ping->turn, !mine, SCHED_NEVER);
        atomic_store(&ping->turn, !mine);
        sched_wake(ping->sched, &ping->turn, 1);
    }
}

static void
ping_main(void *arg)
{
    ping_side(arg, 1);
}

static void
ping_root(void *arg)
{
    struct ping *ping = arg;
    struct sched_thread *thread;
    ck_assert_int_eq(sched_thread_start(ping->sched, "pong", ping_main, ping, NULL, &thread), 0);
    ping_side(ping, 0);
    sched_thread_join(ping->sched, thread);
}

static long
resident_pages(void)
{
    long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
    return resident;
}

static void
churn_root(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        struct sched_thread *thread;
        ck_assert_int_eq(sched_thread_start(arg, "mayfly", abandon_main, arg, NULL, &thread), 0);
        sched_thread_join(arg, thread);
    }
}

TEST_TIMEOUT(60, a_million_switches_and_thousands_of_fibres_leave_nothing_behind)
{
    struct sched *sched = sim_must_create(&(struct sim_config){.seed = 3});
    ck_assert_int_eq(sched_run(sched, "warm", churn_root, sched, NULL), 0);
    long before = resident_pages();
    ck_assert_int_eq(sched_run(sched, "churn", churn_root, sched, NULL), 0);
    struct ping ping = {.sched = sched};
    ck_assert_int_eq(sched_run(sched, "ping", ping_root, &ping, NULL), 0);
    struct sim_stats stats;
    sim_stats_get(sched, &stats);
    ck_assert_uint_ge(stats.switches, PING_SWITCHES);
#if !__has_feature(thread_sanitizer)
    // The tape grows by its entries, stacks and fibres must not. (TSan's own records grow with every fibre.)
    ck_assert_int_lt(resident_pages() - before, 4096);
#else
    (void)before;
#endif
    sched_destroy(sched);
}
