// SPDX-License-Identifier: MIT
// The cable: plug it in when the stacks stand; force a port's link down for its device, and put it back; watch what it carries.
#ifndef NBX_NBX_LINK_H
#define NBX_NBX_LINK_H

#include "ndis/ndis.h"
#include "nt/box.h"

struct port_frame;
struct port_slot;

// Frames at the ports of a box's adapters, as a port has them: super-segments whole, checksums as they are. It runs on the data path
// (irql <= DISPATCH) and keeps nothing. unix_ns: for what goes out the moment before it did. When the port is opened, on_sent comes with
// no frames: the one moment at which nothing else is under way at this edge.
struct link_watch {
    void (*on_sent)(void *context, struct ndis_trace_edge *edge, uint64_t unix_ns, const struct port_frame *frames, uint32_t count);
    void (*on_received)(void *context, struct ndis_trace_edge *edge, uint64_t unix_ns, const struct port_slot *slots, uint32_t count);
    void *context;
};
// Watch the ports that miniports open from now on. irql: PASSIVE, before adapters are added   owns: watch is the caller's while the box is
void link_watch_set(struct box *box, const struct link_watch *watch);

// The port that a driver of this box opened with this text. Returns false when there is none.
bool link_force(struct box *box, const char *spec, bool up);
// Start the ports whose drivers started them while box->nbx_ports_held was set: a recording, or a peer, must not play to a stack that
// is still without its protocols. irql: PASSIVE, a thread of the box.
void link_release(struct box *box);

#endif
