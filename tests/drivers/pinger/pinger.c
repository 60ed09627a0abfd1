// SPDX-License-Identifier: MIT
// A TDI client that pings over raw IP devices, for tests/net/raw_test.sh: its thread asks a peer of each family once in 100 ms, and says
// whether it answers.
//   DriverEntry -> thread -> \Device\RawIp\1, \Device\RawIp6\58 -> TDI_SEND_DATAGRAM ...    answers: on_answer, ClientEventReceiveDatagram
#include <ntddk.h>
#include <tdikrnl.h>

#define TRIES 150
#define WANTED 5

struct pinger {
    PCWSTR device;
    const char *name;
    HANDLE handle;
    PFILE_OBJECT file;
    union {
        TRANSPORT_ADDRESS list;
        TA_IP_ADDRESS ip;
        TA_IP6_ADDRESS ip6;
    } any, peer;
    ULONG bytes, head_bytes;
    UCHAR request, reply;
    LONG answers;
};

static struct pinger pingers[2];
static PVOID thread;
static KEVENT stop;

static NTSTATUS
answer_check(struct pinger *pinger, const UCHAR *packet, ULONG bytes)
{
    // Ours alone: the identifier, and the byte that fills the message.
    const UCHAR *message = packet + pinger->head_bytes;
    if (bytes >= pinger->head_bytes + 64 && message[0] == pinger->reply && message[4] == 0x4E && message[5] == 0x42 && message[63] == 0x5A)
        InterlockedIncrement(&pinger->answers);
    return STATUS_SUCCESS;
}

static TDI_IND_RECEIVE_DATAGRAM on_answer;
static NTSTATUS
on_answer(PVOID context, LONG source_bytes, PVOID source, LONG options_bytes, PVOID options, ULONG flags, ULONG indicated, ULONG available,
          ULONG *taken, PVOID tsdu, PIRP *irp)
{
    UNREFERENCED_PARAMETER(source_bytes);
    UNREFERENCED_PARAMETER(source);
    UNREFERENCED_PARAMETER(options_bytes);
    UNREFERENCED_PARAMETER(options);
    UNREFERENCED_PARAMETER(flags);
    UNREFERENCED_PARAMETER(available);
    UNREFERENCED_PARAMETER(irp);
    *taken = indicated;
    return answer_check(context, tsdu, indicated);
}

// ---- requests -------------------------------------------------------------------------------------------------------------------

static IO_COMPLETION_ROUTINE done;
static NTSTATUS
done(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    UNREFERENCED_PARAMETER(device);
    UNREFERENCED_PARAMETER(irp);
    KeSetEvent(context, IO_NO_INCREMENT, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static NTSTATUS
call(struct pinger *pinger, PIRP irp, KEVENT *event)
{
    IoCallDriver(IoGetRelatedDeviceObject(pinger->file), irp);
    KeWaitForSingleObject(event, Executive, KernelMode, FALSE, NULL);
    NTSTATUS status = irp->IoStatus.Status;
    IoFreeIrp(irp);
    return status;
}

static PIRP
irp_make(struct pinger *pinger, KEVENT *event)
{
    KeInitializeEvent(event, NotificationEvent, FALSE);
    return IoAllocateIrp(IoGetRelatedDeviceObject(pinger->file)->StackSize, FALSE);
}

static NTSTATUS
pinger_send(struct pinger *pinger, UCHAR number)
{
    UCHAR message[64];
    ULONG sum = 0;
    KEVENT event;
    TDI_CONNECTION_INFORMATION to = {.RemoteAddress = &pinger->peer, .RemoteAddressLength = (LONG)pinger->bytes};
    RtlFillMemory(message, sizeof message, 0x5A);
    RtlCopyMemory(message, ((UCHAR[8]){pinger->request, 0, 0, 0, 0x4E, 0x42, 0, number}), 8);
    for (ULONG i = 0; i < sizeof message; i += 2)
        sum += (ULONG)message[i] << 8 | message[i + 1];
    sum = ~((sum & 0xFFFF) + (sum >> 16));
    if (pinger->head_bytes) { // ICMPv6's is made below
        message[2] = (UCHAR)(sum >> 8);
        message[3] = (UCHAR)sum;
    }
    PIRP irp = irp_make(pinger, &event);
    PMDL mdl = IoAllocateMdl(message, sizeof message, FALSE, FALSE, NULL);
    if (!irp || !mdl)
        return STATUS_INSUFFICIENT_RESOURCES;
    MmBuildMdlForNonPagedPool(mdl);
    TdiBuildSendDatagram(irp, IoGetRelatedDeviceObject(pinger->file), pinger->file, done, &event, mdl, sizeof message, &to);
    NTSTATUS status = call(pinger, irp, &event);
    IoFreeMdl(mdl);
    return status;
}

static NTSTATUS
pinger_open(struct pinger *pinger)
{
    union {
        FILE_FULL_EA_INFORMATION ea;
        UCHAR room[96];
    } u = {.ea = {.EaNameLength = TDI_TRANSPORT_ADDRESS_LENGTH, .EaValueLength = (USHORT)pinger->bytes}};
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK iosb;
    KEVENT event;
    RtlCopyMemory(u.ea.EaName, TdiTransportAddress, TDI_TRANSPORT_ADDRESS_LENGTH + 1);
    RtlCopyMemory(u.ea.EaName + TDI_TRANSPORT_ADDRESS_LENGTH + 1, &pinger->any, pinger->bytes);
    RtlInitUnicodeString(&name, pinger->device);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE, NULL, NULL);
    NTSTATUS status = ZwCreateFile(&pinger->handle, GENERIC_READ | GENERIC_WRITE, &attributes, &iosb, NULL, 0, 0, FILE_OPEN, 0, &u,
                                   FIELD_OFFSET(FILE_FULL_EA_INFORMATION, EaName) + TDI_TRANSPORT_ADDRESS_LENGTH + 1 + pinger->bytes);
    if (!NT_SUCCESS(status))
        return status;
    status = ObReferenceObjectByHandle(pinger->handle, 0, *IoFileObjectType, KernelMode, (PVOID *)&pinger->file, NULL);
    PIRP irp = NT_SUCCESS(status) ? irp_make(pinger, &event) : NULL;
    if (!irp)
        return STATUS_INSUFFICIENT_RESOURCES;
    TdiBuildSetEventHandler(irp, IoGetRelatedDeviceObject(pinger->file), pinger->file, done, &event, TDI_EVENT_RECEIVE_DATAGRAM,
                            (PVOID)on_answer, pinger);
    return call(pinger, irp, &event);
}

static VOID
pinger_close(struct pinger *pinger)
{
    if (pinger->file)
        ObDereferenceObject(pinger->file);
    if (pinger->handle)
        ZwClose(pinger->handle);
}

// ---- the thread -----------------------------------------------------------------------------------------------------------------

static VOID
ping_all(UCHAR number)
{
    for (ULONG i = 0; i < ARRAYSIZE(pingers); i++)
        if (pingers[i].file && pingers[i].answers < WANTED)
            pinger_send(&pingers[i], number);
}

static KSTART_ROUTINE run;
static VOID
run(PVOID context)
{
    LARGE_INTEGER pause = {.QuadPart = -1000000};
    UNREFERENCED_PARAMETER(context);
    for (ULONG i = 0; i < ARRAYSIZE(pingers); i++) {
        NTSTATUS status = pinger_open(&pingers[i]);
        // The transport may be loaded after us.
        for (ULONG tries = 0; status == STATUS_OBJECT_NAME_NOT_FOUND && tries < 100; tries++) {
            KeDelayExecutionThread(KernelMode, FALSE, &pause);
            status = pinger_open(&pingers[i]);
        }
        if (!NT_SUCCESS(status))
            DbgPrint("pinger: %s cannot be asked (0x%08x)\n", pingers[i].name, status);
    }
    for (UCHAR i = 0; i < TRIES && (pingers[0].answers < WANTED || pingers[1].answers < WANTED); i++) {
        ping_all(i);
        if (KeWaitForSingleObject(&stop, Executive, KernelMode, FALSE, &pause) == STATUS_SUCCESS)
            break;
    }
    for (ULONG i = 0; i < ARRAYSIZE(pingers); i++) {
        pinger_close(&pingers[i]);
        DbgPrint("pinger: %s answers%s\n", pingers[i].name, pingers[i].answers >= WANTED ? "" : " not");
    }
    PsTerminateSystemThread(STATUS_SUCCESS);
}

// ---- loading --------------------------------------------------------------------------------------------------------------------

static VOID
pingers_fill(VOID)
{
    static const UCHAR peer4[4] = {10, 77, 0, 2}, peer6[16] = {0xFD, 0x77, [15] = 2};
    struct pinger *four = &pingers[0], *six = &pingers[1];
    *four = (struct pinger){.device = L"\\Device\\RawIp\\1", .name = "10.77.0.2", .bytes = sizeof(TA_IP_ADDRESS), .head_bytes = 20,
                            .request = 8, .reply = 0};
    *six = (struct pinger){.device = L"\\Device\\RawIp6\\58", .name = "fd77::2", .bytes = sizeof(TA_IP6_ADDRESS), .request = 128,
                           .reply = 129};
    four->any.list.TAAddressCount = six->any.list.TAAddressCount = 1;
    four->any.ip.Address[0].AddressType = TDI_ADDRESS_TYPE_IP;
    four->any.ip.Address[0].AddressLength = TDI_ADDRESS_LENGTH_IP;
    six->any.ip6.Address[0].AddressType = TDI_ADDRESS_TYPE_IP6;
    six->any.ip6.Address[0].AddressLength = TDI_ADDRESS_LENGTH_IP6;
    four->peer = four->any;
    six->peer = six->any;
    RtlCopyMemory(&four->peer.ip.Address[0].Address[0].in_addr, peer4, sizeof peer4);
    RtlCopyMemory(six->peer.ip6.Address[0].Address[0].sin6_addr, peer6, sizeof peer6);
}

static DRIVER_UNLOAD pinger_unload;
static VOID
pinger_unload(PDRIVER_OBJECT driver)
{
    UNREFERENCED_PARAMETER(driver);
    KeSetEvent(&stop, IO_NO_INCREMENT, FALSE);
    KeWaitForSingleObject(thread, Executive, KernelMode, FALSE, NULL);
    ObDereferenceObject(thread);
}

DRIVER_INITIALIZE DriverEntry;

NTSTATUS
DriverEntry(PDRIVER_OBJECT driver, PUNICODE_STRING registry_path)
{
    HANDLE handle;
    UNREFERENCED_PARAMETER(registry_path);
    driver->DriverUnload = pinger_unload;
    KeInitializeEvent(&stop, NotificationEvent, FALSE);
    pingers_fill();
    NTSTATUS status = PsCreateSystemThread(&handle, THREAD_ALL_ACCESS, NULL, NULL, NULL, run, NULL);
    if (!NT_SUCCESS(status))
        return status;
    status = ObReferenceObjectByHandle(handle, THREAD_ALL_ACCESS, NULL, KernelMode, &thread, NULL);
    ZwClose(handle);
    return status;
}
