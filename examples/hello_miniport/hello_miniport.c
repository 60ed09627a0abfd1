// SPDX-License-Identifier: MIT
// hello_miniport: the smallest miniport driver that NDIS accepts, an Ethernet adapter with nothing behind it. What is sent is counted
// and complete; nothing is ever received. Read it first; drivers/vnic is the same skeleton with a NIC inside.
//   DriverEntry -> NdisMRegisterMiniportDriver      once, for all adapters
//   hello_initialize ... hello_halt                 the life of one adapter: Paused -> Running (restart) -> Paused (pause) -> gone
//   hello_send                                      lists of frames come down here, at IRQL <= DISPATCH_LEVEL
#define NDIS_MINIPORT_DRIVER 1
#define NDIS630_MINIPORT 1
#include <ndis.h>

#define HELLO_TAG 'lleH'

struct hello {                                // one adapter: what NDIS hands back to every callback as MiniportAdapterContext
    NDIS_HANDLE handle;
    volatile LONG64 frames;                   // sent; senders may come on several processors at once
};

static NDIS_HANDLE hello_driver;              // globals belong to the driver; each box loads its own copy
static NDIS_OID hello_oids[] = {OID_GEN_CURRENT_PACKET_FILTER, OID_GEN_CURRENT_LOOKAHEAD, OID_802_3_MULTICAST_LIST, OID_GEN_XMIT_OK};

// Each callback is declared by its role type, which also gives it the calling convention.
static MINIPORT_INITIALIZE hello_initialize;
static MINIPORT_HALT hello_halt;
static MINIPORT_PAUSE hello_pause;
static MINIPORT_RESTART hello_restart;
static MINIPORT_DEVICE_PNP_EVENT_NOTIFY hello_event;
static MINIPORT_SHUTDOWN hello_shutdown;
static MINIPORT_OID_REQUEST hello_oid;
static MINIPORT_CANCEL_OID_REQUEST hello_cancel_oid;
static MINIPORT_SEND_NET_BUFFER_LISTS hello_send;
static MINIPORT_CANCEL_SEND hello_cancel_send;
static MINIPORT_RETURN_NET_BUFFER_LISTS hello_return;
static MINIPORT_UNLOAD hello_unload;
DRIVER_INITIALIZE DriverEntry;

// Tell NDIS about the adapter: registration attributes first, then general ones. A failure undoes what was done so far.
static NDIS_STATUS
hello_initialize(NDIS_HANDLE handle, NDIS_HANDLE driver_context, PNDIS_MINIPORT_INIT_PARAMETERS parameters)
{
    static const UCHAR address[6] = {0x02, 0x68, 0x65, 0x6c, 0x6c, 0x6f};   // locally administered
    struct hello *hello = NdisAllocateMemoryWithTagPriority(handle, sizeof *hello, HELLO_TAG, NormalPoolPriority);
    if (!hello)
        return NDIS_STATUS_RESOURCES;
    NdisZeroMemory(hello, sizeof *hello);
    hello->handle = handle;
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES registration = {
        .RegistrationAttributes = {.Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
                                              NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1,
                                              NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1},
                                   .MiniportAdapterContext = hello,
                                   .AttributeFlags = NDIS_MINIPORT_ATTRIBUTES_NDIS_WDM,
                                   .InterfaceType = NdisInterfaceInternal}};
    NDIS_MINIPORT_ADAPTER_ATTRIBUTES general = {
        .GeneralAttributes = {
            .Header = {NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2,
                       NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2},
            .MediaType = NdisMedium802_3,
            .MtuSize = 1500,
            .MaxXmitLinkSpeed = 1000000000, .XmitLinkSpeed = 1000000000,
            .MaxRcvLinkSpeed = 1000000000, .RcvLinkSpeed = 1000000000,
            .MediaConnectState = MediaConnectStateConnected, .MediaDuplexState = MediaDuplexStateFull,
            .LookaheadSize = 1500,
            .MacOptions = NDIS_MAC_OPTION_NO_LOOPBACK,   // NDIS shows sends to the other bindings itself
            .SupportedPacketFilters = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_BROADCAST,
            .MaxMulticastListSize = 32,
            .MacAddressLength = sizeof address,
            .AccessType = NET_IF_ACCESS_BROADCAST, .DirectionType = NET_IF_DIRECTION_SENDRECEIVE,
            .ConnectionType = NET_IF_CONNECTION_DEDICATED, .IfType = IF_TYPE_ETHERNET_CSMACD,
            .SupportedOidList = hello_oids, .SupportedOidListLength = sizeof hello_oids}};
    memcpy(general.GeneralAttributes.PermanentMacAddress, address, sizeof address);
    memcpy(general.GeneralAttributes.CurrentMacAddress, address, sizeof address);
    NDIS_STATUS status = NdisMSetMiniportAttributes(handle, &registration);
    status = status == NDIS_STATUS_SUCCESS ? NdisMSetMiniportAttributes(handle, &general) : status;
    if (status != NDIS_STATUS_SUCCESS)
        NdisFreeMemoryWithTagPriority(handle, hello, HELLO_TAG);
    return status;                            // the adapter is Paused now; NDIS restarts it
}

static VOID
hello_halt(NDIS_HANDLE context, NDIS_HALT_ACTION action)
{
    struct hello *hello = context;
    NdisFreeMemoryWithTagPriority(hello->handle, hello, HELLO_TAG);
}

// Every send is complete when hello_send returns and nothing is ever indicated, so there is nothing to wait for.
static NDIS_STATUS hello_pause(NDIS_HANDLE context, PNDIS_MINIPORT_PAUSE_PARAMETERS parameters) { return NDIS_STATUS_SUCCESS; }
static NDIS_STATUS hello_restart(NDIS_HANDLE context, PNDIS_MINIPORT_RESTART_PARAMETERS parameters) { return NDIS_STATUS_SUCCESS; }

// The lists are ours from here to NdisMSendNetBufferListsComplete: each NET_BUFFER is one frame.
static VOID
hello_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    struct hello *hello = context;
    LONG64 frames = 0;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        for (NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl); nb; nb = NET_BUFFER_NEXT_NB(nb))
            frames++;
        NET_BUFFER_LIST_STATUS(nbl) = NDIS_STATUS_SUCCESS;
    }
    InterlockedAdd64(&hello->frames, frames);
    NdisMSendNetBufferListsComplete(hello->handle, nbls,
                                    NDIS_TEST_SEND_AT_DISPATCH_LEVEL(flags) ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
}

static VOID hello_cancel_send(NDIS_HANDLE context, PVOID cancel_id) {}                            // nothing ever waits here
static VOID hello_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags) {}              // nothing was ever indicated
static VOID hello_cancel_oid(NDIS_HANDLE context, PVOID request_id) {}                            // every request is answered at once
static VOID hello_event(NDIS_HANDLE context, PNET_DEVICE_PNP_EVENT event) {}                      // no hardware that could be pulled out
static VOID hello_shutdown(NDIS_HANDLE context, NDIS_SHUTDOWN_ACTION action) {}                   // or that would have to be stilled

// NDIS answers most queries from the attributes; what it hands down are settings of the "hardware" and its counters.
static NDIS_STATUS
hello_oid(NDIS_HANDLE context, PNDIS_OID_REQUEST request)
{
    struct hello *hello = context;
    if (request->RequestType == NdisRequestSetInformation) {
        NDIS_OID oid = request->DATA.SET_INFORMATION.Oid;
        BOOLEAN known = oid == OID_GEN_CURRENT_PACKET_FILTER || oid == OID_GEN_CURRENT_LOOKAHEAD || oid == OID_802_3_MULTICAST_LIST;
        return known ? NDIS_STATUS_SUCCESS : NDIS_STATUS_NOT_SUPPORTED;
    }
    if (request->RequestType == NdisRequestMethod || request->DATA.QUERY_INFORMATION.Oid != OID_GEN_XMIT_OK)
        return NDIS_STATUS_NOT_SUPPORTED;
    request->DATA.QUERY_INFORMATION.BytesNeeded = sizeof hello->frames;
    if (request->DATA.QUERY_INFORMATION.InformationBufferLength < sizeof hello->frames)
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    memcpy(request->DATA.QUERY_INFORMATION.InformationBuffer, (const void *)&hello->frames, sizeof hello->frames);
    request->DATA.QUERY_INFORMATION.BytesWritten = sizeof hello->frames;
    return NDIS_STATUS_SUCCESS;
}

static VOID hello_unload(PDRIVER_OBJECT driver) { NdisMDeregisterMiniportDriver(hello_driver); }

NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .InitializeHandlerEx = hello_initialize,
        .HaltHandlerEx = hello_halt,
        .UnloadHandler = hello_unload,
        .PauseHandler = hello_pause, .RestartHandler = hello_restart,
        .OidRequestHandler = hello_oid, .CancelOidRequestHandler = hello_cancel_oid,
        .SendNetBufferListsHandler = hello_send, .CancelSendHandler = hello_cancel_send, .ReturnNetBufferListsHandler = hello_return,
        .DevicePnPEventNotifyHandler = hello_event, .ShutdownHandlerEx = hello_shutdown};
    return NdisMRegisterMiniportDriver(driver, registry_path, NULL, &chars, &hello_driver);
}
