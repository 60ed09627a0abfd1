// SPDX-License-Identifier: MIT
// Loading, addresses that come and go, and how a TDI client opens files.
//   DriverEntry -> TdiRegisterPnPHandlers -> address_add for every address, at PASSIVE_LEVEL, one at a time
//   unload -> TdiDeregisterPnPHandlers -> every address is taken down
#include "tdiecho.h"

#define ADDRESSES_MAX 64

static const USHORT ports[] = {[TDIECHO_ECHO] = 7, [TDIECHO_DISCARD] = 9, [TDIECHO_CHARGEN] = 19};

// What is served on one address. Only the notifications of TDI touch it, which come one at a time.
struct served {
    LIST_ENTRY link;
    struct tdiecho_name name;
    struct tdiecho_stream *streams[ARRAYSIZE(ports)];
    struct tdiecho_datagram *datagram;
};

struct tdiecho_settings tdiecho_settings = {.endpoints = 64, .buffer_bytes = 65536};

static LIST_ENTRY all;
static HANDLE registration;

static DRIVER_UNLOAD tdiecho_unload;

VOID *
tdiecho_alloc(SIZE_T bytes)
{
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, TDIECHO_TAG);
}

VOID
tdiecho_free(VOID *block)
{
    if (block)
        ExFreePoolWithTag(block, TDIECHO_TAG);
}

// ---- addresses ------------------------------------------------------------------------------------------------------------------

// The port is the first field of both kinds of address, in network order.
static BOOLEAN
name_from(const TA_ADDRESS *address, struct tdiecho_name *name)
{
    BOOLEAN is_ours = (address->AddressType == TDI_ADDRESS_TYPE_IP && address->AddressLength == sizeof(TDI_ADDRESS_IP)) ||
                      (address->AddressType == TDI_ADDRESS_TYPE_IP6 && address->AddressLength == sizeof(TDI_ADDRESS_IP6));
    if (!is_ours)
        return FALSE;
    *name = (struct tdiecho_name){.count = 1, .length = address->AddressLength, .type = address->AddressType};
    memcpy(name->address, address->Address, address->AddressLength);
    return TRUE;
}

static VOID
name_set_port(struct tdiecho_name *name, USHORT port)
{
    USHORT wire = RtlUshortByteSwap(port);
    memcpy(name->address, &wire, sizeof wire);
}

static VOID NTAPI
address_add(PTA_ADDRESS address, PUNICODE_STRING device, PTDI_PNP_CONTEXT context)
{
    struct tdiecho_name name;
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(context);
    struct served *served = name_from(address, &name) ? tdiecho_alloc(sizeof *served) : NULL;
    if (!served)
        return;
    BOOLEAN is_ip4 = name.type == TDI_ADDRESS_TYPE_IP;
    served->name = name;
    for (ULONG i = 0; i < ARRAYSIZE(ports); i++) {
        if (tdiecho_settings.port && tdiecho_settings.port != ports[i])
            continue;
        name_set_port(&name, ports[i]);
        served->streams[i] = tdiecho_stream_open(is_ip4 ? L"\\Device\\Tcp" : L"\\Device\\Tcp6", &name, i);
    }
    name_set_port(&name, ports[TDIECHO_ECHO]);
    if (!tdiecho_settings.port)
        served->datagram = tdiecho_datagram_open(is_ip4 ? L"\\Device\\Udp" : L"\\Device\\Udp6", &name);
    InsertTailList(&all, &served->link);
}

static VOID
served_close(struct served *served)
{
    for (ULONG i = 0; i < ARRAYSIZE(ports); i++) {
        if (served->streams[i])
            tdiecho_stream_close(served->streams[i]);
    }
    if (served->datagram)
        tdiecho_datagram_close(served->datagram);
    RemoveEntryList(&served->link);
    tdiecho_free(served);
}

static VOID NTAPI
address_delete(PTA_ADDRESS address, PUNICODE_STRING device, PTDI_PNP_CONTEXT context)
{
    struct tdiecho_name name;
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(context);
    if (!name_from(address, &name))
        return;
    for (LIST_ENTRY *at = all.Flink; at != &all; at = at->Flink) {
        struct served *served = CONTAINING_RECORD(at, struct served, link);
        if (served->name.type == name.type && RtlCompareMemory(served->name.address, name.address, name.length) == name.length) {
            served_close(served);
            return;
        }
    }
}

// ---- settings -------------------------------------------------------------------------------------------------------------------

static NTSTATUS
settings_read(PUNICODE_STRING registry_path)
{
    struct tdiecho_settings *to = &tdiecho_settings;
    const ULONG flags = RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK;
    const ULONG number = REG_DWORD << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT;
    RTL_QUERY_REGISTRY_TABLE table[] = {
        {.Flags = RTL_QUERY_REGISTRY_SUBKEY, .Name = (PWSTR)L"Parameters"},
        {.Flags = flags, .Name = (PWSTR)L"Endpoints", .EntryContext = &to->endpoints, .DefaultType = number},
        {.Flags = flags, .Name = (PWSTR)L"BufferBytes", .EntryContext = &to->buffer_bytes, .DefaultType = number},
        {.Flags = flags, .Name = (PWSTR)L"Port", .EntryContext = &to->port, .DefaultType = number},
        {0}};
    SIZE_T bytes = registry_path->Length;
    PWSTR path = tdiecho_alloc(bytes + sizeof(WCHAR));
    if (!path)
        return STATUS_INSUFFICIENT_RESOURCES;
    memcpy(path, registry_path->Buffer, bytes);
    NTSTATUS status = RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, path, table, NULL, NULL);
    tdiecho_free(path);
    if (status == STATUS_OBJECT_NAME_NOT_FOUND)
        status = STATUS_SUCCESS; // no Parameters key: as it is
    BOOLEAN is_port = !to->port;
    for (ULONG i = 0; i < ARRAYSIZE(ports); i++)
        is_port |= to->port == ports[i];
    if (NT_SUCCESS(status) && to->endpoints && to->endpoints <= 1000000 && to->buffer_bytes >= 1024 && to->buffer_bytes <= 16u << 20 &&
        is_port)
        return STATUS_SUCCESS;
    DbgPrint("tdiecho: Parameters: Endpoints 1 to 1000000, BufferBytes 1024 to 16777216, Port 7, 9, 19 or 0 (all); found %u, %u, %u\n",
             to->endpoints, to->buffer_bytes, to->port);
    return NT_SUCCESS(status) ? STATUS_INVALID_PARAMETER : status;
}

// ---- the driver -----------------------------------------------------------------------------------------------------------------

static VOID
tdiecho_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TdiDeregisterPnPHandlers(registration);
    while (!IsListEmpty(&all))
        served_close(CONTAINING_RECORD(all.Flink, struct served, link));
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    UNICODE_STRING name;
    NTSTATUS status = settings_read(registry_path);
    if (!NT_SUCCESS(status))
        return status;
    RtlInitUnicodeString(&name, L"tdiecho");
    TDI_CLIENT_INTERFACE_INFO info = {.MajorTdiVersion = 2,
                                      .MinorTdiVersion = 0,
                                      .ClientName = &name,
                                      .AddAddressHandlerV2 = address_add,
                                      .DelAddressHandlerV2 = address_delete};
    InitializeListHead(&all);
    driver->DriverUnload = tdiecho_unload;
    return TdiRegisterPnPHandlers(&info, sizeof info, &registration);
}
