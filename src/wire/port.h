// SPDX-License-Identifier: MIT
// A port is where frames leave and enter a box: the plug of a virtual NIC. Kinds: sink none wire stream pcap tap packet test.
//
//   out  device -> port_tx(frames) -> wire, file descriptor, nothing        synchronous: when it returns the bytes may be reused
//   in   port thread: on_rx(context) -> device calls port_rx(slots) until it returns 0 -> frames copied (or readv) into its buffers
//
// The device never blocks in a port: port_tx takes what fits and returns how many it took; on_tx_ready tells when to try again.
// A port whose link is down takes every frame and counts it in tx_dropped, as a NIC without a cable does.
// Frames are Ethernet, from the destination address to the last byte of payload, no FCS; with offload fields they may be
// super-segments up to 64 KB (the virtio-net header's meaning and limits [VIRTIO 1.2, 5.1.6]).
// The upcalls come from a thread of the port; the box wraps them so that the device sees them at DISPATCH_LEVEL like a DPC of an
// interrupt. After port_close has returned no upcall runs or will run.
#ifndef NBX_WIRE_PORT_H
#define NBX_WIRE_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <nbx/port.h>

#include "host/sched.h"

struct port;

// What all ports of a world share: the scheduler, the named wires, how to report a change of state in words.
struct port_world;
// owns: returns the world; every port is closed before port_world_destroy. fails: NULL when out of memory.
struct port_world *port_world_create(struct sched *sched);
void port_world_destroy(struct port_world *world);
// Where a port says in words what happened to it ("tap nb0 has been deleted: link down"); stderr if none is set. Set it before the
// first port is opened. calls: on_message from a thread of a port, one at a time a port, with no lock held.
void port_world_on_message(struct port_world *world, void (*on_message)(void *context, const char *text), void *context);

struct wire_config {             // interfaces.md, "wires:"
    uint64_t bits_per_second;    // 0: no limit
    uint64_t delay_ns, jitter_ns;
    double loss, reorder, duplicate, corrupt;   // 0..1
    uint64_t seed;
};
// Declare a wire before ports name it; an undeclared wire is a perfect one. fails: -EEXIST.
int port_world_wire(struct port_world *world, const char *name, const struct wire_config *config);

// Check a port's text ("tap:nb0") without opening anything. fails: -EINVAL with the reason in error.
int port_spec_check(const char *spec, char *error, size_t error_bytes);

// Open a port. The upcalls may begin before it returns only after port_start.
// owns: *out is the caller's until port_close. fails: -errno with a sentence for the user in error: what needs which privilege and
// what to do instead (interfaces.md, exit 3).
int port_open(struct port_world *world, const char *spec, const struct port_upcalls *upcalls, void *context, struct port **out,
              char *error, size_t error_bytes);
// What the device takes when it receives: frames whose checksum is only the pseudo-header's sum, super-segments (which imply the
// first). All of it unless said otherwise, before port_start. What it does not take arrives finished, cut into segments: by the
// kernel at a TAP, elsewhere by the port at the price of a copy. fails: -ENOMEM.
int port_rx_accept(struct port *port, bool csum, bool gso4, bool gso6);
void port_start(struct port *port);
// End the upcalls for good and wait for one that runs; port_tx, port_rx and the questions below may still be called.
// irql: PASSIVE, and not from an upcall of this port: that ends the process with a message.
void port_stop(struct port *port);
// port_stop, if that has not been called, and free. irql: PASSIVE.
void port_close(struct port *port);

void port_caps_get(const struct port *port, struct port_caps *caps);
void port_stats_get(const struct port *port, struct port_stats *stats);

// Send up to count frames. Takes them in order and returns how many it took (0..count); the rest is still the caller's and
// on_tx_ready follows. A frame that a port takes is sent, or counted in tx_dropped. One sender at a time. irql: <= DISPATCH.
uint32_t port_tx(struct port *port, const struct port_frame *frames, uint32_t count);
// Fill up to count slots; returns how many. One receiver at a time; a frame larger than its slot is counted in rx_dropped.
// It may be called outside on_rx too, as long as there is one receiver at a time.
uint32_t port_rx(struct port *port, struct port_slot *slots, uint32_t count);
// The device returned from on_rx before port_rx had given 0 (no buffers, its budget was used up) and is ready again: on_rx follows
// soon. Without this call the port asks again by itself, later and later (50 us doubling to 100 ms). irql: <= DISPATCH.
void port_rx_again(struct port *port);

/* The device looks for frames by itself for now: while it calls this at least once a millisecond, a frame that comes wakes nobody, and the
 * port's thread looks only now and then. Returns whether something may have come since the last call that said so; then port_rx, as the one
 * receiver. A wire without delay and rate can be looked at so, on OS threads; every other port always says false.
 * irql: <= DISPATCH   locks: none taken */
bool port_poll(struct port *port);
// It does so no more: the thread is back at once. Without this call it is after two milliseconds.
void port_poll_end(struct port *port);

// Test ports ("test:NAME"): be the hardware.
struct port *port_test_find(struct port_world *world, const char *name);
int port_test_rx_enqueue(struct port *port, const void *frame, uint32_t bytes, const struct port_offload *offload);
void port_test_rx_flush(struct port *port);                      // raise on_rx
// The oldest frame sent and not yet dequeued. Returns its length, or 0. *frame stays valid until port_test_tx_dequeue.
uint32_t port_test_tx_get(struct port *port, const uint8_t **frame, struct port_offload *offload);
void port_test_tx_dequeue(struct port *port);
void port_test_tx_hold(struct port *port, bool hold);            // take nothing until released
void port_test_link(struct port *port, bool up);

#endif
