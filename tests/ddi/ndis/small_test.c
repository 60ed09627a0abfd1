// SPDX-License-Identifier: MIT
// Small doors: memory, MDLs, lookaside lists, cancel ids, locks and work items, each by its own promise.
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"
#include "unit/nt/bugcheck.h"

static uint8_t bytes[4096];

static void
mdl_body(void)
{
    MDL *first = NdisAllocateMdl(NULL, bytes + 5, 100), *second = NdisAllocateMdl(NULL, bytes + 200, 50), *next = (MDL *)1;
    void *address = NULL;
    UINT length = 0;
    first->Next = second;
    NdisGetNextMdl(first, &next);
    ck_assert_ptr_eq(next, second);
    NdisGetNextMdl(second, &next);
    ck_assert_ptr_null(next);
    NdisQueryMdl(second, &address, &length, NormalPagePriority);
    ck_assert_ptr_eq(address, bytes + 200);
    ck_assert_uint_eq(length, 50);
    NdisFreeMdl(first);
    NdisFreeMdl(second);
}
TEST(NdisGetNextMdl_follows_the_chain_to_its_end)
{
    kit_run(SIM_CALM, mdl_body);
}
TEST(NdisQueryMdl_gives_address_and_length)
{
    kit_run(2, mdl_body);
}

static void
memory_body(void)
{
    void *block = NULL;
    ck_assert_int_eq(NdisAllocateMemoryWithTag(&block, 300, 'tseT'), NDIS_STATUS_SUCCESS);
    memset(block, 1, 300);
    NdisFreeMemoryWithTag(block, 'tseT');
    block = NdisAllocateMemoryWithTagPriority(NULL, 300, 'tseT', NormalPoolPriority);
    NdisFreeMemoryWithTagPriority(NULL, block, 'tseT');      // one that stayed is left over, which the kit says
}
TEST(NdisAllocateMemoryWithTag_gives_the_block_through_its_first_parameter)
{
    kit_run(SIM_CALM, memory_body);
}
TEST(NdisFreeMemoryWithTagPriority_gives_the_memory_back)
{
    kit_run(2, memory_body);
}
static void
tagged_memory(void)
{
    void *block = NULL;
    KIRQL old;
    for (int high = 0; high < 2; high++) {
        KeRaiseIrql(high ? DISPATCH_LEVEL : PASSIVE_LEVEL, &old);
        ck_assert_int_eq(NdisAllocateMemoryWithTag(&block, 300, 'tseT'), NDIS_STATUS_SUCCESS);
        memset(block, 1, 300);
        NdisFreeMemoryWithTag(block, 'tseT');     // one that stayed is left over, which the kit says
        KeLowerIrql(old);
    }
}
TEST(NdisFreeMemoryWithTag_gives_the_memory_back)
{
    kit_run(SIM_CALM, tagged_memory);
}
static void
tagged_wrongly(void)
{
    void *block = NULL;
    NdisAllocateMemoryWithTag(&block, 300, 'tseT');
    NdisFreeMemoryWithTag(block, 'rehO');
}
static void
run_tagged_wrongly(void)
{
    kit_run(SIM_CALM, tagged_wrongly);
}
TEST(NdisFreeMemoryWithTag_with_another_tag_is_a_bug_check)
{
    harness_reported("BAD_POOL_CALLER", run_tagged_wrongly);
}
static void
wrong_tag(void)
{
    NdisFreeMemoryWithTagPriority(NULL, ExAllocatePoolWithTag(NonPagedPoolNx, 20, 'tseT'), 'rehO');
}
TEST(NdisFreeMemoryWithTagPriority_with_another_tag_is_a_bug_check)
{
    expect_bugcheck(wrong_tag, "0xC2");
}

static void
lookaside_body(void)
{
    NPAGED_LOOKASIDE_LIST list;
    memset(&list, 0xff, sizeof list);
    NdisInitializeNPagedLookasideList(&list, NULL, NULL, 0, 72, 'tseT', 0);
    void *block = NdisAllocateFromNPagedLookasideList(&list);
    ck_assert_ptr_nonnull(block);
    memset(block, 0, 72);
    NdisFreeToNPagedLookasideList(&list, block);
    NdisDeleteNPagedLookasideList(&list);
}
TEST(NdisInitializeNPagedLookasideList_makes_a_list_of_blocks_of_a_size)
{
    kit_run(SIM_CALM, lookaside_body);
}

static uint32_t made, unmade;

static PVOID NTAPI
entry_make(POOL_TYPE type, SIZE_T bytes, ULONG tag)
{
    ck_assert_uint_eq(bytes, 72);
    ck_assert_uint_eq(tag, 'tseT');
    made++;
    return ExAllocatePoolWithTag(NonPagedPoolNx, bytes, tag);
}

static VOID NTAPI
entry_unmake(PVOID block)
{
    unmade++;
    ExFreePool(block);
}

static void
lookaside_own_body(void)
{
    DECLSPEC_ALIGN(16) NPAGED_LOOKASIDE_LIST list;
    void *blocks[8];
    KIRQL old = KeRaiseIrqlToDpcLevel();
    made = unmade = 0;
    memset(&list, 0xff, sizeof list);
    NdisInitializeNPagedLookasideList(&list, entry_make, entry_unmake, 0, 72, 'tseT', 0);
    ck_assert_uint_eq(made, 0);                   // entries come when they are asked for
    for (int i = 0; i < 8; i++)
        ck_assert_ptr_nonnull(blocks[i] = NdisAllocateFromNPagedLookasideList(&list));
    ck_assert_uint_eq(made, 8);
    for (int i = 0; i < 8; i++)
        NdisFreeToNPagedLookasideList(&list, blocks[i]);
    void *again = NdisAllocateFromNPagedLookasideList(&list);
    ck_assert_uint_eq(made, 8 + (unmade == 8));   // from the list, unless everything was surplus
    NdisFreeToNPagedLookasideList(&list, again);
    KeLowerIrql(old);
    NdisDeleteNPagedLookasideList(&list);
    ck_assert_uint_eq(unmade, made);
}
TEST(NdisInitializeNPagedLookasideList_takes_the_callers_own_functions_for_entries)
{
    kit_run(SIM_CALM, lookaside_own_body);
}

static void
cancel_id_body(void)
{
    bool seen[256] = {false};
    for (int i = 0; i < 255; i++) {
        UCHAR id = NdisGeneratePartialCancelId();
        ck_assert_uint_ne(id, 0);
        ck_assert(!seen[id]);
        seen[id] = true;
    }
}
TEST(NdisGeneratePartialCancelId_differs_from_call_to_call)
{
    kit_run(SIM_CALM, cancel_id_body);
}

static void
receive_info_body(void)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                                                             NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
                                                  .PoolTag = 'lbnT'};
    NDIS_HANDLE pool = NdisAllocateNetBufferListPool(NULL, &parameters);
    NET_BUFFER_LIST *from = NdisAllocateNetBufferList(pool, 0, 0), *to = NdisAllocateNetBufferList(pool, 0, 0);
    NET_BUFFER_LIST_INFO(from, Ieee8021QNetBufferListInfo) = (PVOID)0x51;
    NET_BUFFER_LIST_SET_HASH_VALUE(from, 0x12345678);
    NdisCopyReceiveNetBufferListInfo(to, from);
    ck_assert_ptr_eq(NET_BUFFER_LIST_INFO(to, Ieee8021QNetBufferListInfo), (PVOID)0x51);
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_VALUE(to), 0x12345678);
    NdisFreeNetBufferList(from);
    NdisFreeNetBufferList(to);
    NdisFreeNetBufferListPool(pool);
}
TEST(NdisCopyReceiveNetBufferListInfo_copies_what_a_receiver_reads)
{
    kit_run(SIM_CALM, receive_info_body);
}

// ---- locks --------------------------------------------------------------------------------------------------------------------------

static struct {
    NDIS_HANDLE lock;
    NDIS_RW_LOCK old;
    uint32_t inside, sum;
} room;

static void
writer(void *arg)
{
    LOCK_STATE_EX state;
    LOCK_STATE old_state;
    for (int i = 0; i < 10; i++) {
        NdisAcquireRWLockWrite(room.lock, &state, 0);
        ck_assert_uint_eq(KeGetCurrentIrql(), DISPATCH_LEVEL);
        ck_assert_uint_eq(++room.inside, 1);
        sched_choice(kit.box->sched, SCHED_POINT_DDI);
        room.inside--;
        NdisReleaseRWLock(room.lock, &state);
        ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
        NdisAcquireReadWriteLock(&room.old, TRUE, &old_state);
        uint32_t sum = room.sum;
        sched_choice(kit.box->sched, SCHED_POINT_DDI);
        room.sum = sum + 1;
        NdisReleaseReadWriteLock(&room.old, &old_state);
        ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    }
}

static void
writers_body(void)
{
    struct ke_thread *threads[3];
    memset(&room, 0, sizeof room);
    room.lock = NdisAllocateRWLock(NULL);
    ck_assert_ptr_nonnull(room.lock);
    memset(&room.old, 0xff, sizeof room.old);
    NdisInitializeReadWriteLock(&room.old);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ke_thread_start(kit.box, "writer", writer, NULL, &threads[i]), 0);
    for (int i = 0; i < 3; i++)
        ke_thread_join(threads[i]);
    ck_assert_uint_eq(room.sum, 30);
    NdisFreeRWLock(room.lock);
}

#define TEST_WRITERS(first, name) \
    TEST(name) \
    { \
        for (uint64_t seed = first; seed < first + 10; seed++) \
            kit_run(seed, writers_body); \
    }
TEST_WRITERS(1, NdisAcquireRWLockWrite_lets_nobody_else_in)
TEST_WRITERS(11, NdisReleaseRWLock_gives_back_the_level_and_lets_the_next_in)
TEST_WRITERS(21, NdisAllocateRWLock_gives_a_lock_that_is_free)
TEST_WRITERS(31, NdisFreeRWLock_gives_the_memory_back)
TEST_WRITERS(41, NdisInitializeReadWriteLock_makes_a_lock_that_is_free)
TEST_WRITERS(51, NdisReleaseReadWriteLock_gives_back_the_level_and_lets_the_next_in)

static void
work_body(void)
{
    kit_start(false, 0);
    NDIS_HANDLE item = NdisAllocateIoWorkItem(kit.mp.adapter);
    ck_assert_ptr_nonnull(item);
    NdisFreeIoWorkItem(item);                 // else it is left over
}
TEST(NdisAllocateIoWorkItem_gives_a_handle)
{
    kit_run(SIM_CALM, work_body);
}
TEST(NdisFreeIoWorkItem_gives_the_memory_back)
{
    kit_run(2, work_body);
}
