// SPDX-License-Identifier: MIT
// Local ends: an address and a port, with a reference for each object that stands on it, and the shared endpoint, which is one of those.
//   rdma_endpoint_take -> is it the adapter's? -> the host gives the port to us alone -> into the table, by which frames are found
//   rdma_endpoint_drop -> the last reference: out of TCP's listeners at once, then (a tell: no lock is held) the port goes back to the
//   host, but not before the last connection there is over for TCP, too (TIME_WAIT): consumers of ours may have it meanwhile, the host
//   may not. With the last NDK adapter the host is closed, and gets everything back
// References are those of [network/ndkpi-listeners--connectors--and-endpoints]: a listener and each connector that came by it; the one
// connector of NdkConnect; a shared endpoint and each connector over it. Until the last is gone, nobody else gets address and port.
#include "rdma_net.h"

#include "base/bytes.h"

// ---- addresses --------------------------------------------------------------------------------------------------------------------

NTSTATUS
rdma_address_from(const SOCKADDR *address, ULONG bytes, struct eng_address *to, USHORT *port)
{
    const SOCKADDR_IN *in = (const SOCKADDR_IN *)address;
    const SOCKADDR_IN6 *in6 = (const SOCKADDR_IN6 *)address;
    if (!address || bytes < sizeof in->sin_family)
        return STATUS_INVALID_ADDRESS;
    if (in->sin_family == AF_INET && bytes >= sizeof *in) {
        *to = eng_address4(&in->sin_addr);
        *port = RtlUshortByteSwap(in->sin_port);
        return STATUS_SUCCESS;
    }
    if (in6->sin6_family == AF_INET6 && bytes >= sizeof *in6) {
        *to = eng_address6(&in6->sin6_addr);
        *port = RtlUshortByteSwap(in6->sin6_port);
        return STATUS_SUCCESS;
    }
    return STATUS_INVALID_ADDRESS;
}

VOID
rdma_inet_of(const struct eng_address *address, USHORT port, SOCKADDR_INET *to)
{
    *to = (SOCKADDR_INET){0};
    if (address->family == ENG_IP6) {
        to->Ipv6.sin6_family = AF_INET6;
        to->Ipv6.sin6_port = RtlUshortByteSwap(port);
        memcpy(&to->Ipv6.sin6_addr, address->bytes, 16);
    } else {
        to->Ipv4.sin_family = AF_INET;
        to->Ipv4.sin_port = RtlUshortByteSwap(port);
        memcpy(&to->Ipv4.sin_addr, address->bytes, 4);
    }
}

NTSTATUS
rdma_address_to(const struct eng_address *address, USHORT port, SOCKADDR *to, ULONG *bytes)
{
    ULONG need = address->family == ENG_IP6 ? sizeof(SOCKADDR_IN6) : sizeof(SOCKADDR_IN), room = *bytes;
    SOCKADDR_INET made;
    *bytes = need;
    if (!to || room < need)
        return STATUS_BUFFER_TOO_SMALL;
    rdma_inet_of(address, port, &made);
    memcpy(to, &made, need);
    return STATUS_SUCCESS;
}

// ---- endpoints --------------------------------------------------------------------------------------------------------------------

struct rdma_endpoint *
rdma_endpoint_find(struct rdma_net *net, const struct eng_address *local, USHORT port)
{
    LIST_ENTRY *bucket = &net->endpoints[port % RDMA_BUCKETS];
    for (LIST_ENTRY *entry = bucket->Flink; entry != bucket; entry = entry->Flink) {
        struct rdma_endpoint *endpoint = CONTAINING_RECORD(entry, struct rdma_endpoint, link);
        if (endpoint->port == port && eng_address_is_equal(&endpoint->local, local))
            return endpoint;
    }
    return NULL;
}

static VOID
on_give_back(struct rdma_tell *tell, struct rdma_object *object)
{
    struct rdma_endpoint *endpoint = CONTAINING_RECORD(tell, struct rdma_endpoint, tell);
    struct vnic_rdma *rdma = endpoint->rdma;
    struct rdma_call call;
    UNREFERENCED_PARAMETER(object);
    rdma_enter(rdma, &call);
    BOOLEAN is_over = !endpoint->refs && !endpoint->lingers;        // nobody has taken it once more
    if (is_over) {
        RemoveEntryList(&endpoint->link);
        rdma->net->endpoint_count--;
    }
    rdma_leave(rdma, &call);
    if (!is_over)
        return;
    rdma_host_port_give(rdma->net, &endpoint->local, endpoint->port);
    rdma_free(endpoint);
}

// One that is on its way back to the host is still ours.
static NTSTATUS
take_again(struct vnic_rdma *rdma, const struct eng_address *local, USHORT port, struct rdma_endpoint **made)
{
    struct rdma_call call;
    rdma_enter(rdma, &call);
    struct rdma_endpoint *endpoint = port ? rdma_endpoint_find(rdma->net, local, port) : NULL;
    NTSTATUS status = !endpoint ? STATUS_NOT_FOUND : endpoint->refs ? STATUS_SHARING_VIOLATION : STATUS_SUCCESS;
    if (status == STATUS_SUCCESS) {
        endpoint->refs = 1;
        endpoint->is_shared = FALSE;
        *made = endpoint;
    }
    rdma_leave(rdma, &call);
    return status;
}

NTSTATUS
rdma_endpoint_take(struct vnic_rdma *rdma, const struct eng_address *local, USHORT port, struct rdma_endpoint **made)
{
    struct rdma_call call;
    if (eng_address_is_any(local) || eng_address_is_multicast(local))
        return STATUS_INVALID_ADDRESS;
    NTSTATUS status = take_again(rdma, local, port, made);
    if (status != STATUS_NOT_FOUND)
        return status;
    struct rdma_endpoint *endpoint = rdma_alloc(sizeof *endpoint);
    if (!endpoint)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = rdma_host_port_take(rdma->net, local, &port);
    if (status != STATUS_SUCCESS) {
        rdma_free(endpoint);
        return status;
    }
    *endpoint = (struct rdma_endpoint){.rdma = rdma, .local = *local, .port = port, .refs = 1, .tell = {.on_tell = on_give_back}};
    rdma_enter(rdma, &call);
    InsertTailList(&rdma->net->endpoints[port % RDMA_BUCKETS], &endpoint->link);
    rdma->net->endpoint_count++;
    rdma_leave(rdma, &call);
    *made = endpoint;
    return STATUS_SUCCESS;
}

VOID
rdma_endpoint_drop(struct rdma_endpoint *endpoint, struct rdma_object *object)
{
    if (--endpoint->refs)
        return;
    if (endpoint->listener)
        tcp_unlisten(endpoint->listener);
    endpoint->listener = NULL;
    if (!endpoint->lingers)
        rdma_tell(&object->adapter->object, &endpoint->tell);
}

// ---- what TCP still waits for -----------------------------------------------------------------------------------------------------

struct tcp_connection *
rdma_endpoint_tcp(const struct rdma_endpoint *endpoint, const struct eng_address *remote, USHORT remote_port)
{
    uint8_t ports[4] = {(uint8_t)(remote_port >> 8), (uint8_t)remote_port, (uint8_t)(endpoint->port >> 8), (uint8_t)endpoint->port};
    struct eng_span span = {.bytes = ports, .count = sizeof ports};
    struct eng_in in = {.spans = &span, .n_spans = 1, .length_bytes = sizeof ports, .source = *remote, .destination = endpoint->local};
    return tcp_knows(endpoint->rdma->net->tcp, &in);
}

VOID
rdma_endpoint_linger(struct rdma_connector *c, const struct rdma_call *call)
{
    if (!c->endpoint || !rdma_endpoint_tcp(c->endpoint, &c->remote, c->remote_port))
        return;
    c->lingers_at = c->endpoint;
    c->lingers_at->lingers++;
    c->linger_us = call->now_us + RDMA_LINGER_US;
    InsertTailList(&c->net->lingering, &c->link_all);
}

// Returns the endpoint if nothing stands on it any more. locks: rdma->lock held
static struct rdma_endpoint *
linger_end(struct rdma_connector *c)
{
    struct rdma_endpoint *endpoint = c->lingers_at;
    RemoveEntryList(&c->link_all);
    c->lingers_at = NULL;
    if (c->is_freed)
        rdma_connector_dispose(c);
    return --endpoint->lingers || endpoint->refs ? NULL : endpoint;
}

VOID
rdma_endpoints_time(struct rdma_net *net, const struct rdma_call *call)
{
    LIST_ENTRY *adapters = &net->rdma->adapters;
    while (!IsListEmpty(&net->lingering)) {
        struct rdma_connector *c = CONTAINING_RECORD(net->lingering.Flink, struct rdma_connector, link_all);
        if (c->linger_us > call->now_us)
            return;
        // Without an adapter the host is being closed, and rdma_endpoints_yield is next.
        if (IsListEmpty(adapters) || rdma_endpoint_tcp(c->lingers_at, &c->remote, c->remote_port)) {
            c->linger_us = call->now_us + RDMA_LINGER_US;
            RemoveEntryList(&c->link_all);
            InsertTailList(&net->lingering, &c->link_all);
            continue;
        }
        struct rdma_endpoint *endpoint = linger_end(c);
        if (endpoint)
            rdma_tell(&CONTAINING_RECORD(adapters->Flink, struct rdma_adapter, link)->object, &endpoint->tell);
    }
}

VOID
rdma_endpoints_yield(struct vnic_rdma *rdma)
{
    struct rdma_net *net = rdma->net;
    struct rdma_call call;
    rdma_enter(rdma, &call);
    while (!IsListEmpty(&net->lingering)) {
        struct rdma_endpoint *endpoint = linger_end(CONTAINING_RECORD(net->lingering.Flink, struct rdma_connector, link_all));
        if (!endpoint)
            continue;
        RemoveEntryList(&endpoint->link);
        net->endpoint_count--;
        rdma_leave(rdma, &call);
        rdma_host_port_give(net, &endpoint->local, endpoint->port);
        rdma_free(endpoint);
        rdma_enter(rdma, &call);
    }
    rdma_leave(rdma, &call);
}

// ---- the shared endpoint ----------------------------------------------------------------------------------------------------------

static VOID
shared_free(struct rdma_object *object)
{
    rdma_free(object);
}

// Connectors over it keep it from being closed, and the endpoint from being given back.
static VOID
shared_closing(struct rdma_object *object, struct rdma_call *call)
{
    UNREFERENCED_PARAMETER(call);
    rdma_endpoint_drop(CONTAINING_RECORD(object, struct rdma_shared, object)->endpoint, object);
}

static NTAPI NTSTATUS
shared_local(NDK_SHARED_ENDPOINT *shared, PSOCKADDR address, ULONG *bytes)
{
    const struct rdma_endpoint *endpoint = ((struct rdma_shared *)shared)->endpoint;
    return rdma_address_to(&endpoint->local, endpoint->port, address, bytes);
}

static const NDK_SHARED_ENDPOINT_DISPATCH shared_dispatch = {
    .NdkCloseSharedEndpoint = rdma_close,
    .NdkQueryExtension = rdma_query_extension,
    .NdkGetLocalAddress = shared_local,
};
static const struct rdma_type shared_type = {NdkObjectTypeSharedEndpoint, &shared_dispatch, shared_closing, shared_free};

static NTSTATUS
shared_make(struct rdma_object *parent, const SOCKADDR *address, ULONG address_bytes, struct rdma_shared **made)
{
    struct vnic_rdma *rdma = parent->rdma;
    struct eng_address local;
    struct rdma_call call;
    USHORT port;
    NTSTATUS status = rdma_address_from(address, address_bytes, &local, &port);
    if (status != STATUS_SUCCESS)
        return status;
    struct rdma_shared *shared = rdma_alloc(sizeof *shared);
    if (!shared)
        return STATUS_INSUFFICIENT_RESOURCES;
    status = rdma_endpoint_take(rdma, &local, port, &shared->endpoint);
    if (status != STATUS_SUCCESS) {
        rdma_free(shared);
        return status;
    }
    rdma_enter(rdma, &call);
    shared->endpoint->is_shared = TRUE;
    rdma_object_init(&shared->object, &shared_type, parent);
    rdma_leave(rdma, &call);
    *made = shared;
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
rdma_shared_create(NDK_ADAPTER *adapter, const PSOCKADDR address, ULONG address_bytes, NDK_FN_CREATE_COMPLETION completion, PVOID context,
                   NDK_SHARED_ENDPOINT **made)
{
    struct rdma_object *parent = &rdma_adapter_of(adapter)->object;
    struct rdma_shared *shared;
    NTSTATUS status = shared_make(parent, address, address_bytes, &shared);
    if (status != STATUS_SUCCESS)
        return rdma_object_failed(parent, status, completion, context);
    return rdma_object_made(&shared->object, completion, context, (PVOID *)made);
}
