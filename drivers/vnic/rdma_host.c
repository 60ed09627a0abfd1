// SPDX-License-Identifier: MIT
// What the host's transport (tcpip) says of addresses, ways and ports, by nbx/rnic.h: a thin layer, and what follows when something there
// changes.
//   the first NDK adapter opens the transport's device, the last one closes it
//   on_change -> each connector's way is looked up again: another next hop or MTU
//   rdma_host_news -> (a tell: no lock is held) the host hears that a neighbor is there, or may not be
#include "rdma_net.h"

#include "base/bytes.h"

// ---- changes ----------------------------------------------------------------------------------------------------------------------

static struct rdma_connector *
walk_next(struct rdma_net *net)
{
    for (LIST_ENTRY *entry = net->connectors.Flink; entry != &net->connectors; entry = entry->Flink) {
        struct rdma_connector *c = CONTAINING_RECORD(entry, struct rdma_connector, link_all);
        if (c->walk == net->walk || !c->object.type || !c->tcp)
            continue;
        c->walk = net->walk;
        rdma_hold(&c->object);
        return c;
    }
    return NULL;
}

static VOID
way_set(struct rdma_connector *c, const struct nbx_rnic_path *way, struct rdma_call *call)
{
    struct rdma_net *net = c->net;
    ULONG hop = rdma_hop_get(net, way->next_link, 0);
    struct tcp_path path = {.mtu_bytes = way->mtu_bytes && way->mtu_bytes < rdma_mtu(net->rdma) ? way->mtu_bytes : rdma_mtu(net->rdma),
                            .interface_index = hop};
    if (!hop || !c->tcp)
        return;
    vnic_down_path(net->rdma->adapter, c->remote.family, &path);
    if (tcp_set_path(c->tcp, &path, call->now_us, &call->outbox))
        return;
    rdma_hop_use(net, c->hop, -1);
    rdma_hop_use(net, hop, 1);
    c->hop = hop;
}

static NTAPI VOID
on_change(PVOID context)
{
    struct rdma_net *net = context;
    struct rdma_connector *c;
    struct rdma_call call;
    rdma_enter(net->rdma, &call);
    net->walk++;
    while ((c = walk_next(net))) {
        struct nbx_rnic_path way = {0};
        rdma_inet_of(&c->endpoint->local, 0, &way.local);
        rdma_inet_of(&c->remote, 0, &way.remote);
        rdma_leave(net->rdma, &call);
        NTSTATUS status = net->host.ops->path_now(net->host.rnic, &way);
        rdma_enter(net->rdma, &call);
        if (status == STATUS_SUCCESS && !way.is_local)
            way_set(c, &way, &call);
        rdma_drop(&c->object);
    }
    rdma_leave(net->rdma, &call);
}

// ---- what TCP notices of a neighbor -----------------------------------------------------------------------------------------------

// locks: none held
static VOID
on_news(struct rdma_tell *tell, struct rdma_object *object)
{
    struct rdma_connector *c = CONTAINING_RECORD(tell, struct rdma_connector, news_tell);
    struct rdma_net *net = c->net;
    struct nbx_rnic_path way = {0};
    struct rdma_call call;
    rdma_enter(object->rdma, &call);
    uint32_t news = c->endpoint ? c->news : 0;
    c->news = 0;
    if (news) {
        rdma_inet_of(&c->endpoint->local, 0, &way.local);
        rdma_inet_of(&c->remote, 0, &way.remote);
    }
    rdma_leave(object->rdma, &call);
    if (!news || net->host.ops->path_now(net->host.rnic, &way) != STATUS_SUCCESS || way.is_local)
        return;
    if (news & TCP_EVENT_PROGRESS)
        net->host.ops->confirm(net->host.rnic, &way);
    else
        net->host.ops->doubt(net->host.rnic, &way);
}

VOID
rdma_host_news(struct rdma_connector *c, uint32_t tcp_events)
{
    if (!c->object.type || !c->net->host.rnic)
        return;
    c->news |= tcp_events & (TCP_EVENT_PROGRESS | TCP_EVENT_DOUBT);
    c->news_tell.on_tell = on_news;
    rdma_tell(&c->object, &c->news_tell);
}

// ---- open and close ---------------------------------------------------------------------------------------------------------------

VOID
rdma_host_open(struct vnic_rdma *rdma)
{
    struct rdma_net *net = rdma->net;
    struct nbx_rnic_open open = {.if_index = rdma->adapter->if_index, .context = net, .on_change = on_change};
    KeWaitForSingleObject(&net->host_turn, Executive, KernelMode, FALSE, NULL);
    net->host_uses++;
    if (!net->host.rnic && !NT_SUCCESS(nbx_rnic_open(&open, &net->host)))
        net->host.rnic = NULL;
    KeSetEvent(&net->host_turn, IO_NO_INCREMENT, FALSE);
}

VOID
rdma_host_close(struct vnic_rdma *rdma)
{
    struct rdma_net *net = rdma->net;
    KeWaitForSingleObject(&net->host_turn, Executive, KernelMode, FALSE, NULL);
    if (!--net->host_uses && net->host.rnic) {
        rdma_endpoints_yield(rdma);
        nbx_rnic_close(&net->host);
    }
    KeSetEvent(&net->host_turn, IO_NO_INCREMENT, FALSE);
}

// ---- questions --------------------------------------------------------------------------------------------------------------------

NTSTATUS
rdma_host_port_take(struct rdma_net *net, const struct eng_address *address, USHORT *port)
{
    SOCKADDR_INET inet;
    if (!net->host.rnic)
        return STATUS_INVALID_ADDRESS;
    rdma_inet_of(address, *port, &inet);
    NTSTATUS status = net->host.ops->port_take(net->host.rnic, &inet);
    if (status == STATUS_SUCCESS)
        *port = RtlUshortByteSwap(address->family == ENG_IP6 ? inet.Ipv6.sin6_port : inet.Ipv4.sin_port);
    return status;
}

VOID
rdma_host_port_give(struct rdma_net *net, const struct eng_address *address, USHORT port)
{
    SOCKADDR_INET inet;
    rdma_inet_of(address, port, &inet);
    (void)net->host.ops->port_give(net->host.rnic, &inet);
}

NTSTATUS
rdma_host_resolve(struct rdma_net *net, const struct eng_address *local, const struct eng_address *remote, struct nbx_rnic_resolve *request)
{
    if (!net->host.rnic)
        return STATUS_INVALID_ADDRESS;
    rdma_inet_of(local, 0, &request->path.local);
    rdma_inet_of(remote, 0, &request->path.remote);
    return net->host.ops->resolve(net->host.rnic, request);
}

BOOLEAN
rdma_host_owns(struct rdma_net *net, const struct eng_address *address)
{
    struct nbx_rnic_path path = {0};
    rdma_inet_of(address, 0, &path.local);
    rdma_inet_of(address, 0, &path.remote);
    // As a local address it is refused unless it is this interface's.
    return net->host.rnic && net->host.ops->path_now(net->host.rnic, &path) == STATUS_SUCCESS && path.is_local;
}
