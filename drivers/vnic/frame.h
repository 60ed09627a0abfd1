// SPDX-License-Identifier: MIT
// What a NIC's offload engine knows of a frame: where its headers lie, checksums, and cutting a large TCP segment into small ones.
// Pure functions on bytes in one piece; network byte order in the frame, host order in the struct.
#ifndef VNIC_FRAME_H
#define VNIC_FRAME_H

#include <ndis.h>

#define FRAME_TCP 6
#define FRAME_UDP 17
#define FRAME_TCP_CHECKSUM 16                 // offsets in the headers
#define FRAME_UDP_CHECKSUM 6

struct frame_headers {
    BOOLEAN is_ip4, is_ip6;
    UCHAR protocol;                           // of the last header; 0 for a fragment, whose payload is not a whole segment
    ULONG l3, l4;                             // bytes from the start of the frame; l4 is 0 when there is none
    ULONG payload;                            // TCP: where the data begins
};

// FALSE: not IP, or the headers do not lie within these bytes. bytes may be less than the frame has.
BOOLEAN frame_parse(const UCHAR *frame, ULONG bytes, struct frame_headers *headers);

// One's complement sums, unfolded, in the byte order of the frame.
ULONG64 frame_sum(ULONG64 sum, const UCHAR *data, ULONG bytes);
USHORT frame_fold(ULONG64 sum);
// The pseudo-header's sum for an upper layer of so many bytes.
ULONG64 frame_pseudo_sum(const UCHAR *frame, const struct frame_headers *headers, ULONG l4_bytes);
void frame_ip4_checksum_set(UCHAR *frame, const struct frame_headers *headers);
BOOLEAN frame_ip4_checksum_is_good(const UCHAR *frame, const struct frame_headers *headers);
// Complete the checksum at start + offset, whose field holds the pseudo-header's sum.
void frame_checksum_finish(UCHAR *frame, ULONG bytes, ULONG start, ULONG offset);

// The headers of a segment cut out of a large one: lengths, identification, sequence number, flags, and no checksum yet.
void frame_segment_headers(UCHAR *headers, const struct frame_headers *where, ULONG index, ULONG mss, ULONG payload_bytes,
                           BOOLEAN is_last);
// The TCP checksum of a whole frame.
void frame_tcp_checksum_set(UCHAR *frame, ULONG bytes, const struct frame_headers *headers);

static inline ULONG
frame_get16(const UCHAR *at)
{
    return (ULONG)at[0] << 8 | at[1];
}

static inline void
frame_put16(UCHAR *at, ULONG value)
{
    at[0] = (UCHAR)(value >> 8);
    at[1] = (UCHAR)value;
}

#endif
