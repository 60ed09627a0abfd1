// SPDX-License-Identifier: MIT
// The script's traffic: a protocol of the runner's own ("nbx-traffic"), bound beside the stack's protocols to the adapters that a
// traffic step names. It sends frames of EtherType 0x88b5 [IEEE 802, local experimental] with a sequence number and a pattern, and
// counts and checks those that arrive for it.
#ifndef NBX_NBX_TRAFFIC_H
#define NBX_NBX_TRAFFIC_H

#include "nbx/world.h"

struct traffic_result {
    uint64_t sent, completed, received, damaged, duplicated, reordered;
};

// Bind the generator to the adapter (its box's driver is loaded on first use). irql: any thread inside sched_run.
// fails: false, and it was said as a finding.
bool traffic_bind(struct world *world, struct world_adapter *adapter);
// Send frames of min..max bytes, sizes in turn, paced by their completion; returns when all have been given back or within_ns is over.
void traffic_send(struct world *world, struct world_adapter *from, struct world_adapter *to, uint64_t frames, uint32_t min_bytes,
                  uint32_t max_bytes, uint64_t within_ns, struct traffic_result *result);
// After a change that may have bound the adapter's protocols anew: the generator sets its packet filter again.
void traffic_refresh(struct world *world, struct world_adapter *adapter);
// Unload the generator from a box; free what is left when the world goes.
void traffic_unload(struct world_box *box);
void traffic_destroy(struct world *world);

#endif
