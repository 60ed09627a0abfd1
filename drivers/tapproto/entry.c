// SPDX-License-Identifier: MIT
// Loading and unloading: the protocol's characteristics, registered once for all bindings.
//   DriverEntry -> NdisRegisterProtocolDriver ... tapproto_unload -> NdisDeregisterProtocolDriver, which unbinds what is left
#include "tapproto.h"

NDIS_HANDLE tapproto_driver;

static DRIVER_UNLOAD tapproto_unload;

void *
tapproto_alloc(SIZE_T bytes)
{
    void *block = NdisAllocateMemoryWithTagPriority(tapproto_driver, (UINT)bytes, TAPPROTO_TAG, NormalPoolPriority);
    if (block)
        NdisZeroMemory(block, bytes);
    return block;
}

void
tapproto_free(void *block)
{
    if (block)
        NdisFreeMemory(block, 0, 0);
}

static VOID
tapproto_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    NdisDeregisterProtocolDriver(tapproto_driver);
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .MajorDriverVersion = 1,
        .Name = NDIS_STRING_CONST("TAPPROTO"),
        .BindAdapterHandlerEx = tapproto_bind,
        .UnbindAdapterHandlerEx = tapproto_unbind,
        .OpenAdapterCompleteHandlerEx = tapproto_open_complete,
        .CloseAdapterCompleteHandlerEx = tapproto_close_complete,
        .NetPnPEventHandler = tapproto_pnp,
        .OidRequestCompleteHandler = tapproto_oid_complete,
        .StatusHandlerEx = tapproto_status,
        .ReceiveNetBufferListsHandler = tapproto_receive,
        .SendNetBufferListsCompleteHandler = tapproto_send_complete};
    UNREFERENCED_PARAMETER(registry_path);
    driver->DriverUnload = tapproto_unload;
    return NdisRegisterProtocolDriver(NULL, &chars, &tapproto_driver);
}
