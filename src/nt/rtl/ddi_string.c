// SPDX-License-Identifier: MIT
// Front doors: counted strings. What allocates takes pool with tag 'Strg', which the Rtl free functions give back.
// [wdm/nf-wdm-rtlinitunicodestring] and its neighbours. ANSI is code page 1252, OEM is not provided.
#include "nt/ex/pool.h"
#include "nt/ke/ke.h"
#include "nt/rtl/alloc.h"
#include "nt/rtl/string.h"
#include "verify/verify.h"

#define CHARS(string) ((string)->Length / sizeof(WCHAR))

NTAPI VOID
RtlInitString(PSTRING DestinationString, PCSZ SourceString)
{
    VERIFY_ENTER(RtlInitString);
    size_t length = SourceString ? strlen(SourceString) : 0;
    if (length > MAXUSHORT - 1)
        length = MAXUSHORT - 1;
    *DestinationString = (STRING){(USHORT)length, (USHORT)(SourceString ? length + 1 : 0), (PCHAR)(uintptr_t)SourceString};
}

NTAPI NTSTATUS
RtlInitStringEx(PSTRING DestinationString, PCSZ SourceString)
{
    VERIFY_ENTER(RtlInitStringEx);
    *DestinationString = (STRING){0};
    size_t length = SourceString ? strlen(SourceString) : 0;
    if (length > MAXUSHORT - 1)
        return STATUS_NAME_TOO_LONG;
    *DestinationString = (STRING){(USHORT)length, (USHORT)(SourceString ? length + 1 : 0), (PCHAR)(uintptr_t)SourceString};
    return STATUS_SUCCESS;
}

NTAPI VOID
RtlInitAnsiString(PANSI_STRING DestinationString, PCSZ SourceString)
{
    RtlInitString(DestinationString, SourceString);
}

NTAPI VOID
RtlInitUTF8String(PUTF8_STRING DestinationString, PCSZ SourceString)
{
    RtlInitString(DestinationString, SourceString);
}

NTAPI VOID
RtlInitUnicodeString(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    VERIFY_ENTER(RtlInitUnicodeString);
    size_t count = SourceString ? rtl_wide_length(SourceString, SIZE_MAX) : 0;
    if (count > UNICODE_STRING_MAX_CHARS - 1)
        count = UNICODE_STRING_MAX_CHARS - 1;
    *DestinationString = (UNICODE_STRING){(USHORT)(count * 2), (USHORT)(SourceString ? count * 2 + 2 : 0), (PWCH)(uintptr_t)SourceString};
}

NTAPI NTSTATUS
RtlInitUnicodeStringEx(PUNICODE_STRING DestinationString, PCWSTR SourceString)
{
    VERIFY_ENTER(RtlInitUnicodeStringEx);
    *DestinationString = (UNICODE_STRING){0};
    size_t count = SourceString ? rtl_wide_length(SourceString, SIZE_MAX) : 0;
    if (count > UNICODE_STRING_MAX_CHARS - 1)
        return STATUS_NAME_TOO_LONG;
    *DestinationString = (UNICODE_STRING){(USHORT)(count * 2), (USHORT)(SourceString ? count * 2 + 2 : 0), (PWCH)(uintptr_t)SourceString};
    return STATUS_SUCCESS;
}

NTAPI VOID
RtlCopyString(PSTRING DestinationString, const STRING *SourceString)
{
    VERIFY_ENTER(RtlCopyString);
    USHORT length = SourceString ? SourceString->Length : 0;
    if (length > DestinationString->MaximumLength)
        length = DestinationString->MaximumLength;
    if (length)
        memmove(DestinationString->Buffer, SourceString->Buffer, length);
    DestinationString->Length = length;
}

NTAPI VOID
RtlCopyUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString)
{
    VERIFY_ENTER(RtlCopyUnicodeString);
    USHORT length = SourceString ? SourceString->Length : 0;
    if (length > DestinationString->MaximumLength)
        length = DestinationString->MaximumLength;
    if (length)
        memmove(DestinationString->Buffer, SourceString->Buffer, length);
    DestinationString->Length = length;
    if (length + sizeof(WCHAR) <= DestinationString->MaximumLength)
        DestinationString->Buffer[length / sizeof(WCHAR)] = 0;
}

static NTSTATUS
unicode_append(UNICODE_STRING *to, const WCHAR *from, size_t bytes)
{
    if (to->Length + bytes > to->MaximumLength)
        return STATUS_BUFFER_TOO_SMALL;
    if (bytes)
        memmove((char *)to->Buffer + to->Length, from, bytes);
    to->Length = (USHORT)(to->Length + bytes);
    if (bytes && to->Length + sizeof(WCHAR) <= to->MaximumLength)
        to->Buffer[CHARS(to)] = 0;
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
RtlAppendUnicodeStringToString(PUNICODE_STRING Destination, PCUNICODE_STRING Source)
{
    VERIFY_ENTER(RtlAppendUnicodeStringToString);
    return unicode_append(Destination, Source->Buffer, Source->Length);
}

NTAPI NTSTATUS
RtlAppendUnicodeToString(PUNICODE_STRING Destination, PCWSTR Source)
{
    VERIFY_ENTER(RtlAppendUnicodeToString);
    return unicode_append(Destination, Source, Source ? rtl_wide_length(Source, SIZE_MAX / 4) * 2 : 0);
}

NTAPI LONG
RtlCompareString(const STRING *String1, const STRING *String2, BOOLEAN CaseInSensitive)
{
    VERIFY_ENTER(RtlCompareString);
    return rtl_compare_narrow(String1->Buffer, String1->Length, String2->Buffer, String2->Length, CaseInSensitive);
}

NTAPI BOOLEAN
RtlEqualString(const STRING *String1, const STRING *String2, BOOLEAN CaseInSensitive)
{
    VERIFY_ENTER(RtlEqualString);
    return String1->Length == String2->Length &&
           rtl_compare_narrow(String1->Buffer, String1->Length, String2->Buffer, String2->Length, CaseInSensitive) == 0;
}

NTAPI CHAR
RtlUpperChar(CHAR Character)
{
    VERIFY_ENTER(RtlUpperChar);
    char upper = rtl_wide_to_ansi(rtl_upcase(rtl_ansi_to_wide(Character)));
    return upper == '?' ? Character : upper;   // an upper-case letter outside the code page
}

NTAPI VOID
RtlUpperString(PSTRING DestinationString, const STRING *SourceString)
{
    VERIFY_ENTER(RtlUpperString);
    USHORT length = SourceString->Length < DestinationString->MaximumLength ? SourceString->Length : DestinationString->MaximumLength;
    for (USHORT i = 0; i < length; i++)
        DestinationString->Buffer[i] = RtlUpperChar(SourceString->Buffer[i]);
    DestinationString->Length = length;
}

NTAPI LONG
RtlCompareUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    VERIFY_ENTER(RtlCompareUnicodeString);
    return rtl_compare_wide(String1->Buffer, CHARS(String1), String2->Buffer, CHARS(String2), CaseInSensitive);
}

NTAPI BOOLEAN
RtlEqualUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    VERIFY_ENTER(RtlEqualUnicodeString);
    return String1->Length == String2->Length &&
           rtl_compare_wide(String1->Buffer, CHARS(String1), String2->Buffer, CHARS(String2), CaseInSensitive) == 0;
}

NTAPI BOOLEAN
RtlPrefixUnicodeString(PCUNICODE_STRING String1, PCUNICODE_STRING String2, BOOLEAN CaseInSensitive)
{
    VERIFY_ENTER(RtlPrefixUnicodeString);
    return String1->Length <= String2->Length &&
           rtl_compare_wide(String1->Buffer, CHARS(String1), String2->Buffer, CHARS(String1), CaseInSensitive) == 0;
}

NTAPI NTSTATUS
RtlHashUnicodeString(PCUNICODE_STRING String, BOOLEAN CaseInSensitive, ULONG HashAlgorithm, PULONG HashValue)
{
    VERIFY_ENTER(RtlHashUnicodeString);
    if (!String || !HashValue || HashAlgorithm > HASH_STRING_ALGORITHM_X65599)
        return STATUS_INVALID_PARAMETER;
    ULONG hash = 0;
    for (size_t i = 0; i < CHARS(String); i++)
        hash = hash * 65599 + (CaseInSensitive ? rtl_upcase(String->Buffer[i]) : String->Buffer[i]);
    *HashValue = hash;
    return STATUS_SUCCESS;
}

NTAPI WCHAR
RtlUpcaseUnicodeChar(WCHAR SourceCharacter)
{
    return rtl_upcase(SourceCharacter);
}

NTAPI WCHAR
RtlDowncaseUnicodeChar(WCHAR SourceCharacter)
{
    return rtl_downcase(SourceCharacter);
}

NTAPI NTSTATUS
RtlUpcaseUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString, BOOLEAN AllocateDestinationString)
{
    VERIFY_ENTER(RtlUpcaseUnicodeString);
    return rtl_map_unicode(DestinationString, SourceString, AllocateDestinationString, rtl_upcase, __builtin_return_address(0));
}

NTAPI NTSTATUS
RtlDowncaseUnicodeString(PUNICODE_STRING DestinationString, PCUNICODE_STRING SourceString, BOOLEAN AllocateDestinationString)
{
    VERIFY_ENTER(RtlDowncaseUnicodeString);
    return rtl_map_unicode(DestinationString, SourceString, AllocateDestinationString, rtl_downcase, __builtin_return_address(0));
}

#define DUPLICATE_NULL_TERMINATE 1u
#define DUPLICATE_ALLOCATE_NULL_STRING 2u

NTAPI NTSTATUS
RtlDuplicateUnicodeString(ULONG Flags, PCUNICODE_STRING SourceString, PUNICODE_STRING DestinationString)
{
    VERIFY_ENTER(RtlDuplicateUnicodeString);
    bool terminate = Flags & DUPLICATE_NULL_TERMINATE;
    if ((Flags & ~3u) || !SourceString || !DestinationString || Flags == DUPLICATE_ALLOCATE_NULL_STRING)
        return STATUS_INVALID_PARAMETER;
    *DestinationString = (UNICODE_STRING){0};
    if (!SourceString->Length && !(Flags & DUPLICATE_ALLOCATE_NULL_STRING))
        return STATUS_SUCCESS;
    size_t bytes = SourceString->Length + (terminate ? sizeof(WCHAR) : 0);
    if (bytes > UNICODE_STRING_MAX_BYTES)
        return STATUS_NAME_TOO_LONG;
    WCHAR *buffer = rtl_string_alloc(bytes, __builtin_return_address(0));
    if (!buffer)
        return STATUS_NO_MEMORY;
    if (SourceString->Length)
        memcpy(buffer, SourceString->Buffer, SourceString->Length);
    if (terminate)
        buffer[CHARS(SourceString)] = 0;
    *DestinationString = (UNICODE_STRING){SourceString->Length, (USHORT)bytes, buffer};
    return STATUS_SUCCESS;
}

NTAPI VOID
RtlFreeUnicodeString(PUNICODE_STRING UnicodeString)
{
    VERIFY_ENTER(RtlFreeUnicodeString);
    if (UnicodeString->Buffer)
        ex_pool_free(box_self(), UnicodeString->Buffer, 0);
    *UnicodeString = (UNICODE_STRING){0};
}

NTAPI VOID
RtlFreeAnsiString(PANSI_STRING AnsiString)
{
    VERIFY_ENTER(RtlFreeAnsiString);
    if (AnsiString->Buffer)
        ex_pool_free(box_self(), AnsiString->Buffer, 0);
    *AnsiString = (ANSI_STRING){0};
}

NTAPI ULONG
RtlxUnicodeStringToAnsiSize(PCUNICODE_STRING UnicodeString)
{
    VERIFY_ENTER(RtlxUnicodeStringToAnsiSize);
    return (ULONG)CHARS(UnicodeString) + 1;
}

NTAPI ULONG
RtlxAnsiStringToUnicodeSize(PCANSI_STRING AnsiString)
{
    VERIFY_ENTER(RtlxAnsiStringToUnicodeSize);
    return (AnsiString->Length + 1u) * (ULONG)sizeof(WCHAR);
}

NTAPI NTSTATUS
RtlUnicodeStringToAnsiString(PANSI_STRING DestinationString, PCUNICODE_STRING SourceString, BOOLEAN AllocateDestinationString)
{
    VERIFY_ENTER(RtlUnicodeStringToAnsiString);
    size_t length = CHARS(SourceString);
    if (AllocateDestinationString) {
        char *buffer = rtl_string_alloc(length + 1, __builtin_return_address(0));
        if (!buffer)
            return STATUS_NO_MEMORY;
        *DestinationString = (ANSI_STRING){0, (USHORT)(length + 1), buffer};
    } else if (length + 1 > DestinationString->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    for (size_t i = 0; i < length; i++)
        DestinationString->Buffer[i] = rtl_wide_to_ansi(SourceString->Buffer[i]);
    DestinationString->Buffer[length] = 0;
    DestinationString->Length = (USHORT)length;
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
RtlAnsiStringToUnicodeString(PUNICODE_STRING DestinationString, PCANSI_STRING SourceString, BOOLEAN AllocateDestinationString)
{
    VERIFY_ENTER(RtlAnsiStringToUnicodeString);
    size_t length = SourceString->Length, bytes = (length + 1) * sizeof(WCHAR);
    if (bytes > MAXUSHORT)
        return STATUS_INVALID_PARAMETER_2;
    if (AllocateDestinationString) {
        WCHAR *buffer = rtl_string_alloc(bytes, __builtin_return_address(0));
        if (!buffer)
            return STATUS_NO_MEMORY;
        *DestinationString = (UNICODE_STRING){0, (USHORT)bytes, buffer};
    } else if (bytes > DestinationString->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    for (size_t i = 0; i < length; i++)
        DestinationString->Buffer[i] = rtl_ansi_to_wide(SourceString->Buffer[i]);
    DestinationString->Buffer[length] = 0;
    DestinationString->Length = (USHORT)(length * sizeof(WCHAR));
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
RtlUnicodeToMultiByteN(PCHAR MultiByteString, ULONG MaxBytesInMultiByteString, PULONG BytesInMultiByteString, PCWCH UnicodeString,
                       ULONG BytesInUnicodeString)
{
    VERIFY_ENTER(RtlUnicodeToMultiByteN);
    ULONG count = BytesInUnicodeString / sizeof(WCHAR);
    if (count > MaxBytesInMultiByteString)
        count = MaxBytesInMultiByteString;
    for (ULONG i = 0; i < count; i++)
        MultiByteString[i] = rtl_wide_to_ansi(UnicodeString[i]);
    if (BytesInMultiByteString)
        *BytesInMultiByteString = count;
    return STATUS_SUCCESS;   // truncation is no error here [ntifs/nf-ntifs-rtlunicodetomultibyten]
}

NTAPI NTSTATUS
RtlMultiByteToUnicodeN(PWCH UnicodeString, ULONG MaxBytesInUnicodeString, PULONG BytesInUnicodeString, const CHAR *MultiByteString,
                       ULONG BytesInMultiByteString)
{
    VERIFY_ENTER(RtlMultiByteToUnicodeN);
    ULONG count = MaxBytesInUnicodeString / sizeof(WCHAR);
    if (count > BytesInMultiByteString)
        count = BytesInMultiByteString;
    for (ULONG i = 0; i < count; i++)
        UnicodeString[i] = rtl_ansi_to_wide(MultiByteString[i]);
    if (BytesInUnicodeString)
        *BytesInUnicodeString = count * sizeof(WCHAR);
    return STATUS_SUCCESS;   // truncation is no error here [ntifs/nf-ntifs-rtlmultibytetounicoden]
}

NTAPI NTSTATUS
RtlUnicodeToUTF8N(PCHAR UTF8StringDestination, ULONG UTF8StringMaxByteCount, PULONG UTF8StringActualByteCount, PCWCH UnicodeStringSource,
                  ULONG UnicodeStringByteCount)
{
    VERIFY_ENTER(RtlUnicodeToUTF8N);
    if (!UTF8StringDestination && !UTF8StringActualByteCount)
        return STATUS_INVALID_PARAMETER;
    if (!UnicodeStringSource)
        return STATUS_INVALID_PARAMETER_4;
    if (UnicodeStringByteCount % sizeof(WCHAR))
        return STATUS_INVALID_PARAMETER_5;
    size_t count = UnicodeStringByteCount / sizeof(WCHAR), written = 0;
    NTSTATUS status = STATUS_SUCCESS;
    WCHAR high = 0;
    for (size_t i = 0; i <= count; i++) {
        bool is_end = i == count;
        WCHAR c = is_end ? 0 : UnicodeStringSource[i];
        bool is_low = !is_end && c >= 0xdc00 && c < 0xe000;
        char utf8[4];
        if ((high != 0) != is_low)          // half a pair: the one before, or this one
            status = STATUS_SOME_NOT_MAPPED;
        bool is_lone = high && !is_low;
        if (is_lone) {
            high = 0;
            c = 0xfffd;
            i--;                            // this one is looked at again
        }
        size_t bytes = is_end && !is_lone ? 0 : rtl_utf8_put(c, &high, utf8);
        if (UTF8StringDestination && written + bytes > UTF8StringMaxByteCount) {
            status = STATUS_BUFFER_TOO_SMALL;
            break;
        }
        if (UTF8StringDestination)
            memcpy(UTF8StringDestination + written, utf8, bytes);
        written += bytes;
    }
    if (UTF8StringActualByteCount)
        *UTF8StringActualByteCount = (ULONG)written;
    return status;
}

NTAPI NTSTATUS
RtlUTF8ToUnicodeN(PWSTR UnicodeStringDestination, ULONG UnicodeStringMaxByteCount, PULONG UnicodeStringActualByteCount,
                  PCCH UTF8StringSource, ULONG UTF8StringByteCount)
{
    VERIFY_ENTER(RtlUTF8ToUnicodeN);
    if (!UnicodeStringDestination && !UnicodeStringActualByteCount)
        return STATUS_INVALID_PARAMETER;
    if (!UTF8StringSource)
        return STATUS_INVALID_PARAMETER_4;
    size_t room = UnicodeStringMaxByteCount / sizeof(WCHAR), written = 0, used;
    NTSTATUS status = STATUS_SUCCESS;
    for (size_t at = 0; at < UTF8StringByteCount; at += used) {
        bool bad = false;
        uint32_t code = rtl_utf8_get(UTF8StringSource + at, UTF8StringByteCount - at, &used, &bad);
        size_t units = code > 0xffff ? 2 : 1;
        if (bad)
            status = STATUS_SOME_NOT_MAPPED;
        if (UnicodeStringDestination && written + units > room) {
            status = STATUS_BUFFER_TOO_SMALL;
            break;
        }
        if (UnicodeStringDestination && units == 2) {
            UnicodeStringDestination[written] = (WCHAR)(0xd800 + ((code - 0x10000) >> 10));
            UnicodeStringDestination[written + 1] = (WCHAR)(0xdc00 + (code & 0x3ff));
        } else if (UnicodeStringDestination) {
            UnicodeStringDestination[written] = (WCHAR)code;
        }
        written += units;
    }
    if (UnicodeStringActualByteCount)
        *UnicodeStringActualByteCount = (ULONG)(written * sizeof(WCHAR));
    return status;
}
