// SPDX-License-Identifier: MIT
// The TCP chimney as its front doors use it: operations on state trees, data of offloaded connections, and what goes up.
//
//   binding  -- NDIS_OFFLOAD_HANDLE --+   the upper layer's own structure is its name for an offloaded object; NDIS notes the binding in it
//      |                              |   (NdisReserved), and the layer below its context (MiniportOffloadContext)
//   adapter  -- *MiniportOffloadContext, and NdisOffloadHandle: the same structure, by which events find their way back
//
// A call goes from a binding to the adapter that it has open, and a completion from an adapter to a binding: one hop. An intermediate
// driver makes a stack of such hops. Filters have no part in it: no page says what they would be told.
//   state   SourceHandle of a tree's root names the binding that its completion goes to; an intermediate driver saves and restores it
//   data    SourceHandle of each NET_BUFFER_LIST does, in the same way
//   events  the NDIS_OFFLOAD_HANDLE leads to the binding; those without one go to all bindings that are clients
// Nothing is queued or allocated, and no lock is held: each call is its caller's, at its IRQL. [network, the guide archived in 2019]
#ifndef NBX_CHIMNEY_CHIMNEY_H
#define NBX_CHIMNEY_CHIMNEY_H

#include <ndischimney.h>

struct ndis_adapter;
struct ndis_binding;

enum chimney_state_op {
    CHIMNEY_INITIATE,
    CHIMNEY_TERMINATE,
    CHIMNEY_UPDATE,
    CHIMNEY_INVALIDATE,
    CHIMNEY_QUERY
};

enum chimney_data_op {
    CHIMNEY_SEND,
    CHIMNEY_RECEIVE,
    CHIMNEY_DISCONNECT,
    CHIMNEY_FORWARD
};

// ---- state trees (state.c) ------------------------------------------------------------------------------------------------------------

// Give the tree to the miniport below, in its form.
// irql:  <= DISPATCH   owns: takes the tree and what it points to until chimney_state_done   calls: MiniportInitiateOffload and kin
// fails: never; each block's Status says how it went when it comes back. A miniport without a chimney is a broken contract of the caller
void chimney_state_submit(struct ndis_binding *binding, enum chimney_state_op op, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree);
// The adapter's driver is done with it: back to the binding it came from, in a protocol's form.
// irql: <= DISPATCH   owns: returns the tree   calls: ProtocolInitiateOffloadComplete and kin
void chimney_state_done(struct ndis_adapter *adapter, enum chimney_state_op op, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree);

// ---- data (data.c) --------------------------------------------------------------------------------------------------------------------

// irql:  <= DISPATCH   owns: takes nbls until chimney_data_done   calls: MiniportTcpOffloadSend and kin
// fails: never; returns what the miniport said, which is NDIS_STATUS_PENDING
NDIS_STATUS chimney_data_submit(NDIS_OFFLOAD_HANDLE *handle, enum chimney_data_op op, NET_BUFFER_LIST *nbls, ULONG flags);
// irql: <= DISPATCH   owns: returns nbls   calls: ProtocolTcpOffloadSendComplete and kin
void chimney_data_done(struct ndis_adapter *adapter, enum chimney_data_op op, NET_BUFFER_LIST *nbls);
// What was indicated and kept goes back to the target. irql: <= DISPATCH   owns: returns nbls   calls: MiniportTcpOffloadReceiveReturn
void chimney_receive_return(struct ndis_binding *binding, NET_BUFFER_LIST *nbls);

// ---- up (event.c) -----------------------------------------------------------------------------------------------------------------------

// irql: DISPATCH   calls: ProtocolTcpOffloadEvent
void chimney_event(NDIS_OFFLOAD_HANDLE *handle, ULONG type, ULONG information);
// irql: DISPATCH   owns: as what it returns says   calls: ProtocolTcpOffloadReceiveIndicate
NDIS_STATUS chimney_receive(NDIS_OFFLOAD_HANDLE *handle, NET_BUFFER_LIST *nbl, NDIS_STATUS status, ULONG *consumed);
// irql: DISPATCH   owns: lends block for the call   calls: ProtocolIndicateOffloadEvent of every client
void chimney_indicate(struct ndis_adapter *adapter, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, ULONG code);
// NdisMGetOffloadHandlers. irql: PASSIVE   fails: STATUS_NOT_SUPPORTED, and *handlers is NULL
NDIS_STATUS chimney_handlers(struct ndis_adapter *adapter, NDIS_CHIMNEY_OFFLOAD_TYPE type, NDIS_OFFLOAD_EVENT_HANDLERS **handlers);

// What chimney_handlers gives. ddi_chimney_up.c
extern const NDIS_TCP_OFFLOAD_EVENT_HANDLERS chimney_tcp_handlers;

#endif
