// SPDX-License-Identifier: MIT
// IP addresses as text and back. [RFC 4291 2.2], [RFC 5952]; what the Windows functions accept beyond that:
// [sdk-api ip2string/nf-ip2string-rtlipv4stringtoaddressa], [.../nf-ip2string-rtlipv6stringtoaddressexa].
#include "base/iptext.h"

static size_t
put_decimal(char *text, uint32_t value)
{
    char digits[10];
    size_t count = 0, at = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    while (count)
        text[at++] = digits[--count];
    return at;
}

size_t
iptext4_put(const uint8_t address[4], char *text)
{
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        if (i)
            text[at++] = '.';
        at += put_decimal(text + at, address[i]);
    }
    return at;
}

static uint32_t
word_at(const uint8_t address[16], int i)
{
    return (uint32_t)address[2 * i] << 8 | address[2 * i + 1];
}

static size_t
put_hex(char *text, uint32_t value)
{
    size_t at = 0;
    for (int shift = 12; shift >= 0; shift -= 4)
        if (at || value >> shift || !shift)
            text[at++] = "0123456789abcdef"[value >> shift & 15];
    return at;
}

// The longest run of two or more zero words, the first of equals; *length 0 if there is none.
static int
zero_run(const uint8_t address[16], int words, int *length)
{
    int best = 0;
    *length = 0;
    for (int i = 0, run; i < words; i += run + 1) {
        for (run = 0; i + run < words && !word_at(address, i + run); run++)
            ;
        if (run > *length && run > 1) {
            best = i;
            *length = run;
        }
    }
    return best;
}

// IPv4-mapped and -compatible addresses and ISATAP identifiers end in dotted decimals.
static bool
has_ip4_tail(const uint8_t a[16])
{
    uint32_t w[8];
    for (int i = 0; i < 8; i++)
        w[i] = word_at(a, i);
    bool zero4 = !w[0] && !w[1] && !w[2] && !w[3];
    if (zero4 && !w[4] && (w[5] == 0xffff || (!w[5] && w[6])))
        return true;
    return (zero4 && w[4] == 0xffff && !w[5]) || ((w[4] & 0xfdff) == 0 && w[5] == 0x5efe);
}

size_t
iptext6_put(const uint8_t address[16], char *text)
{
    bool tail = has_ip4_tail(address);
    int words = tail ? 6 : 8, length, first = zero_run(address, words, &length);
    size_t at = 0;
    for (int i = 0; i < words; i++) {
        if (length && i == first) {
            text[at++] = ':';
            if (!i)
                text[at++] = ':';
            i += length - 1;
            continue;
        }
        at += put_hex(text + at, word_at(address, i));
        if (i < words - 1 || tail)
            text[at++] = ':';
    }
    if (tail)
        at += iptext4_put(address + 12, text + at);
    return at;
}

static uint16_t
swap16(uint16_t value)
{
    return __builtin_bswap16(value);
}

size_t
iptext4_put_full(const uint8_t address[4], uint16_t port, char *text)
{
    size_t at = iptext4_put(address, text);
    if (port) {
        text[at++] = ':';
        at += put_decimal(text + at, swap16(port));
    }
    return at;
}

size_t
iptext6_put_full(const uint8_t address[16], uint32_t scope, uint16_t port, char *text)
{
    size_t at = 0;
    if (port)
        text[at++] = '[';
    at += iptext6_put(address, text + at);
    if (scope) {
        text[at++] = '%';
        at += put_decimal(text + at, scope);
    }
    if (port) {
        text[at++] = ']';
        text[at++] = ':';
        at += put_decimal(text + at, swap16(port));
    }
    return at;
}

static int
digit_of(char c, unsigned base)
{
    int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
    return digit < (int)base ? digit : -1;
}

// A number of up to 32 bits. False without a digit or above the limit.
static bool
get_number(const char *text, size_t *at, unsigned base, uint64_t limit, uint64_t *value)
{
    size_t start = *at;
    uint64_t number = 0;
    for (int digit; (digit = digit_of(text[*at], base)) >= 0; ++*at) {
        number = number * base + (uint64_t)digit;
        if (number > limit)
            return false;
    }
    *value = number;
    return *at > start;
}

static bool
get_part(const char *text, size_t *at, bool strict, uint64_t limit, uint64_t *value)
{
    unsigned base = 10;
    if (text[*at] == '0' && (text[*at + 1] == 'x' || text[*at + 1] == 'X')) {
        base = 16;
        *at += 2;
    } else if (text[*at] == '0' && digit_of(text[*at + 1], 8) >= 0) {
        base = 8;
        ++*at;
    }
    return !(strict && base != 10) && get_number(text, at, base, limit, value);
}

bool
iptext4_get(const char *text, bool strict, uint8_t address[4], size_t *end)
{
    uint64_t parts[4];
    int count = 0;
    *end = 0;
    for (;;) {
        if (!get_part(text, end, strict, strict ? 255 : 0xffffffff, &parts[count++]))
            return false;
        if (text[*end] != '.' || count == 4)
            break;
        ++*end;
    }
    if (strict && count != 4)
        return false;
    uint32_t value = 0;
    for (int i = 0; i < count; i++) {
        bool is_last = i == count - 1;
        uint64_t limit = is_last ? UINT64_C(0xffffffff) >> 8 * i : 255;
        if (parts[i] > limit)
            return false;
        value |= is_last ? (uint32_t)parts[i] : (uint32_t)parts[i] << (24 - 8 * i);
    }
    for (int i = 0; i < 4; i++)
        address[i] = (uint8_t)(value >> (24 - 8 * i));
    return true;
}

bool
iptext6_get(const char *text, uint8_t address[16], size_t *end)
{
    uint8_t out[16] = {0};
    int count = 0, gap = -1;         // bytes read; where :: stands
    size_t at = 0;
    *end = 0;
    if (text[0] == ':') {
        if (text[1] != ':')
            return false;
        gap = 0;
        at = 2;
    }
    while (count < 16 && digit_of(text[at], 16) >= 0) {
        size_t start = at, used;
        uint64_t word;
        uint8_t tail[4];
        bool fits = get_number(text, &at, 16, 0xffff, &word) && at - start <= 4;
        if (text[at] == '.' && count <= 12 && iptext4_get(text + start, true, tail, &used)) {
            for (int i = 0; i < 4; i++)
                out[count++] = tail[i];
            at = start + used;
            break;
        }
        if (!fits)
            return false;
        out[count++] = (uint8_t)(word >> 8);
        out[count++] = (uint8_t)word;
        if (text[at] != ':' || (text[at + 1] != ':' && digit_of(text[at + 1], 16) < 0))
            break;
        at++;
        if (text[at] == ':') {
            if (gap >= 0)
                return false;
            gap = count;
            at++;
        } else if (count == 16) {
            at--;                    // eight words and a colon: not ours
            break;
        }
    }
    *end = at;
    if ((gap < 0 && count != 16) || (gap >= 0 && count > 14))
        return false;
    for (int i = 0; i < 16; i++)
        address[i] = 0;
    for (int i = 0; i < count; i++)
        address[gap >= 0 && i >= gap ? 16 - count + i : i] = out[i];
    return true;
}

// ":port" up to the end of the text, or nothing.
static bool
get_port(const char *text, size_t at, uint16_t *port)
{
    uint64_t value = 0;
    if (text[at] == ':') {
        at++;
        if (!get_part(text, &at, false, 0xffff, &value) || !value)
            return false;
    }
    *port = swap16((uint16_t)value);
    return text[at] == 0;
}

bool
iptext4_get_full(const char *text, bool strict, uint8_t address[4], uint16_t *port)
{
    size_t end;
    return iptext4_get(text, strict, address, &end) && get_port(text, end, port);
}

bool
iptext6_get_full(const char *text, uint8_t address[16], uint32_t *scope, uint16_t *port)
{
    bool bracket = text[0] == '[';
    size_t end;
    if (!iptext6_get(text + bracket, address, &end))
        return false;
    end += bracket;
    uint64_t value = 0;
    if (text[end] == '%') {
        end++;
        if (!get_number(text, &end, 10, 0xffffffff, &value))
            return false;
    }
    *scope = (uint32_t)value;
    *port = 0;
    if (!bracket)
        return text[end] == 0;
    return text[end] == ']' && get_port(text, end + 1, port);
}
