// SPDX-License-Identifier: MIT
// Lists at every edge of a box's stacks, written to a pcapng file: one interface an edge, so that Wireshark shows the same frame at
// each storey.
#ifndef NBX_NBX_WATCH_H
#define NBX_NBX_WATCH_H

#include "nbx/world.h"

// Watch all adapters of the box from now on. irql: PASSIVE, before adapters are added.
void watch_box(struct world_box *box);
void watch_destroy(struct world *world);
// A line on the interface `events`. No-op without a trace.
void watch_event(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
