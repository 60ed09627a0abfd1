// SPDX-License-Identifier: MIT
// See kit.h.
#include "kit.h"

#include <ip2string.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef TK_NDIS
#include "ndis/ndis.h"
#endif
#include "nt/io/image.h"
#include "nt/ke/ke_int.h"
#include "sim/sim.h"
#include "verify/verify.h"

// The transport under test, where its pairs meet, and what "any address" is there. Another program's kit.c includes this one with its own.
#ifndef TK_DRIVER
#define TK_DRIVER "tdimem"
#define TK_SERVER "server"
#define TK_ANY ""
#define TK_WELCOME "welcome"    // what ClientEventConnect accepts with
#endif

volatile LONG tk_order;
struct tk_place tk_place = {.server = TK_SERVER, .any = TK_ANY};
static uint64_t seed_now;

static LONG
next_order(void)
{
    return InterlockedIncrement(&tk_order);
}

// ---- the box --------------------------------------------------------------------------------------------------------------------

static struct tk_visit
visit(struct box *box)
{
    struct tk_visit v = {.before = sched_self->user};
    if (box == box_self())
        return v;
    v.lent = ke_thread_alloc(box);
    ck_assert_ptr_nonnull(v.lent);
    sched_self->user = v.lent;
    v.lent->sched_thread = sched_self;
    return v;
}

static void
go_back(struct tk_visit v)
{
    if (!v.lent)
        return;
    sched_self->user = v.before;
    ke_thread_free(v.lent);
}

struct run {
    void (*fn)(void);
};

static void
run_body(void *arg)
{
    struct run *run = arg;
    struct io_image *image;
    char error[256] = "";
    struct io_image_config config = {.name = TK_DRIVER, .path = NBX_DRIVER_DIR "/" TK_DRIVER ".so"};
#ifdef TK_NDIS
    ck_assert_int_eq(ndis_create(box_self()), 0);
#endif
    NTSTATUS status = io_image_load(box_self(), &config, &image, error, sizeof(error));
    ck_assert_msg(status == STATUS_SUCCESS, TK_DRIVER ": %08x %s", (unsigned)status, error);
    run->fn();
    ck_assert_int_eq(io_image_unload(image), STATUS_SUCCESS);
#ifdef TK_NDIS
    ck_assert_uint_eq(ndis_destroy(box_self()), 0);
#endif
}

void
tk_run(const char *test, void (*fn)(void), unsigned seeds)
{
    tk_run_from(test, fn, 0, seeds);
}

void
tk_run_from(const char *test, void (*fn)(void), uint64_t first, unsigned seeds)
{
    struct run run = {fn};
    for (uint64_t seed = first; seed < first + seeds; seed++) {
#ifdef TK_THREADS
        struct sched *sched = sched_threads_create(seed + 1);
#else
        const char *error = NULL;
        struct sim_config config = {.seed = seed, .strategy = seed ? SIM_RANDOM_WALK : SIM_RUN_TO_BLOCK, .switch_one_in = 1 + seed % 4};
        struct sched *sched = sim_create(&config, &error);
        ck_assert_msg(sched != NULL, "%s", error);
#endif
        seed_now = seed;
        struct verify *verify = verify_create(sched, VERIFY_ON, NULL);
        ck_assert_ptr_nonnull(verify);
        struct box *box = box_create(sched, &(struct box_config){.name = "box", .processors = 2, .seed = seed});
        ck_assert_ptr_nonnull(box);
        box->verify = verify;
        int rc = box_run(box, run_body, &run);
        ck_assert_msg(rc == 0, "%s, seed %llu: nothing can run any more", test, (unsigned long long)seed);
        ck_assert_msg(box_destroy(box) == 0, "%s, seed %llu: something stayed behind", test, (unsigned long long)seed);
        ck_assert_msg(!atomic_load(&verify->findings), "%s, seed %llu: a rule was broken", test, (unsigned long long)seed);
        verify_destroy(verify);
        sched_destroy(sched);
    }
}

void
tk_sleep_ms(LONG ms)
{
    LARGE_INTEGER delay = {.QuadPart = -10000LL * ms};
    KeDelayExecutionThread(KernelMode, FALSE, &delay);
}

void
tk_sleep_us(LONG us)
{
    LARGE_INTEGER delay = {.QuadPart = -10LL * us};
    KeDelayExecutionThread(KernelMode, FALSE, &delay);
}

void
tk_settle(void)
{
    tk_sleep_ms(20);
}

bool
tk_event_wait(KEVENT *event, LONG ms)
{
    LARGE_INTEGER timeout = {.QuadPart = -10000LL * ms};
    return KeWaitForSingleObject(event, Executive, KernelMode, FALSE, &timeout) == STATUS_SUCCESS;
}

bool
tk_event_wait_in(struct box *box, KEVENT *event, LONG ms)
{
    struct tk_visit v = visit(box);
    bool is_set = tk_event_wait(event, ms);
    go_back(v);
    return is_set;
}

bool
tk_disconnected(struct tk_endpoint *endpoint, LONG ms)
{
    return tk_event_wait_in(endpoint->box, &endpoint->disconnected, ms);
}

// ---- opening --------------------------------------------------------------------------------------------------------------------

// A name of the transport under test: "server" is a NetBIOS name, "10.0.0.1:80" and "[::1]:80" are addresses. NULL is any; TK_ANY says
// which kind that is.
static void
name_set(struct tk_name *to, const char *name)
{
    PCSTR end;
    memset(to, 0, sizeof(*to));
    name = name ? name : tk_place.any;
    to->u.list.TAAddressCount = 1;
    if (name[0] >= '0' && name[0] <= '9') {
        IN_ADDR address;
        ck_assert_int_eq(RtlIpv4StringToAddressA(name, TRUE, &end, &address), STATUS_SUCCESS);
        to->u.ip.Address[0].AddressLength = TDI_ADDRESS_LENGTH_IP;
        to->u.ip.Address[0].AddressType = TDI_ADDRESS_TYPE_IP;
        memcpy(&to->u.ip.Address[0].Address[0].in_addr, &address, 4);
        to->u.ip.Address[0].Address[0].sin_port = RtlUshortByteSwap((USHORT)atoi(end + 1));
        to->bytes = sizeof(TA_IP_ADDRESS);
    } else if (name[0] == '[') {
        IN6_ADDR address;
        ck_assert_int_eq(RtlIpv6StringToAddressA(name + 1, &end, &address), STATUS_SUCCESS);
        if (*end == '%')
            to->u.ip6.Address[0].Address[0].sin6_scope_id = (ULONG)strtoul(end + 1, (char **)&end, 10);
        to->u.ip6.Address[0].AddressLength = TDI_ADDRESS_LENGTH_IP6;
        to->u.ip6.Address[0].AddressType = TDI_ADDRESS_TYPE_IP6;
        memcpy(to->u.ip6.Address[0].Address[0].sin6_addr, &address, 16);
        to->u.ip6.Address[0].Address[0].sin6_port = RtlUshortByteSwap((USHORT)atoi(end + 2));
        to->bytes = sizeof(TA_IP6_ADDRESS);
    } else {
        to->u.netbios.Address[0].AddressLength = TDI_ADDRESS_LENGTH_NETBIOS;
        to->u.netbios.Address[0].AddressType = TDI_ADDRESS_TYPE_NETBIOS;
        memcpy(to->u.netbios.Address[0].Address[0].NetbiosName, name, strlen(name) < 16 ? strlen(name) : 16);
        to->bytes = sizeof(TA_NETBIOS_ADDRESS);
    }
}

static ULONG share_now;

static NTSTATUS
open_with(PCWSTR device, const char *ea_name, const void *value, USHORT value_bytes, HANDLE *handle, PFILE_OBJECT *file,
          PDEVICE_OBJECT *object)
{
    union {
        FILE_FULL_EA_INFORMATION ea;
        UCHAR room[128];
    } u = {0};
    UNICODE_STRING name;
    OBJECT_ATTRIBUTES attributes;
    IO_STATUS_BLOCK iosb;
    ULONG bytes = 0;
    if (ea_name) {
        u.ea.EaNameLength = (UCHAR)strlen(ea_name);
        u.ea.EaValueLength = value_bytes;
        memcpy(u.ea.EaName, ea_name, strlen(ea_name) + 1);
        memcpy(u.ea.EaName + strlen(ea_name) + 1, value, value_bytes);
        bytes = (ULONG)(offsetof(FILE_FULL_EA_INFORMATION, EaName) + strlen(ea_name) + 1 + value_bytes);
    }
    RtlInitUnicodeString(&name, device);
    InitializeObjectAttributes(&attributes, &name, OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE, NULL, NULL);
    NTSTATUS status = ZwCreateFile(handle, GENERIC_READ | GENERIC_WRITE, &attributes, &iosb, NULL, 0, share_now, FILE_OPEN, 0,
                                   ea_name ? &u : NULL, bytes);
    if (!NT_SUCCESS(status))
        return status;
    ck_assert_int_eq(ObReferenceObjectByHandle(*handle, 0, *IoFileObjectType, KernelMode, (PVOID *)file, NULL), STATUS_SUCCESS);
    *object = IoGetRelatedDeviceObject(*file);
    return status;
}

static NTSTATUS
address_open(struct box *box, struct tk_address *address, PCWSTR device, const char *name)
{
    memset(address, 0, sizeof(*address));
    KeInitializeEvent(&address->got_datagram, SynchronizationEvent, FALSE);
    address->refusal = STATUS_CONNECTION_REFUSED;
    address->box = box ? box : box_self();
    name_set(&address->name, name);
    struct tk_visit v = visit(address->box);
    NTSTATUS status = open_with(device, TdiTransportAddress, &address->name.u, (USHORT)address->name.bytes, &address->handle,
                                &address->file, &address->device);
    go_back(v);
    return status;
}

NTSTATUS
tk_try_address(struct tk_address *address, PCWSTR device, const char *name)
{
    return address_open(tk_place.box, address, device, name);
}

NTSTATUS
tk_reopen_address(struct tk_address *address, PCWSTR device, const char *name)
{
    return address_open(address->box, address, device, name);
}

NTSTATUS
tk_try_shared_address(struct tk_address *address, PCWSTR device, const char *name)
{
    share_now = FILE_SHARE_READ | FILE_SHARE_WRITE;
    NTSTATUS status = tk_try_address(address, device, name);
    share_now = 0;
    return status;
}

void
tk_open_control(struct tk_control *control, PCWSTR device)
{
    ck_assert_int_eq(open_with(device, NULL, NULL, 0, &control->handle, &control->file, &control->device), STATUS_SUCCESS);
}

void
tk_close_control(struct tk_control *control)
{
    ObDereferenceObject(control->file);
    ZwClose(control->handle);
}

void
tk_open_address(struct tk_address *address, PCWSTR device, const char *name)
{
    NTSTATUS status = tk_try_address(address, device, name);
    ck_assert_msg(status == STATUS_SUCCESS, "address %s: %08x", name ? name : "(any)", (unsigned)status);
}

static void
endpoint_open(struct box *box, struct tk_endpoint *endpoint, PCWSTR device)
{
    CONNECTION_CONTEXT context = endpoint;
    memset(endpoint, 0, offsetof(struct tk_endpoint, stream));
    endpoint->box = box ? box : box_self();
    KeInitializeEvent(&endpoint->received, SynchronizationEvent, FALSE);
    KeInitializeEvent(&endpoint->disconnected, SynchronizationEvent, FALSE);
    KeInitializeEvent(&endpoint->room, SynchronizationEvent, FALSE);
    struct tk_visit v = visit(endpoint->box);
    ck_assert_int_eq(open_with(device, TdiConnectionContext, &context, sizeof(context), &endpoint->handle, &endpoint->file,
                     &endpoint->device),
                     STATUS_SUCCESS);
    go_back(v);
}

void
tk_open_endpoint(struct tk_endpoint *endpoint, PCWSTR device)
{
    endpoint_open(tk_place.box, endpoint, device);
}

void
tk_reopen_endpoint(struct tk_endpoint *endpoint, PCWSTR device)
{
    endpoint_open(endpoint->box, endpoint, device);
}

void
tk_open_pair(struct tk_address *address, struct tk_endpoint *endpoint, PCWSTR device, const char *name)
{
    tk_open_address(address, device, name);
    tk_open_endpoint(endpoint, device);
    ck_assert_int_eq(tk_associate(endpoint, address), STATUS_SUCCESS);
}

void
tk_close_address(struct tk_address *address)
{
    if (!address->file)
        return;
    struct tk_visit v = visit(address->box);
    ObDereferenceObject(address->file);
    ZwClose(address->handle);
    go_back(v);
    address->file = NULL;
}

void
tk_close_endpoint(struct tk_endpoint *endpoint)
{
    if (!endpoint->file)
        return;
    struct tk_visit v = visit(endpoint->box);
    ObDereferenceObject(endpoint->file);
    ZwClose(endpoint->handle);
    go_back(v);
    endpoint->file = NULL;
}

// ---- requests -------------------------------------------------------------------------------------------------------------------

NTSTATUS
tk_ioctl(PFILE_OBJECT file, ULONG code, const void *in, ULONG in_bytes, void *out, ULONG out_bytes, ULONG_PTR *information)
{
    KEVENT done;
    IO_STATUS_BLOCK iosb = {0};
    KeInitializeEvent(&done, NotificationEvent, FALSE);
    PIRP irp = IoBuildDeviceIoControlRequest(code, IoGetRelatedDeviceObject(file), (PVOID)in, in_bytes, out, out_bytes, FALSE, &done,
                                             &iosb);
    ck_assert_ptr_nonnull(irp);
    IoGetNextIrpStackLocation(irp)->FileObject = file;
    NTSTATUS status = IoCallDriver(IoGetRelatedDeviceObject(file), irp);
    if (status == STATUS_PENDING) {
        ck_assert(tk_event_wait(&done, TK_WAIT_MS));
        status = iosb.Status;
    }
    if (information)
        *information = iosb.Information;
    return status;
}

static IO_COMPLETION_ROUTINE completed;
static NTSTATUS
completed(PDEVICE_OBJECT device, PIRP irp, PVOID context)
{
    struct tk_request *r = context;
    r->iosb = irp->IoStatus;
    r->completed_at = KeGetCurrentIrql();
    r->order = next_order();
    InterlockedIncrement(&r->completions);
    KeSetEvent(&r->done, 0, FALSE);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static void
begin(struct tk_request *r, struct box *box, PFILE_OBJECT file)
{
    memset(r, 0, sizeof(*r));
    r->box = box;
    r->visit = visit(box);   // until call; a handler is in its box already
    KeInitializeEvent(&r->done, NotificationEvent, FALSE);
    r->irp = IoAllocateIrp(IoGetRelatedDeviceObject(file)->StackSize, FALSE);
    ck_assert_ptr_nonnull(r->irp);
}

static void
call(struct tk_request *r, PFILE_OBJECT file)
{
    r->minor = IoGetNextIrpStackLocation(r->irp)->MinorFunction;
    r->returned = IoCallDriver(IoGetRelatedDeviceObject(file), r->irp);
    go_back(r->visit);
}

static void
describe(struct tk_request *r, const void *bytes, ULONG count)
{
    if (!count)
        return;
    r->mdl = IoAllocateMdl((PVOID)bytes, count, FALSE, FALSE, NULL);
    ck_assert_ptr_nonnull(r->mdl);
    MmBuildMdlForNonPagedPool(r->mdl);
}

static void
say(struct tk_request *r, const char *data)
{
    if (data) {
        memcpy(r->data, data, strlen(data));
        r->send.UserData = r->data;
        r->send.UserDataLength = (LONG)strlen(data);
    }
    r->back.UserData = r->back_data;
    r->back.UserDataLength = sizeof(r->back_data);
    r->back.Options = &r->back_options;
    r->back.OptionsLength = sizeof(r->back_options);
    r->back.RemoteAddress = &r->back_ip6;
    r->back.RemoteAddressLength = sizeof(r->back_ip6);
}

NTSTATUS
tk_wait(struct tk_request *r)
{
    return tk_wait_long(r, TK_WAIT_MS);
}

NTSTATUS
tk_wait_long(struct tk_request *r, LONG ms)
{
    struct tk_visit v = visit(r->box);
    ck_assert_msg(tk_event_wait(&r->done, ms), "seed %llu: the request with MinorFunction %u does not end",
                  (unsigned long long)seed_now, r->minor);
    ck_assert_int_eq(r->completions, 1);
    if (r->returned != STATUS_PENDING)
        ck_assert_int_eq(r->returned, r->iosb.Status);
    ck_assert_uint_le(r->completed_at, DISPATCH_LEVEL);
    IoFreeIrp(r->irp);
    r->irp = NULL;
    if (r->mdl)
        IoFreeMdl(r->mdl);
    r->mdl = NULL;
    go_back(v);
    return r->iosb.Status;
}

BOOLEAN
tk_cancel(struct tk_request *r)
{
    struct tk_visit v = visit(r->box);
    BOOLEAN is_called = IoCancelIrp(r->irp);
    go_back(v);
    return is_called;
}

bool
tk_is_done(struct tk_request *r)
{
    return KeReadStateEvent(&r->done) != 0;
}

NTSTATUS
tk_associate(struct tk_endpoint *endpoint, struct tk_address *address)
{
    struct tk_request r;
    begin(&r, endpoint->box, endpoint->file);
    TdiBuildAssociateAddress(r.irp, endpoint->device, endpoint->file, completed, &r, address->handle);
    call(&r, endpoint->file);
    return tk_wait(&r);
}

NTSTATUS
tk_disassociate(struct tk_endpoint *endpoint)
{
    struct tk_request r;
    begin(&r, endpoint->box, endpoint->file);
    TdiBuildDisassociateAddress(r.irp, endpoint->device, endpoint->file, completed, &r);
    call(&r, endpoint->file);
    return tk_wait(&r);
}

void
tk_connect(struct tk_request *r, struct tk_endpoint *endpoint, const char *to, const char *data, LONGLONG timeout_100ns)
{
    begin(r, endpoint->box, endpoint->file);
    say(r, data);
    name_set(&r->remote, to);
    r->send.RemoteAddress = &r->remote.u;
    r->send.RemoteAddressLength = (LONG)r->remote.bytes;
    r->time.QuadPart = timeout_100ns;
    TdiBuildConnect(r->irp, endpoint->device, endpoint->file, completed, r, timeout_100ns ? &r->time : NULL, &r->send, &r->back);
    call(r, endpoint->file);
}

void
tk_listen(struct tk_request *r, struct tk_endpoint *endpoint, ULONG flags, const char *from)
{
    begin(r, endpoint->box, endpoint->file);
    say(r, NULL);
    if (from) {
        name_set(&r->remote, from);
        r->send.RemoteAddress = &r->remote.u;
        r->send.RemoteAddressLength = (LONG)r->remote.bytes;
    }
    TdiBuildListen(r->irp, endpoint->device, endpoint->file, completed, r, flags, &r->send, &r->back);
    call(r, endpoint->file);
}

void
tk_accept(struct tk_request *r, struct tk_endpoint *endpoint, const char *data)
{
    begin(r, endpoint->box, endpoint->file);
    say(r, data);
    TdiBuildAccept(r->irp, endpoint->device, endpoint->file, completed, r, &r->send, &r->back);
    call(r, endpoint->file);
}

void
tk_disconnect(struct tk_request *r, struct tk_endpoint *endpoint, ULONG flags, const char *data, LONGLONG timeout_100ns)
{
    begin(r, endpoint->box, endpoint->file);
    say(r, data);
    r->time.QuadPart = timeout_100ns;
    TdiBuildDisconnect(r->irp, endpoint->device, endpoint->file, completed, r, timeout_100ns == 1 ? NULL : &r->time, flags,
                       data ? &r->send : NULL, &r->back);
    call(r, endpoint->file);
}

void
tk_send(struct tk_request *r, struct tk_endpoint *endpoint, const void *bytes, ULONG count, ULONG flags)
{
    begin(r, endpoint->box, endpoint->file);
    describe(r, bytes, count);
    TdiBuildSend(r->irp, endpoint->device, endpoint->file, completed, r, r->mdl, flags, count);
    call(r, endpoint->file);
}

void
tk_receive(struct tk_request *r, struct tk_endpoint *endpoint, void *bytes, ULONG count, ULONG flags)
{
    begin(r, endpoint->box, endpoint->file);
    describe(r, bytes, count);
    TdiBuildReceive(r->irp, endpoint->device, endpoint->file, completed, r, r->mdl, flags, count);
    call(r, endpoint->file);
}

void
tk_send_datagram(struct tk_request *r, struct tk_address *address, const char *to, const void *bytes, ULONG count)
{
    begin(r, address->box, address->file);
    describe(r, bytes, count);
    name_set(&r->remote, to);
    r->send.RemoteAddress = &r->remote.u;
    r->send.RemoteAddressLength = (LONG)r->remote.bytes;
    TdiBuildSendDatagram(r->irp, address->device, address->file, completed, r, r->mdl, count, &r->send);
    call(r, address->file);
}

void
tk_receive_datagram(struct tk_request *r, struct tk_address *address, void *bytes, ULONG count, const char *from)
{
    begin(r, address->box, address->file);
    say(r, NULL);
    describe(r, bytes, count);
    if (from) {
        name_set(&r->remote, from);
        r->send.RemoteAddress = &r->remote.u;
        r->send.RemoteAddressLength = (LONG)r->remote.bytes;
    }
    TdiBuildReceiveDatagram(r->irp, address->device, address->file, completed, r, r->mdl, count, &r->send, &r->back, TDI_RECEIVE_NORMAL);
    call(r, address->file);
}

void
tk_query(struct tk_request *r, PFILE_OBJECT file, LONG type, void *bytes, ULONG count)
{
    begin(r, box_self(), file);
    describe(r, bytes, count);
    TdiBuildQueryInformation(r->irp, IoGetRelatedDeviceObject(file), file, completed, r, type, r->mdl);
    call(r, file);
}

void
tk_action(struct tk_request *r, PFILE_OBJECT file, void *bytes, ULONG count)
{
    begin(r, box_self(), file);
    describe(r, bytes, count);
    TdiBuildAction(r->irp, IoGetRelatedDeviceObject(file), file, completed, r, r->mdl);
    call(r, file);
}

void
tk_raw(struct tk_request *r, PFILE_OBJECT file, UCHAR minor)
{
    begin(r, box_self(), file);
    PIO_STACK_LOCATION next = IoGetNextIrpStackLocation(r->irp);
    TdiBuildBaseIrp(r->irp, IoGetRelatedDeviceObject(file), file, completed, r, next, minor);
    call(r, file);
}

// ---- requests of handlers ---------------------------------------------------------------------------------------------------------

PIRP
tk_receive_make(struct tk_request *r, struct tk_endpoint *endpoint, void *bytes, ULONG count, ULONG flags)
{
    begin(r, endpoint->box, endpoint->file);
    describe(r, bytes, count);
    TdiBuildReceive(r->irp, endpoint->device, endpoint->file, completed, r, r->mdl, flags, count);
    r->returned = STATUS_PENDING;
    go_back(r->visit);
    return r->irp;
}

PIRP
tk_receive_datagram_make(struct tk_request *r, struct tk_address *address, void *bytes, ULONG count)
{
    begin(r, address->box, address->file);
    say(r, NULL);
    describe(r, bytes, count);
    TdiBuildReceiveDatagram(r->irp, address->device, address->file, completed, r, r->mdl, count, NULL, &r->back, 0);
    r->returned = STATUS_PENDING;
    go_back(r->visit);
    return r->irp;
}

PIRP
tk_accept_make(struct tk_request *r, struct tk_endpoint *endpoint, const char *data)
{
    begin(r, endpoint->box, endpoint->file);
    say(r, data);
    TdiBuildAccept(r->irp, endpoint->device, endpoint->file, completed, r, &r->send, &r->back);
    r->returned = STATUS_PENDING;
    go_back(r->visit);
    return r->irp;
}

// ---- events ---------------------------------------------------------------------------------------------------------------------

static TDI_IND_CONNECT on_connect;
static NTSTATUS
on_connect(PVOID context, LONG remote_bytes, PVOID remote, LONG data_bytes, PVOID data, LONG options_bytes, PVOID options,
           CONNECTION_CONTEXT *connection, PIRP *accept)
{
    struct tk_address *address = context;
    struct tk_endpoint *endpoint = atomic_exchange(&address->accepts, NULL);
    ck_assert_uint_le(KeGetCurrentIrql(), DISPATCH_LEVEL);
    InterlockedIncrement(&address->offers);
    address->offer_bytes = data_bytes;
    if (data_bytes)
        memcpy(address->offer_data, data, (size_t)data_bytes);
    if (!endpoint)
        return address->refusal;
    struct tk_request *r = &address->accept;
    *connection = endpoint;
    *accept = tk_accept_make(r, endpoint, TK_WELCOME);
    return STATUS_MORE_PROCESSING_REQUIRED;
}

static TDI_IND_DISCONNECT on_disconnect;
static NTSTATUS
on_disconnect(PVOID context, CONNECTION_CONTEXT connection, LONG data_bytes, PVOID data, LONG information_bytes, PVOID information,
              ULONG flags)
{
    struct tk_endpoint *endpoint = connection;
    ck_assert_uint_le(KeGetCurrentIrql(), DISPATCH_LEVEL);
    endpoint->disconnects++;
    endpoint->disconnect_order = next_order();
    endpoint->disconnect_flags = flags;
    endpoint->disconnect_bytes = data_bytes;
    if (data_bytes)
        memcpy(endpoint->disconnect_data, data, (size_t)data_bytes);
    if (information_bytes == sizeof(ULONG))
        endpoint->disconnect_why = *(ULONG *)information;
    if (endpoint->reuse)
        tk_listen(&endpoint->listen, endpoint->reuse, 0, NULL);
    KeSetEvent(&endpoint->disconnected, 0, FALSE);
    return STATUS_SUCCESS;
}

static void
take(struct tk_endpoint *endpoint, const void *from, ULONG bytes)
{
    ck_assert_uint_le(endpoint->stream_bytes + bytes, sizeof(endpoint->stream));
    memcpy(endpoint->stream + endpoint->stream_bytes, from, bytes);
    endpoint->stream_bytes += bytes;
}

static TDI_IND_RECEIVE on_receive;
static NTSTATUS
on_receive(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG indicated, ULONG available, ULONG *taken, PVOID tsdu, PIRP *irp)
{
    struct tk_address *address = context;
    struct tk_endpoint *endpoint = connection;
    ck_assert_uint_le(indicated, available);
    ck_assert_uint_ge(indicated, available < 128 ? available : 128);
    ck_assert_int_eq(!!(flags & TDI_RECEIVE_AT_DISPATCH_LEVEL), KeGetCurrentIrql() == DISPATCH_LEVEL);
    ck_assert_int_eq(endpoint->disconnects && endpoint->disconnect_flags == TDI_DISCONNECT_RELEASE, 0);   // it is the last one
    endpoint->receives++;
    endpoint->last_indicated = indicated;
    endpoint->last_available = available;
    endpoint->last_flags = flags;
    if (flags & TDI_RECEIVE_EXPEDITED)
        endpoint->expedited++;
    KeSetEvent(&endpoint->received, 0, FALSE);
    if (address->mode == TK_TAKE_NONE)
        return STATUS_DATA_NOT_ACCEPTED;
    if (address->mode == TK_TAKE_WITH_IRP) {
        struct tk_request *r = &address->receive;
        address->mode = TK_TAKE_ALL;
        *irp = tk_receive_make(r, endpoint, address->receive_room, sizeof(address->receive_room), TDI_RECEIVE_NORMAL);
        *taken = 0;
        return STATUS_MORE_PROCESSING_REQUIRED;
    }
    *taken = address->mode == TK_TAKE_TWO && indicated > 2 ? 2 : indicated;
    take(endpoint, tsdu, *taken);
    return STATUS_SUCCESS;
}

// Copies, or keeps and gives back later (tests do).
static NTSTATUS
chained(struct tk_address *address, struct tk_endpoint *endpoint, ULONG bytes, ULONG offset, PMDL tsdu, PVOID descriptor)
{
    ULONG copied;
    UCHAR *to = endpoint ? endpoint->stream + endpoint->stream_bytes : address->datagram;
    NTSTATUS copying = TdiCopyMdlToBuffer(tsdu, offset, to, 0, bytes, &copied);
    ck_assert(copying == STATUS_SUCCESS || copying == STATUS_BUFFER_OVERFLOW);   // a miniport's buffer may be longer than what it holds
    ck_assert_uint_eq(copied, bytes);
    if (endpoint)
        endpoint->stream_bytes += bytes;
    else
        address->datagram_bytes = bytes;
    address->chained++;
    if (!address->keeps)
        return STATUS_SUCCESS;
    address->kept[address->kept_count++] = descriptor;
    return STATUS_PENDING;
}

static TDI_IND_CHAINED_RECEIVE on_chained, on_chained_expedited;
static NTSTATUS
on_chained(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG bytes, ULONG offset, PMDL tsdu, PVOID descriptor)
{
    struct tk_endpoint *endpoint = connection;
    ck_assert(flags & TDI_RECEIVE_ENTIRE_MESSAGE);
    endpoint->last_flags = flags;
    NTSTATUS status = chained(context, endpoint, bytes, offset, tsdu, descriptor);
    KeSetEvent(&endpoint->received, 0, FALSE);
    return status;
}

static NTSTATUS
on_chained_expedited(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG bytes, ULONG offset, PMDL tsdu, PVOID descriptor)
{
    ck_assert(flags & TDI_RECEIVE_EXPEDITED);
    ((struct tk_endpoint *)connection)->expedited++;
    return on_chained(context, connection, flags, bytes, offset, tsdu, descriptor);
}

static TDI_IND_RECEIVE_EXPEDITED on_expedited;
static NTSTATUS
on_expedited(PVOID context, CONNECTION_CONTEXT connection, ULONG flags, ULONG indicated, ULONG available, ULONG *taken, PVOID tsdu,
             PIRP *irp)
{
    ck_assert(flags & TDI_RECEIVE_EXPEDITED);
    return on_receive(context, connection, flags, indicated, available, taken, tsdu, irp);
}

static TDI_IND_RECEIVE_DATAGRAM on_datagram;
static NTSTATUS
on_datagram(PVOID context, LONG source_bytes, PVOID source, LONG options_bytes, PVOID options, ULONG flags, ULONG indicated,
            ULONG available, ULONG *taken, PVOID tsdu, PIRP *irp)
{
    struct tk_address *address = context;
    address->datagrams++;
    if (address->mode == TK_TAKE_WITH_IRP) {
        struct tk_request *r = &address->receive;
        *irp = tk_receive_datagram_make(r, address, address->receive_room, sizeof(address->receive_room));
        *taken = 0;
        KeSetEvent(&address->got_datagram, 0, FALSE);
        return STATUS_MORE_PROCESSING_REQUIRED;
    }
    memcpy(address->datagram, tsdu, indicated);
    address->datagram_bytes = indicated;
    *taken = indicated;
    KeSetEvent(&address->got_datagram, 0, FALSE);
    return STATUS_SUCCESS;
}

static TDI_IND_CHAINED_RECEIVE_DATAGRAM on_chained_datagram;
static NTSTATUS
on_chained_datagram(PVOID context, LONG source_bytes, PVOID source, LONG options_bytes, PVOID options, ULONG flags, ULONG bytes,
                    ULONG offset,
                    PMDL tsdu, PVOID descriptor)
{
    struct tk_address *address = context;
    NTSTATUS status = chained(address, NULL, bytes, offset, tsdu, descriptor);
    KeSetEvent(&address->got_datagram, 0, FALSE);
    return status;
}

static TDI_IND_SEND_POSSIBLE on_possible;
static NTSTATUS
on_possible(PVOID context, PVOID connection, ULONG bytes)
{
    struct tk_endpoint *endpoint = connection;
    ck_assert_uint_gt(bytes, 0);
    endpoint->possible++;
    KeSetEvent(&endpoint->room, 0, FALSE);
    return STATUS_SUCCESS;
}

static TDI_IND_ERROR on_error;
static NTSTATUS
on_error(PVOID context, NTSTATUS status)
{
    struct tk_address *address = context;
    address->errors++;
    address->last_error = status;
    return STATUS_SUCCESS;
}

static TDI_IND_ERROR_EX on_error_ex;
static NTSTATUS
on_error_ex(PVOID context, NTSTATUS status, PVOID buffer)
{
    struct tk_address *address = context;
    address->errors_ex++;
    address->last_error = status;
    return STATUS_SUCCESS;
}

NTSTATUS
tk_set_handler(struct tk_address *address, LONG type, PVOID handler)
{
    struct tk_request r;
    begin(&r, address->box, address->file);
    TdiBuildSetEventHandler(r.irp, address->device, address->file, completed, &r, type, handler, address);
    call(&r, address->file);
    return tk_wait(&r);
}

void
tk_set_handler_of(struct tk_address *address, LONG type)
{
    static PVOID const handlers[TK_ALL_EVENTS] = {on_connect, on_disconnect, on_error, on_receive, on_datagram, on_expedited, on_possible,
                                                  on_chained, on_chained_datagram, on_chained_expedited, on_error_ex};
    ck_assert_int_eq(tk_set_handler(address, type, handlers[type]), STATUS_SUCCESS);
}

void
tk_set_handlers(struct tk_address *address)
{
    tk_set_handler_of(address, TDI_EVENT_CONNECT);
    tk_set_handler_of(address, TDI_EVENT_DISCONNECT);
    tk_set_handler_of(address, TDI_EVENT_RECEIVE);
}

// ---- pairs ----------------------------------------------------------------------------------------------------------------------

void
tk_pair_connect(struct tk_pair *pair)
{
    struct tk_request listen, connect;
    pair->there.stream_bytes = pair->here.stream_bytes = 0;
    pair->there.disconnects = pair->here.disconnects = 0;
    tk_listen(&listen, &pair->there, 0, NULL);
    tk_connect(&connect, &pair->here, tk_place.server, NULL, 0);
    ck_assert_int_eq(tk_wait(&connect), STATUS_SUCCESS);
    ck_assert_int_eq(tk_wait(&listen), STATUS_SUCCESS);
}

void
tk_pair_prepare(struct tk_pair *pair, PCWSTR device)
{
    tk_place.box = tk_place.there;
    tk_open_pair(&pair->server, &pair->there, device, tk_place.server);
    tk_place.box = NULL;
    tk_open_pair(&pair->client, &pair->here, device, NULL);
}

void
tk_pair_open(struct tk_pair *pair, PCWSTR device)
{
    tk_pair_prepare(pair, device);
    tk_pair_connect(pair);
}

void
tk_pair_close(struct tk_pair *pair)
{
    tk_close_endpoint(&pair->here);
    tk_close_endpoint(&pair->there);
    tk_close_address(&pair->client);
    tk_close_address(&pair->server);
}
