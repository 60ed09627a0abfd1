// SPDX-License-Identifier: MIT
// The sweep of tests/sim/tcpip on OS threads and in real time: what the seeded scheduler cannot show, a data race, the thread sanitizer
// can.
#define TK_THREADS
#include "../../sim/tcpip/sweep_test.c"
