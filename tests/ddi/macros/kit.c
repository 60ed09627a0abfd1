// SPDX-License-Identifier: MIT
// The stack for tests is that of tests/flow/ndis: see kit.h there.
#include "flow/ndis/kit.c"
