// SPDX-License-Identifier: MIT
// Synchronous OID requests: the same request goes down the whole stack in one call at the caller's level, neither queued nor cloned, and
// nobody may pend it [network/synchronous-oid-request-interface-in-ndis-6-80].
//   down  FilterSynchronousOidRequest of each filter below the source; the first that says other than SUCCESS completes it
//   end   MiniportSynchronousOidRequest, if no filter has
//   up    FilterSynchronousOidRequestComplete of each filter that it has passed, which may change the status
// A filter has one of the two handlers, both or none. All of them are found and held before the first is called, so that none is detached
// and the miniport is not halted before the request is back; their call contexts lie beside them.
#include <string.h>

#include "ndis/oid.h"
#include "verify/refuse.h"
#include "verify/report.h"

// As many filters as usual; more are listed in memory from the heap.
#define SYNC_HOPS_ON_STACK 7u

struct sync_hop {
    struct ndis_filter *filter;
    void *context;                            // the filter's, from its one handler to the other
};

// A handler has answered what none may; its driver is no longer on the stack.
static _Noreturn void
sync_wrong(const struct io_image *driver, const char *function, const char *text)
{
    verify_report_fatal(&(struct verify_finding){.rule = NBX_0002, .driver = driver, .function = function, .text = text});
}

bool
ndis_sync_oid_is(const NDIS_OID_REQUEST *request)
{
    const struct ndis_oid *oid = (const struct ndis_oid *)request->NdisReserved;
    return oid->request == request && atomic_load(&oid->state) == NDIS_OID_SYNCHRONOUS;
}

// Lists and holds the filters below the source that have a say, highest first, and the miniport. Returns how many; nothing is held when
// there are more than there is room for.
static uint32_t
sync_hold(struct ndis_module *source, struct sync_hop *hops, uint32_t room)
{
    struct ndis_adapter *adapter = source->adapter;
    uint32_t count = 0;
    KIRQL old = ke_lock_take(&source->ndis->lock);
    struct list *at = &adapter->filters;
    if (source->kind == NDIS_KIND_FILTER)
        at = &CONTAINING_RECORD(source, struct ndis_filter, module)->node;
    for (at = at->prev; at != &adapter->filters; at = at->prev) {
        struct ndis_filter *filter = LIST_ENTRY_OF(at, struct ndis_filter, node);
        if (!filter->driver->chars.SynchronousOidRequestHandler && !filter->driver->chars.SynchronousOidRequestCompleteHandler)
            continue;
        if (count < room)
            hops[count] = (struct sync_hop){.filter = filter};
        count++;
    }
    if (count <= room) {
        for (uint32_t i = 0; i < count; i++)
            atomic_fetch_add(&hops[i].filter->module.calls, 1);
        atomic_fetch_add(&adapter->module.calls, 1);
    }
    ke_lock_drop(&source->ndis->lock, old);
    return count;
}

static NDIS_STATUS
sync_filter(struct sync_hop *hop, NDIS_OID_REQUEST *request)
{
    struct ndis_filter *filter = hop->filter;
    if (!filter->driver->chars.SynchronousOidRequestHandler)
        return NDIS_STATUS_SUCCESS;
    NDIS_STATUS status = NDIS_CALL(filter->module.image, "FilterSynchronousOidRequest",
                                   filter->driver->chars.SynchronousOidRequestHandler(filter->context, request, &hop->context));
    if (status == NDIS_STATUS_PENDING)
        sync_wrong(filter->module.image, "FilterSynchronousOidRequest",
                   "returned NDIS_STATUS_PENDING: synchronous requests cannot be pended");
    return status;
}

static NDIS_STATUS
sync_miniport(struct ndis_adapter *adapter, NDIS_OID_REQUEST *request)
{
    if (!adapter->driver->chars.SynchronousOidRequestHandler)
        return NDIS_STATUS_NOT_SUPPORTED;
    if (atomic_load(&adapter->is_shut))
        return NDIS_STATUS_NOT_ACCEPTED;
    // A miniport without power management sleeps halted: it has no context now. One with it is asked, "NDIS does not serialize ...
    // against power transitions" [ndis/nf-ndis-miniport_synchronous_oid_request]. UNSURE: no page names this status.
    if (atomic_load(&adapter->low_power) && !ndis_pm_is_aware(adapter))
        return NDIS_STATUS_LOW_POWER_STATE;
    NDIS_STATUS status = NDIS_CALL(adapter->module.image, "MiniportSynchronousOidRequest",
                                   adapter->driver->chars.SynchronousOidRequestHandler(adapter->general_context, request));
    if (status == NDIS_STATUS_PENDING)
        sync_wrong(adapter->module.image, "MiniportSynchronousOidRequest",
                   "returned NDIS_STATUS_PENDING: synchronous requests cannot be pended");
    if (status == NDIS_STATUS_REQUEST_ABORTED)
        sync_wrong(adapter->module.image, "MiniportSynchronousOidRequest",
                   "returned NDIS_STATUS_REQUEST_ABORTED: synchronous requests cannot be cancelled");
    return status;
}

static void
sync_filter_complete(const struct sync_hop *hop, NDIS_OID_REQUEST *request, NDIS_STATUS *status)
{
    struct ndis_filter *filter = hop->filter;
    if (!filter->driver->chars.SynchronousOidRequestCompleteHandler)
        return;
    NDIS_CALL_VOID(filter->module.image, "FilterSynchronousOidRequestComplete",
                   filter->driver->chars.SynchronousOidRequestCompleteHandler(filter->context, request, status, hop->context));
    if (*status == NDIS_STATUS_PENDING || *status == NDIS_STATUS_ALREADY_COMPLETE)
        sync_wrong(filter->module.image, "FilterSynchronousOidRequestComplete",
                   *status == NDIS_STATUS_PENDING ? "left NDIS_STATUS_PENDING as the request's status"
                                                  : "left NDIS_STATUS_ALREADY_COMPLETE as the request's status");
}

static NDIS_STATUS
sync_walk(struct ndis_module *source, struct sync_hop *hops, uint32_t count, NDIS_OID_REQUEST *request)
{
    struct ndis_oid *oid = ndis_oid_of(request);
    NDIS_STATUS status = NDIS_STATUS_SUCCESS;
    uint32_t i = 0;
    memset(oid, 0, sizeof *oid);
    oid->request = request;
    oid->source = source;
    atomic_store(&oid->state, NDIS_OID_SYNCHRONOUS);
    while (i < count && (status = sync_filter(&hops[i], request)) == NDIS_STATUS_SUCCESS)
        i++;
    if (i == count)
        status = sync_miniport(source->adapter, request);
    else if (status == NDIS_STATUS_ALREADY_COMPLETE)
        status = NDIS_STATUS_SUCCESS;         // how a filter says that it has done all there is to do
    while (i > 0)
        sync_filter_complete(&hops[--i], request, &status);
    memset(oid, 0, sizeof *oid);
    return status;
}

static NDIS_STATUS
sync_send(struct ndis_module *source, NDIS_OID_REQUEST *request)
{
    struct sync_hop on_stack[SYNC_HOPS_ON_STACK], *hops = on_stack;
    uint32_t room = SYNC_HOPS_ON_STACK, count;
    while ((count = sync_hold(source, hops, room)) > room) {   // again if one has come meanwhile
        if (hops != on_stack)
            ndis_free(hops);
        room = count;
        hops = ndis_alloc(room * sizeof *hops);
        if (!hops)
            return NDIS_STATUS_RESOURCES;
    }
    NDIS_STATUS status = sync_walk(source, hops, count, request);
    for (uint32_t i = 0; i < count; i++)
        ndis_module_leave(&hops[i].filter->module);
    ndis_module_leave(&source->adapter->module);
    if (hops != on_stack)
        ndis_free(hops);
    return status;
}

NDIS_STATUS
ndis_sync_oid_submit(struct ndis_module *source, NDIS_OID_REQUEST *request)
{
    struct ndis_binding *binding = source->kind == NDIS_KIND_BINDING ? CONTAINING_RECORD(source, struct ndis_binding, module) : NULL;
    NDIS_STATUS status = ndis_oid_check(request);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    if (ndis_sync_oid_is(request))
        verify_contract(binding ? "NdisSynchronousOidRequest" : "NdisFSynchronousOidRequest",
                        "the request is on its way already: a filter returns from its handler to pass one on");
    if (!binding)
        return sync_send(source, request);
    if (atomic_load(&binding->closing))
        return NDIS_STATUS_CLOSING;
    atomic_fetch_add(&binding->oids_outstanding, 1);
    status = sync_send(source, request);
    ndis_binding_oid_done(binding);
    return status;
}
