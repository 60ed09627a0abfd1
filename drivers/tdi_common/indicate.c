// SPDX-License-Identifier: MIT
// Received bytes to event handlers.
//   chained handler   when the buffer may be kept and holds all there is: SUCCESS: taken, PENDING: lent, else: held
//   receive handler   with what lies in one piece: SUCCESS with BytesTaken, TDI_NOT_ACCEPTED: held, or a RECEIVE for the rest
//   expedited data    to its own handlers; to the normal ones with TDI_RECEIVE_EXPEDITED only if the client has none of its own at all
// TDI_IND_RECEIVE_EXPEDITED and TDI_IND_CHAINED_RECEIVE_EXPEDITED have the shape of the normal ones and are called as those.
// Held: no more indications of that kind until a RECEIVE has been served. The answers' meaning: [ClientEventReceive, ClientEvent-
// ChainedReceive pages]; that fewer bytes than were indicated hold the rest, and all of them do not, is decided here.
#include "tdic_int.h"

// The first bytes in one piece: in place, or gathered into `gather` when the place has few.
static PVOID
front(LIST_ENTRY *list, ULONG available, PUCHAR gather, ULONG *bytes)
{
    struct tdic_rx *rx = CONTAINING_RECORD(list->Flink, struct tdic_rx, link);
    ULONG skip = rx->offset;
    for (PMDL mdl = rx->mdl; mdl; mdl = mdl->Next) {
        ULONG count = MmGetMdlByteCount(mdl);
        if (skip >= count) {
            skip -= count;
            continue;
        }
        *bytes = min(min(count - skip, rx->bytes), available);
        if (*bytes >= TDIC_LOOKAHEAD_BYTES || *bytes == available)
            return (PUCHAR)MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) + skip;
        break;
    }
    *bytes = tdic_rx_copy(list, 0, NULL, gather, min(available, TDIC_LOOKAHEAD_BYTES));
    return gather;
}

static VOID
hold(struct tdic_endpoint *endpoint, BOOLEAN is_expedited)
{
    if (is_expedited)
        endpoint->is_held_expedited = TRUE;
    else
        endpoint->is_held = TRUE;
}

static ULONG
flags_of(BOOLEAN is_expedited, BOOLEAN is_entire)
{
    return (is_expedited ? TDI_RECEIVE_EXPEDITED : TDI_RECEIVE_NORMAL) | (is_entire ? TDI_RECEIVE_ENTIRE_MESSAGE : 0) |
           (KeGetCurrentIrql() == DISPATCH_LEVEL ? TDI_RECEIVE_AT_DISPATCH_LEVEL : 0);
}

// The events of one kind of data, and what reports call them.
static const struct kind {
    ULONG chained, plain;
    PCSTR chained_name, plain_name;
} kind_normal = {TDI_EVENT_CHAINED_RECEIVE, TDI_EVENT_RECEIVE, "ClientEventChainedReceive", "ClientEventReceive"},
  kind_expedited = {TDI_EVENT_CHAINED_RECEIVE_EXPEDITED, TDI_EVENT_RECEIVE_EXPEDITED, "ClientEventChainedReceiveExpedited",
                    "ClientEventReceiveExpedited"};

struct handler {
    PVOID routine, context;
    PCSTR name;
    BOOLEAN is_chained;
};

static BOOLEAN
handler_of_kind(struct tdic_address *address, const struct kind *kind, BOOLEAN is_full, struct handler *it)
{
    it->is_chained = is_full && tdic_event_get(address, kind->chained, &it->routine, &it->context);
    it->name = it->is_chained ? kind->chained_name : kind->plain_name;
    return it->is_chained || tdic_event_get(address, kind->plain, &it->routine, &it->context);
}

// Whom to tell; is_full: it may be kept, and is a whole TSDU.
static BOOLEAN
handler_get(struct tdic_address *address, BOOLEAN is_expedited, BOOLEAN is_full, struct handler *it)
{
    if (is_expedited && handler_of_kind(address, &kind_expedited, is_full, it))
        return TRUE;
    // One who wants expedited data chained, or not at all while it cannot be, would take it for normal data elsewhere.
    if (is_expedited && tdic_event_is_set(address, kind_expedited.chained))
        return FALSE;
    return handler_of_kind(address, &kind_normal, is_full, it);
}

// locks: none; the pump alone takes from the list
static NTSTATUS
call_chained(struct tdic_endpoint *endpoint, struct tdic_rx *rx, CONNECTION_CONTEXT client, BOOLEAN is_expedited, const struct handler *it)
{
    ULONG flags = flags_of(is_expedited, TRUE);
    NTSTATUS status = TDIC_CALL(it->name, TDI_IND_CHAINED_RECEIVE, it->routine, it->context, client, flags, rx->bytes, rx->offset, rx->mdl,
                                rx->descriptor);
    tdic_event_put(endpoint->address);
    return status;
}

static VOID
chained_done(struct tdic_endpoint *endpoint, LIST_ENTRY *list, struct tdic_rx *rx, NTSTATUS status, BOOLEAN is_expedited, KIRQL *irql)
{
    struct tdic_connection *connection = endpoint->connection;
    ULONG bytes = rx->bytes;
    if (status != STATUS_SUCCESS && status != STATUS_PENDING) {
        hold(endpoint, is_expedited);
        return;
    }
    endpoint->received++;
    RemoveEntryList(&rx->link);
    KeReleaseSpinLock(&endpoint->lock, *irql);
    tdic_rx_give_back(connection, rx, status == STATUS_PENDING);
    if (bytes)
        endpoint->device->ops->consumed(connection, bytes, is_expedited);
    KeAcquireSpinLock(&endpoint->lock, irql);
}

struct indication {
    NTSTATUS status;
    ULONG indicated, taken;
    PIRP irp;
};

static struct indication
call_receive(struct tdic_endpoint *endpoint, LIST_ENTRY *list, CONNECTION_CONTEXT client, ULONG available, BOOLEAN is_whole,
             BOOLEAN is_expedited, const struct handler *handler)
{
    UCHAR gather[TDIC_LOOKAHEAD_BYTES];
    struct indication it = {0};
    PVOID tsdu = front(list, available, gather, &it.indicated);
    ULONG flags = flags_of(is_expedited, is_whole && it.indicated == available);
    it.status = TDIC_CALL(handler->name, TDI_IND_RECEIVE, handler->routine, handler->context, client, flags, it.indicated, available,
                          &it.taken, tsdu, &it.irp);
    tdic_event_put(endpoint->address);
    if (it.status != STATUS_SUCCESS && it.status != STATUS_MORE_PROCESSING_REQUIRED)
        it.taken = 0;
    it.taken = min(it.taken, available);
    return it;
}

static VOID
receive_done(struct tdic_endpoint *endpoint, LIST_ENTRY *list, struct indication it, ULONG available, BOOLEAN is_whole,
             BOOLEAN is_expedited,
             KIRQL *irql)
{
    BOOLEAN is_more = it.status == STATUS_MORE_PROCESSING_REQUIRED && it.irp;
    BOOLEAN is_taken = it.status == STATUS_SUCCESS || is_more;
    if (is_taken && (it.taken || (is_whole && !available))) {
        endpoint->received++;
        tdic_rx_advance(endpoint, list, it.taken, is_whole && it.taken == available, irql);
    }
    if (is_more)
        tdic_receive_from_handler_locked(endpoint, it.irp);
    else if (!is_taken || it.taken < it.indicated)
        hold(endpoint, is_expedited);
}

BOOLEAN
tdic_indicate(struct tdic_endpoint *endpoint, BOOLEAN is_expedited, KIRQL *irql)
{
    LIST_ENTRY *list = is_expedited ? &endpoint->rx_expedited : &endpoint->rx;
    struct tdic_address *address = endpoint->address;
    CONNECTION_CONTEXT client = endpoint->context;
    struct handler handler;
    BOOLEAN is_message_mode = tdic_is_message_mode(endpoint->device), is_whole;
    if ((is_expedited ? endpoint->is_held_expedited : endpoint->is_held) || !address)
        return FALSE;
    ULONG available = tdic_rx_available(list, is_message_mode, &is_whole);
    struct tdic_rx *rx = CONTAINING_RECORD(list->Flink, struct tdic_rx, link);
    BOOLEAN is_full_tsdu = rx->descriptor && rx->bytes && (!is_message_mode || (is_whole && rx->bytes == available));
    if (!available && !is_whole)
        return FALSE;
    KeReleaseSpinLock(&endpoint->lock, *irql);
    if (!handler_get(address, is_expedited, is_full_tsdu, &handler)) {
        KeAcquireSpinLock(&endpoint->lock, irql);
        return FALSE;   // nobody to tell: it waits for a RECEIVE
    }
    if (handler.is_chained) {
        NTSTATUS status = call_chained(endpoint, rx, client, is_expedited, &handler);
        KeAcquireSpinLock(&endpoint->lock, irql);
        chained_done(endpoint, list, rx, status, is_expedited, irql);
    } else {
        struct indication it = call_receive(endpoint, list, client, available, is_whole, is_expedited, &handler);
        KeAcquireSpinLock(&endpoint->lock, irql);
        receive_done(endpoint, list, it, available, is_whole, is_expedited, irql);
    }
    return TRUE;
}
