// SPDX-License-Identifier: MIT
// Status indications, from below up: NdisMIndicateStatusEx -> FilterStatus -> NdisFIndicateStatus -> ... -> every binding's
// ProtocolStatusEx. A filter without a status handler is skipped. NDIS remembers the link state and tells it to bindings that begin
// to run later [network/miniport-adapter-status-indications].
#include <string.h>

#include "ndis/header.h"
#include "ndis/ndis_int.h"
#include "ndis/offload.h"
#include "verify/report.h"

#define STATUS_MAX_BINDINGS 64

// The next filter above with a status handler, its driver entered. NULL: the bindings are next.
static struct ndis_filter *
status_above(struct ndis_module *from)
{
    struct ndis_adapter *adapter = from->adapter;
    struct ndis_filter *found = NULL;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    struct list *at = &adapter->filters;
    if (from->kind == NDIS_KIND_FILTER)
        at = &CONTAINING_RECORD(from, struct ndis_filter, module)->node;
    for (at = at->next; at != &adapter->filters && !found; at = at->next) {
        struct ndis_filter *filter = LIST_ENTRY_OF(at, struct ndis_filter, node);
        if (filter->status_handler)
            found = filter;
    }
    if (found)
        atomic_fetch_add(&found->module.calls, 1);
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return found;
}

static uint32_t
status_bindings(struct ndis_adapter *adapter, struct ndis_binding **out)
{
    uint32_t count = 0;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    LIST_FOR_EACH(node, &adapter->bindings) {
        if (count == STATUS_MAX_BINDINGS)
            break;
        out[count] = LIST_ENTRY_OF(node, struct ndis_binding, node);
        atomic_fetch_add(&out[count++]->module.calls, 1);
    }
    ke_lock_drop(&adapter->module.ndis->lock, old);
    return count;
}

static void
status_top(struct ndis_adapter *adapter, NDIS_STATUS_INDICATION *indication)
{
    struct ndis_binding *binding[STATUS_MAX_BINDINGS];
    uint32_t count = status_bindings(adapter, binding);
    for (uint32_t i = 0; i < count; i++) {
        if (binding[i]->protocol->chars.StatusHandlerEx)   // a protocol may have none
            NDIS_CALL_VOID(binding[i]->module.image, "ProtocolStatusEx",
                           binding[i]->protocol->chars.StatusHandlerEx(binding[i]->context, indication));
        ndis_module_leave(&binding[i]->module);
    }
}

static void
status_remember(struct ndis_adapter *adapter, const NDIS_STATUS_INDICATION *indication)
{
    if (indication->StatusCode != NDIS_STATUS_LINK_STATE || indication->StatusBufferSize < NDIS_SIZEOF_LINK_STATE_REVISION_1)
        return;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    memcpy(&adapter->link, indication->StatusBuffer, sizeof adapter->link);
    ke_lock_drop(&adapter->module.ndis->lock, old);
}

static bool
status_is_link_state(const NDIS_STATUS_INDICATION *indication)
{
    const NDIS_LINK_STATE *link = indication->StatusBuffer;
    return indication->StatusBufferSize >= NDIS_SIZEOF_LINK_STATE_REVISION_1 &&
           ndis_header_is(&link->Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SIZEOF_LINK_STATE_REVISION_1);
}

void
ndis_status_check(const struct ndis_module *from, const NDIS_STATUS_INDICATION *indication, const char *function)
{
    if (!from->ndis->box->verify)
        return;
    if (!ndis_header_is(&indication->Header, NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_SIZEOF_STATUS_INDICATION_REVISION_1))
        verify_rule_fatal(NBX_0118, function, "the indication's header is not right");
    if (indication->StatusBufferSize && !indication->StatusBuffer)
        verify_rule_fatal(NBX_0118, function, "StatusBufferSize says that there is a buffer, and StatusBuffer is NULL");
    if (indication->StatusCode == NDIS_STATUS_LINK_STATE && !status_is_link_state(indication))
        verify_rule_fatal(NBX_0118, function, "the status buffer holds no NDIS_LINK_STATE");
}

void
ndis_status_indicate(struct ndis_module *from, NDIS_STATUS_INDICATION *indication)
{
    if (from->kind == NDIS_KIND_ADAPTER) {
        status_remember(from->adapter, indication);
        ndis_offload_indicated(from->adapter, indication);
    }
    struct ndis_filter *filter = status_above(from);
    if (!filter) {
        status_top(from->adapter, indication);
        return;
    }
    NDIS_CALL_VOID(filter->module.image, "FilterStatus", filter->status_handler(filter->context, indication));
    ndis_module_leave(&filter->module);
}

void
ndis_status_own(struct ndis_adapter *adapter, NDIS_STATUS code, void *buffer, ULONG bytes)
{
    NDIS_STATUS_INDICATION indication = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1,
                              NDIS_SIZEOF_STATUS_INDICATION_REVISION_1),
        .SourceHandle = adapter,
        .StatusCode = code,
        .StatusBuffer = buffer,
        .StatusBufferSize = bytes};
    ndis_status_indicate(&adapter->module, &indication);
}

void
ndis_status_replay(struct ndis_binding *binding)
{
    struct ndis_adapter *adapter = binding->module.adapter;
    NDIS_LINK_STATE link;
    if (!binding->protocol->chars.StatusHandlerEx)
        return;
    KIRQL old = ke_lock_take(&adapter->module.ndis->lock);
    link = adapter->link;
    ke_lock_drop(&adapter->module.ndis->lock, old);
    NDIS_STATUS_INDICATION indication = {
        .Header = ndis_header(NDIS_OBJECT_TYPE_STATUS_INDICATION, NDIS_STATUS_INDICATION_REVISION_1,
                              NDIS_SIZEOF_STATUS_INDICATION_REVISION_1),
        .SourceHandle = adapter,
        .StatusCode = NDIS_STATUS_LINK_STATE,
        .StatusBuffer = &link,
        .StatusBufferSize = sizeof link};
    NDIS_CALL_VOID(binding->module.image, "ProtocolStatusEx",
                   binding->protocol->chars.StatusHandlerEx(binding->context, &indication));
}
