// SPDX-License-Identifier: MIT
// Loading and unloading: the engines, the devices that TDI clients open, the protocol that binds to adapters.
//   DriverEntry -> host -> devices -> NdisRegisterProtocolDriver -> TDI provider ready
//   unload      -> NdisDeregisterProtocolDriver, which unbinds what is left -> devices -> host
#include "mib.h"

NDIS_HANDLE tcpip_protocol;

static DRIVER_UNLOAD tcpip_unload;

// ---- devices --------------------------------------------------------------------------------------------------------------------

static const struct tdic_device_config configs[] = {
    {.name = L"\\Device\\Tcp", .ops = &tcpip_tcp_ops, .below = (PVOID)(ULONG_PTR)ENG_IP4},
    {.name = L"\\Device\\Tcp6", .ops = &tcpip_tcp_ops, .below = (PVOID)(ULONG_PTR)ENG_IP6},
    {.name = L"\\Device\\Udp", .ops = &tcpip_udp_ops, .below = (PVOID)(ULONG_PTR)ENG_IP4},
    {.name = L"\\Device\\Udp6", .ops = &tcpip_udp_ops, .below = (PVOID)(ULONG_PTR)ENG_IP6},
    {.name = L"\\Device\\RawIp", .ops = &tcpip_raw_ops, .below = (PVOID)(ULONG_PTR)ENG_IP4},
    {.name = L"\\Device\\RawIp6", .ops = &tcpip_raw_ops, .below = (PVOID)(ULONG_PTR)ENG_IP6},
    {.name = L"\\Device\\Ip", .ops = &tcpip_ip_ops}, // refuses; not announced to TDI's clients
};
static struct {
    struct tdic_device *device;
    HANDLE registration;
} devices[ARRAYSIZE(configs)];
static HANDLE provider;

static NTSTATUS
device_create(PDRIVER_OBJECT driver, ULONG i)
{
    UNICODE_STRING name;
    NTSTATUS status = tdic_device_create(driver, &configs[i], &devices[i].device);
    if (!NT_SUCCESS(status) || !configs[i].ops->address_open)
        return status;
    RtlInitUnicodeString(&name, configs[i].name);
    return TdiRegisterDeviceObject(&name, &devices[i].registration);
}

NTSTATUS
tcpip_devices_create(PDRIVER_OBJECT driver)
{
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, L"\\Device\\Tcpip");
    NTSTATUS status = TdiRegisterProvider(&name, &provider);
    for (ULONG i = 0; NT_SUCCESS(status) && i < ARRAYSIZE(configs); i++)
        status = device_create(driver, i);
    if (NT_SUCCESS(status))
        status = TdiProviderReady(provider);
    if (!NT_SUCCESS(status))
        tcpip_devices_delete();
    return status;
}

struct tdic_device *
tcpip_udp_device(UCHAR family)
{
    for (ULONG i = 0; i < ARRAYSIZE(configs); i++)
        if (configs[i].ops == &tcpip_udp_ops && (ULONG_PTR)configs[i].below == family)
            return devices[i].device;
    return NULL;
}

VOID
tcpip_devices_delete(VOID)
{
    for (ULONG i = 0; i < ARRAYSIZE(configs); i++) {
        if (devices[i].registration)
            TdiDeregisterDeviceObject(devices[i].registration);
        if (devices[i].device)
            tdic_device_delete(devices[i].device);
        devices[i].registration = NULL;
        devices[i].device = NULL;
    }
    if (provider)
        TdiDeregisterProvider(provider);
    provider = NULL;
}

// ---- the protocol ---------------------------------------------------------------------------------------------------------------

static NDIS_STATUS NTAPI
tcpip_options(NDIS_HANDLE protocol, NDIS_HANDLE context)
{
    UNREFERENCED_PARAMETER(context);
    return tcpip_chimney_register(protocol);
}

static NDIS_STATUS
protocol_register(VOID)
{
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .MajorDriverVersion = 1,
        .Name = NDIS_STRING_CONST("TCPIP"),
        .SetOptionsHandler = tcpip_options,
        .BindAdapterHandlerEx = tcpip_bind,
        .UnbindAdapterHandlerEx = tcpip_unbind,
        .OpenAdapterCompleteHandlerEx = tcpip_open_complete,
        .CloseAdapterCompleteHandlerEx = tcpip_close_complete,
        .NetPnPEventHandler = tcpip_pnp,
        .OidRequestCompleteHandler = tcpip_oid_complete,
        .StatusHandlerEx = tcpip_status,
        .ReceiveNetBufferListsHandler = tcpip_receive,
        .SendNetBufferListsCompleteHandler = tcpip_send_complete};
    return NdisRegisterProtocolDriver(NULL, &chars, &tcpip_protocol);
}

static VOID
tcpip_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    NdisDeregisterProtocolDriver(tcpip_protocol);
    tcpip_devices_delete();
    tcpip_host_destroy(&tcpip_host);
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    UNREFERENCED_PARAMETER(registry_path);
    driver->DriverUnload = tcpip_unload;
    static const UCHAR majors[] = {IRP_MJ_CREATE, IRP_MJ_CLEANUP, IRP_MJ_CLOSE, IRP_MJ_INTERNAL_DEVICE_CONTROL, IRP_MJ_DEVICE_CONTROL};
    for (ULONG i = 0; i < ARRAYSIZE(majors); i++)
        driver->MajorFunction[majors[i]] = tdic_dispatch;
    NTSTATUS status = tcpip_host_create(&tcpip_host);
    if (!NT_SUCCESS(status))
        return status;
    status = tcpip_devices_create(driver);
    if (NT_SUCCESS(status))
        status = protocol_register();
    if (!NT_SUCCESS(status)) {
        tcpip_devices_delete();
        tcpip_host_destroy(&tcpip_host);
    }
    return status;
}
