// SPDX-License-Identifier: MIT
// Front doors: clocks. All of them read the scheduler's clock, so the coarse ones are finer than on Windows; the tick count moves in
// steps of 15.625 ms, because drivers compute with KeQueryTimeIncrement. [wdm/nf-wdm-kequeryinterrupttime] and its neighbours.
#include "nt/ke/ke.h"
#include "nt/ke/time.h"
#include "verify/verify.h"

NTAPI VOID
KeQuerySystemTime(PLARGE_INTEGER CurrentTime)
{
    VERIFY_ENTER(KeQuerySystemTime);
    CurrentTime->QuadPart = (LONGLONG)ke_time_system(box_self());
}

NTAPI VOID
KeQuerySystemTimePrecise(PLARGE_INTEGER CurrentTime)
{
    VERIFY_ENTER(KeQuerySystemTimePrecise);
    CurrentTime->QuadPart = (LONGLONG)ke_time_system(box_self());
}

NTAPI ULONGLONG
KeQueryInterruptTime(VOID)
{
    VERIFY_ENTER(KeQueryInterruptTime);
    return ke_time_interrupt(box_self());
}

NTAPI ULONGLONG
KeQueryInterruptTimePrecise(PULONG64 QpcTimeStamp)
{
    VERIFY_ENTER(KeQueryInterruptTimePrecise);
    ULONGLONG now = ke_time_interrupt(box_self());
    *QpcTimeStamp = now;   // the performance counter runs at 10 MHz too
    return now;
}

NTAPI ULONGLONG
KeQueryUnbiasedInterruptTime(VOID)
{
    VERIFY_ENTER(KeQueryUnbiasedInterruptTime);
    return ke_time_interrupt(box_self());   // a box does not sleep
}

NTAPI VOID
KeQueryTickCount(PLARGE_INTEGER CurrentCount)
{
    VERIFY_ENTER(KeQueryTickCount);
    CurrentCount->QuadPart = (LONGLONG)(ke_time_interrupt(box_self()) / KE_TICK_UNITS);
}

NTAPI ULONG
KeQueryTimeIncrement(VOID)
{
    VERIFY_ENTER(KeQueryTimeIncrement);
    return KE_TICK_UNITS;
}

NTAPI LARGE_INTEGER
KeQueryPerformanceCounter(PLARGE_INTEGER PerformanceFrequency)
{
    VERIFY_ENTER(KeQueryPerformanceCounter);
    if (PerformanceFrequency)
        PerformanceFrequency->QuadPart = 10000000;
    return (LARGE_INTEGER){.QuadPart = (LONGLONG)ke_time_interrupt(box_self())};
}

NTAPI VOID
KeStallExecutionProcessor(ULONG MicroSeconds)
{
    VERIFY_ENTER(KeStallExecutionProcessor);
    ke_time_stall(box_self(), (uint64_t)MicroSeconds * 1000);
}
