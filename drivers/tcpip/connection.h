// SPDX-License-Identifier: MIT
// A TCP connection between the waist of tdi_common and the TCP engine, and the addresses it begins or ends at.
//   connection.c  ops of the waist: connect, accept, refuse, send, release, abort, part
//   tell.c        what the engine has to tell: events under the lock, upcalls without it
//   transport.c   addresses and statuses in TDI's words; scopes
//   address.c     what udp.c and raw.c have in common: queues of datagrams
#ifndef TCPIP_CONNECTION_H
#define TCPIP_CONNECTION_H

#include "tcpip.h"

#include "../tdi_common/tdic.h"

// What a client has set of the datagrams that it sends (AO_OPTION_XXX); 0 is what the engine does by itself.
struct tcpip_options {
    UCHAR hop_limit, group_hop_limit, traffic_class;
    BOOLEAN dont_fragment, no_loop, no_broadcast;
};

// What an address file is to the engines.
struct tcpip_address {
    struct tdic_address *up;
    struct eng_address local;             // any: of its family
    USHORT port;                          // host order
    ULONG scope;                          // the interface of a link-local address or group; 0: any, or none is needed
    struct tcp_listener *listener;        // of \Device\Tcp, \Device\Tcp6; its context is the oldest of those that share it
    BOOLEAN is_shared;
    LIST_ENTRY sharers;                   // a ring of those that share the listener, in the order of their opens
    struct net_udp *udp;                  // of \Device\Udp, \Device\Udp6
    struct tcpip_news news;               // received datagrams, sends that are done
    LIST_ENTRY received;                  // struct tcpip_datagram: datagrams, and errors of sent ones
    ULONG received_bytes;
    struct list ended;                    // struct tcpip_send
    LONG refs;
    UCHAR raw_protocol;                   // of \Device\RawIp\N and \Device\RawIp6\N
    LIST_ENTRY link;                      // in host->raw or host->udp
    struct tcpip_options options;
};

#define TCPIP_SEND_SPANS 6                // MDLs of a send that need no further memory

// A send of a client: the room behind its struct tdic_tx.
struct tcpip_send {
    struct tcp_send send;
    struct eng_owner owner;               // ours until the engine is done with it, the packets' in flight
    struct list ended_link;
    struct tdic_tx *tx;
    struct tcpip_connection *connection;  // a reference; NULL: a datagram's
    struct tcpip_address *address;        // of a datagram
    struct eng_span *spans;               // `few`, or memory of its own
    struct eng_span few[TCPIP_SEND_SPANS];
    // While the connection is away (chimney.h).
    NET_BUFFER_LIST *nbl;
    ULONG seq;                            // of its first byte
};

// A connect whose addresses and ports are still away.
struct tcpip_connecting {
    LIST_ENTRY link;                      // in host->connecting
    struct tcpip_connection *connection;
    struct tcp_open open;
};

struct tcpip_connection {
    struct tdic_connection up;            // first
    struct tdic_address *address;         // a reference
    struct tcpip_news news;
    // Guarded by host->lock.
    struct tcp_connection *tcp;           // NULL: not begun, away, or parted
    struct tcpip_offload *offload;        // it waits to go to a target, or is away (chimney.h)
    struct list received;                 // struct rx of a target's, to be handed up before what the engine has
    ULONG up_bytes;                       // handed up and not used yet
    ULONG foreign_bytes;                  // the first of these, whose window is that of nobody any more
    ULONG drops;                          // references for the teller to drop
    ULONG events;                         // enum tcp_event, not yet told
    struct tcpip_connecting *connecting;
    struct tcpip_candidate *candidate;    // chimney_policy.c; NULL where no policy is
    struct list ended;                    // struct tcpip_send: to be given back
    UCHAR end;                            // enum tcp_end
    BOOLEAN is_parted;                    // while away: nobody above listens, the engine is to finish it
    BOOLEAN is_away_fin, is_away_fin_acked, is_away_reset;    // what the target has told
    BOOLEAN is_offer;
    BOOLEAN is_silent;                    // aborted or refused: sends come back, nothing else is told
    BOOLEAN is_starved;                   // no memory to hand up what waits in the engine
    // What the layer above gives back and has used. During a round (tell.c) it is only noted, and the round's end sees to it; else
    // whoever brings it does. Touched without the lock, by interlocked operations.
    PVOID volatile given_back;            // struct rx, the last first
    LONG volatile used_bytes, is_in_round;
    BOOLEAN wants_release, wants_abort, is_connected_told, is_fin_told, is_released_told, is_gone_told;
};

extern const struct tdic_ops tcpip_tcp_ops, tcpip_udp_ops, tcpip_raw_ops, tcpip_ip_ops;

// transport.c
// An address of either family; *scope is that of a link-local address or group, 0 for others. FALSE: another type, or too short.
BOOLEAN tcpip_address_from(const TA_ADDRESS *from, struct eng_address *address, USHORT *port, ULONG *scope);
BOOLEAN tcpip_address_from_list(const TRANSPORT_ADDRESS *from, ULONG bytes, struct eng_address *address, USHORT *port, ULONG *scope);
union tcpip_ta {
    TRANSPORT_ADDRESS list;
    UCHAR bytes[TDIC_ADDRESS_BYTES];
};
// scope is written where the address needs one. Returns the bytes.
ULONG tcpip_address_to(union tcpip_ta *to, const struct eng_address *address, USHORT port, ULONG scope);
// Does this address need a scope: IPv6, and link-local?
BOOLEAN tcpip_is_scoped(const struct eng_address *address);
// The scope of a peer that was heard on this interface.   locks: host->lock held
ULONG tcpip_scope_of(const struct eng_address *address, ULONG interface_index);
// May this be bound with this scope? One of 0 becomes that of our own address. FALSE: no such interface, or not its address.
// locks: host->lock held
BOOLEAN tcpip_scope_check(const struct eng_address *local, ULONG *scope);
NTSTATUS tcpip_status_of(int error);
// An error of a path from `source`: an address of ours that cannot be used now (probed, link down) is no invalid one, it leads nowhere yet.
// locks: host->lock held
int tcpip_source_error(int error, const struct eng_address *source);
NTSTATUS tcpip_status_of_kind(UCHAR kind);        // enum net_error_kind
NTSTATUS tcpip_status_of_end(enum tcp_end end);

// address.c
struct tcpip_address *tcpip_address_create(struct tdic_address *up);     // one reference, ours; NULL: no memory
VOID tcpip_address_unref(struct tcpip_address *address);
UCHAR tcpip_device_family(struct tdic_address *up);
// Queue a copy of [at, at + count) of a packet for the client, or what happened to one of its datagrams; without room: dropped, counted.
// locks: host->lock held
VOID tcpip_datagram_queue(struct tcpip_address *address, const struct eng_in *in, ULONG at, ULONG count, USHORT port);
VOID tcpip_error_queue(struct tcpip_address *address, const struct net_error *error, USHORT port);
// What was queued and never told: off the address with the lock held, freed without it.
VOID tcpip_address_forget(struct tcpip_address *address, LIST_ENTRY *dropped);
VOID tcpip_address_forgotten(LIST_ENTRY *dropped);
// Describe a datagram to send. On success the send has a reference to the address, and comes back when its owner is dropped.
NTSTATUS tcpip_datagram_begin(struct tcpip_address *address, struct tcpip_send *send, struct tdic_tx *tx);
// query.c: ops of all devices
NTSTATUS tcpip_op_control(struct tdic_device *device, PIRP irp);
NTSTATUS tcpip_op_query(struct tdic_device *device, ULONG type, struct tdic_address *address, struct tdic_connection *connection, PVOID out,
                        ULONG *bytes);
NTSTATUS tcpip_op_set(struct tdic_device *device, ULONG type, struct tdic_address *address, struct tdic_connection *connection,
                      const VOID *in, ULONG bytes);
VOID tcpip_op_datagram_done(struct tdic_address *address, struct tdic_rx *rx, BOOLEAN is_lent);

// connection.c
// fails: NULL without memory   locks: host->lock held
struct tcpip_connection *tcpip_connection_create(struct tdic_address *address);
VOID tcpip_send_released(struct eng_owner *owner);
// A connect that waited for its addresses and ports.   irql: DISPATCH, no lock held
VOID tcpip_connect_again(struct tcpip_connection *connection);
// What a path allows, in the TCP engine's words. fails: as net_path_find.   locks: host->lock held
int tcpip_path_find(struct net_path *path, struct tcp_path *tcp, uint64_t now_us);
// Describe the bytes of a send. fails: FALSE without memory
BOOLEAN tcpip_send_init(struct tcpip_send *send, struct tdic_tx *tx);
VOID tcpip_send_spans_free(struct tcpip_send *send);

// tell.c
// A stretch of received bytes for the clients; a reference to its owner. FALSE: no memory.   locks: host->lock held
BOOLEAN tcpip_rx_append(struct list *all, const struct eng_span *span);
VOID tcpip_rx_drop_all(struct list *all);
VOID tcpip_connection_tell(struct tcpip_news *news);
VOID tcpip_rx_done(struct tdic_connection *connection, struct tdic_rx *rx, BOOLEAN is_lent);
VOID tcpip_rx_consumed(struct tdic_connection *connection, ULONG bytes, BOOLEAN is_expedited);

#endif
