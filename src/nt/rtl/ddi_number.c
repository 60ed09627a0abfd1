// SPDX-License-Identifier: MIT
// Front doors: numbers and GUIDs as text, and back. [wdm/nf-wdm-rtlunicodestringtointeger], [wdm/nf-wdm-rtlstringfromguid]
#include "nt/rtl/alloc.h"
#include "nt/rtl/string.h"
#include "verify/verify.h"

NTAPI NTSTATUS
RtlIntegerToUnicodeString(ULONG Value, ULONG Base, PUNICODE_STRING String)
{
    VERIFY_ENTER(RtlIntegerToUnicodeString);
    return rtl_number_to_unicode(Value, Base, true, String);
}

NTAPI NTSTATUS
RtlInt64ToUnicodeString(ULONGLONG Value, ULONG Base, PUNICODE_STRING String)
{
    VERIFY_ENTER(RtlInt64ToUnicodeString);
    return rtl_number_to_unicode(Value, Base, false, String);
}

NTAPI NTSTATUS
RtlUnicodeStringToInteger(PCUNICODE_STRING String, ULONG Base, PULONG Value)
{
    VERIFY_ENTER(RtlUnicodeStringToInteger);
    struct rtl_digits digits = {.wide = String->Buffer, .count = String->Length / sizeof(WCHAR)};
    ULONGLONG value;
    size_t used;
    if (!digits.count || !rtl_number_get(&digits, Base, &value, &used))
        return STATUS_INVALID_PARAMETER;
    *Value = (ULONG)value;
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
RtlUnicodeStringToInt64(PCUNICODE_STRING String, ULONG Base, PLONG64 Number, PWSTR *EndPointer)
{
    VERIFY_ENTER(RtlUnicodeStringToInt64);
    struct rtl_digits digits = {.wide = String->Buffer, .count = String->Length / sizeof(WCHAR)};
    ULONGLONG value;
    size_t used;
    if (!digits.count || !rtl_number_get(&digits, Base, &value, &used))
        return STATUS_INVALID_PARAMETER;
    *Number = (LONG64)value;
    if (EndPointer)
        *EndPointer = String->Buffer + used;
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
RtlCharToInteger(PCSZ String, ULONG Base, PULONG Value)
{
    VERIFY_ENTER(RtlCharToInteger);
    struct rtl_digits digits = {.narrow = String, .count = strlen(String)};
    ULONGLONG value;
    size_t used;
    if (!rtl_number_get(&digits, Base, &value, &used))
        return STATUS_INVALID_PARAMETER;
    *Value = (ULONG)value;
    return STATUS_SUCCESS;
}

// {xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx}: how many digits each group has, and the bytes of Data4 in the last two.
#define GUID_CHARS 38

NTAPI NTSTATUS
RtlStringFromGUID(REFGUID Guid, PUNICODE_STRING GuidString)
{
    VERIFY_ENTER(RtlStringFromGUID);
    const GUID *guid = Guid;
    WCHAR *text = rtl_string_alloc((GUID_CHARS + 1) * sizeof(WCHAR), __builtin_return_address(0));
    if (!text)
        return STATUS_NO_MEMORY;
    uint8_t bytes[16] = {guid->Data1 >> 24 & 0xff, guid->Data1 >> 16 & 0xff, guid->Data1 >> 8 & 0xff, guid->Data1 & 0xff,
                         guid->Data2 >> 8 & 0xff, guid->Data2 & 0xff, guid->Data3 >> 8 & 0xff, guid->Data3 & 0xff};
    memcpy(bytes + 8, guid->Data4, 8);
    size_t at = 0;
    text[at++] = '{';
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        text[at++] = (WCHAR) "0123456789ABCDEF"[bytes[i] >> 4];
        text[at++] = (WCHAR) "0123456789ABCDEF"[bytes[i] & 15];
    }
    text[at++] = '}';
    text[at] = 0;
    *GuidString = (UNICODE_STRING){GUID_CHARS * sizeof(WCHAR), (GUID_CHARS + 1) * sizeof(WCHAR), text};
    return STATUS_SUCCESS;
}

static int
hex_digit(WCHAR c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

NTAPI NTSTATUS
RtlGUIDFromString(PCUNICODE_STRING GuidString, GUID *Guid)
{
    VERIFY_ENTER(RtlGUIDFromString);
    const WCHAR *text = GuidString->Buffer;
    uint8_t bytes[16];
    if (GuidString->Length < GUID_CHARS * sizeof(WCHAR) || text[0] != '{' || text[GUID_CHARS - 1] != '}')
        return STATUS_INVALID_PARAMETER;
    size_t at = 1;
    for (int i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-')
            return STATUS_INVALID_PARAMETER;
        int high = hex_digit(text[at]), low = hex_digit(text[at + 1]);
        if (high < 0 || low < 0)
            return STATUS_INVALID_PARAMETER;
        bytes[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    Guid->Data1 = (ULONG)bytes[0] << 24 | (ULONG)bytes[1] << 16 | (ULONG)bytes[2] << 8 | bytes[3];
    Guid->Data2 = (USHORT)(bytes[4] << 8 | bytes[5]);
    Guid->Data3 = (USHORT)(bytes[6] << 8 | bytes[7]);
    memcpy(Guid->Data4, bytes + 8, 8);
    return STATUS_SUCCESS;
}
