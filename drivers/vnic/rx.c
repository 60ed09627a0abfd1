// SPDX-License-Identifier: MIT
// Frames up, buffers back.
//   port -> vnic_on_rx (DISPATCH) -> rx_refill: 64 empty NBLs into slots, one lock -> nbx_port_rx straight into their buffers
//        -> rx_frame: filter, VLAN tag, checksum and RSC words -> [rss.c] -> one NdisMIndicateReceiveNetBufferLists
//   the port calls on its own thread; for a consumer of RDMA that spins a DPC does (rdma_net.c). One receives, the other leaves it to it
//   NDIS -> vnic_return -> free list, one lock; a receiver that had run dry is called again
// An NBL carries its NET_BUFFER, MDL and buffer for life. Nothing is allocated after initialize, and nothing is locked for a frame.
// While the adapter is paused the receiver takes frames off the port and drops them, as a NIC whose receiver is off: a port that
// nobody drains would hold up its senders. RDMA goes on meanwhile: its frames are no NBLs.
#include "vnic.h"

#define rx_buffer(nbl) (NET_BUFFER_LIST_MINIPORT_RESERVED(nbl)[0])

// ---- making and freeing ---------------------------------------------------------------------------------------------------------

static NDIS_HANDLE
rx_pool_create(struct vnic_adapter *adapter)
{
    NET_BUFFER_LIST_POOL_PARAMETERS parameters = {
        .Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
                   NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
        .ProtocolId = NDIS_PROTOCOL_ID_DEFAULT,
        .fAllocateNetBuffer = TRUE,
        .PoolTag = VNIC_TAG,
        .DataSize = adapter->rx.buffer_bytes};
    return NdisAllocateNetBufferListPool(adapter->ndis, &parameters);
}

static NET_BUFFER_LIST *
rx_nbl_create(struct vnic_adapter *adapter)
{
    NET_BUFFER_LIST *nbl = NdisAllocateNetBufferList(adapter->rx.pool, 0, 0);
    if (!nbl)
        return NULL;
    nbl->SourceHandle = adapter->ndis;
    rx_buffer(nbl) = MmGetSystemAddressForMdlSafe(NET_BUFFER_FIRST_MDL(NET_BUFFER_LIST_FIRST_NB(nbl)), NormalPagePriority);
    if (rx_buffer(nbl))
        return nbl;
    NdisFreeNetBufferList(nbl);
    return NULL;
}

NDIS_STATUS
vnic_rx_create(struct vnic_adapter *adapter)
{
    struct vnic_rx *rx = &adapter->rx;
    KeInitializeSpinLock(&rx->lock);
    // A super-segment needs room for itself; a plain frame 2 KB, or what jumbo frames take.
    ULONG bytes = adapter->caps.max_frame_bytes;
    if (adapter->settings.max_frame_bytes < bytes)
        bytes = adapter->settings.max_frame_bytes;
    bytes += VNIC_VLAN_BYTES;
    if (adapter->caps.gso4 || adapter->caps.gso6)
        bytes = adapter->caps.max_gso_bytes + VNIC_VLAN_BYTES;
    rx->buffer_bytes = bytes < 2048 ? 2048 : (bytes + 2047) & ~2047u;
    rx->pool = rx_pool_create(adapter);
    rx->all = vnic_alloc(adapter, adapter->settings.receive_buffers * sizeof *rx->all);
    if (!rx->pool || !rx->all)
        return NDIS_STATUS_RESOURCES;
    for (; rx->count < adapter->settings.receive_buffers; rx->count++) {
        NET_BUFFER_LIST *nbl = rx_nbl_create(adapter);
        if (!nbl)
            return NDIS_STATUS_RESOURCES;
        rx->all[rx->count] = nbl;
        NET_BUFFER_LIST_NEXT_NBL(nbl) = rx->free;
        rx->free = nbl;
    }
    rx->free_count = rx->count;
    return NDIS_STATUS_SUCCESS;
}

void
vnic_rx_destroy(struct vnic_adapter *adapter)
{
    struct vnic_rx *rx = &adapter->rx;
    for (ULONG i = 0; i < rx->count; i++)
        NdisFreeNetBufferList(rx->all[i]);
    rx->count = 0;
    vnic_free(adapter, rx->all);
    vnic_free(adapter, rx->kept);
    if (rx->pool)
        NdisFreeNetBufferListPool(rx->pool);
}

// ---- state ----------------------------------------------------------------------------------------------------------------------

// With the upper layers: neither free nor in a slot.
static ULONG
rx_out(const struct vnic_rx *rx)
{
    return rx->count - rx->free_count - rx->slot_count - rx->kept_count;
}

// Pausing, and nothing is up and the receiver is not indicating: done. The caller then calls vnic_pause_step without the lock.
static BOOLEAN
rx_pause_done_locked(struct vnic_rx *rx)
{
    if (rx->state != VNIC_PAUSING || rx->busy || rx_out(rx))
        return FALSE;
    rx->state = VNIC_PAUSED;
    return TRUE;
}

void
vnic_rx_restart(struct vnic_adapter *adapter)
{
    KIRQL old;
    KeAcquireSpinLock(&adapter->rx.lock, &old);
    adapter->rx.state = VNIC_RUNNING;
    KeReleaseSpinLock(&adapter->rx.lock, old);
}

BOOLEAN
vnic_rx_pause(struct vnic_adapter *adapter)
{
    KIRQL old;
    KeAcquireSpinLock(&adapter->rx.lock, &old);
    adapter->rx.state = VNIC_PAUSING;
    BOOLEAN done = rx_pause_done_locked(&adapter->rx);
    KeReleaseSpinLock(&adapter->rx.lock, old);
    return done;
}

// ---- the receiver ---------------------------------------------------------------------------------------------------------------

static void
rx_counters_flush_locked(struct vnic_rx *rx)
{
    for (ULONG i = 0; i < VNIC_CASTS; i++) {
        rx->counters.frames[i] += rx->batch.frames[i];
        rx->counters.bytes[i] += rx->batch.bytes[i];
    }
    rx->counters.discards += rx->batch.discards;
    rx->counters.errors += rx->batch.errors;
    rx->rsc.segments += rx->batch_rsc.segments;
    rx->rsc.bytes += rx->batch_rsc.bytes;
    rx->rsc.events += rx->batch_rsc.events;
    NdisZeroMemory(&rx->batch, sizeof rx->batch);
    NdisZeroMemory(&rx->batch_rsc, sizeof rx->batch_rsc);
}

// Fill the slots from the free list and see how things stand. *running: what is received may be indicated.
// irql: DISPATCH   locks: takes rx->lock; if a pause ends here, it completes without it
static void
rx_refill(struct vnic_adapter *adapter, BOOLEAN *running)
{
    struct vnic_rx *rx = &adapter->rx;
    KeAcquireSpinLockAtDpcLevel(&rx->lock);
    NET_BUFFER_LIST *nbl = rx->free;          // in registers: to the compiler a store into a slot might change any field of rx
    ULONG count = rx->slot_used, bytes = rx->buffer_bytes;
    LONG_PTR step = 0;
    for (; count < VNIC_RX_BATCH && nbl; count++) {
        rx->slot_nbl[count] = nbl;
        rx->slots[count].buffer = rx_buffer(nbl);
        rx->slots[count].capacity_bytes = bytes;
        nbl = vnic_next(nbl, &step);
    }
    rx->free = nbl;
    rx->free_count -= count - rx->slot_used;
    rx->slot_count = rx->slot_used = count;
    rx_counters_flush_locked(rx);
    if (rx->mode_changed) {
        rx->mode_changed = FALSE;
        rx->mode_now = rx->mode;
    }
    *running = rx->state == VNIC_RUNNING;
    rx->busy = *running;
    rx->starved = (*running || ReadNoFence(&adapter->rdma_live)) && !rx->slot_count;
    if (rx->starved) {
        rx->busy = FALSE;
        rx->counters.no_buffer++;
    }
    BOOLEAN done = rx_pause_done_locked(rx);
    KeReleaseSpinLockFromDpcLevel(&rx->lock);
    if (done)
        vnic_pause_step(adapter);
}

static void
rx_leave(struct vnic_adapter *adapter)
{
    struct vnic_rx *rx = &adapter->rx;
    KeAcquireSpinLockAtDpcLevel(&rx->lock);
    rx->slot_count = rx->slot_used;
    rx->busy = FALSE;
    rx_counters_flush_locked(rx);
    BOOLEAN done = rx_pause_done_locked(rx);
    KeReleaseSpinLockFromDpcLevel(&rx->lock);
    if (done)
        vnic_pause_step(adapter);
}

static BOOLEAN
rx_multicast_matches(const struct vnic_rx_mode *mode, const UCHAR *destination)
{
    for (ULONG i = 0; i < mode->multicast_count; i++)
        if (!memcmp(mode->multicast[i], destination, VNIC_MAC_BYTES))
            return TRUE;
    return FALSE;
}

// What a NIC's address filter does [network/oid-gen-current-packet-filter].
static BOOLEAN
rx_filter_matches(const struct vnic_adapter *adapter, enum vnic_cast cast, const UCHAR *destination)
{
    const struct vnic_rx_mode *mode = &adapter->rx.mode_now;
    if (mode->packet_filter & NDIS_PACKET_TYPE_PROMISCUOUS)
        return TRUE;
    if (cast == VNIC_UNICAST)
        return (mode->packet_filter & NDIS_PACKET_TYPE_DIRECTED) && !memcmp(destination, adapter->mac, VNIC_MAC_BYTES);
    if (cast == VNIC_BROADCAST)
        return (mode->packet_filter & NDIS_PACKET_TYPE_BROADCAST) != 0;
    return (mode->packet_filter & NDIS_PACKET_TYPE_ALL_MULTICAST) ||
           ((mode->packet_filter & NDIS_PACKET_TYPE_MULTICAST) && rx_multicast_matches(mode, destination));
}

static __attribute__((noinline)) void
rx_info_clear(NET_BUFFER_LIST *nbl)
{
    NET_BUFFER_LIST_INFO(nbl, TcpRecvSegCoalesceInfo) = NULL;
    NET_BUFFER_LIST_INFO(nbl, NetBufferListHashValue) = NULL;
    NET_BUFFER_LIST_INFO(nbl, NetBufferListHashInfo) = NULL;
}

// The frame becomes its NBL's data. offset: where it begins in the buffer, behind a tag that was taken out.
static inline void
rx_fill(struct vnic_adapter *adapter, NET_BUFFER_LIST *nbl, const struct port_slot *slot, ULONG offset, PVOID tag, USHORT type)
{
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    NET_BUFFER_CURRENT_MDL(nb) = NET_BUFFER_FIRST_MDL(nb);
    NET_BUFFER_CURRENT_MDL_OFFSET(nb) = NET_BUFFER_DATA_OFFSET(nb) = offset;
    NET_BUFFER_DATA_LENGTH(nb) = slot->bytes - offset;
    NET_BUFFER_LIST_INFO(nbl, Ieee8021QNetBufferListInfo) = tag;
    NET_BUFFER_LIST_INFO(nbl, TcpIpChecksumNetBufferListInfo) = NULL;
    if (NET_BUFFER_LIST_NBL_FLAGS(nbl) & (VNIC_NBL_HAS_RSC | VNIC_NBL_HAS_HASH))
        rx_info_clear(nbl);                   // cache lines of their own: only when it has to be
    NET_BUFFER_LIST_NBL_FLAGS(nbl) = 0;
    // The frame type as it stands in the frame, in network byte order.
    NET_BUFFER_LIST_INFO(nbl, NetBufferListFrameType) = (PVOID)(ULONG_PTR)type;
    NET_BUFFER_LIST_STATUS(nbl) = NDIS_STATUS_SUCCESS;
    if ((slot->offload.flags & PORT_CSUM_NEEDED) ||
        (slot->offload.flags && (type == RtlUshortByteSwap(0x0800) || type == RtlUshortByteSwap(0x86dd))))
        vnic_offload_receive(adapter, nbl, (UCHAR *)slot->buffer + offset, slot->bytes - offset, offset, &slot->offload);
}

static inline USHORT
rx_type(const UCHAR *frame)
{
    USHORT type;
    memcpy(&type, frame + 12, sizeof type);
    return type;
}

// The frame in this slot becomes its NBL's data. FALSE: not for us, the slot is free again.
static BOOLEAN
rx_frame(struct vnic_adapter *adapter, NET_BUFFER_LIST *nbl, struct port_slot *slot)
{
    struct vnic_rx *rx = &adapter->rx;
    UCHAR *frame = slot->buffer;
    ULONG offset = 0;
    PVOID tag = NULL;
    if (slot->bytes < VNIC_HEADER_BYTES) {
        rx->batch.errors++;
        return FALSE;
    }
    enum vnic_cast cast = vnic_cast_of(frame);
    if (!rx_filter_matches(adapter, cast, frame))
        return FALSE;
    if (rx_type(frame) == RtlUshortByteSwap(0x8100) && !vnic_vlan_take(adapter, frame, slot->bytes, &offset, &tag)) {
        rx->batch.discards++;
        return FALSE;
    }
    rx->batch.frames[cast]++;
    rx->batch.bytes[cast] += slot->bytes;
    rx_fill(adapter, nbl, slot, offset, tag, rx_type(frame + offset));
    return TRUE;
}

// RSC is off and a super-segment came: its segments, each in an NBL. Those for which there is no NBL are lost, as they would be on a
// NIC without buffers. Cold: ports of the sort have RSC on.
static __attribute__((noinline)) void
rx_split(struct vnic_adapter *adapter, struct vnic_list *list, NET_BUFFER_LIST *nbl, struct port_slot *slot, ULONG segments)
{
    struct vnic_rx *rx = &adapter->rx;
    NET_BUFFER_LIST *more = NULL, **end = &more;
    KeAcquireSpinLockAtDpcLevel(&rx->lock);
    ULONG have = 1;
    for (; have < segments && rx->free; have++) {
        *end = rx->free;
        end = &NET_BUFFER_LIST_NEXT_NBL(rx->free);
        rx->free = *end;
        rx->free_count--;
    }
    rx->counters.no_buffer += segments - have;
    KeReleaseSpinLockFromDpcLevel(&rx->lock);
    *end = NULL;
    struct vnic_list rest = {.end = &rest.first};
    for (ULONG i = 1; i < have; i++) {
        NET_BUFFER_LIST *next = NET_BUFFER_LIST_NEXT_NBL(more);
        struct port_slot piece = {.buffer = rx_buffer(more)};
        vnic_offload_segment(slot, i, &piece);
        (void)rx_frame(adapter, more, &piece);   // it passed the filter as a whole
        vnic_list_add(&rest, more);
        more = next;
    }
    vnic_offload_segment(slot, 0, slot);      // in place, so after the others
    (void)rx_frame(adapter, nbl, slot);
    vnic_list_add(list, nbl);
    *rest.end = NULL;
    for (NET_BUFFER_LIST *next; rest.first; rest.first = next) {
        next = NET_BUFFER_LIST_NEXT_NBL(rest.first);
        vnic_list_add(list, rest.first);
    }
}

// A slot's frame onto the list, whatever it is. FALSE: the slot is free again.
static __attribute__((noinline)) BOOLEAN
rx_take(struct vnic_adapter *adapter, struct vnic_list *list, NET_BUFFER_LIST *nbl, struct port_slot *slot)
{
    if (slot->offload.gso && slot->bytes >= VNIC_HEADER_BYTES) {
        ULONG segments = vnic_offload_segments(adapter, slot);
        if (segments > 1) {
            if (!rx_filter_matches(adapter, vnic_cast_of(slot->buffer), slot->buffer))
                return FALSE;
            rx_split(adapter, list, nbl, slot, segments);
            return TRUE;
        }
    }
    if (!rx_frame(adapter, nbl, slot))
        return FALSE;
    vnic_list_add(list, nbl);
    return TRUE;
}

// The leading slots as far as they are what nearly all are: a unicast frame that the filter lets through, without a tag, not to be
// segmented. One walk, everything that counts in registers. Returns how many went onto the list.
static inline ULONG
rx_take_plain(struct vnic_adapter *adapter, struct vnic_list *list, ULONG got)
{
    struct vnic_rx *rx = &adapter->rx;
    BOOLEAN promiscuous = (rx->mode_now.packet_filter & NDIS_PACKET_TYPE_PROMISCUOUS) != 0;
    ULONG_PTR first = 0, types = 0;
    ULONG64 bytes = 0;
    NET_BUFFER_LIST **end = list->end;
    ULONG i = 0;
    for (; i < got; i++) {
        const struct port_slot *slot = &rx->slots[i];
        const UCHAR *frame = slot->buffer;
        if (slot->bytes < VNIC_HEADER_BYTES || slot->offload.gso || (frame[0] & 1))
            break;
        USHORT type = rx_type(frame);
        if (type == RtlUshortByteSwap(0x8100) || !(promiscuous || rx_filter_matches(adapter, VNIC_UNICAST, frame)))
            break;
        NET_BUFFER_LIST *nbl = rx->slot_nbl[i];
        rx_fill(adapter, nbl, slot, 0, NULL, type);
        bytes += slot->bytes;
        first = i ? first : type;
        types |= first ^ type;
        *end = nbl;
        end = &NET_BUFFER_LIST_NEXT_NBL(nbl);
    }
    list->end = end;
    list->count = i;
    list->type = first;
    list->types = types;
    rx->batch.frames[VNIC_UNICAST] += i;
    rx->batch.bytes[VNIC_UNICAST] += bytes;
    return i;
}

void
vnic_list_indicate(struct vnic_adapter *adapter, const struct vnic_list *list)
{
    ULONG flags = NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL;
    if (!list->types)
        flags |= NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE;
    NdisMIndicateReceiveNetBufferLists(adapter->ndis, list->first, NDIS_DEFAULT_PORT_NUMBER, list->count, flags);
}

// Make a list of what came, leave the slots that were not used in front.
static void
rx_indicate(struct vnic_adapter *adapter, ULONG got)
{
    struct vnic_rx *rx = &adapter->rx;
    struct vnic_list list = {.end = &list.first};
    ULONG kept = 0;
    if (__builtin_expect(ReadNoFence(&adapter->toe_live), 0))
        got = vnic_toe_take(adapter, got);
    if (__builtin_expect(ReadNoFence(&adapter->rdma_live), 0))
        got = vnic_rdma_take(adapter, got);
    for (ULONG i = rx_take_plain(adapter, &list, got); i < got; i++) {
        if (rx_take(adapter, &list, rx->slot_nbl[i], &rx->slots[i]))
            continue;
        rx->slot_nbl[kept] = rx->slot_nbl[i];
        rx->slots[kept++].buffer = rx->slots[i].buffer;
    }
    *list.end = NULL;
    for (ULONG i = got; i < rx->slot_used; i++) {
        rx->slot_nbl[kept] = rx->slot_nbl[i];
        rx->slots[kept++].buffer = rx->slots[i].buffer;
    }
    rx->slot_used = kept;
    if (list.count && rx->mode_now.rss.hash_types)
        vnic_rss_spread(adapter, &list);
    if (list.count)
        vnic_list_indicate(adapter, &list);
}

// What waits at the port, as its one receiver.
static void
rx_receive(struct vnic_adapter *adapter)
{
    struct vnic_rx *rx = &adapter->rx;
    ULONG budget = VNIC_RX_BUDGET;
    BOOLEAN running = FALSE;
    while (budget) {
        rx_refill(adapter, &running);
        if (!rx->slot_used)
            return;                           // starved, or paused with every buffer up: vnic_return or the port calls again
        ULONG got = nbx_port_rx(adapter->port, rx->slots, rx->slot_used);
        if (!got)
            break;
        budget -= got < budget ? got : budget;
        if (running)
            rx_indicate(adapter, got);
        else
            rx->batch.discards += ReadNoFence(&adapter->rdma_live) ? vnic_rdma_take(adapter, got) : got;
    }
    rx_leave(adapter);
    if (!budget)
        nbx_port_rx_again(adapter->port);
}

// Whoever comes while another receives leaves it to that one.
static BOOLEAN
receiver_begin(struct vnic_rx *rx)
{
    for (;;) {
        LONG was = InterlockedCompareExchange(&rx->receiver, 1, 0);
        if (!was)
            return TRUE;
        if (was == 2 || InterlockedCompareExchange(&rx->receiver, 2, 1) == 1)
            return FALSE;
    }
}

void
vnic_on_rx(void *context)
{
    struct vnic_adapter *adapter = context;
    do {
        if (!receiver_begin(&adapter->rx))
            return;
        rx_receive(adapter);
    } while (InterlockedExchange(&adapter->rx.receiver, 0) == 2);
}

VOID
vnic_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
    struct vnic_adapter *adapter = context;
    struct vnic_rx *rx = &adapter->rx;
    NET_BUFFER_LIST *last = nbls;
    KIRQL old = DISPATCH_LEVEL;
    ULONG count = 1;
    LONG_PTR step = 0;
    for (NET_BUFFER_LIST *next; (next = vnic_next(last, &step)); last = next)
        count++;
    if (!NDIS_TEST_RETURN_AT_DISPATCH_LEVEL(flags))
        KeRaiseIrql(DISPATCH_LEVEL, &old);
    KeAcquireSpinLockAtDpcLevel(&rx->lock);
    NET_BUFFER_LIST_NEXT_NBL(last) = rx->free;
    rx->free = nbls;
    rx->free_count += count;
    if (rx->starved) {
        rx->starved = FALSE;
        nbx_port_rx_again(adapter->port);
    }
    BOOLEAN done = rx_pause_done_locked(rx);
    KeReleaseSpinLockFromDpcLevel(&rx->lock);
    if (done)
        vnic_pause_step(adapter);
    if (!NDIS_TEST_RETURN_AT_DISPATCH_LEVEL(flags))
        KeLowerIrql(old);
}
