// SPDX-License-Identifier: MIT
// A TCP connection between the waist of tdi_common and the TCP engine, and the addresses it begins or ends at.
//   connection.c  ops of the waist: connect, accept, refuse, send, release, abort, part
//   tell.c        what the engine has to tell: events under the lock, upcalls without it
//   transport.c   addresses and statuses in TDI's words
#ifndef TCPIP_CONNECTION_H
#define TCPIP_CONNECTION_H

#include "tcpip.h"

#include "../tdi_common/tdic.h"

// What an address file is to the engines.
struct tcpip_address {
    struct tdic_address *up;
    struct eng_address local;             // any: of its family
    USHORT port;                          // host order
    struct tcp_listener *listener;        // of \Device\Tcp, \Device\Tcp6
    struct net_udp *udp;                  // of \Device\Udp, \Device\Udp6
    struct tcpip_news news;               // received datagrams, sends that are done
    LIST_ENTRY received;                  // struct tcpip_datagram
    ULONG received_bytes;
    struct list ended;                    // struct tcpip_send
    LONG refs;
    BOOLEAN is_raw;
    UCHAR raw_protocol;                   // of \Device\RawIp\N
    LIST_ENTRY raw_link;
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
};

struct tcpip_connection {
    struct tdic_connection up;            // first
    struct tdic_address *address;         // a reference
    struct tcpip_news news;
    // Guarded by host->lock.
    struct tcp_connection *tcp;           // NULL: not begun, or parted
    ULONG events;                         // enum tcp_event, not yet told
    struct list ended;                    // struct tcpip_send: to be given back
    enum tcp_end end;
    BOOLEAN is_offer;
    BOOLEAN is_silent;                    // aborted or refused: sends come back, nothing else is told
    BOOLEAN is_starved;                   // no memory to hand up what waits in the engine
    BOOLEAN wants_release, is_connected_told, is_fin_told, is_released_told, is_gone_told;
};

extern const struct tdic_ops tcpip_tcp_ops, tcpip_udp_ops, tcpip_raw_ops;

// transport.c
// An address of this device's family. FALSE: another family, or too short.
BOOLEAN tcpip_address_from(const TA_ADDRESS *from, struct eng_address *address, USHORT *port);
BOOLEAN tcpip_address_from_list(const TRANSPORT_ADDRESS *from, ULONG bytes, struct eng_address *address, USHORT *port);
union tcpip_ta {
    TRANSPORT_ADDRESS list;
    UCHAR bytes[TDIC_ADDRESS_BYTES];
};
// Returns the bytes.
ULONG tcpip_address_to(union tcpip_ta *to, const struct eng_address *address, USHORT port);
NTSTATUS tcpip_status_of(int error);
NTSTATUS tcpip_status_of_end(enum tcp_end end);

// connection.c
struct tcpip_connection *tcpip_connection_create(struct tdic_address *address);
VOID tcpip_send_released(struct eng_owner *owner);
// What a path allows, in the TCP engine's words. fails: as net_path_find.   locks: host->lock held
int tcpip_path_find(struct net_path *path, struct tcp_path *tcp, uint64_t now_us);
// Describe the bytes of a send. fails: FALSE without memory
BOOLEAN tcpip_send_init(struct tcpip_send *send, struct tdic_tx *tx);
VOID tcpip_send_spans_free(struct tcpip_send *send);

// tell.c
VOID tcpip_connection_tell(struct tcpip_news *news);
VOID tcpip_rx_done(struct tdic_connection *connection, struct tdic_rx *rx, BOOLEAN is_lent);

#endif
