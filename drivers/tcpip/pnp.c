// SPDX-License-Identifier: MIT
// Power and removal of an adapter, told to TDI's clients before NDIS has its answer.
//   tcpip_pnp -> tcpip_clients_ask -> TdiPnPPowerRequest -> each client's PnPPowerHandler
//       all have answered: the answer is NDIS's       one says STATUS_PENDING: NDIS waits too, until clients_answered
// A query may be refused by any client; what has been decided (NetEventSetPower, NetEventCancelRemoveDevice) is only told. An unbind has no
// event of its own here: the adapter's addresses are taken back (work.c), which is a DelAddress of each to every client.
// [network/handling-pnp-events-and-power-management-events-in-a-protocol-driver; TdiPnPPowerRequest ff565057]
#include "tcpip.h"

#include <tdikrnl.h>

static BOOLEAN
may_refuse(NET_PNP_EVENT_CODE code)
{
    return code == NetEventQueryPower || code == NetEventQueryRemoveDevice;
}

static NDIS_STATUS
answer_of(NET_PNP_EVENT_CODE code, NTSTATUS status)
{
    return may_refuse(code) ? (NDIS_STATUS)status : NDIS_STATUS_SUCCESS;
}

// The last client that had said STATUS_PENDING.
static VOID NTAPI
clients_answered(PNET_PNP_EVENT event, NTSTATUS status)
{
    PNET_PNP_EVENT_NOTIFICATION notification = CONTAINING_RECORD(event, NET_PNP_EVENT_NOTIFICATION, NetPnPEvent);
    NDIS_HANDLE binding = (NDIS_HANDLE)event->TransportReserved[0];
    NdisCompleteNetPnPEvent(binding, notification, answer_of(event->NetEvent, status));
}

NDIS_STATUS
tcpip_clients_ask(struct tcpip_adapter *adapter, PNET_PNP_EVENT_NOTIFICATION notification)
{
    PNET_PNP_EVENT event = &notification->NetPnPEvent;
    NET_PNP_EVENT_CODE code = event->NetEvent;
    event->TransportReserved[0] = (ULONG_PTR)adapter->ndis;
    // Windows' TCP/IP passes a list of addresses in the first [ff545267], in a form that no page shows: none here.
    NTSTATUS status = TdiPnPPowerRequest(&adapter->name, event, NULL, NULL, clients_answered);
    if (status == STATUS_PENDING)
        return NDIS_STATUS_PENDING;
    if (!NT_SUCCESS(status))
        DbgPrint("tcpip: a TDI client answers event %u of %wZ with 0x%08x%s\n", code, &adapter->name, status,
                 may_refuse(code) ? "" : ", which cannot be refused");
    return answer_of(code, status);
}
