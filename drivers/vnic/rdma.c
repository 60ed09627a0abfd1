// SPDX-License-Identifier: MIT
// vnic as an NDK provider, as NDIS sees it: registration, attributes, opening and closing NDK adapters, on and off.
//   MiniportSetOptions -> vnic_rdma_register
//   MiniportInitializeEx -> vnic_rdma_create (only with *NetworkDirect) -> vnic_rdma_attributes: capabilities, enabled or not
//   OpenNDKAdapterHandler -> the host's transport is opened -> rdma_adapter_open   CloseNDKAdapterHandler -> the other way round
// [network/initializing-an-ndk-capable-miniport-driver], [network/initializing-an-ndk-miniport-adapter]
#include "rdma_net.h"

static NTAPI NDIS_STATUS
open_adapter(NDIS_HANDLE context, PNDIS_OPEN_NDK_ADAPTER_PARAMETERS parameters, NDK_ADAPTER **made)
{
    struct vnic_adapter *adapter = context;
    *made = NULL;
    if (!adapter->rdma)
        return NDIS_STATUS_NOT_SUPPORTED;
    rdma_host_open(adapter->rdma);
    NDIS_STATUS status = rdma_adapter_open(adapter->rdma, parameters->Version, made);
    if (status != NDIS_STATUS_SUCCESS)
        rdma_host_close(adapter->rdma);
    return status;
}

static NTAPI VOID
close_adapter(NDIS_HANDLE context, NDK_ADAPTER *ndk)
{
    struct vnic_adapter *adapter = context;
    rdma_adapter_close(adapter->rdma, ndk);
    KeFlushQueuedDpcs();                      // of net_poll: the port may be closed now
    rdma_host_close(adapter->rdma);
}

NDIS_STATUS
vnic_rdma_register(NDIS_HANDLE driver)
{
    NDIS_NDK_PROVIDER_CHARACTERISTICS chars = {.Header = {NDIS_OBJECT_TYPE_NDK_PROVIDER_CHARACTERISTICS,
                                                          NDIS_NDK_PROVIDER_CHARACTERISTICS_REVISION_1,
                                                          NDIS_SIZEOF_NDK_PROVIDER_CHARACTERISTICS_REVISION_1},
                                               .OpenNDKAdapterHandler = open_adapter,
                                               .CloseNDKAdapterHandler = close_adapter};
    return NdisSetOptionalHandlers(driver, (PNDIS_DRIVER_OPTIONAL_HANDLERS)&chars);
}

NDIS_STATUS
vnic_rdma_create(struct vnic_adapter *adapter)
{
    if (!adapter->settings.network_direct)
        return NDIS_STATUS_SUCCESS;
    NDIS_STATUS status = rdma_create(adapter, &rdma_net_transport, &adapter->rdma);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    adapter->rdma->pends = adapter->settings.rdma_pends != 0;
    adapter->rdma->info.AdapterFlags |= NDK_ADAPTER_FLAG_LOOPBACK_CONNECTIONS_SUPPORTED;
    return rdma_switch_create(adapter->rdma);
}

// "even if its NDK functionality is currently disabled" [ndis/ns-ndis-_ndis_miniport_adapter_ndk_attributes]
NDIS_STATUS
vnic_rdma_attributes(struct vnic_adapter *adapter)
{
    NDK_ADAPTER_INFO info;
    rdma_info(&info);
    info.Version = (NDK_VERSION){2, 1};
    NDIS_NDK_CAPABILITIES capabilities = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NDIS_NDK_CAPABILITIES_REVISION_1, NDIS_SIZEOF_NDK_CAPABILITIES_REVISION_1},
        .MaxQpCount = MAXULONG,               // as memory allows
        .MaxCqCount = MAXULONG,
        .MaxMrCount = MAXULONG,
        .MaxPdCount = MAXULONG,
        .MaxInboundReadLimit = info.MaxInboundReadLimit,
        .MaxOutboundReadLimit = info.MaxOutboundReadLimit,
        .MaxMwCount = MAXULONG,
        .MaxSrqCount = MAXULONG,
        .NdkInfo = &info};
    NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES attributes = {.Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_NDK_ATTRIBUTES,
                                                                  NDIS_MINIPORT_ADAPTER_NDK_ATTRIBUTES_REVISION_1,
                                                                  NDIS_SIZEOF_MINIPORT_ADAPTER_NDK_ATTRIBUTES_REVISION_1},
                                                       .Enabled = adapter->rdma != NULL,
                                                       .NdkCapabilities = &capabilities};
    return NdisMSetMiniportAttributes(adapter->ndis, (PNDIS_MINIPORT_ADAPTER_ATTRIBUTES)&attributes);
}

void
vnic_rdma_destroy(struct vnic_adapter *adapter)
{
    if (!adapter->rdma)
        return;
    rdma_switch_destroy(adapter->rdma);
    rdma_destroy(adapter->rdma);
    adapter->rdma = NULL;
}
