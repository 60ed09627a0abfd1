// SPDX-License-Identifier: MIT
// The TDI client of tests/flow/tdi over tcpip: names are addresses, and pairs meet on loopback.
#define TK_DRIVER "tcpip"
#define TK_SERVER "127.0.0.1:4242"
#define TK_ANY "0.0.0.0:0"
#define TK_NDIS // its driver is a protocol, too
#include "../tdi/kit.c"
