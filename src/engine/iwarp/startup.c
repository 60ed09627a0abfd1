// SPDX-License-Identifier: MIT
// The frames of MPA's start-up phase: written, read, and compared [RFC 5044 7.1.1, RFC 6581 6 and 9].
//   a frame is refused as soon as a byte of it cannot be right, so that a peer which speaks something else is not waited for
//   reserved bits are not looked at; without A the bits B to D are not either; the S bit means nothing before revision 2
#include "base/bytes.h"
#include "engine/iwarp/mpa.h"
#include <errno.h>
#include <string.h>

#define KEY_BYTES 16

static const char request_key[KEY_BYTES + 1] = "MPA ID Req Frame", reply_key[KEY_BYTES + 1] = "MPA ID Rep Frame";

size_t
mpa_frame_write(const struct mpa_frame *frame, uint8_t *room)
{
    struct bytes_writer writer;
    bool is_enhanced = frame->flags & MPA_ENHANCED;
    bytes_writer_init(&writer, room, MPA_FRAME_BYTES + MPA_PRIVATE_BYTES_MAX);
    bytes_put_span(&writer, frame->is_reply ? reply_key : request_key, KEY_BYTES);
    bytes_put_u8(&writer, frame->flags);
    bytes_put_u8(&writer, frame->revision);
    bytes_put_be16(&writer, (uint16_t)(frame->private_count + (is_enhanced ? MPA_ENHANCED_BYTES : 0)));
    if (is_enhanced) {
        uint8_t rtr = frame->is_peer_to_peer ? frame->rtr : 0;
        int first = frame->is_peer_to_peer << 15 | !!(rtr & MPA_RTR_SEND) << 14 | (frame->reads.inbound & 0x3FFF);
        int second = !!(rtr & MPA_RTR_WRITE) << 15 | !!(rtr & MPA_RTR_READ) << 14 | (frame->reads.outbound & 0x3FFF);
        bytes_put_be16(&writer, (uint16_t)first);
        bytes_put_be16(&writer, (uint16_t)second);
    }
    bytes_put_span(&writer, frame->private_bytes, frame->private_count);
    return (size_t)(writer.at - room);
}

static int
enhanced_read(struct mpa_frame *frame)
{
    if (frame->private_count < MPA_ENHANCED_BYTES)
        return -EPROTO;
    uint16_t first = bytes_load_be16(frame->private_bytes), second = bytes_load_be16(frame->private_bytes + 2);
    frame->private_bytes += MPA_ENHANCED_BYTES;
    frame->private_count -= MPA_ENHANCED_BYTES;
    frame->is_peer_to_peer = first >> 15;
    if (frame->is_peer_to_peer)
        frame->rtr = (uint8_t)((first >> 14 & 1) * MPA_RTR_SEND | (second >> 15) * MPA_RTR_WRITE | (second >> 14 & 1) * MPA_RTR_READ);
    frame->reads.inbound = first & 0x3FFF;
    frame->reads.outbound = second & 0x3FFF;
    return 0;
}

int
mpa_frame_read(struct mpa_frame *frame, bool is_reply, const uint8_t *bytes, size_t count, size_t *need)
{
    *frame = (struct mpa_frame){.is_reply = is_reply};
    *need = MPA_FRAME_BYTES;
    if (memcmp(bytes, is_reply ? reply_key : request_key, count < KEY_BYTES ? count : KEY_BYTES) != 0)
        return -EPROTO;
    if (count < MPA_FRAME_BYTES)
        return 0;
    frame->flags = bytes[16] & (MPA_MARKERS | MPA_CRC | MPA_REJECT | MPA_ENHANCED);
    frame->revision = bytes[17];
    frame->private_count = bytes_load_be16(bytes + 18);
    if (frame->revision != 1 && frame->revision != 2)
        return -EPROTO;
    if (!is_reply)
        frame->flags &= (uint8_t)~MPA_REJECT;           // not checked in a request [RFC 5044 7.1.1]
    if (frame->revision == 1)
        frame->flags &= (uint8_t)~MPA_ENHANCED;         // there it is one of the reserved bits
    if (frame->private_count > MPA_PRIVATE_BYTES_MAX)
        return -EPROTO;
    *need = MPA_FRAME_BYTES + (size_t)frame->private_count;
    if (frame->flags & MPA_ENHANCED && frame->private_count < MPA_ENHANCED_BYTES)
        return -EPROTO;
    if (count < *need)
        return 0;
    frame->private_bytes = bytes + MPA_FRAME_BYTES;
    if (frame->flags & MPA_ENHANCED && enhanced_read(frame))
        return -EPROTO;
    return (int)*need;
}

uint16_t
mpa_reads_least(uint16_t ours, uint16_t theirs)
{
    return theirs == RDMA_READS_OF_ULP || ours < theirs ? ours : theirs;
}

uint8_t
mpa_rtr_pick(uint8_t ours, uint8_t theirs)
{
    static const uint8_t order[] = {MPA_RTR_WRITE, MPA_RTR_READ, MPA_RTR_SEND};
    for (size_t i = 0; i < sizeof order; i++)
        if (ours & theirs & order[i])
            return order[i];
    return 0;
}
