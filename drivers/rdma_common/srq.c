// SPDX-License-Identifier: MIT
// Shared receive queues: receives that any QP over it takes, in the order in which they were posted. A result goes to the CQ of the QP
// that took it.
//   notify   armed by a threshold; told once when a receive is taken and fewer than that are left, or by NdkModifySrq if they are
#include "objects.h"

static struct rdma_srq *
srq_of(NDK_SRQ *srq)
{
    return (struct rdma_srq *)srq;
}

// ---- notifications ----------------------------------------------------------------------------------------------------------------

static VOID
on_notify(struct rdma_tell *tell, struct rdma_object *object)
{
    struct rdma_srq *srq = CONTAINING_RECORD(tell, struct rdma_srq, tell);
    UNREFERENCED_PARAMETER(object);
    srq->on_notify(srq->context, STATUS_SUCCESS);
}

static VOID
threshold_look(struct rdma_srq *srq)
{
    if (!srq->is_armed || srq->queued >= srq->threshold || srq->object.is_closing)
        return;
    srq->is_armed = FALSE;
    rdma_tell(&srq->object, &srq->tell);
}

// ---- receives ---------------------------------------------------------------------------------------------------------------------

struct rdma_slot *
rdma_srq_next(struct rdma_srq *srq)
{
    struct list *node = list_pop_front(&srq->receives);
    if (!node)
        return NULL;
    srq->queued--;
    threshold_look(srq);
    return LIST_ENTRY_OF(node, struct rdma_slot, work.link);
}

static NTAPI NTSTATUS
srq_receive(NDK_SRQ *object, PVOID context, const NDK_SGE *sges, ULONG n_sges)
{
    struct rdma_srq *srq = srq_of(object);
    struct vnic_rdma *rdma = srq->object.rdma;
    struct rdma_call call;
    rdma_enter(rdma, &call);
    NTSTATUS status = rdma_receive_post(srq->pd, &srq->queue, &srq->receives, context, sges, n_sges, srq->max_sges);
    if (status == STATUS_SUCCESS)
        srq->queued++;
    rdma_leave(rdma, &call);
    return status;
}

// ---- NdkModifySrq -----------------------------------------------------------------------------------------------------------------

// fails: STATUS_INVALID_PARAMETER when more receives are out than that, STATUS_INSUFFICIENT_RESOURCES
static NTSTATUS
depth_set(struct rdma_srq *srq, ULONG depth)
{
    if (depth < srq->queue.out)
        return STATUS_INVALID_PARAMETER;
    return rdma_queue_resize(&srq->queue, depth) ? STATUS_SUCCESS : STATUS_INSUFFICIENT_RESOURCES;
}

static NTAPI NTSTATUS
modify_srq(NDK_SRQ *object, ULONG depth, ULONG threshold, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_srq *srq = srq_of(object);
    struct vnic_rdma *rdma = srq->object.rdma;
    struct rdma_call call;
    if (depth > RDMA_QUEUE_DEPTH_MAX)
        return STATUS_INVALID_PARAMETER;
    rdma_enter(rdma, &call);
    NTSTATUS status = depth ? depth_set(srq, depth) : STATUS_SUCCESS;
    if (status == STATUS_SUCCESS) {
        if (threshold && srq->on_notify) {
            srq->threshold = threshold;
            srq->is_armed = TRUE;
            threshold_look(srq);
        }
        status = rdma_request_now(&srq->object, status, completion, context);
    }
    rdma_leave(rdma, &call);
    return status;
}

// ---- life -------------------------------------------------------------------------------------------------------------------------

static VOID
srq_free(struct rdma_object *object)
{
    struct rdma_srq *srq = CONTAINING_RECORD(object, struct rdma_srq, object);
    struct list *node;
    while ((node = list_pop_front(&srq->receives)))
        rdma_queue_give(&srq->queue, LIST_ENTRY_OF(node, struct rdma_slot, work.link));
    rdma_queue_close(&srq->queue);
    rdma_free(srq);
}

static const NDK_SRQ_DISPATCH srq_dispatch = {
    .NdkCloseSrq = rdma_close, .NdkQueryExtension = rdma_query_extension, .NdkModifySrq = modify_srq, .NdkSrqReceive = srq_receive};
static const struct rdma_type srq_type = {.type = NdkObjectTypeSrq, .dispatch = &srq_dispatch, .on_free = srq_free};

NTAPI NTSTATUS
rdma_create_srq(NDK_PD *object, ULONG depth, ULONG max_sges, ULONG threshold, NDK_FN_SRQ_NOTIFICATION_CALLBACK on_notification,
                PVOID notify_context, GROUP_AFFINITY *affinity, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_SRQ **made)
{
    struct rdma_pd *pd = (struct rdma_pd *)object;
    struct vnic_rdma *rdma = pd->object.rdma;
    struct rdma_call call;
    if (!depth || depth > RDMA_QUEUE_DEPTH_MAX || max_sges > RDMA_SGES_MAX)
        return STATUS_INVALID_PARAMETER;
    struct rdma_srq *srq = rdma_alloc(sizeof *srq);
    if (!srq)
        return STATUS_INSUFFICIENT_RESOURCES;
    list_init(&srq->receives);
    srq->pd = pd;
    srq->max_sges = max_sges;
    srq->threshold = threshold;
    srq->is_armed = threshold && on_notification;
    srq->on_notify = on_notification;
    srq->context = notify_context;
    srq->tell.on_tell = on_notify;
    rdma_enter(rdma, &call);
    BOOLEAN has_slots = rdma_queue_open(rdma, &srq->queue, rdma_receive_slot_bytes(max_sges), depth);
    if (has_slots) {
        rdma_object_init(&srq->object, &srq_type, &pd->object);
        srq->tell.teller = rdma_teller_near(rdma, affinity);
    }
    rdma_leave(rdma, &call);
    if (!has_slots) {
        rdma_free(srq);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return rdma_object_made(&srq->object, completion, context, (PVOID *)made);
}
