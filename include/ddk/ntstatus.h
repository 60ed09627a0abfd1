// SPDX-License-Identifier: MIT
// NTSTATUS: the values, in three files by severity and facility.
//
// Severity in bits 31..30 (0 success, 1 information, 2 warning, 3 error), customer bit 29, facility 27..16, code 15..0
// [windows-driver-docs kernel/defining-new-ntstatus-values]. NT_SUCCESS and its kin are in ntdef.h.
#ifndef NBX_DDK_NTSTATUS_H
#define NBX_DDK_NTSTATUS_H

#include "ntdef.h"
#include "ntstatus/success.h"
#include "ntstatus/error.h"
#include "ntstatus/facility.h"

#define STATUS_SEVERITY_SUCCESS 0x0
#define STATUS_SEVERITY_INFORMATIONAL 0x1
#define STATUS_SEVERITY_WARNING 0x2
#define STATUS_SEVERITY_ERROR 0x3

#endif
