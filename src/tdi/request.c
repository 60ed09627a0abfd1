// SPDX-License-Identifier: MIT
// A user-mode request, IOCTL_TDI_XXX with a TDI_REQUEST_XXX in its input buffer, becomes the kernel's TDI_XXX.
// What the request points at must lie in its own input buffer: the driver has a copy of that (SystemBuffer), so pointers are moved
// from the one to the other, and everything lives as long as the IRP does. Data of sends and receives is in the IRP's MDL.
// [TdiMapUserRequest ff565053]
#include <string.h>

#include "nt/io/io.h"
#include "tdi/tdi.h"

struct mapping {
    IRP *irp;
    const char *user;                // the issuer's address of the input buffer
    char *system;                    // ours
    ULONG bytes;
    bool is_bad;
};

// The driver's address of [pointer, pointer + bytes).
static void *
moved(struct mapping *m, void *pointer, LONG bytes)
{
    if (!pointer && bytes <= 0)
        return NULL;
    size_t at = (size_t)((const char *)pointer - m->user);
    if (!pointer || bytes < 0 || !m->user || at > m->bytes || (ULONG)bytes > m->bytes - at) {
        m->is_bad = true;
        return NULL;
    }
    return m->system + at;
}

static TDI_CONNECTION_INFORMATION *
info(struct mapping *m, TDI_CONNECTION_INFORMATION *user)
{
    if (!user)
        return NULL;
    TDI_CONNECTION_INFORMATION *it = moved(m, user, sizeof(*it));
    if (!it)
        return NULL;
    it->UserData = moved(m, it->UserData, it->UserDataLength);
    it->Options = moved(m, it->Options, it->OptionsLength);
    it->RemoteAddress = moved(m, it->RemoteAddress, it->RemoteAddressLength);
    return it;
}

// The request structure at the start of the input, or NULL when the input is shorter.
static void *
request_of(struct mapping *m, size_t bytes)
{
    m->is_bad = m->is_bad || !m->system || m->bytes < bytes;
    return m->is_bad ? NULL : m->system;
}

static void
map_connection(struct mapping *m, UCHAR minor, TDI_REQUEST_KERNEL *to)
{
    if (minor == TDI_CONNECT) {
        TDI_REQUEST_CONNECT *from = request_of(m, sizeof(*from));
        if (from)
            *to = (TDI_REQUEST_KERNEL){.RequestConnectionInformation = info(m, from->RequestConnectionInformation),
                                       .ReturnConnectionInformation = info(m, from->ReturnConnectionInformation),
                                       .RequestSpecific = from->Timeout.QuadPart ? &from->Timeout : NULL};
    } else if (minor == TDI_LISTEN) {
        TDI_REQUEST_LISTEN *from = request_of(m, sizeof(*from));
        if (from)
            *to = (TDI_REQUEST_KERNEL){.RequestFlags = from->ListenFlags,
                                       .RequestConnectionInformation = info(m, from->RequestConnectionInformation),
                                       .ReturnConnectionInformation = info(m, from->ReturnConnectionInformation)};
    } else {
        // The structure has no flags: user mode asks for the default, which is an abort.
        TDI_REQUEST_DISCONNECT *from = request_of(m, sizeof(*from));
        if (from)
            *to = (TDI_REQUEST_KERNEL){.RequestSpecific = from->Timeout.QuadPart ? &from->Timeout : NULL};
    }
}

static void
map_data(struct mapping *m, UCHAR minor, ULONG bytes, void *parameters)
{
    if (minor == TDI_SEND) {
        TDI_REQUEST_SEND *from = request_of(m, sizeof(*from));
        if (from)
            *(TDI_REQUEST_KERNEL_SEND *)parameters = (TDI_REQUEST_KERNEL_SEND){.SendLength = bytes, .SendFlags = from->SendFlags};
    } else if (minor == TDI_RECEIVE) {
        TDI_REQUEST_RECEIVE *from = request_of(m, sizeof(*from));
        if (from)
            *(TDI_REQUEST_KERNEL_RECEIVE *)parameters = (TDI_REQUEST_KERNEL_RECEIVE){.ReceiveLength = bytes,
                                                                                     .ReceiveFlags = from->ReceiveFlags};
    } else if (minor == TDI_SEND_DATAGRAM) {
        TDI_REQUEST_SEND_DATAGRAM *from = request_of(m, sizeof(*from));
        if (from)
            *(TDI_REQUEST_KERNEL_SENDDG *)parameters =
                (TDI_REQUEST_KERNEL_SENDDG){.SendLength = bytes, .SendDatagramInformation = info(m, from->SendDatagramInformation)};
    } else {
        TDI_REQUEST_RECEIVE_DATAGRAM *from = request_of(m, sizeof(*from));
        if (from)
            *(TDI_REQUEST_KERNEL_RECEIVEDG *)parameters =
                (TDI_REQUEST_KERNEL_RECEIVEDG){.ReceiveLength = bytes,
                                               .ReceiveDatagramInformation = info(m, from->ReceiveDatagramInformation),
                                               .ReturnDatagramInformation = info(m, from->ReturnInformation),
                                               .ReceiveFlags = from->ReceiveFlags};
    }
}

static void
map_rest(struct mapping *m, UCHAR minor, void *parameters)
{
    if (minor == TDI_ACCEPT) {
        TDI_REQUEST_ACCEPT *from = request_of(m, sizeof(*from));
        if (from)
            *(TDI_REQUEST_KERNEL_ACCEPT *)parameters =
                (TDI_REQUEST_KERNEL_ACCEPT){.RequestConnectionInformation = info(m, from->RequestConnectionInformation),
                                            .ReturnConnectionInformation = info(m, from->ReturnConnectionInformation)};
    } else if (minor == TDI_ASSOCIATE_ADDRESS) {
        TDI_REQUEST_ASSOCIATE_ADDRESS *from = request_of(m, sizeof(*from));
        if (from)
            *(TDI_REQUEST_KERNEL_ASSOCIATE *)parameters = (TDI_REQUEST_KERNEL_ASSOCIATE){.AddressHandle = from->AddressHandle};
    } else if (minor == TDI_QUERY_INFORMATION || minor == TDI_SET_INFORMATION) {
        // Both request structures have the type at the same place.
        TDI_REQUEST_QUERY_INFORMATION *from = request_of(m, sizeof(*from));
        if (from)
            *(TDI_REQUEST_KERNEL_QUERY_INFORMATION *)parameters =
                (TDI_REQUEST_KERNEL_QUERY_INFORMATION){.QueryType = (LONG)from->QueryType,
                                                       .RequestConnectionInformation = info(m, from->RequestConnectionInformation)};
    }
}

static UCHAR
minor_of(ULONG code)
{
    static const struct {
        ULONG code;
        UCHAR minor;
    } codes[] = {{IOCTL_TDI_ACCEPT, TDI_ACCEPT}, {IOCTL_TDI_CONNECT, TDI_CONNECT}, {IOCTL_TDI_DISCONNECT, TDI_DISCONNECT},
                 {IOCTL_TDI_LISTEN, TDI_LISTEN}, {IOCTL_TDI_QUERY_INFORMATION, TDI_QUERY_INFORMATION}, {IOCTL_TDI_RECEIVE, TDI_RECEIVE},
                 {IOCTL_TDI_RECEIVE_DATAGRAM, TDI_RECEIVE_DATAGRAM}, {IOCTL_TDI_SEND, TDI_SEND},
                 {IOCTL_TDI_SEND_DATAGRAM, TDI_SEND_DATAGRAM}, {IOCTL_TDI_SET_INFORMATION, TDI_SET_INFORMATION},
                 {IOCTL_TDI_ASSOCIATE_ADDRESS, TDI_ASSOCIATE_ADDRESS}, {IOCTL_TDI_DISASSOCIATE_ADDRESS, TDI_DISASSOCIATE_ADDRESS},
                 {IOCTL_TDI_ACTION, TDI_ACTION}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].code == code)
            return codes[i].minor;
    return 0;
}

NTSTATUS
tdi_request_map(IRP *irp, IO_STACK_LOCATION *stack)
{
    ULONG code = stack->Parameters.DeviceIoControl.IoControlCode, bytes = stack->Parameters.DeviceIoControl.OutputBufferLength;
    struct mapping m = {.irp = irp, .user = io_irp_input(irp), .system = irp->AssociatedIrp.SystemBuffer,
                        .bytes = stack->Parameters.DeviceIoControl.InputBufferLength};
    union {
        TDI_REQUEST_KERNEL kernel;
        char bytes[sizeof(stack->Parameters)];
    } to = {0};
    UCHAR minor = minor_of(code);
    if (code == IOCTL_TDI_SET_EVENT_HANDLER)
        return STATUS_INVALID_PARAMETER;
    if (!minor)
        return STATUS_NOT_IMPLEMENTED;
    if (minor == TDI_CONNECT || minor == TDI_LISTEN || minor == TDI_DISCONNECT)
        map_connection(&m, minor, &to.kernel);
    else if (minor == TDI_SEND || minor == TDI_RECEIVE || minor == TDI_SEND_DATAGRAM || minor == TDI_RECEIVE_DATAGRAM)
        map_data(&m, minor, bytes, &to);
    else
        map_rest(&m, minor, &to);
    if (m.is_bad)
        return STATUS_INVALID_PARAMETER;
    stack->MajorFunction = IRP_MJ_INTERNAL_DEVICE_CONTROL;
    stack->MinorFunction = minor;
    memcpy(&stack->Parameters, &to, sizeof(to.bytes));
    return STATUS_SUCCESS;
}
