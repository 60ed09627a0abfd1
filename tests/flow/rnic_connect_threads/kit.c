// SPDX-License-Identifier: MIT
// The kit of tests/flow/rnic_connect on OS threads.
#define RC_THREADS
#include "../rnic_connect/kit.c"
