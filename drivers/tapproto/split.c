// SPDX-License-Identifier: MIT
// Making a frame of the TAP ready for the adapter.
//   tapproto_prepare  VLAN tag -> out of band; then
//       finished already         as it is
//       unfinished checksum      a checksum request, if the adapter takes one for such a frame; else the checksum, here
//       super-segment            a large send (LSOv2), if the adapter takes one of this size; else must_split
//   tapproto_split    one segment of a super-segment: headers of its own, payload copied, then as a plain frame
// What a large send looks like on the way down: IPv4 total length 0, the TCP checksum field holds the sum of the pseudo-header without
// the length [network/offloading-the-segmentation-of-large-tcp-packets]. The page is silent on the IPv6 payload length: it stays true.
#include "tapproto.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_URG 0x20
#define TCP_CWR 0x80

static void
split_data_set(NET_BUFFER_LIST *nbl, ULONG offset, ULONG bytes)
{
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    NET_BUFFER_CURRENT_MDL(nb) = NET_BUFFER_FIRST_MDL(nb);
    NET_BUFFER_CURRENT_MDL_OFFSET(nb) = NET_BUFFER_DATA_OFFSET(nb) = offset;
    NET_BUFFER_DATA_LENGTH(nb) = bytes;
}

static void
split_information_clear(NET_BUFFER_LIST *nbl)
{
    NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo) = NULL;
    NET_BUFFER_LIST_INFO(nbl, TcpLargeSendNetBufferListInfo) = NULL;
    NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo) = NULL;
}

// ---- checksums ------------------------------------------------------------------------------------------------------------------

// Finish the checksum here. The field holds the sum of the pseudo-header, so summing over it includes that.
static BOOLEAN
split_checksum(UCHAR *frame, ULONG bytes, ULONG start, ULONG offset, BOOLEAN is_udp)
{
    if (start + offset + 2 > bytes || start > bytes)
        return FALSE;
    USHORT checksum = tapproto_checksum(frame + start, bytes - start);
    if (!checksum && is_udp)
        checksum = 0xffff;                    // zero would mean "none" [RFC 768]
    memcpy(frame + start + offset, &checksum, sizeof checksum);
    return TRUE;
}

static BOOLEAN
split_checksum_offered(const struct tapproto_offload *offload, const struct tapproto_headers *h)
{
    BOOLEAN is_tcp = h->protocol == TAPPROTO_TCP;
    if (h->transport > 1023)                  // TcpHeaderOffset has ten bits
        return FALSE;
    if (h->version == 4)
        return (is_tcp ? offload->v4.tcp : offload->v4.udp) && (!h->ip_options || offload->v4.ip_options) &&
               (!h->tcp_options || offload->v4.tcp_options);
    return (is_tcp ? offload->v6.tcp : offload->v6.udp) && (!h->ip_options || offload->v6.ip_options) &&
           (!h->tcp_options || offload->v6.tcp_options);
}

static void
split_checksum_ask(NET_BUFFER_LIST *nbl, const struct tapproto_headers *h)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info = {.Value = NULL};
    info.Transmit.IsIPv4 = h->version == 4;
    info.Transmit.IsIPv6 = h->version == 6;
    info.Transmit.TcpChecksum = h->protocol == TAPPROTO_TCP;
    info.Transmit.UdpChecksum = h->protocol == TAPPROTO_UDP;
    info.Transmit.TcpHeaderOffset = h->transport;
    NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo) = info.Value;
}

// An unfinished checksum of a frame that goes out as one.
static BOOLEAN
split_checksum_see(struct tapproto_binding *binding, NET_BUFFER_LIST *nbl, UCHAR *frame, ULONG bytes, ULONG start, ULONG offset)
{
    struct tapproto_headers h;
    BOOLEAN known = tapproto_headers_find(frame, bytes, &h) && h.transport == start;
    if (known && binding->offloads_on && split_checksum_offered(&binding->send.offload_now, &h)) {
        split_checksum_ask(nbl, &h);
        return TRUE;
    }
    return split_checksum(frame, bytes, start, offset, known && h.protocol == TAPPROTO_UDP);
}

// ---- large sends ----------------------------------------------------------------------------------------------------------------

static BOOLEAN
split_large_offered(const struct tapproto_binding *binding, const UCHAR *frame, const struct tapproto_headers *h, ULONG payload,
                    ULONG mss)
{
    const struct tapproto_offload *offload = &binding->send.offload_now;
    ULONG max = h->version == 4 ? offload->v4.lso_max_bytes : offload->v6.lso_max_bytes;
    ULONG min = h->version == 4 ? offload->v4.lso_min_segments : offload->v6.lso_min_segments;
    BOOLEAN options = h->version == 4 ? offload->v4.lso_options : offload->v6.lso_options;
    // No SYN, RST or URG in a large send, and its headers have a greatest length.
    return binding->offloads_on && payload <= max && (payload + mss - 1) / mss >= min && (!h->ip_options || options) &&
           !(frame[h->transport + 13] & (TCP_SYN | TCP_RST | TCP_URG)) && h->end <= NDIS_LARGE_SEND_OFFLOAD_MAX_HEADER_LENGTH;
}

static void
split_large_ask(NET_BUFFER_LIST *nbl, UCHAR *frame, const struct tapproto_headers *h, ULONG mss)
{
    NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO info = {.Value = NULL};
    USHORT sum = tapproto_pseudo_sum(frame, h, 0);
    memcpy(tapproto_checksum_field(frame, h), &sum, sizeof sum);
    if (h->version == 4) {
        tapproto_put16(frame + h->ip + 2, 0);
        tapproto_put16(frame + h->ip + 10, 0);
    }
    info.LsoV2Transmit.MSS = mss;
    info.LsoV2Transmit.TcpHeaderOffset = h->transport;
    info.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    info.LsoV2Transmit.IPVersion = h->version == 4 ? NDIS_TCP_LARGE_SEND_OFFLOAD_IPv4 : NDIS_TCP_LARGE_SEND_OFFLOAD_IPv6;
    NET_BUFFER_LIST_INFO(nbl, TcpLargeSendNetBufferListInfo) = info.Value;
}

static BOOLEAN
split_large_see(struct tapproto_binding *binding, NET_BUFFER_LIST *nbl, UCHAR *frame, ULONG bytes, ULONG mss, BOOLEAN *must_split)
{
    struct tapproto_headers h;
    if (!tapproto_headers_find(frame, bytes, &h) || h.protocol != TAPPROTO_TCP || !mss)
        return FALSE;
    if (h.end - TAPPROTO_ETHERNET_BYTES + mss > binding->mtu_bytes + (h.ip - TAPPROTO_ETHERNET_BYTES))
        return FALSE;                         // each segment would be too long
    ULONG payload = bytes - h.end;
    if (payload <= mss)
        return split_checksum_see(binding, nbl, frame, bytes, h.transport, 16);
    if (!split_large_offered(binding, frame, &h, payload, mss)) {
        *must_split = TRUE;
        return TRUE;
    }
    split_large_ask(nbl, frame, &h, mss);
    binding->send.batch.large++;
    return TRUE;
}

// ---- one frame ------------------------------------------------------------------------------------------------------------------

// A tag in the frame moves into the list's information, if the adapter takes tags there; the frame then begins 4 bytes later.
static ULONG
split_tag_take(const struct tapproto_binding *binding, NET_BUFFER_LIST *nbl, UCHAR *frame, ULONG bytes)
{
    NDIS_NET_BUFFER_LIST_8021Q_INFO info = {.Value = NULL};
    if (!binding->vlan_out_of_band || bytes < TAPPROTO_ETHERNET_BYTES + TAPPROTO_VLAN_BYTES || tapproto_get16(frame + 12) != 0x8100)
        return 0;
    ULONG tag = tapproto_get16(frame + 14);
    info.TagHeader.UserPriority = tag >> 13;
    info.TagHeader.CanonicalFormatId = tag >> 12 & 1;
    info.TagHeader.VlanId = tag & 0xfff;
    NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo) = info.Value;
    memmove(frame + TAPPROTO_VLAN_BYTES, frame, 12);
    return TAPPROTO_VLAN_BYTES;
}

BOOLEAN
tapproto_prepare(struct tapproto_binding *binding, NET_BUFFER_LIST *nbl, struct port_slot *slot, BOOLEAN *must_split)
{
    struct tapproto_send *send = &binding->send;
    split_information_clear(nbl);
    ULONG taken = split_tag_take(binding, nbl, slot->buffer, slot->bytes);
    UCHAR *frame = (UCHAR *)slot->buffer + taken;
    ULONG bytes = slot->bytes - taken, start = slot->offload.csum_start - taken;
    BOOLEAN ready = TRUE;
    send->batch.frames++;
    send->batch.bytes += slot->bytes;
    split_data_set(nbl, taken, bytes);
    if (slot->offload.gso != PORT_GSO_NONE)
        ready = split_large_see(binding, nbl, frame, bytes, slot->offload.gso_bytes, must_split);
    else if (bytes > binding->mtu_bytes + TAPPROTO_ETHERNET_BYTES + TAPPROTO_VLAN_BYTES)
        ready = FALSE;
    else if (slot->offload.flags & PORT_CSUM_NEEDED)
        ready = split_checksum_see(binding, nbl, frame, bytes, start, slot->offload.csum_offset);
    return ready;
}

// ---- segments -------------------------------------------------------------------------------------------------------------------

struct split_piece {
    ULONG at, bytes, number;                  // of the payload
    BOOLEAN last;
};

static void
split_segment_headers(UCHAR *out, const struct tapproto_headers *h, const struct split_piece *piece)
{
    UCHAR *ip = out + h->ip, *tcp = out + h->transport;
    ULONG sequence = tapproto_get16(tcp + 4) << 16 | tapproto_get16(tcp + 6);
    sequence += piece->at;
    tapproto_put16(tcp + 4, sequence >> 16);
    tapproto_put16(tcp + 6, sequence);
    if (!piece->last)
        tcp[13] &= (UCHAR)~(TCP_FIN | TCP_PSH);
    if (piece->number)
        tcp[13] &= (UCHAR)~TCP_CWR;           // said once
    if (h->version == 4) {
        tapproto_put16(ip + 2, h->end - h->ip + piece->bytes);
        tapproto_put16(ip + 4, tapproto_get16(ip + 4) + piece->number);
        tapproto_put16(ip + 10, 0);
        USHORT checksum = tapproto_checksum(ip, h->transport - h->ip);
        memcpy(ip + 10, &checksum, sizeof checksum);
    } else {
        tapproto_put16(ip + 4, h->end - h->ip - 40 + piece->bytes);
    }
    USHORT sum = tapproto_pseudo_sum(out, h, h->end - h->transport + piece->bytes);
    memcpy(tapproto_checksum_field(out, h), &sum, sizeof sum);
}

NET_BUFFER_LIST *
tapproto_split(struct tapproto_binding *binding, const struct port_slot *slot, BOOLEAN *last)
{
    struct tapproto_send *send = &binding->send;
    NET_BUFFER_LIST *whole = send->slot_nbl[send->work_at], *nbl = tapproto_send_take(send);
    if (!nbl)
        return NULL;
    ULONG taken = NET_BUFFER_DATA_OFFSET(NET_BUFFER_LIST_FIRST_NB(whole)), mss = slot->offload.gso_bytes;
    const UCHAR *frame = (const UCHAR *)slot->buffer + taken;
    struct tapproto_headers h;
    tapproto_headers_find(frame, slot->bytes - taken, &h);   // it was found when the frame was prepared
    struct split_piece piece = {.at = send->split_at, .number = send->split_segment, .bytes = slot->bytes - taken - h.end - send->split_at};
    piece.last = piece.bytes <= mss;
    if (!piece.last)
        piece.bytes = mss;
    UCHAR *out = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(nbl)), NormalPagePriority);
    memcpy(out, frame, h.end);
    memcpy(out + h.end, frame + h.end + piece.at, piece.bytes);
    split_segment_headers(out, &h, &piece);
    split_information_clear(nbl);
    NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo) = NET_BUFFER_LIST_INFO(whole, Ieee8021QNetBufferListInfo);
    split_data_set(nbl, 0, h.end + piece.bytes);
    split_checksum_see(binding, nbl, out, h.end + piece.bytes, h.transport, 16);
    send->split_at += piece.bytes;
    send->split_segment++;
    *last = piece.last;
    return nbl;
}
