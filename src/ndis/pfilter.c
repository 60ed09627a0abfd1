// SPDX-License-Identifier: MIT
// Packet filters and multicast lists: each binding has its own; the miniport is told their sum, and only when the sum changes.
//   ndis_pfilter_set_begin  a binding sets OID_GEN_CURRENT_PACKET_FILTER, OID_802_3_MULTICAST_LIST or OID_GEN_CURRENT_LOOKAHEAD:
//                           its own value is kept, and the request goes down with NDIS's sum in place of its buffer
//   ndis_pfilter_set_end    the request is back: its buffer too
// The receive path sees the binding's new value before the miniport does, so nothing that it asked for is missed.
//   ndis_pfilter_matches    the software check at the top of the receive path
// [network/oid-gen-current-packet-filter] [network/oid-802-3-multicast-list]
#include <string.h>

#include "ndis/oid.h"

#define PFILTER_KNOWN \
    (NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_ALL_MULTICAST | NDIS_PACKET_TYPE_BROADCAST | \
     NDIS_PACKET_TYPE_PROMISCUOUS | NDIS_PACKET_TYPE_ALL_LOCAL)

bool
ndis_pfilter_matches(const struct ndis_top_entry *entry, const uint8_t *frame, uint32_t bytes, const struct ndis_adapter *adapter)
{
    ULONG filter = entry->packet_filter;
    if (filter & NDIS_PACKET_TYPE_PROMISCUOUS)
        return true;
    if (bytes < 6)
        return false;
    if (!(frame[0] & 1))
        return (filter & NDIS_PACKET_TYPE_DIRECTED) && !memcmp(frame, adapter->current_mac, 6);
    static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    if (!memcmp(frame, broadcast, 6))
        return filter & NDIS_PACKET_TYPE_BROADCAST;
    if (filter & NDIS_PACKET_TYPE_ALL_MULTICAST)
        return true;
    if (!(filter & NDIS_PACKET_TYPE_MULTICAST))
        return false;
    for (uint32_t i = 0; i < entry->multicast_count; i++)
        if (!memcmp(frame, entry->multicast[i], 6))
            return true;
    return false;
}

// ---- sums -----------------------------------------------------------------------------------------------------------------------

struct pfilter_sum {
    ULONG packet_filter, lookahead;
    uint32_t multicast_count;
    uint8_t (*multicast)[6];
};

static bool
sum_has(const struct pfilter_sum *sum, const uint8_t address[6])
{
    for (uint32_t i = 0; i < sum->multicast_count; i++)
        if (!memcmp(sum->multicast[i], address, 6))
            return true;
    return false;
}

// Called on threads that set a filter; the bindings' own values change under ndis->lock.
static bool
sum_build(struct ndis_adapter *adapter, struct pfilter_sum *sum)
{
    uint32_t room = 0;
    *sum = (struct pfilter_sum){0};
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    LIST_FOR_EACH(node, &adapter->bindings)
        room += LIST_ENTRY_OF(node, struct ndis_binding, node)->multicast_count;
    sum->multicast = ndis_alloc(room * 6 + 6);
    LIST_FOR_EACH(node, &adapter->bindings) {
        struct ndis_binding *binding = LIST_ENTRY_OF(node, struct ndis_binding, node);
        sum->packet_filter |= binding->packet_filter;
        if (binding->lookahead > sum->lookahead)
            sum->lookahead = binding->lookahead;
        for (uint32_t i = 0; sum->multicast && i < binding->multicast_count; i++)
            if (!sum_has(sum, binding->multicast[i]))
                memcpy(sum->multicast[sum->multicast_count++], binding->multicast[i], 6);
    }
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return sum->multicast != NULL;
}

static bool
sum_keep_multicast(struct ndis_adapter *adapter, struct pfilter_sum *sum)
{
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    bool same = adapter->multicast_count == sum->multicast_count &&
                !memcmp(adapter->multicast ? (void *)adapter->multicast : "", sum->multicast, sum->multicast_count * 6);
    uint8_t(*drop)[6] = sum->multicast;
    if (!same) {
        drop = adapter->multicast;
        adapter->multicast = sum->multicast;
        adapter->multicast_count = sum->multicast_count;
    }
    ke_lock_drop(&adapter->module.ndis->lock, old);
    ndis_free(drop);
    return !same;
}

// Of ndis_adapter.sums_unsure.
static uint32_t
sum_bit(NDIS_OID oid)
{
    return oid == OID_GEN_CURRENT_PACKET_FILTER ? 1 : oid == OID_802_3_MULTICAST_LIST ? 2 : 4;
}

NDIS_STATUS
ndis_pfilter_update(struct ndis_adapter *adapter)
{
    NDIS_STATUS status = ndis_oid_adapter_sum(adapter, OID_802_3_MULTICAST_LIST);
    if (status == NDIS_STATUS_SUCCESS)
        status = ndis_oid_adapter_sum(adapter, OID_GEN_CURRENT_PACKET_FILTER);
    return status;
}

// ---- a binding sets its own -------------------------------------------------------------------------------------------------------

static NDIS_STATUS
keep_filter(struct ndis_binding *binding, const struct _SET *set)
{
    ULONG filter;
    if (set->InformationBufferLength < sizeof filter)
        return NDIS_STATUS_INVALID_LENGTH;
    memcpy(&filter, set->InformationBuffer, sizeof filter);
    if (filter & ~binding->module.adapter->general.SupportedPacketFilters & PFILTER_KNOWN)
        return NDIS_STATUS_NOT_SUPPORTED;
    KIRQL old = ke_lock_take(&binding->module.ndis->lock);
    binding->packet_filter = filter;
    ke_lock_drop(&binding->module.ndis->lock, old);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
keep_multicast(struct ndis_binding *binding, const struct _SET *set)
{
    uint32_t count = set->InformationBufferLength / 6;
    if (set->InformationBufferLength % 6)
        return NDIS_STATUS_INVALID_LENGTH;
    if (count > binding->module.adapter->general.MaxMulticastListSize)
        return NDIS_STATUS_MULTICAST_FULL;
    uint8_t(*list)[6] = ndis_alloc(count * 6 + 6);
    if (!list)
        return NDIS_STATUS_RESOURCES;
    if (count)
        memcpy(list, set->InformationBuffer, count * 6);
    KIRQL old = ke_lock_take(&binding->module.ndis->lock);
    uint8_t(*drop)[6] = binding->multicast;
    binding->multicast = list;
    binding->multicast_count = count;
    ke_lock_drop(&binding->module.ndis->lock, old);
    ndis_free(drop);
    return NDIS_STATUS_SUCCESS;
}

static NDIS_STATUS
keep_lookahead(struct ndis_binding *binding, const struct _SET *set)
{
    ULONG lookahead;
    if (set->InformationBufferLength < sizeof lookahead)
        return NDIS_STATUS_INVALID_LENGTH;
    memcpy(&lookahead, set->InformationBuffer, sizeof lookahead);
    if (lookahead > binding->module.adapter->general.LookaheadSize)
        return NDIS_STATUS_INVALID_DATA;
    KIRQL old = ke_lock_take(&binding->module.ndis->lock);
    binding->lookahead = lookahead;
    ke_lock_drop(&binding->module.ndis->lock, old);
    return NDIS_STATUS_SUCCESS;
}

// ---- the request on its way -------------------------------------------------------------------------------------------------------

static bool
pfilter_is_ours(const NDIS_OID_REQUEST *request)
{
    if (request->RequestType != NdisRequestSetInformation)
        return false;
    NDIS_OID oid = request->DATA.SET_INFORMATION.Oid;
    return oid == OID_GEN_CURRENT_PACKET_FILTER || oid == OID_802_3_MULTICAST_LIST || oid == OID_GEN_CURRENT_LOOKAHEAD;
}

static NDIS_STATUS
pfilter_keep(struct ndis_binding *binding, NDIS_OID_REQUEST *request)
{
    struct _SET *set = (void *)&request->DATA.SET_INFORMATION;
    NDIS_STATUS status;
    switch (set->Oid) {
    case OID_GEN_CURRENT_PACKET_FILTER:
        status = keep_filter(binding, set);
        break;
    case OID_802_3_MULTICAST_LIST:
        status = keep_multicast(binding, set);
        break;
    default:
        status = keep_lookahead(binding, set);
        break;
    }
    if (status == NDIS_STATUS_SUCCESS)
        set->BytesRead = set->InformationBufferLength;
    return status;
}

// Which part of the sum an object is about. Returns its length.
static uint32_t
sum_data(const struct pfilter_sum *sum, NDIS_OID oid, const void **data)
{
    if (oid == OID_802_3_MULTICAST_LIST) {
        *data = sum->multicast;
        return sum->multicast_count * 6;
    }
    *data = oid == OID_GEN_CURRENT_PACKET_FILTER ? &sum->packet_filter : &sum->lookahead;
    return sizeof(ULONG);
}

// Keep the new sum as the adapter's; takes sum->multicast. Returns whether it differs from what the miniport was told last.
static bool
sum_keep(struct ndis_adapter *adapter, NDIS_OID oid, struct pfilter_sum *sum)
{
    if (oid == OID_802_3_MULTICAST_LIST)
        return sum_keep_multicast(adapter, sum);
    bool is_filter = oid == OID_GEN_CURRENT_PACKET_FILTER;
    ULONG *kept = is_filter ? &adapter->packet_filter : &adapter->lookahead;
    ULONG now = is_filter ? sum->packet_filter : sum->lookahead;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    bool changed = *kept != now;
    *kept = now;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    ndis_free(sum->multicast);
    return changed;
}

bool
ndis_pfilter_lend(struct ndis_oid *oid, NDIS_STATUS *status)
{
    struct ndis_adapter *adapter = oid->target->adapter;
    struct _SET *set = (void *)&oid->request->DATA.SET_INFORMATION;
    struct pfilter_sum sum;
    *status = NDIS_STATUS_RESOURCES;
    if (!sum_build(adapter, &sum))
        return false;
    const void *data;
    uint32_t bytes = sum_data(&sum, set->Oid, &data), bit = sum_bit(set->Oid);
    void *copy = ndis_alloc(bytes + 1);
    if (!copy) {
        ndis_free(sum.multicast);
        return false;
    }
    memcpy(copy, data, bytes);
    bool changed = sum_keep(adapter, set->Oid, &sum);
    // A miniport that refused the last sum has another: tell it whatever ours is.
    changed |= (atomic_fetch_and(&adapter->sums_unsure, ~bit) & bit) != 0;
    if (!changed) {
        ndis_free(copy);
        *status = NDIS_STATUS_SUCCESS;
        return false;
    }
    oid->saved_buffer = set->InformationBuffer;
    oid->saved_bytes = set->InformationBufferLength;
    oid->lent_buffer = copy;
    set->InformationBuffer = copy;
    set->InformationBufferLength = bytes;
    return true;
}

bool
ndis_pfilter_set_begin(struct ndis_binding *binding, NDIS_OID_REQUEST *request, NDIS_STATUS *status)
{
    if (!pfilter_is_ours(request))
        return false;
    *status = pfilter_keep(binding, request);
    if (*status == NDIS_STATUS_SUCCESS)
        *status = ndis_top_refresh(binding->module.adapter);
    ndis_oid_of(request)->is_sum = true;
    return *status != NDIS_STATUS_SUCCESS;
}

bool
ndis_pfilter_needs_passive(const NDIS_OID_REQUEST *request)
{
    return pfilter_is_ours(request);
}

void
ndis_pfilter_set_end(struct ndis_oid *oid, NDIS_STATUS status)
{
    if (!oid->lent_buffer)
        return;
    struct _SET *set = (void *)&oid->request->DATA.SET_INFORMATION;
    ndis_free(oid->lent_buffer);
    oid->lent_buffer = NULL;
    if (status != NDIS_STATUS_SUCCESS)
        atomic_fetch_or(&oid->target->adapter->sums_unsure, sum_bit(set->Oid));
    set->InformationBuffer = oid->saved_buffer;
    set->InformationBufferLength = oid->saved_bytes;
    set->BytesRead = status == NDIS_STATUS_SUCCESS ? oid->saved_bytes : 0;
}
