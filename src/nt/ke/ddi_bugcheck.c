// SPDX-License-Identifier: MIT
// Front doors: the blue screen. [wdm/nf-wdm-kebugcheckex]
#include "nt/ke/bugcheck.h"
#include "nt/ke/ke.h"
#include "verify/verify.h"

NTAPI VOID
KeBugCheck(ULONG BugCheckCode)
{
    VERIFY_ENTER(KeBugCheck);
    ke_bugcheck(BugCheckCode, 0, 0, 0, 0);
}

NTAPI VOID
KeBugCheckEx(ULONG BugCheckCode, ULONG_PTR BugCheckParameter1, ULONG_PTR BugCheckParameter2, ULONG_PTR BugCheckParameter3,
             ULONG_PTR BugCheckParameter4)
{
    VERIFY_ENTER(KeBugCheckEx);
    ke_bugcheck(BugCheckCode, BugCheckParameter1, BugCheckParameter2, BugCheckParameter3, BugCheckParameter4);
}
