// SPDX-License-Identifier: MIT
// Intermediate drivers (a protocol below, virtual miniports above) and network interface providers.
//
// Sources: [ndis/nf-ndis-ndisiminitializedeviceinstanceex] and kin, [ndis/nf-ndis-ndisifregisterprovider],
// [ndis/ns-ndis-_net_if_information].
#ifndef NBX_DDK_NDIS_IM_H
#define NBX_DDK_NDIS_IM_H
#include "media.h"

#ifdef __cplusplus
extern "C" {
#endif

NTAPI VOID NdisIMAssociateMiniport(NDIS_HANDLE DriverHandle, NDIS_HANDLE ProtocolHandle);
NTAPI NDIS_STATUS NdisIMInitializeDeviceInstanceEx(
    NDIS_HANDLE DriverHandle, PNDIS_STRING DriverInstance, NDIS_HANDLE DeviceContext);
NTAPI NDIS_STATUS NdisIMCancelInitializeDeviceInstance(NDIS_HANDLE DriverHandle, PNDIS_STRING DeviceInstance);
NTAPI NDIS_STATUS NdisIMDeInitializeDeviceInstance(NDIS_HANDLE NdisMiniportHandle);
NTAPI NDIS_HANDLE NdisIMGetBindingContext(NDIS_HANDLE NdisBindingHandle);

typedef NDIS_OID NET_IF_OBJECT_ID, *PNET_IF_OBJECT_ID;
typedef NDIS_STATUS NTAPI IF_QUERY_OBJECT(NDIS_HANDLE ProviderIfContext, NET_IF_OBJECT_ID ObjectId,
                                          PULONG pOutputBufferLength, PVOID pOutputBuffer);
typedef IF_QUERY_OBJECT *IFP_QUERY_OBJECT;
typedef NDIS_STATUS NTAPI IF_SET_OBJECT(NDIS_HANDLE ProviderIfContext, NET_IF_OBJECT_ID ObjectId,
                                        ULONG InputBufferLength, PVOID pInputBuffer);
typedef IF_SET_OBJECT *IFP_SET_OBJECT;
typedef struct _NDIS_IF_PROVIDER_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header;
    IFP_QUERY_OBJECT QueryObjectHandler;
    IFP_SET_OBJECT SetObjectHandler;
    PVOID Reserved1;
    PVOID Reserved2;
} NDIS_IF_PROVIDER_CHARACTERISTICS, *PNDIS_IF_PROVIDER_CHARACTERISTICS;
#define NDIS_SIZEOF_IF_PROVIDER_CHARACTERISTICS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_IF_PROVIDER_CHARACTERISTICS, Reserved2)

typedef struct _NET_IF_INFORMATION {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    NET_PHYSICAL_LOCATION PhysicalLocation;
    ULONG WanTunnelType;
    ULONG PortNumber;
    NET_IF_ACCESS_TYPE AccessType;
    NET_IF_DIRECTION_TYPE DirectionType;
    NET_IF_CONNECTION_TYPE ConnectionType;
    BOOLEAN ifConnectorPresent;
    USHORT PhysAddressLength;
    USHORT PhysAddressOffset;
    USHORT PermanentPhysAddressOffset;
    USHORT FriendlyNameLength;
    USHORT FriendlyNameOffset;
    GUID InterfaceGuid;
    NET_IF_NETWORK_GUID NetworkGuid;
    ULONG SupportedStatistics;
    NDIS_MEDIUM MediaType;
    NDIS_PHYSICAL_MEDIUM PhysicalMediumType;
} NET_IF_INFORMATION, *PNET_IF_INFORMATION;
#define NDIS_SIZEOF_NET_IF_INFORMATION_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NET_IF_INFORMATION, PhysicalMediumType)

NTAPI NDIS_STATUS NdisIfRegisterProvider(PNDIS_IF_PROVIDER_CHARACTERISTICS ProviderCharacteristics,
                                         NDIS_HANDLE IfProviderContext, PNDIS_HANDLE pNdisProviderHandle);
NTAPI VOID NdisIfDeregisterProvider(NDIS_HANDLE NdisProviderHandle);
NTAPI NDIS_STATUS NdisIfRegisterInterface(NDIS_HANDLE NdisProviderHandle, NET_LUID NetLuid,
                                          NDIS_HANDLE ProviderIfContext, PNET_IF_INFORMATION pIfInfo,
                                          PNET_IFINDEX pIfIndex);
NTAPI VOID NdisIfDeregisterInterface(NET_IFINDEX IfIndex);
NTAPI NDIS_STATUS NdisIfAllocateNetLuidIndex(NET_IFTYPE IfType, PUINT32 pNetLuidIndex);
NTAPI NDIS_STATUS NdisIfFreeNetLuidIndex(NET_IFTYPE IfType, UINT32 NetLuidIndex);
NTAPI NDIS_STATUS NdisIfGetInterfaceIndexFromNetLuid(NET_LUID NetLuid, PNET_IFINDEX pIfIndex);
NTAPI NDIS_STATUS NdisIfGetNetLuidFromInterfaceIndex(NET_IFINDEX IfIndex, PNET_LUID pNetLuid);
NTAPI NDIS_STATUS NdisIfQueryBindingIfIndex(NDIS_HANDLE NdisBindingHandle, PNET_IFINDEX pBoundIfIndex,
                                            PNET_LUID pBoundIfNetLuid, PNET_IFINDEX pLowestIfIndex,
                                            PNET_LUID pLowestIfNetLuid);
NTAPI NDIS_STATUS NdisIfAddIfStackEntry(NET_IFINDEX HigherLayerIfIndex, NET_IFINDEX LowerLayerIfIndex);
NTAPI VOID NdisIfDeleteIfStackEntry(NET_IFINDEX HigherLayerIfIndex, NET_IFINDEX LowerLayerIfIndex);

#ifdef __cplusplus
}
#endif
#endif
