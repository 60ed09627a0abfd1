// SPDX-License-Identifier: MIT
// The C library functions that Windows kernel drivers import from the kernel, where Linux's would be wrong: wide strings are 16 bits here
// and formats are Windows's. Names that the Linux C library has too (wcslen, sprintf) are taken over by macros, so that a driver never
// binds to a function for 32-bit wide characters; the names it lacks (_snprintf, _wcsicmp) are exported as they are.
// Sources: [windows-driver-docs: "safe string functions" and the C run-time routines that ntoskrnl exports], [cpp docs].
#ifndef NBX_DDK_NBX_CRT_H
#define NBX_DDK_NBX_CRT_H

#include "ntdef.h"

#ifdef __cplusplus
extern "C" {
#endif

// Negative when the text did not fit; a text that fills the buffer exactly has no terminator.
NTSYSAPI NTAPI int _snprintf(CHAR *buffer, size_t count, const CHAR *format, ...);
NTSYSAPI NTAPI int _snwprintf(WCHAR *buffer, size_t count, const WCHAR *format, ...);
NTSYSAPI NTAPI int _vsnprintf(CHAR *buffer, size_t count, const CHAR *format, va_list argptr);
NTSYSAPI NTAPI int _vsnwprintf(WCHAR *buffer, size_t count, const WCHAR *format, va_list argptr);

NTSYSAPI NTAPI int _stricmp(const CHAR *a, const CHAR *b);
NTSYSAPI NTAPI int _strnicmp(const CHAR *a, const CHAR *b, size_t count);
NTSYSAPI NTAPI CHAR *_strupr(CHAR *text);
NTSYSAPI NTAPI CHAR *_strlwr(CHAR *text);
NTSYSAPI NTAPI int _wcsicmp(const WCHAR *a, const WCHAR *b);
NTSYSAPI NTAPI int _wcsnicmp(const WCHAR *a, const WCHAR *b, size_t count);
NTSYSAPI NTAPI WCHAR *_wcsupr(WCHAR *text);
NTSYSAPI NTAPI WCHAR *_wcslwr(WCHAR *text);

NTAPI size_t nbx_wcslen(const WCHAR *text);
NTAPI size_t nbx_wcsnlen(const WCHAR *text, size_t count);
NTAPI int nbx_wcscmp(const WCHAR *a, const WCHAR *b);
NTAPI int nbx_wcsncmp(const WCHAR *a, const WCHAR *b, size_t count);
NTAPI WCHAR *nbx_wcscpy(WCHAR *to, const WCHAR *from);
NTAPI WCHAR *nbx_wcsncpy(WCHAR *to, const WCHAR *from, size_t count);
NTAPI WCHAR *nbx_wcscat(WCHAR *to, const WCHAR *from);
NTAPI WCHAR *nbx_wcsncat(WCHAR *to, const WCHAR *from, size_t count);
NTAPI WCHAR *nbx_wcschr(const WCHAR *text, WCHAR c);
NTAPI WCHAR *nbx_wcsrchr(const WCHAR *text, WCHAR c);
NTAPI WCHAR *nbx_wcsstr(const WCHAR *text, const WCHAR *part);
NTAPI size_t nbx_wcsspn(const WCHAR *text, const WCHAR *of);
NTAPI size_t nbx_wcscspn(const WCHAR *text, const WCHAR *of);
NTAPI WCHAR nbx_towupper(WCHAR c);
NTAPI WCHAR nbx_towlower(WCHAR c);
NTAPI int nbx_sprintf(CHAR *buffer, const CHAR *format, ...);
NTAPI int nbx_vsprintf(CHAR *buffer, const CHAR *format, va_list argptr);
NTAPI int nbx_swprintf(WCHAR *buffer, const WCHAR *format, ...);

#define wcslen nbx_wcslen
#define wcsnlen nbx_wcsnlen
#define wcscmp nbx_wcscmp
#define wcsncmp nbx_wcsncmp
#define wcscpy nbx_wcscpy
#define wcsncpy nbx_wcsncpy
#define wcscat nbx_wcscat
#define wcsncat nbx_wcsncat
#define wcschr nbx_wcschr
#define wcsrchr nbx_wcsrchr
#define wcsstr nbx_wcsstr
#define wcsspn nbx_wcsspn
#define wcscspn nbx_wcscspn
#define towupper nbx_towupper
#define towlower nbx_towlower
#define swprintf nbx_swprintf
#define stricmp _stricmp
#define strnicmp _strnicmp
#define wcsicmp _wcsicmp
#define wcsnicmp _wcsnicmp
#if defined(_KERNEL_MODE) && !defined(__cplusplus)   // a driver's; the runtime's own printing is Linux's
#define sprintf nbx_sprintf
#define vsprintf nbx_vsprintf
#endif

#ifdef __cplusplus
}
#endif

#endif
