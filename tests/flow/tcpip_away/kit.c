// SPDX-License-Identifier: MIT
// The client of tests/flow/tcpip in boxes that hand every connection to an offload target as soon as it is open.
#define TN_CHIMNEY "chimney: always, "
#include "../tcpip/kit.c"
