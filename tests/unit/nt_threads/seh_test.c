// SPDX-License-Identifier: MIT
// The tests of tests/unit/nt/seh_test.c on OS threads.
#define NT_TEST_THREADS
#include "unit/nt/seh_test.c"
