// SPDX-License-Identifier: MIT
// Spin lock rules: NBX-0202, a handler that keeps one; NBX-0203, pairs that are mixed; NBX-0204, a release by who does not hold it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flow/ndis/kit.h"
#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

static void (*act)(void);
static KSPIN_LOCK lock;
static NDIS_SPIN_LOCK ndis_lock;

static void
watched(void)
{
    kit_verify = VERIFY_ON;
    kit_run(3, act);
    fflush(NULL);
    if (kit.findings)
        _exit(1);                             // what was counted
}

#define IS_FOUND(fn, rule, ...) (act = (fn), crime_is_found(watched, rule, __VA_ARGS__, NULL))
#define IS_NONE(fn) (act = (fn), crime_is_none(watched))

// proto0's receive handler does it, at PASSIVE_LEVEL or at DISPATCH_LEVEL.
static void
receives(void (*does)(struct kit_binding *), KIRQL irql)
{
    static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    ULONG filter = NDIS_PACKET_TYPE_BROADCAST;
    KIRQL old;
    kit_start(false, 1);
    KeInitializeSpinLock(&lock);
    NdisAllocateSpinLock(&ndis_lock);
    ck_assert_int_eq(kit_set(&kit.binding[0], OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof filter), NDIS_STATUS_SUCCESS);
    kit.binding[0].on_received = does;
    KeRaiseIrql(irql, &old);
    kit_indicate(everybody, 1, irql == DISPATCH_LEVEL ? NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL : 0);
    KeLowerIrql(old);
    ck_assert_uint_eq(kit.binding[0].received, 1);
}

// ---- kept -------------------------------------------------------------------------------------------------------------------------------

static void
takes_plain(struct kit_binding *binding)
{
    KIRQL old;
    KeAcquireSpinLock(&lock, &old);
}

static void
takes_dpr(struct kit_binding *binding)
{
    NdisDprAcquireSpinLock(&ndis_lock);
}

static void
tries(struct kit_binding *binding)
{
    ck_assert(KeTryToAcquireSpinLockAtDpcLevel(&lock));
}

static KLOCK_QUEUE_HANDLE handle;

static void
takes_queued(struct kit_binding *binding)
{
    KeAcquireInStackQueuedSpinLockAtDpcLevel(&lock, &handle);
}

static void
keeps_plain(void)
{
    receives(takes_plain, PASSIVE_LEVEL);
}

static void
keeps_dpr(void)
{
    receives(takes_dpr, DISPATCH_LEVEL);
}

static void
keeps_tried(void)
{
    receives(tries, DISPATCH_LEVEL);
}

static void
keeps_queued(void)
{
    receives(takes_queued, DISPATCH_LEVEL);
}

TEST(a_handler_that_returns_with_a_spin_lock_is_reported)
{
    IS_FOUND(keeps_plain, "NBX-0202",
             "ProtocolReceiveNetBufferLists: proto0 returned with a spin lock held that KeAcquireSpinLockRaiseToDpc took", "driver proto0",
             "taken by proto0, KeAcquireSpinLockRaiseToDpc", "Windows: Static Driver Verifier: SpinLock");
    IS_FOUND(keeps_dpr, "NBX-0202", "KeAcquireSpinLockAtDpcLevel took", "driver proto0");
    IS_FOUND(keeps_tried, "NBX-0202", "KeTryToAcquireSpinLockAtDpcLevel took", "driver proto0");
    IS_FOUND(keeps_queued, "NBX-0202", "KeAcquireInStackQueuedSpinLockAtDpcLevel took", "driver proto0");
}

// ---- mixed ------------------------------------------------------------------------------------------------------------------------------

static void
mixes_dpr_release(struct kit_binding *binding)
{
    NdisAcquireSpinLock(&ndis_lock);
    NdisDprReleaseSpinLock(&ndis_lock);
}

static void
mixes_dpr_acquire(struct kit_binding *binding)
{
    ndis_lock.OldIrql = DISPATCH_LEVEL;
    NdisDprAcquireSpinLock(&ndis_lock);
    NdisReleaseSpinLock(&ndis_lock);
}

static void
mixes_queued(struct kit_binding *binding)
{
    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&handle);
}

static void
dpr_after_plain(void)
{
    receives(mixes_dpr_release, DISPATCH_LEVEL);
}

static void
plain_after_dpr(void)
{
    receives(mixes_dpr_acquire, DISPATCH_LEVEL);
}

static void
queued_mixed(void)
{
    receives(mixes_queued, DISPATCH_LEVEL);
}

TEST(a_spin_lock_released_by_the_wrong_pair_is_reported)
{
    IS_FOUND(dpr_after_plain, "NBX-0203",
             "KeReleaseSpinLockFromDpcLevel: proto0 releases a spin lock that KeAcquireSpinLockRaiseToDpc took; the two are not a pair",
             "driver proto0", "taken by proto0, KeAcquireSpinLockRaiseToDpc");
    IS_FOUND(plain_after_dpr, "NBX-0203", "KeReleaseSpinLock: proto0 releases a spin lock that KeAcquireSpinLockAtDpcLevel took");
    IS_FOUND(queued_mixed, "NBX-0203", "KeReleaseInStackQueuedSpinLockFromDpcLevel: proto0 releases a spin lock that");
}

static void
dpr_after_plain_at_passive(void)
{
    receives(mixes_dpr_release, PASSIVE_LEVEL);
    fprintf(stderr, "went on\n");
}

static void
dpr_after_plain_and_goes_on(void)
{
    receives(mixes_dpr_release, DISPATCH_LEVEL);
    fprintf(stderr, "went on\n");
}

// The level is wrong afterwards, and that ends the run; this rule alone does not.
TEST(a_wrong_pair_that_leaves_the_IRQL_wrong_ends_the_run_at_the_handlers_return)
{
    struct crime *crime = malloc(sizeof *crime);
    act = dpr_after_plain_at_passive;
    crime_commit(crime, watched);
    ck_assert_int_eq(crime->exit_status, 1);
    const char *counted = strstr(crime->said, "[NBX-0203]"), *ended = strstr(crime->said, "[NBX-0201]");
    ck_assert_msg(counted && ended && counted < ended && !strstr(crime->said, "went on"), "%s", crime->said);
    free(crime);
    IS_FOUND(dpr_after_plain_and_goes_on, "NBX-0203", "went on");
}

static void
mixes_types(struct kit_binding *binding)
{
    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    KeReleaseSpinLock(&lock, DISPATCH_LEVEL);
}

static void
mixes_types_back(struct kit_binding *binding)
{
    KIRQL old;
    handle.LockQueue.Lock = &lock;
    handle.OldIrql = DISPATCH_LEVEL;
    KeAcquireSpinLock(&lock, &old);
    KeReleaseInStackQueuedSpinLock(&handle);
}

static void
types_mixed(void)
{
    receives(mixes_types, DISPATCH_LEVEL);
}

static void
types_mixed_back(void)
{
    receives(mixes_types_back, DISPATCH_LEVEL);
}

TEST(a_queued_spin_lock_released_as_a_plain_one_is_reported)
{
    IS_FOUND(types_mixed, "NBX-0207",
             "KeReleaseSpinLock: proto0 releases a spin lock that KeAcquireInStackQueuedSpinLock took; the two are not of one type",
             "driver proto0", "BugCheck 0xC4 (0x1008, 0x1009)");
    IS_FOUND(types_mixed_back, "NBX-0207", "KeReleaseInStackQueuedSpinLock: proto0 releases a spin lock that", "driver proto0");
}

// ---- another's --------------------------------------------------------------------------------------------------------------------------

static void
releases_free(struct kit_binding *binding)
{
    KeReleaseSpinLockFromDpcLevel(&lock);
}

// The handler of another thread has it, for a while of the box's time.
static NTAPI VOID
holder_thread(PVOID context)
{
    KIRQL old;
    KeAcquireSpinLock(&lock, &old);
    KeStallExecutionProcessor(50);
    KeReleaseSpinLock(&lock, old);
}

static void
releases_anothers(struct kit_binding *binding)
{
    HANDLE thread;
    ck_assert_int_eq(PsCreateSystemThread(&thread, THREAD_ALL_ACCESS, NULL, NULL, NULL, holder_thread, NULL), STATUS_SUCCESS);
    ZwClose(thread);
    for (int i = 0; i < 1000 && KeTestSpinLock(&lock); i++)
        KeStallExecutionProcessor(1);
    ck_assert(!KeTestSpinLock(&lock));
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeReleaseSpinLock(&lock, old);
}

static void
frees_the_free(void)
{
    receives(releases_free, DISPATCH_LEVEL);
}

static void
frees_anothers(void)
{
    receives(releases_anothers, PASSIVE_LEVEL);
}

TEST(a_spin_lock_released_by_another_thread_is_reported)
{
    IS_FOUND(frees_the_free, "NBX-0204",
             "KeReleaseSpinLockFromDpcLevel: proto0 releases a spin lock that this thread does not hold", "driver proto0", "BugCheck 0x10");
    IS_FOUND(frees_anothers, "NBX-0204", "KeReleaseSpinLock: proto0 releases a spin lock that this thread does not hold", "driver proto0");
}

// ---- kept to ----------------------------------------------------------------------------------------------------------------------------

static NDIS_SPIN_LOCK many[20], outer;

// All pairs, one in another and not in order, and more of them at once than are kept count of.
static void
pairs(struct kit_binding *binding)
{
    KIRQL old, again;
    KeAcquireSpinLock(&lock, &old);
    NdisDprAcquireSpinLock(&ndis_lock);
    NdisDprReleaseSpinLock(&ndis_lock);
    ck_assert(!KeTryToAcquireSpinLockAtDpcLevel(&lock));
    KeReleaseSpinLock(&lock, old);
    again = KeAcquireSpinLockForDpc(&lock);
    KeReleaseSpinLockForDpc(&lock, again);
    KeAcquireInStackQueuedSpinLock(&lock, &handle);
    KeReleaseInStackQueuedSpinLock(&handle);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeAcquireInStackQueuedSpinLockAtDpcLevel(&lock, &handle);
    KeReleaseInStackQueuedSpinLockFromDpcLevel(&handle);
    ck_assert(KeTryToAcquireSpinLockAtDpcLevel(&lock));        // its page names KeReleaseSpinLock as its release
    KeReleaseSpinLock(&lock, DISPATCH_LEVEL);
    ck_assert(KeTryToAcquireSpinLockAtDpcLevel(&lock));
    KeReleaseSpinLockFromDpcLevel(&lock);
    for (unsigned i = 0; i < 20; i++) {
        NdisAllocateSpinLock(&many[i]);
        NdisDprAcquireSpinLock(&many[i]);
    }
    for (unsigned i = 0; i < 20; i++)
        NdisDprReleaseSpinLock(&many[i]);
    KeLowerIrql(old);
}

static void
pairs_at_passive(void)
{
    receives(pairs, PASSIVE_LEVEL);
}

static void
pairs_at_dispatch(void)
{
    receives(pairs, DISPATCH_LEVEL);
}

// Whoever calls may hold one of his own across the call: only what the handler took counts.
static void
caller_holds_one(void)
{
    receives(pairs, DISPATCH_LEVEL);
    NdisAllocateSpinLock(&outer);
    struct ke_crossing crossing = ke_driver_enter(ke_self(), io_image_find(kit.box, "mp"), "test");
    NdisAcquireSpinLock(&outer);
    struct ke_crossing inner = ke_driver_enter(ke_self(), io_image_find(kit.box, "proto0"), "inner");
    pairs(NULL);
    ke_driver_leave(ke_self(), inner);
    NdisReleaseSpinLock(&outer);
    ke_driver_leave(ke_self(), crossing);
}

TEST(a_handler_that_releases_its_spin_locks_is_not_reported)
{
    IS_NONE(pairs_at_passive);
    IS_NONE(pairs_at_dispatch);
    IS_NONE(caller_holds_one);
}
