// SPDX-License-Identifier: MIT
// Restarting a stack from the bottom [network/restarting-a-driver-stack], [network/starting-a-filter-module]:
//   FilterSetModuleOptions of every filter -> MiniportRestart -> FilterRestart from the lowest -> NetEventRestart to every binding
// One list of restart attributes goes the whole way; whoever restarts may change what those above see. It lies in pool, because a filter
// may free an attribute with NdisFreeMemory and put its own in place, and NDIS frees what there is when the last has seen it.
// A filter that does not restart is detached; if it is a mandatory one the stack ends there: everything is paused again and unbound.
#include <string.h>

#include "ndis/header.h"
#include "ndis/ndis_int.h"
#include "ndis/ndk/ndk_int.h"
#include "nt/ex/pool.h"

#define RESTART_TAG 'tRdN'

void
ndis_restart_general(const struct ndis_adapter *adapter, NDIS_RESTART_GENERAL_ATTRIBUTES *out)
{
    const NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *g = &adapter->general;
    *out = (NDIS_RESTART_GENERAL_ATTRIBUTES){
        .Header = ndis_header(NDIS_OBJECT_TYPE_RESTART_GENERAL_ATTRIBUTES, NDIS_RESTART_GENERAL_ATTRIBUTES_REVISION_1,
                              NDIS_SIZEOF_RESTART_GENERAL_ATTRIBUTES_REVISION_1),
        .MtuSize = g->MtuSize,
        .MaxXmitLinkSpeed = g->MaxXmitLinkSpeed,
        .MaxRcvLinkSpeed = g->MaxRcvLinkSpeed,
        .LookaheadSize = g->LookaheadSize,
        .MacOptions = g->MacOptions,
        .SupportedPacketFilters = g->SupportedPacketFilters,
        .MaxMulticastListSize = g->MaxMulticastListSize,
        .RecvScaleCapabilities = g->RecvScaleCapabilities,
        .AccessType = g->AccessType,
        .ConnectionType = g->ConnectionType,
        .SupportedStatistics = g->SupportedStatistics,
        .DataBackFillSize = g->DataBackFillSize,
        .ContextBackFillSize = g->ContextBackFillSize,
        .SupportedOidList = adapter->supported_oids,
        .SupportedOidListLength = adapter->supported_oid_count * (ULONG)sizeof(NDIS_OID)};
}

static NDIS_RESTART_ATTRIBUTES *
restart_list_make(struct ndis_adapter *adapter, const NDIS_RESTART_GENERAL_ATTRIBUTES *general)
{
    size_t bytes = FIELD_OFFSET(NDIS_RESTART_ATTRIBUTES, Data) + sizeof *general;
    NDIS_RESTART_ATTRIBUTES *head = ex_pool_alloc(adapter->module.ndis->box, bytes, RESTART_TAG, true, NULL);
    if (!head)
        return NULL;
    head->Oid = OID_GEN_MINIPORT_RESTART_ATTRIBUTES;
    head->DataLength = sizeof *general;
    memcpy(head->Data, general, sizeof *general);
    return head;
}

static void
restart_list_free(struct ndis_adapter *adapter, NDIS_RESTART_ATTRIBUTES *list)
{
    while (list) {
        NDIS_RESTART_ATTRIBUTES *next = list->Next;
        ex_pool_free(adapter->module.ndis->box, list, 0);
        list = next;
    }
}

// The general attributes in the list; false when somebody has taken them out.
static bool
restart_list_general(const NDIS_RESTART_ATTRIBUTES *list, NDIS_RESTART_GENERAL_ATTRIBUTES *out)
{
    for (; list; list = list->Next) {
        if (list->Oid != OID_GEN_MINIPORT_RESTART_ATTRIBUTES || list->DataLength < NDIS_SIZEOF_RESTART_GENERAL_ATTRIBUTES_REVISION_1)
            continue;
        memcpy(out, list->Data, list->DataLength < sizeof *out ? list->DataLength : sizeof *out);
        return true;
    }
    return false;
}

// What the miniport has changed is the adapter's from now on.
static void
restart_take(struct ndis_adapter *adapter, const NDIS_RESTART_ATTRIBUTES *list)
{
    NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *g = &adapter->general;
    NDIS_RESTART_GENERAL_ATTRIBUTES now;
    if (!restart_list_general(list, &now))
        return;
    g->MtuSize = now.MtuSize;
    g->MaxXmitLinkSpeed = now.MaxXmitLinkSpeed;
    g->MaxRcvLinkSpeed = now.MaxRcvLinkSpeed;
    g->LookaheadSize = now.LookaheadSize;
    g->MacOptions = now.MacOptions;
    g->SupportedPacketFilters = now.SupportedPacketFilters;
    g->MaxMulticastListSize = now.MaxMulticastListSize;
}

// ---- the way up -----------------------------------------------------------------------------------------------------------------

static struct ndis_filter *
filter_at(struct ndis_adapter *adapter, struct list *node)
{
    return node == &adapter->filters ? NULL : LIST_ENTRY_OF(node, struct ndis_filter, node);
}

// The stack cannot stand: no binding is left, and what runs is paused.
static void
restart_terminate(struct ndis_adapter *adapter)
{
    ndis_stack_pause(adapter, NDIS_PAUSE_NDIS_INTERNAL);
    while (!list_is_empty(&adapter->bindings))
        ndis_binding_unbind(LIST_ENTRY_OF(adapter->bindings.prev, struct ndis_binding, node));
}

// Returns whether the stack goes on without it.
static bool
restart_failed(struct ndis_filter *filter, NDIS_STATUS status)
{
    struct ndis_adapter *adapter = filter->module.adapter;
    bool is_mandatory = filter->driver->is_mandatory;
    box_message(adapter->module.ndis->box, "%s: filter %s did not restart (0x%08x) and is detached%s", adapter->name,
                filter->module.image->name, (unsigned)status, is_mandatory ? "; it is mandatory, so the stack ends" : "");
    ndis_filter_detach(filter);
    if (is_mandatory)
        restart_terminate(adapter);
    return !is_mandatory;
}

static NDIS_STATUS
restart_options(struct ndis_adapter *adapter)
{
    for (struct ndis_filter *f = filter_at(adapter, adapter->filters.next), *next; f; f = next) {
        next = filter_at(adapter, f->node.next);
        NDIS_STATUS status = ndis_filter_options(f);
        if (status != NDIS_STATUS_SUCCESS && !restart_failed(f, status))
            return status;
    }
    return ndis_stack_publish(adapter);
}

static NDIS_STATUS
restart_filters(struct ndis_adapter *adapter, NDIS_RESTART_ATTRIBUTES **list)
{
    for (struct ndis_filter *f = filter_at(adapter, adapter->filters.next), *next; f; f = next) {
        next = filter_at(adapter, f->node.next);
        NDIS_STATUS status = ndis_filter_restart(f, list);
        if (status != NDIS_STATUS_SUCCESS && !restart_failed(f, status))
            return status;
    }
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
ndis_stack_restart(struct ndis_adapter *adapter)
{
    NDIS_RESTART_GENERAL_ATTRIBUTES general;
    NDIS_STATUS status = restart_options(adapter);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    ndis_restart_general(adapter, &general);
    NDIS_RESTART_ATTRIBUTES *list = restart_list_make(adapter, &general);
    if (!list)
        return NDIS_STATUS_RESOURCES;
    status = ndis_miniport_restart(adapter, &list);
    if (status == NDIS_STATUS_SUCCESS) {
        restart_take(adapter, list);
        status = restart_filters(adapter, &list);
    }
    if (status == NDIS_STATUS_SUCCESS) {
        restart_list_general(list, &adapter->above);
        LIST_FOR_EACH_SAFE(node, &adapter->bindings)
            ndis_binding_restart(LIST_ENTRY_OF(node, struct ndis_binding, node), list);
    }
    restart_list_free(adapter, list);
    if (status == NDIS_STATUS_SUCCESS)
        ndis_ndk_restarted(adapter);
    return status;
}

NDIS_STATUS
ndis_restart_one(struct ndis_binding *binding)
{
    struct ndis_adapter *adapter = binding->module.adapter;
    NDIS_RESTART_ATTRIBUTES *list = restart_list_make(adapter, &adapter->above);
    if (!list)
        return NDIS_STATUS_RESOURCES;
    ndis_binding_restart(binding, list);
    restart_list_free(adapter, list);
    return NDIS_STATUS_SUCCESS;
}

// ---- the filters below a binding, by name ----------------------------------------------------------------------------------------

// A USHORT length in bytes before each name [ndis/ns-ndis-_ndis_protocol_restart_parameters].
// owns: one block, for ndis_free. NULL: there are none, or no memory.
PUCHAR
ndis_restart_names(struct ndis_adapter *adapter, ULONG *bytes)
{
    *bytes = 0;
    LIST_FOR_EACH(node, &adapter->filters)
        *bytes += (ULONG)sizeof(USHORT) + LIST_ENTRY_OF(node, struct ndis_filter, node)->module_name.Length;
    PUCHAR names = *bytes ? ndis_alloc(*bytes) : NULL, at = names;
    if (!names)
        *bytes = 0;
    LIST_FOR_EACH(node, &adapter->filters) {
        const UNICODE_STRING *name = &LIST_ENTRY_OF(node, struct ndis_filter, node)->module_name;
        if (!names)
            break;
        memcpy(at, &name->Length, sizeof name->Length);
        memcpy(at + sizeof name->Length, name->Buffer, name->Length);
        at += sizeof name->Length + name->Length;
    }
    return names;
}
