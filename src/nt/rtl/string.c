// SPDX-License-Identifier: MIT
// Characters and counted strings.
#include "nt/rtl/string.h"

// A range of letters whose partner lies at a fixed distance, or (step 2) whose partner is the neighbour.
struct case_range {
    WCHAR first, last;           // lower-case letters
    int16_t up;                  // add this to get the upper-case letter
    uint16_t step;
};

// Sorted by first. [Unicode character database, simple case mappings of the basic plane]
static const struct case_range case_ranges[] = {
    {0x0061, 0x007a, -32, 1},  {0x00e0, 0x00f6, -32, 1}, {0x00f8, 0x00fe, -32, 1}, {0x00ff, 0x00ff, 121, 1},
    {0x0101, 0x012f, -1, 2},   {0x0133, 0x0137, -1, 2},  {0x013a, 0x0148, -1, 2},  {0x014b, 0x0177, -1, 2},
    {0x017a, 0x017e, -1, 2},   {0x0180, 0x0180, 195, 1}, {0x01ce, 0x01dc, -1, 2},  {0x01df, 0x01ef, -1, 2},
    {0x01f9, 0x021f, -1, 2},   {0x0223, 0x0233, -1, 2},  {0x03ac, 0x03ac, -38, 1}, {0x03ad, 0x03af, -37, 1},
    {0x03b1, 0x03c1, -32, 1},  {0x03c3, 0x03cb, -32, 1}, {0x03cc, 0x03cc, -64, 1}, {0x03cd, 0x03ce, -63, 1},
    {0x0430, 0x044f, -32, 1},  {0x0450, 0x045f, -80, 1}, {0x0461, 0x0481, -1, 2},  {0x048b, 0x04bf, -1, 2},
    {0x04c2, 0x04ce, -1, 2},   {0x04d1, 0x052f, -1, 2},  {0x0561, 0x0586, -48, 1}, {0x1e01, 0x1e95, -1, 2},
    {0x1ea1, 0x1eff, -1, 2},   {0x24d0, 0x24e9, -26, 1}, {0xff41, 0xff5a, -32, 1},
};

WCHAR
rtl_upcase(WCHAR c)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? (WCHAR)(c - 32) : c;
    for (size_t i = 0; i < RTL_NUMBER_OF(case_ranges) && c >= case_ranges[i].first; i++)
        if (c <= case_ranges[i].last)
            return (c - case_ranges[i].first) % case_ranges[i].step ? c : (WCHAR)(c + case_ranges[i].up);
    return c;
}

WCHAR
rtl_downcase(WCHAR c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? (WCHAR)(c + 32) : c;
    for (size_t i = 0; i < RTL_NUMBER_OF(case_ranges); i++) {
        WCHAR lower = (WCHAR)(c - case_ranges[i].up);
        if (lower >= case_ranges[i].first && lower <= case_ranges[i].last && (lower - case_ranges[i].first) % case_ranges[i].step == 0)
            return lower;
    }
    return c;
}

// Code page 1252 from 0x80 to 0x9f; the five unused bytes stand for themselves, as Windows maps them.
static const WCHAR ansi_upper[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
    0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

WCHAR
rtl_ansi_to_wide(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 0x80 && byte < 0xa0 ? ansi_upper[byte - 0x80] : byte;
}

char
rtl_wide_to_ansi(WCHAR c)
{
    if (c < 0x80 || (c >= 0xa0 && c < 0x100))
        return (char)c;
    for (int i = 0; i < 32; i++)
        if (ansi_upper[i] == c)
            return (char)(0x80 + i);
    return '?';
}

static size_t
utf8_encode(uint32_t code, char *out)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    for (size_t i = more; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[more] | code);
    return more + 1;
}

size_t
rtl_utf8_put(WCHAR c, WCHAR *high, char out[4])
{
    if (c >= 0xd800 && c < 0xdc00) {
        size_t bytes = *high ? utf8_encode(0xfffd, out) : 0;
        *high = c;
        return bytes;
    }
    uint32_t code = c;
    if (c >= 0xdc00 && c < 0xe000)
        code = *high ? 0x10000 + ((uint32_t)(*high - 0xd800) << 10) + (c - 0xdc00u) : 0xfffd;
    *high = 0;
    return utf8_encode(code, out);
}

uint32_t
rtl_utf8_get(const char *text, size_t left, size_t *used, bool *bad)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)text;
    *used = 1;
    if (p[0] < 0x80)
        return p[0];
    size_t more = (p[0] & 0xe0) == 0xc0 ? 1 : (p[0] & 0xf0) == 0xe0 ? 2 : (p[0] & 0xf8) == 0xf0 ? 3 : 0;
    uint32_t code = more ? p[0] & (0x3fu >> more) : 0;
    size_t i = 1;
    for (; more && i <= more && i < left && (p[i] & 0xc0) == 0x80; i++)
        code = code << 6 | (p[i] & 0x3f);
    if (!more || i <= more || code < least[more] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
        *bad = true;
        return 0xfffd;
    }
    *used = more + 1;
    return code;
}

LONG
rtl_compare_wide(const WCHAR *a, size_t a_count, const WCHAR *b, size_t b_count, bool ignore_case)
{
    size_t count = a_count < b_count ? a_count : b_count;
    for (size_t i = 0; i < count; i++) {
        WCHAR x = ignore_case ? rtl_upcase(a[i]) : a[i], y = ignore_case ? rtl_upcase(b[i]) : b[i];
        if (x != y)
            return (LONG)x - (LONG)y;
    }
    return a_count < b_count ? -1 : a_count > b_count;
}

LONG
rtl_compare_narrow(const char *a, size_t a_count, const char *b, size_t b_count, bool ignore_case)
{
    size_t count = a_count < b_count ? a_count : b_count;
    for (size_t i = 0; i < count; i++) {
        unsigned char x = (unsigned char)a[i], y = (unsigned char)b[i];
        if (ignore_case) {
            x = (unsigned char)rtl_wide_to_ansi(rtl_upcase(rtl_ansi_to_wide((char)x)));
            y = (unsigned char)rtl_wide_to_ansi(rtl_upcase(rtl_ansi_to_wide((char)y)));
        }
        if (x != y)
            return (LONG)x - (LONG)y;
    }
    return a_count < b_count ? -1 : a_count > b_count;
}

size_t
rtl_wide_length(const WCHAR *text, size_t limit)
{
    size_t length = 0;
    while (length < limit && text[length])
        length++;
    return length;
}

size_t
rtl_number_put(ULONGLONG value, ULONG base, char out[64])
{
    char reversed[64];
    size_t count = 0;
    do
        reversed[count++] = "0123456789ABCDEF"[value % base];
    while ((value /= base) != 0);
    for (size_t i = 0; i < count; i++)
        out[i] = reversed[count - 1 - i];
    return count;
}

static WCHAR
digits_at(const struct rtl_digits *digits, size_t at)
{
    if (at >= digits->count)
        return 0;
    return digits->wide ? digits->wide[at] : (unsigned char)digits->narrow[at];
}

bool
rtl_number_get(const struct rtl_digits *digits, ULONG base, ULONGLONG *value, size_t *used)
{
    size_t at = 0;
    if (base != 0 && base != 2 && base != 8 && base != 10 && base != 16)
        return false;
    while (digits_at(digits, at) && digits_at(digits, at) <= ' ')
        at++;
    WCHAR sign = digits_at(digits, at);
    if (sign == '+' || sign == '-')
        at++;
    if (base == 0) {
        WCHAR letter = digits_at(digits, at) == '0' ? digits_at(digits, at + 1) : 0;
        base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
        if (base != 10)
            at += 2;
    }
    ULONGLONG number = 0;
    for (WCHAR c; (c = digits_at(digits, at)) != 0; at++) {
        ULONG digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10u : c >= 'a' && c <= 'f' ? c - 'a' + 10u : 99;
        if (digit >= base)
            break;
        number = number * base + digit;
    }
    *value = sign == '-' ? 0 - number : number;
    *used = at;
    return true;
}
