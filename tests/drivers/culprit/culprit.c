// SPDX-License-Identifier: MIT
// A filter that does one wrong thing, for the test of what the tool then says (tests/sim/race/crime_test.c). Crime in the
// filter's settings chooses it: 1 writes through a null pointer when a list is sent, 2 completes a sent list twice, 3 calls a function
// that ndisbox refuses while it attaches, 4 forgets its first block of pool when it does not get the second, 5 formats a number at
// DISPATCH_LEVEL, 6 calls a function that is there while it attaches, 7 writes through a good pointer when a list is sent; the last two are
// no crimes, nor is 0, none: then it passes everything on. In FilterAttach -> culprit_attach the number is read.
#define NDIS630 1
#include <ndis.h>

static NDIS_HANDLE culprit_driver;
static ULONG culprit_crime, culprit_flags;

static PVOID culprit_block;

// What it should do when the second block is refused: free the first.
static NDIS_STATUS
culprit_forget(NDIS_HANDLE filter)
{
    culprit_block = NdisAllocateMemoryWithTagPriority(filter, 100, 'brCu', NormalPoolPriority);
    if (!culprit_block)
        return NDIS_STATUS_RESOURCES;
    PVOID second = NdisAllocateMemoryWithTagPriority(filter, 200, 'brCu', NormalPoolPriority);
    if (!second)
        return NDIS_STATUS_RESOURCES;
    NdisFreeMemory(second, 0, 0);
    return NDIS_STATUS_SUCCESS;
}

// RtlIntegerToUnicodeString is for PASSIVE_LEVEL.
static void
culprit_format(void)
{
    WCHAR buffer[12];
    UNICODE_STRING text = {0, sizeof buffer, buffer};
    KIRQL old;
    KeRaiseIrql(DISPATCH_LEVEL, &old);
    RtlIntegerToUnicodeString(5, 10, &text);
    KeLowerIrql(old);
}

static FILTER_ATTACH culprit_attach;
static NDIS_STATUS
culprit_attach(NDIS_HANDLE filter, NDIS_HANDLE driver_context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(driver_context);
    UNREFERENCED_PARAMETER(parameters);
    NDIS_CONFIGURATION_OBJECT object = {.Header = {NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, NDIS_CONFIGURATION_OBJECT_REVISION_1,
                                                   NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1},
                                        .NdisHandle = filter};
    NDIS_FILTER_ATTRIBUTES attributes = {.Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1,
                                                    NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    NDIS_STRING key = NDIS_STRING_CONST("Crime");
    NDIS_CONFIGURATION_PARAMETER *value;
    NDIS_HANDLE configuration;
    NDIS_STATUS status = NdisOpenConfigurationEx(&object, &configuration);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    NdisReadConfiguration(&status, &value, configuration, &key, NdisParameterInteger);
    culprit_crime = status == NDIS_STATUS_SUCCESS ? value->ParameterData.IntegerData : 0;
    NdisCloseConfiguration(configuration);
    if (culprit_crime == 3)
        NdisMIdleNotificationConfirm(NULL, NdisDeviceStateD3);
    if (culprit_crime == 6 && NdisGetVersion() < NDIS_RUNTIME_VERSION_60)
        return NDIS_STATUS_BAD_VERSION;
    if (culprit_crime == 4 && (status = culprit_forget(filter)) != NDIS_STATUS_SUCCESS)
        return status;
    if (culprit_crime == 5)
        culprit_format();
    return NdisFSetAttributes(filter, filter, &attributes);
}

static FILTER_DETACH culprit_detach;
static VOID
culprit_detach(NDIS_HANDLE context)
{
    UNREFERENCED_PARAMETER(context);
    if (culprit_block)
        NdisFreeMemory(culprit_block, 0, 0);
}

static FILTER_RESTART culprit_restart;
static NDIS_STATUS
culprit_restart(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_SUCCESS;
}

static FILTER_PAUSE culprit_pause;
static NDIS_STATUS
culprit_pause(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_SUCCESS;
}

static FILTER_SEND_NET_BUFFER_LISTS culprit_send;
static VOID
culprit_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    if (culprit_crime == 1)
        *(volatile ULONG *)NULL = flags;
    if (culprit_crime == 7)
        *(volatile ULONG *)&culprit_flags = flags;
    if (culprit_crime == 2) {
        NdisFSendNetBufferListsComplete(context, nbls, 0);
        NdisFSendNetBufferListsComplete(context, nbls, 0);
        return;
    }
    NdisFSendNetBufferLists(context, nbls, port, flags);
}

static FILTER_SEND_NET_BUFFER_LISTS_COMPLETE culprit_send_complete;
static VOID
culprit_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    NdisFSendNetBufferListsComplete(context, nbls, flags);
}

static DRIVER_UNLOAD culprit_unload;
static VOID
culprit_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    NdisFDeregisterFilterDriver(culprit_driver);
}

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    UNREFERENCED_PARAMETER(registry_path);
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS, NDIS_FILTER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .FriendlyName = NDIS_STRING_CONST("culprit"),
        .UniqueName = NDIS_STRING_CONST("{8c3b7b3e-5f0a-4a34-9d5e-1f0c6e6d0a7f}"),
        .ServiceName = NDIS_STRING_CONST("culprit"),
        .AttachHandler = culprit_attach,
        .DetachHandler = culprit_detach,
        .RestartHandler = culprit_restart,
        .PauseHandler = culprit_pause,
        .SendNetBufferListsHandler = culprit_send,
        .SendNetBufferListsCompleteHandler = culprit_send_complete};
    driver->DriverUnload = culprit_unload;
    return NdisFRegisterFilterDriver(driver, NULL, &chars, &culprit_driver);
}
