// SPDX-License-Identifier: MIT
// Counts of processors and groups, alignment, the time since start, strings and objects whose rows had no test of their own.
#include <string.h>

#include "hw.h"

static void
counts(void)
{
    KAFFINITY active = 0;
    ck_assert_uint_eq(NdisSystemActiveProcessorCount(&active), 2);
    ck_assert_uint_eq(active, 3);
    ck_assert_uint_eq(NdisSystemActiveProcessorCount(NULL), 2);
    ck_assert_uint_eq(NdisGroupActiveProcessorCount(0), 2);
    ck_assert_uint_eq(NdisGroupActiveProcessorCount(ALL_PROCESSOR_GROUPS), 2);
    ck_assert_uint_eq(NdisGroupActiveProcessorCount(1), 0);
    ck_assert_uint_eq(NdisGroupMaxProcessorCount(0), 2);
    ck_assert_uint_eq(NdisGroupMaxProcessorCount(ALL_PROCESSOR_GROUPS), 2);
    ck_assert_uint_eq(NdisGroupMaxProcessorCount(1), 0);
    ck_assert_uint_eq(NdisActiveGroupCount(), 1);
    ck_assert_uint_eq(NdisMaxGroupCount(), 1);
    // A boundary: a power of two, no smaller than a line of the cache.
    ck_assert_uint_ge(NdisGetSharedDataAlignment(), 64);
    ck_assert_uint_eq(NdisGetSharedDataAlignment() & (NdisGetSharedDataAlignment() - 1), 0);
}

TEST(NdisSystemActiveProcessorCount_gives_the_count_and_the_mask)
{
    hw_run(1, NULL, counts);
}

TEST(NdisGroupActiveProcessorCount_counts_one_group_or_all_and_none_in_a_group_that_is_not_there)
{
    hw_run(1, NULL, counts);
}

TEST(NdisGroupMaxProcessorCount_counts_one_group_or_all_and_none_in_a_group_that_is_not_there)
{
    hw_run(1, NULL, counts);
}

TEST(NdisActiveGroupCount_is_one)
{
    hw_run(1, NULL, counts);
}

TEST(NdisMaxGroupCount_is_one)
{
    hw_run(1, NULL, counts);
}

TEST(NdisGetSharedDataAlignment_is_a_cache_line)
{
    hw_run(1, NULL, counts);
}

static void
indexes(void)
{
    for (ULONG i = 0; i < 2; i++) {
        KAFFINITY before = KeSetSystemAffinityThreadEx(1ull << i);
        KIRQL irql = KeRaiseIrqlToDpcLevel();
        ck_assert_uint_eq(NdisCurrentProcessorIndex(), i);
        KeLowerIrql(irql);
        KeRevertToUserAffinityThreadEx(before);
    }
}

TEST(NdisCurrentProcessorIndex_is_the_number_of_the_processor_that_runs_the_caller)
{
    hw_run(1, NULL, indexes);
}

static void
uptime(void)
{
    LARGE_INTEGER before, after, wait = {.QuadPart = -1230000};   // 123 ms
    NdisGetSystemUpTimeEx(&before);
    KeDelayExecutionThread(KernelMode, FALSE, &wait);
    NdisGetSystemUpTimeEx(&after);
    ck_assert_int_ge(before.QuadPart, 0);
    ck_assert_int_ge(after.QuadPart - before.QuadPart, 123);      // virtual time: no noise
    ck_assert_int_le(after.QuadPart - before.QuadPart, 124);
}

TEST(NdisGetSystemUpTimeEx_counts_milliseconds)
{
    hw_run(1, NULL, uptime);
}

static void
strings(void)
{
    NDIS_STRING made, empty;
    NdisInitializeString(&made, (PUCHAR) "abc");
    ck_assert_uint_eq(made.Length, 6);
    ck_assert_uint_eq(made.MaximumLength, 8);
    ck_assert_mem_eq(made.Buffer, L"abc", 8);   // with a terminator
    NdisInitializeString(&empty, (PUCHAR) "");
    ck_assert_uint_eq(empty.Length, 0);
    ck_assert_uint_eq(empty.Buffer[0], 0);
    NdisFreeString(made);
    NdisFreeString(empty);
}

TEST(NdisInitializeString_makes_a_counted_string_in_memory_to_free)
{
    hw_run(1, NULL, strings);
}
