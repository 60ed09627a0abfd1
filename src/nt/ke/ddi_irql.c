// SPDX-License-Identifier: MIT
// Front doors: IRQL. APC_LEVEL is a mark on the thread (no APC is ever delivered); DISPATCH_LEVEL and above own the processor.
// Levels above DISPATCH are marks too: nothing interrupts a thread that owns its processor.
// [wdm/nf-wdm-keraiseirql], [wdm/nf-wdm-kelowerirql]
#include "nt/ke/bugcheck.h"
#include "nt/ke/ke.h"
#include "verify/verify.h"

NTAPI KIRQL
KeGetCurrentIrql(VOID)
{
    return ke_self()->irql;
}

NTAPI KIRQL
KfRaiseIrql(KIRQL NewIrql)
{
    VERIFY_ENTER(KfRaiseIrql);
    struct ke_thread *self = ke_self();
    KIRQL old = self->irql;
    if (NewIrql < old)
        ke_bugcheck(BUGCODE_IRQL_NOT_GREATER_OR_EQUAL, old, NewIrql, 0, (uint64_t)(uintptr_t)__builtin_return_address(0));
    if (NewIrql >= DISPATCH_LEVEL)
        ke_raise_dispatch(self);
    self->irql = NewIrql;
    VERIFY_RAISED();
    VERIFY_LEAVE(KfRaiseIrql);
    return old;
}

NTAPI VOID
KeLowerIrql(KIRQL NewIrql)
{
    VERIFY_ENTER(KeLowerIrql);
    struct ke_thread *self = ke_self();
    if (NewIrql > self->irql)
        ke_bugcheck(BUGCODE_IRQL_NOT_LESS_OR_EQUAL, self->irql, NewIrql, 0, (uint64_t)(uintptr_t)__builtin_return_address(0));
    ke_lower(self, NewIrql);
    VERIFY_LEAVE(KeLowerIrql);
}

NTAPI KIRQL
KeRaiseIrqlToDpcLevel(VOID)
{
    VERIFY_ENTER(KeRaiseIrqlToDpcLevel);
    KIRQL old = ke_self()->irql;
    if (old > DISPATCH_LEVEL)
        ke_bugcheck(BUGCODE_IRQL_NOT_GREATER_OR_EQUAL, old, DISPATCH_LEVEL, 0, (uint64_t)(uintptr_t)__builtin_return_address(0));
    ke_raise_dispatch(ke_self());
    VERIFY_RAISED();
    VERIFY_LEAVE(KeRaiseIrqlToDpcLevel);
    return old;
}

NTAPI KIRQL
KeRaiseIrqlToSynchLevel(VOID)
{
    VERIFY_ENTER(KeRaiseIrqlToSynchLevel);
    KIRQL old = ke_raise_dispatch(ke_self());
    ke_self()->irql = SYNCH_LEVEL;
    VERIFY_RAISED();
    VERIFY_LEAVE(KeRaiseIrqlToSynchLevel);
    return old;
}
