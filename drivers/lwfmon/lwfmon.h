// SPDX-License-Identifier: MIT
// lwfmon: a lightweight filter that watches. It counts what passes it both ways, writes frames into a pcapng file when its setting
// File names one, and hands everything on unchanged. What its files share.
//
//   entry.c    DriverEntry and unload          data.c     lists down and up, and their way back; counters
//   module.c   attach, pause, restart, detach  oid.c      OID requests down by clones, and their answers
//   capture.c  records into a ring (DISPATCH)  writer.c   ring into the file (a system thread at PASSIVE)
//
// The filter originates nothing of its own, so a pause has nothing to wait for; a detach waits for the clones that are still below.
// Lock: capture->lock guards the ring's marks and is held while a list is copied into it; it is never held across a call to NDIS.
#ifndef LWFMON_H
#define LWFMON_H

#define NDIS630 1
#include <ndis.h>

#define LWFMON_TAG 'nomL'

enum lwfmon_direction { LWFMON_IN, LWFMON_OUT, LWFMON_DIRECTIONS };

// One cache line a processor and direction, written only by the processor's owner at DISPATCH: no locked instruction on the way.
struct lwfmon_counters {
    DECLSPEC_ALIGN(64) ULONG64 frames, bytes, lists;
};

struct lwfmon_capture {
    KSPIN_LOCK lock;
    UCHAR *ring;
    ULONG ring_bytes;                         // a power of two
    ULONG64 head, tail;                       // bytes ever put in and taken out; head - tail of them wait
    ULONG64 captured, dropped;                // frames in the file (or on their way), frames that met a full ring
    BOOLEAN idle;                             // the writer sleeps: ring its bell
    BOOLEAN stopping, failed;
    KEVENT bell;                              // synchronization
    PETHREAD thread;
    HANDLE file;
    LARGE_INTEGER file_offset;                // the writer's
};

struct lwfmon_module {
    NDIS_HANDLE filter;                       // what NDIS knows us by
    NDIS_STRING name;                         // of the adapter below; points behind the structure
    ULONG processors;
    struct lwfmon_counters *counters;         // [processors][LWFMON_DIRECTIONS]
    volatile LONG oids;                       // clones below, plus one for being attached
    KEVENT oids_gone;
    struct lwfmon_capture *capture;           // NULL: no file wanted
};

extern NDIS_HANDLE lwfmon_driver;

// module.c
FILTER_ATTACH lwfmon_attach;
FILTER_DETACH lwfmon_detach;
FILTER_PAUSE lwfmon_pause;
FILTER_RESTART lwfmon_restart;
FILTER_STATUS lwfmon_status;
FILTER_DEVICE_PNP_EVENT_NOTIFY lwfmon_device_pnp;
FILTER_NET_PNP_EVENT lwfmon_net_pnp;

// data.c
FILTER_SEND_NET_BUFFER_LISTS lwfmon_send;
FILTER_SEND_NET_BUFFER_LISTS_COMPLETE lwfmon_send_complete;
FILTER_CANCEL_SEND_NET_BUFFER_LISTS lwfmon_cancel_send;
FILTER_RECEIVE_NET_BUFFER_LISTS lwfmon_receive;
FILTER_RETURN_NET_BUFFER_LISTS lwfmon_return;
void lwfmon_counters_sum(const struct lwfmon_module *module, enum lwfmon_direction direction, struct lwfmon_counters *sum);

// oid.c
FILTER_OID_REQUEST lwfmon_oid;
FILTER_OID_REQUEST_COMPLETE lwfmon_oid_complete;
FILTER_CANCEL_OID_REQUEST lwfmon_oid_cancel;
// One hold less; the last lets the detach go on. irql: <= DISPATCH
void lwfmon_oid_unref(struct lwfmon_module *module);

// capture.c
#define LWFMON_BLOCK_BYTES 44                 // an enhanced packet block without its data
// Put the frames of a list into the ring; what does not fit is counted. irql: DISPATCH   locks: takes capture->lock
void lwfmon_capture_list(struct lwfmon_capture *capture, enum lwfmon_direction direction, const NET_BUFFER_LIST *nbls);

// writer.c
// Open the file, write its head, start the writer. irql: PASSIVE   fails: with a line that names the file; nothing is left then
NDIS_STATUS lwfmon_capture_open(NDIS_HANDLE filter, const NDIS_STRING *adapter, PNDIS_STRING path, ULONG ring_kb,
                                struct lwfmon_capture **out);
// Write out what waits, then the totals; close. irql: PASSIVE
void lwfmon_capture_close(struct lwfmon_capture *capture, const NDIS_STRING *adapter);

#endif
