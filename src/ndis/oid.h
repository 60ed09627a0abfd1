// SPDX-License-Identifier: MIT
// OID requests: each is handed from one module (or NDIS itself) to the next one below that has a handler, one at a time per target,
// and its answer goes back to exactly the module that handed it over. A filter that passes a request on clones it, so each
// NDIS_OID_REQUEST makes one hop and its NdisReserved space can hold that hop's record. The front doors are ddi_oid.c.
#ifndef NBX_NDIS_OID_H
#define NBX_NDIS_OID_H

#include "ndis/ndis_int.h"

enum ndis_oid_state {
    NDIS_OID_SUBMITTING = 1,
    NDIS_OID_PENDED,
    NDIS_OID_DONE,
    NDIS_OID_SYNCHRONOUS                      // going down or up inside ndis_sync_oid_submit
};

// Lives in NDIS_OID_REQUEST.NdisReserved while the request is on its way.
struct ndis_oid {
    union {
        struct list node;                     // target's queue
        struct ke_work work;                  // before it: on its way to a worker (oid_defer)
    };
    NDIS_OID_REQUEST *request;
    struct ndis_module *source;               // who gets the answer; NULL: NDIS, through done
    struct ndis_module *target;
    struct ndis_pending *done;
    void *saved_buffer;                       // the source's, while NDIS lends the miniport its own (packet filter sums)
    void *lent_buffer;
    uint32_t saved_bytes;
    bool is_sum;                              // to be given NDIS's sum when its turn has come (pfilter.c)
    bool is_restore;                          // sets again what a reset has lost (kept.c)
    bool is_own;                              // NDIS's own, or sent on by a filter that has it from NDIS
    struct ndis_kept *kept;                   // to be remembered if the miniport says yes (kept.c)
    _Atomic uint32_t state;
    NDIS_STATUS status;
};
_Static_assert(sizeof(struct ndis_oid) <= NDIS_OID_REQUEST_NDIS_RESERVED_SIZE * sizeof(PVOID), "fits the reserved space");

static inline struct ndis_oid *
ndis_oid_of(NDIS_OID_REQUEST *request)
{
    return (struct ndis_oid *)request->NdisReserved;
}

// irql: <= DISPATCH   owns: lends request until the answer   fails: what the target says; NDIS_STATUS_PENDING means the source's
// completion handler is called later, anything else means it is not.
NDIS_STATUS ndis_oid_submit(struct ndis_module *source, NDIS_OID_REQUEST *request);
// The target answers a request it had pended. Reports a request that is not pending there.
void ndis_oid_complete(struct ndis_module *target, NDIS_OID_REQUEST *request, NDIS_STATUS status);
void ndis_oid_cancel(struct ndis_module *source, void *request_id);
// Ask the driver that has a request of this identifier to give it back. irql: <= DISPATCH
void ndis_oid_cancel_at(struct ndis_module *target, void *request_id);

// Does NDIS know the answer itself? Then *status is it. oid_answers.c
bool ndis_oid_answer(struct ndis_adapter *adapter, struct ndis_module *source, NDIS_OID_REQUEST *request, NDIS_STATUS *status);
// The power management requests among them. pm.c
bool ndis_pm_answer(struct ndis_adapter *adapter, struct ndis_module *source, NDIS_OID_REQUEST *request, NDIS_STATUS *status);
// A binding sets its packet filter, multicast list or lookahead: keep its own and mark the request, pfilter.c.
// Returns true with *status when nothing has to go down.
// irql: PASSIVE (ndis_pfilter_needs_passive says which requests have to wait for it)
bool ndis_pfilter_needs_passive(const NDIS_OID_REQUEST *request);
bool ndis_pfilter_set_begin(struct ndis_binding *binding, NDIS_OID_REQUEST *request, NDIS_STATUS *status);
// The turn of a request with is_sum has come: build the sum now, so that the last to reach the miniport is the newest, and lend it.
// Returns false with *status when the miniport has this sum already, or there is no memory. irql: <= DISPATCH
bool ndis_pfilter_lend(struct ndis_oid *oid, NDIS_STATUS *status);
void ndis_pfilter_set_end(struct ndis_oid *oid, NDIS_STATUS status);

// kept.c: what NDIS sets again after a reset. Take note of a set that is about to reach the miniport, and of its answer.
// Returns false when there is no memory for the note. irql: <= DISPATCH
bool ndis_kept_begin(struct ndis_oid *oid);
void ndis_kept_end(struct ndis_oid *oid, NDIS_STATUS status);

// Header and type of a request. fails: NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_NOT_SUPPORTED
NDIS_STATUS ndis_oid_check(const NDIS_OID_REQUEST *request);

// Direct requests (oid_direct.c): the same promises, but the handler below is called at once. irql: <= DISPATCH
// fails: NDIS_STATUS_NOT_SUPPORTED where nobody below takes any
NDIS_STATUS ndis_direct_oid_submit(struct ndis_module *source, NDIS_OID_REQUEST *request);
void ndis_direct_oid_complete(struct ndis_module *target, NDIS_OID_REQUEST *request, NDIS_STATUS status);
void ndis_direct_oid_cancel(struct ndis_module *source, void *request_id);

// Synchronous requests (oid_sync.c): all filters and the miniport in this one call. irql: <= DISPATCH   owns: lends request for the call
// fails: what filters and miniport say, never PENDING; NDIS_STATUS_NOT_SUPPORTED from a miniport without a handler
NDIS_STATUS ndis_sync_oid_submit(struct ndis_module *source, NDIS_OID_REQUEST *request);
// Is it inside ndis_sync_oid_submit? Nobody may clone it then, nor send it again.
bool ndis_sync_oid_is(const NDIS_OID_REQUEST *request);

// Clones of requests (oid_clone.c): the handle has to be a filter module's or a binding's, who pass requests on.
bool ndis_oid_clones_for(NDIS_HANDLE source);
// The same data and none of the reserved areas; SourceReserved is its owner's to fill.
// irql: <= DISPATCH   owns: the clone is the caller's until ndis_oid_clone_free   fails: NULL, out of memory
NDIS_OID_REQUEST *ndis_oid_clone(NDIS_HANDLE source, const NDIS_OID_REQUEST *request);
// fails: reports what is no clone, and one that is still below
void ndis_oid_clone_free(NDIS_OID_REQUEST *clone);
// The box's NDIS goes: clones that nobody freed, said by driver and counted.
uint32_t ndis_oid_clones_left(struct ndis *ndis);

// With the verifier on: the module's driver is about to be given a request; it has completed it. oid_watch.c
#define NDIS_OID_LIMIT_S 12u
void ndis_oid_watch_begin(struct ndis_module *module);
void ndis_oid_watch_end(struct ndis_module *module);
// The request's own time-out, if it has one: when it expires the driver is asked to cancel [oidrequest/ns-oidrequest-ndis_oid_request].
void ndis_oid_timeout_begin(struct ndis_module *module, const NDIS_OID_REQUEST *request);
void ndis_oid_timeout_end(struct ndis_module *module);

// Write an answer into a query's buffer, with the length rules of queries.
NDIS_STATUS ndis_oid_reply(NDIS_OID_REQUEST *request, const void *data, uint32_t bytes);

#endif
