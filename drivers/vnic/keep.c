// SPDX-License-Identifier: MIT
// Received frames and TCP engines: an engine looks at each slot of a batch and takes its own; it keeps received bytes where they lie. The
// buffer is then neither a slot nor on the free list, and comes back when its owner's last hold goes. When free buffers are few, bytes
// are copied instead. Such buffers are not NDIS's, so a pause does not wait for them.
//   rx_indicate -> vnic_toe_take, vnic_rdma_take -> vnic_slots_take -> the engine's vnic_take_fn -> the slots left are indicated
#include "engines.h"

#include "frame.h"

#define kept_of(nbl) (*(struct vnic_kept **)&NET_BUFFER_LIST_MINIPORT_RESERVED(nbl)[1])
#define buffer_of(nbl) (NET_BUFFER_LIST_MINIPORT_RESERVED(nbl)[0])

// locks: the keeper's held
static void
kept_release(struct eng_owner *owner)
{
    struct vnic_kept *kept = CONTAINING_RECORD(owner, struct vnic_kept, owner);
    kept->is_free = TRUE;
    if (kept->is_slot)
        return;
    NET_BUFFER_LIST_NEXT_NBL(kept->nbl) = kept->keeper->to_return;
    kept->keeper->to_return = kept->nbl;
    kept->keeper->to_return_count++;
}

NDIS_STATUS
vnic_kept_create(struct vnic_adapter *adapter)
{
    struct vnic_rx *rx = &adapter->rx;
    if (rx->kept)
        return NDIS_STATUS_SUCCESS;
    rx->kept = vnic_alloc(adapter, rx->count * sizeof *rx->kept);
    if (!rx->kept)
        return NDIS_STATUS_RESOURCES;
    for (ULONG i = 0; i < rx->count; i++) {
        rx->kept[i] = (struct vnic_kept){.owner = {.on_release = kept_release}, .nbl = rx->all[i]};
        kept_of(rx->all[i]) = &rx->kept[i];
    }
    return NDIS_STATUS_SUCCESS;
}

VOID
vnic_keeper_return(struct vnic_keeper *keeper)
{
    struct vnic_rx *rx = &keeper->adapter->rx;
    NET_BUFFER_LIST *first = keeper->to_return, *last = first;
    if (!first)
        return;
    while (NET_BUFFER_LIST_NEXT_NBL(last))
        last = NET_BUFFER_LIST_NEXT_NBL(last);
    KeAcquireSpinLockAtDpcLevel(&rx->lock);
    NET_BUFFER_LIST_NEXT_NBL(last) = rx->free;
    rx->free = first;
    rx->free_count += keeper->to_return_count;
    rx->kept_count -= keeper->to_return_count;
    if (rx->starved) {
        rx->starved = FALSE;
        nbx_port_rx_again(keeper->adapter->port);
    }
    KeReleaseSpinLockFromDpcLevel(&rx->lock);
    keeper->to_return = NULL;
    keeper->to_return_count = 0;
}

// The slots that were not used follow those that are left.
static void
slots_pack(struct vnic_rx *rx, ULONG left, NET_BUFFER_LIST *const *spare, ULONG spares, ULONG got)
{
    ULONG at = left, used = rx->slot_used;
    for (ULONG i = 0; i < spares; i++, at++) {
        rx->slot_nbl[at] = spare[i];
        rx->slots[at].buffer = buffer_of(spare[i]);
    }
    for (ULONG i = got; i < used; i++, at++) {
        rx->slot_nbl[at] = rx->slot_nbl[i];
        rx->slots[at].buffer = rx->slots[i].buffer;
    }
    rx->slot_used = at;
}

ULONG
vnic_slots_take(struct vnic_adapter *adapter, ULONG got, struct vnic_keeper *keeper, vnic_take_fn *take, void *context)
{
    struct vnic_rx *rx = &adapter->rx;
    NET_BUFFER_LIST *spare[VNIC_RX_BATCH];
    ULONG left = 0, spares = 0, taken_away = 0;
    BOOLEAN may_keep = rx->free_count > rx->count / 4;
    for (ULONG i = 0; i < got; i++) {
        NET_BUFFER_LIST *nbl = rx->slot_nbl[i];
        struct vnic_kept *kept = kept_of(nbl);
        kept->keeper = keeper;
        kept->owner.holds = 1;
        kept->is_slot = TRUE;
        kept->is_free = FALSE;
        enum vnic_cast cast = vnic_cast_of(rx->slots[i].buffer);
        BOOLEAN is_taken = take(context, &rx->slots[i], may_keep ? &kept->owner : NULL);
        eng_drop(&kept->owner);
        if (!is_taken) {
            rx->slot_nbl[left] = nbl;
            rx->slots[left++] = rx->slots[i];
            continue;
        }
        rx->batch.frames[cast]++;             // the adapter's counters are of all traffic [network/ndis-general-statistics-oids]
        rx->batch.bytes[cast] += rx->slots[i].bytes;
        if (kept->is_free) {
            spare[spares++] = nbl;
        } else {
            kept->is_slot = FALSE;
            taken_away++;
        }
    }
    slots_pack(rx, left, spare, spares, got);
    if (taken_away) {
        KeAcquireSpinLockAtDpcLevel(&rx->lock);
        rx->kept_count += taken_away;
        KeReleaseSpinLockFromDpcLevel(&rx->lock);
    }
    return left;
}

// ---- one frame --------------------------------------------------------------------------------------------------------------------

BOOLEAN
vnic_segment_parse(const UCHAR *frame, ULONG bytes, const struct port_offload *offload, struct eng_in *in, BOOLEAN *fragment)
{
    ULONG at = VNIC_HEADER_BYTES;
    *fragment = FALSE;
    if (bytes < VNIC_HEADER_BYTES + 20)
        return FALSE;
    if (frame_get16(frame + 12) == 0x8100) {
        in->vlan = (uint16_t)(frame_get16(frame + 14) & 0xFFF);
        at += VNIC_VLAN_BYTES;
    }
    const UCHAR *ip = frame + at;
    ULONG type = frame_get16(ip - 2), left = bytes - at;
    if (type == 0x0800 && left >= 40 && ip[0] == 0x45 && ip[9] == FRAME_TCP) {
        ULONG total = frame_get16(ip + 2);
        struct frame_headers where = {.is_ip4 = TRUE, .l3 = at, .l4 = at + 20};
        *fragment = (frame_get16(ip + 6) & 0x3FFF) != 0;
        if (total < 40 || total > left || !frame_ip4_checksum_is_good(frame, &where))
            return FALSE;
        in->source = eng_address4(ip + 12);
        in->destination = eng_address4(ip + 16);
        in->hop_limit = ip[8];
        in->traffic_class = ip[1];
        in->at_bytes = at + 20;
        in->length_bytes = total - 20;
    } else if (type == 0x86DD && left >= 60 && ip[0] >> 4 == 6 && ip[6] == FRAME_TCP) {
        ULONG payload = frame_get16(ip + 4);
        if (payload < 20 || payload + 40 > left)
            return FALSE;
        in->source = eng_address6(ip + 8);
        in->destination = eng_address6(ip + 24);
        in->hop_limit = ip[7];
        in->traffic_class = (uint8_t)(frame_get16(ip) >> 4);
        in->at_bytes = at + 40;
        in->length_bytes = payload;
    } else {
        return FALSE;
    }
    in->protocol = FRAME_TCP;
    in->ip_at_bytes = at;
    if (offload->flags & (PORT_CSUM_NEEDED | PORT_CSUM_VALID) || offload->gso)
        in->flags |= ENG_IN_L4_SUM_GOOD;
    if (offload->gso && offload->gso_bytes) {
        ULONG data = in->length_bytes - 20;
        in->coalesced = (uint16_t)((data + offload->gso_bytes - 1) / offload->gso_bytes);
        in->coalesced_mss = offload->gso_bytes;
    }
    return TRUE;
}
