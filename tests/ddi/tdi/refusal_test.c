// SPDX-License-Identifier: MIT
// The TDI library where it refuses: without memory, with handles that are none, with user-mode requests whose pointers lead out of
// what the user handed in; and what the older tests left out of each page (library_test.c, pnp_test.c).
#include <string.h>

#include "ddi/tdi/open.h"
#include "nbx/fault.h"

static ULONG told;
static HANDLE untouched = (HANDLE)0x5A5A;

static VOID NTAPI
on_binding(TDI_PNP_OPCODE opcode, PUNICODE_STRING name, PWSTR list)
{
    told++;
}

static VOID NTAPI
on_address(PTA_ADDRESS address, PUNICODE_STRING name, PTDI_PNP_CONTEXT context)
{
    told++;
}

static HANDLE
client_open(TDI_PNP_POWER_HANDLER power)
{
    TDI_CLIENT_INTERFACE_INFO info = {.TdiVersion = TDI_CURRENT_VERSION, .PnPPowerHandler = power};
    HANDLE handle;
    info.BindingHandler = on_binding;
    info.AddAddressHandlerV2 = on_address;
    info.DelAddressHandlerV2 = on_address;
    ck_assert_int_eq(TdiRegisterPnPHandlers(&info, sizeof(info), &handle), STATUS_SUCCESS);
    told = 0;
    return handle;
}

// The next allocation is refused.
static void
memory_short(void)
{
    struct nbx_fault_plan plan = {.mode = NBX_FAULT_NUMBER, .number = 1, .program = true};
    ck_assert_int_eq(nbx_fault_arm(&plan), 0);
}

static void
memory_back(void)
{
    struct nbx_fault_report report;
    nbx_fault_disarm(&report);
    ck_assert_uint_eq(report.refused, 1);
}

// --- without memory ----------------------------------------------------------------------------------------------------------------

NT_TEST(TdiRegisterProvider_without_memory_registers_nothing)
{
    UNICODE_STRING name = name_of(L"T");
    HANDLE handle = untouched, client = client_open(NULL), ready;
    memory_short();
    ck_assert_int_eq(TdiRegisterProvider(&name, &handle), STATUS_INSUFFICIENT_RESOURCES);
    memory_back();
    ck_assert_ptr_eq(handle, untouched);
    // It does not keep the network from becoming ready: one provider and its readiness, told as two things.
    ck_assert_int_eq(TdiRegisterProvider(&name, &ready), STATUS_SUCCESS);
    ck_assert_int_eq(TdiProviderReady(ready), STATUS_SUCCESS);
    ck_assert_uint_eq(told, 2);
    TdiDeregisterProvider(ready);
    TdiDeregisterPnPHandlers(client);
}

NT_TEST(TdiRegisterDeviceObject_without_memory_registers_nothing)
{
    UNICODE_STRING name = name_of(L"\\Device\\T");
    HANDLE handle = untouched, client = client_open(NULL);
    memory_short();
    ck_assert_int_eq(TdiRegisterDeviceObject(&name, &handle), STATUS_INSUFFICIENT_RESOURCES);
    memory_back();
    ck_assert_ptr_eq(handle, untouched);
    ck_assert_uint_eq(told, 0);
    TdiDeregisterPnPHandlers(client);
    ck_assert_int_eq(TdiDeregisterPnPHandlers(client_open(NULL)), STATUS_SUCCESS); // and one who comes now is told of nothing
    ck_assert_uint_eq(told, 0);
}

NT_TEST(TdiRegisterNetAddress_without_memory_registers_nothing)
{
    union {
        TA_ADDRESS ta;
        UCHAR room[32];
    } u = {.ta = {.AddressLength = TDI_ADDRESS_LENGTH_IP, .AddressType = TDI_ADDRESS_TYPE_IP}};
    UNICODE_STRING name = name_of(L"\\Device\\T");
    HANDLE handle = untouched, client = client_open(NULL);
    memory_short();
    ck_assert_int_eq(TdiRegisterNetAddress(&u.ta, &name, NULL, &handle), STATUS_INSUFFICIENT_RESOURCES);
    memory_back();
    ck_assert_ptr_eq(handle, untouched);
    ck_assert_int_eq(TdiEnumerateAddresses(client), STATUS_SUCCESS);
    ck_assert_uint_eq(told, 0);
    TdiDeregisterPnPHandlers(client);
}

NT_TEST(TdiRegisterNetAddress_may_name_no_device)
{
    union {
        TA_ADDRESS ta;
        UCHAR room[32];
    } u = {.ta = {.AddressLength = TDI_ADDRESS_LENGTH_IP, .AddressType = TDI_ADDRESS_TYPE_IP}};
    HANDLE handle, client = client_open(NULL);
    ck_assert_int_eq(TdiRegisterNetAddress(&u.ta, NULL, NULL, &handle), STATUS_SUCCESS);
    ck_assert_uint_eq(told, 1);
    ck_assert_int_eq(TdiDeregisterNetAddress(handle), STATUS_SUCCESS);
    ck_assert_uint_eq(told, 2);
    TdiDeregisterPnPHandlers(client);
}

NT_TEST(TdiRegisterPnPHandlers_without_memory_registers_nothing)
{
    TDI_CLIENT_INTERFACE_INFO info = {.TdiVersion = TDI_CURRENT_VERSION};
    UNICODE_STRING name = name_of(L"\\Device\\T");
    HANDLE handle = untouched, device;
    info.BindingHandler = on_binding;
    told = 0;
    memory_short();
    ck_assert_int_eq(TdiRegisterPnPHandlers(&info, sizeof(info), &handle), STATUS_INSUFFICIENT_RESOURCES);
    memory_back();
    ck_assert_ptr_eq(handle, untouched);
    ck_assert_int_eq(TdiRegisterDeviceObject(&name, &device), STATUS_SUCCESS);
    ck_assert_uint_eq(told, 0);
    TdiDeregisterDeviceObject(device);
}

static VOID NTAPI
on_bind(PUNICODE_STRING name)
{
    told++;
}

static VOID NTAPI
on_add(PTA_ADDRESS address)
{
    told++;
}

NT_TEST(TdiRegisterNotificationHandler_without_memory_registers_nothing)
{
    UNICODE_STRING name = name_of(L"\\Device\\T");
    HANDLE handle = untouched, device;
    told = 0;
    memory_short();
    ck_assert_int_eq(TdiRegisterNotificationHandler(on_bind, on_bind, &handle), STATUS_INSUFFICIENT_RESOURCES);
    memory_back();
    ck_assert_ptr_eq(handle, untouched);
    ck_assert_int_eq(TdiRegisterDeviceObject(&name, &device), STATUS_SUCCESS);
    TdiDeregisterDeviceObject(device);
    ck_assert_uint_eq(told, 0);
}

NT_TEST(TdiRegisterAddressChangeHandler_without_memory_registers_nothing)
{
    union {
        TA_ADDRESS ta;
        UCHAR room[32];
    } u = {.ta = {.AddressLength = TDI_ADDRESS_LENGTH_IP, .AddressType = TDI_ADDRESS_TYPE_IP}};
    HANDLE handle = untouched, address;
    told = 0;
    memory_short();
    ck_assert_int_eq(TdiRegisterAddressChangeHandler(on_add, on_add, &handle), STATUS_INSUFFICIENT_RESOURCES);
    memory_back();
    ck_assert_ptr_eq(handle, untouched);
    ck_assert_int_eq(TdiRegisterNetAddress(&u.ta, NULL, NULL, &address), STATUS_SUCCESS);
    TdiDeregisterNetAddress(address);
    ck_assert_uint_eq(told, 0);
}

NT_TEST(TdiEnumerateAddresses_without_memory_tells_nothing)
{
    union {
        TA_ADDRESS ta;
        UCHAR room[32];
    } u = {.ta = {.AddressLength = TDI_ADDRESS_LENGTH_IP, .AddressType = TDI_ADDRESS_TYPE_IP}};
    HANDLE address, client = client_open(NULL);
    ck_assert_int_eq(TdiRegisterNetAddress(&u.ta, NULL, NULL, &address), STATUS_SUCCESS);
    told = 0;
    memory_short();
    ck_assert_int_eq(TdiEnumerateAddresses(client), STATUS_INSUFFICIENT_RESOURCES);
    memory_back();
    ck_assert_uint_eq(told, 0);
    TdiDeregisterPnPHandlers(client);
    TdiDeregisterNetAddress(address);
}

static struct {
    UNICODE_STRING *device;
    NET_PNP_EVENT *event;
    TDI_PNP_CONTEXT *contexts[2];
    ULONG calls;
} power;

static NTSTATUS NTAPI
on_power(PUNICODE_STRING device, PNET_PNP_EVENT event, PTDI_PNP_CONTEXT context1, PTDI_PNP_CONTEXT context2)
{
    ck_assert_uint_eq(KeGetCurrentIrql(), PASSIVE_LEVEL);
    power.device = device;
    power.event = event;
    power.contexts[0] = context1;
    power.contexts[1] = context2;
    power.calls++;
    return STATUS_SUCCESS;
}

static VOID NTAPI
on_power_done(PNET_PNP_EVENT event, NTSTATUS status)
{
}

NT_TEST(TdiPnPPowerRequest_hands_on_what_it_got_and_without_memory_asks_nobody)
{
    TDI_PNP_CONTEXT contexts[2] = {{.ContextType = TDI_PNP_CONTEXT_TYPE_IF_NAME}, {.ContextType = TDI_PNP_CONTEXT_TYPE_PDO}};
    NET_PNP_EVENT event = {.NetEvent = NetEventQueryRemoveDevice};
    UNICODE_STRING device = name_of(L"\\Device\\T");
    memset(&power, 0, sizeof(power));
    HANDLE client = client_open(on_power), deaf = client_open(NULL);
    memory_short();
    ck_assert_int_eq(TdiPnPPowerRequest(&device, &event, &contexts[0], &contexts[1], on_power_done), STATUS_INSUFFICIENT_RESOURCES);
    memory_back();
    ck_assert_uint_eq(power.calls, 0);
    ck_assert_int_eq(TdiPnPPowerRequest(&device, &event, &contexts[0], &contexts[1], on_power_done), STATUS_SUCCESS);
    ck_assert_uint_eq(power.calls, 1);
    ck_assert_ptr_eq(power.device, &device);
    ck_assert_ptr_eq(power.event, &event);
    ck_assert_ptr_eq(power.contexts[0], &contexts[0]);
    ck_assert_ptr_eq(power.contexts[1], &contexts[1]);
    TdiDeregisterPnPHandlers(deaf);
    TdiDeregisterPnPHandlers(client);
}

// --- buffers: nothing to do, nowhere to go --------------------------------------------------------------------------------------------

NT_TEST(TdiMapBuffer_of_no_chain_does_nothing)
{
    TdiMapBuffer(NULL);
    TdiUnmapBuffer(NULL);
}

NT_TEST(TdiCopyMdlToBuffer_writes_nothing_past_the_size_even_when_the_offset_is_past_it)
{
    UCHAR *bytes = ExAllocatePoolZero(NonPagedPoolNx, 8, 'tseT'), to[4] = "....";
    PMDL mdl = IoAllocateMdl(bytes, 8, FALSE, FALSE, NULL);
    ULONG copied = 9;
    MmBuildMdlForNonPagedPool(mdl);
    ck_assert_int_eq(TdiCopyMdlToBuffer(mdl, 0, to, 4, 4, &copied), STATUS_BUFFER_OVERFLOW);
    ck_assert_uint_eq(copied, 0);
    ck_assert_int_eq(TdiCopyMdlToBuffer(mdl, 0, to, 9, 4, &copied), STATUS_BUFFER_OVERFLOW);
    ck_assert_uint_eq(copied, 0);
    ck_assert_int_eq(TdiCopyMdlToBuffer(mdl, 0xFFFFFFFF, to, 0, 4, &copied), STATUS_SUCCESS);
    ck_assert_uint_eq(copied, 0);
    ck_assert_int_eq(memcmp(to, "....", 4), 0);
    IoFreeMdl(mdl);
    ExFreePool(bytes);
}

// --- the macro that makes an IRP --------------------------------------------------------------------------------------------------------

NT_TEST(TdiBuildInternalDeviceControlIrp_gives_an_IRP_with_event_and_status_block_and_none_without_memory)
{
    DEVICE_OBJECT device = {.StackSize = 3};
    FILE_OBJECT file = {0};
    IO_STATUS_BLOCK iosb;
    KEVENT event;
    KeInitializeEvent(&event, NotificationEvent, FALSE);
    PIRP irp = TdiBuildInternalDeviceControlIrp(TDI_SEND, &device, &file, &event, &iosb);
    ck_assert_ptr_nonnull(irp);
    ck_assert_int_eq(irp->StackCount, 3);
    ck_assert_uint_eq(IoGetNextIrpStackLocation(irp)->MajorFunction, IRP_MJ_INTERNAL_DEVICE_CONTROL);
    TdiBuildDisassociateAddress(irp, &device, &file, NULL, NULL);
    ck_assert_uint_eq(IoGetNextIrpStackLocation(irp)->MinorFunction, TDI_DISASSOCIATE_ADDRESS);
    // It is the issuer's until it is completed: its status and its event.
    IoSetNextIrpStackLocation(irp);
    irp->IoStatus.Information = 77;
    TdiCompleteRequest(irp, STATUS_SUCCESS);
    ck_assert_int_eq(iosb.Status, STATUS_SUCCESS);
    ck_assert_uint_eq(iosb.Information, 77);
    ck_assert_int_ne(KeReadStateEvent(&event), 0);
    memory_short();
    ck_assert_ptr_null(TdiBuildInternalDeviceControlIrp(TDI_SEND, &device, &file, &event, &iosb));
    memory_back();
}

// --- user-mode requests ------------------------------------------------------------------------------------------------------------------

// As a process issues it: the input is copied, and the pointers in it are the process's.
struct issued {
    DEVICE_OBJECT device;
    PIRP irp;
    PIO_STACK_LOCATION stack;
    KEVENT event;
    IO_STATUS_BLOCK iosb;
    NTSTATUS status;
};

static void
issue(struct issued *i, ULONG code, void *input, ULONG input_bytes)
{
    memset(i, 0, sizeof(*i));
    i->device.StackSize = 1;
    KeInitializeEvent(&i->event, NotificationEvent, FALSE);
    i->irp = IoBuildDeviceIoControlRequest(code, &i->device, input, input_bytes, NULL, 0, FALSE, &i->event, &i->iosb);
    ck_assert_ptr_nonnull(i->irp);
    IoSetNextIrpStackLocation(i->irp);
    i->stack = IoGetCurrentIrpStackLocation(i->irp);
    i->status = TdiMapUserRequest(&i->device, i->irp, i->stack);
}

static void
retire(struct issued *i)
{
    i->irp->IoStatus.Status = STATUS_CANCELLED;
    IoCompleteRequest(i->irp, IO_NO_INCREMENT);
}

struct user {
    TDI_REQUEST_TYPE request;
    TDI_CONNECTION_INFORMATION one, two;
    UCHAR data[16];
};

#define MAPPED(i, type) ((type *)&(i).stack->Parameters)

// The driver's copy of a place in the user's input.
static void *
copy_at(const struct issued *i, const struct user *user, const void *place)
{
    return (UCHAR *)i->irp->AssociatedIrp.SystemBuffer + ((const UCHAR *)place - (const UCHAR *)user);
}

NT_TEST(TdiMapUserRequest_moves_every_pointer_of_a_connect_into_the_drivers_copy)
{
    struct issued i;
    struct user user = {.one = {.UserDataLength = 3, .OptionsLength = 5, .RemoteAddressLength = 8}};
    user.request.TdiConnect = (TDI_REQUEST_CONNECT){.RequestConnectionInformation = &user.one, .ReturnConnectionInformation = &user.two,
                                                    .Timeout.QuadPart = -10};
    user.one.UserData = user.data;
    user.one.Options = user.data + 3;
    user.one.RemoteAddress = user.data + 8;
    issue(&i, IOCTL_TDI_CONNECT, &user, sizeof(user));
    ck_assert_int_eq(i.status, STATUS_SUCCESS);
    TDI_REQUEST_KERNEL_CONNECT *to = MAPPED(i, TDI_REQUEST_KERNEL_CONNECT);
    ck_assert_ptr_eq(to->RequestConnectionInformation, copy_at(&i, &user, &user.one));
    ck_assert_ptr_eq(to->ReturnConnectionInformation, copy_at(&i, &user, &user.two));
    ck_assert_int_eq(((LARGE_INTEGER *)to->RequestSpecific)->QuadPart, -10);
    ck_assert_ptr_eq(to->RequestConnectionInformation->UserData, copy_at(&i, &user, user.data));
    ck_assert_ptr_eq(to->RequestConnectionInformation->Options, copy_at(&i, &user, user.data + 3));
    ck_assert_ptr_eq(to->RequestConnectionInformation->RemoteAddress, copy_at(&i, &user, user.data + 8));
    ck_assert_ptr_null(to->ReturnConnectionInformation->RemoteAddress);
    retire(&i);
}

NT_TEST(TdiMapUserRequest_hands_on_what_the_other_requests_point_at)
{
    struct issued i;
    struct user user = {0};
    user.request.TdiListen = (TDI_REQUEST_LISTEN){.RequestConnectionInformation = &user.one, .ReturnConnectionInformation = &user.two,
                                                  .ListenFlags = TDI_QUERY_ACCEPT};
    issue(&i, IOCTL_TDI_LISTEN, &user, sizeof(user));
    ck_assert_int_eq(i.status, STATUS_SUCCESS);
    ck_assert_ptr_eq(MAPPED(i, TDI_REQUEST_KERNEL_LISTEN)->RequestConnectionInformation, copy_at(&i, &user, &user.one));
    ck_assert_ptr_eq(MAPPED(i, TDI_REQUEST_KERNEL_LISTEN)->ReturnConnectionInformation, copy_at(&i, &user, &user.two));
    retire(&i);
    user.request.TdiAccept = (TDI_REQUEST_ACCEPT){.RequestConnectionInformation = &user.one, .ReturnConnectionInformation = &user.two};
    issue(&i, IOCTL_TDI_ACCEPT, &user, sizeof(user));
    ck_assert_int_eq(i.status, STATUS_SUCCESS);
    ck_assert_ptr_eq(MAPPED(i, TDI_REQUEST_KERNEL_ACCEPT)->RequestConnectionInformation, copy_at(&i, &user, &user.one));
    ck_assert_ptr_eq(MAPPED(i, TDI_REQUEST_KERNEL_ACCEPT)->ReturnConnectionInformation, copy_at(&i, &user, &user.two));
    retire(&i);
    user.request.TdiSendDatagram = (TDI_REQUEST_SEND_DATAGRAM){.SendDatagramInformation = &user.two};
    issue(&i, IOCTL_TDI_SEND_DATAGRAM, &user, sizeof(user));
    ck_assert_int_eq(i.status, STATUS_SUCCESS);
    ck_assert_ptr_eq(MAPPED(i, TDI_REQUEST_KERNEL_SENDDG)->SendDatagramInformation, copy_at(&i, &user, &user.two));
    retire(&i);
    user.request.TdiReceiveDatagram = (TDI_REQUEST_RECEIVE_DATAGRAM){
        .ReceiveDatagramInformation = &user.one, .ReturnInformation = &user.two, .ReceiveFlags = TDI_RECEIVE_PEEK};
    issue(&i, IOCTL_TDI_RECEIVE_DATAGRAM, &user, sizeof(user));
    ck_assert_int_eq(i.status, STATUS_SUCCESS);
    ck_assert_ptr_eq(MAPPED(i, TDI_REQUEST_KERNEL_RECEIVEDG)->ReceiveDatagramInformation, copy_at(&i, &user, &user.one));
    ck_assert_ptr_eq(MAPPED(i, TDI_REQUEST_KERNEL_RECEIVEDG)->ReturnDatagramInformation, copy_at(&i, &user, &user.two));
    ck_assert_uint_eq(MAPPED(i, TDI_REQUEST_KERNEL_RECEIVEDG)->ReceiveFlags, TDI_RECEIVE_PEEK);
    retire(&i);
    // Without a timeout there is none, rather than one of 0.
    memset(&user, 0, sizeof(user));
    issue(&i, IOCTL_TDI_DISCONNECT, &user, sizeof(user));
    ck_assert_int_eq(i.status, STATUS_SUCCESS);
    ck_assert_ptr_null(MAPPED(i, TDI_REQUEST_KERNEL_DISCONNECT)->RequestSpecific);
    ck_assert_uint_eq(MAPPED(i, TDI_REQUEST_KERNEL_DISCONNECT)->RequestFlags, 0);
    retire(&i);
}

// Where a pointer and its length may not lead, of a SEND_DATAGRAM; the last byte and the byte past it among them.
NT_TEST(TdiMapUserRequest_refuses_every_pointer_that_leads_out_of_the_input)
{
    struct issued i;
    struct user user = {0};
    UCHAR *end = (UCHAR *)(&user + 1), outside[8];
    const struct {
        void *info;
        void *pointer;
        LONG length;
        NTSTATUS status;
    } cases[] = {
        {&user.one, user.data, 16, STATUS_SUCCESS},
        {&user.one, end, 0, STATUS_SUCCESS},
        {&user.one, NULL, 0, STATUS_SUCCESS},
        {&user.one, NULL, -1, STATUS_SUCCESS},                      // no data at all, however long
        {&user.one, user.data, 17, STATUS_INVALID_PARAMETER},
        {&user.one, end, 1, STATUS_INVALID_PARAMETER},
        {&user.one, NULL, 1, STATUS_INVALID_PARAMETER},
        {&user.one, user.data, -1, STATUS_INVALID_PARAMETER},
        {&user.one, user.data, 0x7FFFFFFF, STATUS_INVALID_PARAMETER},
        {&user.one, (UCHAR *)&user - 1, 4, STATUS_INVALID_PARAMETER},
        {&user.one, outside, 4, STATUS_INVALID_PARAMETER},
        {&user.one, (void *)~(ULONG_PTR)0, 4, STATUS_INVALID_PARAMETER},
        {end - sizeof(TDI_CONNECTION_INFORMATION) + 1, NULL, 0, STATUS_INVALID_PARAMETER},
        {outside, NULL, 0, STATUS_INVALID_PARAMETER},
    };
    for (ULONG n = 0; n < 3 * ARRAYSIZE(cases); n++) {
        memset(&user.one, 0, sizeof(user.one));
        void *pointer = cases[n / 3].pointer;
        LONG length = cases[n / 3].length;
        if (n % 3 == 0) {
            user.one.UserData = pointer;
            user.one.UserDataLength = length;
        } else if (n % 3 == 1) {
            user.one.Options = pointer;
            user.one.OptionsLength = length;
        } else {
            user.one.RemoteAddress = pointer;
            user.one.RemoteAddressLength = length;
        }
        user.request.TdiSendDatagram.SendDatagramInformation = cases[n / 3].info;
        issue(&i, IOCTL_TDI_SEND_DATAGRAM, &user, sizeof(user));
        ck_assert_msg(i.status == cases[n / 3].status, "case %u.%u: 0x%08X", n / 3, n % 3, (unsigned)i.status);
        // What is refused stays as it was, for the driver to complete.
        ck_assert_uint_eq(i.stack->MajorFunction, i.status == STATUS_SUCCESS ? IRP_MJ_INTERNAL_DEVICE_CONTROL : IRP_MJ_DEVICE_CONTROL);
        retire(&i);
    }
}

// --- handles that are none ------------------------------------

#define WITH_NO_HANDLE(function)          \
    static void function##_body(void)     \
    {                                     \
        function((HANDLE)&untouched);     \
    }                                     \
    static void function##_of_none(void)  \
    {                                     \
        nt_test_run(1, function##_body);  \
    }

WITH_NO_HANDLE(TdiProviderReady)
WITH_NO_HANDLE(TdiDeregisterProvider)
WITH_NO_HANDLE(TdiDeregisterNetAddress)
WITH_NO_HANDLE(TdiDeregisterPnPHandlers)
WITH_NO_HANDLE(TdiDeregisterNotificationHandler)
WITH_NO_HANDLE(TdiDeregisterAddressChangeHandler)
WITH_NO_HANDLE(TdiEnumerateAddresses)

TEST(handles_that_were_never_registered_stop_the_driver_with_a_report)
{
    harness_reported("TdiProviderReady", TdiProviderReady_of_none);
    harness_reported("TdiDeregisterProvider", TdiDeregisterProvider_of_none);
    harness_reported("TdiDeregisterNetAddress", TdiDeregisterNetAddress_of_none);
    harness_reported("TdiDeregisterPnPHandlers", TdiDeregisterPnPHandlers_of_none);
    harness_reported("TdiDeregisterNotificationHandler", TdiDeregisterNotificationHandler_of_none);
    harness_reported("TdiDeregisterAddressChangeHandler", TdiDeregisterAddressChangeHandler_of_none);
    harness_reported("TdiEnumerateAddresses", TdiEnumerateAddresses_of_none);
}
