// SPDX-License-Identifier: MIT
// Reader-writer spin locks of the executive, and giving pool back, each promise of their pages. A writer is told from readers by what
// another processor can still take. Sources: [wdm/nf-wdm-exacquirespinlockexclusive], [wdm/nf-wdm-exacquirespinlockshared],
// [wdm/nf-wdm-extryconvertsharedspinlockexclusive] and their kin, [wdm/nf-wdm-exfreepool], [wdm/nf-wdm-exfreepoolwithtag].
#include <string.h>

#include "nt/ex/pool.h"
#include "unit/nt/nt_test.h"

struct probe {
    EX_SPIN_LOCK *lock;
    _Atomic bool in;
};

static void
probe_shared(void *arg)
{
    struct probe *probe = arg;
    KIRQL old = ExAcquireSpinLockShared(probe->lock);
    probe->in = true;
    ExReleaseSpinLockShared(probe->lock, old);
}

// Lets another processor try to read for a while; the caller is at DISPATCH_LEVEL and holds the lock or not.
static bool
reader_gets_in(EX_SPIN_LOCK *lock, struct probe *probe, struct ke_thread **thread)
{
    *probe = (struct probe){.lock = lock};
    *thread = nt_test_start(probe_shared, probe);
    for (int i = 0; i < 200 && !probe->in; i++)
        KeStallExecutionProcessor(10);
    return probe->in;
}

static const KIRQL levels[] = {PASSIVE_LEVEL, APC_LEVEL, DISPATCH_LEVEL};
#define LEVELS (sizeof levels / sizeof *levels)

static void
take_and_drop(bool exclusive)
{
    for (size_t i = 0; i < LEVELS; i++) {
        EX_SPIN_LOCK lock = 0;
        struct probe probe;
        struct ke_thread *thread;
        KIRQL before;
        KeRaiseIrql(levels[i], &before);
        KIRQL old = exclusive ? ExAcquireSpinLockExclusive(&lock) : ExAcquireSpinLockShared(&lock);
        ck_assert_uint_eq(old, levels[i]);
        ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
        ck_assert_int_eq(reader_gets_in(&lock, &probe, &thread), !exclusive);
        if (exclusive)
            ExReleaseSpinLockExclusive(&lock, old);
        else
            ExReleaseSpinLockShared(&lock, old);
        ck_assert_uint_eq(KeGetCurrentIrql(), levels[i]);
        KeLowerIrql(before);
        ke_thread_join(thread);
        ck_assert(probe.in);
        ck_assert_int_eq(lock, 0);
    }
}

NT_TEST(ExAcquireSpinLockExclusive_returns_the_level_raises_and_keeps_readers_out) { take_and_drop(true); }
NT_TEST(ExReleaseSpinLockExclusive_restores_the_level_it_is_given_and_lets_readers_in) { take_and_drop(true); }
NT_TEST(ExAcquireSpinLockShared_returns_the_level_raises_and_lets_readers_in) { take_and_drop(false); }
NT_TEST(ExReleaseSpinLockShared_restores_the_level_it_is_given) { take_and_drop(false); }

static void
take_and_drop_at(bool exclusive)
{
    for (KIRQL level = DISPATCH_LEVEL; level <= DISPATCH_LEVEL + 1; level++) {
        EX_SPIN_LOCK lock = 0;
        struct probe probe;
        struct ke_thread *thread;
        KIRQL before;
        KeRaiseIrql(level, &before);
        if (exclusive)
            ExAcquireSpinLockExclusiveAtDpcLevel(&lock);
        else
            ExAcquireSpinLockSharedAtDpcLevel(&lock);
        ck_assert_uint_eq(KeGetCurrentIrql(), level);
        ck_assert_int_ne(lock, 0);
        ck_assert_int_eq(reader_gets_in(&lock, &probe, &thread), !exclusive);
        if (exclusive)
            ExReleaseSpinLockExclusiveFromDpcLevel(&lock);
        else
            ExReleaseSpinLockSharedFromDpcLevel(&lock);
        ck_assert_uint_eq(KeGetCurrentIrql(), level);
        KeLowerIrql(before);
        ke_thread_join(thread);
        ck_assert_int_eq(lock, 0);
    }
}

NT_TEST(ExAcquireSpinLockExclusiveAtDpcLevel_keeps_readers_out_at_the_level_of_the_caller) { take_and_drop_at(true); }
NT_TEST(ExReleaseSpinLockExclusiveFromDpcLevel_frees_at_the_level_of_the_caller) { take_and_drop_at(true); }
NT_TEST(ExAcquireSpinLockSharedAtDpcLevel_lets_readers_in_at_the_level_of_the_caller) { take_and_drop_at(false); }
NT_TEST(ExReleaseSpinLockSharedFromDpcLevel_frees_at_the_level_of_the_caller) { take_and_drop_at(false); }

NT_TEST(ExTryConvertSharedSpinLockExclusive_makes_the_only_reader_the_writer)
{
    EX_SPIN_LOCK lock = 0;
    struct probe probe;
    struct ke_thread *thread;
    KIRQL old = ExAcquireSpinLockShared(&lock);
    ck_assert_int_eq(ExTryConvertSharedSpinLockExclusive(&lock), TRUE);
    ck_assert(!reader_gets_in(&lock, &probe, &thread));
    ExReleaseSpinLockExclusive(&lock, old);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    ke_thread_join(thread);
    old = KeRaiseIrqlToDpcLevel();
    ExAcquireSpinLockSharedAtDpcLevel(&lock);
    ck_assert_int_eq(ExTryConvertSharedSpinLockExclusive(&lock), TRUE);
    ExReleaseSpinLockExclusiveFromDpcLevel(&lock);
    KeLowerIrql(old);
    ck_assert_int_eq(lock, 0);
}

struct reader {
    EX_SPIN_LOCK *lock;
    _Atomic bool in, leave;
};

static void
read_until_told(void *arg)
{
    struct reader *reader = arg;
    KIRQL old = ExAcquireSpinLockShared(reader->lock);
    reader->in = true;
    while (!reader->leave)
        KeStallExecutionProcessor(10);
    ExReleaseSpinLockShared(reader->lock, old);
}

NT_TEST(ExTryConvertSharedSpinLockExclusive_fails_beside_another_reader_and_stays_shared)
{
    EX_SPIN_LOCK lock = 0;
    struct reader reader = {.lock = &lock};
    struct ke_thread *thread = nt_test_start(read_until_told, &reader);
    while (!reader.in)
        nt_test_sleep_ms(1);
    KIRQL old = ExAcquireSpinLockShared(&lock);
    ck_assert_int_eq(ExTryConvertSharedSpinLockExclusive(&lock), FALSE);
    reader.leave = true;
    ExReleaseSpinLockShared(&lock, old);               // still ours as a reader
    ke_thread_join(thread);
    ck_assert_int_eq(lock, 0);
}

// ---- pool -------------------------------------------------------------------------------------------------------------------------

static uint64_t
bytes_out(void)
{
    struct ex_pool_usage usage;
    ex_pool_usage_get(box_self(), 0, &usage);
    return usage.bytes;
}

static void *
allocate(int how, SIZE_T bytes)
{
    switch (how) {
    case 0: return ExAllocatePool(NonPagedPoolNx, bytes);
    case 1: return ExAllocatePoolWithTag(NonPagedPoolNx, bytes, 'abcd');
    case 2: return ExAllocatePoolWithQuotaTag(NonPagedPoolNx, bytes, 'abcd');
    case 3: return ExAllocatePoolWithTagPriority(NonPagedPoolNx, bytes, 'abcd', NormalPoolPriority);
    default: return ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, 'abcd');
    }
}

NT_TEST(ExFreePool_takes_what_each_allocator_gave_up_to_DISPATCH_LEVEL)
{
    static const SIZE_T sizes[] = {1, 100, PAGE_SIZE, 5 * PAGE_SIZE + 1};
    uint64_t before = bytes_out();
    for (size_t l = 0; l < LEVELS; l++)
        for (int how = 0; how < 5; how++)
            for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
                void *block = allocate(how, sizes[i]);
                ck_assert_uint_eq(bytes_out() - before, sizes[i]);
                KIRQL old;
                KeRaiseIrql(levels[l], &old);
                ExFreePool(block);
                KeLowerIrql(old);
                ck_assert_uint_eq(bytes_out(), before);
            }
}

NT_TEST(ExFreePoolWithTag_takes_what_was_allocated_with_its_tag_up_to_DISPATCH_LEVEL)
{
    uint64_t before = bytes_out();
    for (size_t l = 0; l < LEVELS; l++)
        for (int how = 1; how < 5; how++) {
            void *block = allocate(how, 100);
            KIRQL old;
            KeRaiseIrql(levels[l], &old);
            ExFreePoolWithTag(block, 'abcd');
            KeLowerIrql(old);
            ck_assert_uint_eq(bytes_out(), before);
        }
}
