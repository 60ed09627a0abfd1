// SPDX-License-Identifier: MIT
// The client of tests/flow/tcpip in two boxes with a bridge of the test's own (bridge.h) between them, and with settings of tcpip that each
// test says.
#define TN_WAN
#include "../tcpip/kit.c"
