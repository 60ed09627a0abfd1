// SPDX-License-Identifier: MIT
// The packet structures have Windows x64's layout: every offset that a Windows build's symbols give.
//
// The assertions are static, so a wrong layout does not compile; the tests say in the report which structures were looked at
// and check what the compiler cannot (that the accessor macros reach the fields they are named after).
#include <ndis.h>

#include "harness/harness.h"

#define AT(type, field, offset) _Static_assert(__builtin_offsetof(type, field) == (offset), #type "." #field)
#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)

SIZE(NDIS_OBJECT_HEADER, 0x4);

SIZE(NET_BUFFER, 0xb0);
AT(NET_BUFFER, Next, 0x0);
AT(NET_BUFFER, CurrentMdl, 0x8);
AT(NET_BUFFER, CurrentMdlOffset, 0x10);
AT(NET_BUFFER, DataLength, 0x18);
AT(NET_BUFFER, MdlChain, 0x20);
AT(NET_BUFFER, DataOffset, 0x28);
AT(NET_BUFFER, ChecksumBias, 0x30);
AT(NET_BUFFER, Reserved, 0x32);
AT(NET_BUFFER, NdisPoolHandle, 0x38);
AT(NET_BUFFER, NdisReserved, 0x40);
AT(NET_BUFFER, ProtocolReserved, 0x50);
AT(NET_BUFFER, MiniportReserved, 0x80);
AT(NET_BUFFER, DataPhysicalAddress, 0xa0);
AT(NET_BUFFER, SharedMemoryInfo, 0xa8);
AT(NET_BUFFER, ScatterGatherList, 0xa8);
AT(NET_BUFFER_DATA, CurrentMdl, 0x8);
AT(NET_BUFFER_DATA, NbDataLength, 0x18);
AT(NET_BUFFER_DATA, DataOffset, 0x28);
SIZE(NET_BUFFER_HEADER, 0x30);

AT(NET_BUFFER_LIST, Next, 0x0);
AT(NET_BUFFER_LIST, FirstNetBuffer, 0x8);
AT(NET_BUFFER_LIST, Context, 0x10);
AT(NET_BUFFER_LIST, ParentNetBufferList, 0x18);
AT(NET_BUFFER_LIST, NdisPoolHandle, 0x20);
AT(NET_BUFFER_LIST, NdisReserved, 0x30);
AT(NET_BUFFER_LIST, ProtocolReserved, 0x40);
AT(NET_BUFFER_LIST, MiniportReserved, 0x60);
AT(NET_BUFFER_LIST, Scratch, 0x70);
AT(NET_BUFFER_LIST, SourceHandle, 0x78);
AT(NET_BUFFER_LIST, NblFlags, 0x80);
AT(NET_BUFFER_LIST, ChildRefCount, 0x84);
AT(NET_BUFFER_LIST, Flags, 0x88);
AT(NET_BUFFER_LIST, Status, 0x8c);
AT(NET_BUFFER_LIST, NetBufferListInfo, 0x90);
// A file that names no NDIS version gets the newest, with the slots that NDIS keeps for itself: 29 of them.
_Static_assert(MaxNetBufferListInfo == 29, "info slots of the newest version");
SIZE(NET_BUFFER_LIST, 0x180);

SIZE(NET_BUFFER_LIST_CONTEXT, 0x10);
AT(NET_BUFFER_LIST_CONTEXT, Size, 0x8);
AT(NET_BUFFER_LIST_CONTEXT, Offset, 0xa);
AT(NET_BUFFER_LIST_CONTEXT, ContextData, 0x10);
SIZE(NET_BUFFER_SHARED_MEMORY, 0x20);

// Everything in a slot is at most as wide as the slot.
SIZE(NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO, 8);
SIZE(NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO, 8);
SIZE(NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO, 8);
SIZE(NDIS_TCP_SEND_OFFLOADS_SUPPLEMENTAL_NET_BUFFER_LIST_INFO, 8);
SIZE(NDIS_NET_BUFFER_LIST_8021Q_INFO, 8);
SIZE(NDIS_NET_BUFFER_LIST_FILTERING_INFO, 8);
SIZE(NDIS_NET_BUFFER_LIST_VIRTUAL_SUBNET_INFO, 8);
SIZE(NDIS_NET_BUFFER_LIST_MEDIA_SPECIFIC_INFO, 8);
SIZE(NDIS_RSC_NBL_INFO, 8);
SIZE(NDIS_IPSEC_OFFLOAD_V1_NET_BUFFER_LIST_INFO, 8);
SIZE(NDIS_IPSEC_OFFLOAD_V2_NET_BUFFER_LIST_INFO, 8);
SIZE(NDIS_IPSEC_OFFLOAD_V2_TUNNEL_NET_BUFFER_LIST_INFO, 8);

TEST(net_buffer_macros_reach_the_fields_they_name)
{
    NET_BUFFER nb;
    MDL mdl;
    memset(&nb, 0, sizeof nb);
    NET_BUFFER_CURRENT_MDL(&nb) = &mdl;
    NET_BUFFER_CURRENT_MDL_OFFSET(&nb) = 14;
    NET_BUFFER_DATA_LENGTH(&nb) = 1500;
    NET_BUFFER_FIRST_MDL(&nb) = &mdl;
    NET_BUFFER_DATA_OFFSET(&nb) = 20;
    ck_assert_ptr_eq(nb.NetBufferHeader.NetBufferData.CurrentMdl, &mdl);
    ck_assert_uint_eq(nb.NetBufferHeader.NetBufferData.CurrentMdlOffset, 14);
    ck_assert_uint_eq(nb.NetBufferHeader.NetBufferData.NbDataLength.DataLength, 1500);
    ck_assert_ptr_eq(nb.NetBufferHeader.NetBufferData.MdlChain, &mdl);
    ck_assert_uint_eq(nb.NetBufferHeader.NetBufferData.DataOffset, 20);
    ck_assert_uint_eq(nb.stDataLength, 1500);
}

TEST(context_data_starts_after_the_header_and_the_unused_space)
{
    _Alignas(16) UCHAR memory[sizeof(NET_BUFFER_LIST_CONTEXT) + 64];
    NET_BUFFER_LIST nbl;
    PNET_BUFFER_LIST_CONTEXT context = (PNET_BUFFER_LIST_CONTEXT)memory;
    memset(&nbl, 0, sizeof nbl);
    nbl.Context = context;
    context->Size = 64;
    context->Offset = 48;
    ck_assert_ptr_eq(NET_BUFFER_LIST_CONTEXT_DATA_START(&nbl), memory + 16 + 48);
    ck_assert_uint_eq(NET_BUFFER_LIST_CONTEXT_DATA_SIZE(&nbl), 64);
}

TEST(hash_macros_keep_type_and_function_apart)
{
    NET_BUFFER_LIST nbl;
    memset(&nbl, 0, sizeof nbl);
    NET_BUFFER_LIST_SET_HASH_TYPE(&nbl, NDIS_HASH_TCP_IPV4);
    NET_BUFFER_LIST_SET_HASH_FUNCTION(&nbl, NdisHashFunctionToeplitz);
    NET_BUFFER_LIST_SET_HASH_VALUE(&nbl, 0x51ccc178);
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_TYPE(&nbl), NDIS_HASH_TCP_IPV4);
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_FUNCTION(&nbl), NdisHashFunctionToeplitz);
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_VALUE(&nbl), 0x51ccc178);
    NET_BUFFER_LIST_SET_HASH_TYPE(&nbl, NDIS_HASH_IPV6);
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_TYPE(&nbl), NDIS_HASH_IPV6);
    ck_assert_uint_eq(NET_BUFFER_LIST_GET_HASH_FUNCTION(&nbl), NdisHashFunctionToeplitz);
}

TEST(checksum_slot_has_the_documented_bits)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info;
    info.Value = NULL;
    info.Transmit.IsIPv4 = 1;
    info.Transmit.TcpChecksum = 1;
    info.Transmit.TcpHeaderOffset = 34;
    ck_assert_uint_eq((ULONG_PTR)info.Value, 1u | 1u << 2 | 34u << 16);
    info.Value = NULL;
    info.Receive.IpChecksumSucceeded = 1;
    info.Receive.TcpChecksumSucceeded = 1;
    ck_assert_uint_eq((ULONG_PTR)info.Value, 1u << 3 | 1u << 5);
}

TEST(large_send_slot_has_the_documented_bits)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO info;
    info.Value = NULL;
    info.LsoV2Transmit.MSS = 1460;
    info.LsoV2Transmit.TcpHeaderOffset = 54;
    info.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    info.LsoV2Transmit.IPVersion = NDIS_TCP_LARGE_SEND_OFFLOAD_IPv6;
    ck_assert_uint_eq((ULONG_PTR)info.Value, 1460u | 54u << 20 | 1u << 30 | 1u << 31);
    ck_assert_uint_eq(info.Transmit.Type, NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE);
}

TEST(vlan_slot_has_the_documented_bits)
{
    NDIS_NET_BUFFER_LIST_8021Q_INFO info;
    info.Value = NULL;
    info.TagHeader.UserPriority = 5;
    info.TagHeader.VlanId = 100;
    ck_assert_uint_eq((ULONG_PTR)info.Value, 5u | 100u << 4);
}

TEST(media_specific_information_is_found_and_removed_by_tag)
{
    NET_BUFFER_LIST nbl;
    NDIS_NBL_MEDIA_SPECIFIC_INFORMATION_EX first = {.Tag = 1}, second = {.Tag = 2};
    PNDIS_NBL_MEDIA_SPECIFIC_INFORMATION_EX found;
    memset(&nbl, 0, sizeof nbl);
    NDIS_NBL_ADD_MEDIA_SPECIFIC_INFO_EX(&nbl, &first);
    NDIS_NBL_ADD_MEDIA_SPECIFIC_INFO_EX(&nbl, &second);
    NDIS_NBL_GET_MEDIA_SPECIFIC_INFO_EX(&nbl, 1, found);
    ck_assert_ptr_eq(found, &first);
    NDIS_NBL_REMOVE_MEDIA_SPECIFIC_INFO_EX(&nbl, 2, found);
    ck_assert_ptr_eq(found, &second);
    ck_assert_ptr_eq(NET_BUFFER_LIST_INFO(&nbl, MediaSpecificInformationEx), &first);
    NDIS_NBL_GET_MEDIA_SPECIFIC_INFO_EX(&nbl, 2, found);
    ck_assert_ptr_null(found);
    NDIS_NBL_REMOVE_MEDIA_SPECIFIC_INFO_EX(&nbl, 3, found);
    ck_assert_ptr_null(found);
    ck_assert_ptr_eq(NET_BUFFER_LIST_INFO(&nbl, MediaSpecificInformationEx), &first);
}

TEST(time_stamp_survives_a_copy_to_another_list)
{
    NET_BUFFER_LIST from, to;
    NET_BUFFER_LIST_TIMESTAMP stamp = {0x0123456789abcdef};
    memset(&from, 0, sizeof from);
    memset(&to, 0, sizeof to);
    NdisSetNblTimestampInfo(&from, &stamp);
    NdisCopyNblTimestampInfo(&to, &from);
    stamp.Timestamp = 0;
    NdisGetNblTimestampInfo(&to, &stamp);
    ck_assert_uint_eq(stamp.Timestamp, 0x0123456789abcdef);
}
