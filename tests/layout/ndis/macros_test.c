// SPDX-License-Identifier: MIT
// The macros of ndis.h that compute something do what their pages say.
#include <ndis.h>

#include "harness/harness.h"

TEST(NDIS_STRING_CONST_counts_bytes_without_the_terminator)
{
    NDIS_STRING name = NDIS_STRING_CONST("IPAddress");
    ck_assert_uint_eq(name.Length, 18);
    ck_assert_uint_eq(name.MaximumLength, 20);
    ck_assert_uint_eq(name.Buffer[0], 'I');
    ck_assert_uint_eq(name.Buffer[9], 0);
}

TEST(NdisStoreUlong_and_NdisRetrieveUlong_work_at_any_alignment)
{
    UCHAR bytes[8] = {0};
    ULONG value = 0;
    NdisStoreUlong(bytes + 1, 0x12345678);
    ck_assert_uint_eq(bytes[0], 0);
    ck_assert_uint_eq(bytes[1], 0x78);
    ck_assert_uint_eq(bytes[4], 0x12);
    NdisRetrieveUlong(&value, bytes + 1);
    ck_assert_uint_eq(value, 0x12345678);
}

TEST(NdisInterlockedAddLargeStatistic_carries_into_the_upper_half)
{
    LARGE_INTEGER counter;
    counter.QuadPart = 0xffffffff;
    NdisInterlockedAddLargeStatistic(&counter, 0xffffffff);
    ck_assert_uint_eq((ULONGLONG)counter.QuadPart, 0x1fffffffeull);
}

TEST(physical_address_macros_reach_both_halves)
{
    NDIS_PHYSICAL_ADDRESS address = NDIS_PHYSICAL_ADDRESS_CONST(0xfffff000, 3);
    ck_assert_uint_eq((ULONGLONG)address.QuadPart, 0x3fffff000ull);
    NdisSetPhysicalAddressHigh(address, 1);
    NdisSetPhysicalAddressLow(address, 0x1000);
    ck_assert_uint_eq((ULONGLONG)address.QuadPart, 0x100001000ull);
    ck_assert_int_eq(NdisGetPhysicalAddressHigh(address), 1);
    ck_assert_uint_eq(NdisGetPhysicalAddressLow(address), 0x1000);
}

TEST(receive_flags_tell_whether_lists_may_be_kept)
{
    ULONG flags = 0;
    ck_assert(NDIS_TEST_RECEIVE_CAN_PEND(flags) && !NDIS_TEST_RECEIVE_CANNOT_PEND(flags));
    NDIS_SET_RECEIVE_FLAG(flags, NDIS_RECEIVE_FLAGS_RESOURCES | NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
    ck_assert(!NDIS_TEST_RECEIVE_CAN_PEND(flags) && NDIS_TEST_RECEIVE_CANNOT_PEND(flags));
    ck_assert(NDIS_TEST_RECEIVE_AT_DISPATCH_LEVEL(flags));
    NDIS_CLEAR_RECEIVE_FLAG(flags, NDIS_RECEIVE_FLAGS_RESOURCES);
    ck_assert_uint_eq(flags, NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL);
}

TEST(nbl_flag_macros_touch_only_their_bits)
{
    NET_BUFFER_LIST nbl;
    memset(&nbl, 0, sizeof nbl);
    NdisSetNblFlag(&nbl, NDIS_NBL_FLAGS_IS_IPV4 | NDIS_NBL_FLAGS_IS_TCP);
    ck_assert(NdisTestNblFlag(&nbl, NDIS_NBL_FLAGS_IS_IPV4 | NDIS_NBL_FLAGS_IS_UDP));
    ck_assert(!NdisTestNblFlags(&nbl, NDIS_NBL_FLAGS_IS_IPV4 | NDIS_NBL_FLAGS_IS_UDP));
    NBL_SET_PROT_RSVD_FLAG(&nbl, 0xffffffff);
    ck_assert_uint_eq(nbl.NblFlags, NBL_PROT_RSVD_FLAGS | NDIS_NBL_FLAGS_IS_IPV4 | NDIS_NBL_FLAGS_IS_TCP);
    NdisClearNblFlag(&nbl, NDIS_NBL_FLAGS_IS_TCP);
    NBL_CLEAR_PROT_RSVD_FLAG(&nbl, 0xffffffff);
    ck_assert_uint_eq(nbl.NblFlags, NDIS_NBL_FLAGS_IS_IPV4);
}

TEST(NDIS_MAKE_NET_LUID_sets_every_field)
{
    NET_LUID luid;
    luid.Value = ~0ull;
    NDIS_MAKE_NET_LUID(&luid, IF_TYPE_ETHERNET_CSMACD, 0x12345);
    ck_assert_uint_eq(luid.Value, (6ull << 48) | (0x12345ull << 24));
}
