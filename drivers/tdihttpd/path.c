// SPDX-License-Identifier: MIT
// A target's path to the name of a file below a root. Decoded once, part by part, so that an encoded / or .. is what it says and no way
// out; what Windows reads otherwise than it is written (a : before a stream's name, \, blanks and dots at the end of a name) names no file.
// That a link leads out is seen by the executive, which opens nothing outside what was granted.
#include "http.h"

static int
digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                        : c >= 'A' && c <= 'F'   ? c - 'A' + 10
                                                                 : -1;
}

// Well-formed UTF-8: no overlong forms, no surrogates, nothing past U+10FFFF [RFC 3629 4].
static BOOLEAN
is_utf8(const unsigned char *at, size_t bytes)
{
    for (size_t i = 0; i < bytes;) {
        unsigned char c = at[i];
        size_t more = c < 0x80 ? 0 : c >= 0xC2 && c <= 0xDF ? 1
                                 : (c & 0xF0) == 0xE0       ? 2
                                 : c >= 0xF0 && c <= 0xF4   ? 3
                                                            : 4;
        if (more == 4 || more >= bytes - i)
            return FALSE;
        for (size_t k = 1; k <= more; k++)
            if ((at[i + k] & 0xC0) != 0x80)
                return FALSE;
        if ((c == 0xE0 && at[i + 1] < 0xA0) || (c == 0xED && at[i + 1] > 0x9F) || (c == 0xF0 && at[i + 1] < 0x90) ||
            (c == 0xF4 && at[i + 1] > 0x8F))
            return FALSE;
        i += 1 + more;
    }
    return TRUE;
}

// 0, or the status of the refusal.
static int
part_check(const char *part, size_t bytes)
{
    if ((bytes == 1 && part[0] == '.') || (bytes == 2 && part[0] == '.' && part[1] == '.') ||
        !is_utf8((const unsigned char *)part, bytes))
        return 400;
    for (size_t i = 0; i < bytes; i++) {
        if (!part[i])
            return 400;
        if ((unsigned char)part[i] < ' ' || part[i] == 127 || strchr("\\/:*?\"<>|", part[i]))
            return 404;
    }
    return bytes && part[bytes - 1] != '.' && part[bytes - 1] != ' ' ? 0 : 404;
}

// Decode up to the next / of the target. Returns 0 or a status.
static int
part_decode(const char **at, const char *end, char *path, size_t room, size_t *used)
{
    while (*at < end && **at != '/') {
        int c = (unsigned char)*(*at)++;
        if (c == '%') {
            int high = end - *at >= 2 ? digit((*at)[0]) : -1, low = high >= 0 ? digit((*at)[1]) : -1;
            if (low < 0)
                return 400;
            c = high << 4 | low;
            *at += 2;
        }
        if (*used + 1 >= room)
            return 414;
        path[(*used)++] = (char)c;
    }
    return 0;
}

int
http_path(struct http_text target, char *path, size_t room, BOOLEAN *is_directory)
{
    const char *question = memchr(target.at, '?', target.bytes);
    const char *at = target.at, *end = question ? question : at + target.bytes;
    size_t used = 0;
    if (!room || at == end || *at != '/')
        return 400;
    *is_directory = TRUE;
    while (at < end) {
        at++;                                  // the /
        if (at == end)
            break;
        if (used + 1 >= room)
            return 414;
        if (used)
            path[used++] = '\\';
        size_t begin = used;
        int status = part_decode(&at, end, path, room, &used);
        if (!status)
            status = part_check(path + begin, used - begin);
        if (status)
            return status;
        *is_directory = at < end;
    }
    path[used] = 0;
    return 0;
}
