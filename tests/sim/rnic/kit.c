// SPDX-License-Identifier: MIT
// The two boxes of tests/flow/rnic_connect.
#define RC_ALWAYS_STRICT 1
#include "../../flow/rnic_connect/kit.c"
