// SPDX-License-Identifier: MIT
// port packet:IFACE, an interface that Linux has (a physical NIC, one end of a veth) through a packet socket with virtio-net header.
//
//   out  packet_tx: up to 64 frames with one sendmmsg, header and the device's own pieces, no copy of ours
//   in   the thread waits in poll, raises on_rx; packet_rx: up to 64 frames with one recvmmsg straight into the slots. A VLAN tag that
//        the kernel took out of the frame is put back.
//   link follows the interface (up and running), looked at once a second and after every error. Deleted: link down, a message, and
//        each second a look whether one of that name is there again
//
// Linux's own stack sees the same frames unless the interface has no addresses: that is the user's to arrange.
#include "wire/port_int.h"
#include "wire/vnet.h"

#include <errno.h>
#include <string.h>

#include "host/fd.h"
#include "host/packet.h"

enum {
    packet_budget_frames = 256,
    packet_pieces_max = 1024,               // of one batch
    packet_look_ms = 1000,
    packet_full_ms = 1                      // the queue below is full and cannot be waited for
};

enum packet_link { PACKET_UP, PACKET_DOWN, PACKET_GONE };
enum packet_starved { PACKET_FED, PACKET_STARVED, PACKET_STARVED_BELOW };

struct packet_port {
    struct port base;
    struct packet packet;
    struct port_caps caps;
    int bell;
    _Atomic uint32_t link;                  // enum packet_link; the thread's to change
    _Atomic uint32_t is_suspect;
    _Atomic uint32_t starved;               // enum packet_starved
    _Atomic uint32_t budget_frames;         // left before port_rx gives 0 once, so that the thread sees to its other work
    uint64_t looked_ns;
    struct vnet_header headers[PACKET_BATCH];           // the sender's
    struct iovec pieces[packet_pieces_max];
    uint8_t bounce[PORT_GSO_MAX_BYTES + 4];
};

static int
packet_check(const char *argument, char *error, size_t error_bytes)
{
    return port_interface_check("packet", argument, error, error_bytes);
}

static enum packet_link
packet_link_look(struct packet_port *self)
{
    int up = packet_look(&self->packet);
    return up < 0 ? PACKET_GONE : up ? PACKET_UP : PACKET_DOWN;
}

static int
packet_port_open(struct port *port, const char *argument, char *error, size_t error_bytes)
{
    struct packet_port *self = (struct packet_port *)port;
    self->bell = fd_bell_create();
    if (self->bell < 0)
        return port_error(error, error_bytes, self->bell, "port packet:%s: %s", argument, strerror(-self->bell));
    int rc = packet_open(&self->packet, argument, error, error_bytes);
    if (rc) {
        fd_close(self->bell);
        return rc;
    }
    enum packet_link link = packet_link_look(self);
    atomic_store(&self->link, link);
    atomic_store(&self->budget_frames, packet_budget_frames);
    self->caps = (struct port_caps){
        .max_frame_bytes = self->packet.mtu_bytes + PORT_ETHERNET_BYTES,
        .max_gso_bytes = PORT_GSO_MAX_BYTES,
        .tx_csum = true,
        .rx_csum = true,
        .gso4 = true,
        .gso6 = true,
        .link_up = link == PACKET_UP,
        .bits_per_second = self->packet.bits_per_second ? self->packet.bits_per_second : 10ull * 1000 * 1000 * 1000,
    };
    return 0;
}

static void
packet_port_close(struct port *port)
{
    struct packet_port *self = (struct packet_port *)port;
    packet_close(&self->packet);
    fd_close(self->bell);
}

static void
packet_caps(const struct port *port, struct port_caps *caps)
{
    const struct packet_port *self = (const struct packet_port *)port;
    *caps = self->caps;
    caps->link_up = atomic_load_explicit(&self->link, memory_order_relaxed) == PACKET_UP;
}

static void
packet_ring(struct port *port)
{
    fd_bell_ring(((struct packet_port *)port)->bell);
}

// Collect the valid frames from the front of the list. Returns how many frames it went over; *out_count of them are to be sent, and
// places[i] is the position of the i-th.
static uint32_t
packet_collect(struct packet_port *self, const struct port_frame *frames, uint32_t count, struct packet_out *out, uint32_t *places,
               uint32_t *out_count)
{
    uint32_t pieces = 0, used = 0, i = 0;
    bool bounce_is_free = true;
    for (; i < count && used < PACKET_BATCH; i++) {
        const struct port_frame *frame = &frames[i];
        if (!port_frame_is_valid(frame, &self->caps))
            continue;
        bool needs_bounce = frame->iov_count > 128;
        if ((needs_bounce && !bounce_is_free) || pieces + (needs_bounce ? 2 : frame->iov_count + 1) > packet_pieces_max)
            break;
        struct iovec *iov = self->pieces + pieces;
        vnet_encode(&frame->offload, &self->headers[used]);
        iov[0] = (struct iovec){&self->headers[used], VNET_HEADER_BYTES};
        uint32_t more = frame->iov_count;
        if (!needs_bounce) {
            memcpy(iov + 1, frame->iov, more * sizeof(*iov));
        } else {
            if (!port_frame_gather(frame, self->bounce))
                continue;
            iov[1] = (struct iovec){self->bounce, frame->bytes};
            bounce_is_free = false;
            more = 1;
        }
        out[used] = (struct packet_out){iov, more + 1};
        places[used++] = i;
        pieces += more + 1;
    }
    *out_count = used;
    return i;
}

struct packet_sum {
    uint64_t sent, bytes, dropped;
};

// What an error of the kernel means for the frame that met it. Returns true if the frame must wait.
static bool
packet_send_failed(struct packet_port *self, int rc)
{
    if (rc == -EAGAIN || rc == -ENOBUFS) {
        atomic_store(&self->starved, rc == -EAGAIN ? PACKET_STARVED : PACKET_STARVED_BELOW);
        port_ring(&self->base);
        return true;
    }
    if ((rc == -ENETDOWN || rc == -ENXIO || rc == -ENODEV) && !atomic_exchange(&self->is_suspect, 1))
        port_ring(&self->base);
    return false;
}

// Send from the front of the list. Returns how many frames were taken; fewer than count: the rest must wait.
static uint32_t
packet_send_some(struct packet_port *self, const struct port_frame *frames, uint32_t count, struct packet_sum *sum)
{
    struct packet_out out[PACKET_BATCH];
    uint32_t places[PACKET_BATCH], out_count, done = 0;
    uint32_t passed = packet_collect(self, frames, count, out, places, &out_count);
    uint32_t invalid = passed - out_count;
    while (done < out_count) {
        int rc = packet_send(&self->packet, out + done, out_count - done);
        for (int i = 0; i < rc; i++, done++) {
            sum->sent++;
            sum->bytes += frames[places[done]].bytes;
        }
        if (rc >= 0)
            continue;
        if (packet_send_failed(self, rc)) {
            uint32_t taken = places[done];
            sum->dropped += taken - done;    // those before it that were not valid
            return taken;
        }
        sum->dropped++;
        done++;
    }
    sum->dropped += invalid;
    return passed;
}

static uint32_t
packet_tx(struct port *port, const struct port_frame *frames, uint32_t count)
{
    struct packet_port *self = (struct packet_port *)port;
    struct packet_sum sum = {0};
    uint32_t taken = 0;
    if (atomic_load_explicit(&self->link, memory_order_relaxed) != PACKET_UP) {
        port_count(&port->counters.tx_dropped, count);
        return count;
    }
    while (taken < count && atomic_load_explicit(&self->starved, memory_order_relaxed) == PACKET_FED)
        taken += packet_send_some(self, frames + taken, count - taken, &sum);
    port_count_tx(port, sum.sent, sum.bytes);
    if (sum.dropped)
        port_count(&port->counters.tx_dropped, sum.dropped);
    return taken;
}

// Put the tag back that the kernel took out. Returns false if the slot is too small for it.
static bool
packet_vlan_restore(const struct packet_in *in, struct port_slot *slot)
{
    enum { addresses_bytes = 12, tag_bytes = 4 };
    uint8_t *frame = slot->buffer;
    if (slot->bytes + tag_bytes > slot->capacity_bytes)
        return false;
    memmove(frame + addresses_bytes + tag_bytes, frame + addresses_bytes, slot->bytes - addresses_bytes);
    frame[12] = (uint8_t)(in->vlan_tpid >> 8);
    frame[13] = (uint8_t)in->vlan_tpid;
    frame[14] = (uint8_t)(in->vlan_tci >> 8);
    frame[15] = (uint8_t)in->vlan_tci;
    slot->bytes += tag_bytes;
    if (slot->offload.flags & PORT_CSUM_NEEDED)
        slot->offload.csum_start += tag_bytes;
    if (slot->offload.gso != PORT_GSO_NONE)
        slot->offload.header_bytes += tag_bytes;
    return true;
}

// Turn what came into one slot into a frame. Returns false if it is none.
static bool
packet_accept(const struct packet_in *in, const struct vnet_header *header, struct port_slot *slot)
{
    if (in->bytes < PORT_ETHERNET_BYTES || in->bytes > in->capacity_bytes)
        return false;
    slot->bytes = in->bytes;
    if (!vnet_decode(header, slot->buffer, in->bytes, &slot->offload))
        return false;
    return !in->has_vlan || packet_vlan_restore(in, slot);
}

// After a frame that was none, those behind it move one slot forward: buffers belong to the places of the device's list.
static bool
packet_close_gap(struct port_slot *to, const struct port_slot *from)
{
    if (to == from)
        return true;
    if (from->bytes > to->capacity_bytes)
        return false;
    memcpy(to->buffer, from->buffer, from->bytes);
    to->bytes = from->bytes;
    to->offload = from->offload;
    return true;
}

// One recvmmsg. Returns the slots filled; *went tells how many frames there were, 0 when none waits.
static uint32_t
packet_receive_some(struct packet_port *self, struct port_slot *slots, uint32_t count, uint32_t *went)
{
    struct vnet_header headers[PACKET_BATCH];
    struct packet_in in[PACKET_BATCH];
    count = count < PACKET_BATCH ? count : PACKET_BATCH;
    for (uint32_t i = 0; i < count; i++)
        in[i] = (struct packet_in){.header = &headers[i], .buffer = slots[i].buffer, .capacity_bytes = slots[i].capacity_bytes};
    int received = packet_receive(&self->packet, in, count);
    *went = received > 0 ? (uint32_t)received : 0;
    if (received < 0 && received != -EAGAIN && received != -EINTR)
        atomic_store(&self->is_suspect, 1);
    uint32_t filled = 0;
    for (uint32_t i = 0; i < *went; i++) {
        if (!packet_accept(&in[i], &headers[i], &slots[i])) {
            port_count(&self->base.counters.rx_dropped, 1);
            continue;
        }
        if (!packet_close_gap(&slots[filled], &slots[i]))
            port_count(&self->base.counters.rx_dropped, 1);
        else
            filled++;
    }
    return filled;
}

static uint32_t
packet_rx(struct port *port, struct port_slot *slots, uint32_t count)
{
    struct packet_port *self = (struct packet_port *)port;
    uint32_t budget_frames = atomic_load_explicit(&self->budget_frames, memory_order_relaxed);
    uint32_t filled = 0, went = 1;
    if (!budget_frames) {
        atomic_store_explicit(&self->budget_frames, packet_budget_frames, memory_order_relaxed);
        return port_rx_result(port, 0, count);
    }
    while (filled < count && budget_frames && went) {
        uint32_t wanted = count - filled < budget_frames ? count - filled : budget_frames;
        filled += packet_receive_some(self, slots + filled, wanted, &went);
        budget_frames -= went;
    }
    atomic_store_explicit(&self->budget_frames, budget_frames, memory_order_relaxed);
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < filled; i++)
        bytes += slots[i].bytes;
    port_count_rx(port, filled, bytes);
    return port_rx_result(port, filled, count);
}

static void
packet_link_set(struct packet_port *self, enum packet_link link)
{
    enum packet_link before = atomic_exchange(&self->link, link);
    if (before == link)
        return;
    if (link == PACKET_GONE)
        port_say(&self->base, "interface %s is gone: link down until it is back", self->packet.name);
    else
        port_say(&self->base, "interface %s is %s: link %s", self->packet.name, link == PACKET_UP ? "up" : "down",
                 link == PACKET_UP ? "up" : "down");
    if ((before == PACKET_UP) != (link == PACKET_UP))
        self->base.upcalls.on_link(self->base.context, link == PACKET_UP, self->caps.bits_per_second);
}

// Once a second, and when something failed.
static void
packet_turn_look(struct packet_port *self)
{
    uint32_t drops = packet_drops(&self->packet);
    self->looked_ns = sched_now_ns(self->base.sched);
    if (drops)
        port_count(&self->base.counters.rx_dropped, drops);
    if (atomic_load(&self->link) == PACKET_GONE && packet_rebind(&self->packet))
        return;
    packet_link_set(self, packet_link_look(self));
}

static uint32_t
packet_turn_wait(struct packet_port *self)
{
    struct port *port = &self->base;
    uint32_t wanted = 0, starved = atomic_load(&self->starved);
    int timeout_ms = packet_look_ms;
    if (port_rx_is_due(port)) {
        wanted = FD_READABLE;
    } else {
        uint64_t now_ns = sched_now_ns(port->sched);
        timeout_ms = port->rx_retry_ns > now_ns ? (int)((port->rx_retry_ns - now_ns) / 1000000) + 1 : 0;
    }
    if (starved == PACKET_STARVED)
        wanted |= FD_WRITABLE;
    if (starved == PACKET_STARVED_BELOW && timeout_ms > packet_full_ms)
        timeout_ms = packet_full_ms;
    uint32_t events = fd_wait(atomic_load(&self->link) == PACKET_GONE ? -1 : self->packet.fd, wanted, self->bell, timeout_ms);
    if (starved == PACKET_STARVED_BELOW && !(events & FD_READABLE))
        events |= FD_WRITABLE;
    return events;
}

static uint64_t
packet_turn(struct port *port)
{
    struct packet_port *self = (struct packet_port *)port;
    uint32_t events = packet_turn_wait(self);
    if (port_is_closing(port))
        return PORT_AT_ONCE;
    if (events & FD_READABLE)
        (void)port_rx_raise(port);
    if (events & FD_BROKEN) {
        packet_error_clear(&self->packet);
        atomic_store(&self->is_suspect, 1);
    }
    if (atomic_exchange(&self->is_suspect, 0) || sched_now_ns(port->sched) - self->looked_ns >= packet_look_ms * 1000000ull)
        packet_turn_look(self);
    // The link may have gone while the sender waited: it learns that by sending.
    if (atomic_load(&self->starved) && (events & FD_WRITABLE || atomic_load(&self->link) != PACKET_UP)) {
        atomic_store(&self->starved, PACKET_FED);
        port->upcalls.on_tx_ready(port->context);
    }
    return PORT_AT_ONCE;
}

const struct port_ops packet_port_ops = {
    .scheme = "packet",
    .bytes = sizeof(struct packet_port),
    .is_real_time = true,
    .check = packet_check,
    .open = packet_port_open,
    .turn = packet_turn,
    .ring = packet_ring,
    .close = packet_port_close,
    .caps = packet_caps,
    .tx = packet_tx,
    .rx = packet_rx,
};
