// SPDX-License-Identifier: MIT
// The kit of tests/flow/ndis, for the bundled filter.
#include "../ndis/kit.c"
