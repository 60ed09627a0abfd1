// SPDX-License-Identifier: MIT
// Front doors: control devices and optional handlers.
#include "ndis/device.h"
#include "ndis/header.h"
#include "ndis/optional.h"
#include "nt/ex/fault.h"
#include "verify/verify.h"

// UNSURE: the page wants the first type; Microsoft's own intermediate sample comes with the second.
static bool
device_header_is_good(const NDIS_OBJECT_HEADER *header)
{
    return ndis_header_is(header, NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES, NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1) ||
           ndis_header_is(header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1);
}

NTAPI NDIS_STATUS
NdisRegisterDeviceEx(NDIS_HANDLE NdisHandle, PNDIS_DEVICE_OBJECT_ATTRIBUTES DeviceObjectAttributes, PDEVICE_OBJECT *pDeviceObject,
                     PNDIS_HANDLE NdisDeviceHandle)
{
    VERIFY_ENTER(NdisRegisterDeviceEx);
    *pDeviceObject = NULL;
    *NdisDeviceHandle = NULL;
    if (EX_FAULT())
        return NDIS_STATUS_RESOURCES;
    const uint32_t *kind = NdisHandle;
    // The page names handles of drivers; drivers in the field give their adapter's, and Windows takes it.
    if (!kind || (*kind != NDIS_KIND_MINIPORT_DRIVER && *kind != NDIS_KIND_FILTER_DRIVER && *kind != NDIS_KIND_ADAPTER))
        return NDIS_STATUS_NOT_SUPPORTED;
    if (!device_header_is_good(&DeviceObjectAttributes->Header) || !DeviceObjectAttributes->MajorFunctions)
        return NDIS_STATUS_INVALID_PARAMETER;
    DRIVER_OBJECT *driver = ndis_handle_driver(NdisHandle, "NdisRegisterDeviceEx");
    struct ndis_device *device;
    NDIS_STATUS status = ndis_device_create(driver, DeviceObjectAttributes, &device);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    *pDeviceObject = device->object;
    *NdisDeviceHandle = device;
    return NDIS_STATUS_SUCCESS;
}

NTAPI VOID
NdisDeregisterDeviceEx(NDIS_HANDLE NdisDeviceHandle)
{
    VERIFY_ENTER(NdisDeregisterDeviceEx);
    struct ndis_device *device = ndis_handle_check(NdisDeviceHandle, NDIS_DEVICE_KIND, "NdisDeregisterDeviceEx");
    ndis_device_destroy(device);
}

NTAPI PVOID
NdisGetDeviceReservedExtension(PDEVICE_OBJECT DeviceObject)
{
    VERIFY_ENTER(NdisGetDeviceReservedExtension);
    struct ndis_device *device = DeviceObject->DeviceExtension;
    return device && device->kind == NDIS_DEVICE_KIND ? device->extension : NULL;
}

NTAPI NDIS_STATUS
NdisSetOptionalHandlers(NDIS_HANDLE NdisHandle, PNDIS_DRIVER_OPTIONAL_HANDLERS OptionalHandlers)
{
    VERIFY_ENTER(NdisSetOptionalHandlers);
    return EX_FAULT() ? NDIS_STATUS_RESOURCES : ndis_optional_handlers_set(NdisHandle, OptionalHandlers);
}
