// SPDX-License-Identifier: MIT
// echoproto: a protocol that sends back every frame it receives, its addresses swapped, without copying it.
//   echo_receive -> an NBL of ours around the received MDL chain, the received one in its ProtocolReserved -> NdisSendNetBufferLists
//   echo_send_complete -> our NBLs to the free list, the received ones back in one NdisReturnNetBufferLists
// A list comes in, a list goes out: one lock a list, and nothing is allocated for a frame, because our NBLs are used again. A frame
// that comes with NDIS_RECEIVE_FLAGS_RESOURCES is not ours after the call, so it is copied into an NBL that owns its memory.
//
// A frame that receive coalescing made longer than the adapter may send (*RscIPv4, *RscIPv6) is refused below and counts as an error
// there: switch coalescing off where such traffic is to be echoed.
//
// Settings of the binding: PacketFilter (NDIS_PACKET_TYPE_*, default promiscuous), SwapMac (default 1).
#define NDIS630 1
#include <ndis.h>

#define ECHO_TAG 'ohcE'
#define ECHO_COPY_BYTES 65536 + 64            // what one copied frame may have
#define ECHO_BATCH 64                         // NBLs allocated at once when the free list is empty

struct echo {                                 // one binding
    NDIS_HANDLE binding;
    NDIS_HANDLE share_pool, copy_pool;        // NBLs around received data, NBLs with their own
    KSPIN_LOCK lock;                          // guards what follows up to the events
    NET_BUFFER_LIST *free;                    // of share_pool, linked by Next
    ULONG out;                                // sends not yet complete
    BOOLEAN running, pausing;
    ULONG64 echoed, copied, dropped;
    BOOLEAN drain_wanted;                     // a pause waits for out to be 0
    BOOLEAN swap_mac;
    ULONG packet_filter;
    KEVENT opened, closed, oid_done, drained;
    NDIS_STATUS status;
};

static NDIS_HANDLE echo_driver;

#define echo_received(nbl) (NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0])

// ---- frames ---------------------------------------------------------------------------------------------------------------------

static void
echo_swap(NET_BUFFER *nb)
{
    MDL *mdl = NET_BUFFER_CURRENT_MDL(nb);
    ULONG offset = NET_BUFFER_CURRENT_MDL_OFFSET(nb);
    if (NET_BUFFER_DATA_LENGTH(nb) < 12 || MmGetMdlByteCount(mdl) - offset < 12)
        return;                               // no frame, or its addresses lie in pieces: it goes back as it is
    UCHAR *data = (UCHAR *)MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) + offset, address[6];
    memcpy(address, data, 6);
    memcpy(data, data + 6, 6);
    memcpy(data + 6, address, 6);
}

// The NIC vouches for a TCP checksum whose field is not the real one. Going out again, the field has to hold the pseudo-header's sum,
// and the NIC is asked for the rest [network/offloading-checksum-tasks].
static __attribute__((noinline)) void
echo_checksum(NET_BUFFER_LIST *to)
{
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(to);
    UCHAR *frame = NdisGetDataBuffer(nb, 54, NULL, 1, 0);   // NULL: the headers lie in pieces, which vnic's never do
    if (!frame)
        return;
    BOOLEAN is_ip4 = frame[12] == 0x08 && frame[13] == 0x00;
    if (!is_ip4 && (frame[12] != 0x86 || frame[13] != 0xdd || frame[20] != 6))
        return;                               // IPv6 with extension headers, or something the NIC should not have vouched for
    ULONG tcp = is_ip4 ? 14 + (frame[14] & 15u) * 4 : 54, at = is_ip4 ? 26 : 22, bytes = NET_BUFFER_DATA_LENGTH(nb);
    if (bytes < tcp + 20 || !(frame = NdisGetDataBuffer(nb, tcp + 20, NULL, 1, 0)))
        return;
    ULONG sum = 6 + (bytes - tcp);
    for (ULONG end = at + (is_ip4 ? 8 : 32); at < end; at += 2)
        sum += (ULONG)frame[at] << 8 | frame[at + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    frame[tcp + 16] = (UCHAR)(sum >> 8);
    frame[tcp + 17] = (UCHAR)sum;
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info = {.Value = NULL};
    info.Transmit.IsIPv4 = is_ip4;
    info.Transmit.IsIPv6 = !is_ip4;
    info.Transmit.TcpChecksum = 1;
    info.Transmit.TcpHeaderOffset = tcp;
    NET_BUFFER_LIST_INFO(to, TcpIpChecksumNetBufferListInfo) = info.Value;
}

// What was said about a received frame, said again about the same frame going out.
static void
echo_info(NET_BUFFER_LIST *to, NET_BUFFER_LIST *from)
{
    NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info = {.Value = NET_BUFFER_LIST_INFO(from, TcpIpChecksumNetBufferListInfo)};
    NET_BUFFER_LIST_INFO(to, Ieee8021QNetBufferListInfo) = NET_BUFFER_LIST_INFO(from, Ieee8021QNetBufferListInfo);
    NET_BUFFER_LIST_INFO(to, TcpIpChecksumNetBufferListInfo) = NULL;
    if (info.Receive.TcpChecksumValueInvalid)
        echo_checksum(to);
}

// An NBL of ours that shows the data of a received one.
static void
echo_share(struct echo *echo, NET_BUFFER_LIST *mine, NET_BUFFER_LIST *received)
{
    NET_BUFFER *from = NET_BUFFER_LIST_FIRST_NB(received), *to = NET_BUFFER_LIST_FIRST_NB(mine);
    NET_BUFFER_FIRST_MDL(to) = NET_BUFFER_FIRST_MDL(from);
    NET_BUFFER_DATA_OFFSET(to) = NET_BUFFER_DATA_OFFSET(from);
    NET_BUFFER_CURRENT_MDL(to) = NET_BUFFER_CURRENT_MDL(from);
    NET_BUFFER_CURRENT_MDL_OFFSET(to) = NET_BUFFER_CURRENT_MDL_OFFSET(from);
    NET_BUFFER_DATA_LENGTH(to) = NET_BUFFER_DATA_LENGTH(from);
    echo_received(mine) = received;
    mine->SourceHandle = echo->binding;
    echo_info(mine, received);
    if (echo->swap_mac)
        echo_swap(to);
}

// Not on the way of a frame that finds the free list filled: the list grows to as many as were ever out, and then no more.
static __attribute__((noinline)) BOOLEAN
echo_grow_locked(struct echo *echo)
{
    for (ULONG i = 0; i < ECHO_BATCH; i++) {
        NET_BUFFER_LIST *nbl = NdisAllocateNetBufferAndNetBufferList(echo->share_pool, 0, 0, NULL, 0, 0);
        if (!nbl)
            break;
        NET_BUFFER_LIST_NEXT_NBL(nbl) = echo->free;
        echo->free = nbl;
    }
    return echo->free != NULL;
}

// Turn received NBLs into sends. *refused gets those that cannot be: the end of the list.
static NET_BUFFER_LIST *
echo_turn(struct echo *echo, NET_BUFFER_LIST *received, NET_BUFFER_LIST **refused)
{
    NET_BUFFER_LIST *sends = NULL, **send_end = &sends;
    ULONG count = 0;
    KeAcquireSpinLockAtDpcLevel(&echo->lock);
    while (received && echo->running && (echo->free || echo_grow_locked(echo))) {
        NET_BUFFER_LIST *mine = echo->free;   // as far as the list goes, it is linked already
        *send_end = mine;
        for (NET_BUFFER_LIST *next; received && mine; received = next, count++) {
            next = NET_BUFFER_LIST_NEXT_NBL(received);
            echo_share(echo, mine, received);
            send_end = &NET_BUFFER_LIST_NEXT_NBL(mine);
            mine = *send_end;
        }
        echo->free = mine;
    }
    *send_end = NULL;
    echo->out += count;
    echo->echoed += count;
    *refused = received;
    for (; received; received = NET_BUFFER_LIST_NEXT_NBL(received))
        echo->dropped++;
    KeReleaseSpinLockFromDpcLevel(&echo->lock);
    return sends;
}

// A frame that may not be kept.
static NET_BUFFER_LIST *
echo_copy(struct echo *echo, NET_BUFFER_LIST *received)
{
    NET_BUFFER *from = NET_BUFFER_LIST_FIRST_NB(received);
    ULONG bytes = NET_BUFFER_DATA_LENGTH(from);
    NET_BUFFER_LIST *mine = bytes <= ECHO_COPY_BYTES ? NdisAllocateNetBufferList(echo->copy_pool, 0, 0) : NULL;
    if (!mine)
        return NULL;
    NET_BUFFER *to = NET_BUFFER_LIST_FIRST_NB(mine);
    UCHAR *data = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(to), NormalPagePriority);
    const UCHAR *whole = data ? NdisGetDataBuffer(from, bytes, data, 1, 0) : NULL;
    if (!whole) {
        NdisFreeNetBufferList(mine);
        return NULL;
    }
    if (whole != data)                        // it lay in one piece, so NDIS only pointed at it
        memcpy(data, whole, bytes);
    NET_BUFFER_DATA_LENGTH(to) = bytes;
    echo_received(mine) = NULL;
    mine->SourceHandle = echo->binding;
    echo_info(mine, received);
    if (echo->swap_mac)
        echo_swap(to);
    return mine;
}

static NET_BUFFER_LIST *
echo_copy_list(struct echo *echo, NET_BUFFER_LIST *received)
{
    NET_BUFFER_LIST *sends = NULL, **end = &sends;
    ULONG copied = 0, dropped = 0;
    for (; received; received = NET_BUFFER_LIST_NEXT_NBL(received)) {
        NET_BUFFER_LIST *mine = echo_copy(echo, received);
        if (!mine) {
            dropped++;
            continue;
        }
        *end = mine;
        end = &NET_BUFFER_LIST_NEXT_NBL(mine);
        copied++;
    }
    KeAcquireSpinLockAtDpcLevel(&echo->lock);
    echo->copied += copied;
    echo->dropped += dropped;
    BOOLEAN running = echo->running;
    if (running)
        echo->out += copied;
    KeReleaseSpinLockFromDpcLevel(&echo->lock);
    if (running)
        return sends;
    while (sends) {
        NET_BUFFER_LIST *next = NET_BUFFER_LIST_NEXT_NBL(sends);
        NdisFreeNetBufferList(sends);
        sends = next;
    }
    return NULL;
}

static PROTOCOL_RECEIVE_NET_BUFFER_LISTS echo_receive;

static VOID
echo_receive(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct echo *echo = context;
    NET_BUFFER_LIST *refused = NULL, *sends;
    KIRQL old = DISPATCH_LEVEL;
    UNREFERENCED_PARAMETER(port);
    UNREFERENCED_PARAMETER(count);
    if (!NDIS_TEST_RECEIVE_AT_DISPATCH_LEVEL(flags))
        KeRaiseIrql(DISPATCH_LEVEL, &old);
    if (NDIS_TEST_RECEIVE_CANNOT_PEND(flags))
        sends = echo_copy_list(echo, nbls);
    else
        sends = echo_turn(echo, nbls, &refused);
    if (sends)
        NdisSendNetBufferLists(echo->binding, sends, NDIS_DEFAULT_PORT_NUMBER, NDIS_SEND_FLAGS_DISPATCH_LEVEL);
    if (refused)
        NdisReturnNetBufferLists(echo->binding, refused, NDIS_RETURN_FLAGS_DISPATCH_LEVEL);
    if (!NDIS_TEST_RECEIVE_AT_DISPATCH_LEVEL(flags))
        KeLowerIrql(old);
}

// Sends are over: a pause that waits for them goes on. (It waits, because NdisCompleteNetPnPEvent is for PASSIVE_LEVEL.) irql: DISPATCH
static void
echo_sent(struct echo *echo, NET_BUFFER_LIST *mine, NET_BUFFER_LIST **mine_end, ULONG count)
{
    KeAcquireSpinLockAtDpcLevel(&echo->lock);
    if (mine) {
        *mine_end = echo->free;
        echo->free = mine;
    }
    echo->out -= count;
    if (!echo->out && echo->drain_wanted) {
        echo->drain_wanted = FALSE;
        KeSetEvent(&echo->drained, IO_NETWORK_INCREMENT, FALSE);
    }
    KeReleaseSpinLockFromDpcLevel(&echo->lock);
}

static PROTOCOL_SEND_NET_BUFFER_LISTS_COMPLETE echo_send_complete;

static VOID
echo_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct echo *echo = context;
    NET_BUFFER_LIST *mine = NULL, **mine_end = &mine, *returns = NULL, **return_end = &returns;
    ULONG count = 0;
    KIRQL old = DISPATCH_LEVEL;
    for (NET_BUFFER_LIST *next; nbls; nbls = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(nbls);
        count++;
        NET_BUFFER_LIST *received = echo_received(nbls);
        if (!received) {
            NdisFreeNetBufferList(nbls);
            continue;
        }
        *mine_end = nbls;
        mine_end = &NET_BUFFER_LIST_NEXT_NBL(nbls);
        *return_end = received;
        return_end = &NET_BUFFER_LIST_NEXT_NBL(received);
    }
    *mine_end = *return_end = NULL;
    if (!NDIS_TEST_SEND_COMPLETE_AT_DISPATCH_LEVEL(flags))
        KeRaiseIrql(DISPATCH_LEVEL, &old);
    if (returns)                              // before the pause is answered: nothing received is left with us then
        NdisReturnNetBufferLists(echo->binding, returns, NDIS_RETURN_FLAGS_DISPATCH_LEVEL);
    echo_sent(echo, mine, mine_end, count);
    if (!NDIS_TEST_SEND_COMPLETE_AT_DISPATCH_LEVEL(flags))
        KeLowerIrql(old);
}

// ---- the binding's life ---------------------------------------------------------------------------------------------------------

static void
echo_destroy(struct echo *echo)
{
    while (echo->free) {
        NET_BUFFER_LIST *next = NET_BUFFER_LIST_NEXT_NBL(echo->free);
        NdisFreeNetBufferList(echo->free);
        echo->free = next;
    }
    if (echo->share_pool)
        NdisFreeNetBufferListPool(echo->share_pool);
    if (echo->copy_pool)
        NdisFreeNetBufferListPool(echo->copy_pool);
    NdisFreeMemoryWithTagPriority(echo_driver, echo, ECHO_TAG);
}

static NDIS_HANDLE
echo_pool(ULONG data_bytes)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .ProtocolId = NDIS_PROTOCOL_ID_DEFAULT,
        .fAllocateNetBuffer = TRUE,
        .PoolTag = ECHO_TAG,
        .DataSize = data_bytes};
    return NdisAllocateNetBufferListPool(echo_driver, &parameters);
}

static ULONG
echo_setting(NDIS_HANDLE configuration, const NDIS_STRING *keyword, ULONG otherwise)
{
    NDIS_CONFIGURATION_PARAMETER *value;
    NDIS_STATUS status;
    NDIS_STRING name = *keyword;
    NdisReadConfiguration(&status, &value, configuration, &name, NdisParameterInteger);
    BOOLEAN is_number = status == NDIS_STATUS_SUCCESS && value->ParameterType == NdisParameterInteger;
    return is_number ? value->ParameterData.IntegerData : otherwise;
}

static void
echo_settings(struct echo *echo)
{
    static const NDIS_STRING filter = NDIS_STRING_CONST("PacketFilter"), swap = NDIS_STRING_CONST("SwapMac");
    NDIS_CONFIGURATION_OBJECT object = {.Header = {NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, NDIS_CONFIGURATION_OBJECT_REVISION_1,
                                                   NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1},
                                        .NdisHandle = echo->binding};
    NDIS_HANDLE configuration;
    echo->packet_filter = NDIS_PACKET_TYPE_PROMISCUOUS;
    echo->swap_mac = TRUE;
    if (NdisOpenConfigurationEx(&object, &configuration) != NDIS_STATUS_SUCCESS)
        return;
    echo->packet_filter = echo_setting(configuration, &filter, echo->packet_filter);
    echo->swap_mac = echo_setting(configuration, &swap, 1) != 0;
    NdisCloseConfiguration(configuration);
}

static NDIS_STATUS
echo_set_filter(struct echo *echo, ULONG filter)
{
    NDIS_OID_REQUEST request = {
        .Header = {NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1},
        .RequestType = NdisRequestSetInformation,
        .DATA.SET_INFORMATION = {.Oid = OID_GEN_CURRENT_PACKET_FILTER,
                                 .InformationBuffer = &filter,
                                 .InformationBufferLength = sizeof filter}};
    KeClearEvent(&echo->oid_done);
    NDIS_STATUS status = NdisOidRequest(echo->binding, &request);
    if (status != NDIS_STATUS_PENDING)
        return status;
    KeWaitForSingleObject(&echo->oid_done, Executive, KernelMode, FALSE, NULL);
    return echo->status;
}

static PROTOCOL_OID_REQUEST_COMPLETE echo_oid_complete;

static VOID
echo_oid_complete(NDIS_HANDLE context, PNDIS_OID_REQUEST request, NDIS_STATUS status)
{
    struct echo *echo = context;
    UNREFERENCED_PARAMETER(request);
    echo->status = status;
    KeSetEvent(&echo->oid_done, IO_NETWORK_INCREMENT, FALSE);
}

static PROTOCOL_OPEN_ADAPTER_COMPLETE_EX echo_open_complete;

static VOID
echo_open_complete(NDIS_HANDLE context, NDIS_STATUS status)
{
    struct echo *echo = context;
    echo->status = status;
    KeSetEvent(&echo->opened, IO_NETWORK_INCREMENT, FALSE);
}

static PROTOCOL_CLOSE_ADAPTER_COMPLETE_EX echo_close_complete;

static VOID
echo_close_complete(NDIS_HANDLE context)
{
    KeSetEvent(&((struct echo *)context)->closed, IO_NETWORK_INCREMENT, FALSE);
}

static void
echo_close(struct echo *echo)
{
    if (NdisCloseAdapterEx(echo->binding) == NDIS_STATUS_PENDING)
        KeWaitForSingleObject(&echo->closed, Executive, KernelMode, FALSE, NULL);
}

static NDIS_STATUS
echo_open(struct echo *echo, NDIS_HANDLE bind, NDIS_BIND_PARAMETERS *parameters)
{
    NDIS_MEDIUM medium = NdisMedium802_3;
    UINT selected;
    NDIS_OPEN_PARAMETERS open = {
        .Header = {NDIS_OBJECT_TYPE_OPEN_PARAMETERS, NDIS_OPEN_PARAMETERS_REVISION_1, NDIS_SIZEOF_OPEN_PARAMETERS_REVISION_1},
        .AdapterName = parameters->AdapterName,
        .MediumArray = &medium,
        .MediumArraySize = 1,
        .SelectedMediumIndex = &selected};
    NDIS_STATUS status = NdisOpenAdapterEx(echo_driver, echo, &open, bind, &echo->binding);
    if (status != NDIS_STATUS_PENDING)
        return status;
    KeWaitForSingleObject(&echo->opened, Executive, KernelMode, FALSE, NULL);
    return echo->status;
}

static PROTOCOL_BIND_ADAPTER_EX echo_bind;

static NDIS_STATUS
echo_bind(NDIS_HANDLE driver_context, NDIS_HANDLE bind, PNDIS_BIND_PARAMETERS parameters)
{
    UNREFERENCED_PARAMETER(driver_context);
    if (parameters->MediaType != NdisMedium802_3)
        return NDIS_STATUS_UNSUPPORTED_MEDIA;
    struct echo *echo = NdisAllocateMemoryWithTagPriority(echo_driver, sizeof *echo, ECHO_TAG, NormalPoolPriority);
    if (!echo)
        return NDIS_STATUS_RESOURCES;
    NdisZeroMemory(echo, sizeof *echo);
    KeInitializeSpinLock(&echo->lock);
    KeInitializeEvent(&echo->opened, SynchronizationEvent, FALSE);
    KeInitializeEvent(&echo->closed, SynchronizationEvent, FALSE);
    KeInitializeEvent(&echo->oid_done, SynchronizationEvent, FALSE);
    KeInitializeEvent(&echo->drained, SynchronizationEvent, FALSE);
    echo->share_pool = echo_pool(0);
    echo->copy_pool = echo_pool(ECHO_COPY_BYTES);
    NDIS_STATUS status = echo->share_pool && echo->copy_pool ? echo_open(echo, bind, parameters) : NDIS_STATUS_RESOURCES;
    if (status != NDIS_STATUS_SUCCESS) {
        echo_destroy(echo);
        return status;
    }
    echo_settings(echo);
    status = echo_set_filter(echo, echo->packet_filter);
    if (status == NDIS_STATUS_SUCCESS)
        return status;
    echo_close(echo);
    echo_destroy(echo);
    return status;
}

// NDIS has paused us before: no send is out, and nothing received is here [ndis/nc-ndis-protocol_unbind_adapter_ex].
static PROTOCOL_UNBIND_ADAPTER_EX echo_unbind;

static NDIS_STATUS
echo_unbind(NDIS_HANDLE unbind, NDIS_HANDLE context)
{
    struct echo *echo = context;
    UNREFERENCED_PARAMETER(unbind);
    (void)echo_set_filter(echo, 0);           // the adapter may be going away: whatever it says, we go too
    echo_close(echo);
    echo_destroy(echo);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
echo_pause(struct echo *echo)
{
    KIRQL old;
    KeAcquireSpinLock(&echo->lock, &old);
    echo->running = FALSE;
    BOOLEAN wait = echo->drain_wanted = echo->out != 0;
    KeReleaseSpinLock(&echo->lock, old);
    if (wait)
        KeWaitForSingleObject(&echo->drained, Executive, KernelMode, FALSE, NULL);
    return NDIS_STATUS_SUCCESS;
}

static PROTOCOL_NET_PNP_EVENT echo_pnp;

static NDIS_STATUS
echo_pnp(NDIS_HANDLE context, PNET_PNP_EVENT_NOTIFICATION notification)
{
    struct echo *echo = context;
    KIRQL old;
    if (!echo)
        return NDIS_STATUS_SUCCESS;           // about the driver, not about a binding
    switch (notification->NetPnPEvent.NetEvent) {
    case NetEventPause:
        return echo_pause(echo);
    case NetEventRestart:
        KeAcquireSpinLock(&echo->lock, &old);
        echo->running = TRUE;
        KeReleaseSpinLock(&echo->lock, old);
        return NDIS_STATUS_SUCCESS;
    default:
        return NDIS_STATUS_SUCCESS;
    }
}

static PROTOCOL_STATUS_EX echo_status;

static VOID
echo_status(NDIS_HANDLE context, PNDIS_STATUS_INDICATION indication)
{
    UNREFERENCED_PARAMETER(context);
    UNREFERENCED_PARAMETER(indication);
}

static DRIVER_UNLOAD echo_unload;

static VOID
echo_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    NdisDeregisterProtocolDriver(echo_driver);
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    UNREFERENCED_PARAMETER(registry_path);
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS chars = {
        .Header = {NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2,
                   NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_2},
        .MajorNdisVersion = 6,
        .MinorNdisVersion = 30,
        .MajorDriverVersion = 1,
        .Name = NDIS_STRING_CONST("echoproto"),
        .BindAdapterHandlerEx = echo_bind,
        .UnbindAdapterHandlerEx = echo_unbind,
        .OpenAdapterCompleteHandlerEx = echo_open_complete,
        .CloseAdapterCompleteHandlerEx = echo_close_complete,
        .NetPnPEventHandler = echo_pnp,
        .OidRequestCompleteHandler = echo_oid_complete,
        .StatusHandlerEx = echo_status,
        .ReceiveNetBufferListsHandler = echo_receive,
        .SendNetBufferListsCompleteHandler = echo_send_complete};
    driver->DriverUnload = echo_unload;
    return NdisRegisterProtocolDriver(NULL, &chars, &echo_driver);
}
