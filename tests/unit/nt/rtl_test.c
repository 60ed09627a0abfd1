// SPDX-License-Identifier: MIT
// Strings, numbers, the formatter, bit maps, time, versions.
#include <ip2string.h>
#include <stdarg.h>

#include "nt/rtl/format.h"
#include "nt/rtl/string.h"
#include "unit/nt/nt_test.h"

#define US(text) ((UNICODE_STRING)RTL_CONSTANT_STRING(text))

static void
expect(const char *wanted, const char *format, ...)
{
    char text[256];
    struct rtl_args args = {.is_ms = false};
    struct rtl_sink sink = {.charset = RTL_ANSI, .buffer = text, .room = sizeof text - 1};
    va_start(args.sysv, format);
    ck_assert_int_eq(rtl_format(&sink, format, &args), 0);
    va_end(args.sysv);
    text[sink.count] = 0;
    ck_assert_str_eq(text, wanted);
}

TEST(format_prints_numbers_as_windows_does)
{
    expect("-5 4294967291 fffffffb FFFFFFFB", "%d %u %x %X", -5, -5, -5, -5);
    expect("-5 18446744073709551611 fffffffffffffffb", "%I64d %I64u %llx", (int64_t)-5, (int64_t)-5, (int64_t)-5);
    expect("123 123 -1", "%ld %lu %ld", 123, 123, -1);
    expect("ffffffffffffffff ff", "%Ix %I32x", (uint64_t)-1, 255);
    expect("00000000DEADBEEF", "%p", (void *)0xdeadbeef);
    expect("0x00ff 0xff    1 1    +1  1", "0x%04x %#x %4d %-4d %+d % d", 255, 255, 1, 1, 1, 1);
    expect("00012 00012    00012", "%05d %.5d %8.5d", 12, 12, 12);
    expect("-0012 7 017 0", "%05d %o %#o %#o", -12, 7, 15, 0);
    expect("   12|12   |12   ", "%*d|%-*d|%*d", 5, 12, 5, 12, -5, 12);
    expect("65535 -1 255 -1", "%hu %hd %hhu %hhd", -1, -1, -1, -1);
    expect("1.50 100%", "%.2f 100%%", 1.5);
    expect("18446744073709551615", "%zu", SIZE_MAX);
}

TEST(format_prints_strings_of_both_widths_and_counted_ones)
{
    UNICODE_STRING wide = {8, 10, (PWCH)L"wideXX"};
    STRING narrow = {6, 6, (PCHAR) "narrowXX"};
    expect("a b c d", "%s %S %ws %ls", "a", L"b", L"c", L"d");
    expect("x y h", "%c %C %hs", 'x', 'y', "h");
    expect("wide narrow", "%wZ %Z", &wide, &narrow);
    expect("(null) (null) (null)", "%s %ws %wZ", NULL, NULL, NULL);
    expect("abc|  abc|abc  |ab", "%.3s|%5s|%-5s|%.2ws", "abcdef", "abc", "abc", L"abcdef");
    expect("? \xe9", "%ws %ws", L"\x4e2d", L"\xe9");
}

TEST(format_never_writes_past_its_room_and_counts_what_was_wanted)
{
    char text[8] = "zzzzzzz";
    struct rtl_args args = {.is_ms = false};
    struct rtl_sink sink = {.charset = RTL_ANSI, .buffer = text, .room = 4};
    ck_assert_int_eq(rtl_format(&sink, "0123456789", &args), 0);
    ck_assert_uint_eq(sink.count, 10);
    ck_assert_str_eq(text, "0123zzz");
    ck_assert_int_eq(rtl_format(&sink, "%n", &args), -1);
    ck_assert_int_eq(rtl_format(&sink, "%", &args), -1);
    ck_assert_int_eq(rtl_format(&sink, "%5", &args), -1);
}

static void
remember(void *context, const char *text)
{
    char *said = context;
    strncat(said, text, 1023 - strlen(said));
    strncat(said, "|", 1023 - strlen(said));
}

NT_TEST(DbgPrint_sends_each_line_to_the_boxes_sink)
{
    char said[1024] = "";
    UNICODE_STRING name = US(L"\\Device\\caf\xe9");
    box_self()->on_message = remember;
    box_self()->on_message_context = said;
    ck_assert_uint_eq(DbgPrint("one %d %s %I64x\r\ntwo %wZ\n", 1, "x", (uint64_t)0x1234567890, &name), STATUS_SUCCESS);
    DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "%p %u %u %u %u %u %u", (void *)1, 1, 2, 3, 4, 5, 6);
    ck_assert_str_eq(said, "one 1 x 1234567890|two \\Device\\caf\xc3\xa9|0000000000000001 1 2 3 4 5 6|");
    char longer[700];
    memset(longer, 'y', 699);
    longer[699] = 0;
    said[0] = 0;
    DbgPrint("%s", longer);
    ck_assert_uint_eq(strlen(said), 513);
    box_self()->on_message = NULL;
}

NT_TEST(RtlInitUnicodeString_counts_bytes_and_takes_null)
{
    UNICODE_STRING s;
    RtlInitUnicodeString(&s, L"abc");
    ck_assert_uint_eq(s.Length, 6);
    ck_assert_uint_eq(s.MaximumLength, 8);
    RtlInitUnicodeString(&s, NULL);
    ck_assert_uint_eq(s.Length, 0);
    ck_assert_uint_eq(s.MaximumLength, 0);
    ck_assert_ptr_null(s.Buffer);
    STRING a;
    RtlInitString(&a, "hello");
    ck_assert_uint_eq(a.Length, 5);
    ck_assert_uint_eq(a.MaximumLength, 6);
}

NT_TEST(RtlCompareUnicodeString_orders_and_ignores_case_on_request)
{
    UNICODE_STRING a = US(L"Adapter"), b = US(L"ADAPTER"), c = US(L"Adapters"), e = US(L"\xe9"), big_e = US(L"\xc9");
    ck_assert_int_gt(RtlCompareUnicodeString(&a, &b, FALSE), 0);
    ck_assert_int_eq(RtlCompareUnicodeString(&a, &b, TRUE), 0);
    ck_assert_int_lt(RtlCompareUnicodeString(&a, &c, TRUE), 0);
    ck_assert(RtlEqualUnicodeString(&e, &big_e, TRUE));
    ck_assert(!RtlEqualUnicodeString(&e, &big_e, FALSE));
    ck_assert(!RtlEqualUnicodeString(&a, &c, TRUE));
    ck_assert(RtlPrefixUnicodeString(&b, &c, TRUE));
    ck_assert(!RtlPrefixUnicodeString(&b, &c, FALSE));
    ck_assert(!RtlPrefixUnicodeString(&c, &a, TRUE));
    ck_assert_uint_eq(RtlUpcaseUnicodeChar(0x44f), 0x42f);
    ck_assert_uint_eq(RtlDowncaseUnicodeChar(0x178), 0xff);
    ck_assert_uint_eq(RtlUpcaseUnicodeChar(0xf7), 0xf7);
    ULONG x, y;
    ck_assert_int_eq(RtlHashUnicodeString(&a, TRUE, HASH_STRING_ALGORITHM_DEFAULT, &x), STATUS_SUCCESS);
    RtlHashUnicodeString(&b, TRUE, HASH_STRING_ALGORITHM_X65599, &y);
    ck_assert_uint_eq(x, y);
    ck_assert_int_eq(RtlHashUnicodeString(&a, TRUE, 7, &x), STATUS_INVALID_PARAMETER);
}

NT_TEST(RtlAppendUnicodeToString_refuses_what_does_not_fit_and_changes_nothing)
{
    WCHAR buffer[5];
    UNICODE_STRING s = {0, sizeof buffer, buffer}, more = US(L"cd");
    ck_assert_int_eq(RtlAppendUnicodeToString(&s, L"ab"), STATUS_SUCCESS);
    ck_assert_int_eq(RtlAppendUnicodeStringToString(&s, &more), STATUS_SUCCESS);
    ck_assert_uint_eq(s.Length, 8);
    ck_assert_int_eq(buffer[4], 0);
    ck_assert_int_eq(RtlAppendUnicodeStringToString(&s, &more), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(s.Length, 8);
    UNICODE_STRING small = {0, 4, buffer};
    UNICODE_STRING from = US(L"xyz");
    RtlCopyUnicodeString(&small, &from);
    ck_assert_uint_eq(small.Length, 4);
    ck_assert_int_eq(buffer[1], 'y');
    ck_assert_int_eq(buffer[2], 'c');
}

NT_TEST(RtlUnicodeStringToAnsiString_converts_both_ways_and_allocates)
{
    UNICODE_STRING wide = US(L"caf\xe9 \x20ac \x4e2d"), back;
    ANSI_STRING ansi;
    ck_assert_int_eq(RtlUnicodeStringToAnsiString(&ansi, &wide, TRUE), STATUS_SUCCESS);
    ck_assert_str_eq(ansi.Buffer, "caf\xe9 \x80 ?");
    ck_assert_int_eq(RtlAnsiStringToUnicodeString(&back, &ansi, TRUE), STATUS_SUCCESS);
    ck_assert_int_eq(back.Buffer[5], 0x20ac);
    ck_assert_uint_eq(back.Length, ansi.Length * 2);
    RtlFreeUnicodeString(&back);
    ck_assert_ptr_null(back.Buffer);
    RtlFreeAnsiString(&ansi);
    char room[4] = "...";
    ANSI_STRING small = {0, 4, room};
    ck_assert_int_eq(RtlUnicodeStringToAnsiString(&small, &wide, FALSE), STATUS_BUFFER_OVERFLOW);
    ck_assert_str_eq(room, "...");                // no conversion was done
}

NT_TEST(RtlUnicodeToUTF8N_converts_both_ways_and_replaces_what_is_broken)
{
    WCHAR wide[] = {'a', 0xe9, 0x20ac, 0xd83d, 0xde00, 'z'}, back[16];
    char utf8[32];
    ULONG bytes;
    ck_assert_int_eq(RtlUnicodeToUTF8N(utf8, sizeof utf8, &bytes, wide, sizeof wide), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, 11);
    ck_assert_mem_eq(utf8, "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z", 11);
    ck_assert_int_eq(RtlUTF8ToUnicodeN(back, sizeof back, &bytes, utf8, 11), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, sizeof wide);
    ck_assert_mem_eq(back, wide, sizeof wide);
    WCHAR lone[] = {0xd83d, 'x', 0xde00, 0xd83d};
    ck_assert_int_eq(RtlUnicodeToUTF8N(utf8, sizeof utf8, &bytes, lone, sizeof lone), STATUS_SOME_NOT_MAPPED);
    ck_assert_uint_eq(bytes, 10);
    ck_assert_mem_eq(utf8, "\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd", 10);
    ck_assert_int_eq(RtlUnicodeToUTF8N(utf8, 3, &bytes, wide, sizeof wide), STATUS_BUFFER_TOO_SMALL);
    ck_assert_int_eq(RtlUTF8ToUnicodeN(back, sizeof back, &bytes, "\xc0\x80\xff", 3), STATUS_SOME_NOT_MAPPED);
    ck_assert_int_eq(RtlUnicodeToUTF8N(NULL, 0, &bytes, wide, sizeof wide), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, 11);
}

NT_TEST(RtlUpcaseUnicodeString_maps_each_character)
{
    UNICODE_STRING from = US(L"ndis6 \xe9"), to;
    ck_assert_int_eq(RtlUpcaseUnicodeString(&to, &from, TRUE), STATUS_SUCCESS);
    UNICODE_STRING wanted = US(L"NDIS6 \xc9");
    ck_assert(RtlEqualUnicodeString(&to, &wanted, FALSE));
    ck_assert_int_eq(RtlDowncaseUnicodeString(&to, &wanted, FALSE), STATUS_SUCCESS);
    ck_assert(RtlEqualUnicodeString(&to, &from, FALSE));
    RtlFreeUnicodeString(&to);
    ck_assert_int_eq(RtlDuplicateUnicodeString(1, &from, &to), STATUS_SUCCESS);
    ck_assert_int_eq(to.Buffer[7], 0);
    RtlFreeUnicodeString(&to);
}

NT_TEST(RtlUnicodeStringToInteger_reads_signs_blanks_and_prefixes)
{
    const struct { const WCHAR *text; ULONG base; ULONG value;
    } cases[] = {
        {L"42", 10, 42},
        {L"  -1", 0, 0xffffffff},
        {L"0x1F", 0, 31},
        {L"0b101", 0, 5},
        {L"0o17", 0, 15},
        {L"ff", 16, 255},
        {L"12ab", 10, 12},
        {L" ", 10, 0},
        {L"+7", 8, 7},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        UNICODE_STRING s;
        ULONG value;
        RtlInitUnicodeString(&s, cases[i].text);
        ck_assert_int_eq(RtlUnicodeStringToInteger(&s, cases[i].base, &value), STATUS_SUCCESS);
        ck_assert_uint_eq(value, cases[i].value);
    }
    UNICODE_STRING s = US(L"1");
    ULONG value;
    ck_assert_int_eq(RtlUnicodeStringToInteger(&s, 7, &value), STATUS_INVALID_PARAMETER);
    WCHAR room[10];
    UNICODE_STRING out = {0, sizeof room, room};
    ck_assert_int_eq(RtlIntegerToUnicodeString(0xdeadbeef, 16, &out), STATUS_SUCCESS);
    UNICODE_STRING wanted = US(L"DEADBEEF");
    ck_assert(RtlEqualUnicodeString(&out, &wanted, FALSE));
    ck_assert_int_eq(RtlIntegerToUnicodeString(0xffffffff, 2, &out), STATUS_BUFFER_OVERFLOW);
    ck_assert_int_eq(RtlIntegerToUnicodeString(1, 3, &out), STATUS_INVALID_PARAMETER);
}

NT_TEST(RtlStringFromGUID_and_back_give_the_same_guid)
{
    GUID guid = {0x12345678, 0x9abc, 0xdef0, {1, 2, 3, 4, 5, 6, 7, 0xff}}, back;
    UNICODE_STRING s, wanted = US(L"{12345678-9ABC-DEF0-0102-0304050607FF}"), bad = US(L"{12345678-9ABC-DEF0-0102-0304050607FG}");
    ck_assert_int_eq(RtlStringFromGUID(&guid, &s), STATUS_SUCCESS);
    ck_assert(RtlEqualUnicodeString(&s, &wanted, FALSE));
    ck_assert_int_eq(RtlGUIDFromString(&s, &back), STATUS_SUCCESS);
    ck_assert_mem_eq(&guid, &back, sizeof guid);
    ck_assert_int_eq(RtlGUIDFromString(&bad, &back), STATUS_INVALID_PARAMETER);
    RtlFreeUnicodeString(&s);
}

NT_TEST(RtlFindClearBitsAndSet_finds_runs_from_the_hint_and_wraps)
{
    ULONG words[3];
    RTL_BITMAP map;
    RtlInitializeBitMap(&map, words, 70);
    RtlClearAllBits(&map);
    ck_assert_uint_eq(RtlFindClearBitsAndSet(&map, 10, 65), 0);
    ck_assert_uint_eq(RtlFindClearBitsAndSet(&map, 5, 65), 65);
    ck_assert_uint_eq(RtlNumberOfSetBits(&map), 15);
    ck_assert_uint_eq(RtlNumberOfClearBits(&map), 55);
    ck_assert_uint_eq(RtlFindClearBits(&map, 56, 0), 0xffffffff);
    ck_assert(RtlAreBitsSet(&map, 65, 5));
    ck_assert(!RtlAreBitsSet(&map, 65, 6));
    ck_assert(RtlAreBitsClear(&map, 10, 55));
    ck_assert_uint_eq(RtlFindSetBitsAndClear(&map, 5, 60), 65);
    RtlSetBit(&map, 33);
    ck_assert(RtlTestBit(&map, 33) && RtlCheckBit(&map, 33));
    RtlClearBits(&map, 0, 70);
    ck_assert_uint_eq(RtlNumberOfSetBits(&map), 0);
    ck_assert_int_eq(RtlFindMostSignificantBit(0x8000000000000001), 63);
    ck_assert_int_eq(RtlFindLeastSignificantBit(0x8000000000000000), 63);
    ck_assert_int_eq(RtlFindLeastSignificantBit(0), -1);
    ck_assert_uint_eq(RtlNumberOfSetBitsUlongPtr(0xff00ff), 16);
}

NT_TEST(RtlTimeToTimeFields_and_back_agree_for_every_day_of_700_years)
{
    TIME_FIELDS f;
    LARGE_INTEGER t = {.QuadPart = 0}, back;
    RtlTimeToTimeFields(&t, &f);
    ck_assert_int_eq(f.Year, 1601);
    ck_assert_int_eq(f.Weekday, 1);
    for (int64_t day = 0; day < 255000; day += 7) {
        t.QuadPart = day * 864000000000 + (day % 86400) * 10000000 + 1230000;
        RtlTimeToTimeFields(&t, &f);
        ck_assert(RtlTimeFieldsToTime(&f, &back));
        ck_assert_int_eq(back.QuadPart, t.QuadPart);
    }
    t.QuadPart = 125911584000000000;   // 2000-01-01, a Saturday
    RtlTimeToTimeFields(&t, &f);
    ck_assert_int_eq(f.Year * 10000 + f.Month * 100 + f.Day, 20000101);
    ck_assert_int_eq(f.Weekday, 6);
    f = (TIME_FIELDS){.Year = 2023, .Month = 2, .Day = 29};
    ck_assert(!RtlTimeFieldsToTime(&f, &t));
    f.Year = 2024;
    ck_assert(RtlTimeFieldsToTime(&f, &t));
}

NT_TEST(RtlCompareMemory_counts_the_equal_bytes)
{
    ck_assert_uint_eq(RtlCompareMemory("abcdef", "abcxef", 6), 3);
    ck_assert_uint_eq(RtlCompareMemory("abc", "abc", 3), 3);
    ck_assert_uint_eq(RtlCompareMemory("abc", "xbc", 0), 0);
}

NT_TEST(RtlGetVersion_says_windows_10_and_RtlVerifyVersionInfo_agrees)
{
    RTL_OSVERSIONINFOEXW v = {.dwOSVersionInfoSize = sizeof v};
    ck_assert_int_eq(RtlGetVersion((PRTL_OSVERSIONINFOW)&v), STATUS_SUCCESS);
    ck_assert_uint_eq(v.dwMajorVersion, 10);
    ck_assert_uint_eq(v.dwMinorVersion, 0);
    v.dwOSVersionInfoSize = 3;
    ck_assert_int_eq(RtlGetVersion((PRTL_OSVERSIONINFOW)&v), STATUS_INVALID_PARAMETER);
    ULONGLONG at_least = VerSetConditionMask(0, VER_MAJORVERSION, VER_GREATER_EQUAL);
    at_least = VerSetConditionMask(at_least, VER_MINORVERSION, VER_GREATER_EQUAL);
    RTL_OSVERSIONINFOEXW wanted = {.dwOSVersionInfoSize = sizeof wanted, .dwMajorVersion = 6, .dwMinorVersion = 3};
    ck_assert_int_eq(RtlVerifyVersionInfo(&wanted, VER_MAJORVERSION | VER_MINORVERSION, at_least), STATUS_SUCCESS);
    wanted.dwMajorVersion = 11;
    ck_assert_int_eq(RtlVerifyVersionInfo(&wanted, VER_MAJORVERSION | VER_MINORVERSION, at_least), STATUS_REVISION_MISMATCH);
    wanted.dwMajorVersion = 10;
    wanted.dwMinorVersion = 0;
    ck_assert_int_eq(RtlVerifyVersionInfo(&wanted, VER_MAJORVERSION | VER_MINORVERSION, at_least), STATUS_SUCCESS);
}

NT_TEST(RtlRandomEx_gives_numbers_below_2_to_the_31_minus_1_that_differ)
{
    ULONG seed = 5, first = RtlRandomEx(&seed);
    ck_assert_uint_lt(first, MAXLONG);
    ck_assert_uint_eq(first, seed);
    ck_assert_uint_ne(RtlRandomEx(&seed), first);
}

NT_TEST(crt_names_of_the_kernel_work_on_16_bit_strings)
{
    WCHAR text[32];
    ck_assert_uint_eq(wcslen(L"abc"), 3);
    ck_assert_ptr_eq(wcscpy(text, L"Abc"), text);
    wcscat(text, L"def");
    ck_assert_int_eq(wcscmp(text, L"Abcdef"), 0);
    ck_assert_int_lt(wcscmp(text, L"Abcdeg"), 0);
    ck_assert_int_eq(wcsncmp(text, L"Abcxxx", 3), 0);
    ck_assert_int_eq(_wcsicmp(text, L"aBCDEF"), 0);
    ck_assert_int_eq(_wcsnicmp(text, L"ABCxxx", 3), 0);
    ck_assert_ptr_eq(wcschr(text, 'd'), text + 3);
    ck_assert_ptr_eq(wcsrchr(text, 0), text + 6);
    ck_assert_ptr_eq(wcsstr(text, L"cd"), text + 2);
    ck_assert_ptr_null(wcsstr(text, L"cx"));
    ck_assert_uint_eq(wcsspn(text, L"bAc"), 3);
    ck_assert_uint_eq(wcscspn(text, L"ed"), 3);
    wcsncpy(text, L"xy", 5);
    ck_assert_int_eq(text[4], 0);
    wcsncat(text, L"zzz", 2);
    ck_assert_int_eq(wcscmp(_wcsupr(text), L"XYZZ"), 0);
    ck_assert_int_eq(_stricmp("ABC", "abc"), 0);
    ck_assert_int_ne(_strnicmp("ABC", "abd", 3), 0);
}

NT_TEST(_snprintf_cuts_what_does_not_fit_and_says_so)
{
    CHAR text[6] = "?????";
    UNICODE_STRING name = US(L"nic");
    ck_assert_int_eq(_snprintf(text, 6, "%wZ%d", &name, 12), 5);
    ck_assert_str_eq(text, "nic12");
    ck_assert_int_eq(_snprintf(text, 5, "%s", "abcde"), 5);
    ck_assert_mem_eq(text, "abcde", 6);   // the terminator of before
    ck_assert_int_lt(_snprintf(text, 3, "%I64u", (uint64_t)98765), 0);
    ck_assert_mem_eq(text, "987de", 5);
    WCHAR wide[8];
    ck_assert_int_eq(_snwprintf(wide, 8, L"%s%S%c", L"ab", "cd", 'e'), 5);
    ck_assert_int_eq(wcscmp(wide, L"abcde"), 0);
    ck_assert_int_eq(swprintf(wide, L"%04x", 255), 4);
    ck_assert_int_eq(wcscmp(wide, L"00ff"), 0);
}

static void
check_ip6(const char *text, const char *wanted)
{
    IN6_ADDR address;
    PCSTR end;
    char back[64];
    ck_assert_msg(RtlIpv6StringToAddressA(text, &end, &address) == STATUS_SUCCESS && !*end, "%s", text);
    ck_assert_ptr_eq(RtlIpv6AddressToStringA(&address, back), back + strlen(wanted));
    ck_assert_str_eq(back, wanted);
}

NT_TEST(RtlIpv6StringToAddressA_reads_and_RtlIpv6AddressToStringA_writes_the_short_form)
{
    check_ip6("::", "::");
    check_ip6("::1", "::1");
    check_ip6("fe80:0:0:0:0:0:0:1", "fe80::1");
    check_ip6("2001:DB8::A:0:0:1", "2001:db8::a:0:0:1");
    check_ip6("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8");
    check_ip6("1::", "1::");
    check_ip6("1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8");
    check_ip6("::ffff:10.1.2.3", "::ffff:10.1.2.3");
    check_ip6("1:0:0:2:0:0:0:3", "1:0:0:2::3");
    static const char *const bad[] = {"", ":", "1:", "1:2", "1:2:3:4:5:6:7", "1::2::3", "12345::", "g::", ":1:2", "1:2:3:4:5:6:7::8"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        IN6_ADDR address;
        PCSTR end;
        NTSTATUS status = RtlIpv6StringToAddressA(bad[i], &end, &address);
        ck_assert_msg(status == STATUS_INVALID_PARAMETER || *end, "%s", bad[i]);
    }
    IN6_ADDR address;
    ULONG scope, room = 64;
    USHORT port;
    char text[64];
    ck_assert_int_eq(RtlIpv6StringToAddressExA("[fe80::2%7]:443", &address, &scope, &port), STATUS_SUCCESS);
    ck_assert_uint_eq(scope, 7);
    ck_assert_uint_eq(port, 0xbb01);
    ck_assert_int_eq(RtlIpv6AddressToStringExA(&address, scope, port, text, &room), STATUS_SUCCESS);
    ck_assert_str_eq(text, "[fe80::2%7]:443");
    ck_assert_uint_eq(room, 16);
    room = 15;
    ck_assert_int_eq(RtlIpv6AddressToStringExA(&address, scope, port, text, &room), STATUS_INVALID_PARAMETER);
    ck_assert_uint_eq(room, 16);
    ck_assert_int_eq(RtlIpv6StringToAddressExA("[fe80::2", &address, &scope, &port), STATUS_INVALID_PARAMETER);
    PCWSTR wide_end;
    ck_assert_int_eq(RtlIpv6StringToAddressW(L"fd77::1/64", &wide_end, &address), STATUS_SUCCESS);
    ck_assert_int_eq(*wide_end, '/');
}

NT_TEST(RtlIpv6StringToAddressW_reads_every_form_and_stops_where_it_cannot_go_on)
{
    IN6_ADDR address;
    PCWSTR end;
    PCWSTR text = L"2001:db8::8:800:200c:417a,x";
    static const UCHAR bytes[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 8, 8, 0, 0x20, 0x0c, 0x41, 0x7a};
    ck_assert_int_eq(RtlIpv6StringToAddressW(text, &end, &address), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp(&address, bytes, 16), 0);
    ck_assert_ptr_eq(end, text + 25);
    ck_assert_int_eq(RtlIpv6StringToAddressW(L"::ffff:192.0.2.33", &end, &address), STATUS_SUCCESS);
    ck_assert_int_eq(memcmp((UCHAR *)&address + 12, (UCHAR[]){192, 0, 2, 33}, 4), 0);
    static const PCWSTR bad[] = {L"", L"1:2:3", L"1::2::3", L"12345::", L"1:2:3:4:5:6:7:8:9", L"g::"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        NTSTATUS status = RtlIpv6StringToAddressW(bad[i], &end, &address);
        ck_assert_msg(status == STATUS_INVALID_PARAMETER || *end, "row %zu", i);
    }
}

NT_TEST(RtlIpv4StringToAddressW_is_strict_on_request)
{
    IN_ADDR address;
    PCWSTR end;
    char text[32];
    USHORT port;
    ULONG room = 32;
    ck_assert_int_eq(RtlIpv4StringToAddressW(L"10.77.0.1/24", TRUE, &end, &address), STATUS_SUCCESS);
    ck_assert_int_eq(*end, '/');
    RtlIpv4AddressToStringA(&address, text);
    ck_assert_str_eq(text, "10.77.0.1");
    ck_assert_int_eq(RtlIpv4StringToAddressW(L"10.1", TRUE, &end, &address), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlIpv4StringToAddressW(L"10.1", FALSE, &end, &address), STATUS_SUCCESS);
    RtlIpv4AddressToStringA(&address, text);
    ck_assert_str_eq(text, "10.0.0.1");
    ck_assert_int_eq(RtlIpv4StringToAddressW(L"0x7f.1", FALSE, &end, &address), STATUS_SUCCESS);
    ck_assert_int_eq(RtlIpv4StringToAddressW(L"256.1.1.1", FALSE, &end, &address), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlIpv4StringToAddressW(L"1.2.3.", TRUE, &end, &address), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlIpv4StringToAddressExA("1.2.3.4:80", TRUE, &address, &port), STATUS_SUCCESS);
    ck_assert_uint_eq(port, 0x5000);
    ck_assert_int_eq(RtlIpv4AddressToStringExA(&address, port, text, &room), STATUS_SUCCESS);
    ck_assert_str_eq(text, "1.2.3.4:80");
    ck_assert_uint_eq(room, 11);
    ck_assert_int_eq(RtlIpv4StringToAddressExA("1.2.3.4:99999", TRUE, &address, &port), STATUS_INVALID_PARAMETER);
}

static NTAPI RTL_GENERIC_COMPARE_RESULTS
number_compare(PRTL_GENERIC_TABLE table, PVOID first, PVOID second)
{
    ULONG a = *(ULONG *)first, b = *(ULONG *)second;
    return a < b ? GenericLessThan : a > b ? GenericGreaterThan : GenericEqual;
}

static NTAPI PVOID
number_allocate(PRTL_GENERIC_TABLE table, CLONG bytes)
{
    ck_assert_uint_eq(bytes, 44);
    return ExAllocatePoolWithTag(NonPagedPoolNx, bytes, 'lbaT');
}

static NTAPI VOID
number_free(PRTL_GENERIC_TABLE table, PVOID buffer)
{
    ExFreePool(buffer);
}

NT_TEST(RtlInsertElementGenericTable_keeps_each_once_in_order_of_comparison_and_of_insertion)
{
    RTL_GENERIC_TABLE table;
    RtlInitializeGenericTable(&table, number_compare, number_allocate, number_free, NULL);
    ck_assert(RtlIsGenericTableEmpty(&table));
    for (ULONG i = 0; i < 200; i++) {
        ULONG value = i * 37 % 101;
        BOOLEAN is_new;
        ULONG *element = RtlInsertElementGenericTable(&table, &value, sizeof value, &is_new);
        ck_assert_uint_eq(*element, value);
        ck_assert_int_eq(is_new, i < 101);
    }
    ck_assert_uint_eq(RtlNumberGenericTableElements(&table), 101);
    for (ULONG i = 0; i < 101; i++)
        ck_assert_uint_eq(*(ULONG *)RtlGetElementGenericTable(&table, i), i * 37 % 101);
    ck_assert_ptr_null(RtlGetElementGenericTable(&table, 101));
    for (ULONG value = 0; value < 101; value += 3)
        ck_assert(RtlDeleteElementGenericTable(&table, &value));
    PVOID key = NULL;
    ULONG expected = 1, *element;
    while ((element = RtlEnumerateGenericTableWithoutSplaying(&table, &key))) {
        ck_assert_uint_eq(*element, expected);
        expected += expected % 3 == 1 ? 1 : 2;
    }
    ck_assert_uint_eq(expected, 101);
    for (ULONG value = 0; value < 101; value++) {
        ck_assert_int_eq(RtlLookupElementGenericTable(&table, &value) != NULL, value % 3 != 0);
        ck_assert_int_eq(RtlDeleteElementGenericTable(&table, &value), value % 3 != 0);
    }
    ck_assert(RtlIsGenericTableEmpty(&table));
}

NT_TEST(RtlCopySid_refuses_what_does_not_fit)
{
    union {
        SID sid;
        UCHAR bytes[64];
    } a = {.sid = {.Revision = SID_REVISION, .SubAuthorityCount = 2, .SubAuthority = {32}}}, b = {.bytes = {0}};
    ck_assert_uint_eq(RtlLengthSid(&a), 16);
    ck_assert_uint_eq(RtlLengthRequiredSid(2), 16);
    ck_assert_int_eq(RtlCopySid(15, &b, &a), STATUS_BUFFER_TOO_SMALL);
    ck_assert_int_eq(RtlCopySid(16, &b, &a), STATUS_SUCCESS);
    ck_assert(RtlValidSid(&b) && RtlEqualSid(&a, &b));
    b.sid.Revision = 9;
    ck_assert(!RtlValidSid(&b));
}

NT_TEST(RtlNtStatusToDosErrorNoTeb_maps_what_it_knows_and_says_so_otherwise)
{
    ck_assert_uint_eq(RtlNtStatusToDosErrorNoTeb(STATUS_SUCCESS), 0);
    ck_assert_uint_eq(RtlNtStatusToDosErrorNoTeb(STATUS_ACCESS_DENIED), 5);
    ck_assert_uint_eq(RtlNtStatusToDosError(STATUS_OBJECT_NAME_NOT_FOUND), 2);
    ck_assert_uint_eq(RtlNtStatusToDosErrorNoTeb((NTSTATUS)0xC0FFEE00), 317);
}
