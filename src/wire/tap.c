// SPDX-License-Identifier: MIT
// port tap:NAME, the Linux kernel's network stack at the other end of the cable, with checksums and 64 KB TCP super-segments left to
// the virtio-net header both ways.
//
//   out  tap_tx: one write a frame, header and the device's own pieces, no copy of ours; the kernel takes the frame in at once. Several
//        frames are written in one system call where the machine has io_uring (host/batch.h). Bursts of small frames are copied for a
//        second thread (tap_queue.h)
//   in   the thread waits in poll, raises on_rx; tap_rx: one readv a frame straight into the device's slot, at most 256 a wake-up
//   link up while the interface is up. Deleted in mid-run: link down, a message, and each second a look whether it is back
//
// The descriptor stays the same from open to close (the kernel lets a deleted interface's descriptor attach again), so that a
// sender never meets another file under its number.
#include "wire/port_int.h"
#include "wire/vnet.h"

#include <errno.h>
#include <string.h>

#include "host/batch.h"
#include "host/fd.h"
#include "host/tap.h"
#include "wire/tap_queue.h"

enum {
    tap_budget_frames = 256,
    tap_spare_bytes = 16,                   // behind the slot: a frame that reaches it was too large
    tap_pieces_max = 128,                   // a frame in more pieces is put together first
    tap_batch_pieces = 512,                 // of the frames of one call
    tap_look_ms = 1000
};

enum tap_link { TAP_UP, TAP_DOWN, TAP_GONE };

struct tap_port {
    struct port base;
    struct tap tap;
    struct port_caps caps;
    int bell;
    _Atomic uint32_t link;                  // enum tap_link; the thread's to change
    _Atomic uint32_t is_suspect;            // a sender met an error: the thread looks what happened
    _Atomic uint32_t is_starved;            // port_tx took fewer
    _Atomic uint32_t budget_frames;         // left before port_rx gives 0 once, so that the thread sees to its other work
    uint8_t bounce[PORT_GSO_MAX_BYTES + 4]; // the sender's, for frames in too many pieces
    struct tap_queue *queue;                // bursts of small frames; NULL: the sender writes them too
    struct batch *batch;                    // likewise; NULL: frames are written one by one
    struct batch_write writes[BATCH_WRITES];
    struct vnet_header headers[BATCH_WRITES];
    struct iovec pieces[tap_batch_pieces];
};

static int
tap_check(const char *argument, char *error, size_t error_bytes)
{
    return port_interface_check("tap", argument, error, error_bytes);
}

static enum tap_link
tap_look(struct tap_port *self)
{
    uint32_t events = fd_wait(self->tap.fd, FD_WRITABLE, -1, 0);
    // The kernel calls a TAP writable exactly while the interface is up, and broken once it has been deleted.
    return events & FD_BROKEN ? TAP_GONE : events & FD_WRITABLE ? TAP_UP : TAP_DOWN;
}

static int
tap_port_open(struct port *port, const char *argument, char *error, size_t error_bytes)
{
    struct tap_port *self = (struct tap_port *)port;
    self->bell = fd_bell_create();
    if (self->bell < 0)
        return port_error(error, error_bytes, self->bell, "port tap:%s: %s", argument, strerror(-self->bell));
    int rc = tap_open(&self->tap, argument, error, error_bytes);
    if (rc) {
        fd_close(self->bell);
        return rc;
    }
    self->batch = batch_open(self->tap.fd);
    self->queue = tap_queue_create(port, &self->tap, &self->is_suspect);
    enum tap_link link = tap_look(self);
    atomic_store(&self->link, link);
    atomic_store(&self->budget_frames, tap_budget_frames);
    self->caps = (struct port_caps){
        .max_frame_bytes = self->tap.mtu_bytes + PORT_ETHERNET_BYTES,
        .max_gso_bytes = PORT_GSO_MAX_BYTES,
        .tx_csum = true,
        .rx_csum = true,
        .gso4 = true,
        .gso6 = true,
        .link_up = link == TAP_UP,
        .bits_per_second = 10ull * 1000 * 1000 * 1000,
    };
    return 0;
}

static void
tap_port_close(struct port *port)
{
    struct tap_port *self = (struct tap_port *)port;
    tap_queue_destroy(self->queue);
    batch_close(self->batch);
    tap_close(&self->tap);
    fd_close(self->bell);
}

static void
tap_caps(const struct port *port, struct port_caps *caps)
{
    const struct tap_port *self = (const struct tap_port *)port;
    *caps = self->caps;
    caps->link_up = atomic_load_explicit(&self->link, memory_order_relaxed) == TAP_UP;
}

// A frame that the kernel queued before this may still be a super-segment: port_rx_accept comes before the first one, as good as always.
static int
tap_rx_accept(struct port *port, bool csum, bool gso4, bool gso6)
{
    return tap_offload_set(&((struct tap_port *)port)->tap, csum, gso4, gso6);
}

static void
tap_ring(struct port *port)
{
    fd_bell_ring(((struct tap_port *)port)->bell);
}

static ssize_t
tap_send(struct tap_port *self, const struct port_frame *frame)
{
    struct vnet_header header;
    struct iovec iov[tap_pieces_max + 1];
    vnet_encode(&frame->offload, &header);
    iov[0] = (struct iovec){&header, VNET_HEADER_BYTES};
    if (frame->iov_count <= tap_pieces_max) {
        memcpy(iov + 1, frame->iov, frame->iov_count * sizeof(*iov));
        return tap_write(&self->tap, iov, (int)frame->iov_count + 1);
    }
    if (!port_frame_gather(frame, self->bounce))
        return -EINVAL;
    iov[1] = (struct iovec){self->bounce, frame->bytes};
    return tap_write(&self->tap, iov, 2);
}

// Frames from the front, as many as go into one call. Returns how many; the next goes by itself when it is none.
static uint32_t
tap_batch_fill(struct tap_port *self, const struct port_frame *frames, uint32_t count)
{
    struct iovec *iov = self->pieces;
    uint32_t filled = 0;
    for (; filled < count && filled < BATCH_WRITES; filled++) {
        const struct port_frame *frame = &frames[filled];
        if (frame->iov_count >= (uint32_t)(self->pieces + tap_batch_pieces - iov) || !port_frame_is_valid(frame, &self->caps))
            break;
        vnet_encode(&frame->offload, &self->headers[filled]);
        self->writes[filled] = (struct batch_write){.iov = iov, .iov_count = frame->iov_count + 1};
        *iov++ = (struct iovec){&self->headers[filled], VNET_HEADER_BYTES};
        memcpy(iov, frame->iov, frame->iov_count * sizeof(*iov));
        iov += frame->iov_count;
    }
    return filled;
}

struct tap_sent {
    uint64_t frames, bytes, dropped;
    bool is_suspect;
    bool is_refused;                        // the last batch, whole
};

static void
tap_count(struct tap_sent *sent, const struct port_frame *frame, ssize_t rc)
{
    sent->frames += rc >= 0;
    sent->bytes += rc >= 0 ? frame->bytes : 0;
    sent->dropped += rc < 0;
    sent->is_suspect |= rc == -EIO || rc == -EBADFD;
}

// Several frames in one call. Returns how many are over; one for which there was no room, and that another overtook, is lost.
static uint32_t
tap_send_batch(struct tap_port *self, const struct port_frame *frames, uint32_t count, struct tap_sent *sent)
{
    uint32_t filled = count > 1 && self->batch ? tap_batch_fill(self, frames, count) : 0;
    uint32_t taken = filled > 1 ? batch_write(self->batch, self->writes, filled) : 0;
    sent->is_refused = taken > 0;
    while (taken && self->writes[taken - 1].result == -EAGAIN)
        taken--;
    sent->is_refused = sent->is_refused && !taken;
    for (uint32_t i = 0; i < taken; i++)
        tap_count(sent, &frames[i], self->writes[i].result);
    return taken;
}

static uint32_t
tap_tx(struct port *port, const struct port_frame *frames, uint32_t count)
{
    struct tap_port *self = (struct tap_port *)port;
    struct tap_sent sent = {0};
    bool is_up = atomic_load_explicit(&self->link, memory_order_relaxed) == TAP_UP;
    uint32_t taken = 0;
    if (self->queue && (!tap_queue_is_empty(self->queue) || (is_up && tap_queue_is_burst(frames, count))))
        return tap_queue_put(self->queue, frames, count, &self->caps);
    while (taken < count) {
        uint32_t together = is_up ? tap_send_batch(self, &frames[taken], count - taken, &sent) : 0;
        taken += together;
        if (together)
            continue;
        ssize_t rc = is_up && port_frame_is_valid(&frames[taken], &self->caps) ? tap_send(self, &frames[taken]) : -EINVAL;
        if (rc == -EAGAIN) {
            atomic_store(&self->is_starved, 1);
            port_ring(port);
            break;
        }
        if (sent.is_refused && rc >= 0) { // by itself it goes: a kernel whose TAPs want to block in batches
            batch_close(self->batch);
            self->batch = NULL;
            sent.is_refused = false;
        }
        tap_count(&sent, &frames[taken++], rc);
    }
    if (is_up && sent.is_suspect && !atomic_exchange(&self->is_suspect, 1))
        port_ring(port);
    port_count_tx(port, sent.frames, sent.bytes);
    if (sent.dropped)
        port_count(&port->counters.tx_dropped, sent.dropped);
    return taken;
}

// One frame into the slot. Returns false when none waits; *is_filled tells whether the slot was used.
static bool
tap_receive(struct tap_port *self, struct port_slot *slot, bool *is_filled)
{
    struct vnet_header header;
    uint8_t spare[tap_spare_bytes];
    struct iovec iov[3] = {{&header, VNET_HEADER_BYTES}, {slot->buffer, slot->capacity_bytes}, {spare, sizeof(spare)}};
    ssize_t rc = tap_read(&self->tap, iov, 3);
    *is_filled = false;
    if (rc < 0) {
        if (rc != -EAGAIN && rc != -EINTR)
            atomic_store(&self->is_suspect, 1);
        return false;
    }
    uint32_t bytes = rc < VNET_HEADER_BYTES ? 0 : (uint32_t)rc - VNET_HEADER_BYTES;
    if (bytes < PORT_ETHERNET_BYTES || bytes > slot->capacity_bytes ||
        !vnet_decode(&header, slot->buffer, bytes, &slot->offload)) {
        port_count(&self->base.counters.rx_dropped, 1);
        return true;
    }
    slot->bytes = bytes;
    *is_filled = true;
    return true;
}

static uint32_t
tap_rx(struct port *port, struct port_slot *slots, uint32_t count)
{
    struct tap_port *self = (struct tap_port *)port;
    uint32_t budget_frames = atomic_load_explicit(&self->budget_frames, memory_order_relaxed);
    uint32_t filled = 0;
    uint64_t bytes = 0;
    bool is_filled;
    if (!budget_frames || atomic_load_explicit(&self->link, memory_order_relaxed) == TAP_GONE) {
        atomic_store_explicit(&self->budget_frames, tap_budget_frames, memory_order_relaxed);
        return port_rx_result(port, 0, count);
    }
    while (filled < count && budget_frames && tap_receive(self, &slots[filled], &is_filled)) {
        budget_frames--;
        if (is_filled)
            bytes += slots[filled++].bytes;
    }
    atomic_store_explicit(&self->budget_frames, budget_frames, memory_order_relaxed);
    port_count_rx(port, filled, bytes);
    return port_rx_result(port, filled, count);
}

// Tell the device and the user that the link is what it is now.
static void
tap_link_set(struct tap_port *self, enum tap_link link)
{
    enum tap_link before = atomic_exchange(&self->link, link);
    if (before == link)
        return;
    if (link == TAP_GONE)
        port_say(&self->base, "tap %s has been deleted: link down until it is back", self->tap.name);
    else if (link == TAP_DOWN)
        port_say(&self->base, "tap %s is down: link down (ip link set %s up)", self->tap.name, self->tap.name);
    else
        port_say(&self->base, "tap %s is up: link up", self->tap.name);
    if ((before == TAP_UP) != (link == TAP_UP))
        self->base.upcalls.on_link(self->base.context, link == TAP_UP, self->caps.bits_per_second);
}

// The interface is gone: wait a second (or the bell) and see whether it can be attached again.
static void
tap_turn_gone(struct tap_port *self)
{
    (void)fd_wait(-1, 0, self->bell, tap_look_ms);
    if (!port_is_closing(&self->base) && tap_reattach(&self->tap) == 0)
        tap_link_set(self, tap_look(self));
}

// How long to wait for the descriptor, and for what.
static uint32_t
tap_turn_wait(struct tap_port *self)
{
    struct port *port = &self->base;
    int timeout_ms = tap_look_ms;
    uint32_t wanted = FD_READABLE;
    if (!port_rx_is_due(port)) {
        // The device has no buffers: a readable descriptor would only make us spin.
        uint64_t now_ns = sched_now_ns(port->sched);
        wanted = 0;
        timeout_ms = port->rx_retry_ns > now_ns ? (int)((port->rx_retry_ns - now_ns) / 1000000) + 1 : 0;
    }
    if (atomic_load(&self->link) == TAP_DOWN || atomic_load(&self->is_starved))
        wanted |= FD_WRITABLE;
    return fd_wait(self->tap.fd, wanted, self->bell, timeout_ms);
}

static uint64_t
tap_turn(struct port *port)
{
    struct tap_port *self = (struct tap_port *)port;
    if (atomic_load(&self->link) == TAP_GONE) {
        tap_turn_gone(self);
        return PORT_AT_ONCE;
    }
    uint32_t events = tap_turn_wait(self);
    if (port_is_closing(port))
        return PORT_AT_ONCE;
    if (!(events & FD_READABLE) || events & FD_BROKEN || atomic_exchange(&self->is_suspect, 0))
        tap_link_set(self, tap_look(self));
    if (events & FD_WRITABLE && atomic_exchange(&self->is_starved, 0))
        port->upcalls.on_tx_ready(port->context);
    if (self->queue && tap_queue_has_room(self->queue))
        port->upcalls.on_tx_ready(port->context);
    if (events & FD_READABLE)
        (void)port_rx_raise(port);
    return PORT_AT_ONCE;
}

const struct port_ops tap_port_ops = {
    .scheme = "tap",
    .bytes = sizeof(struct tap_port),
    .is_real_time = true,
    .check = tap_check,
    .open = tap_port_open,
    .turn = tap_turn,
    .ring = tap_ring,
    .close = tap_port_close,
    .caps = tap_caps,
    .rx_accept = tap_rx_accept,
    .tx = tap_tx,
    .rx = tap_rx,
};
