// SPDX-License-Identifier: MIT
// How a miniport becomes an NDK (RDMA) provider: two handlers, given to NdisSetOptionalHandlers in MiniportSetOptions, by which NDIS opens
// and closes its NDK adapters. What an opened adapter does is in ndkpi.h; attributes, OIDs and counters are in ndis/ndk.h.
//
// A consumer asks for a version; the adapter that it gets is of the provider's own, which NdkQueryAdapterInfo says.
// Sources: [ndisndk/ns-ndisndk-_ndis_ndk_provider_characteristics], [ndisndk/nc-ndisndk-open_ndk_adapter_handler] and kin.
#ifndef NBX_DDK_NDISNDK_H
#define NBX_DDK_NDISNDK_H
#include <ndis.h>
#include <ndkpi.h>

#ifdef __cplusplus
extern "C" {
#endif

// UNSURE: the page of 2018 shows no Header.
typedef struct _NDIS_OPEN_NDK_ADAPTER_PARAMETERS {
    NDK_VERSION Version;
} NDIS_OPEN_NDK_ADAPTER_PARAMETERS, *PNDIS_OPEN_NDK_ADAPTER_PARAMETERS;

// Both at PASSIVE_LEVEL. Closing is blocking: when it returns, every callback of every object of the adapter has returned.
typedef NDIS_STATUS(NTAPI *OPEN_NDK_ADAPTER_HANDLER)(_In_ NDIS_HANDLE MiniportAdapterContext,
                                                     _In_ PNDIS_OPEN_NDK_ADAPTER_PARAMETERS Parameters, _Outptr_ NDK_ADAPTER **ppNdkAdapter);
typedef VOID(NTAPI *CLOSE_NDK_ADAPTER_HANDLER)(_In_ NDIS_HANDLE MiniportAdapterContext, _In_ NDK_ADAPTER *pNdkAdapter);

typedef struct _NDIS_NDK_PROVIDER_CHARACTERISTICS {
    NDIS_OBJECT_HEADER Header; // NDIS_OBJECT_TYPE_NDK_PROVIDER_CHARACTERISTICS
    ULONG Flags;               // 0
    OPEN_NDK_ADAPTER_HANDLER OpenNDKAdapterHandler;
    CLOSE_NDK_ADAPTER_HANDLER CloseNDKAdapterHandler;
} NDIS_NDK_PROVIDER_CHARACTERISTICS, *PNDIS_NDK_PROVIDER_CHARACTERISTICS;

#define NDIS_NDK_PROVIDER_CHARACTERISTICS_REVISION_1 1
#define NDIS_SIZEOF_NDK_PROVIDER_CHARACTERISTICS_REVISION_1 \
    RTL_SIZEOF_THROUGH_FIELD(NDIS_NDK_PROVIDER_CHARACTERISTICS, CloseNDKAdapterHandler)

#ifdef __cplusplus
}
#endif
#endif
