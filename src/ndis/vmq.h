// SPDX-License-Identifier: MIT
// Receive queues and receive filters (VMQ) as NDIS keeps them for an adapter: their numbers are NDIS's, the rest is the miniport's.
#ifndef NBX_NDIS_VMQ_H
#define NBX_NDIS_VMQ_H

#include "ndis/ndis_int.h"

// A request is about to reach the miniport. Checks those of queues and filters, and writes the number of a new one into it.
// fails: false, *status is NDIS's answer and the miniport is not asked. irql: PASSIVE
bool ndis_vmq_begin(struct ndis_adapter *adapter, NDIS_OID_REQUEST *request, NDIS_STATUS *status);
// The miniport's answer: what it has made is remembered, what it has freed forgotten. irql: <= DISPATCH
void ndis_vmq_end(struct ndis_adapter *adapter, const NDIS_OID_REQUEST *request, NDIS_STATUS status);
// The adapter is about to be halted: filters that are left are cleared and queues freed by NDIS's own requests (ask), or only forgotten
// when there is no device any more. irql: PASSIVE   calls: the miniport
void ndis_vmq_release(struct ndis_adapter *adapter, bool ask);

#endif
