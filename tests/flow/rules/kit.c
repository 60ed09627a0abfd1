// SPDX-License-Identifier: MIT
// The kit of tests/flow/ndis, with its drivers as good citizens: the tests here make them break one rule at a time.
#include "flow/ndis/kit.c"
