// SPDX-License-Identifier: MIT
// NBX-0206, the order of locks: two are taken in both orders, one after the other, and nobody ever waits. mp does it.
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

enum kind {
    SPIN,
    NDIS,
    QUEUED,
    FAST,
    GUARDED,
    MUTEX,
    READ,
    WRITE,
    TRIED
};

struct lock {
    KSPIN_LOCK spin;
    NDIS_SPIN_LOCK ndis;
    KLOCK_QUEUE_HANDLE queue;
    FAST_MUTEX fast;
    KGUARDED_MUTEX guarded;
    KMUTEX mutex;
    PNDIS_RW_LOCK_EX rw;
    LOCK_STATE_EX state;
    KIRQL old;
};

static struct lock locks[3];
static void (*act)(void);
static enum kind first_kind, second_kind, third_kind;

static void
watched(void)
{
    kit_verify = VERIFY_ON;
    kit_run(3, act);
}

static void
unwatched(void)
{
    kit_run(3, act);
}

static void
take(struct lock *lock, enum kind kind)
{
    LARGE_INTEGER now = {0};
    switch (kind) {
    case SPIN: KeAcquireSpinLock(&lock->spin, &lock->old); break;
    case NDIS: NdisAcquireSpinLock(&lock->ndis); break;
    case QUEUED: KeAcquireInStackQueuedSpinLock(&lock->spin, &lock->queue); break;
    case FAST: ExAcquireFastMutex(&lock->fast); break;
    case GUARDED: KeAcquireGuardedMutex(&lock->guarded); break;
    case MUTEX: KeWaitForSingleObject(&lock->mutex, Executive, KernelMode, FALSE, NULL); break;
    case READ: NdisAcquireRWLockRead(lock->rw, &lock->state, 0); break;
    case WRITE: NdisAcquireRWLockWrite(lock->rw, &lock->state, 0); break;
    case TRIED: ck_assert_int_eq(KeWaitForSingleObject(&lock->mutex, Executive, KernelMode, FALSE, &now), STATUS_SUCCESS); break;
    }
}

static void
drop(struct lock *lock, enum kind kind)
{
    switch (kind) {
    case SPIN: KeReleaseSpinLock(&lock->spin, lock->old); break;
    case NDIS: NdisReleaseSpinLock(&lock->ndis); break;
    case QUEUED: KeReleaseInStackQueuedSpinLock(&lock->queue); break;
    case FAST: ExReleaseFastMutex(&lock->fast); break;
    case GUARDED: KeReleaseGuardedMutex(&lock->guarded); break;
    case MUTEX:
    case TRIED: KeReleaseMutex(&lock->mutex, FALSE); break;
    case READ:
    case WRITE: NdisReleaseRWLock(lock->rw, &lock->state); break;
    }
}

static void
nested(struct lock *outer, enum kind outer_kind, struct lock *inner, enum kind inner_kind)
{
    take(outer, outer_kind);
    take(inner, inner_kind);
    drop(inner, inner_kind);
    drop(outer, outer_kind);
}

static struct ke_crossing
mp_begins(void)
{
    kit_start(false, 0);
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, "mp"), "test");
    for (int i = 0; i < 3; i++) {
        KeInitializeSpinLock(&locks[i].spin);
        NdisAllocateSpinLock(&locks[i].ndis);
        ExInitializeFastMutex(&locks[i].fast);
        KeInitializeGuardedMutex(&locks[i].guarded);
        KeInitializeMutex(&locks[i].mutex, 0);
        locks[i].rw = NdisAllocateRWLock(kit.mp.adapter);
    }
    return crossing;
}

static void
mp_ends(struct ke_crossing crossing)
{
    for (int i = 0; i < 3; i++)
        NdisFreeRWLock(locks[i].rw);
    ke_driver_leave(ke_self(), crossing);
}

static void
both_orders(void)
{
    struct ke_crossing crossing = mp_begins();
    nested(&locks[0], first_kind, &locks[1], second_kind);
    nested(&locks[1], second_kind, &locks[0], first_kind);
    mp_ends(crossing);
}

static void
one_order(void)
{
    struct ke_crossing crossing = mp_begins();
    for (int i = 0; i < 3; i++)
        nested(&locks[0], first_kind, &locks[1], second_kind);
    mp_ends(crossing);
}

static void
round_of_three(void)
{
    struct ke_crossing crossing = mp_begins();
    nested(&locks[0], first_kind, &locks[1], second_kind);
    nested(&locks[1], second_kind, &locks[2], third_kind);
    nested(&locks[2], third_kind, &locks[0], first_kind);
    mp_ends(crossing);
}

#define IS_FOUND(fn, first, second, ...) \
    (act = (fn), first_kind = (first), second_kind = (second), crime_is_found(watched, "NBX-0206", __VA_ARGS__, NULL))
#define IS_NONE(fn, first, second) (act = (fn), first_kind = (first), second_kind = (second), crime_is_none(watched))

TEST(locks_taken_in_both_orders_are_reported)
{
    IS_FOUND(both_orders, SPIN, SPIN, "KeAcquireSpinLockRaiseToDpc: the lock 0x",
             "and before they were taken the other way round [NBX-0206]",
             "driver mp", "before: held by mp, KeAcquireSpinLockRaiseToDpc", "and with it taken by mp, KeAcquireSpinLockRaiseToDpc",
             "now: held by mp", "and with it wanted by mp", "nested", "BugCheck 0xC4 (0x1001)");
    static const enum kind pairs[][2] = {{NDIS, NDIS}, {QUEUED, NDIS}, {FAST, FAST}, {GUARDED, FAST}, {MUTEX, MUTEX},
                                         {MUTEX, GUARDED}, {WRITE, SPIN}, {WRITE, WRITE}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        IS_FOUND(both_orders, pairs[i][0], pairs[i][1], "and before they were taken the other way round", "driver mp");
    third_kind = NDIS;
    IS_FOUND(round_of_three, SPIN, QUEUED, "were taken the other way round (through 1 more)", "driver mp");
    third_kind = WRITE;
    IS_FOUND(round_of_three, WRITE, WRITE, "were taken the other way round (through 1 more)", "driver mp");
}

TEST(locks_taken_in_one_order_are_not_reported)
{
    static const enum kind pairs[][2] = {{SPIN, SPIN}, {NDIS, QUEUED}, {FAST, FAST}, {GUARDED, NDIS}, {MUTEX, MUTEX},
                                         {MUTEX, FAST}, {WRITE, WRITE}, {READ, WRITE}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        IS_NONE(one_order, pairs[i][0], pairs[i][1]);
    IS_NONE(both_orders, READ, READ);         // readers do not keep each other out
    IS_NONE(both_orders, READ, SPIN);
    IS_NONE(both_orders, MUTEX, TRIED);       // who does not wait waits for nobody
    act = both_orders;
    first_kind = second_kind = SPIN;
    crime_is_none(unwatched);
}

// ---- new locks at the same place ----------------------------------------------------------------------------------------------------

static void
freed_between(void)
{
    struct ke_crossing crossing = mp_begins();
    KIRQL old;
    for (int i = 0; i < 2; i++) {
        KSPIN_LOCK *pair = ExAllocatePoolWithTag(NonPagedPoolNx, 64, 'drOT');
        KeInitializeSpinLock(&pair[0]);
        KeInitializeSpinLock(&pair[1]);
        KeAcquireSpinLock(&pair[i], &old);
        KeAcquireSpinLockAtDpcLevel(&pair[1 - i]);
        KeReleaseSpinLockFromDpcLevel(&pair[1 - i]);
        KeReleaseSpinLock(&pair[i], old);
        if (!i)
            ExFreePoolWithTag(pair, 'drOT');
        else
            ExFreePool(pair);
    }
    mp_ends(crossing);
}

static void
initialized_between(void)
{
    struct ke_crossing crossing = mp_begins();
    nested(&locks[0], NDIS, &locks[1], NDIS);
    NdisFreeSpinLock(&locks[0].ndis);
    NdisAllocateSpinLock(&locks[0].ndis);
    nested(&locks[1], NDIS, &locks[0], NDIS);
    KeInitializeMutex(&locks[2].mutex, 0);
    mp_ends(crossing);
}

TEST(locks_at_the_place_of_freed_ones_are_not_reported)
{
    act = freed_between;
    crime_is_none(watched);
    act = initialized_between;
    crime_is_none(watched);
}

// ---- the deadlock itself ------------------------------------------------------------------------------------------------------------

static NTAPI VOID
other_thread(PVOID context)
{
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, "mp"), "test");
    LARGE_INTEGER time = {.QuadPart = -10000};
    take(&locks[1], FAST);
    KeDelayExecutionThread(KernelMode, FALSE, &time);
    nested(&locks[0], FAST, &locks[2], FAST);
    drop(&locks[1], FAST);
    ke_driver_leave(ke_self(), crossing);
}

static void
deadlocks(void)
{
    struct ke_crossing crossing = mp_begins();
    HANDLE thread;
    LARGE_INTEGER time = {.QuadPart = -10000};
    ck_assert_int_eq(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, other_thread, NULL), STATUS_SUCCESS);
    ZwClose(thread);
    take(&locks[0], FAST);
    KeDelayExecutionThread(KernelMode, FALSE, &time);
    nested(&locks[1], FAST, &locks[2], FAST);
    drop(&locks[0], FAST);
    mp_ends(crossing);
}

TEST(a_deadlock_is_reported_before_it_hangs)
{
    IS_FOUND(deadlocks, FAST, FAST, "ExAcquireFastMutex: the lock 0x", "driver mp", "other_thread", "deadlocks");
}
