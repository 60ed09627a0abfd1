// SPDX-License-Identifier: MIT
// Numbers and GUIDs as text, memory patterns, calendar time, randomness, versions and Win32 error codes, each promise of their pages.
// Sources: [wdm/nf-wdm-rtlunicodestringtointeger], [wdm/nf-wdm-rtlintegertounicodestring], [ntddk/nf-ntddk-rtlchartointeger],
// [wdm/nf-wdm-rtlstringfromguid], [ntifs/nf-ntifs-rtlcomparememoryulong], [wdm/nf-wdm-rtltimefieldstotime], [ntifs/nf-ntifs-rtlrandom],
// [wdm/nf-wdm-rtlverifyversioninfo], [ntifs/nf-ntifs-rtlntstatustodoserror].
#include <string.h>

#include "unit/nt/nt_test.h"
#include "unit/nt/refuse.h"

#define US(text) ((UNICODE_STRING)RTL_CONSTANT_STRING(text))

static const struct {
    const WCHAR *text;
    const char *narrow;
    ULONG base;
    int64_t value;
    size_t used;
} numbers[] = {
    {L"123", "123", 10, 123, 3},
    {L"-345", "-345", 10, -345, 4},
    {L"xyz", "xyz", 10, 0, 0},
    {L"+678abc", "+678abc", 10, 678, 4},
    {L"+678abc", "+678abc", 16, 6785724, 7},
    {L"007", "007", 10, 7, 3},
    {L"789", "789", 8, 7, 1},
    {L"FGH", "FGH", 16, 15, 1},
    {L" ", " ", 10, 0, 1},
    {L" \t-1", " \t-1", 0, -1, 4},
    {L"0x1f", "0x1f", 0, 31, 4},
    {L"0b1012", "0b1012", 0, 5, 5},
    {L"0o178", "0o178", 0, 15, 4},
    {L"12", "12", 0, 12, 2},
    {L"102", "102", 2, 2, 2},
};

static NTSTATUS
from_wide(const WCHAR *text, ULONG base, ULONG *value)
{
    UNICODE_STRING s;
    RtlInitUnicodeString(&s, text);
    return RtlUnicodeStringToInteger(&s, base, value);
}

NT_TEST_ONE(RtlUnicodeStringToInteger_reads_as_the_table_of_its_page_and_refuses_nothing_and_other_bases)
{
    ULONG value = 7;
    for (size_t i = 0; i < RTL_NUMBER_OF(numbers); i++) {
        ck_assert_int_eq(from_wide(numbers[i].text, numbers[i].base, &value), STATUS_SUCCESS);
        ck_assert_msg(value == (ULONG)numbers[i].value, "row %zu", i);
    }
    ck_assert_int_eq(from_wide(L"", 10, &value), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(from_wide(L"1", 7, &value), STATUS_INVALID_PARAMETER);
}

NT_TEST_ONE(RtlUnicodeStringToInt64_reads_64_bits_and_says_where_it_stopped)
{
    LONG64 value = 7;
    for (size_t i = 0; i < RTL_NUMBER_OF(numbers); i++) {
        UNICODE_STRING s;
        PWSTR end = NULL;
        RtlInitUnicodeString(&s, numbers[i].text);
        ck_assert_int_eq(RtlUnicodeStringToInt64(&s, numbers[i].base, &value, &end), STATUS_SUCCESS);
        ck_assert_msg(value == numbers[i].value && end == s.Buffer + numbers[i].used, "row %zu", i);
    }
    UNICODE_STRING large = US(L"-0x123456789abcdef0"), none = US(L"");
    ck_assert_int_eq(RtlUnicodeStringToInt64(&large, 0, &value, NULL), STATUS_SUCCESS);
    ck_assert_int_eq(value, -0x123456789abcdef0);
    ck_assert_int_eq(RtlUnicodeStringToInt64(&large, 3, &value, NULL), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlUnicodeStringToInt64(&none, 0, &value, NULL), STATUS_INVALID_PARAMETER);
}

NT_TEST_ONE(RtlCharToInteger_reads_as_its_wide_sibling_and_refuses_other_bases)
{
    ULONG value = 7;
    for (size_t i = 0; i < RTL_NUMBER_OF(numbers); i++) {
        ck_assert_int_eq(RtlCharToInteger(numbers[i].narrow, numbers[i].base, &value), STATUS_SUCCESS);
        ck_assert_msg(value == (ULONG)numbers[i].value, "row %zu", i);
    }
    ck_assert_int_eq(RtlCharToInteger("1", 9, &value), STATUS_INVALID_PARAMETER);
}

static const struct {
    uint64_t value;
    ULONG base;
    const WCHAR *text;
} texts[] = {{0, 10, L"0"},
             {4294967295, 0, L"4294967295"},
             {4294967295, 10, L"4294967295"},
             {0xdeadbeef, 16, L"DEADBEEF"},
             {8, 8, L"10"},
             {0xffffffff, 2, L"11111111111111111111111111111111"},
             {0xfedcba9876543210, 16, L"FEDCBA9876543210"},
             {~UINT64_C(0), 10, L"18446744073709551615"}};

NT_TEST_ONE(RtlIntegerToUnicodeString_writes_each_base_and_ends_it)
{
    WCHAR buffer[40];
    for (size_t i = 0; i < 6; i++) {
        size_t count = wcslen(texts[i].text);
        memset(buffer, 0x11, sizeof buffer);
        UNICODE_STRING s = {0, (USHORT)(count * 2 + 2), buffer};
        ck_assert_int_eq(RtlIntegerToUnicodeString((ULONG)texts[i].value, texts[i].base, &s), STATUS_SUCCESS);
        ck_assert_uint_eq(s.Length, count * 2);
        ck_assert_mem_eq(buffer, texts[i].text, count * 2 + 2);
        s = (UNICODE_STRING){0, (USHORT)(count * 2), buffer};      // no room for the terminator
        ck_assert_int_eq(RtlIntegerToUnicodeString((ULONG)texts[i].value, texts[i].base, &s), STATUS_BUFFER_OVERFLOW);
        ck_assert_uint_eq(s.Length, 0);
    }
    UNICODE_STRING s = {0, sizeof buffer, buffer};
    ck_assert_int_eq(RtlIntegerToUnicodeString(1, 3, &s), STATUS_INVALID_PARAMETER);
}

NT_TEST_ONE(RtlInt64ToUnicodeString_writes_each_base)
{
    WCHAR buffer[40];
    for (size_t i = 0; i < RTL_NUMBER_OF(texts); i++) {
        size_t count = wcslen(texts[i].text);
        memset(buffer, 0x11, sizeof buffer);
        UNICODE_STRING s = {0, (USHORT)(count * 2), buffer};
        ck_assert_int_eq(RtlInt64ToUnicodeString(texts[i].value, texts[i].base, &s), STATUS_SUCCESS);
        ck_assert_uint_eq(s.Length, count * 2);
        ck_assert_mem_eq(buffer, texts[i].text, count * 2);
        ck_assert_uint_eq(buffer[count], 0x1111);
        s.MaximumLength -= 2;
        ck_assert_int_eq(RtlInt64ToUnicodeString(texts[i].value, texts[i].base, &s), STATUS_BUFFER_OVERFLOW);
    }
    UNICODE_STRING s = {0, sizeof buffer, buffer};
    ck_assert_int_eq(RtlInt64ToUnicodeString(1, 3, &s), STATUS_INVALID_PARAMETER);
}

static const GUID some_guid = {0x12345678, 0x9abc, 0xdef0, {1, 2, 3, 4, 5, 6, 7, 0xff}};

NT_TEST_ONE(RtlStringFromGUID_makes_the_form_with_braces_or_nothing)
{
    UNICODE_STRING s = {1, 2, NULL}, wanted = US(L"{12345678-9ABC-DEF0-0102-0304050607FF}");
    ck_assert_int_eq(RtlStringFromGUID(&some_guid, &s), STATUS_SUCCESS);
    ck_assert(RtlEqualUnicodeString(&s, &wanted, FALSE));
    RtlFreeUnicodeString(&s);
    refuse_next();
    ck_assert_int_eq(RtlStringFromGUID(&some_guid, &s), STATUS_NO_MEMORY);
    refuse_end();
    ck_assert_ptr_null(s.Buffer);
}

NT_TEST_ONE(RtlGUIDFromString_reads_the_form_with_braces_alone)
{
    static const WCHAR *const bad[] = {L"", L"12345678-9abc-def0-0102-0304050607ff", L"{12345678-9abc-def0-0102-0304050607ff",
                                       L"{12345678-9abc-def0-0102-0304050607fg}", L"{12345678-9abc-def0-01020304050607ff00}",
                                       L"(12345678-9abc-def0-0102-0304050607ff)", L"{12345678+9abc-def0-0102-0304050607ff}"};
    UNICODE_STRING s = US(L"{12345678-9abc-DEF0-0102-0304050607fF}");
    GUID guid = {0}, none = {0};
    ck_assert_int_eq(RtlGUIDFromString(&s, &guid), STATUS_SUCCESS);
    ck_assert_mem_eq(&guid, &some_guid, sizeof guid);
    memset(&guid, 0, sizeof guid);
    for (size_t i = 0; i < RTL_NUMBER_OF(bad); i++) {
        RtlInitUnicodeString(&s, bad[i]);
        ck_assert_msg(RtlGUIDFromString(&s, &guid) == STATUS_INVALID_PARAMETER, "row %zu", i);
        ck_assert_mem_eq(&guid, &none, sizeof guid);
    }
}

NT_TEST_ONE(RtlCompareMemoryUlong_counts_bytes_of_whole_patterns_and_wants_alignment)
{
    ULONG words[4] = {0x01020304, 0x01020304, 0x01020305, 0x01020304};
    ck_assert_uint_eq(RtlCompareMemoryUlong(words, 16, 0x01020304), 8);
    ck_assert_uint_eq(RtlCompareMemoryUlong(words, 8, 0x01020304), 8);
    ck_assert_uint_eq(RtlCompareMemoryUlong(words, 16, 0), 0);
    ck_assert_uint_eq(RtlCompareMemoryUlong(words, 0, 0x01020304), 0);
    ck_assert_uint_eq(RtlCompareMemoryUlong(words, 7, 0x01020304), 0);
    memset(words, 0x11, sizeof words);
    ck_assert_uint_eq(RtlCompareMemoryUlong((char *)words + 1, 4, 0x11111111), 0);
}

NT_TEST_ONE(RtlTimeToTimeFields_gives_each_field_and_the_day_of_the_week)
{
    TIME_FIELDS f;
    LARGE_INTEGER t = {.QuadPart = 0};
    RtlTimeToTimeFields(&t, &f);
    TIME_FIELDS first = {.Year = 1601, .Month = 1, .Day = 1, .Weekday = 1};
    ck_assert_mem_eq(&f, &first, sizeof f);
    t.QuadPart = 125911584000000000 + 59 * 864000000000 + ((23 * 60 + 58) * 60 + 57) * 10000000ll + 1239999;   // from 2000-01-01 on
    RtlTimeToTimeFields(&t, &f);
    TIME_FIELDS leap = {.Year = 2000, .Month = 2, .Day = 29, .Hour = 23, .Minute = 58, .Second = 57, .Milliseconds = 123, .Weekday = 2};
    ck_assert_mem_eq(&f, &leap, sizeof f);
}

NT_TEST_ONE(RtlTimeFieldsToTime_takes_days_that_are_and_ignores_the_day_of_the_week)
{
    TIME_FIELDS good = {.Year = 2000, .Month = 2, .Day = 29, .Hour = 23, .Minute = 59, .Second = 59, .Milliseconds = 999, .Weekday = 77};
    LARGE_INTEGER t;
    ck_assert_int_eq(RtlTimeFieldsToTime(&good, &t), TRUE);
    ck_assert_int_eq(t.QuadPart, 125911584000000000 + 60 * 864000000000 - 10000);
    static const size_t fields[] = {offsetof(TIME_FIELDS, Year), offsetof(TIME_FIELDS, Year), offsetof(TIME_FIELDS, Month),
                                    offsetof(TIME_FIELDS, Month), offsetof(TIME_FIELDS, Day), offsetof(TIME_FIELDS, Day),
                                    offsetof(TIME_FIELDS, Hour), offsetof(TIME_FIELDS, Hour), offsetof(TIME_FIELDS, Minute),
                                    offsetof(TIME_FIELDS, Minute), offsetof(TIME_FIELDS, Second), offsetof(TIME_FIELDS, Second),
                                    offsetof(TIME_FIELDS, Milliseconds), offsetof(TIME_FIELDS, Milliseconds), offsetof(TIME_FIELDS, Year)};
    static const CSHORT wrong[] = {1600, 30828, 0, 13, 0, 30, -1, 24, -1, 60, -1, 60, -1, 1000, 2001};
    for (size_t i = 0; i < RTL_NUMBER_OF(fields); i++) {
        TIME_FIELDS f = good;
        memcpy((char *)&f + fields[i], &wrong[i], sizeof wrong[i]);
        ck_assert_msg(RtlTimeFieldsToTime(&f, &t) == FALSE, "row %zu", i);
    }
}

static void
check_random(ULONG(NTAPI *random)(PULONG))
{
    ULONG seed = 0xffffffff, halves[2] = {0};
    for (int i = 0; i < 1000; i++) {
        ULONG before = seed, drawn = random(&seed);
        ck_assert_uint_lt(drawn, MAXLONG);
        ck_assert_uint_ne(seed, before);
        halves[drawn / (MAXLONG / 2 + 1)]++;
    }
    ck_assert(halves[0] > 350 && halves[1] > 350);
}

NT_TEST_ONE(RtlRandom_spreads_over_its_range_and_moves_the_seed)
{
    check_random(RtlRandom);
}
NT_TEST_ONE(RtlRandomEx_spreads_over_its_range_and_moves_the_seed)
{
    check_random(RtlRandomEx);
}

NT_TEST_ONE(RtlGetVersion_fills_either_structure_and_no_more)
{
    struct {
        RTL_OSVERSIONINFOW v;
        ULONG behind;
    } s = {.v.dwOSVersionInfoSize = sizeof s.v, .behind = 0x11};
    RTL_OSVERSIONINFOEXW ex;
    memset(&ex, 0xcc, sizeof ex);
    ex.dwOSVersionInfoSize = sizeof ex;
    ck_assert_int_eq(RtlGetVersion(&s.v), STATUS_SUCCESS);
    ck_assert(s.v.dwMajorVersion == 10 && s.v.dwMinorVersion == 0 && s.v.dwBuildNumber >= 10240 && s.v.dwPlatformId == 2);
    ck_assert(s.v.dwOSVersionInfoSize == sizeof s.v && s.behind == 0x11 && !s.v.szCSDVersion[0]);
    ck_assert_int_eq(RtlGetVersion((PRTL_OSVERSIONINFOW)&ex), STATUS_SUCCESS);
    ck_assert(ex.dwMajorVersion == 10 && !ex.wServicePackMajor && !ex.wServicePackMinor && ex.wProductType == NtProductWinNt);
    s.v.dwOSVersionInfoSize = 12;
    ck_assert_int_eq(RtlGetVersion(&s.v), STATUS_INVALID_PARAMETER);
}

NT_TEST_ONE(VerSetConditionMask_keeps_a_condition_for_each_member)
{
    ULONGLONG mask = VerSetConditionMask(0, VER_MAJORVERSION, VER_GREATER_EQUAL);
    ck_assert_uint_eq(mask, VER_GREATER_EQUAL << 3);
    mask = VerSetConditionMask(mask, VER_PRODUCT_TYPE, VER_EQUAL);
    ck_assert_uint_eq(mask, VER_GREATER_EQUAL << 3 | VER_EQUAL << 21);
    VER_SET_CONDITION(mask, VER_MINORVERSION, VER_LESS);
    ck_assert_uint_eq(mask, VER_GREATER_EQUAL << 3 | VER_EQUAL << 21 | VER_LESS);
    ck_assert_uint_eq(VerSetConditionMask(mask, 0, VER_LESS), mask);
}

static NTSTATUS
verify(RTL_OSVERSIONINFOEXW v, ULONG type, UCHAR condition)
{
    v.dwOSVersionInfoSize = sizeof v;
    return RtlVerifyVersionInfo(&v, type, VerSetConditionMask(0, type, condition));
}

// Each condition against a member that is below, the same and above: does it hold?
static const struct {
    UCHAR condition;
    bool below, same, above;
} conditions[] = {{VER_EQUAL, false, true, false},
                  {VER_GREATER, true, false, false},
                  {VER_GREATER_EQUAL, true, true, false},
                  {VER_LESS, false, false, true},
                  {VER_LESS_EQUAL, false, true, true}};

NT_TEST_ONE(RtlVerifyVersionInfo_compares_each_member_by_each_condition)
{
    RTL_OSVERSIONINFOEXW now = {.dwOSVersionInfoSize = sizeof now};
    RtlGetVersion((PRTL_OSVERSIONINFOW)&now);
    static const struct {
        ULONG type;
        size_t at, bytes;
    } members[] = {{VER_BUILDNUMBER, offsetof(RTL_OSVERSIONINFOEXW, dwBuildNumber), 4},
                   {VER_MAJORVERSION, offsetof(RTL_OSVERSIONINFOEXW, dwMajorVersion), 4},
                   {VER_PLATFORMID, offsetof(RTL_OSVERSIONINFOEXW, dwPlatformId), 4},
                   {VER_PRODUCT_TYPE, offsetof(RTL_OSVERSIONINFOEXW, wProductType), 1},
                   {VER_MINORVERSION, offsetof(RTL_OSVERSIONINFOEXW, dwMinorVersion), 4},
                   {VER_SERVICEPACKMAJOR, offsetof(RTL_OSVERSIONINFOEXW, wServicePackMajor), 2},
                   {VER_SERVICEPACKMINOR, offsetof(RTL_OSVERSIONINFOEXW, wServicePackMinor), 2}};
    for (size_t m = 0; m < RTL_NUMBER_OF(members); m++)
        for (size_t c = 0; c < RTL_NUMBER_OF(conditions); c++)
            for (int step = m < 4 ? -1 : 0; step <= 1; step++) {        // what is 0 has nothing below
                RTL_OSVERSIONINFOEXW v = now;
                ULONG value = 0;
                memcpy(&value, (char *)&v + members[m].at, members[m].bytes);
                value += (ULONG)step;
                memcpy((char *)&v + members[m].at, &value, members[m].bytes);
                bool holds = step < 0 ? conditions[c].below : step ? conditions[c].above
                                                                   : conditions[c].same;
                ck_assert_msg(verify(v, members[m].type, conditions[c].condition) == (holds ? STATUS_SUCCESS : STATUS_REVISION_MISMATCH),
                              "member %zu condition %zu step %d", m, c, step);
            }
}

NT_TEST_ONE(RtlVerifyVersionInfo_compares_the_version_as_one_number_and_suites_as_bits)
{
    RTL_OSVERSIONINFOEXW v = {.dwMajorVersion = 6, .dwMinorVersion = 3, .wServicePackMajor = 2, .wServicePackMinor = 1};
    ULONG all = VER_MAJORVERSION | VER_MINORVERSION | VER_SERVICEPACKMAJOR | VER_SERVICEPACKMINOR;
    ck_assert_int_eq(verify(v, all, VER_GREATER_EQUAL), STATUS_SUCCESS);
    v.dwMajorVersion = 10;
    ck_assert_int_eq(verify(v, all, VER_GREATER_EQUAL), STATUS_REVISION_MISMATCH);
    v.dwMinorVersion = 0;
    ck_assert_int_eq(verify(v, all, VER_GREATER_EQUAL), STATUS_REVISION_MISMATCH);
    v.wServicePackMajor = v.wServicePackMinor = 0;
    ck_assert_int_eq(verify(v, all, VER_GREATER_EQUAL), STATUS_SUCCESS);
    RTL_OSVERSIONINFOEXW now = {.dwOSVersionInfoSize = sizeof now};
    RtlGetVersion((PRTL_OSVERSIONINFOW)&now);
    v.wSuiteMask = now.wSuiteMask;
    ck_assert_int_eq(verify(v, VER_SUITENAME, VER_AND), STATUS_SUCCESS);
    ck_assert_int_eq(verify(v, VER_SUITENAME, VER_OR), STATUS_SUCCESS);
    v.wSuiteMask |= 1;
    ck_assert_int_eq(verify(v, VER_SUITENAME, VER_AND), STATUS_REVISION_MISMATCH);
    ck_assert_int_eq(verify(v, VER_SUITENAME, VER_OR), STATUS_SUCCESS);
    v.wSuiteMask = 1;
    ck_assert_int_eq(verify(v, VER_SUITENAME, VER_OR), STATUS_REVISION_MISMATCH);
    ck_assert_int_eq(RtlVerifyVersionInfo(&v, 0, 1), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlVerifyVersionInfo(&v, VER_MAJORVERSION, 0), STATUS_INVALID_PARAMETER);
}

NT_TEST_ONE(RtlGetEnabledExtendedFeatures_gives_those_asked_for_of_those_enabled)
{
    ck_assert_uint_eq(RtlGetEnabledExtendedFeatures(~0ull), 3);         // x87 and SSE
    ck_assert_uint_eq(RtlGetEnabledExtendedFeatures(1), 1);
    ck_assert_uint_eq(RtlGetEnabledExtendedFeatures(2), 2);
    ck_assert_uint_eq(RtlGetEnabledExtendedFeatures(4), 0);
    ck_assert_uint_eq(RtlGetEnabledExtendedFeatures(0), 0);
}

static void
check_dos(ULONG(NTAPI *dos)(NTSTATUS))
{
    ck_assert_uint_eq(dos(STATUS_SUCCESS), 0);
    ck_assert_uint_eq(dos(STATUS_ACCESS_DENIED), 5);
    ck_assert_uint_eq(dos(STATUS_OBJECT_NAME_NOT_FOUND), 2);
    ck_assert_uint_eq(dos(STATUS_CONNECTION_REFUSED), 1225);
    ck_assert_uint_eq(dos((NTSTATUS)0xC0FFEE00), 317);                  // ERROR_MR_MID_NOT_FOUND
}

NT_TEST_ONE(RtlNtStatusToDosError_maps_what_it_knows_and_says_so_otherwise)
{
    check_dos(RtlNtStatusToDosError);
}
NT_TEST_ONE(RtlNtStatusToDosErrorNoTeb_maps_as_its_sibling)
{
    check_dos(RtlNtStatusToDosErrorNoTeb);
}
