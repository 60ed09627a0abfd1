// SPDX-License-Identifier: MIT
// Names for code addresses: image, function, file and line, read with libdw from the images of this process.
// For reports only: it opens files and allocates, so nothing on a path that goes on under load may call it.
#pragma once

#include <stddef.h>
#include <stdio.h>

/* Writes "mylwf.so: FilterAttach (filter.c:88)" for a return address, or as much of it as is known ("mylwf.so+0x1a2b", "0x7f...").
 * irql: any; it does not lock or block on anything of ours.  owns: borrows text, which always ends in a zero byte.
 * fails: never; what is not known is left out. */
void verify_symbol_describe(const void *return_address, char *text, size_t text_bytes);

/* Prints the stack of the caller's thread to out, one frame a line, from the frame that returns to return_address on (the whole
 * stack if no frame does), at most 32 frames. irql: any. */
void verify_symbol_print_stack(FILE *out, const void *return_address);
