// SPDX-License-Identifier: MIT
// hello_im: the smallest intermediate driver that does something. It is a protocol below, bound to an adapter, and a miniport above, the
// virtual miniport that others are bound to; lists pass through it both ways (hello_lists.h) and are counted. The rest: drivers/passthru.
//   load   DriverEntry: both edges registered, and joined                    unload  hello_unload
//   bind   hello_bind opens the adapter and asks for the virtual miniport -> NDIS calls hello_initialize -> ... hello_halt <- unbind
#define NDIS_MINIPORT_DRIVER 1
#define NDIS630_MINIPORT 1
#define NDIS630 1
#include <ndis.h>

#define HELLO_TAG 'lleH'
#define HEADER(name) .Header = {NDIS_OBJECT_TYPE_##name, NDIS_##name##_REVISION_1, NDIS_SIZEOF_##name##_REVISION_1}
#include "hello_lists.h"

static NDIS_HANDLE hello_driver, hello_protocol;
static NDIS_OID hello_oids[] = {OID_GEN_CURRENT_PACKET_FILTER, OID_GEN_CURRENT_LOOKAHEAD, OID_802_3_MULTICAST_LIST, OID_GEN_STATISTICS};

// Callbacks that have nothing to do here; NDIS wants them all the same.
static NTAPI VOID hello_cancel(NDIS_HANDLE context, PVOID id) {}
static NTAPI VOID hello_event(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event) {}
static NTAPI VOID hello_shutdown(NDIS_HANDLE context, NDIS_SHUTDOWN_ACTION action) {}

// Requests: NDIS hands us one at a time, so the one below can wait on our stack for its answer.
static NDIS_STATUS hello_wait(struct hello *self, NDIS_STATUS status) {
    if (status != NDIS_STATUS_PENDING)
        return status;
    KeWaitForSingleObject(&self->done, Executive, KernelMode, FALSE, NULL);
    return self->status;
}
static NTAPI NDIS_STATUS hello_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request) {
    struct hello *self = context;
    NDIS_OID_REQUEST below = {HEADER(OID_REQUEST), .RequestType = request->RequestType, .DATA = request->DATA};
    KeClearEvent(&self->done);
    NDIS_STATUS status = hello_wait(self, NdisOidRequest(self->binding, &below));
    request->DATA = below.DATA;               // with the counts that the answer brought
    return status;
}
static NTAPI VOID hello_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status) {
    struct hello *self = context;
    self->status = status;
    KeSetEvent(&self->done, IO_NO_INCREMENT, FALSE);
}
static NTAPI VOID hello_open_complete(NDIS_HANDLE context, NDIS_STATUS status) { hello_oid_complete(context, NULL, status); }
static NTAPI VOID hello_close_complete(NDIS_HANDLE context) { hello_oid_complete(context, NULL, NDIS_STATUS_SUCCESS); }

// ---- the upper edge's life: it looks like the adapter below ---------------------------------------------------------------------------
static NTAPI NDIS_STATUS hello_initialize(NDIS_HANDLE miniport, NDIS_HANDLE driver_context, PNDIS_MINIPORT_INIT_PARAMETERS parameters) {
    struct hello *self = parameters->IMDeviceInstanceContext;
    NDIS_BIND_PARAMETERS *b = &self->below;
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES registration = {
        .RegistrationAttributes = {HEADER(MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES), .MiniportAdapterContext = self,
                                   .AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND,
                                   .InterfaceType = NdisInterfaceInternal}};
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES general = {
        .GeneralAttributes = {HEADER(MINIPORT_ADAPTER_GENERAL_ATTRIBUTES), .MediaType = b->MediaType, .MtuSize = b->MtuSize,
                              .PhysicalMediumType = b->PhysicalMediumType, .LookaheadSize = b->LookaheadSize, .IfType = b->IfType,
                              .XmitLinkSpeed = b->XmitLinkSpeed, .RcvLinkSpeed = b->RcvLinkSpeed, .MacOptions = b->MacOptions,
                              .MediaConnectState = b->MediaConnectState, .MediaDuplexState = b->MediaDuplexState,
                              .SupportedPacketFilters = b->SupportedPacketFilters, .MacAddressLength = b->MacAddressLength,
                              .MaxMulticastListSize = b->MaxMulticastListSize, .SupportedOidList = hello_oids,
                              .SupportedOidListLength = sizeof hello_oids}};
    NdisMoveMemory(general.GeneralAttributes.CurrentMacAddress, b->CurrentMacAddress, b->MacAddressLength);
    self->miniport = miniport;
    NDIS_STATUS status = NdisMSetMiniportAttributes(miniport, &registration);
    return status == NDIS_STATUS_SUCCESS ? NdisMSetMiniportAttributes(miniport, &general) : status;
}
static NTAPI VOID hello_halt(NDIS_HANDLE context, NDIS_HALT_ACTION action) { ((struct hello *)context)->miniport = NULL; }
// ---- the lower edge's life ------------------------------------------------------------------------------------------------------------
static NTAPI NDIS_STATUS hello_unbind(NDIS_HANDLE unbind_context, NDIS_HANDLE context) {
    struct hello *self = context;
    // What stands above goes first, if it has come up at all.
    if (NdisIMCancelInitializeDeviceInstance(hello_driver, &self->device) != NDIS_STATUS_SUCCESS && self->miniport)
        NdisIMDeInitializeDeviceInstance(self->miniport);
    KeClearEvent(&self->done);
    hello_wait(self, NdisCloseAdapterEx(self->binding));
    DbgPrint("hello_im: %I64d lists passed through\n", self->lists);
    NdisFreeMemory(self, 0, 0);
    return NDIS_STATUS_SUCCESS;
}
// The name of the virtual miniport is in the binding's configuration: UpperBindings. This driver takes the first of the list.
static NDIS_STATUS hello_ask(struct hello *self) {
    NDIS_CONFIGURATION_OBJECT object = {HEADER(CONFIGURATION_OBJECT), .NdisHandle = self->binding};
    NDIS_STRING keyword = NDIS_STRING_CONST("UpperBindings"), name;
    PNDIS_CONFIGURATION_PARAMETER value;
    NDIS_HANDLE configuration;
    NDIS_STATUS status = NdisOpenConfigurationEx(&object, &configuration);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    NdisReadConfiguration(&status, &value, configuration, &keyword, NdisParameterMultiString);
    if (status == NDIS_STATUS_SUCCESS) {
        NdisInitUnicodeString(&name, value->ParameterData.StringData.Buffer);
        RtlCopyUnicodeString(&self->device, &name);
        status = NdisIMInitializeDeviceInstanceEx(hello_driver, &self->device, self);
    }
    NdisCloseConfiguration(configuration);
    return status;
}
static NTAPI NDIS_STATUS hello_bind(NDIS_HANDLE driver_context, NDIS_HANDLE bind_context, PNDIS_BIND_PARAMETERS parameters) {
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {HEADER(OPEN_PARAMETERS), .AdapterName = parameters->AdapterName, .MediumArray = &medium,
                                 .MediumArraySize = 1, .SelectedMediumIndex = &selected};
    struct hello *self = NdisAllocateMemoryWithTagPriority(hello_protocol, sizeof *self, HELLO_TAG, NormalPoolPriority);
    if (!self)
        return NDIS_STATUS_RESOURCES;
    NdisZeroMemory(self, sizeof *self);
    self->below = *parameters;
    self->device = (NDIS_STRING){0, sizeof self->device_name, self->device_name};
    KeInitializeEvent(&self->done, NotificationEvent, FALSE);
    ExInitializeRundownProtection(&self->out);
    ExWaitForRundownProtectionRelease(&self->out);   // both edges begin paused
    NDIS_STATUS status = hello_wait(self, NdisOpenAdapterEx(hello_protocol, self, &open, bind_context, &self->binding));
    if (status != NDIS_STATUS_SUCCESS) {
        NdisFreeMemory(self, 0, 0);
        return status;
    }
    status = hello_ask(self);
    if (status != NDIS_STATUS_SUCCESS)
        hello_unbind(NULL, self);             // what was opened is closed before the bind fails
    return status;
}
// ---- the driver -------------------------------------------------------------------------------------------------------------------------
static NTAPI VOID hello_unload(PDRIVER_OBJECT driver) {
    NdisDeregisterProtocolDriver(hello_protocol);
    NdisMDeregisterMiniportDriver(hello_driver);
}
DRIVER_INITIALIZE DriverEntry;
NTSTATUS DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path) {
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS upper = {
        HEADER(MINIPORT_DRIVER_CHARACTERISTICS), .MajorNdisVersion = 6, .MinorNdisVersion = 30, .Flags = NDIS_INTERMEDIATE_DRIVER,
        .InitializeHandlerEx = hello_initialize, .HaltHandlerEx = hello_halt, .PauseHandler = hello_pause, .RestartHandler = hello_restart,
        .SendNetBufferListsHandler = hello_send, .ReturnNetBufferListsHandler = hello_return, .CancelSendHandler = hello_cancel,
        .OidRequestHandler = hello_oid, .CancelOidRequestHandler = hello_cancel, .UnloadHandler = hello_unload,
        .DevicePnPEventNotifyHandler = hello_event, .ShutdownHandlerEx = hello_shutdown};
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS lower = {
        HEADER(PROTOCOL_DRIVER_CHARACTERISTICS), .MajorNdisVersion = 6, .MinorNdisVersion = 30, .Name = NDIS_STRING_CONST("HELLO_IM"),
        .BindAdapterHandlerEx = hello_bind, .UnbindAdapterHandlerEx = hello_unbind, .OpenAdapterCompleteHandlerEx = hello_open_complete,
        .CloseAdapterCompleteHandlerEx = hello_close_complete, .NetPnPEventHandler = hello_pnp,
        .OidRequestCompleteHandler = hello_oid_complete, .ReceiveNetBufferListsHandler = hello_receive,
        .SendNetBufferListsCompleteHandler = hello_send_complete};
    NDIS_STATUS status = NdisMRegisterMiniportDriver(driver, registry_path, NULL, &upper, &hello_driver);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    status = NdisRegisterProtocolDriver(NULL, &lower, &hello_protocol);
    if (status == NDIS_STATUS_SUCCESS)
        NdisIMAssociateMiniport(hello_driver, hello_protocol);
    else
        NdisMDeregisterMiniportDriver(hello_driver);
    return status;
}
