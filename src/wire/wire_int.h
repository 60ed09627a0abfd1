// SPDX-License-Identifier: MIT
// Private to wire.c, wire_line.c and wire_pool.c: an in-process Ethernet segment, its ports, its frames.
//
//   wire.c       the wires of a world, the port kind `wire`, receiving
//   wire_line.c  a sender's way onto the wire: impairments, serialisation, order, handing out to the receivers
//   wire_pool.c  the buffers of a sender's frames
#ifndef NBX_WIRE_WIRE_INT_H
#define NBX_WIRE_WIRE_INT_H

#include "base/prng.h"
#include "wire/port_int.h"

enum {
    WIRE_RX_BATCH = 256,                    // frames taken under the lock at once
    WIRE_TX_BATCH = 256,
    WIRE_FRAMES_MAX = 4096,                 // of one sender, on their way
    WIRE_RING_ENTRIES = 256,                // to begin with; doubled when full
    WIRE_SIZE_CLASSES = 3,
    WIRE_TRACE_FRAME = 0x57                 // 'W', the tag of a frame in the trace hash
};
#define WIRE_BYTES_MAX (32u << 20)          // of one sender's buffers, on their way
#define WIRE_MAX_FRAME_BYTES 9014           // jumbo Ethernet

struct wire_frame {                         // one copy of a frame, shared by all its receivers
    struct wire_frame *next;                // in a free list, or in the list of a batch being sent
    struct wire_pool *pool;
    uint32_t refs;                          // receivers that still hold it; under wire->lock
    uint32_t bytes;
    uint64_t due_ns;
    uint64_t digest;                        // see struct port_frame
    struct port_offload offload;
    uint8_t size_class;
    uint8_t hold_for;                       // drawn to be overtaken by that many frames; 0: not
    bool has_addresses;                     // see struct port_frame
    _Alignas(64) uint8_t data[];
};

// The buffers of one sender. Outlives the port until the last frame is back.
struct wire_pool {
    struct wire_frame *local[WIRE_SIZE_CLASSES];     // the sender's own
    struct wire_frame *returned[WIRE_SIZE_CLASSES];  // under wire->lock, as is what follows
    uint32_t used_frames;
    uint32_t used_bytes;
    struct wire_port *owner;                // NULL once the port is closed
};

// A sender's transmitter.
struct wire_line {
    uint64_t free_ns;                       // when the last bit of the last frame leaves; the sender's, as is what follows
    uint64_t remainder;                     // of the division by the rate, so that no time is lost
    uint64_t last_due_ns;
    struct prng prng;
    struct wire_frame *held;                // under wire->lock: waits to be overtaken
    uint32_t held_passed;                   // frames that have overtaken it
    uint64_t held_until_ns;
};

struct wire_entry {
    uint64_t due_ns;
    struct wire_frame *frame;
};

struct wire_port {
    struct port base;
    struct wire *wire;
    struct list member;                     // in wire->ports
    struct wire_entry *ring;                // frames on their way to us, by due time; under wire->lock
    uint32_t ring_mask, ring_head, ring_tail;
    bool is_receiving;
    bool needs_ring;                        // its ring got a new first frame in this batch
    bool is_starved;                        // port_tx took fewer; on_tx_ready is owed
    uint64_t room_at_ns;                    // when the line's backlog is short enough again; with a rate only
    struct wire_pool *pool;
    struct wire_line line;
    struct port_caps caps;
};

struct wire {
    struct list link;                       // in world->wires
    char *name;
    struct sched *sched;
    struct wire_config config;
    bool is_instant;                        // no rate, delay, jitter or reorder: nobody needs the clock
    bool is_impaired;                       // a frame needs draws
    struct sched_mutex lock;                // never held across an upcall
    struct list ports;
    uint32_t port_count;
};

// Make a receiver's ring hold that many frames. fails: -ENOMEM, then it is as it was.
int wire_ring_reserve_locked(struct wire_port *port, uint32_t entries);

struct wire_pool *wire_pool_create(struct wire_port *owner);
// locks: wire->lock held. The port goes; what is under way keeps the pool alive.
void wire_pool_orphan_locked(struct wire_pool *pool);
// Take a buffer for a frame of that many bytes. locks: takes wire->lock only when the sender's own list is empty.
// fails: NULL when out of memory. The frame counts as used once it is passed to wire_pool_use_locked.
struct wire_frame *wire_frame_get(struct wire *wire, struct wire_pool *pool, uint32_t bytes);
// Give back a buffer that was never used. The sender only.
void wire_frame_put(struct wire_frame *frame);
// The size of the buffer that a frame of that many bytes takes.
uint32_t wire_frame_capacity(uint32_t bytes);
void wire_pool_use_locked(struct wire_frame *frame);
// One receiver less. When it was the last the buffer goes home; returns the sender if it is owed an on_tx_ready and has room now.
struct wire_port *wire_frame_unref_locked(struct wire_frame *frame);
bool wire_pool_has_room_locked(const struct wire_pool *pool);

uint32_t wire_tx(struct port *port, const struct port_frame *frames, uint32_t count);
// Release a held frame whose time has come. locks: wire->lock held. Returns the time of the next one, or SCHED_NEVER.
uint64_t wire_line_turn_locked(struct wire_port *self, uint64_t now_ns);
// The port closes: what it still holds goes to the receivers.
void wire_line_close_locked(struct wire_port *self);
// May the sender send again? Sets *at_ns to when to look again if only time is missing.
bool wire_line_has_room_locked(struct wire_port *self, uint64_t now_ns, uint64_t *at_ns);

#endif
