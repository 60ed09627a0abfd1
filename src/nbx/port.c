// SPDX-License-Identifier: MIT
// Between a driver of the box and a port of the world: the port's thread gets a thread record of the box, so that the driver's code
// finds itself on a processor at DISPATCH_LEVEL during an upcall, as in the DPC of an interrupt.
// A cable that was pulled (link.h) hides the port from the device: what it sends is dropped, what arrives is read and dropped.
// A port that a miniport opens while it is initialised is its adapter's, and may be watched: what it took and what it gave, in lists.
#include <nbx/port.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nbx/link.h"
#include "nt/ke/thread.h"
#include "wire/port.h"

struct nbx_port {
    struct port *port;
    struct box *box;
    struct port_upcalls upcalls;              // the driver's
    void *context;
    void *driver;                             // whose code the upcalls are
    struct list node;                         // box->nbx_ports
    const char *spec;
    const struct link_watch *watch;           // NULL: nobody watches, or no adapter's
    struct ndis_trace_edge edge;              // for it; its names are ours
    _Atomic bool is_pulled;
    // It took fewer than it was offered and has not said since that there is room, while full_until == rooms (room_ns_get).
    _Atomic uint32_t rooms, full_until;
    _Atomic uint64_t room_ns;                 // when it last said so
    bool is_waiting;                          // started while the box holds its ports; under box->nbx_lock
    struct ke_thread thread;                  // lent to the port's thread during an upcall
    struct ke_crossing crossing;              // of that upcall
};

// Become a thread of the box at DISPATCH, remembering who we were.
static void *
port_enter(struct nbx_port *self)
{
    void *user = sched_self->user;
    sched_self->user = &self->thread;
    self->thread.sched_thread = sched_self;
    ke_raise_dispatch(&self->thread);
    self->crossing = ke_driver_enter(&self->thread, self->driver, "port upcall");
    return user;
}

static void
port_leave(struct nbx_port *self, void *user)
{
    ke_driver_leave(&self->thread, self->crossing);
    ke_lower(&self->thread, PASSIVE_LEVEL);
    sched_self->user = user;
}

static void
port_on_rx(void *context)
{
    struct nbx_port *self = context;
    void *user = port_enter(self);
    self->upcalls.on_rx(self->context);
    port_leave(self, user);
}

static void
port_on_tx_ready(void *context)
{
    struct nbx_port *self = context;
    void *user = port_enter(self);
    atomic_store(&self->room_ns, sched_now_ns(self->box->sched));
    atomic_fetch_add(&self->rooms, 1);
    self->upcalls.on_tx_ready(self->context);
    port_leave(self, user);
}

static void
port_on_link(void *context, bool up, uint64_t bits_per_second)
{
    struct nbx_port *self = context;
    void *user = port_enter(self);
    if (!atomic_load(&self->is_pulled))
        self->upcalls.on_link(self->context, up, bits_per_second);
    port_leave(self, user);
}

// See box.h.
static uint64_t
room_ns_get(struct box *box)
{
    uint64_t last_ns = 0;
    KIRQL old = ke_lock_take(&box->nbx_lock);
    LIST_FOR_EACH(node, &box->nbx_ports) {
        struct nbx_port *port = LIST_ENTRY_OF(node, struct nbx_port, node);
        bool is_full = atomic_load(&port->full_until) == atomic_load(&port->rooms);
        uint64_t room_ns = is_full ? UINT64_MAX : atomic_load(&port->room_ns);
        last_ns = room_ns > last_ns ? room_ns : last_ns;
    }
    ke_lock_drop(&box->nbx_lock, old);
    return last_ns;
}

// fails: false, out of memory
static bool
port_watch(struct nbx_port *self)
{
    const char *adapter = self->box->nbx_watch ? ndis_adapter_starting(self->box) : NULL;
    if (!adapter)
        return true;
    self->watch = self->box->nbx_watch;
    self->edge = (struct ndis_trace_edge){.adapter = strdup(adapter), .kind = "port", .name = "port"};
    if (self->edge.adapter)
        self->watch->on_sent(self->watch->context, &self->edge, 0, NULL, 0);
    return self->edge.adapter != NULL;
}

static void
port_free(struct nbx_port *self)
{
    ke_thread_fini(&self->thread);
    free((char *)self->edge.adapter);
    free((char *)self->spec);
    free(self);
}

int
nbx_port_open(const char *spec, const struct port_upcalls *upcalls, void *context, struct nbx_port **out, char *error,
              size_t error_bytes)
{
    static const struct port_upcalls bridge = {port_on_rx, port_on_tx_ready, port_on_link};
    struct box *box = box_self();
    struct nbx_port *self = aligned_alloc(KE_CACHE_LINE, (sizeof *self + KE_CACHE_LINE - 1) / KE_CACHE_LINE * KE_CACHE_LINE);
    if (!self)
        return -ENOMEM;
    *self = (struct nbx_port){.box = box, .upcalls = *upcalls, .context = context, .driver = ke_self()->driver, .full_until = UINT32_MAX};
    ke_thread_init(&self->thread, box);
    list_init(&self->node);
    int failed = (self->spec = strdup(spec)) && port_watch(self) ? 0 : -ENOMEM;
    if (!failed)
        failed = port_open(box->ports, spec, &bridge, self, &self->port, error, error_bytes);
    if (failed) {
        box->nbx_port_error = failed;
        port_free(self);
        return failed;
    }
    KIRQL old = ke_lock_take(&box->nbx_lock);
    list_push_back(&box->nbx_ports, &self->node);
    box->nbx_room_ns = room_ns_get;
    ke_lock_drop(&box->nbx_lock, old);
    *out = self;
    return 0;
}

int
nbx_port_rx_accept(struct nbx_port *port, bool csum, bool gso4, bool gso6)
{
    return port_rx_accept(port->port, csum, gso4, gso6);
}

void
nbx_port_start(struct nbx_port *port)
{
    KIRQL old = ke_lock_take(&port->box->nbx_lock);
    bool is_held = port->is_waiting = port->box->nbx_ports_held;
    ke_lock_drop(&port->box->nbx_lock, old);
    if (!is_held)
        port_start(port->port);
}

// Only the driver closes its ports, and while the box is held none does: its stacks stand and nothing has been asked of them yet.
void
link_release(struct box *box)
{
    struct nbx_port *port;
    do {
        port = NULL;
        KIRQL old = ke_lock_take(&box->nbx_lock);
        box->nbx_ports_held = false;
        LIST_FOR_EACH(node, &box->nbx_ports) {
            struct nbx_port *candidate = LIST_ENTRY_OF(node, struct nbx_port, node);
            if (!port && candidate->is_waiting)
                port = candidate;
        }
        if (port)
            port->is_waiting = false;
        ke_lock_drop(&box->nbx_lock, old);
        if (port)
            port_start(port->port);
    } while (port);
}

void
nbx_port_close(struct nbx_port *port)
{
    KIRQL old = ke_lock_take(&port->box->nbx_lock);
    list_remove(&port->node);
    ke_lock_drop(&port->box->nbx_lock, old);
    port_close(port->port);
    port_free(port);
}

void
nbx_port_caps(const struct nbx_port *port, struct port_caps *caps)
{
    port_caps_get(port->port, caps);
}

void
nbx_port_stats(const struct nbx_port *port, struct port_stats *stats)
{
    port_stats_get(port->port, stats);
}

// The time is that before the port had them: a peer in this process may have received them before we are back.
static uint32_t
port_tx_watched(struct nbx_port *port, const struct port_frame *frames, uint32_t count)
{
    uint64_t unix_ns = sched_unix_ns(port->box->sched);
    uint32_t taken = port_tx(port->port, frames, count);
    if (taken)
        port->watch->on_sent(port->watch->context, &port->edge, unix_ns, frames, taken);
    return taken;
}

uint32_t
nbx_port_tx(struct nbx_port *port, const struct port_frame *frames, uint32_t count)
{
    if (__builtin_expect(atomic_load_explicit(&port->is_pulled, memory_order_relaxed), 0))
        return count;
    uint32_t rooms = atomic_load_explicit(&port->rooms, memory_order_relaxed);
    uint32_t taken = __builtin_expect(port->watch != NULL, 0) ? port_tx_watched(port, frames, count) : port_tx(port->port, frames, count);
    if (__builtin_expect(taken < count, 0))
        atomic_store(&port->full_until, rooms);   // if there was room again meanwhile, rooms is another already
    return taken;
}

uint32_t
nbx_port_rx(struct nbx_port *port, struct port_slot *slots, uint32_t count)
{
    uint32_t filled = port_rx(port->port, slots, count);
    if (__builtin_expect(!atomic_load_explicit(&port->is_pulled, memory_order_relaxed), 1)) {
        if (__builtin_expect(port->watch != NULL, 0) && filled)
            port->watch->on_received(port->watch->context, &port->edge, sched_unix_ns(port->box->sched), slots, filled);
        return filled;
    }
    while (filled)
        filled = port_rx(port->port, slots, count);
    return 0;
}

void
nbx_port_rx_again(struct nbx_port *port)
{
    port_rx_again(port->port);
}

bool
nbx_port_poll(struct nbx_port *port)
{
    return port_poll(port->port);
}

void
nbx_port_poll_end(struct nbx_port *port)
{
    port_poll_end(port->port);
}

uint64_t
nbx_port_draw(uint64_t bound)
{
    return sched_draw(sched_self->sched, SCHED_DRAW_ORDER, bound);
}

void
link_watch_set(struct box *box, const struct link_watch *watch)
{
    box->nbx_watch = watch;
}

bool
link_force(struct box *box, const char *spec, bool up)
{
    struct nbx_port *found = NULL;
    KIRQL old = ke_lock_take(&box->nbx_lock);
    LIST_FOR_EACH(node, &box->nbx_ports) {
        struct nbx_port *port = LIST_ENTRY_OF(node, struct nbx_port, node);
        if (spec && !strcmp(port->spec, spec))
            found = port;
    }
    ke_lock_drop(&box->nbx_lock, old);
    if (!found)
        return false;
    struct port_caps caps;
    port_caps_get(found->port, &caps);
    atomic_store(&found->is_pulled, !up);
    old = ke_raise_dispatch(ke_self());
    struct ke_crossing crossing = ke_driver_enter(ke_self(), found->driver, "port upcall");
    found->upcalls.on_link(found->context, up && caps.link_up, caps.bits_per_second);
    ke_driver_leave(ke_self(), crossing);
    ke_lower(ke_self(), old);
    return true;
}
