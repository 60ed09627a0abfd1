// SPDX-License-Identifier: MIT
// TDI requests in words, for the interface `events`: who asks which transport, and how it ended.
//   "alpha.tdi.tcpip: TDI_CONNECT: 10.77.0.2:7; from nbx-call"          on its way to the transport
//   "alpha.tdi.nbx-call: TDI_CONNECT complete: STATUS_SUCCESS; from tcpip"
// Only what makes and moves data is told: what a client asks about, opens and associates is not. The client of a request that ends is
// known by its completion routine; what lies in no image is the runner's own client.
#include "nbx/watch.h"

#include <stdio.h>
#include <string.h>

#include <tdikrnl.h>
#include <tdistat.h>

#include "base/iptext.h"
#include "nt/io/io.h"

#define TEXT_BYTES 128

static const char *const names[] = {[TDI_CONNECT] = "TDI_CONNECT",       [TDI_LISTEN] = "TDI_LISTEN", [TDI_ACCEPT] = "TDI_ACCEPT",
                                    [TDI_DISCONNECT] = "TDI_DISCONNECT", [TDI_SEND] = "TDI_SEND",     [TDI_RECEIVE] = "TDI_RECEIVE",
                                    [TDI_SEND_DATAGRAM] = "TDI_SEND_DATAGRAM"};

static const struct {
    NTSTATUS status;
    const char *word;
} statuses[] = {{STATUS_SUCCESS, "STATUS_SUCCESS"},
                {STATUS_CANCELLED, "STATUS_CANCELLED"},
                {TDI_GRACEFUL_DISC, "TDI_GRACEFUL_DISC"},
                {TDI_CONNECTION_RESET, "TDI_CONNECTION_RESET"},
                {TDI_CONNECTION_ABORTED, "TDI_CONNECTION_ABORTED"},
                {TDI_CONN_REFUSED, "TDI_CONN_REFUSED"},
                {TDI_INVALID_CONNECTION, "TDI_INVALID_CONNECTION"},
                {TDI_TIMED_OUT, "TDI_TIMED_OUT"}};

static const char *
image_name(const struct io_image *image, const char *otherwise)
{
    return image ? image->name : otherwise;
}

// "10.77.0.2:7". The remote address of a connect, which the client lends; anything else is left out.
static void
address_words(const TDI_CONNECTION_INFORMATION *information, char *text, size_t bytes)
{
    const TRANSPORT_ADDRESS *name = information ? information->RemoteAddress : NULL;
    char full[2 * IPTEXT_BYTES];
    text[0] = 0;
    if (!name || information->RemoteAddressLength < (LONG)(FIELD_OFFSET(TRANSPORT_ADDRESS, Address) + sizeof(TA_ADDRESS)))
        return;
    const TA_ADDRESS *first = &name->Address[0];
    const uint8_t *at = first->Address;                  // the port first, in network order, in both
    bool is_four = first->AddressType == TDI_ADDRESS_TYPE_IP && first->AddressLength >= sizeof(TDI_ADDRESS_IP);
    bool is_six = first->AddressType == TDI_ADDRESS_TYPE_IP6 && first->AddressLength >= sizeof(TDI_ADDRESS_IP6);
    uint16_t port;
    memcpy(&port, at, sizeof port);
    size_t count = is_four  ? iptext4_put_full(at + offsetof(TDI_ADDRESS_IP, in_addr), port, full)
                   : is_six ? iptext6_put_full(at + offsetof(TDI_ADDRESS_IP6, sin6_addr), 0, port, full)
                            : 0;
    snprintf(text, bytes, "%.*s", (int)count, full);
}

static void
request_words(const IO_STACK_LOCATION *stack, char *text, size_t bytes)
{
    const void *parameters = &stack->Parameters;
    text[0] = 0;
    if (stack->MinorFunction == TDI_CONNECT)
        address_words(((const TDI_REQUEST_KERNEL *)parameters)->RequestConnectionInformation, text, bytes);
    else if (stack->MinorFunction == TDI_SEND)
        snprintf(text, bytes, "%u bytes", ((const TDI_REQUEST_KERNEL_SEND *)parameters)->SendLength);
    else if (stack->MinorFunction == TDI_RECEIVE)
        snprintf(text, bytes, "up to %u bytes", ((const TDI_REQUEST_KERNEL_RECEIVE *)parameters)->ReceiveLength);
    else if (stack->MinorFunction == TDI_SEND_DATAGRAM)
        snprintf(text, bytes, "%u bytes", ((const TDI_REQUEST_KERNEL_SENDDG *)parameters)->SendLength);
    else if (stack->MinorFunction == TDI_DISCONNECT)
        snprintf(text, bytes, "%s", ((const TDI_REQUEST_KERNEL *)parameters)->RequestFlags & TDI_DISCONNECT_RELEASE ? "release" : "abort");
}

static void
end_words(const IRP *irp, UCHAR minor, char *text, size_t bytes)
{
    bool has_bytes = minor == TDI_SEND || minor == TDI_RECEIVE || minor == TDI_SEND_DATAGRAM;
    const char *word = NULL;
    char number[32];
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses && !word; i++)
        word = statuses[i].status == irp->IoStatus.Status ? statuses[i].word : NULL;
    snprintf(number, sizeof number, "0x%08x", (unsigned)irp->IoStatus.Status);
    if (has_bytes && NT_SUCCESS(irp->IoStatus.Status))
        snprintf(text, bytes, "%s, %llu bytes", word ? word : number, (unsigned long long)irp->IoStatus.Information);
    else
        snprintf(text, bytes, "%s", word ? word : number);
}

void
watch_request(void *context, DEVICE_OBJECT *device, IRP *irp, bool is_done)
{
    struct world_box *box = context;
    const IO_STACK_LOCATION *stack = irp->Tail.Overlay.CurrentStackLocation;
    UCHAR minor = stack->MinorFunction;
    const char *call = minor < sizeof names / sizeof *names ? names[minor] : NULL;
    bool is_tdi = stack->MajorFunction == IRP_MJ_INTERNAL_DEVICE_CONTROL && device && device->DeviceType == FILE_DEVICE_NETWORK;
    if (!is_tdi || !call)
        return;
    const void *routine = (const void *)(uintptr_t)stack->CompletionRoutine;
    const struct io_image *transport = io_image_of(device->DriverObject), *client = routine ? io_image_at(box->box, routine) : NULL;
    char text[TEXT_BYTES];
    if (is_done) {
        end_words(irp, minor, text, sizeof text);
        watch_event(box->world, "%s.tdi.%s: %s complete: %s; from %s", box->stack->name, image_name(client, "nbx-client"), call, text,
                    image_name(transport, "transport"));
        return;
    }
    request_words(stack, text, sizeof text);
    watch_event(box->world, "%s.tdi.%s: %s%s%s; from %s", box->stack->name, image_name(transport, "transport"), call, text[0] ? ": " : "",
                text, image_name(client, "nbx-client"));
}
