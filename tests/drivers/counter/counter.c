// SPDX-License-Identifier: MIT
// A driver image for the loader's tests: counts its loads in a global and publishes the count as its device's extension.
#include <ntddk.h>

static ULONG loads;

static DRIVER_UNLOAD CounterUnload;
static VOID
CounterUnload(PDRIVER_OBJECT driver)
{
    IoDeleteDevice(driver->DeviceObject);
}

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    PDEVICE_OBJECT device;
    NTSTATUS status = IoCreateDevice(driver, sizeof(ULONG), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status))
        return status;
    *(PULONG)device->DeviceExtension = ++loads;
    driver->DriverUnload = CounterUnload;
    return STATUS_SUCCESS;
}
