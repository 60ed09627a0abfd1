// SPDX-License-Identifier: MIT
// Isolation of virtual networks: routing domains and their isolation entries.
//
// The entries of NDIS_ISOLATION_PARAMETERS follow it in one buffer; each entry says where its own isolation entries begin.
// Sources: [ntddndis/ns-ntddndis-_ndis_isolation_parameters] and the pages it links.
#ifndef NBX_DDK_NDIS_ISOLATION_H
#define NBX_DDK_NDIS_ISOLATION_H
#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NDIS_ISOLATION_NAME_MAX_STRING_SIZE 127
typedef GUID NDIS_ROUTING_DOMAIN_ID, *PNDIS_ROUTING_DOMAIN_ID;

typedef struct _NDIS_ISOLATION_NAME {
    USHORT Length;
    WCHAR String[NDIS_ISOLATION_NAME_MAX_STRING_SIZE + 1];
} NDIS_ISOLATION_NAME, *PNDIS_ISOLATION_NAME;
typedef NDIS_ISOLATION_NAME NDIS_ISOLATION_ID_NAME, *PNDIS_ISOLATION_ID_NAME;
typedef NDIS_ISOLATION_NAME NDIS_ROUTING_DOMAIN_NAME, *PNDIS_ROUTING_DOMAIN_NAME;

typedef enum _NDIS_ISOLATION_MODE {
    NdisIsolationModeNone = 0,
    NdisIsolationModeNativeVirtualSubnet = 1,
    NdisIsolationModeExternalVirtualSubnet = 2,
    NdisIsolationModeVlan = 3
} NDIS_ISOLATION_MODE;

typedef struct _NDIS_ISOLATION_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    NDIS_ISOLATION_MODE IsolationMode;
    BOOLEAN AllowUntaggedTraffic;
    ULONG NumRoutingDomainEntries;
    ULONG FirstRoutingDomainEntryOffset;
} NDIS_ISOLATION_PARAMETERS, *PNDIS_ISOLATION_PARAMETERS;

typedef struct _NDIS_ROUTING_DOMAIN_ENTRY {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    NDIS_ROUTING_DOMAIN_ID RoutingDomainId;
    NDIS_ROUTING_DOMAIN_NAME RoutingDomainName;
    ULONG NumIsolationEntries;
    ULONG FirstIsolationEntryOffset;
} NDIS_ROUTING_DOMAIN_ENTRY, *PNDIS_ROUTING_DOMAIN_ENTRY;

typedef struct _NDIS_ROUTING_DOMAIN_ISOLATION_ENTRY {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    NDIS_ISOLATION_ID_NAME IsolationIdName;
    union {
        struct {
            UINT32 VirtualSubnetId : 24;
        };
        struct {
            UINT32 VlanId : 24;
        };
        UINT32 IsolationId;
    };
} NDIS_ROUTING_DOMAIN_ISOLATION_ENTRY, *PNDIS_ROUTING_DOMAIN_ISOLATION_ENTRY;

#define NDIS_ISOLATION_PARAMETERS_REVISION_1 1
#define NDIS_ROUTING_DOMAIN_ENTRY_REVISION_1 1
#define NDIS_ROUTING_DOMAIN_ISOLATION_ENTRY_REVISION_1 1
#define NDIS_SIZEOF_NDIS_ISOLATION_PARAMETERS_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_ISOLATION_PARAMETERS, FirstRoutingDomainEntryOffset)
#define NDIS_SIZEOF_NDIS_ROUTING_DOMAIN_ENTRY_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_ROUTING_DOMAIN_ENTRY, FirstIsolationEntryOffset)
#define NDIS_SIZEOF_NDIS_ROUTING_DOMAIN_ISOLATION_ENTRY_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_ROUTING_DOMAIN_ISOLATION_ENTRY, IsolationId)
#define NDIS_ISOLATION_PARAMETERS_GET_FIRST_ROUTING_DOMAIN_ENTRY(_Parameters)                                          \
    ((PNDIS_ROUTING_DOMAIN_ENTRY)((PUCHAR)(_Parameters) + (_Parameters)->FirstRoutingDomainEntryOffset))
#define NDIS_ROUTING_DOMAIN_ENTRY_GET_NEXT(_Entry) ((PNDIS_ROUTING_DOMAIN_ENTRY)((PUCHAR)(_Entry) + (_Entry)->Header.Size))
#define NDIS_ROUTING_DOMAIN_ENTRY_GET_FIRST_ISOLATION_ENTRY(_Entry)                                                    \
    ((PNDIS_ROUTING_DOMAIN_ISOLATION_ENTRY)((PUCHAR)(_Entry) + (_Entry)->FirstIsolationEntryOffset))
#define NDIS_ROUTING_DOMAIN_ISOLATION_ENTRY_GET_NEXT(_Entry)                                                           \
    ((PNDIS_ROUTING_DOMAIN_ISOLATION_ENTRY)((PUCHAR)(_Entry) + (_Entry)->Header.Size))

#ifdef __cplusplus
}
#endif
#endif
