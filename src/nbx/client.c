// SPDX-License-Identifier: MIT
// See client.h. Files of the transport are opened as from user mode, with one extended attribute; requests are a kernel client's IRPs.
//   client_open -> CONNECT -> client_on_control -> OPEN: each slot SENDs again and again
//   ClientEventReceive checks and takes what the peer sends back
//   client_disconnect -> DISCONNECT -> client_on_control -> OVER, once no slot is out
// Byte n of a stream is client_byte(n). Completions and handlers run at <= DISPATCH_LEVEL; call->lock guards what they share.
#include "nbx/client.h"

#include <string.h>

#include <tdikrnl.h>
#include <tdistat.h>

#include "nbx/file.h"

#define CLIENT_TAG 'lCbn'
#define CLIENT_SLOTS 4
#define CLIENT_BYTES 16384u                       // of one send

struct name {                                     // a TRANSPORT_ADDRESS of one address
    LONG count;
    USHORT length, type;
    union {
        TDI_ADDRESS_IP four;
        TDI_ADDRESS_IP6 six;
    };
};

struct slot {
    struct client_call *call;
    PIRP irp;
    PMDL mdl;
    UCHAR *bytes;
};

struct client_call {
    struct nbx_file *address_file, *connection_file;
    PFILE_OBJECT address, connection;
    PDEVICE_OBJECT device;
    struct name remote;
    TDI_CONNECTION_INFORMATION to;
    LARGE_INTEGER timeout;
    PIRP control;                                 // CONNECT, DISCONNECT
    KSPIN_LOCK lock;                              // guards the rest
    enum client_state state;
    NTSTATUS status;
    BOOLEAN is_draining, is_lost, is_control_out;
    ULONG out;                                    // slots whose SEND is not back
    uint64_t sent, received, damaged;
    KEVENT quiet;                                 // nothing is out
    struct slot slots[CLIENT_SLOTS];
};

static IO_COMPLETION_ROUTINE client_on_control, client_on_sent;

static UCHAR
client_byte(uint64_t at)
{
    return (UCHAR)(at * 7 + (at >> 8) * 13 + (at >> 16) * 31);
}

// ---- requests -----------------------------------------------------------------------------------------------------------------------

// Something is back. locks: call->lock held
static VOID
quiet_look(struct client_call *call)
{
    if (!call->out && !call->is_control_out)
        KeSetEvent(&call->quiet, IO_NO_INCREMENT, FALSE);
}

static VOID
slot_send(struct slot *slot)
{
    struct client_call *call = slot->call;
    KIRQL irql;
    KeAcquireSpinLock(&call->lock, &irql);
    BOOLEAN goes = call->state == CLIENT_OPEN && !call->is_draining && !call->is_lost;
    uint64_t at = call->sent;
    if (goes) {
        call->sent += CLIENT_BYTES;
        call->out++;
        KeClearEvent(&call->quiet);
    }
    KeReleaseSpinLock(&call->lock, irql);
    if (!goes)
        return;
    for (ULONG i = 0; i < CLIENT_BYTES; i++)
        slot->bytes[i] = client_byte(at + i);
    IoReuseIrp(slot->irp, STATUS_SUCCESS);
    TdiBuildSend(slot->irp, call->device, call->connection, client_on_sent, slot, slot->mdl, 0, CLIENT_BYTES);
    IoCallDriver(call->device, slot->irp);
}

static NTSTATUS NTAPI
client_on_sent(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct slot *slot = context;
    struct client_call *call = slot->call;
    KIRQL irql;
    KeAcquireSpinLock(&call->lock, &irql);
    call->out--;
    if (!NT_SUCCESS(irp->IoStatus.Status))
        call->is_lost = call->is_lost || call->state == CLIENT_OPEN;
    KeReleaseSpinLock(&call->lock, irql);
    // Before somebody is told that all is quiet: this slot may go on.
    slot_send(slot);
    KeAcquireSpinLock(&call->lock, &irql);
    quiet_look(call);
    KeReleaseSpinLock(&call->lock, irql);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS NTAPI
client_on_control(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct client_call *call = context;
    NTSTATUS status = irp->IoStatus.Status;
    KIRQL irql;
    KeAcquireSpinLock(&call->lock, &irql);
    BOOLEAN is_open = call->state == CLIENT_CONNECTING && NT_SUCCESS(status);
    call->state = is_open ? CLIENT_OPEN : CLIENT_OVER;
    call->status = status;
    call->is_control_out = FALSE;
    KeReleaseSpinLock(&call->lock, irql);
    for (ULONG i = 0; is_open && i < CLIENT_SLOTS; i++)
        slot_send(&call->slots[i]);
    KeAcquireSpinLock(&call->lock, &irql);
    quiet_look(call);
    KeReleaseSpinLock(&call->lock, irql);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static VOID
control_begin(struct client_call *call, enum client_state state)
{
    KIRQL irql;
    KeAcquireSpinLock(&call->lock, &irql);
    call->state = state;
    call->is_control_out = TRUE;
    KeClearEvent(&call->quiet);
    KeReleaseSpinLock(&call->lock, irql);
    IoReuseIrp(call->control, STATUS_SUCCESS);
}

// ---- events -------------------------------------------------------------------------------------------------------------------------

static NTSTATUS NTAPI
client_on_receive(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG indicated, ULONG available, ULONG *taken, PVOID tsdu,
                  PIRP *irp)
{
    struct client_call *call = context;
    const UCHAR *bytes = tsdu;
    uint64_t damaged = 0;
    KIRQL irql;
    for (ULONG i = 0; i < indicated; i++)             // handlers of one connection come one at a time
        damaged += bytes[i] != client_byte(call->received + i);
    KeAcquireSpinLock(&call->lock, &irql);
    call->damaged += damaged;
    call->received += indicated;
    KeReleaseSpinLock(&call->lock, irql);
    *taken = indicated;
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI
client_on_disconnect(PVOID context, CONNECTION_CONTEXT connection, LONG data_bytes, PVOID data, LONG information_bytes, PVOID information,
                     ULONG flags)
{
    struct client_call *call = context;
    KIRQL irql;
    KeAcquireSpinLock(&call->lock, &irql);
    call->is_lost = call->is_lost || call->state == CLIENT_OPEN;
    KeReleaseSpinLock(&call->lock, irql);
    return STATUS_SUCCESS;
}

// ---- opening ------------------------------------------------------------------------------------------------------------------------

static void
name_set(struct name *name, bool is_six, const uint8_t *address, uint16_t port)
{
    *name = (struct name){.count = 1};
    name->type = is_six ? TDI_ADDRESS_TYPE_IP6 : TDI_ADDRESS_TYPE_IP;
    name->length = is_six ? sizeof name->six : sizeof name->four;
    if (is_six) {
        name->six.sin6_port = port;
        memcpy(name->six.sin6_addr, address, 16);
    } else {
        name->four.sin_port = port;
        memcpy(&name->four.in_addr, address, 4);
    }
}

static USHORT
name_bytes(const struct name *name)
{
    return (USHORT)(offsetof(struct name, four) + name->length);
}

static NTSTATUS
file_open(bool is_six, const char *attribute, const void *value, USHORT bytes, struct nbx_file **file, PFILE_OBJECT *object)
{
    union {
        FILE_FULL_EA_INFORMATION ea;
        UCHAR room[128];
    } u = {0};
    size_t length = strlen(attribute);
    u.ea.EaNameLength = (UCHAR)length;
    u.ea.EaValueLength = bytes;
    memcpy(u.ea.EaName, attribute, length + 1);
    memcpy(u.ea.EaName + length + 1, value, bytes);
    NTSTATUS status = nbx_file_open_ea(is_six ? "\\Device\\Tcp6" : "\\Device\\Tcp", NBX_FILE_READ | NBX_FILE_WRITE, &u,
                                       (uint32_t)(FIELD_OFFSET(FILE_FULL_EA_INFORMATION, EaName) + length + 1 + bytes), file);
    if (status)
        return status;
    return ObReferenceObjectByHandle(nbx_file_handle(*file), 0, *IoFileObjectType, KernelMode, (PVOID *)object, NULL);
}

static NTSTATUS
slots_create(struct client_call *call)
{
    for (ULONG i = 0; i < CLIENT_SLOTS; i++) {
        struct slot *slot = &call->slots[i];
        slot->call = call;
        slot->bytes = ExAllocatePoolWithTag(NonPagedPoolNx, CLIENT_BYTES, CLIENT_TAG);
        slot->irp = slot->bytes ? IoAllocateIrp(call->device->StackSize, FALSE) : NULL;
        slot->mdl = slot->bytes ? IoAllocateMdl(slot->bytes, CLIENT_BYTES, FALSE, FALSE, NULL) : NULL;
        if (!slot->irp || !slot->mdl)
            return STATUS_INSUFFICIENT_RESOURCES;
        MmBuildMdlForNonPagedPool(slot->mdl);
    }
    return STATUS_SUCCESS;
}

static NTSTATUS NTAPI
client_on_call(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    KeSetEvent(context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

// A request of setting up, which ends by itself. irp: the control IRP, filled in for nobody's completion
static NTSTATUS
call_wait(struct client_call *call)
{
    KEVENT done;
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    IoSetCompletionRoutine(call->control, client_on_call, &done, TRUE, TRUE, TRUE);
    IoCallDriver(call->device, call->control);
    KeWaitForSingleObject(&done, Executive, KernelMode, FALSE, NULL);
    NTSTATUS status = call->control->IoStatus.Status;
    IoReuseIrp(call->control, STATUS_SUCCESS);
    return status;
}

static NTSTATUS
handlers_set(struct client_call *call)
{
    TdiBuildSetEventHandler(call->control, call->device, call->address, NULL, NULL, TDI_EVENT_RECEIVE, client_on_receive, call);
    NTSTATUS status = call_wait(call);
    if (status)
        return status;
    TdiBuildSetEventHandler(call->control, call->device, call->address, NULL, NULL, TDI_EVENT_DISCONNECT, client_on_disconnect, call);
    status = call_wait(call);
    if (status)
        return status;
    TdiBuildAssociateAddress(call->control, call->device, call->connection, NULL, NULL, nbx_file_handle(call->address_file));
    return call_wait(call);
}

static NTSTATUS
call_open(struct client_call *call, const struct client_place *place)
{
    static const uint8_t any[16];
    CONNECTION_CONTEXT context = call;
    struct name local;
    name_set(&local, place->is_six, any, RtlUshortByteSwap(place->port));
    name_set(&call->remote, place->is_six, place->remote, place->remote_port);
    call->to = (TDI_CONNECTION_INFORMATION){.RemoteAddress = &call->remote, .RemoteAddressLength = name_bytes(&call->remote)};
    NTSTATUS status =
        file_open(place->is_six, TdiTransportAddress, &local, name_bytes(&local), &call->address_file, &call->address);
    if (!status)
        status = file_open(place->is_six, TdiConnectionContext, &context, sizeof context, &call->connection_file, &call->connection);
    if (status)
        return status;
    call->device = IoGetRelatedDeviceObject(call->connection);
    call->control = IoAllocateIrp(call->device->StackSize, FALSE);
    status = call->control ? slots_create(call) : STATUS_INSUFFICIENT_RESOURCES;
    return status ? status : handlers_set(call);
}

NTSTATUS
client_open(const struct client_place *place, struct client_call **out)
{
    struct client_call *call = ExAllocatePoolZero(NonPagedPoolNx, sizeof *call, CLIENT_TAG);
    if (!call)
        return STATUS_INSUFFICIENT_RESOURCES;
    KeInitializeSpinLock(&call->lock);
    KeInitializeEvent(&call->quiet, NotificationEvent, TRUE);
    NTSTATUS status = call_open(call, place);
    if (status) {
        client_close(call);
        return status;
    }
    control_begin(call, CLIENT_CONNECTING);
    TdiBuildConnect(call->control, call->device, call->connection, client_on_control, call, NULL, &call->to, NULL);
    IoCallDriver(call->device, call->control);
    *out = call;
    return STATUS_SUCCESS;
}

// ---- what the script does -----------------------------------------------------------------------------------------------------------

void
client_look(struct client_call *call, struct client_view *view)
{
    KIRQL irql;
    KeAcquireSpinLock(&call->lock, &irql);
    *view = (struct client_view){.state = call->state, .status = call->status, .is_lost = call->is_lost, .sent = call->sent,
                                 .received = call->received, .damaged = call->damaged};
    if (view->state == CLIENT_OVER && call->out)
        view->state = CLIENT_ENDING;
    KeReleaseSpinLock(&call->lock, irql);
}

void
client_drain(struct client_call *call)
{
    KIRQL irql;
    KeAcquireSpinLock(&call->lock, &irql);
    call->is_draining = TRUE;
    KeReleaseSpinLock(&call->lock, irql);
}

void
client_disconnect(struct client_call *call, ULONG flags, uint64_t timeout_ns)
{
    call->timeout.QuadPart = -(LONGLONG)(timeout_ns / 100 ? timeout_ns / 100 : 1);
    client_drain(call);
    control_begin(call, CLIENT_ENDING);
    TdiBuildDisconnect(call->control, call->device, call->connection, client_on_control, call, &call->timeout, flags, NULL, NULL);
    IoCallDriver(call->device, call->control);
}

void
client_close(struct client_call *call)
{
    client_drain(call);
    if (call->connection_file)
        nbx_file_close(call->connection_file);        // which ends the connection: what is out comes back
    KeWaitForSingleObject(&call->quiet, Executive, KernelMode, FALSE, NULL);
    client_drain(call);                               // whoever set the event has left the lock
    if (call->connection)
        ObDereferenceObject(call->connection);
    if (call->address)
        ObDereferenceObject(call->address);
    if (call->address_file)
        nbx_file_close(call->address_file);
    for (ULONG i = 0; i < CLIENT_SLOTS; i++) {
        struct slot *slot = &call->slots[i];
        if (slot->mdl)
            IoFreeMdl(slot->mdl);
        if (slot->irp)
            IoFreeIrp(slot->irp);
        if (slot->bytes)
            ExFreePoolWithTag(slot->bytes, CLIENT_TAG);
    }
    if (call->control)
        IoFreeIrp(call->control);
    ExFreePoolWithTag(call, CLIENT_TAG);
}
