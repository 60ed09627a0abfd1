// SPDX-License-Identifier: MIT
// The TDI client of tests/flow/tdi, for the hosts' own addresses and connections where tcpip is the host.
#define TK_DRIVER "tcpip"
#define TK_SERVER "127.0.0.1:4242"
#define TK_ANY "0.0.0.0:0"
#define TK_WELCOME NULL
#define TK_NDIS // its driver is a protocol, too
#include "../tdi/kit.c"
