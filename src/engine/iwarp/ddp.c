// SPDX-License-Identifier: MIT
// Headers of DDP segments and of read requests, written and read [RFC 5041 4.1 to 4.3, RFC 5040 4.1 and 4.4].
// On the wire: |T|L|0000|DV| |RV|00|opcode|, then a tag and an offset, or an invalidate tag, queue, sequence number and message offset.
// Reserved bits are zero when we write and not looked at when we read.
#include "engine/iwarp/ddp.h"
#include "base/bytes.h"

size_t
ddp_header_write(const struct ddp_header *header, uint8_t *room)
{
    room[0] = (uint8_t)((header->is_tagged ? DDP_TAGGED : 0) | (header->is_last ? DDP_LAST : 0) | DDP_VERSION);
    room[1] = (uint8_t)(RDMAP_VERSION << 6 | header->opcode);
    if (header->is_tagged) {
        bytes_store_be32(room + 2, header->tag);
        bytes_store_be64(room + 6, header->offset);
        return DDP_TAGGED_BYTES;
    }
    bytes_store_be32(room + 2, header->invalidate_tag);
    bytes_store_be32(room + 6, header->queue);
    bytes_store_be32(room + 10, header->sequence);
    bytes_store_be32(room + 14, header->message_offset);
    return DDP_UNTAGGED_BYTES;
}

void
ddp_header_read(struct ddp_header *header, const uint8_t *bytes)
{
    *header = (struct ddp_header){
        .control = bytes[0],
        .rdmap_control = bytes[1],
        .ddp_version = bytes[0] & 3,
        .rdmap_version = bytes[1] >> 6,
        .opcode = bytes[1] & 0xF,
        .is_tagged = bytes[0] & DDP_TAGGED,
        .is_last = bytes[0] & DDP_LAST,
    };
    if (header->is_tagged) {
        header->tag = bytes_load_be32(bytes + 2);
        header->offset = bytes_load_be64(bytes + 6);
        return;
    }
    header->invalidate_tag = bytes_load_be32(bytes + 2);
    header->queue = bytes_load_be32(bytes + 6);
    header->sequence = bytes_load_be32(bytes + 10);
    header->message_offset = bytes_load_be32(bytes + 14);
}

void
rdmap_read_write(const struct rdmap_read *read, uint8_t room[RDMAP_READ_BYTES])
{
    bytes_store_be32(room, read->sink_tag);
    bytes_store_be64(room + 4, read->sink_offset);
    bytes_store_be32(room + 12, read->bytes);
    bytes_store_be32(room + 16, read->source_tag);
    bytes_store_be64(room + 20, read->source_offset);
}

void
rdmap_read_read(struct rdmap_read *read, const uint8_t bytes[RDMAP_READ_BYTES])
{
    *read = (struct rdmap_read){
        .sink_tag = bytes_load_be32(bytes),
        .sink_offset = bytes_load_be64(bytes + 4),
        .bytes = bytes_load_be32(bytes + 12),
        .source_tag = bytes_load_be32(bytes + 16),
        .source_offset = bytes_load_be64(bytes + 20),
    };
}
