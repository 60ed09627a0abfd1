// SPDX-License-Identifier: MIT
// See scene.h.
#include "scene.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"
#include "harness/harness.h"

static void
scene_lock(struct scene *scene)
{
    uint32_t free = 0;
    sched_choice(scene->sched, SCHED_POINT_LOCK);
    if (atomic_compare_exchange_strong(&scene->lock, &free, 1))
        return;
    while (atomic_exchange(&scene->lock, 2))
        sched_wait(scene->sched, &scene->lock, 2, SCHED_NEVER);
}

static void
scene_unlock(struct scene *scene)
{
    if (atomic_exchange(&scene->lock, 0) == 2)
        sched_wake(scene->sched, &scene->lock, 1);
    sched_choice(scene->sched, SCHED_POINT_UNLOCK);
}

static void
scene_worker(void *arg)
{
    struct scene *scene = arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (scene->drifts && i == ROUNDS / 2 && sched_self->id == 3)
            sched_draw(scene->sched, SCHED_DRAW_FAULT, 2);
        scene_lock(scene);
        ck_assert_uint_eq(scene->inside++, 0);
        scene->entries++;
        scene->order = hash_fold(scene->order, sched_self->id);
        sched_choice(scene->sched, SCHED_POINT_DDI);
        scene->inside--;
        scene_unlock(scene);
        uint32_t bell = atomic_load(&scene->doorbell);
        uint64_t wait_ns = 1 + sched_draw(scene->sched, SCHED_DRAW_DRIVER, 1000);
        if (sched_wait(scene->sched, &scene->doorbell, bell, sched_now_ns(scene->sched) + wait_ns) == -ETIMEDOUT) {
            scene->timeouts++;
            atomic_fetch_add(&scene->doorbell, 1);
            sched_wake(scene->sched, &scene->doorbell, 1);
        }
        sched_trace(scene->sched, 1, scene->order);
    }
}

void
scene_root(void *arg)
{
    struct scene *scene = arg;
    struct sched_thread *threads[FIBRES];
    for (int i = 0; i < FIBRES; i++)
        ck_assert_int_eq(sched_thread_start(scene->sched, "worker", scene_worker, scene, NULL, &threads[i]), 0);
    for (int i = 0; i < FIBRES; i++)
        sched_thread_join(scene->sched, threads[i]);
}

struct sched *
sim_must_create(const struct sim_config *config)
{
    const char *error = NULL;
    struct sched *sched = sim_create(config, &error);
    ck_assert_msg(sched != NULL, "%s", error);
    return sched;
}

uint64_t
scene_play(const struct sim_config *config, uint64_t *order)
{
    struct scene scene = {.sched = sim_must_create(config)};
    struct sim_stats stats;
    ck_assert_int_eq(sched_run(scene.sched, "root", scene_root, &scene, NULL), 0);
    ck_assert_uint_eq(scene.entries, FIBRES * ROUNDS);
    ck_assert_uint_gt(scene.timeouts, 0);
    ck_assert_ptr_null(sched_self);
    sim_stats_get(scene.sched, &stats);
    ck_assert_uint_gt(stats.switches, FIBRES);
    ck_assert_uint_eq(stats.draws[SCHED_DRAW_DRIVER], FIBRES * ROUNDS);
    sched_destroy(scene.sched);
    *order = scene.order;
    return stats.trace_hash;
}

char *
capture(void (*fn)(void *), void *arg)
{
    FILE *file = tmpfile();
    ck_assert_ptr_nonnull(file);
    fflush(stderr);
    int saved = dup(2);
    dup2(fileno(file), 2);
    fn(arg);
    fflush(stderr);
    dup2(saved, 2);
    close(saved);
    long bytes = lseek(fileno(file), 0, SEEK_END);
    char *text = calloc(1, (size_t)bytes + 1);
    ck_assert_int_eq(pread(fileno(file), text, (size_t)bytes, 0), bytes);
    fclose(file);
    return text;
}
