// SPDX-License-Identifier: MIT
// tests/flow/tcpip/life_test.c with every connection of the two boxes at its adapter's offload target: nothing may be different.
#include "../tcpip/life_test.c"
