// SPDX-License-Identifier: MIT
// The kit of tests/flow/ndis, on OS threads.
#define KIT_THREADS
#include "../ndis/kit.c"
