// SPDX-License-Identifier: MIT
// The tests of tests/unit/nt/executive2_test.c on OS threads.
#define NT_TEST_THREADS
#include "unit/nt/executive2_test.c"
