// SPDX-License-Identifier: MIT
// A queue pair with what belongs to it: one completion queue for both ends, a protection domain, four memory regions.
//   open: cq -> pd -> regions -> qp -> receives posted; close: the other way round (the connector is closed first, connect.c)
//   ping_next: a result that is there; else arm, look again, wait for the notification, the peer's end, the adapter's, or the time
// One thread uses a channel; callbacks only set its events. The context of a request is its kind and, of a receive, its slot.
#include "ndkping.h"

#define MESSAGES(channel) ((channel)->shape.depth)

static PVOID
context_of(enum ping_op op, ULONG slot)
{
    return (PVOID)((ULONG_PTR)op << 32 | slot);
}

static VOID NTAPI
on_cq(PVOID context, NTSTATUS status)
{
    struct ping_channel *channel = context;
    if (!NT_SUCCESS(status))
        DbgPrint("ndkping: %s: a completion queue failed: 0x%08x\n", channel->adapter->name, status);
    KeSetEvent(&channel->cq_event, IO_NO_INCREMENT, FALSE);
}

// ---- open and close -------------------------------------------------------------------------------------------------------------

static NTSTATUS
regions_open(struct ping_channel *channel)
{
    const struct ping_shape *shape = &channel->shape;
    NTSTATUS status = ping_region_open(channel->pd, (SIZE_T)shape->receives * shape->receive_bytes, NDK_MR_FLAG_ALLOW_LOCAL_WRITE,
                                       &channel->receives);
    if (NT_SUCCESS(status))
        status = ping_region_open(channel->pd, (SIZE_T)MESSAGES(channel) * PING_MESSAGE, NDK_MR_FLAG_ALLOW_LOCAL_READ, &channel->messages);
    if (NT_SUCCESS(status))
        status = ping_region_open(channel->pd, shape->buffer_bytes, NDK_MR_FLAG_ALLOW_REMOTE_READ, &channel->source);
    if (NT_SUCCESS(status)) // reads come into it, the peer reads and writes it
        status = ping_region_open(channel->pd, shape->buffer_bytes,
                                  NDK_MR_FLAG_ALLOW_REMOTE_WRITE | NDK_MR_FLAG_ALLOW_REMOTE_READ | NDK_MR_FLAG_RDMA_READ_SINK,
                                  &channel->sink);
    return status;
}

static NTSTATUS
channel_start(struct ping_channel *channel)
{
    const struct ping_shape *shape = &channel->shape;
    NDK_ADAPTER *adapter = channel->adapter->ndk;
    NTSTATUS status;
    PING_CREATE(status, channel->cq,
                adapter->Dispatch->NdkCreateCq(adapter, shape->receives + shape->depth, on_cq, channel, NULL, ping_created, &wait,
                                               &channel->cq));
    if (NT_SUCCESS(status))
        PING_CREATE(status, channel->pd, adapter->Dispatch->NdkCreatePd(adapter, ping_created, &wait, &channel->pd));
    if (NT_SUCCESS(status))
        status = regions_open(channel);
    if (NT_SUCCESS(status))
        PING_CREATE(status, channel->qp,
                    channel->pd->Dispatch->NdkCreateQp(channel->pd, channel->cq, channel->cq, channel, shape->receives, shape->depth, 1, 1,
                                                       0, ping_created, &wait, &channel->qp));
    for (ULONG i = 0; NT_SUCCESS(status) && i < shape->receives; i++)
        status = ping_post_receive(channel, i);
    return status;
}

NTSTATUS
ping_channel_open(struct ping_adapter *adapter, const struct ping_shape *shape, struct ping_channel **channel)
{
    struct ping_channel *made = ping_alloc(sizeof *made);
    *channel = NULL;
    if (!made)
        return STATUS_INSUFFICIENT_RESOURCES;
    made->adapter = adapter;
    made->shape = *shape;
    KeInitializeEvent(&made->cq_event, NotificationEvent, FALSE);
    KeInitializeEvent(&made->gone, NotificationEvent, FALSE);
    NTSTATUS status = channel_start(made);
    if (!NT_SUCCESS(status)) {
        ping_channel_close(made);
        return status;
    }
    *channel = made;
    return STATUS_SUCCESS;
}

VOID
ping_channel_close(struct ping_channel *channel)
{
    PING_CLOSE(channel->connector, NdkCloseConnector);
    PING_CLOSE(channel->qp, NdkCloseQp);
    ping_region_close(&channel->receives);
    ping_region_close(&channel->messages);
    ping_region_close(&channel->source);
    ping_region_close(&channel->sink);
    PING_CLOSE(channel->pd, NdkClosePd);
    PING_CLOSE(channel->cq, NdkCloseCq);
    ping_free(channel);
}

// ---- posting --------------------------------------------------------------------------------------------------------------------

UCHAR *
ping_slot(struct ping_channel *channel, ULONG slot)
{
    return channel->receives.bytes + (SIZE_T)slot * channel->shape.receive_bytes;
}

NTSTATUS
ping_post_receive(struct ping_channel *channel, ULONG slot)
{
    NDK_SGE sge = {.VirtualAddress = ping_slot(channel, slot),
                   .Length = channel->shape.receive_bytes,
                   .MemoryRegionToken = channel->receives.local};
    return channel->qp->Dispatch->NdkReceive(channel->qp, context_of(PING_OP_RECEIVE, slot), &sge, 1);
}

// A request that was not taken is not out.
static NTSTATUS
posted(struct ping_channel *channel, NTSTATUS status)
{
    if (NT_SUCCESS(status))
        channel->out++;
    return status;
}

NTSTATUS
ping_post_message(struct ping_channel *channel, const UCHAR message[PING_MESSAGE])
{
    UCHAR *at = channel->messages.bytes + (SIZE_T)(channel->next_message++ % MESSAGES(channel)) * PING_MESSAGE;
    NDK_SGE sge = {.VirtualAddress = at, .Length = PING_MESSAGE, .MemoryRegionToken = channel->messages.local};
    memcpy(at, message, PING_MESSAGE);
    return posted(channel, channel->qp->Dispatch->NdkSend(channel->qp, context_of(PING_OP_SEND, 0), &sge, 1, 0));
}

NTSTATUS
ping_post_send(struct ping_channel *channel, ULONG bytes)
{
    NDK_SGE sge = {.VirtualAddress = channel->source.bytes, .Length = bytes, .MemoryRegionToken = channel->source.local};
    return posted(channel, channel->qp->Dispatch->NdkSend(channel->qp, context_of(PING_OP_SEND, 0), &sge, 1, 0));
}

NTSTATUS
ping_post_read(struct ping_channel *channel, const struct ping_remote *remote, ULONG bytes)
{
    NDK_SGE sge = {.VirtualAddress = channel->sink.bytes, .Length = bytes, .MemoryRegionToken = channel->sink.local};
    return posted(channel,
                  channel->qp->Dispatch->NdkRead(channel->qp, context_of(PING_OP_READ, 0), &sge, 1, remote->address, remote->token, 0));
}

NTSTATUS
ping_post_write(struct ping_channel *channel, const struct ping_remote *remote, const struct ping_region *from, ULONG bytes)
{
    NDK_SGE sge = {.VirtualAddress = from->bytes, .Length = bytes, .MemoryRegionToken = from->local};
    return posted(channel,
                  channel->qp->Dispatch->NdkWrite(channel->qp, context_of(PING_OP_WRITE, 0), &sge, 1, remote->address, remote->token, 0));
}

// ---- completions ----------------------------------------------------------------------------------------------------------------

static BOOLEAN
result_next(struct ping_channel *channel, struct ping_done *done, NTSTATUS *status)
{
    NDK_RESULT result;
    if (!channel->cq->Dispatch->NdkGetCqResults(channel->cq, &result, 1))
        return FALSE;
    done->op = (enum ping_op)((ULONG_PTR)result.RequestContext >> 32);
    done->slot = (ULONG)(ULONG_PTR)result.RequestContext;
    done->bytes = result.BytesTransferred;
    if (done->op != PING_OP_RECEIVE)
        channel->out--;
    *status = result.Status;
    return TRUE;
}

NTSTATUS
ping_next(struct ping_channel *channel, struct ping_done *done)
{
    PVOID objects[] = {&channel->adapter->stop, &channel->cq_event, &channel->gone};
    LARGE_INTEGER timeout = {.QuadPart = -(LONGLONG)ping_settings.timeout_s * 10000000};
    UINT64 until = ping_settings.poll ? ping_now_ns() + ping_settings.timeout_s * 1000000000ull : 0;
    NTSTATUS status;
    for (ULONG looks = 0;; looks++) {
        if (result_next(channel, done, &status))
            return status;
        // Polling: look again, and only now and then at the rest.
        if (ping_settings.poll && looks % 1024 && ping_now_ns() < until)
            continue;
        KeClearEvent(&channel->cq_event);
        if (!ping_settings.poll)
            channel->cq->Dispatch->NdkArmCq(channel->cq, NDK_CQ_NOTIFY_ANY);
        if (result_next(channel, done, &status))
            return status;
        if (KeReadStateEvent(&channel->gone)) // it comes after everything that the peer sent
            return result_next(channel, done, &status) ? status : STATUS_CONNECTION_DISCONNECTED;
        if (ping_settings.poll && ping_now_ns() < until && !KeReadStateEvent(&channel->adapter->stop))
            continue;
        NTSTATUS waited = KeWaitForMultipleObjects(ARRAYSIZE(objects), objects, WaitAny, Executive, KernelMode, FALSE,
                                                   ping_settings.poll ? &(LARGE_INTEGER){0} : &timeout, NULL);
        if (waited == STATUS_WAIT_0)
            return STATUS_CANCELLED;
        if (waited == STATUS_TIMEOUT)
            return STATUS_IO_TIMEOUT;
    }
}

NTSTATUS
ping_await_message(struct ping_channel *channel, ULONG *slot, ULONG *bytes)
{
    struct ping_done done;
    for (BOOLEAN has_come = FALSE; !has_come || channel->out;) {
        NTSTATUS status = ping_next(channel, &done);
        if (!NT_SUCCESS(status))
            return status;
        if (done.op != PING_OP_RECEIVE)
            continue;
        if (has_come)
            return STATUS_INVALID_NETWORK_RESPONSE; // a second message before we said anything
        has_come = TRUE;
        *slot = done.slot;
        *bytes = done.bytes;
    }
    return STATUS_SUCCESS;
}

NTSTATUS
ping_await_posted(struct ping_channel *channel, ULONG out)
{
    struct ping_done done;
    while (channel->out > out) {
        NTSTATUS status = ping_next(channel, &done);
        if (!NT_SUCCESS(status))
            return status;
        if (done.op == PING_OP_RECEIVE)
            return STATUS_INVALID_NETWORK_RESPONSE;
    }
    return STATUS_SUCCESS;
}
