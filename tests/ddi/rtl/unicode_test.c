// SPDX-License-Identifier: MIT
// Counted strings and memory comparison, each promise of their pages. Sources: [wdm/nf-wdm-rtlinitunicodestring],
// [wdm/nf-wdm-rtlcopyunicodestring], [wdm/nf-wdm-rtlappendunicodetostring], [wdm/nf-wdm-rtlappendunicodestringtostring],
// [wdm/nf-wdm-rtlcompareunicodestring], [wdm/nf-wdm-rtlequalunicodestring], [ntddk/nf-ntddk-rtlprefixunicodestring],
// [wdm/nf-wdm-rtlfreeunicodestring], [wdm/nf-wdm-rtlcomparememory]; for the length that is too long
// [wdmsec/nf-wdmsec-wdmlibrtlinitunicodestringex].
#include <string.h>

#include "nt/ex/pool.h"
#include "unit/nt/nt_test.h"

#define MAX_USTRING 65534   // the longest even number of bytes a USHORT holds

static UNICODE_STRING
us(const WCHAR *text)
{
    UNICODE_STRING string;
    RtlInitUnicodeString(&string, text);
    return string;
}

NT_TEST(RtlInitUnicodeString_counts_with_and_without_the_terminator_and_points_at_the_source)
{
    static const WCHAR text[] = L"abc";
    UNICODE_STRING string;
    memset(&string, 0xcc, sizeof string);
    RtlInitUnicodeString(&string, text);
    ck_assert_uint_eq(string.Length, 6);
    ck_assert_uint_eq(string.MaximumLength, 8);
    ck_assert_ptr_eq(string.Buffer, text);
    ck_assert_mem_eq(text, L"abc", sizeof text);
    RtlInitUnicodeString(&string, L"");
    ck_assert_uint_eq(string.Length, 0);
    ck_assert_uint_eq(string.MaximumLength, 2);
}

NT_TEST(RtlInitUnicodeString_of_NULL_has_both_lengths_0)
{
    UNICODE_STRING string;
    memset(&string, 0xcc, sizeof string);
    RtlInitUnicodeString(&string, NULL);
    ck_assert_uint_eq(string.Length, 0);
    ck_assert_uint_eq(string.MaximumLength, 0);
    ck_assert_ptr_null(string.Buffer);
}

NT_TEST(RtlInitUnicodeString_of_a_source_too_long_misrepresents_it_as_documented)
{
    static WCHAR text[40001];
    static const struct {
        size_t chars;
        USHORT length, maximum;
    } cases[] = {{MAX_USTRING / 2 - 1, MAX_USTRING - 2, MAX_USTRING},    // the longest that is told as it is
                 {MAX_USTRING / 2, MAX_USTRING - 2, MAX_USTRING},
                 {40000, MAX_USTRING - 2, MAX_USTRING}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t c = 0; c < cases[i].chars; c++)
            text[c] = 'x';
        text[cases[i].chars] = 0;
        UNICODE_STRING string = us(text);
        ck_assert_uint_eq(string.Length, cases[i].length);
        ck_assert_uint_eq(string.MaximumLength, cases[i].maximum);
    }
}

NT_TEST(RtlCopyUnicodeString_copies_as_much_as_fits_and_keeps_buffer_and_maximum)
{
    static const struct {
        USHORT maximum, length;
    } cases[] = {{0, 0}, {2, 2}, {6, 6}, {8, 6}, {20, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        WCHAR buffer[16];
        memset(buffer, 0xee, sizeof buffer);
        UNICODE_STRING to = {0, cases[i].maximum, buffer}, from = us(L"abc");
        RtlCopyUnicodeString(&to, &from);
        ck_assert_uint_eq(to.Length, cases[i].length);
        ck_assert_uint_eq(to.MaximumLength, cases[i].maximum);
        ck_assert_ptr_eq(to.Buffer, buffer);
        ck_assert_mem_eq(buffer, L"abc", cases[i].length);
        ck_assert_uint_eq(buffer[cases[i].maximum / 2], 0xeeee);   // nothing behind the buffer
    }
}

NT_TEST(RtlCopyUnicodeString_of_NULL_sets_the_length_to_0)
{
    WCHAR buffer[4] = L"abc";
    UNICODE_STRING to = {6, 8, buffer};
    RtlCopyUnicodeString(&to, NULL);
    ck_assert_uint_eq(to.Length, 0);
    ck_assert_uint_eq(to.MaximumLength, 8);
    ck_assert_ptr_eq(to.Buffer, buffer);
}

NT_TEST(RtlAppendUnicodeToString_appends_up_to_the_last_byte_without_a_terminator)
{
    WCHAR buffer[6];
    memset(buffer, 0xee, sizeof buffer);
    UNICODE_STRING to = {0, 10, buffer};
    ck_assert_int_eq(RtlAppendUnicodeToString(&to, L"abc"), STATUS_SUCCESS);
    ck_assert_uint_eq(to.Length, 6);
    ck_assert_int_eq(RtlAppendUnicodeToString(&to, L"de"), STATUS_SUCCESS);
    ck_assert_uint_eq(to.Length, 10);
    ck_assert_mem_eq(buffer, L"abcde", 10);
    ck_assert_uint_eq(buffer[5], 0xeeee);
}

NT_TEST(RtlAppendUnicodeToString_returns_STATUS_BUFFER_TOO_SMALL_and_changes_nothing)
{
    WCHAR buffer[4], before[4];
    memset(buffer, 0xee, sizeof buffer);
    UNICODE_STRING to = {0, 6, buffer};
    ck_assert_int_eq(RtlAppendUnicodeToString(&to, L"a"), STATUS_SUCCESS);
    memcpy(before, buffer, sizeof before);
    ck_assert_int_eq(RtlAppendUnicodeToString(&to, L"bcd"), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(to.Length, 2);
    ck_assert_uint_eq(to.MaximumLength, 6);
    ck_assert_mem_eq(buffer, before, sizeof before);
}

NT_TEST(RtlAppendUnicodeToString_of_NULL_appends_nothing)
{
    WCHAR buffer[4] = L"a";
    UNICODE_STRING to = {2, 8, buffer};
    ck_assert_int_eq(RtlAppendUnicodeToString(&to, NULL), STATUS_SUCCESS);
    ck_assert_uint_eq(to.Length, 2);
}

NT_TEST(RtlAppendUnicodeStringToString_puts_the_bytes_behind_the_contents_and_counts_them)
{
    WCHAR buffer[6];
    memset(buffer, 0xee, sizeof buffer);
    UNICODE_STRING to = {0, 10, buffer}, abc = us(L"abc"), de = {4, 4, (WCHAR[]){'d', 'e'}};
    ck_assert_int_eq(RtlAppendUnicodeStringToString(&to, &abc), STATUS_SUCCESS);
    ck_assert_int_eq(RtlAppendUnicodeStringToString(&to, &de), STATUS_SUCCESS);
    ck_assert_uint_eq(to.Length, 10);
    ck_assert_mem_eq(buffer, L"abcde", 10);
    ck_assert_uint_eq(buffer[5], 0xeeee);
}

NT_TEST(RtlAppendUnicodeStringToString_returns_STATUS_BUFFER_TOO_SMALL_and_keeps_the_length)
{
    WCHAR buffer[4];
    UNICODE_STRING to = {0, 8, buffer}, abc = us(L"abc");
    ck_assert_int_eq(RtlAppendUnicodeStringToString(&to, &abc), STATUS_SUCCESS);
    ck_assert_int_eq(RtlAppendUnicodeStringToString(&to, &abc), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(to.Length, 6);
    ck_assert_mem_eq(buffer, L"abc", 6);
}

// Pairs in order: less, with case, then whether they are equal and whether the first is a prefix, with case and without.
static const struct {
    const WCHAR *a, *b;
    int order, order_caseless;
    BOOLEAN prefix, prefix_caseless;
} pairs[] = {
    {L"", L"", 0, 0, TRUE, TRUE},           {L"", L"a", -1, -1, TRUE, TRUE},       {L"a", L"", 1, 1, FALSE, FALSE},
    {L"abc", L"abc", 0, 0, TRUE, TRUE},     {L"abc", L"abd", -1, -1, FALSE, FALSE}, {L"abd", L"abc", 1, 1, FALSE, FALSE},
    {L"abc", L"abcd", -1, -1, TRUE, TRUE},  {L"abcd", L"abc", 1, 1, FALSE, FALSE}, {L"abc", L"ABC", 1, 0, FALSE, TRUE},
    {L"ABC", L"abcd", -1, -1, FALSE, TRUE}, {L"\xe9", L"\xc9", 1, 0, FALSE, TRUE}, {L"b", L"A", 1, 1, FALSE, FALSE},
    {L"a", L"B", 1, -1, FALSE, FALSE}};

static int
sign(LONG value)
{
    return value < 0 ? -1 : value > 0;
}

NT_TEST(RtlCompareUnicodeString_is_below_at_or_above_zero_with_case_and_without)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        UNICODE_STRING a = us(pairs[i].a), b = us(pairs[i].b);
        ck_assert_int_eq(sign(RtlCompareUnicodeString(&a, &b, FALSE)), pairs[i].order);
        ck_assert_int_eq(sign(RtlCompareUnicodeString(&a, &b, TRUE)), pairs[i].order_caseless);
    }
}

NT_TEST(RtlEqualUnicodeString_is_TRUE_for_equal_strings_and_FALSE_for_others_with_case_and_without)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        UNICODE_STRING a = us(pairs[i].a), b = us(pairs[i].b);
        ck_assert_int_eq(RtlEqualUnicodeString(&a, &b, FALSE), pairs[i].order == 0);
        ck_assert_int_eq(RtlEqualUnicodeString(&a, &b, TRUE), pairs[i].order_caseless == 0);
    }
}

NT_TEST(RtlPrefixUnicodeString_is_TRUE_when_the_second_begins_with_the_first_with_case_and_without)
{
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        UNICODE_STRING a = us(pairs[i].a), b = us(pairs[i].b);
        ck_assert_int_eq(RtlPrefixUnicodeString(&a, &b, FALSE), pairs[i].prefix);
        ck_assert_int_eq(RtlPrefixUnicodeString(&a, &b, TRUE), pairs[i].prefix_caseless);
    }
}

static uint64_t
pool_bytes(void)
{
    struct ex_pool_usage usage;
    ex_pool_usage_get(box_self(), 0, &usage);
    return usage.bytes;
}

NT_TEST(RtlFreeUnicodeString_gives_back_what_RtlAnsiStringToUnicodeString_and_RtlUpcaseUnicodeString_allocated)
{
    uint64_t before = pool_bytes();
    char text[] = "nic";
    ANSI_STRING ansi = {3, 4, text};
    UNICODE_STRING wide, upper;
    ck_assert_int_eq(RtlAnsiStringToUnicodeString(&wide, &ansi, TRUE), STATUS_SUCCESS);
    ck_assert_int_eq(RtlUpcaseUnicodeString(&upper, &wide, TRUE), STATUS_SUCCESS);
    ck_assert_uint_gt(pool_bytes(), before);
    RtlFreeUnicodeString(&upper);
    RtlFreeUnicodeString(&wide);
    ck_assert_uint_eq(pool_bytes(), before);
    ck_assert_str_eq(text, "nic");   // the source is the caller's
    ck_assert_ptr_eq(ansi.Buffer, text);
}

NT_TEST(RtlCompareMemory_returns_how_many_bytes_match_before_the_first_that_differs)
{
    static uint8_t a[300], b[300];
    ck_assert_uint_eq(RtlCompareMemory(a, b, 0), 0);
    ck_assert_uint_eq(RtlCompareMemory(a, b, sizeof a), sizeof a);
    for (size_t at = 0; at < sizeof a; at++) {
        b[at] = 1;
        ck_assert_uint_eq(RtlCompareMemory(a, b, sizeof a), at);
        ck_assert_uint_eq(RtlCompareMemory(a, b, at), at);
        b[at] = 0;
    }
}
