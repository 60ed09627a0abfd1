// SPDX-License-Identifier: MIT
// Terminate messages, written and read, and how the owner's faults are said in them [RFC 5040 4.8].
//   control    layer, type, code, then M (segment length is valid), D (DDP header follows), R (RDMAP header follows)
//   then       the segment length with M or D; the DDP header, 14 or 18 bytes by its own T bit; the read request's 28 bytes
// DDP has no code for access rights: RFC 5041 7.1 checks that the tag "has an associated buffer that allows Placement", whose failure
// is code 0, Invalid STag; that is what rights that do not allow a write are.
#include "base/bytes.h"
#include "engine/iwarp/ddp.h"
#include <string.h>

enum header_control {
    HAS_LENGTH = 0x8000,
    HAS_DDP = 0x4000,
    HAS_RDMAP = 0x2000
};

size_t
terminate_write(const struct iwarp_terminate *terminate, uint8_t *room)
{
    struct bytes_writer writer;
    uint16_t control = 0;
    uint32_t header_bytes = ddp_header_bytes(terminate->ddp_header[0] & DDP_TAGGED);
    bytes_writer_init(&writer, room, IWARP_TERMINATE_BYTES_MAX);
    if (terminate->has_ddp_header)
        control |= HAS_LENGTH | HAS_DDP;
    if (terminate->has_rdmap_header)
        control |= HAS_RDMAP;
    bytes_put_u8(&writer, (uint8_t)(terminate->layer << 4 | terminate->type));
    bytes_put_u8(&writer, terminate->code);
    bytes_put_be16(&writer, control);
    if (terminate->has_ddp_header) {
        bytes_put_be16(&writer, terminate->segment_bytes);
        bytes_put_span(&writer, terminate->ddp_header, header_bytes);
    }
    if (terminate->has_rdmap_header)
        bytes_put_span(&writer, terminate->rdmap_header, RDMAP_READ_BYTES);
    return (size_t)(writer.at - room);
}

bool
terminate_read(struct iwarp_terminate *terminate, const uint8_t *bytes, size_t count)
{
    struct bytes_reader reader;
    *terminate = (struct iwarp_terminate){0};
    bytes_reader_init(&reader, bytes, count);
    uint8_t first = bytes_get_u8(&reader);
    terminate->layer = first >> 4;
    terminate->type = first & 0xF;
    terminate->code = bytes_get_u8(&reader);
    uint16_t control = bytes_get_be16(&reader);
    if (control & (HAS_LENGTH | HAS_DDP))
        terminate->segment_bytes = bytes_get_be16(&reader);
    terminate->has_ddp_header = control & HAS_DDP;
    if (terminate->has_ddp_header) {
        bytes_get_copy(&reader, terminate->ddp_header, 1);
        bytes_get_copy(&reader, terminate->ddp_header + 1, ddp_header_bytes(terminate->ddp_header[0] & DDP_TAGGED) - 1);
    }
    terminate->has_rdmap_header = control & HAS_RDMAP;
    if (terminate->has_rdmap_header)
        bytes_get_copy(&reader, terminate->rdmap_header, RDMAP_READ_BYTES);
    return bytes_reader_is_ok(&reader);
}

enum iwarp_error
ddp_fault_error(enum rdma_fault fault)
{
    switch (fault) {
    case RDMA_FAULT_BOUNDS: return DDP_BOUNDS;
    case RDMA_FAULT_DOMAIN: return DDP_NOT_ASSOCIATED;
    case RDMA_FAULT_WRAP: return DDP_WRAP;
    default: return DDP_INVALID_TAG;
    }
}

enum iwarp_error
rdmap_fault_error(enum rdma_fault fault)
{
    switch (fault) {
    case RDMA_FAULT_BOUNDS: return RDMAP_BOUNDS;
    case RDMA_FAULT_RIGHTS: return RDMAP_RIGHTS;
    case RDMA_FAULT_DOMAIN: return RDMAP_NOT_ASSOCIATED;
    case RDMA_FAULT_WRAP: return RDMAP_WRAP;
    case RDMA_FAULT_INVALIDATE: return RDMAP_CANNOT_INVALIDATE;
    default: return RDMAP_INVALID_TAG;
    }
}
