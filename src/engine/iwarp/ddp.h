// SPDX-License-Identifier: MIT
// Headers of DDP segments and of the two RDMA messages that have one of their own, and errors as a Terminate says them
// [RFC 5041 4, RFC 5040 4]. ddp.c writes and reads headers, terminate.c writes and reads Terminate messages; place.c judges.
#ifndef NBX_ENGINE_IWARP_DDP_H
#define NBX_ENGINE_IWARP_DDP_H

#include "engine/iwarp/iwarp.h"

#define DDP_TAGGED_BYTES 14
#define DDP_UNTAGGED_BYTES 18
#define DDP_VERSION 1
#define RDMAP_VERSION 1
#define RDMAP_READ_BYTES 28             // the header of a read request
#define DDP_ULPDU_SENT_MIN (DDP_UNTAGGED_BYTES + IWARP_TERMINATE_BYTES_MAX)

enum ddp_control {
    DDP_TAGGED = 0x80,
    DDP_LAST = 0x40
};

// Queues of untagged messages [RFC 5040 4.1].
enum ddp_queue {
    DDP_QUEUE_SEND,
    DDP_QUEUE_READ,
    DDP_QUEUE_TERMINATE,
    DDP_QUEUES
};

enum rdmap_opcode {
    RDMAP_WRITE,
    RDMAP_READ_REQUEST,
    RDMAP_READ_RESPONSE,
    RDMAP_SEND,
    RDMAP_SEND_INVALIDATE,
    RDMAP_SEND_SE,
    RDMAP_SEND_SE_INVALIDATE,
    RDMAP_TERMINATE,
};

// One segment's header.
struct ddp_header {
    uint8_t control, rdmap_control;     // as on the wire
    uint8_t ddp_version, rdmap_version, opcode;
    bool is_tagged, is_last;
    uint32_t tag;                       // tagged
    uint64_t offset;
    uint32_t invalidate_tag;            // untagged
    uint32_t queue, sequence, message_offset;
};

static inline uint32_t
ddp_header_bytes(bool is_tagged)
{
    return is_tagged ? DDP_TAGGED_BYTES : DDP_UNTAGGED_BYTES;
}

// Write the header of a segment of ours: versions, reserved bits and the length (returned) are right by themselves. opcode, is_tagged,
// is_last and the fields that go with them are read.
size_t ddp_header_write(const struct ddp_header *header, uint8_t *room);

// Read ddp_header_bytes bytes.
void ddp_header_read(struct ddp_header *header, const uint8_t *bytes);

// The header of a read request [RFC 5040 4.4].
struct rdmap_read {
    uint32_t sink_tag, bytes, source_tag;
    uint64_t sink_offset, source_offset;
};
void rdmap_read_write(const struct rdmap_read *read, uint8_t room[RDMAP_READ_BYTES]);
void rdmap_read_read(struct rdmap_read *read, const uint8_t bytes[RDMAP_READ_BYTES]);

// ---- errors

// Layer, type and code as they follow each other in a Terminate: 0xLTCC.
enum iwarp_error {
    // RDMAP [RFC 5040 figure 9]
    RDMAP_LOCAL_CATASTROPHIC = 0x0000,
    RDMAP_INVALID_TAG = 0x0100,
    RDMAP_BOUNDS = 0x0101,
    RDMAP_RIGHTS = 0x0102,
    RDMAP_NOT_ASSOCIATED = 0x0103,
    RDMAP_WRAP = 0x0104,
    RDMAP_CANNOT_INVALIDATE = 0x0109,
    RDMAP_BAD_VERSION = 0x0205,
    RDMAP_BAD_OPCODE = 0x0206,
    RDMAP_UNSPECIFIED = 0x02FF,
    // DDP [RFC 5041 7.2]
    DDP_LOCAL_CATASTROPHIC = 0x1000,
    DDP_INVALID_TAG = 0x1100,
    DDP_BOUNDS = 0x1101,
    DDP_NOT_ASSOCIATED = 0x1102,
    DDP_WRAP = 0x1103,
    DDP_TAGGED_VERSION = 0x1104,
    DDP_INVALID_QUEUE = 0x1201,
    DDP_NO_BUFFER = 0x1202,
    DDP_SEQUENCE = 0x1203,
    DDP_MESSAGE_OFFSET = 0x1204,
    DDP_TOO_LONG = 0x1205,
    DDP_UNTAGGED_VERSION = 0x1206,
    // MPA [RFC 5044 8, RFC 6581 8]
    MPA_LOST = 0x2001,
    MPA_CRC_ERROR = 0x2002,
    MPA_MARKER_ERROR = 0x2003,
    MPA_STARTUP_ERROR = 0x2004,
    MPA_LOCAL_CATASTROPHIC = 0x2005,
    MPA_NO_IRD = 0x2006,
    MPA_NO_RTR = 0x2007,
};

static inline struct iwarp_terminate
terminate_of(enum iwarp_error error)
{
    return (struct iwarp_terminate){.layer = (uint8_t)(error >> 12), .type = (error >> 8) & 0xF, .code = (uint8_t)error};
}

// Write the message's payload; returns its length, at most IWARP_TERMINATE_BYTES_MAX.
size_t terminate_write(const struct iwarp_terminate *terminate, uint8_t *room);

// Read one. fails: false when it is shorter than what it says is in it.
bool terminate_read(struct iwarp_terminate *terminate, const uint8_t *bytes, size_t count);

// How a fault of the owner's is said, for a tagged segment of the peer's and for a read request or an invalidation of the peer's.
enum iwarp_error ddp_fault_error(enum rdma_fault fault);
enum iwarp_error rdmap_fault_error(enum rdma_fault fault);

#endif
