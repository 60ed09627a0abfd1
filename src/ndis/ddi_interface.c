// SPDX-License-Identifier: MIT
// Front doors: network interfaces, their numbers, their providers and their order. [ndis/nf-ndis-ndisif*]
#include "ndis/interface.h"
#include "nt/ex/fault.h"
#include "verify/refuse.h"
#include "verify/report.h"
#include "verify/verify.h"

NTAPI NDIS_STATUS
NdisIfAllocateNetLuidIndex(NET_IFTYPE IfType, PUINT32 pNetLuidIndex)
{
    VERIFY_ENTER(NdisIfAllocateNetLuidIndex);
    return ndis_luid_alloc(ndis_self(), IfType, pNetLuidIndex);
}

NTAPI NDIS_STATUS
NdisIfFreeNetLuidIndex(NET_IFTYPE IfType, UINT32 NetLuidIndex)
{
    VERIFY_ENTER(NdisIfFreeNetLuidIndex);
    return ndis_luid_free(ndis_self(), IfType, NetLuidIndex);
}

NTAPI NDIS_STATUS
NdisIfGetInterfaceIndexFromNetLuid(NET_LUID NetLuid, PNET_IFINDEX pIfIndex)
{
    VERIFY_ENTER(NdisIfGetInterfaceIndexFromNetLuid);
    return ndis_interface_by_luid(ndis_self(), NetLuid, pIfIndex) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INTERFACE_NOT_FOUND;
}

NTAPI NDIS_STATUS
NdisIfGetNetLuidFromInterfaceIndex(NET_IFINDEX IfIndex, PNET_LUID pNetLuid)
{
    VERIFY_ENTER(NdisIfGetNetLuidFromInterfaceIndex);
    return ndis_interface_by_index(ndis_self(), IfIndex, pNetLuid) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INTERFACE_NOT_FOUND;
}

// A binding always has an adapter here, so an interface too.
NTAPI NDIS_STATUS
NdisIfQueryBindingIfIndex(NDIS_HANDLE NdisBindingHandle, PNET_IFINDEX pBoundIfIndex, PNET_LUID pBoundIfNetLuid,
                          PNET_IFINDEX pLowestIfIndex, PNET_LUID pLowestIfNetLuid)
{
    VERIFY_ENTER(NdisIfQueryBindingIfIndex);
    struct ndis_binding *binding = ndis_handle_check(NdisBindingHandle, NDIS_KIND_BINDING, "NdisIfQueryBindingIfIndex");
    ndis_interface_highest(binding->module.adapter, pBoundIfIndex, pBoundIfNetLuid);
    *pLowestIfIndex = binding->module.adapter->if_index;
    *pLowestIfNetLuid = binding->module.adapter->luid;
    return NDIS_STATUS_SUCCESS;
}

// ---- providers --------------------------------------------------------------------------------------------------------------------

NTAPI NDIS_STATUS
NdisIfRegisterProvider(PNDIS_IF_PROVIDER_CHARACTERISTICS ProviderCharacteristics, NDIS_HANDLE IfProviderContext,
                       PNDIS_HANDLE pNdisProviderHandle)
{
    VERIFY_ENTER(NdisIfRegisterProvider);
    struct ndis_provider *provider = NULL;
    *pNdisProviderHandle = NULL;
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    NDIS_STATUS status = ndis_provider_register(ndis_self(), ProviderCharacteristics, IfProviderContext, &provider);
    *pNdisProviderHandle = provider;
    return status;
}

NTAPI VOID
NdisIfDeregisterProvider(NDIS_HANDLE NdisProviderHandle)
{
    VERIFY_ENTER(NdisIfDeregisterProvider);
    struct ndis_provider *provider =
        ndis_handle_check(NdisProviderHandle, (enum ndis_kind)NDIS_KIND_PROVIDER, "NdisIfDeregisterProvider");
    if (!ndis_provider_deregister(provider))
        verify_rule_fatal(NBX_0121, "NdisIfDeregisterProvider",
                          "the provider still has interfaces: NdisIfDeregisterInterface comes first, for each");
}

NTAPI NDIS_STATUS
NdisIfRegisterInterface(NDIS_HANDLE NdisProviderHandle, NET_LUID NetLuid, NDIS_HANDLE ProviderIfContext, PNET_IF_INFORMATION pIfInfo,
                        PNET_IFINDEX pIfIndex)
{
    VERIFY_ENTER(NdisIfRegisterInterface);
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    return ndis_interface_register(
        ndis_handle_check(NdisProviderHandle, (enum ndis_kind)NDIS_KIND_PROVIDER, "NdisIfRegisterInterface"), NetLuid,
        ProviderIfContext, pIfInfo, pIfIndex);
}

NTAPI VOID
NdisIfDeregisterInterface(NET_IFINDEX IfIndex)
{
    VERIFY_ENTER(NdisIfDeregisterInterface);
    if (!ndis_interface_deregister(ndis_self(), IfIndex))
        verify_contract("NdisIfDeregisterInterface", "no provider has registered an interface with this index");
}

// ---- the stack --------------------------------------------------------------------------------------------------------------------

NTAPI NDIS_STATUS
NdisIfAddIfStackEntry(NET_IFINDEX HigherLayerIfIndex, NET_IFINDEX LowerLayerIfIndex)
{
    VERIFY_ENTER(NdisIfAddIfStackEntry);
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    NDIS_STATUS status = ndis_if_stack_add(ndis_self(), HigherLayerIfIndex, LowerLayerIfIndex);
    if (status == NDIS_STATUS_INVALID_PARAMETER)
        verify_rule_fatal(NBX_0122, "NdisIfAddIfStackEntry", "the interface stack would have a loop");
    return status;
}

NTAPI VOID
NdisIfDeleteIfStackEntry(NET_IFINDEX HigherLayerIfIndex, NET_IFINDEX LowerLayerIfIndex)
{
    VERIFY_ENTER(NdisIfDeleteIfStackEntry);
    ndis_if_stack_delete(ndis_self(), HigherLayerIfIndex, LowerLayerIfIndex);
}
