// SPDX-License-Identifier: MIT
// The packets of tests/flow/vnic, compiled here too.
#include "../vnic/packet.c"
