// SPDX-License-Identifier: MIT
// UNICODE_STRINGs of the runtime's own: made from ASCII names, copied from drivers, compared with names from a stack file.
#include <string.h>

#include "ndis/ndis_int.h"

bool
ndis_string_make(UNICODE_STRING *out, const char *ascii)
{
    size_t length = strlen(ascii);
    *out = (UNICODE_STRING){0};
    if (length >= 0x7fff || !(out->Buffer = ndis_alloc((length + 1) * sizeof(WCHAR))))
        return false;
    for (size_t i = 0; i < length; i++)
        out->Buffer[i] = (uint8_t)ascii[i];
    out->Length = (USHORT)(length * sizeof(WCHAR));
    out->MaximumLength = (USHORT)(out->Length + sizeof(WCHAR));
    return true;
}

bool
ndis_string_copy(UNICODE_STRING *out, const UNICODE_STRING *from)
{
    *out = (UNICODE_STRING){0};
    if (from->Length > 0xfffc || !(out->Buffer = ndis_alloc(from->Length + sizeof(WCHAR))))
        return false;
    if (from->Length)
        memcpy(out->Buffer, from->Buffer, from->Length);
    out->Length = from->Length;
    out->MaximumLength = (USHORT)(from->Length + sizeof(WCHAR));
    return true;
}

void
ndis_string_free(UNICODE_STRING *string)
{
    ndis_free(string->Buffer);
    *string = (UNICODE_STRING){0};
}

static WCHAR
string_fold(WCHAR c)
{
    return c >= 'A' && c <= 'Z' ? (WCHAR)(c + 32) : c;
}

bool
ndis_string_is(const UNICODE_STRING *string, const char *ascii)
{
    size_t length = strlen(ascii);
    if (string->Length != length * sizeof(WCHAR))
        return false;
    for (size_t i = 0; i < length; i++)
        if (string_fold(string->Buffer[i]) != string_fold((uint8_t)ascii[i]))
            return false;
    return true;
}

bool
ndis_string_equal(const UNICODE_STRING *a, const UNICODE_STRING *b)
{
    if (!a || !b || a->Length != b->Length)
        return false;
    for (size_t i = 0; i < a->Length / sizeof(WCHAR); i++)
        if (string_fold(a->Buffer[i]) != string_fold(b->Buffer[i]))
            return false;
    return true;
}
