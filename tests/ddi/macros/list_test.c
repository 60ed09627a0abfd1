// SPDX-License-Identifier: MIT
// Doubly linked lists of wdm.h, and the small macros over types.
#include <ntddk.h>

#include "harness/harness.h"

static LIST_ENTRY head, entry[4];

// The entries by number, forwards, and the same backwards or the list is broken.
static int
order(void)
{
    int forwards = 0, backwards = 0, scale = 1;
    for (LIST_ENTRY *e = head.Flink; e != &head; e = e->Flink)
        forwards = forwards * 10 + (int)(e - entry) + 1;
    for (LIST_ENTRY *e = head.Blink; e != &head; e = e->Blink, scale *= 10)
        backwards += ((int)(e - entry) + 1) * scale;
    ck_assert_int_eq(forwards, backwards);
    return forwards;
}

static void
fill(void)
{
    InitializeListHead(&head);
    for (int i = 0; i < 3; i++)
        InsertTailList(&head, &entry[i]);
}

static void
corrupt_insert_tail(void)
{
    fill();
    head.Blink->Flink = NULL;
    InsertTailList(&head, &entry[3]);
}
static void
corrupt_insert_head(void)
{
    fill();
    head.Flink->Blink = NULL;
    InsertHeadList(&head, &entry[3]);
}
static void
corrupt_remove(void)
{
    fill();
    entry[1].Flink->Blink = &head;
    RemoveEntryList(&entry[1]);
}
static void
corrupt_remove_head(void)
{
    fill();
    entry[1].Blink = &entry[2];
    RemoveHeadList(&head);
}
static void
corrupt_remove_tail(void)
{
    fill();
    entry[1].Flink = &entry[0];
    RemoveTailList(&head);
}

// A broken list is a fast fail: bug check 0x139 with code 3.
static void
traps(void (*fn)(void))
{
    harness_reported("bug check 0x139 KERNEL_SECURITY_CHECK_FAILURE (0x3, ", fn);
}

TEST(InitializeListHead_makes_an_empty_list)
{
    InitializeListHead(&head);
    ck_assert(head.Flink == &head && head.Blink == &head);
}
TEST(IsListEmpty_is_true_for_a_head_alone)
{
    InitializeListHead(&head);
    ck_assert(IsListEmpty(&head));
    InsertTailList(&head, &entry[0]);
    ck_assert(!IsListEmpty(&head));
}
TEST(InsertTailList_puts_it_last_and_traps_on_a_broken_list)
{
    fill();
    ck_assert_int_eq(order(), 123);
    traps(corrupt_insert_tail);
}
TEST(InsertHeadList_puts_it_first_and_traps_on_a_broken_list)
{
    fill();
    InsertHeadList(&head, &entry[3]);
    ck_assert_int_eq(order(), 4123);
    traps(corrupt_insert_head);
}
TEST(RemoveHeadList_gives_the_first_or_the_head_itself)
{
    fill();
    ck_assert_ptr_eq(RemoveHeadList(&head), &entry[0]);
    ck_assert_int_eq(order(), 23);
    InitializeListHead(&head);
    ck_assert_ptr_eq(RemoveHeadList(&head), &head);
    traps(corrupt_remove_head);
}
TEST(RemoveTailList_gives_the_last_or_the_head_itself)
{
    fill();
    ck_assert_ptr_eq(RemoveTailList(&head), &entry[2]);
    ck_assert_int_eq(order(), 12);
    InitializeListHead(&head);
    ck_assert_ptr_eq(RemoveTailList(&head), &head);
    traps(corrupt_remove_tail);
}
TEST(RemoveEntryList_says_whether_the_list_is_empty_then)
{
    fill();
    ck_assert(!RemoveEntryList(&entry[1]));
    ck_assert_int_eq(order(), 13);
    ck_assert(!RemoveEntryList(&entry[0]));
    ck_assert(RemoveEntryList(&entry[2]));
    ck_assert(IsListEmpty(&head));
    traps(corrupt_remove);
}
TEST(AppendTailList_appends_the_ring_without_a_head)
{
    fill();
    // Entry 3 alone is a ring of one; what is appended has no head.
    entry[3].Flink = entry[3].Blink = &entry[3];
    AppendTailList(&head, &entry[3]);
    ck_assert_int_eq(order(), 1234);
}

struct holder {
    ULONG before;
    LIST_ENTRY link;
    USHORT array[7];
};
TEST(CONTAINING_RECORD_is_the_structure_around_a_member)
{
    struct holder holder;
    ck_assert_ptr_eq(CONTAINING_RECORD(&holder.link, struct holder, link), &holder);
}
TEST(FIELD_OFFSET_is_the_bytes_before_a_member)
{
    ck_assert_int_eq(FIELD_OFFSET(struct holder, link), 8);
}
TEST(RTL_FIELD_SIZE_is_the_bytes_of_a_member)
{
    ck_assert_uint_eq(RTL_FIELD_SIZE(struct holder, array), 14);
}
TEST(RTL_NUMBER_OF_counts_an_arrays_elements)
{
    struct holder holder;
    ck_assert_uint_eq(RTL_NUMBER_OF(holder.array), 7);
}
TEST(ARRAYSIZE_counts_an_arrays_elements)
{
    struct holder holder;
    ck_assert_uint_eq(ARRAYSIZE(holder.array), 7);
}
C_ASSERT(sizeof(struct holder) == 40);
TEST(C_ASSERT_stands_beside_declarations)
{
    C_ASSERT(RTL_FIELD_SIZE(struct holder, before) == 4);
    ck_assert_uint_eq(sizeof(struct holder), 40);
}
static const UNICODE_STRING wide = RTL_CONSTANT_STRING(L"\\Device\\X");
static const STRING narrow = RTL_CONSTANT_STRING("abc");
TEST(RTL_CONSTANT_STRING_counts_without_the_terminator)
{
    ck_assert_uint_eq(wide.Length, 18);
    ck_assert_uint_eq(wide.MaximumLength, 20);
    ck_assert_uint_eq(narrow.Length, 3);
    ck_assert_uint_eq(narrow.MaximumLength, 4);
}
TEST(NT_SUCCESS_is_true_of_success_and_information)
{
    ck_assert(NT_SUCCESS(STATUS_SUCCESS) && NT_SUCCESS(STATUS_PENDING) && NT_SUCCESS((NTSTATUS)0x40000000));
    ck_assert(!NT_SUCCESS((NTSTATUS)0x80000005) && !NT_SUCCESS(STATUS_INSUFFICIENT_RESOURCES));
}
TEST(UNREFERENCED_PARAMETER_evaluates_to_nothing_seen)
{
    int value = 3;
    UNREFERENCED_PARAMETER(value);
    ck_assert_int_eq(value, 3);
}

static RTL_STATIC_LIST_HEAD(static_list);

TEST(RTL_STATIC_LIST_HEAD_defines_a_list_that_is_empty)
{
    LIST_ENTRY entry;
    ck_assert(IsListEmpty(&static_list));
    InsertTailList(&static_list, &entry);
    ck_assert_ptr_eq(RemoveHeadList(&static_list), &entry);
    ck_assert(IsListEmpty(&static_list));
}

TEST(ANYSIZE_ARRAY_is_one_element_at_the_end_of_a_structure)
{
    struct goes_on {
        ULONG count;
        ULONG items[ANYSIZE_ARRAY];
    };
    ck_assert_uint_eq(sizeof(struct goes_on), 2 * sizeof(ULONG));
}
