// SPDX-License-Identifier: MIT
// See frame.h. Sums are taken over words as they lie in memory, so that a folded sum is stored as it is [RFC 1071].
#include "vnic.h"

#include "frame.h"

// ---- parsing --------------------------------------------------------------------------------------------------------------------

static BOOLEAN
frame_parse_ip4(const UCHAR *frame, ULONG bytes, struct frame_headers *headers)
{
    const UCHAR *ip = frame + headers->l3;
    if (bytes < headers->l3 + 20 || ip[0] >> 4 != 4)
        return FALSE;
    ULONG length = (ip[0] & 15u) * 4;
    if (length < 20 || bytes < headers->l3 + length)
        return FALSE;
    headers->is_ip4 = TRUE;
    headers->l4 = headers->l3 + length;
    headers->protocol = frame_get16(ip + 6) & 0x3fff ? 0 : ip[9];
    return TRUE;
}

// Extension headers are walked as far as they have the common form [RFC 8200 4].
static BOOLEAN
frame_parse_ip6(const UCHAR *frame, ULONG bytes, struct frame_headers *headers)
{
    if (bytes < headers->l3 + 40 || frame[headers->l3] >> 4 != 6)
        return FALSE;
    UCHAR next = frame[headers->l3 + 6];
    ULONG at = headers->l3 + 40;
    while (next == 0 || next == 43 || next == 60) {
        if (bytes < at + 8)
            return FALSE;
        next = frame[at];
        at += (frame[at + 1] + 1u) * 8;
    }
    if (bytes < at)
        return FALSE;
    headers->is_ip6 = TRUE;
    headers->l4 = at;
    headers->protocol = next == 44 ? 0 : next;
    return TRUE;
}

static BOOLEAN
frame_parse_l4(const UCHAR *frame, ULONG bytes, struct frame_headers *headers)
{
    if (headers->protocol == FRAME_UDP) {
        headers->payload = headers->l4 + 8;
        return bytes >= headers->payload;
    }
    if (headers->protocol != FRAME_TCP)
        return TRUE;
    if (bytes < headers->l4 + 20)
        return FALSE;
    ULONG length = (frame[headers->l4 + 12] >> 4) * 4u;
    headers->payload = headers->l4 + length;
    return length >= 20 && bytes >= headers->payload;
}

BOOLEAN
frame_parse(const UCHAR *frame, ULONG bytes, struct frame_headers *headers)
{
    NdisZeroMemory(headers, sizeof *headers);
    if (bytes < VNIC_HEADER_BYTES)
        return FALSE;
    ULONG type = frame_get16(frame + 12);
    headers->l3 = VNIC_HEADER_BYTES;
    if (type == 0x8100 && bytes >= VNIC_HEADER_BYTES + VNIC_VLAN_BYTES) {   // a tag in band
        type = frame_get16(frame + 16);
        headers->l3 += VNIC_VLAN_BYTES;
    }
    if (type == 0x0800 ? !frame_parse_ip4(frame, bytes, headers) : type == 0x86dd ? !frame_parse_ip6(frame, bytes, headers) : TRUE)
        return FALSE;
    return frame_parse_l4(frame, bytes, headers);
}

// ---- checksums ------------------------------------------------------------------------------------------------------------------

ULONG64
frame_sum(ULONG64 sum, const UCHAR *data, ULONG bytes)
{
    for (; bytes >= 4; data += 4, bytes -= 4) {
        ULONG word;
        memcpy(&word, data, sizeof word);
        sum += word;
    }
    if (bytes) {
        ULONG word = 0;
        memcpy(&word, data, bytes);
        sum += word;
    }
    return sum;
}

USHORT
frame_fold(ULONG64 sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (USHORT)sum;
}

ULONG64
frame_pseudo_sum(const UCHAR *frame, const struct frame_headers *headers, ULONG l4_bytes)
{
    const UCHAR *ip = frame + headers->l3;
    UCHAR tail[8] = {(UCHAR)(l4_bytes >> 24), (UCHAR)(l4_bytes >> 16), (UCHAR)(l4_bytes >> 8), (UCHAR)l4_bytes, 0, 0, 0, headers->protocol};
    ULONG64 sum = frame_sum(0, tail, sizeof tail);
    return headers->is_ip4 ? frame_sum(sum, ip + 12, 8) : frame_sum(sum, ip + 8, 32);
}

void
frame_ip4_checksum_set(UCHAR *frame, const struct frame_headers *headers)
{
    UCHAR *ip = frame + headers->l3;
    frame_put16(ip + 10, 0);
    USHORT sum = (USHORT)~frame_fold(frame_sum(0, ip, headers->l4 - headers->l3));
    memcpy(ip + 10, &sum, sizeof sum);
}

BOOLEAN
frame_ip4_checksum_is_good(const UCHAR *frame, const struct frame_headers *headers)
{
    return frame_fold(frame_sum(0, frame + headers->l3, headers->l4 - headers->l3)) == 0xffff;
}

void
frame_checksum_finish(UCHAR *frame, ULONG bytes, ULONG start, ULONG offset)
{
    USHORT sum = (USHORT)~frame_fold(frame_sum(0, frame + start, bytes - start));
    if (!sum && offset == FRAME_UDP_CHECKSUM)
        sum = 0xffff;                         // in UDP a zero means "none" [RFC 768]
    memcpy(frame + start + offset, &sum, sizeof sum);
}

void
frame_tcp_checksum_set(UCHAR *frame, ULONG bytes, const struct frame_headers *headers)
{
    USHORT sum = frame_fold(frame_pseudo_sum(frame, headers, bytes - headers->l4));
    memcpy(frame + headers->l4 + FRAME_TCP_CHECKSUM, &sum, sizeof sum);
    frame_checksum_finish(frame, bytes, headers->l4, FRAME_TCP_CHECKSUM);
}

// ---- segments -------------------------------------------------------------------------------------------------------------------

void
frame_segment_headers(UCHAR *frame, const struct frame_headers *where, ULONG index, ULONG mss, ULONG payload_bytes, BOOLEAN is_last)
{
    UCHAR *ip = frame + where->l3, *tcp = frame + where->l4;
    ULONG end = where->payload + payload_bytes;
    if (where->is_ip4) {
        frame_put16(ip + 2, end - where->l3);
        frame_put16(ip + 4, frame_get16(ip + 4) + index);
        frame_ip4_checksum_set(frame, where);
    } else {
        frame_put16(ip + 4, end - where->l3 - 40);
    }
    ULONG sequence = (frame_get16(tcp + 4) << 16 | frame_get16(tcp + 6)) + index * mss;
    frame_put16(tcp + 4, sequence >> 16);
    frame_put16(tcp + 6, sequence & 0xffff);
    if (!is_last)
        tcp[13] &= (UCHAR)~0x09;              // FIN and PSH belong to the last
    if (index)
        tcp[13] &= (UCHAR)~0x80;              // CWR to the first
}
