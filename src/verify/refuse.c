// SPDX-License-Identifier: MIT
// The report behind every door that refuses, and the end of the process after it.
//
// Paths: driver -> generated door (ddi_doors.c) -> verify_refused_call_from -> report on stderr -> _Exit(1)
//        front door that meets a case it does not provide -> verify_refused_call -> the same
// The stack is printed from the driver's call on. The process ends with _Exit: what is left of the box cannot be torn down in
// order, because the call that the driver made has no result to go on with.
#include "verify/refuse.h"
#include "verify/symbol.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void
verify_refused_call_from(const char *name, const void *caller)
{
    fflush(stdout);
    fprintf(stderr, "ndisbox: error: driver called %s, which ndisbox does not provide (refuse). See: ndisbox ddi %s [NBX-0001]\n",
            name, name);
    fprintf(stderr, "  called from\n");
    verify_symbol_print_stack(stderr, caller);
    fflush(stderr);
    _Exit(1);
}

_Noreturn void
verify_refused_call(const char *name)
{
    verify_refused_call_from(name, __builtin_return_address(0));
}
