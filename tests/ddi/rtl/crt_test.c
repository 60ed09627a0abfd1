// SPDX-License-Identifier: MIT
// The C library names that only Windows has, printing to the debugger and stopping there. Sources: [cpp docs: _snprintf, _stricmp,
// _strupr, _vsnprintf], [wdm/nf-wdm-vdbgprintex], [wdm/nf-wdm-dbgbreakpointwithstatus].
#include <ntstrsafe.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit/nt/nt_test.h"

NT_TEST_ONE(_snprintf_ends_where_it_can_and_is_negative_where_it_cuts)
{
    static const struct {
        size_t room;
        int written;
        char text[8];
    } cases[] = {{7, 5, "ab-12"}, {6, 5, "ab-12"}, {5, 5, "ab-12?"}, {4, -1, "ab-1?"}, {0, -1, "?"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[9] = "????????";
        ck_assert_int_eq(_snprintf(text, cases[i].room, "%s-%d", "ab", 12), cases[i].written);
        ck_assert_mem_eq(text, cases[i].text, strlen(cases[i].text) + (cases[i].room > 5));
    }
}

NT_TEST_ONE(_snwprintf_ends_where_it_can_and_is_negative_where_it_cuts)
{
    static const struct {
        size_t room;
        int written;
        WCHAR text[8];
    } cases[] = {{7, 5, L"ab-12"}, {6, 5, L"ab-12"}, {5, 5, L"ab-12?"}, {4, -1, L"ab-1?"}, {0, -1, L"?"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        WCHAR text[9] = L"????????";
        ck_assert_int_eq(_snwprintf(text, cases[i].room, L"%s-%d", L"ab", 12), cases[i].written);
        ck_assert_mem_eq(text, cases[i].text, (wcslen(cases[i].text) + (cases[i].room > 5)) * 2);
    }
}

static int
narrow(char *text, size_t room, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = _vsnprintf(text, room, format, arguments);
    va_end(arguments);
    return written;
}

static int
wide(WCHAR *text, size_t room, const WCHAR *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int written = _vsnwprintf(text, room, format, arguments);
    va_end(arguments);
    return written;
}

NT_TEST_ONE(_vsnprintf_ends_where_it_can_and_is_negative_where_it_cuts)
{
    char text[9] = "????????";
    ck_assert_int_eq(narrow(text, 8, "%s-%I64d", "ab", (int64_t)12), 5);
    ck_assert_str_eq(text, "ab-12");
    memset(text, '?', 8);
    ck_assert_int_eq(narrow(text, 5, "%s-%d", "ab", 12), 5);
    ck_assert_mem_eq(text, "ab-12?", 6);
    memset(text, '?', 8);
    ck_assert_int_eq(narrow(text, 4, "%s-%d", "ab", 12), -1);
    ck_assert_mem_eq(text, "ab-1?", 5);
}

NT_TEST_ONE(_vsnwprintf_ends_where_it_can_and_is_negative_where_it_cuts)
{
    WCHAR text[9] = L"????????";
    ck_assert_int_eq(wide(text, 8, L"%s-%S", L"ab", "12"), 5);
    ck_assert_mem_eq(text, L"ab-12", 12);
    ck_assert_int_eq(wide(text, 3, L"xyz"), 3);
    ck_assert_mem_eq(text, L"xyz12", 12);
    ck_assert_int_eq(wide(text, 2, L"qrs"), -1);
    ck_assert_mem_eq(text, L"qrz12", 12);
}

// Of the letters of ASCII alone, and as lower case: an underline comes before them.
static const struct {
    const char *a, *b;
    const WCHAR *wide_a, *wide_b;
    int sign, sign_of_3;
} compares[] = {
    {"Adapter", "aDAPTER", L"Adapter", L"aDAPTER", 0, 0},
    {"abc", "abd", L"abc", L"abd", -1, -1},
    {"ABC", "ab", L"ABC", L"ab", 1, 1},
    {"abcx", "ABCy", L"abcx", L"ABCy", -1, 0},
    {"a_c", "aBc", L"a_c", L"aBc", -1, -1},
    {"\xe9", "\xc9", L"\xe9", L"\xc9", 1, 1},
    {"", "", L"", L"", 0, 0},
    {"\xe9", "a", L"\xe9", L"a", 1, 1},
};

static int
sign_of(int value)
{
    return (value > 0) - (value < 0);
}

NT_TEST_ONE(_stricmp_compares_lower_case_letters)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(compares); i++)
        ck_assert_msg(sign_of(_stricmp(compares[i].a, compares[i].b)) == compares[i].sign, "row %zu", i);
}

NT_TEST_ONE(_strnicmp_compares_so_many_at_most)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(compares); i++) {
        ck_assert_msg(sign_of(_strnicmp(compares[i].a, compares[i].b, 3)) == compares[i].sign_of_3, "row %zu", i);
        ck_assert_int_eq(_strnicmp(compares[i].a, compares[i].b, 0), 0);
    }
}

NT_TEST_ONE(_wcsicmp_compares_lower_case_letters)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(compares); i++)
        ck_assert_msg(sign_of(_wcsicmp(compares[i].wide_a, compares[i].wide_b)) == compares[i].sign, "row %zu", i);
}

NT_TEST_ONE(_wcsnicmp_compares_so_many_at_most)
{
    for (size_t i = 0; i < RTL_NUMBER_OF(compares); i++) {
        ck_assert_msg(sign_of(_wcsnicmp(compares[i].wide_a, compares[i].wide_b, 3)) == compares[i].sign_of_3, "row %zu", i);
        ck_assert_int_eq(_wcsnicmp(compares[i].wide_a, compares[i].wide_b, 0), 0);
    }
}

NT_TEST_ONE(_strupr_changes_ascii_letters_in_place)
{
    char text[] = "@aMz[`{\xe9";
    ck_assert_ptr_eq(_strupr(text), text);
    ck_assert_str_eq(text, "@AMZ[`{\xe9");
}

NT_TEST_ONE(_strlwr_changes_ascii_letters_in_place)
{
    char text[] = "@AmZ[`{\xc9";
    ck_assert_ptr_eq(_strlwr(text), text);
    ck_assert_str_eq(text, "@amz[`{\xc9");
}

NT_TEST_ONE(_wcsupr_changes_ascii_letters_in_place)
{
    WCHAR text[] = L"@aMz[`{\xe9";
    ck_assert_ptr_eq(_wcsupr(text), text);
    ck_assert_int_eq(wcscmp(text, L"@AMZ[`{\xe9"), 0);
}

NT_TEST_ONE(_wcslwr_changes_ascii_letters_in_place)
{
    WCHAR text[] = L"@AmZ[`{\xc9";
    ck_assert_ptr_eq(_wcslwr(text), text);
    ck_assert_int_eq(wcscmp(text, L"@amz[`{\xc9"), 0);
}

static void
remember(void *context, const char *text)
{
    char *said = context;
    strncat(said, text, 1023 - strlen(said));
    strncat(said, "|", 1023 - strlen(said));
}

static ULONG
print(const char *prefix, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    ULONG status = prefix ? vDbgPrintExWithPrefix(prefix, DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, format, arguments)
                          : vDbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, format, arguments);
    va_end(arguments);
    return status;
}

static void
check_print(const char *prefix, const char *wanted, size_t cut)
{
    char said[1024] = "", longer[700];
    box_self()->on_message = remember;
    box_self()->on_message_context = said;
    ck_assert_uint_eq(print(prefix, "one %d\ntwo %ws %I64x\n", 1, L"x", (uint64_t)0x123456789a), STATUS_SUCCESS);
    ck_assert_str_eq(said, wanted);
    memset(longer, 'y', sizeof longer - 1);
    longer[sizeof longer - 1] = said[0] = 0;
    ck_assert_uint_eq(print(prefix, "%s", longer), STATUS_SUCCESS);
    ck_assert_uint_eq(strspn(said + (prefix ? strlen(prefix) : 0), "y"), cut);          // 512 bytes in all
    box_self()->on_message = NULL;
}

NT_TEST_ONE(vDbgPrintEx_sends_each_line_and_512_bytes_at_most)
{
    check_print(NULL, "one 1|two x 123456789a|", 512);
}
NT_TEST_ONE(vDbgPrintExWithPrefix_begins_with_the_prefix)
{
    check_print("nic: ", "nic: one 1|two x 123456789a|", 507);
}

static void
assert_body(void)
{
    RtlAssert((PVOID) "x == 7", (PVOID) "nic.c", 42, (PSTR) "the count is wrong");
}

static void
assert_in_box(void)
{
    nt_test_run_one(assert_body);
}

TEST(RtlAssert_names_the_expression_the_place_and_the_message)
{
    harness_reported("nic.c:42: assertion failed: x == 7: the count is wrong", assert_in_box);
}

static void
break_body(void)
{
    DbgBreakPointWithStatus(0xabc);
}

TEST(DbgBreakPointWithStatus_says_the_status_and_stops_the_process)
{
    int status, ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        dup2(ends[1], 2);
        nt_test_run_one(break_body);
        _exit(0);
    }
    close(ends[1]);
    char text[4096];
    size_t bytes = 0;
    for (ssize_t n; bytes < sizeof text - 1 && (n = read(ends[0], text + bytes, sizeof text - 1 - bytes)) > 0;)
        bytes += (size_t)n;
    text[bytes] = 0;
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGTRAP, "ended with %#x", (unsigned)status);
    ck_assert_msg(strstr(text, "DbgBreakPointWithStatus(0xABC)") != NULL, "said %s", text);
}
