// SPDX-License-Identifier: MIT
// Protocol drivers: registration and its undoing. What happens per adapter is in binding.c.
#include "ndis/protocol.h"

#include <string.h>

#include "ndis/header.h"

static NDIS_STATUS
protocol_chars_check(const NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *chars)
{
    // UNSURE: the page wants the first type; Microsoft's own intermediate sample registers with the second.
    if (!ndis_header_is(&chars->Header, NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS,
                        NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1) &&
        !ndis_header_is(&chars->Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SIZEOF_PROTOCOL_DRIVER_CHARACTERISTICS_REVISION_1))
        return NDIS_STATUS_BAD_CHARACTERISTICS;
    if (chars->MajorNdisVersion != 6)
        return NDIS_STATUS_BAD_VERSION;
    bool complete = chars->BindAdapterHandlerEx && chars->UnbindAdapterHandlerEx && chars->OpenAdapterCompleteHandlerEx &&
                    chars->CloseAdapterCompleteHandlerEx && chars->NetPnPEventHandler && chars->OidRequestCompleteHandler &&
                    chars->StatusHandlerEx && chars->ReceiveNetBufferListsHandler && chars->SendNetBufferListsCompleteHandler;
    return complete && chars->Name.Length ? NDIS_STATUS_SUCCESS : NDIS_STATUS_BAD_CHARACTERISTICS;
}

NDIS_STATUS
ndis_protocol_register(NDIS_HANDLE context, const NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *chars, struct ndis_protocol **out)
{
    NDIS_STATUS status = protocol_chars_check(chars);
    if (status != NDIS_STATUS_SUCCESS)
        return status;
    struct ndis_protocol *protocol = ndis_alloc(sizeof *protocol);
    if (!protocol || !ndis_string_copy(&protocol->name, &chars->Name)) {
        ndis_free(protocol);
        return NDIS_STATUS_RESOURCES;
    }
    protocol->kind = NDIS_KIND_PROTOCOL;
    protocol->ndis = ndis_self();
    protocol->image = ke_self()->driver;
    protocol->context = context;
    memcpy(&protocol->chars, chars, ndis_header_bytes(&chars->Header, sizeof protocol->chars));
    protocol->chars.Name = protocol->name;
    *out = protocol;
    if (chars->SetOptionsHandler) {
        status = NDIS_CALL(protocol->image, "ProtocolSetOptions", chars->SetOptionsHandler(protocol, context));
        if (status != NDIS_STATUS_SUCCESS) {
            *out = NULL;
            ndis_string_free(&protocol->name);
            ndis_free(protocol);
            return status;
        }
    }
    KIRQL old = ke_lock_take(&protocol->ndis->lock);
    list_push_back(&protocol->ndis->protocols, &protocol->node);
    ke_lock_drop(&protocol->ndis->lock, old);
    return NDIS_STATUS_SUCCESS;
}

static struct ndis_binding *
protocol_some_binding(struct ndis_protocol *protocol)
{
    LIST_FOR_EACH(at, &protocol->ndis->adapters) {
        struct ndis_adapter *adapter = LIST_ENTRY_OF(at, struct ndis_adapter, node);
        LIST_FOR_EACH(node, &adapter->bindings) {
            struct ndis_binding *binding = LIST_ENTRY_OF(node, struct ndis_binding, node);
            if (binding->protocol == protocol)
                return binding;
        }
    }
    return NULL;
}

static void
protocol_unbind_all(void *arg)
{
    struct ndis_binding *binding;
    while ((binding = protocol_some_binding(arg)))
        ndis_binding_unbind(binding);
}

void
ndis_protocol_deregister(struct ndis_protocol *protocol)
{
    struct ndis *ndis = protocol->ndis;
    protocol->deregistering = true;
    ndis_pnp_run(ndis, protocol_unbind_all, protocol);
    // A close that was pended outside an unbind tells the protocol when it is over; only then is the driver not called any more.
    for (uint32_t count; (count = atomic_load(&protocol->binding_count)) != 0;)
        sched_wait(ndis->box->sched, &protocol->binding_count, count, SCHED_NEVER);
    KIRQL old = ke_lock_take(&ndis->lock);
    list_remove(&protocol->node);
    if (protocol->upper_edge)
        protocol->upper_edge->lower_edge = NULL;
    ke_lock_drop(&ndis->lock, old);
    protocol->kind = 0;
    ndis_string_free(&protocol->name);
    ndis_free(protocol);
}

NDIS_STATUS
ndis_protocol_event(struct ndis_protocol *protocol, NET_PNP_EVENT_CODE code, void *buffer, ULONG bytes)
{
    struct ndis_pending pending;
    NET_PNP_EVENT_NOTIFICATION event = ndis_event_make(code, buffer, bytes);
    event.NetPnPEvent.NdisReserved[0] = (ULONG_PTR)&pending;
    ndis_pending_begin(&pending);
    NDIS_STATUS status = NDIS_CALL(protocol->image, "ProtocolNetPnPEvent", protocol->chars.NetPnPEventHandler(NULL, &event));
    return ndis_pending_end(&pending, status);
}

bool
ndis_protocol_event_complete(NET_PNP_EVENT_NOTIFICATION *event, NDIS_STATUS status)
{
    struct ndis_pending *pending = (struct ndis_pending *)event->NetPnPEvent.NdisReserved[0];
    return pending && ndis_pending_complete(pending, status);
}
