// SPDX-License-Identifier: MIT
// Rows and counters of UDP: MIB_UDPROW, MIB_UDP6ROW, MIB_UDPSTATS. Addresses and ports are in network order, a port in the low 16 bits.
//
// Source: the pages of udpmib.h in the Windows SDK's documentation.
#ifndef NBX_DDK_UDPMIB_H
#define NBX_DDK_UDPMIB_H

#include "in6addr.h"
#include "ntdef.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct _MIB_UDPROW {
    ULONG dwLocalAddr;
    ULONG dwLocalPort;
} MIB_UDPROW, *PMIB_UDPROW;

typedef struct _MIB_UDP6ROW {
    IN6_ADDR dwLocalAddr;
    ULONG dwLocalScopeId;
    ULONG dwLocalPort;
} MIB_UDP6ROW, *PMIB_UDP6ROW;

typedef struct _MIB_UDPSTATS {
    ULONG dwInDatagrams;
    ULONG dwNoPorts;
    ULONG dwInErrors;
    ULONG dwOutDatagrams;
    ULONG dwNumAddrs;
} MIB_UDPSTATS, *PMIB_UDPSTATS;

#ifdef __cplusplus
}
#endif

#endif
