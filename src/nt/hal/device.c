// SPDX-License-Identifier: MIT
// Devices of test authors: what exists, where it lies, and what an access to it does. Paths through this file:
//   nbx_device_create  regions get addresses (memory from 0xE0000000, ports from 0xC000, in order of creation) and backing
//   hal_register_*     a driver's access: address -> region -> the model's handler, or the memory itself
//   hal_config_*       the configuration space; only what a real function lets a driver write changes
// The list of devices is guarded by hal->lock; a handler is called without it.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/memory.h"
#include "nt/hal/hal.h"
#include "verify/refuse.h"

#define MEMORY_FIRST UINT64_C(0xE0000000)
#define PORT_FIRST 0xC000u
#define PAGE_BYTES 0x1000u

struct hal {
    struct ke_lock lock;         // guards what follows
    struct list devices;         // struct nbx_device.node
    uint64_t next_memory;
    uint32_t next_port, next_number;
};

int
hal_create(struct box *box)
{
    box->hal = calloc(1, sizeof *box->hal);
    if (!box->hal)
        return -ENOMEM;
    list_init(&box->hal->devices);
    box->hal->next_memory = MEMORY_FIRST;
    box->hal->next_port = PORT_FIRST;
    return 0;
}

static void
device_free(struct nbx_device *device)
{
    for (uint32_t i = 0; i < device->config.region_count; i++)
        if (device->regions[i].memory)
            memory_unmap(device->regions[i].memory, device->regions[i].config.bytes);
    free(device->adapter);
    free(device);
}

void
hal_destroy(struct box *box)
{
    if (!box->hal)
        return;
    struct list *node;
    while ((node = list_pop_front(&box->hal->devices))) {
        struct nbx_device *device = LIST_ENTRY_OF(node, struct nbx_device, node);
        box_leftover(box, "the device of %s", device->adapter);
        device_free(device);
    }
    free(box->hal);
    box->hal = NULL;
}

// ---- making -----------------------------------------------------------------------------------------------------------------------

static bool
region_is_sound(const struct nbx_region *region)
{
    bool ports = region->kind == NBX_REGION_PORTS;
    uint32_t least = ports ? 4 : 16, most = ports ? 256 : 1u << 28;
    return region->bytes >= least && region->bytes <= most && !(region->bytes & (region->bytes - 1)) &&
           !region->on_read == !region->on_write && (ports || region->kind == NBX_REGION_MEMORY);
}

static bool
config_is_sound(const struct nbx_device_config *config)
{
    if (!config->adapter || config->messages > NBX_DEVICE_MESSAGES || config->region_count > NBX_DEVICE_REGIONS)
        return false;
    for (uint32_t i = 0; i < config->region_count; i++)
        if (!region_is_sound(&config->regions[i]))
            return false;
    return true;
}

static bool
device_map(struct nbx_device *device)
{
    for (uint32_t i = 0; i < device->config.region_count; i++) {
        const struct nbx_region *region = &device->config.regions[i];
        device->regions[i].config = *region;
        device->regions[i].memory = memory_map(region->bytes, !region->on_read);
        if (!device->regions[i].memory)
            return false;
    }
    return true;
}

static void
put16(uint8_t *at, uint16_t value)
{
    memcpy(at, &value, sizeof value);
}

// A header of type 0 for an Ethernet controller [PCI Local Bus Specification 3.0, 6.1].
static void
config_space_fill(struct nbx_device *device)
{
    uint8_t *space = device->config_space;
    put16(space + 0x00, device->config.vendor_id);
    put16(space + 0x02, device->config.device_id);
    put16(space + 0x04, 0x0007);   // ports, memory, bus master
    space[0x08] = device->config.revision;
    space[0x0b] = 0x02;
    put16(space + 0x2c, device->config.subsystem_vendor_id);
    put16(space + 0x2e, device->config.subsystem_id);
    space[0x3d] = device->config.has_line;   // INTA
    for (uint32_t i = 0; i < device->config.region_count; i++) {
        uint32_t bar = (uint32_t)device->regions[i].base | (device->regions[i].config.kind == NBX_REGION_PORTS);
        memcpy(space + 0x10 + 4 * i, &bar, sizeof bar);
    }
}

static uint64_t
aligned_up(uint64_t at, uint32_t step)
{
    return (at + step - 1) / step * step;
}

static void
device_place_locked(struct hal *hal, struct nbx_device *device)
{
    device->number = hal->next_number++;
    for (uint32_t i = 0; i < device->config.region_count; i++) {
        struct hal_region *region = &device->regions[i];
        uint32_t bytes = region->config.bytes;
        if (region->config.kind == NBX_REGION_PORTS) {
            region->base = aligned_up(hal->next_port, bytes);
            hal->next_port = (uint32_t)region->base + bytes;
        } else {
            region->base = aligned_up(hal->next_memory, bytes < PAGE_BYTES ? PAGE_BYTES : bytes);
            hal->next_memory = region->base + bytes;
        }
    }
}

static struct nbx_device *
device_find_locked(struct hal *hal, const char *adapter)
{
    LIST_FOR_EACH(node, &hal->devices) {
        struct nbx_device *device = LIST_ENTRY_OF(node, struct nbx_device, node);
        if (!strcmp(device->adapter, adapter))
            return device;
    }
    return NULL;
}

int
nbx_device_create(const struct nbx_device_config *config, struct nbx_device **out)
{
    struct hal *hal = box_self()->hal;
    *out = NULL;
    if (!config_is_sound(config))
        return -EINVAL;
    struct nbx_device *device = calloc(1, sizeof *device);
    if (!device)
        return -ENOMEM;
    device->box = box_self();
    device->config = *config;
    device->adapter = strdup(config->adapter);
    device->config.adapter = device->adapter;
    for (uint32_t i = 0; i < NBX_DEVICE_MESSAGES; i++)
        atomic_init(&device->table[i], i);
    if (!device->adapter || !device_map(device)) {
        device_free(device);
        return -ENOMEM;
    }
    KIRQL old = ke_lock_take(&hal->lock);
    bool exists = device_find_locked(hal, device->adapter);
    if (!exists) {
        device_place_locked(hal, device);
        config_space_fill(device);
        list_push_back(&hal->devices, &device->node);
    }
    ke_lock_drop(&hal->lock, old);
    if (exists) {
        device_free(device);
        return -EEXIST;
    }
    *out = device;
    return 0;
}

static bool
device_is_connected(struct nbx_device *device)
{
    bool connected = atomic_load(&device->line.connected) != NULL;
    for (uint32_t i = 0; i < device->config.messages; i++)
        connected |= atomic_load(&device->messages[i].connected) != NULL;
    return connected;
}

int
nbx_device_destroy(struct nbx_device *device)
{
    struct hal *hal = device->box->hal;
    if (device_is_connected(device))
        return -EBUSY;
    KIRQL old = ke_lock_take(&hal->lock);
    list_remove(&device->node);
    ke_lock_drop(&hal->lock, old);
    device_free(device);
    return 0;
}

void *
nbx_device_memory(struct nbx_device *device, uint32_t region)
{
    if (region >= device->config.region_count || device->regions[region].config.on_read)
        return NULL;
    return device->regions[region].memory;
}

uint8_t *
nbx_device_config_space(struct nbx_device *device)
{
    return device->config_space;
}

void
nbx_device_receive_limit(struct nbx_device *device, uint32_t nbls)
{
    atomic_store(&device->receive_limit_nbls, nbls);
}

// ---- finding ----------------------------------------------------------------------------------------------------------------------

struct nbx_device *
hal_device_find(struct box *box, const char *adapter)
{
    KIRQL old = ke_lock_take(&box->hal->lock);
    struct nbx_device *device = device_find_locked(box->hal, adapter);
    ke_lock_drop(&box->hal->lock, old);
    return device;
}

struct hal_region *
hal_region_find(struct nbx_device *device, enum nbx_region_kind kind, uint64_t base, uint64_t bytes)
{
    for (uint32_t i = 0; i < device->config.region_count; i++) {
        struct hal_region *region = &device->regions[i];
        if (region->config.kind == kind && base >= region->base && bytes <= region->config.bytes &&
            base - region->base <= region->config.bytes - bytes)
            return region;
    }
    return NULL;
}

static struct hal_region *
box_region_find(struct box *box, enum nbx_region_kind kind, uint64_t base, uint64_t bytes, struct nbx_device **whose)
{
    struct hal_region *found = NULL;
    KIRQL old = ke_lock_take(&box->hal->lock);
    LIST_FOR_EACH(node, &box->hal->devices) {
        struct nbx_device *device = LIST_ENTRY_OF(node, struct nbx_device, node);
        if (!found && (found = hal_region_find(device, kind, base, bytes)))
            *whose = device;
    }
    ke_lock_drop(&box->hal->lock, old);
    return found;
}

struct hal_region *
hal_memory_find(struct box *box, uint64_t base, uint64_t bytes)
{
    struct nbx_device *device;
    return box_region_find(box, NBX_REGION_MEMORY, base, bytes, &device);
}

// By the address it is mapped at.
static struct hal_region *
mapped_region_find(struct box *box, uintptr_t address, uint64_t bytes, struct nbx_device **whose)
{
    struct hal_region *found = NULL;
    KIRQL old = ke_lock_take(&box->hal->lock);
    LIST_FOR_EACH(node, &box->hal->devices) {
        struct nbx_device *device = LIST_ENTRY_OF(node, struct nbx_device, node);
        for (uint32_t i = 0; i < device->config.region_count; i++) {
            struct hal_region *region = &device->regions[i];
            uintptr_t offset = address - (uintptr_t)region->memory;
            if (region->config.kind == NBX_REGION_MEMORY && offset < region->config.bytes &&
                bytes <= region->config.bytes - offset) {
                found = region;
                *whose = device;
            }
        }
    }
    ke_lock_drop(&box->hal->lock, old);
    return found;
}

struct hal_region *
hal_mapped_find(struct box *box, const void *address, uint64_t bytes)
{
    struct nbx_device *device;
    return mapped_region_find(box, (uintptr_t)address, bytes, &device);
}

// ---- accesses ---------------------------------------------------------------------------------------------------------------------

static uint64_t
memory_read(const volatile void *at, uint32_t bytes)
{
    switch (bytes) {
    case 1:
        return *(const volatile uint8_t *)at;
    case 2:
        return *(const volatile uint16_t *)at;
    case 4:
        return *(const volatile uint32_t *)at;
    default:
        return *(const volatile uint64_t *)at;
    }
}

static void
memory_write(volatile void *at, uint32_t bytes, uint64_t value)
{
    switch (bytes) {
    case 1:
        *(volatile uint8_t *)at = (uint8_t)value;
        break;
    case 2:
        *(volatile uint16_t *)at = (uint16_t)value;
        break;
    case 4:
        *(volatile uint32_t *)at = (uint32_t)value;
        break;
    default:
        *(volatile uint64_t *)at = value;
    }
}

static uint64_t
region_read(const struct hal_region *region, struct nbx_device *device, uint32_t offset, uint32_t bytes)
{
    if (region->config.on_read)
        return region->config.on_read(device->config.context, offset, bytes);
    return memory_read(region->memory + offset, bytes);
}

static void
region_write(const struct hal_region *region, struct nbx_device *device, uint32_t offset, uint32_t bytes, uint64_t value)
{
    if (region->config.on_write)
        region->config.on_write(device->config.context, offset, bytes, value);
    else
        memory_write(region->memory + offset, bytes, value);
}

uint64_t
hal_register_read(const volatile void *address, uint32_t bytes)
{
    struct nbx_device *device;
    struct hal_region *region = mapped_region_find(box_self(), (uintptr_t)address, bytes, &device);
    if (!region)
        return memory_read(address, bytes);
    return region_read(region, device, (uint32_t)((uintptr_t)address - (uintptr_t)region->memory), bytes);
}

void
hal_register_write(volatile void *address, uint32_t bytes, uint64_t value)
{
    struct nbx_device *device;
    struct hal_region *region = mapped_region_find(box_self(), (uintptr_t)address, bytes, &device);
    if (!region)
        memory_write(address, bytes, value);
    else
        region_write(region, device, (uint32_t)((uintptr_t)address - (uintptr_t)region->memory), bytes, value);
}

static struct hal_region *
port_region(uintptr_t port, uint32_t bytes, struct nbx_device **whose)
{
    struct hal_region *region = box_region_find(box_self(), NBX_REGION_PORTS, port, bytes, whose);
    if (!region) {
        char what[96];
        snprintf(what, sizeof what, "no device of the box has port 0x%llx", (unsigned long long)port);
        verify_contract("port access", what);
    }
    return region;
}

uint64_t
hal_port_read(uintptr_t port, uint32_t bytes)
{
    struct nbx_device *device;
    struct hal_region *region = port_region(port, bytes, &device);
    return region_read(region, device, (uint32_t)(port - region->base), bytes);
}

void
hal_port_write(uintptr_t port, uint32_t bytes, uint64_t value)
{
    struct nbx_device *device;
    struct hal_region *region = port_region(port, bytes, &device);
    region_write(region, device, (uint32_t)(port - region->base), bytes, value);
}

// ---- configuration space ----------------------------------------------------------------------------------------------------------

static uint32_t
config_bytes(uint32_t offset, uint32_t bytes)
{
    if (offset >= NBX_DEVICE_CONFIG_BYTES)
        return 0;
    return bytes < NBX_DEVICE_CONFIG_BYTES - offset ? bytes : NBX_DEVICE_CONFIG_BYTES - offset;
}

uint32_t
hal_config_read(struct nbx_device *device, uint32_t offset, void *buffer, uint32_t bytes)
{
    bytes = config_bytes(offset, bytes);
    if (bytes)
        memcpy(buffer, device->config_space + offset, bytes);
    return bytes;
}

// The command word, cache line size, latency timer and interrupt line can be written, and what the device itself adds.
static bool
config_byte_is_writable(uint32_t offset)
{
    return offset == 0x04 || offset == 0x05 || offset == 0x0c || offset == 0x0d || offset == 0x3c || offset >= 0x40;
}

uint32_t
hal_config_write(struct nbx_device *device, uint32_t offset, const void *buffer, uint32_t bytes)
{
    bytes = config_bytes(offset, bytes);
    for (uint32_t i = 0; i < bytes; i++)
        if (config_byte_is_writable(offset + i))
            device->config_space[offset + i] = ((const uint8_t *)buffer)[i];
    return bytes;
}
