// SPDX-License-Identifier: MIT
// Receive queues and filters. The requests go from an overlying driver to the miniport like all others; NDIS looks at them where they
// reach the miniport (oid.c):
//   ALLOCATE_QUEUE, SET_FILTER   checked; a number that the adapter does not use yet is written into the request; kept on success
//   FREE_QUEUE, CLEAR_FILTER     the number must be known, a queue without filters; forgotten on success
//   halt                         what is left is cleared and freed by NDIS's own requests
// One request at a time reaches a miniport, so the number chosen at the beginning is still free at the end.
// [network/oid-receive-filter-allocate-queue], [network/oid-receive-filter-set-filter], [network/oid-receive-filter-free-queue],
// [network/oid-receive-filter-clear-filter]
#include "ndis/vmq.h"

#include <string.h>

#include "ndis/header.h"

#define QUEUES_MAX 64            // numbers 1 to 63; 0 is the default queue

struct vmq_filter {
    struct list node;
    NDIS_RECEIVE_FILTER_ID id;
    NDIS_RECEIVE_QUEUE_ID queue;
};

// ---- finding, under ndis->lock ------------------------------------------------------------------------------------------------------

static bool
queue_is_known_locked(const struct ndis_adapter *adapter, NDIS_RECEIVE_QUEUE_ID id)
{
    return id == NDIS_DEFAULT_RECEIVE_QUEUE_ID || (id < QUEUES_MAX && adapter->vmq.queues >> id & 1);
}

static struct vmq_filter *
filter_find_locked(struct ndis_adapter *adapter, NDIS_RECEIVE_FILTER_ID id)
{
    LIST_FOR_EACH(node, &adapter->vmq.filters) {
        struct vmq_filter *filter = LIST_ENTRY_OF(node, struct vmq_filter, node);
        if (filter->id == id)
            return filter;
    }
    return NULL;
}

static bool
queue_has_filters_locked(struct ndis_adapter *adapter, NDIS_RECEIVE_QUEUE_ID id)
{
    LIST_FOR_EACH(node, &adapter->vmq.filters)
        if (LIST_ENTRY_OF(node, struct vmq_filter, node)->queue == id)
            return true;
    return false;
}

// ---- before the miniport --------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
queue_begin_locked(struct ndis_adapter *adapter, NDIS_RECEIVE_QUEUE_PARAMETERS *p)
{
    if (!ndis_header_fits(&p->Header, &ndis_kind_queue_parameters))
        return NDIS_STATUS_INVALID_PARAMETER;
    for (NDIS_RECEIVE_QUEUE_ID id = 1; id < QUEUES_MAX; id++)
        if (!queue_is_known_locked(adapter, id)) {
            p->QueueId = id;
            return NDIS_STATUS_SUCCESS;
        }
    return NDIS_STATUS_FAILURE;               // all numbers are given
}

// A filter identifier other than 0 changes a filter that is there.
static NDIS_STATUS
filter_begin_locked(struct ndis_adapter *adapter, NDIS_RECEIVE_FILTER_PARAMETERS *p)
{
    struct vmq_filter *known;
    if (!ndis_header_fits(&p->Header, &ndis_kind_filter_parameters) ||
        !queue_is_known_locked(adapter, p->QueueId))
        return NDIS_STATUS_INVALID_PARAMETER;
    if (p->FilterId == NDIS_DEFAULT_RECEIVE_FILTER_ID) {
        p->FilterId = ++adapter->vmq.last_filter;
        return NDIS_STATUS_SUCCESS;
    }
    known = filter_find_locked(adapter, p->FilterId);
    return known && known->queue == p->QueueId ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_PARAMETER;
}

static NDIS_STATUS
free_begin_locked(struct ndis_adapter *adapter, const NDIS_RECEIVE_QUEUE_FREE_PARAMETERS *p)
{
    bool is_ours = p->QueueId != NDIS_DEFAULT_RECEIVE_QUEUE_ID && queue_is_known_locked(adapter, p->QueueId);
    return is_ours && !queue_has_filters_locked(adapter, p->QueueId) ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_PARAMETER;
}

static NDIS_STATUS
clear_begin_locked(struct ndis_adapter *adapter, const NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS *p)
{
    struct vmq_filter *filter = filter_find_locked(adapter, p->FilterId);
    return filter && filter->queue == p->QueueId ? NDIS_STATUS_SUCCESS : NDIS_STATUS_INVALID_PARAMETER;
}

// Which of the four it is, its parameters, and how long they must be. 0: none of them.
static uint32_t
vmq_shape(NDIS_OID_REQUEST *request, void **data, uint32_t *bytes, UINT **needed)
{
    struct _METHOD *method = (void *)&request->DATA.METHOD_INFORMATION;
    struct _SET *set = (void *)&request->DATA.SET_INFORMATION;
    if (request->RequestType == NdisRequestMethod) {
        *data = method->InformationBuffer;
        *bytes = method->InputBufferLength;
        *needed = &method->BytesNeeded;
        return method->Oid == OID_RECEIVE_FILTER_ALLOCATE_QUEUE ? NDIS_SIZEOF_RECEIVE_QUEUE_PARAMETERS_REVISION_1
               : method->Oid == OID_RECEIVE_FILTER_SET_FILTER   ? NDIS_SIZEOF_RECEIVE_FILTER_PARAMETERS_REVISION_1
                                                                : 0;
    }
    *data = set->InformationBuffer;
    *bytes = set->InformationBufferLength;
    *needed = &set->BytesNeeded;
    if (request->RequestType != NdisRequestSetInformation)
        return 0;
    return set->Oid == OID_RECEIVE_FILTER_FREE_QUEUE     ? NDIS_SIZEOF_RECEIVE_QUEUE_FREE_PARAMETERS_REVISION_1
           : set->Oid == OID_RECEIVE_FILTER_CLEAR_FILTER ? NDIS_SIZEOF_RECEIVE_FILTER_CLEAR_PARAMETERS_REVISION_1
                                                         : 0;
}

static NDIS_STATUS
vmq_begin_locked(struct ndis_adapter *adapter, NDIS_OID oid, void *data)
{
    switch (oid) {
    case OID_RECEIVE_FILTER_ALLOCATE_QUEUE:
        return queue_begin_locked(adapter, data);
    case OID_RECEIVE_FILTER_SET_FILTER:
        return filter_begin_locked(adapter, data);
    case OID_RECEIVE_FILTER_FREE_QUEUE:
        return free_begin_locked(adapter, data);
    default:
        return clear_begin_locked(adapter, data);
    }
}

bool
ndis_vmq_begin(struct ndis_adapter *adapter, NDIS_OID_REQUEST *request, NDIS_STATUS *status)
{
    void *data;
    uint32_t bytes;
    UINT *needed;
    uint32_t least = vmq_shape(request, &data, &bytes, &needed);
    if (!least)
        return true;
    if (adapter->driver->minor < 20) {
        *status = NDIS_STATUS_NOT_SUPPORTED;
        return false;
    }
    if (bytes < least) {
        *needed = least;
        *status = NDIS_STATUS_INVALID_LENGTH;
        return false;
    }
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    *status = vmq_begin_locked(adapter, request->DATA.SET_INFORMATION.Oid, data);
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return *status == NDIS_STATUS_SUCCESS;
}

// ---- after it -------------------------------------------------------------------------------------------------------------------------

static void
filter_keep(struct ndis_adapter *adapter, const NDIS_RECEIVE_FILTER_PARAMETERS *p)
{
    struct vmq_filter *filter = ndis_alloc(sizeof *filter);
    if (!filter)
        return;                               // it cannot be cleared by its number then; the miniport's halt ends it
    filter->id = p->FilterId;
    filter->queue = p->QueueId;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    bool known = filter_find_locked(adapter, filter->id) != NULL;
    if (!known)
        list_push_back(&adapter->vmq.filters, &filter->node);
    ke_lock_drop(&adapter->module.ndis->lock, old);
    if (known)
        ndis_free(filter);
}

static void
filter_forget(struct ndis_adapter *adapter, NDIS_RECEIVE_FILTER_ID id)
{
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    struct vmq_filter *filter = filter_find_locked(adapter, id);
    if (filter)
        list_remove(&filter->node);
    ke_lock_drop(&adapter->module.ndis->lock, old);
    ndis_free(filter);
}

static void
queue_note(struct ndis_adapter *adapter, NDIS_RECEIVE_QUEUE_ID id, bool is_there)
{
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    if (id < QUEUES_MAX)
        adapter->vmq.queues = is_there ? adapter->vmq.queues | UINT64_C(1) << id : adapter->vmq.queues & ~(UINT64_C(1) << id);
    ke_lock_drop(&adapter->module.ndis->lock, old);
}

void
ndis_vmq_end(struct ndis_adapter *adapter, const NDIS_OID_REQUEST *request, NDIS_STATUS status)
{
    void *data;
    uint32_t bytes;
    UINT *needed;
    uint32_t least = vmq_shape((NDIS_OID_REQUEST *)request, &data, &bytes, &needed);
    if (!least || bytes < least || status != NDIS_STATUS_SUCCESS)
        return;
    switch (request->DATA.SET_INFORMATION.Oid) {
    case OID_RECEIVE_FILTER_ALLOCATE_QUEUE:
        queue_note(adapter, ((NDIS_RECEIVE_QUEUE_PARAMETERS *)data)->QueueId, true);
        break;
    case OID_RECEIVE_FILTER_SET_FILTER:
        filter_keep(adapter, data);
        break;
    case OID_RECEIVE_FILTER_FREE_QUEUE:
        queue_note(adapter, ((NDIS_RECEIVE_QUEUE_FREE_PARAMETERS *)data)->QueueId, false);
        break;
    default:
        filter_forget(adapter, ((NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS *)data)->FilterId);
    }
}

// ---- the end --------------------------------------------------------------------------------------------------------------------------

static void
filter_release(struct ndis_adapter *adapter, const struct vmq_filter *filter, bool ask)
{
    NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS clear = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_RECEIVE_FILTER_CLEAR_PARAMETERS_REVISION_1),
        .QueueId = filter->queue,
        .FilterId = filter->id};
    uint32_t done;
    if (!ask || ndis_oid_adapter(adapter, NdisRequestSetInformation, OID_RECEIVE_FILTER_CLEAR_FILTER, &clear, sizeof clear, &done) !=
                    NDIS_STATUS_SUCCESS)
        filter_forget(adapter, clear.FilterId);
}

static void
queue_release(struct ndis_adapter *adapter, NDIS_RECEIVE_QUEUE_ID id, bool ask)
{
    NDIS_RECEIVE_QUEUE_FREE_PARAMETERS gone = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_DEFAULT, NDIS_RECEIVE_QUEUE_FREE_PARAMETERS_REVISION_1,
                              NDIS_SIZEOF_RECEIVE_QUEUE_FREE_PARAMETERS_REVISION_1),
        .QueueId = id};
    uint32_t done;
    if (!ask || ndis_oid_adapter(adapter, NdisRequestSetInformation, OID_RECEIVE_FILTER_FREE_QUEUE, &gone, sizeof gone, &done) !=
                    NDIS_STATUS_SUCCESS)
        queue_note(adapter, id, false);
}

void
ndis_vmq_release(struct ndis_adapter *adapter, bool ask)
{
    while (!list_is_empty(&adapter->vmq.filters))
        filter_release(adapter, LIST_ENTRY_OF(adapter->vmq.filters.next, struct vmq_filter, node), ask);
    for (NDIS_RECEIVE_QUEUE_ID id = 1; adapter->vmq.queues; id++)
        if (adapter->vmq.queues >> id & 1)
            queue_release(adapter, id, ask);
}
