// SPDX-License-Identifier: MIT
// What a connector tells of itself: NdkGetConnectionData, NdkGetLocalAddress, NdkGetPeerAddress.
// Connection data can be had while the consumer has to decide: from the connect event to NdkAccept, from the end of NdkConnect to
// NdkCompleteConnect, and after a reject, which brings data as well [ndkpi/nc-ndkpi-ndk_fn_get_connection_data].
#include "rdma_net.h"

static uint16_t
least(uint16_t left, uint16_t right)
{
    return left < right ? left : right;
}

// Limits as they would be in force: ours, cut to what the peer said, if it said anything.
static struct rdma_reads
reads_now(const struct rdma_connector *c, const struct iwarp_info *info)
{
    const NDK_ADAPTER_INFO *limits = &c->net->rdma->info;
    struct rdma_reads reads = {.inbound = (uint16_t)limits->MaxInboundReadLimit, .outbound = (uint16_t)limits->MaxOutboundReadLimit};
    if (c->is_initiator)
        return info->reads;
    if (info->is_enhanced) {
        reads.inbound = least(reads.inbound, info->peer_reads.outbound);
        reads.outbound = least(reads.outbound, info->peer_reads.inbound);
    }
    return reads;
}

static NTSTATUS
private_copy(const struct iwarp_info *info, PVOID to, ULONG *bytes)
{
    ULONG room = *bytes;
    if (!to && room)
        return STATUS_INVALID_PARAMETER;      // a consumer must never do this
    *bytes = info->private_count;
    if (to && info->private_count)
        memcpy(to, info->private_bytes, room < info->private_count ? room : info->private_count);
    return !to || room >= info->private_count ? STATUS_SUCCESS : STATUS_BUFFER_TOO_SMALL;
}

NTAPI NTSTATUS
rdma_connector_data(NDK_CONNECTOR *ndk, ULONG *inbound, ULONG *outbound, PVOID private_data, ULONG *private_bytes)
{
    struct rdma_connector *c = rdma_connector_of(ndk);
    struct iwarp_info info;
    struct rdma_call call;
    NTSTATUS status = STATUS_CONNECTION_INVALID;
    rdma_enter(c->net->rdma, &call);
    if (c->state == RDMA_REQUESTED || c->state == RDMA_REPLIED || c->is_rejected) {
        iwarp_info(c->link.iwarp, &info);
        struct rdma_reads reads = reads_now(c, &info);
        if (inbound)
            *inbound = reads.inbound;
        if (outbound)
            *outbound = reads.outbound;
        status = private_copy(&info, private_data, private_bytes);
    }
    rdma_leave(c->net->rdma, &call);
    return status;
}

static NTSTATUS
address_get(NDK_CONNECTOR *ndk, BOOLEAN is_peer, PSOCKADDR address, ULONG *bytes)
{
    struct rdma_connector *c = rdma_connector_of(ndk);
    struct rdma_call call;
    NTSTATUS status = STATUS_CONNECTION_INVALID;
    rdma_enter(c->net->rdma, &call);
    if (c->state != RDMA_NEW && c->state != RDMA_OVER && c->endpoint)
        status = is_peer ? rdma_address_to(&c->remote, c->remote_port, address, bytes)
                         : rdma_address_to(&c->endpoint->local, c->endpoint->port, address, bytes);
    rdma_leave(c->net->rdma, &call);
    return status;
}

NTAPI NTSTATUS
rdma_connector_local(NDK_CONNECTOR *ndk, PSOCKADDR address, ULONG *bytes)
{
    return address_get(ndk, FALSE, address, bytes);
}

NTAPI NTSTATUS
rdma_connector_peer(NDK_CONNECTOR *ndk, PSOCKADDR address, ULONG *bytes)
{
    return address_get(ndk, TRUE, address, bytes);
}
