// SPDX-License-Identifier: MIT
// A driver image that calls two functions nobody defines.
#include <ntddk.h>

NTKERNELAPI NTAPI VOID KeNoSuchThing(VOID);
NTKERNELAPI NTAPI VOID NdisNoSuchThing(VOID);

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    KeNoSuchThing();
    NdisNoSuchThing();
    return STATUS_SUCCESS;
}
