// SPDX-License-Identifier: MIT
// Pools, NET_BUFFER_LISTs, NET_BUFFERs and MDLs: what is freed with what, and what happens when memory runs out.
// Sources: [nblapi/nf-nblapi-ndisallocatenetbufferlist], [nblapi/nf-nblapi-ndisfreenetbufferlist] and their kin,
// [mdlapi/nf-mdlapi-ndisallocatemdl], [nblapi/nf-nblapi-ndisadvancenetbufferdatastart].
#include <malloc.h>
#include <string.h>
#include <sys/resource.h>

#include "nbl_test.h"

#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)   // they end the process when memory runs out
static struct rlimit memory_before;

// From here to memory_back() nothing more can be had from the system.
static void
memory_gone(void)
{
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &memory_before), 0);
    struct rlimit tight = {.rlim_cur = 1 << 20, .rlim_max = memory_before.rlim_max};
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &tight), 0);
}

static void
memory_back(void)
{
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &memory_before), 0);
}

NBL_TEST(NdisAllocateNetBufferList_returns_NULL_when_there_is_no_memory)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 1 << 20);
    memory_gone();
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
    memory_back();
    ck_assert_ptr_null(nbl);
    nbl = NdisAllocateNetBufferList(pool, 0, 0);   // and can again once there is some
    ck_assert_ptr_nonnull(nbl);
    NdisFreeNetBufferList(nbl);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAllocateNetBufferMdlAndData_returns_NULL_when_there_is_no_memory)
{
    NDIS_HANDLE pool = nb_pool(1 << 20);
    memory_gone();
    NET_BUFFER *nb = NdisAllocateNetBufferMdlAndData(pool);
    memory_back();
    ck_assert_ptr_null(nb);
    NdisFreeNetBufferPool(pool);
}

// Blocks without data are small; with the pool's stock and the heap's used up there are no more.
NBL_TEST(NdisAllocateNetBufferAndNetBufferList_returns_NULL_when_there_is_no_memory)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    NET_BUFFER_LIST *all = NULL, *nbl;
    memory_gone();
    while ((nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, NULL, 0, 0))) {
        nbl->Next = all;
        all = nbl;
    }
    memory_back();
    while ((nbl = all)) {
        all = nbl->Next;
        NdisFreeNetBufferList(nbl);
    }
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAllocateNetBuffer_returns_NULL_when_there_is_no_memory)
{
    NDIS_HANDLE pool = nb_pool(0);
    NET_BUFFER *all = NULL, *nb;
    memory_gone();
    while ((nb = NdisAllocateNetBuffer(pool, NULL, 0, 0))) {
        nb->Next = all;
        all = nb;
    }
    memory_back();
    while ((nb = all)) {
        all = nb->Next;
        NdisFreeNetBuffer(nb);
    }
    NdisFreeNetBufferPool(pool);
}

// The page array of an MDL over 1 GB is 2 MB; what it describes need not be there to be described.
NBL_TEST(NdisAllocateMdl_returns_NULL_when_there_is_no_memory)
{
    static uint8_t byte;
    memory_gone();
    MDL *mdl = NdisAllocateMdl(NULL, &byte, 1u << 30);
    memory_back();
    ck_assert_ptr_null(mdl);
}
#endif

NBL_TEST(NdisAllocateNetBufferList_brings_net_buffer_mdl_and_data_of_its_pool)
{
    static const ULONG sizes[] = {64, 2048, 9000, 70000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        NDIS_HANDLE pool = nbl_pool(TRUE, 0, sizes[i]);
        NET_BUFFER_LIST *nbls[3];
        for (int n = 0; n < 3; n++) {
            nbls[n] = NdisAllocateNetBufferList(pool, 0, 0);
            ck_assert_ptr_nonnull(nbls[n]);
            MDL *mdl = nbls[n]->FirstNetBuffer->MdlChain;
            ck_assert_ptr_null(mdl->Next);
            ck_assert_uint_eq(MmGetMdlByteCount(mdl), sizes[i]);
            memset(MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority), n, sizes[i]);
        }
        for (int n = 0; n < 3; n++) {                  // each has its own
            uint8_t *data = MmGetSystemAddressForMdlSafe(nbls[n]->FirstNetBuffer->MdlChain, NormalPagePriority);
            ck_assert_uint_eq(data[0], n);
            ck_assert_uint_eq(data[sizes[i] - 1], n);
            NdisFreeNetBufferList(nbls[n]);
        }
        NdisFreeNetBufferListPool(pool);
    }
}

NBL_TEST(NdisAllocateNetBufferList_without_net_buffer_and_with_context_of_used_and_unused_space)
{
    NDIS_HANDLE pool = nbl_pool(FALSE, 0, 0);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 32, 16);
    ck_assert_ptr_null(nbl->FirstNetBuffer);
    ck_assert_uint_eq(nbl->Context->Size - nbl->Context->Offset, 32);
    ck_assert_uint_eq(nbl->Context->Offset, 16);
    memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0xaa, 32);
    NdisFreeNetBufferList(nbl);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAllocateNetBufferAndNetBufferList_takes_context_and_no_mdl_and_refuses_a_pool_with_data)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0), with_data = nbl_pool(TRUE, 0, 100);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 32, 16, NULL, 0, 0);
    ck_assert_ptr_nonnull(nbl);
    ck_assert_uint_eq(nbl->Context->Size - nbl->Context->Offset, 32);
    ck_assert_uint_eq(nbl->Context->Offset, 16);
    ck_assert_ptr_null(nbl->FirstNetBuffer->MdlChain);
    ck_assert_ptr_null(nbl->FirstNetBuffer->CurrentMdl);
    ck_assert_uint_eq(nbl->FirstNetBuffer->DataLength, 0);
    ck_assert_ptr_null(NdisAllocateNetBufferAndNetBufferList(with_data, 0, 0, NULL, 0, 0));
    NdisFreeNetBufferList(nbl);
    NdisFreeNetBufferListPool(with_data);
    NdisFreeNetBufferListPool(pool);
}

// Freed twice as often as the pool holds at once: what is freed is given out again, with its own NET_BUFFER.
NBL_TEST(NdisFreeNetBufferList_gives_list_and_preallocated_net_buffer_back_to_the_pool)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    NET_BUFFER_LIST *first = NdisAllocateNetBufferList(pool, 0, 0);
    NET_BUFFER *own = first->FirstNetBuffer;
    NdisFreeNetBufferList(first);
    NET_BUFFER_LIST *again = NdisAllocateNetBufferList(pool, 0, 0);
    ck_assert_ptr_eq(again, first);
    ck_assert_ptr_eq(again->FirstNetBuffer, own);
    NdisFreeNetBufferList(again);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisFreeNetBufferList_leaves_net_buffers_of_another_pool_to_their_owner)
{
    NDIS_HANDLE pool = nbl_pool(FALSE, 0, 0), buffers = nb_pool(0);
    NET_BUFFER *nb = NdisAllocateNetBuffer(buffers, NULL, 0, 0);
    for (int round = 0; round < 3; round++) {          // the same one is used again
        NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
        nbl->FirstNetBuffer = nb;
        NdisFreeNetBufferList(nbl);
        ck_assert_ptr_eq(nb->NdisPoolHandle, buffers);
        NET_BUFFER *other = NdisAllocateNetBuffer(buffers, NULL, 0, 0);
        ck_assert_ptr_ne(other, nb);
        NdisFreeNetBuffer(other);
    }
    NdisFreeNetBuffer(nb);
    NdisFreeNetBufferPool(buffers);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisFreeNetBufferListPool_frees_the_pool_after_all_its_lists)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 32, 2048);
    NET_BUFFER_LIST *nbls[200];
    for (int i = 0; i < 200; i++)
        ck_assert_ptr_nonnull(nbls[i] = NdisAllocateNetBufferList(pool, 0, 0));
    for (int i = 0; i < 200; i++)
        NdisFreeNetBufferList(nbls[i * 7 % 200]);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisFreeNetBufferPool_frees_the_pool_after_all_its_net_buffers)
{
    NDIS_HANDLE pool = nb_pool(2048);
    NET_BUFFER *nbs[200];
    for (int i = 0; i < 200; i++)
        ck_assert_ptr_nonnull(nbs[i] = NdisAllocateNetBufferMdlAndData(pool));
    for (int i = 0; i < 200; i++)
        NdisFreeNetBuffer(nbs[i * 7 % 200]);
    NdisFreeNetBufferPool(pool);
}

NBL_TEST(NdisFreeNetBuffer_frees_mdl_and_data_with_it)
{
    NDIS_HANDLE pool = nb_pool(3000);
    NET_BUFFER *first = NdisAllocateNetBufferMdlAndData(pool);
    MDL *mdl = first->MdlChain;
    NdisFreeNetBuffer(first);
    NET_BUFFER *second = NdisAllocateNetBufferMdlAndData(pool);
    ck_assert_ptr_eq(second, first);
    ck_assert_ptr_eq(second->MdlChain, mdl);
    NdisFreeNetBuffer(second);
    NdisFreeNetBufferPool(pool);
}

NBL_TEST(NdisAllocateNetBuffer_takes_no_mdl_and_a_chain_whose_data_begins_in_its_second)
{
    static uint8_t bytes[2][64];
    NDIS_HANDLE pool = nb_pool(0);
    NET_BUFFER *nb = NdisAllocateNetBuffer(pool, NULL, 0, 0);
    ck_assert_ptr_null(nb->Next);
    ck_assert_ptr_null(nb->MdlChain);
    ck_assert_ptr_null(nb->CurrentMdl);
    ck_assert_uint_eq(nb->DataLength, 0);
    NdisFreeNetBuffer(nb);
    MDL *first = NdisAllocateMdl(NULL, bytes[0], 64);
    first->Next = NdisAllocateMdl(NULL, bytes[1], 64);
    nb = NdisAllocateNetBuffer(pool, first, 70, 50);
    ck_assert_ptr_eq(nb->MdlChain, first);
    ck_assert_ptr_eq(nb->CurrentMdl, first->Next);
    ck_assert_uint_eq(nb->CurrentMdlOffset, 6);
    ck_assert_uint_eq(nb->DataOffset, 70);
    ck_assert_uint_eq(nb->DataLength, 50);
    NdisFreeNetBuffer(nb);
    NdisFreeMdl(first->Next);
    NdisFreeMdl(first);
    NdisFreeNetBufferPool(pool);
}

static size_t
heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// In asan builds malloc tells nothing, and the leak check tells instead.
NBL_TEST(NdisFreeMdl_gives_the_memory_of_the_mdl_back)
{
    static uint8_t byte;
    NdisFreeMdl(NdisAllocateMdl(NULL, &byte, 64 << 20));
    size_t before = heap_bytes();
    for (int i = 0; i < 100; i++)
        NdisFreeMdl(NdisAllocateMdl(NULL, &byte, 64 << 20));   // 128 KB of page array each
    ck_assert_uint_lt(heap_bytes(), before + (1 << 20));
}

NBL_TEST(NdisFreeMdl_frees_the_mdl_and_leaves_buffer_and_next_alone)
{
    static uint8_t bytes[2][64];
    memset(bytes, 0x5a, sizeof bytes);
    MDL *first = NdisAllocateMdl(NULL, bytes[0], 64), *second = NdisAllocateMdl(NULL, bytes[1], 64);
    first->Next = second;
    NdisFreeMdl(first);
    ck_assert_ptr_eq(MmGetMdlVirtualAddress(second), bytes[1]);
    ck_assert_uint_eq(bytes[0][63], 0x5a);
    NdisFreeMdl(second);
}
