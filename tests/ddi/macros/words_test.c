// SPDX-License-Identifier: MIT
// NDIS's names for strings, addresses, interlocked lists and levels of the executive, each with what its page adds.
// [ndis/nf-ndis-ndisansistringtounicodestring] and the pages of the other macros
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"

struct context {
    int member;
};
NDIS_DECLARE_MINIPORT_DRIVER_CONTEXT(struct context)

static int
pageable(void)
{
    return 9;
}
NDIS_PAGEABLE_FUNCTION(pageable)

// Annotations for a compiler of Windows: the program above is whole and does the same with them.
TEST(NDIS_DECLARE_MINIPORT_DRIVER_CONTEXT_leaves_the_type_as_it_is)
{
    ck_assert_uint_eq(sizeof(struct context), sizeof(int));
}

TEST(NDIS_PAGEABLE_FUNCTION_leaves_the_function_as_it_is)
{
    ck_assert_int_eq(pageable(), 9);
}

// ---- levels ------------------------------------------------------------------------------------------------------------------------

static void
levels(void)
{
    KIRQL old = 77, again = 77;
    NDIS_RAISE_IRQL_TO_DISPATCH(&old);
    ck_assert_uint_eq(old, PASSIVE_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    NDIS_RAISE_IRQL_TO_DISPATCH(&again);          // from there it is where it was
    ck_assert_uint_eq(again, DISPATCH_LEVEL);
    NDIS_LOWER_IRQL(again, DISPATCH_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
    NDIS_LOWER_IRQL(old, DISPATCH_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    KeRaiseIrql(APC_LEVEL, &old);
    NDIS_RAISE_IRQL_TO_DISPATCH(&again);
    ck_assert_uint_eq(again, APC_LEVEL);
    NDIS_LOWER_IRQL(again, DISPATCH_LEVEL);
    ck_assert_uint_eq(KeGetCurrentIrql(), APC_LEVEL);
    NDIS_LOWER_IRQL(APC_LEVEL, APC_LEVEL);        // equal: nothing to do
    ck_assert_uint_eq(KeGetCurrentIrql(), APC_LEVEL);
    KeLowerIrql(old);
}

TEST(NDIS_RAISE_IRQL_TO_DISPATCH_raises_and_gives_the_level_before)
{
    kit_run(SIM_CALM, levels);
}

TEST(NDIS_LOWER_IRQL_goes_back_to_the_level_before)
{
    kit_run(SIM_CALM, levels);
}

static void
raises_from_above(void)
{
    KIRQL old;
    KeRaiseIrql(HIGH_LEVEL, &old);
    NDIS_RAISE_IRQL_TO_DISPATCH(&old);
}

static void
run_raises_from_above(void)
{
    kit_run(SIM_CALM, raises_from_above);
}

TEST(NDIS_RAISE_IRQL_TO_DISPATCH_from_above_DISPATCH_LEVEL_is_a_bug_check)
{
    harness_reported("IRQL_NOT_GREATER_OR_EQUAL", run_raises_from_above);
}

static void
lowers_upwards(void)
{
    NDIS_LOWER_IRQL(DISPATCH_LEVEL, PASSIVE_LEVEL);
}

static void
run_lowers_upwards(void)
{
    kit_run(SIM_CALM, lowers_upwards);
}

TEST(NDIS_LOWER_IRQL_to_a_level_that_was_not_the_one_before_is_a_bug_check)
{
    harness_reported("IRQL_NOT_LESS_OR_EQUAL", run_lowers_upwards);
}

// ---- strings -----------------------------------------------------------------------------------------------------------------------

static void
ansi(void)
{
    ANSI_STRING string = {1, 1, NULL};
    char text[] = "abc";
    NdisInitAnsiString(&string, text);
    ck_assert_uint_eq(string.Length, 3);
    ck_assert_uint_ge(string.MaximumLength, 3);
    ck_assert_ptr_eq(string.Buffer, text);
    NdisInitAnsiString(&string, NULL);
    ck_assert_uint_eq(string.Length, 0);
}

TEST(NdisInitAnsiString_counts_up_to_the_terminator)
{
    kit_run(SIM_CALM, ansi);
}

static void
strings(void)
{
    WCHAR wide[8] = {0}, upper[8] = {0};
    char narrow[8] = {0};
    ANSI_STRING ansi, back = {0, sizeof narrow, narrow};
    UNICODE_STRING unicode = {0, sizeof wide, wide}, high = {0, sizeof upper, upper}, small = {0, 4, wide};
    NdisInitAnsiString(&ansi, "aBc1");
    ck_assert_int_eq(NdisAnsiStringToUnicodeString(&unicode, &ansi), STATUS_SUCCESS);
    ck_assert_ptr_eq(unicode.Buffer, wide);       // the caller's buffer
    ck_assert_uint_eq(unicode.Length, 8);
    ck_assert_mem_eq(wide, L"aBc1", 8);
    ck_assert_int_eq(NdisUnicodeStringToAnsiString(&back, &unicode), STATUS_SUCCESS);
    ck_assert_ptr_eq(back.Buffer, narrow);
    ck_assert_uint_eq(back.Length, 4);
    ck_assert_mem_eq(narrow, "aBc1", 4);
    ck_assert_int_eq(NdisUpcaseUnicodeString(&high, &unicode), STATUS_SUCCESS);
    ck_assert_ptr_eq(high.Buffer, upper);
    ck_assert_mem_eq(upper, L"ABC1", 8);
    ck_assert_mem_eq(wide, L"aBc1", 8);           // a copy was made upper case
    // What does not fit is not done.
    back.MaximumLength = 2;
    ck_assert(!NT_SUCCESS(NdisAnsiStringToUnicodeString(&small, &ansi)));
    ck_assert(!NT_SUCCESS(NdisUpcaseUnicodeString(&small, &unicode)));
    ck_assert(NdisUnicodeStringToAnsiString(&back, &unicode) != STATUS_SUCCESS);
    // Equal with or without regard to case.
    UNICODE_STRING shorter = {6, 8, wide};
    ck_assert(NdisEqualString(&unicode, &high, TRUE) && NdisEqualUnicodeString(&unicode, &high, TRUE));
    ck_assert(!NdisEqualString(&unicode, &high, FALSE) && !NdisEqualUnicodeString(&unicode, &high, FALSE));
    ck_assert(NdisEqualString(&unicode, &unicode, FALSE) && NdisEqualUnicodeString(&unicode, &unicode, FALSE));
    ck_assert(!NdisEqualString(&unicode, &shorter, TRUE) && !NdisEqualUnicodeString(&unicode, &shorter, TRUE));
}

TEST(NdisAnsiStringToUnicodeString_converts_into_the_callers_buffer)
{
    kit_run(SIM_CALM, strings);
}

TEST(NdisUnicodeStringToAnsiString_converts_into_the_callers_buffer)
{
    kit_run(SIM_CALM, strings);
}

TEST(NdisUpcaseUnicodeString_converts_a_copy)
{
    kit_run(SIM_CALM, strings);
}

TEST(NdisEqualString_compares_with_or_without_case)
{
    kit_run(SIM_CALM, strings);
}

TEST(NdisEqualUnicodeString_compares_with_or_without_case)
{
    kit_run(SIM_CALM, strings);
}

static void
freed(void)
{
    UCHAR text[] = "Settings";
    NDIS_STRING string;
    NdisInitializeString(&string, text);
    ck_assert_uint_eq(string.Length, 16);
    ck_assert_mem_eq(string.Buffer, L"Settings", 16);
    NdisFreeString(string);                       // one that stayed is left over, which the kit says
}

TEST(NdisFreeString_frees_what_NdisInitializeString_allocated)
{
    kit_run(SIM_CALM, freed);
}

// ---- numbers -----------------------------------------------------------------------------------------------------------------------

static NDIS_PHYSICAL_ADDRESS
address(void)
{
    return (NDIS_PHYSICAL_ADDRESS){.QuadPart = 0x1122334455667788};
}

TEST(NdisGetPhysicalAddressHigh_is_the_upper_half)
{
    ck_assert_uint_eq((ULONG)NdisGetPhysicalAddressHigh(address()), 0x11223344);
}

TEST(NdisGetPhysicalAddressLow_is_the_lower_half)
{
    ck_assert_uint_eq(NdisGetPhysicalAddressLow(address()), 0x55667788);
}

TEST(NdisSetPhysicalAddressHigh_leaves_the_lower_half)
{
    NDIS_PHYSICAL_ADDRESS a = address();
    NdisSetPhysicalAddressHigh(a, 0x0a0b0c0d);
    ck_assert_int_eq(a.QuadPart, 0x0a0b0c0d55667788);
}

TEST(NdisSetPhysicalAddressLow_leaves_the_upper_half)
{
    NDIS_PHYSICAL_ADDRESS a = address();
    NdisSetPhysicalAddressLow(a, 0x0a0b0c0d);
    ck_assert_int_eq(a.QuadPart, 0x112233440a0b0c0d);
}

TEST(NdisRetrieveUlong_reads_at_any_alignment)
{
    uint8_t bytes[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    for (int i = 0; i < 4; i++) {
        ULONG value = 0, wanted = 0;
        NdisRetrieveUlong(&value, bytes + i);
        for (int j = 3; j >= 0; j--)
            wanted = wanted << 8 | bytes[i + j];
        ck_assert_uint_eq(value, wanted);
    }
}

TEST(NdisStoreUlong_writes_at_any_alignment)
{
    for (int i = 0; i < 4; i++) {
        uint8_t bytes[8] = {0};
        NdisStoreUlong(bytes + i, 0x44332211);
        for (int j = 0; j < 8; j++)
            ck_assert_uint_eq(bytes[j], j >= i && j < i + 4 ? (j - i + 1) * 0x11 : 0);
    }
}

TEST(NdisInterlockedAddLargeStatistic_adds_an_unsigned_value)
{
    LARGE_INTEGER statistic = {.QuadPart = 0xfffffff0};
    NdisInterlockedAddLargeStatistic(&statistic, 0x20);
    ck_assert_int_eq(statistic.QuadPart, 0x100000010);
    NdisInterlockedAddLargeStatistic(&statistic, 0xffffffff);
    ck_assert_int_eq(statistic.QuadPart, 0x20000000f);
}

static void
system_time(void)
{
    LARGE_INTEGER before = {0}, after = {0};
    NdisGetCurrentSystemTime(&before);
    ck_assert_int_gt(before.QuadPart, 0);
    NdisMSleep(20000);
    NdisGetCurrentSystemTime(&after);
    ck_assert_int_ge(after.QuadPart - before.QuadPart, 200000);      // in units of 100 ns
    ck_assert_int_lt(after.QuadPart - before.QuadPart, 10000000);
    KeQuerySystemTime(&before);
    NdisGetCurrentSystemTime(&after);
    ck_assert_int_lt(after.QuadPart - before.QuadPart, 10000000);
}

TEST(NdisGetCurrentSystemTime_counts_hundreds_of_nanoseconds)
{
    kit_run(SIM_CALM, system_time);
}

// ---- interlocked -------------------------------------------------------------------------------------------------------------------

static struct {
    NDIS_SPIN_LOCK lock;
    LIST_ENTRY head;
    SLIST_HEADER stack;
    ULONG sum;
    struct item {
        SLIST_ENTRY link;
        LIST_ENTRY node;
    } items[2][20];
} shared;

static void
interlocked_thread(void *arg)
{
    struct item *items = arg;
    for (int i = 0; i < 20; i++) {
        (void)NdisInterlockedAddUlong(&shared.sum, 3, &shared.lock);
        (void)NdisInterlockedInsertHeadList(&shared.head, &items[i].node, &shared.lock);
        (void)NdisInterlockedPushEntrySList(&shared.stack, &items[i].link, &shared.lock);
        ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    }
}

static void
interlocked(void)
{
    struct ke_thread *threads[2];
    LIST_ENTRY one, two;
    memset(&shared, 0, sizeof shared);
    memset(&shared.stack, 0xcc, sizeof shared.stack);
    NdisAllocateSpinLock(&shared.lock);
    NdisInitializeListHead(&shared.head);
    NdisInitializeSListHead(&shared.stack);
    ck_assert_uint_eq(NdisQueryDepthSList(&shared.stack), 0);
    ck_assert_ptr_null(NdisInterlockedPopEntrySList(&shared.stack, &shared.lock));
    // What was there before.
    ck_assert_uint_eq(NdisInterlockedAddUlong(&shared.sum, 5, &shared.lock), 0);
    ck_assert_uint_eq(NdisInterlockedAddUlong(&shared.sum, (ULONG)-5, &shared.lock), 5);
    ck_assert_ptr_null(NdisInterlockedInsertHeadList(&shared.head, &one, &shared.lock));
    ck_assert_ptr_eq(NdisInterlockedInsertHeadList(&shared.head, &two, &shared.lock), &one);
    ck_assert_ptr_eq(shared.head.Flink, &two);
    NdisInitializeListHead(&shared.head);
    ck_assert_ptr_null(NdisInterlockedPushEntrySList(&shared.stack, &shared.items[0][0].link, &shared.lock));
    ck_assert_ptr_eq(NdisInterlockedPushEntrySList(&shared.stack, &shared.items[0][1].link, &shared.lock), &shared.items[0][0].link);
    ck_assert_uint_eq(NdisQueryDepthSList(&shared.stack), 2);
    ck_assert_ptr_eq(NdisInterlockedPopEntrySList(&shared.stack, &shared.lock), &shared.items[0][1].link);   // the last first
    ck_assert_ptr_eq(NdisInterlockedPopEntrySList(&shared.stack, &shared.lock), &shared.items[0][0].link);
    ck_assert_ptr_null(NdisInterlockedPopEntrySList(&shared.stack, &shared.lock));
    // Nothing is lost between two threads.
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ke_thread_start(kit.box, "interlocked", interlocked_thread, shared.items[i], &threads[i]), 0);
    for (int i = 0; i < 2; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(shared.sum, 120);
    ck_assert_uint_eq(NdisQueryDepthSList(&shared.stack), 40);
    uint32_t count = 0;
    for (LIST_ENTRY *at = shared.head.Flink; at != &shared.head; at = at->Flink)
        count++;
    ck_assert_uint_eq(count, 40);
    for (count = 0; NdisInterlockedPopEntrySList(&shared.stack, &shared.lock);)
        count++;
    ck_assert_uint_eq(count, 40);
    NdisFreeSpinLock(&shared.lock);
}

static void
interlocked_run(void)
{
    for (uint64_t seed = 0; seed < 3; seed++)
        kit_run(seed, interlocked);
}

TEST(NdisInterlockedAddUlong_gives_the_value_before_and_loses_none)
{
    interlocked_run();
}

TEST(NdisInterlockedInsertHeadList_gives_what_was_first_before_and_loses_none)
{
    interlocked_run();
}

TEST(NdisInitializeSListHead_makes_an_empty_list_of_any_memory)
{
    interlocked_run();
}

TEST(NdisInterlockedPushEntrySList_gives_what_was_first_before_and_loses_none)
{
    interlocked_run();
}

TEST(NdisInterlockedPopEntrySList_gives_the_last_that_was_pushed_or_NULL)
{
    interlocked_run();
}

TEST(NdisQueryDepthSList_counts_the_entries)
{
    interlocked_run();
}

TEST(NDIS_MAKE_NET_LUID_writes_type_and_index_and_clears_the_rest)
{
    NET_LUID luid = {.Value = ~0ull};
    NDIS_MAKE_NET_LUID(&luid, IF_TYPE_ETHERNET_CSMACD, 0x123456);
    ck_assert_uint_eq(luid.Info.IfType, IF_TYPE_ETHERNET_CSMACD);
    ck_assert_uint_eq(luid.Info.NetLuidIndex, 0x123456);
    ck_assert_uint_eq(luid.Info.Reserved, 0);
}
