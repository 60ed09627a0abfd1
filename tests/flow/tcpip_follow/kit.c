// SPDX-License-Identifier: MIT
// The client of tests/flow/tcpip in two boxes that hand every connection to an offload target, with a bridge of the test's own (bridge.h)
// between them.
#define TN_CHIMNEY "chimney: always, "
#define TN_WAN
#include "../tcpip/kit.c"
