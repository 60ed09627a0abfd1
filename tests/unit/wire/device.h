// SPDX-License-Identifier: MIT
// A small device for the tests of ports: it opens a port, takes every frame that arrives into its own buffers, remembers order and
// bytes, and sends numbered frames, waiting for on_tx_ready when the port is full. The number stands behind the Ethernet header.
#ifndef NBX_TESTS_UNIT_WIRE_DEVICE_H
#define NBX_TESTS_UNIT_WIRE_DEVICE_H

#include "harness/harness.h"

#include <string.h>

#include "wire/port.h"

enum { device_slots = 32, device_slot_bytes = 66000, device_log_frames = 1 << 16 };

struct device_log {
    uint64_t number, at_ns;
    uint32_t bytes;
    bool is_intact;                  // the pattern behind the number is what device_send wrote
    struct port_offload offload;
};

struct device {
    struct sched *sched;
    struct port *port;
    struct port_caps caps;
    uint8_t (*buffers)[device_slot_bytes];
    struct device_log *log;
    _Atomic uint32_t received;       // frames in log; waited upon
    _Atomic uint32_t tx_ready;       // counts on_tx_ready
    _Atomic uint32_t link_changes;
    _Atomic uint32_t refuse;         // leave on_rx without taking anything
    _Atomic uint32_t rx_calls;
    _Atomic bool link_up;
    uint8_t recent[4][device_slot_bytes];   // the last frames received, whole; see device_last
};

void device_open(struct device *device, struct port_world *world, const char *spec);
// The same, for a device that takes only some offloads.
void device_open_taking(struct device *device, struct port_world *world, const char *spec, bool csum, bool gso4, bool gso6);
void device_close(struct device *device);

// Send frames numbered first .. first + count - 1 of that many bytes each, in batches, waiting whenever the port is full.
void device_send(struct device *device, uint64_t first, uint32_t count, uint32_t bytes);

// Send one frame as it stands, in two pieces. Returns what port_tx returned.
uint32_t device_send_raw(struct device *device, const void *frame, uint32_t bytes, const struct port_offload *offload);

// The last frame received, whole. It stays as it is while three more come.
const uint8_t *device_last(const struct device *device);

// Wait until so many frames have come in. Returns false if that took longer than within_ns.
bool device_wait(struct device *device, uint32_t count, uint64_t within_ns);

// Wait until the word has left the value, or the time is over.
bool device_wait_word(struct device *device, _Atomic uint32_t *word, uint32_t value, uint64_t within_ns);

#endif
