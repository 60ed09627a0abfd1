// SPDX-License-Identifier: MIT
// Front doors: which processor, how many, and where a thread may run. A box has one group and one node, and all its processors are
// active. Below DISPATCH the current processor is the one last owned: as on Windows it may have changed when the caller looks again.
// [wdm/nf-wdm-kegetcurrentprocessornumberex], [wdm/nf-wdm-kesetsystemaffinitythreadex]
#include "nt/ke/ke.h"
#include "verify/verify.h"

static KAFFINITY
processor_mask(struct box *box)
{
    return box->processor_count == 64 ? UINT64_MAX : (UINT64_C(1) << box->processor_count) - 1;
}

// A mask is valid when it has processors of the box, and nothing else.
static bool
affinity_is_valid(KAFFINITY affinity)
{
    return affinity && !(affinity & ~processor_mask(box_self()));
}

// Takes effect at the next raise; at once below DISPATCH as far as anybody can see.
static KAFFINITY
affinity_set(KAFFINITY affinity)
{
    struct ke_thread *self = ke_self();
    KAFFINITY before = self->affinity;
    self->affinity = affinity;
    if (self->irql < DISPATCH_LEVEL && !(affinity >> self->processor->number & 1))
        self->processor = &self->box->processors[__builtin_ctzll(affinity & processor_mask(self->box))];
    return before == UINT64_MAX ? 0 : before;   // 0: no system affinity had been set
}

NTAPI ULONG
KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER ProcNumber)
{
    VERIFY_ENTER(KeGetCurrentProcessorNumberEx);
    ULONG number = ke_self()->processor->number;
    if (ProcNumber)
        *ProcNumber = (PROCESSOR_NUMBER){.Number = (UCHAR)number};
    return number;
}

NTAPI ULONG
KeGetCurrentProcessorNumber(VOID)
{
    return ke_self()->processor->number;
}

NTAPI USHORT
KeGetCurrentNodeNumber(VOID)
{
    VERIFY_ENTER(KeGetCurrentNodeNumber);
    return 0;
}

NTAPI ULONG
KeGetProcessorIndexFromNumber(PPROCESSOR_NUMBER ProcNumber)
{
    VERIFY_ENTER(KeGetProcessorIndexFromNumber);
    if (ProcNumber->Group != 0 || ProcNumber->Number >= box_self()->processor_count)
        return INVALID_PROCESSOR_INDEX;
    return ProcNumber->Number;
}

NTAPI NTSTATUS
KeGetProcessorNumberFromIndex(ULONG ProcIndex, PPROCESSOR_NUMBER ProcNumber)
{
    VERIFY_ENTER(KeGetProcessorNumberFromIndex);
    if (ProcIndex >= box_self()->processor_count)
        return STATUS_INVALID_PARAMETER;
    *ProcNumber = (PROCESSOR_NUMBER){.Number = (UCHAR)ProcIndex};
    return STATUS_SUCCESS;
}

NTAPI ULONG
KeQueryActiveProcessorCount(PKAFFINITY ActiveProcessors)
{
    VERIFY_ENTER(KeQueryActiveProcessorCount);
    if (ActiveProcessors)
        *ActiveProcessors = processor_mask(box_self());
    return box_self()->processor_count;
}

NTAPI ULONG
KeQueryActiveProcessorCountEx(USHORT GroupNumber)
{
    VERIFY_ENTER(KeQueryActiveProcessorCountEx);
    return GroupNumber == 0 || GroupNumber == ALL_PROCESSOR_GROUPS ? box_self()->processor_count : 0;
}

NTAPI ULONG
KeQueryMaximumProcessorCount(VOID)
{
    VERIFY_ENTER(KeQueryMaximumProcessorCount);
    return box_self()->processor_count;
}

NTAPI ULONG
KeQueryMaximumProcessorCountEx(USHORT GroupNumber)
{
    VERIFY_ENTER(KeQueryMaximumProcessorCountEx);
    return GroupNumber == 0 || GroupNumber == ALL_PROCESSOR_GROUPS ? box_self()->processor_count : 0;
}

NTAPI USHORT
KeQueryActiveGroupCount(VOID)
{
    VERIFY_ENTER(KeQueryActiveGroupCount);
    return 1;
}

NTAPI USHORT
KeQueryMaximumGroupCount(VOID)
{
    VERIFY_ENTER(KeQueryMaximumGroupCount);
    return 1;
}

NTAPI USHORT
KeQueryHighestNodeNumber(VOID)
{
    VERIFY_ENTER(KeQueryHighestNodeNumber);
    return 0;
}

NTAPI KAFFINITY
KeQueryActiveProcessors(VOID)
{
    VERIFY_ENTER(KeQueryActiveProcessors);
    return processor_mask(box_self());
}

NTAPI KAFFINITY
KeQueryGroupAffinity(USHORT GroupNumber)
{
    VERIFY_ENTER(KeQueryGroupAffinity);
    return GroupNumber == 0 ? processor_mask(box_self()) : 0;
}

NTAPI VOID
KeQueryNodeActiveAffinity(USHORT NodeNumber, PGROUP_AFFINITY Affinity, PUSHORT Count)
{
    VERIFY_ENTER(KeQueryNodeActiveAffinity);
    bool exists = NodeNumber == 0;
    if (Affinity)
        *Affinity = (GROUP_AFFINITY){.Mask = exists ? processor_mask(box_self()) : 0};
    if (Count)
        *Count = exists ? (USHORT)box_self()->processor_count : 0;
}

NTAPI KAFFINITY
KeSetSystemAffinityThreadEx(KAFFINITY Affinity)
{
    VERIFY_ENTER(KeSetSystemAffinityThreadEx);
    return affinity_is_valid(Affinity) ? affinity_set(Affinity) : 0;   // otherwise nothing changes
}

NTAPI VOID
KeSetSystemAffinityThread(KAFFINITY Affinity)
{
    VERIFY_ENTER(KeSetSystemAffinityThread);
    if (affinity_is_valid(Affinity))
        affinity_set(Affinity);
}

NTAPI VOID
KeRevertToUserAffinityThread(VOID)
{
    VERIFY_ENTER(KeRevertToUserAffinityThread);
    affinity_set(UINT64_MAX);
}

NTAPI VOID
KeRevertToUserAffinityThreadEx(KAFFINITY Affinity)
{
    VERIFY_ENTER(KeRevertToUserAffinityThreadEx);
    if (!Affinity || affinity_is_valid(Affinity))
        affinity_set(Affinity ? Affinity : UINT64_MAX);
}

NTAPI VOID
KeSetSystemGroupAffinityThread(PGROUP_AFFINITY Affinity, PGROUP_AFFINITY PreviousAffinity)
{
    VERIFY_ENTER(KeSetSystemGroupAffinityThread);
    KAFFINITY before = ke_self()->affinity == UINT64_MAX ? 0 : ke_self()->affinity;
    KAFFINITY wanted = Affinity->Mask & processor_mask(box_self());
    if (Affinity->Group == 0 && wanted && !Affinity->Reserved[0] && !Affinity->Reserved[1] && !Affinity->Reserved[2])
        affinity_set(wanted);
    if (PreviousAffinity)
        *PreviousAffinity = (GROUP_AFFINITY){.Mask = before};
}

NTAPI VOID
KeRevertToUserGroupAffinityThread(PGROUP_AFFINITY PreviousAffinity)
{
    VERIFY_ENTER(KeRevertToUserGroupAffinityThread);
    KAFFINITY mask = PreviousAffinity->Mask & processor_mask(box_self());
    affinity_set(mask ? mask : UINT64_MAX);
}
