// SPDX-License-Identifier: MIT
// Out-of-band requests on the way down: checksums, large send, 802.1Q tags.
//   vnic_offload_send: the headers are copied into the frame's scratch, patched there, and sent in front of the sender's data
//     the port can do it   struct port_offload says what is left to do (checksum from the pseudo-header's sum, segmentation)
//     the port cannot      checksums are finished, large segments are cut, in the bounce area: slower, and the same on the wire.
//                          So what the adapter offers does not depend on the port it is plugged into.
// Windows and virtio-net agree that the checksum field holds the pseudo-header's sum, but in a large send Windows leaves the length
// out of it and writes 0 as IPv4's total length; virtio-net wants both as in one big packet
// [network/offloading-the-segmentation-of-large-tcp-packets, VIRTIO 1.2 5.1.6.2]. The sender's data is never written.
#include "vnic.h"

#include "frame.h"

struct send_job {
    NET_BUFFER *nb;
    ULONG bytes;                              // of the NET_BUFFER
    UCHAR *head;                              // scratch; the frame's first head_bytes, room for a tag in front
    ULONG head_bytes;
    struct frame_headers where;
    BOOLEAN is_parsed;
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO checksum;
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO lso;
    ULONG tag;                                // 0x8100 and the TCI, or 0
};

// ---- the tag --------------------------------------------------------------------------------------------------------------------

// What may be sent of a tag by *PriorityVLANTag; 0 for none.
static ULONG
send_tag(const struct vnic_adapter *adapter, NET_BUFFER_LIST *nbl)
{
    NDIS_NET_BUFFER_LIST_8021Q_INFO info;
    info.Value = NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo);
    if (!info.Value)
        return 0;
    ULONG tci = 0;
    if (adapter->settings.priority_vlan & 1)
        tci |= (ULONG)info.TagHeader.UserPriority << 13 | (ULONG)info.TagHeader.CanonicalFormatId << 12;
    if (adapter->settings.priority_vlan & 2)
        tci |= info.TagHeader.VlanId;
    return tci ? 0x81000000u | tci : 0;
}

// Put the tag behind the addresses of a head with room in front. Returns the new start.
static UCHAR *
send_tag_insert(UCHAR *head, ULONG tag)
{
    UCHAR addresses[2 * VNIC_MAC_BYTES];
    memcpy(addresses, head, sizeof addresses);
    head -= VNIC_VLAN_BYTES;
    memcpy(head, addresses, sizeof addresses);
    frame_put16(head + sizeof addresses, tag >> 16);
    frame_put16(head + sizeof addresses + 2, tag & 0xffff);
    return head;
}

// ---- frames in the bounce area ----------------------------------------------------------------------------------------------------

static BOOLEAN
send_bounce_has(const struct vnic_tx *tx, ULONG bytes)
{
    return VNIC_BOUNCE_BYTES - tx->bounce_used >= bytes + VNIC_VLAN_BYTES;
}

// Take the next bytes of the bounce area for a frame; a tag has room in front.
static UCHAR *
send_bounce_take(struct vnic_tx *tx, ULONG bytes)
{
    UCHAR *frame = tx->bounce + tx->bounce_used + VNIC_VLAN_BYTES;
    tx->bounce_used += bytes + VNIC_VLAN_BYTES;
    return frame;
}

static void
send_flat(struct vnic_tx *tx, UCHAR *frame, ULONG bytes, ULONG tag, BOOLEAN nb_ends)
{
    if (tag) {
        frame = send_tag_insert(frame, tag);
        bytes += VNIC_VLAN_BYTES;
    }
    struct iovec *iov = &tx->iov[tx->iov_count++];
    *iov = (struct iovec){frame, bytes};
    tx->marks[tx->frame_count] = (struct vnic_tx_mark){.nb_ends = nb_ends, .cast = (UCHAR)vnic_cast_of(frame)};
    tx->frames[tx->frame_count++] = (struct port_frame){.iov = iov, .iov_count = 1, .bytes = bytes};
}

// A large send, cut here: the segments from this one on, as many as there is room for.
static NDIS_STATUS
send_segments(struct vnic_tx *tx, const struct send_job *job, ULONG mss, ULONG segment)
{
    ULONG payload = job->bytes - job->where.payload, count = (payload + mss - 1) / mss;
    ULONG first = tx->frame_count;
    for (; segment < count && vnic_batch_has_room(tx); segment++) {
        ULONG at = segment * mss, some = payload - at < mss ? payload - at : mss;
        if (!send_bounce_has(tx, job->where.payload + some))
            break;
        UCHAR *frame = send_bounce_take(tx, job->where.payload + some);
        memcpy(frame, job->head, job->where.payload);
        if (!vnic_nb_copy(job->nb, job->where.payload + at, frame + job->where.payload, some))
            return tx->frame_count == first ? NDIS_STATUS_INVALID_LENGTH : NDIS_STATUS_SUCCESS;
        frame_segment_headers(frame, &job->where, segment, mss, some, segment + 1 == count);
        frame_tcp_checksum_set(frame, job->where.payload + some, &job->where);
        send_flat(tx, frame, job->where.payload + some, job->tag, segment + 1 == count);
    }
    return tx->frame_count == first ? NDIS_STATUS_PENDING : NDIS_STATUS_SUCCESS;
}

// One frame whose checksum is finished here.
static NDIS_STATUS
send_checksummed(struct vnic_tx *tx, const struct send_job *job, ULONG offset)
{
    if (!send_bounce_has(tx, job->bytes))
        return NDIS_STATUS_PENDING;
    UCHAR *frame = send_bounce_take(tx, job->bytes);
    memcpy(frame, job->head, job->head_bytes);
    if (!vnic_nb_copy(job->nb, job->head_bytes, frame + job->head_bytes, job->bytes - job->head_bytes))
        return NDIS_STATUS_INVALID_LENGTH;
    frame_checksum_finish(frame, job->bytes, job->where.l4, offset);
    send_flat(tx, frame, job->bytes, job->tag, TRUE);
    return NDIS_STATUS_SUCCESS;
}

// ---- frames for a port that helps -------------------------------------------------------------------------------------------------

// The first head_bytes from scratch, the rest from the sender.
static NDIS_STATUS
send_with_head(struct vnic_tx *tx, const struct send_job *job, ULONG head_bytes, struct port_offload *offload)
{
    UCHAR *head = job->head;
    ULONG skip = head_bytes;
    if (job->tag) {
        head = send_tag_insert(head, job->tag);
        head_bytes += VNIC_VLAN_BYTES;
        if (offload->flags & PORT_CSUM_NEEDED)
            offload->csum_start += VNIC_VLAN_BYTES;
        if (offload->gso)
            offload->header_bytes += VNIC_VLAN_BYTES;
    }
    return vnic_batch_add(tx, job->nb, head, head_bytes, skip, offload);
}

// ---- large send -----------------------------------------------------------------------------------------------------------------

static void
send_large_patch(struct send_job *job)
{
    UCHAR *ip = job->head + job->where.l3;
    ULONG l4_bytes = job->bytes - job->where.l4;
    if (job->where.is_ip4) {
        frame_put16(ip + 2, job->bytes - job->where.l3);
        frame_ip4_checksum_set(job->head, &job->where);
    } else {
        frame_put16(ip + 4, job->bytes - job->where.l3 - 40);
    }
    USHORT sum = frame_fold(frame_pseudo_sum(job->head, &job->where, l4_bytes));
    memcpy(job->head + job->where.l4 + FRAME_TCP_CHECKSUM, &sum, sizeof sum);
}

static NDIS_STATUS
send_large(struct vnic_adapter *adapter, struct send_job *job, ULONG segment)
{
    const struct port_caps *caps = &adapter->caps;
    ULONG mss = job->lso.LsoV2Transmit.MSS;
    BOOLEAN is_ip6 = job->lso.LsoV2Transmit.IPVersion == NDIS_TCP_LARGE_SEND_OFFLOAD_IPv6;
    if (job->lso.LsoV2Transmit.Type != NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE || !mss || !job->is_parsed ||
        job->where.protocol != FRAME_TCP || job->where.is_ip6 != is_ip6 ||
        job->lso.LsoV2Transmit.TcpHeaderOffset != job->where.l4)
        return NDIS_STATUS_FAILURE;           // not the frame that the request speaks of
    if (job->bytes - job->where.payload > VNIC_LSO_MAX_BYTES || job->where.payload + mss > adapter->tx_max_bytes)
        return NDIS_STATUS_INVALID_LENGTH;
    BOOLEAN port_can = caps->tx_csum && (is_ip6 ? caps->gso6 : caps->gso4) && job->bytes <= caps->max_gso_bytes;
    if (job->bytes == job->where.payload)
        port_can = caps->tx_csum;             // nothing to cut: one segment without data
    send_large_patch(job);
    if (!port_can && job->bytes > job->where.payload)
        return send_segments(&adapter->tx, job, mss, segment);
    if (!port_can)
        return send_checksummed(&adapter->tx, job, FRAME_TCP_CHECKSUM);
    struct port_offload offload = {.flags = PORT_CSUM_NEEDED, .csum_start = (uint16_t)job->where.l4, .csum_offset = FRAME_TCP_CHECKSUM};
    if (job->bytes - job->where.payload > mss) {
        offload.gso = is_ip6 ? PORT_GSO_TCP6 : PORT_GSO_TCP4;
        offload.header_bytes = (uint16_t)job->where.payload;
        offload.gso_bytes = (uint16_t)mss;
        if (job->head[job->where.l4 + 13] & 0x80)
            offload.flags |= PORT_GSO_ECN;
    }
    return send_with_head(&adapter->tx, job, job->where.payload, &offload);
}

// ---- checksums ------------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
send_plain(struct vnic_adapter *adapter, struct send_job *job)
{
    struct port_offload offload = {0};
    ULONG head_bytes = job->tag ? 2 * VNIC_MAC_BYTES : 0, offset = 0;
    BOOLEAN tcp = job->checksum.Transmit.TcpChecksum, udp = job->checksum.Transmit.UdpChecksum;
    if (job->bytes > adapter->tx_max_bytes)
        return NDIS_STATUS_INVALID_LENGTH;
    if (tcp || udp) {
        if (!job->is_parsed || job->where.protocol != (tcp ? FRAME_TCP : FRAME_UDP))
            return NDIS_STATUS_FAILURE;
        offset = tcp ? FRAME_TCP_CHECKSUM : FRAME_UDP_CHECKSUM;
    }
    if (job->checksum.Transmit.IpHeaderChecksum && job->checksum.Transmit.IsIPv4) {
        if (!job->is_parsed || !job->where.is_ip4)
            return NDIS_STATUS_FAILURE;
        frame_ip4_checksum_set(job->head, &job->where);   // no port does this one; it is 20 bytes
        head_bytes = job->where.l4;
    }
    if (offset && !adapter->caps.tx_csum)
        return send_checksummed(&adapter->tx, job, offset);
    if (offset)
        offload = (struct port_offload){.flags = PORT_CSUM_NEEDED, .csum_start = (uint16_t)job->where.l4, .csum_offset = (uint16_t)offset};
    return send_with_head(&adapter->tx, job, head_bytes, &offload);
}

NDIS_STATUS
vnic_offload_send(struct vnic_adapter *adapter, NET_BUFFER_LIST *nbl, NET_BUFFER *nb, ULONG segment)
{
    struct vnic_tx *tx = &adapter->tx;
    struct send_job job = {.nb = nb, .bytes = NET_BUFFER_DATA_LENGTH(nb)};
    job.head = tx->scratch[tx->frame_count] + VNIC_VLAN_BYTES;
    job.head_bytes = job.bytes < VNIC_SCRATCH_BYTES - VNIC_VLAN_BYTES ? job.bytes : VNIC_SCRATCH_BYTES - VNIC_VLAN_BYTES;
    job.checksum.Value = NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo);
    job.lso.Value = NET_BUFFER_LIST_INFO(nbl, TcpLargeSendNetBufferListInfo);
    job.tag = send_tag(adapter, nbl);
    if (!vnic_nb_copy(nb, 0, job.head, job.head_bytes))
        return NDIS_STATUS_INVALID_LENGTH;
    job.is_parsed = (job.checksum.Value || job.lso.Value) && frame_parse(job.head, job.head_bytes, &job.where);
    return job.lso.Value ? send_large(adapter, &job, segment) : send_plain(adapter, &job);
}

// A completed large send says so by its type alone [nbllso/ns-nbllso-ndis_tcp_large_send_offload_net_buffer_list_info].
void
vnic_offload_sent(NET_BUFFER_LIST *nbl)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO info;
    info.Value = NULL;
    info.LsoV2TransmitComplete.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    NET_BUFFER_LIST_INFO(nbl, TcpLargeSendNetBufferListInfo) = info.Value;
}
