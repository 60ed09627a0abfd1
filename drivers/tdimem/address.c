// SPDX-License-Identifier: MIT
// Names, and datagrams between them. A name is bound by at most one address file of a device.
//   datagram: copied into a message -> the receiving address's list -> its DPC -> tdic_up_datagram
#include "tdimem.h"

static KDEFERRED_ROUTINE deliver_datagrams;

static BOOLEAN
is_same(const mem_name *a, const mem_name *b)
{
    const TDI_ADDRESS_NETBIOS *x = a->Address[0].Address, *y = b->Address[0].Address;
    return RtlCompareMemory(x->NetbiosName, y->NetbiosName, sizeof(x->NetbiosName)) == sizeof(x->NetbiosName);
}

// locks: device->lock
static struct mem_address *
find_locked(struct mem_device *device, const mem_name *name)
{
    for (LIST_ENTRY *at = device->addresses.Flink; at != &device->addresses; at = at->Flink) {
        struct mem_address *address = CONTAINING_RECORD(at, struct mem_address, link);
        if (is_same(&address->name, name))
            return address;
    }
    return NULL;
}

static BOOLEAN
is_wildcard(const TDI_ADDRESS_NETBIOS *name)
{
    UCHAR any = 0;
    for (ULONG i = 0; i < sizeof(name->NetbiosName); i++)
        any |= name->NetbiosName[i];
    return !any;
}

// locks: device->lock. A name of its own for who does not care: "TDIMEM" and a number.
static VOID
name_make_locked(struct mem_device *device, mem_name *name)
{
    UCHAR *text = name->Address[0].Address[0].NetbiosName;
    do {
        ULONG number = ++device->next_name;
        RtlCopyMemory(text, "TDIMEM0000000000", 16);
        for (ULONG i = 15; number; i--, number /= 10)
            text[i] = (UCHAR)('0' + number % 10);
    } while (find_locked(device, name));
}

NTSTATUS
mem_address_open(struct tdic_address *tdi, const TA_ADDRESS *wanted, BOOLEAN is_shared, PVOID *below)
{
    struct mem_device *device = tdic_device_below(tdic_address_device(tdi));
    KIRQL irql;
    if (wanted->AddressType != TDI_ADDRESS_TYPE_NETBIOS || wanted->AddressLength != TDI_ADDRESS_LENGTH_NETBIOS)
        return TDI_BAD_ADDR;
    struct mem_address *address = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*address), MEM_TAG);
    if (!address)
        return STATUS_INSUFFICIENT_RESOURCES;
    RtlZeroMemory(address, sizeof(*address));
    address->device = device;
    address->tdi = tdi;
    address->name.TAAddressCount = 1;
    RtlCopyMemory(&address->name.Address[0], wanted, FIELD_OFFSET(TA_ADDRESS, Address) + TDI_ADDRESS_LENGTH_NETBIOS);
    KeInitializeSpinLock(&address->lock);
    InitializeListHead(&address->datagrams);
    KeInitializeDpc(&address->dpc, deliver_datagrams, address);
    KeAcquireSpinLock(&device->lock, &irql);
    if (is_wildcard(address->name.Address[0].Address))
        name_make_locked(device, &address->name);
    BOOLEAN is_taken = find_locked(device, &address->name) != NULL;
    if (!is_taken)
        InsertTailList(&device->addresses, &address->link);
    KeReleaseSpinLock(&device->lock, irql);
    if (is_taken) {
        ExFreePoolWithTag(address, MEM_TAG);
        return TDI_ADDR_IN_USE;
    }
    tdic_address_local(tdi, (const TRANSPORT_ADDRESS *)&address->name, sizeof(address->name));
    *below = address;
    return STATUS_SUCCESS;
}

VOID
mem_address_close(struct tdic_address *tdi)
{
    struct mem_address *address = tdic_address_below(tdi);
    KIRQL irql;
    KeAcquireSpinLock(&address->device->lock, &irql);
    RemoveEntryList(&address->link);
    KeReleaseSpinLock(&address->device->lock, irql);
    KeAcquireSpinLock(&address->lock, &irql);
    address->is_closed = TRUE;
    KeReleaseSpinLock(&address->lock, irql);
    KeFlushQueuedDpcs();
    while (!IsListEmpty(&address->datagrams)) {
        struct mem_datagram *datagram = CONTAINING_RECORD(RemoveHeadList(&address->datagrams), struct mem_datagram, link);
        mem_message_free(datagram->message);
        ExFreePoolWithTag(datagram, MEM_TAG);
    }
    ExFreePoolWithTag(address, MEM_TAG);
}

static BOOLEAN
is_name(const TRANSPORT_ADDRESS *name, ULONG bytes)
{
    return bytes >= sizeof(mem_name) && name->Address[0].AddressType == TDI_ADDRESS_TYPE_NETBIOS &&
           name->Address[0].AddressLength == TDI_ADDRESS_LENGTH_NETBIOS;
}

struct tdic_address *
mem_address_find(struct mem_device *device, const TRANSPORT_ADDRESS *name, ULONG bytes)
{
    struct tdic_address *found = NULL;
    KIRQL irql;
    if (!is_name(name, bytes))
        return NULL;
    KeAcquireSpinLock(&device->lock, &irql);
    struct mem_address *address = find_locked(device, (const mem_name *)name);
    if (address) {
        found = address->tdi;
        tdic_address_ref(found);
    }
    KeReleaseSpinLock(&device->lock, irql);
    return found;
}

// --- messages --------------------------------------------------------------------------------------------------------------------

#define LEAD_BYTES 13                // before the first byte, so that StartingOffset is worth its name

static VOID NTAPI
message_returned(NBX_TDI_TSDU *tsdu)
{
    mem_message_free(CONTAINING_RECORD(tsdu, struct mem_message, tsdu));
}

VOID
mem_message_free(struct mem_message *message)
{
    struct mem_device *device = message->device;
    IoFreeMdl(message->first);
    if (message->second)
        IoFreeMdl(message->second);
    ExFreePoolWithTag(message, MEM_TAG);
    mem_device_unref(device);
}

struct mem_message *
mem_message_create(struct mem_device *device, PMDL mdl, ULONG offset, ULONG bytes, ULONG flags)
{
    ULONG whole = LEAD_BYTES + bytes, cut = LEAD_BYTES + bytes / 3, copied = 0;
    struct mem_message *message = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*message) + whole, MEM_TAG);
    if (!message)
        return NULL;
    RtlZeroMemory(message, sizeof(*message));
    message->first = IoAllocateMdl(message->bytes, cut, FALSE, FALSE, NULL);
    message->second = bytes ? IoAllocateMdl(message->bytes + cut, whole - cut, FALSE, FALSE, NULL) : NULL;
    message->device = device;
    mem_device_ref(device);
    if (!message->first || (bytes && !message->second)) {
        if (message->first)
            IoFreeMdl(message->first);
        ExFreePoolWithTag(message, MEM_TAG);
        mem_device_unref(device);
        return NULL;
    }
    MmBuildMdlForNonPagedPool(message->first);
    if (message->second) {
        MmBuildMdlForNonPagedPool(message->second);
        message->first->Next = message->second;
    }
    if (bytes)
        TdiCopyMdlToBuffer(mdl, offset, message->bytes, LEAD_BYTES, whole, &copied);
    message->tsdu.Return = message_returned;
    message->rx = (struct tdic_rx){.mdl = message->first, .offset = LEAD_BYTES, .bytes = bytes, .flags = flags,
                   .descriptor = &message->tsdu};
    return message;
}

// --- datagrams -------------------------------------------------------------------------------------------------------------------

static VOID
deliver_datagrams(PKDPC dpc, PVOID context, PVOID unused1, PVOID unused2)
{
    struct mem_address *address = context;
    KIRQL irql;
    KeAcquireSpinLock(&address->lock, &irql);
    if (address->is_delivering) {
        KeReleaseSpinLock(&address->lock, irql);
        return;
    }
    address->is_delivering = TRUE;
    while (!IsListEmpty(&address->datagrams) && !address->is_closed) {
        struct mem_datagram *datagram = CONTAINING_RECORD(RemoveHeadList(&address->datagrams), struct mem_datagram, link);
        KeReleaseSpinLock(&address->lock, irql);
        tdic_up_datagram(address->tdi, (const TRANSPORT_ADDRESS *)&datagram->from, sizeof(datagram->from), NULL, &datagram->message->rx);
        ExFreePoolWithTag(datagram, MEM_TAG);
        KeAcquireSpinLock(&address->lock, &irql);
    }
    address->is_delivering = FALSE;
    KeReleaseSpinLock(&address->lock, irql);
}

VOID
mem_datagram_done(struct tdic_address *tdi, struct tdic_rx *rx, BOOLEAN is_lent)
{
    if (!is_lent)
        mem_message_free(CONTAINING_RECORD(rx, struct mem_message, rx));
}

// To a name that nobody has: it is lost, as datagrams are.
NTSTATUS
mem_send_datagram(struct tdic_address *tdi, const TRANSPORT_ADDRESS *remote, ULONG remote_bytes, struct tdic_tx *tx)
{
    struct mem_address *from = tdic_address_below(tdi);
    struct mem_device *device = from->device;
    KIRQL irql;
    if (!is_name(remote, remote_bytes))
        return TDI_BAD_ADDR;
    struct mem_datagram *datagram = ExAllocatePoolWithTag(NonPagedPoolNx, sizeof(*datagram), MEM_TAG);
    struct mem_message *message = datagram ? mem_message_create(device, tx->mdl, tx->offset, tx->bytes, TDIC_RX_END) : NULL;
    if (!message) {
        if (datagram)
            ExFreePoolWithTag(datagram, MEM_TAG);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    datagram->from = from->name;
    datagram->message = message;
    KeAcquireSpinLock(&device->lock, &irql);
    struct mem_address *to = find_locked(device, (const mem_name *)remote);
    if (to) {
        KeAcquireSpinLockAtDpcLevel(&to->lock);
        InsertTailList(&to->datagrams, &datagram->link);
        KeReleaseSpinLockFromDpcLevel(&to->lock);
        KeInsertQueueDpc(&to->dpc, NULL, NULL);
    }
    KeReleaseSpinLock(&device->lock, irql);
    if (!to) {
        mem_message_free(message);
        ExFreePoolWithTag(datagram, MEM_TAG);
    }
    return STATUS_SUCCESS;
}

// Every address of the device, one after the other.
NTSTATUS
mem_report_error(struct mem_device *device, NTSTATUS status)
{
    struct tdic_address *addresses[16];
    ULONG count = 0;
    KIRQL irql;
    KeAcquireSpinLock(&device->lock, &irql);
    for (LIST_ENTRY *at = device->addresses.Flink; at != &device->addresses && count < ARRAYSIZE(addresses); at = at->Flink) {
        addresses[count] = CONTAINING_RECORD(at, struct mem_address, link)->tdi;
        tdic_address_ref(addresses[count++]);
    }
    KeReleaseSpinLock(&device->lock, irql);
    for (ULONG i = 0; i < count; i++) {
        tdic_up_error(addresses[i], status, NULL);
        tdic_address_unref(addresses[i]);
    }
    return STATUS_SUCCESS;
}
