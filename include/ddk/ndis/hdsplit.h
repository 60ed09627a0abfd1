// SPDX-License-Identifier: MIT
// Header-data split: what a miniport can do, and what is configured.
//
// Sources: [ndis/ns-ndis-_ndis_hd_split_attributes], [ntddndis/ns-ntddndis-_ndis_hd_split_current_config],
// [ntddndis/ns-ntddndis-_ndis_hd_split_parameters].
#ifndef NBX_DDK_NDIS_HDSPLIT_H
#define NBX_DDK_NDIS_HDSPLIT_H
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _NDIS_HD_SPLIT_ATTRIBUTES {
    NDIS_OBJECT_HEADER Header;
    ULONG HardwareCapabilities;
    ULONG CurrentCapabilities;
    ULONG HDSplitFlags;
    ULONG BackfillSize;
    ULONG MaxHeaderSize;
} NDIS_HD_SPLIT_ATTRIBUTES, *PNDIS_HD_SPLIT_ATTRIBUTES;

typedef struct _NDIS_HD_SPLIT_CURRENT_CONFIG {
    NDIS_OBJECT_HEADER Header;
    ULONG HardwareCapabilities;
    ULONG CurrentCapabilities;
    ULONG HDSplitFlags;
    ULONG HDSplitCombineFlags;
    ULONG BackfillSize;
    ULONG MaxHeaderSize;
} NDIS_HD_SPLIT_CURRENT_CONFIG, *PNDIS_HD_SPLIT_CURRENT_CONFIG;

typedef struct _NDIS_HD_SPLIT_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    ULONG HDSplitCombineFlags;
} NDIS_HD_SPLIT_PARAMETERS, *PNDIS_HD_SPLIT_PARAMETERS;

#define NDIS_HD_SPLIT_COMBINE_ALL_HEADERS 0x00000001
#define NDIS_HD_SPLIT_CAPS_SUPPORTS_HEADER_DATA_SPLIT 0x00000001
#define NDIS_HD_SPLIT_CAPS_SUPPORTS_IPV4_OPTIONS 0x00000002
#define NDIS_HD_SPLIT_CAPS_SUPPORTS_IPV6_EXTENSION_HEADERS 0x00000004
#define NDIS_HD_SPLIT_CAPS_SUPPORTS_TCP_OPTIONS 0x00000008
#define NDIS_HD_SPLIT_ENABLE_HEADER_DATA_SPLIT 0x00000001
#define NDIS_HD_SPLIT_PARAMETERS_REVISION_1 1
#define NDIS_HD_SPLIT_CURRENT_CONFIG_REVISION_1 1
#define NDIS_SIZEOF_HD_SPLIT_PARAMETERS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_HD_SPLIT_PARAMETERS, HDSplitCombineFlags)
#define NDIS_SIZEOF_HD_SPLIT_CURRENT_CONFIG_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_HD_SPLIT_CURRENT_CONFIG, MaxHeaderSize)
#define NDIS_HD_SPLIT_ATTRIBUTES_REVISION_1 1
#define NDIS_SIZEOF_HD_SPLIT_ATTRIBUTES_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_HD_SPLIT_ATTRIBUTES, MaxHeaderSize)

#ifdef __cplusplus
}
#endif
#endif
