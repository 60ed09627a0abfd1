// SPDX-License-Identifier: MIT
// Front doors: DPCs. [wdm/nf-wdm-keinsertqueuedpc], [wdm/nf-wdm-kesettargetprocessordpcex]
#include "nt/ke/dpc.h"
#include "nt/ke/wait.h"
#include "verify/verify.h"

NTAPI VOID
KeInitializeDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    VERIFY_ENTER(KeInitializeDpc);
    ke_dpc_init(Dpc, DeferredRoutine, DeferredContext, false);
}

NTAPI VOID
KeInitializeThreadedDpc(PRKDPC Dpc, PKDEFERRED_ROUTINE DeferredRoutine, PVOID DeferredContext)
{
    VERIFY_ENTER(KeInitializeThreadedDpc);
    ke_dpc_init(Dpc, DeferredRoutine, DeferredContext, true);
}

NTAPI BOOLEAN
KeInsertQueueDpc(PRKDPC Dpc, PVOID SystemArgument1, PVOID SystemArgument2)
{
    VERIFY_ENTER(KeInsertQueueDpc);
    BOOLEAN queued = ke_dpc_queue(Dpc, SystemArgument1, SystemArgument2);
    VERIFY_LEAVE(KeInsertQueueDpc);
    return queued;
}

NTAPI BOOLEAN
KeRemoveQueueDpc(PRKDPC Dpc)
{
    VERIFY_ENTER(KeRemoveQueueDpc);
    BOOLEAN removed = ke_dpc_remove(Dpc);
    VERIFY_LEAVE(KeRemoveQueueDpc);
    return removed;
}

NTAPI VOID
KeFlushQueuedDpcs(VOID)
{
    VERIFY_ENTER(KeFlushQueuedDpcs);
    ke_dpc_flush(box_self());
    VERIFY_LEAVE(KeFlushQueuedDpcs);
}

NTAPI VOID
KeSetImportanceDpc(PRKDPC Dpc, KDPC_IMPORTANCE Importance)
{
    VERIFY_ENTER(KeSetImportanceDpc);
    Dpc->Importance = (UCHAR)Importance;
}

NTAPI VOID
KeSetTargetProcessorDpc(PRKDPC Dpc, CCHAR Number)
{
    VERIFY_ENTER(KeSetTargetProcessorDpc);
    Dpc->Number = (USHORT)(KE_DPC_TARGET_BASE + (UCHAR)Number);
}

NTAPI NTSTATUS
KeSetTargetProcessorDpcEx(PKDPC Dpc, PPROCESSOR_NUMBER ProcNumber)
{
    VERIFY_ENTER(KeSetTargetProcessorDpcEx);
    if (ProcNumber->Group != 0 || ProcNumber->Reserved != 0 || ProcNumber->Number >= box_self()->processor_count)
        return STATUS_INVALID_PARAMETER;
    Dpc->Number = (USHORT)(KE_DPC_TARGET_BASE + ProcNumber->Number);
    return STATUS_SUCCESS;
}
