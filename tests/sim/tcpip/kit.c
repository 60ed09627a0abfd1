// SPDX-License-Identifier: MIT
// The client of tests/flow/tcpip.
#include "../../flow/tcpip/kit.c"
