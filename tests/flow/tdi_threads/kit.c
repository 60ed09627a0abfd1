// SPDX-License-Identifier: MIT
// The client of tests/flow/tdi, on OS threads.
#define TK_THREADS
#include "../tdi/kit.c"
