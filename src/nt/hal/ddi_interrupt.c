// SPDX-License-Identifier: MIT
// Front doors: synchronising with an interrupt by its object. Drivers of NDIS find one in IO_INTERRUPT_MESSAGE_INFO; IoConnectInterrupt
// and its kin refuse, since no driver here is told a vector.
// [wdm/nf-wdm-kesynchronizeexecution], [wdm/nf-wdm-keacquireinterruptspinlock]
#include "nt/hal/hal.h"
#include "verify/verify.h"

NTAPI BOOLEAN
KeSynchronizeExecution(PKINTERRUPT Interrupt, PKSYNCHRONIZE_ROUTINE SynchronizeRoutine, PVOID SynchronizeContext)
{
    VERIFY_ENTER(KeSynchronizeExecution);
    KIRQL old = hal_interrupt_lock(Interrupt);
    BOOLEAN result = SynchronizeRoutine(SynchronizeContext);
    hal_interrupt_unlock(Interrupt, old);
    return result;
}

NTAPI KIRQL
KeAcquireInterruptSpinLock(PKINTERRUPT Interrupt)
{
    VERIFY_ENTER(KeAcquireInterruptSpinLock);
    return hal_interrupt_lock(Interrupt);
}

NTAPI VOID
KeReleaseInterruptSpinLock(PKINTERRUPT Interrupt, KIRQL OldIrql)
{
    VERIFY_ENTER(KeReleaseInterruptSpinLock);
    hal_interrupt_unlock(Interrupt, OldIrql);
}
