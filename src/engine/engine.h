// SPDX-License-Identifier: MIT
// What every engine shares: memory that the caller gives, bytes that belong to somebody else, packets going up and down.
// An engine is a pure machine: the caller passes the time, the memory and the secrets in and takes packets and events out. It holds
// no lock: whoever owns an instance calls it from one place at a time, and never while it is inside a callback of that instance.
//   up    the caller fills a struct eng_in over a frame it received; an engine that keeps bytes holds their owner (eng_hold)
//   down  an engine takes a struct eng_out from the pool, fills head and data and puts it into the outbox it was called with;
//         the caller drains the outbox after it has dropped its own lock and gives each packet back with eng_out_put
//   time  uint64_t now_us: microseconds since some start, never going back
// Callbacks of an engine may only note something (link a node, set a flag): they run in the middle of the machine.
#ifndef NBX_ENGINE_ENGINE_H
#define NBX_ENGINE_ENGINE_H

#include "base/list.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENG_NEVER UINT64_MAX          // a deadline that does not come, in microseconds

// ---- memory

// Where an engine's memory comes from. limit_bytes bounds what is taken at one time: memory that a peer can make us take is bounded.
struct eng_memory {
    void *(*on_take)(void *context, size_t bytes);          // aligned to 64 bytes, or NULL
    void (*on_give)(void *context, void *block, size_t bytes);
    void *context;
    size_t taken_bytes, limit_bytes;                        // a limit of 0 is none
};

// Take a zeroed block; NULL when there is none or the limit is reached, and nothing has changed then.
void *eng_take(struct eng_memory *memory, size_t bytes);

// Give a block back, with the size it was taken with; NULL is nothing.
void eng_give(struct eng_memory *memory, void *block, size_t bytes);

// Blocks of one size, several to a block of memory's that is smaller than a page: what a block costs whoever gives the memory is shared.
// Memory goes back when nothing in it is out. Under the address sanitizer each has memory of its own.
struct eng_slab {
    struct eng_memory *memory;
    uint32_t item_bytes, per_block;
    struct list blocks;                                     // that have room
};
void eng_slab_init(struct eng_slab *slab, struct eng_memory *memory, size_t bytes);
void *eng_slab_take(struct eng_slab *slab);                 // zeroed, aligned to 8 bytes; fails as eng_take
void eng_slab_give(struct eng_slab *slab, void *item);      // NULL is nothing

// ---- bytes of others

// Whoever owns borrowed bytes: a received frame, a client's send. It lives until the last hold is dropped.
struct eng_owner {
    uint32_t holds;
    void (*on_release)(struct eng_owner *owner);            // the last hold is gone: note it, free or complete it later
};

static inline void
eng_hold(struct eng_owner *owner)
{
    if (owner)
        owner->holds++;
}

static inline void
eng_drop(struct eng_owner *owner)
{
    if (owner && --owner->holds == 0)
        owner->on_release(owner);
}

// A run of borrowed bytes. tag and offset let the caller find the buffer description again (its MDL, and how far into it) when it
// builds a packet over the bytes.
struct eng_span {
    const uint8_t *bytes;
    uint32_t count;                 // bytes
    uint32_t offset;                // of bytes[0] within what tag describes, in bytes
    void *tag;
    struct eng_owner *owner;        // NULL: the bytes live as long as the caller says
};

// Copy count bytes from offset_bytes of a run of spans. fails: false, and *to is then not written, when there are fewer.
bool eng_spans_copy(const struct eng_span *spans, size_t n_spans, size_t offset_bytes, void *to, size_t count);

// Cut [offset_bytes, offset_bytes + count) out of a run of spans, without copying; returns how many of `room` spans it took.
// When room is short the cut is short too: *cut_bytes says how many bytes it has. Holds nothing.
size_t eng_spans_cut(const struct eng_span *spans, size_t n_spans, size_t offset_bytes, size_t count, struct eng_span *cut, size_t room,
                     size_t *cut_bytes);

// The sum of csum.h over [offset_bytes, offset_bytes + count), which must be there.
uint64_t eng_spans_sum(const struct eng_span *spans, size_t n_spans, size_t offset_bytes, size_t count);

// ---- addresses

enum eng_family { ENG_NONE = 0, ENG_IP4 = 4, ENG_IP6 = 6 };

// An address of either family in network byte order; the bytes past an IPv4 address are 0, so that two can be compared whole.
struct eng_address {
    uint8_t bytes[16];
    uint8_t family;                 // enum eng_family
};

struct eng_address eng_address4(const void *bytes);
struct eng_address eng_address6(const void *bytes);
bool eng_address_is_equal(const struct eng_address *left, const struct eng_address *right);
bool eng_address_is_any(const struct eng_address *address);            // 0.0.0.0 or ::
bool eng_address_is_loopback(const struct eng_address *address);       // 127/8, ::1
bool eng_address_is_multicast(const struct eng_address *address);      // 224/4, ff00::/8
bool eng_address_is_link_local(const struct eng_address *address);     // 169.254/16, fe80::/10
static inline size_t
eng_address_bytes(const struct eng_address *address)
{
    return address->family == ENG_IP6 ? 16 : 4;
}

// ---- packets going up

enum eng_in_flag {
    ENG_IN_LINK_BROADCAST = 1 << 0,     // the frame came to the link's broadcast address
    ENG_IN_LINK_MULTICAST = 1 << 1,
    ENG_IN_IP_SUM_GOOD = 1 << 2,        // the adapter checked the IPv4 header
    ENG_IN_L4_SUM_GOOD = 1 << 3,        // the adapter checked TCP or UDP
    ENG_IN_LOOPBACK = 1 << 4,           // never was on a link
    ENG_IN_OPTIONS = 1 << 5,            // the packet came with IPv4 options or IPv6 extension headers
    ENG_IN_REASSEMBLED = 1 << 6,
    ENG_IN_SCARCE = 1 << 7,             // the frame's buffer is wanted back soon: what waits for other bytes is copied
    ENG_IN_SOURCE_ROUTE = 1 << 8,       // IPv4, by a source route that ends here: its options, checked, are at ip_at_bytes + 20
};

// A packet on its way up. The layer that holds it moves `at_bytes` forward past its own header and fills what it learnt.
// Lives on the caller's stack: an engine that keeps bytes copies the spans it needs and holds their owners.
struct eng_in {
    const struct eng_span *spans;
    uint16_t n_spans;
    uint8_t protocol;                   // the upper layer, after the IP engine
    uint8_t hop_limit;                  // TTL
    uint8_t traffic_class;              // DSCP and ECN
    uint8_t dont_fragment;
    uint16_t vlan;                      // 802.1Q identifier; 0 is none
    uint32_t at_bytes;                  // where the present layer begins
    uint32_t ip_at_bytes;               // where the IP header begins, for ICMP errors
    uint32_t length_bytes;              // of the packet from at_bytes on, link padding cut off
    uint32_t flow_label;
    uint32_t flags;                     // enum eng_in_flag
    uint32_t interface_index;
    uint16_t coalesced;                 // segments that receive coalescing joined here; 0 and 1 are a plain packet
    uint16_t coalesced_mss;             // their payload size when it is known, else 0
    struct eng_address source, destination;
};

// ---- packets going down

// Ethernet with a tag, IPv6 with the largest extension chain we send or IPv4 with options, TCP with options: headers are built
// from the end of the room towards its start, so that each layer stands before the one above it.
#define ENG_HEAD_ROOM_BYTES 192
#define ENG_IP_OPTIONS_BYTES 40         // that an IPv4 header has room for
#define ENG_OUT_SPANS 20                // of 4 KB each, a super-segment of 64 KB and some that do not begin on a page

enum eng_out_flag {
    ENG_OUT_DONT_FRAGMENT = 1 << 0,
    ENG_OUT_L4_SUM_PARTIAL = 1 << 1,    // the checksum field holds the pseudo-header's sum: the adapter, or eng_out_sum, does the rest
    ENG_OUT_ROUTER_ALERT = 1 << 2,      // MLD and IGMP
    ENG_OUT_LOOPBACK = 1 << 3,          // begins with the IP header and comes back as input
    ENG_OUT_NO_LOOP = 1 << 4,           // a multicast that our own receivers do not want
};

// A packet, or a super-segment that the adapter cuts into pieces of mss_bytes [large send offload], on its way down.
struct eng_out {
    struct list link;                   // in an outbox
    uint8_t *head;                      // the first header byte, in room
    uint16_t head_bytes;
    uint8_t protocol;
    uint8_t hop_limit;                  // 0: what the interface says
    uint8_t traffic_class;
    uint8_t n_data;
    uint8_t n_ip_options;               // bytes of ip_options, a multiple of 4; with them mss_bytes is 0
    uint16_t mss_bytes;                 // 0: one packet
    uint16_t l4_bytes;                  // the upper layer's header, the last of head
    uint16_t l4_sum_offset;             // of the checksum field within it
    uint16_t flags;                     // enum eng_out_flag
    uint32_t data_bytes;
    uint32_t flow_label;
    uint32_t interface_index;           // 0: the route says
    struct eng_address source, destination;
    void *context;                      // of whoever made it, until eng_out_put
    struct eng_span data[ENG_OUT_SPANS];
    uint8_t room[ENG_HEAD_ROOM_BYTES];
    uint8_t ip_options[ENG_IP_OPTIONS_BYTES];   // for the IPv4 header
};

// Packets ready to leave, in order.
struct eng_outbox {
    struct list packets;
    uint32_t count;
};

// Packets to fill. Freed ones are used again, the last freed first.
struct eng_out_pool {
    struct eng_memory *memory;
    struct list free;
    uint32_t in_use, kept;
};

void eng_outbox_init(struct eng_outbox *outbox);
void eng_outbox_push(struct eng_outbox *outbox, struct eng_out *out);
struct eng_out *eng_outbox_pop(struct eng_outbox *outbox);

void eng_out_pool_init(struct eng_out_pool *pool, struct eng_memory *memory);

// Give the kept packets back to the memory. Every packet must have been put back.
void eng_out_pool_destroy(struct eng_out_pool *pool);

// An empty packet: no head, no data; NULL when memory is short.
struct eng_out *eng_out_get(struct eng_out_pool *pool);

// Drop the holds of the data and take the packet back.
void eng_out_put(struct eng_out_pool *pool, struct eng_out *out);

// Room for `bytes` more header bytes before the present head, not yet written; NULL when the room is used up.
uint8_t *eng_out_push_head(struct eng_out *out, size_t bytes);

// Append borrowed bytes and hold their owner. fails: false when there is no span left.
bool eng_out_add(struct eng_out *out, const struct eng_span *span);

// Finish a partial checksum in software: what the adapter does otherwise. For a packet with mss_bytes 0.
void eng_out_sum(struct eng_out *out);

#endif
