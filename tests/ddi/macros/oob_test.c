// SPDX-License-Identifier: MIT
// More macros over NET_BUFFER_LISTs and NET_BUFFERs: out-of-band words, shared memory, media-specific information, flags; and those over
// isolation parameters. Each names the member or bits its page names. [nblaccessors/*], [ndis/nf-ndis-ndis_nbl_add_media_specific_info_ex]
#include <string.h>

#include <ndis.h>

#include "harness/harness.h"

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

static NET_BUFFER nb;
static NET_BUFFER_SHARED_MEMORY one, two;

TEST(NDIS_GET_NET_BUFFER_LIST_CANCEL_ID_is_what_was_set)
{
    NET_BUFFER_LIST *nbl = list();
    ck_assert_ptr_null(NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(nbl));
    nbl->NetBufferListInfo[NetBufferListCancelId] = &nb;
    ck_assert_ptr_eq(NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(nbl), &nb);
    NDIS_SET_NET_BUFFER_LIST_CANCEL_ID(nbl, &one);
    ck_assert_ptr_eq(NDIS_GET_NET_BUFFER_LIST_CANCEL_ID(nbl), &one);
}

TEST(NET_BUFFER_LIST_FLAGS_is_the_Flags_member)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_FLAGS(nbl) = 0x1234;
    ck_assert_uint_eq(nbl->Flags, 0x1234);
    nbl->Flags = 0x77;
    ck_assert_uint_eq(NET_BUFFER_LIST_FLAGS(nbl), 0x77);
}

TEST(NET_BUFFER_LIST_NBL_FLAGS_is_the_NblFlags_member)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_NBL_FLAGS(nbl) = 0x1234;
    ck_assert_uint_eq(nbl->NblFlags, 0x1234);
    nbl->NblFlags = 0x77;
    ck_assert_uint_eq(NET_BUFFER_LIST_NBL_FLAGS(nbl), 0x77);
}

TEST(NdisTestNblFlags_is_true_if_all_the_bits_are_there)
{
    NET_BUFFER_LIST *nbl = list();
    nbl->NblFlags = NDIS_NBL_FLAGS_IS_IPV4 | NDIS_NBL_FLAGS_IS_TCP;
    ck_assert(NdisTestNblFlags(nbl, NDIS_NBL_FLAGS_IS_IPV4 | NDIS_NBL_FLAGS_IS_TCP));
    ck_assert(NdisTestNblFlags(nbl, NDIS_NBL_FLAGS_IS_TCP));
    ck_assert(!NdisTestNblFlags(nbl, NDIS_NBL_FLAGS_IS_IPV4 | NDIS_NBL_FLAGS_IS_UDP));
}

TEST(NdisClearNblFlag_takes_just_the_flag_away)
{
    NET_BUFFER_LIST *nbl = list();
    nbl->NblFlags = NDIS_NBL_FLAGS_IS_IPV4 | NDIS_NBL_FLAGS_IS_TCP;
    NdisClearNblFlag(nbl, NDIS_NBL_FLAGS_IS_TCP);
    ck_assert_uint_eq(nbl->NblFlags, NDIS_NBL_FLAGS_IS_IPV4);
    NdisClearNblFlag(nbl, NDIS_NBL_FLAGS_IS_TCP);
    ck_assert_uint_eq(nbl->NblFlags, NDIS_NBL_FLAGS_IS_IPV4);
}

TEST(NET_BUFFER_LIST_PROTOCOL_RESERVED_is_an_array_of_four_pointers)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)
    [3] = nbl;
    ck_assert_ptr_eq(nbl->ProtocolReserved[3], nbl);
    ck_assert_ptr_eq(&NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0], &nbl->ProtocolReserved[0]);
    ck_assert_uint_eq(sizeof NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl), 4 * sizeof(PVOID));
}

TEST(NET_BUFFER_PROTOCOL_RESERVED_is_an_array_of_six_pointers)
{
    NET_BUFFER_PROTOCOL_RESERVED(&nb)
    [5] = &one;
    ck_assert_ptr_eq(nb.ProtocolReserved[5], &one);
    ck_assert_ptr_eq(&NET_BUFFER_PROTOCOL_RESERVED(&nb)[0], &nb.ProtocolReserved[0]);
    ck_assert_uint_eq(sizeof NET_BUFFER_PROTOCOL_RESERVED(&nb), 6 * sizeof(PVOID));
}

TEST(NET_BUFFER_MINIPORT_RESERVED_is_an_array_of_four_pointers)
{
    NET_BUFFER_MINIPORT_RESERVED(&nb)
    [3] = &one;
    ck_assert_ptr_eq(nb.MiniportReserved[3], &one);
    ck_assert_ptr_eq(&NET_BUFFER_MINIPORT_RESERVED(&nb)[0], &nb.MiniportReserved[0]);
    ck_assert_uint_eq(sizeof NET_BUFFER_MINIPORT_RESERVED(&nb), 4 * sizeof(PVOID));
}

TEST(NET_BUFFER_CHECKSUM_BIAS_is_the_ChecksumBias_member)
{
    nb.ChecksumBias = 14;
    ck_assert_uint_eq(NET_BUFFER_CHECKSUM_BIAS(&nb), 14);
    NET_BUFFER_CHECKSUM_BIAS(&nb) = 34;
    ck_assert_uint_eq(nb.ChecksumBias, 34);
}

TEST(NET_BUFFER_DATA_PHYSICAL_ADDRESS_is_the_DataPhysicalAddress_member)
{
    nb.DataPhysicalAddress.QuadPart = 0x1122334455;
    ck_assert_int_eq(NET_BUFFER_DATA_PHYSICAL_ADDRESS(&nb).QuadPart, 0x1122334455);
}

TEST(NET_BUFFER_FIRST_SHARED_MEM_INFO_is_the_SharedMemoryInfo_member)
{
    nb.SharedMemoryInfo = &one;
    ck_assert_ptr_eq(NET_BUFFER_FIRST_SHARED_MEM_INFO(&nb), &one);
    NET_BUFFER_FIRST_SHARED_MEM_INFO(&nb) = &two;
    ck_assert_ptr_eq(nb.SharedMemoryInfo, &two);
}

TEST(NET_BUFFER_SHARED_MEM_NEXT_SEGMENT_is_the_next_of_the_list_or_NULL)
{
    one.NextSharedMemorySegment = &two;
    ck_assert_ptr_eq(NET_BUFFER_SHARED_MEM_NEXT_SEGMENT(&one), &two);
    ck_assert_ptr_null(NET_BUFFER_SHARED_MEM_NEXT_SEGMENT(&two));
}

TEST(NET_BUFFER_SHARED_MEM_FLAGS_is_the_SharedMemoryFlags_member)
{
    one.SharedMemoryFlags = 0x11223344;
    ck_assert_uint_eq(NET_BUFFER_SHARED_MEM_FLAGS(&one), 0x11223344);
}

TEST(NET_BUFFER_SHARED_MEM_HANDLE_is_the_SharedMemoryHandle_member)
{
    one.SharedMemoryHandle = &two;
    ck_assert_ptr_eq(NET_BUFFER_SHARED_MEM_HANDLE(&one), &two);
}

TEST(NET_BUFFER_SHARED_MEM_OFFSET_is_the_SharedMemoryOffset_member)
{
    one.SharedMemoryOffset = 0x2000;
    ck_assert_uint_eq(NET_BUFFER_SHARED_MEM_OFFSET(&one), 0x2000);
}

TEST(NET_BUFFER_SHARED_MEM_LENGTH_is_the_SharedMemoryLength_member)
{
    one.SharedMemoryLength = 0x5ee;
    ck_assert_uint_eq(NET_BUFFER_SHARED_MEM_LENGTH(&one), 0x5ee);
}

TEST(NET_BUFFER_LIST_CONTEXT_DATA_SIZE_is_the_Size_of_the_first_context)
{
    NET_BUFFER_LIST_CONTEXT second = {.Size = 48}, first = {.Next = &second, .Size = 32, .Offset = 16};
    NET_BUFFER_LIST *nbl = list();
    nbl->Context = &first;
    ck_assert_uint_eq(NET_BUFFER_LIST_CONTEXT_DATA_SIZE(nbl), 32);
}

TEST(NET_BUFFER_LIST_DUP_ACK_COUNT_is_the_upper_half_of_the_RSC_slot)
{
    NET_BUFFER_LIST *nbl = list();
    nbl->NetBufferListInfo[TcpRecvSegCoalesceInfo] = (PVOID)0x00070003;
    ck_assert_uint_eq(NET_BUFFER_LIST_DUP_ACK_COUNT(nbl), 7);
    NET_BUFFER_LIST_DUP_ACK_COUNT(nbl) = 9;
    ck_assert_ptr_eq(nbl->NetBufferListInfo[TcpRecvSegCoalesceInfo], (PVOID)0x00090003);
}

TEST(NET_BUFFER_LIST_GET_HASH_TYPE_is_the_bits_above_the_function)
{
    NET_BUFFER_LIST *nbl = list();
    nbl->NetBufferListInfo[NetBufferListHashInfo] = (PVOID)(ULONG_PTR)(0xff000000u | NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz);
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_TYPE(nbl), NDIS_HASH_TCP_IPV4);
}

TEST(NET_BUFFER_LIST_GET_HASH_FUNCTION_is_the_low_byte)
{
    const ULONG functions[] = {NdisHashFunctionToeplitz, NdisHashFunctionReserved1, NdisHashFunctionReserved2, NdisHashFunctionReserved3};
    NET_BUFFER_LIST *nbl = list();
    for (int i = 0; i < 4; i++) {
        nbl->NetBufferListInfo[NetBufferListHashInfo] = (PVOID)(ULONG_PTR)(NDIS_HASH_TCP_IPV4 | NDIS_HASH_IPV6_EX | functions[i]);
        ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_FUNCTION(nbl), functions[i]);
    }
}

TEST(NDIS_RSS_HASH_INFO_FROM_TYPE_AND_FUNC_joins_both_and_they_come_apart_again)
{
    const ULONG types[] = {NDIS_HASH_IPV4, NDIS_HASH_TCP_IPV4, NDIS_HASH_IPV6,
                           NDIS_HASH_TCP_IPV6, NDIS_HASH_IPV6_EX, NDIS_HASH_TCP_IPV6_EX};
    for (int i = 0; i < 6; i++) {
        ULONG info = NDIS_RSS_HASH_INFO_FROM_TYPE_AND_FUNC(types[i] | types[0], NdisHashFunctionToeplitz);
        ck_assert_uint_eq(info, types[i] | types[0] | NdisHashFunctionToeplitz);
        ck_assert_uint_eq(NDIS_RSS_HASH_TYPE_FROM_HASH_INFO(info), types[i] | types[0]);
        ck_assert_uint_eq(NDIS_RSS_HASH_FUNC_FROM_HASH_INFO(info), NdisHashFunctionToeplitz);
    }
}

static void
filtering_is(NET_BUFFER_LIST *nbl, USHORT filter, USHORT queue)
{
    const NDIS_NET_BUFFER_LIST_FILTERING_INFO *info = (void *)&nbl->NetBufferListInfo[NetBufferListFilteringInfo];
    ck_assert_uint_eq(info->FilteringInfo.FilterId, filter);
    ck_assert_uint_eq(info->FilteringInfo.QueueVPortInfo.QueueId, queue);
    ck_assert_uint_eq(info->FilteringInfo.QueueVPortInfo.VPortId, queue);   // one word for both
}

TEST(NET_BUFFER_LIST_RECEIVE_FILTER_ID_is_the_FilterId_of_its_slot)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_RECEIVE_FILTER_ID(nbl) = 0x1234;
    filtering_is(nbl, 0x1234, 0);
    ck_assert_uint_eq(NET_BUFFER_LIST_RECEIVE_FILTER_ID(nbl), 0x1234);
}

TEST(NET_BUFFER_LIST_RECEIVE_QUEUE_ID_is_the_QueueId_of_its_slot)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_RECEIVE_QUEUE_ID(nbl) = 0x55;
    filtering_is(nbl, 0, 0x55);
    ck_assert_uint_eq(NET_BUFFER_LIST_RECEIVE_QUEUE_ID(nbl), 0x55);
}

TEST(NET_BUFFER_LIST_RECEIVE_FILTER_VPORT_ID_is_the_VPortId_of_its_slot)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_RECEIVE_FILTER_VPORT_ID(nbl) = 0x66;
    filtering_is(nbl, 0, 0x66);
    ck_assert_uint_eq(NET_BUFFER_LIST_RECEIVE_FILTER_VPORT_ID(nbl), 0x66);
}

TEST(NDIS_TEST_SEND_FLAG_is_true_if_all_of_the_flag_is_there)
{
    ck_assert(NDIS_TEST_SEND_FLAG(NDIS_SEND_FLAGS_DISPATCH_LEVEL | NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK, NDIS_SEND_FLAGS_DISPATCH_LEVEL));
    ck_assert(!NDIS_TEST_SEND_FLAG(NDIS_SEND_FLAGS_DISPATCH_LEVEL, NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK));
    ck_assert(!NDIS_TEST_SEND_FLAG(NDIS_SEND_FLAGS_DISPATCH_LEVEL, NDIS_SEND_FLAGS_DISPATCH_LEVEL | NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK));
}

TEST(NDIS_SET_SEND_COMPLETE_FLAG_adds_the_flag)
{
    ULONG flags = 0x100;
    NDIS_SET_SEND_COMPLETE_FLAG(flags, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
    ck_assert_uint_eq(flags, 0x100 | NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL);
}

TEST(NDIS_TEST_RECEIVE_FLAG_is_true_if_all_of_the_flag_is_there)
{
    ck_assert(NDIS_TEST_RECEIVE_FLAG(NDIS_RECEIVE_FLAGS_RESOURCES | NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL, NDIS_RECEIVE_FLAGS_RESOURCES));
    ck_assert(!NDIS_TEST_RECEIVE_FLAG(NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL, NDIS_RECEIVE_FLAGS_RESOURCES));
    ck_assert(!NDIS_TEST_RECEIVE_FLAG(NDIS_RECEIVE_FLAGS_RESOURCES, NDIS_RECEIVE_FLAGS_RESOURCES | NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL));
}

TEST(NDIS_SET_RECEIVE_FLAG_adds_the_flag)
{
    ULONG flags = NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL;
    NDIS_SET_RECEIVE_FLAG(flags, NDIS_RECEIVE_FLAGS_RESOURCES);
    ck_assert_uint_eq(flags, NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL | NDIS_RECEIVE_FLAGS_RESOURCES);
}

// ---- timestamps ----------------------------------------------------------------------------------------------------------------------

TEST(NdisSetNblTimestampInfo_stores_what_NdisGetNblTimestampInfo_gives)
{
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_TIMESTAMP stamp = {.Timestamp = 0x1122334455667788}, seen = {0};
    NdisSetNblTimestampInfo(nbl, &stamp);
    NdisGetNblTimestampInfo(nbl, &seen);
    ck_assert_uint_eq(seen.Timestamp, 0x1122334455667788);
}

TEST(NdisGetNblTimestampInfo_gives_zero_where_none_was_stored)
{
    NET_BUFFER_LIST_TIMESTAMP stamp = {.Timestamp = 5}, seen = {.Timestamp = 77};
    NdisGetNblTimestampInfo(list(), &seen);
    ck_assert_uint_eq(seen.Timestamp, 0);
    NET_BUFFER_LIST *nbl = list();
    NdisSetNblTimestampInfo(nbl, &stamp);
    NdisGetNblTimestampInfo(nbl, &seen);
    ck_assert_uint_eq(seen.Timestamp, 5);
}

TEST(NdisCopyNblTimestampInfo_copies_the_timestamp_alone)
{
    static union {
        NET_BUFFER_LIST nbl;
        uint8_t bytes[1024];
    } other;
    NET_BUFFER_LIST *nbl = list();
    NET_BUFFER_LIST_TIMESTAMP stamp = {.Timestamp = ~0ull}, seen = {0};
    NdisSetNblTimestampInfo(nbl, &stamp);
    nbl->NetBufferListInfo[NetBufferListCancelId] = nbl;
    NdisCopyNblTimestampInfo(&other.nbl, nbl);
    NdisGetNblTimestampInfo(&other.nbl, &seen);
    ck_assert_uint_eq(seen.Timestamp, ~0ull);
    ck_assert_ptr_null(other.nbl.NetBufferListInfo[NetBufferListCancelId]);
}

// ---- media-specific information --------------------------------------------------------------------------------------------------------

static NDIS_NBL_MEDIA_SPECIFIC_INFORMATION first = {.Tag = 1}, second = {.Tag = 2}, third = {.Tag = 1};

static NET_BUFFER_LIST *
three(void)
{
    NET_BUFFER_LIST *nbl = list();
    NDIS_NBL_ADD_MEDIA_SPECIFIC_INFO(nbl, &first);
    NDIS_NBL_ADD_MEDIA_SPECIFIC_INFO(nbl, &second);
    NDIS_NBL_ADD_MEDIA_SPECIFIC_INFO(nbl, &third);
    return nbl;
}

TEST(NDIS_NBL_ADD_MEDIA_SPECIFIC_INFO_puts_it_at_the_beginning_of_the_list)
{
    NET_BUFFER_LIST *nbl = three();
    ck_assert_ptr_eq(nbl->NetBufferListInfo[MediaSpecificInformation], &third);
    ck_assert_ptr_eq(third.NextEntry, &second);
    ck_assert_ptr_eq(second.NextEntry, &first);
    ck_assert_ptr_null(first.NextEntry);
}

TEST(NDIS_NBL_GET_MEDIA_SPECIFIC_INFO_gives_the_first_with_that_tag_and_leaves_it)
{
    NET_BUFFER_LIST *nbl = three();
    NDIS_NBL_MEDIA_SPECIFIC_INFORMATION *found;
    NDIS_NBL_GET_MEDIA_SPECIFIC_INFO(nbl, 1, found);
    ck_assert_ptr_eq(found, &third);
    NDIS_NBL_GET_MEDIA_SPECIFIC_INFO(nbl, 2, found);
    ck_assert_ptr_eq(found, &second);
    NDIS_NBL_GET_MEDIA_SPECIFIC_INFO(nbl, 3, found);
    ck_assert_ptr_null(found);
    ck_assert_ptr_eq(nbl->NetBufferListInfo[MediaSpecificInformation], &third);
}

TEST(NDIS_NBL_REMOVE_MEDIA_SPECIFIC_INFO_takes_the_first_with_that_tag_out_of_the_list)
{
    NET_BUFFER_LIST *nbl = three();
    NDIS_NBL_MEDIA_SPECIFIC_INFORMATION *found;
    NDIS_NBL_REMOVE_MEDIA_SPECIFIC_INFO(nbl, 2, found);
    ck_assert_ptr_eq(found, &second);
    ck_assert_ptr_eq(third.NextEntry, &first);
    NDIS_NBL_REMOVE_MEDIA_SPECIFIC_INFO(nbl, 1, found);
    ck_assert_ptr_eq(found, &third);
    ck_assert_ptr_eq(nbl->NetBufferListInfo[MediaSpecificInformation], &first);
    NDIS_NBL_REMOVE_MEDIA_SPECIFIC_INFO(nbl, 2, found);
    ck_assert_ptr_null(found);
    NDIS_NBL_REMOVE_MEDIA_SPECIFIC_INFO(nbl, 1, found);
    ck_assert_ptr_null(nbl->NetBufferListInfo[MediaSpecificInformation]);
}

static NDIS_NBL_MEDIA_SPECIFIC_INFORMATION_EX first_ex = {.Tag = 1}, second_ex = {.Tag = 2}, third_ex = {.Tag = 1};

static NET_BUFFER_LIST *
three_ex(void)
{
    NET_BUFFER_LIST *nbl = list();
    NDIS_NBL_ADD_MEDIA_SPECIFIC_INFO_EX(nbl, &first_ex);
    NDIS_NBL_ADD_MEDIA_SPECIFIC_INFO_EX(nbl, &second_ex);
    NDIS_NBL_ADD_MEDIA_SPECIFIC_INFO_EX(nbl, &third_ex);
    return nbl;
}

TEST(NDIS_NBL_ADD_MEDIA_SPECIFIC_INFO_EX_puts_it_at_the_beginning_of_the_list)
{
    NET_BUFFER_LIST *nbl = three_ex();
    ck_assert_ptr_eq(nbl->NetBufferListInfo[MediaSpecificInformationEx], &third_ex);
    ck_assert_ptr_eq(third_ex.NextEntry, &second_ex);
    ck_assert_ptr_eq(second_ex.NextEntry, &first_ex);
    ck_assert_ptr_null(first_ex.NextEntry);
}

TEST(NDIS_NBL_GET_MEDIA_SPECIFIC_INFO_EX_gives_the_first_with_that_tag_and_leaves_it)
{
    NET_BUFFER_LIST *nbl = three_ex();
    NDIS_NBL_MEDIA_SPECIFIC_INFORMATION_EX *found;
    NDIS_NBL_GET_MEDIA_SPECIFIC_INFO_EX(nbl, 1, found);
    ck_assert_ptr_eq(found, &third_ex);
    NDIS_NBL_GET_MEDIA_SPECIFIC_INFO_EX(nbl, 2, found);
    ck_assert_ptr_eq(found, &second_ex);
    NDIS_NBL_GET_MEDIA_SPECIFIC_INFO_EX(nbl, 3, found);
    ck_assert_ptr_null(found);
    ck_assert_ptr_eq(nbl->NetBufferListInfo[MediaSpecificInformationEx], &third_ex);
}

TEST(NDIS_NBL_REMOVE_MEDIA_SPECIFIC_INFO_EX_takes_the_first_with_that_tag_out_of_the_list)
{
    NET_BUFFER_LIST *nbl = three_ex();
    NDIS_NBL_MEDIA_SPECIFIC_INFORMATION_EX *found;
    NDIS_NBL_REMOVE_MEDIA_SPECIFIC_INFO_EX(nbl, 2, found);
    ck_assert_ptr_eq(found, &second_ex);
    ck_assert_ptr_eq(third_ex.NextEntry, &first_ex);
    NDIS_NBL_REMOVE_MEDIA_SPECIFIC_INFO_EX(nbl, 1, found);
    ck_assert_ptr_eq(found, &third_ex);
    ck_assert_ptr_eq(nbl->NetBufferListInfo[MediaSpecificInformationEx], &first_ex);
    NDIS_NBL_REMOVE_MEDIA_SPECIFIC_INFO_EX(nbl, 2, found);
    ck_assert_ptr_null(found);
    NDIS_NBL_REMOVE_MEDIA_SPECIFIC_INFO_EX(nbl, 1, found);
    ck_assert_ptr_null(nbl->NetBufferListInfo[MediaSpecificInformationEx]);
}

// ---- isolation parameters -------------------------------------------------------------------------------------------------------------

static struct {
    NDIS_ISOLATION_PARAMETERS parameters;
    uint8_t gap[24];
    NDIS_ROUTING_DOMAIN_ENTRY domain;
    NDIS_ROUTING_DOMAIN_ISOLATION_ENTRY entry;
} isolation = {.parameters = {.NumRoutingDomainEntries = 1}, .domain = {.NumIsolationEntries = 1}};

TEST(NDIS_ISOLATION_PARAMETERS_GET_FIRST_ROUTING_DOMAIN_ENTRY_is_at_its_offset)
{
    isolation.parameters.FirstRoutingDomainEntryOffset = (ULONG)((char *)&isolation.domain - (char *)&isolation.parameters);
    ck_assert_ptr_eq(NDIS_ISOLATION_PARAMETERS_GET_FIRST_ROUTING_DOMAIN_ENTRY(&isolation.parameters), &isolation.domain);
}

TEST(NDIS_ROUTING_DOMAIN_ENTRY_GET_FIRST_ISOLATION_ENTRY_is_at_its_offset)
{
    isolation.domain.FirstIsolationEntryOffset = (ULONG)((char *)&isolation.entry - (char *)&isolation.domain);
    ck_assert_ptr_eq(NDIS_ROUTING_DOMAIN_ENTRY_GET_FIRST_ISOLATION_ENTRY(&isolation.domain), &isolation.entry);
}
