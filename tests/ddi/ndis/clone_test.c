// SPDX-License-Identifier: MIT
// Clones, copies between NET_BUFFERs, out-of-band information, and other small calls on NET_BUFFER_LISTs.
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"
#include "nbx/fault.h"

static NDIS_HANDLE nbl_pool, nb_pool;

static void
pools_make(UCHAR protocol)
{
    NET_BUFFER_LIST_POOL_PARAMETERS nbl = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                                                      NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
                                           .ProtocolId = protocol,
                                           .PoolTag = 'lbnT'};
    NET_BUFFER_POOL_PARAMETERS nb = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_POOL_PARAMETERS_REVISION_1,
                                                NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1},
                                     .PoolTag = 'bnT '};
    nbl_pool = NdisAllocateNetBufferListPool(NULL, &nbl);
    nb_pool = NdisAllocateNetBufferPool(NULL, &nb);
}

static void
pools_free(void)
{
    NdisFreeNetBufferListPool(nbl_pool);
    NdisFreeNetBufferPool(nb_pool);
}

static uint8_t bytes[3][4096];

// Two NET_BUFFERs: one over pieces of 100, 50 and 300 bytes that starts 30 bytes in, one over a single piece.
static NET_BUFFER_LIST *
original_make(MDL *mdls[4])
{
    static const ULONG lengths[3] = {100, 50, 300};
    for (int i = 0; i < 3; i++) {
        for (uint32_t j = 0; j < sizeof bytes[i]; j++)
            bytes[i][j] = (uint8_t)(i * 71 + j * 3);
        mdls[i] = NdisAllocateMdl(NULL, bytes[i] + i + 1, lengths[i]);
    }
    mdls[3] = NdisAllocateMdl(NULL, bytes[2] + 1000, 64);
    mdls[0]->Next = mdls[1];
    mdls[1]->Next = mdls[2];
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(nbl_pool, 0, 0);
    nbl->FirstNetBuffer = NdisAllocateNetBuffer(nb_pool, mdls[0], 30, 400);
    nbl->FirstNetBuffer->Next = NdisAllocateNetBuffer(nb_pool, mdls[3], 0, 64);
    return nbl;
}

static void
original_free(NET_BUFFER_LIST *nbl, MDL *mdls[4])
{
    NdisFreeNetBuffer(nbl->FirstNetBuffer->Next);
    NdisFreeNetBuffer(nbl->FirstNetBuffer);
    NdisFreeNetBufferList(nbl);
    for (int i = 0; i < 4; i++)
        NdisFreeMdl(mdls[i]);
}

static void
same_data(NET_BUFFER *a, NET_BUFFER *b)
{
    uint8_t one[512], two[512];
    ULONG length = NET_BUFFER_DATA_LENGTH(a);
    ck_assert_uint_eq(length, NET_BUFFER_DATA_LENGTH(b));
    uint8_t *pa = NdisGetDataBuffer(a, length, one, 1, 0), *pb = NdisGetDataBuffer(b, length, two, 1, 0);
    ck_assert_ptr_nonnull(pa);
    ck_assert_ptr_nonnull(pb);
    ck_assert_mem_eq(pa, pb, length);
}

static void
clones(void)
{
    MDL *mdls[4];
    pools_make(0);
    NET_BUFFER_LIST *original = original_make(mdls);
    for (int use_pools = 0; use_pools < 2; use_pools++) {
        for (ULONG flags = 0; flags <= NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS; flags += NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS) {
            NET_BUFFER_LIST *clone =
                NdisAllocateCloneNetBufferList(original, use_pools ? nbl_pool : NULL, use_pools ? nb_pool : NULL, flags);
            ck_assert_ptr_nonnull(clone);
            ck_assert_ptr_null(clone->ParentNetBufferList);
            ck_assert_int_eq(original->ChildRefCount, 0);
            ck_assert_ptr_null(clone->Context);
            if (use_pools) {
                ck_assert_ptr_eq(NdisGetPoolFromNetBufferList(clone), nbl_pool);
                ck_assert_ptr_eq(NdisGetPoolFromNetBuffer(clone->FirstNetBuffer), nb_pool);
            }
            NET_BUFFER *first = clone->FirstNetBuffer, *second = first->Next;
            ck_assert_ptr_null(second->Next);
            same_data(first, original->FirstNetBuffer);
            same_data(second, original->FirstNetBuffer->Next);
            if (flags)
                ck_assert_ptr_eq(first->CurrentMdl, original->FirstNetBuffer->CurrentMdl);
            else {
                // Its own MDLs over the same memory, from the used data on.
                ck_assert_ptr_ne(first->CurrentMdl, original->FirstNetBuffer->CurrentMdl);
                ck_assert_uint_eq(NET_BUFFER_DATA_OFFSET(first), 0);
                ck_assert_ptr_eq(MmGetSystemAddressForMdlSafe(first->MdlChain, NormalPagePriority), bytes[0] + 1 + 30);
                ck_assert_uint_eq(MmGetMdlByteCount(first->MdlChain), 70);
            }
            NdisFreeCloneNetBufferList(clone, flags);
        }
    }
    original_free(original, mdls);
    pools_free();
}

TEST(NdisAllocateCloneNetBufferList_describes_the_same_data_with_or_without_the_original_MDLs)
{
    kit_run(SIM_CALM, clones);
}

static void
clone_details(void)
{
    MDL *mdls[4];
    pools_make(NDIS_PROTOCOL_ID_IPX);
    NET_BUFFER_LIST_POOL_PARAMETERS own = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                                                      NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
                                           .fAllocateNetBuffer = TRUE,
                                           .ContextSize = 64,
                                           .PoolTag = 'nwoT'};
    NDIS_HANDLE own_pool = NdisAllocateNetBufferListPool(NULL, &own);
    NET_BUFFER_LIST *original = original_make(mdls);
    // What belongs to the pool comes from the pool; a clone has no context, whatever the pool's lists have.
    NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(original, own_pool, NULL, 0);
    ck_assert_uint_eq(NdisGetNetBufferListProtocolId(clone), NDIS_PROTOCOL_ID_DEFAULT);
    ck_assert_ptr_eq(NdisGetPoolFromNetBufferList(clone), own_pool);
    ck_assert_ptr_null(clone->Context);
    same_data(clone->FirstNetBuffer, original->FirstNetBuffer);
    same_data(clone->FirstNetBuffer->Next, original->FirstNetBuffer->Next);
    NdisFreeCloneNetBufferList(clone, 0);
    // The data is the original's own.
    clone = NdisAllocateCloneNetBufferList(original, nbl_pool, NULL, 0);
    ck_assert_uint_eq(NdisGetNetBufferListProtocolId(clone), NDIS_PROTOCOL_ID_IPX);
    bytes[0][1 + 30] ^= 0xff;
    same_data(clone->FirstNetBuffer, original->FirstNetBuffer);
    ck_assert_ptr_eq(NdisGetDataBuffer(clone->FirstNetBuffer, 1, NULL, 1, 0), &bytes[0][1 + 30]);
    NdisFreeCloneNetBufferList(clone, 0);
    // A clone of a clone, which begins inside an MDL of its own.
    clone = NdisAllocateCloneNetBufferList(original, NULL, NULL, 0);
    NdisAdvanceNetBufferDataStart(clone->FirstNetBuffer, 80, FALSE, NULL);
    NET_BUFFER_LIST *second = NdisAllocateCloneNetBufferList(clone, NULL, NULL, 0);
    same_data(second->FirstNetBuffer, clone->FirstNetBuffer);
    NdisFreeCloneNetBufferList(second, 0);
    NdisFreeCloneNetBufferList(clone, 0);
    original_free(original, mdls);
    NdisFreeNetBufferListPool(own_pool);
    pools_free();
}

TEST(NdisAllocateCloneNetBufferList_takes_from_the_pools_what_is_theirs_and_shares_the_data)
{
    kit_run(SIM_CALM, clone_details);
}

static void
clone_without_memory(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    struct nbx_fault_report report;
    MDL *mdls[4];
    pools_make(0);
    NET_BUFFER_LIST *original = original_make(mdls);
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
    ck_assert_ptr_null(NdisAllocateCloneNetBufferList(original, nbl_pool, nb_pool, 0));
    NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(original, nbl_pool, nb_pool, 0);
    ck_assert_ptr_nonnull(clone);
    nbx_fault_disarm(&report);
    ck_assert_uint_eq(report.refused, 1);
    NdisFreeCloneNetBufferList(clone, 0);
    original_free(original, mdls);
    pools_free();
}

TEST(NdisAllocateCloneNetBufferList_is_NULL_without_memory)
{
    kit_run(SIM_CALM, clone_without_memory);
}

static void
clone_freed(void)
{
    MDL *mdls[4];
    pools_make(0);
    NET_BUFFER_LIST *original = original_make(mdls);
    for (ULONG flags = 0; flags <= NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS; flags += NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS) {
        NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(original, nbl_pool, nb_pool, flags);
        KIRQL old;
        KeRaiseIrql(DISPATCH_LEVEL, &old);
        NdisFreeCloneNetBufferList(clone, flags);
        KeLowerIrql(old);
        // The original stands as it was.
        ck_assert_uint_eq(NET_BUFFER_DATA_LENGTH(original->FirstNetBuffer), 400);
        ck_assert_ptr_eq(original->FirstNetBuffer->MdlChain, mdls[0]);
        ck_assert_uint_eq(MmGetMdlByteCount(mdls[2]), 300);
        ck_assert_uint_eq(*(uint8_t *)NdisGetDataBuffer(original->FirstNetBuffer, 1, NULL, 1, 0), bytes[0][1 + 30]);
    }
    original_free(original, mdls);
    pools_free();                                 // nothing of the clones is left in them, or this is reported
}

TEST(NdisFreeCloneNetBufferList_gives_back_all_of_the_clone_and_nothing_of_the_original)
{
    kit_run(SIM_CALM, clone_freed);
}

static ULONG allocate_flags;

static void
clone_freed_wrongly(void)
{
    MDL *mdls[4];
    pools_make(0);
    NET_BUFFER_LIST *clone = NdisAllocateCloneNetBufferList(original_make(mdls), nbl_pool, nb_pool, allocate_flags);
    NdisFreeCloneNetBufferList(clone, allocate_flags ^ NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
}

static void
run_clone_freed_wrongly(void)
{
    kit_run(SIM_CALM, clone_freed_wrongly);
}

TEST(NdisFreeCloneNetBufferList_with_other_flags_than_the_clone_was_made_with_is_reported)
{
    for (allocate_flags = 0; allocate_flags <= NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS; allocate_flags += NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS)
        harness_reported("FreeCloneFlags are not the flags of NdisAllocateCloneNetBufferList", run_clone_freed_wrongly);
}

static void
no_clone_freed(void)
{
    pools_make(0);
    NdisFreeCloneNetBufferList(NdisAllocateNetBufferList(nbl_pool, 0, 0), 0);
}

static void
run_no_clone_freed(void)
{
    kit_run(SIM_CALM, no_clone_freed);
}

TEST(NdisFreeCloneNetBufferList_of_a_list_that_is_no_clone_is_reported)
{
    harness_reported("this NET_BUFFER_LIST is no clone", run_no_clone_freed);
}

static void
copies(void)
{
    MDL *mdls[4];
    ULONG copied;
    static uint8_t to[100];
    pools_make(0);
    NET_BUFFER_LIST *original = original_make(mdls);
    MDL *tail = NdisAllocateMdl(NULL, to + 40, 60), *target = NdisAllocateMdl(NULL, to, 40);
    target->Next = tail;
    NET_BUFFER *nb = NdisAllocateNetBuffer(nb_pool, target, 10, 0), *source = original->FirstNetBuffer;
    uint8_t whole[400];
    NdisGetDataBuffer(source, 400, whole, 1, 0);
    memset(to, 0xaa, sizeof to);
    ck_assert_int_eq(NdisCopyFromNetBufferToNetBuffer(nb, 5, 70, source, 60, &copied), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(copied, 70);
    ck_assert_mem_eq(to + 15, whole + 60, 70);
    ck_assert_uint_eq(to[14], 0xaa);
    ck_assert_uint_eq(to[85], 0xaa);
    ck_assert_uint_eq(NET_BUFFER_DATA_LENGTH(nb), 0);
    // The destination runs out of space, then the source out of data.
    ck_assert_int_eq(NdisCopyFromNetBufferToNetBuffer(nb, 0, 400, source, 0, &copied), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(copied, 90);
    ck_assert_mem_eq(to + 10, whole, 90);
    ck_assert_int_eq(NdisCopyFromNetBufferToNetBuffer(nb, 0, 50, source, 390, &copied), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(copied, 10);
    NdisFreeNetBuffer(nb);
    NdisFreeMdl(target);
    NdisFreeMdl(tail);
    original_free(original, mdls);
    pools_free();
}

TEST(NdisCopyFromNetBufferToNetBuffer_counts_offsets_from_the_data_start_and_stops_where_either_ends)
{
    kit_run(SIM_CALM, copies);
}

// The slots that each direction copies, as its page lists them; the others stay what they were.
static const uint8_t sent[] = {TcpIpChecksumNetBufferListInfo,
                               IPsecOffloadV1NetBufferListInfo,
                               TcpLargeSendNetBufferListInfo,
                               Ieee8021QNetBufferListInfo,
                               MediaSpecificInformation,
                               NetBufferListCancelId,
                               NetBufferListProtocolId,
                               IPsecOffloadV2TunnelNetBufferListInfo,
                               IPsecOffloadV2HeaderNetBufferListInfo,
                               VirtualSubnetInfo,
                               NetBufferListFilteringInfo};
static const uint8_t received[] = {TcpIpChecksumNetBufferListInfo,
                                   IPsecOffloadV1NetBufferListInfo,
                                   TcpReceiveNoPush,
                                   Ieee8021QNetBufferListInfo,
                                   MediaSpecificInformation,
                                   NetBufferListFrameType,
                                   NetBufferListHashValue,
                                   NetBufferListHashInfo,
                                   IPsecOffloadV2TunnelNetBufferListInfo,
                                   IPsecOffloadV2HeaderNetBufferListInfo,
                                   VirtualSubnetInfo,
                                   NetBufferListFilteringInfo};

static void
slots_are(const NET_BUFFER_LIST *to, const uint8_t *slots, uint32_t count)
{
    for (uintptr_t i = 0; i < MaxNetBufferListInfo; i++)
        ck_assert_ptr_eq(to->NetBufferListInfo[i], (PVOID)(memchr(slots, (int)i, count) ? i + 1 : i + 1000));
}

static void
information(void)
{
    pools_make(NDIS_PROTOCOL_ID_TCP_IP);
    NET_BUFFER_LIST *from = NdisAllocateNetBufferList(nbl_pool, 0, 0), *to = NdisAllocateNetBufferList(nbl_pool, 0, 0);
    for (uintptr_t i = 0; i < MaxNetBufferListInfo; i++) {
        from->NetBufferListInfo[i] = (PVOID)(i + 1);
        to->NetBufferListInfo[i] = (PVOID)(i + 1000);
    }
    NdisCopySendNetBufferListInfo(to, from);
    slots_are(to, sent, sizeof sent);
    for (uintptr_t i = 0; i < MaxNetBufferListInfo; i++)
        to->NetBufferListInfo[i] = (PVOID)(i + 1000);
    NdisCopyReceiveNetBufferListInfo(to, from);
    slots_are(to, received, sizeof received);
    NdisFreeNetBufferList(from);
    NdisFreeNetBufferList(to);
    pools_free();
}

TEST(NdisCopySendNetBufferListInfo_copies_the_slots_of_the_pages_table_and_no_others)
{
    kit_run(SIM_CALM, information);
}

TEST(NdisCopyReceiveNetBufferListInfo_copies_the_slots_of_the_pages_table_and_no_others)
{
    kit_run(2, information);
}

static void
protocol_ids(void)
{
    const UCHAR ids[] = {NDIS_PROTOCOL_ID_DEFAULT, NDIS_PROTOCOL_ID_TCP_IP, NDIS_PROTOCOL_ID_IPX, NDIS_PROTOCOL_ID_NBF};
    KIRQL old;
    for (uint32_t i = 0; i < RTL_NUMBER_OF(ids); i++) {
        pools_make(ids[i]);
        NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(nbl_pool, 0, 0);
        KeRaiseIrql(HIGH_LEVEL, &old);                         // any IRQL
        ck_assert_uint_eq(NdisGetNetBufferListProtocolId(nbl), ids[i]);    // the pool's
        NdisSetNetBufferListProtocolId(nbl, ids[3 - i]);
        ck_assert_uint_eq(NdisGetNetBufferListProtocolId(nbl), ids[3 - i]);
        KeLowerIrql(old);
        NdisFreeNetBufferList(nbl);
        pools_free();
    }
}

TEST(NdisGetNetBufferListProtocolId_is_the_pools_until_another_is_set)
{
    kit_run(SIM_CALM, protocol_ids);
}

TEST(NdisSetNetBufferListProtocolId_is_what_NdisGetNetBufferListProtocolId_gives)
{
    kit_run(SIM_CALM, protocol_ids);
}

static void
counts(void)
{
    MDL *mdls[4];
    pools_make(0);
    NET_BUFFER_LIST *original = original_make(mdls);
    // Where the pages break in them is the linker's affair.
    ULONG pages[4];
    for (int i = 0; i < 4; i++)
        pages[i] = (ULONG)ADDRESS_AND_SIZE_TO_SPAN_PAGES(MmGetMdlVirtualAddress(mdls[i]), MmGetMdlByteCount(mdls[i]));
    ck_assert_uint_eq(NdisQueryNetBufferPhysicalCount(original->FirstNetBuffer), pages[0] + pages[1] + pages[2]);
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ck_assert_uint_eq(NdisQueryNetBufferPhysicalCount(original->FirstNetBuffer->Next), pages[3]);
    KeLowerIrql(old);
    static uint8_t large[20000];
    MDL *mdl = NdisAllocateMdl(NULL, large, sizeof large);
    NET_BUFFER *nb = NdisAllocateNetBuffer(nb_pool, mdl, 0, sizeof large);
    ck_assert_uint_eq(NdisQueryNetBufferPhysicalCount(nb), ADDRESS_AND_SIZE_TO_SPAN_PAGES(large, sizeof large));
    NdisFreeNetBuffer(nb);
    NdisFreeMdl(mdl);
    original_free(original, mdls);
    pools_free();
    UCHAR seen[256] = {0};
    for (int i = 0; i < 255; i++) {
        UCHAR id = NdisGeneratePartialCancelId();
        ck_assert(id != 0 && !seen[id]);
        seen[id] = 1;
    }
}

TEST(NdisQueryNetBufferPhysicalCount_counts_pages_and_NdisGeneratePartialCancelId_never_repeats_itself)
{
    kit_run(SIM_CALM, counts);
}
