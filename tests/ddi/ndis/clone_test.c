// SPDX-License-Identifier: MIT
// Clones, copies between NET_BUFFERs, out-of-band information, and other small calls on NET_BUFFER_LISTs.
#include <string.h>

#include "flow/ndis/kit.h"
#include "harness/harness.h"

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

static void
information(void)
{
    pools_make(NDIS_PROTOCOL_ID_TCP_IP);
    NET_BUFFER_LIST *from = NdisAllocateNetBufferList(nbl_pool, 0, 0), *to = NdisAllocateNetBufferList(nbl_pool, 0, 0);
    ck_assert_uint_eq(NdisGetNetBufferListProtocolId(from), NDIS_PROTOCOL_ID_TCP_IP);
    for (uintptr_t i = 0; i < MaxNetBufferListInfo; i++)
        from->NetBufferListInfo[i] = (PVOID)(i + 1);
    NdisCopySendNetBufferListInfo(to, from);
    ck_assert_ptr_eq(NET_BUFFER_LIST_INFO(to, TcpLargeSendNetBufferListInfo), (PVOID)(uintptr_t)(TcpLargeSendNetBufferListInfo + 1));
    ck_assert_ptr_eq(NET_BUFFER_LIST_INFO(to, NetBufferListCancelId), (PVOID)(uintptr_t)(NetBufferListCancelId + 1));
    ck_assert_ptr_eq(NET_BUFFER_LIST_INFO(to, Ieee8021QNetBufferListInfo), (PVOID)(uintptr_t)(Ieee8021QNetBufferListInfo + 1));
    ck_assert_ptr_null(NET_BUFFER_LIST_INFO(to, NetBufferListHashValue));
    memset(to->NetBufferListInfo, 0, sizeof(PVOID) * MaxNetBufferListInfo);
    NdisCopyReceiveNetBufferListInfo(to, from);
    ck_assert_ptr_eq(NET_BUFFER_LIST_INFO(to, NetBufferListHashValue), (PVOID)(uintptr_t)(NetBufferListHashValue + 1));
    ck_assert_ptr_eq(NET_BUFFER_LIST_INFO(to, TcpIpChecksumNetBufferListInfo), (PVOID)(uintptr_t)(TcpIpChecksumNetBufferListInfo + 1));
    ck_assert_ptr_null(NET_BUFFER_LIST_INFO(to, NetBufferListCancelId));
    NdisFreeNetBufferList(from);
    NdisFreeNetBufferList(to);
    pools_free();
}

TEST(NdisCopySendNetBufferListInfo_and_NdisCopyReceiveNetBufferListInfo_copy_the_slots_of_their_direction)
{
    kit_run(SIM_CALM, information);
}

static void
counts(void)
{
    MDL *mdls[4];
    pools_make(0);
    NET_BUFFER_LIST *original = original_make(mdls);
    ULONG least = 3;
    ck_assert_uint_ge(NdisQueryNetBufferPhysicalCount(original->FirstNetBuffer), least);
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
