// SPDX-License-Identifier: MIT
// Counted strings of names: copying, folding case, to and from UTF-8.
//   ob_string_from  text of a stack file or of a test -> UTF-16 (a malformed byte becomes U+FFFD)
//   ob_string_text  a driver's string -> UTF-8 for a message (a lone surrogate becomes U+FFFD)
// Case is folded for Latin, Greek and Cyrillic letters one to one, as object names are compared [wdk "case-insensitive"
// OBJ_CASE_INSENSITIVE]; other scripts compare exactly.
#include <stdlib.h>
#include <string.h>

#include "nt/ob/ob.h"

#define UNICODE_BYTES_MAX 0xfffe

static WCHAR
fold(WCHAR c)
{
    if (c < 0x80)
        return c >= 'a' && c <= 'z' ? (WCHAR)(c - 32) : c;
    if ((c >= 0xe0 && c <= 0xfe && c != 0xf7) || (c >= 0x3b1 && c <= 0x3c9 && c != 0x3c2) || (c >= 0x430 && c <= 0x44f))
        return (WCHAR)(c - 32);
    if (c >= 0x450 && c <= 0x45f)
        return (WCHAR)(c - 80);
    return c == 0xff ? 0x178 : c;
}

bool
ob_name_equal(const UNICODE_STRING *a, const UNICODE_STRING *b)
{
    if (a->Length != b->Length)
        return false;
    for (size_t i = 0; i < a->Length / sizeof(WCHAR); i++)
        if (a->Buffer[i] != b->Buffer[i] && fold(a->Buffer[i]) != fold(b->Buffer[i]))
            return false;
    return true;
}

NTSTATUS
ob_string_copy(const UNICODE_STRING *from, UNICODE_STRING *to)
{
    size_t bytes = from->Length & ~(size_t)1;
    if (bytes > UNICODE_BYTES_MAX - sizeof(WCHAR))
        return STATUS_NAME_TOO_LONG;
    WCHAR *buffer = malloc(bytes + sizeof(WCHAR));
    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (bytes)
        memcpy(buffer, from->Buffer, bytes);
    buffer[bytes / sizeof(WCHAR)] = 0;
    *to = (UNICODE_STRING){.Length = (USHORT)bytes, .MaximumLength = (USHORT)(bytes + sizeof(WCHAR)), .Buffer = buffer};
    return STATUS_SUCCESS;
}

// One code point from p, which has left > 0 bytes; *used is how many it took.
static uint32_t
utf8_take(const unsigned char *p, size_t left, size_t *used)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    size_t more = p[0] < 0x80 ? 0 : (p[0] & 0xe0) == 0xc0 ? 1
                                : (p[0] & 0xf0) == 0xe0   ? 2
                                : (p[0] & 0xf8) == 0xf0   ? 3
                                                          : 4;
    *used = 1;
    if (more == 0)
        return p[0];
    if (more == 4 || more >= left)
        return 0xfffd;
    uint32_t point = p[0] & (0x3f >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0xfffd;
        point = point << 6 | (p[i] & 0x3f);
    }
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0xfffd;
    *used = more + 1;
    return point;
}

NTSTATUS
ob_string_from(const char *utf8, UNICODE_STRING *to)
{
    size_t left = strlen(utf8), units = 0;
    if (left > UNICODE_BYTES_MAX / 2)
        return STATUS_NAME_TOO_LONG;
    WCHAR *buffer = malloc((left + 1) * sizeof(WCHAR));
    if (!buffer)
        return STATUS_INSUFFICIENT_RESOURCES;
    const unsigned char *p = (const unsigned char *)utf8;
    for (; left && *p < 0x80; left--)         // nearly all of nearly all
        buffer[units++] = *p++;
    while (left) {
        size_t used;
        uint32_t point = utf8_take(p, left, &used);
        if (point >= 0x10000) {
            buffer[units++] = (WCHAR)(0xd800 + ((point - 0x10000) >> 10));
            buffer[units++] = (WCHAR)(0xdc00 + (point & 0x3ff));
        } else {
            buffer[units++] = (WCHAR)point;
        }
        p += used;
        left -= used;
    }
    buffer[units] = 0;
    *to = (UNICODE_STRING){.Length = (USHORT)(units * 2), .MaximumLength = (USHORT)(units * 2 + 2), .Buffer = buffer};
    return STATUS_SUCCESS;
}

void
ob_string_free(UNICODE_STRING *string)
{
    free(string->Buffer);
    *string = (UNICODE_STRING){0};
}

static size_t
utf8_put(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2
                                                      : 3;
    for (size_t i = more; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3f));
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[more] | point);
    return more + 1;
}

const char *
ob_string_text(const UNICODE_STRING *string, char *out, size_t bytes)
{
    size_t units = string->Buffer ? string->Length / sizeof(WCHAR) : 0, used = 0;
    for (size_t i = 0; i < units; i++) {
        uint32_t point = string->Buffer[i];
        if (point >= 0xd800 && point < 0xdc00 && i + 1 < units && (string->Buffer[i + 1] & 0xfc00) == 0xdc00)
            point = 0x10000 + ((point & 0x3ff) << 10) + (string->Buffer[++i] & 0x3ff);
        else if (point >= 0xd800 && point < 0xe000)
            point = 0xfffd;
        char encoded[4];
        size_t count = utf8_put(point, encoded);
        if (used + count >= bytes)
            break;
        memcpy(out + used, encoded, count);
        used += count;
    }
    if (bytes)
        out[used] = 0;
    return out;
}
