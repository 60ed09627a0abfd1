// SPDX-License-Identifier: MIT
// A second thread for bursts of small frames into a TAP. The kernel takes a frame in at once, through its own IP and TCP, in the thread
// that writes it; a sender that hands a burst over goes on meanwhile.
#ifndef NBX_WIRE_TAP_QUEUE_H
#define NBX_WIRE_TAP_QUEUE_H

#include "host/tap.h"
#include "wire/port_int.h"

// A burst is worth a wake-up; fewer frames are written sooner than another thread wakes up.
#define TAP_BURST_FRAMES 16u

struct tap_queue;

// owns: the TAP stays the caller's, open until tap_queue_destroy. *is_suspect becomes 1, and the port is rung, when a write says that
// the interface is down or gone. fails: NULL; no second processor, no memory or thread: the sender writes everything.
struct tap_queue *tap_queue_create(struct port *port, const struct tap *tap, _Atomic uint32_t *is_suspect);

// What was taken is written before this returns. irql: PASSIVE
void tap_queue_destroy(struct tap_queue *queue);

// Has all that was taken been written? While it has not, every frame must come this way, or it would overtake. The sender's.
bool tap_queue_is_empty(const struct tap_queue *queue);

// Is this a burst of frames that the queue has slots for?
bool tap_queue_is_burst(const struct port_frame *frames, uint32_t count);

/* Copy frames from the front and count them as sent; the kernel's refusals are counted when they come. Returns how many were taken; after
 * fewer, the port is rung when there is room, and then tap_queue_has_room is true once.
 * irql: <= DISPATCH   locks: none   one caller at a time */
uint32_t tap_queue_put(struct tap_queue *queue, const struct port_frame *frames, uint32_t count, const struct port_caps *caps);
bool tap_queue_has_room(struct tap_queue *queue);

#endif
