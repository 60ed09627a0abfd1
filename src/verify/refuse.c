// SPDX-License-Identifier: MIT
// The report behind every door that refuses, and the end of the process after it.
//
// Paths: driver -> generated door (ddi_doors.c) -> verify_refused_call_from -> report on stderr -> _Exit(1)
//        completion of what is not pending, handle of the wrong kind -> verify_contract, verify_bad_handle -> the same
//        front door that meets a case it does not provide -> verify_refused_call -> the same
// The stack is printed from the driver's call on. The process ends with _Exit: what is left of the box cannot be torn down in
// order, because the call that the driver made has no result to go on with.
#include "verify/refuse.h"
#include "host/symbol.h"
#include "nt/ke/ke.h"

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

static _Noreturn void
contract_end(const void *caller)
{
    print_caller(caller);
    fflush(stderr);
    _Exit(1);
}

// Whoever runs the box may want to keep something of the run (a tape) before the process ends.
static void
finding_tell(const char *function, const char *what)
{
    struct box *box = sched_self && sched_self->user ? box_self() : NULL;
    if (box && box->on_finding)
        box->on_finding(box->on_finding_context, function, what);
}

static _Noreturn void
broken_from(const char *function, const char *what, const char *rule, const void *caller)
{
    fflush(stdout);
    fprintf(stderr, "ndisbox: error: %s: %s [%s]\n", function, what, rule);
    finding_tell(function, what);
    contract_end(caller);
}

_Noreturn void
verify_broken(const char *function, const char *what, const char *rule)
{
    broken_from(function, what, rule, __builtin_return_address(0));
}

_Noreturn void
verify_contract(const char *function, const char *what)
{
    broken_from(function, what, "NBX-0002", __builtin_return_address(0));
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
    char wanted[5], got[5];
    fflush(stdout);
    if (!found)
        fprintf(stderr, "ndisbox: error: %s: the handle is NULL [NBX-0003]\n", function);
    else
        fprintf(stderr, "ndisbox: error: %s: the handle %p is not of kind '%s' but '%s' (closed, or another object?) [NBX-0003]\n",
                function, found, kind_text(wanted_kind, wanted), kind_text(*(const unsigned *)found, got));
    contract_end(__builtin_return_address(0));
}
