// SPDX-License-Identifier: MIT
// hello_filter: the smallest lightweight filter that does something. It sits between a NIC's miniport and the protocols above, counts
// the lists that come up, and says how many at the end. Read it from the bottom: DriverEntry registers, NDIS calls the rest.
//
//   load    DriverEntry                     unload  hello_unload (NDIS detaches every module first)
//   attach -> [paused] restart -> running -> pause -> [paused] detach       one module for each adapter
//
// Handlers that a filter leaves NULL are passed by: this one never sees what is sent, nor any OID request.
#define NDIS630 1
#include <ndis.h>

#define HELLO_TAG 'lleH'

struct hello_module {
    NDIS_HANDLE filter;                       // what NDIS knows this module by
    volatile LONG64 lists;                    // lists of frames seen; several processors may bring some at once
};

static NDIS_HANDLE hello_driver;

// A new adapter, or the filter is put into a running stack. What the module needs is allocated here, never later.
static FILTER_ATTACH hello_attach;
static NDIS_STATUS
hello_attach(NDIS_HANDLE filter, NDIS_HANDLE driver_context, PNDIS_FILTER_ATTACH_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(driver_context);
    NDIS_FILTER_ATTRIBUTES attributes = {.Header = {NDIS_OBJECT_TYPE_FILTER_ATTRIBUTES, NDIS_FILTER_ATTRIBUTES_REVISION_1,
                                                    NDIS_SIZEOF_FILTER_ATTRIBUTES_REVISION_1}};
    struct hello_module *module = NdisAllocateMemoryWithTagPriority(filter, sizeof *module, HELLO_TAG, NormalPoolPriority);
    if (!module)
        return NDIS_STATUS_RESOURCES;
    NdisZeroMemory(module, sizeof *module);
    module->filter = filter;
    DbgPrint("hello_filter: attached to %wZ\n", parameters->BaseMiniportInstanceName);
    // From here on NDIS gives us `module` back at every call.
    NDIS_STATUS status = NdisFSetAttributes(filter, module, &attributes);
    if (status != NDIS_STATUS_SUCCESS)
        NdisFreeMemory(module, 0, 0);
    return status;
}

static FILTER_DETACH hello_detach;
static VOID
hello_detach(NDIS_HANDLE context)
{
    struct hello_module *module = context;
    DbgPrint("hello_filter: %I64d lists came up\n", module->lists);
    NdisFreeMemory(module, 0, 0);
}

// Frames may flow.
static FILTER_RESTART hello_restart;
static NDIS_STATUS
hello_restart(NDIS_HANDLE context, PNDIS_FILTER_RESTART_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_SUCCESS;
}

// A filter that had lists of its own under way would wait for them here, or answer PENDING and NdisFPauseComplete later.
static FILTER_PAUSE hello_pause;
static NDIS_STATUS
hello_pause(NDIS_HANDLE context, PNDIS_FILTER_PAUSE_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(parameters);
    return NDIS_STATUS_SUCCESS;
}

// Frames on their way up. The list is not ours: look, and hand it on with the flags it came with.
static FILTER_RECEIVE_NET_BUFFER_LISTS hello_receive;
static VOID
hello_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct hello_module *module = context;
    InterlockedAdd64(&module->lists, count);
    NdisFIndicateReceiveNetBufferLists(module->filter, nbls, port, count, flags);
}

// The same lists on their way back down, once the protocols are done. Required of a filter that takes them on their way up.
static FILTER_RETURN_NET_BUFFER_LISTS hello_return;
static VOID
hello_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct hello_module *module = context;
    NdisFReturnNetBufferLists(module->filter, nbls, flags);
}

// What a driver below has to say (the link went down, ...). Required of a filter that takes lists on their way up.
static FILTER_STATUS hello_status;
static VOID
hello_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    struct hello_module *module = context;
    NdisFIndicateStatus(module->filter, indication);
}

static DRIVER_UNLOAD hello_unload;
static VOID
hello_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    NdisFDeregisterFilterDriver(hello_driver);
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
        .FriendlyName = NDIS_STRING_CONST("hello filter"),
        .UniqueName = NDIS_STRING_CONST("{8c3b7b3e-5f0a-4a34-9d5e-1f0c6e6d0a02}"),
        .ServiceName = NDIS_STRING_CONST("hello_filter"),
        .AttachHandler = hello_attach,
        .DetachHandler = hello_detach,
        .RestartHandler = hello_restart,
        .PauseHandler = hello_pause,
        .ReceiveNetBufferListsHandler = hello_receive,
        .ReturnNetBufferListsHandler = hello_return,
        .StatusHandler = hello_status};
    driver->DriverUnload = hello_unload;
    return NdisFRegisterFilterDriver(driver, NULL, &chars, &hello_driver);
}
