// SPDX-License-Identifier: MIT
// Tapes: replay gives the same run, a drifted replay is reported at its first differing entry, notes come back, and no damaged
// file is ever taken for a tape.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/prng.h"
#include "harness/harness.h"
#include "host/file.h"
#include "scene.h"
#include "sim/tape.h"

struct folder {
    char path[64], tape[80], other[80];
};

static struct folder
folder_create(void)
{
    struct folder folder = {.path = "/tmp/nbx-tape-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(folder.path));
    snprintf(folder.tape, sizeof folder.tape, "%s/tape", folder.path);
    snprintf(folder.other, sizeof folder.other, "%s/other", folder.path);
    return folder;
}

static void
folder_destroy(struct folder *folder)
{
    file_remove(folder->tape);
    file_remove(folder->other);
    rmdir(folder->path);
}

TEST_TIMEOUT(60, replay_from_a_tape_gives_the_same_trace_hash_without_the_seed)
{
    struct folder folder = folder_create();
    for (uint64_t seed = 0; seed < 50; seed++) {
        uint64_t order, order_again;
        struct sim_config record = {.seed = seed, .switch_one_in = 3 + seed % 5, .tape_out = folder.tape};
        record.spurious_one_in = 5 * (seed % 2);
        uint64_t hash = scene_play(&record, &order);
        struct sim_config replay = {.seed = 999999, .tape_in = folder.tape, .tape_out = folder.other};
        struct scene scene = {.sched = sim_must_create(&replay)};
        ck_assert_int_eq(sched_run(scene.sched, "root", scene_root, &scene, NULL), 0);
        ck_assert_int_eq(sim_replay_check(scene.sched), 0);
        struct sim_stats stats;
        sim_stats_get(scene.sched, &stats);
        ck_assert_uint_eq(stats.trace_hash, hash);
        order_again = scene.order;
        ck_assert_uint_eq(order_again, order);
        ck_assert_uint_gt(stats.tape_entries, 100);
        sched_destroy(scene.sched);
        // A tape of a replay is the tape.
        char *a, *b;
        size_t a_bytes, b_bytes;
        ck_assert_int_eq(file_load(folder.tape, 1 << 20, &a, &a_bytes), 0);
        ck_assert_int_eq(file_load(folder.other, 1 << 20, &b, &b_bytes), 0);
        ck_assert_uint_eq(a_bytes, b_bytes);
        ck_assert_int_eq(memcmp(a, b, a_bytes), 0);
        free(a);
        free(b);
    }
    folder_destroy(&folder);
}

static void
drift_run(void *arg)
{
    struct scene *scene = arg;
    ck_assert_int_eq(sched_run(scene->sched, "root", scene_root, scene, NULL), -ESTALE);
}

TEST(drifted_replay_is_reported_at_its_first_differing_entry_and_ends_the_run)
{
    struct folder folder = folder_create();
    uint64_t order;
    scene_play(&(struct sim_config){.seed = 4, .tape_out = folder.tape}, &order);
    struct scene scene = {.sched = sim_must_create(&(struct sim_config){.tape_in = folder.tape}), .drifts = true};
    char *report = capture(drift_run, &scene);
    ck_assert_msg(strstr(report, "the replay has drifted at entry") != NULL, "%s", report);
    ck_assert_msg(strstr(report, "in thread 3 \"worker\"") != NULL, "%s", report);
    ck_assert_msg(strstr(report, "the run asks: draw of a fault among 2") != NULL, "%s", report);
    free(report);
    ck_assert_int_eq(sim_replay_check(scene.sched), -ESTALE);
    sched_destroy(scene.sched);
    folder_destroy(&folder);
}

static void
outside_draw(void *arg)
{
    struct sched *sched = arg;
    sched_draw(sched, SCHED_DRAW_ORDER, 12345);
    struct scene scene = {.sched = sched};
    ck_assert_int_eq(sched_run(sched, "root", scene_root, &scene, NULL), -ESTALE);
}

TEST(drift_outside_a_run_makes_the_next_run_fail)
{
    struct folder folder = folder_create();
    uint64_t order;
    scene_play(&(struct sim_config){.seed = 4, .tape_out = folder.tape}, &order);
    struct sched *sched = sim_must_create(&(struct sim_config){.tape_in = folder.tape});
    char *report = capture(outside_draw, sched);
    ck_assert_msg(strstr(report, "outside sched_run") != NULL, "%s", report);
    free(report);
    sched_destroy(sched);
    folder_destroy(&folder);
}

struct cut {
    struct sched *sched;
    const char *path;
    struct scene *scene;
};

static void
cut_root(void *arg)
{
    struct cut *cut = arg;
    scene_root(cut->scene);
    if (cut->path)
        ck_assert_int_eq(sim_tape_write(cut->sched, cut->path), 0);
    scene_root(cut->scene);
}

static uint64_t
cut_play(const struct sim_config *config, const char *path)
{
    struct sim_stats stats;
    struct scene scene = {.sched = sim_must_create(config)};
    struct cut cut = {scene.sched, path, &scene};
    ck_assert_int_eq(sched_run(scene.sched, "root", cut_root, &cut, NULL), 0);
    sim_stats_get(scene.sched, &stats);
    sched_destroy(scene.sched);
    return stats.trace_hash;
}

static void
cut_replay(void *arg)
{
    uint64_t *hash_and_path = arg;
    hash_and_path[0] = cut_play(&(struct sim_config){.tape_in = (const char *)(uintptr_t)hash_and_path[1]}, NULL);
}

TEST(a_run_that_outlives_its_tape_goes_on_as_the_recorded_one_did)
{
    struct folder folder = folder_create();
    uint64_t hash = cut_play(&(struct sim_config){.seed = 11}, folder.tape);
    uint64_t again[2] = {0, (uintptr_t)folder.tape};
    char *report = capture(cut_replay, again);
    ck_assert_msg(strstr(report, "the tape ends after") != NULL, "%s", report);
    free(report);
    ck_assert_uint_eq(again[0], hash);
    folder_destroy(&folder);
}

static void
left_over_check(void *arg)
{
    ck_assert_int_eq(sim_replay_check(arg), -ESTALE);
}

TEST(a_replay_that_stops_early_is_not_taken_for_the_whole)
{
    struct folder folder = folder_create();
    uint64_t order;
    scene_play(&(struct sim_config){.seed = 4, .tape_out = folder.tape}, &order);
    struct sched *sched = sim_must_create(&(struct sim_config){.tape_in = folder.tape});
    char *report = capture(left_over_check, sched);
    ck_assert_msg(strstr(report, "0 decisions, on the tape") != NULL, "%s", report);
    free(report);
    sched_destroy(sched);
    sched = sim_must_create(&(struct sim_config){0});
    ck_assert_int_eq(sim_replay_check(sched), -EINVAL);
    sched_destroy(sched);
    folder_destroy(&folder);
}

TEST(notes_come_back_from_the_tape)
{
    struct folder folder = folder_create();
    struct sched *sched = sim_must_create(&(struct sim_config){.seed = 1, .tape_out = folder.tape});
    ck_assert_int_eq(sim_tape_note(sched, "stack", "ndisbox: 1\nboxes: {}\n"), 0);
    ck_assert_int_eq(sim_tape_note(sched, "empty", ""), 0);
    ck_assert_int_eq(sim_tape_note(sched, "stack", "again"), -EEXIST);
    sched_destroy(sched);
    char *text;
    const char *error;
    ck_assert_int_eq(sim_tape_note_load(folder.tape, "stack", &text, &error), 0);
    ck_assert_str_eq(text, "ndisbox: 1\nboxes: {}\n");
    free(text);
    ck_assert_int_eq(sim_tape_note_load(folder.tape, "empty", &text, &error), 0);
    ck_assert_str_eq(text, "");
    free(text);
    ck_assert_int_eq(sim_tape_note_load(folder.tape, "stac", &text, &error), -ENOENT);
    ck_assert_ptr_null(error);
    ck_assert_int_eq(sim_tape_note_load(folder.other, "stack", &text, &error), -ENOENT);
    ck_assert_ptr_nonnull(error);
    folder_destroy(&folder);
}

static bool
tape_opens(const char *path, const void *bytes, size_t count)
{
    int fd;
    const char *error = NULL;
    ck_assert_int_eq(file_open(path, FILE_MODE_WRITE | FILE_MODE_CREATE | FILE_MODE_TRUNCATE, &fd), 0);
    ck_assert_int_eq(file_write(fd, bytes, count, 0), 0);
    file_close(fd);
    struct sched *sched = sim_create(&(struct sim_config){.tape_in = path}, &error);
    if (!sched) {
        ck_assert_ptr_nonnull(error);
        return false;
    }
    sched_destroy(sched);
    return true;
}

static char *
tape_small(const struct folder *folder, size_t *count)
{
    struct sched *sched = sim_must_create(&(struct sim_config){.seed = 1, .tape_out = folder->tape});
    char *bytes;
    ck_assert_int_eq(sim_tape_note(sched, "key", "text"), 0);
    for (uint64_t i = 1; i < 40; i++)
        sched_draw(sched, SCHED_DRAW_WIRE, i * i * i * i);
    sched_destroy(sched);
    ck_assert_int_eq(file_load(folder->tape, 1 << 20, &bytes, count), 0);
    return bytes;
}

TEST(a_tape_with_a_changed_or_missing_byte_is_refused)
{
    struct folder folder = folder_create();
    size_t count;
    char *bytes = tape_small(&folder, &count);
    ck_assert(tape_opens(folder.other, bytes, count));
    for (size_t i = 0; i < count; i++) {
        bytes[i] ^= 1 << i % 8;
        ck_assert_msg(!tape_opens(folder.other, bytes, count), "byte %zu", i);
        bytes[i] ^= 1 << i % 8;
        ck_assert_msg(!tape_opens(folder.other, bytes, i), "length %zu", i);
    }
    free(bytes);
    folder_destroy(&folder);
}

TEST(a_tape_that_was_forged_with_a_right_hash_is_still_checked)
{
    struct folder folder = folder_create();
    struct prng prng;
    size_t count;
    char *bytes = tape_small(&folder, &count), *forged = malloc(count);
    unsigned refused = 0;
    prng_seed(&prng, 8);
    for (int round = 0; round < 3000; round++) {
        memcpy(forged, bytes, count);
        for (uint64_t flips = 1 + prng_below(&prng, 3); flips; flips--)
            forged[8 + prng_below(&prng, count - 16)] = (char)prng_next(&prng);
        bytes_store_le64(forged + count - 8, hash_bytes(HASH_FNV_START, forged, count - 8));
        // ASan sees to it that nothing is read past the file; many changes give another tape that is a whole one.
        refused += !tape_opens(folder.other, forged, count);
    }
    ck_assert_uint_gt(refused, 300);
    free(bytes);
    free(forged);
    folder_destroy(&folder);
}

TEST(tape_entries_come_back_as_they_were_over_many_chunks)
{
    struct folder folder = folder_create();
    struct prng prng;
    uint64_t bounds[3] = {2, 1000, UINT64_MAX};
    struct sched *sched = sim_must_create(&(struct sim_config){.seed = 6, .tape_out = folder.tape});
    uint64_t sum = 0, again = 0;
    for (int pass = 0; pass < 2; pass++) {
        prng_seed(&prng, 1);
        for (int i = 0; i < 100000; i++) {
            uint64_t value = sched_draw(sched, prng_below(&prng, SCHED_DRAW_COUNT), bounds[prng_below(&prng, 3)]);
            *(pass ? &again : &sum) = hash_fold(pass ? again : sum, value);
        }
        if (pass)
            ck_assert_int_eq(sim_replay_check(sched), 0);
        sched_destroy(sched);
        if (!pass)
            sched = sim_must_create(&(struct sim_config){.tape_in = folder.tape});
    }
    ck_assert_uint_eq(sum, again);
    folder_destroy(&folder);
}
