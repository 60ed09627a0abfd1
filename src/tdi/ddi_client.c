// SPDX-License-Identifier: MIT
// Front doors of clients: registration for what transports announce. irql: PASSIVE
// [TdiRegisterPnPHandlers ff565062, TdiDeregisterPnPHandlers ff565039, ClientPnPBindingChange ff545265, ClientPnPAddNetAddress ff545264]
#include "nt/ex/fault.h"
#include "tdi/tdi.h"
#include "verify/verify.h"

NTAPI VOID
TdiInitialize(VOID)
{
    VERIFY_ENTER(TdiInitialize);
    tdi_of_box();
}

NTAPI NTSTATUS
TdiRegisterPnPHandlers(PTDI_CLIENT_INTERFACE_INFO ClientInterfaceInfo, ULONG InterfaceInfoSize, HANDLE *BindingHandle)
{
    VERIFY_ENTER(TdiRegisterPnPHandlers);
    if (InterfaceInfoSize < sizeof(*ClientInterfaceInfo))
        return (NTSTATUS)TDI_STATUS_BAD_CHARACTERISTICS;
    USHORT version = ClientInterfaceInfo->TdiVersion;
    if (version != TDI_CURRENT_VERSION && version != TDI_VERSION_ONE)
        return (NTSTATUS)TDI_STATUS_BAD_VERSION;
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    struct tdi_entry client = {.kind = TDI_CLIENT, .info = *ClientInterfaceInfo, .is_version_one = version == TDI_VERSION_ONE};
    if (ClientInterfaceInfo->ClientName)
        client.name = *ClientInterfaceInfo->ClientName;
    client.info.ClientName = NULL;
    return tdi_register(&client, NULL, BindingHandle);
}

NTAPI NTSTATUS
TdiDeregisterPnPHandlers(HANDLE BindingHandle)
{
    VERIFY_ENTER(TdiDeregisterPnPHandlers);
    return tdi_deregister(BindingHandle, TDI_CLIENT, "TdiDeregisterPnPHandlers");
}

NTAPI NTSTATUS
TdiEnumerateAddresses(HANDLE BindingHandle)
{
    VERIFY_ENTER(TdiEnumerateAddresses);
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    return tdi_addresses_tell(BindingHandle);
}

NTAPI VOID
TdiPnPPowerComplete(HANDLE BindingHandle, PNET_PNP_EVENT PowerEvent, NTSTATUS Status)
{
    VERIFY_ENTER(TdiPnPPowerComplete);
    tdi_power_complete(BindingHandle, PowerEvent, Status);
}

// The two older registrations, each for one thing alone.
NTAPI NTSTATUS
TdiRegisterNotificationHandler(TDI_BIND_HANDLER BindHandler, TDI_UNBIND_HANDLER UnbindHandler, HANDLE *BindingHandle)
{
    VERIFY_ENTER(TdiRegisterNotificationHandler);
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    struct tdi_entry client = {.kind = TDI_CLIENT, .is_version_one = true};
    client.info.BindHandler = BindHandler;
    client.info.UnBindHandler = UnbindHandler;
    return tdi_register(&client, NULL, BindingHandle);
}

NTAPI NTSTATUS
TdiDeregisterNotificationHandler(HANDLE BindingHandle)
{
    VERIFY_ENTER(TdiDeregisterNotificationHandler);
    return tdi_deregister(BindingHandle, TDI_CLIENT, "TdiDeregisterNotificationHandler");
}

NTAPI NTSTATUS
TdiRegisterAddressChangeHandler(TDI_ADD_ADDRESS_HANDLER AddHandler, TDI_DEL_ADDRESS_HANDLER DeleteHandler, HANDLE *BindingHandle)
{
    VERIFY_ENTER(TdiRegisterAddressChangeHandler);
    if (EX_FAULT())
        return STATUS_INSUFFICIENT_RESOURCES;
    struct tdi_entry client = {.kind = TDI_CLIENT, .is_version_one = true};
    client.info.AddAddressHandler = AddHandler;
    client.info.DelAddressHandler = DeleteHandler;
    return tdi_register(&client, NULL, BindingHandle);
}

NTAPI NTSTATUS
TdiDeregisterAddressChangeHandler(HANDLE BindingHandle)
{
    VERIFY_ENTER(TdiDeregisterAddressChangeHandler);
    return tdi_deregister(BindingHandle, TDI_CLIENT, "TdiDeregisterAddressChangeHandler");
}
