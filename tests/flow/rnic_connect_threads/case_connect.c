// SPDX-License-Identifier: MIT
// Cases of tests/sim/rnic: making connections, compiled here too.
#include "../../sim/rnic/case_connect.c"
