// SPDX-License-Identifier: MIT
// An offload target (the miniport "mp") and a host stack (the protocol "pa") with no, one or two passthru between them, both in the hands
// of the test: what comes to the target stays there until the test completes it, what comes to the host is written down.
//   pa -- [outer, v1 --] [passthru, v0 --] mp's nic0          storeys: how many passthru
// A spy stands at each hop, so that a test sees what each layer was given, the intermediate drivers included.
//   s_run(body)   body with 0, 1 and 2 storeys, on several seeds each; everything is taken down, and nothing may be left
#ifndef NBX_TESTS_FLOW_CHIMNEY_STAND_H
#define NBX_TESTS_FLOW_CHIMNEY_STAND_H

#include <ndischimney.h>

#include "ddi/callbacks/witness.h"

#define S_LAYERS 3
#define S_BLOCKS 8

enum s_op { S_INITIATE, S_TERMINATE, S_UPDATE, S_INVALIDATE, S_QUERY, S_OPS };
enum s_data { S_SEND, S_RECEIVE, S_DISCONNECT, S_FORWARD, S_DATA };

// The host's own record of an object: the handle is somewhere inside.
struct s_object {
    uint64_t before;
    NDIS_OFFLOAD_HANDLE handle;
};

struct s_neighbor {
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
    NEIGHBOR_OFFLOAD_STATE_CONST constant;
    NEIGHBOR_OFFLOAD_STATE_CACHED cached;
    NEIGHBOR_OFFLOAD_STATE_DELEGATED delegated;
};
struct s_path {
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
    PATH_OFFLOAD_STATE_CONST constant;
    PATH_OFFLOAD_STATE_CACHED cached;
    PATH_OFFLOAD_STATE_DELEGATED delegated;
};
struct s_tcp {
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block;
    TCP_OFFLOAD_STATE_CONST constant;
    TCP_OFFLOAD_STATE_CACHED cached;
    TCP_OFFLOAD_STATE_DELEGATED delegated;
};

// What the target keeps of an object.
struct s_context {
    NDIS_HANDLE handle;                       // NdisOffloadHandle
    UCHAR type;
};

struct stand {
    uint32_t storeys;
    struct ndis_adapter *v[2];                // the virtual miniports, from below
    NDIS_HANDLE binding;                      // the host's

    // The host's objects and its tree: a neighbour, a path, two connections.
    struct s_object neighbor_object, path_object, tcp_object[2], other_object;
    struct s_neighbor neighbor;
    struct s_path path;
    struct s_tcp tcp[2];

    // The target.
    NDIS_TCP_OFFLOAD_EVENT_HANDLERS up;
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *tree[S_OPS];   // what it has, by operation
    NET_BUFFER_LIST *lists[S_DATA];           // and by request, in the order they came
    PVOID object[S_DATA];                     // the last MiniportOffloadContext
    ULONG flags;                              // of the last disconnect
    uint32_t disconnects;
    NET_BUFFER_LIST *returned;
    struct s_context context[S_BLOCKS];
    uint32_t contexts;
    NDIS_STATUS data_status;                  // what its handlers return; 0: NDIS_STATUS_PENDING

    // The host.
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *done[S_OPS];
    NET_BUFFER_LIST *completed[S_DATA];
    uint32_t completions[S_DATA];
    uint32_t without;                         // disconnects that were completed without a list
    PVOID event_context;
    ULONG event_type, event_information;
    uint32_t events;
    NET_BUFFER_LIST *indicated;
    PVOID indicated_context;
    NDIS_STATUS indicated_status, answer;     // what the host answers
    ULONG accepts;                            // and says it consumed
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *neighbor_event;
    ULONG neighbor_code;
    ULONG host_delta;                         // what it answers a NeighborReachabilityQuery with

    // What else a driver does inside a call; NULL: nothing.
    void (*on_request)(enum s_data op);       // the target, once it has the lists
    void (*on_completed)(enum s_data op);     // the host, once it has them back
    void (*on_event)(void), (*on_data)(void); // the host

    // The spies, by hop from below.
    PVOID given[S_LAYERS][S_BLOCKS];          // NdisOffloadHandle of each block that was initiated
    uint32_t given_count[S_LAYERS];
    PVOID event_contexts[S_LAYERS], receive_contexts[S_LAYERS];
    PVOID objects[S_LAYERS];                  // MiniportOffloadContext of the last request
};

extern struct stand s;
extern uint32_t s_asks;                       // how often the target calls NdisMGetOffloadHandlers: once
extern bool s_is_half;                        // it registers its generic handlers only

void s_run(void (*body)(void));
// Target and host are what the next w_run has; the storeys between them are the caller's.
void s_arm(void);
// One stand, for a crime: so many storeys, the verifier on.
void s_watched(uint32_t storeys, void (*body)(void));

// ---- the host -----------------------------------------------------------------------------------------------------------------------
// The tree as for an initiate: neighbour, path, connections (1 or 2); nothing of it is offloaded.
NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *s_tree(uint32_t connections);
// A block that refers to an object: an operation on it alone.
void s_block(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *block, UCHAR type, struct s_object *object);
// Send data that goes with a connection of s_tree: all of it was sent, nothing acknowledged.
void s_chain(uint32_t connection, NET_BUFFER_LIST *nbls);
// What was indicated and kept goes back to the target.
void s_return(NET_BUFFER_LIST *nbls);
void s_submit(enum s_op op, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree);
NDIS_STATUS s_request(enum s_data op, struct s_object *object, NET_BUFFER_LIST *nbls, ULONG flags);
// A list of so many NET_BUFFER_LISTs; bytes in each.
NET_BUFFER_LIST *s_nbls(uint32_t count, uint32_t bytes);
void s_free(NET_BUFFER_LIST *nbls);
// Offload the tree (with so many connections) and take all of it back, with everything asserted on the way.
void s_offload(uint32_t connections);
void s_upload(uint32_t connections);

// ---- the target ---------------------------------------------------------------------------------------------------------------------
// Complete what it has: each block with SUCCESS, new objects taken.
void s_complete(enum s_op op);
// The same with a status for each block, in the order of the walk; a new object that fails is not taken.
void s_complete_with(enum s_op op, const NDIS_STATUS *status);
// Give the lists back with this status, in one call. A disconnect that succeeds has brought all its bytes.
void s_give_back(enum s_data op, NDIS_STATUS status);
// So many bytes of a request have been moved.
void s_moved(NET_BUFFER_LIST *nbl, ULONG bytes);
void s_event(struct s_object *object, ULONG type, ULONG information);   // at DISPATCH_LEVEL
NDIS_STATUS s_indicate(struct s_object *object, NET_BUFFER_LIST *nbl, ULONG *consumed);
// What the target has for an object of the host's.
struct s_context *s_context_of(const struct s_object *object);

#endif
