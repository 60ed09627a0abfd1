// SPDX-License-Identifier: MIT
// What an NDK adapter can do, as provider, NDIS and user mode say it to each other: version, limits, flags, technology.
//
// Sources: [sdk-api: ndkinfo/ns-ndkinfo-ndk_adapter_info], [ndkinfo/ns-ndkinfo-ndk_version]; the types of the members from mingw-w64's
// ndkinfo.h (public domain); the technologies' names from winapi-rs (MIT or Apache), their numbers from
// [network/inf-requirements-for-ndkpi] too, whose *NetworkDirectTechnology has the same ones.
#ifndef NBX_DDK_NDKINFO_H
#define NBX_DDK_NDKINFO_H
#include "ntdef.h"

#ifdef __cplusplus
extern "C" {
#endif

// Of NDKPI: 1.1 Windows Server 2012, 1.2 Windows Server 2012 R2, 2.1 later. Majors are separate contracts.
typedef struct _NDK_VERSION {
    USHORT Major;
    USHORT Minor;
} NDK_VERSION;

typedef enum _NDK_RDMA_TECHNOLOGY {
    NdkUndefined = 0,
    NdkiWarp = 1,
    NdkInfiniBand = 2,
    NdkRoCE = 3,
    NdkRoCEv2 = 4,
    NdkMaxTechnology = 5
} NDK_RDMA_TECHNOLOGY;

// AdapterFlags
#define NDK_ADAPTER_FLAG_IN_ORDER_DMA_SUPPORTED 0x00000001
#define NDK_ADAPTER_FLAG_RDMA_READ_SINK_NOT_REQUIRED 0x00000002
#define NDK_ADAPTER_FLAG_CQ_INTERRUPT_MODERATION_SUPPORTED 0x00000004
#define NDK_ADAPTER_FLAG_MULTI_ENGINE_SUPPORTED 0x00000008
#define NDK_ADAPTER_FLAG_RDMA_READ_LOCAL_INVALIDATE_SUPPORTED 0x00000010 // NDKPI 1.2
#define NDK_ADAPTER_FLAG_CQ_RESIZE_SUPPORTED 0x00000100
#define NDK_ADAPTER_FLAG_LOOPBACK_CONNECTIONS_SUPPORTED 0x00010000

typedef struct _NDK_ADAPTER_INFO {
    NDK_VERSION Version;
    UINT32 VendorId;
    UINT32 DeviceId;
    SIZE_T MaxRegistrationSize; // bytes
    SIZE_T MaxWindowSize;
    ULONG FRMRPageCount; // at least 16
    ULONG MaxInitiatorRequestSge;
    ULONG MaxReceiveRequestSge;
    ULONG MaxReadRequestSge; // overrides MaxInitiatorRequestSge for reads
    ULONG MaxTransferLength;
    ULONG MaxInlineDataSize;
    ULONG MaxInboundReadLimit; // of a queue pair
    ULONG MaxOutboundReadLimit;
    ULONG MaxReceiveQueueDepth;
    ULONG MaxInitiatorQueueDepth;
    ULONG MaxSrqDepth; // 0: no shared receive queues
    ULONG MaxCqDepth;
    ULONG LargeRequestThreshold;
    ULONG MaxCallerData;
    ULONG MaxCalleeData;
    ULONG AdapterFlags;
    NDK_RDMA_TECHNOLOGY RdmaTechnology;
} NDK_ADAPTER_INFO;

#ifdef __cplusplus
}
#endif
#endif
