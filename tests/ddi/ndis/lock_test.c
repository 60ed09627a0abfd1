// SPDX-License-Identifier: MIT
// Reader-writer locks of both generations, events and sleeping, on the seeded scheduler.
#include "flow/ndis/kit.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

#include <string.h>

struct crowd {
    PNDIS_RW_LOCK_EX lock;
    NDIS_RW_LOCK *old;
    uint32_t readers, writers, most_readers, sum;
    uint32_t done;
};

static struct crowd crowd;

static void
crowd_read(void)
{
    LOCK_STATE_EX state, again;
    NdisAcquireRWLockRead(crowd.lock, &state, 0);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    NdisAcquireRWLockRead(crowd.lock, &again, NDIS_RWL_AT_DISPATCH_LEVEL);
    uint32_t now = __atomic_add_fetch(&crowd.readers, 1, __ATOMIC_SEQ_CST);
    ck_assert_uint_eq(crowd.writers, 0);
    if (now > crowd.most_readers)
        crowd.most_readers = now;
    sched_choice(kit.box->sched, SCHED_POINT_DDI);
    __atomic_sub_fetch(&crowd.readers, 1, __ATOMIC_SEQ_CST);
    NdisReleaseRWLock(crowd.lock, &again);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    NdisReleaseRWLock(crowd.lock, &state);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

static void
crowd_write(void)
{
    LOCK_STATE_EX state, again;
    NdisAcquireRWLockWrite(crowd.lock, &state, 0);
    NdisAcquireRWLockWrite(crowd.lock, &again, NDIS_RWL_AT_DISPATCH_LEVEL);
    ck_assert_uint_eq(++crowd.writers, 1);
    ck_assert_uint_eq(crowd.readers, 0);
    uint32_t sum = crowd.sum;
    sched_choice(kit.box->sched, SCHED_POINT_DDI);
    crowd.sum = sum + 1;
    crowd.writers--;
    NdisReleaseRWLock(crowd.lock, &again);
    NdisReleaseRWLock(crowd.lock, &state);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
}

static void
crowd_thread(void *arg)
{
    for (int i = 0; i < 20; i++) {
        crowd_read();
        if (i % 3 == 0)
            crowd_write();
    }
}

static void
rw_locks(void)
{
    struct ke_thread *threads[3];
    crowd.lock = NdisAllocateRWLock(NULL);
    ck_assert_ptr_nonnull(crowd.lock);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ke_thread_start(kit.box, "crowd", crowd_thread, NULL, &threads[i]), 0);
    for (int i = 0; i < 3; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(crowd.sum, 21);
    NdisFreeRWLock(crowd.lock);
}

TEST(NdisAcquireRWLockRead_lets_readers_in_together_and_NdisAcquireRWLockWrite_lets_nobody_else_in)
{
    uint32_t together = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        crowd = (struct crowd){0};
        kit_run(seed, rw_locks);
        together += crowd.most_readers > 1;
    }
    ck_assert_uint_gt(together, 0);
}

static void
old_thread(void *arg)
{
    LOCK_STATE state;
    for (int i = 0; i < 20; i++) {
        NdisAcquireReadWriteLock(crowd.old, TRUE, &state);
        uint32_t sum = crowd.sum;
        sched_choice(kit.box->sched, SCHED_POINT_DDI);
        crowd.sum = sum + 1;
        NdisReleaseReadWriteLock(crowd.old, &state);
        KIRQL irql = KeRaiseIrqlToDpcLevel();
        NdisDprAcquireReadWriteLock(crowd.old, FALSE, &state);
        sum = crowd.sum;
        sched_choice(kit.box->sched, SCHED_POINT_DDI);
        ck_assert_uint_eq(crowd.sum, sum);
        NdisDprReleaseReadWriteLock(crowd.old, &state);
        ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
        KeLowerIrql(irql);
    }
}

static void
old_locks(void)
{
    NDIS_RW_LOCK lock;
    struct ke_thread *threads[2];
    memset(&lock, 0xcc, sizeof lock);
    NdisInitializeReadWriteLock(&lock);
    crowd.old = &lock;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ke_thread_start(kit.box, "old", old_thread, NULL, &threads[i]), 0);
    for (int i = 0; i < 2; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(crowd.sum, 40);
}

TEST(NdisAcquireReadWriteLock_keeps_writers_apart_from_everybody)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        crowd = (struct crowd){0};
        kit_run(seed, old_locks);
    }
}

static struct {
    NDIS_RW_LOCK lock;
    uint32_t readers, writers, most_readers, sum;
} dpr;

static void
dpr_read(void)
{
    LOCK_STATE state, again;
    NdisDprAcquireReadWriteLock(&dpr.lock, FALSE, &state);
    NdisDprAcquireReadWriteLock(&dpr.lock, FALSE, &again);   // counted: as many releases as acquisitions
    NdisDprReleaseReadWriteLock(&dpr.lock, &again);
    uint32_t sum = dpr.sum;
    if (++dpr.readers > dpr.most_readers)
        dpr.most_readers = dpr.readers;
    ck_assert_uint_eq(dpr.writers, 0);
    sched_choice(kit.box->sched, SCHED_POINT_DDI);
    ck_assert_uint_eq(dpr.sum, sum);
    dpr.readers--;
    NdisDprReleaseReadWriteLock(&dpr.lock, &state);
}

static void
dpr_write(void)
{
    LOCK_STATE state;
    NdisDprAcquireReadWriteLock(&dpr.lock, TRUE, &state);
    ck_assert_uint_eq(dpr.readers, 0);
    ck_assert_uint_eq(dpr.writers++, 0);
    sched_choice(kit.box->sched, SCHED_POINT_DDI);
    dpr.writers--;
    dpr.sum++;
    NdisDprReleaseReadWriteLock(&dpr.lock, &state);
}

static void
dpr_thread(void *arg)
{
    LOCK_STATE state;
    for (int i = 0; i < 20; i++) {
        KIRQL irql = KeRaiseIrqlToDpcLevel();
        dpr_read();
        if (i % 4 == 0)
            dpr_write();
        ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
        KeLowerIrql(irql);
        // The same lock by the other pair of functions.
        NdisAcquireReadWriteLock(&dpr.lock, TRUE, &state);
        ck_assert_uint_eq(dpr.readers + dpr.writers, 0);
        NdisReleaseReadWriteLock(&dpr.lock, &state);
    }
}

static void
dpr_locks(void)
{
    struct ke_thread *threads[2];
    memset(&dpr, 0, sizeof dpr);
    memset(&dpr.lock, 0xcc, sizeof dpr.lock);
    NdisInitializeReadWriteLock(&dpr.lock);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ke_thread_start(kit.box, "dpr", dpr_thread, NULL, &threads[i]), 0);
    for (int i = 0; i < 2; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(dpr.sum, 10);
}

static void
dpr_sweep(void)
{
    uint32_t together = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        kit_run(seed, dpr_locks);
        together += dpr.most_readers > 1;
    }
    ck_assert_uint_gt(together, 0);
}

TEST(NdisDprAcquireReadWriteLock_lets_readers_in_together_and_a_writer_alone)
{
    dpr_sweep();
}

TEST(NdisDprReleaseReadWriteLock_lets_the_next_in_and_leaves_the_IRQL)
{
    dpr_sweep();
}

static void
dpr_below(void)
{
    LOCK_STATE state;
    NdisInitializeReadWriteLock(&dpr.lock);
    NdisDprAcquireReadWriteLock(&dpr.lock, FALSE, &state);
}

static void
run_dpr_below(void)
{
    kit_run(SIM_CALM, dpr_below);
}

TEST(NdisDprAcquireReadWriteLock_below_DISPATCH_LEVEL_is_reported)
{
    harness_reported("NdisDprAcquireReadWriteLock: called below DISPATCH_LEVEL", run_dpr_below);
}

static void
dpr_not_held(void)
{
    LOCK_STATE state;
    NdisInitializeReadWriteLock(&dpr.lock);
    KIRQL irql = KeRaiseIrqlToDpcLevel();
    NdisDprReleaseReadWriteLock(&dpr.lock, &state);
    KeLowerIrql(irql);
}

static void
run_dpr_not_held(void)
{
    kit_run(SIM_CALM, dpr_not_held);
}

TEST(NdisDprReleaseReadWriteLock_of_a_lock_that_is_not_held_is_reported)
{
    harness_reported("NdisDprReleaseReadWriteLock: this processor does not hold the lock", run_dpr_not_held);
}

// ---- events -----------------------------------------------------------------------------------------------------------------------

static NDIS_EVENT event;

static void
event_setter(void *arg)
{
    NdisMSleep(5000);
    NdisSetEvent(&event);
}

static uint64_t
now_us(void)
{
    return sched_now_ns(kit.box->sched) / 1000;
}

static void
events(void)
{
    struct ke_thread *thread;
    NdisInitializeEvent(&event);
    uint64_t begin = now_us();
    ck_assert(!NdisWaitEvent(&event, 3));
    ck_assert_uint_ge(now_us() - begin, 3000);
    ck_assert_int_eq(ke_thread_start(kit.box, "setter", event_setter, NULL, &thread), 0);
    begin = now_us();
    ck_assert(NdisWaitEvent(&event, 0));
    ck_assert_uint_ge(now_us() - begin, 5000);
    ke_thread_join(thread);
    ck_assert(NdisWaitEvent(&event, 1));
    NdisResetEvent(&event);
    ck_assert(!NdisWaitEvent(&event, 1));
    NdisSetEvent(&event);
    ck_assert(NdisWaitEvent(&event, 1));
}

TEST(NdisWaitEvent_returns_TRUE_when_NdisSetEvent_came_and_FALSE_after_the_time)
{
    kit_run(1, events);
}

static void
sleeping(void)
{
    uint64_t begin = now_us();
    NdisMSleep(1500);
    ck_assert_uint_ge(now_us() - begin, 1500);
    LARGE_INTEGER before, after;
    NdisGetSystemUpTimeEx(&before);
    NdisMSleep(40000);
    NdisGetSystemUpTimeEx(&after);
    ck_assert_int_ge(after.QuadPart - before.QuadPart, 40);
    ck_assert_int_lt(after.QuadPart - before.QuadPart, 100);
}

TEST(NdisMSleep_takes_microseconds_and_NdisGetSystemUpTimeEx_gives_milliseconds)
{
    kit_run(1, sleeping);
}
