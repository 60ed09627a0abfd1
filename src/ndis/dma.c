// SPDX-License-Identifier: MIT
// Scatter/gather DMA. Addresses map one to one: what a list says is where the data lies in this process. Lists are cut at page ends, as
// if no two pages were neighbours, so that a driver meets several elements.
//   ndis_dma_list_make  map registers for the length? -> the record, in the driver's buffer if it is large enough -> elements ->
//                       MiniportProcessSGList, at once or, on sim by a draw, later from a DPC [ndis/nc-ndis-miniport_process_sg_list]
//   ndis_dma_list_free  the record must be ours, given to the driver, and of this NET_BUFFER
// A record stands before the list that the driver sees. Nothing is allocated when the buffer has the size that registering told.
#include "ndis/hardware.h"

#include "ndis/header.h"
#include "nt/ke/dpc.h"
#include "nt/ke/word.h"
#include "verify/left.h"
#include "verify/refuse.h"

#define RECORD_MARK 0x6c6773424e424e44ull     // on a live record; a freed one has none

struct sg_record {
    uint64_t mark;
    struct ndis_dma *dma;
    NET_BUFFER *nb;
    void *context;
    struct sg_record *next;                   // waiting for the DPC
    bool is_allocated, is_given;
    _Alignas(16) SCATTER_GATHER_LIST list;
};

struct ndis_dma {
    uint32_t kind;
    struct ndis_hardware *hardware;
    ULONG max_bytes;                          // MaximumPhysicalMapping
    ULONG max_elements;
    DEVICE_OBJECT *fdo;                       // what NetProcessSGList is given
    MINIPORT_PROCESS_SG_LIST *process;
    MINIPORT_ALLOCATE_SHARED_MEM_COMPLETE *shared_complete;
    _Atomic uint32_t lists;                   // out
    _Atomic uint32_t allocations;             // of shared memory under way
    _Atomic uint32_t waiting_lock;            // raw, a leaf: guards waiting
    struct sg_record *waiting, **waiting_last;
    KDPC dpc;
};

static ULONG
record_bytes(ULONG elements)
{
    return (ULONG)(offsetof(struct sg_record, list) + sizeof(SCATTER_GATHER_LIST) + elements * sizeof(SCATTER_GATHER_ELEMENT));
}

// ---- giving lists -----------------------------------------------------------------------------------------------------------------

static void
record_give(struct sg_record *record)
{
    struct ndis_dma *dma = record->dma;
    record->is_given = true;
    NDIS_CALL_VOID(dma->hardware->adapter->module.image, "MiniportProcessSGList",
                   dma->process(NULL, NULL, &record->list, record->context));
}

static struct sg_record *
waiting_take(struct ndis_dma *dma)
{
    ke_word_lock(&dma->waiting_lock);
    struct sg_record *record = dma->waiting;
    if (record && !(dma->waiting = record->next))
        dma->waiting_last = &dma->waiting;
    ke_word_unlock(&dma->waiting_lock);
    return record;
}

static NTAPI VOID
dma_dpc(PKDPC dpc, PVOID context, PVOID unused1, PVOID unused2)
{
    struct ndis_dma *dma = context;
    struct sg_record *record;
    while ((record = waiting_take(dma)))
        record_give(record);
}

static void
record_give_later(struct ndis_dma *dma, struct sg_record *record)
{
    record->next = NULL;
    ke_word_lock(&dma->waiting_lock);
    *dma->waiting_last = record;
    dma->waiting_last = &record->next;
    ke_word_unlock(&dma->waiting_lock);
    ke_dpc_queue(&dma->dpc, NULL, NULL);
}

// ---- building lists ---------------------------------------------------------------------------------------------------------------

static void
list_add_mdl(SCATTER_GATHER_LIST *list, ULONG *count, uintptr_t at, ULONG bytes)
{
    while (bytes) {
        ULONG room = PAGE_SIZE - (ULONG)(at & (PAGE_SIZE - 1));
        ULONG here = bytes < room ? bytes : room;
        if (list)
            list->Elements[*count] = (SCATTER_GATHER_ELEMENT){.Address.QuadPart = (LONGLONG)at, .Length = here};
        ++*count;
        at += here;
        bytes -= here;
    }
}

// The data from the start of CurrentMdl on, its offset included. list NULL: only counts the elements.
static ULONG
list_fill(SCATTER_GATHER_LIST *list, NET_BUFFER *nb)
{
    ULONG left = NET_BUFFER_CURRENT_MDL_OFFSET(nb) + NET_BUFFER_DATA_LENGTH(nb), count = 0;
    for (MDL *mdl = NET_BUFFER_CURRENT_MDL(nb); mdl && left; mdl = mdl->Next) {
        ULONG bytes = MmGetMdlByteCount(mdl) < left ? MmGetMdlByteCount(mdl) : left;
        list_add_mdl(list, &count, (uintptr_t)MmGetMdlVirtualAddress(mdl), bytes);
        left -= bytes;
    }
    if (list)
        list->NumberOfElements = count;
    return count;
}

NDIS_STATUS
ndis_dma_list_make(struct ndis_dma *dma, NET_BUFFER *nb, void *context, void *buffer, ULONG buffer_bytes)
{
    // As many map registers as MaximumPhysicalMapping needs were reserved, and no more.
    if (NET_BUFFER_CURRENT_MDL_OFFSET(nb) + NET_BUFFER_DATA_LENGTH(nb) > dma->max_bytes)
        return NDIS_STATUS_RESOURCES;
    ULONG bytes = record_bytes(list_fill(NULL, nb));
    struct sg_record *record = buffer && buffer_bytes >= bytes && !((uintptr_t)buffer & 7) ? buffer : NULL;
    bool allocated = !record;
    if (!record && !(record = ndis_alloc(bytes)))
        return NDIS_STATUS_RESOURCES;
    *record = (struct sg_record){.mark = RECORD_MARK, .dma = dma, .nb = nb, .context = context, .is_allocated = allocated};
    list_fill(&record->list, nb);
    atomic_fetch_add(&dma->lists, 1);
    struct ke_thread *self = ke_self();
    KIRQL old = ke_raise_dispatch(self);
    if (sched_self->sched->is_sim && sched_draw(sched_self->sched, SCHED_DRAW_ORDER, 4) == 0)
        record_give_later(dma, record);
    else
        record_give(record);
    ke_lower(self, old);
    return NDIS_STATUS_SUCCESS;
}

void
ndis_dma_list_free(struct ndis_dma *dma, SCATTER_GATHER_LIST *list, NET_BUFFER *nb)
{
    struct sg_record *record = CONTAINING_RECORD(list, struct sg_record, list);
    if (!list || record->mark != RECORD_MARK || record->dma != dma)
        verify_contract("NdisMFreeNetBufferSGList", "this is no list of this DMA handle, or it was freed already");
    if (!record->is_given)
        verify_contract("NdisMFreeNetBufferSGList", "MiniportProcessSGList has not been given this list yet");
    if (record->nb != nb)
        verify_contract("NdisMFreeNetBufferSGList", "the list was made for another NET_BUFFER");
    record->mark = 0;
    if (record->is_allocated)
        ndis_free(record);
    atomic_fetch_sub(&dma->lists, 1);
}

// ---- lists of blocks ----------------------------------------------------------------------------------------------------------------

// What stands in Reserved of a list that is out: no driver looks there, and one that is freed twice is found.
static ULONG_PTR
block_mark(const struct ndis_dma *dma, const SCATTER_GATHER_LIST *list)
{
    return (ULONG_PTR)(RECORD_MARK ^ (uintptr_t)dma ^ (uintptr_t)list);
}

NDIS_STATUS
ndis_dma_block_make(struct ndis_dma *dma, struct io_image *image, NDIS_SCATTER_GATHER_LIST_PARAMETERS *p)
{
    const ULONG one = sizeof(SCATTER_GATHER_ELEMENT);
    if (!ndis_header_is(&p->Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SIZEOF_SCATTER_GATHER_LIST_PARAMETERS_REVISION_1) || !p->Mdl ||
        !p->ProcessSGListHandler)
        return NDIS_STATUS_INVALID_PARAMETER;
    ULONG_PTR offset = (ULONG_PTR)p->CurrentVa - (ULONG_PTR)MmGetMdlVirtualAddress(p->Mdl);
    if (offset > MmGetMdlByteCount(p->Mdl) || p->Length > MmGetMdlByteCount(p->Mdl) - offset || !p->Length)
        return NDIS_STATUS_INVALID_PARAMETER;
    ULONG count = 0;
    list_add_mdl(NULL, &count, (uintptr_t)p->CurrentVa, p->Length);
    p->ScatterGatherListBufferSizeNeeded = (ULONG)sizeof(SCATTER_GATHER_LIST) + count * one;
    SCATTER_GATHER_LIST *list = p->ScatterGatherListBuffer;
    if (!list || p->ScatterGatherListBufferSize < p->ScatterGatherListBufferSizeNeeded)
        return NDIS_STATUS_BUFFER_TOO_SHORT;
    list->NumberOfElements = 0;
    list_add_mdl(list, &list->NumberOfElements, (uintptr_t)p->CurrentVa, p->Length);
    list->Reserved = block_mark(dma, list);
    atomic_fetch_add(&dma->lists, 1);
    struct ke_thread *self = ke_self();
    KIRQL old = ke_raise_dispatch(self);
    NDIS_CALL_VOID(image, "NetProcessSGList", p->ProcessSGListHandler(dma->fdo, NULL, list, p->Context));
    ke_lower(self, old);
    return NDIS_STATUS_SUCCESS;
}

bool
ndis_dma_block_free(struct ndis_dma *dma, SCATTER_GATHER_LIST *list)
{
    if (!list || list->Reserved != block_mark(dma, list))
        return false;
    list->Reserved = 0;
    atomic_fetch_sub(&dma->lists, 1);
    return true;
}

// ---- the channel ------------------------------------------------------------------------------------------------------------------

NDIS_STATUS
ndis_dma_register(struct ndis_adapter *adapter, NDIS_SG_DMA_DESCRIPTION *d, struct ndis_dma **out)
{
    if (!(adapter->attribute_flags & NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER))
        return NDIS_STATUS_NOT_SUPPORTED;
    if (!ndis_header_is(&d->Header, NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION, NDIS_SIZEOF_SG_DMA_DESCRIPTION_REVISION_1) ||
        d->Header.Revision > NDIS_SG_DMA_DESCRIPTION_REVISION_2)
        return NDIS_STATUS_BAD_VERSION;
    if (!d->ProcessSGListHandler)
        verify_contract("NdisMRegisterScatterGatherDma", "ProcessSGListHandler is NULL");
    if (adapter->hardware->dma)
        return NDIS_STATUS_RESOURCES;
    DEVICE_OBJECT *pdo, *fdo;
    struct ndis_dma *dma = ndis_alloc(sizeof *dma);
    if (!dma || !ndis_pdo_get(adapter, &pdo, &fdo)) {
        ndis_free(dma);
        return NDIS_STATUS_RESOURCES;
    }
    dma->fdo = fdo;
    dma->kind = NDIS_KIND_DMA;
    dma->hardware = adapter->hardware;
    dma->max_bytes = d->MaximumPhysicalMapping;
    dma->max_elements = BYTES_TO_PAGES((uint64_t)d->MaximumPhysicalMapping) + 1;
    dma->process = d->ProcessSGListHandler;
    dma->shared_complete = d->SharedMemAllocateCompleteHandler;
    dma->waiting_last = &dma->waiting;
    ke_dpc_init(&dma->dpc, dma_dpc, dma, false);
    // Room for a chain of MDLs that each begin and end within a page: more than that, and NDIS allocates.
    d->ScatterGatherListSize = record_bytes(dma->max_elements + 8);
    adapter->hardware->dma = dma;
    verify_had(VERIFY_LEFT_DMA, dma, adapter, NULL);
    *out = dma;
    return NDIS_STATUS_SUCCESS;
}

void
ndis_dma_deregister(struct ndis_dma *dma)
{
    struct box *box = dma->hardware->adapter->module.ndis->box;
    for (uint32_t under_way; (under_way = atomic_load(&dma->allocations));)
        sched_wait(box->sched, &dma->allocations, under_way, SCHED_NEVER);
    if (atomic_load(&dma->lists))
        verify_contract("NdisMDeregisterScatterGatherDma",
                        "scatter/gather lists are still out: NdisMFreeNetBufferSGList comes first, for each");
    ke_dpc_remove(&dma->dpc);
    ke_dpc_flush(box);
    verify_gave(box, VERIFY_LEFT_DMA, dma);
    dma->hardware->dma = NULL;
    dma->kind = 0;
    ndis_free(dma);
}

struct ndis_hardware *
ndis_dma_hardware(struct ndis_dma *dma)
{
    return dma->hardware;
}

MINIPORT_ALLOCATE_SHARED_MEM_COMPLETE *
ndis_dma_shared_handler(struct ndis_dma *dma)
{
    return dma->shared_complete;
}

void
ndis_dma_hold(struct ndis_dma *dma)
{
    atomic_fetch_add(&dma->allocations, 1);
}

void
ndis_dma_drop(struct ndis_dma *dma)
{
    if (atomic_fetch_sub(&dma->allocations, 1) == 1)
        sched_wake(sched_self->sched, &dma->allocations, UINT32_MAX);   // its address is all that is needed of it
}
