// SPDX-License-Identifier: MIT
// A driver image that writes through a null pointer in its first device control, for the crash reporter's tests.
#include <ntddk.h>

static DRIVER_DISPATCH CrasherOpen;
static NTSTATUS
CrasherOpen(PDEVICE_OBJECT device, PIRP irp)
{
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp->IoStatus.Information = 0;
    IoCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_SUCCESS;
}

static DRIVER_DISPATCH CrasherControl;
static NTSTATUS
CrasherControl(PDEVICE_OBJECT device, PIRP irp)
{
    volatile ULONG *nowhere = (volatile ULONG *)device->CurrentIrp;
    *nowhere = 1;
    return CrasherOpen(device, irp);
}

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    UNICODE_STRING name = RTL_CONSTANT_STRING(L"\\??\\Crasher");
    PDEVICE_OBJECT device;
    driver->MajorFunction[IRP_MJ_CREATE] = driver->MajorFunction[IRP_MJ_CLEANUP] = driver->MajorFunction[IRP_MJ_CLOSE] = CrasherOpen;
    driver->MajorFunction[IRP_MJ_DEVICE_CONTROL] = CrasherControl;
    return IoCreateDevice(driver, 0, &name, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
}
