// SPDX-License-Identifier: MIT
// What any RDMA transport and its owner say to each other: work, memory, connection events, ends. Nothing here knows iWARP: a second
// transport (RoCEv2, say) would offer the same words beside it, and what an NDK provider keeps of a queue pair needs no more.
//   work    struct rdma_work is the owner's memory from the post until it is popped as done; a receive buffer is one too
//   memory  the transport never sees regions, only tags: rdma_ops.on_map turns tag, offset and length into bytes or into a fault
//   events  bits that the owner takes after its call; why a connection ended is an enum rdma_end
// Offsets are those of the wire (64 bits, tagged offsets of RFC 5041); lengths of one message are below 2^32.
#ifndef NBX_ENGINE_RDMA_H
#define NBX_ENGINE_RDMA_H

#include "base/list.h"
#include "engine/engine.h"

enum rdma_role { RDMA_INITIATOR, RDMA_RESPONDER };

// ---- memory

enum rdma_access {
    RDMA_REMOTE_READ,       // the peer reads it
    RDMA_REMOTE_WRITE,      // the peer writes it
    RDMA_READ_SINK,         // the answer to a read of ours is placed there
};

// Why a tag may not be used so.
enum rdma_fault {
    RDMA_FAULT_NONE,
    RDMA_FAULT_TAG,             // no such tag, or it was invalidated
    RDMA_FAULT_BOUNDS,          // not all of it lies within the region
    RDMA_FAULT_RIGHTS,
    RDMA_FAULT_DOMAIN,          // another protection domain, or another connection's
    RDMA_FAULT_INVALIDATE,      // it is there but cannot be invalidated from outside
    RDMA_FAULT_WRAP,            // offset and length pass 2^64; only the transport itself finds this
};

// A contiguous run of a region's bytes.
struct rdma_map {
    uint8_t *bytes;
    uint32_t count;             // at least 1
    uint32_t offset;            // as in struct eng_span, for what is sent from here
    void *tag;
    struct eng_owner *owner;    // held while bytes of it are with TCP; may be NULL
};

// ---- work

enum rdma_kind {
    RDMA_SEND,
    RDMA_WRITE,
    RDMA_READ,
    RDMA_LOCAL,         // something of the owner's that has its place in the queue: bind, fast register, invalidate
    RDMA_RECEIVE,
};

enum rdma_work_flag {
    RDMA_SOLICITED = 1 << 0,        // a send that raises an event at the peer
    RDMA_INVALIDATE = 1 << 1,       // a send that invalidates invalidate_tag at the peer
    RDMA_FENCE = 1 << 2,            // begins when no read is outstanding
    RDMA_DEFER = 1 << 3,            // more follows at once: no byte need leave yet
};

struct rdma_sink {
    uint8_t *bytes;
    uint32_t count;
};

// One request, or one receive buffer. From the post until it is popped as done the transport owns it and what it points at.
struct rdma_work {
    struct list link;
    enum rdma_kind kind;
    uint32_t flags;                     // enum rdma_work_flag
    const struct eng_span *spans;       // SEND, WRITE: what is sent; NULL: rdma_ops.on_gather knows
    const struct rdma_sink *sinks;      // RECEIVE: where it goes; NULL: the same
    uint32_t n_spans, n_sinks;
    uint64_t bytes;                     // their sum; READ: how much
    uint32_t remote_tag;                // WRITE, READ
    uint64_t remote_offset;
    uint32_t sink_tag;                  // READ
    uint64_t sink_offset;
    uint32_t invalidate_tag;            // SEND with RDMA_INVALIDATE; RECEIVE, when done: what the peer had invalidated
    void *context;
    // When done: 0, -ECANCELED (flushed, or posted before what the peer terminated for), -EMSGSIZE (a RECEIVE that was too short),
    // -EACCES and -EREMOTEIO (the peer terminated because of it: protection, anything else), -EFAULT (on_gather had nothing), or what
    // on_local said.
    int status;
    uint64_t done_bytes;                // RECEIVE: of the message
    uint32_t done_flags;                // RECEIVE: RDMA_SOLICITED, RDMA_INVALIDATE
    // The transport's.
    struct list read_link;
    uint64_t last_position;             // of the stream, behind its last byte that was framed
    uint32_t at_span, in_span;
    uint32_t sequence;
    bool is_framed, is_answered, is_failed, is_internal;
};

// What the owner of a connection knows and the transport asks. They run in the middle of the machine: look up and note, never call back.
struct rdma_ops {
    /* Bytes of a region for the peer's sake. All of [offset, offset + count) must be in bounds, of this protection domain and allow the
     * access, or there is a fault; the first contiguous run of it is then in *map, cut to count. count > 0, and the sum does not wrap. */
    enum rdma_fault (*on_map)(void *context, uint32_t tag, uint64_t offset, uint32_t count, enum rdma_access access, struct rdma_map *map);
    // The peer asks for a tag to be invalidated. From the return on it is.
    enum rdma_fault (*on_invalidate)(void *context, uint32_t tag);
    // The next receive buffer, or NULL. owns: the transport's, until it is popped as done.
    struct rdma_work *(*on_receive)(void *context);
    // Do an RDMA_LOCAL, whose turn has come. fails: with an errno value, which ends the connection.
    int (*on_local)(void *context, struct rdma_work *work);
    /* Where the bytes of a work lie that has no spans or sinks: the first contiguous run from offset on, cut to count, in *map. Asked for
     * each segment anew. fails: false when they may not be used any more, which ends the connection. NULL: no such work is posted. */
    bool (*on_gather)(void *context, const struct rdma_work *work, uint64_t offset, uint32_t count, struct rdma_map *map);
};

// ---- connections

// Limits of RDMA reads: how many may be outstanding.
#define RDMA_READS_OF_ULP 0x3FFF        // the ULPs arrange it between themselves [RFC 6581 9.1]
struct rdma_reads {
    uint16_t inbound, outbound;
};

enum rdma_event {
    RDMA_EVENT_REQUEST = 1 << 0,        // responder: the peer asks for a connection
    RDMA_EVENT_REPLY = 1 << 1,          // initiator: the peer accepted
    RDMA_EVENT_REJECT = 1 << 2,         // initiator: the peer rejected
    RDMA_EVENT_ESTABLISHED = 1 << 3,
    RDMA_EVENT_DONE = 1 << 4,           // there is work to pop
    RDMA_EVENT_DISCONNECT = 1 << 5,     // the peer disconnected, or the connection broke; once
    RDMA_EVENT_CLOSED = 1 << 6,         // both directions are over; nothing more comes
};

enum rdma_end {
    RDMA_END_NONE,                  // it lives, or was closed in order
    RDMA_END_REJECTED,
    RDMA_END_STARTUP,               // what came is no connection set-up, or one we cannot agree to
    RDMA_END_TIMED_OUT,
    RDMA_END_TERMINATED,            // we found an error
    RDMA_END_PEER_TERMINATED,       // the peer did
    RDMA_END_LOST,                  // reset, unreachable, or closed in the middle of something
    RDMA_END_ABORTED,               // by us
    RDMA_END_NO_MEMORY,             // for what its set-up takes
};

#endif
