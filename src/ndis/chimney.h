// SPDX-License-Identifier: MIT
// What NDIS keeps for the TCP chimney of a driver and of an adapter (chimney.c); the calls themselves are in the folder chimney.
#ifndef NBX_NDIS_CHIMNEY_H
#define NBX_NDIS_CHIMNEY_H

#include "ndis/ndis_int.h"

// NdisSetOptionalHandlers. Returns whether the structure is one of the chimney's; *status then says what became of it:
// NDIS_STATUS_SUCCESS, or NDIS_STATUS_FAILURE (too small, another chimney type, a handler missing), and nothing has changed.
bool ndis_chimney_provider_set(struct ndis_chimney_provider *provider, const NDIS_OBJECT_HEADER *handlers, NDIS_STATUS *status);
bool ndis_chimney_client_set(struct ndis_chimney_client *client, const NDIS_OBJECT_HEADER *handlers, NDIS_STATUS *status);

// The miniport's offload attributes. irql: PASSIVE
void ndis_chimney_attributes(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES *attributes);
// The current capabilities into out. fails: NULL, the miniport has told none; else out, for a structure's pointer.
NDIS_TCP_CONNECTION_OFFLOAD *ndis_chimney_current(struct ndis_adapter *adapter, NDIS_TCP_CONNECTION_OFFLOAD *out);
// A miniport indicates a change: kept before anybody hears of it. fails: a buffer that does not hold it is a broken contract (NBX-0118).
void ndis_chimney_indicated(struct ndis_adapter *adapter, const NDIS_STATUS_INDICATION *indication);
// The miniport has done this set, which `by` asked for (NULL: NDIS).
void ndis_chimney_noted(struct ndis_adapter *adapter, const NDIS_OID_REQUEST *request, const struct ndis_module *by);
// NDIS's own answer to a query; *known becomes false for other objects.
NDIS_STATUS ndis_chimney_answer(NDIS_OID_REQUEST *request, struct ndis_adapter *adapter, bool *known);

// The binding is about to be closed: what it has offloaded is left at the miniport (NBX-0608).
void ndis_chimney_closing(const struct ndis_binding *binding);

#endif
