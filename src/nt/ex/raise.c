// SPDX-License-Identifier: MIT
// Raising by status: what ExRaiseStatus and the probing doors do. Nothing can go on behind such a raise: EXCEPTION_NONCONTINUABLE.
#include "nt/ex/raise.h"

#include "nt/ex/seh.h"

void
ex_raise_status(NTSTATUS status)
{
    ex_seh_raise(&(EXCEPTION_RECORD){
        .ExceptionCode = status, .ExceptionFlags = EXCEPTION_NONCONTINUABLE, .ExceptionAddress = __builtin_return_address(0)});
}
