// SPDX-License-Identifier: MIT
// Ports in general: the text "kind:argument", the world that ports share, the thread that each port has, and the way through to the
// kind's own file (sink.c none.c wire.c stream.c pcap.c tap.c packet.c test.c).
//
//   port_open   text -> kind -> ops->open, then the thread, which waits for port_start
//   port_start  the thread takes turns: ops->turn does what is due and raises the upcalls, then the thread sleeps on the bell
//   port_ring   wakes it; a ring costs a system call only while it sleeps
//   port_poll   a device that spins looks at the bell itself; then rings wake nobody, and the thread looks once a millisecond
//   port_close  flag, ring, join, ops->close: after that no upcall can run
//
// A device that leaves on_rx before port_rx gave 0 is out of buffers: on_rx is raised again when it says so (port_rx_again) or after
// a pause that doubles from 50 us to 100 ms, so that neither a lost call nor a stuck device can stop or burn a processor.
#include "wire/port_int.h"

#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t port_backoff_min_ns = 50 * 1000, port_backoff_max_ns = 100 * 1000 * 1000;
static const uint64_t port_polled_ns = 1000 * 1000;

static const struct port_ops *const port_kinds[] = {
    &sink_port_ops, &none_port_ops, &wire_port_ops, &test_port_ops, &tap_port_ops, &packet_port_ops, &pcap_port_ops,
    &stream_port_ops, &stream_listen_port_ops,
};

struct port_world *
port_world_create(struct sched *sched)
{
    struct port_world *world = calloc(1, sizeof(*world));
    if (!world)
        return NULL;
    world->sched = sched;
    list_init(&world->ports);
    list_init(&world->wires);
    return world;
}

void
port_world_destroy(struct port_world *world)
{
    LIST_FOR_EACH(node, &world->ports)
        fprintf(stderr, "ndisbox: port %s is still open at port_world_destroy\n", LIST_ENTRY_OF(node, struct port, link)->spec);
    if (!list_is_empty(&world->ports))
        abort();
    wire_world_destroy(world);
    free(world);
}

void
port_world_on_message(struct port_world *world, void (*on_message)(void *context, const char *text), void *context)
{
    world->on_message = on_message;
    world->message_context = context;
}

void
port_say(struct port *port, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (port->world->on_message)
        port->world->on_message(port->world->message_context, text);
    else
        fprintf(stderr, "ndisbox: %s\n", text);
}

int
port_error(char *error, size_t error_bytes, int error_code, const char *format, ...)
{
    if (error && error_bytes) {
        va_list args;
        va_start(args, format);
        vsnprintf(error, error_bytes, format, args);
        va_end(args);
    }
    return error_code;
}

int
port_interface_check(const char *scheme, const char *name, char *error, size_t error_bytes)
{
    if (!name || !*name)
        return port_error(error, error_bytes, -EINVAL, "port %s needs the name of an interface: %s:NAME", scheme, scheme);
    if (strlen(name) >= IFNAMSIZ)
        return port_error(error, error_bytes, -EINVAL, "port %s:%s: an interface's name has at most %d characters", scheme, name,
                          IFNAMSIZ - 1);
    if (!strcmp(name, ".") || !strcmp(name, "..") || strpbrk(name, "/: \t\n%"))
        return port_error(error, error_bytes, -EINVAL, "port %s:%s: the kernel takes no such interface name", scheme, name);
    return 0;
}

// Find the kind that the text begins with. *argument becomes what follows the colon, or NULL.
static const struct port_ops *
port_kind_find(const char *spec, const char **argument)
{
    size_t length = strcspn(spec, ":");
    *argument = spec[length] ? spec + length + 1 : NULL;
    for (size_t i = 0; i < sizeof(port_kinds) / sizeof(port_kinds[0]); i++)
        if (strlen(port_kinds[i]->scheme) == length && !memcmp(port_kinds[i]->scheme, spec, length))
            return port_kinds[i];
    return NULL;
}

int
port_spec_check(const char *spec, char *error, size_t error_bytes)
{
    const char *argument;
    const struct port_ops *ops = port_kind_find(spec, &argument);
    if (!ops && !strncmp(spec, "xdp:", 4))
        return port_error(error, error_bytes, -EINVAL, "port xdp is not built yet: use packet:%s", spec + 4);
    if (!ops)
        return port_error(error, error_bytes, -EINVAL,
                          "port \"%s\" is of no kind that exists: wire:NAME, tap:NAME, packet:IFACE, stream:PATH, "
                          "stream-listen:PATH, pcap:IN[,OUT], sink, none, test:NAME", spec);
    return ops->check(argument, error, error_bytes);
}

// The thread of a port at which a device looks by itself sleeps without hearing the bell, but not for long: the device may have
// stopped without a word. Returns false when nobody looks.
static bool
port_thread_doze(struct port *port, uint64_t next_ns)
{
    uint32_t ends = atomic_load_explicit(&port->poll_ends, memory_order_acquire);
    if (!atomic_load_explicit(&port->is_polled, memory_order_relaxed) ||
        !atomic_exchange_explicit(&port->is_polled, 0, memory_order_acq_rel))
        return false;
    uint64_t until_ns = sched_now_ns(port->sched) + port_polled_ns;
    (void)sched_wait(port->sched, &port->poll_ends, ends, next_ns < until_ns ? next_ns : until_ns);
    return true;
}

static void
port_thread_main(void *arg)
{
    struct port *port = arg;
    for (;;) {
        uint32_t seen = atomic_load_explicit(&port->bell, memory_order_seq_cst);
        uint32_t flags = atomic_load_explicit(&port->flags, memory_order_acquire);
        if (flags & PORT_CLOSING)
            return;
        uint64_t next = flags & PORT_STARTED ? port->ops->turn(port) : SCHED_NEVER;
        if (next == PORT_AT_ONCE) {
            sched_choice(port->sched, SCHED_POINT_QUEUE);
            continue;
        }
        if (port_thread_doze(port, next))
            continue;
        // Said before the last look at the bell, which sched_wait takes: whoever rings after that sees it and wakes us.
        atomic_store_explicit(&port->is_asleep, 1, memory_order_seq_cst);
        (void)sched_wait(port->sched, &port->bell, seen, next);
        atomic_store_explicit(&port->is_asleep, 0, memory_order_relaxed);
    }
}

void
port_ring(struct port *port)
{
    atomic_fetch_add_explicit(&port->bell, 1, memory_order_seq_cst);
    if (port->ops->ring)
        port->ops->ring(port);
    if (atomic_load_explicit(&port->is_asleep, memory_order_seq_cst))
        sched_wake(port->sched, &port->bell, 1);
}

bool
port_poll(struct port *port)
{
    if (!port->may_be_polled || port->sched->is_sim)
        return false;
    if (!atomic_load_explicit(&port->is_polled, memory_order_relaxed))
        atomic_store_explicit(&port->is_polled, 1, memory_order_relaxed);
    uint32_t bell = atomic_load_explicit(&port->bell, memory_order_acquire);
    if (bell == atomic_load_explicit(&port->polled_bell, memory_order_relaxed))
        return false;
    atomic_store_explicit(&port->polled_bell, bell, memory_order_relaxed);
    return true;
}

void
port_poll_end(struct port *port)
{
    atomic_store_explicit(&port->is_polled, 0, memory_order_relaxed);
    atomic_fetch_add_explicit(&port->poll_ends, 1, memory_order_seq_cst);
    if (port->thread && !port->sched->is_sim)
        sched_wake(port->sched, &port->poll_ends, 1);
}

bool
port_rx_is_due(struct port *port)
{
    if (port->rx_retry_ns == 0)
        return true;
    uint32_t flags = atomic_fetch_and_explicit(&port->flags, ~(uint32_t)PORT_RX_AGAIN, memory_order_acq_rel);
    return flags & PORT_RX_AGAIN || sched_now_ns(port->sched) >= port->rx_retry_ns;
}

bool
port_rx_raise(struct port *port)
{
    atomic_store_explicit(&port->rx_is_drained, false, memory_order_relaxed);
    port->upcalls.on_rx(port->context);
    if (atomic_load_explicit(&port->rx_is_drained, memory_order_relaxed)) {
        port->rx_backoff_ns = port->rx_retry_ns = 0;
        return true;
    }
    uint64_t backoff_ns = port->rx_backoff_ns ? port->rx_backoff_ns * 2 : port_backoff_min_ns;
    port->rx_backoff_ns = backoff_ns > port_backoff_max_ns ? port_backoff_max_ns : backoff_ns;
    port->rx_retry_ns = sched_now_ns(port->sched) + port->rx_backoff_ns;
    return false;
}

void
port_rx_again(struct port *port)
{
    // Nothing is left behind: what comes will ring by itself.
    if (atomic_load_explicit(&port->rx_is_drained, memory_order_relaxed))
        return;
    atomic_fetch_or_explicit(&port->flags, PORT_RX_AGAIN, memory_order_acq_rel);
    if (port->ops->turn)
        port_ring(port);
}

bool
port_frame_is_valid(const struct port_frame *frame, const struct port_caps *caps)
{
    const struct port_offload *offload = &frame->offload;
    if (frame->bytes < PORT_ETHERNET_BYTES)
        return false;
    if (offload->flags & PORT_CSUM_NEEDED &&
        (!caps->tx_csum || (uint32_t)offload->csum_start + offload->csum_offset + 2 > frame->bytes))
        return false;
    switch (offload->gso) {
    case PORT_GSO_NONE:
        return frame->bytes <= caps->max_frame_bytes + PORT_VLAN_BYTES;
    case PORT_GSO_TCP4:
    case PORT_GSO_TCP6:
        // A super-segment's checksum is always the pseudo-header sum [VIRTIO 1.2, 5.1.6.2].
        return (offload->gso == PORT_GSO_TCP4 ? caps->gso4 : caps->gso6) && offload->flags & PORT_CSUM_NEEDED &&
               frame->bytes <= caps->max_gso_bytes + PORT_VLAN_BYTES && offload->gso_bytes > 0 &&
               offload->header_bytes > PORT_ETHERNET_BYTES && offload->header_bytes <= frame->bytes;
    default:
        return false;
    }
}

bool
port_frame_gather(const struct port_frame *frame, uint8_t *to)
{
    uint32_t left_bytes = frame->bytes;
    for (uint32_t i = 0; i < frame->iov_count && left_bytes; i++) {
        size_t bytes = frame->iov[i].iov_len < left_bytes ? frame->iov[i].iov_len : left_bytes;
        memcpy(to, frame->iov[i].iov_base, bytes);
        to += bytes;
        left_bytes -= (uint32_t)bytes;
    }
    return left_bytes == 0;
}

static void
port_free(struct port *port)
{
    soft_destroy(port->soft);
    free(port->spec);
    free(port);
}


int
port_open(struct port_world *world, const char *spec, const struct port_upcalls *upcalls, void *context, struct port **out,
          char *error, size_t error_bytes)
{
    const char *argument;
    const struct port_ops *ops = port_kind_find(spec, &argument);
    int rc = port_spec_check(spec, error, error_bytes);
    if (rc)
        return rc;
    if (ops->is_real_time && world->sched->is_sim)
        return port_error(error, error_bytes, -ENOTSUP,
                          "port %s lives in real time; under the seeded scheduler use wire, pcap, sink, none or test", spec);
    size_t bytes = (ops->bytes + 63) & ~(size_t)63;
    struct port *port = aligned_alloc(64, bytes);
    if (!port)
        return port_error(error, error_bytes, -ENOMEM, "port %s: out of memory", spec);
    memset(port, 0, bytes);
    port->ops = ops;
    port->world = world;
    port->sched = world->sched;
    port->upcalls = *upcalls;
    port->context = context;
    port->spec = strdup(spec);
    if (!port->spec) {
        rc = port_error(error, error_bytes, -ENOMEM, "port %s: out of memory", spec);
        goto undo_port;
    }
    rc = ops->open(port, argument, error, error_bytes);
    if (rc)
        goto undo_port;
    if (ops->turn) {
        rc = sched_thread_start(world->sched, port->spec, port_thread_main, port, NULL, &port->thread);
        if (rc) {
            port_error(error, error_bytes, rc, "port %s: no thread: %s", spec, strerror(-rc));
            goto undo_open;
        }
    }
    sched_mutex_lock(world->sched, &world->lock);
    list_push_back(&world->ports, &port->link);
    sched_mutex_unlock(world->sched, &world->lock);
    *out = port;
    return 0;
undo_open:
    ops->close(port);
undo_port:
    port_free(port);
    return rc;
}

int
port_rx_accept(struct port *port, bool csum, bool gso4, bool gso6)
{
    struct port_caps caps;
    port_caps_get(port, &caps);
    soft_destroy(port->soft);
    port->soft = NULL;
    if (port->ops->rx_accept && port->ops->rx_accept(port, csum, csum && gso4, csum && gso6) == 0)
        return 0;
    if ((csum || !caps.rx_csum) && (gso4 || !caps.gso4) && (gso6 || !caps.gso6))
        return 0;
    port->soft = soft_create((csum ? SOFT_CSUM : 0) | (gso4 ? SOFT_GSO4 : 0) | (gso6 ? SOFT_GSO6 : 0));
    return port->soft ? 0 : -ENOMEM;
}

void
port_start(struct port *port)
{
    if (port->ops->start)
        port->ops->start(port);
    atomic_fetch_or_explicit(&port->flags, PORT_STARTED, memory_order_acq_rel);
    if (port->thread)
        port_ring(port);
}

void
port_stop(struct port *port)
{
    atomic_fetch_or_explicit(&port->flags, PORT_CLOSING, memory_order_acq_rel);
    if (!port->thread)
        return;
    if (sched_self == port->thread) {
        fprintf(stderr, "ndisbox: port %s is stopped or closed from its own upcall, which would wait for itself\n", port->spec);
        abort();
    }
    port_ring(port);
    sched_thread_join(port->sched, port->thread);
    port->thread = NULL;
}

void
port_close(struct port *port)
{
    port_stop(port);
    sched_mutex_lock(port->sched, &port->world->lock);
    list_remove(&port->link);
    sched_mutex_unlock(port->sched, &port->world->lock);
    port->ops->close(port);
    port_free(port);
}

void
port_caps_get(const struct port *port, struct port_caps *caps)
{
    memset(caps, 0, sizeof(*caps));
    port->ops->caps(port, caps);
}

void
port_stats_get(const struct port *port, struct port_stats *stats)
{
    const struct port_counters *c = &port->counters;
    uint64_t late_frames = atomic_load_explicit(&c->late_frames, memory_order_relaxed);
    stats->tx_frames = atomic_load_explicit(&c->tx_frames, memory_order_relaxed) - late_frames;
    stats->tx_bytes = atomic_load_explicit(&c->tx_bytes, memory_order_relaxed) - atomic_load_explicit(&c->late_bytes, memory_order_relaxed);
    stats->tx_dropped = atomic_load_explicit(&c->tx_dropped, memory_order_relaxed) + late_frames;
    stats->rx_frames = atomic_load_explicit(&c->rx_frames, memory_order_relaxed);
    stats->rx_bytes = atomic_load_explicit(&c->rx_bytes, memory_order_relaxed);
    stats->rx_dropped = atomic_load_explicit(&c->rx_dropped, memory_order_relaxed);
    stats->duplicated = atomic_load_explicit(&c->duplicated, memory_order_relaxed);
    stats->reordered = atomic_load_explicit(&c->reordered, memory_order_relaxed);
    stats->corrupted = atomic_load_explicit(&c->corrupted, memory_order_relaxed);
}

uint32_t
port_tx(struct port *port, const struct port_frame *frames, uint32_t count)
{
    return port->ops->tx(port, frames, count);
}

uint32_t
port_rx(struct port *port, struct port_slot *slots, uint32_t count)
{
    if (__builtin_expect(port->soft != NULL, 0))
        return soft_rx(port->soft, port, port->ops->rx, slots, count);
    return port->ops->rx(port, slots, count);
}
