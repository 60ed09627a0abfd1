// SPDX-License-Identifier: MIT
// TCP chimney, the host's side: connections of the engine are handed to an offload target below an adapter, and taken back.
//   chimney.c        an adapter's part: what its target can do, the list of work, one block list tree at a time
//   chimney_move.c   one connection's two hand-overs: out of the engine, and in again
//   chimney_tree.c   neighbours and paths that a target has; block lists
//   chimney_follow.c what changes under connections that are away: link addresses, next hops, path MTUs; whether neighbours are there
//   chimney_data.c   an offloaded connection's bytes: sends, received lists, disconnects, events
//   chimney_policy.c which connections go by themselves, and when
//   chimney_stats.c  what targets count
//   chimney_held.c   segments that come to us although the connection is (or goes, or comes) elsewhere
// A connection's way, and who has it:
//   WAITING   the engine; it stands in adapter->chimney.waiting
//   GOING     nobody: NdisInitiateOffload is on its way. What clients ask for waits here; segments are held
//   THERE     the target. Its calls are made by the connection's teller (tcpip_connection_tell), one at a time, with no lock held
//   LEAVING   the target, but the teller makes no more calls; it stands in adapter->chimney.leaving
//   COMING    nobody: NdisTerminateOffload is on its way. Then the engine again, and the struct tcpip_offload is gone
// The engine's reference to the struct tcpip_connection goes with it, and comes back with it.
// Locks: host->lock guards all of it. NDIS is called without it: trees by tcpip_chimney_serve (one thread an adapter), the rest by the
// teller. What the target tells us is noted under the lock.
// [ndischimney], and the guide's pages named in the comments.
#ifndef TCPIP_CHIMNEY_H
#define TCPIP_CHIMNEY_H

#include "connection.h"

#include "../chimney_common/chim.h"

enum offload_state {
    OFFLOAD_WAITING,
    OFFLOAD_GOING,
    OFFLOAD_THERE,
    OFFLOAD_LEAVING,
    OFFLOAD_COMING
};

// A neighbour (who gets packets next), or a path over one, that the target has or is getting. What the target has of it is `mac` and
// `mtu_bytes`; what it should have, `wanted_...`. is_over: it was invalidated, or the target would not follow; its connections come back,
// and no other goes by it until it has been terminated.
struct chimney_neighbor {
    NDIS_OFFLOAD_HANDLE handle;
    LIST_ENTRY link;                      // in adapter->chimney.neighbors
    struct tcpip_adapter *adapter;
    struct eng_address address;
    UCHAR mac[CHIM_MAC_BYTES], wanted_mac[CHIM_MAC_BYTES];
    ULONG64 heard_us;                     // when it was offloaded: the last time
    ULONG paths;                          // struct chimney_path over it, or on their way to it
    struct chimney_block *block;          // of the tree that is being built or is out
    LIST_ENTRY doubt_link;                // in host->doubts while is_doubted
    ULONG64 doubted_us;                   // since the target asked
    BOOLEAN is_there, is_over, is_lost;
    BOOLEAN is_doubted, wants_query;      // the target asked; it is to be asked in turn
    BOOLEAN is_probed;                    // by our neighbour cache
};

struct chimney_path {
    NDIS_OFFLOAD_HANDLE handle;
    LIST_ENTRY link;                      // in adapter->chimney.paths
    struct chimney_neighbor *neighbor;
    struct chimney_neighbor *next;        // it is to be linked to this one; NULL: it stays
    struct eng_address asked;             // a next hop whose link address was asked for; family 0: none
    struct eng_address local, remote;
    ULONG mtu_bytes, wanted_mtu_bytes;
    ULONG connections;
    struct chimney_block *block;
    BOOLEAN is_there, is_over, is_lost;
};

// A segment for a connection that the engine has not.
struct chimney_held {
    LIST_ENTRY link;
    struct tcpip_offload *offload;        // with the target: whose
    NET_BUFFER_LIST *nbl;
    MDL *mdl;
    struct eng_in in;                     // spans is span
    struct eng_span span;
    UCHAR bytes[];                        // from the TCP header on
};

struct tcpip_offload {
    NDIS_OFFLOAD_HANDLE handle;           // its address is our name for the connection [storing-and-referencing-offloaded-state]
    struct tcpip_connection *connection;
    struct tcpip_adapter *adapter;
    struct chimney_path *path;
    LIST_ENTRY link;                      // in adapter->chimney.waiting, there or leaving
    LIST_ENTRY bucket;                    // in host->away
    enum offload_state state;
    LIST_ENTRY half_link;                 // in host->half_closed, the oldest first
    uint64_t half_closed_us;              // since our FIN is on its way; 0: it is not
    struct tcp_open open;                 // how the engine takes it again
    struct tcp_record record;             // as it left the engine; on its way back, as it comes
    struct list unsent, out;              // struct tcpip_send by send.link, in order; out: the target has them
    ULONG64 out_bytes;
    ULONG backlog_bytes;                  // as many are kept at the target
    ULONG next_seq;                       // of the first byte behind both lists
    ULONG urgent_offset;                  // as in struct tcp_handover
    ULONG fin_after_bytes;                // a FIN that came before stands behind so many of what the target still gives back
    ULONG held_count;
    ULONG disconnects_tried;              // TCP_DISCONNECT_XXX
    NET_BUFFER_LIST *buffered;            // what goes down as BufferedData, until the initiate has ended
    NET_BUFFER_LIST *to_return;           // the target's, given up while it indicated them
    LIST_ENTRY return_link;               // in adapter->chimney.returning when there are any and the indication is over
    LIST_ENTRY held;                      // struct chimney_held
    BOOLEAN has_fin_behind;
    BOOLEAN is_refused, wants_post, wants_back;
    BOOLEAN is_aborted;                   // our abortive disconnect is over
    BOOLEAN is_declined;                  // the target did not take it, or asks for its upload
    ULONG64 there_us;                     // since when the target has it
    BOOLEAN has_error;                    // `error` (packets are too big) waits for the target to say whether it can be true
    struct net_error error;
    // Its receive buffer, which grows as in the engine; only an update makes the target's window larger.
    ULONG wanted_window_bytes;            // 0: as it is
    ULONG used_bytes;                     // by the client, since used_us
    ULONG64 used_us;
};

// ---- chimney_move.c ---------------------------------------------------------------------------------------------------------------

// May it go, and where; what nobody has had is set aside for it. FALSE: it stays   locks: host->lock held
BOOLEAN tcpip_offload_prepare(struct tcpip_offload *offload, struct tcpip_call *call);
// Out of the engine and into this block. FALSE: it stays where it is, and the offload is gone.   locks: host->lock held
BOOLEAN tcpip_offload_export(struct tcpip_offload *offload, struct chimney_block *block, struct tcpip_call *call);
// The target has it.   locks: host->lock held
VOID tcpip_offload_there(struct tcpip_offload *offload);
// Into the engine again as the record says, or to its end; the offload is gone. buffered: the target's, or ours when it never went;
// stays the caller's.   locks: host->lock held
VOID tcpip_offload_import(struct tcpip_offload *offload, NET_BUFFER_LIST *buffered, struct tcpip_call *call);
// The target has lost it: clients see a reset; the offload is gone.   locks: host->lock held
VOID tcpip_offload_lost(struct tcpip_offload *offload);
// locks: host->lock held
struct tcpip_offload *tcpip_offload_create(struct tcpip_connection *connection, struct tcpip_adapter *adapter);
VOID tcpip_offload_free(struct tcpip_offload *offload);
// Our FIN is on its way: it must not stay for ever.   locks: host->lock held
VOID tcpip_offload_half_closed(struct tcpip_offload *offload, uint64_t now_us);

// ---- chimney_tree.c ---------------------------------------------------------------------------------------------------------------

// A block, and behind it the state, where the target looks for it.
struct chimney_block {
    NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST list;
    union {
        struct chim_neighbor neighbor;
        struct chim_path path;
        struct chim_tcp tcp;
        NEIGHBOR_OFFLOAD_STATE_CACHED neighbor_cached;
        NEIGHBOR_OFFLOAD_STATE_DELEGATED neighbor_delegated;
        PATH_OFFLOAD_STATE_CACHED path_cached;
        TCP_OFFLOAD_STATE_CACHED tcp_cached;
        TCP_OFFLOAD_STATE_DELEGATED tcp_delegated;
    } state;
    UCHAR addresses[2][16];               // of a path
    struct chimney_block *above;          // of a connection
    struct tcpip_offload *offload;        // one of these three
    struct chimney_path *path;
    struct chimney_neighbor *neighbor;
};
C_ASSERT(offsetof(struct chimney_block, state) == sizeof(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST));

enum tree_op {
    TREE_INITIATE,
    TREE_TERMINATE,
    TREE_UPDATE,
    TREE_INVALIDATE,
    TREE_QUERY
};

// The path of a connection, found or made. fails: NULL without memory, or when it is over   locks: host->lock held, as for all of these
struct chimney_path *tcpip_chimney_path(struct tcpip_adapter *adapter, const struct tcp_constant *constant, const struct net_next_hop *hop,
                                        ULONG mtu_bytes);
// One connection less; a path that the target does not have ends.
VOID tcpip_chimney_path_drop(struct tcpip_adapter *adapter, struct chimney_path *path);
// A neighbour, found or made: one that is made needs a path (tcpip_chimney_next_set). fails: NULL without memory
struct chimney_neighbor *tcpip_chimney_neighbor(struct tcpip_adapter *adapter, const struct net_next_hop *hop);
// Where a path is to be linked; NULL: it stays where it is. Then that it was.
VOID tcpip_chimney_next_set(struct chimney_path *path, struct chimney_neighbor *next);
VOID tcpip_chimney_relinked(struct chimney_path *path);

// A tree grows by a neighbour, by a path under one, by a connection under its path; found when it has them. The first two are placeholders
// until they get their OffloadHandle. fails: NULL without memory, and the tree is as before
struct chimney_block *tcpip_tree_neighbor(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree, struct chimney_neighbor *neighbor, enum tree_op op);
struct chimney_block *tcpip_tree_path(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree, struct chimney_path *path, struct chimney_neighbor *under,
                                      enum tree_op op);
struct chimney_block *tcpip_tree_add(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree, struct tcpip_offload *offload, enum tree_op op);
// A connection's block leaves it again: the last that was added to its path's.
VOID tcpip_tree_take_back(struct chimney_block *block);
// What no connection needs any more goes with a tree that terminates; then the tree is ready.
VOID tcpip_tree_close(struct tcpip_adapter *adapter, NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST **tree, enum tree_op op);
// Neighbours and paths are as the target has left them; calls on_block for each block, depth first; frees it all.
typedef VOID (*tree_block_fn)(struct chimney_block *block, enum tree_op op, struct tcpip_call *call);
VOID tcpip_tree_end(NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tree, enum tree_op op, tree_block_fn on_block, struct tcpip_call *call);
// Is there a path or a neighbour that no connection needs?
BOOLEAN tcpip_tree_has_idle(const struct tcpip_adapter *adapter);

// ---- chimney_follow.c -------------------------------------------------------------------------------------------------------------

// What is next for the target to hear or to say, as a tree; *op says which. NULL: nothing.   locks: host->lock held
NDIS_PROTOCOL_OFFLOAD_BLOCK_LIST *tcpip_follow_build(struct tcpip_adapter *adapter, enum tree_op *op, struct tcpip_call *call);
// A block of it has come back, or a neighbour or path of another tree.   locks: host->lock held
VOID tcpip_follow_done(struct chimney_block *block, enum tree_op op, struct tcpip_call *call);
VOID NTAPI tcpip_follow_event(NDIS_HANDLE context, PNDIS_PROTOCOL_OFFLOAD_BLOCK_LIST block, ULONG event);
// So many of the ticks that the target was told of are over since then.
ULONG tcpip_follow_ticks_since(const struct tcpip_adapter *adapter, ULONG64 then_us);
// Due times, as for tcpip_chimney_deadline_us and tcpip_chimney_run.   locks: host->lock held
uint64_t tcpip_follow_deadline_us(VOID);
VOID tcpip_follow_run(uint64_t now_us);

// ---- chimney_stats.c ----------------------------------------------------------------------------------------------------------------

// The target is asked what it has counted.   locks: host->lock held
VOID tcpip_stats_want(struct tcpip_adapter *adapter);
// The next OID; wants_stats, and none is out.   irql: DISPATCH, no lock held
VOID tcpip_stats_serve(struct tcpip_adapter *adapter);

// ---- chimney_policy.c ---------------------------------------------------------------------------------------------------------------

// It has opened; it is the engine's again, or did not go. is_declined: that was the target's will; there_us: since when it had it, or 0.
// locks: host->lock held, as for all of these
VOID tcpip_policy_opened(struct tcpip_connection *connection, const struct tcpip_adapter *adapter, const struct tcp_record *record,
                         uint64_t now_us);
VOID tcpip_policy_back(struct tcpip_connection *connection, const struct tcpip_adapter *adapter, BOOLEAN is_declined, ULONG64 there_us,
                       uint64_t now_us);
VOID tcpip_policy_forget(struct tcpip_connection *connection);
uint64_t tcpip_policy_deadline_us(VOID);
VOID tcpip_policy_run(uint64_t now_us);

// ---- chimney_data.c ---------------------------------------------------------------------------------------------------------------

// A list with one NET_BUFFER over these bytes. context: for its completion. fails: NULL without memory
NET_BUFFER_LIST *tcpip_offload_nbl(struct tcpip_adapter *adapter, MDL *mdl, ULONG offset, ULONG bytes, PVOID context);
// Describe a send for the target, from its first byte that is not acknowledged on. fails: FALSE   locks: host->lock held
BOOLEAN tcpip_send_describe(struct tcpip_offload *offload, struct tcpip_send *send);
VOID tcpip_send_undescribe(struct tcpip_send *send);
// Give it back as the engine would: 0, or why.   locks: host->lock held
VOID tcpip_send_end(struct tcpip_send *send, int status);
// A send of a client.   locks: host->lock held
VOID tcpip_offload_send(struct tcpip_offload *offload, struct tcpip_send *send);
// The client has used bytes: a refused target may indicate again, and the window may grow.   locks: host->lock held
VOID tcpip_offload_used(struct tcpip_offload *offload, ULONG bytes, uint64_t now_us);
// What it has given up while the target indicated goes back now that the indication is over.   locks: host->lock held
VOID tcpip_offload_return(struct tcpip_offload *offload);
KDEFERRED_ROUTINE tcpip_offload_return_dpc;
// Forget a send that the target does not have yet. fails: -EBUSY it has it; -ENOENT it has ended   locks: host->lock held
int tcpip_offload_take_back(struct tcpip_offload *offload, struct tcpip_send *send);
// What there is to call NDIS for. FALSE: nothing.   irql: DISPATCH, by the teller, no lock held
BOOLEAN tcpip_offload_step(struct tcpip_connection *connection);

VOID NTAPI tcpip_offload_send_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls);
VOID NTAPI tcpip_offload_receive_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls);
VOID NTAPI tcpip_offload_disconnect_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls);
VOID NTAPI tcpip_offload_forward_complete(NDIS_HANDLE context, PNET_BUFFER_LIST nbls);
VOID NTAPI tcpip_offload_event(PVOID context, ULONG event, ULONG information);
NDIS_STATUS NTAPI tcpip_offload_receive(PVOID context, PNET_BUFFER_LIST nbl, NDIS_STATUS status, PULONG consumed);

// ---- chimney_held.c ---------------------------------------------------------------------------------------------------------------

// A segment of a connection that the engine has not. FALSE: it is the engine's.   locks: host->lock held
BOOLEAN tcpip_held_take(struct tcpip_call *call, const struct eng_in *in);
// What was held goes on: into the engine, or away.   locks: host->lock held
VOID tcpip_held_input(struct tcpip_offload *offload, struct tcpip_call *call);
// The target takes them.   locks: host->lock held
VOID tcpip_held_forward(struct tcpip_offload *offload);
VOID tcpip_held_free(struct chimney_held *held);
VOID tcpip_offload_insert(struct tcpip_offload *offload);
VOID tcpip_offload_remove(struct tcpip_offload *offload);
// locks: host->lock held
struct tcpip_offload *tcpip_offload_find(const struct eng_address *local, USHORT local_port, const struct eng_address *remote,
                                         USHORT remote_port);

#endif
