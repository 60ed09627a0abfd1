// SPDX-License-Identifier: MIT
// Lists at every edge of a box's stacks, written to a pcapng file: one interface an edge, so that Wireshark shows the same frame at
// each storey.
#ifndef NBX_NBX_WATCH_H
#define NBX_NBX_WATCH_H

#include "nbx/world.h"

// Watch all adapters of the box from now on. irql: PASSIVE, before adapters are added.
void watch_box(struct world_box *box);
bool watch_is_on(const struct world *world);
void watch_destroy(struct world *world);
// A TDI request or its end (io_watch_fn; context is the struct world_box). watch_tdi.c
void watch_request(void *context, DEVICE_OBJECT *device, IRP *irp, bool is_done);
// A line on the interface `events`, and to on_event of the world. No-op without either.
void watch_event(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
