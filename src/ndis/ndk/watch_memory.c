// SPDX-License-Identifier: MIT
// See watch.h: memory. What a region stands for, by whom its token may be used, and mappings (LAM); and the functions of memory regions.
// A region made for registration is there from NdkRegisterMr to NdkDeregisterMr; one made for fast registration is initialised, and
// then there from NdkFastRegister to NdkInvalidate (or a read that invalidates it), as they were posted.
//   ndk_sges_check    each buffer of a request: a token of a region that is there, of the queue pair's own PD, and inside it (NBX-0714)
//   ndk_flags_check   flags of the function's page and of the adapter's version (NBX-0715)
// Rights are not looked at: what a token does not allow the provider answers. Nor are tokens that a peer uses.
// [ndkpi/ns-ndkpi-_ndk_sge], [ndkpi/nc-ndkpi-ndk_fn_register_mr], [ndkpi/nc-ndkpi-ndk_fn_fast_register], [ndkpi/nc-ndkpi-ndk_fn_bind]
#include <stdlib.h>

#include "ndis/ndk/watch_int.h"

#define OBJECT(kind, pointer, function) ndk_use(&(pointer)->Header, NdkObjectType##kind, function)
#define MR_FLAGS (NDK_MR_FLAG_ALLOW_LOCAL_WRITE | NDK_MR_FLAG_ALLOW_REMOTE_READ | NDK_MR_FLAG_ALLOW_REMOTE_WRITE | NDK_MR_FLAG_RDMA_READ_SINK)

// A mapping that NdkBuildLAM made.
struct ndk_lam {
    struct list node;                         // watch->lams
    const NDK_LOGICAL_ADDRESS_MAPPING *lam;
};

// ---- regions ----------------------------------------------------------------------------------------------------------------------------

void
ndk_memory_made(struct ndk_object *object)
{
    if (object->type == NdkObjectTypeMr || object->type == NdkObjectTypePd)
        list_push_back(&object->watch->memory, &object->memory);
}

void
ndk_memory_closed(struct ndk_object *object)
{
    KIRQL old = ndk_lock(object->watch);
    if (object->type == NdkObjectTypeMr || object->type == NdkObjectTypePd)
        list_remove(&object->memory);
    ndk_unlock(object->watch, old);
}

static void
region_set(struct ndk_object *mr, bool is_there, uint64_t base, uint64_t bytes)
{
    KIRQL old = ndk_lock(mr->watch);
    mr->region.is_there = is_there;
    mr->region.base = base;
    mr->region.bytes = bytes;
    ndk_unlock(mr->watch, old);
}

static void
token_set(struct ndk_object *object, int which, UINT32 token)
{
    KIRQL old = ndk_lock(object->watch);
    object->region.token[which] = token;
    object->region.knows[which] = true;
    ndk_unlock(object->watch, old);
}

static bool
has_token(const struct ndk_object *object, UINT32 token)
{
    return (object->region.knows[0] && object->region.token[0] == token) || (object->region.knows[1] && object->region.token[1] == token);
}

static bool
region_covers(const struct ndk_region *region, uint64_t at, uint64_t bytes)
{
    return region->is_there && at >= region->base && at - region->base <= region->bytes && bytes <= region->bytes - (at - region->base);
}

// What is wrong with this buffer of a request in pd, if anything. A token may be of several regions, one after the other.
static const char *
sge_fault_locked(struct ndk_watch *watch, const struct ndk_object *pd, const NDK_SGE *sge)
{
    const char *fault = "has a buffer with a token that no memory region or PD of this adapter has given";
    uint64_t at = (uint64_t)(ULONG_PTR)sge->VirtualAddress;
    LIST_FOR_EACH(node, &watch->memory) {
        const struct ndk_object *object = LIST_ENTRY_OF(node, struct ndk_object, memory);
        bool is_pd = object->type == NdkObjectTypePd;
        if (!has_token(object, sge->MemoryRegionToken))
            continue;
        if ((is_pd ? object : object->made.with[0]) != pd)
            fault = "has a buffer with a token of another protection domain";
        else if (!is_pd && !object->region.is_there)
            fault = "has a buffer with the token of a memory region that is not registered";
        else if (!is_pd && !region_covers(&object->region, at, sge->Length))
            fault = "has a buffer that lies outside the memory region of its token";
        else
            return NULL;
    }
    return fault;
}

void
ndk_sges_check(struct ndk_object *object, enum ndk_queue_name name, const NDK_SGE *sges, ULONG count, ULONG flags, const char *function)
{
    struct ndk_watch *watch = object->watch;
    bool is_inline = flags & NDK_OP_FLAG_INLINE;
    const char *fault = NULL;
    uint64_t bytes = 0;
    if (!watch->is_strict)
        return;
    KIRQL old = ndk_lock(watch);
    for (ULONG i = 0; i < count; i++) {
        bytes += sges[i].Length;
        if (!fault && !is_inline && sges[i].Length)
            fault = sge_fault_locked(watch, object->made.with[0], &sges[i]);
    }
    ndk_unlock(watch, old);
    if (fault)
        verify_rule_broken(NBX_0714, function, "%s", fault);
    if (is_inline && bytes > object->made.inline_bytes)
        verify_rule_broken(NBX_0715, function, "has %llu bytes inline; the queue pair was made for %u", (unsigned long long)bytes,
                           object->made.inline_bytes);
    if (!is_inline && count > object->made.sges[name])
        verify_rule_broken(NBX_0715, function, "has %u buffers; the queue was made for %u", count, object->made.sges[name]);
}

void
ndk_flags_check(const struct ndk_object *object, ULONG flags, ULONG allowed, const char *function)
{
    NDK_VERSION version = object->watch->version;
    if (!object->watch->is_strict)
        return;
    if (version.Major == 1 && version.Minor < 2)
        allowed &= ~(ULONG)(NDK_OP_FLAG_DEFER | NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE);
    ULONG more = flags & ~allowed;
    // The right to write from afar comes with that to write here; its own bit alone is no flag.
    if ((flags & NDK_OP_FLAG_ALLOW_REMOTE_WRITE) == (NDK_OP_FLAG_ALLOW_REMOTE_WRITE & ~NDK_OP_FLAG_ALLOW_LOCAL_WRITE))
        more |= flags & NDK_OP_FLAG_ALLOW_REMOTE_WRITE;
    if (more)
        verify_rule_broken(NBX_0715, function, "has flags 0x%X, of which it does not take 0x%X in %u.%u", flags, more, version.Major,
                           version.Minor);
}

// ---- mappings ---------------------------------------------------------------------------------------------------------------------------

static void
lam_made(struct ndk_request *request)
{
    struct ndk_watch *watch = request->of->watch;
    struct ndk_lam *made = calloc(1, sizeof *made);
    if (!made)
        abort();                              // a watch with holes proves nothing
    made->lam = request->lam;
    KIRQL old = ndk_lock(watch);
    list_push_back(&watch->lams, &made->node);
    ndk_unlock(watch, old);
}

NTAPI NTSTATUS
ndk_build_lam(NDK_ADAPTER *adapter, MDL *mdl, SIZE_T bytes, NDK_FN_REQUEST_COMPLETION completion, PVOID context,
              NDK_LOGICAL_ADDRESS_MAPPING *lam, ULONG *lam_bytes, ULONG *fbo)
{
    const char *function = "NdkBuildLAM";
    struct ndk_object *object = OBJECT(Adapter, adapter, function);
    struct ndk_request *request = ndk_request_for(object, function, completion, context);
    request->lam = lam;
    request->on_success = lam ? lam_made : NULL;
    request->tells = lam ? NDK_TELLS_RESULT : NDK_TELLS_NOTHING;   // without one it only asks how large it would be
    NDK_NOTE(request, ", %llu bytes", (unsigned long long)bytes);
    return NDK_ANSWER(request, ADAPTER, NdkBuildLAM(adapter, mdl, bytes, ndk_on_request, request, lam, lam_bytes, fbo));
}

NTAPI VOID
ndk_release_lam(NDK_ADAPTER *adapter, NDK_LOGICAL_ADDRESS_MAPPING *lam)
{
    struct ndk_object *object = OBJECT(Adapter, adapter, "NdkReleaseLAM");
    struct ndk_watch *watch = object->watch;
    struct ndk_lam *found = NULL;
    KIRQL old = ndk_lock(watch);
    LIST_FOR_EACH(node, &watch->lams) {
        if (LIST_ENTRY_OF(node, struct ndk_lam, node)->lam == lam)
            found = LIST_ENTRY_OF(node, struct ndk_lam, node);
    }
    if (found)
        list_remove(&found->node);
    ndk_unlock(watch, old);
    if (!found)
        NDK_BROKEN(object, NBX_0714, "NdkReleaseLAM", "is given a mapping that NdkBuildLAM has not made, or that was released before");
    free(found);
    NDK_INTO_VOID(object, "NdkReleaseLAM", NDK_THEIRS(object, ADAPTER)->NdkReleaseLAM(adapter, lam));
}

uint32_t
ndk_lams_left(struct ndk_watch *watch)
{
    uint32_t count = 0;
    KIRQL old = ndk_lock(watch);
    LIST_FOR_EACH(node, &watch->lams)
        count += node != NULL;
    ndk_unlock(watch, old);
    return count;
}

void
ndk_memory_free(struct ndk_watch *watch)
{
    struct list *node;
    while ((node = list_pop_front(&watch->lams)))
        free(LIST_ENTRY_OF(node, struct ndk_lam, node));
}

// ---- memory region ----------------------------------------------------------------------------------------------------------------------

static void
registered(struct ndk_request *request)
{
    region_set(request->of, true, request->base, request->bytes);
}

static NTAPI NTSTATUS
register_mr(NDK_MR *mr, MDL *mdl, SIZE_T bytes, ULONG flags, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    const char *function = "NdkRegisterMr";
    struct ndk_object *object = OBJECT(Mr, mr, function);
    struct ndk_request *request = ndk_request_for(object, function, completion, context);
    if (object->made.is_fast)
        NDK_BROKEN(object, NBX_0714, function, "is called of a memory region that was made for fast registration");
    ULONG write = flags & NDK_MR_FLAG_ALLOW_REMOTE_WRITE;
    if (flags & ~(ULONG)MR_FLAGS || write == (NDK_MR_FLAG_ALLOW_REMOTE_WRITE & ~NDK_MR_FLAG_ALLOW_LOCAL_WRITE))
        NDK_BROKEN(object, NBX_0715, function, "has flags 0x%X, which its page does not have", flags);
    request->base = mdl ? (uint64_t)(ULONG_PTR)MmGetMdlVirtualAddress(mdl) : 0;
    request->bytes = bytes;
    request->on_success = registered;
    request->tells = NDK_TELLS_RESULT;
    NDK_NOTE(request, ", %llu bytes%s%s", (unsigned long long)bytes,
             (flags & NDK_MR_FLAG_ALLOW_REMOTE_READ) == NDK_MR_FLAG_ALLOW_REMOTE_READ ? ", for remote reads" : "",
             (flags & NDK_MR_FLAG_ALLOW_REMOTE_WRITE) == NDK_MR_FLAG_ALLOW_REMOTE_WRITE ? ", for remote writes" : "");
    return NDK_ANSWER(request, MR, NdkRegisterMr(mr, mdl, bytes, flags, ndk_on_request, request));
}

// A refused one (windows are bound, say) leaves the region as it was.
static void
deregistered(struct ndk_request *request)
{
    region_set(request->of, false, 0, 0);
}

static NTAPI NTSTATUS
deregister_mr(NDK_MR *mr, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    const char *function = "NdkDeregisterMr";
    struct ndk_object *object = OBJECT(Mr, mr, function);
    struct ndk_request *request = ndk_request_for(object, function, completion, context);
    if (object->made.is_fast || !object->region.is_there)
        NDK_BROKEN(object, NBX_0714, function, "is called of a memory region that NdkRegisterMr has not registered");
    request->on_success = deregistered;
    request->tells = NDK_TELLS_RESULT;
    return NDK_ANSWER(request, MR, NdkDeregisterMr(mr, ndk_on_request, request));
}

static void
initialized(struct ndk_request *request)
{
    request->of->region.pages = (ULONG)request->bytes;
}

static NTAPI NTSTATUS
initialize_fast_register_mr(NDK_MR *mr, ULONG pages, BOOLEAN is_remote, NDK_FN_REQUEST_COMPLETION completion, PVOID context)
{
    const char *function = "NdkInitializeFastRegisterMr";
    struct ndk_object *object = OBJECT(Mr, mr, function);
    struct ndk_request *request = ndk_request_for(object, function, completion, context);
    if (!object->made.is_fast)
        NDK_BROKEN(object, NBX_0714, function, "is called of a memory region that was not made for fast registration");
    request->bytes = pages;
    request->on_success = initialized;
    request->tells = NDK_TELLS_RESULT;
    NDK_NOTE(request, ", %u pages", pages);
    return NDK_ANSWER(request, MR, NdkInitializeFastRegisterMr(mr, pages, is_remote, ndk_on_request, request));
}

static NTAPI UINT32
get_remote_token_from_mr(NDK_MR *mr)
{
    struct ndk_object *object = OBJECT(Mr, mr, "NdkGetRemoteTokenFromMr");
    UINT32 token = NDK_INTO(object, "NdkGetRemoteTokenFromMr", NDK_THEIRS(object, MR)->NdkGetRemoteTokenFromMr(mr));
    token_set(object, 1, token);
    return token;
}

static NTAPI UINT32
get_local_token_from_mr(NDK_MR *mr)
{
    struct ndk_object *object = OBJECT(Mr, mr, "NdkGetLocalTokenFromMr");
    UINT32 token = NDK_INTO(object, "NdkGetLocalTokenFromMr", NDK_THEIRS(object, MR)->NdkGetLocalTokenFromMr(mr));
    token_set(object, 0, token);
    return token;
}

const NDK_MR_DISPATCH ndk_mr_calls = {.NdkCloseMr = ndk_close,
                                      .NdkRegisterMr = register_mr,
                                      .NdkDeregisterMr = deregister_mr,
                                      .NdkInitializeFastRegisterMr = initialize_fast_register_mr,
                                      .NdkGetRemoteTokenFromMr = get_remote_token_from_mr,
                                      .NdkGetLocalTokenFromMr = get_local_token_from_mr};

NTAPI VOID
ndk_get_privileged_token(NDK_PD *pd, UINT32 *token)
{
    struct ndk_object *object = OBJECT(Pd, pd, "NdkGetPrivilegedMemoryRegionToken");
    NDK_INTO_VOID(object, "NdkGetPrivilegedMemoryRegionToken", NDK_THEIRS(object, PD)->NdkGetPrivilegedMemoryRegionToken(pd, token));
    token_set(object, 0, *token);
}

// ---- requests on memory -----------------------------------------------------------------------------------------------------------------

void
ndk_bind_check(const struct ndk_object *qp, struct ndk_object *mr, const struct ndk_object *mw, uint64_t at, uint64_t bytes)
{
    if (!qp->watch->is_strict)
        return;
    KIRQL old = ndk_lock(mr->watch);
    bool is_inside = region_covers(&mr->region, at, bytes);
    ndk_unlock(mr->watch, old);
    if (mr->made.with[0] != qp->made.with[0] || mw->made.with[0] != qp->made.with[0])
        verify_rule_broken(NBX_0714, "NdkBind", "is given a memory region or window of another protection domain");
    else if (!is_inside)
        verify_rule_broken(NBX_0714, "NdkBind", "binds a window to what lies outside its memory region, or to one that is not registered");
}

void
ndk_fast_check(const struct ndk_object *qp, const struct ndk_object *mr, ULONG pages, ULONG fbo, uint64_t bytes, uint64_t base)
{
    const char *fault = NULL;
    if (!qp->watch->is_strict)
        return;
    if (mr->made.with[0] != qp->made.with[0])
        fault = "is given a memory region of another protection domain";
    else if (!mr->made.is_fast || !mr->region.pages)
        fault = "is given a memory region that was not initialised for fast registration";
    else if (pages > mr->region.pages)
        fault = "has more pages than its memory region was initialised for";
    else if (fbo >= PAGE_SIZE || bytes > (uint64_t)pages * PAGE_SIZE - fbo)
        fault = "has a first byte offset or a length that goes beyond its pages";
    else if (base % PAGE_SIZE != fbo)
        fault = "has a base address that is not a multiple of PAGE_SIZE plus the first byte offset";
    if (fault)
        verify_rule_broken(NBX_0714, "NdkFastRegister", "%s", fault);
}

void
ndk_fast_posted(struct ndk_object *mr, uint64_t base, uint64_t bytes)
{
    region_set(mr, true, base, bytes);
}

void
ndk_invalidate_posted(struct ndk_object *mr)
{
    region_set(mr, false, 0, 0);
}

void
ndk_sge_invalidated(struct ndk_object *qp, const NDK_SGE *sge)
{
    struct ndk_watch *watch = qp->watch;
    KIRQL old = ndk_lock(watch);
    LIST_FOR_EACH(node, &watch->memory) {
        struct ndk_object *object = LIST_ENTRY_OF(node, struct ndk_object, memory);
        if (object->type == NdkObjectTypeMr && has_token(object, sge->MemoryRegionToken))
            object->region.is_there = false;
    }
    ndk_unlock(watch, old);
}
