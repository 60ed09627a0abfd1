// SPDX-License-Identifier: MIT
// tdiecho: a TDI client. On every address that a transport announces it serves echo (port 7), discard (9) and character generator (19)
// over TCP, and echo over UDP [RFC 862, 863, 864]. Its Parameters key may say otherwise: struct tdiecho_settings.
//   entry.c     DriverEntry, addresses that come and go (TdiRegisterPnPHandlers), opening files with extended attributes
//   stream.c    TCP: a listener is an address file with a set of connection files, used again and again
//   datagram.c  UDP: a set of TDI_RECEIVE_DATAGRAM requests, each answered from its own buffer
#ifndef TDIECHO_H
#define TDIECHO_H

#include <ntddk.h>

#include "../tdi_client_common/tdi_client.h"

#define TDIECHO_TAG 'hcEt'
#define TDIECHO_DATAGRAMS 16               // requests that wait at one time
#define TDIECHO_DATAGRAM_BYTES 65536

// A transport address, as TdiRegisterNetAddress told it, with a port of ours put in.
struct tdiecho_name {
    LONG count;                            // of TRANSPORT_ADDRESS: 1
    USHORT length, type;
    UCHAR address[32];
};

// From the registry, below Parameters.
struct tdiecho_settings {
    ULONG endpoints;                       // Endpoints: connections of a listener at one time; a client beyond them is refused
    ULONG buffer_bytes;                    // BufferBytes: of one request; a sender has four out
    ULONG port;                            // Port: the only TCP service, and no UDP; 0: all of them
};
extern struct tdiecho_settings tdiecho_settings;

VOID *tdiecho_alloc(SIZE_T bytes);         // nonpaged, zeroed
VOID tdiecho_free(VOID *block);

struct tdiecho_stream;
struct tdiecho_datagram;

enum tdiecho_service { TDIECHO_ECHO, TDIECHO_DISCARD, TDIECHO_CHARGEN };

// irql: PASSIVE   fails: NULL; what could not be opened is said with DbgPrint
struct tdiecho_stream *tdiecho_stream_open(PCWSTR device, const struct tdiecho_name *name, enum tdiecho_service service);
// Connections end at once; every request of ours is back when this returns. irql: PASSIVE
VOID tdiecho_stream_close(struct tdiecho_stream *stream);
struct tdiecho_datagram *tdiecho_datagram_open(PCWSTR device, const struct tdiecho_name *name);
VOID tdiecho_datagram_close(struct tdiecho_datagram *datagram);

#endif
