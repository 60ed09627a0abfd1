// SPDX-License-Identifier: MIT
// DMA and shared memory of miniports.
//
// Sources: [ndis/nf-ndis-ndismregisterscattergatherdma], [ndis/nc-ndis-miniport_process_sg_list],
// [ndis/nf-ndis-ndisbuildscattergatherlist], [ndis/nf-ndis-ndismallocatesharedmemory], [windows-driver-docs network/ndis-scatter-gather-dma].
#ifndef NBX_DDK_NDIS_DMA_H
#define NBX_DDK_NDIS_DMA_H
#include "memory.h"
#include "nbl.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef VOID NTAPI MINIPORT_PROCESS_SG_LIST(PDEVICE_OBJECT pDO, PVOID Reserved, PSCATTER_GATHER_LIST pSGL,
                                            PVOID Context);
typedef MINIPORT_PROCESS_SG_LIST *MINIPORT_PROCESS_SG_LIST_HANDLER;
typedef VOID NTAPI MINIPORT_ALLOCATE_SHARED_MEM_COMPLETE(
    NDIS_HANDLE MiniportAdapterContext, PVOID VirtualAddress, PNDIS_PHYSICAL_ADDRESS PhysicalAddress, ULONG Length,
    PVOID Context);
typedef MINIPORT_ALLOCATE_SHARED_MEM_COMPLETE *MINIPORT_ALLOCATE_SHARED_MEM_COMPLETE_HANDLER;
typedef VOID NTAPI NDIS_PROCESS_SG_LIST(PDEVICE_OBJECT DeviceObject, PVOID Reserved,
                                        PSCATTER_GATHER_LIST ScatterGatherListBuffer, PVOID Context);
typedef NDIS_PROCESS_SG_LIST *NDIS_PROCESS_SG_LIST_HANDLER;

#define NDIS_SG_DMA_DESCRIPTION_REVISION_1 1
#define NDIS_SG_DMA_DESCRIPTION_REVISION_2 2
#define NDIS_SG_DMA_64_BIT_ADDRESS 0x00000001
#define NDIS_SG_DMA_V3_HAL_API 0x00000002
#define NDIS_SG_DMA_HYBRID_DMA 0x00000004
#define NDIS_SG_LIST_WRITE_TO_DEVICE 0x00000001
typedef struct _NDIS_SG_DMA_DESCRIPTION {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    ULONG MaximumPhysicalMapping;
    MINIPORT_PROCESS_SG_LIST_HANDLER ProcessSGListHandler;
    MINIPORT_ALLOCATE_SHARED_MEM_COMPLETE_HANDLER SharedMemAllocateCompleteHandler;
    ULONG ScatterGatherListSize;
} NDIS_SG_DMA_DESCRIPTION, *PNDIS_SG_DMA_DESCRIPTION;
#define NDIS_SIZEOF_SG_DMA_DESCRIPTION_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_SG_DMA_DESCRIPTION, ScatterGatherListSize)

#define NDIS_SCATTER_GATHER_LIST_PARAMETERS_REVISION_1 1
typedef struct _NDIS_SCATTER_GATHER_LIST_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    NDIS_RECEIVE_QUEUE_ID QueueId;
    NDIS_SHARED_MEMORY_USAGE SharedMemoryUsage;
    PMDL Mdl;
    PVOID CurrentVa;
    ULONG Length;
    NDIS_PROCESS_SG_LIST_HANDLER ProcessSGListHandler;
    PVOID Context;
    PSCATTER_GATHER_LIST ScatterGatherListBuffer;
    ULONG ScatterGatherListBufferSize;
    ULONG ScatterGatherListBufferSizeNeeded;
} NDIS_SCATTER_GATHER_LIST_PARAMETERS, *PNDIS_SCATTER_GATHER_LIST_PARAMETERS;

#define NDIS_SIZEOF_SCATTER_GATHER_LIST_PARAMETERS_REVISION_1                                                          \
    RTL_SIZEOF_THROUGH_FIELD(NDIS_SCATTER_GATHER_LIST_PARAMETERS, ScatterGatherListBufferSizeNeeded)

NTAPI NDIS_STATUS NdisMRegisterScatterGatherDma(NDIS_HANDLE MiniportAdapterHandle,
                                                PNDIS_SG_DMA_DESCRIPTION DmaDescription,
                                                PNDIS_HANDLE NdisMiniportDmaHandle);
NTAPI VOID NdisMDeregisterScatterGatherDma(NDIS_HANDLE NdisMiniportDmaHandle);
NTAPI NDIS_STATUS NdisMAllocateNetBufferSGList(NDIS_HANDLE NdisMiniportDmaHandle, PNET_BUFFER NetBuffer, PVOID Context,
                                               ULONG Flags, PVOID ScatterGatherListBuffer,
                                               ULONG ScatterGatherListBufferSize);
NTAPI VOID NdisMFreeNetBufferSGList(NDIS_HANDLE NdisMiniportDmaHandle, PSCATTER_GATHER_LIST pSGL,
                                    PNET_BUFFER NetBuffer);
NTAPI NDIS_STATUS NdisBuildScatterGatherList(NDIS_HANDLE NdisHandle,
                                             PNDIS_SCATTER_GATHER_LIST_PARAMETERS SGListParameters);
NTAPI VOID NdisFreeScatterGatherList(NDIS_HANDLE NdisHandle, PSCATTER_GATHER_LIST ScatterGatherListBuffer,
                                     BOOLEAN WriteToDevice);
NTAPI VOID NdisMAllocateSharedMemory(NDIS_HANDLE MiniportAdapterHandle, ULONG Length, BOOLEAN Cached,
                                     PVOID *VirtualAddress, PNDIS_PHYSICAL_ADDRESS PhysicalAddress);
NTAPI NDIS_STATUS NdisMAllocateSharedMemoryAsyncEx(
    NDIS_HANDLE MiniportDmaHandle, ULONG Length, BOOLEAN Cached, PVOID Context);
NTAPI VOID NdisMFreeSharedMemory(NDIS_HANDLE MiniportAdapterHandle, ULONG Length, BOOLEAN Cached, PVOID VirtualAddress,
                                 NDIS_PHYSICAL_ADDRESS PhysicalAddress);
NTAPI ULONG NdisMGetDmaAlignment(NDIS_HANDLE MiniportAdapterHandle);

// System DMA channels: no bus here has any, so their description stays opaque.
typedef struct _NDIS_DMA_DESCRIPTION NDIS_DMA_DESCRIPTION, *PNDIS_DMA_DESCRIPTION;
NTAPI NDIS_STATUS NdisMRegisterDmaChannel(PNDIS_HANDLE MiniportDmaHandle, NDIS_HANDLE MiniportAdapterHandle,
                                          UINT DmaChannel, BOOLEAN Dma32BitAddresses,
                                          PNDIS_DMA_DESCRIPTION DmaDescription, ULONG MaximumLength);
NTAPI VOID NdisMDeregisterDmaChannel(NDIS_HANDLE MiniportDmaHandle);
NTAPI ULONG NdisMReadDmaCounter(NDIS_HANDLE MiniportDmaHandle);
NTAPI VOID NdisMSetupDmaTransfer(PNDIS_STATUS Status, NDIS_HANDLE MiniportDmaHandle, PNDIS_BUFFER Buffer, ULONG Offset,
                                 ULONG Length, BOOLEAN WriteToDevice);
NTAPI VOID NdisMCompleteDmaTransfer(PNDIS_STATUS Status, NDIS_HANDLE MiniportDmaHandle, PNDIS_BUFFER Buffer,
                                    ULONG Offset, ULONG Length, BOOLEAN WriteToDevice);

#ifdef __cplusplus
}
#endif
#endif
