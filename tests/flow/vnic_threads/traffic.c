// SPDX-License-Identifier: MIT
// The traffic of tests/flow/vnic, compiled here too.
#include "../vnic/traffic.c"
