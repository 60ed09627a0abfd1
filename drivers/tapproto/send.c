// SPDX-License-Identifier: MIT
// Frames from the TAP down to the adapter.
//   port -> tapproto_on_rx (DISPATCH) -> send_fill: free NBLs into slots, one lock -> nbx_port_rx straight into their buffers
//        -> send_build: each made ready (split.c) -> one NdisSendNetBufferLists
//   NDIS -> tapproto_send_complete -> free list, one lock; a receiver that had run dry is called again
// Back-pressure is the free list: while it is empty the frames stay in the TAP's own queue. Nothing that was taken from the TAP is
// dropped without being counted; nothing is allocated or locked for a frame.
#include "tapproto.h"

#define send_buffer(nbl) (NET_BUFFER_LIST_PROTOCOL_RESERVED(nbl)[0])

// ---- making and freeing ---------------------------------------------------------------------------------------------------------

static NET_BUFFER_LIST *
send_nbl_create(struct tapproto_send *send)
{
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(send->pool, 0, 0);
    if (!nbl)
        return NULL;
    send_buffer(nbl) = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(nbl)), NormalPagePriority);
    if (send_buffer(nbl))
        return nbl;
    NdisFreeNetBufferList(nbl);
    return NULL;
}

NDIS_STATUS
tapproto_send_create(struct tapproto_binding *binding, ULONG count)
{
    struct tapproto_send *send = &binding->send;
    const struct port_caps *caps = &binding->caps;
    ULONG frame_bytes = caps->max_gso_bytes > caps->max_frame_bytes ? caps->max_gso_bytes : caps->max_frame_bytes;
    KeInitializeSpinLock(&send->lock);
    KeInitializeEvent(&send->quiet, NotificationEvent, TRUE);
    send->buffer_bytes = (frame_bytes + 2 * TAPPROTO_VLAN_BYTES + 63) & ~63u;
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .ProtocolId = NDIS_PROTOCOL_ID_DEFAULT,
        .fAllocateNetBuffer = TRUE,
        .PoolTag = TAPPROTO_TAG,
        .DataSize = send->buffer_bytes};
    send->pool = NdisAllocateNetBufferListPool(tapproto_driver, &parameters);
    send->all = tapproto_alloc(count * sizeof *send->all);
    if (!send->pool || !send->all)
        return NDIS_STATUS_RESOURCES;
    for (; send->count < count; send->count++) {
        NET_BUFFER_LIST *nbl = send_nbl_create(send);
        if (!nbl)
            return NDIS_STATUS_RESOURCES;
        send->all[send->count] = nbl;
        NET_BUFFER_LIST_NEXT_NBL(nbl) = send->free;
        send->free = nbl;
        send->free_count++;
    }
    return NDIS_STATUS_SUCCESS;
}

void
tapproto_send_destroy(struct tapproto_binding *binding)
{
    struct tapproto_send *send = &binding->send;
    for (ULONG i = 0; i < send->count; i++)
        NdisFreeNetBufferList(send->all[i]);
    send->count = 0;
    tapproto_free(send->all);
    if (send->pool)
        NdisFreeNetBufferListPool(send->pool);
}

// ---- states ---------------------------------------------------------------------------------------------------------------------

static void
send_quiet_check_locked(struct tapproto_send *send)
{
    if (!send->running && !send->busy && !send->out)
        KeSetEvent(&send->quiet, IO_NO_INCREMENT, FALSE);
}

void
tapproto_send_restart(struct tapproto_binding *binding)
{
    struct tapproto_send *send = &binding->send;
    KIRQL old;
    KeAcquireSpinLock(&send->lock, &old);
    send->running = TRUE;
    send->starved = FALSE;
    KeClearEvent(&send->quiet);
    KeReleaseSpinLock(&send->lock, old);
    nbx_port_rx_again(binding->port);
}

void
tapproto_send_pause(struct tapproto_binding *binding)
{
    struct tapproto_send *send = &binding->send;
    KIRQL old;
    KeAcquireSpinLock(&send->lock, &old);
    send->running = FALSE;
    send_quiet_check_locked(send);
    KeReleaseSpinLock(&send->lock, old);
    KeWaitForSingleObject(&send->quiet, Executive, KernelMode, FALSE, NULL);
}

static ULONG
lso_bytes(ULONG encapsulation, ULONG max_bytes)
{
    return encapsulation & NDIS_ENCAPSULATION_IEEE_802_3 ? max_bytes : 0;
}

void
tapproto_offload_take(struct tapproto_binding *binding, const NDIS_OFFLOAD *offload)
{
    const NDIS_TCP_IP_CHECKSUM_OFFLOAD *checksum = &offload->Checksum;
    const NDIS_TCP_LARGE_SEND_OFFLOAD_V2 *lso = &offload->LsoV2;
    BOOLEAN on4 = (checksum->IPv4Transmit.Encapsulation & NDIS_ENCAPSULATION_IEEE_802_3) != 0;
    BOOLEAN on6 = (checksum->IPv6Transmit.Encapsulation & NDIS_ENCAPSULATION_IEEE_802_3) != 0;
    struct tapproto_offload now = {
        .v4 = {.tcp = on4 && checksum->IPv4Transmit.TcpChecksum,
               .udp = on4 && checksum->IPv4Transmit.UdpChecksum,
               .ip_options = checksum->IPv4Transmit.IpOptionsSupported != 0,
               .tcp_options = checksum->IPv4Transmit.TcpOptionsSupported != 0,
               .lso_max_bytes = lso_bytes(lso->IPv4.Encapsulation, lso->IPv4.MaxOffLoadSize),
               .lso_min_segments = lso->IPv4.MinSegmentCount,
               .lso_options = TRUE},
        .v6 = {.tcp = on6 && checksum->IPv6Transmit.TcpChecksum,
               .udp = on6 && checksum->IPv6Transmit.UdpChecksum,
               .ip_options = checksum->IPv6Transmit.IpExtensionHeadersSupported != 0,
               .tcp_options = checksum->IPv6Transmit.TcpOptionsSupported != 0,
               .lso_max_bytes = lso_bytes(lso->IPv6.Encapsulation, lso->IPv6.MaxOffLoadSize),
               .lso_min_segments = lso->IPv6.MinSegmentCount,
               .lso_options = lso->IPv6.IpExtensionHeadersSupported != 0}};
    if (!lso->IPv6.TcpOptionsSupported)
        now.v6.lso_max_bytes = 0;             // every TCP segment of today carries timestamps
    KIRQL old;
    KeAcquireSpinLock(&binding->send.lock, &old);
    binding->send.offload = now;
    KeReleaseSpinLock(&binding->send.lock, old);
}

// ---- the receiver ---------------------------------------------------------------------------------------------------------------

static void
send_counters_flush_locked(struct tapproto_send *send)
{
    send->counters.frames += send->batch.frames;
    send->counters.bytes += send->batch.bytes;
    send->counters.large += send->batch.large;
    send->counters.split += send->batch.split;
    send->counters.dropped += send->batch.dropped;
    NdisZeroMemory(&send->batch, sizeof send->batch);
}

// A buffer that a frame did not need after all, or whose frame is dropped.
static void
send_give_back(struct tapproto_send *send, NET_BUFFER_LIST *nbl)
{
    KeAcquireSpinLockAtDpcLevel(&send->lock);
    NET_BUFFER_LIST_NEXT_NBL(nbl) = send->free;
    send->free = nbl;
    send->free_count++;
    KeReleaseSpinLockFromDpcLevel(&send->lock);
}

NET_BUFFER_LIST *
tapproto_send_take(struct tapproto_send *send)
{
    KeAcquireSpinLockAtDpcLevel(&send->lock);
    NET_BUFFER_LIST *nbl = send->free;
    if (nbl) {
        send->free = NET_BUFFER_LIST_NEXT_NBL(nbl);
        send->free_count--;
    } else {
        send->starved = TRUE;
    }
    KeReleaseSpinLockFromDpcLevel(&send->lock);
    return nbl;
}

// Begin a round: may we send, and are there buffers? FALSE: neither; a completion or the restart calls again.
static BOOLEAN
send_begin(struct tapproto_binding *binding)
{
    struct tapproto_send *send = &binding->send;
    KeAcquireSpinLockAtDpcLevel(&send->lock);
    while (send->running && send->slot_count < TAPPROTO_BATCH && send->free) {
        NET_BUFFER_LIST *nbl = send->free;
        send->free = NET_BUFFER_LIST_NEXT_NBL(nbl);
        send->free_count--;
        send->slot_nbl[send->slot_count] = nbl;
        send->slots[send->slot_count].buffer = send_buffer(nbl);
        send->slots[send->slot_count++].capacity_bytes = send->buffer_bytes;
    }
    send_counters_flush_locked(send);
    send->offload_now = send->offload;
    send->busy = send->running && send->slot_count;
    send->starved = !send->busy;
    BOOLEAN go = send->busy;
    send_quiet_check_locked(send);
    KeReleaseSpinLockFromDpcLevel(&send->lock);
    return go;
}

static void
send_end(struct tapproto_send *send)
{
    KeAcquireSpinLockAtDpcLevel(&send->lock);
    send->busy = FALSE;
    send_counters_flush_locked(send);
    send_quiet_check_locked(send);
    KeReleaseSpinLockFromDpcLevel(&send->lock);
}

// The frame at work_at becomes one NBL, or the next of its segments. NULL: dropped (and counted), or no buffer (*wait).
static NET_BUFFER_LIST *
send_next(struct tapproto_binding *binding, BOOLEAN *wait)
{
    struct tapproto_send *send = &binding->send;
    struct port_slot *slot = &send->slots[send->work_at];
    NET_BUFFER_LIST *whole = send->slot_nbl[send->work_at];
    BOOLEAN must_split = send->split_segment > 0, last = TRUE;
    if (!must_split && !tapproto_prepare(binding, whole, slot, &must_split)) {
        send->work_at++;
        send->batch.dropped++;
        send_give_back(send, whole);
        return NULL;
    }
    if (!must_split) {
        send->work_at++;
        return whole;
    }
    NET_BUFFER_LIST *segment = tapproto_split(binding, slot, &last);
    *wait = !segment;
    if (segment && last) {
        send->split_at = send->split_segment = 0;
        send->work_at++;
        send->batch.split++;
        send_give_back(send, whole);
    }
    return segment;
}

// Send what is at work, at most one list. FALSE: a frame waits for buffers.
static BOOLEAN
send_work(struct tapproto_binding *binding)
{
    struct tapproto_send *send = &binding->send;
    NET_BUFFER_LIST *first = NULL, **end = &first;
    BOOLEAN wait = FALSE;
    ULONG count = 0;
    while (!wait && count < TAPPROTO_BATCH && send->work_at < send->work_count) {
        NET_BUFFER_LIST *nbl = send_next(binding, &wait);
        if (!nbl)
            continue;
        nbl->SourceHandle = binding->ndis;
        NET_BUFFER_LIST_STATUS(nbl) = NDIS_STATUS_SUCCESS;
        *end = nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(nbl);
        count++;
    }
    *end = NULL;
    if (count) {
        KeAcquireSpinLockAtDpcLevel(&send->lock);
        send->out += count;
        KeReleaseSpinLockFromDpcLevel(&send->lock);
        NdisSendNetBufferLists(binding->ndis, first, NDIS_DEFAULT_PORT_NUMBER, NDIS_SEND_FLAGS_DISPATCH_LEVEL);
    }
    return !wait;
}

// Frames from the port into the empty slots; those that stay empty move to the front. Returns how many came.
static ULONG
send_fill(struct tapproto_binding *binding)
{
    struct tapproto_send *send = &binding->send;
    ULONG got = nbx_port_rx(binding->port, send->slots, send->slot_count);
    send->work_at = 0;
    send->work_count = got;
    return got;
}

static void
send_slots_move(struct tapproto_send *send)
{
    ULONG kept = 0;
    for (ULONG i = send->work_count; i < send->slot_count; i++, kept++) {
        send->slot_nbl[kept] = send->slot_nbl[i];
        send->slots[kept].buffer = send->slots[i].buffer;
    }
    send->slot_count = kept;
    send->work_at = send->work_count = 0;
}

void
tapproto_on_rx(void *context)
{
    struct tapproto_binding *binding = context;
    struct tapproto_send *send = &binding->send;
    ULONG budget = TAPPROTO_BUDGET;
    while (budget) {
        if (!send_begin(binding))
            return;
        if (send->work_at == send->work_count) {
            send_slots_move(send);
            ULONG got = send_fill(binding);
            if (!got)
                break;
            budget -= got < budget ? got : budget;
        }
        if (!send_work(binding)) {
            send_end(send);
            return;                           // starved is set: the next completion calls again
        }
        if (send->work_at == send->work_count)
            send_slots_move(send);
    }
    send_end(send);
    if (!budget)
        nbx_port_rx_again(binding->port);
}

// ---- back from NDIS -------------------------------------------------------------------------------------------------------------

VOID
tapproto_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct tapproto_binding *binding = context;
    struct tapproto_send *send = &binding->send;
    NET_BUFFER_LIST *last = NULL;
    ULONG count = 0, failed = 0;
    KIRQL old = DISPATCH_LEVEL;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl)) {
        failed += NET_BUFFER_LIST_STATUS(nbl) != NDIS_STATUS_SUCCESS;
        count++;
        last = nbl;
    }
    if (NDIS_TEST_SEND_COMPLETE_AT_DISPATCH_LEVEL(flags))
        KeAcquireSpinLockAtDpcLevel(&send->lock);
    else
        KeAcquireSpinLock(&send->lock, &old);
    NET_BUFFER_LIST_NEXT_NBL(last) = send->free;
    send->free = nbls;
    send->free_count += count;
    send->out -= count;
    send->counters.failed += failed;
    BOOLEAN again = send->starved && send->running;
    if (again)
        send->starved = FALSE;
    send_quiet_check_locked(send);
    if (again)
        nbx_port_rx_again(binding->port);
    if (NDIS_TEST_SEND_COMPLETE_AT_DISPATCH_LEVEL(flags))
        KeReleaseSpinLockFromDpcLevel(&send->lock);
    else
        KeReleaseSpinLock(&send->lock, old);
}
