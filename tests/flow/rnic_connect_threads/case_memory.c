// SPDX-License-Identifier: MIT
// Cases of tests/sim/rnic: regions and windows, compiled here too.
#include "../../sim/rnic/case_memory.c"
