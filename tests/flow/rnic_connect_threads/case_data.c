// SPDX-License-Identifier: MIT
// Cases of tests/sim/rnic: what moves bytes, compiled here too.
#include "../../sim/rnic/case_data.c"
