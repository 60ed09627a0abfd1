// SPDX-License-Identifier: MIT
// The event handlers of tests/flow/tdi.
#include "../tdi/events.c"
