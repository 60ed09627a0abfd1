// SPDX-License-Identifier: MIT
// Front doors of devices and drivers: making, naming, stacking and finding them.
#include <stdlib.h>
#include <string.h>

#include "nt/ex/fault.h"
#include "nt/io/io_int.h"
#include "verify/left.h"
#include "verify/verify.h"

NTAPI NTSTATUS
IoCreateDevice(PDRIVER_OBJECT DriverObject, ULONG DeviceExtensionSize, PUNICODE_STRING DeviceName, DEVICE_TYPE DeviceType,
               ULONG DeviceCharacteristics, BOOLEAN Exclusive, PDEVICE_OBJECT *DeviceObject)
{
    VERIFY_ENTER(IoCreateDevice);
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = io_device_create(box_self(), DriverObject, DeviceExtensionSize, DeviceName, DeviceType, DeviceCharacteristics,
                                       Exclusive, DeviceObject);
    if (status == STATUS_SUCCESS)
        verify_had(VERIFY_LEFT_DEVICE, *DeviceObject, NULL, "IoCreateDevice");
    VERIFY_LEAVE(IoCreateDevice);
    return status;
}

NTAPI VOID
IoDeleteDevice(PDEVICE_OBJECT DeviceObject)
{
    VERIFY_ENTER(IoDeleteDevice);
    io_device_delete(DeviceObject);
    VERIFY_LEAVE(IoDeleteDevice);
}

NTAPI NTSTATUS
IoCreateSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName)
{
    VERIFY_ENTER(IoCreateSymbolicLink);
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = io_symlink_create(box_self(), SymbolicLinkName, DeviceName);
    VERIFY_LEAVE(IoCreateSymbolicLink);
    return status;
}

// The descriptor that differs from IoCreateSymbolicLink's is not looked at by anybody here.
NTAPI NTSTATUS
IoCreateUnprotectedSymbolicLink(PUNICODE_STRING SymbolicLinkName, PUNICODE_STRING DeviceName)
{
    VERIFY_ENTER(IoCreateUnprotectedSymbolicLink);
    NTSTATUS status = io_symlink_create(box_self(), SymbolicLinkName, DeviceName);
    VERIFY_LEAVE(IoCreateUnprotectedSymbolicLink);
    return status;
}

NTAPI NTSTATUS
IoDeleteSymbolicLink(PUNICODE_STRING SymbolicLinkName)
{
    VERIFY_ENTER(IoDeleteSymbolicLink);
    NTSTATUS status = io_symlink_delete(box_self(), SymbolicLinkName);
    VERIFY_LEAVE(IoDeleteSymbolicLink);
    return status;
}

NTAPI PDEVICE_OBJECT
IoAttachDeviceToDeviceStack(PDEVICE_OBJECT SourceDevice, PDEVICE_OBJECT TargetDevice)
{
    VERIFY_ENTER(IoAttachDeviceToDeviceStack);
    DEVICE_OBJECT *below = io_device_attach(SourceDevice, TargetDevice, NULL);
    VERIFY_LEAVE(IoAttachDeviceToDeviceStack);
    return below;
}

NTAPI NTSTATUS
IoAttachDeviceToDeviceStackSafe(PDEVICE_OBJECT SourceDevice, PDEVICE_OBJECT TargetDevice, PDEVICE_OBJECT *AttachedToDeviceObject)
{
    VERIFY_ENTER(IoAttachDeviceToDeviceStackSafe);
    DEVICE_OBJECT *below = io_device_attach(SourceDevice, TargetDevice, AttachedToDeviceObject);
    VERIFY_LEAVE(IoAttachDeviceToDeviceStackSafe);
    return below ? STATUS_SUCCESS : STATUS_NO_SUCH_DEVICE;
}

NTAPI VOID
IoDetachDevice(PDEVICE_OBJECT TargetDevice)
{
    VERIFY_ENTER(IoDetachDevice);
    io_device_detach(TargetDevice);
    VERIFY_LEAVE(IoDetachDevice);
}

NTAPI PDEVICE_OBJECT
IoGetAttachedDevice(PDEVICE_OBJECT DeviceObject)
{
    VERIFY_ENTER(IoGetAttachedDevice);
    DEVICE_OBJECT *top = io_device_top(DeviceObject);
    VERIFY_LEAVE(IoGetAttachedDevice);
    return top;
}

NTAPI PDEVICE_OBJECT
IoGetAttachedDeviceReference(PDEVICE_OBJECT DeviceObject)
{
    VERIFY_ENTER(IoGetAttachedDeviceReference);
    DEVICE_OBJECT *top = io_device_top_ref(DeviceObject);
    VERIFY_LEAVE(IoGetAttachedDeviceReference);
    return top;
}

NTAPI PDEVICE_OBJECT
IoGetRelatedDeviceObject(PFILE_OBJECT FileObject)
{
    VERIFY_ENTER(IoGetRelatedDeviceObject);
    DEVICE_OBJECT *top = io_device_top(FileObject->DeviceObject);
    VERIFY_LEAVE(IoGetRelatedDeviceObject);
    return top;
}

NTAPI PGENERIC_MAPPING
IoGetFileObjectGenericMapping(VOID)
{
    static const GENERIC_MAPPING mapping = {FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_GENERIC_EXECUTE, FILE_ALL_ACCESS};
    VERIFY_ENTER(IoGetFileObjectGenericMapping);
    VERIFY_LEAVE(IoGetFileObjectGenericMapping);
    return (GENERIC_MAPPING *)&mapping;
}

static struct io_client_extension *
client_extension_find(struct io_driver *driver, const void *id)
{
    LIST_FOR_EACH(node, &driver->client_extensions) {
        struct io_client_extension *extension = LIST_ENTRY_OF(node, struct io_client_extension, node);
        if (extension->id == id)
            return extension;
    }
    return NULL;
}

NTAPI NTSTATUS
IoAllocateDriverObjectExtension(PDRIVER_OBJECT DriverObject, PVOID ClientIdentificationAddress, ULONG DriverObjectExtensionSize,
                                PVOID *DriverObjectExtension)
{
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    struct io_driver *driver = io_driver_of(DriverObject);
    NTSTATUS status = STATUS_SUCCESS;
    VERIFY_ENTER(IoAllocateDriverObjectExtension);
    *DriverObjectExtension = NULL;
    struct io_client_extension *extension = aligned_alloc(16, (sizeof(*extension) + (size_t)DriverObjectExtensionSize + 15) & ~(size_t)15);
    if (!extension)
        return STATUS_INSUFFICIENT_RESOURCES;
    memset(extension, 0, sizeof(*extension) + DriverObjectExtensionSize);
    extension->id = ClientIdentificationAddress;
    KIRQL old = io_lock_take(driver->box->io);
    if (client_extension_find(driver, ClientIdentificationAddress))
        status = STATUS_OBJECT_NAME_COLLISION;
    else
        list_push_back(&driver->client_extensions, &extension->node);
    io_lock_drop(driver->box->io, old);
    if (status == STATUS_SUCCESS)
        *DriverObjectExtension = extension->data;
    else
        free(extension);
    VERIFY_LEAVE(IoAllocateDriverObjectExtension);
    return status;
}

NTAPI PVOID
IoGetDriverObjectExtension(PDRIVER_OBJECT DriverObject, PVOID ClientIdentificationAddress)
{
    struct io_driver *driver = io_driver_of(DriverObject);
    VERIFY_ENTER(IoGetDriverObjectExtension);
    KIRQL old = io_lock_take(driver->box->io);
    struct io_client_extension *extension = client_extension_find(driver, ClientIdentificationAddress);
    io_lock_drop(driver->box->io, old);
    VERIFY_LEAVE(IoGetDriverObjectExtension);
    return extension ? extension->data : NULL;
}

static const struct _OBJECT_TYPE *const types[] = {&io_file_type, &io_device_type, &io_driver_type};
POBJECT_TYPE *IoFileObjectType = (POBJECT_TYPE *)&types[0];
POBJECT_TYPE *IoDeviceObjectType = (POBJECT_TYPE *)&types[1];
POBJECT_TYPE *IoDriverObjectType = (POBJECT_TYPE *)&types[2];
