// SPDX-License-Identifier: MIT
// What the files of the TCP chimney share: offload.c (state trees), offload_data.c (data, events), offload_entry.c (registration, what had
// to be put off), offload_gate.c (while the adapter below is not to be reached).
#ifndef PASSTHRU_OFFLOAD_H
#define PASSTHRU_OFFLOAD_H

#include "passthru.h"

enum passthru_op {
    PASSTHRU_INITIATE,
    PASSTHRU_TERMINATE,
    PASSTHRU_UPDATE,
    PASSTHRU_INVALIDATE,
    PASSTHRU_QUERY
};

enum passthru_data {
    PASSTHRU_SEND,
    PASSTHRU_POST,                            // a receive request
    PASSTHRU_DISCONNECT,
    PASSTHRU_FORWARD
};

// The offload entry of one object.
struct passthru_offload {
    NDIS_OFFLOAD_HANDLE handle;               // the driver below knows the object by its address
    NDIS_HANDLE above;                        // what the driver above gave as NdisOffloadHandle
    struct passthru *self;
    volatile LONG is_uploading;               // a request could not be passed on: none is any more, the connection has to go back
    volatile LONG was_told;                   // and the driver above knows
};

// Each list keeps, in its context area, its SourceHandle and the upper edge that it came through: NDIS writes the one over, and a
// completion has to find the other. Lists without end (NULL) are none. irql: <= DISPATCH   fails: FALSE, and no list is marked
BOOLEAN passthru_offload_mark(struct passthru *self, PNET_BUFFER_LIST nbls);
void passthru_offload_unmark(PNET_BUFFER_LIST nbls);

// offload_gate.c. For each offload entry that is made, and gone. irql: <= DISPATCH   fails: FALSE, the adapter below is not to be reached
BOOLEAN passthru_gate_enter(struct passthru *self);
void passthru_gate_leave(struct passthru *self);

// offload_entry.c. Until a DPC: the tree is refused, or tried again; the lists are completed as such that nobody could pass on.
void passthru_defer_tree(struct passthru *self, enum passthru_op op, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST tree);
void passthru_defer_nbls(struct passthru_offload *offload, enum passthru_data op, PNET_BUFFER_LIST nbls);
// The same of a disconnect without a list.
void passthru_defer_disconnect(struct passthru *self);
// The DPC's part. irql: DISPATCH
void passthru_tree_again(struct passthru *self, enum passthru_op op, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST tree);
void passthru_nbls_refuse(struct passthru_offload *offload, enum passthru_data op, PNET_BUFFER_LIST nbls);

// The upper edge, and the lower.
#define PASSTHRU_EDGES(word) \
    NTAPI VOID passthru_##word(NDIS_HANDLE context, PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST tree); \
    NTAPI VOID passthru_##word##_complete(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST tree)
PASSTHRU_EDGES(initiate);
PASSTHRU_EDGES(terminate);
PASSTHRU_EDGES(update);
PASSTHRU_EDGES(invalidate);
PASSTHRU_EDGES(query_offload);
NTAPI NDIS_STATUS passthru_tcp_send(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbls);
NTAPI NDIS_STATUS passthru_tcp_post(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbls);
NTAPI NDIS_STATUS passthru_tcp_disconnect(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbl, ULONG flags);
NTAPI NDIS_STATUS passthru_tcp_forward(NDIS_HANDLE context, PVOID object, PNET_BUFFER_LIST nbls);
NTAPI NDIS_STATUS passthru_tcp_return(NDIS_HANDLE context, PNET_BUFFER_LIST nbls);
NTAPI VOID passthru_tcp_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls);
NTAPI VOID passthru_tcp_post_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls);
NTAPI VOID passthru_tcp_disconnect_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbl);
NTAPI VOID passthru_tcp_forward_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls);
NTAPI VOID passthru_tcp_event(PVOID object, ULONG type, ULONG information);
NTAPI NDIS_STATUS passthru_tcp_receive(PVOID object, PNET_BUFFER_LIST nbl, NDIS_STATUS status, PULONG consumed);
NTAPI VOID passthru_offload_event(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block, ULONG code);

#endif
