// SPDX-License-Identifier: MIT
// The life of an adapter: initialize reads the settings, opens the port, makes the buffers and tells NDIS what there is; halt undoes it
// in reverse order. A failed initialize leaves nothing behind; a port that cannot be opened says in words what is missing.
//   vnic_initialize -> vnic_settings_read -> nbx_port_open -> vnic_rx_create, vnic_tx_create -> NdisMSetMiniportAttributes
//   vnic_halt -> nbx_port_close (waits for an upcall that runs) -> free
// The port is started by the first restart (link.c): until then the receiver is off.
#include "vnic.h"

// errno values of the port interface, which has Linux's numbers.
enum { VNIC_EPERM = 1, VNIC_ENOENT = 2, VNIC_ENOMEM = 12, VNIC_EACCES = 13, VNIC_EBUSY = 16, VNIC_EEXIST = 17, VNIC_EINVAL = 22 };

void *
vnic_alloc(struct vnic_adapter *adapter, SIZE_T bytes)
{
    void *block = NdisAllocateMemoryWithTagPriority(adapter->ndis, (UINT)bytes, VNIC_TAG, NormalPoolPriority);
    if (block)
        NdisZeroMemory(block, bytes);
    return block;
}

void
vnic_free(struct vnic_adapter *adapter, void *block)
{
    if (block)
        NdisFreeMemoryWithTagPriority(adapter->ndis, block, VNIC_TAG);
}

static NDIS_STATUS
adapter_port_status(int error)
{
    switch (-error) {
    case VNIC_EPERM:
    case VNIC_EACCES:
        return NDIS_STATUS_NOT_ACCEPTED;
    case VNIC_ENOENT:
        return NDIS_STATUS_ADAPTER_NOT_FOUND;
    case VNIC_ENOMEM:
        return NDIS_STATUS_RESOURCES;
    case VNIC_EBUSY:
    case VNIC_EEXIST:
        return NDIS_STATUS_RESOURCE_CONFLICT;
    case VNIC_EINVAL:
        return NDIS_STATUS_INVALID_PARAMETER;
    default:
        return NDIS_STATUS_HARD_ERRORS;
    }
}

static NDIS_STATUS
adapter_port_open(struct vnic_adapter *adapter)
{
    static const struct port_upcalls upcalls = {vnic_on_rx, vnic_on_tx_ready, vnic_on_link};
    char error[256] = "";
    int failed = nbx_port_open(adapter->settings.port, &upcalls, adapter, &adapter->port, error, sizeof error);
    if (failed) {
        DbgPrint("vnic: %s\n", error);
        return adapter_port_status(failed);
    }
    nbx_port_caps(adapter->port, &adapter->caps);
    adapter->link_up = adapter->tx.link_up = adapter->caps.link_up;
    adapter->link_bits = adapter->caps.bits_per_second;
    return NDIS_STATUS_SUCCESS;
}

// The address of the settings, else a locally administered one made of the interface's number.
static void
adapter_address(struct vnic_adapter *adapter, const NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    ULONG64 index = parameters->NetLuid.Info.NetLuidIndex;
    adapter->if_index = parameters->IfIndex;
    UCHAR mac[VNIC_MAC_BYTES] = {0x02, 0x6e, 0x62, (UCHAR)(index >> 16), (UCHAR)(index >> 8), (UCHAR)index};
    memcpy(adapter->mac, adapter->settings.has_mac ? adapter->settings.mac : mac, VNIC_MAC_BYTES);
}

// ---- attributes -----------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
adapter_attributes_registration(struct vnic_adapter *adapter)
{
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES attributes = {
        .RegistrationAttributes = {.Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
                                              NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1,
                                              NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1},
                                   .MiniportAdapterContext = adapter,
                                   .AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_SURPRISE_REMOVE_OK |
                                                     NDIS_MINIPORT_ATTRIBUTES_NDIS_WDM,
                                   .CheckForHangTimeInSeconds = 4,
                                   .InterfaceType = NdisInterfaceInternal}};
    return NdisMSetMiniportAttributes(adapter->ndis, &attributes);
}

static ULONG
adapter_mac_options(const struct vnic_adapter *adapter)
{
    ULONG options = NDIS_MAC_OPTION_NO_LOOPBACK | NDIS_MAC_OPTION_TRANSFERS_NOT_PEND | NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA;
    if (adapter->settings.priority_vlan & 1)
        options |= NDIS_MAC_OPTION_8021P_PRIORITY;
    if (adapter->settings.priority_vlan & 2)
        options |= NDIS_MAC_OPTION_8021Q_VLAN;
    return options;
}

static NDIS_STATUS
adapter_attributes_general(struct vnic_adapter *adapter)
{
    ULONG mtu = adapter->settings.max_frame_bytes - VNIC_HEADER_BYTES;
    NDIS_RECEIVE_SCALE_CAPABILITIES rss;
    vnic_rss_capabilities(adapter, &rss);
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES attributes = {
        .GeneralAttributes = {
            .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2,
                       NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2},
            .MediaType = NdisMedium802_3,
            .PhysicalMediumType = NdisPhysicalMedium802_3,
            .MtuSize = mtu,
            .MaxXmitLinkSpeed = adapter->link_bits,
            .XmitLinkSpeed = adapter->link_up ? adapter->link_bits : NDIS_LINK_SPEED_UNKNOWN,
            .MaxRcvLinkSpeed = adapter->link_bits,
            .RcvLinkSpeed = adapter->link_up ? adapter->link_bits : NDIS_LINK_SPEED_UNKNOWN,
            .MediaConnectState = adapter->link_up ? MediaConnectStateConnected : MediaConnectStateDisconnected,
            .MediaDuplexState = adapter->link_up ? MediaDuplexStateFull : MediaDuplexStateUnknown,
            .LookaheadSize = mtu,
            .MacOptions = adapter_mac_options(adapter),
            .SupportedPacketFilters = VNIC_PACKET_FILTERS,
            .MaxMulticastListSize = VNIC_MULTICAST_MAX,
            .MacAddressLength = VNIC_MAC_BYTES,
            .RecvScaleCapabilities = adapter->rss_queue_count ? &rss : NULL,
            .AccessType = NET_IF_ACCESS_BROADCAST,
            .DirectionType = NET_IF_DIRECTION_SENDRECEIVE,
            .ConnectionType = NET_IF_CONNECTION_DEDICATED,
            .IfType = IF_TYPE_ETHERNET_CSMACD,
            .IfConnectorPresent = TRUE,
            .SupportedStatistics = VNIC_STATISTICS,
            .SupportedPauseFunctions = NdisPauseFunctionsUnsupported,
            .SupportedOidList = (PNDIS_OID)vnic_oids,
            .SupportedOidListLength = vnic_oids_bytes}};
    memcpy(attributes.GeneralAttributes.PermanentMacAddress, adapter->mac, VNIC_MAC_BYTES);
    memcpy(attributes.GeneralAttributes.CurrentMacAddress, adapter->mac, VNIC_MAC_BYTES);
    return NdisMSetMiniportAttributes(adapter->ndis, &attributes);
}

// The offload target, when a setting asks for one and NDIS knows of chimneys.
static NDIS_STATUS
adapter_toe(struct vnic_adapter *adapter)
{
    if (!adapter->settings.toe4 && !adapter->settings.toe6)
        return NDIS_STATUS_SUCCESS;
    NDIS_STATUS status = vnic_toe_create(adapter, &vnic_toe_ndis);
    if (status != NDIS_STATUS_NOT_SUPPORTED)
        return status;
    vnic_toe_destroy(adapter);
    return NDIS_STATUS_SUCCESS;
}

// ---- initialize and halt --------------------------------------------------------------------------------------------------------

static void
adapter_destroy(struct vnic_adapter *adapter)
{
    if (adapter->port)
        nbx_port_close(adapter->port);
    if (adapter->tx.batch_max) {
        KeCancelTimer(&adapter->tx.watchdog);
        KeCancelTimer(&adapter->tx.complete_timer);
    }
    KeFlushQueuedDpcs();                      // a DPC may be in its last lines
    vnic_rdma_destroy(adapter);
    vnic_toe_destroy(adapter);
    vnic_rss_destroy(adapter);
    vnic_tx_destroy(adapter);
    vnic_rx_destroy(adapter);
    NdisFreeMemoryWithTagPriority(adapter->ndis, adapter, VNIC_TAG);
}

static NDIS_STATUS
adapter_create(struct vnic_adapter *adapter, const NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    NDIS_STATUS status = vnic_settings_read(adapter->ndis, &adapter->settings);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    adapter_address(adapter, parameters);
    status = adapter_port_open(adapter);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    if (adapter->settings.max_frame_bytes > adapter->caps.max_frame_bytes)
        adapter->settings.max_frame_bytes = adapter->caps.max_frame_bytes;   // the cable's end decides
    adapter->tx_max_bytes = adapter->settings.max_frame_bytes + VNIC_VLAN_BYTES;
    status = vnic_rx_create(adapter);
    if (status == NDIS_STATUS_SUCCESS)
        status = vnic_rss_create(adapter);
    if (status == NDIS_STATUS_SUCCESS)
        status = adapter_toe(adapter);
    if (status == NDIS_STATUS_SUCCESS)
        status = vnic_rdma_create(adapter);
    if (status == NDIS_STATUS_SUCCESS)
        status = vnic_tx_create(adapter);
    if (status == NDIS_STATUS_SUCCESS)
        status = adapter_attributes_registration(adapter);
    if (status == NDIS_STATUS_SUCCESS)
        status = adapter_attributes_general(adapter);
    if (status == NDIS_STATUS_SUCCESS)
        status = vnic_offload_create(adapter);
    if (status == NDIS_STATUS_SUCCESS)
        status = vnic_rdma_attributes(adapter);
    return status;
}

NDIS_STATUS
vnic_initialize(NDIS_HANDLE ndis, NDIS_HANDLE driver_context, PNDIS_MINIPORT_INIT_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(driver_context);
    struct vnic_adapter *adapter =
        NdisAllocateMemoryWithTagPriority(ndis, sizeof *adapter, VNIC_TAG, NormalPoolPriority);
    if (!adapter)
        return NDIS_STATUS_RESOURCES;
    NdisZeroMemory(adapter, sizeof *adapter);
    adapter->ndis = ndis;
    NDIS_STATUS status = adapter_create(adapter, parameters);
    if (status != NDIS_STATUS_SUCCESS)
        adapter_destroy(adapter);
    return status;
}

VOID
vnic_halt(NDIS_HANDLE context, NDIS_HALT_ACTION action)
{
    UNREFERENCED_PARAMETER(action);
    adapter_destroy(context);
}
