// SPDX-License-Identifier: MIT
// See slab.h. A free block's first word is the link; prepare() therefore must not keep anything there that has to survive.
#include "ndis/slab.h"

#include <stdlib.h>
#include <string.h>

#include "host/pages.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define SLAB_POISON(block, bytes) __asan_poison_memory_region(block, bytes)
#define SLAB_UNPOISON(block, bytes) __asan_unpoison_memory_region(block, bytes)
#define SLAB_HAS_REDZONES true
#endif
#endif
#ifndef SLAB_POISON
#define SLAB_POISON(block, bytes) ((void)(block))
#define SLAB_UNPOISON(block, bytes) ((void)(block))
#define SLAB_HAS_REDZONES false
#endif

#define SLAB_BATCH 64                         // blocks that move between a processor and the depot, and that a chunk holds
#define SLAB_KEEP (4 * SLAB_BATCH)            // a processor keeps no more

struct slab_node {
    struct slab_node *next;                   // in a processor's list, or within a batch
    struct slab_node *next_batch;             // first of a batch in the depot
};

struct slab_processor {
    _Alignas(KE_CACHE_LINE) struct slab_node *free;
    uint32_t count;
    uint64_t gets, puts;
};

struct slab_chunk {
    struct slab_chunk *next;
    uint8_t *blocks, *side;
    void *blocks_memory, *side_memory;        // what slab_memory_free takes
    size_t blocks_mapped, side_mapped;        // bytes; 0: from calloc
};

struct ndis_slab {
    struct box *box;
    size_t bytes, side_bytes;
    ndis_slab_prepare_fn prepare;
    void *context;
    struct ke_lock lock;                      // guards depot and chunks
    struct slab_node *depot;                  // batches of SLAB_BATCH
    struct slab_chunk *chunks;
    struct slab_processor processor[];
};

struct ndis_slab *
ndis_slab_create(struct box *box, size_t bytes, size_t side_bytes, ndis_slab_prepare_fn prepare, void *context)
{
    size_t total = sizeof(struct ndis_slab) + box->processor_count * sizeof(struct slab_processor);
    total = (total + KE_CACHE_LINE - 1) & ~(size_t)(KE_CACHE_LINE - 1);
    struct ndis_slab *slab = aligned_alloc(KE_CACHE_LINE, total);
    if (!slab)
        return NULL;
    memset(slab, 0, total);
    slab->box = box;
    slab->bytes = (bytes + KE_CACHE_LINE - 1) & ~(size_t)(KE_CACHE_LINE - 1);
    slab->side_bytes = (side_bytes + KE_CACHE_LINE - 1) & ~(size_t)(KE_CACHE_LINE - 1);
    slab->prepare = prepare;
    slab->context = context;
    return slab;
}

uint64_t
ndis_slab_out(const struct ndis_slab *slab)
{
    uint64_t gets = 0, puts = 0;
    for (uint32_t i = 0; i < slab->box->processor_count; i++) {
        gets += slab->processor[i].gets;
        puts += slab->processor[i].puts;
    }
    return gets - puts;
}

static void
chunk_each(const struct ndis_slab *slab, const struct slab_chunk *chunk, void (*fn)(void *context, void *block), void *context)
{
    SLAB_UNPOISON(chunk->blocks, slab->bytes * SLAB_BATCH);
    for (size_t i = 0; i < SLAB_BATCH; i++)
        fn(context, chunk->blocks + i * slab->bytes);
}

void
ndis_slab_each(struct ndis_slab *slab, void (*fn)(void *context, void *block), void *context)
{
    // The list begins with the newest.
    for (const struct slab_chunk *done = NULL, *next; done != slab->chunks; done = next) {
        for (next = slab->chunks; next->next != done; next = next->next)
            ;
        chunk_each(slab, next, fn, context);
    }
}

static void slab_chunk_free(const struct ndis_slab *slab, struct slab_chunk *chunk);

uint64_t
ndis_slab_destroy(struct ndis_slab *slab)
{
    uint64_t out = ndis_slab_out(slab);
    while (slab->chunks) {
        struct slab_chunk *chunk = slab->chunks;
        slab->chunks = chunk->next;
        SLAB_UNPOISON(chunk->blocks, slab->bytes * SLAB_BATCH);
        slab_chunk_free(slab, chunk);
    }
    free(slab);
    return out;
}

// Zeroed memory on a cache line. Large pieces are pages straight from the kernel, which zeroes those that are touched: a pool of 64 KB
// buffers costs what is used of it. calloc does the same only as long as no such piece was freed before: then it keeps them, and writes
// zeros over all of it, which was half of a short run. Under a sanitizer calloc knows the ends of a piece.
#define SLAB_MAP_BYTES (256u * 1024)

static uint8_t *
slab_memory(const struct ndis_slab *slab, size_t bytes, void **to_free, size_t *mapped)
{
    *mapped = 0;
    if (bytes >= SLAB_MAP_BYTES && !SLAB_HAS_REDZONES) {
        *to_free = pages_get(slab->box->sched->pages, bytes, PAGES_PLAIN);
        *mapped = *to_free ? bytes : 0;
        return *to_free;
    }
    uint8_t *raw = calloc(1, bytes + KE_CACHE_LINE);
    *to_free = raw;
    return raw ? (uint8_t *)(((uintptr_t)raw + KE_CACHE_LINE - 1) & ~(uintptr_t)(KE_CACHE_LINE - 1)) : NULL;
}

static void
slab_memory_free(const struct ndis_slab *slab, void *memory, size_t mapped)
{
    if (mapped)
        pages_put(slab->box->sched->pages, memory, mapped, PAGES_PLAIN);
    else
        free(memory);
}

static void
slab_chunk_free(const struct ndis_slab *slab, struct slab_chunk *chunk)
{
    slab_memory_free(slab, chunk->blocks_memory, chunk->blocks_mapped);
    slab_memory_free(slab, chunk->side_memory, chunk->side_mapped);
    free(chunk);
}

static struct slab_chunk *
slab_chunk_create(const struct ndis_slab *slab)
{
    struct slab_chunk *chunk = calloc(1, sizeof *chunk);
    if (!chunk)
        return NULL;
    chunk->blocks = slab_memory(slab, slab->bytes * SLAB_BATCH, &chunk->blocks_memory, &chunk->blocks_mapped);
    if (slab->side_bytes)
        chunk->side = slab_memory(slab, slab->side_bytes * SLAB_BATCH, &chunk->side_memory, &chunk->side_mapped);
    if (chunk->blocks && (chunk->side || !slab->side_bytes))
        return chunk;
    slab_chunk_free(slab, chunk);
    return NULL;
}

static struct slab_node *
slab_grow(struct ndis_slab *slab)
{
    struct slab_chunk *chunk = slab_chunk_create(slab);
    if (!chunk)
        return NULL;
    struct slab_node *head = NULL;
    for (int i = SLAB_BATCH; i-- > 0;) {
        uint8_t *block = chunk->blocks + (size_t)i * slab->bytes;
        if (slab->prepare)
            slab->prepare(slab->context, block, chunk->side ? chunk->side + (size_t)i * slab->side_bytes : NULL);
        struct slab_node *node = (struct slab_node *)block;
        node->next = head;
        head = node;
        SLAB_POISON(block + sizeof *node, slab->bytes - sizeof *node);
    }
    KIRQL old = ke_lock_take(&slab->lock);
    chunk->next = slab->chunks;
    slab->chunks = chunk;
    ke_lock_drop(&slab->lock, old);
    return head;
}

// This processor has none: a batch from the depot, else new memory. Cold.
static __attribute__((noinline)) bool
slab_refill(struct ndis_slab *slab, struct slab_processor *own)
{
    KIRQL old = ke_lock_take(&slab->lock);
    struct slab_node *batch = slab->depot;
    if (batch)
        slab->depot = batch->next_batch;
    ke_lock_drop(&slab->lock, old);
    if (!batch)
        batch = slab_grow(slab);
    if (!batch)
        return false;
    own->free = batch;
    own->count = SLAB_BATCH;
    return true;
}

// This processor has too many: the most recently freed batch goes to the depot. Cold.
static __attribute__((noinline)) void
slab_spill(struct ndis_slab *slab, struct slab_processor *own)
{
    struct slab_node *batch = own->free, *last = batch;
    for (int i = 1; i < SLAB_BATCH; i++)
        last = last->next;
    own->free = last->next;
    own->count -= SLAB_BATCH;
    last->next = NULL;
    KIRQL old = ke_lock_take(&slab->lock);
    batch->next_batch = slab->depot;
    slab->depot = batch;
    ke_lock_drop(&slab->lock, old);
}

void *
ndis_slab_get(struct ndis_slab *slab)
{
    struct ke_thread *self = ke_self();
    KIRQL old = ke_raise_dispatch(self);
    struct slab_processor *own = &slab->processor[self->processor->number];
    struct slab_node *node = NULL;
    if (__builtin_expect(own->free != NULL, 1) || slab_refill(slab, own)) {
        node = own->free;
        own->free = node->next;
        own->count--;
        own->gets++;
        SLAB_UNPOISON(node, slab->bytes);
    }
    ke_lower(self, old);
    return node;
}

void
ndis_slab_put(struct ndis_slab *slab, void *block)
{
    struct ke_thread *self = ke_self();
    KIRQL old = ke_raise_dispatch(self);
    struct slab_processor *own = &slab->processor[self->processor->number];
    struct slab_node *node = block;
    node->next = own->free;
    own->free = node;
    own->puts++;
    SLAB_POISON((uint8_t *)block + sizeof *node, slab->bytes - sizeof *node);
    if (__builtin_expect(++own->count > SLAB_KEEP, 0))
        slab_spill(slab, own);
    ke_lower(self, old);
}
