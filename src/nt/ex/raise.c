// SPDX-License-Identifier: MIT
// Exceptions that nobody can catch yet end the box: bug check 0x1E, as in a Windows kernel without a handler.
#include "nt/ex/raise.h"

#include "nt/ke/bugcheck.h"

void
ex_raise_status(NTSTATUS status)
{
    ke_bugcheck(BUGCODE_KMODE_EXCEPTION_NOT_HANDLED, (uint32_t)status, (uint64_t)(uintptr_t)__builtin_return_address(0), 0, 0);
}
