// SPDX-License-Identifier: MIT
// What an address means in the source: function, file, line, with inlined callers; and backtraces along frame pointers.
//   walk     symbol_backtrace, symbol_walk: return addresses, read only between the bounds of the stack; no allocation, some 5 ns a frame,
//            fit for every hand-over of a ledger. They need -fno-omit-frame-pointer (the build sets it; a frame of libc is skipped).
//   resolve  symbols_create -> symbols_resolve: libdw over the main program and every loaded image; slow (debug information is read
//            on first use), for reports only
#ifndef NBX_HOST_SYMBOL_H
#define NBX_HOST_SYMBOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct symbols;

struct symbol {
    const char *function;        // NULL if unknown
    const char *file;            // NULL if the image has no debug information
    uint32_t line, column;
    const char *image;           // path of the program or shared object, NULL if no image holds the address
    uint64_t image_offset;       // of the address, from the image's load address
};

// owns: returns the session, symbols_destroy frees it and every text it gave out. fails: NULL.
struct symbols *symbols_create(void);
void symbols_destroy(struct symbols *symbols);

// What lies at an address: the innermost inlined function first, then its callers, up to the function that the image has there. For a
// return address ask about address - 1, or the line is that of the next call. Returns how many entries were filled, at least 1 if
// limit is; images loaded since the last call are found. irql: PASSIVE; may be called from several threads.
size_t symbols_resolve(struct symbols *symbols, const void *address, struct symbol *out, size_t limit);

// Print "    #0 function file:line:column" for each of the addresses, inlined callers too; addresses but the first are return
// addresses, and so is the first if `is_return` says so.
void symbols_print(struct symbols *symbols, FILE *to, const void *const *addresses, size_t count, bool is_return);

// The name under which the program or a loaded image exports the function at address; NULL: it exports none there. Some microseconds.
const char *symbol_exported_at(const void *address);

// Return addresses from a frame pointer upward, innermost first: at most `limit`, and nothing is read outside [low, high).
size_t symbol_walk(const void *frame, const void *low, const void *high, const void **addresses, size_t limit);

// The calling thread's or fibre's own, starting with the caller's return address.
size_t symbol_backtrace(const void **addresses, size_t limit);

#endif
