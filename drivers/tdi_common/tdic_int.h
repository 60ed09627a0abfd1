// SPDX-License-Identifier: MIT
// What only tdi_common sees: devices, addresses and endpoints, and the pump's state.
// Lock order: address->lock, endpoint->lock, connection->lock. None is held across an op, an event handler or a completion.
#ifndef NBX_DRIVERS_TDIC_INT_H
#define NBX_DRIVERS_TDIC_INT_H

#include "tdic.h"

#include <nbx/cross.h>

#define TDIC_TAG 'cidT'
#define TDIC_EVENTS 11
#define TDIC_DISCONNECT_100NS (900 * 10000LL)    // "usually something less than one second" [TDI_DISCONNECT page]
#define TDIC_LOOKAHEAD_BYTES 256                 // gathered for a handler when less lies in one piece; the contract's least is 128

struct tdic_device {
    PDEVICE_OBJECT object;
    const struct tdic_ops *ops;
    PVOID below;
    LONG refs;                       // endpoints and addresses
    KEVENT idle;                     // refs is 0
    NPAGED_LOOKASIDE_LIST txs;
    TDI_PROVIDER_STATISTICS statistics;
    TDI_PROVIDER_INFO provider;      // as at the beginning: what requests are checked against
};

// User data and options in one block of pool.
struct tdic_blob {
    PVOID block;
    ULONG data_bytes, options_bytes;
};

struct tdic_address {
    struct tdic_device *device;
    PVOID below;
    LONG refs;
    PFILE_OBJECT file;
    KSPIN_LOCK lock;                 // guards all that follows
    LIST_ENTRY endpoints;            // associated ones
    LIST_ENTRY listens;              // endpoints with a TDI_LISTEN, oldest first; some may just have stopped
    LIST_ENTRY receives;             // TDI_RECEIVE_DATAGRAM
    LIST_ENTRY sends;                // tx of datagrams that are below
    struct {
        PVOID handler, context;
    } events[TDIC_EVENTS];
    LONG calls;                      // handlers that run, and others who use it
    BOOLEAN is_closed;
    KEVENT quiet;                    // closed, and nothing of the above is left
    ULONG local_bytes;
    union {
        TRANSPORT_ADDRESS local;
        UCHAR local_room[TDIC_ADDRESS_BYTES];
    };
};

enum tdic_state {
    TDIC_IDLE,                       // no connection; associated or not
    TDIC_CONNECTING,
    TDIC_LISTENING,
    TDIC_OFFERED,                    // LISTEN with TDI_QUERY_ACCEPT has completed: ACCEPT or DISCONNECT is awaited
    TDIC_ACCEPTING,
    TDIC_OPEN,
};

// Where a pended IRP is: Tail.Overlay.DriverContext[1]. [0] is its endpoint or address, [2] a send's tx.
enum tdic_where {
    TDIC_AT_NOTHING,                 // being completed by whoever took it
    TDIC_AT_ORPHAN,                  // taken, but its cancel routine is on its way and completes it, with IoStatus as it is
    TDIC_AT_OPENING,
    TDIC_AT_RELEASE,
    TDIC_AT_ABORTS,
    TDIC_AT_RECEIVES,
    TDIC_AT_SEND,
    TDIC_AT_DATAGRAMS,               // an address's receives
};

struct tdic_endpoint {
    struct tdic_device *device;
    LONG refs;                       // the file, each pended IRP, the connection, whoever looks at it
    PFILE_OBJECT file;
    KSPIN_LOCK lock;                 // guards all that follows
    CONNECTION_CONTEXT context;
    struct tdic_address *address;    // associated with; a reference
    LIST_ENTRY address_link;         // guarded by address->lock
    LIST_ENTRY listen_link;          // the same
    BOOLEAN is_listed;               // the same
    enum tdic_state state;
    struct tdic_connection *connection;
    PIRP opening;                    // CONNECT, LISTEN or ACCEPT
    PIRP release;                    // the pending controlled disconnect
    LIST_ENTRY aborts;               // DISCONNECTs and DISASSOCIATEs that wait for idle
    LIST_ENTRY receives;
    LIST_ENTRY waiting, below;       // tx
    LIST_ENTRY rx, rx_expedited;
    LIST_ENTRY done;                 // IRPs to complete
    LIST_ENTRY late;                 // the same, once the endpoint is idle: their client may use it again at once
    ULONG_PTR listen_flags;
    NTSTATUS end_status;
    NTSTATUS untold;                 // how the last connection ended, if nobody could be told; else 0
    ULONG room_bytes;                // of tdic_up_send_room
    // steps that the pump has to take
    BOOLEAN is_pumping, is_pump_wanted;
    BOOLEAN want_list, want_connect, want_accept, want_release, want_abort, want_refuse, want_cancel, want_room, want_part;
    BOOLEAN want_fin_event, want_abort_event, want_disassociate, want_relisten;
    // what has happened to the connection
    BOOLEAN is_ending;               // no request is taken any more; idle once the sends are back
    BOOLEAN is_closing;              // CLEANUP has come
    BOOLEAN is_released;             // our RELEASE went down, or will
    BOOLEAN is_release_confirmed;
    BOOLEAN is_fin_seen, is_fin_told;
    BOOLEAN is_event_sent;           // ClientEventDisconnect is the last event
    BOOLEAN is_held, is_held_expedited;   // the client has turned data down: no indications until a RECEIVE has been served
    BOOLEAN is_room_wanted;
    KTIMER timer;
    KDPC timer_dpc;
    LONGLONG timer_due;              // interrupt time; 0: not set
    KEVENT quiet;                    // CLEANUP may go on
    ULONG sent, received;            // messages or pieces
    struct tdic_blob out;            // what goes to connect, accept, refuse, release, abort
    struct tdic_blob in;             // what the peer sent with an offer, an acceptance, a disconnect
    ULONG remote_bytes, filter_bytes;
    union {
        TRANSPORT_ADDRESS remote;
        UCHAR remote_room[TDIC_ADDRESS_BYTES];
    };
    UCHAR filter[TDIC_ADDRESS_BYTES];     // whom a LISTEN waits for
};

// --- endpoint.c, pump.c ----------------------------------------------------------------------------------------------------------
NTSTATUS tdic_endpoint_create(struct tdic_device *device, PFILE_OBJECT file, CONNECTION_CONTEXT context, struct tdic_endpoint **endpoint);
VOID tdic_endpoint_ref(struct tdic_endpoint *endpoint);
VOID tdic_endpoint_unref(struct tdic_endpoint *endpoint);
VOID tdic_endpoint_cleanup(struct tdic_endpoint *endpoint);      // irql: PASSIVE; waits
VOID tdic_endpoint_close(struct tdic_endpoint *endpoint);
NTSTATUS tdic_associate(struct tdic_endpoint *endpoint, HANDLE handle);
NTSTATUS tdic_disassociate(struct tdic_endpoint *endpoint, PIRP irp);
// The endpoint of a connection, with a reference, and its lock taken; NULL: they have parted.
struct tdic_endpoint *tdic_endpoint_of(struct tdic_connection *connection, KIRQL *irql);
VOID tdic_attach_locked(struct tdic_endpoint *endpoint, struct tdic_connection *connection);
VOID tdic_drop_pump(struct tdic_endpoint *endpoint, KIRQL irql);    // give the lock back, pump, drop a reference
VOID tdic_pump(struct tdic_endpoint *endpoint);
NTSTATUS tdic_unable_locked(struct tdic_endpoint *endpoint);     // why a request for an open connection cannot be taken; SUCCESS: it can
// Let go of the connection and be in another state. locks: endpoint->lock, dropped and retaken
VOID tdic_part(struct tdic_endpoint *endpoint, enum tdic_state next, KIRQL *irql);

// Steps of the pump: lock held before and after; TRUE: something was done, look again.
typedef BOOLEAN tdic_step(struct tdic_endpoint *endpoint, KIRQL *irql);
tdic_step tdic_step_open, tdic_step_send, tdic_step_data, tdic_step_disconnect, tdic_step_settle;
// A stretch is done with: the transport's again, or a copy of ours that is freed. locks: none
VOID tdic_rx_give_back(struct tdic_connection *connection, struct tdic_rx *rx, BOOLEAN is_lent);

// --- irp.c -----------------------------------------------------------------------------------------------------------------------
// Pend an IRP at the endpoint, with a reference. FALSE: it was cancelled already and is on the list of done ones.
BOOLEAN tdic_pend_locked(struct tdic_endpoint *endpoint, PIRP irp, enum tdic_where where);
// Take it from where it is and have the pump complete it so.
VOID tdic_finish_locked(struct tdic_endpoint *endpoint, PIRP irp, NTSTATUS status, ULONG_PTR information);
// Take it for work on its data: FALSE: it is being cancelled.
BOOLEAN tdic_take_locked(PIRP irp);
VOID tdic_done_locked(struct tdic_endpoint *endpoint, PIRP irp, NTSTATUS status, ULONG_PTR information);
// The same for one that began a connection: while that ends, when it has ended.
VOID tdic_done_opening_locked(struct tdic_endpoint *endpoint, PIRP irp, NTSTATUS status);
BOOLEAN tdic_address_pend_locked(struct tdic_address *address, PIRP irp, enum tdic_where where);
VOID tdic_timer_set_locked(struct tdic_endpoint *endpoint, LONGLONG relative_100ns);
VOID tdic_timer_stop_locked(struct tdic_endpoint *endpoint);
KDEFERRED_ROUTINE tdic_timer_expired;
NTSTATUS tdic_complete(PIRP irp, NTSTATUS status, ULONG_PTR information);
static inline enum tdic_where
tdic_where_of(PIRP irp)
{
    return (enum tdic_where)(ULONG_PTR)irp->Tail.Overlay.DriverContext[1];
}

// --- requests: each returns STATUS_PENDING with the IRP pended or done, or the status to complete it with ------------------------
NTSTATUS tdic_connect(struct tdic_endpoint *endpoint, PIRP irp);
NTSTATUS tdic_listen(struct tdic_endpoint *endpoint, PIRP irp);
NTSTATUS tdic_accept(struct tdic_endpoint *endpoint, PIRP irp);
NTSTATUS tdic_disconnect(struct tdic_endpoint *endpoint, PIRP irp);
NTSTATUS tdic_send(struct tdic_endpoint *endpoint, PIRP irp);
NTSTATUS tdic_receive(struct tdic_endpoint *endpoint, PIRP irp);
NTSTATUS tdic_send_datagram(struct tdic_address *address, PIRP irp);
NTSTATUS tdic_receive_datagram(struct tdic_address *address, PIRP irp);
NTSTATUS tdic_set_event(struct tdic_address *address, PIRP irp);
NTSTATUS tdic_query(struct tdic_device *device, PIRP irp);
NTSTATUS tdic_set(struct tdic_device *device, PIRP irp);

// The end of a connection: fail what is pended with status; is_local: we end it, so the transport has to be told.
VOID tdic_end_locked(struct tdic_endpoint *endpoint, NTSTATUS status, BOOLEAN is_local);
// The RELEASE that was pended is over, the connection is not.
VOID tdic_release_early_locked(struct tdic_endpoint *endpoint);
VOID tdic_fail_receives_locked(struct tdic_endpoint *endpoint, NTSTATUS status);
VOID tdic_open_reset_locked(struct tdic_endpoint *endpoint);     // a new connection begins

// Statistics are a device's, and counted from anywhere.
static inline VOID
tdic_count(ULONG *counter)
{
    InterlockedIncrement((volatile LONG *)counter);
}

static inline BOOLEAN
tdic_is_message_mode(const struct tdic_device *device)
{
    return (device->provider.ServiceFlags & TDI_SERVICE_MESSAGE_MODE) != 0;
}

// --- data ------------------------------------------------------------------------------------------------------------------------
struct tdic_tx *tdic_tx_create(struct tdic_device *device, PIRP irp, ULONG bytes, ULONG flags);
VOID tdic_tx_free(struct tdic_device *device, struct tdic_tx *tx);
ULONG tdic_mdl_bytes(PMDL mdl);
// Move past bytes that were taken from the front of a list of rx, and give back what is used up. Lock held; drops and retakes it.
VOID tdic_rx_advance(struct tdic_endpoint *endpoint, LIST_ENTRY *list, ULONG bytes, BOOLEAN is_message_over, KIRQL *irql);
ULONG tdic_rx_available(LIST_ENTRY *list, BOOLEAN is_message_mode, BOOLEAN *is_whole);
// Copy from the front of a list, at most bytes; nobody else may take from it meanwhile.
ULONG tdic_rx_copy(LIST_ENTRY *list, ULONG from, PMDL to, PVOID buffer, ULONG bytes);
BOOLEAN tdic_indicate(struct tdic_endpoint *endpoint, BOOLEAN is_expedited, KIRQL *irql);
// Have a RECEIVE that a handler returned; lock held.
VOID tdic_receive_from_handler_locked(struct tdic_endpoint *endpoint, PIRP irp);

// --- address.c -------------------------------------------------------------------------------------------------------------------
NTSTATUS tdic_address_create(struct tdic_device *device, PFILE_OBJECT file, const TA_ADDRESS *wanted, BOOLEAN is_shared,
                             struct tdic_address **address);
VOID tdic_address_cleanup(struct tdic_address *address);         // irql: PASSIVE; waits
VOID tdic_address_check_quiet_locked(struct tdic_address *address);
// A registered handler, counted as running until tdic_event_put. FALSE: none, or the address is closed.
BOOLEAN tdic_event_get(struct tdic_address *address, ULONG type, PVOID *handler, PVOID *context);
VOID tdic_event_put(struct tdic_address *address);
// Is one registered just now?
BOOLEAN tdic_event_is_set(struct tdic_address *address, ULONG type);
// What the handler answers, called as its driver's code under the name of its page: whatever it breaks is that driver's.
#define TDIC_CALL(name_, type_, handler_, ...) \
    ({ \
        struct nbx_crossing crossing_; \
        nbx_cross_in_named(&crossing_, (handler_), (name_)); \
        NTSTATUS answer_ = ((type_ *)(handler_))(__VA_ARGS__); \
        nbx_cross_out(&crossing_); \
        answer_; \
    })
// Keep it from being closed until tdic_event_put. FALSE: it is already.
BOOLEAN tdic_address_use(struct tdic_address *address);

// --- info.c ----------------------------------------------------------------------------------------------------------------------
VOID tdic_blob_set(struct tdic_blob *blob, const struct tdic_info *info);     // a copy; empty when there is no memory
VOID tdic_blob_free(struct tdic_blob *blob);
// Out of its place, for a call without the lock: what stands there may be replaced meanwhile. The taker frees it.
struct tdic_blob tdic_blob_take(struct tdic_blob *blob);
struct tdic_info tdic_blob_info(const struct tdic_blob *blob);
// Check and copy what a client sends along. fails: TDI_BUFFER_TOO_BIG, STATUS_INVALID_PARAMETER, STATUS_INSUFFICIENT_RESOURCES
NTSTATUS tdic_blob_capture(struct tdic_device *device, const TDI_CONNECTION_INFORMATION *from, struct tdic_blob *blob);
// A whole TRANSPORT_ADDRESS with at least one address, of at most TDIC_ADDRESS_BYTES.
BOOLEAN tdic_is_address(const void *address, LONG bytes);
// Is the peer the one that a LISTEN or a RECEIVE_DATAGRAM waits for?
BOOLEAN tdic_address_fits(const TA_ADDRESS *wanted, const TA_ADDRESS *remote);
VOID tdic_return_info(TDI_CONNECTION_INFORMATION *to, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, const struct tdic_blob *blob);
// 100 ns units, relative, 0 or less; fails: STATUS_INVALID_PARAMETER. TRUE in *is_set: the client gave one.
NTSTATUS tdic_timeout(PVOID request_specific, LONGLONG *relative, BOOLEAN *is_set);

PVOID tdic_alloc(ULONG bytes);
VOID tdic_free(PVOID block);
VOID tdic_device_ref(struct tdic_device *device);
VOID tdic_device_unref(struct tdic_device *device);

#endif
