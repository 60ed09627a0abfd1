// SPDX-License-Identifier: MIT
// The client of tests/flow/tcpip in boxes whose adapters have an offload target, and whose connections are handed to it and taken back.
#define TN_CHIMNEY "chimney: on, "
#define TN_SHUFFLE
#include "../../flow/tcpip/kit.c"
