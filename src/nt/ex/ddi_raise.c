// SPDX-License-Identifier: MIT
// Front doors: raising exceptions. [wdm/nf-wdm-exraisestatus]
#include "nt/ex/raise.h"
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
