// SPDX-License-Identifier: MIT
// A driver image for the tests of images that stay loaded: it writes into each kind of memory that an image has and publishes, as its
// device's extension, what it found there. What bears a coverage or profiling section's name is the process's and must stay written.
#include <ntddk.h>

static volatile ULONG zeroed, initial = 7, constructed;
static volatile ULONG large[40000];           // many pages, of which few are written
static volatile ULONG covered __attribute__((section("__sancov_cntrs"), used)) = 1;
static volatile ULONG profiled __attribute__((section("__llvm_prf_cnts"), used)) = 1;
static const char *volatile text = "first";   // relocated, so that it needs no RELRO to be right

static __attribute__((constructor)) void
keeper_construct(void)
{
    constructed += 3;
}

static DRIVER_UNLOAD KeeperUnload;
static VOID
KeeperUnload(PDRIVER_OBJECT driver)
{
    IoDeleteDevice(driver->DeviceObject);
}

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING path)
{
    PDEVICE_OBJECT device;
    NTSTATUS status = IoCreateDevice(driver, 7 * sizeof(ULONG), NULL, FILE_DEVICE_UNKNOWN, 0, FALSE, &device);
    if (!NT_SUCCESS(status))
        return status;
    PULONG found = device->DeviceExtension;
    found[0] = zeroed++;
    found[1] = initial++;
    found[2] = constructed++;
    found[3] = large[0]++ + large[39999]++;
    found[4] = covered++;
    found[5] = profiled++;
    found[6] = text[0] == 'f';
    text = "second";
    driver->DriverUnload = KeeperUnload;
    return STATUS_SUCCESS;
}
