// SPDX-License-Identifier: MIT
// Front doors: memory comparison, calendar time, randomness, version. The version is that of version.h.
// [wdm/nf-wdm-rtlgetversion], [wdm/nf-wdm-rtltimefieldstotime]
#include <ntddk.h>

#include "nt/ke/ke.h"
#include "nt/rtl/doserror.h"
#include "nt/rtl/version.h"
#include "verify/verify.h"

NTAPI SIZE_T
RtlCompareMemory(const VOID *Source1, const VOID *Source2, SIZE_T Length)
{
    const UCHAR *a = Source1, *b = Source2;
    SIZE_T equal = 0;
    while (equal < Length && a[equal] == b[equal])
        equal++;
    return equal;
}

NTAPI SIZE_T
RtlCompareMemoryUlong(PVOID Source, SIZE_T Length, ULONG Pattern)
{
    const ULONG *words = Source;
    SIZE_T count = 0;
    if ((uintptr_t)Source % sizeof(ULONG) || Length % sizeof(ULONG))
        return 0;
    while (count < Length / sizeof(ULONG) && words[count] == Pattern)
        count++;
    return count * sizeof(ULONG);
}

#define UNITS_PER_DAY (24 * 3600 * 10000000LL)

// Days from 1601-01-01, a Monday and the first year of a 400-year round of the Gregorian calendar.
static int64_t
days_before(int year, int month)
{
    static const short before_month[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t y = year - 1601;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return y * 365 + y / 4 - y / 100 + y / 400 + before_month[month - 1] + (leap && month > 2);
}

NTAPI VOID
RtlTimeToTimeFields(PLARGE_INTEGER Time, PTIME_FIELDS TimeFields)
{
    VERIFY_ENTER(RtlTimeToTimeFields);
    int64_t days = Time->QuadPart / UNITS_PER_DAY, rest = Time->QuadPart % UNITS_PER_DAY;
    int year = 1601 + (int)(days / 366), month = 1;
    while (days_before(year + 1, 1) <= days)
        year++;
    while (month < 12 && days_before(year, month + 1) <= days)
        month++;
    rest /= 10000;
    *TimeFields = (TIME_FIELDS){.Year = (CSHORT)year, .Month = (CSHORT)month, .Day = (CSHORT)(days - days_before(year, month) + 1),
                                .Hour = (CSHORT)(rest / 3600000), .Minute = (CSHORT)(rest / 60000 % 60),
                                .Second = (CSHORT)(rest / 1000 % 60), .Milliseconds = (CSHORT)(rest % 1000),
                                .Weekday = (CSHORT)((days + 1) % 7)};
}

NTAPI BOOLEAN
RtlTimeFieldsToTime(PTIME_FIELDS TimeFields, PLARGE_INTEGER Time)
{
    VERIFY_ENTER(RtlTimeFieldsToTime);
    const TIME_FIELDS *f = TimeFields;
    if (f->Year < 1601 || f->Year > 30827 || f->Month < 1 || f->Month > 12 || f->Day < 1 || f->Hour < 0 || f->Hour > 23 ||
        f->Minute < 0 || f->Minute > 59 || f->Second < 0 || f->Second > 59 || f->Milliseconds < 0 || f->Milliseconds > 999)
        return FALSE;
    int64_t first = days_before(f->Year, f->Month);
    int64_t next = f->Month == 12 ? days_before(f->Year + 1, 1) : days_before(f->Year, f->Month + 1);
    if (f->Day > next - first)
        return FALSE;
    int64_t ms = ((f->Hour * 60LL + f->Minute) * 60 + f->Second) * 1000 + f->Milliseconds;
    Time->QuadPart = (first + f->Day - 1) * UNITS_PER_DAY + ms * 10000;
    return TRUE;
}

// The caller's seed and the box's seeded stream together, so that sim repeats it and two calls with one seed differ no less than on
// Windows, where RtlRandomEx keeps state of its own. Both functions promise a number below 2^31 - 1.
NTAPI ULONG
RtlRandomEx(PULONG Seed)
{
    VERIFY_ENTER(RtlRandomEx);
    uint64_t drawn = sched_draw(sched_self->sched, SCHED_DRAW_DRIVER, MAXLONG);
    *Seed = (ULONG)((drawn + *Seed) % MAXLONG);
    return *Seed;
}

NTAPI ULONG
RtlRandom(PULONG Seed)
{
    VERIFY_ENTER(RtlRandom);
    return RtlRandomEx(Seed);
}

NTAPI NTSTATUS
RtlGetVersion(PRTL_OSVERSIONINFOW lpVersionInformation)
{
    VERIFY_ENTER(RtlGetVersion);
    ULONG bytes = lpVersionInformation->dwOSVersionInfoSize;
    if (bytes != sizeof(RTL_OSVERSIONINFOW) && bytes != sizeof(RTL_OSVERSIONINFOEXW))
        return STATUS_INVALID_PARAMETER;
    memset(lpVersionInformation, 0, bytes);
    lpVersionInformation->dwOSVersionInfoSize = bytes;
    lpVersionInformation->dwMajorVersion = RTL_VERSION_MAJOR;
    lpVersionInformation->dwMinorVersion = RTL_VERSION_MINOR;
    lpVersionInformation->dwBuildNumber = RTL_VERSION_BUILD;
    lpVersionInformation->dwPlatformId = 2;   // NT
    if (bytes == sizeof(RTL_OSVERSIONINFOEXW)) {
        RTL_OSVERSIONINFOEXW *ex = (RTL_OSVERSIONINFOEXW *)lpVersionInformation;
        ex->wSuiteMask = RTL_VERSION_SUITES;
        ex->wProductType = NtProductWinNt;
    }
    return STATUS_SUCCESS;
}

// Three bits a kind in the mask, in the order of the VER_ bits.
NTAPI ULONGLONG
VerSetConditionMask(ULONGLONG ConditionMask, ULONG TypeMask, UCHAR Condition)
{
    VERIFY_ENTER(VerSetConditionMask);
    for (int bit = 0; bit < 8; bit++)
        if (TypeMask & 1u << bit)
            ConditionMask |= (ULONGLONG)(Condition & 7) << (3 * bit);
    return ConditionMask;
}

static bool
version_holds(ULONG ours, ULONG wanted, ULONG condition)
{
    switch (condition) {
    case VER_EQUAL: return ours == wanted;
    case VER_GREATER: return ours > wanted;
    case VER_GREATER_EQUAL: return ours >= wanted;
    case VER_LESS: return ours < wanted;
    case VER_LESS_EQUAL: return ours <= wanted;
    default: return false;
    }
}

static bool
suites_hold(ULONG wanted, ULONG condition)
{
    ULONG present = wanted & RTL_VERSION_SUITES;
    return condition == VER_AND ? present == wanted : condition == VER_OR && present;
}

// Major, minor and service pack are compared as one number with the condition of the first that is asked for
// [wdm/nf-wdm-rtlverifyversioninfo].
NTAPI NTSTATUS
RtlVerifyVersionInfo(PRTL_OSVERSIONINFOEXW VersionInfo, ULONG TypeMask, ULONGLONG ConditionMask)
{
    VERIFY_ENTER(RtlVerifyVersionInfo);
    static const ULONG ladder[] = {VER_MAJORVERSION, VER_MINORVERSION, VER_SERVICEPACKMAJOR, VER_SERVICEPACKMINOR};
    const ULONG ours[] = {RTL_VERSION_MAJOR, RTL_VERSION_MINOR, 0, 0};
    const ULONG wanted[] = {VersionInfo->dwMajorVersion, VersionInfo->dwMinorVersion, VersionInfo->wServicePackMajor,
                            VersionInfo->wServicePackMinor};
    if (!TypeMask || !ConditionMask)
        return STATUS_INVALID_PARAMETER;
#define CONDITION(type) ((ULONG)(ConditionMask >> (3 * __builtin_ctz(type))) & 7)
    if ((TypeMask & VER_BUILDNUMBER) && !version_holds(RTL_VERSION_BUILD, VersionInfo->dwBuildNumber, CONDITION(VER_BUILDNUMBER)))
        return STATUS_REVISION_MISMATCH;
    if ((TypeMask & VER_PLATFORMID) && !version_holds(2, VersionInfo->dwPlatformId, CONDITION(VER_PLATFORMID)))
        return STATUS_REVISION_MISMATCH;
    if ((TypeMask & VER_PRODUCT_TYPE) && !version_holds(NtProductWinNt, VersionInfo->wProductType, CONDITION(VER_PRODUCT_TYPE)))
        return STATUS_REVISION_MISMATCH;
    if ((TypeMask & VER_SUITENAME) && !suites_hold(VersionInfo->wSuiteMask, CONDITION(VER_SUITENAME)))
        return STATUS_REVISION_MISMATCH;
    ULONG condition = 0;
    for (int i = 0; i < 4; i++) {
        if (!(TypeMask & ladder[i]))
            continue;
        if (!condition)
            condition = CONDITION(ladder[i]);
        if (ours[i] != wanted[i])
            return version_holds(ours[i], wanted[i], condition) ? STATUS_SUCCESS : STATUS_REVISION_MISMATCH;
    }
#undef CONDITION
    if (condition)
        return version_holds(0, 0, condition) ? STATUS_SUCCESS : STATUS_REVISION_MISMATCH;
    return STATUS_SUCCESS;
}

NTAPI ULONG64
RtlGetEnabledExtendedFeatures(ULONG64 FeatureMask)
{
    VERIFY_ENTER(RtlGetEnabledExtendedFeatures);
    return FeatureMask & 3;   // x87 and SSE, which every x64 has; drivers must not use more without saving it
}

NTAPI ULONG
RtlNtStatusToDosErrorNoTeb(NTSTATUS Status)
{
    VERIFY_ENTER(RtlNtStatusToDosErrorNoTeb);
    return rtl_dos_error(Status);
}

NTAPI ULONG
RtlNtStatusToDosError(NTSTATUS Status)
{
    VERIFY_ENTER(RtlNtStatusToDosError);
    return rtl_dos_error(Status);
}
