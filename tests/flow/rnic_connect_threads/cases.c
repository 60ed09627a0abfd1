// SPDX-License-Identifier: MIT
// The table of the cases of tests/sim/rnic, compiled here too.
#include "../../sim/rnic/cases.c"
