// SPDX-License-Identifier: MIT
// The client of tests/flow/tcpip, on OS threads.
#define TK_THREADS
#include "../tcpip/kit.c"
