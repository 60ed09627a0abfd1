// SPDX-License-Identifier: MIT
// The client of tests/flow/tdi.
#include "../../flow/tdi/kit.c"
