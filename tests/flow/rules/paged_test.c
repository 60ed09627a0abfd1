// SPDX-License-Identifier: MIT
// NBX-0205, paged pool at DISPATCH_LEVEL: touched, allocated, freed, with a spin lock in it. mp does it, at either level.
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/crime.h"
#include "harness/harness.h"
#include "nt/ke/ke.h"

static void (*act)(void);
static KIRQL level;

static void
strict(void)
{
    kit_verify = VERIFY_STRICT;
    kit_run(3, act);
}

static void
watched(void)
{
    kit_verify = VERIFY_ON;
    kit_run(3, act);
}

static struct ke_crossing
as_mp(void)
{
    return ke_driver_enter(ke_self(), io_image_find(kit.box, "mp"), "test");
}

// What mp does with its block, at the level.
static void
with_block(POOL_TYPE type, size_t bytes, void (*does)(volatile char *block))
{
    KIRQL old;
    kit_start(false, 0);
    struct ke_crossing crossing = as_mp();
    char *block = ExAllocatePoolWithTag(type, bytes, 'dgaP');
    ck_assert_ptr_nonnull(block);
    memset(block, 7, bytes);
    KeRaiseIrql(level, &old);
    does(block);
    KeLowerIrql(old);
    ck_assert_int_eq(block[bytes - 1], 7);
    ExFreePoolWithTag(block, 'dgaP');
    ke_driver_leave(ke_self(), crossing);
}

static volatile char seen;

static void
reads(volatile char *block)
{
    seen = block[3];
}

static void
writes(volatile char *block)
{
    block[3] = 8;
}

static void
copies(volatile char *block)
{
    char copy[40];
    memcpy(copy, (const void *)block, sizeof copy);
    seen = copy[3];
}

static void
reads_after_a_call(volatile char *block)
{
    ExFreePool(ExAllocatePoolWithTag(NonPagedPoolNx, 40, 'noNP'));   // the runtime may touch what lies in paged pool, for its own ends
    KSPIN_LOCK lock = 0;
    seen = (char)KeTestSpinLock(&lock);       // any call shuts it again
    reads(block);
}

static void
reads_paged(void)
{
    with_block(PagedPool, 100, reads);
}

static void
writes_paged(void)
{
    with_block(PagedPool, 9000, writes);
}

static void
copies_paged(void)
{
    with_block(PagedPool, 100, copies);
}

static void
reads_paged_after_a_call(void)
{
    with_block(PagedPool, 100, reads_after_a_call);
}

static void
reads_nonpaged(void)
{
    with_block(NonPagedPoolNx, 100, reads);
}

// Takes a spin lock instead of raising.
static void
reads_under_lock(void)
{
    KSPIN_LOCK lock;
    KIRQL old;
    kit_start(false, 0);
    struct ke_crossing crossing = as_mp();
    volatile char *block = ExAllocatePool2(POOL_FLAG_PAGED, 64, 'dgaP');
    KeInitializeSpinLock(&lock);
    KeAcquireSpinLock(&lock, &old);
    if (level)
        seen = block[1];
    KeReleaseSpinLock(&lock, old);
    seen = block[1];
    ExFreePool((void *)block);
    ke_driver_leave(ke_self(), crossing);
}

// Called at DISPATCH_LEVEL, as a receive handler is.
static volatile char *context;

static void
handler(void)
{
    struct ke_crossing crossing = as_mp();
    if (level)
        seen = context[1];
    ke_driver_leave(ke_self(), crossing);
}

static void
reads_in_a_handler(void)
{
    KIRQL old;
    kit_start(false, 0);
    struct ke_crossing crossing = as_mp();
    context = ExAllocatePool2(POOL_FLAG_PAGED, 64, 'dgaP');
    ke_driver_leave(ke_self(), crossing);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    handler();
    seen = context[1];                        // nobody's code but this test's: not a driver
    KeLowerIrql(old);
    crossing = as_mp();
    seen = context[1];
    ExFreePool((void *)context);
    ke_driver_leave(ke_self(), crossing);
}

#if defined(__has_feature) && __has_feature(thread_sanitizer)
#define SHUTS 0
#else
#define SHUTS 1
#endif

TEST(paged_pool_touched_at_DISPATCH_LEVEL_is_reported)
{
    if (!SHUTS)
        return;
    level = DISPATCH_LEVEL;
    act = reads_paged;
    crime_is_found(strict, "NBX-0205", "mp reads paged pool at IRQL 2, a block of ", "(found by shut pages, at the access)", "driver mp",
                   "paged_test.c:", "allocated by mp", "with_block", "BugCheck 0xD1", NULL);
    act = writes_paged;
    crime_is_found(strict, "NBX-0205", "mp writes paged pool at IRQL 2", "driver mp", NULL);
    act = copies_paged;
    crime_is_found(strict, "NBX-0205", "mp reads paged pool at IRQL 2", "driver mp", NULL);
    act = reads_paged_after_a_call;
    crime_is_found(strict, "NBX-0205", "mp reads paged pool at IRQL 2", "driver mp", NULL);
    act = reads_under_lock;
    crime_is_found(strict, "NBX-0205", "mp reads paged pool at IRQL 2", "driver mp", NULL);
    act = reads_in_a_handler;
    crime_is_found(strict, "NBX-0205", "mp reads paged pool at IRQL 2", "handler", NULL);
}

TEST(paged_pool_touched_below_DISPATCH_LEVEL_is_not_reported)
{
    void (*const kept[])(void) = {reads_paged, writes_paged, copies_paged, reads_paged_after_a_call, reads_under_lock, reads_in_a_handler};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        act = kept[i];
        level = PASSIVE_LEVEL;
        crime_is_none(strict);
        level = APC_LEVEL;
        if (i < 4)
            crime_is_none(strict);
    }
    level = DISPATCH_LEVEL;
    act = reads_paged;
    crime_is_none(watched);                   // not strict: nothing is shut
    act = reads_nonpaged;
    crime_is_none(strict);
}

// ---- allocated, freed, locked -----------------------------------------------------------------------------------------------------------

static void
mp_allocates(void)
{
    KIRQL old;
    kit_start(false, 0);
    struct ke_crossing crossing = as_mp();
    KeRaiseIrql(level, &old);
    void *block = ExAllocatePool2(POOL_FLAG_PAGED, 64, 'dgaP');
    KeLowerIrql(old);
    ExFreePool(block);
    ke_driver_leave(ke_self(), crossing);
}

static void
mp_frees(void)
{
    KIRQL old;
    kit_start(false, 0);
    struct ke_crossing crossing = as_mp();
    void *block = ExAllocatePoolWithTag(PagedPool, 64, 'dgaP');
    KeRaiseIrql(level, &old);
    ExFreePoolWithTag(block, 'dgaP');
    KeLowerIrql(old);
    ke_driver_leave(ke_self(), crossing);
}

static void
mp_locks(void)
{
    KIRQL old;
    kit_start(false, 0);
    struct ke_crossing crossing = as_mp();
    KSPIN_LOCK *lock = ExAllocatePoolWithTag(level ? PagedPool : NonPagedPoolNx, sizeof *lock, 'dgaP');
    KeInitializeSpinLock(lock);
    KeAcquireSpinLock(lock, &old);
    KeReleaseSpinLock(lock, old);
    ExFreePoolWithTag(lock, 'dgaP');
    ke_driver_leave(ke_self(), crossing);
}

TEST(paged_pool_allocated_freed_or_locked_at_DISPATCH_LEVEL_is_reported)
{
    level = DISPATCH_LEVEL;
    act = mp_allocates;
    crime_is_found(watched, "NBX-0205", "ExAllocatePool2: paged pool is allocated at IRQL 2", "driver mp", NULL);
    act = mp_frees;
    crime_is_found(strict, "NBX-0205", "ExFreePool: paged pool is freed at IRQL 2 (found by its address)", "driver mp", NULL);
    act = mp_locks;
    crime_is_found(strict, "NBX-0205", "KeAcquireSpinLockRaiseToDpc: the spin lock lies in paged pool (found by its address)", "driver mp",
                   NULL);
}

TEST(paged_pool_allocated_and_freed_below_DISPATCH_LEVEL_is_not_reported)
{
    level = PASSIVE_LEVEL;
    act = mp_allocates;
    crime_is_none(strict);
    act = mp_frees;
    crime_is_none(strict);
    act = mp_locks;
    crime_is_none(strict);
}
