// SPDX-License-Identifier: MIT
// The data of a NET_BUFFER: moving its start back and forth, and reading it in one piece.
// Sources: [nblapi/nf-nblapi-ndisretreatnetbufferdatastart], [.../nf-nblapi-ndisadvancenetbufferdatastart],
// [.../nf-nblapi-ndisgetdatabuffer].
#include <string.h>

#include "nbl_test.h"

static uint8_t bytes[2][64];

// One NET_BUFFER over two MDLs of 64 bytes that count 0, 1, 2 ...; its data begins at offset.
static NET_BUFFER_LIST *
two_mdls(NDIS_HANDLE pool, ULONG offset, SIZE_T length)
{
    for (int i = 0; i < 128; i++)
        bytes[i / 64][i % 64] = (uint8_t)i;
    MDL *first = NdisAllocateMdl(NULL, bytes[0], 64);
    first->Next = NdisAllocateMdl(NULL, bytes[1], 64);
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(pool, 0, 0, first, offset, length);
    ck_assert_ptr_nonnull(nbl);
    return nbl;
}

static void
free_two_mdls(NET_BUFFER_LIST *nbl)
{
    MDL *first = nbl->FirstNetBuffer->MdlChain, *second = first->Next;
    ck_assert_ptr_eq(MmGetMdlVirtualAddress(first), bytes[0]);
    NdisFreeMdl(second);
    NdisFreeMdl(first);
    NdisFreeNetBufferList(nbl);
}

NBL_TEST(NdisAdvanceNetBufferDataStart_moves_across_mdls)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    NET_BUFFER_LIST *nbl = two_mdls(pool, 10, 100);
    NET_BUFFER *nb = nbl->FirstNetBuffer;
    NdisAdvanceNetBufferDataStart(nb, 60, FALSE, NULL);
    ck_assert_uint_eq(nb->DataOffset, 70);
    ck_assert_uint_eq(nb->DataLength, 40);
    ck_assert_ptr_eq(nb->CurrentMdl, nb->MdlChain->Next);
    ck_assert_uint_eq(nb->CurrentMdlOffset, 6);
    free_two_mdls(nbl);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisRetreatNetBufferDataStart_uses_the_room_before_the_data)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    NET_BUFFER_LIST *nbl = two_mdls(pool, 70, 40);
    NET_BUFFER *nb = nbl->FirstNetBuffer;
    MDL *chain = nb->MdlChain;
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 60, 0, NULL), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_eq(nb->MdlChain, chain);
    ck_assert_uint_eq(nb->DataOffset, 10);
    ck_assert_uint_eq(nb->DataLength, 100);
    ck_assert_ptr_eq(nb->CurrentMdl, chain);
    ck_assert_uint_eq(nb->CurrentMdlOffset, 10);
    free_two_mdls(nbl);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisRetreatNetBufferDataStart_puts_an_mdl_in_front_when_there_is_no_room)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    NET_BUFFER_LIST *nbl = two_mdls(pool, 10, 100);
    NET_BUFFER *nb = nbl->FirstNetBuffer;
    MDL *chain = nb->MdlChain;
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 24, 8, NULL), NDIS_STATUS_SUCCESS);
    ck_assert_ptr_ne(nb->MdlChain, chain);
    ck_assert_ptr_eq(nb->MdlChain->Next, chain);
    ck_assert_uint_eq(nb->DataLength, 124);
    ck_assert_uint_eq(nb->DataOffset, 8);     // the back fill that was asked for
    uint8_t copy[124];
    uint8_t *data = NdisGetDataBuffer(nb, 124, copy, 1, 0);
    ck_assert_ptr_eq(data, copy);
    for (int i = 0; i < 110; i++)             // the new MDL holds 14 bytes; all of the old ones follow
        ck_assert_uint_eq(copy[14 + i], i);
    NdisAdvanceNetBufferDataStart(nb, 24, TRUE, NULL);
    ck_assert_ptr_eq(nb->MdlChain, chain);
    ck_assert_uint_eq(nb->DataOffset, 10);
    ck_assert_uint_eq(nb->DataLength, 100);
    free_two_mdls(nbl);
    NdisFreeNetBufferListPool(pool);
}

static struct {
    unsigned allocated, freed, fail_after;
} handlers;

static PMDL NTAPI
handler_allocate(PULONG BufferSize)
{
    if (handlers.allocated >= handlers.fail_after)
        return NULL;
    handlers.allocated++;
    return NdisAllocateMdl(NULL, NdisAllocateMemoryWithTagPriority(NULL, *BufferSize, 'tseT', NormalPoolPriority), *BufferSize);
}

static VOID NTAPI
handler_free(PMDL Mdl)
{
    handlers.freed++;
    NdisFreeMemory(MmGetMdlVirtualAddress(Mdl), 0, 0);
    NdisFreeMdl(Mdl);
}

NBL_TEST(NdisRetreatNetBufferListDataStart_moves_all_net_buffers_or_none)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0), more = nb_pool(0);
    NET_BUFFER_LIST *nbl = two_mdls(pool, 0, 100);
    MDL *chain = nbl->FirstNetBuffer->MdlChain;
    NET_BUFFER *second = NdisAllocateNetBuffer(more, chain, 0, 50);
    nbl->FirstNetBuffer->Next = second;
    handlers.fail_after = 1;
    ck_assert_int_eq(NdisRetreatNetBufferListDataStart(nbl, 16, 0, handler_allocate, handler_free), NDIS_STATUS_RESOURCES);
    ck_assert_uint_eq(handlers.allocated, 1);
    ck_assert_uint_eq(handlers.freed, 1);
    ck_assert_ptr_eq(nbl->FirstNetBuffer->MdlChain, chain);
    ck_assert_uint_eq(nbl->FirstNetBuffer->DataLength, 100);
    ck_assert_uint_eq(second->DataLength, 50);
    handlers.fail_after = 100;
    ck_assert_int_eq(NdisRetreatNetBufferListDataStart(nbl, 16, 0, handler_allocate, handler_free), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(nbl->FirstNetBuffer->DataLength, 116);
    ck_assert_uint_eq(second->DataLength, 66);
    NdisAdvanceNetBufferListDataStart(nbl, 16, TRUE, handler_free);
    ck_assert_uint_eq(handlers.freed, handlers.allocated);
    NdisFreeNetBuffer(second);
    nbl->FirstNetBuffer->Next = NULL;
    free_two_mdls(nbl);
    NdisFreeNetBufferPool(more);
    NdisFreeNetBufferListPool(pool);
}

static KIRQL handler_irql;
static ULONG handler_bytes;
static PMDL handler_gave, handler_took;

static PMDL NTAPI
handler_allocate_looking(PULONG BufferSize)
{
    handler_irql = KeGetCurrentIrql();
    handler_bytes = *BufferSize;
    return handler_gave = handler_allocate(BufferSize);
}

static VOID NTAPI
handler_free_looking(PMDL Mdl)
{
    handler_irql = KeGetCurrentIrql();
    handler_took = Mdl;
    handler_free(Mdl);
}

static void
handlers_are_called(void)
{
    KIRQL irql;
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    NET_BUFFER_LIST *nbl = two_mdls(pool, 0, 100);
    NET_BUFFER *nb = nbl->FirstNetBuffer;
    MDL *chain = nb->MdlChain;
    handlers.fail_after = 100;
    handlers.allocated = handlers.freed = 0;
    for (int high = 0; high < 2; high++) {
        KeRaiseIrql(high ? DISPATCH_LEVEL : PASSIVE_LEVEL, &irql);
        ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 40, 8, handler_allocate_looking), NDIS_STATUS_SUCCESS);
        ck_assert_uint_eq(handler_irql, high ? DISPATCH_LEVEL : PASSIVE_LEVEL);   // the caller's
        ck_assert_uint_eq(handler_bytes, 48);     // what is to be had: the retreat and what is wanted before it
        ck_assert_ptr_eq(nb->MdlChain, handler_gave);
        ck_assert_ptr_eq(nb->MdlChain->Next, chain);
        ck_assert_uint_eq(nb->DataLength, 140);
        // Room that is there already needs no memory.
        ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 8, 0, handler_allocate_looking), NDIS_STATUS_SUCCESS);
        ck_assert_uint_eq(handlers.allocated, (unsigned)high + 1);
        NdisAdvanceNetBufferDataStart(nb, 8, TRUE, handler_free_looking);
        ck_assert_uint_eq(handlers.freed, (unsigned)high);
        NdisAdvanceNetBufferDataStart(nb, 40, TRUE, handler_free_looking);
        KeLowerIrql(irql);
        ck_assert_ptr_eq(handler_took, handler_gave);
        ck_assert_uint_eq(handler_irql, high ? DISPATCH_LEVEL : PASSIVE_LEVEL);
        ck_assert_uint_eq(handlers.freed, (unsigned)high + 1);
        ck_assert_ptr_eq(nb->MdlChain, chain);
    }
    handlers.fail_after = 0;
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(nb, 40, 0, handler_allocate_looking), NDIS_STATUS_RESOURCES);
    ck_assert_ptr_eq(nb->MdlChain, chain);        // nothing has moved
    ck_assert_uint_eq(nb->DataLength, 100);
    free_two_mdls(nbl);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NetAllocateMdl_is_asked_for_the_size_that_is_missing_at_the_callers_IRQL_and_may_fail)
{
    handlers_are_called();
}

NBL_TEST(NetFreeMdl_gets_back_what_NetAllocateMdl_gave_when_the_data_no_longer_begins_in_it)
{
    handlers_are_called();
}

NBL_TEST(NdisAdvanceNetBufferListDataStart_moves_every_net_buffer)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0), more = nb_pool(0);
    NET_BUFFER_LIST *nbl = two_mdls(pool, 0, 100);
    NET_BUFFER *second = NdisAllocateNetBuffer(more, nbl->FirstNetBuffer->MdlChain, 60, 50);
    nbl->FirstNetBuffer->Next = second;
    NdisAdvanceNetBufferListDataStart(nbl, 14, FALSE, NULL);
    ck_assert_uint_eq(nbl->FirstNetBuffer->DataOffset, 14);
    ck_assert_uint_eq(nbl->FirstNetBuffer->DataLength, 86);
    ck_assert_uint_eq(second->DataOffset, 74);
    ck_assert_uint_eq(second->CurrentMdlOffset, 10);
    ck_assert_uint_eq(second->DataLength, 36);
    NdisFreeNetBuffer(second);
    nbl->FirstNetBuffer->Next = NULL;
    free_two_mdls(nbl);
    NdisFreeNetBufferPool(more);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisAdjustNetBufferCurrentMdl_follows_the_data_offset)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    NET_BUFFER_LIST *nbl = two_mdls(pool, 0, 100);
    NET_BUFFER *nb = nbl->FirstNetBuffer;
    nb->DataOffset = 100;
    nb->DataLength = 20;
    NdisAdjustNetBufferCurrentMdl(nb);
    ck_assert_ptr_eq(nb->CurrentMdl, nb->MdlChain->Next);
    ck_assert_uint_eq(nb->CurrentMdlOffset, 36);
    free_two_mdls(nbl);
    NdisFreeNetBufferListPool(pool);
}

NBL_TEST(NdisGetDataBuffer_copies_only_when_it_must)
{
    NDIS_HANDLE pool = nbl_pool(TRUE, 0, 0);
    NET_BUFFER_LIST *nbl = two_mdls(pool, 10, 100);
    NET_BUFFER *nb = nbl->FirstNetBuffer;
    _Alignas(16) uint8_t storage[128];
    memset(storage, 0xee, sizeof(storage));
    ck_assert_ptr_eq(NdisGetDataBuffer(nb, 54, storage, 1, 0), bytes[0] + 10);
    ck_assert_uint_eq(storage[0], 0xee);
    ck_assert_ptr_null(NdisGetDataBuffer(nb, 55, NULL, 1, 0));
    ck_assert_ptr_eq(NdisGetDataBuffer(nb, 55, storage, 1, 0), storage);
    for (int i = 0; i < 55; i++)
        ck_assert_uint_eq(storage[i], 10 + i);
    ck_assert_uint_eq(storage[55], 0xee);
    ck_assert_ptr_null(NdisGetDataBuffer(nb, 101, storage, 1, 0));
    free_two_mdls(nbl);
    NdisFreeNetBufferListPool(pool);
}
