// SPDX-License-Identifier: MIT
// Counted strings that take their buffer from pool, or write into the caller's.
#include "nt/rtl/alloc.h"

#include "nt/ex/pool.h"
#include "nt/ke/ke.h"
#include "nt/rtl/string.h"

#define TAG_STRING 0x67727453   // "Strg"
#define CHARS(string) ((string)->Length / sizeof(WCHAR))

void *
rtl_string_alloc(size_t bytes, const void *caller)
{
    return ex_pool_alloc(box_self(), bytes, TAG_STRING, false, caller);
}

NTSTATUS
rtl_map_unicode(UNICODE_STRING *to, const UNICODE_STRING *from, bool allocate, WCHAR (*map)(WCHAR), const void *caller)
{
    if (allocate) {
        WCHAR *buffer = rtl_string_alloc(from->Length, caller);
        if (!buffer)
            return STATUS_NO_MEMORY;
        *to = (UNICODE_STRING){0, from->Length, buffer};
    } else if (from->Length > to->MaximumLength) {
        return STATUS_BUFFER_OVERFLOW;
    }
    for (size_t i = 0; i < CHARS(from); i++)
        to->Buffer[i] = map(from->Buffer[i]);
    to->Length = from->Length;
    return STATUS_SUCCESS;
}

NTSTATUS
rtl_number_to_unicode(ULONGLONG value, ULONG base, bool is_ended, UNICODE_STRING *string)
{
    char digits[64];
    if (base == 0)
        base = 10;
    if (base != 2 && base != 8 && base != 10 && base != 16)
        return STATUS_INVALID_PARAMETER;
    size_t count = rtl_number_put(value, base, digits);
    if ((count + is_ended) * sizeof(WCHAR) > string->MaximumLength)
        return STATUS_BUFFER_OVERFLOW;
    for (size_t i = 0; i < count; i++)
        string->Buffer[i] = (WCHAR)digits[i];
    string->Length = (USHORT)(count * sizeof(WCHAR));
    if (string->Length + sizeof(WCHAR) <= string->MaximumLength)
        string->Buffer[count] = 0;
    return STATUS_SUCCESS;
}
