// SPDX-License-Identifier: MIT
// Front doors: network interfaces by index and LUID, and the interface stack table. Providers of interfaces that are not adapters are not
// there (NdisIfRegisterProvider is refused). [ndis/nf-ndis-ndisifaddifstackentry], [ndis/nf-ndis-ndisifgetinterfaceindexfromnetluid]
#include "ndis/ifstack.h"
#include "ndis/protocol.h"
#include "verify/verify.h"

NTAPI NDIS_STATUS
NdisIfAddIfStackEntry(NET_IFINDEX HigherLayerIfIndex, NET_IFINDEX LowerLayerIfIndex)
{
    VERIFY_ENTER(NdisIfAddIfStackEntry);
    return ndis_ifstack_add(ndis_self(), HigherLayerIfIndex, LowerLayerIfIndex);
}

NTAPI VOID
NdisIfDeleteIfStackEntry(NET_IFINDEX HigherLayerIfIndex, NET_IFINDEX LowerLayerIfIndex)
{
    VERIFY_ENTER(NdisIfDeleteIfStackEntry);
    ndis_ifstack_remove(ndis_self(), HigherLayerIfIndex, LowerLayerIfIndex);
}

NTAPI NDIS_STATUS
NdisIfGetInterfaceIndexFromNetLuid(NET_LUID NetLuid, PNET_IFINDEX pIfIndex)
{
    VERIFY_ENTER(NdisIfGetInterfaceIndexFromNetLuid);
    return ndis_interface_by_luid(ndis_self(), NetLuid, pIfIndex);
}

NTAPI NDIS_STATUS
NdisIfGetNetLuidFromInterfaceIndex(NET_IFINDEX IfIndex, PNET_LUID pNetLuid)
{
    VERIFY_ENTER(NdisIfGetNetLuidFromInterfaceIndex);
    return ndis_interface_by_index(ndis_self(), IfIndex, pNetLuid);
}

// Highest and lowest are one, as in the parameters of a bind: filter modules have no interface of their own here.
NTAPI NDIS_STATUS
NdisIfQueryBindingIfIndex(NDIS_HANDLE NdisBindingHandle, PNET_IFINDEX pBoundIfIndex, PNET_LUID pBoundIfNetLuid, PNET_IFINDEX pLowestIfIndex,
                          PNET_LUID pLowestIfNetLuid)
{
    VERIFY_ENTER(NdisIfQueryBindingIfIndex);
    struct ndis_module *module = ndis_handle_check(NdisBindingHandle, NDIS_KIND_BINDING, "NdisIfQueryBindingIfIndex");
    *pBoundIfIndex = *pLowestIfIndex = module->adapter->if_index;
    *pBoundIfNetLuid = *pLowestIfNetLuid = module->adapter->luid;
    return NDIS_STATUS_SUCCESS;
}
