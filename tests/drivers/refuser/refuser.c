// SPDX-License-Identifier: MIT
// A driver whose DriverEntry fails, for the test of what the tool then says (tests/sim/race/crime_test.c). It has registered a filter
// driver by then and takes that back, as a driver must that fails its entry; DriverUnload is set and must not be called.
#define NDIS630 1
#include <ndis.h>

static FILTER_ATTACH refuser_attach;
static NDIS_STATUS
refuser_attach(NDIS_HANDLE filter, NDIS_HANDLE driver_context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(filter);
    UNREFERENCED_PARAMETER(driver_context);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_FAILURE;
}

static FILTER_DETACH refuser_detach;
static VOID
refuser_detach(NDIS_HANDLE context)
{
    UNREFERENCED_PARAMETER(context);
}

static FILTER_RESTART refuser_restart;
static NDIS_STATUS
refuser_restart(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_SUCCESS;
}

static FILTER_PAUSE refuser_pause;
static NDIS_STATUS
refuser_pause(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_SUCCESS;
}

static DRIVER_UNLOAD refuser_unload;
static VOID
refuser_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    NdisFDeregisterFilterDriver(NULL);        // a report, should it ever be called
}

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    NDIS_HANDLE handle;
    NDIS_FILTER_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_FILTER_DRIVER_CHARACTERISTICS, NDIS_FILTER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_FILTER_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .FriendlyName = NDIS_STRING_CONST("refuser"),
        .UniqueName = NDIS_STRING_CONST("{4E425800-0000-4000-8000-00000000F00D}"),
        .ServiceName = NDIS_STRING_CONST("refuser"),
        .AttachHandler = refuser_attach,
        .DetachHandler = refuser_detach,
        .RestartHandler = refuser_restart,
        .PauseHandler = refuser_pause};
    UNREFERENCED_PARAMETER(registry);
    driver->DriverUnload = refuser_unload;
    NTSTATUS status = NdisFRegisterFilterDriver(driver, NULL, &chars, &handle);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    NdisFDeregisterFilterDriver(handle);
    return STATUS_DEVICE_CONFIGURATION_ERROR;
}
