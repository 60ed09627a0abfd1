// SPDX-License-Identifier: MIT
// Tests between two ndkpings. The client's private data say what the server is to do (PING_HELLO), the server's say where its buffer is.
//   latency  send    a SEND there and one back; half of the round trip
//            write   a WRITE and a SEND of a byte behind it, there and back; half of the round trip. (Nobody polls memory here.)
//            read    from posting to completion: a round trip by nature
//   rate     `depth` requests are out all the time. The server gives back credits for sends that it has taken; of reads and writes it
//            knows nothing. A write or send counts when it is completed: the peer's TCP has it
// Bandwidth is the rate times the size.
#include "ndkping.h"

static const UCHAR magic[5] = {'N', 'D', 'K', 'P', 1};

VOID
ping_hello_put(UCHAR hello[PING_HELLO], enum ping_mode mode, ULONG depth, ULONG bytes, const struct ping_region *region)
{
    USHORT wire_depth = RtlUshortByteSwap((USHORT)depth);
    ULONG wire_bytes = RtlUlongByteSwap(bytes);
    memset(hello, 0, PING_HELLO);
    memcpy(hello, magic, sizeof magic);
    hello[5] = (UCHAR)mode;
    memcpy(hello + 6, &wire_depth, 2);
    memcpy(hello + 8, &wire_bytes, 4);
    ping_remote_put(hello + 16, region, bytes);
}

BOOLEAN
ping_hello_get(const UCHAR *data, ULONG bytes, struct ping_hello *hello)
{
    USHORT depth;
    *hello = (struct ping_hello){.mode = PING_MODE_RPING, .depth = 2};
    if (bytes < PING_HELLO || RtlCompareMemory(data, magic, sizeof magic) != sizeof magic)
        return FALSE;
    memcpy(&depth, data + 6, 2);
    memcpy(&hello->bytes, data + 8, 4);
    hello->depth = RtlUshortByteSwap(depth);
    hello->bytes = RtlUlongByteSwap(hello->bytes);
    hello->remote = ping_remote_get(data + 16);
    BOOLEAN has_room = data[5] != PING_MODE_SINK_SEND || hello->depth == 2 || (UINT64)hello->depth * hello->bytes <= PING_REGION_BYTES;
    BOOLEAN is_good = data[5] > PING_MODE_RPING && data[5] < PING_MODES && hello->depth >= 2 && hello->depth <= 1024 && hello->bytes &&
                      hello->bytes <= ping_settings.buffer_bytes && has_room;
    hello->mode = is_good ? (enum ping_mode)data[5] : PING_MODES;
    return TRUE;
}

// ---- client ---------------------------------------------------------------------------------------------------------------------

static NTSTATUS
post_one(struct ping_channel *channel, enum ping_test test, ULONG bytes, const struct ping_remote *remote)
{
    switch (test) {
    case PING_SEND: return ping_post_send(channel, bytes);
    case PING_READ: return ping_post_read(channel, remote, bytes);
    default: return ping_post_write(channel, remote, &channel->source, bytes);
    }
}

// One request and what answers it.
static NTSTATUS
latency_round(struct ping_channel *channel, enum ping_test test, ULONG bytes, const struct ping_remote *remote)
{
    ULONG slot, count;
    NTSTATUS status = post_one(channel, test, bytes, remote);
    if (NT_SUCCESS(status) && test == PING_WRITE)
        status = ping_post_send(channel, 1);
    if (NT_SUCCESS(status) && test == PING_READ)
        return ping_await_posted(channel, 0);
    if (NT_SUCCESS(status))
        status = ping_await_message(channel, &slot, &count);
    if (NT_SUCCESS(status) && count != (test == PING_SEND ? bytes : 1))
        status = STATUS_INVALID_NETWORK_RESPONSE;
    return NT_SUCCESS(status) ? ping_post_receive(channel, slot) : status;
}

static NTSTATUS
latency(struct ping_channel *channel, enum ping_test test, ULONG bytes, const struct ping_remote *remote, struct ping_result *result)
{
    NTSTATUS status = STATUS_SUCCESS;
    for (ULONG round = 0; NT_SUCCESS(status) && round < ping_settings.count; round++) {
        UINT64 begun = ping_now_ns();
        status = latency_round(channel, test, bytes, remote);
        if (!NT_SUCCESS(status))
            break;
        ping_result_add(result, (ping_now_ns() - begun) / (test == PING_READ ? 1 : 2));
        ping_result_tick(result);
    }
    return status;
}

// Sends that the server has no receive for yet wait for a credit.
static NTSTATUS
rate(struct ping_channel *channel, enum ping_test test, ULONG bytes, const struct ping_remote *remote, struct ping_result *result)
{
    struct ping_done done;
    ULONG depth = channel->shape.depth, credits = depth, begun = 0;
    ULONG to_hear = test == PING_SEND ? ping_settings.count / (depth / 2) : 0; // nothing is on its way when we disconnect
    while (begun < ping_settings.count || channel->out || to_hear) {
        NTSTATUS status = STATUS_SUCCESS;
        while (NT_SUCCESS(status) && begun < ping_settings.count && channel->out < depth && (test != PING_SEND || credits)) {
            status = post_one(channel, test, bytes, remote);
            begun++;
            credits--;
        }
        if (NT_SUCCESS(status))
            status = ping_next(channel, &done);
        if (!NT_SUCCESS(status))
            return status;
        if (done.op != PING_OP_RECEIVE) {
            if (!(++result->count % 64))
                ping_result_tick(result);
            continue;
        }
        credits += depth / 2;
        status = to_hear-- && done.bytes == PING_MESSAGE ? ping_post_receive(channel, done.slot) : STATUS_INVALID_NETWORK_RESPONSE;
        if (!NT_SUCCESS(status))
            return status;
    }
    return STATUS_SUCCESS;
}

NTSTATUS
ping_measure_client(struct ping_channel *channel, const struct ping_job *job, const struct ping_remote *remote, struct ping_result *result)
{
    enum ping_test test = job->test;
    ULONG bytes = job->bytes;
    ping_fill(channel->source.bytes, bytes, 1);
    memset(channel->sink.bytes, 0, bytes);
    ping_result_start(result);
    NTSTATUS status = job->is_rate ? rate(channel, test, bytes, remote, result) : latency(channel, test, bytes, remote, result);
    ping_result_stop(result);
    // Both ends filled their sources alike: what was read, or written back, is known.
    BOOLEAN has_come = test == PING_READ || (test == PING_WRITE && !job->is_rate);
    if (NT_SUCCESS(status) && has_come && RtlCompareMemory(channel->source.bytes, channel->sink.bytes, bytes) != bytes)
        status = STATUS_DATA_ERROR;
    return status;
}

// ---- server ---------------------------------------------------------------------------------------------------------------------

static NTSTATUS
answer(struct ping_channel *channel, const struct ping_hello *hello, ULONG taken)
{
    UCHAR message[PING_MESSAGE] = {0};
    NTSTATUS status = STATUS_SUCCESS;
    if (hello->mode == PING_MODE_ECHO_SEND)
        return ping_post_send(channel, hello->bytes);
    if (hello->mode == PING_MODE_SINK_SEND)
        return taken % (hello->depth / 2) ? STATUS_SUCCESS : ping_post_message(channel, message);
    if (hello->mode == PING_MODE_ECHO_WRITE)
        status = ping_post_write(channel, &hello->remote, &channel->source, hello->bytes);
    return NT_SUCCESS(status) ? ping_post_send(channel, 1) : status;
}

NTSTATUS
ping_measure_server(struct ping_channel *channel, const struct ping_hello *hello, struct ping_result *result)
{
    struct ping_done done;
    for (;;) {
        NTSTATUS status = ping_next(channel, &done);
        if (status == STATUS_CONNECTION_DISCONNECTED)
            return STATUS_SUCCESS;
        if (status == STATUS_IO_TIMEOUT && hello->mode == PING_MODE_PASSIVE)
            continue; // reads and writes do not show here
        if (!NT_SUCCESS(status))
            return status;
        if (done.op != PING_OP_RECEIVE)
            continue;
        if (done.bytes != (hello->mode == PING_MODE_ECHO_WRITE ? 1 : hello->bytes) || hello->mode == PING_MODE_PASSIVE)
            return STATUS_INVALID_NETWORK_RESPONSE;
        status = ping_post_receive(channel, done.slot);
        if (NT_SUCCESS(status))
            status = answer(channel, hello, ++result->count);
        if (!NT_SUCCESS(status))
            return status;
    }
}
