// SPDX-License-Identifier: MIT
// Memory regions and windows.
//   registered   NdkRegisterMr: runs of the MDL chain as they are mapped, nothing is copied; NdkDeregisterMr, or the close, ends it, and
//                waits until TCP has no packet over its bytes
//   fast         NdkInitializeFastRegisterMr: room for logical pages; NdkFastRegister and NdkInvalidate are requests of a QP (post.c),
//                each registration has a new token for peers
//   window       NdkBind: a part of a region with rights of its own; it ends with the region
// The consumer's virtual addresses are indices: bytes are reached by the MDLs' system addresses, or by logical addresses.
#include "objects.h"

#define MR_FLAGS \
    (NDK_MR_FLAG_ALLOW_LOCAL_WRITE | NDK_MR_FLAG_ALLOW_REMOTE_READ | NDK_MR_FLAG_ALLOW_REMOTE_WRITE | NDK_MR_FLAG_RDMA_READ_SINK)

static struct rdma_mr *
mr_of(NDK_MR *mr)
{
    return (struct rdma_mr *)mr;
}

VOID
rdma_mw_unbind(struct rdma_mw *mw)
{
    if (!mw->region.mr)
        return;
    RemoveEntryList(&mw->link);
    mw->region.mr = NULL;
    mw->region.is_valid = FALSE;
}

BOOLEAN
rdma_region_invalidate(struct rdma_region *region)
{
    if (!region->is_valid)
        return FALSE;
    region->is_valid = FALSE;
    if (region->mr != CONTAINING_RECORD(region, struct rdma_mr, region)) {
        rdma_mw_unbind(CONTAINING_RECORD(region, struct rdma_mw, region));
        return TRUE;
    }
    struct rdma_mr *mr = region->mr;
    while (!IsListEmpty(&mr->windows))
        rdma_mw_unbind(CONTAINING_RECORD(mr->windows.Flink, struct rdma_mw, link));
    mr->page_sets_used &= ~(1u << mr->page_set);
    return TRUE;
}

// ---- the end of a registration ----------------------------------------------------------------------------------------------------

static VOID
registration_over(struct rdma_mr *mr)
{
    struct rdma_request *request = mr->deregister;
    rdma_free(mr->pieces);
    mr->pieces = NULL;
    mr->is_registered = mr->is_leaving = FALSE;
    mr->deregister = NULL;
    mr->owner.holds = 1;
    if (request)
        rdma_request_end(request, STATUS_SUCCESS);
    if (mr->region.object.is_closing)
        rdma_drop(&mr->region.object);
}

// The last packet over its bytes is gone, in the middle of the engine.
static void
owner_released(struct eng_owner *owner)
{
    registration_over(CONTAINING_RECORD(owner, struct rdma_mr, owner));
}

// Nobody reaches its bytes from here on. TRUE: it is over already.
static BOOLEAN
registration_leave(struct rdma_mr *mr)
{
    rdma_region_invalidate(&mr->region);
    mr->is_leaving = TRUE;
    eng_drop(&mr->owner);
    return !mr->is_leaving;
}

// ---- NdkRegisterMr ----------------------------------------------------------------------------------------------------------------

// To let peers write without the right to write locally is not one of them.
static BOOLEAN
flags_are_known(ULONG flags)
{
    ULONG remote_write = flags & NDK_MR_FLAG_ALLOW_REMOTE_WRITE;
    return !(flags & ~(ULONG)MR_FLAGS) && remote_write != (NDK_MR_FLAG_ALLOW_REMOTE_WRITE & ~NDK_MR_FLAG_ALLOW_LOCAL_WRITE);
}

static ULONG
rights_of(ULONG flags)
{
    ULONG rights = 0;
    if (flags & NDK_MR_FLAG_ALLOW_LOCAL_WRITE)
        rights |= RDMA_MAY_LOCAL_WRITE | RDMA_MAY_SINK;
    if (flags & NDK_MR_FLAG_ALLOW_REMOTE_READ)
        rights |= RDMA_MAY_REMOTE_READ;
    if ((flags & NDK_MR_FLAG_ALLOW_REMOTE_WRITE) == NDK_MR_FLAG_ALLOW_REMOTE_WRITE)
        rights |= RDMA_MAY_REMOTE_WRITE;
    if (flags & NDK_MR_FLAG_RDMA_READ_SINK)
        rights |= RDMA_MAY_SINK;
    return rights;
}

// The chain's mapped bytes; MDLs that lie side by side are one piece. fails: NULL without memory or mappings
static struct rdma_piece *
pieces_of(MDL *mdl, SIZE_T bytes, ULONG n_mdls, ULONG *n_pieces)
{
    struct rdma_piece *pieces = rdma_alloc(n_mdls * sizeof *pieces);
    UINT64 end = 0;
    ULONG n = 0;
    if (!pieces)
        return NULL;
    for (; bytes; mdl = mdl->Next) {
        ULONG count = MmGetMdlByteCount(mdl) < bytes ? MmGetMdlByteCount(mdl) : (ULONG)bytes;
        UCHAR *from = count ? MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority) : NULL;
        if (!count)
            continue;
        if (!from) {
            rdma_free(pieces);
            return NULL;
        }
        UINT64 begin = n > 1 ? pieces[n - 2].end : 0;
        if (!n || pieces[n - 1].bytes + (end - begin) != from)
            pieces[n++].bytes = from;
        pieces[n - 1].end = end += count;
        bytes -= count;
    }
    *n_pieces = n;
    return pieces;
}

static NTAPI NTSTATUS
register_mr(NDK_MR *object, MDL *mdl, SIZE_T bytes, ULONG flags, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_mr *mr = mr_of(object);
    struct vnic_rdma *rdma = mr->region.object.rdma;
    struct rdma_call call;
    ULONG n_mdls, n_pieces = 0;
    if (mr->is_fast)
        return STATUS_INVALID_DEVICE_REQUEST;
    if (!mdl || !bytes || bytes > RDMA_REGION_BYTES_MAX || !flags_are_known(flags) ||
        !MmGetMdlVirtualAddress(mdl) || !rdma_mdl_is_contiguous(mdl, bytes, &n_mdls))
        return STATUS_INVALID_PARAMETER;
    struct rdma_piece *pieces = pieces_of(mdl, bytes, n_mdls, &n_pieces);
    if (!pieces)
        return STATUS_INSUFFICIENT_RESOURCES;
    rdma_enter(rdma, &call);
    NTSTATUS status = STATUS_INVALID_DEVICE_STATE;      // it is registered
    if (!mr->is_registered) {
        mr->is_registered = TRUE;
        mr->pieces = pieces;
        mr->n_pieces = n_pieces;
        mr->region.base = (UINT64)(ULONG_PTR)MmGetMdlVirtualAddress(mdl);
        mr->region.bytes = bytes;
        mr->region.rights = rights_of(flags);
        mr->region.remote_key = mr->region.posted_key = rdma_token_next(&mr->region);
        mr->region.local_key = mr->region.remote_key & 0xFE;
        mr->region.is_valid = TRUE;
        pieces = NULL;
        status = rdma_request_now(&mr->region.object, STATUS_SUCCESS, completion, context);
    }
    rdma_leave(rdma, &call);
    rdma_free(pieces);
    return status;
}

// What is refused: an MR that is not registered, and one with windows bound over it.
static NTAPI NTSTATUS
deregister_mr(NDK_MR *object, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_mr *mr = mr_of(object);
    struct vnic_rdma *rdma = mr->region.object.rdma;
    struct rdma_call call;
    NTSTATUS status;
    rdma_enter(rdma, &call);
    if (!mr->is_registered || mr->is_leaving) {
        status = STATUS_INVALID_DEVICE_STATE;
    } else if (!IsListEmpty(&mr->windows)) {
        status = STATUS_DEVICE_BUSY;
    } else if (mr->owner.holds == 1) {
        registration_leave(mr);
        status = rdma_request_now(&mr->region.object, STATUS_SUCCESS, completion, context);
    } else {
        mr->deregister = rdma_request_begin(&mr->region.object, completion, context);
        status = STATUS_INSUFFICIENT_RESOURCES;
        if (mr->deregister) {
            registration_leave(mr);
            status = STATUS_PENDING;
        }
    }
    rdma_leave(rdma, &call);
    return status;
}

// ---- fast registration ------------------------------------------------------------------------------------------------------------

static NTAPI NTSTATUS
initialize_fast(NDK_MR *object, ULONG page_count, BOOLEAN may_be_remote, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    struct rdma_mr *mr = mr_of(object);
    struct vnic_rdma *rdma = mr->region.object.rdma;
    struct rdma_call call;
    if (!mr->is_fast)
        return STATUS_INVALID_DEVICE_REQUEST;
    if (!page_count)
        return STATUS_INVALID_PARAMETER;
    if (page_count > RDMA_PAGES_MAX)
        return STATUS_IMPLEMENTATION_LIMIT;
    UINT64 *pages = rdma_alloc((SIZE_T)page_count * RDMA_PAGE_SETS * sizeof *pages);
    if (!pages)
        return STATUS_INSUFFICIENT_RESOURCES;
    rdma_enter(rdma, &call);
    NTSTATUS status = STATUS_INVALID_DEVICE_STATE;      // a registration is posted, or in force
    if (!mr->page_sets_used) {
        UINT64 *old = mr->pages;
        mr->pages = pages;
        pages = old;
        mr->pages_max = page_count;
        mr->may_be_remote = may_be_remote;
        status = rdma_request_now(&mr->region.object, STATUS_SUCCESS, completion, context);
    }
    rdma_leave(rdma, &call);
    rdma_free(pages);
    return status;
}

// ---- tokens -----------------------------------------------------------------------------------------------------------------------

static NTAPI UINT32
local_token(NDK_MR *object)
{
    const struct rdma_region *region = &mr_of(object)->region;
    return region->index << 8 | region->local_key;
}

static NTAPI UINT32
remote_token(NDK_MR *object)
{
    const struct rdma_region *region = &mr_of(object)->region;
    return region->index << 8 | region->posted_key;
}

static NTAPI UINT32
window_token(NDK_MW *object)
{
    const struct rdma_region *region = &((struct rdma_mw *)object)->region;
    return region->index << 8 | region->posted_key;
}

// ---- life -------------------------------------------------------------------------------------------------------------------------

// Windows over it end, and it waits for TCP.
static VOID
mr_closing(struct rdma_object *object, struct rdma_call *call)
{
    struct rdma_mr *mr = CONTAINING_RECORD(object, struct rdma_mr, region.object);
    UNREFERENCED_PARAMETER(call);
    rdma_hold(object);                    // registration_over lets it go
    if (mr->is_leaving)
        return;
    registration_leave(mr);
}

static VOID
mr_free(struct rdma_object *object)
{
    struct rdma_mr *mr = CONTAINING_RECORD(object, struct rdma_mr, region.object);
    rdma_token_give(&mr->region);
    rdma_free(mr->pages);
    rdma_free(mr);
}

static VOID
mw_closing(struct rdma_object *object, struct rdma_call *call)
{
    UNREFERENCED_PARAMETER(call);
    rdma_mw_unbind(CONTAINING_RECORD(object, struct rdma_mw, region.object));
}

static VOID
mw_free(struct rdma_object *object)
{
    struct rdma_mw *mw = CONTAINING_RECORD(object, struct rdma_mw, region.object);
    rdma_mw_unbind(mw);                   // a bind that was posted before the close
    rdma_token_give(&mw->region);
    rdma_free(mw);
}

static const NDK_MR_DISPATCH mr_dispatch = {
    .NdkCloseMr = rdma_close,
    .NdkQueryExtension = rdma_query_extension,
    .NdkRegisterMr = register_mr,
    .NdkDeregisterMr = deregister_mr,
    .NdkInitializeFastRegisterMr = initialize_fast,
    .NdkGetRemoteTokenFromMr = remote_token,
    .NdkGetLocalTokenFromMr = local_token,
};
static const struct rdma_type mr_type = {
    .type = NdkObjectTypeMr, .dispatch = &mr_dispatch, .on_closing = mr_closing, .on_free = mr_free};

static const NDK_MW_DISPATCH mw_dispatch = {
    .NdkCloseMw = rdma_close, .NdkQueryExtension = rdma_query_extension, .NdkGetRemoteTokenFromMw = window_token};
static const struct rdma_type mw_type = {
    .type = NdkObjectTypeMw, .dispatch = &mw_dispatch, .on_closing = mw_closing, .on_free = mw_free};

// fails: FALSE without a token; the object is not one yet then
static BOOLEAN
region_init(struct rdma_region *region, const struct rdma_type *type, struct rdma_pd *pd)
{
    struct rdma_call call;
    struct vnic_rdma *rdma = pd->object.rdma;
    rdma_enter(rdma, &call);
    region->pd = pd;
    region->object.rdma = rdma;
    BOOLEAN has_token = rdma_token_take(region);
    if (has_token)
        rdma_object_init(&region->object, type, &pd->object);
    rdma_leave(rdma, &call);
    return has_token;
}

NTAPI NTSTATUS
rdma_create_mr(NDK_PD *object, BOOLEAN is_fast, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_MR **made)
{
    struct rdma_mr *mr = rdma_alloc(sizeof *mr);
    if (!mr)
        return STATUS_INSUFFICIENT_RESOURCES;
    mr->is_fast = is_fast != FALSE;
    mr->region.mr = mr;
    mr->owner = (struct eng_owner){.holds = 1, .on_release = owner_released};
    InitializeListHead(&mr->windows);
    if (!region_init(&mr->region, &mr_type, (struct rdma_pd *)object)) {
        rdma_free(mr);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return rdma_object_made(&mr->region.object, completion, context, (PVOID *)made);
}

NTAPI NTSTATUS
rdma_create_mw(NDK_PD *object, NDK_FN_CREATE_COMPLETION completion, PVOID context, NDK_MW **made)
{
    struct rdma_mw *mw = rdma_alloc(sizeof *mw);
    if (!mw)
        return STATUS_INSUFFICIENT_RESOURCES;
    if (!region_init(&mw->region, &mw_type, (struct rdma_pd *)object)) {
        rdma_free(mw);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    return rdma_object_made(&mw->region.object, completion, context, (PVOID *)made);
}
