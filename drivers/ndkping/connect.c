// SPDX-License-Identifier: MIT
// Connecting and disconnecting, each call made to wait for, and ended early when the adapter goes: closing the connector ends what is
// pending on it, and the close waits for that.
//   client: ping_connect -> (private data of the reply) -> ping_complete_connect      server: ping_accept
// Both register the disconnect event: the peer's end, or the connection's. It comes at most once and flushes nothing.
#include "ndkping.h"

#include <ip2string.h>

static VOID NTAPI
on_disconnect(PVOID context)
{
    struct ping_channel *channel = context;
    KeSetEvent(&channel->gone, IO_NO_INCREMENT, FALSE);
}

// What a connector's request ended with.
static NTSTATUS
request_end(struct ping_channel *channel, struct ping_wait *wait, NTSTATUS returned)
{
    PVOID objects[] = {&wait->done, &channel->adapter->stop};
    if (returned != STATUS_PENDING)
        return returned;
    if (KeWaitForMultipleObjects(2, objects, WaitAny, Executive, KernelMode, FALSE, NULL, NULL) == STATUS_WAIT_0)
        return wait->status;
    PING_CLOSE(channel->connector, NdkCloseConnector);
    ping_wait_end(wait, STATUS_PENDING);
    return STATUS_CANCELLED;
}

static ULONG
limit(ULONG most)
{
    return ping_settings.reads < most ? ping_settings.reads : most;
}

NTSTATUS
ping_connect(struct ping_channel *channel, const VOID *private_data, ULONG private_bytes)
{
    NDK_ADAPTER *adapter = channel->adapter->ndk;
    const NDK_ADAPTER_INFO *info = &channel->adapter->info;
    const SOCKADDR_INET *from = &ping_settings.local[0], *to = &ping_settings.peer;
    NTSTATUS status;
    PING_CREATE(status, channel->connector, adapter->Dispatch->NdkCreateConnector(adapter, ping_created, &wait, &channel->connector));
    if (!NT_SUCCESS(status))
        return status;
    struct ping_wait wait;
    ping_wait_init(&wait);
    status = channel->connector->Dispatch->NdkConnect(channel->connector, channel->qp, (PSOCKADDR)from, ping_address_bytes(from),
                                                      (PSOCKADDR)to, ping_address_bytes(to), limit(info->MaxInboundReadLimit),
                                                      limit(info->MaxOutboundReadLimit), (PVOID)private_data, private_bytes, ping_requested,
                                                      &wait);
    return request_end(channel, &wait, status);
}

NTSTATUS
ping_complete_connect(struct ping_channel *channel)
{
    struct ping_wait wait;
    ping_wait_init(&wait);
    return request_end(channel, &wait,
                       channel->connector->Dispatch->NdkCompleteConnect(channel->connector, on_disconnect, channel, ping_requested, &wait));
}

NTSTATUS
ping_accept(struct ping_channel *channel, const VOID *private_data, ULONG private_bytes)
{
    const NDK_ADAPTER_INFO *info = &channel->adapter->info;
    struct ping_wait wait;
    ping_wait_init(&wait);
    return request_end(channel, &wait,
                       channel->connector->Dispatch->NdkAccept(channel->connector, channel->qp, limit(info->MaxInboundReadLimit),
                                                               limit(info->MaxOutboundReadLimit), (PVOID)private_data, private_bytes,
                                                               on_disconnect, channel, ping_requested, &wait));
}

NTSTATUS
ping_disconnect(struct ping_channel *channel)
{
    struct ping_wait wait;
    ping_wait_init(&wait);
    return request_end(channel, &wait, channel->connector->Dispatch->NdkDisconnect(channel->connector, ping_requested, &wait));
}

// The length that comes back is the room that is needed, which may be more than what was sent; the rest of the room is 0.
NTSTATUS
ping_private_data(NDK_CONNECTOR *connector, VOID *data, ULONG *bytes)
{
    memset(data, 0, *bytes);
    ULONG room = *bytes;
    NTSTATUS status = connector->Dispatch->NdkGetConnectionData(connector, NULL, NULL, data, bytes);
    if (status == STATUS_BUFFER_TOO_SMALL) { // the beginning is there
        *bytes = room;
        status = STATUS_SUCCESS;
    }
    return status;
}

ULONG
ping_address_bytes(const SOCKADDR_INET *address)
{
    return address->si_family == AF_INET ? sizeof address->Ipv4 : sizeof address->Ipv6;
}

VOID
ping_address_print(const SOCKADDR_INET *address, char text[PING_TEXT])
{
    ULONG room = PING_TEXT;
    NTSTATUS status = address->si_family == AF_INET
                          ? RtlIpv4AddressToStringExA(&address->Ipv4.sin_addr, address->Ipv4.sin_port, text, &room)
                          : RtlIpv6AddressToStringExA(&address->Ipv6.sin6_addr, 0, address->Ipv6.sin6_port, text, &room);
    if (!NT_SUCCESS(status))
        text[0] = 0;
}
