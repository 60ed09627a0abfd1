// SPDX-License-Identifier: MIT
// Safe strings: copy, concatenate, format and measure with the size of the buffer always given.
//
// Inline, as on Windows; the formatting itself is the kernel's _vsnprintf and _vsnwprintf, which the runtime exports and which
// know Windows' formats (%I64u, %wZ, %ws; %ld has 32 bits). Their va_list is the compiler's own, because a driver's variadic
// function is Linux code. A Windows name without A or W is the W one under UNICODE, else the A one.
// Source: [ntstrsafe] pages, [windows-driver-docs kernel/using-safe-string-functions].
#ifndef NBX_DDK_NTSTRSAFE_H
#define NBX_DDK_NTSTRSAFE_H

#include "ntdef.h"
#include "ntstatus.h"

#define NTSTRSAFE_MAX_CCH 2147483647
#define NTSTRSAFE_MAX_LENGTH (NTSTRSAFE_MAX_CCH - 1)
#define NTSTRSAFE_UNICODE_STRING_MAX_CCH (0xffff / sizeof(WCHAR))
#define STRSAFE_MAX_CCH NTSTRSAFE_MAX_CCH
#define STRSAFE_IGNORE_NULLS 0x00000100
#define STRSAFE_FILL_BEHIND_NULL 0x00000200
#define STRSAFE_FILL_ON_FAILURE 0x00000400
#define STRSAFE_NULL_ON_FAILURE 0x00000800
#define STRSAFE_NO_TRUNCATION 0x00001000
#define STRSAFE_VALID_FLAGS 0x00001fffU
#define STRSAFE_FILL_BYTE(x) ((ULONG)(((x) & 0x000000FF) | STRSAFE_FILL_BEHIND_NULL))
#define STRSAFE_FAILURE_BYTE(x) ((ULONG)(((x) & 0x000000FF) | STRSAFE_FILL_ON_FAILURE))

typedef CHAR *NTSTRSAFE_PSTR;
typedef const CHAR *NTSTRSAFE_PCSTR;
typedef WCHAR *NTSTRSAFE_PWSTR;
typedef const WCHAR *NTSTRSAFE_PCWSTR;

#ifdef __cplusplus
extern "C" {
#endif

// At most count characters, without a terminator when they fill the buffer; negative when they did not fit.
NTSYSAPI NTAPI int _vsnprintf(CHAR *buffer, size_t count, const CHAR *format, va_list argptr);
NTSYSAPI NTAPI int _vsnwprintf(WCHAR *buffer, size_t count, const WCHAR *format, va_list argptr);

#define NBX_CHAR CHAR
#define NBX_NAME(x) x##A
#define NBX_VFORMAT _vsnprintf
#include "ntstrsafe/chars.h"

#define NBX_CHAR WCHAR
#define NBX_NAME(x) x##W
#define NBX_VFORMAT _vsnwprintf
#include "ntstrsafe/chars.h"

FORCEINLINE NTSTATUS RtlUnicodeStringValidate(PCUNICODE_STRING SourceString)
{
    if (SourceString == NULL || SourceString->Length % sizeof(WCHAR) != 0 || SourceString->MaximumLength % sizeof(WCHAR) != 0 ||
        SourceString->Length > SourceString->MaximumLength || (SourceString->Buffer == NULL && SourceString->MaximumLength != 0))
        return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

FORCEINLINE NTSTATUS RtlUnicodeStringInit(PUNICODE_STRING DestinationString, NTSTRSAFE_PCWSTR pszSrc)
{
    size_t length = 0;

    if (DestinationString == NULL)
        return STATUS_INVALID_PARAMETER;
    memset(DestinationString, 0, sizeof(*DestinationString));
    if (pszSrc == NULL)
        return STATUS_SUCCESS;
    if (!NT_SUCCESS(RtlStringCchLengthW(pszSrc, NTSTRSAFE_UNICODE_STRING_MAX_CCH, &length)))
        return STATUS_INVALID_PARAMETER;
    DestinationString->Length = (USHORT)(length * sizeof(WCHAR));
    DestinationString->MaximumLength = (USHORT)((length + 1) * sizeof(WCHAR));
    DestinationString->Buffer = (PWCH)pszSrc;
    return STATUS_SUCCESS;
}

// A counted string needs no terminator, so the whole of MaximumLength is filled before anything is cut.
FORCEINLINE NTSTATUS nbx_unicode_put(PUNICODE_STRING destination, BOOLEAN keep, const WCHAR *source, size_t characters)
{
    size_t used, room, taken;

    if (!NT_SUCCESS(RtlUnicodeStringValidate(destination)))
        return STATUS_INVALID_PARAMETER;
    used = keep ? destination->Length / sizeof(WCHAR) : 0;
    room = destination->MaximumLength / sizeof(WCHAR) - used;
    taken = characters < room ? characters : room;
    if (taken != 0)
        memmove(destination->Buffer + used, source, taken * sizeof(WCHAR));
    destination->Length = (USHORT)((used + taken) * sizeof(WCHAR));
    return taken == characters ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

FORCEINLINE NTSTATUS nbx_unicode_put_counted(PUNICODE_STRING destination, BOOLEAN keep, PCUNICODE_STRING source, size_t limit)
{
    size_t characters;

    if (!NT_SUCCESS(RtlUnicodeStringValidate(source)) || limit > NTSTRSAFE_UNICODE_STRING_MAX_CCH)
        return STATUS_INVALID_PARAMETER;
    characters = source->Length / sizeof(WCHAR);
    return nbx_unicode_put(destination, keep, source->Buffer, characters < limit ? characters : limit);
}

FORCEINLINE NTSTATUS nbx_unicode_put_string(PUNICODE_STRING destination, BOOLEAN keep, NTSTRSAFE_PCWSTR source, size_t limit)
{
    size_t characters = 0;

    if (source == NULL || limit > NTSTRSAFE_UNICODE_STRING_MAX_CCH)
        return STATUS_INVALID_PARAMETER;
    while (characters < limit && source[characters] != 0)
        characters++;
    return nbx_unicode_put(destination, keep, source, characters);
}

FORCEINLINE NTSTATUS RtlUnicodeStringVPrintf(PUNICODE_STRING DestinationString, NTSTRSAFE_PCWSTR pszFormat, va_list argList)
{
    size_t room;
    int written;

    if (!NT_SUCCESS(RtlUnicodeStringValidate(DestinationString)) || pszFormat == NULL)
        return STATUS_INVALID_PARAMETER;
    room = DestinationString->MaximumLength / sizeof(WCHAR);
    written = room == 0 ? (*pszFormat != 0 ? -1 : 0) : _vsnwprintf(DestinationString->Buffer, room, pszFormat, argList);
    if (written < 0 || (size_t)written > room) {
        DestinationString->Length = (USHORT)(room * sizeof(WCHAR));
        return STATUS_BUFFER_OVERFLOW;
    }
    DestinationString->Length = (USHORT)((size_t)written * sizeof(WCHAR));
    return STATUS_SUCCESS;
}

static inline __attribute__((unused)) NTSTATUS RtlUnicodeStringPrintf(PUNICODE_STRING DestinationString, NTSTRSAFE_PCWSTR pszFormat, ...)
{
    va_list arguments;
    NTSTATUS status;

    va_start(arguments, pszFormat);
    status = RtlUnicodeStringVPrintf(DestinationString, pszFormat, arguments);
    va_end(arguments);
    return status;
}

#define RtlUnicodeStringCopy(d, s) nbx_unicode_put_counted((d), FALSE, (s), NTSTRSAFE_UNICODE_STRING_MAX_CCH)
#define RtlUnicodeStringCat(d, s) nbx_unicode_put_counted((d), TRUE, (s), NTSTRSAFE_UNICODE_STRING_MAX_CCH)
#define RtlUnicodeStringCopyString(d, s) nbx_unicode_put_string((d), FALSE, (s), NTSTRSAFE_UNICODE_STRING_MAX_CCH)
#define RtlUnicodeStringCatString(d, s) nbx_unicode_put_string((d), TRUE, (s), NTSTRSAFE_UNICODE_STRING_MAX_CCH)
#define RtlUnicodeStringCchCopyN(d, s, cch) nbx_unicode_put_counted((d), FALSE, (s), (cch))
#define RtlUnicodeStringCbCopyN(d, s, cb) nbx_unicode_put_counted((d), FALSE, (s), (cb) / sizeof(WCHAR))
#define RtlUnicodeStringCchCatN(d, s, cch) nbx_unicode_put_counted((d), TRUE, (s), (cch))
#define RtlUnicodeStringCbCatN(d, s, cb) nbx_unicode_put_counted((d), TRUE, (s), (cb) / sizeof(WCHAR))
#define RtlUnicodeStringCchCopyStringN(d, s, cch) nbx_unicode_put_string((d), FALSE, (s), (cch))
#define RtlUnicodeStringCbCopyStringN(d, s, cb) nbx_unicode_put_string((d), FALSE, (s), (cb) / sizeof(WCHAR))
#define RtlUnicodeStringCchCatStringN(d, s, cch) nbx_unicode_put_string((d), TRUE, (s), (cch))
#define RtlUnicodeStringCbCatStringN(d, s, cb) nbx_unicode_put_string((d), TRUE, (s), (cb) / sizeof(WCHAR))

FORCEINLINE NTSTATUS RtlStringCchCopyUnicodeString(NTSTRSAFE_PWSTR pszDest, size_t cchDest, PCUNICODE_STRING SourceString)
{
    if (!NT_SUCCESS(RtlUnicodeStringValidate(SourceString)))
        return STATUS_INVALID_PARAMETER;
    return RtlStringCchCopyNW(pszDest, cchDest, SourceString->Length ? SourceString->Buffer : L"", SourceString->Length / sizeof(WCHAR));
}
FORCEINLINE NTSTATUS RtlStringCbCopyUnicodeString(NTSTRSAFE_PWSTR pszDest, size_t cbDest, PCUNICODE_STRING SourceString)
{
    return RtlStringCchCopyUnicodeString(pszDest, cbDest / sizeof(WCHAR), SourceString);
}

#ifdef UNICODE
#define RtlStringCchLength RtlStringCchLengthW
#define RtlStringCchCopy RtlStringCchCopyW
#define RtlStringCchCopyEx RtlStringCchCopyExW
#define RtlStringCchCopyN RtlStringCchCopyNW
#define RtlStringCchCopyNEx RtlStringCchCopyNExW
#define RtlStringCchCat RtlStringCchCatW
#define RtlStringCchCatEx RtlStringCchCatExW
#define RtlStringCchCatN RtlStringCchCatNW
#define RtlStringCchCatNEx RtlStringCchCatNExW
#define RtlStringCchVPrintf RtlStringCchVPrintfW
#define RtlStringCchVPrintfEx RtlStringCchVPrintfExW
#define RtlStringCchPrintf RtlStringCchPrintfW
#define RtlStringCchPrintfEx RtlStringCchPrintfExW
#define RtlStringCbLength RtlStringCbLengthW
#define RtlStringCbCopy RtlStringCbCopyW
#define RtlStringCbCopyEx RtlStringCbCopyExW
#define RtlStringCbCopyN RtlStringCbCopyNW
#define RtlStringCbCopyNEx RtlStringCbCopyNExW
#define RtlStringCbCat RtlStringCbCatW
#define RtlStringCbCatEx RtlStringCbCatExW
#define RtlStringCbCatN RtlStringCbCatNW
#define RtlStringCbCatNEx RtlStringCbCatNExW
#define RtlStringCbVPrintf RtlStringCbVPrintfW
#define RtlStringCbVPrintfEx RtlStringCbVPrintfExW
#define RtlStringCbPrintf RtlStringCbPrintfW
#define RtlStringCbPrintfEx RtlStringCbPrintfExW
#else
#define RtlStringCchLength RtlStringCchLengthA
#define RtlStringCchCopy RtlStringCchCopyA
#define RtlStringCchCopyEx RtlStringCchCopyExA
#define RtlStringCchCopyN RtlStringCchCopyNA
#define RtlStringCchCopyNEx RtlStringCchCopyNExA
#define RtlStringCchCat RtlStringCchCatA
#define RtlStringCchCatEx RtlStringCchCatExA
#define RtlStringCchCatN RtlStringCchCatNA
#define RtlStringCchCatNEx RtlStringCchCatNExA
#define RtlStringCchVPrintf RtlStringCchVPrintfA
#define RtlStringCchVPrintfEx RtlStringCchVPrintfExA
#define RtlStringCchPrintf RtlStringCchPrintfA
#define RtlStringCchPrintfEx RtlStringCchPrintfExA
#define RtlStringCbLength RtlStringCbLengthA
#define RtlStringCbCopy RtlStringCbCopyA
#define RtlStringCbCopyEx RtlStringCbCopyExA
#define RtlStringCbCopyN RtlStringCbCopyNA
#define RtlStringCbCopyNEx RtlStringCbCopyNExA
#define RtlStringCbCat RtlStringCbCatA
#define RtlStringCbCatEx RtlStringCbCatExA
#define RtlStringCbCatN RtlStringCbCatNA
#define RtlStringCbCatNEx RtlStringCbCatNExA
#define RtlStringCbVPrintf RtlStringCbVPrintfA
#define RtlStringCbVPrintfEx RtlStringCbVPrintfExA
#define RtlStringCbPrintf RtlStringCbPrintfA
#define RtlStringCbPrintfEx RtlStringCbPrintfExA
#endif

#ifdef __cplusplus
}
#endif

#endif
