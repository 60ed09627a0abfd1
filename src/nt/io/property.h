// SPDX-License-Identifier: MIT
// Properties, keys and interfaces of physical devices (property.c). irql: PASSIVE.
#ifndef NBX_NT_IO_PROPERTY_H
#define NBX_NT_IO_PROPERTY_H

#include "nt/cm/cm.h"
#include "nt/io/io.h"

// Make the device a PDO: instance as "ROOT\\NET\\0000" (below Enum), driver_key as "{class guid}\\0000" (below Control\Class).
// Properties are values of its Enum key under Windows's names (DeviceDesc, HardwareID, FriendlyName, Mfg, ...): set them with cm_set_*.
NTSTATUS io_device_identify(DEVICE_OBJECT *device, const char *instance, const char *driver_key);
// fails: INVALID_DEVICE_REQUEST (no PDO), BUFFER_TOO_SMALL with *result, OBJECT_NAME_NOT_FOUND (it has none of this).
NTSTATUS io_device_property(DEVICE_OBJECT *device, DEVICE_REGISTRY_PROPERTY property, void *buffer, ULONG bytes, ULONG *result);
NTSTATUS io_device_key_open(DEVICE_OBJECT *device, ULONG type, ACCESS_MASK access, HANDLE *handle);
// owns: out->Buffer is pool, the caller's.
NTSTATUS io_interface_register(DEVICE_OBJECT *device, const GUID *class, const UNICODE_STRING *reference, UNICODE_STRING *out);
NTSTATUS io_interface_enable(struct box *box, const UNICODE_STRING *link, bool enable);
NTSTATUS io_interface_list(struct box *box, const GUID *class, const DEVICE_OBJECT *device, bool all, WCHAR **out,
                           const void *caller);

#endif
