// SPDX-License-Identifier: MIT
// What every TDI transport has in common, and the narrow waist between it and what really moves bytes.
//
//            TDI clients: IRPs down, event handlers up
//   ------------------------------------------------------------------ this folder: files, requests, queues, cancel, events, disconnect
//    struct tdic_ops (down)                     tdic_up_xxx (up)
//   ------------------------------------------------------------------ a transport: tdimem's pipes, tcpip's TCP and UDP engines
// A transport makes its devices with tdic_device_create, lets tdic_dispatch have their IRPs, and writes the ops. Below the waist there are
// no IRPs, no handlers and no TDI flags but those of a send: connections, bytes, and what happened to them. README.md walks through a life.
//
// Order and re-entry, the two rules that keep both sides simple:
//   - Each endpoint has one pump: ops of a connection are called by one thread at a time, in the order of its requests, with no lock
//     held, at IRQL <= DISPATCH. An op may call tdic_up_xxx of any connection from inside itself: it only takes note then.
//   - tdic_up_xxx may be called from anywhere at <= DISPATCH, but not with a lock held that an op takes; for one connection they are
//     called in the order in which things happened. They may call event handlers and complete IRPs before they return.
#ifndef NBX_DRIVERS_TDIC_H
#define NBX_DRIVERS_TDIC_H

#include <ntddk.h>
#include <tdikrnl.h>

struct tdic_device;      // a device of the transport
struct tdic_address;     // a transport address file
struct tdic_endpoint;    // a connection file; private

#define TDIC_ADDRESS_BYTES 64        // the largest TRANSPORT_ADDRESS that is kept

// What travels with a connect, an accept, a refusal and a disconnect: TDI's user data and options. Lent for the call.
struct tdic_info {
    const void *data;
    ULONG data_bytes;
    const void *options;             // the transport's own status information
    ULONG options_bytes;
};

// A connection as both sides hold it. The transport puts it at the start of a structure of its own, from pool, and says
// tdic_connection_init. Two parties hold it (above: from ops->connect or tdic_up_offer until ops->part; below: as long as it likes);
// ops->connection_free is called when the last reference goes.
struct tdic_connection {
    struct tdic_device *device;
    KSPIN_LOCK lock;                 // guards endpoint
    struct tdic_endpoint *endpoint;  // NULL: nobody above listens any more (before it is attached, after ops->part)
    LONG refs;
};

// Bytes to send: [offset, offset + bytes) of an MDL chain, which stay where they are until tdic_up_sent gives this back.
// tx_bytes of struct tdic_ops says how much room for the transport follows behind it.
struct tdic_tx {
    LIST_ENTRY link;                 // the transport's between ops->send and tdic_up_sent, ours otherwise
    PMDL mdl;
    ULONG offset, bytes;
    ULONG flags;                     // TDI_SEND_EXPEDITED, _PARTIAL (the message goes on), _NO_RESPONSE_EXPECTED
    // the rest is ours
    LIST_ENTRY ours;
    PIRP irp;
    NTSTATUS status;                 // as given back
    BOOLEAN is_below, is_cancelled, is_cancel_tried, is_asked, is_returned;
};

// Bytes received: [offset, offset + bytes) of an MDL chain. The transport's; ours from tdic_up_received until ops->rx_done.
struct tdic_rx {
    LIST_ENTRY link;                 // ours
    PMDL mdl;
    ULONG offset, bytes;             // ours too once handed up: they move as bytes are taken
    ULONG flags;                     // enum tdic_rx_flag
    PVOID descriptor;                // what a client may keep and give to TdiReturnChainedReceives (see README.md); NULL: it must be copied
};
enum tdic_rx_flag {
    TDIC_RX_EXPEDITED = 1,
    TDIC_RX_END = 2,                 // the last bytes of a message (message mode only)
    TDIC_RX_BROADCAST = 4,           // datagrams
    TDIC_RX_MULTICAST = 8,
    TDIC_RX_SCARCE = 16,             // the buffer is wanted back soon (an adapter has few): what no client takes at once is copied
    TDIC_RX_OURS = 32,               // such a copy; never seen below the waist
};

enum tdic_cancel {
    TDIC_CANCEL_OURS,                // not a byte of it was handed on, it is forgotten below: no tdic_up_sent for it
    TDIC_CANCEL_SOON,                // done already: it comes back without the peer's help
    TDIC_CANCEL_ABORT,               // it was begun and waits for the peer: only the end of the connection brings it back
};

// What a transport can do. irql: <= DISPATCH unless said otherwise. Members marked * may be NULL: refused by name then.
struct tdic_ops {
    ULONG tx_bytes;                  // private bytes behind each struct tdic_tx

    // --- files. * May this file be opened at all? Asked before its extended attributes are looked at. irql: PASSIVE
    NTSTATUS (*admit)(struct tdic_device *device, PFILE_OBJECT file);

    // --- addresses. below is the transport's word for the address, kept by tdic_address_below.
    // Bind an address; wanted is whole (AddressLength bytes lie there). The transport says what was bound with tdic_address_local.
    // irql: PASSIVE   fails: TDI_ADDR_IN_USE, TDI_BAD_ADDR, TDI_NO_FREE_ADDR, TDI_ADDR_INVALID ...
    NTSTATUS (*address_open)(struct tdic_address *address, const TA_ADDRESS *wanted, BOOLEAN is_shared, PVOID *below);
    // Nothing of this address may be offered or handed up after it returns. irql: PASSIVE
    VOID (*address_close)(struct tdic_address *address);

    // --- connections *(all NULL in a transport of datagrams)
    // Make a connection to begin one from this address; it has one reference, ours. fails: STATUS_INSUFFICIENT_RESOURCES ...
    NTSTATUS (*connection_create)(struct tdic_address *address, struct tdic_connection **connection);
    VOID (*connection_free)(struct tdic_connection *connection);
    // Begin to connect. Ends with tdic_up_connected or tdic_up_gone, or by our abort.
    VOID (*connect)(struct tdic_connection *connection, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, const struct tdic_info *info);
    // Take an offer. Ends with tdic_up_connected or tdic_up_gone, or by our abort.
    VOID (*accept)(struct tdic_connection *connection, const struct tdic_info *info);
    // Turn an offer down; the peer sees "refused". No more upcalls; ours is the only reference left to drop (ops->part follows).
    VOID (*refuse)(struct tdic_connection *connection, const struct tdic_info *info);
    // Send, after all sends before; expedited data may overtake. Given back by tdic_up_sent when the bytes are not needed any more
    // (acknowledged, or thrown away), each once. It may come down while tdic_up_gone is on its way up, and must come back then too.
    VOID (*send)(struct tdic_connection *connection, struct tdic_tx *tx);
    // The client wants a send back that has not been given back yet. See enum tdic_cancel.
    enum tdic_cancel (*send_cancel)(struct tdic_connection *connection, struct tdic_tx *tx);
    // How many bytes could be taken now without waiting for the peer (TDI_SEND_NON_BLOCKING). *NULL: such sends are refused.
    ULONG (*send_room)(struct tdic_connection *connection);
    // Bytes were taken by the client: they may count as room in the window again.
    VOID (*consumed)(struct tdic_connection *connection, ULONG bytes, BOOLEAN is_expedited);
    // The transport's again. is_lent: its descriptor is not; the client gives that back by TdiReturnChainedReceives.
    VOID (*rx_done)(struct tdic_connection *connection, struct tdic_rx *rx, BOOLEAN is_lent);
    // Orderly release: after all sends, tell the peer that no more comes. When the peer has confirmed all of it: tdic_up_released.
    // Receiving goes on. *NULL: the transport has no TDI_SERVICE_ORDERLY_RELEASE; every disconnect is an abort.
    VOID (*release)(struct tdic_connection *connection, const struct tdic_info *info);
    // End at once, in any state after connect or accept; the peer gets info if the transport can carry it. No more tdic_up_xxx but
    // tdic_up_sent for what is out.
    VOID (*abort)(struct tdic_connection *connection, const struct tdic_info *info);
    // We are done with it and drop our reference: after an abort, after tdic_up_gone, or after both directions ended in order. What the
    // protocol still has to do (TIME_WAIT) it does alone.
    VOID (*part)(struct tdic_connection *connection);

    // --- datagrams *
    // Given back by tdic_up_datagram_sent, or by a return value other than STATUS_PENDING.
    NTSTATUS (*send_datagram)(struct tdic_address *address, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, struct tdic_tx *tx);
    // A datagram is done with (see rx_done).
    VOID (*datagram_done)(struct tdic_address *address, struct tdic_rx *rx, BOOLEAN is_lent);

    // --- information. What the common part knows it answers itself (PROVIDER_INFO, ADDRESS_INFO, CONNECTION_INFO's state and counters,
    // DATAGRAM_INFO, MAX_DATAGRAM_INFO); the rest comes here.
    // Asked in tdic_device_create too: service flags and sizes hold for the device's life.
    VOID (*provider_info)(struct tdic_device *device, TDI_PROVIDER_INFO *info);
    // * Fill out[0 .. *bytes) and set *bytes to what there is, also when it is more. address or connection is NULL as the file is.
    NTSTATUS (*query)(struct tdic_device *device, ULONG type, struct tdic_address *address, struct tdic_connection *connection, PVOID out,
                      ULONG *bytes);
    NTSTATUS (*set)(struct tdic_device *device, ULONG type, struct tdic_address *address, struct tdic_connection *connection, // *
                    const VOID *in, ULONG bytes);
    NTSTATUS (*action)(struct tdic_device *device, PIRP irp);      // * completes it, or marks it pending; returns as a dispatch routine
    NTSTATUS (*control)(struct tdic_device *device, PIRP irp);     // * a device control that is no IOCTL_TDI_XXX; the same
};

// --- devices ---------------------------------------------------------------------------------------------------------------------
struct tdic_device_config {
    PCWSTR name;                     // \Device\Tcp
    const struct tdic_ops *ops;      // must outlive the device
    PVOID below;                     // the transport's word for the device
};
// Make a device and its TDI state. irql: PASSIVE. owns: *device until tdic_device_delete.
NTSTATUS tdic_device_create(PDRIVER_OBJECT driver, const struct tdic_device_config *config, struct tdic_device **device);
// Every file is closed (the I/O manager sees to that before a driver unloads); waits for IRPs that are on their way. irql: PASSIVE
VOID tdic_device_delete(struct tdic_device *device);
// For IRP_MJ_CREATE, _CLEANUP, _CLOSE, _INTERNAL_DEVICE_CONTROL and _DEVICE_CONTROL of these devices.
DRIVER_DISPATCH tdic_dispatch;
PDEVICE_OBJECT tdic_device_object(struct tdic_device *device);
PVOID tdic_device_below(struct tdic_device *device);
BOOLEAN tdic_device_is_stream(struct tdic_device *device);       // it has connections
// What a file is, for ops->control. An address is not closed before tdic_file_address_put; a connection comes with a reference. NULL:
// something else, none, or a file that is being closed.
struct tdic_address *tdic_file_address(PFILE_OBJECT file);
VOID tdic_file_address_put(struct tdic_address *address);
struct tdic_connection *tdic_file_connection(PFILE_OBJECT file);
TDI_PROVIDER_STATISTICS *tdic_device_statistics(struct tdic_device *device);   // the transport may count its own in it

// --- addresses -------------------------------------------------------------------------------------------------------------------
PVOID tdic_address_below(struct tdic_address *address);
struct tdic_device *tdic_address_device(struct tdic_address *address);
// What followed the device's name when it was opened: "\1" of \Device\RawIp\1. In address_open only: the file may go before its address.
const UNICODE_STRING *tdic_address_path(struct tdic_address *address);
// Say what was bound, in address_open: TDI_QUERY_ADDRESS_INFO answers with it. bytes <= TDIC_ADDRESS_BYTES
VOID tdic_address_local(struct tdic_address *address, const TRANSPORT_ADDRESS *local, ULONG bytes);
// The transport keeps an address beyond a call: it then stays readable, although it may be closed.
VOID tdic_address_ref(struct tdic_address *address);
VOID tdic_address_unref(struct tdic_address *address);

// --- upcalls ---------------------------------------------------------------------------------------------------------------------
VOID tdic_connection_init(struct tdic_connection *connection, struct tdic_device *device);   // one reference
VOID tdic_connection_ref(struct tdic_connection *connection);
VOID tdic_connection_unref(struct tdic_connection *connection);

// A peer asks for a connection to this address: goes to the oldest fitting TDI_LISTEN, else to ClientEventConnect, else it is refused.
// The answer is ops->accept or ops->refuse, perhaps before this returns, perhaps much later (delayed acceptance). owns: takes a
// reference of its own on connection. remote_bytes <= TDIC_ADDRESS_BYTES
VOID tdic_up_offer(struct tdic_address *address, struct tdic_connection *connection, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes,
                   const struct tdic_info *info);
// connect or accept has worked. remote (may be NULL after an accept) and info go to ReturnConnectionInformation.
VOID tdic_up_connected(struct tdic_connection *connection, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes,
                       const struct tdic_info *info);
VOID tdic_up_received(struct tdic_connection *connection, struct tdic_rx *rx);
// The peer sends no more; follows its last byte. info: its disconnect data.
VOID tdic_up_finished(struct tdic_connection *connection, const struct tdic_info *info);
// The peer has confirmed all that was sent, and our release.
VOID tdic_up_released(struct tdic_connection *connection);
// The connection, attempt or offer is over: TDI_CONN_REFUSED, TDI_CONNECTION_RESET, TDI_TIMED_OUT, TDI_DEST_HOST_UNREACH ... Sends that
// are out must come back by tdic_up_sent, before or after. info: disconnect data of the peer, or NULL.
VOID tdic_up_gone(struct tdic_connection *connection, NTSTATUS status, const struct tdic_info *info);
VOID tdic_up_sent(struct tdic_connection *connection, struct tdic_tx *tx, NTSTATUS status);
// There is room again after ops->send_room gave less than was asked for.
VOID tdic_up_send_room(struct tdic_connection *connection, ULONG bytes);
// A datagram for this address; rx comes back by ops->datagram_done, mostly before this returns.
VOID tdic_up_datagram(struct tdic_address *address, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, const struct tdic_info *info,
                      struct tdic_rx *rx);
VOID tdic_up_datagram_sent(struct tdic_address *address, struct tdic_tx *tx, NTSTATUS status);
// Something is wrong with the address as a whole: ClientEventErrorEx (with buffer, may be NULL), else ClientEventError.
VOID tdic_up_error(struct tdic_address *address, NTSTATUS status, PVOID buffer);

#endif
