// SPDX-License-Identifier: MIT
// The stack's tests again, on OS threads: real parallelism for the sanitizers, above all the thread sanitizer.
#define KIT_THREADS
#include "../ndis/stack_test.c"
