// SPDX-License-Identifier: MIT
// The data start of all NET_BUFFERs of a list at once, and CurrentMdl after DataOffset was changed by hand.
// [nblapi/nf-nblapi-ndisretreatnetbufferlistdatastart], [nblapi/nf-nblapi-ndisadvancenetbufferlistdatastart],
// [nblapi/nf-nblapi-ndisadjustnetbuffercurrentmdl]
#include <string.h>

#include "nbl_test.h"
#include "nbx/fault.h"

static uint8_t bytes[3][64];
static struct {
    uint32_t allocated, freed, may;
    ULONG asked[4];
    KIRQL irql;
} handler;

static PMDL NTAPI
handler_allocate(PULONG size)
{
    handler.irql = KeGetCurrentIrql();
    if (handler.allocated == handler.may)
        return NULL;
    handler.asked[handler.allocated++] = *size;
    return NdisAllocateMdl(NULL, NdisAllocateMemoryWithTagPriority(NULL, *size, 'tseT', NormalPoolPriority), *size);
}

static VOID NTAPI
handler_free(PMDL mdl)
{
    handler.freed++;
    NdisFreeMemory(MmGetMdlVirtualAddress(mdl), 0, 0);
    NdisFreeMdl(mdl);
}

struct three {
    NDIS_HANDLE pool, nb_pool;
    NET_BUFFER_LIST *nbl;
    NET_BUFFER *nb[3];
    MDL *mdl[3];
};

// Three NET_BUFFERs, each over an MDL of its own, with 0, 20 and 40 bytes before their data.
static struct three
three_make(void)
{
    struct three t = {.pool = nbl_pool(TRUE, 0, 0), .nb_pool = nb_pool(0)};
    memset(&handler, 0, sizeof handler);
    handler.may = UINT32_MAX;
    for (int i = 0; i < 3; i++)
        t.mdl[i] = NdisAllocateMdl(NULL, bytes[i], 64);
    t.nbl = NdisAllocateNetBufferAndNetBufferList(t.pool, 0, 0, t.mdl[0], 0, 24);
    t.nb[0] = t.nbl->FirstNetBuffer;
    t.nb[1] = t.nb[0]->Next = NdisAllocateNetBuffer(t.nb_pool, t.mdl[1], 20, 24);
    t.nb[2] = t.nb[1]->Next = NdisAllocateNetBuffer(t.nb_pool, t.mdl[2], 40, 24);
    return t;
}

static void
three_are_as_made(const struct three *t)
{
    for (ULONG i = 0; i < 3; i++) {
        ck_assert_ptr_eq(t->nb[i]->MdlChain, t->mdl[i]);
        ck_assert_uint_eq(t->nb[i]->DataOffset, 20 * i);
        ck_assert_uint_eq(t->nb[i]->DataLength, 24);
        ck_assert_ptr_eq(t->nb[i]->CurrentMdl, t->mdl[i]);
        ck_assert_uint_eq(t->nb[i]->CurrentMdlOffset, 20 * i);
    }
}

static void
three_free(struct three *t)
{
    three_are_as_made(t);
    NdisFreeNetBuffer(t->nb[2]);
    NdisFreeNetBuffer(t->nb[1]);
    t->nb[0]->Next = NULL;
    NdisFreeNetBufferList(t->nbl);
    for (int i = 0; i < 3; i++)
        NdisFreeMdl(t->mdl[i]);
    NdisFreeNetBufferPool(t->nb_pool);
    NdisFreeNetBufferListPool(t->pool);
}

static void
arm(uint64_t number)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = number, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
}

NBL_TEST(NdisRetreatNetBufferListDataStart_uses_the_room_there_is_and_asks_for_what_is_missing_with_the_back_fill)
{
    struct three t = three_make();
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    ck_assert_int_eq(NdisRetreatNetBufferListDataStart(t.nbl, 30, 6, handler_allocate, handler_free), NDIS_STATUS_SUCCESS);
    ck_assert_uint_eq(handler.irql, DISPATCH_LEVEL);
    ck_assert_uint_eq(handler.allocated, 2);          // the third had 40 bytes
    ck_assert_uint_eq(handler.asked[0], 30 + 6);
    ck_assert_uint_eq(handler.asked[1], 10 + 6);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(t.nb[i]->DataLength, 54);
        ck_assert_uint_eq(t.nb[i]->DataOffset, i < 2 ? 6 : 10);
        ck_assert_ptr_eq(t.nb[i]->CurrentMdl, t.nb[i]->MdlChain);
    }
    ck_assert_ptr_eq(t.nb[1]->MdlChain->Next, t.mdl[1]);
    ck_assert_ptr_eq(t.nb[2]->MdlChain, t.mdl[2]);
    NdisAdvanceNetBufferListDataStart(t.nbl, 30, TRUE, handler_free);
    KeLowerIrql(old);
    ck_assert_uint_eq(handler.freed, 2);
    three_free(&t);
}

NBL_TEST(NdisRetreatNetBufferListDataStart_without_a_handler_has_NDIS_allocate)
{
    struct three t = three_make();
    ck_assert_int_eq(NdisRetreatNetBufferListDataStart(t.nbl, 30, 0, NULL, NULL), NDIS_STATUS_SUCCESS);
    memset(MmGetMdlVirtualAddress(t.nb[0]->MdlChain), 0x11, 30);
    NdisAdvanceNetBufferListDataStart(t.nbl, 30, TRUE, NULL);
    three_free(&t);
}

NBL_TEST(NdisRetreatNetBufferListDataStart_without_memory_says_RESOURCES_and_leaves_every_net_buffer_as_it_was)
{
    struct three t = three_make();
    handler.may = 1;                                  // the second gets none
    ck_assert_int_eq(NdisRetreatNetBufferListDataStart(t.nbl, 30, 0, handler_allocate, handler_free), NDIS_STATUS_RESOURCES);
    ck_assert_uint_eq(handler.freed, 1);
    three_are_as_made(&t);
    for (uint64_t number = 1; number < 3; number++) { // NDIS has none for the first, for the second
        arm(number);
        ck_assert_int_eq(NdisRetreatNetBufferListDataStart(t.nbl, 30, 0, NULL, NULL), NDIS_STATUS_RESOURCES);
        nbx_fault_disarm(NULL);
        three_are_as_made(&t);
    }
    three_free(&t);
}

NBL_TEST(NdisRetreatNetBufferListDataStart_says_FAILURE_when_the_length_could_not_be_described)
{
    struct three t = three_make();
    ck_assert_int_eq(NdisRetreatNetBufferListDataStart(t.nbl, UINT32_MAX - 23, 0, handler_allocate, handler_free), NDIS_STATUS_FAILURE);
    ck_assert_uint_eq(handler.allocated, 0);
    three_free(&t);
}

NBL_TEST(NdisRetreatNetBufferDataStart_says_FAILURE_when_the_length_could_not_be_described)
{
    struct three t = three_make();
    ck_assert_int_eq(NdisRetreatNetBufferDataStart(t.nb[2], UINT32_MAX - 23, 0, NULL), NDIS_STATUS_FAILURE);
    three_free(&t);
}

NBL_TEST(NdisAdvanceNetBufferListDataStart_leaves_the_mdls_if_it_is_not_told_to_free_them)
{
    struct three t = three_make();
    ck_assert_int_eq(NdisRetreatNetBufferListDataStart(t.nbl, 30, 0, handler_allocate, handler_free), NDIS_STATUS_SUCCESS);
    MDL *first = t.nb[0]->MdlChain;
    NdisAdvanceNetBufferListDataStart(t.nbl, 30, FALSE, handler_free);
    ck_assert_uint_eq(handler.freed, 0);
    ck_assert_ptr_eq(t.nb[0]->MdlChain, first);
    ck_assert_uint_eq(t.nb[0]->DataOffset, 30);
    ck_assert_uint_eq(t.nb[0]->DataLength, 24);
    ck_assert_ptr_eq(t.nb[0]->CurrentMdl, t.mdl[0]);
    ck_assert_uint_eq(t.nb[0]->CurrentMdlOffset, 0);
    NdisAdvanceNetBufferListDataStart(t.nbl, 0, TRUE, handler_free);   // now they go
    ck_assert_uint_eq(handler.freed, 2);
    three_free(&t);
}

NBL_TEST(NdisAdvanceNetBufferListDataStart_frees_nothing_that_a_retreat_has_not_allocated)
{
    struct three t = three_make();
    t.mdl[0]->Next = NdisAllocateMdl(NULL, bytes[1], 64);
    t.nb[0]->DataLength = 100;
    NdisAdvanceNetBufferListDataStart(t.nbl, 24, TRUE, handler_free);
    NdisAdvanceNetBufferDataStart(t.nb[0], 46, TRUE, handler_free);    // past the first MDL, which is its owner's
    ck_assert_uint_eq(handler.freed, 0);
    ck_assert_ptr_eq(t.nb[0]->MdlChain, t.mdl[0]);
    ck_assert_ptr_eq(t.nb[0]->CurrentMdl, t.mdl[0]->Next);
    ck_assert_uint_eq(t.nb[2]->DataLength, 0);
    NdisRetreatNetBufferDataStart(t.nb[0], 46, 0, NULL);
    ck_assert_int_eq(NdisRetreatNetBufferListDataStart(t.nbl, 24, 0, NULL, NULL), NDIS_STATUS_SUCCESS);
    NdisFreeMdl(t.mdl[0]->Next);
    t.mdl[0]->Next = NULL;
    t.nb[0]->DataLength = 24;
    three_free(&t);
}

NBL_TEST(NdisAdjustNetBufferCurrentMdl_finds_the_mdl_of_any_data_offset)
{
    struct three t = three_make();
    static const struct {
        ULONG offset, mdl, within;
    } cases[] = {{0, 0, 0}, {63, 0, 63}, {64, 1, 0}, {65, 1, 1}, {127, 1, 63}, {128, 2, 0}, {191, 2, 63}};
    NET_BUFFER nb = *t.nb[0];
    KIRQL old;
    t.mdl[0]->Next = t.mdl[1], t.mdl[1]->Next = t.mdl[2];
    for (uint32_t i = 0; i < RTL_NUMBER_OF(cases); i++)
        for (int high = 0; high < 2; high++) {        // any IRQL
            nb.DataOffset = cases[i].offset;
            KeRaiseIrql(high ? HIGH_LEVEL : PASSIVE_LEVEL, &old);
            NdisAdjustNetBufferCurrentMdl(&nb);
            KeLowerIrql(old);
            ck_assert_ptr_eq(nb.CurrentMdl, t.mdl[cases[i].mdl]);
            ck_assert_uint_eq(nb.CurrentMdlOffset, cases[i].within);
            ck_assert_uint_eq(nb.DataOffset, cases[i].offset);
        }
    t.mdl[0]->Next = t.mdl[1]->Next = NULL;
    three_free(&t);
}
