// SPDX-License-Identifier: MIT
// Front doors of device properties, device keys and device interfaces. PASSIVE_LEVEL.
#include "nt/ex/fault.h"
#include "nt/io/property.h"
#include "verify/verify.h"

NTAPI NTSTATUS
IoGetDeviceProperty(PDEVICE_OBJECT DeviceObject, DEVICE_REGISTRY_PROPERTY DeviceProperty, ULONG BufferLength, PVOID PropertyBuffer,
                    PULONG ResultLength)
{
    VERIFY_ENTER(IoGetDeviceProperty);
    NTSTATUS status = io_device_property(DeviceObject, DeviceProperty, PropertyBuffer, BufferLength, ResultLength);
    VERIFY_LEAVE(IoGetDeviceProperty);
    return status;
}

NTAPI NTSTATUS
IoOpenDeviceRegistryKey(PDEVICE_OBJECT DeviceObject, ULONG DevInstKeyType, ACCESS_MASK DesiredAccess, PHANDLE DeviceRegKey)
{
    VERIFY_ENTER(IoOpenDeviceRegistryKey);
    NTSTATUS status = io_device_key_open(DeviceObject, DevInstKeyType, DesiredAccess, DeviceRegKey);
    VERIFY_LEAVE(IoOpenDeviceRegistryKey);
    return status;
}

NTAPI NTSTATUS
IoRegisterDeviceInterface(PDEVICE_OBJECT PhysicalDeviceObject, const GUID *InterfaceClassGuid, PUNICODE_STRING ReferenceString,
                          PUNICODE_STRING SymbolicLinkName)
{
    VERIFY_ENTER(IoRegisterDeviceInterface);
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = io_interface_register(PhysicalDeviceObject, InterfaceClassGuid, ReferenceString, SymbolicLinkName);
    VERIFY_LEAVE(IoRegisterDeviceInterface);
    return status;
}

NTAPI NTSTATUS
IoSetDeviceInterfaceState(PUNICODE_STRING SymbolicLinkName, BOOLEAN Enable)
{
    VERIFY_ENTER(IoSetDeviceInterfaceState);
    NTSTATUS status = io_interface_enable(box_self(), SymbolicLinkName, Enable);
    VERIFY_LEAVE(IoSetDeviceInterfaceState);
    return status;
}

NTAPI NTSTATUS
IoGetDeviceInterfaces(const GUID *InterfaceClassGuid, PDEVICE_OBJECT PhysicalDeviceObject, ULONG Flags, PWSTR *SymbolicLinkList)
{
    VERIFY_ENTER(IoGetDeviceInterfaces);
    NTSTATUS status = io_interface_list(box_self(), InterfaceClassGuid, PhysicalDeviceObject, Flags & DEVICE_INTERFACE_INCLUDE_NONACTIVE,
                                        SymbolicLinkList, __builtin_return_address(0));
    VERIFY_LEAVE(IoGetDeviceInterfaces);
    return status;
}
