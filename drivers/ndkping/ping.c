// SPDX-License-Identifier: MIT
// The protocol of Linux's rping [librdmacm: rping(1), whose messages are 16 bytes in network order: address, token, size]:
//   client                                   server
//   SEND its source buffer's message   ->    READ the source
//                                      <-    SEND: go ahead
//   SEND its sink buffer's message     ->    WRITE what was read there
//                                      <-    SEND: done
// and again. The client compares source and sink. A server's two SENDs have no meaning but that they come.
#include "ndkping.h"

VOID
ping_remote_put(UCHAR message[PING_MESSAGE], const struct ping_region *region, ULONG bytes)
{
    UINT64 address = RtlUlonglongByteSwap((UINT64)(ULONG_PTR)region->bytes);
    // A token's bytes go as the adapter gives it: rping sends its key with htonl, and what is a token here is a number as well.
    ULONG token = RtlUlongByteSwap(region->remote), count = RtlUlongByteSwap(bytes);
    memcpy(message, &address, 8);
    memcpy(message + 8, &token, 4);
    memcpy(message + 12, &count, 4);
}

struct ping_remote
ping_remote_get(const UCHAR message[PING_MESSAGE])
{
    struct ping_remote remote;
    memcpy(&remote.address, message, 8);
    memcpy(&remote.token, message + 8, 4);
    memcpy(&remote.bytes, message + 12, 4);
    return (struct ping_remote){RtlUlonglongByteSwap(remote.address), RtlUlongByteSwap(remote.token), RtlUlongByteSwap(remote.bytes)};
}

// As rping: "rdma-ping-N: ", then letters that move on with each round, and a 0 at the end, because its server writes back a string.
VOID
ping_fill(UCHAR *bytes, ULONG count, ULONG round)
{
    char head[24] = "rdma-ping-", digits[12];
    ULONG at = 10, n = 0, left = round;
    do {
        digits[n++] = (char)('0' + left % 10);
    } while (left /= 10);
    while (n)
        head[at++] = digits[--n];
    head[at++] = ':';
    head[at++] = ' ';
    for (ULONG i = 0; i < count; i++)
        bytes[i] = i < at ? (UCHAR)head[i] : (UCHAR)('A' + (round + i) % 58);
    bytes[count - 1] = 0;
}

// Say where a buffer is, and wait for the peer's word.
static NTSTATUS
client_step(struct ping_channel *channel, const struct ping_region *region, ULONG bytes)
{
    UCHAR message[PING_MESSAGE];
    ULONG slot, count;
    ping_remote_put(message, region, bytes);
    NTSTATUS status = ping_post_message(channel, message);
    if (NT_SUCCESS(status))
        status = ping_await_message(channel, &slot, &count);
    if (NT_SUCCESS(status) && count != PING_MESSAGE)
        status = STATUS_INVALID_NETWORK_RESPONSE;
    if (NT_SUCCESS(status))
        status = ping_post_receive(channel, slot);
    return status;
}

NTSTATUS
ping_rping_client(struct ping_channel *channel, ULONG bytes, struct ping_result *result)
{
    NTSTATUS status = STATUS_SUCCESS;
    ping_result_start(result);
    for (ULONG round = 0; NT_SUCCESS(status) && round < ping_settings.count; round++) {
        UINT64 begun = ping_now_ns();
        ping_fill(channel->source.bytes, bytes, round);
        memset(channel->sink.bytes, 0xEE, bytes);
        status = client_step(channel, &channel->source, bytes);
        if (NT_SUCCESS(status))
            status = client_step(channel, &channel->sink, bytes);
        if (NT_SUCCESS(status) && RtlCompareMemory(channel->source.bytes, channel->sink.bytes, bytes) != bytes)
            status = STATUS_DATA_ERROR;
        if (!NT_SUCCESS(status))
            break;
        ping_result_add(result, ping_now_ns() - begun);
        ping_result_tick(result);
    }
    ping_result_stop(result);
    return status;
}

// The peer's next message. A peer that disconnects in place of a message has done.
static NTSTATUS
server_hears(struct ping_channel *channel, struct ping_remote *remote)
{
    ULONG slot, bytes;
    NTSTATUS status = ping_await_message(channel, &slot, &bytes);
    if (!NT_SUCCESS(status))
        return status;
    if (bytes != PING_MESSAGE)
        return STATUS_INVALID_NETWORK_RESPONSE;
    *remote = ping_remote_get(ping_slot(channel, slot));
    if (!remote->bytes || remote->bytes > channel->shape.buffer_bytes)
        return STATUS_INVALID_BUFFER_SIZE;
    return ping_post_receive(channel, slot);
}

static NTSTATUS
server_round(struct ping_channel *channel, const struct ping_remote *from)
{
    static const UCHAR go_ahead[PING_MESSAGE];
    struct ping_remote to;
    NTSTATUS status = ping_post_read(channel, from, from->bytes);
    if (NT_SUCCESS(status))
        status = ping_await_posted(channel, 0);
    if (NT_SUCCESS(status))
        status = ping_post_message(channel, go_ahead);
    if (NT_SUCCESS(status))
        status = server_hears(channel, &to);
    if (!NT_SUCCESS(status))
        return status;
    if (to.bytes < from->bytes)
        return STATUS_INVALID_NETWORK_RESPONSE;
    status = ping_post_write(channel, &to, &channel->sink, from->bytes);
    return NT_SUCCESS(status) ? ping_post_message(channel, go_ahead) : status; // which arrives behind the write
}

NTSTATUS
ping_rping_server(struct ping_channel *channel, struct ping_result *result)
{
    struct ping_remote from;
    for (;;) {
        NTSTATUS status = server_hears(channel, &from);
        if (status == STATUS_CONNECTION_DISCONNECTED)
            return STATUS_SUCCESS;
        if (NT_SUCCESS(status))
            status = server_round(channel, &from);
        if (!NT_SUCCESS(status))
            return status;
        result->count++;
    }
}
