// SPDX-License-Identifier: MIT
// Raising an NT exception from the runtime on behalf of the driver that called.
#ifndef NBX_NT_EX_RAISE_H
#define NBX_NT_EX_RAISE_H

#include "nt/box.h"

// Does not return: bug check 0x1E with the status, unless a __try of the driver catches it (see raise.c).
__attribute__((noreturn)) void ex_raise_status(NTSTATUS status);

#endif
