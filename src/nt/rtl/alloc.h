// SPDX-License-Identifier: MIT
// Counted strings that take their buffer from pool (tag 'Strg'), or write into the caller's.
#ifndef NBX_NT_RTL_ALLOC_H
#define NBX_NT_RTL_ALLOC_H

#include <ntddk.h>
#include <stdbool.h>

// owns: the caller frees with ex_pool_free. fails: NULL.
void *rtl_string_alloc(size_t bytes, const void *caller);
// Each character mapped. fails: STATUS_NO_MEMORY, STATUS_BUFFER_OVERFLOW (nothing written).
NTSTATUS rtl_map_unicode(UNICODE_STRING *to, const UNICODE_STRING *from, bool allocate, WCHAR (*map)(WCHAR), const void *caller);
// is_ended: it must have room for the terminator, which is otherwise written where there is room.
// fails: STATUS_INVALID_PARAMETER (the base), STATUS_BUFFER_OVERFLOW; nothing is written then.
NTSTATUS rtl_number_to_unicode(ULONGLONG value, ULONG base, bool is_ended, UNICODE_STRING *string);

#endif
