// SPDX-License-Identifier: MIT
// Pools of NET_BUFFER_LISTs and NET_BUFFERs. A block of an NBL pool holds everything its NBL was promised, side by side, so that one
// frame is a few neighbouring cache lines:
//   [struct ndis_nbl][context header + context space][struct ndis_nb, if asked for][its MDL][its data, if small]
// With the verifier on, its record of the NBL stands before all that.
// Data beyond a page lies in a region of its own: a pool of 64 KB buffers would otherwise spread its headers over one page each.
// What never changes (pool pointers, the MDL, the context header) is written once when the block is made (prepare), not per frame.
#include "ndis/nbl.h"

#include <string.h>

#include "ndis/header.h"
#include "verify/ledger.h"

#define ALIGN16(n) (((size_t)(n) + 15) & ~(size_t)15)

static size_t
nb_side_bytes(uint32_t data_bytes)
{
    return data_bytes > PAGE_SIZE ? data_bytes : 0;
}

static size_t
nb_block_bytes(uint32_t data_bytes)
{
    if (!data_bytes)
        return ALIGN16(sizeof(struct ndis_nb));
    // Worst case of the page array: the data begins anywhere in a page.
    size_t mdl = sizeof(MDL) + sizeof(PFN_NUMBER) * (data_bytes / PAGE_SIZE + 2);
    return ALIGN16(sizeof(struct ndis_nb)) + ALIGN16(mdl) + (nb_side_bytes(data_bytes) ? 0 : ALIGN16(data_bytes));
}

static void
nb_prepare(struct ndis_nb *nb, struct ndis_nb_pool *pool, uint32_t data_bytes, void *side)
{
    nb->pool = pool;
    if (!data_bytes)
        return;
    uint8_t *mdl = (uint8_t *)nb + ALIGN16(sizeof *nb);
    uint8_t *data = mdl + ALIGN16(sizeof(MDL) + sizeof(PFN_NUMBER) * (data_bytes / PAGE_SIZE + 2));
    ndis_mdl_init((MDL *)mdl, side ? side : data, data_bytes);
}

// ---- NBL pools ------------------------------------------------------------------------------------------------------------------

static size_t
nbl_context_room(const struct ndis_nbl_pool *pool)
{
    return pool->context_bytes ? ALIGN16(sizeof(NET_BUFFER_LIST_CONTEXT) + pool->context_bytes) : 0;
}

static NET_BUFFER_LIST_CONTEXT *
nbl_own_context(struct ndis_nbl *head)
{
    return (NET_BUFFER_LIST_CONTEXT *)((uint8_t *)head + ALIGN16(sizeof *head));
}

static struct ndis_nb *
nbl_own_block(struct ndis_nbl *head)
{
    return (struct ndis_nb *)((uint8_t *)nbl_own_context(head) + nbl_context_room(head->pool));
}

NET_BUFFER *
ndis_nbl_own_nb(struct ndis_nbl *head)
{
    return &nbl_own_block(head)->nb;
}

MDL *
ndis_nb_own_mdl(NET_BUFFER *nb)
{
    return (MDL *)((uint8_t *)CONTAINING_RECORD(nb, struct ndis_nb, nb) + ALIGN16(sizeof(struct ndis_nb)));
}

static struct ndis_nbl *
nbl_head_of(const struct ndis_nbl_pool *pool, void *block)
{
    return (struct ndis_nbl *)((uint8_t *)block + pool->record_bytes);
}

static void *
nbl_block_of(const struct ndis_nbl *head)
{
    return (uint8_t *)head - head->pool->record_bytes;
}

static void
nbl_prepare(void *context, void *block, void *side)
{
    struct ndis_nbl_pool *pool = context;
    struct ndis_nbl *head = nbl_head_of(pool, block);
    head->pool = pool;
    head->has_net_buffer = pool->with_net_buffer;
    if (pool->with_net_buffer)
        nb_prepare(nbl_own_block(head), NULL, pool->data_bytes, side);
}

struct ndis_nbl_pool *
ndis_nbl_pool_create(const NET_BUFFER_LIST_POOL_PARAMETERS *p)
{
    // Data without a NET_BUFFER to hold it is refused [nblapi/ns-nblapi-net_buffer_list_pool_parameters].
    if (!ndis_header_fits(&p->Header, &ndis_kind_nbl_pool) ||
        (p->DataSize && !p->fAllocateNetBuffer) || p->ContextSize % MEMORY_ALLOCATION_ALIGNMENT)
        return NULL;
    struct ndis_nbl_pool *pool = ndis_alloc(sizeof *pool);
    if (!pool)
        return NULL;
    pool->kind = NDIS_KIND_POOL_NBL;
    pool->ndis = ndis_self();
    pool->image = ke_self()->driver;
    pool->tag = p->PoolTag;
    pool->context_bytes = p->ContextSize;
    pool->data_bytes = p->DataSize;
    pool->with_net_buffer = p->fAllocateNetBuffer;
    pool->protocol_id = p->ProtocolId;
    size_t bytes = ALIGN16(sizeof(struct ndis_nbl)) + nbl_context_room(pool);
    if (pool->with_net_buffer)
        bytes += nb_block_bytes(pool->data_bytes);
    pool->origin_at = ndis_origin_room(pool->ndis, &bytes);
    pool->record_bytes = pool->ndis->box->verify ? verify_record_bytes() : 0;
    pool->slab = ndis_slab_create(pool->ndis->box, pool->record_bytes + bytes, nb_side_bytes(pool->data_bytes), nbl_prepare, pool);
    if (pool->slab)
        return pool;
    ndis_free(pool);
    return NULL;
}

void
ndis_nbl_pool_destroy(struct ndis_nbl_pool *pool)
{
    ndis_nbl_pool_left(pool);
    ndis_slab_destroy(pool->slab);
    pool->kind = 0;
    ndis_free(pool);
}

static bool
nbl_context_reserve(struct ndis_nbl *head, uint32_t bytes, uint32_t backfill)
{
    NET_BUFFER_LIST *nbl = &head->nbl;
    uint32_t room = head->pool->context_bytes;
    if (!room && !bytes)
        return true;
    if (bytes + backfill <= room) {
        NET_BUFFER_LIST_CONTEXT *context = nbl_own_context(head);
        *context = (NET_BUFFER_LIST_CONTEXT){.Size = (USHORT)room, .Offset = (USHORT)(room - bytes)};
        nbl->Context = context;
        return true;
    }
    return ndis_nbl_context_alloc(nbl, (USHORT)bytes, (USHORT)backfill) == NDIS_STATUS_SUCCESS;
}

NET_BUFFER_LIST *
ndis_nbl_alloc(struct ndis_nbl_pool *pool, uint32_t context_bytes, uint32_t context_backfill)
{
    void *block = ndis_slab_get(pool->slab);
    if (!block)
        return NULL;
    struct ndis_nbl *head = nbl_head_of(pool, block);
    head->pool = pool;
    head->kind = NDIS_NBL_PLAIN;
    head->in_use = 1;
    if (__builtin_expect(pool->record_bytes != 0, 0))
        verify_nbl_made(head);
    memset(head->nbl_bytes, 0, sizeof head->nbl_bytes);
    if (__builtin_expect(pool->origin_at != 0, 0))
        ndis_origin_set(head, pool->origin_at, "NdisAllocateNetBufferList");
    NET_BUFFER_LIST *nbl = &head->nbl;
    nbl->NdisPoolHandle = pool;
    nbl->NetBufferListInfo[NetBufferListProtocolId] = (void *)(uintptr_t)pool->protocol_id;
    if (!nbl_context_reserve(head, context_bytes, context_backfill)) {
        head->in_use = 0;
        ndis_slab_put(pool->slab, block);
        return NULL;
    }
    if (head->has_net_buffer) {
        NET_BUFFER *nb = ndis_nbl_own_nb(head);
        MDL *mdl = pool->data_bytes ? ndis_nb_own_mdl(nb) : NULL;
        ndis_nb_init(nb, mdl, 0, 0);
        nb->NdisPoolHandle = pool;
        nbl->FirstNetBuffer = nb;
    }
    return nbl;
}

void
ndis_nbl_free(NET_BUFFER_LIST *nbl)
{
    struct ndis_nbl *head = ndis_nbl_of(nbl);
    if (__builtin_expect(head->pool->record_bytes != 0, 0))
        verify_nbl_freed(nbl, ke_self()->driver);
    while (nbl->Context && nbl->Context != nbl_own_context(head)) {
        NET_BUFFER_LIST_CONTEXT *context = nbl->Context;
        nbl->Context = context->Next;
        ndis_free(context);
    }
    head->in_use = 0;
    ndis_slab_put(head->pool->slab, nbl_block_of(head));
}

// ---- contexts -------------------------------------------------------------------------------------------------------------------

NDIS_STATUS
ndis_nbl_context_alloc(NET_BUFFER_LIST *nbl, USHORT bytes, USHORT backfill)
{
    NET_BUFFER_LIST_CONTEXT *context = nbl->Context;
    // "must be a multiple of sizeof(void *)" [nblapi/nf-nblapi-ndisallocatenetbufferlistcontext]
    if (bytes % sizeof(void *) || backfill % sizeof(void *))
        return NDIS_STATUS_FAILURE;
    if (context && context->Offset >= bytes) {
        context->Offset -= bytes;
        return NDIS_STATUS_SUCCESS;
    }
    if ((uint32_t)bytes + backfill > 0xffff)
        return NDIS_STATUS_RESOURCES;
    context = ndis_alloc(sizeof *context + bytes + backfill);
    if (!context)
        return NDIS_STATUS_RESOURCES;
    context->Next = nbl->Context;
    context->Size = (USHORT)(bytes + backfill);
    context->Offset = backfill;
    nbl->Context = context;
    return NDIS_STATUS_SUCCESS;
}

void
ndis_nbl_context_free(NET_BUFFER_LIST *nbl, USHORT bytes)
{
    NET_BUFFER_LIST_CONTEXT *context = nbl->Context;
    context->Offset += bytes;
    if (context->Offset < context->Size || context == nbl_own_context(ndis_nbl_of(nbl)))
        return;
    nbl->Context = context->Next;
    ndis_free(context);
}

// ---- NET_BUFFER pools -------------------------------------------------------------------------------------------------------------

static void
nb_pool_prepare(void *context, void *block, void *side)
{
    struct ndis_nb_pool *pool = context;
    nb_prepare(block, pool, pool->data_bytes, side);
}

struct ndis_nb_pool *
ndis_nb_pool_create(const NET_BUFFER_POOL_PARAMETERS *p)
{
    if (!ndis_header_fits(&p->Header, &ndis_kind_nb_pool))
        return NULL;
    struct ndis_nb_pool *pool = ndis_alloc(sizeof *pool);
    if (!pool)
        return NULL;
    pool->kind = NDIS_KIND_POOL_NB;
    pool->ndis = ndis_self();
    pool->image = ke_self()->driver;
    pool->tag = p->PoolTag;
    pool->data_bytes = p->DataSize;
    size_t bytes = nb_block_bytes(pool->data_bytes);
    pool->origin_at = ndis_origin_room(pool->ndis, &bytes);
    pool->slab = ndis_slab_create(pool->ndis->box, bytes, nb_side_bytes(pool->data_bytes), nb_pool_prepare, pool);
    if (pool->slab)
        return pool;
    ndis_free(pool);
    return NULL;
}

void
ndis_nb_pool_destroy(struct ndis_nb_pool *pool)
{
    ndis_nb_pool_left(pool);
    ndis_slab_destroy(pool->slab);
    pool->kind = 0;
    ndis_free(pool);
}

NET_BUFFER *
ndis_nb_alloc(struct ndis_nb_pool *pool)
{
    struct ndis_nb *block = ndis_slab_get(pool->slab);
    if (!block)
        return NULL;
    block->pool = pool;
    if (__builtin_expect(pool->origin_at != 0, 0))
        ndis_origin_set(block, pool->origin_at, "NdisAllocateNetBuffer");
    ndis_nb_init(&block->nb, NULL, 0, 0);
    block->nb.NdisPoolHandle = pool;
    return &block->nb;
}

void
ndis_nb_free(NET_BUFFER *nb)
{
    struct ndis_nb *block = CONTAINING_RECORD(nb, struct ndis_nb, nb);
    if (!block->pool)
        return;                               // it lives in its NBL's block and goes with it
    if (__builtin_expect(block->pool->origin_at != 0, 0))
        ndis_origin_clear(block, block->pool->origin_at);
    ndis_slab_put(block->pool->slab, block);
}
