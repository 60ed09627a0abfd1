// SPDX-License-Identifier: MIT
// Front doors: the C library names that only Windows has (nbx_crt.h). A text that does not fit is cut and gives a negative number; one
// that fills the buffer has no terminator [cpp docs: _snprintf].
#include "nt/ke/ke.h"
#include "nt/rtl/crt.h"
#include "nt/rtl/string.h"
#include "verify/verify.h"

NTAPI int
_snprintf(CHAR *buffer, size_t count, const CHAR *format, ...)
{
    VERIFY_ENTER(_snprintf);
    RTL_ARGS_START(args, format);
    int written = rtl_print_narrow(buffer, count, format, &args);
    RTL_ARGS_END(args);
    return written;
}

NTAPI int
_snwprintf(WCHAR *buffer, size_t count, const WCHAR *format, ...)
{
    VERIFY_ENTER(_snwprintf);
    RTL_ARGS_START(args, format);
    int written = rtl_print_wide(buffer, count, format, &args);
    RTL_ARGS_END(args);
    return written;
}

NTAPI int
_stricmp(const CHAR *a, const CHAR *b)
{
    return rtl_compare_narrow(a, strlen(a), b, strlen(b), true);
}

NTAPI int
_strnicmp(const CHAR *a, const CHAR *b, size_t count)
{
    return rtl_compare_narrow(a, strnlen(a, count), b, strnlen(b, count), true);
}

NTAPI CHAR *
_strupr(CHAR *text)
{
    for (CHAR *c = text; *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (CHAR)(*c - 32) : *c;   // the C locale's letters
    return text;
}

NTAPI CHAR *
_strlwr(CHAR *text)
{
    for (CHAR *c = text; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (CHAR)(*c + 32) : *c;
    return text;
}

NTAPI int
_wcsicmp(const WCHAR *a, const WCHAR *b)
{
    return rtl_compare_wide(a, rtl_wide_length(a, SIZE_MAX), b, rtl_wide_length(b, SIZE_MAX), true);
}

NTAPI int
_wcsnicmp(const WCHAR *a, const WCHAR *b, size_t count)
{
    return rtl_compare_wide(a, rtl_wide_length(a, count), b, rtl_wide_length(b, count), true);
}

NTAPI WCHAR *
_wcsupr(WCHAR *text)
{
    for (WCHAR *c = text; *c; c++)
        *c = rtl_upcase(*c);
    return text;
}

NTAPI WCHAR *
_wcslwr(WCHAR *text)
{
    for (WCHAR *c = text; *c; c++)
        *c = rtl_downcase(*c);
    return text;
}
