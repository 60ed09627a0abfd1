// SPDX-License-Identifier: MIT
// Questions about this process's own memory that only the operating system answers.
#ifndef NBX_HOST_MEMORY_H
#define NBX_HOST_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

// Whether the bytes can be read without a fault. Another thread may change that at any time.
bool memory_is_readable(const void *address, size_t bytes);

// The address of a function that the program exports by this name; NULL: none.
void *memory_symbol(const char *name);

// Pages of zeros of our own; not accessible: any touch is a fault. fails: NULL.
void *memory_map(size_t bytes, bool is_accessible);
// Of such pages: from now on they may be touched, or not. Ends the process if the system will not.
void memory_protect(void *memory, size_t bytes, bool is_accessible);
void memory_unmap(void *memory, size_t bytes);

#endif
