// SPDX-License-Identifier: MIT
// Loading and unloading. Both edges are registered, the upper one first: as soon as the lower one is there NDIS may bind it, and a bind
// asks for a virtual miniport.
//   DriverEntry -> NdisMRegisterMiniportDriver -> NdisRegisterProtocolDriver -> NdisIMAssociateMiniport
//   passthru_unload -> NdisDeregisterProtocolDriver, which unbinds what is left -> NdisMDeregisterMiniportDriver
// [network/intermediate-driver-driverentry-function]
#include "passthru.h"

NDIS_HANDLE passthru_miniport_driver, passthru_protocol;

static MINIPORT_UNLOAD passthru_unload;

void *
passthru_alloc(SIZE_T bytes)
{
    void *block = NdisAllocateMemoryWithTagPriority(passthru_miniport_driver, (UINT)bytes, PASSTHRU_TAG, NormalPoolPriority);
    if (block)
        NdisZeroMemory(block, bytes);
    return block;
}

void
passthru_free(void *block)
{
    if (block)
        NdisFreeMemory(block, 0, 0);
}

void
passthru_unref(struct passthru *self)
{
    if (InterlockedDecrement(&self->refs))
        return;
    passthru_free(self->oids);
    passthru_free(self->instance.Buffer);
    passthru_free(self);
}

static VOID
passthru_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    NdisDeregisterProtocolDriver(passthru_protocol);
    NdisMDeregisterMiniportDriver(passthru_miniport_driver);
    KeFlushQueuedDpcs();                      // one may have given its last tree back and not yet have returned
}

static NDIS_STATUS
entry_upper_edge(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3,
                   NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 80,
        .MajorDriverVersion = 1,
        .Flags = NDIS_INTERMEDIATE_DRIVER,
        .SetOptionsHandler = passthru_miniport_options,
        .InitializeHandlerEx = passthru_initialize,
        .HaltHandlerEx = passthru_halt,
        .UnloadHandler = passthru_unload,
        .PauseHandler = passthru_pause,
        .RestartHandler = passthru_restart,
        .OidRequestHandler = passthru_oid,
        .SendNetBufferListsHandler = passthru_send,
        .ReturnNetBufferListsHandler = passthru_return,
        .CancelSendHandler = passthru_cancel_send,
        .DevicePnPEventNotifyHandler = passthru_device_pnp,
        .ShutdownHandlerEx = passthru_shutdown,
        .CancelOidRequestHandler = passthru_cancel_oid,
        .DirectOidRequestHandler = passthru_direct_oid,
        .CancelDirectOidRequestHandler = passthru_cancel_direct_oid,
        .SynchronousOidRequestHandler = passthru_synchronous_oid};
    return NdisMRegisterMiniportDriver(driver, registry_path, NULL, &chars, &passthru_miniport_driver);
}

static NDIS_STATUS
entry_lower_edge(void)
{
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 80,
        .MajorDriverVersion = 1,
        .Name = NDIS_STRING_CONST("PASSTHRU"),
        .SetOptionsHandler = passthru_protocol_options,
        .BindAdapterHandlerEx = passthru_bind,
        .UnbindAdapterHandlerEx = passthru_unbind,
        .OpenAdapterCompleteHandlerEx = passthru_open_complete,
        .CloseAdapterCompleteHandlerEx = passthru_close_complete,
        .NetPnPEventHandler = passthru_net_pnp,
        .OidRequestCompleteHandler = passthru_oid_complete,
        .StatusHandlerEx = passthru_status,
        .ReceiveNetBufferListsHandler = passthru_receive,
        .SendNetBufferListsCompleteHandler = passthru_send_complete,
        .DirectOidRequestCompleteHandler = passthru_direct_oid_complete};
    return NdisRegisterProtocolDriver(NULL, &chars, &passthru_protocol);
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    NDIS_STATUS status = entry_upper_edge(driver, registry_path);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    status = entry_lower_edge();
    if (status != NDIS_STATUS_SUCCESS) {
        NdisMDeregisterMiniportDriver(passthru_miniport_driver);
        return status;
    }
    NdisIMAssociateMiniport(passthru_miniport_driver, passthru_protocol);
    return NDIS_STATUS_SUCCESS;
}
