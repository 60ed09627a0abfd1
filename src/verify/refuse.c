// SPDX-License-Identifier: MIT
// The report behind every door that refuses, and the end of the process after it.
//
// Paths: driver -> generated door (ddi_doors.c) -> verify_refused_call_from -> report on stderr -> _Exit(1)
//        front door that meets a case it does not provide -> verify_refused_call -> the same
// The caller is named with dladdr: the driver's image and, where its symbols are visible, the function. A driver shows only
// DriverEntry to the dynamic linker, so the offset into the image is printed as well: llvm-symbolizer turns it into a line.
#include "verify/refuse.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *
file_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void
print_caller(const void *caller)
{
    Dl_info info;

    if (!dladdr(caller, &info) || !info.dli_fname) {
        fprintf(stderr, "  called from %p, which is in no image\n", caller);
        return;
    }
    fprintf(stderr, "  called from %s+0x%jx", file_of(info.dli_fname),
            (uintmax_t)((uintptr_t)caller - (uintptr_t)info.dli_fbase));
    if (info.dli_sname)
        fprintf(stderr, " (%s+0x%jx)", info.dli_sname, (uintmax_t)((uintptr_t)caller - (uintptr_t)info.dli_saddr));
    fprintf(stderr, "\n");
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
