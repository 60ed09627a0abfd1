// SPDX-License-Identifier: MIT
// A row of the table of neighbours of IPv4: MIB_IPNETROW.
//
// Source: the pages of ipmib.h in the Windows SDK's documentation.
#ifndef NBX_DDK_IPMIB_H
#define NBX_DDK_IPMIB_H

#include "ntdef.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MAXLEN_PHYSADDR 8

#define MIB_IPNET_TYPE_OTHER 1
#define MIB_IPNET_TYPE_INVALID 2
#define MIB_IPNET_TYPE_DYNAMIC 3
#define MIB_IPNET_TYPE_STATIC 4

typedef struct _MIB_IPNETROW {
    ULONG dwIndex;
    ULONG dwPhysAddrLen;
    UCHAR bPhysAddr[MAXLEN_PHYSADDR];
    ULONG dwAddr;
    ULONG dwType;
} MIB_IPNETROW, *PMIB_IPNETROW;

#ifdef __cplusplus
}
#endif

#endif
