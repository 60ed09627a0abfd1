// SPDX-License-Identifier: MIT
// The send path, down and back up.
//   NdisSendNetBufferLists  -> ndis_send_submit -+-> send_hop -> FilterSendNetBufferLists -> NdisFSendNetBufferLists
//                                                |               -> ndis_send_pass -> send_hop -> ... -> MiniportSendNetBufferLists
//                                                +-> refused (binding not running): NDIS_STATUS_PAUSED, straight to the protocol
//   A miniport that is being reset gets none: NDIS_STATUS_RESET_IN_PROGRESS, back up from there.
//   NdisM/FSendNetBufferListsComplete -> ndis_send_done -> FilterSendNetBufferListsComplete ... -> send_top_done
//   send_top_done sorts a list by SourceHandle and gives each binding its own, in the order of completion.
// The order of one binding's NBLs is the order of its calls: every hop passes lists on whole and synchronously
// [network/sending-data-from-a-protocol-driver]. Ownership goes with each call; nothing here looks at an NBL after it was handed on.
#include "ndis/ndis_int.h"
#include "verify/ledger.h"
#include "verify/refuse.h"
#include "verify/verify.h"

static void
send_status_set(NET_BUFFER_LIST *nbls, NDIS_STATUS status)
{
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next)
        nbl->Status = status;
}

// "NDIS will not accept send requests ... while a reset operation is in progress" [ndis/nc-ndis-protocol_status_ex].
static void
send_turn_back(struct ke_thread *self, struct ndis_module *miniport, NET_BUFFER_LIST *nbls, uint32_t count, ULONG flags)
{
    NDIS_EDGE_COUNT(self, miniport, sent_nbls, count);
    if (__builtin_expect(miniport->ndis->ledger_on, 0))
        verify_nbls_take(nbls, miniport, "NDIS, for a miniport that is being reset", false);
    send_status_set(nbls, NDIS_STATUS_RESET_IN_PROGRESS);
    ndis_send_done(miniport, nbls, flags & NDIS_SEND_FLAGS_DISPATCH_LEVEL ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
}

static void
send_hop(struct ke_thread *self, const struct ndis_route *from, NET_BUFFER_LIST *nbls, uint32_t count, NDIS_PORT_NUMBER port,
         ULONG flags)
{
    struct ndis_route route;
    bool counted = ndis_route_begin(from, &route, self);
    bool is_miniport = route.target->kind == NDIS_KIND_ADAPTER;
    if (is_miniport) {
        struct ndis_adapter *adapter = CONTAINING_RECORD(route.target, struct ndis_adapter, module);
        if (__builtin_expect(atomic_load_explicit(&adapter->resetting, memory_order_relaxed), 0)) {
            send_turn_back(self, route.target, nbls, count, flags);
            ndis_route_end(&route, counted);
            return;
        }
        if (__builtin_expect(route.loopback || (flags & NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK), 0))
            ndis_loopback(adapter, nbls, port, flags);
        ndis_trace(route.target, nbls, true);
        NDIS_EDGE_COUNT(self, route.target, sent_nbls, count);
    }
    const char *name = is_miniport ? "MiniportSendNetBufferLists" : "FilterSendNetBufferLists";
    if (__builtin_expect(route.target->ndis->ledger_on, 0))
        verify_nbls_take(nbls, route.target, name, false);
    struct ke_crossing crossing = ke_driver_enter(self, route.target->image, name);
    route.send(route.context, nbls, port, flags);
    ke_driver_leave(self, crossing);
    ndis_route_end(&route, counted);
}

// The binding does not run: nothing was entered, so nothing is left.
static void
send_refuse(struct ndis_binding *binding, NET_BUFFER_LIST *nbls, struct ke_thread *self)
{
    ndis_event_note(binding->module.ndis, NDIS_EVENT_SEND_REFUSED);
    send_status_set(nbls, NDIS_STATUS_PAUSED);
    if (__builtin_expect(binding->module.ndis->ledger_on, 0))
        verify_nbls_take(nbls, &binding->module, "ProtocolSendNetBufferListsComplete", false);
    ULONG flags = self->irql >= DISPATCH_LEVEL ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0;
    struct ke_crossing crossing = ke_driver_enter(self, binding->module.image, "ProtocolSendNetBufferListsComplete");
    binding->send_complete_handler(binding->context, nbls, flags);
    ke_driver_leave(self, crossing);
}

// By its SourceHandle an NBL finds home, whoever completes it: a wrong one is the sender's, so it is found here.
static void
sources_check(const struct ndis_binding *binding, NET_BUFFER_LIST *nbls)
{
    struct ndis_walk walk = {0};
    for (; nbls; nbls = ndis_walk_next(&walk, nbls))
        if (__builtin_expect(nbls->SourceHandle != binding, 0))
            verify_contract("NdisSendNetBufferLists", "the SourceHandle of a NET_BUFFER_LIST is not the binding that it is sent on");
}

void
ndis_send_submit(struct ndis_binding *binding, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    struct ke_thread *self = ke_self();
    bool ledger_on = binding->module.ndis->ledger_on;
    uint32_t count;
    if (__builtin_expect(ledger_on, 0)) {
        sources_check(binding, nbls);
        count = verify_nbls_give(nbls, &binding->module, VERIFY_SENT, "NdisSendNetBufferLists", flags);
    } else {
        count = ndis_nbl_count(nbls, NULL);
    }
    KIRQL old = ke_raise_dispatch(self);
    struct ke_processor *processor = self->processor;
    bool entered = ke_gate_enter_at_dispatch(binding->sends, processor, count);
    if (entered)
        ndis_edge_add(&binding->module.counters[processor->number].sent_nbls, count);
    ke_lower(self, old);
    if (__builtin_expect(!entered, 0)) {
        send_refuse(binding, nbls, self);
        return;
    }
    ndis_trace(&binding->module, nbls, true);
    send_hop(self, &binding->module.send, nbls, count, port, flags);
}

void
ndis_send_pass(struct ndis_filter *filter, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    struct ke_thread *self = ke_self();
    if (__builtin_expect(filter->module.ndis->ledger_on, 0))
        verify_nbls_give(nbls, &filter->module, VERIFY_SENT, "NdisFSendNetBufferLists", flags);
    uint32_t count = ndis_nbl_count(nbls, NULL);
    NDIS_EDGE_COUNT(self, &filter->module, sent_nbls, count);
    ndis_trace(&filter->module, nbls, true);
    send_hop(self, &filter->module.send, nbls, count, port, flags);
}

// Hand a list to the protocol, and after it whatever its own sends have completed meanwhile.
static void
send_top_deliver(struct ke_thread *self, struct ndis_binding *binding, NET_BUFFER_LIST *nbls, ULONG count, ULONG flags)
{
    if (__builtin_expect(binding->module.ndis->ledger_on, 0))
        verify_nbls_take(nbls, &binding->module, "ProtocolSendNetBufferListsComplete", false);
    struct ndis_frame *running = ndis_frame_find(self, &binding->module, NDIS_UPCALL_SEND_COMPLETE);
    if (running) {
        ndis_event_note(binding->module.ndis, NDIS_EVENT_COMPLETION_DEFERRED);
        ndis_frame_defer(running, nbls, 0, count, flags);
        return;
    }
    struct ndis_frame frame;
    NDIS_PORT_NUMBER port;
    uint64_t delivered = 0;
    ndis_frame_push(&frame, self, &binding->module, NDIS_UPCALL_SEND_COMPLETE);
    do {
        delivered += count;
        sched_choice(self->box->sched, SCHED_POINT_COMPLETE);
        struct ke_crossing crossing = ke_driver_enter(self, binding->module.image, "ProtocolSendNetBufferListsComplete");
        binding->send_complete_handler(binding->context, nbls, flags);
        ke_driver_leave(self, crossing);
    } while ((nbls = ndis_frame_take(&frame, &port, &count, &flags)));
    ndis_frame_pop(&frame, self);
    // Only now: until the handler has returned the binding must not go away.
    KIRQL old = ke_raise_dispatch(self);
    struct ke_processor *processor = self->processor;
    ndis_edge_add(&binding->module.counters[processor->number].completed_nbls, delivered);
    ke_gate_leave_at_dispatch(binding->sends, processor, delivered);
    ke_lower(self, old);
}

// Who sent it, by the first word of what SourceHandle points at.
static void
send_top_source(struct ke_thread *self, NDIS_HANDLE source, NET_BUFFER_LIST *nbls, ULONG count, ULONG flags)
{
    struct ndis_binding *binding = ndis_handle_check(source, NDIS_KIND_BINDING, "NdisMSendNetBufferListsComplete (SourceHandle)");
    send_top_deliver(self, binding, nbls, count, flags);
}

// Take out of *nbls all NBLs of the first one's source, keeping the order of both.
static NET_BUFFER_LIST *
send_top_split(NET_BUFFER_LIST **nbls, ULONG *count)
{
    NDIS_HANDLE source = (*nbls)->SourceHandle;
    NET_BUFFER_LIST *own = NULL, **own_end = &own, *rest = NULL, **rest_end = &rest;
    *count = 0;
    for (NET_BUFFER_LIST *nbl = *nbls; nbl; nbl = nbl->Next) {
        if (nbl->SourceHandle == source) {
            *own_end = nbl;
            own_end = &nbl->Next;
            (*count)++;
        } else {
            *rest_end = nbl;
            rest_end = &nbl->Next;
        }
    }
    *own_end = *rest_end = NULL;
    *nbls = rest;
    return own;
}

// How many NBLs lead the list with the first one's source; *whole says that all do. One walk, no writes: the usual case.
static ULONG
send_top_same(NET_BUFFER_LIST *nbls, bool *whole)
{
    NDIS_HANDLE source = nbls->SourceHandle;
    ULONG count = 0;
    struct ndis_walk walk = {0};
    while (nbls && nbls->SourceHandle == source) {
        nbls = ndis_walk_next(&walk, nbls);
        count++;
    }
    *whole = !nbls;
    return count;
}

static void
send_top_done(struct ke_thread *self, struct ndis_module *from, NET_BUFFER_LIST *nbls, ULONG flags)
{
    bool whole;
    ULONG count = send_top_same(nbls, &whole);
    if (__builtin_expect(whole, 1)) {
        NDIS_EDGE_COUNT(self, from, completed_nbls, count);
        send_top_source(self, nbls->SourceHandle, nbls, count, flags);
        return;
    }
    NDIS_EDGE_COUNT(self, from, completed_nbls, ndis_nbl_count(nbls, NULL));
    while (nbls) {
        NDIS_HANDLE source = nbls->SourceHandle;
        NET_BUFFER_LIST *own = send_top_split(&nbls, &count);
        send_top_source(self, source, own, count, flags);
    }
}

// A filter's completion handler, with the same guard against nesting as the protocol's.
static void
send_filter_done(struct ke_thread *self, const struct ndis_route *route, NET_BUFFER_LIST *nbls, ULONG flags)
{
    if (__builtin_expect(route->target->ndis->ledger_on, 0))
        verify_nbls_take(nbls, route->target, "FilterSendNetBufferListsComplete", false);
    struct ndis_frame *running = ndis_frame_find(self, route->target, NDIS_UPCALL_SEND_COMPLETE);
    if (running) {
        ndis_frame_defer(running, nbls, 0, 0, flags);
        return;
    }
    struct ndis_frame frame;
    NDIS_PORT_NUMBER port;
    ULONG count;
    ndis_frame_push(&frame, self, route->target, NDIS_UPCALL_SEND_COMPLETE);
    do {
        sched_choice(self->box->sched, SCHED_POINT_COMPLETE);
        struct ke_crossing crossing = ke_driver_enter(self, route->target->image, "FilterSendNetBufferListsComplete");
        route->send_complete(route->context, nbls, flags);
        ke_driver_leave(self, crossing);
    } while ((nbls = ndis_frame_take(&frame, &port, &count, &flags)));
    ndis_frame_pop(&frame, self);
}

void
ndis_send_done(struct ndis_module *from, NET_BUFFER_LIST *nbls, ULONG flags)
{
    struct ke_thread *self = ke_self();
    struct ndis_route route;
    if (__builtin_expect(from->ndis->ledger_on, 0))
        verify_nbls_give(nbls, from, VERIFY_COMPLETED,
                         from->kind == NDIS_KIND_ADAPTER ? "NdisMSendNetBufferListsComplete" : "NdisFSendNetBufferListsComplete",
                         flags);
    bool counted = ndis_route_begin(&from->send_complete, &route, self);
    if (route.target) {
        NDIS_EDGE_COUNT(self, from, completed_nbls, ndis_nbl_count(nbls, NULL));
        send_filter_done(self, &route, nbls, flags);
    } else
        send_top_done(self, from, nbls, flags);
    ndis_route_end(&route, counted);
}

void
ndis_send_cancel(struct ndis_module *from, PVOID cancel_id)
{
    struct ke_thread *self = ke_self();
    struct ndis_route route;
    bool counted = ndis_route_begin(&from->cancel, &route, self);
    ndis_event_note(from->ndis, NDIS_EVENT_SEND_CANCELLED);
    if (route.target) {
        bool is_miniport = route.target->kind == NDIS_KIND_ADAPTER;
        NDIS_CALL_VOID(route.target->image, is_miniport ? "MiniportCancelSend" : "FilterCancelSendNetBufferLists",
                       route.cancel(route.context, cancel_id));
    }
    ndis_route_end(&route, counted);
}
