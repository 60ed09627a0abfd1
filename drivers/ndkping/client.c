// SPDX-License-Identifier: MIT
// The client's thread: for each size, each test; of send, read and write first the latency, then the rate. Each on a connection of its own.
//   attempt: channel -> connect -> the server's buffer from its private data -> complete -> the test -> disconnect
// A connect that finds nobody is tried again for `retry` seconds with everything new: a connector that failed is of no more use.
#include "ndkping.h"

struct job {
    enum ping_test test;
    BOOLEAN is_rate;
    ULONG bytes;
};

static enum ping_mode
mode_of(const struct job *job)
{
    switch (job->test) {
    case PING_PING: return PING_MODE_RPING;
    case PING_SEND: return job->is_rate ? PING_MODE_SINK_SEND : PING_MODE_ECHO_SEND;
    case PING_WRITE: return job->is_rate ? PING_MODE_PASSIVE : PING_MODE_ECHO_WRITE;
    default: return PING_MODE_PASSIVE;
    }
}

// Long sends are fewer at a time: the server has memory for each.
static ULONG
depth_of(const struct job *job)
{
    ULONG most = PING_REGION_BYTES / job->bytes;
    if (mode_of(job) != PING_MODE_SINK_SEND || ping_settings.depth <= most)
        return ping_settings.depth;
    return most < 2 ? 2 : most;
}

static struct ping_shape
shape_of(const struct job *job)
{
    struct ping_shape shape = {.receives = 4, .receive_bytes = PING_MESSAGE, .depth = depth_of(job), .buffer_bytes = job->bytes};
    if (job->test == PING_SEND && !job->is_rate && job->bytes > PING_MESSAGE)
        shape.receive_bytes = job->bytes; // the echo
    if (shape.buffer_bytes < PING_MESSAGE)
        shape.buffer_bytes = PING_MESSAGE;
    return shape;
}

static BOOLEAN
is_nobody(NTSTATUS status)
{
    return status == STATUS_CONNECTION_REFUSED || status == STATUS_HOST_UNREACHABLE || status == STATUS_NETWORK_UNREACHABLE ||
           status == STATUS_INVALID_ADDRESS;
}

// What connects is closed by the caller.
static NTSTATUS
connected(struct ping_channel *channel, const struct job *job, struct ping_remote *remote)
{
    UCHAR hello[PING_HELLO], reply[PING_MESSAGE];
    ULONG bytes = sizeof reply;
    enum ping_mode mode = mode_of(job);
    ping_hello_put(hello, mode, channel->shape.depth, job->bytes, &channel->sink);
    NTSTATUS status = ping_connect(channel, hello, mode == PING_MODE_RPING ? 0 : sizeof hello);
    if (!NT_SUCCESS(status))
        return status;
    if (mode != PING_MODE_RPING) {
        status = ping_private_data(channel->connector, reply, &bytes);
        *remote = ping_remote_get(reply);
        if (NT_SUCCESS(status) && (bytes < PING_MESSAGE || remote->bytes < job->bytes))
            status = STATUS_INVALID_NETWORK_RESPONSE; // a server that is not ndkping, or has a smaller buffer
    }
    return NT_SUCCESS(status) ? ping_complete_connect(channel) : status;
}

static NTSTATUS
attempt(struct ping_adapter *adapter, const struct job *job, struct ping_result *result, BOOLEAN *had_nobody)
{
    struct ping_shape shape = shape_of(job);
    struct ping_remote remote;
    struct ping_channel *channel;
    NTSTATUS status = ping_channel_open(adapter, &shape, &channel);
    *had_nobody = FALSE;
    if (!NT_SUCCESS(status))
        return status;
    status = connected(channel, job, &remote);
    *had_nobody = is_nobody(status);
    if (NT_SUCCESS(status) && ping_settings.start_delay_ms && ping_sleep(adapter, ping_settings.start_delay_ms))
        status = STATUS_CANCELLED;
    if (NT_SUCCESS(status)) {
        status = job->test == PING_PING ? ping_rping_client(channel, job->bytes, result)
                                        : ping_measure_client(channel, job->test, job->is_rate, job->bytes, &remote, result);
        if (NT_SUCCESS(status))
            status = ping_disconnect(channel);
    }
    ping_channel_close(channel); // which aborts what is not disconnected
    return status;
}

static NTSTATUS
job_run(struct ping_adapter *adapter, const struct job *job, struct ping_result *result)
{
    UINT64 until = ping_now_ns() + ping_settings.retry_s * 1000000000ull;
    for (;;) {
        BOOLEAN had_nobody;
        NTSTATUS status = attempt(adapter, job, result, &had_nobody);
        if (!had_nobody || ping_now_ns() >= until)
            return status;
        if (ping_sleep(adapter, 100))
            return STATUS_CANCELLED;
    }
}

// TRUE: it went well.
static BOOLEAN
job_do(struct ping_adapter *adapter, const struct job *job)
{
    struct ping_result result = {.room = job->is_rate ? 0 : ping_settings.count < 100000 ? ping_settings.count : 100000};
    result.samples = result.room ? ping_alloc(result.room * sizeof *result.samples) : NULL;
    NTSTATUS status = result.room && !result.samples ? STATUS_INSUFFICIENT_RESOURCES : job_run(adapter, job, &result);
    ping_report_client(job->test, job->is_rate, job->bytes, status, &result);
    ping_free(result.samples);
    return NT_SUCCESS(status);
}

VOID
ping_client_thread(PVOID context)
{
    struct ping_adapter *adapter = context;
    ULONG failed = 0, done = 0;
    for (ULONG i = 0; i < ping_settings.n_sizes; i++) {
        for (enum ping_test test = PING_PING; test < PING_TESTS; test++) {
            for (BOOLEAN is_rate = FALSE; ping_settings.tests & 1u << test && is_rate <= (test != PING_PING); is_rate++) {
                struct job job = {test, is_rate, ping_settings.sizes[i]};
                if (KeReadStateEvent(&adapter->stop))
                    goto out;
                failed += !job_do(adapter, &job);
                done++;
            }
        }
    }
out:
    DbgPrint("ndkping: all done, %u tests, %u failed\n", done, failed);
    PsTerminateSystemThread(STATUS_SUCCESS);
}
