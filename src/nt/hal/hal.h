// SPDX-License-Identifier: MIT
// The hardware of a box, as its rooms above use it: devices that a test author has declared (include/nbx/device.h), where their
// regions lie, and the interrupts that drivers connect.
//   device.c     devices, their addresses and configuration space    interrupt.c  connect, deliver, synchronise, disconnect
// Physical addresses of memory are virtual addresses; those of device regions are made up, low, and the same in every run.
#ifndef NBX_NT_HAL_HAL_H
#define NBX_NT_HAL_HAL_H

#include <nbx/device.h>

#include "nt/ke/ke.h"

#define HAL_DIRQL_LINE 5         // DIRQLs of x64 are 3 to 12: any will do, but messages rank above the line
#define HAL_DIRQL_MESSAGE 6

struct hal_region {
    struct nbx_region config;
    uint64_t base;               // physical address or port number
    uint8_t *memory;             // as long as the region; not accessible when it has handlers
    _Atomic uint32_t mappings;   // by MmMapIoSpace
};

// One line or one message, delivered by one thread while connected.
struct hal_vector {
    _Atomic uint32_t word;       // HAL_VECTOR_* bits; the thread sleeps on it
    struct _KINTERRUPT *_Atomic connected;
};
#define HAL_VECTOR_PENDING 1u    // a message has come
#define HAL_VECTOR_LEVEL 2u      // the line is asserted
#define HAL_VECTOR_STOP 4u

struct nbx_device {
    struct list node;            // hal->devices
    struct box *box;
    struct nbx_device_config config;
    char *adapter;               // owned
    uint32_t number;             // PCI device number
    struct hal_region regions[NBX_DEVICE_REGIONS];
    uint8_t config_space[NBX_DEVICE_CONFIG_BYTES];
    struct hal_vector line;
    struct hal_vector messages[NBX_DEVICE_MESSAGES];
    // The MSI-X table. Guarded by hal->lock; read without it at any IRQL.
    _Atomic uint32_t table[NBX_DEVICE_MESSAGES];      // which message an entry sends
    _Atomic uint32_t masked[NBX_DEVICE_MESSAGES];     // 0, 1 masked, 3 masked and one waits
    _Atomic uint32_t receive_limit_nbls;
};

int hal_create(struct box *box);
// Devices that are left are counted with box_leftover.
void hal_destroy(struct box *box);

// The device of an adapter, or NULL. irql: <= DISPATCH
struct nbx_device *hal_device_find(struct box *box, const char *adapter);
// The region of this device that holds all of the range; NULL: none.
struct hal_region *hal_region_find(struct nbx_device *device, enum nbx_region_kind kind, uint64_t base, uint64_t bytes);
// The same in all devices of the box, for memory.
struct hal_region *hal_memory_find(struct box *box, uint64_t base, uint64_t bytes);
// By the address it is mapped at.
struct hal_region *hal_mapped_find(struct box *box, const void *address, uint64_t bytes);

// An access of a driver to a mapped address or to a port. irql: any. calls: the model's handlers
// fails: a port that no device has is a broken contract. A mapped address that is of no device is plain memory.
uint64_t hal_register_read(const volatile void *address, uint32_t bytes);
void hal_register_write(volatile void *address, uint32_t bytes, uint64_t value);
uint64_t hal_port_read(uintptr_t port, uint32_t bytes);
void hal_port_write(uintptr_t port, uint32_t bytes, uint64_t value);

// Configuration space. Returns how many bytes were there. irql: any
uint32_t hal_config_read(struct nbx_device *device, uint32_t offset, void *buffer, uint32_t bytes);
uint32_t hal_config_write(struct nbx_device *device, uint32_t offset, const void *buffer, uint32_t bytes);

// ---- interrupts -------------------------------------------------------------------------------------------------------------------

// What a PKINTERRUPT points at. The service routine runs at DIRQL with the lock held.
struct _KINTERRUPT {
    struct nbx_device *device;
    struct hal_vector *vector;
    bool (*service)(void *context, uint32_t message);
    void *context;
    uint32_t message;
    KIRQL irql;                  // of the service routine, and of whoever synchronises with it
    KAFFINITY affinity;          // processors it is delivered to
    KSPIN_LOCK own_lock, *lock;  // lock is another interrupt's when all messages are serialised
    struct ke_thread *thread;
};

// Begin to deliver. message is ignored for the line. shares: the interrupt whose lock this one uses, NULL for its own.
// irql: PASSIVE   owns: interrupt is the caller's until hal_interrupt_disconnect   calls: the service routine, from now on
// fails: -EBUSY (connected by somebody else), -ENOENT (the device has no such vector), -ENOMEM, -EAGAIN
int hal_interrupt_connect(struct _KINTERRUPT *interrupt, struct nbx_device *device, bool is_message, uint32_t message,
                          struct _KINTERRUPT *shares);
// No service routine runs any more when this returns. irql: PASSIVE
void hal_interrupt_disconnect(struct _KINTERRUPT *interrupt);
// The lock of the interrupt at its DIRQL. irql: <= DIRQL of the interrupt. fails: above it, or when held already: bug check.
KIRQL hal_interrupt_lock(struct _KINTERRUPT *interrupt);
void hal_interrupt_unlock(struct _KINTERRUPT *interrupt, KIRQL old);

// The MSI-X table. fails: false, no such entry or message. irql: <= DISPATCH
bool hal_msix_set(struct nbx_device *device, uint32_t entry, uint32_t message);
bool hal_msix_mask(struct nbx_device *device, uint32_t entry, bool is_masked);

#endif
