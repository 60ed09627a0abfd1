// SPDX-License-Identifier: MIT
// tapproto: a protocol that shows its adapter to the Linux kernel as a TAP interface. What its files share.
//
//   entry.c    DriverEntry and unload              binding.c  bind, open, pause, restart, unbind, OID requests, status
//   send.c     TAP -> NDIS: frames become sends    receive.c  NDIS -> TAP: received lists become frames
//   split.c    sends that the adapter cannot finish by itself: segments and checksums in software
//   headers.c  where the headers of a frame begin, checksums
//
// The kernel hands the TAP TCP super-segments and unfinished checksums; they travel as large sends (LSOv2) and checksum requests when
// the adapter offers those, else split.c does the work here. What comes up from NDIS coalesced goes to the kernel as a super-segment.
//
// Locks: send->lock guards the free list and the states of sending; receive->lock guards the queue towards the TAP and is held across
// nbx_port_tx, as a NIC's registers are guarded (the port calls nobody back from inside). Neither is taken while the other is held,
// and neither is held across a call into NDIS.
#ifndef TAPPROTO_H
#define TAPPROTO_H

#define NDIS630 1
#include <ndis.h>

#include <nbx/port.h>

#define TAPPROTO_TAG 'pTpT'
#define TAPPROTO_BATCH 64                     // NBLs in one list, frames in one call of the port
#define TAPPROTO_BUDGET 1024                  // frames in one upcall; others want the processor too
#define TAPPROTO_SENDS 256u                   // by default; setting SendBuffers
#define TAPPROTO_IOV (TAPPROTO_BATCH * 16)    // stretches of memory in one call of the port
#define TAPPROTO_HEAD_BYTES 256               // patched headers of one frame
#define TAPPROTO_VLAN_BYTES 4
#define TAPPROTO_ETHERNET_BYTES 14

// ---- headers.c ------------------------------------------------------------------------------------------------------------------

#define TAPPROTO_TCP 6
#define TAPPROTO_UDP 17

struct tapproto_headers {
    UCHAR version;                            // of IP: 4 or 6
    UCHAR protocol;                           // TAPPROTO_TCP or TAPPROTO_UDP
    BOOLEAN ip_options;                       // IPv4 options or IPv6 extension headers
    BOOLEAN tcp_options;
    USHORT ip, transport;                     // where they begin
    USHORT end;                               // of the transport header
};

// Find the headers in the first bytes of a frame. FALSE: neither TCP nor UDP in one piece, or more headers than there are bytes.
BOOLEAN tapproto_headers_find(const UCHAR *frame, ULONG bytes, struct tapproto_headers *headers);
// The sum of the pseudo-header, not complemented, as it lies in memory; transport_bytes 0 leaves the length out.
USHORT tapproto_pseudo_sum(const UCHAR *frame, const struct tapproto_headers *headers, ULONG transport_bytes);
// The Internet checksum of these bytes [RFC 1071], as it lies in memory; data that holds a partial sum included.
USHORT tapproto_checksum(const UCHAR *data, ULONG bytes);

static inline ULONG
tapproto_get16(const UCHAR *at)
{
    return (ULONG)at[0] << 8 | at[1];
}

static inline void
tapproto_put16(UCHAR *at, ULONG value)
{
    at[0] = (UCHAR)(value >> 8);
    at[1] = (UCHAR)value;
}

static inline UCHAR *
tapproto_checksum_field(UCHAR *frame, const struct tapproto_headers *headers)
{
    return frame + headers->transport + (headers->protocol == TAPPROTO_TCP ? 16 : 6);
}

// ---- bindings -------------------------------------------------------------------------------------------------------------------

struct tapproto_offload {                     // what the adapter does for us now
    struct {
        BOOLEAN tcp, udp, ip_options, tcp_options;
        ULONG lso_max_bytes, lso_min_segments;   // 0: none
        BOOLEAN lso_options;
    } v4, v6;
};

struct tapproto_send_counters {
    ULONG64 frames, bytes, large, split, dropped, failed;
};

struct tapproto_send {
    KSPIN_LOCK lock;
    BOOLEAN running;                          // between restart and pause
    BOOLEAN busy;                             // on_rx is working: it may send at any moment
    BOOLEAN starved;                          // on_rx left before it had everything: call it again
    ULONG count, free_count, out;             // NBLs: all, on the free list, with NDIS
    NET_BUFFER_LIST *free;                    // LIFO, linked by Next
    NET_BUFFER_LIST **all;
    NDIS_HANDLE pool;
    ULONG buffer_bytes;
    KEVENT quiet;                             // notification: not running, not busy, nothing out
    struct tapproto_offload offload;
    struct tapproto_send_counters counters;
    // on_rx's alone. slots[work_at .. work_count) hold frames that are not sent yet, those behind are empty.
    struct tapproto_offload offload_now;
    ULONG work_at, work_count, slot_count;
    ULONG split_at;                           // of the frame at work_at: payload bytes already cut off
    ULONG split_segment;
    NET_BUFFER_LIST *slot_nbl[TAPPROTO_BATCH];
    struct port_slot slots[TAPPROTO_BATCH];
    struct tapproto_send_counters batch;      // not yet in counters
};

struct tapproto_receive_counters {
    ULONG64 frames, bytes, coalesced, dropped;
};

struct tapproto_receive {
    KSPIN_LOCK lock;
    BOOLEAN running;
    BOOLEAN blocked;                          // the port took fewer than offered: wait for on_tx_ready
    NET_BUFFER_LIST *first, **end;            // FIFO of what the port has not taken
    NET_BUFFER *next_nb;                      // of first: the next to go; NULL means its first
    struct tapproto_receive_counters counters;
    // One batch.
    ULONG frame_count, iov_count;
    struct port_frame frames[TAPPROTO_BATCH];
    struct iovec iov[TAPPROTO_IOV];
    UCHAR heads[TAPPROTO_BATCH][TAPPROTO_HEAD_BYTES];
};

struct tapproto_binding {
    NDIS_HANDLE ndis;
    struct nbx_port *port;
    struct port_caps caps;
    BOOLEAN port_started;
    char tap[64];
    ULONG mtu_bytes;
    BOOLEAN vlan_out_of_band;                 // the adapter takes tags in the list's information
    BOOLEAN offloads_on;                      // it has accepted our encapsulation
    NDIS_STATUS open_status, oid_status;
    KEVENT settled, oid_done;                 // the open or the close is over; the request is
    DECLSPEC_ALIGN(64) struct tapproto_send send;
    DECLSPEC_ALIGN(64) struct tapproto_receive receive;
};

extern NDIS_HANDLE tapproto_driver;

void *tapproto_alloc(SIZE_T bytes);           // zeroed; NULL: no memory
void tapproto_free(void *block);

// binding.c
PROTOCOL_BIND_ADAPTER_EX tapproto_bind;
PROTOCOL_UNBIND_ADAPTER_EX tapproto_unbind;
PROTOCOL_OPEN_ADAPTER_COMPLETE_EX tapproto_open_complete;
PROTOCOL_CLOSE_ADAPTER_COMPLETE_EX tapproto_close_complete;
PROTOCOL_NET_PNP_EVENT tapproto_pnp;
PROTOCOL_OID_REQUEST_COMPLETE tapproto_oid_complete;
PROTOCOL_STATUS_EX tapproto_status;

// send.c
PROTOCOL_SEND_NET_BUFFER_LISTS_COMPLETE tapproto_send_complete;
NDIS_STATUS tapproto_send_create(struct tapproto_binding *binding, ULONG count);
void tapproto_send_destroy(struct tapproto_binding *binding);
void tapproto_send_restart(struct tapproto_binding *binding);
// Sends no more and waits for what is out. irql: PASSIVE
void tapproto_send_pause(struct tapproto_binding *binding);
void tapproto_offload_take(struct tapproto_binding *binding, const NDIS_OFFLOAD *offload);
void tapproto_on_rx(void *context);
// A free NBL for one more segment, or NULL.   irql: DISPATCH, in on_rx   locks: takes send->lock
NET_BUFFER_LIST *tapproto_send_take(struct tapproto_send *send);

// split.c
// Make the frame of this slot ready: information for the adapter, or checksum in software. FALSE: it cannot be sent and is counted.
BOOLEAN tapproto_prepare(struct tapproto_binding *binding, NET_BUFFER_LIST *nbl, struct port_slot *slot, BOOLEAN *must_split);
// The next segment of a frame that must be split, at send->split_at. NULL: no buffer free. *last: the frame is used up.
NET_BUFFER_LIST *tapproto_split(struct tapproto_binding *binding, const struct port_slot *slot, BOOLEAN *last);

// receive.c
PROTOCOL_RECEIVE_NET_BUFFER_LISTS tapproto_receive;
void tapproto_receive_create(struct tapproto_binding *binding);
void tapproto_receive_restart(struct tapproto_binding *binding);
// Gives everything back that waits for the TAP. irql: PASSIVE
void tapproto_receive_pause(struct tapproto_binding *binding);
void tapproto_on_tx_ready(void *context);

#endif
