// SPDX-License-Identifier: MIT
// Receive side scaling of an adapter (rss.c) and the processors for it (processor.c).
#ifndef NBX_NDIS_RSS_H
#define NBX_NDIS_RSS_H

#include "ndis/ndis_int.h"

// capabilities may be NULL. fails: NDIS_STATUS_INVALID_PARAMETER, NDIS_STATUS_RESOURCES
NDIS_STATUS ndis_rss_capabilities_set(struct ndis_adapter *adapter, const NDIS_RECEIVE_SCALE_CAPABILITIES *capabilities);
void ndis_rss_drop(struct ndis_adapter *adapter);
// The miniport has done this set. irql: <= DISPATCH
void ndis_rss_noted(struct ndis_adapter *adapter, const NDIS_OID_REQUEST *request);
// NDIS's own answer to a query; *known becomes false for other objects.
NDIS_STATUS ndis_rss_answer(NDIS_OID_REQUEST *request, const struct ndis_adapter *adapter, bool *known);

// From the adapter's keywords. irql: PASSIVE
void ndis_rss_range_read(struct ndis_adapter *adapter, struct ndis_rss_range *range);

#endif
