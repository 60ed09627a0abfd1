// SPDX-License-Identifier: MIT
// The versioned structures have Windows x64's sizes, and their revisions end where the documentation says.
#include <ndis.h>

#include "harness/harness.h"

#define AT(type, field, offset) _Static_assert(__builtin_offsetof(type, field) == (offset), #type "." #field)
#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)

// From a Windows build's symbols.
SIZE(NDIS_EVENT, 0x18);
SIZE(NDIS_TIMER, 0x80);
AT(NDIS_TIMER, Dpc, 0x40);
SIZE(NDIS_WORK_ITEM, 0x50);
AT(NDIS_WORK_ITEM, WrapperReserved, 0x10);
_Static_assert(NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_2 == 0xe0, "filter characteristics before 6.80");
_Static_assert(NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_2 == 0x3c, "PM capabilities revision 2");
SIZE(NDIS_RESTART_GENERAL_ATTRIBUTES, 0x58);
SIZE(NDIS_RECEIVE_SCALE_CAPABILITIES, 0x14);
SIZE(NET_LUID, 0x8);

SIZE(NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES, 0x18);
SIZE(NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, 0x20);
AT(NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, InterfaceType, 0x18);
AT(NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, MaxXmitLinkSpeed, 0x18);
AT(NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, PowerManagementCapabilities, 0x48);
AT(NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, PermanentMacAddress, 0x5e);
AT(NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, CurrentMacAddress, 0x7e);
AT(NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, RecvScaleCapabilities, 0xa0);
AT(NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, IfConnectorPresent, 0xb6);
AT(NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, SupportedOidList, 0xc8);
AT(NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, PowerManagementCapabilitiesEx, 0xd8);
SIZE(NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, 0xe0);
SIZE(NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES, 0x28);
SIZE(NDIS_MINIPORT_ADAPTER_NATIVE_802_11_ATTRIBUTES, 0x40);
SIZE(NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES, 0x60);
SIZE(NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES, 0x10);
SIZE(NDIS_MINIPORT_ADAPTER_ATTRIBUTES, 0xe0);
AT(NDIS_OFFLOAD, LsoV1, 0x24);
AT(NDIS_OFFLOAD, IPsecV1, 0x34);
AT(NDIS_OFFLOAD, LsoV2, 0x50);
AT(NDIS_OFFLOAD, Flags, 0x6c);
AT(NDIS_OFFLOAD, IPsecV2, 0x70);
AT(NDIS_OFFLOAD, Rsc, 0x90);
AT(NDIS_OFFLOAD, EncapsulatedPacketTaskOffloadGre, 0x94);
AT(NDIS_OFFLOAD, EncapsulatedPacketTaskOffloadVxlan, 0x9c);
AT(NDIS_OFFLOAD, EncapsulationTypes, 0xb0);
AT(NDIS_RECEIVE_SCALE_PARAMETERS, IndirectionTableOffset, 0x10);
AT(NDIS_RECEIVE_SCALE_PARAMETERS, HashSecretKeyOffset, 0x18);
_Static_assert(NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2 == 0x28, "RSS parameters revision 2");

// Computed by hand from the documented fields: eight-byte pointers, natural alignment.
AT(NDIS_FILTER_DRIVER_CHARACTERISTICS, FriendlyName, 0x10);
AT(NDIS_FILTER_DRIVER_CHARACTERISTICS, SetOptionsHandler, 0x40);
SIZE(NDIS_FILTER_DRIVER_CHARACTERISTICS, 0xf0);
AT(NDIS_MINIPORT_DRIVER_CHARACTERISTICS, SetOptionsHandler, 0x10);
AT(NDIS_MINIPORT_DRIVER_CHARACTERISTICS, DirectOidRequestHandler, 0x88);
SIZE(NDIS_MINIPORT_DRIVER_CHARACTERISTICS, 0xa0);
AT(NDIS_PROTOCOL_DRIVER_CHARACTERISTICS, Name, 0x10);
AT(NDIS_PROTOCOL_DRIVER_CHARACTERISTICS, SetOptionsHandler, 0x20);
SIZE(NDIS_PROTOCOL_DRIVER_CHARACTERISTICS, 0x80);
AT(NDIS_OID_REQUEST, RequestId, 0x10);
AT(NDIS_OID_REQUEST, DATA, 0x20);
AT(NDIS_OID_REQUEST, NdisReserved, 0x48);
AT(NDIS_OID_REQUEST, MiniportReserved, 0xc8);
AT(NDIS_OID_REQUEST, SourceReserved, 0xd8);
AT(NDIS_OID_REQUEST, SupportedRevision, 0xe8);
_Static_assert(NDIS_SIZEOF_OID_REQUEST_REVISION_1 == 0xec, "OID request revision 1");
_Static_assert(NDIS_SIZEOF_OID_REQUEST_REVISION_2 == 0xf8, "OID request revision 2");
SIZE(NDIS_OID_REQUEST, 0xf8);
AT(NDIS_STATUS_INDICATION, StatusBuffer, 0x30);
SIZE(NDIS_STATUS_INDICATION, 0x70);
SIZE(NDIS_STATISTICS_INFO, 0x98);
SIZE(NDIS_LINK_STATE, 0x28);
AT(NDIS_LINK_STATE, XmitLinkSpeed, 0x10);
SIZE(NDIS_LINK_SPEED, 0x10);
SIZE(NET_PNP_EVENT, 0x98);
AT(NET_PNP_EVENT_NOTIFICATION, NetPnPEvent, 0x8);
_Static_assert(NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1 == 0x10, "NBL pool parameters revision 1");
_Static_assert(NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1 == 0xc, "NB pool parameters revision 1");
SIZE(NDIS_NDK_CAPABILITIES, 0x38);
AT(NDIS_NDK_CAPABILITIES, NdkInfo, 0x30);
SIZE(NDIS_NDK_STATISTICS_INFO, 0xf8);
_Static_assert(NDIS_SIZEOF_NDIS_PM_PROTOCOL_OFFLOAD_REVISION_1 == 240, "PM protocol offload revision 1");
SIZE(NDIS_TIMER_CHARACTERISTICS, 0x18);
SIZE(NDIS_OPEN_PARAMETERS, 0x38);
SIZE(NDIS_TCP_IP_CHECKSUM_OFFLOAD, 0x20);
SIZE(NDIS_TCP_LARGE_SEND_OFFLOAD_V1, 0x10);
SIZE(NDIS_TCP_LARGE_SEND_OFFLOAD_V2, 0x1c);
_Static_assert(NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1 == 0x70, "offload revision 1");
_Static_assert(NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1 == 0x14, "offload parameters revision 1");
_Static_assert(NDIS_SIZEOF_TCP_CONNECTION_OFFLOAD_REVISION_2 == 0x14, "connection offload");
SIZE(NDIS_CONFIGURATION_PARAMETER, 0x18);
SIZE(NDIS_SPIN_LOCK, 0x10);

static int object_types_are_distinct(void)
{
    static const UCHAR types[] = {
        NDIS_OBJECT_TYPE_DEFAULT, NDIS_OBJECT_TYPE_MINIPORT_INIT_PARAMETERS, NDIS_OBJECT_TYPE_BIND_PARAMETERS,
        NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS,
        NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS, NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS,
        NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS,
        NDIS_OBJECT_TYPE_OFFLOAD, NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT,
    };
    for (size_t i = 0; i < sizeof types; i++)
        for (size_t j = i + 1; j < sizeof types; j++)
            if (types[i] == types[j])
                return 0;
    return 1;
}

TEST(object_types_tell_the_structures_apart) { ck_assert(object_types_are_distinct()); }

TEST(oid_request_data_members_overlay_each_other)
{
    NDIS_OID_REQUEST request;
    memset(&request, 0, sizeof request);
    request.DATA.QUERY_INFORMATION.Oid = OID_GEN_STATISTICS;
    ck_assert_uint_eq(request.DATA.SET_INFORMATION.Oid, 0x00020106);
    ck_assert_uint_eq(request.DATA.METHOD_INFORMATION.Oid, 0x00020106);
}

static BOOLEAN called_with_windows_convention;

FILTER_PAUSE LayoutFilterPause;

NDIS_STATUS
LayoutFilterPause(NDIS_HANDLE FilterModuleContext, PNDIS_FILTER_PAUSE_PARAMETERS PauseParameters)
{
    called_with_windows_convention = FilterModuleContext == (NDIS_HANDLE)1 && PauseParameters == (PVOID)2;
    return NDIS_STATUS_PENDING;
}

TEST(a_definition_inherits_the_convention_of_its_role_type)
{
    __attribute__((ms_abi)) NDIS_STATUS (*as_windows_calls_it)(PVOID, PVOID) = (PVOID)LayoutFilterPause;
    FILTER_PAUSE_HANDLER handler = LayoutFilterPause;
    ck_assert_int_eq(as_windows_calls_it((PVOID)1, (PVOID)2), NDIS_STATUS_PENDING);
    ck_assert(called_with_windows_convention);
    called_with_windows_convention = FALSE;
    ck_assert_int_eq(handler((PVOID)1, (PVOID)2), NDIS_STATUS_PENDING);
    ck_assert(called_with_windows_convention);
}

TEST(ethernet_helpers_classify_addresses)
{
    static const UCHAR broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, group[6] = {0x01, 0x00, 0x5e, 0, 0, 1};
    static const UCHAR station[6] = {0x02, 0, 0, 0, 0, 1};
    UCHAR copy[6];
    UINT result;
    ck_assert(ETH_IS_BROADCAST(broadcast) && ETH_IS_MULTICAST(broadcast));
    ck_assert(!ETH_IS_BROADCAST(group) && ETH_IS_MULTICAST(group));
    ck_assert(!ETH_IS_BROADCAST(station) && !ETH_IS_MULTICAST(station));
    ETH_COPY_NETWORK_ADDRESS(copy, station);
    ETH_COMPARE_NETWORK_ADDRESSES_EQ(copy, station, &result);
    ck_assert_uint_eq(result, 0);
    ETH_COMPARE_NETWORK_ADDRESSES_EQ(copy, group, &result);
    ck_assert_uint_eq(result, 1);
    ETH_COMPARE_NETWORK_ADDRESSES(copy, group, &result);
    ck_assert_uint_eq(result, 1);
}
