// SPDX-License-Identifier: MIT
// The picture of one adapter's stack and how it changes. Modules are inserted and taken, and their routes rewritten, with the box
// frozen: nobody is on the data path then, so routes are plain memory. Pausing goes from the top (bindings, filters from the
// highest, miniport) [network/pausing-a-driver-stack]; restarting from the bottom is restart.c.
#include "ndis/ndis_int.h"

// Modules of an adapter that can stand between top and bottom are its filters; walk them without caring which handler it is.
static struct ndis_filter *
stack_below(struct ndis_adapter *adapter, struct ndis_filter *from)
{
    struct list *node = from ? from->node.prev : adapter->filters.prev;
    return node == &adapter->filters ? NULL : LIST_ENTRY_OF(node, struct ndis_filter, node);
}

static struct ndis_filter *
stack_above(struct ndis_adapter *adapter, struct ndis_filter *from)
{
    struct list *node = from ? from->node.next : adapter->filters.next;
    return node == &adapter->filters ? NULL : LIST_ENTRY_OF(node, struct ndis_filter, node);
}

static struct ndis_route
route_to_filter(struct ndis_filter *filter, void *handler)
{
    return (struct ndis_route){.target = &filter->module, .context = filter->context, .handler = handler};
}

// The miniport has been shut down: what is sent comes straight back, what is returned to it stays where it is, nothing is cancelled.
static NTAPI VOID
shut_send(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, NDIS_PORT_NUMBER port, ULONG flags)
{
    struct ndis_adapter *adapter = context;
    for (NET_BUFFER_LIST *nbl = nbls; nbl; nbl = NET_BUFFER_LIST_NEXT_NBL(nbl))
        nbl->Status = NDIS_STATUS_PAUSED;
    ndis_send_done(&adapter->module, nbls, flags & NDIS_SEND_FLAGS_DISPATCH_LEVEL ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
}

static NTAPI VOID
shut_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls, ULONG flags)
{
}

static NTAPI VOID
shut_cancel(NDIS_HANDLE context, PVOID id)
{
}

static struct ndis_route
route_to_miniport(struct ndis_adapter *adapter, void *handler, bool loopback)
{
    if (atomic_load(&adapter->is_shut)) {
        const NDIS_MINIPORT_DRIVER_CHARACTERISTICS *c = &adapter->driver->chars;
        void *none = handler == (void *)c->SendNetBufferListsHandler     ? (void *)shut_send
                     : handler == (void *)c->ReturnNetBufferListsHandler ? (void *)shut_return
                                                                         : (void *)shut_cancel;
        return (struct ndis_route){.target = &adapter->module, .context = adapter, .handler = none};
    }
    return (struct ndis_route){
        .target = &adapter->module, .context = adapter->general_context, .loopback = loopback, .handler = handler};
}

// Does NDIS loop back for this adapter, and is there anybody who could want it?
static bool
stack_loops(struct ndis_adapter *adapter)
{
    return (adapter->general.MacOptions & NDIS_MAC_OPTION_NO_LOOPBACK) && adapter->binding_count > 1;
}

// The ways down from `from` (NULL: from the top).
static void
stack_routes_down(struct ndis_adapter *adapter, struct ndis_filter *from, struct ndis_module *module)
{
    NDIS_MINIPORT_DRIVER_CHARACTERISTICS *miniport = &adapter->driver->chars;
    module->send = route_to_miniport(adapter, (void *)miniport->SendNetBufferListsHandler, stack_loops(adapter));
    module->returns = route_to_miniport(adapter, (void *)miniport->ReturnNetBufferListsHandler, false);
    module->cancel = route_to_miniport(adapter, (void *)miniport->CancelSendHandler, false);
    bool send = false, returns = false, cancel = false;
    for (struct ndis_filter *f = stack_below(adapter, from); f; f = stack_below(adapter, f)) {
        NDIS_FILTER_PARTIAL_CHARACTERISTICS *h = &f->handlers;
        if (!send && h->SendNetBufferListsHandler) {
            module->send = route_to_filter(f, (void *)h->SendNetBufferListsHandler);
            send = true;
        }
        if (!returns && h->ReturnNetBufferListsHandler) {
            module->returns = route_to_filter(f, (void *)h->ReturnNetBufferListsHandler);
            returns = true;
        }
        if (!cancel && h->CancelSendNetBufferListsHandler) {
            module->cancel = route_to_filter(f, (void *)h->CancelSendNetBufferListsHandler);
            cancel = true;
        }
    }
}

static void
stack_routes_up(struct ndis_adapter *adapter, struct ndis_filter *from, struct ndis_module *module)
{
    module->send_complete = module->receive = (struct ndis_route){0};
    bool complete = false, receive = false;
    for (struct ndis_filter *f = stack_above(adapter, from); f; f = stack_above(adapter, f)) {
        NDIS_FILTER_PARTIAL_CHARACTERISTICS *h = &f->handlers;
        if (!complete && h->SendNetBufferListsCompleteHandler) {
            module->send_complete = route_to_filter(f, (void *)h->SendNetBufferListsCompleteHandler);
            complete = true;
        }
        if (!receive && h->ReceiveNetBufferListsHandler) {
            module->receive = route_to_filter(f, (void *)h->ReceiveNetBufferListsHandler);
            receive = true;
        }
    }
}

static bool
top_entry_fill(struct ndis_top_entry *entry, struct ndis_binding *binding)
{
    *entry = (struct ndis_top_entry){.binding = binding,
                                     .handler = binding->receive_handler,
                                     .context = binding->context,
                                     .packet_filter = binding->packet_filter,
                                     .frame_type_count = binding->frame_type_count,
                                     .multicast_count = binding->multicast_count};
    for (uint32_t i = 0; i < binding->frame_type_count; i++)
        entry->frame_types[i] = binding->frame_types[i];
    if (!binding->multicast_count)
        return true;
    entry->multicast = ndis_alloc(binding->multicast_count * 6);
    if (entry->multicast)
        memcpy(entry->multicast, binding->multicast, binding->multicast_count * 6);
    return entry->multicast != NULL;
}

static struct ndis_top *
top_build(struct ndis_adapter *adapter)
{
    struct ndis_top *top = ndis_alloc(sizeof *top + (adapter->binding_count + 1) * sizeof top->entry[0]);
    if (!top)
        return NULL;
    atomic_store(&top->refs, 1);
    LIST_FOR_EACH(node, &adapter->bindings) {
        struct ndis_binding *binding = LIST_ENTRY_OF(node, struct ndis_binding, node);
        if (!top_entry_fill(&top->entry[top->count++], binding)) {
            ndis_top_unref(top);
            return NULL;
        }
    }
    return top;
}

// With the box frozen.
static void
stack_rewrite(struct ndis_adapter *adapter, struct ndis_top *top)
{
    stack_routes_up(adapter, NULL, &adapter->module);
    adapter->module.send = adapter->module.returns = (struct ndis_route){0};
    LIST_FOR_EACH(node, &adapter->filters) {
        struct ndis_filter *filter = LIST_ENTRY_OF(node, struct ndis_filter, node);
        stack_routes_down(adapter, filter, &filter->module);
        stack_routes_up(adapter, filter, &filter->module);
    }
    struct ndis_module from_top = {0};
    stack_routes_down(adapter, NULL, &from_top);
    LIST_FOR_EACH(node, &adapter->bindings) {
        struct ndis_binding *binding = LIST_ENTRY_OF(node, struct ndis_binding, node);
        binding->module.send = from_top.send;
        binding->module.returns = from_top.returns;
        binding->module.cancel = from_top.cancel;
    }
    top->returns = from_top.returns;
}

// The bindings' lists and wishes hold still while ndis->lock is held. *version is what the table was built from.
static struct ndis_top *
top_build_now(struct ndis_adapter *adapter, uint32_t *version)
{
    struct ndis *ndis = adapter->module.ndis;
    KIRQL old = ke_lock_take(&ndis->lock);
    *version = ++adapter->top_version;
    struct ndis_top *top = top_build(adapter);
    ke_lock_drop(&ndis->lock, old);
    return top;
}

// Put a table in place unless a newer one was begun meanwhile; that one knows all this one does.
static void
top_swap(struct ndis_adapter *adapter, struct ndis_top *top, uint32_t version, bool rewrite)
{
    struct ndis_top *drop = top;
    ke_freeze(adapter->module.ndis->box);
    if (rewrite)
        stack_rewrite(adapter, top);
    else if (adapter->top)
        top->returns = atomic_load(&adapter->top)->returns;
    if (version == adapter->top_version || !adapter->top)
        drop = atomic_exchange(&adapter->top, top);
    else if (rewrite)
        atomic_load(&adapter->top)->returns = top->returns;
    ke_thaw(adapter->module.ndis->box);
    if (drop)
        ndis_top_unref(drop);
}

NDIS_STATUS
ndis_top_refresh(struct ndis_adapter *adapter)
{
    uint32_t version;
    struct ndis_top *top = top_build_now(adapter, &version);
    if (!top)
        return NDIS_STATUS_RESOURCES;
    top_swap(adapter, top, version, false);
    return NDIS_STATUS_SUCCESS;
}

// Build the new table first, so that lack of memory changes nothing; then rewrite and swap while nobody looks.
static NDIS_STATUS
stack_change(struct ndis_adapter *adapter, void (*edit)(void *), void *arg)
{
    uint32_t version;
    if (edit)
        edit(arg);
    struct ndis_top *top = top_build_now(adapter, &version);
    if (!top)
        return NDIS_STATUS_RESOURCES;
    top_swap(adapter, top, version, true);
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
ndis_stack_publish(struct ndis_adapter *adapter)
{
    return stack_change(adapter, NULL, NULL);
}

struct stack_edit {
    struct ndis_adapter *adapter;
    struct list *list, *node;
};

// The lists are read under ndis->lock by status and OID code, never by the data path.
static void
stack_edit_insert(void *arg)
{
    struct stack_edit *edit = arg;
    struct ndis *ndis = edit->adapter->module.ndis;
    KIRQL old = ke_lock_take(&ndis->lock);
    list_push_back(edit->list, edit->node);
    if (edit->list == &edit->adapter->bindings)
        edit->adapter->binding_count++;
    ke_lock_drop(&ndis->lock, old);
}

static void
stack_edit_take(void *arg)
{
    struct stack_edit *edit = arg;
    struct ndis *ndis = edit->adapter->module.ndis;
    KIRQL old = ke_lock_take(&ndis->lock);
    list_remove(edit->node);
    if (edit->list == &edit->adapter->bindings)
        edit->adapter->binding_count--;
    ke_lock_drop(&ndis->lock, old);
}

NDIS_STATUS
ndis_stack_insert(struct ndis_adapter *adapter, struct list *list, struct list *node)
{
    struct stack_edit edit = {adapter, list, node};
    NDIS_STATUS status = stack_change(adapter, stack_edit_insert, &edit);
    if (status != NDIS_STATUS_SUCCESS)
        stack_edit_take(&edit);
    return status;
}

void
ndis_stack_take(struct ndis_module *module, struct list *node)
{
    struct ndis_adapter *adapter = module->adapter;
    bool binding = module->kind == NDIS_KIND_BINDING;
    struct stack_edit edit = {adapter, binding ? &adapter->bindings : &adapter->filters, node};
    stack_edit_take(&edit);
    // Taking out cannot be refused for lack of memory: wait until there is some.
    while (stack_change(adapter, NULL, NULL) != NDIS_STATUS_SUCCESS) {
        _Atomic uint32_t never = 0;
        struct sched *sched = module->ndis->box->sched;
        sched_wait(sched, &never, 0, sched_now_ns(sched) + 1000000);
    }
    ndis_module_drain(module);
}

void
ndis_stack_pause(struct ndis_adapter *adapter, ULONG reason)
{
    LIST_FOR_EACH_SAFE(node, &adapter->bindings)
        ndis_binding_pause(LIST_ENTRY_OF(node, struct ndis_binding, node), reason);
    for (struct ndis_filter *f = stack_below(adapter, NULL); f; f = stack_below(adapter, f))
        ndis_filter_pause(f, reason);
    ndis_miniport_pause(adapter, reason);
}
