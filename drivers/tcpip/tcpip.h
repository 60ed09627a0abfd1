// SPDX-License-Identifier: MIT
// tcpip: the transport driver of the box. What its files share.
//
//   entry.c     DriverEntry and unload            host.c     the one instance: lock, time, memory, what a call leaves behind
//   adapter.c   bind, open, pause, restart, unbind, OIDs, status      settings.c  addresses and routes from the registry
//   tx.c        packets of the engines -> NET_BUFFER_LISTs -> NDIS    rx.c        received lists -> engines
//   pnp.c       power and removal, as TDI's clients are asked about them
//   query.c, mib.c, mib.h, counts.h  what clients ask about the transport: tdiinfo.h's objects, counters, settings
//   rnic.c, rnic.h  what an RNIC's connection manager asks: addresses, ways, ports (include/nbx/rnic.h)
//   work.c      what adapters and TDI's clients are told when addresses and groups change, at PASSIVE_LEVEL
//   connection.h  what those share that stand below the waist of drivers/tdi_common: connection.c, tell.c (TCP), udp.c, raw.c,
//               address.c (what those two have in common), transport.c (TRANSPORT_ADDRESS, scopes, statuses)
//
// The engines (src/engine) are pure and know no lock; the whole of them stands under host->lock. Everything that touches them is one
// call between tcpip_enter and tcpip_leave:
//   tcpip_enter     takes the lock, reads the time
//   ... net_xxx, tcp_xxx: packets gather in call.outbox and call.segments, events and ended sends in the engines ...
//   tcpip_leave     sorts what gathered (packets to adapters, connections with news to the ready list), sets the timer, drops the lock,
//                   and then, with no lock held: sends, returns received lists to NDIS, tells the clients
// So nothing is ever sent, returned or told with a lock held, and a whole received list costs one lock.
// Order is kept by pumps: whoever finds an adapter or a connection not being served serves it until there is nothing left; others
// only add to it meanwhile.
//
// Locks: host->lock, a spin lock, is taken with no other lock of ours held, and nothing is called under it but the engines, the pool
// and KeSetTimer. tdi_common's locks may be held by nobody who calls us.
#ifndef TCPIP_H
#define TCPIP_H

#define NDIS630 1
#include <ndis.h>

#include <errno.h>

#include <ndischimney.h>

#include "engine/stack.h"
#include "engine/tcp/tcp.h"

#define TCPIP_TAG 'pIcT'
#define TCPIP_ADDRESSES_MAX 16            // of an adapter, in its settings
#define TCPIP_REGISTERED_MAX 32           // of an adapter, that TDI's clients are told of: those it finds by itself, too
#define TCPIP_FRAME_SPANS 64              // MDLs of a received frame that are looked at where they lie; more are copied together

#define TCPIP_RECEIVE_MAX_BYTES (4u << 20) // what a connection's window grows to while its client keeps up; it begins with 256 KB
#define TCPIP_LATER_US 20000              // until what memory was short for is tried again

#define TCPIP_AWAY_BUCKETS 1024

struct tcpip_host;
struct tcpip_adapter;
struct tcpip_connection;

// ---- host.c ---------------------------------------------------------------------------------------------------------------------

// What was lost on this side of the engines, since the driver began.
struct tcpip_drops {
    ULONG64 datagrams_full;               // the queue of an address was full: its client does not keep up
    ULONG64 datagrams_memory;
    ULONG64 addresses_unregistered;       // usable addresses that TDI's clients were not told of
    ULONG64 adapters_full;                // packets: the queue of an adapter was full; those of adapters that are gone
    ULONG64 adapters_failed;              // packets that an adapter gave back with an error; likewise
    ULONG64 adapters_down;                // packets for an adapter that was not running; likewise
};

// Of all targets, those of adapters that are gone too.
struct tcpip_target_counts {
    ULONG64 segments_in, segments_out, retransmitted, errors_in, resets_out;
    ULONG64 packets_in[2], packets_out;   // of IPv4, IPv6; of both
};

// Of all adapters: connections, and objects that targets have.
struct tcpip_chimney_counts {
    ULONG64 offloaded, refused, uploaded; // connections
    ULONG64 updated, invalidated;         // neighbours and paths
    ULONG64 queried;                      // neighbours and connections
    ULONG64 questions;                    // of targets, whether a neighbour is there
};

struct tcpip_host {
    KSPIN_LOCK lock;
    struct eng_memory memory;
    struct eng_out_pool pool;
    struct net *net;
    struct tcp *tcp;
    struct tcpip_adapter *adapters[NET_INTERFACES_MAX];   // by interface index; NULL: none
    LIST_ENTRY adapters_to_serve;         // with packets to send or lists to return
    LIST_ENTRY news;                      // struct tcpip_news
    LIST_ENTRY raw, udp;                  // struct tcpip_address of \Device\RawIp and \Device\Udp, and of those for IPv6
    LIST_ENTRY later;                     // struct tcpip_news, to be posted when the timer comes
    PVOID rx_kept;                        // descriptions of received stretches, to be used again: tell.c
    ULONG rx_kept_count;
    struct tcpip_drops drops;             // guarded by lock
    ULONG64 ticks_per_second;             // of the performance counter
    ULONG64 started_us;
    ULONG64 timer_us;                     // when the timer is set for; ENG_NEVER: it is not
    KTIMER timer;
    KDPC timer_dpc;
    LIST_ENTRY away[TCPIP_AWAY_BUCKETS];  // struct tcpip_offload by its addresses and ports: connections that a target has
    ULONG away_count;
    ULONG64 away_resets;                  // of these, ended by a reset of either side
    LIST_ENTRY half_closed;               // struct tcpip_offload whose FIN is on its way
    LIST_ENTRY rnics;                     // struct tcpip_rnic (rnic.h)
    LIST_ENTRY candidates;                // struct tcpip_candidate by link, the next due first
    struct tcpip_chimney_counts chimney;
    struct tcpip_target_counts target;
    KEVENT stats_idle;
    LIST_ENTRY doubts;                    // struct chimney_neighbor by doubt_link, the oldest first
    ULONG64 looked_generation, look_us;   // of the IP engine: as paths were last looked at, and when they may be next
    ULONG64 again_us;                     // a tree found no memory: when it is tried again
    struct eng_slab connections;          // struct tcpip_connection
    LIST_ENTRY connecting;                // struct tcpip_connecting by link
    BOOLEAN *is_serving;                  // by processor: below the present call there is a tcpip_leave that serves and tells
    BOOLEAN is_closing;
};

extern struct tcpip_host tcpip_host;
extern NDIS_HANDLE tcpip_protocol;

// One call into the engines, on the caller's stack.
struct tcpip_call {
    struct eng_outbox segments;           // of TCP, which have no IP header yet
    struct eng_outbox outbox;             // frames, and packets to ourselves
    uint64_t now_us;
    KIRQL irql;
};

// Somebody above the engines to be told something: on_tell is called with no lock held, by one thread at a time, after each post or
// after several. on_hold is called under host->lock when the first of them is posted and takes a reference to what this stands in;
// on_drop gives it back, with no lock held, when all has been told.
struct tcpip_news;
struct tcpip_news_ops {
    VOID (*on_tell)(struct tcpip_news *news);
    VOID (*on_hold)(struct tcpip_news *news);
    VOID (*on_drop)(struct tcpip_news *news);
};
struct tcpip_news {
    LIST_ENTRY link;
    const struct tcpip_news_ops *ops;
    LIST_ENTRY later_link;
    BOOLEAN is_posted, is_telling, is_later;
};

// irql: PASSIVE   fails: STATUS_INSUFFICIENT_RESOURCES
NTSTATUS tcpip_host_create(struct tcpip_host *host);
// Every adapter is gone, every connection released. irql: PASSIVE
VOID tcpip_host_destroy(struct tcpip_host *host);

// irql: <= DISPATCH, which it raises to   locks: takes host->lock
VOID tcpip_enter(struct tcpip_call *call);
// irql: DISPATCH; goes back to the caller's   locks: drops host->lock   calls: NDIS, TDI clients
VOID tcpip_leave(struct tcpip_call *call);

// locks: host->lock held
VOID tcpip_post(struct tcpip_news *news);
// Post it when TCPIP_LATER_US have passed: memory was short.
VOID tcpip_post_later(struct tcpip_news *news);
uint64_t tcpip_now_us(void);

VOID tcpip_news_init(struct tcpip_news *news, const struct tcpip_news_ops *ops);
VOID *tcpip_alloc(SIZE_T bytes);          // nonpaged, zeroed; NULL: no memory
VOID tcpip_free(VOID *block);

// ---- adapter.c ------------------------------------------------------------------------------------------------------------------

struct tcpip_packet;

struct tcpip_registered {                 // an address that TDI's clients know
    struct eng_address address;
    HANDLE handle;
};

struct tcpip_traffic {
    ULONG64 bytes, unicast, group;        // with the link's header; group: multicast and broadcast
};

enum tcpip_chimney_policy {
    TCPIP_CHIMNEY_OFF,                    // no connection goes to a target
    TCPIP_CHIMNEY_ON,                     // those that are asked for, and those that chimney_policy.c chooses
    TCPIP_CHIMNEY_ALWAYS                  // all, as soon as they are open
};

#define TCPIP_STATS 4                     // OIDs: TCP and IP of both families

// What a target has counted (chimney_stats.c): as it last said, and the request that asks.
struct tcpip_stats {
    TCP_OFFLOAD_STATS tcp[2];
    IP_OFFLOAD_STATS ip[2];
    ULONG at;                             // of the OIDs
    BOOLEAN is_out, is_again;
    NDIS_OID_REQUEST request;
    union {
        TCP_OFFLOAD_STATS tcp;
        IP_OFFLOAD_STATS ip;
    } answer;
};

// What an adapter's offload target has to do with us (chimney.h). Guarded by host->lock.
struct tcpip_chimney {
    enum tcpip_chimney_policy policy;
    NDIS_TCP_CONNECTION_OFFLOAD capability;
    BOOLEAN has_target;
    BOOLEAN is_stopped;                   // by us: a pause, sleep
    BOOLEAN is_called_back;               // by NDIS_STATUS_UPLOAD_ALL, until it says that we may resume
    BOOLEAN is_paused;                    // by the target
    BOOLEAN is_busy;                      // a tree is with NDIS
    LIST_ENTRY waiting, there, leaving;   // struct tcpip_offload
    LIST_ENTRY neighbors, paths;
    ULONG away;                           // not in the engine
    ULONG lent;                           // lists of the target's that clients have bytes of
    NET_BUFFER_LIST *to_return;
    LIST_ENTRY returning;                 // struct tcpip_offload with lists that were given up inside their indication
    KDPC return_dpc;
    KEVENT quiet;
    ULONG64 after_us, rest_us, rate_bytes;// chimney_policy.c; after_us 0: none goes by itself
    ULONG tick_us;                        // of what the target is told
    struct tcpip_stats stats;
    BOOLEAN wants_stats;
    BOOLEAN must_look;                    // at paths and neighbours: chimney_follow.c
    ULONG wants_query;                    // neighbours and connections that the target is to be asked about
    BOOLEAN wants_windows;                // connections whose window is to be larger
};

struct tcpip_adapter {
    NDIS_HANDLE ndis;
    NET_IFINDEX if_index;                 // of the adapter itself, which an RNIC knows itself by
    ULONG index;                          // of the interface in the engine; 0: none yet
    ULONG filters_supported;
    struct net_interface_settings interface;
    NDIS_STATUS oid_status, open_status;
    KEVENT settled, oid_done;
    NDIS_HANDLE pool;
    // Guarded by host->lock.
    LIST_ENTRY serve_link;                // in host->adapters_to_serve when is_queued
    BOOLEAN is_queued, is_serving;
    BOOLEAN is_running;                   // between restart and pause
    BOOLEAN is_link_up;
    BOOLEAN has_changed, is_working;      // for work.c
    struct list to_send;                  // struct eng_out
    ULONG to_send_count;
    NET_BUFFER_LIST *to_return;
    struct tcpip_packet *free;            // descriptions of sends, last in first out
    ULONG packets, packets_out;           // made; with NDIS
    KEVENT quiet;                         // not running, nothing with NDIS, nothing being served
    NDIS_HANDLE work;                     // NULL: being taken down
    KEVENT idle;                          // not working any more
    struct tcpip_chimney chimney;
    ULONG64 dropped_full, dropped_down, failed, in_dropped;
    struct tcpip_traffic in, out;
    ULONG64 speed_bits;                   // in a second, as the adapter says
    ULONG64 changed_us;                   // when the interface last came up or went down
    // The work item's alone.
    UNICODE_STRING name;
    struct tcpip_registered registered[TCPIP_REGISTERED_MAX];
};

// The most packets an adapter has with NDIS, and the most that wait for one of those.
#define TCPIP_PACKETS_MAX 1024u
#define TCPIP_WAITING_MAX 16384u

PROTOCOL_BIND_ADAPTER_EX tcpip_bind;
PROTOCOL_UNBIND_ADAPTER_EX tcpip_unbind;
PROTOCOL_OPEN_ADAPTER_COMPLETE_EX tcpip_open_complete;
PROTOCOL_CLOSE_ADAPTER_COMPLETE_EX tcpip_close_complete;
PROTOCOL_NET_PNP_EVENT tcpip_pnp;
PROTOCOL_OID_REQUEST_COMPLETE tcpip_oid_complete;
PROTOCOL_STATUS_EX tcpip_status;

static inline VOID
tcpip_traffic_count(struct tcpip_traffic *traffic, UCHAR first, ULONG bytes)
{
    traffic->bytes += bytes;
    traffic->unicast += !(first & 1);
    traffic->group += first & 1;
}

// Work for tcpip_adapter_serve.   locks: host->lock held
VOID tcpip_adapter_queue(struct tcpip_adapter *adapter);
// It has been served: once more if there is more, or it was waited for.   locks: host->lock held
VOID tcpip_adapter_served(struct tcpip_adapter *adapter);
// irql: PASSIVE
NDIS_STATUS tcpip_oid_set(struct tcpip_adapter *adapter, NDIS_OID oid, void *data, ULONG bytes);

// ---- work.c ---------------------------------------------------------------------------------------------------------------------

// Addresses or groups of its interface changed.   locks: host->lock held
VOID tcpip_adapter_changed(struct tcpip_adapter *adapter);
// No more work; what TDI's clients were told is taken back.   irql: PASSIVE
VOID tcpip_work_stop(struct tcpip_adapter *adapter);

// ---- pnp.c ----------------------------------------------------------------------------------------------------------------------

// Tell TDI's clients of a power or removal event. NDIS_STATUS_PENDING: NdisCompleteNetPnPEvent follows.   irql: PASSIVE
NDIS_STATUS tcpip_clients_ask(struct tcpip_adapter *adapter, PNET_PNP_EVENT_NOTIFICATION notification);

// ---- chimney.c --------------------------------------------------------------------------------------------------------------------

// For NDIS, once a protocol [ndis/nc-ndis-set_options].
NDIS_STATUS tcpip_chimney_register(NDIS_HANDLE protocol);
struct tcpip_settings;
VOID tcpip_chimney_init(struct tcpip_adapter *adapter, const struct tcpip_settings *settings);
// What the target can do; NULL: there is none.   irql: PASSIVE
VOID tcpip_chimney_start(struct tcpip_adapter *adapter, const NDIS_TCP_CONNECTION_OFFLOAD *capability);
// Every connection comes back, and none goes any more; waits for it.   irql: PASSIVE
VOID tcpip_chimney_stop(struct tcpip_adapter *adapter);
VOID tcpip_chimney_resume(struct tcpip_adapter *adapter);
// NDIS_STATUS_OFFLOAD_PAUSE and kin.   irql: <= DISPATCH
VOID tcpip_chimney_status(struct tcpip_adapter *adapter, NDIS_STATUS status);
// The next tree of block lists, and lists to return.   irql: DISPATCH, by one thread an adapter, no lock held
VOID tcpip_chimney_serve(struct tcpip_adapter *adapter);
BOOLEAN tcpip_chimney_is_quiet(const struct tcpip_adapter *adapter);

// Hand it to the target of its adapter. fails: -EOPNOTSUPP there is none, it is full or paused; -EBUSY it is on its way or there;
// -ENOTCONN; -ENOMEM.   locks: host->lock held
int tcpip_chimney_go(struct tcpip_connection *connection, uint64_t now_us);
// Take it back. fails: -ENOENT it is not away.   locks: host->lock held
int tcpip_chimney_come(struct tcpip_connection *connection);
// A target ends a half-closed connection whose peer is silent for two minutes [network/fin-wait-2-timer], which a client of ours may wait
// for as long as it likes: they are fetched before. The next time that one is due, and those that are.   locks: host->lock held
uint64_t tcpip_chimney_deadline_us(void);
VOID tcpip_chimney_run(uint64_t now_us);
// Something in the IP engine may be another: are paths that targets have still as they were told?   locks: host->lock held
VOID tcpip_chimney_look(uint64_t now_us);
// What targets have counted until now is in host->target.   irql: <= DISPATCH, where it waits for nothing; no lock held
VOID tcpip_stats_refresh(VOID);
VOID tcpip_stats_done(struct tcpip_adapter *adapter, NDIS_STATUS status);
// What happened to a packet of a connection that is away.   locks: host->lock held
VOID tcpip_chimney_error(const struct net_error *error);
// IOCTL_NBX_TCPIP_CHIMNEY. fails: STATUS_INFO_LENGTH_MISMATCH, STATUS_INVALID_PARAMETER   irql: PASSIVE
NTSTATUS tcpip_chimney_control(PIRP irp, const IO_STACK_LOCATION *stack);
// It has opened: it goes, where the policy is `always`, or is looked at later.   locks: host->lock held
VOID tcpip_chimney_opened(struct tcpip_connection *connection, uint64_t now_us);

// ---- settings.c -----------------------------------------------------------------------------------------------------------------

#define TCPIP_GATEWAYS_MAX 4
#define TCPIP_CHIMNEY_MS_MAX 86400000u

// What the stack file (the registry, below the binding's section) says: `addresses`, texts ADDRESS/BITS; `gateway`, texts; `mtu`.
struct tcpip_settings {
    struct {
        struct eng_address address;
        UCHAR prefix_bits;
    } addresses[TCPIP_ADDRESSES_MAX];
    struct eng_address gateways[TCPIP_GATEWAYS_MAX];
    ULONG address_count, gateway_count;
    ULONG mtu_bytes;                      // 0: the adapter's
    ULONG probes;
    enum tcpip_chimney_policy chimney;
    ULONG chimney_after_ms, chimney_rest_ms, chimney_rate_kb;
    BOOLEAN is_bad;                       // something cannot be understood; DbgPrint has said what
};

// irql: PASSIVE   fails: says what is wrong with DbgPrint
NTSTATUS tcpip_settings_read(const NDIS_STRING *section, struct tcpip_settings *settings);

// ---- tx.c -----------------------------------------------------------------------------------------------------------------------

PROTOCOL_SEND_NET_BUFFER_LISTS_COMPLETE tcpip_send_complete;
// A packet for this adapter.   locks: host->lock held   owns: takes out
VOID tcpip_tx_queue(struct tcpip_adapter *adapter, struct eng_out *out);
// Send what waits; with nothing held.   irql: DISPATCH
VOID tcpip_tx_serve(struct tcpip_adapter *adapter);
// Throw away what waits.   locks: host->lock held
VOID tcpip_tx_drop(struct tcpip_adapter *adapter);
VOID tcpip_tx_destroy(struct tcpip_adapter *adapter);

// ---- rx.c -----------------------------------------------------------------------------------------------------------------------

PROTOCOL_RECEIVE_NET_BUFFER_LISTS tcpip_receive;
// What the IP engine made of a packet goes to its transport. spans are those of the frame when they may be given an owner, else NULL.
// locks: host->lock held   owns: result stays the caller's
VOID tcpip_result_take(struct tcpip_call *call, struct net_result *result, struct eng_span *spans, struct eng_owner *owner);
// What happened to a packet of ours goes to its transport.   locks: host->lock held
VOID tcpip_error_take(struct tcpip_call *call, const struct net_error *error);

// ---- connection.c, tell.c, udp.c, raw.c -----------------------------------------------------------------------------------------

NTSTATUS tcpip_devices_create(PDRIVER_OBJECT driver);
VOID tcpip_devices_delete(VOID);
// Datagrams, and what happened to some of ours.   locks: host->lock held
VOID tcpip_udp_take(struct tcpip_call *call, struct net_result *result);
VOID tcpip_udp_error(const struct net_error *error);
VOID tcpip_raw_take(struct tcpip_call *call, struct net_result *result);
VOID tcpip_raw_error(const struct net_error *error);

// What the TCP engine has to tell is noted with the connections it is about.   locks: host->lock held
VOID tcpip_tcp_events(struct tcpip_call *call);
// No connection is left.
VOID tcpip_rx_kept_free(struct tcpip_host *host);

#endif
