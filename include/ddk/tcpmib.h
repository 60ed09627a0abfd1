// SPDX-License-Identifier: MIT
// Rows and counters of TCP: MIB_TCPROW, MIB_TCP6ROW, MIB_TCPSTATS. Addresses and ports are in network order, a port in the low 16 bits.
//
// Source: the pages of tcpmib.h in the Windows SDK's documentation.
#ifndef NBX_DDK_TCPMIB_H
#define NBX_DDK_TCPMIB_H

#include "in6addr.h"
#include "ntdef.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    MIB_TCP_STATE_CLOSED = 1,
    MIB_TCP_STATE_LISTEN = 2,
    MIB_TCP_STATE_SYN_SENT = 3,
    MIB_TCP_STATE_SYN_RCVD = 4,
    MIB_TCP_STATE_ESTAB = 5,
    MIB_TCP_STATE_FIN_WAIT1 = 6,
    MIB_TCP_STATE_FIN_WAIT2 = 7,
    MIB_TCP_STATE_CLOSE_WAIT = 8,
    MIB_TCP_STATE_CLOSING = 9,
    MIB_TCP_STATE_LAST_ACK = 10,
    MIB_TCP_STATE_TIME_WAIT = 11,
    MIB_TCP_STATE_DELETE_TCB = 12
} MIB_TCP_STATE;

typedef struct _MIB_TCPROW {
    ULONG dwState;
    ULONG dwLocalAddr;
    ULONG dwLocalPort;
    ULONG dwRemoteAddr;
    ULONG dwRemotePort;
} MIB_TCPROW, *PMIB_TCPROW;

typedef struct _MIB_TCP6ROW {
    MIB_TCP_STATE State;
    IN6_ADDR LocalAddr;
    ULONG dwLocalScopeId;
    ULONG dwLocalPort;
    IN6_ADDR RemoteAddr;
    ULONG dwRemoteScopeId;
    ULONG dwRemotePort;
} MIB_TCP6ROW, *PMIB_TCP6ROW;

#define MIB_TCP_RTO_VANJ 4

typedef struct _MIB_TCPSTATS {
    ULONG dwRtoAlgorithm;
    ULONG dwRtoMin;
    ULONG dwRtoMax;
    ULONG dwMaxConn;
    ULONG dwActiveOpens;
    ULONG dwPassiveOpens;
    ULONG dwAttemptFails;
    ULONG dwEstabResets;
    ULONG dwCurrEstab;
    ULONG dwInSegs;
    ULONG dwOutSegs;
    ULONG dwRetransSegs;
    ULONG dwInErrs;
    ULONG dwOutRsts;
    ULONG dwNumConns;
} MIB_TCPSTATS, *PMIB_TCPSTATS;

#ifdef __cplusplus
}
#endif

#endif
