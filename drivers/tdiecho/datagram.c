// SPDX-License-Identifier: MIT
// UDP echo. A few requests wait for datagrams; each, when it has one, sends it back from the buffer that it came into, and waits again:
//   RECEIVE_DATAGRAM -> its completion: SEND_DATAGRAM to where it came from -> its completion: RECEIVE_DATAGRAM ...
// What comes while all of them are busy is lost, as datagrams may be.
#include "tdiecho.h"

struct one {
    struct tdiecho_datagram *all;
    PIRP irp;
    PMDL mdl;
    UCHAR *buffer;
    TDI_CONNECTION_INFORMATION from, to;
    struct tdiecho_name remote;
};

struct tdiecho_datagram {
    struct tdiclient_file address;
    KSPIN_LOCK lock;                       // guards the rest
    LONG busy;
    BOOLEAN is_closing;
    KEVENT quiet;
    struct one ones[TDIECHO_DATAGRAMS];
};

static IO_COMPLETION_ROUTINE received, sent;

// Wait for the next, unless the address is being closed.
static VOID
one_receive(struct one *one)
{
    struct tdiecho_datagram *all = one->all;
    KIRQL irql;
    KeAcquireSpinLock(&all->lock, &irql);
    BOOLEAN is_over = all->is_closing;
    if (is_over && !--all->busy)
        KeSetEvent(&all->quiet, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLock(&all->lock, irql);
    if (is_over)
        return;
    one->from = (TDI_CONNECTION_INFORMATION){.RemoteAddress = &one->remote, .RemoteAddressLength = sizeof one->remote};
    IoReuseIrp(one->irp, STATUS_SUCCESS);
    TdiBuildReceiveDatagram(one->irp, all->address.device, all->address.object, received, one, one->mdl, TDIECHO_DATAGRAM_BYTES, NULL,
                            &one->from, TDI_RECEIVE_NORMAL);
    IoCallDriver(all->address.device, one->irp);
}

static NTSTATUS
received(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct one *one = context;
    UNREFERENCED_PARAMETER(device);
    if (!NT_SUCCESS(irp->IoStatus.Status)) {
        one_receive(one);
        return STATUS_MORE_PROCESSING_REQUIRED;
    }
    ULONG bytes = (ULONG)irp->IoStatus.Information;
    one->to = (TDI_CONNECTION_INFORMATION){.RemoteAddress = &one->remote,
                                           .RemoteAddressLength = FIELD_OFFSET(struct tdiecho_name, address) + one->remote.length};
    IoReuseIrp(irp, STATUS_SUCCESS);
    TdiBuildSendDatagram(irp, one->all->address.device, one->all->address.object, sent, one, one->mdl, bytes, &one->to);
    IoCallDriver(one->all->address.device, irp);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS
sent(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp); // one that could not be sent is lost, as any datagram may be
    one_receive(context);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS
one_create(struct tdiecho_datagram *all, struct one *one)
{
    one->all = all;
    one->buffer = tdiecho_alloc(TDIECHO_DATAGRAM_BYTES);
    one->irp = IoAllocateIrp(all->address.device->StackSize, FALSE);
    one->mdl = one->buffer ? IoAllocateMdl(one->buffer, TDIECHO_DATAGRAM_BYTES, FALSE, FALSE, NULL) : NULL;
    if (!one->irp || !one->mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmBuildMdlForNonPagedPool(one->mdl);
    return STATUS_SUCCESS;
}

struct tdiecho_datagram *
tdiecho_datagram_open(PCWSTR device, const struct tdiecho_name *name)
{
    struct tdiecho_datagram *all = tdiecho_alloc(sizeof *all);
    if (!all)
        return NULL;
    KeInitializeSpinLock(&all->lock);
    KeInitializeEvent(&all->quiet, NotificationEvent, FALSE);
    USHORT bytes = (USHORT)(FIELD_OFFSET(struct tdiecho_name, address) + name->length);
    NTSTATUS status = tdiclient_open(device, TdiTransportAddress, name, bytes, &all->address);
    for (ULONG i = 0; NT_SUCCESS(status) && i < TDIECHO_DATAGRAMS; i++)
        status = one_create(all, &all->ones[i]);
    if (!NT_SUCCESS(status)) {
        DbgPrint("tdiecho: %ws: 0x%08x\n", device, status);
        tdiecho_datagram_close(all);
        return NULL;
    }
    all->busy = TDIECHO_DATAGRAMS;
    for (ULONG i = 0; i < TDIECHO_DATAGRAMS; i++)
        one_receive(&all->ones[i]);
    return all;
}

VOID
tdiecho_datagram_close(struct tdiecho_datagram *all)
{
    KIRQL irql;
    KeAcquireSpinLock(&all->lock, &irql);
    all->is_closing = TRUE;
    BOOLEAN is_busy = all->busy != 0;
    KeReleaseSpinLock(&all->lock, irql);
    tdiclient_close(&all->address); // which cancels the requests that wait
    if (is_busy)
        KeWaitForSingleObject(&all->quiet, Executive, KernelMode, FALSE, NULL);
    for (ULONG i = 0; i < TDIECHO_DATAGRAMS; i++) {
        struct one *one = &all->ones[i];
        if (one->mdl)
            IoFreeMdl(one->mdl);
        if (one->irp)
            IoFreeIrp(one->irp);
        tdiecho_free(one->buffer);
    }
    tdiecho_free(all);
}
