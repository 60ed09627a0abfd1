// SPDX-License-Identifier: MIT
// Frames that a test sends and remembers.
#ifndef NBX_TESTS_FLOW_VNIC_TRAFFIC_H
#define NBX_TESTS_FLOW_VNIC_TRAFFIC_H

#include "kit.h"

struct traffic {
    uint32_t count;
    uint64_t bytes;
    uint8_t *data[KIT_FRAMES];
    uint32_t length[KIT_FRAMES];
};
extern struct traffic traffic;

// A frame to remember: random bytes, EtherType 0x88b5, a destination of any cast.
uint32_t traffic_frame(uint32_t bytes);
// Send so many NBLs in lists of 1 to 64, with 1 to 16 NET_BUFFERs of 1 to 8 MDLs each.
void traffic_random(struct kit_binding *binding, uint32_t nbls);
void traffic_check(uint32_t index, const struct kit_frame *frame);
void traffic_free(void);

#endif
