// SPDX-License-Identifier: MIT
// What the cases of tests/sim/rnic stand on, compiled here too.
#include "../../sim/rnic/nd2.c"
