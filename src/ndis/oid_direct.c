// SPDX-License-Identifier: MIT
// Direct OID requests: as the others one hop at a time, but neither queued nor one at a time nor at PASSIVE_LEVEL: the handler of the
// next module below that has one is called at once, at the caller's level [network/ndis-6-1-direct-oid-request-interface]. Where nobody
// below has one, the answer is NDIS_STATUS_NOT_SUPPORTED.
#include <string.h>

#include "ndis/oid.h"
#include "verify/refuse.h"

// The target counts as called until ndis_module_leave. NULL: nobody takes direct requests.
static struct ndis_module *
direct_target(struct ndis_module *source)
{
    struct ndis_adapter *adapter = source->adapter;
    struct ndis_module *target = adapter->driver->chars.DirectOidRequestHandler ? &adapter->module : NULL;
    KIRQL old = ke_lock_take(&source->ndis->lock);
    struct list *at = &adapter->filters;
    if (source->kind == NDIS_KIND_FILTER)
        at = &CONTAINING_RECORD(source, struct ndis_filter, module)->node;
    for (at = at->prev; at != &adapter->filters; at = at->prev) {
        struct ndis_filter *filter = LIST_ENTRY_OF(at, struct ndis_filter, node);
        if (filter->driver->chars.DirectOidRequestHandler) {
            target = &filter->module;
            break;
        }
    }
    if (target)
        atomic_fetch_add(&target->calls, 1);
    ke_lock_drop(&source->ndis->lock, old);
    return target;
}

static NDIS_STATUS
direct_call(struct ndis_module *target, NDIS_OID_REQUEST *request)
{
    if (target->kind == NDIS_KIND_ADAPTER) {
        struct ndis_adapter *adapter = target->adapter;
        if (atomic_load(&adapter->is_shut))
            return NDIS_STATUS_NOT_ACCEPTED;
        return NDIS_CALL(target->image, "MiniportDirectOidRequest",
                         adapter->driver->chars.DirectOidRequestHandler(adapter->general_context, request));
    }
    struct ndis_filter *filter = CONTAINING_RECORD(target, struct ndis_filter, module);
    return NDIS_CALL(target->image, "FilterDirectOidRequest", filter->driver->chars.DirectOidRequestHandler(filter->context, request));
}

static void
direct_answer(struct ndis_oid *oid, NDIS_STATUS status)
{
    NDIS_OID_REQUEST *request = oid->request;
    struct ndis_module *source = oid->source;
    if (source->kind == NDIS_KIND_BINDING) {
        struct ndis_binding *binding = CONTAINING_RECORD(source, struct ndis_binding, module);
        NDIS_CALL_VOID(source->image, "ProtocolDirectOidRequestComplete",
                       binding->protocol->chars.DirectOidRequestCompleteHandler(binding->context, request, status));
        ndis_binding_oid_done(binding);
    } else {
        struct ndis_filter *filter = CONTAINING_RECORD(source, struct ndis_filter, module);
        NDIS_CALL_VOID(source->image, "FilterDirectOidRequestComplete",
                       filter->driver->chars.DirectOidRequestCompleteHandler(filter->context, request, status));
    }
}

// Off the list of those that are out. false: it is not one of the target's.
static bool
direct_take(struct ndis_module *target, NDIS_OID_REQUEST *request)
{
    struct ndis_adapter *adapter = target->adapter;
    struct ndis_oid *found = NULL;
    KIRQL old = ke_lock_take(&adapter->oid_lock);
    LIST_FOR_EACH(node, &adapter->direct_oids) {
        struct ndis_oid *oid = LIST_ENTRY_OF(node, struct ndis_oid, node);
        if (oid->request == request && oid->target == target)
            found = oid;
    }
    if (found)
        list_remove(&found->node);
    ke_lock_drop(&adapter->oid_lock, old);
    return found != NULL;
}

static NDIS_STATUS
direct_send(struct ndis_module *source, struct ndis_module *target, NDIS_OID_REQUEST *request)
{
    struct ndis_oid *oid = ndis_oid_of(request);
    memset(oid, 0, sizeof *oid);
    oid->request = request;
    oid->source = source;
    oid->target = target;
    atomic_store(&oid->state, NDIS_OID_SUBMITTING);
    KIRQL old = ke_lock_take(&source->adapter->oid_lock);
    list_push_back(&source->adapter->direct_oids, &oid->node);
    ke_lock_drop(&source->adapter->oid_lock, old);
    NDIS_STATUS status = direct_call(target, request);
    if (status == NDIS_STATUS_PENDING) {
        uint32_t state = NDIS_OID_SUBMITTING;
        return atomic_compare_exchange_strong(&oid->state, &state, NDIS_OID_PENDED) ? NDIS_STATUS_PENDING : oid->status;
    }
    if (!direct_take(target, request))
        verify_contract("DirectOidRequest handler", "returned a final status for a request that it had completed already");
    return status;
}

NDIS_STATUS
ndis_direct_oid_submit(struct ndis_module *source, NDIS_OID_REQUEST *request)
{
    struct ndis_binding *binding = source->kind == NDIS_KIND_BINDING ? CONTAINING_RECORD(source, struct ndis_binding, module) : NULL;
    bool completes = binding ? binding->protocol->chars.DirectOidRequestCompleteHandler != NULL
                             : CONTAINING_RECORD(source, struct ndis_filter, module)->driver->chars.DirectOidRequestCompleteHandler != NULL;
    // "A driver that calls NdisDirectOidRequest must register the ProtocolDirectOidRequestComplete function."
    if (!completes)
        verify_contract(binding ? "NdisDirectOidRequest" : "NdisFDirectOidRequest", "the driver has registered no DirectOidRequestComplete "
                                                                                    "handler");
    NDIS_STATUS status = ndis_oid_check(request);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    if (binding && atomic_load(&binding->closing))
        return NDIS_STATUS_CLOSING;
    struct ndis_module *target = direct_target(source);
    if (!target)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (binding)
        atomic_fetch_add(&binding->oids_outstanding, 1);
    status = direct_send(source, target, request);
    if (binding && status != NDIS_STATUS_PENDING)
        ndis_binding_oid_done(binding);
    ndis_module_leave(target);
    return status;
}

void
ndis_direct_oid_complete(struct ndis_module *target, NDIS_OID_REQUEST *request, NDIS_STATUS status)
{
    struct ndis_oid *oid = ndis_oid_of(request);
    uint32_t state = NDIS_OID_SUBMITTING;
    if (status == NDIS_STATUS_PENDING)
        verify_contract("DirectOidRequestComplete", "completed with NDIS_STATUS_PENDING");
    if (!direct_take(target, request))
        verify_contract("DirectOidRequestComplete", "the request is not pending at this driver (completed twice?)");
    oid->status = status;
    if (atomic_compare_exchange_strong(&oid->state, &state, NDIS_OID_DONE))
        return;                               // whoever submits it has it as the return value
    atomic_store(&oid->state, NDIS_OID_DONE);
    direct_answer(oid, status);
}

void
ndis_direct_oid_cancel(struct ndis_module *source, void *request_id)
{
    struct ndis_adapter *adapter = source->adapter;
    struct ndis_module *target = NULL;
    KIRQL old = ke_lock_take(&adapter->oid_lock);
    LIST_FOR_EACH(node, &adapter->direct_oids) {
        struct ndis_oid *oid = LIST_ENTRY_OF(node, struct ndis_oid, node);
        if (oid->source == source && oid->request->RequestId == request_id && !target) {
            target = oid->target;
            atomic_fetch_add(&target->calls, 1);
        }
    }
    ke_lock_drop(&adapter->oid_lock, old);
    if (!target)
        return;
    if (target->kind == NDIS_KIND_ADAPTER) {
        if (adapter->driver->chars.CancelDirectOidRequestHandler)
            NDIS_CALL_VOID(target->image, "MiniportCancelDirectOidRequest",
                           adapter->driver->chars.CancelDirectOidRequestHandler(adapter->general_context, request_id));
    } else {
        struct ndis_filter *filter = CONTAINING_RECORD(target, struct ndis_filter, module);
        if (filter->driver->chars.CancelDirectOidRequestHandler)
            NDIS_CALL_VOID(target->image, "FilterCancelDirectOidRequest",
                           filter->driver->chars.CancelDirectOidRequestHandler(filter->context, request_id));
        else                                  // it is asked of what the filter has sent on [ndis/nc-ndis-filter_cancel_direct_oid_request]
            ndis_direct_oid_cancel(target, request_id);
    }
    ndis_module_leave(target);
}
