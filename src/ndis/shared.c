// SPDX-License-Identifier: MIT
// Memory that a driver shares with its NIC: whole pages of zeros, whose physical address is their address. Each block is a claim of
// the adapter until it comes back with the length and both addresses it was given with.
//   at once    ndis_shared_alloc                       later  ndis_shared_alloc_async -> the box's work queue -> the driver's handler
//   for a receive queue  ndis_shared_block_alloc: the same memory behind a handle [ndis/nf-ndis-ndisallocatesharedmemory]
#include "ndis/hardware.h"
#include "ndis/header.h"
#include "nt/ex/pool.h"

#define TAG_SHARED 0x4d53644e   // "NdSM"

void *
ndis_shared_alloc(struct ndis_hardware *hardware, ULONG bytes, void *owned, const void *caller)
{
    struct box *box = hardware->adapter->module.ndis->box;
    if (!bytes || bytes > UINT32_MAX - PAGE_SIZE)
        return NULL;
    void *block = ex_pool_alloc(box, ROUND_TO_PAGES((size_t)bytes), TAG_SHARED, true, caller);
    ex_pool_kind_set(block, VERIFY_LEFT_KEPT, NULL);   // the claim is told
    struct ndis_claim *claim = block ? ndis_claim_add(hardware, NDIS_CLAIM_SHARED, (uint64_t)(uintptr_t)block, block, bytes) : NULL;
    if (claim)
        claim->owned = owned;
    else if (block)
        ex_pool_free(box, block, TAG_SHARED);
    return claim ? block : NULL;
}

bool
ndis_shared_free(struct ndis_hardware *hardware, void *block, ULONG bytes, uint64_t physical)
{
    struct ndis_claim *claim = ndis_claim_take(hardware, NDIS_CLAIM_SHARED, physical, block, bytes);
    if (!claim)
        return false;
    ex_pool_free(hardware->adapter->module.ndis->box, block, TAG_SHARED);
    ndis_free(claim);
    return true;
}

struct shared_request {
    struct ndis_dma *dma;
    ULONG bytes;
    void *context;
};

static void
shared_work(void *arg)
{
    struct shared_request *request = arg;
    struct ndis_dma *dma = request->dma;
    struct ndis_hardware *hardware = ndis_dma_hardware(dma);
    void *block = ndis_shared_alloc(hardware, request->bytes, NULL, NULL);
    NDIS_PHYSICAL_ADDRESS physical = {.QuadPart = (LONGLONG)(uintptr_t)block};
    // When it failed both are NULL [ndis/nf-ndis-ndismallocatesharedmemoryasyncex].
    NDIS_CALL_VOID(hardware->adapter->module.image, "MiniportSharedMemoryAllocateComplete",
                   ndis_dma_shared_handler(dma)(hardware->adapter->general_context, block, block ? &physical : NULL, request->bytes,
                                                request->context));
    ndis_free(request);
    ndis_dma_drop(dma);
}

NDIS_STATUS
ndis_shared_alloc_async(struct ndis_dma *dma, ULONG bytes, void *context)
{
    if (!ndis_dma_shared_handler(dma))
        return NDIS_STATUS_FAILURE;
    struct shared_request *request = ndis_alloc(sizeof *request);
    if (!request)
        return NDIS_STATUS_FAILURE;
    *request = (struct shared_request){dma, bytes, context};
    ndis_dma_hold(dma);
    if (ke_work_queue(ndis_dma_hardware(dma)->adapter->module.ndis->box, shared_work, request)) {
        ndis_dma_drop(dma);
        ndis_free(request);
        return NDIS_STATUS_FAILURE;
    }
    return NDIS_STATUS_PENDING;
}

// ---- for receive queues -----------------------------------------------------------------------------------------------------------

struct ndis_shared_block {
    uint32_t kind;
    struct ndis_hardware *hardware;
    void *block;
    ULONG bytes;
};

NDIS_STATUS
ndis_shared_block_alloc(struct ndis_hardware *hardware, NDIS_SHARED_MEMORY_PARAMETERS *p, const void *caller,
                        struct ndis_shared_block **out)
{
    const ULONG list_bytes = sizeof(SCATTER_GATHER_LIST) + sizeof(SCATTER_GATHER_ELEMENT);
    if (!ndis_header_fits(&p->Header, &ndis_kind_shared_memory) || !p->Length ||
        (p->SGListBuffer && p->SGListBufferLength < list_bytes))
        return NDIS_STATUS_INVALID_PARAMETER;
    struct ndis_shared_block *shared = ndis_alloc(sizeof *shared);
    void *block = shared ? ndis_shared_alloc(hardware, p->Length, shared, caller) : NULL;
    if (!block) {
        ndis_free(shared);
        return NDIS_STATUS_RESOURCES;
    }
    *shared = (struct ndis_shared_block){NDIS_KIND_SHARED, hardware, block, p->Length};
    p->VirtualAddress = block;
    p->SharedMemoryHandle = shared;
    if (p->SGListBuffer) {   // always contiguous, so one element, asked for or not
        p->SGListBuffer->NumberOfElements = 1;
        p->SGListBuffer->Elements[0] = (SCATTER_GATHER_ELEMENT){.Address.QuadPart = (LONGLONG)(uintptr_t)block, .Length = p->Length};
    }
    *out = shared;
    return NDIS_STATUS_SUCCESS;
}

bool
ndis_shared_block_free(struct ndis_hardware *hardware, struct ndis_shared_block *shared)
{
    if (shared->hardware != hardware || !ndis_shared_free(hardware, shared->block, shared->bytes, (uint64_t)(uintptr_t)shared->block))
        return false;
    shared->kind = 0;
    ndis_free(shared);
    return true;
}
