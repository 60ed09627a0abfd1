// SPDX-License-Identifier: MIT
// Completion queues: results in the order in which requests were done, and notifications [network/ndkpi-completion-handling-requirements].
//   push      rdma_cq_push -> ring; if the arm is met, the arm is gone and a notification is due
//   poll      NdkGetCqResults, NdkGetCqResultsEx: under the CQ's own lock alone
//   spin      a consumer that finds nothing 64 times, and arms nothing, polls: from then on each look that finds nothing receives, too
//   arm       ANY over SOLICITED over ERRORS; met at once by a result that is there and came after the last notification
//   moderate  a notification that is due waits for so many results or so many microseconds more
//   overrun   more results than the depth: the CQ and its QPs are unusable, whatever was armed is told STATUS_BUFFER_OVERFLOW, once
#include "objects.h"

#define NOT_ARMED (-1)

// Arms that come before it has begun are met by the same callback.
static VOID
on_notify(struct rdma_tell *tell, struct rdma_object *object)
{
    struct rdma_cq *cq = CONTAINING_RECORD(tell, struct rdma_cq, tell);
    UNREFERENCED_PARAMETER(object);
    cq->on_notify(cq->context, cq->is_broken ? STATUS_BUFFER_OVERFLOW : STATUS_SUCCESS);
}

static VOID
notify(struct rdma_cq *cq)
{
    if (cq->is_moderated)
        RemoveEntryList(&cq->moderated_link);
    cq->is_moderated = FALSE;
    if (!cq->object.is_closing)
        rdma_tell(&cq->object, &cq->tell);
}

static BOOLEAN
has_moderation(const struct rdma_cq *cq)
{
    return cq->interval_us && cq->count > 1;
}

// How many results ever put in make so many there that the notification waits no longer; those that were there before count too. A count
// that the depth has not (any more) leaves it to the time, or else is the depth [ndkpi/nc-ndkpi-ndk_fn_control_cq_interrupt_moderation].
static ULONG64
moderated_put(const struct rdma_cq *cq)
{
    if (cq->count <= cq->depth)
        return cq->got + cq->count;
    return cq->interval_us == MAXULONG ? cq->got + cq->depth : ~0ull;
}

// The arm is met: now, or moderated.
static VOID
arm_met(struct rdma_cq *cq, ULONG64 now_us)
{
    struct vnic_rdma *rdma = cq->object.rdma;
    if (!has_moderation(cq) || cq->is_broken || cq->put >= moderated_put(cq)) {
        notify(cq);
        return;
    }
    if (cq->is_moderated)
        return;
    cq->is_moderated = TRUE;
    cq->moderated_put = moderated_put(cq);
    cq->moderated_us = cq->interval_us == MAXULONG ? ENG_NEVER : now_us + cq->interval_us;
    InsertTailList(&rdma->moderated, &cq->moderated_link);
    rdma_timer_need(rdma, now_us, cq->moderated_us);
}

uint64_t
rdma_cq_time(struct vnic_rdma *rdma, uint64_t now_us)
{
    uint64_t next_us = ENG_NEVER;
    for (LIST_ENTRY *entry = rdma->moderated.Flink, *next; entry != &rdma->moderated; entry = next) {
        struct rdma_cq *cq = CONTAINING_RECORD(entry, struct rdma_cq, moderated_link);
        next = entry->Flink;
        if (cq->moderated_us <= now_us)
            notify(cq);
        else if (cq->moderated_us < next_us)
            next_us = cq->moderated_us;
    }
    return next_us;
}

// locks: cq->lock held. The results that are there and came after the last notification meet the arm.
static BOOLEAN
is_met(struct rdma_cq *cq)
{
    ULONG64 new_from = cq->told_at > cq->got ? cq->told_at : cq->got;
    if (cq->armed == NOT_ARMED)
        return FALSE;
    if (cq->is_broken ? cq->is_break_told
                      : cq->armed == NDK_CQ_NOTIFY_ERRORS ||
                            (cq->armed == NDK_CQ_NOTIFY_ANY ? cq->put : cq->solicited_end) <= new_from)
        return FALSE;
    cq->is_break_told = cq->is_broken;
    cq->armed = NOT_ARMED;
    cq->told_at = cq->put;
    return TRUE;
}

BOOLEAN
rdma_cq_push(struct rdma_cq *cq, const NDK_RESULT_EX *result, BOOLEAN is_solicited, ULONG64 now_us)
{
    KeAcquireSpinLockAtDpcLevel(&cq->lock);
    if (!cq->is_broken && cq->put - cq->got == cq->depth) {
        cq->is_broken = TRUE;
        cq->object.rdma->counts.CQError++;
    }
    if (!cq->is_broken) {
        cq->ring[cq->put++ % cq->depth] = *result;
        if (is_solicited || result->Status != STATUS_SUCCESS)
            cq->solicited_end = cq->put;
    }
    BOOLEAN met = is_met(cq), is_broken = cq->is_broken;
    KeReleaseSpinLockFromDpcLevel(&cq->lock);
    if (met)
        arm_met(cq, now_us);
    else if (cq->is_moderated && (is_broken || cq->put >= cq->moderated_put))
        notify(cq);
    return !is_broken;
}

// ---- the consumer's ---------------------------------------------------------------------------------------------------------------

static ULONG
take_begin(struct rdma_cq *cq, ULONG room, KIRQL *irql)
{
    KeAcquireSpinLock(&cq->lock, irql);
    ULONG64 there = cq->is_broken ? 0 : cq->put - cq->got;     // [ndkpi/nc-ndkpi-ndk_fn_cq_notification_callback]
    if (!there && cq->empty_looks < RDMA_POLL_LOOKS)
        cq->empty_looks++;
    return there < room ? (ULONG)there : room;
}

static VOID
take_end(struct rdma_cq *cq, ULONG taken, KIRQL irql)
{
    cq->got += taken;
    KeReleaseSpinLock(&cq->lock, irql);
}

// Nothing was there. TRUE: perhaps there is now.
static BOOLEAN
poll(struct rdma_cq *cq)
{
    struct vnic_rdma *rdma = cq->object.rdma;
    if (ReadULongNoFence(&cq->empty_looks) < RDMA_POLL_LOOKS || !rdma->transport->on_poll)
        return FALSE;
    return rdma->transport->on_poll(rdma);
}

static ULONG
results_take(struct rdma_cq *cq, NDK_RESULT *results, ULONG room)
{
    KIRQL irql;
    ULONG count = take_begin(cq, room, &irql);
    for (ULONG i = 0; i < count; i++) {
        const NDK_RESULT_EX *from = &cq->ring[(cq->got + i) % cq->depth];
        results[i] = (NDK_RESULT){.Status = from->Status,
                                  .BytesTransferred = from->BytesTransferred,
                                  .QPContext = from->QPContext,
                                  .RequestContext = from->RequestContext};
    }
    take_end(cq, count, irql);
    return count;
}

static NTAPI ULONG
get_results(NDK_CQ *object, NDK_RESULT *results, ULONG room)
{
    struct rdma_cq *cq = (struct rdma_cq *)object;
    ULONG count = results_take(cq, results, room);
    return count || !poll(cq) ? count : results_take(cq, results, room);
}

static ULONG
results_take_ex(struct rdma_cq *cq, NDK_RESULT_EX *results, ULONG room)
{
    KIRQL irql;
    ULONG count = take_begin(cq, room, &irql);
    for (ULONG i = 0; i < count; i++)
        results[i] = cq->ring[(cq->got + i) % cq->depth];
    take_end(cq, count, irql);
    return count;
}

static NTAPI ULONG
get_results_ex(NDK_CQ *object, NDK_RESULT_EX *results, ULONG room)
{
    struct rdma_cq *cq = (struct rdma_cq *)object;
    ULONG count = results_take_ex(cq, results, room);
    return count || !poll(cq) ? count : results_take_ex(cq, results, room);
}

// Which of two arms stays. The numbers are not in order: ERRORS 0, ANY 1, SOLICITED 2.
static LONG
arm_of(LONG first, LONG second)
{
    static const UCHAR rank[] = {[NDK_CQ_NOTIFY_ERRORS] = 0, [NDK_CQ_NOTIFY_SOLICITED] = 1, [NDK_CQ_NOTIFY_ANY] = 2};
    return first == NOT_ARMED || rank[second] > rank[first] ? second : first;
}

static NTAPI VOID
arm(NDK_CQ *object, ULONG type)
{
    struct rdma_cq *cq = (struct rdma_cq *)object;
    struct rdma_call call;
    if (type > NDK_CQ_NOTIFY_SOLICITED)
        return;                           // there is no status to say it with
    rdma_enter(cq->object.rdma, &call);
    KeAcquireSpinLockAtDpcLevel(&cq->lock);
    cq->armed = arm_of(cq->armed, (LONG)type);
    BOOLEAN was_polled = cq->empty_looks == RDMA_POLL_LOOKS;
    cq->empty_looks = 0;
    BOOLEAN met = is_met(cq);
    KeReleaseSpinLockFromDpcLevel(&cq->lock);
    if (met)
        arm_met(cq, call.now_us);
    rdma_leave(cq->object.rdma, &call);
    if (was_polled && cq->object.rdma->transport->on_poll_end)
        cq->object.rdma->transport->on_poll_end(cq->object.rdma);
}

static NTAPI NTSTATUS
moderate(NDK_CQ *object, ULONG interval_us, ULONG count)
{
    struct rdma_cq *cq = (struct rdma_cq *)object;
    struct rdma_call call;
    NTSTATUS status = STATUS_SUCCESS;
    rdma_enter(cq->object.rdma, &call);
    if (interval_us == MAXULONG && count > cq->depth) {
        status = STATUS_INVALID_PARAMETER_MIX;
    } else {
        cq->interval_us = interval_us;
        cq->count = count;
        if (cq->is_moderated)             // the settings before do not hold it any longer
            notify(cq);
    }
    rdma_leave(cq->object.rdma, &call);
    return status;
}

static NTAPI NTSTATUS
resize(NDK_CQ *object, ULONG depth, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_cq *cq = (struct rdma_cq *)object;
    struct rdma_call call;
    if (!depth || depth > RDMA_CQ_DEPTH_MAX)
        return STATUS_INVALID_PARAMETER;
    NDK_RESULT_EX *ring = rdma_alloc(depth * sizeof *ring), *old = ring;
    if (!ring)
        return STATUS_INSUFFICIENT_RESOURCES;
    NTSTATUS status = STATUS_INVALID_PARAMETER;         // what is there would not fit
    rdma_enter(cq->object.rdma, &call);
    KeAcquireSpinLockAtDpcLevel(&cq->lock);
    if (cq->put - cq->got <= depth) {
        for (ULONG64 i = cq->got; i < cq->put; i++)
            ring[i % depth] = cq->ring[i % cq->depth];
        old = cq->ring;
        cq->ring = ring;
        cq->depth = depth;
        status = STATUS_SUCCESS;
    }
    KeReleaseSpinLockFromDpcLevel(&cq->lock);
    if (status == STATUS_SUCCESS && cq->is_moderated)   // a count of before may be more than there is room for
        notify(cq);
    if (status == STATUS_SUCCESS)
        status = rdma_request_now(&cq->object, status, completion, context);
    rdma_leave(cq->object.rdma, &call);
    rdma_free(old);
    return status;
}

// ---- life -------------------------------------------------------------------------------------------------------------------------

static VOID
cq_closing(struct rdma_object *object, struct rdma_call *call)
{
    struct rdma_cq *cq = CONTAINING_RECORD(object, struct rdma_cq, object);
    UNREFERENCED_PARAMETER(call);
    KeAcquireSpinLockAtDpcLevel(&cq->lock);
    cq->armed = NOT_ARMED;
    KeReleaseSpinLockFromDpcLevel(&cq->lock);
    if (cq->is_moderated)
        notify(cq);
}

static VOID
cq_free(struct rdma_object *object)
{
    struct rdma_cq *cq = CONTAINING_RECORD(object, struct rdma_cq, object);
    rdma_free(cq->ring);
    rdma_free(cq);
}

static const NDK_CQ_DISPATCH cq_dispatch = {
    .NdkCloseCq = rdma_close,
    .NdkQueryExtension = rdma_query_extension,
    .NdkResizeCq = resize,
    .NdkArmCq = arm,
    .NdkGetCqResults = get_results,
    .NdkControlCqInterruptModeration = moderate,
    .NdkGetCqResultsEx = get_results_ex,
};
static const struct rdma_type cq_type = {
    .type = NdkObjectTypeCq, .dispatch = &cq_dispatch, .on_closing = cq_closing, .on_free = cq_free};

NTAPI NTSTATUS
rdma_create_cq(NDK_ADAPTER *object, ULONG depth, NDK_FN_CQ_NOTIFICATION_CALLBACK on_notification, PVOID notify_context,
               GROUP_AFFINITY *affinity, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_CQ **made)
{
    struct rdma_adapter *adapter = rdma_adapter_of(object);
    struct rdma_call call;
    if (!depth || depth > RDMA_CQ_DEPTH_MAX || !on_notification)
        return STATUS_INVALID_PARAMETER;
    struct rdma_cq *cq = rdma_alloc(sizeof *cq);
    if (!cq)
        return STATUS_INSUFFICIENT_RESOURCES;
    cq->ring = rdma_alloc(depth * sizeof *cq->ring);
    if (!cq->ring) {
        rdma_free(cq);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    KeInitializeSpinLock(&cq->lock);
    cq->depth = depth;
    cq->armed = NOT_ARMED;
    cq->on_notify = on_notification;
    cq->context = notify_context;
    cq->tell.on_tell = on_notify;
    rdma_enter(adapter->object.rdma, &call);
    rdma_object_init(&cq->object, &cq_type, &adapter->object);
    cq->tell.teller = rdma_teller_near(adapter->object.rdma, affinity);
    rdma_leave(adapter->object.rdma, &call);
    return rdma_object_made(&cq->object, completion, context, (PVOID *)made);
}
