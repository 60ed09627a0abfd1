// SPDX-License-Identifier: MIT
// A filter that says what its registry tells it, so that a test can read it: at load the service key's path and two values below
// Parameters, at attach two settings of its module. With Refuse set it does not attach. It registers under its service's name, so that
// one image serves any INF.
#define NDIS630 1
#include <ndis.h>

static NDIS_HANDLE teller_driver;
static WCHAR teller_service[64];
static NTSTATUS teller_load(PDRIVER_OBJECT driver, PUNICODE_STRING registry);

static ULONG
teller_number(NDIS_HANDLE of, const NDIS_STRING *keyword, NDIS_STATUS *status)
{
    NDIS_CONFIGURATION_OBJECT object = {.Header = {NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, NDIS_CONFIGURATION_OBJECT_REVISION_1,
                                                   NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1},
                                        .NdisHandle = of};
    NDIS_CONFIGURATION_PARAMETER *value;
    NDIS_HANDLE handle;
    NDIS_STRING name = *keyword;
    ULONG number = 0;
    *status = NdisOpenConfigurationEx(&object, &handle);
    if (*status != NDIS_STATUS_SUCCESS)
        return 0;
    NdisReadConfiguration(status, &value, handle, &name, NdisParameterInteger);
    if (*status == NDIS_STATUS_SUCCESS)
        number = value->ParameterData.IntegerData;
    NdisCloseConfiguration(handle);
    return number;
}

static void
teller_tell(NDIS_HANDLE of, const NDIS_STRING *keyword)
{
    NDIS_STATUS status;
    ULONG number = teller_number(of, keyword, &status);
    if (status == NDIS_STATUS_SUCCESS)
        DbgPrint("teller: %wZ is %u\n", keyword, number);
    else
        DbgPrint("teller: %wZ is not there\n", keyword);
}

static FILTER_ATTACH teller_attach;
static NDIS_STATUS
teller_attach(NDIS_HANDLE filter, NDIS_HANDLE context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    static const NDIS_STRING ring = NDIS_STRING_CONST("Ring"), spare = NDIS_STRING_CONST("Spare"), refuse = NDIS_STRING_CONST("Refuse");
    NDIS_FILTER_ATTRIBUTES attributes = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1, NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    NDIS_STATUS status;
    UNREFERENCED_PARAMETER(context);
    teller_tell(filter, &ring);
    teller_tell(filter, &spare);
    DbgPrint("teller: on %wZ\n", parameters->BaseMiniportInstanceName);
    if (teller_number(filter, &refuse, &status))
        return NDIS_STATUS_FAILURE;
    return NdisFSetAttributes(filter, filter, &attributes);
}

static FILTER_DETACH teller_detach;
static VOID
teller_detach(NDIS_HANDLE module)
{
    UNREFERENCED_PARAMETER(module);
    DbgPrint("teller: detached\n");
}

static FILTER_RESTART teller_restart;
static NDIS_STATUS
teller_restart(NDIS_HANDLE module, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(module);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_SUCCESS;
}

static FILTER_PAUSE teller_pause;
static NDIS_STATUS
teller_pause(NDIS_HANDLE module, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(module);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_SUCCESS;
}

static DRIVER_UNLOAD teller_unload;
static VOID
teller_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    NdisFDeregisterFilterDriver(teller_driver);
}

// The last part of ...\Services\NAME.
static void
teller_name(const UNICODE_STRING *registry, NDIS_STRING *name)
{
    USHORT first = registry->Length / sizeof(WCHAR), count;
    while (first && registry->Buffer[first - 1] != '\\')
        first--;
    count = registry->Length / sizeof(WCHAR) - first;
    if (count > ARRAYSIZE(teller_service))
        count = ARRAYSIZE(teller_service);
    RtlCopyMemory(teller_service, registry->Buffer + first, count * sizeof(WCHAR));
    *name = (NDIS_STRING){count * sizeof(WCHAR), sizeof teller_service, teller_service};
}

static NTSTATUS
teller_load(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    static const NDIS_STRING level = NDIS_STRING_CONST("Level"), debug = NDIS_STRING_CONST("Debug");
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = {.Header = {NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS,
                                                           NDIS_FILTER_CHARACTERISTICS_REVISION_2,
                                                           NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_2},
                                                .MajorNdisVersion = 6,
                                                .MinorNdisVersion = 30,
                                                .FriendlyName = NDIS_STRING_CONST("Teller"),
                                                .UniqueName = NDIS_STRING_CONST("{8c3b7b3e-5f0a-4a34-9d5e-1f0c6e6d0aff}"),
                                                .AttachHandler = teller_attach,
                                                .DetachHandler = teller_detach,
                                                .RestartHandler = teller_restart,
                                                .PauseHandler = teller_pause};
    teller_name(registry, &chars.ServiceName);
    DbgPrint("teller: loaded as %wZ\n", registry);
    driver->DriverUnload = teller_unload;
    NDIS_STATUS status = NdisFRegisterFilterDriver(driver, NULL, &chars, &teller_driver);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    teller_tell(teller_driver, &level);
    teller_tell(teller_driver, &debug);
    return NDIS_STATUS_SUCCESS;
}

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    return teller_load(DriverObject, RegistryPath);
}
