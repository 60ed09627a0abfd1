// SPDX-License-Identifier: MIT
// Logical addresses: how the adapter sees memory [ndkpi/nc-ndkpi-ndk_fn_build_lam]. They are numbers of ours, as those of an IOMMU: the
// number of a mapping, how often its place was used, and an offset, so that an address that no mapping gave out leads nowhere.
//   46 and up: index + 1   40 to 45: generation   0 to 39: offset
// The consumer's MDLs stay as they are: one that is not mapped is mapped by an MDL of ours. What it does not release goes with its adapter.
#include "objects.h"

#define LAM_INDEX_SHIFT 46
#define LAM_GENERATION_SHIFT 40
#define LAM_PLACES_MAX (1u << 16)
#define LAM_BYTES_MAX (1ull << LAM_GENERATION_SHIFT)

BOOLEAN
rdma_mdl_is_contiguous(const MDL *mdl, SIZE_T bytes, ULONG *n_mdls)
{
    const UCHAR *expected = mdl ? MmGetMdlVirtualAddress(mdl) : NULL;
    *n_mdls = 0;
    while (bytes) {
        if (!mdl || (const UCHAR *)MmGetMdlVirtualAddress(mdl) != expected)
            return FALSE;
        ULONG count = MmGetMdlByteCount(mdl);
        expected += count;
        bytes -= count < bytes ? count : bytes;
        (*n_mdls)++;
        mdl = mdl->Next;
    }
    return TRUE;
}

BOOLEAN
rdma_logical_run(const struct vnic_rdma *rdma, UINT64 logical, ULONG count, struct rdma_map *map)
{
    UINT64 index = (logical >> LAM_INDEX_SHIFT) - 1, offset = logical & (LAM_BYTES_MAX - 1);
    if (index >= rdma->lam_room)
        return FALSE;
    const struct rdma_lam_place *place = &rdma->lams[index];
    UINT64 page = offset >> PAGE_SHIFT;
    if (!place->lam || place->generation != ((logical >> LAM_GENERATION_SHIFT) & 0x3F) || page >= place->lam->n_pages)
        return FALSE;
    if (offset + count > (UINT64)place->lam->n_pages << PAGE_SHIFT)
        return FALSE;
    ULONG in_page = (ULONG)(offset & (PAGE_SIZE - 1)), got = PAGE_SIZE - in_page;
    map->bytes = place->lam->pages[page] + in_page;
    while (got < count && place->lam->pages[++page] == map->bytes + got)
        got += PAGE_SIZE;
    map->count = got < count ? got : count;
    map->offset = 0;
    map->tag = NULL;
    map->owner = NULL;
    return TRUE;
}

static BOOLEAN
place_take(struct vnic_rdma *rdma, struct rdma_lam *lam)
{
    ULONG index;
    for (index = 0; index < rdma->lam_room && rdma->lams[index].lam; index++)
        ;
    if (index == rdma->lam_room) {
        ULONG room = rdma->lam_room ? rdma->lam_room * 2 : 16;
        struct rdma_lam_place *lams = room <= LAM_PLACES_MAX ? rdma_alloc(room * sizeof *lams) : NULL;
        if (!lams)
            return FALSE;
        if (rdma->lams)
            memcpy(lams, rdma->lams, rdma->lam_room * sizeof *lams);
        rdma_free(rdma->lams);
        rdma->lams = lams;
        rdma->lam_room = room;
    }
    lam->index = index;
    rdma->lams[index].lam = lam;
    rdma->lams[index].generation = (rdma->lams[index].generation + 1) & 0x3F;
    lam->base = (UINT64)(index + 1) << LAM_INDEX_SHIFT | (UINT64)rdma->lams[index].generation << LAM_GENERATION_SHIFT;
    return TRUE;
}

static VOID
lam_free(struct rdma_lam *lam)
{
    for (MDL *mdl = lam->mapped, *next; mdl; mdl = next) {
        next = mdl->Next;
        if (mdl->MdlFlags & MDL_PARTIAL_HAS_BEEN_MAPPED)
            MmUnmapLockedPages(mdl->MappedSystemVa, mdl);
        IoFreeMdl(mdl);
    }
    rdma_free(lam);
}

// fails: NULL without memory or mappings
static UCHAR *
mdl_bytes(struct rdma_lam *lam, MDL *mdl)
{
    if (!(mdl->MdlFlags & (MDL_MAPPED_TO_SYSTEM_VA | MDL_SOURCE_IS_NONPAGED_POOL))) {
        MDL *own = IoAllocateMdl(MmGetMdlVirtualAddress(mdl), MmGetMdlByteCount(mdl), FALSE, FALSE, NULL);
        if (!own)
            return NULL;
        IoBuildPartialMdl(mdl, own, MmGetMdlVirtualAddress(mdl), MmGetMdlByteCount(mdl));
        own->Next = lam->mapped;
        lam->mapped = mdl = own;
    }
    return MmGetSystemAddressForMdlSafe(mdl, NormalPagePriority | MdlMappingNoExecute);
}

// Where each page of the chain's first bytes lies. fails: FALSE when an MDL cannot be mapped
static BOOLEAN
pages_fill(struct rdma_lam *lam, MDL *mdl, SIZE_T bytes)
{
    ULONG at = MmGetMdlByteOffset(mdl), page = 0;
    while (bytes) {
        ULONG count = MmGetMdlByteCount(mdl) < bytes ? MmGetMdlByteCount(mdl) : (ULONG)bytes;
        UCHAR *from = count ? mdl_bytes(lam, mdl) : NULL;
        if (count && !from)
            return FALSE;
        bytes -= count;
        while (count) {
            ULONG piece = PAGE_SIZE - at < count ? PAGE_SIZE - at : count;
            lam->pages[page] = from - at;
            from += piece;
            count -= piece;
            at += piece;
            if (at == PAGE_SIZE) {
                at = 0;
                page++;
            }
        }
        mdl = mdl->Next;
    }
    return TRUE;
}

static NTSTATUS
lam_make(struct rdma_adapter *adapter, MDL *mdl, SIZE_T bytes, ULONG n_pages, struct rdma_lam **made)
{
    struct vnic_rdma *rdma = adapter->object.rdma;
    struct rdma_call call;
    struct rdma_lam *lam = rdma_alloc(sizeof *lam + n_pages * sizeof lam->pages[0]);
    if (!lam)
        return STATUS_INSUFFICIENT_RESOURCES;
    lam->adapter = adapter;
    lam->n_pages = n_pages;
    BOOLEAN is_made = pages_fill(lam, mdl, bytes);
    rdma_enter(rdma, &call);
    is_made = is_made && place_take(rdma, lam);
    rdma_leave(rdma, &call);
    if (!is_made) {
        lam_free(lam);
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    *made = lam;
    return STATUS_SUCCESS;
}

NTAPI NTSTATUS
rdma_build_lam(NDK_ADAPTER *object, MDL *mdl, SIZE_T bytes, NDK_FN_REQUEST_COMPLETION completion, PVOID context,
               NDK_LOGICAL_ADDRESS_MAPPING *out, ULONG *out_bytes, ULONG *fbo)
{
    struct rdma_adapter *adapter = rdma_adapter_of(object);
    struct rdma_lam *lam;
    struct rdma_call call;
    ULONG n_mdls;
    if (!mdl || !bytes || bytes > RDMA_REGION_BYTES_MAX - PAGE_SIZE || !rdma_mdl_is_contiguous(mdl, bytes, &n_mdls))
        return STATUS_INVALID_PARAMETER;
    SIZE_T n_pages = (MmGetMdlByteOffset(mdl) + bytes + PAGE_SIZE - 1) >> PAGE_SHIFT;
    SIZE_T need = FIELD_OFFSET(NDK_LOGICAL_ADDRESS_MAPPING, AdapterPageArray) + n_pages * sizeof(NDK_LOGICAL_ADDRESS);
    if (need > MAXULONG)
        return STATUS_INVALID_PARAMETER;
    ULONG room = *out_bytes;
    *out_bytes = (ULONG)need;
    if (!out || room < need)
        return STATUS_BUFFER_TOO_SMALL;
    NTSTATUS status = lam_make(adapter, mdl, bytes, (ULONG)n_pages, &lam);
    if (status != STATUS_SUCCESS)
        return status;
    out->AdapterContext = (PVOID)(ULONG_PTR)lam->base;
    out->AdapterPageCount = (ULONG)n_pages;
    for (ULONG i = 0; i < n_pages; i++)
        out->AdapterPageArray[i].QuadPart = (LONGLONG)(lam->base + ((UINT64)i << PAGE_SHIFT));
    *fbo = MmGetMdlByteOffset(mdl);
    rdma_enter(adapter->object.rdma, &call);
    status = rdma_request_now(&adapter->object, STATUS_SUCCESS, completion, context);
    rdma_leave(adapter->object.rdma, &call);
    return status;
}

// What a logical address is of; NULL: nothing that is there. locks: rdma->lock held
static struct rdma_lam *
lam_find(const struct vnic_rdma *rdma, UINT64 base)
{
    UINT64 index = (base >> LAM_INDEX_SHIFT) - 1;
    struct rdma_lam *lam = index < rdma->lam_room ? rdma->lams[index].lam : NULL;
    return lam && lam->base == base ? lam : NULL;
}

// One that was released before, or that is another adapter's, is nothing.
NTAPI VOID
rdma_release_lam(NDK_ADAPTER *object, NDK_LOGICAL_ADDRESS_MAPPING *mapping)
{
    struct rdma_adapter *adapter = rdma_adapter_of(object);
    struct vnic_rdma *rdma = adapter->object.rdma;
    struct rdma_call call;
    rdma_enter(rdma, &call);
    struct rdma_lam *lam = lam_find(rdma, (UINT64)(ULONG_PTR)mapping->AdapterContext);
    if (lam && lam->adapter == adapter)
        rdma->lams[lam->index].lam = NULL;
    else
        lam = NULL;
    rdma_leave(rdma, &call);
    if (lam)
        lam_free(lam);
}

VOID
rdma_lams_release(struct rdma_adapter *adapter)
{
    struct vnic_rdma *rdma = adapter->object.rdma;
    BOOLEAN is_place = TRUE;
    for (ULONG i = 0; is_place; i++) {
        struct rdma_call call;
        rdma_enter(rdma, &call);
        is_place = i < rdma->lam_room;
        struct rdma_lam *lam = is_place ? rdma->lams[i].lam : NULL;
        if (lam && lam->adapter == adapter)
            rdma->lams[i].lam = NULL;
        else
            lam = NULL;
        rdma_leave(rdma, &call);
        if (lam)
            lam_free(lam);
    }
}
