// SPDX-License-Identifier: MIT
// The tests of ddi/io/direct_test.c on OS threads.
#define NT_TEST_THREADS
#include "ddi/io/direct_test.c"
