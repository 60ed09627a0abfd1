// SPDX-License-Identifier: MIT
// hello_protocol: the smallest protocol driver that does something. It opens every adapter that it is bound to, asks for frames, counts
// what it is shown, and gives everything back at once. Read it from the bottom: DriverEntry registers, NDIS calls the rest.
//
//   load    DriverEntry                     unload  hello_unload (NDIS unbinds every adapter first)
//   bind (open) -> [paused] restart -> running -> pause -> [paused] unbind (close)       one binding for each adapter
//
// It sends nothing. A protocol that does waits, in the pause, until its sends are back.
#define NDIS630 1
#include <ndis.h>

#define HELLO_TAG 'lleH'

struct hello_binding {
    NDIS_HANDLE adapter;                      // what NdisOpenAdapterEx gave us
    volatile LONG64 frames;
    NDIS_STATUS status;
    KEVENT event;                             // the open, the request or the close that we wait for is over: status says how
};

static NDIS_HANDLE hello_driver;

// An open, a request and a close may answer at once or later; later one of the next three functions brings the answer.
static NDIS_STATUS
hello_wait(struct hello_binding *binding, NDIS_STATUS status)
{
    if (status != NDIS_STATUS_PENDING)
        return status;
    KeWaitForSingleObject(&binding->event, Executive, KernelMode, FALSE, NULL);
    return binding->status;
}

static PROTOCOL_OPEN_ADAPTER_COMPLETE_EX hello_open_complete;
static VOID
hello_open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    struct hello_binding *binding = context;
    binding->status = status;
    KeSetEvent(&binding->event, IO_NO_INCREMENT, FALSE);
}

static PROTOCOL_OID_REQUEST_COMPLETE hello_oid_complete;
static VOID
hello_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    hello_open_complete(context, status);
}
static PROTOCOL_CLOSE_ADAPTER_COMPLETE_EX hello_close_complete;
static VOID
hello_close_complete(NDIS_HANDLE context)
{
    hello_open_complete(context, NDIS_STATUS_SUCCESS);
}

// Tell the adapter to show us frames to its own address and to all. The request lives on the stack, so its answer is waited for.
static NDIS_STATUS
hello_filter_set(struct hello_binding *binding)
{
    ULONG filter = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST;
    NDIS_OID_REQUEST request = {
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestSetInformation,
        .DATA.SET_INFORMATION = {
            .Oid = OID_GEN_CURRENT_PACKET_FILTER, .InformationBuffer = &filter, .InformationBufferLength = sizeof filter}};
    return hello_wait(binding, NdisOidRequest(binding->adapter, &request));
}

static PROTOCOL_UNBIND_ADAPTER_EX hello_unbind;
static NDIS_STATUS
hello_unbind(NDIS_HANDLE unbind_context, NDIS_HANDLE context)
{
    struct hello_binding *binding = context;
    hello_wait(binding, NdisCloseAdapterEx(binding->adapter));
    DbgPrint("hello_protocol: was shown %I64d frames\n", binding->frames);
    NdisFreeMemory(binding, 0, 0);
    return NDIS_STATUS_SUCCESS;
}

static PROTOCOL_BIND_ADAPTER_EX hello_bind;
static NDIS_STATUS
hello_bind(NDIS_HANDLE driver_context, NDIS_HANDLE bind_context, PNDIS_BIND_PARAMETERS parameters)
{
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName, .MediumArray = &medium, .MediumArraySize = 1, .SelectedMediumIndex = &selected};
    struct hello_binding *binding = NdisAllocateMemoryWithTagPriority(hello_driver, sizeof *binding, HELLO_TAG, NormalPoolPriority);
    if (!binding)
        return NDIS_STATUS_RESOURCES;
    NdisZeroMemory(binding, sizeof *binding);
    KeInitializeEvent(&binding->event, SynchronizationEvent, FALSE);
    NDIS_STATUS status = hello_wait(binding, NdisOpenAdapterEx(hello_driver, binding, &open, bind_context, &binding->adapter));
    if (status != NDIS_STATUS_SUCCESS) {
        NdisFreeMemory(binding, 0, 0);
        return status;
    }
    status = hello_filter_set(binding);
    if (status != NDIS_STATUS_SUCCESS)
        hello_unbind(NULL, binding);          // what was opened is closed before the bind fails
    return status;
}

// Pause and restart come by hello_pnp. We hold nothing, so there is nothing to wait for; and we send nothing.
static PROTOCOL_NET_PNP_EVENT hello_pnp;
static NDIS_STATUS
hello_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION event)
{
    return NDIS_STATUS_SUCCESS;
}
static NTAPI VOID hello_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication) {}
static NTAPI VOID hello_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags) {}

// Frames. With NDIS_RECEIVE_FLAGS_RESOURCES they are lent for this call only and must not be returned.
static PROTOCOL_RECEIVE_NET_BUFFER_LISTS hello_receive;
static VOID
hello_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct hello_binding *binding = context;
    InterlockedAdd64(&binding->frames, count);
    if (!NDIS_TEST_RECEIVE_CANNOT_PEND(flags))
        NdisReturnNetBufferLists(binding->adapter, nbls,
                                 NDIS_TEST_RECEIVE_AT_DISPATCH_LEVEL(flags) ? NDIS_RETURN_FLAGS_DISPATCH_LEVEL : 0);
}

static DRIVER_UNLOAD hello_unload;
static VOID
hello_unload(PDRIVER_OBJECT driver)
{
    NdisDeregisterProtocolDriver(hello_driver);
}

DRIVER_INITIALIZE DriverEntry;
NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6, .MinorNdisVersion = 30, .Name = NDIS_STRING_CONST("HELLO"),
        .BindAdapterHandlerEx = hello_bind, .UnbindAdapterHandlerEx = hello_unbind,
        .OpenAdapterCompleteHandlerEx = hello_open_complete, .CloseAdapterCompleteHandlerEx = hello_close_complete,
        .NetPnPEventHandler = hello_pnp, .OidRequestCompleteHandler = hello_oid_complete, .StatusHandlerEx = hello_status,
        .ReceiveNetBufferListsHandler = hello_receive, .SendNetBufferListsCompleteHandler = hello_send_complete};
    driver->DriverUnload = hello_unload;
    return NdisRegisterProtocolDriver(NULL, &chars, &hello_driver);
}
