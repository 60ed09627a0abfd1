// SPDX-License-Identifier: MIT
// Front doors: work items, identifiers, the small questions. The local time zone of a box is UTC.
// [wdm/nf-wdm-exqueueworkitem], [ntddk/nf-ntddk-exuuidcreate], [wdm/nf-wdm-exsystemtimetolocaltime]
#include "nt/ex/raise.h"
#include "nt/ex/work.h"
#include "nt/ke/ke.h"
#include "nt/ke/time.h"
#include "nt/mm/mdl.h"
#include "verify/verify.h"

NTAPI VOID
ExQueueWorkItem(PWORK_QUEUE_ITEM WorkItem, WORK_QUEUE_TYPE QueueType)
{
    VERIFY_ENTER(ExQueueWorkItem);
    ex_work_queue(box_self(), WorkItem, QueueType);
}

NTAPI KPROCESSOR_MODE
ExGetPreviousMode(VOID)
{
    VERIFY_ENTER(ExGetPreviousMode);
    return ke_self()->previous_mode;
}

// A version 4 UUID from the seam's randomness, so that sim repeats it.
NTAPI NTSTATUS
ExUuidCreate(UUID *Uuid)
{
    VERIFY_ENTER(ExUuidCreate);
    UCHAR bytes[sizeof *Uuid];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (UCHAR)sched_draw(box_self()->sched, SCHED_DRAW_DRIVER, 256);
    memcpy(Uuid, bytes, sizeof bytes);
    Uuid->Data3 = (USHORT)((Uuid->Data3 & 0x0fff) | 0x4000);
    Uuid->Data4[0] = (UCHAR)((Uuid->Data4[0] & 0x3f) | 0x80);
    return STATUS_SUCCESS;
}

NTAPI VOID
ExSystemTimeToLocalTime(PLARGE_INTEGER SystemTime, PLARGE_INTEGER LocalTime)
{
    VERIFY_ENTER(ExSystemTimeToLocalTime);
    *LocalTime = *SystemTime;
}

NTAPI VOID
ExLocalTimeToSystemTime(PLARGE_INTEGER LocalTime, PLARGE_INTEGER SystemTime)
{
    VERIFY_ENTER(ExLocalTimeToSystemTime);
    *SystemTime = *LocalTime;
}

// What is asked for is kept and told; timers do not wait for a tick, so they are as precise as the finest one anyway. Units of 100 ns.
NTAPI ULONG
ExSetTimerResolution(ULONG DesiredTime, BOOLEAN SetResolution)
{
    VERIFY_ENTER(ExSetTimerResolution);
    return SetResolution ? ke_resolution_set(box_self(), DesiredTime) : ke_resolution_restore(box_self());
}

NTAPI VOID
ExQueryTimerResolution(PULONG MaximumTime, PULONG MinimumTime, PULONG CurrentTime)
{
    VERIFY_ENTER(ExQueryTimerResolution);
    *MaximumTime = KE_TICK_UNITS;
    *MinimumTime = KE_TICK_UNITS_LEAST;
    *CurrentTime = ke_resolution(box_self());
}

// There is one address space, the process's: its half of the addresses counts as user mode, the other half as the system's, as on Windows.
// A range that is misaligned, wraps or leaves that half raises.
#define USER_RANGE_END 0x0000800000000000u
static void
probe(uint64_t address, SIZE_T bytes, ULONG alignment)
{
    if (!bytes)
        return;
    if (alignment && (address & (alignment - 1)))
        ex_raise_status(STATUS_DATATYPE_MISALIGNMENT);
    if (!address || address + bytes < address || address + bytes > USER_RANGE_END)
        ex_raise_status(STATUS_ACCESS_VIOLATION);
}

NTAPI VOID
ProbeForRead(const volatile VOID *Address, SIZE_T Length, ULONG Alignment)
{
    VERIFY_ENTER(ProbeForRead);
    probe((uint64_t)(uintptr_t)Address, Length, Alignment);
}

// Touches every page for writing, which is what raises when it is not writable.
NTAPI VOID
ProbeForWrite(volatile VOID *Address, SIZE_T Length, ULONG Alignment)
{
    VERIFY_ENTER(ProbeForWrite);
    probe((uint64_t)(uintptr_t)Address, Length, Alignment);
    mm_touch(Address, Length, true);
}
