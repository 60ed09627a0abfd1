// SPDX-License-Identifier: MIT
// The macros over NET_BUFFER_LISTs, NET_BUFFERs, MDLs and flags: each names the member or bits its page names, to read and to write.
#include <string.h>

#include <ndis.h>

#include "harness/harness.h"

static NET_BUFFER_LIST_CONTEXT *context_block;

// Over-allocated, as NDIS allocates it: the information array ends beyond the structure.
static NET_BUFFER_LIST *
list(void)
{
    static union {
        NET_BUFFER_LIST nbl;
        uint8_t bytes[1024];
    } memory;
    memset(&memory, 0, sizeof memory);
    return &memory.nbl;
}

static NET_BUFFER nb_one, nb_two;
static MDL mdl_one, mdl_two;

TEST(NET_BUFFER_LIST_INFO_is_the_slot_of_that_number_to_read_and_write)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo) = (PVOID)0x1234;
    ck_assert_ptr_eq(nbl->NetBufferListInfo[Ieee8021QNetBufferListInfo], (PVOID)0x1234);
    nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = (PVOID)0x77;
    ck_assert_ptr_eq(NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo), (PVOID)0x77);
}

TEST(NET_BUFFER_LIST_NEXT_NBL_is_the_Next_member)
{
    NET_BUFFER_LIST *nbl = list(), other;
    NET_BUFFER_LIST_NEXT_NBL(nbl) = &other;
    ck_assert_ptr_eq(nbl->Next, &other);
    ck_assert_ptr_eq(NET_BUFFER_LIST_NEXT_NBL(nbl), &other);
}

TEST(NET_BUFFER_LIST_FIRST_NB_is_the_FirstNetBuffer_member)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_FIRST_NB(nbl) = &nb_one;
    ck_assert_ptr_eq(nbl->FirstNetBuffer, &nb_one);
    ck_assert_ptr_eq(NET_BUFFER_LIST_FIRST_NB(nbl), &nb_one);
}

TEST(NET_BUFFER_LIST_STATUS_is_the_Status_member)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_STATUS(nbl) = NDIS_STATUS_RESOURCES;
    ck_assert_int_eq(nbl->Status, NDIS_STATUS_RESOURCES);
    ck_assert_int_eq(NET_BUFFER_LIST_STATUS(nbl), NDIS_STATUS_RESOURCES);
}

TEST(NET_BUFFER_LIST_MINIPORT_RESERVED_is_an_array_of_two_pointers)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_MINIPORT_RESERVED(nbl)[1] = nbl;
    ck_assert_ptr_eq(nbl->MiniportReserved[1], nbl);
    ck_assert_uint_eq(sizeof NET_BUFFER_LIST_MINIPORT_RESERVED(nbl), 2 * sizeof(PVOID));
}

TEST(NET_BUFFER_LIST_CONTEXT_DATA_START_is_behind_the_header_by_the_offset)
{
    static union {
        NET_BUFFER_LIST_CONTEXT context;
        uint8_t bytes[256];
    } memory;
    NET_BUFFER_LIST *nbl = list();
    nbl->Context = context_block = &memory.context;
    context_block->Offset = 0;
    ck_assert_ptr_eq(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), memory.bytes + sizeof(NET_BUFFER_LIST_CONTEXT));
    context_block->Offset = 32;
    ck_assert_ptr_eq(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), memory.bytes + sizeof(NET_BUFFER_LIST_CONTEXT) + 32);
}

TEST(NET_BUFFER_LIST_SET_HASH_VALUE_fills_32_bits_of_its_slot)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_SET_HASH_VALUE(nbl, 0x51ccc178);
    ck_assert_ptr_eq(nbl->NetBufferListInfo[NetBufferListHashValue], (PVOID)0x51ccc178);
}

TEST(NET_BUFFER_LIST_GET_HASH_VALUE_reads_the_32_bits)
{
    NET_BUFFER_LIST *nbl = list();
    nbl->NetBufferListInfo[NetBufferListHashValue] = (PVOID)0xffffffff00112233;
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_VALUE(nbl), 0x00112233);
}

TEST(NET_BUFFER_LIST_SET_HASH_TYPE_leaves_the_function)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_SET_HASH_FUNCTION(nbl, NdisHashFunctionToeplitz);
    NET_BUFFER_LIST_SET_HASH_TYPE(nbl, NDIS_HASH_TCP_IPV4);
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_TYPE(nbl), NDIS_HASH_TCP_IPV4);
    NET_BUFFER_LIST_SET_HASH_TYPE(nbl, NDIS_HASH_IPV6);
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_TYPE(nbl), NDIS_HASH_IPV6);
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_FUNCTION(nbl), NdisHashFunctionToeplitz);
}

TEST(NET_BUFFER_LIST_SET_HASH_FUNCTION_leaves_the_type)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_SET_HASH_TYPE(nbl, NDIS_HASH_TCP_IPV6);
    NET_BUFFER_LIST_SET_HASH_FUNCTION(nbl, NdisHashFunctionReserved3);
    NET_BUFFER_LIST_SET_HASH_FUNCTION(nbl, NdisHashFunctionToeplitz);
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_FUNCTION(nbl), NdisHashFunctionToeplitz);
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_TYPE(nbl), NDIS_HASH_TCP_IPV6);
}

TEST(NDIS_RSS_HASH_FUNC_FROM_HASH_INFO_is_the_low_byte)
{
    ck_assert_uint_eq(NDIS_RSS_HASH_FUNC_FROM_HASH_INFO(0x00abcd01), 1);
}

TEST(NDIS_RSS_HASH_TYPE_FROM_HASH_INFO_is_the_16_bits_above)
{
    ck_assert_uint_eq(NDIS_RSS_HASH_TYPE_FROM_HASH_INFO(0xffabcd01), 0x00abcd00);
}

TEST(NET_BUFFER_LIST_COALESCED_SEG_COUNT_is_the_low_half_of_the_RSC_slot)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_COALESCED_SEG_COUNT(nbl) = 44;
    NET_BUFFER_LIST_DUP_ACK_COUNT(nbl) = 3;
    ck_assert_uint_eq(NET_BUFFER_LIST_COALESCED_SEG_COUNT(nbl), 44);
    ck_assert_ptr_eq(nbl->NetBufferListInfo[TcpRecvSegCoalesceInfo], (PVOID)(44 | 3 << 16));
}

TEST(NDIS_SET_NET_BUFFER_LIST_CANCEL_ID_fills_the_cancel_slot)
{
    NET_BUFFER_LIST *nbl = list();
    NDIS_SET_NET_BUFFER_LIST_CANCEL_ID(nbl, (PVOID)0x42);
    ck_assert_ptr_eq(nbl->NetBufferListInfo[NetBufferListCancelId], (PVOID)0x42);
    ck_assert_ptr_eq(NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(nbl), (PVOID)0x42);
}

TEST(NdisSetNblFlag_adds_the_flag)
{
    NET_BUFFER_LIST *nbl = list();
    nbl->NblFlags = NDIS_NBL_FLAGS_IS_IPV4;
    NdisSetNblFlag(nbl, NDIS_NBL_FLAGS_IS_TCP);
    ck_assert_uint_eq(nbl->NblFlags, NDIS_NBL_FLAGS_IS_IPV4 | NDIS_NBL_FLAGS_IS_TCP);
}

TEST(NdisTestNblFlag_is_true_for_any_of_the_bits)
{
    NET_BUFFER_LIST *nbl = list();
    nbl->NblFlags = NDIS_NBL_FLAGS_IS_TCP;
    ck_assert(NdisTestNblFlag(nbl, NDIS_NBL_FLAGS_IS_TCP));
    ck_assert(NdisTestNblFlag(nbl, NDIS_NBL_FLAGS_IS_TCP | NDIS_NBL_FLAGS_IS_IPV6));
    ck_assert(!NdisTestNblFlag(nbl, NDIS_NBL_FLAGS_IS_IPV6));
}

TEST(NET_BUFFER_NEXT_NB_is_the_Next_member)
{
    NET_BUFFER_NEXT_NB(&nb_one) = &nb_two;
    ck_assert_ptr_eq(nb_one.Next, &nb_two);
    ck_assert_ptr_eq(NET_BUFFER_NEXT_NB(&nb_one), &nb_two);
}

TEST(NET_BUFFER_FIRST_MDL_is_the_MdlChain_member)
{
    NET_BUFFER_FIRST_MDL(&nb_one) = &mdl_one;
    ck_assert_ptr_eq(nb_one.MdlChain, &mdl_one);
    ck_assert_ptr_eq(NET_BUFFER_FIRST_MDL(&nb_one), &mdl_one);
}

TEST(NET_BUFFER_CURRENT_MDL_is_the_CurrentMdl_member)
{
    NET_BUFFER_CURRENT_MDL(&nb_one) = &mdl_two;
    ck_assert_ptr_eq(nb_one.CurrentMdl, &mdl_two);
    ck_assert_ptr_eq(NET_BUFFER_CURRENT_MDL(&nb_one), &mdl_two);
}

TEST(NET_BUFFER_CURRENT_MDL_OFFSET_is_the_CurrentMdlOffset_member)
{
    NET_BUFFER_CURRENT_MDL_OFFSET(&nb_one) = 99;
    ck_assert_uint_eq(nb_one.CurrentMdlOffset, 99);
    ck_assert_uint_eq(NET_BUFFER_CURRENT_MDL_OFFSET(&nb_one), 99);
}

TEST(NET_BUFFER_DATA_LENGTH_is_the_DataLength_member)
{
    NET_BUFFER_DATA_LENGTH(&nb_one) = 1500;
    ck_assert_uint_eq(nb_one.DataLength, 1500);
    ck_assert_uint_eq(NET_BUFFER_DATA_LENGTH(&nb_one), 1500);
}

TEST(NET_BUFFER_DATA_OFFSET_is_the_DataOffset_member)
{
    NET_BUFFER_DATA_OFFSET(&nb_one) = 14;
    ck_assert_uint_eq(nb_one.DataOffset, 14);
    ck_assert_uint_eq(NET_BUFFER_DATA_OFFSET(&nb_one), 14);
}

TEST(NDIS_MDL_LINKAGE_is_the_Next_member)
{
    NDIS_MDL_LINKAGE(&mdl_one) = &mdl_two;
    ck_assert_ptr_eq(mdl_one.Next, &mdl_two);
    ck_assert_ptr_eq(NDIS_MDL_LINKAGE(&mdl_one), &mdl_two);
}

TEST(NdisAdjustMdlLength_sets_the_byte_count)
{
    mdl_one.ByteCount = 4000;
    NdisAdjustMdlLength(&mdl_one, 1234);
    ck_assert_uint_eq(mdl_one.ByteCount, 1234);
}

TEST(NDIS_TEST_SEND_AT_DISPATCH_LEVEL_asks_for_that_flag_alone)
{
    ck_assert(NDIS_TEST_SEND_AT_DISPATCH_LEVEL(NDIS_SEND_FLAGS_DISPATCH_LEVEL | NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK));
    ck_assert(!NDIS_TEST_SEND_AT_DISPATCH_LEVEL(~NDIS_SEND_FLAGS_DISPATCH_LEVEL));
}

TEST(NDIS_TEST_SEND_COMPLETE_AT_DISPATCH_LEVEL_asks_for_that_flag_alone)
{
    ck_assert(NDIS_TEST_SEND_COMPLETE_AT_DISPATCH_LEVEL(NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL));
    ck_assert(!NDIS_TEST_SEND_COMPLETE_AT_DISPATCH_LEVEL(~NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL));
}

TEST(NDIS_TEST_RECEIVE_AT_DISPATCH_LEVEL_asks_for_that_flag_alone)
{
    ck_assert(NDIS_TEST_RECEIVE_AT_DISPATCH_LEVEL(NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL | NDIS_RECEIVE_FLAGS_RESOURCES));
    ck_assert(!NDIS_TEST_RECEIVE_AT_DISPATCH_LEVEL(~NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL));
}

TEST(NDIS_TEST_RECEIVE_CANNOT_PEND_is_the_RESOURCES_flag)
{
    ck_assert(NDIS_TEST_RECEIVE_CANNOT_PEND(NDIS_RECEIVE_FLAGS_RESOURCES));
    ck_assert(!NDIS_TEST_RECEIVE_CANNOT_PEND(~NDIS_RECEIVE_FLAGS_RESOURCES));
}

TEST(NDIS_TEST_RECEIVE_CAN_PEND_is_the_flag_not_there)
{
    ck_assert(!NDIS_TEST_RECEIVE_CAN_PEND(NDIS_RECEIVE_FLAGS_RESOURCES));
    ck_assert(NDIS_TEST_RECEIVE_CAN_PEND(~NDIS_RECEIVE_FLAGS_RESOURCES));
}

TEST(NDIS_TEST_RETURN_AT_DISPATCH_LEVEL_asks_for_that_flag_alone)
{
    ck_assert(NDIS_TEST_RETURN_AT_DISPATCH_LEVEL(NDIS_RETURN_FLAGS_DISPATCH_LEVEL));
    ck_assert(!NDIS_TEST_RETURN_AT_DISPATCH_LEVEL(~NDIS_RETURN_FLAGS_DISPATCH_LEVEL));
}

TEST(NDIS_SET_RETURN_FLAG_adds_the_flag)
{
    ULONG flags = 0x100;
    NDIS_SET_RETURN_FLAG(flags, NDIS_RETURN_FLAGS_DISPATCH_LEVEL);
    ck_assert_uint_eq(flags, 0x100 | NDIS_RETURN_FLAGS_DISPATCH_LEVEL);
}
