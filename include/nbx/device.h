// SPDX-License-Identifier: MIT
// Be the hardware of a miniport: a PCI function with memory and port regions, a configuration space, an interrupt line and messages.
//
//   nbx_device_create -> the adapter of that name is added: its driver gets the resources -> nbx_device_line, nbx_device_message
//   -> the adapter is removed -> nbx_device_destroy
//
// The device belongs to the box of the calling thread. Its model is ordinary code of a test author or an embedder: it shares plain
// regions with the driver as memory, or is called back for each access to a region with handlers. DMA needs nothing here: the
// addresses that a driver programs are addresses of this process. Handlers run on the thread that accesses, at its level, and must
// not wait; they have the platform's own calling convention. Interrupts are delivered by a thread of the box, one for the line and one
// for each message, which owns a processor at DIRQL while it is in the driver's ISR: raising one never runs the ISR inline.
#ifndef NBX_DEVICE_H
#define NBX_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NBX_DEVICE_REGIONS 6
#define NBX_DEVICE_MESSAGES 64
#define NBX_DEVICE_CONFIG_BYTES 256

enum nbx_region_kind { NBX_REGION_MEMORY, NBX_REGION_PORTS };

struct nbx_region {
    enum nbx_region_kind kind;
    uint32_t bytes;              // memory: 16 and up; ports: 4 to 256; a power of 2
    // Both or none. With none the region is plain memory that driver and model share (nbx_device_memory). With handlers a driver must
    // use the register functions and macros: touching the mapped address itself is a fault. bytes is 1, 2, 4 or 8.
    uint64_t (*on_read)(void *context, uint32_t offset, uint32_t bytes);
    void (*on_write)(void *context, uint32_t offset, uint32_t bytes, uint64_t value);
};

struct nbx_device_config {
    const char *adapter;         // "nic0": whose hardware this is
    uint16_t vendor_id, device_id, subsystem_vendor_id, subsystem_id;
    uint8_t revision;
    bool has_line;               // an interrupt line, level-sensitive
    uint32_t messages;           // MSI-X table entries and messages, 0 to NBX_DEVICE_MESSAGES
    uint32_t region_count;
    struct nbx_region regions[NBX_DEVICE_REGIONS];
    void *context;               // for the handlers
};

struct nbx_device;

// irql: PASSIVE   owns: *out is the caller's until nbx_device_destroy; the config is copied
// fails: -EINVAL (a size, a count, a handler without its pair), -EEXIST (the adapter has a device), -ENOMEM
int nbx_device_create(const struct nbx_device_config *config, struct nbx_device **out);
// The adapter is gone. irql: PASSIVE   fails: -EBUSY while a driver has an interrupt connected.
int nbx_device_destroy(struct nbx_device *device);

// Assert or deassert the line. While it is asserted the ISR is called again and again, until the driver makes the device let go.
// irql: any, any thread
void nbx_device_line(struct nbx_device *device, bool is_asserted);
// Send the message of this MSI-X table entry. Messages that come before the ISR runs are one; a masked one waits; one that no driver
// has connected is lost. irql: any, any thread
void nbx_device_message(struct nbx_device *device, uint32_t entry);

// The memory of a region without handlers; NULL for others.
void *nbx_device_memory(struct nbx_device *device, uint32_t region);
// The configuration space, NBX_DEVICE_CONFIG_BYTES of it. From byte 0x40 on it is the model's own (capabilities).
uint8_t *nbx_device_config_space(struct nbx_device *device);
// At most so many NBLs are to be indicated in one interrupt DPC (NDIS_RECEIVE_THROTTLE_PARAMETERS); 0: all. irql: any
void nbx_device_receive_limit(struct nbx_device *device, uint32_t nbls);

#endif
