// SPDX-License-Identifier: MIT
// Shared receive queues: receives that any QP over it takes, in the order in which they were posted. A result goes to the CQ of the QP
// that took it. Slots are made with the queue; a larger depth adds a chunk of them, a smaller one leaves some out of use.
//   notify   armed by a threshold; told once when a receive is taken and fewer than that are left, or by NdkModifySrq if they are
#include "objects.h"

struct rdma_srq_chunk {
    struct rdma_srq_chunk *next;
    DECLSPEC_ALIGN(16) UCHAR slots[];
};

static struct rdma_srq *
srq_of(NDK_SRQ *srq)
{
    return (struct rdma_srq *)srq;
}

// fails: NULL without memory
static struct rdma_srq_chunk *
chunk_make(ULONG count, ULONG max_sges)
{
    return rdma_alloc(sizeof(struct rdma_srq_chunk) + count * rdma_slot_bytes(max_sges, 0));
}

static VOID
chunk_add(struct rdma_srq *srq, struct rdma_srq_chunk *chunk, ULONG count)
{
    SIZE_T each = rdma_slot_bytes(srq->max_sges, 0);
    chunk->next = srq->chunks;
    srq->chunks = chunk;
    for (ULONG i = 0; i < count; i++)
        list_push_back(&srq->free, &((struct rdma_slot *)(chunk->slots + i * each))->work.link);
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
rdma_srq_take(struct rdma_srq *srq)
{
    struct list *node = list_pop_front(&srq->receives);
    if (!node)
        return NULL;
    srq->queued--;
    threshold_look(srq);
    return LIST_ENTRY_OF(node, struct rdma_slot, work.link);
}

VOID
rdma_srq_give(struct rdma_srq *srq, struct rdma_slot *slot)
{
    slot->qp = NULL;
    srq->out--;
    list_push_front(&srq->free, &slot->work.link);
}

static NTAPI NTSTATUS
srq_receive(NDK_SRQ *object, PVOID context, const NDK_SGE *sges, ULONG n_sges)
{
    struct rdma_srq *srq = srq_of(object);
    struct vnic_rdma *rdma = srq->object.rdma;
    struct rdma_call call;
    NTSTATUS status = STATUS_INSUFFICIENT_RESOURCES;
    rdma_enter(rdma, &call);
    struct list *node = srq->out < srq->depth ? list_pop_front(&srq->free) : NULL;
    if (node) {
        struct rdma_slot *slot = LIST_ENTRY_OF(node, struct rdma_slot, work.link);
        slot->context = context;
        slot->flags = 0;
        slot->type = NdkOperationTypeReceive;
        slot->work.kind = RDMA_RECEIVE;
        status = rdma_slot_sges(srq->pd, slot, sges, n_sges, srq->max_sges, RDMA_MAY_LOCAL_WRITE);
        if (status == STATUS_SUCCESS) {
            srq->out++;
            srq->queued++;
            list_push_back(&srq->receives, &slot->work.link);
        } else {
            list_push_front(&srq->free, &slot->work.link);
        }
    }
    rdma_leave(rdma, &call);
    return status;
}

// ---- NdkModifySrq -----------------------------------------------------------------------------------------------------------------

// Slots that there are, in use or not.
static ULONG
slots_of(const struct rdma_srq *srq)
{
    return srq->depth + srq->free_surplus;
}

// fails: STATUS_INVALID_PARAMETER when more receives are out than that
static NTSTATUS
depth_set(struct rdma_srq *srq, ULONG depth, struct rdma_srq_chunk **chunk, ULONG added)
{
    if (depth < srq->out)
        return STATUS_INVALID_PARAMETER;
    if (*chunk)
        chunk_add(srq, *chunk, added);
    ULONG slots = slots_of(srq) + (*chunk ? added : 0);
    *chunk = NULL;
    srq->depth = depth;
    srq->free_surplus = slots - depth;
    return STATUS_SUCCESS;
}

// The consumer serialises its calls of one object, but for what runs by itself; so slots_of is as it was.
static NTAPI NTSTATUS
modify_srq(NDK_SRQ *object, ULONG depth, ULONG threshold, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_srq *srq = srq_of(object);
    struct vnic_rdma *rdma = srq->object.rdma;
    struct rdma_srq_chunk *chunk = NULL;
    struct rdma_call call;
    ULONG added = depth > slots_of(srq) ? depth - slots_of(srq) : 0;
    if (depth > RDMA_QUEUE_DEPTH_MAX)
        return STATUS_INVALID_PARAMETER;
    if (added) {
        chunk = chunk_make(added, srq->max_sges);
        if (!chunk)
            return STATUS_INSUFFICIENT_RESOURCES;
    }
    rdma_enter(rdma, &call);
    NTSTATUS status = depth ? depth_set(srq, depth, &chunk, added) : STATUS_SUCCESS;
    if (status == STATUS_SUCCESS) {
        if (threshold && srq->on_notify) {
            srq->threshold = threshold;
            srq->is_armed = TRUE;
            threshold_look(srq);
        }
        status = rdma_request_now(&srq->object, status, completion, context);
    }
    rdma_leave(rdma, &call);
    rdma_free(chunk);
    return status;
}

// ---- life -------------------------------------------------------------------------------------------------------------------------

static VOID
srq_free(struct rdma_object *object)
{
    struct rdma_srq *srq = CONTAINING_RECORD(object, struct rdma_srq, object);
    while (srq->chunks) {
        struct rdma_srq_chunk *chunk = srq->chunks;
        srq->chunks = chunk->next;
        rdma_free(chunk);
    }
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
    struct rdma_call call;
    if (!depth || depth > RDMA_QUEUE_DEPTH_MAX || max_sges > RDMA_SGES_MAX)
        return STATUS_INVALID_PARAMETER;
    struct rdma_srq *srq = rdma_alloc(sizeof *srq);
    struct rdma_srq_chunk *chunk = srq ? chunk_make(depth, max_sges) : NULL;
    if (!chunk) {
        rdma_free(srq);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    list_init(&srq->free);
    list_init(&srq->receives);
    srq->pd = pd;
    srq->depth = depth;
    srq->max_sges = max_sges;
    srq->threshold = threshold;
    srq->is_armed = threshold && on_notification;
    srq->on_notify = on_notification;
    srq->context = notify_context;
    srq->tell.on_tell = on_notify;
    chunk_add(srq, chunk, depth);
    rdma_enter(pd->object.rdma, &call);
    rdma_object_init(&srq->object, &srq_type, &pd->object);
    srq->tell.teller = rdma_teller_near(pd->object.rdma, affinity);
    rdma_leave(pd->object.rdma, &call);
    return rdma_object_made(&srq->object, completion, context, (PVOID *)made);
}
