// SPDX-License-Identifier: MIT
// Front doors: the C library names that only Windows has (nbx_crt.h). A text that does not fit is cut and gives a negative number; one
// that fills the buffer has no terminator [cpp docs: _snprintf]. Case is that of the C locale, which has the letters of ASCII alone, and
// what is compared is lower case: an underline comes before a letter [cpp docs: _stricmp, _wcsicmp].
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

static inline WCHAR
lower(WCHAR c)
{
    return c >= 'A' && c <= 'Z' ? (WCHAR)(c + 32) : c;
}

static inline WCHAR
upper(WCHAR c)
{
    return c >= 'a' && c <= 'z' ? (WCHAR)(c - 32) : c;
}

NTAPI int
_stricmp(const CHAR *a, const CHAR *b)
{
    return _strnicmp(a, b, SIZE_MAX);
}

NTAPI int
_strnicmp(const CHAR *a, const CHAR *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int difference = lower((UCHAR)a[i]) - lower((UCHAR)b[i]);
        if (difference || !a[i])
            return difference;
    }
    return 0;
}

NTAPI CHAR *
_strupr(CHAR *text)
{
    for (CHAR *c = text; *c; c++)
        *c = (CHAR)upper((UCHAR)*c);
    return text;
}

NTAPI CHAR *
_strlwr(CHAR *text)
{
    for (CHAR *c = text; *c; c++)
        *c = (CHAR)lower((UCHAR)*c);
    return text;
}

NTAPI int
_wcsicmp(const WCHAR *a, const WCHAR *b)
{
    return _wcsnicmp(a, b, SIZE_MAX);
}

NTAPI int
_wcsnicmp(const WCHAR *a, const WCHAR *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int difference = lower(a[i]) - lower(b[i]);
        if (difference || !a[i])
            return difference;
    }
    return 0;
}

NTAPI WCHAR *
_wcsupr(WCHAR *text)
{
    for (WCHAR *c = text; *c; c++)
        *c = upper(*c);
    return text;
}

NTAPI WCHAR *
_wcslwr(WCHAR *text)
{
    for (WCHAR *c = text; *c; c++)
        *c = lower(*c);
    return text;
}
