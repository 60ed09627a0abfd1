// SPDX-License-Identifier: MIT
// NTSTATUS to Win32 error codes.
#ifndef NBX_NT_RTL_DOSERROR_H
#define NBX_NT_RTL_DOSERROR_H

#include <ntddk.h>

ULONG rtl_dos_error(NTSTATUS status);

#endif
