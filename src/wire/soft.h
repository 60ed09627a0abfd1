// SPDX-License-Identifier: MIT
// Receive offloads finished in software, for a device that takes only complete frames: super-segments become segments, partial
// checksums become whole ones. Private to src/wire.
#ifndef NBX_WIRE_SOFT_H
#define NBX_WIRE_SOFT_H

#include "wire/port.h"

struct port_ops;

enum soft_take { SOFT_CSUM = 1, SOFT_GSO4 = 2, SOFT_GSO6 = 4 };

struct soft;

// take: enum soft_take, what the device takes as it is. owns: returns it; soft_destroy. fails: NULL when out of memory.
struct soft *soft_create(uint32_t take);
void soft_destroy(struct soft *soft);

// As port_rx. `rx` is the kind's own, which is asked for one frame at a time.
uint32_t soft_rx(struct soft *soft, struct port *port, uint32_t (*rx)(struct port *, struct port_slot *, uint32_t),
                 struct port_slot *slots, uint32_t count);

#endif
