// SPDX-License-Identifier: MIT
// Counted strings of 8-bit characters, their conversion to and from Unicode, case and hashes, each promise of their pages.
// Sources: [wdm/nf-wdm-rtlinitstring], [ntddk/nf-ntddk-rtlcopystring], [ntddk/nf-ntddk-rtlcomparestring], [ntddk/nf-ntddk-rtlupperstring],
// [wdm/nf-wdm-rtlansistringtounicodestring], [wdm/nf-wdm-rtlunicodestringtoansistring], [ntifs/nf-ntifs-rtlunicodetoutf8n] and their kin.
#include <string.h>

#include "unit/nt/nt_test.h"
#include "unit/nt/refuse.h"

#define US(text) ((UNICODE_STRING)RTL_CONSTANT_STRING(text))
#define AS(text) ((STRING)RTL_CONSTANT_STRING(text))
#define LONGEST 65534   // MAXUSHORT - 1 bytes

static char *
of_length(size_t count)
{
    static char text[70001];
    memset(text, 'x', count);
    text[count] = 0;
    return text;
}

static void
check_init(VOID(NTAPI *init)(PSTRING, PCSZ))
{
    static const char text[] = "hello";
    STRING s;
    memset(&s, 0xcc, sizeof s);
    init(&s, text);
    ck_assert_uint_eq(s.Length, 5);
    ck_assert_uint_eq(s.MaximumLength, 6);
    ck_assert_ptr_eq(s.Buffer, text);
    memset(&s, 0xcc, sizeof s);
    init(&s, NULL);
    ck_assert(!s.Length && !s.MaximumLength && !s.Buffer);
    static const size_t lengths[] = {LONGEST, LONGEST + 1, 70000};
    for (int i = 0; i < 3; i++) {
        init(&s, of_length(lengths[i]));
        ck_assert_uint_eq(s.Length, LONGEST);
        ck_assert_uint_eq(s.MaximumLength, LONGEST + 1);
    }
}

NT_TEST_ONE(RtlInitString_counts_takes_NULL_and_misrepresents_what_is_too_long)
{
    check_init(RtlInitString);
}
NT_TEST_ONE(RtlInitAnsiString_counts_takes_NULL_and_misrepresents_what_is_too_long)
{
    check_init(RtlInitAnsiString);
}
NT_TEST_ONE(RtlInitUTF8String_counts_takes_NULL_and_misrepresents_what_is_too_long)
{
    check_init(RtlInitUTF8String);
}

NT_TEST_ONE(RtlInitStringEx_refuses_what_is_too_long)
{
    static const char text[] = "hello";
    STRING s;
    memset(&s, 0xcc, sizeof s);
    ck_assert_int_eq(RtlInitStringEx(&s, text), STATUS_SUCCESS);
    ck_assert(s.Length == 5 && s.MaximumLength == 6 && s.Buffer == text);
    ck_assert_int_eq(RtlInitStringEx(&s, NULL), STATUS_SUCCESS);
    ck_assert(!s.Length && !s.MaximumLength && !s.Buffer);
    ck_assert_int_eq(RtlInitStringEx(&s, of_length(LONGEST)), STATUS_SUCCESS);
    ck_assert(s.Length == LONGEST && s.MaximumLength == LONGEST + 1);
    ck_assert_int_eq(RtlInitStringEx(&s, of_length(LONGEST + 1)), STATUS_NAME_TOO_LONG);
}

NT_TEST_ONE(RtlInitUnicodeStringEx_refuses_what_is_too_long)
{
    static WCHAR text[40000];
    UNICODE_STRING s;
    memset(&s, 0xcc, sizeof s);
    ck_assert_int_eq(RtlInitUnicodeStringEx(&s, NULL), STATUS_SUCCESS);
    ck_assert(!s.Length && !s.MaximumLength && !s.Buffer);
    for (int i = 0; i < 32767; i++)
        text[i] = 'x';
    ck_assert_int_eq(RtlInitUnicodeStringEx(&s, text), STATUS_NAME_TOO_LONG);
    text[32766] = 0;
    ck_assert_int_eq(RtlInitUnicodeStringEx(&s, text), STATUS_SUCCESS);
    ck_assert(s.Length == 65532 && s.MaximumLength == 65534 && s.Buffer == text);
}

NT_TEST_ONE(RtlCopyString_copies_what_fits_and_nothing_of_NULL)
{
    static const struct {
        USHORT maximum, length;
    } cases[] = {{0, 0}, {2, 2}, {3, 3}, {8, 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char buffer[9] = "--------";
        STRING to = {7, cases[i].maximum, buffer}, from = AS("abc");
        RtlCopyString(&to, &from);
        ck_assert_uint_eq(to.Length, cases[i].length);
        ck_assert_uint_eq(to.MaximumLength, cases[i].maximum);
        ck_assert_ptr_eq(to.Buffer, buffer);
        ck_assert_mem_eq(buffer, "abc", cases[i].length);
        ck_assert_int_eq(buffer[cases[i].length], '-');
        RtlCopyString(&to, NULL);
        ck_assert_uint_eq(to.Length, 0);
        ck_assert(to.MaximumLength == cases[i].maximum && to.Buffer == buffer);
    }
}

NT_TEST_ONE(RtlCompareString_is_zero_less_or_greater)
{
    STRING a = AS("Adapter"), b = AS("ADAPTER"), c = AS("Adapters"), e = AS("\xe9"), big_e = AS("\xc9"), none = {0, 0, NULL};
    ck_assert_int_eq(RtlCompareString(&a, &b, TRUE), 0);
    ck_assert_int_gt(RtlCompareString(&a, &b, FALSE), 0);
    ck_assert_int_lt(RtlCompareString(&b, &a, FALSE), 0);
    ck_assert_int_lt(RtlCompareString(&a, &c, TRUE), 0);
    ck_assert_int_gt(RtlCompareString(&c, &b, TRUE), 0);
    ck_assert_int_eq(RtlCompareString(&e, &big_e, TRUE), 0);
    ck_assert_int_gt(RtlCompareString(&e, &a, FALSE), 0);           // bytes have no sign
    ck_assert_int_eq(RtlCompareString(&none, &none, FALSE), 0);
}

NT_TEST_ONE(RtlEqualString_compares_counted_bytes_with_or_without_case)
{
    STRING a = AS("Adapter"), b = AS("ADAPTER"), c = AS("Adapters"), zero = AS("a\0b"), other = AS("a\0c");
    ck_assert_int_eq(RtlEqualString(&a, &b, TRUE), TRUE);
    ck_assert_int_eq(RtlEqualString(&a, &b, FALSE), FALSE);
    ck_assert_int_eq(RtlEqualString(&a, &a, FALSE), TRUE);
    ck_assert_int_eq(RtlEqualString(&a, &c, TRUE), FALSE);
    ck_assert_int_eq(RtlEqualString(&zero, &other, FALSE), FALSE);
}

NT_TEST_ONE(RtlUpperChar_gives_back_what_has_no_single_byte_upper_case)
{
    ck_assert_int_eq(RtlUpperChar('a'), 'A');
    ck_assert_int_eq(RtlUpperChar('Z'), 'Z');
    ck_assert_int_eq(RtlUpperChar('1'), '1');
    ck_assert_int_eq(RtlUpperChar((CHAR)0xe9), (CHAR)0xc9);
    ck_assert_int_eq(RtlUpperChar((CHAR)0xff), (CHAR)0x9f);
    ck_assert_int_eq(RtlUpperChar((CHAR)0xdf), (CHAR)0xdf);
    ck_assert_int_eq(RtlUpperChar('?'), '?');
}

NT_TEST_ONE(RtlUpperString_copies_as_much_as_fits_in_upper_case)
{
    char buffer[6] = "-----";
    STRING to = {0, 3, buffer}, from = AS("nd\xe9s6");
    RtlUpperString(&to, &from);
    ck_assert_str_eq(buffer, "ND\xc9--");
    ck_assert(to.Length == 3 && to.MaximumLength == 3 && to.Buffer == buffer);
    to.MaximumLength = 6;
    RtlUpperString(&to, &from);
    ck_assert_uint_eq(to.Length, 5);
    ck_assert_mem_eq(buffer, "ND\xc9S6", 5);
    ck_assert_str_eq(from.Buffer, "nd\xe9s6");
}

NT_TEST_ONE(RtlUpcaseUnicodeChar_maps_letters_that_have_an_upper_case)
{
    static const WCHAR pairs[][2] = {{'a', 'A'}, {'z', 'Z'}, {0xe9, 0xc9}, {0xff, 0x178}, {0x101, 0x100}, {0x3b1, 0x391}, {0x44f, 0x42f}};
    static const WCHAR same[] = {'A', '1', '{', 0xf7, 0xdf, 0x100, 0x4e2d, 0};
    for (size_t i = 0; i < RTL_NUMBER_OF(pairs); i++)
        ck_assert_uint_eq(RtlUpcaseUnicodeChar(pairs[i][0]), pairs[i][1]);
    for (size_t i = 0; i < RTL_NUMBER_OF(same); i++)
        ck_assert_uint_eq(RtlUpcaseUnicodeChar(same[i]), same[i]);
}

NT_TEST_ONE(RtlDowncaseUnicodeChar_maps_letters_that_have_a_lower_case)
{
    static const WCHAR pairs[][2] = {{'A', 'a'}, {'Z', 'z'}, {0xc9, 0xe9}, {0x178, 0xff}, {0x100, 0x101}, {0x391, 0x3b1}, {0x42f, 0x44f}};
    static const WCHAR same[] = {'a', '1', '[', 0xd7, 0x101, 0x4e2d, 0};
    for (size_t i = 0; i < RTL_NUMBER_OF(pairs); i++)
        ck_assert_uint_eq(RtlDowncaseUnicodeChar(pairs[i][0]), pairs[i][1]);
    for (size_t i = 0; i < RTL_NUMBER_OF(same); i++)
        ck_assert_uint_eq(RtlDowncaseUnicodeChar(same[i]), same[i]);
}

typedef NTSTATUS(NTAPI *map_fn)(PUNICODE_STRING, PCUNICODE_STRING, BOOLEAN);

static void
check_map(map_fn map, UNICODE_STRING from, UNICODE_STRING wanted)
{
    WCHAR buffer[8];
    UNICODE_STRING made, to = {0, from.Length, buffer}, copy = from;
    ck_assert_int_eq(map(&made, &from, TRUE), STATUS_SUCCESS);
    ck_assert(RtlEqualUnicodeString(&made, &wanted, FALSE) && made.MaximumLength >= from.Length && made.Buffer != from.Buffer);
    RtlFreeUnicodeString(&made);
    ck_assert_int_eq(map(&to, &from, FALSE), STATUS_SUCCESS);
    ck_assert(RtlEqualUnicodeString(&to, &wanted, FALSE) && to.Buffer == buffer);
    buffer[0] = '-';
    to = (UNICODE_STRING){2, from.Length - 2, buffer};
    ck_assert_int_eq(map(&to, &from, FALSE), STATUS_BUFFER_OVERFLOW);
    ck_assert(to.Length == 2 && buffer[0] == '-');                  // nothing was converted
    refuse_next();
    ck_assert_int_eq(map(&made, &from, TRUE), STATUS_NO_MEMORY);
    refuse_end();
    ck_assert_mem_eq(&from, &copy, sizeof from);
    UNICODE_STRING none = {0, 0, NULL};
    ck_assert_int_eq(map(&made, &none, TRUE), STATUS_SUCCESS);
    ck_assert_uint_eq(made.Length, 0);
    RtlFreeUnicodeString(&made);
}

NT_TEST_ONE(RtlUpcaseUnicodeString_converts_into_its_own_buffer_or_the_callers)
{
    check_map(RtlUpcaseUnicodeString, US(L"nd\xe9s6"), US(L"ND\xc9S6"));
}
NT_TEST_ONE(RtlDowncaseUnicodeString_converts_into_its_own_buffer_or_the_callers)
{
    check_map(RtlDowncaseUnicodeString, US(L"ND\xc9S6"), US(L"nd\xe9s6"));
}

NT_TEST_ONE(RtlDuplicateUnicodeString_copies_with_or_without_a_terminator)
{
    UNICODE_STRING from = US(L"nic"), none = {0, 0, NULL}, to, longest = {65534, 65534, (PWCH)of_length(65536)};
    ck_assert_int_eq(RtlDuplicateUnicodeString(0, &from, &to), STATUS_SUCCESS);
    ck_assert(RtlEqualUnicodeString(&to, &from, FALSE) && to.MaximumLength == 6 && to.Buffer != from.Buffer);
    RtlFreeUnicodeString(&to);
    ck_assert_int_eq(RtlDuplicateUnicodeString(1, &from, &to), STATUS_SUCCESS);
    ck_assert(RtlEqualUnicodeString(&to, &from, FALSE) && to.MaximumLength == 8 && !to.Buffer[3]);
    RtlFreeUnicodeString(&to);
    ck_assert_int_eq(RtlDuplicateUnicodeString(1, &none, &to), STATUS_SUCCESS);
    ck_assert(!to.Length && !to.Buffer);
    ck_assert_int_eq(RtlDuplicateUnicodeString(3, &none, &to), STATUS_SUCCESS);     // an empty string gets a buffer, too
    ck_assert(!to.Length && to.MaximumLength == 2 && !to.Buffer[0]);
    RtlFreeUnicodeString(&to);
    ck_assert_int_eq(RtlDuplicateUnicodeString(2, &from, &to), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlDuplicateUnicodeString(4, &from, &to), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlDuplicateUnicodeString(0, NULL, &to), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlDuplicateUnicodeString(0, &from, NULL), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlDuplicateUnicodeString(1, &longest, &to), STATUS_NAME_TOO_LONG);
    refuse_next();
    ck_assert_int_eq(RtlDuplicateUnicodeString(0, &from, &to), STATUS_NO_MEMORY);
    refuse_end();
}

NT_TEST_ONE(RtlHashUnicodeString_is_x65599_and_refuses_other_algorithms_and_NULL)
{
    UNICODE_STRING s = US(L"aB"), upper = US(L"AB");
    ULONG hash = 0, other = 0;
    ck_assert_int_eq(RtlHashUnicodeString(&s, FALSE, HASH_STRING_ALGORITHM_X65599, &hash), STATUS_SUCCESS);
    ck_assert_uint_eq(hash, 'a' * 65599u + 'B');
    ck_assert_int_eq(RtlHashUnicodeString(&s, FALSE, HASH_STRING_ALGORITHM_DEFAULT, &other), STATUS_SUCCESS);
    ck_assert_uint_eq(other, hash);
    ck_assert_int_eq(RtlHashUnicodeString(&s, TRUE, HASH_STRING_ALGORITHM_DEFAULT, &hash), STATUS_SUCCESS);
    ck_assert_int_eq(RtlHashUnicodeString(&upper, TRUE, HASH_STRING_ALGORITHM_DEFAULT, &other), STATUS_SUCCESS);
    ck_assert(hash == other && hash == 'A' * 65599u + 'B');
    ck_assert_int_eq(RtlHashUnicodeString(NULL, TRUE, 0, &hash), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlHashUnicodeString(&s, TRUE, 0, NULL), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlHashUnicodeString(&s, TRUE, 2, &hash), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlHashUnicodeString(&s, TRUE, 0xffffffff, &hash), STATUS_INVALID_PARAMETER);
}

NT_TEST_ONE(RtlAnsiStringToUnicodeString_converts_into_its_own_buffer_or_the_callers)
{
    ANSI_STRING from = AS("caf\xe9\x80"), longest = {LONGEST, LONGEST, of_length(LONGEST)};
    UNICODE_STRING wanted = US(L"caf\xe9\x20ac"), made = {1, 1, NULL};
    WCHAR buffer[6];
    UNICODE_STRING to = {0, 12, buffer};
    ck_assert_int_eq(RtlAnsiStringToUnicodeString(&made, &from, TRUE), STATUS_SUCCESS);
    ck_assert(RtlEqualUnicodeString(&made, &wanted, FALSE) && made.MaximumLength == 12 && !made.Buffer[5]);
    RtlFreeUnicodeString(&made);
    ck_assert_int_eq(RtlAnsiStringToUnicodeString(&to, &from, FALSE), STATUS_SUCCESS);
    ck_assert(RtlEqualUnicodeString(&to, &wanted, FALSE) && to.Buffer == buffer && !buffer[5]);
    to = (UNICODE_STRING){0, 11, buffer};
    ck_assert_int_eq(RtlAnsiStringToUnicodeString(&to, &from, FALSE), STATUS_BUFFER_OVERFLOW);
    ck_assert_uint_eq(to.Length, 0);
    ck_assert_int_eq(RtlAnsiStringToUnicodeString(&made, &longest, TRUE), STATUS_INVALID_PARAMETER_2);
    refuse_next();
    ck_assert_int_eq(RtlAnsiStringToUnicodeString(&made, &from, TRUE), STATUS_NO_MEMORY);
    refuse_end();
}

NT_TEST_ONE(RtlUnicodeStringToAnsiString_into_its_own_buffer_or_the_callers_whole_or_not_at_all)
{
    UNICODE_STRING from = US(L"caf\xe9\x20ac\x4e2d");
    ANSI_STRING made = {1, 1, NULL};
    char buffer[8] = "-------";
    ck_assert_int_eq(RtlUnicodeStringToAnsiString(&made, &from, TRUE), STATUS_SUCCESS);
    ck_assert(made.Length == 6 && made.MaximumLength == 7);
    ck_assert_str_eq(made.Buffer, "caf\xe9\x80?");                  // what the code page has not is a question mark
    RtlFreeAnsiString(&made);
    ANSI_STRING to = {0, 7, buffer};
    ck_assert_int_eq(RtlUnicodeStringToAnsiString(&to, &from, FALSE), STATUS_SUCCESS);
    ck_assert_str_eq(buffer, "caf\xe9\x80?");
    to = (ANSI_STRING){0, 4, buffer};
    ck_assert_int_eq(RtlUnicodeStringToAnsiString(&to, &from, FALSE), STATUS_BUFFER_OVERFLOW);
    ck_assert_str_eq(buffer, "caf\xe9\x80?");                      // no conversion was done
    ck_assert_uint_eq(to.Length, 0);
    to = (ANSI_STRING){9, 0, NULL};
    ck_assert_int_eq(RtlUnicodeStringToAnsiString(&to, &from, FALSE), STATUS_BUFFER_OVERFLOW);
    refuse_next();
    ck_assert_int_eq(RtlUnicodeStringToAnsiString(&made, &from, TRUE), STATUS_NO_MEMORY);
    refuse_end();
}

// The box's end would tell of a block that is left.
NT_TEST_ONE(RtlFreeAnsiString_gives_the_buffer_back_and_forgets_it)
{
    UNICODE_STRING from = US(L"nic"), same = from;
    ANSI_STRING made;
    ck_assert_int_eq(RtlUnicodeStringToAnsiString(&made, &from, TRUE), STATUS_SUCCESS);
    RtlFreeAnsiString(&made);
    ck_assert(!made.Buffer && !made.Length && !made.MaximumLength);
    ck_assert_mem_eq(&from, &same, sizeof from);
    RtlFreeAnsiString(&made);
}

NT_TEST_ONE(RtlxAnsiStringToUnicodeSize_counts_the_terminator)
{
    ANSI_STRING from = AS("caf\xe9"), none = {0, 0, NULL};
    ck_assert_uint_eq(RtlxAnsiStringToUnicodeSize(&from), 10);
    ck_assert_uint_eq(RtlxAnsiStringToUnicodeSize(&none), 2);
}

NT_TEST_ONE(RtlxUnicodeStringToAnsiSize_counts_the_terminator)
{
    UNICODE_STRING from = US(L"caf\xe9"), none = {0, 0, NULL};
    ck_assert_uint_eq(RtlxUnicodeStringToAnsiSize(&from), 5);
    ck_assert_uint_eq(RtlxUnicodeStringToAnsiSize(&none), 1);
}

NT_TEST_ONE(RtlUnicodeToMultiByteN_cuts_without_an_error)
{
    char buffer[8] = "-------";
    ULONG bytes = 99;
    ck_assert_int_eq(RtlUnicodeToMultiByteN(buffer, 8, &bytes, L"a\x20ac\x4e2d", 8), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, 4);                                    // with the terminator that was asked for
    ck_assert_mem_eq(buffer, "a\x80?\0---", 8);
    ck_assert_int_eq(RtlUnicodeToMultiByteN(buffer, 2, &bytes, L"xyz", 6), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, 2);
    ck_assert_mem_eq(buffer, "xy?", 3);
    ck_assert_int_eq(RtlUnicodeToMultiByteN(buffer, 8, NULL, L"q", 2), STATUS_SUCCESS);
    ck_assert_mem_eq(buffer, "qy?", 3);
}

NT_TEST_ONE(RtlMultiByteToUnicodeN_cuts_without_an_error)
{
    WCHAR buffer[4] = {'-', '-', '-', '-'};
    ULONG bytes = 99;
    ck_assert_int_eq(RtlMultiByteToUnicodeN(buffer, 8, &bytes, "a\x80\\", 3), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, 6);
    ck_assert(buffer[0] == 'a' && buffer[1] == 0x20ac && buffer[2] == '\\' && buffer[3] == '-');
    ck_assert_int_eq(RtlMultiByteToUnicodeN(buffer, 4, &bytes, "xyz", 3), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, 4);
    ck_assert(buffer[1] == 'y' && buffer[2] == '\\');
    ck_assert_int_eq(RtlMultiByteToUnicodeN(buffer, 8, NULL, "q", 1), STATUS_SUCCESS);
    ck_assert_uint_eq(buffer[0], 'q');
}

NT_TEST_ONE(RtlUnicodeToUTF8N_writes_as_many_characters_as_fit)
{
    static const WCHAR wide[] = {'a', 0xe9, 0, 0x20ac, 0xd83d, 0xde00};
    char utf8[16];
    ULONG bytes = 99;
    ck_assert_int_eq(RtlUnicodeToUTF8N(NULL, 0, &bytes, wide, sizeof wide), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, 11);
    ck_assert_int_eq(RtlUnicodeToUTF8N(utf8, 11, &bytes, wide, sizeof wide), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, 11);
    ck_assert_mem_eq(utf8, "a\xc3\xa9\0\xe2\x82\xac\xf0\x9f\x98\x80", 11);
    static const ULONG fits[] = {0, 1, 1, 3, 4, 4, 4, 7, 7, 7, 7};
    for (ULONG room = 0; room < 11; room++) {
        memset(utf8, '-', sizeof utf8);
        ck_assert_int_eq(RtlUnicodeToUTF8N(utf8, room, &bytes, wide, sizeof wide), STATUS_BUFFER_TOO_SMALL);
        ck_assert_uint_eq(bytes, fits[room]);
        ck_assert_int_eq(utf8[bytes], '-');
    }
    ck_assert_int_eq(RtlUnicodeToUTF8N(utf8, 16, NULL, wide, 2), STATUS_SUCCESS);
    ck_assert_int_eq(utf8[0], 'a');
}

NT_TEST_ONE(RtlUnicodeToUTF8N_replaces_half_pairs_and_refuses_what_its_page_refuses)
{
    static const WCHAR lone[] = {0xd83d, 'x', 0xde00, 0xd83d, 0xd83d};
    char utf8[16];
    ULONG bytes;
    ck_assert_int_eq(RtlUnicodeToUTF8N(utf8, 16, &bytes, lone, sizeof lone), STATUS_SOME_NOT_MAPPED);
    ck_assert_uint_eq(bytes, 13);
    ck_assert_mem_eq(utf8, "\xef\xbf\xbdx\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 13);
    ck_assert_int_eq(RtlUnicodeToUTF8N(utf8, 3, &bytes, lone, sizeof lone), STATUS_BUFFER_TOO_SMALL);
    ck_assert_uint_eq(bytes, 3);                                    // the first fits without the x behind it
    ck_assert_int_eq(RtlUnicodeToUTF8N(NULL, 0, NULL, lone, 2), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlUnicodeToUTF8N(utf8, 16, &bytes, NULL, 2), STATUS_INVALID_PARAMETER_4);
    ck_assert_int_eq(RtlUnicodeToUTF8N(utf8, 16, &bytes, lone, 3), STATUS_INVALID_PARAMETER_5);
}

NT_TEST_ONE(RtlUTF8ToUnicodeN_writes_as_many_characters_as_fit)
{
    static const char utf8[] = "a\xc3\xa9\0\xe2\x82\xac\xf0\x9f\x98\x80";
    static const WCHAR wanted[] = {'a', 0xe9, 0, 0x20ac, 0xd83d, 0xde00};
    WCHAR wide[8];
    ULONG bytes = 99;
    ck_assert_int_eq(RtlUTF8ToUnicodeN(NULL, 0, &bytes, utf8, 11), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, 12);
    ck_assert_int_eq(RtlUTF8ToUnicodeN(wide, 12, &bytes, utf8, 11), STATUS_SUCCESS);
    ck_assert_uint_eq(bytes, 12);
    ck_assert_mem_eq(wide, wanted, 12);
    for (ULONG room = 0; room < 12; room++) {
        memset(wide, 0x11, sizeof wide);
        ck_assert_int_eq(RtlUTF8ToUnicodeN(wide, room, &bytes, utf8, 11), STATUS_BUFFER_TOO_SMALL);
        ck_assert_uint_eq(bytes, room / 2 == 5 ? 8 : room / 2 * 2); // no half of a pair
        ck_assert_uint_eq(wide[bytes / 2], 0x1111);
    }
    ck_assert_int_eq(RtlUTF8ToUnicodeN(wide, 16, NULL, utf8, 1), STATUS_SUCCESS);
    ck_assert_uint_eq(wide[0], 'a');
}

NT_TEST_ONE(RtlUTF8ToUnicodeN_replaces_what_is_no_character_and_refuses_what_its_page_refuses)
{
    static const char *const bad[] = {"\x80x", "\xffx", "\xc3x"};   // each one character that is none, and an x
    WCHAR wide[8];
    ULONG bytes;
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(RtlUTF8ToUnicodeN(wide, 16, &bytes, bad[i], 2), STATUS_SOME_NOT_MAPPED);
        ck_assert(bytes == 4 && wide[0] == 0xfffd && wide[1] == 'x');
    }
    static const char *const none[] = {"\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"};
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(RtlUTF8ToUnicodeN(wide, 16, &bytes, none[i], (ULONG)strlen(none[i])), STATUS_SOME_NOT_MAPPED);
        ck_assert_uint_eq(wide[0], 0xfffd);
    }
    ck_assert_int_eq(RtlUTF8ToUnicodeN(NULL, 0, NULL, "x", 1), STATUS_INVALID_PARAMETER);
    ck_assert_int_eq(RtlUTF8ToUnicodeN(wide, 16, &bytes, NULL, 1), STATUS_INVALID_PARAMETER_4);
}
