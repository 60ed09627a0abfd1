// SPDX-License-Identifier: MIT
// toe: vnic as the offload target of a TCP chimney. What its files share; vnic.h has what the rest of vnic calls.
//
//   toe.c          the instance: memory, time, timer, the frame of every call, parameters
//   toe_tree.c     initiate, query, update, invalidate, terminate: trees of block lists, on a DPC
//   toe_object.c   neighbors, paths and connections: limits, what is taken over and what is given back
//   toe_send.c     sends, disconnects, forwarded segments
//   toe_receive.c  the delivery algorithm: posted receives, indications, the push timer
//   toe_tell.c     everything that is told upwards, with no lock held, one thing at a time
//   toe_tx.c       packets of the engine -> Ethernet frames -> port
//   toe_rx.c       frames of offloaded connections out of what the port brought
//   toe_chance.c   refusals, uploads and delays by chance, for tests of hosts
//   toe_oid.c      capabilities, parameters, statistics
//
// One instance of engine/tcp per adapter, under toe->lock. Whoever calls it stands between toe_enter and toe_leave; what that leaves
// behind is told by one teller at a time (whoever finds nobody telling), so that indications and completions of a connection are
// serialised as the contract demands, and nothing recurses.
// Locks: toe->lock is taken with no other lock of vnic's held; under it tx->lock and rx->lock may be taken, one at a time. Nothing is
// called under it but the engine, the port, the pool and KeSetTimer.
#ifndef VNIC_TOE_H
#define VNIC_TOE_H

#include "engines.h"

#include "../chimney_common/chim.h"

#define TOE_UP_SPANS 16                   // of one indication
#define TOE_UP_SPAN_BYTES 65536           // of one of them: what a host buffered comes back in one piece, however long it is
#define TOE_SOURCES_MAX 64                // source addresses, and VLANs
#define TOE_LATER_US 20000                // until what memory was short for is tried again
#define TOE_BACKLOG_LEAST 16384           // bytes; the send backlog that is asked for lies between these
#define TOE_BACKLOG_MOST 16777216

struct toe_object {
    enum chim_layer layer;                // first: what a host's pointer must lead to
    NDIS_HANDLE ndis;                     // NdisOffloadHandle
    BOOLEAN is_invalid;
};

struct toe_neighbor {
    struct toe_object object;
    ULONG paths;
    UCHAR mac[CHIM_MAC_BYTES];
    USHORT vlan;                          // 0: none
    ULONG64 host_us, nic_us;              // the last time that the host, that we knew it to be reachable
    LIST_ENTRY ask_link;                  // in toe->asking when is_asking
    BOOLEAN is_asking;
    struct {
        NDIS_MINIPORT_OFFLOAD_BLOCK_LIST block;
        struct chim_neighbor state;
    } query;                              // NeighborReachabilityQuery's block list
};

struct toe_path {
    struct toe_object object;
    ULONG connections;
    struct toe_neighbor *neighbor;
    struct eng_address local, remote;
    ULONG mtu_bytes;
};

// One NBL of the host's whose bytes go out: a send, or a disconnect with its last words.
struct toe_send {
    LIST_ENTRY link;                      // in connection->sends
    struct toe_connection *connection;
    NET_BUFFER_LIST *nbl;
    struct tcp_send send;
    struct eng_owner owner;               // one hold is ours until the send has ended
    NDIS_STATUS status;
    BOOLEAN is_in_engine, is_ended, is_released, is_disconnect;
    ULONG room;
    struct eng_span spans[];
};

struct toe_list {                         // NBLs, through Next or through MiniportReserved[0]
    NET_BUFFER_LIST *first, *last;
};

enum toe_event {
    TOE_EVENT_ABORT = 1 << 0,             // the peer's reset
    TOE_EVENT_RETRIEVE = 1 << 1,
    TOE_EVENT_BACKLOG = 1 << 2,
};

struct toe_connection {
    struct toe_object object;
    struct vnic_toe *toe;
    struct toe_path *path;
    struct tcp_connection *tcp;           // NULL once it was given back
    ULONG index;                          // in toe->table; the engine's packets carry it
    UCHAR user_priority;
    LIST_ENTRY news_link, fresh_link, push_link, all_link;
    LIST_ENTRY packet_link;               // in toe->packets_out: its terminate waits for packets that carry its sends' bytes
    PVOID fresh_root;
    BOOLEAN is_posted;                    // in toe->news
    BOOLEAN is_live;                      // its initiate has been completed
    BOOLEAN is_lost;                      // its hardware failed
    BOOLEAN is_aborted;                   // by either side: nothing is sent or received any more
    BOOLEAN is_uploading;                 // a retrieve was asked for, whose reason obliges the host
    BOOLEAN is_terminating, is_given_back;
    BOOLEAN is_refused;                   // the host took not all of an indication: wait for a receive
    BOOLEAN fin_told;
    BOOLEAN push_runs;
    BOOLEAN has_disconnect;               // one was asked for here
    BOOLEAN has_disconnect_back;          // disconnect_back is to be completed
    ULONG events;                         // enum toe_event
    TCP_UPLOAD_REASON reason;
    ULONG optional_told;                  // 1 << TCP_UPLOAD_REASON, of the reasons that oblige nobody
    ULONG backlog_bytes;
    LIST_ENTRY sends;                     // struct toe_send
    struct toe_send *disconnect_done;     // a disconnect to be completed
    NET_BUFFER_LIST *disconnect_back;     // one for whose description there was no memory
    struct toe_list waiting, waiting_done; // sends for which there was no memory
    struct toe_list posts;                // receives, through MiniportReserved[0]
    ULONG placed_bytes;                   // in the first of them
    ULONG64 push_us;
    struct toe_list receives_done, forwards_done;   // to be completed
    ULONG max_seq;                        // behind the last number sent: what begins before it is sent again
    BOOLEAN has_max_seq;
    ULONG initial_window;
    ULONG early_segments, resent_segments, segments, fragments, refusals, small_receives;
    ULONG64 last_us;                      // something was sent or received
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *terminate, *terminate_root;
};

// An indication's NBL: its NET_BUFFER's MDLs lie over received bytes, whose owners it holds.
struct toe_up {
    struct toe_up *next;
    struct vnic_toe *toe;
    NET_BUFFER_LIST *nbl;
    ULONG count;
    MDL *mdl[TOE_UP_SPANS];
    struct eng_owner *held[TOE_UP_SPANS];
};

struct toe_counts {                       // of one family
    IP_OFFLOAD_STATS ip;
    TCP_OFFLOAD_STATS tcp;
};

enum toe_op {
    TOE_INITIATE,
    TOE_QUERY,
    TOE_UPDATE,
    TOE_INVALIDATE,
    TOE_TERMINATE
};

struct toe_tree {                         // block lists through MiniportReserved[0]; [1] is the operation
    NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *first, *last;
};

struct vnic_toe {
    struct vnic_adapter *adapter;
    const struct toe_upward *upward;
    NDIS_TCP_OFFLOAD_EVENT_HANDLERS handlers;
    KSPIN_LOCK lock;
    struct eng_memory memory;
    struct eng_out_pool pool;
    struct tcp *tcp;
    struct tcp_params params;
    NDIS_TCP_CONNECTION_OFFLOAD_PARAMETERS told;    // as the host set them
    KTIMER timer, work_timer;             // work_timer: with the setting ToeDelay only
    KDPC timer_dpc, work_dpc;
    ULONG64 rate, timer_us;               // ENG_NEVER: it is not set
    ULONG64 later_us;                     // when connections on their way back are looked at again: memory was short
    BOOLEAN is_closing, is_telling, is_working;
    BOOLEAN is_on[2];                     // IPv4, IPv6
    // Objects.
    struct toe_connection **table;        // by index; 0 is nobody
    ULONG table_room, table_free;         // a place to look from
    ULONG connections, paths, neighbors;
    ULONG64 window_bytes;                 // sum of the connections' receive buffers
    struct {
        struct eng_address address;
        ULONG uses;
    } sources[TOE_SOURCES_MAX];
    struct {
        USHORT id;
        ULONG uses;
    } vlans[TOE_SOURCES_MAX];
    ULONG send_count;                     // descriptions of outstanding sends
    LIST_ENTRY all;                       // connections
    // What is to be done and to be told.
    struct toe_tree work, done;
    LIST_ENTRY news, fresh, pushing, asking, packets_out;
    struct vnic_down down;                // to the port
    // From the port.
    struct vnic_keeper keeper;
    NDIS_HANDLE up_pool;
    struct toe_up *ups;                   // free ones
    ULONG up_count, ups_out;
    struct toe_counts counts[2];
};

// One call into the engine, on the caller's stack.
struct toe_call {
    struct eng_outbox outbox;
    uint64_t now_us;
    KIRQL irql;
};

// ---- toe.c ------------------------------------------------------------------------------------------------------------------------

// irql: <= DISPATCH, which it raises to   locks: takes toe->lock
VOID toe_enter(struct vnic_toe *toe, struct toe_call *call);
// irql: DISPATCH; goes back to the caller's   locks: drops toe->lock   calls: NDIS
VOID toe_leave(struct vnic_toe *toe, struct toe_call *call);
// What the last calls of the engine left: packets and events. locks: toe->lock held
VOID toe_settle(struct vnic_toe *toe, struct toe_call *call);
VOID toe_post(struct toe_connection *connection);
uint64_t toe_now_us(const struct vnic_toe *toe);
ULONG64 toe_tick_us(const struct vnic_toe *toe);
// Ask the host to take a connection back; an obliging reason stays, one that obliges nobody is told once. locks: toe->lock held
VOID toe_retrieve(struct toe_connection *connection, TCP_UPLOAD_REASON reason);
VOID *toe_alloc(struct vnic_toe *toe, SIZE_T bytes);    // zeroed
VOID toe_free(struct vnic_toe *toe, VOID *block);
static inline ULONG
toe_family(const struct eng_address *address)
{
    return address->family == ENG_IP6;
}

#define toe_next(nbl) (*(NET_BUFFER_LIST **)&NET_BUFFER_LIST_MINIPORT_RESERVED(nbl)[0])
VOID toe_list_push(struct toe_list *list, NET_BUFFER_LIST *nbl);
NET_BUFFER_LIST *toe_list_pop(struct toe_list *list);

// ---- toe_tree.c -------------------------------------------------------------------------------------------------------------------

VOID toe_tree_push(struct toe_tree *tree, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *root, enum toe_op op);
NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *toe_tree_pop(struct toe_tree *tree, enum toe_op *op);
// The objects of a terminated tree are freed. locks: toe->lock held
VOID toe_tree_free(struct vnic_toe *toe, NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *root);
// One connection of a terminate's tree is given back. locks: toe->lock held
VOID toe_tree_given_back(struct toe_connection *connection, NDIS_STATUS status);

// ---- toe_object.c -----------------------------------------------------------------------------------------------------------------
// All with toe->lock held. The creators return what stands in the block's Status; *object is written on success only.

NDIS_STATUS toe_neighbor_create(struct vnic_toe *toe, struct toe_call *call, const struct chim_parts *parts, NDIS_HANDLE ndis,
                                struct toe_neighbor **object);
NDIS_STATUS toe_path_create(struct vnic_toe *toe, const struct chim_parts *parts, NDIS_HANDLE ndis, struct toe_neighbor *neighbor,
                            struct toe_path **object);
NDIS_STATUS toe_connection_create(struct vnic_toe *toe, struct toe_call *call, const struct chim_parts *parts,
                                  const NDIS_MINIPORT_OFFLOAD_BLOCK_LIST *block, struct toe_path *path, struct toe_connection **object);
VOID toe_object_free(struct vnic_toe *toe, struct toe_object *object);
VOID toe_object_query(struct vnic_toe *toe, struct toe_call *call, struct toe_object *object, const struct chim_parts *parts);
NDIS_STATUS toe_object_update(struct vnic_toe *toe, struct toe_call *call, struct toe_object *object, const struct chim_parts *parts);
VOID toe_object_invalidate(struct vnic_toe *toe, struct toe_object *object);
BOOLEAN toe_is_valid(const struct toe_connection *connection);
VOID toe_path_link(struct toe_path *path, struct toe_neighbor *neighbor);
// A connection goes back to its host: record, sends, buffered data. FALSE: not yet; it is posted again when it may be.
BOOLEAN toe_connection_give_back(struct vnic_toe *toe, struct toe_call *call, struct toe_connection *connection);

// ---- toe_send.c -------------------------------------------------------------------------------------------------------------------

struct toe_send *toe_send_create(struct toe_connection *connection, NET_BUFFER_LIST *nbl);
VOID toe_send_free(struct toe_send *send);
// What the engine has done with. locks: toe->lock held
VOID toe_sends_take(struct toe_connection *connection);
// Every send that has not ended ends so. locks: toe->lock held
VOID toe_sends_end(struct toe_connection *connection, NDIS_STATUS status);
// After an export: what the engine had comes back to the host as failed. locks: toe->lock held
VOID toe_sends_abandon(struct toe_connection *connection, NDIS_STATUS status);
// A disconnect that has not ended ends so, whatever stands before it. FALSE: there is none. locks: toe->lock held
BOOLEAN toe_disconnect_end(struct toe_connection *connection, NDIS_STATUS status);
// Sends that may be completed now, as a list, or NULL. locks: toe->lock held
NET_BUFFER_LIST *toe_sends_done(struct toe_connection *connection);
// The disconnect, when all before it has been completed. FALSE: there is none. locks: toe->lock held
BOOLEAN toe_disconnect_done(struct toe_connection *connection, NET_BUFFER_LIST **nbl);

// ---- toe_receive.c ----------------------------------------------------------------------------------------------------------------

NDIS_STATUS toe_ups_create(struct vnic_toe *toe);
VOID toe_ups_destroy(struct vnic_toe *toe);
// As much of these spans as one NET_BUFFER_LIST may have, and no more than limit_bytes (0: no limit): the last that fits is cut. Returns
// how many there are then; *bytes: of all of them
ULONG toe_up_fit(struct eng_span *spans, ULONG count, ULONG limit_bytes, ULONG *bytes);
// Each span at most TOE_UP_SPAN_BYTES. fails: NULL without memory
struct toe_up *toe_up_get(struct vnic_toe *toe, const struct eng_span *spans, ULONG count, ULONG bytes);
VOID toe_up_put(struct vnic_toe *toe, struct toe_up *up);
// Put what has come into the posted receives; what is complete goes to receives_done. locks: toe->lock held
VOID toe_receive_fill(struct toe_connection *connection, struct toe_call *call);
// Whether bytes are to be indicated; *up has them then. locks: toe->lock held
BOOLEAN toe_receive_indication(struct toe_connection *connection, struct toe_up **up, ULONG *bytes);
// All posted receives come back with this status. locks: toe->lock held
VOID toe_receives_end(struct toe_connection *connection, NDIS_STATUS status);
BOOLEAN toe_receive_is_over(const struct toe_connection *connection);   // FIN, and nothing before it is left
VOID toe_push_run(struct vnic_toe *toe, struct toe_call *call);
VOID toe_push_stop(struct toe_connection *connection);

// ---- toe_tell.c -------------------------------------------------------------------------------------------------------------------

// Tell one thing, with the lock dropped meanwhile. FALSE: there is nothing to tell. locks: toe->lock held, dropped and taken again
BOOLEAN toe_tell(struct vnic_toe *toe);

// ---- toe_tx.c ---------------------------------------------------------------------------------------------------------------------

VOID toe_tx_queue(struct vnic_toe *toe, struct eng_out *out, uint64_t now_us);
VOID toe_tx_flush(struct vnic_toe *toe, uint64_t now_us);
VOID toe_tx_drop(struct vnic_toe *toe);

// ---- toe_chance.c -----------------------------------------------------------------------------------------------------------------
// locks: toe->lock held

// NDIS_STATUS_SUCCESS, or why a new object of this layer is refused.
NDIS_STATUS toe_chance_status(const struct vnic_toe *toe, enum chim_layer layer);
// The work is done by its DPC, now or somewhat later. locks: none needed
VOID toe_chance_queue(struct vnic_toe *toe);
// A segment of it has been taken.
VOID toe_chance_retrieve(struct toe_connection *connection);

#endif
