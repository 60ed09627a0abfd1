// SPDX-License-Identifier: MIT
// Datagrams of an address: TDI_SEND_DATAGRAM, TDI_RECEIVE_DATAGRAM and the two event handlers.
//   a datagram that comes: the oldest RECEIVE_DATAGRAM that fits, else the chained handler (when the buffer may be kept), else
//   ClientEventReceiveDatagram, else it is dropped, as datagrams may be, and counted (DataFramesRejected)
// Sources: the pages TDI_SEND_DATAGRAM, TDI_RECEIVE_DATAGRAM, ClientEventReceiveDatagram, ClientEventChainedReceiveDatagram.
#include "tdic_int.h"

#define FLAGS (TDI_RECEIVE_NORMAL | TDI_RECEIVE_BROADCAST | TDI_RECEIVE_MULTICAST | TDI_RECEIVE_PEEK)

static const TDI_REQUEST_KERNEL_RECEIVEDG *
request_of(PIRP irp)
{
    return (TDI_REQUEST_KERNEL_RECEIVEDG *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
}

// --- sending ---------------------------------------------------------------------------------------------------------------------

static NTSTATUS
send_check(struct tdic_device *device, PIRP irp, const TDI_REQUEST_KERNEL_SENDDG *request)
{
    const TDI_CONNECTION_INFORMATION *info = request->SendDatagramInformation;
    if (!device->ops->send_datagram)
        return TDI_INVALID_REQUEST;
    if (!info || !tdic_is_address(info->RemoteAddress, info->RemoteAddressLength))
        return TDI_BAD_ADDR;
    if (request->SendLength > tdic_mdl_bytes(irp->MdlAddress))
        return STATUS_INVALID_PARAMETER;
    return request->SendLength > device->provider.MaxDatagramSize ? TDI_BUFFER_TOO_BIG : STATUS_SUCCESS;
}

NTSTATUS
tdic_send_datagram(struct tdic_address *address, PIRP irp)
{
    const TDI_REQUEST_KERNEL_SENDDG *request = (TDI_REQUEST_KERNEL_SENDDG *)&IoGetCurrentIrpStackLocation(irp)->Parameters;
    struct tdic_device *device = address->device;
    KIRQL irql;
    NTSTATUS status = send_check(device, irp, request);
    if (status != STATUS_SUCCESS)
        return status;
    struct tdic_tx *tx = tdic_tx_create(device, irp, request->SendLength, 0);
    if (!tx)
        return STATUS_INSUFFICIENT_RESOURCES;
    const TDI_CONNECTION_INFORMATION *info = request->SendDatagramInformation;
    KeAcquireSpinLock(&address->lock, &irql);
    if (address->is_closed) {
        KeReleaseSpinLock(&address->lock, irql);
        tdic_tx_free(device, tx);
        return STATUS_CANCELLED;
    }
    InsertTailList(&address->sends, &tx->ours);
    KeReleaseSpinLock(&address->lock, irql);
    tdic_address_ref(address);
    IoMarkIrpPending(irp);
    status = device->ops->send_datagram(address, info->RemoteAddress, (ULONG)info->RemoteAddressLength, tx);
    if (status != STATUS_PENDING)
        tdic_up_datagram_sent(address, tx, status);
    return STATUS_PENDING;
}

VOID
tdic_up_datagram_sent(struct tdic_address *address, struct tdic_tx *tx, NTSTATUS status)
{
    PIRP irp = tx->irp;
    ULONG bytes = NT_SUCCESS(status) ? tx->bytes : 0;
    KIRQL irql;
    if (NT_SUCCESS(status)) {
        tdic_count(&address->device->statistics.DatagramsSent);
        InterlockedExchangeAdd64(&address->device->statistics.DatagramBytesSent.QuadPart, bytes);
    }
    KeAcquireSpinLock(&address->lock, &irql);
    RemoveEntryList(&tx->ours);
    tdic_address_check_quiet_locked(address);
    KeReleaseSpinLock(&address->lock, irql);
    tdic_tx_free(address->device, tx);
    tdic_complete(irp, status, bytes);
    tdic_address_unref(address);
}

// --- receiving -------------------------------------------------------------------------------------------------------------------

NTSTATUS
tdic_receive_datagram(struct tdic_address *address, PIRP irp)
{
    const TDI_REQUEST_KERNEL_RECEIVEDG *request = request_of(irp);
    const TDI_CONNECTION_INFORMATION *filter = request->ReceiveDatagramInformation;
    KIRQL irql;
    if (!address->device->ops->send_datagram)
        return TDI_INVALID_REQUEST;
    if (request->ReceiveFlags & ~(ULONG)FLAGS || request->ReceiveLength > tdic_mdl_bytes(irp->MdlAddress))
        return STATUS_INVALID_PARAMETER;
    if (filter && filter->RemoteAddressLength && !tdic_is_address(filter->RemoteAddress, filter->RemoteAddressLength))
        return TDI_BAD_ADDR;
    KeAcquireSpinLock(&address->lock, &irql);
    BOOLEAN is_pended = !address->is_closed && tdic_address_pend_locked(address, irp, TDIC_AT_DATAGRAMS);
    if (is_pended)
        InsertTailList(&address->receives, &irp->Tail.Overlay.ListEntry);
    KeReleaseSpinLock(&address->lock, irql);
    return is_pended ? STATUS_PENDING : STATUS_CANCELLED;
}

static BOOLEAN
fits(PIRP irp, const TRANSPORT_ADDRESS *remote)
{
    const TDI_CONNECTION_INFORMATION *filter = request_of(irp)->ReceiveDatagramInformation;
    if (!filter || !filter->RemoteAddressLength)
        return TRUE;
    return tdic_address_fits(&((const TRANSPORT_ADDRESS *)filter->RemoteAddress)->Address[0], &remote->Address[0]);
}

static PIRP
take_receive(struct tdic_address *address, const TRANSPORT_ADDRESS *remote)
{
    PIRP taken = NULL;
    KIRQL irql;
    KeAcquireSpinLock(&address->lock, &irql);
    for (LIST_ENTRY *at = address->receives.Flink; at != &address->receives && !taken; at = at->Flink) {
        PIRP irp = CONTAINING_RECORD(at, IRP, Tail.Overlay.ListEntry);
        if (fits(irp, remote) && IoSetCancelRoutine(irp, NULL)) {
            RemoveEntryList(at);
            taken = irp;
            break;
        }
    }
    tdic_address_check_quiet_locked(address);
    KeReleaseSpinLock(&address->lock, irql);
    return taken;
}

// from: bytes of the datagram that the client has taken already.
static VOID
fill(PIRP irp, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, const struct tdic_info *info, struct tdic_rx *rx, ULONG from)
{
    const TDI_REQUEST_KERNEL_RECEIVEDG *request = request_of(irp);
    TDI_CONNECTION_INFORMATION *back = request->ReturnDatagramInformation;
    struct tdic_rx rest = {.mdl = rx->mdl, .offset = rx->offset + from, .bytes = rx->bytes - from};
    ULONG bytes = min(rest.bytes, request->ReceiveLength);
    LIST_ENTRY list;
    InitializeListHead(&list);
    InsertTailList(&list, &rest.link);
    tdic_rx_copy(&list, 0, irp->MdlAddress, NULL, bytes);
    if (back) {
        LONG room = back->RemoteAddress ? back->RemoteAddressLength : 0;
        back->RemoteAddressLength = min(room, (LONG)remote_bytes);
        if (room > 0)
            RtlCopyMemory(back->RemoteAddress, remote, (ULONG)back->RemoteAddressLength);
        room = back->Options ? back->OptionsLength : 0;
        back->OptionsLength = info ? min(room, (LONG)info->options_bytes) : 0;
        if (back->OptionsLength > 0)
            RtlCopyMemory(back->Options, info->options, (ULONG)back->OptionsLength);
    }
    tdic_complete(irp, bytes < rest.bytes ? TDI_BUFFER_OVERFLOW : STATUS_SUCCESS, bytes);
}

static ULONG
flags_of(const struct tdic_rx *rx, BOOLEAN is_entire)
{
    return (rx->flags & TDIC_RX_BROADCAST ? TDI_RECEIVE_BROADCAST : 0) |
           (rx->flags & TDIC_RX_MULTICAST ? TDI_RECEIVE_MULTICAST : 0) | (is_entire ? TDI_RECEIVE_ENTIRE_MESSAGE : 0) |
           (KeGetCurrentIrql() == DISPATCH_LEVEL ? TDI_RECEIVE_AT_DISPATCH_LEVEL : 0);
}

// Returns whether the client keeps the buffer.
static BOOLEAN
to_chained(PVOID handler, PVOID context, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, const struct tdic_info *info,
           struct tdic_rx *rx)
{
    LONG options_bytes = info ? (LONG)info->options_bytes : 0;
    NTSTATUS status = TDIC_CALL("ClientEventChainedReceiveDatagram", TDI_IND_CHAINED_RECEIVE_DATAGRAM, handler, context, (LONG)remote_bytes,
                                (PVOID)remote, options_bytes, options_bytes ? (PVOID)info->options : NULL, flags_of(rx, TRUE), rx->bytes,
                                rx->offset, rx->mdl, rx->descriptor);
    return status == STATUS_PENDING;
}

// A RECEIVE_DATAGRAM that the handler returned takes the rest.
static VOID
rest_to(struct tdic_address *address, PIRP irp, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, const struct tdic_info *info,
        struct tdic_rx *rx, ULONG taken)
{
    PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(irp);
    BOOLEAN is_right = next->MajorFunction == IRP_MJ_INTERNAL_DEVICE_CONTROL && next->MinorFunction == TDI_RECEIVE_DATAGRAM &&
                       next->FileObject == address->file;
    IoSetNextIrpStackLocation(irp);
    if (!is_right || request_of(irp)->ReceiveLength > tdic_mdl_bytes(irp->MdlAddress))
        tdic_complete(irp, STATUS_INVALID_PARAMETER, 0);
    else
        fill(irp, remote, remote_bytes, info, rx, taken);
}

static VOID
to_handler(struct tdic_address *address, PVOID handler, PVOID context, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes,
           const struct tdic_info *info, struct tdic_rx *rx)
{
    UCHAR gather[TDIC_LOOKAHEAD_BYTES];
    PVOID tsdu = gather;
    ULONG skip = rx->offset, indicated, taken = 0;
    PIRP irp = NULL;
    LIST_ENTRY list;
    PMDL mdl = rx->mdl;
    for (; mdl && skip >= MmGetMdlByteCount(mdl); mdl = mdl->Next)
        skip -= MmGetMdlByteCount(mdl);
    indicated = mdl ? min(MmGetMdlByteCount(mdl) - skip, rx->bytes) : 0;
    if (indicated == rx->bytes || indicated >= TDIC_LOOKAHEAD_BYTES) {
        tsdu = mdl ? (PUCHAR)MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) + skip : gather;
    } else {
        struct tdic_rx whole = {.mdl = rx->mdl, .offset = rx->offset, .bytes = rx->bytes};
        InitializeListHead(&list);
        InsertTailList(&list, &whole.link);
        indicated = tdic_rx_copy(&list, 0, NULL, gather, min(rx->bytes, TDIC_LOOKAHEAD_BYTES));
    }
    LONG options_bytes = info ? (LONG)info->options_bytes : 0;
    NTSTATUS status = TDIC_CALL("ClientEventReceiveDatagram", TDI_IND_RECEIVE_DATAGRAM, handler, context, (LONG)remote_bytes, (PVOID)remote,
                                options_bytes, options_bytes ? (PVOID)info->options : NULL, flags_of(rx, indicated == rx->bytes), indicated,
                                rx->bytes, &taken, tsdu, &irp);
    if (status == STATUS_MORE_PROCESSING_REQUIRED && irp)
        rest_to(address, irp, remote, remote_bytes, info, rx, min(taken, rx->bytes));
}

VOID
tdic_up_datagram(struct tdic_address *address, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, const struct tdic_info *info,
                 struct tdic_rx *rx)
{
    PVOID handler, context;
    BOOLEAN is_lent = FALSE;
    tdic_count(&address->device->statistics.DatagramsReceived);
    InterlockedExchangeAdd64(&address->device->statistics.DatagramBytesReceived.QuadPart, rx->bytes);
    PIRP irp = take_receive(address, remote);
    if (irp) {
        fill(irp, remote, remote_bytes, info, rx, 0);
        tdic_address_unref(address);
    } else if (rx->descriptor && tdic_event_get(address, TDI_EVENT_CHAINED_RECEIVE_DATAGRAM, &handler, &context)) {
        is_lent = to_chained(handler, context, remote, remote_bytes, info, rx);
        tdic_event_put(address);
    } else if (tdic_event_get(address, TDI_EVENT_RECEIVE_DATAGRAM, &handler, &context)) {
        to_handler(address, handler, context, remote, remote_bytes, info, rx);
        tdic_event_put(address);
    } else {
        tdic_count(&address->device->statistics.DataFramesRejected);
        InterlockedExchangeAdd64(&address->device->statistics.DataFrameBytesRejected.QuadPart, rx->bytes);
    }
    address->device->ops->datagram_done(address, rx, is_lent);
}
