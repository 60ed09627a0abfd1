// SPDX-License-Identifier: MIT
// Queue pairs: their queues, what iWARP asks of them, and how what is done becomes results. Posting is in post.c.
//   receives   posted -> receives -> (a message comes) iWARP's -> done -> receive CQ
//   initiator  posted -> iWARP's -> done -> initiator CQ
//   flush      what is queued here and what iWARP has ends with STATUS_CANCELLED; iWARP's may take until TCP lets go of the bytes
// A result is given when the consumer may use its memory again: one that took a token away waits until TCP has no packet over the bytes
// that the token led to, and what is behind it waits as well.
#include <errno.h>

#include "objects.h"

struct rdma_qp *
rdma_qp_from(NDK_QP *qp)
{
    return (struct rdma_qp *)qp;
}

struct rdma_object *
rdma_qp_object(struct rdma_qp *qp)
{
    return &qp->object;
}

// ---- what iWARP asks (rdma_ops) ---------------------------------------------------------------------------------------------------

static enum rdma_fault
on_map(void *context, uint32_t token, uint64_t address, uint32_t count, enum rdma_access access, struct rdma_map *map)
{
    static const ULONG rights[] = {
        [RDMA_REMOTE_READ] = RDMA_MAY_REMOTE_READ, [RDMA_REMOTE_WRITE] = RDMA_MAY_REMOTE_WRITE, [RDMA_READ_SINK] = RDMA_MAY_SINK};
    struct rdma_qp *qp = context;
    struct vnic_rdma *rdma = qp->object.rdma;
    // The answer to a read of ours names what the read named, which iWARP has compared: a local token, or the privileged one.
    BOOLEAN is_sink = access == RDMA_READ_SINK;
    if (is_sink && token == RDMA_TOKEN_PRIVILEGED)
        return rdma_logical_run(rdma, address, count, map) ? RDMA_FAULT_NONE : RDMA_FAULT_BOUNDS;
    struct rdma_region *region = rdma_token_find(rdma, token, !is_sink);
    if (!region)
        return RDMA_FAULT_TAG;
    if (region->pd != qp->pd)
        return RDMA_FAULT_DOMAIN;
    enum rdma_fault fault = rdma_region_check(region, address, count, rights[access]);
    if (fault)
        return fault;
    return rdma_region_run(region, address, count, map) ? RDMA_FAULT_NONE : RDMA_FAULT_BOUNDS;
}

static enum rdma_fault
on_invalidate(void *context, uint32_t token)
{
    struct rdma_qp *qp = context;
    struct rdma_region *region = rdma_token_find(qp->object.rdma, token, TRUE);
    if (!region || !region->is_valid)
        return RDMA_FAULT_TAG;
    if (region->pd != qp->pd)
        return RDMA_FAULT_DOMAIN;
    if (region->object.type->type == NdkObjectTypeMr && !region->mr->is_fast)
        return RDMA_FAULT_INVALIDATE;
    rdma_region_invalidate(region);
    return RDMA_FAULT_NONE;
}

static struct rdma_work *
on_receive(void *context)
{
    struct rdma_qp *qp = context;
    struct rdma_slot *slot = NULL;
    if (qp->srq) {
        slot = rdma_srq_next(qp->srq);
    } else {
        struct list *node = list_pop_front(&qp->receives);
        slot = node ? LIST_ENTRY_OF(node, struct rdma_slot, work.link) : NULL;
    }
    if (!slot)
        return NULL;
    qp->in_transport++;
    return &slot->work;
}

static int
on_local(void *context, struct rdma_work *work)
{
    struct rdma_slot *slot = LIST_ENTRY_OF(work, struct rdma_slot, work);
    UNREFERENCED_PARAMETER(context);
    slot->local_status = rdma_local_run(slot);
    return 0;
}

// The bytes of a request: its SGEs, looked up when they are needed.
static bool
on_gather(void *context, const struct rdma_work *work, uint64_t offset, uint32_t count, struct rdma_map *map)
{
    const struct rdma_slot *slot = LIST_ENTRY_OF(work, struct rdma_slot, work);
    struct rdma_qp *qp = context;
    struct vnic_rdma *rdma = qp->object.rdma;
    const NDK_SGE *sge = slot->sges;
    for (; offset >= sge->Length; sge++)
        offset -= sge->Length;
    if (count > sge->Length - offset)
        count = (uint32_t)(sge->Length - offset);
    if (sge->MemoryRegionToken == RDMA_TOKEN_PRIVILEGED)
        return rdma_logical_run(rdma, (UINT64)sge->LogicalAddress.QuadPart + offset, count, map);
    struct rdma_region *region = rdma_token_find(rdma, sge->MemoryRegionToken, FALSE);
    UINT64 address = (UINT64)(ULONG_PTR)sge->VirtualAddress + offset;
    ULONG rights = work->kind == RDMA_RECEIVE ? RDMA_MAY_LOCAL_WRITE : 0;
    if (!region || region->pd != qp->pd || rdma_region_check(region, address, count, rights))
        return false;
    return rdma_region_run(region, address, count, map);
}

const struct rdma_ops rdma_qp_ops = {
    .on_map = on_map, .on_invalidate = on_invalidate, .on_receive = on_receive, .on_local = on_local, .on_gather = on_gather};

// ---- results ----------------------------------------------------------------------------------------------------------------------

static BOOLEAN
is_receive(const struct rdma_slot *slot)
{
    return slot->work.kind == RDMA_RECEIVE;
}

static VOID
slot_give(struct rdma_qp *qp, struct rdma_slot *slot)
{
    struct rdma_queue *queue = !is_receive(slot) ? &qp->initiator : qp->srq ? &qp->srq->queue : &qp->receive;
    rdma_queue_give(queue, slot);
}

// What a status of iWARP's is, and why the peer ended the connection, if it did.
static NTSTATUS
status_of(const struct rdma_qp *qp, const struct rdma_slot *slot, ULONG *code)
{
    struct iwarp_info info = {0};
    *code = 0;
    if (slot->work.status && qp->link)
        iwarp_info(qp->link->iwarp, &info);
    if (info.sent_terminate || info.got_terminate)
        *code = (ULONG)(1 << 16 | info.terminate.layer << 12 | info.terminate.type << 8 | info.terminate.code);
    switch (slot->work.status) {
    case 0: return slot->work.kind == RDMA_LOCAL ? slot->local_status : STATUS_SUCCESS;
    case -EMSGSIZE: return STATUS_BUFFER_OVERFLOW;
    case -EACCES:
        // [ndkpi/nc-ndkpi-ndk_fn_read]: past the end of the peer's memory
        return slot->work.kind == RDMA_READ && info.terminate.code == 1 ? STATUS_REMOTE_RESOURCES : STATUS_ACCESS_VIOLATION;
    case -EREMOTEIO: return STATUS_REMOTE_RESOURCES;
    case -EFAULT: return STATUS_ACCESS_VIOLATION;
    default: return STATUS_CANCELLED;
    }
}

// TCP may still send bytes that a token led to, which this request or message took away.
static BOOLEAN
is_blocked(const struct rdma_qp *qp, const struct rdma_slot *slot)
{
    const struct rdma_region *region = NULL;
    if (slot->work.kind == RDMA_LOCAL && slot->type == NdkOperationTypeInvalidate)
        region = slot->local.region;
    else if (is_receive(slot) && slot->work.done_flags & RDMA_INVALIDATE)
        region = rdma_token_find(qp->object.rdma, slot->work.invalidate_tag, TRUE);
    else if (slot->work.kind == RDMA_READ && !slot->work.status && slot->flags & NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE)
        region = rdma_token_find(qp->object.rdma, slot->sges[0].MemoryRegionToken, FALSE);
    return region && region->mr && region->mr->owner.holds > 1;
}

static VOID
result_give(struct rdma_qp *qp, struct rdma_slot *slot, ULONG64 now_us)
{
    struct rdma_work *work = &slot->work;
    ULONG code;
    NDK_RESULT_EX result = {.Status = status_of(qp, slot, &code), .QPContext = qp->context, .RequestContext = slot->context};
    BOOLEAN is_solicited = FALSE, is_silent = FALSE;
    result.Type = slot->type;
    result.ProviderErrorCode = result.Status == STATUS_SUCCESS ? 0 : code;
    if (is_receive(slot)) {
        result.BytesTransferred = result.Status == STATUS_SUCCESS ? (ULONG)work->done_bytes : 0;
        is_solicited = (work->done_flags & RDMA_SOLICITED) != 0;
        if (!work->status && work->done_flags & RDMA_INVALIDATE) {
            result.Type = NdkOperationTypeReceiveAndInvalidate;
            result.TypeSpecificCompletionOutput = work->invalidate_tag;
        }
    } else {
        is_silent = slot->flags & NDK_OP_FLAG_SILENT_SUCCESS && result.Status == STATUS_SUCCESS;
    }
    if (work->kind == RDMA_LOCAL)
        rdma_local_end(slot);
    struct rdma_cq *cq = is_receive(slot) ? qp->receive_cq : qp->initiator_cq;
    slot_give(qp, slot);
    if (!is_silent && !rdma_cq_push(cq, &result, is_solicited, now_us) && !qp->is_over)
        rdma_qp_end(qp);                  // an overrun CQ makes its QPs unusable
}

// A read that succeeded may take the token of its sink away.
static VOID
read_done(struct rdma_qp *qp, struct rdma_slot *slot)
{
    if (!(slot->flags & NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE) || slot->work.status)
        return;
    struct rdma_region *region = rdma_token_find(qp->object.rdma, slot->sges[0].MemoryRegionToken, FALSE);
    if (region && region->pd == qp->pd && region->mr && region->mr->is_fast)
        rdma_region_invalidate(region);
}

VOID
rdma_qp_reap(struct rdma_qp *qp)
{
    struct rdma_work *work;
    struct list *node;
    ULONG64 now_us = rdma_now_us(qp->object.rdma);
    while (qp->link && (work = iwarp_done_next(qp->link->iwarp))) {
        struct rdma_slot *slot = LIST_ENTRY_OF(work, struct rdma_slot, work);
        qp->in_transport--;
        if (work->kind == RDMA_READ)
            read_done(qp, slot);
        list_push_back(&qp->blocked, &work->link);
    }
    while (!list_is_empty(&qp->blocked) && !is_blocked(qp, LIST_ENTRY_OF(qp->blocked.next, struct rdma_slot, work.link))) {
        node = list_pop_front(&qp->blocked);
        result_give(qp, LIST_ENTRY_OF(node, struct rdma_slot, work.link), now_us);
    }
    if (list_is_empty(&qp->blocked) || qp->is_waiting)
        return;
    qp->is_waiting = TRUE;
    rdma_hold(&qp->object);
    InsertTailList(&qp->object.rdma->waiting, &qp->waiting_link);
}

VOID
rdma_qps_unblock(struct vnic_rdma *rdma)
{
    LIST_ENTRY *last = rdma->waiting.Blink;
    while (!IsListEmpty(&rdma->waiting)) {
        LIST_ENTRY *entry = RemoveHeadList(&rdma->waiting);
        struct rdma_qp *qp = CONTAINING_RECORD(entry, struct rdma_qp, waiting_link);
        qp->is_waiting = FALSE;
        rdma_qp_reap(qp);                 // which may put it back
        rdma_drop(&qp->object);
        if (entry == last)
            break;
    }
}

// ---- flush ------------------------------------------------------------------------------------------------------------------------

static VOID
kick_later(struct rdma_qp *qp)
{
    if (qp->is_kicked || !qp->link)
        return;
    qp->is_kicked = TRUE;
    rdma_hold(&qp->object);
    InsertTailList(&qp->object.rdma->kicks, &qp->kick_link);
}

VOID
rdma_qps_kick(struct vnic_rdma *rdma, struct rdma_call *call)
{
    while (!IsListEmpty(&rdma->kicks)) {
        struct rdma_qp *qp = CONTAINING_RECORD(RemoveHeadList(&rdma->kicks), struct rdma_qp, kick_link);
        qp->is_kicked = FALSE;
        if (qp->link)
            qp->link->on_kick(qp->link, call);
        rdma_drop(&qp->object);
    }
}

// Receives that no message has reached. Those that iWARP has, and the requests, come through rdma_qp_reap.
static VOID
flush(struct rdma_qp *qp)
{
    struct list receives, *node;
    list_init(&receives);
    while ((node = list_pop_front(&qp->receives)))
        list_push_back(&receives, node);
    if (qp->link)
        iwarp_flush(qp->link->iwarp);
    rdma_qp_reap(qp);
    while ((node = list_pop_front(&receives))) {
        LIST_ENTRY_OF(node, struct rdma_slot, work.link)->work.status = -ECANCELED;
        list_push_back(&qp->blocked, node);
    }
    rdma_qp_reap(qp);
    kick_later(qp);
}

VOID
rdma_qp_end(struct rdma_qp *qp)
{
    if (qp->is_over)
        return;
    qp->is_over = TRUE;
    flush(qp);
}

NTAPI VOID
rdma_qp_flush(NDK_QP *object)
{
    struct rdma_qp *qp = rdma_qp_from(object);
    struct rdma_call call;
    rdma_enter(qp->object.rdma, &call);
    if (qp->was_attached)
        rdma_qp_end(qp);
    else
        flush(qp);                        // it may still be connected
    rdma_leave(qp->object.rdma, &call);
}

// ---- the seam ---------------------------------------------------------------------------------------------------------------------

NTSTATUS
rdma_qp_attach(struct rdma_qp *qp, struct rdma_link *link)
{
    if (qp->link)
        return STATUS_CONNECTION_ACTIVE;
    if (qp->was_attached || qp->is_over)
        return STATUS_CONNECTION_INVALID;
    qp->link = link;
    qp->was_attached = TRUE;
    link->qp = qp;
    iwarp_set_context(link->iwarp, &rdma_qp_ops, qp);
    return STATUS_SUCCESS;
}

VOID
rdma_qp_unattach(struct rdma_qp *qp)
{
    qp->link->qp = NULL;
    qp->link = NULL;
    qp->was_attached = FALSE;
}

BOOLEAN
rdma_qp_is_idle(const struct rdma_qp *qp)
{
    return !qp->in_transport;
}

VOID
rdma_qp_detach(struct rdma_qp *qp)
{
    rdma_qp_end(qp);
    rdma_qp_reap(qp);
    if (qp->link)
        qp->link->qp = NULL;
    qp->link = NULL;
}

// ---- life -------------------------------------------------------------------------------------------------------------------------

static VOID
qp_closing(struct rdma_object *object, struct rdma_call *call)
{
    UNREFERENCED_PARAMETER(call);
    rdma_qp_end(CONTAINING_RECORD(object, struct rdma_qp, object));
}

static VOID
qp_free(struct rdma_object *object)
{
    struct rdma_qp *qp = CONTAINING_RECORD(object, struct rdma_qp, object);
    rdma_queue_close(&qp->initiator);
    rdma_queue_close(&qp->receive);
    rdma_free(qp);
}

static const struct rdma_type qp_type = {
    .type = NdkObjectTypeQp, .dispatch = &rdma_qp_dispatch, .on_closing = qp_closing, .on_free = qp_free};

struct qp_sizes {
    ULONG receive_depth, initiator_depth, max_receive_sges, max_initiator_sges, inline_bytes;
};

static BOOLEAN
sizes_are_ok(const struct qp_sizes *sizes)
{
    return sizes->receive_depth <= RDMA_QUEUE_DEPTH_MAX && sizes->initiator_depth <= RDMA_QUEUE_DEPTH_MAX &&
           sizes->max_receive_sges <= RDMA_SGES_MAX && sizes->max_initiator_sges <= RDMA_SGES_MAX &&
           sizes->inline_bytes <= RDMA_INLINE_BYTES_MAX;
}

// A CQ of the adapter that the PD is of.
static BOOLEAN
cq_is_ok(const NDK_CQ *cq, const NDK_PD *pd)
{
    return cq && ((const struct rdma_cq *)cq)->object.adapter == ((const struct rdma_pd *)pd)->object.adapter;
}

// fails: STATUS_INSUFFICIENT_RESOURCES
static NTSTATUS
qp_make(struct rdma_pd *pd, NDK_CQ *receive_cq, NDK_CQ *initiator_cq, struct rdma_srq *srq, const struct qp_sizes *sizes,
        struct rdma_qp **made)
{
    struct vnic_rdma *rdma = pd->object.rdma;
    struct rdma_qp *qp = rdma_alloc(sizeof *qp);
    struct rdma_call call;
    if (!qp)
        return STATUS_INSUFFICIENT_RESOURCES;
    list_init(&qp->receives);
    list_init(&qp->blocked);
    qp->max_receive_sges = sizes->max_receive_sges;
    qp->max_initiator_sges = sizes->max_initiator_sges;
    qp->inline_bytes = sizes->inline_bytes;
    qp->pd = pd;
    qp->receive_cq = (struct rdma_cq *)receive_cq;
    qp->initiator_cq = (struct rdma_cq *)initiator_cq;
    qp->srq = srq;
    rdma_enter(rdma, &call);
    BOOLEAN has_slots = rdma_queue_open(rdma, &qp->initiator, rdma_slot_bytes(qp->max_initiator_sges, qp->inline_bytes),
                                        sizes->initiator_depth);
    if (has_slots && !rdma_queue_open(rdma, &qp->receive, rdma_receive_slot_bytes(qp->max_receive_sges), sizes->receive_depth)) {
        rdma_queue_close(&qp->initiator);
        has_slots = FALSE;
    }
    if (has_slots) {
        rdma_object_init(&qp->object, &qp_type, &pd->object);
        rdma_object_after(&qp->object, &qp->receive_cq->object);
        rdma_object_after(&qp->object, &qp->initiator_cq->object);
        if (srq)
            rdma_object_after(&qp->object, &srq->object);
    }
    rdma_leave(rdma, &call);
    if (!has_slots) {
        rdma_free(qp);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *made = qp;
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
rdma_create_qp(NDK_PD *pd, NDK_CQ *receive_cq, NDK_CQ *initiator_cq, PVOID qp_context, ULONG receive_depth, ULONG initiator_depth,
               ULONG max_receive_sges, ULONG max_initiator_sges, ULONG inline_bytes, NDK_FN_CREATE_COMPLETION completion, PVOID context,
               NDK_QP **made)
{
    struct qp_sizes sizes = {receive_depth, initiator_depth, max_receive_sges, max_initiator_sges, inline_bytes};
    if (!cq_is_ok(receive_cq, pd) || !cq_is_ok(initiator_cq, pd) || !sizes_are_ok(&sizes))
        return STATUS_INVALID_PARAMETER;
    struct rdma_qp *qp;
    NTSTATUS status = qp_make((struct rdma_pd *)pd, receive_cq, initiator_cq, NULL, &sizes, &qp);
    if (status != STATUS_SUCCESS)
        return status;
    qp->context = qp_context;
    return rdma_object_made(&qp->object, completion, context, (PVOID *)made);
}

NTAPI NTSTATUS
rdma_create_qp_with_srq(NDK_PD *pd, NDK_CQ *receive_cq, NDK_CQ *initiator_cq, NDK_SRQ *srq, PVOID qp_context, ULONG initiator_depth,
                        ULONG max_initiator_sges, ULONG inline_bytes, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_QP **made)
{
    struct qp_sizes sizes = {0, initiator_depth, 0, max_initiator_sges, inline_bytes};
    struct rdma_srq *shared = (struct rdma_srq *)srq;
    if (!cq_is_ok(receive_cq, pd) || !cq_is_ok(initiator_cq, pd) || !shared || shared->pd != (struct rdma_pd *)pd ||
        !sizes_are_ok(&sizes))
        return STATUS_INVALID_PARAMETER;
    struct rdma_qp *qp;
    NTSTATUS status = qp_make((struct rdma_pd *)pd, receive_cq, initiator_cq, shared, &sizes, &qp);
    if (status != STATUS_SUCCESS)
        return status;
    qp->context = qp_context;
    return rdma_object_made(&qp->object, completion, context, (PVOID *)made);
}
