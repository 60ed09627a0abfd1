// SPDX-License-Identifier: MIT
// What an object keeps of its history: the first event and the last seven, each with who, what, where, when and its stack, whatever
// other objects went through in between.
#include "harness/harness.h"
#include "nt/ke/ke.h"
#include "sim/sim.h"
#include "verify/verify.h"

#include <stdio.h>
#include <string.h>

static void
on_sim(sched_thread_fn fn)
{
    const char *error = NULL;
    struct sched *sched = sim_create(&(struct sim_config){.seed = 1}, &error);
    ck_assert_ptr_nonnull(sched);
    struct verify *verify = verify_create(sched, VERIFY_ON, NULL);
    ck_assert_int_eq(sched_run(sched, "main", fn, verify, NULL), 0);
    verify_destroy(verify);
    sched_destroy(sched);
}

static const char *const words[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};

static void
sleep_ns(uint64_t ns)
{
    _Atomic uint32_t never = 0;
    sched_wait(sched_self->sched, &never, 0, sched_now_ns(sched_self->sched) + ns);
}

static void
keep_twelve(void *arg)
{
    struct verify_history history = {0};
    for (size_t i = 0; i < 12; i++) {
        verify_history_mark(&history, verify_mark_make(arg, words[i], "Function", NULL, false));
        sleep_ns(1000);
    }
    ck_assert_uint_eq(history.count, 12);
    ck_assert_str_eq(verify_history_event(&history, 0).what, "a");
    for (uint32_t last = 5; last < 12; last++) {   // of twelve: numbers 5 to 11
        struct verify_event event = verify_history_event(&history, 1 + (last - 1) % (VERIFY_EVENTS - 1));
        ck_assert_str_eq(event.what, words[last]);
        ck_assert_str_eq(event.function, "Function");
        ck_assert_uint_eq(sched_ticks_ns(sched_self->sched, event.at_ticks), last * 1000);
        ck_assert_uint_eq(event.thread, sched_self->id);
    }
}

TEST(a_history_keeps_the_first_event_and_the_last_seven)
{
    on_sim(keep_twelve);
}

static volatile int twice = 2;                // so that the loop below stays one

static void
tell_apart(void *arg)
{
    struct verify_mark here[2], there = verify_mark_make(arg, "sent by", "Function", NULL, true);
    struct verify_history history = {0};
    for (int i = 0; i < twice; i++)
        here[i] = verify_mark_make(arg, "sent by", "Function", NULL, true);
    ck_assert_ptr_eq(here[0].site, here[1].site);
    ck_assert_ptr_ne(here[0].site, there.site);
    ck_assert_ptr_ne(verify_mark_make(arg, "sent by", "Function", NULL, false).site, here[0].site);
    verify_history_mark(&history, here[0]);
    verify_history_mark(&history, there);
    struct verify_event one = verify_history_event(&history, 0), other = verify_history_event(&history, 1);
    ck_assert_uint_gt(one.frame_count, 2);
    ck_assert_uint_eq(one.frame_count, other.frame_count);
    ck_assert_int_ne(memcmp(one.frames, other.frames, one.frame_count * sizeof one.frames[0]), 0);
}

TEST(the_same_call_from_the_same_place_is_kept_once_and_another_place_apart)
{
    on_sim(tell_apart);
}

static void
many_sites(void *arg)
{
    static char functions[5000][8];
    static struct verify_history history[5000];
    for (int i = 0; i < 5000; i++) {          // more than there are buckets
        snprintf(functions[i], sizeof functions[i], "F%d", i);
        verify_history_mark(&history[i], verify_mark_make(arg, "sent by", functions[i], NULL, false));
    }
    for (int i = 0; i < 5000; i++)
        ck_assert_ptr_eq(verify_history_event(&history[i], 0).function, functions[i]);
}

TEST(thousands_of_places_are_told_apart)
{
    on_sim(many_sites);
}
