// SPDX-License-Identifier: MIT
// Hardware assist attributes of an adapter: what its hardware offers and has switched on in receive filters (VMQ), NIC switch and QoS.
#ifndef NBX_NDIS_ASSIST_H
#define NBX_NDIS_ASSIST_H

#include "ndis/ndis_int.h"

// Keep copies of what a says. irql: PASSIVE, from NdisMSetMiniportAttributes. fails: INVALID_PARAMETER before the general attributes, or
// with a header that is too short; RESOURCES, and what was kept before stays.
NDIS_STATUS ndis_assist_set(struct ndis_adapter *adapter, const NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES *a);
void ndis_assist_drop(struct ndis_adapter *adapter);

// The queries that NDIS answers from them. *known becomes false for every other.
NDIS_STATUS ndis_assist_answer(NDIS_OID_REQUEST *request, const struct ndis_adapter *adapter, bool *known);

// Their places in the parameters of a bind, lent for as long as the adapter is there.
void ndis_assist_bind(const struct ndis_adapter *adapter, NDIS_BIND_PARAMETERS *p);

#endif
