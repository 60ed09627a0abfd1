// SPDX-License-Identifier: MIT
// TDI_RECEIVE, and received bytes until somebody has taken them.
//   tdic_up_received -> rx or rx_expedited -> pump: a RECEIVE that fits, else the event handlers (indicate.c)
//   RECEIVE          -> receives -> served when its bytes are there: some (streams), or a whole message or a full buffer (message mode)
// Only the pump takes bytes from the lists; upcalls only append. So the pump copies without the lock.
// Sources: the pages TDI_RECEIVE (ff565131), ClientEventReceive (ff545260).
#include "tdic_int.h"

#define FLAGS \
    (TDI_RECEIVE_PARTIAL | TDI_RECEIVE_NORMAL | TDI_RECEIVE_EXPEDITED | TDI_RECEIVE_PEEK | TDI_RECEIVE_NO_RESPONSE_EXP)

static const TDI_REQUEST_KERNEL_RECEIVE *
request_of(PIRP irp)
{
    return (TDI_REQUEST_KERNEL_RECEIVE *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
}

NTSTATUS
tdic_receive(struct tdic_endpoint *endpoint, PIRP irp)
{
    const TDI_REQUEST_KERNEL_RECEIVE *request = request_of(irp);
    KIRQL irql;
    if (request->ReceiveFlags & ~(ULONG)FLAGS || request->ReceiveLength > tdic_mdl_bytes(irp->MdlAddress))
        return STATUS_INVALID_PARAMETER;
    KeAcquireSpinLock(&endpoint->lock, &irql);
    NTSTATUS status = tdic_unable_locked(endpoint);
    if (status == STATUS_SUCCESS && endpoint->is_fin_told)
        status = TDI_GRACEFUL_DISC;
    if (status != STATUS_SUCCESS) {
        KeReleaseSpinLock(&endpoint->lock, irql);
        return status;
    }
    if (tdic_pend_locked(endpoint, irp, TDIC_AT_RECEIVES))
        InsertTailList(&endpoint->receives, &irp->Tail.Overlay.ListEntry);
    tdic_endpoint_ref(endpoint);
    tdic_drop_pump(endpoint, irql);
    return STATUS_PENDING;
}

// It goes before those that came by themselves: it was asked for these bytes.
VOID
tdic_receive_from_handler_locked(struct tdic_endpoint *endpoint, PIRP irp)
{
    PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
    const TDI_REQUEST_KERNEL_RECEIVE *request = (TDI_REQUEST_KERNEL_RECEIVE *)&next->Parameters;
    BOOLEAN is_right = next->MajorFunction == IRP_MJ_INTERNAL_DEVICE_CONTROL && next->MinorFunction == TDI_RECEIVE &&
                       next->FileObject == endpoint->file && !(request->ReceiveFlags & ~(ULONG)FLAGS) &&
                       request->ReceiveLength <= tdic_mdl_bytes(irp->MdlAddress);
    NTSTATUS status = is_right ? tdic_unable_locked(endpoint) : STATUS_INVALID_PARAMETER;
    IoSetNextIrpStackLocation(irp);
    if (status != STATUS_SUCCESS) {
        tdic_endpoint_ref(endpoint);
        tdic_done_locked(endpoint, irp, status, 0);
    } else if (tdic_pend_locked(endpoint, irp, TDIC_AT_RECEIVES)) {
        InsertHeadList(&endpoint->receives, &irp->Tail.Overlay.ListEntry);
    }
}

// --- bytes that wait -------------------------------------------------------------------------------------------------------------

// What could be taken now: of a stream all of it; in message mode up to the end of the first message, and *is_whole says whether that
// is there.
ULONG
tdic_rx_available(LIST_ENTRY *list, BOOLEAN is_message_mode, BOOLEAN *is_whole)
{
    ULONG bytes = 0;
    *is_whole = FALSE;
    for (LIST_ENTRY *at = list->Flink; at != list; at = at->Flink) {
        struct tdic_rx *rx = CONTAINING_RECORD(at, struct tdic_rx, link);
        bytes += rx->bytes;
        if (is_message_mode && (rx->flags & TDIC_RX_END)) {
            *is_whole = TRUE;
            break;
        }
    }
    return bytes;
}

// To an MDL chain from its offset `from` on, or to a plain buffer.
ULONG
tdic_rx_copy(LIST_ENTRY *list, ULONG from, PMDL to, PVOID buffer, ULONG bytes)
{
    ULONG copied = 0;
    // Stops at the last stretch that is needed, before its link is read: an upcall may be appending behind it.
    for (LIST_ENTRY *at = list; copied < bytes;) {
        at = at->Flink;
        if (at == list)
            break;
        struct tdic_rx *rx = CONTAINING_RECORD(at, struct tdic_rx, link);
        ULONG skip = rx->offset, left = min(rx->bytes, bytes - copied);
        for (PMDL mdl = rx->mdl; mdl && left; mdl = mdl->Next) {
            ULONG count = MmGetMdlByteCount(mdl);
            if (skip >= count) {
                skip -= count;
                continue;
            }
            count = min(count - skip, left);
            PUCHAR source = (PUCHAR)MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) + skip;
            ULONG done = count;
            if (buffer)
                RtlCopyMemory((PUCHAR)buffer + from + copied, source, count);
            else
                TdiCopyBufferToMdl(source, 0, count, to, from + copied, &done);
            copied += count;
            left -= count;
            skip = 0;
        }
    }
    return copied;
}

VOID
tdic_rx_advance(struct tdic_endpoint *endpoint, LIST_ENTRY *list, ULONG bytes, BOOLEAN is_message_over, KIRQL *irql)
{
    const struct tdic_ops *ops = endpoint->device->ops;
    struct tdic_connection *connection = endpoint->connection;
    ULONG taken = bytes;
    BOOLEAN is_over = FALSE;
    while (!IsListEmpty(list) && !is_over) {
        struct tdic_rx *rx = CONTAINING_RECORD(list->Flink, struct tdic_rx, link);
        ULONG count = min(rx->bytes, bytes);
        rx->offset += count;
        rx->bytes -= count;
        bytes -= count;
        if (rx->bytes || ((rx->flags & TDIC_RX_END) && !is_message_over))
            break;
        is_over = is_message_over && (rx->flags & TDIC_RX_END);
        RemoveEntryList(&rx->link);
        KeReleaseSpinLock(&endpoint->lock, *irql);
        tdic_rx_give_back(connection, rx, FALSE);
        KeAcquireSpinLock(&endpoint->lock, irql);
        if (!bytes && !is_message_over)
            break;
    }
    if (!taken)
        return;
    KeReleaseSpinLock(&endpoint->lock, *irql);
    ops->consumed(connection, taken, list == &endpoint->rx_expedited);
    KeAcquireSpinLock(&endpoint->lock, irql);
}

// --- copies of what waits --------------------------------------------------------------------------------------------------------

struct rx_copy {
    struct tdic_rx rx;
    NBX_TDI_TSDU tsdu;
    UCHAR bytes[];
};

static VOID
copy_free(struct rx_copy *copy)
{
    if (copy->rx.mdl)
        IoFreeMdl(copy->rx.mdl);
    ExFreePoolWithTag(copy, TDIC_TAG);
}

static VOID NTAPI
copy_returned(NBX_TDI_TSDU *tsdu)
{
    copy_free(CONTAINING_RECORD(tsdu, struct rx_copy, tsdu));
}

VOID
tdic_rx_give_back(struct tdic_connection *connection, struct tdic_rx *rx, BOOLEAN is_lent)
{
    if (!(rx->flags & TDIC_RX_OURS))
        connection->device->ops->rx_done(connection, rx, is_lent);
    else if (!is_lent)
        copy_free(CONTAINING_RECORD(rx, struct rx_copy, rx));
}

static struct rx_copy *
copy_create(struct tdic_rx *rx)
{
    struct rx_copy *copy = ExAllocatePool2(POOL_FLAG_NON_PAGED, sizeof *copy + rx->bytes, TDIC_TAG);
    LIST_ENTRY alone;
    if (!copy)
        return NULL;
    copy->rx.mdl = IoAllocateMdl(copy->bytes, rx->bytes ? rx->bytes : 1, FALSE, FALSE, NULL);
    if (!copy->rx.mdl) {
        copy_free(copy);
        return NULL;
    }
    MmBuildMdlForNonPagedPool(copy->rx.mdl);
    copy->rx.bytes = rx->bytes;
    copy->rx.flags = (rx->flags & ~(ULONG)TDIC_RX_SCARCE) | TDIC_RX_OURS;
    copy->tsdu.Return = copy_returned;
    copy->rx.descriptor = &copy->tsdu;
    // A list of this one stretch, for the routine that copies lists.
    InitializeListHead(&alone);
    struct tdic_rx one = {.mdl = rx->mdl, .offset = rx->offset, .bytes = rx->bytes};
    InsertTailList(&alone, &one.link);
    tdic_rx_copy(&alone, 0, NULL, copy->bytes, rx->bytes);
    return copy;
}

static struct tdic_rx *
find_scarce(LIST_ENTRY *list)
{
    for (LIST_ENTRY *at = list->Flink; at != list; at = at->Flink) {
        struct tdic_rx *rx = CONTAINING_RECORD(at, struct tdic_rx, link);
        if (rx->flags & TDIC_RX_SCARCE)
            return rx;
    }
    return NULL;
}

// Nobody takes what waits here now: the transport gets its buffer back. Without memory it has to wait for it.
BOOLEAN
tdic_step_settle(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    struct tdic_connection *connection = endpoint->connection;
    struct tdic_rx *rx = find_scarce(&endpoint->rx);
    rx = rx ? rx : find_scarce(&endpoint->rx_expedited);
    if (!rx)
        return FALSE;
    KeReleaseSpinLock(&endpoint->lock, *irql);
    struct rx_copy *copy = copy_create(rx);
    KeAcquireSpinLock(&endpoint->lock, irql);
    rx->flags &= ~(ULONG)TDIC_RX_SCARCE;
    if (!copy)
        return TRUE;
    InsertHeadList(&rx->link, &copy->rx.link);
    RemoveEntryList(&rx->link);
    KeReleaseSpinLock(&endpoint->lock, *irql);
    connection->device->ops->rx_done(connection, rx, FALSE);
    KeAcquireSpinLock(&endpoint->lock, irql);
    return TRUE;
}

// --- the pump's step -------------------------------------------------------------------------------------------------------------

// The oldest RECEIVE that wants this kind of data.
static PIRP
find_receive(struct tdic_endpoint *endpoint, BOOLEAN is_expedited)
{
    ULONG unwanted = is_expedited ? TDI_RECEIVE_NORMAL : TDI_RECEIVE_EXPEDITED;
    for (LIST_ENTRY *at = endpoint->receives.Flink; at != &endpoint->receives; at = at->Flink) {
        PIRP irp = CONTAINING_RECORD(at, IRP, Tail.Overlay.ListEntry);
        ULONG kinds = request_of(irp)->ReceiveFlags & (TDI_RECEIVE_NORMAL | TDI_RECEIVE_EXPEDITED);
        if (kinds != unwanted)
            return irp;
    }
    return NULL;
}

static VOID
serve(struct tdic_endpoint *endpoint, LIST_ENTRY *list, PIRP irp, ULONG available, BOOLEAN is_whole, KIRQL *irql)
{
    const TDI_REQUEST_KERNEL_RECEIVE *request = request_of(irp);
    ULONG bytes = min(available, request->ReceiveLength);
    BOOLEAN is_peek = (request->ReceiveFlags & TDI_RECEIVE_PEEK) != 0, is_over = is_whole && bytes == available;
    BOOLEAN is_cut = tdic_is_message_mode(endpoint->device) && !is_over;
    if (!tdic_take_locked(irp))
        return;
    if (is_peek)
        ;                            // what the client has turned down is still there
    else if (list == &endpoint->rx_expedited)
        endpoint->is_held_expedited = FALSE;
    else
        endpoint->is_held = FALSE;
    KeReleaseSpinLock(&endpoint->lock, *irql);
    tdic_rx_copy(list, 0, irp->MdlAddress, NULL, bytes);
    KeAcquireSpinLock(&endpoint->lock, irql);
    if (!is_peek) {
        tdic_rx_advance(endpoint, list, bytes, is_over, irql);
        endpoint->received++;
    }
    tdic_done_locked(endpoint, irp, is_cut ? TDI_BUFFER_OVERFLOW : STATUS_SUCCESS, bytes);
}

static BOOLEAN
deliver(struct tdic_endpoint *endpoint, BOOLEAN is_expedited, KIRQL *irql)
{
    LIST_ENTRY *list = is_expedited ? &endpoint->rx_expedited : &endpoint->rx;
    BOOLEAN is_message_mode = tdic_is_message_mode(endpoint->device), is_whole;
    if (IsListEmpty(list))
        return FALSE;
    ULONG available = tdic_rx_available(list, is_message_mode, &is_whole);
    PIRP irp = find_receive(endpoint, is_expedited);
    if (irp) {
        ULONG wanted = request_of(irp)->ReceiveLength;
        if (is_message_mode ? !is_whole && available < wanted : !available && wanted)
            return FALSE;   // more of it is on its way
        serve(endpoint, list, irp, available, is_whole, irql);
        return TRUE;
    }
    return tdic_indicate(endpoint, is_expedited, irql);
}

BOOLEAN
tdic_step_data(struct tdic_endpoint *endpoint, KIRQL *irql)
{
    if (endpoint->state != TDIC_OPEN || endpoint->is_ending)
        return FALSE;
    return deliver(endpoint, TRUE, irql) || deliver(endpoint, FALSE, irql);
}

// --- the transport's word --------------------------------------------------------------------------------------------------------

VOID
tdic_up_received(struct tdic_connection *connection, struct tdic_rx *rx)
{
    KIRQL irql;
    struct tdic_endpoint *endpoint = tdic_endpoint_of(connection, &irql);
    if (!endpoint) {
        connection->device->ops->rx_done(connection, rx, FALSE);
        return;
    }
    BOOLEAN is_wanted = !endpoint->is_ending && !endpoint->is_fin_seen && endpoint->state == TDIC_OPEN;
    if (is_wanted)
        InsertTailList(rx->flags & TDIC_RX_EXPEDITED ? &endpoint->rx_expedited : &endpoint->rx, &rx->link);
    if (!is_wanted) {
        KeReleaseSpinLock(&endpoint->lock, irql);
        connection->device->ops->rx_done(connection, rx, FALSE);
        tdic_endpoint_unref(endpoint);
        return;
    }
    tdic_drop_pump(endpoint, irql);
}
