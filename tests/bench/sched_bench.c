// SPDX-License-Identifier: MIT
// What the schedulers cost: a switch, a choice, a hand-over by word on sim, the same hand-over on threads, and the checksum. Prints
// the median of seven runs; nothing here passes or fails.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/csum.h"
#include "sim/sim.h"

enum { RUNS = 7, COUNT = 1000000 };

struct job {
    struct sched *sched;
    _Atomic uint32_t turn;
    uint32_t count;
};

static double
wall_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
choose(void *arg)
{
    struct job *job = arg;
    for (uint32_t i = 0; i < job->count; i++)
        sched_choice(job->sched, SCHED_POINT_DDI);
}

static void
choose_root(void *arg)
{
    struct job *job = arg;
    struct sched_thread *threads[16];
    uint32_t fibres = job->turn;
    for (uint32_t i = 1; i < fibres; i++)
        if (sched_thread_start(job->sched, "chooser", choose, job, NULL, &threads[i]))
            abort();
    choose(job);
    for (uint32_t i = 1; i < fibres; i++)
        sched_thread_join(job->sched, threads[i]);
}

static void
hand(struct job *job, uint32_t mine)
{
    for (uint32_t i = 0; i < job->count; i++) {
        while (atomic_load(&job->turn) != mine)
            sched_wait(job->sched, &job->turn, !mine, SCHED_NEVER);
        atomic_store(&job->turn, !mine);
        sched_wake(job->sched, &job->turn, 1);
    }
}

static void
hand_other(void *arg)
{
    hand(arg, 1);
}

static void
hand_root(void *arg)
{
    struct job *job = arg;
    struct sched_thread *thread;
    if (sched_thread_start(job->sched, "other", hand_other, job, NULL, &thread))
        abort();
    hand(job, 0);
    sched_thread_join(job->sched, thread);
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static struct sched *
sim_new(uint32_t switch_one_in)
{
    const char *error;
    struct sched *sched = sim_create(&(struct sim_config){.seed = 1, .switch_one_in = switch_one_in, .step_limit = UINT64_MAX}, &error);
    if (!sched)
        abort();
    return sched;
}

static void
sim_measure(const char *what, sched_thread_fn root, uint32_t fibres, uint32_t switch_one_in)
{
    double each[RUNS];
    double switches = 0, steps = 0;
    for (int run = 0; run < RUNS; run++) {
        struct job job = {.sched = sim_new(switch_one_in), .turn = root == hand_root ? 0 : fibres, .count = COUNT / fibres};
        double start = wall_ns();
        if (sched_run(job.sched, "root", root, &job, NULL))
            abort();
        each[run] = (wall_ns() - start) / (root == hand_root ? 2.0 : fibres) / job.count;
        struct sim_stats stats;
        sim_stats_get(job.sched, &stats);
        switches = (double)stats.switches;
        steps = (double)job.count * (root == hand_root ? 2 : fibres);
        sched_destroy(job.sched);
    }
    qsort(each, RUNS, sizeof *each, compare);
    printf("%-52s %7.1f ns each   %.2f switches each   %.1f ns a switch\n", what, each[RUNS / 2], switches / steps,
           switches > steps / 50 ? each[RUNS / 2] * steps / switches : 0.0);
}

static void
threads_measure(void)
{
    struct job job = {.sched = sched_threads_create(1), .count = 20000};
    double start = wall_ns();
    if (sched_run(job.sched, "root", hand_root, &job, NULL))
        abort();
    printf("%-52s %7.1f ns each\n", "threads: hand a word over", (wall_ns() - start) / 2 / job.count);
    sched_destroy(job.sched);
}

static void
csum_measure(size_t bytes)
{
    unsigned char *data = calloc(1, bytes);
    unsigned sum = 0;
    size_t rounds = 100000000 / bytes;
    double start = wall_ns();
    for (size_t i = 0; i < rounds; i++) {
        __asm__ volatile("" ::: "memory");
        sum += csum_of(data, bytes);
    }
    double ns = (wall_ns() - start) / (double)rounds;
    printf("csum of %6zu bytes %34s %7.1f ns each   %.1f GB/s   (%x)\n", bytes, "", ns, (double)bytes / ns, sum & 1);
    free(data);
}

int
main(void)
{
    sim_measure("sim: choice, nobody else runnable", choose_root, 1, 8);
    sim_measure("sim: choice, 2 fibres, hardly ever switching", choose_root, 2, 1000000);
    sim_measure("sim: choice, 2 fibres, 1 in 8", choose_root, 2, 8);
    sim_measure("sim: choice, 2 fibres, always switching", choose_root, 2, 1);
    sim_measure("sim: choice, 8 fibres, always switching", choose_root, 8, 1);
    sim_measure("sim: hand a word over, 2 fibres", hand_root, 2, 8);
    threads_measure();
    csum_measure(20);
    csum_measure(64);
    csum_measure(1500);
    csum_measure(65536);
    return 0;
}
