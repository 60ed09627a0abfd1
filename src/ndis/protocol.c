// SPDX-License-Identifier: MIT
// Protocol drivers: registration and its undoing. What happens per adapter is in binding.c.
#include "ndis/protocol.h"

#include <string.h>

#include "ndis/header.h"
#include "verify/left.h"

// What is wrong with the handlers and the name; NULL: nothing. ProtocolSetOptions, ProtocolUninstall, ProtocolStatusEx and
// ProtocolDirectOidRequestComplete may be left out [ndis/ns-ndis-_ndis_protocol_driver_characteristics].
static const char *
protocol_chars_fault(const NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *c)
{
    if (!c->Name.Length)
        return "it has no name";
    if (!c->BindAdapterHandlerEx || !c->UnbindAdapterHandlerEx || !c->OpenAdapterCompleteHandlerEx || !c->CloseAdapterCompleteHandlerEx)
        return "a required handler of bindings is NULL (bind, unbind, open complete, close complete)";
    if (!c->NetPnPEventHandler || !c->OidRequestCompleteHandler)
        return "NetPnPEventHandler or OidRequestCompleteHandler is NULL, and both are required";
    if (!c->ReceiveNetBufferListsHandler || !c->SendNetBufferListsCompleteHandler)
        return "a required handler of the data path is NULL (ReceiveNetBufferLists, SendNetBufferListsComplete)";
    return NULL;
}

static NDIS_STATUS
protocol_chars_take(const NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *chars, NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *out)
{
    NDIS_OBJECT_HEADER header = chars->Header;
    // UNSURE: the page wants its own type; Microsoft's own intermediate sample registers with this one.
    if (header.Type == NDIS_OBJECT_TYPE_DEFAULT)
        header.Type = NDIS_OBJECT_TYPE_PROTOCOL_DRIVER_CHARACTERISTICS;
    if (!ndis_header_fits(&header, &ndis_kind_protocol_driver))
        return ndis_registration_refuse("NdisRegisterProtocolDriver", "the characteristics have a wrong type, revision or size");
    if (!ndis_version_is_known(chars->MajorNdisVersion, chars->MinorNdisVersion))
        return NDIS_STATUS_BAD_VERSION;
    memcpy(out, chars, ndis_header_known(&header, &ndis_kind_protocol_driver));
    const char *fault = protocol_chars_fault(out);
    return fault ? ndis_registration_refuse("NdisRegisterProtocolDriver", fault) : NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
ndis_protocol_register(NDIS_HANDLE context, const NDIS_PROTOCOL_DRIVER_CHARACTERISTICS *chars, struct ndis_protocol **out)
{
    NDIS_PROTOCOL_DRIVER_CHARACTERISTICS own = {.Flags = 0};
    NDIS_STATUS status = protocol_chars_take(chars, &own);
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
    protocol->chars = own;
    protocol->chars.Name = protocol->name;
    *out = protocol;
    if (own.SetOptionsHandler) {
        status = NDIS_CALL(protocol->image, "ProtocolSetOptions", own.SetOptionsHandler(protocol, context));
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
    verify_had(VERIFY_LEFT_PROTOCOL, protocol, NULL, NULL);
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
    ndis_bindings_forget_protocol(((struct ndis_protocol *)arg)->ndis, arg);
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
    verify_gave(ndis->box, VERIFY_LEFT_PROTOCOL, protocol);
    protocol->kind = 0;
    ndis_string_free(&protocol->name);
    ndis_free(protocol);
}

void
ndis_protocol_uninstall_now(struct ndis_protocol *protocol)
{
    PROTOCOL_UNINSTALL *uninstall = protocol->chars.UninstallHandler;
    protocol->deregistering = true;           // no bind from here on
    protocol_unbind_all(protocol);
    if (uninstall)
        NDIS_CALL_VOID(protocol->image, "ProtocolUninstall", uninstall());
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
