// SPDX-License-Identifier: MIT
// Front doors of transports: what they announce to clients. irql: PASSIVE
// [TdiRegisterProvider, TdiProviderReady, TdiRegisterDeviceObject ff565059, TdiRegisterNetAddress ff565060, TdiPnPPowerRequest]
#include "nt/ex/fault.h"
#include "tdi/tdi.h"
#include "verify/verify.h"

NTAPI NTSTATUS
TdiRegisterProvider(PUNICODE_STRING ProviderName, HANDLE *ProviderHandle)
{
    VERIFY_ENTER(TdiRegisterProvider);
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    return tdi_register(&(struct tdi_entry){.kind = TDI_PROVIDER, .name = *ProviderName}, NULL, ProviderHandle);
}

NTAPI NTSTATUS
TdiProviderReady(HANDLE ProviderHandle)
{
    VERIFY_ENTER(TdiProviderReady);
    return tdi_provider_ready(ProviderHandle);
}

NTAPI NTSTATUS
TdiDeregisterProvider(HANDLE ProviderHandle)
{
    VERIFY_ENTER(TdiDeregisterProvider);
    return tdi_deregister(ProviderHandle, TDI_PROVIDER, "TdiDeregisterProvider");
}

NTAPI NTSTATUS
TdiRegisterDeviceObject(PUNICODE_STRING DeviceName, HANDLE *DevRegistrationHandle)
{
    VERIFY_ENTER(TdiRegisterDeviceObject);
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    return tdi_register(&(struct tdi_entry){.kind = TDI_DEVICE, .name = *DeviceName}, NULL, DevRegistrationHandle);
}

NTAPI NTSTATUS
TdiDeregisterDeviceObject(HANDLE DevRegistrationHandle)
{
    VERIFY_ENTER(TdiDeregisterDeviceObject);
    return tdi_deregister(DevRegistrationHandle, TDI_DEVICE, "TdiDeregisterDeviceObject");
}

NTAPI NTSTATUS
TdiRegisterNetAddress(PTA_ADDRESS Address, PUNICODE_STRING DeviceName, PTDI_PNP_CONTEXT Context, HANDLE *AddrRegistrationHandle)
{
    VERIFY_ENTER(TdiRegisterNetAddress);
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    struct tdi_entry address = {.kind = TDI_ADDRESS, .address = Address};
    if (DeviceName)
        address.name = *DeviceName;
    return tdi_register(&address, Context, AddrRegistrationHandle);
}

NTAPI NTSTATUS
TdiDeregisterNetAddress(HANDLE AddrRegistrationHandle)
{
    VERIFY_ENTER(TdiDeregisterNetAddress);
    return tdi_deregister(AddrRegistrationHandle, TDI_ADDRESS, "TdiDeregisterNetAddress");
}

NTAPI NTSTATUS
TdiPnPPowerRequest(PUNICODE_STRING DeviceName, PNET_PNP_EVENT PowerEvent, PTDI_PNP_CONTEXT Context1, PTDI_PNP_CONTEXT Context2,
                   ProviderPnPPowerComplete ProtocolCompletionHandler)
{
    VERIFY_ENTER(TdiPnPPowerRequest);
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    return tdi_power_request(DeviceName, PowerEvent, Context1, Context2, ProtocolCompletionHandler);
}
