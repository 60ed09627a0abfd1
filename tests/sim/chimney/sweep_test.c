// SPDX-License-Identifier: MIT
// The sweep of tests/sim/tcpip once more, with every connection handed to the adapter's offload target and taken back at random moments:
// TDI's clients notice nothing, on any wire, in any of their lives.
#define TN_SHUFFLE
#include "../tcpip/sweep_test.c"
