// SPDX-License-Identifier: MIT
// Front doors that a box answers by what it is: one address space, no processor that comes later, no state beyond what the compiler saves.
// [ntifs/nf-ntifs-kestackattachprocess], [wdm/nf-wdm-keregisterprocessorchangecallback], [wdm/nf-wdm-kesaveextendedprocessorstate]
#include <ntifs.h>

#include "nt/ex/pool.h"
#include "nt/ke/bugcheck.h"
#include "nt/ke/ke.h"
#include "verify/verify.h"

#define TAG_CHANGE 0x68437250   // "PrCh"

// There is one address space: attaching to the process one is in changes nothing. The state is checked so that pairs stay pairs.
NTAPI VOID
KeStackAttachProcess(PRKPROCESS PROCESS, PRKAPC_STATE ApcState)
{
    VERIFY_ENTER(KeStackAttachProcess);
    *ApcState = (KAPC_STATE){.Process = PROCESS};
}

NTAPI VOID
KeUnstackDetachProcess(PRKAPC_STATE ApcState)
{
    VERIFY_ENTER(KeUnstackDetachProcess);
    if (!ApcState->Process)
        ke_bugcheck(BUGCODE_INVALID_PROCESS_DETACH_ATTEMPT, (uint64_t)(uintptr_t)ApcState, 0, 0, 0);
    ApcState->Process = NULL;
}

// DPCs here have no time limit and nothing watches the processor's time.
NTAPI BOOLEAN
KeShouldYieldProcessor(VOID)
{
    VERIFY_ENTER(KeShouldYieldProcessor);
    return FALSE;
}

// All limits 0: the watchdog is off.
NTAPI NTSTATUS
KeQueryDpcWatchdogInformation(PKDPC_WATCHDOG_INFORMATION WatchdogInformation)
{
    VERIFY_ENTER(KeQueryDpcWatchdogInformation);
    if (ke_self()->irql < DISPATCH_LEVEL)
        return STATUS_UNSUCCESSFUL;
    *WatchdogInformation = (KDPC_WATCHDOG_INFORMATION){0};
    return STATUS_SUCCESS;
}

// The driver's own registers are saved by the compiler at each call and by the scheduler at each switch, so nothing is lost in between.
// What a driver changes for those it came between is how they count: the control words of x87 and SSE, which are kept in Length and
// Reserved1. Only these two are enabled for drivers (RtlGetEnabledExtendedFeatures).
static uint64_t
control_words(void)
{
    uint64_t words = 0;
#if defined(__x86_64__)
    uint16_t x87;
    uint32_t sse;
    __asm__ volatile("fnstcw %0\n\tstmxcsr %1" : "=m"(x87), "=m"(sse));
    words = (uint64_t)x87 << 32 | sse;
#endif
    return words;
}

static void
control_words_restore(ULONG64 mask, uint64_t words)
{
#if defined(__x86_64__)
    uint16_t x87 = (uint16_t)(words >> 32);
    uint32_t sse = (uint32_t)words;
    if (mask & XSTATE_MASK_LEGACY_FLOATING_POINT)
        __asm__ volatile("fldcw %0" : : "m"(x87));
    if (mask & XSTATE_MASK_LEGACY_SSE)
        __asm__ volatile("ldmxcsr %0" : : "m"(sse));
#endif
}

NTAPI NTSTATUS
KeSaveExtendedProcessorState(ULONG64 Mask, PXSTATE_SAVE XStateSave)
{
    VERIFY_ENTER(KeSaveExtendedProcessorState);
    XStateSave->Prev = NULL;
    XStateSave->Thread = (PKTHREAD)ke_self();
    XStateSave->Level = ke_self()->irql;
    XStateSave->XStateContext.Mask = Mask;
    uint64_t words = control_words();
    XStateSave->XStateContext.Length = (ULONG)words;
    XStateSave->XStateContext.Reserved1 = (ULONG)(words >> 32);
    return STATUS_SUCCESS;
}

NTAPI VOID
KeRestoreExtendedProcessorState(PXSTATE_SAVE XStateSave)
{
    VERIFY_ENTER(KeRestoreExtendedProcessorState);
    if (XStateSave->Thread != (PKTHREAD)ke_self() || XStateSave->Level != ke_self()->irql)
        ke_bugcheck(BUGCODE_INVALID_FLOATING_POINT_STATE, 2, (uint64_t)(uintptr_t)XStateSave->Thread, (uint64_t)(uintptr_t)ke_self(),
                    ke_self()->irql);
    const XSTATE_CONTEXT *kept = &XStateSave->XStateContext;
    control_words_restore(kept->Mask, (uint64_t)kept->Reserved1 << 32 | kept->Length);
}

static NTSTATUS
processor_tell(PPROCESSOR_CALLBACK_FUNCTION function, void *context, ULONG number, KE_PROCESSOR_CHANGE_NOTIFY_STATE state, NTSTATUS status)
{
    KE_PROCESSOR_CHANGE_NOTIFY_CONTEXT change = {.State = state, .NtNumber = number, .Status = status};
    change.ProcNumber = (PROCESSOR_NUMBER){.Number = (UCHAR)number};
    NTSTATUS answer = STATUS_SUCCESS;
    function(context, &change, &answer);
    return answer;
}

// All processors are there from the start. With KE_PROCESSOR_CHANGE_ADD_EXISTING the function hears of each of them now: that it
// starts; and when it has accepted all, that they are there, or when it refused one, that those before it are not.
static NTSTATUS
processors_announce(PPROCESSOR_CALLBACK_FUNCTION function, void *context)
{
    ULONG count = box_self()->processor_count, told = 0;
    NTSTATUS status = STATUS_SUCCESS;
    while (told < count && NT_SUCCESS(status = processor_tell(function, context, told, KeProcessorAddStartNotify, STATUS_SUCCESS)))
        told++;
    KE_PROCESSOR_CHANGE_NOTIFY_STATE end = NT_SUCCESS(status) ? KeProcessorAddCompleteNotify : KeProcessorAddFailureNotify;
    for (ULONG i = 0; i < told; i++)
        processor_tell(function, context, i, end, status);
    return status;
}

NTAPI PVOID
KeRegisterProcessorChangeCallback(PPROCESSOR_CALLBACK_FUNCTION CallbackFunction, PVOID CallbackContext, ULONG Flags)
{
    VERIFY_ENTER(KeRegisterProcessorChangeCallback);
    if (Flags & ~(ULONG)KE_PROCESSOR_CHANGE_ADD_EXISTING)
        return NULL;
    void *handle = ex_pool_alloc(box_self(), 16, TAG_CHANGE, true, __builtin_return_address(0));
    if (handle && (Flags & KE_PROCESSOR_CHANGE_ADD_EXISTING) && !NT_SUCCESS(processors_announce(CallbackFunction, CallbackContext))) {
        ex_pool_free(box_self(), handle, TAG_CHANGE);
        return NULL;
    }
    return handle;
}

NTAPI VOID
KeDeregisterProcessorChangeCallback(PVOID CallbackHandle)
{
    VERIFY_ENTER(KeDeregisterProcessorChangeCallback);
    ex_pool_free(box_self(), CallbackHandle, TAG_CHANGE);
}
