// SPDX-License-Identifier: MIT
// What a transport registers with the TDI library, by a name in the program text.
#ifndef NBX_TESTS_DDI_TDI_OPEN_H
#define NBX_TESTS_DDI_TDI_OPEN_H

#include <tdikrnl.h>

#include "unit/nt/nt_test.h"

static inline UNICODE_STRING
name_of(const WCHAR *text)
{
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, text);
    return name;
}

static inline HANDLE
device_open(const WCHAR *text)
{
    UNICODE_STRING name = name_of(text);
    HANDLE handle;
    ck_assert_int_eq(TdiRegisterDeviceObject(&name, &handle), STATUS_SUCCESS);
    return handle;
}

static inline HANDLE
provider_open(const WCHAR *text)
{
    UNICODE_STRING name = name_of(text);
    HANDLE handle;
    ck_assert_int_eq(TdiRegisterProvider(&name, &handle), STATUS_SUCCESS);
    return handle;
}

#endif
