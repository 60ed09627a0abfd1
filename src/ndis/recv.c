// SPDX-License-Identifier: MIT
// The receive path, up and back down.
//   NdisMIndicateReceiveNetBufferLists -> ndis_recv_indicate -> FilterReceiveNetBufferLists -> NdisFIndicateReceive...
//       -> ndis_recv_indicate ... -> ndis_recv_top (recv_top.c) -> ProtocolReceiveNetBufferLists
//   NdisReturnNetBufferLists / NdisFReturnNetBufferLists -> ndis_recv_return -> FilterReturnNetBufferLists ...
//       -> recv_bottom: by SourceHandle to MiniportReturnNetBufferLists, or back to NDIS for its loopback copies
// With NDIS_RECEIVE_FLAGS_RESOURCES the NBLs are the indicator's again when the call returns, so such a list is never deferred
// [ndis/nf-ndis-ndismindicatereceivenetbufferlists].
#include "ndis/ndis_int.h"
#include "verify/ledger.h"
#include "verify/verify.h"

static void
recv_filter(struct ke_thread *self, const struct ndis_route *route, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG count,
            ULONG flags)
{
    bool resources = flags & NDIS_RECEIVE_FLAGS_RESOURCES;
    if (__builtin_expect(route->target->ndis->ledger_on, 0))
        verify_nbls_take(nbls, route->target, "FilterReceiveNetBufferLists", resources);
    struct ndis_frame *running = resources ? NULL : ndis_frame_find(self, route->target, NDIS_UPCALL_RECEIVE);
    if (running) {
        ndis_frame_defer(running, nbls, port, count, flags);
        return;
    }
    struct ndis_frame frame;
    ndis_frame_push(&frame, self, route->target, NDIS_UPCALL_RECEIVE);
    do {
        sched_choice(self->box->sched, SCHED_POINT_COMPLETE);
        struct ke_crossing crossing = ke_driver_enter(self, route->target->image, "FilterReceiveNetBufferLists");
        route->receive(route->context, nbls, port, count, flags);
        ke_driver_leave(self, crossing);
    } while ((nbls = ndis_frame_take(&frame, &port, &count, &flags)));
    ndis_frame_pop(&frame, self);
}

static __attribute__((noinline)) void
recv_given(const struct ndis_module *from, NET_BUFFER_LIST *nbls, ULONG count, ULONG flags)
{
    // A loopback copy is NDIS's own, whatever module it starts from.
    bool is_loopback = from->kind == NDIS_KIND_ADAPTER && nbls && nbls->SourceHandle == &from->adapter->loopback_kind;
    const char *function =
        from->kind == NDIS_KIND_ADAPTER ? "NdisMIndicateReceiveNetBufferLists" : "NdisFIndicateReceiveNetBufferLists";
    uint32_t found = verify_nbls_give(nbls, is_loopback ? &from->ndis->loopback : from, VERIFY_INDICATED, function, flags);
    if (!is_loopback)
        verify_nbls_indicated(found, from, count, function);
}

// With RESOURCES the list is the indicator's again when the call returns.
static __attribute__((noinline)) void
recv_taken_back(const struct ndis_module *from, NET_BUFFER_LIST *nbls)
{
    verify_nbls_back(nbls);
    verify_nbls_take(nbls, from, "NDIS_RECEIVE_FLAGS_RESOURCES", false);
}

void
ndis_recv_indicate(struct ndis_module *from, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct ke_thread *self = ke_self();
    struct ndis_route route;
    bool ledger_on = from->ndis->ledger_on, resources = flags & NDIS_RECEIVE_FLAGS_RESOURCES;
    if (__builtin_expect(ledger_on, 0))
        recv_given(from, nbls, count, flags);
    NDIS_EDGE_COUNT(self, from, indicated_nbls, count);
    ndis_trace(from, nbls, false);
    bool counted = ndis_route_begin(&from->receive, &route, self);
    if (route.target)
        recv_filter(self, &route, nbls, port, count, flags);
    else
        ndis_recv_top(from->adapter, nbls, port, count, flags);
    ndis_route_end(&route, counted);
    if (__builtin_expect(ledger_on, 0) && resources)
        recv_taken_back(from, nbls);
}

// Split off the leading run of NBLs that come from the same source; *rest gets what follows.
static NET_BUFFER_LIST *
recv_bottom_run(NET_BUFFER_LIST *nbls, NET_BUFFER_LIST **rest, uint32_t *count)
{
    NET_BUFFER_LIST *last = nbls;
    NDIS_HANDLE source = nbls->SourceHandle;
    struct ndis_walk walk = {0};
    NET_BUFFER_LIST *next = ndis_walk_next(&walk, last);
    uint32_t have = 1;
    for (; next && next->SourceHandle == source; have++) {
        last = next;
        next = ndis_walk_next(&walk, next);
    }
    *count = have;
    *rest = next;
    if (*rest)
        last->Next = NULL;
    return nbls;
}

// Who gets it back: the miniport below, or NDIS, for a copy that it made there. Miniports should set SourceHandle to their own
// [network/receiving-network-data], but public drivers leave it NULL or, when they forward what they received, as it was, and get their
// lists back on Windows all the same: a list goes back the way that it came.
static bool
recv_is_miniports(const NET_BUFFER_LIST *nbl, const struct ndis_module *miniport)
{
    return nbl->SourceHandle != &miniport->adapter->loopback_kind;
}

static void
recv_bottom(const struct ndis_route *route, NET_BUFFER_LIST *nbls, ULONG flags)
{
    struct ke_thread *self = ke_self();
    while (nbls) {
        NET_BUFFER_LIST *rest;
        uint32_t count;
        NET_BUFFER_LIST *run = recv_bottom_run(nbls, &rest, &count);
        if (recv_is_miniports(run, route->target)) {
            NDIS_EDGE_COUNT(self, route->target, returned_nbls, count);
            if (__builtin_expect(route->target->ndis->ledger_on, 0))
                verify_nbls_take(run, route->target, "MiniportReturnNetBufferLists", false);
            struct ke_crossing crossing = ke_driver_enter(self, route->target->image, "MiniportReturnNetBufferLists");
            route->returns(route->context, run, flags);
            ke_driver_leave(self, crossing);
        } else {
            if (__builtin_expect(route->target->ndis->ledger_on, 0))
                verify_nbls_take(run, &route->target->ndis->loopback, "NDIS", false);
            ndis_loopback_free(run);
        }
        nbls = rest;
    }
}

static void
recv_filter_return(const struct ndis_route *route, NET_BUFFER_LIST *nbls, ULONG flags)
{
    struct ke_thread *self = ke_self();
    if (__builtin_expect(route->target->ndis->ledger_on, 0))
        verify_nbls_take(nbls, route->target, "FilterReturnNetBufferLists", false);
    struct ke_crossing crossing = ke_driver_enter(self, route->target->image, "FilterReturnNetBufferLists");
    route->returns(route->context, nbls, flags);
    ke_driver_leave(self, crossing);
}

// Hand a list down a route. The route was copied by the caller, so the module it started from may be gone already.
void
ndis_recv_return_hop(const struct ndis_route *route, NET_BUFFER_LIST *nbls, ULONG flags)
{
    if (route->target->kind == NDIS_KIND_ADAPTER)
        recv_bottom(route, nbls, flags);
    else
        recv_filter_return(route, nbls, flags);
}

void
ndis_recv_return(struct ndis_module *from, NET_BUFFER_LIST *nbls, ULONG flags)
{
    struct ke_thread *self = ke_self();
    struct ndis_route route;
    if (__builtin_expect(from->ndis->ledger_on, 0))
        verify_nbls_give(nbls, from, VERIFY_RETURNED,
                         from->kind == NDIS_KIND_BINDING ? "NdisReturnNetBufferLists" : "NdisFReturnNetBufferLists", flags);
    uint32_t count = ndis_nbl_count(nbls, NULL);
    KIRQL old = ke_raise_dispatch(self);
    struct ke_processor *processor = self->processor;
    route = from->returns;
    bool counted = old < DISPATCH_LEVEL;
    if (counted)
        atomic_fetch_add_explicit(&route.target->calls, 1, memory_order_acq_rel);
    ndis_edge_add(&from->counters[processor->number].returned_nbls, count);
    if (from->kind == NDIS_KIND_BINDING)
        ke_gate_leave_at_dispatch(CONTAINING_RECORD(from, struct ndis_binding, module)->receives, processor, count);
    ke_lower(self, old);
    ndis_recv_return_hop(&route, nbls, flags);
    ndis_route_end(&route, counted);
}
