// SPDX-License-Identifier: MIT
// The tests of ddi/io/file_test.c on OS threads.
#define NT_TEST_THREADS
#include "ddi/io/file_test.c"
