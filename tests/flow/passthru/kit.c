// SPDX-License-Identifier: MIT
// The drivers that write down each call, from tests/ddi/callbacks, below and above the bundled intermediate driver.
#include "../../ddi/callbacks/witness.c"
