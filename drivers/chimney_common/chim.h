// SPDX-License-Identifier: MIT
// chimney_common: what a host stack and an offload target have to agree about, and nothing else: how an engine's connection stands in
// the three classes of a TCP chimney's state, where the classes lie behind a block list, and how a chain of NET_BUFFER_LISTs is read.
//   state.c   struct tcp_constant, tcp_cached, tcp_delegated <-> TCP_OFFLOAD_STATE_CONST, CACHED, DELEGATED; MAC addresses, paths
//   block.c   Header.Type -> which classes follow the block in memory, and where
//   chain.c   NET_BUFFER_LISTs -> spans, and what is left of them when bytes have been acknowledged
// Only documented fields cross. What else an engine knows of a connection (its scoreboard, its congestion epoch) stays behind.
// Pure functions: no lock, no memory, any IRQL.
#ifndef CHIM_H
#define CHIM_H

#include <ndis.h>

#include <ndischimney.h>

#include "engine/tcp/tcp.h"

#define CHIM_MAC_BYTES 6                  // of the 32 that an address may have
#define CHIM_BACKLOG_UNKNOWN 0xFFFFFFFFu  // of SendBacklogSize and ReceiveBacklogSize
#define CHIM_IP_ID_TARGET 0x8000u         // a target's IPv4 identifications have this bit, its host's have not

// ---- block.c ----------------------------------------------------------------------------------------------------------------------

// All of an object, as it lies behind a block of this layer.
struct chim_neighbor {
    NEIGHBOR_OFFLOAD_STATE_CONST constant;
    NEIGHBOR_OFFLOAD_STATE_CACHED cached;
    NEIGHBOR_OFFLOAD_STATE_DELEGATED delegated;
};
struct chim_path {
    PATH_OFFLOAD_STATE_CONST constant;
    PATH_OFFLOAD_STATE_CACHED cached;
    PATH_OFFLOAD_STATE_DELEGATED delegated;
};
struct chim_tcp {
    TCP_OFFLOAD_STATE_CONST constant;
    TCP_OFFLOAD_STATE_CACHED cached;
    TCP_OFFLOAD_STATE_DELEGATED delegated;
};

enum chim_layer {
    CHIM_NONE,
    CHIM_NEIGHBOR,
    CHIM_PATH,
    CHIM_TCP
};

// What a type means: layer, for a path its family, and the parts that follow a block; NULL for those that do not.
struct chim_parts {
    enum chim_layer layer;
    enum eng_family family;
    VOID *constant, *cached, *delegated;
};

// block: either form of a block list; they have the same size. fails: FALSE for a type that stands for no state
BOOLEAN chim_parts(VOID *block, struct chim_parts *parts);

// Bytes of the state behind a block of this type, 0 for none.
ULONG chim_state_bytes(UCHAR type);

// ---- state.c ----------------------------------------------------------------------------------------------------------------------
// `put` writes every documented member but Header, SendData, BufferedData and the backlogs; `get` reads them all.

VOID chim_constant_put(const struct tcp_constant *from, TCP_OFFLOAD_STATE_CONST *to);
// The addresses are a path's: *to keeps them. fails: FALSE for what no handshake can have led to
BOOLEAN chim_constant_get(const TCP_OFFLOAD_STATE_CONST *from, struct tcp_constant *to);
VOID chim_cached_put(const struct tcp_cached *from, TCP_OFFLOAD_STATE_CACHED *to);
VOID chim_cached_get(const TCP_OFFLOAD_STATE_CACHED *from, struct tcp_cached *to);
VOID chim_delegated_put(const struct tcp_delegated *from, TCP_OFFLOAD_STATE_DELEGATED *to);
// fails: FALSE for a state that is none
BOOLEAN chim_delegated_get(const TCP_OFFLOAD_STATE_DELEGATED *from, struct tcp_delegated *to);
// Whether a connection in this state may be handed to a target [ndischimney/ns-ndischimney-_tcp_offload_state_delegated].
BOOLEAN chim_state_travels(TCP_OFFLOAD_CONNECTION_STATE state);

// An address of a path, 4 or 16 bytes in network byte order.
struct eng_address chim_address_get(const UCHAR *bytes, enum eng_family family);

// ---- chain.c ----------------------------------------------------------------------------------------------------------------------

// Data bytes of all NET_BUFFERs of one NET_BUFFER_LIST.
ULONG64 chim_nbl_bytes(const NET_BUFFER_LIST *nbl);
// How many spans chim_nbl_spans makes of it.
ULONG chim_nbl_span_count(const NET_BUFFER_LIST *nbl);
// Its data where it lies; each span's tag is its MDL, its owner the one given, which is not held by this.
// Returns how many; fails: 0 when an MDL has no address (memory is short), ends early, or there are more than `room`
ULONG chim_nbl_spans(const NET_BUFFER_LIST *nbl, struct eng_span *spans, ULONG room, struct eng_owner *owner);
// The first bytes of its data are through: as NdisAdvanceNetBufferDataStart over its NET_BUFFERs. irql: <= DISPATCH
VOID chim_nbl_advance(NET_BUFFER_LIST *nbl, ULONG64 bytes);

#endif
