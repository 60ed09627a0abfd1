// SPDX-License-Identifier: MIT
// The device of tests/unit/wire, here on OS threads.
#include "unit/wire/device.c"
