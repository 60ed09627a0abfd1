// SPDX-License-Identifier: MIT
// tdimem: pipes between connection files of one box, under TDI (tdi_common). README.md says what it carries.
//   mem_device -> mem_address: the names              mem_pipe: two mem_ends, A connects and B is offered
//   each end has news: what has happened at the other end, told upwards in order by its DPC
// pipe->lock guards both ends; it is never held across an upcall. Lock order: device->lock, pipe->lock.
#ifndef NBX_DRIVERS_TDIMEM_H
#define NBX_DRIVERS_TDIMEM_H

#include "../tdi_common/tdic.h"

#define MEM_TAG 'mmdT'
#define MEM_TRANSPORT_ID 'MMDT'
#define MEM_ACTION_ERROR 1
#define MEM_USER_DATA_BYTES 128
#define MEM_WINDOW_BYTES 16384
#define MEM_SEND_BYTES 65536
#define MEM_DATAGRAM_BYTES 1024
#define MEM_OFFER_100NS (2 * 10000000LL)

enum TDIMEM_WHY { TDIMEM_CONNECTS = 1, TDIMEM_ACCEPTS, TDIMEM_REFUSES, TDIMEM_RELEASES, TDIMEM_ABORTS };

struct mem_device {
    struct tdic_device *tdi;
    HANDLE registration;
    KSPIN_LOCK lock;                 // guards addresses and next_name
    LIST_ENTRY addresses;
    ULONG next_name;
    LONG busy;                       // ends and messages that are out, and the device itself
    KEVENT idle;
    BOOLEAN is_orderly;
};

// One name as it travels: a TRANSPORT_ADDRESS of one NetBIOS address.
typedef TA_NETBIOS_ADDRESS mem_name;

struct mem_address {
    LIST_ENTRY link;
    struct mem_device *device;
    struct tdic_address *tdi;
    mem_name name;
    KSPIN_LOCK lock;                 // guards what follows
    LIST_ENTRY datagrams;            // struct mem_datagram
    BOOLEAN is_delivering, is_closed;
    KDPC dpc;
};

// A message, or a datagram: its bytes lie in two MDLs, beginning at an odd place, so that nobody gets used to less.
struct mem_message {
    struct tdic_rx rx;               // first
    NBX_TDI_TSDU tsdu;
    struct mem_device *device;
    PMDL first, second;
    UCHAR bytes[];
};

struct mem_datagram {
    LIST_ENTRY link;
    mem_name from;
    struct mem_message *message;
};

enum mem_news_kind { MEM_OFFER, MEM_CONNECTED, MEM_DATA, MEM_FIN, MEM_RELEASED, MEM_GONE, MEM_SENT, MEM_ROOM };

struct mem_news {
    LIST_ENTRY link;
    enum mem_news_kind kind;
    NTSTATUS status;
    struct tdic_tx *tx;
    struct mem_message *message;
    struct tdic_address *address;    // a reference
    mem_name from;
    ULONG why;                       // the transport's own information
    ULONG data_bytes;
    UCHAR data[MEM_USER_DATA_BYTES];
};

struct mem_end {
    struct tdic_connection connection;   // first
    struct mem_device *device;
    struct mem_pipe *pipe;
    struct mem_end *peer;            // NULL: nobody there (any more)
    mem_name name;                   // of the address that it belongs to
    LIST_ENTRY news;                 // struct mem_news
    LIST_ENTRY backlog;              // tx that wait for room at the peer
    ULONG held_bytes;                // sent to this end and not yet taken by its client
    BOOLEAN is_delivering;
    BOOLEAN is_dead;                 // aborted, gone or parted: no more news
    BOOLEAN is_offered;              // B: not answered yet
    BOOLEAN wants_room;
    BOOLEAN wants_fin;               // when the backlog has gone
    struct mem_news *fin;            // what to say then
    KDPC dpc;
};

struct mem_pipe {
    KSPIN_LOCK lock;
    LONG refs;                       // the ends, and the timer when it is set
    struct mem_end *acceptor;
    KTIMER timer;                    // of the offer
    KDPC timer_dpc;
    BOOLEAN is_timed;
};

// --- news.c. irql: <= DISPATCH
// Put news at an end and have its DPC tell them. locks: pipe->lock; takes a reference on the end while it is to deliver
VOID mem_tell_locked(struct mem_end *end, struct mem_news *news);
struct mem_news *mem_news_create(enum mem_news_kind kind, const struct tdic_info *info, ULONG why);
VOID mem_news_free(struct mem_end *end, struct mem_news *news);
KDEFERRED_ROUTINE mem_deliver;

// --- pipe.c
extern const struct tdic_ops mem_orderly_ops, mem_abrupt_ops;
struct mem_end *mem_end_create(struct mem_device *device, struct mem_pipe *pipe);
VOID mem_pipe_unref(struct mem_pipe *pipe);
VOID mem_move_locked(struct mem_end *end);     // from its backlog to its peer, as far as there is room
VOID mem_fail_backlog_locked(struct mem_end *end, NTSTATUS status);

// --- address.c
NTSTATUS mem_address_open(struct tdic_address *address, const TA_ADDRESS *wanted, BOOLEAN is_shared, PVOID *below);
VOID mem_address_close(struct tdic_address *address);
NTSTATUS mem_send_datagram(struct tdic_address *address, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, struct tdic_tx *tx);
VOID mem_datagram_done(struct tdic_address *address, struct tdic_rx *rx, BOOLEAN is_lent);
// The address of this name, with a reference, or NULL.
struct tdic_address *mem_address_find(struct mem_device *device, const TRANSPORT_ADDRESS *name, ULONG bytes);
// Copy bytes of an MDL chain into a message of its own. NULL: no memory.
struct mem_message *mem_message_create(struct mem_device *device, PMDL mdl, ULONG offset, ULONG bytes, ULONG flags);
VOID mem_message_free(struct mem_message *message);
NTSTATUS mem_report_error(struct mem_device *device, NTSTATUS status);

// --- entry.c
VOID mem_device_ref(struct mem_device *device);
VOID mem_device_unref(struct mem_device *device);
VOID mem_provider_info(struct tdic_device *device, TDI_PROVIDER_INFO *info);
NTSTATUS mem_query(struct tdic_device *device, ULONG type, struct tdic_address *address, struct tdic_connection *connection, PVOID out,
                   ULONG *bytes);
NTSTATUS mem_action(struct tdic_device *device, PIRP irp);

#endif
