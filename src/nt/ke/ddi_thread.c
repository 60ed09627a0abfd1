// SPDX-License-Identifier: MIT
// Front doors: the running thread, priorities, regions, guarded and critical. Priorities are remembered and given back; the schedulers
// do not look at them (docs/irql.md). [wdm/nf-wdm-kesetprioritythread], [ntddk/nf-ntddk-keentercriticalregion]
#include "nt/ke/bugcheck.h"
#include "nt/ke/ke.h"
#include "verify/verify.h"

NTAPI PKTHREAD
KeGetCurrentThread(VOID)
{
    return (PKTHREAD)ke_self();
}

NTAPI KPRIORITY
KeQueryPriorityThread(PKTHREAD Thread)
{
    VERIFY_ENTER(KeQueryPriorityThread);
    return __atomic_load_n(&((struct ke_thread *)Thread)->priority, __ATOMIC_RELAXED);
}

NTAPI KPRIORITY
KeSetPriorityThread(PKTHREAD Thread, KPRIORITY Priority)
{
    VERIFY_ENTER(KeSetPriorityThread);
    return __atomic_exchange_n(&((struct ke_thread *)Thread)->priority, Priority, __ATOMIC_RELAXED);
}

// The System process's base priority is 8; what is asked for stays in the class of variable priorities, 1 to 15.
NTAPI LONG
KeSetBasePriorityThread(PKTHREAD Thread, LONG Increment)
{
    VERIFY_ENTER(KeSetBasePriorityThread);
    KPRIORITY wanted = Increment < 1 - 8 ? 1 : Increment > 15 - 8 ? 15
                                                                  : 8 + Increment;
    return __atomic_exchange_n(&((struct ke_thread *)Thread)->priority, wanted, __ATOMIC_RELAXED) - 8;
}

NTAPI VOID
KeEnterCriticalRegion(VOID)
{
    VERIFY_ENTER(KeEnterCriticalRegion);
    ke_self()->critical_depth++;
}

NTAPI VOID
KeLeaveCriticalRegion(VOID)
{
    VERIFY_ENTER(KeLeaveCriticalRegion);
    if (!ke_self()->critical_depth)   // Windows finds it when the thread ends; we say it at once
        ke_bugcheck(BUGCODE_KERNEL_APC_PENDING_DURING_EXIT, 0, (uint64_t)-1, ke_self()->irql, 0);
    ke_self()->critical_depth--;
}

NTAPI VOID
KeEnterGuardedRegion(VOID)
{
    VERIFY_ENTER(KeEnterGuardedRegion);
    ke_self()->guarded_depth++;
}

NTAPI VOID
KeLeaveGuardedRegion(VOID)
{
    VERIFY_ENTER(KeLeaveGuardedRegion);
    if (!ke_self()->guarded_depth)
        ke_bugcheck(BUGCODE_KERNEL_APC_PENDING_DURING_EXIT, 0, (uint64_t)-1, ke_self()->irql, 0);
    ke_self()->guarded_depth--;
}

NTAPI BOOLEAN
KeAreApcsDisabled(VOID)
{
    VERIFY_ENTER(KeAreApcsDisabled);
    return ke_self()->critical_depth || ke_self()->guarded_depth;
}

NTAPI BOOLEAN
KeAreAllApcsDisabled(VOID)
{
    VERIFY_ENTER(KeAreAllApcsDisabled);
    return ke_self()->guarded_depth || ke_self()->irql >= APC_LEVEL;
}
