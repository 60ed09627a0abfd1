// SPDX-License-Identifier: MIT
// A sender's way onto a wire. wire_tx turns a batch into frames on their way:
//
//   room?  -> copy once into a pooled buffer -> lost? corrupted? duplicated? to be overtaken? -> when due? -> under the lock, once for
//   the batch: into the ring of every other started port, ordered by due time -> their bells
//
// Each sender has its own transmitter (full duplex): a frame of n bytes occupies it for (n + 24) * 8 bits, 24 being preamble, FCS
// and gap [IEEE 802.3, 3.1.1 and 4.4.2]; a super-segment counts as the segments it stands for. Delay and jitter come after that and
// keep the order; only `reorder` changes it: a frame drawn for it waits until one to three later frames have passed it, or 1 ms.
// The duplicate of a frame is a second frame with its own buffer, so that a corrupted frame never corrupts its duplicate with it.
//
// Back-pressure: a sender has at most 4096 frames (and 32 MB of buffers) on the wire, and with a rate at most 5 ms of bits queued;
// past that wire_tx takes no more, and on_tx_ready follows when half has drained. A frame that was taken is delivered to every port
// that receives, or was drawn as lost.
#include "wire/wire_int.h"

#include <string.h>

#include "base/hash.h"

static const uint64_t line_backlog_max_ns = 5 * 1000 * 1000, line_hold_max_ns = 1000 * 1000;

enum { line_overhead_bytes = 24, line_frame_min_bytes = 60 };

struct line_batch {
    struct wire_frame *head, **tail;
    uint64_t frames, bytes, duplicated, corrupted, dropped;
    uint64_t now_ns;
};

// Numbers for impairments: from the scheduler, so that a tape holds them; a wire with a seed of its own mixes it in, and on threads
// (where the scheduler's stream is shared by whoever comes first) uses only that.
static uint32_t
line_draw(struct wire_port *self)
{
    struct wire *wire = self->wire;
    uint32_t own = (uint32_t)(prng_next(&self->line.prng) >> 32);
    if (!wire->sched->is_sim)
        return wire->config.seed ? own : (uint32_t)sched_draw(wire->sched, SCHED_DRAW_WIRE, 1ull << 32);
    uint32_t drawn = (uint32_t)sched_draw(wire->sched, SCHED_DRAW_WIRE, 1ull << 32);
    return wire->config.seed ? drawn ^ own : drawn;
}

static bool
line_chance(struct wire_port *self, double probability)
{
    return probability > 0 && (double)line_draw(self) < probability * 4294967296.0;
}

// How many bytes the frame is on the wire, all its segments with their headers, preambles and gaps.
static uint64_t
line_bytes(const struct wire_frame *frame)
{
    if (frame->offload.gso == PORT_GSO_NONE)
        return (frame->bytes < line_frame_min_bytes ? line_frame_min_bytes : frame->bytes) + line_overhead_bytes;
    uint64_t payload_bytes = frame->bytes - frame->offload.header_bytes;
    uint64_t segments = (payload_bytes + frame->offload.gso_bytes - 1) / frame->offload.gso_bytes;
    if (!segments)
        segments = 1;
    return payload_bytes + segments * (frame->offload.header_bytes + line_overhead_bytes);
}

// Put the frame through the transmitter and say when it arrives.
static void
line_schedule(struct wire_port *self, struct wire_frame *frame, uint64_t now_ns)
{
    const struct wire_config *config = &self->wire->config;
    struct wire_line *line = &self->line;
    if (self->wire->is_instant) {
        frame->due_ns = 0;
        return;
    }
    if (line->free_ns < now_ns) {
        line->free_ns = now_ns;
        line->remainder = 0;
    }
    if (config->bits_per_second) {
        unsigned __int128 bits = (unsigned __int128)line_bytes(frame) * 8 * 1000000000u + line->remainder;
        line->free_ns += (uint64_t)(bits / config->bits_per_second);
        line->remainder = (uint64_t)(bits % config->bits_per_second);
    }
    uint64_t due_ns = line->free_ns + config->delay_ns;
    if (config->jitter_ns)
        due_ns += (uint64_t)line_draw(self) * 0x1p-32 * (double)config->jitter_ns;
    if (due_ns < line->last_due_ns)
        due_ns = line->last_due_ns;
    line->last_due_ns = frame->due_ns = due_ns;
}

static void
line_append(struct line_batch *batch, struct wire_frame *frame)
{
    frame->next = NULL;
    *batch->tail = frame;
    batch->tail = &frame->next;
}

// Draw what happens to a copied frame and append it (and its duplicate) to the batch. Takes the frame.
static void
line_impair(struct wire_port *self, struct wire_frame *frame, struct line_batch *batch)
{
    const struct wire_config *config = &self->wire->config;
    if (line_chance(self, config->loss)) {
        batch->dropped++;
        wire_frame_put(frame);
        return;
    }
    struct wire_frame *duplicate = NULL;
    if (line_chance(self, config->duplicate) && (duplicate = wire_frame_get(self->wire, self->pool, frame->bytes))) {
        memcpy(duplicate->data, frame->data, frame->bytes);
        duplicate->bytes = frame->bytes;
        duplicate->offload = frame->offload;
        duplicate->has_addresses = frame->has_addresses;
        duplicate->digest = frame->digest;
        duplicate->hold_for = 0;
        batch->duplicated++;
    }
    if (line_chance(self, config->corrupt)) {
        uint32_t bit = (uint32_t)((uint64_t)line_draw(self) * (frame->bytes * 8ull) >> 32);
        frame->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        batch->corrupted++;
    }
    if (line_chance(self, config->reorder))
        frame->hold_for = 1 + line_draw(self) % 3;
    batch->frames++;
    batch->bytes += frame->bytes;
    line_schedule(self, frame, batch->now_ns);
    line_append(batch, frame);
    if (duplicate) {
        line_schedule(self, duplicate, batch->now_ns);
        line_append(batch, duplicate);
    }
}

// Copy one frame and append it. A frame that breaks the caps, or finds no memory, is dropped and counted.
static void
line_take(struct wire_port *self, const struct port_frame *from, struct line_batch *batch)
{
    struct wire_frame *frame = NULL;
    if (port_frame_is_valid(from, &self->caps))
        frame = wire_frame_get(self->wire, self->pool, from->bytes);
    if (!frame) {
        batch->dropped++;
        return;
    }
    if (!port_frame_gather(from, frame->data)) {
        wire_frame_put(frame);
        batch->dropped++;
        return;
    }
    frame->bytes = from->bytes;
    frame->offload = from->offload;
    frame->has_addresses = from->has_addresses;
    frame->digest = from->digest;
    frame->hold_for = 0;
    if (self->wire->is_impaired) {
        line_impair(self, frame, batch);
        return;
    }
    batch->frames++;
    batch->bytes += frame->bytes;
    line_schedule(self, frame, batch->now_ns);
    line_append(batch, frame);
}

// Into a receiver's ring, behind everything that is due no later. Returns true if its thread has something new to wait for.
static bool
line_ring_insert_locked(struct wire_port *to, struct wire_frame *frame)
{
    uint32_t at = to->ring_tail++;
    while (at != to->ring_head && to->ring[(at - 1) & to->ring_mask].due_ns > frame->due_ns) {
        to->ring[at & to->ring_mask] = to->ring[(at - 1) & to->ring_mask];
        at--;
    }
    to->ring[at & to->ring_mask] = (struct wire_entry){frame->due_ns, frame};
    return at == to->ring_head;
}

// Under the seeded scheduler every frame goes into the trace hash, so that two runs that differ on the wire are known to differ. Where a
// frame has addresses of this process in it, which differ between two runs of a seed, that is its length, Ethernet, IP, and what the sender
// has made of the rest.
static void
line_trace(struct wire_port *self, const struct wire_frame *frame)
{
    enum {
        looked_at_bytes = 128,
        looked_at_with_addresses = 34
    };
    uint32_t most = frame->has_addresses ? looked_at_with_addresses : looked_at_bytes;
    uint64_t hash = hash_fold_bytes(0, frame->data, frame->bytes < most ? frame->bytes : most);
    if (frame->has_addresses)
        hash = hash_fold(hash, frame->digest);
    sched_trace(self->wire->sched, WIRE_TRACE_FRAME, hash ^ ((uint64_t)frame->bytes << 32) ^ frame->due_ns);
}

// Hand the frame to every other port that receives. Nobody there: it is gone, as on a cable that ends in the air.
static void
line_deliver_locked(struct wire_port *self, struct wire_frame *frame)
{
    wire_pool_use_locked(frame);
    if (self->wire->sched->is_sim)
        line_trace(self, frame);
    frame->refs = 1;
    LIST_FOR_EACH(node, &self->wire->ports) {
        struct wire_port *to = LIST_ENTRY_OF(node, struct wire_port, member);
        if (to == self || !to->is_receiving)
            continue;
        // The ring grows to its peak, which the senders' limits bound; a frame is lost here only for want of memory.
        uint32_t waiting = to->ring_tail - to->ring_head;
        if (waiting > to->ring_mask && wire_ring_reserve_locked(to, waiting * 2)) {
            port_count(&to->base.counters.rx_dropped, 1);
            continue;
        }
        frame->refs++;
        to->needs_ring |= line_ring_insert_locked(to, frame);
    }
    (void)wire_frame_unref_locked(frame);
}

static void
line_release_held_locked(struct wire_port *self, uint64_t due_ns)
{
    struct wire_line *line = &self->line;
    struct wire_frame *frame = line->held;
    if (line->held_passed)
        port_count(&self->base.counters.reordered, 1);
    line->held = NULL;
    if (frame->due_ns < due_ns)
        frame->due_ns = due_ns;
    line_deliver_locked(self, frame);
}

// Wake the threads that got something to do. Under the lock, because a port that closes takes it first.
static void
line_ring_all_locked(struct wire *wire)
{
    LIST_FOR_EACH(node, &wire->ports) {
        struct wire_port *port = LIST_ENTRY_OF(node, struct wire_port, member);
        if (port->needs_ring)
            port_ring(&port->base);
        port->needs_ring = false;
    }
}

// One frame of a batch, in order, through the place where a frame may be held back.
static void
line_pass_locked(struct wire_port *self, struct wire_frame *frame)
{
    struct wire_line *line = &self->line;
    if (frame->hold_for && !line->held) {
        line->held = frame;
        line->held_passed = 0;
        line->held_until_ns = frame->due_ns + line_hold_max_ns;
        self->needs_ring = true;
        return;
    }
    uint64_t due_ns = frame->due_ns;
    line_deliver_locked(self, frame);
    if (line->held && ++line->held_passed >= line->held->hold_for)
        line_release_held_locked(self, due_ns);
}

uint64_t
wire_line_turn_locked(struct wire_port *self, uint64_t now_ns)
{
    struct wire_line *line = &self->line;
    if (!line->held)
        return SCHED_NEVER;
    if (now_ns < line->held_until_ns)
        return line->held_until_ns;
    line_release_held_locked(self, now_ns);
    line_ring_all_locked(self->wire);
    return SCHED_NEVER;
}

void
wire_line_close_locked(struct wire_port *self)
{
    if (self->line.held)
        line_release_held_locked(self, 0);
    line_ring_all_locked(self->wire);
}

bool
wire_line_has_room_locked(struct wire_port *self, uint64_t now_ns, uint64_t *at_ns)
{
    *at_ns = SCHED_NEVER;
    if (!wire_pool_has_room_locked(self->pool))
        return false;
    uint64_t room_at_ns = self->room_at_ns;
    if (room_at_ns > now_ns) {
        *at_ns = room_at_ns;
        return false;
    }
    return true;
}

// How many frames of the batch the wire takes now by number and memory; the rate is looked at frame by frame.
static uint32_t
line_room(struct wire_port *self, const struct port_frame *frames, uint32_t count)
{
    struct wire *wire = self->wire;
    struct wire_pool *pool = self->pool;
    sched_mutex_lock(wire->sched, &wire->lock);
    uint32_t used_frames = pool->used_frames + (self->line.held != NULL), used_bytes = pool->used_bytes;
    sched_mutex_unlock(wire->sched, &wire->lock);
    // A duplicate takes a place too.
    uint32_t each = wire->config.duplicate > 0 ? 2 : 1;
    uint32_t room = used_frames >= WIRE_FRAMES_MAX ? 0 : (WIRE_FRAMES_MAX - used_frames) / each;
    if (count > room)
        count = room;
    uint64_t bytes = used_bytes;
    for (uint32_t i = 0; i < count; i++) {
        bytes += (uint64_t)wire_frame_capacity(frames[i].bytes) * each;
        if (bytes > WIRE_BYTES_MAX)
            return i;
    }
    return count;
}

// Up to WIRE_TX_BATCH frames. Returns how many it took.
static uint32_t
line_send(struct wire_port *self, const struct port_frame *frames, uint32_t count)
{
    struct wire *wire = self->wire;
    struct line_batch batch = {.head = NULL};
    batch.tail = &batch.head;
    batch.now_ns = wire->is_instant ? 0 : sched_now_ns(wire->sched);
    uint32_t room = line_room(self, frames, count), taken = 0;
    bool is_rate_full = false;
    while (taken < room) {
        if (wire->config.bits_per_second && self->line.free_ns > batch.now_ns + line_backlog_max_ns) {
            is_rate_full = true;
            break;
        }
        line_take(self, &frames[taken++], &batch);
    }
    sched_mutex_lock(wire->sched, &wire->lock);
    for (struct wire_frame *frame = batch.head, *next; frame; frame = next) {
        next = frame->next;
        line_pass_locked(self, frame);
    }
    if (taken < count) {
        self->is_starved = true;
        self->room_at_ns = is_rate_full ? self->line.free_ns - line_backlog_max_ns / 2 : 0;
        self->needs_ring = true;
    }
    line_ring_all_locked(wire);
    sched_mutex_unlock(wire->sched, &wire->lock);
    port_count_tx(&self->base, batch.frames, batch.bytes);
    struct port_counters *counters = &self->base.counters;
    if (wire->is_impaired || batch.dropped) {
        port_count(&counters->duplicated, batch.duplicated);
        port_count(&counters->corrupted, batch.corrupted);
        port_count(&counters->tx_dropped, batch.dropped);
    }
    return taken;
}

uint32_t
wire_tx(struct port *port, const struct port_frame *frames, uint32_t count)
{
    struct wire_port *self = (struct wire_port *)port;
    uint32_t taken = 0;
    while (taken < count) {
        uint32_t batch = count - taken < WIRE_TX_BATCH ? count - taken : WIRE_TX_BATCH;
        uint32_t now = line_send(self, frames + taken, batch);
        taken += now;
        if (now < batch)
            break;
    }
    return taken;
}
