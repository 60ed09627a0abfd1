// SPDX-License-Identifier: MIT
// Where Windows would show a blue screen: say the code, its four parameters, the thread, its level and its stack, and end with 1.
#ifndef NBX_NT_KE_BUGCHECK_H
#define NBX_NT_KE_BUGCHECK_H

#include <stdint.h>

enum bugcode {   // [windows-driver-docs debugger/bug-check-code-reference2]
    BUGCODE_IRQL_NOT_DISPATCH_LEVEL = 0x08,
    BUGCODE_IRQL_NOT_GREATER_OR_EQUAL = 0x09,
    BUGCODE_IRQL_NOT_LESS_OR_EQUAL = 0x0A,
    BUGCODE_MAXIMUM_WAIT_OBJECTS_EXCEEDED = 0x0C,
    BUGCODE_SPIN_LOCK_ALREADY_OWNED = 0x0F,
    BUGCODE_SPIN_LOCK_NOT_OWNED = 0x10,
    BUGCODE_KMODE_EXCEPTION_NOT_HANDLED = 0x1E,
    BUGCODE_KERNEL_APC_PENDING_DURING_EXIT = 0x20,
    BUGCODE_RESOURCE_NOT_OWNED = 0xE3,
    BUGCODE_IRQL_GT_ZERO_AT_SYSTEM_SERVICE = 0x4A,
    BUGCODE_WORKER_THREAD_RETURNED_AT_BAD_IRQL = 0xE1,
    BUGCODE_ATTEMPTED_SWITCH_FROM_DPC = 0xB8,
    BUGCODE_WORKER_INVALID = 0xE4,
    BUGCODE_PFN_LIST_CORRUPT = 0x4E,
    BUGCODE_RUNDOWN_NOT_HELD = 0x139,   // KERNEL_SECURITY_CHECK_FAILURE: what a reference count below 0 is on Windows
    BUGCODE_BAD_POOL_CALLER = 0xC2,
    BUGCODE_BAD_POOL_HEADER = 0x19,
    BUGCODE_DRIVER_VERIFIER_DETECTED_VIOLATION = 0xC4,
    BUGCODE_DRIVER_CORRUPTED_EXPOOL = 0xC5,
    BUGCODE_TIMER_OR_DPC_INVALID = 0xC7,
    BUGCODE_THREAD_TERMINATE_HELD_MUTEX = 0x4000008A,
    BUGCODE_MANUALLY_INITIATED_CRASH1 = 0xDEADDEAD,
};

// irql: any. Does not return.
__attribute__((noreturn)) void ke_bugcheck(uint32_t code, uint64_t p1, uint64_t p2, uint64_t p3, uint64_t p4);

#endif
