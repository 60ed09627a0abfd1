// SPDX-License-Identifier: MIT
// Lists under a lock, sequenced lists, lookaside lists and pool, one front door a test.
// Sources: [wdm/nf-wdm-exinterlockedinserttaillist] and its kin, [wdm/nf-wdm-interlockedpushentryslist],
// [wdm/nf-wdm-exinitializelookasidelistex], [wdm/nf-wdm-exallocatepoolwithtag].
#include <string.h>

#include "unit/nt/nt_test.h"

struct linked {
    LIST_ENTRY head, a, b;
    KSPIN_LOCK lock;
};

static void
linked_init(struct linked *l)
{
    InitializeListHead(&l->head);
    KeInitializeSpinLock(&l->lock);
}

NT_TEST(ExInterlockedInsertHeadList_returns_what_was_first)
{
    struct linked l;
    linked_init(&l);
    ck_assert_ptr_null(ExInterlockedInsertHeadList(&l.head, &l.a, &l.lock));
    ck_assert_ptr_eq(ExInterlockedInsertHeadList(&l.head, &l.b, &l.lock), &l.a);
    ck_assert_ptr_eq(l.head.Flink, &l.b);
    ck_assert_ptr_eq(l.head.Blink, &l.a);
}

NT_TEST(ExInterlockedInsertTailList_returns_what_was_last)
{
    struct linked l;
    linked_init(&l);
    ck_assert_ptr_null(ExInterlockedInsertTailList(&l.head, &l.a, &l.lock));
    ck_assert_ptr_eq(ExInterlockedInsertTailList(&l.head, &l.b, &l.lock), &l.a);
    ck_assert_ptr_eq(l.head.Flink, &l.a);
    ck_assert_ptr_eq(l.head.Blink, &l.b);
}

NT_TEST(ExInterlockedRemoveHeadList_takes_the_first_or_null)
{
    struct linked l;
    linked_init(&l);
    InsertTailList(&l.head, &l.a);
    InsertTailList(&l.head, &l.b);
    ck_assert_ptr_eq(ExInterlockedRemoveHeadList(&l.head, &l.lock), &l.a);
    ck_assert_ptr_eq(ExInterlockedRemoveHeadList(&l.head, &l.lock), &l.b);
    ck_assert_ptr_null(ExInterlockedRemoveHeadList(&l.head, &l.lock));
    ck_assert(IsListEmpty(&l.head));
}

NT_TEST(ExInterlockedPushEntryList_returns_what_was_first)
{
    SINGLE_LIST_ENTRY head = {NULL}, a, b;
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    ck_assert_ptr_null(ExInterlockedPushEntryList(&head, &a, &lock));
    ck_assert_ptr_eq(ExInterlockedPushEntryList(&head, &b, &lock), &a);
    ck_assert_ptr_eq(head.Next, &b);
    ck_assert_ptr_eq(b.Next, &a);
}

NT_TEST(ExInterlockedPopEntryList_takes_the_first_or_null)
{
    SINGLE_LIST_ENTRY b = {NULL}, a = {&b}, head = {&a};
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    ck_assert_ptr_eq(ExInterlockedPopEntryList(&head, &lock), &a);
    ck_assert_ptr_eq(ExInterlockedPopEntryList(&head, &lock), &b);
    ck_assert_ptr_null(ExInterlockedPopEntryList(&head, &lock));
}

NT_TEST(ExInterlockedAddUlong_returns_the_value_before)
{
    ULONG value = 0xfffffffe;
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    ck_assert_uint_eq(ExInterlockedAddUlong(&value, 3, &lock), 0xfffffffe);
    ck_assert_uint_eq(value, 1);
}

NT_TEST(ExInterlockedAddLargeInteger_returns_the_value_before)
{
    LARGE_INTEGER value = {.QuadPart = INT64_C(0xffffffff)};
    KSPIN_LOCK lock;
    KeInitializeSpinLock(&lock);
    ck_assert_int_eq(ExInterlockedAddLargeInteger(&value, (LARGE_INTEGER){.QuadPart = 1}, &lock).QuadPart, 0xffffffff);
    ck_assert_int_eq(value.QuadPart, INT64_C(0x100000000));
}

struct sequenced {
    SLIST_HEADER head;
    _Alignas(16) SLIST_ENTRY a;
    _Alignas(16) SLIST_ENTRY b;
    _Alignas(16) SLIST_ENTRY c;
};

NT_TEST(InitializeSListHead_makes_an_empty_list)
{
    _Alignas(16) SLIST_HEADER head;
    memset(&head, 0xff, sizeof(head));
    InitializeSListHead(&head);
    ck_assert_uint_eq(ExQueryDepthSList(&head), 0);
    ck_assert_ptr_null(FirstEntrySList(&head));
}

NT_TEST(ExQueryDepthSList_counts_the_entries)
{
    struct sequenced s;
    InitializeSListHead(&s.head);
    ExpInterlockedPushEntrySList(&s.head, &s.a);
    ExpInterlockedPushEntrySList(&s.head, &s.b);
    ck_assert_uint_eq(ExQueryDepthSList(&s.head), 2);
}

NT_TEST(FirstEntrySList_looks_without_taking)
{
    struct sequenced s;
    InitializeSListHead(&s.head);
    ExpInterlockedPushEntrySList(&s.head, &s.a);
    ck_assert_ptr_eq(FirstEntrySList(&s.head), &s.a);
    ck_assert_uint_eq(ExQueryDepthSList(&s.head), 1);
}

NT_TEST(ExpInterlockedPushEntrySList_returns_what_was_first)
{
    struct sequenced s;
    InitializeSListHead(&s.head);
    ck_assert_ptr_null(ExpInterlockedPushEntrySList(&s.head, &s.a));
    ck_assert_ptr_eq(ExpInterlockedPushEntrySList(&s.head, &s.b), &s.a);
}

NT_TEST(ExpInterlockedPopEntrySList_takes_last_in_first_out)
{
    struct sequenced s;
    InitializeSListHead(&s.head);
    ExpInterlockedPushEntrySList(&s.head, &s.a);
    ExpInterlockedPushEntrySList(&s.head, &s.b);
    ck_assert_ptr_eq(ExpInterlockedPopEntrySList(&s.head), &s.b);
    ck_assert_ptr_eq(ExpInterlockedPopEntrySList(&s.head), &s.a);
    ck_assert_ptr_null(ExpInterlockedPopEntrySList(&s.head));
}

NT_TEST(ExpInterlockedFlushSList_takes_all_at_once)
{
    struct sequenced s;
    InitializeSListHead(&s.head);
    ExpInterlockedPushEntrySList(&s.head, &s.a);
    ExpInterlockedPushEntrySList(&s.head, &s.b);
    ck_assert_ptr_eq(ExpInterlockedFlushSList(&s.head), &s.b);
    ck_assert_ptr_eq(s.b.Next, &s.a);
    ck_assert_ptr_null(s.a.Next);
    ck_assert_uint_eq(ExQueryDepthSList(&s.head), 0);
}

NT_TEST(InterlockedPushListSList_puts_a_chain_in_front)
{
    struct sequenced s;
    InitializeSListHead(&s.head);
    ExpInterlockedPushEntrySList(&s.head, &s.c);
    s.a.Next = &s.b;
    s.b.Next = NULL;
    ck_assert_ptr_eq(InterlockedPushListSList(&s.head, &s.a, &s.b, 2), &s.c);
    ck_assert_uint_eq(ExQueryDepthSList(&s.head), 3);
    ck_assert_ptr_eq(ExpInterlockedPopEntrySList(&s.head), &s.a);
    ck_assert_ptr_eq(ExpInterlockedPopEntrySList(&s.head), &s.b);
    ck_assert_ptr_eq(ExpInterlockedPopEntrySList(&s.head), &s.c);
}

NT_TEST(ExAllocatePool_gives_memory_that_ExFreePool_takes)
{
    uint8_t *block = ExAllocatePool(NonPagedPoolNx, 100);
    ck_assert_ptr_nonnull(block);
    memset(block, 0x5a, 100);
    ExFreePool(block);
}

NT_TEST(ExAllocatePoolWithTagPriority_gives_memory_of_its_size)
{
    uint8_t *block = ExAllocatePoolWithTagPriority(NonPagedPoolNx, 5000, 'tseT', NormalPoolPriority);
    ck_assert_ptr_nonnull(block);
    memset(block, 0x5a, 5000);
    ExFreePoolWithTag(block, 'tseT');
}

// A block that is not given back is counted when the box goes, so a free that did nothing fails this test.
NT_TEST(ExFreePool_gives_a_tagged_block_back)
{
    void *block = ExAllocatePoolWithTag(NonPagedPoolNx, 64, 'tseT');
    ck_assert_ptr_nonnull(block);
    ExFreePool(block);
}

NT_TEST(ExInitializeNPagedLookasideList_makes_blocks_of_one_size)
{
    NPAGED_LOOKASIDE_LIST list;
    ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 128, 'tseT', 0);
    uint8_t *block = ExAllocateFromNPagedLookasideList(&list);
    ck_assert_ptr_nonnull(block);
    memset(block, 0x5a, 128);
    ExFreeToNPagedLookasideList(&list, block);
    ExDeleteNPagedLookasideList(&list);
}

// What lies on the list goes with it, or it is counted when the box goes.
NT_TEST(ExDeleteNPagedLookasideList_frees_what_it_keeps)
{
    NPAGED_LOOKASIDE_LIST list;
    void *blocks[3];
    ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 64, 'tseT', 0);
    for (int i = 0; i < 3; i++)
        blocks[i] = ExAllocateFromNPagedLookasideList(&list);
    for (int i = 0; i < 3; i++)
        ExFreeToNPagedLookasideList(&list, blocks[i]);
    ExDeleteNPagedLookasideList(&list);
}

NT_TEST(ExFreeToNPagedLookasideList_keeps_the_block_for_the_next)
{
    NPAGED_LOOKASIDE_LIST list;
    ExInitializeNPagedLookasideList(&list, NULL, NULL, 0, 64, 'tseT', 0);
    void *block = ExAllocateFromNPagedLookasideList(&list);
    ExFreeToNPagedLookasideList(&list, block);
    ck_assert_ptr_eq(ExAllocateFromNPagedLookasideList(&list), block);
    ExFreeToNPagedLookasideList(&list, block);
    ExDeleteNPagedLookasideList(&list);
}

static struct {
    unsigned allocated, freed;
} counts;

static PVOID NTAPI
count_allocate(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag, PLOOKASIDE_LIST_EX Lookaside)
{
    counts.allocated++;
    return ExAllocatePoolWithTag(PoolType, NumberOfBytes, Tag);
}

static VOID NTAPI
count_free(PVOID Buffer, PLOOKASIDE_LIST_EX Lookaside)
{
    counts.freed++;
    ExFreePool(Buffer);
}

static void
lookaside_ex(LOOKASIDE_LIST_EX *list)
{
    counts.allocated = counts.freed = 0;
    ck_assert_int_eq(ExInitializeLookasideListEx(list, count_allocate, count_free, NonPagedPoolNx, 0, 64, 'tseT', 0), STATUS_SUCCESS);
}

NT_TEST(ExAllocateFromLookasideListEx_asks_the_routine_when_the_list_is_empty)
{
    LOOKASIDE_LIST_EX list;
    lookaside_ex(&list);
    void *block = ExAllocateFromLookasideListEx(&list);
    ck_assert_ptr_nonnull(block);
    ck_assert_uint_eq(counts.allocated, 1);
    ExFreeToLookasideListEx(&list, block);
    ck_assert_ptr_eq(ExAllocateFromLookasideListEx(&list), block);
    ck_assert_uint_eq(counts.allocated, 1);
    ExFreeToLookasideListEx(&list, block);
    ExDeleteLookasideListEx(&list);
    ck_assert_uint_eq(counts.freed, 1);
}

NT_TEST(ExFlushLookasideListEx_frees_what_lies_on_the_list)
{
    LOOKASIDE_LIST_EX list;
    lookaside_ex(&list);
    ExFreeToLookasideListEx(&list, ExAllocateFromLookasideListEx(&list));
    ck_assert_uint_eq(counts.freed, 0);
    ExFlushLookasideListEx(&list);
    ck_assert_uint_eq(counts.freed, 1);
    ExDeleteLookasideListEx(&list);
    ck_assert_uint_eq(counts.freed, 1);
}

NT_TEST(ExFreeToLookasideListEx_keeps_the_block)
{
    LOOKASIDE_LIST_EX list;
    lookaside_ex(&list);
    void *block = ExAllocateFromLookasideListEx(&list);
    ExFreeToLookasideListEx(&list, block);
    ck_assert_uint_eq(counts.freed, 0);
    ck_assert_ptr_eq(ExAllocateFromLookasideListEx(&list), block);
    ExFreeToLookasideListEx(&list, block);
    ExDeleteLookasideListEx(&list);
}

NT_TEST(ExDeleteLookasideListEx_frees_with_the_routine)
{
    LOOKASIDE_LIST_EX list;
    lookaside_ex(&list);
    void *blocks[2] = {ExAllocateFromLookasideListEx(&list), ExAllocateFromLookasideListEx(&list)};
    ExFreeToLookasideListEx(&list, blocks[0]);
    ExFreeToLookasideListEx(&list, blocks[1]);
    ExDeleteLookasideListEx(&list);
    ck_assert_uint_eq(counts.freed, 2);
}
