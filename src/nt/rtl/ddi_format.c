// SPDX-License-Identifier: MIT
// Front doors: _vsnprintf and _vsnwprintf, which the safe string functions of ntstrsafe.h stand on.
//
// As on Windows: at most count characters, a terminator only where there is room for one, and -1 when the text did not fit or
// the format is none. The va_list is the compiler's own, from a driver's variadic function or from ntstrsafe.h's
// [ntstrsafe/nf-ntstrsafe-rtlstringcbvprintfa]. They touch nothing but their arguments and may be called at any IRQL, from any thread,
// so there is nothing to verify on the way in.
#include <ntstrsafe.h>

#include "nt/rtl/format.h"

// How many characters stand in the buffer, or -1.
static int
format_result(const struct rtl_sink *sink, int status)
{
    return status < 0 || sink->count > sink->room || sink->count > NTSTRSAFE_MAX_CCH ? -1 : (int)sink->count;
}

NTAPI int
_vsnprintf(CHAR *buffer, size_t count, const CHAR *format, va_list argptr)
{
    struct rtl_args args = {.is_ms = false};
    struct rtl_sink sink = {.charset = RTL_ANSI, .buffer = buffer, .room = count};
    __builtin_memcpy(&args.sysv, argptr, sizeof args.sysv);   // va_copy would take it for a Windows list here
    int written = format_result(&sink, rtl_format(&sink, format, &args));
    if (written >= 0 && (size_t)written < count)
        buffer[written] = 0;
    return written;
}

NTAPI int
_vsnwprintf(WCHAR *buffer, size_t count, const WCHAR *format, va_list argptr)
{
    struct rtl_args args = {.is_ms = false};
    struct rtl_sink sink = {.charset = RTL_UTF16, .buffer = buffer, .room = count};
    __builtin_memcpy(&args.sysv, argptr, sizeof args.sysv);   // va_copy would take it for a Windows list here
    int written = format_result(&sink, rtl_format_wide(&sink, format, &args));
    if (written >= 0 && (size_t)written < count)
        buffer[written] = 0;
    return written;
}
