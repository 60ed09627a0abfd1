// SPDX-License-Identifier: MIT
// The kits of tests/flow/ndis and tests/ddi/hardware, on OS threads.
#define KIT_THREADS
#include "../ndis/kit.c"
#include "../../ddi/hardware/hw.c"
