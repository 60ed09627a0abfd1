// SPDX-License-Identifier: MIT
// Task offload: what the adapter offers, what is switched on, and what a received frame says.
//   vnic_offload_create      the settings -> NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES
//   vnic_offload_set         OID_TCP_OFFLOAD_PARAMETERS    -> NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG
//   vnic_offload_receive     port_offload -> checksum and RSC words; a checksum that nobody asked us to leave open is finished here
//   vnic_offload_split       a super-segment with RSC off: cut into the segments it was made of
//   vnic_vlan_take           802.1Q tag -> Ieee8021QNetBufferListInfo
// Everything is offered on every port: what a port cannot do is done here (offload_send.c). RSC is what only a port can bring.
// [network/determining-task-offload-capabilities, network/overview-of-receive-segment-coalescing]
#include "vnic.h"

#include "frame.h"

// ---- what there is --------------------------------------------------------------------------------------------------------------

#define OFFLOAD_ENCAPSULATION (NDIS_ENCAPSULATION_IEEE_802_3 | NDIS_ENCAPSULATION_IEEE_802_3_P_AND_Q_IN_OOB)

static ULONG
offload_tx(ULONG setting)
{
    return setting & 1 ? NDIS_OFFLOAD_SUPPORTED : NDIS_OFFLOAD_NOT_SUPPORTED;
}

static ULONG
offload_rx(ULONG setting)
{
    return setting & 2 ? NDIS_OFFLOAD_SUPPORTED : NDIS_OFFLOAD_NOT_SUPPORTED;
}

static void
offload_fill_checksum(NDIS_TCP_IP_CHECKSUM_OFFLOAD *checksum, const struct vnic_offload *on)
{
    if ((on->ip4_checksum | on->tcp4_checksum | on->udp4_checksum) & 1) {
        checksum->IPv4Transmit.Encapsulation = OFFLOAD_ENCAPSULATION;
        checksum->IPv4Transmit.IpOptionsSupported = checksum->IPv4Transmit.TcpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
        checksum->IPv4Transmit.IpChecksum = offload_tx(on->ip4_checksum);
        checksum->IPv4Transmit.TcpChecksum = offload_tx(on->tcp4_checksum);
        checksum->IPv4Transmit.UdpChecksum = offload_tx(on->udp4_checksum);
    }
    if ((on->ip4_checksum | on->tcp4_checksum | on->udp4_checksum) & 2) {
        checksum->IPv4Receive.Encapsulation = OFFLOAD_ENCAPSULATION;
        checksum->IPv4Receive.IpOptionsSupported = checksum->IPv4Receive.TcpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
        checksum->IPv4Receive.IpChecksum = offload_rx(on->ip4_checksum);
        checksum->IPv4Receive.TcpChecksum = offload_rx(on->tcp4_checksum);
        checksum->IPv4Receive.UdpChecksum = offload_rx(on->udp4_checksum);
    }
    if ((on->tcp6_checksum | on->udp6_checksum) & 1) {
        checksum->IPv6Transmit.Encapsulation = OFFLOAD_ENCAPSULATION;
        checksum->IPv6Transmit.IpExtensionHeadersSupported = checksum->IPv6Transmit.TcpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
        checksum->IPv6Transmit.TcpChecksum = offload_tx(on->tcp6_checksum);
        checksum->IPv6Transmit.UdpChecksum = offload_tx(on->udp6_checksum);
    }
    if ((on->tcp6_checksum | on->udp6_checksum) & 2) {
        checksum->IPv6Receive.Encapsulation = OFFLOAD_ENCAPSULATION;
        checksum->IPv6Receive.IpExtensionHeadersSupported = checksum->IPv6Receive.TcpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
        checksum->IPv6Receive.TcpChecksum = offload_rx(on->tcp6_checksum);
        checksum->IPv6Receive.UdpChecksum = offload_rx(on->udp6_checksum);
    }
}

static void
offload_fill(NDIS_OFFLOAD *offload, const struct vnic_offload *on)
{
    NdisZeroMemory(offload, sizeof *offload);
    offload->Header = (NDIS_OBJECT_HEADER){NDIS_OBJECT_TYPE_OFFLOAD, NDIS_OFFLOAD_REVISION_3, NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_3};
    offload_fill_checksum(&offload->Checksum, on);
    if (on->lso4) {
        offload->LsoV2.IPv4.Encapsulation = OFFLOAD_ENCAPSULATION;
        offload->LsoV2.IPv4.MaxOffLoadSize = VNIC_LSO_MAX_BYTES;
        offload->LsoV2.IPv4.MinSegmentCount = 2;
    }
    if (on->lso6) {
        offload->LsoV2.IPv6.Encapsulation = OFFLOAD_ENCAPSULATION;
        offload->LsoV2.IPv6.MaxOffLoadSize = VNIC_LSO_MAX_BYTES;
        offload->LsoV2.IPv6.MinSegmentCount = 2;
        offload->LsoV2.IPv6.IpExtensionHeadersSupported = NDIS_OFFLOAD_SUPPORTED;
        offload->LsoV2.IPv6.TcpOptionsSupported = NDIS_OFFLOAD_SUPPORTED;
    }
    offload->Rsc.IPv4.Enabled = on->rsc4 != 0;
    offload->Rsc.IPv6.Enabled = on->rsc6 != 0;
}

static struct vnic_offload
offload_hardware(const struct vnic_adapter *adapter)
{
    return (struct vnic_offload){3, 3, 3, 3, 3, 1, 1, adapter->caps.gso4, adapter->caps.gso6};
}

// Make this the current state. The receiver takes it over with its next batch.
static void
offload_apply(struct vnic_adapter *adapter, const struct vnic_offload *on)
{
    KIRQL old;
    KeAcquireSpinLock(&adapter->rx.lock, &old);
    adapter->rx.mode.offload = *on;
    adapter->rx.mode_changed = TRUE;
    KeReleaseSpinLock(&adapter->rx.lock, old);
}

static struct vnic_offload
offload_current(struct vnic_adapter *adapter)
{
    KIRQL old;
    KeAcquireSpinLock(&adapter->rx.lock, &old);
    struct vnic_offload on = adapter->rx.mode.offload;
    KeReleaseSpinLock(&adapter->rx.lock, old);
    return on;
}

NDIS_STATUS
vnic_offload_create(struct vnic_adapter *adapter)
{
    const struct vnic_settings *s = &adapter->settings;
    struct vnic_offload hardware = offload_hardware(adapter);
    struct vnic_offload on = {s->ip4_checksum, s->tcp4_checksum, s->udp4_checksum, s->tcp6_checksum, s->udp6_checksum,
                              s->lso4,         s->lso6,          s->rsc4 & hardware.rsc4, s->rsc6 & hardware.rsc6};
    NDIS_OFFLOAD now, can;
    NDIS_TCP_CONNECTION_OFFLOAD chimney_now, chimney_can;
    offload_fill(&now, &on);
    offload_fill(&can, &hardware);
    vnic_toe_capabilities(adapter, FALSE, &chimney_now);
    vnic_toe_capabilities(adapter, TRUE, &chimney_can);
    offload_apply(adapter, &on);
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES attributes = {
        .OffloadAttributes = {.Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES,
                                         NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1,
                                         NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1},
                              .DefaultOffloadConfiguration = &now,
                              .HardwareOffloadCapabilities = &can,
                              .DefaultTcpConnectionOffloadConfiguration = adapter->toe ? &chimney_now : NULL,
                              .TcpConnectionOffloadHardwareCapabilities = adapter->toe ? &chimney_can : NULL}};
    return NdisMSetMiniportAttributes(adapter->ndis, &attributes);
}

// ---- switching ------------------------------------------------------------------------------------------------------------------

static void
offload_indicate(struct vnic_adapter *adapter, const struct vnic_offload *on)
{
    NDIS_OFFLOAD now;
    offload_fill(&now, on);
    NDIS_STATUS_INDICATION indication = {
        .Header = {NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1, NDIS_SIZEOF_STATUS_INDICATION_REVISION_1},
        .SourceHandle = adapter->ndis,
        .StatusCode = NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG,
        .StatusBuffer = &now,
        .StatusBufferSize = sizeof now};
    NdisMIndicateStatusEx(adapter->ndis, &indication);
}

// The OID counts from 1 (both off) to 4 (both on); our settings are bit 0 for transmit, bit 1 for receive.
static NDIS_STATUS
offload_set_checksum(UCHAR wanted, ULONG *field)
{
    if (wanted > NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (wanted != NDIS_OFFLOAD_PARAMETERS_NO_CHANGE)
        *field = wanted - 1u;
    return NDIS_STATUS_SUCCESS;
}

// Two states, 1 off and 2 on. can FALSE: the hardware has it not, so it may only be switched off.
static NDIS_STATUS
offload_set_switch(UCHAR wanted, ULONG can, ULONG *field)
{
    if (wanted > NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED)
        return NDIS_STATUS_INVALID_PARAMETER;
    if (wanted == NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED && !can)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (wanted != NDIS_OFFLOAD_PARAMETERS_NO_CHANGE)
        *field = wanted == NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED;
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
offload_set_all(const NDIS_OFFLOAD_PARAMETERS *wanted, const struct vnic_offload *hardware, struct vnic_offload *on)
{
    ULONG none = 0;
    const struct { UCHAR wanted; ULONG *field; } checksums[] = {
        {wanted->IPv4Checksum, &on->ip4_checksum},    {wanted->TCPIPv4Checksum, &on->tcp4_checksum},
        {wanted->UDPIPv4Checksum, &on->udp4_checksum}, {wanted->TCPIPv6Checksum, &on->tcp6_checksum},
        {wanted->UDPIPv6Checksum, &on->udp6_checksum}};
    const struct { UCHAR wanted; ULONG can; ULONG *field; } switches[] = {
        {wanted->LsoV2IPv4, hardware->lso4, &on->lso4}, {wanted->LsoV2IPv6, hardware->lso6, &on->lso6},
        {wanted->RscIPv4, hardware->rsc4, &on->rsc4},   {wanted->RscIPv6, hardware->rsc6, &on->rsc6},
        {wanted->LsoV1, 0, &none}};
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    for (ULONG i = 0; i < ARRAYSIZE(checksums) && status == NDIS_STATUS_SUCCESS; i++)
        status = offload_set_checksum(checksums[i].wanted, checksums[i].field);
    for (ULONG i = 0; i < ARRAYSIZE(switches) && status == NDIS_STATUS_SUCCESS; i++)
        status = offload_set_switch(switches[i].wanted, switches[i].can, switches[i].field);
    if (status == NDIS_STATUS_SUCCESS && (wanted->IPsecV1 > 1 || wanted->IPsecV2 > 1 || wanted->IPsecV2IPv4 > 1))
        status = NDIS_STATUS_NOT_SUPPORTED;
    return status;
}

NDIS_STATUS
vnic_offload_set(struct vnic_adapter *adapter, const void *data, ULONG bytes)
{
    NDIS_OFFLOAD_PARAMETERS wanted = {0};
    if (bytes < NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1)
        return NDIS_STATUS_INVALID_LENGTH;
    memcpy(&wanted, data, bytes < sizeof wanted ? bytes : sizeof wanted);
    if (wanted.Header.Size < NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1 || wanted.Header.Size > bytes)
        return NDIS_STATUS_INVALID_LENGTH;
    if (wanted.Header.Size < NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3)   // an older caller: what it does not know stays
        wanted.RscIPv4 = wanted.RscIPv6 = NDIS_OFFLOAD_PARAMETERS_NO_CHANGE;
    struct vnic_offload on = offload_current(adapter), hardware = offload_hardware(adapter);
    NDIS_STATUS status = offload_set_all(&wanted, &hardware, &on);
    if (status == NDIS_STATUS_SUCCESS)
        status = vnic_toe_switch(adapter, wanted.TcpConnectionIPv4, wanted.TcpConnectionIPv6);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    offload_apply(adapter, &on);
    offload_indicate(adapter, &on);
    return NDIS_STATUS_SUCCESS;
}

// The encapsulation a protocol will use: ours is Ethernet, tagged out of band or not [network/oid-offload-encapsulation].
NDIS_STATUS
vnic_offload_encapsulation(struct vnic_adapter *adapter, const void *data, ULONG bytes)
{
    NDIS_OFFLOAD_ENCAPSULATION wanted;
    if (bytes < NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1)
        return NDIS_STATUS_INVALID_LENGTH;
    memcpy(&wanted, data, NDIS_SIZEOF_OFFLOAD_ENCAPSULATION_REVISION_1);
    if ((wanted.IPv4.Enabled == NDIS_OFFLOAD_SET_ON && !(wanted.IPv4.EncapsulationType & OFFLOAD_ENCAPSULATION)) ||
        (wanted.IPv6.Enabled == NDIS_OFFLOAD_SET_ON && !(wanted.IPv6.EncapsulationType & OFFLOAD_ENCAPSULATION)))
        return NDIS_STATUS_NOT_SUPPORTED;
    struct vnic_offload on = offload_current(adapter);
    offload_indicate(adapter, &on);
    return NDIS_STATUS_SUCCESS;
}

// ---- received frames ------------------------------------------------------------------------------------------------------------

// Does the receiver vouch for this kind of checksum?
static BOOLEAN
receive_is_on(const struct vnic_offload *on, const struct frame_headers *where)
{
    if (where->protocol == FRAME_TCP)
        return ((where->is_ip4 ? on->tcp4_checksum : on->tcp6_checksum) & 2) != 0;
    if (where->protocol == FRAME_UDP)
        return ((where->is_ip4 ? on->udp4_checksum : on->udp6_checksum) & 2) != 0;
    return FALSE;
}

static void
receive_coalesced(struct vnic_rx *rx, NET_BUFFER_LIST *nbl, const struct frame_headers *where, ULONG bytes, ULONG mss)
{
    ULONG payload = bytes - where->payload, count = (payload + mss - 1) / mss;
    NET_BUFFER_LIST_COALESCED_SEG_COUNT(nbl) = (USHORT)count;
    NET_BUFFER_LIST_DUP_ACK_COUNT(nbl) = 0;
    NET_BUFFER_LIST_NBL_FLAGS(nbl) |= VNIC_NBL_HAS_RSC;
    rx->batch_rsc.segments += count;
    rx->batch_rsc.bytes += payload;
    rx->batch_rsc.events++;
}

void
vnic_offload_receive(struct vnic_adapter *adapter, NET_BUFFER_LIST *nbl, UCHAR *frame, ULONG bytes, ULONG shift,
                     const struct port_offload *offload)
{
    const struct vnic_offload *on = &adapter->rx.mode_now.offload;
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info = {.Value = NULL};
    struct frame_headers where;
    BOOLEAN parsed = frame_parse(frame, bytes, &where), vouched = parsed && receive_is_on(on, &where);
    BOOLEAN open = (offload->flags & PORT_CSUM_NEEDED) != 0;
    ULONG start = (ULONG)offload->csum_start - shift;
    if (parsed && where.is_ip4 && (on->ip4_checksum & 2)) {
        if (frame_ip4_checksum_is_good(frame, &where))
            info.Receive.IpChecksumSucceeded = 1;
        else
            info.Receive.IpChecksumFailed = 1;
    }
    if (offload->gso && offload->gso_bytes && parsed && where.protocol == FRAME_TCP)
        receive_coalesced(&adapter->rx, nbl, &where, bytes, offload->gso_bytes);
    // A checksum that the sender left open is finished here, unless it is TCP's and the receiver may say so out of band: no wire has
    // damaged the frame, but its checksum field is not the real one.
    if (open && (!vouched || where.protocol != FRAME_TCP) && !offload->gso && start + offload->csum_offset + 2u <= bytes) {
        frame_checksum_finish(frame, bytes, start, offload->csum_offset);
        open = FALSE;
    }
    if (vouched && where.protocol == FRAME_TCP) {
        info.Receive.TcpChecksumSucceeded = 1;
        info.Receive.TcpChecksumValueInvalid = open;
    } else if (vouched) {
        info.Receive.UdpChecksumSucceeded = 1;
    }
    NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo) = info.Value;
}

ULONG
vnic_offload_segments(const struct vnic_adapter *adapter, const struct port_slot *slot)
{
    const struct vnic_offload *on = &adapter->rx.mode_now.offload;
    const struct port_offload *offload = &slot->offload;
    if (!offload->gso || (offload->gso == PORT_GSO_TCP4 ? on->rsc4 : on->rsc6) || !offload->gso_bytes)
        return 1;
    struct frame_headers where;
    if (!frame_parse(slot->buffer, slot->bytes, &where) || where.protocol != FRAME_TCP || slot->bytes == where.payload)
        return 1;
    return (slot->bytes - where.payload + offload->gso_bytes - 1) / offload->gso_bytes;
}

void
vnic_offload_segment(const struct port_slot *slot, ULONG index, struct port_slot *out)
{
    struct frame_headers where;
    const UCHAR *frame = slot->buffer;
    ULONG mss = slot->offload.gso_bytes;
    (void)frame_parse(frame, slot->bytes, &where);        // vnic_offload_segments did already
    ULONG at = index * mss, left = slot->bytes - where.payload - at, some = left < mss ? left : mss;
    UCHAR *to = out->buffer;
    if (to != frame) {
        memcpy(to, frame, where.payload);
        memcpy(to + where.payload, frame + where.payload + at, some);
    }
    frame_segment_headers(to, &where, index, mss, some, left <= mss);
    frame_tcp_checksum_set(to, where.payload + some, &where);
    out->bytes = where.payload + some;
    out->offload = (struct port_offload){.flags = PORT_CSUM_VALID};
}

// ---- tags -----------------------------------------------------------------------------------------------------------------------

BOOLEAN
vnic_vlan_take(struct vnic_adapter *adapter, UCHAR *frame, ULONG bytes, ULONG *offset, PVOID *tag)
{
    if (!adapter->settings.priority_vlan)
        return TRUE;                          // stays in band
    if (bytes < VNIC_HEADER_BYTES + VNIC_VLAN_BYTES)
        return FALSE;
    NDIS_NET_BUFFER_LIST_8021Q_INFO info = {.Value = NULL};
    ULONG tci = frame_get16(frame + 14);
    info.TagHeader.UserPriority = tci >> 13;
    info.TagHeader.CanonicalFormatId = tci >> 12 & 1;
    info.TagHeader.VlanId = tci & 0xfff;
    UCHAR addresses[2 * VNIC_MAC_BYTES];
    memcpy(addresses, frame, sizeof addresses);
    memcpy(frame + VNIC_VLAN_BYTES, addresses, sizeof addresses);
    *tag = info.Value;
    *offset = VNIC_VLAN_BYTES;
    return TRUE;
}
