// SPDX-License-Identifier: MIT
// passthru: an intermediate driver that passes everything on. For each adapter that it is bound to it has one virtual miniport, and
// what goes in at one edge comes out at the other: lists of frames, OID requests, status, power and PnP events, and
// offloaded connections. What its files share.
//
//   protocols above                                             entry.c     DriverEntry and unload: both edges registered, and joined
//       |  MiniportXxx: the upper edge, a virtual miniport      miniport.c  initialise, pause, restart, halt of the upper edge
//    passthru                                                   binding.c   bind, unbind, PnP and status of the lower edge
//       |  ProtocolXxx: the lower edge, a binding               send.c      lists down, and their way back
//   the adapter below                                           receive.c   lists up, and their way back
//                                                               oid.c       OID requests down by clones, and our own
//                                                               offload*.c  the TCP chimney
// Lists are not copied: the very list that came in goes out, and only SourceHandle is exchanged, which is kept in the list's context
// area meanwhile. One that wanted to change data would make clones.
//
// Who waits for what. Three rundowns (no lock is needed for any of this):
//   lower     units for lists that the binding below has from us or we have from it; run down while the binding is paused
//   upper     the same for the virtual miniport; run down while that is paused
//   alive     units for calls into NDIS about the virtual miniport; run down from its halt on
//   requests  units for OID requests below; run down while there is nobody to ask: low power, halt
#ifndef PASSTHRU_H
#define PASSTHRU_H

#define NDIS_MINIPORT_DRIVER 1
#define NDIS680_MINIPORT 1                    // synchronous OID requests came with 6.80
#define NDIS680 1
#include <ndischimney.h>

#define PASSTHRU_TAG 'rhtP'

// One binding and its virtual miniport.
struct passthru {
    volatile LONG refs;                       // an edge each
    NDIS_HANDLE binding, miniport;            // NDIS's names for the edges; miniport is NULL before initialise and after halt
    NDIS_STRING instance;                     // the virtual miniport's device name; owned
    BOOLEAN asked;                            // NdisIMInitializeDeviceInstanceEx has accepted it
    KEVENT settled;                           // MiniportInitializeEx has been called and is over
    EX_RUNDOWN_REF lower, upper, alive, requests;

    NDIS_BIND_PARAMETERS below;               // what NDIS said about the adapter below; its pointers lead to the copies that follow
    NDIS_OFFLOAD offload;
    NDIS_RECEIVE_SCALE_CAPABILITIES rss;
    NDIS_PM_CAPABILITIES power;
    NDIS_OID *oids;                           // owned; what the adapter below supports
    ULONG oids_bytes;

    NDIS_TCP_CONNECTION_OFFLOAD connection;   // NDIS_BIND_PARAMETERS.TcpConnectionOffloadCapabilities, if there are any

    KSPIN_LOCK lock;                          // guards link, the chimney's gate, and what of the chimney is put off
    NDIS_LINK_STATE link;                     // as the adapter below said last

    // The TCP chimney (offload_entry.c).
    NDIS_TCP_OFFLOAD_EVENT_HANDLERS offload_up;
    PNDIS_MINIPORT_OFFLOAD_BLOCK_LIST deferred_trees, retry_trees;
    PNET_BUFFER_LIST deferred_nbls, *deferred_last;
    ULONG deferred_disconnects;               // without a list
    KDPC deferred_dpc, retry_dpc;
    KTIMER retry_timer;
    ULONG offloads, gate_shut;                // offload entries; PASSTHRU_PAUSED, PASSTHRU_ASLEEP. Guarded by lock
    KEVENT none_offloaded;

    // The open, our own request or the close that we wait for.
    NDIS_OID_REQUEST request;
    KEVENT answered;
    NDIS_STATUS answer;
};

extern NDIS_HANDLE passthru_miniport_driver, passthru_protocol;

void *passthru_alloc(SIZE_T bytes);           // zeroed, or NULL
void passthru_free(void *block);
// The last edge to go frees.
void passthru_unref(struct passthru *self);

// What a list carries in its context area while it is ours to pass on. send.c
struct passthru_context {
    DECLSPEC_ALIGN(16) NDIS_HANDLE source;
    struct passthru *upper;                   // of a request on an offloaded connection: the edge that it came through
};
// Put our handle into each list and keep what stood there. Lists that have no room for it are taken out of *nbls.
// irql: <= DISPATCH   returns how many are left; *refused gets the others
ULONG passthru_mark(PNET_BUFFER_LIST *nbls, NDIS_HANDLE source, PNET_BUFFER_LIST *refused);
ULONG passthru_unmark(PNET_BUFFER_LIST nbls);

// offload_entry.c
SET_OPTIONS passthru_miniport_options, passthru_protocol_options;
void passthru_offload_prepare(struct passthru *self);
NDIS_STATUS passthru_offload_initialize(struct passthru *self, NDIS_HANDLE miniport);

// offload_gate.c. Shut: everything that is offloaded has been called back, and is back when this returns. irql: PASSIVE
enum { PASSTHRU_PAUSED = 1, PASSTHRU_ASLEEP = 2 };
void passthru_gate_prepare(struct passthru *self);
void passthru_gate_shut(struct passthru *self, ULONG why);
void passthru_gate_open(struct passthru *self, ULONG why);

// miniport.c
MINIPORT_INITIALIZE passthru_initialize;
MINIPORT_HALT passthru_halt;
MINIPORT_PAUSE passthru_pause;
MINIPORT_RESTART passthru_restart;
MINIPORT_DEVICE_PNP_EVENT_NOTIFY passthru_device_pnp;
MINIPORT_SHUTDOWN passthru_shutdown;
void passthru_indicate_link(struct passthru *self);

// binding.c
PROTOCOL_BIND_ADAPTER_EX passthru_bind;
PROTOCOL_UNBIND_ADAPTER_EX passthru_unbind;
PROTOCOL_OPEN_ADAPTER_COMPLETE_EX passthru_open_complete;
PROTOCOL_CLOSE_ADAPTER_COMPLETE_EX passthru_close_complete;
PROTOCOL_NET_PNP_EVENT passthru_net_pnp;
PROTOCOL_STATUS_EX passthru_status;
// A status without more to say, to those above; nothing if there is nobody. irql: <= DISPATCH
void passthru_indicate(struct passthru *self, NDIS_STATUS code);

// send.c
MINIPORT_SEND_NET_BUFFER_LISTS passthru_send;
MINIPORT_CANCEL_SEND passthru_cancel_send;
PROTOCOL_SEND_NET_BUFFER_LISTS_COMPLETE passthru_send_complete;

// receive.c
PROTOCOL_RECEIVE_NET_BUFFER_LISTS passthru_receive;
MINIPORT_RETURN_NET_BUFFER_LISTS passthru_return;

// oid.c
MINIPORT_OID_REQUEST passthru_oid;
MINIPORT_CANCEL_OID_REQUEST passthru_cancel_oid;
PROTOCOL_OID_REQUEST_COMPLETE passthru_oid_complete;
MINIPORT_DIRECT_OID_REQUEST passthru_direct_oid;
MINIPORT_CANCEL_DIRECT_OID_REQUEST passthru_cancel_direct_oid;
PROTOCOL_DIRECT_OID_REQUEST_COMPLETE passthru_direct_oid_complete;
MINIPORT_SYNCHRONOUS_OID_REQUEST passthru_synchronous_oid;
// Ask the adapter below and wait. irql: PASSIVE; one at a time
NDIS_STATUS passthru_query(struct passthru *self, NDIS_OID oid, void *buffer, ULONG bytes, ULONG *needed);

#endif
