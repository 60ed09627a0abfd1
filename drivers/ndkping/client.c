// SPDX-License-Identifier: MIT
// The client's thread: for each size, each test; of send, read and write first the latency, then the rate. Each on a connection of its own.
//   attempt: channel -> connect -> the server's buffer from its private data -> complete -> the test -> disconnect
// A connect that finds nobody is tried again for `retry` seconds with everything new: a connector that failed is of no more use.
#include "ndkping.h"

static enum ping_mode
mode_of(const struct ping_job *job)
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
depth_of(const struct ping_job *job)
{
    ULONG most = PING_REGION_BYTES / job->bytes;
    if (mode_of(job) != PING_MODE_SINK_SEND || ping_settings.depth <= most)
        return ping_settings.depth;
    return most < 2 ? 2 : most;
}

static struct ping_shape
shape_of(const struct ping_job *job)
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
connected(struct ping_channel *channel, const struct ping_job *job, struct ping_remote *remote)
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
attempt(struct ping_adapter *adapter, const struct ping_job *job, struct ping_result *result, BOOLEAN *had_nobody)
{
    struct ping_shape shape = shape_of(job);
    struct ping_remote remote;
    struct ping_channel *channel;
    NTSTATUS status = ping_channel_open(adapter, &shape, &channel);
    *had_nobody = FALSE;
    if (!NT_SUCCESS(status))
        return status;
    result->depth = shape.depth;
    status = connected(channel, job, &remote);
    *had_nobody = is_nobody(status);
    if (NT_SUCCESS(status) && ping_settings.start_delay_ms && ping_sleep(adapter, ping_settings.start_delay_ms))
        status = STATUS_CANCELLED;
    if (NT_SUCCESS(status)) {
        status = job->test == PING_PING ? ping_rping_client(channel, job->bytes, result)
                                        : ping_measure_client(channel, job, &remote, result);
        if (NT_SUCCESS(status))
            status = ping_disconnect(channel);
    }
    ping_channel_close(channel); // which aborts what is not disconnected
    return status;
}

// The thread of one adapter.
struct run {
    struct ping_adapter *adapter;
    BOOLEAN is_user;                       // the address is this adapter's: it has connected from it
    BOOLEAN is_idle;                       // the address is another adapter's, whose thread does the tests
    BOOLEAN is_alone;                      // nobody has answered for `retry`: the other tests would not find anybody either
    ULONG done, failed;
    char first[PING_LINE];                 // what failed first, and how
};

// Without `adapter` in the settings each that has NDK tries; the one whose address it is does it.
static BOOLEAN
is_anothers(const struct run *run, NTSTATUS status)
{
    return status == STATUS_INVALID_ADDRESS && !run->is_user && ping_local_users[0];
}

static VOID
say_nobody(NTSTATUS status)
{
    char peer[PING_TEXT];
    ping_address_print(&ping_settings.peer, peer);
    DbgPrint("ndkping: %s: nobody answers yet: 0x%08x%s; trying for %u s\n", peer, status, ping_status_word(status), ping_settings.retry_s);
}

static NTSTATUS
job_run(struct run *run, const struct ping_job *job, struct ping_result *result)
{
    UINT64 until = ping_now_ns() + ping_settings.retry_s * 1000000000ull;
    for (BOOLEAN has_said = FALSE;;) {
        BOOLEAN had_nobody;
        NTSTATUS status = attempt(run->adapter, job, result, &had_nobody);
        if (NT_SUCCESS(status) && !run->is_user) {
            run->is_user = TRUE;
            InterlockedIncrement(&ping_local_users[0]);
        }
        run->is_alone = had_nobody;
        if (!had_nobody || ping_now_ns() >= until || is_anothers(run, status))
            return status;
        if (!has_said && status != STATUS_INVALID_ADDRESS) { // which only is not ready yet
            say_nobody(status);
            has_said = TRUE;
        }
        if (ping_sleep(run->adapter, 100))
            return STATUS_CANCELLED;
    }
}

static VOID
job_do(struct run *run, const struct ping_job *job)
{
    struct ping_result result = {.room = job->is_rate ? 0 : ping_settings.count < 100000 ? ping_settings.count
                                                                                         : 100000,
                                 .job = job};
    char name[PING_LINE];
    result.samples = result.room ? ping_alloc(result.room * sizeof *result.samples) : NULL;
    NTSTATUS status = result.room && !result.samples ? STATUS_INSUFFICIENT_RESOURCES : job_run(run, job, &result);
    BOOLEAN is_stopped = !NT_SUCCESS(status) && KeReadStateEvent(&run->adapter->stop);
    run->is_idle = is_anothers(run, status);
    if (!run->is_idle) {
        ping_report_client(job, is_stopped, status, &result);
        run->done += !is_stopped;
    }
    if (!NT_SUCCESS(status) && !is_stopped && !run->is_idle && !run->failed++) {
        ping_job_print(job, name);
        RtlStringCbPrintfA(run->first, sizeof run->first, ", the first: %s, 0x%08x%s", name, status, ping_status_word(status));
    }
    ping_free(result.samples);
}

static VOID
run_end(const struct run *run, ULONG planned)
{
    char text[2 * PING_LINE];
    if (run->is_idle)
        DbgPrint("ndkping: %s: the address is another adapter's\n", run->adapter->name);
    else if (run->done < planned)
        DbgPrint("ndkping: stopped%s, %u of %u tests done, %u failed\n", run->is_alone ? ", nobody answers" : "", run->done, planned,
                 run->failed);
    else
        DbgPrint("ndkping: all done, %u tests, %u failed\n", run->done, run->failed);
    if (run->done < planned)
        RtlStringCbPrintfA(text, sizeof text, "%u of %u tests done, %u failed%s", run->done, planned, run->failed, run->first);
    else
        RtlStringCbPrintfA(text, sizeof text, "%u tests, %u failed%s", run->done, run->failed, run->first);
    if (run->failed)
        nbx_service_failed(ping_driver, text);
    else if (run->done == planned)
        nbx_service_done(ping_driver, text);
    if (run->is_user)
        InterlockedDecrement(&ping_local_users[0]);
}

VOID
ping_client_thread(PVOID context)
{
    struct run run = {.adapter = context};
    ULONG planned = 0;
    for (ULONG i = 0; i < ping_settings.n_sizes; i++) {
        for (enum ping_test test = PING_PING; test < PING_TESTS; test++) {
            for (BOOLEAN is_rate = FALSE; ping_settings.tests & 1u << test && is_rate <= (test != PING_PING); is_rate++) {
                struct ping_job job = {test, is_rate, ping_settings.sizes[i]};
                planned++;
                if (!run.is_idle && !run.is_alone && !KeReadStateEvent(&run.adapter->stop))
                    job_do(&run, &job);
            }
        }
    }
    run_end(&run, planned);
    PsTerminateSystemThread(STATUS_SUCCESS);
}
