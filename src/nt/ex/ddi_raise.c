// SPDX-License-Identifier: MIT
// Front doors: raising exceptions. [wdm/nf-wdm-exraisestatus]
#include "nt/ex/raise.h"
#include "nt/ex/seh.h"
#include "verify/verify.h"

NTAPI VOID
ExRaiseStatus(NTSTATUS Status)
{
    VERIFY_ENTER(ExRaiseStatus);
    ex_raise_status(Status);
}

NTAPI VOID
ExRaiseAccessViolation(VOID)
{
    VERIFY_ENTER(ExRaiseAccessViolation);
    ex_raise_status(STATUS_ACCESS_VIOLATION);
}

NTAPI VOID
ExRaiseDatatypeMisalignment(VOID)
{
    VERIFY_ENTER(ExRaiseDatatypeMisalignment);
    ex_raise_status(STATUS_DATATYPE_MISALIGNMENT);
}

// [sdk winnt/nf-winnt-rtlraiseexception]
NTAPI VOID
RtlRaiseException(PEXCEPTION_RECORD ExceptionRecord)
{
    VERIFY_ENTER(RtlRaiseException);
    ExceptionRecord->ExceptionAddress = __builtin_return_address(0);
    ex_seh_raise(ExceptionRecord);
}
