// SPDX-License-Identifier: MIT
// The end of a box that cannot go on: NBX-0007, told as any finding is (verify/report.h). The process ends with exit code 1 without
// running destructors, so that a sanitizer does not bury the report under its own.
#include "nt/ke/bugcheck.h"

#include <stdio.h>

#include <ntddk.h>

#include "nt/ke/ke.h"
#include "verify/report.h"

static const char *
bugcheck_name(uint32_t code)
{
    switch (code) {
    case BUGCODE_IRQL_NOT_DISPATCH_LEVEL: return "IRQL_NOT_DISPATCH_LEVEL";
    case BUGCODE_IRQL_NOT_GREATER_OR_EQUAL: return "IRQL_NOT_GREATER_OR_EQUAL";
    case BUGCODE_IRQL_NOT_LESS_OR_EQUAL: return "IRQL_NOT_LESS_OR_EQUAL";
    case BUGCODE_MAXIMUM_WAIT_OBJECTS_EXCEEDED: return "MAXIMUM_WAIT_OBJECTS_EXCEEDED";
    case BUGCODE_SPIN_LOCK_ALREADY_OWNED: return "SPIN_LOCK_ALREADY_OWNED";
    case BUGCODE_SPIN_LOCK_NOT_OWNED: return "SPIN_LOCK_NOT_OWNED";
    case BUGCODE_KMODE_EXCEPTION_NOT_HANDLED: return "KMODE_EXCEPTION_NOT_HANDLED";
    case BUGCODE_KERNEL_APC_PENDING_DURING_EXIT: return "KERNEL_APC_PENDING_DURING_EXIT";
    case BUGCODE_RESOURCE_NOT_OWNED: return "RESOURCE_NOT_OWNED";
    case BUGCODE_IRQL_GT_ZERO_AT_SYSTEM_SERVICE: return "IRQL_GT_ZERO_AT_SYSTEM_SERVICE";
    case BUGCODE_WORKER_THREAD_RETURNED_AT_BAD_IRQL: return "WORKER_THREAD_RETURNED_AT_BAD_IRQL";
    case BUGCODE_ATTEMPTED_SWITCH_FROM_DPC: return "ATTEMPTED_SWITCH_FROM_DPC";
    case BUGCODE_WORKER_INVALID: return "WORKER_INVALID";
    case BUGCODE_SYSTEM_PTE_MISUSE: return "SYSTEM_PTE_MISUSE";
    case BUGCODE_PFN_LIST_CORRUPT: return "PFN_LIST_CORRUPT";
    case BUGCODE_INVALID_PROCESS_DETACH_ATTEMPT: return "INVALID_PROCESS_DETACH_ATTEMPT";
    case BUGCODE_INVALID_FLOATING_POINT_STATE: return "INVALID_FLOATING_POINT_STATE";
    case BUGCODE_RUNDOWN_NOT_HELD: return "KERNEL_SECURITY_CHECK_FAILURE";
    case BUGCODE_BAD_POOL_CALLER: return "BAD_POOL_CALLER";
    case BUGCODE_BAD_POOL_HEADER: return "BAD_POOL_HEADER";
    case BUGCODE_DRIVER_VERIFIER_DETECTED_VIOLATION: return "DRIVER_VERIFIER_DETECTED_VIOLATION";
    case BUGCODE_DRIVER_CORRUPTED_EXPOOL: return "DRIVER_CORRUPTED_EXPOOL";
    case BUGCODE_TIMER_OR_DPC_INVALID: return "TIMER_OR_DPC_INVALID";
    case BUGCODE_THREAD_TERMINATE_HELD_MUTEX: return "THREAD_TERMINATE_HELD_MUTEX";
    case BUGCODE_MANUALLY_INITIATED_CRASH1: return "MANUALLY_INITIATED_CRASH1";
    default: return "raised by a driver";
    }
}

// Who wanted to hear of it does, before the report ends the process; a bug check that one of them causes is the one reported.
static void
bugcheck_tell(void)
{
    struct ke_thread *self = sched_self ? ke_self() : NULL;
    struct box *box = self ? self->box : NULL;
    if (!box || !box->on_bugcheck || atomic_exchange(&box->is_bugchecked, true))
        return;
    KIRQL old = self->irql;
    self->irql = HIGH_LEVEL;                  // on the processor, or without one: nothing else runs from here on
    box->on_bugcheck(box);
    self->irql = old;
}

void
ke_bugcheck(uint32_t code, uint64_t p1, uint64_t p2, uint64_t p3, uint64_t p4)
{
    char text[200];
    snprintf(text, sizeof text, "bug check 0x%X %s (0x%llX, 0x%llX, 0x%llX, 0x%llX)", code, bugcheck_name(code), (unsigned long long)p1,
             (unsigned long long)p2, (unsigned long long)p3, (unsigned long long)p4);
    bugcheck_tell();
    verify_report_fatal(&(struct verify_finding){.rule = NBX_0007, .function = "KeBugCheckEx", .text = text, .is_sentence = true});
}

NTAPI void
nbx_fail_fast(ULONG code)
{
    ke_bugcheck(BUGCODE_SECURITY_CHECK_FAILURE, code, 0, 0, 0);
}
