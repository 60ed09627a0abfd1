// SPDX-License-Identifier: MIT
// tests/flow/tcpip/data_test.c with every connection of the two boxes at its adapter's offload target: nothing may be different.
#include "../tcpip/data_test.c"
