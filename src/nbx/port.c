// SPDX-License-Identifier: MIT
// Between a driver of the box and a port of the world: the port's thread gets a thread record of the box, so that the driver's code
// finds itself on a processor at DISPATCH_LEVEL during an upcall, as in the DPC of an interrupt.
#include <nbx/port.h>

#include <errno.h>
#include <stdlib.h>

#include "nt/ke/thread.h"
#include "wire/port.h"

struct nbx_port {
    struct port *port;
    struct box *box;
    struct port_upcalls upcalls;              // the driver's
    void *context;
    void *driver;                             // whose code the upcalls are
    struct ke_thread thread;                  // lent to the port's thread during an upcall
};

// Become a thread of the box at DISPATCH, remembering who we were.
static void *
port_enter(struct nbx_port *self)
{
    void *user = sched_self->user;
    sched_self->user = &self->thread;
    self->thread.sched_thread = sched_self;
    self->thread.driver = self->driver;
    ke_raise_dispatch(&self->thread);
    return user;
}

static void
port_leave(struct nbx_port *self, void *user)
{
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
    self->upcalls.on_tx_ready(self->context);
    port_leave(self, user);
}

static void
port_on_link(void *context, bool up, uint64_t bits_per_second)
{
    struct nbx_port *self = context;
    void *user = port_enter(self);
    self->upcalls.on_link(self->context, up, bits_per_second);
    port_leave(self, user);
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
    *self = (struct nbx_port){.box = box, .upcalls = *upcalls, .context = context, .driver = ke_self()->driver};
    ke_thread_init(&self->thread, box);
    int failed = port_open(box->ports, spec, &bridge, self, &self->port, error, error_bytes);
    if (failed) {
        ke_thread_fini(&self->thread);
        free(self);
        return failed;
    }
    *out = self;
    return 0;
}

void
nbx_port_start(struct nbx_port *port)
{
    port_start(port->port);
}

void
nbx_port_close(struct nbx_port *port)
{
    port_close(port->port);
    ke_thread_fini(&port->thread);
    free(port);
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

uint32_t
nbx_port_tx(struct nbx_port *port, const struct port_frame *frames, uint32_t count)
{
    return port_tx(port->port, frames, count);
}

uint32_t
nbx_port_rx(struct nbx_port *port, struct port_slot *slots, uint32_t count)
{
    return port_rx(port->port, slots, count);
}

void
nbx_port_rx_again(struct nbx_port *port)
{
    port_rx_again(port->port);
}

uint64_t
nbx_port_draw(uint64_t bound)
{
    return sched_draw(sched_self->sched, SCHED_DRAW_ORDER, bound);
}
