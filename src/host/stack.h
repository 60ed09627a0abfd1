// SPDX-License-Identifier: MIT
// Stacks for fibres, and the bounds of the stack that the calling OS thread was given.
#ifndef NBX_HOST_STACK_H
#define NBX_HOST_STACK_H

#include <stddef.h>

// Map a stack of `bytes` (a multiple of the page) with a guard page below it; pages are only committed when touched.
// owns: returns its lowest usable byte; stack_unmap frees. fails: NULL.
void *stack_map(size_t bytes);
void stack_unmap(void *low, size_t bytes);

// The bounds of the calling OS thread's own stack; both NULL if the system does not tell.
void stack_bounds_get(const void **low, const void **high);

#endif
