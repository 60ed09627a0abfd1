// SPDX-License-Identifier: MIT
// Characters and counted strings: case, the ANSI code page (1252), UTF-8, comparison. No allocation, nothing of the box.
// Case is folded one to one for Latin, Greek, Cyrillic and Armenian letters, as Windows's table does; other scripts have no case.
#ifndef NBX_NT_RTL_STRING_H
#define NBX_NT_RTL_STRING_H

#include <ntddk.h>
#include <stdbool.h>
#include <stddef.h>

WCHAR rtl_upcase(WCHAR c);
WCHAR rtl_downcase(WCHAR c);

WCHAR rtl_ansi_to_wide(char c);
char rtl_wide_to_ansi(WCHAR c);

// Write the UTF-8 of one UTF-16 unit, up to 4 bytes; the first half of a pair writes nothing and is kept in *high. A lone half becomes
// U+FFFD. Returns the bytes written.
size_t rtl_utf8_put(WCHAR c, WCHAR *high, char out[4]);
// Read one code point from left > 0 bytes; *used is how many it took. A malformed sequence is U+FFFD and sets *bad.
uint32_t rtl_utf8_get(const char *text, size_t left, size_t *used, bool *bad);

// <0, 0, >0 over counted strings, ignoring case or not.
LONG rtl_compare_wide(const WCHAR *a, size_t a_count, const WCHAR *b, size_t b_count, bool ignore_case);
LONG rtl_compare_narrow(const char *a, size_t a_count, const char *b, size_t b_count, bool ignore_case);

size_t rtl_wide_length(const WCHAR *text, size_t limit);

// Digits of base 2, 8, 10 or 16. Returns how many characters were written; the buffer needs 64.
size_t rtl_number_put(ULONGLONG value, ULONG base, char out[64]);

// A number as RtlUnicodeStringToInteger reads it: blanks, sign, base from 0x 0o 0b when base is 0. get returns a character or 0.
struct rtl_digits {
    const WCHAR *wide;
    const char *narrow;
    size_t count;
};
// Returns false for a base that is none of 0 2 8 10 16. *used is where the number ended.
bool rtl_number_get(const struct rtl_digits *digits, ULONG base, ULONGLONG *value, size_t *used);

#endif
