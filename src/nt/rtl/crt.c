// SPDX-License-Identifier: MIT
// What stands behind the macros of nbx_crt.h: wide strings of 16-bit units, and printf without a bound, which takes the driver's word for
// the size of its buffer as Windows does.
#include "nt/rtl/crt.h"

#include "nt/rtl/string.h"

static int
print_result(const struct rtl_sink *sink, int result)
{
    if (result < 0 || sink->count > INT32_MAX)
        return -1;
    if (sink->count < sink->room) {
        if (sink->charset == RTL_UTF16)
            ((WCHAR *)sink->buffer)[sink->count] = 0;
        else
            ((char *)sink->buffer)[sink->count] = 0;
    }
    return sink->count > sink->room && sink->buffer ? -1 : (int)sink->count;
}

int
rtl_print_narrow(char *buffer, size_t room, const char *format, struct rtl_args *args)
{
    struct rtl_sink sink = {.charset = RTL_ANSI, .buffer = buffer, .room = room};
    return print_result(&sink, rtl_format(&sink, format, args));
}

int
rtl_print_wide(WCHAR *buffer, size_t room, const WCHAR *format, struct rtl_args *args)
{
    struct rtl_sink sink = {.charset = RTL_UTF16, .buffer = buffer, .room = room};
    return print_result(&sink, rtl_format_wide(&sink, format, args));
}

NTAPI int
nbx_sprintf(CHAR *buffer, const CHAR *format, ...)
{
    RTL_ARGS_START(args, format);
    int written = rtl_print_narrow(buffer, INT32_MAX, format, &args);
    RTL_ARGS_END(args);
    return written;
}

NTAPI int
nbx_vsprintf(CHAR *buffer, const CHAR *format, va_list argptr)
{
    struct rtl_args args = {.is_ms = false};
    __builtin_memcpy(&args.sysv, argptr, sizeof args.sysv);
    return rtl_print_narrow(buffer, INT32_MAX, format, &args);
}

NTAPI int
nbx_swprintf(WCHAR *buffer, const WCHAR *format, ...)
{
    RTL_ARGS_START(args, format);
    int written = rtl_print_wide(buffer, INT32_MAX, format, &args);
    RTL_ARGS_END(args);
    return written;
}

NTAPI size_t
nbx_wcslen(const WCHAR *text)
{
    return rtl_wide_length(text, SIZE_MAX);
}

NTAPI size_t
nbx_wcsnlen(const WCHAR *text, size_t count)
{
    return rtl_wide_length(text, count);
}

NTAPI int
nbx_wcscmp(const WCHAR *a, const WCHAR *b)
{
    return rtl_compare_wide(a, rtl_wide_length(a, SIZE_MAX), b, rtl_wide_length(b, SIZE_MAX), false);
}

NTAPI int
nbx_wcsncmp(const WCHAR *a, const WCHAR *b, size_t count)
{
    return rtl_compare_wide(a, rtl_wide_length(a, count), b, rtl_wide_length(b, count), false);
}

NTAPI WCHAR *
nbx_wcscpy(WCHAR *to, const WCHAR *from)
{
    memcpy(to, from, (rtl_wide_length(from, SIZE_MAX) + 1) * sizeof(WCHAR));
    return to;
}

NTAPI WCHAR *
nbx_wcsncpy(WCHAR *to, const WCHAR *from, size_t count)
{
    size_t length = rtl_wide_length(from, count);
    memcpy(to, from, length * sizeof(WCHAR));
    memset(to + length, 0, (count - length) * sizeof(WCHAR));
    return to;
}

NTAPI WCHAR *
nbx_wcscat(WCHAR *to, const WCHAR *from)
{
    nbx_wcscpy(to + rtl_wide_length(to, SIZE_MAX), from);
    return to;
}

NTAPI WCHAR *
nbx_wcsncat(WCHAR *to, const WCHAR *from, size_t count)
{
    WCHAR *end = to + rtl_wide_length(to, SIZE_MAX);
    size_t length = rtl_wide_length(from, count);
    memcpy(end, from, length * sizeof(WCHAR));
    end[length] = 0;
    return to;
}

NTAPI WCHAR *
nbx_wcschr(const WCHAR *text, WCHAR c)
{
    for (;; text++) {
        if (*text == c)
            return (WCHAR *)(uintptr_t)text;
        if (!*text)
            return NULL;
    }
}

NTAPI WCHAR *
nbx_wcsrchr(const WCHAR *text, WCHAR c)
{
    for (size_t at = rtl_wide_length(text, SIZE_MAX) + 1; at > 0; at--)
        if (text[at - 1] == c)
            return (WCHAR *)(uintptr_t)(text + at - 1);
    return NULL;
}

NTAPI WCHAR *
nbx_wcsstr(const WCHAR *text, const WCHAR *part)
{
    size_t length = rtl_wide_length(part, SIZE_MAX);
    for (;; text++) {
        if (rtl_compare_wide(text, rtl_wide_length(text, length), part, length, false) == 0)
            return (WCHAR *)(uintptr_t)text;
        if (!*text)
            return NULL;
    }
}

NTAPI size_t
nbx_wcsspn(const WCHAR *text, const WCHAR *of)
{
    size_t at = 0;
    while (text[at] && nbx_wcschr(of, text[at]))
        at++;
    return at;
}

NTAPI size_t
nbx_wcscspn(const WCHAR *text, const WCHAR *of)
{
    size_t at = 0;
    while (text[at] && !nbx_wcschr(of, text[at]))
        at++;
    return at;
}

NTAPI WCHAR
nbx_towupper(WCHAR c)
{
    return rtl_upcase(c);
}

NTAPI WCHAR
nbx_towlower(WCHAR c)
{
    return rtl_downcase(c);
}
