// SPDX-License-Identifier: MIT
// libFuzzer on TdiMapUserRequest: any code with any input of a process, pointers into it, out of it and nearly so. What is accepted
// points into the driver's copy alone, whole; what is refused stays as it was.
// input: the code, how long the buffers are, then the process's input; a pointer field with a high word of 0 is moved into the input
#include <stdlib.h>
#include <string.h>

#include "nt/io/io.h"
#include "nt/io/io_int.h"
#include "tdi/tdi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX 512

#define REQUIRE(condition) \
    do { \
        if (!(condition)) \
            abort(); \
    } while (0)

struct request {
    struct io_irp irp;
    IO_STACK_LOCATION stack[1];
};

static char *system_bytes;
static size_t system_count;

static void
inside(const void *pointer, LONG bytes)
{
    if (!pointer)
        return;
    const char *at = pointer;
    REQUIRE(bytes >= 0 && at >= system_bytes && (size_t)(at - system_bytes) <= system_count);
    REQUIRE((size_t)bytes <= system_count - (size_t)(at - system_bytes));
    volatile char sum = 0;
    for (LONG i = 0; i < bytes; i++)
        sum = (char)(sum + at[i]);
}

static void
info_inside(TDI_CONNECTION_INFORMATION *info)
{
    TDI_CONNECTION_INFORMATION copy;
    inside(info, sizeof(*info));
    if (!info)
        return;
    memcpy(&copy, info, sizeof(copy));
    inside(copy.UserData, copy.UserDataLength);
    inside(copy.Options, copy.OptionsLength);
    inside(copy.RemoteAddress, copy.RemoteAddressLength);
}

static void
accepted(IO_STACK_LOCATION *stack)
{
    void *parameters = &stack->Parameters;
    TDI_REQUEST_KERNEL *kernel = parameters;
    switch (stack->MinorFunction) {
    case TDI_CONNECT:
    case TDI_LISTEN:
    case TDI_DISCONNECT:
        info_inside(kernel->RequestConnectionInformation);
        info_inside(kernel->ReturnConnectionInformation);
        inside(kernel->RequestSpecific, sizeof(LARGE_INTEGER));
        break;
    case TDI_ACCEPT:
        info_inside(((TDI_REQUEST_KERNEL_ACCEPT *)parameters)->RequestConnectionInformation);
        info_inside(((TDI_REQUEST_KERNEL_ACCEPT *)parameters)->ReturnConnectionInformation);
        break;
    case TDI_SEND_DATAGRAM: info_inside(((TDI_REQUEST_KERNEL_SENDDG *)parameters)->SendDatagramInformation); break;
    case TDI_RECEIVE_DATAGRAM:
        info_inside(((TDI_REQUEST_KERNEL_RECEIVEDG *)parameters)->ReceiveDatagramInformation);
        info_inside(((TDI_REQUEST_KERNEL_RECEIVEDG *)parameters)->ReturnDatagramInformation);
        break;
    case TDI_QUERY_INFORMATION:
    case TDI_SET_INFORMATION:
        info_inside(((TDI_REQUEST_KERNEL_QUERY_INFORMATION *)parameters)->RequestConnectionInformation);
        break;
    default: break;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const ULONG codes[] = {IOCTL_TDI_ACCEPT, IOCTL_TDI_CONNECT, IOCTL_TDI_DISCONNECT, IOCTL_TDI_LISTEN, IOCTL_TDI_QUERY_INFORMATION,
                                  IOCTL_TDI_RECEIVE, IOCTL_TDI_RECEIVE_DATAGRAM, IOCTL_TDI_SEND, IOCTL_TDI_SEND_DATAGRAM,
                                  IOCTL_TDI_SET_EVENT_HANDLER, IOCTL_TDI_SET_INFORMATION, IOCTL_TDI_ASSOCIATE_ADDRESS,
                                  IOCTL_TDI_DISASSOCIATE_ADDRESS, IOCTL_TDI_ACTION, IOCTL_TDI_QUERY_DIRECT_SEND_HANDLER, 0};
    static char user[INPUT_MAX]; // where the process has its input: only its address counts
    static struct request request;
    if (size < 2 || size - 2 > INPUT_MAX)
        return 0;
    system_count = size - 2;
    system_bytes = malloc(system_count ? system_count : 1);
    memcpy(system_bytes, data + 2, system_count);
    for (size_t at = 0; at + 8 <= system_count; at += 8) {
        uint64_t word;
        memcpy(&word, system_bytes + at, 8);
        if (word >> 16 == 0x5A) { // a fuzzer finds no addresses: this word says how far into the input, a little before or behind it
            word = (uint64_t)(uintptr_t)user + (uint64_t)(int64_t)(int16_t)word;
            memcpy(system_bytes + at, &word, 8);
        }
    }
    memset(&request, 0, sizeof request);
    request.irp.irp.AllocationFlags = IO_ALLOCATED_HERE;
    request.irp.tail.input = data[1] & 1 ? NULL : user;
    request.irp.irp.AssociatedIrp.SystemBuffer = data[1] & 2 ? NULL : system_bytes;
    IO_STACK_LOCATION *stack = request.stack, before;
    stack->MajorFunction = IRP_MJ_DEVICE_CONTROL;
    stack->Parameters.DeviceIoControl.IoControlCode = codes[data[0] % 16] ? codes[data[0] % 16] : data[0] * 4u;
    stack->Parameters.DeviceIoControl.InputBufferLength = data[1] & 2 ? 0 : (ULONG)system_count;
    stack->Parameters.DeviceIoControl.OutputBufferLength = data[1];
    before = *stack;
    NTSTATUS status = tdi_request_map(&request.irp.irp, stack);
    if (status == STATUS_SUCCESS) {
        REQUIRE(stack->MajorFunction == IRP_MJ_INTERNAL_DEVICE_CONTROL && stack->MinorFunction);
        accepted(stack);
    } else {
        REQUIRE(status == STATUS_INVALID_PARAMETER || status == STATUS_NOT_IMPLEMENTED);
        REQUIRE(!memcmp(&before, stack, sizeof before));
    }
    free(system_bytes);
    return 0;
}
