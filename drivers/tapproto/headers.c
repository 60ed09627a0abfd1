// SPDX-License-Identifier: MIT
// Where the headers of a frame begin, and the checksum arithmetic. Everything is read byte by byte or by memcpy, and never beyond the
// bytes that the caller has.
//   Ethernet, VLAN tags -> IPv4 with options, IPv6 with extension headers -> TCP or UDP
// Sums are over 16-bit words as they lie in memory, which gives the right bytes in either byte order [RFC 1071 2(B)].
#include "tapproto.h"

static BOOLEAN
headers_v4(const UCHAR *frame, ULONG bytes, struct tapproto_headers *h)
{
    const UCHAR *ip = frame + h->ip;
    if (bytes < h->ip + 20u || ip[0] >> 4 != 4)
        return FALSE;
    ULONG length = (ip[0] & 15u) * 4;
    if (length < 20 || (tapproto_get16(ip + 6) & 0x3fff))
        return FALSE;                         // a fragment has no transport header, or not all of what it covers
    h->version = 4;
    h->protocol = ip[9];
    h->ip_options = length > 20;
    h->transport = (USHORT)(h->ip + length);
    return TRUE;
}

static BOOLEAN
headers_v6(const UCHAR *frame, ULONG bytes, struct tapproto_headers *h)
{
    if (bytes < h->ip + 40u || frame[h->ip] >> 4 != 6)
        return FALSE;
    UCHAR next = frame[h->ip + 6];
    ULONG at = h->ip + 40u;
    // Hop-by-hop, routing, destination options; a fragment header ends it.
    while ((next == 0 || next == 43 || next == 60) && at + 8 <= bytes) {
        next = frame[at];
        at += (frame[at + 1] + 1u) * 8;
        h->ip_options = TRUE;
    }
    h->version = 6;
    h->protocol = next;
    h->transport = (USHORT)at;
    return at <= bytes;
}

BOOLEAN
tapproto_headers_find(const UCHAR *frame, ULONG bytes, struct tapproto_headers *h)
{
    ULONG at = 12;
    NdisZeroMemory(h, sizeof *h);
    while (at + 2 <= bytes && at < 20 && (tapproto_get16(frame + at) == 0x8100 || tapproto_get16(frame + at) == 0x88a8))
        at += TAPPROTO_VLAN_BYTES;
    if (at + 2 > bytes)
        return FALSE;
    ULONG type = tapproto_get16(frame + at);
    h->ip = (USHORT)(at + 2);
    if (type == 0x0800 ? !headers_v4(frame, bytes, h) : type != 0x86dd || !headers_v6(frame, bytes, h))
        return FALSE;
    ULONG length = 8;
    if (h->protocol == TAPPROTO_TCP) {
        if (h->transport + 20u > bytes)
            return FALSE;
        length = (frame[h->transport + 12] >> 4) * 4u;
        h->tcp_options = length > 20;
        if (length < 20)
            return FALSE;
    } else if (h->protocol != TAPPROTO_UDP) {
        return FALSE;
    }
    h->end = (USHORT)(h->transport + length);
    return h->end <= bytes;
}

static ULONG64
sum_add(ULONG64 sum, const UCHAR *data, ULONG bytes)
{
    ULONG word;
    USHORT half;
    for (; bytes >= sizeof word; data += sizeof word, bytes -= (ULONG)sizeof word) {
        memcpy(&word, data, sizeof word);
        sum += word;                          // at most 2^16 words: no carry is lost
    }
    if (bytes >= sizeof half) {
        memcpy(&half, data, sizeof half);
        sum += half;
        data += sizeof half;
        bytes -= (ULONG)sizeof half;
    }
    if (bytes) {
        UCHAR last[2] = {*data, 0};
        memcpy(&half, last, sizeof half);
        sum += half;
    }
    return sum;
}

static USHORT
sum_fold(ULONG64 sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (USHORT)sum;
}

USHORT
tapproto_pseudo_sum(const UCHAR *frame, const struct tapproto_headers *h, ULONG transport_bytes)
{
    UCHAR tail[4] = {0, h->protocol, (UCHAR)(transport_bytes >> 8), (UCHAR)transport_bytes};
    ULONG64 sum = sum_add(0, tail, sizeof tail);
    if (h->version == 4)
        return sum_fold(sum_add(sum, frame + h->ip + 12, 8));
    return sum_fold(sum_add(sum, frame + h->ip + 8, 32));
}

USHORT
tapproto_checksum(const UCHAR *data, ULONG bytes)
{
    return (USHORT)~sum_fold(sum_add(0, data, bytes));
}
