// SPDX-License-Identifier: MIT
// port test:NAME: the test is the hardware. What the device sends waits in a queue until the test has looked at it; what the test
// enqueues waits until it flushes; link, back-pressure and offload fields are in its hands.
//
//   port_tx -> sent queue -> port_test_tx_get / port_test_tx_dequeue
//   port_test_rx_enqueue -> pending queue -> port_test_rx_flush -> ready queue, on_rx from the port's thread -> port_rx
//
// Queues are bounded at 65,536 frames: enqueue then fails with -ENOSPC, port_tx takes fewer. A frame costs an allocation here: this
// port is for exactness, not for speed.
#include "wire/port_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { test_queue_frames_max = 65536 };

struct test_frame {
    struct list link;
    struct port_offload offload;
    uint32_t bytes;
    uint8_t data[];
};

struct test_port {
    struct port base;
    struct sched_mutex lock;                // guards the queues and what follows
    struct list sent, pending, ready;
    uint32_t sent_count, rx_count;
    bool is_held, is_starved, link_up, link_has_changed;
};

static struct port_caps
test_caps_value(void)
{
    return (struct port_caps){
        .max_frame_bytes = 9014,
        .max_gso_bytes = PORT_GSO_MAX_BYTES,
        .tx_csum = true,
        .rx_csum = true,
        .gso4 = true,
        .gso6 = true,
        .link_up = true,
        .bits_per_second = 10ull * 1000 * 1000 * 1000,
    };
}

static int
test_check(const char *argument, char *error, size_t error_bytes)
{
    if (!argument || !*argument)
        return port_error(error, error_bytes, -EINVAL, "port test needs a name: test:NAME");
    return 0;
}

static int
test_open(struct port *port, const char *argument, char *error, size_t error_bytes)
{
    struct test_port *self = (struct test_port *)port;
    if (port_test_find(port->world, argument))
        return port_error(error, error_bytes, -EEXIST, "port test:%s is open already", argument);
    list_init(&self->sent);
    list_init(&self->pending);
    list_init(&self->ready);
    self->link_up = true;
    return 0;
}

static void
test_queue_free(struct list *queue)
{
    for (struct list *node; (node = list_pop_front(queue)) != NULL;)
        free(LIST_ENTRY_OF(node, struct test_frame, link));
}

static void
test_close(struct port *port)
{
    struct test_port *self = (struct test_port *)port;
    test_queue_free(&self->sent);
    test_queue_free(&self->pending);
    test_queue_free(&self->ready);
}

static void
test_caps(const struct port *port, struct port_caps *caps)
{
    struct test_port *self = (struct test_port *)port;
    *caps = test_caps_value();
    sched_mutex_lock(port->sched, &self->lock);
    caps->link_up = self->link_up;
    sched_mutex_unlock(port->sched, &self->lock);
}

static struct test_frame *
test_frame_copy(const struct port_frame *from)
{
    struct test_frame *frame = malloc(sizeof(*frame) + from->bytes);
    if (!frame)
        return NULL;
    frame->bytes = from->bytes;
    frame->offload = from->offload;
    if (port_frame_gather(from, frame->data))
        return frame;
    free(frame);
    return NULL;
}

static void
test_take_locked(struct test_port *self, const struct port_frame *from)
{
    struct port_caps caps = test_caps_value();
    struct test_frame *frame = self->link_up && port_frame_is_valid(from, &caps) ? test_frame_copy(from) : NULL;
    if (!frame) {
        port_count(&self->base.counters.tx_dropped, 1);
        return;
    }
    list_push_back(&self->sent, &frame->link);
    self->sent_count++;
    port_count_tx(&self->base, 1, from->bytes);
}

static uint32_t
test_tx(struct port *port, const struct port_frame *frames, uint32_t count)
{
    struct test_port *self = (struct test_port *)port;
    uint32_t taken = 0;
    sched_mutex_lock(port->sched, &self->lock);
    while (taken < count && !self->is_held && self->sent_count < test_queue_frames_max)
        test_take_locked(self, &frames[taken++]);
    self->is_starved |= taken < count;
    sched_mutex_unlock(port->sched, &self->lock);
    return taken;
}

// The oldest frame that waits, or NULL.
static struct test_frame *
test_ready_pop(struct test_port *self)
{
    sched_mutex_lock(self->base.sched, &self->lock);
    struct list *node = list_pop_front(&self->ready);
    self->rx_count -= node != NULL;
    sched_mutex_unlock(self->base.sched, &self->lock);
    return node ? LIST_ENTRY_OF(node, struct test_frame, link) : NULL;
}

static uint32_t
test_rx(struct port *port, struct port_slot *slots, uint32_t count)
{
    struct test_port *self = (struct test_port *)port;
    uint32_t filled = 0;
    struct test_frame *frame;
    while (filled < count && (frame = test_ready_pop(self)) != NULL) {
        struct port_slot *slot = &slots[filled];
        if (frame->bytes > slot->capacity_bytes) {
            port_count(&port->counters.rx_dropped, 1);
        } else {
            memcpy(slot->buffer, frame->data, frame->bytes);
            slot->bytes = frame->bytes;
            slot->offload = frame->offload;
            port_count_rx(port, 1, frame->bytes);
            filled++;
        }
        free(frame);
    }
    return port_rx_result(port, filled, count);
}

static uint64_t
test_turn(struct port *port)
{
    struct test_port *self = (struct test_port *)port;
    sched_mutex_lock(port->sched, &self->lock);
    bool link_has_changed = self->link_has_changed, link_up = self->link_up;
    bool tx_is_ready = self->is_starved && !self->is_held && self->sent_count < test_queue_frames_max;
    bool rx_is_ready = !list_is_empty(&self->ready);
    self->link_has_changed = false;
    if (tx_is_ready)
        self->is_starved = false;
    sched_mutex_unlock(port->sched, &self->lock);
    if (link_has_changed)
        port->upcalls.on_link(port->context, link_up, test_caps_value().bits_per_second);
    if (tx_is_ready)
        port->upcalls.on_tx_ready(port->context);
    if (!rx_is_ready)
        return SCHED_NEVER;
    return port_rx_is_due(port) && port_rx_raise(port) ? PORT_AT_ONCE : port->rx_retry_ns;
}

struct port *
port_test_find(struct port_world *world, const char *name)
{
    struct port *found = NULL;
    sched_mutex_lock(world->sched, &world->lock);
    LIST_FOR_EACH(node, &world->ports) {
        struct port *port = LIST_ENTRY_OF(node, struct port, link);
        if (port->ops == &test_port_ops && !strcmp(port->spec + strlen("test:"), name))
            found = port;
    }
    sched_mutex_unlock(world->sched, &world->lock);
    return found;
}

int
port_test_rx_enqueue(struct port *port, const void *data, uint32_t bytes, const struct port_offload *offload)
{
    struct test_port *self = (struct test_port *)port;
    struct test_frame *frame = malloc(sizeof(*frame) + bytes);
    if (!frame)
        return -ENOMEM;
    memcpy(frame->data, data, bytes);
    frame->bytes = bytes;
    frame->offload = offload ? *offload : (struct port_offload){0};
    sched_mutex_lock(port->sched, &self->lock);
    int rc = self->rx_count < test_queue_frames_max ? 0 : -ENOSPC;
    if (!rc) {
        list_push_back(&self->pending, &frame->link);
        self->rx_count++;
    }
    sched_mutex_unlock(port->sched, &self->lock);
    if (rc)
        free(frame);
    return rc;
}

void
port_test_rx_flush(struct port *port)
{
    struct test_port *self = (struct test_port *)port;
    sched_mutex_lock(port->sched, &self->lock);
    for (struct list *node; (node = list_pop_front(&self->pending)) != NULL;)
        list_push_back(&self->ready, node);
    sched_mutex_unlock(port->sched, &self->lock);
    port_ring(port);
}

uint32_t
port_test_tx_get(struct port *port, const uint8_t **data, struct port_offload *offload)
{
    struct test_port *self = (struct test_port *)port;
    uint32_t bytes = 0;
    sched_mutex_lock(port->sched, &self->lock);
    if (!list_is_empty(&self->sent)) {
        struct test_frame *frame = LIST_ENTRY_OF(self->sent.next, struct test_frame, link);
        *data = frame->data;
        bytes = frame->bytes;
        if (offload)
            *offload = frame->offload;
    }
    sched_mutex_unlock(port->sched, &self->lock);
    return bytes;
}

void
port_test_tx_dequeue(struct port *port)
{
    struct test_port *self = (struct test_port *)port;
    sched_mutex_lock(port->sched, &self->lock);
    struct list *node = list_pop_front(&self->sent);
    self->sent_count -= node != NULL;
    bool is_starved = self->is_starved;
    sched_mutex_unlock(port->sched, &self->lock);
    if (node)
        free(LIST_ENTRY_OF(node, struct test_frame, link));
    if (is_starved)
        port_ring(port);
}

void
port_test_tx_hold(struct port *port, bool hold)
{
    struct test_port *self = (struct test_port *)port;
    sched_mutex_lock(port->sched, &self->lock);
    self->is_held = hold;
    sched_mutex_unlock(port->sched, &self->lock);
    port_ring(port);
}

void
port_test_link(struct port *port, bool up)
{
    struct test_port *self = (struct test_port *)port;
    sched_mutex_lock(port->sched, &self->lock);
    self->link_has_changed |= self->link_up != up;
    self->link_up = up;
    sched_mutex_unlock(port->sched, &self->lock);
    port_ring(port);
}

const struct port_ops test_port_ops = {
    .scheme = "test",
    .bytes = sizeof(struct test_port),
    .check = test_check,
    .open = test_open,
    .turn = test_turn,
    .close = test_close,
    .caps = test_caps,
    .tx = test_tx,
    .rx = test_rx,
};
