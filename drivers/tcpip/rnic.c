// SPDX-License-Identifier: MIT
// An RNIC's connection manager asks (include/nbx/rnic.h): addresses of its interface, ways to peers, TCP ports.
//   open     IOCTL_NBX_RNIC_OPEN -> tcpip_rnic_control: a table of functions, by which all else is asked
//   resolve  rnic_path_find -> net_path_find, net_path_ask: answered at once, or the request waits; every call into the engines ends with
//            tcpip_rnic_look, which finds those that are answered meanwhile, and rnic_tell hands them back with no lock held
//   change   the same look sees the engine's generation
//   ports    a table of those that each RNIC has; address_listen (connection.c) asks before it listens, port_take before it takes
// Every op is one call between tcpip_enter and tcpip_leave, and a crossing from the RNIC's driver into ours; what we call of the RNIC's is
// one into its.
#include "rnic.h"

#include <nbx/cross.h>
#include <nbx/rnic.h>

#include "chimney.h"

struct rnic_wait {                            // in nbx_rnic_resolve.reserved
    LIST_ENTRY link;
    BOOLEAN is_waiting;
    NTSTATUS status;                          // once it is done
};
C_ASSERT(sizeof(struct rnic_wait) <= sizeof(((struct nbx_rnic_resolve *)NULL)->reserved));

#define PORT_FIRST 49152u                     // the dynamic ports [RFC 6335 6]
#define PORT_COUNT 16384u

struct rnic_port {
    LIST_ENTRY link;                          // rnic->ports
    struct eng_address address;               // any: all of the interface
    USHORT port;                              // host order
};

static struct rnic_wait *
wait_of(struct nbx_rnic_resolve *request)
{
    return (struct rnic_wait *)request->reserved;
}

static struct nbx_rnic_resolve *
request_of(struct rnic_wait *wait)
{
    return CONTAINING_RECORD((PVOID *)wait, struct nbx_rnic_resolve, reserved);
}

static struct tcpip_rnic *
rnic_of(struct nbx_rnic *rnic)
{
    return (struct tcpip_rnic *)rnic;
}

// An op of ours: our code runs from here on, though the RNIC's driver has called it directly.
static VOID
op_enter(struct nbx_crossing *crossing, struct tcpip_call *call)
{
    nbx_cross_in(crossing, (const VOID *)op_enter);
    tcpip_enter(call);
}

static VOID
op_leave(struct nbx_crossing *crossing, struct tcpip_call *call)
{
    tcpip_leave(call);
    nbx_cross_out(crossing);
}

// Its interface; NULL: we are not bound to it.   locks: host->lock held
static struct tcpip_adapter *
rnic_adapter(const struct tcpip_rnic *rnic)
{
    for (ULONG i = 0; i < NET_INTERFACES_MAX; i++)
        if (tcpip_host.adapters[i] && tcpip_host.adapters[i]->if_index == rnic->if_index)
            return tcpip_host.adapters[i];
    return NULL;
}

// ---- addresses ------------------------------------------------------------------------------------------------------------------

static BOOLEAN
address_from(const SOCKADDR_INET *from, struct eng_address *address, USHORT *port)
{
    RtlZeroMemory(address, sizeof *address);
    if (from->si_family == AF_INET) {
        address->family = ENG_IP4;
        memcpy(address->bytes, &from->Ipv4.sin_addr, 4);
    } else if (from->si_family == AF_INET6) {
        address->family = ENG_IP6;
        memcpy(address->bytes, &from->Ipv6.sin6_addr, 16);
    } else
        return FALSE;
    *port = RtlUshortByteSwap(from->Ipv4.sin_port);   // both have it in the same place
    return TRUE;
}

// The port stays.
static VOID
address_to(SOCKADDR_INET *to, const struct eng_address *address)
{
    USHORT port = to->Ipv4.sin_port;
    RtlZeroMemory(to, sizeof *to);
    to->si_family = address->family == ENG_IP4 ? AF_INET : AF_INET6;
    to->Ipv4.sin_port = port;
    if (address->family == ENG_IP4)
        memcpy(&to->Ipv4.sin_addr, address->bytes, 4);
    else
        memcpy(&to->Ipv6.sin6_addr, address->bytes, 16);
}

static NTAPI NTSTATUS
rnic_addresses(struct nbx_rnic *handle, SOCKADDR_INET *addresses, ULONG *count)
{
    struct nbx_crossing crossing;
    struct tcpip_call call;
    struct net_address address;
    ULONG room = *count, there = 0;
    op_enter(&crossing, &call);
    struct tcpip_adapter *adapter = rnic_adapter(rnic_of(handle));
    for (size_t i = 0; adapter && net_address_at(tcpip_host.net, i, &address); i++) {
        if (address.interface_index != adapter->index || net_address_is_ours(tcpip_host.net, &address.address) != adapter->index)
            continue;
        if (there < room) {
            addresses[there].Ipv4.sin_port = 0;
            address_to(&addresses[there], &address.address);
        }
        there++;
    }
    op_leave(&crossing, &call);
    *count = there;
    return there > room ? STATUS_BUFFER_TOO_SMALL : STATUS_SUCCESS;
}

// ---- ways -----------------------------------------------------------------------------------------------------------------------

static NTSTATUS
path_status(int error)
{
    switch (error) {
    case 0: return STATUS_SUCCESS;
    case -EAGAIN: return STATUS_PENDING;
    case -ENOMEM: return STATUS_INSUFFICIENT_RESOURCES;
    case -EHOSTUNREACH: return STATUS_HOST_UNREACHABLE;
    case -ENETUNREACH: return STATUS_NETWORK_UNREACHABLE;
    default: return STATUS_INVALID_ADDRESS;
    }
}

// The engine's path of what was asked for, and the interface's half of the answer.   locks: host->lock held
static NTSTATUS
path_find(struct tcpip_rnic *rnic, struct nbx_rnic_path *out, struct net_path *path, struct tcpip_call *call)
{
    USHORT port;
    RtlZeroMemory(path, sizeof *path);
    if (!address_from(&out->local, &path->source, &port) || !address_from(&out->remote, &path->destination, &port) ||
        path->source.family != path->destination.family || eng_address_is_any(&path->destination) ||
        eng_address_is_multicast(&path->destination))
        return STATUS_INVALID_ADDRESS;
    struct tcpip_adapter *adapter = rnic_adapter(rnic);
    BOOLEAN is_any = eng_address_is_any(&path->source);
    if (!is_any && (!adapter || net_address_is_known(tcpip_host.net, &path->source) != adapter->index))
        return STATUS_INVALID_ADDRESS;
    if (!adapter)
        return STATUS_NETWORK_UNREACHABLE;
    path->interface_index = adapter->index;
    struct eng_address source = path->source;
    int error = tcpip_source_error(net_path_find(tcpip_host.net, path, call->now_us), &source);
    if (error)
        return path_status(error);
    // To ourselves the engine may choose an address of another interface.
    if (path->is_broadcast || net_address_is_ours(tcpip_host.net, &path->source) != adapter->index)
        return STATUS_INVALID_ADDRESS;
    const struct net_interface_settings *settings = net_interface_settings_of(tcpip_host.net, adapter->index);
    address_to(&out->local, &path->source);
    out->mtu_bytes = path->mtu_bytes;
    out->hop_limit = settings->hop_limit ? settings->hop_limit : 64;
    out->is_on_link = path->is_on_link;
    out->is_local = path->is_loopback;
    RtlZeroMemory(out->next_link, sizeof out->next_link);
    RtlZeroMemory(out->own_link, sizeof out->own_link);
    if (!path->is_loopback)
        memcpy(out->own_link, settings->link_address, sizeof out->own_link);
    return STATUS_SUCCESS;
}

// STATUS_PENDING: the link has been asked.   locks: host->lock held
static NTSTATUS
path_resolve(struct tcpip_rnic *rnic, struct nbx_rnic_path *out, BOOLEAN is_first, struct tcpip_call *call)
{
    struct net_path path;
    NTSTATUS status = path_find(rnic, out, &path, call);
    if (!NT_SUCCESS(status) || out->is_local)
        return status;
    return path_status(net_path_ask(tcpip_host.net, &path, is_first, out->next_link, call->now_us, &call->outbox));
}

static NTAPI NTSTATUS
rnic_resolve(struct nbx_rnic *handle, struct nbx_rnic_resolve *request)
{
    struct tcpip_rnic *rnic = rnic_of(handle);
    struct rnic_wait *wait = wait_of(request);
    struct nbx_crossing crossing;
    struct tcpip_call call;
    wait->is_waiting = FALSE;
    op_enter(&crossing, &call);
    NTSTATUS status = path_resolve(rnic, &request->path, TRUE, &call);
    if (status == STATUS_PENDING) {
        wait->is_waiting = TRUE;
        InsertTailList(&rnic->waiting, &wait->link);
    }
    op_leave(&crossing, &call);
    return status;
}

static NTAPI BOOLEAN
rnic_cancel(struct nbx_rnic *handle, struct nbx_rnic_resolve *request)
{
    struct rnic_wait *wait = wait_of(request);
    struct nbx_crossing crossing;
    struct tcpip_call call;
    UNREFERENCED_PARAMETER(handle);
    op_enter(&crossing, &call);
    BOOLEAN was = wait->is_waiting;
    if (was)
        RemoveEntryList(&wait->link);
    wait->is_waiting = FALSE;
    op_leave(&crossing, &call);
    return was;
}

static NTAPI NTSTATUS
rnic_path_now(struct nbx_rnic *handle, struct nbx_rnic_path *out)
{
    struct nbx_crossing crossing;
    struct tcpip_call call;
    struct net_path path;
    op_enter(&crossing, &call);
    NTSTATUS status = path_find(rnic_of(handle), out, &path, &call);
    if (NT_SUCCESS(status) && !out->is_local) {
        int error = net_path_link(tcpip_host.net, &path, out->next_link, call.now_us);
        status = error == -EAGAIN ? STATUS_HOST_UNREACHABLE : path_status(error);
    }
    op_leave(&crossing, &call);
    return status;
}

static NTAPI VOID
rnic_confirm(struct nbx_rnic *handle, const struct nbx_rnic_path *which)
{
    struct nbx_rnic_path out = *which;
    struct nbx_crossing crossing;
    struct tcpip_call call;
    struct net_path path;
    op_enter(&crossing, &call);
    if (NT_SUCCESS(path_find(rnic_of(handle), &out, &path, &call)))
        net_path_confirm(tcpip_host.net, &path.source, &path.destination, call.now_us);
    op_leave(&crossing, &call);
}

static NTAPI VOID
rnic_doubt(struct nbx_rnic *handle, const struct nbx_rnic_path *which)
{
    struct nbx_rnic_path out = *which;
    struct nbx_crossing crossing;
    struct tcpip_call call;
    struct net_path path;
    op_enter(&crossing, &call);
    if (NT_SUCCESS(path_find(rnic_of(handle), &out, &path, &call)))
        net_path_doubt(tcpip_host.net, &path, call.now_us, &call.outbox);
    op_leave(&crossing, &call);
}

// ---- news -----------------------------------------------------------------------------------------------------------------------

VOID
tcpip_rnic_init(struct tcpip_host *host)
{
    InitializeListHead(&host->rnics);
}

VOID
tcpip_rnic_look(struct tcpip_host *host, struct tcpip_call *call)
{
    for (LIST_ENTRY *at = host->rnics.Flink; at != &host->rnics; at = at->Flink) {
        struct tcpip_rnic *rnic = CONTAINING_RECORD(at, struct tcpip_rnic, link);
        for (LIST_ENTRY *one = rnic->waiting.Flink, *next; one != &rnic->waiting; one = next) {
            struct rnic_wait *wait = CONTAINING_RECORD(one, struct rnic_wait, link);
            next = one->Flink;
            wait->status = path_resolve(rnic, &request_of(wait)->path, FALSE, call);
            if (wait->status == STATUS_PENDING)
                continue;
            RemoveEntryList(one);
            InsertTailList(&rnic->done, one);
            wait->is_waiting = FALSE;
            tcpip_post(&rnic->news);
        }
        ULONG64 generation = net_generation(host->net);
        if (rnic->generation != generation) {
            rnic->generation = generation;
            rnic->has_changed = TRUE;
            tcpip_post(&rnic->news);
        }
    }
}

static VOID
call_resolved(struct nbx_rnic_resolve *request, NTSTATUS status)
{
    struct nbx_crossing crossing;
    nbx_cross_in(&crossing, (const VOID *)request->on_resolved);
    request->on_resolved(request, status);
    nbx_cross_out(&crossing);
}

static VOID
call_change(const struct tcpip_rnic *rnic, nbx_rnic_change_fn *on_change)
{
    struct nbx_crossing crossing;
    nbx_cross_in(&crossing, (const VOID *)on_change);
    on_change(rnic->context);
    nbx_cross_out(&crossing);
}

static VOID
rnic_tell(struct tcpip_news *news)
{
    struct tcpip_rnic *rnic = CONTAINING_RECORD(news, struct tcpip_rnic, news);
    struct tcpip_host *host = &tcpip_host;
    for (;;) {
        KeAcquireSpinLockAtDpcLevel(&host->lock);
        struct rnic_wait *wait = NULL;
        if (!IsListEmpty(&rnic->done))
            wait = CONTAINING_RECORD(RemoveHeadList(&rnic->done), struct rnic_wait, link);
        BOOLEAN has_changed = !wait && rnic->has_changed;
        if (has_changed)
            rnic->has_changed = FALSE;
        nbx_rnic_change_fn *on_change = rnic->on_change;
        KeReleaseSpinLockFromDpcLevel(&host->lock);
        if (wait)
            call_resolved(request_of(wait), wait->status);
        else if (has_changed && on_change)
            call_change(rnic, on_change);
        if (!wait && !has_changed)
            return;
    }
}

static VOID
rnic_hold(struct tcpip_news *news)
{
    CONTAINING_RECORD(news, struct tcpip_rnic, news)->refs++;
}

static VOID
rnic_drop(struct tcpip_news *news)
{
    struct tcpip_rnic *rnic = CONTAINING_RECORD(news, struct tcpip_rnic, news);
    KeAcquireSpinLockAtDpcLevel(&tcpip_host.lock);
    if (!--rnic->refs)
        KeSetEvent(&rnic->idle, IO_NO_INCREMENT, FALSE);
    KeReleaseSpinLockFromDpcLevel(&tcpip_host.lock);
}

static const struct tcpip_news_ops rnic_news = {rnic_tell, rnic_hold, rnic_drop};

// ---- ports ----------------------------------------------------------------------------------------------------------------------

// Of one interface or, with 0, of all.   locks: host->lock held
static BOOLEAN
address_overlaps(const struct eng_address *one, ULONG one_index, const struct eng_address *other, ULONG other_index)
{
    if (one->family != other->family)
        return FALSE;
    BOOLEAN one_is_any = eng_address_is_any(one), other_is_any = eng_address_is_any(other);
    if (one_is_any && other_is_any)
        return !one_index || !other_index || one_index == other_index;
    if (one_is_any)
        return !one_index || net_address_is_known(tcpip_host.net, other) == one_index;
    if (other_is_any)
        return !other_index || net_address_is_known(tcpip_host.net, one) == other_index;
    return eng_address_is_equal(one, other);
}

// Does an RNIC have this port, of an address that overlaps with this one?
static BOOLEAN
rnics_have(const struct eng_address *local, ULONG index, USHORT port)
{
    for (LIST_ENTRY *at = tcpip_host.rnics.Flink; at != &tcpip_host.rnics; at = at->Flink) {
        const struct tcpip_rnic *rnic = CONTAINING_RECORD(at, struct tcpip_rnic, link);
        const struct tcpip_adapter *adapter = rnic_adapter(rnic);
        const LIST_ENTRY *bucket = &rnic->ports[port % RNIC_PORT_BUCKETS];
        // While its interface is gone nobody knows which addresses its any address stands for: it overlaps with all.
        for (LIST_ENTRY *one = bucket->Flink; one != bucket; one = one->Flink) {
            const struct rnic_port *taken = CONTAINING_RECORD(one, struct rnic_port, link);
            if (taken->port == port && address_overlaps(&taken->address, adapter ? adapter->index : 0, local, index))
                return TRUE;
        }
    }
    return FALSE;
}

// Who of the host has ports that overlap with this address: each is told to `on_port`, until it says that it has seen enough.
typedef BOOLEAN port_seen_fn(PVOID context, USHORT port);

// Listeners and connections of the host. A connection in TIME_WAIT has no more to say than an acknowledgement.
static BOOLEAN
ports_of_host(const struct eng_address *address, ULONG index, uint64_t now_us, port_seen_fn *on_port, PVOID context)
{
    struct eng_address local;
    struct tcp_record record;
    USHORT port;
    for (struct tcp_listener *one = NULL; (one = tcp_listener_next(tcpip_host.tcp, one));) {
        tcp_listener_where(one, &local, &port);
        if (address_overlaps(address, index, &local, 0) && on_port(context, port))
            return TRUE;
    }
    for (struct tcp_connection *one = NULL; (one = tcp_connection_next(tcpip_host.tcp, one));) {
        tcp_query(one, now_us, &record);
        if (record.delegated.state != TCP_TIME_WAIT && address_overlaps(address, index, &record.constant.local, 0) &&
            on_port(context, record.constant.local_port))
            return TRUE;
    }
    for (ULONG i = 0; i < TCPIP_AWAY_BUCKETS; i++)
        for (LIST_ENTRY *at = tcpip_host.away[i].Flink; at != &tcpip_host.away[i]; at = at->Flink) {
            const struct tcp_constant *away = &CONTAINING_RECORD(at, struct tcpip_offload, bucket)->record.constant;
            if (address_overlaps(address, index, &away->local, 0) && on_port(context, away->local_port))
                return TRUE;
        }
    return FALSE;
}

static BOOLEAN
port_is(PVOID context, USHORT port)
{
    return *(USHORT *)context == port;
}

BOOLEAN
tcpip_rnic_has_port(const struct eng_address *local, USHORT port)
{
    return rnics_have(local, 0, port);
}

struct port_map {
    ULONG64 used[PORT_COUNT / 64];
};

static BOOLEAN
port_mark(PVOID context, USHORT port)
{
    struct port_map *map = context;
    if (port >= PORT_FIRST)
        map->used[(port - PORT_FIRST) / 64] |= 1ull << port % 64;
    return FALSE;
}

// Any free one, from a place on that nobody can guess [RFC 6056 3.3.1]; 0: there is none.   locks: host->lock held
static USHORT
port_choose(const struct eng_address *address, ULONG index, uint64_t now_us)
{
    struct eng_address nobody = {.family = address->family};
    struct port_map map = {{0}};
    ports_of_host(address, index, now_us, port_mark, &map);
    ULONG first = tcp_port_pick(tcpip_host.tcp, address, &nobody, (uint16_t)now_us);
    for (ULONG i = 0; i < PORT_COUNT; i++) {
        ULONG at = (first + i) % PORT_COUNT;          // PORT_FIRST is a multiple of it
        if (!(map.used[at / 64] >> at % 64 & 1) && !rnics_have(address, index, (USHORT)(PORT_FIRST + at)))
            return (USHORT)(PORT_FIRST + at);
    }
    return 0;
}

static NTSTATUS
port_take_locked(struct tcpip_rnic *rnic, struct rnic_port *taken, uint64_t now_us)
{
    struct tcpip_adapter *adapter = rnic_adapter(rnic);
    if (!adapter || eng_address_is_multicast(&taken->address))
        return STATUS_INVALID_ADDRESS;
    if (!eng_address_is_any(&taken->address) && net_address_is_known(tcpip_host.net, &taken->address) != adapter->index)
        return STATUS_INVALID_ADDRESS;
    if (!taken->port) {
        taken->port = port_choose(&taken->address, adapter->index, now_us);
        if (!taken->port)
            return STATUS_TOO_MANY_ADDRESSES;
    } else if (rnics_have(&taken->address, adapter->index, taken->port) ||
               ports_of_host(&taken->address, adapter->index, now_us, port_is, &taken->port))
        return STATUS_SHARING_VIOLATION;
    InsertTailList(&rnic->ports[taken->port % RNIC_PORT_BUCKETS], &taken->link);
    return STATUS_SUCCESS;
}

static NTAPI NTSTATUS
rnic_port_take(struct nbx_rnic *handle, SOCKADDR_INET *address)
{
    struct rnic_port *taken = tcpip_alloc(sizeof *taken);
    struct nbx_crossing crossing;
    struct tcpip_call call;
    NTSTATUS status = STATUS_INVALID_ADDRESS;
    if (!taken)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (address_from(address, &taken->address, &taken->port)) {
        op_enter(&crossing, &call);
        status = port_take_locked(rnic_of(handle), taken, call.now_us);
        op_leave(&crossing, &call);
    }
    if (!NT_SUCCESS(status)) {
        tcpip_free(taken);
        return status;
    }
    address->Ipv4.sin_port = RtlUshortByteSwap(taken->port);
    return status;
}

static NTAPI BOOLEAN
rnic_port_give(struct nbx_rnic *handle, const SOCKADDR_INET *address)
{
    struct tcpip_rnic *rnic = rnic_of(handle);
    struct rnic_port *found = NULL;
    struct eng_address local;
    struct nbx_crossing crossing;
    struct tcpip_call call;
    USHORT port;
    if (!address_from(address, &local, &port))
        return FALSE;
    op_enter(&crossing, &call);
    const LIST_ENTRY *bucket = &rnic->ports[port % RNIC_PORT_BUCKETS];
    for (LIST_ENTRY *at = bucket->Flink; at != bucket; at = at->Flink) {
        struct rnic_port *one = CONTAINING_RECORD(at, struct rnic_port, link);
        if (one->port == port && eng_address_is_equal(&one->address, &local))
            found = one;
    }
    if (found)
        RemoveEntryList(&found->link);
    op_leave(&crossing, &call);
    tcpip_free(found);
    return found != NULL;
}

// ---- opening and closing ----------------------------------------------------------------------------------------------------------

static NTAPI VOID
rnic_close(struct nbx_rnic *handle)
{
    struct tcpip_rnic *rnic = rnic_of(handle);
    struct nbx_crossing crossing;
    struct tcpip_call call;
    op_enter(&crossing, &call);
    RemoveEntryList(&rnic->link);
    rnic->has_changed = FALSE;
    rnic->on_change = NULL;
    while (!IsListEmpty(&rnic->waiting)) {
        struct rnic_wait *wait = CONTAINING_RECORD(RemoveHeadList(&rnic->waiting), struct rnic_wait, link);
        wait->is_waiting = FALSE;
        wait->status = STATUS_CANCELLED;
        InsertTailList(&rnic->done, &wait->link);
    }
    if (!IsListEmpty(&rnic->done))
        tcpip_post(&rnic->news);
    if (!--rnic->refs)
        KeSetEvent(&rnic->idle, IO_NO_INCREMENT, FALSE);
    tcpip_leave(&call);
    KeWaitForSingleObject(&rnic->idle, Executive, KernelMode, FALSE, NULL);
    tcpip_enter(&call);                       // whoever set the event has let go of the lock
    tcpip_leave(&call);
    for (ULONG i = 0; i < RNIC_PORT_BUCKETS; i++)
        while (!IsListEmpty(&rnic->ports[i]))
            tcpip_free(CONTAINING_RECORD(RemoveHeadList(&rnic->ports[i]), struct rnic_port, link));
    tcpip_free(rnic);
    nbx_cross_out(&crossing);
}

static const struct nbx_rnic_ops rnic_ops = {
    .addresses = rnic_addresses,
    .resolve = rnic_resolve,
    .cancel = rnic_cancel,
    .path_now = rnic_path_now,
    .confirm = rnic_confirm,
    .doubt = rnic_doubt,
    .port_take = rnic_port_take,
    .port_give = rnic_port_give,
    .close = rnic_close};

static BOOLEAN
rnic_add(struct tcpip_rnic *rnic)
{
    struct tcpip_call call;
    BOOLEAN is_other = FALSE;
    tcpip_enter(&call);
    for (LIST_ENTRY *at = tcpip_host.rnics.Flink; at != &tcpip_host.rnics; at = at->Flink)
        is_other |= CONTAINING_RECORD(at, struct tcpip_rnic, link)->if_index == rnic->if_index;
    rnic->generation = net_generation(tcpip_host.net);
    if (!is_other)
        InsertTailList(&tcpip_host.rnics, &rnic->link);
    tcpip_leave(&call);
    return !is_other;
}

NTSTATUS
tcpip_rnic_control(PIRP irp, const IO_STACK_LOCATION *stack, ULONG *bytes)
{
    const struct nbx_rnic_open *open = irp->AssociatedIrp.SystemBuffer;
    if (irp->RequestorMode != KernelMode)
        return STATUS_ACCESS_DENIED;
    if (stack->Parameters.DeviceIoControl.InputBufferLength != sizeof *open ||
        stack->Parameters.DeviceIoControl.OutputBufferLength != sizeof(struct nbx_rnic_opened) || !open->if_index)
        return STATUS_INVALID_PARAMETER;
    struct tcpip_rnic *rnic = tcpip_alloc(sizeof *rnic);
    if (!rnic)
        return STATUS_INSUFFICIENT_RESOURCES;
    tcpip_news_init(&rnic->news, &rnic_news);
    InitializeListHead(&rnic->waiting);
    InitializeListHead(&rnic->done);
    for (ULONG i = 0; i < RNIC_PORT_BUCKETS; i++)
        InitializeListHead(&rnic->ports[i]);
    KeInitializeEvent(&rnic->idle, NotificationEvent, FALSE);
    rnic->refs = 1;
    rnic->if_index = open->if_index;
    rnic->context = open->context;
    rnic->on_change = open->on_change;
    if (!rnic_add(rnic)) {
        tcpip_free(rnic);
        return STATUS_INVALID_PARAMETER;
    }
    *(struct nbx_rnic_opened *)irp->AssociatedIrp.SystemBuffer = (struct nbx_rnic_opened){(struct nbx_rnic *)rnic, &rnic_ops};
    *bytes = sizeof(struct nbx_rnic_opened);
    return STATUS_SUCCESS;
}
