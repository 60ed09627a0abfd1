// SPDX-License-Identifier: MIT
// NDIS names for things of the executive, and annotations that mean something to other compilers only.
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"

struct context {
    int member;
};
NDIS_DECLARE_MINIPORT_ADAPTER_CONTEXT(struct context)
NDIS_DECLARE_FILTER_MODULE_CONTEXT(struct context)
NDIS_DECLARE_PROTOCOL_OPEN_CONTEXT(struct context)

static int
initialises(void)
{
    return 7;
}
NDIS_INIT_FUNCTION(initialises)

// Annotations for a compiler of Windows: the program above is whole and does the same with them.
TEST(NDIS_DECLARE_MINIPORT_ADAPTER_CONTEXT_leaves_the_type_as_it_is)
{
    ck_assert_uint_eq(sizeof(struct context), sizeof(int));
}
TEST(NDIS_DECLARE_FILTER_MODULE_CONTEXT_leaves_the_type_as_it_is)
{
    ck_assert_uint_eq(sizeof(struct context), sizeof(int));
}
TEST(NDIS_DECLARE_PROTOCOL_OPEN_CONTEXT_leaves_the_type_as_it_is)
{
    ck_assert_uint_eq(sizeof(struct context), sizeof(int));
}
TEST(NDIS_INIT_FUNCTION_leaves_the_function_as_it_is)
{
    ck_assert_int_eq(initialises(), 7);
}

static void
irql_body(void)
{
    KIRQL old;
    ck_assert_uint_eq(NDIS_CURRENT_IRQL(), PASSIVE_LEVEL);
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ck_assert_uint_eq(NDIS_CURRENT_IRQL(), DISPATCH_LEVEL);
    KeLowerIrql(old);
}
TEST(NDIS_CURRENT_IRQL_is_the_level_of_the_processor)
{
    kit_run(SIM_CALM, irql_body);
}

static KMUTEX mutex;
static int mutex_order[2];

static VOID NTAPI
mutex_other(PVOID context)
{
    NDIS_WAIT_FOR_MUTEX(&mutex);
    mutex_order[1] = ++mutex_order[0];
    NDIS_RELEASE_MUTEX(&mutex);
    PsTerminateSystemThread(STATUS_SUCCESS);
}

static void
mutex_body(void)
{
    HANDLE handle;
    LARGE_INTEGER a_while = {.QuadPart = -10000};
    memset(mutex_order, 0, sizeof mutex_order);
    NDIS_INIT_MUTEX(&mutex);
    NDIS_WAIT_FOR_MUTEX(&mutex);
    NDIS_WAIT_FOR_MUTEX(&mutex);   // its owner may take it again
    ck_assert_int_eq(PsCreateSystemThread(&handle, 0, NULL, NULL, NULL, mutex_other, NULL), STATUS_SUCCESS);
    KeDelayExecutionThread(KernelMode, FALSE, &a_while);
    ck_assert_int_eq(mutex_order[1], 0);
    NDIS_RELEASE_MUTEX(&mutex);
    KeDelayExecutionThread(KernelMode, FALSE, &a_while);
    ck_assert_int_eq(mutex_order[1], 0);
    mutex_order[0]++;
    NDIS_RELEASE_MUTEX(&mutex);
    KeDelayExecutionThread(KernelMode, FALSE, &a_while);
    ck_assert_int_eq(mutex_order[1], 2);
    ZwClose(handle);
}
TEST(NDIS_INIT_MUTEX_makes_a_mutex_that_is_free)
{
    kit_run(SIM_CALM, mutex_body);
}
TEST(NDIS_WAIT_FOR_MUTEX_waits_for_its_owner_and_counts_for_itself)
{
    kit_run(2, mutex_body);
}
TEST(NDIS_RELEASE_MUTEX_gives_it_up_after_as_many_calls_as_waits)
{
    kit_run(3, mutex_body);
}

static NDIS_STRING constant = NDIS_STRING_CONST("Ethernet");
TEST(NDIS_STRING_CONST_counts_without_the_terminator)
{
    ck_assert_uint_eq(constant.Length, 16);
    ck_assert_uint_eq(constant.MaximumLength, 18);
    ck_assert_uint_eq(constant.Buffer[7], 't');
    ck_assert_uint_eq(constant.Buffer[8], 0);
}

static void
unicode_body(void)
{
    UNICODE_STRING string;
    NdisInitUnicodeString(&string, (PCWSTR)constant.Buffer);
    ck_assert_uint_eq(string.Length, 16);
    ck_assert_uint_eq(string.MaximumLength, 18);
    ck_assert_ptr_eq(string.Buffer, constant.Buffer);
    NdisInitUnicodeString(&string, NULL);
    ck_assert_uint_eq(string.Length | string.MaximumLength, 0);
}
TEST(NdisInitUnicodeString_counts_up_to_the_terminator)
{
    kit_run(SIM_CALM, unicode_body);
}

TEST(NdisMoveMemory_copies_the_bytes)
{
    char from[] = "abcdef", to[7] = "------";
    NdisMoveMemory(to, from, 3);
    ck_assert_str_eq(to, "abc---");
}
TEST(NdisZeroMemory_clears_just_the_bytes)
{
    char bytes[4] = {1, 2, 3, 4};
    NdisZeroMemory(bytes + 1, 2);
    ck_assert_int_eq(bytes[0] + bytes[1] * 10 + bytes[2] * 100 + bytes[3] * 1000, 4001);
}
TEST(NdisFillMemory_takes_length_before_the_byte)
{
    char bytes[5] = "abcd";
    NdisFillMemory(bytes, 3, 'x');
    ck_assert_str_eq(bytes, "xxxd");
}
TEST(NdisEqualMemory_is_true_for_equal_bytes_alone)
{
    ck_assert(NdisEqualMemory("abcd", "abcx", 3));
    ck_assert(!NdisEqualMemory("abcd", "abcx", 4));
}

TEST(NdisInitializeListHead_makes_an_empty_list)
{
    LIST_ENTRY head = {NULL, NULL};
    NdisInitializeListHead(&head);
    ck_assert(head.Flink == &head && head.Blink == &head);
}

TEST(NdisInterlockedIncrement_gives_the_new_value)
{
    LONG value = -1;
    ck_assert_int_eq(NdisInterlockedIncrement(&value), 0);
    ck_assert_int_eq(NdisInterlockedIncrement(&value), 1);
    ck_assert_int_eq(value, 1);
}
TEST(NdisInterlockedDecrement_gives_the_new_value)
{
    LONG value = 1;
    ck_assert_int_eq(NdisInterlockedDecrement(&value), 0);
    ck_assert_int_eq(NdisInterlockedDecrement(&value), -1);
    ck_assert_int_eq(value, -1);
}

static void
lists_body(void)
{
    LIST_ENTRY head, one, two;
    NDIS_SPIN_LOCK lock;
    NdisAllocateSpinLock(&lock);
    NdisInitializeListHead(&head);
    ck_assert_ptr_null(NdisInterlockedRemoveHeadList(&head, &lock));
    ck_assert_ptr_null(NdisInterlockedInsertTailList(&head, &one, &lock));      // what was last before: nothing
    ck_assert_ptr_eq(NdisInterlockedInsertTailList(&head, &two, &lock), &one);
    ck_assert_ptr_eq(NdisInterlockedRemoveHeadList(&head, &lock), &one);
    ck_assert_ptr_eq(NdisInterlockedRemoveHeadList(&head, &lock), &two);
    ck_assert_ptr_null(NdisInterlockedRemoveHeadList(&head, &lock));
    NdisFreeSpinLock(&lock);
}
TEST(NdisInterlockedInsertTailList_gives_what_was_last_before)
{
    kit_run(SIM_CALM, lists_body);
}
TEST(NdisInterlockedRemoveHeadList_gives_the_first_or_NULL)
{
    kit_run(2, lists_body);
}

static void
lookaside_body(void)
{
    NPAGED_LOOKASIDE_LIST list;
    NdisInitializeNPagedLookasideList(&list, NULL, NULL, 0, 100, 'tseT', 0);
    uint8_t *one = NdisAllocateFromNPagedLookasideList(&list);
    ck_assert_ptr_nonnull(one);
    memset(one, 0x5a, 100);
    uint8_t *two = NdisAllocateFromNPagedLookasideList(&list);
    ck_assert_ptr_ne(one, two);
    NdisFreeToNPagedLookasideList(&list, one);
    ck_assert_ptr_eq(NdisAllocateFromNPagedLookasideList(&list), one);   // kept, and used first
    NdisFreeToNPagedLookasideList(&list, one);
    NdisFreeToNPagedLookasideList(&list, two);
    NdisDeleteNPagedLookasideList(&list);                                // what is kept goes back to pool: else it is left over
}
TEST(NdisAllocateFromNPagedLookasideList_gives_a_block_of_the_size)
{
    kit_run(SIM_CALM, lookaside_body);
}
TEST(NdisFreeToNPagedLookasideList_keeps_the_block_for_the_next)
{
    kit_run(2, lookaside_body);
}
TEST(NdisDeleteNPagedLookasideList_frees_what_is_kept)
{
    kit_run(3, lookaside_body);
}

static void
stall_body(void)
{
    LONGLONG before = KeQueryPerformanceCounter(NULL).QuadPart;
    LARGE_INTEGER frequency;
    NdisStallExecution(50);
    LONGLONG after = KeQueryPerformanceCounter(&frequency).QuadPart;
    ck_assert_int_ge((after - before) * 1000000 / frequency.QuadPart, 50);
}
TEST(NdisStallExecution_lets_so_many_microseconds_pass)
{
    kit_run(SIM_CALM, stall_body);
}
