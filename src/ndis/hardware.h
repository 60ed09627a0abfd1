// SPDX-License-Identifier: MIT
// What a miniport holds of its hardware: interrupt, DMA, mapped memory, ports, shared memory, resource lists, device objects.
// Each adapter has one struct ndis_hardware from its making to its end; device is NULL when no one has declared hardware for it
// (include/nbx/device.h), and then everything that needs a device fails with a status or refuses.
// What MiniportHaltEx (or a failed MiniportInitializeEx) leaves is told: an interrupt ends the run, as on Windows (bug check 0x7C).
#ifndef NBX_NDIS_HARDWARE_H
#define NBX_NDIS_HARDWARE_H

#include "ndis/ndis_int.h"
#include "nt/hal/hal.h"

enum ndis_hardware_kind {
    NDIS_KIND_INTERRUPT = 0x4e42494e,         // 'NBIN'
    NDIS_KIND_DMA = 0x4e42444d,               // 'NBDM'
    NDIS_KIND_POLL = 0x4e42504f,              // 'NBPO'
    NDIS_KIND_SHARED = 0x4e42534d             // 'NBSM'
};

// A range that the driver has claimed or was given, until it gives it back.
enum ndis_claim_kind {
    NDIS_CLAIM_MEMORY,                        // NdisMMapIoSpace
    NDIS_CLAIM_PORTS,                         // NdisMRegisterIoPortRange
    NDIS_CLAIM_SHARED                         // NdisMAllocateSharedMemory
};

struct ndis_claim {
    struct list node;                         // hardware->claims
    enum ndis_claim_kind kind;
    uint64_t base;                            // physical address or port
    void *address;                            // what the driver was given
    uint32_t length;                          // bytes or ports
    void *owned;                              // freed with a claim that is left
};

struct ndis_hardware {
    struct ndis_adapter *adapter;
    struct nbx_device *device;                // NULL: no hardware was declared
    struct ndis_interrupt *interrupt;         // NULL: none registered
    struct ndis_dma *dma;
    struct ke_lock lock;                      // guards claims and polls; a leaf
    struct list claims;                       // struct ndis_claim
    struct list polls;                        // struct ndis_poll
    CM_RESOURCE_LIST *resources;              // owned; NULL without a device
    DEVICE_OBJECT *pdo, *fdo;                 // made when first asked for (pdo.c)
};

// irql: PASSIVE   fails: NDIS_STATUS_RESOURCES
NDIS_STATUS ndis_hardware_open(struct ndis_adapter *adapter);
void ndis_hardware_close(struct ndis_adapter *adapter);
// The driver has come back from function (MiniportHaltEx, a failed MiniportInitializeEx): nothing may be left. Reports and frees.
void ndis_hardware_left(struct ndis_adapter *adapter, const char *function);
// What MiniportInitializeEx is told: the translated list. NULL without a device.
NDIS_RESOURCE_LIST *ndis_hardware_resources(struct ndis_adapter *adapter);

// ---- claims (claim.c) ---------------------------------------------------------------------------------------------------------

struct ndis_claim *ndis_claim_add(struct ndis_hardware *hardware, enum ndis_claim_kind kind, uint64_t base, void *address,
                                  uint32_t length);
// Takes the claim that fits in all four off the list; the caller frees it. NULL: there is none.
struct ndis_claim *ndis_claim_take(struct ndis_hardware *hardware, enum ndis_claim_kind kind, uint64_t base, const void *address,
                                   uint32_t length);
// Claim a range of the device that nobody has claimed; *address is what the driver uses, or NULL.
// fails: NDIS_STATUS_FAILURE (empty, or not of this device's regions), NDIS_STATUS_RESOURCE_CONFLICT, NDIS_STATUS_RESOURCES
NDIS_STATUS ndis_range_claim(struct ndis_adapter *adapter, enum ndis_claim_kind kind, uint64_t base, UINT length, void **address);
bool ndis_claim_overlaps(struct ndis_hardware *hardware, enum ndis_claim_kind kind, uint64_t base, uint64_t length);

// ---- interrupts (interrupt.c) -------------------------------------------------------------------------------------------------

NDIS_STATUS ndis_interrupt_register(struct ndis_adapter *adapter, NDIS_HANDLE context, NDIS_MINIPORT_INTERRUPT_CHARACTERISTICS *chars,
                                    struct ndis_interrupt **out);
// No ISR and no DPC of it runs any more when this returns. irql: PASSIVE
void ndis_interrupt_deregister(struct ndis_interrupt *interrupt);
// Queue the DPC of this message on each processor of the mask that has none queued. Returns those it was queued on. irql: any
KAFFINITY ndis_interrupt_queue(struct ndis_interrupt *interrupt, ULONG message, KAFFINITY processors, void *context);
// The interrupt object of a message, or of the line. NULL: there is no such message.
struct _KINTERRUPT *ndis_interrupt_vector(struct ndis_interrupt *interrupt, ULONG message);

// ---- DMA (dma.c, shared.c) ----------------------------------------------------------------------------------------------------

NDIS_STATUS ndis_dma_register(struct ndis_adapter *adapter, NDIS_SG_DMA_DESCRIPTION *description, struct ndis_dma **out);
// irql: PASSIVE; waits for allocations that are under way. A scatter/gather list that is still out is reported.
void ndis_dma_deregister(struct ndis_dma *dma);
// owns: buffer may hold the list until ndis_dma_list_free   calls: MiniportProcessSGList, here or in a DPC   irql: <= DISPATCH
NDIS_STATUS ndis_dma_list_make(struct ndis_dma *dma, NET_BUFFER *nb, void *context, void *buffer, ULONG buffer_bytes);
void ndis_dma_list_free(struct ndis_dma *dma, SCATTER_GATHER_LIST *list, NET_BUFFER *nb);

// A list of a block that a driver describes by its MDL, in the caller's own buffer [ndis/nf-ndis-ndisbuildscattergatherlist].
// calls: NetProcessSGList, here, at DISPATCH   fails: NDIS_STATUS_BUFFER_TOO_SHORT with the size needed, NDIS_STATUS_INVALID_PARAMETER
NDIS_STATUS ndis_dma_block_make(struct ndis_dma *dma, struct io_image *image, NDIS_SCATTER_GATHER_LIST_PARAMETERS *parameters);
// fails: false, this is no such list of this channel, or it was freed already
bool ndis_dma_block_free(struct ndis_dma *dma, SCATTER_GATHER_LIST *list);

struct ndis_shared_block;

// Pages of zeros. fails: NULL, and nothing is claimed. irql: PASSIVE
void *ndis_shared_alloc(struct ndis_hardware *hardware, ULONG bytes, void *owned, const void *caller);
// fails: false, there is no such block.
bool ndis_shared_free(struct ndis_hardware *hardware, void *block, ULONG bytes, uint64_t physical);
NDIS_STATUS ndis_shared_alloc_async(struct ndis_dma *dma, ULONG bytes, void *context);
// fails: NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_RESOURCES. irql: PASSIVE
NDIS_STATUS ndis_shared_block_alloc(struct ndis_hardware *hardware, NDIS_SHARED_MEMORY_PARAMETERS *parameters, const void *caller,
                                    struct ndis_shared_block **out);
// fails: false, the block is another adapter's
bool ndis_shared_block_free(struct ndis_hardware *hardware, struct ndis_shared_block *shared);
struct ndis_hardware *ndis_dma_hardware(struct ndis_dma *dma);
MINIPORT_ALLOCATE_SHARED_MEM_COMPLETE *ndis_dma_shared_handler(struct ndis_dma *dma);
// One allocation more or less is under way.
void ndis_dma_hold(struct ndis_dma *dma);
void ndis_dma_drop(struct ndis_dma *dma);

// ---- poll objects (poll.c) ----------------------------------------------------------------------------------------------------

struct ndis_poll;

// calls: nothing before ndis_poll_request   fails: STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES   irql: PASSIVE
NTSTATUS ndis_poll_register(struct ndis_adapter *adapter, void *context, const NDIS_POLL_CHARACTERISTICS *chars, struct ndis_poll **out);
// At least one more call of NdisPoll. irql: any
void ndis_poll_request(struct ndis_poll *poll);
// fails: false, no such processor. irql: <= DISPATCH
bool ndis_poll_affinity_set(struct ndis_poll *poll, const PROCESSOR_NUMBER *processor);
// NdisPoll does not run and is not called any more when this returns. irql: PASSIVE
void ndis_poll_deregister(struct ndis_poll *poll);
void ndis_poll_left(struct ndis_hardware *hardware, const char *function);

// ---- device objects (pdo.c) ---------------------------------------------------------------------------------------------------

// irql: PASSIVE   fails: false, out of memory
bool ndis_pdo_get(struct ndis_adapter *adapter, DEVICE_OBJECT **pdo, DEVICE_OBJECT **fdo);
void ndis_pdo_drop(struct ndis_hardware *hardware);

#endif
