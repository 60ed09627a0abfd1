// SPDX-License-Identifier: MIT
// Status indications: a miniport or filter tells everything above it that something changed.
//
// Sources: [ndis/ns-ndis-_ndis_status_indication], [ndis/nf-ndis-ndismindicatestatusex], [ndis/nf-ndis-ndisfindicatestatus].
#ifndef NBX_DDK_NDIS_STATUSINDICATION_H
#define NBX_DDK_NDIS_STATUSINDICATION_H
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NDIS_STATUS_INDICATION_REVISION_1 1
#define NDIS_STATUS_INDICATION_FLAGS_NDIS_RESERVED 0x00000FFF
#define NDIS_STATUS_INDICATION_FLAGS_MEDIA_CONNECT_TO_CONNECT 0x00001000

typedef struct _NDIS_STATUS_INDICATION {
    NDIS_OBJECT_HEADER Header;
    NDIS_HANDLE SourceHandle;
    NDIS_PORT_NUMBER PortNumber;
    NDIS_STATUS StatusCode;
    ULONG Flags;
    NDIS_HANDLE DestinationHandle;
    PVOID RequestId;
    PVOID StatusBuffer;
    ULONG StatusBufferSize;
    GUID Guid;
    PVOID NdisReserved[4];
} NDIS_STATUS_INDICATION, *PNDIS_STATUS_INDICATION;

#define NDIS_SIZEOF_STATUS_INDICATION_REVISION_1 RTL_SIZEOF_THROUGH_FIELD(NDIS_STATUS_INDICATION, NdisReserved)

NTAPI VOID NdisMIndicateStatusEx(NDIS_HANDLE MiniportAdapterHandle, PNDIS_STATUS_INDICATION StatusIndication);
NTAPI VOID NdisFIndicateStatus(NDIS_HANDLE NdisFilterHandle, PNDIS_STATUS_INDICATION StatusIndication);

#ifdef __cplusplus
}
#endif
#endif
