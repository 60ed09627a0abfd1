// SPDX-License-Identifier: MIT
// The way of an OID request. See oid.h for the rule of one hop.
//   ndis_oid_submit -> answered by NDIS itself (oid_answers.c, pfilter.c)?  -> done at once
//                   -> queued at the next module below that has a handler -> oid_run: one at a time, at PASSIVE
//   handler returns a status, or PENDING and ndis_oid_complete later -> oid_finish -> back to the source
// Whether the source gets its answer as the return value or through its completion handler is decided once, by an exchange of
// oid->state between the submitter and the finisher.
#include "ndis/oid.h"
#include "ndis/offload.h"
#include "ndis/rss.h"
#include "ndis/vmq.h"

#include <stdio.h>
#include <string.h>

#include "ndis/header.h"
#include "ndis/words.h"
#include "verify/report.h"

static struct ndis_oid_queue *
oid_queue(struct ndis_module *target)
{
    if (target->kind == NDIS_KIND_ADAPTER)
        return &CONTAINING_RECORD(target, struct ndis_adapter, module)->oids;
    return &CONTAINING_RECORD(target, struct ndis_filter, module)->oids;
}

// The next module below the source that takes requests. NULL source: NDIS, from the top. It counts as called until
// ndis_module_leave, so that it is not detached between being found and having the request.
static struct ndis_module *
oid_target(struct ndis_adapter *adapter, struct ndis_module *source)
{
    struct ndis_module *target = &adapter->module;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    struct list *at = &adapter->filters;
    if (source && source->kind == NDIS_KIND_FILTER)
        at = &CONTAINING_RECORD(source, struct ndis_filter, module)->node;
    for (at = at->prev; at != &adapter->filters; at = at->prev) {
        struct ndis_filter *filter = LIST_ENTRY_OF(at, struct ndis_filter, node);
        if (filter->driver->chars.OidRequestHandler) {
            target = &filter->module;
            break;
        }
    }
    atomic_fetch_add(&target->calls, 1);
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return target;
}

// ---- the answer -----------------------------------------------------------------------------------------------------------------

static void
oid_answer_source(struct ndis_oid *oid, NDIS_STATUS status)
{
    NDIS_OID_REQUEST *request = oid->request;
    struct ndis_module *source = oid->source;
    if (!source) {
        ndis_pending_complete(oid->done, status);
    } else if (source->kind == NDIS_KIND_BINDING) {
        struct ndis_binding *binding = CONTAINING_RECORD(source, struct ndis_binding, module);
        NDIS_CALL_VOID(source->image, "ProtocolOidRequestComplete",
                       binding->protocol->chars.OidRequestCompleteHandler(binding->context, request, status));
        ndis_binding_oid_done(binding);
    } else {
        struct ndis_filter *filter = CONTAINING_RECORD(source, struct ndis_filter, module);
        NDIS_CALL_VOID(source->image, "FilterOidRequestComplete",
                       filter->driver->chars.OidRequestCompleteHandler(filter->context, request, status));
    }
}

// The request is off every queue. The source hears of it once: as return value if it is still submitting, else by a call.
static void
oid_finish(struct ndis_oid *oid, NDIS_STATUS status)
{
    ndis_kept_end(oid, status);
    if (status == NDIS_STATUS_SUCCESS && oid->target->kind == NDIS_KIND_ADAPTER) {
        ndis_rss_noted(oid->target->adapter, oid->request);
        ndis_offload_noted(oid->target->adapter, oid->request, oid->source);
        ndis_vmq_end(oid->target->adapter, oid->request, status);
    }
    ndis_pfilter_set_end(oid, status);
    oid->status = status;
    uint32_t state = NDIS_OID_SUBMITTING;
    if (atomic_compare_exchange_strong(&oid->state, &state, NDIS_OID_DONE))
        return;
    atomic_store(&oid->state, NDIS_OID_DONE);   // the source may free it from here on
    oid_answer_source(oid, status);
}

// ---- one at a time --------------------------------------------------------------------------------------------------------------

static NDIS_STATUS
oid_call(struct ndis_module *target, NDIS_OID_REQUEST *request)
{
    if (target->kind == NDIS_KIND_ADAPTER) {
        struct ndis_adapter *adapter = target->adapter;
        return NDIS_CALL(target->image, "MiniportOidRequest",
                         adapter->driver->chars.OidRequestHandler(adapter->general_context, request));
    }
    struct ndis_filter *filter = CONTAINING_RECORD(target, struct ndis_filter, module);
    return NDIS_CALL(target->image, "FilterOidRequest", filter->driver->chars.OidRequestHandler(filter->context, request));
}

// Take a finished request off its queue. Returns false when it is not the one at the driver.
static bool
oid_current_clear(struct ndis_module *target, struct ndis_oid *oid)
{
    struct ndis_oid_queue *queue = oid_queue(target);
    if (queue->current == oid) {              // before the next request can begin
        ndis_oid_watch_end(target);
        ndis_oid_timeout_end(target);
    }
    KIRQL old = ke_lock_take(&target->adapter->oid_lock);
    bool current = queue->current == oid;
    if (current)
        queue->current = NULL;
    ke_lock_drop(&target->adapter->oid_lock, old);
    return current;
}

static struct ndis_oid *
oid_next(struct ndis_module *target, bool first)
{
    struct ndis_oid_queue *queue = oid_queue(target);
    struct ndis_oid *oid = NULL;
    KIRQL old = ke_lock_take(&target->adapter->oid_lock);
    if (first && queue->running)
        first = false;                        // somebody else hands requests over already
    else {
        struct list *node = queue->current ? NULL : list_pop_front(&queue->waiting);
        oid = node ? LIST_ENTRY_OF(node, struct ndis_oid, node) : NULL;
        queue->current = oid ? oid : queue->current;
        queue->handed += oid != NULL;
        queue->running = oid != NULL;
    }
    ke_lock_drop(&target->adapter->oid_lock, old);
    return oid;
}

static bool
oid_is_set_power(const NDIS_OID_REQUEST *request)
{
    return request->RequestType == NdisRequestSetInformation && request->DATA.SET_INFORMATION.Oid == OID_PNP_SET_POWER;
}

// The driver's answer, or NDIS's own when the driver need not be asked after all.
static NDIS_STATUS
oid_hand_over(struct ndis_module *target, struct ndis_oid *oid)
{
    NDIS_STATUS status;
    if (target->kind == NDIS_KIND_ADAPTER && atomic_load(&target->adapter->is_shut))
        return NDIS_STATUS_NOT_ACCEPTED;      // UNSURE: no page says what a caller is told when the system goes down
    if (target->kind == NDIS_KIND_ADAPTER && atomic_load(&target->adapter->low_power) &&
        (target->adapter->pm.is_halted || !oid_is_set_power(oid->request)))
        return NDIS_STATUS_LOW_POWER_STATE;   // UNSURE: the pages say that none can be sent, not what a caller is told
    if (target->kind == NDIS_KIND_ADAPTER && atomic_load(&target->adapter->resetting))
        return NDIS_STATUS_RESET_IN_PROGRESS;   // [ndis/nf-ndis-ndisoidrequest]
    if (oid->is_sum && !ndis_pfilter_lend(oid, &status))
        return status;
    if (target->kind == NDIS_KIND_ADAPTER && !ndis_kept_begin(oid))
        return NDIS_STATUS_RESOURCES;
    if (target->kind == NDIS_KIND_ADAPTER && !ndis_vmq_begin(target->adapter, oid->request, &status))
        return status;
    if (target->kind == NDIS_KIND_ADAPTER)
        ndis_offload_keywords(target->adapter, oid->request);
    bool counted = ndis_call_begin(target, ke_self());
    ndis_oid_watch_begin(target);
    ndis_oid_timeout_begin(target, oid->request);
    status = oid_call(target, oid->request);
    ndis_call_end(target, counted);
    return status;
}

// A driver says how much it has written, or read: never more than there is.
static void
oid_bytes_check(const struct ndis_module *target, const NDIS_OID_REQUEST *request, NDIS_STATUS status)
{
    bool is_query = request->RequestType == NdisRequestQueryInformation || request->RequestType == NdisRequestQueryStatistics;
    bool is_set = request->RequestType == NdisRequestSetInformation;
    ULONG done = is_query ? request->DATA.QUERY_INFORMATION.BytesWritten : is_set ? request->DATA.SET_INFORMATION.BytesRead : 0;
    ULONG room = is_query ? request->DATA.QUERY_INFORMATION.InformationBufferLength
                          : request->DATA.SET_INFORMATION.InformationBufferLength;
    if (__builtin_expect(!target->ndis->ledger_on || status != NDIS_STATUS_SUCCESS || (!is_query && !is_set) || done <= room, 1))
        return;
    char text[160];
    snprintf(text, sizeof text, "%s says that it has %s %u bytes of %s, whose buffer has %u", target->image->name,
             is_query ? "written" : "read", done, ndis_oid_word(request->DATA.QUERY_INFORMATION.Oid), room);
    verify_report(&(struct verify_finding){.rule = NBX_0105,
                                           .driver = target->image,
                                           .function = is_query ? "BytesWritten" : "BytesRead",
                                           .text = text});
}

// Hand waiting requests to the target until one pends or none is left. irql: PASSIVE.
static void
oid_run(struct ndis_module *target)
{
    for (struct ndis_oid *oid = oid_next(target, true); oid; oid = oid_next(target, false)) {
        NDIS_STATUS status = oid_hand_over(target, oid);
        if (status == NDIS_STATUS_PENDING)
            continue;                         // perhaps answered inside already: oid_next looks at current
        if (!oid_current_clear(target, oid))
            verify_rule_fatal(NBX_0104, "OidRequest handler", "returned a final status for a request that it had completed already");
        oid_bytes_check(target, oid->request, status);
        oid_finish(oid, status);
    }
}

static void
oid_run_work(void *arg)
{
    struct ndis_module *target = arg;
    KIRQL old = ke_lock_take(&target->adapter->oid_lock);
    oid_queue(target)->work_queued = false;
    ke_lock_drop(&target->adapter->oid_lock, old);
    oid_run(target);
    ndis_module_leave(target);
}

// Regular requests reach drivers at PASSIVE_LEVEL: above it a worker does it [ndis/nc-ndis-miniport_oid_request].
static void
oid_kick(struct ndis_module *target)
{
    struct ndis_oid_queue *queue = oid_queue(target);
    if (ke_self()->irql == PASSIVE_LEVEL) {
        oid_run(target);
        return;
    }
    KIRQL old = ke_lock_take(&target->adapter->oid_lock);
    bool is_first = !queue->work_queued;
    queue->work_queued = true;
    if (is_first)
        atomic_fetch_add(&target->calls, 1);
    ke_lock_drop(&target->adapter->oid_lock, old);
    if (!is_first)
        return;
    queue->work = (struct ke_work){.fn = oid_run_work, .context = target};
    ke_work_queue_own(target->ndis->box, &queue->work);
}

static void
oid_enqueue(struct ndis_oid *oid)
{
    struct ndis_module *target = oid->target;
    KIRQL old = ke_lock_take(&target->adapter->oid_lock);
    if (oid_queue(target)->current)
        ndis_event_note(target->ndis, NDIS_EVENT_OID_WAITED);
    list_push_back(&oid_queue(target)->waiting, &oid->node);
    ke_lock_drop(&target->adapter->oid_lock, old);
    oid_kick(target);
}

// ---- from the source ------------------------------------------------------------------------------------------------------------

NDIS_STATUS
ndis_oid_check(const NDIS_OID_REQUEST *request)
{
    if (!ndis_header_fits(&request->Header, &ndis_kind_oid_request))
        return NDIS_STATUS_INVALID_PARAMETER;
    switch (request->RequestType) {
    case NdisRequestQueryInformation:
    case NdisRequestQueryStatistics:
    case NdisRequestSetInformation:
    case NdisRequestMethod:
        return NDIS_STATUS_SUCCESS;
    default:
        return NDIS_STATUS_NOT_SUPPORTED;
    }
}

static NDIS_STATUS
oid_send(struct ndis_oid *oid)
{
    oid_enqueue(oid);
    uint32_t state = NDIS_OID_SUBMITTING;
    if (atomic_compare_exchange_strong(&oid->state, &state, NDIS_OID_PENDED))
        return NDIS_STATUS_PENDING;
    return oid->status;
}

// A request that changes the picture came above PASSIVE: a worker goes on with it, and the answer comes by a call.
static void
oid_passive_work(void *arg)
{
    struct ndis_oid *oid = arg;
    struct ndis_binding *binding = CONTAINING_RECORD(oid->source, struct ndis_binding, module);
    struct ndis_module *target = oid->target;
    NDIS_STATUS status;
    if (ndis_pfilter_set_begin(binding, oid->request, &status))
        oid_finish(oid, status);
    else
        oid_enqueue(oid);
    ndis_module_leave(target);
}

static NDIS_STATUS
oid_defer(struct ndis_binding *binding, struct ndis_oid *oid)
{
    atomic_store(&oid->state, NDIS_OID_PENDED);
    atomic_fetch_add(&binding->oids_outstanding, 1);
    oid->work = (struct ke_work){.fn = oid_passive_work, .context = oid};
    ke_work_queue_own(binding->module.ndis->box, &oid->work);
    return NDIS_STATUS_PENDING;
}

// NDIS's own request, or what a filter sends on because it has just that one: NDIS does not answer it a second time.
static bool
oid_is_own(const NDIS_OID_REQUEST *request, struct ndis_module *source)
{
    if (!source || source->kind != NDIS_KIND_FILTER)
        return !source;
    KIRQL old = ke_lock_take(&source->adapter->oid_lock);
    const struct ndis_oid *has = oid_queue(source)->current;
    bool is_own = has && has->is_own && has->request->RequestType == request->RequestType &&
                  has->request->DATA.SET_INFORMATION.Oid == request->DATA.SET_INFORMATION.Oid;
    ke_lock_drop(&source->adapter->oid_lock, old);
    return is_own;
}

static struct ndis_oid *
oid_init(NDIS_OID_REQUEST *request, struct ndis_module *source, struct ndis_module *target)
{
    struct ndis_oid *oid = ndis_oid_of(request);
    memset(oid, 0, sizeof *oid);
    oid->is_own = oid_is_own(request, source);
    list_init(&oid->node);
    oid->request = request;
    oid->source = source;
    oid->target = target;
    atomic_store(&oid->state, NDIS_OID_SUBMITTING);
    return oid;
}

static NDIS_STATUS
oid_submit_filter(struct ndis_module *source, struct ndis_oid *oid)
{
    NDIS_STATUS status;
    if (oid->target == &source->adapter->module && ndis_oid_answer(source->adapter, oid->is_own ? NULL : source, oid->request, &status))
        return status;
    return oid_send(oid);
}

// *deferred: a worker goes on, and lets go of the target.
static NDIS_STATUS
oid_submit_binding(struct ndis_binding *binding, struct ndis_oid *oid, bool *deferred)
{
    NDIS_OID_REQUEST *request = oid->request;
    NDIS_STATUS status;
    if (ke_self()->irql > PASSIVE_LEVEL && ndis_pfilter_needs_passive(request)) {
        *deferred = true;
        return oid_defer(binding, oid);
    }
    if (ndis_oid_answer(binding->module.adapter, &binding->module, request, &status) ||
        ndis_pfilter_set_begin(binding, request, &status))
        return status;
    atomic_fetch_add(&binding->oids_outstanding, 1);
    status = oid_send(oid);
    if (status != NDIS_STATUS_PENDING)
        ndis_binding_oid_done(binding);
    return status;
}

NDIS_STATUS
ndis_oid_submit(struct ndis_module *source, NDIS_OID_REQUEST *request)
{
    struct ndis_binding *binding = source->kind == NDIS_KIND_FILTER ? NULL : CONTAINING_RECORD(source, struct ndis_binding, module);
    bool deferred = false;
    NDIS_STATUS status = ndis_oid_check(request);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    if (binding && atomic_load(&binding->closing))
        return NDIS_STATUS_CLOSING;
    struct ndis_module *target = oid_target(source->adapter, source);
    struct ndis_oid *oid = oid_init(request, source, target);
    status = binding ? oid_submit_binding(binding, oid, &deferred) : oid_submit_filter(source, oid);
    if (!deferred)
        ndis_module_leave(target);
    return status;
}

void
ndis_oid_complete(struct ndis_module *target, NDIS_OID_REQUEST *request, NDIS_STATUS status)
{
    struct ndis_oid *oid = ndis_oid_of(request);
    if (status == NDIS_STATUS_PENDING)
        verify_rule_fatal(NBX_0104, "OidRequestComplete", "completed with NDIS_STATUS_PENDING");
    atomic_fetch_add(&target->calls, 1);      // with its answer out, nothing else keeps the target
    if (oid->target != target || !oid_current_clear(target, oid))
        verify_rule_fatal(NBX_0103, "OidRequestComplete", "the request is not pending at this driver (completed twice?)");
    oid_bytes_check(target, request, status);
    oid_finish(oid, status);
    oid_kick(target);
    ndis_module_leave(target);
}

// ---- cancel and flush -------------------------------------------------------------------------------------------------------------

static struct ndis_oid *
oid_take_waiting(struct ndis_module *target, const struct ndis_module *source, const void *request_id, bool any)
{
    struct ndis_oid *found = NULL;
    KIRQL old = ke_lock_take(&target->adapter->oid_lock);
    LIST_FOR_EACH_SAFE(node, &oid_queue(target)->waiting) {
        struct ndis_oid *oid = LIST_ENTRY_OF(node, struct ndis_oid, node);
        if (!found && (any || (oid->source == source && oid->request->RequestId == request_id))) {
            list_remove(node);
            found = oid;
        }
    }
    ke_lock_drop(&target->adapter->oid_lock, old);
    return found;
}

void
ndis_oid_cancel_at(struct ndis_module *target, void *request_id)
{
    if (target->kind == NDIS_KIND_ADAPTER) {
        struct ndis_adapter *adapter = target->adapter;
        NDIS_CALL_VOID(target->image, "MiniportCancelOidRequest",
                       adapter->driver->chars.CancelOidRequestHandler(adapter->general_context, request_id));
    } else {
        struct ndis_filter *filter = CONTAINING_RECORD(target, struct ndis_filter, module);
        if (filter->driver->chars.CancelOidRequestHandler)
            NDIS_CALL_VOID(target->image, "FilterCancelOidRequest",
                           filter->driver->chars.CancelOidRequestHandler(filter->context, request_id));
        else                                  // "NDIS calls the cancel OID request function of the underlying driver"
            ndis_oid_cancel(target, request_id);
    }
}

static void
oid_cancel_current(struct ndis_module *target, const struct ndis_module *source, void *request_id)
{
    struct ndis_oid_queue *queue = oid_queue(target);
    KIRQL old = ke_lock_take(&target->adapter->oid_lock);
    struct ndis_oid *oid = queue->current;
    bool here = oid && oid->source == source && oid->request->RequestId == request_id;
    ke_lock_drop(&target->adapter->oid_lock, old);
    if (here)
        ndis_oid_cancel_at(target, request_id);
}

void
ndis_oid_cancel(struct ndis_module *source, void *request_id)
{
    struct ndis_module *target = oid_target(source->adapter, source);
    struct ndis_oid *oid;
    ndis_event_note(source->ndis, NDIS_EVENT_OID_CANCELLED);
    while ((oid = oid_take_waiting(target, source, request_id, false)))
        oid_finish(oid, NDIS_STATUS_REQUEST_ABORTED);
    oid_cancel_current(target, source, request_id);
    ndis_module_leave(target);
}

void
ndis_oid_flush(struct ndis_module *module, NDIS_STATUS status)
{
    struct ndis_oid *oid;
    while ((oid = oid_take_waiting(module, NULL, NULL, true)))
        oid_finish(oid, status);
}

// ---- NDIS's own requests ----------------------------------------------------------------------------------------------------------

static void
oid_request_fill(NDIS_OID_REQUEST *request, NDIS_REQUEST_TYPE type, NDIS_OID oid, void *buffer, uint32_t bytes)
{
    memset(request, 0, sizeof *request);
    request->Header = ndis_header(NDIS_OBJECT_TYPE_OID_REQUEST, NDIS_OID_REQUEST_REVISION_1, NDIS_SIZEOF_OID_REQUEST_REVISION_1);
    request->RequestType = type;
    if (type == NdisRequestSetInformation) {
        request->DATA.SET_INFORMATION.Oid = oid;
        request->DATA.SET_INFORMATION.InformationBuffer = buffer;
        request->DATA.SET_INFORMATION.InformationBufferLength = bytes;
    } else {
        request->DATA.QUERY_INFORMATION.Oid = oid;
        request->DATA.QUERY_INFORMATION.InformationBuffer = buffer;
        request->DATA.QUERY_INFORMATION.InformationBufferLength = bytes;
    }
}

enum oid_own { OID_OWN_PLAIN, OID_OWN_SUM, OID_OWN_RESTORE };

// Send NDIS's own request and wait for the answer: from the top, or what a reset has lost straight to the miniport.
static NDIS_STATUS
oid_own(struct ndis_adapter *adapter, NDIS_OID_REQUEST *request, enum oid_own how)
{
    NDIS_STATUS status;
    struct ndis_pending done;
    struct ndis_module *target = &adapter->module;
    if (how == OID_OWN_RESTORE)
        atomic_fetch_add(&target->calls, 1);
    else
        target = oid_target(adapter, NULL);
    struct ndis_oid *oid = oid_init(request, NULL, target);
    bool sent = !ndis_oid_answer(adapter, NULL, request, &status);
    if (sent) {
        oid->is_sum = how == OID_OWN_SUM;
        oid->is_restore = how == OID_OWN_RESTORE;
        oid->done = &done;
        ndis_pending_begin(&done);
        status = oid_send(oid);
    }
    ndis_module_leave(target);                  // not through the wait: a detach must be able to flush what waits
    return sent ? ndis_pending_end(&done, status) : status;
}

NDIS_STATUS
ndis_oid_adapter(struct ndis_adapter *adapter, NDIS_REQUEST_TYPE type, NDIS_OID oid_number, void *buffer, uint32_t bytes,
                 uint32_t *done_bytes)
{
    NDIS_OID_REQUEST request;
    oid_request_fill(&request, type, oid_number, buffer, bytes);
    NDIS_STATUS status = oid_own(adapter, &request, OID_OWN_PLAIN);
    if (done_bytes)
        *done_bytes = type == NdisRequestSetInformation ? request.DATA.SET_INFORMATION.BytesRead
                                                        : request.DATA.QUERY_INFORMATION.BytesWritten;
    return status;
}

NDIS_STATUS
ndis_oid_adapter_sum(struct ndis_adapter *adapter, NDIS_OID oid_number)
{
    NDIS_OID_REQUEST request;
    oid_request_fill(&request, NdisRequestSetInformation, oid_number, NULL, 0);
    return oid_own(adapter, &request, OID_OWN_SUM);
}

NDIS_STATUS
ndis_oid_adapter_restore(struct ndis_adapter *adapter, NDIS_OID oid_number, void *buffer, uint32_t bytes)
{
    NDIS_OID_REQUEST request;
    oid_request_fill(&request, NdisRequestSetInformation, oid_number, buffer, bytes);
    return oid_own(adapter, &request, OID_OWN_RESTORE);
}
