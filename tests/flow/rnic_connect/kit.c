// SPDX-License-Identifier: MIT
// See kit.h. Objects are the provider's, in the box of their adapter: a call visits that box on a thread that is lent for it.
#include "kit.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "host.h"
#include "host/sched.h"
#include "loader/keep.h"
#include "nbx/link.h"
#include "nbx/world.h"
#include "nt/io/image.h"
#include "nt/ke/ke_int.h"
#include "sim/sim.h"
#include "verify/sink.h"
#include "wire/pcapng.h"

struct rc_end rc_end[2];
struct rc_net rc_net;
void (*rc_on_removal)(int box);
enum nbx_ndk_gone rc_gone = NBX_NDK_SURPRISE;
const struct rc_data rc_plain = {.inbound = 8, .outbound = 8};

static struct world *world;

// ---- boxes ------------------------------------------------------------------------------------------------------------------------

static struct rc_visit
visit(int index)
{
    struct box *box = rc_end[index].box;
    struct rc_visit v = {.before = sched_self->user};
    if (box != box_self()) {
        v.lent = ke_thread_alloc(box);
        ck_assert_ptr_nonnull(v.lent);
        sched_self->user = v.lent;
        v.lent->sched_thread = sched_self;
    }
    return v;
}

static void
go_back(struct rc_visit v)
{
    if (!v.lent)
        return;
    sched_self->user = v.before;
    ke_thread_free(v.lent);
}

// For one call of the provider's.
struct rc_visit
rc_visit(int index)
{
    struct rc_visit v = visit(index);
    if (rc_net.at_dispatch)
        KeRaiseIrql(DISPATCH_LEVEL, &v.irql);
    return v;
}

void
rc_go_back(struct rc_visit v)
{
    if (rc_net.at_dispatch)
        KeLowerIrql(v.irql);
    go_back(v);
}

void
rc_sleep_ms(ULONG ms)
{
    LARGE_INTEGER interval = {.QuadPart = -(LONGLONG)ms * 10000};
    KeDelayExecutionThread(KernelMode, FALSE, &interval);
}

void
rc_cable(int box, bool is_whole)
{
    struct rc_visit v = visit(box);
    ck_assert(link_force(box_self(), "wire:lan", is_whole));
    go_back(v);
}

bool
rc_event(int box, KEVENT *event, ULONG ms)
{
    struct rc_visit v = visit(box);
    LARGE_INTEGER timeout = {.QuadPart = -(LONGLONG)ms * 10000};
    NTSTATUS status = KeWaitForSingleObject(event, Executive, KernelMode, FALSE, &timeout);
    go_back(v);
    return status == STATUS_SUCCESS;
}

// ---- addresses --------------------------------------------------------------------------------------------------------------------

SOCKADDR_INET
rc_address(int box, USHORT port)
{
    SOCKADDR_INET address = {0};
    if (rc_net.is_six) {
        UCHAR bytes[16] = {0xFD, [15] = (UCHAR)(box + 1)};
        address.Ipv6.sin6_family = AF_INET6;
        address.Ipv6.sin6_port = RtlUshortByteSwap(port);
        memcpy(&address.Ipv6.sin6_addr, bytes, sizeof bytes);
    } else {
        UCHAR bytes[4] = {10, 0, 0, (UCHAR)(box + 1)};
        address.Ipv4.sin_family = AF_INET;
        address.Ipv4.sin_port = RtlUshortByteSwap(port);
        memcpy(&address.Ipv4.sin_addr, bytes, sizeof bytes);
    }
    return address;
}

USHORT
rc_port_of(const SOCKADDR_INET *address)
{
    return RtlUshortByteSwap(address->Ipv4.sin_port);
}

static ULONG
address_bytes(const SOCKADDR_INET *address)
{
    return address->si_family == AF_INET ? sizeof address->Ipv4 : sizeof address->Ipv6;
}

void
host_link_address(int box, UCHAR address[6])
{
    UCHAR bytes[6] = {2, 0, 0, 0, 0, (UCHAR)(box + 1)};
    memcpy(address, bytes, sizeof bytes);
}

// ---- requests ---------------------------------------------------------------------------------------------------------------------

void
rc_wait_init(struct rc_wait *wait)
{
    *wait = (struct rc_wait){0};
    KeInitializeEvent(&wait->done, NotificationEvent, FALSE);
}

NTAPI VOID
rc_done(PVOID context, NTSTATUS status)
{
    struct rc_wait *wait = context;
    wait->status = status;
    wait->calls++;
    ck_assert_uint_eq(wait->calls, 1);
    ck_assert_int_ne(status, STATUS_PENDING);
    KeSetEvent(&wait->done, IO_NO_INCREMENT, FALSE);
}

NTAPI VOID
rc_closed(PVOID context)
{
    rc_done(context, STATUS_SUCCESS);
}

bool
rc_ended(int box, struct rc_wait *wait, ULONG ms)
{
    return rc_event(box, &wait->done, ms);
}

NTSTATUS
rc_end_of(int box, NTSTATUS returned, struct rc_wait *wait)
{
    if (returned != STATUS_PENDING) {
        ck_assert_uint_eq(wait->calls, 0);
        return returned;
    }
    ck_assert_msg(rc_ended(box, wait, RC_WAIT_S * 1000), "seed %llu: a request never ends", (unsigned long long)rc_net.seed);
    return wait->status;
}

// ---- objects ----------------------------------------------------------------------------------------------------------------------

NTAPI VOID
rc_on_made(PVOID context, NTSTATUS status, NDK_OBJECT_HEADER *object)
{
    struct rc_made *made = context;
    made->object = object;
    rc_done(&made->wait, status);
}

NDK_OBJECT_HEADER *
rc_made_end(int box, NTSTATUS status, struct rc_made *made)
{
    status = rc_end_of(box, status, &made->wait);
    if (rc_net.is_short && status == STATUS_INSUFFICIENT_RESOURCES)
        return NULL;
    ck_assert_msg(status == STATUS_SUCCESS, "seed %llu: create: %08x", (unsigned long long)rc_net.seed, (unsigned)status);
    return made->object;
}

void
rc_close_object(int box, NDK_OBJECT_HEADER *object, NDK_FN_CLOSE_OBJECT *close)
{
    struct rc_wait wait;
    struct rc_visit v = rc_visit(box);
    rc_wait_init(&wait);
    NTSTATUS status = (*close)(object, rc_closed, &wait);
    rc_go_back(v);
    ck_assert_int_eq(rc_end_of(box, status, &wait), STATUS_SUCCESS);
}

NDK_QP *
rc_qp(int box)
{
    struct rc_end *end = &rc_end[box];
    struct rc_made made = {0};
    NDK_QP *qp = NULL;
    rc_wait_init(&made.wait);
    struct rc_visit v = rc_visit(box);
    NTSTATUS status = end->pd->Dispatch->NdkCreateQp(end->pd, end->cq, end->cq, NULL, 16, 16, 2, 2, 0, rc_on_made, &made, &qp);
    rc_go_back(v);
    NDK_OBJECT_HEADER *later = rc_made_end(box, status, &made);
    return later ? (NDK_QP *)later : qp;
}

static NTAPI VOID
on_disconnect(PVOID context)
{
    struct rc_side *side = context;
    ck_assert(!side->is_ex);
    side->disconnects++;
    KeSetEvent(&side->disconnected, IO_NO_INCREMENT, FALSE);
}

static NTAPI VOID
on_disconnect_ex(PVOID context, ULONG reason)
{
    struct rc_side *side = context;
    ck_assert(side->is_ex);
    side->reason = reason;
    side->disconnects++;
    KeSetEvent(&side->disconnected, IO_NO_INCREMENT, FALSE);
}

NDK_SHARED_ENDPOINT *
rc_shared_open(int box, const SOCKADDR_INET *address, NTSTATUS *status)
{
    NDK_ADAPTER *adapter = rc_end[box].adapter;
    NDK_SHARED_ENDPOINT *shared = NULL;
    struct rc_made made = {0};
    rc_wait_init(&made.wait);
    struct rc_visit v = rc_visit(box);
    *status = adapter->Dispatch->NdkCreateSharedEndpoint(adapter, (PSOCKADDR)address, address_bytes(address), rc_on_made, &made, &shared);
    rc_go_back(v);
    *status = rc_end_of(box, *status, &made.wait);
    if (*status != STATUS_SUCCESS)
        return NULL;
    return made.object ? (NDK_SHARED_ENDPOINT *)made.object : shared;
}

void
rc_shared_close(int box, NDK_SHARED_ENDPOINT *shared)
{
    rc_close_object(box, &shared->Header, (NDK_FN_CLOSE_OBJECT *)&shared->Dispatch->NdkCloseSharedEndpoint);
}

static void
side_init(struct rc_side *side, int box, NDK_QP *qp)
{
    *side = (struct rc_side){.box = box, .is_ex = rc_net.is_ex};
    KeInitializeEvent(&side->disconnected, NotificationEvent, FALSE);
    rc_wait_init(&side->wait);
    side->qp = qp;
}

void
rc_side_open(struct rc_side *side, int box)
{
    NDK_ADAPTER *adapter = rc_end[box].adapter;
    struct rc_made made = {0};
    side_init(side, box, rc_qp(box));
    rc_wait_init(&made.wait);
    struct rc_visit v = rc_visit(box);
    NTSTATUS status = adapter->Dispatch->NdkCreateConnector(adapter, rc_on_made, &made, &side->connector);
    rc_go_back(v);
    NDK_OBJECT_HEADER *later = rc_made_end(box, status, &made);
    if (later)
        side->connector = (NDK_CONNECTOR *)later;
}

void
rc_side_close(struct rc_side *side)
{
    if (side->connector)
        rc_close_object(side->box, &side->connector->Header, (NDK_FN_CLOSE_OBJECT *)&side->connector->Dispatch->NdkCloseConnector);
    side->connector = NULL;
    if (side->shared)
        rc_shared_close(side->box, side->shared);
    side->shared = NULL;
    if (side->qp)
        rc_close_object(side->box, &side->qp->Header, (NDK_FN_CLOSE_OBJECT *)&side->qp->Dispatch->NdkCloseQp);
    side->qp = NULL;
}

// ---- listeners --------------------------------------------------------------------------------------------------------------------

static NTAPI VOID
on_connect(PVOID context, NDK_CONNECTOR *connector)
{
    struct rc_listener *listener = context;
    ck_assert_uint_lt(listener->count - __atomic_load_n(&listener->taken, __ATOMIC_ACQUIRE), 64);
    listener->queue[listener->count % 64] = connector;
    __atomic_store_n(&listener->count, listener->count + 1, __ATOMIC_RELEASE);
    KeSetEvent(&listener->arrived, IO_NO_INCREMENT, FALSE);
}

NTSTATUS
rc_listen_try(struct rc_listener *listener, int box, USHORT port)
{
    return rc_listen_of(listener, rc_end[box].adapter, box, port);
}

NTSTATUS
rc_listen_of(struct rc_listener *listener, NDK_ADAPTER *adapter, int box, USHORT port)
{
    struct rc_made made = {0};
    struct rc_wait wait;
    ULONG bytes = sizeof listener->address;
    *listener = (struct rc_listener){.box = box};
    KeInitializeEvent(&listener->arrived, SynchronizationEvent, FALSE);
    rc_wait_init(&made.wait);
    rc_wait_init(&wait);
    struct rc_visit v = rc_visit(box);
    NTSTATUS status = adapter->Dispatch->NdkCreateListener(adapter, on_connect, listener, rc_on_made, &made, &listener->listener);
    rc_go_back(v);
    NDK_OBJECT_HEADER *later = rc_made_end(box, status, &made);
    if (later)
        listener->listener = (NDK_LISTENER *)later;
    if (!listener->listener)
        return STATUS_INSUFFICIENT_RESOURCES;
    SOCKADDR_INET address = rc_address(box, port);
    v = rc_visit(box);
    const NDK_LISTENER_DISPATCH *dispatch = listener->listener->Dispatch;
    status = dispatch->NdkListen(listener->listener, (PSOCKADDR)&address, address_bytes(&address), rc_done, &wait);
    rc_go_back(v);
    status = rc_end_of(box, status, &wait);
    if (status == STATUS_SUCCESS)
        ck_assert_int_eq(dispatch->NdkGetLocalAddress(listener->listener, (PSOCKADDR)&listener->address, &bytes), STATUS_SUCCESS);
    return status;
}

void
rc_listen(struct rc_listener *listener, int box, USHORT port)
{
    ck_assert_int_eq(rc_listen_try(listener, box, port), STATUS_SUCCESS);
}

void
rc_listener_close(struct rc_listener *listener)
{
    if (listener->listener)
        rc_close_object(listener->box, &listener->listener->Header,
                        (NDK_FN_CLOSE_OBJECT *)&listener->listener->Dispatch->NdkCloseListener);
    listener->listener = NULL;
}

bool
rc_incoming(struct rc_listener *listener, struct rc_side *side, ULONG ms)
{
    return rc_incoming_with(listener, side, NULL, ms);
}

bool
rc_incoming_with(struct rc_listener *listener, struct rc_side *side, NDK_QP *qp, ULONG ms)
{
    while (listener->taken == __atomic_load_n(&listener->count, __ATOMIC_ACQUIRE))
        if (!rc_event(listener->box, &listener->arrived, ms))
            return false;
    side_init(side, listener->box, qp ? qp : rc_qp(listener->box));
    side->connector = listener->queue[listener->taken % 64];
    __atomic_store_n(&listener->taken, listener->taken + 1, __ATOMIC_RELEASE);
    return true;
}

// ---- calls ------------------------------------------------------------------------------------------------------------------------

static void
connect_shared(struct rc_side *side, const SOCKADDR_INET *from, const SOCKADDR_INET *to, const struct rc_data *data)
{
    NTSTATUS status;
    if (!side->shared)
        side->shared = rc_shared_open(side->box, from, &status);
    ck_assert_ptr_nonnull(side->shared);
    rc_wait_init(&side->wait);
    struct rc_visit v = rc_visit(side->box);
    side->returned = side->connector->Dispatch->NdkConnectWithSharedEndpoint(side->connector, side->qp, side->shared, (PSOCKADDR)to,
                                                                             address_bytes(to), data->inbound, data->outbound,
                                                                             (PVOID)data->bytes, data->count, rc_done, &side->wait);
    rc_go_back(v);
}

void
rc_connect_to(struct rc_side *side, const SOCKADDR_INET *from, const SOCKADDR_INET *to, const struct rc_data *data)
{
    if (rc_net.is_shared) {
        connect_shared(side, from, to, data);
        return;
    }
    rc_wait_init(&side->wait);
    struct rc_visit v = rc_visit(side->box);
    side->returned = side->connector->Dispatch->NdkConnect(side->connector, side->qp, (PSOCKADDR)from, address_bytes(from), (PSOCKADDR)to,
                                                           address_bytes(to), data->inbound, data->outbound, (PVOID)data->bytes,
                                                           data->count, rc_done, &side->wait);
    rc_go_back(v);
}

void
rc_connect(struct rc_side *side, const struct rc_listener *listener, const struct rc_data *data)
{
    SOCKADDR_INET from = rc_address(side->box, 0);
    rc_connect_to(side, &from, &listener->address, data);
}

void
rc_accept(struct rc_side *side, const struct rc_data *data)
{
    const NDK_CONNECTOR_DISPATCH *dispatch = side->connector->Dispatch;
    rc_wait_init(&side->wait);
    struct rc_visit v = rc_visit(side->box);
    side->returned = side->is_ex ? dispatch->NdkAcceptEx(side->connector, side->qp, data->inbound, data->outbound, (PVOID)data->bytes,
                                                         data->count, side->no_event ? NULL : on_disconnect_ex, side, rc_done, &side->wait)
                                 : dispatch->NdkAccept(side->connector, side->qp, data->inbound, data->outbound, (PVOID)data->bytes,
                                                       data->count, side->no_event ? NULL : on_disconnect, side, rc_done, &side->wait);
    rc_go_back(v);
}

void
rc_complete(struct rc_side *side)
{
    const NDK_CONNECTOR_DISPATCH *dispatch = side->connector->Dispatch;
    rc_wait_init(&side->wait);
    struct rc_visit v = rc_visit(side->box);
    side->returned =
        side->is_ex ? dispatch->NdkCompleteConnectEx(side->connector, side->no_event ? NULL : on_disconnect_ex, side, rc_done, &side->wait)
                    : dispatch->NdkCompleteConnect(side->connector, side->no_event ? NULL : on_disconnect, side, rc_done, &side->wait);
    rc_go_back(v);
}

void
rc_disconnect(struct rc_side *side)
{
    rc_wait_init(&side->wait);
    struct rc_visit v = rc_visit(side->box);
    side->returned = side->connector->Dispatch->NdkDisconnect(side->connector, rc_done, &side->wait);
    rc_go_back(v);
}

NTSTATUS
rc_finish(struct rc_side *side)
{
    return rc_end_of(side->box, side->returned, &side->wait);
}

NTSTATUS
rc_reject(struct rc_side *side, const void *bytes, ULONG count)
{
    struct rc_visit v = rc_visit(side->box);
    NTSTATUS status = side->connector->Dispatch->NdkReject(side->connector, (PVOID)bytes, count);
    rc_go_back(v);
    return status;
}

// ---- pairs ------------------------------------------------------------------------------------------------------------------------

void
rc_pair_request(struct rc_pair *pair)
{
    if (!pair->listener.listener)
        rc_listen(&pair->listener, 1, RC_PORT);
    rc_side_open(&pair->active, 0);
    rc_connect(&pair->active, &pair->listener, &rc_plain);
    ck_assert_int_eq(pair->active.returned, STATUS_PENDING);
    ck_assert(rc_incoming(&pair->listener, &pair->passive, RC_WAIT_S * 1000));
}

void
rc_pair_reply(struct rc_pair *pair)
{
    rc_pair_request(pair);
    rc_accept(&pair->passive, &rc_plain);
    ck_assert_int_eq(pair->passive.returned, STATUS_PENDING);
    ck_assert_int_eq(rc_finish(&pair->active), STATUS_SUCCESS);
}

void
rc_pair_open(struct rc_pair *pair)
{
    rc_pair_reply(pair);
    rc_complete(&pair->active);
    ck_assert_int_eq(rc_finish(&pair->active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair->passive), STATUS_SUCCESS);
}

void
rc_sides_open(struct rc_listener *listener, struct rc_side *active, struct rc_side *passive)
{
    rc_side_open(active, 0);
    rc_connect(active, listener, &rc_plain);
    ck_assert(rc_incoming(listener, passive, RC_WAIT_S * 1000));
    rc_accept(passive, &rc_plain);
    ck_assert_int_eq(rc_finish(active), STATUS_SUCCESS);
    rc_complete(active);
    ck_assert_int_eq(rc_finish(active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(passive), STATUS_SUCCESS);
}

void
rc_pair_disconnect(struct rc_pair *pair)
{
    rc_disconnect(&pair->active);
    rc_disconnect(&pair->passive);
    ck_assert_int_eq(rc_finish(&pair->active), STATUS_SUCCESS);
    ck_assert_int_eq(rc_finish(&pair->passive), STATUS_SUCCESS);
}

void
rc_pair_close(struct rc_pair *pair)
{
    rc_side_close(&pair->active);
    rc_side_close(&pair->passive);
    rc_listener_close(&pair->listener);
}

void
rc_side_is_dead(struct rc_side *side)
{
    SOCKADDR_INET from = rc_address(side->box, 0), to = rc_address(!side->box, RC_PORT), address;
    ULONG bytes = 0, address_size = sizeof address, inbound, outbound;
    NDK_CONNECTOR *connector = side->connector;
    const NDK_CONNECTOR_DISPATCH *dispatch = connector->Dispatch;
    rc_complete(side);
    ck_assert_int_eq(side->returned, STATUS_CONNECTION_INVALID);
    rc_accept(side, &rc_plain);
    ck_assert_int_eq(side->returned, STATUS_CONNECTION_INVALID);
    rc_connect_to(side, &from, &to, &rc_plain);
    ck_assert_int_eq(rc_finish(side), STATUS_CONNECTION_INVALID);
    rc_disconnect(side);
    ck_assert_int_eq(side->returned, STATUS_CONNECTION_INVALID);
    ck_assert_int_eq(rc_reject(side, NULL, 0), STATUS_CONNECTION_INVALID);
    struct rc_visit v = rc_visit(side->box);
    ck_assert_int_eq(dispatch->NdkGetConnectionData(connector, &inbound, &outbound, NULL, &bytes), STATUS_CONNECTION_INVALID);
    ck_assert_int_eq(dispatch->NdkGetLocalAddress(connector, (PSOCKADDR)&address, &address_size), STATUS_CONNECTION_INVALID);
    ck_assert_int_eq(dispatch->NdkGetPeerAddress(connector, (PSOCKADDR)&address, &address_size), STATUS_CONNECTION_INVALID);
    rc_go_back(v);
}

// ---- a consumer in each box -------------------------------------------------------------------------------------------------------

static int entering;

static NTAPI VOID
consumer_unload(PDRIVER_OBJECT driver)
{
}

static NTAPI NTSTATUS
consumer_entry(PDRIVER_OBJECT driver, PUNICODE_STRING registry)
{
    driver->DriverUnload = consumer_unload;
    rc_end[entering].driver = driver;
    return STATUS_SUCCESS;
}

static NTAPI VOID
on_arrival(PVOID context, const struct nbx_ndk_arrival *arrival)
{
    ((struct rc_end *)context)->if_index = arrival->if_index;
}

static NTAPI VOID
on_notification(PVOID context, NTSTATUS status)
{
}

static void
end_objects(int index)
{
    struct rc_end *end = &rc_end[index];
    struct rc_made cq = {0}, pd = {0};
    rc_wait_init(&cq.wait);
    rc_wait_init(&pd.wait);
    NTSTATUS status = end->adapter->Dispatch->NdkCreateCq(end->adapter, 1024, on_notification, NULL, NULL, rc_on_made, &cq, &end->cq);
    NDK_OBJECT_HEADER *later = rc_made_end(index, status, &cq);
    if (later)
        end->cq = (NDK_CQ *)later;
    status = end->adapter->Dispatch->NdkCreatePd(end->adapter, rc_on_made, &pd, &end->pd);
    later = rc_made_end(index, status, &pd);
    if (later)
        end->pd = (NDK_PD *)later;
}

void
rc_adapter_open(int index)
{
    struct rc_end *end = &rc_end[index];
    NDK_VERSION version = {2, 1};
    struct rc_visit v = visit(index);
    ck_assert_int_eq(nbx_ndk_adapter_open(end->client, end->if_index, version, &end->adapter), NDIS_STATUS_SUCCESS);
    end_objects(index);
    go_back(v);
}

static NTAPI VOID on_removal(PVOID context, NET_IFINDEX if_index, enum nbx_ndk_gone why);

static void
end_open(int index)
{
    struct rc_end *end = &rc_end[index];
    struct io_image_config config = {.name = "consumer", .entry = consumer_entry};
    struct nbx_ndk_client_config client = {.context = end, .on_arrival = on_arrival, .on_removal = on_removal};
    char error[256] = "";
    end->box = world->boxes[index].box;
    struct rc_visit v = visit(index);
    end->host = rc_net.is_tcpip ? NULL : host_load(end->box, index);
    entering = index;
    ck_assert_msg(io_image_load(end->box, &config, &end->consumer, error, sizeof error) == STATUS_SUCCESS, "%s", error);
    client.driver = end->driver;
    ck_assert_int_eq(nbx_ndk_client_register(&client, &end->client), STATUS_SUCCESS);
    ck_assert_uint_ne(end->if_index, 0);
    rc_adapter_open(index);
    end->address = rc_address(index, 0);
    go_back(v);
}

static void
adapter_close(int index)
{
    struct rc_end *end = &rc_end[index];
    rc_net.at_dispatch = false;
    rc_close_object(index, &end->pd->Header, (NDK_FN_CLOSE_OBJECT *)&end->pd->Dispatch->NdkClosePd);
    rc_close_object(index, &end->cq->Header, (NDK_FN_CLOSE_OBJECT *)&end->cq->Dispatch->NdkCloseCq);
    nbx_ndk_adapter_close(end->client, end->adapter);
    end->adapter = NULL;
}

void
rc_adapter_close(int index)
{
    struct rc_visit v = visit(index);
    adapter_close(index);
    go_back(v);
}

static NTAPI VOID
on_removal(PVOID context, NET_IFINDEX if_index, enum nbx_ndk_gone why)
{
    int index = (int)((struct rc_end *)context - rc_end);
    if (!rc_end[index].adapter)
        return;
    ck_assert_int_eq(why, rc_gone);
    rc_on_removal(index);
    adapter_close(index);
}

void
rc_surprise(int box)
{
    struct rc_visit v = visit(box);
    ndis_adapter_surprise_remove(world->boxes[box].adapters[0].ndis);
    world->boxes[box].adapters[0].ndis = NULL;
    go_back(v);
}

static void
end_close(int index)
{
    struct rc_end *end = &rc_end[index];
    struct rc_visit v = visit(index);
    if (end->adapter)
        adapter_close(index);
    nbx_ndk_client_deregister(end->client);
    ck_assert_int_eq(io_image_unload(end->consumer), STATUS_SUCCESS);
    if (end->host)
        ck_assert_int_eq(io_image_unload(end->host), STATUS_SUCCESS);
    go_back(v);
}

// ---- runs -------------------------------------------------------------------------------------------------------------------------

struct run {
    const char *test;
    void (*fn)(void);
    struct sched *sched;
    struct stack *stack;
    struct loader_keep *images;
};

static bool
driver_path(const struct stack_driver *driver, char *path, size_t bytes)
{
    return (size_t)snprintf(path, bytes, "%s/%s.so", NBX_DRIVER_DIR, driver->name) < bytes;
}

static void
on_line(void *context, const char *text)
{
    fprintf(stderr, "seed %llu: %s\n", (unsigned long long)rc_net.seed, text);
}

static void
on_message(void *context, const char *text)
{
    if (strstr(text, "left behind") || strstr(text, "vnic"))
        on_line(context, text);
}

bool
rc_is_real(void)
{
#ifdef RC_THREADS
    return true;
#else
    return false;
#endif
}

// Addresses are tentative while somebody else is looked for who has them [RFC 4862 5.4].
static void
hosts_wait(void)
{
    if (!rc_is_real()) {
        rc_sleep_ms(5000);
        return;
    }
    for (int box = 0; box < 2; box++) {
        struct rc_listener listener;
        NTSTATUS status = STATUS_INVALID_ADDRESS;
        for (ULONG ms = 0; status == STATUS_INVALID_ADDRESS && ms < RC_WAIT_S * 1000; ms += 20) {
            rc_sleep_ms(20);
            status = rc_listen_try(&listener, box, 0);
            rc_listener_close(&listener);
        }
        ck_assert_int_eq(status, STATUS_SUCCESS);
    }
}

static void
run_body(void *arg)
{
    struct run *run = arg;
    end_open(0);
    end_open(1);
    if (rc_net.is_tcpip)
        hosts_wait();
    run->fn();
    end_close(0);
    end_close(1);
}

// The strict one stands between the test and the provider (src/ndis/ndk/watch.h), and in asan builds holds the fence between vnic and
// tcpip. What does without it is run too: half of the seeds, unless RC_ALWAYS_STRICT is 1. RC_STRICT=1 or 0 in the environment: all of
// them so.
#ifndef RC_ALWAYS_STRICT
#define RC_ALWAYS_STRICT 0
#endif
bool
rc_is_strict(void)
{
    const char *wish = getenv("RC_STRICT");
    return wish ? *wish == '1' : RC_ALWAYS_STRICT || rc_net.is_six || rc_net.is_tcpip;
}

static struct verify_sink *
run_sink(void)
{
    char error[256];
    struct verify_sink *sink = verify_sink_create();
    ck_assert_msg(verify_sink_suppress(sink, NBX_SOURCE_DIR "/tests/flow/rnic_connect/suppress.txt", error, sizeof error), "%s", error);
    return sink;
}

static void
run_main(void *arg)
{
    struct run *run = arg;
    struct world_config config = {.sched = run->sched,
                                  .stack = run->stack,
                                  .driver_path = driver_path,
                                  .on_message = on_message,
                                  .on_finding = on_line,
                                  .verify = rc_is_strict() ? VERIFY_STRICT : VERIFY_ON,
                                  .sink = run_sink(),
                                  .images = run->images};
    const char *trace = getenv("RC_TRACE");   // where to write what was on the wire
    if (trace)
        ck_assert_int_eq(pcapng_writer_create(run->sched, trace, run->test, &config.trace), 0);
    world = world_create(&config);
    ck_assert_int_eq(world_build(world), WORLD_OK);
    ck_assert_int_eq(box_run(world->boxes[0].box, run_body, run), 0);
    world_teardown(world);
    uint32_t findings = atomic_load(&world->findings);
    ck_assert_msg(findings == 0, "%s, seed %llu: %u findings", run->test, (unsigned long long)rc_net.seed, findings);
    world_destroy(world);
    world = NULL;
    verify_sink_destroy(config.sink);
    if (config.trace)
        pcapng_writer_destroy(config.trace);
}

static const char box_text[] = "  %s:\n    processors: 2\n    adapters:\n      nic0:\n        driver: vnic\n        port: wire:lan\n"
                               "        idle: ok\n        mac: \"02:00:00:00:00:0%d\"\n"
                               "        settings: { \"*NetworkDirect\": 1%s%s%s }\n%s";
static const char tcpip_text[] = "        protocols:\n          - tcpip: { addresses: [\"10.0.0.%d/24\", \"fd00::%d/64\"] }\n";

static void
run_seed(struct run *run, const char *wire)
{
    static char text[4096];
    const char *error = NULL, *more = rc_net.settings ? rc_net.settings : "";
    struct stack_report report = {0};
    struct stack_source source = {.name = "two"};
    struct sim_config sim = {.seed = rc_net.seed,
                             .strategy = rc_net.seed ? SIM_RANDOM_WALK : SIM_RUN_TO_BLOCK,
                             .switch_one_in = 1 + rc_net.seed % 4};
    int at = snprintf(text, sizeof text, "ndisbox: 1\nboxes:\n");
    for (int box = 1; box < 3; box++) {
        char host[128] = "";
        if (rc_net.is_tcpip)
            snprintf(host, sizeof host, tcpip_text, box, box);
        at += snprintf(text + at, sizeof text - (size_t)at, box_text, box == 1 ? "alpha" : "beta", box, *more ? ", " : "", more,
                       rc_net.pends ? ", RdmaPend: 1" : "", host);
    }
    snprintf(text + at, sizeof text - (size_t)at, "wires:\n  lan: { %s }\n", wire);
    run->stack = stack_read(&source, text, strlen(text), &report);
    ck_assert_msg(run->stack != NULL, "%s", text);
#ifdef RC_THREADS
    run->sched = sched_threads_create(sim.seed + 1);
#else
    run->sched = sim_create(&sim, &error);
#endif
    ck_assert_msg(run->sched != NULL, "%s", error);
    ck_assert_msg(!sched_run(run->sched, "main", run_main, run, NULL), "%s, seed %llu: nothing can run any more", run->test,
                  (unsigned long long)rc_net.seed);
#ifndef RC_THREADS
    struct sim_stats stats;
    sim_stats_get(run->sched, &stats);
    rc_net.trace = stats.trace_hash;
#endif
    sched_destroy(run->sched);
    stack_destroy(run->stack);
    stack_report_clear(&report);
}

void
rc_run_seed(const char *test, void (*fn)(void), const char *wire, uint64_t seed, bool is_six)
{
    struct run run = {.test = test, .fn = fn, .images = loader_keep_create()};
    rc_net.seed = seed;
    rc_net.is_six = is_six;
    rc_net.at_dispatch = false;
    run_seed(&run, wire);
    loader_keep_destroy(run.images);
}

void
rc_run(const char *test, void (*fn)(void), const char *wire, unsigned seeds)
{
    struct run run = {.test = test, .fn = fn, .images = loader_keep_create()};
    const char *many = getenv("RC_SEEDS");    // of each family, for a longer look
    if (many)
        seeds = (unsigned)atoi(many);
    for (uint64_t seed = 0; seed < seeds; seed++)
        for (int six = 0; six < 2; six++) {
            rc_net.seed = seed * 2 + (unsigned)six;
            rc_net.is_six = six;
            rc_net.at_dispatch = false;
            run_seed(&run, wire);
        }
    loader_keep_destroy(run.images);
}
