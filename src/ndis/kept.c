// SPDX-License-Identifier: MIT
// What NDIS sets again at the miniport after a reset that lost it (AddressingReset): packet filter, multicast list, offload
// encapsulation and wake-up patterns, as the miniport last said yes to them, whoever had set them: the filters above have had their
// say then already [network/hardware-reset].
//   ndis_kept_begin    a set is about to reach the miniport: a copy is made while it still can be refused for lack of memory
//   ndis_kept_end      the answer: remembered, or dropped
//   ndis_kept_restore  all of it again, in the order in which it was first set
#include <string.h>

#include "ndis/oid.h"

struct ndis_kept {
    struct list node;                         // adapter->kept, by id
    uint64_t id;
    NDIS_OID oid;
    uint32_t bytes;
    uint8_t data[];
};

enum kept_rule { KEPT_NOT, KEPT_LAST, KEPT_EACH, KEPT_NO_LONGER };

static enum kept_rule
kept_rule(const NDIS_OID_REQUEST *request)
{
    if (request->RequestType != NdisRequestSetInformation)
        return KEPT_NOT;
    switch (request->DATA.SET_INFORMATION.Oid) {
    case OID_GEN_CURRENT_PACKET_FILTER:
    case OID_802_3_MULTICAST_LIST:
    case OID_OFFLOAD_ENCAPSULATION:
        return KEPT_LAST;
    case OID_PNP_ADD_WAKE_UP_PATTERN:
        return KEPT_EACH;
    case OID_PNP_REMOVE_WAKE_UP_PATTERN:
        return KEPT_NO_LONGER;
    default:
        return KEPT_NOT;
    }
}

bool
ndis_kept_begin(struct ndis_oid *oid)
{
    const struct _SET *set = (const void *)&oid->request->DATA.SET_INFORMATION;
    if (oid->is_restore || kept_rule(oid->request) == KEPT_NOT)
        return true;
    struct ndis_kept *kept = ndis_alloc(sizeof *kept + set->InformationBufferLength);
    if (!kept)
        return false;
    list_init(&kept->node);
    kept->oid = set->Oid;
    kept->bytes = set->InformationBufferLength;
    if (kept->bytes)
        memcpy(kept->data, set->InformationBuffer, kept->bytes);
    oid->kept = kept;
    return true;
}

// Is `old` what `now` takes the place of, or takes back?
static bool
kept_is_replaced(const struct ndis_kept *old, const struct ndis_kept *now, enum kept_rule rule)
{
    if (rule == KEPT_LAST)
        return old->oid == now->oid;
    return old->oid == OID_PNP_ADD_WAKE_UP_PATTERN && old->bytes == now->bytes && !memcmp(old->data, now->data, now->bytes);
}

static struct ndis_kept *
kept_take_locked(struct ndis_adapter *adapter, const struct ndis_kept *now, enum kept_rule rule)
{
    LIST_FOR_EACH(node, &adapter->kept) {
        struct ndis_kept *old = LIST_ENTRY_OF(node, struct ndis_kept, node);
        if (kept_is_replaced(old, now, rule)) {
            list_remove(node);
            return old;
        }
    }
    return NULL;
}

void
ndis_kept_end(struct ndis_oid *oid, NDIS_STATUS status)
{
    struct ndis_kept *kept = oid->kept, *old_kept;
    struct ndis_adapter *adapter = oid->target->adapter;
    oid->kept = NULL;
    if (!kept)
        return;
    if (status != NDIS_STATUS_SUCCESS) {
        ndis_free(kept);
        return;
    }
    enum kept_rule rule = kept_rule(oid->request);
    KIRQL old = ke_lock_take(&adapter->oid_lock);
    old_kept = kept_take_locked(adapter, kept, rule);
    kept->id = ++adapter->kept_next;
    if (rule != KEPT_NO_LONGER)
        list_push_back(&adapter->kept, &kept->node);
    ke_lock_drop(&adapter->oid_lock, old);
    ndis_free(old_kept);
    if (rule == KEPT_NO_LONGER)
        ndis_free(kept);
}

// A copy of the first one after id; NULL and *status when there is none left (SUCCESS) or no memory.
static struct ndis_kept *
kept_after(struct ndis_adapter *adapter, uint64_t id, NDIS_STATUS *status)
{
    struct ndis_kept *copy = NULL;
    *status = NDIS_STATUS_SUCCESS;
    KIRQL old = ke_lock_take(&adapter->oid_lock);
    LIST_FOR_EACH(node, &adapter->kept) {
        struct ndis_kept *kept = LIST_ENTRY_OF(node, struct ndis_kept, node);
        if (kept->id <= id)
            continue;
        copy = ndis_alloc(sizeof *copy + kept->bytes + 1);
        if (copy)
            memcpy(copy, kept, sizeof *kept + kept->bytes);
        else
            *status = NDIS_STATUS_RESOURCES;
        break;
    }
    ke_lock_drop(&adapter->oid_lock, old);
    return copy;
}

NDIS_STATUS
ndis_kept_restore(struct ndis_adapter *adapter)
{
    NDIS_STATUS first = NDIS_STATUS_SUCCESS, status;
    struct ndis_kept *kept = kept_after(adapter, 0, &status);
    while (kept) {
        uint64_t id = kept->id;
        status = ndis_oid_adapter_restore(adapter, kept->oid, kept->data, kept->bytes);
        if (first == NDIS_STATUS_SUCCESS)
            first = status;
        ndis_free(kept);
        kept = kept_after(adapter, id, &status);
    }
    return first == NDIS_STATUS_SUCCESS ? status : first;
}

void
ndis_kept_drop(struct ndis_adapter *adapter)
{
    for (struct list *node; (node = list_pop_front(&adapter->kept));)
        ndis_free(LIST_ENTRY_OF(node, struct ndis_kept, node));
}
