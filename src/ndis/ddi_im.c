// SPDX-License-Identifier: MIT
// Front doors of intermediate drivers. [ndis/nf-ndis-ndisiminitializedeviceinstanceex] and kin
#include "ndis/im.h"
#include "verify/verify.h"

static struct ndis_miniport_driver *
driver_from(NDIS_HANDLE handle, const char *function)
{
    return ndis_handle_check(handle, NDIS_KIND_MINIPORT_DRIVER, function);
}

NTAPI VOID
NdisIMAssociateMiniport(NDIS_HANDLE DriverHandle, NDIS_HANDLE ProtocolHandle)
{
    VERIFY_ENTER(NdisIMAssociateMiniport);
    ndis_im_associate(driver_from(DriverHandle, "NdisIMAssociateMiniport"),
                      ndis_handle_check(ProtocolHandle, NDIS_KIND_PROTOCOL, "NdisIMAssociateMiniport (ProtocolHandle)"));
}

NTAPI NDIS_STATUS
NdisIMInitializeDeviceInstanceEx(NDIS_HANDLE DriverHandle, PNDIS_STRING DriverInstance, NDIS_HANDLE DeviceContext)
{
    VERIFY_ENTER(NdisIMInitializeDeviceInstanceEx);
    return ndis_im_ask(driver_from(DriverHandle, "NdisIMInitializeDeviceInstanceEx"), DriverInstance, DeviceContext);
}

NTAPI NDIS_STATUS
NdisIMCancelInitializeDeviceInstance(NDIS_HANDLE DriverHandle, PNDIS_STRING DeviceInstance)
{
    VERIFY_ENTER(NdisIMCancelInitializeDeviceInstance);
    return ndis_im_cancel(driver_from(DriverHandle, "NdisIMCancelInitializeDeviceInstance"), DeviceInstance);
}

NTAPI NDIS_STATUS
NdisIMDeInitializeDeviceInstance(NDIS_HANDLE NdisMiniportHandle)
{
    VERIFY_ENTER(NdisIMDeInitializeDeviceInstance);
    return ndis_im_deinitialize(NdisMiniportHandle);
}

NTAPI NDIS_HANDLE
NdisIMGetBindingContext(NDIS_HANDLE NdisBindingHandle)
{
    VERIFY_ENTER(NdisIMGetBindingContext);
    struct ndis_module *binding = ndis_handle_check(NdisBindingHandle, NDIS_KIND_BINDING, "NdisIMGetBindingContext");
    return binding->adapter->im_context;
}
