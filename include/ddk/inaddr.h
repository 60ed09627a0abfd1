// SPDX-License-Identifier: MIT
// IN_ADDR, the IPv4 address in network order.
//
// A file of the runtime that has included Linux's socket headers first keeps Linux's structure tags and gets only the
// Windows type names; a driver, which sees no Linux header, gets both.
// Source: [windows-driver-docs-ddi ws2def and wsk pages], [RFC 791].
#ifndef NBX_DDK_INADDR_H
#define NBX_DDK_INADDR_H

#include "ntdef.h"

#if defined(_SYS_SOCKET_H) || defined(_NETINET_IN_H)
#define NBX_LINUX_SOCKETS 1
#define NBX_SOCKET_TAG(tag) nbx_windows_##tag
#else
#define NBX_SOCKET_TAG(tag) tag
#endif

typedef struct NBX_SOCKET_TAG(in_addr) {
    union {
        struct {
            UCHAR s_b1, s_b2, s_b3, s_b4;
        } S_un_b;
        struct {
            USHORT s_w1, s_w2;
        } S_un_w;
        ULONG S_addr;
    } S_un;
} IN_ADDR, *PIN_ADDR, *LPIN_ADDR;

#ifndef NBX_LINUX_SOCKETS
#define s_addr S_un.S_addr
#define s_host S_un.S_un_b.s_b2
#define s_net S_un.S_un_b.s_b1
#define s_imp S_un.S_un_w.s_w2
#define s_impno S_un.S_un_b.s_b4
#define s_lh S_un.S_un_b.s_b3
#endif

#endif
