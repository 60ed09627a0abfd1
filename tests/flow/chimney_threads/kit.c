// SPDX-License-Identifier: MIT
// The client of tests/sim/chimney, on OS threads: connections go to the adapter's offload target and come back all the while.
#define TK_THREADS
#define TN_CHIMNEY "chimney: on, "
#define TN_SHUFFLE
#include "../tcpip/kit.c"
