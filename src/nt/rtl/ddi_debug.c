// SPDX-License-Identifier: MIT
// Front doors: DbgPrint and its kin, assertions, break points. A call prints up to 512 bytes [wdm/nf-wdm-dbgprint], line by line to the
// box's message sink, whatever component and level say: there is no filter mask that a user would have set.
#include "nt/ke/bugcheck.h"
#include "nt/ke/ke.h"
#include "nt/rtl/crt.h"
#include "verify/verify.h"

NTAPI ULONG
DbgPrint(PCSTR Format, ...)
{
    VERIFY_ENTER(DbgPrint);
    RTL_ARGS_START(args, Format);
    ULONG status = rtl_debug_print(NULL, Format, &args);
    RTL_ARGS_END(args);
    return status;
}

NTAPI ULONG
DbgPrintEx(ULONG ComponentId, ULONG Level, PCSTR Format, ...)
{
    VERIFY_ENTER(DbgPrintEx);
    RTL_ARGS_START(args, Format);
    ULONG status = rtl_debug_print(NULL, Format, &args);
    RTL_ARGS_END(args);
    return status;
}

NTAPI ULONG
vDbgPrintEx(ULONG ComponentId, ULONG Level, PCCH Format, va_list arglist)
{
    VERIFY_ENTER(vDbgPrintEx);
    struct rtl_args args = {.is_ms = false};
    __builtin_memcpy(&args.sysv, arglist, sizeof args.sysv);
    return rtl_debug_print(NULL, Format, &args);
}

NTAPI ULONG
vDbgPrintExWithPrefix(PCCH Prefix, ULONG ComponentId, ULONG Level, PCCH Format, va_list arglist)
{
    VERIFY_ENTER(vDbgPrintExWithPrefix);
    struct rtl_args args = {.is_ms = false};
    __builtin_memcpy(&args.sysv, arglist, sizeof args.sysv);
    return rtl_debug_print(Prefix, Format, &args);
}

NTAPI VOID
DbgBreakPoint(VOID)
{
    VERIFY_ENTER(DbgBreakPoint);
    box_message(box_self(), "DbgBreakPoint called from %p", __builtin_return_address(0));
    __builtin_debugtrap();   // gdb stops here; without one the process ends, as Windows does without a debugger
}

NTAPI VOID
DbgBreakPointWithStatus(ULONG Status)
{
    VERIFY_ENTER(DbgBreakPointWithStatus);
    box_message(box_self(), "DbgBreakPointWithStatus(0x%X) called from %p", Status, __builtin_return_address(0));
    __builtin_debugtrap();
}

NTAPI VOID
RtlAssert(PVOID VoidFailedAssertion, PVOID VoidFileName, ULONG LineNumber, PSTR MutableMessage)
{
    VERIFY_ENTER(RtlAssert);
    box_message(box_self(), "%s:%u: assertion failed: %s%s%s", (const char *)VoidFileName, LineNumber,
                (const char *)VoidFailedAssertion, MutableMessage ? ": " : "", MutableMessage ? MutableMessage : "");
    ke_bugcheck(BUGCODE_KMODE_EXCEPTION_NOT_HANDLED, (uint32_t)STATUS_ASSERTION_FAILURE,
                (uint64_t)(uintptr_t)__builtin_return_address(0), 0, 0);
}
