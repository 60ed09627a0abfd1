// SPDX-License-Identifier: MIT
// port wire:NAME, an Ethernet segment inside the process: a bus, on which every frame reaches every other port (nobody learns
// addresses; receivers filter, as NICs do). Two ports make a cable.
//
//   out  wire_tx (wire_line.c): copy once, draw the impairments, into the ring of each receiver
//   in   the port's thread waits until the first frame of the ring is due, raises on_rx; wire_rx takes a batch out of the ring under
//        the lock, copies it into the slots without the lock, and gives the buffers home with the next lock it takes
//
// A port that is open but not started, or closed, receives nothing and holds nobody up. One that is started and does not take its
// frames holds up the senders (back-pressure): what was accepted is never thrown away. The link is up from open to close.
#include "wire/wire_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int
wire_check(const char *argument, char *error, size_t error_bytes)
{
    if (!argument || !*argument)
        return port_error(error, error_bytes, -EINVAL, "port wire needs the name of a wire: wire:NAME");
    if (strlen(argument) > 63 || strpbrk(argument, " \t\n:,/"))
        return port_error(error, error_bytes, -EINVAL,
                          "port wire:%s: a wire's name has at most 63 characters and no space, colon, comma or slash", argument);
    return 0;
}

static struct wire *
wire_find_locked(struct port_world *world, const char *name)
{
    LIST_FOR_EACH(node, &world->wires) {
        struct wire *wire = LIST_ENTRY_OF(node, struct wire, link);
        if (!strcmp(wire->name, name))
            return wire;
    }
    return NULL;
}

static struct wire *
wire_create_locked(struct port_world *world, const char *name, const struct wire_config *config)
{
    struct wire *wire = calloc(1, sizeof(*wire));
    char *copy = strdup(name);
    if (!wire || !copy) {
        free(wire);
        free(copy);
        return NULL;
    }
    wire->name = copy;
    wire->sched = world->sched;
    wire->config = *config;
    wire->is_impaired = config->loss > 0 || config->duplicate > 0 || config->corrupt > 0 || config->reorder > 0;
    wire->is_instant = !config->bits_per_second && !config->delay_ns && !config->jitter_ns && !(config->reorder > 0);
    list_init(&wire->ports);
    list_push_back(&world->wires, &wire->link);
    return wire;
}

static bool
wire_is_probability(double value)
{
    return value >= 0 && value <= 1;
}

int
port_world_wire(struct port_world *world, const char *name, const struct wire_config *config)
{
    if (wire_check(name, NULL, 0) || !wire_is_probability(config->loss) || !wire_is_probability(config->reorder) ||
        !wire_is_probability(config->duplicate) || !wire_is_probability(config->corrupt))
        return -EINVAL;
    sched_mutex_lock(world->sched, &world->lock);
    int rc = wire_find_locked(world, name) ? -EEXIST : 0;
    if (!rc && !wire_create_locked(world, name, config))
        rc = -ENOMEM;
    sched_mutex_unlock(world->sched, &world->lock);
    return rc;
}

void
wire_world_destroy(struct port_world *world)
{
    for (struct list *node; (node = list_pop_front(&world->wires)) != NULL;) {
        struct wire *wire = LIST_ENTRY_OF(node, struct wire, link);
        free(wire->name);
        free(wire);
    }
}

int
wire_ring_reserve_locked(struct wire_port *port, uint32_t entries)
{
    uint32_t size = 1;
    while (size < entries)
        size *= 2;
    if (port->ring && size <= port->ring_mask + 1)
        return 0;
    struct wire_entry *ring = malloc(size * sizeof(*ring));
    if (!ring)
        return -ENOMEM;
    uint32_t count = port->ring_tail - port->ring_head;
    for (uint32_t i = 0; i < count; i++)
        ring[i] = port->ring[(port->ring_head + i) & port->ring_mask];
    free(port->ring);
    port->ring = ring;
    port->ring_mask = size - 1;
    port->ring_head = 0;
    port->ring_tail = count;
    return 0;
}

static void
wire_caps_set(struct wire_port *self)
{
    const struct wire_config *config = &self->wire->config;
    // A flipped bit must be found by a checksum: where frames may be corrupted, they travel with complete checksums, segment by
    // segment.
    bool offloads = !(config->corrupt > 0);
    self->caps = (struct port_caps){
        .max_frame_bytes = WIRE_MAX_FRAME_BYTES,
        .max_gso_bytes = offloads ? PORT_GSO_MAX_BYTES : 0,
        .tx_csum = offloads,
        .rx_csum = offloads,
        .gso4 = offloads,
        .gso6 = offloads,
        .link_up = true,
        .is_traced = self->wire->sched->is_sim,
        .bits_per_second = config->bits_per_second ? config->bits_per_second : 10ull * 1000 * 1000 * 1000,
    };
}

static int
wire_open(struct port *port, const char *argument, char *error, size_t error_bytes)
{
    struct wire_port *self = (struct wire_port *)port;
    struct port_world *world = port->world;
    sched_mutex_lock(world->sched, &world->lock);
    self->wire = wire_find_locked(world, argument);
    if (!self->wire)
        self->wire = wire_create_locked(world, argument, &(struct wire_config){0});
    sched_mutex_unlock(world->sched, &world->lock);
    self->pool = self->wire ? wire_pool_create(self) : NULL;
    if (!self->pool)
        return port_error(error, error_bytes, -ENOMEM, "port wire:%s: out of memory", argument);
    int rc = wire_ring_reserve_locked(self, WIRE_RING_ENTRIES);
    if (rc) {
        wire_pool_orphan_locked(self->pool);
        return port_error(error, error_bytes, rc, "port wire:%s: out of memory", argument);
    }
    wire_caps_set(self);
    sched_mutex_lock(world->sched, &self->wire->lock);
    self->base.may_be_polled = self->wire->is_instant;      // else a frame rings before it may be taken
    self->wire->port_count++;
    list_push_back(&self->wire->ports, &self->member);
    prng_seed(&self->line.prng, self->wire->config.seed + self->wire->port_count * 0x632be59bd9b4e019ull);
    sched_mutex_unlock(world->sched, &self->wire->lock);
    return 0;
}

static void
wire_start(struct port *port)
{
    struct wire_port *self = (struct wire_port *)port;
    sched_mutex_lock(port->sched, &self->wire->lock);
    self->is_receiving = true;
    sched_mutex_unlock(port->sched, &self->wire->lock);
}

static void
wire_unref_ring_locked(struct wire_frame *frame)
{
    struct wire_port *owed = wire_frame_unref_locked(frame);
    if (owed)
        port_ring(&owed->base);
}

static void
wire_close(struct port *port)
{
    struct wire_port *self = (struct wire_port *)port;
    struct wire *wire = self->wire;
    sched_mutex_lock(port->sched, &wire->lock);
    wire_line_close_locked(self);
    list_remove(&self->member);
    wire->port_count--;
    for (; self->ring_head != self->ring_tail; self->ring_head++)
        wire_unref_ring_locked(self->ring[self->ring_head & self->ring_mask].frame);
    wire_pool_orphan_locked(self->pool);
    sched_mutex_unlock(port->sched, &wire->lock);
    free(self->ring);
}

static void
wire_caps(const struct port *port, struct port_caps *caps)
{
    *caps = ((const struct wire_port *)port)->caps;
}

// Take up to count due frames out of the ring.
static uint32_t
wire_ring_take_locked(struct wire_port *self, struct wire_frame **frames, uint32_t count)
{
    uint64_t now_ns = self->wire->is_instant ? 0 : sched_now_ns(self->wire->sched);
    uint32_t taken = 0;
    while (taken < count && self->ring_head != self->ring_tail) {
        const struct wire_entry *entry = &self->ring[self->ring_head & self->ring_mask];
        if (entry->due_ns > now_ns)
            break;
        frames[taken++] = entry->frame;
        self->ring_head++;
    }
    return taken;
}

// Copy frames into slots. Returns how many slots were filled; a frame too large for its slot is dropped and counted.
static uint32_t
wire_copy(struct wire_port *self, struct wire_frame *const *frames, uint32_t frame_count, struct port_slot *slots)
{
    uint32_t filled = 0;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < frame_count; i++) {
        const struct wire_frame *frame = frames[i];
        struct port_slot *slot = &slots[filled];
        if (frame->bytes > slot->capacity_bytes) {
            port_count(&self->base.counters.rx_dropped, 1);
            continue;
        }
        memcpy(slot->buffer, frame->data, frame->bytes);
        slot->bytes = frame->bytes;
        slot->offload = frame->offload;
        bytes += frame->bytes;
        filled++;
    }
    port_count_rx(&self->base, filled, bytes);
    return filled;
}

static uint32_t
wire_rx(struct port *port, struct port_slot *slots, uint32_t count)
{
    struct wire_port *self = (struct wire_port *)port;
    struct wire *wire = self->wire;
    struct wire_frame *frames[WIRE_RX_BATCH];
    uint32_t filled = 0, held = 0, wanted = 0;
    // Another round only if the ring may hold more: a receiver that asks for more than waits takes the lock twice.
    while (filled < count && held == wanted) {
        wanted = count - filled < WIRE_RX_BATCH ? count - filled : WIRE_RX_BATCH;
        sched_mutex_lock(port->sched, &wire->lock);
        for (uint32_t i = 0; i < held; i++)
            wire_unref_ring_locked(frames[i]);
        held = wire_ring_take_locked(self, frames, wanted);
        sched_mutex_unlock(port->sched, &wire->lock);
        filled += wire_copy(self, frames, held, slots + filled);
    }
    if (held) {
        sched_mutex_lock(port->sched, &wire->lock);
        for (uint32_t i = 0; i < held; i++)
            wire_unref_ring_locked(frames[i]);
        sched_mutex_unlock(port->sched, &wire->lock);
    }
    return port_rx_result(port, filled, count);
}

struct wire_work {
    bool rx_is_ready, tx_is_ready;
    uint64_t next_ns;
};

static void
wire_earlier(uint64_t *next_ns, uint64_t at_ns)
{
    if (at_ns < *next_ns)
        *next_ns = at_ns;
}

// What is there to do now, and when next?
static struct wire_work
wire_look(struct wire_port *self)
{
    struct wire *wire = self->wire;
    uint64_t now_ns = wire->is_instant ? 0 : sched_now_ns(wire->sched), at_ns;
    sched_mutex_lock(wire->sched, &wire->lock);
    struct wire_work work = {.next_ns = wire_line_turn_locked(self, now_ns)};
    if (self->is_starved) {
        work.tx_is_ready = wire_line_has_room_locked(self, now_ns, &at_ns);
        self->is_starved = !work.tx_is_ready;
        wire_earlier(&work.next_ns, at_ns);
    }
    if (self->ring_head != self->ring_tail) {
        uint64_t due_ns = self->ring[self->ring_head & self->ring_mask].due_ns;
        work.rx_is_ready = due_ns <= now_ns;
        if (!work.rx_is_ready)
            wire_earlier(&work.next_ns, due_ns);
    }
    sched_mutex_unlock(wire->sched, &wire->lock);
    return work;
}

static uint64_t
wire_turn(struct port *port)
{
    struct wire_port *self = (struct wire_port *)port;
    struct wire_work work = wire_look(self);
    if (work.tx_is_ready)
        port->upcalls.on_tx_ready(port->context);
    if (work.rx_is_ready) {
        if (port_rx_is_due(port) && port_rx_raise(port))
            return PORT_AT_ONCE;
        wire_earlier(&work.next_ns, port->rx_retry_ns);
    }
    return work.next_ns;
}

const struct port_ops wire_port_ops = {
    .scheme = "wire",
    .bytes = sizeof(struct wire_port),
    .check = wire_check,
    .open = wire_open,
    .start = wire_start,
    .turn = wire_turn,
    .close = wire_close,
    .caps = wire_caps,
    .tx = wire_tx,
    .rx = wire_rx,
};
