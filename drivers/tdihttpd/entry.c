// SPDX-License-Identifier: MIT
// Loading: settings from ...\Services\tdihttpd\Parameters, then a listener for each of the two transports for as long as it is there.
//   DriverEntry -> settings_read -> TdiRegisterPnPHandlers -> binding: a transport's device came or went -> listener opened or closed
//   unload -> TdiDeregisterPnPHandlers -> listeners closed
#include "tdihttpd.h"

struct httpd_settings httpd_settings;
PDRIVER_OBJECT httpd_driver;

static const PCWSTR devices[] = {L"\\Device\\Tcp", L"\\Device\\Tcp6"};
static struct httpd_listener *listeners[ARRAYSIZE(devices)];   // touched by TDI's notifications only, which come one at a time
static HANDLE registration;

static DRIVER_UNLOAD httpd_unload;

VOID *
httpd_alloc(SIZE_T bytes)
{
    return ExAllocatePool2(POOL_FLAG_NON_PAGED, bytes, HTTPD_TAG);
}

VOID *
httpd_alloc_raw(SIZE_T bytes)
{
    return ExAllocatePool2(POOL_FLAG_NON_PAGED | POOL_FLAG_UNINITIALIZED, bytes, HTTPD_TAG);
}

VOID
httpd_free(VOID *block)
{
    if (block)
        ExFreePoolWithTag(block, HTTPD_TAG);
}

// ---- settings -------------------------------------------------------------------------------------------------------------------

#define DIRECT (RTL_QUERY_REGISTRY_DIRECT | RTL_QUERY_REGISTRY_TYPECHECK)
#define TYPE(type) ((ULONG)(type) << RTL_QUERY_REGISTRY_TYPECHECK_SHIFT)   // and no default: what is not there stays as it is

static VOID
settings_free(VOID)
{
    if (httpd_settings.root.Buffer)
        RtlFreeUnicodeString(&httpd_settings.root);
    if (httpd_settings.upload.Buffer)
        RtlFreeUnicodeString(&httpd_settings.upload);
    httpd_settings = (struct httpd_settings){0};
}

static NTSTATUS
settings_read(const UNICODE_STRING *service)
{
    struct httpd_settings *s = &httpd_settings;
    *s = (struct httpd_settings){.port = 80, .connections = 1024, .timeout_s = 60};
    RTL_QUERY_REGISTRY_TABLE table[] = {
        {.Flags = RTL_QUERY_REGISTRY_SUBKEY | RTL_QUERY_REGISTRY_REQUIRED, .Name = L"Parameters"},
        {.Flags = DIRECT | RTL_QUERY_REGISTRY_REQUIRED, .Name = L"root", .EntryContext = &s->root, .DefaultType = TYPE(REG_SZ)},
        {.Flags = DIRECT, .Name = L"upload", .EntryContext = &s->upload, .DefaultType = TYPE(REG_SZ)},
        {.Flags = DIRECT, .Name = L"port", .EntryContext = &s->port, .DefaultType = TYPE(REG_DWORD)},
        {.Flags = DIRECT, .Name = L"connections", .EntryContext = &s->connections, .DefaultType = TYPE(REG_DWORD)},
        {.Flags = DIRECT, .Name = L"timeout", .EntryContext = &s->timeout_s, .DefaultType = TYPE(REG_DWORD)},
        {0}};
    // The path of the service's key need not end with a 0.
    WCHAR *path = httpd_alloc(service->Length + sizeof(WCHAR));
    if (!path)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlCopyMemory(path, service->Buffer, service->Length);
    NTSTATUS status = RtlQueryRegistryValues(RTL_REGISTRY_ABSOLUTE, path, table, NULL, NULL);
    httpd_free(path);
    if (NT_SUCCESS(status) && (!s->port || s->port > 65535 || !s->connections || s->connections > 65536 || !s->timeout_s))
        status = STATUS_INVALID_PARAMETER;
    if (!NT_SUCCESS(status))
        DbgPrint("tdihttpd: the settings (root, port, upload, connections, timeout) cannot be used: 0x%08x\n", status);
    return status;
}

// ---- transports -----------------------------------------------------------------------------------------------------------------

static VOID
listener_drop(ULONG i)
{
    if (listeners[i])
        httpd_listener_close(listeners[i]);
    listeners[i] = NULL;
}

static VOID NTAPI
binding(TDI_PNP_OPCODE code, PUNICODE_STRING device, PWSTR list)
{
    UNREFERENCED_PARAMETER(list);
    for (ULONG i = 0; device && i < ARRAYSIZE(devices); i++) {
        UNICODE_STRING name;
        RtlInitUnicodeString(&name, devices[i]);
        if (!RtlEqualUnicodeString(&name, device, TRUE))
            continue;
        if (code == TDI_PNP_OP_ADD && !listeners[i])
            listeners[i] = httpd_listener_open(devices[i]);
        else if (code == TDI_PNP_OP_DEL)
            listener_drop(i);
    }
}

static VOID
httpd_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    TdiDeregisterPnPHandlers(registration);
    for (ULONG i = 0; i < ARRAYSIZE(devices); i++)
        listener_drop(i);
    settings_free();
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    UNICODE_STRING name;
    RtlInitUnicodeString(&name, L"tdihttpd");
    TDI_CLIENT_INTERFACE_INFO info = {.MajorTdiVersion = 2, .MinorTdiVersion = 0, .ClientName = &name, .BindingHandler = binding};
    httpd_driver = driver;
    driver->DriverUnload = httpd_unload;
    NTSTATUS status = settings_read(registry_path);
    if (NT_SUCCESS(status))
        status = TdiRegisterPnPHandlers(&info, sizeof info, &registration);
    if (!NT_SUCCESS(status))
        settings_free();
    return status;
}
