// SPDX-License-Identifier: MIT
// Front doors: scatter/gather DMA and shared memory of miniports.
// [ndis/nf-ndis-ndismregisterscattergatherdma], [ndis/nf-ndis-ndismallocatenetbuffersglist], [ndis/nf-ndis-ndismallocatesharedmemory]
#include "ndis/hardware.h"
#include "verify/refuse.h"
#include "verify/report.h"
#include "verify/verify.h"

static struct ndis_dma *
dma_from(NDIS_HANDLE handle, const char *function)
{
    return ndis_handle_check(handle, (enum ndis_kind)NDIS_KIND_DMA, function);
}

static struct ndis_adapter *
adapter_with_dma(NDIS_HANDLE handle, const char *function)
{
    struct ndis_adapter *adapter = ndis_handle_check(handle, NDIS_KIND_ADAPTER, function);
    if (!adapter->hardware->dma)
        verify_contract(function, "NdisMRegisterScatterGatherDma comes first");
    return adapter;
}

NTAPI NDIS_STATUS
NdisMRegisterScatterGatherDma(NDIS_HANDLE MiniportAdapterHandle, PNDIS_SG_DMA_DESCRIPTION DmaDescription,
                              PNDIS_HANDLE NdisMiniportDmaHandle)
{
    VERIFY_ENTER(NdisMRegisterScatterGatherDma);
    struct ndis_adapter *adapter = ndis_handle_check(MiniportAdapterHandle, NDIS_KIND_ADAPTER, "NdisMRegisterScatterGatherDma");
    struct ndis_dma *dma = NULL;
    NDIS_STATUS status = ndis_dma_register(adapter, DmaDescription, &dma);
    *NdisMiniportDmaHandle = dma;
    return status;
}

NTAPI VOID
NdisMDeregisterScatterGatherDma(NDIS_HANDLE NdisMiniportDmaHandle)
{
    VERIFY_ENTER(NdisMDeregisterScatterGatherDma);
    ndis_dma_deregister(dma_from(NdisMiniportDmaHandle, "NdisMDeregisterScatterGatherDma"));
}

// The direction (NDIS_SG_LIST_WRITE_TO_DEVICE) would only steer caches, which are coherent here.
NTAPI NDIS_STATUS
NdisMAllocateNetBufferSGList(NDIS_HANDLE NdisMiniportDmaHandle, PNET_BUFFER NetBuffer, PVOID Context, ULONG Flags,
                             PVOID ScatterGatherListBuffer, ULONG ScatterGatherListBufferSize)
{
    VERIFY_ENTER(NdisMAllocateNetBufferSGList);
    return ndis_dma_list_make(dma_from(NdisMiniportDmaHandle, "NdisMAllocateNetBufferSGList"), NetBuffer, Context,
                              ScatterGatherListBuffer, ScatterGatherListBufferSize);
}

NTAPI VOID
NdisMFreeNetBufferSGList(NDIS_HANDLE NdisMiniportDmaHandle, PSCATTER_GATHER_LIST pSGL, PNET_BUFFER NetBuffer)
{
    VERIFY_ENTER(NdisMFreeNetBufferSGList);
    ndis_dma_list_free(dma_from(NdisMiniportDmaHandle, "NdisMFreeNetBufferSGList"), pSGL, NetBuffer);
}

// The handle may be a miniport's adapter or a binding over one. *image gets whose code the handler is.
static struct ndis_dma *
dma_below(NDIS_HANDLE handle, struct io_image **image, const char *function)
{
    struct ndis_adapter *adapter;
    if (handle && *(const uint32_t *)handle == NDIS_KIND_BINDING) {
        struct ndis_module *module = handle;
        adapter = module->adapter;
        *image = module->image;
    } else {
        adapter = ndis_handle_check(handle, NDIS_KIND_ADAPTER, function);
        *image = adapter->module.image;
    }
    return adapter_with_dma(adapter, function)->hardware->dma;
}

NTAPI NDIS_STATUS
NdisBuildScatterGatherList(NDIS_HANDLE NdisHandle, PNDIS_SCATTER_GATHER_LIST_PARAMETERS SGListParameters)
{
    VERIFY_ENTER(NdisBuildScatterGatherList);
    struct io_image *image;
    struct ndis_dma *dma = dma_below(NdisHandle, &image, "NdisBuildScatterGatherList");
    return ndis_dma_block_make(dma, image, SGListParameters);
}

// Caches are coherent here, so WriteToDevice changes nothing.
NTAPI VOID
NdisFreeScatterGatherList(NDIS_HANDLE NdisHandle, PSCATTER_GATHER_LIST ScatterGatherListBuffer, BOOLEAN WriteToDevice)
{
    VERIFY_ENTER(NdisFreeScatterGatherList);
    struct io_image *image;
    struct ndis_dma *dma = dma_below(NdisHandle, &image, "NdisFreeScatterGatherList");
    if (!ndis_dma_block_free(dma, ScatterGatherListBuffer))
        verify_contract("NdisFreeScatterGatherList", "this is no list that NdisBuildScatterGatherList has built, or it was freed already");
}

// ---- shared memory ----------------------------------------------------------------------------------------------------------------

NTAPI VOID
NdisMAllocateSharedMemory(NDIS_HANDLE MiniportAdapterHandle, ULONG Length, BOOLEAN Cached, PVOID *VirtualAddress,
                          PNDIS_PHYSICAL_ADDRESS PhysicalAddress)
{
    VERIFY_ENTER(NdisMAllocateSharedMemory);
    struct ndis_adapter *adapter = adapter_with_dma(MiniportAdapterHandle, "NdisMAllocateSharedMemory");
    if (ke_self()->irql > PASSIVE_LEVEL)
        verify_rule_fatal(NBX_0123, "NdisMAllocateSharedMemory", "called above PASSIVE_LEVEL");
    *VirtualAddress = ndis_shared_alloc(adapter->hardware, Length, NULL, __builtin_return_address(0));
    PhysicalAddress->QuadPart = (LONGLONG)(uintptr_t)*VirtualAddress;
}

NTAPI NDIS_STATUS
NdisMAllocateSharedMemoryAsyncEx(NDIS_HANDLE MiniportDmaHandle, ULONG Length, BOOLEAN Cached, PVOID Context)
{
    VERIFY_ENTER(NdisMAllocateSharedMemoryAsyncEx);
    return ndis_shared_alloc_async(dma_from(MiniportDmaHandle, "NdisMAllocateSharedMemoryAsyncEx"), Length, Context);
}

NTAPI VOID
NdisMFreeSharedMemory(NDIS_HANDLE MiniportAdapterHandle, ULONG Length, BOOLEAN Cached, PVOID VirtualAddress,
                      NDIS_PHYSICAL_ADDRESS PhysicalAddress)
{
    VERIFY_ENTER(NdisMFreeSharedMemory);
    struct ndis_adapter *adapter = ndis_handle_check(MiniportAdapterHandle, NDIS_KIND_ADAPTER, "NdisMFreeSharedMemory");
    if (!ndis_shared_free(adapter->hardware, VirtualAddress, Length, (uint64_t)PhysicalAddress.QuadPart))
        verify_rule_fatal(NBX_0124, "NdisMFreeSharedMemory",
                          "no such block of this adapter: freed already, or length and addresses are not those it was given with");
}

NTAPI ULONG
NdisMGetDmaAlignment(NDIS_HANDLE MiniportAdapterHandle)
{
    VERIFY_ENTER(NdisMGetDmaAlignment);
    adapter_with_dma(MiniportAdapterHandle, "NdisMGetDmaAlignment");
    return KE_CACHE_LINE;
}

// ---- for receive queues -----------------------------------------------------------------------------------------------------------

// The provider of shared memory is NDIS itself. The page wants a DMA channel first; public drivers of software NICs ask without one, so
// that is not demanded.
NTAPI NDIS_STATUS
NdisAllocateSharedMemory(NDIS_HANDLE NdisHandle, PNDIS_SHARED_MEMORY_PARAMETERS SharedMemoryParameters, PNDIS_HANDLE pAllocationHandle)
{
    VERIFY_ENTER(NdisAllocateSharedMemory);
    struct ndis_adapter *adapter = ndis_handle_check(NdisHandle, NDIS_KIND_ADAPTER, "NdisAllocateSharedMemory");
    struct ndis_shared_block *shared = NULL;
    NDIS_STATUS status =
        ndis_shared_block_alloc(adapter->hardware, SharedMemoryParameters, __builtin_return_address(0), &shared);
    *pAllocationHandle = shared;
    return status;
}

NTAPI VOID
NdisFreeSharedMemory(NDIS_HANDLE NdisHandle, NDIS_HANDLE AllocationHandle)
{
    VERIFY_ENTER(NdisFreeSharedMemory);
    struct ndis_adapter *adapter = ndis_handle_check(NdisHandle, NDIS_KIND_ADAPTER, "NdisFreeSharedMemory");
    struct ndis_shared_block *shared =
        ndis_handle_check(AllocationHandle, (enum ndis_kind)NDIS_KIND_SHARED, "NdisFreeSharedMemory");
    if (!ndis_shared_block_free(adapter->hardware, shared))
        verify_contract("NdisFreeSharedMemory", "the block was allocated with another handle");
}
