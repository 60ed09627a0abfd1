// SPDX-License-Identifier: MIT
// The tests of unit/nt_io/image_test.c on OS threads.
#define NT_TEST_THREADS
#include "unit/nt_io/image_test.c"
