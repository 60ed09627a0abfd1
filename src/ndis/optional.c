// SPDX-License-Identifier: MIT
// NdisSetOptionalHandlers: which structure may come with which handle, and when. [ndis/nf-ndis-ndissetoptionalhandlers]
//   a filter module, in FilterSetModuleOptions      handlers of the data path (filter.c), chimney
//   a miniport driver, in MiniportSetOptions        connections, PnP, selective suspend, RDMA, call manager, shared memory, chimney
//   a protocol driver, in ProtocolSetOptions;       connections, client, call manager, shared memory, chimney
//   a binding, in its ProtocolBindAdapterEx         the same
//   a filter driver                                 nothing: "There are no optional filter driver services"
// Of these the handlers of a filter module are here, the chimney of a miniport (the provider) and of a protocol (the client), and
// RDMA of a miniport (ndk/provider.c).
// A driver that offers one of the others in the right place is stopped by name: told that all is well it would wait to be called for
// ever. In any other place, and for anything else, NDIS_STATUS_FAILURE.
#include "ndis/optional.h"

#include "ndis/chimney.h"
#include "ndis/filter.h"
#include "ndis/ndk/ndk_int.h"
#include "verify/refuse.h"

enum { WHO_MODULE = 1, WHO_MINIPORT = 2, WHO_PROTOCOL = 4 };

// The callbacks that a structure holds are beside it: the tables in ddi/ call them refused.
static const struct {
    UCHAR type, who;
    const char *refusal;
} services[] = {
#define SERVICE(type, who, name) {NDIS_OBJECT_TYPE_##type, (who), "NdisSetOptionalHandlers (" name ")"}
    // MINIPORT_CO_*
    SERVICE(CO_MINIPORT_CHARACTERISTICS, WHO_MINIPORT, "NDIS_MINIPORT_CO_CHARACTERISTICS"),
    // MINIPORT_ADD_DEVICE, MINIPORT_REMOVE_DEVICE, MINIPORT_PNP_IRP (also FilterResourceRequirements, StartDevice)
    SERVICE(MINIPORT_PNP_CHARACTERISTICS, WHO_MINIPORT, "NDIS_MINIPORT_PNP_CHARACTERISTICS"),
    // MINIPORT_IDLE_NOTIFICATION, MINIPORT_CANCEL_IDLE_NOTIFICATION
    SERVICE(MINIPORT_SS_CHARACTERISTICS, WHO_MINIPORT, "NDIS_MINIPORT_SS_CHARACTERISTICS"),
    // PROTOCOL_CO_*
    SERVICE(CO_PROTOCOL_CHARACTERISTICS, WHO_PROTOCOL, "NDIS_PROTOCOL_CO_CHARACTERISTICS"),
    // PROTOCOL_CL_*, PROTOCOL_CO_*
    SERVICE(CO_CLIENT_OPTIONAL_HANDLERS, WHO_PROTOCOL, "NDIS_CO_CLIENT_OPTIONAL_HANDLERS"),
    // PROTOCOL_CM_*, PROTOCOL_CO_*
    SERVICE(CO_CALL_MANAGER_OPTIONAL_HANDLERS, WHO_PROTOCOL | WHO_MINIPORT, "NDIS_CO_CALL_MANAGER_OPTIONAL_HANDLERS"),
    // ALLOCATE_SHARED_MEMORY_HANDLER, FREE_SHARED_MEMORY_HANDLER
    SERVICE(SHARED_MEMORY_PROVIDER_CHARACTERISTICS, WHO_PROTOCOL | WHO_MINIPORT, "NDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS"),
    // No page says what a filter module would be told about a chimney that passes it.
    SERVICE(CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, WHO_MODULE,
            "NDIS_CLIENT_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS"),
    SERVICE(CLIENT_CHIMNEY_OFFLOAD_CHARACTERISTICS, WHO_MODULE,
            "NDIS_CLIENT_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS"),
    SERVICE(PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS, WHO_MODULE,
            "NDIS_PROVIDER_CHIMNEY_OFFLOAD_GENERIC_CHARACTERISTICS"),
    SERVICE(PROVIDER_CHIMNEY_OFFLOAD_CHARACTERISTICS, WHO_MODULE, "NDIS_PROVIDER_CHIMNEY_OFFLOAD_TCP_CHARACTERISTICS"),
#undef SERVICE
};

// Whose handle this is, if now is the time for it; 0: neither. A driver enters its list when SetOptions is over.
static unsigned
optional_who(NDIS_HANDLE handle)
{
    switch (*(const uint32_t *)handle) {
    case NDIS_KIND_FILTER:
        return CONTAINING_RECORD(handle, struct ndis_filter, module)->setting_options ? WHO_MODULE : 0;
    case NDIS_KIND_MINIPORT_DRIVER:
        return ((struct ndis_miniport_driver *)handle)->node.next ? 0 : WHO_MINIPORT;
    case NDIS_KIND_PROTOCOL:
        return ((struct ndis_protocol *)handle)->node.next ? 0 : WHO_PROTOCOL;
    case NDIS_KIND_BINDING:
        return CONTAINING_RECORD(handle, struct ndis_binding, module)->bind ? WHO_PROTOCOL : 0;
    default:
        return 0;
    }
}

// For a miniport the page lists the client's two structures once more where it must mean the provider's.
static bool
optional_chimney(NDIS_HANDLE handle, unsigned who, const NDIS_OBJECT_HEADER *handlers, NDIS_STATUS *status)
{
    if (who == WHO_MINIPORT)
        return ndis_chimney_provider_set(&((struct ndis_miniport_driver *)handle)->chimney, handlers, status);
    if (who != WHO_PROTOCOL)
        return false;
    struct ndis_chimney_client *client = *(const uint32_t *)handle == NDIS_KIND_PROTOCOL
                                             ? &((struct ndis_protocol *)handle)->chimney
                                             : &CONTAINING_RECORD(handle, struct ndis_binding, module)->chimney;
    return ndis_chimney_client_set(client, handlers, status);
}

NDIS_STATUS
ndis_optional_handlers_set(NDIS_HANDLE handle, const NDIS_OBJECT_HEADER *handlers)
{
    unsigned who = handle && handlers ? optional_who(handle) : 0;
    if (who == WHO_MODULE && handlers->Type == NDIS_OBJECT_TYPE_FILTER_PARTIAL_CHARACTERISTICS)
        return ndis_filter_handlers_set(CONTAINING_RECORD(handle, struct ndis_filter, module),
                                        CONTAINING_RECORD(handlers, NDIS_FILTER_PARTIAL_CHARACTERISTICS, Header));
    if (who == WHO_MINIPORT && handlers->Type == NDIS_OBJECT_TYPE_NDK_PROVIDER_CHARACTERISTICS)
        return ndis_ndk_provider_set((struct ndis_miniport_driver *)handle, handlers);
    NDIS_STATUS status;
    if (handlers && optional_chimney(handle, who, handlers, &status))
        return status;
    for (size_t i = 0; i < ARRAYSIZE(services); i++)
        if (handlers && services[i].type == handlers->Type && (services[i].who & who))
            verify_refused_call(services[i].refusal);
    return NDIS_STATUS_FAILURE;
}
