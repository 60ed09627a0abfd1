// SPDX-License-Identifier: MIT
// ports stream:PATH (connects) and stream-listen:PATH (waits to be connected to): Ethernet over an AF_UNIX stream in the framing of
// QEMU's `-netdev stream` and of passt, a 32-bit big-endian length before each frame. No privilege is needed. The framing has no
// place for offload fields, so frames pass complete.
//
//   out  stream_tx: up to 64 frames with one sendmsg; what the socket took of a frame's beginning obliges us to the rest, which is
//        kept and goes first next time
//   in   the thread fills a buffer of 256 KB with one recv and hands out the frames that are whole
//   link up while connected. The peer goes: link down, a message, then connecting once a second, or listening, for the next one.
//        A length over 69,632 (QEMU's own limit) is no frame but a lost place in the stream: the connection is dropped with a message
//
// Two locks: `tx_lock` for what a sender uses, `rx_lock` for what a receiver uses; the descriptor changes only under both.
#include "wire/port_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/fd.h"
#include "host/stream.h"

enum {
    stream_frame_max = 4096 + 65536,        // QEMU's NET_BUFSIZE
    stream_in_bytes = 256 << 10,
    stream_batch_frames = 64,
    stream_pieces_max = 1024,
    stream_rounds_max = 8,                  // buffers filled before port_rx gives 0 once
    stream_retry_ms = 1000
};

struct stream_port {
    struct port base;
    char path[STREAM_PATH_BYTES];
    bool listens;
    int listener, bell;
    uint64_t retry_ns;
    _Atomic uint32_t is_up;
    _Atomic uint32_t is_gone;               // sender or receiver met the end of the connection
    _Atomic uint32_t is_starved;
    const char *_Atomic reason;             // why we drop the connection; static text
    struct sched_mutex tx_lock, rx_lock;
    int fd;                                 // -1: not connected; under both locks
    uint32_t pending_start, pending_end;    // in `pending`: the rest of a frame that went half; under tx_lock, as are the next two
    uint8_t pending[4 + stream_frame_max];
    struct iovec pieces[stream_pieces_max];
    uint32_t in_start, in_end, rounds;      // under rx_lock, as is the next
    uint8_t in[stream_in_bytes];
};

static int
stream_path_check(const char *scheme, const char *argument, char *error, size_t error_bytes)
{
    if (!argument || !*argument)
        return port_error(error, error_bytes, -EINVAL, "port %s needs a path: %s:PATH", scheme, scheme);
    if (strlen(argument) >= STREAM_PATH_BYTES)
        return port_error(error, error_bytes, -EINVAL, "port %s: a socket's path has at most %d characters", scheme,
                          STREAM_PATH_BYTES - 1);
    return 0;
}

static int
stream_check(const char *argument, char *error, size_t error_bytes)
{
    return stream_path_check("stream", argument, error, error_bytes);
}

static int
stream_listen_check(const char *argument, char *error, size_t error_bytes)
{
    return stream_path_check("stream-listen", argument, error, error_bytes);
}

// A peer that is not there yet is no error: whoever starts second finds the other.
static bool
stream_is_absent(int rc)
{
    return rc == -ENOENT || rc == -ECONNREFUSED || rc == -EAGAIN;
}

static int
stream_port_open(struct port *port, const char *argument, char *error, size_t error_bytes)
{
    struct stream_port *self = (struct stream_port *)port;
    self->listens = port->ops == &stream_listen_port_ops;
    self->fd = self->listener = -1;
    strcpy(self->path, argument);
    self->bell = fd_bell_create();
    if (self->bell < 0)
        return port_error(error, error_bytes, self->bell, "port %s: %s", port->spec, strerror(-self->bell));
    int rc;
    if (self->listens) {
        rc = self->listener = stream_listen(argument);
    } else {
        rc = self->fd = stream_connect(argument);
        if (stream_is_absent(rc)) {
            port_say(port, "port %s: nobody listens there yet (%s): link down until somebody does", port->spec, strerror(-rc));
            rc = 0;
        }
    }
    if (rc < 0) {
        fd_close(self->bell);
        return port_error(error, error_bytes, rc, "port %s: %s", port->spec,
                          rc == -EADDRINUSE ? "somebody listens there already" : strerror(-rc));
    }
    atomic_store(&self->is_up, self->fd >= 0);
    return 0;
}

static void
stream_port_close(struct port *port)
{
    struct stream_port *self = (struct stream_port *)port;
    fd_close(self->fd);
    fd_close(self->listener);
    if (self->listener >= 0)
        stream_unlink(self->path);
    fd_close(self->bell);
}

static void
stream_caps(const struct port *port, struct port_caps *caps)
{
    const struct stream_port *self = (const struct stream_port *)port;
    caps->max_frame_bytes = 65535;
    caps->link_up = atomic_load_explicit(&self->is_up, memory_order_relaxed);
    caps->bits_per_second = 10ull * 1000 * 1000 * 1000;
}

static void
stream_ring(struct port *port)
{
    fd_bell_ring(((struct stream_port *)port)->bell);
}

static void
stream_end(struct stream_port *self, const char *reason)
{
    atomic_store(&self->reason, reason);
    if (!atomic_exchange(&self->is_gone, 1))
        port_ring(&self->base);
}

// Send what is left of the last frame. Returns true when nothing is left.
static bool
stream_pending_send(struct stream_port *self)
{
    while (self->pending_start < self->pending_end) {
        struct iovec iov = {self->pending + self->pending_start, self->pending_end - self->pending_start};
        ssize_t rc = stream_send(self->fd, &iov, 1);
        if (rc < 0) {
            if (rc != -EAGAIN)
                stream_end(self, "the peer has closed the connection");
            return false;
        }
        self->pending_start += (uint32_t)rc;
    }
    self->pending_start = self->pending_end = 0;
    return true;
}

// Keep the rest of a frame of which `sent` bytes, the length counted in, have gone.
static void
stream_pending_keep(struct stream_port *self, const struct iovec *iov, uint32_t iov_count, uint64_t sent)
{
    for (uint32_t i = 0; i < iov_count; i++) {
        if (sent >= iov[i].iov_len) {
            sent -= iov[i].iov_len;
            continue;
        }
        size_t bytes = iov[i].iov_len - sent;
        memcpy(self->pending + self->pending_end, (uint8_t *)iov[i].iov_base + sent, bytes);
        self->pending_end += (uint32_t)bytes;
        sent = 0;
    }
}

struct stream_batch {
    uint32_t lengths[stream_batch_frames];              // big-endian, sent
    uint32_t first[stream_batch_frames + 1];            // piece where the frame begins
    uint32_t places[stream_batch_frames];               // which frame of the list it is
    uint32_t count, passed, invalid;
};

// The pieces must add up to the length that goes before them, or the stream loses its place.
static bool
stream_frame_adds_up(const struct port_frame *frame)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < frame->iov_count; i++)
        bytes += frame->iov[i].iov_len;
    return bytes == frame->bytes;
}

static void
stream_collect(struct stream_port *self, const struct port_frame *frames, uint32_t count, struct stream_batch *batch)
{
    struct port_caps caps = {.max_frame_bytes = 65535};
    uint32_t used = 0;
    batch->count = batch->passed = batch->invalid = 0;
    for (; batch->passed < count && batch->count < stream_batch_frames; batch->passed++) {
        const struct port_frame *frame = &frames[batch->passed];
        if (!port_frame_is_valid(frame, &caps) || !stream_frame_adds_up(frame) || frame->iov_count + 1 > stream_pieces_max) {
            batch->invalid++;
            continue;
        }
        if (used + frame->iov_count + 1 > stream_pieces_max)
            break;
        batch->lengths[batch->count] = htonl(frame->bytes);
        batch->first[batch->count] = used;
        batch->places[batch->count] = batch->passed;
        self->pieces[used++] = (struct iovec){&batch->lengths[batch->count], 4};
        memcpy(&self->pieces[used], frame->iov, frame->iov_count * sizeof(struct iovec));
        used += frame->iov_count;
        batch->count++;
    }
    batch->first[batch->count] = used;
}

// Send from the front of the list, connected and with nothing pending. Returns how many frames were taken.
static uint32_t
stream_send_some(struct stream_port *self, const struct port_frame *frames, uint32_t count, uint64_t *sent_bytes, uint32_t *sent)
{
    struct stream_batch batch;
    stream_collect(self, frames, count, &batch);
    ssize_t rc = batch.count ? stream_send(self->fd, self->pieces, batch.first[batch.count]) : 0;
    if (rc < 0 && rc != -EAGAIN)
        stream_end(self, "the peer has closed the connection");
    uint64_t left = rc < 0 ? 0 : (uint64_t)rc;
    uint32_t done = 0;
    for (; done < batch.count; done++) {
        uint64_t bytes = 4 + (uint64_t)frames[batch.places[done]].bytes;
        if (left == 0)
            break;
        *sent_bytes += bytes - 4;
        if (left < bytes) {
            stream_pending_keep(self, &self->pieces[batch.first[done]], batch.first[done + 1] - batch.first[done], left);
            left = 0;
        } else {
            left -= bytes;
        }
    }
    *sent += done;
    if (done == batch.count)
        return batch.passed;
    return batch.places[done];
}

static uint32_t
stream_tx(struct port *port, const struct port_frame *frames, uint32_t count)
{
    struct stream_port *self = (struct stream_port *)port;
    uint32_t taken = 0, sent = 0;
    uint64_t bytes = 0;
    sched_mutex_lock(port->sched, &self->tx_lock);
    while (taken < count && self->fd >= 0 && !atomic_load(&self->is_gone)) {
        uint32_t now = stream_pending_send(self) ? stream_send_some(self, frames + taken, count - taken, &bytes, &sent) : 0;
        taken += now;
        if (!now)
            break;
    }
    // No connection: like a NIC without a cable.
    if (self->fd < 0 || atomic_load(&self->is_gone))
        taken = count;
    if (taken < count)
        atomic_store(&self->is_starved, 1);
    sched_mutex_unlock(port->sched, &self->tx_lock);
    if (taken < count)
        port_ring(port);
    port_count_tx(port, sent, bytes);
    port_count(&port->counters.tx_dropped, taken - sent);
    return taken;
}

// Receive into the buffer behind what is there. Returns false when nothing came, or when it is time for port_rx to give 0: a peer that
// sends faster than the device takes would otherwise keep the thread in here, and whoever waits for room to send out.
static bool
stream_fill(struct stream_port *self, uint32_t filled)
{
    if (self->fd < 0 || atomic_load(&self->is_gone))
        return false;
    if (self->rounds == stream_rounds_max) {
        if (!filled)
            self->rounds = 0;
        return false;
    }
    memmove(self->in, self->in + self->in_start, self->in_end - self->in_start);
    self->in_end -= self->in_start;
    self->in_start = 0;
    ssize_t rc = stream_receive(self->fd, self->in + self->in_end, sizeof(self->in) - self->in_end);
    if (rc > 0) {
        self->in_end += (uint32_t)rc;
        self->rounds++;
        return true;
    }
    self->rounds = 0;
    if (rc != -EAGAIN && rc != -EINTR)
        stream_end(self, "the peer has closed the connection");
    return false;
}

// The length of the frame at the front of the buffer, if all of it is there; else 0. A length of 0 is passed over.
static uint32_t
stream_whole(struct stream_port *self)
{
    while (self->in_end - self->in_start >= 4) {
        uint32_t bytes;
        memcpy(&bytes, self->in + self->in_start, 4);
        bytes = ntohl(bytes);
        if (bytes > stream_frame_max) {
            stream_end(self, "the peer sent a length that no frame has");
            self->in_start = self->in_end;
            return 0;
        }
        if (bytes)
            return self->in_end - self->in_start - 4 >= bytes ? bytes : 0;
        port_count(&self->base.counters.rx_dropped, 1);
        self->in_start += 4;
    }
    return 0;
}

static uint32_t
stream_rx(struct port *port, struct port_slot *slots, uint32_t count)
{
    struct stream_port *self = (struct stream_port *)port;
    uint32_t filled = 0, bytes;
    uint64_t sum_bytes = 0;
    sched_mutex_lock(port->sched, &self->rx_lock);
    while (filled < count) {
        bytes = stream_whole(self);
        if (!bytes) {
            if (!stream_fill(self, filled))
                break;
            continue;
        }
        struct port_slot *slot = &slots[filled];
        if (bytes < PORT_ETHERNET_BYTES || bytes > slot->capacity_bytes) {
            port_count(&port->counters.rx_dropped, 1);
        } else {
            memcpy(slot->buffer, self->in + self->in_start + 4, bytes);
            slot->bytes = bytes;
            slot->offload = (struct port_offload){0};
            sum_bytes += bytes;
            filled++;
        }
        self->in_start += 4 + bytes;
    }
    sched_mutex_unlock(port->sched, &self->rx_lock);
    port_count_rx(port, filled, sum_bytes);
    return port_rx_result(port, filled, count);
}

static void
stream_connected(struct stream_port *self, int fd)
{
    struct port *port = &self->base;
    sched_mutex_lock(port->sched, &self->tx_lock);
    sched_mutex_lock(port->sched, &self->rx_lock);
    self->fd = fd;
    self->pending_start = self->pending_end = self->in_start = self->in_end = self->rounds = 0;
    atomic_store(&self->is_gone, 0);
    atomic_store(&self->is_up, 1);
    sched_mutex_unlock(port->sched, &self->rx_lock);
    sched_mutex_unlock(port->sched, &self->tx_lock);
    port_say(port, "port %s: connected: link up", port->spec);
    port->upcalls.on_link(port->context, true, 10ull * 1000 * 1000 * 1000);
}

static void
stream_disconnect(struct stream_port *self)
{
    struct port *port = &self->base;
    sched_mutex_lock(port->sched, &self->tx_lock);
    sched_mutex_lock(port->sched, &self->rx_lock);
    fd_close(self->fd);
    self->fd = -1;
    atomic_store(&self->is_up, 0);
    sched_mutex_unlock(port->sched, &self->rx_lock);
    sched_mutex_unlock(port->sched, &self->tx_lock);
    self->retry_ns = sched_now_ns(port->sched) + stream_retry_ms * 1000000ull;
    port_say(port, "port %s: %s: link down until %s", port->spec, atomic_load(&self->reason),
             self->listens ? "the next one connects" : "somebody listens there again");
    port->upcalls.on_link(port->context, false, 0);
    // Whoever waits for room learns by sending that there is no cable.
    if (atomic_exchange(&self->is_starved, 0))
        port->upcalls.on_tx_ready(port->context);
}

static void
stream_turn_absent(struct stream_port *self)
{
    struct port *port = &self->base;
    int fd = -1;
    if (self->listens) {
        if (fd_wait(self->listener, FD_READABLE, self->bell, stream_retry_ms) & FD_READABLE)
            fd = stream_accept(self->listener);
    } else {
        uint64_t now_ns = sched_now_ns(port->sched);
        if (now_ns < self->retry_ns)
            (void)fd_wait(-1, 0, self->bell, (int)((self->retry_ns - now_ns) / 1000000) + 1);
        if (port_is_closing(port) || sched_now_ns(port->sched) < self->retry_ns)
            return;
        self->retry_ns = sched_now_ns(port->sched) + stream_retry_ms * 1000000ull;
        fd = stream_connect(self->path);
    }
    if (fd >= 0)
        stream_connected(self, fd);
}

static bool
stream_has_frame(struct stream_port *self)
{
    sched_mutex_lock(self->base.sched, &self->rx_lock);
    bool has = stream_whole(self) != 0;
    sched_mutex_unlock(self->base.sched, &self->rx_lock);
    return has;
}

static bool
stream_is_writable(struct stream_port *self)
{
    sched_mutex_lock(self->base.sched, &self->tx_lock);
    bool is_writable = stream_pending_send(self);
    sched_mutex_unlock(self->base.sched, &self->tx_lock);
    return is_writable;
}

// Wait for what the port has a use for: bytes if the device takes frames, room if somebody wants to send.
static uint32_t
stream_turn_wait(struct stream_port *self, bool is_due, bool has_frame)
{
    struct port *port = &self->base;
    sched_mutex_lock(port->sched, &self->tx_lock);
    bool has_pending = self->pending_end > 0;
    sched_mutex_unlock(port->sched, &self->tx_lock);
    bool is_gone = atomic_load(&self->is_gone);
    uint32_t wanted = (is_due ? FD_READABLE : 0) | (has_pending || atomic_load(&self->is_starved) ? FD_WRITABLE : 0);
    int timeout_ms = is_due && (has_frame || is_gone) ? 0 : stream_retry_ms;
    if (!is_due) {
        uint64_t now_ns = sched_now_ns(port->sched);
        timeout_ms = port->rx_retry_ns > now_ns ? (int)((port->rx_retry_ns - now_ns) / 1000000) + 1 : 0;
    }
    // A broken descriptor never waits: leave it out where its end has no use yet.
    return fd_wait(is_gone || !wanted ? -1 : self->fd, wanted, self->bell, timeout_ms);
}

static uint64_t
stream_turn(struct port *port)
{
    struct stream_port *self = (struct stream_port *)port;
    if (self->fd < 0) {
        stream_turn_absent(self);
        return PORT_AT_ONCE;
    }
    bool is_due = port_rx_is_due(port), has_frame = stream_has_frame(self);
    uint32_t events = stream_turn_wait(self, is_due, has_frame);
    if (port_is_closing(port))
        return PORT_AT_ONCE;
    if (is_due && (has_frame || events & (FD_READABLE | FD_BROKEN)))
        (void)port_rx_raise(port);
    if (events & FD_WRITABLE && stream_is_writable(self) && atomic_exchange(&self->is_starved, 0))
        port->upcalls.on_tx_ready(port->context);
    // Frames that came before the end are still the device's.
    if (atomic_load(&self->is_gone) && !stream_has_frame(self))
        stream_disconnect(self);
    return PORT_AT_ONCE;
}

const struct port_ops stream_port_ops = {
    .scheme = "stream",
    .bytes = sizeof(struct stream_port),
    .is_real_time = true,
    .check = stream_check,
    .open = stream_port_open,
    .turn = stream_turn,
    .ring = stream_ring,
    .close = stream_port_close,
    .caps = stream_caps,
    .tx = stream_tx,
    .rx = stream_rx,
};

const struct port_ops stream_listen_port_ops = {
    .scheme = "stream-listen",
    .bytes = sizeof(struct stream_port),
    .is_real_time = true,
    .check = stream_listen_check,
    .open = stream_port_open,
    .turn = stream_turn,
    .ring = stream_ring,
    .close = stream_port_close,
    .caps = stream_caps,
    .tx = stream_tx,
    .rx = stream_rx,
};
