// SPDX-License-Identifier: MIT
// What a consumer posts to a queue pair. A request is refused inline, and then there is no result, or it is in a slot and there is one.
//   NdkSend... -> begin (connected? flags? a slot?) -> what is particular -> finish: iwarp_post, and, unless it is deferred, the
//   connection is run. A failure runs it too: what was deferred before must not stay [network/ndkpi-deferred-processing-scheme]
// SGEs are checked here, but for those of fast regions, which may come to be by a request that stands before this one.
#include <errno.h>

#include "objects.h"

#define POST_FLAGS (NDK_OP_FLAG_SILENT_SUCCESS | NDK_OP_FLAG_READ_FENCE | NDK_OP_FLAG_DEFER)

// A post on its way through.
struct post {
    struct rdma_qp *qp;
    struct rdma_slot *slot;
    struct rdma_call call;
};

// fails: STATUS_CONNECTION_INVALID, STATUS_INVALID_PARAMETER (a flag that this request has not), STATUS_INSUFFICIENT_RESOURCES
// locks: takes rdma->lock, which post_finish drops
static NTSTATUS
post_begin(struct post *post, NDK_QP *object, PVOID context, NDK_OPERATION_TYPE type, ULONG flags, ULONG more_flags)
{
    struct rdma_qp *qp = post->qp = rdma_qp_from(object);
    post->slot = NULL;
    rdma_enter(qp->object.rdma, &post->call);
    if (!qp->link || qp->is_over)
        return STATUS_CONNECTION_INVALID;
    if (flags & ~(POST_FLAGS | more_flags))
        return STATUS_INVALID_PARAMETER;
    struct rdma_slot *slot = post->slot = rdma_queue_take(&qp->initiator);
    if (!slot)
        return STATUS_INSUFFICIENT_RESOURCES;
    slot->work = (struct rdma_work){0};
    list_init(&slot->work.link);
    if (flags & NDK_OP_FLAG_READ_FENCE)
        slot->work.flags |= RDMA_FENCE;
    if (flags & NDK_OP_FLAG_DEFER)
        slot->work.flags |= RDMA_DEFER;
    slot->context = context;
    slot->flags = flags;
    slot->type = type;
    slot->is_run = FALSE;
    return STATUS_SUCCESS;
}

static NTSTATUS
status_of_error(int error)
{
    return error == -ENOTCONN ? STATUS_CONNECTION_INVALID : STATUS_INVALID_PARAMETER;
}

static NTSTATUS
post_finish(struct post *post, NTSTATUS status)
{
    struct rdma_work nothing = {.kind = RDMA_RECEIVE};  // iwarp_post refuses it, and sends what was deferred
    struct rdma_qp *qp = post->qp;
    struct rdma_slot *slot = post->slot;
    struct rdma_link *link = qp->link;
    if (status == STATUS_SUCCESS) {
        qp->in_transport++;
        int error = iwarp_post(link->iwarp, &slot->work, post->call.now_us);
        if (error) {
            qp->in_transport--;
            status = status_of_error(error);
        }
    } else if (link && !qp->is_over) {
        (void)iwarp_post(link->iwarp, &nothing, post->call.now_us);
    }
    if (status != STATUS_SUCCESS && slot) {
        if (slot->work.kind == RDMA_LOCAL && slot->local.region) {
            slot->local.region->posted_key = slot->local.key_before;
            rdma_local_end(slot);
        }
        rdma_queue_give(&qp->initiator, slot);
    }
    if (link && !(status == STATUS_SUCCESS && slot->flags & NDK_OP_FLAG_DEFER))
        link->on_kick(link, &post->call);
    rdma_leave(qp->object.rdma, &post->call);
    return status;
}

// ---- local bytes ------------------------------------------------------------------------------------------------------------------

static NTSTATUS
sge_check(struct rdma_pd *pd, const NDK_SGE *sge, ULONG rights)
{
    struct vnic_rdma *rdma = pd->object.rdma;
    struct rdma_map map;
    if (!sge->Length)
        return STATUS_SUCCESS;
    if (sge->MemoryRegionToken == RDMA_TOKEN_PRIVILEGED)
        return rdma_logical_run(rdma, (UINT64)sge->LogicalAddress.QuadPart, sge->Length, &map) ? STATUS_SUCCESS : STATUS_ACCESS_VIOLATION;
    const struct rdma_region *region = rdma_token_find(rdma, sge->MemoryRegionToken, FALSE);
    if (!region || region->pd != pd)
        return STATUS_ACCESS_VIOLATION;
    if (region->mr->is_fast)
        return STATUS_SUCCESS;
    enum rdma_fault fault = rdma_region_check(region, (UINT64)(ULONG_PTR)sge->VirtualAddress, sge->Length, rights);
    return fault ? STATUS_ACCESS_VIOLATION : STATUS_SUCCESS;
}

NTSTATUS
rdma_slot_sges(struct rdma_pd *pd, struct rdma_slot *slot, const NDK_SGE *sges, ULONG n_sges, ULONG max_sges, ULONG rights)
{
    UINT64 bytes = 0;
    if (n_sges > max_sges || (n_sges && !sges))
        return STATUS_INVALID_PARAMETER;
    for (ULONG i = 0; i < n_sges; i++) {
        NTSTATUS status = sge_check(pd, &sges[i], rights);
        if (status != STATUS_SUCCESS)
            return status;
        slot->sges[i] = sges[i];
        bytes += sges[i].Length;
    }
    if (bytes > RDMA_TRANSFER_BYTES_MAX)
        return STATUS_INVALID_PARAMETER;
    slot->work.spans = NULL;
    slot->work.sinks = NULL;
    slot->work.bytes = bytes;
    return STATUS_SUCCESS;
}

// Taken now: the consumer's bytes, wherever they are, may change when we return.
static NTSTATUS
slot_inline(struct rdma_qp *qp, struct rdma_slot *slot, const NDK_SGE *sges, ULONG n_sges)
{
    ULONG bytes = 0;
    for (ULONG i = 0; i < n_sges; i++) {
        if (sges[i].Length > qp->inline_bytes - bytes)
            return STATUS_INVALID_PARAMETER;
        memcpy(slot->inline_bytes + bytes, sges[i].VirtualAddress, sges[i].Length);
        bytes += sges[i].Length;
    }
    slot->inline_span = (struct eng_span){.bytes = slot->inline_bytes, .count = bytes};
    slot->work.spans = &slot->inline_span;
    slot->work.n_spans = bytes ? 1 : 0;
    slot->work.bytes = bytes;
    return STATUS_SUCCESS;
}

static NTSTATUS
slot_payload(struct rdma_qp *qp, struct rdma_slot *slot, const NDK_SGE *sges, ULONG n_sges)
{
    if (slot->flags & NDK_OP_FLAG_INLINE)
        return slot_inline(qp, slot, sges, n_sges);
    return rdma_slot_sges(qp->pd, slot, sges, n_sges, qp->max_initiator_sges, 0);
}

// ---- send, write, read, receive ---------------------------------------------------------------------------------------------------

static NTSTATUS
send_post(NDK_QP *object, PVOID context, const NDK_SGE *sges, ULONG n_sges, ULONG flags, BOOLEAN invalidates, UINT32 token)
{
    struct post post;
    NTSTATUS status =
        post_begin(&post, object, context, NdkOperationTypeSend, flags, NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT | NDK_OP_FLAG_INLINE);
    if (status == STATUS_SUCCESS) {
        struct rdma_work *work = &post.slot->work;
        work->kind = RDMA_SEND;
        work->flags |= flags & NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT ? RDMA_SOLICITED : 0;
        work->flags |= invalidates ? RDMA_INVALIDATE : 0;
        work->invalidate_tag = token;
        status = slot_payload(post.qp, post.slot, sges, n_sges);
    }
    return post_finish(&post, status);
}

static NTAPI NTSTATUS
post_send(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG n_sges, ULONG flags)
{
    return send_post(qp, context, sges, n_sges, flags, FALSE, 0);
}

static NTAPI NTSTATUS
post_send_and_invalidate(NDK_QP *qp, PVOID context, const NDK_SGE *sges, ULONG n_sges, ULONG flags, UINT32 token)
{
    return send_post(qp, context, sges, n_sges, flags, TRUE, token);
}

static NTAPI NTSTATUS
post_write(NDK_QP *object, PVOID context, const NDK_SGE *sges, ULONG n_sges, UINT64 address, UINT32 token, ULONG flags)
{
    struct post post;
    NTSTATUS status = post_begin(&post, object, context, NdkOperationTypeWrite, flags, NDK_OP_FLAG_INLINE);
    if (status == STATUS_SUCCESS) {
        post.slot->work.kind = RDMA_WRITE;
        post.slot->work.remote_offset = address;
        post.slot->work.remote_tag = token;
        status = slot_payload(post.qp, post.slot, sges, n_sges);
    }
    return post_finish(&post, status);
}

// Only a fast registration can be taken away by what a QP does.
static BOOLEAN
sink_is_fast(const struct rdma_qp *qp, const NDK_SGE *sges, ULONG n_sges)
{
    const struct rdma_region *region = n_sges ? rdma_token_find(qp->object.rdma, sges->MemoryRegionToken, FALSE) : NULL;
    return region && region->pd == qp->pd && region->mr->is_fast;
}

static NTAPI NTSTATUS
post_read(NDK_QP *object, PVOID context, const NDK_SGE *sges, ULONG n_sges, UINT64 address, UINT32 token, ULONG flags)
{
    struct post post;
    NTSTATUS status = post_begin(&post, object, context, NdkOperationTypeRead, flags, NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE);
    if (status == STATUS_SUCCESS) {
        struct rdma_work *work = &post.slot->work;
        ULONG most = post.qp->max_initiator_sges ? 1 : 0;
        work->kind = RDMA_READ;
        work->remote_offset = address;
        work->remote_tag = token;
        status = rdma_slot_sges(post.qp->pd, post.slot, sges, n_sges, most, RDMA_MAY_SINK);
        if (status == STATUS_SUCCESS && flags & NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE && !sink_is_fast(post.qp, sges, n_sges))
            status = STATUS_INVALID_PARAMETER;
        if (status == STATUS_SUCCESS && n_sges) {
            work->sink_tag = sges->MemoryRegionToken;
            work->sink_offset = (UINT64)sges->LogicalAddress.QuadPart;     // or the virtual one, in the same place
        }
    }
    return post_finish(&post, status);
}

NTSTATUS
rdma_receive_post(struct rdma_pd *pd, struct rdma_queue *queue, struct list *receives, PVOID context, const NDK_SGE *sges, ULONG n_sges,
                  ULONG max_sges)
{
    struct rdma_slot *slot = rdma_queue_take(queue);
    if (!slot)
        return STATUS_INSUFFICIENT_RESOURCES;
    slot->work.kind = RDMA_RECEIVE;
    slot->work.status = 0;
    slot->work.done_flags = 0;
    slot->context = context;
    slot->flags = 0;
    slot->type = NdkOperationTypeReceive;
    NTSTATUS status = rdma_slot_sges(pd, slot, sges, n_sges, max_sges, RDMA_MAY_LOCAL_WRITE);
    if (status == STATUS_SUCCESS)
        list_push_back(receives, &slot->work.link);
    else
        rdma_queue_give(queue, slot);
    return status;
}

// A receive has no DEFER and starts nothing: it waits for a message.
static NTAPI NTSTATUS
post_receive(NDK_QP *object, PVOID context, const NDK_SGE *sges, ULONG n_sges)
{
    struct rdma_qp *qp = rdma_qp_from(object);
    struct rdma_call call;
    NTSTATUS status;
    if (qp->srq)
        return STATUS_INVALID_DEVICE_REQUEST;
    rdma_enter(qp->object.rdma, &call);
    if (qp->is_over)
        status = STATUS_CONNECTION_INVALID;
    else
        status = rdma_receive_post(qp->pd, &qp->receive, &qp->receives, context, sges, n_sges, qp->max_receive_sges);
    rdma_leave(qp->object.rdma, &call);
    return status;
}

// ---- what is done locally, in its turn ----------------------------------------------------------------------------------------------

static ULONG
rights_of(ULONG flags)
{
    ULONG rights = 0;
    if (flags & NDK_OP_FLAG_ALLOW_LOCAL_WRITE)
        rights |= RDMA_MAY_LOCAL_WRITE | RDMA_MAY_SINK;
    if (flags & NDK_OP_FLAG_ALLOW_REMOTE_READ)
        rights |= RDMA_MAY_REMOTE_READ;
    if ((flags & NDK_OP_FLAG_ALLOW_REMOTE_WRITE) == NDK_OP_FLAG_ALLOW_REMOTE_WRITE)
        rights |= RDMA_MAY_REMOTE_WRITE;
    if (flags & NDK_OP_FLAG_RDMA_READ_SINK)
        rights |= RDMA_MAY_SINK;
    return rights;
}

static VOID
local_begin(struct rdma_slot *slot, struct rdma_region *region, struct rdma_mr *mr)
{
    slot->work.kind = RDMA_LOCAL;
    slot->local = (struct rdma_local){.region = region, .mr = mr, .page_set = RDMA_PAGE_SETS, .key_before = region->posted_key};
    rdma_hold(&region->object);
    if (mr)
        rdma_hold(&mr->region.object);
}

VOID
rdma_local_end(struct rdma_slot *slot)
{
    struct rdma_local *local = &slot->local;
    if (!slot->is_run && local->page_set < RDMA_PAGE_SETS)
        local->region->mr->page_sets_used &= ~(1u << local->page_set);
    if (local->mr)
        rdma_drop(&local->mr->region.object);
    rdma_drop(&local->region->object);
    local->region = NULL;
}

// To let peers write without the right to write locally is no flag of these.
static BOOLEAN
write_is_known(ULONG flags)
{
    return (flags & NDK_OP_FLAG_ALLOW_REMOTE_WRITE) != (NDK_OP_FLAG_ALLOW_REMOTE_WRITE & ~NDK_OP_FLAG_ALLOW_LOCAL_WRITE);
}

// What of it can be said before its turn.
static NTSTATUS
bind_check(struct rdma_qp *qp, const struct rdma_mr *mr, const struct rdma_mw *mw, UINT64 base, UINT64 bytes, ULONG flags)
{
    if (mr->region.pd != qp->pd || mw->region.pd != qp->pd)
        return STATUS_ACCESS_VIOLATION;
    ULONG wanted = rights_of(flags) & (RDMA_MAY_REMOTE_READ | RDMA_MAY_REMOTE_WRITE);
    BOOLEAN is_half = flags & NDK_OP_FLAG_ALLOW_REMOTE_WRITE && !(wanted & RDMA_MAY_REMOTE_WRITE);     // a window is for peers
    if (!bytes || !wanted || is_half)
        return STATUS_INVALID_PARAMETER;
    if (mr->is_fast)
        return STATUS_SUCCESS;
    ULONG rights = rights_of(flags) & RDMA_MAY_REMOTE_WRITE ? RDMA_MAY_LOCAL_WRITE : 0;
    return rdma_region_check(&mr->region, base, bytes, rights) ? STATUS_ACCESS_VIOLATION : STATUS_SUCCESS;
}

static NTAPI NTSTATUS
post_bind(NDK_QP *object, PVOID context, NDK_MR *mr_object, NDK_MW *mw_object, PVOID address, SIZE_T bytes, ULONG flags)
{
    struct rdma_mr *mr = (struct rdma_mr *)mr_object;
    struct rdma_mw *mw = (struct rdma_mw *)mw_object;
    struct post post;
    NTSTATUS status = post_begin(&post, object, context, NdkOperationTypeBind, flags,
                                 NDK_OP_FLAG_ALLOW_REMOTE_READ | NDK_OP_FLAG_ALLOW_REMOTE_WRITE);
    UINT64 base = (UINT64)(ULONG_PTR)address;
    if (status == STATUS_SUCCESS)
        status = bind_check(post.qp, mr, mw, base, bytes, flags);
    if (status == STATUS_SUCCESS) {
        struct rdma_local *local = &post.slot->local;
        local_begin(post.slot, &mw->region, mr);
        local->base = base;
        local->bytes = bytes;
        local->rights = rights_of(flags) & (RDMA_MAY_REMOTE_READ | RDMA_MAY_REMOTE_WRITE);
        local->key = mw->region.posted_key = rdma_token_next(&mw->region);
    }
    return post_finish(&post, status);
}

// The lengths and addresses of a fast registration [ndkpi/nc-ndkpi-ndk_fn_fast_register].
static NTSTATUS
fast_check(struct rdma_qp *qp, const struct rdma_mr *mr, ULONG n_pages, const NDK_LOGICAL_ADDRESS *pages, ULONG fbo, SIZE_T bytes,
           UINT64 base, ULONG flags)
{
    struct rdma_map map;
    if (mr->region.pd != qp->pd)
        return STATUS_ACCESS_VIOLATION;
    if (!write_is_known(flags) || !mr->is_fast || !mr->pages || !n_pages || n_pages > mr->pages_max || fbo >= PAGE_SIZE || !bytes ||
        bytes > ((SIZE_T)n_pages << PAGE_SHIFT) - fbo || base % PAGE_SIZE != fbo)
        return STATUS_INVALID_PARAMETER;
    if (!mr->may_be_remote && rights_of(flags) & (RDMA_MAY_REMOTE_READ | RDMA_MAY_REMOTE_WRITE))
        return STATUS_ACCESS_VIOLATION;
    for (ULONG i = 0; i < n_pages; i++)
        if (pages[i].QuadPart % PAGE_SIZE || !rdma_logical_run(qp->object.rdma, (UINT64)pages[i].QuadPart, PAGE_SIZE, &map))
            return STATUS_INVALID_PARAMETER;
    return STATUS_SUCCESS;
}

// A set of pages for one more registration. fails: RDMA_PAGE_SETS when all are in use
static ULONG
page_set_take(struct rdma_mr *mr)
{
    ULONG set = 0;
    while (set < RDMA_PAGE_SETS && mr->page_sets_used & 1u << set)
        set++;
    if (set < RDMA_PAGE_SETS)
        mr->page_sets_used |= 1u << set;
    return set;
}

static NTAPI NTSTATUS
post_fast_register(NDK_QP *object, PVOID context, NDK_MR *mr_object, ULONG n_pages, const NDK_LOGICAL_ADDRESS *pages, ULONG fbo,
                   SIZE_T bytes, PVOID base, ULONG flags)
{
    struct rdma_mr *mr = (struct rdma_mr *)mr_object;
    struct post post;
    ULONG set = RDMA_PAGE_SETS;
    NTSTATUS status = post_begin(&post, object, context, NdkOperationTypeFastRegister, flags,
                                 NDK_OP_FLAG_ALLOW_REMOTE_READ | NDK_OP_FLAG_ALLOW_REMOTE_WRITE | NDK_OP_FLAG_RDMA_READ_SINK);
    if (status == STATUS_SUCCESS)
        status = fast_check(post.qp, mr, n_pages, pages, fbo, bytes, (UINT64)(ULONG_PTR)base, flags);
    if (status == STATUS_SUCCESS) {
        set = page_set_take(mr);
        status = set < RDMA_PAGE_SETS ? STATUS_SUCCESS : STATUS_DEVICE_BUSY;
    }
    if (status == STATUS_SUCCESS) {
        struct rdma_local *local = &post.slot->local;
        local_begin(post.slot, &mr->region, NULL);
        for (ULONG i = 0; i < n_pages; i++)
            mr->pages[(SIZE_T)set * mr->pages_max + i] = (UINT64)pages[i].QuadPart;
        local->page_set = set;
        local->n_pages = n_pages;
        local->fbo = fbo;
        local->base = (UINT64)(ULONG_PTR)base;
        local->bytes = bytes;
        local->rights = rights_of(flags);
        local->key = mr->region.posted_key = rdma_token_next(&mr->region);
    }
    return post_finish(&post, status);
}

static NTAPI NTSTATUS
post_invalidate(NDK_QP *object, PVOID context, NDK_OBJECT_HEADER *header, ULONG flags)
{
    struct rdma_region *region = CONTAINING_RECORD(header, struct rdma_region, object.header);
    struct post post;
    NTSTATUS status = post_begin(&post, object, context, NdkOperationTypeInvalidate, flags, 0);
    BOOLEAN is_window = header->ObjectType == NdkObjectTypeMw;
    if (status == STATUS_SUCCESS && !is_window && (header->ObjectType != NdkObjectTypeMr || !region->mr->is_fast))
        status = STATUS_INVALID_PARAMETER;
    if (status == STATUS_SUCCESS && region->pd != post.qp->pd)
        status = STATUS_ACCESS_VIOLATION;
    if (status == STATUS_SUCCESS)
        local_begin(post.slot, region, NULL);
    return post_finish(&post, status);
}

static NTSTATUS
bind_run(const struct rdma_local *local)
{
    struct rdma_region *region = local->region;
    struct rdma_mr *mr = local->mr;
    ULONG needs = local->rights & RDMA_MAY_REMOTE_WRITE ? RDMA_MAY_LOCAL_WRITE : 0;
    struct rdma_mw *mw = CONTAINING_RECORD(region, struct rdma_mw, region);
    rdma_mw_unbind(mw);
    if (region->object.is_closing || rdma_region_check(&mr->region, local->base, local->bytes, needs))
        return STATUS_ACCESS_VIOLATION;
    region->mr = mr;
    region->base = local->base;
    region->bytes = local->bytes;
    region->rights = local->rights;
    region->remote_key = local->key;
    region->is_valid = TRUE;
    InsertTailList(&mr->windows, &mw->link);
    return STATUS_SUCCESS;
}

static NTSTATUS
fast_run(const struct rdma_local *local)
{
    struct rdma_mr *mr = local->region->mr;
    if (mr->region.is_valid || mr->region.object.is_closing) {
        mr->page_sets_used &= ~(1u << local->page_set);
        return STATUS_INVALID_DEVICE_STATE;
    }
    mr->page_set = local->page_set;
    mr->n_pages = local->n_pages;
    mr->fbo = local->fbo;
    mr->region.base = local->base;
    mr->region.bytes = local->bytes;
    mr->region.rights = local->rights;
    mr->region.remote_key = local->key;
    mr->region.is_valid = TRUE;
    return STATUS_SUCCESS;
}

NTSTATUS
rdma_local_run(struct rdma_slot *slot)
{
    slot->is_run = TRUE;
    if (slot->type == NdkOperationTypeBind)
        return bind_run(&slot->local);
    if (slot->type == NdkOperationTypeFastRegister)
        return fast_run(&slot->local);
    return rdma_region_invalidate(slot->local.region) ? STATUS_SUCCESS : STATUS_INVALID_DEVICE_STATE;
}

const NDK_QP_DISPATCH rdma_qp_dispatch = {
    .NdkCloseQp = rdma_close,
    .NdkQueryExtension = rdma_query_extension,
    .NdkFlush = rdma_qp_flush,
    .NdkSend = post_send,
    .NdkReceive = post_receive,
    .NdkBind = post_bind,
    .NdkFastRegister = post_fast_register,
    .NdkInvalidate = post_invalidate,
    .NdkRead = post_read,
    .NdkWrite = post_write,
    .NdkSendAndInvalidate = post_send_and_invalidate,
};
