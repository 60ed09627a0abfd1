// SPDX-License-Identifier: MIT
// A driver image with what public drivers have and the bundled ones have not: a DriverEntry without its role type and with untyped
// parameters, an extern inline function, and __try, in which its device controls raise and fault.
#include "nbx_unoptimized.h"

#include <ntddk.h>

#define CODE(number) CTL_CODE(FILE_DEVICE_UNKNOWN, number, METHOD_NEITHER, FILE_ANY_ACCESS)

extern FORCEINLINE ULONG GuardedTwice(ULONG value);
extern FORCEINLINE ULONG
GuardedTwice(ULONG value)
{
    return 2 * value;
}

static ULONG finished;

// 0: double the caller's number, at an address that may be bad. 1: the same behind a probe. 2: raise.
static NTSTATUS
guarded_work(ULONG code, PULONG where)
{
    NTSTATUS status = STATUS_SUCCESS;
    __try {
        __try {
            if (code == CODE(1))
                ProbeForWrite(where, sizeof *where, sizeof *where);
            if (code == CODE(2))
                ExRaiseStatus(STATUS_DEVICE_BUSY);
            *where = GuardedTwice(*where);
        } __finally {
            finished++;
        }
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        status = (NTSTATUS)GetExceptionCode();
    }
    return status;
}

static IO_COMPLETION_ROUTINE GuardedRaise;
static NTSTATUS
GuardedRaise(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    ExRaiseStatus(STATUS_DEVICE_BUSY);
}

// A raise in a callback of the kernel must not be caught outside of it.
static void
guarded_cross(PDEVICE_OBJECT device)
{
    __try {
        PIRP irp = IoAllocateIrp(2, FALSE);
        IoSetNextIrpStackLocation(irp);
        IoSetCompletionRoutine(irp, GuardedRaise, NULL, TRUE, TRUE, TRUE);
        irp->CurrentLocation--;
        irp->Tail.Overlay.CurrentStackLocation--;
        IoCompleteRequest(irp, IO_NO_INCREMENT);
    } __except (EXCEPTION_EXECUTE_HANDLER) {
        finished = 99;
    }
}

static DRIVER_DISPATCH GuardedDispatch;
static NTSTATUS
GuardedDispatch(PDEVICE_OBJECT device, PIRP irp)
{
    PIO_STACK_LOCATION at = IoGetCurrentIrpStackLocation(irp);
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    if (at->MajorFunction == IRP_MJ_DEVICE_CONTROL && at->Parameters.DeviceIoControl.IoControlCode == CODE(3))
        guarded_cross(device);
    else if (at->MajorFunction == IRP_MJ_DEVICE_CONTROL) {
        irp->IoStatus.Status = guarded_work(at->Parameters.DeviceIoControl.IoControlCode, at->Parameters.DeviceIoControl.Type3InputBuffer);
        irp->IoStatus.Information = finished;
    }
    NTSTATUS status = irp->IoStatus.Status;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return status;
}

static DRIVER_UNLOAD GuardedUnload;
static VOID
GuardedUnload(PDRIVER_OBJECT driver)
{
    UNICODE_STRING link = RTL_CONSTANT_STRING(L"\\DosDevices\\Global\\Guarded");
    IoDeleteSymbolicLink(&link);
    IoDeleteDevice(driver->DeviceObject);
}

NTSTATUS DriverEntry(PVOID driver_object, PVOID path);
NTSTATUS
DriverEntry(PVOID driver_object, PVOID path)
{
    PDRIVER_OBJECT driver = driver_object;
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\Device\\Guarded"), link = RTL_CONSTANT_STRING(L"\\DosDevices\\Global\\Guarded");
    PDEVICE_OBJECT device;
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = GuardedDispatch;
    driver->DriverUnload = GuardedUnload;
    NTSTATUS status = IoCreateDevice(driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    return NT_SUCCESS(status) ? IoCreateSymbolicLink(&link, &name) : status;
}
