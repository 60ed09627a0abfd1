// SPDX-License-Identifier: MIT
// Under RDMA connections: what rdma_net.c, rdma_rx.c, rdma_endpoint.c, rdma_connect.c, rdma_end.c and rdma_listen.c share.
//
//   rdma_net.c       an engine/tcp of RDMA's own on vnic's port: settle, time, next hops, packets out
//   rdma_rx.c        frames of RDMA's connections and ports out of what the port brought; no other frame
//   rdma_host.c      what the host stack (tcpip) says of addresses, routes, neighbors and ports
//   rdma_endpoint.c  local ends (address and port) with their references; the shared endpoint
//   rdma_listen.c    the listener: offers of TCP, MPA requests, connect events
//   rdma_connect.c   the connector: from NdkConnect or the connect event until it is open
//   rdma_end.c       the connector: events of its connection, disconnects, its close
//   rdma_query.c     the connector: what it tells of itself
//   rdma_oid.c       OIDs: statistics, connections, endpoints; NDK on and off
//
// A connector goes one way through its states and never back; each is left by one cause only:
//   NEW -> CONNECTING -> REPLIED -> COMPLETING -> OPEN        EMBRYO -> REQUESTED -> ACCEPTING -> OPEN
//   OPEN -> DISCONNECTING -> OVER, and any state -> OVER when its connection fails or is given up
// In REPLIED, REQUESTED and OPEN no request pends: a connection that is lost there leaves its cause in `lost`, which the next call gets.
#ifndef VNIC_RDMA_NET_H
#define VNIC_RDMA_NET_H

#include "engines.h"
#include "rdma.h"

#include <nbx/rnic.h>

#define RDMA_HOPS 256                     // next hops that are remembered
#define RDMA_BUCKETS 256                  // of endpoints, by port
#define RDMA_BACKLOG 128                  // connections of a listener that nobody has accepted or rejected
#define RDMA_ESTABLISH_US 15000000        // a consumer has so long from the reply to NdkCompleteConnect; an accepter waits 10 s for it
#define RDMA_SYN_TRIES 4                  // after the first: 31 seconds
#define RDMA_RECEIVE_BYTES 262144u
#define RDMA_RECEIVE_MAX_BYTES 1048576u   // that grows to
#define RDMA_QUICK_ACK_BYTES 4096u        // the start of MPA: NdkCompleteConnect waits for the acknowledgement of its RTR
#define RDMA_KEEPALIVE_US 30000000ull
#define RDMA_LINGER_US 10000000           // so often a port that TCP still waits at is looked at
#define RDMA_LOOP_VLAN 0xFFFFu            // no VLAN of a link: the hop to the adapter itself

// ProviderDisconnectReason of NDKPI 2.1: ours; the page leaves the numbers to the provider.
enum rdma_reason {
    RDMA_REASON_NONE,
    RDMA_REASON_PEER,                     // it disconnected in order
    RDMA_REASON_RESET,                    // it reset the connection, or is not there any more
    RDMA_REASON_TIMED_OUT,
    RDMA_REASON_PEER_TERMINATE,           // its Terminate: layer, type and code in bits 8 to 23
    RDMA_REASON_TERMINATE,                // ours, likewise
};

// ---- the host (rdma_host.c) -------------------------------------------------------------------------------------------------------
// Nothing here is called with rdma->lock held. Without a transport no address is the adapter's: STATUS_INVALID_ADDRESS.

// The transport is there while an NDK adapter is open. irql: PASSIVE
VOID rdma_host_open(struct vnic_rdma *rdma);
VOID rdma_host_close(struct vnic_rdma *rdma);
// A port of an address for us alone; 0: an ephemeral one, and *port says which. fails: STATUS_SHARING_VIOLATION,
// STATUS_TOO_MANY_ADDRESSES, STATUS_INVALID_ADDRESS, STATUS_INSUFFICIENT_RESOURCES
NTSTATUS rdma_host_port_take(struct rdma_net *net, const struct eng_address *address, USHORT *port);
VOID rdma_host_port_give(struct rdma_net *net, const struct eng_address *address, USHORT port);
// The way to a peer, into request->path. fails: STATUS_PENDING, and on_resolved follows; else as nbx_rnic_ops.resolve
NTSTATUS rdma_host_resolve(struct rdma_net *net, const struct eng_address *local, const struct eng_address *remote,
                           struct nbx_rnic_resolve *request);
// Is it an address of this adapter's?
BOOLEAN rdma_host_owns(struct rdma_net *net, const struct eng_address *address);

// ---- on and off (rdma_oid.c) ------------------------------------------------------------------------------------------------------

// irql: PASSIVE   fails: NDIS_STATUS_RESOURCES
NDIS_STATUS rdma_switch_create(struct vnic_rdma *rdma);
// Waits for the work item. irql: PASSIVE
VOID rdma_switch_destroy(struct vnic_rdma *rdma);

// ---- the instance -----------------------------------------------------------------------------------------------------------------

struct rdma_hop {
    UCHAR mac[VNIC_MAC_BYTES];
    USHORT vlan;
    ULONG uses;                           // connectors
    ULONG64 used;                         // the last time, by net->clock
};

// NDK on and off (rdma_oid.c). Guarded by rdma->lock.
struct rdma_switch {
    NDIS_HANDLE work;
    BOOLEAN wants_on, is_queued;
    KEVENT idle;                          // the work item is not on its way
};

struct rdma_net {
    struct vnic_rdma *rdma;
    struct rdma_switch state;
    KEVENT host_turn;                     // of opening and closing: who waits for it has it
    ULONG host_uses;                      // NDK adapters
    struct nbx_rnic_link host;            // host.rnic is NULL: there is no transport
    ULONG walk;                           // of rdma_host.c, through the connectors
    struct eng_out_pool pool;
    struct tcp *tcp;
    struct vnic_down down;
    struct vnic_keeper keeper;
    struct eng_span *scratch;             // IWARP_TCP_SPANS
    struct rdma_hop *hops;                // packets carry the index + 1
    ULONG hop_count;
    ULONG64 clock;                        // of hops
    ULONG rx_hop;                         // of the frame that is being looked at
    BOOLEAN has_loops;                    // it has connected to itself, at least once
    struct list loop;                     // packets to the adapter itself, which its next timer brings in
    LIST_ENTRY lingering;                 // connectors without a connection, whose TCP is not over yet
    LIST_ENTRY endpoints[RDMA_BUCKETS];
    ULONG endpoint_count;
    LIST_ENTRY connectors;                // that have a connection
    LIST_ENTRY timed;                     // REPLIED, the first to time out first
    LIST_ENTRY ending;                    // that wait until the last byte of their QP has left
    LIST_ENTRY dead;                      // embryos to be freed
    BOOLEAN is_gone;                      // the hardware was pulled out: nothing leaves
    KDPC poll_dpc;                        // receives for a consumer that spins
};

// irql: DISPATCH   locks: rdma->lock held
VOID rdma_net_settle(struct vnic_rdma *rdma, struct rdma_call *call);
// Offers of connections that the last segment brought, and other events of TCP's. locks: rdma->lock held
VOID rdma_offers_take(struct rdma_net *net, struct rdma_call *call);
// A hop for a way, marked as used. 0: there is no room. locks: rdma->lock held
ULONG rdma_hop_get(struct rdma_net *net, const UCHAR mac[VNIC_MAC_BYTES], USHORT vlan);
VOID rdma_hop_use(struct rdma_net *net, ULONG hop, LONG change);
static inline ULONG
rdma_mtu(const struct vnic_rdma *rdma)
{
    return rdma->adapter->settings.max_frame_bytes - VNIC_HEADER_BYTES;
}

// ---- endpoints --------------------------------------------------------------------------------------------------------------------

struct rdma_connector;

struct rdma_endpoint {
    LIST_ENTRY link;
    struct vnic_rdma *rdma;
    struct eng_address local;
    USHORT port;
    BOOLEAN is_shared;                    // of a shared endpoint
    ULONG refs;                           // 0: the host gets the port back when nothing lingers, unless somebody takes it once more
    ULONG lingers;                        // connections that nobody has any more and that are not over (TIME_WAIT)
    struct tcp_listener *listener;
    struct rdma_tell tell;
};

/* Take a local end: one reference. locks: none held; takes and drops rdma->lock   calls: the host
 * fails: STATUS_INVALID_ADDRESS, STATUS_SHARING_VIOLATION, STATUS_TOO_MANY_ADDRESSES, STATUS_INSUFFICIENT_RESOURCES */
NTSTATUS rdma_endpoint_take(struct vnic_rdma *rdma, const struct eng_address *local, USHORT port, struct rdma_endpoint **made);
// Let it go; object descends from the adapter that waits for what this begins. locks: rdma->lock held
VOID rdma_endpoint_drop(struct rdma_endpoint *endpoint, struct rdma_object *object);
struct tcp_connection *rdma_endpoint_tcp(const struct rdma_endpoint *endpoint, const struct eng_address *remote, USHORT remote_port);
// Its TCP was released. If that still speaks or waits, the host does not get the port before it has ended. locks: rdma->lock held
VOID rdma_endpoint_linger(struct rdma_connector *connector, const struct rdma_call *call);
VOID rdma_endpoints_time(struct rdma_net *net, const struct rdma_call *call);
// The host is about to be closed: no port of its stays here. Every object is closed. irql: PASSIVE   locks: none held
VOID rdma_endpoints_yield(struct vnic_rdma *rdma);
struct rdma_endpoint *rdma_endpoint_find(struct rdma_net *net, const struct eng_address *local, USHORT port);

// An address of a consumer's. fails: STATUS_INVALID_ADDRESS (a family that is neither, or too short)
NTSTATUS rdma_address_from(const SOCKADDR *address, ULONG bytes, struct eng_address *to, USHORT *port);
VOID rdma_inet_of(const struct eng_address *address, USHORT port, SOCKADDR_INET *to);
// fails: STATUS_BUFFER_TOO_SMALL; *bytes is what it takes either way
NTSTATUS rdma_address_to(const struct eng_address *address, USHORT port, SOCKADDR *to, ULONG *bytes);

struct rdma_shared {
    struct rdma_object object;
    struct rdma_endpoint *endpoint;
};
NTAPI NTSTATUS rdma_shared_create(NDK_ADAPTER *adapter, const PSOCKADDR address, ULONG address_bytes, NDK_FN_CREATE_COMPLETION completion,
                                  PVOID context, NDK_SHARED_ENDPOINT **made);

// ---- connectors -------------------------------------------------------------------------------------------------------------------

enum rdma_state {
    RDMA_NEW,                             // the consumer made it
    RDMA_CONNECTING,                      // NdkConnect pends: neighbor, TCP, MPA request and reply
    RDMA_REPLIED,                         // NdkConnect has succeeded
    RDMA_COMPLETING,                      // NdkCompleteConnect pends
    RDMA_EMBRYO,                          // TCP was accepted; no object yet
    RDMA_REQUESTED,                       // the MPA request was told
    RDMA_ACCEPTING,                       // NdkAccept pends
    RDMA_OPEN,
    RDMA_DISCONNECTING,                   // NdkDisconnect pends
    RDMA_OVER,
};

struct rdma_listener;

struct rdma_connector {
    struct rdma_object object;            // an embryo's is all zeroes
    struct rdma_link link;
    struct rdma_net *net;
    enum rdma_state state;
    BOOLEAN is_initiator, is_rejected;    // by the peer: its private data can still be had
    // The request that pends. is_calling: its function has not returned yet, and gets the status itself.
    struct rdma_request *request;
    BOOLEAN is_calling;
    NTSTATUS call_status;
    // The connection.
    struct tcp_connection *tcp;
    ULONG hop;
    struct rdma_endpoint *endpoint;
    struct rdma_shared *shared;           // the endpoint is its
    struct eng_address remote;
    USHORT remote_port;
    LIST_ENTRY link_all, link_timed, link_ending, link_listener;
    NTSTATUS lost;                        // SUCCESS: it is there
    ULONG64 deadline_us;
    BOOLEAN runs, again;                  // rdma_connector_run is under way; once more
    // Its end.
    BOOLEAN is_counted;                   // among the active connections
    BOOLEAN is_closed;                    // iWARP has nothing more to say
    BOOLEAN is_ending, is_marked, is_releasing;     // waits for DMA: then NdkDisconnect ends with end_status, or the connection is given up
    NTSTATUS end_status;
    ULONG64 end_mark;                     // net->down.pushed at the end: no packet up to there may be under way
    // NdkConnect, until the way is known.
    struct nbx_rnic_resolve ask;
    NTSTATUS ask_status;                  // PENDING: the answer has not come
    BOOLEAN is_asking;                    // on_resolved is yet to run
    BOOLEAN is_prepared;                  // all else for NdkConnect is there
    ULONG walk;                           // the last of rdma_host.c's that has seen it
    // When it is released, and TCP is not over: on net->lingering by link_all.
    struct rdma_endpoint *lingers_at;
    ULONG64 linger_us;
    BOOLEAN is_freed;                     // nothing else is to be had of it
    // The passive side.
    struct rdma_listener *listener;
    struct rdma_tell connect_tell;
    BOOLEAN is_waiting;                   // counts in the listener's backlog
    // The disconnect event.
    NDK_FN_DISCONNECT_EVENT_CALLBACK on_disconnect;
    NDK_FN_DISCONNECT_EVENT_CALLBACK_EX on_disconnect_ex;
    PVOID disconnect_context;
    BOOLEAN disconnect_told;
    ULONG reason;
    struct rdma_tell disconnect_tell;
    // For the host.
    uint32_t news;                        // TCP_EVENT_PROGRESS, TCP_EVENT_DOUBT
    struct rdma_tell news_tell;
};

const struct rdma_ops *rdma_no_ops(void);     // of a connection without a QP

// TCP makes progress with the peer, or doubts it. locks: rdma->lock held
VOID rdma_host_news(struct rdma_connector *connector, uint32_t tcp_events);

static inline struct rdma_connector *
rdma_connector_of(NDK_CONNECTOR *connector)
{
    return (struct rdma_connector *)connector;
}

extern const NDK_CONNECTOR_DISPATCH rdma_connector_dispatch, rdma_connector_dispatch1;     // of NDKPI 2.1, 1.2

// All with rdma->lock held.
struct rdma_connector *rdma_connector_alloc(struct vnic_rdma *rdma);
NTAPI NTSTATUS rdma_connector_create(NDK_ADAPTER *adapter, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_CONNECTOR **made);
VOID rdma_connector_object(struct rdma_connector *connector, struct rdma_adapter *adapter);    // from now on it is one
VOID rdma_connector_dispose(struct rdma_connector *connector);    // its memory, when nothing lingers
// TCP's and iWARP's machines, then what they have to say.
VOID rdma_connector_run(struct rdma_connector *connector, uint32_t tcp_events, struct rdma_call *call);
// The request that pends ends, or the call that is under way.
VOID rdma_connector_finish(struct rdma_connector *connector, NTSTATUS status);
// It is over: what pends ends with this status, and the connection is reset unless it has ended.
VOID rdma_connector_fail(struct rdma_connector *connector, NTSTATUS status, struct rdma_call *call);
// Reset it; what comes of that follows.
VOID rdma_connector_abort(struct rdma_connector *connector, struct rdma_call *call);
VOID rdma_connector_untime(struct rdma_connector *connector);
VOID rdma_connector_release(struct rdma_connector *connector, struct rdma_call *call);
VOID rdma_connector_closing(struct rdma_object *object, struct rdma_call *call);
VOID rdma_connector_free(struct rdma_object *object);
// Why its connection has ended: STATUS_SUCCESS when in order.
NTSTATUS rdma_connector_end(const struct rdma_connector *connector);
VOID rdma_connectors_ending(struct rdma_net *net, struct rdma_call *call);
VOID rdma_connectors_time(struct rdma_net *net, struct rdma_call *call);
// The end of a call whose request has begun with is_calling: STATUS_PENDING, or how it ended.
NTSTATUS rdma_connector_called(struct rdma_connector *connector);

NTAPI NTSTATUS rdma_connector_disconnect(NDK_CONNECTOR *connector, NDK_FN_REQUEST_COMPLETION completion, PVOID context);
NTAPI NTSTATUS rdma_connector_data(NDK_CONNECTOR *connector, ULONG *inbound, ULONG *outbound, PVOID private_data, ULONG *private_bytes);
NTAPI NTSTATUS rdma_connector_local(NDK_CONNECTOR *connector, PSOCKADDR address, ULONG *bytes);
NTAPI NTSTATUS rdma_connector_peer(NDK_CONNECTOR *connector, PSOCKADDR address, ULONG *bytes);

// ---- listeners --------------------------------------------------------------------------------------------------------------------

struct rdma_listener {
    struct rdma_object object;
    struct rdma_endpoint *endpoint;       // NULL before NdkListen
    NDK_FN_CONNECT_EVENT_CALLBACK on_connect;
    PVOID connect_context;
    BOOLEAN has_listened, is_paused;
    ULONG waiting;                        // embryos, and connectors that are REQUESTED
    LIST_ENTRY embryos;
};

NTAPI NTSTATUS rdma_listener_create(NDK_ADAPTER *adapter, NDK_FN_CONNECT_EVENT_CALLBACK on_connect, PVOID connect_context,
                                    NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_LISTENER **made);
// All with rdma->lock held.
VOID rdma_listener_offer(struct rdma_net *net, struct tcp_connection *offer, struct rdma_call *call);
VOID rdma_listener_requested(struct rdma_connector *connector, struct rdma_call *call);
// It is accepted, rejected or gone: no longer in the backlog.
VOID rdma_listener_answered(struct rdma_connector *connector);
VOID rdma_embryo_kill(struct rdma_connector *connector, struct rdma_call *call);
// Would it take a request now?
BOOLEAN rdma_listener_is_open(const struct rdma_listener *listener);

#endif
