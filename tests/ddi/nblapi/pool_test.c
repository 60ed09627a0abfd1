// SPDX-License-Identifier: MIT
// Pools and what comes out of them: NET_BUFFER_LISTs, NET_BUFFERs, MDLs and context space.
// Sources: [nblapi], [mdlapi], [ndis/ns-ndis-_net_buffer_list_pool_parameters].
#include <string.h>

#include "nbl_test.h"

NBL_TEST(NdisAllocateNetBufferListPool_refuses_parameters_that_make_no_sense)
{
    NET_BUFFER_LIST_POOL_PARAMETERS p = nbl_pool_parameters(TRUE, 16, 64);
    p.Header.Size--;
    ck_assert_ptr_null(NdisAllocateNetBufferListPool(NULL, &p));
    p = nbl_pool_parameters(TRUE, 16, 64);
    p.Header.Type = NDIS_OBJECT_TYPE_OID_REQUEST;
    ck_assert_ptr_null(NdisAllocateNetBufferListPool(NULL, &p));
    p = nbl_pool_parameters(FALSE, 0, 64);    // data, and no NET_BUFFER to hold it
    ck_assert_ptr_null(NdisAllocateNetBufferListPool(NULL, &p));
    p = nbl_pool_parameters(FALSE, 8, 0);     // not a multiple of MEMORY_ALLOCATION_ALIGNMENT
    ck_assert_ptr_null(NdisAllocateNetBufferListPool(NULL, &p));
    p = nbl_pool_parameters(TRUE, 32, 64);
    NDIS_HANDLE pool = NdisAllocateNetBufferListPool(NULL, &p);
    ck_assert_ptr_nonnull(pool);
    NdisFreeNetBufferListPool(pool);
}

static void
leave_a_list(void)
{
    NDIS_HANDLE pool = nbl_pool(FALSE, 0, 0);
    ck_assert_ptr_nonnull(NdisAllocateNetBufferList(pool, 0, 0));
    NdisFreeNetBufferListPool(pool);
}

TEST(NdisFreeNetBufferListPool_reports_lists_that_are_still_out)
{
    nbl_test_run(leave_a_list, 1);
}

static void
leave_a_net_buffer(void)
{
    NDIS_HANDLE pool = nb_pool(0);
    ck_assert_ptr_nonnull(NdisAllocateNetBuffer(pool, NULL, 0, 0));
    NdisFreeNetBufferPool(pool);
}

TEST(NdisFreeNetBufferPool_reports_net_buffers_that_are_still_out)
{
    nbl_test_run(leave_a_net_buffer, 1);
}

NBL_TEST(NdisAllocateNetBufferPool_refuses_a_wrong_header)
{
    NET_BUFFER_POOL_PARAMETERS p = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, 1, 4}};
    ck_assert_ptr_null(NdisAllocateNetBufferPool(NULL, &p));
    NdisFreeNetBufferPool(nb_pool(16));
}

NBL_TEST(NdisAllocateNetBufferList_gives_a_clean_list_each_time)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    for (int round = 0; round < 3; round++) {
        NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
        ck_assert_ptr_nonnull(nbl);
        ck_assert_ptr_eq(nbl->NdisPoolHandle, pool);
        ck_assert_ptr_null(nbl->Next);
        ck_assert_ptr_null(nbl->SourceHandle);
        ck_assert_ptr_null(nbl->ParentNetBufferList);
        ck_assert_int_eq(nbl->ChildRefCount, 0);
        ck_assert_uint_eq(nbl->Flags, 0);
        for (int i = 0; i < MaxNetBufferListInfo; i++)
            ck_assert_ptr_null(nbl->NetBufferListInfo[i]);
        ck_assert_ptr_nonnull(nbl->FirstNetBuffer);
        ck_assert_ptr_null(nbl->FirstNetBuffer->Next);
        ck_assert_uint_eq(nbl->FirstNetBuffer->DataLength, 0);
        nbl->Next = nbl;
        nbl->SourceHandle = nbl;
        nbl->Flags = 0xffffffff;
        memset(nbl->NetBufferListInfo, 0x55, sizeof(nbl->NetBufferListInfo));
        nbl->FirstNetBuffer->DataLength = 9;
        NdisFreeNetBufferList(nbl);
    }
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisFreeNetBufferList_gives_back_a_context_that_was_added)
{
    NDIS_HANDLE pool = nbl_pool(FALSE, 0, 0);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 32, 16);
    ck_assert_ptr_nonnull(nbl->Context);
    ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, 64, 0, 'tseT'), NDIS_STATUS_SUCCESS);
    NdisFreeNetBufferList(nbl);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAllocateNetBufferListContext_uses_back_fill_before_it_allocates)
{
    NDIS_HANDLE pool = nbl_pool(FALSE, 64, 0);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 16, 48);
    NET_BUFFER_LIST_CONTEXT *first = nbl->Context;
    ck_assert_ptr_nonnull(first);
    ck_assert_uint_eq(first->Size - first->Offset, 16);
    ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, 32, 0, 'tseT'), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_eq(nbl->Context, first);
    ck_assert_uint_eq(first->Size - first->Offset, 48);
    memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0xaa, 48);
    ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, 32, 0, 'tseT'), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_ne(nbl->Context, first);
    ck_assert_ptr_eq(nbl->Context->Next, first);
    memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0xbb, 32);
    NdisFreeNetBufferListContext(nbl, 32);
    ck_assert_ptr_eq(nbl->Context, first);
    NdisFreeNetBufferListContext(nbl, 32);
    NdisFreeNetBufferList(nbl);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisFreeNetBufferListContext_gives_back_in_the_reverse_order)
{
    NDIS_HANDLE pool = nbl_pool(FALSE, 0, 0);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
    ck_assert_ptr_null(nbl->Context);
    ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, 16, 0, 'tseT'), NDIS_STATUS_SUCCESS);
    NET_BUFFER_LIST_CONTEXT *below = nbl->Context;
    ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, 32, 0, 'tseT'), NDIS_STATUS_SUCCESS);
    NdisFreeNetBufferListContext(nbl, 32);
    ck_assert_ptr_eq(nbl->Context, below);
    NdisFreeNetBufferListContext(nbl, 16);
    ck_assert_ptr_null(nbl->Context);
    NdisFreeNetBufferList(nbl);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAllocateNetBufferAndNetBufferList_points_its_net_buffer_at_the_data)
{
    uint8_t bytes[128];
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0), other = nbl_pool(FALSE, 0, 0);
    MDL *mdl = NdisAllocateMdl(NULL, bytes, sizeof(bytes));
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, mdl, 20, 100);
    ck_assert_ptr_nonnull(nbl);
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    ck_assert_ptr_eq(NET_BUFFER_FIRST_MDL(nb), mdl);
    ck_assert_ptr_eq(NET_BUFFER_CURRENT_MDL(nb), mdl);
    ck_assert_uint_eq(NET_BUFFER_CURRENT_MDL_OFFSET(nb), 20);
    ck_assert_uint_eq(NET_BUFFER_DATA_OFFSET(nb), 20);
    ck_assert_uint_eq(NET_BUFFER_DATA_LENGTH(nb), 100);
    ck_assert_ptr_null(NdisAllocateNetBufferAndNetBufferList(other, 0, 0, mdl, 0, 1));
    NdisFreeNetBufferList(nbl);
    NdisFreeMdl(mdl);
    NdisFreeNetBufferListPool(other);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAllocateNetBuffer_points_at_the_data_and_knows_its_pool)
{
    uint8_t bytes[64];
    NDIS_HANDLE pool = nb_pool(0);
    MDL *mdl = NdisAllocateMdl(NULL, bytes, sizeof(bytes));
    NET_BUFFER *nb = NdisAllocateNetBuffer(pool, mdl, 14, 50);
    ck_assert_ptr_nonnull(nb);
    ck_assert_ptr_eq(nb->NdisPoolHandle, pool);
    ck_assert_ptr_eq(nb->MdlChain, mdl);
    ck_assert_uint_eq(nb->CurrentMdlOffset, 14);
    ck_assert_uint_eq(nb->DataLength, 50);
    NdisFreeNetBuffer(nb);
    NdisFreeMdl(mdl);
    NdisFreeNetBufferPool(pool);
}

NBL_TEST(NdisFreeNetBuffer_lets_the_pool_use_it_again)
{
    NDIS_HANDLE pool = nb_pool(0);
    NET_BUFFER *first = NdisAllocateNetBuffer(pool, NULL, 0, 0);
    NdisFreeNetBuffer(first);
    NET_BUFFER *second = NdisAllocateNetBuffer(pool, NULL, 0, 0);
    ck_assert_ptr_eq(second, first);
    NdisFreeNetBuffer(second);
    NdisFreeNetBufferPool(pool);
}

NBL_TEST(NdisAllocateNetBufferMdlAndData_brings_an_mdl_over_memory_of_its_own)
{
    NDIS_HANDLE pool = nb_pool(3000), without = nb_pool(0);
    NET_BUFFER *nb = NdisAllocateNetBufferMdlAndData(pool);
    ck_assert_ptr_nonnull(nb);
    ck_assert_uint_eq(MmGetMdlByteCount(nb->MdlChain), 3000);
    ck_assert_ptr_null(nb->MdlChain->Next);
    memset(MmGetSystemAddressForMdlSafe(nb->MdlChain, NormalPagePriority), 0x5a, 3000);
    ck_assert_uint_eq(nb->DataOffset, 0);
    ck_assert_uint_eq(nb->DataLength, 0);
    ck_assert_ptr_null(NdisAllocateNetBufferMdlAndData(without));
    NdisFreeNetBuffer(nb);
    NdisFreeNetBufferPool(without);
    NdisFreeNetBufferPool(pool);
}

NBL_TEST(NdisGetPoolFromNetBuffer_names_the_pool)
{
    NDIS_HANDLE pool = nb_pool(0);
    NET_BUFFER *nb = NdisAllocateNetBuffer(pool, NULL, 0, 0);
    ck_assert_ptr_eq(NdisGetPoolFromNetBuffer(nb), pool);
    NdisFreeNetBuffer(nb);
    NdisFreeNetBufferPool(pool);
}

NBL_TEST(NdisGetPoolFromNetBufferList_names_the_pool)
{
    NDIS_HANDLE pool = nbl_pool(FALSE, 0, 0);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
    ck_assert_ptr_eq(NdisGetPoolFromNetBufferList(nbl), pool);
    NdisFreeNetBufferList(nbl);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAllocateMdl_describes_the_buffer_wherever_it_begins)
{
    _Alignas(PAGE_SIZE) static uint8_t pages[3 * PAGE_SIZE];
    static const struct {
        size_t offset;
        UINT bytes;
    } cases[] = {{0, 1}, {1, PAGE_SIZE}, {PAGE_SIZE - 1, 2}, {17, 2 * PAGE_SIZE}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        MDL *mdl = NdisAllocateMdl(NULL, pages + cases[i].offset, cases[i].bytes);
        ck_assert_ptr_nonnull(mdl);
        ck_assert_ptr_null(mdl->Next);
        ck_assert_ptr_eq(MmGetMdlVirtualAddress(mdl), pages + cases[i].offset);
        ck_assert_uint_eq(MmGetMdlByteCount(mdl), cases[i].bytes);
        ck_assert_uint_eq(MmGetMdlByteOffset(mdl), cases[i].offset % PAGE_SIZE);
        ck_assert_ptr_eq(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), pages + cases[i].offset);
        NdisFreeMdl(mdl);
    }
}
