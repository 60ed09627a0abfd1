// SPDX-License-Identifier: MIT
// IN6_ADDR, the IPv6 address in network order. Tags beside Linux's headers: see inaddr.h.
//
// Source: [RFC 4291], [windows-driver-docs-ddi wsk pages].
#ifndef NBX_DDK_IN6ADDR_H
#define NBX_DDK_IN6ADDR_H

#include "inaddr.h"

typedef struct NBX_SOCKET_TAG(in6_addr) {
    union {
        UCHAR Byte[16];
        USHORT Word[8];
    } u;
} IN6_ADDR, *PIN6_ADDR, *LPIN6_ADDR;

#ifndef NBX_LINUX_SOCKETS
#define in_addr6 in6_addr
#define s6_addr u.Byte
#define s6_bytes u.Byte
#define s6_words u.Word
#endif

#endif
