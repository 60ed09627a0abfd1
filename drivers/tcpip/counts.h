// SPDX-License-Identifier: MIT
// The counters of this transport and of its engines, for clients that ask: IOCTL_TCP_QUERY_INFORMATION_EX of the entity CL_NL_ENTITY,
// INFO_CLASS_IMPLEMENTATION, INFO_TYPE_PROVIDER, NBX_TCPIP_COUNTS_ID gives an array of NBX_TCPIP_COUNT: what was lost on this side of the
// engines first ("lost_..."), then the counters of IP ("ip_..."), of TCP ("tcp_...") and of what offload targets had to do with us
// ("chimney_...") and have counted of our connections ("target_..."). New ones may come; a name never means another.
#ifndef NBX_TCPIP_COUNTS_H
#define NBX_TCPIP_COUNTS_H

#include <ntdef.h>

#define NBX_TCPIP_COUNTS_ID 1

typedef struct _NBX_TCPIP_COUNT {
    CHAR Name[32];                        // ends with a 0
    ULONG64 Value;
} NBX_TCPIP_COUNT;

#endif
