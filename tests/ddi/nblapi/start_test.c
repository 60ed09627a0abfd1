// SPDX-License-Identifier: MIT
// What the pages of the data start, of context space and of pools promise beyond the plain case: whose memory is freed, by whom, and
// each refusal. [nblapi/nf-nblapi-ndisretreatnetbufferdatastart], [nblapi/nf-nblapi-ndisadvancenetbufferdatastart],
// [nblapi/nf-nblapi-ndisallocatenetbufferlistcontext]
#include <string.h>

#include "nbl_test.h"
#include "nbx/fault.h"

static uint8_t bytes[2][64];
static struct {
    uint32_t allocated, freed;
    ULONG asked;
    bool refuses;
    MDL *last;
} handler;

static PMDL NTAPI
handler_allocate(PULONG size)
{
    handler.asked = *size;
    if (handler.refuses)
        return NULL;
    handler.allocated++;
    return handler.last = NdisAllocateMdl(NULL, NdisAllocateMemoryWithTagPriority(NULL, *size, 'tseT', NormalPoolPriority), *size);
}

static VOID NTAPI
handler_free(PMDL mdl)
{
    ck_assert_ptr_eq(mdl, handler.last);      // its own, and nobody else's
    handler.freed++;
    NdisFreeMemory(MmGetMdlVirtualAddress(mdl), 0, 0);
    NdisFreeMdl(mdl);
}

// A NET_BUFFER over two MDLs; its data is the second half of the first and all of the second.
static NET_BUFFER_LIST *
half(NDIS_HANDLE pool)
{
    MDL *first = NdisAllocateMdl(NULL, bytes[0], 64);
    first->Next = NdisAllocateMdl(NULL, bytes[1], 64);
    memset(&handler, 0, sizeof handler);
    return NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, first, 32, 96);
}

static void
half_free(NET_BUFFER_LIST *nbl, MDL *chain)
{
    NET_BUFFER *nb = nbl->FirstNetBuffer;
    ck_assert_ptr_eq(nb->MdlChain, chain);
    ck_assert_uint_eq(nb->DataOffset, 32);
    ck_assert_uint_eq(nb->DataLength, 96);
    NdisFreeMdl(chain->Next);
    NdisFreeMdl(chain);
    NdisFreeNetBufferList(nbl);
}

static void
arm(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
}

NBL_TEST(NdisRetreatNetBufferDataStart_asks_the_drivers_handler_for_what_is_missing_and_the_back_fill)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    NET_BUFFER_LIST *nbl = half(pool);
    NET_BUFFER *nb = nbl->FirstNetBuffer;
    MDL *chain = nb->MdlChain;
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 32, 0, handler_allocate), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(handler.allocated, 0);                 // there was room
    NdisAdvanceNetBufferDataStart(nb, 32, TRUE, handler_free);
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 50, 6, handler_allocate), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(handler.asked, 18 + 6);
    ck_assert_ptr_eq(nb->MdlChain, handler.last);
    ck_assert_uint_eq(nb->DataOffset, 6);
    ck_assert_uint_eq(nb->DataLength, 146);
    ck_assert_ptr_eq(nb->CurrentMdl, handler.last);
    ck_assert_uint_eq(nb->CurrentMdlOffset, 6);
    NdisAdvanceNetBufferDataStart(nb, 50, TRUE, handler_free);
    ck_assert_uint_eq(handler.freed, 1);
    half_free(nbl, chain);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisRetreatNetBufferDataStart_says_RESOURCES_and_changes_nothing_without_memory)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    NET_BUFFER_LIST *nbl = half(pool);
    NET_BUFFER *nb = nbl->FirstNetBuffer;
    MDL *chain = nb->MdlChain;
    handler.refuses = true;
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 50, 0, handler_allocate), NDIS_STATUS_RESOURCES);
    arm();
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 32, 0, NULL), NDIS_STATUS_SUCCESS);   // needs none
    NdisAdvanceNetBufferDataStart(nb, 32, FALSE, NULL);
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 50, 0, NULL), NDIS_STATUS_RESOURCES);
    nbx_fault_disarm(NULL);
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 40, UINT32_MAX, NULL), NDIS_STATUS_RESOURCES);
    half_free(nbl, chain);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAdvanceNetBufferDataStart_frees_only_what_a_retreat_has_allocated)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    NET_BUFFER_LIST *nbl = half(pool);
    NET_BUFFER *nb = nbl->FirstNetBuffer;
    MDL *chain = nb->MdlChain;
    NdisAdvanceNetBufferDataStart(nb, 40, TRUE, handler_free);   // past the first MDL, which is the owner's
    ck_assert_uint_eq(handler.freed, 0);
    ck_assert_ptr_eq(nb->MdlChain, chain);
    ck_assert_ptr_eq(nb->CurrentMdl, chain->Next);
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 40, 0, NULL), NDIS_STATUS_SUCCESS);
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 50, 0, NULL), NDIS_STATUS_SUCCESS);
    NdisAdvanceNetBufferDataStart(nb, 50, TRUE, handler_free);   // NDIS's own memory: the handler is not for that
    ck_assert_uint_eq(handler.freed, 0);
    half_free(nbl, chain);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAdvanceNetBufferDataStart_keeps_an_unused_mdl_for_the_next_retreat_unless_told_to_free_it)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    NET_BUFFER_LIST *nbl = half(pool);
    NET_BUFFER *nb = nbl->FirstNetBuffer;
    MDL *chain = nb->MdlChain;
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 50, 0, NULL), NDIS_STATUS_SUCCESS);
    MDL *added = nb->MdlChain;
    NdisAdvanceNetBufferDataStart(nb, 50, FALSE, NULL);
    ck_assert_ptr_eq(nb->MdlChain, added);
    ck_assert_ptr_eq(nb->CurrentMdl, chain);
    arm();                                                   // no memory is asked for now
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 50, 0, NULL), NDIS_STATUS_SUCCESS);
    nbx_fault_disarm(NULL);
    ck_assert_ptr_eq(nb->MdlChain, added);
    NdisAdvanceNetBufferDataStart(nb, 50, TRUE, NULL);
    half_free(nbl, chain);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAllocateNetBufferListContext_takes_back_fill_and_refuses_sizes_that_are_no_multiple_of_a_pointer)
{
    NDIS_HANDLE pool = nbl_pool(FALSE, 0, 0);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
    ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, 12, 0, 'tseT'), NDIS_STATUS_FAILURE);
    ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, 16, 4, 'tseT'), NDIS_STATUS_FAILURE);
    ck_assert_ptr_null(nbl->Context);
    ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, 0xfff8, 0x10, 'tseT'), NDIS_STATUS_RESOURCES);   // more than can be
    arm();
    ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, 16, 32, 'tseT'), NDIS_STATUS_RESOURCES);
    ck_assert_ptr_null(nbl->Context);
    ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, 16, 32, 'tseT'), NDIS_STATUS_SUCCESS);
    nbx_fault_disarm(NULL);
    NET_BUFFER_LIST_CONTEXT *context = nbl->Context;
    ck_assert_uint_eq((uintptr_t)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl) % sizeof(void *), 0);
    ck_assert_uint_eq(context->Offset, 32);
    memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0x11, 16);
    ck_assert_int_eq(NdisAllocateNetBufferListContext(nbl, 32, 0, 'tseT'), NDIS_STATUS_SUCCESS);   // out of the back fill
    ck_assert_ptr_eq(nbl->Context, context);
    ck_assert_uint_eq(context->Offset, 0);
    memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0x22, 32);
    NdisFreeNetBufferListContext(nbl, 32);
    ck_assert_ptr_eq(nbl->Context, context);
    ck_assert_uint_eq(*(uint8_t *)NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 0x11);                  // what was there before
    NdisFreeNetBufferListContext(nbl, 16);
    ck_assert_ptr_null(nbl->Context);                        // the memory went with the last of it
    NdisFreeNetBufferList(nbl);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAllocateNetBufferListPool_returns_NULL_without_memory)
{
    NET_BUFFER_LIST_POOL_PARAMETERS p = nbl_pool_parameters(TRUE, 16, 64);
    arm();
    ck_assert_ptr_null(NdisAllocateNetBufferListPool(NULL, &p));
    NDIS_HANDLE pool = NdisAllocateNetBufferListPool(NULL, &p);
    nbx_fault_disarm(NULL);
    ck_assert_ptr_nonnull(pool);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(pool, 0, 0);
    ck_assert_uint_ge(MmGetMdlByteCount(nbl->FirstNetBuffer->MdlChain), 64);   // NET_BUFFER, MDL and data come with the list
    NdisFreeNetBufferList(nbl);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAllocateNetBufferPool_returns_NULL_without_memory_and_takes_a_data_size)
{
    NET_BUFFER_POOL_PARAMETERS p = {.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_POOL_PARAMETERS_REVISION_1,
                                               NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1},
                                    .PoolTag = 'tseT',
                                    .DataSize = 128};
    arm();
    ck_assert_ptr_null(NdisAllocateNetBufferPool(NULL, &p));
    NDIS_HANDLE pool = NdisAllocateNetBufferPool(NULL, &p);
    nbx_fault_disarm(NULL);
    ck_assert_ptr_nonnull(pool);
    NET_BUFFER *nb = NdisAllocateNetBufferMdlAndData(pool);
    ck_assert_uint_eq(MmGetMdlByteCount(nb->MdlChain), 128);
    NdisFreeNetBuffer(nb);
    p.Header.Type = NDIS_OBJECT_TYPE_OID_REQUEST;
    NDIS_HANDLE refused = NdisAllocateNetBufferPool(NULL, &p);
    ck_assert_ptr_null(refused);
    NdisFreeNetBufferPool(pool);
}

NBL_TEST(NdisQueryMdl_gives_the_length_alone_when_no_address_is_wanted)
{
    MDL *mdl = NdisAllocateMdl(NULL, bytes[0] + 3, 40);
    UINT length = 0;
    NdisQueryMdl(mdl, NULL, &length, NormalPagePriority);
    ck_assert_uint_eq(length, 40);
    NdisFreeMdl(mdl);
}
