// SPDX-License-Identifier: MIT
// The bytes of a file as UTF-8: UTF-16 with a byte order mark (either end first), UTF-8 with one or without, else Windows-1252, which
// is what an "ANSI" INF of a western writer is. And the small words of the format: names without case, numbers, hex bytes.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "loader/inf/inf_int.h"

static char *
put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 63));
        *out++ = (char)(0x80 | (c >> 6 & 63));
        *out++ = (char)(0x80 | (c & 63));
    }
    return out;
}

static uint32_t
unit_at(const uint8_t *bytes, size_t index, bool big)
{
    return big ? (uint32_t)bytes[2 * index] << 8 | bytes[2 * index + 1] : (uint32_t)bytes[2 * index + 1] << 8 | bytes[2 * index];
}

static char *
decode_utf16(struct inf *inf, const uint8_t *bytes, size_t length_bytes, bool big, size_t *text_bytes)
{
    size_t units = length_bytes / 2;
    char *text = inf_alloc(inf, units * 3 + 4, 1), *out = text;
    for (size_t i = 0; i < units; i++) {
        uint32_t c = unit_at(bytes, i, big);
        if (c >= 0xd800 && c < 0xdc00 && i + 1 < units) {
            uint32_t low = unit_at(bytes, i + 1, big);
            if (low >= 0xdc00 && low < 0xe000) {
                c = 0x10000 + ((c & 0x3ff) << 10) + (low & 0x3ff);
                i++;
            }
        }
        out = put_utf8(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
    }
    *text_bytes = (size_t)(out - text);
    return text;
}

// The length of the UTF-8 sequence at bytes, or 0.
static size_t
utf8_length(const uint8_t *bytes, size_t left)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t length = bytes[0] < 0x80 ? 1 : bytes[0] >> 5 == 6 ? 2
                                      : bytes[0] >> 4 == 14  ? 3
                                      : bytes[0] >> 3 == 30  ? 4
                                                             : 0;
    if (length <= 1 || length > left)
        return length <= left ? length : 0;
    uint32_t c = bytes[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if (bytes[i] >> 6 != 2)
            return 0;
        c = c << 6 | (bytes[i] & 63);
    }
    return c < least[length] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : length;
}

static bool
is_utf8(const uint8_t *bytes, size_t length_bytes)
{
    for (size_t at = 0; at < length_bytes;) {
        size_t length = utf8_length(bytes + at, length_bytes - at);
        if (!length)
            return false;
        at += length;
    }
    return true;
}

static char *
decode_windows_1252(struct inf *inf, const uint8_t *bytes, size_t length_bytes, size_t *text_bytes)
{
    static const uint16_t high[32] = {0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
                                      0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
                                      0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178};
    char *text = inf_alloc(inf, length_bytes * 3 + 1, 1), *out = text;
    for (size_t i = 0; i < length_bytes; i++)
        out = put_utf8(out, bytes[i] >= 0x80 && bytes[i] < 0xa0 ? high[bytes[i] - 0x80] : bytes[i]);
    *text_bytes = (size_t)(out - text);
    return text;
}

static struct inf_place
place_of(const char *text, const char *at)
{
    struct inf_place place = {1, 1};
    for (; text < at; text++) {
        place.column += ((unsigned char)*text & 0xc0) != 0x80;
        if (*text == '\n')
            place = (struct inf_place){place.line + 1, 1};
    }
    return place;
}

char *
inf_text_decode(struct inf *inf, const uint8_t *bytes, size_t length_bytes, size_t *text_bytes)
{
    char *text;
    if (length_bytes > INF_FILE_BYTES_MAX) {
        inf_error(inf, (struct inf_place){1, 1}, "the file has %zu bytes; an INF may have %u", length_bytes, INF_FILE_BYTES_MAX);
        return NULL;
    }
    bool is_little = length_bytes >= 2 && bytes[0] == 0xff && bytes[1] == 0xfe;
    bool is_big = length_bytes >= 2 && bytes[0] == 0xfe && bytes[1] == 0xff;
    if (is_little || is_big) {
        text = decode_utf16(inf, bytes + 2, length_bytes - 2, is_big, text_bytes);
    } else {
        if (length_bytes >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3)) {
            bytes += 3;
            length_bytes -= 3;
        }
        *text_bytes = length_bytes;
        text = is_utf8(bytes, length_bytes) ? inf_copy(inf, (const char *)bytes, length_bytes)
                                            : decode_windows_1252(inf, bytes, length_bytes, text_bytes);
    }
    const char *nul = memchr(text, 0, *text_bytes);
    if (nul) {
        inf_error(inf, place_of(text, nul), "found a NUL; allowed: text, as UTF-8, or as UTF-16 with a byte order mark");
        return NULL;
    }
    return text;
}

// ---- words ------------------------------------------------------------------------------------------------------------------------

bool
inf_is(const char *text, const char *word)
{
    return !strcasecmp(text, word);
}

bool
inf_number(const char *text, int64_t *number)
{
    bool is_negative = *text == '-';
    const char *digits = text + (*text == '-' || *text == '+');
    int base = digits[0] == '0' && (digits[1] | 32) == 'x' ? 16 : 10;
    digits += base == 16 ? 2 : 0;
    size_t length = strspn(digits, base == 16 ? "0123456789abcdefABCDEF" : "0123456789");
    if (!length || digits[length] || length > 20)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        uint64_t digit = (uint64_t)(digits[i] <= '9' ? digits[i] - '0' : (digits[i] | 32) - 'a' + 10);
        if (value > (UINT64_MAX - digit) / (uint64_t)base)
            return false;
        value = value * (uint64_t)base + digit;
    }
    if (value > (uint64_t)INT64_MAX && (is_negative || base == 10))
        return false;
    *number = is_negative ? -(int64_t)value : (int64_t)value;
    return true;
}

bool
inf_hex_byte(const char *text, uint8_t *byte)
{
    if (text[0] == '0' && (text[1] | 32) == 'x')
        text += 2;
    size_t length = strspn(text, "0123456789abcdefABCDEF");
    if (!length || length > 2 || text[length])
        return false;
    *byte = (uint8_t)strtoul(text, NULL, 16);
    return true;
}
