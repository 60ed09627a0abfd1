// SPDX-License-Identifier: MIT
// The report behind every door that refuses, and the end of the process after it.
//
// Paths: driver -> generated door (ddi_doors.c) -> verify_refused_call_from -> report on stderr -> _Exit(1)
//        completion of what is not pending, handle of the wrong kind -> verify_contract, verify_bad_handle -> report.h
//        front door that meets a case it does not provide -> verify_refused_call -> the same
// The stack is printed from the driver's call on. The process ends with _Exit: what is left of the box cannot be torn down in
// order, because the call that the driver made has no result to go on with.
#include "verify/refuse.h"
#include "host/symbol.h"
#include "verify/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_MAX = 48 };

static const char *
file_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* The image of the caller, and the thread's stack from the frame that returns to caller on (or that alone, if it is not found). */
static void
print_caller(const void *caller)
{
    const void *frames[FRAMES_MAX];
    size_t count = symbol_backtrace(frames, FRAMES_MAX), first = 0;
    struct symbols *symbols = symbols_create();
    struct symbol place = {0};

    if (!symbols) {
        fprintf(stderr, "  called from %p\n", caller);
        return;
    }
    symbols_resolve(symbols, (const char *)caller - 1, &place, 1);
    fprintf(stderr, "  called from %s\n", place.image ? file_of(place.image) : "no image");
    while (first < count && frames[first] != caller)
        first++;
    if (first < count)
        symbols_print(symbols, stderr, frames + first, count - first, true);
    else
        symbols_print(symbols, stderr, &caller, 1, true);
    symbols_destroy(symbols);
}

_Noreturn void
verify_refused_call_from(const char *name, const void *caller)
{
    fflush(stdout);
    fprintf(stderr, "ndisbox: error: driver called %s, which ndisbox does not provide (refuse). See: ndisbox ddi %s [NBX-0001]\n",
            name, name);
    print_caller(caller);
    fflush(stderr);
    _Exit(1);
}

_Noreturn void
verify_refused_call(const char *name)
{
    verify_refused_call_from(name, __builtin_return_address(0));
}

_Noreturn void
verify_contract(const char *function, const char *what)
{
    verify_rule_fatal(NBX_0002, function, what);
}

// The four letters of a kind, as a debugger shows them.
static const char *
kind_text(unsigned kind, char out[5])
{
    for (int i = 0; i < 4; i++) {
        char c = (char)(kind >> (24 - 8 * i));
        out[i] = c >= ' ' && c <= '~' ? c : '.';
    }
    out[4] = 0;
    return out;
}

_Noreturn void
verify_bad_handle(const char *function, const void *found, unsigned wanted_kind)
{
    char wanted[5], got[5], text[160] = "the handle is NULL";
    if (found)
        snprintf(text, sizeof text, "the handle %p is not of kind '%s' but '%s' (closed, or another object?)", found,
                 kind_text(wanted_kind, wanted), kind_text(*(const unsigned *)found, got));
    verify_rule_fatal(NBX_0003, function, text);
}
