// SPDX-License-Identifier: MIT
// Control devices of NDIS drivers. A device of NdisRegisterDeviceEx has a dispatch table of its own, so the driver object's table is
// NDIS's from then on: an IRP goes
//   io -> device_dispatch -> the device's table; no entry there: STATUS_INVALID_DEVICE_REQUEST
// The driver's extension lies behind NDIS's; NdisGetDeviceReservedExtension finds it [ndis/nf-ndis-ndisregisterdeviceex].
#include "ndis/device.h"

#include <string.h>

#include "verify/refuse.h"

#include <wdmsec.h>

static NTSTATUS
device_refuse(IRP *irp)
{
    irp->IoStatus.Status = STATUS_INVALID_DEVICE_REQUEST;
    irp->IoStatus.Information = 0;
    IofCompleteRequest(irp, IO_NO_INCREMENT);
    return STATUS_INVALID_DEVICE_REQUEST;
}

static NTAPI NTSTATUS
device_dispatch(DEVICE_OBJECT *object, IRP *irp)
{
    struct ndis_device *device = object->DeviceExtension;
    UCHAR major = IoGetCurrentIrpStackLocation(irp)->MajorFunction;
    if (device && device->kind == NDIS_DEVICE_KIND && device->object == object)
        return device->majors[major] ? device->majors[major](object, irp) : device_refuse(irp);
    return device_refuse(irp);
}

// Take the driver object's table over once. Devices of the driver's own making would lose theirs: said, not broken quietly.
static void
device_hook(DRIVER_OBJECT *driver)
{
    for (DEVICE_OBJECT *object = driver->DeviceObject; object; object = object->NextDevice) {
        struct ndis_device *device = object->DeviceExtension;
        if (!device || device->kind != NDIS_DEVICE_KIND)
            verify_refused_call("NdisRegisterDeviceEx in a driver that also has devices of IoCreateDevice");
    }
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++)
        driver->MajorFunction[i] = device_dispatch;
}

static NDIS_STATUS
device_link(struct ndis_device *device, const NDIS_DEVICE_OBJECT_ATTRIBUTES *attributes)
{
    if (!attributes->SymbolicName || !attributes->SymbolicName->Length)
        return NDIS_STATUS_SUCCESS;
    if (!ndis_string_copy(&device->symbolic_name, attributes->SymbolicName))
        return NDIS_STATUS_RESOURCES;
    NTSTATUS status = IoCreateSymbolicLink(&device->symbolic_name, attributes->DeviceName);
    if (!NT_SUCCESS(status))
        ndis_string_free(&device->symbolic_name);
    return status;
}

NDIS_STATUS
ndis_device_create(DRIVER_OBJECT *driver, const NDIS_DEVICE_OBJECT_ATTRIBUTES *attributes, struct ndis_device **out)
{
    device_hook(driver);
    DEVICE_OBJECT *object;
    ULONG bytes = (ULONG)sizeof(struct ndis_device) + attributes->ExtensionSize;
    NTSTATUS status = attributes->DefaultSDDLString
                          ? IoCreateDeviceSecure(driver, bytes, attributes->DeviceName, FILE_DEVICE_NETWORK, FILE_DEVICE_SECURE_OPEN,
                                                 FALSE, attributes->DefaultSDDLString, attributes->DeviceClassGuid, &object)
                          : IoCreateDevice(driver, bytes, attributes->DeviceName, FILE_DEVICE_NETWORK, FILE_DEVICE_SECURE_OPEN, FALSE,
                                           &object);
    if (!NT_SUCCESS(status))
        return status;
    struct ndis_device *device = object->DeviceExtension;
    device->kind = NDIS_DEVICE_KIND;
    device->object = object;
    memcpy(device->majors, attributes->MajorFunctions, sizeof device->majors);
    NDIS_STATUS linked = device_link(device, attributes);
    if (!NT_SUCCESS(linked)) {
        IoDeleteDevice(object);
        return linked;
    }
    object->Flags &= ~(ULONG)DO_DEVICE_INITIALIZING;
    *out = device;
    return NDIS_STATUS_SUCCESS;
}

void
ndis_device_destroy(struct ndis_device *device)
{
    if (device->symbolic_name.Length) {
        IoDeleteSymbolicLink(&device->symbolic_name);
        ndis_string_free(&device->symbolic_name);
    }
    // The kind stays: files may still be open, and their IRPs come until the object goes.
    IoDeleteDevice(device->object);
}
