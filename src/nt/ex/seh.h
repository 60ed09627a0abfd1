// SPDX-License-Identifier: MIT
// Structured exceptions of driver code: the frames behind the macros of include/ddk/excpt.h (which declares what drivers call: the
// nbx_seh_* functions), and the way from a raise or a fault to one of them.
#ifndef NBX_NT_EX_SEH_H
#define NBX_NT_EX_SEH_H

#include "nt/ke/ke.h"

// Raise record on behalf of the driver that called the innermost door on the stack. Does not return: it goes to the innermost __try of the
// thread, or is bug check 0x1E if there is none, or if another door lies between, whose state nobody could put right.
// irql: any    locks: none held by the runtime    calls: filters, handlers and __finally blocks of the driver, by jumping into them
__attribute__((noreturn)) void ex_seh_raise(const EXCEPTION_RECORD *record);

#endif
