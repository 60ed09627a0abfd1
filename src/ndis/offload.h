// SPDX-License-Identifier: MIT
// Task offload as NDIS keeps it for an adapter (offload.c): the current configuration, what the hardware can, the encapsulation.
#ifndef NBX_NDIS_OFFLOAD_H
#define NBX_NDIS_OFFLOAD_H

#include "ndis/ndis_int.h"

// The current configuration into out. fails: NULL, the miniport has told none; else out, for a structure's pointer.
NDIS_OFFLOAD *ndis_offload_current(struct ndis_adapter *adapter, NDIS_OFFLOAD *out);
// A miniport indicates a change: kept before anybody hears of it. Other indications are not looked at.
// fails: a buffer that holds no NDIS_OFFLOAD is a broken contract; without memory the old one stays.
void ndis_offload_indicated(struct ndis_adapter *adapter, const NDIS_STATUS_INDICATION *indication);
// A set request is about to reach the miniport: its new settings become keywords of the adapter. irql: PASSIVE
void ndis_offload_keywords(struct ndis_adapter *adapter, const NDIS_OID_REQUEST *request);
// The miniport has done this set.
void ndis_offload_noted(struct ndis_adapter *adapter, const NDIS_OID_REQUEST *request, const struct ndis_module *by);
// NDIS's own answer to a query; *known becomes false for other objects.
NDIS_STATUS ndis_offload_answer(NDIS_OID_REQUEST *request, struct ndis_adapter *adapter, bool *known);

#endif
