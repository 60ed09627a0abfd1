// SPDX-License-Identifier: MIT
// The same seed gives the same run: everything the executive does, by the scheduler's own hash of it.
#include <stdlib.h>

#include "unit/nt/nt_test.h"

struct mix {
    KSPIN_LOCK lock;
    KEVENT event;
    KTIMER timer;
    KDPC timer_dpc, dpc;
    KSEMAPHORE done;
    WORK_QUEUE_ITEM items[4];
    uint64_t count;
    uint64_t folded;             // what happened in which order, independent of the scheduler's hash
};

static void
mix_note(struct mix *mix, uint64_t what)
{
    KIRQL old;
    KeAcquireSpinLock(&mix->lock, &old);
    mix->folded = mix->folded * 1099511628211u + what * 31 + KeGetCurrentProcessorNumberEx(NULL);
    mix->count++;
    KeReleaseSpinLock(&mix->lock, old);
}

static NTAPI VOID
mix_dpc(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct mix *mix = context;
    mix_note(mix, dpc == &mix->dpc ? 1 : 2);
    if (dpc == &mix->timer_dpc)
        KeSetEvent(&mix->event, 0, FALSE);
}

static NTAPI VOID
mix_item(PVOID parameter)
{
    struct mix *mix = parameter;
    mix_note(mix, 3);
    KeWaitForSingleObject(&mix->event, Executive, KernelMode, FALSE, NULL);
    mix_note(mix, 4);
    KeReleaseSemaphore(&mix->done, 0, 1, FALSE);
}

static void
mix_thread(void *arg)
{
    struct mix *mix = arg;
    for (int i = 0; i < 20; i++) {
        void *block = ExAllocatePoolWithTag(NonPagedPoolNx, 10 + i, 'xiM ');
        mix_note(mix, 5);
        KeInsertQueueDpc(&mix->dpc, NULL, NULL);
        ExFreePool(block);
        if (i % 5 == 0)
            nt_test_sleep_ms(1);
    }
}

static struct mix replay_mix;

static void
mix_run(void)
{
    struct mix *mix = &replay_mix;
    *mix = (struct mix){.lock = 0};
    KeInitializeEvent(&mix->event, SynchronizationEvent, FALSE);
    KeInitializeSemaphore(&mix->done, 0, 4);
    KeInitializeTimerEx(&mix->timer, SynchronizationTimer);
    KeInitializeDpc(&mix->timer_dpc, mix_dpc, mix);
    KeInitializeDpc(&mix->dpc, mix_dpc, mix);
    for (int i = 0; i < 4; i++) {
        ExInitializeWorkItem(&mix->items[i], mix_item, mix);
        ExQueueWorkItem(&mix->items[i], DelayedWorkQueue);
    }
    KeSetTimerEx(&mix->timer, nt_test_ms(1), 1, &mix->timer_dpc);
    struct ke_thread *helpers[2] = {nt_test_start(mix_thread, mix), nt_test_start(mix_thread, mix)};
    for (int i = 0; i < 4; i++)
        KeWaitForSingleObject(&mix->done, Executive, KernelMode, FALSE, NULL);
    for (int i = 0; i < 2; i++)
        ke_thread_join(helpers[i]);
    KeCancelTimer(&mix->timer);
    KeFlushQueuedDpcs();
}

static uint64_t
mix_hash(uint64_t seed, uint64_t *folded)
{
    const char *error = NULL;
    struct sim_config config = {.seed = seed, .strategy = SIM_RANDOM_WALK, .switch_one_in = 2};
    struct sched *sched = sim_create(&config, &error);
    struct box *box = box_create(sched, &(struct box_config){.name = "box", .processors = 3, .seed = 1});
    struct nt_test_body body = {box, mix_run};
    ck_assert_int_eq(box_run(box, nt_test_main, &body), 0);
    ck_assert_uint_eq(box_destroy(box), 0);
    struct sim_stats stats;
    sim_stats_get(sched, &stats);
    sched_destroy(sched);
    *folded = replay_mix.folded;
    return stats.trace_hash;
}

TEST(same_seed_gives_the_same_run_of_the_executive_and_other_seeds_others)
{
    int different = 0;
    uint64_t first = 0, folded[2];
    for (uint64_t seed = 1; seed <= 50; seed++) {
        uint64_t once = mix_hash(seed, &folded[0]);
        void *shift = malloc(seed * 100);   // other addresses the second time
        ck_assert_uint_eq(mix_hash(seed, &folded[1]), once);
        ck_assert_uint_eq(folded[0], folded[1]);
        free(shift);
        if (seed == 1)
            first = folded[0];
        different += folded[0] != first;
    }
    ck_assert_int_gt(different, 40);
}
