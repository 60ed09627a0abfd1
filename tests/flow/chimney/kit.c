// SPDX-License-Identifier: MIT
// The drivers that write down each call, from tests/ddi/callbacks: stand.c makes an offload target and a host stack of them.
#include "../../ddi/callbacks/witness.c"
