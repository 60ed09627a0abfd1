// SPDX-License-Identifier: MIT
// The top edge of the receive path: which binding sees which NBL.
//   one binding that wants everything in the list -> the list goes up whole (the usual case)
//   otherwise each NBL gets a mask of the bindings whose packet filter, multicast list and EtherTypes match, and the bindings are
//   served in the order of their opening: an NBL that a later binding wants too is shown with NDIS_RECEIVE_FLAGS_RESOURCES, so it is
//   ours again when the call returns; the last binding of the mask gets it for good and returns it. So one NBL is shown to several
//   protocols and goes down once, after the last.
// What nobody wanted goes straight back down. The order within each binding is the order of arrival.
#include "ndis/ndis_int.h"
#include "verify/ledger.h"
#include "verify/verify.h"

// A reader's hold on the table: at DISPATCH none is needed, below it counts as a reference, and as a call of each binding that the
// table names: a binding that is closed meanwhile stays until the reader has come to it (ndis_module_drain).
struct top_reader {
    struct ndis_top *top;
    bool counted;
    struct ndis_route returns;                // below DISPATCH: the table's, which may change under a reader; its target is counted
};

static struct top_reader
top_begin(struct ke_thread *self, struct ndis_adapter *adapter)
{
    struct top_reader reader;
    KIRQL old = ke_raise_dispatch(self);
    reader.top = atomic_load_explicit(&adapter->top, memory_order_acquire);
    reader.counted = old < DISPATCH_LEVEL;
    if (reader.counted) {
        atomic_fetch_add(&reader.top->refs, 1);
        reader.returns = reader.top->returns;
        atomic_fetch_add(&reader.returns.target->calls, 1);
        for (uint32_t i = 0; i < reader.top->count; i++)
            atomic_fetch_add(&reader.top->entry[i].binding->module.calls, 1);
    }
    ke_lower(self, old);
    return reader;
}

static void
top_end(struct top_reader *reader)
{
    if (!reader->counted)
        return;
    for (uint32_t i = 0; i < reader->top->count; i++)
        ndis_module_leave(&reader->top->entry[i].binding->module);
    ndis_module_leave(reader->returns.target);
    ndis_top_unref(reader->top);
}

// Give a list to a binding for good. Returns false, and the list stays the caller's, when the binding does not run any more.
static bool
top_give(struct ke_thread *self, const struct ndis_top_entry *entry, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG count,
         ULONG flags)
{
    struct ndis_binding *binding = entry->binding;
    KIRQL old = ke_raise_dispatch(self);
    // One unit more than NBLs: the call itself, so that the binding stays until its handler has come back.
    bool entered = ke_gate_enter_at_dispatch(binding->receives, self->processor, count + 1);
    if (entered)
        ndis_edge_add(&binding->module.counters[self->processor->number].indicated_nbls, count);
    ke_lower(self, old);
    if (!entered)
        return false;
    ndis_trace(&binding->module, nbls, false);
    if (__builtin_expect(binding->module.ndis->ledger_on, 0))
        verify_nbls_take(nbls, &binding->module, "ProtocolReceiveNetBufferLists", false);
    struct ndis_frame *running = ndis_frame_find(self, &binding->module, NDIS_UPCALL_RECEIVE);
    uint64_t calls = 1;
    if (running) {
        ndis_event_note(binding->module.ndis, NDIS_EVENT_INDICATION_DEFERRED);
        ndis_frame_defer(running, nbls, port, count, flags);
        return true;    // the unit of this call is left by the frame's owner
    }
    struct ndis_frame frame;
    ndis_frame_push(&frame, self, &binding->module, NDIS_UPCALL_RECEIVE);
    for (;;) {
        sched_choice(self->box->sched, SCHED_POINT_COMPLETE);
        struct ke_crossing crossing = ke_driver_enter(self, binding->module.image, "ProtocolReceiveNetBufferLists");
        entry->handler(entry->context, nbls, port, count, flags);
        ke_driver_leave(self, crossing);
        nbls = ndis_frame_take(&frame, &port, &count, &flags);
        if (!nbls)
            break;
        calls++;
    }
    ndis_frame_pop(&frame, self);
    old = ke_raise_dispatch(self);
    ke_gate_leave_at_dispatch(binding->receives, self->processor, calls);
    ke_lower(self, old);
    return true;
}

// Show a list to a binding; it is the caller's again afterwards.
static void
top_show(struct ke_thread *self, const struct ndis_top_entry *entry, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG count,
         ULONG flags)
{
    struct ndis_binding *binding = entry->binding;
    KIRQL old = ke_raise_dispatch(self);
    bool entered = ke_gate_enter_at_dispatch(binding->receives, self->processor, 1);
    if (entered)
        ndis_edge_add(&binding->module.counters[self->processor->number].indicated_nbls, count);
    ke_lower(self, old);
    if (!entered)
        return;
    ndis_event_note(binding->module.ndis, NDIS_EVENT_SHARED_RECEIVE);
    ndis_trace(&binding->module, nbls, false);
    sched_choice(self->box->sched, SCHED_POINT_COMPLETE);
    bool ledger_on = binding->module.ndis->ledger_on;
    if (__builtin_expect(ledger_on, 0))
        verify_nbls_take(nbls, &binding->module, "ProtocolReceiveNetBufferLists", true);
    struct ke_crossing crossing = ke_driver_enter(self, binding->module.image, "ProtocolReceiveNetBufferLists");
    entry->handler(entry->context, nbls, port, count, flags | NDIS_RECEIVE_FLAGS_RESOURCES);
    ke_driver_leave(self, crossing);
    if (__builtin_expect(ledger_on, 0))
        verify_nbls_back(nbls);
    old = ke_raise_dispatch(self);
    ndis_edge_add(&binding->module.counters[self->processor->number].returned_nbls, count);
    ke_gate_leave_at_dispatch(binding->receives, self->processor, 1);
    ke_lower(self, old);
}

static bool
top_frame_type_matches(const struct ndis_top_entry *entry, uint16_t type)
{
    for (uint32_t i = 0; i < entry->frame_type_count; i++)
        if (entry->frame_types[i] == type)
            return true;
    return entry->frame_type_count == 0;
}

// The first bytes of the frame: they lie together at CurrentMdl by contract of every indicating driver we know; when they do not,
// they are gathered here.
static const uint8_t *
top_header(NET_BUFFER_LIST *nbl, uint8_t scratch[14])
{
    NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
    MDL *mdl = NET_BUFFER_CURRENT_MDL(nb);
    ULONG offset = NET_BUFFER_CURRENT_MDL_OFFSET(nb);
    if (NET_BUFFER_DATA_LENGTH(nb) < 14)
        return NULL;
    if (mdl->ByteCount - offset >= 14)
        return (const uint8_t *)mdl->MappedSystemVa + offset;
    for (uint32_t have = 0; mdl && have < 14; mdl = mdl->Next, offset = 0)
        for (; offset < mdl->ByteCount && have < 14; offset++)
            scratch[have++] = ((const uint8_t *)mdl->MappedSystemVa)[offset];
    return scratch;
}

static bool
top_wants(const struct ndis_top_entry *entry, const struct ndis_adapter *adapter, NET_BUFFER_LIST *nbl)
{
    if ((entry->packet_filter & NDIS_PACKET_TYPE_PROMISCUOUS) && !entry->frame_type_count)
        return true;
    uint8_t scratch[14];
    const uint8_t *header = top_header(nbl, scratch);
    if (!header || !top_frame_type_matches(entry, (uint16_t)(header[12] << 8 | header[13])))
        return false;
    return ndis_pfilter_matches(entry, header, 14, adapter);
}

static uint64_t
top_mask(const struct ndis_top *top, const struct ndis_adapter *adapter, NET_BUFFER_LIST *nbl)
{
    uint64_t mask = 0;
    const struct ndis_module *sender = NULL;
    if (nbl->NblFlags & NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET)
        sender = ndis_nbl_of(nbl)->loopback_sender;
    for (uint32_t i = 0; i < top->count; i++)
        if (&top->entry[i].binding->module != sender && top_wants(&top->entry[i], adapter, nbl))
            mask |= 1ull << i;
    return mask;
}

// The leading run of *chain (linked by order_next) that binding i sees in the same way, linked by Next. Runs that it gets for good
// leave the chain; NBLs that it does not see stay and are skipped only at a run's edges, so that the order holds.
static NET_BUFFER_LIST *
top_take_run(NET_BUFFER_LIST ***at, uint32_t i, bool resources, bool *shared, ULONG *count)
{
    NET_BUFFER_LIST *run = NULL, **end = &run;
    *count = 0;
    while (**at) {
        NET_BUFFER_LIST *nbl = **at;
        struct ndis_nbl *head = ndis_nbl_of(nbl);
        if (head->top_mask >> i & 1) {
            bool is_shared = resources || head->top_mask >> i > 1;
            if (run && is_shared != *shared)
                break;
            *shared = is_shared;
            *end = nbl;
            end = &nbl->Next;
            (*count)++;
            if (!is_shared) {
                **at = head->order_next;
                continue;
            }
        }
        *at = &head->order_next;
    }
    *end = NULL;
    return run;
}

static void
top_serve(struct ke_thread *self, const struct ndis_top *top, uint32_t i, NET_BUFFER_LIST **chain, NDIS_PORT_NUMBER port, ULONG flags,
          NET_BUFFER_LIST ***leftover_end)
{
    NET_BUFFER_LIST **at = chain, *run;
    bool shared = false;
    ULONG count;
    while ((run = top_take_run(&at, i, flags & NDIS_RECEIVE_FLAGS_RESOURCES, &shared, &count))) {
        if (shared)
            top_show(self, &top->entry[i], run, port, count, flags);
        else if (!top_give(self, &top->entry[i], run, port, count, flags)) {
            **leftover_end = run;
            while (**leftover_end)
                *leftover_end = &(**leftover_end)->Next;
        }
    }
}

// Mixed wishes: by masks. The chain is kept in order_next because Next belongs to whoever is shown the list.
static void
top_by_mask(struct ke_thread *self, struct ndis_adapter *adapter, const struct top_reader *reader, NET_BUFFER_LIST *nbls,
            NDIS_PORT_NUMBER port, ULONG flags)
{
    const struct ndis_top *top = reader->top;
    NET_BUFFER_LIST *chain = nbls, *leftover = NULL, **leftover_end = &leftover;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = nbl->Next) {
        ndis_nbl_of(nbl)->order_next = nbl->Next;
        ndis_nbl_of(nbl)->top_mask = top_mask(top, adapter, nbl);
    }
    for (uint32_t i = 0; i < top->count; i++)
        top_serve(self, top, i, &chain, port, flags, &leftover_end);
    for (NET_BUFFER_LIST *nbl = chain; nbl; nbl = ndis_nbl_of(nbl)->order_next) {
        *leftover_end = nbl;
        leftover_end = &nbl->Next;
    }
    *leftover_end = NULL;
    if (flags & NDIS_RECEIVE_FLAGS_RESOURCES)
        return;    // the indicator's again; the chain is whole and in order
    if (leftover) {
        ULONG return_flags = flags & NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL ? NDIS_RETURN_FLAGS_DISPATCH_LEVEL : 0;
        ndis_recv_return_hop(reader->counted ? &reader->returns : &top->returns, leftover, return_flags);
    }
}

// One binding: does it want every NBL of the list?
static bool
top_wants_all(const struct ndis_top_entry *entry, const struct ndis_adapter *adapter, NET_BUFFER_LIST *nbls)
{
    bool wants_any = (entry->packet_filter & NDIS_PACKET_TYPE_PROMISCUOUS) && !entry->frame_type_count;
    struct ndis_walk walk = {0};
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = ndis_walk_next(&walk, nbl))
        if ((nbl->NblFlags & NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET) || !(wants_any || top_wants(entry, adapter, nbl)))
            return false;
    return true;
}

// A list that is only lent, indicated by a virtual miniport: it may be the very list that a table below is going through at this
// moment, so the marks of that table are put back afterwards. Some at a time, so that nothing has to be allocated for them.
#define TOP_LENT 16

static NET_BUFFER_LIST *
top_lent_part(struct ke_thread *self, struct ndis_adapter *adapter, const struct top_reader *reader, NET_BUFFER_LIST *nbls,
              NDIS_PORT_NUMBER port, ULONG flags)
{
    struct {
        uint64_t mask;
        NET_BUFFER_LIST *nbl, *order;
    } kept[TOP_LENT];
    uint32_t count = 0;
    NET_BUFFER_LIST *rest = nbls;
    for (; rest && count < TOP_LENT; rest = rest->Next, count++) {
        const struct ndis_nbl *head = ndis_nbl_of(rest);
        kept[count].mask = head->top_mask;
        kept[count].nbl = rest;
        kept[count].order = head->order_next;
    }
    kept[count - 1].nbl->Next = NULL;
    top_by_mask(self, adapter, reader, nbls, port, flags);
    for (uint32_t i = 0; i < count; i++) {
        kept[i].nbl->Next = i + 1 < count ? kept[i + 1].nbl : rest;
        ndis_nbl_of(kept[i].nbl)->top_mask = kept[i].mask;
        ndis_nbl_of(kept[i].nbl)->order_next = kept[i].order;
    }
    return rest;
}

static void
top_lent(struct ke_thread *self, struct ndis_adapter *adapter, const struct top_reader *reader, NET_BUFFER_LIST *nbls,
         NDIS_PORT_NUMBER port, ULONG flags)
{
    if (!adapter->im)
        top_by_mask(self, adapter, reader, nbls, port, flags);
    else
        while (nbls)
            nbls = top_lent_part(self, adapter, reader, nbls, port, flags);
}

void
ndis_recv_top(struct ndis_adapter *adapter, NET_BUFFER_LIST *nbls, NDIS_PORT_NUMBER port, ULONG count, ULONG flags)
{
    struct ke_thread *self = ke_self();
    struct top_reader reader = top_begin(self, adapter);
    const struct ndis_top *top = reader.top;
    bool lent = flags & NDIS_RECEIVE_FLAGS_RESOURCES;
    bool whole = top->count == 1 && !lent && top_wants_all(&top->entry[0], adapter, nbls);
    if (lent)
        top_lent(self, adapter, &reader, nbls, port, flags);
    else if (!whole || !top_give(self, &top->entry[0], nbls, port, count, flags))
        top_by_mask(self, adapter, &reader, nbls, port, flags);
    top_end(&reader);
}

void
ndis_top_unref(struct ndis_top *top)
{
    if (atomic_fetch_sub(&top->refs, 1) != 1)
        return;
    for (uint32_t i = 0; i < top->count; i++)
        ndis_free(top->entry[i].multicast);
    ndis_free(top);
}
