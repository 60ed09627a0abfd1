// SPDX-License-Identifier: MIT
// All bindings of an adapter away and back again, in their order: what NDIS does around a mandatory filter, whether one comes or goes
// [network/mandatory-filter-drivers], and while a default port is not active (nport.c). A protocol sees ProtocolUnbindAdapterEx and then
// ProtocolBindAdapterEx.
//   ndis_bindings_park -> attach or detach -> ndis_bindings_return, or ndis_bindings_forget when the stack cannot stand any more
#include <string.h>

#include "ndis/ndis.h"
#include "ndis/ndis_int.h"

NDIS_STATUS
ndis_bindings_park(struct ndis_adapter *adapter, struct ndis_parked *parked)
{
    *parked = (struct ndis_parked){0};
    LIST_FOR_EACH(node, &adapter->bindings)
        parked->count++;
    if (!parked->count)
        return NDIS_STATUS_SUCCESS;
    parked->protocols = ndis_alloc(parked->count * sizeof(struct ndis_protocol *));
    if (!parked->protocols)
        return NDIS_STATUS_RESOURCES;
    uint32_t index = 0;
    LIST_FOR_EACH(node, &adapter->bindings)
        parked->protocols[index++] = LIST_ENTRY_OF(node, struct ndis_binding, node)->protocol;
    while (!list_is_empty(&adapter->bindings))
        ndis_binding_unbind(LIST_ENTRY_OF(adapter->bindings.prev, struct ndis_binding, node));
    return NDIS_STATUS_SUCCESS;
}

NDIS_STATUS
ndis_bindings_return(struct ndis_adapter *adapter, struct ndis_parked *parked)
{
    NDIS_STATUS first = NDIS_STATUS_SUCCESS;
    for (uint32_t i = 0; i < parked->count; i++) {
        struct ndis_protocol *protocol = parked->protocols[i];
        char key[256];
        if (protocol->deregistering)
            continue;
        ndis_binding_key(adapter->name, protocol->image->name, key, sizeof key);
        NDIS_STATUS status = ndis_binding_bind(adapter, protocol, key);
        if (status != NDIS_STATUS_SUCCESS && first == NDIS_STATUS_SUCCESS)
            first = status;
    }
    ndis_bindings_forget(parked);
    return first;
}

void
ndis_bindings_forget(struct ndis_parked *parked)
{
    ndis_free(parked->protocols);
    *parked = (struct ndis_parked){0};
}

void
ndis_bindings_forget_protocol(struct ndis *ndis, const struct ndis_protocol *protocol)
{
    LIST_FOR_EACH(node, &ndis->adapters) {
        struct ndis_parked *parked = &LIST_ENTRY_OF(node, struct ndis_adapter, node)->parked;
        uint32_t kept = 0;
        for (uint32_t i = 0; i < parked->count; i++)
            if (parked->protocols[i] != protocol)
                parked->protocols[kept++] = parked->protocols[i];
        parked->count = kept;
    }
}
