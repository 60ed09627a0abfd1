// SPDX-License-Identifier: MIT
// How long a driver takes over an OID request: two timers for the one that each module has at a time.
//   oid_hand_over -> ndis_oid_watch_begin -> handler -> ... completed -> ndis_oid_watch_end
//                                        12 s later, still there: watch_dpc -> NBX-0106 (with the verifier on)
//   oid_hand_over -> ndis_oid_timeout_begin ... if the request has a time-out: timeout_dpc -> the driver's cancel handler
// The limit is Driver Verifier's [devtest, NdisTimedOidComplete]; under the seeded scheduler it is of virtual time.
#include <stdio.h>

#include "ndis/oid.h"
#include "ndis/words.h"
#include "nt/ke/dpc.h"
#include "nt/ke/timer.h"
#include "verify/report.h"

static struct ndis_oid_queue *
watch_queue(struct ndis_module *module)
{
    if (module->kind == NDIS_KIND_ADAPTER)
        return &CONTAINING_RECORD(module, struct ndis_adapter, module)->oids;
    return &CONTAINING_RECORD(module, struct ndis_filter, module)->oids;
}

static NTAPI VOID
watch_dpc(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct ndis_module *module = context;
    struct ndis_oid_queue *queue = watch_queue(module);
    uint32_t oid = 0;
    KIRQL old = ke_lock_take(&module->adapter->oid_lock);
    bool is_there = queue->current && sched_now_ns(sched_self->sched) >= queue->watch_until_ns;
    if (is_there)
        oid = queue->current->request->DATA.QUERY_INFORMATION.Oid;   // at the same place in all kinds of requests
    ke_lock_drop(&module->adapter->oid_lock, old);
    if (!is_there)
        return;
    char text[160];
    snprintf(text, sizeof text, "%s has had %s for %u s and not completed it", module->image->name, ndis_oid_word(oid), NDIS_OID_LIMIT_S);
    verify_report(&(struct verify_finding){
        .rule = NBX_0106,
        .driver = module->image,
        .function = module->kind == NDIS_KIND_ADAPTER ? "MiniportOidRequest" : "FilterOidRequest",
        .text = text});
}

void
ndis_oid_watch_begin(struct ndis_module *module)
{
    struct ndis_oid_queue *queue = watch_queue(module);
    if (!module->ndis->ledger_on)
        return;
    if (!queue->is_watched) {
        ke_timer_init(&queue->watch_timer, NotificationTimer);
        ke_dpc_init(&queue->watch_dpc, watch_dpc, module, false);
        queue->is_watched = true;
    }
    LARGE_INTEGER limit = {.QuadPart = -(LONGLONG)NDIS_OID_LIMIT_S * 10000000};
    queue->watch_until_ns = sched_now_ns(sched_self->sched) + NDIS_OID_LIMIT_S * UINT64_C(1000000000);
    ke_timer_set(&queue->watch_timer, limit, 0, &queue->watch_dpc);
}

void
ndis_oid_watch_end(struct ndis_module *module)
{
    struct ndis_oid_queue *queue = watch_queue(module);
    if (!queue->is_watched)
        return;
    ke_timer_cancel(&queue->watch_timer);
    ke_dpc_remove(&queue->watch_dpc);
}

// ---- the time-out of a request --------------------------------------------------------------------------------------------------------

static NTAPI VOID
timeout_dpc(PKDPC dpc, PVOID context, PVOID argument1, PVOID argument2)
{
    struct ndis_module *module = context;
    struct ndis_oid_queue *queue = watch_queue(module);
    void *id = NULL;
    KIRQL old = ke_lock_take(&module->adapter->oid_lock);
    bool is_there = queue->current && queue->timeout_until_ns && sched_now_ns(sched_self->sched) >= queue->timeout_until_ns;
    if (is_there) {
        id = queue->current->request->RequestId;
        queue->timeout_until_ns = 0;          // asked once
        atomic_fetch_add(&module->calls, 1);
    }
    ke_lock_drop(&module->adapter->oid_lock, old);
    if (!is_there)
        return;
    ndis_oid_cancel_at(module, id);
    ndis_module_leave(module);
}

void
ndis_oid_timeout_begin(struct ndis_module *module, const NDIS_OID_REQUEST *request)
{
    struct ndis_oid_queue *queue = watch_queue(module);
    if (request->Timeout == NDIS_OID_REQUEST_TIMEOUT_INFINITE)
        return;
    if (!queue->is_timed) {
        ke_timer_init(&queue->timeout_timer, NotificationTimer);
        ke_dpc_init(&queue->timeout_dpc, timeout_dpc, module, false);
        queue->is_timed = true;
    }
    LARGE_INTEGER limit = {.QuadPart = -(LONGLONG)request->Timeout * 10000000};
    queue->timeout_until_ns = sched_now_ns(sched_self->sched) + request->Timeout * UINT64_C(1000000000);
    ke_timer_set(&queue->timeout_timer, limit, 0, &queue->timeout_dpc);
}

void
ndis_oid_timeout_end(struct ndis_module *module)
{
    struct ndis_oid_queue *queue = watch_queue(module);
    if (!queue->is_timed || !queue->timeout_until_ns)
        return;
    queue->timeout_until_ns = 0;
    ke_timer_cancel(&queue->timeout_timer);
    ke_dpc_remove(&queue->timeout_dpc);
}
